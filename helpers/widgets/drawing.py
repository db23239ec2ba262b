"""Pictures drawn with Pillow: fonts, text, panels. What all the `pictures*.py` share.

About 20 ms for a whole picture: fast enough to follow a slider, where a matplotlib figure takes 100 and more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

__all__ = ["INK", "checked_picture", "font", "on_one_core", "panel", "panels_in_a_row", "write"]

INK = (30, 30, 30)


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib  # its own font, so that widgets and figures look alike

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int = 12, anchor: str = "la", color=INK
) -> None:
    draw.text(at, text, fill=color, font=font(size), anchor=anchor)


def on_one_core(draw: Callable) -> Callable:
    """A drawing function that leaves the other cores alone: 10 ms of work is not worth waiting for a busy one.

    Shared between two cores, of which another process holds one, it took a whole second, too slow for a slider.
    """

    @wraps(draw)
    def drawn(*arguments, **named):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return draw(*arguments, **named)
        finally:
            torch.set_num_threads(threads)

    return drawn


def panel(picture: np.ndarray, side: int) -> Image.Image:
    return Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)


def checked_picture(picture, name: str) -> np.ndarray:
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{name}: want uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    return picture


def panels_in_a_row(panels: dict[str, Image.Image], title: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Square panels side by side, each under its label, and a title above all."""
    side = next(iter(panels.values())).width
    canvas = Image.new("RGB", (len(panels) * (side + 8) + 8, side + 60), "white")
    draw = ImageDraw.Draw(canvas)
    write(draw, (8, 6), title, 13)
    for i, (label, shown) in enumerate(panels.items()):
        canvas.paste(shown, (8 + i * (side + 8), 52))
        write(draw, (8 + i * (side + 8) + side / 2, 48), label, 12, "md")
    return canvas, draw
