"""helpers.publish site: a little course with planted words for each rule; of the real one every link is followed."""

import base64
import io
import json
import posixpath
import re
import urllib.parse

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers.publish import ROOT, notebooks, page, site
from helpers.publish.__main__ import main


def jpeg(color="red"):
    buffer = io.BytesIO()
    Image.new("RGB", (12, 8), color).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


def picture(color="red", alt="a red sheet"):
    return new_output(
        "display_data", {"image/jpeg": jpeg(color), "text/plain": "x"}, metadata={"image/jpeg": {"alt": alt}}
    )


SLIDER = (
    f'<div><div role="img" aria-label="before &amp; after" style="background-image:url(data:image/jpeg;base64,'
    f'{jpeg("blue")})"></div><input type="range" aria-label="how much"></div>'
)
FIRST = [
    new_markdown_cell("# 00 · First\n\n![Flowers](../images/flowers.png)\n\nSee [the license](../LICENSE)."),
    new_code_cell("# Set-up, the same in every notebook: none", outputs=[]),
    new_markdown_cell("## 1 · A walrus\n\nOn [chapter 1](01_second.ipynb#a-yak), [all](..). **Predict:** what color?"),
    new_code_cell("paint()", outputs=[picture()], metadata={"jupyter": {"outputs_hidden": True}}),
    new_markdown_cell("*A sheet, and a quokka.*\n\n## 2 · Recap"),
]
SECOND = [
    new_markdown_cell("# 01 · Second\n\n[Worked](solutions/01_second_solutions.ipynb)\n\n### A yak\n\nText."),
    new_code_cell(
        "print(1)\nbefore_after()",
        outputs=[
            new_output("stream", name="stdout", text="one <b>\n"),
            new_output("stream", name="stdout", text="two\n"),
            picture("green", alt="before & after"),
            new_output("display_data", {"text/html": SLIDER, "text/plain": "x"}),
        ],
    ),
]


@pytest.fixture
def little(tmp_path, monkeypatch):
    """Folder of a little course, at which the commands look now."""
    root = tmp_path / "course"
    (root / "notebooks" / "solutions").mkdir(parents=True)
    (root / "images").mkdir()
    Image.new("RGB", (30, 20)).save(root / "images" / "flowers.png")
    (root / "README.md").write_text("# A course\n\n| a | b |\n|-|-|\n| 1 | [x](notebooks/00_first.ipynb) |\n")
    (root / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (root / "LICENSE").write_text("MIT")
    worked = [new_markdown_cell("# Second: solutions\n\n[Back](../01_second.ipynb)")]
    for name, cells in {"00_first": FIRST, "01_second": SECOND, "solutions/01_second_solutions": worked}.items():
        nbformat.write(new_notebook(cells=cells), root / "notebooks" / f"{name}.ipynb")
    for module in (site, page):
        monkeypatch.setattr(module, "ROOT", root)
    for module in (site, notebooks):
        monkeypatch.setattr(module, "NOTEBOOKS", root / "notebooks")
    return root


def made(little):
    folder = little.parent / "site"
    assert main(["site", str(folder)]) == 0
    return folder


def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")


def rewrite(little, name, old, new):
    path = little / name
    path.write_text(path.read_text(encoding="utf8").replace(old, new), encoding="utf8")


# ---------------------------------------------------------------------------------- a little course


def test_files_of_a_site(little):
    folder = made(little)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        ".nojekyll",
        "assets/made-by.txt",
        "assets/page.js",
        "assets/search-index.js",
        "assets/style.css",
        "images/flowers.png",
        "index.html",
        "notebooks/00_first.html",
        "notebooks/01_second.html",
        "notebooks/solutions/01_second_solutions.html",
        "pictures/00_first-01.jpg",
        "pictures/01_second-01.jpg",
    ]
    assert (folder / "pictures/00_first-01.jpg").read_bytes() == base64.b64decode(jpeg())


def test_links_between_notebooks_become_links_between_pages(little):
    first = soup(made(little) / "notebooks/00_first.html")
    links = {a.get_text(): a["href"] for a in first.main("a")}
    assert links == {"chapter 1": "../notebooks/01_second.html#a-yak", "all": "../index.html"}
    assert "See the license." in first.main.get_text()  # there is no address where it could be read


