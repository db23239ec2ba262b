"""helpers.backstage.pictures: what a picture is follows from its file, whatever wrote it; what is wrong is said."""

import io
import os
import struct
import time
import zlib

import numpy as np
import PIL
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage.color import rgb2lab

from helpers.backstage.decoding import opening
from helpers.backstage.pictures import SUFFIXES, ImageError, open_image, read_picture

Y, X = np.mgrid[0:160, 0:128] / np.array([160, 128]).reshape(2, 1, 1)
RAMP, BLOB = 30 + 190 * (0.7 * X + 0.3 * Y), np.exp(-(((X - 0.35) / 0.22) ** 2 + ((Y - 0.6) / 0.18) ** 2))
RGB = (
    np.clip(np.stack([RAMP + 60 * BLOB, RAMP - 70 * BLOB, 0.8 * RAMP - 40 * BLOB], -1), 0, 255).round().astype(np.uint8)
)
GRAY = np.asarray(Image.fromarray(RGB).convert("L"))
PILLOW = tuple(int(number) for number in PIL.__version__.split(".")[:2])


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def off(got, want=GRAY) -> float:
    """Mean distance of two pictures' lightness, L from 0 to 100."""
    want = np.repeat(want[..., None], 3, 2) if want.ndim == 2 else want
    return float(np.abs(rgb2lab(got)[..., 0] - rgb2lab(want)[..., 0]).mean())


# ------------------------------------------------------------------------- profiles, made by hand (ICC.1:2001)


def fixed(values):
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def power(exponent):
    return b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(exponent * 256), 0)


def icc(space, pcs, tags, kind=b"mntr"):
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"mine\0" + b"\0" * 78),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", b"XYZ \0\0\0\0" + fixed((0.9642, 1, 0.8249))),
        *tags,
    ]
    at, table, data = 132 + 12 * len(tags), b"", b""
    for name, content in tags:
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content + b"\0" * (-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s6H4s", at + len(data), b"", 0x02100000, kind, space, pcs, 2020, 1, 1, 0, 0, 0, b"acsp"
    )
    head = (head.ljust(68, b"\0") + fixed((0.9642, 1, 0.8249))).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + table + data


SRGB_XYZ = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
ADOBE_XYZ = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
P3_XYZ = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])


def rgb_profile(matrix, exponent):
    colors = [(name, b"XYZ \0\0\0\0" + fixed(matrix[:, i])) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    return icc(b"RGB ", b"XYZ ", [*colors, *((name, power(exponent)) for name in (b"rTRC", b"gTRC", b"bTRC"))])


def cmyk_profile(steps=9):
    """Ink over paper that multiplies light, as a table to Lab."""
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, steps)] * 4, indexing="ij"), -1).reshape(-1, 4)
    lab = rgb2lab(((1 - grid[:, :3]) * (1 - grid[:, 3:]))[None])[0]
    codes = np.stack([lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128], -1).clip(0, 255).round().astype(np.uint8)
    straight = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, steps, 0]) + fixed(np.eye(3).ravel()) + straight * 4 + codes.tobytes()
    return icc(b"CMYK", b"Lab ", [(b"A2B0", table + straight * 3)], b"prtr")


def light(values):
    values = np.asarray(values) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def gray_profiles():
    x = np.linspace(0, 1, 1024)
    paper = x - 0.2 * x * (1 - x)  # ink spreads: dot gain of 20 %
    dots = b"curv\0\0\0\0" + struct.pack(">I", 1024) + (paper * 65535).round().astype(">u2").tobytes()
    yield "gamma 1.8", power(1.8), light(GRAY) ** (1 / 1.8)
    yield "dot gain 20 %", dots, np.interp(light(GRAY), paper, x)


@pytest.mark.parametrize("case", list(gray_profiles()), ids=lambda case: case[0])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_gray_profiles_are_followed_in_8_and_16_bits(case, kind):
    _, curve, coded = case
    profile = icc(b"GRAY", b"XYZ ", [(b"kTRC", curve)])
    for top, kinds in ((255, ("JPEG", "PNG", "TIFF", "WEBP")), (65535, ("PNG", "TIFF"))):
        if kind in kinds:
            samples = (coded * top).round().astype(np.uint8 if top == 255 else np.uint16)
            assert off(open_image(encoded(samples, kind, icc_profile=profile, quality=98))[0]) < 0.5


