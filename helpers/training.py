"""Train a colorizer: regress color, let the critic catch up, then a short game. Chapter 5 writes this loop by hand.

    python -m helpers.training --preset cpu --protocol official --out runs/name
    accelerate launch -m helpers.training --preset gpu --protocol large --out runs/name   # several GPUs
    accelerate launch --cpu --num_processes 2 -m helpers.training --preset smoke --out runs/name   # or with torchrun

The same command again goes on where it stopped. Measured: stopped after any step and continued, it ends with the same
bits on a CPU, with as many threads and processes; several processes learn what one learns (tests/test_together.py).
With equal networks it trains on 38.0 photos a second, the usual script on 12.0 (tests/benchmarks/RESULTS.md).

Three phases (NoGAN, after DeOldify), the loss of the third after Isola et al. 2016, eq. 4:
  color:  the generator alone, on the distance of ab. It learns everything but courage.
  critic: the critic alone, on the pictures of a generator that stands still, so that the game starts fair.
  gan:    both, for a short while. The adversarial term brings the color that the color phase averages away.

What is kept on disk, and how a run goes on, is in runs.py.
"""

from __future__ import annotations

import copy
import math
import sys
from collections import Counter
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from .backstage.sharing import mean_of_all, share_statistics
from .classification import class_loss, color_prior, rebalancing
from .data import Photos, batches
from .losses import color_loss, discriminator_loss, generator_loss
from .models import PatchGAN, parameter_groups
from .recipe import PRESETS, Recipe, choose_precision, choose_preset, new_generator

__all__ = ["PRESETS", "Recipe", "Trainer", "TrainingDiverged", "choose_precision", "choose_preset"]


class TrainingDiverged(RuntimeError):
    """A loss or gradient stopped being a number. The message says when."""


