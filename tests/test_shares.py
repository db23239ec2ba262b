"""Processes share out the tests so that all end at about the same time, and tear nothing apart."""

import inspect
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import shares
from tests.browser import test_live_widgets as visits

ROOT = Path(__file__).parent.parent


def test_a_share_is_a_file_or_a_visit():
    for nodeid, share in {
        "tests/test_color.py::test_white[a::b]": "tests/test_color.py",
        "notebooks/01_exploring_lab.ipynb::Cell 3, again": "notebooks/01_exploring_lab.ipynb",
        f"{shares.VISITS}::test_run_all_shows_no_error[scratch]": f"{shares.VISITS}[scratch]",
        f"{shares.VISITS}::test_widgets_answer_the_keyboard[scratch]": f"{shares.VISITS}[scratch]",
        f"{shares.VISITS}::test_no_widget_hides_from_these_tests": shares.VISITS,
    }.items():
        assert shares.share_of(nodeid) == share


def test_of_the_visits_nothing_is_torn_apart_that_is_made_once():
    """Each test there belongs to one visit, or needs nothing."""
    needs = [list(inspect.signature(test).parameters) for name, test in vars(visits).items() if name[:5] == "test_"]
    assert needs.count(["visit"]) > 3 and all(it in (["visit"], []) for it in needs)


class Process:
    """A process of xdist, as its scheduler sees it; it waits for a test to come after the one that it runs."""

    def __init__(self, name: str):
        self.gateway, self.waiting, self.done, self.now = SimpleNamespace(id=name), [], [], 0.0
        self.shutting_down = False

    def send_runtest_some(self, tests: list[int]) -> None:
        self.waiting += tests

    def shutdown(self) -> None:
        self.shutting_down = True


def shared_out(tests: dict[str, float], count: int) -> list[Process]:
    """What so many processes run, and when they end. tests: each with the seconds that it takes, in their order."""
    options = {"tx": [f"{count}*popen"], "loadscopereorder": False}
    config = SimpleNamespace(getvalue=options.get, option=SimpleNamespace(**options))
    scheduler, names, processes = shares.Shares(config), list(tests), [Process(name) for name in "abc"[:count]]
    for process in processes:
        scheduler.add_node(process)
        scheduler.add_node_collection(process, names)
    scheduler.schedule()
    while busy := [process for process in processes if process.waiting]:
        process = min(busy, key=lambda it: it.now + tests[names[it.waiting[0]]])
        assert len(process.waiting) > 1 or process.shutting_down
        number = process.waiting.pop(0)
        process.now += tests[names[number]]
        process.done.append(names[number])
        scheduler.mark_test_complete(process, number)
    assert scheduler.tests_finished
    return processes


@pytest.mark.parametrize("count", [2, 3])
def test_they_end_within_a_minute_of_each_other(count):
    """By the measured seconds, a share in four tests; each share is run by one of them, in order."""
    items = [SimpleNamespace(nodeid=f"{share}::{i}") for share in sorted(shares.measured()) for i in range(4)]
    shares.longest_first(items)
    seconds = shares.measured()
    tests = {item.nodeid: seconds[item.nodeid.rpartition("::")[0]] / 4 for item in items}
    processes = shared_out(tests, count)
    ends = [process.now for process in processes]
    assert max(ends) - min(ends) < 60 < min(ends)
    ran = defaultdict(list)
    for process in processes:
        for test in process.done:
            ran[test.rpartition("::")[0]].append((process.gateway.id, test[-1]))
    assert ran.keys() == seconds.keys()
    assert all([i for _, i in tries] == list("0123") and len(dict(tries)) == 1 for tries in ran.values())


@pytest.mark.parametrize(("gigabytes", "count"), [(8, 2), (12, 2), (16, 3), (24, 3), (256, 3)])
def test_a_third_process_comes_where_there_is_memory(gigabytes, count, monkeypatch):
    sizes = {"SC_PHYS_PAGES": gigabytes * 2**18, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(shares.os, "sysconf", sizes.get, raising=False)
    assert shares.processes() == count


def test_what_is_not_measured_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(shares, "SECONDS", tmp_path / "seconds.json")
    shares.write_down([("a.py::x", 1.0), ("b.py::x", 1.0), ("a.py::y", 1.02), ("b.py::x", 2.0)])
    assert json.loads(shares.SECONDS.read_text()) == {"b.py": 3.0, "a.py": 2.0}
    items = [SimpleNamespace(nodeid=nodeid) for nodeid in ("a.py::x", "a.py::y", "new.py::x", "b.py::x")]
    shares.longest_first(items)
    assert [item.nodeid for item in items] == ["new.py::x", "b.py::x", "a.py::x", "a.py::y"]


def test_what_was_measured_is_still_there():
    assert [share for share in shares.measured() if not (ROOT / share.partition("[")[0]).exists()] == []
