"""`python -m helpers.inference`: what it leaves in a folder, says and returns; going on, faults, Ctrl-C."""

import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import inference
from helpers.backstage import coloring
from helpers.inference import Colorizer
from helpers.synthetic import draw_flowers

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def flowers():
    return draw_flowers(4, 48, seed=4)[0]


@pytest.fixture
def color(capsys, monkeypatch):
    """Run the command in this process: (exit code, lines of stdout, lines of stderr). Weights are loaded once."""
    monkeypatch.setattr(Colorizer, "from_pretrained", loaded)

    def call(*arguments):
        code = inference.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return call


def loaded(name, cache={}):  # noqa: B006
    if name not in cache:
        cache[name] = loaded.original(name, device="cpu")
    return cache[name]


loaded.original = Colorizer.from_pretrained


def make(flowers, *names):
    for name, picture in zip(names, itertools.cycle(flowers)):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(name)


def files(folder="."):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def saturation(path):
    return np.ptp(np.asarray(Image.open(path).convert("RGB")).astype(int), axis=2).mean()


# ----------------------------------------------------------------------------------- what it says and returns


def test_several_at_once_make_the_same_files_and_say_the_same_in_the_same_order(flowers, color, monkeypatch):
    make(flowers, *(f"in/{i}.png" for i in range(7)))
    Path("in/3.png").write_bytes(b"no picture")
    Image.fromarray(flowers[0]).save("in/8.gif", save_all=True, append_images=[Image.fromarray(flowers[1])])
    busy, most = [], []
    colorize = Colorizer.colorize

    def counted(*given, **named):
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.05)
        out = colorize(*given, **named)
        busy.pop()
        return out

    monkeypatch.setattr(Colorizer, "colorize", counted)
    monkeypatch.setattr(coloring, "FEW", 1)
    said = []
    for cores in (1, 3):
        monkeypatch.setattr(coloring, "_cores", lambda cores=cores: cores)
        most.clear()
        code, _, problems = color("in", "-o", f"out{cores}")
        assert code == 1 and (max(most) > 1) == (cores > 1)
        said.append(problems)
    assert said[0] == said[1] and len(said[0]) == 2 and "8.gif" in said[0][0] and "3.png" in said[0][1]
    assert files("out1") == files("out3") and len(files("out1")) == 7
    monkeypatch.setattr(coloring, "LARGE", 0)  # of large pictures one is colored at a time
    most.clear()
    color("in", "-o", "out3", "--overwrite")
    assert max(most) == 1 and files("out1") == files("out3")


def test_folders_and_bad_files_beside_good_ones(flowers, color):
    make(flowers, "in/a.jpg", "in/c.webp", "in/d.bmp")
    Path("in/deep").mkdir()
    Image.fromarray(flowers[0]).convert("RGBA").save("in/deep/b.png")
    Path("in/bad.jpg").write_bytes(b"nothing")
    Path("in/raw.NEF").write_bytes(b"nothing")
    Path("in/notes.txt").write_text("not a picture")
    before = files("in")
    code, out, err = color("in", "gone.jpg", "-o", "out")
    assert code == 1 and out == ["4 colored, 3 not"]
    assert {line.split()[0].rstrip(":").replace("\\", "/") for line in err} == {"in/bad.jpg", "in/raw.NEF", "gone.jpg"}
    assert len(err) == 3
    assert set(files("out")) == {"a.jpg", "c.webp", "d.bmp.png", "deep/b.png"} and files("in") == before
    assert Image.open("out/deep/b.png").mode == "RGBA" and saturation("out/a.jpg") > 5


def test_codes(flowers, color):
    make(flowers, "a.jpg")
    assert color("a.jpg", "-o", "out", "--saturation", "1.2") == (0, ["1 colored"], [])
    assert color("a.jpg", "-o", "out2", "--weights", "roses")[0] == 2
    for arguments in (
        ["--saturation", "-1"],
        ["--saturation", "nan"],
        ["-o", ""],
        ["-o", "a.jpg/sub"],
        ["-o", "a.gif"],
    ):
        code, out, err = color("a.jpg", "-o", "out3", *arguments)
        assert code == 2 and out == [] and len(err) == 1 and err[0].startswith("error: "), arguments
    Path("nothing").mkdir()
    assert color("nothing", "-o", "out") == (1, ["0 colored, 1 not"], ["nothing: no pictures there"])
    assert set(files()) == {"a.jpg", "out/a.jpg"} and not Path("out3").exists() and not Path("out2").exists()


