"""Which pictures are colored, and where each goes: all of it is settled before the first one is touched.

    plan = plan_pictures(["photo.jpg", "holiday/", "scans/*.tif"], "colored")
    for job in plan.jobs: ...                                  # job.source -> job.target

No target is a picture that was given, by whatever name; no two targets are the same file.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from .commands import UsageError
from .flowers import cache_folder
from .keeping import FORMATS
from .pictures import SUFFIXES
from .progress import say

__all__ = ["Job", "Plan", "pictures_in", "plan_pictures", "usable", "writable_or_cached"]

NO_PLACE_FOR_PHOTOS = {"__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found"}
JPEGS = tuple(suffix for suffix, kind in FORMATS.items() if kind == "JPEG")  # which cannot hold alpha
# What looks like a picture, whether or not it can be read here: nothing is left out in silence.
RAW = """.3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2
    .srf .srw .x3f""".split()  # noqa: SIM905
OTHERS = """.apng .avif .bpg .djvu .dds .exr .hdr .heic .heif .hif .ico .j2k .jfif .jp2 .jpe .jpf .jps .jpx .jxl .kra
    .mpo .pbm .pcx .pgm .ppm .psb .psd .qoi .sgi .svg .svgz .tga .xcf""".split()  # noqa: SIM905
LOOKS = {*SUFFIXES, *FORMATS, *RAW, *OTHERS}
FIRST_BYTES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF"}


@dataclass(frozen=True)
class Job:
    """A picture to color. target: where to; with_alpha: where to if it turns out to have alpha, which JPEG lacks.

    guarded: the output folder was given, too, so that nothing that lies there is to be replaced.
    """

    source: Path
    target: Path
    with_alpha: Path
    guarded: bool = False


@dataclass
class Plan:
    """jobs: what to color. problems: what will not be, a sentence each, its name first. notes: what was passed over."""

    jobs: list[Job] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A picture that was given: by name, or as one of a folder. place: below that folder."""

    path: Path
    folder: Path
    place: Path
    named: bool

    @property
    def group(self) -> tuple[str, bool]:
        return os.path.realpath(self.folder), self.named


def plan_pictures(inputs: Iterable[str], out: str | Path) -> Plan:
    """Find the pictures, and choose a file for each.

    inputs: files, folders, and patterns such as `*.jpg` that no shell has expanded. Of a folder, all pictures inside,
    but for hidden ones, what systems keep for themselves, and what lies in `out`. out: a folder; or the picture to
    make, if just one is given. Nothing is written. Raises UsageError if `out` cannot be what it is.
    """
    given, plan = [str(text) for text in inputs], Plan()
    if not str(out).strip() or not all(text.strip() for text in given):
        raise UsageError("an empty name was given: is a variable of your script not set?")
    paths = [path for text in given for path in _expanded(text, out, plan)]
    folder, file = _folder_or_file(out, paths)
    guarded = False
    if len(paths) > 1:  # a shell that expands holiday/* hands over holiday/colored, too
        for path in [path for path in paths if os.path.isdir(path) and _identity(path) == _identity(folder)]:
            paths.remove(path)
            guarded = True
            plan.notes.append(f"{path} was passed over: it is the output folder")
    found = _once(entry for path in paths for entry in _pictures(path, folder, plan))
    originals = {_identity(entry.path): entry.path for entry in found} | _identities(paths)
    if file is not None:
        jobs = [Job(entry.path, file, file) for entry in found]
    else:
        jobs = _jobs(_not_in_place(found, folder, plan), folder, originals)
    for job in jobs:
        if problem := _in_the_way(job, originals):
            plan.problems.append(problem)
        else:
            plan.jobs.append(replace(job, guarded=guarded))
    return plan


def pictures_in(folder: Path) -> tuple[list[Path], list[str]]:
    """(all pictures in a folder and below, by the same rules; a sentence on each that cannot be one here, or is passed
    over and not hidden)."""
    plan = Plan()
    found = [entry.path for entry in _once(_pictures(folder, Path(os.devnull), plan))]
    return found, [line.replace("give it by name to color it", "rename it") for line in plan.problems + plan.notes]


@lru_cache
def writable_or_cached(folder: Path, name: str) -> Path:
    """`folder`, or where that is read-only `name` in the user cache; then it says so, once."""
    above = folder.absolute()
    while not above.exists() and above != above.parent:
        above = above.parent
    if os.access(above, os.W_OK):
        return folder
    say(f"{folder} cannot be written to: {(other := cache_folder() / name)} is used in its place")
    return other


