"""`photo_browser`: a photo and its histogram, judged by scikit-image, and its slider."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from helpers.data import Photos
from helpers.synthetic import KINDS, draw_flowers
from helpers.widgets import photo_browser
from helpers.widgets.photos import _histogram, browser_picture, photo_name

from .stand_in_page import near


@pytest.fixture(scope="module")
def photos():
    drawn, truth = draw_flowers(5, size=64, seed=0)
    images = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(5), "train", "drawn")


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
    picture = _histogram(ab).astype(int)

    def at(a, b):
        return picture[int((110 - b) / 4.4) * 4 + 1, int((a + 110) / 4.4) * 4 + 1]

    ground = picture[0, 0]
    many, some, one = (np.abs(at(v, v) - ground).max() for v in (2, -50, 50))
    assert one > 20 and some > 60 and many > 100


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
    with pytest.raises(ValueError, match="Photos wants images"):
        photo_browser(replace(photos, images=photos.images[:0]))