@pytest.mark.parametrize("space", ["Adobe RGB", "Display P3"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "RGBA"])
def test_color_profiles_are_followed_and_alpha_stays(space, kind):
    matrix, exponent = {"Adobe RGB": (ADOBE_XYZ, 563 / 256), "Display P3": (P3_XYZ, 2.2)}[space]
    coded = np.clip(light(RGB) @ (np.linalg.inv(matrix) @ SRGB_XYZ).T, 0, 1) ** (1 / exponent)
    coded = (255 * coded).round().astype(np.uint8)
    options = {"icc_profile": rgb_profile(matrix, exponent), "quality": 98}
    if kind == "RGBA":
        rgb, alpha = open_image(encoded(np.dstack([coded, GRAY]), "PNG", **options))
        assert np.array_equal(alpha, GRAY)
    else:
        rgb, alpha = open_image(encoded(coded, kind, **options))
        assert alpha is None
    assert off(coded, RGB) > 0.4 and off(rgb, RGB) < 0.3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_and_lab_are_followed(kind):
    black = 0.7 * (1 - RGB.max(2) / 255)
    inks = np.dstack([1 - RGB / 255 / (1 - black)[..., None], black])
    picture = Image.frombytes("CMYK", (128, 160), (inks * 255).clip(0, 255).round().astype(np.uint8).tobytes())
    assert off(open_image(encoded(picture, kind, icc_profile=cmyk_profile(), quality=98))[0], RGB) < 0.5
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    picture = ImageCms.profileToProfile(Image.fromarray(RGB), srgb, lab, renderingIntent=1, outputMode="LAB")
    assert off(open_image(encoded(picture, "TIFF"))[0], RGB) < 0.5


def test_broken_and_foreign_profiles_are_told_and_ignored():
    good = rgb_profile(ADOBE_XYZ, 2.2)
    for profile in (b"rubbish", good[:200], good.replace(b"acsp", b"nope"), cmyk_profile()):
        for array in (RGB, GRAY, GRAY.astype(np.uint16) * 257):
            picture = read_picture(encoded(array, icc_profile=profile))
            assert off(picture.rgb, RGB if array is RGB else GRAY) < 0.01
            assert len(picture.notes) == 1 and "its color profile is" in picture.notes[0]


def with_chunks(png, *chunks):
    extra = b"".join(struct.pack(">I", len(d)) + c + d + struct.pack(">I", zlib.crc32(c + d)) for c, d in chunks)
    return png[:33] + extra + png[33:]


def test_gamma_of_a_png_is_followed_unless_it_says_srgb():
    for gamma in (1.0, 1 / 1.8, 1 / 2.2, 0.4):
        chunk = (b"gAMA", struct.pack(">I", round(gamma * 1e5)))
        for array, dtype, top in ((RGB, np.uint8, 255), (GRAY, np.uint8, 255), (GRAY, np.uint16, 65535)):
            png = encoded((light(array) ** gamma * top).round().astype(dtype))
            assert off(open_image(with_chunks(png, chunk))[0], array) < 0.5
    linear = (b"gAMA", struct.pack(">I", 100_000))
    assert np.array_equal(open_image(with_chunks(encoded(RGB), (b"sRGB", b"\0"), linear))[0], RGB)
    adobe = (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000))
    coded = np.clip(light(RGB) @ (np.linalg.inv(ADOBE_XYZ) @ SRGB_XYZ).T, 0, 1) ** (1 / 2.2)
    png = encoded((255 * coded).round().astype(np.uint8))
    assert off(open_image(with_chunks(png, (b"gAMA", struct.pack(">I", 45455)), adobe))[0], RGB) < 0.5


DISPLAY_P3 = (12, 13)  # primaries and curve, in the numbers of ITU-T H.273


def as_p3():
    coded = np.clip(light(RGB) @ (np.linalg.inv(P3_XYZ) @ SRGB_XYZ).T, 0, 1)
    coded = np.where(coded <= 0.0031308, 12.92 * coded, 1.055 * coded ** (1 / 2.4) - 0.055)
    return (255 * coded).round().astype(np.uint8)


