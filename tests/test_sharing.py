"""helpers.backstage.sharing: two processes normalize as one does that has the whole batch."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from helpers.backstage.sharing import BatchNormOfAll, mean_of_all, share_statistics
from helpers.models import PretrainedUNet, UNet

REPOSITORY = Path(__file__).parent.parent
ONE, TWO = (SimpleNamespace(num_processes=n, device=torch.device("cpu")) for n in (1, 2))

BOTH = """
import sys, torch, torch.distributed as dist
from torch import nn
from types import SimpleNamespace
from helpers.backstage.sharing import mean_of_all, share_statistics
from tests.test_sharing import layers, photos

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
accelerator = SimpleNamespace(num_processes=2, device=torch.device("cpu"))
for dtype in (torch.float32, torch.float64):
    model = share_statistics(layers(dtype), accelerator)
    for step in range(3):
        x, slope = (part[:3] if rank == 0 else part[3:] for part in photos(step, dtype))
        x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        y = model(x)
        (y * slope).sum().backward()
    result = {"y": y.detach(), "x": x.grad} | {f"state {k}": v for k, v in model.state_dict().items()}
    result |= {f"grad {k}": v.grad for k, v in model.named_parameters()}
    torch.save(result, f"{folder}/{rank}-{dtype}.pt")
dist.destroy_process_group()
"""


def layers(dtype=torch.float32) -> nn.Module:
    """Two BatchNorms with something between them; not as they begin."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2)
    )
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model.to(dtype)


def photos(step, dtype):
    """(inputs, slopes of the loss), 8 of each: 3 for the first process, 5 for the other. Their means lie far from 0."""
    chance = torch.Generator().manual_seed(step)
    x = torch.randn(8, 3, 6, 5, generator=chance) * torch.tensor([1, 0.01, 100]).view(1, 3, 1, 1) + 30
    return x.to(dtype), torch.randn(8, 2, 4, 3, generator=chance).to(dtype)


@pytest.mark.skipif(sys.platform == "win32", reason="gloo")
def test_two_processes_normalize_as_one(tmp_path):
    both = [
        subprocess.Popen([sys.executable, "-c", BOTH, str(rank), str(tmp_path)], cwd=REPOSITORY,
                         stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=600)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for dtype, close in ((torch.float32, 1e-4), (torch.float64, 1e-10)):
        model = layers(dtype)
        for step in range(3):
            x, slope = photos(step, dtype)
            y = model(x.requires_grad_())
            (y * slope).sum().backward()
        first, second = (torch.load(tmp_path / f"{rank}-{dtype}.pt", weights_only=True) for rank in range(2))
        for name, whole in {"y": y.detach(), "x": x.grad}.items():
            torch.testing.assert_close(torch.cat([first[name], second[name]]), whole, rtol=close, atol=close)
        for name, whole in model.named_parameters():  # each its own share; their sum is that of the whole batch
            both_shares = first[f"grad {name}"] + second[f"grad {name}"]
            scale = max(1.0, whole.grad.abs().max().item())
            torch.testing.assert_close(both_shares / scale, whole.grad / scale, rtol=close, atol=close)
        for name, whole in model.state_dict().items():
            torch.testing.assert_close(first[f"state {name}"], whole, rtol=close, atol=close)
            assert torch.equal(first[f"state {name}"], second[f"state {name}"])


def test_alone_nothing_changes():
    model = layers()
    assert share_statistics(model, ONE) is model and type(model[1]) is nn.BatchNorm2d
    losses = {"color": torch.tensor(1.0)}
    assert mean_of_all(losses, ONE) is losses


def test_together_only_what_learns_is_changed_and_no_name():
    """A pretrained encoder keeps the statistics that it came with, and its own kind of layer."""
    for model in (UNet(4, 2), PretrainedUNet(width=6)):
        names, encoder = list(model.state_dict()), [type(m) for m in model.encoder.modules()]
        share_statistics(model, TWO)
        assert list(model.state_dict()) == names
        changed = [m for m in model.decoder.modules() if isinstance(m, nn.BatchNorm2d)]
        assert changed and all(type(m) is BatchNormOfAll for m in changed)
        assert isinstance(model, PretrainedUNet) == ([type(m) for m in model.encoder.modules()] == encoder)


def test_at_rest_it_asks_nobody():
    """Without a process group, which an all_reduce would want; and with the same bits as before."""
    model, x = layers().eval(), photos(0, torch.float32)[0]
    before = model(x)
    assert torch.equal(share_statistics(model, TWO)(x), before) and type(model[1]) is BatchNormOfAll
    with pytest.raises(ValueError, match="process group"):
        model.train()(x)
