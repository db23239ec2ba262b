"""helpers.classroom.health: each fault that a computer can have is planted, and found; what is fine is told as fine."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers import inference, kid
from helpers.backstage import imagenet
from helpers.classroom import health
from helpers.classroom.health import BAD, CHECKS, NOTE, OK, Row, examine, line, main

ROOT = Path(__file__).parent.parent


def one(name: str) -> Row:
    (row,) = examine([name])
    assert row.name == name
    return row


def command(*names: str, python: str = sys.executable, **env: str) -> subprocess.CompletedProcess:
    """`python -m helpers.environment`, as a script over thirty laptops would run it."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "FLOWERS102_ROOT")}
    call = [python, "-m", "helpers.environment", *names]
    return subprocess.run(call, cwd=ROOT, env=kept | env, capture_output=True, text=True, encoding="utf8")


# ------------------------------------------------------------------------------------------- Python and packages


def test_an_old_python_is_told_and_nothing_is_tried_that_needs_a_newer(monkeypatch):
    assert one("Python").verdict == OK
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    rows = {row.name: row for row in examine()}
    assert (
        rows["Python"].verdict == BAD
        and "is too old: make the environment anew with Python 3.10" in rows["Python"].words
    )
    left_out = [name for name, (_, needs) in CHECKS.items() if "Python" in needs]
    assert len(left_out) >= 6 and all(
        rows[name].words.startswith("not looked at: first put Python") for name in left_out
    )


def real_old_python() -> str | None:
    """A Python that is older than the course allows, where there is one: 3.8 or 3.9."""
    folders = [Path(place) for place in os.environ["PATH"].split(os.pathsep)]
    folders += sorted(Path.home().glob(".pyenv/versions/3.[89].*/bin"))
    ask = "import sys; sys.exit(sys.version_info[:2] not in ((3, 8), (3, 9)))"
    for path in (folder / name for folder in folders for name in ("python3.9", "python3.8")):
        if path.exists() and subprocess.run([path, "-c", ask], capture_output=True).returncode == 0:
            return str(path)
    return None


OLD = real_old_python()


@pytest.mark.skipif(not OLD, reason="there is no Python 3.8 or 3.9 here to try")
def test_a_real_old_python_gets_as_far_as_the_table():
    done = command(python=OLD)
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.startswith("FIX   Python    3.") and "To put right: Python, packages, torch." in done.stdout


@pytest.mark.parametrize("planted", ["helpers/__init__.py", "helpers.py"])
def test_another_package_called_helpers_is_found(planted, tmp_path, monkeypatch):
    assert one("helpers") == Row(OK, "helpers", f"the course's own, in {ROOT}")
    (tmp_path / planted).parent.mkdir(exist_ok=True)
    (tmp_path / planted).write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    row = one("helpers")
    assert row.verdict == BAD and f"at {tmp_path / planted.split('/')[0]}: rename or uninstall it" in row.words
    done = command("helpers", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and str(tmp_path) in done.stdout


def test_a_folder_without_code_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "helpers").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert one("helpers").verdict == OK


def test_missing_and_old_packages_are_listed(monkeypatch):
    assert one("packages").verdict == OK
    monkeypatch.setattr(health, "unmet", lambda _: {"timm>=1.0.3": "", "numpy>=1.26": "1.20", "filelock>=3.12": ""})
    row = one("packages")
    assert row.verdict == BAD and "pip install -r requirements.txt" in row.words
    assert row.words.startswith("missing: timm, filelock; numpy is 1.20, wanted is numpy>=1.26. ")


