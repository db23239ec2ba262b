"""Checks for chapter 2, Flowers102 as a color problem. The truth is scikit-image's, or the definition, in numpy."""

import numpy as np
import torch
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from .hints import judge


def _median_color(function) -> str:
    """02-1: photos, uint8 (N, 3, H, W) -> the median a and the median b of all their pixels."""
    rng = np.random.default_rng(21)
    photos = rng.gamma(2, 40, (5, 15, 15, 3)) * rng.uniform(0.2, 2, (5, 1, 1, 3))  # skewed, so no two averages agree
    photos = photos.clip(0, 255).astype(np.uint8)
    three = {(3,): "three numbers came back; a colorizer keeps L, so return only the medians of a and of b"}
    images = torch.from_numpy(photos.transpose(0, 3, 1, 2).copy())
    ab = rgb2lab(photos)[..., 1:].reshape(5, -1, 2)  # photos, pixels, (a, b)
    truth = np.median(ab, axis=(0, 1))
    of_rgb = rgb2lab(np.median(photos, axis=(0, 1, 2)) / 255)[1:]
    heap = "put the pixels of all photos in one heap, then take one median"
    mistakes = {
        "that is the mean; the median is the middle one of all the values, sorted": ab.mean((0, 1)),
        f"you took a median for each photo, then one of those; {heap}": np.median(np.median(ab, axis=1), axis=0),
        f"you took a median for each photo and averaged those; {heap}": np.median(ab, axis=1).mean(0),
        f"you took the mean of each photo, then the median of those; {heap}": np.median(ab.mean(1), axis=0),
        "that is the Lab color of the median R, G and B; convert to Lab first, then take the median": of_rgb,
        "these are scaled ab, about -1 to 1; give Lab units (times 110, or use rgb_to_lab)": truth / 110,
        "a and b have changed places": truth[::-1],
    }
    judge(function, (images,), truth, mistakes, 0.02, what="the color", wrong_shapes=three)
    return "the one color that is least wrong, pixel by pixel."


def _psnr(function) -> str:
    """02-2: truth, guess, both uint8 (H, W, 3) -> the PSNR in dB, a number."""
    rng = np.random.default_rng(22)
    truth = rng.integers(0, 256, (12, 10, 3)).astype(np.uint8)
    guess = np.clip(truth * [0.9, 1.0, 0.8] + rng.normal(0, [10, 25, 40], (12, 10, 3)), 0, 255).astype(np.uint8)
    three = {(3,): "one number for each channel came back; take a single mean over pixels and channels"}
    difference = truth.astype(float) - guess
    wrapped = truth - guess  # uint8: 3 - 5 is 254
    mse, by_channel = (difference**2).mean(), (difference**2).mean((0, 1))

    def decibel(error, peak=255**2):
        return 10 * np.log10(peak / error)

    mistakes = {
        "uint8 holds neither 3 - 5 (gives 254) nor 20 * 20 (144): make both floats first": decibel((wrapped**2).mean()),
        "uint8 cannot hold 3 - 5 (gives 254): make both floats first": decibel((wrapped.astype(float) ** 2).mean()),
        "that is the sum of the squares, which grows with the photo; take their mean": decibel((difference**2).sum()),
        "the peak is 1 in your formula, but these pictures go from 0 to 255": decibel(mse, peak=1),
        "255 wants to be squared, as the error is": decibel(mse, peak=255),
        "20 goes with the root of the MSE, 10 with the MSE itself": 2 * decibel(mse),
        "that is the natural logarithm; decibels want log10": np.log(10) * decibel(mse),
        "the fraction is upside down: 255² belongs on top": -decibel(mse),
        "that is the MSE itself; put it on the decibel scale: 10 log10(255² / MSE)": mse,
        "that is the mean absolute difference in place of the mean squared one": decibel(np.abs(difference).mean()),
        "you averaged the PSNR of the channels; take the logarithm last, of one mean": decibel(by_channel).mean(),
    }
    psnr = peak_signal_noise_ratio(truth, guess, data_range=255)
    judge(function, (truth, guess), psnr, mistakes, 1e-3, what="the PSNR", wrong_shapes=three)
    return f"{psnr:.2f} dB, as scikit-image says."


def _colorfulness(function) -> str:
    """02-3: picture, uint8 (H, W, 3) -> its colorfulness, a number."""
    picture = np.clip(np.random.default_rng(23).normal([120, 115, 90], [70, 50, 45], (14, 11, 3)), 0, 255)
    picture[:7, :, 0] *= 0.4  # a green half, so that R - G has both signs
    picture = picture.astype(np.uint8)
    # Another way to the same number: the axes are a matrix, so spread and center follow from RGB's.
    axes = np.array([[1, -1, 0], [0.5, 0.5, -1]])
    pixels = picture.reshape(-1, 3).astype(float)
    spread = np.sqrt(np.trace(axes @ np.cov(pixels.T, ddof=0) @ axes.T))
    middle = np.linalg.norm(axes @ pixels.mean(0))
    truth = spread + 0.3 * middle

    def measure(rg, yb):
        return np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())

    r, g, b = pixels.T
    rg, yb = r - g, (r + g) / 2 - b
    R, G, B = np.moveaxis(picture, -1, 0)  # still uint8
    unsigned = "you took the absolute value of {}; then green counts as red. Both axes are signed"
    overflow = "uint8 overflows: {}. Convert the picture to float first"
    added = rg.std() + yb.std() + 0.3 * (abs(rg.mean()) + abs(yb.mean()))
    mistakes = {
        unsigned.format("R - G"): measure(np.abs(rg), yb),
        unsigned.format("both axes"): measure(np.abs(rg), np.abs(yb)),
        unsigned.format("(R + G) / 2 - B"): measure(rg, np.abs(yb)),
        overflow.format("3 - 5 gives 254, and 200 + 100 gives 44"): measure(R - G, (R + G) / 2 - B),
        overflow.format("3 - 5 gives 254"): measure(R - G, yb),
        overflow.format("200 + 100 gives 44"): measure(rg, (R + G) / 2 - B),
        "the factor 0.3 before the second root is missing": spread + middle,
        "that is the spread alone; 0.3 times the distance of the mean from gray is missing": spread,
        "the sum of the two variances goes under a root": spread**2 + 0.3 * middle,
        "add the squares under one root, not the two numbers themselves": added,
        "yb is (R + G) / 2 - B: the half is missing": measure(rg, r + g - b),
        "your picture runs from 0 to 1; this measure is made for 0 to 255": truth / 255,
    }
    judge(function, (picture,), truth, mistakes, 1e-3, what="the colorfulness")
    return f"{truth:.1f}, by the definition."


EXERCISES = {"02-1": _median_color, "02-2": _psnr, "02-3": _colorfulness}
