"""What the widgets show, as pure functions: numbers or photos in, a picture uint8 (H, W, 3) out.

    gamut_picture(L=60)            # every color that sRGB has at this lightness, on the ab plane
    lab_picture(L=60, a=40, b=20)  # one color: its patch, its gray, its RGB, its place on that plane
    browser_picture(photos, 0)     # a photo, its L, its color alone, its ab histogram
    skip_picture(gray, painted, truth)

Drawn with Pillow (see `drawing.py`): about 20 ms each. Those of chapters 4 to 6 are in the other `pictures_*.py`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..color import in_gamut, lab_to_rgb, rgb_to_lab
from ..data import Photos
from .drawing import INK, checked_picture, on_one_core, panel, panels_in_a_row, write

__all__ = [
    "browser_picture",
    "gamut_picture",
    "lab_picture",
    "photo_name",
    "rgb_words",
    "skip_picture",
]

LIMIT = 110  # the ab plane is drawn from -110 to 110
SIDE = 331  # its side in pixels: odd, so that one pixel is exactly a = b = 0
LEFT, TOP = 62, 30  # where it stands in its picture
OUTSIDE = (238, 238, 238)
EDGE = (110, 110, 110)


def _pixels(lab: torch.Tensor) -> np.ndarray:
    """Lab float (3, H, W) as uint8 (H, W, 3), cut to what a screen can show."""
    return (lab_to_rgb(lab) * 255).round().byte().permute(1, 2, 0).numpy()


def _one_color(L: float, a: float, b: float) -> torch.Tensor:
    return torch.tensor([L, a, b], dtype=torch.float32)[:, None, None]


def _ab_grid(side: int) -> torch.Tensor:
    """a and b at the middle of each pixel of a square plane: (2, side, side), a to the right, b upward."""
    at = ((torch.arange(side) + 0.5) / side * 2 - 1) * LIMIT
    return torch.stack([at.expand(side, side), -at[:, None].expand(side, side)])


def _place(a: float, b: float) -> tuple[int, int]:
    """Column and row of the pixel that stands for (a, b) in `gamut_picture` and `lab_picture`."""
    column, row = (np.floor((v / LIMIT + 1) / 2 * SIDE) for v in (a, -b))
    return int(LEFT + min(max(column, 0), SIDE - 1)), int(TOP + min(max(row, 0), SIDE - 1))


@lru_cache(maxsize=128)
def _plane(L: float) -> np.ndarray:
    """The ab plane at one L, uint8 (SIDE, SIDE, 3): real colors, a thin edge around them, light gray beyond."""
    lab = torch.cat([torch.full((1, SIDE, SIDE), float(L)), _ab_grid(SIDE)])
    real = in_gamut(lab).numpy()
    around = np.pad(real, 1)  # the edge: unreal pixels beside a real one
    near = around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:]
    plane = np.where(real[..., None], _pixels(lab), np.uint8(OUTSIDE))
    plane[near & ~real] = EDGE
    return plane


def _draw_plane(L: float, width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A white picture of this width with the ab plane and its axes at the left."""
    canvas = Image.new("RGB", (width, TOP + SIDE + 48), "white")
    canvas.paste(Image.fromarray(_plane(L)), (LEFT, TOP))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((LEFT - 1, TOP - 1, LEFT + SIDE, TOP + SIDE), outline=INK)
    for value in (-100, -50, 0, 50, 100):
        text = str(value).replace("-", "−")
        column, row = _place(value, value)
        draw.line((column, TOP + SIDE + 1, column, TOP + SIDE + 5), fill=INK)
        draw.line((LEFT - 5, row, LEFT - 1, row), fill=INK)
        write(draw, (column, TOP + SIDE + 8), text, 11, "ma")
        write(draw, (LEFT - 8, row), text, 11, "rm")
    write(draw, (LEFT + SIDE / 2, TOP + SIDE + 26), "green  ←  a  →  red", 12, "ma")
    label = Image.new("RGB", (SIDE, 18), "white")
    write(ImageDraw.Draw(label), (SIDE / 2, 0), "blue  ←  b  →  yellow", 12, "ma")
    canvas.paste(label.rotate(90, expand=True), (4, TOP))
    return canvas, draw


