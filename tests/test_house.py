"""The plan of `helpers/`: what may import what, and how long it may be.  python -m tests.test_house  prints the table.

A newcomer reads the taught modules in an evening. That holds only while they lean on nothing but each other and the
plumbing in `backstage/`, and while they stay short.
"""

import ast
import graphlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HELPERS = ROOT / "helpers"
TAUGHT = (
    "color", "data", "synthetic", "models", "classification", "losses", "recipe", "training", "metrics", "inference",
)  # fmt: skip
DOORS = {("training", "cli"), ("environment", "classroom.health")}  # `python -m`, under `if __name__ == "__main__"`
LIMITS = {"taught": 1954, "flat": 2734, "helpers": 17_700}  # of all: so that it does not grow unseen
# The last was 9,500 until chapters 3 to 6 gave their drawing to figures/, and their checks of answers grew; classroom/,
# what serves Colab, the site that maintainers make, what chapters 8, 9 and 11 need, and the teaching guide came later.
# The 1,600 lines from 15,900 on are those of chapters 10 and 11: checks, figures, widgets, mapped pictures, launching.
# 40 more make a folder's convolutions steps of oneDNN and slides of Jupyter's own command fit; 60 quicken commands;
# 70, four of them in `models`, ask a listener about many places at once; 10 end what nobody reads.
# Flat ones were 2,500 until chapter 9 gave `models` a network that takes hints, and photos that fit into no GPU were
# left in their file, and 2,720 until lightness alone could be asked for; taught ones 1,750 until chapter 10 taught
# `classification`, which had been a short one beside them; all of its growth is what that chapter builds.
LONGEST, LONGER = 300, {"runs": 380, "training": 208}  # lines of one flat file; the exceptions
# training had 200 until it could train a network that chooses colors, chapter 10's


def module_name(path: Path) -> str:
    """helpers/widgets/__init__.py -> "widgets"; helpers/backstage/files.py -> "backstage.files"; the top is ""."""
    parts = path.relative_to(HELPERS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(HELPERS.rglob("*.py"))}
MODULES = [name for name in FILES if name]
ROOMS = [name for name in MODULES if FILES[name].name == "__init__.py"]
FLAT = [name for name in MODULES if "." not in name and name not in ROOMS]


# --------------------------------------------------------------------------------------- who imports what


