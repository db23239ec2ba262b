"""A step of training with hints: the same color loss, with colors told at random places."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..losses import color_loss
from ..training import Trainer
from .drawing import draw_hints

__all__ = ["HintTrainer"]


class HintTrainer(Trainer):
    """A `Trainer` whose generator is a `HintUNet`: what is drawn depends on seed, step and process alone."""

    def color_step(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        """The generator moves toward the colors to aim at, of which it is told some."""
        numbers = (self.recipe.seed, self.step, self.accelerator.process_index, 9)
        seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1
        target, hints = draw_hints(ab, self.recipe.hints, torch.Generator().manual_seed(seed))
        hints = hints.contiguous(memory_format=torch.channels_last)
        loss = color_loss(self.generator(L, hints), target, self.recipe.color_kind)
        norm = self.descend(self.generator, self.g_optimizer, loss)
        return {"color": loss.detach(), "norm": norm}

    @torch.no_grad()
    def update_average(self) -> None:
        """As ever, but what BatchNorm remembers is averaged, too: batches are small, and one says little."""
        before = [buffer.clone() for buffer in self.average.buffers()]
        super().update_average()
        for mine, old in zip(self.average.buffers(), before, strict=True):
            if mine.is_floating_point():
                decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
                mine.copy_(old.lerp(mine, 1 - decay))
