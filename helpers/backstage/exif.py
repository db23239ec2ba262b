"""EXIF data that may be odd, damaged or missing: never a reason to fail. What can be read is kept, tag by tag."""

from __future__ import annotations

import contextlib
import re
import struct

from PIL import Image

__all__ = ["kept_exif", "orientation", "said_colored", "says_colored"]

ORIENTATION, DESCRIPTION, EXIF_IFD, GPS_IFD = 0x0112, 0x010E, 0x8769, 0x8825
WIDTH, HEIGHT, INTEROP, MAKER_NOTE = 0xA002, 0xA003, 0xA005, 0x927C
SAID = "Colored by a neural network: its colors are a guess."
# What says how a TIFF's pixels lie in the file (and its profile and edits): wrong for any other file.
STRUCTURE = {*range(254, 260), *range(262, 269), *range(273, 282), 284, *range(288, 294), 301, *range(317, 326)}
STRUCTURE |= {*range(330, 348), *range(512, 533), 700, 33723, 34377, 34675, 37724, *range(50706, 51000)}


def orientation(picture: Image.Image) -> int:
    """1 to 8, as EXIF counts; 1 if it says nothing sensible. Call it when the picture's file is still open."""
    found = None
    with contextlib.suppress(Exception):  # Pillow raises a dozen kinds of error for damaged EXIF
        found = picture.getexif().get(ORIENTATION)
    if found is None:
        with contextlib.suppress(Exception):
            found = _by_hand(re.sub(b"^(Exif\0\0)+", b"", picture.info.get("exif", b"")))
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _by_hand(data: bytes) -> int | None:
    """The orientation of a first directory that Pillow could not read to its end."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    at = struct.unpack_from(order + "I", data, 4)[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from(order + "H", data, at)[0], 12):
        if struct.unpack_from(order + "HH", data, entry) == (ORIENTATION, 3):
            return struct.unpack_from(order + "H", data, entry + 8)[0]
    return None


def kept_exif(picture: Image.Image) -> bytes | None:
    """What a picture's EXIF says of it, without orientation, thumbnail and broken tags; None if that is nothing."""
    tags: dict = {}
    with contextlib.suppress(Exception):
        exif = picture.getexif()
        for tag in list(exif):
            with contextlib.suppress(Exception):
                if tag in (EXIF_IFD, GPS_IFD):
                    inside = {key: _bytes(value) for key, value in dict(exif.get_ifd(tag)).items() if key != INTEROP}
                    tags[tag] = {key: value for key, value in inside.items() if _packed({tag: {key: value}})}
                elif tag != ORIENTATION and tag not in STRUCTURE and _packed({tag: _bytes(exif[tag])}):
                    tags[tag] = _bytes(exif[tag])
    return _packed({tag: value for tag, value in tags.items() if value != {}})


def says_colored(exif: bytes | None) -> bool:
    """Whether a picture's description says what `said_colored` writes into it."""
    found = Image.Exif()
    with contextlib.suppress(Exception):
        found.load(exif or b"")
        return SAID in str(found.get(DESCRIPTION, ""))
    return False


def said_colored(exif: bytes | None, size: tuple[int, int], most: int | None = None) -> bytes:
    """EXIF with a word in the picture's description that its colors are no memory of the scene.

    size: width and height, which some EXIF repeats. most: bytes it may have; the maker's notes go first, then all else.
    """
    old = Image.Exif()
    if exif:
        old.load(exif)
    tags = {tag: _bytes(old[tag]) for tag in old if tag not in (EXIF_IFD, GPS_IFD)}
    for tag in (EXIF_IFD, GPS_IFD):
        if tag in old:
            tags[tag] = {key: _bytes(value) for key, value in old.get_ifd(tag).items()}
    described = str(old.get(DESCRIPTION, "")).rstrip("\0 ")
    if SAID not in described:
        tags[DESCRIPTION] = _bytes(f"{described} {SAID}".lstrip())
    details = tags.get(EXIF_IFD, {})
    for key, side in zip((WIDTH, HEIGHT), size, strict=True):
        if key in details:
            details[key] = side
    packed = _packed(tags)
    if most and len(packed) > most:
        details.pop(MAKER_NOTE, None)
        packed = _packed(tags)
    return packed if not most or len(packed) <= most else _packed({DESCRIPTION: SAID.encode()})


def _packed(tags: dict) -> bytes | None:
    """As in a file, or None if these are no values that EXIF can hold."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    try:
        return exif.tobytes() if tags else None
    except Exception:  # struct.error, TypeError, OverflowError, ZeroDivisionError ...: whatever a broken tag does
        return None


def _bytes(value):
    """Text that is more than ASCII as its own bytes: Pillow reads it as Latin-1, but writes question marks."""
    return value.encode("latin-1", "replace") if isinstance(value, str) and not value.isascii() else value
