"""Files that claim to be pictures: which formats are read, how large they may be, which page, and what is cut short.

What is wrong with one is raised as ImageError without its name, which `pictures.read_picture` puts before it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .scans import misread, png_bits, png_chunk, read_tiff, reduced

__all__ = ["SUFFIXES", "ImageError", "all_pixels", "check_size", "first_page", "opening", "too_large"]

# Limits of our own, looked up in a file's header before a pixel is decoded: a few bytes can claim gigabytes.
SMALLEST, MOST_PIXELS, MOST_SIDE, MOST_ASPECT = 8, 100_000_000, 65_500, 256
DENSE = (25_000_000, 200)  # above so many pixels, at most this many to a byte: a photo has 1 or 2, a page of text 50
LOST_ROWS = 0.25  # a JPEG without more of its rows is no picture any more
# Formats of pictures. Not those that start another program (EPS, PS, PDF), hold data or films, or are stubs in Pillow.
FORMATS = (
    "AVIF", "BMP", "CUR", "DCX", "DDS", "DIB", "GIF", "HEIF", "ICNS", "ICO", "IM", "JPEG", "JPEG2000", "MSP", "PCX",
    "PNG", "PPM", "PSD", "QOI", "SGI", "SUN", "TGA", "TIFF", "WEBP", "XBM", "XPM",
)  # fmt: skip
FRAMES = {"TIFF": "page", "DCX": "page", "MPO": "picture", "HEIF": "picture"}  # several in a file; elsewhere "frame"
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # brands, after "ftyp"

try:
    from pillow_heif import register_heif_opener

    register_heif_opener()
except ImportError:  # named when such a file is opened
    pass
Image.init()
SUFFIXES = {suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO")}
SUFFIXES |= {".heic", ".heif", ".hif", ".avif"}  # where they cannot be read, it is said


class ImageError(ValueError):
    """A picture that cannot be colored; the message names it and says why."""


def too_large(pixels: int | None) -> str:
    size = "it has very many" if pixels is None else f"{pixels / 1e6:,.1f}"
    return f"is too large: {size} megapixels, at most {MOST_PIXELS / 1e6:.0f}"


def check_size(size: tuple[int, int]) -> None:
    """Raise ImageError for a (width, height) that is not colored."""
    pixels, short, long = size[0] * size[1], min(size), max(size)
    if pixels > MOST_PIXELS:
        raise ImageError(too_large(pixels))
    if short < SMALLEST:
        raise ImageError(f"is too small to color: {size[0]} x {size[1]} pixels, at least {SMALLEST} x {SMALLEST}")
    if long > MOST_SIDE or long > MOST_ASPECT * short:
        raise ImageError(
            f"is too long to color: {size[0]} x {size[1]} pixels, at most {MOST_SIDE:,} a side and 1 to {MOST_ASPECT}"
        )


class _NoMore(io.BufferedReader):
    """A file that gives what it has. Asked for more, by a length in a damaged header, Python's takes memory first."""

    def __init__(self, raw: io.RawIOBase, length: int):
        super().__init__(raw)
        self.length = length

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None else min(size, max(0, self.length - self.tell())))


@contextlib.contextmanager
def opening(image) -> Iterator:
    """An open binary file, a PIL picture or an array, whatever `image` is."""
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        if path.is_dir():
            raise ImageError("is a folder, not a picture")
        if not path.exists():
            raise ImageError("does not exist")
        if not path.is_file():  # a pipe would be waited for, a device has no end
            raise ImageError("is no ordinary file")
        if path.stat().st_size == 0:
            raise ImageError("is empty")
        with _NoMore(open(path, "rb", buffering=0), path.stat().st_size) as file:
            yield file
    else:
        yield io.BytesIO(image) if isinstance(image, (bytes, bytearray, memoryview)) else image


def first_page(file, notes: list[str]) -> tuple[Image.Image, int]:
    """The first page or frame, not decoded yet, and how many there are."""
    head = file.read(64)
    file.seek(0)
    is_tiff = head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    if head[:4] in (b"\0\0\1\0", b"\0\0\2\0", b"icns"):  # Pillow decodes icons when it opens them
        _check_inside(file)
    try:
        opened = Image.open(file, formats=[kind for kind in FORMATS if kind in Image.OPEN])
        check_size(opened.size)
        index, frames = _main_page(opened)
    except Image.UnidentifiedImageError as error:
        if head[4:8] == b"ftyp" and b"avif" in head and "AVIF" not in Image.OPEN:
            raise ImageError("is an AVIF picture: Pillow 11.3 or newer is needed to read it") from error
        if head[4:8] == b"ftyp" and head[8:12] in HEIC:
            advice = "it is damaged" if "HEIF" in Image.OPEN else "to read it, pip install pillow-heif"
            raise ImageError(f"is a HEIC picture: {advice}") from error
        if not is_tiff:
            raise ImageError("cannot be read as a picture: no picture format that Pillow knows") from error
        index = None
    if index is None:  # a TIFF that Pillow does not know, or not well enough
        file.seek(0)
        opened, frames, more = read_tiff(file, check_size)
        notes += more
    else:
        opened.seek(index)
        check_size(opened.size)
        opened.info["significant bits"] = png_bits(file) if opened.format == "PNG" else None
        if found := color_numbers(file, opened):
            opened.info["cicp"] = found
    pixels, stored = opened.width * opened.height, file.seek(0, os.SEEK_END)
    if pixels > DENSE[0] and pixels > DENSE[1] * stored and opened.mode != "1":
        raise ImageError(f"is {pixels / 1e6:.0f} megapixels in {stored / 1e3:,.0f} KB: hardly anything can be in it")
    file.seek(0)
    if frames > 1:
        kind = "page" if is_tiff else FRAMES.get(opened.format, "frame")
        notes.append(f"this is the first of {frames} {kind}s")
    return opened, frames


