"""`own_photo` and `choice_strip`: what is uploaded in three shapes, what is said of it, and the file that is made."""

import base64
import html
import io
import re
import sys
import types
from datetime import datetime, timezone

import ipywidgets
import numpy as np
import pytest
import traitlets
from PIL import Image

from helpers.synthetic import draw_flowers
from helpers.widgets import choice_strip, own_photo
from helpers.widgets.own import (
    CHOSEN,
    SEEN,
    Choice,
    download_link,
    fitted,
    has_colors,
    own_picture,
    strip_picture,
    uploaded,
)

from .stand_in_page import shows

FLOWERS = draw_flowers(3, 48, seed=1)[0]
WIDE = FLOWERS[0][:30]  # (30, 48, 3)


class Painter:
    """A colorizer whose colors are known: red by its saturation, whatever the picture."""

    def colorize(self, image, saturation=1.0, name=None):
        out = np.array(image)
        out[..., 0] = min(255, round(100 * saturation))
        return out


def content(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def mine(page):
    return own_photo({"first": WIDE, "second": FLOWERS[1]}, Painter())


def control(page, kind, number=0):
    return page.controls(kind)[number]


def said(page):
    """What the widget says below its controls: its line of words, and the link."""
    _, words, link = page.controls("HTML")
    return html.unescape(re.sub("<.*?>", "", words.value)), link.value


def drawn(mine):
    return own_picture(mine.seen(), mine.colored(mine.seen()), f"colored, saturation {mine.saturation:.0%}")


def upload(page, name, file):
    """As the page does it, in the version of ipywidgets that is here."""
    if int(ipywidgets.__version__[0]) >= 8:
        last = datetime.now(timezone.utc)
        one = {"name": name, "type": "image/png", "size": len(file), "content": memoryview(file), "last_modified": last}
        control(page, "FileUpload").value = (one,)
    else:
        control(page, "FileUpload").set_trait("value", {name: {"metadata": {"name": name}, "content": file}})


# ------------------------------------------------------------------------------------------------- uploading

SHAPES = {
    "ipywidgets 8": ({"name": "a.png", "type": "image/png", "size": 3, "content": memoryview(b"abc")},),
    "ipywidgets 7": {"a.png": {"metadata": {"name": "a.png", "type": "image/png", "size": 3}, "content": b"abc"}},
    "Colab": {"a.png": b"abc"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_three_uploaders_three_shapes(shape):
    assert uploaded(SHAPES[shape]) == [("a.png", b"abc")]
    assert uploaded(type(SHAPES[shape])()) == []


def test_uploaded(page, mine):
    upload(page, "my rose.png", content(FLOWERS[2]))
    assert mine.name == "my rose.png" and np.array_equal(mine.picture.rgb, FLOWERS[2])
    assert shows(page.picture, drawn(mine)) and page.alt.startswith("my rose.png, on the left as it came")


def test_uploaded_where_the_value_is_a_dict(page, monkeypatch):
    class FileUpload(ipywidgets.Button):
        value = traitlets.Dict()

    monkeypatch.setattr(ipywidgets, "FileUpload", FileUpload)
    mine = own_photo({"first": WIDE}, Painter())
    control(page, "FileUpload").value = {"my rose.png": {"metadata": {}, "content": content(FLOWERS[2])}}
    assert mine.name == "my rose.png" and np.array_equal(mine.picture.rgb, FLOWERS[2])
    assert shows(page.picture, drawn(mine))


def test_uploaded_in_colab(page, monkeypatch):
    """Where `google.colab` is there, its own uploader is asked once its button is pressed; it may be left empty."""
    answers = [{"my rose.png": content(FLOWERS[2])}, {}]
    colab = types.ModuleType("google.colab")
    colab.files = types.SimpleNamespace(upload=lambda: answers.pop(0))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    mine = own_photo({"first": WIDE}, Painter())
    assert not page.controls("FileUpload") and len(answers) == 2
    button = control(page, "Button")
    assert button.description == "Upload a photo"
    button.click()
    assert mine.name == "my rose.png" and np.array_equal(mine.picture.rgb, FLOWERS[2])
    button.click()
    assert mine.name == "my rose.png" and not answers


# ------------------------------------------------------------------------------------------ the other controls


def test_it_begins_with_the_first_and_follows_the_choice_and_the_saturation(page, mine):
    assert mine.name == "first" and shows(page.picture, drawn(mine))
    control(page, "ToggleButtons").value = "second"
    assert mine.name == "second" and shows(page.picture, drawn(mine))
    control(page, "IntSlider").value = 40
    assert mine.saturation == 0.4 and shows(page.picture, drawn(mine)) and "saturation 40%" in page.alt
    assert mine.colored()[..., 0].max() == 40


def test_a_path_and_what_is_wrong_with_it(page, mine, tmp_path):
    (tmp_path / "rose.jpg").write_bytes(content(FLOWERS[2], "JPEG", quality=95))
    control(page, "Text").value = f" {tmp_path / 'rose.jpg'} "
    assert mine.name == "rose.jpg" and mine.picture.format == "JPEG" and shows(page.picture, drawn(mine))
    before, drawings = mine.picture, page.drawn
    for wrong, words in ((tmp_path / "gone.jpg", "gone.jpg does not exist"), (tmp_path, "is a folder")):
        control(page, "Text").value = str(wrong)
        assert words in said(page)[0]
    assert mine.picture is before and mine.name == "rose.jpg" and page.drawn == drawings
    control(page, "Text").value = ""
    assert page.drawn == drawings


def test_what_is_no_picture_is_said_and_cannot_write_into_the_page(page, mine):
    upload(page, "<b>x</b>.txt", b"Dear diary")
    _, words, _ = page.controls("HTML")
    assert "&lt;b&gt;x&lt;/b&gt;.txt cannot be read as a picture" in words.value and mine.name == "first"


def test_what_has_colors_or_was_colored_before_is_said_to_be_so(page, mine):
    assert said(page)[0].startswith("first, 48 × 30 pixels; it has colors already")
    gray = np.repeat(FLOWERS[0][..., 1:2], 3, 2)
    file = content(gray, "PNG")
    upload(page, "gray.png", file)
    assert said(page)[0] == "gray.png, 48 × 48 pixels"
    name, again = mine.file()
    upload(page, name, again)
    assert said(page)[0].startswith("gray-colored.png, 48 × 48 pixels; its colors are a network's guess already")
    assert said(page)[0].count("lightness") == 1


def test_a_tint_counts_as_color_and_a_few_pixels_do_not():
    gray = np.full((40, 50, 3), 120, np.uint8)
    speck = gray.copy()
    speck[3, 4] = 200, 0, 0
    assert not has_colors(gray) and not has_colors(speck) and has_colors(gray + np.array([30, 10, 0], np.uint8))


# -------------------------------------------------------------------------------------------------- the file


def linked(text):
    (name,), (data,) = re.findall('download="(.*?)"', text), re.findall('href="data:.*?;base64,(.*?)"', text)
    return name, Image.open(io.BytesIO(base64.b64decode(data)))


def test_the_file_is_the_whole_picture_with_what_belonged_to_it(page, mine, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    large = FLOWERS[0].repeat(20, 0).repeat(30, 1)  # wider than what is colored for the page
    (tmp_path / "rose.tif").write_bytes(content(large, "TIFF", dpi=(600, 600), exif=exif))
    control(page, "Text").value = str(tmp_path / "rose.tif")
    assert mine.seen().shape == (480, SEEN, 3)
    control(page, "IntSlider").value = 50
    control(page, "Button").click()
    name, made = linked(said(page)[1])
    assert (name, made.format, made.size) == ("rose-colored.tif", "TIFF", (1440, 960))
    assert [round(value) for value in made.info["dpi"]] == [600, 600] and made.getexif()[0x010F] == "Leica"
    assert "Colored by a neural network" in made.getexif()[0x010E] and "icc_profile" in made.info
    assert np.asarray(made)[..., 0].max() == 50
    control(page, "IntSlider").value = 60
    assert said(page)[1] == "", "a file of another saturation is not offered"


@pytest.mark.parametrize("name, made", [("a.JPG", ".png"), ("a.webp", ".webp"), ("a.bmp", ".png"), ("a", ".png")])
def test_transparent_parts_stay_and_formats_that_are_not_written_become_png(page, mine, name, made):
    see_through = np.dstack([FLOWERS[0], np.full((48, 48), 90, np.uint8)])
    upload(page, name, content(see_through))
    found, file = mine.file()
    assert found == f"a-colored{made}"
    assert (np.asarray(Image.open(io.BytesIO(file)))[..., 3] == 90).all()


def test_a_name_cannot_leave_the_link():
    assert 'download="a&quot; onclick=&quot;b.png"' in download_link('a" onclick="b.png', b"x")


def test_it_wants_a_photo(page):
    with pytest.raises(ValueError, match="at least one photo"):
        own_photo({}, Painter())


def test_small_copies_keep_their_shape():
    assert fitted(WIDE, 100) is WIDE and fitted(WIDE.repeat(9, 0).repeat(9, 1), 144).shape == (90, 144, 3)


# ---------------------------------------------------------------------------------------------------- a strip


class Blue(Painter):
    def colorize(self, image, saturation=1.0, name=None):
        return super().colorize(image, saturation)[..., ::-1]


def test_the_strip_has_each_painting_in_its_place_and_frames_the_chosen_one(page):
    choice = choice_strip(WIDE, {"red": Painter(), "blue": Blue()}, (0.5, 1.0, 2.0))
    assert choice == Choice("red", 1.0)
    rows = {
        "red": [Painter().colorize(WIDE, s) for s in (0.5, 1, 2)],
        "blue": [Blue().colorize(WIDE, s) for s in (0.5, 1, 2)],
    }
    columns = ["50%", "100%", "200%"]
    assert shows(page.picture, strip_picture(rows, columns, "red", "100%"))
    weights, saturation = page.controls("ToggleButtons")
    weights.value, saturation.value = "blue", "200%"
    assert choice == Choice("blue", 2.0) and "chosen: blue, 200%" in page.alt
    picture = strip_picture(rows, columns, "blue", "200%")
    assert shows(page.picture, picture)
    for i, name in enumerate(rows):
        for j in range(3):
            y, x = 28 + i * 40, 110 + j * 58
            assert np.array_equal(picture[y : y + 30, x : x + 48], rows[name][j])
            framed = (picture[y + 10, x - 3] == CHOSEN).all()
            assert framed == ((name, j) == ("blue", 2))


def test_both_say_what_to_try(page, mine):
    assert control(page, "HTML").value.startswith("<b>Try:</b> take a photo of your own")
    page.shown.clear()
    choice_strip(WIDE, {"red": Painter()})
    assert control(page, "HTML").value.startswith("<b>Try:</b> which would you hang on a wall?")


def test_an_empty_strip_is_refused(page):
    for colorizers, saturations in (({}, (1.0,)), ({"red": Painter()}, ())):
        with pytest.raises(ValueError, match="at least one"):
            choice_strip(WIDE, colorizers, saturations)
