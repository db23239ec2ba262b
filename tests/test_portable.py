"""helpers.scaling.portable and `python -m helpers.publish onnx`: the same picture under onnxruntime, at any size."""

import sys

import numpy as np
import pytest
import torch

from helpers.backstage.commands import run
from helpers.classification import ClassUNet
from helpers.inference import WEIGHTS, Colorizer, load_generator, save_generator
from helpers.models import PretrainedUNet, UNet
from helpers.publish.__main__ import main as publish
from helpers.scaling import OnnxNetwork, export_onnx, onnx_colorizer
from helpers.scaling.portable import _fixed_padding
from helpers.synthetic import draw_flowers

SIZES = [(1, 1, 1), (1, 31, 33), (2, 64, 64), (1, 97, 40)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The file of weights that ship, by name."""
    pytest.importorskip("onnx", reason="ONNX is an extra: pip install onnx onnxruntime")
    pytest.importorskip("onnxruntime", reason="ONNX is an extra: pip install onnx onnxruntime")
    folder, found = tmp_path_factory.mktemp("onnx"), {}

    def of(name):
        if name not in found:
            found[name] = export_onnx(name, folder / f"{name}.onnx")
        return found[name]

    return of


def lightness(count, height, width):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(height)) * 2 - 1


@pytest.mark.parametrize("name", ["flowers-64", "flowers"])
def test_the_network_is_the_same_at_any_size(name, exported):
    network, model = OnnxNetwork(exported(name), threads=1), load_generator(WEIGHTS / f"{name}.safetensors")[0]
    assert network.config == model.config
    for size in SIZES:
        L = lightness(*size)
        with torch.inference_mode():
            ab = network(L)
            assert ab.shape == (size[0], 2, *size[1:])
            torch.testing.assert_close(ab, model(L), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["flowers-64", "flowers"])
def test_the_picture_is_the_same_within_one_level(name, exported):
    theirs, ours = onnx_colorizer(exported(name), threads=1), Colorizer.from_pretrained(name, "cpu")
    assert theirs.size == ours.size
    (flower,), _ = draw_flowers(1, 120, seed=4)
    for picture in (flower, flower[:70, :113], flower[:90, 5:40]):
        difference = theirs.colorize(picture).astype(int) - ours.colorize(picture).astype(int)
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("make", [lambda: UNet(4, 3, half_res=False, skips=False), lambda: ClassUNet(4, 3)])
def test_a_network_of_other_options_is_the_same(make, exported, tmp_path):
    """No half resolution, no skips, another depth; and one that chooses colors. As a file of a run."""
    exported("flowers-64")  # skips without the packages
    torch.manual_seed(0)
    model = make().eval()
    save_generator(model, tmp_path / "mine.safetensors", 48)
    network = OnnxNetwork(export_onnx(tmp_path / "mine.safetensors", tmp_path / "mine.onnx"))
    assert network.size == 48
    for size in SIZES:
        with torch.inference_mode():
            torch.testing.assert_close(network(lightness(*size)), model(lightness(*size)), rtol=0, atol=1e-4)


def test_the_command_compares_and_says_so(exported, tmp_path, capsys):
    exported("flowers-64")
    assert publish(["onnx", "flowers-64", "-o", str(tmp_path / "mine.onnx")]) == 0
    assert "any size; the same pictures within " in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["mine.onnx"]
    assert publish(["onnx", "roses", "-o", str(tmp_path / "roses.onnx")]) == 1
    assert capsys.readouterr().err.startswith("error: there are no weights 'roses'")


def test_what_paints_another_picture_is_not_kept(exported, tmp_path, capsys, monkeypatch):
    from helpers.publish import portable

    monkeypatch.setattr(portable, "export_onnx", lambda name, out: export_onnx("flowers-64-l1", out))
    exported("flowers-64")
    assert publish(["onnx", "flowers-64", "-o", str(tmp_path / "mine.onnx")]) == 1
    assert "paints another picture" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_what_is_no_such_file_is_named(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    good = onnx.load(exported("flowers-64"))
    del good.metadata_props[:]
    onnx.save(good, tmp_path / "bare.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    for name in ("bare", "text"):
        with pytest.raises(ValueError, match=f"{name}.onnx does not hold a colorizer of this course in ONNX"):
            OnnxNetwork(tmp_path / f"{name}.onnx")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        OnnxNetwork(tmp_path / "nowhere.onnx")


# ------------------------------------------------------------------------------------ without these packages


def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert publish(["onnx", "flowers-64", "-o", str(tmp_path / "mine.onnx")]) == 1
    said = capsys.readouterr().err
    assert said == "error: onnx is missing, which only ONNX needs: run  pip install onnx onnxruntime\n"
    (tmp_path / "mine.onnx").write_bytes(b"")
    assert run(lambda: OnnxNetwork(tmp_path / "mine.onnx")) == 1
    assert capsys.readouterr().err.startswith("error: onnxruntime is missing")


def test_fixed_padding_changes_no_bit():
    """At multiples of 32, which is all that an encoder is given."""
    torch.manual_seed(0)
    model = PretrainedUNet(width=6).eval()
    fixed = _fixed_padding(model)
    assert not [m for m in fixed.modules() if type(m).__name__ == "Conv2dSame"]
    assert [m for m in model.modules() if type(m).__name__ == "Conv2dSame"]  # it works on a copy
    for size in SIZES[1:]:
        with torch.inference_mode():
            assert torch.equal(fixed(lightness(*size)), model(lightness(*size)))
