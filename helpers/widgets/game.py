"""The widget of chapter 6: the game "real or colored?", its fair order, and what a score is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from ..plots import as_pictures
from .controls import stage
from .drawing import INK, PALE, checked_picture, panel, write

RIGHT, WRONG = (27, 120, 70), (200, 60, 20)
WIDTH, SIDE = 912, 320
AXIS = 470  # width of the axis from 0 to 100 %
LEFT = 8 + SIDE + 60  # of the text beside the picture


def real_or_colored(real: Sequence, colored: Sequence, seed: int = 0, count: int = 20) -> None:
    """A game: one picture at a time, you say whether it is the photo or painted. With a score and its interval.

    real, colored: the same photos, true and painted, uint8 (N, S, S, 3) or (N, 3, S, S) tensors, N at least `count`.
    count: an even number; half of the pictures are real, in an order drawn by `seed` (see `fair_order`). "Start
    again" draws a new one. Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    import ipywidgets as widgets

    real, colored = as_pictures(real), as_pictures(colored)
    both = {"real": real, "colored": colored}
    if len(real) != len(colored):
        raise ValueError(f"{len(real)} real and {len(colored)} colored pictures: want the same photos in both")
    sizes = [[checked_picture(picture, name).shape for picture in pictures] for name, pictures in both.items()]
    if sizes[0] != sizes[1]:
        raise ValueError("the real and the colored pictures differ in size: it would give them away")
    game = {"seed": seed, "order": fair_order(len(real), count, seed), "answers": []}

    def draw():
        order, answers = game["order"], game["answers"]
        shown = [(real if is_real else colored)[index] for index, is_real in order]
        if len(answers) == count:
            right = sum(is_real == said for is_real, said in answers)
            alt = f"The game is over: {right} of {count} right. All pictures with their truth and your answers."
            return result_picture(shown, [real[index] for index, _ in order], answers), alt
        at = len(answers)
        return question_picture(shown[at], at + 1, count, answers), f"Picture {at + 1} of {count}: real or colored?"

    looks = widgets.Layout(width="150px", margin="2px 8px 2px 0")
    buttons = {name: widgets.Button(description=name, layout=looks) for name in ("real", "colored", "start again")}
    line = widgets.HBox(list(buttons.values()), layout=widgets.Layout(margin="2px 0 2px 8px"))
    hint = "is the second half of your answers better than the first? (Tab moves between buttons; space presses one.)"
    draw_anew = stage(hint, [line], draw, "jpeg")

    def answer(said_real: bool) -> None:
        if len(game["answers"]) < count:
            game["answers"].append((game["order"][len(game["answers"])][1], said_real))
            refresh()

    def start_again(button) -> None:
        game["seed"] += 1
        game.update(order=fair_order(len(real), count, game["seed"]), answers=[])
        refresh()

    def refresh() -> None:
        for name in ("real", "colored"):
            buttons[name].disabled = len(game["answers"]) == count
        draw_anew()

    buttons["real"].on_click(lambda button: answer(True))
    buttons["colored"].on_click(lambda button: answer(False))
    buttons["start again"].on_click(start_again)


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


@lru_cache(maxsize=64)
def coin_range(count: int) -> tuple[int, int]:
    """(low, high): a fair coin is right so often, of `count` times, with a chance of at least 95 %.

    What it leaves out at either end has a chance of at most 2.5 % (the binomial distribution, exactly).
    """
    from scipy.stats import binom

    low, high = binom.interval(0.95, count, 0.5)
    return int(low), int(high)


def _score_lines(answers: Sequence[tuple[bool, bool]]) -> tuple[int, list[str]]:
    right = sum(real == said for real, said in answers)
    low, high = score_interval(right, len(answers))
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
    low, high = score_interval(right, count)
    draw.line((x(low), top + 14, x(high), top + 14), fill=(31, 90, 160), width=5)
    draw.ellipse((x(right / count) - 7, top + 7, x(right / count) + 7, top + 21), fill=(31, 90, 160))


def question_picture(picture: np.ndarray, asked: int, count: int, answers: Sequence[tuple[bool, bool]]) -> np.ndarray:
    """The picture to judge, number `asked` of `count`, and the score so far: uint8 (H, W, 3).

    answers: (was it real, was it called real) of those before.
    """
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


def result_picture(
    shown: Sequence[np.ndarray], truth: Sequence[np.ndarray], answers: Sequence[tuple[bool, bool]]
) -> np.ndarray:
    """The end of the game: the score, what it is worth, and each picture with your answer: uint8 (H, W, 3).

    answers: (was it real, was it called real), one for each. A colored picture carries its truth in the corner.
    """
    side, across = 172, 5
    rows = math.ceil(len(shown) / across)
    canvas = Image.new("RGB", (WIDTH, 148 + rows * (side + 32)), "white")
    draw = ImageDraw.Draw(canvas)
    right, lines = _score_lines(answers)
    low, high = score_interval(right, len(answers))
    colored = [said for real, said in answers if not real]
    fooled = sum(colored)
    verdict = (
        "The interval holds 50 %: it could be luck."
        if low <= 0.5 <= high
        else ("You can tell them apart." if low > 0.5 else "Worse than a coin: you see a difference, turned around.")
    )
    lines = [line.capitalize() for line in lines]
    lines += [f"{fooled} of {len(colored)} colored ones you took for real"] if colored else []
    for i, line in enumerate(lines):
        write(draw, (8, 10 + 23 * i), line, 14)
    write(draw, (8, 10 + 23 * len(lines)), verdict, 14, color=(31, 90, 160))
    _axis(draw, WIDTH - AXIS - 30, 38, right, len(answers))
    for i, (picture, true, (real, said)) in enumerate(zip(shown, truth, answers, strict=True)):
        left, top = 8 + i % across * (side + 9), 140 + i // across * (side + 32)
        color = RIGHT if real == said else WRONG
        draw.rectangle((left - 4, top - 4, left + side + 3, top + side + 3), fill=color)
        canvas.paste(panel(picture, side), (left, top))
        if not real:
            small = side // 3
            draw.rectangle((left + side - small - 3, top + side - small - 3, left + side, top + side), fill="white")
            canvas.paste(panel(true, small), (left + side - small, top + side - small))
        text = f"{'✓' if real == said else '✗'} {_word(real)}, you said {_word(said)}"
        write(draw, (left + side / 2, top + side + 7), text, 12, "ma", color)
    return np.asarray(canvas)
