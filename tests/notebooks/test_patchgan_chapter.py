"""What chapter 4 claims and what its own code does, tried on a few drawn flowers."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from helpers.data import drawn_photos, to_lab
from helpers.losses import chance_levels
from helpers.models import PatchGAN, receptive_field
from helpers.runs import runs_folder

CHAPTER = Path(__file__).parents[2] / "notebooks" / "04_the_patchgan.ipynb"
NEEDED = (  # the cells that define what is tried here, in the chapter's order
    "def stream(",
    "class MyPatchGAN",
    "FAKES = {",
    "def forge(",
    "def train_critic(",
    "def critic_path(",
    "def load_or_train_critic(",
)


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """The chapter's own functions, on small drawn flowers and in an empty folder."""
    names = {
        "torch": torch, "F": F, "nn": torch.nn, "device": "cpu", "retrain": False,
        "budget": SimpleNamespace(preset="smoke", size=32), "train_photos": drawn_photos(96, 32, seed=1),
        "painter": lambda L: torch.cat([L, L], 1) / 4,
    }  # fmt: skip
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path / "runs"))
    cells = [c for c in json.loads(CHAPTER.read_text(encoding="utf8"))["cells"] if c["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    exec("import itertools\nfrom helpers.data import batches\nfrom helpers.losses import discriminator_loss", names)
    for needed in NEEDED:
        (source,) = [text for text in sources if needed in text]
        exec(source.split("\noptimizer = ")[0], names)  # the functions alone, without the training below one of them
    return SimpleNamespace(**names), names


def judged(critic, L, ab) -> torch.Tensor:
    with torch.no_grad():
        return critic.eval()(L, ab).mean((1, 2, 3))


@pytest.mark.parametrize("strided", [1, 2, 3])
def test_the_field_by_formula_is_the_field_measured(strided):
    sees, step = 1, 1
    for kernel, stride in [(4, 2)] * strided + [(4, 1)] * 2:
        sees, step = sees + (kernel - 1) * step, step * stride
    assert sees == receptive_field(PatchGAN(4, strided)) == {1: 16, 2: 34, 3: 70}[strided]


def test_windows_of_four_see_each_pixel_equally_often():
    for size, counts in ((3, {1, 2, 4}), (4, {4})):
        visits = F.conv_transpose2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, size, size), stride=2, padding=1)
        assert set(visits[0, 0, 4:10, 4:10].unique().int().tolist()) == counts


@pytest.mark.parametrize("norm, layers", [("none", 1), ("none", 3), ("spectral", 2)])
def test_my_patchgan_is_the_helpers(chapter, norm, layers):
    wrap = torch.nn.utils.parametrizations.spectral_norm if norm == "spectral" else lambda layer: layer
    mine, theirs = chapter[0].MyPatchGAN(8, layers, wrap), PatchGAN(8, layers, norm)
    theirs.load_state_dict(mine.state_dict())
    L, ab = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)
    assert torch.equal(mine.eval()(L, ab), theirs.eval()(L, ab))


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


def test_each_fake_is_what_it_says(chapter):
    L, ab = to_lab(drawn_photos(6, 32, seed=2).images)
    fakes = {kind: fake(L, ab) for kind, fake in chapter[0].FAKES.items()}
    assert list(fakes) == ["gray", "faded", "shifted", "swapped", "painted"]
    assert (fakes["gray"] == 0).all() and torch.equal(2 * fakes["faded"], ab)
    assert torch.allclose(fakes["shifted"].norm(dim=1), ab.norm(dim=1))
    assert torch.allclose((fakes["shifted"] * ab).sum(1), torch.zeros(6, 32, 32), atol=1e-6)  # a right angle
    assert all(torch.equal(fakes["swapped"][i], ab[i - 1]) for i in range(6))
    mixed = chapter[0].forge(L, ab, ["gray", "swapped"])
    assert (mixed[::2] == 0).all() and torch.equal(mixed[1::2], ab[1::2].roll(1, 0))


def test_a_critic_knows_what_it_was_shown(chapter):
    """Trained on gray it finds gray, and takes another photo's colors for real."""
    torch.manual_seed(0)
    critic = PatchGAN(8, 1)
    losses = chapter[0].train_critic(critic, ["gray"], 60)
    L, ab = to_lab(drawn_photos(32, 32, seed=5).images)
    assert losses[-1] < 0.5 * chance_levels("hinge")[0]
    assert (judged(critic, L, ab) > 0).float().mean() > 0.9
    assert (judged(critic, L, 0 * ab) < 0).float().mean() > 0.9
    assert (judged(critic, L, ab.roll(1, 0)) > 0).float().mean() > 0.9


def test_without_L_swapped_colors_cost_exactly_chance(chapter):
    torch.manual_seed(0)
    critic = PatchGAN(8, 1)
    losses = chapter[0].train_critic(critic, ["swapped"], 12, see_L=False)
    assert min(losses) > 2 - 1e-3  # the line of chance: a hinge loss of 2
    L, ab = to_lab(drawn_photos(16, 32, seed=5).images)
    real, fake = (judged(critic, 0 * L, colors) for colors in (ab, ab.roll(1, 0)))
    assert torch.allclose(real.sort().values, fake.sort().values, atol=1e-6)


def test_a_trained_critic_is_loaded_and_not_trained_again(chapter, monkeypatch):
    functions, names = chapter
    taken = []
    train = names["train_critic"]
    names["train_critic"] = lambda *a: (taken.append(1), train(*a))[1]

    def get(**change):
        torch.manual_seed(0)
        return functions.load_or_train_critic(
            **({"name": "a", "critic": PatchGAN(8, 1), "kinds": ["gray"], "steps": 2} | change)
        )

    (first, losses), (again, the_same) = get(), get()
    assert len(taken) == 1 and losses == the_same and len(losses) == 2 and not again.training
    pairs = zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    runs = runs_folder()
    (folder,) = runs.iterdir()
    assert folder.name.startswith("04-a-") and [p.name for p in folder.iterdir()] == ["critic.safetensors"]
    for change in ({"steps": 3}, {"kinds": ["faded"]}, {"see_L": False}, {"critic": PatchGAN(8, 2)}):
        get(**change)
    assert len(taken) == 5 == len(list(runs.iterdir()))
    names["retrain"] = True
    get()
    assert len(taken) == 6
