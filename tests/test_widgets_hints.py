"""`choose_colors`: what the page sends and gets, places in the photo's own pixels, the still picture."""

import re
from pathlib import Path

import numpy as np
import pytest

from helpers.models import HintUNet
from helpers.synthetic import draw_flowers
from helpers.widgets import choose_colors
from helpers.widgets.hints import MOST, hints_picture

from .stand_in_page import decoded, near, shows
from .untaught import untaught_listener


@pytest.fixture(scope="module")
def colorizer():
    return untaught_listener(48)


@pytest.fixture(scope="module")
def flower():
    return draw_flowers(1, 384, seed=4)[0][0][:, :288]  # (384, 288, 3): shown with 256 x 192


def painter_of(page):
    (painter,) = page.controls("HintPainter")
    return painter


def ask(painter, *hints):
    """What the page does after a change: hints and turn in one message."""
    painter.set_state({"hints": [list(hint) for hint in hints], "turn": painter.turn + 1})


def test_it_begins_with_the_hints_it_was_given_and_answers_each_change(page, colorizer, flower):
    choice = choose_colors(flower, hints=[(150, 300, "#2040ff")], weights=colorizer)
    painter = painter_of(page)
    assert painter.size == [192, 256] and painter.hints == [[100, 200, "#2040ff"]] and page.drawn == 1
    assert choice.hints == [(150, 300, "#2040ff")] and choice.picture.shape == (256, 192, 3)
    ask(painter, (100, 200, "#2040ff"), (10, 20, "#00a000"))
    assert choice.hints == [(150, 300, "#2040ff"), (15, 30, "#00a000")] and painter.painted == painter.turn == 1
    assert near(decoded(painter.colored.split(",")[1]), choice.picture) and page.drawn == 2
    assert "#00a000 at 15, 30" in page.alt
    ask(painter)
    assert choice.hints == [] and "(none)" in page.alt
    small = choose_colors(flower, weights=colorizer).picture
    assert np.array_equal(choice.picture, small)


def test_what_is_shown_is_what_colorize_gives_and_the_still_picture_shows_all_three(page, colorizer, flower):
    small = flower[:256, :192]
    choice = choose_colors(small, hints=[(100, 200, "#2040ff")], weights=colorizer)
    told, plain, gray = (
        colorizer.colorize(small, saturation, hints=hints)
        for saturation, hints in ((1, choice.hints), (1, ()), (0, ()))
    )
    assert np.array_equal(choice.picture, told) and not np.array_equal(told, plain)
    assert shows(page.picture, hints_picture(gray, plain, told, choice.hints))


def test_what_stands_still_is_computed_once(page, colorizer, flower, monkeypatch):
    times, paint = [], HintUNet.paint
    monkeypatch.setattr(HintUNet, "paint", lambda self, L: times.append(1) or paint(self, L))
    choice = choose_colors(flower, weights=colorizer)
    for i in range(3):
        ask(painter_of(page), (10 + i, 20, "#00a000"))
    assert len(times) == 1 and "paint" not in vars(colorizer.model)
    small = page.controls("HintPainter")[0]
    assert near(decoded(small.colored.split(",")[1]), choice.picture)


def test_hints_go_back_to_the_photo_of_full_size(page, colorizer, flower):
    """A hint moved nowhere stays within the pixel of the small picture that it was in."""
    large = np.repeat(np.repeat(flower, 3, 0), 3, 1)
    choice = choose_colors(large, weights=colorizer)
    for x, y in ((0, 0), (191, 255), (60, 200)):
        ask(painter_of(page), (x, y, "#102030"))
        ((there, below, _),) = choice.hints
        assert 0 <= there < large.shape[1] and 0 <= below < large.shape[0]
        assert (there * 192 // large.shape[1], below * 256 // large.shape[0]) == (x, y)
        colorizer.colorize(large[:64, :64], hints=[(min(there, 63), min(below, 63), "#102030")])


@pytest.mark.parametrize("nonsense", [(192, 5, "#102030"), (5, 5, "url(x)"), (5, 5), (-1, 0, "red")])
def test_nonsense_from_the_page_changes_nothing_and_the_page_goes_on(page, colorizer, flower, nonsense):
    choice = choose_colors(flower, weights=colorizer)
    painter, before = painter_of(page), choice.picture
    with pytest.raises(ValueError):
        ask(painter, nonsense)
    assert choice.hints == [] and choice.picture is before and painter.painted == 1
    ask(painter, *[(i, i, "#102030") for i in range(MOST + 9)])
    assert len(choice.hints) == MOST and painter.painted == 2


def test_wrong_arguments_are_refused_before_anything_is_shown(page, colorizer, flower):
    with pytest.raises(ValueError, match="lies outside"):
        choose_colors(flower, hints=[(288, 0, "red")], weights=colorizer)
    with pytest.raises(ValueError, match="take no hints"):
        choose_colors(flower, hints=[(1, 1, "red")], weights="flowers-l1")
    with pytest.raises(ValueError, match="take no hints"):
        choose_colors(flower, weights="flowers-l1")
    assert page.shown == [] and page.drawn == 0


def test_without_anywidget_a_list_of_places_does_the_same(page, colorizer, flower, no_anywidget):
    choice = choose_colors(flower, hints=[(150, 300, "#2040ff")], weights=colorizer)
    (box,) = page.shown
    assert "pip install anywidget" in box.children[1].value and page.drawn == 1
    assert choice.hints == [(150, 300, "#2040ff")]


def test_the_still_picture_has_the_hints_where_they_are():
    blank = np.full((100, 200, 3), 90, np.uint8)
    picture = hints_picture(blank, blank, blank, [(0, 0, "#ff0000"), (199, 99, "#00ff00"), (100, 50, "#0000ff")])
    assert picture.shape[2] == 3
    for color, left, right in (((255, 0, 0), 8, 16), ((0, 255, 0), 232, 248), ((0, 0, 255), 116, 134)):
        columns = np.flatnonzero((picture == color).all(2).any(0))
        assert len(columns) > 4 and left - 8 <= columns.min() and columns.max() <= right, color


def test_the_script_is_a_module_that_asks_no_other_place():
    text = (Path(__file__).parent.parent / "helpers/widgets/hints.js").read_text(encoding="utf8")
    assert "export default" in text and not re.search(r"https?://|\bimport\b|fetch\(|eval\(", text)
    assert all(len(line) <= 120 for line in text.splitlines())