def numbered(colors, curve):
    return (b"cICP", bytes([colors, curve, 0, 1]))


def test_the_numbers_of_a_png_are_followed_before_all_else():
    png = encoded(as_p3(), icc_profile=rgb_profile(ADOBE_XYZ, 2.2))
    for tagged in (with_chunks(encoded(as_p3()), numbered(*DISPLAY_P3)), with_chunks(png, numbered(*DISPLAY_P3))):
        assert (
            np.abs(open_image(tagged)[0].astype(int) - RGB).mean() < 0.7 < np.abs(as_p3().astype(int) - RGB).mean() / 2
        )
    for usual in ((1, 13), (1, 1), (2, 2), (99, 99)):
        assert np.array_equal(open_image(with_chunks(encoded(RGB), numbered(*usual)))[0], RGB)
    linear = (light(GRAY) * 65535).round().astype(np.uint16)
    assert off(open_image(with_chunks(encoded(linear), numbered(1, 8)))[0]) < 0.5
    picture = read_picture(with_chunks(encoded(RGB), numbered(9, 16)))
    assert np.array_equal(picture.rgb, RGB) and "screens brighter than usual (PQ)" in picture.notes[0]
    for broken in (b"", b"\x0c", b"\x0c\x0d\0\x01\x01"):
        assert np.array_equal(open_image(with_chunks(encoded(RGB), (b"cICP", broken)))[0], RGB)


@pytest.mark.skipif("AVIF" not in Image.SAVE, reason="this Pillow writes no AVIF")
def test_the_numbers_of_an_avif_are_followed():
    whole = encoded(as_p3(), "AVIF", quality=98, subsampling="4:4:4")
    at = whole.index(b"colrnclx") + 8
    p3 = whole[:at] + struct.pack(">HH", *DISPLAY_P3) + whole[at + 4 :]
    followed, ignored = (np.abs(open_image(x)[0].astype(int) - RGB).mean() for x in (p3, whole))
    assert followed < 2 and followed < 0.6 * ignored


def test_heic_of_a_phone():
    """Turned once, its EXIF and XMP kept, the primary one of several, damage said."""
    heif = pytest.importorskip("pillow_heif")
    exif, packet = Image.Exif(), b"<x:xmpmeta><rdf:RDF></rdf:RDF></x:xmpmeta>"
    exif[0x0112], exif[0x010F] = 6, "Apple"
    whole = encoded(RGB, "HEIF", quality=95, exif=exif.tobytes(), xmp=packet)
    picture = read_picture(whole, "a.heic")
    assert off(picture.rgb, np.rot90(RGB, -1)) < 1 and b"Apple" in picture.exif and picture.xmp == packet
    two, buffer = heif.from_pillow(Image.fromarray(RGB)), io.BytesIO()
    two.add_from_pillow(Image.fromarray(255 - RGB))
    two.save(buffer, primary_index=1, quality=95)
    picture = read_picture(buffer.getvalue())
    assert off(picture.rgb, 255 - RGB) < 1 and picture.frames == 2
    for cut in (100, len(whole) // 2, len(whole) - 5):
        with pytest.raises(ImageError, match="^a.heic is a HEIC picture: it is damaged$"):
            open_image(whole[:cut], "a.heic")


# ------------------------------------------------------------------------------------- deep scans, TIFF by hand


def tiff(samples, bits, photometric=1, kind=1, order="<", compression=1, extra=()):
    """(H, W) or (H, W, 3) as one strip, any number of bits packed, the most significant first. extra: (tag, value)."""
    height, width = samples.shape[:2]
    if kind == 3:
        raw = samples.astype(f"{order}f4").tobytes()
    elif bits in (8, 16, 32):
        raw = samples.astype(np.int64).astype(f"{order}u{bits // 8}").tobytes()
    else:
        each = samples.reshape(height, -1, 1).astype(np.int64) >> np.arange(bits - 1, -1, -1) & 1
        raw = np.packbits(each.astype(np.uint8).reshape(height, -1), axis=1).tobytes()
    raw = zlib.compress(raw) if compression == 8 else raw
    colors = samples.shape[2] if samples.ndim == 3 else 1
    tags = [(256, width), (257, height), (258, bits), (259, compression), (262, photometric), (273, 0), (277, colors)]
    tags = sorted([*tags, (278, height), (279, len(raw)), (339, kind), *extra])
    end = 8 + 2 + 12 * len(tags) + 4
    directory = struct.pack(order + "H", len(tags))
    for tag, value in tags:
        if tag == 258 and colors == 3:
            directory += struct.pack(order + "HHII", tag, 3, 3, end)
        else:
            directory += struct.pack(order + "HHII", tag, 4, 1, end + 6 if tag == 273 else value)
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    return start + directory + b"\0\0\0\0" + struct.pack(order + "HHH", *[bits] * 3) + raw


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16, 32])
@pytest.mark.parametrize("order", "<>")
def test_any_depth_black_or_white_is_zero(bits, order):
    top = 2**bits - 1
    samples = (GRAY / 255 * top).round().astype(np.int64)
    assert off(open_image(tiff(samples, bits, 1, order=order))[0]) < 0.3
    assert off(open_image(tiff(top - samples, bits, 0, order=order))[0]) < 0.3
    if bits < 16:
        assert off(open_image(tiff(samples, bits, compression=8))[0]) < 0.3
        colors = (RGB / 255 * top).round().astype(np.int64)
        assert off(open_image(tiff(colors, bits, 2, order=order))[0], RGB) < 0.3


