"""Speed of the color conversion, the data path and inference, both sides in one run.

    FLOWERS102_ROOT=... python -m tests.benchmarks.data_path

Prints photos per second of CPU time, ours and theirs, and the ratio, of the best of a few calls: other work on the
machine hardly counts then. With OMP_NUM_THREADS=1 it is what one core does. Nothing here is asserted: a loaded machine
is not a bug.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch.utils.data import DataLoader, Dataset

from helpers.color import lab_to_rgb, rgb_to_lab
from helpers.data import batches, crop_and_flip, find_root, load_flowers
from helpers.environment import hardware


def rate(function, photos: int, repeats: int = 5) -> float:
    """Photos per second of CPU time, the best of `repeats` calls after one to warm up."""
    return photos / min(timeit.repeat(function, number=1, repeat=repeats + 1, timer=time.process_time)[1:])


def show(what: str, ours: float, theirs: dict[str, float]) -> None:
    rivals = ", ".join(f"{name} {value:,.0f} (x {ours / value:.1f})" for name, value in theirs.items())
    print(f"{what}: ours {ours:,.0f} photos a CPU second; {rivals}", flush=True)


def color_conversion(size: int = 256, count: int = 32) -> None:
    import kornia

    photos = load_flowers("train", size, limit=count).images.contiguous()
    floats = photos.float() / 255
    arrays, float_arrays = (t.permute(0, 2, 3, 1).numpy().copy() for t in (photos, floats))
    show(
        f"rgb_to_lab, uint8, {size} px",
        rate(lambda: rgb_to_lab(photos), count),
        {
            "scikit-image": rate(lambda: [rgb2lab(a) for a in arrays], count),
            "kornia": rate(lambda: kornia.color.rgb_to_lab(photos.float() / 255), count),
        },
    )
    show(
        f"rgb_to_lab, float32, {size} px",
        rate(lambda: rgb_to_lab(floats), count),
        {
            "scikit-image": rate(lambda: [rgb2lab(a) for a in float_arrays], count),
            "kornia": rate(lambda: kornia.color.rgb_to_lab(floats), count),
        },
    )
    lab = rgb_to_lab(floats)
    show(
        f"lab_to_rgb, float32, {size} px",
        rate(lambda: lab_to_rgb(lab), count),
        {"kornia": rate(lambda: kornia.color.lab_to_rgb(lab), count)},
    )


class PerItem(Dataset):
    """The usual pipeline: open, resize, flip, rgb2lab, one photo at a time."""

    def __init__(self, paths: list[Path], size: int):
        self.paths, self.size = paths, size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int):
        image = Image.open(self.paths[i]).convert("RGB").resize((self.size, self.size), Image.BICUBIC)
        array = np.asarray(image)
        if np.random.random() < 0.5:
            array = array[:, ::-1]
        lab = torch.from_numpy(rgb2lab(array).astype(np.float32)).permute(2, 0, 1)
        return lab[:1] / 50 - 1, lab[1:] / 110


def data_path(size: int, count: int = 1020, batch_size: int = 32) -> None:
    root = find_root()
    if root is None:
        raise SystemExit("error: this benchmark needs the real photos: set FLOWERS102_ROOT")
    photos = load_flowers("train", size)
    paths = [root / "flowers-102" / "jpg" / f"image_{i:05d}.jpg" for i in photos.ids.tolist()[:200]]

    def per_item():
        for _ in DataLoader(PerItem(paths, size), batch_size, shuffle=True):
            pass

    def cached():
        for _ in itertools.islice(batches(photos, batch_size, size, seed=0), count // batch_size):
            pass

    def before_lab():
        order = torch.randperm(count)
        for i in range(count // batch_size):
            generator = torch.Generator().manual_seed(i)
            crop_and_flip(photos.images, order[i * batch_size : (i + 1) * batch_size], size, generator)

    theirs = {"one by one": rate(per_item, len(paths), repeats=2)}
    full = count // batch_size * batch_size
    show(f"photo to augmented Lab batch, {size} px", rate(cached, full), theirs)
    show(f"the same before the Lab step, {size} px", rate(before_lab, full), theirs)


def twelve_megapixels() -> None:
    """Time and peak memory of coloring a 12-megapixel JPEG in a fresh process."""
    code = (
        "import sys, time; from helpers.inference import Colorizer; c = Colorizer.from_pretrained('flowers-64');"
        "b = time.perf_counter(); c.colorize(sys.argv[1]); t = time.perf_counter() - b;"
        "m = [l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1];"
        "print(f'12 megapixels: {t:.2f} s, peak memory of the process {int(m) / 1e6:.2f} GB')"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.jpg"
        photo = load_flowers("test", 256, limit=1).images[0].permute(1, 2, 0).numpy()
        Image.fromarray(photo).resize((4000, 3000), Image.BICUBIC).save(path, quality=90)
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def import_time() -> None:
    code = (
        "import time, torch; b = time.perf_counter(); import helpers, helpers.color, helpers.models, helpers.losses;"
        "print(f'import helpers after torch: {time.perf_counter() - b:.3f} s')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    print(f"{hardware()}, torch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads")
    color_conversion()
    for size in (64, 256):
        data_path(size)
    twelve_megapixels()
    import_time()
