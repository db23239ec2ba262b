"""helpers.classification: its bins, targets, weights and loss against other computations; the annealed mean; a step."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from skimage.color import rgb2lab

from helpers.backstage.folding import folded
from helpers.classification import (
    ClassPretrainedUNet,
    ClassUNet,
    ab_bins,
    annealed_mean,
    class_loss,
    color_prior,
    raw_accuracy,
    rebalancing,
    sample_ab,
    soft_encode,
)
from helpers.color import AB_SCALE
from helpers.data import drawn_photos, to_lab
from helpers.inference import Colorizer, load_generator, save_generator, weights_path
from helpers.recipe import PRESETS
from helpers.runs import train
from helpers.training import Trainer

BINS = ab_bins()
CHANCE = torch.Generator().manual_seed(0)


def test_bins_hold_the_colors_of_srgb_and_no_others():
    """Every fourth value of each channel (and 255), all 274,625 of them, by scikit-image, reaches all but a few."""
    byte = np.append(np.arange(0, 256, 4), 255).astype(np.uint8)
    rgb = np.stack(np.meshgrid(byte, byte, byte), axis=-1).reshape(1, -1, 3)
    cells, counts = np.unique(np.round(rgb2lab(rgb)[0, :, 1:] / 10), axis=0, return_counts=True)
    bins = set(map(tuple, (BINS / 10).int().tolist()))
    assert len(bins) == len(BINS) == 261 and {tuple(map(int, cell)) for cell in cells} <= bins
    assert len(cells) >= 258  # the others' squares are touched by a corner of the gamut alone


def photo_ab(count=2, size=24):
    return to_lab(drawn_photos(count, size, seed=3).images)[1]


def dense(index, share, bins=BINS):
    """What `soft_encode` gave, as float64 (pixels, K)."""
    out = torch.zeros(index.movedim(1, -1).numel() // index.shape[1], len(bins), dtype=torch.float64)
    return out.scatter_(1, index.movedim(1, -1).flatten(0, -2), share.double().movedim(1, -1).flatten(0, -2)).numpy()


@pytest.mark.parametrize("step, neighbors, sigma", [(10, 5, 5.0), (10, 1, 5.0), (20, 4, 8.0), (7, 9, 3.0)])
def test_soft_encoding_is_that_of_a_tree_search(step, neighbors, sigma):
    bins, ab = ab_bins(step), torch.cat([photo_ab(2, 32), torch.rand(2, 2, 32, 32, generator=CHANCE) * 1.6 - 0.8])
    index, share = soft_encode(ab, bins, neighbors, sigma)
    assert index.shape == share.shape == (4, neighbors, 32, 32)
    pixels = ab.movedim(1, -1).reshape(-1, 2).double().numpy() * AB_SCALE
    distance, nearest = cKDTree(bins.double().numpy()).query(pixels, k=range(1, neighbors + 1))
    weight = np.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * sigma**2))
    expected = np.zeros((len(pixels), len(bins)))
    np.put_along_axis(expected, nearest, weight / weight.sum(1, keepdims=True), 1)
    wrong = np.abs(dense(index, share, bins) - expected).max(1)
    assert (wrong > 1e-4).mean() < 1e-3  # pixels as far from one bin as from another may be given to either
    assert np.array_equal(index[:, 0].flatten().numpy(), dense(index, share, bins).argmax(1))


def test_the_prior_counts_the_nearest_bins():
    photos = drawn_photos(6, 32, seed=1)
    pixels = rgb2lab(photos.images[:, :, ::4, ::4].movedim(1, -1).numpy())[..., 1:].reshape(-1, 2)
    expected = np.bincount(cdist(pixels, BINS.numpy()).argmin(1), minlength=len(BINS)) / len(pixels)
    prior = color_prior(photos, BINS)
    assert torch.equal(prior, color_prior(photos.images, BINS)) and prior.sum() == pytest.approx(1)
    assert np.abs(prior.numpy() - expected).sum() < 0.01


def test_rebalancing_is_equation_4():
    prior = color_prior(drawn_photos(6, 32, seed=1), BINS)
    near = np.exp(-(cdist(BINS, BINS) ** 2) / 50)
    smooth = (near / near.sum(0)) @ prior.double().numpy()
    for mix in (0.2, 0.5, 1.0):
        weights = rebalancing(prior, BINS, mix=mix).double().numpy()
        raw = 1 / ((1 - mix) * smooth + mix / len(BINS))
        assert weights == pytest.approx(raw / (smooth * raw).sum(), rel=1e-4)
        assert (smooth * weights).sum() == pytest.approx(1, abs=1e-4)
    assert rebalancing(prior, BINS, mix=1.0).numpy() == pytest.approx(1)
    assert rebalancing(prior, BINS, mix=0.0).isfinite().all()  # though some colors are in no photo


def test_the_loss_is_cross_entropy_of_the_shares():
    ab = F.interpolate(photo_ab(2, 12), scale_factor=2, mode="nearest")
    logits = torch.randn(2, len(BINS), 12, 12, generator=CHANCE, requires_grad=True)
    index, share = soft_encode(photo_ab(2, 12), BINS)
    target = torch.zeros_like(logits).scatter_(1, index, share)
    each = F.cross_entropy(logits, target, reduction="none")
    assert class_loss(logits, ab, BINS).item() == pytest.approx(each.mean().item(), rel=1e-5)
    weights = torch.rand(len(BINS), generator=CHANCE) + 0.1
    loss = class_loss(logits, ab, BINS, weights)
    assert loss.item() == pytest.approx((weights[index[:, 0]] * each).mean().item(), rel=1e-5)
    loss.backward()
    expected = (logits.softmax(1) - target) * weights[index[:, :1]] / each.numel()
    assert torch.allclose(logits.grad, expected, atol=1e-8)


def test_annealed_mean_is_the_mean_at_1_and_the_mode_at_0():
    logits = torch.randn(2, len(BINS), 4, 5, generator=CHANCE)
    p = logits.double().softmax(1).movedim(1, -1).numpy()
    mean = (p @ BINS.double().numpy() / AB_SCALE).transpose(0, 3, 1, 2)
    assert annealed_mean(logits, BINS, 1.0).numpy() == pytest.approx(mean, abs=1e-5)
    mode = BINS[logits.argmax(1)].movedim(-1, 1) / AB_SCALE
    assert torch.allclose(annealed_mean(logits, BINS, 1e-4), mode, atol=1e-4)
    sharp = p ** (1 / 0.38)  # eq. 5, of the probabilities
    between = (sharp / sharp.sum(-1, keepdims=True)) @ BINS.double().numpy() / AB_SCALE
    assert annealed_mean(logits, BINS).numpy() == pytest.approx(between.transpose(0, 3, 1, 2), abs=1e-5)


def test_samples_follow_the_distribution_alone_or_together():
    logits = torch.full((1, len(BINS), 1, 1), -30.0)
    logits[0, [10, 200]] = torch.tensor([0.0, math.log(3)]).view(2, 1, 1)
    few, many = (BINS[i].view(1, 2, 1, 1) / AB_SCALE for i in (10, 200))
    alone = sample_ab(logits.expand(-1, -1, 80, 80), BINS, generator=torch.Generator().manual_seed(1))
    assert (alone == many).all(1).float().mean().item() == pytest.approx(0.75, abs=0.02)
    assert ((alone == many) | (alone == few)).all()
    photos = sample_ab(logits.expand(2000, -1, 2, 2), BINS, generator=torch.Generator().manual_seed(1), together=True)
    assert (photos == photos[..., :1, :1]).all()  # each photo is of one color
    assert (photos == many).all(1).float().mean().item() == pytest.approx(0.75, abs=0.04)


def test_raw_accuracy_counts_pixels_by_distance():
    target = photo_ab(3, 16)
    ab = target + torch.randn(target.shape, generator=CHANCE) * 0.2
    distance = np.linalg.norm((ab - target).double().numpy() * AB_SCALE, axis=1).ravel()
    found = raw_accuracy(ab, target)
    expected = [(distance <= t).mean() for t in range(151)]
    assert found["share"] == pytest.approx(expected, abs=1e-3)
    assert found["auc"] == pytest.approx(np.mean(expected), abs=1e-4)
    assert raw_accuracy(target, target)["auc"] == 1
    weights = torch.rand(len(BINS), generator=CHANCE)
    each = weights[soft_encode(target, BINS, 1)[0]].numpy().ravel()
    expected = [each[distance <= t].sum() / each.sum() for t in (5, 20, 80)]
    assert raw_accuracy(ab, target, weights, BINS, (5, 20, 80))["share"] == pytest.approx(expected, abs=1e-3)


def test_a_network_that_chooses_is_kept_with_its_temperature(tmp_path):
    model, L = ClassUNet(4, 3).eval(), torch.rand(2, 1, 20, 24) * 2 - 1
    logits = model(L, logits=True)
    assert logits.shape == (2, len(BINS), 6, 6)  # of 24 x 24, at a quarter
    model.temperature = 0.2
    coarse = annealed_mean(logits, BINS, 0.2)
    assert torch.equal(model(L), F.interpolate(coarse, scale_factor=4, mode="bilinear")[..., :20, :24])
    for network in (model, ClassPretrainedUNet(width=8, temperature=0.7).eval()):
        save_generator(network, tmp_path / "classes.safetensors", size=32)
        again, _ = load_generator(tmp_path / "classes.safetensors")
        assert type(again) is type(network) and again.temperature == network.temperature
        assert torch.equal(again(L), network(L))


def test_wrong_arguments_are_refused():
    logits, ab, prior = torch.randn(1, len(BINS), 2, 2), photo_ab(1, 8), torch.ones(len(BINS)) / len(BINS)
    for call, words in (
        (lambda: ab_bins(2), "a step from 5 to 60"),
        (lambda: soft_encode(ab, BINS, 0), "neighbors to be a whole number from 1 to 261"),
        (lambda: soft_encode(ab, BINS / AB_SCALE), "bins in Lab units are wanted"),
        (lambda: class_loss(logits, ab, ab_bins(20)), "class_loss wants"),
        (lambda: class_loss(logits, ab, BINS, prior[1:]), "weights"),
        (lambda: annealed_mean(logits, BINS, 0), "a temperature above 0"),
        (lambda: sample_ab(logits, BINS, math.nan), "a temperature above 0"),
        (lambda: rebalancing(prior, BINS, mix=1.5), "a mix from 0 to 1"),
        (lambda: color_prior(ab, BINS), "uint8"),
        (lambda: raw_accuracy(ab, ab, weights=prior), "wants weights and the bins"),
        (lambda: raw_accuracy(ab * math.nan, ab), "wants scaled ab"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            call()


# ------------------------------------------------------------------------------------------ in a training


RECIPE = replace(PRESETS["smoke"], color_kind="classes", critic_steps=0, gan_steps=0)


def learn(folder, recipe=RECIPE, stop_after=None):
    photos = drawn_photos(32, recipe.load_size, 1), drawn_photos(16, recipe.size, 2)
    return train(recipe, folder, *photos, stop_after=stop_after, show=False)


def test_a_training_that_stops_ends_with_the_same_bits(tmp_path):
    whole = learn(tmp_path / "whole")
    assert not learn(tmp_path / "parts", stop_after=3).finished
    parts = learn(tmp_path / "parts")
    assert type(whole.generator) is ClassUNet and whole.finished and parts.finished
    for one, other in zip(whole.generator.state_dict().values(), parts.generator.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert whole.history == parts.history


def test_it_can_start_from_a_network_that_paints(tmp_path):
    """All but the head and what it no longer climbs is that of flowers-l1; what stands still stays so."""
    recipe = replace(RECIPE, encoder="lite0", width=24, frozen=7, start="flowers-l1", color_steps=2)
    model, (old, _) = learn(tmp_path / "run", recipe).generator, load_generator(weights_path("flowers-l1"))
    assert type(model) is ClassPretrainedUNet and model.temperature == 0.38
    mine, theirs = model.state_dict(), old.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if name.startswith("encoder."))
    name = "decoder.0.0.weight"  # two steps of a training: near, and not the same
    assert 0 < (mine[name] - theirs[name]).abs().max() < 0.01
    assert {name for name in mine if name not in theirs or mine[name].shape != theirs[name].shape} == {
        "head.weight", "head.bias",
    }  # fmt: skip
    again = replace(recipe, start=str(tmp_path / "run/generator.safetensors"), frozen=3)
    with pytest.raises(ValueError, match="is a network of another shape"):
        learn(tmp_path / "again", again)
    assert learn(tmp_path / "again", replace(again, frozen=7)).finished
    with pytest.raises(ValueError, match="is a network of another shape"):
        learn(tmp_path / "wide", replace(recipe, width=16))


def test_it_is_folded_and_colors_pictures_of_any_size():
    model = ClassPretrainedUNet(width=8).eval()
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(generator=CHANCE)
    quick, L = folded(model), torch.rand(1, 1, 50, 70, generator=CHANCE) * 2 - 1
    with torch.inference_mode():
        assert quick is not model and torch.allclose(quick(L), model(L), atol=1e-4)
    assert Colorizer(model, 32, device="cpu").colorize(np.zeros((40, 90, 3), np.uint8)).shape == (40, 90, 3)


def test_rare_colors_count_as_the_recipe_says():
    photos, recipe = drawn_photos(32, RECIPE.load_size, 1), replace(RECIPE, mix=0.3)
    trainer = Trainer(recipe, Accelerator(cpu=True))
    next(trainer.steps(photos, 1))
    assert torch.equal(trainer.rarity, rebalancing(color_prior(photos, BINS), BINS, mix=0.3))
