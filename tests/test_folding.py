"""BatchNorms and ReLUs folded into the convolutions before them: the same picture, and never another one."""

import copy

import pytest
import torch
from torch import nn

from helpers.backstage import folding
from helpers.backstage.folding import folded
from helpers.inference import Colorizer, pretrained_names
from helpers.models import HintUNet, UNet, no_hints, place_hint


def norms(model) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("name", pretrained_names())
def test_what_ships_paints_the_same_without_its_norms(name):
    model = Colorizer.from_pretrained(name, device="cpu").model
    before = copy.deepcopy(model.state_dict())
    quick = folded(model)
    assert norms(model) > 10 and norms(quick) == 0
    assert not any(type(module).__name__ == "Conv2dSame" for module in quick.modules())
    L = torch.rand(2, 1, 96, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        assert (quick(L) - model(L)).abs().max() < 1e-5
        if isinstance(model, HintUNet):
            place_hint((told := no_hints(L))[0], 40, 30, torch.tensor([0.4, -0.3]))
            assert (model(L, told) - model(L)).abs().max() > 0.1
            assert (quick(L, told) - model(L, told)).abs().max() < 1e-4
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())  # it was a copy


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="oneDNN is not in this torch")
@pytest.mark.parametrize("name", ["flowers", "flowers-64"])
def test_the_bits_depend_neither_on_the_threads_nor_on_the_batch(name):
    model = Colorizer.from_pretrained(name, device="cpu").model
    quick = folded(model)
    assert not any(isinstance(module, (nn.Conv2d, nn.ReLU, nn.ReLU6)) for module in quick.modules())
    L = torch.rand(2, 1, 160, 96, generator=torch.Generator().manual_seed(2)) * 2 - 1
    threads, made = torch.get_num_threads(), []
    try:
        with torch.inference_mode():
            for number in (1, 2):
                torch.set_num_threads(number)
                made += [quick(L), torch.cat([quick(one[None]) for one in L])]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, made[0]) for one in made) and (made[0] - model(L)).abs().max() < 1e-5


def missing(model):
    raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_reorder_convolution_weight'")


@torch.inference_mode()
@pytest.mark.parametrize("last_step", [missing, lambda model: nn.Conv2d(1, 2, 1)])
def test_where_onednn_is_missing_or_paints_something_else_only_norms_are_folded(last_step, monkeypatch):
    model = UNet(4, 2).eval()
    monkeypatch.setattr(folding, "_packed", last_step)
    quick, L = folded(model), torch.rand(1, 1, 32, 32)
    assert quick is not model and norms(quick) == 0 and any(isinstance(part, nn.Conv2d) for part in quick.modules())
    assert (quick(L) - model(L)).abs().max() < 1e-5


class Between(nn.Module):
    """What stands between a convolution and a ReLU keeps them apart."""

    def __init__(self):
        super().__init__()
        self.first, self.between, self.then = nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(1), nn.ReLU6()
        self.last, self.end = nn.Conv2d(4, 2, 1), nn.Tanh()

    def forward(self, L):
        x = self.first(L)
        return self.end(self.last(self.then(self.between(-x)) - x))


@torch.inference_mode()
def test_a_relu_behind_something_else_stays():
    model = Between().eval()
    quick, L = folded(model), torch.rand(1, 1, 32, 32)
    assert quick is not model and isinstance(quick.then, nn.ReLU6)
    assert (quick(L) - model(L)).abs().max() < 1e-5


class Odd(nn.Module):
    """Its norm is named after a convolution that it does not follow."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 1), nn.Conv2d(4, channels, 1)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_var.fill_(9.0)
        self.norm.bias.data.fill_(1.0)

    def forward(self, L):
        return self.second(self.norm(self.first(L)))


@pytest.mark.parametrize("channels", [2, 4])
def test_a_network_of_another_order_is_left_as_it_is(channels):
    model = Odd(channels).eval()
    assert folded(model) is model and norms(model) == 1


def test_a_network_that_wants_more_than_L_is_left_as_it_is():
    model = nn.Bilinear(2, 2, 2).eval()
    assert folded(model) is model


def test_a_network_still_in_training_is_left_as_it_is():
    """There a BatchNorm goes by its batch, which no weights can do."""
    model = UNet(4, 2).train()
    assert folded(model) is model
