"""What is stored in the notebooks: their order, parts, outputs, pictures, links, exercises and minutes.

nbval runs every notebook (see pyproject.toml); `tests/browser/` opens them in JupyterLab.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest

from helpers import widgets
from helpers.exercises import EXERCISES
from helpers.publish import notebooks as publish

from .second_edition import NOT_YET

SLOW = {"05_gan_training": 35}  # minutes on two cores without bf16, where it was timed last; with bf16 it took 10

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = publish.notebook_paths()
CHAPTERS = [p for p in NOTEBOOKS if p.parent.name == "notebooks"]
SOLUTIONS = [p for p in NOTEBOOKS if p.parent.name == "solutions"]


def read(path):
    return json.loads(path.read_text(encoding="utf8"))


def source(cell):
    return "".join(cell["source"])


def code_of(content):
    return [source(cell) for cell in content["cells"] if cell["cell_type"] == "code"]


def pictures_of(cell):
    return [o["data"] for o in cell.get("outputs", []) if any(k.startswith("image/") for k in o.get("data", {}))]


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def notebook(request):
    return request.param, read(request.param)


@pytest.fixture(params=CHAPTERS, ids=lambda p: p.stem)
def chapter(request):
    return request.param, read(request.param)


@pytest.fixture(params=CHAPTERS[1:], ids=lambda p: p.stem)
def lesson(request):
    """A chapter that teaches: all but 00."""
    return request.param, read(request.param)


def test_stored_with_all_blanks_blank_and_on_photos(lesson):
    """Where an answer is used further below, the chapter says that it goes on with its own."""
    outputs = [output for cell in lesson[1]["cells"] for output in cell.get("outputs", [])]
    # less the alt texts, of which some tell of the banner
    shown = json.dumps([output | {"metadata": {}} for output in outputs])
    answers = sum(len(re.findall(r"\byours_or_ours\(", text)) for text in code_of(lesson[1]))
    assert shown.count("The chapter goes on with the course's own.") == answers
    assert "goes on with yours" not in shown and "DRAWN FLOWERS" not in shown


def test_there_are_notebooks_in_reading_order():
    assert CHAPTERS[0].name == "00_start_here.ipynb"
    assert [p.name[:2] for p in CHAPTERS] == [f"{i:02d}" for i in range(len(CHAPTERS))]
    assert {p.stem for p in SOLUTIONS} == {f"{p.stem}_solutions" for p in CHAPTERS[1:]}
    stray = [p for p in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts]
    assert sorted(stray) == sorted(NOTEBOOKS)


def test_set_up_cell_is_the_same_everywhere(notebook):
    _, content = notebook
    first = code_of(read(CHAPTERS[0]))[0]
    assert first.startswith("# Set-up, the same in every notebook")
    assert code_of(content)[0] == first


def test_stored_as_executed_in_order(notebook):
    path, content = notebook
    code = [c for c in content["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    assert path.stat().st_size < 3e6
    assert "widgets" not in content["metadata"]
    ids = [c["id"] for c in content["cells"]]
    assert all(re.fullmatch(r"[\w-]{1,64}", i) for i in ids) and len(set(ids)) == len(ids)


def test_outputs_are_clean(notebook):
    _, content = notebook
    for cell in content["cells"]:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output.get("text")
            text = json.dumps({k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")})
            text += "".join(output.get("text", ""))
            assert "Warning" not in text and "<progress" not in text and "\x1b[" not in text and "it/s" not in text
            assert not re.search(r"\b[HV]Box\(|IntSlider\(|widget-view", text)
            if output.get("data", {}).keys() == {"text/plain"}:  # a value that nobody wants to read
                assert not re.search(r"<Figure size|<Axes|<matplotlib\.|<[\w.]+ object at|^Text\(", text)
            assert not publish.is_debris(output)
            assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users|opt|var)/", text)


def test_pictures_are_described(notebook):
    """Each figure has a caption under it or alt text in it; each picture in the text has alt text."""
    _, content = notebook
    cells = content["cells"]
    for cell, following in zip(cells, cells[1:] + [{"cell_type": "", "source": ""}], strict=True):
        if cell["cell_type"] == "markdown":
            assert all(alt.strip() for alt in re.findall(r"!\[(.*?)\]\(", "".join(cell["source"])))
        if pictures_of(cell):
            assert following["cell_type"] == "markdown" and re.match(r"\*[^*]", source(following)), source(cell)
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            if "background-image" in html or "<img" in html:
                assert "aria-label=" in html or "alt=" in html


def test_a_chapter_opens_with_a_picture(chapter):
    _, content = chapter
    title, picture = source(content["cells"][0]).split("\n\n")[:2]
    found = re.fullmatch(r"!\[.{40,}\]\(\.\./images/([\w.-]+)\)", picture)
    assert title.startswith("# ") and found
    assert (ROOT / "images" / found[1]).stat().st_size < (150e3 if found[1].startswith("title-") else 2e6)


def test_links_lead_somewhere(notebook):
    path, content = notebook
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            for target in re.findall(r"\]\((?!http|#|attachment:)([^)#]+)\)", "".join(cell["source"])):
                assert (path.parent / target).exists(), target


def test_code_cells_are_short(notebook):
    _, content = notebook
    for code in code_of(content):
        assert len(code.splitlines()) <= 15, code


def test_a_lesson_has_its_parts(lesson):
    path, content = lesson
    text = "\n".join(source(cell) for cell in content["cells"] if cell["cell_type"] == "markdown")
    assert source(content["cells"][0]).startswith(f"# {path.stem[:2]} · ")
    for part in ("**In this notebook you will**", "**You need**", "**Time:**", "**Predict", "## Recap"):
        assert part in text, part
    assert sum(len(pictures_of(cell)) for cell in content["cells"]) >= 6


def test_time_line_is_what_was_measured(chapter):
    path, content = chapter
    first = next(source(cell) for cell in content["cells"] if cell["cell_type"] == "markdown")
    lines = [line for line in first.splitlines() if line.startswith("**Time:**")]
    measured = read(publish.MINUTES)[path.stem]
    cells = nbformat.read(path, as_version=4).cells
    assert path.stem in NOT_YET or lines == [publish.time_line(path, cells, measured)]
    assert {"smoke", "cpu"} <= measured.keys()
    assert measured["smoke"]["seconds"] < 60
    most = SLOW.get(path.stem, 25)
    assert measured["cpu"]["seconds"] < 60 * min(most, publish.reading_minutes(cells))


def test_the_course_takes_less_than_two_hours_on_a_laptop():
    measured = read(publish.MINUTES)
    assert sum(entry["cpu"]["seconds"] for entry in measured.values()) < 2 * 60 * 60


def test_minutes_are_those_of_the_chapters():
    assert read(publish.MINUTES).keys() == {p.stem for p in CHAPTERS}


def checks_in(content):
    return re.findall(r"""\bcheck\(\s*f?["'](\d\d-\d+)\b""", "\n".join(code_of(content)))


def test_exercises_have_checks_and_solutions(lesson):
    path, content = lesson
    asked = checks_in(content)
    assert 2 <= len(asked) <= 4 and len(set(asked)) == len(asked)
    assert all(number.startswith(f"{path.stem[:2]}-") and number in EXERCISES for number in asked)
    solutions = path.parent / "solutions" / f"{path.stem}_solutions.ipynb"
    assert checks_in(read(solutions)) == asked
    text = "\n".join(source(cell) for cell in content["cells"] if cell["cell_type"] == "markdown")
    assert f"](solutions/{solutions.name})" in text


def test_every_exercise_is_asked_somewhere():
    assert {number for path in CHAPTERS for number in checks_in(read(path))} == EXERCISES.keys()


def test_stubs_are_not_done_and_solutions_are(notebook):
    path, content = notebook
    for cell in content["cells"]:
        if cell["cell_type"] == "code" and checks_in({"cells": [cell]}):
            printed = "".join("".join(o.get("text", "")) for o in cell["outputs"])
            assert ("✓ " if path in SOLUTIONS else "○ ") in printed and "✗ " not in printed, printed


def test_every_widget_is_used_and_leaves_a_picture():
    names = set(widgets.__all__) - {"sample_rows"}  # which reads a run
    unused = set(names)
    for path in CHAPTERS:
        for cell in read(path)["cells"]:
            found = set(re.findall(rf"\b({'|'.join(names)})\(", source(cell))) if cell["cell_type"] == "code" else set()
            unused -= found
            if found - {"before_after"}:
                (data,) = pictures_of(cell)
                assert len("".join(data["text/plain"])) > 20, "its alt text"
            elif found:
                assert any(
                    "background-image" in "".join(o.get("data", {}).get("text/html", "")) for o in cell["outputs"]
                )
    assert not unused
