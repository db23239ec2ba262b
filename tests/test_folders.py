"""helpers.backstage.folders: what is colored and where each goes; no original is ever a target."""

import itertools
import os
import random
import sys
from pathlib import Path

import pytest

from helpers.backstage import folders
from helpers.backstage.commands import UsageError
from helpers.backstage.folders import plan_pictures, usable, writable_or_cached

links = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Names in these tests are relative; nothing here is opened but for its first bytes."""
    monkeypatch.chdir(tmp_path)


def make(*names, content=b"x"):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def planned(*inputs, out="out"):
    plan = plan_pictures(inputs, out)
    return {job.source.as_posix(): job.target.as_posix() for job in plan.jobs}


def problems(*inputs, out="out"):
    return plan_pictures(inputs, out).problems


def test_files_and_folders_keep_their_place():
    make("photo.jpg", "holiday/a.JPG", "holiday/deep/b.png", "holiday/c.gif", "holiday/notes.txt")
    assert planned("photo.jpg", "holiday/") == {
        "photo.jpg": "out/photo.jpg",
        "holiday/a.JPG": "out/a.JPG",
        "holiday/c.gif": "out/c.gif.png",
        "holiday/deep/b.png": "out/deep/b.png",
    }


def test_two_folders_with_the_same_names_keep_theirs():
    make("2019/1.jpg", "2019/2.jpg", "2020/1.jpg", "else/3.jpg")
    assert list(planned("2019", "2020", "else").values()) == [
        "out/2019/1.jpg", "out/2019/2.jpg", "out/2020/1.jpg", "out/3.jpg",
    ]  # fmt: skip
    make("a/scans/1.jpg", "b/scans/1.jpg")
    assert list(planned("a/scans", "b/scans").values()) == ["out/a/scans/1.jpg", "out/b/scans/1.jpg"]
    assert list(planned("2019/1.jpg", "2020/1.jpg").values()) == ["out/2019/1.jpg", "out/2020/1.jpg"]


def test_what_is_still_the_same_is_numbered():
    make("in/a.gif", "in/a.gif.png", "in/b.jpg", "in/b.jpg.png")
    plan = plan_pictures(["in"], "out")
    assert [job.target.name for job in plan.jobs] == ["a.gif.png", "a.gif-2.png", "b.jpg", "b.jpg.png"]
    assert plan.jobs[2].with_alpha.name == "b.jpg-2.png"  # a PNG with alpha in a file named .jpg


@links
def test_once_however_it_is_spelled(tmp_path):
    make("in/a.jpg", "in/sub/b.jpg")
    Path("link").symlink_to("in")
    inputs = ["in", "in/", "./in", "link", str(tmp_path / "in"), "in/a.jpg", "in/../in/a.jpg", "link/a.jpg", "in/sub"]
    for order in itertools.islice(itertools.permutations(inputs), 0, 3000, 97):
        found = [os.path.realpath(job.source) for job in plan_pictures(order, "out").jobs]
        assert sorted(found) == [str(tmp_path / "in/a.jpg"), str(tmp_path / "in/sub/b.jpg")]


@links
def test_no_original_is_a_target_whatever_is_typed():
    """Random commands on a small tree with links and hard links: no two targets alike, none an original."""
    make("photo.jpg", "holiday/photo.jpg", "holiday/a.gif", "holiday/a.gif.png", "2020/photo.jpg", "2020/deep/p.png")
    Path("link").symlink_to("holiday")
    Path("2020/other.jpg").symlink_to("../photo.jpg")
    os.link("photo.jpg", "2020/hard.jpg")
    names = ["photo.jpg", "holiday", "link", "2020", "2020/deep", ".", "*.jpg", "holiday/*", "2020/other.jpg"]
    outs = [".", "holiday", "link", "2020", "2020/deep", "holiday/new", "new", "link/new", "holiday/.."]
    dice, planned_at_all = random.Random(0), 0
    for _ in range(300):
        inputs = dice.sample(names, dice.randint(1, 4))
        plan = plan_pictures(inputs, out := dice.choice(outs))
        originals = {os.path.realpath(job.source) for job in plan.jobs}
        for name in inputs:
            originals |= {os.path.realpath(name)} if Path(name).is_file() else set()
        targets = [os.path.realpath(job.target) for job in plan.jobs]
        assert not originals & {target for target in targets if os.path.exists(target)}, (inputs, out)
        assert len(set(targets)) == len(targets), (inputs, out)
        for job in plan.jobs:
            here = [original for original in originals if job.target.exists() and job.target.samefile(original)]
            assert not here, (inputs, out, job)
        planned_at_all += len(plan.jobs)
    assert planned_at_all > 300


def test_originals_in_the_output_folder_are_named_or_told_in_a_word():
    make("photo.jpg", "holiday/photo.jpg")
    assert problems("photo.jpg", "holiday", out=".") == [
        "photo.jpg would be overwritten: choose another output folder",
        "holiday/photo.jpg would be overwritten: choose another output folder",
    ]
    assert problems("holiday", out="holiday/") == [
        "holiday: its 1 pictures would be overwritten, choose another output folder"
    ]


def test_a_file_system_that_ignores_case(monkeypatch):
    make("in/a.jpg", "in/sub/x.jpg", "in/A.jpg")
    assert len(os.listdir("in")) in (2, 3)
    monkeypatch.setattr(folders, "_ignores_case", lambda folder: True)
    targets = [job.target.as_posix().lower() for job in plan_pictures(["in"], "out").jobs]
    assert len(set(targets)) == len(targets) == len(list(Path("in").rglob("*.jpg")))


def test_output_inside_the_input_is_no_input():
    make("holiday/a.jpg", "holiday/colored/a.jpg", "holiday/colored/2/b.jpg")
    assert planned("holiday", out="holiday/colored") == {"holiday/a.jpg": "holiday/colored/a.jpg"}
    assert planned("holiday/*", out="holiday/colored") == {"holiday/a.jpg": "holiday/colored/a.jpg"}
    assert planned("holiday/**/*.jpg", out="holiday/colored") == {"holiday/a.jpg": "holiday/colored/a.jpg"}
    plan = plan_pictures(["holiday/a.jpg", "holiday/colored"], "holiday/colored")  # as a shell hands it over
    assert len(plan.jobs) == 1 and plan.jobs[0].guarded
    assert plan.notes == ["holiday/colored was passed over: it is the output folder"]


def test_patterns():
    make("a.jpg", "b.jpg", "c.png", ".hidden.jpg", "x[1]/d.jpg", "odd*.jpg" if os.name != "nt" else "odd.jpg")
    assert set(planned("[ab].jpg", "*.png")) == {"a.jpg", "b.jpg", "c.png"}
    assert set(planned("x[1]/*.jpg")) == {"x[1]/d.jpg"} == set(planned("x[1]"))
    if os.name != "nt":
        assert set(planned("odd*.jpg")) == {"odd*.jpg"}  # a file of that very name
    assert problems("*.tif") == ["*.tif: no picture has such a name"]


def test_passed_over():
    for name in (".hid.jpg", "._a.jpg", "__MACOSX/a.jpg", "@eaDir/a.jpg", ".thumbnails/a.jpg", "m.THM", "sub/._x.png"):
        make(f"in/{name}", content=b"\xff\xd8\xff\xe0")
    make("in/a.jpg")
    plan = plan_pictures(["in"], "out")
    assert [job.source.as_posix() for job in plan.jobs] == ["in/a.jpg"] and not plan.problems + plan.notes
    assert list(planned("in/.thumbnails")) == ["in/.thumbnails/a.jpg"]  # who names it, wants it


def test_nothing_that_looks_like_a_picture_is_left_out_in_silence():
    make("in/a.CR2", "in/notes.txt")
    make("in/scan", content=b"\xff\xd8\xff\xe0 and so on")
    make("in/page.bak", content=b"II*\0 and so on")
    told = problems("in")
    assert [line.split()[0].rstrip(":") for line in told] == ["in/a.CR2", "in/page.bak", "in/scan"]
    assert "raw data" in told[0] and "TIFF" in told[1] and "JPEG" in told[2]
    assert list(planned("in/scan").values()) == ["out/scan.png"]
    make("in/b.HEIC")
    assert "in/b.HEIC" in planned("in")  # opened, and then it says what is missing


@links
def test_links():
    make("in/a.jpg", "elsewhere/b.jpg")
    Path("in/loop").symlink_to("..")
    Path("in/dead.jpg").symlink_to("nowhere")
    Path("in/other.jpg").symlink_to("a.jpg")
    plan = plan_pictures(["in"], "out")
    assert [job.target.as_posix() for job in plan.jobs] == ["out/a.jpg", "out/other.jpg"] and not plan.problems
    assert [note.split()[0] for note in plan.notes] == ["in/loop", "in/dead.jpg"]
    os.mkfifo("in/pipe.jpg")
    assert problems("in/pipe.jpg") == ["in/pipe.jpg is not a file"]  # to open it would wait for ever
    assert len(plan_pictures(["in"], "out").jobs) == 2


def test_out_is_a_file_if_it_looks_like_one_and_there_is_one_input():
    make("a.jpg", "b.jpg", "in/c.jpg", "taken")
    assert planned("a.jpg", out="new/colored.png") == {"a.jpg": "new/colored.png"}
    assert planned("a.jpg", "./a.jpg", out="colored.jpg") == {"a.jpg": "colored.jpg"}
    assert planned("a.jpg", out="colored.jpg/") == {"a.jpg": "colored.jpg/a.jpg"}
    assert problems("a.jpg", out="a.jpg") == ["a.jpg would be overwritten: choose another output folder"]
    for inputs, out, message in [
        (["a.jpg", "b.jpg"], "colored.jpg", "colored.jpg looks like a picture"),
        (["in"], "colored.jpg", "name a folder"),
        (["a.jpg"], "colored.gif", ".gif cannot be written"),
        (["a.jpg"], "taken", "taken is there already and is no folder"),
        (["a.jpg"], "", "an empty name"),
        (["a.jpg", ""], "out", "an empty name"),
    ]:
        with pytest.raises(UsageError, match=message):
            plan_pictures(inputs, out)
    Path("folder.jpg").mkdir()
    assert planned("a.jpg", out="folder.jpg") == {"a.jpg": "folder.jpg/a.jpg"}


def test_a_missing_file_is_named():
    make("a.jpg")
    plan = plan_pictures(["gone.jpg", "a.jpg"], "out")
    assert plan.problems == ["gone.jpg does not exist"] and len(plan.jobs) == 1


def test_usable_makes_a_folder_or_names_what_is_in_the_way():
    make("file")
    assert usable("new/deep") == [Path("new/deep"), Path("new")] and usable("new") == []
    assert list(Path("new/deep").iterdir()) == []
    for folder in ("file", "file/below"):
        with pytest.raises(OSError) as caught:
            usable(folder)
        assert str(folder) in str(caught.value)


def test_a_read_only_course_keeps_its_runs_in_the_cache_and_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    assert writable_or_cached(tmp_path / "one" / "runs", "runs") == tmp_path / "one" / "runs"
    monkeypatch.setattr(os, "access", lambda path, mode: "two" not in str(path))
    (tmp_path / "two").mkdir()
    for _ in range(2):
        assert writable_or_cached(tmp_path / "two" / "runs", "runs") == tmp_path / "cache" / "runs"
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "two/runs cannot be written to" in said.replace("\\", "/")
