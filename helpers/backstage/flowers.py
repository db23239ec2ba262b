"""Finding, verifying, downloading, decoding and caching the photos of Flowers102 for `helpers.data`."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from .files import writing
from .progress import progress_bar

__all__ = ["DataError", "cache_folder", "cached_images", "find_root", "listing"]

CHECKSUMS = {  # as torchvision lists them
    "imagelabels.mat": "e0620be6f572b9609742df49c70aed4d",
    "setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c",
}
NUMBER_OF_PHOTOS = 8189
LISTS = {"train": "trnid", "val": "valid", "test": "tstid"}
DECODER = "1: short side by Lanczos, center crop"  # part of the cache key: change it with `_decode`


class DataError(RuntimeError):
    """The photos cannot be used as they are; the message says which file, why, and what to do."""


def cache_folder() -> Path:
    """Where decoded photos and downloads are kept: $COLORIZE_CACHE, or the user's cache folder."""
    if given := os.environ.get("COLORIZE_CACHE"):
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("image-colorization-course", appauthor=False, opinion=False)


def find_root(root: str | Path | None = None) -> Path | None:
    """The folder that holds a verified `flowers-102/`, or None: then there are only drawn flowers.

    Looks at `root`, `$FLOWERS102_ROOT`, the user cache and the network, in this order. With
    COLORIZE_OFFLINE=1 the network is not tried. Raises DataError for a root that is named but unfit.
    """
    named = root or os.environ.get("FLOWERS102_ROOT")
    found = Path(named).expanduser() if named else cache_folder()
    folder = found / "flowers-102"
    if not named and not folder.exists() and (os.environ.get("COLORIZE_OFFLINE", "0") == "1" or not _download(found)):
        return None
    told_by = "root" if root else "FLOWERS102_ROOT" if named else "the user cache"
    if (found / "jpg").is_dir() and not folder.exists():
        raise DataError(f"{told_by} names {found} itself: name the folder above it, which holds flowers-102")
    if not folder.is_dir():
        raise DataError(f"{told_by} names {found}, but there is no folder flowers-102 in it")
    _verify(folder)
    return found


@lru_cache(maxsize=1)  # an unreachable network is not tried again for each split
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
        except (OSError, RuntimeError) as error:
            raise DataError(f"the download of Flowers102 broke off ({error}): run it again") from error
        shutil.move(Path(beside) / "flowers-102", root)
    return True


def _verify(folder: Path) -> str:
    """Identity of the source files, their names, sizes and times of change; DataError unless the copy is whole."""
    there = {path.name: path.stat() for path in folder.glob("jpg/*")}
    wanted = [f"image_{i:05d}.jpg" for i in range(1, NUMBER_OF_PHOTOS + 1)]
    missing = [name for name in CHECKSUMS if not (folder / name).exists()]
    if missing := missing + [f"jpg/{name}" for name in wanted if name not in there]:
        counted = f"{len(missing):,} of {NUMBER_OF_PHOTOS + len(CHECKSUMS):,} files are missing, {missing[0]} first"
        raise DataError(f"{folder} is half a download: {counted}. Copy or download the whole folder again")
    sums = {name: hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest() for name in CHECKSUMS}
    damaged = [name for name in CHECKSUMS if sums[name] != CHECKSUMS[name]]
    if damaged := damaged + [f"jpg/{name}" for name in wanted if there[name].st_size == 0]:
        raise DataError(f"{folder / damaged[0]} is empty or damaged: copy or download it again")
    hidden = (".", "Thumbs.db", "desktop.ini")
    if foreign := sorted(name for name in there.keys() - set(wanted) if not name.startswith(hidden)):
        shown = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
        warnings.warn(f"{folder / 'jpg'} holds files that are not Flowers102, unused: {shown}", stacklevel=2)
    files = sorted((name, found.st_size, found.st_mtime_ns) for name, found in there.items())
    files += [(name, (folder / name).stat().st_size, 0) for name in CHECKSUMS]
    return hashlib.sha256(repr(files).encode()).hexdigest()


def listing(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """An official split in its order: numbers of the photos, as in their names, and categories from 0; int64 (N,)."""
    from scipy.io import loadmat

    ids = loadmat(root / "flowers-102" / "setid.mat")[LISTS[split]][0].astype(np.int64)
    return ids, loadmat(root / "flowers-102" / "imagelabels.mat")["labels"][0].astype(np.int64)[ids - 1] - 1


def cached_images(root: Path, ids: np.ndarray, size: int, split: str, progress: bool) -> np.ndarray:
    """The photos of these numbers as uint8 (N, 3, size, size), decoded once and then memory-mapped, copy-on-write.

    split: for the name of the cache file. Raises DataError for a photo that cannot be read, or when the cache cannot
    be written.
    """
    from filelock import FileLock

    folder = root / "flowers-102"
    paths = [folder / "jpg" / f"image_{i:05d}.jpg" for i in ids]
    names = "\n".join(path.name for path in paths)
    key = hashlib.sha256(f"{DECODER}|{size}|{_verify(folder)}|{names}".encode()).hexdigest()[:16]
    path, shape = cache_folder() / f"flowers-{split}-{len(paths)}-{size}px-{key}.npy", (len(paths), 3, size, size)
    if (images := _read_cache(path, shape)) is not None:
        return images
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # the second waits and finds the work done; it dies with its owner
            if _read_cache(path, shape) is None:
                for left_behind in path.parent.glob(f".{path.name}.partial-*"):
                    left_behind.unlink(missing_ok=True)
                _build_cache(path, paths, size, progress)
    except OSError as error:
        raise DataError(
            f"could not write the cache {path} ({error.strerror or error}): free some disk space, or set "
            "COLORIZE_CACHE to another folder"
        ) from error
    return _read_cache(path, shape)


def _read_cache(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        images = np.load(path, mmap_mode="c")  # copy-on-write: a reader cannot spoil the file
    except (ValueError, EOFError, OSError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _build_cache(path: Path, paths: list[Path], size: int, progress: bool) -> None:
    """Decode `paths` in parallel into one .npy file. Plain writes: on a full disk a memory map would kill Python."""
    with (
        writing(path) as beside,
        open(beside, "wb") as file,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        closing(pool.map(partial(_decode, size=size), paths)) as decoded,  # closed, it drops what is still to do
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(paths), 3, size, size)}
        np.lib.format.write_array_header_1_0(file, header)
        for image in progress_bar(decoded, len(paths), f"decoding to {size} px", progress):
            file.write(image.tobytes())


def _decode(path: Path, size: int) -> np.ndarray:
    """One photo as uint8 (3, size, size): short side scaled to `size`, center crop."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            # A JPEG can be decoded at half or a quarter of its size for nearly nothing.
            image.draft("RGB", (2 * size, 2 * size))
            image = image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is not a readable JPEG ({error}): copy or download it again") from error
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
