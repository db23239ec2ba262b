"""Checks for chapter 2, Flowers102 as a color problem. The truth is scikit-image's, or the definition, in numpy."""

import numpy as np
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from .hints import judge, judge_each


def _median_color(function) -> str:
    """02-1: photos, uint8 (N, 3, H, W) -> the median a and the median b of all their pixels."""
    import torch

    rng = np.random.default_rng(21)
    photos = rng.gamma(2, 40, (5, 15, 15, 3)) * rng.uniform(0.2, 2, (5, 1, 1, 3))  # skewed, so no two averages agree
    photos = photos.clip(0, 255).astype(np.uint8)
    images = torch.from_numpy(photos.transpose(0, 3, 1, 2).copy())
    lab = rgb2lab(photos).reshape(5, -1, 3)  # photos, pixels, (L, a, b)
    ab = lab[..., 1:]
    truth = np.median(ab, axis=(0, 1))
    of_rgb = rgb2lab(np.median(photos, axis=(0, 1, 2)) / 255)[1:]
    mixed = np.median(ab.transpose(0, 2, 1).reshape(2, -1), axis=1)  # (N, 2, pixels) cut in two without moving axes
    heap = "put the pixels of all photos in one heap, then take one median"
    mistakes = {
        "that is the mean; the median is the middle one of all the values, sorted": ab.mean((0, 1)),
        f"you took a median for each photo, then one of those; {heap}": np.median(np.median(ab, axis=1), axis=0),
        f"you took a median for each photo and averaged those; {heap}": np.median(ab, axis=1).mean(0),
        f"you took the mean of each photo, then the median of those; {heap}": np.median(ab.mean(1), axis=0),
        f"that is the median of the first photo alone; {heap}": np.median(ab[0], axis=0),
        "that is the Lab color of the median R, G and B; convert to Lab first, then take the median": of_rgb,
        "these are scaled ab, about -1 to 1; give Lab units (times 110, or use rgb_to_lab)": truth / 110,
        "a and b have changed places": truth[::-1],
        "both numbers are the median of a: the second one wants channel 2": truth[[0, 0]],
        "these are the medians of L and a: channel 0 is L, which stays; take 1 and 2": np.median(lab, (0, 1))[:2],
        "reshape(2, …) mixes a and b: the first axis is the photo. Take ab[:, 0] and ab[:, 1]": mixed,
        "the signs are lost: green and blue are negative, so take the median of the values as they are": (
            np.median(np.abs(ab), axis=(0, 1))
        ),
    }
    shapes = {
        (3,): "three numbers came back; a colorizer keeps L, so return only the medians of a and of b",
        (): "one number came back; the median of a and that of b are two",
        (2, 2): "two rows came back: median(dim=…) gives the values and their places; take .values",
        (5,): "one number per photo came back: put the pixels of all photos in one heap",
        (5, 2): "a pair per photo came back: put the pixels of all photos in one heap",
    }
    where = lambda place: f"for five photos with {5 * 15 * 15:,} pixels, in {'ab'[place[0]]},"  # noqa: E731
    judge(function, (images,), truth, mistakes, 0.02, where, what="the color", wrong_shapes=shapes)
    return "the one color that is least wrong, pixel by pixel."


def _pairs(count: int = 3):
    """Truths and guesses, uint8 (12, 10, 3): none reaches 255, but for the last, which has 0 beside 255."""
    rng, pairs = np.random.default_rng(22), []
    for top in (203, 180, 255)[:count]:
        truth = rng.integers(0, top + 1, (12, 10, 3)).astype(np.uint8)
        truth[0, 0] = top
        guess = np.clip(truth * [0.9, 1.0, 0.8] + rng.normal(0, [10, 25, 40], truth.shape), 0, 255).astype(np.uint8)
        pairs.append((truth, guess))
    pairs[-1][0][1, :5], pairs[-1][1][1, :5] = 0, 255
    return pairs


