"""What chapter 4 claims and what its own code does, tried on a few drawn flowers; and its stored numbers."""

import itertools
import re
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from helpers.data import batches, drawn_photos, to_lab
from helpers.exercises import OURS
from helpers.losses import chance_levels, discriminator_loss
from helpers.models import PatchGAN, receptive_field

from .stored import code_cells, numbers, printed_text

CHAPTER = "04_the_patchgan"
NEEDED = ("def stream(", "class MyPatchGAN", "FAKES = {", "def forge(", "def train_critic(", "class PixelGAN")


@pytest.fixture
def chapter(monkeypatch):
    """The chapter's own functions, on small drawn flowers, going on with the course's own answers."""
    few = to_lab(drawn_photos(8, 32, seed=3).images)
    names = {
        "torch": torch, "F": F, "nn": torch.nn, "device": "cpu", "itertools": itertools, "batches": batches,
        "budget": SimpleNamespace(preset="smoke", size=32), "train_photos": drawn_photos(96, 32, seed=1),
        "painter": lambda L: torch.cat([L, L], 1) / 4, "no_norm": lambda layer: layer, "val_L": few[0],
        "val_ab": few[1], "critic_layers": OURS["04-2"], "hinge_loss": OURS["04-3"], "swap_colors": OURS["04-4"],
    }  # fmt: skip
    sources = ["".join(cell["source"]) for cell in code_cells(CHAPTER)]
    for needed in NEEDED:
        (source,) = [text for text in sources if needed in text]
        for end in ("\noptimizer = ", "\nwith torch.no_grad", "\nmakers = "):  # the functions, not what follows them
            source = source.split(end)[0]
        exec(source, names)
    return SimpleNamespace(**names)


def judged(critic, L, ab) -> torch.Tensor:
    with torch.no_grad():
        return critic.eval()(L, ab).mean((1, 2, 3))


@pytest.mark.parametrize("strided", [1, 2, 3])
def test_the_field_by_formula_is_the_field_measured(strided):
    layers = [(4, 2)] * strided + [(4, 1)] * 2
    assert OURS["04-1"](layers) == receptive_field(PatchGAN(4, strided)) == {1: 16, 2: 34, 3: 70}[strided]


@pytest.mark.parametrize("place", [3, 6, 9])
def test_a_logit_sees_its_patch_and_nothing_else(chapter, place):
    """Cut out and without frames of zeros, 34 pixels give one logit, that of the map, whatever is around them."""
    torch.manual_seed(place)
    critic = chapter.MyPatchGAN(8, 2)
    L, ab = torch.rand(1, 1, 64, 64), torch.rand(1, 2, 64, 64) * 2 - 1
    start = 4 * place - 11
    patch = (..., slice(start, start + 34), slice(start, start + 34))
    bare = deepcopy(critic)
    for layer in bare.net:
        if isinstance(layer, torch.nn.Conv2d):
            layer.padding = (0, 0)
    alone, whole = bare(L[patch], ab[patch]), critic(L, ab)[0, 0, place, place]
    assert alone.numel() == 1 and torch.allclose(alone[0, 0, 0, 0], whole, atol=1e-6)
    noise_L, noise = torch.rand_like(L), torch.rand_like(ab)
    noise_L[patch], noise[patch] = L[patch], ab[patch]
    assert torch.allclose(critic(noise_L, noise)[0, 0, place, place], whole, atol=1e-6)
    noise[..., start, start] += 1  # the first pixel of the patch does count
    assert not torch.equal(critic(noise_L, noise)[0, 0, place, place], whole)


def test_windows_of_four_see_each_pixel_equally_often():
    for size, counts in ((3, {1, 2, 4}), (4, {4})):
        visits = F.conv_transpose2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, size, size), stride=2, padding=1)
        assert set(visits[0, 0, 4:10, 4:10].unique().int().tolist()) == counts


@pytest.mark.parametrize("norm, layers", [("none", 1), ("none", 3), ("spectral", 2)])
def test_my_patchgan_is_the_helpers(chapter, norm, layers):
    wrap = torch.nn.utils.parametrizations.spectral_norm if norm == "spectral" else lambda layer: layer
    mine, theirs = chapter.MyPatchGAN(8, layers, wrap), PatchGAN(8, layers, norm)
    theirs.load_state_dict(mine.state_dict())
    L, ab = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)
    assert torch.equal(mine.eval()(L, ab), theirs.eval()(L, ab))


def test_the_loss_of_the_exercise_is_the_helpers():
    real, fake = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    assert torch.equal(OURS["04-3"](real, fake), discriminator_loss(real, fake, "hinge"))


def test_spectral_norm_is_a_leash():
    L, ab = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)
    for norm, same in (("spectral", True), ("none", False)):
        torch.manual_seed(0)
        critic = PatchGAN(8, 2, norm).eval()
        before = critic(L, ab)
        with torch.no_grad():
            for parameter in critic.parameters():
                if parameter.dim() == 4:
                    parameter *= 3
        assert torch.allclose(before, critic(L, ab), atol=1e-5) == same


