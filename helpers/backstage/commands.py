"""What the command lines share: exit codes, errors in one sentence, and Ctrl-C, TERM and HUP in one line."""

from __future__ import annotations

import _thread
import argparse
import errno
import gc
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .interrupt import catch_signals, rank, restore_signals, same_wish
from .processes import LOST, leave_at_once, lost
from .progress import complain

__all__ = [
    "DONE", "FAILED", "STOPPED", "WRONG", "UsageError", "complain", "duration", "interruptible", "listen", "parser",
    "run", "sentence",
]  # fmt: skip

DONE, FAILED, WRONG, STOPPED = 0, 1, 2, 130
EXIT_CODES = """\
exit codes:
  0  done
  1  something was not done, or failed: each thing is named
  2  wrong arguments: nothing was begun
  130  stopped by Ctrl-C, TERM or HUP: what was done is kept"""


class UsageError(ValueError):
    """Arguments that cannot be meant so: said before anything is begun."""


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message, file=None):
        if rank() == 0:  # of several processes one speaks
            super()._print_message(message, file)


def parser(module: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser whose `--help` ends with examples, one a line, and the exit codes. All of it in ASCII: any console."""
    return _Parser(
        prog=f"python -m {module}",
        description=description,
        epilog=f"examples:\n{examples}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(work: Callable[[], int], go_on: str = "run the same command to go on") -> int:
    """The exit code of a command line: that of `work`, unless it raises; what it raises is told in one line.

    work: all of it, from the parsing of its arguments on. go_on: what to do after it was stopped, told unless the
    KeyboardInterrupt says something itself. Of several processes the main one speaks; others where only they know.
    """
    if _listening:
        gc.freeze()
        gc.enable()
    with _forgiving_stdout(), interruptible():
        try:
            code, line = _outcome(work, go_on)
        except KeyboardInterrupt:  # between the lines
            code, line = STOPPED, f"stopped: {go_on}"
        if line and (rank() == 0 or line.startswith("process ") or (rank() == 1 and line.endswith(LOST))):
            complain(line)
    if _listening and sys.stderr is not None:
        _settle(sys.stderr)
    if _listening and "RANK" in os.environ:
        leave_at_once(code)
    if _listening:
        gc.freeze()  # or all would be looked through once more before the process, and all of it, is gone
    return code


def _outcome(work: Callable[[], int], go_on: str) -> tuple[int, str]:
    """(exit code, the line to say or "")."""
    try:
        return work(), ""
    except KeyboardInterrupt as stop:
        return STOPPED, f"stopped: {stop}" if str(stop) else f"stopped: {go_on}"
    except UsageError as error:
        return WRONG, f"error: {error}"
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        from .flowers import DataError

        # Those are the same for all on this computer; on another one its first process has to say it.
        same = isinstance(error, (ValueError, DataError)) and os.environ.get("LOCAL_RANK") != "0"
        alone = rank() and not same
        said = f"error: {sentence(error)}"
        return FAILED, f"process {rank()}: {said}" if alone and not said.endswith(LOST) else said


def sentence(error: BaseException) -> str:
    """One line that says what went wrong, with the file's name first if it is about a file."""
    if lost(error):
        return LOST
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename
        text = f"{os.fsdecode(name)}: {error.strerror}" if isinstance(name, (str, bytes)) else error.strerror
        return re.sub(r"\.([^/\\]+)\.partial-\d+", r"\1", text)  # see `files.writing`: not a name that the user knows
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def duration(seconds: float) -> str:
    """In words; 95 seconds are "2 minutes"."""
    if seconds < 1:
        return "less than a second"
    unit, length = ("hour", 3600) if seconds >= 10_800 else ("minute", 60) if seconds >= 90 else ("second", 1)
    count = round(seconds / length)
    return f"{count} {unit}{'s' if count != 1 else ''}"


# ---------------------------------------------------------------------------------------- being stopped


def _interrupt_main() -> None:
    """A SIGINT for the main thread, which ends a wait there; `interrupt_main` alone is heard when the wait is over."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()


@contextmanager
def interruptible() -> Iterator[None]:
    """INT, TERM and HUP raise KeyboardInterrupt, but once for one wish: what is being put away will be.

    At the end of a command (see `listen`) nothing is left that could be stopped, and they are ignored.
    """
    last = float("-inf")

    def note(*_):
        nonlocal last
        if time.monotonic() - last > same_wish():
            last = time.monotonic()
            raise KeyboardInterrupt

    def not_raised(what):
        """A KeyboardInterrupt that came while Python cleaned up after an object: it is raised again, a little later."""
        nonlocal last
        if not issubclass(what.exc_type, KeyboardInterrupt):
            return hook(what)
        last = float("-inf")
        again = threading.Timer(0.05, _interrupt_main)
        again.daemon = True
        again.start()

    before, hook = catch_signals(note), sys.unraisablehook
    sys.unraisablehook = not_raised
    try:
        yield
    finally:
        sys.unraisablehook = hook
        restore_signals(dict.fromkeys(before, signal.SIG_IGN) if _listening else before)


_listening: list[bool] = []


def listen() -> None:
    """From the first line of a command: a signal ends it in one line, also while PyTorch is being imported.

    Nothing was begun then. A KeyboardInterrupt would come out as a page of somebody else's import statements.

    What is imported stays to the end, and is not looked through for garbage again and again: that was a quarter of the
    start and the end of a command. What is made from `run` on is looked through as ever.
    """

    def leave(*_):
        if rank() == 0:
            with suppress(OSError):
                os.write(2, b"stopped: nothing was begun\n")
        os._exit(STOPPED)

    _listening.append(True)
    catch_signals(leave)
    gc.disable()


class _Forgiving:
    """A stream whose reader may go away (a closed pipe or terminal) or whose disk may be full, and the work goes on.

    error: what went wrong first, if that is worth a word: who closes a pipe knows it.
    """

    def __init__(self, stream):
        self._stream, self.error = stream, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, method: Callable, *text: str) -> None:
        try:
            method(*text)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF):
                self.error = self.error or error


@contextmanager
def _forgiving_stdout() -> Iterator[None]:
    """What is printed is for somebody to see; it is no reason to lose an hour of training."""
    stdout = sys.stdout
    if stdout is None:
        yield
        return
    sys.stdout = forgiving = _Forgiving(stdout)
    try:
        yield
    finally:
        forgiving.flush()
        sys.stdout = stdout
        if forgiving.error:
            complain(f"what was printed is lost: {forgiving.error.strerror}")
        _settle(stdout)


def _settle(stream) -> None:
    """Write what a stream holds; if that fails, nowhere: or Python tries once more at its end, and exits with 120."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
