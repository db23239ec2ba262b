"""The widget of chapter 6: the game "real or colored?", its fair order, and what a score is worth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from PIL import ImageDraw

from .controls import stage
from .drawing import INK, PALE, checked_versions, panel, white_canvas, write, write_lines

RIGHT, WRONG, SCORE = (27, 120, 70), (200, 60, 20), (31, 90, 160)
WIDTH, SIDE = 912, 320
WORDS = {True: "real", False: "colored"}  # what a picture is called


def real_or_colored(real: Sequence, colored: Sequence, seed: int = 0, count: int = 20) -> None:
    """A game: one picture at a time, you say whether it is the photo or painted. With a score and its interval.

    real, colored: the same photos, true and painted, uint8 (N, S, S, 3) or (N, 3, S, S) tensors, N at least `count`.
    count: an even number; half of the pictures are real, in an order drawn by `seed` (see `fair_order`). "Start
    again" draws a new one. Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    import ipywidgets as widgets

    pictures = checked_versions({"real": real, "colored": colored})
    shown, truth, answers = [], [], []  # the pictures of a game in their order, their truth, and (was real, said real)
    new_seed = itertools.count(seed)

    def deal() -> None:
        order = fair_order(len(pictures["real"]), count, next(new_seed))
        shown[:] = [(pictures[WORDS[is_real]][index], is_real) for index, is_real in order]
        truth[:] = [pictures["real"][index] for index, _ in order]
        answers.clear()

    def draw():
        if len(answers) == count:
            right = sum(is_real == said for is_real, said in answers)
            alt = f"The game is over: {right} of {count} right. All pictures with their truth and your answers."
            return result_picture([picture for picture, _ in shown], truth, answers), alt
        at = len(answers)
        return question_picture(shown[at][0], at + 1, count, answers), f"Picture {at + 1} of {count}: real or colored?"

    def press(button) -> None:
        if button is buttons[2]:
            deal()
        elif len(answers) < count:
            answers.append((shown[len(answers)][1], button is buttons[0]))
        else:
            return  # a click that was on its way
        buttons[0].disabled = buttons[1].disabled = len(answers) == count
        draw_anew()

    deal()
    looks = widgets.Layout(width="150px", margin="2px 8px 2px 0")
    buttons = [widgets.Button(description=name, layout=looks) for name in ("real", "colored", "start again")]
    line = widgets.HBox(buttons, layout=widgets.Layout(margin="2px 0 2px 8px"))
    hint = "is the second half of your answers better than the first? (Tab moves between buttons; space presses one.)"
    draw_anew = stage(hint, [line], draw)
    for button in buttons:
        button.on_click(press)


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


