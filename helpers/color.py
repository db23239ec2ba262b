"""sRGB <-> CIE Lab (D65, 2 degrees) in torch: batched, differentiable, on any device. Built in chapter 1.

    lab = rgb_to_lab(rgb)            # (..., 3, H, W): RGB 0 to 1 -> L 0 to 100, a and b in Lab units
    L, ab = scale_lab(lab)           # what the networks see: both about -1 to 1
    rgb = lab_to_rgb(unscale_lab(L, ab))

Agrees with `skimage.color` to 1e-3 Lab units. A core of a server CPU converts 700 photos of 256 px a second, 8 times
as many as scikit-image and 5 times as many as kornia (floats: 3.5 and 2.5 times; `tests/benchmarks/data_path.py`).
Source: IEC 61966-2-1 (sRGB) and CIE 15 (Lab), with the constants that scikit-image uses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .backstage import curves
from .backstage.checks import check, check_values

__all__ = ["AB_SCALE", "in_gamut", "lab_to_rgb", "lightness", "rgb_to_lab", "scale_lab", "unscale_lab"]

AB_SCALE = 110.0
"""a and b are divided by this. sRGB reaches 98.2 and -107.9, flowers about 94: 110 wastes least."""

XYZ_FROM_RGB = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
# Lab measures XYZ relative to white, so the white point is folded into both matrices.
LAB_MATRIX = [[w / white for w in row] for row, white in zip(XYZ_FROM_RGB, WHITE, strict=True)]
RGB_MATRIX = torch.tensor(LAB_MATRIX, dtype=torch.float64).inverse().tolist()

# Each curve is a power, and below its knee a straight line: (knee, exponent, slope of the line).
DECODE = ((0.04045 + 0.055) / 1.055, 2.4, 1.055 / 12.92)  # of (rgb + 0.055) / 1.055
F = (0.008856, 1 / 3, 7.787)
F_INVERSE = (0.2068966, 3, 1 / 7.787)
ENCODE = (0.0031308, 1 / 2.4, 12.92 / 1.055)


def curve(x: Tensor, knee: float, exponent: float, slope: float) -> Tensor:
    """x ** exponent above the knee, a straight line of this slope below, joined at the knee."""
    above = x.clamp(min=knee)  # so every gradient is finite; `torch.where` gives NaN at 0, 0 times an infinite slope
    return above.pow(exponent) + (x - above) * slope


def mix(channels: Tensor, matrix) -> list[Tensor]:
    """Three planes, each a weighted sum of the three channels. No matrix product: TF32 would blur it."""
    r, g, b = channels.unbind(-3)
    return [r * wr + g * wg + b * wb for wr, wg, wb in matrix]


LIGHT_OF_BYTE = curve((torch.arange(256, dtype=torch.float64) / 255 + 0.055) / 1.055, *DECODE).float()


def _rgb_to_lab(rgb: Tensor) -> Tensor:
    light = curve((rgb + 0.055) / 1.055, *DECODE)
    fx, fy, fz = (curve(t, *F) for t in mix(light, LAB_MATRIX))
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=-3)


def _lab_to_rgb(lab: Tensor) -> Tensor:
    L, a, b = lab.unbind(-3)
    fy = (L + 16) / 116
    xyz = curve(torch.stack([fy + a / 500, fy, fy - b / 200], dim=-3), *F_INVERSE)
    light = torch.stack(mix(xyz, RGB_MATRIX), dim=-3)
    return curve(light, *ENCODE) * 1.055 - 0.055


def _convert(image: Tensor, plain: Callable, fast: Callable, *constants) -> Tensor:
    """`plain(image)` on a GPU or where a gradient is wanted; else `fast(image, *constants)`, the same in place."""
    if image.dtype == torch.uint8 and image.device.type != "cpu":
        image = image.float() / 255
    elif image.dtype not in (torch.uint8, torch.float32, torch.float64):
        image = image.float()
    if (image.requires_grad and torch.is_grad_enabled()) or image.device.type != "cpu":
        with torch.autocast(image.device.type, enabled=False):  # half precision is too coarse for Lab
            return plain(image)
    return fast(image, *constants)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB to Lab. Built in chapter 1.

    rgb: float (..., 3, H, W), 0 to 1, values a little outside carried on smoothly; or uint8, 0 to 255 (fastest).
    Returns the same shape: L in 0 to 100, a and b in Lab units (about -86..98 and -108..95 in sRGB),
    in float32 (float64 stays float64). Gradients are finite everywhere.
    Raises TypeError for other numbers, ValueError for another shape, NaN, and floats that cannot be RGB (past +-10).
    """
    check("rgb_to_lab", "uint8 or floats", rgb=(rgb, "... 3 H W"))
    if rgb.dtype != torch.uint8:
        check_values("rgb_to_lab", rgb, -10, 10, "floats from 0 to 1, or uint8")
    return _convert(rgb, _rgb_to_lab, curves.rgb_to_lab, LAB_MATRIX, DECODE, F, LIGHT_OF_BYTE)


