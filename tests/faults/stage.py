"""What is tried: a training, the cache of photos, the export of weights, the coloring of a folder.

Each of these is a `Task`. `reference` does it once without any fault, and notes each content that each of its files
ever has; after a fault a file must have one of these, and at the end the last.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from PIL import Image

from helpers import cli, inference, runs
from helpers.backstage.commands import sentence
from helpers.data import DataError, load_flowers
from helpers.inference import Colorizer, save_generator
from helpers.models import UNet
from helpers.publish.networks import ship
from helpers.synthetic import draw_flowers
from helpers.training import TrainingDiverged
from tests import little_flowers
from tests.late import import_late

from .campaign import Lost, Undocumented
from .processes import Ended, call

__all__ = ["TASKS", "Task", "check_files", "check_message", "documented", "home", "prepare", "reference", "said_so"]

DOCUMENTED = (ValueError, OSError, DataError, TrainingDiverged)  # ImageError and UsageError are ValueErrors
SMALL = "size=16 load_size=16 batch_size=4 width=4 depth=2 color_steps=4 critic_steps=2 gan_steps=3 report_steps=3"
SIZE = 32  # of the colorizer's pictures

_home: Path | None = None


def home() -> Path:
    """The folder that all processes of a campaign share: photos, weights, what a task ends with."""
    return _home


def prepare(folder: Path) -> None:
    """Make this process ready: little photos in place of Flowers102, small weights, and a place for references."""
    global _home
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    _home = folder
    once("photos", lambda path: little_flowers.make(path))
    little_flowers.patch(photos_root())
    once("pictures", _pictures)
    once("weights", _weights)
    cli.train = partial(runs.train, save_every=0.0)  # a checkpoint after every step: more moments to be killed at
    os.environ["FLOWERS102_ROOT"] = str(photos_root())


def once(name: str, build: Callable[[Path], object]) -> Path:
    """`home()/name`, built by whichever process comes first."""
    path = home() / name
    with FileLock(home() / f"{name}.lock"):
        if not path.exists():
            beside = home() / f"{name}.building"
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            build(beside)
            beside.rename(path)
    return path


def photos_root() -> Path:
    return home() / "photos"


def _pictures(folder: Path) -> None:
    """What somebody might want colored: several formats, and two sub-folders."""
    pictures, _ = draw_flowers(24, 48, seed=9)
    for i, picture in enumerate(pictures):
        suffix = ("jpg", "png", "tif", "webp", "bmp", "gif")[i % 6]
        image = Image.fromarray(picture)
        if i % 6 == 1:
            image.putalpha(image.convert("L"))
        place = folder / ("", "summer", "winter")[i % 3] / f"{i:02d}.{suffix}"
        place.parent.mkdir(exist_ok=True)
        image.save(place)


def _weights(folder: Path) -> None:
    for seed, name in enumerate(("small", "other")):
        torch.manual_seed(seed)
        network = UNet(4, 2)
        save_generator(network, folder / f"{name}.safetensors", SIZE)
        (folder / f"{name}.json").write_text(json.dumps({"name": name, "recipe": {"size": SIZE}}))


@lru_cache
def weights(name: str = "small") -> Path:
    return home() / "weights" / f"{name}.safetensors"


@lru_cache
def colorizer() -> Colorizer:
    return Colorizer.from_pretrained(weights(), "cpu")


# ------------------------------------------------------------------------------------------------------ tasks


@dataclass(frozen=True)
class Task:
    """do: (folder) -> exit code, with all that it keeps below the folder. before: what was there already.

    big: MiB that it writes at most, for disks that are large enough.
    """

    name: str
    do: Callable[[Path], int]
    before: Callable[[Path], None] = lambda folder: None
    big: int = 64


def training(*settings: str, out: str = "run", preset: str = "smoke") -> Callable[[Path], int]:
    return partial(_train, [f"--preset={preset}", "--protocol=large", "--set", "encoder=none", *settings], out)


def _train(options: list[str], out: str, folder: Path) -> int:
    os.environ["COLORIZE_CACHE"] = str(folder / "cache")
    return cli.main(["--out", str(folder / out), "--root", str(photos_root()), *options])


def cache(folder: Path, size: int = 64) -> int:
    """Decode and keep the photos, as each notebook does; compared with what they are."""
    os.environ["COLORIZE_CACHE"] = str(folder / "cache")
    try:
        photos = load_flowers("test", size, progress=False)
    except Exception as error:
        return refused(error, "cache")
    truth = home() / f"truth-{size}.txt"
    digest = hashlib.sha256(photos.images.numpy().tobytes()).hexdigest()
    with FileLock(home() / "truth.lock"):
        if not truth.exists():
            truth.write_text(digest)
    if truth.read_text() != digest:
        raise Lost("the cache holds other photos")
    return 0


def refused(error: Exception, *names: str) -> int:
    """The exit code of a task that is no command line, after an error that its docstring promises."""
    if not isinstance(error, DOCUMENTED):
        raise error
    print(f"error: {sentence(error)}", file=sys.stderr)
    return 1


def _old_export(folder: Path) -> None:
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    for suffix in (".safetensors", ".json"):
        shutil.copyfile(weights().with_suffix(suffix), folder / "weights" / f"shipped{suffix}")


def export(folder: Path) -> int:
    """Ship weights in place of older ones."""
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    try:
        network, card = inference.load_generator(weights("other"))
        path, judge = folder / "weights/shipped.safetensors", lambda model: {"scorecard": {}}
        with contextlib.redirect_stdout(io.StringIO()):
            ship(network, path, SIZE, card | {"training": {}, "judged_on": "nothing"}, judge)
    except Exception as error:
        return refused(error)
    return 0


def coloring(folder: Path) -> int:
    return inference.main([str(home() / "pictures"), "-o", str(folder / "colored"), "--weights", str(weights())])


TASKS = {
    task.name: task
    for task in (
        Task("training", training("batch_size=8")),
        Task("training small", training(*SMALL.split())),
        Task("training with a pretrained encoder", training("batch_size=8", "encoder=lite0"), big=400),
        Task("caching", cache),
        Task("export", export, _old_export),
        Task("coloring", coloring),
    )
}


# ------------------------------------------------------------------------------------------------- references


@dataclass
class Reference:
    """A task done without faults. legal: path -> digests of all that was ever there. final: path -> the last one.

    seconds: it took; events: as `processes.call` counts them; bytes: what it leaves.
    """

    legal: dict[str, set[str]] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    events: int = 0
    bytes: int = 0


def reference(task: Task) -> Reference:
    """Made once for all processes. Where it is asked for, tasks are forked: from then on with all that they import."""
    import_late()
    name = "reference " + task.name

    def build(folder: Path) -> None:
        work = folder / "work"
        work.mkdir()
        made, began = Reference(), time.monotonic()
        ended = call(_noting, task, work, folder / "digests.jsonl", below=work)
        if ended.code or ended.value:
            raise RuntimeError(f"{task.name} fails without any fault: {ended.error}{ended.err}")
        made.seconds, made.events = time.monotonic() - began, ended.events
        for line in (folder / "digests.jsonl").read_text(encoding="utf8").splitlines():
            path, digest = json.loads(line)
            made.legal.setdefault(path, set()).add(digest)
        made.final = digests(work)
        for path, digest in made.final.items():
            made.legal.setdefault(path, set()).add(digest)
        made.bytes = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        (folder / "reference.pickle").write_bytes(pickle.dumps(made))

    return pickle.loads((once(name, build) / "reference.pickle").read_bytes())


def _noting(task: Task, work: Path, notes: Path) -> int:
    """Do it, and note each content that a file gets by being renamed to its name."""
    rename = os.replace

    def noted(source, target, **options):
        digest = digest_of(Path(source), Path(target).name)
        rename(source, target, **options)
        if Path(target).is_relative_to(work):
            with open(notes, "a", encoding="utf8") as file:
                file.write(json.dumps([str(Path(target).relative_to(work)), digest]) + "\n")

    task.before(work)
    with open(notes, "w", encoding="utf8") as file:
        for path, digest in digests(work).items():
            file.write(json.dumps([path, digest]) + "\n")
    os.replace = noted
    return task.do(work)


PASSING = re.compile(r"\.lock$")  # files that are there while somebody works
DEBRIS = re.compile(r"partial|\.trying-|\.tmp$|~$")


def digests(folder: Path) -> dict[str, str]:
    """Of all files below, by their path; less those that are there for a while."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not PASSING.search(path.name) and not DEBRIS.search(path.name):
            found[str(path.relative_to(folder))] = digest_of(path, path.name)
    return found


