"""The widgets of the Lab space: one color (`lab_explorer`), and all colors of one lightness (`gamut_slice`)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..color import in_gamut, lab_to_rgb
from .controls import show, slider
from .drawing import INK, white_canvas, write, write_lines

LIMIT = 110  # the ab plane is drawn from -110 to 110
SIDE = 331  # its side in pixels: odd, so that one pixel is exactly a = b = 0
LEFT, TOP = 62, 30  # where it stands in its picture
OUTSIDE = (238, 238, 238)
EDGE = (110, 110, 110)


def lab_explorer(L: int = 60, a: int = 40, b: int = 20) -> None:
    """Three sliders for one Lab color, and `lab_picture` of it. Returns nothing: call it alone in its cell."""

    def draw(L, a, b):
        rgb, real = rgb_words(L, a, b)
        state = "in gamut" if real else "out of gamut"
        return lab_picture(L, a, b), f"The Lab color {L}, {a}, {b}: RGB {rgb}, {state}, and its place on the ab plane."

    controls = {
        "L": slider("L lightness", L, 0, 100),
        "a": slider("a green–red", a, -LIMIT, LIMIT),
        "b": slider("b blue–yellow", b, -LIMIT, LIMIT),
    }
    hint = "keep a and b and change L: where does the color cease to exist? (Click a slider, then use the arrow keys.)"
    show(hint, controls, draw, "png")


def gamut_slice(L: int = 60) -> None:
    """A slider for L, and `gamut_picture` at that L. Returns nothing: call it alone in its cell."""

    def draw(L):
        return gamut_picture(L), f"The ab plane at L = {L}: every color that sRGB has at this lightness."

    hint = "at which L is blue at its strongest? And yellow? (Click the slider, then use the arrow keys.)"
    show(hint, {"L": slider("L lightness", L, 0, 100)}, draw, "png")


def pixels(lab: torch.Tensor) -> np.ndarray:
    """Lab float (3, H, W) as uint8 (H, W, 3), cut to what a screen can show."""
    return (lab_to_rgb(lab) * 255).round().byte().permute(1, 2, 0).numpy()


def ab_plane(side: int) -> torch.Tensor:
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
    lab = torch.cat([torch.full((1, SIDE, SIDE), float(L)), ab_plane(SIDE)])
    real = in_gamut(lab).numpy()
    around = np.pad(real, 1)  # the edge: unreal pixels beside a real one
    near = around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:]
    plane = np.where(real[..., None], pixels(lab), np.uint8(OUTSIDE))
    plane[near & ~real] = EDGE
    return plane


def _draw_plane(L: float, width: int, title: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A white picture of this width with the ab plane, its axes and its title at the left, and the pen for it."""
    canvas, draw = white_canvas(width, TOP + SIDE + 48)
    canvas.paste(Image.fromarray(_plane(L)), (LEFT, TOP))
    draw.rectangle((LEFT - 1, TOP - 1, LEFT + SIDE, TOP + SIDE), outline=INK)
    write(draw, (LEFT + SIDE / 2, 7), title, 13, "ma")
    for value in (-100, -50, 0, 50, 100):
        column, row = _place(value, value)
        draw.line((column, TOP + SIDE + 1, column, TOP + SIDE + 5), fill=INK)
        draw.line((LEFT - 5, row, LEFT - 1, row), fill=INK)
        write(draw, (column, TOP + SIDE + 8), str(value), 11, "ma")
        write(draw, (LEFT - 8, row), str(value), 11, "rm")
    write(draw, (LEFT + SIDE / 2, TOP + SIDE + 26), "green  ←  a  →  red", 12, "ma")
    label, pen = white_canvas(SIDE, 18)
    write(pen, (SIDE / 2, 0), "blue  ←  b  →  yellow", 12, "ma")
    canvas.paste(label.rotate(90, expand=True), (4, TOP))
    return canvas, draw


def gamut_picture(L: float) -> np.ndarray:
    """The ab plane at this L, 0 to 100, with only the colors that sRGB has, and axes: uint8 (H, W, 3)."""
    return np.asarray(_draw_plane(L, LEFT + SIDE + 20, f"every sRGB color at L = {L:g}")[0])


def rgb_words(L: float, a: float, b: float) -> tuple[list[int], bool]:
    """R, G, B of a Lab color in 0..255 before it is cut to that range, and whether it lies inside."""
    lab = torch.tensor([L, a, b], dtype=torch.float32).view(3, 1, 1)
    return (lab_to_rgb(lab, clip=False) * 255).round().int().flatten().tolist(), bool(in_gamut(lab))


def lab_picture(L: float, a: float, b: float) -> np.ndarray:
    """One Lab color: its place on the ab slice at that L, its patch, its gray, its RGB: uint8 (H, W, 3).

    A color outside sRGB is cut to 0..255, as a screen does, struck through, and the text gives the RGB it would need.
    """
    rgb, real = rgb_words(L, a, b)
    canvas, draw = _draw_plane(L, LEFT + SIDE + 260, f"where it lies among the colors of L = {L:g}")
    column, row = _place(a, b)
    draw.ellipse((column - 7, row - 7, column + 7, row + 7), outline="white", width=5)
    draw.ellipse((column - 6, row - 6, column + 6, row + 6), outline="black", width=2)
    left, right = LEFT + SIDE + 30, LEFT + SIDE + 245
    write(draw, (left, 7), "the color; below, its L alone", 13)
    patch, gray = pixels(torch.tensor([[L, a, b], [L, 0, 0]], dtype=torch.float32).T[..., None])[:, 0].tolist()
    draw.rectangle((left, TOP, right - 1, TOP + 169), fill=tuple(patch))
    draw.rectangle((left, TOP + 170, right - 1, TOP + 229), fill=tuple(gray))
    words = ["in gamut: a screen can show it"]
    if not real:
        words = ["OUT of gamut: RGB leaves 0–255.", "The patch shows the RGB cut off."]
        draw.line((left, TOP + 169, right, TOP), fill="white", width=5)
        draw.line((left, TOP + 169, right, TOP), fill="black", width=2)
    draw.rectangle((left - 1, TOP - 1, right, TOP + 230), outline=INK)
    lines = [f"Lab   {L:g}, {a:g}, {b:g}", f"RGB  {', '.join(map(str, rgb))}", *words]
    write_lines(draw, (left, TOP + 244), lines, 13, 22)
    return np.asarray(canvas)
