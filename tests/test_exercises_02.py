"""The exercises of chapter 2: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import torch
from skimage.color import rgb2lab

from helpers.color import rgb_to_lab


def _ab_of(images):
    return rgb_to_lab(images)[:, 1:].flatten(2).numpy()  # (photos, 2, pixels)


def _median_color(images):
    a, b = np.median(_ab_of(images).transpose(1, 0, 2).reshape(2, -1), axis=1)
    return a, b


CASES = {}
CASES["02-1"] = (
    _median_color,
    lambda images: None,
    [
        (lambda images: _ab_of(images).mean((0, 2)), "that is the mean"),
        (lambda images: np.median(np.median(_ab_of(images), axis=2), axis=0), "for each photo, then one of those"),
        (lambda images: np.median(_ab_of(images), axis=2).mean(0), "for each photo and averaged those"),
        (lambda images: np.median(_ab_of(images).mean(2), axis=0), "the mean of each photo, then the median"),
        (lambda images: rgb2lab(np.median(images, axis=(0, 2, 3)) / 255)[1:], "the median R, G and B"),
        (lambda images: np.array(_median_color(images)) / 110, "scaled ab"),
        (lambda images: _median_color(images)[::-1], "changed places"),
        (lambda images: np.median(_ab_of(images)[0], axis=1), "first photo alone"),
        (lambda images: 2 * _median_color(images)[:1], "both numbers are the median of a"),
        (lambda images: np.median(rgb_to_lab(images)[:, :2].flatten(2), axis=(0, 2)), "medians of L and a"),
        (lambda images: np.median(_ab_of(images).reshape(2, -1), axis=1), "mixes a and b"),
        (lambda images: np.median(np.abs(_ab_of(images)), axis=(0, 2)), "signs are lost"),
        (lambda images: np.median(_ab_of(images)), "one number came back"),
        (lambda images: np.median(_ab_of(images)[:, 0], axis=1), "one number per photo"),
        (lambda images: np.median(_ab_of(images), axis=2), "a pair per photo"),
        (lambda images: (0.0, 0.0), "not yet: for five photos with 1,125 pixels, in "),
        (lambda images: (50.0, *_median_color(images)), "three numbers"),
        (lambda images: torch.stack(tuple(torch.from_numpy(_ab_of(images)[0].copy()).median(1))), "take .values"),
        (lambda images: [1.0] * 4, "shape"),
        (lambda images: images.median(5), "it stopped in line 1"),
    ],
)


def _mse(truth, guess):
    return ((truth.astype(float) - guess) ** 2).mean()


def _psnr(truth, guess):
    return 10 * np.log10(255**2 / _mse(truth, guess))


CASES["02-2"] = (
    _psnr,
    lambda truth, guess: None,
    [
        (lambda t, g: 10 * np.log10(255**2 / ((t - g) ** 2).mean()), "nor 20 * 20"),
        (lambda t, g: 10 * np.log10(255**2 / ((t - g).astype(float) ** 2).mean()), "cannot hold 3 - 5"),
        (lambda t, g: 10 * np.log10(255**2 / ((t.astype(np.int16) - g) ** 2).mean()), "int16 ends at 32,767"),
        (lambda t, g: _psnr(t, g) - 10 * np.log10(3), "over channels, too"),
        (lambda t, g: 10 * np.log10(float(t.max()) ** 2 / _mse(t, g)), "not the largest in this photo"),
        (lambda t, g: 10 * np.log10(np.square(t.max()) / _mse(t, g)), "its square wraps around"),
        (lambda t, g: 10 * np.log10(255 / np.sqrt(_mse(t, g))), "with its root it takes 20"),
        (lambda t, g: 20 * np.log10(255 / _mse(t, g)), "with 20 it takes its root"),
        (lambda t, g: 10 * np.log2(255**2 / _mse(t, g)), "base 2"),
        (lambda t, g: np.log10(255**2 / _mse(t, g)), "a decibel is a tenth"),
        (lambda t, g: 10 * np.log10(255**2) / _mse(t, g), "the bracket closes too early"),
        (lambda t, g: 255**2 / _mse(t, g), "the logarithm is missing"),
        (lambda t, g: np.sqrt(_mse(t, g)), "the root of the MSE; put"),
        (lambda t, g: 10 * np.log10(255**2 / np.var(t.astype(float) - g)), "forgives a shift"),
        (lambda t, g: 10 * np.log10(255**2 / (((t.astype(float) - g) ** 2).mean(2) + 1)), "a map of numbers"),
        (lambda t, g: (t.astype(float) - g) ** 2, "one number for each value"),
        (lambda t, g: 10 * np.log10(256**2 / _mse(t, g)), "not yet: for a "),
        (lambda t, g: _psnr(t, g) - 10 * np.log10(t.size), "sum of the squares"),
        (lambda t, g: _psnr(t, g) - 20 * np.log10(255), "the peak is 1"),
        (lambda t, g: _psnr(t, g) - 10 * np.log10(255), "255 wants to be squared"),
        (lambda t, g: 2 * _psnr(t, g), "20 goes with the root"),
        (lambda t, g: _psnr(t, g) * np.log(10), "natural logarithm"),
        (lambda t, g: -_psnr(t, g), "upside down"),
        (lambda t, g: ((t.astype(float) - g) ** 2).mean(), "the MSE itself"),
        (lambda t, g: 10 * np.log10(255**2 / np.abs(t.astype(float) - g).mean()), "mean absolute difference"),
        (lambda t, g: np.mean([_psnr(t[..., i], g[..., i]) for i in range(3)]), "PSNR of the channels"),
        (lambda t, g: [_psnr(t[..., i], g[..., i]) for i in range(3)], "one number for each channel"),
    ],
)


def _axes(picture, half=2):
    r, g, b = picture[..., 0], picture[..., 1], picture[..., 2]
    return r - g, (r + g) / half - b


def _along(rg, yb, weight=0.3):
    return np.sqrt(rg.var() + yb.var()) + weight * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)


def _colorfulness(picture, sign_rg=lambda x: x, sign_yb=lambda x: x, weight=0.3):
    rg, yb = _axes(picture)
    return _along(sign_rg(rg), sign_yb(yb), weight)


def _two_roots(picture):
    rg, yb = _axes(picture)
    return rg.std() + yb.std() + 0.3 * (abs(rg.mean()) + abs(yb.mean()))


def _variances(picture):
    spread = _colorfulness(picture, weight=0)
    return spread**2 + _colorfulness(picture) - spread


def _parts(picture):
    rg, yb = _axes(picture)
    return np.array([_along(rg, yb, 0), _along(rg, yb, 1) - _along(rg, yb, 0)])


def _weights(picture, of_spread, of_middle):
    return _parts(picture) @ [of_spread, of_middle]


def _two_deviations(picture):
    rg, yb = _axes(picture)
    return np.sqrt(rg.std() + yb.std()) + 0.3 * _parts(picture)[1]


def _squared_twice(picture):
    rg, yb = _axes(picture)
    return np.sqrt(rg.var() ** 2 + yb.var() ** 2) + 0.3 * _parts(picture)[1]


def _as_torch(picture):
    rg, yb = _axes(picture)
    return np.sqrt(rg.var(ddof=1) + yb.var(ddof=1)) + 0.3 * _parts(picture)[1]


CASES["02-3"] = (
    lambda picture: _colorfulness(picture.astype(float)),
    lambda picture: None,
    [
        (lambda p: _colorfulness(p.astype(float), sign_rg=np.abs), "absolute value of R - G"),
        (lambda p: _colorfulness(p.astype(float), np.abs, np.abs), "absolute value of both axes"),
        (lambda p: _colorfulness(p.astype(float), sign_yb=np.abs), "absolute value of (R + G) / 2 - B"),
        (lambda p: _colorfulness(p), "3 - 5 gives 254, and 200 + 100 gives 44"),
        (lambda p: _along(_axes(p)[0], _axes(p.astype(float))[1]), ": 3 - 5 gives 254. Convert"),
        (lambda p: _along(_axes(p.astype(float))[0], _axes(p)[1]), ": 200 + 100 gives 44. Convert"),
        (lambda p: _along(*_axes(p.astype(float), half=1)), "the half is missing"),
        (lambda p: _two_roots(p.astype(float)), "under one root"),
        (lambda p: _colorfulness(p.astype(float), weight=1), "0.3 before the second root is missing"),
        (lambda p: _colorfulness(p.astype(float), weight=0), "the spread alone"),
        (lambda p: _weights(p.astype(float), 0.3, 1), "before the wrong root"),
        (lambda p: _weights(p.astype(float), 0, 0.3), "the second root alone"),
        (lambda p: _parts(p.astype(float)) @ [1, 0] + 0.3 * _parts(p.astype(float))[1] ** 2, "second sum goes under"),
        (lambda p: _weights(p.astype(float), 1, np.sqrt(0.3)), "before the second root, not under"),
        (lambda p: _squared_twice(p.astype(float)), "the variance itself"),
        (lambda p: sum(_parts(p.astype(float)) ** 2 * [1, 0.3]), "both sums go under a root"),
        (lambda p: _two_deviations(p.astype(float)), "added without squares"),
        (lambda p: _along(p[..., 0] - 1.0 * p[..., 1], p @ [1, 0.5, -1]), "only G is halved"),
        (lambda p: _along(p @ [1.0, -1, 0], p @ [0.5, 0.5, -0.5]), "B is not halved"),
        (lambda p: _colorfulness(p[..., ::-1].astype(float)), "red and blue have changed places"),
        (lambda p: _as_torch(p.astype(float)), "as torch does"),
        (lambda p: _parts(p.astype(float)), "two numbers came back"),
        (lambda p: p.mean(2), "a map of numbers"),
        (lambda p: p.mean((1, 2)), "for each row"),
        (lambda p: p.mean((0, 2)), "for each column"),
        (lambda p: _weights(p.astype(float), 1, 0.25), "not yet: for a picture of 14 × 11 pixels, half of it green, "),
        (lambda p: _variances(p.astype(float)), "goes under a root"),
        (lambda p: _colorfulness(p / 255), "0 to 1"),
        (lambda p: "vivid", "should be numbers"),
    ],
)


def _marks(truths, guesses):
    """PSNR, colorfulness of the guess, signed ΔCF: one row for each pair."""
    pairs = [
        (t, g, _colorfulness(t.astype(float)), _colorfulness(g.astype(float)))
        for t, g in zip(truths, guesses, strict=True)
    ]
    return np.array([[_psnr(t, g), found, found - true] for t, g, true, found in pairs])


def _row(truths, guesses, average=lambda rows: rows.mean(0), kept=np.abs):
    rows = _marks(truths, guesses)
    return average(np.stack([*rows.T[:2], kept(rows.T[2])], axis=1))


CASES["02-4"] = (
    _row,
    lambda truths, guesses: None,
    [
        (lambda t, g: (*_row(t, g)[:2], abs(_marks(t, g)[:, 2].mean())), "the difference of two means"),
        (lambda t, g: _row(t, g, kept=lambda x: x), "keeps its sign"),
        (lambda t, g: _row(t, g) * [1, 1, len(t)], "has lost its last mean"),
        (lambda t, g: _row(t, g, lambda rows: rows.sum(0)), "sums over the photos"),
        (lambda t, g: _row(t, g, lambda rows: np.median(rows, 0)), "medians"),
        (lambda t, g: _row(t[-1:], g[-1:]), "the last pair alone"),
        (lambda t, g: _row(t[:1], g[:1]), "the first pair alone"),
        (lambda t, g: (_row(t, g)[0], _row(t, t)[1], _row(t, g)[2]), "about the guesses"),
        (lambda t, g: (_psnr(np.stack(t), np.stack(g)), *_row(t, g)[1:]), "into one heap"),
        (lambda t, g: _row(t, g, kept=np.square), "ΔCF is squared"),
        (lambda t, g: _row(t, g)[[0, 2, 1]], "changed places"),
        (lambda t, g: _marks(t, g), "one row per photo"),
        (lambda t, g: _row(t, g)[:2], "two numbers came back"),
        (lambda t, g: _row(t, g)[0], "one number came back"),
        (lambda t, g: _row(t, g) + 1, "not yet: for three pairs of pictures, in "),
        (lambda t, g: t - g, "(it was given [an array (12, 10, 3) of uint8, "),
    ],
)
