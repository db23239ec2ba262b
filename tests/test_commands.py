"""Every command that README and docstrings print, in a terminal and in a pipe; helpers.backstage.commands.

Commands are found, not listed: one that is added is run from then on, or this file says why it is not.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.backstage import commands
from helpers.backstage.commands import complain, run, sentence

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "notebooks/README.md"]
SOURCES = [*PAGES, *sorted((ROOT / "helpers").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
PROGRAMS = r"(?:\.venv\S*)?python3? -m|accelerate launch|torchrun|pytest|jupyter|conda"
PRINTED = re.compile(rf"^\s*(?:[A-Z0-9_]+=\S+ )*((?:{PROGRAMS})(?= |$)[^`]*)$")
QUOTES = '"' * 3  # where a docstring or a text ends
NOT_RUN = {  # what a command begins with: why it is not run here
    "python -m venv": "test_project holds the commands of the installation",
    ".venv": "the same for Windows, test_project holds them",
    "pytest": "this is it",
    "conda": "another package manager",
    "python -m helpers.publish": "hours, real photos, and it writes into the repository; test_publish runs its parts",
    "python -m tests.faults": "half an hour; tests/faults/test_faults.py runs a small share of it",
    "python -m tests.benchmarks": "minutes of measuring on real photos",
    "python -m helpers.inference photo.jpg -o colored --hint": "a place of a larger photo; test_coloring gives hints",
    "python -m helpers.environment": "judges the computer it runs on; test_health runs it, with planted faults",
    "python -m helpers.classroom": "wants a folder of notebooks; test_grading makes one",
    "python -m tests.lone": "minutes; tests/notebooks/test_lone.py runs two of its notebooks",
    "python -m tests.little_flowers": "needs arguments; test_progress runs it in a terminal",
    "python -m tests.test_house": "prints a table, test_house makes it",
    "python -m tests.test_signals": "test_signals runs a small one",
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
    if words[0] == "jupyter":
        return [*first, *words[1:]]
    return [sys.executable, *words[1:]]


# By what is run, so that two spellings of the same are one: another name for the run, another preset.
RUN = {re.sub("--out [^ ]+", "", " ".join(cheap(command))): command for command in printed() if not why_not(command)}
RUN = sorted(RUN.values())


def test_the_commands_are_found():
    text = "\n".join(RUN)
    assert text.count("helpers.inference") >= 4 and text.count("helpers.training") >= 4, RUN
    assert "accelerate launch -m" in text and "accelerate launch --cpu --num_processes 2" in text


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
    done = subprocess.run(call, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
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
    for name in re.findall(r"\S+\.ipynb", RUN[number]):  # README says in which folder
        shutil.copy(ROOT / "notebooks" / name, tmp_path)
    for i in range(24 if "--photos" in RUN[number] else 0):
        (tmp_path / "album").mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(
            tmp_path / f"album/{i}.png"
        )
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "FLOWERS102_ROOT")}
    env |= {"COLORIZE_OFFLINE": "1", "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    code, text = way(cheap(RUN[number]), tmp_path, env, columns)
    assert code == 0 and "Traceback" not in text, text[-2000:]
    lines = re.split("[\r\n]+", text)
    if "helpers.inference" in RUN[number]:
        assert any(re.fullmatch(r"\d colored", line.strip()) for line in lines), text
        assert list(tmp_path.glob("colored*"))
    elif "nbconvert" in RUN[number]:
        assert list(tmp_path.glob("*.slides.html"))
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


# ------------------------------------------------------------------------------------ the end of a command

LISTENING = """
import os, signal, sys, time
from helpers.backstage.commands import listen, parser, run
from helpers.backstage.progress import say
listen()
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and files")


