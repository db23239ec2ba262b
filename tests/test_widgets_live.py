"""`live_training` and `training_scrubber`: curves and lines where they belong, and a picture that follows the run."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data import Photos
from helpers.losses import ADVERSARIAL, chance_levels
from helpers.recipe import PRESETS
from helpers.runs import train
from helpers.synthetic import draw_flowers
from helpers.widgets import live, live_training, sample_rows, training_scrubber
from helpers.widgets.live import curves_figure, filmstrip, training_picture

from .stand_in_page import shows

SMOKE = replace(PRESETS["smoke"], color_steps=4, critic_steps=1, gan_steps=3, report_steps=2)
ENTRY = {"step": 6, "phase": "gan", "color": 0.1, "val_psnr": 20.0, "val_colorfulness": 40.0, "critic_right": 0.5}


def small_run(folder, **options):
    """A short training on drawn flowers."""
    drawn, truth = draw_flowers(40, SMOKE.load_size, seed=0)
    images = torch.from_numpy(drawn.transpose(0, 3, 1, 2).copy())
    photos = Photos(images, torch.from_numpy(truth.kind), torch.arange(40), "train", "drawn")
    val = replace(photos.subset(range(8)), images=images[:8, :, :32, :32])
    return train(SMOKE, folder, photos, val, show=False, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("run"))


# -------------------------------------------------------------------------------------------- the curves


def curve(figure, place):
    """(x, y) of each point of a plot: 0 to 2 in the first row, 3 to 5 in the second. x goes from 0 to 1."""
    (line,) = [line for line in figure.axes[place].lines if line.get_color() == live.LINE]
    return line.get_xydata()


def dashed(figure, place):
    """The heights of the dashed lines of a plot."""
    return [line.get_ydata()[0] for line in figure.axes[place].lines if line.get_linestyle() == "--"]


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_a_guessing_critic_lies_on_the_lines_of_chance(kind):
    critic, adversarial = chance_levels(kind)
    figure = curves_figure([ENTRY | {"critic": critic, "adversarial": adversarial}], replace(SMOKE, adversarial=kind))
    for place, chance in ((3, critic), (4, 0.5), (5, adversarial)):
        assert dashed(figure, place) == [chance] == curve(figure, place)[:, 1].tolist()
    assert [dashed(figure, place) for place in range(3)] == [[]] * 3


def test_no_curve_where_there_is_no_series():
    colors = {"color": 0.2, "val_psnr": 18.0, "val_colorfulness": 20.0}
    history = [{"step": step, "phase": "color", **colors} for step in (2, 4)]
    figure = curves_figure(history, SMOKE)
    assert [len(curve(figure, place)) for place in range(6)] == [2, 2, 2, 0, 0, 0]
    assert len(curves_figure(history, replace(SMOKE, critic_steps=0, gan_steps=0)).axes) == 3


def test_the_color_loss_has_a_gap_where_nobody_measures_it():
    recipe = replace(SMOKE, color_steps=40, critic_steps=20, gan_steps=40)
    history = [ENTRY | {"step": step, "phase": phase} for step, phase in ((20, "color"), (40, "color"), (100, "gan"))]
    color, psnr = (curve(curves_figure(history, recipe), place) for place in (0, 1))
    assert np.isnan(color[2]).all() and len(color) == 4 and len(psnr) == 3


@pytest.mark.parametrize(
    "recipe", [SMOKE, PRESETS["cpu"], replace(SMOKE, color_steps=0), replace(SMOKE, critic_steps=0)]
)
def test_steps_have_their_place_in_their_phase(recipe):
    """Left to right in time, each on the ground of its phase, the last at the right edge; no phase too narrow."""
    ends = [recipe.color_steps, recipe.color_steps + recipe.critic_steps, recipe.total_steps]
    steps = sorted({step for end in ends for step in (end - 1, end, end + 1) if 0 < step <= recipe.total_steps})
    history = [ENTRY | {"step": step, "phase": recipe.phase(step - 1)} for step in steps]
    figure = curves_figure(history, recipe)
    x, axis = curve(figure, 1)[:, 0], figure.axes[1]
    grounds = {text.get_text(): patch.get_extents().transformed(axis.transAxes.inverted())
               for text, patch in zip(axis.texts, axis.patches, strict=False)}  # fmt: skip
    assert list(grounds) == [phase for phase in live.GROUNDS if getattr(recipe, f"{phase}_steps")]
    for entry, place in zip(history, x, strict=True):
        assert grounds[entry["phase"]].x0 - 1e-6 <= place <= grounds[entry["phase"]].x1 + 1e-6
    assert (np.diff(x) > 0).all() and x[-1] == 1 and min(ground.width for ground in grounds.values()) > 0.08


@pytest.mark.parametrize("key", ["critic", "adversarial"])
def test_a_series_that_begins_late_has_the_whole_plot(key):
    place = {"critic": 3, "adversarial": 5}[key]
    x = curve(curves_figure([ENTRY | {"step": step, key: 1.0} for step in (6, 8)], SMOKE), place)[:, 0]
    steps = {"critic": (4, 5, 8), "adversarial": (5, 8)}[key]
    assert [label.get_text() for label in curves_figure([], SMOKE).axes[place].get_xticklabels()][0] == str(steps[0])
    assert 0 < x[0] < x[1] == 1


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{"step": 4, "phase": "color", "color": 0.3}],
        [{"step": 4, "phase": "color", "color": 0.0}] * 2,
        [{"step": 7, "phase": "gan", "critic": float("inf"), "val_psnr": float("nan")}],
        [ENTRY | {"critic": 1e7, "adversarial": -1e7}, ENTRY | {"step": 8, "critic": 0.0, "adversarial": 1e5}],
    ],
)
def test_any_history_can_be_drawn(history):
    for recipe in (SMOKE, PRESETS["cpu"], replace(SMOKE, color_steps=0, critic_steps=0), replace(SMOKE, gan_steps=0)):
        figure = curves_figure(history, recipe)
    figure.canvas.draw()
    assert figure.bbox.size.tolist() == [live.WIDTH, 214 if recipe.critic_steps + recipe.gan_steps == 0 else 390]


def test_training_picture_says_which_report_and_what_is_true():
    history = [ENTRY | {"step": 4, "phase": "color"}, ENTRY | {"val_psnr": 21.0}]
    figure = curves_figure(history, SMOKE, at=0, truth_colorfulness=70)
    assert dashed(figure, 2) == [70]
    marks = [line.get_xydata().tolist() for line in figure.axes[1].lines if line.get_color() == live.MARK]
    assert marks[1] == [curve(figure, 1)[0].tolist()]
    assert figure.axes[1].get_title("left") == "validation PSNR, dB: 20"
    assert curves_figure(history, SMOKE).axes[1].get_title("left") == "validation PSNR, dB: 21"
    assert figure.axes[4].get_title("left") == "critic is right: 50%"


def test_nothing_is_cut_off_and_no_words_meet():
    """Every word of the picture lies on it, and no number below a plot touches the next."""
    history = [
        ENTRY | {"step": step, "phase": "gan", "critic": -1e-4 * step, "adversarial": 1234.5} for step in (9, 15300)
    ]
    figure = curves_figure(history, PRESETS["cpu"], 1, 40.0)
    figure.canvas.draw()
    for axis in figure.axes:
        box = axis.get_tightbbox()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= live.WIDTH and box.y1 <= figure.bbox.y1
        boxes = [label.get_window_extent() for label in axis.get_xticklabels() if label.get_text()]
        assert all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:], strict=False)) and len(boxes) >= 2


def test_samples_stand_below_in_their_order():
    rows = {name: np.full((8, 48, 3), value, np.uint8) for name, value in (("a", 40), ("b", 90), ("c", 160))}
    plain, picture = training_picture([], SMOKE), training_picture([], SMOKE, rows)
    below = picture[plain.shape[0] - 4 :, live.LABELS + 5 : -20]
    values = [value for value in below.reshape(len(below), -1).mean(1) if value < 250]
    assert sorted(set(values)) == list(dict.fromkeys(values)) == [40, 90, 160]


def test_a_report_waits_little_for_its_picture(run):
    """150 ms on an idle core; three times that in seconds of one core, whatever else runs here."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        training_picture(run.history * 10, run.recipe, sample_rows(run.folder, 8), 3)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.45, seconds


