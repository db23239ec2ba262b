"""Pictures drawn with Pillow: what the modules of the widgets share.

About 20 ms for a whole picture: fast enough to follow a slider, where a matplotlib figure takes 100 and more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..plots import as_pictures

INK, PALE = (30, 30, 30), (110, 110, 110)


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib  # its own font, so that widgets and figures look alike

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def write(draw: ImageDraw.ImageDraw, at: tuple, text: str, size: int = 12, anchor: str = "la", color=INK) -> None:
    """Text at a place; the hyphen before a digit becomes a minus."""
    draw.text(at, re.sub(r"-(?=\d)", "−", text), fill=color, font=font(size), anchor=anchor)


def write_lines(draw: ImageDraw.ImageDraw, at: tuple, lines: Sequence, size: int, step: int) -> None:
    """Lines of text, each `step` pixels below the one before; a line may also be a pair (text, color)."""
    for i, line in enumerate(lines):
        text, color = (line, INK) if isinstance(line, str) else line
        write(draw, (at[0], at[1] + step * i), text, size, color=color)


def white_canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A white picture and the pen for it."""
    canvas = Image.new("RGB", (width, height), "white")
    return canvas, ImageDraw.Draw(canvas)


def checked_versions(versions: Mapping[str, Sequence], square: bool = False) -> dict[str, list[np.ndarray]]:
    """Versions of the same photos by name, each a list of uint8 (H, W, 3), or a ValueError if they do not match."""
    lists = {name: as_pictures(pictures) for name, pictures in versions.items()}
    counts = {name: len(pictures) for name, pictures in lists.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ValueError(f"want the same number of photos in each, at least one, not {counts}")
    for photo in zip(*lists.values(), strict=True):
        for name, picture in zip(lists, photo, strict=True):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError(f"{name}: want uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
            if square and picture.shape[0] != picture.shape[1]:
                raise ValueError(f"{name}: a square picture is wanted, not one of {picture.shape[:2]}")
            if picture.shape != photo[0].shape:
                raise ValueError(f"{name} and {next(iter(lists))} differ in size: {picture.shape}, {photo[0].shape}")
    return lists


def panel(picture: np.ndarray, side: int) -> Image.Image:
    return Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)


def panels_in_a_row(
    pictures: dict[str, np.ndarray], side: int, title: str = "", below: int = 0
) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    """Square panels side by side, 8 px apart, each under its label: the picture, its pen, the row where they begin.

    title: of the whole, above. below: pixels left free.
    """
    top = 52 if title else 26
    canvas, draw = white_canvas(len(pictures) * (side + 8) + 8, top + side + 8 + below)
    write(draw, (8, 6), title, 13)
    for i, (label, picture) in enumerate(pictures.items()):
        canvas.paste(panel(picture, side), (8 + i * (side + 8), top))
        write(draw, (8 + i * (side + 8) + side / 2, top - 4), label, 12, "md")
    return canvas, draw, top
