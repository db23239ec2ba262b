"""Checks for chapter 1, Exploring Lab. The truth is scikit-image's."""

import numpy as np
from skimage.color import lab2lch, rgb2lab, rgb2xyz, xyz2lab, xyz2rgb
from skimage.color.colorconv import xyz_from_rgb

from .hints import judge

WHITE = np.array([0.95047, 1, 1.08883])


def _decoded(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _eye(t: np.ndarray) -> np.ndarray:  # the curve f of Lab
    return np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)


def _encode(function) -> str:
    """01-1: linear light 0 to 1 -> sRGB values 0 to 1."""
    x = np.array([0.0, 0.001, 0.003, 0.0102, 0.05, 0.2140, 0.5, 0.8, 1.0])
    truth = xyz2rgb(x[:, None] * xyz_from_rgb.sum(1))[:, 0]  # gray light of these strengths
    dark, curve, line = x <= 0.0031308, 1.055 * x ** (1 / 2.4) - 0.055, 12.92 * x
    mistakes = {
        "this is the curve without its straight piece: up to 0.0031308 it is 12.92 * linear": curve,
        "this is the plain gamma 2.2: sRGB has a power of 1/2.4, a scale, a shift and a straight piece": x ** (1 / 2.2),
        "this decodes once more: encoding goes the other way and makes mid-tones larger": _decoded(x),
        "the two pieces are swapped: the straight one belongs to the dark end": np.where(dark, curve, line),
        "the power is right; it still wants its scale and shift, 1.055 and 0.055": np.where(dark, line, x ** (1 / 2.4)),
        "these are 0 to 255: stay with 0 to 1": truth * 255,
    }
    got = judge(function, (x,), truth, mistakes, 1e-3)
    return f"right to within {np.abs(got - truth).max():.0e}; half the range of a byte is only a fifth of the light"


def _lightness(function) -> str:
    """01-2: sRGB (H, W, 3), 0 to 1 -> L (H, W), 0 to 100."""
    rgb = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1] * 3], [[0] * 3, [0.05] * 3, [0.5] * 3, [0.9, 0.6, 0.1]]])
    truth = rgb2lab(rgb)[..., 0]
    linear, weights = _decoded(rgb), np.array([0.212671, 0.715160, 0.072169])
    Y = linear @ weights

    def L(y):
        return 116 * _eye(y) - 16

    mistakes = {
        "the sRGB values must become light first: decode before you weigh": L(rgb @ weights),
        "this is decoded with gamma 2.2: use `decode` of section 4": L(rgb**2.2 @ weights),
        "all is too large by 16: L is 116 f(Y) - 16, so that black is 0": truth + 16,
        "the dark end is wrong: up to 0.008856 there is no root, f is 7.787 Y + 16/116": 116 * np.cbrt(Y) - 16,
        "red and blue have changed places: the weights are in the order red, green, blue": L(linear @ weights[::-1]),
        "a plain mean ignores the eye: weigh the channels with the middle row of the matrix": L(linear.mean(-1)),
        "these are 0 to 1 (a hundredth of L): L is 116 f(Y) - 16, from 0 to 100": truth / 100,
        "here Y is a percentage: f wants it from 0 to 1, where white is 1": L(100 * Y),
        "this is Y, the light itself: the eye's curve is still missing": Y,
        "this is Y in percent: the eye's curve is still missing": 100 * Y,
    }
    judge(function, (rgb,), truth, mistakes, 0.05, what="the lightness")
    red, green, blue = truth[0, :3]
    return f"right: pure green has L {green:.0f}, red {red:.0f}, blue {blue:.0f}, though each is 255 in one channel"


def _xyz_to_ab(function) -> str:
    """01-3: XYZ (H, W, 3), white at Y = 1 -> a and b (H, W, 2)."""
    xyz = rgb2xyz([[[1, 0, 0], [0, 1, 0], [0, 0, 1.0]], [[0.5] * 3, [0.02, 0.06, 0.01], [0.9, 0.6, 0.1]]])
    truth = xyz2lab(xyz)[..., 1:]
    to_ab = np.array([[500, 0], [-500, 200], [0, -200]])  # from f of X, Y, Z
    mistakes = {
        "a neutral gray gets a color here: divide XYZ by the white point first": _eye(xyz) @ to_ab,
        "divide by the white point, do not multiply: white itself must become 1, 1, 1": _eye(xyz * WHITE) @ to_ab,
        "dark colors are off: f has a straight piece below 0.008856 here too": np.cbrt(xyz / WHITE) @ to_ab,
        "b has the wrong sign: it is 200 (f(Y) - f(Z)), yellow is positive": truth * [1, -1],
        "a has the wrong sign: it is 500 (f(X) - f(Y)), red is positive": truth * [-1, 1],
        "both signs are wrong: a is f(X) - f(Y), b is f(Y) - f(Z)": -truth,
        "the factors are swapped: 500 for a, 200 for b": truth * [200 / 500, 500 / 200],
        "a and b have changed places: a comes first": truth[..., ::-1],
    }
    got = judge(function, (xyz,), truth, mistakes, 0.05, what="the stack of a and b")
    return f"right: and a neutral gray has a and b within {np.abs(got[1, 0]).max():.2f} of 0"


def _chroma_and_hue(function) -> str:
    """01-4: a, b (N,) -> chroma (N,), hue in degrees (N,)."""
    a, b = np.array([30.0, -30, -30, 30, 5, -60, 12]), np.array([40.0, 40, -40, -40, 70, 3, -0.5])
    _, C, radians = lab2lch(np.stack([np.full_like(a, 50), a, b], -1)).T  # radians from 0 to 2 pi
    h = np.rad2deg(radians)
    half = np.rad2deg(np.arctan(b / a))
    signed, turned = (h + 180) % 360 - 180, (90 - h + 180) % 360 - 180  # -180 to 180; turned: arctan2(a, b)
    mistakes = {
        "the hue is in radians: np.rad2deg makes degrees of it": (C, radians),
        "the hue is in radians, and negative for some: make degrees of it, then % 360": (C, np.deg2rad(signed)),
        "some hues are negative: take them modulo 360": (C, signed),
        "b / a cannot tell a color from its opposite: np.arctan2(b, a) looks at both signs": (C, half),
        "b / a cannot tell a color from its opposite, not even modulo 360: use np.arctan2(b, a)": (C, half % 360),
        "a and b have changed places in arctan2: it wants the vertical one, b, first": (C, turned % 360),
        "a and b have changed places in arctan2, and the result wants modulo 360": (C, turned),
        "that is the square of the chroma: take its root": (C**2, h),
        "|a| + |b| walks around the corner: chroma is the straight line, the root of a² + b²": (abs(a) + abs(b), h),
        "chroma comes first, then hue": (h, C),
    }
    judge(function, (a, b), (C, h), mistakes, 0.01, what="the pair of chroma and hue")
    return "right: chroma says how vivid a color is, hue which color it is"


EXERCISES = {"01-1": _encode, "01-2": _lightness, "01-3": _xyz_to_ab, "01-4": _chroma_and_hue}
