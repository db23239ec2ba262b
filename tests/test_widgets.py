"""The pictures behind the widgets, judged by scikit-image, and the wiring of controls to pictures.

`tests/browser/` uses the same widgets in a real JupyterLab.
"""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from helpers.widgets import pictures
from helpers.widgets.controls import encode
from helpers.data import Photos
from helpers.widgets.pictures import browser_picture, gamut_picture, lab_picture, photo_name, rgb_words, skip_picture
from helpers.synthetic import KINDS, draw_flowers
from helpers.widgets import before_after, gamut_slice, lab_explorer, photo_browser, skip_switch

from .stand_in_page import near


@pytest.fixture(scope="module")
def photos():
    drawn, truth = draw_flowers(5, size=64, seed=0)
    images = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(5), "train", "drawn")


# --------------------------------------------------------------------------------------- gamut_picture


@pytest.mark.parametrize("L", [30, 60, 90])
@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")  # that is the point
def test_gamut_slice_shows_all_real_colors_and_no_others(L):
    """By scikit-image: a color is real when the trip to sRGB and back, which clips, leaves it where it was."""
    picture = gamut_picture(L)
    values = np.arange(-108, 109, 4)
    a, b = np.meshgrid(values, values)
    places = np.array([pictures._place(*pair) for pair in zip(a.ravel(), b.ravel(), strict=True)])
    shown = picture[places[:, 1], places[:, 0]]
    # the pixel that holds (a, b) stands for its own middle, up to a third of a unit away
    middle = ((places - (pictures.LEFT, pictures.TOP) + 0.5) / pictures.SIDE * 2 - 1) * pictures.LIMIT
    lab = np.stack([np.full(len(places), float(L)), middle[:, 0], -middle[:, 1]], -1)
    assert np.abs(lab[:, 1] - a.ravel()).max() < 0.34 and np.abs(lab[:, 2] - b.ravel()).max() < 0.34
    rgb = lab2rgb(lab)
    moved = np.abs(rgb2lab(rgb) - lab).max(-1)
    left_out = (shown == pictures.OUTSIDE).all(-1) | (shown == pictures.EDGE).all(-1)
    assert left_out[moved > 0.5].all() and not left_out[moved < 0.01].any()
    assert 100 < (~left_out).sum() < 2500
    assert np.abs(shown[~left_out] - rgb[~left_out] * 255).max() < 1


def test_gamut_slice_at_its_ends():
    center = pictures._place(0, 0)
    assert gamut_picture(0)[center[1], center[0]].tolist() == [0, 0, 0]
    assert gamut_picture(100)[center[1], center[0]].tolist() == [255, 255, 255]
    assert not np.array_equal(gamut_picture(40), gamut_picture(41))
    for L in (-1, 100.5, float("nan")):
        with pytest.raises(ValueError, match="from 0 .black. to 100"):
            gamut_picture(L)


# ----------------------------------------------------------------------------------------- lab_picture


def patch_of(picture):
    """The color in the middle of the patch's lower left quarter, off the line that strikes it out, and the gray."""
    left = pictures.LEFT + pictures.SIDE + 60
    return picture[pictures.TOP + 40, left], picture[pictures.TOP + 200, left]


@pytest.mark.parametrize("lab", [(60, 40, 20), (32.3, 79.2, -107.9), (50, 0, 0), (87, -80, 70)])
def test_lab_explorer_shows_the_color_and_its_gray(lab):
    lab = tuple(map(float, lab))  # scikit-image rounds whole numbers away
    patch, gray = patch_of(lab_picture(*lab))
    assert np.abs(patch - lab2rgb(lab) * 255).max() <= 1
    assert np.abs(gray - lab2rgb((lab[0], 0.0, 0.0)) * 255).max() <= 1


def test_lab_explorer_knows_the_gamut():
    assert rgb_words(53.24, 80.09, 67.20) == ([255, 0, 0], True)
    rgb, real = rgb_words(30, 90, 60)
    assert not real and (min(rgb) < 0 or max(rgb) > 255)
    left = pictures.LEFT + pictures.SIDE
    line = (slice(pictures.TOP + 80, pictures.TOP + 90), slice(left + 40, left + 240))
    assert len(np.unique(lab_picture(60, 40, 20)[line].reshape(-1, 3), axis=0)) == 1  # not struck through
    assert len(np.unique(lab_picture(30, 90, 60)[line].reshape(-1, 3), axis=0)) > 2


