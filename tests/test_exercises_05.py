"""The exercises of chapter 5: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.data import drawn_photos
from helpers.exercises import OURS, check, duel, mysteries, trainer_with
from helpers.losses import color_loss, discriminator_loss, generator_loss
from helpers.models import UNet
from helpers.recipe import PRESETS
from helpers.runs import load_or_train
from helpers.training import Trainer

RIGHT = {"A": "no L1", "B": "healthy", "C": "learning rate too high", "D": "critic too strong"}


def _xlogx(p, ratio):
    return -p * np.log(np.where(p > 0, ratio, 1))


def _best(p, q):
    return (_xlogx(p, p / (p + q)) + _xlogx(q, q / (p + q))).sum()


def _nan(p, q):
    return (-p * np.log(p / (p + q)) - q * np.log(q / (p + q))).sum()


def _critic(network="critic", optimizer="d_optimizer", loss=None, back=None, detach=True, sign=1):
    """The critic's move, or one that is off in some respect. loss: of the logits on real and on fake."""
    loss = loss or discriminator_loss

    def critic_step(trainer, L, ab, fake):
        fakes = fake.detach() if detach else fake
        value = loss(trainer.critic(L, ab), trainer.critic(L, fakes))
        trainer.descend(getattr(trainer, network), getattr(trainer, optimizer), sign * value)
        return back(value) if back else value

    return critic_step


def _at_once(trainer, L, ab, fake):
    """As the course's: one pass over both."""
    logits = trainer.critic(torch.cat([L, L]), torch.cat([ab, fake.detach()]))
    loss = discriminator_loss(*logits.chunk(2))
    trainer.descend(trainer.critic, trainer.d_optimizer, loss)
    return loss.item()


def _painter(
    network="generator", optimizer="g_optimizer", of=generator_loss, away=color_loss, detach=False, truth=False,
    weights=(1, None), back=lambda adversarial, color: (adversarial, color),
):  # fmt: skip
    """The generator's move, or one that is off in some respect. weights: of both terms, None for the recipe's."""

    def generator_step(trainer, L, ab, fake):
        adversarial = of(trainer.critic(L, ab if truth else fake.detach() if detach else fake))
        color = away(fake, ab)
        first, second = (trainer.recipe.color_weight if weight is None else weight for weight in weights)
        loss = first * adversarial + second * color
        trainer.descend(getattr(trainer, network), getattr(trainer, optimizer), loss)
        return back(adversarial, color)

    return generator_step


def _still(trainer, L, ab, fake):
    return generator_loss(trainer.critic(L, fake)), color_loss(fake, ab)


def _frozen(trainer, L, ab, fake):
    trainer.critic.requires_grad_(False)
    return _painter()(trainer, L, ab, fake)


CASES = {
    "05-1": (
        _best,
        lambda p, q: None,
        [
            (_nan, "0 times log 0 is nan"),
            (lambda p, q: -_nan(p, q), "upside down"),
            (lambda p, q: _nan(p, q) / 2, "is their *sum*"),
            (lambda p, q: (-p * np.log(p / (p + q)) - q * np.log(q / (p + q))).mean(), "mean over the things"),
            (lambda p, q: (-p * np.log(p / (p + q))).sum(), "real half alone"),
            (lambda p, q: (-q * np.log(q / (p + q))).sum(), "fake half alone"),
            (lambda p, q: _nan(p, q) / np.log(2), "base 2"),
            (lambda p, q: (-np.log(p / (p + q)) - np.log(q / (p + q))).sum(), "as often as it occurs"),
            (lambda p, q: (-p * np.log(q / (p + q)) - q * np.log(p / (p + q))).sum(), "changed places"),
            (lambda p, q: 2 * np.log(2), "coin flip, D = 1/2"),
            (lambda p, q: (-p * np.log(p) - q * np.log(1 - p)).sum(), "D = p is no critic"),
            (lambda p, q: 0.0, "not yet"),
            (lambda p, q: p, "shape"),
        ],
    ),
    "05-2": (
        _critic(),
        lambda trainer, L, ab, fake: None,
        [
            (_critic(detach=False), "ran on into the generator"),
            (_critic(loss=lambda real, fake: discriminator_loss(fake, real)), "labels are swapped"),
            (_critic(loss=lambda real, fake: F.relu(1 - real).mean()), "true colors alone"),
            (_critic(loss=lambda real, fake: F.relu(1 + fake).mean()), "fakes alone"),
            (_critic(loss=lambda real, fake: discriminator_loss(real, fake) / 2), "half the sum"),
            (_critic(loss=lambda real, fake: discriminator_loss(real, fake, "bce")), "bce of section 3"),
            (lambda t, L, ab, fake: discriminator_loss(t.critic(L, ab), t.critic(L, fake)), "has not moved"),
            (_critic(sign=-1), "went up its loss"),
            (_critic("generator", "g_optimizer", detach=False), "it was the generator that moved"),
            (_critic(back=lambda loss: (loss, loss)), "two numbers came back"),
            (_critic(back=lambda loss: torch.zeros(4, 1, 4, 4)), "logits came back"),
            (_critic(back=lambda loss: loss + 1), "not yet: the loss it returns is off:"),
            (_critic(sign=3), "not yet: in how far the critic moved,"),
            (lambda t, L, ab, fake: t.critic(ab), "it stopped in line 1"),
        ],
    ),
    "05-3": (
        _painter(),
        lambda trainer, L, ab, fake: None,
        [
            (_painter(of=lambda logits: logits.mean()), "called *fake*"),
            (_painter(weights=(1, 1)), "trainer.recipe.color_weight times"),
            (_painter(weights=(None, 1)), "before the wrong term"),
            (_painter(weights=(1, 0)), "add the color term"),
            (_painter(detach=True), "was `fake` detached?"),
            (_still, "nobody has moved"),
            (_painter("critic", "d_optimizer"), "it was the critic that moved"),
            (_painter(truth=True), "asked about the true colors"),
            (_painter(of=lambda logits: generator_loss(logits, "bce")), "−log D of section 3"),
            (_painter(of=lambda logits: -F.softplus(logits).mean()), "goes down log(1 − D)"),
            (_painter(away=lambda fake, ab: color_loss(fake, ab, "l2")), "squared distance"),
            (_painter(back=lambda adversarial, color: (adversarial, 3 * color)), "comes back with its weight"),
            (_painter(of=lambda logits: F.relu(1 + logits).mean()), "discriminator_loss is the critic's"),
            (_painter(back=lambda adversarial, color: (color, adversarial)), "changed places"),
            (_painter(back=lambda adversarial, color: adversarial + color), "one number came back"),
            (_painter(back=lambda adversarial, color: (adversarial + 1, color)), "not yet: adversarial is off:"),
            (_painter(back=lambda adversarial, color: (adversarial, color + 1)), "not yet: color is off:"),
            (_painter(weights=(1, 20)), "not yet: in how far the generator moved,"),
            (_frozen, "left frozen"),
            (lambda t, L, ab, fake: t.descend(t.generator, t.g_optimizer), "it stopped in line 1"),
        ],
    ),
    "05-4": (
        RIGHT,
        dict.fromkeys("ABCD"),
        [
            (
                RIGHT | {"A": "healthy", "B": "no L1"},
                "2 of 4 are right. Look at A again: the generator's loss is the best",
            ),
            (RIGHT | {"B": "critic too strong", "D": "healthy"}, "Look at B again: the critic's loss comes back up"),
            (RIGHT | {"C": "critic too strong", "D": "learning rate too high"}, "Look at C again: within the first"),
            (RIGHT | {"D": "healthy"}, "3 of 4 are right. Look at D again: the critic's loss goes on falling"),
            (RIGHT | {"B": None}, "B: None is none of the four names"),
            (RIGHT | {"C": "mode collapse"}, "'mode collapse' is none of the four names"),
            ({"A": "no L1"}, "these are A"),
            ({}, "these are none"),
            (list(RIGHT.values()), "a dictionary is wanted"),
        ],
    ),
}