def plant(folder: Path, name: str, version: str, code: str, *needs: str) -> None:
    """A package that is found before the real one of this name."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(code)
    (info := folder / f"{name}-{version}.dist-info").mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize("need", ["torch==1.13.1", "torch (==1.13.1)"])
def test_a_pair_that_was_not_made_for_each_other_is_found(need, tmp_path):
    plant(tmp_path, "torchvision", "0.14.1", "", "numpy", need)
    done = command("torch", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "torchvision 0.14.1 do not fit, which wants torch 1.13.1" in done.stdout
    assert "pip install --force-reinstall torch torchvision" in done.stdout


def test_a_torch_that_cannot_be_imported_is_found_and_no_more_is_tried(tmp_path):
    plant(tmp_path, "torch", "2.9.0", "raise OSError('libcudart.so.13: cannot open shared object file')")
    plant(tmp_path, "torchvision", "0.24.0", "", "torch==2.9.0")
    done = command("torch", "weights", "encoder", "speed", "device", PYTHONPATH=str(tmp_path))
    first, *others = done.stdout.splitlines()[:5]
    assert done.returncode == 1 and done.stderr == ""
    assert "cannot be used (OSError: libcudart.so.13: cannot open shared object file)" in first
    assert len(others) == 4 and all("not looked at: first put torch right" in words for words in others)


def test_a_torchvision_whose_compiled_half_does_not_fit_is_found(monkeypatch):
    import torchvision.ops

    assert one("torch").verdict == OK

    def broken(*_):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision.ops, "nms", broken)
    row = one("torch")
    assert row.verdict == BAD and "(RuntimeError: operator torchvision::nms does not exist)" in row.words


def test_no_torch_at_all(monkeypatch):
    def no(name):
        raise health.PackageNotFoundError(name)

    monkeypatch.setattr(health, "requires", no)
    assert one("torch") == Row(BAD, "torch", "torchvision is missing: run  pip install -r requirements.txt")


# ------------------------------------------------------------------------------------------- memory and disk


def test_little_memory_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(health, "TAKEN", tmp_path / "memory.json")
    monkeypatch.setattr(health, "CGROUPS", tmp_path / "none")
    monkeypatch.setattr(health, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable:    3906250 kB\nHugePages_Total: 0\n")
    assert one("memory") == Row(OK, "memory", "4.0 GB free")
    chapters = '{"05_a": {"cpu": 3.9, "smoke": 9}, "06_b": {"cpu": 4.3}, "07_c": {"smoke": 9}}'
    (tmp_path / "memory.json").write_text(chapters)
    row = one("memory")
    assert row.verdict == NOTE and row.words.startswith("4.0 GB free, but chapter 06 took 4.3 GB:")
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable:    390625 kB\n")
    row = one("memory")
    assert row.verdict == BAD and row.words.startswith("0.4 GB free, ") and "close other programs" in row.words


@pytest.mark.parametrize("files", health.CONTAINER)
def test_a_container_that_has_less_than_its_computer_is_asked(files, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "CGROUPS", tmp_path)
    monkeypatch.setattr(health, "MEMINFO", tmp_path / "none")
    (tmp_path / "memory").mkdir()
    (tmp_path / files[0]).write_text("2000000000\n")
    (tmp_path / files[1]).write_text("1900000000\n")
    (tmp_path / files[2][0]).write_text(f"anon 1\n{files[2][1]} 300000000\n")
    assert health.free_memory() == pytest.approx(0.4)
    (tmp_path / files[0]).write_text("max\n")
    assert health.free_memory() != pytest.approx(0.4)


def test_a_full_disk_is_found(tmp_path, monkeypatch):
    free = {"cache": 9e9, "runs": 9e9}
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache/not/yet"))
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("FLOWERS102_ROOT", raising=False)
    (tmp_path / "cache").mkdir()
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free[Path(path).name]))
    assert one("disk") == Row(OK, "disk", "9.0 GB free for photos and runs")
    free["runs"] = 1e8
    assert one("disk").words.startswith(f"0.1 GB free for {tmp_path / 'runs'}, ") and one("disk").verdict == BAD
    free |= {"runs": 9e9, "cache": 1.5e9}
    assert one("disk").verdict == BAD  # the photos are still to come
    monkeypatch.setenv("FLOWERS102_ROOT", str(tmp_path))
    assert one("disk").verdict == OK


# ------------------------------------------------------------------------------------------- photos and networks


def test_no_photos_are_found_and_none_are_fetched(tmp_path, monkeypatch):
    monkeypatch.delenv("FLOWERS102_ROOT", raising=False)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path))
    monkeypatch.setattr("helpers.backstage.flowers._download", None)  # nobody may call it
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    row = one("photos")
    assert row.verdict == BAD and row.words.startswith("none here, and no way to download them: go online once, or set")
    monkeypatch.setenv("COLORIZE_OFFLINE", "0")
    monkeypatch.setattr(health, "reachable", lambda: False)
    assert one("photos").verdict == BAD and os.environ["COLORIZE_OFFLINE"] == "0"
    monkeypatch.setattr(health, "reachable", lambda: True)
    assert one("photos").verdict == NOTE and "downloads 330 MB" in one("photos").words
    monkeypatch.setenv("FLOWERS102_ROOT", str(tmp_path / "stick"))
    assert one("photos").verdict == BAD and "FLOWERS102_ROOT names" in one("photos").words


def test_half_a_download_is_found(tmp_path, monkeypatch):
    (tmp_path / "flowers-102" / "jpg").mkdir(parents=True)
    monkeypatch.setenv("FLOWERS102_ROOT", str(tmp_path))
    assert one("photos").verdict == BAD and "is half a download" in one("photos").words


def test_whether_photos_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        assert health.reachable(place)
    assert not health.reachable(place)


@pytest.fixture
def own_weights(tmp_path, monkeypatch):
    """A copy of the smallest weights with their cards, in which a test may spoil something."""
    for name in ("flowers-64-l1.json", "flowers-64-l1.safetensors"):
        shutil.copy(inference.WEIGHTS / name, tmp_path)
    shutil.copy(kid.FEATURES, tmp_path / "eyes.safetensors")
    monkeypatch.setattr(inference, "WEIGHTS", tmp_path)
    return tmp_path


def test_whole_weights_are_whole(own_weights):
    assert one("weights") == Row(OK, "weights", "flowers-64-l1 and the eyes of KID, all whole")


@pytest.mark.parametrize("length", [0, 7, 5000, -1])
def test_truncated_weights_are_found(length, own_weights):
    file = own_weights / "flowers-64-l1.safetensors"
    file.write_bytes(file.read_bytes()[:length])
    row = one("weights")
    assert (
        row.verdict == BAD and "flowers-64-l1.safetensors" in row.words and "get the course's folder again" in row.words
    )


def test_missing_weights_and_missing_eyes_are_found(own_weights, monkeypatch):
    monkeypatch.setattr(kid, "FEATURES", own_weights / "nothing.safetensors")
    assert one("weights").verdict == BAD and "nothing.safetensors" in one("weights").words
    (own_weights / "flowers-64-l1.safetensors").unlink()
    assert one("weights").verdict == BAD and "flowers-64-l1.safetensors" in one("weights").words


def test_an_encoder_that_is_missing_or_another_is_found(monkeypatch):
    assert one("encoder").verdict == OK
    name, package, _ = imagenet.ENCODERS["lite0"]
    monkeypatch.setitem(imagenet.ENCODERS, "lite0", (name, package, "0" * 64))
    assert one("encoder").verdict == BAD and "damaged or another version" in one("encoder").words
    monkeypatch.setitem(imagenet.ENCODERS, "lite0", (name, "no_such_package", ""))
    assert one("encoder").verdict == BAD and "pip install no-such-package" in one("encoder").words


# ------------------------------------------------------------------------------------------------------- speed


def test_the_minutes_of_the_chapters_follow_the_speed(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_PRESET", "cpu")
    hardware = {"hardware": "2 CPU cores"}
    minutes = {"03_x": {"cpu": {"seconds": 300, "mini": 0.5, **hardware}, "smoke": {"seconds": 9, **hardware}}}
    minutes |= {
        "06_z": {"cpu": {"seconds": 120, **hardware}},
        "07_y": {"cpu": {"seconds": 24, "mini": 1.0, **hardware}},
    }
    monkeypatch.setattr(health, "MINUTES", tmp_path / "minutes.json")
    health.MINUTES.write_text(json.dumps(minutes | {"08": {}}))
    monkeypatch.setattr(health, "mini_training", lambda: 1.0)
    scaled = "2.0 times as long as where chapters were timed; with as many cores, they take: 03 10, 07 0.4 min"
    words = f"a mini-training takes a core 1.00 s, {scaled}; timed where none was made, on 2 CPU cores: 06 2 min"
    assert one("speed") == Row(OK, "speed", words)
    monkeypatch.setattr(health, "mini_training", lambda: 5.0)
    assert one("speed").verdict == NOTE  # ten times as slow: worth knowing
    monkeypatch.setenv("COLORIZE_PRESET", "gpu")
    assert one("speed").verdict == NOTE and "no chapter was timed at this budget, gpu" in one("speed").words


def test_the_mini_training_trains_both_networks(monkeypatch):
    """As the course does: color steps, then both in the game."""
    from helpers.training import Trainer

    steps = []
    for name in ("color_step", "game_step"):
        was = getattr(Trainer, name)
        monkeypatch.setattr(
            Trainer, name, lambda self, *a, was=was, name=name, **k: steps.append(name) or was(self, *a, **k)
        )
    threads = torch.get_num_threads()
    assert 0 < health.mini_training(enough=0) < 600 and torch.get_num_threads() == threads
    assert set(steps) == {"color_step", "game_step"}


# ------------------------------------------------------------------------------------------------------- pages


def manager(folder: Path, version: str) -> Path:
    file = folder / "labextensions/@jupyter-widgets/jupyterlab-manager/package.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"version": version}))
    return folder


def test_widgets_whose_two_halves_do_not_fit_are_found(tmp_path, monkeypatch):
    import ipywidgets
    import jupyter_core.paths

    # Without JupyterLab there is no other half; in .ci/oldest ipywidgets 7 and JupyterLab 4 really do not fit.
    assert one("widgets").verdict in (OK, NOTE) or ipywidgets.__version__ < "8"
    monkeypatch.setattr(ipywidgets, "__version__", "8.1.5")
    for version, verdict in (("5.0.13", OK), ("3.1.1", BAD)):
        here = manager(tmp_path / version, version)
        monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda name, here=here: [str(here / name)])
        assert one("widgets").verdict == verdict
    assert "ipywidgets 8.1.5 and JupyterLab's half, 3.1.1, do not fit" in one("widgets").words
    monkeypatch.setattr(ipywidgets, "__version__", "7.7.1")
    assert one("widgets").verdict == OK
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda _: [])
    assert one("widgets").verdict == NOTE
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert one("widgets").verdict == BAD


def fake_browser(folder: Path, script: str, monkeypatch) -> None:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.skipif(sys.platform == "win32", reason="a script of the shell stands in for a browser")
@pytest.mark.parametrize(
    ("script", "verdict", "words"),
    [
        ("echo '<title>moved</title><div style=\"width: 80%\">'", OK, "chromium moves the course's slider"),
        ("echo '<title></title>'", NOTE, "did not show the course's slider"),
        ("exec sleep 60", NOTE, "could not be tried (TimeoutExpired)"),
    ],
)
def test_what_a_browser_makes_of_the_slider(script, verdict, words, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "PATIENCE", 1)
    fake_browser(tmp_path, script, monkeypatch)
    row = one("browser")
    assert row.verdict == verdict and words in row.words


def test_no_browser_is_no_fault(monkeypatch):
    monkeypatch.setattr(health, "BROWSERS", ("no-such-browser",))
    assert one("browser").verdict == NOTE


@pytest.mark.skipif(not any(map(shutil.which, health.BROWSERS)), reason="there is no browser here")
def test_a_real_browser_moves_the_slider(monkeypatch):
    monkeypatch.setattr(health, "PATIENCE", 120)  # on a busy machine
    assert one("browser").verdict == OK


# ------------------------------------------------------------------------------------------------------- the table


def test_a_crash_in_a_check_is_a_line(monkeypatch):
    def broken():
        raise KeyError("x")

    def lacking():
        raise ModuleNotFoundError("no module y")

    monkeypatch.setattr(
        health, "CHECKS", checks := {"one": (broken, ()), "two": (lambda: Row(OK, "two", "fine"), ("one",))}
    )
    monkeypatch.setitem(checks, "three", (lacking, ()))
    rows = list(examine(checks))
    assert [row.verdict for row in rows] == [BAD, NOTE, BAD] and "KeyError: 'x'" in rows[0].words
    assert rows[1].words == "not looked at: first put one right"
    monkeypatch.setattr(health, "CHECKS", {"packages": (broken, ()), "three": (lacking, ())})
    assert [row.verdict for row in examine(["packages", "three"])] == [BAD, NOTE]  # it is known what is missing


def test_the_table_is_plain_in_a_pipe_and_colored_and_wrapped_in_a_terminal(monkeypatch):
    row = Row(BAD, "photos", "a word " * 30)
    assert line(row) == f"FIX   photos    {row.words}"
    monkeypatch.setenv("COLUMNS", "60")
    first, *others = line(row, colored=True).splitlines()
    assert first.startswith("\x1b[31mFIX  \x1b[0m photos    a word") and len(others) >= 4
    assert all(re.match(r" {16}(a|word) ", other) and len(other) <= 60 for other in others)


def test_the_command_tells_by_its_exit_code():
    fine = command("Python", "helpers", "memory")
    assert fine.returncode == 0 and fine.stdout.splitlines()[-1].startswith("Ready. (") and "\x1b" not in fine.stdout
    bad = command("Python", "photos", COLORIZE_OFFLINE="1", COLORIZE_CACHE="/nowhere")
    assert bad.returncode == 1 and "\nTo put right: photos. (" in bad.stdout
    unknown = command("Pythn")
    assert unknown.returncode == 2 and unknown.stderr.startswith("error: there is no check Pythn: choose from Python, ")


def test_names_choose_checks_in_the_order_of_the_table(capsys):
    assert main(["helpers", "Python"]) == 0
    assert [words.split()[1] for words in capsys.readouterr().out.splitlines()[:2]] == ["Python", "helpers"]


def test_what_this_computer_computes_with():
    assert one("device").verdict == OK and f"budget {os.environ['COLORIZE_PRESET']}" in one("device").words
    assert torch.cuda.is_available() or "CPU core" in one("device").words
