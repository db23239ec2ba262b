"""How good are the colors? Six numbers, because any single one can be fooled.

    card = scorecard("gray", photos)                 # or "median", "oracle", or a trained generator
    print(format_table({"gray": card, "U-Net": scorecard(generator, photos)}))

All of them compare pictures that share the same L: uint8 RGB photo against uint8 RGB prediction, cut
to the gamut as a screen does. PSNR, SSIM and CIEDE2000 are computed for each photo, then averaged.
The grayest model wins PSNR: read it beside colorfulness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .color import AB_SCALE, rgb_to_lab
from .data import Photos, to_lab, to_rgb8

__all__ = [
    "BASELINES", "METRICS", "Scorecard", "ab_histogram", "ab_intersection", "ciede2000", "colorfulness",
    "format_table", "judge", "median_ab", "per_photo", "predict", "psnr", "resampled_counts", "scorecard", "ssim",
    "to_rgb8",
]  # fmt: skip

METRICS = {
    # key: (heading, better is, decimals)
    "psnr": ("PSNR dB", "higher", 2),
    "ssim": ("SSIM", "higher", 3),
    "delta_e": ("ΔE2000", "lower", 2),
    "colorfulness": ("colorfulness", "near truth", 1),
    "delta_cf": ("mean abs ΔCF", "lower", 1),
    "ab_intersection": ("ab overlap", "higher", 3),
}
BASELINES = ("gray", "median", "oracle")
PART = 256  # photos worked on at once: in float, with all in between, 6,149 of them would fill 4 GB


# ------------------------------------------------------------------------------- one number a photo


def psnr(truth: Tensor, guess: Tensor) -> np.ndarray:
    """Peak signal-to-noise ratio in dB of each pair; uint8 (N, 3, H, W) twice -> float64 (N,).

    10 log10(255² / mean squared error over pixels and channels); infinite for equal pictures.
    """
    error = (truth.float() - guess.float()).square().mean((1, 2, 3)).double()
    return (10 * torch.log10(255**2 / error)).cpu().numpy()


def ssim(truth: Tensor, guess: Tensor) -> np.ndarray:
    """Structural similarity of each pair (Wang et al. 2004, by scikit-image), mean of R, G and B.

    uint8 (N, 3, H, W) twice, at least 7 px -> float64 (N,). With L shared by both it is always high.
    """
    from skimage.metrics import structural_similarity

    pairs = zip(truth.cpu().numpy(), guess.cpu().numpy(), strict=True)
    return np.array([structural_similarity(a, b, channel_axis=0, data_range=255) for a, b in pairs])


def ciede2000(truth: Tensor, guess: Tensor) -> np.ndarray:
    """Mean CIEDE2000 color difference of each pair (by scikit-image); about 2 is just noticeable.

    uint8 (N, 3, H, W) twice -> float64 (N,).
    """
    from skimage.color import deltaE_ciede2000

    out = []
    for some in zip(truth.split(PART), guess.split(PART), strict=True):
        labs = (rgb_to_lab(images).cpu().numpy() for images in some)
        out += [deltaE_ciede2000(a, b, channel_axis=0).mean() for a, b in zip(*labs, strict=True)]
    return np.array(out)


def colorfulness(rgb: Tensor) -> np.ndarray:
    """Colorfulness M3 of each picture (Hasler & Süsstrunk 2003, eq. 2); 0 is gray, 59 "quite colorful".

    uint8 (N, 3, H, W) -> float64 (N,). The opponent axes are *signed*: |R - G| would read too low.
    """
    out = []
    for some in rgb.split(PART):
        r, g, b = some.double().flatten(2).unbind(1)
        rg, yb = r - g, (r + g) / 2 - b
        spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
        middle = (rg.mean(1).square() + yb.mean(1).square()).sqrt()
        out.append((spread + 0.3 * middle).cpu())
    return torch.cat(out).numpy()


# --------------------------------------------------------------------------- one number for all photos


def ab_histogram(rgb: Tensor, bins: int = 45) -> np.ndarray:
    """Share of pixels in each cell of the ab plane, -112.5 to 112.5 (cells of 5 x 5 Lab units).

    uint8 (N, 3, H, W) -> float64 (N, bins, bins), each photo's cells summing to 1; axes a, b. An odd
    number of bins puts gray in the middle of a cell, not on the line between four.
    """
    counts = torch.zeros(len(rgb), bins * bins, dtype=torch.float64)
    for some, row in zip(rgb.split(PART), counts.split(PART), strict=True):
        cell = (rgb_to_lab(some)[:, 1:] / 225 + 0.5).mul(bins).long().clamp(0, bins - 1)
        flat = (cell[:, 0] * bins + cell[:, 1]).flatten(1).cpu()
        row.scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float64))
    return (counts / (rgb.shape[-2] * rgb.shape[-1])).view(-1, bins, bins).numpy()


def ab_intersection(truth: np.ndarray, guess: np.ndarray) -> float:
    """Overlap of two sets of `ab_histogram`s, averaged over photos first: 0 (disjoint) to 1 (the same).

    Histogram intersection, Isola et al. 2016, Fig. 6, on the joint ab plane.
    """
    return float(np.minimum(truth.mean(0), guess.mean(0)).sum())


# --------------------------------------------------------------------------------------- predictors


@torch.no_grad()
def predict(model: nn.Module | str | Callable, photos: Photos, batch_size: int = 64, median=None) -> Tensor:
    """Color the photos from their L alone: uint8 (N, 3, S, S).

    model: a generator (L -> ab, used in eval mode and put back after), or a baseline: "gray" (ab = 0),
    "median" (one ab for all; pass `median`, two numbers in Lab units, found on *training* photos),
    "oracle" (each photo's own mean ab: it has seen the answer, so it is a yardstick, not a rival).
    Raises ValueError for another name, or for "median" without one.
    """
    if isinstance(model, str) and model not in BASELINES:
        raise ValueError(f"unknown baseline {model!r}: choose {', '.join(BASELINES)}, or pass a generator")
    if isinstance(model, str) and model == "median" and median is None:
        raise ValueError("the median baseline needs median=median_ab(training photos)")
    training, device = getattr(model, "training", False), photos.images.device
    if isinstance(model, nn.Module):
        model.eval()
        device = next(model.parameters()).device
    out = []
    for images in photos.images.split(batch_size):
        L, ab = to_lab(images.to(device))
        if not isinstance(model, str):
            guess = model(L).float()
        elif model == "gray":
            guess = torch.zeros_like(ab)
        elif model == "median":
            guess = torch.zeros_like(ab) + torch.tensor(median, device=device).view(1, 2, 1, 1) / AB_SCALE
        else:
            guess = ab.mean((2, 3), keepdim=True).expand_as(ab)
        out.append(to_rgb8(L, guess).to(photos.images.device))
    if training:
        model.train()
    return torch.cat(out)


def median_ab(photos: Photos) -> tuple[float, float]:
    """The (a, b) in Lab units that half of all pixels exceed, of up to 1,000 photos."""
    some = photos.images[:: max(1, len(photos) // 1000)]
    ab = rgb_to_lab(some)[:, 1:].transpose(0, 1).flatten(1)
    a, b = ab.median(dim=1).values.tolist()
    return a, b


# ---------------------------------------------------------------------------------------- scorecard


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

    uint8 (N, 3, H, W) twice. PSNR of a perfect prediction is infinite; it counts as 100 dB so that a mean exists.
    """
    cf_truth, cf_guess = colorfulness(truth), colorfulness(guess)
    return {
        "psnr": np.minimum(psnr(truth, guess), 100.0),
        "ssim": ssim(truth, guess),
        "delta_e": ciede2000(truth, guess),
        "colorfulness": cf_guess,
        "delta_cf": np.abs(cf_guess - cf_truth),
    }


def resampled_counts(count: int, resamples: int = 1000, seed: int = 0) -> np.ndarray:
    """The bootstrap's draws: how often each of `count` photos is drawn in each resample, float32 (resamples, count).

    `count` draws with replacement a resample (Efron 1979), seeded, so that all painters are judged on the same draws.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float32)


def _bootstrap(values: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    resampled = weights @ values / len(values)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def judge(truth: Tensor, guess: Tensor, resamples: int = 1000, each: dict | None = None) -> Scorecard:
    """The scorecard of finished pictures: uint8 (N, 3, H, W) twice, the same photos in the same order.

    resamples: of the bootstrap (`resampled_counts`). each: what `per_photo` gave for them, if that is known already.
    Raises ValueError for two sets of different shape.
    """
    if truth.shape != guess.shape:
        raise ValueError(f"the truth is {tuple(truth.shape)} and the guess {tuple(guess.shape)}: they must be alike")
    each, count = each or per_photo(truth, guess), len(truth)
    weights = resampled_counts(count, resamples)
    values = {key: _bootstrap(v, weights) for key, v in each.items()}
    h_truth, h_guess = ab_histogram(truth).reshape(count, -1), ab_histogram(guess).reshape(count, -1)
    used = (h_truth.sum(0) > 0) & (h_guess.sum(0) > 0)  # only cells that both touch can overlap
    w = weights / count
    overlaps = np.minimum(w @ h_truth[:, used].astype(np.float32), w @ h_guess[:, used].astype(np.float32)).sum(1)
    overlap = ab_intersection(h_truth, h_guess)
    # Drawing photos twice thins a histogram out, so resampled overlaps run low: move them back.
    low, high = np.clip(np.percentile(overlaps, [2.5, 97.5]) + overlap - overlaps.mean(), 0, 1)
    values["ab_intersection"] = (overlap, float(low), float(high))
    return Scorecard(values, float(colorfulness(truth).mean()), count)


def scorecard(model, photos: Photos, median=None, resamples: int = 1000, batch_size: int = 64) -> Scorecard:
    """Judge a generator or a baseline on photos it has not been trained on.

    model, median: as in `predict`. resamples: bootstrap draws of the photos, seeded (Efron 1979).
    PSNR of a perfect prediction is infinite; it counts as 100 dB here so that a mean exists.
    """
    return judge(photos.images, predict(model, photos, batch_size, median), resamples)


def format_table(cards: dict[str, Scorecard], intervals: bool = True) -> str:
    """A Markdown table, one row a scorecard; with intervals each cell is `mean (low to high)`.

    Raises ValueError when the cards are not of the same number of photos.
    """
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
    first = next(iter(cards.values()))
    lines.append(f"| *truth* | ∞ | 1 | 0 | {first.truth_colorfulness:.1f} | 0 | 1 |")
    return "\n".join(lines)
