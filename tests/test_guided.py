"""helpers.guided: how hints are drawn for training, and the judges of a network that takes them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from helpers.data import Photos, drawn_photos, to_lab, to_rgb8
from helpers.guided import (
    curve_table,
    draw_hints,
    flat_places,
    hint_curve,
    hint_map,
    marks_of_hints,
    obedience,
    recolor,
    worst_places,
)
from helpers.guided.trainer import hints_of_step
from helpers.metrics import ciede2000, psnr
from helpers.recipe import PRESETS

PHOTOS = drawn_photos(6, 64, 3)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


class Judged(nn.Module):
    """A stand-in for a HintUNet: gray, and what it was told at the hints; `deaf` hears nothing, `late` all at once."""

    def __init__(self, kind="obeys"):
        super().__init__()
        self.kind, self.weight, self.painted = kind, nn.Parameter(torch.zeros(1)), 0

    def paint(self, L):
        self.painted += 1
        return "painted"

    def forward(self, L, hints=None, painted=None):
        ab = torch.zeros(len(L), 2, *L.shape[-2:])
        if hints is None or self.kind == "deaf":
            return ab
        if self.kind == "off":
            return hints[:, :2] + 0.3 * hints[:, 2:]
        return hints[:, :2].clone()


# ------------------------------------------------------------------------------------------ drawing


def test_hints_tell_the_mean_color_of_their_square():
    ab = torch.rand(2, 20, 30, generator=chance())
    hints = hint_map(ab, [(10, 12), (0, 29)], side=5)
    expected = ab[:, 8:13, 10:15].mean((1, 2))
    assert torch.allclose(hints[:2, 8:13, 10:15], expected.view(2, 1, 1).expand(2, 5, 5))
    assert torch.allclose(hints[:2, 0, 29], ab[:, :3, 27:].mean((1, 2)))
    assert hints[2].sum() == 25 + 9 and (hints[:2, hints[2] == 0] == 0).all()


def test_numbers_places_and_sizes_are_as_told():
    ab = torch.rand(400, 2, 40, 40, generator=chance(1)) - 0.5
    target, hints = draw_hints(ab, 8, chance(2))
    covered = hints[:, 2].flatten(1).sum(1)
    assert 0.11 < (covered == 0).float().mean() < 0.23  # a sixth has none
    assert ((covered > 0) & (covered <= 49)).float().mean() > 0.2 and covered.max() <= 8 * 49
    rows, columns = (hints[:, 2].sum(axis) > 0 for axis in (2, 1))
    assert rows.float().mean(0).min() > 0.5 * rows.float().mean() and columns.any(0).all()  # everywhere
    changed = (target != ab).flatten(1).any(1)
    assert 0.12 < changed[covered > 0].float().mean() < 0.4 and not changed[covered == 0].any()
    assert all(torch.equal(a, b) for a, b in zip(draw_hints(ab, 8, chance(2)), (target, hints), strict=True))
    assert torch.equal(draw_hints(ab[:3], 8, chance(2))[1][:2], hints[:2])  # but for the color of the next


def test_hints_are_of_the_colors_to_aim_at():
    smooth = nn.functional.interpolate(torch.rand(40, 2, 3, 3, generator=chance(3)), size=40, mode="bilinear")
    target, hints = draw_hints(smooth, 20, chance(4))
    there = (hints[:, 2:] > 0).expand(-1, 2, -1, -1)
    near, by_chance = ((colors - hints[:, :2])[there].abs().mean() for colors in (target, target.roll(1, 0)))
    assert near < 0.04 < 0.15 < by_chance


def test_recolor_moves_one_color_with_its_shades_and_no_other():
    ab = torch.tensor([[0.5, 0.55, 0.0, 0.5], [0.1, 0.1, -0.4, 0.35]]).view(2, 1, 4)
    moved = recolor(ab, torch.tensor([0.5, 0.1]), torch.tensor([-0.2, 0.3]))
    assert torch.allclose(moved[:, 0, 0], torch.tensor([-0.2, 0.3]))
    assert torch.allclose(moved[:, 0, 1] - moved[:, 0, 0], ab[:, 0, 1] - ab[:, 0, 0])  # its shade
    assert torch.equal(moved[:, 0, 2], ab[:, 0, 2])  # another color
    assert -0.2 < moved[0, 0, 3] < 0.5  # in between


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="draw_hints wants ab"):
        draw_hints(torch.zeros(2, 3, 8, 8), 4, chance())
    with pytest.raises(TypeError, match="floats for ab"):
        draw_hints(torch.zeros(2, 2, 8, 8).long(), 4, chance())
    with pytest.raises(ValueError, match="most to be a whole number"):
        draw_hints(torch.zeros(2, 2, 8, 8), 0, chance())


# ------------------------------------------------------------------------------------------ judging


def test_the_curve_is_that_of_the_hints_it_tells_and_paints_once():
    model = Judged()
    curve = hint_curve(model, PHOTOS, counts=(0, 1, 5))
    assert model.painted == 1 and list(curve) == [0, 1, 5]
    L, ab = to_lab(PHOTOS.images)
    gray = to_rgb8(L, torch.zeros_like(ab))
    assert np.array_equal(curve[0]["psnr"], psnr(PHOTOS.images, gray))
    assert np.array_equal(curve[0]["delta_e"], ciede2000(PHOTOS.images, gray))
    assert (curve[0]["psnr"] < curve[1]["psnr"]).all() and (curve[1]["psnr"] < curve[5]["psnr"]).all()
    assert all(np.array_equal(curve[5]["psnr"], hint_curve(model, PHOTOS, (5,))[5]["psnr"]) for _ in range(2))
    without = hint_curve(Judged("deaf"), PHOTOS, (0, 1), delta_e=False)
    assert np.array_equal(without[0]["psnr"], without[1]["psnr"]) and np.isnan(without[0]["delta_e"]).all()
    assert (
        curve_table(curve).splitlines()[2]
        == f"| 0 | {curve[0]['psnr'].mean():.2f} | {curve[0]['delta_e'].mean():.2f} |"
    )
    assert curve_table(without).splitlines()[3].endswith("|  |")


def test_hints_at_the_largest_errors_are_worth_more_than_at_random():
    worst, random = (hint_curve(Judged(), PHOTOS, (0, 8), worst=w, delta_e=False) for w in (True, False))
    assert worst[8]["psnr"].mean() > random[8]["psnr"].mean() > random[0]["psnr"].mean()


def test_worst_places_finds_the_error_and_keeps_away_from_what_is_given():
    ab = torch.zeros(1, 2, 90, 90)
    guess = ab.clone()
    guess[0, 0, 20:30, 60:70] = 0.5
    guess[0, 1, 70:80, 10:20] = -0.3
    first = worst_places(guess, ab, [[]])
    second = worst_places(guess, ab, first)
    assert np.abs(np.subtract(first[0][0], (24.5, 64.5))).max() <= 6
    assert second[0][0] == first[0][0] and np.abs(np.subtract(second[0][1], (74.5, 14.5))).max() <= 6


def flat_patch(at, color=(200, 40, 90), others=7):
    images = torch.randint(0, 256, (1, 3, 40, 40), dtype=torch.uint8, generator=chance(others))
    images[0, :, at[0] - 5 : at[0] + 6, at[1] - 5 : at[1] + 6] = torch.tensor(color, dtype=torch.uint8).view(3, 1, 1)
    return images


def photos_of(*images):
    images = torch.cat(images)
    return Photos(images, torch.arange(len(images)), torch.arange(len(images)), "test", "drawn")


def test_flat_places_are_flat_and_colorful():
    gray = flat_patch((20, 20), (120, 120, 120))
    found = flat_places(photos_of(flat_patch((12, 25)), gray, flat_patch((30, 9))))
    assert found[1] is None
    assert np.abs(np.subtract(found[0], (12, 25))).max() <= 1 and np.abs(np.subtract(found[2], (30, 9))).max() <= 1


def test_obedience_is_what_is_asked_against_what_is_painted():
    photos = photos_of(flat_patch((12, 25)), flat_patch((30, 9), (60, 160, 60)), flat_patch((20, 20), (90, 60, 200)))
    deaf, off = obedience(Judged("deaf"), photos), obedience(Judged("off"), photos)
    assert deaf.shape == (3,) and (deaf > 15).all() and (off > 5).all()

    class Obeys(Judged):
        def forward(self, L, hints=None, painted=None):
            told = hints[:, :2].sum((2, 3), keepdim=True) / hints[:, 2:].sum((2, 3), keepdim=True)
            return told.expand(-1, -1, *L.shape[-2:])

    assert (obedience(Obeys(), photos) == 0).all() and (obedience(Obeys(), photos, others=True) == 0).all()
    with pytest.raises(ValueError, match="obedience wants flat and colorful places, and 1 photos have 1"):
        obedience(Obeys(), photos.subset([0]))


def test_a_card_has_all_of_it():
    photos = photos_of(flat_patch((12, 25)), flat_patch((30, 9), (60, 160, 60)), flat_patch((20, 20), (90, 60, 200)))
    marks = marks_of_hints(Judged(), photos, few=2)
    assert marks["photos"] == 3 and marks["at_errors_photos"] == 2 and set(marks["curve"]) >= {"0", "1", "10", "50"}
    mean, low, high = marks["curve"]["10"]["psnr"]
    assert low <= mean <= high and "50" not in marks["at_errors"]
    assert marks["obeyed"]["true"]["trials"] == 3 and marks["obeyed"]["true"]["share"] == np.mean(
        obedience(Judged(), photos) <= 5
    )


def test_two_processes_are_told_what_one_is():
    recipe = replace(PRESETS["smoke"], encoder="lite0", start="flowers-l1", hints=9, critic_steps=0, gan_steps=0)
    _, ab = to_lab(drawn_photos(24, 32, 3).images)

    def told(rank, world):
        def gather(mine):
            assert torch.equal(mine, ab[rank::world])
            return torch.cat([ab[r::world] for r in range(world)])

        return hints_of_step(
            ab[rank::world], recipe, 5, SimpleNamespace(process_index=rank, num_processes=world, gather=gather)
        )

    whole = told(0, 1)
    assert not torch.equal(whole[0], ab) and whole[1].any()  # one got a false color, and some got hints
    for rank in range(2):
        assert all(torch.equal(mine, all_[rank::2]) for mine, all_ in zip(told(rank, 2), whole, strict=True))
