"""More photos than memory: 100,000 drawn pictures of 64 px in a mapped file, learned from in flat memory.

    python -m tests.benchmarks.mapped [pictures]

Each picture is a window, drawn by lot, of one of 1,000 drawn flowers of 96 px, perhaps flipped: to draw 100,000 anew
takes half an hour and would measure the same. One process reads all of the file once, as batches ready to learn from,
and trains for some steps with the `cpu` recipe on random photos of it. Meanwhile its own memory (RssAnon of Linux) and
what it has mapped (RssFile) are looked at after each batch. Rates count this process's CPU seconds, on as many threads
as it has, so that other work on the machine hardly counts. Keeps what it found for RESULTS.md, and asserts nothing.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from helpers.backstage.files import write_json
from helpers.backstage.processes import start_accelerator
from helpers.data import Photos, batches
from helpers.environment import hardware
from helpers.recipe import PRESETS, choose_precision
from helpers.scaling import mapped_photos
from helpers.synthetic import draw_flowers
from helpers.training import Trainer

from .race import RESULTS

SIZE, DRAWN, WIDE = 64, 1_000, 96


def gigabytes(kind: str) -> float:
    """RssAnon or RssFile of this process, in GB."""
    return 1024 * int(re.search(rf"^{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)[1]) / 1e9


def windows(count: int) -> Photos:
    """`count` windows of drawn flowers, in a mapped file."""
    flowers, _ = draw_flowers(DRAWN, WIDE, seed=11)

    def cut(i: int) -> np.ndarray:
        lot = np.random.default_rng((11, i))
        row, column = lot.integers(0, WIDE - SIZE + 1, 2)
        window = flowers[lot.integers(DRAWN), row : row + SIZE, column : column + SIZE]
        return (window if lot.random() < 0.5 else window[:, ::-1]).transpose(2, 0, 1)

    return mapped_photos("drawn-windows", range(count), cut, SIZE)


def watched(work, photos: int) -> dict:
    """Goes through an iterator, `photos` a turn: rates, and memory in GB at the start, at most, and how it grows."""
    own, mapped, began, wall = [gigabytes("RssAnon")], [gigabytes("RssFile")], time.process_time(), time.perf_counter()
    for _ in work:
        own.append(gigabytes("RssAnon"))
        mapped.append(gigabytes("RssFile"))
    seconds, waited = time.process_time() - began, time.perf_counter() - wall
    turns = len(own) - 1
    found = {"photos": photos * turns, "photos_per_cpu_second": photos * turns / seconds}
    found |= {"cpu_seconds": seconds, "seconds": waited, "own_first": own[0], "own_most": max(own)}
    # flat: what the second half needs more than the first
    half = turns // 2
    return found | {"own_growth": max(own[half:]) - max(own[1 : half + 1]), "mapped_most": max(mapped)}


def learning(trainer: Trainer, photos: Photos, steps: int) -> Iterator[int]:
    """Steps as `runs.train` takes them: it looks at the losses every 25 steps, and lets go of them."""
    for step in trainer.steps(photos, steps):
        if step % 25 == 0:
            trainer.mean_losses()
        yield step


def main(count: str = "100000") -> None:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["COLORIZE_CACHE"] = cache
        began = time.process_time()
        photos = windows(int(count))
        result = {"pictures": len(photos), "size": SIZE, "file": photos.images.nbytes / 1e9}
        result["made_in_cpu_seconds"] = time.process_time() - began
        recipe = replace(PRESETS["cpu"], load_size=SIZE, small_steps=0)
        batch = recipe.batch_size
        stream = batches(photos, batch, SIZE, seed=0)
        result["read"] = watched(itertools.islice(stream, len(photos) // batch), batch)
        print(result, flush=True)
        trainer = Trainer(recipe, start_accelerator(choose_precision()))
        result["train"] = watched(learning(trainer, photos, 300), batch)
    result |= {"hardware": hardware(), "threads": torch.get_num_threads(), "torch": torch.__version__.split("+")[0]}
    write_json(RESULTS / "mapped.json", result)
    print(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
