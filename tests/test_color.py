"""rgb_to_lab and lab_to_rgb against scikit-image, over the gamut and at its edges."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color as skimage_color

from helpers.backstage import curves
from helpers.color import in_gamut, lab_to_rgb, lightness, rgb_to_lab, scale_lab, unscale_lab


def grid(steps=33):
    """RGB of a regular grid over the whole cube, (1, 3, steps², steps)."""
    axis = torch.linspace(0, 1, steps)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).reshape(1, 3, steps * steps, steps)


def by_skimage(function, image):
    return torch.from_numpy(function(image.double().movedim(-3, -1).numpy())).movedim(-1, -3)


def test_agrees_with_skimage_over_the_whole_gamut_both_ways():
    rgb = grid()
    lab = by_skimage(skimage_color.rgb2lab, rgb)
    assert (rgb_to_lab(rgb) - lab).abs().max() < 1e-3
    back = by_skimage(skimage_color.lab2rgb, lab)
    assert (lab_to_rgb(lab.float()) - back).abs().max() < 1e-4
    # 1e-3 Lab units both ways: what comes back, seen as Lab again
    assert (by_skimage(skimage_color.rgb2lab, lab_to_rgb(lab.float())) - lab).abs().max() < 1e-3


def test_uint8_lookup_agrees_for_every_byte():
    rgb = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256).clone()
    rgb[1] = rgb[1].flip(-1)
    assert (rgb_to_lab(rgb) - by_skimage(skimage_color.rgb2lab, rgb.float() / 255)).abs().max() < 1e-3
    assert (rgb_to_lab(rgb) - rgb_to_lab(rgb.float() / 255)).abs().max() < 1e-3


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.sampled_from([(3, 1, 1), (3, 5, 7), (2, 3, 4, 9), (2, 2, 3, 3, 3)]))
def test_any_shape_and_round_trip(seed, shape):
    rgb = torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))
    lab = rgb_to_lab(rgb)
    assert lab.shape == rgb.shape
    assert (lab - by_skimage(skimage_color.rgb2lab, rgb)).abs().max() < 1e-3
    assert (lab_to_rgb(lab) - rgb).abs().max() < 1e-5
    L, ab = scale_lab(lab)
    assert L.min() >= -1.0001 and L.max() <= 1.0001 and ab.abs().max() <= 1
    assert (unscale_lab(L, ab) - lab).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(40, 3, 64, 64), (3, 3, 300, 500), (1, 3, 1, 2**17 + 5), (3, 3, 2**17 // 4 - 1, 3)])
def test_chunks_change_nothing(shape, monkeypatch):
    rgb = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    for convert in (rgb_to_lab, lambda lab: lab_to_rgb(lab * 60)):
        chunked = convert(rgb)
        with monkeypatch.context() as m:
            m.setattr(curves, "CHUNK_PIXELS", rgb.numel())
            assert torch.allclose(chunked, convert(rgb), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (301, 517)])
def test_lightness_alone_has_the_same_bits(size, monkeypatch):
    rgb = torch.from_numpy(np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8))
    whole = rgb_to_lab(rgb.permute(2, 0, 1).contiguous())[:1]
    assert torch.equal(lightness(rgb), whole) and torch.equal(lightness(rgb.flip(1)), whole.flip(2))
    monkeypatch.setattr(curves, "CHUNK_PIXELS", 1000)
    assert torch.equal(lightness(rgb), whole)


@pytest.mark.parametrize(
    ("rgb", "error"), [(torch.rand(4, 5, 3), TypeError), (torch.zeros(3, 4, 5, dtype=torch.uint8), ValueError)]
)
def test_lightness_refuses_what_is_no_picture(rgb, error):
    with pytest.raises(error, match="lightness"):
        lightness(rgb)


def test_fast_path_equals_the_differentiable_one():
    rgb = grid(17)
    assert (rgb_to_lab(rgb) - rgb_to_lab(rgb.clone().requires_grad_()).detach()).abs().max() < 5e-4
    lab = rgb_to_lab(rgb) * 1.3  # out of gamut, too
    slow = lab_to_rgb(lab.clone().requires_grad_(), clip=False).detach()
    assert (lab_to_rgb(lab, clip=False) - slow).abs().max() < 1e-4  # a 39th of one byte step


def test_input_is_not_changed():
    for tensor in (torch.rand(2, 3, 8, 8), torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)):
        before = tensor.clone()
        rgb_to_lab(tensor)
        assert torch.equal(tensor, before)


@pytest.mark.parametrize("value", [-2.0, -0.055, 0.0, 1e-8, 0.04045, 0.5, 1.0, 3.0])
def test_gradients_are_finite_everywhere(value):
    rgb = torch.full((3, 2, 2), value, requires_grad=True)
    rgb_to_lab(rgb).sum().backward()
    assert rgb.grad.isfinite().all()
    for lab in ([0, 0, 0], [100, 0, 0], [value * 50, 110, -110], [50, -200, 200]):
        lab = torch.tensor(lab, dtype=torch.float32).view(3, 1, 1).requires_grad_()
        lab_to_rgb(lab, clip=False).sum().backward()
        assert lab.grad.isfinite().all()


def test_gradients_are_right():
    rgb = torch.rand(3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(rgb_to_lab, rgb)
    lab = rgb_to_lab(rgb).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: lab_to_rgb(x, clip=False), lab)


def test_half_precision_and_autocast_compute_in_float32():
    rgb = torch.rand(1, 3, 8, 8)
    assert rgb_to_lab(rgb.bfloat16()).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        lab = rgb_to_lab(rgb.clone().requires_grad_())
    assert lab.dtype == torch.float32
    assert (lab.detach() - rgb_to_lab(rgb)).abs().max() < 1e-3


def test_gamut():
    assert in_gamut(rgb_to_lab(grid())).all()
    vivid = torch.tensor([[50.0, 110.0, 0.0], [100.0, 30.0, 30.0], [0.0, 20.0, 0.0]])
    assert not in_gamut(vivid.T.reshape(3, 1, 3)).any()


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match=r"\(\.\.\., 3, H, W\), not \(8, 8, 3\)"):
        rgb_to_lab(torch.rand(8, 8, 3))
    with pytest.raises(TypeError, match="floats"):
        lab_to_rgb(torch.zeros(3, 2, 2, dtype=torch.uint8))
