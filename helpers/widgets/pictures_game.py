"""The pictures of the game "real or colored?", its fair order, and what a score is worth.

order = fair_order(photos=40, count=20, seed=0)      # [(photo, is it real?), …]
question_picture(shown, asked=3, count=20, answers=[(True, True), (False, True)])
wilson(14, 20)                                       # (0.48, 0.85): 14 of 20 right could be luck
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from .drawing import INK, checked_picture, on_one_core, panel, write

__all__ = ["coin_range", "fair_order", "question_picture", "result_picture", "wilson"]

RIGHT, WRONG = (27, 120, 70), (200, 60, 20)
PALE = (110, 110, 110)
WIDTH, SIDE = 912, 320
AXIS = 470  # width of the axis from 0 to 100 %
LEFT = 8 + SIDE + 60  # of the text beside the picture


def fair_order(photos: int, count: int, seed: int = 0) -> list[tuple[int, bool]]:
    """Which photos the game shows and whether each is real: `count` pairs (index, real) in random order.

    Exactly half are real, and no photo comes twice: who has seen it once would know. The same seed, the same order.
    Raises ValueError for an odd count, for one below 2, or for more than there are photos.
    """
    if count < 2 or count % 2:
        raise ValueError(f"the count is {count}: an even number is wanted, so that half of the pictures are real")
    if count > photos:
        raise ValueError(f"{count} rounds need as many photos, and there are {photos}: pass a smaller count")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(photos, count, replace=False)
    real = rng.permutation(np.arange(count) < count // 2)
    return list(zip(chosen.tolist(), real.tolist(), strict=True))


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `count` (Wilson 1927): (low, high), both in 0 to 1.

    Unlike right / count ± z * its standard error it is never narrower than it may be at 0 or 100 %, and never leaves
    0 to 1. Raises ValueError unless 0 <= right <= count and count > 0.
    """
    if not 0 <= right <= count or count <= 0:
        raise ValueError(f"{right} of {count} is no share")
    share, weight = right / count, z**2 / count
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


@lru_cache(maxsize=64)
def coin_range(count: int) -> tuple[int, int]:
    """(low, high): a fair coin is right so often, of `count` times, with a chance of at least 95 %.

    What it leaves out at either end has a chance of at most 2.5 % (the binomial distribution, exactly).
    """
    chances, low = [math.comb(count, k) / 2**count for k in range(count + 1)], 0
    while sum(chances[: low + 1]) <= 0.025:
        low += 1
    return low, count - low


def _score_lines(answers: Sequence[tuple[bool, bool]]) -> tuple[int, list[str]]:
    right = sum(real == said for real, said in answers)
    low, high = wilson(right, len(answers))
    least, most = coin_range(len(answers))
    coin = f"{least} to {most}" if least < most else f"{least}"
    return right, [
        f"your score: {right} of {len(answers)} right ({right / len(answers):.0%})",
        f"95 % interval: {low:.0%} to {high:.0%}",
        f"flipping a coin: {coin} of {len(answers)} right, in 95 % of games",
    ]


def _axis(draw: ImageDraw.ImageDraw, left: int, top: int, right: int, count: int) -> None:
    """0 to 100 % right: the score, its interval, and the line of chance."""

    def x(share: float) -> float:
        return left + share * AXIS

    draw.line((left, top + 30, left + AXIS, top + 30), fill=PALE)
    for share in (0, 0.25, 0.5, 0.75, 1):
        draw.line((x(share), top + 30, x(share), top + 34), fill=PALE)
        write(draw, (x(share), top + 37), f"{share:.0%}", 11, "ma", PALE)
    for dash in range(0, 28, 6):
        draw.line((x(0.5), top + dash, x(0.5), top + min(dash + 3, 28)), fill=INK)
    write(draw, (x(0.5), top - 3), "coin", 11, "md")
    low, high = wilson(right, count)
    draw.line((x(low), top + 14, x(high), top + 14), fill=(31, 90, 160), width=5)
    draw.ellipse((x(right / count) - 7, top + 7, x(right / count) + 7, top + 21), fill=(31, 90, 160))


