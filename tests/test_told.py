"""helpers.backstage.told: hints as people write them; and through `Colorizer.colorize`, what becomes of them."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from helpers.backstage.told import checked_hints, parse_hint, rgb_of
from helpers.inference import Colorizer
from helpers.synthetic import draw_flowers

from .untaught import untaught_listener


@pytest.fixture(scope="module")
def colorizer():
    return untaught_listener(64)


@pytest.fixture(scope="module")
def flower():
    return draw_flowers(1, 160, seed=4)[0][0][:, :120]  # (160, 120, 3): 4 x 3


def test_a_hint_is_read():
    assert parse_hint("120,80=#d02060") == (120, 80, "#d02060")
    assert parse_hint(" 3 , -4 = hsl(0, 100%, 50%) ") == (3, -4, "hsl(0, 100%, 50%)")
    assert checked_hints([(1, np.int64(2), "red"), "3,4=#00f", (0, 0, (1, 2, 3))], 4, 5) == [
        (1, 2, (255, 0, 0)), (3, 4, (0, 0, 255)), (0, 0, (1, 2, 3)),
    ]  # fmt: skip
    assert checked_hints("0,0=red", 1, 1) == [(0, 0, (255, 0, 0))] and checked_hints(None, 1, 1) == []
    assert rgb_of("#d0206080") == (208, 32, 96)


@pytest.mark.parametrize(
    "text", ["", "120=#fff", "120,80", "120,80=", "1.5,2=red", "a,b=red", "1,2,3=red", "9999999999,1=red", "1,2:red"]
)
def test_what_is_no_hint_is_answered_with_one(text):
    with pytest.raises(ValueError, match="is no hint: write one such as 120,80=#d02060: pixels"):
        parse_hint(text)


@pytest.mark.parametrize("color", ["#12345", "reddish", "", (1, 2), (1, 2, 256), (1, 2, 3, 4), (0.5, 1, 1), 7, None])
def test_what_is_no_color_is_answered_with_one(color):
    with pytest.raises(ValueError, match='is no color: write one such as "#d02060"'):
        checked_hints([(0, 0, color)], 4, 5)
    if color and isinstance(color, str):
        with pytest.raises(ValueError, match="is no color"):
            parse_hint(f"1,2={color}")


@pytest.mark.parametrize("hint", [(1, 2), (1, 2, "red", 3), 5, (1.5, 2, "red"), ("1", 2, "red"), None])
def test_what_is_no_place_is_answered_with_one(hint):
    with pytest.raises(ValueError, match=r"is no hint: give \(x, y, color\)"):
        checked_hints([hint], 4, 5)


@pytest.mark.parametrize("place", [(4, 0), (0, 5), (-1, 0), (0, -1)])
def test_a_place_outside_is_told_with_what_is_inside(place):
    words = f"rose.png: the hint at {place[0]},{place[1]} lies outside, x goes from 0 to 3 and y from 0 to 4"
    with pytest.raises(ValueError, match=words):
        checked_hints([(*place, "red")], 4, 5, "rose.png")


# ------------------------------------------------------------------------------------------- in the picture


def at(picture, x, y):
    return rgb2lab(picture[y - 1 : y + 2, x - 1 : x + 2])


def test_what_was_asked_for_is_painted_there_and_the_lightness_stays(colorizer, flower):
    plain, told = colorizer.colorize(flower), colorizer.colorize(flower, hints=[(60, 100, "#7060c0")])
    wanted, painted = rgb2lab(np.array([[[112, 96, 192]]], np.uint8))[0, 0], at(told, 60, 100)
    asked = np.concatenate([painted[..., :1], np.broadcast_to(wanted[1:], (3, 3, 2))], axis=2)
    assert deltaE_ciede2000(painted, asked).max() < 5 < deltaE_ciede2000(at(plain, 60, 100), asked).min()
    assert np.abs(at(told, 60, 100)[..., 0] - at(plain, 60, 100)[..., 0]).max() < 1


def test_places_are_those_of_the_upright_picture_in_its_own_pixels(colorizer, flower):
    """The change is largest at the hint, wherever it is, in pictures of any size and shape."""
    for picture in (flower, np.repeat(np.repeat(flower, 3, 0), 3, 1), flower.transpose(1, 0, 2).copy()):
        height, width = picture.shape[:2]
        for x, y in ((10, 12), (width - 9, height // 3), (width // 2, height - 5)):
            plain, told = (colorizer.colorize(picture, hints=hints) for hints in ((), [(x, y, "#00a0ff")]))
            strayed = np.abs(rgb2lab(told) - rgb2lab(plain))[..., 1:].sum(2)
            row, column = np.unravel_index(strayed.argmax(), strayed.shape)
            reach = min(height, width) / 64 * 6
            assert abs(row - y) <= reach and abs(column - x) <= reach, (picture.shape, x, y, row, column)


def test_no_hints_change_nothing(colorizer, flower):
    plain = Colorizer.from_pretrained("flowers-l1", device="cpu")
    plain.size = 64
    for hints in ((), [], None):
        assert np.array_equal(colorizer.colorize(flower, hints=hints), plain.colorize(flower))


def test_wrong_hints_are_refused_before_anything_is_painted(colorizer, flower):
    plain = Colorizer.from_pretrained("flowers-l1", device="cpu")
    with pytest.raises(ValueError, match='weights take no hints: Colorizer.from_pretrained."flowers-hints". does'):
        plain.colorize(flower, hints=[(1, 1, "red")])
    with pytest.raises(ValueError, match="the picture: the hint at 120,1 lies outside"):
        colorizer.colorize(flower, hints=[(120, 1, "red")])
