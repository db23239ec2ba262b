"""The figures of chapter 6: they draw what they are given, on one scale, and count what they say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers import figures
from helpers.exercises import OURS
from helpers.metrics import METRICS, Scorecard
from helpers.synthetic import draw_flowers
from helpers.widgets.game import fair_order


def flowers(count):
    return torch.from_numpy(draw_flowers(count, 32, seed=1)[0]).movedim(3, 1)


def test_each_metric_has_its_panel_and_colorfulness_its_goal(shown):
    values = {key: (i + 1.0, i + 0.5, i + 1.5) for i, key in enumerate(METRICS)}
    figures.scorecard_dots({"gray": Scorecard(values, 72.0, 9), "mine": Scorecard(values, 72.0, 9)})
    panels = shown[0].axes
    assert [axis.get_title() for axis in panels] == [f"{heading} ({better})" for heading, better, _ in METRICS.values()]
    assert all(axis.lines[0].get_xdata().tolist() == [i + 0.5, i + 1.5] for i, axis in enumerate(panels))
    dashed = [[line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == "--"] for axis in panels]
    assert dashed == [[], [], [], [72.0], [], []]


def test_every_point_of_a_cloud_is_a_photo(shown):
    ours, theirs = np.array([1.0, 5, 9]), np.array([2.0, 3, 4])
    figures.paired_clouds(ours, theirs, ("ours", "theirs"), "dB")
    cloud, bars = shown[0].axes
    assert cloud.collections[0].get_offsets().tolist() == np.stack([theirs, ours], 1).tolist()
    assert sum(bar.get_height() for bar in bars.patches) == 3
    corners = {name: np.array(here) for name, here in zip("abcd", np.eye(4, 3, dtype=bool), strict=True)}
    figures.corner_cloud(ours, theirs, corners, "x", "y")
    assert [len(dots.get_offsets()) for dots in shown[1].axes[0].collections] == [1, 1, 1, 0]
    assert [text.get_text() for text in shown[1].axes[0].get_legend().texts][0] == "a (33%)"


def test_error_maps_share_one_scale_and_its_bar(shown):
    photos = flowers(3)
    maps = np.stack([np.full((32, 32), value) for value in (1.0, 30, 90)])
    figures.error_rows({"photo": photos}, maps, ["a", "b", "c"], top=60)
    drawn = [image for axis in shown[0].axes for image in axis.images if image.get_array().ndim == 2]
    assert [image.get_array()[0, 0] for image in drawn[:3]] == [1, 30, 90]
    assert {image.get_clim() for image in drawn[:3]} == {(0, 60)}
    assert shown[0].axes[-1].get_ylabel() == "ΔE2000"


def polar(chroma, degrees):
    angle = np.deg2rad(degrees)
    return chroma * np.cos(angle), chroma * np.sin(angle)


def test_hues_are_counted_where_they_are_vivid():
    """Red, yellow, pink on both sides of 0°, and one that is too dull to count."""
    true = torch.tensor([polar(60, 30), polar(60, 95), polar(60, 350), polar(60, 10), polar(20, 30)]).T[None, :, None]
    painted = torch.tensor([polar(60, 30), polar(5, 95), polar(60, 95), polar(60, 5), polar(60, 30)]).T[None, :, None]
    table = figures.hue_counts(true, painted)
    assert list(table) == ["red", "orange", "yellow", "green", "blue", "purple", "pink"]
    assert sum(row.sum() for row in table.values()) == 4
    assert table["red"][0] == 1 and table["yellow"][7] == 1  # kept, and turned gray
    assert table["pink"][2] == 1 and table["pink"][6] == 1


def test_hue_bars_fill_each_line(shown):
    figures.hue_bars(
        {"one": {name: np.eye(8)[i] + 1 for i, name in enumerate(("red", "orange"))}, "two": {"red": np.zeros(8)}}
    )
    bars = shown[0].axes[0].patches
    assert len(bars) == 16 and sum(bar.get_width() for bar in bars) == pytest.approx(200)
    framed = [bar.get_width() for bar in bars if bar.get_edgecolor() == (0, 0, 0, 1)]
    assert framed == pytest.approx([200 / 9, 200 / 9])  # the right answer of each line


def test_each_spoiling_does_what_it_says():
    ab = torch.rand(3, 2, 16, 16) - 0.5
    spoiled = figures.spoiled(ab)
    assert torch.equal(spoiled["× 0.5"], ab / 2) and torch.equal(spoiled["stranger"][1], ab[0])
    assert torch.allclose(spoiled["hue + 15°"].norm(dim=1), ab.norm(dim=1), atol=1e-6)
    cosine = (spoiled["hue + 15°"] * ab).sum(1) / ab.square().sum(1)
    assert torch.allclose(cosine, torch.full_like(cosine, np.cos(np.deg2rad(15))), atol=1e-4)
    assert torch.allclose(spoiled["blur 3"][..., 5, 5], ab[..., 4:7, 4:7].mean((2, 3)), atol=1e-6)
    assert spoiled["blur 9"].std() < spoiled["blur 3"].std() < ab.std()


def test_the_ladder_is_sorted(shown):
    figures.kid_ladder({"bad": (90.0, 80, 99), "good": (1.0, -1, 3)})
    assert [label.get_text() for label in shown[0].axes[0].get_yticklabels()] == ["good", "bad"]


def test_with_the_diagonal_kept_alike_sets_look_apart(shown):
    first, second = np.random.default_rng(0).normal(size=(2, 60, 4))
    figures.diagonal_bias(OURS["06-2"], first, second, lambda x, y: (x @ y.T / 4 + 1) ** 3, draws=8)
    out, kept = (line.lines[0].get_ydata() for line in shown[0].axes[0].containers)
    assert len(out) == 3 and (kept > out).all() and kept[0] > kept[-1] > 0


def test_more_photos_crown_the_wrong_one_less_often(shown):
    rng = np.random.default_rng(0)
    hard = rng.normal(20, 4, 400)
    wrong = figures.wrong_winners(hard + rng.normal(0.3, 1, 400), hard, repeats=400)
    same, other = wrong.values()
    assert list(same) == [2, 4, 8, 16, 32, 64, 128, 256] and same[2] > same[32] and other[32] > same[32] + 0.1


def test_close_ups_are_the_same_parts(shown):
    photos = flowers(2)
    figures.close_ups(255 - photos, photos, [(0, 0, 0, 8), (1, 8, 4, 24)], ["a", "b"])
    pictures = [axis.images[0].get_array() for axis in shown[0].axes]
    assert all(picture.shape == (240, 240, 3) for picture in pictures)
    assert np.array_equal(pictures[3][0, 0], photos[1, :, 8, 4]) and np.array_equal(
        pictures[3][-1, -1], photos[1, :, 31, 27]
    )
    assert np.array_equal(255 - pictures[1], pictures[3])


def test_a_score_draws_a_picture_and_a_blank_leaves_no_figure_behind():
    plt.close("all")
    right = figures.score_picture(OURS["06-3"])
    assert (
        right.dtype == np.uint8
        and right.ndim == 3
        and not np.array_equal(right, figures.score_picture(lambda *_: (0, 1)))
    )
    with pytest.raises((TypeError, ValueError)):
        figures.score_picture(lambda *_: None)
    assert plt.get_fignums() == []


def test_leads_show_every_repeat(shown):
    figures.leads([0.1, 0.2, 0.3], [0.0, -0.1, 0.1])
    assert sum(bar.get_height() for bar in shown[0].axes[0].patches) == 6


def test_a_blind_player_plays_the_game_of_the_widget(monkeypatch):
    sent = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: sent.append((data, options)))
    real = torch.full((6, 3, 16, 16), 200, dtype=torch.uint8)
    light = lambda images: images.float().mean((1, 2, 3)).numpy()  # noqa: E731
    assert figures.end_of_game(real, real // 4, light, 100, seed=3, count=6) == 6
    assert figures.end_of_game(real, real // 4, light, 0, seed=3, count=6) == 3  # all are real, to it
    order = fair_order(6, 6, 3)
    once = torch.arange(6)[:, None, None, None].expand(6, 3, 16, 16).to(torch.uint8)
    even = lambda images: 1 - images[:, 0, 0, 0].numpy() % 2  # noqa: E731
    right = figures.end_of_game(once, once, even, 1, seed=3, count=6)
    assert right == sum(is_real == (index % 2 == 0) for index, is_real in order)
    data, options = sent[0]
    assert data["text/plain"].startswith("The end of a game: 6 of 6 right")
    assert options["metadata"]["image/jpeg"]["alt"] == data["text/plain"]
