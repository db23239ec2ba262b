"""A step of training with hints: the same color loss, with colors told at random places."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from ..losses import color_loss
from ..recipe import Recipe
from ..training import Trainer
from .drawing import draw_hints

__all__ = ["HintTrainer", "hints_of_step"]


def hints_of_step(ab: Tensor, recipe: Recipe, step: int, accelerator: Accelerator) -> tuple[Tensor, Tensor]:
    """What `draw_hints` gives for this process's photos, ab (N, 2, H, W): as one process with all of them would draw.

    For a photo may be told a color of the next one, which another process has.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    seed = int(np.random.SeedSequence((recipe.seed, step, 0, 9)).generate_state(1, np.uint64)[0]) >> 1
    # each process has every `world`-th photo of the batch
    together = accelerator.gather(ab).unflatten(0, (world, -1)).transpose(0, 1).flatten(0, 1)
    target, hints = draw_hints(together, recipe.hints, torch.Generator().manual_seed(seed))
    return target[rank::world], hints[rank::world].contiguous(memory_format=torch.channels_last)


class HintTrainer(Trainer):
    """A `Trainer` whose generator is a `HintUNet`: what is drawn depends on seed and step alone."""

    def color_step(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        """The generator moves toward the colors to aim at, of which it is told some."""
        target, hints = hints_of_step(ab, self.recipe, self.step, self.accelerator)
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
