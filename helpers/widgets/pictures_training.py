"""The picture of a training: its curves with the lines of chance, and what it paints.

training_picture(run.history, run.recipe, {"painted": row_of_photos})
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from .drawing import INK, checked_picture, font, on_one_core, write
from ..losses import chance_levels

if TYPE_CHECKING:  # its import is heavy, and chapters 0 to 2 do without
    from ..training import Recipe

__all__ = ["sample_rows", "training_picture"]

WIDTH = 912
PLOT = (226, 118)  # the inside of one plot
GAP = (WIDTH // 3, 176)  # from one plot to the next
INSET = (62, 44)  # from the corner of a plot's place to its inside
GROUNDS = {"color": (255, 255, 255), "critic": (253, 236, 214), "gan": (226, 234, 247)}
LINE, PALE, MARK = (31, 90, 160), (110, 110, 110), (216, 27, 96)
LABELS = 84  # left of the rows of samples


@on_one_core
def training_picture(
    history: Sequence[dict],
    recipe: Recipe,
    samples: dict[str, np.ndarray] | None = None,
    at: int | None = None,
    truth_colorfulness: float | None = None,
) -> np.ndarray:
    """Curves of a training, one point a report, and rows of samples below: uint8 (H, 912, 3).

    history: as `helpers.training.Run` has it; may be empty. recipe: of that run; its phases are the grounds (color
    white, critic orange, gan blue), each with a scale of its own, since a GAN phase may be a tenth of the steps.
    Drawn are the color loss, PSNR and colorfulness on the validation photos and, if the recipe has a critic, its
    loss, how often it is right, and the adversarial loss of the generator, each with a dashed line at what pure
    chance gives (`helpers.losses.chance_levels`). A point is the mean since the report before.
    samples: {label: uint8 (h, w, 3)}, rows of photos, drawn below one another as wide as the page. at: index of the
    report to mark in the curves. truth_colorfulness: a dashed line for that plot.
    Raises IndexError when there is no such report, ValueError for samples that are no pictures.
    """
    if at is not None and not 0 <= at < len(history):
        raise IndexError(f"there is no report {at}: choose 0 to {len(history) - 1}")
    rows = {label: checked_picture(picture, label) for label, picture in (samples or {}).items()}
    plots = _plots(recipe, truth_colorfulness)
    top = 34 + GAP[1] * math.ceil(len(plots) / 3)
    heights = {label: round(picture.shape[0] * _row_scale(picture)) for label, picture in rows.items()}
    canvas = Image.new("RGB", (WIDTH, top + sum(heights.values()) + 4 * len(rows) + 4), "white")
    draw = ImageDraw.Draw(canvas)
    _headline(draw, history, recipe)
    for i, plot in enumerate(plots):
        _draw_plot(draw, (i % 3 * GAP[0], 24 + i // 3 * GAP[1]), plot, history, recipe, at)
    for label, picture in rows.items():
        size = (round(picture.shape[1] * _row_scale(picture)), heights[label])
        canvas.paste(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), (LABELS, top))
        write(draw, (LABELS - 8, top + size[1] / 2), label, 12, "rm")
        top += size[1] + 4
    return np.asarray(canvas)


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


# ------------------------------------------------------------------------------------------ one plot


def _plots(recipe: Recipe, truth_colorfulness: float | None) -> list[dict]:
    """Title, key in the history, factor and label of the dashed line of each plot."""
    chance = dict(zip(("critic", "adversarial"), chance_levels(recipe.adversarial), strict=True))
    truth = None if truth_colorfulness is None else (float(truth_colorfulness), "truth")
    plots = [
        {"title": "color loss", "key": "color"},
        {"title": "validation PSNR, dB", "key": "val_psnr"},
        {"title": "validation colorfulness", "key": "val_colorfulness", "line": truth},
    ]
    if recipe.critic_steps + recipe.gan_steps:
        plots += [
            {"title": "critic's loss", "key": "critic", "line": (chance["critic"], "chance")},
            {"title": "critic is right", "key": "critic_right", "line": (0.5, "chance"), "percent": True},
            {"title": "adversarial loss", "key": "adversarial", "line": (chance["adversarial"], "chance")},
        ]
    return [{"line": None, "percent": False, **plot} for plot in plots]


def _row_scale(picture: np.ndarray) -> float:
    return (WIDTH - LABELS - 8) / picture.shape[1]


def _phases(recipe: Recipe, key: str) -> list[tuple[str, int, int]]:
    """(phase, first step, last step) of those a series can exist in."""
    ends = np.cumsum([0, recipe.color_steps, recipe.critic_steps, recipe.gan_steps]).tolist()
    phases = [(phase, a, b) for phase, a, b in zip(GROUNDS, ends[:-1], ends[1:], strict=True) if b > a]
    absent = {"critic": ("color",), "critic_right": ("color",), "adversarial": ("color", "critic")}.get(key, ())
    return [phase for phase in phases if phase[0] not in absent] or phases


def _places(phases: list[tuple[str, int, int]]) -> list[tuple[float, float]]:
    """Where each phase begins and ends, 0 to 1: by its steps, but no phase below an eighth, nor gan below a third."""
    total = sum(b - a for _, a, b in phases)
    shares = [max((b - a) / total, 1 / 3 if phase == "gan" else 1 / 8) for phase, a, b in phases]
    ends = np.cumsum([0.0, *shares]) / sum(shares)
    return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))


def _across(step: int, phases: list, places: list) -> float:
    """Where a step lies between 0 and 1, outside for a step of another phase."""
    for (_, a, b), (left, right) in zip(phases, places, strict=True):
        if a < step <= b or step == phases[0][1] == a:
            return left + (right - left) * (step - a) / (b - a)
    return -1.0 if step < phases[0][1] else 2.0


def _ticks(low: float, high: float) -> list[float]:
    """Three to five round numbers between low and high."""
    raw = (high - low) / 4
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _range(values: list[float], line: tuple[float, str] | None, percent: bool) -> tuple[float, float]:
    if percent:
        return 0.0, 1.0
    shown = values + ([line[0]] if line else [])
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    if high - low < 1e-6 + 1e-3 * abs(high):
        low, high = low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1)
    room = 0.12 * (high - low)
    return low - room if low < 0 or low > room else 0.0, high + room


def _draw_plot(draw: ImageDraw.ImageDraw, corner: tuple, plot: dict, history: Sequence, recipe: Recipe, at) -> None:
    left, top = corner[0] + INSET[0], corner[1] + INSET[1]
    width, height = PLOT
    phases = _phases(recipe, plot["key"])
    places = _places(phases)
    known = [(i, entry) for i, entry in enumerate(history) if math.isfinite(entry.get(plot["key"], math.nan))]
    low, high = _range([entry[plot["key"]] for _, entry in known], plot["line"], plot["percent"])

    def x(share: float) -> float:
        return left + share * (width - 1)

    def y(value: float) -> float:
        return top + (1 - (value - low) / (high - low)) * (height - 1)

    for (phase, _, _), (a, b) in zip(phases, places, strict=True):
        draw.rectangle((x(a), top, x(b), top + height - 1), fill=GROUNDS[phase])
        write(draw, (x((a + b) / 2), top - 2), phase, 10, "md", PALE)
    if recipe.small_steps and phases[0][0] == "color":  # a jump there is no accident: the photos change
        change = x(_across(recipe.small_steps, phases, places))
        draw.line((change, top, change, top + height - 1), fill=(205, 205, 205))
        write(draw, (change - 3, top + height - 2), f"{recipe.size // 2} px", 10, "rd", PALE)
        write(draw, (change + 3, top + height - 2), f"{recipe.size} px", 10, "ld", PALE)
    _write_steps(draw, left, top + height, phases, places)
    for value in _ticks(low, high) if known or plot["line"] else []:
        draw.line((left - 4, y(value), left - 1, y(value)), fill=INK)
        text = f"{value:.0%}" if plot["percent"] else f"{value:g}".replace("-", "−")
        write(draw, (left - 7, y(value)), text, 11, "rm")
    draw.rectangle((left - 1, top - 1, left + width, top + height), outline=PALE)
    if plot["line"]:
        value, name = plot["line"]
        for dash in range(0, width - 1, 8):
            draw.line((left + dash, y(value), left + min(dash + 4, width - 1), y(value)), fill=INK, width=1)
        under = y(value) - 16 < top
        write(draw, (left + 5, y(value) + (2 if under else -2)), name, 11, "la" if under else "ld")
    points = [(x(_across(entry["step"], phases, places)), y(entry[plot["key"]])) for _, entry in known]
    for (_, before), (_, entry), *ends in zip(known, known[1:], points, points[1:], strict=False):
        # In the critic's phase nobody measures the color loss: no line leads across.
        if plot["key"] != "color" or before["phase"] == entry["phase"]:
            draw.line(ends, fill=LINE, width=2)
    for px, py in points if len(points) <= 40 else points[-1:]:
        draw.ellipse((px - 2, py - 2, px + 2, py + 2), fill=LINE)
    now = ""
    for (i, entry), (px, py) in zip(known, points, strict=True):
        if i == (len(history) - 1 if at is None else at):
            number = entry[plot["key"]]
            now = f": {number:.0%}" if plot["percent"] else f": {round(number, 3) + 0.0:.4g}".replace("-", "−")
            if at is not None:
                draw.line((px, top, px, top + height - 1), fill=MARK)
                draw.ellipse((px - 4, py - 4, px + 4, py + 4), fill=MARK)
    write(draw, (left, top - 18), plot["title"] + now, 13, "ld")


def _write_steps(draw: ImageDraw.ImageDraw, left: int, top: int, phases: list, places: list) -> None:
    """The numbers below a plot: its first and last step, and where phases meet, as far as there is room."""
    ends = [(0.0, phases[0][1]), *((b, end) for (_, _, end), (_, b) in zip(phases, places, strict=True))]
    taken: list[tuple[float, float]] = []
    for share, step in (ends[0], ends[-1], *ends[1:-1]):
        at, text = left + share * (PLOT[0] - 1), f"{step:,}"
        wide = font(10).getlength(text)
        anchor, start = ("la", at) if share == 0 else ("ra", at - wide) if share > 0.99 else ("ma", at - wide / 2)
        draw.line((at, top, at, top + 3), fill=INK)
        if all(start > b + 6 or start + wide < a - 6 for a, b in taken):
            write(draw, (at, top + 5), text, 10, anchor)
            taken.append((start, start + wide))


def _headline(draw: ImageDraw.ImageDraw, history: Sequence[dict], recipe: Recipe) -> None:
    if history:
        step = history[-1]["step"]
        text = f"{step:,} of {recipe.total_steps:,} steps taken; each phase has its own scale of steps"
    else:
        text = f"{recipe.total_steps:,} steps to take; the first point comes after {_first_report(recipe):,}"
    write(draw, (INSET[0], 6), text, 12, color=(90, 90, 90))


def _first_report(recipe: Recipe) -> int:
    return min(v for v in (recipe.report_steps, recipe.color_steps or recipe.total_steps, recipe.total_steps))
