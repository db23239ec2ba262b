"""The exercises of chapter 1: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np

WEIGHTS = np.array([0.212671, 0.715160, 0.072169])
WHITE = np.array([0.95047, 1.0, 1.08883])


def decode(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encode(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def f(t):
    return np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)


def lightness(rgb):
    return 116 * f(decode(rgb) @ WEIGHTS) - 16


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
            (lambda x: encode(x)[:-1], "shape"),
            (lambda x: 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055, "np.where"),
            (lambda x: x, "your number is"),
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
            (lambda rgb: lightness(rgb[..., ::-1]), "red and blue have changed places"),
            (lambda rgb: 116 * f(decode(rgb).mean(-1)) - 16, "plain mean"),
            (lambda rgb: lightness(rgb) / 100, "a hundredth of L"),
            (lambda rgb: 116 * f(100 * decode(rgb) @ WEIGHTS) - 16, "a percentage"),
            (lambda rgb: decode(rgb) @ WEIGHTS, "this is Y, the light itself"),
            (lambda rgb: 100 * decode(rgb) @ WEIGHTS, "this is Y in percent"),
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
            (lambda xyz: xyz_to_ab(xyz, factors=(500, -200)), "b has the wrong sign"),
            (lambda xyz: xyz_to_ab(xyz, factors=(-500, 200)), "a has the wrong sign"),
            (lambda xyz: -xyz_to_ab(xyz), "both signs"),
            (lambda xyz: xyz_to_ab(xyz, factors=(200, 500)), "factors are swapped"),
            (lambda xyz: xyz_to_ab(xyz)[..., ::-1], "changed places"),
            (lambda xyz: np.moveaxis(xyz_to_ab(xyz), -1, 0), "shape"),
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
            (lambda a, b: np.hypot(a, b), "shape"),
        ],
    ),
}
