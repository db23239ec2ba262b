"""The exercises of chapter 8: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import torch
import torch.nn.functional as F


def _paste(L, small, mode="bilinear", corners=False, order=1, light=lambda L: L, color=lambda ab: ab, dim=1):
    options = {} if mode == "nearest" else {"align_corners": corners}
    large = F.interpolate(color(small), L.shape[-2:], mode=mode, **options)
    return torch.cat([light(L), large][::order], dim)


def _pasted(**how):
    return lambda L, small: _paste(L, small, **how)


def _only_two(L, small):
    return torch.cat([L, F.interpolate(small[:, :2], L.shape[-2:], mode="bilinear")], 1)


def _third_forgotten(L, small):
    both = _paste(L, small)
    return torch.cat([both[:, :3], 0 * both[:, 3:]], 1)


def _slopes(L, ab, mean, softness, below=None, above=None, last=True, divide=None):
    covariance = mean(L * ab) - mean(L) * mean(ab) if above is None else above(L, ab, mean)
    variance = mean(L * L) - mean(L) ** 2
    if divide:
        return divide(covariance, variance, mean, softness)
    bottom = variance + softness**2 if below is None else below(L, ab, mean, variance, softness)
    return mean(covariance / bottom) if last else covariance / bottom


def _sloped(**how):
    return lambda L, ab, mean, softness: _slopes(L, ab, mean, softness, **how)


def _of_ab(ab, mean):
    return mean(ab * ab) - mean(ab) ** 2


def _along(L_small, ab_small, slope, L, enlarged):
    return enlarged(ab_small, L) + enlarged(slope, L) * (L - enlarged(L_small, L))


def _levels(gray, percent, low=None, high=None, last=lambda x: np.clip(x, 0, 1) * 255):
    bottom, top = np.percentile(gray, [percent, 100 - percent])
    bottom, top = bottom if low is None else low, top if high is None else high
    return last((gray.astype(float) - bottom) / (top - bottom))


def _leveled(**how):
    return lambda gray, percent: _levels(gray, percent, **how)


CASES = {
    "08-1": (
        _paste,
        lambda L, small: None,
        [
            (_pasted(mode="nearest"), "mode nearest"),
            (_pasted(corners=True), "align_corners at False"),
            (_pasted(order=-1), "L first"),
            (_pasted(light=lambda L: L / 50 - 1), "L is scaled"),
            (_pasted(color=lambda ab: ab * 110), "ab is scaled"),
            (lambda L, small: torch.cat([F.interpolate(L, small.shape[-2:]), small], 1), "L was made small"),
            (lambda L, small: F.interpolate(small, L.shape[-2:], mode="bilinear"), "ab alone"),
            (lambda L, small: _paste(L, small)[0], "dimension of the picture is gone"),
            (lambda L, small: torch.cat([L.expand(-1, 3, -1, -1)] * 2), "two pictures"),
            (_pasted(mode="bicubic"), "your number is"),
            (_only_two, "one more channel"),
            (_third_forgotten, "your number is -0"),
            (lambda L, small: torch.cat([L, small], 1), "RuntimeError"),
        ],
    ),
    "08-2": (
        _slopes,
        lambda L, ab, mean, softness: None,
        [
            (_sloped(last=False), "over each window is missing"),
            (_sloped(below=lambda L, ab, mean, var, s: var + s), "square it"),
            (_sloped(below=lambda L, ab, mean, var, s: var), "nothing softens it"),
            (_sloped(below=lambda L, ab, mean, var, s: (var * _of_ab(ab, mean) + s**2).sqrt()), "correlation"),
            (_sloped(below=lambda L, ab, mean, var, s: _of_ab(ab, mean) + s**2), "how L changes with ab"),
            (_sloped(above=lambda L, ab, mean: mean(L * ab)), "product of the two means"),
            (_sloped(below=lambda L, ab, mean, var, s: mean(L * L) + s**2), "square of the mean"),
            (_sloped(divide=lambda cov, var, mean, s: mean(cov) / (mean(var) + s**2)), "divide first"),
            (_sloped(divide=lambda cov, var, mean, s: mean(cov)), "this is the covariance"),
            (_sloped(divide=lambda cov, var, mean, s: mean(cov / var) + s**2), "not to the variance"),
            (lambda L, ab, mean, softness: _slopes(L, ab, mean, softness)[:, :1], "a slope each"),
            (lambda L, ab, mean, softness: torch.cat([L, _slopes(L, ab, mean, softness)], 1), "nothing else"),
            (lambda L, ab, mean, softness: mean(L - ab), "your number is"),
        ],
    ),
    "08-3": (
        _along,
        lambda L_small, ab_small, slope, L, enlarged: None,
        [
            (lambda S, ab, k, L, up: up(ab, L) + up(k, L) * L, "all of L is used"),
            (lambda S, ab, k, L, up: up(ab, L) + up(k, L) * (up(S, L) - L), "sign is turned"),
            (lambda S, ab, k, L, up: up(k, L) * (L - up(S, L)), "detail alone"),
            (lambda S, ab, k, L, up: up(ab, L) + (L - up(S, L)), "slope is not used"),
            (lambda S, ab, k, L, up: up(ab, L), "bilinear enlarging still"),
            (lambda S, ab, k, L, up: up(ab, L) + up(k, L) * L - up(k * S, L), "enlarge each"),
            (lambda S, ab, k, L, up: (L - up(S, L)).expand(-1, 2, -1, -1), "left over"),
            (lambda S, ab, k, L, up: ab, "as small as before"),
            (lambda S, ab, k, L, up: _along(S, ab, k, L, up)[:, :1], "one channel"),
            (lambda S, ab, k, L, up: torch.cat([L, _along(S, ab, k, L, up)], 1), "L came back"),
            (lambda S, ab, k, L, up: 2 * up(ab, L), "your number is"),
        ],
    ),
    "08-4": (
        _levels,
        lambda gray, percent: None,
        [
            (lambda gray, percent: _levels(gray, percent, gray.min(), gray.max()), "they are dust"),
            (_leveled(last=lambda x: x * 255), "is not cut"),
            (_leveled(last=lambda x: (x * 255).round().astype(int).astype(np.uint8)), "wrapped around"),
            (_leveled(last=lambda x: np.clip(x, 0, 1)), "from 0 to 1"),
            (lambda gray, percent: _levels(gray, percent / 100), "np.quantile"),
            (_leveled(high=255), "only black was set"),
            (_leveled(low=0), "only white was set"),
            (_leveled(last=lambda x: 255 - np.clip(x, 0, 1) * 255), "changed places"),
            (
                lambda gray, percent: np.clip(
                    (gray - np.percentile(gray, percent)) / np.percentile(gray, 100 - percent), 0, 1
                ) * 255,
                "high − low",
            ),
            (lambda gray, percent: np.percentile(gray, [percent, 100 - percent]), "the two percentiles came back"),
            (lambda gray, percent: gray, "your number is"),
        ],
    ),
}  # fmt: skip