def test_no_figure_is_left_for_pyplot():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    training_picture([ENTRY], SMOKE)
    assert plt.get_fignums() == before


# ------------------------------------------------------------------- live_training and training_scrubber


def painted_and_truth(folder, step):
    return {label: row for label, row in sample_rows(folder, step).items() if label != "gray"}


def test_live_training_follows_the_reports(page, run, tmp_path):
    view = live_training(SMOKE, truth_colorfulness=50.0)
    assert page.drawn == 1 and shows(page.picture, training_picture([], SMOKE, truth_colorfulness=50.0))
    seen = []
    again = small_run(
        tmp_path,
        watch=lambda history, folder: (view(history, folder), seen.append((page.drawn, page.picture, page.alt))),
    )
    assert [drawn for drawn, _, _ in seen] == [2, 3, 4, 5]
    for i, (_, picture, alt) in enumerate(seen):
        step = again.history[i]["step"]
        samples = painted_and_truth(tmp_path, step)
        expected = training_picture(again.history[: i + 1], SMOKE, samples, truth_colorfulness=50.0)
        assert shows(picture, expected) and f"step {step}, phase {again.history[i]['phase']}" in alt


def test_live_training_draws_a_finished_run_once(page, run):
    small_run(run.folder, watch=live_training(run.recipe))
    assert page.drawn == 2
    assert shows(page.picture, training_picture(run.history, run.recipe, painted_and_truth(run.folder, 8)))


@pytest.mark.parametrize("as_folder", [False, True])
def test_training_scrubber_live(page, run, as_folder):
    assert training_scrubber(str(run.folder) if as_folder else run) is None
    (slider,) = page.controls("IntSlider")
    assert (slider.min, slider.max, slider.value) == (0, 4, 0)
    strip = filmstrip(run.history, [sample_rows(run.folder, entry["step"]) for entry in run.history])
    assert list(strip) == ["gray", "step 2", "step 4", "step 6", "step 8", "truth"]
    assert shows(page.picture, training_picture(run.history, run.recipe, strip))
    assert page.alt.startswith("Filmstrip of 4 of 4 reports: the photos in gray, painted at step 2, ")
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
    assert (slider.min, slider.max) == (0, 1) and page.alt.startswith("Filmstrip of 1 of 1 reports")


def test_a_filmstrip_shows_the_end_of_the_color_phase_and_of_the_run():
    history = [{"step": 10 * i, "phase": "color" if i <= 8 else "gan"} for i in range(1, 14)]
    rows = [{"gray": 0, f"step {entry['step']}": entry["step"], "truth": 1} for entry in history]
    assert list(filmstrip(history, rows).values()) == [0, 10, 40, 80, 110, 130, 1]


def test_the_rows_of_a_report_are_those_it_saved(run):
    rows = sample_rows(run.folder, 4)
    assert list(rows) == ["gray", "step 4", "truth"] and {row.shape for row in rows.values()} == {(32, 192, 3)}
    assert np.array_equal(rows["step 4"], np.asarray(Image.open(run.folder / "samples" / "step-000004.png")))