def _psnr(function) -> str:
    """02-2: truth, guess, both uint8 (H, W, 3) -> the PSNR in dB, a number."""
    pairs = _pairs()

    def decibel(error, peak=255.0**2):
        return 10 * np.log10(peak / error)

    def each(of_pair) -> list:
        return [of_pair(truth, guess) for truth, guess in pairs]

    def mse(t, g):
        return ((t.astype(float) - g) ** 2).mean()

    def of_int16(t, g):
        return ((t.astype(np.int16) - g) ** 2).mean()

    mistakes = {
        "uint8 holds neither 3 - 5 (gives 254) nor 20 * 20 (144): make both floats first": (
            each(lambda t, g: decibel(((t - g) ** 2).mean()))
        ),
        "uint8 cannot hold 3 - 5 (gives 254): make both floats first": (
            each(lambda t, g: decibel(((t - g).astype(float) ** 2).mean()))
        ),
        "int16 ends at 32,767, and 255 * 255 is 65,025: make both floats": each(lambda t, g: decibel(of_int16(t, g))),
        "that is the sum of the squares, which grows with the photo; take their mean": (
            each(lambda t, g: decibel(mse(t, g) * t.size))
        ),
        "the squares are summed over the channels; take their mean over channels, too": (
            each(lambda t, g: decibel(3 * mse(t, g)))
        ),
        "the peak is 1 in your formula, but these pictures go from 0 to 255": each(lambda t, g: decibel(mse(t, g), 1)),
        "the peak is 255, the largest value a byte can have, not the largest in this photo": (
            each(lambda t, g: decibel(mse(t, g), float(t.max()) ** 2))
        ),
        "truth.max() is a uint8, so its square wraps around; and the peak is 255, whatever the photo's maximum": (
            each(lambda t, g: decibel(mse(t, g), float(int(t.max()) ** 2 % 256)))  # NumPy 1 does not wrap
        ),
        "255 wants to be squared, as the error is": each(lambda t, g: decibel(mse(t, g), 255)),
        "20 goes with the root of the MSE, 10 with the MSE itself": each(lambda t, g: 2 * decibel(mse(t, g))),
        "10 goes with the MSE itself; with its root it takes 20": each(lambda t, g: decibel(mse(t, g)) / 2),
        "the MSE is squared already: with 20 it takes its root": each(lambda t, g: 20 * np.log10(255 / mse(t, g))),
        "that is the natural logarithm; decibels want log10": each(lambda t, g: np.log(10) * decibel(mse(t, g))),
        "that is the logarithm to the base 2; decibels want log10": each(lambda t, g: np.log2(10) * decibel(mse(t, g))),
        "ten times is missing: a decibel is a tenth": each(lambda t, g: decibel(mse(t, g)) / 10),
        "the bracket closes too early: the MSE belongs under 255², inside the logarithm": (
            each(lambda t, g: 10 * np.log10(255**2) / mse(t, g))
        ),
        "the logarithm is missing: 10 log10(255² / MSE)": each(lambda t, g: 255**2 / mse(t, g)),
        "the fraction is upside down: 255² belongs on top": each(lambda t, g: -decibel(mse(t, g))),
        "that is the MSE itself; put it on the decibel scale: 10 log10(255² / MSE)": each(mse),
        "that is the root of the MSE; put the MSE on the decibel scale": each(lambda t, g: np.sqrt(mse(t, g))),
        "that is the mean absolute difference in place of the mean squared one": (
            each(lambda t, g: decibel(np.abs(t.astype(float) - g).mean()))
        ),
        "that is the variance of the difference, which forgives a shift of all pixels; take the mean of its square": (
            each(lambda t, g: decibel(np.var(t.astype(float) - g)))
        ),
        "you averaged the PSNR of the channels; take the logarithm last, of one mean": (
            each(lambda t, g: np.mean([decibel(mse(t[..., i], g[..., i])) for i in range(3)]))
        ),
    }
    shapes = {
        (3,): "one number for each channel came back; take a single mean over pixels and channels",
        (12, 10): "a map of numbers came back: PSNR takes the mean over all pixels, then the logarithm",
        (12, 10, 3): "one number for each value came back: take the mean of the squares first, then the logarithm",
    }
    told = ("a dark truth (at most 203)", "a darker truth (at most 180)", "a pair in which 0 meets 255")
    where = lambda place: f"for {told[place[0]]}"  # noqa: E731
    truth = each(lambda t, g: peak_signal_noise_ratio(t, g, data_range=255))
    judge_each(function, pairs, truth, mistakes, 1e-3, where, what="the PSNR", wrong_shapes=shapes)
    return f"{truth[0]:.2f} dB, as scikit-image says."


