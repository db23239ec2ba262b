"""`skip_switch` and `before_after`: each picture in its place."""

import numpy as np
import pytest

from helpers.widgets import before_after, skip_switch
from helpers.widgets.compare import half_and_half, skip_picture

from .stand_in_page import decoded, near


def test_skip_picture_has_each_picture_in_its_place():
    red, green, blue = (np.zeros((32, 32, 3), np.uint8) for _ in range(3))
    red[..., 0], green[..., 1], blue[..., 2] = 255, 255, 255
    picture = skip_picture(red, green, blue)
    assert [picture[150, 8 + 248 * i + 120].tolist() for i in range(3)] == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert not np.array_equal(picture, skip_picture(red, green, blue, "something else"))


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
    with pytest.raises(ValueError, match="same number of photos"):
        skip_switch(gray, with_skips, without[:1], truth)
    with pytest.raises(ValueError, match="at least one"):
        skip_switch([], [], [], [])
    with pytest.raises(ValueError, match="without_skips: want uint8"):
        skip_switch(gray, with_skips, without / 255, truth)
    with pytest.raises(ValueError, match="truth: want uint8"):
        skip_switch(gray, with_skips, without, truth[..., 0])
    with pytest.raises(ValueError, match="differ in size"):
        skip_switch(gray, with_skips, without, truth[:, :4])


def test_before_after_is_whole_and_safe():
    a, b = np.zeros((40, 80, 3), np.uint8), np.full((40, 80, 3), 200, np.uint8)
    text = before_after(a, b, width=160, alt='a "quoted" <flower>').data
    assert text.count("data:image/jpeg;base64,") == 2 and 'type="range"' in text
    assert "height:80px" in text and "resize:horizontal" in text
    assert "&quot;quoted&quot; &lt;flower&gt;" in text and "<flower>" not in text
    assert "data-lm-suppress-shortcuts" in text  # else JupyterLab keeps the arrow keys
    with pytest.raises(ValueError, match="differ in size"):
        before_after(a, b[:20])


def test_before_after_leaves_a_still_picture_that_any_viewer_keeps(monkeypatch):
    sent = []
    monkeypatch.setattr("IPython.display.display", lambda what, **words: sent.append((what, words)))
    a, b = np.zeros((40, 80, 3), np.uint8), np.full((40, 80, 3), 200, np.uint8)
    shown = before_after(a, b, width=160, alt="night and day")
    assert shown.still.shape == (40, 162, 3)
    assert not shown.still[:, :80].any() and (shown.still[:, 82:] == 200).all() and (shown.still[:, 80:82] == 255).all()
    shown._ipython_display_()
    (picture, words), (slider, _) = sent
    assert near(decoded(picture["image/jpeg"]), shown.still) and "text/html" not in picture
    assert words == {"raw": True, "metadata": {"image/jpeg": {"alt": "night and day"}}} and slider.data == shown.data
    assert half_and_half(a[:1], b[:1], 8).shape == (1, 18, 3)
