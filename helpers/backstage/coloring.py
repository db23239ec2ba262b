"""The command line `python -m helpers.inference`: color files and whole folders, and lose nothing.

What goes where is settled by `folders.py` before the first picture is opened. A colored picture carries, as the EXIF
field ImageID, a fingerprint of all that it was made of: the bytes of the photo, the weights, the saturation. So
the same command goes on where it was stopped, a photo that changed since then is colored again, and what somebody
else put in the output folder is told from what we made there.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .commands import DONE, FAILED, UsageError, complain, parser, run, sentence
from .exif import DESCRIPTION, SAID
from .files import ordinary, sweep, writing
from .folders import Job, Plan, plan_pictures, usable
from .folding import folded
from .keeping import encode
from .pictures import read_picture
from .progress import Bar, say
from .told import parse_hint

__all__ = ["command"]

IMAGE_ID = 0x800D
OURS = "c0104ed0"  # what our fingerprints begin with; 24 hexadecimal digits follow
METHOD = b"3"  # to be raised when the same weights begin to color another way
MOST_WORKERS, FEW = 8, 8  # pictures worked on at once, at most one a core; fewer for each are not worth it
LARGE, ONE_LARGE = 3 * 2**22, threading.Lock()  # samples: of pictures of over 4 megapixels one is colored at a time
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", None), errno.EROFS}
EXAMPLES = """\
  python -m helpers.inference photo.jpg holiday/ -o colored/
  python -m helpers.inference photo.jpg -o colored.jpg
  python -m helpers.inference "scans/*.tif" -o colored --weights flowers-64
  python -m helpers.inference holiday -o colored --saturation 0.8
  python -m helpers.inference holiday -o colored --weights runs/mine/generator.safetensors
  python -m helpers.inference photo.jpg -o colored --hint 120,80=#d02060 --hint 30,200=olive"""


def command(load: Callable, names: list[str], best: str, guided: str, arguments: list[str] | None) -> int:
    """What `helpers.inference.main` does. load: a name or file of weights -> Colorizer. names: of weights that ship.

    best: the name of those that are taken where none is given; guided: where hints are.
    """
    reader = parser(
        "helpers.inference",
        "Color pictures. Their own lightness is kept, at full size, as are date, place and resolution.",
        EXAMPLES,
    )
    reader.add_argument("inputs", nargs="+", metavar="picture", help="pictures, folders of pictures, or patterns")
    reader.add_argument(
        "-o",
        "--out",
        required=True,
        help="folder for the colored pictures, made if it is missing; or the picture to make of a single one",
    )
    reader.add_argument(
        "--weights", help=f"{', '.join(names)}, or a .safetensors file (default: {best}; {guided} with --hint)"
    )
    reader.add_argument(
        "--saturation", type=float, default=1.0, help="0 is gray, 1 what the model says, more is stronger (default: 1)"
    )
    reader.add_argument(
        "--overwrite",
        action="store_true",
        help="color anew what is in the output folder already; without, what these weights made of the same photo is "
        "skipped, and files of the same name from elsewhere are left alone",
    )
    reader.add_argument(
        "--hint",
        action="append",
        default=[],
        metavar="X,Y=COLOR",
        help="the color of a place, in pixels from the left and the top of the upright picture, such as "
        "120,80=#d02060; may be given several times, for one picture",
    )

    def work() -> int:
        options = reader.parse_args(arguments)
        options.weights = options.weights or (guided if options.hint else best)
        return _color(options, load)

    return run(work)


