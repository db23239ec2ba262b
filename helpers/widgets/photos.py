"""The widget of chapter 2: a photo, taken apart into lightness and color."""

from __future__ import annotations

import numpy as np
import torch

from ..color import rgb_to_lab
from ..data import Photos
from .controls import show, slider
from .drawing import panels_in_a_row, write
from .lab import LIMIT, ab_plane, pixels

HISTOGRAM_SIDE = 200
HISTOGRAM_CELL = 4  # pixels a bin
SHOWN_L = 65.0  # the lightness at which a color is shown that has none of its own


def photo_browser(photos: Photos, count: int = 12) -> None:
    """A slider over `count` photos, spread evenly over `photos`, and `browser_picture` of the chosen one.

    Returns nothing: call it alone in its cell. Raises ValueError for no photos or a count below 1.
    """
    if len(photos) < 1 or count < 1:
        raise ValueError(f"{len(photos)} photos and a count of {count}: there is nothing to browse")
    chosen = np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int).tolist()

    def draw(photo):
        index = chosen[photo - 1]
        name = photo_name(photos, index)
        return browser_picture(photos, index), f"{name}: the photo, its L, its color alone and its ab histogram."

    hint = "which part of the photo makes the long arm of the histogram? (Click the slider, then use the arrow keys.)"
    show(hint, {"photo": slider("photo", 1, 1, len(chosen))}, draw)


def _histogram(ab: np.ndarray) -> np.ndarray:
    """ab (2, ...) in Lab units as a picture: each bin in the color it stands for, brighter for more pixels (log)."""
    bins = HISTOGRAM_SIDE // HISTOGRAM_CELL
    column, row = (np.clip((v.ravel() / LIMIT + 1) / 2 * bins, 0, bins - 1).astype(int) for v in (ab[0], -ab[1]))
    counts = np.bincount(row * bins + column, minlength=bins**2).reshape(bins, bins, 1)
    share = np.log1p(counts) / np.log1p(counts.max())
    share = np.where(counts, 0.25 + 0.75 * share, 0)  # a single pixel must be seen
    color = pixels(torch.cat([torch.full((1, bins, bins), SHOWN_L), ab_plane(bins)]))
    picture = np.round(share * color + (1 - share) * 34).astype(np.uint8)
    return picture.repeat(HISTOGRAM_CELL, 0).repeat(HISTOGRAM_CELL, 1)


def photo_name(photos: Photos, index: int) -> str:
    number, label = int(photos.ids[index]), int(photos.labels[index])
    if number > 0:
        return f"image_{number:05d}.jpg, category {label + 1} of 102"
    from ..synthetic import KINDS

    return f"drawn flower {-number}: {KINDS[label].name}"


def browser_picture(photos: Photos, index: int) -> np.ndarray:
    """One photo, its L, its color alone (ab at constant L) and its ab histogram: uint8 (H, W, 3)."""
    image = photos.images[index].cpu()
    lab = rgb_to_lab(image)
    lightness, constant = lab.clone(), lab.clone()
    lightness[1:] = 0
    constant[0] = SHOWN_L
    panels = {
        "photo": image.permute(1, 2, 0).numpy(),
        "L alone": pixels(lightness),
        f"color alone (L = {SHOWN_L:g})": pixels(constant),
        "its pixels in ab (log scale)": _histogram(lab[1:].numpy()),
    }
    side = HISTOGRAM_SIDE
    canvas, draw, top = panels_in_a_row(panels, side, photo_name(photos, index))
    left, right, bottom = 8 + 3 * (side + 8), 8 + 4 * side + 24, top + side
    x, y = left + side // 2, top + side // 2
    draw.line((left, y, right - 1, y), fill=(90, 90, 90))
    draw.line((x, top, x, bottom - 1), fill=(90, 90, 90))
    places = {"+a": (right - 4, y + 3, "ra"), "−a": (left + 4, y + 3, "la")}
    places |= {"+b": (x + 4, top + 3, "la"), "−b": (x + 4, bottom - 4, "ld")}
    for text, (*at, anchor) in places.items():
        write(draw, tuple(at), text, 11, anchor, (200, 200, 200))
    return np.asarray(canvas)
