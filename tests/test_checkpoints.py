"""helpers.backstage.checkpoints: damage to a checkpoint is noticed, and a folder has one owner."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from filelock import FileLock

from helpers.backstage.checkpoints import MARK, RunFolder, first_here, photos_seen, read_state, write_state
from helpers.backstage.files import write_json
from helpers.data import drawn_photos
from helpers.recipe import PRESETS, Recipe

SMOKE = PRESETS["smoke"]
STATE = {
    "recipe": {"size": 64, "lr": 0.5}, "photos": {"source": "drawn", "count": 3}, "history": [{"step": 1}],
    "seconds": 1.5, "step": 2, "sums": {"color": 0.25}, "counts": {"color": 2},
    "generator": {"w": torch.arange(24.0).view(4, 6).t(), "b": torch.ones(3)},
    "g_optimizer": {"state": {0: {"avg": torch.full((5,), 0.5)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
}  # fmt: skip


def alike(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def test_a_state_comes_back(tmp_path):
    write_state(STATE, path := tmp_path / "last.pt")
    assert alike(read_state(path), STATE) and alike(torch.load(path, weights_only=True), STATE)
    assert os.listdir(tmp_path) == ["last.pt"]


def test_any_flipped_bit_is_refused_or_changes_nothing(tmp_path):
    write_state(STATE, path := tmp_path / "last.pt")
    whole, chance, refused = path.read_bytes(), random.Random(0), 0
    for at in sorted(chance.sample(range(len(whole)), 500)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            assert alike(read_state(path), STATE), at
        except ValueError as error:
            refused += 1
            assert str(error).startswith(f"{path} is not a readable checkpoint (") and "delete it" in str(error)
            assert "\n" not in str(error)
    assert refused >= 500 - len(MARK)


def test_of_an_older_checkpoint_each_part_is_checked(tmp_path):
    torch.save(STATE, path := tmp_path / "last.pt")
    assert alike(read_state(path), STATE)
    whole = path.read_bytes()
    tensor = whole.index(torch.ones(3).numpy().tobytes())
    path.write_bytes(whole[:tensor] + b"\1" + whole[tensor + 1 :])
    assert torch.load(path, weights_only=True)["generator"]["b"][0] != 1  # which alone does not notice it
    with pytest.raises(ValueError, match="checksum of its part"):
        read_state(path)


@pytest.mark.parametrize("size", [0, 2, 100, -1, -100])
def test_a_checkpoint_cut_short_is_refused(size, tmp_path):
    write_state(STATE, path := tmp_path / "last.pt")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        read_state(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"generator": {"w": torch.tensor([1, torch.nan])}}, "generator.w holds what is no number"),
        ({"average": {"running_var": torch.tensor(torch.inf)}}, "average.running_var holds"),
        ({"step": 1.5}, "step holds"),
        ({"step": -1}, "step holds"),
        ({"recipe": [1]}, "no recipe"),
        ({"photos": "roses"}, "no recipe"),
        ({"history": None}, "no history"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused(change, words, tmp_path):
    state = {key: value for key, value in (STATE | change).items() if value is not None}
    torch.save(state, path := tmp_path / "last.pt")
    with pytest.raises(ValueError, match=f"{words}.*delete it to start anew"):
        read_state(path)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_full_disk_keeps_the_old_state_and_says_what_it_is(tmp_path):
    import resource

    write_state(STATE, path := tmp_path / "last.pt")
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_state(STATE, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path) and "unexpected pos" not in str(caught.value)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["last.pt"]


# ------------------------------------------------------------------------------------------- photos


def test_photos_are_told_apart_by_every_pixel_and_their_order():
    photos = drawn_photos(8, 16)
    seen = photos_seen(photos)
    assert seen == photos_seen(photos.subset(range(8))) and (seen["source"], seen["count"]) == ("drawn", 8)
    touched = photos.images.clone()
    touched[7, 2, 15, 15] ^= 1
    others = [photos.subset(range(7)), photos.subset([1, 0, *range(2, 8)]), replace(photos, images=touched)]
    others += [replace(photos, source="flowers102"), replace(photos, split="val"), drawn_photos(8, 16, 1)]
    assert all(photos_seen(other) != seen for other in others)


def test_a_folder_belongs_to_its_photos(tmp_path):
    mine, other = drawn_photos(8, 16), drawn_photos(8, 16, 1)
    with RunFolder(tmp_path, SMOKE) as folder:
        folder.take()
        folder.claim(mine)
        folder.inscribe()
    with RunFolder(tmp_path, SMOKE) as folder:  # begun, and killed before its first checkpoint
        folder.take()
        folder.claim(mine)
        with pytest.raises(ValueError, match=r"photos.json was made by other photos: crc32 \(.* there, .* here\)"):
            folder.claim(other)
    with (
        RunFolder(tmp_path, replace(SMOKE, lr=0.1)) as folder,
        pytest.raises(ValueError, match=r"recipe.json .* lr \("),
    ):
        folder.take()


# -------------------------------------------------------------------------------------------- the lock


def test_one_at_a_time_and_the_other_is_told_at_once(tmp_path):
    with RunFolder(tmp_path, SMOKE) as folder:
        folder.take()
        with RunFolder(tmp_path, SMOKE) as second, pytest.raises(ValueError, match="another training writes in"):
            second.take()
        with pytest.raises(ValueError, match="another training"), RunFolder(tmp_path, SMOKE) as third:
            third.take()  # the second one's end did not open it
    with RunFolder(tmp_path, SMOKE) as folder:
        folder.take()


def test_the_lock_of_another_process_holds_and_dies_with_it(tmp_path):
    code = "import sys, time, filelock; x = filelock.FileLock(sys.argv[1]); x.acquire(); print(1); time.sleep(60)"
    call = [sys.executable, "-u", "-c", code, str(tmp_path / ".lock")]
    with subprocess.Popen(call, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with RunFolder(tmp_path, SMOKE) as folder, pytest.raises(ValueError, match="another training writes in"):
            folder.take()
        process.kill()
    assert (tmp_path / ".lock").exists()
    with RunFolder(tmp_path, SMOKE) as folder:
        folder.take()
        assert folder.ours


def test_a_finished_run_can_be_read_by_many_and_nothing_is_written(tmp_path):
    recipe = Recipe()
    for name in ("generator.safetensors", "timing.json"):
        (tmp_path / name).touch()
    write_state(STATE | {"recipe": {}, "step": recipe.total_steps}, tmp_path / "last.pt")
    before = sorted(os.listdir(tmp_path))
    with FileLock(tmp_path / ".lock"), RunFolder(tmp_path, recipe) as folder:
        folder.take()
        assert folder.found["step"] == recipe.total_steps and not folder.ours
        folder.inscribe()
    assert sorted({*os.listdir(tmp_path)} - {".lock"}) == before


def test_what_killed_writers_left_is_swept_when_a_folder_is_taken(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in (".last.pt.partial-99999999", "samples/.gray.png.partial-99999999"):
        (tmp_path / name).write_text("half")
    write_json(tmp_path / "history.json", {})
    with RunFolder(tmp_path, SMOKE) as folder:
        folder.take()
    assert sorted(os.listdir(tmp_path)) == [".lock", "history.json", "samples"] and not os.listdir(tmp_path / "samples")


def test_where_there_are_no_locks_it_goes_on_without(tmp_path, monkeypatch):
    monkeypatch.setattr(FileLock, "acquire", lambda *_, **__: (_ for _ in ()).throw(NotImplementedError("no flock")))
    with RunFolder(tmp_path, SMOKE) as folder:
        folder.take()
        assert folder.ours


@pytest.mark.parametrize("processes", [1, 2])
def test_what_the_main_process_refuses_all_refuse(processes, monkeypatch):
    """The others do nothing themselves, and do not wait for a process that has left."""
    sent = []
    monkeypatch.setattr("accelerate.utils.broadcast_object_list", lambda box: (sent.extend(box), box)[1])
    main, asked = SimpleNamespace(is_main_process=True, num_processes=processes), []
    with pytest.raises(ValueError, match="no"):
        first_here(main, lambda: (_ for _ in ()).throw(ValueError("no")))
    assert len(sent) == 2 * (processes - 1)
    if processes == 2:
        monkeypatch.setattr("accelerate.utils.broadcast_object_list", lambda box: sent)
        other = SimpleNamespace(is_main_process=False, num_processes=2)
        with pytest.raises(ValueError, match="no"):
            first_here(other, lambda: asked.append(1))
        sent.clear()
        monkeypatch.setattr("accelerate.utils.broadcast_object_list", lambda box: (sent.extend(box), box)[1])
        assert first_here(main, lambda: {"step": 3}) == {"step": 3}
        monkeypatch.setattr("accelerate.utils.broadcast_object_list", lambda box: sent)
        assert first_here(other, lambda: asked.append(1)) == {"step": 3}
    assert asked == []
