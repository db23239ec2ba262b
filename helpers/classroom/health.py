"""`python -m helpers.environment`: is this computer fit for the course? A table, and an exit code for thirty laptops.

Each check stands alone: it takes what it needs into its own hands, and a crash in it is a line of the table. They are
in one file, long as it is, to be read in the order of the table. Nothing heavy is imported at its top, and no newer
Python than 3.8 is needed to be told that it is old.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from ..backstage.machine import PRECISIONS, hardware
from ..backstage.needs import name_of, unmet
from .speed import mini_training

__all__ = ["CHECKS", "Row", "examine", "line", "main"]

ROOT = Path(__file__).parent.parent.parent
MINUTES = ROOT / "notebooks" / "minutes.json"
"""{stem: {budget: {"seconds": …, "hardware": …, "mini": seconds of `mini_training` on that computer, if measured}}}."""
TAKEN = ROOT / "notebooks" / "memory.json"
"""{stem: {budget: the most GB that the chapter's kernel took}}, for chapters where that was measured."""

OK, NOTE, BAD = "ok", "note", "FIX"
OLDEST = (3, 10)
PHOTOS_ON_DISK = 0.35  # GB: the folder flowers-102 with its archive gone
CACHE, RUNS = 1.0, 0.2  # GB: room for photos decoded at the sizes of the chapters, and for what is trained
MEMORY = 1.5  # GB: this check itself takes 0.9, measured, almost all of it for PyTorch and what comes with it
MEMINFO, CGROUPS = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
CONTAINER = (
    ("memory.max", "memory.current", ("memory.stat", "file")),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", ("memory/memory.stat", "total_cache")),
)


class Row(NamedTuple):
    """A line of the table. verdict: OK, NOTE (the course runs, and this is worth knowing) or BAD (to be put right)."""

    verdict: str
    name: str
    words: str


# ------------------------------------------------------------------------------------------- Python and packages


def python() -> Row:
    found = platform.python_version()
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return Row(BAD, "Python", f"{found} is too old: make the environment anew with Python {wanted} or newer")
    return Row(OK, "Python", found)


def other_helpers() -> Row:
    """A notebook's kernel starts in notebooks/ with the folders of sys.path."""
    ours, name = Path(__file__).resolve().parent.parent, "helpers"
    for folder in (str(ROOT / "notebooks"), *sys.path):
        found = PathFinder.find_spec(name, [folder or os.getcwd()])
        if found and found.origin and Path(found.origin).resolve().parent != ours:
            place = found.origin if Path(found.origin).name != "__init__.py" else Path(found.origin).parent
            return Row(BAD, name, f"another package called helpers is at {place}: rename or uninstall it")
    return Row(OK, name, f"the course's own, in {ROOT}")


def packages() -> Row:
    lacking = unmet(ROOT)
    if not lacking:
        return Row(OK, "packages", "all that the course needs")
    missing = ", ".join(name_of(what) for what, there in lacking.items() if not there)
    words = [f"missing: {missing}"] if missing else []
    words += [f"{name_of(what)} is {there}, wanted is {what}" for what, there in lacking.items() if there]
    return Row(BAD, "packages", f"{'; '.join(words)}. Run  pip install -r requirements.txt")


def torch_and_torchvision() -> Row:
    """Both come as compiled code made for each other; a pair that does not fit fails at some import, or not at all."""
    try:
        wanted = [need.split(";")[0].replace(" ", "") for need in requires("torchvision") or []]
        pair = f"torch {version('torch')}, torchvision {version('torchvision')}"
        there = version("torch").split("+")[0]
    except PackageNotFoundError as error:
        return Row(BAD, "torch", f"{error.name or error} is missing: run  pip install -r requirements.txt")
    again = "pip install --force-reinstall torch torchvision"
    exact = [need.split("==")[1].strip("()") for need in wanted if need.startswith(("torch==", "torch(=="))]
    if exact and exact[0].split("+")[0] != there:
        return Row(BAD, "torch", f"{pair} do not fit, which wants torch {exact[0]}: run  {again}")
    try:
        import torch
        import torchvision.ops

        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)  # torchvision's compiled half
    except Exception as error:
        return Row(BAD, "torch", f"{pair} cannot be used ({in_short(error)}): run  {again}")
    return Row(OK, "torch", pair)


def in_short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def device() -> Row:
    from ..recipe import choose_precision, choose_preset

    return Row(OK, "device", f"{hardware()}, in {PRECISIONS[choose_precision()]}; budget {choose_preset().preset}")


# -------------------------------------------------------------------------------------------------- memory and disk


def free_memory() -> float | None:
    """GB of memory that a program could still have here, None where the system does not tell."""
    limits = []
    if MEMINFO.exists():
        fields = dict(line.split(":") for line in MEMINFO.read_text().splitlines() if ":" in line)
        limits.append(int(fields["MemAvailable"].split()[0]) * 1024)
    for most, used, cache in CONTAINER:
        try:  # a container may have less than its computer; what it keeps of files it would give back
            kept = dict(line.split() for line in (CGROUPS / cache[0]).read_text().splitlines())[cache[1]]
            limits.append(int((CGROUPS / most).read_text()) - int((CGROUPS / used).read_text()) + int(kept))
        except (OSError, ValueError, KeyError):
            continue
    if not limits:
        try:  # macOS, Windows: JupyterLab brings psutil, through ipykernel
            import psutil

            limits.append(psutil.virtual_memory().available)
        except ImportError:
            return None
    return min(limits) / 1e9


def memory() -> Row:
    free = free_memory()
    if free is None:
        return Row(NOTE, "memory", "this system does not tell how much is free")
    if free < MEMORY:
        words = f"{free:.1f} GB free, {MEMORY} GB are needed: close other programs, above all browser tabs"
        return Row(BAD, "memory", words)
    taken = json.loads(TAKEN.read_text(encoding="utf8")) if TAKEN.exists() else {}
    if more := {stem[:2]: of["cpu"] for stem, of in taken.items() if of.get("cpu", 0) > free}:
        words = ", ".join(f"chapter {number} took {most:.1f} GB" for number, most in more.items())
        return Row(NOTE, "memory", f"{free:.1f} GB free, but {words}: close other programs before that")
    return Row(OK, "memory", f"{free:.1f} GB free")


def disk() -> Row:
    try:
        from ..backstage.flowers import cache_folder

        cache = cache_folder()
    except ImportError:
        cache = Path.home()
    coming = 0 if (cache / "flowers-102").exists() or os.environ.get("FLOWERS102_ROOT") else 2 * PHOTOS_ON_DISK
    runs = Path(os.environ.get("COLORIZE_RUNS") or ROOT / "runs").expanduser()
    rooms = []
    for folder, need in ((cache, CACHE + coming), (runs, RUNS)):
        place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(place).free / 1e9
        if free < need:
            return Row(BAD, "disk", f"{free:.1f} GB free for {folder}, {need:.1f} GB are needed: make room there")
        rooms.append(free)
    return Row(OK, "disk", f"{min(rooms):.1f} GB free for photos and runs")


# --------------------------------------------------------------------------------------------- photos and networks


def photos() -> Row:
    """Looks, and downloads nothing."""
    from ..backstage.flowers import DataError, find_root

    before = os.environ.get("COLORIZE_OFFLINE")
    os.environ["COLORIZE_OFFLINE"] = "1"
    try:
        root = find_root()
    except DataError as error:
        return Row(BAD, "photos", str(error))
    finally:
        if before is None:
            del os.environ["COLORIZE_OFFLINE"]
        else:
            os.environ["COLORIZE_OFFLINE"] = before
    if root:
        return Row(OK, "photos", f"Flowers102 in {root}")
    stick = "or set FLOWERS102_ROOT to a folder that holds flowers-102"
    if before != "1" and reachable():
        return Row(NOTE, "photos", f"not here yet: the first chapter that needs them downloads 330 MB; {stick}")
    return Row(BAD, "photos", f"none here, and no way to download them: go online once, {stick}")


def reachable(place: tuple = ("thor.robots.ox.ac.uk", 443)) -> bool:
    import socket

    try:
        socket.create_connection(place, timeout=3).close()
    except OSError:
        return False
    return True


def weights() -> Row:
    from ..inference import WEIGHTS, load_generator
    from ..kid import FEATURES, load_features

    cards = sorted(WEIGHTS.glob("*.json"))
    try:
        for card in cards:
            load_generator(card.with_suffix(".safetensors"))
        load_features(FEATURES)
    except (OSError, ValueError, RuntimeError) as error:
        return Row(BAD, "weights", f"{in_short(error)}: get the course's folder again")
    return Row(OK, "weights", f"{', '.join(card.stem for card in cards)} and the eyes of KID, all whole")


def encoder() -> Row:
    from ..backstage.imagenet import imagenet_weights

    try:
        imagenet_weights("lite0")
    except (ImportError, OSError, ValueError) as error:
        return Row(BAD, "encoder", in_short(error))
    return Row(OK, "encoder", "the ImageNet weights of chapter 7, whole")


# ------------------------------------------------------------------------------------------------------------ speed


def speed() -> Row:
    """A mini-training here, beside the same where the chapters were timed, tells how long they will take here."""
    from ..recipe import choose_preset

    budget, took = choose_preset().preset, mini_training()
    timed = {
        stem[:2]: of[budget] for stem, of in json.loads(MINUTES.read_text(encoding="utf8")).items() if budget in of
    }
    words, ratio = f"a mini-training takes a core {took:.2f} s", 1.0
    if not timed or budget == "gpu":
        return Row(NOTE, "speed", f"{words}; no chapter was timed at this budget, {budget}")
    if beside := {number: took / of["mini"] for number, of in timed.items() if "mini" in of}:
        ratio = max(beside.values())
        here = ", ".join(f"{number} {in_minutes(timed[number]['seconds'] * times)}" for number, times in beside.items())
        words += f", {ratio:.1f} times as long as where chapters were timed; with as many cores, they take: {here} min"
    if others := {number: of for number, of in timed.items() if number not in beside}:
        there = ", ".join(f"{number} {in_minutes(of['seconds'])}" for number, of in others.items())
        where = " or ".join(sorted({of["hardware"] for of in others.values()}))
        words += f"; timed where none was made, on {where}: {there} min"
    return Row(OK if ratio < 4 else NOTE, "speed", words)


def in_minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f}" if seconds >= 90 else f"{max(0.1, seconds / 60):.1f}"


