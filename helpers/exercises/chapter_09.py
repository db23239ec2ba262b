"""Checks for chapter 9, You choose the colors. The truth is found by plain loops over pixels and pairs."""

from __future__ import annotations

import numpy as np

from .hints import Hint, ask, compare, judge_each, numbers


def _put_hint(function) -> str:
    """09-1: hints (3, H, W), row, column, ab, side -> a copy with one more square of a, b and 1."""
    import torch

    before = torch.zeros(3, 9, 12)
    before[:, 4, 5] = torch.tensor([-0.3, 0.2, 1.0])
    cases = [(4, 6, 3), (0, 0, 5), (8, 11, 5), (1, 10, 3), (5, 2, 1)]
    ab = (0.5, -0.25)

    def put(row, column, side, value=1.0, swap=False, reach=None) -> np.ndarray:
        out, r = before.numpy().astype(float).copy(), side // 2 if reach is None else reach
        row, column = (column, row) if swap else (row, column)
        for y in range(9):
            for x in range(12):
                if abs(y - row) <= r and abs(x - column) <= r:
                    out[:, y, x] = (*ab, value)
        return out

    def wrapped(row, column, side) -> np.ndarray:
        out, r = before.numpy().astype(float).copy(), side // 2
        out[:, row - r : row + r + 1, column - r : column + r + 1] = np.array([*ab, 1.0]).reshape(3, 1, 1)
        return out

    def corner(row, column, side) -> np.ndarray:
        out = before.numpy().astype(float).copy()
        out[:, row : row + side, column : column + side] = np.array([*ab, 1.0]).reshape(3, 1, 1)
        return out

    mistakes = {
        "the mask is missing: the third channel is 1 where something is told": [put(*c, value=0.0) for c in cases],
        "row and column are swapped: the second dimension of the map is rows, the third columns": [
            put(*c, swap=True) for c in cases
        ],
        "right inside. At the border a slice that begins at a negative number counts from the other end: begin at 0": [
            wrapped(*c) for c in cases
        ],
        "the square begins at the place: the place should be its middle": [corner(*c) for c in cases],
        "the square is too large: `side` is its whole side, so it reaches side // 2 to each side": [
            put(*c, reach=c[2]) for c in cases
        ],
        "only the pixel itself is told: the whole square should be": [put(*c, reach=0) for c in cases],
    }
    shape = {"what": "the map"}
    given = before.clone()
    first = ask(function, given, 4, 6, ab, 3)
    if torch.equal(given, before) is False:
        raise Hint("the map you were given was changed: return a copy (`hints.clone()`)")
    if getattr(first, "shape", None) == (1, 3, 9, 12):
        raise Hint("a map (3, H, W) is wanted, without a dimension for the batch")
    arguments = [(before.clone(), row, column, ab, side) for row, column, side in cases]
    judge_each(function, arguments, [put(*c) for c in cases], mistakes, 1e-6, **shape)
    return "right, at the border too, and the map you were given is as it was"


def _alike(function) -> str:
    """09-2: one (D, n), other (D, m) -> exp(-squared distance), (n, m)."""
    import torch

    generator = torch.Generator().manual_seed(2)
    one, other = torch.rand(3, 4, generator=generator), torch.rand(3, 5, generator=generator)
    other[:, 1] = one[:, 2]
    pairs = [[(a - b).double().numpy() for b in other.T] for a in one.T]
    squares = np.array([[(d**2).sum() for d in row] for row in pairs])
    got = numbers(
        ask(function, one.clone(), other.clone()),
        (4, 5),
        "the likeness",
        {
            (5, 4): "turned around: a row for each column of `one`, a column for each of `other`",
            (3, 4, 5): "the squares of each of the D numbers are still apart: add them up (`sum(0)`) before exp",
            (4, 5, 3): "the squares of each of the D numbers are still apart: add them up before exp",
            (4,): "each of `one` should be compared with *each* of `other`: (4, 5) numbers",
        },
    )
    compare(
        got,
        np.exp(-squares),
        {
            "this is the squared distance itself: take exp of minus it": squares,
            "this is the distance: square it, and take exp of minus that": np.sqrt(squares),
            "the distance is not squared: exp(−d²)": np.exp(-np.sqrt(squares)),
            "it grows with the distance: exp of *minus* d²": np.exp(squares),
            "the mean over the D numbers was taken: a distance adds their squares": np.exp(-squares / 3),
            "d² / 2: here without the half": np.exp(-squares / 2),
            "the differences are added before they are squared": np.exp(
                -np.array([[d.sum() ** 2 for d in row] for row in pairs])
            ),
            "this is the product of the addresses, not their distance": np.exp(
                -np.array([[float(a @ b) for b in other.T] for a in one.T])
            ),
        },
        1e-5,
    )
    return f"right: the same address gives {got[2, 1]:.0f}, the farthest two of these {got.min():.2f}"


