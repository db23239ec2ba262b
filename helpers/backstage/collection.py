"""A folder of one's own photos: read once, split by what is on them, and cached as Flowers102 is.

A photo is known by its pixels, full-size and upright: the same under another name, with another date or caption, or
saved in another format without loss, it is counted once. So no photo is in two splits, and a folder that was moved or
renamed gives the same splits in the same order, down to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from .exif import says_colored
from .files import read_json, write_json
from .flowers import DataError, cache_folder, cached, in_threads, short_side
from .folders import pictures_in
from .pictures import ImageError, read_picture
from .progress import progress_bar, say

__all__ = ["MOST_HELD_OUT", "SPLITS", "Collection", "photos_of", "survey"]

SPLITS = ("train", "val", "test")
MOST_HELD_OUT = 1000  # photos of val, and of test: enough to judge by
READER = "1: sRGB, upright"  # part of what a photo is known by: change it with `_look`
DECODER = "1: short side by Lanczos, center crop"  # part of the cache key: change it with `_decode`
NAMED = 10  # files that are left out are named, so many of each kind on the screen


@dataclass(frozen=True)
class Collection:
    """The photos of a folder, each once. photos: (path, what it is known by), by name; notes: what is to be told."""

    folder: Path
    photos: list[tuple[Path, str]]
    notes: list[str]

    def split(self, name: str, seed: int) -> list[int]:
        """Positions in `photos` of those in a split: a tenth for val, a tenth for test, and the others for train.

        Drawn by lot among what the photos are known by, whatever their names. Raises DataError for fewer than three.
        """
        if len(self.photos) < 3:
            left_out = f" ({self.notes[0]})" if self.notes else ""
            raise DataError(
                f"{self.folder} holds {len(self.photos)} photos that can be used{left_out}: at least three are needed, "
                "one to learn from, one to choose by and one to judge on"
            )
        lots = [hashlib.blake2b(known.encode(), key=str(seed).encode()).digest() for _, known in self.photos]
        order = sorted(range(len(lots)), key=lots.__getitem__)
        held = min(MOST_HELD_OUT, max(1, round(len(order) / 10)))
        return {"val": order[:held], "test": order[held : 2 * held], "train": order[2 * held :]}[name]


def photos_of(folder: str | Path, split: str, size: int, seed: int, limit: int | None, progress: bool):
    """(uint8 (N, 3, size, size), memory-mapped, positions of the photos in the collection by name, int64 (N,)).

    Says, once, what was left out of the folder and why. Raises DataError: see `survey` and `Collection.split`.
    """
    collection = survey(folder, progress)
    for note in collection.notes:
        _say_once(note)
    chosen = collection.split(split, seed)[:limit]
    photos = [collection.photos[i] for i in chosen]
    key = hashlib.sha256("|".join([DECODER, str(size), *(known for _, known in photos)]).encode()).hexdigest()[:16]
    name = f"photos-{split}-{len(photos)}-{size}px-{key}"
    return cached(name, photos, size, partial(_decode, size=size), progress), np.array(chosen, np.int64)


_say_once = lru_cache(say)


def survey(folder: str | Path, progress: bool = True) -> Collection:
    """Read all pictures in a folder and below, or look up what was read before; what is new or changed is read again.

    By the rules of coloring: hidden files and what systems keep for themselves are passed over; what looks like a
    picture and cannot be read is left out, and named. So is what this course has colored: those colors are a guess.
    Raises DataError where there is no such folder or no picture in it, or what was found cannot be kept.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "is a file: name the folder it lies in" if folder.exists() else "does not exist: there is no such folder"
        raise DataError(f"{folder} {what}")
    paths, problems = pictures_in(folder)
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    stamps = {name: _stamp(path) for name, path in names.items()}
    known, bad = _looked_at(folder, names, stamps, progress)
    problems = [f"{names[name]} {why}" for name, why in bad.items()] + problems
    first, twice, gray = {}, [], []
    for name in known:
        _, seen, is_gray = known[name]
        if first.setdefault(seen, name) != name:
            twice.append(f"{names[name]} is {names[first[seen]]} once more")
        elif is_gray:
            gray.append(f"{names[name]}")
    if not known and not problems:
        raise DataError(f"{folder} holds no pictures: name a folder with photos in it, or in folders of it")
    notes = [
        *_told(problems, "is left out", "are left out"),
        *_told(twice, "is counted once", "are counted once"),
        *_told(gray, "is gray, and teaches to paint gray", "are gray, and teach to paint gray"),
    ]
    return Collection(folder, [(names[name], seen) for seen, name in first.items()], notes)


