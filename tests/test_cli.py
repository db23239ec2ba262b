"""helpers.cli, the command line of training: what it says and returns, faults of the disk, being stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers import cli
from helpers.backstage import commands

REPOSITORY = Path(__file__).parent.parent
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


@pytest.fixture(autouse=True)
def drawn_only(monkeypatch):
    """Train on drawn flowers: quick, and the same with and without the photos. `--root` sets the variable for good."""
    monkeypatch.setenv("FLOWERS102_ROOT", "")
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")


def command(out, *settings):
    options = ["--preset", "smoke", "--out", str(out), "--set", "encoder=none", *settings]
    return [sys.executable, "-m", "helpers.training", *options]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--preset", "huge"], 2, "error: unknown preset 'huge'"),
        (["--set", "speed=1"], 2, "error: the recipe has no field 'speed'"),
        (["--set", "lr=fast"], 2, "error: --set lr=fast: 'fast' is not a value for lr"),
        (["--set", "lr"], 2, "error: --set lr: write lr=VALUE"),
        (["--out", ""], 2, "error: --out is empty"),
        (["--root", " "], 2, "error: --root is empty"),
        (
            ["--preset", "cpu", "--set", "encoder=none", "color_steps=100"],
            2,
            "error: small_steps is 10000, but color_steps only 100",
        ),
        (["--set", "preset=gpu"], 2, "error: the recipe has no field 'preset'"),
        (["--set", "protocol=tiny"], 2, "error: protocol is 'tiny': choose one of official, large"),
        (["--set", "adversarial=wgan"], 2, "error: adversarial is 'wgan': choose one of bce, hinge, lsgan"),
        (["--set", "color_steps=null"], 2, "error: color_steps is None: choose a whole number"),
        (["--set", "batch_size=-4"], 2, "error: batch_size is -4: choose a whole number"),
        (["--set", "lr=NaN"], 2, "error: lr is nan: choose a number above 0"),
        (["--set", f"seed={'9' * 5000}"], 2, "error: "),
        (["--set", "width=" + "[" * 20000], 2, "error: --set width="),
        (["--preset", "smoke", "--set", "train_limit=5"], 1, "error: a batch of 16 cannot be drawn from 5 photos"),
        (["--root", "nowhere"], 1, "error: FLOWERS102_ROOT names nowhere"),
    ],
)
def test_errors_are_one_sentence(arguments, code, message, tmp_path, capsys):
    assert cli.main(["--out", str(tmp_path), *arguments]) == code
    err = capsys.readouterr().err
    assert err.startswith(message) and len(err.splitlines()) == 1
    assert code == 1 or not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("recipe.json", b"{", "{} is damaged: it is no JSON"),
        ("recipe.json", b"[1]", "{} is damaged: it holds a list, not a dict"),
        ("recipe.json", b'{"lr": "fast"}', "{} was made by another recipe: lr is 'fast'"),
        ("recipe.json", None, "{}: Is a directory"),
        ("photos.json", b"\xff", "{} is damaged: it is no JSON"),
        ("last.pt", b"PK", "{} is not a readable checkpoint"),
        ("last.pt", None, "{}: Is a directory"),
    ],
)
def test_what_is_damaged_in_the_folder_is_named_in_one_sentence(name, content, message, tmp_path, capsys):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    assert cli.main(["--preset", "smoke", "--out", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: " + message.format(path)) and len(err.splitlines()) == 1
    assert path.is_dir() if content is None else path.read_bytes() == content


def test_a_folder_that_cannot_be_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "train", lambda *_: pytest.fail("it began"))
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert cli.main(["--preset", "smoke", "--out", str(out)]) == 2
        err = capsys.readouterr().err
        assert str(out) in err and len(err.splitlines()) == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_runs_of_a_read_only_course_go_to_the_cache(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    went = []

    def stop(recipe, out):
        went.append(out)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "train", stop)
    assert cli.main(["--preset", "smoke", "--out", "runs/mine"]) == 130
    assert went == [tmp_path / "cache" / "runs" / "mine"] and not Path("runs").exists()
    assert "cannot be written to" in capsys.readouterr().out
    assert cli.main(["--preset", "smoke", "--out", "elsewhere"]) == 130 and went[1] == Path("elsewhere")


def test_settings_may_be_given_together_or_apart(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        cli, "train", lambda recipe, out: (seen.append(recipe), (_ for _ in ()).throw(KeyboardInterrupt))
    )
    arguments = ["--preset", "smoke", "--out", str(tmp_path)]
    cli.main([*arguments, "--set", "lr=0.5", "width=4"])
    cli.main([*arguments, "--set", "lr=0.5", "--set", "width=4"])
    assert seen[0] == seen[1] and (seen[0].lr, seen[0].width) == (0.5, 4)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "less than a second"), (1, "1 second"), (44, "44 seconds"), (89, "89 seconds"), (95, "2 minutes"),
     (600, "10 minutes"), (5300, "88 minutes"), (7300, "122 minutes"), (12_000, "3 hours")],
)  # fmt: skip
def test_a_time_in_words(seconds, words):
    assert commands.duration(seconds) == words


@pytest.mark.parametrize("encoding", ["utf8", "cp1252", "ascii"])
def test_it_trains_and_prints_the_scorecard_in_any_encoding(encoding, tmp_path):
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command(tmp_path / "run", "gan_steps=2"), cwd=REPOSITORY, capture_output=True, env=env)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert "U-Net + GAN" in text and "DRAWN FLOWERS" in text and "0.0 minutes" not in text
    assert ("ΔE" if encoding == "utf8" else "?E") in text
    cards = json.loads((tmp_path / "run/scorecard.json").read_text())["scorecards"]
    assert set(cards) == {"gray", "median ab", "oracle mean ab", "U-Net L1", "U-Net + GAN"}


@posix
def test_who_reads_may_leave_and_the_training_goes_on(tmp_path):
    with subprocess.Popen(
        command(tmp_path / "run"), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0 and err == b"" and (tmp_path / "run/scorecard.json").exists()


@posix
@pytest.mark.parametrize("kilobytes", [1, 30, 250])
def test_a_full_disk_is_told_with_the_name_of_the_file(kilobytes, tmp_path):
    import resource

    if kilobytes == 1 and torch.__version__ < "2.6":
        pytest.skip("PyTorch 2.5 itself writes a file of more than 1 kB as it is imported")
    limit = (kilobytes * 1000,) * 2
    done = subprocess.run(
        command(tmp_path / "run"), cwd=REPOSITORY, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert str(tmp_path / "run") in done.stderr and "partial" not in done.stderr
    assert not list(tmp_path.rglob("*partial*"))


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_stopped_it_saves_and_says_so_in_a_line(name, tmp_path):
    process = subprocess.Popen(
        command(tmp_path / "run", "color_steps=5000", "report_steps=10"),
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("step"):
            break
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and len(err.splitlines()) == 1 and "run the same command to go on" in err
    assert (tmp_path / "run/last.pt").exists() and not list(tmp_path.rglob("*partial*"))


@posix
@pytest.mark.parametrize("module", ["helpers.training", "helpers.inference", "helpers.publish"])
def test_stopped_while_pytorch_is_imported_it_says_so_in_a_line(module, tmp_path):
    slow = tmp_path / "torch"  # found before the real one
    slow.mkdir()
    (slow / "__init__.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--help"], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"},
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == "stopped: nothing was begun\n"


def test_stopped_while_it_is_judged_it_says_what_is_missing(tmp_path, capsys, monkeypatch):
    def stop(run, load):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "report_on_test", stop)
    assert cli.main(["--preset", "smoke", "--out", str(tmp_path / "run")]) == 130
    err = capsys.readouterr().err
    assert err.startswith(f"stopped: {tmp_path / 'run'} is trained") and len(err.splitlines()) == 1


def test_help_explains_every_option_and_is_ascii(capsys):
    from helpers import inference

    for main in (cli.main, inference.main):
        with pytest.raises(SystemExit):
            main(["--help"])
        text = capsys.readouterr().out
        assert text.isascii() and "examples:" in text and "130" in text
        options = text[text.index("options:") : text.index("examples:")].splitlines()[1:]
        at = [i for i, line in enumerate(options) if line.startswith("  -")]
        for i in at:
            explained = options[i].split("  ")[-1] if "  " in options[i].strip() else options[i + 1]
            assert len(explained.split()) >= 2 and not explained.lstrip().startswith("-"), options[i]
