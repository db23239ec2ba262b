"""Something done in a child of this process: its output caught, killed at some moment, on a small disk of its own."""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Ended",
    "call",
    "can_mount",
    "die_with_parent",
    "mount",
    "peak_memory",
    "reset_peak",
    "resident",
    "session_cpu",
    "start",
]

UNIT = 2**20 if sys.platform == "darwin" else 2**10  # of ru_maxrss, to MiB
CHILDREN: list[float] = []  # MiB that each held at most, since `reset_peak`
NEW_MOUNTS, PRIVATE, READ_ONLY, REMOUNT = 0x20000, (1 << 18) | (1 << 14), 1, 32  # of unshare(2) and mount(2)


@dataclass
class Ended:
    """How a child ended. code: exit status, or minus the signal. value: what the function returned, if it did.

    error: what it raised, as Python prints it. out, err: what was printed. events: see `call`.
    """

    code: int
    value: object = None
    error: str = ""
    out: str = ""
    err: str = ""
    events: int = 0

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Child:
    """A child at work; see `start`."""

    def __init__(self, pid: int, files: dict):
        self.pid, self.files, self.began = pid, files, time.monotonic()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, kill_after: float | None = None, limit: float = 600.0) -> Ended:
        """Until it ends. kill_after, limit: seconds after which it is killed, as planned or since it hangs."""
        kill_after = limit if kill_after is None else kill_after
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                CHILDREN.append(usage.ru_maxrss / UNIT)
                break
            left = kill_after - (time.monotonic() - self.began)
            if left <= 0:
                self.kill()
            _await(self.pid, max(left, 0.1))
        texts = {}
        for name, file in self.files.items():
            file.seek(0)
            texts[name] = file.read()
            file.close()
        ended = Ended(os.waitstatus_to_exitcode(status))
        ended.out, ended.err = (texts[name].decode("utf8", "replace") for name in ("out", "err"))
        with suppress(Exception):  # a killed one has left nothing, or half of it
            ended.value, ended.error, ended.events = pickle.loads(texts["result"])
        return ended


def _await(pid: int, seconds: float) -> None:
    """Until it ends, or for so long; at most. Elsewhere than on Linux for a moment."""
    try:
        file = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return time.sleep(min(seconds, 0.005))
    try:
        select.select([file], [], [], seconds)
    finally:
        os.close(file)


def start(function: Callable, *arguments, kill_at: int | None = None, below: Path | None = None, stdout=None) -> Child:
    """Call the function in a child, and do not wait.

    kill_at: the child ends itself by SIGKILL right before its n-th event, which is a file below the folder `below`
    that is opened, flushed to the disk, renamed or removed. stdout: a file in place of the one where it is caught.
    """
    files = {name: tempfile.TemporaryFile() for name in ("out", "err", "result")}  # noqa: SIM115
    pid = os.fork()
    if pid:
        return Child(pid, files)
    code = 70
    try:
        die_with_parent()
        os.dup2((stdout or files["out"]).fileno(), 1)
        os.dup2(files["err"].fileno(), 2)
        sys.stdout, sys.stderr = (open(n, "w", encoding="utf8", closefd=False) for n in (1, 2))  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        count = _count_events(below, kill_at) if below else [0]
        value, error = None, ""
        try:
            value, code = function(*arguments), 0
        except BaseException:
            error, code = traceback.format_exc(), 71
        with suppress(OSError):
            sys.stdout.flush()
        sys.stderr.flush()
        pickle.dump((value, error, count[0]), files["result"])
        files["result"].flush()
    finally:
        os._exit(code)


def call(function: Callable, *arguments, kill_after: float | None = None, **options) -> Ended:
    """Call the function in a child, and wait for its end. Options: see `start`; kill_after: see `Child.wait`."""
    return start(function, *arguments, **options).wait(kill_after)


def die_with_parent() -> None:
    """Where the system can see to it: nothing is left to run on when a campaign is killed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _count_events(below: Path, kill_at: int | None) -> list[int]:
    count, top = [0], str(below)

    def happened() -> None:
        count[0] += 1
        if count[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def listen(event: str, arguments: tuple) -> None:
        if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate") and any(
            isinstance(one, str | os.PathLike) and os.fspath(one).startswith(top) for one in arguments[:2]
        ):
            happened()

    flush = os.fsync

    def fsync(file) -> None:
        happened()
        flush(file)

    os.fsync = fsync
    sys.addaudithook(listen)  # for good, as the child
    return count


# ------------------------------------------------------------------------------------------ memory and time


def resident() -> float:
    """MiB of memory that this process holds now."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


def session_cpu(leader: int) -> float:
    """Seconds of CPU that a session's processes have used, those that ended included; 0 where nobody knows."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rpartition(")")[2].split()  # from the third on
            if int(fields[3]) == leader:
                ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def reset_peak() -> None:
    CHILDREN.clear()
    with suppress(OSError):  # elsewhere the peak is that of the process's whole life
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> float:
    """MiB of memory that this process, or one of its children, held at most since `reset_peak`."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        most = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return max(most, *CHILDREN, 0.0)


# ---------------------------------------------------------------------------------------------------- disks


def mount(folder: Path, size: int, again: bool = False, read_only: bool = False) -> None:
    """An empty disk of `size` bytes (whole pages) at this folder, or the one that is there in another way (`again`).

    For this process and its children alone, and gone with them. Raises OSError where that is not allowed.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    if not again:
        check(libc.unshare(NEW_MOUNTS))
        check(libc.mount(b"none", b"/", None, PRIVATE, None))
    flags = (REMOUNT if again else 0) | (READ_ONLY if read_only else 0)
    check(libc.mount(b"none", os.fsencode(folder), b"tmpfs", flags, f"size={size}".encode()))


def can_mount() -> bool:
    """Whether this process may have disks of its own."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        return call(mount, Path(folder), 65536).code == 0
