"""What public functions ask of their arguments, said in one sentence: what was wanted, and what came.

    check("psnr", "uint8", truth=(truth, "N 3 H W"), guess=(guess, "N 3 H W"))
    check_values("rgb_to_lab", rgb, -10, 10, "RGB from 0 to 1")
    check_whole("draw_flowers", 1, count=count)

A check of shapes takes a few microseconds and never waits for a GPU; one of values reads them all, once.
"""

from __future__ import annotations

import math
import operator

import numpy as np
import torch
from torch import Tensor

__all__ = ["check", "check_array", "check_pictures", "check_values", "check_whole", "checked_ab"]

SAMPLES = {"uint8": (torch.uint8,), "uint8 or floats": (torch.uint8,), "floats": (), "whole numbers": (torch.int64,)}


def check(who: str, kind: str, /, **tensors: tuple[Tensor, str]) -> None:
    """Raise TypeError unless each tensor is one, of this kind; ValueError unless it has its shape.

    who: the function that asks. kind: a key of SAMPLES. tensors: name=(tensor, shape); a shape is "N 3 H W", or
    "... 3 H W" with anything before, which is the same for all, or "..." for any that is not empty. A letter stands for
    one size, at least 1, the same wherever it stands.
    """
    sizes: dict = {}
    for name, (tensor, shape) in tensors.items():
        if not isinstance(tensor, Tensor):
            advice = ": torch.from_numpy makes one of it" if isinstance(tensor, np.ndarray) else ""
            raise TypeError(f"{who} wants a tensor for {name}, not {type(tensor).__name__}{advice}")
        floats = tensor.is_floating_point() and "floats" in kind
        if not floats and tensor.dtype not in SAMPLES[kind]:
            came = str(tensor.dtype).removeprefix("torch.")
            raise TypeError(f"{who} wants {kind} for {name}, not {came} numbers")
        if not _fits(tuple(tensor.shape), shape, sizes):
            wanted = " and ".join(f"{name} ({shape.replace(' ', ', ')})" for name, (_, shape) in tensors.items())
            came = " and ".join(str(tuple(getattr(tensor, "shape", ()))) for tensor, _ in tensors.values())
            why = ": that is none" if 0 in tensor.shape else ": they must be alike" if len(tensors) > 1 else ""
            raise ValueError(f"{who} wants {wanted}, not {came}{why}")


def _fits(found: tuple[int, ...], shape: str, sizes: dict) -> bool:
    """sizes: those that letters stand for by now."""
    if shape == "...":
        return 0 not in found
    letters = shape.removeprefix("... ").split()
    ahead = len(found) - len(letters)
    if (
        ahead < 0
        or (ahead > 0 and not shape.startswith("..."))
        or sizes.setdefault("...", found[:ahead]) != found[:ahead]
    ):
        return False
    wanted = (
        int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
        for letter, size in zip(letters, found[ahead:], strict=True)
    )
    return all(size == want > 0 for size, want in zip(found[ahead:], wanted, strict=True))


def check_values(who: str, values: Tensor, least: float, most: float, what: str) -> None:
    """Raise ValueError unless all numbers of a tensor are numbers from `least` to `most`. what: is wanted, in words."""
    if not values.numel():
        return
    low, high = (value.item() for value in torch.aminmax(values.detach()))
    if not (least <= low and high <= most):  # so, too, if one is NaN
        came = "some are not numbers (NaN)" if math.isnan(low + high) else f"they go from {low:g} to {high:g}"
        raise ValueError(f"{who} wants {what}: {came}")


def check_array(who: str, name: str, array) -> np.ndarray:
    """`array` as float64; raise TypeError if it holds no real numbers, ValueError if none, or NaN and infinite ones."""
    try:
        array = np.asarray(array.cpu() if isinstance(array, Tensor) else array)
        if array.dtype.kind not in "iuf":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{who} wants real numbers for {name}, not {type(array).__name__}") from error
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(
            f"{who} wants numbers for {name}: {'some are NaN or infinite' if array.size else 'there are none'}"
        )
    return array


def checked_ab(who: str, ab: Tensor, L: Tensor) -> Tensor:
    """What a generator made of L (N, 1, H, W): ab (N, 2, H, W), all numbers, as float32; or TypeError, ValueError."""
    count, _, height, width = L.shape
    check(who, "floats", **{"the generator's ab": (ab, f"{count} 2 {height} {width}")})
    if not torch.stack(ab.aminmax()).isfinite().all():  # of NaN among them, both are NaN
        raise ValueError(
            f"{who}: the generator's colors are not numbers (NaN or infinite), its weights must be damaged"
        )
    return ab.float()


def check_pictures(rows: dict[str, list[np.ndarray]]) -> None:
    """Raise ValueError unless all are pictures that can be shown: (H, W) or (H, W, 3 or 4), uint8 or floats 0 to 1."""
    for label, picture in ((label, picture) for label, row in rows.items() for picture in row):
        fits = picture.size and (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4)))
        light = fits and picture.dtype.kind == "f" and picture.min() >= 0 and picture.max() <= 1
        if not (fits and (light or picture.dtype in (np.uint8, bool))):
            came = f"{picture.dtype} {picture.shape}"
            raise ValueError(f"{label!r}: want pictures (H, W, 3) of uint8, or of floats from 0 to 1, not {came}")


def check_whole(who: str, least: int, most: int | None = None, /, **values: int) -> None:
    """Raise TypeError unless each value is a whole number, ValueError unless it is from `least` to `most`."""
    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    for name, value in values.items():
        try:
            whole = operator.index(value)
        except TypeError:
            whole = None
        said = f"{who} wants {name} to be a whole number {span}, not {value!r}"
        if whole is None or isinstance(value, bool):
            raise TypeError(said)
        if whole < least or (most is not None and whole > most):
            raise ValueError(said)
