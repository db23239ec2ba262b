"""helpers.classroom pack: a folder for a USB stick, and installing from it with the network cut off."""

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers.backstage.commands import UsageError
from helpers.backstage.needs import requirements
from helpers.classroom import __main__ as command
from helpers.classroom import pack
from helpers.classroom.pack import PLATFORMS, ROOT, make_pack, this_platform

PYTHON = "{}.{}".format(*sys.version_info)
ALONE = ["unshare", "-rn"]  # a network of its own, with nothing in it
CUT = shutil.which("unshare") and not subprocess.run([*ALONE, "true"], stderr=subprocess.DEVNULL).returncode


def wheel(folder: Path, name: str, needs: str = "", tag: str = "py3-none-any") -> Path:
    """A wheel with one module, as small as pip lets it be."""
    files = {
        f"{name}.py": f"WORD = {name!r}\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{name}-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as packed:
        lines = []
        for place, content in files.items():
            packed.writestr(place, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{place},sha256={digest},{len(content)}")
        packed.writestr(f"{name}-1.0.dist-info/RECORD", "\n".join([*lines, f"{name}-1.0.dist-info/RECORD,,", ""]))
    return path


@pytest.fixture
def index(tmp_path):
    """A folder with two wheels, one of which needs the other; pip's words to use it and nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, "tinyone", "Requires-Dist: tinytwo\n")
    wheel(folder, "tinytwo")
    return ["--no-index", "--find-links", str(folder)]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    root = tmp_path / "root"
    (root / "flowers-102" / "jpg").mkdir(parents=True)
    (root / "flowers-102" / "jpg" / "image_00001.jpg").write_bytes(b"a photo")
    (root / "flowers-102" / "setid.mat").write_bytes(b"the splits")
    monkeypatch.setattr(pack, "find_root", lambda: root)


def made(tmp_path, index, **options) -> Path:
    options = {"cuda": True, "needed": ["tinyone"], "pip": index} | options
    return make_pack(tmp_path / "stick", this_platform(), PYTHON, **options)


def test_a_pack_holds_all_that_its_installer_needs(tmp_path, index, photos):
    stick = made(tmp_path, index)
    assert sorted(path.name for path in stick.iterdir()) == [
        "README.txt", "course", "install.py", "pack.json", "photos", "requirements.txt", "wheels",
    ]  # fmt: skip
    assert sorted(path.name[:7] for path in (stick / "wheels").iterdir()) == ["tinyone", "tinytwo"]
    assert (stick / "photos/flowers-102/jpg/image_00001.jpg").read_bytes() == b"a photo"
    course = stick / "course"
    assert (course / "notebooks/00_start_here.ipynb").is_file() and (course / "helpers/color.py").is_file()
    assert not (course / ".git").exists() and not list(course.rglob("__pycache__"))
    words = (stick / "README.txt").read_text(encoding="utf8")
    assert words.count("\n") == 5 and "install.py" in words and PYTHON in words
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.skipif(not CUT, reason="this system gives no network namespace")
def test_it_installs_with_the_network_cut_off(tmp_path, index, photos):
    stick, home = made(tmp_path, index), tmp_path / "it's home"
    shutil.rmtree(tmp_path / "index")
    call = [*ALONE, sys.executable, str(stick / "install.py"), str(home)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
    python = home / "venv" / "bin" / "python"
    look = [python, "-c", "import tinyone, tinytwo; print(tinytwo.WORD)"]
    found = subprocess.run(look, capture_output=True, text=True)
    assert found.stdout == "tinytwo\n", found.stderr
    start = home / "start.sh"
    assert os.access(start, os.X_OK) and str(start) in done.stdout
    fake = home / "venv/bin/python"  # what the start file would run tells where it was started, and with what
    fake.unlink()
    fake.write_text('#!/bin/sh\necho "$FLOWERS102_ROOT|$PWD|$*"\n', encoding="utf8")
    fake.chmod(0o755)
    said = subprocess.run([start], capture_output=True, text=True).stdout.strip().split("|")
    assert Path(said[0]) == home / "photos" and Path(said[1]) == home / "course"
    assert said[2] == "-m jupyter lab --ServerApp.root_dir=. notebooks/00_start_here.ipynb"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"python": "3.2"}, "for Python 3.2"),
        ({"platform": "windows" if platform.system() != "Windows" else "linux"}, "this stick is for"),
    ],
)
def test_another_computer_is_told_so(tmp_path, index, photos, change, words):
    stick = made(tmp_path, index)
    facts = json.loads((stick / "pack.json").read_text()) | change
    (stick / "pack.json").write_text(json.dumps(facts))
    done = subprocess.run([sys.executable, stick / "install.py", tmp_path / "home"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and words in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "home").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path, index, photos):
    stick = made(tmp_path, index, photos=False)
    assert not (stick / "photos").exists()
    with pytest.raises(UsageError, match="is there already"):
        made(tmp_path, index)
    (home := tmp_path / "home").mkdir()
    (home / "thesis.txt").write_text("mine")
    done = subprocess.run([sys.executable, stick / "install.py", home], capture_output=True, text=True)
    assert done.returncode == 1 and "something else in it" in done.stderr and len(list(home.iterdir())) == 1


def test_what_has_no_wheel_is_named_and_nothing_is_left(tmp_path, index, photos):
    with pytest.raises(RuntimeError, match="pip could not fetch the packages: .*tinythree"):
        made(tmp_path, index, needed=["tinyone", "tinythree"])
    assert not (tmp_path / "stick").exists() and not list(tmp_path.glob("*.partial"))


def test_without_photos_on_this_computer_it_says_what_to_do(tmp_path, index, monkeypatch):
    monkeypatch.setattr(pack, "find_root", lambda: None)
    with pytest.raises(UsageError, match="--no-photos"):
        made(tmp_path, index)
    assert made(tmp_path, index, photos=False).is_dir()


def test_wheels_of_another_platform_are_taken_for_it(tmp_path, photos):
    folder = tmp_path / "index"
    folder.mkdir()
    for tag in ("cp312-cp312-win_amd64", "cp312-cp312-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"):
        wheel(folder, "tinyone", tag=tag)
    index = ["--no-index", "--find-links", str(folder)]
    stick = make_pack(tmp_path / "stick", "windows", "3.12", needed=["tinyone"], pip=index)
    assert [path.name for path in (stick / "wheels").iterdir()] == ["tinyone-1.0-cp312-cp312-win_amd64.whl"]
    assert "start.bat" in (stick / "README.txt").read_text(encoding="utf8")


def test_pytorch_without_cuda_is_fetched_first_where_there_is_a_choice(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(pack, "_pip", lambda call, what: calls.append(call))
    for system, cuda in (("linux", False), ("linux", True), ("windows", False), ("mac", False)):
        pack._download(tmp_path, ["torch>=2", "torchvision>=0.2", "numpy"], system, "3.12", cuda, ())
    with_index = [pack.CPU_ONLY in call for call in calls]
    assert with_index == [True, False, False, False, False]
    assert calls[0][-2:] == ["torch>=2", "torchvision>=0.2"] and all("numpy" in call for call in calls[1:])


def test_the_command_says_what_it_made_and_refuses_what_makes_no_sense(tmp_path, index, photos, capsys, monkeypatch):
    made_with = []
    monkeypatch.setattr(command, "make_pack", lambda *given: (made_with.append(given), tmp_path / "root")[1])
    assert (
        command.main(["pack", str(tmp_path / "stick"), "--platform", "windows", "--python", "3.12", "--no-photos"]) == 0
    )
    assert made_with == [(tmp_path / "stick", "windows", "3.12", False, False)]
    assert "0.0 GB for windows and Python 3.12" in capsys.readouterr().out
    assert command.main(["pack", str(tmp_path / "stick"), "--python", "2.7"]) == 2
    assert "--python 2.7: write it as 3.12" in capsys.readouterr().err


def test_a_student_gets_what_the_course_asks_for():
    names = " ".join(requirements(ROOT, "lab"))
    assert all(word in names for word in ("torch>=", "efficientnet-lite0", "jupyterlab")) and "pytest" not in names
    assert set(PLATFORMS) == {"linux", "linux-arm", "windows", "mac"}