def digest_of(path: Path, name: str) -> str:
    """Of what a file says, less how long something took; "damaged: ..." if it is not whole."""
    content, sum_of = path.read_bytes(), hashlib.sha256()
    try:
        if name.endswith(".pt"):
            add_to(sum_of, torch.load(io.BytesIO(content), weights_only=True))
        elif name.endswith(".json"):
            add_to(sum_of, json.loads(content))
        else:
            sum_of.update(content)
            if name.endswith(".png"):
                Image.open(io.BytesIO(content)).load()
    except Exception as error:
        return f"damaged: {type(error).__name__}: {error}"
    return sum_of.hexdigest()


TIMES = ("seconds", "core_seconds")  # how long it took


def add_to(sum_of, value) -> None:
    """Nested dicts, lists and tensors, less TIMES."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in TIMES:
                sum_of.update(f"{key!r}:".encode())
                add_to(sum_of, inner)
    elif isinstance(value, (list, tuple)):
        sum_of.update(f"{len(value)} of".encode())
        for inner in value:
            add_to(sum_of, inner)
    elif isinstance(value, torch.Tensor):
        sum_of.update(f"{value.dtype} {list(value.shape)}".encode())
        sum_of.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    else:
        sum_of.update(f"{value!r};".encode())


# ----------------------------------------------------------------------------------------------- what must hold


def check_files(folder: Path, made: Reference, finished: bool, but: tuple[str, ...] = ()) -> None:
    """Every file is the old one or the new one, whole. finished: the last one, and none is missing or left over.

    but: paths that are not compared.
    """
    there = digests(folder)
    for path, digest in there.items():
        if path in but:
            continue
        allowed = {made.final.get(path)} if finished else made.legal.get(path, set())
        if digest not in allowed:
            state = digest if digest.startswith("damaged") else "none of its contents" if path in made.legal else "new"
            raise Lost(f"{path}: {state}")
    if finished:
        if missing := made.final.keys() - there.keys():
            raise Lost(f"{sorted(missing)[0]} is missing")
        check_no_debris(folder)


def check_no_debris(folder: Path) -> None:
    if left := [str(path.relative_to(folder)) for path in folder.rglob("*") if DEBRIS.search(path.name)]:
        raise Lost(f"left behind: {left[0]}")


def check_message(ended: Ended, *names: str) -> None:
    """A command that failed has said so in lines without a traceback, one of which has one of these names."""
    if ended.killed or ended.code:
        how = "was killed" if ended.killed else f"raised {ended.error.strip().splitlines()[-1:]}"
        if "Lost" in ended.error:
            raise Lost(ended.error.strip().splitlines()[-1])
        raise Undocumented(f"the command {how}")
    if ended.value == 0:
        return
    if ended.value not in (1, 2, 130):
        raise Undocumented(f"the exit code is {ended.value}")
    said_so(ended.err, *names)


def said_so(text: str, *names: str) -> None:
    lines = text.strip().splitlines()
    if "Traceback" in text or not lines:
        raise Undocumented(f"what is said is {text[-200:]!r}")
    if max(map(len, lines)) > 600:
        raise Undocumented(f"a line of {max(map(len, lines))} letters: {lines[0][:200]!r}")
    if names and not any(name in text for name in names):
        raise Undocumented(f"no name in {text[:300]!r}")


def documented(error: BaseException, *names: str) -> None:
    """It is of a kind that docstrings promise, and one sentence that names the file."""
    if not isinstance(error, DOCUMENTED):
        raise Undocumented(f"{type(error).__name__}: {str(error)[:200]}") from error
    text = sentence(error)
    if text != str(error) and not isinstance(error, OSError):
        raise Undocumented(f"several lines: {str(error)[:300]!r}") from error
    said_so(text, *names)


def arrays_of(state: dict) -> dict[str, np.ndarray]:
    return {key: value.detach().cpu().numpy() for key, value in state.items()}


def settings(text: str = SMALL) -> dict:
    """name=value pairs as `replace(recipe, ...)` takes them."""
    return {name: json.loads(value) for name, value in (pair.split("=") for pair in text.split())}
