"""The figures of chapter 5: each shows itself once and draws what it was given; which photos they choose."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers import figures
from helpers.color import lab_to_rgb
from helpers.exercises import OURS

matplotlib.use("Agg")


@pytest.fixture
def shown(monkeypatch):
    """The axes of the one figure that was shown."""
    plt.close("all")
    kept = []

    def show():
        kept.append([axis for number in plt.get_fignums() for axis in plt.figure(number).axes])
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    yield lambda: kept[0] if len(kept) == 1 else kept
    assert len(kept) == 1


def painted(*hues):
    """Photos of 8 x 8 pixels, each of one hue in degrees, on gray."""
    lab = torch.zeros(len(hues), 3, 8, 8)
    lab[:, 0] = 60
    for photo, hue in zip(lab, np.deg2rad(hues), strict=True):
        photo[1, :3], photo[2, :3] = float(30 * np.cos(hue)), float(30 * np.sin(hue))
    return (lab_to_rgb(lab) * 255).round().byte()


def test_a_mixed_draw_has_one_photo_from_each_group_of_hues():
    hues = np.linspace(-170, 170, 24)
    order = np.random.default_rng(0).permutation(24)
    photos = painted(*hues[order])
    drawn = figures.mixed_draw(photos, 6, seed=3)
    assert sorted(int(order[i]) // 4 for i in drawn) == [0, 1, 2, 3, 4, 5]
    assert drawn == figures.mixed_draw(photos, 6, seed=3) != figures.mixed_draw(photos, 6, seed=4)
    assert len(figures.mixed_draw(photos[:3], 6)) == 3


def test_the_most_different_come_first():
    one, other = painted(0, 0, 0, 0), painted(0, 90, 20, 180)
    assert figures.most_different(one, other, 3) == [3, 1, 2]


def test_number_game(shown):
    x = torch.linspace(-4, 4, 81)[:, None]
    panel = {"fake": torch.randn(500, 1), "D": torch.full_like(x, 0.3)}
    figures.number_game(x, 0 * x + 0.1, {"first": panel, "second": panel | {"D*": 0 * x}, "third": panel}, columns=2)
    axes = shown()
    assert [axis.get_title() for axis in axes] == ["first", "second", "third", ""]
    assert not axes[3].axison
    curve = next(line for line in axes[0].lines if len(line.get_ydata()) == 81)
    assert np.allclose(curve.get_ydata(), 0.3)


def test_game_losses(shown):
    figures.game_losses({"critic": np.ones(200), "short": np.ones(10)}, {"chance": 1.386, "one": 0.955})
    (axis,) = shown()
    labels = [line.get_label() for line in axis.lines]
    assert labels == ["critic", "short", "chance: 1.386", "one: 0.955"]
    assert len(axis.lines[0].get_ydata()) == 151 and np.allclose(axis.lines[0].get_ydata(), 1)


def test_coin_colors(shown):
    some = np.array([[30.0, 0], [-10, -30]])
    figures.coin_colors(some, {"seed 1": {"L1": some / 2, "GAN": some}}, some[0], some[1])
    (axis,) = shown()
    assert [len(dots.get_offsets()) for dots in axis.collections] == [2, 2, 2]
    assert [text.get_text() for text in axis.texts] == ["A", "B"]


def test_coin_cue(shown):
    figures.coin_cue(np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), "lightness")
    (axis,) = shown()
    assert axis.get_xlabel() == "lightness" and [len(dots.get_offsets()) for dots in axis.collections] == [2, 2]


def test_game_columns(shown):
    history = [{"step": 10, "a": 1.0}, {"step": 20, "a": 2.0, "b": 3.0}, {"step": 30, "a": 4.0, "b": 5.0}]
    figures.game_columns({"x": {"healthy": history, "x": history[1:]}}, {"a": "A", "b": "B"}, {"b": 4.0}, 20, (10, 20))
    top, bottom = shown()
    assert [list(line.get_ydata()) for line in top.lines] == [[2.0, 4.0], [2.0, 4.0]]
    assert top.lines[0].get_color() != top.lines[1].get_color() == "C3"
    assert len(bottom.lines) == 3 and bottom.get_ylabel() == "B"


def test_colors_moved(shown):
    figures.colors_moved({"240": (50, 15.0), "60": (55, 16.0)}, truth=70)
    (axis,) = shown()
    assert [text.get_text() for text in axis.texts] == ["240", "60", "the photos"]
    assert axis.lines[0].get_xydata().tolist() == [[50, 15], [55, 16]]


def test_what_answers_draw_are_pictures_and_no_figures_of_pyplot():
    plt.close("all")
    pictures = [figures.shares_picture(OURS["05-1"]), figures.moves_picture({"one": [0, 1, 2]})]
    assert all(p.dtype == np.uint8 and p.ndim == 3 and p.shape[2] == 3 for p in pictures)
    assert not np.array_equal(pictures[0], figures.shares_picture(lambda p, q: 1.0))
    with pytest.raises(TypeError):
        figures.shares_picture(lambda p, q: None)
    assert plt.get_fignums() == []
