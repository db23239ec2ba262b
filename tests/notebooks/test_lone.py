"""A notebook on its own, in an empty folder: in Colab, in Kaggle, opened from Drive, or simply moved somewhere.

Here the set-up cell is tried in all of them, and two notebooks run from top to bottom;  python -m tests.lone  runs all.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from urllib.parse import unquote

import pytest

from helpers.publish.notebooks import notebook_paths

from .. import lone

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, lone.NEEDED)) or sys.platform == "win32", reason=f"needs {' and '.join(lone.NEEDED)}"
)
NOTEBOOKS = notebook_paths()
ADDRESS = f"https://github.com/{lone.OWNER}"
WHERE = "import helpers; print('HELPERS', helpers.__file__); print('ROOT', root)"


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    """A folder that is taken for GitHub, with the course on it, but for what is heavy."""
    folder = tmp_path_factory.mktemp("github")
    lone.make_remote(folder, "weights", "images", "*.ipynb")
    return folder


def first_cell(path=NOTEBOOKS[0], address="") -> str:
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    cell = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert cell.count('address = ""') == 1
    return cell.replace('address = ""', f"address = {address!r}")


# The cell is the same in all of them (test_stored.py), the place of a solution is not.
@pytest.mark.parametrize("path", [NOTEBOOKS[0], NOTEBOOKS[-1]], ids=lambda path: path.stem)
def test_the_set_up_cell_fetches_the_course_from_where_it_was_opened(path, github, tmp_path):
    inside = path.relative_to(lone.ROOT).as_posix()
    with lone.session(f"{ADDRESS}/blob/main/{inside}") as port:
        code, text = lone.run_cells([first_cell(path), WHERE], tmp_path, lone.surroundings(github, port))
    assert code == 0 and f"HELPERS {tmp_path}/course/helpers/__init__.py" in text, text
    assert f"ROOT {tmp_path}/course\n" in text and text.startswith(
        f"Colab: the course is in {tmp_path}/course; all there"
    )
    assert lone.git(tmp_path / "course", "rev-list", "--count", "HEAD") == "1"


def test_it_takes_the_branch_tag_or_commit_that_was_opened(github, tmp_path):
    repository = github / lone.OWNER
    first = lone.git(repository, "rev-parse", "HEAD")
    lone.git(repository, "checkout", "-q", "-b", "spring/2027")
    (repository / "notebooks" / "of_spring.txt").write_text("hello")
    second = lone.commit(repository)
    lone.git(repository, "tag", "v2")
    lone.git(repository, "checkout", "-q", "main")
    refs = {"spring/2027": second, "v2": second, first: first}
    for i, (ref, wanted) in enumerate(refs.items()):
        (folder := tmp_path / str(i)).mkdir()
        with lone.session(f"{ADDRESS}/blob/{ref}/notebooks/01_exploring_lab.ipynb") as port:
            code, text = lone.run_cells([first_cell()], folder, lone.surroundings(github, port))
        assert code == 0 and lone.git(folder / "course", "rev-parse", "HEAD") == wanted, (ref, text)


TOLD = '[{"id":"1","path":"fileId=%s","name":"a name","type":"notebook"}]'
REPOSITORY = "https://github.com/O/R"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (REPOSITORY, (REPOSITORY, None)),
        (f"  {REPOSITORY}/ ", (REPOSITORY, None)),
        (f"{REPOSITORY}.git", (f"{REPOSITORY}.git", None)),
        (f"{REPOSITORY}/tree/main", (REPOSITORY, "main")),
        (f"{REPOSITORY}/tree/main/", (REPOSITORY, "main")),
        (f"{REPOSITORY}/tree/spring/2027", (REPOSITORY, "spring/2027")),
        (f"{REPOSITORY}/tree/main/notebooks", (REPOSITORY, "main")),
        ("https://github.com/O/notebooks/blob/v1/notebooks/x.ipynb", ("https://github.com/O/notebooks", "v1")),
        ("http://10.0.0.5:3000/O/R", ("http://10.0.0.5:3000/O/R", None)),
        (TOLD % f"{REPOSITORY}/blob/a/b/notebooks/solutions/x.ipynb", (REPOSITORY, "a/b")),
        (TOLD % "https%3A%2F%2Fgithub.com%2FO%2FR%2Fblob%2Fmain%2Fnotebooks%2Fx.ipynb", (REPOSITORY, "main")),
        (str(["a line", TOLD % f"{REPOSITORY}/blob/main/notebooks/x.ipynb"]), (REPOSITORY, "main")),
        (TOLD % "1V6OGuBfDCJ2q8r5UnMwZsHUIAdc5Nzo", None),
        ("github.com/O/R", None),
        ("", None),
        ("[]", None),
    ],
)
def test_the_address_is_found_in_what_is_typed_or_told(text, found):
    pattern = re.search(r"re\.search\(r'(.*?)', ", first_cell())[1]
    match = re.search(pattern, unquote(text))
    assert (match and match.groups()) == found


def test_opened_from_drive_it_takes_an_address(github, tmp_path):
    with lone.session("1V6OGuBfDCJ2q8r5UnMwZsHUIAdc5Nzo") as port:
        code, text = lone.run_cells([first_cell(address=ADDRESS)], tmp_path, lone.surroundings(github, port))
    assert code == 0 and (tmp_path / "course" / "helpers").is_dir(), text


@pytest.mark.parametrize("opened", ["1V6OGuBfDCJ2q8r5UnMwZsHUIAdc5Nzo", None], ids=["Drive", "no Colab"])
def test_without_an_address_one_sentence_says_what_to_do(opened, github, tmp_path):
    with lone.session(opened or "") as port:
        env = lone.surroundings(github, None if opened is None else port)
        code, text = lone.run_cells([first_cell()], tmp_path, env)
    assert code == 1 and not list(tmp_path.iterdir())
    last = re.sub(r"\x1b\[[\d;]*m", "", text.rstrip().splitlines()[-1])  # older kernels send it in color
    assert last == (
        "AssertionError: the course is not here: write its address, https://…, above and run again, "
        "or open this in its folder"
    )


def test_an_address_without_a_course_is_not_passed_over(github, tmp_path):
    with lone.session(f"https://github.com/nobody/nothing/blob/main/notebooks/{NOTEBOOKS[0].name}") as port:
        env = lone.surroundings(github, port)
        code, text = lone.run_cells([first_cell()], tmp_path, env)
    assert code == 1 and "nobody/nothing" in text and "'course/notebooks/set_up.py'" in text.splitlines()[-1]
    # What is left of that does not stand in the way of the next try.
    assert lone.run_cells([first_cell(address=ADDRESS)], tmp_path, env)[0] == 0


def test_a_second_time_it_fetches_nothing(github, tmp_path):
    with lone.session(f"{ADDRESS}/blob/main/notebooks/00_start_here.ipynb") as port:
        env = lone.surroundings(github, port)
        assert lone.run_cells([first_cell()], tmp_path, env)[0] == 0
    env |= {"PATH": "/nowhere"}  # neither git nor curl
    code, text = lone.run_cells([first_cell(), first_cell(), WHERE], tmp_path, env)
    assert code == 0 and f"HELPERS {tmp_path}/course/helpers" in text, text


def test_in_kaggle_it_is_the_same_with_an_address(github, tmp_path):
    env = lone.surroundings(github, KAGGLE_KERNEL_RUN_TYPE="Interactive")
    code, text = lone.run_cells([first_cell(address=ADDRESS), WHERE], tmp_path, env)
    assert code == 0 and text.startswith(f"Kaggle: the course is in {tmp_path}/course; all there\n"), text


def test_in_the_folder_of_the_course_nothing_is_said_or_fetched(github):
    ask = "from matplotlib_inline.config import InlineBackend as I; b = I.instance()"
    ask += "; print(b.figure_formats, b.print_figure_kwargs)"
    for folder in ("notebooks", "notebooks/solutions"):
        env = lone.surroundings(github, PATH="/nowhere")
        code, text = lone.run_cells([first_cell(), WHERE, ask], lone.ROOT / folder, env)
        assert code == 0 and text.splitlines() == [
            f"HELPERS {lone.ROOT}/helpers/__init__.py",
            f"ROOT {lone.ROOT}",
            "{'jpeg'} {'pil_kwargs': {'quality': 85, 'subsampling': 0}}",  # figures are small
        ]


@pytest.mark.parametrize("planted", ["helpers/__init__.py", "helpers/nothing.txt"])
def test_another_package_called_helpers_is_named(planted, github, tmp_path):
    (tmp_path / planted).parent.mkdir(exist_ok=True)
    (tmp_path / planted).write_text("")
    env = lone.surroundings(github, PYTHONPATH=str(tmp_path))
    code, text = lone.run_cells(["import helpers", first_cell()], lone.ROOT / "notebooks", env)
    assert code == 1 and f"another package is called helpers: {tmp_path}/helpers" in text.splitlines()[-1], text


def test_what_is_missing_is_installed_and_nothing_else(github, tmp_path):
    """In an environment of its own, which sees all that is installed here, from a folder of wheels."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    purelib = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    with open(f"{purelib}/all_that_is_here.pth", "w") as file:
        file.write(sysconfig.get_paths()["purelib"])
    little = tmp_path / "wheels" / "a_little_package-1.5-py3-none-any.whl"
    little.parent.mkdir()
    info = "a_little_package-1.5.dist-info"
    with zipfile.ZipFile(little, "w") as wheel:
        wheel.writestr("a_little_package.py", "answer = 42")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: a-little-package\nVersion: 1.5\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    course = tmp_path / "github" / lone.OWNER
    shutil.copytree(github / lone.OWNER, course)
    project = (course / "pyproject.toml").read_text(encoding="utf8")
    more = '    "a-little-package>=1.2",  # is not there\n    "torch>=99",  # is there, and never swapped\n]'
    (course / "pyproject.toml").write_text(project.replace("\n]", f"\n{more}", 1), encoding="utf8")
    lone.commit(course)
    (folder := tmp_path / "content").mkdir()
    with lone.session(f"{ADDRESS}/blob/main/notebooks/00_start_here.ipynb") as port:
        env = lone.surroundings(tmp_path / "github", port, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(little.parent))
        cells = [first_cell(), "import a_little_package; print('FOUND', a_little_package.answer)"]
        code, text = lone.run_cells(cells, folder, env, python)
        assert code == 0 and "FOUND 42" in text, text
        assert text.splitlines()[0] == f"Colab: the course is in {folder}/course; installed a-little-package>=1.2"
        code, text = lone.run_cells(cells, folder, env, python)
        assert code == 0 and "; all there" in text, text


@pytest.mark.parametrize("name", ["00_start_here", "01_exploring_lab_solutions"])
def test_a_lone_notebook_runs_from_top_to_bottom(name, tmp_path):
    (path,), github = notebook_paths([name]), tmp_path / "github"
    lone.make_remote(github, "*.ipynb")
    with lone.session(f"{ADDRESS}/blob/main/{path.relative_to(lone.ROOT).as_posix()}") as port:
        done = lone.run_notebook(path, tmp_path / "content", lone.surroundings(github, port))
    printed = "".join(o.get("text", "") for cell in done.cells for o in cell.get("outputs", []))
    assert f"Colab: the course is in {tmp_path}/content/course" in printed
    assert "This notebook took" in printed or "✓ 01-4" in printed
