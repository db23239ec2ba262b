"""The widgets of chapters 4 to 6 and their pictures: the formulas against what networks really do, lines where they
belong, an order that is fair. `tests/browser/` uses the same widgets in a real JupyterLab.
"""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binom, binomtest

from helpers.widgets import pictures_game, pictures_patch, pictures_training
from helpers.widgets.controls import encode
from helpers.data import Photos
from helpers.losses import ADVERSARIAL, chance_levels
from helpers.models import PatchGAN, receptive_field
from helpers.widgets.pictures_game import coin_range, fair_order, question_picture, result_picture, wilson
from helpers.widgets.pictures_patch import patch_arithmetic, patch_map_picture, receptive_field_picture
from helpers.widgets.pictures_training import sample_rows, training_picture
from helpers.synthetic import draw_flowers
from helpers.training import PRESETS, train
from helpers.widgets import live_training, patch_map, real_or_colored, receptive_field_explorer, training_scrubber

from .stand_in_page import as_jpeg

SMOKE = PRESETS["smoke"]
BLACK = np.zeros((64, 64, 3), np.uint8)


def shows(shown, picture):
    """The page has exactly this picture, but for what JPEG does to it, which is the same each time."""
    return np.array_equal(shown, as_jpeg(picture))


def colored_as(picture, color):
    """Rows and columns of the pixels of exactly this color."""
    return np.nonzero((picture == np.uint8(color)).all(-1))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short training on drawn flowers."""
    drawn, truth = draw_flowers(40, SMOKE.load_size, seed=0)
    images = torch.from_numpy(drawn.transpose(0, 3, 1, 2).copy())
    photos = Photos(images, torch.from_numpy(truth.kind), torch.arange(40), "train", "drawn")
    val = replace(photos.subset(range(8)), images=images[:8, :, :32, :32])
    recipe = replace(SMOKE, color_steps=4, critic_steps=1, gan_steps=3, report_steps=2)
    return train(recipe, tmp_path_factory.mktemp("run"), photos, val, show=False)


# ------------------------------------------------------------------------------- receptive_field_picture


@pytest.mark.parametrize("layers, field", [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_patch_arithmetic_is_what_the_network_does(layers, field):
    last = patch_arithmetic(layers, 256)[-1]
    critic = PatchGAN(width=2, layers=layers, norm="none").eval()
    assert last["sees"] == field
    if layers < 4:
        assert receptive_field(critic) == field
    seen = torch.zeros(256, 256)
    row, column = last["size"] // 2, last["size"] // 2 - 1
    for _ in range(4):
        lab = torch.randn(1, 3, 256, 256, requires_grad=True)
        logits = critic(lab[:, :1], lab[:, 1:])
        assert logits.shape[-2:] == (last["size"],) * 2
        seen += torch.autograd.grad(logits[0, 0, row, column], lab)[0].abs().sum((0, 1))
    rows, columns = ((seen > 0).any(1 - axis).nonzero().flatten() for axis in (0, 1))
    for found, place in ((rows, row), (columns, column)):
        first = last["start"] + place * last["step"]
        assert (int(found[0]), int(found[-1])) == (first, first + field - 1)


def test_patch_arithmetic_layer_by_layer():
    table = patch_arithmetic(2, 64)
    assert [line["sees"] for line in table] == [1, 4, 10, 22, 34]
    assert [line["size"] for line in table] == [64, 32, 16, 15, 14]
    assert [line["step"] for line in table] == [1, 2, 4, 4, 4]
    for layers, size in ((0, 64), (4, 47), (3, 23)):
        with pytest.raises(ValueError, match="are needed"):
            patch_arithmetic(layers, size)


@pytest.mark.parametrize("layers, row, column", [(2, 6, 9), (1, 0, 29), (3, 2, 2), (3, 5, 0)])
def test_receptive_field_picture_frames_the_patch_and_its_logit(layers, row, column):
    """A black photo is black only within the frame, as far as the patch lies on the photo."""
    picture = receptive_field_picture(BLACK, layers, row, column)
    last = patch_arithmetic(layers, 64)[-1]
    scale = pictures_patch.SCREEN / (64 + 2 * pictures_patch.MARGIN)
    photo = picture[34 : 34 + pictures_patch.SCREEN, 8 : 8 + pictures_patch.SCREEN]
    found = colored_as(photo, (0, 0, 0))
    for places, at in zip(found, (row, column), strict=True):
        first = last["start"] + at * last["step"]
        ends = np.clip([first, first + last["sees"]], 0, 64)
        shown = np.array([places.min(), places.max() + 1]) / scale - pictures_patch.MARGIN
        assert np.abs(shown - ends).max() <= 1  # the frame covers three screen pixels, less than one of the photo
    left = 8 + pictures_patch.SCREEN + 24
    grid = picture[34 : 34 + pictures_patch.GRID, left : left + pictures_patch.GRID]
    for places, at in zip(colored_as(grid, pictures_patch.SEEN), (row, column), strict=True):
        assert int(places.mean() / pictures_patch.GRID * last["size"]) == at


def test_receptive_field_picture_refuses():
    with pytest.raises(IndexError, match="from 0 to 13"):
        receptive_field_picture(BLACK, 2, 14, 0)
    with pytest.raises(IndexError, match="row 0, column -1"):
        receptive_field_picture(BLACK, 2, 0, -1)
    with pytest.raises(ValueError, match="square"):
        receptive_field_picture(BLACK[:32], 2, 0, 0)
    with pytest.raises(ValueError, match="picture: want uint8"):
        receptive_field_picture(BLACK / 255, 2, 0, 0)


def test_receptive_field_explorer_live(page):
    photo = draw_flowers(1, 64, seed=0)[0][0]
    assert receptive_field_explorer(photo) is None
    layers, row, column = page.controls("IntSlider")
    assert (layers.min, layers.max, row.max, column.max) == (1, 4, 13, 13)
    assert shows(page.picture, receptive_field_picture(photo, 2, 6, 6))
    row.value, column.value = 13, 12
    assert shows(page.picture, receptive_field_picture(photo, 2, 13, 12)) and "34 × 34" in page.alt
    layers.value = 3  # where there is no row 13
    assert (row.max, row.value, column.value) == (5, 5, 5)
    assert shows(page.picture, receptive_field_picture(photo, 3, 5, 5)) and "70 × 70" in page.alt
    layers.value = 1
    assert (row.max, row.value) == (29, 5) and shows(page.picture, receptive_field_picture(photo, 1, 5, 5))


@pytest.mark.parametrize("size, most", [(6, 1), (32, 3), (256, 4)])
def test_receptive_field_explorer_offers_layers_that_fit(page, size, most):
    receptive_field_explorer(BLACK, size)
    layers, row, _ = page.controls("IntSlider")
    assert layers.disabled == (most == 1) and (most == 1 or layers.max == most)
    if most > 1:
        layers.value = most
    assert page.picture is not None and row.max >= 1
    with pytest.raises(ValueError, match="are needed"):
        receptive_field_explorer(BLACK, 5)


# ----------------------------------------------------------------------------------------- patch_map


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("sign, color", [(1, pictures_patch.REAL), (-1, pictures_patch.FAKE)])
def test_patch_map_draws_a_logit_in_the_middle_of_what_it_sees(layers, sign, color):
    last = patch_arithmetic(layers, 64)[-1]
    logits = np.zeros((last["size"],) * 2)
    row, column = 1, last["size"] - 2
    logits[row, column] = sign * 3
    picture = patch_map_picture(BLACK + 128, logits, limit=2)
    side = pictures_patch.SIDE
    over, cells = (picture[26 : 26 + side, 8 + i * (side + 8) :][:, :side] for i in (1, 2))
    tint = (over.astype(int) - over.mean(-1, keepdims=True)) @ (np.array(color) - np.mean(color))
    rows, columns = np.nonzero(tint > tint.max() / 2)
    for places, at in ((rows, row), (columns, column)):
        middle = last["start"] + at * last["step"] + last["sees"] / 2
        assert abs((places.mean() + 0.5) / side * 64 - middle) < 0.3
        assert abs(np.ptp(places) + 1 - last["step"] * side / 64) < 2
    found = colored_as(cells, color)
    assert [int(places.mean() / side * last["size"]) for places in found] == [row, column]
    assert picture[26 : 26 + side, 8 : 8 + side].mean() == 128


def test_patch_map_refuses():
    logits = np.zeros((14, 14))
    with pytest.raises(ValueError, match="square"):
        patch_map_picture(BLACK, logits[:3], 1)
    with pytest.raises(ValueError, match="must be numbers"):
        patch_map_picture(BLACK, logits * np.nan, 1)
    with pytest.raises(ValueError, match="above 0"):
        patch_map_picture(BLACK, logits, 0)
    with pytest.raises(ValueError, match="picture: want uint8"):
        patch_map_picture(BLACK[..., 0], logits, 1)


def test_patch_map_live(page):
    drawn = draw_flowers(3, 64, seed=0)[0]
    tensor = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 14, 14, requires_grad=True)
    maps = {"true": logits[0], "gray": logits[1][:, None]}
    assert patch_map({"true": tensor, "gray": list(255 - drawn)}, maps) is None
    (switch,), (photo,) = page.controls("ToggleButtons"), page.controls("IntSlider")
    values = logits.detach().double().numpy()
    limit = np.quantile(np.abs(values), 0.98)
    assert switch.options == ("true", "gray") and photo.max == 3
    assert shows(page.picture, patch_map_picture(drawn[0], values[0, 0], limit, "true"))
    switch.value, photo.value = "gray", 3
    assert shows(page.picture, patch_map_picture(255 - drawn[2], values[1, 2], limit, "gray"))
    assert page.alt.startswith(f"Photo 3, gray, and the critic's map over it: mean logit {values[1, 2].mean():+.2f}")


def test_patch_map_refuses_at_once(page):
    drawn = draw_flowers(2, 64, seed=0)[0]
    maps = np.zeros((2, 14, 14))
    for versions, given, message in (
        ({"true": drawn}, {"gray": maps}, "each version needs its map"),
        ({}, {}, "each version needs its map"),
        ({"true": drawn}, {"true": maps[:1]}, "same number of photos"),
        ({"true": drawn[:0]}, {"true": maps[:0]}, "at least one"),
        ({"true": drawn, "gray": drawn / 255}, {"true": maps, "gray": maps}, "want uint8"),
        ({"true": drawn, "gray": drawn}, {"true": maps, "gray": maps + np.inf}, "must be numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            patch_map(versions, given)
    assert page.picture is None


# ------------------------------------------------------------------------------------ training_picture


def plot_of(picture, place):
    """The inside of a plot: 0 to 2 in the first row, 3 to 5 in the second."""
    left = place % 3 * pictures_training.GAP[0] + pictures_training.INSET[0]
    top = 24 + place // 3 * pictures_training.GAP[1] + pictures_training.INSET[1]
    return picture[top : top + pictures_training.PLOT[1], left : left + pictures_training.PLOT[0]]


def dashes(plot):
    """The row of the dashed line of chance: the one with the most ink, in its right half, where no text stands."""
    ink = (plot[:, 113:] == np.uint8(pictures_training.INK)).all(-1).sum(1)
    assert ink.max() > 40
    return int(ink.argmax())


ENTRY = {"step": 12, "phase": "gan", "color": 0.1, "val_psnr": 20.0, "val_colorfulness": 40.0, "critic_right": 0.5}


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_a_guessing_critic_lies_on_the_lines_of_chance(kind):
    """For each kind of loss: the readings of an undecided critic on the lines, worse ones above, better ones below."""
    recipe = replace(SMOKE, adversarial=kind)
    critic, adversarial = chance_levels(kind)
    for shift in (0, 0.5, -0.2):
        entry = ENTRY | {"critic": critic + shift, "adversarial": adversarial + shift, "critic_right": 0.5 + shift}
        picture = training_picture([entry], recipe)
        for place in (3, 4, 5):
            plot = plot_of(picture, place)
            rows, _ = colored_as(plot, pictures_training.LINE)
            above = dashes(plot) - rows.mean()
            assert abs(above) <= 1 if shift == 0 else above * shift > 2, (place, shift)


def test_no_curve_where_there_is_no_series():
    colors = {"color": 0.2, "val_psnr": 18.0, "val_colorfulness": 20.0}
    history = [{"step": step, "phase": "color", **colors} for step in (4, 8)]
    picture = training_picture(history, SMOKE)
    lengths = [len(colored_as(plot_of(picture, place), pictures_training.LINE)[0]) for place in range(6)]
    assert all(length > 50 for length in lengths[:3]) and lengths[3:] == [0, 0, 0]
    alone = training_picture(history, replace(SMOKE, critic_steps=0, gan_steps=0))
    assert alone.shape[0] == picture.shape[0] - pictures_training.GAP[1]


def test_the_color_loss_has_a_gap_where_nobody_measures_it():
    recipe = replace(SMOKE, color_steps=40, critic_steps=20, gan_steps=40)
    history = [ENTRY | {"step": step, "phase": phase} for step, phase in ((20, "color"), (40, "color"), (100, "gan"))]
    plots = [plot_of(training_picture(history, recipe), place) for place in (0, 1)]
    (color, psnr) = ({column for column in colored_as(plot, pictures_training.LINE)[1]} for plot in plots)
    ground = colored_as(plots[0], pictures_training.GROUNDS["critic"])[1]
    middle = range(ground.min() + 5, ground.max() - 5)
    assert not color & set(middle) and psnr >= set(middle)


@pytest.mark.parametrize(
    "recipe", [SMOKE, PRESETS["cpu"], replace(SMOKE, color_steps=0), replace(SMOKE, critic_steps=0)]
)
def test_steps_have_their_place_in_their_phase(recipe):
    """Left to right in time, each on the ground of its phase, the last at the right edge."""
    ends = [recipe.color_steps, recipe.color_steps + recipe.critic_steps, recipe.total_steps]
    steps = sorted({step for end in ends for step in (end - 1, end, end + 1) if 0 < step <= recipe.total_steps})
    columns = []
    for step in steps:
        phase = recipe.phase(step - 1)
        picture = training_picture([ENTRY | {"step": step, "phase": phase}] * 2, recipe, at=1)
        plot = plot_of(picture, 1)
        rows, found = colored_as(plot, pictures_training.MARK)
        columns.append(np.median(found))
        ground = colored_as(plot, pictures_training.GROUNDS[phase])[1]
        assert ground.min() - 1.5 <= columns[-1] <= ground.max() + 1.5
    assert columns == sorted(columns) and columns[-1] >= pictures_training.PLOT[0] - 2


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{"step": 4, "phase": "color", "color": 0.3}],
        [{"step": 4, "phase": "color", "color": 0.0}] * 2,
        [{"step": 14, "phase": "gan", "critic": float("inf"), "val_psnr": float("nan")}],
        [ENTRY | {"critic": 1e7, "adversarial": -1e7}, ENTRY | {"step": 14, "critic": 0.0, "adversarial": 1e5}],
    ],
)
def test_any_history_can_be_drawn(history):
    for recipe in (SMOKE, PRESETS["cpu"], replace(SMOKE, color_steps=0, critic_steps=0), replace(SMOKE, gan_steps=0)):
        picture = training_picture(history, recipe)
        assert picture.shape[1] == pictures_training.WIDTH and picture.dtype == np.uint8


def test_training_picture_says_which_report_and_what_is_true():
    history = [ENTRY | {"step": 4, "phase": "color"}, ENTRY]
    truth = training_picture(history, SMOKE, truth_colorfulness=70)
    assert dashes(plot_of(truth, 2)) < 30  # near the top, the curve at 40 below
    assert not np.array_equal(training_picture(history, SMOKE, at=0), training_picture(history, SMOKE, at=1))
    for at in (-1, 2):
        with pytest.raises(IndexError, match="choose 0 to 1"):
            training_picture(history, SMOKE, at=at)
    with pytest.raises(ValueError, match="painted: want uint8"):
        training_picture(history, SMOKE, {"painted": BLACK / 255})


def test_samples_stand_below_in_their_order():
    rows = {name: np.full((8, 48, 3), value, np.uint8) for name, value in (("a", 40), ("b", 90), ("c", 160))}
    plain, picture = training_picture([], SMOKE), training_picture([], SMOKE, rows)
    below = picture[plain.shape[0] - 4 :, pictures_training.LABELS + 5 : -20]
    values = [value for value in below.reshape(len(below), -1).mean(1) if value < 250]
    assert sorted(set(values)) == list(dict.fromkeys(values)) == [40, 90, 160]


@pytest.mark.parametrize("low, high", [(0, 1), (0.07, 0.16), (-3, 5), (1.3, 1.4), (0, 1e7), (17.1, 19.9)])
def test_ticks_are_round_and_few(low, high):
    ticks = pictures_training._ticks(low, high)
    assert 2 <= len(ticks) <= 6 and low <= ticks[0] and ticks[-1] <= high
    assert all(len(f"{tick:.10g}".replace("-", "").replace(".", "").strip("0")) <= 4 for tick in ticks)


# ------------------------------------------------------------------- live_training and training_scrubber


def painted_and_truth(folder, step):
    return {label: row for label, row in sample_rows(folder, step).items() if label != "gray"}


def test_live_training_follows_the_reports(page, run, tmp_path):
    drawn, truth = draw_flowers(40, SMOKE.load_size, seed=0)
    images = torch.from_numpy(drawn.transpose(0, 3, 1, 2).copy())
    photos = Photos(images, torch.from_numpy(truth.kind), torch.arange(40), "train", "drawn")
    val = replace(photos.subset(range(8)), images=images[:8, :, :32, :32])
    view = live_training(run.recipe, truth_colorfulness=50.0)
    assert page.drawn == 1 and shows(page.picture, training_picture([], run.recipe, truth_colorfulness=50.0))
    seen = []
    again = train(
        run.recipe, tmp_path, photos, val, show=False,
        watch=lambda history, folder: (view(history, folder), seen.append((page.drawn, page.picture, page.alt))),
    )  # fmt: skip
    assert [drawn for drawn, _, _ in seen] == [2, 3, 4, 5]
    for i, (_, picture, alt) in enumerate(seen):
        step = again.history[i]["step"]
        samples = painted_and_truth(tmp_path, step)
        expected = training_picture(again.history[: i + 1], run.recipe, samples, truth_colorfulness=50.0)
        assert shows(picture, expected) and f"step {step}, phase {again.history[i]['phase']}" in alt


def test_live_training_draws_a_finished_run_once(page, run):
    train(run.recipe, run.folder, None, val_of(run), show=False, watch=live_training(run.recipe))
    assert page.drawn == 2
    assert shows(page.picture, training_picture(run.history, run.recipe, painted_and_truth(run.folder, 8)))


def val_of(run):
    drawn, truth = draw_flowers(8, SMOKE.load_size, seed=0)
    return Photos(torch.from_numpy(drawn.transpose(0, 3, 1, 2).copy())[..., :32, :32], torch.from_numpy(truth.kind),
                  torch.arange(8), "val", "drawn")  # fmt: skip


@pytest.mark.parametrize("as_folder", [False, True])
def test_training_scrubber_live(page, run, as_folder):
    assert training_scrubber(str(run.folder) if as_folder else run) is None
    (slider,) = page.controls("IntSlider")
    assert (slider.min, slider.max, slider.value) == (1, 4, 4)
    for report in (4, 2, 1, 3):
        slider.value = report
        step = run.history[report - 1]["step"]
        expected = training_picture(run.history, run.recipe, sample_rows(run.folder, step), report - 1)
        assert shows(page.picture, expected) and page.alt.startswith(f"Report {report} of 4: step {step}, ")


def test_training_scrubber_refuses(page, run, tmp_path):
    with pytest.raises(ValueError, match="not reported yet"):
        training_scrubber(replace(run, history=[]))
    with pytest.raises(FileNotFoundError, match=r"step-000099\.png is missing"):
        training_scrubber(replace(run, history=[ENTRY | {"step": 99}]))
    with pytest.raises(FileNotFoundError):
        training_scrubber(tmp_path)
    assert page.picture is None


def test_a_run_with_one_report_has_a_scrubber(page, run):
    training_scrubber(replace(run, history=run.history[:1]))
    (slider,) = page.controls("IntSlider")
    assert slider.disabled and slider.value == 1 and slider.max == 2  # the page draws no slider from 1 to 1


# ---------------------------------------------------------------------------------------- the game


def test_the_order_is_fair():
    """Half real in each game, no photo twice; over many games every photo and every place is real half of the time."""
    shown, real_at = Counter(), np.zeros(6)
    for seed in range(600):
        order = fair_order(9, 6, seed)
        photos = [index for index, _ in order]
        assert len(set(photos)) == 6 and set(photos) <= set(range(9)) and sum(real for _, real in order) == 3
        shown.update(photos)
        real_at += [real for _, real in order]
    assert all(abs(shown[index] - 400) < 60 for index in range(9))  # 5 standard deviations
    assert np.abs(real_at - 300).max() < 62
    assert fair_order(9, 6, 1) == fair_order(9, 6, 1) != fair_order(9, 6, 2)


@pytest.mark.parametrize(
    "photos, count, message", [(9, 5, "even"), (9, 0, "even"), (9, -2, "even"), (5, 6, "there are 5")]
)
def test_an_order_that_cannot_be_fair_is_refused(photos, count, message):
    with pytest.raises(ValueError, match=message):
        fair_order(photos, count)


def test_wilson_is_the_one_of_the_books():
    assert np.allclose(wilson(81, 263), (0.2553, 0.3662), atol=5e-5)  # Newcombe 1998, table I, method 3
    assert np.allclose(wilson(0, 20), (0, 0.1611), atol=5e-5)
    for right, count in ((0, 1), (1, 1), (14, 20), (7, 20), (20, 20), (3, 7)):
        truth = binomtest(right, count).proportion_ci(method="wilson")
        assert np.allclose(wilson(right, count), truth, atol=1e-6)
    for right, count in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no share"):
            wilson(right, count)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 20, 100])
def test_what_a_coin_gives(count):
    low, high = coin_range(count)
    coin = binom(count, 0.5)
    assert high == count - low and coin.cdf(low - 1) <= 0.025 < coin.cdf(low)
    assert coin.cdf(high) - coin.cdf(low - 1) >= 0.95


def test_question_shows_the_picture_and_only_answers_given():
    drawn = draw_flowers(1, 64, seed=0)[0][0]
    first = question_picture(drawn, 1, 20, [])
    shown = Image.fromarray(drawn).resize((320, 320), Image.Resampling.BICUBIC)
    assert np.array_equal(first[34:354, 8:328], np.asarray(shown))
    after = question_picture(drawn, 2, 20, [(True, False)])
    assert not np.array_equal(first[:, 340:], after[:, 340:])
    assert not np.array_equal(question_picture(drawn, 2, 20, [(True, True)])[:, 340:], after[:, 340:])
    with pytest.raises(ValueError, match="picture: want uint8"):
        question_picture(drawn / 255, 1, 20, [])


def test_result_marks_each_answer():
    """Right ones in green, wrong ones in red, and the truth in the corner of the colored ones."""
    shown = [np.full((16, 16, 3), 100, np.uint8)] * 4
    truth = [np.full((16, 16, 3), 50, np.uint8)] * 4
    picture = result_picture(shown, truth, [(True, True), (True, False), (False, True), (False, False)])
    for i, (right, real) in enumerate(((1, 1), (0, 1), (0, 0), (1, 0))):
        left, top, side = 8 + 181 * i, 140, 172
        assert picture[top - 2, left + 50].tolist() == list(pictures_game.RIGHT if right else pictures_game.WRONG)
        assert picture[top + 20, left + 20].tolist() == [100] * 3
        assert picture[top + side - 10, left + side - 10].tolist() == [100 if real else 50] * 3
    with pytest.raises(ValueError, match="do not match"):
        result_picture(shown, truth[:3], [(True, True)] * 4)
    with pytest.raises(ValueError, match="do not match"):
        result_picture([], [], [])


def test_real_or_colored_live(page):
    real = draw_flowers(6, 32, seed=0)[0]
    colored = 255 - real
    assert real_or_colored(torch.from_numpy(real).permute(0, 3, 1, 2), list(colored), seed=3, count=4) is None
    (line,) = page.controls("HBox")
    buttons = {button.description: button for button in line.children}
    order, answers = fair_order(6, 4, 3), []
    shown = [(real if is_real else colored)[index] for index, is_real in order]
    for i, said in enumerate(("real", "real", "colored", "real")):
        assert (
            shows(page.picture, question_picture(shown[i], i + 1, 4, answers)) and f"Picture {i + 1} of 4" in page.alt
        )
        assert not buttons["real"].disabled
        buttons[said].click()
        answers.append((order[i][1], said == "real"))
    right = sum(a == b for a, b in answers)
    assert shows(page.picture, result_picture(shown, [real[i] for i, _ in order], answers))
    assert page.alt.startswith(f"The game is over: {right} of 4 right")
    assert buttons["real"].disabled and buttons["colored"].disabled
    drawn = page.drawn
    buttons["real"].click()  # a click that was on its way
    assert page.drawn == drawn
    buttons["start again"].click()
    index, is_real = fair_order(6, 4, 4)[0]
    assert shows(page.picture, question_picture((real if is_real else colored)[index], 1, 4, []))
    assert not buttons["real"].disabled


def test_real_or_colored_refuses(page):
    real = draw_flowers(4, 32, seed=0)[0]
    for a, b, options, message in (
        (real, real[:3], {"count": 2}, "4 real and 3 colored"),
        (real, real, {}, "there are 4: pass a smaller count"),
        (real, real, {"count": 3}, "even number"),
        (real, real / 255, {"count": 2}, "colored: want uint8"),
        (real, real[:, :16, :16], {"count": 2}, "differ in size"),
    ):
        with pytest.raises(ValueError, match=message):
            real_or_colored(a, b, **options)
    assert page.picture is None


# ------------------------------------------------------------------------------------------- all of them


def test_each_says_what_to_try(page, run):
    pictures = np.zeros((2, 64, 64, 3), np.uint8)
    for show in (
        lambda: receptive_field_explorer(BLACK),
        lambda: patch_map({"true": pictures}, {"true": np.zeros((2, 14, 14))}),
        lambda: live_training(SMOKE),
        lambda: training_scrubber(run),
        lambda: real_or_colored(pictures, pictures, count=2),
    ):
        page.shown = []
        show()
        (hint,) = page.controls("HTML")
        assert hint.value.startswith("<b>Try:</b> ") and "\n" not in hint.value


def test_pictures_are_drawn_fast_enough_to_follow_a_slider(run):
    """Under 0.2 s with everything; drawing gets half of that, in seconds of one core, whatever else runs here."""
    photo, rng = draw_flowers(1, 64, seed=0)[0][0], np.random.default_rng(0)
    rows = {name: rng.integers(0, 255, (64, 384, 3), np.uint8).repeat(1, 0) for name in ("gray", "painted", "truth")}
    for draw in (
        lambda: receptive_field_picture(photo, 1, 4, 4),
        lambda: patch_map_picture(photo, rng.normal(size=(30, 30)), 2),
        lambda: training_picture(run.history * 10, run.recipe, rows, 3),
        lambda: question_picture(photo, 3, 20, [(True, True)] * 2),
        lambda: result_picture([photo] * 20, [photo] * 20, [(True, False)] * 20),
    ):
        seconds = []
        for _ in range(5):
            start = time.process_time()
            encode(draw(), "jpeg")
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.1, seconds
