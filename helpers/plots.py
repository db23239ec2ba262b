"""Figures the notebooks and the README show."""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["as_pictures", "photo_rows"]


def as_pictures(images) -> list[np.ndarray]:
    """A uint8 tensor (N, 3, H, W) or a list of arrays (H, W, 3) as a list of arrays."""
    if isinstance(images, Tensor):
        return list(images.cpu().permute(0, 2, 3, 1).numpy())
    return [np.asarray(image) for image in images]


def photo_rows(rows: dict[str, object], cell: float = 1.7, titles: list[str] | None = None):
    """A grid of photos: each entry is a labeled row. Returns the matplotlib figure.

    rows: {label: uint8 (N, 3, H, W) or a list of (H, W, 3)}, all of the same N. cell: inches a photo.
    titles: a short text above each column. Raises ValueError when rows differ in length.
    """
    import matplotlib.pyplot as plt

    pictures = {label: as_pictures(images) for label, images in rows.items()}
    counts = {len(row) for row in pictures.values()}
    if len(counts) != 1:
        raise ValueError(f"every row needs the same number of photos, not {sorted(counts)}")
    (count,) = counts
    height, width = next(iter(pictures.values()))[0].shape[:2]
    longest = max(len(line) for label in pictures for line in label.splitlines())
    margin = 0.15 + 0.08 * longest  # inches, at 10 points a letter is at most about 0.08 wide
    size = (margin + cell * count, cell * height / width * len(pictures) + (0.3 if titles else 0.05))
    figure, axes = plt.subplots(len(pictures), count, figsize=size, squeeze=False)
    figure.subplots_adjust(
        left=margin / size[0], right=0.998, bottom=0.005, top=1 - (0.3 / size[1] if titles else 0.005),
        wspace=0.03, hspace=0.03,
    )  # fmt: skip
    for row, (label, images) in zip(axes, pictures.items(), strict=True):
        for axis, image in zip(row, images, strict=True):
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10, labelpad=6)
    for axis, title in zip(axes[0], titles or [], strict=False):
        axis.set_title(title, fontsize=9)
    return figure
