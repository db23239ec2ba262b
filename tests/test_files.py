"""helpers.backstage.files: a file is the old one or the new one, whatever happens."""

import os
import re
import stat
import subprocess
import sys

import pytest

from helpers.backstage.checkpoints import read_state
from helpers.backstage.files import read_json, sweep, write_json, writing
from helpers.backstage.tensors import read_notes, read_tensors


def test_the_file_appears_whole_and_nothing_stays_beside_it(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with writing(path) as beside:
        beside.write_text("new")
        assert beside.parent == tmp_path and path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_breaks_the_writing_goes_on_and_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(type(error)), writing(path) as beside:
        beside.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(os, "fsync", lambda number: order.append("fsync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    with writing(tmp_path / "note.txt") as beside:
        beside.write_text("new")
    assert order == ["fsync", "replace"]


@pytest.mark.parametrize("refusals", [2, 99])
def test_a_file_in_use_is_tried_again_for_a_second(tmp_path, monkeypatch, refusals):
    """As Windows does while an editor, a virus scanner or another notebook has the old file open."""
    replace, waited, left = os.replace, [], [refusals]

    def busy(source, target):
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr("helpers.backstage.files.time.sleep", waited.append)
    path = tmp_path / "note.txt"
    if refusals == 2:
        with writing(path) as beside:
            beside.write_text("new")
        assert path.read_text() == "new"
    else:
        with pytest.raises(PermissionError), writing(path) as beside:
            beside.write_text("new")
        assert sum(waited) == pytest.approx(1) and list(tmp_path.iterdir()) == []


def test_json_is_utf8_with_one_newline_everywhere(tmp_path):
    path = tmp_path / "card.json"
    write_json(path, {"ΔE": [1.5, None]})
    assert path.read_bytes() == '{\n "ΔE": [\n  1.5,\n  null\n ]\n}\n'.encode()
    assert read_json(path) == {"ΔE": [1.5, None]}


@pytest.mark.parametrize("content", ["", "{", "[1", '"x"', "[]", "[" * 100_000])
def test_json_that_is_damaged_or_of_another_kind_is_named(tmp_path, content):
    (path := tmp_path / "card.json").write_text(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} is damaged: it "):
        read_json(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is damaged: it is no JSON"):
        read_json(path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nothing.json")


def test_an_error_names_the_file_and_not_what_lies_beside_it(tmp_path):
    with pytest.raises(OSError) as caught, writing(tmp_path / "no" / "note.txt") as beside:
        beside.write_text("new")
    assert caught.value.filename == str(tmp_path / "no" / "note.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights")
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o002])
def test_a_file_has_the_rights_that_the_user_gives_his_files(tmp_path, umask):
    path = tmp_path / "weights"
    before = os.umask(umask)
    try:
        with writing(path) as beside:
            beside.write_text("new")
            beside.chmod(0o600)  # as libraries do
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        path.chmod(0o640)
        with writing(path) as beside:
            beside.write_text("newer")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alive:
        gone = [f".a.pt.partial-{number}" for number in (99_999_999, 10**30, os.getpid())]
        kept = [f".a.pt.partial-{alive.pid}", "a.pt", ".a.pt.partial-", ".a.pt.partial-x", "a.pt.partial-99999999"]
        for name in gone + kept:
            (tmp_path / name).write_text("half")
        sweep(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted(kept)
        alive.communicate(b"\n")
    sweep(tmp_path)
    assert kept[0] not in os.listdir(tmp_path)
    sweep(tmp_path / "nothing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("read", [read_json, read_notes, lambda path: read_tensors(path, {}), read_state])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "it.json")
    with pytest.raises(OSError, match="no ordinary file") as caught:
        read(tmp_path / "it.json")
    assert caught.value.filename == str(tmp_path / "it.json")
