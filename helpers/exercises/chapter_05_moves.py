"""Checks for the two moves of the game, chapter 5: how they move two small networks. The truth is autograd's."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .hints import Hint, ask, compare, numbers
from .moves import Alone


class _Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Conv2d(3, 1, 3)

    def forward(self, L, ab):
        return self.net(torch.cat([L, ab], 1))


def _stage():
    """A Trainer with two networks of one layer, whose steps are the gradient itself, and a batch: (trainer, L, ab)."""
    from dataclasses import replace

    from ..recipe import PRESETS
    from ..training import Trainer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        generator, critic = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh()), _Critic()
        L, ab = torch.randn(4, 1, 6, 6), torch.randn(4, 2, 6, 6)
        trainer = Trainer(replace(PRESETS["smoke"], color_weight=3.0, clip_norm=1e6), Alone(), generator, critic)
    trainer.g_optimizer, trainer.d_optimizer = (torch.optim.SGD(m.parameters(), 1.0) for m in (generator, critic))
    return trainer, L, ab


def _flat(tensors) -> np.ndarray:
    return np.concatenate([t.detach().double().flatten().numpy() for t in tensors])


def _moved(returned, critic=None, generator=None) -> np.ndarray:
    """What a move returned, and how far the weights of both networks went: down these losses (None: they stay).

    returned, critic, generator: take the trainer, L, ab and fake; the first gives numbers, the others a loss.
    """
    trainer, L, ab = _stage()
    parts = [np.array(returned(trainer, L, ab, trainer.generator(L)), dtype=np.float64)]
    for network, loss in ((trainer.critic, critic), (trainer.generator, generator)):
        weights = list(network.parameters())
        if loss is None:
            parts.append(0 * _flat(weights))
        else:
            parts.append(-_flat(torch.autograd.grad(loss(trainer, L, ab, trainer.generator(L)), weights)))
    return np.concatenate(parts)


def _ask_move(function, shape: tuple, shapes: dict) -> tuple:
    """(what `_moved` says of the student's move, its trainer, the fakes it was given)."""
    trainer, L, ab = _stage()
    fake, networks = trainer.generator(L), (trainer.critic, trainer.generator)
    before = [_flat(network.parameters()) for network in networks]
    returned = ask(function, trainer, L, ab, fake)
    if isinstance(returned, tuple | list):
        returned = [part.item() if getattr(part, "ndim", None) == 0 else part for part in returned]
    got = [np.atleast_1d(numbers(returned, shape, what="what it returns", wrong_shapes=shapes))]
    got += [_flat(network.parameters()) - old for network, old in zip(networks, before, strict=True)]
    return np.concatenate(got), trainer, fake


def _where(names: tuple[str, ...]):
    def words(place: tuple) -> str:
        i = place[0] - len(names)
        return (
            f"{names[place[0]]} is off:" if i < 0 else f"in how far {('the critic', 'the generator')[i >= 28]} moved,"
        )

    return words


def _judged(t, L, ab, fake):  # the logits of the true colors and of the fakes
    return t.critic(L, ab), t.critic(L, fake)


def _hinge(t, L, ab, fake):
    real, fakes = _judged(t, L, ab, fake)
    return F.relu(1 - real).mean() + F.relu(1 + fakes).mean()


def _real_half(t, L, ab, fake):
    return F.relu(1 - t.critic(L, ab)).mean()


def _fake_half(t, L, ab, fake):
    return F.relu(1 + t.critic(L, fake)).mean()


def _swapped(t, L, ab, fake):
    real, fakes = _judged(t, L, ab, fake)
    return F.relu(1 + real).mean() + F.relu(1 - fakes).mean()


def _bce(t, L, ab, fake):
    real, fakes = _judged(t, L, ab, fake)
    return F.softplus(-real).mean() + F.softplus(fakes).mean()


def _value(loss):
    return lambda *given: [loss(*given).item()]


def check_critic_step(function) -> str:
    """05-2: trainer, L, ab, fake -> the critic's loss, after one step of the critic, and of nobody else."""
    right = _value(_hinge)
    mistakes = {
        "the labels are swapped: discriminator_loss takes the logits of the true colors first": (
            _moved(_value(_swapped), _swapped)
        ),
        "this learns from the true colors alone: it must see the fakes, too": _moved(_value(_real_half), _real_half),
        "this learns from the fakes alone: it must see the true colors, too": _moved(_value(_fake_half), _fake_half),
        "this is half the sum, as in pix2pix's code; here the critic's loss is the whole": (
            _moved(lambda *given: [_hinge(*given).item() / 2], lambda *given: _hinge(*given) / 2)
        ),
        "this is bce of section 3; from here on it is hinge: discriminator_loss": _moved(_value(_bce), _bce),
        "the loss is right, but the critic has not moved: descend takes the critic, its optimizer and the loss": (
            _moved(right)
        ),
        "the critic went up its loss: give descend the loss itself, not minus it": (
            _moved(right, lambda *given: -_hinge(*given))
        ),
        "the loss is right, but it was the generator that moved: it is the critic's turn": (
            _moved(right, None, _hinge)
        ),
    }
    shapes = {(2,): "two numbers came back: the critic's loss is one", (4, 1, 4, 4): "logits came back, not a loss"}
    got, _, fake = _ask_move(function, (), shapes)
    compare(got, _moved(right, _hinge), mistakes, 1e-4, _where(("the loss it returns",)))
    try:
        fake.sum().backward()
    except RuntimeError:  # what autograd keeps for a way back is gone once it was walked
        raise Hint(
            "right for the critic, but its gradient ran on into the generator, and used up the way that the "
            "generator's move needs: fake.detach()"
        ) from None
    return f"right: {got[0]:.3f}, the critic has moved down its loss and the generator not at all"


def _adversarial(t, L, ab, fake):
    return -t.critic(L, fake).mean()


def _color(t, L, ab, fake):
    return (fake - ab).abs().mean()


def _down(adversarial=1.0, color=3.0, of=_adversarial, away=_color):
    return lambda *given: adversarial * of(*given) + color * away(*given)


def _both(of=_adversarial, away=_color):
    return lambda *given: [of(*given).item(), away(*given).item()]


def _saturating(t, L, ab, fake):  # log(1 - D)
    return -F.softplus(t.critic(L, fake)).mean()


def _non_saturating(t, L, ab, fake):  # -log D
    return F.softplus(-t.critic(L, fake)).mean()


def _uphill(t, L, ab, fake):
    return t.critic(L, fake).mean()


def _l2(t, L, ab, fake):
    return (fake - ab).square().mean()


def _of_truth(t, L, ab, fake):
    return -t.critic(L, ab).mean()


def check_generator_step(function) -> str:
    """05-3: trainer, L, ab, fake -> (adversarial, color), after one step of the generator, and of nobody else."""
    right = _both()
    mistakes = {
        "the sign is upside down: this painter works toward being called *fake*": (
            _moved(_both(_uphill), None, _down(of=_uphill))
        ),
        "both terms are there, but color counts trainer.recipe.color_weight times": _moved(right, None, _down(color=1)),
        "the weight stands before the wrong term: it belongs to color": (
            _moved(right, None, _down(adversarial=3, color=1))
        ),
        "the numbers are right, but only the critic's voice moved the painter: add the color term": (
            _moved(right, None, _down(color=0))
        ),
        "the numbers are right, but only the color term moved the painter: was `fake` detached? Here the gradient "
        "must run through the critic": _moved(right, None, _down(adversarial=0)),
        "the numbers are right, but nobody has moved: descend takes the generator, its optimizer and the loss": (
            _moved(right)
        ),
        "it was the critic that moved, toward being fooled: it judges here, and the generator moves": (
            _moved(right, _down())
        ),
        "the critic was asked about the true colors: it is to judge the fakes": (
            _moved(_both(_of_truth), None, _down(adversarial=0))
        ),
        "this is −log D of section 3; from here on it is hinge's partner: generator_loss": (
            _moved(_both(_non_saturating), None, _down(of=_non_saturating))
        ),
        "this goes down log(1 − D), which is flat where the critic is sure; take generator_loss": (
            _moved(_both(_saturating), None, _down(of=_saturating))
        ),
        "color comes back with its weight; return the bare distance, and weigh it only in the loss": (
            _moved(lambda *given: [_adversarial(*given).item(), 3 * _color(*given).item()], None, _down())
        ),
        "discriminator_loss is the critic's; the painter goes down generator_loss of the fakes' logits": (
            _moved(_both(_fake_half), None, _down(of=_fake_half))
        ),
        "color is the squared distance here; the course's is L1: color_loss": (
            _moved(_both(away=_l2), None, _down(away=_l2))
        ),
        "the two numbers have changed places: first adversarial, then color": (
            _moved(lambda *given: right(*given)[::-1], None, _down())
        ),
    }
    shapes = {(): "one number came back: return both parts, adversarial and color"}
    got, trainer, _ = _ask_move(function, (2,), shapes)
    compare(got, _moved(right, None, _down()), mistakes, 1e-4, _where(("adversarial", "color")))
    if not all(weight.requires_grad for weight in trainer.critic.parameters()):
        raise Hint("right, but the critic is left frozen, and its next move would fail: requires_grad_(True) again")
    return f"right: {got[0]:.3f} and {got[1]:.3f}, the generator has moved and the critic not at all"
