"""What a training depends on: every number in one dataclass, the four budgets, and the schedule.

    recipe = replace(choose_preset("cpu"), color_weight=30.0)
    recipe.phase(step), recipe.learning_rates(step), recipe.size_at(step)

A finished run is a function of its recipe and its photos, and of nothing else: the same two give the same bits on a
CPU. The numbers of the `cpu` preset won a race at equal computing time; tests/benchmarks/RESULTS.md has all entrants.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields, replace

import torch

from .backstage.settings import check_settings
from .classification import ClassPretrainedUNet, ClassUNet
from .models import HintUNet, PretrainedUNet, UNet

__all__ = ["GAME_FIELDS", "PRESETS", "PRETRAINED", "Recipe", "choose_precision", "choose_preset", "new_generator"]


@dataclass(frozen=True)
class Recipe:
    """Every number that training depends on. Chapter 5 builds its schedule.

    Raises ValueError for a field of another type or out of its range, or fields that do not fit together:
    backstage/settings.py has the list.
    """

    preset: str = "cpu"
    protocol: str = "official"
    seed: int = 0
    # photos: loaded a quarter larger than they are trained at, so that a random crop loses no sharpness
    size: int = 64
    load_size: int = 80
    train_limit: int | None = None
    val_limit: int = 128
    # networks. encoder: "none" trains all of a UNet from scratch (chapters 3 to 6); "lite0" and "lite2" put a
    # PretrainedUNet in its place (chapter 7), of which `frozen` stages stand still and the others learn at lr_encoder.
    # start: a colorizer of the same shape to go on from, a name of the course ("flowers-l1") or a .safetensors file.
    start: str = ""
    encoder: str = "none"
    frozen: int = 3
    width: int = 16
    depth: int = 4
    half_res: bool = True  # false on a pretrained encoder: it is shown each photo at twice its size
    skips: bool = True
    hints: int = 0  # a photo gets up to so many in training, and a HintUNet learns to use them (chapter 9)
    critic_width: int = 32
    critic_layers: int = 2
    # how long: steps of one batch, so that a budget is the same for 1,020 photos and for 6,149
    batch_size: int = 32
    color_steps: int = 1500
    small_steps: int = 0  # the first of them at half the size, where a step costs a third
    critic_steps: int = 60
    gan_steps: int = 240
    report_steps: int = 150
    # color phase: AdamW, one cycle (Smith & Topin 2018)
    lr: float = 2e-3
    lr_encoder: float = 3e-4  # its weights know something already; in the game it keeps this distance to the rest
    weight_decay: float = 1e-2
    # "l1", "l2" or "smooth_l1", see losses.color_loss; or "classes", a network that chooses colors (chapter 10), of
    # which rare ones count more: mix is lambda in eq. 4 of Zhang et al. 2016, and with 1 all count alike.
    color_kind: str = "l1"
    mix: float = 0.5
    # critic and GAN phases: Adam with two time scales (Heusel et al. 2017)
    adversarial: str = "hinge"
    lr_generator: float = 1e-4
    lr_critic: float = 4e-4
    # A dial between PSNR (100) and color (30): see the games in tests/benchmarks/RESULTS.md.
    color_weight: float = 60.0
    # always
    clip_norm: float = 5.0
    ema_decay: float = 0.99

    def __post_init__(self):
        check_settings(self)

    @property
    def total_steps(self) -> int:
        return self.color_steps + self.critic_steps + self.gan_steps

    def phase(self, step: int) -> str:
        """Which phase a step (from 0) belongs to: "color", "critic" or "gan"."""
        if step < self.color_steps:
            return "color"
        return "critic" if step < self.color_steps + self.critic_steps else "gan"

    def size_at(self, step: int) -> int:
        """Side of the training pictures at a step: progressive resizing (as in DeOldify), pixels."""
        return self.size // 2 if step < self.small_steps else self.size

    def learning_rates(self, step: int) -> tuple[float, float]:
        """(generator, critic) learning rate of a step: one cycle in the color phase, then slowly down."""
        phase = self.phase(step)
        if phase == "color":
            t, warm = (step + 1) / self.color_steps, 0.2
            if t < warm:
                return self.lr * (0.04 + 0.96 * t / warm), 0.0
            return self.lr * 0.5 * (1 + math.cos(math.pi * (t - warm) / (1 - warm))), 0.0
        if phase == "critic":
            return 0.0, self.lr_critic
        left = (self.total_steps - step) / self.gan_steps
        fade = min(1.0, 2 * left)
        return self.lr_generator * fade, self.lr_critic * fade

    @classmethod
    def restore(cls, stored: dict) -> Recipe:
        """The recipe that `asdict` stored in a `recipe.json`, a card or a checkpoint, perhaps by an older version.

        A field added since then has its default. Raises ValueError naming a field that is gone, unless its value
        there is the one that changed nothing.
        """
        known = {field.name for field in fields(cls)}
        for name in stored.keys() - known:
            if name not in REMOVED or stored[name] != REMOVED[name]:
                raise ValueError(f"{name} ({stored[name]!r} there, no such field here)")
        return cls(**{name: value for name, value in stored.items() if name in known})


REMOVED = {"temperature": 0.5, "colorfulness_weight": 0.0}
"""Fields of older versions, with the value that changed nothing."""

GAME_FIELDS = (
    "critic_width", "critic_layers", "critic_steps", "gan_steps", "adversarial", "lr_generator", "lr_critic",
    "color_weight",
)  # fmt: skip
"""The fields that the color phase does not depend on: two recipes that differ in no other can share one."""

PRESETS = {
    "smoke": Recipe(  # seconds: every line of code runs, nothing is learned
        preset="smoke", size=32, load_size=40, train_limit=64, val_limit=16, width=8, depth=3, critic_width=8,
        critic_layers=1, batch_size=16, color_steps=8, critic_steps=2, gan_steps=4, report_steps=4,
    ),
    # two laptop cores, ten minutes. The winner of the race in tests/benchmarks/RESULTS.md: a narrow network and
    # many cheap steps at half size beat a wider one at equal CPU time on every number.
    "cpu": Recipe(
        small_steps=10_000, color_steps=14_000, critic_steps=300, gan_steps=1_000, report_steps=1_000,
    ),
    "gpu": Recipe(  # one GPU of 8 GB or more, minutes
        preset="gpu", size=128, load_size=160, val_limit=512, width=48, depth=5, critic_width=64, critic_layers=3,
        batch_size=64, color_steps=6000, critic_steps=200, gan_steps=1500, report_steps=500, ema_decay=0.998,
    ),
    "max": Recipe(  # one GPU of 16 GB or more
        preset="max", size=256, load_size=320, val_limit=512, width=48, depth=6, critic_width=64, critic_layers=3,
        batch_size=16, color_steps=24000, critic_steps=400, gan_steps=4000, report_steps=2000, ema_decay=0.999,
    ),
}  # fmt: skip

PRETRAINED = {  # the same budgets for a `PretrainedUNet` (chapter 7): a step costs more, and fewer do
    "smoke": replace(PRESETS["smoke"], encoder="lite0"),
    "cpu": replace(
        PRESETS["cpu"], encoder="lite0", size=128, load_size=160, width=24, small_steps=350, color_steps=1_350,
        critic_steps=40, gan_steps=260, report_steps=450,
    ),
    "gpu": replace(
        PRESETS["gpu"], encoder="lite0", size=256, load_size=320, width=32, batch_size=32, color_steps=8_000,
        critic_steps=200, gan_steps=2_000, report_steps=1_000,
    ),
    "max": replace(PRESETS["max"], encoder="lite0", batch_size=32),
}  # fmt: skip


def choose_preset(name: str | None = None, encoder: str = "none") -> Recipe:
    """The preset of this name, or of $COLORIZE_PRESET, or the one that fits the hardware.

    encoder: "none" is what chapters 3 to 6 train, from scratch; others a `PretrainedUNet`, as chapter 7 does.
    Raises ValueError for an unknown name.
    """
    name = name or os.environ.get("COLORIZE_PRESET") or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)} (argument or COLORIZE_PRESET)")
    return PRESETS[name] if encoder == "none" else replace(PRETRAINED[name], encoder=encoder)


def new_generator(recipe: Recipe) -> UNet:
    """The generator a recipe asks for: from scratch, with an encoder that can see, told colors, or choosing them."""
    classes = recipe.color_kind == "classes"
    if recipe.encoder == "none":
        return (ClassUNet if classes else UNet)(recipe.width, recipe.depth, recipe.half_res, recipe.skips)
    if recipe.hints:
        return HintUNet(recipe.encoder, recipe.width)
    if classes:
        return ClassPretrainedUNet.from_imagenet(recipe.encoder, recipe.width, recipe.frozen)
    return PretrainedUNet.from_imagenet(recipe.encoder, recipe.width, recipe.frozen, half_res=recipe.half_res)


def choose_precision() -> str:
    """Mixed precision where the hardware really has it: "bf16", "fp16" (with a loss scaler) or "no".

    A T4 *emulates* bf16 and says it supports it (pytorch/pytorch#148322); it gets fp16.
    """
    if not torch.cuda.is_available():
        # Names that PyTorch keeps to itself and may rename: where they are missing, float32 is always right.
        questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        native = any(getattr(torch.cpu, question)() for question in questions if hasattr(torch.cpu, question))
        return "bf16" if native else "no"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
