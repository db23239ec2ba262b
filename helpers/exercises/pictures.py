"""What an exercise should give, a picture or numbers, and the student's own beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

NOTHING = "nothing to\nshow yet"


def both(draw: Callable, ours: Callable, yours: Callable) -> None:
    """Show `draw(ours)`, expected, and `draw(yours)`, or `NOTHING` where that is no such thing.

    draw: gives pictures, uint8 (H, W, 3), one, a list, or a dict {title: picture}, or such a dict of numbers. One
    picture has yours beside it, several have yours in a row below them.
    """
    expected = as_row(draw(ours))
    try:
        with warnings.catch_warnings():  # of what is no number or not a real one, no picture can be made
            warnings.filterwarnings("error", "invalid value encountered in cast|Casting complex values")
            answer = as_row(draw(yours))
        fits = {name: np.shape(one) for name, one in answer.items()} == {
            n: np.shape(one) for n, one in expected.items()
        }
    except Exception:  # a blank, a crash, a wrong shape: the check says which
        fits = False
    if all(np.ndim(one) == 0 for one in expected.values()):
        print("expected:", in_numbers(expected))
        print("yours:   ", in_numbers(answer) if fits else NOTHING.replace("\n", " "))
    else:
        show_rows(expected, answer if fits else None)


def show_rows(expected: dict[str, np.ndarray], answer: dict[str, np.ndarray] | None) -> None:
    """The pictures of both, with an empty frame for each where there is no answer."""
    import matplotlib.pyplot as plt

    from ..plots import photo_rows

    first, many = list(expected.values()), len(expected) > 1
    cell = min(1.7, 8.5 / len(first)) if many else 2.4  # inches: eight in a row still fit the page
    second = list(answer.values()) if answer else [np.full_like(picture, 225) for picture in first]
    if many:
        titles = list(expected) if any(name.strip() for name in expected) else None
        figure = photo_rows({"expected": first, "yours": second}, cell=cell, titles=titles)
    else:
        figure = photo_rows({" ": first + second}, cell=cell, titles=["expected", "yours"])
    if not answer:
        axis = figure.axes[len(first)]
        axis.text(0.5, 0.5, NOTHING, transform=axis.transAxes, ha="center", va="center", color="#555555", fontsize=9)
    plt.show()


def as_row(drawn) -> dict[str, object]:
    """{title: picture or number}, titles blank where none are given. ValueError for anything else."""
    if not isinstance(drawn, dict):
        row = list(drawn) if isinstance(drawn, list | tuple) else [drawn]
        drawn = {" " * (i + 1): picture for i, picture in enumerate(row)}
    row = {title: np.asarray(one) for title, one in drawn.items()}
    pictures = all(one.dtype == np.uint8 and one.ndim == 3 and one.shape[2] == 3 for one in row.values())
    numbers = all(one.ndim == 0 and one.dtype.kind in "fiu" and np.isfinite(one) for one in row.values())
    if not row or not (pictures or numbers):
        raise ValueError("pictures are wanted, uint8 (H, W, 3), or numbers")
    return row


def in_numbers(row: dict) -> str:
    return ", ".join(f"{name} {float(one):.2f}" for name, one in row.items())
