"""helpers.synthetic: flowers whose colors follow a known rule, and one whose colors no model can know."""

import math

import numpy as np
import pytest
from skimage.color import rgb2lab

from helpers.synthetic import COIN_FLIP, KINDS, draw_flowers


def test_drawing_is_seeded_and_a_longer_series_begins_with_the_shorter():
    short, _ = draw_flowers(3, 32, seed=7)
    long, truth = draw_flowers(6, 32, seed=7)
    assert np.array_equal(short, long[:3])
    assert long.shape == (6, 32, 32, 3) and long.dtype == np.uint8
    assert truth.petals.shape == (6, 32, 32)
    assert not np.array_equal(long, draw_flowers(6, 32, seed=8)[0])


def test_petals_have_the_color_of_their_kind():
    pictures, truth = draw_flowers(60, 64, seed=1)
    for picture, kind, coin, petals, ab in zip(pictures, truth.kind, truth.coin, truth.petals, truth.ab, strict=True):
        assert 0.03 < petals.mean() < 0.8
        hue = math.degrees(math.atan2(ab[1], ab[0])) % 360
        away = abs((hue - KINDS[kind].hues[coin] + 180) % 360 - 180)
        assert away < 20
        seen = rgb2lab(picture)[petals][:, 1:].mean(0)
        assert np.abs(seen - ab).max() < 12  # what the gamut cuts off is little
    assert set(truth.kind) == set(range(len(KINDS)))


def test_the_coin_is_fair_and_cannot_be_read_from_lightness():
    pictures, truth = draw_flowers(300, 24, seed=2, kind=COIN_FLIP)
    assert set(truth.kind) == {COIN_FLIP}
    assert 0.4 < truth.coin.mean() < 0.6
    light = np.array([rgb2lab(p)[m][:, 0].mean() for p, m in zip(pictures, truth.petals, strict=True)])
    gap = abs(light[truth.coin == 0].mean() - light[truth.coin == 1].mean())
    assert gap < 0.5 * light.std()
    hues = np.degrees(np.arctan2(truth.ab[:, 1], truth.ab[:, 0])) % 360
    assert abs(np.median(hues[truth.coin == 0]) - 350) < 10 and abs(np.median(hues[truth.coin == 1]) - 265) < 10


@pytest.mark.filterwarnings("error")
def test_the_smallest_flowers_have_petals_too():
    _, truth = draw_flowers(200, 8, seed=0)
    assert truth.petals.any((1, 2)).all() and np.isfinite(truth.ab).all()


def test_wrong_drawings_are_refused():
    with pytest.raises(ValueError, match="size to be a whole number of at least 8, not 4"):
        draw_flowers(1, 4)
    with pytest.raises(ValueError, match="kind to be a whole number from 0 to 4, not 9"):
        draw_flowers(1, 32, kind=9)
