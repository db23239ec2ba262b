"""The exercises of chapter 1: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import math

import numpy as np

WEIGHTS = np.array([0.212671, 0.715160, 0.072169])
WHITE = np.array([0.95047, 1.0, 1.08883])


def decode(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encode(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def pieces(x, upper):
    return np.where(x <= 0.0031308, 12.92 * x, upper)


def f(t):
    return np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)


def lightness(rgb):
    return 116 * f(decode(rgb) @ WEIGHTS) - 16


def bent(rgb, curve, weights=WEIGHTS):
    return 116 * curve(decode(rgb) @ weights) - 16


def xyz_to_ab(xyz, white=WHITE, f=f, factors=(500, 200)):
    x, y, z = np.moveaxis(f(xyz / white), -1, 0)
    return np.stack([factors[0] * (x - y), factors[1] * (y - z)], axis=-1)


def chroma_and_hue(a, b):
    return np.hypot(a, b), np.rad2deg(np.arctan2(b, a)) % 360


CASES = {
    "01-1": (
        encode,
        lambda linear: None,
        [
            (lambda x: 1.055 * x ** (1 / 2.4) - 0.055, "without its straight piece"),
            (lambda x: x ** (1 / 2.2), "plain gamma 2.2"),
            (decode, "decodes once more"),
            (lambda x: np.where(x > 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055), "pieces are swapped"),
            (lambda x: np.where(x <= 0.0031308, 12.92 * x, x ** (1 / 2.4)), "scale and shift"),
            (lambda x: 255 * encode(x), "0 to 255"),
            (lambda x: 12.92 * x, "straight piece alone"),
            (lambda x: x**2.2, "the wrong way round"),
            (lambda x: pieces(x, 1.055 * x**2.4 - 0.055), "undoing a power takes 1/2.4"),
            (lambda x: pieces(x, 1.055 * x**1 / 2.4 - 0.055), "divides by 2.4"),
            (lambda x: pieces(x, (1.055 * x) ** (1 / 2.4) - 0.055), "outside the root"),
            (lambda x: pieces(x, x ** (1 / 2.4) / 1.055 - 0.055), "takes a multiplication"),
            (lambda x: x ^ 2, "a power is **"),
            (lambda x: pieces(x, 1.055 * x ** (1 / 2.4) + 0.055), "the shift is made again"),
            (lambda x: pieces(x, 1.055 * (x ** (1 / 2.4) - 0.055)), "in reverse order"),
            (lambda x: pieces(x, ((x + 0.055) / 1.055) ** (1 / 2.4)), "only the exponent"),
            (lambda x: np.where(x <= 0.04045, 12.92 * x, encode(np.maximum(x, 0.0032))), "in sRGB values; in light"),
            (lambda x: np.where(x <= 0.0031308, x / 12.92, encode(x)), "encoding multiplies"),
            (lambda x: encode(x)[:-1], "shape"),
            (lambda x: 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055, "np.where"),
            (lambda x: x, "this is the light itself"),
            (lambda x: np.sqrt(x), "not yet: for a light of 0.214 your number is 0.4626, and 0.5 is right"),
        ],
    ),
    "01-2": (
        lightness,
        lambda rgb: None,
        [
            (lambda rgb: 116 * f(rgb @ WEIGHTS) - 16, "decode before you weigh"),
            (lambda rgb: 116 * f(rgb**2.2 @ WEIGHTS) - 16, "gamma 2.2"),
            (lambda rgb: 116 * f(decode(rgb) @ WEIGHTS), "too large by 16"),
            (lambda rgb: 116 * np.cbrt(decode(rgb) @ WEIGHTS) - 16, "the dark end is wrong"),
            (lambda rgb: bent(rgb, lambda y: np.where(y > 0.008856, y / 3, f(y))), "** (1 / 3)"),
            (lambda rgb: 116 * (f(decode(rgb) @ WEIGHTS) - 16), "the 16 is not multiplied"),
            (lambda rgb: lightness(rgb[..., ::-1]), "red and blue have changed places"),
            (lambda rgb: 116 * f(decode(rgb).mean(-1)) - 16, "plain mean"),
            (lambda rgb: lightness(rgb) / 100, "a hundredth of L"),
            (lambda rgb: 116 * f(100 * decode(rgb) @ WEIGHTS) - 16, "a percentage"),
            (lambda rgb: decode(rgb) @ WEIGHTS, "this is Y, the light itself"),
            (lambda rgb: 100 * decode(rgb) @ WEIGHTS, "this is Y in percent"),
            (lambda rgb: 116 * f(decode(decode(rgb)) @ WEIGHTS) - 16, "decoded twice"),
            (lambda rgb: lightness(rgb / 255), "divide by 255 again"),
            (lambda rgb: bent(rgb, lambda y: np.where(y > 0.008856, np.cbrt(y), 7.787 * y)), "without its shift"),
            (lambda rgb: bent(rgb, lambda y: np.where(y <= 0.008856, np.cbrt(y), f(0) + 7.787 * y)), "f are swapped"),
            (lambda rgb: bent(rgb, lambda y: np.where(y > 0.008856, np.sqrt(y), f(y))), "square root"),
            (lambda rgb: bent(rgb, f, (0.357580, 0.715160, 0.119193)), "middle *column*"),
            (lambda rgb: bent(rgb, f, (0.412453, 0.357580, 0.180423)), "first row, which gives X"),
            (lambda rgb: bent(rgb, f, (0.299, 0.587, 0.114)), "weights of video"),
            (lambda rgb: (116 * f(decode(rgb)) - 16) @ WEIGHTS, "bends each channel"),
            (lambda rgb: f(decode(rgb) @ WEIGHTS), "f itself"),
            (lambda rgb: 116 * f(decode(rgb)) - 16, "three numbers per pixel"),
            (lambda rgb: 100 * rgb.max(-1), "not yet: for the color R, G, B = 0, 0, 1 your number is 100, and 32.3"),
            (lambda rgb: 116 * f(WEIGHTS @ decode(rgb)) - 16, "it was given an array (2, 4, 3) of float64"),
            (lambda rgb: lightness(rgb)[..., None], "shape"),
        ],
    ),
    "01-3": (
        xyz_to_ab,
        lambda xyz: None,
        [
            (lambda xyz: xyz_to_ab(xyz, white=1), "divide XYZ by the white point"),
            (lambda xyz: xyz_to_ab(xyz, white=1 / WHITE), "do not multiply"),
            (lambda xyz: xyz_to_ab(xyz, f=np.cbrt), "straight piece below 0.008856"),
            (lambda xyz: [500 * (x - y) for x, y, z in [xyz]], "take x[..., 0]"),
            (lambda xyz: xyz_to_ab(xyz, factors=(500, -200)), "b has the wrong sign"),
            (lambda xyz: xyz_to_ab(xyz, factors=(-500, 200)), "a has the wrong sign"),
            (lambda xyz: -xyz_to_ab(xyz), "both signs"),
            (lambda xyz: xyz_to_ab(xyz, factors=(200, 500)), "factors are swapped"),
            (lambda xyz: xyz_to_ab(xyz)[..., ::-1], "changed places"),
            (lambda xyz: xyz_to_ab(xyz, white=xyz.max()), "its own maximum"),
            (lambda xyz: xyz_to_ab(xyz, f=lambda t: np.where(t > 0.008856, np.cbrt(t), 7.787 * t)), "f is 7.787 t"),
            (lambda xyz: xyz_to_ab(xyz, f=lambda t: t), "differences of light"),
            (lambda xyz: xyz_to_ab(xyz, factors=(500, 500)), "both factors are 500"),
            (lambda xyz: xyz_to_ab(xyz, factors=(200, 200)), "both factors are 200"),
            (lambda xyz: xyz_to_ab(xyz, factors=(1, 1)), "factors are missing"),
            (lambda xyz: xyz_to_ab(xyz) / 110, "without the division by 110"),
            (lambda xyz: xyz_to_ab(xyz) + 0.4 * xyz_to_ab(xyz)[..., :1] * [0, 1], "subtracts f(Z) from f(X)"),
            (lambda xyz: np.moveaxis(xyz_to_ab(xyz), -1, 0), "as two planes"),
            (lambda xyz: np.dstack([xyz[..., :1], xyz_to_ab(xyz)]), "leave out L"),
            (lambda xyz: xyz_to_ab(xyz)[..., 0], "one number per pixel"),
            (lambda xyz: xyz_to_ab(xyz, f=np.sqrt), "not yet: for X, Y, Z = "),
        ],
    ),
    "01-4": (
        chroma_and_hue,
        lambda a, b: None,
        [
            (lambda a, b: (np.hypot(a, b), np.arctan2(b, a) % (2 * np.pi)), "the hue is in radians: "),
            (lambda a, b: (np.hypot(a, b), np.arctan2(b, a)), "in radians, and negative"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan2(b, a))), "some hues are negative"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan(b / a))), "looks at both signs"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan(b / a)) % 360), "not even modulo 360"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan2(a, b)) % 360), "vertical one"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan2(a, b))), "wants modulo 360"),
            (lambda a, b: (a**2 + b**2, chroma_and_hue(a, b)[1]), "square of the chroma"),
            (lambda a, b: (abs(a) + abs(b), chroma_and_hue(a, b)[1]), "around the corner"),
            (lambda a, b: chroma_and_hue(a, b)[::-1], "chroma comes first"),
            (lambda a, b: (np.hypot(a, b), np.arctan2(b, a) % 360), "though taken modulo 360"),
            (lambda a, b: (np.hypot(a, b), chroma_and_hue(a, b)[1] / 360), "in turns"),
            (lambda a, b: (np.hypot(a, b), np.deg2rad(np.arctan2(b, a)) % 360), "into radians once more"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan2(b, a)) + 180), "into its opposite"),
            (lambda a, b: (np.hypot(a, b), np.rad2deg(np.arctan2(b, a)) + 360), "beyond 360"),
            (lambda a, b: (np.hypot(a, b), np.abs(np.rad2deg(np.arctan2(b, a)))), "folds blue onto yellow"),
            (lambda a, b: (np.maximum(abs(a), abs(b)), chroma_and_hue(a, b)[1]), "larger of |a| and |b|"),
            (lambda a, b: np.hypot(a, b), "one array came back"),
            (lambda a, b: np.stack(chroma_and_hue(a, b), -1), "stacked by color"),
            (lambda a, b: (a + b, chroma_and_hue(a, b)[1]), "for a = -30, b = -40 in the chroma your number is -70"),
            (lambda a, b: (np.hypot(a, b), math.atan2(b, a)), "functions of `math`"),
        ],
    ),
}