class Trainer:
    """Two networks, their optimizers, the moving average, and a step of each kind. Built in chapter 5.

    recipe: all hyperparameters. accelerator: device, mixed precision and other processes (Hugging Face Accelerate).
    generator, critic: networks in place of the recipe's. `step` counts the steps taken; the schedule follows it.

        trainer = Trainer(recipe, Accelerator(mixed_precision=choose_precision()))
        for step in trainer.steps(photos, recipe.total_steps): ...  # look in, save, stop; keep trainer.average
    """

    def __init__(
        self,
        recipe: Recipe,
        accelerator: Accelerator,
        generator: nn.Module | None = None,
        critic: nn.Module | None = None,
    ):
        self.recipe, self.accelerator, self.step = recipe, accelerator, 0
        self.rarity: Tensor | None = None  # what a pixel of each color counts, where colors are chosen
        torch.manual_seed(recipe.seed)
        generator = generator or new_generator(recipe)
        critic = critic or PatchGAN(recipe.critic_width, recipe.critic_layers)
        generator, critic = (m.to(memory_format=torch.channels_last) for m in (generator, critic))
        # In a game weights circle and never come to rest: the generator to keep is the average of the last ones.
        self.average = copy.deepcopy(generator).requires_grad_(False).eval().to(accelerator.device)
        # fused: one kernel for all weights. No decay in the game: it has no overfitting to fight.
        weights, decay = parameter_groups(generator, recipe.lr_encoder / recipe.lr), recipe.weight_decay
        g_optimizer = torch.optim.AdamW(weights, recipe.lr, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        d_optimizer = torch.optim.Adam(critic.parameters(), recipe.lr_critic, betas=(0.0, 0.99), fused=True)
        # Kept beside the wrapped ones: Accelerate's `unwrap_model` would switch mixed precision off for good.
        self.plain_generator, self.plain_critic = share_statistics(generator, accelerator), critic
        wrapped = accelerator.prepare(generator, critic, g_optimizer, d_optimizer)
        self.generator, self.critic, self.g_optimizer, self.d_optimizer = wrapped
        self.pending: list[dict[str, Tensor]] = []  # losses not yet looked at, one dict a step
        self.sums, self.counts = Counter(), Counter()  # of each loss since the last report

    def steps(self, photos: Photos, last: int) -> Iterator[int]:
        """Train until `last` steps are taken, from wherever it stands; yields the number taken after each."""
        recipe, share = self.recipe, (self.step, self.accelerator.process_index, self.accelerator.num_processes)
        if recipe.color_kind == "classes":
            bins = self.plain_generator.bins
            self.rarity = rebalancing(color_prior(photos, bins), bins, mix=recipe.mix)
        stream = batches(photos, recipe.batch_size, recipe.size_at, recipe.seed, *share, self.accelerator.device)
        while self.step < last:
            self.take_step(*next(stream))
            yield self.step

    def take_step(self, L: Tensor, ab: Tensor) -> None:
        """One step of whichever phase it is; L (N, 1, H, W) and ab (N, 2, H, W), scaled."""
        phase, rates = self.recipe.phase(self.step), self.recipe.learning_rates(self.step)
        for optimizer, rate in zip((self.g_optimizer, self.d_optimizer), rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("scale", 1.0)
        L, ab = (t.contiguous(memory_format=torch.channels_last) for t in (L, ab))
        self.generator.train(phase != "critic")  # one that stands still must not even change its BatchNorm
        self.critic.train()
        losses = self.color_step(L, ab) if phase == "color" else self.game_step(L, ab, phase == "gan")
        self.pending.append(mean_of_all(losses, self.accelerator))
        self.step += 1
        if phase != "critic":
            self.update_average()

    def color_step(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        """The generator moves toward the true color; one that chooses, toward the true bins (chapter 10)."""
        if self.recipe.color_kind == "classes":
            loss = class_loss(self.generator(L, logits=True), ab, self.plain_generator.bins, self.rarity)
        else:
            loss = color_loss(self.generator(L), ab, self.recipe.color_kind)
        norm = self.descend(self.generator, self.g_optimizer, loss)
        return {"color": loss.detach(), "norm": norm}

    def game_step(self, L: Tensor, ab: Tensor, plays: bool) -> dict[str, Tensor]:
        """The critic's move; if the generator plays, then its answer, on the same fakes."""
        with torch.set_grad_enabled(plays):
            fake = self.generator(L).float()
        losses = self.critic_step(L, ab, fake)
        if plays:
            answer = self.generator_step(L, ab, fake)
            losses |= answer | {"norm": losses["norm"] + answer["norm"]}
        return losses

    def critic_step(self, L: Tensor, ab: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The critic learns to tell true ab from fake, which it gets detached: the generator does not move."""
        # One pass over both together: half the calls, and one set of statistics.
        logits = self.critic(torch.cat([L, L]), torch.cat([ab, fake.detach()])).float()
        on_real, on_fake = logits.chunk(2)
        loss = discriminator_loss(on_real, on_fake, self.recipe.adversarial)
        right = ((on_real > 0).float().mean() + (on_fake < 0).float().mean()) / 2
        norm = self.descend(self.critic, self.d_optimizer, loss)
        return {"critic": loss.detach(), "critic_right": right.detach(), "norm": norm}

    def generator_step(self, L: Tensor, ab: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The generator moves toward "called real" by the new critic, and is held near the true color."""
        critic = self.plain_critic.requires_grad_(False)  # it judges, and must not learn from this
        with self.accelerator.autocast():
            logits = critic(L, fake)
        adversarial = generator_loss(logits, self.recipe.adversarial)
        color = color_loss(fake, ab, self.recipe.color_kind)
        norm = self.descend(self.generator, self.g_optimizer, adversarial + self.recipe.color_weight * color)
        critic.requires_grad_(True)
        return {"color": color.detach(), "adversarial": adversarial.detach(), "norm": norm}

    def descend(self, model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        """One step down; returns the length of the gradient before it was clipped."""
        optimizer.zero_grad()
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(model.parameters(), self.recipe.clip_norm)
        optimizer.step()
        return norm.detach()

    @torch.no_grad()
    def update_average(self) -> None:
        """Exponential moving average: `decay` of the old average and 1 - `decay` of the new weights."""
        model = self.plain_generator
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))  # a short memory at first
        torch._foreach_lerp_(list(self.average.parameters()), list(model.parameters()), 1 - decay)
        for mine, theirs in zip(self.average.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)  # what BatchNorm remembers

    # ------------------------------------------------------------------------- how it goes, and its state

    def mean_losses(self, forget: bool = False) -> dict[str, float]:
        """Means since the last call with `forget`; TrainingDiverged if one is no number. Waits for the GPU."""
        for losses in self.pending:
            self.sums.update({name: value.item() for name, value in losses.items()})
            self.counts.update(losses.keys())
        self.pending.clear()
        # fp16 with a scaler skips overflowing steps by itself: there an infinite norm is no accident.
        scaled = self.accelerator.mixed_precision == "fp16"
        bad = [n for n, value in self.sums.items() if not (math.isfinite(value) or (scaled and n == "norm"))]
        if bad:
            words = " and ".join("gradient" if name == "norm" else f"{name} loss" for name in bad)
            raise TrainingDiverged(
                f"training broke down before step {self.step} ({self.recipe.phase(self.step - 1)} phase): the {words} "
                "is no longer a number; try a lower learning rate"
            )
        means = {name: self.sums[name] / self.counts[name] for name in self.sums}
        if forget:
            self.sums, self.counts = Counter(), Counter()
        return means

    def _parts(self) -> dict:
        parts = {"generator": self.plain_generator, "critic": self.plain_critic, "average": self.average}
        parts |= {"g_optimizer": self.g_optimizer, "d_optimizer": self.d_optimizer}
        scaler = self.accelerator.scaler  # of fp16 losses
        return parts | ({"scaler": scaler} if scaler else {})

    def state(self) -> dict:
        """Everything needed to go on, as `torch.save` takes it. No random state: the step fixes the batches."""
        numbers = {"step": self.step, "sums": dict(self.sums), "counts": dict(self.counts)}
        return {name: part.state_dict() for name, part in self._parts().items()} | numbers

    def load(self, state: dict) -> None:
        """Go on from what `state` gave."""
        for name, part in self._parts().items():
            if name != "scaler" or state.get(name):  # which only fp16 has
                part.load_state_dict(state[name])
        self.step, self.sums, self.counts = state["step"], Counter(state["sums"]), Counter(state["counts"])


if __name__ == "__main__":
    from .cli import main  # the one door from here to what is built on this file, so that its name is the command

    sys.exit(main())