@pytest.mark.parametrize("top", [1, 255, 4095, 65535])
def test_floats_and_32_bit_integers_have_the_range_that_they_have(top):
    floats = (GRAY / 255 * top).astype(np.float32)
    assert off(open_image(tiff(floats, 32, kind=3))[0]) < 0.3
    assert off(open_image(tiff(top - floats, 32, 0, 3))[0]) < 0.3
    if top > 1:
        assert off(open_image(tiff(floats.round(), 32, kind=2))[0]) < 0.3


def test_where_nobody_says_what_is_white_it_is_told():
    for samples in (GRAY / 255 * 3.7, GRAY / 255 - 0.5, GRAY * 1000.0 - 77):
        picture = read_picture(tiff(samples.astype(np.float32), 32, kind=3))
        assert np.ptp(picture.rgb) > 200 and "nothing says what is white" in picture.notes[0]
    with pytest.raises(ImageError, match="^scan.tif cannot be read .*not numbers"):
        open_image(tiff(np.where(GRAY > 99, np.nan, 0).astype(np.float32), 32, kind=3), "scan.tif")


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_kept_in_sixteen(bits):
    raw, spread = (GRAY / 255 * (2**bits - 1)).round().astype(np.uint16), GRAY.astype(np.uint16) * 257
    chunk = (b"sBIT", bytes([bits]))
    assert off(open_image(with_chunks(encoded(raw), chunk))[0]) < 0.3
    assert off(open_image(with_chunks(encoded(spread), chunk))[0]) < 0.3  # as the standard wants it
    assert off(open_image(tiff(raw, 16, extra=[(281, 2**bits - 1)]))[0]) < 0.3
    assert off(open_image(encoded(spread, "JPEG2000", irreversible=False))[0]) < 0.3


def test_alpha_of_16_bits_is_kept():
    alpha = (np.indices(GRAY.shape).sum(0) % 256).astype(np.uint8)
    for array, kind in ((GRAY[..., None], "minisblack"), (RGB, "rgb")):
        buffer = io.BytesIO()
        deep = np.dstack([array, alpha]).astype(np.uint16) * 257
        tifffile.imwrite(buffer, deep, photometric=kind, extrasamples=["unassalpha"])
        rgb, got = open_image(buffer.getvalue())
        assert np.array_equal(got, alpha) and off(rgb, array.squeeze()) < 0.3
    deep = GRAY.astype(np.uint16) * 257
    assert np.array_equal(open_image(encoded(deep, transparency=int(deep[5, 5])))[1] == 0, deep == deep[5, 5])


# ------------------------------------------------------------------------------------------ pages and formats


