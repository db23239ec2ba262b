"""`python -m helpers.classroom`."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path

from ..backstage.commands import DONE, FAILED, UsageError, parser, run
from ..backstage.progress import say
from .grading import grade, no_network, write_csv
from .pack import PLATFORMS, make_pack, this_platform

EXAMPLES = """\
  python -m helpers.classroom grade handed-in -o grades.csv
  python -m helpers.classroom grade handed-in -o grades.csv --seconds 600 --jobs 4
  python -m helpers.classroom pack /media/stick/colorization
  python -m helpers.classroom pack stick --platform windows --python 3.12"""


def main(arguments: list[str] | None = None) -> int:
    """`python -m helpers.classroom`, see `--help`, also for what it returns."""
    reader = parser(
        "helpers.classroom", "For teachers: grade exercises; take the course where no network is.", EXAMPLES
    )
    commands = reader.add_subparsers(required=True)
    grading = commands.add_parser("grade", help="run each notebook of a folder, and write a line for each exercise")
    grading.add_argument("folder", type=Path, help="holds student/01_....ipynb, or 01_..._student.ipynb")
    grading.add_argument("-o", "--out", type=Path, required=True, metavar="CSV", help="the table to write")
    grading.add_argument("--seconds", type=float, default=300, help="for one notebook; default: %(default)s")
    grading.add_argument("--jobs", type=int, default=1, help="notebooks at a time; default: %(default)s")
    grading.set_defaults(work=_grade)
    packing = commands.add_parser("pack", help="make a folder that installs the course without a network")
    packing.add_argument("folder", type=Path, help="a new one, on the stick or anywhere")
    packing.add_argument("--platform", choices=PLATFORMS, help="of the laptops; default: as this computer")
    packing.add_argument("--python", default="{}.{}".format(*sys.version_info), help="theirs; default: %(default)s")
    packing.add_argument("--cuda", action="store_true", help="Linux: PyTorch for NVIDIA GPUs, some 2.5 GB more")
    packing.add_argument("--no-photos", action="store_true", help="leave Flowers102 out; flowers are drawn instead")
    packing.set_defaults(work=_pack)

    def work() -> int:
        options = reader.parse_args(arguments)
        return options.work(options)

    return run(work, "nothing was written; run the same command again")


def _grade(options: Namespace) -> int:
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


def _pack(options: Namespace) -> int:
    if not re.fullmatch(r"3\.1\d", options.python):
        raise UsageError(f"--python {options.python}: write it as 3.12")
    platform = options.platform or this_platform()
    folder = make_pack(options.folder, platform, options.python, options.cuda, not options.no_photos)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    say(f"{folder}: {size / 1e9:.1f} GB for {platform} and Python {options.python}. On a laptop: python install.py")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
