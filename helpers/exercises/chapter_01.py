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
    dark, root, line = x <= 0.0031308, x ** (1 / 2.4), 12.92 * x
    curve = 1.055 * root - 0.055
    mistakes = {
        "this is the curve without its straight piece: up to 0.0031308 it is 12.92 * linear": curve,
        "this is the straight piece alone: above 0.0031308 undo the power": line,
        "this is the light itself: nothing has been encoded": x,
        "this is the plain gamma 2.2: sRGB has a power of 1/2.4, a scale, a shift and a straight piece": x ** (1 / 2.2),
        "this is the plain gamma 2.2, and the wrong way round: encoding makes mid-tones larger": x**2.2,
        "this decodes once more: encoding goes the other way and makes mid-tones larger": _decoded(x),
        "the two pieces are swapped: the straight one belongs to the dark end": np.where(dark, curve, line),
        "the power is right; it still wants its scale and shift, 1.055 and 0.055": np.where(dark, line, root),
        "the exponent is 2.4, and undoing a power takes 1/2.4": np.where(dark, line, 1.055 * x**2.4 - 0.055),
        "without brackets ** 1 / 2.4 divides by 2.4: write ** (1 / 2.4)": np.where(dark, line, 1.055 * x / 2.4 - 0.055),
        "1.055 belongs outside the root: ** binds tighter than *, so 1.055 * x ** (1 / 2.4) needs no brackets": (
            np.where(dark, line, (1.055 * x) ** (1 / 2.4) - 0.055)
        ),
        "undoing a division by 1.055 takes a multiplication": np.where(dark, line, root / 1.055 - 0.055),
        "the shift is made again, not undone: it is minus 0.055": np.where(dark, line, 1.055 * root + 0.055),
        "undo in reverse order: after the root comes times 1.055, and minus 0.055 comes last": (
            np.where(dark, line, 1.055 * (root - 0.055))
        ),
        "only the exponent is turned round; the scale and the shift must be undone too, after the root": (
            np.where(dark, line, ((x + 0.055) / 1.055) ** (1 / 2.4))
        ),
        "0.04045 is where the pieces meet in sRGB values; in light they meet at 0.0031308": (
            np.where(x <= 0.04045, line, curve)
        ),
        "the straight piece divides by 12.92; encoding multiplies": np.where(dark, x / 12.92, curve),
        "these are 0 to 255: stay with 0 to 1": truth * 255,
    }
    where = lambda place: f"for a light of {x[place[0]]:g}"  # noqa: E731
    got = judge(function, (x,), truth, mistakes, 1e-3, where)
    return f"right to within {np.abs(got - truth).max():.0e}; half the range of a byte is only a fifth of the light"