def test_files_of_the_repository_are_linked_once_it_has_an_address(little):
    (little / "pyproject.toml").write_text('[project.urls]\nRepository = "https://example.org/me/course/tree/next"\n')
    (link,) = soup(made(little) / "notebooks/00_first.html").main("a", string="the license")
    assert link["href"] == "https://example.org/me/course/blob/next/LICENSE"


@pytest.mark.parametrize(
    ("toml", "address"),
    [
        ("[project]\nRepository = 'https://x.org/a/b'\n", None),
        ('[project.urls]\nSource = "https://x.org/a/b.git"\n[tool.x]\n', "https://x.org/a/b/blob/HEAD"),
        ('[project.urls]\n[tool.x]\nRepository = "https://x.org/a/b"\n', None),
    ],
)
def test_address(toml, address):
    assert site.address_of(toml) == address


def test_what_a_cell_shows(little):
    folder = made(little)
    first, second = (soup(folder / f"notebooks/{name}.html") for name in ("00_first", "01_second"))
    setup, answer = first.main("details")
    assert "Set-up" in setup.summary.get_text() and "# Set-up" in setup.pre.get_text()
    assert answer.img["alt"] == "a red sheet" and (answer.img["width"], answer.img["height"]) == ("12", "8")
    assert "open" not in answer.attrs
    (caption,) = first(class_="caption")
    assert caption.get_text() == "A sheet, and a quokka."
    printed = second.find("pre", class_="printed")
    assert printed.get_text() == "one <b>\ntwo\n"  # one output, and no tag
    assert not second.main("img")  # the slider shows what the still above it would
    assert "url(../pictures/01_second-01.jpg)" in second.find(role="img")["style"]


def test_search_finds_planted_words(little):
    script = (made(little) / "assets/search-index.js").read_text(encoding="utf8")
    entries = json.loads(script.removeprefix("window.searchIndex = ").rstrip(";\n"))
    found = {
        word: [e["address"] for e in entries if word in e["title"] + e["text"]] for word in ("walrus", "quokka", "two")
    }
    assert found == {
        "walrus": ["notebooks/00_first.html#1--a-walrus"],
        "quokka": ["notebooks/00_first.html#1--a-walrus"],
        "two": ["notebooks/01_second.html#a-yak"],
    }
    assert "</" not in script


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "notebooks/00_first.ipynb",
            "../LICENSE",
            "../LICENCE",
            r"00_first.ipynb leads to ../LICENCE, which is not there",
        ),
        ("notebooks/00_first.ipynb", "../LICENSE", "../../x", r"00_first.ipynb leads to ../../x, which is not there"),
        ("notebooks/00_first.ipynb", "a red sheet", " ", r"00_first.ipynb: the picture .* has no alt text"),
        ("notebooks/00_first.ipynb", "![Flowers]", "![]", r"00_first.ipynb: the picture .* has no alt text"),
        ("notebooks/00_first.ipynb", "## 2", "# 2", r"00_first.ipynb must begin with a title"),
        ("README.md", "# A course", "A course", r"README.md must begin with a title"),
        ("notebooks/01_second.ipynb", "{", "[", r"01_second.ipynb is no notebook"),
    ],
)
def test_what_is_wrong_is_named_and_leaves_the_old_site(little, capsys, name, old, new, words):
    folder = made(little)
    (folder / "mine.txt").write_text("still here")
    rewrite(little, name, old, new)
    assert main(["site", str(folder)]) == 1
    assert re.search(words, capsys.readouterr().err)
    assert (folder / "mine.txt").exists() and {p.name for p in little.parent.iterdir()} == {"course", "site"}


def test_only_a_site_of_ours_is_replaced(little):
    folder = made(little)
    (folder / "notebooks/old.html").write_text("of a chapter that is gone")
    assert main(["site", str(folder)]) == 0 and not (folder / "notebooks/old.html").exists()
    foreign, empty = little.parent / "foreign", little.parent / "empty"
    foreign.mkdir()
    empty.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    for taken in (foreign, foreign / "thesis.txt"):
        with pytest.raises(SystemExit, match="holds something that is no site of this course"):
            main(["site", str(taken)])
    assert [p.name for p in foreign.iterdir()] == ["thesis.txt"]
    assert (foreign / "thesis.txt").read_text() == "years of work"
    assert main(["site", str(empty)]) == 0 and (empty / "index.html").exists()