def light(body: str, **more) -> subprocess.Popen:
    """A command that imports no PyTorch, and what it wrote."""
    env = os.environ | {"PYTHONPATH": str(ROOT)} | more.pop("env", {})
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | more
    with subprocess.Popen([sys.executable, "-c", LISTENING + body], env=env, **options) as process:
        process.out, process.err = process.communicate(timeout=120)
    return process


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_signal_after_the_end_changes_nothing(name, code):
    done = light(f"""
def late():
    os.kill(os.getpid(), signal.{name})
import atexit
atexit.register(late)
sys.exit(run(lambda: say("done") or {code}))
""")
    assert (done.returncode, done.out, done.err) == (code, "done\n", "")


@posix
def test_a_signal_before_the_beginning_is_one_line():
    done = light("os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)")
    assert (done.returncode, done.out, done.err) == (130, "", "stopped: nothing was begun\n")


@posix
def test_garbage_is_looked_for_in_what_a_command_makes_and_not_in_what_it_imports():
    done = light("""
import gc
def work():
    kept = gc.get_freeze_count()
    knot = [0]
    knot.append(knot)
    del knot
    say(f"{before} {kept > 10_000} {gc.isenabled()} {gc.collect() > 0}")
    return 0
before = gc.isenabled()
code = run(work)
say(str(gc.collect() == 0))
sys.exit(code)
""")
    assert (done.returncode, done.out, done.err) == (0, "False True True True\nTrue\n", "")


def test_garbage_of_who_calls_a_command_as_a_function_is_its_own():
    import gc

    kept, on = gc.get_freeze_count(), gc.isenabled()
    assert run(lambda: 0) == 0 and (gc.get_freeze_count(), gc.isenabled()) == (kept, on)


@posix
def test_a_second_signal_ends_what_the_first_began_to_put_away():
    done = light("""
def work():
    try:
        say("working")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    finally:
        for _ in range(3):  # an impatient finger
            os.kill(os.getpid(), signal.SIGINT)
        say("put away")
        time.sleep(0.6)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
began = time.monotonic()
sys.exit(run(work) if time.monotonic() - began < 30 else 1)
""")
    assert done.returncode == 130 and done.out == "working\nput away\n"
    assert done.err == "stopped: run the same command to go on\n"


@posix
def test_a_signal_that_python_swallows_comes_again():
    """A KeyboardInterrupt in `__del__` is printed and forgotten."""
    done = light("""
class Odd:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
def work():
    Odd()
    time.sleep(600)
    return 0
sys.exit(run(work))
""")
    assert done.returncode == 130 and done.err == "stopped: run the same command to go on\n"


@posix
@pytest.mark.parametrize(
    ("where", "err"),
    [("/dev/full", "what was printed is lost: No space left on device\n"), ("a closed pipe", ""), ("closed", "")],
)
@pytest.mark.parametrize("work", ["parser('m', 'd', 'e').parse_args(['--help'])", "say('x' * 99) or 0"])
def test_who_hears_may_be_gone(where, err, work):
    if where == "/dev/full" and not Path(where).exists():
        pytest.skip("no such device")
    more = {}
    if where == "closed":
        more["preexec_fn"] = lambda: os.close(1)
    elif where == "a closed pipe":
        ours, more["stdout"] = os.pipe()
        os.close(ours)
    else:
        more["stdout"] = open(where, "w")  # noqa: SIM115
    done = light(f"sys.exit(run(lambda: {work}))", **more)
    help_instead = where == "closed" and "--help" in work  # argparse looks for another way
    assert done.returncode == 0 and (done.err == err or (help_instead and "exit codes" in done.err))


@posix
@pytest.mark.parametrize("where", ["/dev/full", "a closed pipe", "closed"])
def test_an_error_that_nobody_can_hear_has_its_code_all_the_same(where):
    """Python holds back what is written until a line ends, tries again at its end, and would make it 120."""
    if where == "/dev/full" and not Path(where).exists():
        pytest.skip("no such device")
    more = {}
    if where == "closed":
        more["preexec_fn"] = lambda: os.close(2)
    elif where == "a closed pipe":
        ours, more["stderr"] = os.pipe()
        os.close(ours)
    else:
        more["stderr"] = open(where, "w")  # noqa: SIM115
    done = light("""
def work():
    say("begun")
    raise ValueError("no")
sys.exit(run(work))
""", **more)  # fmt: skip
    assert (done.returncode, done.out) == (1, "begun\n")


