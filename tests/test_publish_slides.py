"""helpers.publish slides: where slides begin, what is stored of that in the chapters, and decks of our own."""

import base64
import io
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers.publish import decks, notebooks, slides
from helpers.publish.__main__ import main

CHAPTERS = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))


def text(source):
    return new_markdown_cell(source)


def code(lines, *outputs):
    return new_code_cell("\n".join(["x = 1"] * lines), outputs=list(outputs))


def picture(width=600, height=300, alt="a sheet"):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG")
    data = {"image/jpeg": base64.b64encode(buffer.getvalue()).decode(), "text/plain": "x"}
    return new_output("display_data", data, metadata={"image/jpeg": {"alt": alt}})


def printed(lines):
    return new_output("stream", text="1\n" * lines)


@pytest.mark.parametrize(
    ("cells", "types"),
    [
        ([text("# T\n\nwords"), text("## 1 · A"), text("### B"), text("words")], "slide slide subslide -"),
        ([text("*A caption.*\n\n## 2 · B"), text("*A caption.*\n\n### C")], "slide subslide"),
        ([text("# T"), text("words"), text("**In this notebook you will**\n- learn")], "slide - subslide"),
        ([text("# T"), code(3), code(4), text("words")], "slide - - -"),  # all of it fits
        ([text("# T"), code(15), code(14)], "slide - subslide"),
        ([text("# T"), code(27), text("words")], "slide - subslide"),  # a heading by itself counts little
        ([text("# T"), code(28)], "slide subslide"),
        ([text("# T\n\nwords"), code(25)], "slide subslide"),
        (
            [text("## A\n\n**Predict:** what?"), code(1, printed(1)), code(1)],
            "slide subslide -",
        ),  # the answer is hidden
        ([text("**Predict:** what?"), text("Think."), code(1)], "- - subslide"),
        ([text("**Predict:** what?"), text("## B"), code(1)], "- slide -"),
        ([text("# T"), code(5, picture()), text("*Its caption, however long.* " * 40)], "slide - -"),
        ([text("# T"), code(5, picture(height=400)), text("*It has room.*")], "slide subslide -"),
        ([text("# T"), code(15, picture(height=400)), text("words")], "slide subslide subslide"),
        ([new_code_cell("# Set-up, the same in every notebook: x"), text("# T")], "skip slide"),
    ],
)
def test_where_slides_begin(cells, types):
    assert slides.slide_types(cells) == types.split()


def test_marks_are_written_and_old_ones_go():
    cells = [text("# T"), text("words"), code(1)]
    cells[1].metadata["slideshow"] = {"slide_type": "fragment"}
    cells[2].metadata["jupyter"] = {"outputs_hidden": True}
    slides.mark(cells)
    assert [dict(cell.metadata) for cell in cells] == [
        {"slideshow": {"slide_type": "slide"}},
        {},
        {"jupyter": {"outputs_hidden": True}},
    ]


def test_pictures_count_as_they_are_shown():
    assert slides.output_height(picture(600, 300)) == 12 + 300
    assert slides.output_height(picture(600, 900)) == 12 + slides.PICTURE
    assert slides.output_height(picture(2400, 600)) == 12 + 300  # as wide as the slide


def test_text_is_cut_into_paragraphs_and_links_to_files_go():
    source = "*A caption.*\n\n[Worked solution](solutions/x.ipynb)\n\n## Next\n\nFormula:\n\n    a = b"
    source += "\n\n- one\n- [two](y.ipynb)\n\n[Paper](https://arxiv.org/abs/1) ![A flower](../images/x.png)"
    pieces = list(slides.cut([text(source), text("*It.*\n\n## 7\n\n```\na\n\nb\n```\n\nwords")]))
    assert [piece.source for piece in pieces] == [
        "*A caption.*",
        "## Next",
        "Formula:\n\n    a = b",
        "- one\n- two",
        "[Paper](https://arxiv.org/abs/1) ![A flower](../images/x.png)",
        "*It.*",
        "## 7",
        "```\na\n\nb\n```",
        "words",
    ]
    assert len({piece.id for piece in pieces}) == len(pieces)


