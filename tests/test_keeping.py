"""helpers.backstage.keeping: what belongs to a picture stays with the colored one."""

import io
import re

import numpy as np
import pytest
from PIL import Image, ImageCms, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo

from helpers.backstage.keeping import FORMATS, encode
from helpers.backstage.packets import IPTC, XMP, jpeg_segments
from helpers.backstage.pictures import ImageError, Picture, read_picture
from helpers.synthetic import draw_flowers


@pytest.fixture(scope="module")
def flower():
    return np.ascontiguousarray(draw_flowers(1, 96, seed=4)[0][0][:, :80])


def encoded(picture, kind="JPEG", **options):
    buffer = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def written(colored, picture, suffix):
    return Image.open(io.BytesIO(encode(colored, picture, suffix)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_holds_the_picture_an_srgb_profile_the_dpi_and_the_date(suffix, flower):
    exif = Image.Exif()
    exif[0x0112], exif[0x0132], exif[0x010F] = 6, "1957:07:14 10:11:12", "Leica"
    exif[0x8769], exif[0x8825] = {0x9003: "1957:07:14 10:11:12"}, {1: "N"}  # as older versions of Pillow write it, too
    picture = read_picture(encoded(flower, exif=exif, dpi=(600, 300)), "a.jpg")
    assert picture.dpi == (300, 600)  # it was turned a quarter
    made = written(picture.rgb, picture, suffix)
    assert made.format == FORMATS[suffix] and made.size == (96, 80)
    off = np.abs(np.asarray(made.convert("RGB")).astype(int) - picture.rgb)
    assert off.max() == 0 or made.format == "JPEG" and off.mean() < 3
    profile = ImageCms.ImageCmsProfile(io.BytesIO(made.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    tags = made.getexif()
    assert tags.get(0x0112, 1) == 1 and tags[0x0132] == "1957:07:14 10:11:12" and tags[0x010F] == "Leica"
    assert "Colored by a neural network" in tags[0x010E]
    if suffix not in (".tif", ".tiff"):  # Pillow writes these two directories into a TIFF only since version 12
        assert tags.get_ifd(0x8769)[0x9003] == "1957:07:14 10:11:12" and tags.get_ifd(0x8825)[1] == "N"
    if made.format != "WEBP":  # which has no place for it but EXIF
        assert [round(value) for value in made.info["dpi"]] == [300, 600]


@pytest.mark.parametrize("quality", [20, 75, 95, 100])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_no_worse_than_the_one_it_was_made_of(mode, quality, flower):
    whole = encoded(Image.fromarray(flower).convert(mode), quality=quality, subsampling=0 if mode == "RGB" else -1)
    before = Image.open(io.BytesIO(whole))
    made = written(flower, read_picture(whole), ".jpg")
    assert len(made.quantization) == 2 and made.layer[0][1:3] == made.layer[1][1:3]  # colors at full resolution
    for at in (0, 1):
        old = before.quantization[min(at, len(before.quantization) - 1)]
        assert all(new <= then for new, then in zip(made.quantization[at], old, strict=True))
    assert max(made.quantization[0]) < 30  # and never a bad one


def test_what_is_kept_is_the_same_bytes_each_time(flower):
    picture = read_picture(encoded(flower))
    assert encode(flower, picture, ".jpg") == encode(flower, picture, ".jpg")


def test_coloring_twice_says_it_once_and_keeps_what_was_written_in_it(flower):
    exif = Image.Exif()
    exif[0x010E] = "Großmutter".encode()
    first = encode(flower, read_picture(encoded(flower, exif=exif)), ".jpg")
    second = encode(flower, read_picture(first), ".PNG")
    said = Image.open(io.BytesIO(second)).getexif()[0x010E].encode("latin-1").decode()
    assert said == "Großmutter Colored by a neural network: its colors are a guess."


def test_alpha_arrays_and_long_exif(flower):
    alpha = (np.indices(flower.shape[:2]).sum(0) % 256).astype(np.uint8)
    made = written(np.dstack([flower, alpha]), None, ".png")
    assert made.mode == "RGBA" and np.array_equal(np.asarray(made)[..., 3], alpha)
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    exif[0x8769] = {0x927C: b"maker's notes" * 6000}
    long = Picture(flower, exif=exif.tobytes())
    assert written(flower, long, ".jpg").getexif()[0x010F] == "Leica"  # too long for a JPEG: the maker's notes go
    assert 0x927C in written(flower, long, ".png").getexif().get_ifd(0x8769)


def test_what_a_format_cannot_hold_is_said_with_the_name(flower):
    picture = Picture(flower, name="scan.tif")
    with pytest.raises(ImageError, match=r"^scan.tif has transparent parts, which a JPEG cannot hold"):
        encode(np.dstack([flower, flower[..., 0]]), picture, ".jpg")
    with pytest.raises(ImageError, match=r"^scan.tif is too long for WEBP: 16400 x 8 pixels, at most 16,383 a side"):
        encode(np.zeros((8, 16400, 3), np.uint8), picture, ".webp")
    with pytest.raises(ValueError, match="pictures are written as .jpg, .*, not .xyz"):
        encode(flower, picture, ".xyz")


PACKET = (
    """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>"""
    """<rdf:Description tiff:Orientation="6" photoshop:ICCProfile="Adobe RGB (1998)" xmp:Rating="5" """
    """dc:title="Großmutter"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
).encode()
RECORDS = b"\x1c\x02\x05\x00\x05Roses\x1c\x02\x78\x00\x03by\xe9"  # a title and a caption of odd length


def with_packets(flower, kind, xmp=PACKET, iptc=RECORDS):
    options = {}
    if kind == "JPEG":
        options["extra"] = jpeg_segments(xmp, iptc)
    elif kind == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode("latin-1") if b"\xff" in xmp else xmp.decode())
    elif kind == "WEBP":
        options["xmp"] = xmp
    else:
        options["exif"] = Image.Exif()
        options["exif"][XMP], options["exif"][IPTC] = xmp, iptc
    return encoded(flower, kind, **options)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_xmp_and_iptc_stay_with_the_picture(kind, suffix, flower):
    picture = read_picture(with_packets(flower, kind))
    for word in ('xmp:Rating="5"', "Großmutter", "<rdf:RDF>"):
        assert word.encode() in picture.xmp
    assert re.findall(rb'Orientation="(\d)"', picture.xmp) in ([b"1"], []) and b"Adobe RGB" not in picture.xmp
    assert picture.iptc == (RECORDS if kind in ("JPEG", "TIFF") else None) and picture.notes == ()
    content = encode(flower, picture, suffix)
    again = read_picture(content)
    assert again.xmp == picture.xmp and len(again.notes) == 1 and "guess already" in again.notes[0]
    if picture.iptc and suffix in (".jpg", ".tif"):
        assert again.iptc == RECORDS
        assert IptcImagePlugin.getiptcinfo(Image.open(io.BytesIO(content)))[2, 5] == b"Roses"
    assert "Colored by a neural network" in Image.open(io.BytesIO(content)).getexif()[0x010E]


def test_xmp_that_is_about_more_or_damaged_is_left_out_with_a_word(flower):
    film = PACKET.replace(b"xmp:Rating", b"GCamera:MotionPhoto")
    picture = read_picture(with_packets(flower, "JPEG", film), "a.jpg")
    assert picture.xmp is None and "a film, a depth map" in picture.notes[0]
    picture = read_picture(with_packets(flower, "JPEG", PACKET.replace(b"Gro", b"\xff\xfe\xff")))
    assert picture.xmp is None and picture.notes == ("its XMP data are damaged and were left out",)
    for other in (b"no XMP at all", b""):
        assert read_picture(with_packets(flower, "JPEG", other)).xmp is None
    for other in (b"\x1d no records", b""):
        assert read_picture(with_packets(flower, "TIFF", iptc=other or b"x")).iptc is None


def test_packets_too_long_for_a_jpeg_leave_a_whole_file(flower):
    long = Picture(flower, xmp=PACKET.replace(b"Gro", b"G" * 70_000), iptc=RECORDS * 6000)
    made = written(flower, long, ".jpg")
    made.load()
    assert "xmp" not in made.info and written(flower, long, ".png").info["xmp"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_that_was_colored_is_said_to_be_so(suffix, flower):
    """Read again, by whatever reads pictures: the command line, a widget, a notebook."""
    first = read_picture(encoded(flower, "JPEG", dpi=(300, 300)), "a.jpg")
    assert not any("guess" in note for note in first.notes)
    again = read_picture(encode(flower, first, suffix), "b.jpg")
    assert "its colors are a network's guess already: only its lightness is looked at" in again.notes