def test_one_file_to_one_file(flowers, color):
    make(flowers, "a.jpg")
    assert color("a.jpg", "-o", "new/colored.png")[0] == 0
    assert Image.open("new/colored.png").format == "PNG" and set(files()) == {"a.jpg", "new/colored.png"}


@pytest.mark.parametrize(
    "error", [MemoryError(), ZeroDivisionError("in a codec"), NotImplementedError("DDS"), KeyError(5)]
)
def test_whatever_a_picture_raises_its_neighbors_are_colored(error, flowers, color, monkeypatch):
    make(flowers, "in/a.jpg", "in/b.jpg", "in/c.jpg")
    read = coloring.read_picture

    def failing(path, *more):
        if Path(path).name == "b.jpg":
            raise error
        return read(path, *more)

    monkeypatch.setattr(coloring, "read_picture", failing)
    code, out, err = color("in", "-o", "out")
    assert code == 1 and out == ["2 colored, 1 not"] and set(files("out")) == {"a.jpg", "c.jpg"}
    assert len(err) == 1 and err[0].replace("\\", "/").startswith("in/b.jpg: ") and len(err[0]) > len("in/b.jpg: ")


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_that_are_no_text_or_fill_a_line(flowers, color):
    names = [b"caf\xe9.jpg", b"line\nbreak.jpg", b"\x1b[31mred.jpg", "花.jpg".encode()]
    for name in names:
        Path(os.fsdecode(b"in")).mkdir(exist_ok=True)
        Path(os.fsdecode(b"in/" + name)).write_bytes(b"nothing")
    code, _, err = color("in", "-o", "out")
    assert code == 1 and len(err) == 4 and all("\x1b" not in line for line in err)


# ------------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_run_again_it_goes_on(suffix, flowers, color):
    make(flowers, *(f"in/{n}.{suffix}" for n in "abc"))
    assert color("in", "-o", "out")[1] == ["3 colored"]
    target = sorted(files("out"))[1]
    Path("out", target).unlink()
    before = files("out")
    assert color("in", "-o", "out") == (0, ["1 colored, 2 already there"], [])
    assert {name: content for name, content in files("out").items() if name in before} == before
    assert color("in", "-o", "out") == (0, ["0 colored, 3 already there"], [])
    assert color("in", "-o", "out", "--overwrite") == (0, ["3 colored"], [])
    assert {name: content for name, content in files("out").items() if name in before} == before  # the same bytes


def test_what_changed_is_colored_again(flowers, color):
    make(flowers, "in/a.jpg", "in/b.jpg")
    color("in", "-o", "out")
    times = os.stat("in/a.jpg")
    Image.fromarray(flowers[3]).save("in/a.jpg")
    os.utime("in/a.jpg", ns=(times.st_atime_ns, times.st_mtime_ns))  # the content counts, not the clock
    assert color("in", "-o", "out")[1] == ["1 colored, 1 already there"]
    full = saturation("out/a.jpg")
    assert color("in", "-o", "out", "--saturation", "0.2")[1] == ["2 colored"]
    assert saturation("out/a.jpg") < full / 2
    assert color("in", "-o", "out", "--saturation", "0.2", "--weights", "flowers-64-l1")[1] == ["2 colored"]


def test_what_was_colored_before_is_said_to_be_so_and_colored_anyway(flowers, color):
    make(flowers, "in/a.jpg")
    assert color("in", "-o", "out", "--saturation", "0.2") == (0, ["1 colored"], [])
    code, out, err = color("out", "-o", "again")
    assert code == 0 and out == ["1 colored"] and saturation("again/a.jpg") > 2 * saturation("out/a.jpg")
    said = "out/a.jpg: its colors are a network's guess already: only its lightness is looked at"
    assert [line.replace("\\", "/") for line in err] == [said]


def test_what_somebody_else_put_there_is_left_alone(flowers, color):
    make(flowers, "in/a.jpg", "in/b.jpg", "out/a.jpg")
    before = files("out")
    code, out, err = color("in", "-o", "out")
    assert code == 1 and out == ["1 colored, 1 not"] and files("out")["a.jpg"] == before["a.jpg"]
    assert len(err) == 1 and "--overwrite" in err[0] and err[0].replace("\\", "/").startswith("in/a.jpg: out/a.jpg is")
    assert color("in", "-o", "out", "--overwrite")[1] == ["2 colored"]
    make(flowers[1:], "holiday/a.jpg")
    before = files("holiday")
    assert color("in/a.jpg", "holiday", "-o", "holiday", "--overwrite")[0] == 1  # it was given: an original
    assert files("holiday") == before


