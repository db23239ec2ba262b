"""helpers.models, helpers.losses and helpers.synthetic."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.color import rgb2lab

from helpers.color import AB_SCALE, rgb_to_lab
from helpers.losses import (
    ADVERSARIAL,
    chance_levels,
    class_loss,
    color_loss,
    colorfulness_loss,
    discriminator_loss,
    generator_loss,
)
from helpers.models import PatchGAN, UNet, ab_grid, receptive_field
from helpers.synthetic import COIN_FLIP, KINDS, draw_flowers

# ----------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("half_res", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (64, 64), (37, 101)])
def test_unet_takes_any_size(half_res, size):
    model = UNet(8, depth=3, half_res=half_res).eval()
    ab = model(torch.rand(2, 1, *size) * 2 - 1)
    assert ab.shape == (2, 2, *size) and ab.abs().max() < 1


def test_unet_pads_without_touching_the_rest():
    """A picture of a fitting size is not changed by the padding code, and batches do not mix in eval mode."""
    model = UNet(8, depth=3).eval()
    L = torch.rand(3, 1, 32, 32)
    assert torch.allclose(model(L)[1:2], model(L[1:2]), atol=1e-5)


def test_skips_matter_and_can_be_cut():
    torch.manual_seed(0)
    model = UNet(8, depth=3, half_res=False).eval()
    L = torch.rand(1, 1, 32, 32)
    with_skips = model(L)
    model.skips = False
    assert not torch.allclose(with_skips, model(L), atol=1e-3)


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
    with pytest.raises(ValueError, match="width and a depth"):
        UNet(width=0)
    with pytest.raises(ValueError, match="spectral"):
        PatchGAN(norm="batch")
    with pytest.raises(ValueError, match="at least one strided layer"):
        PatchGAN(layers=0)
    with pytest.raises(ValueError, match="too small for this PatchGAN"):
        PatchGAN(8, 3)(torch.rand(1, 1, 16, 16), torch.rand(1, 2, 16, 16))


# ----------------------------------------------------------------------------------------- losses


def test_chance_levels():
    assert chance_levels("bce") == pytest.approx((2 * math.log(2), math.log(2)))
    assert chance_levels("lsgan") == pytest.approx((0.5, 0.25))
    assert chance_levels("hinge") == pytest.approx((2, 0))


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_chance_is_the_best_constant_answer(kind):
    """No constant logit does better than chance when reals and fakes look the same."""
    constants = torch.linspace(-3, 3, 601)
    losses = torch.stack([discriminator_loss(c, c, kind) for c in constants])
    assert losses.min().item() == pytest.approx(chance_levels(kind)[0], abs=1e-3)


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_losses_push_the_right_way(kind):
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    discriminator_loss(real, fake, kind).backward()
    assert (real.grad < 0).all()  # descending raises the real logits
    assert (fake.grad >= 0).all() and (kind == "lsgan" or (fake.grad > 0).all())
    fake = torch.zeros(4, requires_grad=True)
    generator_loss(fake, kind).backward()
    assert (fake.grad < 0).all()


def test_best_constant_answers_of_the_color_losses():
    """L1's is the median, L2's the mean: the reason for brown petals."""
    target = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.9]).view(1, 1, 1, 5).expand(1, 2, 1, 5)
    answers = torch.linspace(0, 1, 201)
    for kind, best in (("l1", 0.0), ("l2", 0.28)):
        losses = torch.stack([color_loss(torch.full_like(target, a), target, kind) for a in answers.tolist()])
        assert answers[losses.argmin()].item() == pytest.approx(best, abs=0.006)


def test_grid_holds_the_colors_of_srgb_and_no_others():
    grid = ab_grid()
    rgb = torch.rand(1, 3, 400, 400, generator=torch.Generator().manual_seed(0))
    ab = rgb_to_lab(rgb)[0, 1:].flatten(1).T
    nearest = torch.cdist(ab, grid).min(1).values
    assert nearest.max() < 12 and (nearest < 7.08).float().mean() > 0.98  # 7.07: the middle of a cell
    assert (grid % 10 == 0).all() and len(grid.unique(dim=0)) == len(grid)
    assert grid[:, 0].min() >= -90 and grid[:, 0].max() <= 100 and grid[:, 1].min() >= -110


def test_class_loss_shares_the_target_between_its_four_neighbors():
    grid = ab_grid() / AB_SCALE
    target = torch.tensor([12.0, -33.0]).view(1, 2, 1, 1) / AB_SCALE
    logits = torch.zeros(1, len(grid), 1, 1, requires_grad=True)
    loss = class_loss(logits, target, grid)
    assert loss.item() == pytest.approx(math.log(len(grid)), abs=1e-4)
    loss.backward()
    # gradient = softmax - target share: what is left is the share
    share = (1 / len(grid) - logits.grad.flatten()).numpy()
    wanted = {(10, -40): 0.24, (10, -30): 0.56, (20, -40): 0.06, (20, -30): 0.14}
    for (a, b), value in zip((ab_grid()).tolist(), share, strict=True):
        assert value == pytest.approx(wanted.get((a, b), 0.0), abs=1e-4)
    expected = sum(w * np.array(k) for k, w in wanted.items())
    assert expected == pytest.approx([12, -33])  # the shares average back to the target
    vivid = torch.full((1, 2, 1, 1), 1.0)  # far outside of every grid point: no class, no loss, no NaN
    assert class_loss(logits, vivid, grid).item() == 0


def test_classifier_returns_the_annealed_mean():
    torch.manual_seed(0)
    sharp, soft = (UNet(8, 3, classes=True, temperature=t).eval() for t in (1e-4, 1.0))
    soft.load_state_dict(sharp.state_dict())
    L = torch.rand(2, 1, 20, 24) * 2 - 1
    logits = soft(L, logits=True)
    assert logits.shape == (2, len(ab_grid()), 12, 12)  # padded to 24 x 24 inside, at half resolution
    best = ab_grid()[logits.argmax(1)].permute(0, 3, 1, 2) / AB_SCALE
    coarse = F.interpolate(best, scale_factor=2, mode="bilinear")[..., :20, :24]
    assert (sharp(L) - coarse).abs().mean() < 0.05 < (soft(L) - coarse).abs().mean()


def test_colorfulness_loss_asks_for_no_more_than_the_truth():
    truth = torch.full((2, 2, 4, 4), 0.3)
    assert colorfulness_loss(truth * 0, truth).item() == pytest.approx(0.3 * math.sqrt(2), abs=1e-3)
    assert colorfulness_loss(truth * 2, truth) == 0
    gray = torch.zeros(1, 2, 4, 4, requires_grad=True)
    colorfulness_loss(gray, truth[:1]).backward()
    assert gray.grad.isfinite().all()


def test_unknown_losses_are_named():
    for function in (discriminator_loss, lambda a, b, k: generator_loss(a, k), color_loss):
        with pytest.raises(ValueError, match="nonsense"):
            function(torch.zeros(1), torch.zeros(1), "nonsense")


# -------------------------------------------------------------------------------------- synthetic


def test_drawing_is_seeded_and_a_longer_series_begins_with_the_shorter():
    short, _ = draw_flowers(3, 32, seed=7)
    long, truth = draw_flowers(6, 32, seed=7)
    assert np.array_equal(short, long[:3])
    assert long.shape == (6, 32, 32, 3) and long.dtype == np.uint8
    assert truth.petals.shape == (6, 32, 32)
    assert not np.array_equal(long, draw_flowers(6, 32, seed=8)[0])


def test_petals_have_the_color_of_their_kind():
    pictures, truth = draw_flowers(60, 64, seed=1)
    for picture, kind, coin, petals, ab in zip(pictures, truth.kind, truth.coin, truth.petals, truth.ab, strict=True):
        assert 0.03 < petals.mean() < 0.8
        hue = math.degrees(math.atan2(ab[1], ab[0])) % 360
        away = abs((hue - KINDS[kind].hues[coin] + 180) % 360 - 180)
        assert away < 20
        seen = rgb2lab(picture)[petals][:, 1:].mean(0)
        assert np.abs(seen - ab).max() < 12  # what the gamut cuts off is little
    assert set(truth.kind) == set(range(len(KINDS)))


def test_the_coin_is_fair_and_cannot_be_read_from_lightness():
    pictures, truth = draw_flowers(300, 24, seed=2, kind=COIN_FLIP)
    assert set(truth.kind) == {COIN_FLIP}
    assert 0.4 < truth.coin.mean() < 0.6
    light = np.array([rgb2lab(p)[m][:, 0].mean() for p, m in zip(pictures, truth.petals, strict=True)])
    gap = abs(light[truth.coin == 0].mean() - light[truth.coin == 1].mean())
    assert gap < 0.5 * light.std()
    hues = np.degrees(np.arctan2(truth.ab[:, 1], truth.ab[:, 0])) % 360
    assert abs(np.median(hues[truth.coin == 0]) - 350) < 10 and abs(np.median(hues[truth.coin == 1]) - 265) < 10


@pytest.mark.filterwarnings("error")
def test_the_smallest_flowers_have_petals_too():
    _, truth = draw_flowers(200, 8, seed=0)
    assert truth.petals.any((1, 2)).all() and np.isfinite(truth.ab).all()


def test_wrong_drawings_are_refused():
    with pytest.raises(ValueError, match="at least 8 px"):
        draw_flowers(1, 4)
    with pytest.raises(ValueError, match="no kind 9"):
        draw_flowers(1, 32, kind=9)
