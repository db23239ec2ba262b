"""A site to read without running: all pages of the course in a folder that any static host serves, or file://."""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import ROOT, project_urls
from .notebooks import NOTEBOOKS, notebook_paths
from .page import THEME, Page, full_page, read_notebook, render

COURSE = "Image colorization"
FRONT, GUIDE, MEASURED = "README.md", "notebooks/README.md", "tests/benchmarks/RESULTS.md"
MARK = "assets/made-by.txt"
"""In each folder made here: one with it is replaced, any other is left alone."""


def address_of(project: str) -> str | None:
    """Where files of the repository are read, by the [project.urls] of a pyproject.toml; None if it has none."""
    urls = project_urls(project)
    if not (found := urls.get("repository") or urls.get("source")):
        return None
    address, _, branch = found.rstrip("/").removesuffix(".git").partition("/tree/")
    return f"{address}/blob/{branch or 'HEAD'}"


def gather() -> list[Page]:
    """The pages there are, not yet rendered: front page, chapters, guide, measurements, solutions."""
    chapters, solutions = [], []
    for path in notebook_paths():
        (chapters if path.parent == NOTEBOOKS else solutions).append(path.relative_to(ROOT).as_posix())
    others = [name for name in (GUIDE, MEASURED) if (ROOT / name).exists()]
    sources = [FRONT, *chapters, *others, *solutions]
    return [Page(name, "index.html" if name == FRONT else re.sub(r"\.\w+$", ".html", name)) for name in sources]


def render_all(pages: Sequence[Page]) -> set[str]:
    """Fill in all pages. Gives the pictures they show that are files of the repository. ValueError for a dead link."""
    targets, shown = {page.source: page.target for page in pages}, set()
    address = address_of((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    for page in pages:

        def resolve(kind: str, path: str, page: Page = page) -> str | None:
            name = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path))
            if name.startswith("..") or not (ROOT / name).exists():
                raise ValueError(f"{page.source} leads to {path}, which is not there")
            if kind == "img":
                shown.add(name)
                return name
            name = next((it for it in (name, posixpath.normpath(f"{name}/README.md")) if it in targets), name)
            return targets.get(name) or (address and f"{address}/{name}")

        render(page, read_notebook(ROOT / page.source), resolve)
    return shown


def search_index(pages: Sequence[Page]) -> str:
    """A script that sets `window.searchIndex`, since a page from file:// may load a script but no JSON."""
    entries = [
        {"page": page.title, "title": section.title, "address": f"{page.target}#{section.anchor}", "text": section.text}
        for page in pages
        for section in page.sections
    ]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False).replace("<", "\\u003c") for entry in entries)
    return f"window.searchIndex = [\n{lines}\n];\n"


def group_of(page: Page) -> str:
    """Where a page stands in the contents list."""
    if "/solutions/" in page.source:
        return "Worked solutions"
    return "Chapters" if page.source == FRONT or page.source.endswith(".ipynb") else "Beside the chapters"


def entry(page: Page, here: Page) -> dict:
    """A link to a page, as seen from another."""
    title = {FRONT: "About the course", GUIDE: "Teaching with it"}.get(page.source, page.title)
    return {"title": title, "href": here.root + page.target, "here": page is here}


def contents(pages: Sequence[Page], here: Page) -> list[tuple[str, list[dict]]]:
    """The contents list as seen from one page: (name of a group, its entries)."""
    names = list(dict.fromkeys(map(group_of, pages)))
    return [(name, [entry(page, here) for page in pages if group_of(page) == name]) for name in names]


def neighbors(pages: Sequence[Page], here: Page) -> list[dict | None]:
    """Links to the previous and the next page of the same group, None at its ends."""
    row = [None, *(page for page in pages if group_of(page) == group_of(here)), None]
    at = row.index(here)
    return [page and entry(page, here) for page in (row[at - 1], row[at + 1])]


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """`with replacing(folder) as beside`: the body fills a new folder beside, which then takes the place of the old.

    Raises SystemExit before that for a folder that holds anything and was not made here.
    """
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise SystemExit(f"error: {folder} holds something that is no site of this course; name a new or empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside, old = (folder.with_name(f".{folder.name}.{what}-{os.getpid()}") for what in ("partial", "old"))
    try:
        beside.mkdir()
        yield beside
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for leftover in (beside, old):
            shutil.rmtree(leftover, ignore_errors=True)


def put(folder: Path, name: str, content: str | bytes) -> None:
    """A file of the site, in folders made for it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf8") if isinstance(content, str) else content)


def publish_site(folder: Path) -> None:
    """Write the site into `folder`: a new or empty one, or one that this command made, which is replaced as a whole.

    Everything is read from what is stored; nothing is executed.
    """
    folder = folder.resolve()
    with replacing(folder) as beside:
        pages = gather()
        pictures = render_all(pages)
        for page in pages:
            before, after = neighbors(pages, page)
            html = full_page(page, course=COURSE, contents=contents(pages, page), before=before, after=after)
            put(beside, page.target, html)
            for name, content in page.pictures.items():
                put(beside, name, content)
        for name in pictures:
            put(beside, name, (ROOT / name).read_bytes())
        for name in ("style.css", "page.js"):
            put(beside, f"assets/{name}", (THEME / name).read_bytes())
        put(beside, "assets/search-index.js", search_index(pages))
        put(beside, MARK, "Made by `python -m helpers.publish site`, which replaces this folder as a whole.\n")
        put(beside, ".nojekyll", "")  # GitHub Pages: serve the files as they are
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{len(pages)} pages, {len(files)} files, {size:.1f} MB: open {folder / 'index.html'}")