# ------------------------------------------------------------------------------------------------------------ pages


def widgets() -> Row:
    """The half that runs here and the half that JupyterLab shows come as two packages that must fit each other."""
    try:
        from ipywidgets import IntSlider, __version__
        from jupyter_core.paths import jupyter_path
    except ImportError as error:
        return Row(BAD, "widgets", f"{in_short(error)}: run  pip install -r requirements.txt")
    IntSlider()
    half = "@jupyter-widgets/jupyterlab-manager/package.json"
    found = [path for path in (Path(folder) / half for folder in jupyter_path("labextensions")) if path.exists()]
    if not found:
        return Row(NOTE, "widgets", f"ipywidgets {__version__}, but JupyterLab's half is not in this environment")
    theirs = json.loads(found[0].read_text(encoding="utf8"))["version"]
    if (int(__version__.split(".")[0]), int(theirs.split(".")[0])) not in ((7, 3), (8, 5)):
        again = "run  pip install --force-reinstall ipywidgets jupyterlab_widgets"
        return Row(BAD, "widgets", f"ipywidgets {__version__} and JupyterLab's half, {theirs}, do not fit: {again}")
    return Row(OK, "widgets", f"ipywidgets {__version__}, and JupyterLab's half fits")


PATIENCE = 8  # seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
MOVED = (
    "<script>const s = document.querySelector('input'); s.value = 80; s.oninput(); document.title = 'moved'</script>"
)


