"""The tables of notebooks/README.md, the teaching guide: plans for a lesson, a day, four weeks, and what chapters need.

Whoever changes a plan changes it here. Minutes are counted and measured as in the Time lines of the chapters, so that a
part of a chapter takes what its cells take.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat

from ..backstage.files import read_json, writing
from ..inference import BEST, WEIGHTS
from . import write_into_readme
from .notebooks import (
    MEMORY,
    MINUTES,
    NOTEBOOKS,
    duration_words,
    exercise_minutes,
    exercise_numbers,
    notebooks_table,
    reading_minutes,
    set_time_line,
    solution_lines,
)

GUIDE = "notebooks/README.md"
COMMAND = "times"


class Part(NamedTuple):
    """What a plan takes of a chapter. sections: their numbers, () for the whole; exercises: None for all of them."""

    chapter: str
    sections: tuple[int, ...] = ()
    exercises: tuple[str, ...] | None = None


PLANS: dict[str, dict[str, tuple[Part, ...]]] = {
    "half-day": {
        "before the break": (Part("00"), Part("01", (1, 2, 4, 5, 6, 11, 12), ("01-2",)), Part("02", (4, 6), ("02-1",))),
        "after it": (
            Part("03", (1, 8, 9), ("03-4",)),
            Part("04", (1, 2), ()),
            Part("05", (1, 4, 6), ()),
            Part("08", (1, 9, 10), ()),
        ),
    },
    "one-day": {
        "early": (Part("00"), Part("01", (1, 4, 5, 6, 7, 8, 11, 12), ("01-1", "01-2", "01-3"))),
        "before lunch": (Part("02", (2, 4, 6, 9), ("02-1",)), Part("03", (1, 3, 4, 5, 8, 9), ("03-2", "03-4"))),
        "after lunch": (Part("04", (1, 2, 4, 6, 8), ("04-1", "04-3")), Part("05", (1, 3, 4, 5, 6), ("05-2", "05-3"))),
        "late": (Part("06", (1, 2, 3, 8, 9), ("06-4",)), Part("08", (1, 6, 9, 10), ())),
    },
    "four-week": {
        "week 1": (Part("00"), Part("01"), Part("02"), Part("03")),
        "week 2": (Part("04"), Part("05")),
        "week 3": (Part("06"), Part("07"), Part("08")),
        "week 4": (Part("09"), Part("10"), Part("11")),
    },
}

SKIPPED: dict[str, tuple[int | str, ...]] = {
    "01": (10, 13, 14),
    "02": (8, 10),
    "03": (7,),
    "04": (9, 10),
    "05": (8, "Appendix A", "Appendix B"),
    "06": ("Appendix",),
    "07": (8,),
    "08": (5, 8),
    "09": (9,),
    "10": (8, 10),
    "11": (9,),
}
"""Sections that nothing below them uses, neither their code nor the story: for a class that is short of time."""


class Chapter(NamedTuple):
    """lines: `solution_lines`. seconds, gigabytes: measured at the `cpu` budget, None if that has not been done."""

    path: Path
    cells: list
    lines: dict[str, int]
    seconds: float | None
    gigabytes: float | None


def read_course() -> dict[str, Chapter]:
    """{"00": the chapter, …}, in reading order."""
    minutes, memory = read_json(MINUTES), read_json(MEMORY) if MEMORY.exists() else {}
    return {
        path.stem[:2]: Chapter(
            path,
            nbformat.read(path, as_version=4).cells,
            solution_lines(path),
            minutes.get(path.stem, {}).get("cpu", {}).get("seconds"),
            memory.get(path.stem, {}).get("cpu"),
        )
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    }


def sections(cells: Sequence) -> dict[int | str, list]:
    """The cells below each "## 3 · Title" as {3: cells}, below any other "## Title · or more" as {"Title": cells}.

    What stands before the first is 0.
    """
    parts: dict[int | str, list] = {0: []}
    for cell in cells:
        # A heading may stand below the end of the section before it, in one cell.
        heading = re.search(r"^## ([^·\n]+)", cell.source, re.M) if cell.cell_type == "markdown" else None
        if heading:
            name = heading[1].strip()
            parts[int(name) if name.isdecimal() else name] = []
        parts[next(reversed(parts))].append(cell)
    return parts


def chosen(chapter: Chapter, which: Sequence[int | str]) -> list:
    """The cells of these sections. Raises SystemExit, which names the chapter, for one that it does not have."""
    parts = sections(chapter.cells)
    if missing := [str(name) for name in which if name not in parts]:
        where = f"{chapter.path.name} has no section {', '.join(missing)}"
        raise SystemExit(f"error: {where}; the plans are in {__name__}")
    return [cell for name in which for cell in parts[name]]


def costs(part: Part, chapter: Chapter) -> tuple[int, int, float]:
    """(minutes of reading, minutes of exercises, minutes of computing) of a part of a chapter.

    Those of computing are the whole chapter's: where sections are left out, all cells are run at once; 0 if not timed.
    Raises SystemExit for sections or exercises that are not there.
    """
    read = chosen(chapter, (0, *part.sections)) if part.sections else chapter.cells
    numbers = exercise_numbers(read) if part.exercises is None else part.exercises
    if unknown := set(numbers) - set(exercise_numbers(read)):
        where = f"in no section that a plan takes of {chapter.path.name}"
        raise SystemExit(f"error: {', '.join(sorted(unknown))} is {where}; the plans are in {__name__}")
    lines = {number: chapter.lines[number] for number in numbers}
    return reading_minutes(read), exercise_minutes(lines), (chapter.seconds or 0) / 60


def part_words(part: Part, chapter: Chapter) -> str:
    """ "[01](…): sections 1, 6; exercise 01-2"."""
    words = f"[{part.chapter}]({chapter.path.name})"
    if part.sections:
        words += f": {some('section', part.sections)}"
    return words + (f"; {some('exercise', part.exercises)}" if part.exercises else "")


def some(what: str, names: Sequence) -> str:
    """ "section 3", "sections 3, 4"."""
    return f"{what}{'s' * (len(names) > 1)} {', '.join(map(str, names))}"


def hours(minutes: float) -> str:
    """75 -> "1 h 15 min"."""
    whole, rest = divmod(round(minutes), 60)
    return " ".join([f"{whole} h"] * bool(whole) + [f"{rest} min"] * bool(rest or not whole))


def total(parts: Sequence[Part], course: dict[str, Chapter]) -> float:
    """Minutes of all these parts: reading, exercises and computing together."""
    return sum(sum(costs(part, course[part.chapter])) for part in parts)


def plan_table(plan: dict[str, tuple[Part, ...]], course: dict[str, Chapter]) -> str:
    """A plan as a table: a row for each part of a chapter, one for each session's sum, and one for all."""
    lines = ["| when | what | reading | exercises | computing |", "|-|-|-|-|-|"]
    for session, parts in plan.items():
        for i, part in enumerate(parts):
            chapter = course[part.chapter]
            read, done, computed = costs(part, chapter)
            words = ["…" if i else f"{session}: {hours(total(parts, course))}", part_words(part, chapter)]
            words += [f"{read} minutes", f"{done} minutes" if done else "none"]
            words.append(duration_words(60 * computed) if chapter.seconds else "not yet measured")
            lines.append(f"| {' | '.join(words)} |")
    everything = hours(total([part for parts in plan.values() for part in parts], course))
    return "\n".join([*lines, f"| **together: {everything}** | | | | |"])


