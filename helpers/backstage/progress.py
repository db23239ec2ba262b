"""Progress bars by fastprogress: in notebooks and terminals, silent in log files and tests."""

from __future__ import annotations

import sys
from collections.abc import Iterable

__all__ = ["in_notebook", "progress_bar", "wanted"]


def in_notebook() -> bool:
    """True in a Jupyter kernel."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def wanted() -> bool:
    """A bar makes sense where somebody watches: a notebook or a terminal, not a log file."""
    return in_notebook() or sys.stdout.isatty()


def progress_bar(items: Iterable, total: int, comment: str = "", show: bool = True) -> Iterable:
    """`items` with a bar that vanishes when done. total: how many. comment: what is going on."""
    if not (show and wanted()):
        return items
    from fastprogress.fastprogress import progress_bar as bar

    return bar(items, total=total, leave=False, comment=comment)
