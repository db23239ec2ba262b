"""The course on a USB stick, for a room without a network: all packages, the photos, and one command that installs.

    python -m helpers.classroom pack /media/stick/colorization                   for computers like this one
    python -m helpers.classroom pack stick --platform windows --python 3.12      for others

    stick/ README.txt  install.py  requirements.txt  pack.json  wheels/  course/  photos/flowers-102/

On the laptop: `python stick/install.py`. It copies course and photos, and installs from wheels/ alone.
"""

from __future__ import annotations

import json
import platform as this
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..backstage.commands import UsageError
from ..backstage.flowers import find_root
from ..backstage.needs import requirements
from ..backstage.progress import progress_bar, say

__all__ = ["PLATFORMS", "make_pack", "this_platform"]

ROOT = Path(__file__).parent.parent.parent
CPU_ONLY = "https://download.pytorch.org/whl/cpu"  # PyTorch's own; PyPI's wheels for Linux bring 4.5 GB of CUDA
PLATFORMS = {  # what pip calls them; all that a wheel may ask for
    "linux": [f"manylinux_2_{n}_x86_64" for n in (28, 27, 26, 24, 17, 12, 5)] + ["manylinux2014_x86_64"],
    "linux-arm": [f"manylinux_2_{n}_aarch64" for n in (28, 27, 26, 24, 17)] + ["manylinux2014_aarch64"],
    "windows": ["win_amd64"],
    "mac": ["macosx_14_0_arm64", "macosx_14_0_universal2"],
}
LEFT_OUT = {".git", ".venv", "runs", "build", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache"}


def this_platform() -> str:
    """The name in PLATFORMS of the computer that this runs on. Raises UsageError for one that has none."""
    arm = this.machine().lower() in ("arm64", "aarch64")
    names = {"Linux": "linux-arm" if arm else "linux", "Windows": "windows", "Darwin": "mac" if arm else None}
    if not (name := names.get(this.system())):
        raise UsageError(f"PyTorch has no wheels for {this.system()} on {this.machine()}: name another --platform")
    return name


def make_pack(
    folder: Path,
    platform: str,
    python: str,
    cuda: bool = False,
    photos: bool = True,
    needed: Sequence[str] | None = None,
    pip: Sequence[str] = (),
) -> Path:
    """Make the folder, which must not be there yet. platform: a name in PLATFORMS; python: such as "3.12".

    cuda: on Linux, PyTorch for NVIDIA GPUs in place of the smaller one for CPUs. photos: Flowers102 as well, as it
    lies on this computer. needed: in place of what a student needs; pip: more words for `pip download`. All is made in
    a folder beside it, which then takes the name. Raises UsageError where something stands in the way, DataError for
    photos that are not whole, OSError for a full disk, RuntimeError with pip's last words where a package has no wheel.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise UsageError(f"{folder} is there already: name a new folder, or remove it")
    root = find_root() if photos else None
    if photos and root is None:
        raise UsageError("Flowers102 is not on this computer: open notebook 00 once with a network, or use --no-photos")
    beside = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        (beside / "wheels").mkdir(parents=True)
        needed = list(requirements(ROOT, "lab") if needed is None else needed)
        _download(beside / "wheels", needed, platform, python, cuda, pip)
        _copy(ROOT, beside / "course", _of_the_course(), "course")
        if root is not None:
            whole = root / "flowers-102"
            files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
            _copy(whole, beside / "photos" / "flowers-102", files, "photos")
        facts = {"python": python, "platform": platform, "photos": photos}
        (beside / "pack.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf8")
        (beside / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf8")
        (beside / "README.txt").write_text(_read_me(platform, python), encoding="utf8")
        shutil.copyfile(Path(__file__).with_name("install.py"), beside / "install.py")
        if folder.exists():
            folder.rmdir()  # it is empty
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _download(wheels: Path, needed: Sequence[str], platform: str, python: str, cuda: bool, more: Sequence[str]) -> None:
    tags = []
    if (platform, python) != (this_platform(), "{}.{}".format(*sys.version_info)):  # else pip knows best what fits
        tags = [f"--platform={tag}" for tag in PLATFORMS[platform]]
        tags += [f"--python-version={python}", "--implementation=cp", f"--abi=cp{python.replace('.', '')}"]
        tags += ["--abi=abi3", "--abi=none"]
    call = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--only-binary=:all:", *tags]
    call += ["--dest", str(wheels)]
    if platform == "linux" and not cuda:
        torch = [name for name in needed if name.startswith("torch")]
        # first alone: +cpu counts as newer than the same version without, so the next call keeps it
        _pip([*call, "--index-url", CPU_ONLY, *torch], "PyTorch without CUDA; --cuda takes PyPI's, which is larger")
    _pip([*call, "--find-links", str(wheels), *more, *needed], "the packages")


def _pip(call: list[str], what: str) -> None:
    say(f"fetching {what}")
    done = subprocess.run(call, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in (done.stderr or done.stdout).splitlines() if line.startswith("ERROR")]
        raise RuntimeError(f"pip could not fetch {what}: {' '.join(errors[:2]) or done.stderr.strip()[-300:]}")


def _of_the_course() -> list[Path]:
    """The files of this repository, as git lists them, or all but what builds and runs leave."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        found = [Path(name) for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = []
    found = found or [path.relative_to(ROOT) for path in sorted(ROOT.rglob("*"))]
    return [path for path in found if (ROOT / path).is_file() and not LEFT_OUT & set(path.parts)]


def _copy(source: Path, target: Path, files: Iterable[Path], what: str) -> None:
    files = list(files)
    for path in progress_bar(files, len(files), what):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target / path)


def _read_me(platform: str, python: str) -> str:
    python_name = "py" if platform == "windows" else "python3"
    start = r"%USERPROFILE%\colorization\start.bat" if platform == "windows" else "~/colorization/start.sh"
    return (
        f"Image colorization, a course in notebooks. For {platform} with Python {python}; no network is needed.\n"
        f"1. Open a terminal in this folder.\n"
        f"2. {python_name} install.py         (minutes; it makes a folder colorization in your home)\n"
        f"3. {start}   (opens the course in your browser)\n"
        f"Another place: {python_name} install.py FOLDER\n"
    )
