"""Ctrl-C and the notebook's stop button, TERM and HUP as a wish that can wait for the end of a step."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = [
    "STATE", "StopRequest", "Stopped", "Unfinished", "calm", "catch_signals", "rank", "restore_signals", "same_wish",
    "stop_request",
]  # fmt: skip

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


@dataclass
class State:
    """What `processes.py` needs to know of this process from another thread."""

    caught: int = 0  # how many handlers of ours lie on each other
    heard: float = -1e9  # when one was called last, by time.monotonic()
    careful: bool = False  # something is being done that would be lost if it ended at once
    orphaned: bool = False  # the launcher is gone


STATE = State()


def rank() -> int:
    """The number of this process among those that a launcher started together; 0 if it is alone."""
    text = os.environ.get("RANK", "0")
    return int(text) if text.isdecimal() else 0


def same_wish() -> float:
    """Seconds within which a second signal means the first wish, and no more hurry.

    A shell passes on a HUP that the terminal has sent already, and a launcher of several processes any signal.
    """
    return 3.0 if "RANK" in os.environ else 0.5


class Stopped(KeyboardInterrupt):
    """A KeyboardInterrupt with something to say; a notebook shows the sentence alone, and stops the cell."""

    def _render_traceback_(self) -> list[str]:
        return [f"stopped: {self}"]


class TooLate(Stopped):
    """■ came after the last step: nothing was cut short, but the cell is not to go on."""


class Unfinished:
    """Stands in for a run that was stopped: whatever is asked of it, it says in one line what is missing."""

    finished = False

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, asked: str):
        if asked.startswith("_"):  # Python and Jupyter look for those in everything
            raise AttributeError(asked)
        raise Stopped(f"{self._name} is not finished; run the cell that trains it again, and it goes on")


def calm(load: Callable) -> Callable:
    """`load(recipe, name, ...)`, which gives a run; but a stop raises nothing: then it gives an `Unfinished`.

    So what a cell trains has its name, also where ■ came before its turn, and the next cells can say what is missing.
    """

    @functools.wraps(load)
    def load_calmly(recipe, name, *more, **options):
        try:
            run = load(recipe, name, *more, **options)
        except Stopped as reason:
            if isinstance(reason, TooLate):  # of other stops something was said already
                print(f"stopped: {reason}")
            return Unfinished(name)
        return run if run.finished else Unfinished(name)

    return load_calmly


class StopRequest:
    """Whether somebody wants the work to end. by: the number of the first signal, if one came.

    share: asks the other processes, if there are some; called with the answer here, returns that of all. In that case
    each process must call `is_set` after the same steps.
    """

    def __init__(self, share: Callable[[bool], bool] = bool):
        self.by, self.heeded, self._share, self._last = None, False, share, 0.0

    def note(self, number: int, _) -> None:
        now = time.monotonic()
        if self.by is None:
            self.by, self._last = number, now
        elif now - self._last > same_wish():  # a second time: now
            self._last = now
            raise KeyboardInterrupt

    def is_set(self) -> bool:
        self.heeded = self._share(self.by is not None or STATE.orphaned)
        return self.heeded


@contextmanager
def stop_request(share: Callable[[bool], bool] = bool, name: str = "") -> Iterator[StopRequest]:
    """Turns Ctrl-C (or the notebook's stop button) into a flag, so that no step is left half taken.

    TERM and HUP as well; they are for the whole process, so they are raised again when the work has been put away. So
    is a Ctrl-C that came too late for anybody to look at the flag. The second signal raises KeyboardInterrupt at once.
    name: of the work. Raises Stopped if another one was stopped in the same cell of a notebook: ■ is meant for the
    cell, not for the first of its trainings.
    """
    cell = _cell()
    if cell and _STOPPED.get(cell, name) != name:
        raise Stopped("nothing more is begun in this cell; run it again, and it goes on")
    stop = StopRequest(share)
    before = catch_signals(stop.note)
    STATE.careful = True
    try:
        yield stop
    finally:
        STATE.careful = False
        restore_signals(before)
    if stop.by is not None and cell:
        _STOPPED.clear()
        _STOPPED[cell] = name
    if stop.by == signal.SIGINT and not stop.heeded:
        raise TooLate("the work was done already, and is saved")
    if stop.by in before and stop.by != signal.SIGINT:
        signal.raise_signal(stop.by)


_STOPPED: dict[str, str] = {}
"""The cell in which something was stopped, and what."""


def _cell() -> str | None:
    """What tells one execution of a notebook's cell from all others; None elsewhere."""
    if "ipykernel" not in sys.modules:
        return None
    try:
        from IPython import get_ipython

        return get_ipython().parent_header["header"]["msg_id"]
    except (ImportError, AttributeError, KeyError, TypeError):  # another kernel, another version
        return None


def catch_signals(handler: Callable) -> dict:
    """Install a handler for each of the signals; returns what was there. Only the main thread can; others get {}.

    One that this process was told to ignore (HUP by `nohup`) stays ignored; but INT, which a shell has its background
    jobs ignore, is somebody's wish when it comes.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in SIGNALS}
    kept = {None, signal.SIG_IGN}  # None: a handler that is not Python's
    before = {n: old for n, old in found.items() if old not in kept or (n == signal.SIGINT and old is not None)}

    def heard(number, frame):
        STATE.heard = time.monotonic()
        handler(number, frame)

    STATE.caught += 1
    for number in before:
        signal.signal(number, heard)
    return before


def restore_signals(before: dict) -> None:
    """Put back what `catch_signals` found."""
    STATE.caught -= bool(before)
    for number, old in before.items():
        signal.signal(number, old)