def weights_of(cells: Sequence) -> list[str]:
    """Names of the networks that ship with the course and that these cells load."""
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    names = {path.stem for path in WEIGHTS.glob("*.json") if re.search(rf"""["']{path.stem}["']""", code)}
    names |= {BEST} if "from_pretrained()" in code else set()
    return [f"`{name}`" for name in sorted(names)] + ["the eyes of KID"] * ("load_features()" in code)


def needs_table(course: dict[str, Chapter]) -> str:
    """What each chapter needs, and what can be left out: from its opening, its code, and what was measured."""
    lines = ["| chapter | builds on | networks | memory | can be left out |", "|-|-|-|-|-|"]
    for number, chapter in course.items():
        known = re.search(r"^\*\*You need\*\* (.*?)\.?\n\n", chapter.cells[0].source + "\n\n", re.M | re.S)
        words = [f"[{number}]({chapter.path.name})", " ".join(known[1].split()) if known else "nothing"]
        words.append(", ".join(weights_of(chapter.cells)) or "none")
        words.append(f"{chapter.gigabytes:.1f} GB" if chapter.gigabytes else "not yet measured")
        skipped = SKIPPED.get(number, ())
        named = [name for name in skipped if isinstance(name, str)]
        numbered = [name for name in skipped if not isinstance(name, str)]
        left = ", ".join([*([some("section", numbered)] if numbered else []), *named])
        words.append(f"{left}: {reading_minutes(chosen(chapter, skipped))} minutes" if skipped else "nothing")
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines)


def guide_tables() -> dict[str, str]:
    """All tables of the guide, by the names of their places."""
    course = read_course()
    tables = {f"{name} plan": plan_table(plan, course) for name, plan in PLANS.items()}
    return tables | {"needs": needs_table(course)}


def write_tables() -> None:
    """Write the README's table of chapters, and all tables of the guide."""
    write_into_readme("notebooks", notebooks_table())
    for name, table in guide_tables().items():
        write_into_readme(name, table, GUIDE, COMMAND)


def publish_times() -> None:
    """Write the Time lines of all chapters and all tables of minutes anew, by what is stored; nothing is executed."""
    minutes = read_json(MINUTES)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        before = notebook.cells[0].source
        set_time_line(path, notebook.cells, minutes.get(path.stem, {}))
        if notebook.cells[0].source != before:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
            print(f"{path.name}: its Time line is another now")
    write_tables()
