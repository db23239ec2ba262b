"""A folder of one's own photos in place of Flowers102."""

from __future__ import annotations

from pathlib import Path

import torch

from ..backstage.checks import check_whole
from ..backstage.collection import SPLITS, photos_of
from ..data import Photos

__all__ = ["SOURCE", "load_photos"]

SOURCE = "own photos"


def load_photos(
    folder: str | Path, split: str, size: int = 64, seed: int = 0, limit: int | None = None, progress: bool = True
) -> Photos:
    """Any pictures in a folder and below as one tensor, decoded once and read from a cache ever after. Chapter 11.

    folder: read by the rules of coloring (`open_image`): every format that opens there, profiles followed, turned
    upright, hidden files passed over. What cannot be read is left out, and named in a line that is printed.
    split: "train", "val" or "test": a tenth of the photos each for val and test, at most 1,000, the others for train.
    seed: of the lot that is drawn. It goes by the photos' pixels: copies under other names are counted once, and a
    folder that was moved is split as before. size: side in pixels, 8 to 512: the short side is scaled, the center
    cropped. limit: at most so many. progress: show a bar while reading.
    Returns `Photos` with source "own photos"; ids: the place of each by name among all that can be used, from 0;
    labels: 0, since nobody has named them. Images are memory-mapped, so that a set may be larger than the memory.
    Raises ValueError or TypeError for a wrong argument; DataError for a folder that does not exist, holds no pictures
    or fewer than three that can be used, or when they cannot be cached.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose train, val or test")
    check_whole("load_photos", 8, 512, size=size)
    check_whole("load_photos", 0, seed=seed)
    check_whole("load_photos", 1, limit=1 if limit is None else limit)
    images, ids = photos_of(folder, split, size, seed, limit, progress)
    ids = torch.from_numpy(ids)
    return Photos(torch.from_numpy(images), torch.zeros_like(ids), ids, split, SOURCE)
