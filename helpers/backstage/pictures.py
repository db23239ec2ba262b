"""Opening any picture: files, bytes, PIL pictures and arrays, with a clear word on those that cannot be opened."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

__all__ = ["SUFFIXES", "ImageError", "Picture", "open_image", "read_picture"]

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
SMALLEST, MOST_PIXELS = 8, 200_000_000


class ImageError(ValueError):
    """A picture that cannot be colored; the message names it and says why."""


@dataclass(frozen=True)
class Picture:
    """A picture as it is colored, and what belongs to it and is kept: see `keeping.encode`.

    rgb: uint8 (H, W, 3), sRGB, upright. alpha: uint8 (H, W) or None. format: as Pillow names it, None for arrays.
    exif: as in a file, its orientation reset, or None. dpi: horizontal and vertical, or None. jpeg_tables: how coarsely
    a JPEG was rounded, {table: 64 numbers}, or None. frames: pages or frames in the file, of which this is the first.
    notes: what the user should be told, whole sentences without the name, such as "this is the first of 12 pages".
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    name: str = "the picture"
    format: str | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg_tables: dict | None = None
    frames: int = 1
    notes: tuple[str, ...] = ()


def read_picture(image, name: str | None = None) -> Picture:
    """Any picture, and what belongs to it. image, name and errors: see `open_image`."""
    return Picture(*_opened(image, name), name=str(name or image))


def open_image(image, name: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Any picture as uint8 RGB (H, W, 3), and its alpha (H, W) or None.

    image: a path, encoded bytes, a PIL picture, or an array (H, W[, 1, 3 or 4]) of uint8, uint16, bool or
    floats 0 to 1. Gray, palette, CMYK, 16-bit and EXIF-rotated pictures are converted.
    Raises ImageError, which names the picture and says what is wrong with it; TypeError for what is no picture at all.
    """
    picture = read_picture(image, name)
    return picture.rgb, picture.alpha


def _opened(image, name):
    if name is None:
        name = str(image) if isinstance(image, (str, os.PathLike)) else "the picture"
    picture = Image.fromarray(_checked(image, name)) if isinstance(image, np.ndarray) else _decoded(image, name)
    if min(picture.size) < SMALLEST:
        size = f"{picture.width} x {picture.height}"
        raise ImageError(f"{name} is too small to color: {size} pixels, at least {SMALLEST} x {SMALLEST}")
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits (or more) of gray
        deep = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if picture.mode.startswith("I") else max(1.0, float(deep.max()))
        picture = Image.fromarray(_as_ubyte(np.clip(deep / top, 0, 1)))
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = np.asarray(picture.getchannel("A"))
    return np.array(picture.convert("RGB")), alpha


def _decoded(image, name: str) -> Image.Image:
    """What Pillow makes of a path, bytes or a picture, all pixels read, turned as its EXIF data say."""
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        if path.is_dir():
            raise ImageError(f"{name} is a folder, not a picture")
        if not path.exists():
            raise ImageError(f"{name} does not exist")
        if path.stat().st_size == 0:
            raise ImageError(f"{name} is empty")
        image = path
    elif isinstance(image, (bytes, bytearray, memoryview)):
        image = io.BytesIO(image)
    elif not isinstance(image, Image.Image):
        raise TypeError(f"pass a path, bytes, a PIL picture or an array, not {type(image).__name__}")
    try:
        picture = image if isinstance(image, Image.Image) else Image.open(image)
        if picture.width * picture.height > MOST_PIXELS:
            raise ImageError(f"{name} is too large: {picture.width} x {picture.height}, at most 200 megapixels")
        picture.load()
        return ImageOps.exif_transpose(picture)
    except ImageError:
        raise
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        reason = "no picture format that Pillow knows" if isinstance(error, Image.UnidentifiedImageError) else error
        raise ImageError(f"{name} cannot be read as a picture: {reason}") from error


def _checked(array: np.ndarray, name: str) -> np.ndarray:
    """An array that Pillow takes, uint8, or an ImageError."""
    if 0 in array.shape:
        raise ImageError(f"{name} has no pixels: its shape is {array.shape}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"{name} has shape {array.shape}: pass (H, W), (H, W, 3) or (H, W, 4)")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise ImageError(f"{name} holds floats outside 0 to 1: scale them, or pass uint8")
    elif array.dtype not in (np.uint8, np.uint16, bool):
        raise ImageError(f"{name} is of {array.dtype}: pass uint8, uint16, or floats from 0 to 1")
    return np.ascontiguousarray(_as_ubyte(array))


def _as_ubyte(array: np.ndarray) -> np.ndarray:
    from skimage.util import img_as_float, img_as_ubyte

    return array if array.dtype == np.uint8 else img_as_ubyte(img_as_float(array))  # by way of floats, it rounds