def usable(folder: str | Path) -> list[Path]:
    """Make a folder, unless it is there, and try whether it can be written to; returns the folders it had to make.

    Raises OSError, which names it.
    """
    folder, made = Path(folder), []
    above = folder
    while not os.path.lexists(above) and above != above.parent:
        made.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile(prefix=".trying-", dir=folder) as file:
            file.write(b"a few bytes, since a full disk still takes a file of none")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None
    return made


# ------------------------------------------------------------------------------------ what is to be colored


def _expanded(text: str, out: str | Path, plan: Plan) -> list[Path]:
    """A file or folder as it was given; or what a pattern matches outside `out`, if no file has that very name."""
    if os.path.lexists(text) or not glob.has_magic(text):
        return [Path(text)]
    known = Path(text)  # a folder named "holiday [2]" is no pattern
    while not os.path.lexists(known) and known != known.parent:
        known = known.parent
    pattern = Path(glob.escape(str(known))) / Path(text).relative_to(known)
    home, here = os.path.realpath(known), os.path.realpath(out)
    matches = []
    for match in map(Path, sorted(glob.glob(str(pattern), recursive=True))):
        parts = match.relative_to(known).parts
        inside = here != home and Path(os.path.realpath(match)).is_relative_to(here)
        if not inside and not any(_passed_over(known.joinpath(*parts[: i + 1])) for i in range(len(parts))):
            matches.append(match)
    if not matches:
        plan.problems.append(f"{text}: no picture has such a name")
    return matches


def _folder_or_file(out: str | Path, paths: list[Path]) -> tuple[Path, Path | None]:
    """(folder, None), or (its folder, the picture to make)."""
    path, suffix = Path(out), Path(out).suffix.lower()
    if os.path.isdir(path) or str(out).endswith(("/", os.sep)) or suffix not in LOOKS:
        if os.path.lexists(path) and not os.path.isdir(path):
            raise UsageError(f"{path} is there already and is no folder: name a folder for the colored pictures")
        return path, None
    if len({_identity(one) for one in paths}) != 1 or os.path.isdir(paths[0]):
        raise UsageError(f"{path} looks like a picture, but there may be more than one to color: name a folder")
    if suffix not in FORMATS:
        raise UsageError(f"{path}: {suffix} cannot be written, choose one of {', '.join(FORMATS)}, or name a folder")
    return path.parent, path


