"""Settings for every test, and for the notebook kernels that nbval and JupyterLab start (they inherit the environment).

What tests cache, train and keep lies in a temporary folder; that they left nothing in this one is checked at the end.
"""

import atexit
import gc
import os
import random
import re
import shutil
import subprocess
import tempfile
from itertools import groupby
from pathlib import Path

import pytest

from tests import shares
from tests.notebooks.second_edition import NOT_YET

ROOT = Path(__file__).parent

os.environ["COLORIZE_PRESET"] = "smoke"
os.environ.setdefault("COLORIZE_OFFLINE", "1")  # tests never fetch 330 MB
os.environ.pop("PYTHONUNBUFFERED", None)  # commands are tried as users have them, who seldom set it

# Tests neither trust nor spoil the user's photos and runs. The processes of pytest-xdist share one cache, where files
# are locked, but no runs: the same notebook may be run by two of them at a time.
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if not worker:
    private = tempfile.mkdtemp(prefix="colorize-test-")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    os.environ["COLORIZE_CACHE"] = os.path.join(private, "cache")
os.environ["COLORIZE_RUNS"] = os.path.join(os.path.dirname(os.environ["COLORIZE_CACHE"]), f"runs{worker}")

if worker:  # the cores are shared out; more threads than cores only wait for each other
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))))


gc.disable()  # while tests are found, nothing is thrown away; see pytest_runtestloop


def in_the_tree() -> set[str]:
    """What lies in this folder beside the committed files: names, and all that is in `runs/`."""
    names = set()
    if shutil.which("git"):  # a downloaded copy is tested without
        found = subprocess.run(["git", "status", "--porcelain", "--ignored"], cwd=ROOT, capture_output=True, text=True)
        names = {line[3:] for line in found.stdout.splitlines() if line[:2] in ("??", "!!")}
    names |= {str(path.relative_to(ROOT)) for path in (ROOT / "runs").rglob("*")}
    caches = ("__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis")
    return {name for name in names if not any(cache in name for cache in caches)}


def pytest_addoption(parser):
    parser.addoption("--measure", action="store_true", help="keep how long the tests take: tests/shares.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    return shares.processes()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return shares.Shares(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_runtest_logreport(report):
    TOOK.append((report.nodeid, report.duration))


def pytest_sessionstart(session):
    if not worker:
        session.config.stash[BEFORE] = in_the_tree()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop():  # in the process that shares the tests out, too, which finds none itself
    gc.freeze()  # thousands of tests, and PyTorch, stay to the end: no search for garbage looks through them again
    gc.enable()


def pytest_sessionfinish(session):
    if not worker:
        session.config.stash[LEFT] = sorted(in_the_tree() - session.config.stash[BEFORE])
        if session.config.stash[LEFT] and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if session.config.getoption("measure"):
            shares.write_down(TOOK)


def pytest_terminal_summary(terminalreporter, config):
    if left := config.stash.get(LEFT, []):
        terminalreporter.write_line(f"FAILED: left behind in the repository: {', '.join(left[:10])}", red=True)


BEFORE, LEFT = pytest.StashKey[set](), pytest.StashKey[list]()
TOOK: list[tuple[str, float]] = []  # of each test: its fixtures, itself, what it puts away


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    items[:] = [item for _, some in groupby(items, file_of) for item in with_repeats(list(some))]
    if worker:
        shares.longest_first(items)


def with_repeats(items: list) -> list:
    """The cells of a chapter as nbval runs them, so that they are safe to run twice: half of them at once again, and
    at the end a third of them once more, in order, drawn by lot. Run once each they are in tests/browser.
    """
    chapter = re.fullmatch(r"notebooks/(\w+)\.ipynb", file_of(items[0]))
    if not chapter or chapter[1] in NOT_YET or len({item.name for item in items}) < len(items):
        return items
    lot = random.Random(chapter[1])
    order = [(item, again) for item in items for again in range(lot.choice((1, 2)))]
    order += [(item, 2) for item in items[1:] if lot.random() < 1 / 3]
    return [again_of(item, again) if again else item for item, again in order]


def again_of(item, again: int):
    """The same cell under another name."""
    name = f"{item.name}, {('again', 'at the end')[again - 1]}"
    return type(item).from_parent(item.parent, name=name, cell_num=item.cell_num, cell=item.cell, options=item.options)


def file_of(item) -> str:
    return item.nodeid.split("::")[0]
