"""What is counted and measured of the notebooks, and what is stored of their outputs; executing.py runs them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat

from ..backstage.files import read_json
from ..recipe import PRESETS
from . import ROOT, substituted

NOTEBOOKS = ROOT / "notebooks"
MINUTES = NOTEBOOKS / "minutes.json"
"""What was measured: {stem: {budget: {"seconds": …, "hardware": …, "mini": …}}}. The Time lines are written from it."""
MEMORY = NOTEBOOKS / "memory.json"
"""The most memory that each notebook's kernel took: {stem: {budget: GB}}."""


def notebook_paths(names: Sequence[str] = ()) -> list[Path]:
    """The notebooks in reading order, then the solutions; only those named, if any is. SystemExit for other names."""
    paths = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(NOTEBOOKS.glob("solutions/*.ipynb"))]
    if unknown := set(names) - {path.stem for path in paths}:
        raise SystemExit(f"error: no notebook is called {', '.join(sorted(unknown))}")
    return [path for path in paths if not names or path.stem in names]


def notebooks_table() -> str:
    """The README's table of chapters, counted and measured: title, pictures, exercises, and the three times."""
    minutes = read_json(MINUTES)
    lines = ["| notebook | pictures | reading | exercises | computing at the `cpu` budget |", "|-|-|-|-|-|"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        title = cells[0].source.split("\n")[0].removeprefix("# ")
        numbers = exercise_numbers(cells)
        exercises = f"{len(numbers)}: {exercise_minutes(solution_lines(path))} minutes" if numbers else "none"
        measured = minutes.get(path.stem, {}).get("cpu")
        took = f"{duration_words(measured['seconds'])} on {measured['hardware']}" if measured else "not yet measured"
        lines.append(
            f"| [{title}](notebooks/{path.name}) | {count_pictures(cells)} | {reading_minutes(cells)} minutes "
            f"| {exercises} | {took} |"
        )
    return "\n".join(lines)


def count_pictures(cells: Sequence) -> int:
    """How many outputs of these cells are pictures."""
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return sum(any(kind.startswith("image/") for kind in data) for data in shown)


def exercise_numbers(cells: Sequence) -> list[str]:
    """The numbers of the exercises that are checked here, as "01-2", sorted."""
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return sorted(set(re.findall(r"""\bcheck\(f?["'](\d\d-\d)""", code)))


def reading_minutes(cells: Sequence) -> int:
    """Minutes of a newcomer who reads, runs and looks: 100 words, 2 cells of code or 2 pictures a minute; by fives."""
    text = [cell.source for cell in cells if cell.cell_type == "markdown"]
    words = sum(len(re.sub(r"^(\*\*Time:\*\*|\[!\[Open in ).*", "", some, flags=re.M).split()) for some in text)
    minutes = words / 100 + (len(cells) - len(text)) / 2 + count_pictures(cells) / 2
    return max(5, 5 * round(minutes / 5))


def solution_lines(path: Path) -> dict[str, int]:
    """{"01-1": lines of its worked solution, …} for the exercises of a chapter; 0 where none is found."""
    lines = dict.fromkeys(exercise_numbers(nbformat.read(path, as_version=4).cells), 0)
    solutions = path.parent / "solutions" / f"{path.stem}_solutions.ipynb"
    for cell in nbformat.read(solutions, as_version=4).cells if lines and solutions.exists() else ():
        if cell.cell_type == "code" and (number := next(iter(exercise_numbers([cell])), None)) in lines:
            own = re.sub(r"^\s*(assert check|def |import |from |#).*$", "", cell.source, flags=re.M)
            lines[number] += sum(bool(line.strip()) for line in own.splitlines())
    return lines


def exercise_minutes(lines: dict[str, int]) -> int:
    """Minutes for exercises: 6 for each, and one for each line of its `solution_lines`; by fives."""
    return 5 * round((6 * len(lines) + sum(lines.values())) / 5)


def is_debris(output: dict) -> bool:
    """Outputs that mean something only while the kernel lives: widget views, bars that have vanished."""
    data = output.get("data", {})
    html = "".join(data.get("text/html", "not empty"))
    bar = not html.strip() or "<progress" in html or "progress-bar-interrupted" in html
    return bar or "application/vnd.jupyter.widget-view+json" in data


def duration_words(seconds: float) -> str:
    """12 -> "12 seconds", 150 -> "2 minutes": seconds up to a minute and a half, then whole minutes."""
    number, unit = (max(1, round(seconds)), "second") if seconds < 90 else (round(seconds / 60), "minute")
    return f"{number} {unit}" + ("" if number == 1 else "s")


def computing_words(measured: dict[str, dict]) -> str:
    """ "8 seconds on 2 CPU cores (the `cpu` budget)" for each budget in an entry of `minutes.json`, smallest first.

    Not `smoke`, which computes nothing worth seeing: it is for tests, and for a teacher in a hurry.
    """
    words = [
        f"{duration_words(measured[budget]['seconds'])} on {measured[budget]['hardware']} (the `{budget}` budget)"
        for budget in PRESETS
        if budget in measured and budget != "smoke"
    ]
    return ", ".join(words) or "not yet measured"


def time_line(path: Path, cells: Sequence, measured: dict[str, dict]) -> str:
    """The line that a chapter prints about itself: reading, exercises, computing. measured: as `computing_words`."""
    exercises = f", exercises {exercise_minutes(solution_lines(path))} minutes" if exercise_numbers(cells) else ""
    return f"**Time:** reading {reading_minutes(cells)} minutes{exercises}, computing {computing_words(measured)}."


def set_time_line(path: Path, cells: Sequence, measured: dict[str, dict]) -> None:
    """Write `time_line` into the first of a chapter's cells. Raises SystemExit if there is no place for it."""
    line, place = time_line(path, cells, measured), "the line that begins with **Time:**"
    cells[0].source = substituted(r"^\*\*Time:\*\*[^\n]*", line, cells[0].source, place)


def fold_predictions(cells: Sequence) -> None:
    """Fold the outputs that answer a "**Predict": JupyterLab shows them once the cell has run, rendered pages at once.

    They are those of the code cells up to the next heading, since a question may be answered two figures below.
    `outputs_hidden` is nbformat's own word for it.
    """
    asked = False
    for cell in cells:
        if cell.cell_type == "markdown":
            asked = "**Predict" in cell.source or (asked and not re.search(r"^#+ ", cell.source, re.M))
        elif cell.cell_type == "code":
            kept = {key: value for key, value in cell.metadata.pop("jupyter", {}).items() if key != "outputs_hidden"}
            if asked and cell.outputs:
                kept["outputs_hidden"] = True
            if kept:
                cell.metadata["jupyter"] = kept


def describe_pictures(cells: Sequence) -> None:
    """Give each stored picture without an alt text the caption below it, for readers who do not see it."""
    for cell, following in zip(cells, cells[1:], strict=False):
        for output in cell.get("outputs", []) if following.cell_type == "markdown" else ():
            caption = re.match(r"\*([^*].*?)\*(?:\n\n|$)", following.source + "\n\n", re.S)
            for kind in output.get("data", {}):
                if caption and kind.startswith("image/"):
                    alt = " ".join(re.sub(r"[*`$]|\[(.*?)\]\(.*?\)", r"\1", caption[1]).split())
                    output.setdefault("metadata", {}).setdefault(kind, {}).setdefault("alt", alt)
