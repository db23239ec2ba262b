"""Checks for chapter 10, Color as classification. The truth is found by plain loops over colors and bins."""

from __future__ import annotations

from math import exp, floor, trunc

import numpy as np

from .hints import Hint, ask, judge, judge_each

BINS = [(float(a), float(b)) for a in range(-30, 31, 10) for b in range(-20, 31, 10)]


def _bins_with_colors(function) -> str:
    """10-1: colors (N, 2), step -> the centers (K, 2) of the squares that hold a color, by a, then by b."""
    import torch

    def centers(colors, step, whole=lambda x: floor(x + 0.5)) -> list[tuple]:
        return sorted({tuple(float(step * whole(x / step)) for x in color) for color in colors})

    def some(step, count) -> list:
        # No color near the line between two squares, where rounding might go either way.
        rng = np.random.default_rng(1)
        return (step * (rng.integers(-3, 4, (count, 2)) + rng.uniform(-0.45, 0.45, (count, 2)))).tolist()

    colors, step = some(10, 60), 10
    right = centers(colors, step)
    mistakes = {
        "right, but counted in steps: multiply by `step`, so that they are Lab units": np.array(right) / step,
        "the right squares, in another order: by a, then by b": sorted(right, key=lambda center: center[::-1]),
    }
    lengths = {
        len(colors): "there is a row for each *color*: each square should be there once",
        len(centers(colors, step, floor)): "a square reaches half a step to each side of its center: *round* to it",
        len(centers(colors, step, trunc)): "cutting off toward 0 makes the squares around 0 twice as wide: round",
    }
    words = {"what": "the centers", "wrong_shapes": {(count, 2): hint for count, hint in lengths.items()}}
    got = judge(function, (torch.tensor(colors), step), right, mistakes, 1e-3, **words)
    judge(function, (torch.tensor(some(25, 9)), 25), centers(some(25, 9), 25), {}, 1e-3, what="the centers of side 25")
    return f"right: {len(colors)} colors lie in {len(got)} squares"


def _share(colors, count=5, sigma=5.0, kernel=None, normal=True) -> np.ndarray:
    """What soft encoding gives: (colors, bins)."""
    kernel = kernel or (lambda distance: exp(-(distance**2) / (2 * sigma**2)))
    out = np.zeros((len(colors), len(BINS)))
    for row, (a, b) in zip(out, colors, strict=True):
        far = [((a - x) ** 2 + (b - y) ** 2) ** 0.5 for x, y in BINS]
        for i in sorted(range(len(BINS)), key=far.__getitem__)[:count]:
            row[i] = kernel(far[i])
        if normal:
            row /= row.sum()
    return out


def _soft(function) -> str:
    """10-2: colors (N, 2), bins (K, 2), count, sigma -> shares (N, K)."""
    import torch

    colors = [(3.1, -4.3), (-11.2, 17.4), (28.3, -13.6)]
    arguments = (torch.tensor(colors), torch.tensor(BINS), 5, 5.0)
    one_off = _share(colors, normal=False)
    mistakes = {
        "every bin gets a share: only the `count` nearest should, the others 0": _share(colors, len(BINS)),
        "the shares of a color should add up to 1: divide by their sum": one_off,
        "the shares of a *bin* add up to 1: those of a color should, so sum along dim 1": one_off
        / np.maximum(one_off.sum(0), 1e-300),
        "all of it goes to the nearest bin: share it among `count`": _share(colors, 1),
        "the `count` nearest get equal shares: weigh them by the Gaussian of their distance": _share(
            colors, kernel=lambda distance: 1.0
        ),
        "the 2 is missing: exp(−d² / (2 σ²))": _share(colors, kernel=lambda d: exp(-(d**2) / 25)),
        "the distance is not squared: exp(−d² / (2 σ²))": _share(colors, kernel=lambda d: exp(-d / 50)),
        "the farther of them get more: exp of *minus* d² / (2 σ²)": _share(colors, kernel=lambda d: exp(d**2 / 50)),
    }
    shapes = {
        (3, 5): "a share for each of *all* bins is wanted, (N, K): put the five where their bins are, 0 elsewhere",
        (len(BINS), 3): "turned around: a row for each color",
    }
    got = judge(function, arguments, _share(colors), mistakes, 1e-4, what="the shares", wrong_shapes=shapes)
    wide = (torch.tensor(colors), torch.tensor(BINS), 3, 8.0)
    judge(function, wide, _share(colors, 3, 8.0), {}, 1e-4, what="the shares of 3 bins, sigma 8,")
    return f"right: the nearest bin of these colors gets {got.max(1).min():.0%} to {got.max(1).max():.0%}"


