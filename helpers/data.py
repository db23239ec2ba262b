"""Flowers102, decoded once and kept as one uint8 tensor.

    photos = load_flowers("train", size=64)                   # (1020, 3, 64, 64), memory-mapped
    for L, ab in batches(photos, 32, size=64, seed=0, epoch=0): ...

No DataLoader, no worker processes: the whole set is one tensor on the device, so a batch is one gather
(crop and flip included), one resize and one conversion to Lab. The idea is airbench's (Keller Jordan).

Photos come from the first of these that is there: the `root` argument; `$FLOWERS102_ROOT` (both name a
folder that *holds* `flowers-102/`, so a USB stick works); the user cache; a download into that cache;
and when nothing can be reached, drawn flowers under a banner. What is there but damaged is an error
that names the file: nothing is skipped in silence.

Source: Nilsback & Zisserman 2008, 102 categories, through `torchvision.datasets.Flowers102`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
import tempfile
import urllib.error
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .color import rgb_to_lab, scale_lab

__all__ = [
    "DataError",
    "PROTOCOLS",
    "Photos",
    "batches",
    "cache_folder",
    "find_root",
    "load_flowers",
    "to_lab",
]

PROTOCOLS = {
    "official": {"train": "train", "val": "val", "test": "test"},
    "large": {"train": "test", "val": "val", "test": "train"},
}
"""Which official split plays which part. `large` trains on the 6,149 photos of the official test
split and reports on the 1,020 of the official train split; figures of the two never share a table."""

CHECKSUMS = {  # as torchvision lists them
    "imagelabels.mat": "e0620be6f572b9609742df49c70aed4d",
    "setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c",
}
NUMBER_OF_PHOTOS = 8189
DRAWN_COUNT = {"train": 1020, "val": 256, "test": 512}
DECODER = "1: short side by Lanczos, center crop"  # part of the cache key: change it with `_decode`


class DataError(RuntimeError):
    """The photos cannot be used as they are; the message says which file, why, and what to do."""


@dataclass(frozen=True)
class Photos:
    """A set of square photos.

    images: uint8 (N, 3, S, S), memory-mapped until `.to(device)` moves it. labels: int64 (N,), the
    flower's category from 0. ids: int64 (N,), the number in the file name `image_00001.jpg`, or -1, -2, …
    for drawn flowers. split: the official split. source: "flowers102" or "drawn".
    """

    images: Tensor
    labels: Tensor
    ids: Tensor
    split: str
    source: str

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        return self.images.shape[-1]

    def to(self, device: str | torch.device) -> Photos:
        """The same photos, held in the memory of this device."""
        return replace(self, images=self.images.to(device))

    def subset(self, index) -> Photos:
        """The photos at these positions (a list, slice or tensor)."""
        index = torch.as_tensor(range(*index.indices(len(self))) if isinstance(index, slice) else index)
        return replace(self, images=self.images[index], labels=self.labels[index], ids=self.ids[index])


# ---------------------------------------------------------------------------------------- where from


def cache_folder() -> Path:
    """Where decoded photos and downloads are kept: $COLORIZE_CACHE, or the user's cache folder."""
    if given := os.environ.get("COLORIZE_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "image-colorization-course"


def _fingerprint(folder: Path) -> str:
    """Identity of the source files: names, sizes and times of change."""
    listing = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in os.scandir(folder / "jpg"))
    listing += [(name, (folder / name).stat().st_size, 0) for name in CHECKSUMS]
    return hashlib.sha256(repr(listing).encode()).hexdigest()


@lru_cache(maxsize=4)
def _verify(folder: Path, fingerprint: str) -> None:
    """Raise `DataError` unless `folder` is a whole copy of Flowers102 in torchvision's layout."""
    for name, checksum in CHECKSUMS.items():
        if hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest() != checksum:
            raise DataError(f"{folder / name} is damaged (wrong checksum): copy or download it again")
    wanted = {f"image_{i:05d}.jpg" for i in range(1, NUMBER_OF_PHOTOS + 1)}
    there = {e.name: e.stat().st_size for e in os.scandir(folder / "jpg")}
    if missing := sorted(wanted - there.keys()):
        raise DataError(
            f"{folder / 'jpg'} is half a download: {len(missing):,} of {NUMBER_OF_PHOTOS:,} photos are missing, "
            f"{missing[0]} first. Copy or download the whole folder again"
        )
    if empty := [name for name in sorted(wanted) if there[name] == 0]:
        raise DataError(f"{folder / 'jpg' / empty[0]} is empty: copy or download it again")
    hidden = (".", "Thumbs.db", "desktop.ini")
    if foreign := sorted(name for name in there.keys() - wanted if not name.startswith(hidden)):
        shown = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
        warnings.warn(f"{folder / 'jpg'} holds files that are not Flowers102, unused: {shown}", stacklevel=2)


