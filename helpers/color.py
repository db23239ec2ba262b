"""sRGB <-> CIE Lab (D65, 2 degrees) in torch: batched, differentiable, on any device.

    lab = rgb_to_lab(rgb)            # (..., 3, H, W): RGB 0 to 1 -> L 0 to 100, a and b in Lab units
    L, ab = scale_lab(lab)           # what the networks see: both about -1 to 1
    rgb = lab_to_rgb(unscale_lab(L, ab))

Agrees with `skimage.color` to 1e-3 Lab units and is many times faster (`tests/benchmarks/`), for
three reasons: no mask and no `torch.where` (each curve is one power plus one straight piece), work
in chunks that stay in the processor's cache, and no matrix product (which TF32 would also blur).

Source: IEC 61966-2-1 (sRGB) and CIE 15 (Lab), with the constants that scikit-image uses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["AB_SCALE", "in_gamut", "lab_to_rgb", "rgb_to_lab", "scale_lab", "unscale_lab"]

AB_SCALE = 110.0
"""a and b are divided by this. sRGB reaches 98.2 and -107.9, flowers 93.7: 110 wastes least."""

XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)
# Lab measures XYZ relative to white, so the white point is folded into both matrices.
LAB_MATRIX = [[w / white for w in row] for row, white in zip(XYZ_FROM_RGB, WHITE, strict=True)]
RGB_MATRIX = torch.tensor(LAB_MATRIX, dtype=torch.float64).inverse().tolist()
CHUNK_PIXELS = 2**17
"""Pixels converted at once on a CPU: few enough for its cache, many enough for all cores."""


def _power(x: Tensor, knee: float, exponent: float, slope: float) -> Tensor:
    """x ** exponent above the knee, a straight line of this slope below, joined at the knee.

    Clamping *inside* the power keeps every gradient finite, at 0 and below it too: `torch.where`
    between the two pieces gives NaN there, since 0 times an infinite slope is not a number.
    """
    above = x.clamp(min=knee)
    return above.pow(exponent) + (x - above) * slope


def _mix(channels: Tensor, matrix) -> list[Tensor]:
    """Three planes, each a weighted sum of the three channels in dim -2."""
    r, g, b = channels.unbind(-2)
    return [r * wr + g * wg + b * wb for wr, wg, wb in matrix]


def _linear(rgb: Tensor) -> Tensor:
    """Undo the sRGB curve: light intensities 0 to 1."""
    return _power((rgb + 0.055) / 1.055, (0.04045 + 0.055) / 1.055, 2.4, 1.055 / 12.92)


LINEAR_OF_BYTE = _linear(torch.arange(256, dtype=torch.float64) / 255).float()


def _rgb_to_lab(rgb: Tensor) -> Tensor:
    fx, fy, fz = (_power(t, 0.008856, 1 / 3, 7.787) for t in _mix(_linear(rgb), LAB_MATRIX))
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=-2)


def _lab_to_rgb(lab: Tensor) -> Tensor:
    L, a, b = lab.unbind(-2)
    fy = (L + 16) / 116
    f = torch.stack([fy + a / 500, fy, fy - b / 200], dim=-2)
    xyz = _power(f, 0.2068966, 3, 1 / 7.787)
    linear = torch.stack(_mix(xyz, RGB_MATRIX), dim=-2)
    return _power(linear, 0.0031308, 1 / 2.4, 12.92 / 1.055) * 1.055 - 0.055


# The same two curves once more, in place, for pictures that need no gradient. A fresh tensor for each
# step would cost more than the arithmetic: the system hands out its memory page by page.


def _power_(x: Tensor, spare: Tensor, knee: float, exponent: float, slope: float) -> None:
    """`_power` in place; `spare` is overwritten. exp(log) is a third faster than pow on a CPU."""
    torch.clamp(x, min=knee, out=spare)
    torch.add(spare.log_().mul_(exponent).exp_(), x.clamp_(max=knee).sub_(knee), alpha=slope, out=x)


def _mix_(x: Tensor, out: Tensor, matrix) -> None:
    for i, (wr, wg, wb) in enumerate(matrix):
        torch.mul(x[:, 0], wr, out=out[:, i]).add_(x[:, 1], alpha=wg).add_(x[:, 2], alpha=wb)


def _rgb_to_lab_(source: Tensor, image: Tensor, spare: Tensor) -> None:
    if source.dtype == torch.uint8:  # a photo has 256 values: look the curve up
        index = spare.view(torch.int32).copy_(source)
        torch.index_select(LINEAR_OF_BYTE, 0, index.view(-1), out=image.view(-1))
    else:
        torch.add(source, 0.055, out=image).mul_(1 / 1.055)
        _power_(image, spare, (0.04045 + 0.055) / 1.055, 2.4, 1.055 / 12.92)
    _mix_(image, spare, LAB_MATRIX)
    _power_(spare, image, 0.008856, 1 / 3, 7.787)
    fx, fy, fz = spare.unbind(-2)
    torch.mul(fy, 116, out=image[:, 0]).sub_(16)
    torch.sub(fx, fy, out=image[:, 1]).mul_(500)
    torch.sub(fy, fz, out=image[:, 2]).mul_(200)


def _lab_to_rgb_(source: Tensor, image: Tensor, spare: Tensor) -> None:
    L, a, b = source.unbind(-2)
    fy = torch.add(L, 16, out=spare[:, 1]).mul_(1 / 116)
    torch.add(fy, a, alpha=1 / 500, out=spare[:, 0])
    torch.sub(fy, b, alpha=1 / 200, out=spare[:, 2])
    torch.clamp(spare, min=0.2068966, out=image)
    spare.sub_(image).mul_(1 / 7.787).addcmul_(image.square(), image)
    _mix_(spare, image, RGB_MATRIX)
    _power_(image, spare, 0.0031308, 1 / 2.4, 12.92 / 1.055)
    image.mul_(1.055).sub_(0.055)


def _convert(image: Tensor, plain: Callable, in_place: Callable, name: str) -> Tensor:
    """Apply `plain` to a whole (..., 3, H, W) picture, or `in_place` to a copy of it in chunks."""
    if image.ndim < 3 or image.shape[-3] != 3:
        raise ValueError(f"{name} wants a tensor (..., 3, H, W), not {tuple(image.shape)}")
    if image.dtype == torch.uint8 and image.device.type != "cpu":
        image = image.float() / 255
    elif image.dtype not in (torch.uint8, torch.float32, torch.float64):
        image = image.float()
    flat = image.reshape(-1, 3, image.shape[-2] * image.shape[-1])
    if (image.requires_grad and torch.is_grad_enabled()) or image.device.type != "cpu":
        with torch.autocast(image.device.type, enabled=False):  # half precision is too coarse for Lab
            return plain(flat).reshape(image.shape)
    out = torch.empty(flat.shape, dtype=torch.float32 if flat.dtype == torch.uint8 else flat.dtype)
    photos = max(1, CHUNK_PIXELS // max(1, flat.shape[-1]))  # several small pictures at once, or a part
    work = torch.empty(2, *out[:photos, :, :CHUNK_PIXELS].shape, dtype=out.dtype)
    with torch.no_grad():
        for some, target in zip(flat.split(photos), out.split(photos), strict=True):
            pieces = some.split(CHUNK_PIXELS, dim=-1), target.split(CHUNK_PIXELS, dim=-1)
            for source, result in zip(*pieces, strict=True):
                if source.shape != work.shape[1:]:
                    work = torch.empty(2, *source.shape, dtype=out.dtype)
                in_place(source, *work)
                result.copy_(work[0])
    return out.reshape(image.shape)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB to Lab.

    rgb: float (..., 3, H, W), 0 to 1, values outside carried on smoothly; or uint8, 0 to 255 (fastest).
    Returns the same shape: L in 0 to 100, a and b in Lab units (about -86..98 and -108..95 in sRGB),
    in float32 (float64 stays float64). Gradients are finite everywhere.
    Raises ValueError for another shape.
    """
    return _convert(rgb, _rgb_to_lab, _rgb_to_lab_, "rgb_to_lab")


