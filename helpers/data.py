"""Flowers102, decoded once and kept as one uint8 tensor. Met in chapter 2.

    photos = load_flowers("train", size=64)                   # (1020, 3, 64, 64), memory-mapped
    for L, ab in batches(photos, 32, size=64, seed=0): ...    # without end

No DataLoader, no worker processes: the whole set is one tensor on the device, so a batch is one gather (crop and flip
included), one resize and one conversion to Lab; the idea is airbench's (Keller Jordan). At 64 px a core of a server
CPU makes 4,800 photos a second ready to train on, 16 times as many as when each is opened, scaled and converted alone
(at 256 px 240, 4 times as many; `tests/benchmarks/data_path.py`).

Photos come from the first of these that is there: the `root` argument; `$FLOWERS102_ROOT` (both name a folder that
*holds* `flowers-102/`); the user cache; a download into it; else drawn flowers under a banner. Damage is an error.
Source: Nilsback & Zisserman 2008, 102 categories, in the layout of `torchvision.datasets.Flowers102`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .backstage.checks import check, check_whole
from .backstage.flowers import DataError, cache_folder, cached_images, find_root, listing
from .backstage.progress import say
from .color import lab_to_rgb, rgb_to_lab, scale_lab, unscale_lab
from .synthetic import draw_flowers

__all__ = [
    "DataError", "PROTOCOLS", "Photos", "batches", "cache_folder", "crop_and_flip", "drawn_photos", "find_root",
    "load_flowers", "to_lab", "to_rgb8",
]  # fmt: skip

PROTOCOLS = {
    "official": {"train": "train", "val": "val", "test": "test"},
    "large": {"train": "test", "val": "val", "test": "train"},
}
"""Which official split plays which part: `large` trains on 6,149 photos. The two never share a table of figures."""

DRAWN = {"train": (1020, 1), "val": (256, 2), "test": (512, 3)}  # (how many at most, seed)
BANNER = """\
##############################################################################
#  DRAWN FLOWERS, NOT PHOTOS: Flowers102 was neither found nor reached.
#  Everything runs, but the pictures and figures are not those of the course.
#  To use the photos, set FLOWERS102_ROOT to a folder that holds flowers-102/,
#  or connect to the network and run again (330 MB).
##############################################################################"""


@dataclass(frozen=True)
class Photos:
    """A set of square photos.

    images: uint8 (N, 3, S, S), memory-mapped until `.to(device)` moves it. labels: int64 (N,), the
    flower's category from 0. ids: int64 (N,), the number in the file name `image_00001.jpg`, or -1, -2, …
    for drawn flowers. split: the official split. source: "flowers102", "drawn", "own photos".
    Raises TypeError for other numbers, ValueError for other shapes, and for no photo at all.
    """

    images: Tensor
    labels: Tensor
    ids: Tensor
    split: str
    source: str

    def __post_init__(self):
        check("Photos", "uint8", images=(self.images, "N 3 S S"))
        check("Photos", "whole numbers", labels=(self.labels, "M"), ids=(self.ids, "M"))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        return self.images.shape[-1]

    def to(self, device: str | torch.device) -> Photos:
        """The same photos, held in the memory of this device."""
        return replace(self, images=self.images.to(device))

    def subset(self, index) -> Photos:
        """The photos at these positions: a slice, or a list, array or tensor of whole numbers or of a bool a photo.

        Raises ValueError for none of them, TypeError for other numbers, IndexError for what lies outside.
        """
        index = torch.as_tensor(range(len(self))[index] if isinstance(index, slice) else index)
        if index.numel() == 0 or not (index.any() or index.dtype != torch.bool):
            raise ValueError(f"a subset of no photo is wanted of {len(self)}: ask for at least one")
        if index.ndim != 1 or index.is_floating_point() or index.is_complex():
            raise TypeError(f"a subset wants a list of whole numbers, not {index.dtype} {tuple(index.shape)}")
        return replace(self, images=self.images[index], labels=self.labels[index], ids=self.ids[index])


def load_flowers(
    split: str,
    size: int = 64,
    protocol: str = "official",
    root: str | Path | None = None,
    limit: int | None = None,
    progress: bool = True,
) -> Photos:
    """Flowers102 as one tensor, decoded once and read from a cache ever after. Met in chapter 2.

    split: "train", "val" or "test", in the sense of the protocol (see `PROTOCOLS`). size: side in pixels, 8 to 512.
    root: folder that holds `flowers-102/`; without, see the top of this file. limit: at most so many photos, spread
    evenly over the split. progress: show a bar while decoding.
    Returns `Photos` in the order of the official split. Raises ValueError or TypeError for a wrong argument and
    DataError when photos are missing, damaged, or cannot be cached.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: choose {' or '.join(PROTOCOLS)}")
    if split not in PROTOCOLS[protocol]:
        raise ValueError(f"unknown split {split!r}: choose train, val or test")
    check_whole("load_flowers", 8, 512, size=size)
    check_whole("load_flowers", 1, limit=1 if limit is None else limit)
    official = PROTOCOLS[protocol][split]
    found = find_root(root)
    if found is None:
        _say_once(BANNER)
        most, seed = DRAWN[split]
        return replace(drawn_photos(min(most, limit or most), size, seed), split=official)
    ids, labels = listing(found, official)
    if limit is not None and limit < len(ids):
        chosen = np.linspace(0, len(ids) - 1, limit).round().astype(int)
        ids, labels = ids[chosen], labels[chosen]
    images = cached_images(found, ids, size, official, progress)
    return Photos(*map(torch.from_numpy, (images, labels, ids)), official, "flowers102")


_say_once = lru_cache(say)


def drawn_photos(count: int, size: int = 64, seed: int = 0, kind: int | None = None) -> Photos:
    """Drawn flowers in place of photos: for want of them, and where the truth must be known (chapters 3 and 5).

    Arguments and errors as in `draw_flowers`, which gives the truth that belongs to them. labels: the kind.
    """
    pictures, truth = draw_flowers(count, size, seed, kind)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(count), "drawn", "drawn")


def to_lab(images: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 RGB (N, 3, H, W) -> scaled L (N, 1, H, W) and ab (N, 2, H, W), float32. Errors: as `rgb_to_lab`."""
    return scale_lab(rgb_to_lab(images))


