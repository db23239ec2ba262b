"""A folder of photos colored by the command line, beside the usual loop; memory; and one large noisy picture.

    FLOWERS102_ROOT=... python -m tests.benchmarks.coloring [photos, 300 if not given]

Prints seconds of the clock and of the processor, and photos a minute, of `python -m helpers.inference folder -o out`
(its start included) and of a loop that opens, scales, predicts, enlarges, converts by scikit-image and saves one photo
after another with the same network; the peak memory of a third of the photos and of all; and where the time goes that
twelve noisy megapixels in PNG take. Nothing is asserted: a loaded machine is not a bug.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from helpers.backstage.keeping import encode
from helpers.backstage.pictures import read_picture
from helpers.data import load_flowers
from helpers.environment import hardware
from helpers.inference import Colorizer

SIZE = 256


def by_command(photos: Path, out: Path) -> tuple[float, float, float]:
    """Seconds of the clock, seconds of the processor, peak memory in GB."""
    code = (
        "import sys, resource; from helpers.inference import main; main(sys.argv[1:]);"
        "used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, str(photos), "-o", str(out)], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"error: {done.stderr}")
    processor, memory = map(float, done.stdout.split()[-2:])
    return seconds, processor, memory


@torch.inference_mode()
def by_loop(colorizer: Colorizer, photos: list[Path], out: Path) -> None:
    for path in photos:
        lab = rgb2lab(np.asarray(Image.open(path).convert("RGB")))
        L = torch.from_numpy(lab[..., 0]).float()[None, None] / 50 - 1
        small = F.interpolate(L, (colorizer.size, colorizer.size), mode="bilinear", antialias=True)
        ab = F.interpolate(colorizer.model(small), lab.shape[:2], mode="bilinear")[0].permute(1, 2, 0).numpy() * 110
        rgb = lab2rgb(np.dstack([lab[..., :1], ab]))
        Image.fromarray((rgb * 255).round().astype(np.uint8)).save(out / path.name, quality=95)


def folder_of_photos(count: int) -> None:
    images = load_flowers("test", SIZE, limit=count).images
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        for place, number in ((few, count // 3), (many, count)):
            place.mkdir()
            for i, picture in enumerate(images[:number].permute(0, 2, 3, 1).numpy()):
                Image.fromarray(picture).save(place / f"{i:05d}.jpg", quality=92)
        *_, memory_few = by_command(few, Path(folder) / "out few")
        seconds, processor, memory = by_command(many, Path(folder) / "out many")
        (loop := Path(folder) / "out loop").mkdir()
        colorizer, some = Colorizer.from_pretrained(device="cpu"), sorted(few.iterdir())
        start, used = time.perf_counter(), time.process_time()
        by_loop(colorizer, some, loop)
        their_seconds, their_processor = time.perf_counter() - start, time.process_time() - used
    ours, theirs = 60 * count / seconds, 60 * len(some) / their_seconds
    print(
        f"{count} photos of {SIZE} px, command line: {seconds:.1f} s, {processor:.1f} s of a core, {ours:,.0f} a minute"
    )
    print(f"{len(some)}, usual loop: {their_seconds:.1f} s, {their_processor:.1f} s of a core, {theirs:,.0f} a minute")
    print(f"peak memory: {memory_few:.2f} GB for {count // 3} photos, {memory:.2f} GB for {count}")


def noisy_twelve_megapixels() -> None:
    """Seconds for each step of a PNG that can hardly be compressed."""
    chance = np.random.default_rng(0)
    y, x = np.mgrid[0:3000, 0:4000]
    picture = np.stack([x / 16, y / 12, 128 + 0 * x], -1) + chance.normal(0, 12, (3000, 4000, 3))
    colorizer = Colorizer.from_pretrained(device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noisy.png"
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)
        marks = [time.perf_counter()]
        opened = read_picture(path)
        marks.append(time.perf_counter())
        colored = colorizer.colorize(opened.rgb)
        marks.append(time.perf_counter())
        size = len(encode(colored, opened, ".png"))
        marks.append(time.perf_counter())
    read, color, write = np.diff(marks)
    print(f"12 noisy megapixels, PNG: read {read:.2f} s, color {color:.2f} s, write {write:.2f} s, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    print(f"{hardware()}, torch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads")
    folder_of_photos(int((sys.argv[1:] or [300])[0]))
    noisy_twelve_megapixels()
