"""The widgets of chapter 5: a training while it runs (`live_training`), and back through its reports.

Both show `training_picture`: its curves with the lines of chance and, below, what it paints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from ..backstage.files import read_json
from ..losses import chance_levels
from .controls import show, slider, stage
from .drawing import write

if TYPE_CHECKING:  # their import is heavy, and chapters 0 to 2 do without
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..recipe import Recipe
    from ..runs import Run


def live_training(recipe: Recipe, truth_colorfulness: float | None = None) -> Callable[[list[dict], Path], None]:
    """Display the `training_picture` of a run that is yet to come; returns the function that keeps it up to date.

        view = live_training(recipe)
        run = load_or_train(recipe, "05-gan", watch=view)

    recipe: of that run. truth_colorfulness: of the validation photos, for a dashed line. The picture is drawn anew
    after each report, with that report's samples; of a finished run it is drawn once.
    """
    now: dict = {"history": [], "samples": None}

    def draw():
        history = now["history"]
        alt = f"Curves of a training of {recipe.total_steps:,} steps"
        if history:
            alt += f" after {_report_words(history[-1])}; below, photos painted then, above their true colors"
        picture = training_picture(history, recipe, now["samples"], truth_colorfulness=truth_colorfulness)
        return picture, f"{alt}."

    hint = "stop the cell while it trains (■ in the toolbar), then run it again: it goes on where it was."
    draw_anew = stage(hint, [], draw, "jpeg")

    def view(history: list[dict], folder: Path) -> None:
        samples = sample_rows(folder, history[-1]["step"])
        now.update(history=history, samples={label: row for label, row in samples.items() if label != "gray"})
        draw_anew()

    return view


def training_scrubber(run: Run | str | Path, truth_colorfulness: float | None = None) -> None:
    """A slider over the reports of a run: what it painted then, between gray and truth, and where on the curves.

    run: a `helpers.runs.Run`, or the folder of one (its `recipe.json`, `history.json` and `samples/`).
    truth_colorfulness: as in `live_training`. Returns nothing: call it alone in its cell.
    Raises FileNotFoundError for a folder without these, ValueError for a run that has not reported yet.
    """
    from ..recipe import Recipe

    if isinstance(run, (str, Path)):
        folder = Path(run)
        recipe = Recipe.restore(read_json(folder / "recipe.json"))
        history = read_json(folder / "history.json")
    else:
        recipe, history, folder = run.recipe, run.history, run.folder
    if not history:
        raise ValueError("this run has not reported yet: train it further")
    rows = [sample_rows(folder, entry["step"]) for entry in history]

    def draw(report):
        at = report - 1
        alt = f"Report {report} of {len(history)}: {_report_words(history[at])}; the photos in gray, painted, and true."
        return training_picture(history, recipe, rows[at], at, truth_colorfulness), alt

    hint = "go back to the first report, then forward: when does each flower get its color? (Use the arrow keys.)"
    show(hint, {"report": slider("report", len(history), 1, len(history))}, draw, "jpeg")


def sample_rows(folder: Path, step: int) -> dict[str, np.ndarray]:
    """The rows {"gray": …, "step …": …, "truth": …} that a run left of one report, uint8 (S, N*S, 3) each.

    folder: of the run. Raises FileNotFoundError when that report left no samples.
    """
    names = {"gray": "gray", f"step {step:,}": f"step-{step:06d}", "truth": "truth"}
    rows = {}
    for label, name in names.items():
        path = Path(folder) / "samples" / f"{name}.png"
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is missing in {path.parent.parent.name}/samples")
        rows[label] = np.asarray(Image.open(path).convert("RGB"))
    return rows


def _report_words(entry: dict) -> str:
    words = [f"step {entry['step']:,}, phase {entry['phase']}"]
    if "critic_right" in entry:
        words.append(f"critic right {entry['critic_right']:.0%}")
    for key, name in (("val_psnr", "PSNR"), ("val_colorfulness", "colorfulness")):
        if key in entry:
            words.append(f"{name} {entry[key]:.1f}")
    return ", ".join(words)


# --------------------------------------------------------------------------------------------- the picture

WIDTH, DPI = 912, 100  # of the picture, pixels
PLOT, EVERY = (226, 118), (304, 176)  # the inside of one plot, and from one to the next, pixels
LABELS = 84  # left of the rows of samples, pixels
GROUNDS = {"color": "#ffffff", "critic": "#fdecd6", "gan": "#e2eaf7"}
LINE, MARK, PALE = "#1f5aa0", "#d81b60", "0.43"


def training_picture(
    history: Sequence[dict],
    recipe: Recipe,
    samples: dict[str, np.ndarray] | None = None,
    at: int | None = None,
    truth_colorfulness: float | None = None,
) -> np.ndarray:
    """Curves of a training, one point a report, and rows of samples below: uint8 (H, 912, 3).

    history: as `helpers.runs.Run` has it; may be empty. recipe: of that run; its phases are the grounds (color
    white, critic orange, gan blue), each with a scale of its own, since a GAN phase may be a tenth of the steps.
    Drawn are the color loss, PSNR and colorfulness on the validation photos and, if the recipe has a critic, its
    loss, how often it is right, and the adversarial loss of the generator, each with a dashed line at what pure
    chance gives (`helpers.losses.chance_levels`). A point is the mean since the report before.
    samples: {label: uint8 (h, w, 3)}, rows of photos, drawn below one another as wide as the page. at: index of the
    report to mark in the curves. truth_colorfulness: a dashed line for that plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    rows = samples or {}
    canvas = FigureCanvasAgg(curves_figure(history, recipe, at, truth_colorfulness))
    canvas.draw()
    curves, wide = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"), WIDTH - LABELS - 8
    heights = [round(picture.shape[0] * wide / picture.shape[1]) for picture in rows.values()]
    whole = Image.new("RGB", (WIDTH, curves.height + sum(heights) + 4 * len(rows)), "white")
    whole.paste(curves, (0, 0))
    top = curves.height - 4
    for (label, picture), height in zip(rows.items(), heights, strict=True):
        whole.paste(Image.fromarray(picture).resize((wide, height), Image.Resampling.BICUBIC), (LABELS, top))
        write(ImageDraw.Draw(whole), (LABELS - 8, top + height / 2), label, 12, "rm")
        top += height + 4
    return np.asarray(whole)