def to_rgb8(L: Tensor, ab: Tensor) -> Tensor:
    """Scaled L (N, 1, H, W) and ab (N, 2, H, W) -> uint8 RGB (N, 3, H, W), cut to the gamut.

    Errors: as `lab_to_rgb`; so a color that is not a number (NaN) is never painted black.
    """
    return (lab_to_rgb(unscale_lab(L, ab)) * 255).round().byte()


def crop_and_flip(
    images: Tensor, index: Tensor, size: int, generator: torch.Generator, rank: int = 0, world: int = 1
) -> Tensor:
    """Random resized crops with random flips of `images[index]`: uint8 (B, 3, size, size). Met in chapter 2.

    One window of 70 to 100 % of the side, with up to 15 % of stretch, is drawn for the whole batch, and a place and a
    flip for each photo, all on the CPU: a seed means the same on every device. images: uint8 (N, 3, S, S). index: int64
    (B,). rank, world: only each `world`-th photo of the batch, cut as if all were: (B / world, 3, size, size).
    Raises TypeError for other numbers, ValueError for other shapes and a size below 1.
    """
    check("crop_and_flip", "uint8", images=(images, "N 3 S S"))
    check("crop_and_flip", "whole numbers", index=(index, "B"))
    check_whole("crop_and_flip", 1, size=size)
    full = images.shape[-1]
    u = torch.rand(2, generator=generator)
    side = full * (0.7 + 0.3 * u[0].item())
    stretch = 1.15 ** (2 * u[1].item() - 1)
    height, width = (max(1, min(full, round(s))) for s in (side * stretch, side / stretch))
    place, index = torch.rand(3, len(index), 1, generator=generator)[:, rank::world], index[rank::world]
    count = len(index)
    rows = (place[0] * (full - height + 1)).long() + torch.arange(height)
    columns = (place[1] * (full - width + 1)).long() + torch.arange(width)
    columns = torch.where(place[2] < 0.5, columns.flip(1), columns)
    # Positions of R, G, B of each pixel in one photo. Pixels of interleaved channels resize twice as fast.
    at = (rows[:, :, None] * full + columns[:, None, :]).view(count, -1, 1).to(images.device)
    at = (at + torch.arange(3, device=images.device) * full**2).view(count, -1)
    # index_select, since `images[index]` takes 15 times as long on a CPU
    pixels = images.flatten(1).index_select(0, index.to(images.device)).gather(1, at)
    crops = pixels.view(count, height, width, 3).permute(0, 3, 1, 2)
    if (height, width) == (size, size):
        return crops
    crops = crops if crops.device.type == "cpu" else crops.float()
    crops = F.interpolate(crops, (size, size), mode="bilinear", antialias=True)
    return crops if crops.dtype == torch.uint8 else crops.round_().clamp_(0, 255).byte()


def batches(
    photos: Photos,
    batch_size: int,
    size: int | Callable[[int], int],
    seed: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    device: str | torch.device | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented, shuffled batches without end: scaled (L, ab), on `device`, or that of `photos`. Met in chapter 2.

    start: the step of the first batch. What a batch holds depends on seed, step and photos alone, so training can stop
    anywhere and go on as if it never had. An epoch leaves out its incomplete last batch; the next is shuffled anew.
    size: side in pixels, or a function of the step (`Recipe.size_at`). rank, world: this process takes each `world`-th
    photo of every batch, cut and flipped as one process alone would. With the first batch, raises ValueError when
    photos do not make one, processes do not divide it, or a number is out of range; TypeError for no whole number.
    """
    check_whole("batches", 1, batch_size=batch_size, world=world)
    check_whole("batches", 0, seed=seed, start=start)
    check_whole("batches", 0, world - 1, rank=rank)
    if len(photos) < batch_size:
        advice = f"use more of them (train_limit), or a batch_size of at most {len(photos)}"
        raise ValueError(f"a batch of {batch_size} cannot be drawn from {len(photos)} photos: {advice}")
    if batch_size % world:
        raise ValueError(f"a batch of {batch_size} cannot be shared by {world} processes: choose a multiple of {world}")
    for step in itertools.count(start):
        epoch, i = divmod(step, len(photos) // batch_size)
        if i == 0 or step == start:
            order = torch.randperm(len(photos), generator=_generator(seed, epoch, 0))
        index, generator = order[i * batch_size : (i + 1) * batch_size], _generator(seed, epoch, 1 + i)
        side = size(step) if callable(size) else size
        yield to_lab(crop_and_flip(photos.images, index, side, generator, rank, world).to(device))


def _generator(*numbers: int) -> torch.Generator:
    """A random generator that depends on all of these numbers."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1)
