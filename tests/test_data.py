"""helpers.data and backstage/flowers.py: roots, verification, cache, splits and batches, on a little Flowers102."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import helpers.data as data
from helpers.backstage import flowers as backstage
from helpers.data import DataError, batches, drawn_photos, load_flowers, to_lab, to_rgb8
from helpers.synthetic import COIN_FLIP, draw_flowers
from tests import little_flowers

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def flowers(tmp_path, monkeypatch):
    """The root of a little Flowers102, with a cache of its own."""
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FLOWERS102_ROOT", raising=False)
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    root = little_flowers.make(tmp_path / "usb stick")
    little_flowers.patch(root, lambda *a: monkeypatch.setattr(*a))
    return root


def cache_files():
    folder = data.cache_folder()
    return sorted(p.name for p in folder.glob("*") if p.suffix != ".lock") if folder.exists() else []


def child(root, size, dawdle=0.0, **options):
    command = [sys.executable, "-m", "tests.little_flowers", str(root), str(size), str(dawdle)]
    return subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_loads_what_pillow_sees(flowers):
    photos = load_flowers("train", 48, root=flowers)
    assert (len(photos), photos.size, photos.source, photos.split) == (10, 48, "flowers102", "train")
    assert photos.images.dtype == torch.uint8
    wide = np.asarray(Image.open(flowers / "flowers-102/jpg/image_00001.jpg"))
    assert wide.shape == (48, 96, 3)
    center = wide[:, 24:72].astype(int)
    assert np.abs(photos.images[0].permute(1, 2, 0).numpy().astype(int) - center).max() <= 2
    assert photos.ids.tolist() == list(range(1, 11))
    assert photos.labels.tolist() == list(range(10))


def test_splits_of_a_protocol_never_overlap(flowers):
    for protocol in ("official", "large"):
        parts = [set(load_flowers(s, 16, protocol, flowers).ids.tolist()) for s in ("train", "val", "test")]
        assert sum(map(len, parts)) == len(set().union(*parts)) == little_flowers.COUNT
    official, large = (load_flowers("train", 16, p, flowers).split for p in ("official", "large"))
    assert (official, large) == ("train", "test")


def test_real_splits_have_the_known_sizes():
    if not os.environ.get("FLOWERS102_ROOT"):
        pytest.skip("the real photos are not here (FLOWERS102_ROOT is not set)")
    from torchvision.datasets import Flowers102

    root = data.find_root()
    numbers = set()
    for split, count in {"train": 1020, "val": 1020, "test": 6149}.items():
        ids, labels = backstage.listing(root, split)
        theirs = Flowers102(root, split)
        assert [f"image_{i:05d}.jpg" for i in ids] == [Path(file).name for file in theirs._image_files]
        assert labels.tolist() == list(theirs._labels) and len(ids) == count
        numbers |= set(ids.tolist())
    assert len(numbers) == 8189


def test_second_load_reads_the_cache(flowers, monkeypatch):
    first = load_flowers("test", 24, root=flowers).images.clone()
    monkeypatch.setattr(backstage, "_decode", lambda *a: pytest.fail("decoded again"))
    assert torch.equal(load_flowers("test", 24, root=flowers).images, first)
    assert load_flowers("test", 24, "official", flowers).images.shape == (14, 3, 24, 24)


def test_one_load_looks_through_the_folder_once_and_the_next_one_again(flowers, monkeypatch):
    looked, verify = [], backstage._verify
    monkeypatch.setattr(backstage, "_verify", lambda folder: looked.append(folder) or verify(folder))
    for times in (1, 2, 3):
        load_flowers("train", 16, root=flowers)
        assert len(looked) == times
    data.find_root(flowers)
    first = flowers / "flowers-102/jpg/image_00001.jpg"
    Image.new("RGB", (64, 64), "lime").save(first)
    assert load_flowers("train", 16, root=flowers).images[0, :, 8, 8].tolist() == pytest.approx([0, 255, 0], abs=3)


def test_cache_notices_changed_photos(flowers):
    before = load_flowers("train", 24, root=flowers).images.clone()
    Image.new("RGB", (60, 60), "red").save(flowers / "flowers-102/jpg/image_00003.jpg")
    after = load_flowers("train", 24, root=flowers).images
    assert not torch.equal(before[2], after[2]) and torch.equal(before[3], after[3])


def test_writing_to_photos_does_not_reach_the_cache(flowers):
    load_flowers("train", 24, root=flowers).images.zero_()
    assert load_flowers("train", 24, root=flowers).images.float().mean() > 10


def test_damaged_cache_file_is_built_anew(flowers):
    good = load_flowers("train", 24, root=flowers).images.clone()
    (name,) = cache_files()
    path = data.cache_folder() / name
    for damage in (b"", b"nonsense", path.read_bytes()[:-100]):
        path.write_bytes(damage)
        assert torch.equal(load_flowers("train", 24, root=flowers).images, good)


def test_damage_that_keeps_the_size_is_noticed(flowers, capsys):
    good = load_flowers("train", 24, root=flowers).images.clone()
    (name,) = cache_files()
    path = data.cache_folder() / name
    whole, times = path.read_bytes(), path.stat()
    assert "damaged" not in capsys.readouterr().out
    photo = 3 * 24 * 24
    header = len(whole) - 10 * photo - backstage.SUM_BYTES
    swapped = whole[:header] + whole[header + photo : header + 2 * photo] + whole[header : header + photo]
    damages = [swapped + whole[len(swapped) :], whole[:header] + bytes(len(whole) - header)]
    for at in (header, header + 5 * photo, len(whole) - backstage.SUM_BYTES - 1, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[at] ^= 4
        damages.append(bytes(flipped))
    for damage in damages:
        assert len(damage) == len(whole) and damage != whole
        path.write_bytes(damage)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert torch.equal(load_flowers("train", 24, root=flowers).images, good)
        assert f"{name} is damaged, or of an older version: the photos are decoded anew" in capsys.readouterr().out
        assert path.read_bytes() == whole and cache_files() == [name]


def test_a_cache_that_nobody_touched_is_not_read_again_until_next_week(flowers, monkeypatch):
    load_flowers("train", 24, root=flowers)
    checks, checksum, now = [], backstage._checksum, time.time()
    monkeypatch.setattr(backstage, "_checksum", lambda *a: checks.append(1) or checksum(*a))
    for _ in range(3):
        load_flowers("train", 24, root=flowers)
    assert not checks
    monkeypatch.setattr(backstage.time, "time", lambda: now + 8 * 24 * 3600)
    for _ in range(3):
        load_flowers("train", 24, root=flowers)
    assert len(checks) == 1
    for lock in data.cache_folder().glob("*.lock"):
        lock.write_text("")  # as one that waits for it does
    load_flowers("train", 24, root=flowers)
    assert len(checks) == 2


def test_a_disk_that_forgets_is_an_error_and_no_endless_building(flowers, monkeypatch):
    monkeypatch.setattr(backstage, "_read_cache", lambda *a: None)
    with pytest.raises(DataError, match="is not what was written a moment ago: is its disk failing"):
        load_flowers("train", 24, root=flowers)


def test_what_killed_builders_left_is_swept_and_what_lives_is_not(flowers):
    from filelock import FileLock

    folder = data.cache_folder()
    folder.mkdir(parents=True)
    dead, alive, foreign = (
        ".flowers-val-6-9px-0a.npy.partial-7",
        ".flowers-val-6-8px-0b.npy.partial-7",
        ".notes.partial-7",
    )
    for name in (dead, alive, foreign):
        (folder / name).write_bytes(b"half")
    with FileLock(folder / "flowers-val-6-8px-0b.lock"):
        load_flowers("train", 16, root=flowers)
    left = {name for name in cache_files() if not name.endswith(".npy")}
    assert left == {alive, foreign}
    load_flowers("train", 20, root=flowers)
    assert {name for name in cache_files() if not name.endswith(".npy")} == {foreign}


def test_checking_the_cache_costs_little():
    """Beside reading it: a sum over the bytes, at the pace of memory."""
    import io

    content = io.BytesIO(np.random.default_rng(0).bytes(2**25))
    seconds = []
    for _ in range(5):
        start = time.process_time()
        backstage._checksum(content, 2**25)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1  # 33 MB; hashing them takes longer


def test_limit_spreads_over_the_split(flowers):
    assert load_flowers("train", 16, root=flowers, limit=3).ids.tolist() == [1, 5, 10]
    assert len(load_flowers("train", 16, root=flowers, limit=99)) == 10


# ----------------------------------------------------------------------------------------- faults


def test_kill_while_building_leaves_no_bad_cache(flowers):
    process = child(flowers, 20, dawdle=0.3)
    deadline = time.time() + 60
    while not any(".partial-" in n for n in cache_files()) and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [n for n in cache_files() if n.endswith(".npy")] == []
    assert any(".partial-" in n for n in cache_files())
    assert len(load_flowers("test", 20, root=flowers)) == 14
    assert len(cache_files()) == 1  # what the killed process left behind is gone


def test_two_processes_at_once_build_one_cache(flowers):
    pair = [child(flowers, 20, dawdle=0.05) for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in pair]
    assert [p.returncode for p in pair] == [0, 0], answers
    assert answers[0][0] == answers[1][0] != ""
    assert len(cache_files()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX limit on file sizes")
def test_full_disk_is_one_clear_sentence(flowers):
    import resource

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    process = child(flowers, 64, preexec_fn=no_room)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "DataError: could not write the cache" in errors and "free some disk space" in errors
    assert cache_files() == []


def test_missing_photo_is_named(flowers):
    (flowers / "flowers-102/jpg/image_00007.jpg").unlink()
    with pytest.raises(DataError, match=r"half a download: 1 of 32 files are missing, jpg/image_00007.jpg first"):
        load_flowers("train", root=flowers)


def test_empty_photo_is_named(flowers):
    (flowers / "flowers-102/jpg/image_00007.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"image_00007.jpg is empty or damaged"):
        load_flowers("train", root=flowers)


@pytest.mark.parametrize("damage", ["truncated", "text"])
def test_corrupt_photo_is_named_and_leaves_no_cache(flowers, damage):
    path = flowers / "flowers-102/jpg/image_00007.jpg"
    path.write_bytes(path.read_bytes()[:400] if damage == "truncated" else b"<html>not found</html>")
    with pytest.raises(DataError, match=r"image_00007.jpg is not a readable JPEG .*copy or download it again"):
        load_flowers("train", root=flowers)
    assert cache_files() == []


def test_damaged_labels_and_missing_parts_are_named(flowers):
    labels = flowers / "flowers-102/imagelabels.mat"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"imagelabels.mat is empty or damaged"):
        load_flowers("train", root=flowers)
    labels.unlink()
    with pytest.raises(DataError, match=r"1 of 32 files are missing, imagelabels.mat first"):
        load_flowers("train", root=flowers)


def huge_jpeg(path):
    content = bytearray(path.read_bytes())
    at = content.find(b"\xff\xc0")
    content[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    return bytes(content)


FOLDER, SET, LIST = "flowers-102", "flowers-102/setid.mat", "flowers-102/imagelabels.mat"
PHOTO = "flowers-102/jpg/image_00007.jpg"
DAMAGE = {  # name: (what it is done to, what is done)
    "no list": (SET, lambda path: path.unlink()),
    "no labels": (LIST, lambda path: path.unlink()),
    "a list of another set": (SET, lambda path: shutil.copy(path.with_name("imagelabels.mat"), path)),
    "a list cut off": (SET, lambda path: path.write_bytes(path.read_bytes()[:100])),
    "an empty list": (LIST, lambda path: path.write_bytes(b"")),
    "a list with a flipped bit": (LIST, lambda path: path.write_bytes(b"m" + path.read_bytes()[1:])),
    "a list that is a folder": (SET, lambda path: (path.unlink(), path.mkdir())),
    "a list that leads nowhere": (SET, lambda path: (path.unlink(), path.symlink_to("nothing"))),
    "no photos": (FOLDER, lambda path: shutil.rmtree(path / "jpg")),
    "a file in place of the photos": (
        FOLDER,
        lambda path: (shutil.rmtree(path / "jpg"), (path / "jpg").write_bytes(b"x")),
    ),
    "a missing photo": (PHOTO, lambda path: path.unlink()),
    "an empty photo": (PHOTO, lambda path: path.write_bytes(b"")),
    "a photo cut off": (PHOTO, lambda path: path.write_bytes(path.read_bytes()[:600])),
    "half a header": (PHOTO, lambda path: path.write_bytes(path.read_bytes()[:20])),
    "a web page": (PHOTO, lambda path: path.write_bytes(b"<html>404 not found</html>")),
    "a photo of zeros": (PHOTO, lambda path: path.write_bytes(bytes(path.stat().st_size))),
    "a photo that is a folder": (PHOTO, lambda path: (path.unlink(), path.mkdir())),
    "a photo that leads nowhere": (PHOTO, lambda path: (path.unlink(), path.symlink_to("nothing"))),
    "a photo that leads in a circle": (PHOTO, lambda path: (path.unlink(), path.symlink_to(path.name))),
    "a photo in another format": (PHOTO, lambda path: Image.new("RGB", (60, 60)).save(path, "PNG")),
    "a photo of four thousand megapixels": (PHOTO, lambda path: path.write_bytes(huge_jpeg(path))),
    "a photo named otherwise": (PHOTO, lambda path: path.rename(path.with_suffix(".jpeg"))),
    "a pipe": (PHOTO, lambda path: (path.unlink(), os.mkfifo(path))),
    "a list that is a pipe": (SET, lambda path: (path.unlink(), os.mkfifo(path))),
    "a file in place of all": (FOLDER, lambda path: (shutil.rmtree(path), path.write_bytes(b"x"))),
    "nothing at all": (FOLDER, shutil.rmtree),
    "a list nobody may read": (SET, lambda path: path.chmod(0)),
    "photos nobody may read": ("flowers-102/jpg", lambda path: path.chmod(0)),
}


@pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and permissions")
@pytest.mark.parametrize("kind", DAMAGE)
def test_every_kind_of_damage_is_one_sentence_and_leaves_no_cache(flowers, kind):
    name, damage = DAMAGE[kind]
    if "nobody may" in kind and os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    damage(flowers / name)
    with pytest.raises(DataError) as caught:
        load_flowers("train", 16, root=flowers)
    said = str(caught.value)
    told = name.rpartition("/")[2] if "of another" not in kind else "setid.mat"
    assert told in said and "\n" not in said and "Errno" not in said and "attack" not in said, said
    assert any(advice in said for advice in ("copy or download", "Copy or download", "there is no folder")), said
    assert cache_files() == []


def test_foreign_files_are_named_and_hidden_ones_let_be(flowers, recwarn):
    (flowers / "flowers-102/jpg/.DS_Store").write_bytes(b"x")
    load_flowers("train", 16, root=flowers)
    assert not [w for w in recwarn if "Flowers102" in str(w.message)]
    (flowers / "flowers-102/jpg/holiday.jpg").write_bytes(b"x")
    with pytest.warns(UserWarning, match="holiday.jpg"):
        assert len(load_flowers("train", 16, root=flowers)) == 10


def test_wrong_roots_are_explained(flowers, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no folder flowers-102 in it"):
        load_flowers("train", root=tmp_path / "nowhere")
    with pytest.raises(DataError, match="name the folder above it"):
        load_flowers("train", root=flowers / "flowers-102")
    monkeypatch.setenv("FLOWERS102_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="FLOWERS102_ROOT names"):
        load_flowers("train")
    monkeypatch.setenv("FLOWERS102_ROOT", str(flowers))
    assert load_flowers("train", 16).source == "flowers102"


def test_user_cache_is_a_root(flowers):
    flowers.rename(data.cache_folder())
    assert load_flowers("train", 16).source == "flowers102"


def test_without_photos_flowers_are_drawn_under_a_banner(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FLOWERS102_ROOT", raising=False)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path))
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    data._say_once.cache_clear()
    photos = load_flowers("test", 32, limit=5)
    assert (photos.source, photos.images.shape) == ("drawn", (5, 3, 32, 32))
    assert photos.split == "test" and photos.ids.tolist() == [-1, -2, -3, -4, -5]
    assert "DRAWN FLOWERS, NOT PHOTOS" in capsys.readouterr().out
    assert load_flowers("train", 32, limit=5).images.ne(photos.images).any()
    assert capsys.readouterr().out == ""  # once is enough


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "validation"}, "unknown split 'validation'"),
        ({"split": "train", "protocol": "huge"}, "unknown protocol 'huge'"),
        ({"split": "train", "size": 4}, "size to be a whole number from 8 to 512, not 4"),
        ({"split": "train", "limit": 0}, "limit to be a whole number of at least 1, not 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_flowers(**arguments)


# ---------------------------------------------------------------------------------------- batches


@pytest.fixture
def photos(flowers):
    return load_flowers("test", 40, root=flowers)


def some(stream, count):
    return list(itertools.islice(stream, count))


def test_batches_are_scaled_lab_of_the_right_shape(photos):
    for L, ab in some(batches(photos, 4, size=32, seed=0), 7):  # 14 photos: three batches an epoch, and no end
        assert L.shape == (4, 1, 32, 32) and ab.shape == (4, 2, 32, 32)
        assert L.min() >= -1 and L.max() <= 1 and ab.abs().max() < 1
        assert L.std() > 0.1 and ab.std() > 0.05


def test_a_batch_depends_on_seed_and_step_alone(photos):
    whole = some(batches(photos, 4, 32, seed=3), 8)
    for start in (2, 3, 5):
        for (L, ab), (late_L, late_ab) in zip(whole[start:], batches(photos, 4, 32, seed=3, start=start), strict=False):
            assert torch.equal(L, late_L) and torch.equal(ab, late_ab)
    assert not torch.equal(whole[0][0], whole[3][0])  # the next epoch is another
    assert not torch.equal(whole[0][0], next(batches(photos, 4, 32, seed=4))[0])


def test_batches_keep_their_bits(photos):
    """Which photos a step sees may never change: an old run that goes on must end as it would have."""
    numbered = replace(photos, images=torch.arange(14, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, 8, 8) * 10)
    shown = [to_rgb8(L, ab)[:, 0, 4, 4].tolist() for L, ab in some(batches(numbered, 4, 8, seed=3, start=2), 3)]
    assert shown == [[20, 0, 10, 60], [70, 20, 0, 100], [130, 30, 120, 60]]


def test_the_size_may_depend_on_the_step(photos):
    sizes = [L.shape[-1] for L, _ in some(batches(photos, 4, lambda step: 16 if step < 4 else 24, 0, start=2), 4)]
    assert sizes == [16, 16, 24, 24]
    fixed = next(batches(photos, 4, 24, 0, start=5))[1]
    assert torch.equal(fixed, some(batches(photos, 4, lambda step: 8 * (step - 2), 0, start=3), 3)[2][1])


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_a_batch(photos, world):
    """What they get is what one gets, cut and flipped the same: nothing twice, nothing left out."""
    whole = some(batches(photos, 4, 32, 3), 5)
    shares = [some(batches(photos, 4, 32, 3, rank=rank, world=world), 5) for rank in range(world)]
    for step, batch in enumerate(whole):
        for part in range(2):
            together = torch.empty_like(batch[part])
            for rank in range(world):
                assert len(shares[rank][step][part]) == 4 // world
                together[rank::world] = shares[rank][step][part]
            assert torch.equal(together, batch[part])
    with pytest.raises(ValueError, match="shared by 3 processes: choose a multiple of 3"):
        next(batches(photos, 4, 40, 0, world=3))


def test_a_set_smaller_than_a_batch_is_refused_with_advice(photos):
    with pytest.raises(ValueError, match=r"cannot be drawn from 14 photos: use more .* or a batch_size of at most 14"):
        next(batches(photos, 64, 40, 0))
    assert len(next(batches(photos, 14, 40, 0))[0]) == 14


def test_an_epoch_shows_each_photo_once_flipped_half_the_time():
    """Photos whose pixels tell which photo and which column they come from."""
    count, side = 64, 32
    images = torch.zeros(count, 3, side, side, dtype=torch.uint8)
    images[:, 0] = torch.arange(count).view(-1, 1, 1) * 4
    images[:, 1] = torch.arange(side) * 4
    seen = data.crop_and_flip(images, torch.arange(count), 32, torch.Generator().manual_seed(0))
    assert seen[:, 0].float().mean((1, 2)).round().tolist() == [4 * i for i in range(count)]
    flipped = seen[:, 1, 16, 0] > seen[:, 1, 16, -1]
    assert 0.25 < flipped.float().mean() < 0.75
    assert torch.unique(seen[:, 1, 16, 16]).numel() > 3  # crops lie in different places


def test_drawn_photos_are_those_whose_truth_is_known():
    photos = drawn_photos(6, 32, seed=7, kind=COIN_FLIP)
    pictures, truth = draw_flowers(6, 32, seed=7, kind=COIN_FLIP)
    assert np.array_equal(photos.images.permute(0, 2, 3, 1), pictures) and photos.images.is_contiguous()
    assert photos.labels.tolist() == truth.kind.tolist() == [COIN_FLIP] * 6
    assert photos.ids.tolist() == [-1, -2, -3, -4, -5, -6] and (photos.source, photos.split) == ("drawn", "drawn")


def test_to_lab_and_back():
    images = drawn_photos(4, 32).images
    assert (to_rgb8(*to_lab(images)).int() - images.int()).abs().max() <= 1
    L, ab = to_lab(images[:1])
    vivid = to_rgb8(L, ab * 40)  # no screen shows these: they are cut
    assert vivid.dtype == torch.uint8 and {0, 255} <= set(vivid.unique().tolist())
