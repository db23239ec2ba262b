"""helpers.scaling: pictures in a mapped file, what a step needs, and processes that a notebook starts.

Own photos are in test_collection.py, ONNX in test_portable.py, what several processes learn in test_together.py.
"""

import mmap
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import scaling
from helpers.data import DataError, batches, drawn_photos
from helpers.recipe import PRESETS
from helpers.runs import train
from helpers.scaling import mapped_photos, memory_held, own_memory, photo_files, rates

linux = pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="Linux tells what is mapped")
SIDE = 16


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))


def noise(i: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(i).integers(0, 256, (3, side, side), np.uint8)


# ------------------------------------------------------------------------------------------------ mapped


def test_mapped_pictures_are_those_that_were_read_and_are_read_once(tmp_path):
    asked = []

    def read(i):
        asked.append(i)
        return noise(i)

    items = [5, 3, 8]
    photos = mapped_photos("some", items, read, SIDE)
    assert (photos.source, photos.split, photos.ids.tolist()) == ("own photos", "train", [0, 1, 2])
    assert np.array_equal(photos.images, np.stack([noise(i) for i in items])) and sorted(asked) == [3, 5, 8]
    assert np.array_equal(mapped_photos("some", items, read, SIDE).images, photos.images) and len(asked) == 3
    mapped_photos("other", items, read, SIDE)
    mapped_photos("some", items[:2], read, SIDE)
    assert len(asked) == 8 and len(list((tmp_path / "cache").glob("*.npy"))) == 3


def test_who_writes_into_mapped_pictures_changes_a_copy():
    photos = mapped_photos("some", range(3), noise, SIDE)
    photos.images[:] = 0
    assert np.array_equal(mapped_photos("some", range(3), noise, SIDE).images[1], noise(1))


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda: mapped_photos("some", [], noise), ValueError, "no items"),
        (lambda: mapped_photos("a/b", [1], noise), ValueError, "letters, digits"),
        (lambda: mapped_photos("some", [1], noise, SIDE + 1), ValueError, r"\(3, 17, 17\); some 1 is \(3, 16, 16\)"),
        (lambda: mapped_photos("some", [1], lambda i: noise(i) / 255, SIDE), TypeError, "some 1 is float64"),
    ],
)
def test_what_cannot_be_mapped_is_named(call, kind, words, tmp_path):
    with pytest.raises(kind, match=words):
        call()
    assert not list(tmp_path.rglob("*.npy"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="could not write the cache"):
        mapped_photos("some", [1], noise, SIDE)


MANY = 6_000  # of 64 px: 74 MB, of which nothing may become memory of its own


def _file_of_many() -> torch.Tensor:
    base = noise(0, 64)
    return mapped_photos("many", range(MANY), lambda i: base + np.uint8(i % 256), 64, progress=False).images


def _shared(ready, go, answer) -> None:
    images = _file_of_many()
    before = own_memory()
    total = sum(int(part[:, 0, 0, 0].sum()) for part in images.split(500))
    int(images.sum(dtype=torch.int64))
    ready.set()
    go.wait()
    lines = Path("/proc/self/smaps").read_text().split("mapped-many-")[1].splitlines()
    proportional = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    answer.put((total, own_memory() - before, 1024 * proportional))


@linux
def test_all_of_a_file_is_read_in_flat_memory_and_two_processes_share_it():
    size = _file_of_many().nbytes
    context = multiprocessing.get_context("spawn")
    ready, go, answer = [context.Event(), context.Event()], context.Event(), context.Queue()
    pair = [context.Process(target=_shared, args=(one, go, answer)) for one in ready]
    for process in pair:
        process.start()
    assert all(one.wait(120) for one in ready)
    go.set()
    found = [answer.get(timeout=60) for _ in pair]
    for process in pair:
        process.join()
    assert len({total for total, _, _ in found}) == 1
    for _, grown, proportional in found:
        assert grown < size / 4, "read into memory of its own"
        assert proportional < 0.6 * size, "a copy of its own: of two that share it, half belongs to each"


def test_a_training_learns_from_mapped_pictures(tmp_path):
    recipe = PRESETS["smoke"]
    drawn = drawn_photos(32, recipe.load_size)
    mapped = mapped_photos("drawn", range(32), lambda i: drawn.images[i].numpy(), recipe.load_size)
    val = drawn_photos(16, recipe.size, 1)
    runs = [train(recipe, tmp_path / name, some, val, 2, False) for name, some in (("a", drawn), ("b", mapped))]
    one, other = (torch.load(run.folder / "last.pt", weights_only=True)["generator"] for run in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)


# --------------------------------------------------------------------------------------------- measuring


def test_rates_take_turns_and_leave_out_the_first_round():
    said = []
    found = rates({"a": lambda: said.append("a"), "b": lambda: (said.append("b"), time.sleep(0.02))}, 10, rounds=2)
    assert said == ["a", "b"] * 3 and 100 < found["b"] < 510 < found["a"]


def test_memory_held_is_the_most_that_lived_at_a_time():
    before = torch.zeros(1000)
    with memory_held() as held:
        x = torch.zeros(250)  # 1,000 bytes
        y = before.view(10, 100) + x[:100]  # 4,000 bytes, and views of what is known
        assert (held.now, held.peak) == (5000, 5000)
        before.add_(1)  # in place: nothing new
        del y
        x.clone()
    assert (held.now, held.peak) == (1000, 5000)


def test_memory_of_a_step_is_the_same_without_numbers():
    """Forward keeps an activation for each layer, backward gives them back."""

    def peak(device, layers):
        with torch.device(device):
            model = nn.Sequential(*(nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(layers)))
            x = torch.ones(512, 64)
        with memory_held() as held:
            F.l1_loss(model(x), x).backward()
        return held.peak

    assert peak("meta", 8) == peak("cpu", 8)
    assert 512 * 64 * 4 * 4 * 0.9 < peak("cpu", 8) - peak("cpu", 4) < 512 * 64 * 4 * 4 * 2.1


def test_own_memory_grows_with_what_is_made():
    before = own_memory()
    held = mmap.mmap(-1, 60_000_000, access=mmap.ACCESS_COPY)  # an array may get memory that other tests gave back
    np.frombuffer(held, np.uint8)[:] = 1
    assert own_memory() - before > 0.8 * len(held)


def test_drawn_photos_get_files_that_show_them():
    from PIL import Image

    photos = drawn_photos(3, 64)
    for path, image in zip(photo_files(photos), photos.images, strict=True):
        small = np.asarray(Image.open(path).resize((64, 64), Image.Resampling.BOX), float)
        assert Image.open(path).size == (500, 500) and np.abs(small - image.permute(1, 2, 0).numpy()).mean() < 12


def test_why_nothing_is_compiled_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "neither g++ nor clang++" in scaling.no_compiler()
    monkeypatch.setattr("shutil.which", lambda name: "there" if name == "clang++" else None)
    assert scaling.no_compiler() == "" or sys.platform == "win32"
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Windows" in scaling.no_compiler()


# --------------------------------------------------------------------------------------------- launching


def test_why_no_process_is_started_is_said(monkeypatch):
    assert scaling.cannot_launch() == "" or sys.platform == "win32"
    monkeypatch.setitem(sys.modules, "google.colab", torch)
    assert "Colab" in scaling.cannot_launch()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert "used the GPU" in scaling.cannot_launch()


LAUNCH = """
import signal, sys
from accelerate import Accelerator, notebook_launcher
from helpers.scaling import launching

def work(path):
    accelerator = Accelerator(cpu=True)
    open(f"{path}-{accelerator.process_index}", "w").write(str(accelerator.num_processes))
    sys.stdout.write(f"rank {accelerator.process_index}\\n")

Accelerator(cpu=True)  # of an earlier cell
for _ in range(2):
    with launching(2) as options:
        notebook_launcher(work, (sys.argv[1],), **options)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler and signal.getsignal(signal.SIGTERM) == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_launching_starts_two_again_and_again_and_leaves_the_signals(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(tmp_path / "rank")], capture_output=True, text=True, timeout=300,
        cwd=Path(__file__).parent.parent, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    # without a network PyTorch, which was imported before anybody could say so, warns that this host has no name
    said = [line for line in done.stderr.splitlines() if "hostname of the client socket" not in line]
    assert done.returncode == 0 and said == [], done.stderr
    assert {path.name: path.read_text() for path in tmp_path.glob("rank*")} == {"rank-0": "2", "rank-1": "2"}
    assert sorted(done.stdout.splitlines()) == ["rank 0", "rank 0", "rank 1", "rank 1"]


def test_signals_are_as_before(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    with scaling.launching(3) as options:
        assert options["num_processes"] == 3 and int(options["use_port"]) > 0
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) is before


# ------------------------------------------------------------------------ what does not fit into a GPU's memory


def test_batches_go_where_they_are_asked_to_be_before_they_become_lab(monkeypatch):
    seen = []
    monkeypatch.setattr("helpers.data.to_lab", lambda images: seen.append(images))
    next(batches(drawn_photos(8, 24), 4, 16, 0, device="meta"))
    assert seen[0].device.type == "meta" and seen[0].shape == (4, 3, 16, 16) and seen[0].dtype == torch.uint8


@pytest.mark.parametrize("room, moved", [(float("inf"), 1), (10, 0)])
def test_photos_that_do_not_fit_stay_where_they_are(room, moved, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("helpers.data.Photos.to", lambda self, device: asked.append(device) or self)
    monkeypatch.setattr("helpers.runs.room_on", lambda device: room)
    recipe = PRESETS["smoke"]
    train(recipe, tmp_path, drawn_photos(32, recipe.load_size), drawn_photos(16, recipe.size, 1), 1, False)
    assert len(asked) == moved