def color_numbers(file, opened: Image.Image) -> tuple[int, int] | None:
    """What a PNG's cICP chunk, or the nclx box of AVIF and HEIF, says of primaries and curve; Pillow reads neither.

    In a PNG it comes before a profile, elsewhere after one.
    """
    if opened.format == "PNG":
        found = png_chunk(file, b"cICP")
        return (found[0], found[1]) if found and len(found) == 4 else None
    if opened.info.get("icc_profile"):
        return None
    if opened.format == "HEIF" and (found := opened.info.get("nclx_profile")):
        return found["color_primaries"], found["transfer_characteristics"]
    if opened.format == "AVIF":
        file.seek(0)
        if found := re.search(b"colrnclx(....)", file.read(65536), re.S):
            return struct.unpack(">HH", found[1])
    return None


def _check_inside(file) -> None:
    """Icons hold whole PNG files, which may be larger than the icon says."""
    for start in re.finditer(re.escape(b"\x89PNG\r\n\x1a\n"), data := _content(file)):
        check_size(struct.unpack_from(">II", data.ljust(start.end() + 16, b"\0"), start.end() + 8))


def _content(file) -> bytes:
    was = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(was)
    return data


def _main_page(opened: Image.Image) -> tuple[int | None, int]:
    """Which page of a file is its picture, and how many pages there are that are no smaller copy of another one.

    None where Pillow knows of thumbnails only, or would misread the page.
    """
    if opened.format not in ("TIFF", "MPO"):
        counted = opened.format in (*ANIMATED, *FRAMES)
        return opened.tell(), max(1, getattr(opened, "n_frames", 1)) if counted else 1  # of a HEIF, its primary one
    sizes, small = [], []
    with contextlib.suppress(Exception):  # EOFError after the last; or a damaged page, which nobody asked for
        for page in range(64):
            opened.seek(page)
            if opened.format == "TIFF":
                small.append(reduced(opened.tag_v2))
            else:
                small.append("Thumbnail" in opened.mpinfo[0xB002][page]["Attribute"]["MPType"])
            sizes.append(opened.size)
    opened.seek(0)
    full = [
        page for page, it in enumerate(small) if not it and not any(_is_copy(sizes[page], other) for other in sizes)
    ]
    if opened.format == "MPO":
        return (full or [0])[0], max(1, len(full))
    opened.seek((full or [0])[0])
    return (full[0] if full and not misread(opened.tag_v2) else None), len(full)


def _is_copy(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether a page of this size is likely a thumbnail of the other one: the same shape, a third as wide or less."""
    return other[0] >= 3 * size[0] and abs(other[0] * size[1] / (other[1] * size[0]) - 1) < 0.02


def all_pixels(opened: Image.Image, file, notes: list[str]) -> Image.Image:
    """All pixels read; a JPEG that breaks off near its end, too."""
    is_jpeg = opened.format in ("JPEG", "MPO") and not isinstance(file, Image.Image)
    if is_jpeg:
        data = _content(file)
        scans = data.count(b"\xff\xda")
        if scans > 100 and len(data) < 4096 * scans:  # each walks over all pixels, and may be a few bytes long
            raise ImageError(f"would take too long to decode: it is a JPEG of {scans:,} scans")
    try:
        opened.load()
        return opened
    except OSError as error:
        if not is_jpeg or "truncated" not in str(error):
            raise
        opened = Image.open(io.BytesIO(data + b"\xff\xd9"), formats=["JPEG"])
        opened.load()
        pixels = np.asarray(opened).reshape(opened.height, opened.width, -1)
        rows = np.flatnonzero((np.abs(pixels.astype(np.int16) - 128) > 1).any((1, 2)))  # the decoder fills up with gray
        lost = opened.height - 1 - (rows[-1] if len(rows) else -1)
        if lost > LOST_ROWS * opened.height:
            raise ImageError(
                f"cannot be read as a picture: {lost} of its {opened.height} rows are missing, the file breaks off"
            ) from error
        notes.append("its last bytes are missing" + (f", and with them its {lost} lowest rows" if lost else ""))
        return opened
