"""Figures of Matplotlib as pictures. None of them is pyplot's: a drawing that fails leaves no open figure behind."""

from __future__ import annotations

import numpy as np

__all__ = ["canvas", "picture_of"]


def canvas(width: float, height: float):
    """(figure, axis): one axis on a figure of so many inches, 140 pixels each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=140, layout="constrained")
    return figure, figure.add_subplot()


def picture_of(figure) -> np.ndarray:
    """A figure as it is drawn, uint8 (H, W, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    return np.asarray(drawn.buffer_rgba())[..., :3].copy()
