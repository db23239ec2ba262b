"""Ctrl-C, TERM and HUP, real ones, in a real terminal and in a kernel: at any moment, and nothing is lost.

    python -m tests.test_signals 40 7      # 40 stops of each command at moments drawn from seed 7, with figures
    python -m tests.test_signals 40 7 training

A trial is a fork of one Python that has imported everything, in a pseudo-terminal of its own. It is stopped, then run
again, and what it leaves in the end is compared, byte by byte, with what it leaves when nobody stops it.
"""

import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from .late import import_late

REPOSITORY = Path(__file__).parent.parent
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")
WAYS = ("ctrl-c", "TERM", "HUP", "ctrl-c twice")
SAID = re.compile(r"^(\^C)*(stopped: .*|stopped and saved in .*)$")


# ------------------------------------------------------------------------------------- a command in a terminal


class Terminal:
    """A Python function in a fork and a terminal of its own. code: how it ended; text: what it wrote."""

    def __init__(self, function, *arguments):
        import pty

        self.code, self.text = None, ""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            sys.exit(function(*arguments))  # through the end of Python, too
        self.began = time.monotonic()

    def press(self, key: bytes) -> None:
        if self.screen is not None:  # it has not closed its terminal
            with contextlib.suppress(OSError):  # it has ended
                os.write(self.screen, key)

    def stop(self, way: str) -> None:
        """What a user does: `way` is one of WAYS."""
        if self.code is not None or self.screen is None:
            return  # it has ended already, and closed its terminal
        if way.startswith("ctrl-c"):
            self.press(b"\x03")
            if way.endswith("twice"):
                self.watch(0.7)
                self.press(b"\x03")
        elif way == "HUP":  # the window is closed: its group gets HUP, and nobody listens any more
            self._close()
        else:
            os.kill(self.pid, getattr(signal, f"SIG{way}"))

    def watch(self, seconds: float) -> bool:
        """Read what it writes for so long, or until it ends; whether it did."""
        until = time.monotonic() + seconds
        while self.code is None and (left := until - time.monotonic()) > 0:
            if self.screen is None:
                time.sleep(min(left, 0.02))
            elif select.select([self.screen], [], [], min(left, 0.05))[0]:
                try:
                    self.text += os.read(self.screen, 65536).decode(errors="replace")
                except OSError:  # Linux says so when the other end is closed
                    self._close()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        if self.code is not None:
            self._rest()
        return self.code is not None

    def _rest(self) -> None:
        while self.screen is not None and select.select([self.screen], [], [], 0)[0]:
            try:
                self.text += os.read(self.screen, 65536).decode(errors="replace")
            except OSError:
                self._close()
        self._close()

    def _close(self) -> None:
        if self.screen is not None:
            os.close(self.screen)
            self.screen = None

    def end(self, seconds: float = 900) -> tuple[int, str]:
        """(exit code, text); a process that does not end is killed, and its code is that."""
        if not self.watch(seconds):
            os.kill(self.pid, signal.SIGKILL)
            self.watch(10)
        return self.code, self.text


def as_command(main, arguments) -> int:
    """What `python -m` does after its imports."""
    from helpers.backstage.commands import listen

    listen()
    return main([str(argument) for argument in arguments])


# --------------------------------------------------------------------------------------------------- the sweep


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def colored(folder: Path) -> dict[str, bytes]:
    return files(folder / "out")


def trained(folder: Path) -> dict[str, bytes]:
    """Without what holds times."""
    found = {name: content for name, content in files(folder / "run").items() if name.endswith(("safetensors", "png"))}
    for name in ("history.json", "scorecard.json"):
        if (path := folder / "run" / name).exists():
            found[name] = path.read_bytes()
    return found


