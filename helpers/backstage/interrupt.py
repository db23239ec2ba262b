"""Ctrl-C and the notebook's stop button as a wish that can wait for the end of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stop_request"]


@contextmanager
def stop_request() -> Iterator[threading.Event]:
    """Turns Ctrl-C (or the notebook's stop button) into an event, so that no step is left half taken."""
    asked = threading.Event()

    def note(*_):
        if asked.is_set():  # a second time: now
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
