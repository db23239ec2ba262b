"""Pictures drawn with Pillow: text and panels, which the modules of the widgets share.

About 20 ms for a whole picture: fast enough to follow a slider, where a matplotlib figure takes 100 and more.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, PALE = (30, 30, 30), (110, 110, 110)


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib  # its own font, so that widgets and figures look alike

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def write(draw: ImageDraw.ImageDraw, at: tuple, text: str, size: int = 12, anchor: str = "la", color=INK) -> None:
    """Text at a place; the hyphen before a digit becomes a minus."""
    draw.text(at, re.sub(r"-(?=\d)", "−", text), fill=color, font=font(size), anchor=anchor)


def checked_picture(picture, name: str, square: bool = False) -> np.ndarray:
    """The picture as an array, or a ValueError for what is not uint8 (H, W, 3)."""
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{name}: want uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    if square and picture.shape[0] != picture.shape[1]:
        raise ValueError(f"{name}: a square picture is wanted, not one of {picture.shape[:2]}")
    return picture


def panel(picture: np.ndarray, side: int) -> Image.Image:
    return Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)


def panels_in_a_row(panels: dict[str, Image.Image], title: str = "", below: int = 0) -> tuple[Image.Image, int]:
    """Square panels side by side, 8 px apart, each under its label: the picture, and the row where they begin.

    title: of the whole, above. below: pixels left free.
    """
    side, top = next(iter(panels.values())).width, 52 if title else 26
    canvas = Image.new("RGB", (len(panels) * (side + 8) + 8, top + side + 8 + below), "white")
    draw = ImageDraw.Draw(canvas)
    write(draw, (8, 6), title, 13)
    for i, (label, shown) in enumerate(panels.items()):
        canvas.paste(shown, (8 + i * (side + 8), top))
        write(draw, (8 + i * (side + 8) + side / 2, top - 4), label, 12, "md")
    return canvas, top