def curves_figure(history, recipe, at=None, truth_colorfulness=None) -> Figure:
    """The curves of `training_picture`; pyplot does not know of this figure, so no cell shows it a second time."""
    from matplotlib.figure import Figure

    curves = _curves(recipe, truth_colorfulness)
    height = 38 + EVERY[1] * math.ceil(len(curves) / 3)
    figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI)
    first = min(steps for steps in (recipe.report_steps, recipe.color_steps, recipe.total_steps) if steps)
    words = f"{recipe.total_steps:,} steps to take; the first point comes after {first:,}"
    if history:
        words = f"{history[-1]['step']:,} of {recipe.total_steps:,} steps taken; each phase has its own scale of steps"
    figure.text(62 / WIDTH, 1 - 6 / height, words, va="top", size=9, color="0.35")
    for i, curve in enumerate(curves):
        left, bottom = 62 + i % 3 * EVERY[0], height - 68 - i // 3 * EVERY[1] - PLOT[1]
        axis = figure.add_axes((left / WIDTH, bottom / height, PLOT[0] / WIDTH, PLOT[1] / height))
        _draw_curve(axis, *curve, history, recipe, at)
    return figure


def _curves(recipe: Recipe, truth_colorfulness: float | None) -> list[tuple]:
    """(title, key in the history, phases that have it, value and name of the dashed line, if any) of each plot."""
    everywhere, game = ("color", "critic", "gan"), ("critic", "gan")
    critic, adversarial = chance_levels(recipe.adversarial)
    curves = [
        ("color loss", "color", everywhere, None, ""),
        ("validation PSNR, dB", "val_psnr", everywhere, None, ""),
        ("validation colorfulness", "val_colorfulness", everywhere, truth_colorfulness, "truth"),
        ("critic's loss", "critic", game, critic, "chance"),
        ("critic is right", "critic_right", game, 0.5, "chance"),
        ("adversarial loss", "adversarial", ("gan",), adversarial, "chance"),
    ]
    return curves if recipe.critic_steps + recipe.gan_steps else curves[:3]


