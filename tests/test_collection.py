"""backstage/collection.py and `helpers.scaling.load_photos`: a folder of one's own photos in place of Flowers102."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from helpers import cli
from helpers.backstage import collection, flowers
from helpers.backstage.exif import said_colored
from helpers.data import DataError
from helpers.recipe import PRESETS
from helpers.runs import train
from helpers.scaling import load_photos
from helpers.synthetic import draw_flowers

COUNT = 24
SMOKE = replace(PRESETS["smoke"], size=16, load_size=20, color_steps=2, critic_steps=1, gan_steps=1, width=4, depth=2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    collection._say_once.cache_clear()


@pytest.fixture
def album(tmp_path):
    """24 drawn photos, 60 x 40 px, in two folders and three formats."""
    folder = tmp_path / "album"
    pictures, _ = draw_flowers(COUNT, 40, seed=3)
    for i, picture in enumerate(pictures):
        place = folder / ("2019" if i % 2 else "2020") / f"IMG_{i:02}.{('png', 'bmp', 'tif')[i % 3]}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate([picture, picture[:, :20]], axis=1)).save(place)
    return folder


def splits(folder, size=16, **more):
    return {split: load_photos(folder, split, size, **more) for split in ("train", "val", "test")}


def pixels(photos):
    return [image.numpy().tobytes() for image in photos.images]


def images_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


# -------------------------------------------------------------------------------------------- what is read


def test_photos_are_what_coloring_sees(album):
    found = splits(album, 32)
    paths = sorted(images_in(album))
    for split, photos in found.items():
        assert (photos.source, photos.split, photos.size) == ("own photos", split, 32)
        assert photos.images.dtype == torch.uint8 and set(photos.labels.tolist()) == {0}
        for image, number in zip(photos.images, photos.ids, strict=True):
            picture = Image.open(paths[number]).convert("RGB")
            fitted = np.asarray(ImageOps.fit(picture, (32, 32), Image.Resampling.LANCZOS))
            assert np.array_equal(image.permute(1, 2, 0), fitted)


def test_profiles_and_orientation_count(album):
    """The same picture, turned by its EXIF tag: the course sees it upright."""
    path = album / "turned.jpg"
    red_above = np.zeros((40, 60, 3), np.uint8)
    red_above[:20, :, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(red_above).save(path, exif=exif, quality=95)
    photos = splits(album)
    number = sorted(images_in(album)).index(path)
    (image,) = (part.images[part.ids == number][0] for part in photos.values() if number in part.ids)
    assert image[0, 12, 8] > 200 and image[0, 3, 8] < 50


def test_hidden_files_and_what_systems_keep_are_passed_over(album):
    before = {split: pixels(photos) for split, photos in splits(album).items()}
    for name in (".hidden.png", ".trash/a.png", "@eaDir/a.png", "notes.txt", "Thumbs.db"):
        (album / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), "red").save(album / name, "PNG")
    (album / "notes.txt").write_text("no picture")
    (album / "Thumbs.db").write_bytes(b"no picture")
    assert {split: pixels(photos) for split, photos in splits(album).items()} == before


def test_bad_files_are_left_out_and_named_once(album, capsys):
    good = splits(album)
    (album / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    (album / "empty.png").write_bytes(b"")
    (album / "2019/raw.cr2").write_bytes(b"raw")
    (album / "unnamed").write_bytes((album / "2020/IMG_00.png").read_bytes())
    capsys.readouterr()
    found = splits(album)
    said = capsys.readouterr().out
    assert [pixels(found[split]) for split in good] == [pixels(good[split]) for split in good]
    assert said.startswith("4 pictures are left out: ") and len(said.splitlines()) == 1
    for words in ("broken.jpg ", "empty.png ", "raw.cr2: a camera's raw data", "unnamed begins like a PNG"):
        assert words in said
    assert "by name" not in said and "rename it" in said


def test_of_many_bad_files_all_are_counted(album, capsys):
    for i in range(12):
        (album / f"{i:02}.png").write_bytes(b"")
    splits(album)
    said = capsys.readouterr().out
    assert said.startswith("12 pictures are left out: ") and "… and 2 more" in said


def test_what_could_not_be_read_is_tried_again(album):
    whole = (album / "2020/IMG_00.png").read_bytes()
    times = os.stat(album / "2020/IMG_00.png")
    (album / "2020/IMG_00.png").write_bytes(b"")
    assert sum(map(len, splits(album).values())) == COUNT - 1
    (album / "2020/IMG_00.png").write_bytes(whole)
    os.utime(album / "2020/IMG_00.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert sum(map(len, splits(album).values())) == COUNT


def test_pictures_of_this_course_and_gray_ones_are_told(album, capsys):
    picture = Image.open(album / "2020/IMG_00.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture.save(album / "colored.png", exif=said_colored(None, picture.size))
    picture.convert("L").save(album / "gray.png")
    assert sum(map(len, splits(album).values())) == COUNT + 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1 picture is left out: ") and "colored.png was colored by a network" in said[0]
    assert said[1].startswith("1 picture is gray, and teaches to paint gray: ") and said[1].endswith("gray.png")


# ----------------------------------------------------------------------------------------------- the splits


def test_splits_share_no_photo_and_leave_none_out(album):
    for seed in (0, 1):
        found = splits(album, seed=seed)
        assert {split: len(photos) for split, photos in found.items()} == {"train": 20, "val": 2, "test": 2}
        ids = [set(photos.ids.tolist()) for photos in found.values()]
        assert set.union(*ids) == set(range(COUNT)) and sum(map(len, ids)) == COUNT
    assert not torch.equal(splits(album)["val"].ids, found["val"].ids)


def test_a_split_does_not_depend_on_the_size(album):
    assert [p.ids.tolist() for p in splits(album, 16).values()] == [p.ids.tolist() for p in splits(album, 40).values()]


def test_copies_count_once_whatever_their_name_date_and_format(album, capsys):
    before = splits(album)
    source = album / "2020/IMG_00.png"
    shutil.copy(source, album / "zz copy.png")
    exif = Image.Exif()
    exif[0x010E] = "another caption"
    for name in ("zz edited.png", "zz other.tif"):
        Image.open(source).save(album / name, exif=exif)
    if sys.platform != "win32":
        (album / "zz link.png").symlink_to(source)
    after = splits(album)
    for split in before:
        assert torch.equal(before[split].images, after[split].images)
    assert "are counted once: " in capsys.readouterr().out
    seen = [image for photos in after.values() for image in pixels(photos)]
    assert len(seen) == len(set(seen)) == COUNT


def test_names_and_places_change_nothing(album, tmp_path):
    """No bit, and no order: a run goes on with a folder that was moved, renamed and put in order."""
    before = {split: photos.images.clone() for split, photos in splits(album).items()}
    other = tmp_path / "elsewhere"
    for i, path in enumerate(reversed(images_in(album))):
        place = other / f"{i % 5}" / f"{i}{path.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    after = splits(other)
    assert all(torch.equal(before[split], after[split].images) for split in before)


def test_one_more_photo_moves_few(album):
    before = {split: set(pixels(photos)) for split, photos in splits(album).items()}
    Image.new("RGB", (50, 50), "blue").save(album / "one more.png")
    after = {split: set(pixels(photos)) for split, photos in splits(album).items()}
    assert sum(len(before[split] - after[split]) for split in before) <= 2


def test_not_more_than_a_thousand_are_held_out(tmp_path):
    photos = [(tmp_path / f"{i}", f"{i:032}") for i in range(30_000)]
    found = collection.Collection(tmp_path, photos, [])
    assert [len(found.split(name, 0)) for name in ("train", "val", "test")] == [28_000, 1_000, 1_000]


def test_limit_is_the_beginning_of_the_split(album):
    assert torch.equal(load_photos(album, "train", 16, limit=5).ids, load_photos(album, "train", 16).ids[:5])
    assert len(load_photos(album, "val", 16, limit=99)) == 2


# ------------------------------------------------------------------------------------------------ the cache


def test_what_was_read_is_not_read_again(album, monkeypatch):
    first = splits(album)
    opened = []
    read = collection.read_picture
    monkeypatch.setattr(collection, "read_picture", lambda path, *more: opened.append(path) or read(path, *more))
    again = splits(album)
    assert all(torch.equal(first[split].images, again[split].images) for split in first) and opened == []
    Image.new("RGB", (50, 50), "blue").save(new := album / "new.png")
    splits(album)
    assert opened.count(new) == 2  # looked at once, decoded once: and of the others those of a changed split alone
    splits(album, 24)
    assert len(opened) > 20


def test_a_changed_photo_is_noticed(album):
    before = pixels(load_photos(album, "train", 16)) + pixels(load_photos(album, "val", 16))
    path = album / "2020/IMG_00.png"
    times = path.stat()
    Image.open(path).rotate(180).save(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    found = splits(album)
    assert len(set(before) - {image for photos in found.values() for image in pixels(photos)}) in (0, 1)
    number = sorted(images_in(album)).index(path)
    (image,) = (part.images[part.ids == number][0] for part in found.values() if number in part.ids)
    with Image.open(path) as picture:
        fitted = ImageOps.fit(picture.convert("RGB"), (16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(image.permute(1, 2, 0), np.asarray(fitted))


def test_a_damaged_cache_is_built_anew(album):
    good = {split: photos.images.clone() for split, photos in splits(album).items()}
    for path in (flowers.cache_folder()).glob("photos-*"):
        content = bytearray(path.read_bytes())
        if path.suffix != ".lock":
            content[len(content) // 2] ^= 1
            path.write_bytes(bytes(content))
    again = splits(album)
    assert all(torch.equal(good[split], again[split].images) for split in good)


def test_a_photo_that_changes_while_it_is_read_is_no_bad_cache(album, monkeypatch):
    survey = collection.survey

    def late(*arguments):
        found = survey(*arguments)
        Image.new("RGB", (60, 40), "blue").save(album / "2020/IMG_00.png")
        (album / "2020/IMG_02.tif").write_bytes(b"")
        return found

    monkeypatch.setattr(collection, "survey", late)
    with pytest.raises(DataError, match="IMG_0[02].* (changed while it was read|be read a moment ago).*again"):
        splits(album)
    monkeypatch.setattr(collection, "survey", survey)
    assert sum(map(len, splits(album).values())) == COUNT - 1


def test_what_was_read_until_it_was_stopped_is_kept(album, monkeypatch):
    look, looked = collection._look, []

    def stopped(path):
        if len(looked) == 10:
            raise KeyboardInterrupt
        looked.append(path)
        return look(path)

    monkeypatch.setattr(flowers.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(collection, "_look", stopped)
    with pytest.raises(KeyboardInterrupt):
        load_photos(album, "train", 16)
    monkeypatch.setattr(collection, "_look", lambda path: looked.append(path) or look(path))
    assert len(load_photos(album, "train", 16)) == 20 and len(looked) == COUNT == len(set(looked))


def test_a_cache_that_cannot_be_written_is_one_sentence(album, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="could not write .*file.* set COLORIZE_CACHE to another folder"):
        load_photos(album, "train", 16)


# ------------------------------------------------------------------------------------------------- mistakes


def test_wrong_folders_are_named(album, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, words in {
        tmp_path / "nowhere": "nowhere does not exist",
        tmp_path / "empty": "empty holds no pictures",
        album / "2020/IMG_00.png": "IMG_00.png is a file: name the folder",
    }.items():
        with pytest.raises(DataError, match=words):
            load_photos(folder, "train")
    (tmp_path / "empty/bad.png").write_bytes(b"")
    for i in range(2):
        Image.new("RGB", (9, 9), ("red", "blue")[i]).save(tmp_path / f"empty/{i}.png")
    with pytest.raises(DataError, match=r"holds 2 photos that can be used \(1 picture is left out: .*bad.png .*three"):
        load_photos(tmp_path / "empty", "train")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "held out"}, "unknown split 'held out'"),
        ({"split": "train", "size": 4}, "size to be a whole number from 8 to 512, not 4"),
        ({"split": "train", "limit": 0}, "limit to be a whole number of at least 1, not 0"),
        ({"split": "train", "seed": -1}, "seed to be a whole number of at least 0, not -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_photos(tmp_path, **arguments)


# ---------------------------------------------------------------------------------------------- a training


def test_a_run_on_other_photos_is_refused(album, tmp_path):
    photos, val = load_photos(album, "train", 20), load_photos(album, "val", 16)
    train(SMOKE, tmp_path / "run", photos, val, stop_after=1, show=False)
    Image.new("RGB", (50, 50), "blue").save(album / "one more.png")
    with pytest.raises(ValueError, match=r"was made by other photos: .*crc32 .* Choose another folder"):
        train(SMOKE, tmp_path / "run", load_photos(album, "train", 20), val, show=False)
    (album / "one more.png").unlink()
    run = train(SMOKE, tmp_path / "run", load_photos(album, "train", 20), val, show=False)
    assert run.finished
    known = json.loads((tmp_path / "run/timing.json").read_text())["photos"]
    assert (known["source"], known["count"]) == ("own photos", 20) and known["crc32"]
    assert torch.load(tmp_path / "run/last.pt", weights_only=True)["photos"] == known


def options(out, *more):
    settings = ["size=16", "load_size=20", "color_steps=2", "critic_steps=1", "gan_steps=1", "width=4", "depth=2"]
    return ["--preset", "smoke", "--out", str(out), *more, "--set", "encoder=none", *settings]


def test_the_command_trains_on_a_folder_and_judges_on_what_it_held_out(album, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FLOWERS102_ROOT", "")
    assert cli.main(options(tmp_path / "run", "--photos", str(album))) == 0
    assert "U-Net + GAN" in capsys.readouterr().out
    card = json.loads((tmp_path / "run/scorecard.json").read_text())
    assert (card["protocol"], card["source"], card["trained_on"], card["photos"]) == ("own photos",) * 3 + (2,)
    assert cli.main(options(tmp_path / "run", "--photos", str(album.rename(tmp_path / "moved")))) == 0
    assert "U-Net + GAN" in capsys.readouterr().out
    assert cli.main(options(tmp_path / "run")) == 1  # without: other photos
    assert "source (own photos there, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--photos", " "], 2, "error: --photos is empty"),
        (["--photos", "{album}", "--protocol", "large"], 2, "error: --photos takes the place of Flowers102"),
        (["--photos", "{album}", "--root", "x"], 2, "error: --photos takes the place of Flowers102"),
        (["--photos", "{album}/.."], 2, "error: --out {out} lies in "),
        (["--photos", "nowhere"], 1, "error: nowhere does not exist"),
        (["--photos", "{album}", "--set", "batch_size=21"], 1, "error: a batch of 21 cannot be drawn from 20 photos"),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence(more, code, message, album, tmp_path, capsys):
    out = Path(tmp_path / "run")
    assert cli.main([*options(out), *(word.format(album=album) for word in more)]) == code
    err = capsys.readouterr().err
    assert err.startswith(message.format(out=out)) and len(err.splitlines()) == 1
    assert not list(out.rglob("*.json"))
