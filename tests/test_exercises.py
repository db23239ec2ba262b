"""Each exercise, fed its worked solution, its stub and typical wrong answers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.exercises import EXERCISES, check
from helpers.exercises.hints import Hint, compare, numbers

from . import test_exercises_04, test_exercises_05, test_exercises_06

CASES: dict[str, tuple] = {}
"""Exercise -> (solution, stub, [(wrong answer, a fragment of the hint it must get), ...])."""

# ---- the core -------------------------------------------------------------------------------------------


def test_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="no exercise '99-9': choose from"):
        check("99-9 nothing", lambda: 1)


def test_a_crash_is_reported_with_its_line_and_does_not_raise(capsys):
    def crashing(x):
        y = x
        return y / "two"

    assert check("01-1 encode", crashing) == "wrong"
    out = capsys.readouterr().out
    assert "in line 3 of crashing" in out and "with TypeError: " in out and out.count("\n") == 1


@pytest.mark.parametrize("number", EXERCISES)
@pytest.mark.parametrize("answer", ["a word", 3.5, [], lambda: 1, lambda *a: "text", lambda *a: np.nan, object()])
def test_nonsense_is_wrong_but_never_raises(number, answer, capsys):
    assert check(number, answer) == "wrong"
    assert capsys.readouterr().out.startswith("✗ ")


@pytest.mark.parametrize("number", EXERCISES)
def test_no_answer_at_all_is_not_done(number):
    assert check(number, None) == "not done"


def test_a_function_that_forgets_to_return_is_told_so(capsys):
    def forgetful(x):
        x * 12.92

    assert check("01-1", forgetful) == "not done"
    assert "return" in capsys.readouterr().out


def test_tensors_lists_and_numbers_are_understood():
    assert numbers(torch.ones(2, requires_grad=True), (2,)).tolist() == [1, 1]
    assert numbers([1, 2], (2,)).dtype == np.float64
    with pytest.raises(Hint, match=r"shape \(2,\), but \(3,\)"):
        numbers([1, 2], (3,))
    with pytest.raises(Hint, match="nan"):
        numbers([1, np.nan], (2,))


def test_an_unknown_mistake_is_shown_its_worst_number():
    with pytest.raises(Hint, match="your number is 5, and 2 is right"):
        compare(np.array([1.0, 5]), np.array([1.0, 2]), {}, 0.1)


# ---- chapter 1 ------------------------------------------------------------------------------------------

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


CASES |= {
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


# ---- chapter 2 ------------------------------------------------------------------------------------------


def _ab_of(images):
    from helpers.color import rgb_to_lab

    return rgb_to_lab(images)[:, 1:].flatten(2).numpy()  # (photos, 2, pixels)


def _median_color(images):
    a, b = np.median(_ab_of(images).transpose(1, 0, 2).reshape(2, -1), axis=1)
    return a, b


CASES["02-1"] = (
    _median_color,
    lambda images: None,
    [
        (lambda images: _ab_of(images).mean((0, 2)), "that is the mean"),
        (lambda images: np.median(np.median(_ab_of(images), axis=2), axis=0), "for each photo, then one of those"),
        (lambda images: np.median(_ab_of(images), axis=2).mean(0), "for each photo and averaged those"),
        (lambda images: np.median(_ab_of(images).mean(2), axis=0), "the mean of each photo, then the median"),
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
        (lambda t, g: 10 * np.log10(255**2 / ((t - g) ** 2).mean()), "nor squares"),
        (lambda t, g: 10 * np.log10(255**2 / ((t - g).astype(float) ** 2).mean()), "cannot hold the differences"),
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


def _colorfulness(picture, sign_rg=lambda x: x, sign_yb=lambda x: x, weight=0.3):
    r, g, b = picture[..., 0], picture[..., 1], picture[..., 2]
    rg, yb = sign_rg(r - g), sign_yb((r + g) / 2 - b)
    return np.sqrt(rg.var() + yb.var()) + weight * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)


def _variances(picture):
    spread = _colorfulness(picture, weight=0)
    return spread**2 + _colorfulness(picture) - spread


CASES["02-3"] = (
    lambda picture: _colorfulness(picture.astype(float)),
    lambda picture: None,
    [
        (lambda p: _colorfulness(p.astype(float), sign_rg=np.abs), "absolute value of R - G"),
        (lambda p: _colorfulness(p.astype(float), np.abs, np.abs), "absolute value of both axes"),
        (lambda p: _colorfulness(p), "200 + 100 gives 44"),
        (lambda p: _colorfulness(p.astype(float), weight=1), "0.3 before the second root is missing"),
        (lambda p: _colorfulness(p.astype(float), weight=0), "the spread alone"),
        (lambda p: _variances(p.astype(float)), "goes under a root"),
        (lambda p: _colorfulness(p / 255), "0 to 1"),
        (lambda p: "vivid", "should be numbers"),
    ],
)


# ---- chapter 3 ------------------------------------------------------------------------------------------


def _decode(x, skip, block):
    y = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
    return block(torch.cat([y, skip], dim=1))


def _decode_wrongly(join, block_it=True, **how):
    how = {"scale_factor": 2, "mode": "bilinear"} | how

    def step(x, skip, block):
        joined = join(F.interpolate(x, **how), skip)
        return block(joined) if block_it else joined

    return step


def _cat(dim=1):
    return lambda y, skip: torch.cat([y, skip], dim=dim)


def _double_conv_count(i, o):
    return 9 * i * o + 9 * o * o + 4 * o


def _best(l1, l2):
    return lambda colors, loss: {"l1": l1, "l2": l2}[loss](colors)


def _mean(colors):
    return colors.mean(0)


def _median(colors):
    return np.median(colors, axis=0)


CASES |= {
    "03-1": (
        lambda n, k, s, p: (n + 2 * p - k) // s + 1,
        lambda n, k, s, p: None,
        [
            (lambda n, k, s, p: (n + 2 * p - k) // s, "one too small"),
            (lambda n, k, s, p: (n + 2 * p - k) / s + 1, "whole"),
            (lambda n, k, s, p: int(np.ceil((n + 2 * p - k) / s)) + 1, "round down"),
            (lambda n, k, s, p: (n + p - k) // s + 1, "both sides"),
            (lambda n, k, s, p: (n - k) // s + 1, "padding is missing"),
            (lambda n, k, s, p: n + 2 * p - k // s + 1, "brackets"),
            (lambda n, k, s, p: (n + 2 * p - k + 1) // s, "outside the division"),
            (lambda n, k, s, p: n + 2 * p - k + 1, "stride is missing"),
            (lambda n, k, s, p: n, "not yet"),
        ],
    ),
    "03-2": (
        _decode,
        lambda x, skip, block: None,
        [
            (_decode_wrongly(lambda y, skip: y + skip), "not added"),
            (_decode_wrongly(lambda y, skip: y + skip, block_it=False), "never called"),
            (_decode_wrongly(_cat(0)), "dim 0"),
            (_decode_wrongly(_cat(2)), "dim 2"),
            (_decode_wrongly(_cat(3)), "dim 3"),
            (_decode_wrongly(_cat(), block_it=False), "not convolved"),
            (_decode_wrongly(_cat(), mode="nearest"), "blocky"),
            (_decode_wrongly(_cat(), align_corners=True), "corners"),
            (_decode_wrongly(lambda y, skip: torch.cat([skip, y], 1)), "skip comes first"),
            (_decode_wrongly(_cat()), "twice 2 is not 5"),
            (lambda x, skip, block: block(torch.cat([x, F.avg_pool2d(skip, 2)], 1)), "skip was shrunk"),
            (lambda x, skip, block: block(torch.cat([x, skip], 1)), "stopped in line 1"),
        ],
    ),
    "03-3": (
        _double_conv_count,
        lambda i, o: None,
        [
            (lambda i, o: _double_conv_count(i, o) - 4 * o, "each BatchNorm"),
            (lambda i, o: _double_conv_count(i, o) + 2 * o, "no bias"),
            (lambda i, o: _double_conv_count(i, o) - 2 * o, "too few"),
            (lambda i, o: _double_conv_count(i, o) + 4 * o, "not learned"),
            (lambda i, o: 18 * i * o + 4 * o, "second convolution"),
            (lambda i, o: 9 * i * o + 2 * o, "only one"),
            (lambda i, o: i * o + o * o + 4 * o, "9 weights for each pair"),
            (lambda i, o: 3 * (i * o + o * o) + 4 * o, "not 3"),
        ],
    ),
    "03-4": (
        _best(_median, _mean),
        lambda colors, loss: None,
        [
            (_best(_mean, _median), "swapped"),
            (_best(_mean, _mean), "mean for both"),
            (_best(_median, _median), "median for both"),
            (_best(*[lambda c: (c.min(0) + c.max(0)) / 2] * 2), "halfway"),
            (_best(lambda c: c[len(c) // 2], _mean), "not sorted"),
            (_best(*[lambda c: np.zeros(2)] * 2), "gray"),
            (_best(np.median, np.mean), "shape"),
        ],
    ),
}


# ---- every exercise of all chapters ------------------------------------------------------------------------


ALL = {**CASES, **test_exercises_04.CASES, **test_exercises_05.CASES, **test_exercises_06.CASES}


def test_every_exercise_has_a_case():
    assert set(ALL) == set(EXERCISES)


@pytest.mark.parametrize("number", ALL)
def test_solution_passes_and_stub_is_not_done(number, capsys):
    solution, stub, _ = ALL[number]
    assert check(f"{number} solution", solution) == "done"
    assert capsys.readouterr().out.startswith("✓ ")
    assert check(number, stub) == "not done"
    out = capsys.readouterr().out
    assert out.startswith("○ ") and out.count("\n") == 1


@pytest.mark.parametrize("number", ALL)
def test_each_wrong_answer_gets_its_own_hint(number, capsys):
    _, _, wrong = ALL[number]
    seen = set()
    assert len(wrong) >= 2
    for answer, fragment in wrong:
        assert check(number, answer) == "wrong"
        out = capsys.readouterr().out
        assert out.startswith("✗ ") and out.count("\n") == 1 and fragment in out, out
        seen.add(out)
    assert len(seen) == len(wrong), "two mistakes share one hint"
