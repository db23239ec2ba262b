"""The plain recipe against ours, each with a core of its own at the same time, judged on all 6,149 test photos.

    FLOWERS102_ROOT=... python -m tests.benchmarks.side_by_side --minutes 30
    FLOWERS102_ROOT=... python -m tests.benchmarks.side_by_side --minutes 30 --side pretrained

All train on the 1,020 photos of the official train split at 64 px, single-threaded; CPU time counts, judging
does not. The plain recipe is judged at a tenth and at the whole of its time. Ours is trained twice, from
scratch: with a tenth of that time and with all of it. Its schedule knows its length, so one long run cannot be
judged halfway. So is the one with a pretrained encoder (chapter 7), which is shown each photo at twice its size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import torch

from helpers.backstage.files import write_json
from helpers.data import load_flowers
from helpers.environment import hardware
from helpers.metrics import median_ab, scorecard
from helpers.recipe import PRESETS, PRETRAINED, Recipe, choose_precision
from helpers.runs import runs_folder, train

from .plain import train_plain
from .race import RESULTS, scaled

NAMES = {"ours": "ours", "pretrained": "ours, pretrained encoder"}
BASES = {"ours": PRESETS["cpu"], "pretrained": replace(PRETRAINED["cpu"], half_res=False, small_steps=0)}


def keep(side: str, rows: list[dict]) -> None:
    content = {"hardware": hardware(), "torch": torch.__version__.split("+")[0]}
    content |= {"precision": "no" if side == "plain" else choose_precision(), "rows": rows}
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / f"side-{side}.json", content)


def plain(seconds: float, photos, test) -> None:
    rows = [
        {"name": "gray", "seconds": 0.0, "card": asdict(scorecard("gray", test))},
        {"name": "median ab", "seconds": 0.0, "card": asdict(scorecard("median", test, median_ab(photos)))},
    ]

    def judge(trainer, used: float) -> None:
        rows.append({"name": "plain", "seconds": used, "card": asdict(scorecard(trainer.colors, test))})
        keep("plain", rows)
        print(_line(rows[-1]), flush=True)

    train_plain(photos, seconds, seed=0, marks=[seconds / 10, seconds], judge=judge)


def ours(side: str, base: Recipe, seconds: float, test) -> None:
    rows, few = [], test.subset(slice(0, 8))
    preset = replace(base, protocol="official", size=64, load_size=80, report_steps=10**9)
    larger = load_flowers("train", preset.load_size, "official")
    for budget in (seconds / 10, seconds):
        recipe = scaled(preset, budget, larger)
        folder, used = runs_folder() / "side-by-side" / f"{side}-{budget:.0f}", 0.0
        for phase, steps in (("L1 alone", recipe.color_steps), ("L1 + GAN", None)):
            name = f"{NAMES[side]}, {phase}"
            began = time.process_time()
            run = train(recipe, folder, larger, few, stop_after=steps, show=False, save_every=1e9)
            used += time.process_time() - began
            rows.append({"name": name, "seconds": used, "card": asdict(scorecard(run.generator, test))})
            keep(side, rows)
            print(_line(rows[-1]), flush=True)


def _line(row: dict) -> str:
    values = row["card"]["values"]
    return f"{row['name']} after {row['seconds']:.0f} s: " + ", ".join(f"{k} {v[0]:.3g}" for k, v in values.items())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.side_by_side")
    parser.add_argument("--minutes", type=float, default=30, help="CPU time of the plain recipe")
    parser.add_argument("--side", choices=["plain", *BASES], help="this one alone, here and now")
    options = parser.parse_args()
    if options.side:
        torch.set_num_threads(1)
        photos, test = load_flowers("train", 64, "official"), load_flowers("test", 64, "official")
        if options.side == "plain":
            plain(options.minutes * 60, photos, test)
        else:
            ours(options.side, BASES[options.side], options.minutes * 60, test)
        return 0
    cores = sorted(os.sched_getaffinity(0))
    running = []
    for i, side in enumerate(("plain", "ours")):
        call = ["taskset", "-c", str(cores[i % len(cores)]), sys.executable, "-m", "tests.benchmarks.side_by_side"]
        call += ["--side", side, "--minutes", str(options.minutes)]
        running.append(subprocess.Popen(call, env=os.environ | {"OMP_NUM_THREADS": "1"}))
    return max(process.wait() for process in running)


if __name__ == "__main__":
    sys.exit(main())