def _lightness(function) -> str:
    """01-2: sRGB (H, W, 3), 0 to 1 -> L (H, W), 0 to 100."""
    rgb = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1] * 3], [[0] * 3, [0.05] * 3, [0.5] * 3, [0.9, 0.6, 0.1]]])
    truth = rgb2lab(rgb)[..., 0]
    linear, weights = _decoded(rgb), xyz_from_rgb[1]
    Y = linear @ weights

    def L(y):
        return 116 * _eye(y) - 16

    mistakes = {
        "the sRGB values must become light first: decode before you weigh": L(rgb @ weights),
        "this is decoded with gamma 2.2: use `decode` of section 4": L(rgb**2.2 @ weights),
        "this is decoded twice: the values become light in a single step": L(_decoded(linear) @ weights),
        "the values are already 0 to 1: do not divide by 255 again": L(_decoded(rgb / 255) @ weights),
        "all is too large by 16: L is 116 f(Y) - 16, so that black is 0": truth + 16,
        "the dark end is wrong: up to 0.008856 there is no root, f is 7.787 Y + 16/116": 116 * np.cbrt(Y) - 16,
        "the straight piece is 7.787 Y + 16/116; without its shift black is far below 0": (
            116 * np.where(Y > 0.008856, np.cbrt(Y), 7.787 * Y) - 16
        ),
        "the two pieces of f are swapped: the root belongs to Y above 0.008856": (
            116 * np.where(Y > 0.008856, 7.787 * Y + 16 / 116, np.cbrt(Y)) - 16
        ),
        "this takes the square root; f is the cube root, np.cbrt": (
            116 * np.where(Y > 0.008856, np.sqrt(Y), 7.787 * Y + 16 / 116) - 16
        ),
        "without brackets ** 1 / 3 divides by 3: write ** (1 / 3), or np.cbrt": (
            116 * np.where(Y > 0.008856, Y / 3, 7.787 * Y + 16 / 116) - 16
        ),
        "L is 116 f(Y) - 16: the 16 is not multiplied": 116 * (_eye(Y) - 16),
        "red and blue have changed places: the weights are in the order red, green, blue": L(linear @ weights[::-1]),
        "this is the middle *column* of the matrix; Y takes its middle row": L(linear @ xyz_from_rgb[:, 1]),
        "this weighs with the first row, which gives X; Y is the middle one": L(linear @ xyz_from_rgb[0]),
        "these are the weights of video (0.299, 0.587, 0.114), made for bytes: take the middle row of the matrix": (
            L(linear @ [0.299, 0.587, 0.114])
        ),
        "a plain mean ignores the eye: weigh the channels with the middle row of the matrix": L(linear.mean(-1)),
        "this bends each channel and then weighs; weigh the light first, then bend the one sum": L(linear) @ weights,
        "these are 0 to 1 (a hundredth of L): L is 116 f(Y) - 16, from 0 to 100": truth / 100,
        "here Y is a percentage: f wants it from 0 to 1, where white is 1": L(100 * Y),
        "this is f itself: L is 116 f(Y) - 16": _eye(Y),
        "this is Y, the light itself: the eye's curve is still missing": Y,
        "this is Y in percent: the eye's curve is still missing": 100 * Y,
    }
    shapes = {(2, 4, 3): "three numbers per pixel came back, and L is one: Y is the middle one of the three sums"}
    where = lambda place: f"for the color R, G, B = {', '.join(f'{v:g}' for v in rgb[place])}"  # noqa: E731
    judge(function, (rgb,), truth, mistakes, 0.05, where, what="the lightness", wrong_shapes=shapes)
    red, green, blue = truth[0, :3]
    return f"right: pure green has L {green:.0f}, red {red:.0f}, blue {blue:.0f}, though each is 255 in one channel"