def test_lab_explorer_marks_the_place():
    plain, marked = gamut_picture(60), lab_picture(60, -50, 45)
    plane = (slice(pictures.TOP, pictures.TOP + pictures.SIDE), slice(pictures.LEFT, pictures.LEFT + pictures.SIDE))
    rows, columns = np.nonzero((plain[plane] != marked[plane]).any(-1))
    a = (columns.mean() + 0.5) / pictures.SIDE * 220 - 110
    b = 110 - (rows.mean() + 0.5) / pictures.SIDE * 220
    assert abs(a + 50) < 1 and abs(b - 45) < 1 and np.ptp(rows) < 20


@pytest.mark.parametrize("lab", [(101, 0, 0), (-1, 0, 0), (50, 111, 0), (50, 0, -111), (50, float("nan"), 0)])
def test_lab_explorer_refuses_what_is_no_lab_color(lab):
    with pytest.raises(ValueError, match="lightness goes|choose both"):
        lab_picture(*lab)


# ------------------------------------------------------------------------------------- browser_picture


def panels_of(picture):
    return [picture[52:252, 8 + 208 * i : 208 + 208 * i] for i in range(4)]


def test_browser_takes_a_photo_apart(photos):
    photo, lightness, color, _ = panels_of(browser_picture(photos, 1))
    inside = (slice(4, -4), slice(4, -4))
    assert near(photo, np.asarray(Image.fromarray(draw_flowers(2, 64)[0][1]).resize((200, 200), 3)), 1)
    assert np.ptp(lightness.astype(int), axis=-1).max() <= 3  # JPEG-free, but sRGB's white is not exactly a = b = 0
    assert np.abs(rgb2lab(photo)[..., 0] - rgb2lab(lightness)[..., 0])[inside].mean() < 2
    ab = rgb2lab(color)[..., 1:], rgb2lab(photo)[..., 1:]
    assert np.abs(rgb2lab(color)[..., 0] - 65).mean() < 3 and np.abs(ab[0] - ab[1])[inside].mean() < 6
    names = [photo_name(photos, i) for i in range(5)]
    assert names[1] == f"drawn flower 2: {KINDS[int(photos.labels[1])].name}"


