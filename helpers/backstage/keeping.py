"""A colored picture as a file, with what belonged to the picture it was made of."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .exif import said_colored
from .packets import IPTC, XMP, jpeg_segments
from .pictures import ImageError, Picture
from .profiles import srgb_profile

__all__ = ["FORMATS", "encode"]

FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
MOST_EXIF = {"JPEG": 65_533}  # bytes
# A colored JPEG is rounded no more coarsely than at this quality, nor than the JPEG it was made of. Colors are kept
# at full resolution, whatever the input did.
STANDARD = 95


def encode(colored: np.ndarray, picture: Picture | None, suffix: str) -> bytes:
    """A whole file in memory; nothing is written.

    colored: uint8 (H, W, 3 or 4), sRGB. picture: where it comes from: its EXIF (with a word that the colors are made
    up), XMP, IPTC (in JPEG and TIFF alone) and dpi are kept, and its JPEG quality is at least reached; or None. suffix:
    a key of FORMATS, in any case.
    Raises ImageError, the picture's name first, for what that format cannot hold; ValueError for another suffix.
    """
    kind = FORMATS.get(suffix.lower())
    if kind is None:
        raise ValueError(f"pictures are written as {', '.join(FORMATS)}, not {suffix or 'without a suffix'}")
    picture = picture or Picture(colored)
    height, width, samples = colored.shape
    if max(height, width) > LONGEST_SIDE.get(kind, 2**31):
        most = LONGEST_SIDE[kind]
        raise ImageError(f"{picture.name} is too long for {kind}: {width} x {height} pixels, at most {most:,} a side")
    if kind == "JPEG" and samples == 4:
        raise ImageError(f"{picture.name} has transparent parts, which a JPEG cannot hold: choose .png")
    options = {
        "icc_profile": srgb_profile(),
        "exif": said_colored(picture.exif, (width, height), MOST_EXIF.get(kind)),
        "dpi": picture.dpi,
    }
    if kind == "JPEG":
        options |= {"qtables": _tables(picture.jpeg_tables), "subsampling": 0}
        options["extra"] = jpeg_segments(picture.xmp, picture.iptc)
    elif kind == "PNG":
        options |= {"compress_level": 2, "pnginfo": PngInfo()}  # 2 % larger than 3, and in 0.7 of the time
        if picture.xmp:
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", picture.xmp.decode())
    elif kind == "WEBP":
        options |= {"lossless": True, "method": 2, "xmp": picture.xmp}
    elif kind == "TIFF":
        tags = Image.Exif()
        tags.load(options["exif"])
        for tag, packet in ((XMP, picture.xmp), (IPTC, picture.iptc)):
            if packet:
                tags[tag] = packet
        options["exif"] = tags
    buffer = io.BytesIO()
    Image.fromarray(colored).save(buffer, kind, **{key: value for key, value in options.items() if value is not None})
    return buffer.getvalue()


@lru_cache
def _standard_tables() -> dict[int, list[int]]:
    little = io.BytesIO()
    Image.new("RGB", (8, 8)).save(little, "JPEG", quality=STANDARD)
    return Image.open(little).quantization


def _tables(of_input: dict | None) -> list[list[int]]:
    """Quantization tables of luma and chroma, each number no greater than the standard's and than the input's own."""
    finest = _standard_tables()
    own = list((of_input or {}).values())  # one table for gray pictures, one to four for colored ones
    # A colored picture's chroma comes second; where there is but one table, it was good enough for both.
    return [
        [max(1, min(pair)) for pair in zip(finest[at], own[min(at, len(own) - 1)] if own else finest[at], strict=True)]
        for at in (0, 1)
    ]
