"""`lab_explorer` and `gamut_slice`: their pictures, judged by scikit-image, and their controls."""

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from helpers.widgets import gamut_slice, lab, lab_explorer
from helpers.widgets.lab import gamut_picture, lab_picture, rgb_words


@pytest.mark.parametrize("L", [30, 60, 90])
@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")  # that is the point
def test_gamut_slice_shows_all_real_colors_and_no_others(L):
    """By scikit-image: a color is real when the trip to sRGB and back, which clips, leaves it where it was."""
    picture = gamut_picture(L)
    values = np.arange(-108, 109, 4)
    a, b = np.meshgrid(values, values)
    places = np.array([lab._place(*pair) for pair in zip(a.ravel(), b.ravel(), strict=True)])
    shown = picture[places[:, 1], places[:, 0]]
    # the pixel that holds (a, b) stands for its own middle, up to a third of a unit away
    middle = ((places - (lab.LEFT, lab.TOP) + 0.5) / lab.SIDE * 2 - 1) * lab.LIMIT
    colors = np.stack([np.full(len(places), float(L)), middle[:, 0], -middle[:, 1]], -1)
    assert np.abs(colors[:, 1] - a.ravel()).max() < 0.34 and np.abs(colors[:, 2] - b.ravel()).max() < 0.34
    rgb = lab2rgb(colors)
    moved = np.abs(rgb2lab(rgb) - colors).max(-1)
    left_out = (shown == lab.OUTSIDE).all(-1) | (shown == lab.EDGE).all(-1)
    assert left_out[moved > 0.5].all() and not left_out[moved < 0.01].any()
    assert 100 < (~left_out).sum() < 2500
    assert np.abs(shown[~left_out] - rgb[~left_out] * 255).max() < 1


def test_gamut_slice_at_its_ends():
    center = lab._place(0, 0)
    assert gamut_picture(0)[center[1], center[0]].tolist() == [0, 0, 0]
    assert gamut_picture(100)[center[1], center[0]].tolist() == [255, 255, 255]
    assert not np.array_equal(gamut_picture(40), gamut_picture(41))


def patch_of(picture):
    """The color in the middle of the patch's lower left quarter, off the line that strikes it out, and the gray."""
    left = lab.LEFT + lab.SIDE + 60
    return picture[lab.TOP + 40, left], picture[lab.TOP + 200, left]


@pytest.mark.parametrize("color", [(60, 40, 20), (32.3, 79.2, -107.9), (50, 0, 0), (87, -80, 70)])
def test_lab_explorer_shows_the_color_and_its_gray(color):
    color = tuple(map(float, color))  # scikit-image rounds whole numbers away
    patch, gray = patch_of(lab_picture(*color))
    assert np.abs(patch - lab2rgb(color) * 255).max() <= 1
    assert np.abs(gray - lab2rgb((color[0], 0.0, 0.0)) * 255).max() <= 1


def test_lab_explorer_knows_the_gamut():
    assert rgb_words(53.24, 80.09, 67.20) == ([255, 0, 0], True)
    rgb, real = rgb_words(30, 90, 60)
    assert not real and (min(rgb) < 0 or max(rgb) > 255)
    left = lab.LEFT + lab.SIDE
    line = (slice(lab.TOP + 80, lab.TOP + 90), slice(left + 40, left + 240))
    assert len(np.unique(lab_picture(60, 40, 20)[line].reshape(-1, 3), axis=0)) == 1  # not struck through
    assert len(np.unique(lab_picture(30, 90, 60)[line].reshape(-1, 3), axis=0)) > 2


def test_lab_explorer_marks_the_place():
    plain, marked = gamut_picture(60), lab_picture(60, -50, 45)
    plane = (slice(lab.TOP, lab.TOP + lab.SIDE), slice(lab.LEFT, lab.LEFT + lab.SIDE))
    rows, columns = np.nonzero((plain[plane] != marked[plane]).any(-1))
    a = (columns.mean() + 0.5) / lab.SIDE * 220 - 110
    b = 110 - (rows.mean() + 0.5) / lab.SIDE * 220
    assert abs(a + 50) < 1 and abs(b - 45) < 1 and np.ptp(rows) < 20


def test_lab_explorer_live(page):
    assert lab_explorer() is None
    L, a, b = page.controls("IntSlider")
    assert np.array_equal(page.picture, lab_picture(60, 40, 20)) and "in gamut" in page.alt
    L.value = 30
    assert np.array_equal(page.picture, lab_picture(30, 40, 20))
    a.value, b.value = 90, 60
    assert np.array_equal(page.picture, lab_picture(30, 90, 60)) and "out of gamut" in page.alt
    assert (a.min, a.max, b.min, b.max, L.min, L.max) == (-110, 110, -110, 110, 0, 100)


def test_gamut_slice_live(page):
    assert gamut_slice(45) is None
    (L,) = page.controls("IntSlider")
    assert np.array_equal(page.picture, gamut_picture(45))
    L.value = 46
    assert np.array_equal(page.picture, gamut_picture(46)) and "L = 46" in page.alt
