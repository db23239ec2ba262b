"""Kinds of cases, the processes that try them within limits, and what came of it.

A case is a function of its number and the seed alone, so that each can be tried again. It returns if all held, and
raises `Lost` where something was lost or changed in silence, `Undocumented` where the user is told the wrong way. A
generator tries several things, and yields after each.

Cases are tried in processes of their own: one that crashes, hangs or eats all memory is a finding, and no more.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from .processes import die_with_parent, peak_memory, reset_peak, resident, session_cpu

__all__ = ["Figures", "Kind", "Lost", "Outcome", "Undocumented", "campaign", "table"]

ENVIRONMENT = {  # of a process that tries: bits are promised for a number of threads, on a CPU
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    "COLORIZE_OFFLINE": "1",
}  # fmt: skip
PATIENCE = 3  # times the limit, in wall-clock time; then it is looked at whether it works or hangs. And of CPU
SPARE = 4096  # MiB a process may take beside what it has after its imports, where the system can hold it to that
FORBIDDEN = {
    "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "ctypes.dlopen",
    "pickle.find_class",
}  # fmt: skip


class Lost(Exception):
    """Something that was there is not there any more, is half there, or another: the worst that can be found."""


class Undocumented(Exception):
    """An error of another kind than the docstrings promise, a crash, a hang, or more memory than allowed."""


@dataclass(frozen=True)
class Kind:
    """What is tried in one row of the table.

    case: (chance, an empty folder of its own, the case's number) -> None, or a generator. count: of cases in a whole
    campaign. seconds: of CPU that one may take, its children's included. memory: MiB beside what was there before.
    reads: it only reads files, so that the process must not start a program, connect to anything or unpickle.
    unless: why it cannot be tried here, or "". ready: called before, at nobody's cost. least: of cases in any share.
    """

    name: str
    case: Callable
    count: int
    seconds: float
    memory: float = 2048
    reads: bool = False
    unless: str = ""
    ready: Callable | None = None
    least: int = 1


@dataclass
class Outcome:
    """Of one case. finding: one line if something did not hold."""

    kind: str
    number: int
    tried: int = 1
    lost: int = 0
    undocumented: int = 0
    seconds: float = 0.0
    memory: float = 0.0
    finding: str = ""


@dataclass
class Figures:
    """Of one kind, summed up. findings: case number -> one line."""

    cases: int = 0
    tried: int = 0
    lost: int = 0
    undocumented: int = 0
    slowest: float = 0.0
    memory: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    skipped: str = ""
    commit: str = ""  # of the code that was tried

    @property
    def held(self) -> int:
        return self.tried - self.lost - self.undocumented

    def add(self, one: Outcome) -> None:
        self.cases += 1
        self.tried += one.tried
        self.lost += one.lost
        self.undocumented += one.undocumented
        self.slowest, self.memory = max(self.slowest, one.seconds), max(self.memory, one.memory)
        if one.finding:
            self.findings[str(one.number)] = one.finding


# ------------------------------------------------------------------------------------------- a process that tries


_reading: list[str] | None = None  # while a file is read that could hold anything: what it must not start


def _listen(event: str, arguments: tuple) -> None:
    if _reading is not None and event in FORBIDDEN:
        _reading.append(f"{event}{arguments[:2]!r}"[:200])


def tried(kind: Kind, number: int, seed: int, folder: Path) -> Outcome:
    """One case, in this process."""
    global _reading
    one, chance = Outcome(kind.name, number, tried=0), random.Random(f"{seed} {kind.name} {number}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if kind.ready:
        kind.ready()
    reset_peak()
    before, clock = resident(), _cpu()
    try:
        _reading = [] if kind.reads else None
        result = kind.case(chance, folder, number)
        if inspect.isgenerator(result):
            for _ in result:
                one.tried += 1
        if _reading:
            raise Lost(f"something was started by what stood in a file: {_reading[0]}")
        one.tried += not inspect.isgenerator(result)
    except Lost as found:
        one.tried, one.lost, one.finding = one.tried + 1, 1, f"lost: {found}"
    except Undocumented as found:
        one.tried, one.undocumented, one.finding = one.tried + 1, 1, f"undocumented: {found}"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(last.filename).name}:{last.lineno}"
        one.tried, one.undocumented = one.tried + 1, 1
        one.finding = f"undocumented: {type(error).__name__} at {at}: {' '.join(str(error).split())[:300]}"
    finally:
        _reading = None
    one.seconds, one.memory = _cpu() - clock, max(0.0, peak_memory() - before)
    if not one.finding and (one.seconds > kind.seconds or one.memory > kind.memory):
        one.undocumented = 1
        one.finding = f"undocumented: it took {one.seconds:.1f} s and {one.memory:,.0f} MiB"
    shutil.rmtree(folder, ignore_errors=True)
    return one


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _work(pipe, kinds: list[Kind] | None, seed: int, folder: Path) -> None:
    """What a process does: it is told kinds and numbers, and answers with outcomes."""
    die_with_parent()
    os.setsid()  # so that it can be ended with all its children, and Ctrl-C is the campaign's alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(os.devnull, "r+b") as nowhere:  # codecs in C print what they think
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
    from . import stage

    if kinds is None:
        from .kinds import KINDS as kinds
    by_name = {kind.name: kind for kind in kinds}
    stage.prepare(folder / "stage")
    sys.addaudithook(_listen)
    with contextlib.suppress(OSError, ValueError):
        have = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (have + SPARE * 2**20,) * 2)
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            name, number = pipe.recv()
            pipe.send(tried(by_name[name], number, seed, folder / f"case-{os.getpid()}"))


class _Worker:
    """A process that tries, seen from the campaign."""

    def __init__(self, *arguments):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.task, self.until = None, time.monotonic() + 300
        self.busy = self.at_first = 0.0  # seconds of CPU: when last looked at, when the task was given

    def give(self, kind: Kind, number: int) -> None:
        self.task, self.until = (kind, number), time.monotonic() + max(5.0, PATIENCE * kind.seconds)
        self.busy = self.at_first = session_cpu(self.process.pid)
        self.pipe.send((kind.name, number))

    def works(self) -> bool:
        """Whether it only waits for its turn: then it gets another while. On a machine that others use, too."""
        kind, _ = self.task or (None, 0)
        now = session_cpu(self.process.pid)
        busy = now > self.busy + 0.02 and (kind is None or now - self.at_first < PATIENCE * kind.seconds)
        self.busy, self.until = now, time.monotonic() + 20
        return busy

    def answer(self) -> Outcome | None:
        """The outcome if there is one, None right after the start. Raises EOFError if it died."""
        got, self.task = self.pipe.recv(), None
        return None if got == "ready" else got

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # with the children of its case
        self.process.kill()
        self.process.join()
        self.pipe.close()


# -------------------------------------------------------------------------------------------------- all of them


def outcomes(
    tasks: Iterable[tuple[Kind, int]], seed: int, folder: Path, workers: int, kinds: list[Kind] | None = None
) -> Iterator[Outcome]:
    """Of all these cases, as they come. kinds: in place of the campaign's own; they must be picklable."""
    tasks, crew = iter(tasks), []
    arguments = (kinds, seed, folder)
    environment = {key: os.environ.get(key) for key in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        left = next(tasks, None)
        crew = [_Worker(*arguments) for _ in range(workers if left else 0)]
        busy, deaths = list(crew), 0
        while busy:
            ready = wait([worker.pipe for worker in busy], timeout=0.5)
            for worker in list(busy):
                one, task = None, worker.task
                if worker.pipe in ready:
                    try:
                        one = worker.answer()
                    except (EOFError, ConnectionResetError):
                        worker.process.join(10)
                        one, deaths = _ended(task, f"the process died ({worker.process.exitcode})"), deaths + 1
                elif time.monotonic() > worker.until and not worker.works():
                    one = _ended(task, "it hangs")
                else:
                    continue
                if one and one.finding.startswith("ended"):
                    worker.end()
                    crew.remove(worker)
                    busy.remove(worker)
                    if task is None and deaths > 3:
                        raise RuntimeError("no process that tries can be started")
                    worker = _Worker(*arguments)
                    crew.append(worker)
                    busy.append(worker)
                    one.finding = one.finding.replace("ended", "undocumented", 1)
                    if one.kind:
                        yield one
                    continue
                if left:
                    worker.give(*left)
                    left = next(tasks, None)
                else:
                    busy.remove(worker)
                if one:
                    yield one
    finally:
        for worker in crew:
            worker.end()
        for key, value in environment.items():
            os.environ.pop(key, None) if value is None else os.environ.update({key: value})


def _ended(task, how: str) -> Outcome:
    kind, number = task or (None, 0)
    return Outcome(kind.name if kind else "", number, undocumented=1, finding=f"ended: {how}")


def campaign(
    kinds: list[Kind],
    share: float,
    seed: int,
    folder: Path,
    workers: int,
    figures: dict[str, Figures],
    watch: Callable[[Iterable[Outcome], int], Iterable[Outcome]] = lambda found, total: found,
    case: int | None = None,
    pickled: bool = False,
) -> None:
    """Try this share of each kind, at least once, and add what comes of it to `figures`, kind by kind.

    watch: gets the outcomes and their number, and hands them on (a progress bar). case: this one alone.
    pickled: the kinds are not the campaign's own.
    """
    tasks = []
    for kind in kinds:
        mine = figures.setdefault(kind.name, Figures())
        mine.skipped = kind.unless
        if not kind.unless:
            numbers = [case] if case is not None else range(min(kind.count, max(kind.least, round(share * kind.count))))
            # A share is spread over all cases: their numbers say which format, file or moment is tried.
            step = kind.count / len(numbers)
            tasks += [(kind, number if case is not None else int(number * step)) for number in numbers]
    found = outcomes(tasks, seed, folder, min(workers, max(1, len(tasks))), kinds if pickled else None)
    with contextlib.closing(found):
        for one in watch(found, len(tasks)):
            figures[one.kind].add(one)


def table(figures: dict[str, Figures]) -> str:
    """In Markdown."""
    head = "| kind | tried | held | lost | undocumented errors | slowest | most memory | commit |\n|-|-|-|-|-|-|-|-|\n"
    rows = []
    for name, it in figures.items():
        if it.skipped:
            rows.append(f"| {name} | not here: {it.skipped} | | | | | | |")
        elif it.tried:
            cost = f"{it.slowest:.1f} s | {it.memory:,.0f} MiB | {it.commit}"
            rows.append(f"| {name} | {it.tried:,} | {it.held:,} | {it.lost:,} | {it.undocumented:,} | {cost} |")
    total = [sum(getattr(it, name) for it in figures.values()) for name in ("tried", "held", "lost", "undocumented")]
    rows.append(f"| *all* | {' | '.join(f'{number:,}' for number in total)} | | | |")
    return head + "\n".join(rows)


def save(path: Path, key: str, figures: dict[str, Figures]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"key": key, "figures": {name: asdict(it) for name, it in figures.items()}}, indent=1)
    beside = path.with_name(f"{path.name}.beside")
    beside.write_text(text, encoding="utf8")
    beside.replace(path)


def restore(path: Path, key: str, kept: bool = False) -> dict[str, Figures]:
    """Of kinds that were tried whole, with this seed, share and code; {} if there are none.

    kept: also of those that other code held in all cases.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(path.read_text(encoding="utf8"))
        figures = {name: Figures(**it) for name, it in content["figures"].items()}
        *asked, code = json.loads(key)
        *before, code_before = json.loads(content["key"])
        if asked == before:
            same = code == code_before
            return {name: it for name, it in figures.items() if same or (kept and it.held == it.tried and it.commit)}
    return {}