def sweep(count: int, seed: int, place: Path, names: Collection[str] = ("coloring", "training")) -> Iterator[dict]:
    """Stop coloring and training `count` times each; a dict of figures for each command, with what went wrong."""
    import numpy as np
    from PIL import Image

    from helpers import cli, inference

    (place / "in").mkdir()
    noise = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(noise.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((160, 120)).save(
            place / f"in/{number}.jpg"
        )
    small = ("color_steps=8", "report_steps=4", "val_limit=4", "train_limit=16")
    training = ["--preset", "smoke", "--set", "encoder=none", *small, "--out"]
    commands = {
        "coloring": (inference.main, lambda f: [place / "in", "-o", f / "out", "--weights", "flowers-64"], colored),
        "training": (cli.main, lambda f: [*training, f / "run"], trained),
    }
    for name in names:
        yield _sweep(name, *commands[name], count, random.Random(f"{seed} {name}"), place)


def _sweep(name, main, arguments, result, count, chance, place) -> dict:
    length = 1e9
    for whole in (place / f"{name} whole", place / f"{name} whole again"):  # the first fills caches
        terminal = Terminal(as_command, main, arguments(whole))
        code, text = terminal.end()
        length, wanted = min(length, time.monotonic() - terminal.began), result(whole)
        assert code == 0 and wanted, (code, list(wanted), text)
    counts = {"command": name, "stops": 0, "stopped": 0, "finished": 0, "lost": 0, "slowest": 0.0, "wrong": []}
    for number in range(count):
        way, folder = WAYS[number % len(WAYS)], place / f"{name} {number}"
        moment = length * (number + chance.random()) / count  # drawn by lot, one in each of as many parts of its time
        terminal = Terminal(as_command, main, arguments(folder))
        terminal.watch(moment)
        stopped = time.monotonic()
        terminal.stop(way)
        code, text = terminal.end()
        counts["stops"] += 1
        counts["stopped" if code == 130 else "finished"] += 1
        counts["slowest"] = round(max(counts["slowest"], time.monotonic() - stopped), 1)
        wrong = []
        if code not in (0, 130):
            wrong.append(f"code {code}")
        said = [line.strip() for line in re.split("[\r\n]+", text) if SAID.match(line.strip())]
        if "Traceback" in text or "KeyboardInterrupt" in text or (code == 130 and way != "HUP" and len(said) != 1):
            wrong.append(f"said {text!r}")
        left = files(folder) if folder.exists() else {}
        if parts := [file for file in left if "partial" in file]:
            wrong.append(f"left {parts}")
        if name == "coloring" and any(wanted[file] != content for file, content in colored(folder).items()):
            wrong.append("a picture is not whole")
        code, again = Terminal(as_command, main, arguments(folder)).end()
        if code or result(folder) != wanted:
            counts["lost"] += 1
            wrong.append(f"run again: {code} {again[-500:]!r}, {sorted(result(folder))}")
        if wrong:
            counts["wrong"].append(f"{way} after {moment:.2f} of {length:.2f} s: {'; '.join(wrong)}")
        shutil.rmtree(folder, ignore_errors=True)
    return counts


@posix
def test_nothing_is_lost_whenever_it_is_stopped():
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_signals", "4", "1"], cwd=REPOSITORY, capture_output=True, text=True,
        env=os.environ | {"COLORIZE_OFFLINE": "1", "FLOWERS102_ROOT": ""},
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(found) == 2, done.stdout + done.stderr
    assert all(it["stops"] == 4 and it["lost"] == 0 and it["wrong"] == [] for it in found), found
    assert all(it["stopped"] > 0 for it in found), found  # the others had ended before they heard of it


# --------------------------------------------------------------------------------------------------- a kernel

BEFORE = """
from dataclasses import replace
from helpers.data import drawn_photos
from helpers.recipe import PRESETS
from helpers.runs import load_or_train
recipe = replace(
    PRESETS["smoke"], size=16, load_size=16, batch_size=4, width=4, depth=2, color_steps=400, critic_steps=0,
    gan_steps=0, report_steps=20,
)
photos, val = drawn_photos(8, 16, 0), drawn_photos(8, 16, 1)
def go(name, **changes):
    return load_or_train(replace(recipe, **changes), name, photos, val, watch=lambda history, folder: print("report"))
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    from jupyter_client.manager import start_new_kernel

    env = {key: value for key, value in os.environ.items() if key != "RANK"}
    env |= {"COLORIZE_RUNS": str(tmp_path_factory.mktemp("runs")), "PYTHONPATH": str(REPOSITORY)}
    manager, client = start_new_kernel(kernel_name="python3", env=env, cwd=str(REPOSITORY), startup_timeout=600)
    manager.runs = Path(env["COLORIZE_RUNS"])

    def execute(code: str, interrupt: bool = False) -> tuple[str, str]:
        """(status, all that was shown). interrupt: press ■ at the first report."""
        shown, pressed = "", False
        message = client.execute(code)
        while True:
            got = client.get_iopub_msg(timeout=600)
            if got["parent_header"].get("msg_id") != message:
                continue
            content = got["content"]
            shown += content.get("text", "") + "\n".join(content.get("traceback", []))
            shown += content.get("data", {}).get("text/plain", "")
            if interrupt and not pressed and "report" in shown:
                manager.interrupt_kernel()
                pressed = True
            if got["msg_type"] == "status" and content["execution_state"] == "idle":
                while (reply := client.get_shell_msg(timeout=600))["parent_header"].get("msg_id") != message:
                    pass  # what it was asked while it started
                return reply["content"]["status"], shown

    assert execute(BEFORE) == ("ok", "")
    yield manager, execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_stop_button_saves_and_the_same_cell_goes_on(kernel):
    manager, execute = kernel
    status, shown = execute("run = go('a')", interrupt=True)
    assert status == "ok" and "stopped, and saved in" in shown and "Traceback" not in shown
    assert "KeyboardInterrupt" not in shown
    assert execute("run.finished")[1] == "False" and execute("repr(run)")[0] == "ok"
    missing = "stopped: a is not finished; run the cell that trains it again, and it goes on"
    assert execute("run.history[-1]") == ("error", missing) == execute("run.generator")
    status, shown = execute("run = go('a')\nrun.finished")
    assert status == "ok" and shown.endswith("True") and 1 < shown.count("report") <= 21


def test_the_stop_button_is_meant_for_the_whole_cell(kernel):
    manager, execute = kernel
    status, shown = execute("each = [go(name, color_steps=100_000) for name in 'bc']", interrupt=True)
    assert status == "ok" and shown.count("stopped") == 1 and "Traceback" not in shown
    assert [path.name.split("-")[0] for path in manager.runs.iterdir() if (path / "last.pt").exists()].count("c") == 0
    status, shown = execute("go('c', color_steps=100_000).finished", interrupt=True)  # another cell
    assert status == "ok" and "stopped, and saved" in shown and "False" in shown


if __name__ == "__main__":
    __import__("helpers.cli")  # once, for all forks
    import_late()
    place = tempfile.mkdtemp()  # no `with`: the forks would leave it, too
    wrong = 0
    for counts in sweep(*map(int, sys.argv[1:3]), Path(place), sys.argv[3:] or ("coloring", "training")):
        print(json.dumps(counts), flush=True)
        wrong += len(counts["wrong"])
    shutil.rmtree(place)
    sys.exit(wrong > 0)
