"""Opening any picture: files, bytes, PIL pictures and arrays, with a clear word on those that cannot be opened."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from .decoding import SUFFIXES, ImageError, all_pixels, check_size, first_page, opening, too_large
from .exif import kept_exif, orientation, says_colored
from .packets import kept_iptc, kept_xmp
from .profiles import blocks, to_srgb
from .scans import deep_to_gray, is_deep

__all__ = ["SUFFIXES", "ImageError", "Picture", "open_image", "read_picture"]

TURNED = {  # by EXIF orientation: what turns a picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A picture as it is colored, and what belongs to it and is kept: see `keeping.encode`.

    rgb: uint8 (H, W, 3), sRGB, upright. alpha: uint8 (H, W) or None. format: as Pillow names it, None for arrays.
    exif: as in a file, its orientation reset, or None. xmp, iptc: packets, or None (see `packets`). dpi: horizontal and
    vertical, or None. jpeg_tables: how coarsely a JPEG was rounded, {table: 64 numbers}, or None. frames: pages or
    frames in the file, of which this is the first.
    notes: what the user should be told, clauses that go on after the name and a colon: "this is the first of 12 pages".
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    name: str = "the picture"
    format: str | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg_tables: dict | None = None
    frames: int = 1
    notes: tuple[str, ...] = ()


def open_image(image, name: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Any picture as uint8 RGB (H, W, 3), and its alpha (H, W) or None.

    image: a path, encoded bytes, a PIL picture, or an array (H, W[, 1, 3 or 4]) of uint8, uint16, bool or
    floats 0 to 1. Gray, palette, CMYK, 16-bit and EXIF-rotated pictures are converted, and color profiles are followed.
    Raises ImageError, which names the picture and says what is wrong with it; TypeError for what is no picture at all.
    """
    picture = read_picture(image, name)
    return picture.rgb, picture.alpha


def read_picture(image, name: str | None = None) -> Picture:
    """Any picture, and what belongs to it. image, name and errors: see `open_image`."""
    if name is None:
        name = str(image) if isinstance(image, (str, os.PathLike)) else "the picture"
    if not isinstance(image, (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray)):
        raise TypeError(f"pass a path, bytes, a PIL picture or an array, not {type(image).__name__}")
    with warnings.catch_warnings():  # Pillow's, on odd tags and large pictures: what matters becomes a note or an error
        warnings.simplefilter("ignore")
        try:
            with opening(image) as source:
                return replace(_read(source), name=name)
        except ImageError as error:  # from below, where nobody knows the name
            raise ImageError(f"{name} {error}") from error.__cause__
        except Image.DecompressionBombError as error:  # past Pillow's own limit, which is above ours
            pixels = re.search(r"\d{7,}", str(error))
            raise ImageError(f"{name} {too_large(int(pixels[0]) if pixels else None)}") from error
        except MemoryError as error:
            raise ImageError(f"{name} is too large for the memory of this computer") from error
        except Exception as error:  # codecs raise whatever they like: NotImplementedError, struct.error, KeyError ...
            raise ImageError(f"{name} cannot be read as a picture: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """One clause for the user: what the error says if that is a sentence, else its kind too."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text if text.count(" ") > 1 else f"it is damaged or of an unknown kind ({type(error).__name__}: {text})"


def _read(source) -> Picture:
    """From an open file, a PIL picture or an array; raises whatever a codec raises."""
    notes, frames = [], 1
    if isinstance(source, np.ndarray):
        array = _checked(source)
        if array.ndim == 3 and array.shape[2] == 3:  # which Pillow would give back as it is
            return Picture(array.copy())
        return Picture(*_arrays(Image.fromarray(array), notes))
    if isinstance(source, Image.Image):
        opened = source
        check_size(opened.size)
    else:
        opened, frames = first_page(source, notes)
    stored = orientation(opened) if opened.format == "TIFF" else 1  # some versions of Pillow turn these themselves
    opened = all_pixels(opened, source, notes)
    check_size(opened.size)  # an icon may hold another size than it says
    turn = orientation(opened)
    rgb, alpha = _arrays(opened, notes, TURNED.get(turn))
    xmp, more = kept_xmp(opened)
    notes += more
    exif = kept_exif(opened)
    if says_colored(exif):
        notes.append("its colors are a network's guess already: only its lightness is looked at")
    return Picture(
        rgb,
        alpha,
        format=opened.format,
        exif=exif,
        xmp=xmp,
        iptc=kept_iptc(opened),
        dpi=_dpi(opened.info.get("dpi"), max(stored, turn) >= 5),
        jpeg_tables=getattr(opened, "quantization", None) or None,
        frames=frames,
        notes=tuple(notes),
    )


def _arrays(picture: Image.Image, notes: list[str], turn=None) -> tuple[np.ndarray, np.ndarray | None]:
    """sRGB (H, W, 3) and alpha (H, W) or None."""
    if is_deep(picture):
        color, alpha, more = deep_to_gray(picture)
        color = color.convert("RGB")
    else:
        alpha, color = None, picture
        if picture.has_transparency_data:
            clear = picture.info.get("transparency")
            if isinstance(clear, tuple) and max(clear) > 255:  # of 16 bits, which Pillow has cut to 8
                picture.info["transparency"] = tuple(value >> 8 for value in clear)
            gray = picture.mode in ("1", "L", "LA", "La")
            both = picture.convert("LA" if gray else "RGBA")
            alpha, color = both.getchannel("A"), both.convert("L" if gray else "RGB")
        elif picture.mode in ("P", "PA"):
            color = picture.convert("RGB")
        color, more = to_srgb(color, picture.info)
    notes += more
    if turn is not None:
        color, alpha = color.transpose(turn), alpha and alpha.transpose(turn)
    return np.array(color), None if alpha is None else np.array(alpha)


def _dpi(dpi, swapped: bool) -> tuple[float, float] | None:
    """Horizontal and vertical, or None if they are no sensible numbers."""
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not (1 <= across <= 65535 and 1 <= down <= 65535):
        return None
    return (down, across) if swapped else (across, down)


def _checked(array: np.ndarray) -> np.ndarray:
    """An array that Pillow takes, uint8, or an ImageError."""
    if 0 in array.shape:
        raise ImageError(f"has no pixels: its shape is {array.shape}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"has shape {array.shape}: pass (H, W), (H, W, 3) or (H, W, 4)")
    check_size(array.shape[1::-1])
    if np.issubdtype(array.dtype, np.floating):
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # so, too, if one is not a number
            raise ImageError(f"holds floats outside 0 to 1 ({low:g} to {high:g}): scale them, or pass uint8")
    elif array.dtype not in (np.uint8, np.uint16, bool):
        span = f", {array.min()} to {array.max()}" if array.dtype.kind in "iu" else ""
        raise ImageError(
            f"is of {array.dtype}{span}: pass uint8 (0 to 255), uint16 (0 to 65535), or floats from 0 to 1"
        )
    return np.ascontiguousarray(_as_ubyte(array))


def _as_ubyte(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    top = {"b": 1, "u": 65535, "f": 1}[array.dtype.kind]
    out = np.empty(array.shape, np.uint8)
    for rows in blocks(array):
        out[rows] = (array[rows].astype(np.float64) * (255 / top)).round()
    return out
