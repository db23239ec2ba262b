"""Where slides begin in a chapter: the metadata that `jupyter nbconvert --to slides` and RISE go by."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy

import nbformat
from PIL import Image

SKIPPED = ("# Set-up, the same in every notebook", "from helpers.environment import hardware")
HEIGHT, PICTURE, CAPTION = 650, 400, 80  # pixels that cells may fill, a picture, and the text below it
"""The sizes are those of notebooks/reveal/static/custom_reveal.css, where a slide has 1280 × 720."""


def slide_types(cells: Sequence) -> list[str]:
    """For each cell what nbformat calls its slide type: "slide", "subslide", "skip", or "-" to go on below.

    A heading begins a slide, a smaller one a subslide; what answers a "**Predict" is not seen beside the question; a
    caption stays below its picture; else a new subslide begins where the height of this one is used up, for which a
    heading by itself counts little.
    """
    types, used, asked, pictured, bare = [], 0, False, False, False
    for cell in cells:
        if cell.source.startswith(SKIPPED):
            types.append("skip")
            continue
        height, text = height_of(cell), cell.cell_type == "markdown"
        heading = re.search(r"^(#+) ", cell.source, re.M) if text else None
        caption = text and pictured and re.match(r"\*[^*]", cell.source)
        pictured = not text and any(output_height(output) > 60 for output in cell.outputs)
        full = used and used + height + CAPTION * pictured > HEIGHT + 30 * bare and not caption
        kind = "-"
        if heading:
            kind = "slide" if len(heading[1]) < 3 else "subslide"
        elif full or (asked and not text) or cell.source.startswith("**In this notebook you will**"):
            kind = "subslide"
        types.append(kind)
        used = height if kind != "-" else used + height
        asked = text and ("**Predict" in cell.source or (asked and not heading))
        bare = bool(heading) and "\n" not in cell.source.strip()
    return types


def height_of(cell) -> int:
    """About how many pixels of a slide a cell fills."""
    if cell.cell_type == "markdown":
        return sum(_block_height(block) for block in re.split(r"\n\s*\n", cell.source.strip()))
    code = 0 if cell.metadata.get("transient") else 35 + 21 * len(cell.source.splitlines())
    return code + sum(map(output_height, shown(cell.outputs)))


def shown(outputs: Sequence) -> Sequence:
    """Less a still that says the same as the slider below it."""
    data = [output.get("data", {}) for output in outputs]
    slider = any("text/html" in it for it in data)
    return [output for output, it in zip(outputs, data, strict=True) if not (slider and "image/jpeg" in it)]


def _block_height(block: str) -> int:
    if block.startswith("!["):
        return 310
    if heading := re.match(r"#+ ", block):
        return 65 if len(heading[0]) < 4 else 50
    lines = re.split(r"\n(?=\s*(?:[-*|]|\d+\.) ?)", block)
    return 12 + 32 * sum(1 + len(line) // 105 for line in lines)


def output_height(output) -> int:
    """About how many pixels of a slide an output of a cell fills."""
    data = output.get("data", {})
    if kind := next((kind for kind in ("image/png", "image/jpeg") if kind in data), ""):
        width, height = Image.open(io.BytesIO(base64.b64decode(data[kind]))).size
        return 12 + round(min(PICTURE, height, height * 1200 / width))
    if "text/html" in data:
        return 60 + PICTURE
    if "text/markdown" in data:
        return 20 + sum(34 + 24 * (len(line) // 110) for line in data["text/markdown"].splitlines())
    return 10 + 21 * len((output.get("text") or data.get("text/plain", "")).splitlines())


def cut(cells: Sequence) -> Iterator:
    """The same cells in pieces: paragraphs, lists, tables and headings; what does not fit below its code by itself.

    Links to files of the course, which are not beside a deck, become plain text.
    """
    for cell in cells:
        pieces = [_piece(cell)]
        if cell.cell_type == "markdown":
            source = re.sub(r"(?<!!)\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", cell.source)
            pieces = [_piece(cell, source=block) for block in _blocks(source) if block != "Worked solution"]
        elif cell.cell_type == "code" and height_of(cell) > HEIGHT - CAPTION:
            pieces = [_piece(cell, outputs=[])]
            for output in cell.outputs:
                if len(pieces) > 1 and height_of(pieces[-1]) + output_height(output) <= HEIGHT - CAPTION:
                    pieces[-1].outputs.append(output)
                else:
                    metadata = cell.metadata | {"transient": {"remove_source": True}}
                    pieces.append(_piece(cell, outputs=[output], metadata=nbformat.from_dict(metadata)))
        for number, piece in enumerate(pieces):
            piece.id = f"{cell.id}-{number}"
            yield piece


def _blocks(source: str) -> list[str]:
    """Paragraphs; what is indented belongs to what stands above it, and a fence is one block."""
    blocks = []
    for block in re.split(r"\n\s*\n(?=\S)", source.strip()):
        if blocks and blocks[-1].count("```") % 2:
            blocks[-1] += f"\n\n{block}"
        else:
            blocks.append(block)
    return blocks


def _piece(cell, **changed):
    piece = deepcopy(cell)
    piece.update(changed)
    return piece


def mark(cells: Sequence) -> None:
    """Write `slide_types` into the metadata of the cells; "-" is what a cell without any has."""
    for cell, kind in zip(cells, slide_types(cells), strict=True):
        cell.metadata.pop("slideshow", None)
        if kind != "-":
            cell.metadata["slideshow"] = {"slide_type": kind}
