"""`temperature_slider` and `pixel_chooser`: what they draw, how they follow their controls, and what they refuse."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.classification import ab_bins
from helpers.color import AB_SCALE
from helpers.data import drawn_photos, to_lab
from helpers.metrics import colorfulness, predict, psnr
from helpers.plots import as_pictures
from helpers.widgets import pixel_chooser, temperature_slider
from helpers.widgets.classes import BAR, SIDE, painted_at, pixel_picture
from helpers.widgets.drawing import panels_in_a_row

from .stand_in_page import shows

DRAWN = drawn_photos(3, 64)
TRUTH, GRAYS = DRAWN.images, as_pictures(predict("gray", DRAWN))
L = to_lab(TRUTH)[0]
BINS = ab_bins(20.0)
LOGITS = 3 * torch.randn(3, len(BINS), 16, 16, generator=torch.Generator().manual_seed(0))


def test_the_slider_paints_at_its_temperature(page):
    assert temperature_slider(L, LOGITS, BINS, TRUTH) is None
    photo, percent = page.controls("IntSlider")
    assert (photo.min, photo.max, percent.min, percent.max, percent.value) == (1, 3, 1, 100, 38)
    assert page.alt.startswith("Photo 1 of 3 in gray, painted, and as it was. T = 0.38: PSNR")
    first = page.picture
    photo.value, percent.value = 2, 5
    made = painted_at(L[1:2], LOGITS[1:2], BINS, 0.05)
    marks = f"PSNR {psnr(TRUTH[1:2], made)[0]:.1f} dB, colorfulness {colorfulness(made)[0]:.0f}"
    assert f"Photo 2 of 3 in gray, painted, and as it was. T = 0.05: {marks}" in page.alt
    panels = {"what it sees": GRAYS[1], "what it paints": as_pictures(made)[0], "the photo": as_pictures(TRUTH)[1]}
    title = f"T = 0.05: {marks} (the photo's: {colorfulness(TRUTH)[1]:.0f})"
    assert shows(page.picture, np.asarray(panels_in_a_row(panels, SIDE, title)[0])) and page.drawn == 3
    assert not np.array_equal(first, page.picture)


def test_a_low_temperature_takes_the_likeliest_bin_and_one_the_mean():
    even = LOGITS[:1, :, 7:8, 9:10].expand(-1, -1, 16, 16) / 4  # one distribution everywhere
    light, pale = torch.full_like(L[:1], 0.2), BINS / 4  # colors that can be shown at this lightness
    for T, color in ((0.01, pale[even[0, :, 0, 0].argmax()]), (1.0, even[0, :, 0, 0].softmax(0) @ pale)):
        shown = AB_SCALE * to_lab(painted_at(light, even, pale, T))[1]
        assert (shown - color.view(1, 2, 1, 1)).norm(dim=1).max() < 1.5


def controls(page):
    row, column = page.controls("IntSlider")
    (photo,) = page.controls("PixelChooser")
    return row, column, photo


def wanted(row, column):
    """What `pixel_picture` should be given for a place of the second photo."""
    here = LOGITS[1].softmax(0)[:, row // 4, column // 4].numpy()
    light, true = float(50 * (L[1, 0, row, column] + 1)), (AB_SCALE * to_lab(TRUTH)[1][1, :, row, column]).tolist()
    return GRAYS[1], (row, column), here, BINS.numpy(), light, true


def chosen(page):
    one = slice(1, 2)
    pixel_chooser(L[one], LOGITS[one], BINS, TRUTH[one], (10, 20))
    return controls(page)


def test_the_pixel_follows_the_sliders_and_the_photo(page):
    row, column, photo = chosen(page)
    assert (row.value, column.value, photo.at, photo.size) == (10, 20, [20, 10], [64, 64]) and page.drawn == 1
    assert shows(page.picture, pixel_picture(*wanted(10, 20)))
    row.value = 33
    assert photo.at == [20, 33] and page.drawn == 2 and page.alt.startswith("At row 33, column 20 the most likely bin")
    photo.set_state({"at": [50, 12]})  # what the page sends after a click
    assert (row.value, column.value) == (12, 50) and page.drawn == 3
    assert shows(page.picture, pixel_picture(*wanted(12, 50)))
    assert f"has {wanted(12, 50)[2].max():.0%}" in page.alt
    column.value = 0
    assert photo.at == [0, 12] and page.drawn == 4


def test_bars_are_as_long_as_bins_are_likely():
    bins, p = np.array([[60.0, 50.0], [-50.0, 40.0], [0.0, 0.0]]), np.array([0.6, 0.3, 0.1])
    picture = pixel_picture(np.zeros((8, 8, 3), np.uint8), (0, 0), p, bins, 60.0, (0.0, 0.0))
    left = picture.shape[1] - BAR - 98
    for line, share in enumerate(p):
        bar = picture[32 + 34 * line + 3, left : left + BAR].astype(int)
        same = (np.abs(bar - bar[0]).max(1) < 4).argmin()
        assert abs(same - BAR * share) <= 2


def test_without_anywidget_the_sliders_do_the_same(page, no_anywidget):
    pixel_chooser(L[:1], LOGITS[:1], BINS, TRUTH[:1], (1, 2))
    row, _ = page.controls("IntSlider")
    row.value = 30
    assert page.controls("PixelChooser") == [] and "At row 30, column 2" in page.alt and page.drawn == 2


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: temperature_slider(L[:2], LOGITS, BINS, TRUTH), "alike"),
        (lambda: temperature_slider(L, LOGITS[:, 1:], BINS, TRUTH), "alike"),
        (lambda: temperature_slider(L, LOGITS, BINS, TRUTH[:2]), "of the same photos"),
        (lambda: temperature_slider(L, LOGITS[..., :15], BINS, TRUTH), "a whole part"),
        (lambda: temperature_slider(L, LOGITS, BINS, TRUTH, 0), "from 0.01 to 1"),
        (lambda: pixel_chooser(L, LOGITS, BINS, TRUTH, (0, 0)), "one photo"),
        (lambda: pixel_chooser(L[:1], LOGITS[:1], BINS, TRUTH[:1], (0, 64)), "a place in it"),
    ],
)
def test_what_does_not_belong_together_is_refused(page, call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert page.shown == [] and page.drawn == 0


def test_the_script_is_a_module_that_asks_no_other_place():
    text = (Path(__file__).parent.parent / "helpers/widgets/classes.js").read_text(encoding="utf8")
    assert "export default" in text and not re.search(r"https?://|\bimport\b|fetch\(|eval\(", text)
    assert all(len(line) <= 120 for line in text.splitlines())
