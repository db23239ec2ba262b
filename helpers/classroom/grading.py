"""A folder of notebooks that students handed in -> a line for each exercise: student, exercise, verdict, hint.

    python -m helpers.classroom grade handed-in -o grades.csv

Each notebook runs in a process of its own (runner.py), at the smallest budget, with a time limit and without network.
A student is a folder in it, or the name of a file: handed-in/ada/01_exploring_lab.ipynb, or 01_exploring_lab_ada.ipynb.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..backstage.files import writing
from ..backstage.progress import progress_bar

__all__ = ["Grade", "find", "grade", "grade_notebook", "no_network", "write_csv"]

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = ROOT / "notebooks"
CHECKED = re.compile(r"""\bcheck\(\s*f?["'](\d\d-\d+)\b""")
START = 300  # seconds, for PyTorch to be imported on a busy computer
VERDICTS = ("done", "not done", "wrong", "false tick", "crashed", "hangs", "no answer", "unreadable")


class Grade(NamedTuple):
    """A line of the table. verdict: one of VERDICTS. hint: what the check says, or what went wrong."""

    student: str
    exercise: str
    verdict: str
    hint: str


# ------------------------------------------------------------------------------------- whose, and which chapter


def code_cells(path: Path) -> list[dict]:
    """The code cells of a notebook of version 4, {"id", "source"}. Raises ValueError for what is no such notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        return [{"id": cell.get("id", ""), "source": "".join(cell["source"])} for cell in code]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} is no notebook ({type(error).__name__}: {error})") from error


@lru_cache
def answer_names(chapter: str) -> dict[str, tuple[str, str]]:
    """{"01-2": ("lightness", id of its cell)}: what the course's own notebook gives to each check. chapter: "01"."""
    found = {}
    for cell in (cell for path in NOTEBOOKS.glob(f"{chapter}_*.ipynb") for cell in code_cells(path)):
        if CHECKED.search(cell["source"]):
            for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell["source"], flags=re.M))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "check":
                    found[CHECKED.match(ast.unparse(node))[1]] = (ast.unparse(node.args[1]), cell["id"])
    return found


def find(folder: Path) -> list[tuple[str, Path]]:
    """(student, notebook), sorted. Raises ValueError where there is none."""
    found = []
    for path in sorted(folder.rglob("*.ipynb")):
        inside = path.relative_to(folder).parts
        if not any(part.startswith(".") for part in inside):
            found.append((inside[0] if len(inside) > 1 else student_of(path), path))
    if not found:
        raise ValueError(f"there is no notebook (.ipynb) in {folder}")
    return found


def student_of(path: Path) -> str:
    """The name of a file without that of the chapter: 01_exploring_lab_ada.ipynb -> "ada"."""
    for chapter in sorted(NOTEBOOKS.glob("*.ipynb")):
        if chapter.stem in path.stem:
            return path.stem.replace(chapter.stem, "").strip(" _-.()") or path.stem
    return path.stem


def chapter_of(path: Path, cells: list[dict]) -> str | None:
    """ "01", by the exercises that are asked in it, or by its name; None for what is no chapter with exercises."""
    asked = [number[:2] for cell in cells for number in CHECKED.findall(cell["source"])]
    named = re.findall(r"(?<!\d)\d\d(?!\d)", path.stem)
    candidates = (*sorted(asked, key=asked.count, reverse=True), *named)
    return next((chapter for chapter in candidates if answer_names(chapter)), None)


# -------------------------------------------------------------------------------------------- a process each


@lru_cache
def no_network() -> tuple[str, ...]:
    """What begins a command that has no network: a namespace of its own, where the system gives one; else nothing."""
    for words in (("unshare", "--net", "--"), ("unshare", "--map-root-user", "--net", "--")):
        try:
            if subprocess.run([*words, "true"], capture_output=True, timeout=10).returncode == 0:
                return words
        except (OSError, subprocess.TimeoutExpired):
            continue
    return ()


BLOCK = """
import socket, sys

def no(*_, **__):
    raise OSError("there is no network while a notebook is graded")

class Socket(socket.socket):
    connect = connect_ex = bind = sendto = no

socket.socket = socket.SocketType = Socket
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = no
"""


def course_for(folder: Path) -> Path:
    """A folder laid out as the course, in which a notebook finds what it needs; gives the one to run it in."""
    inside = folder / "notebooks"
    inside.mkdir()
    for name in ("helpers", "images", "tests", "pyproject.toml", "notebooks/set_up.py"):
        try:
            (folder / name).symlink_to(ROOT / name)
        except OSError:  # Windows lets few people make links
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
    return inside