def _told(lines: list[str], one: str, many: str) -> list[str]:
    """One text that names files, or none: "2 pictures are left out: …"."""
    if not lines:
        return []
    more = [f"… and {len(lines) - NAMED:,} more"] if len(lines) > NAMED else []
    count = f"1 picture {one}" if len(lines) == 1 else f"{len(lines):,} pictures {many}"
    return [count + ": " + "; ".join(lines[:NAMED] + more)]


def _stamp(path: Path) -> list[int]:
    there = path.stat()
    return [there.st_size, there.st_mtime_ns, there.st_ctime_ns]


def _looked_at(folder: Path, names: dict, stamps: dict, progress: bool) -> tuple[dict, dict]:
    """{name: [stamp, what it is known by, is gray]} and {name: why not}, both by name. The first is kept."""
    from filelock import FileLock

    here = hashlib.sha256(os.path.realpath(folder).encode(errors="surrogateescape")).hexdigest()[:16]
    path = cache_folder() / f"photos-{here}.json"

    def kept() -> dict:
        found = _read_index(path)
        return {name: found[name] for name in stamps if name in found and found[name][0] == stamps[name]}

    known, bad = kept(), {}
    if len(known) < len(names):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                known = kept()
                new, before = [name for name in names if name not in known], len(known)
                try:
                    with closing(in_threads(_look, [names[name] for name in new])) as looks:
                        looks = progress_bar(looks, len(new), "reading photos", progress)
                        for name, (seen, is_gray, why) in zip(new, looks, strict=True):
                            if why:
                                bad[name] = why
                            else:
                                known[name] = [stamps[name], seen, is_gray]
                finally:  # stopped, too: what was read need not be read again
                    if len(known) > before:
                        _write_index(path, known)
        except OSError as error:
            raise DataError(
                f"could not write {path} ({error.strerror or error}): free some disk space, or set COLORIZE_CACHE to "
                "another folder"
            ) from error
    return {name: known[name] for name in names if name in known}, bad


def _read_index(path: Path) -> dict:
    """What `_write_index` wrote, {} if it is not there or damaged: then all is read again."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = read_json(path)
        if content["crc32"] == _crc32(content["photos"]):
            return content["photos"]
    return {}


def _write_index(path: Path, photos: dict) -> None:
    write_json(path, {"crc32": _crc32(photos), "photos": photos})


def _crc32(photos: dict) -> str:
    return f"{zlib.crc32(json.dumps([READER, photos], sort_keys=True).encode()):08x}"


def _known_by(rgb: np.ndarray) -> str:
    """Of all pixels of a picture and its shape: 32 letters."""
    return hashlib.blake2b(rgb.tobytes(), digest_size=16, person=f"{rgb.shape[0]}x{rgb.shape[1]}".encode()).hexdigest()


def _look(path: Path) -> tuple[str, bool, str]:
    """(what it is known by, whether it is gray, why it cannot be used or "")."""
    try:
        picture = read_picture(path, "")
    except ImageError as error:
        return "", False, str(error).strip()
    if says_colored(picture.exif):
        return "", False, "was colored by a network: its colors are a guess, and nothing to learn from"
    rgb = picture.rgb
    is_gray = bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())
    return _known_by(rgb), is_gray, ""


def _decode(photo: tuple[Path, str], size: int) -> np.ndarray:
    """One photo as uint8 (3, size, size). Raises DataError if it is no longer what it was a moment ago."""
    from PIL import Image

    path, known = photo
    try:
        rgb = read_picture(path).rgb
    except ImageError as error:
        raise DataError(f"{error}; it could be read a moment ago: run this again") from error
    if _known_by(rgb) != known:
        raise DataError(f"{path} has changed while it was read: run this again")
    return short_side(Image.fromarray(rgb), size)
