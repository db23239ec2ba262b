"""Writing files so that no kill, crash or full disk leaves half of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["write_beside"]


def write_beside(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)` and rename, so that `path` is always whole: the old or the new."""
    beside = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        write(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
