"""Writing files so that no kill, crash or full disk leaves half of one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["read_json", "write_json", "writing"]


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """`with writing(path) as beside: save(beside)`: at each moment `path` is whole, the old file or the new.

    The body writes the file `beside`, in the same folder; it is then flushed to the disk and renamed. Whatever
    the body raises goes on, and `beside` is gone.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        yield beside
        with open(beside, "rb+") as file:  # a rename may reach the disk before the content does
            os.fsync(file.fileno())
        for wait in (0.05, 0.1, 0.25, 0.6, None):  # on Windows nothing takes the place of a file that somebody reads
            try:
                os.replace(beside, path)
                break
            except PermissionError:
                if wait is None:
                    raise
                time.sleep(wait)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say where
        raise
    finally:
        beside.unlink(missing_ok=True)


def read_json(path: str | Path):
    """What `write_json` wrote."""
    return json.loads(Path(path).read_text(encoding="utf8"))


def write_json(path: str | Path, content) -> None:
    """`content` as readable UTF-8 JSON, written beside and renamed."""
    with writing(path) as beside:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf8", newline="\n")