def _axes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r, g, b = np.moveaxis(picture.astype(float), -1, 0)
    return r - g, (r + g) / 2 - b


def _measure(rg, yb, correction: int = 0) -> float:
    return np.hypot(rg.std(ddof=correction), yb.std(ddof=correction)) + 0.3 * np.hypot(rg.mean(), yb.mean())


def _colorfulness(function) -> str:
    """02-3: picture, uint8 (H, W, 3) -> its colorfulness, a number."""
    picture = np.clip(np.random.default_rng(23).normal([120, 115, 90], [70, 50, 45], (14, 11, 3)), 0, 255)
    picture[:7, :, 0] *= 0.4  # a green half, so that R - G has both signs
    picture = picture.astype(np.uint8)
    rg, yb = _axes(picture)
    truth, spread, middle = _measure(rg, yb), np.hypot(rg.std(), yb.std()), np.hypot(rg.mean(), yb.mean())
    R, G, B = np.moveaxis(picture, -1, 0)  # still uint8
    r, g, b = R.astype(float), G.astype(float), B.astype(float)
    unsigned = "you took the absolute value of {}; then green counts as red. Both axes are signed"
    overflow = "uint8 overflows: {}. Convert the picture to float first"
    added = rg.std() + yb.std() + 0.3 * (abs(rg.mean()) + abs(yb.mean()))
    mistakes = {
        unsigned.format("R - G"): _measure(np.abs(rg), yb),
        unsigned.format("both axes"): _measure(np.abs(rg), np.abs(yb)),
        unsigned.format("(R + G) / 2 - B"): _measure(rg, np.abs(yb)),
        overflow.format("3 - 5 gives 254, and 200 + 100 gives 44"): _measure(R - G, (R + G) / 2 - B),
        overflow.format("3 - 5 gives 254"): _measure(R - G, yb),
        overflow.format("200 + 100 gives 44"): _measure(rg, (R + G) / 2 - B),
        "the factor 0.3 before the second root is missing": spread + middle,
        "the factor 0.3 stands before the wrong root: it belongs to the means": 0.3 * spread + middle,
        "that is the spread alone; 0.3 times the distance of the mean from gray is missing": spread,
        "that is the second root alone; the spread is missing": 0.3 * middle,
        "the sum of the two variances goes under a root": spread**2 + 0.3 * middle,
        "the second sum goes under a root, too": spread + 0.3 * middle**2,
        "σ² is the variance itself: it is squared once more here": np.hypot(rg.var(), yb.var()) + 0.3 * middle,
        "0.3 stands before the second root, not under it": spread + np.sqrt(0.3) * middle,
        "both sums go under a root": spread**2 + 0.3 * middle**2,
        "add the squares under one root, not the two numbers themselves": added,
        "under the first root the two deviations are added without squares": (
            np.sqrt(rg.std() + yb.std()) + 0.3 * middle
        ),
        "yb is (R + G) / 2 - B: the half is missing": _measure(rg, r + g - b),
        "yb is (R + G) / 2 - B: brackets around R + G, or only G is halved": _measure(rg, r + g / 2 - b),
        "yb is (R + G) / 2 - B: B is not halved": _measure(rg, (r + g - b) / 2),
        "red and blue have changed places: the channels are in the order R, G, B": _measure(b - g, (b + g) / 2 - r),
        "this divides by N - 1, as torch does; the formula's σ divides by N": _measure(rg, yb, correction=1),
        "your picture runs from 0 to 1; this measure is made for 0 to 255": truth / 255,
    }
    shapes = {
        (2,): "two numbers came back: add the spread and 0.3 times the distance of the mean",
        (14, 11): "a map of numbers came back: σ and μ are taken over all pixels",
        (14,): "one number for each row came back: σ and μ are taken over all pixels",
        (11,): "one number for each column came back: σ and μ are taken over all pixels",
    }
    where = lambda place: "for a picture of 14 × 11 pixels, half of it green,"  # noqa: E731
    judge(function, (picture,), truth, mistakes, 1e-3, where, what="the colorfulness", wrong_shapes=shapes)
    return f"{truth:.1f}, by the definition."