def test_the_first_page_or_frame_and_a_word_about_it_but_no_thumbnail():
    pages = [Image.fromarray(np.roll(RGB, 9 * i, 0)) for i in range(3)]
    words = {"TIFF": "page", "GIF": "frame", "PNG": "frame", "WEBP": "frame", "MPO": "picture"}
    if PILLOW < (11, 3):  # what these write is no sound MPO
        del words["MPO"]
    for kind, word in words.items():
        picture = read_picture(encoded(pages[0], kind, save_all=True, append_images=pages[1:]))
        assert picture.frames == 3 and picture.notes == (f"this is the first of 3 {word}s",)
        assert off(picture.rgb, RGB) < 5
    little = Image.fromarray(255 - RGB).resize((32, 40))
    for flagged in (True, False):
        buffer = io.BytesIO()
        with tifffile.TiffWriter(buffer) as file:
            file.write(np.asarray(little), photometric="rgb", subfiletype=int(flagged))
            file.write(RGB, photometric="rgb")
        picture = read_picture(buffer.getvalue())
        assert picture.frames == 1 and picture.notes == () and np.array_equal(picture.rgb, RGB)
    sizes = [(16, 16), (128, 128), (64, 64)]
    assert open_image(encoded(pages[0].resize((128, 128)), "ICO", sizes=sizes))[0].shape == (128, 128, 3)


def test_suffixes_are_those_of_pictures():
    assert {".jpg", ".jfif", ".jpe", ".avif", ".jp2", ".heic", ".mpo", ".tga", ".ppm", ".webp"} <= SUFFIXES
    assert not {".eps", ".ps", ".pdf", ".mpg", ".h5", ".wmf", ".txt"} & SUFFIXES


def test_what_starts_other_programs_is_no_picture_and_heic_is_named():
    for content in (encoded(RGB, "EPS"), encoded(RGB, "PDF"), b"Dear diary, today I renamed a text file."):
        with pytest.raises(ImageError, match="^x.jpg cannot be read as a picture: no picture format"):
            open_image(content, "x.jpg")
    said = "it is damaged" if "HEIF" in Image.OPEN else "to read it, pip install pillow-heif"
    with pytest.raises(ImageError, match=f"^x.jpg is a HEIC picture: {said}"):
        open_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, "x.jpg")


# ------------------------------------------------------------------------------------- damage, EXIF and limits


