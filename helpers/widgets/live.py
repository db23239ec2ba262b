"""The widgets of chapter 5: a training while it runs (`live_training`), and back through its reports.

Both show `training_picture`: its curves with the lines of chance and, below, what it paints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..backstage.canvas import picture_of
from ..backstage.files import read_json
from ..losses import chance_levels
from .controls import show, slider, stage
from .drawing import white_canvas, write

if TYPE_CHECKING:  # their import is heavy, and chapters 0 to 2 do without
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

    def draw(history=(), samples=None):
        alt = f"Curves of a training of {recipe.total_steps:,} steps"
        if history:
            alt += f" after {_report_words(history[-1])}; below, photos painted then, above their true colors"
        return training_picture(history, recipe, samples, truth_colorfulness=truth_colorfulness), f"{alt}."

    hint = "stop the cell while it trains (■ in the toolbar), then run it again: it goes on where it was."
    draw_anew = stage(hint, [], draw)

    def view(history: list[dict], folder: Path) -> None:
        samples = sample_rows(folder, history[-1]["step"])
        draw_anew(history, {label: row for label, row in samples.items() if label != "gray"})

    return view


def training_scrubber(run: Run | str | Path, truth_colorfulness: float | None = None) -> None:
    """A slider over the reports of a run: what it painted then, between gray and truth, and where on the curves.

    At 0 it shows a filmstrip, some reports below one another; so does the stored page.

    run: a `helpers.runs.Run`, or the folder of one (its `recipe.json`, `history.json` and `samples/`).
    truth_colorfulness: as in `live_training`. Returns nothing: call it alone in its cell.
    Raises FileNotFoundError for a folder without these, ValueError for a run that has not reported yet.
    """
    from ..recipe import Recipe

    if isinstance(run, (str, Path)):
        folder = Path(run)
        recipe, history = Recipe.restore(read_json(folder / "recipe.json")), read_json(folder / "history.json", list)
    else:
        recipe, history, folder = run.recipe, run.history, run.folder
    if not history:
        raise ValueError("this run has not reported yet: train it further")
    rows = [sample_rows(folder, entry["step"]) for entry in history]

    def draw(report):
        if not report:
            strip = filmstrip(history, rows)
            alt = f"Filmstrip of {len(strip) - 2} of {len(history)} reports: the photos in gray, painted at"
            alt += f" {', '.join(list(strip)[1:-1])}, and true; above, the curves of the training."
            return training_picture(history, recipe, strip, truth_colorfulness=truth_colorfulness), alt
        at = report - 1
        alt = f"Report {report} of {len(history)}: {_report_words(history[at])}; the photos in gray, painted, and true."
        return training_picture(history, recipe, rows[at], at, truth_colorfulness), alt

    hint = "move through the reports: when does each flower get its color? (Use the arrow keys; 0 is the filmstrip.)"
    show(hint, {"report": slider("report", 0, 0, len(history))}, draw)


def filmstrip(history: Sequence[dict], rows: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Of all reports a few in one dict of rows: two on the way to the end of the color phase, that, and two after it.

    rows: `sample_rows` of each report. Gray comes first, truth last.
    """
    last = len(history) - 1
    color = max((i for i, entry in enumerate(history) if entry["phase"] == "color"), default=0)
    chosen = sorted({0, color // 2, color, (color + last + 1) // 2, last})
    strip = {"gray": rows[0]["gray"]}
    for i in chosen:
        strip |= {label: row for label, row in rows[i].items() if label not in ("gray", "truth")}
    return strip | {"truth": rows[0]["truth"]}


def sample_rows(folder: Path, step: int) -> dict[str, np.ndarray]:
    """The rows {"gray": …, "step …": …, "truth": …} that a run left of one report, uint8 (S, N*S, 3) each.

    folder: of the run. Raises FileNotFoundError when that report left no samples.
    """
    rows = {}
    for label, name in (("gray", "gray"), (f"step {step:,}", f"step-{step:06d}"), ("truth", "truth")):
        path = Path(folder) / "samples" / f"{name}.png"
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is missing in {path.parent.parent.name}/samples")
        rows[label] = np.asarray(Image.open(path).convert("RGB"))
    return rows


def _report_words(entry: dict) -> str:
    words = f"step {entry['step']:,}, phase {entry['phase']}"
    shown = {
        "critic_right": "critic right {:.0%}",
        "val_psnr": "PSNR {:.1f}",
        "val_colorfulness": "colorfulness {:.1f}",
    }
    return ", ".join([words, *(form.format(entry[key]) for key, form in shown.items() if key in entry)])


# --------------------------------------------------------------------------------------------- the picture

WIDTH, DPI = 912, 96  # of the picture, pixels and pixels an inch: this pair divides exactly
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
    parts, width = [picture_of(curves_figure(history, recipe, at, truth_colorfulness))], WIDTH - LABELS - 8
    for label, picture in (samples or {}).items():
        height = round(picture.shape[0] * width / picture.shape[1])
        row, draw = white_canvas(WIDTH, height + 4)
        row.paste(Image.fromarray(picture).resize((width, height)), (LABELS, 0))
        write(draw, (LABELS - 8, height / 2), label, 12, "rm")
        parts.append(np.asarray(row))
    return np.concatenate(parts)


def curves_figure(history, recipe, at=None, truth_colorfulness=None) -> Figure:
    """The curves of `training_picture`; pyplot does not know of this figure, so no cell shows it a second time."""
    from matplotlib.figure import Figure

    critic, adversarial = chance_levels(recipe.adversarial)
    # title, key in the history, how many phases pass before there is any, value and name of the dashed line
    curves = [
        ("color loss", "color", 0, None, ""),
        ("validation PSNR, dB", "val_psnr", 0, None, ""),
        ("validation colorfulness", "val_colorfulness", 0, truth_colorfulness, "truth"),
        ("critic's loss", "critic", 1, critic, "chance"),
        ("critic is right", "critic_right", 1, 0.5, "chance"),
        ("adversarial loss", "adversarial", 2, adversarial, "chance"),
    ]
    rows = 2 if recipe.critic_steps + recipe.gan_steps else 1
    height = 38 + 176 * rows
    figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI)
    figure.subplots_adjust(56 / WIDTH, 28 / height, 890 / WIDTH, 1 - 68 / height, wspace=78 / 226, hspace=58 / 118)
    first = min(steps for steps in (recipe.report_steps, recipe.color_steps, recipe.total_steps) if steps)
    words = f"{recipe.total_steps:,} steps to take; the first point comes after {first:,}"
    if history:
        words = f"{history[-1]['step']:,} of {recipe.total_steps:,} steps taken; each phase has its own scale of steps"
    figure.text(56 / WIDTH, 1 - 6 / height, words, va="top", size=9, color="0.35")
    for axis, curve in zip(figure.subplots(rows, 3).flat, curves, strict=False):
        _draw_curve(axis, *curve, history, recipe, at)
    return figure


def _phases(recipe: Recipe, passed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The recipe's phases after the first `passed`, the steps where they meet, and where these lie, 0 to 1.

    All its phases if none comes after. Each is as wide as its steps, but at least an eighth, and gan a third.
    """
    counts = {phase: getattr(recipe, f"{phase}_steps") for phase in GROUNDS}
    names = [phase for i, phase in enumerate(GROUNDS) if counts[phase] and i >= passed]
    names = names or [phase for phase in GROUNDS if counts[phase]]
    steps = recipe.total_steps - np.cumsum([0, *(counts[phase] for phase in reversed(names))])[::-1]
    shares = np.maximum(np.diff(steps) / (steps[-1] - steps[0]), [1 / 3 if name == "gan" else 1 / 8 for name in names])
    return names, steps, np.append(0, np.cumsum(shares) / sum(shares))


def _draw_curve(axis, title, key, passed, level, line, history, recipe: Recipe, at: int | None) -> None:
    phases, steps, places = _phases(recipe, passed)
    small = {"transform": axis.get_xaxis_transform(), "size": 7.5, "color": PALE}
    for phase, left, right in zip(phases, places[:-1], places[1:], strict=True):
        axis.axvspan(left, right, color=GROUNDS[phase], linewidth=0)
        axis.text((left + right) / 2, 1.02, phase, ha="center", **small)
    if recipe.small_steps and phases[0] == "color":  # a jump there is no accident: the photos change
        change = np.interp(recipe.small_steps, steps, places)
        axis.axvline(change, color="0.8", linewidth=1)
        axis.text(change, 0.03, f"{recipe.size // 2} px ", ha="right", **small)
        axis.text(change, 0.03, f" {recipe.size} px", **small)

    known = [entry for entry in history if math.isfinite(entry.get(key, math.nan))]
    x = np.interp([entry["step"] for entry in known], steps, places)
    y = np.array([entry[key] for entry in known])
    # In the critic's phase nobody measures the color loss: no line leads across.
    apart = [i for i in range(1, len(known)) if key == "color" and known[i - 1]["phase"] != known[i]["phase"]]
    marks = {"marker": "o", "markersize": 3.5, "markevery": None if len(y) <= 40 else [len(y) - 1]}
    axis.plot(np.insert(x, apart, np.nan), np.insert(y, apart, np.nan), color=LINE, linewidth=1.5, **marks)
    if level is not None:
        axis.axhline(level, color="0.1", linestyle=(0, (4, 4)), linewidth=1)
        axis.annotate(line, (0, level), (4, 2), ("axes fraction", "data"), "offset points", size=8)

    axis.yaxis.set_major_formatter("{x:.0%}" if key == "critic_right" else "{x:.4g}")
    now = history[-1 if at is None else at] if history else {}
    if now in known:
        title += f": {axis.yaxis.get_major_formatter()(round(now[key], 3) + 0.0)}"
        if at is not None:
            axis.axvline(x[known.index(now)], color=MARK, linewidth=1)
            axis.plot(x[known.index(now)], now[key], "o", color=MARK, markersize=6, clip_on=False)
    axis.set_title(title, loc="left", size=10, y=1.15, pad=0)
    axis.margins(y=0.17)  # room for the name of a line above everything
    # Numbers at both ends, and where the first phase ends, if there is room; the next border is too near to it.
    free = [place in (0, 1) or place == places[1] and 0.2 < place < 0.8 for place in places]
    axis.set(xlim=(0, 1), xticks=places, xticklabels=np.where(free, [f"{step:,}" for step in steps], ""))
    axis.locator_params(axis="y", nbins=4)
    if key == "critic_right":
        axis.set_ylim(0, 1)
    elif not known:
        axis.set_yticks([] if level is None else [level])
    axis.tick_params(labelsize=8, length=3)
    axis.spines[:].set_color(PALE)
