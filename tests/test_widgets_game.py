"""`real_or_colored`: an order that is fair, what a score is worth, and the course of a game."""

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binom

from helpers.synthetic import draw_flowers
from helpers.widgets import game, real_or_colored
from helpers.widgets.game import coin_range, fair_order, question_picture, result_picture, score_interval

from .stand_in_page import shows


def test_the_order_is_fair():
    """Half real in each game, no photo twice; over many games every photo and every place is real half of the time."""
    shown, real_at = Counter(), np.zeros(6)
    for seed in range(600):
        order = fair_order(9, 6, seed)
        photos = [index for index, _ in order]
        assert len(set(photos)) == 6 and set(photos) <= set(range(9)) and sum(real for _, real in order) == 3
        shown.update(photos)
        real_at += [real for _, real in order]
    assert all(abs(shown[index] - 400) < 60 for index in range(9))  # 5 standard deviations
    assert np.abs(real_at - 300).max() < 62
    assert fair_order(9, 6, 1) == fair_order(9, 6, 1) != fair_order(9, 6, 2)


@pytest.mark.parametrize(
    "photos, count, message", [(9, 5, "even"), (9, 0, "even"), (9, -2, "even"), (5, 6, "there are 5")]
)
def test_an_order_that_cannot_be_fair_is_refused(photos, count, message):
    with pytest.raises(ValueError, match=message):
        fair_order(photos, count)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 20, 100])
def test_what_a_coin_gives(count):
    low, high = coin_range(count)
    coin = binom(count, 0.5)
    assert high == count - low and coin.cdf(low - 1) <= 0.025 < coin.cdf(low)
    assert coin.cdf(high) - coin.cdf(low - 1) >= 0.95


def test_a_score_has_the_interval_of_wilson():
    assert np.allclose(score_interval(81, 263), (0.2553, 0.3662), atol=5e-5)  # Newcombe 1998, table I, method 3
    assert np.allclose(score_interval(0, 20), (0, 0.1611), atol=5e-5)


def test_question_shows_the_picture_and_only_answers_given():
    drawn = draw_flowers(1, 64, seed=0)[0][0]
    first = question_picture(drawn, 1, 20, [])
    shown = Image.fromarray(drawn).resize((320, 320), Image.Resampling.BICUBIC)
    assert np.array_equal(first[34:354, 8:328], np.asarray(shown))
    after = question_picture(drawn, 2, 20, [(True, False)])
    assert not np.array_equal(first[:, 340:], after[:, 340:])
    assert not np.array_equal(question_picture(drawn, 2, 20, [(True, True)])[:, 340:], after[:, 340:])


def test_result_marks_each_answer():
    """Right ones in green, wrong ones in red, and the truth in the corner of the colored ones."""
    shown = [np.full((16, 16, 3), 100, np.uint8)] * 4
    truth = [np.full((16, 16, 3), 50, np.uint8)] * 4
    picture = result_picture(shown, truth, [(True, True), (True, False), (False, True), (False, False)])
    for i, (right, real) in enumerate(((1, 1), (0, 1), (0, 0), (1, 0))):
        left, top, side = 8 + 181 * i, 140, 172
        assert picture[top - 2, left + 50].tolist() == list(game.RIGHT if right else game.WRONG)
        assert picture[top + 20, left + 20].tolist() == [100] * 3
        assert picture[top + side - 10, left + side - 10].tolist() == [100 if real else 50] * 3


def test_real_or_colored_live(page):
    real = draw_flowers(6, 32, seed=0)[0]
    colored = 255 - real
    assert real_or_colored(torch.from_numpy(real).permute(0, 3, 1, 2), list(colored), seed=3, count=4) is None
    (line,) = page.controls("HBox")
    buttons = {button.description: button for button in line.children}
    order, answers = fair_order(6, 4, 3), []
    shown = [(real if is_real else colored)[index] for index, is_real in order]
    for i, said in enumerate(("real", "real", "colored", "real")):
        assert (
            shows(page.picture, question_picture(shown[i], i + 1, 4, answers)) and f"Picture {i + 1} of 4" in page.alt
        )
        assert not buttons["real"].disabled
        buttons[said].click()
        answers.append((order[i][1], said == "real"))
    right = sum(a == b for a, b in answers)
    assert shows(page.picture, result_picture(shown, [real[i] for i, _ in order], answers))
    assert page.alt.startswith(f"The game is over: {right} of 4 right")
    assert buttons["real"].disabled and buttons["colored"].disabled
    drawn = page.drawn
    buttons["real"].click()  # a click that was on its way
    assert page.drawn == drawn
    buttons["start again"].click()
    index, is_real = fair_order(6, 4, 4)[0]
    assert shows(page.picture, question_picture((real if is_real else colored)[index], 1, 4, []))
    assert not buttons["real"].disabled


def test_real_or_colored_refuses(page):
    real = draw_flowers(4, 32, seed=0)[0]
    for a, b, options, message in (
        (real, real[:3], {"count": 2}, "same number of photos"),
        (real, real, {}, "there are 4: pass a smaller count"),
        (real, real, {"count": 3}, "even number"),
        (real, real / 255, {"count": 2}, "colored: want uint8"),
        (real, real[:, :16, :16], {"count": 2}, "differ in size"),
    ):
        with pytest.raises(ValueError, match=message):
            real_or_colored(a, b, **options)
    assert page.picture is None