def browser() -> Row:
    """The course's own before/after slider, in a browser without a window, where there is one that can do that."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        return Row(NOTE, "browser", "none on the PATH that could be tried here; any current one will do")
    import numpy as np

    from ..widgets import before_after

    picture = np.zeros((40, 40, 3), np.uint8)
    with tempfile.TemporaryDirectory(prefix="colorize-") as folder:
        page = Path(folder) / "page.html"
        page.write_text(before_after(picture, picture + 255, alt="a try").data + MOVED, encoding="utf8")
        quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/own")
        call = [found, *quiet, "--dump-dom", page.as_uri()]
        try:
            done = subprocess.run(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Row(NOTE, "browser", f"{Path(found).name} could not be tried ({type(error).__name__})")
    shown = done.stdout.decode("utf8", "replace")
    if "<title>moved" in shown and "width: 80%" in shown:
        return Row(OK, "browser", f"{Path(found).name} moves the course's slider")
    return Row(NOTE, "browser", f"{Path(found).name} did not show the course's slider")


# -------------------------------------------------------------------------------------------------------- the table

CHECKS: dict[str, tuple[Callable[[], Row], tuple[str, ...]]] = {
    # name: (the check, those without which it has nothing to say)
    "Python": (python, ()),
    "helpers": (other_helpers, ()),
    "packages": (packages, ()),
    "torch": (torch_and_torchvision, ()),
    "memory": (memory, ()),
    "disk": (disk, ("Python",)),
    "photos": (photos, ("Python",)),
    "device": (device, ("Python", "torch")),
    "weights": (weights, ("Python", "torch")),
    "encoder": (encoder, ("Python", "torch")),
    "speed": (speed, ("Python", "torch")),
    "widgets": (widgets, ("Python",)),
    "browser": (browser, ("Python", "torch")),
}


def examine(names: Iterable[str] = CHECKS) -> Iterator[Row]:
    """The rows of the table, one after the other; only those named. Raises ValueError for another name."""
    if unknown := set(names) - CHECKS.keys():
        raise ValueError(f"there is no check {', '.join(sorted(unknown))}: choose from {', '.join(CHECKS)}")
    bad = set()
    for name, (check, needs) in ((name, CHECKS[name]) for name in CHECKS if name in names):
        if bad & set(needs):
            row = Row(NOTE, name, f"not looked at: first put {' and '.join(n for n in needs if n in bad)} right")
        else:
            try:
                row = check()
            except ImportError as error:
                row = Row(NOTE if bad & {"packages", "torch"} else BAD, name, f"not looked at: {in_short(error)}")
            except Exception as error:  # what nobody foresaw is a line, too
                row = Row(BAD, name, in_short(error))
        if row.verdict == BAD:
            bad.add(name)
        yield row


COLORS = {OK: "\033[32m", NOTE: "\033[33m", BAD: "\033[31m"}


def line(row: Row, colored: bool = False) -> str:
    """A line of the table: the verdict in a word. Where somebody watches, it is in color, and wraps below its words."""
    if not colored:
        return f"{row.verdict:<5} {row.name:<9} {row.words}"
    words = textwrap.fill(row.words, max(40, shutil.get_terminal_size().columns - 17), subsequent_indent=" " * 16)
    return f"{COLORS[row.verdict]}{row.verdict:<5}\033[0m {row.name:<9} {words}"


def main(names: list[str] | None = None) -> int:
    """0 if the course can be taught on this computer, 1 if something is to be put right first, 2 for an unknown name.

    names: of checks, by default those on the command line; none means all.
    """
    names = sys.argv[1:] if names is None else names
    begun, bad = time.perf_counter(), []
    colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if colored and os.name == "nt":
        os.system("")  # makes an old Windows console understand colors
    try:
        for row in examine(names or CHECKS):
            encoding = sys.stdout.encoding or "utf8"
            print(line(row, colored).encode(encoding, "replace").decode(encoding), flush=True)
            bad += [row.name] if row.verdict == BAD else []
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    print(f"\nTo put right: {', '.join(bad)}." if bad else "\nReady.", f"({time.perf_counter() - begun:.0f} s)")
    return 1 if bad else 0