def _checked(root: Path, told_by: str) -> Path:
    folder = root / "flowers-102"
    if (root / "jpg").is_dir() and not folder.exists():
        raise DataError(f"{told_by} names {root} itself: name the folder above it, which holds flowers-102")
    if not folder.is_dir():
        raise DataError(f"{told_by} names {root}, but there is no folder flowers-102 in it")
    for part in ("jpg", *CHECKSUMS):
        if not (folder / part).exists():
            raise DataError(f"{folder} is half a download: {part} is missing. Copy or download it again")
    _verify(folder, _fingerprint(folder))
    return root


def _download(root: Path) -> bool:
    """Fetch Flowers102 (330 MB) into `root`; False when the network cannot be reached."""
    from torchvision.datasets import Flowers102

    try:  # a quick knock: behind a closed firewall the download itself would wait for minutes
        socket.create_connection(("thor.robots.ox.ac.uk", 443), timeout=4).close()
    except OSError:
        return False
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=root) as beside:
        try:
            Flowers102(beside, download=True)
        except (OSError, urllib.error.URLError, RuntimeError) as error:
            raise DataError(f"the download of Flowers102 broke off ({error}): run it again") from error
        shutil.move(Path(beside) / "flowers-102", root / "flowers-102")
    return True


def find_root(root: str | Path | None = None) -> Path | None:
    """The folder that holds a verified `flowers-102/`, or None: then there are only drawn flowers.

    Looks at `root`, `$FLOWERS102_ROOT`, the user cache and the network, in this order. With
    COLORIZE_OFFLINE=1 the network is not tried. Raises DataError for a root that is named but unfit.
    """
    if root is not None:
        return _checked(Path(root).expanduser(), "root")
    if named := os.environ.get("FLOWERS102_ROOT"):
        return _checked(Path(named).expanduser(), "FLOWERS102_ROOT")
    cache = cache_folder()
    if (cache / "flowers-102").exists():
        return _checked(cache, "the user cache")
    if os.environ.get("COLORIZE_OFFLINE", "0") != "1" and _knock_and_download(cache):
        return _checked(cache, "the user cache")
    return None


@lru_cache(maxsize=1)
def _knock_and_download(cache: Path) -> bool:
    return _download(cache)  # once a session: an unreachable network is not tried again for each split


# ------------------------------------------------------------------------------------ decode and cache