@on_one_core
def question_picture(picture: np.ndarray, asked: int, count: int, answers: Sequence[tuple[bool, bool]]) -> np.ndarray:
    """The picture to judge and the score so far: uint8 (H, W, 3).

    picture: square, uint8 (S, S, 3). asked: its number, from 1. count: how many there are. answers: (was it real,
    was it called real) of those before. Raises ValueError for another kind of picture.
    """
    picture = checked_picture(picture, "picture")
    canvas = Image.new("RGB", (WIDTH, SIDE + 42), "white")
    draw = ImageDraw.Draw(canvas)
    write(draw, (8 + SIDE / 2, 8), f"picture {asked} of {count}", 14, "ma")
    canvas.paste(panel(picture, SIDE), (8, 34))
    if not answers:
        lines = ("Are these the colors of the photo,", "or did a network paint them?", "")
        lines += ("Half of the pictures are real.", "No photo comes twice.")
        for i, line in enumerate(lines):
            write(draw, (LEFT, 60 + 24 * i), line, 15)
        return np.asarray(canvas)
    real, said = answers[-1]
    mark, color = ("✓ right", RIGHT) if real == said else ("✗ wrong", WRONG)
    write(draw, (LEFT, 44), f"{mark}: the last one was {_word(real)}", 15, color=color)
    right, lines = _score_lines(answers)
    for i, line in enumerate(lines):
        write(draw, (LEFT, 92 + 26 * i), line, 14)
    _axis(draw, LEFT, 206, right, len(answers))
    for i, (real, said) in enumerate(answers):
        at = (LEFT + 20 * (i % 24), 286 + 22 * (i // 24))
        ok = real == said
        write(draw, at, "✓" if ok else "✗", 15, color=RIGHT if ok else WRONG)
    return np.asarray(canvas)


def _word(real: bool) -> str:
    return "real" if real else "colored"


@on_one_core
def result_picture(
    shown: Sequence[np.ndarray], truth: Sequence[np.ndarray], answers: Sequence[tuple[bool, bool]]
) -> np.ndarray:
    """The end of the game: the score, what it is worth, and each picture with its truth and your answer.

    shown: the pictures as they were shown, square, uint8 (S, S, 3). truth: the same photos in their true colors.
    answers: (was it real, was it called real), one for each. A colored one carries its truth in the corner.
    Returns uint8 (H, W, 3). Raises ValueError when the three differ in length, or are empty.
    """
    if not len(shown) == len(truth) == len(answers) or not answers:
        raise ValueError(f"{len(shown)} pictures, {len(truth)} truths and {len(answers)} answers do not match")
    side, across = 172, 5
    rows = math.ceil(len(shown) / across)
    canvas = Image.new("RGB", (WIDTH, 148 + rows * (side + 32)), "white")
    draw = ImageDraw.Draw(canvas)
    right, lines = _score_lines(answers)
    low, high = wilson(right, len(answers))
    colored = [said for real, said in answers if not real]
    fooled = sum(colored)
    verdict = (
        "The interval holds 50 %: it could be luck."
        if low <= 0.5 <= high
        else ("You can tell them apart." if low > 0.5 else "Worse than a coin: you see a difference, turned around.")
    )
    lines[0] = lines[0].capitalize()
    lines[2] = lines[2].capitalize()
    lines += [f"{fooled} of {len(colored)} colored ones you took for real"] if colored else []
    for i, line in enumerate(lines):
        write(draw, (8, 10 + 23 * i), line, 14)
    write(draw, (8, 10 + 23 * len(lines)), verdict, 14, color=(31, 90, 160))
    _axis(draw, WIDTH - AXIS - 30, 38, right, len(answers))
    for i, (picture, true, (real, said)) in enumerate(zip(shown, truth, answers, strict=True)):
        left, top = 8 + i % across * (side + 9), 140 + i // across * (side + 32)
        color = RIGHT if real == said else WRONG
        draw.rectangle((left - 4, top - 4, left + side + 3, top + side + 3), fill=color)
        canvas.paste(panel(checked_picture(picture, "shown"), side), (left, top))
        if not real:
            small = side // 3
            draw.rectangle((left + side - small - 3, top + side - small - 3, left + side, top + side), fill="white")
            canvas.paste(panel(checked_picture(true, "truth"), small), (left + side - small, top + side - small))
        text = f"{'✓' if real == said else '✗'} {_word(real)}, you said {_word(said)}"
        write(draw, (left + side / 2, top + side + 7), text, 12, "ma", color)
    return np.asarray(canvas)
