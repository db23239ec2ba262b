"""What was written about a picture in other ways than EXIF: XMP (ISO 16684) and IPTC-IIM, captions, names, stars.

XMP is kept in JPEG, PNG, TIFF and WebP; IPTC in JPEG and TIFF, since the others have no place for it. Not kept are
extended XMP (past 64 KB in a JPEG), what Photoshop keeps beside IPTC, and XMP on further pictures in the same file (a
depth map, a film, a gain map), which the colored picture no longer has.
"""

from __future__ import annotations

import contextlib
import re

from PIL import Image

__all__ = ["jpeg_segments", "kept_iptc", "kept_xmp"]

XMP, IPTC, RESOURCE = 700, 33723, 0x0404  # tags of a TIFF, and a resource of Photoshop's
MOST = 65_533  # bytes of a JPEG's segment
FURTHER = (b"Container:Directory", b"MicroVideo", b"MotionPhoto", b"hdrgm:", b"apdi:", b"xmpNote:HasExtendedXMP")
ORIENTATION = rb"(tiff:Orientation(?:\s*=\s*[\"']|\s*>\s*))\d"


def kept_xmp(picture: Image.Image) -> tuple[bytes | None, list[str]]:
    """A picture's XMP, its orientation reset and its color profile's name taken out; notes for the user."""
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    with contextlib.suppress(Exception):
        packet = packet or picture.tag_v2.get(XMP)
    packet = packet.encode() if isinstance(packet, str) else packet
    if not isinstance(packet, bytes) or b"<rdf:RDF" not in packet:
        return None, []
    try:
        packet.decode()
    except UnicodeDecodeError:
        return None, ["its XMP data are damaged and were left out"]
    if any(word in packet for word in FURTHER):
        return None, ["its XMP data are about more than this picture (a film, a depth map) and were left out"]
    packet = re.sub(rb"\s+photoshop:ICCProfile\s*=\s*(\"[^\"]*\"|'[^']*')", b"", packet)
    packet = re.sub(rb"<photoshop:ICCProfile>[^<]*</photoshop:ICCProfile>", b"", packet)
    return re.sub(ORIENTATION, rb"\g<1>1", packet), []


def kept_iptc(picture: Image.Image) -> bytes | None:
    """A picture's IPTC-IIM records, as they are, or None."""
    found = None
    with contextlib.suppress(Exception):  # whatever damaged blocks raise
        blocks = picture.info.get("photoshop")
        if blocks is None and picture.format == "TIFF":
            blocks = {key: value.get("data") for key, value in picture.get_photoshop_blocks().items()}
        found = (blocks or {}).get(RESOURCE)
    with contextlib.suppress(Exception):
        found = found or picture.tag_v2.get(IPTC)
        found = b"".join(word.to_bytes(4, "little") for word in found) if isinstance(found, tuple) else found
    return found if isinstance(found, bytes) and found[:1] == b"\x1c" else None


def jpeg_segments(xmp: bytes | None, iptc: bytes | None) -> bytes:
    """Both as segments of a JPEG, each where it fits in."""
    out = b""
    if xmp:
        out += _segment(b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    if iptc:
        block = b"8BIM" + RESOURCE.to_bytes(2, "big") + b"\0\0" + len(iptc).to_bytes(4, "big")
        out += _segment(b"\xff\xed", b"Photoshop 3.0\0" + block + iptc + b"\0" * (len(iptc) % 2))
    return out


def _segment(marker: bytes, content: bytes) -> bytes:
    return marker + (len(content) + 2).to_bytes(2, "big") + content if len(content) <= MOST else b""