def _check_lightness(L: float) -> None:
    if not 0 <= L <= 100:
        raise ValueError(f"L is {L}: lightness goes from 0 (black) to 100 (white)")


# -------------------------------------------------------------------------------------- the pictures


@on_one_core
def gamut_picture(L: float) -> np.ndarray:
    """The ab plane at this L with only the colors that sRGB has, and axes: uint8 (H, W, 3).

    L: 0 to 100. a runs from -110 to 110 to the right, b upward. Raises ValueError for another L.
    """
    _check_lightness(L)
    canvas, draw = _draw_plane(L, LEFT + SIDE + 20)
    write(draw, (LEFT + SIDE / 2, 7), f"every sRGB color at L = {L:g}", 13, "ma")
    return np.asarray(canvas)


def rgb_words(L: float, a: float, b: float) -> tuple[list[int], bool]:
    """R, G, B of a Lab color in 0..255 before it is cut to that range, and whether it lies inside."""
    lab = _one_color(L, a, b)
    rgb = (lab_to_rgb(lab, clip=False) * 255).round().flatten().tolist()
    return [round(value) for value in rgb], bool(in_gamut(lab))


@on_one_core
def lab_picture(L: float, a: float, b: float) -> np.ndarray:
    """One Lab color: its place on the ab slice at that L, its patch, its gray, its RGB: uint8 (H, W, 3).

    L: 0 to 100; a, b: -110 to 110. A color outside sRGB is cut to 0..255, as a screen does, its patch is
    struck through, and the text gives the RGB it would need. Raises ValueError outside these ranges.
    """
    _check_lightness(L)
    if not (abs(a) <= LIMIT and abs(b) <= LIMIT):  # so that nan is refused too
        raise ValueError(f"a is {a} and b is {b}: choose both between -{LIMIT} and {LIMIT}")
    rgb, real = rgb_words(L, a, b)
    canvas, draw = _draw_plane(L, LEFT + SIDE + 260)
    write(draw, (LEFT + SIDE / 2, 7), f"where it lies among the colors of L = {L:g}", 13, "ma")
    column, row = _place(a, b)
    draw.ellipse((column - 7, row - 7, column + 7, row + 7), outline="white", width=5)
    draw.ellipse((column - 6, row - 6, column + 6, row + 6), outline="black", width=2)
    left, right = LEFT + SIDE + 30, LEFT + SIDE + 245
    for top, bottom, color in ((TOP, TOP + 170, (L, a, b)), (TOP + 170, TOP + 230, (L, 0, 0))):
        canvas.paste(tuple(_pixels(_one_color(*color))[0, 0].tolist()), (left, top, right, bottom))
    if not real:
        draw.line((left, TOP + 169, right, TOP), fill="white", width=5)
        draw.line((left, TOP + 169, right, TOP), fill="black", width=2)
    draw.rectangle((left - 1, TOP - 1, right, TOP + 230), outline=INK)
    write(draw, (left, 7), "the color; below, its L alone", 13)
    write(draw, (left, TOP + 244), f"Lab   {L:g}, {a:g}, {b:g}".replace("-", "−"), 13)
    write(draw, (left, TOP + 266), f"RGB  {', '.join(map(str, rgb))}".replace("-", "−"), 13)
    if real:
        write(draw, (left, TOP + 292), "in gamut: a screen can show it", 13)
    else:
        write(draw, (left, TOP + 292), "OUT of gamut: RGB leaves 0–255.", 13)
        write(draw, (left, TOP + 312), "The patch shows the RGB cut off.", 13)
    return np.asarray(canvas)


HISTOGRAM_SIDE = 200
HISTOGRAM_CELL = 4  # pixels a bin
SHOWN_L = 65.0  # the lightness at which a color is shown that has none of its own


