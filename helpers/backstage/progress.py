"""Progress by fastprogress, in notebooks and terminals of any width and encoding; silent in log files and tests."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress

from .interrupt import rank

__all__ = ["Bar", "complain", "in_notebook", "progress_bar", "say", "wanted"]


def in_notebook() -> bool:
    """True in a Jupyter kernel."""
    from IPython import get_ipython

    return "IPKernelApp" in getattr(get_ipython(), "config", ())


def wanted() -> bool:
    """A bar makes sense where somebody watches: a notebook or a terminal, not a log file."""
    return in_notebook() or (sys.stdout is not None and sys.stdout.isatty())


def _showable(text: str) -> str:
    """`text` with a "?" for each character that stdout cannot show (a Δ in a Windows console, say)."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf8"
    return text.encode(encoding, "replace").decode(encoding)


def say(text: str) -> None:
    """Print, whatever the encoding of stdout: no training may die of a letter. One of several processes speaks."""
    if rank() == 0:
        print(_showable(text), flush=True)


def complain(text: str) -> None:
    """One line on stderr, whatever is in a file's name, and whether or not somebody still listens there."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()  # a bar's line ends before
    if sys.stderr is not None:  # or `print` would take stdout
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)


class Bar:
    """A bar of `total` steps where somebody watches; elsewhere, or with show=False, its methods do nothing.

    leave: whether the bar stays to be seen. comment: what is going on.
    """

    def __init__(self, total: int, show: bool = True, leave: bool = True, comment: str = ""):
        self._done, self._bar = 0, None
        if show and total > 0 and wanted():
            self._bar = _bar_class()(range(total), total, leave=leave)
            self._bar.comment = comment
            self._bar.update(0)

    def move(self, done: int, comment: str = "") -> None:
        """`done` steps of the total are behind us. comment: a few words on how it goes, cut where the line ends."""
        if self._bar is not None and done > self._done:  # a bar that has ended would begin anew
            self._done, self._bar.comment = done, comment
            self._bar.update(done)

    def close(self) -> None:
        """No more moves will come: leave the bar's line, or wipe it."""
        if self._bar is not None and self._bar.last_v is not None:  # None: it reached its end
            self._bar.on_iter_end()
        self._bar = None


def progress_bar(items: Iterable, total: int, comment: str = "", show: bool = True) -> Iterator:
    """`items` with a bar that vanishes when done. total: how many. comment: what is going on."""
    with closing(Bar(total, show, leave=False, comment=comment)) as bar:
        for done, item in enumerate(items, 1):
            yield item
            bar.move(done, comment)


def _bar_class() -> type:
    from fastprogress.fastprogress import ConsoleProgressBar, NBProgressBar

    class TerminalBar(ConsoleProgressBar):
        """fastprogress's own, which alone breaks where a line or the encoding is narrow."""

        def on_update(self, done, text):
            text, self.cols = _showable(text), shutil.get_terminal_size().columns - 1  # a full line wraps, and stays
            self.length = max(5, min(40, self.cols - len(text) - 4))
            room = self.cols - self.length - 4
            super().on_update(done, text[:room].ljust(room))

        def on_iter_end(self):
            print(end="\n" if self.leave else "")
            super().on_iter_end()

    return NBProgressBar if in_notebook() else TerminalBar