def _phases(recipe: Recipe, names: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Those of the phases that the recipe has (all, if none), the steps where they meet, and where these lie, 0 to 1.

    A phase is as wide as its steps, but none less than an eighth, nor gan less than a third.
    """
    ends = {"color": recipe.color_steps, "critic": recipe.critic_steps, "gan": recipe.gan_steps}
    steps = {phase: count for phase, count in ends.items() if count}
    found = [phase for phase in steps if phase in names] or list(steps)
    first = sum(count for phase, count in steps.items() if list(GROUNDS).index(phase) < list(GROUNDS).index(found[0]))
    counts = [steps[phase] for phase in found]
    shares = [max(n / sum(counts), 1 / 3 if phase == "gan" else 1 / 8) for phase, n in zip(found, counts, strict=True)]
    return found, first + np.cumsum([0, *counts]), np.cumsum([0, *shares]) / sum(shares)


def _draw_curve(axis: Axes, title, key, names, level, line, history, recipe: Recipe, at: int | None) -> None:
    phases, steps, places = _phases(recipe, names)
    for phase, left, right in zip(phases, places[:-1], places[1:], strict=True):
        axis.axvspan(left, right, color=GROUNDS[phase], linewidth=0)
        axis.text((left + right) / 2, 1.02, phase, transform=axis.transAxes, ha="center", size=7.5, color=PALE)
    if recipe.small_steps and phases[0] == "color":  # a jump there is no accident: the photos change
        change = np.interp(recipe.small_steps, steps, places)
        axis.axvline(change, color="0.8", linewidth=1)
        for side, text in (("right", f"{recipe.size // 2} px "), ("left", f" {recipe.size} px")):
            axis.text(change, 0.03, text, transform=axis.transAxes, ha=side, size=7.5, color=PALE)
    known = [(i, entry) for i, entry in enumerate(history) if math.isfinite(entry.get(key, math.nan))]
    x = np.interp([entry["step"] for _, entry in known], steps, places)
    y = np.array([entry[key] for _, entry in known])
    # In the critic's phase nobody measures the color loss: no line leads across.
    apart = [i for i in range(1, len(known)) if key == "color" and known[i - 1][1]["phase"] != known[i][1]["phase"]]
    marks = {"marker": "o", "markersize": 3.5, "markevery": None if len(y) <= 40 else [len(y) - 1]}
    axis.plot(np.insert(x, apart, np.nan), np.insert(y, apart, np.nan), color=LINE, linewidth=1.5, **marks)
    words = "{:.0%}" if key == "critic_right" else "{:.4g}"
    for (i, _), across, value in zip(known, x, y, strict=True):
        if i == (len(history) - 1 if at is None else at):
            title += ": " + words.format(round(value, 3) + 0.0).replace("-", "−")
            if at is not None:
                axis.axvline(across, color=MARK, linewidth=1)
                axis.plot(across, value, "o", color=MARK, markersize=6, clip_on=False)
    if level is not None:
        axis.axhline(level, color="0.1", linestyle=(0, (4, 4)), linewidth=1)
    axis.set_title(title, loc="left", size=10, y=1.15, pad=0)
    axis.margins(y=0.12)
    axis.set(xlim=(0, 1), xticks=places, xticklabels=_without_overlap(steps, places))
    if key == "critic_right":
        axis.set(ylim=(0, 1), yticks=(0, 0.25, 0.5, 0.75, 1))
    elif known:
        axis.locator_params(axis="y", nbins=4)
    else:
        axis.set(yticks=[] if level is None else (level,))
    if level is not None:
        low, high = axis.get_ylim()
        under = level > low + 0.8 * (high - low)
        place = {"xytext": (4, -2 if under else 2), "va": "top" if under else "bottom", "textcoords": "offset points"}
        axis.annotate(line, (0, level), xycoords=("axes fraction", "data"), size=8, **place)
    axis.yaxis.set_major_formatter(lambda value, _: words.format(value + 0.0).replace("-", "−"))
    axis.tick_params(labelsize=8, length=3)
    axis.tick_params(axis="x", labelsize=7.5)
    axis.spines[:].set_color(PALE)
    for label, side in zip(axis.get_xticklabels(), ("left", *["center"] * (len(places) - 2), "right"), strict=True):
        label.set_ha(side)


def _without_overlap(steps: np.ndarray, places: np.ndarray) -> list[str]:
    """What stands below a plot: its first and its last step, and where phases meet, as far as there is room."""
    taken, labels = [0.0, 1.0], []
    for step, place in zip(steps, places, strict=True):
        free = place in (0, 1) or min(abs(place - other) for other in taken) > 0.24
        labels.append(f"{step:,}" if free else "")
        taken += [place] if free else []
    return labels
