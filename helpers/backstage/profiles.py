"""What the numbers of a picture mean: from its embedded profile, or a PNG's gamma, to sRGB."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

__all__ = ["blocks", "gray_table", "srgb_profile", "to_srgb"]

MODES = {"RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}  # a profile's own space: the mode of Pillow that it describes
COLORS = {  # by their numbers in cICP and nclx (ITU-T H.273): x, y of white, red, green and blue
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
CURVES = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0}  # exponents; all others are near enough to sRGB's, but for these:
BRIGHTER = {16: "PQ", 18: "HLG"}
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x, y of white, red, green and blue
IGNORED = "its color profile is {}: the picture was taken for {} as usual"


@functools.cache
def srgb_profile() -> bytes:
    """sRGB as an ICC profile, the same bytes every day: LittleCMS would write the time into it."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()
    return bytes(profile)


def gray_table(info: dict) -> tuple[np.ndarray | None, list[str]]:
    """How light, 0 to 255 in sRGB, each of 256 gray levels is (or None: as it stands), and notes for the user.

    info: of a gray picture, as Pillow gives it. Between levels, as 16-bit pictures need it, the table is smooth.
    """
    if info.get("icc_profile") and "cicp" not in info:
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        converted, notes = _by_profile(ramp, info["icc_profile"])
        return (None if converted is None else np.asarray(converted)[0, :, 1].astype(np.float64)), notes
    gamma = _gamma(info)
    return (None if gamma is None else 255 * _encoded((np.arange(256) / 255) ** (1 / gamma))), []


def to_srgb(picture: Image.Image, info: dict) -> tuple[Image.Image, list[str]]:
    """A picture of 8 bits a sample, without alpha, as RGB, and notes for the user. info: of the file it is from."""
    if picture.mode in ("1", "L"):
        table, notes = gray_table(info)
        if table is not None:
            picture = picture.convert("L").point(table.round().astype(int).tolist())
        return picture.convert("RGB"), notes
    if info.get("icc_profile") and "cicp" not in info:
        converted, notes = _by_profile(picture, info["icc_profile"])
        return converted or picture.convert("RGB"), notes
    picture = picture.convert("RGB")
    if "cicp" in info:
        return _by_numbers(picture, *info["cicp"])
    gamma, primaries = _gamma(info), info.get("chromaticity", SRGB)
    other = "srgb" not in info and info.get("gamma") and not np.allclose(primaries, SRGB, atol=0.002)
    if gamma is None and not other:
        return picture, []
    try:
        matrix = np.linalg.inv(_to_xyz(SRGB)) @ _to_xyz(primaries) if other else np.eye(3)
    except (ValueError, np.linalg.LinAlgError):
        return picture, [IGNORED.format("broken", "sRGB")]
    linear = ((np.arange(256) / 255) ** (1 / (gamma or info["gamma"]))).astype(np.float32)
    return Image.fromarray(_through(np.array(picture), linear, matrix.astype(np.float32))), []


def _by_numbers(picture: Image.Image, primaries: int, transfer: int) -> tuple[Image.Image, list[str]]:
    """An RGB picture as sRGB, by the numbers of its colors and of its curve in H.273."""
    if transfer in BRIGHTER:
        return picture, [f"made for screens brighter than usual ({BRIGHTER[transfer]}): its colors were taken for sRGB"]
    if primaries not in COLORS and transfer not in CURVES:
        return picture, []
    matrix = np.linalg.inv(_to_xyz(SRGB)) @ _to_xyz(COLORS.get(primaries, SRGB))
    levels = np.arange(256) / 255
    linear = levels ** (1 / CURVES[transfer]) if transfer in CURVES else _decoded(levels)
    return Image.fromarray(_through(np.array(picture), linear.astype(np.float32), matrix.astype(np.float32))), []


def _by_profile(picture: Image.Image, profile: bytes) -> tuple[Image.Image | None, list[str]]:
    """As sRGB, the tones as they were measured (no black-point compensation); None, and a note, if that cannot be."""
    if picture.mode not in ("L", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    usual = {"L": "gray", "LAB": "Lab"}.get(picture.mode, picture.mode)
    broken = [IGNORED.format("broken", usual)]
    if profile == srgb_profile():
        return picture.convert("RGB"), []
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "RGB" and picture.mode == "L":  # gray pictures often carry the profile of their maker's screen
            picture = picture.convert("RGB")
        if space == "GRAY" and picture.mode == "RGB":  # gray, kept in three channels: the curve of each
            table = gray_table({"icc_profile": profile})[0]
            return (None, broken) if table is None else (picture.point(table.round().astype(int).tolist() * 3), [])
        if picture.mode != ("L" if space == "GRAY" else MODES.get(space)):
            return None, [IGNORED.format(f"one for {space} pictures", usual)]
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.profileToProfile(picture, source, target, intent, outputMode="RGB"), []
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None, broken


def _gamma(info: dict) -> float | None:
    """The exponent a PNG was encoded with, or None if it is senseless or the usual one, within libpng's 5 %."""
    if "cicp" in info:  # which comes before all else
        return CURVES.get(info["cicp"][1])
    gamma = info.get("gamma")
    if "srgb" in info or not gamma or not 0.1 <= gamma <= 10 or abs(gamma * 2.2 - 1) < 0.05:
        return None
    return gamma


def _encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB's curve, from light 0 to 1 to values 0 to 1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _decoded(coded: np.ndarray) -> np.ndarray:
    """The inverse of `_encoded`."""
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def _to_xyz(primaries: tuple) -> np.ndarray:
    """Linear RGB to XYZ relative to the white, from x, y of white, red, green and blue."""
    x, y = np.reshape(np.asarray(primaries, np.float64), (4, 2)).T
    xyz = np.stack([x, y, 1 - x - y]) / np.where(y > 0, y, np.nan)
    white, colors = xyz[:, :1], xyz[:, 1:] / xyz[:, :1]
    if not np.isfinite(colors).all() or (white <= 0).any():
        raise ValueError("these primaries are no colors")
    return colors * np.linalg.solve(colors, np.ones(3))


def _through(rgb: np.ndarray, linear: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Each pixel (uint8, (H, W, 3), in place) to light by a table, through a matrix, and to sRGB, some rows at once."""
    codes = (255 * _encoded(np.arange(65536) / 65535)).round().astype(np.uint8)
    for rows in blocks(rgb):
        light = np.clip(linear[rgb[rows]] @ matrix.T, 0, 1)
        rgb[rows] = codes[(light * 65535).round().astype(np.uint16)]
    return rgb


def blocks(array: np.ndarray, pixels: int = 2**20) -> list[slice]:
    """Slices of some rows each, about `pixels` together: what is computed by block never needs much memory."""
    step = max(1, pixels // array.shape[1])
    return [slice(top, top + step) for top in range(0, array.shape[0], step)]