def lightness(rgb: Tensor) -> Tensor:
    """L alone, the bits of `rgb_to_lab` in less time: uint8 (H, W, 3), as pictures are kept -> (1, H, W).

    Raises TypeError for other numbers, ValueError for another shape.
    """
    check("lightness", "uint8", rgb=(rgb, "H W 3"))
    return curves.lightness(rgb, LAB_MATRIX[1], F, LIGHT_OF_BYTE)


def lab_to_rgb(lab: Tensor, clip: bool = True) -> Tensor:
    """Lab to sRGB, the inverse of `rgb_to_lab`. Built in chapter 1.

    lab: float (..., 3, H, W). Returns RGB of the same shape. Many Lab triples are no sRGB color: with
    clip they are cut to 0..1, as a screen does. clip=False keeps them, and their gradient, for losses.
    Raises TypeError for other numbers, ValueError for another shape, NaN, and what cannot be Lab (past +-10,000).
    """
    check("lab_to_rgb", "floats", lab=(lab, "... 3 H W"))
    check_values("lab_to_rgb", lab, -1e4, 1e4, "L in 0 to 100, a and b in Lab units")
    rgb = _convert(lab, _lab_to_rgb, curves.lab_to_rgb, RGB_MATRIX, F_INVERSE, ENCODE)
    return rgb.clamp(0, 1) if clip else rgb


def in_gamut(lab: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Which Lab colors a screen can show: (..., 3, H, W) -> bool (..., H, W). Built in chapter 1.

    tolerance: how far outside 0..1 an RGB value may lie through rounding. Errors: as `lab_to_rgb`.
    """
    rgb = lab_to_rgb(lab, clip=False)
    return ((rgb >= -tolerance) & (rgb <= 1 + tolerance)).all(dim=-3)


def scale_lab(lab: Tensor) -> tuple[Tensor, Tensor]:
    """Lab (..., 3, H, W) -> L (..., 1, H, W) in -1..1 and ab (..., 2, H, W) in about -1..1.

    Raises TypeError for other numbers than floats, ValueError for another shape.
    """
    check("scale_lab", "floats", lab=(lab, "... 3 H W"))
    return lab[..., :1, :, :] / 50 - 1, lab[..., 1:, :, :] / AB_SCALE


def unscale_lab(L: Tensor, ab: Tensor) -> Tensor:
    """The inverse of `scale_lab`: L (..., 1, H, W) and ab (..., 2, H, W) -> Lab (..., 3, H, W); errors as there."""
    check("unscale_lab", "floats", L=(L, "... 1 H W"), ab=(ab, "... 2 H W"))
    return torch.cat([(L.float() + 1) * 50, ab.float() * AB_SCALE], dim=-3)
