"""helpers.plots: what a figure shows, and where."""

import matplotlib
import numpy as np
import pytest
import torch

from helpers.color import in_gamut, rgb_to_lab
from helpers.metrics import ab_histogram
from helpers.plots import NAMED_COLORS, _gamut_shadow, ab_planes, photo_rows

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def plane_of(color) -> np.ndarray:
    """The histogram of a picture that is all of one color."""
    return ab_histogram(torch.tensor(color, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 8, 8)).mean(0)


def test_ab_planes_puts_a_to_the_right_and_b_upward():
    orange = (255, 165, 0)
    axis = ab_planes({"orange": plane_of(orange)}).axes[0]
    image = axis.images[0]
    row, column = np.argwhere(~np.ma.getmaskarray(image.get_array()))[0]  # the one cell that is not empty
    left, right, bottom, top = image.get_extent()
    assert image.origin == "lower"
    a, b = left + (column + 0.5) * (right - left) / 45, bottom + (row + 0.5) * (top - bottom) / 45
    _, true_a, true_b = rgb_to_lab(torch.tensor(orange, dtype=torch.uint8).view(3, 1, 1)).flatten().tolist()
    assert abs(a - true_a) <= 2.5 and abs(b - true_b) <= 2.5


def test_ab_planes_names_colors_and_shares_one_scale():
    figure = ab_planes({"half": plane_of((90, 90, 90)) / 2, "all": plane_of((200, 30, 30))})
    first, second = figure.axes[:2]
    assert [text.get_text() for text in first.texts] == list(NAMED_COLORS)
    assert first.images[0].norm.vmax == second.images[0].norm.vmax == 1
    assert first.get_title() == "half" and first.get_xlabel().startswith("a ")
    assert not ab_planes({"bare": plane_of((1, 2, 3))}, names=False).axes[0].texts
    with pytest.raises(ValueError, match="'flat' is a histogram of shape"):
        ab_planes({"flat": np.zeros(45)})


def test_gamut_line_encloses_what_a_screen_can_show():
    middles, inside = _gamut_shadow()
    lightness = torch.linspace(0, 100, 101).view(-1, 1, 1, 1)
    grid = torch.tensor(np.stack(np.meshgrid(middles, middles)), dtype=torch.float32)[None].expand(101, -1, -1, -1)
    possible = in_gamut(torch.cat([lightness.expand(-1, 1, *grid.shape[-2:]), grid], dim=1)).any(dim=0).numpy()
    assert (inside.astype(bool) | ~possible).all()  # every cell whose middle has a color is inside
    assert (inside.astype(bool) & ~possible).sum() < 0.15 * possible.sum()  # and few others, at the rim


@pytest.mark.parametrize("title", ["one line", "one line\nand another"])
def test_titles_of_photo_rows_are_not_cut_off(title):
    figure = photo_rows({" ": [np.zeros((8, 8, 3), np.uint8)] * 2}, titles=[title, ""])
    box = figure.axes[0].title.get_window_extent(figure.canvas.get_renderer())
    assert box.y1 < figure.bbox.y1 and box.y0 > figure.axes[0].bbox.y1


def test_photo_rows_draws_each_photo_once():
    pictures = [np.full((20, 30, 3), i, np.uint8) for i in range(4)]
    figure = photo_rows({"one": pictures, "two": pictures})
    assert len(figure.axes) == 8 and figure.axes[0].get_ylabel() == "one"
    with pytest.raises(ValueError, match="same number of photos"):
        photo_rows({"one": pictures, "two": pictures[:2]})