def test_a_picture_without_room_below_its_code_comes_on_the_next_slide():
    cell = code(14, printed(2), picture(height=380), picture(height=380), printed(3))
    pieces = list(slides.cut([cell, code(3, picture())]))
    assert [len(piece.outputs) for piece in pieces] == [0, 2, 2, 1]
    assert [bool(piece.metadata.get("transient")) for piece in pieces] == [False, True, True, False]
    assert all(slides.height_of(piece) <= slides.HEIGHT for piece in pieces)
    assert len(cell.outputs) == 4 and not cell.metadata  # the notebook itself stays as it is


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_stored_chapters_are_marked(path):
    """If not: python -m helpers.publish slides"""
    cells = nbformat.read(path, as_version=4).cells
    stored = [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in cells]
    assert stored == slides.slide_types(cells)
    for cell, kind in zip(cells, stored, strict=True):
        if cell.cell_type == "markdown" and re.search(r"^##? ", cell.source, re.M):
            assert kind == "slide" or re.search(r"^### .*\n[^#]*^## ", cell.source, re.M)
    assert stored[0] == "slide" and stored[1] == "skip"


@pytest.fixture
def little(tmp_path, monkeypatch):
    root = tmp_path / "course"
    (root / "notebooks" / "solutions").mkdir(parents=True)
    (root / "images").mkdir()
    Image.new("RGB", (30, 20)).save(root / "images" / "flowers.png")
    cells = [
        text("# 01 · A & B\n\n![Flowers](../images/flowers.png)\n\nwords"),
        new_code_cell("# Set-up, the same in every notebook: SECRET"),
        text("## 1 · First\n\n**Predict:** what?"),
        code(2, picture(alt="before & after")),
        text("*The caption.*\n\n## 2 · Second\n\nwords"),
    ]
    for name in ("01_one", "solutions/01_one_solutions"):
        nbformat.write(new_notebook(cells=cells), root / "notebooks" / f"{name}.ipynb")
    monkeypatch.setattr(decks, "ROOT", root)
    for module in (decks, notebooks):
        monkeypatch.setattr(module, "NOTEBOOKS", root / "notebooks")
    return root


def test_marking_changes_the_chapters_alone_and_once(little):
    solution = (little / "notebooks/solutions/01_one_solutions.ipynb").read_bytes()
    assert main(["slides"]) == 0
    marked = (little / "notebooks/01_one.ipynb").read_bytes()
    kinds = [c.metadata.get("slideshow", {}).get("slide_type") for c in nbformat.reads(marked, as_version=4).cells]
    assert kinds == ["slide", "skip", "slide", "subslide", "slide"]
    assert main(["slides"]) == 0 and (little / "notebooks/01_one.ipynb").read_bytes() == marked
    assert (little / "notebooks/solutions/01_one_solutions.ipynb").read_bytes() == solution
    assert [path.name for path in little.parent.iterdir()] == ["course"]  # no decks were asked for


def test_a_deck(little, capsys):
    folder = little.parent / "decks"
    assert main(["slides", "--to", str(folder), "--reveal", "reveal.js"]) == 0
    deck = BeautifulSoup((folder / "notebooks/01_one.html").read_text(encoding="utf8"), "html.parser")
    leaves = [section for section in deck("section") if not section.section]
    assert capsys.readouterr().out == "01_one: 4 slides\n"
    assert [" ".join(leaf.get_text().split())[:14] for leaf in leaves] == [
        "01 · A & B wor",
        "1 · First Pred",
        "x = 1 x = 1 Th",
        "2 · Second wor",
    ]
    assert leaves[2].img["alt"] == "before & after" and "The caption." in leaves[2].get_text()
    assert "SECRET" not in deck.get_text() and deck.title.get_text() == "01 · A & B slides"
    assert (folder / "notebooks" / leaves[0].img["src"]).resolve().is_file()
    assert {tag["src"].split("/")[0] for tag in deck("script", src=True)} == {
        "reveal.js"
    }  # and nothing else is fetched
    (little.parent / "mine").mkdir()
    (little.parent / "mine/thesis.txt").write_text("years")
    with pytest.raises(SystemExit, match="no site of this course"):
        main(["slides", "--to", str(little.parent / "mine")])