def lab_to_rgb(lab: Tensor, clip: bool = True) -> Tensor:
    """Lab to sRGB, the inverse of `rgb_to_lab`.

    lab: float (..., 3, H, W). Returns RGB of the same shape. Many Lab triples are no sRGB color: with
    clip they are cut to 0..1, as a screen does. clip=False keeps them, and their gradient, for losses.
    Raises ValueError for another shape, TypeError for integers.
    """
    if not lab.is_floating_point():
        raise TypeError(f"lab_to_rgb wants floats, not {lab.dtype}")
    rgb = _convert(lab, _lab_to_rgb, _lab_to_rgb_, "lab_to_rgb")
    return rgb.clamp(0, 1) if clip else rgb


def in_gamut(lab: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Which Lab colors a screen can show: (..., 3, H, W) -> bool (..., H, W).

    tolerance: how far outside 0..1 an RGB value may lie through rounding.
    """
    rgb = lab_to_rgb(lab, clip=False)
    return ((rgb >= -tolerance) & (rgb <= 1 + tolerance)).all(dim=-3)


def scale_lab(lab: Tensor) -> tuple[Tensor, Tensor]:
    """Lab (..., 3, H, W) -> L (..., 1, H, W) in -1..1 and ab (..., 2, H, W) in about -1..1."""
    return lab[..., :1, :, :] / 50 - 1, lab[..., 1:, :, :] / AB_SCALE


def unscale_lab(L: Tensor, ab: Tensor) -> Tensor:
    """The inverse of `scale_lab`: L (..., 1, H, W) and ab (..., 2, H, W) -> Lab (..., 3, H, W)."""
    return torch.cat([(L.float() + 1) * 50, ab.float() * AB_SCALE], dim=-3)
