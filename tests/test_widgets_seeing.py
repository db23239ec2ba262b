"""`top_five` and `trainings_slider`: what they draw, how they follow their controls, and what they refuse."""

import numpy as np
import pytest

from helpers.widgets import top_five, trainings_slider
from helpers.widgets.seeing import BAR, SIDE, SURE, rows_picture, top_five_picture

from .stand_in_page import shows

NAMES = [f"class {i}" for i in range(9)]
PHOTOS = [np.full((40, 40, 3), 60 * (i + 1), np.uint8) for i in range(3)]


def scores(*at):
    """Of three photos: each sure of one class, and of the next with half of the rest."""
    out = np.zeros((3, 9))
    for row, one in zip(out, at, strict=True):
        row[one], row[(one + 1) % 9], row[(one + 2) % 9] = 0.6, 0.3, 0.1
    return out


def bars(picture):
    """The length of each bar, top to bottom, in pixels."""
    green = (np.abs(picture.astype(int) - SURE).max(-1) == 0)[:, SIDE + 16 :]
    lengths = [int(row.sum()) for row in green[19 + 14 + 3 :: 38]]
    return lengths[:5]


def test_bars_are_as_long_as_the_classifier_is_sure():
    picture = top_five_picture(PHOTOS[1], scores(4, 4, 4)[0], NAMES)
    assert bars(picture) == [round(BAR * 0.6) + 1, round(BAR * 0.3) + 1, round(BAR * 0.1) + 1, 1, 1]
    assert (picture[8 : SIDE + 8, 8 : SIDE + 8] == 120).all()


def test_names_are_those_of_the_largest_scores():
    one = top_five_picture(PHOTOS[0], scores(4, 4, 4)[0], NAMES)
    renamed = [name if i in (4, 5, 6, 0, 1) else "never shown" for i, name in enumerate(NAMES)]
    assert np.array_equal(one, top_five_picture(PHOTOS[0], scores(4, 4, 4)[0], renamed))
    renamed[5] = "another"
    assert not np.array_equal(one, top_five_picture(PHOTOS[0], scores(4, 4, 4)[0], renamed))


def test_top_five_follows_photo_and_version(page):
    pictures = {"gray": PHOTOS, "color": [255 - p for p in PHOTOS]}
    given = {"gray": scores(0, 3, 6), "color": scores(1, 3, 5)}
    assert top_five(pictures, given, NAMES) is None
    (slider,), (buttons,) = page.controls("IntSlider"), page.controls("ToggleButtons")
    assert (slider.min, slider.max, buttons.value) == (1, 3, "gray")
    assert shows(page.picture, top_five_picture(PHOTOS[0], given["gray"][0], NAMES))
    assert page.alt.startswith("Photo 1 of 3 in gray: the classifier says class 0, 60% sure")
    slider.value, buttons.value = 3, "color"
    assert shows(page.picture, top_five_picture(255 - PHOTOS[2], given["color"][2], NAMES))
    assert "Photo 3 of 3 in color: the classifier says class 5" in page.alt


@pytest.mark.parametrize(
    "pictures, given, message",
    [
        ({"gray": PHOTOS}, {"color": scores(0, 1, 2)}, "scores of gray are wanted"),
        ({"gray": PHOTOS}, {"gray": scores(0, 1, 2)[:2]}, r"\(3, 9\) each"),
        ({"gray": PHOTOS}, {"gray": scores(0, 1, 2)[:, :8]}, r"\(3, 9\) each"),
        ({"gray": PHOTOS, "color": PHOTOS[:2]}, {"gray": scores(0, 1, 2), "color": scores(0, 1, 2)}, "same number"),
        ({"gray": [p / 255 for p in PHOTOS]}, {"gray": scores(0, 1, 2)}, "uint8"),
        ({"gray": []}, {"gray": np.zeros((0, 9))}, "at least one"),
    ],
)
def test_what_does_not_belong_together_is_refused(pictures, given, message, page):
    with pytest.raises(ValueError, match=message):
        top_five(pictures, given, NAMES)


MOMENTS = {
    f"after {s} s": {"scratch": np.full((20, 120, 3), s, np.uint8), "truth": np.full((20, 120, 3), 200, np.uint8)}
    for s in (10, 50, 90)
}


def test_rows_stand_below_each_other_in_their_order():
    picture = rows_picture(MOMENTS["after 50 s"], "after 50 s", width=240)
    assert (picture[30:70, 110:350] == 50).all() and (picture[76:116, 110:350] == 200).all()
    assert picture.shape == (122, 358, 3) and (picture[:, :5] == 255).all()


def test_trainings_slider_begins_at_the_end_and_goes_back(page):
    assert trainings_slider(MOMENTS) is None
    (slider,) = page.controls("IntSlider")
    assert (slider.min, slider.max, slider.value) == (1, 3, 3)
    for value, name in ((3, "after 90 s"), (1, "after 10 s"), (2, "after 50 s")):
        slider.value = value
        assert shows(page.picture, rows_picture(MOMENTS[name], name))
        assert page.alt == f"{name}, moment {value} of 3: rows of photos, scratch, truth."


@pytest.mark.parametrize("moments", [{}, {"a": {}}, {"a": MOMENTS["after 10 s"], "b": {"truth": PHOTOS[0]}}])
def test_moments_of_different_rows_are_refused(moments, page):
    with pytest.raises(ValueError, match="nothing to compare"):
        trainings_slider(moments)


def test_rows_of_another_kind_are_named(page):
    with pytest.raises(ValueError, match="truth: want uint8"):
        trainings_slider({"now": {"truth": np.zeros((4, 4))}})


def test_one_moment_cannot_be_moved(page):
    trainings_slider({"now": MOMENTS["after 10 s"]})
    (slider,) = page.controls("IntSlider")
    assert slider.disabled and slider.value == 1
