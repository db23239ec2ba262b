"""helpers.inference: every kind of picture, bad ones too, and what a photo costs."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage.color import rgb2lab

from helpers import inference
from helpers.inference import (
    Colorizer,
    ImageError,
    load_generator,
    open_image,
    pretrained_names,
    read_card,
    save_generator,
    training_minutes,
)
from helpers.models import HintUNet, UNet
from helpers.synthetic import draw_flowers


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer.from_pretrained("flowers-64", device="cpu")


@pytest.fixture(scope="module")
def flower():
    return draw_flowers(1, 96, seed=4)[0][0][:, :80]  # (96, 80, 3): not square


def gray(picture):
    return np.asarray(Image.fromarray(picture).convert("L"))


# --------------------------------------------------------------------------------------- coloring


def test_keeps_lightness_and_brings_color(colorizer, flower):
    before = np.repeat(gray(flower)[..., None], 3, axis=2)
    after = colorizer.colorize(before)
    assert after.shape == before.shape and after.dtype == np.uint8
    lab_before, lab_after = rgb2lab(before), rgb2lab(after)
    inside = (after > 0).all(2) & (after < 255).all(2)  # elsewhere the gamut cut it
    assert np.abs(lab_before[..., 0] - lab_after[..., 0])[inside].max() < 1
    assert np.hypot(*np.moveaxis(lab_after[..., 1:], -1, 0)).mean() > 5


def test_does_not_peek_at_the_colors(colorizer, flower):
    """A colored picture and one of the same lightness without color are painted alike."""
    from helpers.color import lab_to_rgb, rgb_to_lab

    lab = rgb_to_lab(torch.from_numpy(flower.copy()).permute(2, 0, 1))
    lab[1:] = 0
    without = (lab_to_rgb(lab) * 255).round().byte().permute(1, 2, 0).numpy()
    difference = np.abs(colorizer.colorize(flower).astype(int) - colorizer.colorize(without).astype(int))
    assert difference.mean() < 2


def test_saturation(colorizer, flower):
    none, normal, strong = (colorizer.colorize(flower, saturation=s) for s in (0, 1, 2))
    assert np.ptp(none.astype(int), axis=2).max() <= 1
    chroma = [np.hypot(*np.moveaxis(rgb2lab(p)[..., 1:], -1, 0)).mean() for p in (none, normal, strong)]
    assert chroma[0] < 1 < chroma[1] < chroma[2]
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="saturation is"):
            colorizer.colorize(flower, saturation=wrong)


def test_strips_change_nothing(colorizer, flower, monkeypatch):
    whole = colorizer.colorize(flower)
    monkeypatch.setattr(inference, "STRIP_PIXELS", 500)
    assert np.abs(colorizer.colorize(flower).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("size", [(8, 8), (9, 200), (300, 11), (64, 64), (257, 131)])
def test_any_size(colorizer, size):
    picture = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    assert colorizer.colorize(picture).shape == (*size, 3)


# ---------------------------------------------------------------------------------- kinds of picture

MODES = {
    "gray": lambda rgb: Image.fromarray(rgb).convert("L"),
    "RGB": Image.fromarray,
    "1 bit": lambda rgb: Image.fromarray(rgb).convert("1"),
    "palette": lambda rgb: Image.fromarray(rgb).quantize(64),
    "CMYK": lambda rgb: Image.fromarray(rgb).convert("CMYK"),
    "YCbCr": lambda rgb: Image.fromarray(rgb).convert("YCbCr"),
    "HSV": lambda rgb: Image.fromarray(rgb).convert("HSV"),
    "16 bit": lambda rgb: Image.fromarray(gray(rgb).astype(np.uint16) * 257),
    "32 bit float": lambda rgb: Image.fromarray(gray(rgb).astype(np.float32) / 255),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_the_same_picture(mode, flower):
    rgb, alpha = open_image(MODES[mode](flower))
    assert rgb.shape == flower.shape and rgb.dtype == np.uint8 and alpha is None
    off = np.abs(gray(rgb).astype(int) - gray(flower)).mean()
    assert off < (128 if mode == "1 bit" else 6), off


@pytest.mark.parametrize("mode", ["RGBA", "LA", "palette"])
def test_alpha_is_kept(mode, flower, colorizer):
    shape = np.zeros(flower.shape[:2], np.uint8)
    shape[10:60, 10:60] = 255
    picture = Image.fromarray(flower)
    picture.putalpha(Image.fromarray(shape))
    if mode == "LA":
        picture = picture.convert("LA")
    elif mode == "palette":
        picture = picture.quantize(32)
    colored = colorizer.colorize(picture)
    assert colored.shape == (*flower.shape[:2], 4)
    assert np.array_equal(colored[..., 3], shape)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(lambda p: p, id="uint8"),
        pytest.param(lambda p: p / 255, id="float64"),
        pytest.param(lambda p: (p / 255).astype(np.float32), id="float32"),
        pytest.param(lambda p: p.astype(np.uint16) * 257, id="uint16"),
        pytest.param(lambda p: np.minimum(p.astype(np.uint32) * 257 + 128, 65535).astype(np.uint16), id="uint16, down"),
        pytest.param(lambda p: p[::-1][::-1], id="strided"),
    ],
)
def test_arrays(array, flower):
    assert np.array_equal(open_image(array(flower))[0], flower)
    one = array(gray(flower))
    assert np.array_equal(open_image(one)[0][..., 0], gray(flower))
    assert np.array_equal(open_image(one[..., None])[0][..., 0], gray(flower))


@pytest.mark.parametrize("source", ["path", "text path", "bytes", "PIL"])
def test_sources(source, flower, tmp_path, colorizer):
    path = tmp_path / "flower.png"
    Image.fromarray(flower).save(path)
    given = {"path": path, "text path": str(path), "bytes": path.read_bytes(), "PIL": Image.open(path)}[source]
    assert np.array_equal(colorizer.colorize(given), colorizer.colorize(flower))


def test_exif_rotation_is_applied(flower, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    Image.fromarray(flower).save(tmp_path / "turned.jpg", exif=exif, quality=98)
    assert open_image(tmp_path / "turned.jpg")[0].shape == (80, 96, 3)


# ------------------------------------------------------------------------------------- bad pictures


def jpeg(picture, **options):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_bad_files_are_named_in_one_sentence(tmp_path, flower, colorizer):
    whole = jpeg(flower, quality=98)
    files = {
        "missing.jpg": (None, "does not exist"),
        "empty.jpg": (b"", "is empty"),
        "text.jpg": (b"Dear diary, today I renamed a text file.", "no picture format that Pillow knows"),
        "half.jpg": (whole[: len(whole) // 2], "cannot be read as a picture"),
        "dot.png": (None, "too small to color: 1 x 1 pixels, at least 8 x 8"),
    }
    for name, (content, message) in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        if name == "dot.png":
            Image.new("L", (1, 1)).save(tmp_path / name)
        with pytest.raises(ImageError) as caught:
            colorizer.colorize(tmp_path / name)
        text = str(caught.value)
        assert name in text and message in text and "\n" not in text
    with pytest.raises(ImageError, match="is a folder"):
        colorizer.colorize(tmp_path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 0, 3), np.uint8), "no pixels"),
        (np.zeros((20, 20, 2), np.uint8), "has shape"),
        (np.zeros(20, np.uint8), "has shape"),
        (np.full((20, 20), 3.0), "floats outside 0 to 1"),
        (np.full((20, 20), np.nan), "floats outside 0 to 1"),
        (np.zeros((20, 20), np.int64), "is of int64"),
        (np.zeros((1, 1), np.uint8), "too small"),
    ],
)
def test_bad_arrays_are_explained(array, message):
    with pytest.raises(ImageError, match=message):
        open_image(array)
    with pytest.raises(TypeError, match="not dict"):
        open_image({})


# ------------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("half", [False, True])
def test_weights_round_trip_and_are_the_same_bytes_each_time(tmp_path, half):
    model, path = UNet(8, 3, half_res=False).eval(), tmp_path / "mine.safetensors"
    save_generator(model, path, size=48, half=half)
    again, card = load_generator(path)
    assert card == {} and again.config == model.config and again.head.weight.dtype == torch.float32
    for mine, theirs in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(mine.half().to(mine.dtype) if half and mine.is_floating_point() else mine, theirs)
    before = path.read_bytes()
    for _ in range(10):  # the library alone would order the two notes of the header by chance
        save_generator(model, path, size=48, half=half)
        assert path.read_bytes() == before


def test_bad_weights_are_named(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_generator(UNet(8, 3), path, size=64)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"mine.safetensors does not hold a generator"):
        Colorizer.from_pretrained(path)
    with pytest.raises(FileNotFoundError, match="no generator at"):
        Colorizer.from_pretrained(tmp_path / "nothing.safetensors")
    with pytest.raises(ValueError, match="no weights 'roses': choose one of .*flowers-64"):
        Colorizer.from_pretrained("roses")


def test_weights_with_a_flipped_bit_or_no_numbers_color_nothing(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_generator(UNet(4, 2), path, size=64)
    content = bytearray(path.read_bytes())
    content[-100] ^= 16
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine.safetensors is damaged, its checksum is another: copy it again"):
        Colorizer.from_pretrained(path)
    model = UNet(4, 2)
    model.encoder[1][1].running_var[0] = np.nan
    save_file(model.state_dict(), path, {"config": json.dumps(model.config), "size": "64"})
    with pytest.raises(
        ValueError, match=r"mine.safetensors holds values that are no numbers \(encoder.1.1.running_var"
    ):
        Colorizer.from_pretrained(path)


def test_weights_that_cannot_be_read_are_not_called_missing(tmp_path, monkeypatch):
    path = tmp_path / "mine.safetensors"
    save_generator(UNet(4, 2), path, size=64)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(ValueError, match="mine.json is damaged: it is no JSON"):
        Colorizer.from_pretrained(path)
    path.with_suffix(".json").unlink()

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match="mine.safetensors"):
        Colorizer.from_pretrained(path)


@pytest.mark.parametrize("config", ["[]", "3", '{"width": 0}', '{"width": "x"}', '{"kind": "Colorizer"}', "{"])
def test_a_strange_header_is_told_with_the_name_of_the_file(config, tmp_path):
    save_file(UNet(4, 2).state_dict(), path := tmp_path / "mine.safetensors", {"config": config})
    with pytest.raises(ValueError, match="mine.safetensors does not hold a generator of this course"):
        load_generator(path)


def test_weights_moved_out_of_their_folder_color_at_their_own_size(tmp_path, flower):
    for name in pretrained_names():
        shutil.copy(inference.WEIGHTS / f"{name}.safetensors", tmp_path / "moved.safetensors")
        moved, home = (Colorizer.from_pretrained(x, device="cpu") for x in (tmp_path / "moved.safetensors", name))
        assert moved.size == home.size == read_card(name)["recipe"]["size"]
        assert np.array_equal(moved.colorize(flower), home.colorize(flower))


@pytest.mark.parametrize("size", ["0", "7", "513", "1000000", "9" * 5000, "-32", "6 4", "many"])
def test_no_picture_is_colored_at_a_size_that_no_network_was_trained_at(tmp_path, size):
    path, model = tmp_path / "it.safetensors", UNet(4, 2)
    save_file(model.state_dict(), path, {"config": json.dumps(model.config), "size": size})
    with pytest.raises(ValueError, match="it.safetensors does not say at what size, 8 to 512 px, it was trained"):
        Colorizer.from_pretrained(path)


def test_files_from_before_the_header_knew_the_size_take_it_from_beside_or_say_what_to_do(tmp_path):
    path, model = tmp_path / "old.safetensors", UNet(4, 2)
    save_file(model.state_dict(), path, {"config": json.dumps(model.config)})
    with pytest.raises(ValueError, match="does not say at what size, .* write it in once: save_generator"):
        Colorizer.from_pretrained(path)
    (tmp_path / "recipe.json").write_text('{"size": 48}')
    assert Colorizer.from_pretrained(path).size == 48
    path.with_suffix(".json").write_text('{"recipe": {"size": 80}}')
    assert Colorizer.from_pretrained(path).size == 80
    save_generator(load_generator(path)[0], path, size=96)  # what the error says
    assert Colorizer.from_pretrained(path).size == 96


def test_minutes_of_training_count_what_weights_went_on_from():
    first = {"training": {"seconds": 90.0}}
    second = {"training": {"seconds": 30.0}, "started_from": first}
    third = {"training": {"seconds": 60.0}, "started_from": second}
    assert [training_minutes(card) for card in (first, second, third)] == [1.5, 2.0, 3.0]
    card = read_card("flowers")
    assert training_minutes(card) > card["training"]["seconds"] / 60 + 80  # it went on from 84 minutes


def test_shipped_weights_are_as_good_as_their_cards_say():
    """On the real photos when they are here; on 256 of them, within the noise of so few."""
    if not os.environ.get("FLOWERS102_ROOT"):
        pytest.skip("the real photos are not here (FLOWERS102_ROOT is not set)")
    from helpers.data import load_flowers
    from helpers.metrics import ciede2000, colorfulness, judge, predict, psnr

    def judged(painter, photos):  # without SSIM, of which cards say little and which takes a quarter of the time
        truth, guess = photos.images, predict(painter, photos)
        each = {"psnr": psnr(truth, guess), "delta_e": ciede2000(truth, guess), "colorfulness": colorfulness(guess)}
        return judge(truth, guess, each=each)

    gray_cards, photos = {}, {}
    for name in pretrained_names():
        colorizer = Colorizer.from_pretrained(name, device="cpu")
        if isinstance(colorizer.model, HintUNet):  # without hints the painter that it went on from, to the bit
            still = Colorizer.from_pretrained("flowers-l1", device="cpu")
            for metric, marks in still.card["scorecard"]["values"].items():  # summed in other parts, perhaps
                assert colorizer.card["scorecard"]["values"][metric] == pytest.approx(marks, rel=1e-6), metric
            part = colorizer.model.state_dict()
            assert all(torch.equal(part[key], value) for key, value in still.model.state_dict().items())
            L = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
            with torch.no_grad():
                assert torch.equal(colorizer.model(L), still.model(L))
            continue
        recipe = colorizer.card["recipe"]
        key = recipe["size"], recipe["protocol"]
        if key not in photos:
            photos[key] = load_flowers("test", *key, limit=256)
            gray_cards[key] = judged("gray", photos[key])
        mine, gray_card, said = (
            judged(colorizer.model, photos[key]),
            gray_cards[key],
            colorizer.card["scorecard"]["values"],
        )
        for metric in ("psnr", "delta_e", "colorfulness"):
            mean, low, high = mine.values[metric]
            assert low - (mean - low) <= said[metric][0] <= high + (high - mean), (name, metric)
        assert mine["psnr"] > gray_card["psnr"] and mine["delta_e"] < gray_card["delta_e"]
        assert mine["colorfulness"] > 30


# ------------------------------------------------------------------------------------------- what it costs


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
def test_twelve_megapixels_fit_in_two_gigabytes(tmp_path, flower):
    Image.fromarray(flower).resize((4000, 3000)).save(tmp_path / "large.jpg")
    code = (
        "import sys; from helpers.inference import Colorizer;"
        "print(Colorizer.from_pretrained('flowers-64', device='cpu').colorize(sys.argv[1]).shape);"
        "print([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "large.jpg")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shape, peak = done.stdout.splitlines()
    assert shape == "(3000, 4000, 3)" and int(peak) < 2e6  # kB
