"""Finding, verifying, downloading, decoding and caching the photos of Flowers102 for `helpers.data`."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from .files import ordinary, writing
from .progress import progress_bar, say

__all__ = ["DataError", "cache_folder", "cached", "cached_images", "find_root", "in_threads", "listing", "short_side"]

CHECKSUMS = {  # as torchvision lists them
    "imagelabels.mat": "e0620be6f572b9609742df49c70aed4d",
    "setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c",
}
NUMBER_OF_PHOTOS = 8189
LISTS = {"train": "trnid", "val": "valid", "test": "tstid"}
DECODER = "1: short side by Lanczos, center crop"  # part of the cache key: change it with `_decode`
BLOCK, SUM_BYTES = 2**20, 16  # a cache ends with a checksum of so many bytes, made of sums over parts of a block


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
    _verified[folder] = _verify(folder)
    return found


_verified: dict[Path, str] = {}  # what `find_root` said last, for `cached_images` to take once: a load looks one time


@lru_cache(maxsize=1)  # an unreachable network is not tried again for each split
def _download(root: Path) -> bool:
    """Fetch Flowers102 (330 MB) into `root`; False when the network cannot be reached."""
    try:  # a quick knock: behind a closed firewall the download itself would wait for minutes
        socket.create_connection(("thor.robots.ox.ac.uk", 443), timeout=4).close()
    except OSError:
        return False
    from filelock import FileLock
    from torchvision.datasets import Flowers102

    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "download.lock"):  # the second waits and finds the photos there
            if (root / "flowers-102").exists():
                return True
            for left_behind in root.glob("download-*/"):  # by one that was killed: it held the lock
                shutil.rmtree(left_behind, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="download-", dir=root) as beside:
                Flowers102(beside, download=True)
                shutil.move(Path(beside) / "flowers-102", root)
    except (OSError, RuntimeError) as error:
        raise DataError(f"the download of Flowers102 into {root} broke off ({error}): run it again") from error
    return True


def _verify(folder: Path) -> str:
    """Identity of the source files, their names, sizes and times of change; DataError unless the copy is whole."""
    wanted = [f"image_{i:05d}.jpg" for i in range(1, NUMBER_OF_PHOTOS + 1)]
    try:
        there = _stats(folder / "jpg")
        missing = [name for name in CHECKSUMS if not (folder / name).exists()]
    except OSError as error:
        raise DataError(_unreadable(error, folder)) from error
    if missing := missing + [f"jpg/{name}" for name in wanted if name not in there]:
        counted = f"{len(missing):,} of {NUMBER_OF_PHOTOS + len(CHECKSUMS):,} files are missing, {missing[0]} first"
        raise DataError(f"{folder} is half a download: {counted}. Copy or download the whole folder again")
    try:
        lists = {name: ordinary(folder / name).read_bytes() for name in CHECKSUMS}
    except OSError as error:
        raise DataError(_unreadable(error, folder)) from error
    sums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in lists.items()}
    damaged = [name for name in CHECKSUMS if sums[name] != CHECKSUMS[name]]
    whole = {name for name in wanted if stat.S_ISREG(there[name].st_mode) and there[name].st_size}
    if damaged := damaged + [f"jpg/{name}" for name in wanted if name not in whole]:
        kind = "a folder, not a file" if (folder / damaged[0]).is_dir() else "empty or damaged"
        raise DataError(f"{folder / damaged[0]} is {kind}: copy or download it again")
    hidden = (".", "Thumbs.db", "desktop.ini")
    if foreign := sorted(name for name in there.keys() - set(wanted) if not name.startswith(hidden)):
        shown = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
        warnings.warn(f"{folder / 'jpg'} holds files that are not Flowers102, unused: {shown}", stacklevel=2)
    files = sorted((name, found.st_size, found.st_mtime_ns) for name, found in there.items())
    files += [(name, (folder / name).stat().st_size, 0) for name in CHECKSUMS]
    return hashlib.sha256(repr(files).encode()).hexdigest()


def _stats(folder: Path) -> dict[str, os.stat_result]:
    """Of each file in a folder, where its link leads if it is one; a link to nothing counts as missing."""
    found = {}
    for entry in os.scandir(folder) if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            found[entry.name] = entry.stat()
    return found


def _unreadable(error: OSError, path: Path) -> str:
    return f"{error.filename or path} cannot be read ({error.strerror or error}): copy or download it again"


def listing(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """An official split in its order: numbers of the photos, as in their names, and categories from 0; int64 (N,)."""
    from scipy.io import loadmat

    ids = loadmat(root / "flowers-102" / "setid.mat")[LISTS[split]][0].astype(np.int64)
    return ids, loadmat(root / "flowers-102" / "imagelabels.mat")["labels"][0].astype(np.int64)[ids - 1] - 1


def cached_images(root: Path, ids: np.ndarray, size: int, split: str, progress: bool) -> np.ndarray:
    """The photos of these numbers as uint8 (N, 3, size, size), decoded once and then memory-mapped, copy-on-write.

    split: for the name of the cache file. The key in it stands for the names, sizes and times of change of all photos
    and for `DECODER`: a replaced photo gives another. (Not for the photos' bytes: to read 330 MB takes longer than to
    use them. Who replaces one by another of the same size and sets its clock back goes unnoticed.) What is in the cache
    is checked against its checksum whenever the file has changed, and once a week; if that is wrong, it is built anew.
    Raises DataError for a photo that cannot be read, or when the cache cannot be written.
    """
    folder = root / "flowers-102"
    paths = [folder / "jpg" / f"image_{i:05d}.jpg" for i in ids]
    names = "\n".join(path.name for path in paths)
    identity = _verified.pop(folder, "") or _verify(folder)
    key = hashlib.sha256(f"{DECODER}|{size}|{identity}|{names}".encode()).hexdigest()[:16]
    return cached(f"flowers-{split}-{len(paths)}-{size}px-{key}", paths, size, partial(_decode, size=size), progress)


def cached(name: str, items: list, size: int, decode: Callable, progress: bool) -> np.ndarray:
    """`decode` of each item, which gives uint8 (3, size, size): kept in a cache file of this name, as above."""
    from filelock import FileLock

    path, shape = cache_folder() / f"{name}.npy", (len(items), 3, size, size)
    if (images := _read_cache(path, shape)) is not None:
        return images
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # the second waits and finds the work done; it dies with its owner
            if (images := _read_cache(path, shape)) is None:
                if path.exists():
                    say(f"{path} is damaged, or of an older version: the photos are decoded anew")
                _sweep(path)
                _build_cache(path, items, size, decode, progress)
    except OSError as error:
        raise DataError(
            f"could not write the cache {path} ({error.strerror or error}): free some disk space, or set "
            "COLORIZE_CACHE to another folder"
        ) from error
    if images is None and (images := _read_cache(path, shape)) is None:
        raise DataError(f"the cache {path} is not what was written a moment ago: is its disk failing?")
    return images


def _sweep(path: Path) -> None:
    """Remove what killed builders of any cache left: half a file, whose lock nobody holds. We hold that of `path`."""
    from filelock import FileLock, Timeout

    for left_behind in path.parent.glob(".*.npy.partial-*"):
        name = left_behind.name[1:].rpartition(".partial-")[0]
        with suppress(OSError, Timeout):  # it is being written, or not ours to remove
            if name == path.name:
                left_behind.unlink()
            else:
                with FileLock((path.parent / name).with_suffix(".lock"), timeout=0):
                    left_behind.unlink()


def _read_cache(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The images, or None if there are none or they are not what was written."""
    try:
        with open(ordinary(path), "rb") as file:
            there, note = os.fstat(file.fileno()), path.with_suffix(".lock")
            # No program writes to a file without a new ctime, whatever it does to its mtime; disks decay slowly. So the
            # whole file is not read for each load, but after each change and each week. The note lies where nobody
            # looks; if a lock wipes it out, the file is read once more.
            week = int(time.time() // (7 * 24 * 3600))
            known = f"{there.st_ino} {there.st_size} {there.st_mtime_ns} {there.st_ctime_ns} {week}"
            if not note.is_file() or note.read_bytes() != known.encode():
                end = there.st_size - SUM_BYTES
                if end < 0 or (file.seek(end) and file.read()) != _checksum(file, end):
                    return None
                with suppress(OSError):  # a cache that is read-only
                    note.write_text(known)
        images = np.load(path, mmap_mode="c")  # copy-on-write: a reader cannot spoil the file
    except (ValueError, EOFError, OSError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _checksum(file, end: int) -> bytes:
    """Of the first `end` bytes of an open file: a hash of the sums of all rows and columns of 512 numbers of 64 bits.

    A hash of the bytes themselves takes several times as long. What changes no sum are changes that undo each other in
    each row and each column: no disk does that.
    """
    found, block = hashlib.blake2b(digest_size=SUM_BYTES), bytearray(BLOCK)
    file.seek(0)
    for at in range(0, end, BLOCK):
        got = file.readinto(memoryview(block)[: min(BLOCK, end - at)])
        block[got:] = bytes(BLOCK - got)
        table = np.frombuffer(block, "<u8").reshape(-1, 512)
        found.update(table.sum(0, dtype=np.uint64))
        found.update(table.sum(1, dtype=np.uint64))
    return found.digest()


def in_threads(work: Callable, items: list) -> Iterator:
    """`work` of each item, in order, by as many threads as there are cores; not all of a million are begun at once."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for at in range(0, len(items), 1024):
            with closing(pool.map(work, items[at : at + 1024])) as done:  # closed, it drops what is still to do
                yield from done


def _build_cache(path: Path, items: list, size: int, decode: Callable, progress: bool) -> None:
    """Decode items in parallel into one .npy file. Plain writes: on a full disk a memory map would kill Python."""
    with writing(path) as beside, open(beside, "wb+") as file, closing(in_threads(decode, items)) as decoded:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(items), 3, size, size)}
        np.lib.format.write_array_header_1_0(file, header)
        for image in progress_bar(decoded, len(items), f"decoding to {size} px", progress):
            file.write(image.tobytes())
        end = file.tell()
        found = _checksum(file, end)
        file.seek(end)
        file.write(found)


def _decode(path: Path, size: int) -> np.ndarray:
    """One photo as uint8 (3, size, size): short side scaled to `size`, center crop."""
    from PIL import Image

    try:
        with Image.open(path, formats=["JPEG", "MPO"]) as image:
            # A JPEG can be decoded at half or a quarter of its size for nearly nothing.
            image.draft("RGB", (2 * size, 2 * size))
            image = image.convert("RGB")
    except Exception as error:  # codecs raise whatever they like
        known = {"UnidentifiedImageError": "it is something else", "DecompressionBombError": "it is far too large"}
        kind = type(error).__name__
        reason = known.get(kind) or getattr(error, "strerror", None) or " ".join(str(error).split()) or kind
        raise DataError(f"{path} is not a readable JPEG ({reason}): copy or download it again") from error
    return short_side(image, size)


def short_side(image, size: int) -> np.ndarray:
    """An RGB picture of Pillow's as uint8 (3, size, size): its short side scaled to `size`, the center cropped."""
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
