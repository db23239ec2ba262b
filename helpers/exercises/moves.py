"""The two moves of the game as a student writes them in chapter 5, put into the course's Trainer.

    kind = trainer_with(critic_step, generator_step)      # then load_or_train(recipe, name, ..., kind=kind)
    ahead = duel(photos, painter, critic_step)            # what they do in a few rounds, for a picture

critic_step(trainer, L, ab, fake) takes one step of the critic and returns its loss. generator_step takes the same, one
step of the generator, and returns (adversarial, color). L (N, 1, H, W), ab and fake (N, 2, H, W), scaled.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

__all__ = ["Alone", "duel", "our_critic_step", "our_generator_step", "trainer_with"]


def our_critic_step(trainer, L: Tensor, ab: Tensor, fake: Tensor) -> Tensor:
    from ..training import Trainer

    return Trainer.critic_step(trainer, L, ab, fake)["critic"]


def our_generator_step(trainer, L: Tensor, ab: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    from ..training import Trainer

    losses = Trainer.generator_step(trainer, L, ab, fake)
    return losses["adversarial"], losses["color"]


def trainer_with(critic_step: Callable, generator_step: Callable) -> type:
    """A `helpers.training.Trainer` that plays with these two moves: itself where both are the course's own.

    It is called Yours where they are not, so that a run can be kept under that name.
    """
    from ..training import Trainer  # brings Accelerate, which chapters 1 to 4 do without

    if (critic_step, generator_step) == (our_critic_step, our_generator_step):
        return Trainer

    class Yours(Trainer):
        norm = torch.zeros(())

        def descend(self, model, optimizer, loss):
            self.norm = super().descend(model, optimizer, loss)
            return self.norm

        def critic_step(self, L, ab, fake):
            seen = []  # (colors, logits) of each time that the critic is asked

            def look(_, given, named, logits):
                seen.append((given[1] if len(given) > 1 else named["ab"], logits.detach()))

            handle = self.plain_critic.register_forward_hook(look, with_kwargs=True)
            try:
                loss = critic_step(self, L, ab, fake)
            finally:
                handle.remove()
            return {"critic": number(loss), "critic_right": share_right(ab, seen), "norm": self.norm}

        def generator_step(self, L, ab, fake):
            adversarial, color = map(number, generator_step(self, L, ab, fake))
            return {"color": color, "adversarial": adversarial, "norm": self.norm}

    return Yours


def number(loss) -> Tensor:
    return torch.as_tensor(loss).detach()


def share_right(ab: Tensor, seen: list[tuple[Tensor, Tensor]]) -> Tensor:
    """How many of the patches a critic called what they are: those with the colors `ab` are real, all others fake."""
    right = []
    for colors, logits in seen:
        true = (colors == torch.cat([ab] * (len(colors) // len(ab)))).flatten(1).all(1)
        right.append(((logits > 0) == true.view(-1, 1, 1, 1)).float().mean())
    return torch.stack(right).mean() if right else torch.tensor(0.5)


class Alone:
    """What a Trainer asks of Accelerate, without it: one process on the CPU, in full precision."""

    device, mixed_precision, scaler, process_index, num_processes = torch.device("cpu"), "no", None, 0, 1

    def prepare(self, *parts):
        return parts

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip_grad_norm_(self, parameters, norm: float) -> Tensor:
        return nn.utils.clip_grad_norm_(parameters, norm)

    def autocast(self):
        return nullcontext()


def duel(photos: Tensor, painter: nn.Module, critic_step: Callable, generator_step: Callable | None = None) -> list:
    """30 rounds on one batch: after each, a new critic's mean logit of the true colors minus that of the painted ones.

    photos: uint8 (N, 3, H, W). painter: a copy of it plays; without generator_step it stands still.
    """
    from copy import deepcopy
    from dataclasses import replace

    from ..data import to_lab
    from ..models import PatchGAN
    from ..recipe import PRESETS

    (L, ab), ahead = to_lab(photos), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = deepcopy(painter).cpu().requires_grad_(True), PatchGAN(16, 2)
        kind = trainer_with(critic_step, generator_step or our_generator_step)
        trainer = kind(replace(PRESETS["smoke"], color_weight=10.0), Alone(), *networks)
    for optimizer, rate in ((trainer.g_optimizer, 3e-4), (trainer.d_optimizer, 1e-3)):
        optimizer.param_groups[0]["lr"] = rate
    trainer.generator.eval()
    for _ in range(30):
        trainer.game_step(L, ab, plays=generator_step is not None)
        with torch.no_grad():
            on_true, on_painted = (trainer.critic(L, colors).mean() for colors in (ab, trainer.generator(L)))
        ahead.append((on_true - on_painted).item())
    return ahead
