"""Execute the notebooks in fresh kernels, store their outputs, and measure their minutes and their memory."""

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
from ..recipe import choose_preset
from ..runs import runs_folder
from . import ROOT
from .guide import write_tables
from .notebooks import (
    MEMORY,
    MINUTES,
    NOTEBOOKS,
    describe_pictures,
    fold_predictions,
    is_debris,
    notebook_paths,
    set_time_line,
)
from .slides import mark


def execute(path: Path) -> tuple[nbformat.NotebookNode, float, float | None]:
    """A notebook run in a fresh kernel, clean enough to store, the seconds it took, and the most GB (`peak_memory`)."""
    notebook, peaks = nbformat.read(path, as_version=4), []
    started = time.perf_counter()
    # store_widget_state would put every widget into the metadata, a third of the file
    options = {"timeout": 3600, "kernel_name": "python3", "record_timing": False, "store_widget_state": False}
    client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, **options)
    client.on_cell_executed = lambda **_: peaks.append(peak_memory(client.km.provisioner.pid))
    client.execute()
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
    return notebook, seconds, peaks[-1] if peaks else None


def peak_memory(process: int) -> float | None:
    """The most memory that a process of this number has taken so far, in GB. None where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        return round(1024 * int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)[1]) / 1e9, 2)
    except (OSError, TypeError):  # no Linux; or a process that has ended, which has no such line
        return None


def publish_notebooks(names: Sequence[str], time_only: bool = False, keep_time: bool = False) -> None:
    """Execute notebooks in fresh kernels, in order, store outputs and what was measured. Their only owner.

    names: stems; none means all. The budget is $COLORIZE_PRESET or what fits this computer. time_only: measure and
    rewrite the Time line, but leave the stored outputs. keep_time: store outputs, but leave minutes.json. Memory does
    not depend on what else runs, so it is kept in either case. In the end all tables are written anew.
    """
    budget = choose_preset().preset
    if any(runs_folder().glob("*")):
        print("note: runs/ is not empty; what a notebook finds there it does not train, and its time is shorter")
    for path in notebook_paths(names):
        notebook, seconds, memory = execute(path)
        if time_only:
            notebook = nbformat.read(path, as_version=4)
        if chapter := path.parent == NOTEBOOKS:  # solutions print no time
            minutes, most = read_json(MINUTES), read_json(MEMORY) if MEMORY.exists() else {}
            if not keep_time:
                minutes.setdefault(path.stem, {})[budget] = {
                    "hardware": hardware(), "seconds": round(seconds, 1), "mini": round(mini_training(), 3),
                }  # fmt: skip
            set_time_line(path, notebook.cells, minutes.get(path.stem, {}))
            mark(notebook.cells)
            if not keep_time:
                write_json(MINUTES, minutes)
            if memory:
                most.setdefault(path.stem, {})[budget] = memory
                write_json(MEMORY, most)
        if chapter or not time_only:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
        size = path.stat().st_size / 1e6
        print(f"{path.relative_to(ROOT)}: {seconds:.0f} s at the {budget} budget, {size:.2f} MB", flush=True)
    write_tables()
