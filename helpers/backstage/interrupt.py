"""Ctrl-C and the notebook's stop button, TERM and HUP as a wish that can wait for the end of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["catch_signals", "restore_signals", "stop_request"]

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


@contextmanager
def stop_request() -> Iterator[threading.Event]:
    """Turns Ctrl-C (or the notebook's stop button) into an event, so that no step is left half taken.

    TERM and HUP as well; they are for the whole process, so they are raised again when the work has been put away.
    """
    asked, by = threading.Event(), []

    def note(number, _):
        if asked.is_set():  # a second time: now
            raise KeyboardInterrupt
        by.append(number)
        asked.set()

    before = catch_signals(note)
    try:
        yield asked
    finally:
        restore_signals(before)
        if by and by[0] in before and by[0] != signal.SIGINT:
            signal.raise_signal(by[0])


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
    for number in before:
        signal.signal(number, handler)
    return before


def restore_signals(before: dict) -> None:
    for number, old in before.items():
        signal.signal(number, old)