def _xyz_to_ab(function) -> str:
    """01-3: XYZ (H, W, 3), white at Y = 1 -> a and b (H, W, 2)."""
    xyz = rgb2xyz([[[1, 0, 0], [0, 1, 0], [0, 0, 1.0]], [[0.5] * 3, [0.02, 0.06, 0.01], [0.3, 0.2, 0.02]]])
    truth = xyz2lab(xyz)[..., 1:]
    to_ab = np.array([[500, 0], [-500, 200], [0, -200]])  # from f of X, Y, Z
    bent = _eye(xyz / WHITE)
    mistakes = {
        "a neutral gray gets a color here: divide XYZ by the white point first": _eye(xyz) @ to_ab,
        "divide by the white point, do not multiply: white itself must become 1, 1, 1": _eye(xyz * WHITE) @ to_ab,
        "here XYZ is divided by its own maximum; divide by WHITE, which is the same for every photo": (
            _eye(xyz / xyz.max()) @ to_ab
        ),
        "dark colors are off: f has a straight piece below 0.008856 here too": np.cbrt(xyz / WHITE) @ to_ab,
        "dark colors are off: the straight piece of f is 7.787 t + 16/116": (
            np.where(xyz / WHITE > 0.008856, np.cbrt(xyz / WHITE), 7.787 * xyz / WHITE) @ to_ab
        ),
        "these are differences of light: bend each ratio with f before you subtract": xyz / WHITE @ to_ab,
        "b has the wrong sign: it is 200 (f(Y) - f(Z)), yellow is positive": truth * [1, -1],
        "a has the wrong sign: it is 500 (f(X) - f(Y)), red is positive": truth * [-1, 1],
        "both signs are wrong: a is f(X) - f(Y), b is f(Y) - f(Z)": -truth,
        "the factors are swapped: 500 for a, 200 for b": truth * [200 / 500, 500 / 200],
        "both factors are 500: b has 200": truth * [1, 500 / 200],
        "both factors are 200: a has 500": truth * [200 / 500, 1],
        "the factors are missing: 500 for a, 200 for b": truth / [500, 200],
        "these are scaled for a network; here Lab units are wanted, without the division by 110": truth / 110,
        "b subtracts f(Z) from f(X); it wants f(Y) - f(Z)": bent @ np.array([[500, 200], [-500, 0], [0, -200]]),
        "a and b have changed places: a comes first": truth[..., ::-1],
    }
    shapes = {
        (2, 2, 3): "a and b came as two planes, (2, H, W): np.stack([a, b], axis=-1) makes one array (H, W, 2)",
        (2, 3, 3): "three numbers per pixel came back: leave out L, return a and b alone",
        (2, 3): "one number per pixel came back: both a and b are wanted, as one array (H, W, 2)",
    }

    def where(place):
        return f"for X, Y, Z = {', '.join(f'{v:.4f}' for v in xyz[place[:2]])}, in {'ab'[place[2]]},"

    got = judge(function, (xyz,), truth, mistakes, 0.05, where, what="the stack of a and b", wrong_shapes=shapes)
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
        "the hue is in radians, though taken modulo 360: make degrees of it first": (C, np.deg2rad(signed) % 360),
        "the hue is in turns, 0 to 1: times 360": (C, h / 360),
        "the hue is turned into radians once more: arctan2 gives radians, np.rad2deg makes degrees": (
            C, np.deg2rad(np.deg2rad(signed)) % 360
        ),
        "some hues are negative: take them modulo 360": (C, signed),
        "adding 180 to all turns every color into its opposite: only the negative ones move, by 360": (C, signed + 180),
        "adding 360 to all leaves some beyond 360: only the negative ones move, as % 360 does": (C, signed + 360),
        "the absolute value folds blue onto yellow: take hues modulo 360": (C, np.abs(signed)),
        "b / a cannot tell a color from its opposite: np.arctan2(b, a) looks at both signs": (C, half),
        "b / a cannot tell a color from its opposite, not even modulo 360: use np.arctan2(b, a)": (C, half % 360),
        "a and b have changed places in arctan2: it wants the vertical one, b, first": (C, turned % 360),
        "a and b have changed places in arctan2, and the result wants modulo 360": (C, turned),
        "that is the square of the chroma: take its root": (C**2, h),
        "|a| + |b| walks around the corner: chroma is the straight line, the root of a² + b²": (abs(a) + abs(b), h),
        "that is the larger of |a| and |b|: chroma is the straight line, the root of a² + b²": (
            np.maximum(abs(a), abs(b)), h
        ),
        "chroma comes first, then hue": (h, C),
    }  # fmt: skip
    shapes = {
        (7,): "one array came back: return two, chroma and hue, with a comma between them",
        (7, 2): "chroma and hue came stacked by color: return two arrays, chroma and hue, with a comma between them",
    }
    where = lambda place: f"for a = {a[place[1]]:g}, b = {b[place[1]]:g} in the {('chroma', 'hue')[place[0]]}"  # noqa: E731
    judge(function, (a, b), (C, h), mistakes, 0.01, where, what="the pair of chroma and hue", wrong_shapes=shapes)
    return "right: chroma says how vivid a color is, hue which color it is"


EXERCISES = {"01-1": _encode, "01-2": _lightness, "01-3": _xyz_to_ab, "01-4": _chroma_and_hue}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_encode(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _our_lightness(rgb):
    return 116 * _eye(_decoded(rgb) @ xyz_from_rgb[1]) - 16


def _our_xyz_to_ab(xyz):
    x, y, z = np.moveaxis(_eye(xyz / WHITE), -1, 0)
    return np.stack([500 * (x - y), 200 * (y - z)], axis=-1)


def _our_chroma_and_hue(a, b):
    return np.hypot(a, b), np.rad2deg(np.arctan2(b, a)) % 360


OURS = {"01-1": _our_encode, "01-2": _our_lightness, "01-3": _our_xyz_to_ab, "01-4": _our_chroma_and_hue}