def _color(options, load: Callable) -> int:
    if not (math.isfinite(options.saturation) and options.saturation >= 0):
        raise UsageError(f"saturation is {options.saturation}: choose 0 (gray) or more, 1 is the model's own")
    try:
        hints = [parse_hint(text) for text in options.hint]
    except ValueError as error:
        raise UsageError(f"--hint {error}") from None
    plan = plan_pictures(options.inputs, options.out)
    if hints and len(plan.jobs) > 1:
        raise UsageError(f"--hint is for one picture, and these are {len(plan.jobs)}: color them one by one")
    made = []
    if plan.jobs:
        try:
            colorizer = load(options.weights)
        except (ValueError, OSError, RuntimeError) as error:
            text = sentence(error)
            raise UsageError(text if options.weights in text else f"{options.weights}: {text}") from error
        if hints and not hasattr(colorizer.model, "listener"):
            raise UsageError(f"{options.weights}: these weights take no hints, leave --weights out")
        try:
            made = usable(plan.jobs[0].target.parent if len(plan.jobs) == 1 else options.out)
        except OSError as error:
            raise UsageError(f"nothing can be written there: {sentence(error)}") from error
    elif not plan.problems:
        plan.problems.append(f"{', '.join(options.inputs)}: no pictures there")
    done = _Outcome(plan.problems, plan.notes)
    try:
        if plan.jobs:
            wishes = {"saturation": options.saturation} | ({"hints": hints} if hints else {})
            _color_all(plan, done, colorizer, wishes, options.overwrite)
    except KeyboardInterrupt:
        done.tell()
        left = len(plan.jobs) - done.tried
        raise KeyboardInterrupt(f"{done}, {left} to go: run the same command to go on") from None
    finally:
        if not done.colored:
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()  # if it is empty
    done.tell()
    say(str(done))
    return FAILED if done.problems else DONE


@dataclass
class _Outcome:
    """How it went so far. problems, notes: sentences, each with its picture's name first."""

    problems: list[str]
    notes: list[str]
    colored: int = 0
    there: int = 0  # already
    tried: int = 0
    failed: int = field(init=False)

    def __post_init__(self):
        self.failed = len(self.problems)

    def __str__(self) -> str:
        there = f", {self.there} already there" if self.there else ""
        return f"{self.colored} colored{there}" + (f", {self.failed} not" if self.failed else "")

    def tell(self) -> None:
        for line in self.notes + self.problems:
            complain(line)


