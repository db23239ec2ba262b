"""Execute the notebooks in fresh kernels, store their outputs and measured minutes, and count them in the README."""

from __future__ import annotations

import re
import time
from itertools import groupby
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from ..backstage.files import read_json, write_json, writing
from ..environment import hardware
from ..recipe import PRESETS, choose_preset
from ..runs import runs_folder
from . import ROOT, write_into_readme

NOTEBOOKS = ROOT / "notebooks"
MINUTES = NOTEBOOKS / "minutes.json"
"""What was measured: {stem: {budget: {"seconds": …, "hardware": …}}}. The Time lines are written from it."""


def notebook_paths(names: list[str] | tuple[str, ...] = ()) -> list[Path]:
    """The notebooks in reading order, then the solutions; only those named, if any is.

    Raises SystemExit for a name that is no notebook.
    """
    paths = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(NOTEBOOKS.glob("solutions/*.ipynb"))]
    if unknown := set(names) - {path.stem for path in paths}:
        raise SystemExit(f"error: no notebook is called {', '.join(sorted(unknown))}")
    return [path for path in paths if not names or path.stem in names]


def notebooks_table() -> str:
    """The README's table of chapters, counted and measured: title, pictures, exercises, time at `cpu`."""
    minutes = read_json(MINUTES)
    lines = ["| notebook | pictures | exercises | computing at the `cpu` budget |", "|-|-|-|-|"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = read_json(path)["cells"]
        title = "".join(cells[0]["source"]).split("\n")[0].removeprefix("# ")
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        pictures = sum(any(key.startswith("image/") for key in data) for data in outputs)
        code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        exercises = len(set(re.findall(r'check\("(\d\d-\d)', code)))
        measured = minutes.get(path.stem, {}).get("cpu")
        took = f"{duration_words(measured['seconds'])} on {measured['hardware']}" if measured else "not yet measured"
        lines.append(f"| [{title}](notebooks/{path.name}) | {pictures} | {exercises} | {took} |")
    return "\n".join(lines)


def is_debris(output: dict) -> bool:
    """Outputs that mean something only while the kernel lives: widget views, bars that have vanished."""
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        return True
    text = "".join(data["text/html"]) if "text/html" in data else None
    return text is not None and (not text.strip() or "<progress" in text or "progress-bar-interrupted" in text)


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


def write_time_line(notebook, measured: dict[str, dict]) -> None:
    """Put `time_line(measured)` in place of the line that begins with **Time:** in the first cell."""
    first = notebook.cells[0]
    first.source, found = re.subn(r"^\*\*Time:\*\*.*$", lambda _: time_line(measured), first.source, flags=re.M)
    if not found:
        raise SystemExit("error: the first cell has no line that begins with **Time:**")


def execute(path: Path):
    """A notebook run in a fresh kernel, clean enough to store, and the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    started = time.perf_counter()
    # store_widget_state would put every widget into the metadata, a third of the file
    NotebookClient(
        notebook, timeout=3600, kernel_name="python3", record_timing=False, store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()  # fmt: skip
    seconds = time.perf_counter() - started
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_debris(output)]
    return notebook, seconds


def publish_notebooks(names: list[str], time_only: bool = False, keep_time: bool = False) -> None:
    """Execute notebooks in fresh kernels, in order, store outputs and measured times. Their only owner.

    names: stems; none means all. The budget is $COLORIZE_PRESET or what fits this computer. time_only: measure and
    rewrite the Time line, but leave the stored outputs as they are. keep_time: store outputs, but leave minutes.json
    and the Time line as they are.
    """
    budget = choose_preset().preset
    if any(runs_folder().glob("*")):
        print("note: runs/ is not empty; what a notebook finds there it does not train, and its time is shorter")
    for path in notebook_paths(names):
        notebook, seconds = execute(path)
        if time_only:
            notebook = nbformat.read(path, as_version=4)
        timed = path.parent == NOTEBOOKS and not keep_time  # solutions print no time
        if timed:
            minutes = read_json(MINUTES) if MINUTES.exists() else {}
            measured = minutes.setdefault(path.stem, {})
            measured[budget] = {"hardware": hardware(), "seconds": round(seconds, 1)}
            write_json(MINUTES, {stem: dict(sorted(minutes[stem].items())) for stem in sorted(minutes)})
            write_time_line(notebook, measured)
        if timed or not time_only:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
        size = path.stat().st_size / 1e6
        print(f"{path.relative_to(ROOT)}: {seconds:.0f} s at the {budget} budget, {size:.2f} MB", flush=True)
    write_into_readme("notebooks", notebooks_table())
