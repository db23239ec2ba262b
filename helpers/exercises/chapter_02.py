"""Checks for chapter 2, Flowers102 as a color problem. The truth is scikit-image's, or the definition, in numpy."""

from __future__ import annotations

import numpy as np

from .hints import Hint, ask, compare, numbers


def _few_photos() -> np.ndarray:
    """Five small pictures, uint8 (5, 3, 15, 15), whose mean, median and medians by photo all differ."""
    rng = np.random.default_rng(21)
    petals, leaves = np.array([215, 60, 120]), np.array([60, 95, 40])
    share = np.array([0.9, 0.15, 0.2, 0.25, 0.75])[:, None, None]
    is_petal = rng.random((5, 15, 15)) < share
    pictures = np.where(is_petal[..., None], petals, leaves) + rng.normal(0, 12, (5, 15, 15, 3))
    pictures = pictures + np.array([[0, 0, 0], [0, 20, 40], [50, 40, 0], [0, 30, 60], [30, 90, -60]])[:, None, None]
    return np.clip(pictures, 0, 255).astype(np.uint8).transpose(0, 3, 1, 2).copy()


def _check_median_color(function) -> str:
    import torch
    from skimage.color import rgb2lab

    images = _few_photos()
    got = ask(function, torch.from_numpy(images))
    if np.size(got.detach() if hasattr(got, "detach") else got) == 3:
        raise Hint("three numbers came back; a colorizer keeps L, so return only the medians of a and of b")
    ab = rgb2lab(images.transpose(0, 2, 3, 1))[..., 1:].reshape(5, -1, 2)  # photos, pixels, (a, b)
    truth = np.median(ab.reshape(-1, 2), axis=0)
    by_photo = np.median(ab, axis=1)
    of_rgb = rgb2lab(np.median(images, axis=(0, 2, 3)) / 255)[1:]
    heap = "put the pixels of all photos in one heap first, then take one median"
    mistakes = {
        "that is the mean; the median is the middle one of all the values, sorted": ab.mean((0, 1)),
        f"you took a median for each photo, then one of those; {heap}": np.median(by_photo, axis=0),
        f"you took a median for each photo and averaged those; {heap}": by_photo.mean(0),
        f"you took the mean of each photo, then the median of those; {heap}": np.median(ab.mean(1), axis=0),
        "that is the Lab color of the median R, G and B; convert to Lab first, then take the median": of_rgb,
        "these are scaled ab, about -1 to 1; give Lab units (times 110, or use rgb_to_lab)": truth / 110,
        "a and b have changed places": truth[::-1],
    }
    compare(numbers(got, (2,), "the color"), truth, mistakes, tolerance=0.02)
    return "the one color that is least wrong, pixel by pixel."


def _picture_pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(22)
    truth = rng.integers(0, 256, (12, 10, 3))
    guess = np.clip(truth * [0.9, 1.0, 0.8] + rng.normal(0, [10, 25, 40], (12, 10, 3)), 0, 255)
    return truth.astype(np.uint8), guess.astype(np.uint8)


