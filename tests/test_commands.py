"""Every command that README and docstrings print, in a terminal and in a pipe; helpers.backstage.commands.

Commands are found, not listed: one that is added is run from then on, or this file says why it is not.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.backstage import commands
from helpers.backstage.commands import complain, run, sentence

ROOT = Path(__file__).parent.parent
SOURCES = [ROOT / "README.md", *sorted((ROOT / "helpers").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
PROGRAMS = r"(?:\.venv\S*)?python3? -m|accelerate launch|torchrun|pytest|jupyter|conda"
PRINTED = re.compile(rf"^\s*(?:[A-Z0-9_]+=\S+ )*((?:{PROGRAMS})(?= |$)[^`]*)$")
QUOTES = '"' * 3  # where a docstring or a text ends
NOT_RUN = {  # what a command begins with: why it is not run here
    "python -m venv": "test_project holds the commands of the installation",
    ".venv": "the same for Windows, test_project holds them",
    "pytest": "this is it",
    "conda": "another package manager",
    "python -m helpers.publish": "hours, real photos, and it writes into the repository; test_publish runs its parts",
    "python -m tests.benchmarks": "minutes of measuring on real photos",
    "python -m tests.little_flowers": "needs arguments; test_progress runs it in a terminal",
    "python -m tests.test_house": "prints a table, test_house makes it",
}
TINY = {"--preset": "smoke", "--weights": "flowers-64", "--root": None}


def printed() -> list[str]:
    """Commands that stand on a line of their own, without the comment behind them."""
    found = {}
    for path in SOURCES:
        if path == Path(__file__).resolve():
            continue
        text = path.read_text(encoding="utf8")
        if path.suffix == ".md":
            text = "\n".join(re.findall(r"```\w+\n(.*?)```", text, re.S))
        for line in text.splitlines():
            if match := PRINTED.match(line.split("  #")[0].rstrip().removesuffix(QUOTES)):
                found.setdefault(match[1].strip(), path.name)
    return sorted(found)


def why_not(command: str) -> str | None:
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


def cheap(command: str) -> list[str]:
    """The same command with this Python, and with the smallest budget."""
    words = shlex.split(command)
    for option, value in TINY.items():
        if option in words:
            at = words.index(option)
            words[at + 1 : at + 2] = [value] if value else []
            words[at : at + 1] = [option] if value else []
    words = [re.sub(r"^gan_steps=.*", "gan_steps=2", word) for word in words]
    first = [sys.executable, "-m"]
    if words[0] == "accelerate":
        return [*first, "accelerate.commands.accelerate_cli", *words[1:]]
    if words[0] == "torchrun":
        return [*first, "torch.distributed.run", "--standalone", *words[1:]]
    return [sys.executable, *words[1:]]


# By what is run, so that two spellings of the same are one: another name for the run, another preset.
RUN = {re.sub("--out [^ ]+", "", " ".join(cheap(command))): command for command in printed() if not why_not(command)}
RUN = sorted(RUN.values())


def test_the_commands_are_found():
    text = "\n".join(RUN)
    assert text.count("helpers.inference") >= 4 and text.count("helpers.training") >= 4, RUN
    assert "accelerate launch" in text and "torchrun" in text


def in_terminal(call: list[str], folder: Path, env: dict, columns: int) -> tuple[int, str]:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(call, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        try:
            while some := os.read(ours, 4096):
                text += some
        except OSError:  # Linux says so when the other end is closed
            pass
    os.close(ours)
    return process.returncode, text.decode(env.get("PYTHONIOENCODING", "utf8"))


def piped(call: list[str], folder: Path, env: dict, _) -> tuple[int, str]:
    done = subprocess.run(call, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, (done.stdout + done.stderr).decode(env.get("PYTHONIOENCODING", "utf8"))


WAYS = [  # each command takes its turn with one of them, so that all together see them all
    ("utf8", 80),
    ("cp1252", 50),
    ("ascii", 80),
    ("ascii", 50),
]


@pytest.mark.parametrize(
    "way", [piped, pytest.param(in_terminal, marks=pytest.mark.skipif(os.name == "nt", reason="pty"))]
)
@pytest.mark.parametrize("number", range(len(RUN)), ids=lambda number: RUN[number])
def test_it_runs(number, way, tmp_path):
    encoding, columns = WAYS[number % len(WAYS)]
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))
    for name in ("photo.jpg", "holiday/b.png", "folder/c.jpg", "scans/d.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture.save(tmp_path / name)
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "FLOWERS102_ROOT")}
    env |= {"COLORIZE_OFFLINE": "1", "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    code, text = way(cheap(RUN[number]), tmp_path, env, columns)
    assert code == 0 and "Traceback" not in text, text[-2000:]
    lines = re.split("[\r\n]+", text)
    if "helpers.inference" in RUN[number]:
        assert any(re.fullmatch(r"\d colored", line.strip()) for line in lines), text
        assert list(tmp_path.glob("colored*"))
    elif "--help" not in RUN[number]:
        assert "U-Net + GAN" in text and list(tmp_path.glob("runs/*/generator.safetensors"))


# ------------------------------------------------------------------------------------------ what they share


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (commands.UsageError("no"), 2, "error: no"),
        (ValueError("one\ntwo"), 1, "error: one"),
        (MemoryError(), 1, "error: MemoryError"),
        (OSError(28, "No space left on device", "a/.x.png.partial-123"), 1, "error: a/x.png: No space left on device"),
        (KeyboardInterrupt(), 130, "stopped: run the same command to go on"),
        (KeyboardInterrupt("half way"), 130, "stopped: half way"),
    ],
)
def test_errors_become_a_line_and_a_code(error, code, line, capsys):
    def work():
        raise error

    assert run(work) == code and capsys.readouterr().err == line + "\n"


def test_a_bug_is_not_hidden():
    with pytest.raises(KeyError):
        run(lambda: {}["missing"])


def test_a_line_stays_a_line(capsys):
    complain("a\nb\x1b[31m \udcff é")
    assert capsys.readouterr().err.count("\n") == 1
    assert sentence(OSError("odd")) == "odd"


@pytest.mark.skipif(sys.platform == "win32", reason="nohup")
def test_what_was_told_to_be_ignored_stays_ignored():
    import signal

    from helpers.backstage.interrupt import stop_request

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with commands.interruptible(), stop_request() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN and not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_term_waits_for_the_end_of_the_step_and_then_counts():
    import signal

    from helpers.backstage.interrupt import stop_request

    done = []
    with pytest.raises(KeyboardInterrupt), commands.interruptible(), stop_request() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        done.append(stop.is_set())
    assert done == [True]