def _histogram(ab: np.ndarray) -> np.ndarray:
    """ab (2, ...) in Lab units as a picture: each bin in the color it stands for, brighter for more pixels (log)."""
    bins = HISTOGRAM_SIDE // HISTOGRAM_CELL
    column, row = (np.clip((v.ravel() / LIMIT + 1) / 2 * bins, 0, bins - 1).astype(int) for v in (ab[0], -ab[1]))
    counts = np.bincount(row * bins + column, minlength=bins**2).reshape(bins, bins, 1)
    share = np.log1p(counts) / np.log1p(counts.max())
    share = np.where(counts, 0.25 + 0.75 * share, 0)  # a single pixel must be seen
    color = _pixels(torch.cat([torch.full((1, bins, bins), SHOWN_L), _ab_grid(bins)]))
    picture = np.round(share * color + (1 - share) * 34).astype(np.uint8)
    return picture.repeat(HISTOGRAM_CELL, 0).repeat(HISTOGRAM_CELL, 1)


def photo_name(photos: Photos, index: int) -> str:
    number, label = int(photos.ids[index]), int(photos.labels[index])
    if number > 0:
        return f"image_{number:05d}.jpg, category {label + 1} of 102"
    from ..synthetic import KINDS

    return f"drawn flower {-number}: {KINDS[label].name}"


@on_one_core
def browser_picture(photos: Photos, index: int) -> np.ndarray:
    """One photo, its L, its color alone (ab at constant L) and its ab histogram: uint8 (H, W, 3).

    index: position in `photos`. In the histogram each bin has the color it stands for and is the brighter
    the more pixels it holds, on a log scale. Raises IndexError when there is no such photo.
    """
    if not 0 <= index < len(photos):
        raise IndexError(f"there is no photo {index}: choose 0 to {len(photos) - 1}")
    image = photos.images[index].cpu()
    lab = rgb_to_lab(image)
    lightness, constant = lab.clone(), lab.clone()
    lightness[1:] = 0
    constant[0] = SHOWN_L
    side = HISTOGRAM_SIDE
    panels = {
        "photo": panel(image.permute(1, 2, 0).numpy(), side),
        "L alone": panel(_pixels(lightness), side),
        f"color alone (L = {SHOWN_L:g})": panel(_pixels(constant), side),
        "its pixels in ab (log scale)": Image.fromarray(_histogram(lab[1:].numpy())),
    }
    canvas, draw = panels_in_a_row(panels, photo_name(photos, index))
    left, top = 8 + 3 * (side + 8), 52
    middle = (left + side // 2, top + side // 2)
    draw.line((left, middle[1], left + side - 1, middle[1]), fill=(90, 90, 90))
    draw.line((middle[0], top, middle[0], top + side - 1), fill=(90, 90, 90))
    for at, text, anchor in (
        ((left + side - 4, middle[1] + 3), "+a", "ra"),
        ((left + 4, middle[1] + 3), "−a", "la"),
        ((middle[0] + 4, top + 3), "+b", "la"),
        ((middle[0] + 4, top + side - 4), "−b", "ld"),
    ):
        write(draw, at, text, 11, anchor, (200, 200, 200))
    return np.asarray(canvas)


def skip_picture(gray: np.ndarray, painted: np.ndarray, truth: np.ndarray, title: str = "painted") -> np.ndarray:
    """Gray, painted and truth side by side, uint8 (H, W, 3). title: what the painted one is.

    The three are square pictures uint8 (S, S, 3) of any size. Raises ValueError for anything else.
    """
    pictures = {"gray (what it sees)": gray, title: painted, "truth": truth}
    pictures = {name: checked_picture(picture, name) for name, picture in pictures.items()}
    if len({picture.shape for picture in pictures.values()}) != 1:
        raise ValueError(f"the pictures differ in size: {[p.shape[:2] for p in pictures.values()]}")
    canvas, _ = panels_in_a_row({name: panel(picture, 240) for name, picture in pictures.items()}, "")
    return np.asarray(canvas)[26:]
