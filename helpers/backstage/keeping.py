"""A colored picture as a file, with what belonged to the picture it was made of."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from .pictures import Picture

__all__ = ["FORMATS", "encode"]

FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip


def encode(colored: np.ndarray, picture: Picture | None, suffix: str) -> bytes:
    """A whole file in memory; nothing is written.

    colored: uint8 (H, W, 3 or 4). picture: where it comes from: its EXIF, dpi and JPEG quality are kept; or None.
    suffix: ".jpg", ".png" ...: a key of FORMATS, in any case.
    Raises ImageError, the picture's name first, for what that format cannot hold.
    """
    buffer = io.BytesIO()
    Image.fromarray(colored).save(buffer, FORMATS[suffix.lower()])
    return buffer.getvalue()
