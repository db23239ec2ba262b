"""Networks that only color: BatchNorms, paddings and ReLUs go into the convolutions beside them, and cost nothing."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["folded"]

CLOSE = 1e-3  # of ab's range of -1 to 1: 0.11 Lab units, which no eye sees; what ships differs by 4e-7
THEN = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}  # as oneDNN calls them
SIZES = 3  # of pictures, whose weights (14 MB) are kept: a square, and lying and standing as the camera has them


@torch.inference_mode()
def folded(model: nn.Module) -> nn.Module:
    """A copy that paints the same, but for rounding, in less time. model: L (N, 1, h, w) -> ab, in eval mode.

    In eval mode a BatchNorm is a multiplication and an addition for each channel, which the weights and the bias of
    the convolution before it can do. Which convolution that is, the order of a module's parts says in most networks,
    though not in all: so the copy is tried once, and the model itself is returned if it paints something else.
    """
    quick = deepcopy(model)
    for parent in list(quick.modules()):
        parts = list(parent.named_children())
        for (before, conv), (name, norm) in zip(parts, parts[1:], strict=False):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                if conv.out_channels != norm.num_features or norm.running_mean is None:
                    return model
                conv.weight, conv.bias = fuse_conv_bn_weights(
                    conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                )
                if type(conv).__name__ == "Conv2dSame" and conv.stride == (2, 2):
                    setattr(parent, before, _padded_inside(conv))
                # timm's BatchNorm has its activation inside
                setattr(parent, name, nn.Sequential(*(part for _, part in norm.named_children())))
    L = torch.linspace(-1, 1, 64 * 64, device=next(model.parameters()).device).view(1, 1, 64, 64).sin()
    for last_step in (_packed, lambda quick: quick):
        with suppress(AttributeError, TypeError, ValueError, RuntimeError):  # no oneDNN; a network that wants more
            if ((made := last_step(quick))(L) - model(L)).abs().max() < CLOSE:
                return made
    return model


class _Packed(nn.Module):
    """A convolution, and a ReLU that follows it, as one step of oneDNN, which lays its weights out once, not each time.

    torch.compile does so with the same two functions, but wants a compiler. The layout is one for the pictures' size:
    another may take ten times as long. Other than those of `nn.Conv2d`, its bits do not depend on the threads.
    """

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.weight, self.bias, self.colors = conv.weight, conv.bias, conv.out_channels == 2
        self.settings = conv.padding, conv.stride, conv.dilation, conv.groups
        self.layouts, self.then = {}, ("none", [])

    def forward(self, x: Tensor) -> Tensor:
        if (weight := self.layouts.get(x.shape)) is None:
            if len(self.layouts) >= SIZES:
                self.layouts.clear()
            weight = torch.ops.mkldnn._reorder_convolution_weight(self.weight, *self.settings, x.shape)
            self.layouts[x.shape] = weight
        x = torch.ops.mkldnn._convolution_pointwise.default(x, weight, self.bias, *self.settings, *self.then, "")
        return x.contiguous() if self.colors else x  # two channels are enlarged faster one after the other


def _packed(model: nn.Module) -> nn.Module:
    """A copy whose convolutions are `_Packed`, each with the ReLU that nothing stands between."""
    quick = deepcopy(model)
    for parent in list(quick.modules()):
        conv = None
        for name, part in list(parent.named_children()):
            kinds = {type(inside) for inside in part.modules()} - {nn.Identity, nn.Sequential}
            if isinstance(part, nn.Conv2d):
                setattr(parent, name, conv := _Packed(part))
            elif kinds:
                if conv is not None and len(kinds) == 1 and (then := THEN.get(*kinds)):
                    conv.then = then
                    setattr(parent, name, nn.Identity())
                conv = None
    return quick


def _padded_inside(conv: nn.Conv2d) -> nn.Conv2d:
    """A convolution with strides of 2 that timm pads below and on the right alone, which copies the whole picture.

    On a picture of even size a row and a column of zeros in the kernel do the same, and need no copy: all that a U-Net
    sees is of even size.
    """
    k = conv.kernel_size[0]
    plain = nn.Conv2d(conv.in_channels, conv.out_channels, k + 1, 2, padding=(k - 1) // 2, groups=conv.groups)
    plain.weight, plain.bias = nn.Parameter(F.pad(conv.weight, (1, 0, 1, 0))), conv.bias
    return plain
