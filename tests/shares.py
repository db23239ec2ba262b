"""Which process of pytest-xdist runs which tests: whole files, the longest first, so that all end at about one time.

    pytest --measure     # the same tests, and keeps how long each share of them took: seconds.json, beside this file

A share is run by one process, from its first test to its last: a file, since its tests may have something in common
that is made once. The notebooks that test_live_widgets.py visits have nothing in common but their JupyterLab, of which
each process starts its own; they take longer than all else, so each visit is a share.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from xdist.scheduler.loadscope import LoadScopeScheduling

SECONDS = Path(__file__).with_name("seconds.json")
VISITS = "tests/browser/test_live_widgets.py"


def processes() -> int:
    """How many share the tests. A third, where there is memory for it, works while two wait: for a page, a kernel."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return 3 if memory > 15e9 else 2


def share_of(nodeid: str) -> str:
    """The share that a test belongs to: its file; a visit is `file[notebook]`."""
    file, _, name = nodeid.partition("::")
    visit = re.search(r"\[[^]]+\]$", name) if file == VISITS else None
    return file + visit[0] if visit else file


def measured() -> dict[str, float]:
    """Seconds that each share took when it was last measured."""
    return json.loads(SECONDS.read_text(encoding="utf8"))


def longest_first(items: list) -> None:
    """Sort tests by how long their share takes. What is not yet measured may be long, and comes first."""
    seconds = measured()
    items.sort(key=lambda item: -seconds.get(share_of(item.nodeid), 1e9))


class Shares(LoadScopeScheduling):
    """xdist's `--dist loadfile`, by shares."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def write_down(took: Iterable[tuple[str, float]]) -> None:
    """took: (test, seconds) of all that was run, a test once or more often (its fixtures are timed by themselves)."""
    sums: dict[str, float] = {}
    for nodeid, seconds in took:
        sums[share_of(nodeid)] = sums.get(share_of(nodeid), 0.0) + seconds
    ordered = dict(sorted(((share, round(s, 1)) for share, s in sums.items()), key=lambda pair: (-pair[1], pair[0])))
    SECONDS.write_text(json.dumps(ordered, indent=0) + "\n", encoding="utf8")
