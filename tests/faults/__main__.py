"""`python -m tests.faults`, see `--help`."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from .campaign import Figures, campaign, restore, save, table

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- faults: .*?-->\n).*?(<!-- end of faults -->)", re.S)
EXAMPLES = """\
  python -m tests.faults
  python -m tests.faults --share 0.02 --seed 7
  python -m tests.faults --only "mutated pictures" --case 1234
  python -m tests.faults --keep --write

Ctrl-C keeps the kinds that are done; the same command goes on. Exit code: 0 if all held, 1 if not, 130 if stopped."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Kills, damage, full disks, several processes: what is kept must be kept. Figures in a table.",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--share", type=float, default=1.0, help="of the cases of each kind, 0 to 1 (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn by lot (default: 0)")
    parser.add_argument("--only", action="append", metavar="KIND", help="kinds whose name has this in it, or several")
    parser.add_argument("--case", type=int, help="this case alone, of the kinds that --only names")
    parser.add_argument("--workers", type=int, default=_cores(), help="processes that try (default: one a core)")
    parser.add_argument("--fresh", action="store_true", help="begin anew what was stopped")
    parser.add_argument("--keep", action="store_true", help="count what earlier commits held; try only other kinds")
    parser.add_argument("--write", action="store_true", help="put the figures into README.md")
    options = parser.parse_args(arguments)
    if not 0 < options.share <= 1:
        parser.error(f"--share is {options.share}: choose more than 0, and 1 at most")
    if options.write and (options.only or options.case is not None):
        parser.error("--write needs all kinds, without --only and --case")
    from .kinds import KINDS

    chosen = [kind for kind in KINDS if not options.only or any(word in kind.name for word in options.only)]
    if not chosen:
        parser.error(f"no kind is named so: there are {', '.join(kind.name for kind in KINDS)}")
    if options.case is not None and len(chosen) > 1:
        parser.error("--case needs --only with one kind")
    return _run(options, chosen)


def _run(options, kinds) -> int:
    state, key = ROOT / "runs/faults.json", _key(options)
    done = {} if options.fresh or options.case is not None else restore(state, key, options.keep)
    figures = {kind.name: done[kind.name] for kind in kinds if kind.name in done}
    if figures:
        print(f"done before: {', '.join(figures)}", flush=True)
    stopped, commit = False, _commit()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        for kind in kinds:
            if kind.name in figures:
                continue
            found: dict[str, Figures] = {}
            try:
                campaign(
                    [kind], options.share, options.seed, Path(folder), options.workers, found, _watch(kind.name),
                    options.case,
                )  # fmt: skip
            except KeyboardInterrupt:
                stopped = True
            figures |= found
            if stopped:
                break
            for it in found.values():
                it.commit = commit
            done |= found
            if options.case is None:
                save(state, key, done)
    print(table(figures))
    bad = sum(it.lost + it.undocumented for it in figures.values())
    if stopped:
        print("stopped: run the same command to go on with the kinds that are left", file=sys.stderr)
        return 130
    if options.write:
        write(README, figures, options.share, options.seed)
    return 1 if bad else 0


def _watch(name: str):
    """A bar; and each finding at once, with what tries it again."""
    from helpers.backstage.progress import progress_bar, say

    def watch(found, total):
        for one in progress_bar(found, total, name):
            if one.finding:
                say(f"\n{name} --case {one.number}: {one.finding}")
            yield one

    return watch


def _key(options) -> str:
    """Of the code and what was asked: figures of other code are not gone on with."""
    files = sorted([*(ROOT / "helpers").rglob("*.py"), *Path(__file__).parent.glob("*.py")])
    code = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return json.dumps([options.seed, options.share, code])


def _commit() -> str:
    """Of what is tried, short; with a + where files have changed since. "" without git."""
    asked = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True).stdout.strip() if shutil.which("git") else ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write(readme: Path, figures: dict[str, Figures], share: float, seed: int) -> None:
    """The figures between their markers, with the command, the machine and the date."""
    from helpers.environment import hardware

    options = (f" --share {share:g}" if share != 1 else "") + (f" --seed {seed}" if seed else "")
    said = f"`python -m tests.faults{options}`, on {hardware()}, {datetime.date.today():%B %d, %Y}:\n\n"
    text = readme.read_text(encoding="utf8")
    new, count = BLOCK.subn(lambda found: found[1] + said + table(figures) + "\n" + found[2], text)
    if count != 1:
        raise ValueError(f"{readme} has no block of faults")
    readme.write_text(new, encoding="utf8")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
