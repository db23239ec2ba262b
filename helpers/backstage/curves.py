"""The conversions of `helpers.color` in place, for pictures on a CPU that need no gradient; enlarging by strips.

A fresh tensor for each step would cost more than the arithmetic. So a picture is worked on in parts that stay in the
processor's cache, in two tensors used again and again. A curve is (knee, exponent, slope), as in `helpers.color`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["lab_to_rgb", "lightness", "rgb_to_lab", "rows_between"]

CHUNK_PIXELS = 2**15
"""Pixels that a core converts at once: few enough for its cache."""


def _bend(x: Tensor, spare: Tensor, knee: float, exponent: float, slope: float) -> None:
    """`curve` in place; `spare` is overwritten. exp(log) is a third faster than pow on a CPU."""
    torch.clamp(x, min=knee, out=spare)
    torch.add(spare.log_().mul_(exponent).exp_(), x.clamp_(max=knee).sub_(knee), alpha=slope, out=x)


def _mix(x: Tensor, out: Tensor, matrix) -> None:
    for i, (wr, wg, wb) in enumerate(matrix):
        torch.mul(x[:, 0], wr, out=out[:, i]).add_(x[:, 1], alpha=wg).add_(x[:, 2], alpha=wb)


def rgb_to_lab(rgb: Tensor, matrix, decode, f, light_of_byte: Tensor) -> Tensor:
    """uint8, float32 or float64 (..., 3, H, W) -> Lab. light_of_byte: the decode curve at 0, 1, … 255, over 255."""

    def convert(source: Tensor, image: Tensor, spare: Tensor) -> None:
        if source.dtype == torch.uint8:  # a photo has 256 values: look the curve up
            index = spare.view(torch.int32).copy_(source)
            torch.index_select(light_of_byte, 0, index.view(-1), out=image.view(-1))
        else:
            torch.add(source, 0.055, out=image).mul_(1 / 1.055)
            _bend(image, spare, *decode)
        _mix(image, spare, matrix)
        _bend(spare, image, *f)
        fx, fy, fz = spare.unbind(-2)
        torch.mul(fy, 116, out=image[:, 0]).sub_(16)
        torch.sub(fx, fy, out=image[:, 1]).mul_(500)
        torch.sub(fy, fz, out=image[:, 2]).mul_(200)

    return _in_chunks(rgb, convert)


@torch.no_grad()
def lightness(rgb: Tensor, weights, f, light_of_byte: Tensor) -> Tensor:
    """uint8 (H, W, 3) -> L (1, H, W). weights: the row of the matrix that makes Y, of which L is a curve."""
    out, step = torch.empty(1, *rgb.shape[:2]), CHUNK_PIXELS * torch.get_num_threads()
    for pixels, L in zip(rgb.reshape(-1, 3).split(step), out.view(-1).split(step), strict=True):
        light = torch.index_select(light_of_byte, 0, pixels.int().view(-1)).view(1, -1, 3).movedim(-1, 1)
        _mix(light, L.view(1, 1, -1), [weights])
        _bend(L, torch.empty_like(L), *f)
        L.mul_(116).sub_(16)
    return out


def lab_to_rgb(lab: Tensor, matrix, f_inverse, encode) -> Tensor:
    """float32 or float64 (..., 3, H, W) -> sRGB, not cut."""
    knee, _, slope = f_inverse  # its power is a cube, which needs no logarithm

    def convert(source: Tensor, image: Tensor, spare: Tensor) -> None:
        L, a, b = source.unbind(-2)
        fy = torch.add(L, 16, out=spare[:, 1]).mul_(1 / 116)
        torch.add(fy, a, alpha=1 / 500, out=spare[:, 0])
        torch.sub(fy, b, alpha=1 / 200, out=spare[:, 2])
        torch.clamp(spare, min=knee, out=image)
        spare.sub_(image).mul_(slope).addcmul_(image.square(), image)
        _mix(spare, image, matrix)
        _bend(image, spare, *encode)
        image.mul_(1.055).sub_(0.055)

    return _in_chunks(lab, convert)


@torch.no_grad()
def _in_chunks(image: Tensor, convert: Callable[[Tensor, Tensor, Tensor], None]) -> Tensor:
    """`convert(source, result, spare)` for one part (photos, 3, pixels) of the pictures after another."""
    flat = image.reshape(-1, 3, image.shape[-2] * image.shape[-1])
    out = torch.empty(flat.shape, dtype=torch.float32 if flat.dtype == torch.uint8 else flat.dtype)
    step = CHUNK_PIXELS * torch.get_num_threads()
    photos = max(1, step // max(1, flat.shape[-1]))  # several small pictures at once, or a part of one
    work = torch.empty(2, *out[:photos, :, :step].shape, dtype=out.dtype)
    for some, target in zip(flat.split(photos), out.split(photos), strict=True):
        for source, result in zip(some.split(step, -1), target.split(step, -1), strict=True):
            if source.shape != work.shape[1:]:
                work = torch.empty(2, *source.shape, dtype=out.dtype)
            convert(source, *work)
            result.copy_(work[0])
    return out.reshape(image.shape)


def rows_between(wide: Tensor, height: int, strip: slice) -> Tensor:
    """Rows `strip` of `wide` (2, h, W) enlarged to `height` rows, linear between row centers."""
    if wide.shape[1] == height:
        return wide[:, strip]
    scale, last = wide.shape[1] / height, wide.shape[1] - 1
    at = ((torch.arange(strip.start, strip.stop) + 0.5) * scale - 0.5).clamp(0, last)
    low = at.floor().long()
    high = (low + 1).clamp(max=last)
    return torch.lerp(wide[:, low], wide[:, high], (at - low)[:, None])
