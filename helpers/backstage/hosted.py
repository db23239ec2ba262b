"""Rented computers with a Python of their own, Colab and Kaggle: what they lack, and what outlives a session there."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

from .needs import name_of, unmet

__all__ = ["host", "install_missing", "keep_on_drive", "prepare"]

DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts a Google Drive
THEIRS = ("torch", "torchvision")  # fitted to their GPU: never swapped, only installed where there is none
MARKS = {"COLAB_RELEASE_TAG": "Colab", "COLAB_JUPYTER_IP": "Colab", "KAGGLE_KERNEL_RUN_TYPE": "Kaggle"}


def host() -> str:
    """ "Colab", "Kaggle", or "" for a computer that is not rented."""
    return next((name for variable, name in MARKS.items() if variable in os.environ), "")


def prepare(root: Path) -> list[str]:
    """Make a rented computer ready, once in each session, and return what to tell. Elsewhere nothing happens.

    Raises RuntimeError for a package that cannot be installed, or that was in use in another version.
    """
    if not (here := host()):
        return []
    installed = install_missing(root)
    words = [f"{here}: the course is in {root}; " + (f"installed {', '.join(installed)}" if installed else "all there")]
    if here == "Colab" and keep_on_drive():
        words.append(f"What you train and the photos are kept in your Google Drive, in {drive_folder()}.")
    elif here == "Colab":
        words.append("What you train goes with this session. To keep it, mount Google Drive and run this cell again.")
    return words


def install_missing(root: Path) -> list[str]:
    """Install, quietly, what the course needs and this Python has not; returns what, as "timm>=1.0.3"."""
    lacking = {what: there for what, there in unmet(root).items() if not (there and name_of(what) in THEIRS)}
    if not lacking:
        return []
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *lacking]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        why = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), "pip failed")
        online = "In Kaggle, switch Internet on in the notebook's settings. " if host() == "Kaggle" else ""
        raise RuntimeError(f"could not install {', '.join(lacking)} ({why}). {online}Then run this cell again")
    importlib.invalidate_caches()
    swapped = {name_of(what) for what, there in lacking.items() if there}
    modules = {path.parts[0].removesuffix(".py") for name in swapped for path in files(name) or ()}
    if in_use := sorted(modules & sys.modules.keys()):
        raise RuntimeError(
            f"{', '.join(in_use)} was in use in an older version: restart the session, and run this cell again"
        )
    return list(lacking)


def drive_folder(drive: Path | None = None) -> Path:
    return (drive or DRIVE) / "image-colorization-course"


def keep_on_drive(drive: Path | None = None) -> bool:
    """If a Google Drive is mounted, runs and photos go there, unless COLORIZE_RUNS and COLORIZE_CACHE say otherwise."""
    if not (drive or DRIVE).is_dir():
        return False
    for variable, name in {"COLORIZE_RUNS": "runs", "COLORIZE_CACHE": "photos"}.items():
        os.environ.setdefault(variable, str(drive_folder(drive) / name))
    return True