def test_a_pixelgan_sees_single_pixels_with_and_without_norm(chapter):
    for norm in (lambda layer: layer, torch.nn.utils.parametrizations.spectral_norm):
        critic = chapter.PixelGAN(8, norm).eval()
        L, ab = torch.rand(1, 1, 6, 6), torch.rand(1, 2, 6, 6)
        before = critic(L, ab)
        ab[..., 2, 3] += 1
        assert ((critic(L, ab) != before).nonzero()[:, 2:] == torch.tensor([2, 3])).all()


def test_each_fake_is_what_it_says(chapter):
    L, ab = to_lab(drawn_photos(6, 32, seed=2).images)
    fakes = {kind: fake(L, ab) for kind, fake in chapter.FAKES.items()}
    assert list(fakes) == ["gray", "faded", "shifted", "swapped", "painted"]
    assert (fakes["gray"] == 0).all() and torch.equal(2 * fakes["faded"], ab)
    assert torch.allclose(fakes["shifted"].norm(dim=1), ab.norm(dim=1))
    assert torch.allclose((fakes["shifted"] * ab).sum(1), torch.zeros(6, 32, 32), atol=1e-6)  # a right angle
    assert all(torch.equal(fakes["swapped"][i], ab[i - 1]) for i in range(6))
    mixed = chapter.forge(L, ab, ["gray", "swapped"])
    assert (mixed[::2] == 0).all() and torch.equal(mixed[1::2], ab[1::2].roll(1, 0))


def test_a_critic_knows_what_it_was_shown(chapter):
    """Trained on gray it finds gray, and takes another photo's colors for real."""
    torch.manual_seed(0)
    critic = PatchGAN(8, 1)
    losses = chapter.train_critic(critic, ["gray"], 60)
    L, ab = to_lab(drawn_photos(32, 32, seed=5).images)
    assert losses[-1] < 0.5 * chance_levels("hinge")[0]
    assert (judged(critic, L, ab) > 0).float().mean() > 0.9
    assert (judged(critic, L, 0 * ab) < 0).float().mean() > 0.9
    assert (judged(critic, L, ab.roll(1, 0)) > 0).float().mean() > 0.9


def test_without_L_swapped_colors_cost_exactly_chance(chapter):
    torch.manual_seed(0)
    critic = PatchGAN(8, 1)
    losses = chapter.train_critic(critic, ["swapped"], 12, see_L=False)
    assert min(losses) > 2 - 1e-3  # the line of chance: a hinge loss of 2
    L, ab = to_lab(drawn_photos(16, 32, seed=5).images)
    real, fake = (judged(critic, 0 * L, colors) for colors in (ab, ab.roll(1, 0)))
    assert torch.allclose(real.sort().values, fake.sort().values, atol=1e-6)


# ---------------------------------------------------------------------------------------- what is stored


@pytest.fixture(scope="module")
def printed():
    return printed_text(CHAPTER)


def test_stored_with_all_blanks_blank(printed):
    assert printed.count("The chapter goes on with the course's own.") == 4
    assert "The chapter goes on with yours." not in printed


def test_the_first_critic_tells_the_two_apart(printed):
    photos, paintings = numbers(r"patches called real: (\d+)% of the photos', (\d+)% of the paintings'", printed)
    assert photos > 50 > paintings


def test_the_shapes_are_those_of_the_network(printed):
    found = re.findall(r"^stride (\d): +(\d+) channels of (\d+) x (\d+)$", printed, re.M)
    assert found == [("2", "16", "32", "32"), ("2", "32", "16", "16"), ("1", "64", "15", "15"), ("1", "1", "14", "14")]
    assert f"{sum(p.numel() for p in PatchGAN(16, 2, 'none').parameters()):,} parameters" in printed


def test_the_patch_alone_gives_the_number_in_the_map(printed):
    in_map, alone, high, wide = numbers(
        r"in the map (-?[\d.]+); alone (-?[\d.]+), from an answer of (\d) x (\d)", printed
    )
    assert abs(in_map - alone) < 2e-6 and high == wide == 1


def test_a_critic_without_a_leash_shouts(printed):
    found = r"norm +([\d.]+)% right, ([\d.]+)% by less than the margin, typical logit ([\d.]+), slope ([\d.]+)"
    leash, none = ([float(number) for number in row] for row in re.findall(found, printed))
    assert min(leash[0], none[0]) > 95 and none[1] > 0 and none[2] > 3 * leash[2] and none[3] > 3 * leash[3]


def test_gray_patches_are_doubted(printed):
    nearly, colored = numbers(r"called real: nearly gray (\d+)%, colored (\d+)%", printed)
    assert nearly < colored


def test_without_L_the_mean_is_exactly_half(printed):
    assert re.search(r"does not +true photos called real \d+%, swapped caught \d+%, mean 50\.0%", printed)
    assert numbers(r"sees L +true photos called real \d+%, swapped caught \d+%, mean ([\d.]+)%", printed)[0] > 65
