"""Execute the notebooks in fresh kernels, store their outputs and measured minutes, and count them in the README."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import nbclient
import nbformat

from ..backstage.files import read_json, write_json, writing
from ..environment import hardware
from ..recipe import PRESETS, choose_preset
from ..runs import runs_folder
from . import ROOT, substituted, write_into_readme

NOTEBOOKS = ROOT / "notebooks"
MINUTES = NOTEBOOKS / "minutes.json"
"""What was measured: {stem: {budget: {"seconds": …, "hardware": …}}}. The Time lines are written from it."""


def notebook_paths(names: Sequence[str] = ()) -> list[Path]:
    """The notebooks in reading order, then the solutions; only those named, if any is. SystemExit for other names."""
    paths = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(NOTEBOOKS.glob("solutions/*.ipynb"))]
    if unknown := set(names) - {path.stem for path in paths}:
        raise SystemExit(f"error: no notebook is called {', '.join(sorted(unknown))}")
    return [path for path in paths if not names or path.stem in names]


def notebooks_table() -> str:
    """The README's table of chapters, counted and measured: title, pictures, exercises, time at `cpu`."""
    minutes = read_json(MINUTES)
    lines = ["| notebook | pictures | exercises | computing at the `cpu` budget |", "|-|-|-|-|"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        title = cells[0].source.split("\n")[0].removeprefix("# ")
        shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        pictures = sum(any(kind.startswith("image/") for kind in data) for data in shown)
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        exercises = len(set(re.findall(r'check\("(\d\d-\d)', code)))
        measured = minutes.get(path.stem, {}).get("cpu")
        took = f"{duration_words(measured['seconds'])} on {measured['hardware']}" if measured else "not yet measured"
        lines.append(f"| [{title}](notebooks/{path.name}) | {pictures} | {exercises} | {took} |")
    return "\n".join(lines)


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


def time_line(measured: dict[str, dict]) -> str:
    """The line that a notebook prints about itself, from its entry in `minutes.json`, a group of budgets a machine."""
    groups = []
    budgets = [budget for budget in PRESETS if budget in measured]
    for machine, some in groupby(budgets, lambda budget: measured[budget]["hardware"]):
        words = [f"{duration_words(measured[budget]['seconds'])} at the `{budget}` budget" for budget in some]
        groups.append(f"{', '.join(words)} (measured on {machine})")
    return f"**Time:** {'; '.join(groups)}."


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
    return notebook, seconds


def publish_notebooks(names: Sequence[str], time_only: bool = False, keep_time: bool = False) -> None:
    """Execute notebooks in fresh kernels, in order, store outputs and measured times. Their only owner.

    names: stems; none means all. The budget is $COLORIZE_PRESET or what fits this computer. time_only: measure and
    rewrite the Time line, but leave the stored outputs. keep_time: store outputs, but leave minutes.json and the line.
    """
    budget = choose_preset().preset
    if any(runs_folder().glob("*")):
        print("note: runs/ is not empty; what a notebook finds there it does not train, and its time is shorter")
    for path in notebook_paths(names):
        notebook, seconds = execute(path)
        if time_only:
            notebook = nbformat.read(path, as_version=4)
        if timed := path.parent == NOTEBOOKS and not keep_time:  # solutions print no time
            minutes = read_json(MINUTES)
            measured = minutes.setdefault(path.stem, {})
            measured[budget] = {"hardware": hardware(), "seconds": round(seconds, 1)}
            write_json(MINUTES, minutes)
            first, place = notebook.cells[0], "the line that begins with **Time:**"
            first.source = substituted(r"^\*\*Time:\*\*[^\n]*", time_line(measured), first.source, place)
        if timed or not time_only:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
        size = path.stat().st_size / 1e6
        print(f"{path.relative_to(ROOT)}: {seconds:.0f} s at the {budget} budget, {size:.2f} MB", flush=True)
    write_into_readme("notebooks", notebooks_table())