def _pictures(given: Path, out: Path, plan: Plan) -> Iterable[_Found]:
    """A file that was named, or the pictures in a folder, sorted; what looks like one but cannot be is a problem."""
    if not os.path.isdir(given):
        if not os.path.exists(given):
            plan.problems.append(f"{given} is a link to nothing" if given.is_symlink() else f"{given} does not exist")
        elif not given.is_file():
            plan.problems.append(f"{given} is not a file")
        elif given.suffix.lower() in RAW:
            plan.problems.append(f"{given}: {_no_raw(given)}")
        else:
            yield _Found(given, given.parent, Path(given.name), True)
        return
    here, found = os.path.realpath(out), []

    def unreadable(error: OSError) -> None:
        plan.problems.append(f"{error.filename} cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(given, onerror=unreadable):
        for name in sorted(folders):
            path = Path(folder, name)
            if _passed_over(path) or os.path.realpath(path) == here:
                folders.remove(name)
            elif path.is_symlink():
                plan.notes.append(f"{path} was not entered: it is a link to a folder")
        found += [Path(folder, name) for name in names if not _passed_over(Path(folder, name))]
    for path in sorted(found):
        suffix = path.suffix.lower()
        looks = suffix in LOOKS
        if not path.exists():
            if looks:
                plan.notes.append(f"{path} was passed over: it is a link to nothing")
        elif not path.is_file():
            continue
        elif suffix in RAW:
            plan.problems.append(f"{path}: {_no_raw(path)}")
        elif looks:
            yield _Found(path, given, path.relative_to(given), False)
        elif kind := _by_first_bytes(path):
            plan.problems.append(f"{path} begins like a {kind}, but is not named so: give it by name to color it")


def _no_raw(path: Path) -> str:
    return f"a camera's raw data ({path.suffix}) are not read here, save it as TIFF or JPEG first"


def _passed_over(path: Path) -> bool:
    """Hidden, or kept by a system for itself: thumbnails, waste bins, what macOS adds to archives."""
    if path.name.startswith(".") or path.name.lower() in NO_PLACE_FOR_PHOTOS or path.suffix.lower() == ".thm":
        return True
    try:
        return bool(getattr(path.lstat(), "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_HIDDEN)  # on Windows
    except OSError:
        return False


def _by_first_bytes(path: Path) -> str | None:
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError:
        return None
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return "WebP"
    return next((kind for sign, kind in FIRST_BYTES.items() if start.startswith(sign)), None)


def _once(found: Iterable[_Found]) -> list[_Found]:
    """Each picture once, however its folder was spelled. Another name for a file (a link) is another picture."""
    seen = {}
    for entry in found:
        folder = os.path.realpath(entry.path.parent)
        name = unicodedata.normalize("NFC", entry.path.name).casefold()
        for other in seen.setdefault((_identity(Path(folder)), name), []):
            if other.path.name == entry.path.name or _identity(other.path) == _identity(entry.path):
                break
        else:
            seen[_identity(Path(folder)), name].append(entry)
    return [entry for entries in seen.values() for entry in entries]


def _identity(path: Path) -> tuple:
    """Equal for all names of a file."""
    try:
        there = os.stat(path)
    except OSError:
        return (os.path.realpath(path),)
    return there.st_dev, there.st_ino


def _identities(paths: list[Path]) -> dict[tuple, Path]:
    """Of all files that were named, also those that are no pictures: nothing that was given is written to."""
    return {_identity(path): path for path in paths if path.is_file()}


# ------------------------------------------------------------------------------------------- where it goes


def _not_in_place(found: list[_Found], out: Path, plan: Plan) -> list[_Found]:
    """Those that do not lie in the output folder itself; for the others one sentence is enough."""
    home, here, elsewhere = os.path.realpath(out), defaultdict(int), []
    for entry in found:
        if not entry.named and os.path.realpath(entry.folder) == home:
            here[str(entry.folder)] += 1
        else:
            elsewhere.append(entry)
    for folder, count in here.items():
        plan.problems += [f"{folder}: its {count} pictures would be overwritten, choose another output folder"]
    return elsewhere


def _jobs(found: list[_Found], out: Path, originals: dict[tuple, Path]) -> list[Job]:
    """Each with a file of its own below `out`.

    A picture keeps its place below the folder that was given. Where two would have the same, folders keep their names:
    2019/IMG_1.jpg and 2020/IMG_1.jpg, if both folders were given. What is still the same then is numbered.
    """
    fold = _folded if _ignores_case(out) else str
    groups = defaultdict(set)
    for entry in found:
        groups[fold(_named_for_its_format(entry.place))].add(entry.group)
    meeting = set()
    for same in groups.values():
        if len(same) > 1:
            by_name = {group for group in same if group[1]}
            meeting |= same - by_name if len(by_name) == 1 else same
    prefix, taken = _shortest_names(meeting), set()

    def free(first: Path) -> Path:
        target, number = first, 1
        while fold(target) in taken:
            number += 1
            target = first.with_name(f"{first.stem}-{number}{first.suffix}")
        taken.add(fold(target))
        return target

    targets = [free(prefix.get(entry.group, Path()) / _named_for_its_format(entry.place)) for entry in found]
    jobs = []
    for entry, target in zip(found, targets, strict=True):
        other = target
        if target.suffix.lower() in JPEGS:
            other = free(target.with_name(f"{target.name}.png"))
            while _identity(out / other) in originals:
                other = free(other)
        jobs.append(Job(entry.path, out / target, out / other))
    return jobs


def _named_for_its_format(place: Path) -> Path:
    """What can be written keeps its name; all others become `name.ext.png`."""
    return place if place.suffix.lower() in FORMATS else place.with_name(f"{place.name}.png")


def _shortest_names(groups: Iterable[tuple[str, bool]]) -> dict[tuple[str, bool], Path]:
    """For each folder as many of its last names as tell it from the others: mostly one."""
    groups = list(groups)
    parts = {group: Path(group[0]).parts[1:] for group in groups}
    for count in range(1, max(map(len, parts.values()), default=0) + 1):
        names = {group: Path(*parts[group][-count:]) for group in groups}
        if len({_folded(name) for name in names.values()}) == len({group[0] for group in groups}):
            break
    else:
        names = {group: Path(*parts[group]) for group in groups}
    return names


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _ignores_case(folder: Path) -> bool:
    """Whether A.jpg and a.jpg are one file there, tried with the name of a folder that exists."""
    there = Path(os.path.realpath(folder))
    while not there.exists() and there != there.parent:
        there = there.parent
    other = there.with_name(there.name.swapcase()) if there.name else there
    if other == there:
        return sys.platform in ("win32", "darwin")
    return _identity(other) == _identity(there)


def _in_the_way(job: Job, originals: dict[tuple, Path]) -> str | None:
    """Why this target cannot be written to, if so."""
    original = originals.get(_identity(job.target)) if os.path.exists(job.target) else None
    if original is not None and _identity(original) == _identity(job.source):
        return f"{job.source} would be overwritten: choose another output folder"
    if original is not None:
        return f"{job.source}: {original} would be overwritten, choose another output folder"
    if os.path.isdir(job.target):
        return f"{job.source}: {job.target} is a folder, and in the way"
    return None
