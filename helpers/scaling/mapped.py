"""Pictures in a file instead of in memory: as many as the disk holds, and one copy for all processes of a computer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..backstage.checks import check_whole
from ..backstage.flowers import cached
from ..data import Photos
from .own_photos import SOURCE

__all__ = ["mapped_photos"]


def mapped_photos(
    name: str, items: Sequence, read: Callable[[object], np.ndarray], size: int = 64, progress: bool = True
) -> Photos:
    """Pictures from anywhere as one memory-mapped tensor: read once, in threads, never all at a time. Chapter 11.

    name: what is read, in letters, digits, "-" and "_"; with another reading goes another name, since the file in the
    user cache is known by it, the items and the size. items: whatever `read` takes: paths, keys, numbers.
    read: gives uint8 (3, size, size) for an item. size: side in pixels, from 1. progress: show a bar while reading.
    Returns `Photos` with source "own photos", split "train" and labels 0. Processes share the file; who writes into the
    tensor changes a copy of his own. To read it takes no memory that the system could not take back.
    Raises ValueError for no items, another name, or a picture of another shape; TypeError for other numbers; DataError
    when they cannot be cached.
    """
    check_whole("mapped_photos", 1, size=size)
    if not len(items):
        raise ValueError("mapped_photos got no items: there is nothing to read")
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"mapped_photos wants a name of letters, digits, - and _, not {name!r}")

    def checked(item) -> np.ndarray:
        picture = np.asarray(read(item))
        if picture.dtype != np.uint8:
            raise TypeError(f"mapped_photos wants uint8 pictures, and {name} {item!r} is {picture.dtype}")
        if picture.shape != (3, size, size):
            raise ValueError(f"mapped_photos wants pictures (3, {size}, {size}); {name} {item!r} is {picture.shape}")
        return picture

    key = hashlib.sha256(repr((name, size)).encode())
    for item in items:
        key.update(f"{item!r}\n".encode(errors="surrogateescape"))
    images = cached(f"mapped-{name}-{len(items)}-{size}px-{key.hexdigest()[:16]}", items, size, checked, progress)
    ids = torch.arange(len(items))
    return Photos(torch.from_numpy(images), torch.zeros_like(ids), ids, "train", SOURCE)
