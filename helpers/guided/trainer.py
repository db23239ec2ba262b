"""A step of training with hints: the same color loss with colors told at random places, and many questions beside."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor

from ..backstage.listening import STRIDE
from ..backstage.sharing import mean_of_all
from ..losses import color_loss
from ..recipe import Recipe
from ..training import Trainer
from .drawing import draw_hints

__all__ = ["HintTrainer", "hints_of_step", "log_error"]


ASKED = 32  # places of each photo that are asked about at once


def hints_of_step(ab: Tensor, recipe: Recipe, step: int, accelerator: Accelerator) -> tuple[Tensor, Tensor, Tensor]:
    """What `draw_hints` gives for this process's photos, ab (N, 2, H, W): as one process with all of them would draw.

    For a photo may be told a color of the next one, which another process has. Beside it: `ASKED` places of each
    photo, drawn evenly, as shares of its cells, (N, ASKED).
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    seed = int(np.random.SeedSequence((recipe.seed, step, 0, 9)).generate_state(1, np.uint64)[0]) >> 1
    generator = torch.Generator().manual_seed(seed)
    # each process has every `world`-th photo of the batch
    together = accelerator.gather(ab).unflatten(0, (world, -1)).transpose(0, 1).flatten(0, 1)
    target, hints = draw_hints(together, recipe.hints, generator)
    places = torch.rand(len(together), ASKED, generator=generator).to(ab.device)
    return target[rank::world], hints[rank::world].contiguous(memory_format=torch.channels_last), places[rank::world]


def log_error(painted: Tensor, truth: Tensor) -> Tensor:
    """Mean of the logarithm of each painting's squared error, which is what PSNR counts; a scalar.

    painted and truth (N, G, 2, cells), scaled. An error of half a Lab unit, which nobody sees, ends it.
    """
    return ((painted - truth).square().mean((2, 3)) + 2e-5).log().mean()


class HintTrainer(Trainer):
    """A `Trainer` whose generator is a `HintUNet`: what is drawn depends on seed and step alone."""

    def color_step(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        """The generator moves toward the colors to aim at, of which it is told some; and learns what is alike.

        Of one painting with a few hints, likeness learns little. So it is asked about `ASKED` places at once: what if
        the true color of this one alone were told, of these two, of these four, …? Seeing, which costs most, is shared.
        """
        target, hints, places = hints_of_step(ab, self.recipe, self.step, self.accelerator)
        step = 2**self.plain_generator.depth
        padded = F.pad(ab, (0, -ab.shape[-1] % step, 0, -ab.shape[-2] % step), mode="replicate")  # as L is
        truth = F.avg_pool2d(padded, STRIDE)
        at = (places * truth[0, 0].numel()).long()
        painted, answers = self.generator(L, hints, None, (truth, at))
        color = color_loss(painted, target, self.recipe.color_kind)
        alike = sum(log_error(some, truth.flatten(2)[:, None]) for some in answers) / len(answers)
        # The slope of a logarithm, as the other has one: so both count alike. Of all processes' mean, as one would.
        whole = mean_of_all({"color": color.detach()}, self.accelerator)["color"]
        norm = self.descend(self.generator, self.g_optimizer, color / whole.clamp(min=1e-4) + alike)
        return {"color": color.detach(), "norm": norm}

    @torch.no_grad()
    def update_average(self) -> None:
        """As ever, but what BatchNorm remembers is averaged, too: batches are small, and one says little."""
        before = [buffer.clone() for buffer in self.average.buffers()]
        super().update_average()
        for mine, old in zip(self.average.buffers(), before, strict=True):
            if mine.is_floating_point():
                decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
                mine.copy_(old.lerp(mine, 1 - decay))