def _color_all(plan: Plan, done: _Outcome, colorizer, wishes: dict, overwrite: bool) -> None:
    """One picture that fails, in whatever way, never touches its neighbors. Of many, each core has one to work on.

    wishes: what `colorize` is told beside the picture.
    """
    recipe, stop, begun = _fingerprint_of_weights(colorizer, **wishes), threading.Event(), []
    workers = max(1, min(_cores(), len(plan.jobs) // FEW, MOST_WORKERS))
    ahead = 2 * workers if workers > 1 else 1
    # Over the small layers of a small picture, several threads of torch would only wait for each other.
    threads, settings = torch.get_num_threads(), {}
    if len(plan.jobs) > 1:  # however many cores there are: the same bits everywhere; one is painted as `colorize` does
        colorizer = copy(colorizer)
        colorizer.model = folded(colorizer.model)
    if workers > 1:
        settings = {"initializer": torch.set_num_threads, "initargs": (1,)}
    for folder in {job.target.parent for job in plan.jobs}:
        sweep(folder)
    bar = Bar(len(plan.jobs), leave=False, comment="coloring")
    full = looked = 0  # disks in a row that were full; pictures that have been waited for, in their order

    def wait_until_only(many: int) -> None:
        """So many are left of what was begun, or the disk is full."""
        nonlocal full, looked
        while len(begun) - looked > many and full < 3:
            error = begun[looked][1].exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            full, looked = full + 1 if getattr(error, "errno", None) in FULL else 0, looked + 1
            bar.move(looked, "coloring")

    try:
        with warnings.catch_warnings(), ThreadPoolExecutor(workers, **settings) as pool:
            warnings.simplefilter("ignore")  # of what Pillow warns, `read_picture` takes notes
            try:
                for job in plan.jobs:
                    begun.append((job, pool.submit(_color_one, job, colorizer, wishes, recipe, overwrite, stop)))
                    wait_until_only(ahead - 1)
                    if full == 3:
                        break
                wait_until_only(0)
            finally:  # where it was stopped, or the disk is full, what has begun goes on to its next halt
                stop.set()
                for _, attempt in begun:
                    attempt.cancel()
    finally:
        torch.set_num_threads(threads)
        bar.close()
        for job, attempt in begun:  # not before: a Ctrl-C must not come between two of these lines
            if not attempt.cancelled() and isinstance(attempt.exception(), (Exception, type(None))):
                _note(job, attempt, done)
    if full == 3 and (left := len(plan.jobs) - done.tried):
        why = sentence(begun[looked - 1][1].exception())
        done.problems.append(f"{job.target.parent}: {why}; the other {left} pictures were not tried")
        done.failed += left


def _note(job: Job, attempt: Future, done: _Outcome) -> None:
    """What became of a picture."""
    done.tried += 1
    if error := attempt.exception():
        text = sentence(error)
        done.problems.append(text if text.startswith(str(job.source)) else f"{job.source}: {text}")
        done.failed += 1
        return
    colored, notes = attempt.result()
    done.colored, done.there = done.colored + colored, done.there + (not colored)
    done.notes += [f"{job.source}: {note}" for note in notes]


class _Stopped(BaseException):
    """Nobody waits for this picture any more, and nothing of it was written."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _color_one(
    job: Job, colorizer, wishes: dict, recipe: bytes, overwrite: bool, stop: threading.Event
) -> tuple[bool, list[str]]:
    """Whether it was colored, or was there already; and notes for the user."""

    def halt() -> None:
        if stop.is_set():
            raise _Stopped

    halt()
    mark = _fingerprint(job.source, recipe)
    for target in dict.fromkeys((job.target, job.with_alpha)):
        if _mark_of(target) == mark and not overwrite:
            return False, []
    picture = read_picture(job.source)
    target = job.with_alpha if picture.alpha is not None else job.target
    if os.path.lexists(target):
        if job.guarded:
            raise ValueError(
                f"{job.source}: {target} was given, too, and is not replaced: choose another output folder"
            )
        if not (overwrite or _mark_of(target).startswith(OURS)):
            raise ValueError(f"{job.source}: {target} is there and was not made here, --overwrite replaces it")
    halt()
    with ONE_LARGE if picture.rgb.size > LARGE else nullcontext():
        halt()
        colored = colorizer.colorize(picture.rgb, **wishes, name=str(job.source))
        if picture.alpha is not None:
            colored = np.dstack([colored[..., :3], picture.alpha])
        halt()
        content = encode(colored, replace(picture, exif=_marked(picture.exif, mark)), target.suffix)
    halt()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with writing(target) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    return True, list(picture.notes)


# -------------------------------------------------------------------------------------------- fingerprints


def _fingerprint_of_weights(colorizer, saturation: float, hints=()) -> bytes:
    """Of all that a colored picture depends on, beside the picture."""
    content = hashlib.blake2b(METHOD + f"{colorizer.size} {saturation:g}".encode())
    content.update("".join(f" {hint}" for hint in hints).encode())
    for name, value in colorizer.model.state_dict().items():
        content.update(name.encode() + np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return content.digest()


def _fingerprint(path: Path, recipe: bytes) -> str:
    """32 hexadecimal digits."""
    content = hashlib.blake2b(recipe, digest_size=12)
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            content.update(part)
    return OURS + content.hexdigest()


def _mark_of(path: Path) -> str:
    """The fingerprint in a picture's EXIF, OURS alone if it was cut off, or "" if there is none or no such picture."""
    if not os.path.lexists(path):
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(ordinary(path)) as image:
                fields = image.getexif()
            mark = str(fields.get(IMAGE_ID, "")).rstrip("\0")
            return OURS if SAID in str(fields.get(DESCRIPTION, "")) and not mark.startswith(OURS) else mark
    except Exception:  # whatever it is, we did not make it
        return ""


def _marked(exif: bytes | None, mark: str) -> bytes:
    """The EXIF data of a photo, with the fingerprint of what was made of it."""
    fields = Image.Exif()
    try:
        fields.load(exif or b"")
        fields[IMAGE_ID] = mark
        return fields.tobytes()
    except Exception:  # damaged fields that cannot be written again
        fields = Image.Exif()
        fields[IMAGE_ID] = mark
        return fields.tobytes()
