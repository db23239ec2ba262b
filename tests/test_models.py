"""helpers.models: shapes, skips, patches and receptive fields."""

import pytest
import torch

from helpers.models import PatchGAN, UNet, receptive_field


@pytest.mark.parametrize("half_res", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (64, 64), (37, 101)])
def test_unet_takes_any_size(half_res, size):
    model = UNet(8, depth=3, half_res=half_res).eval()
    ab = model(torch.rand(2, 1, *size) * 2 - 1)
    assert ab.shape == (2, 2, *size) and ab.abs().max() < 1


def test_padding_repeats_the_border_and_is_cut_off_again():
    model = UNet(8, depth=3).eval()
    L = torch.rand(1, 1, 29, 37)
    by_hand = torch.cat([L, L[..., -1:].expand(-1, -1, -1, 3)], -1)
    by_hand = torch.cat([by_hand, by_hand[..., -1:, :].expand(-1, -1, 3, -1)], -2)
    assert torch.equal(model(L), model(by_hand)[..., :29, :37])


def test_photos_of_a_batch_do_not_mix_in_use():
    model = UNet(8, depth=3).eval()
    L = torch.rand(3, 1, 32, 32)
    assert torch.allclose(model(L)[1:2], model(L[1:2]), atol=1e-5)


@pytest.mark.parametrize("half_res", [True, False])
def test_encoder_halves_and_the_decoder_climbs_back(half_res):
    model = UNet(4, depth=4, half_res=half_res).eval()
    features = model.encode(torch.rand(1, 1, 32, 48))
    assert [tuple(f.shape[1:]) for f in features] == [(4, 32, 48), (8, 16, 24), (16, 8, 12), (32, 4, 6), (32, 2, 3)]
    assert model.climb(features).shape[1:] == ((8, 16, 24) if half_res else (4, 32, 48))


@pytest.mark.parametrize("skips", [True, False])
def test_only_skips_bring_the_upper_levels_to_the_decoder(skips):
    torch.manual_seed(0)
    model = UNet(8, depth=3, half_res=False, skips=skips).eval()
    features = model.encode(torch.rand(1, 1, 32, 32))
    for level in range(3):
        others = [f + 1 if i == level else f for i, f in enumerate(features)]
        assert torch.equal(model.climb(features), model.climb(others)) != skips


def test_unet_can_overfit_one_picture():
    torch.manual_seed(0)
    model = UNet(8, depth=2)
    L, ab = torch.rand(1, 1, 16, 16) * 2 - 1, torch.tensor([0.5, -0.3]).view(1, 2, 1, 1).expand(1, 2, 16, 16)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        loss = (model(L) - ab).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
@pytest.mark.parametrize("norm", ["spectral", "none"])
def test_patchgan_sees_the_patches_of_the_paper(layers, field, norm):
    model = PatchGAN(8, layers, norm)
    assert receptive_field(model) == field
    logits = model(torch.rand(2, 1, 64, 64), torch.rand(2, 2, 64, 64))
    assert logits.shape == (2, 1, 64 // 2**layers - 2, 64 // 2**layers - 2)


def test_receptive_field_of_the_unet_and_too_small_a_test_picture():
    # Depth 1, full resolution: 3x3 four times at the top level, twice (each two pixels wide) at the bottom.
    assert 14 <= receptive_field(UNet(4, depth=1, half_res=False)) <= 22
    with pytest.raises(ValueError, match="pass a larger size"):
        receptive_field(PatchGAN(4, 3), size=64)


def test_spectral_norm_bounds_each_layer():
    model = PatchGAN(16, 2)
    for _ in range(30):
        model(torch.rand(1, 1, 32, 32), torch.rand(1, 2, 32, 32))
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert torch.linalg.matrix_norm(module.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_wrong_model_arguments_are_named():
    with pytest.raises(ValueError, match="width to be a whole number of at least 1, not 0"):
        UNet(width=0)
    with pytest.raises(ValueError, match="spectral"):
        PatchGAN(norm="batch")
    with pytest.raises(ValueError, match="layers to be a whole number of at least 1, not 0"):
        PatchGAN(layers=0)
    with pytest.raises(ValueError, match="too small for this PatchGAN"):
        PatchGAN(8, 3)(torch.rand(1, 1, 16, 16), torch.rand(1, 2, 16, 16))
