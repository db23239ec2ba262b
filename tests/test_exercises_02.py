"""The exercises of chapter 2: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
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
        (lambda images: (50.0, *_median_color(images)), "three numbers"),
        (lambda images: 1.0, "shape"),
        (lambda images: images.median(5), "it stopped in line 1"),
    ],
)


def _psnr(truth, guess):
    mse = ((truth.astype(float) - guess) ** 2).mean()
    return 10 * np.log10(255**2 / mse)


CASES["02-2"] = (
    _psnr,
    lambda truth, guess: None,
    [
        (lambda t, g: 10 * np.log10(255**2 / ((t - g) ** 2).mean()), "nor 20 * 20"),
        (lambda t, g: 10 * np.log10(255**2 / ((t - g).astype(float) ** 2).mean()), "cannot hold 3 - 5"),
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
        (lambda p: _variances(p.astype(float)), "goes under a root"),
        (lambda p: _colorfulness(p / 255), "0 to 1"),
        (lambda p: "vivid", "should be numbers"),
    ],
)
