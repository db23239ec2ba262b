"""What a run keeps of its state, checked: the checkpoint file, whose folder it is, and which photos it has seen.

A checkpoint is what `torch.save` writes: a zip file, and so `torch.load` reads it. That does not notice damage (of 150
files with a flipped bit 97 went on, to other weights); here the comment of the zip file is the CRC-32 of all before it.
Older checkpoints have none; of those each part has a CRC-32, and those are compared.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import torch

from .files import ordinary, read_json, sweep, write_json, writing
from .folders import writable_or_cached
from .progress import say
from .tensors import not_finite

__all__ = [
    "RunFolder",
    "claim_together",
    "first_here",
    "key_of",
    "photos_seen",
    "read_state",
    "runs_folder",
    "write_state",
]


def runs_folder() -> Path:
    """Where `load_or_train` keeps its runs: $COLORIZE_RUNS, or `runs/` of the course.

    Where the folder of the course is read-only, `runs/` in the user cache; then it says so.
    """
    if given := os.environ.get("COLORIZE_RUNS"):
        return Path(given).expanduser()
    return writable_or_cached(Path(__file__).parent.parent.parent / "runs", "runs")


def key_of(recipe, photos) -> str:
    """Eight letters that stand for this recipe on these photos.

    Of the recipe only what differs from its fields' defaults counts, by name: a field added later, with a default that
    changes nothing, changes no key. Should a default change one day, two recipes can share a key: `train` says so.
    """
    chosen = {f.name: getattr(recipe, f.name) for f in fields(recipe) if getattr(recipe, f.name) != f.default}
    key = hashlib.sha256(json.dumps([chosen, list(photos.images.shape)], sort_keys=True).encode())
    key.update(photos.images[:32].cpu().numpy().tobytes())
    return key.hexdigest()[:8]


MARK = b"crc32:"  # eight digits follow


def write_state(state: dict, path: Path) -> None:
    """Put a checkpoint in the place of the old one, which is there and whole until then."""
    # PyTorch's own writer knows of a full disk only an "unexpected pos"; in memory it has no trouble.
    torch.save(state, buffer := io.BytesIO())
    buffer.seek(-2, io.SEEK_END)  # a zip file ends with the length of its comment
    buffer.write((len(MARK) + 8).to_bytes(2, "little") + MARK)
    checksum = f"{zlib.crc32(buffer.getbuffer()):08x}"
    with writing(path) as beside, open(beside, "wb") as file:
        file.write(buffer.getbuffer())
        file.write(checksum.encode())


def read_state(path: Path) -> dict:
    """What `write_state` wrote, in today's words.

    Raises ValueError, which says what to do, for what is damaged, no checkpoint, or no number; OSError if it cannot be
    read.
    """
    content = ordinary(path).read_bytes()
    try:
        _check(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(state["recipe"], dict) or not isinstance(state.get("photos", {}), dict):
            raise ValueError("it has no recipe")
        state = _of_today(state)
        if (bad := not_finite(state)) or type(state["step"]) is not int or state["step"] < 0:
            raise ValueError(f"{bad or 'step'} holds what is no number")
        if missing := {"history", "seconds", "sums", "counts"} - state.keys():
            raise ValueError(f"it has no {min(missing)}")
    except MemoryError:
        raise
    except Exception as error:  # whatever damage does to a pickle
        what = next(iter(str(error).splitlines()), "") or type(error).__name__
        what = f"it has no {what}" if isinstance(error, KeyError) else what
        raise ValueError(f"{path} is not a readable checkpoint ({what}): delete it to start anew") from error
    return state


def _check(content: bytes) -> None:
    if (at := content.rfind(MARK, -64)) >= 0:
        at += len(MARK)
        if f"{zlib.crc32(memoryview(content)[:at]):08x}".encode() != content[at:]:
            raise ValueError("its checksum is another")
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if part := file.testzip():
                raise ValueError(f"the checksum of its part {part} is another")


def _of_today(state: dict) -> dict:
    """The first versions had other names for its parts."""
    if "ema" in state:
        for old, new in {"ema": "average", "g_opt": "g_optimizer", "d_opt": "d_optimizer"}.items():
            state[new] = state.pop(old)
        sums = state["sums"]
        state["counts"] = {name: int(sums.pop(f"{name} count")) for name in list(sums) if f"{name} count" in sums}
    return state


def photos_seen(photos) -> dict:
    """What tells photos (a `helpers.data.Photos`) from others: where they are from, how many, a CRC-32 of all pixels.

    A gigabyte takes 0.3 seconds.
    """
    pixels = photos.images.cpu().contiguous().numpy()
    about = {"source": str(photos.source), "split": str(photos.split), "count": len(pixels), "size": pixels.shape[-1]}
    return about | {"crc32": f"{zlib.crc32(pixels):08x}"}


# ------------------------------------------------------------------------------------------- whose folder it is


class RunFolder:
    """A folder in which one recipe learns from one set of photos, and one process at a time may write.

    recipe: a `helpers.recipe.Recipe`. main: whether this process is the one that writes.
    Use it in a `with`, at the end of which others may write. `found` is the checkpoint that was there, {} for none.
    """

    def __init__(self, path: str | Path, recipe, main: bool = True):
        self.path, self.recipe, self.main = Path(path), recipe, main
        self.checkpoint = self.path / "last.pt"
        self.found: dict | None = None
        self.photos: dict = {}
        self.start_from: tuple[Path, dict] | None = None  # the file that the recipe starts from, and its card
        self.ours, self._lock = False, None  # whether we may write

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_) -> None:
        if self._lock:
            self._lock.release()

    def complete(self) -> bool:
        """Whether all is there that a finished run leaves."""
        return all((self.path / name).exists() for name in ("last.pt", "generator.safetensors", "timing.json"))

    def take(self) -> None:
        """Read the checkpoint; and unless the run is finished, have the folder until the end of the `with`.

        Raises ValueError if the run is another recipe's or damaged, or another process has the folder.
        """
        self.found = self.read_checkpoint() if self.complete() else {}
        if self.found.get("step") != self.recipe.total_steps:
            self.ours, self._lock = True, _lock(self.path)
            if (path := self.path / "recipe.json").exists():
                self._compare_recipe(path, read_json(path))
            self.found = self.read_checkpoint()

    def read_checkpoint(self) -> dict:
        """The state in the folder, {} if there is none. Raises ValueError if it is damaged or of another recipe."""
        if not self.checkpoint.exists():
            return {}
        state = read_state(self.checkpoint)
        self._compare_recipe(self.checkpoint, state["recipe"])
        return state

    def _compare_recipe(self, path: Path, stored: dict) -> None:
        try:
            there = asdict(type(self.recipe).restore(stored))
        except ValueError as error:  # a field that is gone
            raise ValueError(f"{path} was made by another recipe: {error}. Choose another folder") from None
        _compare(path, there, asdict(self.recipe), "another recipe")

    def claim(self, photos) -> None:
        """Raises ValueError if what is in the folder was learned from other photos than these."""
        self.photos, path = photos_seen(photos), self.path / "photos.json"
        known = {path: read_json(path)} if path.exists() else {}
        if self.found and "photos" in self.found:
            known[self.checkpoint] = self.found["photos"]
        for path, seen in known.items():
            _compare(path, seen, self.photos, "other photos")
        if self.ours and self.found and not known:
            say(f"{self.checkpoint} is of an older version and does not know its photos: these are taken for them")

    def inscribe(self) -> None:
        """Write down whose folder it is: the recipe, the photos, and a copy of the colorizer it starts from.

        Nothing of a finished run, and none of this by other processes than the main one.
        """
        if not self.ours:
            return
        for name, content in {"recipe": asdict(self.recipe), "photos": self.photos}.items():
            if not (path := self.path / f"{name}.json").exists():
                write_json(path, content)
        if self.start_from and not (kept := self.path / "start.safetensors").exists():
            write_json(kept.with_suffix(".json"), self.start_from[1])
            with writing(kept) as beside:
                shutil.copyfile(self.start_from[0], beside)


def _compare(path: Path, there: dict, here: dict, what: str) -> None:
    if changed := [name for name in here if there.get(name) != here[name]]:
        told = ", ".join(f"{name} ({there.get(name)} there, {here[name]} here)" for name in changed)
        raise ValueError(f"{path} was made by {what}: {told}. Choose another folder")


def _lock(folder: Path):
    """Have a folder until `.release()` or death, whatever kills us; sweep what killed ones left.

    Raises ValueError at once if another process has it, or another training in this one. None where the file system
    has no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"another training writes in {folder}: wait for its end, or choose another folder") from None
    except NotImplementedError:
        lock = None
    for place in (folder, folder / "samples"):
        sweep(place)
    return lock


def claim_together(accelerator, folder: RunFolder, photos) -> None:
    """`RunFolder.claim`, and that all processes have the same photos. Raises ValueError in all of them if not."""
    if accelerator.num_processes > 1:
        import torch.distributed as dist

        dist.all_gather_object(seen := [{}] * accelerator.num_processes, photos_seen(photos))
        for number, there in enumerate(seen):
            if changed := [f"{name} ({value} there, {there[name]} here)" for name, value in seen[0].items()
                           if there[name] != value]:  # fmt: skip
                raise ValueError(
                    f"process {number} has other photos than the main one: {', '.join(changed)}. Give each computer "
                    "the same photos, in the same place"
                )
    first_here(accelerator, lambda: folder.claim(photos))


def first_here(accelerator, work: Callable):
    """Have the main process do something; what it returns or raises there, each of the others returns or raises."""
    found = problem = None
    if accelerator.is_main_process:
        try:
            found = work()
        except Exception as error:
            problem = error
    if accelerator.num_processes > 1:
        from accelerate.utils import broadcast_object_list

        found, problem = broadcast_object_list([found, problem])
    if problem is not None:
        raise problem
    return found
