"""Writing files so that no kill, crash or full disk leaves half of one; errors of reading that name the file."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["ordinary", "read_json", "sweep", "write_json", "writing"]


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """`with writing(path) as beside: save(beside)`: at each moment `path` is whole, the old file or the new.

    The body writes the file `beside`, in the same folder; it is then flushed to the disk and renamed. Whatever
    the body raises goes on, and `beside` is gone. The file may be read by whom the user lets read his files (umask),
    whatever library wrote it; one that takes another's place gets the rights of that.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        mode = _mode(path, beside)
        yield beside
        with open(beside, "rb+") as file:  # a rename may reach the disk before the content does
            os.fsync(file.fileno())
        if stat.S_IMODE(beside.stat().st_mode) != mode:
            with suppress(OSError):  # not every disk knows about rights
                beside.chmod(mode)
        for wait in (0.05, 0.1, 0.25, 0.6, None):  # on Windows nothing takes the place of a file that somebody reads
            try:
                os.replace(beside, path)
                break
            except PermissionError:
                if wait is None:
                    raise
                time.sleep(wait)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(beside):
            error.filename = str(path)  # a full disk does not say where, and nobody knows `beside`
        raise
    finally:
        beside.unlink(missing_ok=True)


def _mode(path: Path, beside: Path) -> int:
    """The rights of a file; if it is not there those of a new one, tried with an empty `beside`."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    beside.touch()  # asks the umask, which cannot be read, and whatever else the folder has to say about new files
    try:
        return stat.S_IMODE(beside.stat().st_mode)
    finally:
        beside.unlink()


def sweep(folder: str | Path) -> None:
    """Remove what killed writers left in a folder (see `writing`), but not what a process that lives is writing."""
    for path in Path(folder).glob(".*.partial-*"):
        number = path.name.rpartition("-")[2]
        if number.isdecimal() and not _lives(int(number)):
            with suppress(OSError):  # Windows refuses where it is open; what cannot be removed harms nobody
                path.unlink()


def _lives(process: int) -> bool:
    """Whether a process that may be writing has this number. Ours does not: who sweeps has nothing half written."""
    if process == os.getpid() or sys.platform == "win32":  # there os.kill would do just that
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True  # somebody else's
    except (OSError, OverflowError):
        return False
    return True


def ordinary(path: str | Path) -> Path:
    """The path of what is read. Raises OSError for a pipe, which would be waited for, or a device, without end."""
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():  # a folder has an error of its own
        raise OSError(errno.EINVAL, "this is no ordinary file", str(path))
    return path


def read_json(path: str | Path, kind: type = dict):
    """What `write_json` wrote. Raises ValueError, which names the file, if that is no JSON or not of this kind."""
    try:
        content = json.loads(ordinary(path).read_text(encoding="utf8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: it is no JSON ({error}). Delete it, or copy it again") from error
    if not isinstance(content, kind):
        is_not = f"it holds a {type(content).__name__}, not a {kind.__name__}"
        raise ValueError(f"{path} is damaged: {is_not}. Delete it, or copy it again")
    return content


def write_json(path: str | Path, content) -> None:
    """`content` as readable UTF-8 JSON, written beside and renamed."""
    with writing(path) as beside:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf8", newline="\n")
