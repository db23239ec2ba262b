"""A deck of slides for each chapter, for a lesson; and the marks by which others make decks.

`jupyter nbconvert --to slides`, run in notebooks/, goes by the marks in the stored notebooks and by our style sheet;
what does not fit scrolls. In decks of our own, for 1280 × 720, no slide scrolls: text is first cut into its paragraphs,
since a caption and the next heading often share a cell, and a picture without room below its code gets the next slide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

from ..backstage.files import writing
from . import ROOT
from .notebooks import NOTEBOOKS, notebook_paths
from .page import THEME
from .site import MARK, put, replacing
from .slides import cut, mark, shown

LEAF = r"<section[^>]*>(?!\s*<section)"
REVEAL = "https://unpkg.com/reveal.js@4.6.1"


def deck(notebook: nbformat.NotebookNode, reveal: str) -> str:
    """One page of HTML, a deck for 1280 × 720. reveal: address or folder of reveal.js 4, which draws it."""
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = shown(cell.outputs)
    notebook.cells = list(cut(notebook.cells))
    mark(notebook.cells)
    streams = CoalesceStreamsPreprocessor(enabled=True)
    places = {"template_file": str(THEME / "slides.html.j2"), "extra_template_basedirs": [str(NOTEBOOKS)]}
    exporter = SlidesExporter(preprocessors=[streams], **places)
    exporter.reveal_url_prefix = reveal
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = exporter.exclude_anchor_links = True
    return exporter.from_notebook_node(notebook)[0]


def publish_slides(names: Sequence[str] = (), to: Path | None = None, reveal: str = REVEAL) -> None:
    """Mark the stored cells of chapters, without executing them. names: stems; none means all.

    to: a folder, new, empty or made here, into which decks of all of them are written. reveal: as `deck` has it.
    """
    paths = [path for path in notebook_paths(names) if path.parent == NOTEBOOKS]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        before = deepcopy(notebook)
        mark(notebook.cells)
        if notebook != before:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
    if to is None:
        return
    with replacing(to.resolve()) as beside:
        for path in paths:
            notebook = nbformat.read(path, as_version=4)
            title = notebook.cells[0].source.split("\n")[0].removeprefix("# ")
            notebook.metadata["title"] = title
            html = deck(notebook, reveal)
            put(beside, f"notebooks/{path.stem}.html", html)
            print(f"{path.stem}: {len(re.findall(LEAF, html))} slides", flush=True)
        for picture in sorted((ROOT / "images").iterdir()):
            put(beside, f"images/{picture.name}", picture.read_bytes())
        put(beside, MARK, "Made by `python -m helpers.publish slides`, which replaces this folder as a whole.\n")