def _check_psnr(function) -> str:
    from skimage.metrics import peak_signal_noise_ratio

    truth, guess = _picture_pair()
    result = ask(function, truth.copy(), guess.copy())
    if np.shape(result) == (3,):
        raise Hint("one number for each channel came back; take a single mean over pixels and channels")
    got = numbers(result, (), "the PSNR")
    difference = truth.astype(float) - guess
    wrapped = truth - guess  # uint8: 3 - 5 is 254
    squares = np.abs(difference).astype(np.uint8) ** 2  # uint8 again: 20 * 20 is 144
    mse = (difference**2).mean()

    def decibel(error, peak=255**2):
        return 10 * np.log10(peak / np.asarray(error, dtype=float))

    cure = "convert both pictures to float before you subtract"
    total, by_channel = (difference**2).sum(), decibel((difference**2).mean((0, 1))).mean()
    mistakes = {
        f"uint8 holds neither differences (3 - 5 gives 254) nor squares: {cure}": decibel((wrapped**2).mean()),
        f"uint8 cannot hold the differences (3 - 5 gives 254): {cure}": decibel((wrapped.astype(float) ** 2).mean()),
        f"uint8 cannot hold the squares (20 * 20 gives 144): {cure}": decibel(squares.mean()),
        "that is the sum of the squares, which grows with the size of the photo; take their mean": decibel(total),
        "the peak is 1 in your formula, but these pictures go from 0 to 255": decibel(mse, peak=1),
        "255 wants to be squared, as the error is": decibel(mse, peak=255),
        "20 goes with the root of the MSE, 10 with the MSE itself": 2 * decibel(mse),
        "that is the natural logarithm; decibels want log10": np.log(10) * decibel(mse),
        "the fraction is upside down: 255² belongs on top": -decibel(mse),
        "that is the MSE itself; put it on the decibel scale: 10 log10(255² / MSE)": mse,
        "that is the mean absolute difference in place of the mean squared one": decibel(np.abs(difference).mean()),
        "you averaged the PSNR of the channels; take one mean over pixels and channels, then the logarithm": by_channel,
    }
    compare(got, peak_signal_noise_ratio(truth, guess, data_range=255), mistakes, tolerance=1e-3)
    return f"{got:.2f} dB, as scikit-image says."


def _check_colorfulness(function) -> str:
    picture = np.clip(np.random.default_rng(23).normal([120, 115, 90], [70, 50, 45], (14, 11, 3)), 0, 255)
    picture[:7, :, 0] = picture[:7, :, 0] * 0.4  # a green half, so that R - G has both signs
    picture = picture.astype(np.uint8)
    got = numbers(ask(function, picture.copy()), (), "the colorfulness")
    # Another way to the same number: the axes are a matrix, so spread and center follow from RGB's.
    axes = np.array([[1, -1, 0], [0.5, 0.5, -1]])
    pixels = picture.reshape(-1, 3).astype(float)
    spread = np.sqrt(np.trace(axes @ np.cov(pixels.T, ddof=0) @ axes.T))
    middle = np.linalg.norm(axes @ pixels.mean(0))
    truth = spread + 0.3 * middle

    def measure(rg, yb, weight=0.3):
        return np.hypot(rg.std(), yb.std()) + weight * np.hypot(rg.mean(), yb.mean())

    r, g, b = pixels.T
    rg, yb = r - g, (r + g) / 2 - b
    R, G, B = (picture[..., i] for i in range(3))
    added = rg.std() + yb.std() + 0.3 * (abs(rg.mean()) + abs(yb.mean()))
    unsigned = "you took the absolute value of {}; then green counts as red. Both axes are signed"
    overflow = "uint8 overflows: {}. Convert the picture to float first"
    mistakes = {
        unsigned.format("R - G"): measure(np.abs(rg), yb),
        unsigned.format("both axes"): measure(np.abs(rg), np.abs(yb)),
        unsigned.format("(R + G) / 2 - B"): measure(rg, np.abs(yb)),
        overflow.format("3 - 5 gives 254, and 200 + 100 gives 44"): measure(R - G, (R + G) / 2 - B),
        overflow.format("3 - 5 gives 254"): measure(R - G, yb),
        overflow.format("200 + 100 gives 44"): measure(rg, (R + G) / 2 - B),
        "the factor 0.3 before the second root is missing": measure(rg, yb, weight=1),
        "that is the spread alone; 0.3 times the distance of the mean from gray is missing": spread,
        "the sum of the two variances goes under a root": spread**2 + 0.3 * middle,
        "add the squares under one root, not the two numbers themselves": added,
        "yb is (R + G) / 2 - B: the half is missing": measure(rg, r + g - b),
        "your picture runs from 0 to 1; this measure is made for 0 to 255": truth / 255,
    }
    compare(got, truth, mistakes, tolerance=1e-3)
    return f"{got:.1f}, by the definition."


EXERCISES = {"02-1": _check_median_color, "02-2": _check_psnr, "02-3": _check_colorfulness}
