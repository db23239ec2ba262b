"""How well a network listens: what hints bring, and whether they are obeyed. Photos that it has not been trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backstage.checks import check_whole, checked_ab
from ..color import rgb_to_lab
from ..data import Photos, to_lab, to_rgb8
from ..metrics import ciede2000, psnr, resampled_counts
from ..models import HINT_SIDE, no_hints, place_hint
from .drawing import hint_map

__all__ = [
    "COUNTS",
    "curve_table",
    "flat_places",
    "hint_curve",
    "marks_for_report",
    "marks_of_hints",
    "obedience",
    "report_on_hints",
]

COUNTS = (0, 1, 2, 5, 10, 50)
PART = 8  # photos worked on at once: 32 of 224 px take a third more time, since no cache holds them
FLAT, VIVID = 6.0, 25.0  # Lab units: how far the color of a flat place may stray, and how far it is from gray
NEAR = 3  # pixels from the middle of a hint within which it must be obeyed
OBEYED = 5.0  # ΔE2000


@torch.no_grad()
def _paint(model: nn.Module, L: Tensor, hints: Tensor, painted=None) -> Tensor:
    return checked_ab("the hints' judge", model(L, hints, painted), L)


@torch.no_grad()
def hint_curve(
    model: nn.Module,
    photos: Photos,
    counts: Sequence[int] = COUNTS,
    worst: bool = False,
    seed: int = 0,
    delta_e: bool = True,
) -> dict[int, dict[str, np.ndarray]]:
    """PSNR and ΔE2000 of each photo by number of true hints: {count: {"psnr": float64 (N,), "delta_e": …}}.

    Each hint is the mean color of `HINT_SIDE` px around a place. Places are drawn evenly, the same for every model, and
    a larger count has all those of a smaller one. worst: each is instead where the painting so far is furthest from the
    truth (`worst_places`), as a person would choose who knows what was there; a run of the listener for every hint.
    delta_e: False leaves it out, which is most of the time.
    """
    check_whole("hint_curve", 0, seed=seed, **{f"count {i}": count for i, count in enumerate(counts)})
    model, random = model.eval(), np.random.default_rng(seed)
    device, size = next(model.parameters()).device, photos.size
    drawn = random.integers(0, size, (len(photos), max(counts), 2))
    out = {count: {"psnr": [], "delta_e": []} for count in counts}
    for start in range(0, len(photos), PART):
        truth = photos.images[start : start + PART]
        L, ab = to_lab(truth.to(device))
        places = [[tuple(map(int, place)) for place in some] for some in drawn[start : start + PART]]
        chosen: list[list] = [[] for _ in truth]
        painted, guess = model.paint(L), ab
        for count in range(max(counts) + 1) if worst else sorted(counts):
            if worst and count:
                chosen = worst_places(guess, ab, chosen)
            elif not worst:
                chosen = [some[:count] for some in places]
            hints = torch.stack([hint_map(one, some) for one, some in zip(ab, chosen, strict=True)])
            if worst or count in counts:
                guess = _paint(model, L, hints, painted)
            if count in counts:
                shown = to_rgb8(L, guess).cpu()
                out[count]["psnr"].append(psnr(truth, shown))
                out[count]["delta_e"].append(ciede2000(truth, shown) if delta_e else np.full(len(truth), np.nan))
    return {count: {key: np.concatenate(parts) for key, parts in marks.items()} for count, marks in out.items()}


def worst_places(guess: Tensor, ab: Tensor, given: Sequence[list]) -> list[list[tuple[int, int]]]:
    """Add to each photo's hinted places the one where guess and ab (N, 2, H, W) differ most, and give all.

    The squared error is smoothed over a ninth of the side (25 px of 224); no place is nearer than that to another.
    """
    size = ab.shape[-1]
    side = max(3, size // 9 | 1)
    error = F.avg_pool2d((guess - ab).square().sum(1, keepdim=True), side, 1, side // 2)[:, 0]
    out = []
    for one, places in zip(error, given, strict=True):
        for row, column in places:
            one[max(0, row - side + 1) : row + side, max(0, column - side + 1) : column + side] = -1
        out.append([*places, divmod(int(one.argmax()), size)])
    return out


def curve_table(curve: dict[int, dict[str, np.ndarray]]) -> str:
    """A Markdown table of what `hint_curve` gave, means over the photos."""
    lines = ["| hints | PSNR dB | ΔE2000 |", "|-|-|-|"]
    for count, marks in curve.items():
        delta_e = marks["delta_e"].mean()
        lines.append(f"| {count} | {marks['psnr'].mean():.2f} | {'' if np.isnan(delta_e) else f'{delta_e:.2f}'} |")
    return "\n".join(lines)


def marks_for_report(recipe, model: nn.Module, val: Photos) -> dict[str, float]:
    """What a report of a training with hints says beside the scorecard, which is one without; {} of another."""
    if not recipe.hints:
        return {}
    curve = hint_curve(model, val, counts=(1, 10), delta_e=False)
    return {f"val_psnr_{count}_hints": float(marks["psnr"].mean()) for count, marks in curve.items()}


def marks_of_hints(model: nn.Module, photos: Photos, few: int = 128) -> dict:
    """All that a card says of hints, as JSON takes it. photos: never seen in training.

    curve: {hints: {"psnr" or "delta_e": mean and 95 % interval}}, hints at random places; at_errors: PSNR alone, hints
    where the error is largest, of `few` photos and up to 10 hints; obeyed: {"true" or "other": {share, trials}}, within
    3 px and ΔE2000 5, with true colors and with those of other photos.
    """
    curve = hint_curve(model, photos)
    chosen = photos.subset(np.linspace(0, len(photos) - 1, min(few, len(photos))).astype(int))
    at_errors = hint_curve(model, chosen, [count for count in COUNTS if count <= 10], worst=True, delta_e=False)
    obeyed = {}
    for name in ("true", "other"):
        strayed = obedience(model, photos, others=name == "other")
        obeyed[name] = {"share": float((strayed <= OBEYED).mean()), "trials": len(strayed)}
    return {
        "photos": len(photos),
        "curve": {str(count): {key: _interval(marks[key]) for key in marks} for count, marks in curve.items()},
        "at_errors": {str(count): {"psnr": _interval(marks["psnr"])} for count, marks in at_errors.items()},
        "at_errors_photos": len(chosen),
        "obeyed": obeyed,
    }


def _interval(marks: np.ndarray) -> list[float]:
    """The mean, and its bootstrap 95 % interval."""
    means = resampled_counts(len(marks)) @ marks / len(marks)
    return [float(marks.mean()), *np.percentile(means, [2.5, 97.5]).tolist()]


def report_on_hints(recipe, model: nn.Module, load: Callable) -> str:
    """The table of a finished training: its held-out test photos, with 0, 1 and 10 hints.

    load: called with a split, a size and `limit=`, gives the photos.
    """
    test = load("test", recipe.size, limit=recipe.train_limit)
    return curve_table(hint_curve(model, test, counts=(0, 1, 10), delta_e=False))


def flat_places(photos: Photos, seed: int = 0) -> list[tuple[int, int] | None]:
    """For each photo a place on something flat and colorful, most often a petal, drawn by lot; None if it has none.

    Flat: in a square of 9 px no color strays more than 6 Lab units from the mean. Colorful: the mean is 25 from gray.
    """
    random, found = np.random.default_rng(seed), []
    for image in photos.images:
        ab = rgb_to_lab(image[None])[:, 1:]
        mean = F.avg_pool2d(ab, 9, 1)
        stray = torch.maximum(F.max_pool2d(ab, 9, 1) - mean, mean + F.max_pool2d(-ab, 9, 1)).amax(1)
        fits = ((stray <= FLAT) & (mean.norm(dim=1) >= VIVID))[0].nonzero()
        place = fits[random.integers(len(fits))] + 4 if len(fits) else None
        found.append(None if place is None else tuple(place.tolist()))
    return found


@torch.no_grad()
def obedience(model: nn.Module, photos: Photos, others: bool = False, seed: int = 0) -> np.ndarray:
    """How far from the color asked for is what was painted? The largest ΔE2000 within 3 px, float64 (trials,).

    One hint in each photo that has a flat place (`flat_places`): its true color, or with `others` that of a flat place
    in another photo. Both are compared at the photo's own lightness, as a screen shows them (cut to its gamut).
    Raises ValueError where fewer than two photos have such a place.
    """
    model, device = model.eval(), next(model.parameters()).device
    trials = [(i, place) for i, place in enumerate(flat_places(photos, seed)) if place is not None]
    if len(trials) < 2:
        raise ValueError(f"obedience wants flat and colorful places, and {len(photos)} photos have {len(trials)}")
    labs = {i: to_lab(photos.images[i : i + 1].to(device)) for i, _ in trials}
    asked = []
    for i, (row, column) in trials:
        reach = HINT_SIDE // 2
        ab = labs[i][1][0, :, max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        asked.append(ab.mean((1, 2)))
    if others:
        asked = asked[len(asked) // 2 :] + asked[: len(asked) // 2]  # of photos far away in the split
    out = []
    for (i, (row, column)), color in zip(trials, asked, strict=True):
        L, hints = labs[i][0], no_hints(labs[i][0])
        place_hint(hints[0], row, column, color.tolist())
        painted = to_rgb8(L, _paint(model, L, hints))
        wanted = to_rgb8(L, color.view(1, 2, 1, 1).expand(1, 2, *L.shape[-2:]))
        out.append(_worst_near(wanted, painted, row, column))
    return np.array(out)


def _worst_near(wanted: Tensor, painted: Tensor, row: int, column: int) -> float:
    """The largest ΔE2000 of pixels within `NEAR` of a place, which lies at least that far inside."""
    window = (slice(None), slice(None), slice(row - NEAR, row + NEAR + 1), slice(column - NEAR, column + NEAR + 1))
    one, two = (picture[window].flatten(2).transpose(0, 2)[..., None] for picture in (wanted, painted))
    line = np.arange(-NEAR, NEAR + 1)
    inside = (line[:, None] ** 2 + line**2 <= NEAR**2).ravel()
    return float(ciede2000(one, two)[inside].max())
