"""`python -m helpers.classroom`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from ..backstage.commands import DONE, FAILED, UsageError, parser, run
from ..backstage.progress import say
from .grading import grade, no_network, write_csv

EXAMPLES = """\
  python -m helpers.classroom grade handed-in -o grades.csv
  python -m helpers.classroom grade handed-in -o grades.csv --seconds 600 --jobs 4"""


def main(arguments: list[str] | None = None) -> int:
    """`python -m helpers.classroom`, see `--help`, also for what it returns."""
    reader = parser("helpers.classroom", "Grade the exercises in a folder of notebooks.", EXAMPLES)
    commands = reader.add_subparsers(required=True)
    grading = commands.add_parser("grade", help="run each notebook, and write a line for each exercise")
    grading.add_argument("folder", type=Path, help="holds student/01_....ipynb, or 01_..._student.ipynb")
    grading.add_argument("-o", "--out", type=Path, required=True, metavar="CSV", help="the table to write")
    grading.add_argument("--seconds", type=float, default=300, help="for one notebook; default: %(default)s")
    grading.add_argument("--jobs", type=int, default=1, help="notebooks at a time; default: %(default)s")

    def work() -> int:
        options = reader.parse_args(arguments)
        if not options.folder.is_dir():
            raise UsageError(f"{options.folder} is no folder")
        if options.seconds <= 0 or options.jobs < 1:
            raise UsageError("--seconds and --jobs must be more than 0")
        if not no_network():
            say("note: this system gives no network namespace; Python's own sockets are taken away instead")
        grades = write_csv(options.out, grade(options.folder, options.seconds, options.jobs))
        counts = Counter(line.verdict for line in grades)
        say(f"{options.out}: " + ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common()))
        return FAILED if counts["unreadable"] else DONE

    return run(work, "nothing was written; run the same command again")


if __name__ == "__main__":
    sys.exit(main())