@posix
def test_what_was_printed_comes_before_the_error():
    done = light("""
def work():
    print("a bar without an end", end="")
    raise ValueError("no")
sys.exit(run(work))
""", stderr=subprocess.STDOUT)  # fmt: skip
    assert (done.returncode, done.out) == (1, "a bar without an enderror: no\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("a wrong recipe"), 1, {0: "error: a wrong recipe\n"}),
        (commands.UsageError("no"), 2, {0: "error: no\n"}),
        (KeyboardInterrupt(), 130, {0: "stopped: run the same command to go on\n"}),
        (
            OSError(5, "Input/output error", "a.npy"),
            1,
            {
                0: "error: a.npy: Input/output error\n",
                1: "process 1: error: a.npy: Input/output error\n",
                2: "process 2: error: a.npy: Input/output error\n",
            },
        ),
        (
            RuntimeError("[gloo/pair.cc] Connection closed by peer"),
            1,
            dict.fromkeys((0, 1), f"error: {commands.LOST}\n"),
        ),
    ],
)
def test_of_several_processes_one_speaks_or_who_alone_knows(error, code, said, capsys, monkeypatch):
    def work():
        raise error

    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        assert run(work) == code and capsys.readouterr().err == said.get(rank, "")


def test_on_another_computer_its_first_process_speaks(capsys, monkeypatch):
    def work():
        raise ValueError("no such folder here")

    monkeypatch.setenv("RANK", "2")
    for local, said in {"1": "", "0": "process 2: error: no such folder here\n"}.items():
        monkeypatch.setenv("LOCAL_RANK", local)
        assert run(work) == 1 and capsys.readouterr().err == said


def test_all_commands_tell_their_exit_codes(capsys):
    from helpers import cli, inference
    from helpers.classroom.__main__ import main as classroom
    from helpers.publish.__main__ import main as publish

    for main in (cli.main, inference.main, publish, classroom):
        with pytest.raises(SystemExit) as end:
            main(["--help"])
        text = capsys.readouterr().out
        assert end.value.code == 0 and text.isascii() and commands.EXIT_CODES in text and "python -m helpers." in text


# ------------------------------------------------------------------------------------------ a wish that can wait


@posix
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


@posix
def test_term_waits_for_the_end_of_the_step_and_then_counts():
    import signal

    from helpers.backstage.interrupt import stop_request

    done = []
    with pytest.raises(KeyboardInterrupt), commands.interruptible(), stop_request() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        done.append(stop.is_set())
    assert done == [True]


@posix
def test_a_signal_that_comes_too_late_to_stop_anything_is_passed_on():
    import signal

    from helpers.backstage.interrupt import Stopped, stop_request

    with pytest.raises(Stopped, match="done already, and is saved"), stop_request():
        os.kill(os.getpid(), signal.SIGINT)
    with stop_request() as stop:  # one that was heeded is over
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
    with pytest.raises(ZeroDivisionError), stop_request():  # an error says more
        os.kill(os.getpid(), signal.SIGINT)
        raise ZeroDivisionError


@posix
def test_two_signals_are_one_wish_unless_some_time_lies_between(monkeypatch):
    import signal
    import time

    from helpers.backstage.interrupt import stop_request

    with stop_request() as stop:
        for _ in range(5):  # as a shell and its terminal send HUP
            os.kill(os.getpid(), signal.SIGHUP if stop.is_set() else signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(0.6)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
    monkeypatch.setenv("RANK", "0")
    with stop_request() as stop:  # a launcher passes on what the terminal sent, and says it again
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.6)
        assert stop.is_set()
