"""helpers.kid: KID against a plain loop (and torchmetrics, where it is installed), and the shipped network."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from helpers import kid as features
from helpers.data import Photos
from helpers.inference import WEIGHTS, pretrained_names
from helpers.kid import FlowerNet, accuracy, embed, kid, kid_blocks, load_features, mean_interval, mmd2
from helpers.metrics import predict
from helpers.synthetic import draw_flowers

ROOT = Path(__file__).parent.parent


def loop(x, y):
    """The definition, pair by pair (Gretton et al. 2012, eq. 3)."""
    d = x.shape[1]

    def k(p, q):
        return (float((p * q).sum()) / d + 1) ** 3

    def within(z):
        return np.mean([k(p, q) for i, p in enumerate(z) for j, q in enumerate(z) if i != j])

    return within(x) + within(y) - 2 * np.mean([k(p, q) for p in x for q in y])


@pytest.fixture
def sets():
    chance = torch.Generator().manual_seed(0)
    return torch.rand(9, 5, generator=chance).double(), 1.2 * torch.rand(7, 5, generator=chance).double()


def test_mmd2_is_its_definition(sets):
    x, y = sets
    assert mmd2(x, y) == pytest.approx(loop(x.numpy(), y.numpy()), abs=1e-12)
    assert mmd2(x, y) == pytest.approx(mmd2(y, x), abs=1e-12)
    assert mmd2(x.float(), y.float()) == pytest.approx(mmd2(x, y), abs=1e-5)


def test_mmd2_against_torchmetrics(sets):
    kid_module = pytest.importorskip("torchmetrics.image.kid")
    x, y = (z[:7] for z in sets)
    theirs = kid_module.poly_mmd(x, y, degree=3, gamma=None, coef=1.0)
    assert mmd2(x, y) == pytest.approx(theirs.item(), abs=1e-9)


def test_mmd2_is_0_on_average_for_one_distribution_and_more_for_two():
    chance = torch.Generator().manual_seed(1)
    same = [mmd2(torch.rand(20, 4, generator=chance), torch.rand(30, 4, generator=chance)) for _ in range(300)]
    mean, low, high = mean_interval(same)
    assert low < 0 < high and min(same) < 0  # unbiased: some are negative
    with_diagonal = [value + 0.05 for value in same]  # what a bias of the size of a diagonal would do
    assert mean_interval(with_diagonal)[1] > 0
    far = [mmd2(torch.rand(20, 4, generator=chance), 2 * torch.rand(30, 4, generator=chance)) for _ in range(20)]
    assert min(far) > max(same)


@pytest.mark.parametrize("x, y", [((1, 4), (5, 4)), ((5, 4), (5, 3)), ((5,), (5, 4))])
def test_mmd2_refuses_what_it_cannot_compare(x, y):
    with pytest.raises(ValueError, match="two sets of at least 2"):
        mmd2(torch.zeros(x), torch.zeros(y))


def test_blocks_are_disjoint_and_the_same_for_every_painter(monkeypatch):
    real, fake = torch.arange(20.0)[:, None], torch.arange(100.0, 120)[:, None]
    seen = []

    def note(x, y):
        seen.append((set(x.flatten().tolist()), set(y.flatten().tolist())))
        return 0.0

    monkeypatch.setattr(features, "mmd2", note)
    for _ in range(2):
        kid_blocks(real, fake, blocks=5, seed=3)
    assert seen[:5] == seen[5:]
    for side in (0, 1):
        parts = [pair[side] for pair in seen[:5]]
        assert sum(map(len, parts)) == len(set().union(*parts)) == 20
    assert seen[0][0] != {0.0, 1.0, 2.0, 3.0}, "shuffled: the official order goes by category"
    with pytest.raises(ValueError, match="11 blocks of at least 2"):
        kid_blocks(real, fake, blocks=11)


def test_kid_is_the_t_interval_over_blocks(sets):
    from scipy.stats import ttest_1samp

    x, y = (z.repeat(4, 1) for z in sets)
    values = kid_blocks(x, y, 4)
    wanted = ttest_1samp(values, 0).confidence_interval(0.95)
    assert kid(x, y, 4) == pytest.approx((values.mean(), wanted.low, wanted.high))
    with pytest.raises(ValueError, match="at least 2 numbers"):
        kid(x, y, blocks=1)


# ---------------------------------------------------------------------------------------- the network


@pytest.fixture(scope="module")
def shipped():
    return load_features()


@pytest.fixture(scope="module")
def flowers():
    pictures, truth = draw_flowers(32, 64, seed=4)
    images = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(32), "test", "drawn")


def test_shipped_network_is_small_and_no_colorizer(shipped):
    network, card = shipped
    assert features.FEATURES.stat().st_size < 2e6
    assert pretrained_names() == sorted(p.stem for p in WEIGHTS.glob("flowers*.safetensors"))
    assert card["parameters"] == sum(p.numel() for p in network.parameters())
    assert card["accuracy"] > 20 * card["chance"] and card["accuracy"] > card["accuracy_in_gray"]
    assert "6149 photos of the official test split" in card["judged_on"] and "train and val" in card["trained_on"]
    assert card["command"] == "python -m helpers.publish flowernet"
    assert {"seconds", "core_seconds", "hardware", "epochs"} <= card["training"].keys()


def test_shipped_network_is_installed_too():
    package_data = re.search(
        r"\[tool.setuptools.package-data\]\nhelpers = (\[.*?\])", (ROOT / "pyproject.toml").read_text(), re.S
    )
    patterns = ast.literal_eval(package_data[1])
    for file in (features.FEATURES, features.FEATURES.with_suffix(".json")):
        assert any(file in (ROOT / "helpers").glob(pattern) for pattern in patterns), file


def test_features_are_deterministic_and_see_color(shipped, flowers):
    network, _ = shipped
    found = embed(network, flowers.images)
    assert found.shape == (32, 128) and found.dtype == torch.float32 and found.min() >= 0 and not network.training
    assert torch.allclose(found[:5], embed(network, flowers.images[:5], batch_size=2), atol=1e-4)
    gray = embed(network, predict("gray", flowers))
    assert (found - gray).norm(dim=1).min() > 0.1


def test_other_sizes_are_scaled_first(shipped, flowers):
    network, _ = shipped
    large = torch.nn.functional.interpolate(flowers.images.float(), scale_factor=2).byte()
    small, scaled = embed(network, flowers.images), embed(network, large)
    assert torch.nn.functional.cosine_similarity(small, scaled).min() > 0.9


def test_embedding_leaves_the_mode_as_it_was(flowers):
    network = FlowerNet(classes=5, width=4, features=8)
    embed(network.train(), flowers.images[:4])
    assert network.training


def test_accuracy_counts_hits(flowers):
    network = FlowerNet(classes=5, width=4, features=8)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor([0.0, 0, 1, 0, 0]))  # always says 2
    assert accuracy(network, flowers.images, flowers.labels) == (flowers.labels == 2).double().mean().item()


def test_what_is_no_feature_network_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no feature network"):
        load_features(tmp_path / "none.safetensors")
    for number, (state, header) in enumerate([({"x": torch.zeros(1)}, {"config": "{}"}), ({"x": torch.zeros(1)}, {})]):
        path = tmp_path / f"{number}.safetensors"
        save_file(state, path, header)
        with pytest.raises(ValueError, match="does not hold a feature network"):
            load_features(path)
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ValueError, match="does not hold"):
        load_features(tmp_path / "text.safetensors")