def _balance(function) -> str:
    """10-3: prior (K,), mix -> weights (K,) with sum prior * weights = 1."""
    import torch

    prior = [0.5, 0.25, 0.15, 0.07, 0.025, 0.005]
    bins = len(prior)

    def weights(mix, one=None, kind="expected") -> list[float]:
        raw = [one(p, mix) if one else 1 / ((1 - mix) * p + mix / bins) for p in prior]
        total = {"expected": sum(p * w for p, w in zip(prior, raw, strict=True)), "mean": sum(raw) / bins}
        total |= {"sum": sum(raw), "none": 1.0}
        return [w / total[kind] for w in raw]

    mixes = (0.5, 0.2, 1.0)
    formulas = {
        "common colors count more: it is 1 *divided by* the mixture": (
            lambda p, mix: (1 - mix) * p + mix / bins, "expected",
        ),
        "mix and 1 − mix are exchanged: with mix = 1 all should count alike": (
            lambda p, mix: 1 / (mix * p + (1 - mix) / bins), "expected",
        ),
        "uniform means 1 / K for each of the K bins, not 1": (lambda p, mix: 1 / ((1 - mix) * p + mix), "expected"),
        "the inverse of each was mixed: mix first, then take 1 divided by it": (
            lambda p, mix: (1 - mix) / p + mix * bins, "expected",
        ),
        "right up to a factor: divide by the sum of prior · weights, so that a pixel counts 1": (None, "none"),
        "their mean over the bins is 1. But bins are not equally frequent: make the sum of prior · weights 1": (
            None, "mean",
        ),
        "they add up to 1: make the sum of prior · weights 1 instead": (None, "sum"),
    }  # fmt: skip
    mistakes = {hint: [weights(mix, one, kind) for mix in mixes] for hint, (one, kind) in formulas.items()}
    cases = [(torch.tensor(prior), mix) for mix in mixes]
    got = judge_each(function, cases, [weights(mix) for mix in mixes], mistakes, 1e-3, what="the weights")
    return f"right: here the rarest counts {got[0].max() / got[0].min():.1f} times as much as the most common"


def _annealed(function) -> str:
    """10-4: logits (N, K, h, w), bins (K, 2), temperature -> ab (N, 2, h, w) in Lab units."""
    import torch

    rng = np.random.default_rng(4)
    logits, bins = rng.normal(0, 2, (2, 6, 3, 4)), np.array(BINS[::8])
    temperatures = (1.0, 0.4, 2.0)

    def colors(sharpen, temperature, normal=True) -> np.ndarray:
        out = np.zeros((2, 2, 3, 4))
        for n in range(2):
            for y in range(3):
                for x in range(4):
                    p = sharpen(np.exp(logits[n, :, y, x]), temperature)
                    out[n, :, y, x] = (p / (p.sum() if normal else 1)) @ bins
        return out

    def likely(p, _) -> np.ndarray:
        return (p == p.max()).astype(float)

    kinds = {
        "the temperature does nothing: divide the logits by it before softmax": lambda p, T: p,
        "the logits were multiplied by the temperature: divide, so that below 1 likely ones gain": lambda p, T: p**T,
        "this is the most likely bin: take the mean over the bins, weighted by the sharpened probabilities": likely,
        "the *probabilities* were divided by the temperature, which changes nothing but their sum": None,
        "softmax was taken twice: of the logits once, after they were divided": lambda p, T: np.exp(p / p.sum() / T),
    }
    truth = [colors(lambda p, T: p ** (1 / T), T) for T in temperatures]
    mistakes = {
        hint: [colors(kind, T) if kind else colors(lambda p, T: p / p.sum() / T, T, normal=False) for T in temperatures]
        for hint, kind in kinds.items()
    }
    cases = [(torch.tensor(logits).float(), torch.tensor(bins).float(), T) for T in temperatures]
    first = ask(function, *cases[0])
    if tuple(getattr(first, "shape", ())) == (2, 3, 4, 2):
        raise Hint("a and b came last: they should be the second dimension, (N, 2, h, w)")
    got = judge_each(function, cases, truth, mistakes, 1e-2, what="ab")
    return f"right: between T = 2 and T = 0.4 these colors move by {np.abs(got[2] - got[1]).mean():.0f} Lab units"


EXERCISES = {"10-1": _bins_with_colors, "10-2": _soft, "10-3": _balance, "10-4": _annealed}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_bins(colors, step):
    import torch

    return torch.unique((colors / step).round(), dim=0) * step


def _our_soft(colors, bins, count, sigma):
    import torch

    near = torch.cdist(colors, bins).topk(count, largest=False)
    shares = (-near.values.square() / (2 * sigma**2)).softmax(1)
    return torch.zeros(len(colors), len(bins)).scatter(1, near.indices, shares)


def _our_balance(prior, mix):
    weights = 1 / ((1 - mix) * prior + mix / len(prior))
    return weights / (prior * weights).sum()


def _our_annealed(logits, bins, temperature):
    import torch

    return torch.einsum("nkhw,kc->nchw", (logits / temperature).softmax(1), bins)


OURS = {"10-1": _our_bins, "10-2": _our_soft, "10-3": _our_balance, "10-4": _our_annealed}
