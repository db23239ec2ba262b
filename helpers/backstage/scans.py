"""Pictures of more than 8 bits a sample, as scanners, microscopes and programs write them, to 8 bits.

How light a sample is depends on what its file calls white: 4095 in 12 bits, 1.0 or 255.0 in floats, 0 in a negative.
What is wrong with a file is raised as ValueError, a clause that goes on after its name and a colon.
"""

from __future__ import annotations

import zlib

import numpy as np
from PIL import Image

from .profiles import blocks, gray_table

__all__ = ["deep_to_gray", "is_deep", "misread", "png_bits", "png_chunk", "read_tiff", "reduced"]

BITS, COMPRESSION, PHOTOMETRIC, MAX_SAMPLE, SAMPLE_FORMAT, SMIN, SMAX = 258, 259, 262, 281, 339, 340, 341
SIXTEEN = ("PNG", "PPM", "JPEG2000")  # formats whose deep samples Pillow hands over in all 16 bits
RAW = (32803, 34892)  # PhotometricInterpretation of cameras' sensors: a color filter array, linear raw


def is_deep(picture: Image.Image) -> bool:
    """Whether it is gray of more than 8 bits; Pillow itself cuts 16-bit colors and gray with alpha to 8."""
    return picture.mode == "F" or picture.mode.startswith("I")


def deep_to_gray(picture: Image.Image) -> tuple[Image.Image, Image.Image | None, list[str]]:
    """A gray picture for which `is_deep`: its lightness as mode L, in sRGB; its alpha or None; notes for the user."""
    deep, tags = np.asarray(picture), dict(getattr(picture, "tag_v2", {}))
    negative = picture.format == "TIFF" and tags.get(PHOTOMETRIC) == 0
    if deep.dtype == np.int32 and _number(tags.get(BITS)) == 32 and _number(tags.get(SAMPLE_FORMAT)) in (None, 1):
        deep = deep.view(np.uint32)  # Pillow knows only signed ones
    if picture.format in SIXTEEN:
        tags = {BITS: 16}
        # PNG wants fewer bits spread over all 16, not every writer does it: `_range` looks at the greatest sample.
        if picture.info.get("significant bits"):
            tags[MAX_SAMPLE] = 2 ** picture.info["significant bits"] - 1
    low, top, notes = _range(deep, tags)
    table, more = gray_table(picture.info)
    alpha, clear = None, picture.info.get("transparency")
    if isinstance(clear, int):
        alpha = Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8))
    return Image.fromarray(_levels(deep, low, top, negative, table)), alpha, notes + more


def _levels(deep: np.ndarray, low: float, top: float, negative: bool = False, table=None) -> np.ndarray:
    """uint8: `low` black, `top` white, or the other way round, then through a table of 256 levels."""
    if deep.dtype == np.uint16 and deep.size > 2**18:  # look them up: there are but so many
        return _levels(np.arange(2**16, dtype=np.uint16)[None], low, top, negative, table)[0][deep]
    out = np.empty(deep.shape, np.uint8)
    black, white = (top, low) if negative else (low, top)
    scale = 255 / (white - black) if top > low else 0
    for rows in blocks(deep):
        level = np.clip((deep[rows].astype(np.float64) - black) * scale, 0, 255)
        out[rows] = (level if table is None else np.interp(level, np.arange(256), table)).round()
    return out


def _range(deep: np.ndarray, tags) -> tuple[float, float, list[str]]:
    """What is black and what is white, and notes where nobody says so. tags: of a TIFF, by number.

    Up to 16 bits the header knows. In 32 bits programs keep whatever they computed: the range is what the header says,
    or the power of two (1 in floats) that fits what is there, or what is there.
    """
    if deep.dtype.kind not in "iuf":
        raise ValueError(f"its samples are {deep.dtype} numbers, not gray levels")
    least, most = deep.min().item(), deep.max().item()
    if not np.isfinite(least + most):
        raise ValueError("some of its samples are not numbers (NaN or infinite)")
    floats = deep.dtype.kind == "f"
    low, top = _number(tags.get(SMIN)), _number(tags.get(SMAX))
    if low is not None and top is not None and low <= least <= most <= top and top > low:
        return low, top, []
    bits = _number(tags.get(BITS)) or 8 * deep.dtype.itemsize
    if bits <= 16 and not floats and least >= 0:
        said = _number(tags.get(MAX_SAMPLE)) or 0
        if said >= max(most, 255) and (int(said) + 1) & int(said) == 0:  # 4095: 12 bits, kept in 16
            bits = min(bits, int(said).bit_length())
        signed = _number(tags.get(SAMPLE_FORMAT)) == 2
        top = 2.0 ** (bits - signed) - 1
        if 255 < most <= 4095 and top == 65535:
            return 0, 4095, [f"its brightest sample is {most} of 65535: it was taken for a scan of 12 bits"]
        return 0, top, []
    if floats and least >= -0.05 and most <= 1.05:  # what enlarging overshoots is cut
        return 0, 1, []
    for top in (2**8 - 1, 2**12 - 1, 2**16 - 1, 2**31 - 1, 2**32 - 1):
        if least >= 0 and top / 8 < most <= top and not (top == 2**31 - 1 and deep.dtype.kind == "u"):
            return 0, top, []
    low = min(0, least)
    note = f"nothing says what is white in it: its samples, {least:g} to {most:g}, were taken for black to white"
    return low, most, [note] if most > low else []


def _number(value) -> float | None:
    """A tag's value: one number, or the same one for each sample; None for anything else."""
    try:
        value = float(np.max(value)) if value is not None else None
    except (TypeError, ValueError):
        return None
    return value if value is not None and np.isfinite(value) else None


