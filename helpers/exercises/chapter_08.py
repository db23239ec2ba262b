"""Checks for chapter 8, Your own photos. The truth is found row by row with np.interp, or window by window."""

import numpy as np
import torch

from .hints import ask, compare, judge, numbers


def _enlarged(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """(N, C, h, w) -> (N, C, height, width), linear between pixel centers, one line after another."""

    def along(values: np.ndarray, count: int) -> np.ndarray:
        at = (np.arange(count) + 0.5) * len(values) / count - 0.5
        return np.interp(at, np.arange(len(values)), values)  # beyond the outermost centers: their values

    wide = np.apply_along_axis(along, 3, small, width)
    return np.apply_along_axis(along, 2, wide, height)


def _enlarge(small, like):
    """The same of tensors, to the height and width of `like`, as the chapter has it."""
    large = _enlarged(small.detach().double().numpy(), *like.shape[-2:])
    return torch.from_numpy(large).to(small)


def _window_mean(x):
    """The mean over 3 × 3 pixels around each; at the rim the outermost pixels count again."""
    padded = np.pad(x.detach().double().numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = x.shape[-2:]
    shifted = [padded[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return torch.from_numpy(np.mean(shifted, axis=0)).to(x)


def _paste(function) -> str:
    """08-1: L (N, 1, H, W), small (N, C, h, w) -> both in one, (N, 1 + C, H, W)."""
    rng = np.random.default_rng(8)
    L, small = rng.uniform(0, 100, (1, 1, 8, 20)), rng.normal(0, 30, (1, 2, 4, 5))
    large = _enlarged(small, 8, 20)
    given = tuple(torch.tensor(x, dtype=torch.float32) for x in (L, small))
    blocks = small.repeat(2, 2).repeat(4, 3)
    corners = _to_corners(small, 8, 20)
    mistakes = {
        "each small pixel has become a block, that is mode nearest: take bilinear": np.concatenate([L, blocks], 1),
        "the corners were laid on each other: leave align_corners at False, so that areas match": np.concatenate(
            [L, corners], 1
        ),
        "ab comes before L: Lab wants L first": np.concatenate([large, L], 1),
        "L is scaled: here all is in Lab units, L from 0 to 100": np.concatenate([L / 50 - 1, large], 1),
        "ab is scaled: leave it in the units it came in": np.concatenate([L, large * 110], 1),
    }
    shapes = {
        (1, 3, 4, 5): "L was made small, too: the picture keeps its own lightness at full size, ab grows",
        (1, 2, 8, 20): "ab alone came back: put L before it with torch.cat",
        (2, 3, 8, 20): "they were joined as two pictures: join channels, dim=1",
        (3, 8, 20): "the dimension of the picture is gone: leave (1, 3, H, W)",
    }

    def where(place: tuple) -> str:
        return f"for L {tuple(L.shape)} and ab {tuple(small.shape)}, at place {list(place)} of the result,"

    judge(
        function, given, np.concatenate([L, large], 1), mistakes, 1e-3, where, what="the Lab picture",
        wrong_shapes=shapes,
    )  # fmt: skip
    three = torch.cat([given[1], given[1][:, :1]], 1)
    got = numbers(ask(function, given[0], three), (1, 4, 8, 20), "the picture with one more channel")
    compare(got[:, 3:], large[:, :1], {}, 1e-3)
    return "right: its own lightness, pixel for pixel, and colors that know nothing of it"


def _to_corners(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """What align_corners=True gives."""

    def along(values: np.ndarray, count: int) -> np.ndarray:
        return np.interp(np.linspace(0, len(values) - 1, count), np.arange(len(values)), values)

    return np.apply_along_axis(along, 2, np.apply_along_axis(along, 3, small, width), height)


def _slopes(function) -> str:
    """08-2: L (N, 1, h, w), ab (N, 2, h, w), mean, softness -> slope of ab over L, (N, 2, h, w)."""
    rng = np.random.default_rng(3)
    softness, L = 4.0, rng.uniform(20, 80, (1, 1, 5, 6))
    ab = np.concatenate([0.6 * L, -0.3 * L], 1) + rng.normal(0, 12, (1, 2, 5, 6))
    given = tuple(torch.tensor(x, dtype=torch.float64) for x in (L, ab))
    parts = {"slope": np.zeros(ab.shape)}
    parts |= {name: np.zeros(ab.shape) for name in ("covariance", "variance", "of_ab", "product", "square")}
    for _, c, y, x in np.ndindex(ab.shape):
        rows, columns = (np.clip(np.arange(at - 1, at + 2), 0, end - 1) for at, end in ((y, 5), (x, 6)))
        light, color = (values[np.ix_(rows, columns)].ravel() for values in (L[0, 0], ab[0, c]))
        place = 0, c, y, x
        parts["covariance"][place] = np.mean((light - light.mean()) * (color - color.mean()))
        parts["variance"][place], parts["of_ab"][place] = light.var(), color.var()
        parts["product"][place], parts["square"][place] = np.mean(light * color), np.mean(light**2)
    cov, var, of_ab, s2 = parts["covariance"], parts["variance"], parts["of_ab"], softness**2

    def mean(values: np.ndarray) -> np.ndarray:
        return _window_mean(torch.from_numpy(values)).numpy()

    raw = cov / (var + s2)
    mistakes = {
        "the mean of the slopes over each window is missing: each pixel lies in nine windows": raw,
        "the softness is added as it is: square it, as the variance is a square": mean(cov / (var + softness)),
        "nothing softens it: add softness² below, or flat places will have wild slopes": mean(cov / var),
        "this is a correlation, without units: divide by the variance of L alone": mean(
            cov / np.sqrt(var * of_ab + s2)
        ),
        "this is how L changes with ab: below stands the variance of L": mean(cov / (of_ab + s2)),
        "above, the product of the two means is not taken away": mean(parts["product"] / (var + s2)),
        "below, the square of the mean is not taken away": mean(cov / (parts["square"] + s2)),
        "covariance and variance were averaged before the division: divide first": mean(cov) / (mean(var) + s2),
        "this is the covariance: divide it by the variance of L plus softness²": mean(cov),
        "softness² is added to the slope, not to the variance": mean(cov / var) + s2,
    }
    shapes = {
        (1, 1, 5, 6): "one channel came back: a and b have a slope each",
        (1, 3, 5, 6): "three channels came back: slopes of a and of b are wanted, nothing else",
    }

    def where(place: tuple) -> str:
        return f"in channel {'ab'[place[1]]}, row {place[2]}, column {place[3]},"

    judge(function, (*given, _window_mean, softness), mean(raw), mistakes, 1e-4, where, what="the slopes",
          wrong_shapes=shapes)  # fmt: skip
    return "right: where lightness and color change together the slope is steep, where lightness rests it is 0"


def _along_edges(function) -> str:
    """08-3: L_small, ab_small, slope, L, enlarged -> ab (N, 2, H, W)."""
    rng = np.random.default_rng(5)
    L_small, ab, slope = (
        rng.uniform(20, 80, (1, 1, 3, 4)),
        rng.normal(0, 30, (1, 2, 3, 4)),
        rng.normal(0, 1, (1, 2, 3, 4)),
    )
    L = rng.uniform(0, 100, (1, 1, 9, 16))
    given = tuple(torch.tensor(x, dtype=torch.float64) for x in (L_small, ab, slope, L))

    def up(small: np.ndarray) -> np.ndarray:
        return _enlarged(small, 9, 16)

    missing = L - up(L_small)
    mistakes = {
        "all of L is used: only what enlarging has lost of it is missing, L − enlarged(L_small, L)": up(ab)
        + up(slope) * L,
        "the sign is turned: what is missing is L minus the enlarged": up(ab) - up(slope) * missing,
        "this is the detail alone: it is added to the enlarged ab": up(slope) * missing,
        "the slope is not used: how much of the missing lightness becomes color?": up(ab) + missing,
        "this is bilinear enlarging still: add slope times what L has lost": up(ab),
        "slope and small L were multiplied before they were enlarged: enlarge each, then multiply": up(ab)
        + up(slope) * L
        - up(slope * L_small),
        "what is left over came back: the colors, and the detail added to them": missing.repeat(2, 1),
    }
    shapes = {
        (1, 2, 3, 4): "it is as small as before: enlarge each part to the size of L",
        (1, 1, 9, 16): "one channel came back: a and b are wanted",
        (1, 3, 9, 16): "L came back, too: a and b alone are wanted",
    }

    def where(place: tuple) -> str:
        return f"in channel {'ab'[place[1]]}, row {place[2]}, column {place[3]},"

    judge(function, (*given, _enlarge), up(ab) + up(slope) * missing, mistakes, 1e-4, where, what="the enlarged ab",
          wrong_shapes=shapes)  # fmt: skip
    return "right: what enlarging has lost of lightness comes back as color, times the slope"


def _levels(function) -> str:
    """08-4: gray uint8 (H, W), percent -> uint8 (H, W), from black to white."""
    rng = np.random.default_rng(6)
    gray = np.clip(rng.normal(120, 14, (40, 50)), 70, 190).round().astype(np.uint8)
    gray[0, :5], gray[1, :5] = (2, 40, 44, 48, 52), (252, 240, 236, 232, 228)  # dust, dark and light
    percent = 2

    def stretched(low: float, high: float) -> np.ndarray:
        return np.clip((gray.astype(float) - low) / (high - low), 0, 1) * 255

    low, high = np.percentile(gray, [percent, 100 - percent])
    rows = np.sort(gray.ravel())
    wild = (gray.astype(float) - low) / (high - low) * 255
    mistakes = {
        "the darkest and the lightest pixel decide: they are dust. Take the percentiles": stretched(rows[0], rows[-1]),
        "what lies beyond the two percentiles is not cut to 0 and 255": wild,
        "what lies beyond has wrapped around: cut to 0 and 255 before it becomes uint8": wild.round().astype(int) % 256,
        "this is from 0 to 1: a picture of bytes goes to 255": stretched(low, high) / 255,
        "the percentile is given in percent to np.percentile, as a share of 1 to np.quantile": stretched(
            *np.percentile(gray, [percent / 100, 100 - percent / 100])
        ),
        "only black was set: white is the other percentile": stretched(low, 255),
        "only white was set: black is the other percentile": stretched(0, high),
        "light and dark have changed places: (gray − low) / (high − low)": 255 - stretched(low, high),
        "the brightest part was divided by high alone: the range is high − low": np.clip((gray - low) / high, 0, 1)
        * 255,
    }
    shapes = {(2,): "the two percentiles came back: stretch the picture between them"}

    def where(place: tuple) -> str:
        return f"for a gray of {gray[place]} between {low:.0f} and {high:.0f}"

    judge(function, (gray, percent), stretched(low, high), mistakes, 1.01, where, what="the picture",
          wrong_shapes=shapes)  # fmt: skip
    return "right: the two percentiles become black and white, and dust does not decide"


EXERCISES = {"08-1": _paste, "08-2": _slopes, "08-3": _along_edges, "08-4": _levels}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_paste(L, small):
    large = torch.nn.functional.interpolate(small, L.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([L, large], dim=1)


def _our_slopes(L, ab, mean, softness):
    covariance, variance = mean(L * ab) - mean(L) * mean(ab), mean(L * L) - mean(L) ** 2
    return mean(covariance / (variance + softness**2))


def _our_along_edges(L_small, ab_small, slope, L, enlarged):
    return enlarged(ab_small, L) + enlarged(slope, L) * (L - enlarged(L_small, L))


def _our_levels(gray, percent):
    low, high = np.percentile(gray, [percent, 100 - percent])
    if high <= low:
        raise ValueError("a picture of one gray has no levels to stretch")
    return (np.clip((gray - low) / (high - low), 0, 1) * 255).round().astype(np.uint8)


OURS = {"08-1": _our_paste, "08-2": _our_slopes, "08-3": _our_along_edges, "08-4": _our_levels}
