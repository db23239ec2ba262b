"""What the command lines share: exit codes, errors in one sentence, and Ctrl-C, TERM and HUP in one line."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .interrupt import catch_signals, restore_signals

__all__ = [
    "DONE", "FAILED", "STOPPED", "WRONG", "UsageError", "complain", "interruptible", "listen", "parser", "run",
    "sentence",
]  # fmt: skip

DONE, FAILED, WRONG, STOPPED = 0, 1, 2, 130
EXIT_CODES = """\
exit codes:
  0  done
  1  something was not done, or failed: each thing is named
  2  wrong arguments: nothing was begun
  130  stopped by Ctrl-C, TERM or HUP: what was done is kept"""
SAME_WISH = 2.0  # seconds: who presses Ctrl-C again and again means it once


class UsageError(ValueError):
    """Arguments that cannot be meant so: said before anything is begun."""


def parser(module: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser whose `--help` ends with examples, one a line, and the exit codes. All of it in ASCII: any console."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        epilog=f"examples:\n{examples}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(work: Callable[[], int], go_on: str = "run the same command to go on") -> int:
    """The exit code of a command line: that of `work`, unless it raises; what it raises is told in one line.

    go_on: what to do after it was stopped, told unless the KeyboardInterrupt says something itself.
    """
    try:
        with _forgiving_stdout(), interruptible():
            return work()
    except KeyboardInterrupt as stop:
        complain(f"stopped: {stop}" if str(stop) else f"stopped: {go_on}")
        return STOPPED
    except UsageError as error:
        complain(f"error: {error}")
        return WRONG
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        complain(f"error: {sentence(error)}")
        return FAILED


def sentence(error: BaseException) -> str:
    """One line that says what went wrong, with the file's name first if it is about a file."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename
        text = f"{os.fsdecode(name)}: {error.strerror}" if isinstance(name, (str, bytes)) else error.strerror
        return re.sub(r"\.([^/\\]+)\.partial-\d+", r"\1", text)  # see `files.writing`: not a name that the user knows
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def complain(text: str) -> None:
    """One line on stderr, whatever is in a file's name, and whether or not somebody still listens there."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------- being stopped


@contextmanager
def interruptible() -> Iterator[None]:
    """INT, TERM and HUP raise KeyboardInterrupt, but once in two seconds: what is being put away will be."""
    last = float("-inf")

    def note(*_):
        nonlocal last
        if time.monotonic() - last > SAME_WISH:
            last = time.monotonic()
            raise KeyboardInterrupt

    before = catch_signals(note)
    try:
        yield
    finally:
        restore_signals(before)


def listen() -> None:
    """From the first line of a command: a signal ends it in one line, also while PyTorch is being imported.

    Nothing was begun then. A KeyboardInterrupt would come out as a page of somebody else's import statements.
    """

    def leave(*_):
        if os.environ.get("RANK", "0") == "0":  # one of several processes speaks
            with suppress(OSError):
                os.write(2, b"stopped: nothing was begun\n")
        os._exit(STOPPED)

    catch_signals(leave)


class _Forgiving:
    """A stream whose reader may go away (a closed pipe or terminal, a full disk under a log) and nobody minds."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def _forgiving_stdout() -> Iterator[None]:
    """What is printed is for somebody to see; it is no reason to lose an hour of training."""
    stdout = sys.stdout
    sys.stdout = _Forgiving(stdout) if stdout else stdout
    try:
        yield
    finally:
        sys.stdout = stdout
        try:
            if stdout:
                stdout.flush()
        except OSError:  # or Python would try once more at its end, and complain
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