def png_bits(file) -> int | None:
    """How many bits of each sample count, as a PNG's sBIT chunk says, or None. The file is left where it was."""
    found = png_chunk(file, b"sBIT")
    return None if found is None else (found or b"\0")[0]


def png_chunk(file, name: bytes) -> bytes | None:
    """What the first chunk of this name before the pixels holds, or None. The file is left where it was."""
    was, found = file.tell(), None
    file.seek(8)
    while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        length = int.from_bytes(head[:4], "big")
        if head[4:] == name:
            found = file.read(min(length, 64))
            break
        file.seek(length + 4, 1)
    file.seek(was)
    return found


# ------------------------------------------------------------------------------- TIFF that Pillow cannot


def reduced(tags) -> bool:
    """Whether a TIFF's page is a smaller copy (a thumbnail) of another one. tags: by number."""
    return bool(int(_number(tags.get(254)) or 0) & 1) or _number(tags.get(255)) == 2


def misread(tags) -> bool:
    """Whether Pillow opens such a page, but gets it wrong: planes of 16 bits each, signed samples of 8."""
    bits = _number(tags.get(BITS)) or 1
    return (tags.get(284) == 2 and bits > 8) or (bits == 8 and _number(tags.get(SAMPLE_FORMAT)) == 2)


def read_tiff(source, check) -> tuple[Image.Image, int, list[str]]:
    """The first page that is no thumbnail as mode L, LA, RGB or RGBA; how many there are; notes for the user.

    source: a binary file. check((width, height)) raises for what is too large or small.
    """
    from tifffile import TiffFile

    with TiffFile(source) as file:
        top = list(file.pages[:64])
        inside = [sub for page in top for sub in (page.pages or ())][:64]
        full = [page for page in (*top, *inside) if not reduced(_tags(page))]
        if any(int(_tags(page).get(PHOTOMETRIC, 1)) in RAW for page in full):
            raise ValueError("it is a camera's raw file: develop it first, with darktable or the camera's own program")
        page = (full or top)[0]
        check((page.imagewidth, page.imagelength))
        tags, kind, samples = _tags(page), int(page.photometric), page.samplesperpixel
        if kind not in (0, 1, 2) or samples > 8 or samples < (3 if kind == 2 else 1):
            raise ValueError(f"a TIFF of this kind (photometric {kind}, {samples} samples) cannot be read")
        pixels, bits = _samples(page), _number(tags.get(BITS)) or 1
        colors = 3 if kind == 2 else 1
        low, white, notes = _range(pixels[..., :colors], tags)
        table, more = gray_table(_info(tags)) if colors == 1 else (None, [])
        planes = _levels(pixels[..., :colors], low, white, kind == 0, table)
        extra = [int(value) for value in page.extrasamples]
        if samples > colors and extra[:1] in ([1], [2]):
            alpha = _levels(pixels[..., colors], 0, 1 if pixels.dtype.kind == "f" else 2.0**bits - 1)[..., None]
            if extra[0] == 1:  # colors are already multiplied by it
                planes = np.where(alpha > 0, np.minimum(255, planes * 255.0 / np.maximum(alpha, 1)), 0).astype(np.uint8)
            planes = np.concatenate([planes, alpha], 2)
        picture = Image.fromarray(planes[..., 0] if planes.shape[2] == 1 else planes)
        picture.info = _info(tags) if colors == 3 else {}
        exif = picture.getexif()
        exif.endian = file.byteorder
        exif.load_from_fp(source, page.offset)
        inches = {2: 1.0, 3: 2.54}.get(exif.get(296, 2))
        if inches and 282 in exif and 283 in exif:
            picture.info["dpi"] = (exif[282] * inches, exif[283] * inches)
        return picture, max(1, sum(page in top for page in full)), notes + more


def _tags(page) -> dict:
    return {tag.code: tag.value for tag in page.tags}


def _info(tags: dict) -> dict:
    return {"icc_profile": bytes(tags[34675])} if 34675 in tags else {}


def _samples(page) -> np.ndarray:
    """(H, W, S), of the file's own type; any number of bits up to 16, uncompressed or deflated."""
    height, width, samples, bits = page.imagelength, page.imagewidth, page.samplesperpixel, page.bitspersample
    compression = int(page.compression)
    if compression not in (1, 8, 32773, 32946):
        raise ValueError(f"TIFF compression {page.compression.name} of {bits} bits a sample cannot be read here")
    if page.tilewidth * page.tilelength > 4 * max(width * height, 2**20):
        raise ValueError("its tiles are larger than the picture")
    if bits in (8, 16, 32, 64):
        pixels = page.asarray(maxworkers=1)
        if samples > 1 and int(page.planarconfig) == 2:
            pixels = np.moveaxis(pixels, 0, -1)
        return pixels.reshape(height, width, samples)
    if bits > 16 or page.is_tiled or compression == 32773 or int(page.planarconfig) == 2:
        raise ValueError(f"a TIFF of {bits} bits a sample, packed like this, cannot be read")
    row = -(-width * samples * bits // 8)  # bytes: each row begins with a new one
    file, data = page.parent.filehandle, bytearray()
    for at, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(at)
        strip = file.read(min(size, row * height))
        data += strip if compression == 1 else zlib.decompressobj().decompress(strip, row * height)
    if len(data) < row * height:
        raise ValueError("its last bytes are missing")
    packed = np.frombuffer(bytes(data[: row * height]), np.uint8).reshape(height, row)
    order, out = "little" if int(page.fillorder) == 2 else "big", np.empty((height, width * samples), np.uint16)
    for rows in blocks(out, 2**18):
        each = np.unpackbits(packed[rows], axis=1, bitorder=order)[:, : width * samples * bits]
        out[rows] = each.reshape(len(each), -1, bits) @ (1 << np.arange(bits - 1, -1, -1))
    return out.reshape(height, width, samples)
