"""Two processes at once on one cache, one run, one folder of colored pictures."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

from .campaign import Kind, Lost
from .processes import Ended, call, start
from .stage import SMALL, TASKS, Task, check_files, check_message, reference, training

__all__ = ["KINDS"]

SAME = TASKS["training small"]
OTHER = Task("training small, otherwise", training(*SMALL.split(), "color_weight=7.0"))


def at_once(chance: Random, folder: Path, *tasks: Task) -> list[Ended]:
    """All of them, each a little after the one before."""
    children = []
    for task in tasks:
        children.append(start(task.do, folder))
        time.sleep(chance.choice((0, chance.uniform(0, reference(task).seconds))))
    return [child.wait() for child in children]


def one_cache(chance: Random, folder: Path, number: int) -> None:
    """Three processes, all of which get the photos; the one that builds the cache may be killed."""
    task = TASKS["caching"]
    made = reference(task)
    if number % 2:
        victim = start(task.do, folder)
        rest = [start(task.do, folder) for _ in range(2)]
        victim.wait(kill_after=chance.uniform(0, made.seconds))
        ends = [child.wait() for child in rest]
    else:
        ends = at_once(chance, folder, task, task, task)
    for ended in ends:
        check_message(ended)
        if ended.value:
            raise Lost(f"one has no photos: {ended.err[-200:]!r}")
    check_files(folder, made, finished=True)


def one_run(chance: Random, folder: Path, number: int) -> None:
    """The same command twice: one ends it, the other ends it as well or says that it is in use."""
    made = reference(SAME)
    ends = at_once(chance, folder, SAME, SAME)
    for ended in ends:
        check_message(ended, "run")
    if all(ended.value for ended in ends):
        raise Lost("both gave up")
    check_files(folder, made, finished=True)


def two_recipes(chance: Random, folder: Path, number: int) -> None:
    """In one folder, at once or one after another that was killed: what is there is of one alone."""
    both = [(SAME, reference(SAME)), (OTHER, reference(OTHER))]
    chance.shuffle(both)
    (first, made), (second, other) = both
    if number % 2:
        call(first.do, folder, kill_after=chance.uniform(0, 1.1 * made.seconds))
        ends = [call(second.do, folder)]
        check_message(ends[0], "run")
        if ends[0].value:  # refused, so what is there goes on
            ends = [call(first.do, folder)]
    else:
        ends = at_once(chance, folder, first, second)
    for ended in ends:
        check_message(ended, "run")
    if all(ended.value for ended in ends):
        raise Lost(f"neither ends: {ends[0].err[-200:]!r}")
    problems = []
    for reference_ in (made, other):
        try:
            return check_files(folder, reference_, finished=True)
        except Lost as found:
            problems.append(str(found))
    raise Lost(f"what is there is of neither: {problems}")


def one_output(chance: Random, folder: Path, number: int) -> None:
    task = TASKS["coloring"]
    made = reference(task)
    for ended in at_once(chance, folder, task, task):
        check_message(ended)
        if ended.value:
            raise Lost(f"one could not: {ended.err[-200:]!r}")
    check_files(folder, made, finished=True)


def _ready() -> None:
    for task in (SAME, OTHER, TASKS["caching"], TASKS["coloring"]):
        reference(task)


KINDS = [
    Kind("several on one cache", one_cache, 20, 30, ready=_ready),
    Kind("two on one run", one_run, 20, 60, ready=_ready),
    Kind("two recipes in one folder", two_recipes, 20, 60, ready=_ready),
    Kind("two on one output", one_output, 10, 60, ready=_ready),
]
