"""Which network with a pretrained encoder colors best for the same computing? Every entrant gets equal CPU time.

    FLOWERS102_ROOT=... python -m tests.benchmarks.encoders --budget 200                       # all, one seed
    FLOWERS102_ROOT=... python -m tests.benchmarks.encoders base "96 px" --seeds 1 2 --budget 200

The rules are race.py's: CPU seconds of one thread, steps measured first and then as many as fit, protocol `large`.
The entrants see photos of several sizes, so all are judged alike: each predicts ab at its own size, and that is
enlarged and put under the L of 192 px, as `Colorizer` does it; on the same val photos, which none has trained on.
What is no field of a recipe is a `Trainer` of its own here: classification (Zhang et al. 2016) and augmentation.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from dataclasses import asdict, dataclass, field, replace

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from helpers.classification import ClassPretrainedUNet, class_loss, color_prior, rebalancing
from helpers.data import batches, load_flowers, to_lab, to_rgb8
from helpers.metrics import judge
from helpers.recipe import PRESETS, PRETRAINED, Recipe, choose_precision
from helpers.training import Trainer

from .race import fit, keep, slug, start_all

SHOWN_AT, PHOTOS = 192, 512


class ClassTrainer(Trainer):
    """Cross-entropy over colors in place of L1; the game is played with the annealed mean."""

    balanced = False

    def __init__(self, recipe: Recipe, accelerator: Accelerator):
        torch.manual_seed(recipe.seed)
        super().__init__(
            recipe, accelerator, ClassPretrainedUNet.from_imagenet(recipe.encoder, recipe.width, recipe.frozen)
        )
        bins, photos = self.plain_generator.bins, load_flowers("train", 64, recipe.protocol)
        self.weights = rebalancing(color_prior(photos, bins), bins) if self.balanced else None

    def color_step(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        loss = class_loss(self.generator(L, logits=True), ab, self.plain_generator.bins, self.weights)
        norm = self.descend(self.generator, self.g_optimizer, loss)
        return {"color": loss.detach(), "norm": norm}


class BalancedTrainer(ClassTrainer):
    """Rare colors count more (Zhang et al. 2016, eq. 4, lambda = 1/2)."""

    balanced = True


class JitterTrainer(Trainer):
    """Brightness and contrast of L are changed a little, by lot, for each photo."""

    def take_step(self, L: Tensor, ab: Tensor) -> None:
        lot = torch.rand(2, len(L), 1, 1, 1, generator=torch.Generator().manual_seed(self.step))
        super().take_step((L * (0.85 + 0.3 * lot[0]) + 0.2 * (lot[1] - 0.5)).clamp(-1, 1), ab)


class ScaleTrainer(Trainer):
    """Crops of 60, 80 and 100 % of a larger photo, each scaled to the training size."""

    def steps(self, photos, last: int):
        recipe = self.recipe
        sides = [round(photos.size * share) for share in (0.6, 0.8, 1.0)]
        stream = batches(photos, recipe.batch_size, lambda step: sides[step % 3], recipe.seed, self.step)
        while self.step < last:
            size = recipe.size_at(self.step)
            batch = [F.interpolate(t, (size, size), mode="bilinear", antialias=True) for t in next(stream)]
            self.take_step(*batch)
            yield self.step


@dataclass(frozen=True)
class Entrant:
    """What differs from the `cpu` preset with an encoder; "small" is the share of time at half size."""

    changes: dict = field(default_factory=dict)
    trainer: type[Trainer] = Trainer
    base: Recipe = PRETRAINED["cpu"]


ENTRANTS = {
    "base": Entrant(),
    "from scratch (64 px, width 16, small 75 %)": Entrant({"small": 0.75}, base=PRESETS["cpu"]),
    "lite2": Entrant({"encoder": "lite2"}),
    "64 px": Entrant({"size": 64, "load_size": 80}),
    "96 px": Entrant({"size": 96, "load_size": 120}),
    "160 px": Entrant({"size": 160, "load_size": 200}),
    "224 px": Entrant({"size": 224, "load_size": 256}),
    "small 50 %": Entrant({"small": 0.5}),
    "nothing frozen": Entrant({"frozen": 0}),
    "5 of 7 stages frozen": Entrant({"frozen": 5}),
    "all frozen": Entrant({"frozen": 7}),
    "width 12": Entrant({"width": 12}),
    "encoder lr 1e-3": Entrant({"lr_encoder": 1e-3}),
    "color weight 30": Entrant({"color_weight": 30.0}),
    "color weight 100": Entrant({"color_weight": 100.0}),
    "classes": Entrant(trainer=ClassTrainer),
    "classes, rebalanced": Entrant(trainer=BalancedTrainer),
    "L brighter or darker": Entrant(trainer=JitterTrainer),
    "crops of three scales": Entrant({"load_size": 160}, trainer=ScaleTrainer),
}


@torch.inference_mode()
def scorecard_at(generator: nn.Module, size: int, protocol: str):
    """The scorecard of a painter that sees each photo at its own size, under the L of SHOWN_AT px."""
    shown, seen = (load_flowers("val", side, protocol).images[:PHOTOS] for side in (SHOWN_AT, size))
    painted = []
    for large, small in zip(shown.split(32), seen.split(32), strict=True):
        ab = F.interpolate(generator.eval()(to_lab(small)[0]), (SHOWN_AT, SHOWN_AT), mode="bilinear")
        painted.append(to_rgb8(to_lab(large)[0], ab))
    return judge(shown, torch.cat(painted))


def run(name: str, budget: float, seed: int) -> None:
    """One entrant in this process, on one thread; its result as JSON."""
    torch.set_num_threads(1)
    entrant = ENTRANTS[name]
    base = replace(entrant.base, protocol="large", seed=seed)
    side = entrant.changes.get("load_size", base.load_size)
    photos = load_flowers("train", side, "large")
    recipe = fit(base, entrant.changes, budget, photos, entrant.trainer)
    trainer = entrant.trainer(recipe, Accelerator(mixed_precision=choose_precision(), cpu=True))
    began = time.process_time()
    for step in trainer.steps(photos, recipe.total_steps):
        if step == recipe.color_steps:
            after_color = copy.deepcopy(trainer.average)
    used = time.process_time() - began
    trainer.mean_losses()  # TrainingDiverged, if a loss is no number
    cards = {
        phase: asdict(scorecard_at(generator, recipe.size, "large"))
        for phase, generator in (("color", after_color), ("gan", trainer.average))
    }
    result = {
        "race": "pretrained", "name": name, "seed": seed, "budget": budget, "cpu_seconds": round(used, 1),
        "changes": entrant.changes, "trainer": entrant.trainer.__name__, "recipe": asdict(recipe), "cards": cards,
        "precision": choose_precision(), "hardware": "1 CPU core", "torch": torch.__version__.split("+")[0],
    }  # fmt: skip
    keep(result, slug(f"pretrained-{budget:.0f}-{name}-s{seed}"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.encoders")
    parser.add_argument("names", nargs="*", help="entrants; all if none is given")
    parser.add_argument("--budget", type=float, default=200, help="CPU seconds for each")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int, default=99, help="at most so many at once")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.names or list(ENTRANTS)
    if unknown := [name for name in names if name not in ENTRANTS]:
        parser.error(f"unknown entrant {unknown[0]!r}: choose from {', '.join(ENTRANTS)}")
    if options.worker:
        run(names[0], options.budget, options.seeds[0])
        return 0
    call = ["-m", "tests.benchmarks.encoders", "--worker", "--budget", str(options.budget)]
    return start_all([[*call, name, "--seeds", str(seed)] for seed in options.seeds for name in names], options.cores)


if __name__ == "__main__":
    sys.exit(main())
