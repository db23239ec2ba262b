"""helpers.classification: the grid of colors, its loss, and the annealed mean."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.classification import ClassUNet, ab_grid, class_loss
from helpers.color import AB_SCALE, rgb_to_lab
from helpers.inference import load_generator, load_network, save_generator
from helpers.models import UNet


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
    sharp, soft = (ClassUNet(8, 3, temperature=t).eval() for t in (1e-4, 1.0))
    soft.load_state_dict(sharp.state_dict())
    L = torch.rand(2, 1, 20, 24) * 2 - 1
    logits = soft(L, logits=True)
    assert logits.shape == (2, len(ab_grid()), 12, 12)  # padded to 24 x 24 inside, at half resolution
    best = ab_grid()[logits.argmax(1)].permute(0, 3, 1, 2) / AB_SCALE
    coarse = F.interpolate(best, scale_factor=2, mode="bilinear")[..., :20, :24]
    assert (sharp(L) - coarse).abs().mean() < 0.05 < (soft(L) - coarse).abs().mean()


def test_a_file_says_of_which_kind_its_network_is(tmp_path):
    model, L = ClassUNet(4, 2, half_res=False, temperature=0.3).eval(), torch.rand(1, 1, 16, 16)
    save_generator(model, tmp_path / "classes.safetensors", size=16)
    again, _ = load_network(tmp_path / "classes.safetensors", "generator", UNet, ClassUNet)
    assert type(again) is ClassUNet and torch.equal(again(L), model(L))
    with pytest.raises(ValueError, match="does not hold a generator of this course .*ClassUNet"):
        load_generator(tmp_path / "classes.safetensors")
    save_generator(UNet(4, 2), tmp_path / "colors.safetensors", size=16)
    assert type(load_network(tmp_path / "colors.safetensors", "generator", UNet, ClassUNet)[0]) is UNet


def test_weights_count_as_cross_entropy_counts_them():
    grid, places = ab_grid(40.0) / AB_SCALE, torch.Generator().manual_seed(0)
    index = torch.randint(len(grid), (2, 5, 6), generator=places)  # targets on points of the grid: one class each
    logits = torch.randn(2, len(grid), 5, 6, generator=places)
    weights = torch.rand(len(grid), generator=places) + 0.1
    target = grid[index].permute(0, 3, 1, 2)
    found = class_loss(logits, target, grid, 40.0, weights)
    assert found.item() == pytest.approx(F.cross_entropy(logits, index, weights).item(), rel=1e-4)
    assert class_loss(logits, target, grid, 40.0).item() == pytest.approx(
        F.cross_entropy(logits, index).item(), rel=1e-4
    )
    with pytest.raises(ValueError, match="weights"):
        class_loss(logits, target, grid, 40.0, weights[1:])