def _average(function) -> str:
    """09-3: painted (n, c), told (k, c), counts (n, k) -> the weighted mean (n, c), where what was painted counts 1."""
    import torch

    painted = np.array([[0.1, 0.2], [0.3, -0.1], [0.0, 0.0], [-0.2, 0.4], [0.2, 0.1]])
    told = np.array([[0.6, -0.3], [0.5, 0.3], [-0.4, 0.1]])
    counts = np.array([[20.0, 0.0, 0.1], [0.5, 0.5, 2.0], [0.0, 0.0, 0.0], [3.0, 8.0, 0.2], [0.1, 0.0, 6.0]])
    given = [torch.tensor(x, dtype=torch.float32) for x in (painted, told, counts)]
    got = numbers(
        ask(function, *given),
        (5, 2),
        "the colors",
        {
            (2, 5): "turned around: a row for each cell, a column for each channel",
            (3, 2): "a color for each *cell* is wanted, not for each hint",
        },
    )
    total, said = counts.sum(1, keepdims=True), counts @ told
    mistakes = {
        "this is the sum: divide by all that counts, 1 and the hints": painted + said,
        "the 1 of what was painted is missing below: the weights should sum to 1": (painted + said)
        / np.maximum(total, 1e-9),
        "what was painted is missing: it counts 1, so where no hint counts it stays": said / np.maximum(total, 1e-9),
        "what was painted is in the sum below, and missing above": said / (1 + total),
        "each hint counts the same here: weigh them by `counts`": (painted + told.sum(0)) / (1 + len(told)),
        "divided by the number of hints, and 1, not by how much they count": (painted + said) / (1 + len(told)),
        "what was painted is weighed by what the hints count: it counts 1": (painted * total + said)
        / np.maximum(2 * total, 1e-9),
        "only the hint that counts most was heard: all count, the more the more": (
            painted + counts.max(1, keepdims=True) * told[counts.argmax(1)]
        )
        / (1 + counts.max(1, keepdims=True)),
    }
    compare(got, (painted + said) / (1 + total), mistakes, 1e-5)
    off = np.abs(got[0] - told[0]).max()
    return f"right: where a hint counts 20 the color is within {off:.2f} of it, and where none counts it stays"


def _next_place(function) -> str:
    """09-4: error (H, W), side -> (row, column) of the largest mean over a square, zeros outside."""
    import torch

    rng = np.random.default_rng(9)
    errors = []
    for top, left in ((3, 15), (14, 4), (10, 11)):
        error = rng.uniform(0, 0.2, (18, 25))
        error[top : top + 3, left : left + 3] += 0.8
        error[-1, -1] = error[0, 0] = 2.0  # a single odd pixel, and at the border
        errors.append(error)
    side = 3

    def smooth(error, divide_inside=False) -> np.ndarray:
        out = np.zeros_like(error)
        for y in range(18):
            for x in range(25):
                part = error[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
                out[y, x] = part.mean() if divide_inside else part.sum() / side**2
        return out

    def place(found: np.ndarray) -> list[int]:
        return [int(i) for i in np.unravel_index(found.argmax(), found.shape)]

    truth = [place(smooth(error)) for error in errors]
    mistakes = {
        "this is the largest single pixel: smooth the error first": [place(error) for error in errors],
        "row and column are swapped": [p[::-1] for p in truth],
        "this is the place of the *smallest* mean": [place(-smooth(error)) for error in errors],
        "off by one: without padding the smoothed map is smaller, and its place 0 is the picture's place 1": [
            [p[0] - 1, p[1] - 1] for p in truth
        ],
    }
    arguments = [(torch.tensor(error, dtype=torch.float32), side) for error in errors]
    first = ask(function, *arguments[0])
    if isinstance(first, int | np.integer) or getattr(first, "ndim", 1) == 0:
        raise Hint(
            "one number came back, the place in the *flattened* map: divmod(number, columns) gives row and column"
        )
    judge_each(function, arguments, truth, mistakes, 0, what="the place")
    return "right: a single odd pixel does not decide"


EXERCISES = {"09-1": _put_hint, "09-2": _alike, "09-3": _average, "09-4": _next_place}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_put_hint(hints, row, column, ab, side):
    from ..models import place_hint

    out = hints.clone()
    place_hint(out, row, column, ab, side)
    return out


def _our_alike(one, other):
    import torch

    return torch.exp(-(one[:, :, None] - other[:, None]).square().sum(0))


def _our_average(painted, told, counts):
    return (painted + counts @ told) / (1 + counts.sum(1, keepdim=True))


def _our_next_place(error, side):
    import torch.nn.functional as F

    smooth = F.avg_pool2d(error[None, None], side, 1, side // 2)[0, 0]
    return divmod(int(smooth.argmax()), smooth.shape[1])


OURS = {"09-1": _our_put_hint, "09-2": _our_alike, "09-3": _our_average, "09-4": _our_next_place}