@pytest.mark.parametrize("rgb", [(128, 128, 128), (200, 60, 60), (40, 60, 200)])
def test_browser_histogram_of_one_color_is_one_bin_of_that_color(rgb):
    image = torch.tensor(rgb, dtype=torch.uint8)[None, :, None, None].expand(1, 3, 32, 32)
    one = Photos(image, torch.zeros(1, dtype=torch.int64), torch.tensor([7]), "train", "flowers102")
    histogram = panels_of(browser_picture(one, 0))[3]
    a, b = rgb2lab(np.uint8(rgb))[1:]
    column, row = int((a + 110) / 4.4) * 4 + 1, int((110 - b) / 4.4) * 4 + 1
    lit = (histogram.max(-1).astype(int) - histogram.min(-1) > 25) | (histogram.min(-1) > 110)
    lit[:20] = lit[-20:] = lit[:, :20] = lit[:, -20:] = lit[98:118, -25:] = lit[98:118, :25] = False  # its labels
    rows, columns = np.nonzero(lit)
    assert set(rows // 4) == {row // 4} and set(columns // 4) == {column // 4}
    shown = rgb2lab(histogram[row + 1, column + 1])
    turn = np.angle((shown[1] + 1j * shown[2]) * (a - 1j * b), deg=True)
    assert abs(turn) < 15 or np.hypot(a, b) < 1
    assert photo_name(one, 0) == "image_00007.jpg, category 1 of 102"


def test_browser_histogram_counts_on_a_log_scale():
    """1000 pixels beside one: the one is seen, and ten times the pixels is one step of brightness."""
    ab = np.array([[2.0] * 1000 + [50.0] + [-50.0] * 30] * 2)
    picture = pictures._histogram(ab).astype(int)

    def at(a, b):
        return picture[int((110 - b) / 4.4) * 4 + 1, int((a + 110) / 4.4) * 4 + 1]

    ground = picture[0, 0]
    many, some, one = (np.abs(at(v, v) - ground).max() for v in (2, -50, 50))
    assert one > 20 and some > 60 and many > 100


@pytest.mark.parametrize("index", [-1, 5])
def test_browser_refuses_a_photo_that_is_not_there(photos, index):
    with pytest.raises(IndexError, match="choose 0 to 4"):
        browser_picture(photos, index)


# ---------------------------------------------------------------------------------------- skip_picture


def test_skip_picture_has_each_picture_in_its_place():
    red, green, blue = (np.zeros((32, 32, 3), np.uint8) for _ in range(3))
    red[..., 0], green[..., 1], blue[..., 2] = 255, 255, 255
    picture = skip_picture(red, green, blue)
    assert [picture[150, 8 + 248 * i + 120].tolist() for i in range(3)] == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert not np.array_equal(picture, skip_picture(red, green, blue, "something else"))
    with pytest.raises(ValueError, match="differ in size"):
        skip_picture(red, green[:16, :16], blue)
    with pytest.raises(ValueError, match="painted: want uint8"):
        skip_picture(red, green / 255, blue)
    with pytest.raises(ValueError, match="truth: want uint8"):
        skip_picture(red, green, blue[..., 0])


# ------------------------------------------------------------------------------------- the live widgets


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


def test_photo_browser_live(page, photos):
    assert photo_browser(photos, count=3) is None
    (slider,) = page.controls("IntSlider")
    assert (slider.min, slider.max) == (1, 3)
    for value, index in ((2, 2), (3, 4), (1, 0)):
        slider.value = value
        assert near(page.picture, browser_picture(photos, index))
        assert page.alt.startswith(f"drawn flower {index + 1}: ")
    with pytest.raises(ValueError, match="nothing to browse"):
        photo_browser(photos, count=0)
    with pytest.raises(ValueError, match="nothing to browse"):
        photo_browser(replace(photos, images=photos.images[:0]))


def test_skip_switch_live(page):
    rng = np.random.default_rng(0)
    gray, with_skips, without, truth = rng.integers(0, 256, (4, 2, 1, 1, 3), np.uint8).repeat(8, 2).repeat(8, 3)
    assert skip_switch(gray, list(with_skips), without, truth) is None
    (switch,), (slider,) = page.controls("ToggleButtons"), page.controls("IntSlider")
    assert near(page.picture, skip_picture(gray[0], with_skips[0], truth[0], "painted with skips"))
    switch.value = "without skips"
    assert near(page.picture, skip_picture(gray[0], without[0], truth[0], "painted without skips"))
    assert "without skips" in page.alt
    slider.value = 2
    assert near(page.picture, skip_picture(gray[1], without[1], truth[1], "painted without skips"))
    with pytest.raises(ValueError, match="same number of pictures"):
        skip_switch(gray, with_skips, without[:1], truth)
    with pytest.raises(ValueError, match="at least one"):
        skip_switch([], [], [], [])
    with pytest.raises(ValueError, match="without_skips: want uint8"):
        skip_switch(gray, with_skips, without / 255, truth)


def test_each_says_what_to_try(page, photos):
    pictures = np.zeros((1, 8, 8, 3), np.uint8)
    for show in (lab_explorer, gamut_slice, lambda: photo_browser(photos), lambda: skip_switch(*[pictures] * 4)):
        page.shown = []
        show()
        (hint,) = page.controls("HTML")
        assert hint.value.startswith("<b>Try:</b> ") and "\n" not in hint.value and "?" in hint.value + "?"


def test_pictures_are_drawn_fast_enough_to_follow_a_slider(photos):
    """Under 0.2 s with everything; drawing gets half of that, in seconds of one core, whatever else runs here."""
    drawn = [photos.images[0].permute(1, 2, 0).numpy()] * 3
    for draw, form in (
        (lambda: lab_picture(60, 40, 20), "png"),
        (lambda: gamut_picture(60), "png"),
        (lambda: browser_picture(photos, 0), "jpeg"),
        (lambda: skip_picture(*drawn), "jpeg"),
    ):
        seconds = []
        for _ in range(5):
            pictures._plane.cache_clear()
            start = time.process_time()
            encode(draw(), form)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.1, seconds


# ---------------------------------------------------------------------------------------- before/after


def test_before_after_is_whole_and_safe():
    a, b = np.zeros((40, 80, 3), np.uint8), np.full((40, 80, 3), 200, np.uint8)
    text = before_after(a, b, width=160, alt='a "quoted" <flower>').data
    assert text.count("data:image/jpeg;base64,") == 2 and 'type="range"' in text
    assert "height:80px" in text and "resize:horizontal" in text
    assert "&quot;quoted&quot; &lt;flower&gt;" in text and "<flower>" not in text
    assert "data-lm-suppress-shortcuts" in text  # else JupyterLab keeps the arrow keys
    with pytest.raises(ValueError, match="differ in size"):
        before_after(a, b[:20])
