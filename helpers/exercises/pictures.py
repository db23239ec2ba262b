"""The expected picture of an exercise, and the student's own below it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..plots import photo_rows


def both(draw: Callable, ours: Callable, yours: Callable, cell: float = 1.7) -> None:
    """Two rows of pictures: `draw(ours)`, and `draw(yours)`, or empty frames where that is no row of such pictures."""
    import matplotlib.pyplot as plt

    titles, expected = as_row(draw(ours))
    try:
        _, answer = as_row(draw(yours))
        fits = [picture.shape for picture in answer] == [picture.shape for picture in expected]
    except Exception:  # a blank, a crash, a wrong shape: the check says which
        fits = False
    empty = [np.full_like(picture, 225) for picture in expected]
    figure = photo_rows({"expected": expected, "yours": answer if fits else empty}, cell=cell, titles=titles)
    if not fits:
        axis = figure.axes[len(expected)]
        axis.text(0.5, 0.5, "nothing to\nshow yet", transform=axis.transAxes, ha="center", va="center", color="#555555")
    plt.show()


def as_row(drawn) -> tuple[list[str] | None, list[np.ndarray]]:
    """Titles or None, and pictures, from one picture, a list of them or {title: picture}. ValueError for others."""
    titles = list(drawn) if isinstance(drawn, dict) else None
    row = list(drawn.values()) if titles else list(drawn) if isinstance(drawn, list | tuple) else [drawn]
    row = [np.asarray(picture) for picture in row]
    if not row or any(p.dtype != np.uint8 or p.ndim != 3 or p.shape[2] != 3 for p in row):
        raise ValueError("pictures are wanted, uint8 (H, W, 3)")
    return titles, row
