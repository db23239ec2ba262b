"""Execute the notebooks in fresh kernels, store their outputs and measured minutes, and count them in the README."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import nbclient
import nbformat

from ..backstage.files import read_json, write_json, writing
from ..classroom.speed import mini_training
from ..environment import hardware
from ..recipe import PRESETS, choose_preset
from ..runs import runs_folder
from . import ROOT, substituted, write_into_readme
from .slides import mark

NOTEBOOKS = ROOT / "notebooks"
MINUTES = NOTEBOOKS / "minutes.json"
"""What was measured: {stem: {budget: {"seconds": …, "hardware": …, "mini": …}}}. The Time lines are written from it."""


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
        exercises = f"{len(numbers)}: {exercise_minutes(path)} minutes" if numbers else "none"
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


def exercise_minutes(path: Path) -> int:
    """Minutes for the exercises of a chapter: 6 for each, and one for each line of its worked solution; by fives."""
    numbers = exercise_numbers(nbformat.read(path, as_version=4).cells)
    solutions = path.parent / "solutions" / f"{path.stem}_solutions.ipynb"
    lines = 0
    for cell in nbformat.read(solutions, as_version=4).cells if numbers and solutions.exists() else ():
        if cell.cell_type == "code" and exercise_numbers([cell]):
            own = re.sub(r"^\s*(assert check|def |import |from |#).*$", "", cell.source, flags=re.M)
            lines += sum(bool(line.strip()) for line in own.splitlines())
    return 5 * round((6 * len(numbers) + lines) / 5)


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
    exercises = f", exercises {exercise_minutes(path)} minutes" if exercise_numbers(cells) else ""
    return f"**Time:** reading {reading_minutes(cells)} minutes{exercises}, computing {computing_words(measured)}."


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


def execute(path: Path) -> tuple[nbformat.NotebookNode, float]:
    """A notebook run in a fresh kernel, clean enough to store, and the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    started = time.perf_counter()
    # store_widget_state would put every widget into the metadata, a third of the file
    client = {"timeout": 3600, "kernel_name": "python3", "record_timing": False, "store_widget_state": False}
    nbclient.execute(notebook, cwd=str(path.parent), **client)
    seconds = time.perf_counter() - started
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_debris(output)]
    fold_predictions(notebook.cells)
    describe_pictures(notebook.cells)
    return notebook, seconds


def publish_notebooks(names: Sequence[str], time_only: bool = False, keep_time: bool = False) -> None:
    """Execute notebooks in fresh kernels, in order, store outputs and measured times. Their only owner.

    names: stems; none means all. The budget is $COLORIZE_PRESET or what fits this computer. time_only: measure and
    rewrite the Time line, but leave the stored outputs. keep_time: store outputs, but leave minutes.json.
    """
    budget = choose_preset().preset
    if any(runs_folder().glob("*")):
        print("note: runs/ is not empty; what a notebook finds there it does not train, and its time is shorter")
    for path in notebook_paths(names):
        notebook, seconds = execute(path)
        if time_only:
            notebook = nbformat.read(path, as_version=4)
        if chapter := path.parent == NOTEBOOKS:  # solutions print no time
            minutes = read_json(MINUTES)
            if not keep_time:
                minutes.setdefault(path.stem, {})[budget] = {
                    "hardware": hardware(), "seconds": round(seconds, 1), "mini": round(mini_training(), 3),
                }  # fmt: skip
            first, place = notebook.cells[0], "the line that begins with **Time:**"
            line = time_line(path, notebook.cells, minutes.get(path.stem, {}))
            first.source = substituted(r"^\*\*Time:\*\*[^\n]*", line, first.source, place)
            mark(notebook.cells)
            if not keep_time:
                write_json(MINUTES, minutes)
        if chapter or not time_only:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
        size = path.stat().st_size / 1e6
        print(f"{path.relative_to(ROOT)}: {seconds:.0f} s at the {budget} budget, {size:.2f} MB", flush=True)
    write_into_readme("notebooks", notebooks_table())