def test_a_jpeg_without_its_last_bytes_is_a_picture_with_a_word_and_half_of_one_is_none():
    whole = encoded(RGB, "JPEG", quality=95)
    before = open_image(whole)[0]
    for cut in (1, 2, 10, len(whole) // 20):
        picture = read_picture(whole[:-cut])
        assert "its last bytes are missing" in picture.notes[0]
        assert np.array_equal(picture.rgb[:112], before[:112])
    with pytest.raises(ImageError, match="^x.jpg cannot be read as a picture: .* rows are missing"):
        open_image(whole[: len(whole) // 2], "x.jpg")


def exif(*entries):
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"


TURN = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
BAD_EXIF = {
    "resolution as text": exif(TURN, struct.pack("<HHI4s", 0x011A, 2, 4, b"abc\0")),
    "a value far outside": exif(TURN, struct.pack("<HHII", 0x010F, 2, 900, 2**31)),
    "division by zero": exif(TURN, struct.pack("<HHII", 0x011A, 5, 1, 8)),
    "of no type": exif(TURN, struct.pack("<HHII", 0x010E, 77, 1, 0)),
    "breaks off": exif(TURN, TURN, TURN)[:-20],
    "a directory nowhere": exif(TURN, struct.pack("<HHII", 0x8769, 4, 1, 2**30)),
    "a directory in itself": exif(TURN, struct.pack("<HHII", 0x8769, 4, 1, 8)),
}


@pytest.mark.parametrize("case", BAD_EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_bad_exif_still_turns_and_never_raises(case, kind):
    picture = read_picture(encoded(RGB, kind, exif=BAD_EXIF[case]))
    assert picture.rgb.shape == (128, 160, 3) and off(picture.rgb, np.rot90(RGB, -1)) < 2
    assert picture.exif is None or Image.Exif().load(picture.exif) is None


def test_orientations_of_no_sense_turn_nothing():
    for value in (0, 9, 65535):
        entry = struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
        assert open_image(encoded(RGB, exif=exif(entry)))[0].shape == RGB.shape


def png_of(width, height):
    """A PNG of zeros, made row by row."""
    squeezed, row = zlib.compressobj(), b"\0" * (1 + 3 * width)
    data = b"".join(squeezed.compress(row) for _ in range(height)) + squeezed.flush()
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return with_chunks(b"\x89PNG\r\n\x1a\n" + b"." * 25, head, (b"IDAT", data), (b"IEND", b"")).replace(b"." * 25, b"")


def test_limits_are_ours_and_reached_before_a_pixel_is_decoded():
    icon = png_of(11000, 10000)
    icon = struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(icon), 22) + icon
    long, huge = bytearray(tiff(GRAY, 8)), bytearray(tiff(GRAY, 8))
    long[18:22], long[30:34] = struct.pack("<I", 48), struct.pack("<I", 524_324)
    huge[18:22], huge[30:34] = struct.pack("<I", 999_999), struct.pack("<I", 999_999)
    cases = {
        "x is too large: 110.0 megapixels, at most 100": [png_of(11000, 10000), icon],
        "x is too large: 400.0 megapixels, at most 100": [encoded(Image.new("1", (20000, 20000)), "TIFF")[:300]],
        "x is too large: 999,998.0 megapixels, at most 100": [bytes(huge)],
        "x is too long to color: 48 x 524324 pixels": [bytes(long)],
        "x is 30 megapixels in .* KB: hardly anything": [png_of(6000, 5000), encoded(Image.new("L", (6000, 5000)))],
        "x is too small to color: 7 x 9 pixels, at least 8 x 8": [encoded(Image.new("L", (7, 9)))],
    }
    for message, files in cases.items():
        for file in files:
            start = time.process_time()
            with pytest.raises(ImageError, match=f"^{message}") as caught:
                open_image(file, "x")
            assert "attack" not in str(caught.value) and time.process_time() - start < 1


def test_whatever_a_codec_raises_is_said_with_the_name(monkeypatch):
    def raises(error):
        def load(self):
            raise error

        return load

    png = encoded(RGB)
    for error in (
        NotImplementedError("DXT9"),
        struct.error("x"),
        OverflowError(),
        KeyError(3),
        IndexError(),
        SyntaxError(),
    ):
        monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", raises(error))
        with pytest.raises(ImageError, match=rf"^x.png cannot be read as a picture: .*{type(error).__name__}"):
            open_image(png, "x.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", raises(MemoryError()))
    with pytest.raises(ImageError, match="^x.png is too large for the memory"):
        open_image(png, "x.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        open_image(png, "x.png")


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "TGA", "DDS", "JPEG2000", "ICO", "PCX"]
)
def test_damaged_files_are_a_picture_or_an_imageerror_with_the_name(kind):
    random, whole = np.random.default_rng(0), encoded(RGB, kind)
    for _ in range(40):
        damaged = np.frombuffer(whole, np.uint8).copy()
        at = random.integers(0, random.choice([64, len(whole)]), random.integers(1, 9)) % len(whole)
        damaged[at] = random.integers(0, 256, len(at))
        try:
            rgb, alpha = open_image(damaged.tobytes()[: random.integers(1, 2 * len(whole))], "x.pic")
            assert rgb.dtype == np.uint8 and rgb.shape[2] == 3 and (alpha is None or alpha.shape == rgb.shape[:2])
        except ImageError as error:
            assert str(error).startswith("x.pic ") and "\n" not in str(error) and "attack" not in str(error)


def test_a_length_in_a_damaged_header_takes_no_memory(tmp_path):
    """Python's own files take the memory first that a reader asks for: 4 GB by the header of one JPEG 2000."""
    (path := tmp_path / "a.jp2").write_bytes(encoded(RGB, "JPEG2000"))
    with opening(path) as file:
        assert file.read(2**50) == path.read_bytes() and file.read(2**50) == b""
        file.seek(7)
        assert file.read(5) + file.read(2**50) + file.read() == path.read_bytes()[7:]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match=r"a.jpg is no ordinary file"):
        open_image(tmp_path / "a.jpg")


def test_what_was_given_is_left_as_it_was():
    given = Image.open(io.BytesIO(encoded(RGB, exif=exif(TURN))))
    for _ in range(2):
        assert open_image(given)[0].shape == (128, 160, 3)
    assert given.size == (128, 160) and np.array_equal(np.asarray(given), RGB)
