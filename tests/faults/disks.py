"""Full disks, read-only ones, files that may grow no further, an output that nobody can write to.

Where a process may mount disks of its own (root on Linux), each is a real one, of a random size. Everywhere a file can
be kept from growing, which fails in the middle of a write, too.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from random import Random

from .campaign import Kind, Lost, Undocumented
from .processes import call, can_mount, mount
from .stage import TASKS, Task, check_files, check_message, check_no_debris, digests, reference

__all__ = ["KINDS"]

TRIED = [TASKS[name] for name in ("training small", "caching", "export", "coloring")]
NAMES = ("run", "cache", "shipped", "colored")  # one of which an error must have
PAGE = 4096


def full_disk(chance: Random, folder: Path, number: int) -> None:
    """Too small a disk; then room is made, and it goes on."""
    task = TRIED[number % len(TRIED)]
    made = reference(task)
    _told(call(_full_disk, task, folder, int(chance.uniform(0, 1.2) * made.bytes)))


def _full_disk(task: Task, folder: Path, size: int) -> None:
    made = reference(task)
    mount(folder, max(size // PAGE, 4) * PAGE + made.bytes * bool(_before(task)))
    task.before(folder)
    if _before(task):
        _fill(folder / "filler", size)
    _fails_or_ends(task, folder, made)
    (folder / "filler").unlink(missing_ok=True)
    mount(folder, task.big << 20, again=True)
    _ends(task, folder, made)


def _before(task: Task) -> bool:
    return task.name == "export"


def _fill(path: Path, spare: int) -> None:
    """All of the disk but `spare` bytes."""
    there = os.statvfs(path.parent)
    path.write_bytes(bytes(max(0, there.f_bavail * there.f_frsize - spare // PAGE * PAGE)))


def read_only_disk(chance: Random, folder: Path, number: int) -> None:
    task = TRIED[number % len(TRIED)]
    reference(task)
    _told(call(_read_only_disk, task, folder, bool(number // len(TRIED) % 2)))


def _read_only_disk(task: Task, folder: Path, old: bool) -> None:
    """old: something is there already, of a task that was done."""
    made = reference(task)
    mount(folder, task.big << 20)
    task.before(folder)
    if old:
        check_message(call(task.do, folder))
    before = digests(folder)
    mount(folder, task.big << 20, again=True, read_only=True)
    ended = call(task.do, folder)
    check_message(ended, *NAMES)
    if ended.value == 0 and digests(folder) != made.final:
        raise Lost("it says that all is done, and it is not")
    if digests(folder) != before:
        raise Lost("a read-only disk has changed")


def short_files(chance: Random, folder: Path, number: int) -> None:
    """No file may grow past so many bytes: a write fails in its middle; then it may."""
    task = TRIED[number % len(TRIED)]
    made = reference(task)
    task.before(folder)
    biggest = 20_000 if task.name == "coloring" else made.bytes
    limit = int(biggest ** chance.uniform(0.2, 1))
    _fails_or_ends(task, folder, made, limit)
    _ends(task, folder, made)


def _limited(task: Task, folder: Path, limit: int | None) -> int:
    if limit is None:
        return task.do(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(limit, PAGE), before[1]))  # what it says is in a file, too
    try:
        return task.do(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _fails_or_ends(task: Task, folder: Path, made, limit: int | None = None) -> None:
    ended = call(_limited, task, folder, limit)
    check_message(ended, *NAMES)
    check_files(folder, made, finished=False, but=("filler",))
    check_no_debris(folder)
    if ended.value == 0 and made.final.items() - digests(folder).items():
        raise Lost("it says that all is done, and it is not")


def _ends(task: Task, folder: Path, made) -> None:
    ended = call(task.do, folder)
    check_message(ended)
    if ended.value:
        raise Lost(f"with room again it does not go on: {ended.err[-200:]!r}")
    check_files(folder, made, finished=True)


def full_stdout(chance: Random, folder: Path, number: int) -> None:
    """A log on a full disk, or a reader that has gone: no reason to lose anything."""
    task = TRIED[number % len(TRIED)]
    made = reference(task)
    task.before(folder)
    read, write = os.pipe()
    os.close(read)
    with open("/dev/full", "wb") if number // len(TRIED) % 2 else open(write, "wb", closefd=False) as out:
        ended = call(task.do, folder, stdout=out)
    os.close(write)
    check_message(ended)
    if ended.value:
        raise Lost(f"it ends with {ended.value}: {ended.err[-200:]!r}")
    check_files(folder, made, finished=True)


def _told(ended) -> None:
    """What a child found is raised here, too."""
    if ended.code:
        last = (ended.error.strip() or f"died: {ended.code}").splitlines()[-1]
        kind, _, text = last.partition(": ")
        raise {"Lost": Lost, "Undocumented": Undocumented}.get(kind.rpartition(".")[2], RuntimeError)(text or last)


def _ready() -> None:
    for task in TRIED:
        reference(task)


NO_MOUNT = "" if can_mount() else "needs root on Linux"
NO_FULL = "" if os.path.exists("/dev/full") else "there is no /dev/full"
KINDS = [
    Kind("full disks", full_disk, 80, 60, unless=NO_MOUNT, ready=_ready),
    Kind("read-only disks", read_only_disk, 8, 60, unless=NO_MOUNT, ready=_ready),
    Kind("files that may not grow", short_files, 80, 60, ready=_ready),
    Kind("nobody listens", full_stdout, 8, 60, unless=NO_FULL, ready=_ready),
]
