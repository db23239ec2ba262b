"""helpers.training: the kinds of step, the moving average, mixed precision, losses that are no number."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from helpers.data import drawn_photos
from helpers.models import UNet
from helpers.training import PRESETS, Trainer, TrainingDiverged

SMOKE = PRESETS["smoke"]


@pytest.fixture(scope="module")
def flowers():
    return drawn_photos(64, SMOKE.load_size, 1)


def trainer_of(recipe):
    return Trainer(recipe, Accelerator(cpu=True))


def weights(model):
    return [p.detach().clone() for p in model.state_dict().values()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", ["l1", "l2", "smooth_l1", "classes"])
def test_training_learns(kind, flowers):
    recipe = replace(SMOKE, color_steps=60, critic_steps=0, gan_steps=0, color_kind=kind)
    trainer, means = trainer_of(recipe), []
    for step in trainer.steps(flowers, 60):
        if step % 20 == 0:
            means.append(trainer.mean_losses(forget=True)["color"])
    least = 0.8 if kind == "classes" else 0.7  # the share of a color that other bins get is never learned away
    assert means[2] < least * means[0]


def test_who_moves_in_which_phase(flowers):
    """The critic's phase leaves the generator alone, with its BatchNorm and its average."""
    trainer = trainer_of(SMOKE)
    moved = {"color": (True, True, False), "critic": (False, False, True), "gan": (True, True, True)}
    before = None
    for step in trainer.steps(flowers, SMOKE.total_steps):
        after = [weights(m) for m in (trainer.plain_generator, trainer.average, trainer.plain_critic)]
        if before:
            changed = tuple(not same(a, b) for a, b in zip(before, after, strict=True))
            assert changed == moved[SMOKE.phase(step - 1)], step
        before = after
    assert all(p.requires_grad for p in trainer.plain_critic.parameters())


@pytest.mark.parametrize(("step", "decay"), [(0, 1 / 5.5), (3, 5 / 14), (500, 0.9)])
def test_the_average_warms_up(step, decay, flowers):
    """After step number n the average keeps min(ema_decay, (1 + n) / (10 + n)) of itself: little of a random start."""
    recipe = replace(SMOKE, color_steps=1000, ema_decay=0.9)
    trainer = trainer_of(recipe)
    trainer.step = step
    old = [p.clone() for p in trainer.average.parameters()]
    next(trainer.steps(flowers, 1000))
    for mine, start, new in zip(trainer.average.parameters(), old, trainer.plain_generator.parameters(), strict=True):
        torch.testing.assert_close(mine, decay * start + (1 - decay) * new.detach(), rtol=1e-4, atol=1e-6)
    assert same(trainer.average.buffers(), trainer.plain_generator.buffers())


def test_small_steps_train_at_half_size(flowers, monkeypatch):
    recipe, sizes, step = replace(SMOKE, small_steps=5), [], Trainer.color_step
    monkeypatch.setattr(Trainer, "color_step", lambda self, L, ab: sizes.append(L.shape[-1]) or step(self, L, ab))
    list(trainer_of(recipe).steps(flowers, recipe.color_steps))
    assert sizes == [SMOKE.size // 2] * 5 + [SMOKE.size] * (SMOKE.color_steps - 5)


def test_losses_are_means_over_the_steps_that_had_them(flowers):
    """A report may span the critic's phase and the game: each loss is divided by its own number of steps."""
    trainer, taken = trainer_of(SMOKE), []
    for _ in trainer.steps(flowers, SMOKE.total_steps):
        taken.append(dict(trainer.pending[-1]))
    means = trainer.mean_losses(forget=True)
    for name in ("color", "critic", "critic_right", "adversarial", "norm"):
        values = [losses[name].item() for losses in taken if name in losses]
        assert means[name] == pytest.approx(sum(values) / len(values), rel=1e-6)
    assert [name for name in taken[-1]] == ["critic", "critic_right", "norm", "color", "adversarial"]
    assert trainer.mean_losses() == {}


def test_each_loss_that_is_no_number_is_named(flowers):
    trainer = trainer_of(SMOKE)
    list(trainer.steps(flowers, SMOKE.color_steps))
    trainer.mean_losses()
    with torch.no_grad():
        next(trainer.plain_critic.parameters())[0] = math.nan
    list(trainer.steps(flowers, SMOKE.color_steps + 1))
    with pytest.raises(TrainingDiverged, match=r"before step 9 \(critic phase\): the gradient and critic loss is no"):
        trainer.mean_losses()


def test_mixed_precision_stays_on(flowers, monkeypatch):
    """Unwrapping a model of Accelerate's once switched it off after the first step."""
    seen = []

    def watch(module, inputs, output):
        if module.training:
            seen.append(output.dtype)

    def watched(*args):
        model = UNet(*args)
        model.encoder[1][0].register_forward_hook(watch)
        return model

    monkeypatch.setattr("helpers.recipe.UNet", watched)
    trainer = Trainer(SMOKE, Accelerator(mixed_precision="bf16", cpu=True))
    list(trainer.steps(flowers, SMOKE.total_steps))
    assert len(seen) == SMOKE.color_steps + SMOKE.gan_steps and set(seen) == {torch.bfloat16}


def test_fewer_photos_than_a_batch_are_refused(flowers):
    with pytest.raises(ValueError, match="16"):
        next(trainer_of(SMOKE).steps(flowers.subset(range(15)), 1))


def test_the_module_is_a_door_to_the_command():
    call = [sys.executable, "-m", "helpers.training", "--help"]
    repository = Path(__file__).parent.parent
    done = subprocess.run(call, cwd=repository, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"})
    assert done.returncode == 0 and "usage: python -m helpers.training" in done.stdout, done.stderr