# ---------------------------------------------------------------------------------- full disks, being stopped


def test_a_full_disk_is_told_by_name_and_given_up(flowers, color, monkeypatch):
    make(flowers, *(f"in/{n}.jpg" for n in range(9)))
    write, calls = Path.write_bytes, []

    def full(self, content):
        calls.append(self)
        if len(calls) == 2:
            write(self, content[: len(content) // 2])
        if len(calls) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    code, out, err = color("in", "-o", "out")
    assert code == 1 and out == ["1 colored, 8 not"] and len(calls) == 4
    assert [line.replace("\\", "/").split(":")[0] for line in err] == ["in/1.jpg", "in/2.jpg", "in/3.jpg", "out"]
    assert all(os.strerror(errno.ENOSPC) in line for line in err) and "the other 5 pictures" in err[3]
    assert set(files("out")) == {"0.jpg"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_limit_on_the_size_of_files_leaves_no_half_file(flowers):
    import resource

    Image.fromarray(flowers[0]).resize((300, 300)).save("a.png")
    done = subprocess.run(
        [sys.executable, "-m", "helpers.inference", "a.png", "-o", "out"],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith("a.png: ") and len(done.stderr.splitlines()) == 1
    assert "out/a.png" in done.stderr and files("out") == {}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_it_says_so_in_a_line_and_goes_on_when_run_again(number, flowers, color, monkeypatch):
    make(flowers, *(f"in/{n}.jpg" for n in range(5)))
    colorize, seen = Colorizer.colorize, []

    def stopping(self, *arguments, **more):
        seen.append(1)
        if len(seen) == 3:
            for _ in range(3):  # an impatient finger
                os.kill(os.getpid(), number)
                time.sleep(0.01)
        return colorize(self, *arguments, **more)

    before = signal.getsignal(number)
    monkeypatch.setattr(Colorizer, "colorize", stopping)
    assert color("in", "-o", "out") == (130, [], ["stopped: 2 colored, 3 to go: run the same command to go on"])
    assert signal.getsignal(number) == before and set(files("out")) == {"0.jpg", "1.jpg"}
    assert color("in", "-o", "out")[1] == ["3 colored, 2 already there"]


# ------------------------------------------------------------------------------------------------------- hints


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    """A file of weights that take hints, as those that ship."""
    from helpers.models import HintUNet

    base, _ = inference.load_generator(inference.weights_path("flowers-l1"))
    torch.manual_seed(0)
    model = HintUNet(width=24)
    model.load_state_dict(base.state_dict(), strict=False)
    inference.save_generator(model, path := tmp_path_factory.mktemp("weights") / "hints.safetensors", 48)
    return path


@pytest.fixture
def hinted(listening, monkeypatch):
    monkeypatch.setattr(inference, "GUIDED", str(listening))
    return listening


def test_hints_choose_their_weights_and_color_one_picture(flowers, color, hinted):
    make(flowers, "a.png")
    assert color("a.png", "-o", "out", "--hint", "10,20=#2040ff", "--hint", "30,5=olive") == (0, ["1 colored"], [])
    told = Colorizer.from_pretrained(hinted).colorize("a.png", hints=[(10, 20, "#2040ff"), (30, 5, "olive")])
    assert np.array_equal(np.asarray(Image.open("out/a.png")), told)
    again = ("a.png", "-o", "out", "--hint", "10,20=#2040ff", "--hint", "30,5=olive")
    assert color(*again)[1] == ["0 colored, 1 already there"]
    assert color(*again[:-1], "30,6=olive")[1] == ["1 colored"]  # other hints are another picture


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--hint", "10,20"], 2, "error: --hint '10,20' is no hint: write one such as 120,80=#d02060"),
        (["--hint", "10,20=reddish"], 2, "error: --hint 'reddish' is no color: write one such as"),
        (
            ["--hint", "10,20=red", "b.png"],
            2,
            "error: --hint is for one picture, and these are 2: color them one by one",
        ),
        (["--hint", "1,2=red", "--weights", "flowers-64"], 2, "error: flowers-64: these weights take no hints, leave"),
        (["--hint", "48,2=red"], 1, "a.png: the hint at 48,2 lies outside, x goes from 0 to 47 and y from 0 to 47"),
    ],
)
def test_hints_that_make_no_sense_are_one_sentence(arguments, code, line, flowers, color, hinted):
    make(flowers, "a.png", "b.png")
    got, _, err = color("-o", "out", *arguments[:2], "a.png", *arguments[2:])
    assert got == code and len(err) == 1 and err[0].startswith(line), err
    assert not Path("out").exists()