# ---------------------------------------------------------------------------------------- the real one


@pytest.fixture(scope="module")
def course(published_site):
    """{place: parsed page} of the site of this course, and its folder."""
    folder = published_site
    return folder, {p.relative_to(folder).as_posix(): soup(p) for p in sorted(folder.rglob("*.html"))}


def test_all_there_is_has_a_page(course):
    folder, pages = course
    sources = [path.relative_to(ROOT).with_suffix(".html").as_posix() for path in notebooks.notebook_paths()]
    assert {"index.html", "tests/benchmarks/RESULTS.html", *sources} <= pages.keys()
    for place, html in pages.items():
        assert html.html["lang"] == "en" and len(html("h1")) == 1 and html.title.get_text(), place
        assert [html.find(tag) is not None for tag in ("header", "nav", "main", "footer", "search")] == [True] * 5
        assert html.body.a["href"] == "#main" and html.find(id="main")
        (here,) = html(attrs={"aria-current": "page"})
        assert here["href"].endswith(posixpath.basename(place))
        linked = {posixpath.normpath(posixpath.join(posixpath.dirname(place), a["href"])) for a in html.nav("a")}
        assert set(pages) <= linked
        assert all(h.find_parent("nav") or h["id"] for h in html(["h2", "h3"]))


def test_every_link_leads_somewhere_inside(course):
    folder, pages = course
    followed = 0
    for place, html in pages.items():
        ids = [tag["id"] for tag in html(id=True)]
        assert len(ids) == len(set(ids)), place
        for tag in html(["a", "img", "link", "script"]):
            target = tag.get("href") or tag.get("src")
            if not target or re.match(r"https?://|data:,", target):
                continue
            path, _, anchor = target.partition("#")
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(place), path)) if path else place
            assert not inside.startswith("..") and (folder / inside).is_file(), (place, target)
            assert not anchor or pages[inside].find(id=urllib.parse.unquote(anchor)), (place, target)
            followed += 1
        for style in (tag["style"] for tag in html(style=True)):
            for target in re.findall(r"url\((.*?)\)", style):
                assert (folder / posixpath.dirname(place) / target).is_file(), (place, target)
    assert followed > 500


def test_pictures_are_files_with_alt_text_loaded_when_scrolled_to(course):
    folder, pages = course
    for path in notebooks.notebook_paths():
        html = pages[path.relative_to(ROOT).with_suffix(".html").as_posix()]
        for image in html("img"):
            assert image["alt"].strip() and image["loading"] == "lazy" and int(image["width"]) > 0
        stills = len(html.main(role="img"))  # shown as sliders
        pictures = notebooks.count_pictures(nbformat.read(path, as_version=4).cells)
        assert len(html.find_all("img", src=re.compile("pictures/"))) == pictures - stills
    for path in folder.rglob("*.html"):
        assert "base64" not in path.read_text(encoding="utf8")


def test_reading_on_leads_through_all_chapters(course):
    folder, pages = course
    place, seen = "index.html", []
    while place:
        seen.append(place)
        link = pages[place].find("a", rel="next")
        place = link and posixpath.normpath(posixpath.join(posixpath.dirname(place), link["href"]))
    chapters = [f"notebooks/{path.stem}.html" for path in sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))]
    assert seen == ["index.html", *chapters]


def test_no_machine_path_and_every_heading_is_found(course):
    folder, pages = course
    script = (folder / "assets/search-index.js").read_text(encoding="utf8")
    for text in (script, *(p.read_text(encoding="utf8") for p in folder.rglob("*.html"))):
        assert str(folder.parent) not in text and str(ROOT) not in text
        assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users|opt|var)/", text)
    addresses = {e["address"] for e in json.loads(script.removeprefix("window.searchIndex = ").rstrip(";\n"))}
    for place, html in pages.items():
        assert {f"{place}#{h['id']}" for h in html.main(["h1", "h2", "h3"])} <= addresses
