"""Speed of the training step and of inference at equal architecture, and of the course's own networks.

    FLOWERS102_ROOT=... python -m tests.benchmarks.training_step

Both sides train the same networks on the same ready batches, one after the other in short turns, so that a busy
moment hits both. "Theirs" is the usual loop in eager float32 (`plain.py`); "ours" is `helpers.training`: channels
last, mixed precision where the hardware has it, fused optimizers, one pass of the critic over real and fake, no
wait for the device. Prints ratios, a profile of one step of each, and peak memory; keeps them for RESULTS.md.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.profiler import profile

from helpers.backstage.files import write_json
from helpers.data import load_flowers, to_rgb8
from helpers.environment import hardware
from helpers.training import PRESETS, Trainer, choose_precision

from .plain import Pix2PixCritic, Pix2PixUNet, PlainCritic, PlainTrainer, PlainUNet
from .race import RESULTS

NETWORKS = {"plain": (PlainUNet, PlainCritic), "pix2pix": (Pix2PixUNet, Pix2PixCritic)}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def ours(generator=None, critic=None, **changes) -> Trainer:
    """A trainer of ours in its GAN phase."""
    recipe = replace(PRESETS["cpu"], **changes)
    accelerator = Accelerator(mixed_precision=choose_precision(), cpu=DEVICE == "cpu")
    trainer = Trainer(recipe, accelerator, generator, critic)
    trainer.step = recipe.color_steps + recipe.critic_steps
    return trainer


def turns(sides: dict, batch: int, rounds: int, steps: int) -> dict[str, float]:
    """Photos/s of each side, the median over rounds in which every side has a turn."""
    times = {name: [] for name in sides}
    for i in range(rounds + 1):
        for name, step in sides.items():
            began = time.perf_counter()
            for _ in range(steps):
                step()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            if i:  # the first round warms up
                times[name].append(time.perf_counter() - began)
    return {name: batch * steps / float(np.median(t)) for name, t in times.items()}


def equal_architecture(kind: str, size: int, batch: int, rounds: int, steps: int) -> dict:
    photos = load_flowers("train", size, limit=batch).to(DEVICE)
    theirs = PlainTrainer(kind, device=DEVICE)
    L, ab = theirs.ready(photos)
    trainer = ours(*(network() for network in NETWORKS[kind]))
    first = trainer.step

    def our_step():
        trainer.take_step(L, ab)
        trainer.step = first

    rates = turns({"theirs": lambda: theirs.step(L, ab), "ours": our_step}, batch, rounds, steps)
    profiles = {}
    for name, step in (("theirs", lambda: theirs.step(L, ab)), ("ours", our_step)):
        with profile() as p:
            step()
        events = sorted(p.key_averages(), key=lambda e: -e.self_cpu_time_total)
        whole = sum(e.self_cpu_time_total for e in events)
        profiles[name] = [[e.key, e.self_cpu_time_total / whole] for e in events[:6]]
    print(f"{kind} networks, {size} px, batch {batch}: ours {rates['ours']:.1f} photos/s, theirs {rates['theirs']:.1f}"
          f" (x {rates['ours'] / rates['theirs']:.2f})", flush=True)  # fmt: skip
    return {"what": f"training step, {kind} networks, {size} px, batch {batch}", **rates, "profiles": profiles}


def own_networks() -> dict:
    """A step of the `cpu` preset against one of the plain recipe, each with its own networks."""
    photos = load_flowers("train", 64, limit=32).to(DEVICE)
    theirs, trainer = PlainTrainer("plain", device=DEVICE), ours()
    L, ab = theirs.ready(photos)
    game = trainer.step

    def step(at):
        trainer.step = at
        trainer.take_step(L, ab)

    sides = {"theirs": lambda: theirs.step(L, ab), "ours": lambda: step(0), "ours in the game": lambda: step(game)}
    rates = turns(sides, 32, rounds=4, steps=3)
    print("cpu preset against plain recipe, 64 px:", {k: round(v, 1) for k, v in rates.items()}, flush=True)
    return {"what": "training step, own networks, 64 px, batch 32", **rates}


@torch.no_grad()
def inference() -> list[dict]:
    """Photos/s from L to uint8 RGB, batches of 16, eval mode."""
    from helpers.models import UNet

    rows = []
    recipe = PRESETS["cpu"]
    for size, rival in ((64, PlainUNet()), (256, Pix2PixUNet())):
        L = torch.rand(16, 1, size, size, device=DEVICE) * 2 - 1
        mine = UNet(recipe.width, recipe.depth, recipe.half_res).to(DEVICE, memory_format=torch.channels_last).eval()
        rival = rival.to(DEVICE).eval()
        sides = {"theirs": lambda m=rival, x=L: to_rgb8(x, m(x)), "ours": lambda m=mine, x=L: to_rgb8(x, m(x))}
        rates = turns(sides, 16, rounds=5, steps=2)
        name = type(rival).__name__
        print(f"inference, {size} px: ours {rates['ours']:.0f} photos/s, {name} {rates['theirs']:.0f}", flush=True)
        rows.append({"what": f"inference, {size} px, against {name}", **rates})
    return rows


def peak_memory(side: str) -> None:
    """Peak memory of a few steps at 256 px, batch 4, in this (fresh) process, in GB."""
    photos = load_flowers("train", 256, limit=4)
    theirs = PlainTrainer("pix2pix")
    L, ab = theirs.ready(photos)
    del theirs
    trainer = PlainTrainer("pix2pix") if side == "theirs" else ours(**_size_of("max"))
    for _ in range(2):
        trainer.step(L, ab) if side == "theirs" else trainer.take_step(L, ab)
    # Not getrusage: its peak is inherited from the parent.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1e6)


def _size_of(preset: str) -> dict:
    recipe = PRESETS[preset]
    return {name: getattr(recipe, name) for name in ("width", "depth", "critic_width", "critic_layers")}


def main() -> None:
    print(f"{hardware()}, torch {torch.__version__.split('+')[0]}, {choose_precision()}", flush=True)
    rows = [
        equal_architecture("plain", 64, 32, rounds=3, steps=1),
        equal_architecture("pix2pix", 256, 4, rounds=3, steps=1),
        own_networks(),
        *inference(),
    ]
    memory = {}
    for side in ("theirs", "ours"):
        call = [sys.executable, "-c", f"from tests.benchmarks.training_step import peak_memory as p; p({side!r})"]
        memory[side] = float(subprocess.run(call, check=True, capture_output=True, text=True).stdout.split()[-1])
    print(f"peak memory, 256 px, batch 4, GB: {memory}")
    rows.append({"what": "peak memory in GB of a process that trains at 256 px, batch 4", **memory})
    result = {"hardware": hardware(), "torch": torch.__version__.split("+")[0], "precision": choose_precision()}
    result["rows"] = rows
    write_json(RESULTS / "training_step.json", result)


if __name__ == "__main__":
    main()