def score_interval(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of Wilson (1927) for a share, `right` of `count`: (low, high), 0 to 1. See chapter 6."""
    from scipy.stats import binomtest

    return tuple(binomtest(right, count).proportion_ci(0.95, method="wilson"))


def coin_range(count: int) -> tuple[int, int]:
    """(low, high): a fair coin is right so often, of `count` times, with a chance of at least 95 %.

    What it leaves out at either end has a chance of at most 2.5 % (the binomial distribution, exactly).
    """
    from scipy.stats import binom

    low, high = binom.interval(0.95, count, 0.5)
    return int(low), int(high)


def _draw_score(draw: ImageDraw.ImageDraw, at: tuple, axis_at: tuple, answers: Sequence[tuple[bool, bool]]) -> None:
    """The score, its interval and what a coin gives: in words, and on an axis from 0 to 100 %, 470 pixels wide."""
    count, right = len(answers), sum(real == said for real, said in answers)
    interval, (least, most) = score_interval(right, count), coin_range(count)
    lines = [
        f"Your score: {right} of {count} right ({right / count:.0%})",
        f"95 % interval: {interval[0]:.0%} to {interval[1]:.0%}",
        f"Flipping a coin: {least}{f' to {most}' if least < most else ''} of {count} right, in 95 % of games",
    ]
    write_lines(draw, at, lines, 14, 23)
    top = axis_at[1]
    low, high, score, *ticks = (axis_at[0] + 470 * share for share in (*interval, right / count, 0, 0.25, 0.5, 0.75, 1))
    draw.line((ticks[0], top + 30, ticks[-1], top + 30), fill=PALE)
    for i, x in enumerate(ticks):
        draw.line((x, top + 30, x, top + 34), fill=PALE)
        write(draw, (x, top + 37), f"{25 * i}%", 11, "ma", PALE)
    for dash in range(top, top + 28, 6):
        draw.line((ticks[2], dash, ticks[2], dash + 3), fill=INK)
    write(draw, (ticks[2], top - 3), "coin", 11, "md")
    draw.line((low, top + 14, high, top + 14), fill=SCORE, width=5)
    draw.ellipse((score - 7, top + 7, score + 7, top + 21), fill=SCORE)


def question_picture(picture: np.ndarray, asked: int, count: int, answers: Sequence[tuple[bool, bool]]) -> np.ndarray:
    """The picture to judge, number `asked` of `count`, and the score so far: uint8 (H, W, 3).

    answers: (was it real, was it called real) of those before.
    """
    canvas, draw = white_canvas(WIDTH, SIDE + 42)
    write(draw, (8 + SIDE / 2, 8), f"picture {asked} of {count}", 14, "ma")
    canvas.paste(panel(picture, SIDE), (8, 34))
    left = 8 + SIDE + 60
    if not answers:
        lines = ["Are these the colors of the photo,", "or did a network paint them?", ""]
        write_lines(draw, (left, 60), [*lines, "Half of the pictures are real.", "No photo comes twice."], 15, 24)
        return np.asarray(canvas)
    marks = [("✓", RIGHT) if real == said else ("✗", WRONG) for real, said in answers]
    mark, color = marks[-1]
    last = f"{mark} {'right' if color == RIGHT else 'wrong'}: the last one was {WORDS[answers[-1][0]]}"
    write(draw, (left, 44), last, 15, color=color)
    _draw_score(draw, (left, 92), (left, 206), answers)
    for i, (mark, color) in enumerate(marks):
        write(draw, (left + 20 * (i % 24), 286 + 22 * (i // 24)), mark, 15, color=color)
    return np.asarray(canvas)


def result_picture(
    shown: Sequence[np.ndarray], truth: Sequence[np.ndarray], answers: Sequence[tuple[bool, bool]]
) -> np.ndarray:
    """The end of the game: the score, what it is worth, and each picture with your answer: uint8 (H, W, 3).

    answers: (was it real, was it called real), one for each. A colored picture carries its truth in the corner.
    """
    side, small, across = 172, 57, 5
    canvas, draw = white_canvas(WIDTH, 148 + math.ceil(len(shown) / across) * (side + 32))
    _draw_score(draw, (8, 10), (WIDTH - 500, 38), answers)
    low, high = score_interval(sum(real == said for real, said in answers), len(answers))
    verdict = "The interval holds 50 %: it could be luck."
    if not low <= 0.5 <= high:
        verdict = "You can tell them apart." if low > 0.5 else "Worse than a coin: you see a difference, turned around."
    colored = [said for real, said in answers if not real]
    fooled = f"{sum(colored)} of {len(colored)} colored ones you took for real"
    write_lines(draw, (8, 79), [fooled, (verdict, SCORE)], 14, 23)
    for i, (picture, true, (real, said)) in enumerate(zip(shown, truth, answers, strict=True)):
        left, top = 8 + i % across * (side + 9), 140 + i // across * (side + 32)
        mark, color = ("✓", RIGHT) if real == said else ("✗", WRONG)
        draw.rectangle((left - 4, top - 4, left + side + 3, top + side + 3), fill=color)
        canvas.paste(panel(picture, side), (left, top))
        if not real:
            x, y = left + side - small, top + side - small
            draw.rectangle((x - 3, y - 3, left + side, top + side), fill="white")
            canvas.paste(panel(true, small), (x, y))
        write(draw, (left + side / 2, top + side + 7), f"{mark} {WORDS[real]}, you said {WORDS[said]}", 12, "ma", color)
    return np.asarray(canvas)
