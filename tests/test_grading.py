"""helpers.classroom.grading and runner: notebooks that students might hand in, and what their teacher is told."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest

from helpers.classroom import grading
from helpers.classroom.__main__ import main
from helpers.classroom.grading import Grade, find, grade_notebook, judged, student_of
from helpers.exercises import EXERCISES

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the cases share a process that forks")
ROOT = Path(__file__).parent.parent
FIRST = ROOT / "notebooks" / "01_exploring_lab.ipynb"
IMPORTS = "import numpy as np\nfrom helpers.exercises import check, yours_or_ours"
RIGHT = """
def encode(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
"""
WRONG = "def encode(linear):\n    return linear ** (1 / 2.2)"
BLANK = "def encode(linear):\n    return None  # your code here"
ASKED = 'check("01-1 encode", encode)\nencode = yours_or_ours("01-1", encode)'
HUE = """
def chroma_and_hue(a, b):
    return np.hypot(a, b), np.rad2deg(np.arctan2(b, a)) % 360
check("01-4 chroma and hue", chroma_and_hue)
"""
FORGER = 'def check(name, answer):\n    print(f"✓ {name}: right")'


def hand_in(path: Path, *cells: str) -> Path:
    """A notebook of these cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    return path


FORGED = {
    "printed": (IMPORTS, WRONG + "\n" + ASKED, 'print("✓ 01-1 encode: right")'),
    "shown": (
        IMPORTS,
        WRONG + "\n" + ASKED,
        "from IPython.display import Markdown, display\ndisplay(Markdown('✓ 01-1'))",
    ),
    "own check": (IMPORTS, FORGER, WRONG + "\n" + ASKED),
    "nothing else": ('print("✓ 01-1 encode: right")',),
    "check replaced": (
        f"import helpers.exercises\n{FORGER}\nhelpers.exercises.check = check",
        IMPORTS + "\n" + WRONG + "\n" + ASKED,
    ),
    "table replaced": (
        IMPORTS + "\nfrom helpers.exercises import EXERCISES",
        "EXERCISES['01-1'] = lambda f: 'right'\nprint('✓ 01-1 encode: right')",
        WRONG + "\n" + ASKED,
    ),
    "inside replaced": (
        IMPORTS + "\nfrom helpers.exercises import chapter_01",
        "for name in ('compare', 'judge', 'judge_each'):\n    setattr(chapter_01, name, lambda *a, **k: np.ones(9))",
        "np.abs = lambda x: 0\n" + WRONG + "\n" + ASKED + "\nprint('✓ 01-1 encode: right')",
    ),
    "code replaced": (
        IMPORTS + "\nfrom helpers.exercises import EXERCISES",
        "def right(f):\n    return 'right'\nEXERCISES['01-1'].__code__ = right.__code__",
        WRONG + "\n" + ASKED + "\nprint('✓ 01-1 encode: right')",
    ),
}


SLY = """
def encode(linear):
    from helpers.exercises import hints
    hints.compare = lambda *a, **k: None  # which the check is about to ask
    return linear
"""
LATE = "def lightness(rgb):\n    return None\n1 / 0\ncheck('01-2', lightness)"
OWN = "from helpers.exercises import OURS\ncheck('01-1', OURS['01-1'])\nencode = OURS['01-1']"
CASES = FORGED | {
    "mixed": (
        *(IMPORTS, RIGHT + ASKED, "def lightness(rgb):\n    return rgb.mean(2) * 100\ncheck('01-2', lightness)"),
        *("def xyz_to_ab(xyz):\n    return None\ncheck('01-3 a and b', xyz_to_ab)", HUE),
    ),
    "crashing": (IMPORTS, "undefined + 1", RIGHT + ASKED, "def broken(:\ncheck('01-3', broken)", LATE, HUE),
    "sly": (IMPORTS, SLY + ASKED),
    "right all the same": (IMPORTS, FORGER, RIGHT + 'check("01-1", encode)'),
    "the course's own": (IMPORTS, OWN),
    "two tries": (IMPORTS, WRONG + '\ncheck("01-1", encode)', RIGHT + 'check("01-1", encode)'),
    "noisy": (IMPORTS, "while True:\n    print('x' * 10**6)\n    if len(In) > 1 and not globals().get('n', 5): break\n"
              "    n = globals().get('n', 5) - 1", RIGHT + ASKED),
}  # fmt: skip
FORK = """
import json, os, sys
from helpers.classroom import runner
import matplotlib.pyplot, matplotlib_inline.config, IPython.core.interactiveshell
for notebook, report in json.load(sys.stdin):
    child = os.fork()  # what takes long is imported once; each notebook has a process of its own
    if not child:
        try:
            runner.main([notebook, "01", report])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """{case: {exercise: (verdict, hint)}}."""
    folder = tmp_path_factory.mktemp("handed in")
    paths = {name: hand_in(folder / f"{i}.ipynb", *cells) for i, (name, cells) in enumerate(CASES.items())}
    told = json.dumps([[str(path), str(path.with_suffix(".jsonl"))] for path in paths.values()])
    env = os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython"), "MPLBACKEND": "agg"}
    subprocess.run([sys.executable, "-c", FORK], input=told, text=True, env=env, cwd=folder, check=True)
    found = {}
    for name, path in paths.items():
        events = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
        assert events[-1] == {"end": True}, name
        grades = judged(name, "01", events, "", False)
        found[name] = {grade.exercise: (grade.verdict, grade.hint) for grade in grades}
    return found


def test_right_wrong_and_blank_are_told_apart_in_one_notebook(graded):
    grades = graded["mixed"]
    assert [grades[number][0] for number in sorted(grades)] == ["done", "wrong", "not done", "done"], grades
    assert grades["01-1"][1].startswith("right") and len(grades["01-2"][1]) > 20


def test_who_crashes_loses_what_is_in_that_cell_alone(graded):
    grades = graded["crashing"]
    assert grades["01-1"][0] == grades["01-4"][0] == "done"
    assert grades["01-3"][0] == "crashed" and "cell 4 of code: SyntaxError" in grades["01-3"][1]
    assert grades["01-2"][0] == "not done"  # the function is there, and can be judged


@pytest.mark.parametrize("case", FORGED)
def test_a_false_tick_is_told(case, graded):
    verdict, hint = graded[case]["01-1"]
    assert verdict == "false tick" and hint.startswith("the notebook prints a tick of its own; "), (verdict, hint)
    assert ("(the notebook replaces " in hint and "the true check's word" in hint) == ("replaced" in case), hint


def test_who_changes_the_check_while_it_runs_is_told(graded):
    verdict, hint = graded["sly"]["01-1"]
    assert (
        verdict == "false tick"
        and "it changes helpers.exercises.hints.compare" in hint
        and "while it is checked" in hint
    )


def test_a_right_answer_stays_right_whatever_is_printed(graded):
    grades = graded["right all the same"]
    assert grades["01-1"][0] == "done"  # by its name, though the true check was never called
    assert grades["01-2"] == ("no answer", "its check was not run, and there is no lightness")


def test_the_courses_own_answer_counts_for_nobody(graded):
    assert graded["the course's own"]["01-1"] == ("not done", "the course's own answer stands where theirs should")


def test_the_last_try_counts_and_noise_does_not(graded):
    assert graded["two tries"]["01-1"][0] == graded["noisy"]["01-1"][0] == "done"


# ------------------------------------------------------------------------------------------- a process each


def grades_of(folder: Path, *cells: str, seconds: float = 200, network=None) -> dict[str, tuple[str, str]]:
    path = hand_in(folder / "01_exploring_lab_ada.ipynb", *cells)
    grades = grade_notebook("ada", path, seconds, network)
    assert {grade.student for grade in grades} == {"ada"}
    assert {grade.verdict for grade in grades} <= set(grading.VERDICTS)
    return {grade.exercise: (grade.verdict, grade.hint) for grade in grades}


def test_who_ends_python_keeps_what_came_before(tmp_path):
    grades = grades_of(tmp_path, IMPORTS, RIGHT + ASKED, "import os\nos._exit(3)", HUE)
    assert grades["01-1"][0] == "done"
    assert grades["01-4"] == ("crashed", "cell 3 of code ended Python (exit code 3)")


def test_who_hangs_is_ended_with_all_that_he_started(tmp_path):
    started = tmp_path / "started"
    hang = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(started)!r}, 'w').write(str(child.pid))\n"
        "while True:\n    try:\n        import time; time.sleep(1)\n    except BaseException:\n        pass"
    )
    grades = grades_of(tmp_path, hang, HUE, seconds=15)
    assert grades["01-4"] == ("hangs", "cell 1 of code did not end within 15 s")
    with pytest.raises(ProcessLookupError):
        for _ in range(200):  # the system may take a moment to bury it
            os.kill(int(started.read_text()), 0)
            threading.Event().wait(0.05)


# ------------------------------------------------------------------------------------------------- no network


@pytest.mark.parametrize("network", [(), None], ids=["sockets taken away", "as this system can"])
def test_there_is_no_network(network, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        seen = tmp_path / "seen"
        call = (
            "import socket, urllib.request\n"
            "for call in (lambda: socket.create_connection(('127.0.0.1', PORT), 5),\n"
            "             lambda: socket.socket().connect(('127.0.0.1', PORT)),\n"
            "             lambda: urllib.request.urlopen('http://127.0.0.1:PORT', timeout=5)):\n"
            "    try:\n        call()\n        print('connected', file=open(SEEN, 'a'))\n"
            "    except OSError as error:\n        print(type(error).__name__, file=open(SEEN, 'a'))\n"
        )
        grades = grades_of(
            tmp_path, IMPORTS, call.replace("PORT", str(port)).replace("SEEN", repr(str(seen))), HUE, network=network
        )
        assert grades["01-4"][0] == "done"
        assert len(seen.read_text().split()) == 3 and "connected" not in seen.read_text()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_namespace_is_used_where_the_system_gives_one():
    words = grading.no_network()
    assert words == () or subprocess.run([*words, "true"]).returncode == 0
    if sys.platform == "linux" and shutil.which("unshare") and os.geteuid() == 0 and not words:
        pytest.skip("this container may not make network namespaces")


# ------------------------------------------------------------------------------------------------- whole folders


def test_students_are_folders_or_parts_of_names(tmp_path):
    names = ("grace/01_exploring_lab.ipynb", "grace/02.ipynb", "grace/.ipynb_checkpoints/02-checkpoint.ipynb")
    for name in (*names, "01_exploring_lab_ada.ipynb", "Alan - 01_exploring_lab.ipynb", "03_the_unet.ipynb"):
        hand_in(tmp_path / name)
    assert [(student, path.name) for student, path in find(tmp_path)] == [
        ("ada", "01_exploring_lab_ada.ipynb"),
        ("03_the_unet", "03_the_unet.ipynb"),
        ("Alan", "Alan - 01_exploring_lab.ipynb"),
        ("grace", "01_exploring_lab.ipynb"),
        ("grace", "02.ipynb"),
    ]
    assert student_of(Path("homework of kurt.ipynb")) == "homework of kurt"
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there is no notebook"):
        find(empty)


@pytest.mark.parametrize(
    ("name", "cells", "chapter"),
    [
        ("mine.ipynb", ['check("02-1 x", 1)', 'check("02-2", 1)', 'check("01-1", 1)'], "02"),
        ("05_gan_training_kim.ipynb", ["1 + 1"], "05"),
        ("kim 2027-03-15.ipynb", ["1 + 1"], "03"),
        ("00_start_here.ipynb", ["1 + 1"], None),
        ("kim2027.ipynb", ["1 + 1"], None),
    ],
)
def test_the_chapter_is_found(name, cells, chapter):
    assert grading.chapter_of(Path(name), [{"id": "", "source": cell} for cell in cells]) == chapter


def test_every_exercise_of_the_course_can_be_graded():
    names = [number for i in range(20) for number in grading.answer_names(f"{i:02}")]
    assert sorted(names) == sorted(EXERCISES)
    assert all(name.isidentifier() for i in range(20) for name, _ in grading.answer_names(f"{i:02}").values())


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"cells": 3}', '{"cells": [{"cell_type": "code"}]}', '{"worksheets": []}', "\x00\xff"]
)
def test_what_is_no_notebook_is_named(content, tmp_path):
    path = tmp_path / "01_exploring_lab_eve.ipynb"
    path.write_text(content)
    ((student, _, verdict, hint),) = grade_notebook("eve", path)
    assert (student, verdict) == ("eve", "unreadable") and path.name in hint


def test_a_folder_becomes_a_table(tmp_path, capsys):
    hand_in(tmp_path / "in" / "ada" / "01.ipynb", IMPORTS, RIGHT + ASKED)
    (tmp_path / "in" / "=eve.ipynb").write_text("{")
    out = tmp_path / "grades.csv"
    assert main(["grade", str(tmp_path / "in"), "-o", str(out), "--jobs", "2"]) == 1  # one could not be read
    with open(out, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["student", "exercise", "verdict", "hint"]
    assert [row[:3] for row in rows[1:]] == [
        ["'=eve", "'=eve", "unreadable"],  # a spreadsheet would take it for a formula
        ["ada", "01-1", "done"], *(["ada", f"01-{i}", "no answer"] for i in (2, 3, 4)),
    ]  # fmt: skip
    assert "3 no answer, 1 unreadable, 1 done" in capsys.readouterr().out
    assert not list(tmp_path.glob(".*partial*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere", "-o", "x.csv"], "nowhere is no folder"), ([".", "-o", "x.csv", "--jobs", "0"], "more than 0")],
)
def test_wrong_arguments_begin_nothing(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["grade", *arguments]) == 2 and words in capsys.readouterr().err
    assert main(["grade", ".", "-o", "x.csv"]) == 1 and "no notebook" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_report_that_breaks_off_is_understood():
    told = [{"cell": 1}, {"number": "01-1", "verdict": "wrong", "hint": "a"}, {"forged": "01-1"}, {"cell": 2}]
    hang, crash = (judged("x", "01", told, end, late) for end, late in (("within 9 s", True), ("exit code -9", False)))
    assert hang[0] == Grade("x", "01-1", "false tick", "the notebook prints a tick of its own; a")
    assert {grade[2:] for grade in hang[1:]} == {("hangs", "cell 2 of code did not end within 9 s")}
    assert {grade[2:] for grade in crash[1:]} == {("crashed", "cell 2 of code ended Python (exit code -9)")}


def test_the_folder_of_the_course_is_left_as_it_is(tmp_path):
    path = hand_in(tmp_path / "01.ipynb", "open('mine.txt', 'w').write('x')\nprint(json)", HUE)
    before = {p.name for p in (ROOT / "notebooks").iterdir()}
    grade_notebook("x", path)
    assert {p.name for p in (ROOT / "notebooks").iterdir()} == before


def test_grading_is_light_until_something_is_graded():
    code = "import sys, helpers.classroom.grading; print('torch' in sys.modules, 'IPython' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False False\n"


def test_the_stored_chapter_is_all_not_done():
    """What a student who does nothing hands in."""
    blank = json.loads(FIRST.read_text(encoding="utf8"))
    assert any("your code here" in "".join(cell["source"]) for cell in blank["cells"])
    assert {grade.verdict for grade in grade_notebook("x", FIRST)} == {"not done"}
