"""How good are the colors? Six numbers, because any single one can be fooled. Built in chapter 2, used from 3 on.

    card = scorecard("gray", photos)                 # or "median", "oracle", or a trained generator
    print(format_table({"gray": card, "U-Net": scorecard(generator, photos)}))

All of them compare pictures that share the same L: uint8 RGB photo against uint8 RGB prediction, cut to the gamut as a
screen does. Why six (chapter 2, photos of the val split): gray beats the true photos with every color turned into its
opposite in PSNR, 17.6 against 11.5 dB, and in SSIM and ΔE2000; colorfulness (0.1 against 78.9, truth 70.8) says the
reverse. Pictures of another type raise TypeError; of another shape, not alike, or none at all, ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .backstage.checks import check, check_array, check_whole, checked_ab
from .color import AB_SCALE, rgb_to_lab
from .data import Photos, to_lab, to_rgb8

__all__ = [
    "AB_BINS", "AB_RANGE", "METRICS", "PERFECT_PSNR", "Scorecard", "ab_histogram", "ab_intersection", "baseline_cards",
    "ciede2000", "colorfulness", "format_table", "judge", "median_ab", "per_photo", "predict", "psnr",
    "resampled_counts", "scorecard", "ssim",
]  # fmt: skip

METRICS = {  # key: (heading, better is, decimals)
    "psnr": ("PSNR dB", "higher", 2),
    "ssim": ("SSIM", "higher", 3),
    "delta_e": ("ΔE2000", "lower", 2),
    "colorfulness": ("colorfulness", "near truth", 1),
    "delta_cf": ("mean abs ΔCF", "lower", 1),
    "ab_intersection": ("ab overlap", "higher", 3),
}
BASELINES = ("gray", "median", "oracle")
PERFECT_PSNR = 100.0
"""The PSNR of a perfect prediction is infinite; it counts as this many dB, so that a mean exists."""
AB_RANGE, AB_BINS = 112.5, 45
"""Histograms of the ab plane: AB_BINS cells of 5 x 5 Lab units, an odd number, so that gray is the middle of one."""
PIXELS = 2**18  # worked on at once: 64 photos of 64 px, 5 of 224. More do not fit into a CPU's caches, which costs time


def _check(who: str, **pictures: Tensor) -> None:
    check(who, "uint8", **{name: (images, "N 3 H W") for name, images in pictures.items()})


def _parts(*pictures: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same photos of each, so many that they have PIXELS, from the first to the last."""
    count = max(1, PIXELS // (pictures[0].shape[-2] * pictures[0].shape[-1]))
    return zip(*(images.split(count) for images in pictures), strict=True)


def psnr(truth: Tensor, guess: Tensor) -> np.ndarray:
    """Peak signal-to-noise ratio of each pair in dB, inf for equal ones; uint8 (N, 3, H, W) twice -> float64 (N,)."""
    _check("psnr", truth=truth, guess=guess)
    error = (truth.float() - guess.float()).square().mean((1, 2, 3)).double()
    return (10 * torch.log10(255**2 / error)).cpu().numpy()


def ssim(truth: Tensor, guess: Tensor) -> np.ndarray:
    """Structural similarity of each pair (Wang et al. 2004, by scikit-image), mean of R, G and B.

    uint8 (N, 3, H, W) twice, at least 7 px -> float64 (N,). With L shared by both it is always high.
    """
    from skimage.metrics import structural_similarity

    _check("ssim", truth=truth, guess=guess)
    if min(truth.shape[-2:]) < 7:
        raise ValueError(f"ssim wants pictures of at least 7 px, not {tuple(truth.shape[-2:])}")
    pairs = zip(truth.cpu().numpy(), guess.cpu().numpy(), strict=True)
    return np.array([structural_similarity(a, b, channel_axis=0, data_range=255) for a, b in pairs])


def ciede2000(truth: Tensor, guess: Tensor) -> np.ndarray:
    """Mean CIEDE2000 color difference of each pair, about 2 is just noticeable; as `ssim` takes and returns them."""
    from skimage.color import deltaE_ciede2000

    _check("ciede2000", truth=truth, guess=guess)
    out = []
    for some in _parts(truth, guess):
        labs = (rgb_to_lab(images).cpu().numpy() for images in some)
        out += [deltaE_ciede2000(a, b, channel_axis=0).mean() for a, b in zip(*labs, strict=True)]
    return np.array(out)


def colorfulness(rgb: Tensor) -> np.ndarray:
    """Colorfulness M3 of each picture (Hasler & Süsstrunk 2003, eq. 2); 0 is gray, 59 "quite colorful".

    uint8 (N, 3, H, W) -> float64 (N,). The opponent axes are *signed*: |R - G| would read too low.
    """
    _check("colorfulness", rgb=rgb)
    out = []
    for (some,) in _parts(rgb):
        r, g, b = some.double().flatten(2).unbind(1)
        rg, yb = r - g, (r + g) / 2 - b
        spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
        middle = (rg.mean(1).square() + yb.mean(1).square()).sqrt()
        out.append((spread + 0.3 * middle).cpu())
    return torch.cat(out).numpy()


def ab_histogram(rgb: Tensor) -> np.ndarray:
    """Share of pixels in each cell of the ab plane (`AB_RANGE`, `AB_BINS`).

    uint8 (N, 3, H, W) -> float64 (N, AB_BINS, AB_BINS), each photo's cells summing to 1; axes a, b.
    """
    _check("ab_histogram", rgb=rgb)
    counts = []
    for (some,) in _parts(rgb):
        a, b = (rgb_to_lab(some)[:, 1:] / (2 * AB_RANGE) + 0.5).mul(AB_BINS).long().clamp(0, AB_BINS - 1).unbind(1)
        counts += [cells.bincount(minlength=AB_BINS**2).double() for cells in (a * AB_BINS + b).flatten(1).cpu()]
    return (torch.stack(counts) / (rgb.shape[-2] * rgb.shape[-1])).view(-1, AB_BINS, AB_BINS).numpy()


def ab_intersection(truth: np.ndarray, guess: np.ndarray) -> float:
    """Histogram intersection (Isola et al. 2016, section 4.2) of two sets of `ab_histogram`s: 0 (disjoint) to 1 (same).

    Two sets float (N, cells) or (N, B, B), of the same cells. ValueError for others, and for numbers below 0 or NaN.
    """
    truth, guess = (check_array("ab_intersection", name, h) for name, h in (("truth", truth), ("guess", guess)))
    if truth.ndim < 2 or truth.shape[1:] != guess.shape[1:] or min(truth.min(), guess.min()) < 0:
        raise ValueError(f"two sets of histograms, of the same cells, are wanted, not {truth.shape} and {guess.shape}")
    return float(np.minimum(truth.mean(0), guess.mean(0)).sum())


@torch.no_grad()
def predict(model: nn.Module | str | Callable, photos: Photos, median=None) -> Tensor:
    """Color the photos from their L alone: uint8 (N, 3, S, S).

    model: a generator (L -> ab, used in eval mode and put back after), or a baseline: "gray" (ab = 0),
    "median" (one ab for all; pass `median`, two numbers in Lab units, found on *training* photos),
    "oracle" (each photo's own mean ab: it has seen the answer, so it is a yardstick, not a rival).
    Raises ValueError for another name, for "median" without one, for a model that answers no ab (N, 2, S, S) or NaN.
    """
    if isinstance(model, str) and model not in BASELINES:
        raise ValueError(f"unknown baseline {model!r}: choose {', '.join(BASELINES)}, or pass a generator")
    if model == "median" and (median is None or check_array("predict", "median", median).shape != (2,)):
        raise ValueError(f"the median baseline needs median=median_ab(training photos), two numbers, not {median}")
    training, device = getattr(model, "training", False), photos.images.device
    if isinstance(model, nn.Module):
        device = next(model.eval().parameters()).device
    one, out = torch.tensor(median if model == "median" else (0.0, 0.0), device=device).view(1, 2, 1, 1), []
    try:
        for (images,) in _parts(photos.images):
            L, ab = to_lab(images.to(device))
            if not isinstance(model, str):
                guess = checked_ab("predict", model(L), L)
            else:
                guess = (ab.mean((2, 3), keepdim=True) if model == "oracle" else one / AB_SCALE).expand_as(ab)
            out.append(to_rgb8(L, guess).to(photos.images.device))
    finally:
        if training:
            model.train()
    return torch.cat(out)


def median_ab(photos: Photos) -> tuple[float, float]:
    """The (a, b) in Lab units that half of all pixels exceed, of up to 1,000 photos."""
    ab = rgb_to_lab(photos.images[:: max(1, len(photos) // 1000)])[:, 1:].transpose(0, 1).flatten(1)
    return tuple(ab.median(dim=1).values.tolist())


@dataclass(frozen=True)
class Scorecard:
    """Each metric's mean and its bootstrap 95 % interval over the photos: {key: (mean, low, high)}.

    truth_colorfulness: what colorfulness should be. photos: how many. Keys are those of `METRICS`.
    """

    values: dict[str, tuple[float, float, float]]
    truth_colorfulness: float
    photos: int

    def __getitem__(self, key: str) -> float:
        return self.values[key][0]


def per_photo(truth: Tensor, guess: Tensor) -> dict[str, np.ndarray]:
    """The metrics that belong to one photo, of each pair: {key of `METRICS`: float64 (N,)}, all but the ab overlap.

    uint8 (N, 3, H, W) twice. PSNR ends at `PERFECT_PSNR`.
    """
    cf_truth, cf_guess = colorfulness(truth), colorfulness(guess)
    return {
        "psnr": np.minimum(psnr(truth, guess), PERFECT_PSNR),
        "ssim": ssim(truth, guess),
        "delta_e": ciede2000(truth, guess),
        "colorfulness": cf_guess,
        "delta_cf": np.abs(cf_guess - cf_truth),
    }


def resampled_counts(count: int, resamples: int = 1000, seed: int = 0) -> np.ndarray:
    """The bootstrap's draws: how often each of `count` photos is drawn in each resample, float32 (resamples, count).

    `count` draws with replacement a resample (Efron 1979), seeded, so that all painters are judged on the same draws.
    """
    check_whole("resampled_counts", 1, count=count, resamples=resamples)
    shares = np.full(count, 1 / count)
    return np.random.default_rng(seed).multinomial(count, shares, size=resamples).astype(np.float32)


def judge(truth: Tensor, guess: Tensor, resamples: int = 1000, each: dict | None = None) -> Scorecard:
    """The scorecard of finished pictures: uint8 (N, 3, H, W) twice, the same photos in the same order.

    resamples: of the bootstrap (`resampled_counts`). each: what `per_photo` gave for them, if that is known already.
    Raises ValueError for two sets of different shape, or an `each` of others.
    """
    _check("judge", truth=truth, guess=guess)
    if each and any(np.shape(marks) != (len(truth),) for marks in each.values()):
        raise ValueError(f"judge wants each metric of {len(truth)} photos: these are of other photos")
    each, count = each or per_photo(truth, guess), len(truth)
    weights, values = resampled_counts(count, resamples), {}
    for key, marks in each.items():
        interval = np.percentile(weights @ marks / count, [2.5, 97.5])
        values[key] = (float(marks.mean()), *interval.tolist())
    h_truth, h_guess = ab_histogram(truth).reshape(count, -1), ab_histogram(guess).reshape(count, -1)
    used = (h_truth.sum(0) > 0) & (h_guess.sum(0) > 0)  # only cells that both touch can overlap
    w = weights / count
    overlaps = np.minimum(w @ h_truth[:, used].astype(np.float32), w @ h_guess[:, used].astype(np.float32)).sum(1)
    overlap = ab_intersection(h_truth, h_guess)
    # Drawing photos twice thins a histogram out, so resampled overlaps run low: move them back.
    interval = np.clip(np.percentile(overlaps, [2.5, 97.5]) + overlap - overlaps.mean(), 0, 1)
    values["ab_intersection"] = (overlap, *interval.tolist())
    return Scorecard(values, float(colorfulness(truth).mean()), count)


def scorecard(model, photos: Photos, median=None, resamples: int = 1000) -> Scorecard:
    """Judge a generator or a baseline on photos it has not been trained on: see `predict` and `judge`."""
    return judge(photos.images, predict(model, photos, median), resamples)


def baseline_cards(test: Photos, seen: Photos) -> dict[str, Scorecard]:
    """The marks to beat on `test`, and a yardstick: painters that have learned no more than the median ab of `seen`."""
    names, median = {"gray": "gray", "median ab": "median", "oracle mean ab": "oracle"}, median_ab(seen)
    return {name: scorecard(baseline, test, median) for name, baseline in names.items()}


def format_table(cards: dict[str, Scorecard], intervals: bool = True) -> str:
    """A Markdown table, one row a scorecard; with intervals each cell is `mean (low to high)`.

    Raises ValueError when there are no cards, or not of the same number of photos.
    """
    if not cards:
        raise ValueError("a table wants at least one scorecard")
    if len({card.photos for card in cards.values()}) != 1:
        raise ValueError("these scorecards are of different photos: they do not belong in one table")
    lines = ["| predictor | " + " | ".join(name for name, _, _ in METRICS.values()) + " |"]
    lines.append("|-" * (len(METRICS) + 1) + "|")
    for name, card in cards.items():
        cells = []
        for key, (_, _, digits) in METRICS.items():
            mean, low, high = (f"{v:.{digits}f}" for v in card.values[key])
            cells.append(f"{mean} ({low} to {high})" if intervals else mean)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, f"| *truth* | ∞ | 1 | 0 | {card.truth_colorfulness:.1f} | 0 | 1 |"])
