"""Checks for chapter 1, Exploring Lab. The truth is scikit-image's."""

from __future__ import annotations

import numpy as np

from .hints import ask, compare, numbers

DARK_TO_LIGHT = np.array([0.0, 0.001, 0.003, 0.0102, 0.05, 0.2140, 0.5, 0.8, 1.0])


def _encode(function) -> str:
    """01-1: linear light 0 to 1 -> sRGB values 0 to 1."""
    from skimage.color import xyz2rgb
    from skimage.color.colorconv import xyz_from_rgb

    x = DARK_TO_LIGHT
    truth = xyz2rgb(x[:, None] * xyz_from_rgb.sum(1))[:, 0]  # gray light of these strengths
    got = numbers(ask(function, x.copy()), x.shape)
    dark, curve, line = x <= 0.0031308, 1.055 * x ** (1 / 2.4) - 0.055, 12.92 * x
    gamma, decoded = x ** (1 / 2.2), np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    mistakes = {
        "this is the curve without its straight piece: up to 0.0031308 it is 12.92 * linear": curve,
        "this is the plain gamma 2.2: sRGB is a power of 1/2.4, scaled and shifted, with a straight piece": gamma,
        "this decodes once more: encoding goes the other way and makes mid-tones larger": decoded,
        "the two pieces are swapped: the straight one belongs to the dark end": np.where(dark, curve, line),
        "the power is right; it still wants its scale and shift, 1.055 and 0.055": np.where(dark, line, x ** (1 / 2.4)),
        "these are 0 to 255: stay with 0 to 1": truth * 255,
    }
    compare(got, truth, mistakes, 1e-3)
    return f"right to within {np.abs(got - truth).max():.0e}; half the range of a byte is only a fifth of the light"


def _lightness(function) -> str:
    """01-2: sRGB (H, W, 3), 0 to 1 -> L (H, W), 0 to 100."""
    from skimage.color import rgb2lab

    rgb = np.array(
        [[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1.0]], [[0, 0, 0], [0.05] * 3, [0.5] * 3, [0.9, 0.6, 0.1]]]
    )
    truth = rgb2lab(rgb)[..., 0]
    got = numbers(ask(function, rgb.copy()), truth.shape, "the lightness")
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    weights = np.array([0.212671, 0.715160, 0.072169])
    Y = linear @ weights

    def L(y, offset=16.0):
        return 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - offset

    plain, no_line, swapped = L(linear.mean(-1)), 116 * np.cbrt(Y) - 16, L(linear[..., ::-1] @ weights)
    mistakes = {
        "the sRGB values must become light first: decode before you weigh": L(rgb @ weights),
        "this is decoded with gamma 2.2: use `decode` of section 4": L(rgb**2.2 @ weights),
        "all is too large by 16: L is 116 f(Y) - 16, so that black is 0": L(Y, 0),
        "the dark end is wrong: the cube root holds above 0.008856 only, below it f is 7.787 Y + 16/116": no_line,
        "red and blue have changed places: the weights are in the order red, green, blue": swapped,
        "a plain mean takes no account of the eye: weigh the channels with the middle row of the matrix": plain,
        "these are 0 to 1 (a hundredth of L): L is 116 f(Y) - 16, from 0 to 100": truth / 100,
        "here Y is a percentage: f wants it from 0 to 1, where white is 1": L(100 * Y),
        "this is Y, the light itself: the eye's curve is still missing": Y,
        "this is Y in percent: the eye's curve is still missing": 100 * Y,
    }
    compare(got, truth, mistakes, 0.05)
    red, green, blue = truth[0, :3]
    return f"right: pure green has L {green:.0f}, red {red:.0f}, blue {blue:.0f}, though each is 255 in one channel"


def _xyz_to_ab(function) -> str:
    """01-3: XYZ (H, W, 3), white at Y = 1 -> a and b (H, W, 2)."""
    from skimage.color import rgb2xyz, xyz2lab

    rgb = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1.0]], [[0.5] * 3, [0.02, 0.06, 0.01], [0.9, 0.6, 0.1]]])
    xyz = rgb2xyz(rgb)
    truth = xyz2lab(xyz)[..., 1:]
    got = numbers(ask(function, xyz.copy()), truth.shape, "the stack of a and b")

    def ab(t, root=False):
        f = np.cbrt(t) if root else np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
        return np.stack([500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)

    white = np.array([0.95047, 1, 1.08883])
    mistakes = {
        "a neutral gray gets a color here: divide XYZ by the white point first": ab(xyz),
        "divide by the white point, do not multiply: white itself must become 1, 1, 1": ab(xyz * white),
        "dark colors are off: f has a straight piece below 0.008856 here too": ab(xyz / white, root=True),
        "b has the wrong sign: it is 200 (f(Y) - f(Z)), yellow is positive": truth * [1, -1],
        "a has the wrong sign: it is 500 (f(X) - f(Y)), red is positive": truth * [-1, 1],
        "both signs are wrong: a is f(X) - f(Y), b is f(Y) - f(Z)": -truth,
        "the factors are swapped: 500 for a, 200 for b": truth * [200 / 500, 500 / 200],
        "a and b have changed places: a comes first": truth[..., ::-1],
    }
    compare(got, truth, mistakes, 0.05)
    return f"right: and a neutral gray has a and b within {np.abs(got[1, 0]).max():.2f} of 0"


def _chroma_and_hue(function) -> str:
    """01-4: a, b (N,) -> chroma (N,), hue in degrees (N,)."""
    from skimage.color import lab2lch

    a, b = np.array([30.0, -30, -30, 30, 5, -60, 12]), np.array([40.0, 40, -40, -40, 70, 3, -0.5])
    lch = lab2lch(np.stack([np.full_like(a, 50), a, b], -1))
    C, h = lch[:, 1], np.rad2deg(lch[:, 2])
    got = numbers(ask(function, a.copy(), b.copy()), (2, len(a)), "the pair of chroma and hue")
    radians, half, turned = np.deg2rad(_signed(h)), np.rad2deg(np.arctan(b / a)), 90 - h
    chroma = {"that is the square of the chroma: take its root": C**2}
    corner = "the sum of |a| and |b| is a walk around the corner: chroma is the straight line, the root of a² + b²"
    chroma[corner] = np.abs(a) + np.abs(b)
    hues = {
        "the hue is in radians: np.rad2deg makes degrees of it": lch[:, 2],
        "the hue is in radians, and negative for some: make degrees of it, then take it modulo 360": radians,
        "some hues are negative: take them modulo 360": _signed(h),
        "b / a cannot tell a color from its opposite: np.arctan2(b, a) looks at both signs": half,
        "b / a cannot tell a color from its opposite, not even modulo 360: use np.arctan2(b, a)": half % 360,
        "a and b have changed places in arctan2: it wants the vertical one, b, first": turned % 360,
        "a and b have changed places in arctan2 (b comes first), and the result wants modulo 360": _signed(turned),
    }
    mistakes = {hint: (C, hue) for hint, hue in hues.items()} | {hint: (value, h) for hint, value in chroma.items()}
    compare(got, (C, h), mistakes | {"chroma comes first, then hue": (h, C)}, 0.01)
    return "right: chroma says how vivid a color is, hue which color it is"


def _signed(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180) % 360 - 180


EXERCISES = {"01-1": _encode, "01-2": _lightness, "01-3": _xyz_to_ab, "01-4": _chroma_and_hue}
