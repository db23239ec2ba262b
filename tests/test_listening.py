"""Listener and HintUNet: without hints nothing changes, with hints they are obeyed and spread; its training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.backstage import listening
from helpers.backstage.listening import HEADS, LIKE, SHORT, Listener
from helpers.data import drawn_photos, to_lab
from helpers.guided.trainer import log_error
from helpers.inference import Colorizer, load_generator, save_generator
from helpers.models import HintUNet, PretrainedUNet, no_hints, obey, place_hint, pool_hints
from helpers.recipe import PRESETS
from helpers.runs import train

RECIPE = replace(
    PRESETS["smoke"],
    encoder="lite0",
    hints=8,
    start="flowers-l1",
    color_steps=4,
    critic_steps=0,
    gan_steps=0,
    report_steps=4,
    batch_size=4,
)


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    return PretrainedUNet(width=8).eval()


@pytest.fixture(scope="module")
def model(base):
    torch.manual_seed(1)
    model = HintUNet(width=8)
    model.load_state_dict(base.state_dict(), strict=False)
    for weights in model.listener.sharpen[-1].parameters():
        torch.nn.init.normal_(weights, std=0.1)  # as if it had been trained
    return model.eval()


@pytest.fixture(scope="module")
def L():
    return to_lab(drawn_photos(3, 70, 4).images)[0]


def hints_at(L, *places, ab=(0.6, -0.3)):
    hints = no_hints(L)
    for photo, row, column in places:
        place_hint(hints[photo], row, column, ab)
    return hints


@torch.no_grad()
def test_without_a_hint_it_paints_what_the_colorizer_does_to_the_bit(model, base, L):
    for hints in (None, no_hints(L)):
        assert torch.equal(model(L, hints), base(L))


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (31, 64), (70, 45), (64, 64)])
def test_any_size_goes_in(model, size):
    L = torch.rand(2, 1, *size) * 2 - 1
    hints = hints_at(L, (0, 0, 0), (1, size[0] - 1, size[1] - 1))
    ab = model(L, hints)
    assert ab.shape == (2, 2, *size) and ab.isfinite().all()
    assert not torch.equal(ab, model(L))


@torch.no_grad()
def test_a_hint_is_obeyed_where_it_is_and_heard_far_away(model, L):
    before, after = model(L), model(L, hints_at(L, (0, 35, 20)))
    near = after[0, :, 34:37, 19:22] - torch.tensor([0.6, -0.3]).view(2, 1, 1)
    assert near.abs().max() < 0.05 < 0.1 < (before[0, :, 35, 20] - torch.tensor([0.6, -0.3])).abs().max()
    moved = (after - before).abs().amax(1)
    assert moved[0, :, 60:].max() > 0.05  # 40 px away
    assert moved[1:].max() < 1e-6  # its neighbors in the batch were told nothing


@torch.no_grad()
def test_a_photo_does_not_depend_on_the_hints_of_its_neighbors(model, L):
    many = hints_at(L, (0, 35, 20), *((1, 7 * i, 9 * i) for i in range(7)), (2, 3, 3))
    together = model(L, many)
    for i in range(3):
        torch.testing.assert_close(model(L[i : i + 1], many[i : i + 1]), together[i : i + 1], rtol=0, atol=1e-4)


@torch.no_grad()
def test_what_it_painted_can_be_kept_for_other_hints(model, L):
    painted, hints = model.paint(L), hints_at(L, (0, 35, 20))
    assert torch.equal(model(L, hints, painted), model(L, hints))


def test_a_single_pixel_counts_as_much_as_a_full_cell_at_every_level():
    hints = torch.zeros(1, 3, 32, 32)
    place_hint(hints[0], 5, 9, (0.4, -0.2), side=1)
    place_hint(hints[0], 20, 20, (0.1, 0.3), side=9)
    for stride in (2, 4, 8, 16):
        pooled = pool_hints(hints, stride)
        assert pooled[0, :, 5 // stride, 9 // stride].tolist() == pytest.approx([0.4, -0.2, 1])
        assert pooled[0, :, 20 // stride, 20 // stride].tolist() == pytest.approx([0.1, 0.3, 1])
        assert pooled[0, 2].sum() == (pooled[0, :2].abs().sum(0) > 0).sum()


def test_a_clicked_hint_lies_on_as_many_cells_wherever_it_is():
    for row, column in [(8, 8), (9, 14), (10, 11), (15, 13)]:
        place_hint(hints := torch.zeros(3, 24, 24), row, column, (0.1, 0.1))
        assert pool_hints(hints[None], listening.STRIDE)[0, 2].sum() == listening.COVERED


def test_a_hint_at_the_border_is_cut_and_a_later_one_covers_an_earlier():
    hints = torch.zeros(3, 10, 12)
    place_hint(hints, 0, 0, (0.5, 0.5), 5)
    assert hints[2].sum() == 9 and hints[2, :3, :3].all()
    place_hint(hints, 9, 11, (0.5, 0.5), 5)
    assert hints[2].sum() == 18 and hints[2, 7:, 9:].all()
    place_hint(hints, 1, 1, (-0.5, 0.25), 1)
    assert hints[:, 1, 1].tolist() == [-0.5, 0.25, 1] and hints[2].sum() == 18


def test_obey_is_exact_at_a_hint_fades_beside_it_and_lets_two_share():
    ab, hints = torch.zeros(1, 2, 20, 20), torch.zeros(1, 3, 20, 20)
    hints[0, :, 10, 10] = torch.tensor([0.5, -0.5, 1])
    out = obey(ab, hints)[0, 0]
    assert out[10, 10] == 0.5 and out[10, 11].item() == pytest.approx(0.5 * np.exp(-0.5), abs=1e-5)
    assert out[10, 14] == 0 and torch.equal(out, out.T)
    hints[0, :, 10, 12] = torch.tensor([0.1, 0.0, 1])
    assert 0.1 < obey(ab, hints)[0, 0, 10, 11] < 0.5


@torch.no_grad()
def test_a_cell_takes_the_weighted_mean_of_what_was_painted_and_of_what_hints_say(model, L):
    """Written out in numpy, cell by cell and hint by hint, for one photo."""
    listener, hints = model.listener, hints_at(L[:1, :, :64, :64], (0, 10, 10), (0, 40, 50), ab=(0.3, 0.2))
    features, ab = model.paint(L[:1, :, :64, :64])
    sight, small, told = listener.see(features), torch.nn.functional.avg_pool2d(ab, 2), pool_hints(hints, 4)
    heard = listener.spread(sight, small, told)[0].flatten(1).T.numpy()
    flat = {"address": listener.compare(sight), "loud": listener.loud(sight), "keep": listener.keep(sight)}
    flat = {name: part[0].flatten(1).double().numpy() for name, part in flat.items()}
    places = np.stack(np.divmod(np.arange(256), 16)) / SHORT
    kinds = [
        np.concatenate([flat["address"][k * LIKE : (k + 1) * LIKE] / LIKE**0.5, places * np.exp(near)])
        for k, near in enumerate(listener.near.tolist())
    ]
    painted, asked = small[0].flatten(1).double().numpy(), told[0].flatten(1).double().numpy()
    for cell in range(256):
        keep, total, mean = 1 / (1 + np.exp(-flat["keep"][0, cell])), 1.0, painted[:, cell].copy()
        for at in asked[2].nonzero()[0]:
            count = 0.0
            for kind, addresses in enumerate(kinds):
                distance = ((addresses[:, cell] - addresses[:, at]) ** 2).sum()
                loud = flat["loud"][kind, cell] + flat["loud"][HEADS + kind, at]
                count += np.exp(min(listener.sure - distance + loud, listener.most))
            mean += count * (asked[:2, at] + keep * (painted[:, cell] - painted[:, at]))
            total += count
        np.testing.assert_allclose(heard[cell, :2], mean / total - painted[:, cell], atol=1e-4)
        np.testing.assert_allclose(heard[cell, 2], 1 - 1 / total, atol=1e-4)
    assert 0.05 < heard[:, 2].min() < heard[:, 2].max() <= 1


@torch.no_grad()
def test_its_many_answers_are_those_of_one_question_each(model, L, monkeypatch):
    monkeypatch.setattr(listening, "COVERED", 1)  # one cell is told here
    features, ab = model.paint(L[:, :, :64, :64])
    sight, small = model.listener.see(features), torch.nn.functional.avg_pool2d(ab, 2)
    truth = torch.rand(3, 2, 16, 16) - 0.5
    at = torch.stack([torch.randperm(256)[:8] for _ in range(3)])
    answers = model.listener.answers(sight, small, truth, at)
    assert [tuple(some.shape) for some in answers] == [(3, 8 // size, 2, 256) for size in (1, 2, 4, 8)]
    for some, size in zip(answers, (1, 2, 4, 8), strict=True):
        for group in range(8 // size):
            told = torch.zeros(3, 3, 256)
            for photo in range(3):
                for cell in at[photo, group * size : (group + 1) * size]:
                    told[photo, :2, cell], told[photo, 2, cell] = truth[photo].flatten(1)[:, cell], 1
            one = model.listener.spread(sight, small, told.view(3, 3, 16, 16))[:, :2]
            torch.testing.assert_close(some[:, group], (small + one).flatten(2), rtol=0, atol=1e-5)


def test_the_logarithm_of_each_paintings_error_is_what_psnr_counts():
    generator = torch.Generator().manual_seed(0)
    truth, off = torch.zeros(4, 1, 2, 50), torch.rand(4, 6, 2, 50, generator=generator) - 0.5
    decibels = -10 * np.log10(off.square().mean((2, 3)).numpy())
    assert -10 / np.log(10) * log_error(off, truth) == pytest.approx(decibels.mean(), abs=0.01)
    assert log_error(truth, truth).isfinite() and log_error(truth, truth) < log_error(truth + 0.01, truth)


def test_gradients_reach_all_of_the_listener_and_nothing_else(model, L):
    model.train()
    truth, at = torch.rand(3, 2, 24, 16), torch.randint(0, 24 * 16, (3, 4))
    painted, answers = model(L, hints_at(L, (0, 35, 20), (2, 8, 8)), asked=(truth, at))
    (painted.square().mean() + sum(some.square().mean() for some in answers)).backward()
    got = {name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.abs().sum() > 0}
    moving = model.training, model.decoder[0][1].training, model.listener.think[1][1].training
    model.zero_grad()
    model.eval()
    assert moving == (True, False, True)
    assert got == {f"listener.{name}" for name, _ in model.listener.named_parameters()}


def test_wrong_maps_are_refused(model, L):
    for wrong in (no_hints(L)[:, :2], no_hints(L)[:2], no_hints(L)[..., :60]):
        with pytest.raises(ValueError, match=r"a HintUNet wants L \(N, 1, H, W\) and hints \(N, 3, H, W\)"):
            model(L, wrong)
    with pytest.raises(TypeError, match="floats for hints"):
        model(L, no_hints(L).byte())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder": "none"}, "only a network on a pretrained encoder takes hints, set encoder=lite0"),
        ({"start": ""}, "a colorizer that stands still is needed to give hints to, set start=flowers-l1"),
        ({"gan_steps": 1}, "no critic has learned to judge them, set critic_steps=0 gan_steps=0"),
    ],
)
def test_recipes_that_cannot_be_are_refused(changes, words):
    with pytest.raises(ValueError, match=f"hints is 8: {words}"):
        replace(RECIPE, **{"start": "flowers-l1"} | changes)


def test_training_moves_the_listener_alone_and_goes_on_with_the_same_bits(base, tmp_path):
    photos, val = drawn_photos(16, RECIPE.load_size, 1), drawn_photos(4, RECIPE.size, 2)
    save_generator(base, start := tmp_path / "start.safetensors", 32)
    recipe = replace(RECIPE, start=str(start))
    whole = train(recipe, tmp_path / "whole", photos, val, show=False)
    before, after = base.state_dict(), whole.generator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    torch.manual_seed(recipe.seed)
    fresh = Listener([24, 40, 112, 320, 32, 21, 13, 8]).state_dict()
    assert not torch.equal(after["listener.weigh.0.weight"], fresh["weigh.0.weight"])
    assert {"val_psnr", "val_psnr_1_hints", "val_psnr_10_hints"} <= whole.history[-1].keys()
    while not (run := train(recipe, tmp_path / "parts", photos, val, stop_after=3, show=False)).finished:
        pass
    for name, tensor in run.generator.state_dict().items():
        assert torch.equal(tensor, after[name]), name
    save_generator(PretrainedUNet(width=9), start, 32)
    with pytest.raises(ValueError, match="another shape"):
        train(recipe, tmp_path / "other", photos, val, show=False)


def test_it_ships(model, tmp_path, L):
    save_generator(model, path := tmp_path / "x.safetensors", 64)
    loaded, _ = load_generator(path)
    assert isinstance(loaded, HintUNet)
    with torch.no_grad():
        assert torch.equal(loaded(L, hints_at(L, (0, 35, 20))), model(L, hints_at(L, (0, 35, 20))))
    assert Colorizer.from_pretrained(path, device="cpu").size == 64
