"""Where trainings are kept."""

from __future__ import annotations

import os
from pathlib import Path

from .folders import writable_or_cached

__all__ = ["runs_folder"]


def runs_folder() -> Path:
    """Where `load_or_train` keeps its runs: $COLORIZE_RUNS, or `runs/` of the course.

    Where the folder of the course is read-only, `runs/` in the user cache; then it says so.
    """
    if given := os.environ.get("COLORIZE_RUNS"):
        return Path(given).expanduser()
    return writable_or_cached(Path(__file__).parent.parent.parent / "runs", "runs")