def _scorecard_row(function) -> str:
    """02-4: truths, guesses, lists of uint8 (H, W, 3) -> mean PSNR, mean colorfulness, mean abs ΔCF."""
    truths, guesses = map(list, zip(*_pairs(), strict=True))
    guesses[0] = truths[0] // 2 + 40  # paler than its truth, where the others are more colorful
    errors = [((t.astype(float) - g) ** 2).mean() for t, g in zip(truths, guesses, strict=True)]
    marks = 10 * np.log10(255**2 / np.array(errors))
    true, found = (np.array([_measure(*_axes(picture)) for picture in some]) for some in (truths, guesses))
    P, C, D = truth = np.array([marks.mean(), found.mean(), np.abs(found - true).mean()])
    mistakes = {
        "ΔCF is the difference of two means here, so that too pale and too vivid cancel: take |ΔCF| photo by photo": (
            [P, C, abs(found.mean() - true.mean())]
        ),
        "ΔCF keeps its sign, so that too pale and too vivid cancel: take the absolute value photo by photo": (
            [P, C, (found - true).mean()]
        ),
        "ΔCF has lost its last mean: these are sums": [P, C, np.abs(found - true).sum()],
        "these are sums over the photos: divide by how many there are": truth * len(true),
        "these are medians; the card has means": [np.median(marks), np.median(found), np.median(np.abs(found - true))],
        "this is the last pair alone: take the mean over all": [marks[-1], found[-1], abs(found - true)[-1]],
        "this is the first pair alone: take the mean over all": [marks[0], found[0], abs(found - true)[0]],
        "the colorfulness is that of the truths: the card is about the guesses": [P, true.mean(), D],
        "all pixels went into one heap; here each photo has its own PSNR, and those are averaged": (
            [10 * np.log10(255**2 / np.mean(errors)), C, D]
        ),
        "ΔCF is squared; take its absolute value": [P, C, ((found - true) ** 2).mean()],
        "ΔCF and colorfulness have changed places: PSNR, colorfulness, ΔCF": [P, D, C],
    }
    shapes = {
        (3, 3): "one row per photo came back: take the mean over the photos",
        (2,): "two numbers came back: PSNR, colorfulness, and mean abs ΔCF are three",
        (): "one number came back: PSNR, colorfulness, and mean abs ΔCF are three",
    }
    columns = ("the mean PSNR", "the mean colorfulness", "mean abs ΔCF")
    where = lambda place: f"for three pairs of pictures, in {columns[place[0]]},"  # noqa: E731
    judge(function, (truths, guesses), truth, mistakes, 1e-3, where, what="the row", wrong_shapes=shapes)
    return f"{P:.1f} dB, colorfulness {C:.0f}, off by {D:.0f} from photo to photo."


EXERCISES = {"02-1": _median_color, "02-2": _psnr, "02-3": _colorfulness, "02-4": _scorecard_row}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_median_color(images):
    from ..color import rgb_to_lab

    return tuple(rgb_to_lab(images)[:, 1:].movedim(1, 0).flatten(1).median(dim=1).values.tolist())


def _our_psnr(truth, guess):
    return peak_signal_noise_ratio(truth, guess, data_range=255)


def _our_colorfulness(picture):
    return _measure(*_axes(picture))


def _our_scorecard_row(truths, guesses):
    marks = [_our_psnr(t, g) for t, g in zip(truths, guesses, strict=True)]
    true, found = (np.array([_our_colorfulness(picture) for picture in some]) for some in (truths, guesses))
    return np.mean(marks), found.mean(), np.abs(found - true).mean()


OURS = {"02-1": _our_median_color, "02-2": _our_psnr, "02-3": _our_colorfulness, "02-4": _our_scorecard_row}
