"""The still figures: they draw what they are given, on one scale, and a student's blank draws nothing."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from helpers import figures
from helpers.exercises import OURS
from helpers.figures.critic import SQUARES
from helpers.figures.evaluation import PAINTS
from helpers.figures.showing import SAFE
from helpers.models import PatchGAN, UNet
from helpers.plots import unet_diagram

# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as protanopes, deuteranopes and tritanopes see it
SEEN_AS = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def least_difference(colors, eye):
    """The smallest ΔE2000 between two of these colors, seen with this eye."""
    rgb = np.array([to_rgb(color) for color in colors])
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ np.array(SEEN_AS[eye]).T
    light = light.clip(0, 1)
    lab = rgb2lab(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)[None])[0]
    return min(deltaE_ciede2000(one, other) for one, other in combinations(lab, 2))


@pytest.mark.parametrize("eye", SEEN_AS)
def test_a_color_blind_reader_tells_curves_apart(eye):
    assert least_difference(SAFE[:4], eye) > 19.5 and least_difference(SQUARES, eye) > 19.5
    assert least_difference(SAFE, eye) > 10 and least_difference(PAINTS.values(), eye) > 10
    if eye == "protanopia":  # what Matplotlib would draw
        assert least_difference(("C0", "C1", "C2"), eye) < 2


def limits(figure):
    return {image.get_clim() for axis in figure.axes for image in axis.images if image.get_array().ndim == 2}


def test_the_u_shows_each_block_and_skip():
    shapes = {"encoder.0": (4, 8, 8), "encoder.1": (8, 4, 4), "squeeze.0": (4, 4, 4), "decoder.0": (4, 8, 8)}
    figure = unet_diagram(shapes | {"head": (2, 8, 8)})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [t for t in texts if "×" in t] == ["4 × 8²", "8 × 4²", "4 × 8²"] and texts.count("skip") == 1
    plt.close(figure)


def test_watch_names_what_each_block_put_out_and_leaves_the_network_as_it_was():
    model = UNet(2, 2, half_res=False).train()
    outputs = figures.watch(model, torch.zeros(1, 1, 8, 8))
    assert list(outputs) == [
        "encoder.0", "encoder.1", "encoder.2", "squeeze.0", "decoder.0", "squeeze.1", "decoder.1", "head"
    ]  # fmt: skip
    assert torch.equal(outputs["head"].tanh(), model.eval()(torch.zeros(1, 1, 8, 8)))
    assert not any(module._forward_hooks for module in model.modules())
    model.train()
    figures.watch(model, torch.zeros(1, 1, 8, 8))
    assert model.training


def test_maps_share_one_scale(shown):
    figures.maps_row({"small": torch.zeros(1, 1, 4, 4), "large": np.full((4, 4), 9.0)}, low=-1, high=1)
    assert limits(shown[0]) == {(-1, 1)} and len(shown[0].axes) == 3  # two maps and a color bar


def test_each_row_of_features_has_one_scale_and_its_bar(shown):
    rows = {"quiet": torch.rand(8, 4, 4) / 10, "loud": torch.rand(16, 2, 2) * 10}
    figures.feature_rows(rows)
    assert len(limits(shown[0]) - {(0, 1)}) == 2 and len(shown[0].axes) == 2 * 8 + 2


def test_all_maps_of_a_critic_are_on_one_scale_beside_photos(shown):
    photos = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    figures.verdict_rows({"photo": photos, "faint": torch.rand(2, 1, 4, 4) / 9, "sure": -torch.rand(2, 1, 3, 3)})
    ((low, high),) = limits(shown[0]) - {(0, 1)}
    assert low == -high and 0 < high <= 1


def test_a_table_of_verdicts_says_each_share(shown):
    table = {"gray": {"true": 1.0, "gray": 0.0}, "all": {"true": 0.5, "gray": 0.25}}
    figures.verdict_tables({"called real": table, "wins": {name: {"gray": 0.4} for name in table}})
    first, second = shown[0].axes[:2]
    assert [text.get_text() for text in first.texts] == ["100", "0", "50", "25"]
    assert [text.get_text() for text in second.texts] == ["40", "40"] and limits(shown[0]) == {(0, 1)}


def test_the_frame_around_a_gradient_encloses_what_is_not_zero(shown):
    gradient = torch.zeros(20, 20)
    gradient[3:7, 5:11] = 1
    figures.gradient_maps({"one": gradient, "two": gradient})
    (frame,) = shown[0].axes[0].patches
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (4.5, 2.5, 6, 4)


def test_the_curves_of_the_losses_are_the_helpers(shown):
    figures.loss_pairs()
    real, fake = ({line.get_label(): line.get_xydata() for line in axis.lines} for axis in shown[0].axes)
    for x, y in real["hinge"]:
        assert abs(y - max(0, 1 - x)) < 1e-5
    for x, y in fake["lsgan"]:
        assert abs(y - x**2) < 1e-4
    for x, y in fake["bce"]:
        assert abs(y - np.log1p(np.exp(x))) < 1e-4


def test_a_smoothed_curve_keeps_its_mean_and_a_level_is_drawn(shown):
    figures.lines({"constant": [3.0] * 60}, "step", "loss", ("chance", 2.0), smooth=True)
    drawn, level = shown[0].axes[0].lines
    assert np.allclose(drawn.get_ydata(), 3) and set(level.get_ydata()) == {2.0}


def test_verdicts_as_pictures_are_blue_for_real_and_orange_for_fake():
    (real, fake) = figures.verdict_pictures(torch.stack([torch.ones(1, 2, 2), -torch.ones(1, 2, 2)]))
    assert real.dtype == np.uint8 and (real[..., 2] > real[..., 0]).all() and (fake[..., 0] > fake[..., 2]).all()


def test_what_hints_bring_is_drawn_by_count(shown):
    none = {"psnr": np.array([20.0, 22.0]), "delta_e": np.array([9.0, 9.0])}
    curve = {0: none, 50: {"psnr": np.array([30.0, 30.0]), "delta_e": np.array([4.0, 2.0])}}
    figures.gains_figure({"some": curve, "fewer": {0: curve[50]}})
    psnr, delta_e = shown[0].axes
    assert [list(line.get_ydata()) for line in psnr.lines] == [[21, 30], [30]] and len(psnr.get_legend().texts) == 2
    assert [list(line.get_ydata()) for line in delta_e.lines] == [[9, 3], [3]]
    assert [text.get_text() for text in psnr.get_xticklabels()] == ["0", "50"]


def test_suggestions_are_as_wide_as_their_shares_and_stand_above_the_true_color(shown):
    pictures = [np.zeros((8, 8, 3), np.uint8)] * 2
    figures.suggestions_figure(pictures, [(1, 2), (3, 4)], [[(0.75, 60, 0), (0.25, 0, 60)]] * 2, [(60, 0), (0, -60)])
    axes = shown[0].axes
    assert [bar.get_width() for bar in axes[2].patches] == [0.75, 0.25, 1]
    offered, other, true = (bar.get_facecolor() for bar in axes[2].patches)
    assert offered == true != other and [line.get_xydata().tolist() for line in axes[1].lines] == [[[4, 3]]]


def draws(number, function):
    flower = np.zeros((128, 128, 3), np.uint8)
    return {
        "03-1": lambda f: figures.places_picture(f, 6, 3, 2, 1),
        "03-4": lambda f: figures.guesses_picture(f, np.array([[0.0, 0], [1, 2], [30, 60]])),
        "04-1": lambda f: figures.fields_picture(f, flower, [[(4, 2), (4, 1)]]),
        "04-3": figures.costs_picture,
        "09-1": figures.hint_map_picture,
        "10-1": figures.bins_picture,
        "10-2": figures.soft_picture,
        "10-4": figures.annealed_picture,
        "11-2": figures.ranks_picture,
    }[number](function)


@pytest.mark.parametrize("number", ["03-1", "03-4", "04-1", "04-3", "09-1", "10-1", "10-2", "10-4", "11-2"])
def test_what_an_answer_draws_is_a_picture_and_a_blank_leaves_no_figure_behind(number):
    plt.close("all")
    right = draws(number, OURS[number])
    assert right.dtype == np.uint8 and right.ndim == 3 and right.std() > 0
    assert np.array_equal(right, draws(number, OURS[number])), "the same answer draws the same picture"
    with pytest.raises((TypeError, ValueError)):
        draws(number, lambda *_: None)
    assert plt.get_fignums() == []


def test_another_answer_draws_another_picture():
    assert not np.array_equal(draws("03-1", OURS["03-1"]), draws("03-1", lambda *_: 4))
    assert not np.array_equal(draws("04-1", OURS["04-1"]), draws("04-1", lambda *_: 40))


def test_the_stack_of_a_skip_names_both_counts(shown):
    figures.skip_stack(torch.rand(6, 4, 4), torch.rand(3, 8, 8))
    titles = [axis.get_title() for axis in shown[0].axes]
    assert titles == ["from below, enlarged: 6 channels", "the skip: 3 channels", "stacked: 9 channels"]


def test_windows_and_counts_show_their_numbers(shown):
    figures.strided_windows(torch.zeros(10, 10), torch.full((4, 4), 2.5))
    figures.window_counts({"3 x 3": torch.ones(6, 6), "4 x 4": torch.full((6, 6), 4.0)})
    assert {text.get_text() for text in shown[0].axes[1].texts} == {"2.5"}
    assert {text.get_text() for axis in shown[1].axes[:2] for text in axis.texts} == {"1", "4"}
    assert limits(shown[1]) - {(0, 1)} == {(0, 6)}


def test_a_critic_of_real_logits_can_be_drawn_at_once(shown):
    critic = PatchGAN(4, 1).eval()
    figures.verdict_rows({"map": critic(torch.zeros(2, 1, 16, 16), torch.zeros(2, 2, 16, 16))})  # with its graph
    assert shown


# ---------------------------------------------------------------------------------------------- chapter 11


def test_time_is_shared_out_and_rows_begin_at_the_top(shown):
    figures.time_shares({"slow": {"reading": 3.0, "learning": 1.0}, "fast": {"reading": 0.5, "learning": 1.0}})
    (axis,) = shown[0].axes
    assert [(bar.get_x(), bar.get_width()) for bar in axis.patches] == [(0, 3), (0, 0.5), (3, 1), (0.5, 1)]
    assert axis.yaxis_inverted() and [text.get_text() for text in axis.get_legend().texts] == ["reading", "learning"]


def test_rungs_show_speed_gain_and_memory_or_that_none_was_told(shown):
    figures.ladder_figure({"first": (10.0, 1.0, 200.0), "second": (25.0, 2.5, None)})
    speed, memory = shown[0].axes
    assert [bar.get_width() for bar in speed.patches] == [10, 25]
    assert [text.get_text().strip() for text in speed.texts] == ["10", "25, x 2.50"]
    assert [text.get_text().strip() for text in memory.texts] == ["200", "not told"]


def test_costs_tell_what_was_measured_from_what_was_not(shown):
    figures.costs_figure((64, 128, 256), {"work": [1, 4, 16], "minutes": [2, 8, 32]}, {"work": 3, "minutes": 1})
    work, minutes = shown[0].axes
    assert [list(line.get_ydata()) for line in minutes.lines] == [[2, 8, 32], [2], [8, 32]]
    assert [text.get_text() for text in minutes.get_legend().texts] == ["measured", "extrapolated"]
    assert [text.get_text() for text in work.get_legend().texts] == ["measured"]
    assert minutes.lines[2].get_fillstyle() == "none" != minutes.lines[1].get_fillstyle()