def test_each_recorded_game_shows_what_its_name_says():
    games = {RIGHT[letter]: history for letter, history in mysteries().items()}
    assert all([entry["step"] for entry in history] == list(range(600, 1001, 50)) for history in games.values())
    assert all(history[0].keys() == {"step", "val_delta_e", "val_colorfulness"} for history in games.values())
    last = {name: history[-1] for name, history in games.items()}
    assert min(last, key=lambda name: last[name]["critic"]) == "critic too strong"
    assert min(last, key=lambda name: last[name]["adversarial"]) == "no L1"
    assert max(last, key=lambda name: last[name]["val_delta_e"]) == "no L1"
    assert min(games, key=lambda name: games[name][3]["val_colorfulness"]) == "learning rate too high"


# ------------------------------------------------------------------------------- the moves in the course's trainer

OWN = {
    "two passes": (_critic(), _painter()),
    "one pass, frozen critic": (_at_once, OURS["05-3"]),
}


def test_both_ways_to_ask_the_critic_pass():
    assert check("05-2", _at_once) == "done" == check("05-2", OURS["05-2"]) == check("05-3", OURS["05-3"])


def test_the_courses_own_moves_are_the_trainer_itself():
    assert trainer_with(OURS["05-2"], OURS["05-3"]) is Trainer
    assert trainer_with(_critic(), OURS["05-3"]).__name__ == "Yours"


@pytest.mark.parametrize("name", OWN)
def test_a_training_plays_with_the_students_moves(name, tmp_path, monkeypatch):
    """They are called, and what comes out is what the course's own bring."""
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path))
    recipe = replace(PRESETS["smoke"], color_steps=4, critic_steps=3, gan_steps=3, report_steps=3)
    photos, val, asked = drawn_photos(32, 32, 3), drawn_photos(8, 32, 4), []
    moves = [lambda *given, move=move: (asked.append(move), move(*given))[1] for move in OWN[name]]
    theirs = load_or_train(recipe, "ours", photos, val)
    yours = load_or_train(recipe, "yours", photos, val, kind=trainer_with(*moves))
    assert [asked.count(move) for move in OWN[name]] == [6, 3]
    for old, new in zip(theirs.history, yours.history, strict=True):
        assert old.keys() == new.keys()
        assert all(new[key] == pytest.approx(old[key], rel=0.05, abs=0.02) for key in old if key != "phase"), (old, new)


def test_a_duel_shows_the_critic_learning_and_the_painter_answering():
    torch.manual_seed(0)
    photos, painter = drawn_photos(6, 32, 5).images, UNet(8, 3)
    weights = [weight.clone() for weight in painter.parameters()]
    alone = duel(photos, painter, OURS["05-2"])
    answered = duel(photos, painter, OURS["05-2"], OURS["05-3"])
    assert alone[-1] > 0.1 + max(alone[0], answered[-1])
    assert all(map(torch.equal, weights, painter.parameters())), "a copy plays"
    yours = duel(photos, painter, _critic(), _painter())
    assert len(yours) == len(alone) == 30 and yours[-1] < alone[-1] - 0.1
