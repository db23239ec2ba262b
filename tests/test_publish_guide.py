"""helpers.publish.guide and executing: plans and tables of the teaching guide, and that its words are true.

A little course with planted cells has minutes that one can work out by hand. Of the real one are held: the tables, the
sections that may be left out, the hints that are quoted, the places that are named.
"""

import ast
import json
import os
import re
import subprocess
import symtable
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import publish
from helpers.publish import executing, guide, notebooks
from helpers.publish.__main__ import main
from helpers.publish.guide import Part

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / guide.GUIDE).read_text(encoding="utf8")
REAL, TABLES = guide.read_course(), guide.guide_tables()

TINY = [
    new_markdown_cell("# 01 · Tiny\n\n**You need** a cat,\nand *patience*.\n\n**Time:** unknown\n\n" + "word " * 90),
    new_markdown_cell("*A caption.*\n\n## 1 · Cats\n\n" + "word " * 994),
    new_code_cell("check('01-1 purr', f)"),
    new_markdown_cell("### Below the first\n\n" + "word " * 500),
    new_code_cell('Colorizer.from_pretrained()\nColorizer.from_pretrained("flowers-64")\nload_features()'),
    new_markdown_cell("## 2 · Dogs\n\n" + "word " * 1000),
    new_code_cell("check('01-2 bark', f)"),
    new_markdown_cell("## Appendix A · Mice\n\n" + "word " * 1000),
]
ANSWER = "def f(x):\n    x = x + 1\n    return x\n\n\nassert check('01-{}', f)"
ANSWERS = [new_code_cell(ANSWER.format(i)) for i in (1, 2)]
PLAN = {"morning": (Part("01", (1,), ("01-1",)), Part("01")), "night": (Part("01", (2,), ()),)}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The folder of a course of one chapter with a solution, a README and a guide."""
    folder = tmp_path / "notebooks"
    (folder / "solutions").mkdir(parents=True)
    nbformat.write(new_notebook(cells=TINY), folder / "01_tiny.ipynb")
    nbformat.write(new_notebook(cells=ANSWERS), folder / "solutions" / "01_tiny_solutions.ipynb")
    (folder / "minutes.json").write_text('{"01_tiny": {"cpu": {"seconds": 240, "hardware": "an abacus"}}}')
    (folder / "memory.json").write_text('{"01_tiny": {"cpu": 1.26, "smoke": 0.5}}')
    places = ("day plan", "needs")
    (folder / "README.md").write_text("".join(f"<!-- {it}: x -->\n<!-- end of {it} -->\n" for it in places))
    (tmp_path / "README.md").write_text("a\n<!-- notebooks: x -->\n<!-- end of notebooks -->\nz\n")
    for module in (publish, notebooks, executing):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (notebooks, guide, executing):
        for name, path in {"NOTEBOOKS": "", "MINUTES": "minutes.json", "MEMORY": "memory.json"}.items():
            monkeypatch.setattr(module, name, folder / path, raising=False)
    monkeypatch.setattr(guide, "PLANS", {"day": PLAN})
    monkeypatch.setattr(guide, "SKIPPED", {"01": (2, "Appendix A")})
    return folder


# ------------------------------------------------------------------------------------------ a little course


def test_a_part_of_a_chapter_takes_what_its_cells_take(tiny):
    chapter = guide.read_course()["01"]
    assert list(guide.sections(chapter.cells)) == [0, 1, 2, "Appendix A"]
    assert len(guide.chosen(chapter, (1, "Appendix A"))) == 5
    # 100 words and 1,500, two cells of code; an exercise of two lines. All: 3,600 words, three cells.
    assert guide.costs(Part("01", (1,), ("01-1",)), chapter) == (15, 10, 4)
    assert guide.costs(Part("01", (2,), ()), chapter) == (10, 0, 4)
    assert guide.costs(Part("01", (2,)), chapter) == (10, 10, 4), "all exercises of these sections"
    assert guide.costs(Part("01"), chapter) == (40, 15, 4)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Part("01", (1, 7)), "01_tiny.ipynb has no section 7"),
        (Part("01", (2,), ("01-1",)), "01-1 is in no section that a plan takes of 01_tiny.ipynb"),
        (Part("01", (), ("01-3",)), "01-3 is in no section"),
    ],
)
def test_a_plan_for_what_is_not_there_is_refused(part, words, tiny):
    with pytest.raises(SystemExit, match=words):
        guide.costs(part, guide.read_course()["01"])


@pytest.mark.parametrize(
    "minutes, words", [(0, "0 min"), (59.6, "1 h"), (60, "1 h"), (75.2, "1 h 15 min"), (739, "12 h 19 min")]
)
def test_hours_in_words(minutes, words):
    assert guide.hours(minutes) == words


def test_one_command_writes_all_that_follows_from_what_was_measured(tiny, capsys):
    outputs = read(tiny / "01_tiny.ipynb")["cells"][1:]
    assert main(["times"]) == 0 and "01_tiny.ipynb: its Time line is another now" in capsys.readouterr().out
    assert (tiny / "README.md").read_text(encoding="utf8") == (
        "<!-- day plan: python -m helpers.publish times -->\n"
        "| when | what | reading | exercises | computing |\n|-|-|-|-|-|\n"
        "| morning: 1 h 28 min | [01](01_tiny.ipynb): section 1; exercise 01-1 "
        "| 15 minutes | 10 minutes | 4 minutes |\n"
        "| … | [01](01_tiny.ipynb) | 40 minutes | 15 minutes | 4 minutes |\n"
        "| night: 14 min | [01](01_tiny.ipynb): section 2 | 10 minutes | none | 4 minutes |\n"
        "| **together: 1 h 42 min** | | | | |\n<!-- end of day plan -->\n"
        "<!-- needs: python -m helpers.publish times -->\n"
        "| chapter | builds on | networks | memory | can be left out |\n|-|-|-|-|-|\n"
        "| [01](01_tiny.ipynb) | a cat, and *patience* | `flowers`, `flowers-64`, the eyes of KID | 1.3 GB "
        "| section 2, Appendix A: 20 minutes |\n<!-- end of needs -->\n"
    )
    line = "**Time:** reading 40 minutes, exercises 15 minutes, computing 4 minutes on an abacus (the `cpu` budget)."
    content = read(tiny / "01_tiny.ipynb")["cells"]
    assert line in "".join(content[0]["source"]) and content[1:] == outputs
    assert "| 40 minutes | 2: 15 minutes | 4 minutes on an abacus |" in (tiny.parent / "README.md").read_text("utf8")
    before = [path.read_bytes() for path in (*tiny.glob("*.*"), tiny.parent / "README.md")]
    assert main(["times"]) == 0 and capsys.readouterr().out == ""
    assert before == [path.read_bytes() for path in (*tiny.glob("*.*"), tiny.parent / "README.md")]
    (tiny / "minutes.json").write_text('{"01_tiny": {"cpu": {"seconds": 600, "hardware": "an abacus"}}}')
    main(["times"])
    assert "| night: 20 min |" in (tiny / "README.md").read_text("utf8")
    (tiny / "minutes.json").write_text("{}")
    (tiny / "memory.json").unlink()
    main(["times"])
    assert (tiny / "README.md").read_text("utf8").count("not yet measured") == 4
    (tiny / "README.md").write_text("no markers")
    with pytest.raises(SystemExit, match="the place for day plan in notebooks/README.md, between markers, is gone"):
        main(["times"])


def read(path):
    return json.loads(path.read_text(encoding="utf8"))


HUNGRY = "block = b'x' * 200_000_000; del block; print('ready', flush=True); input()"


def test_memory_is_the_most_that_a_process_ever_took():
    if not Path("/proc/self/status").exists():
        assert executing.peak_memory(os.getpid()) is None
        return
    with subprocess.Popen([sys.executable, "-c", HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hungry:
        hungry.stdout.readline()
        most = executing.peak_memory(hungry.pid)
        hungry.communicate(b"\n")
    assert 0.2 < most < 0.4
    assert executing.peak_memory(hungry.pid) is None  # it has ended


# ------------------------------------------------------------------------------------------ the real guide


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_what_was_counted_and_measured(name):
    table = re.search(rf"<!-- {name}:.*?-->\n(.*?)\n<!-- end of {name} -->", TEXT, re.S)[1]
    assert table == TABLES[name], "python -m helpers.publish times"


@pytest.mark.parametrize("plan, most", [("half-day", 4), ("one-day", 7), ("four-week", 4 * 5.5)])
def test_a_plan_fits_into_its_time_and_leaves_some_for_talk(plan, most):
    parts = [part for session in guide.PLANS[plan].values() for part in session]
    assert most / 2 < guide.total(parts, REAL) / 60 < 0.85 * most


def test_four_weeks_have_whole_chapters():
    assert all(part == Part(part.chapter) for week in guide.PLANS["four-week"].values() for part in week)


def test_the_guide_names_what_there_is():
    for words in re.findall(r"[Cc]hapter (\d+), sections? ([\d, and]+)", " ".join(TEXT.split())):
        number, places = words[0].zfill(2), re.findall(r"\d+", words[1])
        assert places and {int(place) for place in places} <= guide.sections(REAL[number].cells).keys(), words
    for target in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (ROOT / "notebooks" / target).exists(), target
    for name in re.findall(r"`((?:helpers|notebooks|tests)/[\w./-]*)`", TEXT):
        assert (ROOT / name).exists(), name
    assert {f"{int(number):02}" for number in re.findall(r"[Cc]hapter (\d+)", TEXT)} <= REAL.keys()


def test_hints_that_are_quoted_are_what_the_checks_say():
    rows = re.findall(r'^\| .* \| (\d\d)-\d \| "(.*)" \|$', TEXT, re.M)
    assert len(rows) >= 12
    for chapter, hint in rows:
        files = (ROOT / "helpers/exercises").glob(f"chapter_{chapter}*.py")
        # A text that goes on in the next line of the code is one text.
        code = "\n".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf8")) for path in files)
        assert hint in code, hint


# -------------------------------------------------------------------------- what may be left out is used by nothing


def names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """(what a statement of a cell makes, what it takes from before it, in functions too)."""
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    made = {it.get_name() for it in table.get_symbols() if it.is_assigned() or it.is_imported() or it.is_namespace()}
    taken, tables = {it.get_name() for it in table.get_symbols() if it.is_referenced()}, table.get_children()
    while tables:
        inner = tables.pop()
        tables += inner.get_children()
        taken |= {it.get_name() for it in inner.get_symbols() if it.is_global() and it.is_referenced()}
    if isinstance(statement, ast.For | ast.With | ast.FunctionDef | ast.ClassDef):
        taken -= made
    inside = {  # of a comprehension, and since Python 3.12 in the table of the whole
        name.id
        for node in ast.walk(statement)
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    return made - inside, taken - inside


def missed(cells: list, left_out: list) -> set[str]:
    """Names that the other cells take from those left out, and from no cell before."""
    known, lost, missing = set(), set(), set()
    for cell in cells:
        if cell.cell_type != "code" or cell.source.startswith("# Set-up"):
            continue
        for statement in ast.parse(cell.source).body:
            made, taken = names(statement)
            if any(cell is other for other in left_out):
                lost |= made - known
            else:
                missing |= taken & lost
                known |= made
                lost -= made
    return missing


@pytest.mark.parametrize("number", guide.SKIPPED)
def test_what_can_be_left_out_is_used_by_nothing_below(number):
    chapter = REAL[number]
    assert missed(chapter.cells, guide.chosen(chapter, guide.SKIPPED[number])) == set()


@pytest.mark.parametrize(
    ("number", "section", "used"), [("01", 9, "chroma_and_hue"), ("06", 4, "clearest"), ("08", 6, "Image")]
)
def test_what_is_used_below_would_be_found(number, section, used):
    assert used in missed(REAL[number].cells, guide.chosen(REAL[number], (section,)))
