"""The widgets of chapter 7: what a classifier sees in a photo, and two trainings side by side as they go on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from .controls import show, slider, switch
from .drawing import PALE, checked_versions, panel, white_canvas, write

SIDE = 200
BAR, ROW = 330, 30  # pixels: the longest bar; a class and its bar
SURE = (42, 111, 78)


def top_five(pictures: dict[str, Sequence], scores: dict[str, np.ndarray], names: Sequence[str]) -> None:
    """A slider over photos, a switch over their versions, and `top_five_picture` of the chosen one.

    pictures: {version, such as "color" or "gray": uint8 (H, W, 3) each}. scores: {the same versions: (N, classes)},
    a classifier's probabilities, 0 to 1. names: of the classes. Returns nothing: call it alone in its cell.
    Raises ValueError when these do not belong together.
    """
    versions, shape = checked_versions(pictures), (len(next(iter(pictures.values()))), len(names))
    if list(scores) != list(versions) or any(np.shape(found) != shape for found in scores.values()):
        found = {version: np.shape(found) for version, found in scores.items()}
        raise ValueError(f"scores of {', '.join(versions)} are wanted, {shape} each, not {found}")

    def draw(photo, version):
        found = scores[version][photo - 1]
        first = int(np.argmax(found))
        alt = f"Photo {photo} of {shape[0]} in {version}: the classifier says {names[first]}, {found[first]:.0%} sure"
        return top_five_picture(versions[version][photo - 1], found, names), f"{alt}; the next four below it."

    hint = "does it say the same in gray and in color? Where it is wrong, what did it look at?"
    show(hint, {"photo": slider("photo", 1, 1, shape[0]), "version": switch(list(versions))}, draw)


def top_five_picture(picture: np.ndarray, scores: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A photo, and beside it the five most likely classes with a bar for each: uint8 (H, W, 3).

    scores: probabilities (classes,), 0 to 1.
    """
    canvas, draw = white_canvas(SIDE + 8 * 3 + BAR + 52, SIDE + 16)
    canvas.paste(panel(picture, SIDE), (8, 8))
    left = SIDE + 24
    for place, one in enumerate(np.argsort(-np.asarray(scores), kind="stable")[:5]):
        top, share = 14 + place * (ROW + 8), float(scores[one])
        write(draw, (left, top), names[one][:44], 13)
        draw.rectangle((left, top + 19, left + round(share * BAR), top + 26), fill=SURE)
        write(draw, (left + round(share * BAR) + 6, top + 16), f"{share:.0%}", 11, color=PALE)
    return np.asarray(canvas)


def trainings_slider(moments: dict[str, dict[str, np.ndarray]]) -> None:
    """A slider over the moments of trainings: what each has painted by then. It stands at the last one.

    moments: {moment, as "after 20 s": {label: a row of pictures side by side, uint8 (H, W, 3)}}, each with the same
    labels. Returns nothing: call it alone in its cell. Raises ValueError for no moments or other labels.
    """
    if not moments or len({tuple(rows) for rows in moments.values()}) != 1 or not next(iter(moments.values())):
        raise ValueError("every moment needs the same rows, at least one: there is nothing to compare")
    for rows in moments.values():
        checked_versions({label: [row] for label, row in rows.items()})
    names = list(moments)

    def draw(moment):
        name = names[moment - 1]
        alt = f"{name}, moment {moment} of {len(names)}: rows of photos, {', '.join(moments[name])}."
        return rows_picture(moments[name], name), alt

    hint = "move back to the first moment. Which of the painters finds green leaves first, which the petals?"
    show(hint, {"moment": slider("moment", len(names), 1, len(names))}, draw)


def rows_picture(rows: dict[str, np.ndarray], title: str, width: int = 720) -> np.ndarray:
    """Rows of pictures, scaled to one width, each with its label before it, under a title: uint8 (H, W, 3)."""
    margin, top = 110, 30
    scaled = {}
    for label, row in rows.items():
        height = round(row.shape[0] * width / row.shape[1])
        scaled[label] = Image.fromarray(row).resize((width, height), Image.Resampling.BICUBIC)
    canvas, draw = white_canvas(margin + width + 8, top + sum(row.height + 6 for row in scaled.values()))
    write(draw, (margin, 7), title, 14)
    for label, row in scaled.items():
        canvas.paste(row, (margin, top))
        write(draw, (margin - 8, top + row.height // 2), label, 12, "rm")
        top += row.height + 6
    return np.asarray(canvas)
