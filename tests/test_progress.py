"""helpers.backstage.progress in a real terminal of any width and encoding, in a pipe, and in a notebook."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.backstage import progress
from helpers.backstage.progress import Bar, progress_bar, say

REPOSITORY = Path(__file__).parent.parent
BARS = """
from helpers.backstage.progress import Bar, progress_bar, say
print(sum(progress_bar(iter(range(300)), 300, comment="counting sheep")))
bar = Bar(40)
for step in range(1, 41):
    bar.move(step, f"val PSNR {step}.00 \u0394E 14.3 \u00b7 " + "x" * step)
bar.close()
stopped = Bar(40)
stopped.move(7, "stopped early")
stopped.close()
say("done: \u0394E \u00b7 \u2588")
"""
terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def environment(encoding=None):
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "PYTHONIOENCODING")}
    return kept | ({"PYTHONIOENCODING": encoding} if encoding else {})


def in_terminal(arguments: list[str], columns=80, encoding=None) -> tuple[int, str]:
    """(exit status, what was written) of a Python in a pseudo-terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment(encoding), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                written += (some := os.read(ours, 4096))
            except OSError:  # Linux says so when the other end is closed
                break
            if not some:
                break
    os.close(ours)
    return process.returncode, written.decode(encoding or "utf8").replace("\r\n", "\n")


def screen(written: str) -> list[str]:
    """The lines that are left to see: a carriage return lets what follows cover what was there."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for text in line.split("\r"):
            shown = text + shown[len(text) :]
        lines.append(shown.rstrip())
    return lines


@terminal
@pytest.mark.parametrize("columns", [50, 80])
@pytest.mark.parametrize("encoding", [None, "cp1252", "ascii"])
def test_bars_in_a_terminal(columns, encoding):
    status, written = in_terminal(["-c", BARS], columns, encoding)
    assert status == 0, written
    assert max(map(len, re.split("[\r\n]", written))) < columns  # a full line would wrap and stay
    assert "\x1b" not in written
    assert "300/300" in written and "counting sheep" in written
    count, full, stopped, last, end = screen(written)
    assert count == "44850"  # the first bar is gone
    assert re.search(r"100.00% \[40/40 00:0\d<00:00", full)
    assert "17.50% [7/40" in stopped
    assert last == {None: "done: ΔE · █", "cp1252": "done: ?E · ?", "ascii": "done: ?E ? ?"}[encoding]
    assert end == ""
    assert ("█" if encoding is None else "X") in full


@pytest.mark.parametrize("encoding", ["utf8", "cp1252", "ascii"])
def test_a_pipe_holds_what_was_said_and_no_bar(encoding):
    finished = subprocess.run(
        [sys.executable, "-c", BARS], cwd=REPOSITORY, env=environment(encoding), capture_output=True, timeout=60
    )
    assert finished.returncode == 0 and finished.stderr == b""
    wanted = "44850\n" + {"utf8": "done: ΔE · █\n", "cp1252": "done: ?E · ?\n", "ascii": "done: ?E ? ?\n"}[encoding]
    assert finished.stdout.decode(encoding).replace("\r\n", "\n") == wanted


@terminal
def test_the_command_line_colors_a_photo_in_a_terminal(tmp_path):
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "photo.png")
    status, written = in_terminal(["-m", "helpers.inference", str(tmp_path / "photo.png"), "-o", str(tmp_path / "out")])
    assert status == 0, written
    assert "coloring" in written and list((tmp_path / "out").iterdir())


@terminal
def test_an_empty_cache_is_filled_in_a_terminal(tmp_path, monkeypatch):
    from tests import little_flowers

    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    root = little_flowers.make(tmp_path / "root")
    status, written = in_terminal(["-m", "tests.little_flowers", str(root), "20"], columns=50)
    assert status == 0, written
    assert "decoding to 20 px" in written
    assert re.fullmatch("[0-9a-f]{64}", screen(written)[0])  # the bar wiped itself


def test_a_notebook_gets_one_bar_of_html_however_it_ends(monkeypatch):
    from fastprogress import fastprogress

    shown = []

    class Out:
        def update(self, html):
            shown.append(html)

    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(fastprogress, "HTML", str, raising=False)
    monkeypatch.setattr(fastprogress, "display", lambda html, display_id=False: Out(), raising=False)
    begun = []
    begin = fastprogress.NBProgressBar.on_iter_begin
    monkeypatch.setattr(fastprogress.NBProgressBar, "on_iter_begin", lambda bar: (begun.append(bar), begin(bar)))
    bar = Bar(3)
    for step in (1, 2, 3, 3):  # the last step may be told twice
        bar.move(step, f"ΔE {step}")
    bar.close()
    bar.move(3, "after the end")
    assert len(begun) == 1 and "[3/3" in shown[-1] and "ΔE 3" in shown[-1]
    assert list(progress_bar("abc", 3, "letters")) == ["a", "b", "c"]
    assert shown[-1] == "" and "letters" in shown[-2]


def test_nothing_is_shown_where_nobody_watches(capsys):
    assert list(progress_bar(range(3), 3)) == [0, 1, 2]
    assert list(progress_bar(range(3), 3, show=False)) == [0, 1, 2]
    Bar(0).move(1)
    say("Δ")
    assert capsys.readouterr().out == "Δ\n"


def test_a_program_without_stdout_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert not progress.wanted()
    say("nobody hears")