def grade_notebook(
    student: str, path: Path, seconds: float = 300, network: tuple[str, ...] | None = None
) -> list[Grade]:
    """The grades of one notebook.

    seconds: after which it is ended. network: how to begin a command that has none, `no_network()` unless given; an
    empty one means that Python's sockets are taken away instead.
    """
    try:
        chapter = chapter_of(path, code_cells(path))
    except (OSError, ValueError) as error:
        return [Grade(student, path.stem, "unreadable", str(error))]
    if chapter is None:
        return [Grade(student, path.stem, "unreadable", f"{path.name} is no chapter of the course with exercises")]
    before = no_network() if network is None else network
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as place:
        folder, report = Path(place) / "course", Path(place) / "report.jsonl"
        folder.mkdir()
        inside = course_for(folder)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("COLAB_", "KAGGLE_"))}
        env |= {
            "COLORIZE_PRESET": "smoke",
            "COLORIZE_OFFLINE": "1",
            "COLORIZE_RUNS": f"{place}/runs",
            "MPLBACKEND": "agg",
        }
        env |= {"PYTHONPATH": str(folder), "IPYTHONDIR": f"{place}/ipython", "PYTHONIOENCODING": "utf8"}
        begin = "" if before else BLOCK
        code = f"{begin}\nimport sys; from helpers.classroom.runner import main; main(sys.argv[1:])"
        call = [*before, sys.executable, "-c", code, str(path.absolute()), chapter, str(report)]
        code, timed_out = run_limited(call, inside, env, seconds, report)
        told = list(events(report))
    return judged(student, chapter, told, f"within {seconds:g} s" if timed_out else f"exit code {code}", timed_out)


def events(report: Path) -> Iterator[dict]:
    """What the runner wrote, line by line; one that was being written when it was ended is left out."""
    for line in report.read_text(encoding="utf8").splitlines() if report.exists() else ():
        with suppress(ValueError):
            yield json.loads(line)


def run_limited(call: list[str], folder: Path, env: dict, seconds: float, report: Path) -> tuple[int, bool]:
    """(exit code, whether it had to be ended), with all that it started. The time runs from the first cell on."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(call, cwd=folder, env=env, start_new_session=True, **quiet)
    until, begun = time.monotonic() + START, False
    try:
        while time.monotonic() < until:
            if not begun and report.exists() and report.stat().st_size:
                until, begun = time.monotonic() + seconds, True
            with suppress(subprocess.TimeoutExpired):
                return process.wait(min(0.2, max(0.0, until - time.monotonic()))), False
        return -1, True
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own group: also what it left running
        process.kill()
        process.wait()


def judged(student: str, chapter: str, told: list[dict], end: str, timed_out: bool) -> list[Grade]:
    """The grades that a report means. end: how the process ended, for one that did not come to the end of it."""
    found = {event["number"]: (event["verdict"], event["hint"]) for event in told if "number" in event}
    errors = {number: event for event in reversed(told) if "error" in event for number in event["numbers"]}
    forged = {event["forged"] for event in told if "forged" in event}
    replaced = sorted({event["replaced"] for event in told if "replaced" in event})
    ended, last = any("end" in event for event in told), max((event.get("cell", 0) for event in told), default=0)
    grades = []
    for number, (name, _) in sorted(answer_names(chapter).items()):
        if number in found:
            verdict, hint = found[number]
        elif not ended and timed_out:
            verdict, hint = "hangs", f"cell {last} of code did not end {end}"
        elif not ended:
            verdict, hint = "crashed", f"cell {last} of code ended Python ({end})"
        elif number in errors:
            verdict, hint = "crashed", f"cell {errors[number]['cell']} of code: {errors[number]['error']}"
        else:
            verdict, hint = "no answer", f"its check was not run, and there is no {name}"
        if number in forged and verdict != "done":
            verdict, hint = "false tick", f"the notebook prints a tick of its own; {hint}"
        if replaced and number in found:
            hint += f" (the notebook replaces {', '.join(replaced[:3])}; this is the true check's word)"
        grades.append(Grade(student, number, verdict, " ".join(hint.split())))
    return grades


# -------------------------------------------------------------------------------------------- a whole folder


def grade(folder: Path, seconds: float = 300, jobs: int = 1) -> Iterator[Grade]:
    """The grades of all notebooks in a folder. jobs: how many run at a time. Raises ValueError where there is none."""
    handed_in = find(folder)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        all_grades = pool.map(lambda one: grade_notebook(*one, seconds=seconds), handed_in)
        for grades in progress_bar(all_grades, len(handed_in), "grading"):
            yield from grades


def write_csv(path: Path, grades: Iterable[Grade]) -> list[Grade]:
    """Write a table that a spreadsheet opens, beside and renamed; gives the grades back."""
    grades = list(grades)
    with writing(path) as beside, open(beside, "w", encoding="utf-8-sig", newline="") as file:  # for Excel, with a mark
        writer = csv.writer(file)
        writer.writerow(Grade._fields)
        writer.writerows([plain(word) for word in line] for line in grades)
    return grades


def plain(word: str) -> str:
    """So that no spreadsheet takes what a student wrote for a formula."""
    return f"'{word}" if word.startswith(("=", "+", "-", "@")) else word