def walk(node: ast.AST, unless: tuple[str, ...]) -> Iterator[ast.AST]:
    """All that is in `node`, but for what stands under an `if` with one of these words."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and any(word in ast.unparse(child.test) for word in unless):
            children = child.orelse
        else:
            children = [child]
        for one in children:
            yield from walk(one, unless)


def targets(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(module of helpers, name taken from it or "") for each thing that an import statement brings.

    package: where the statement stands, ("helpers", "widgets") in helpers/widgets/gan.py; () in a notebook.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] == "helpers":
                yield alias.name.removeprefix("helpers").lstrip("."), ""
    if isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        parts = (*base, *(node.module.split(".") if node.module else ()))
        if parts[0] == "helpers":
            for alias in node.names:
                inside = ".".join((*parts[1:], alias.name))
                yield (inside, "") if inside in FILES else (".".join(parts[1:]), alias.name)


def imports_of(name: str) -> set[str]:
    """The modules of helpers that this one imports when it runs, in functions too, less the door named above."""
    path = FILES[name]
    package = ("helpers", *path.parent.relative_to(HELPERS).parts)
    door = ("__main__",) if any(source == name for source, _ in DOORS) else ()
    tree = ast.parse(path.read_text(encoding="utf8"))
    return {to for node in walk(tree, ("TYPE_CHECKING", *door)) for to, _ in targets(node, package)} - {""}


def room(name: str) -> str:
    return name.split(".")[0]


IMPORTS = {name: imports_of(name) for name in MODULES}


def test_the_taught_modules_are_there():
    assert set(TAUGHT) <= set(FLAT)


@pytest.mark.parametrize("name", [name for name in TAUGHT if name in FILES])
def test_taught_modules_lean_on_each_other_and_on_backstage(name):
    assert {to for to in IMPORTS[name] if to not in TAUGHT and room(to) != "backstage"} == set()


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) == "backstage"])
def test_backstage_leans_on_nothing(name):
    assert {to for to in IMPORTS[name] if room(to) != "backstage"} == set()


def test_nothing_but_publish_imports_publish():
    assert {name: to for name in MODULES for to in IMPORTS[name] if room(to) == "publish" != room(name)} == {}


def test_no_two_modules_import_each_other():
    """Nor three in a circle, at the top of a file or inside a function."""
    try:
        graphlib.TopologicalSorter(IMPORTS).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_every_room_is_installed():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    packages = re.findall(r'"([\w.]+)"', re.search(r"^packages = \[(.*?)\]", text, re.M | re.S)[1])
    assert sorted(packages) == sorted(["helpers", *(f"helpers.{name}" for name in ROOMS)])


# ----------------------------------------------------------------------------------- what notebooks import


def code_of(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.M)  # magics are no Python


def complaints(code: str) -> list[str]:
    """What a notebook takes that is not meant for it: publish, backstage, the inside of a room, a private name."""
    found, taken = [], set()
    nodes = list(ast.walk(ast.parse(code)))
    for node in nodes:
        for to, name in targets(node, ()):
            if room(to) in ("publish", "backstage"):
                found.append(f"{to} is not for notebooks")
            elif "." in to:
                found.append(f"{to} is the inside of {room(to)}")
            if name.startswith("_"):
                found.append(f"{to}.{name} is private")
            taken |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            owner = node.value
            while isinstance(owner, ast.Attribute | ast.Call):
                owner = owner.func if isinstance(owner, ast.Call) else owner.value
            if isinstance(owner, ast.Name) and owner.id in taken:
                found.append(f"{ast.unparse(node)} is private")
    return found


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").rglob("[!.]*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_use_what_is_meant_for_them(notebook):
    assert complaints(code_of(notebook)) == []


@pytest.mark.parametrize(
    "code, complaint",
    [
        ("from helpers.publish import read_card", "publish is not for notebooks"),
        ("def f():\n    from helpers.backstage.files import writing", "backstage.files is not for notebooks"),
        ("from helpers import backstage", "backstage is not for notebooks"),
        ("from helpers.widgets.pictures import lab_picture", "widgets.pictures is the inside of widgets"),
        ("from helpers.models import _double_conv", "models._double_conv is private"),
        ("import helpers.training as t\nt._Trainer(1)", "t._Trainer is private"),
        ("from helpers.training import Trainer\nTrainer(1)._step()", "Trainer(1)._step is private"),
    ],
)
def test_the_test_of_notebooks_finds(code, complaint):
    assert complaint in complaints(code)


# ------------------------------------------------------------------------------------------ how long it is


def lines_of(names) -> int:
    return sum(len(FILES[name].read_text(encoding="utf8").splitlines()) for name in names)


def table() -> str:
    """Lines of each flat file and of each room, beside what they may have."""
    taught = [name for name in TAUGHT if name in FILES]
    rows = [(f"  {name}", lines_of([name]), LONGER.get(name, LONGEST)) for name in taught]
    rows += [("taught", lines_of(taught), LIMITS["taught"])]
    beside = [name for name in FLAT if name not in TAUGHT]
    rows += [(f"  {name}", lines_of([name]), LONGER.get(name, LONGEST)) for name in beside]
    rows += [("flat", lines_of(["", *FLAT]), LIMITS["flat"])]
    rows += [(f"  {it}/", lines_of(name for name in MODULES if room(name) == it), None) for it in ROOMS]
    rows += [("helpers", lines_of(FILES), LIMITS["helpers"])]
    of = {None: ""} | {limit: f"  of {limit:5,}" for _, _, limit in rows if limit}
    over = {True: "  TOO LONG", False: ""}
    return "\n".join(f"{name:18}{lines:6,}{of[limit]}{over[lines > (limit or lines)]}" for name, lines, limit in rows)


def test_it_is_short():
    assert "TOO LONG" not in table(), f"\n{table()}"


if __name__ == "__main__":
    sys.exit(print(table()))
