"""How far a network sees, measured. Built in chapter 4."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from .checks import check_whole

__all__ = ["receptive_field"]


@torch.enable_grad()
def receptive_field(model: nn.Module, size: int = 256, pictures: int = 4) -> int:
    """How many input pixels across one output pixel can see, measured by gradient. Built in chapter 4.

    The gradient of the central output with respect to the input is nonzero exactly where the model
    looks. A ReLU that is shut, or a max-pool, hides some paths; several random pictures are added up.

    model: a `UNet`, or a critic like `PatchGAN` that takes (L, ab). size: side of the test pictures; it
    must exceed the field. Returns pixels; the model is left as it was.
    Raises ValueError when the field reaches the border of the test picture, or the output depends on nothing.
    """
    check_whole("receptive_field", 1, size=size, pictures=pictures)
    parameter = next(model.parameters())
    training, seen = model.training, torch.zeros(size, size)
    needed = [one for one in inspect.signature(model.forward).parameters.values() if one.default is one.empty]
    model.eval()
    for seed in range(pictures):
        generator = torch.Generator().manual_seed(seed)
        lab = (torch.rand(1, 3, size, size, generator=generator) * 2 - 1).to(parameter).requires_grad_()
        out = model(lab[:, :1]) if len(needed) == 1 else model(lab[:, :1], lab[:, 1:])
        center = out[..., out.shape[-2] // 2, out.shape[-1] // 2].sum()
        seen += torch.autograd.grad(center, lab)[0].abs().sum((0, 1)).cpu()
    model.train(training)
    columns = (seen > 0).any(0).nonzero().flatten()
    if len(columns) == 0:
        raise ValueError("the output depends on no pixel: does this model look at its input?")
    if columns[0] == 0 or columns[-1] == size - 1:
        raise ValueError(f"the receptive field is wider than the {size}-px test picture: pass a larger size")
    return int(columns[-1] - columns[0] + 1)
