"""One page of the site: the stored cells of a notebook, or a page of Markdown, as HTML with pictures of its own."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape
from pathlib import Path, PurePosixPath

import jinja2
import nbformat
from bs4 import BeautifulSoup, NavigableString, Tag
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from PIL import Image

from . import ROOT

THEME = Path(__file__).parent / "theme"
ENDING = {"image/jpeg": "jpg", "image/png": "png"}
INLINE = ("a", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup")
DATA = re.compile(r"data:(image/(?:jpeg|png));base64,([A-Za-z0-9+/=\n]+)")


@dataclass
class Section:
    """A heading and the text below it, up to the next heading. level: 1 to 3."""

    level: int
    title: str
    anchor: str
    text: str = ""


@dataclass
class Page:
    """source: in the repository; target: in the site; both relative, with slashes."""

    source: str
    target: str
    body: str = ""
    sections: list[Section] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    """Those that were stored in the page: {place in the site: content}."""

    @property
    def title(self) -> str:
        return self.sections[0].title

    @property
    def root(self) -> str:
        """The way up: "../../" for a page two folders down."""
        return "../" * self.target.count("/")


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook, or a page of Markdown as one with a single cell. Raises ValueError, which names it, if damaged."""
    if path.suffix == ".md":
        text = path.read_text(encoding="utf8")
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat has no class of error that covers all of them
        raise ValueError(f"{path.name} is no notebook: {error}") from error


def render(page: Page, notebook: nbformat.NotebookNode, resolve: Callable[[str, str], str | None]) -> None:
    """Fill in body, sections and pictures of a page.

    resolve: called with ("a" or "img", what a link or picture leads to), relative to the page's source; gives the place
    in the site relative to its root, an address with https://, or None, and then the link becomes plain text. Raises
    ValueError, which names the page, for a picture without alt text, and for a page without exactly one title.
    """
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        _take_pictures(cell, page)
    streams = CoalesceStreamsPreprocessor(enabled=True)
    exporter = HTMLExporter(template_file=str(THEME / "notebook.html.j2"), preprocessors=[streams])
    body = BeautifulSoup(exporter.from_notebook_node(notebook)[0], "html.parser")
    _name_headings(body)
    _lead_links(body, page, resolve)
    _describe_pictures(body, page)
    for paragraph in body("p"):
        children = [child for child in paragraph.children if str(child).strip()]
        if len(children) == 1 and children[0].name == "em":
            paragraph["class"] = "caption"
    for table in body("table"):
        table.wrap(body.new_tag("div", attrs={"class": "wide", "role": "group", "aria-label": "table"}))
        for head in table("th"):
            head["scope"] = "col"
    page.sections = _sections(body)
    if (levels := [section.level for section in page.sections]).count(1) != 1 or levels[0] != 1:
        raise ValueError(f"{page.source} must begin with a title, a line with one #, and have no other")
    page.body = str(body)


def _name_headings(body: BeautifulSoup) -> None:
    """Ids as GitHub gives them, so that links into a README lead to the same place here."""
    seen: dict[str, int] = {}
    for link in body.select("a.anchor-link"):
        link.decompose()
    for heading in body(["h1", "h2", "h3", "h4", "h5", "h6"]):
        name = re.sub(r"[^\w\- ]", "", heading.get_text().strip().lower()).replace(" ", "-") or "section"
        seen[name] = seen.get(name, -1) + 1
        heading["id"] = f"{name}-{seen[name]}" if seen[name] else name


def _lead_links(body: BeautifulSoup, page: Page, resolve: Callable[[str, str], str | None]) -> None:
    for tag in body(["a", "img"]):
        key = "href" if tag.name == "a" else "src"
        target = tag.get(key, "")
        if re.match(r"[a-z][a-z0-9+.-]*:|#|//", target) or target.removeprefix(page.root) in page.pictures:
            continue
        path, _, anchor = target.partition("#")
        place = resolve(tag.name, path)
        if place is None:
            tag.unwrap()
            continue
        if not place.startswith("https://"):
            place = page.root + place
        tag[key] = f"{place}#{anchor}" if anchor else place


def _take_pictures(cell: nbformat.NotebookNode, page: Page) -> None:
    """Put the pictures in a cell's outputs into `page.pictures`, and their place in the site where they were.

    A still that says the same as the slider of plain HTML below it goes: here each slider works.
    """

    def keep(found: re.Match) -> str:
        content = base64.b64decode(found[2])
        place = next((place for place, known in page.pictures.items() if known == content), None)
        if place is None:
            place = f"pictures/{PurePosixPath(page.target).stem}-{len(page.pictures) + 1:02}.{ENDING[found[1]]}"
            page.pictures[place] = content
        return page.root + place

    outputs = cell.get("outputs", [])
    drawn = " ".join(output.get("data", {}).get("text/html", "") for output in outputs)
    for output in outputs[:]:
        data, metadata = output.get("data", {}), output.get("metadata", {})
        kind = next((kind for kind in ("image/png", "image/jpeg") if kind in data), "")
        alt = metadata.get(kind, {}).get("alt", "")
        if kind and alt and f'aria-label="{escape(alt)}"' in drawn:
            outputs.remove(output)
        elif kind:
            place = DATA.sub(keep, f"data:{kind};base64,{data[kind]}")
            output.data = {"text/html": f'<img src="{place}" alt="{escape(alt)}">'}
        elif "text/html" in data:
            output.data = {"text/html": f'<div class="drawn">{DATA.sub(keep, data["text/html"])}</div>'}


def _describe_pictures(body: BeautifulSoup, page: Page) -> None:
    """Each picture has alt text and its size, so that the text does not jump, and is loaded when it is scrolled to."""
    for tag in body("img"):
        if not tag.get("alt", "").strip():
            raise ValueError(f"{page.source}: the picture {tag['src']} has no alt text")
        tag["loading"] = "lazy"
        if not tag["src"].startswith("https://"):
            place = tag["src"].removeprefix(page.root)
            content = page.pictures.get(place) or (ROOT / place).read_bytes()
            if not content.lstrip().startswith(b"<"):  # SVG has no size
                tag["width"], tag["height"] = map(str, Image.open(io.BytesIO(content)).size)


def _sections(body: BeautifulSoup) -> list[Section]:
    """Headings of the first three levels, each with all text below it, code and outputs too, in one line."""
    sections: list[Section] = []

    def walk(parent: Tag) -> None:
        for node in parent.children:
            if isinstance(node, Tag) and node.name in ("h1", "h2", "h3"):
                sections.append(Section(int(node.name[1]), " ".join(node.get_text().split()), node["id"]))
            elif isinstance(node, Tag) and node.name not in ("summary", "style", "script"):
                if sections and node.name not in INLINE:
                    sections[-1].text += " "
                walk(node)
            elif sections and type(node) is NavigableString:  # no comments
                sections[-1].text += node

    walk(body)
    for section in sections:
        section.text = " ".join(section.text.split())
    return sections


def full_page(page: Page, **context) -> str:
    """The HTML of a whole page around its body. context: what theme/page.html.j2 asks for."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(THEME), autoescape=True, trim_blocks=True)
    template = environment.get_template("page.html.j2")
    body = page.body  # made by nbconvert from files of our own
    context |= {"title": page.title, "source": page.source, "root": page.root, "sections": page.sections[1:]}
    return template.render(body=Markup(body), **context)
