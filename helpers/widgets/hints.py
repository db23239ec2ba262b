"""The widget of chapter 9: a photo to click, a color to pick, and the network paints it anew.

choice = choose_colors("photo.jpg", weights="flowers-hints")       # in a notebook
choice.hints                                                       # [(120, 80, "#d02060")], in the photo's pixels
colorizer.colorize("photo.jpg", hints=choice.hints)                # the same at full size
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..backstage.told import checked_hints
from ..inference import GUIDED, Colorizer, open_image
from ..models import HintUNet
from .controls import encode, in_page, stage
from .drawing import INK, white_canvas, write

MOST = 50  # hints, as many as chapter 9 measures
SHOWN = 256  # pixels: the longer side of the photo that is clicked and painted
SIDE = 232  # of each panel of the still picture
FIRST = "#c8285a"


class HintChoice:
    """What `choose_colors` returns. hints: [(x, y, "#rrggbb")] as they stand now, in pixels of the photo it was given.

    picture: the photo as it is painted now, uint8 (H, W, 3), 256 px on its longer side.
    """

    def __init__(self, hints: list[tuple[int, int, str]], picture: np.ndarray):
        self.hints, self.picture = hints, picture


def choose_colors(photo, hints: Sequence = (), weights: str | Path | Colorizer = GUIDED) -> HintChoice:
    """A photo to click: each click is a hint of the picked color, and the network paints anew. Below, a still picture.

    photo: see `helpers.inference.open_image`; the colors it may have are not used. hints: to begin with, (x, y, color)
    in pixels of the photo; without a page that can be clicked (or without `anywidget`) these are all, and the still
    picture shows what becomes of them. weights: a name, a file, or a `Colorizer`, that takes hints.
    Hints can be moved (drag, or arrow keys), recolored, removed (Delete) and undone (Ctrl+Z).
    Raises ValueError for hints that make no sense in this photo and weights that take none, and as `open_image` does.
    """
    colorizer = weights if isinstance(weights, Colorizer) else Colorizer.from_pretrained(weights)
    if not isinstance(colorizer.model, HintUNet):
        raise ValueError(f'these weights take no hints: choose "{GUIDED}"')
    colorizer = Colorizer(_remembering(colorizer.model), colorizer.size, colorizer.card, colorizer.device)
    full, _ = open_image(photo)
    given = checked_hints(hints, full.shape[1], full.shape[0])
    scale = min(1.0, SHOWN / max(full.shape[:2]))
    width, height = (max(1, round(side * scale)) for side in full.shape[1::-1])
    small = np.asarray(Image.fromarray(full).resize((width, height), Image.Resampling.LANCZOS))
    plain = colorizer.colorize(small)
    gray = colorizer.colorize(small, saturation=0)

    def paint(now: list[tuple]) -> np.ndarray:
        return colorizer.colorize(small, hints=now) if now else plain

    def in_full(x: int, y: int) -> tuple[int, int]:
        return (2 * x + 1) * full.shape[1] // (2 * width), (2 * y + 1) * full.shape[0] // (2 * height)

    def in_small(x: int, y: int) -> tuple[int, int]:
        return (2 * x + 1) * width // (2 * full.shape[1]), (2 * y + 1) * height // (2 * full.shape[0])

    shown = [(*in_small(x, y), _as_web(rgb)) for x, y, rgb in given]
    choice = HintChoice([(x, y, _as_web(rgb)) for x, y, rgb in given], paint(shown))

    def draw() -> tuple[np.ndarray, str]:
        places = [(*in_small(x, y), color) for x, y, color in choice.hints]
        told = ", ".join(f"{color} at {x}, {y}" for x, y, color in choice.hints) or "none"
        alt = f"A photo in gray with its hints ({told}), painted without them, and painted with them."
        return hints_picture(gray, plain, choice.picture, places), alt

    def changed(now: list[tuple]) -> np.ndarray:
        choice.picture = paint(now)
        choice.hints = [(*in_full(x, y), color) for x, y, color in now]
        return choice.picture

    painter = _painter(choice.picture, shown, changed, lambda: draw_anew())
    hint = "click a petal. How far does the color go? Pick another color and click a leaf."
    draw_anew = stage(f"{hint} (Tab reaches everything; arrow keys aim and move.)", painter, draw)
    return choice


def _remembering(model: HintUNet) -> HintUNet:
    """The same network; what its still part made of the last L is kept, for it is always that of one photo."""
    twin, last = copy.copy(model), {}

    def paint(L):
        if "L" not in last or not torch.equal(last["L"], L):
            last.update(L=L, painted=model.paint(L))
        return last["painted"]

    twin.paint = paint
    return twin


def _as_web(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _painter(picture: np.ndarray, hints: list, changed: Callable[[list], np.ndarray], then: Callable) -> list:
    """The clickable photo, alone in a list; or a word why there is none, where `anywidget` is not installed.

    changed: paints anew. then: called once the page has that picture.
    """
    height, width = picture.shape[:2]
    start = {"size": [width, height], "hints": [list(hint) for hint in hints], "colored": _as_url(picture)}
    # turn counts what the page asked for, painted is the last of it that was answered
    widget = in_page("HintPainter", "hints.js", color=FIRST, most=MOST, turn=0, painted=0, **start)
    if widget is None:
        import ipywidgets

        return [ipywidgets.HTML("This photo cannot be clicked: run  pip install anywidget, and restart the kernel.")]

    def answer(change) -> None:
        try:
            told = checked_hints([tuple(hint) for hint in widget.hints[:MOST]], width, height)
            widget.colored = _as_url(changed([(x, y, _as_web(rgb)) for x, y, rgb in told]))
        finally:
            widget.painted = change["new"]  # or the page would wait for ever
        then()

    widget.observe(answer, names="turn")
    return [widget]


def _as_url(picture: np.ndarray) -> str:
    return f"data:image/jpeg;base64,{encode(picture, 'jpeg')}"


def hints_picture(gray: np.ndarray, plain: np.ndarray, told: np.ndarray, hints: Sequence[tuple]) -> np.ndarray:
    """A photo in gray with numbered hints, painted without them and with them, side by side: uint8 (H, W, 3).

    gray, plain, told: uint8 (h, w, 3), alike. hints: (x, y, color) in their pixels.
    """
    height, width = gray.shape[:2]
    zoom = SIDE / max(height, width)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    labels = ["what it sees, and your hints", "painted without", f"painted with {len(hints)}"]
    canvas, draw = white_canvas(3 * (SIDE + 8) + 8, size[1] + 34)
    for i, (label, picture) in enumerate(zip(labels, (gray, plain, told), strict=True)):
        left = 8 + i * (SIDE + 8) + (SIDE - size[0]) // 2
        canvas.paste(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), (left, 26))
        write(draw, (8 + i * (SIDE + 8) + SIDE / 2, 22), label, 12, "md")
    left = 8 + (SIDE - size[0]) // 2
    for i, (x, y, color) in enumerate(hints):
        at = left + (x + 0.5) * zoom, 26 + (y + 0.5) * zoom
        draw.ellipse((at[0] - 7, at[1] - 7, at[0] + 7, at[1] + 7), fill=color, outline="white", width=2)
        write(draw, at, str(i + 1), 10, "mm", "white" if sum(checked_hints([(0, 0, color)], 1, 1)[0][2]) < 400 else INK)
    return np.asarray(canvas)
