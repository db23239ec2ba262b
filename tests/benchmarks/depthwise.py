"""A training step of the pretrained network in mixed precision: its depth-wise convolutions in bf16 and in float32.

    FLOWERS102_ROOT=... python -m tests.benchmarks.depthwise

All in bf16, all in float32, and as the course has them (float32 where they learn), in turns in one process, batch 32,
4 steps each, the first of them to warm up; prints the best of three turns and ratios. Nothing is asserted. Where the
CPU has no bf16 (`choose_precision`) there is nothing to compare.
"""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from accelerate import Accelerator

from helpers.backstage.imagenet import InFloat32
from helpers.data import load_flowers
from helpers.environment import hardware
from helpers.recipe import choose_precision, choose_preset
from helpers.training import Trainer

TURNS, STEPS = 3, 3


def mixed(layer, x):
    """What a depth-wise convolution does by itself."""
    return super(InFloat32, layer).forward(x)


def in_full(layer, x):
    with torch.autocast("cpu", enabled=False):
        return super(InFloat32, layer).forward(x.float()).to(x.dtype)


def main() -> None:
    ways = {"in bf16": mixed, "in float32": in_full, "in float32 where they learn": InFloat32.forward}
    print(f"{hardware()}, {choose_precision()}")
    for size in (96, 128):
        recipe = replace(choose_preset("cpu", "lite0"), size=size, load_size=size * 5 // 4, small_steps=0)
        photos = load_flowers("train", recipe.load_size, limit=256)
        trainer = Trainer(recipe, Accelerator(mixed_precision=choose_precision()))
        steps, best = trainer.steps(photos, recipe.total_steps), dict.fromkeys(ways, float("inf"))
        for _ in range(TURNS):
            for name, InFloat32.forward in ways.items():
                next(steps)
                began = time.perf_counter()
                for _ in range(STEPS):
                    next(steps)
                best[name] = min(best[name], (time.perf_counter() - began) / STEPS)
        ours = best["in float32 where they learn"]
        for name, seconds in best.items():
            print(f"{size} px: {seconds:.3f} s a step {name}, {seconds / ours:.2f} times ours")


if __name__ == "__main__":
    main()
