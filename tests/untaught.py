"""A colorizer that takes hints, for tests that need no more than that."""

import torch

from helpers.inference import Colorizer, load_generator, weights_path
from helpers.models import HintUNet


def untaught_listener(size: int) -> Colorizer:
    """`flowers-l1` with a listener that has learned nothing, to which what is near is alike, and nothing else."""
    base, _ = load_generator(weights_path("flowers-l1"))
    torch.manual_seed(0)
    model = HintUNet(width=24)
    model.load_state_dict(base.state_dict(), strict=False)
    with torch.no_grad():
        model.listener.compare.weight.zero_()
        model.listener.near.fill_(4.5)
    return Colorizer(model, size, device="cpu")