def _decode(path: Path, size: int) -> np.ndarray:
    """One photo as uint8 (3, size, size): short side scaled to `size`, center crop."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            # A JPEG can be decoded at half or a quarter of its size for nearly nothing.
            image.draft("RGB", (2 * size, 2 * size))
            image = image.convert("RGB")
    except FileNotFoundError:
        raise DataError(f"{path} is missing: copy or download Flowers102 again") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is not a readable JPEG ({error}): copy or download it again") from error
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    image = image.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    return np.asarray(image).transpose(2, 0, 1)


def _read_cache(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        images = np.load(path, mmap_mode="c")  # copy-on-write: a reader cannot spoil the file
    except (FileNotFoundError, ValueError, EOFError, OSError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _build_cache(path: Path, paths: list[Path], size: int, progress: bool) -> None:
    """Decode `paths` in parallel into one .npy file, written beside `path` and renamed at the end.

    Plain writes, not a memory map: on a full disk a write raises an error, a memory map kills Python.
    """
    from .backstage.progress import progress_bar

    beside = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, open(beside, "wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(paths), 3, size, size)}
            np.lib.format.write_array_header_1_0(file, header)
            decoded = pool.map(lambda p: _decode(p, size), paths)
            try:
                for image in progress_bar(decoded, total=len(paths), comment=f"decoding to {size} px", show=progress):
                    file.write(image.tobytes())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise DataError(f"could not write the cache {path} ({error.strerror}): free some disk space") from error
    finally:
        beside.unlink(missing_ok=True)


def _cached_images(paths: list[Path], size: int, fingerprint: str, split: str, progress: bool) -> np.ndarray:
    from filelock import FileLock

    names = "\n".join(p.name for p in paths)
    key = hashlib.sha256(f"{DECODER}|{size}|{fingerprint}|{names}".encode()).hexdigest()[:16]
    path = cache_folder() / f"flowers-{split}-{len(paths)}-{size}px-{key}.npy"
    shape = (len(paths), 3, size, size)
    images = _read_cache(path, shape)
    if images is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whoever comes second waits and finds the work done. The lock dies with its owner.
            with FileLock(path.with_suffix(".lock")):
                if _read_cache(path, shape) is None:
                    for left_behind in path.parent.glob(f"{path.name}.partial-*"):
                        left_behind.unlink(missing_ok=True)
                    _build_cache(path, paths, size, progress)
        except OSError as error:
            raise DataError(f"could not use the cache folder {path.parent} ({error.strerror})") from error
        images = _read_cache(path, shape)
    return images


def _drawn(split: str, official: str, size: int, limit: int | None) -> Photos:
    from .synthetic import draw_flowers

    global _banner_shown
    if not _banner_shown:
        _banner_shown = True
        line = "#" * 78
        print(
            f"{line}\n#  DRAWN FLOWERS, NOT PHOTOS: Flowers102 was neither found nor reached.\n"
            "#  Everything runs, but the pictures and figures are not those of the course.\n"
            "#  To use the photos, set FLOWERS102_ROOT to a folder that holds flowers-102/,\n"
            f"#  or connect to the network and run again (330 MB).\n{line}",
            flush=True,
        )
    count = min(DRAWN_COUNT[split], limit or DRAWN_COUNT[split])
    seed = {"train": 1, "val": 2, "test": 3}[split]
    pictures, truth = draw_flowers(count, size, seed)
    images = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(count), official, "drawn")


_banner_shown = False


def load_flowers(
    split: str,
    size: int = 64,
    protocol: str = "official",
    root: str | Path | None = None,
    limit: int | None = None,
    progress: bool = True,
) -> Photos:
    """Flowers102 as one tensor, decoded once and read from a cache ever after.

    split: "train", "val" or "test", in the sense of the protocol. size: side in pixels, 8 to 512.
    protocol: "official" or "large" (see `PROTOCOLS`). root: folder that holds `flowers-102/`; see the
    top of this file for what happens without. limit: at most so many photos, spread evenly over the
    split. progress: show a bar while decoding.

    Returns `Photos` in the order of the official split. Raises ValueError for a wrong argument and
    DataError when photos are missing, damaged, or cannot be cached.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: choose {' or '.join(PROTOCOLS)}")
    if split not in PROTOCOLS[protocol]:
        raise ValueError(f"unknown split {split!r}: choose train, val or test")
    if not 8 <= size <= 512:
        raise ValueError(f"cannot load photos of {size} px: choose 8 to 512")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}: ask for at least one photo, or None for all")
    official = PROTOCOLS[protocol][split]
    found = find_root(root)
    if found is None:
        return _drawn(split, official, size, limit)

    from torchvision.datasets import Flowers102

    listing = Flowers102(found, split=official)
    paths, labels = [Path(p) for p in listing._image_files], np.asarray(listing._labels, np.int64)
    if limit is not None and limit < len(paths):
        chosen = np.linspace(0, len(paths) - 1, limit).round().astype(int)
        paths, labels = [paths[i] for i in chosen], labels[chosen]
    images = _cached_images(paths, size, _fingerprint(found / "flowers-102"), official, progress)
    ids = torch.tensor([int(p.stem.split("_")[1]) for p in paths])
    # torchvision's labels begin at 0 in some versions and at 1 in others; ours begin at 0.
    labels = torch.from_numpy(labels - (1 if labels.max() == 102 else 0))
    return Photos(torch.from_numpy(images), labels, ids, official, "flowers102")


# ------------------------------------------------------------------------------------------- batches


def to_lab(images: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 RGB (N, 3, H, W) -> scaled L (N, 1, H, W) and ab (N, 2, H, W), float32."""
    return scale_lab(rgb_to_lab(images))


def crop_and_flip(images: Tensor, index: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Random resized crops with random flips of `images[index]`: uint8 (B, 3, size, size).

    One window of 70 to 100 % of the side, with up to 15 % of stretch, is drawn for the whole batch, and
    a place and a flip for each photo; so the crop is a single gather and the resize a single call.
    The random numbers are drawn on the CPU: a seed means the same on every device.
    """
    full, count = images.shape[-1], len(index)
    u = torch.rand(2, generator=generator)
    side = full * (0.7 + 0.3 * u[0].item())
    stretch = 1.15 ** (2 * u[1].item() - 1)
    height, width = (max(1, min(full, round(s))) for s in (side * stretch, side / stretch))
    place = torch.rand(3, count, 1, generator=generator)
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
    size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of augmented, shuffled batches as scaled (L, ab), on the device of `photos`.

    Batch i of an epoch depends on (seed, epoch, i) alone, so training can stop anywhere and go on with
    `start` as if it never had. An incomplete last batch is left out: the shuffle differs each epoch.
    rank, world: this process takes each `world`-th photo of every batch (which must divide evenly).
    Raises ValueError when there are fewer photos than one batch.
    """
    if len(photos) < batch_size:
        raise ValueError(f"a batch of {batch_size} cannot be drawn from {len(photos)} photos")
    if batch_size % world:
        raise ValueError(f"a batch of {batch_size} cannot be shared by {world} processes")
    order = torch.randperm(len(photos), generator=_generator(seed, epoch, 0))
    for i in range(start, len(photos) // batch_size):
        index = order[i * batch_size + rank : (i + 1) * batch_size : world]
        generator = _generator(seed, epoch, 1 + i * world + rank)
        yield to_lab(crop_and_flip(photos.images, index, size, generator))


def _generator(*numbers: int) -> torch.Generator:
    """A random generator that depends on all of these numbers."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1))
