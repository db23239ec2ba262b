"""The figures of chapter 10: they draw the bins they are given, and the paper's list is as it was published."""

import numpy as np
import torch

from helpers import figures
from helpers.classification import ab_bins
from helpers.color import rgb_to_lab
from helpers.figures.classes import shown as in_rgb


def test_the_list_of_the_paper_has_313_bins_and_all_of_ours():
    paper, ours = (set(map(tuple, bins.tolist())) for bins in (figures.paper_bins(), ab_bins()))
    assert len(paper) == 313 and ours < paper
    assert all(a % 10 == b % 10 == 0 for a, b in paper)
    # as rows of its file begin and end
    assert (-90, 50) in paper and (-90, 40) not in paper and (100, 0) in paper and (100, 10) not in paper


def test_screen_colors_are_those_of_the_cube():
    colors = figures.screen_colors(3)
    rgb = torch.tensor([0.5, 1.0, 0.0]).view(3, 1, 1)
    assert colors.shape == (27, 2) and (colors - rgb_to_lab(rgb)[1:, 0, 0]).norm(dim=1).min() < 1e-3


def test_colors_are_shown_as_they_are():
    lab = rgb_to_lab(torch.from_numpy(in_rgb([[30.0, 20.0], [0.0, 0.0]]).T[:, None].copy()))
    assert np.allclose(lab[:, 0, 0], [65, 30, 20], atol=0.05) and np.allclose(lab[:, 0, 1], [65, 0, 0], atol=0.05)


def test_strips_have_a_row_for_each_guess(shown):
    figures.color_strips({"one": [(0, 0)] * 3, "other": [(0, 0), (50, 0), (60, 40)]}, [0, 0.5, 1], "share")
    one, other = (axis.images[0].get_array() for axis in shown[0].axes)
    assert np.ptp(one) < 1e-3 < np.ptp(other) and shown[0].axes[1].get_xlabel() == "share"


def test_our_bins_are_in_color_and_the_others_hatched(shown):
    figures.bins_figure(ab_bins(), figures.paper_bins())
    ours, others = shown[0].axes[0].collections
    assert len(ours.get_paths()) == len(ab_bins()) and len(others.get_paths()) == 313 - len(ab_bins())
    assert len(ours.get_facecolors()) == len(ab_bins()) and len(others.get_facecolors()) == 0 and others.get_hatch()
    assert shown[0].axes[0].get_title() == "261 bins in color, 52 more in the paper's list"


def test_numbers_of_bins_stand_where_the_bins_are(shown):
    bins, values = torch.tensor([[0.0, 0.0], [30.0, -20.0]]), np.array([0.25, 0.75])
    figures.planes_figure({"prior": values}, bins)
    grid = shown[0].axes[0].images[0].get_array()  # (b, a), from -120 up
    assert grid[12, 12] == 0.25 and grid[10, 15] == 0.75 and np.ma.masked_invalid(grid).count() == 2


def test_places_have_squares_as_large_as_they_are_likely(shown):
    bins = torch.tensor([[0.0, 0.0], [50.0, 0.0]])
    gray = np.zeros((8, 8, 3), np.uint8)
    figures.places_figure([gray], [(1, 2)], [torch.tensor([0.2, 0.8])], bins, [(50.0, 0.0)], ["peaks: 1"])
    above, below = shown[0].axes
    widths = [np.ptp(path.vertices[:, 0]) for path in below.collections[0].get_paths()]
    assert np.allclose(widths, [5, 10]) and below.lines[0].get_xydata().tolist() == [[50, 0]]
    assert above.lines[0].get_xydata().tolist() == [[2, 1]] and above.get_title() == "peaks: 1"


def test_curves_carry_their_area(shown):
    marks = {"thresholds": np.arange(151.0), "share": np.linspace(0, 1, 151), "auc": 0.5}
    figures.accuracy_curves({"raw": {"gray": marks}, "class-balanced": {"gray": marks}})
    assert [axis.get_title() for axis in shown[0].axes] == ["raw", "class-balanced"]
    assert shown[0].axes[0].get_legend().texts[0].get_text() == "gray: 50.0%"


def test_numbers_of_an_answer_are_multiples_of_the_most_common():
    flat = figures.balance_numbers(lambda prior, mix: torch.ones(4))
    assert list(flat.values()) == [1.0] * 3
    steep = figures.balance_numbers(lambda prior, mix: 1 / prior)
    assert all(abs(value - 70) < 1e-3 for value in steep.values())
