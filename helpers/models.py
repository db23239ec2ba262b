"""The two networks of the course: a U-Net that paints and a PatchGAN that judges.

generator = UNet(width=32, depth=4)              # L (N, 1, H, W) -> ab (N, 2, H, W)
discriminator = PatchGAN(layers=2)               # L, ab -> a map of logits, one a patch
receptive_field(discriminator)                   # 34 pixels, measured
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .color import AB_SCALE, in_gamut

__all__ = ["PatchGAN", "UNet", "ab_grid", "receptive_field"]


def ab_grid(step: float = 10.0) -> Tensor:
    """The ab values a color classifier chooses from: float (K, 2) in Lab units (Zhang et al. 2016, section 2.1).

    The points of a grid of this step that some lightness makes a color of sRGB; 225 for a step of 10.
    """
    line = torch.arange(-120 // step, 120 // step + 1) * step
    L = torch.arange(1.0, 100.0)
    lab = torch.stack(torch.broadcast_tensors(L[:, None, None], line[:, None], line), dim=1)
    return torch.cartesian_prod(line, line)[in_gamut(lab).any(0).flatten()]


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with BatchNorm and ReLU: one level of a U-Net."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """Predict color from lightness (Ronneberger et al. 2015, Fig. 1).

    The encoder halves the picture `depth` times and widens it; the decoder climbs back, and at each
    level a *skip connection* hands it the encoder's features of the same size, so that fine edges
    need not squeeze through the bottom.

    width:    channels of the first level; each level below has twice as many, at most 8 * width.
    depth:    how often the picture is halved.
    half_res: predict ab at half resolution and enlarge it (as JPEG does with its color). On flowers
              this costs nothing the eye sees and saves most of the work of the top level.
    skips:    False cuts the skip connections (zeros in their place), to see what they are for.
    classes:  predict a probability for each color of `ab_grid()` (Zhang et al. 2016) and return their
              annealed mean: probabilities sharpened by `temperature`, then averaged.

    forward(L): float (N, 1, H, W), about -1 to 1, any H and W from 1 up -> ab (N, 2, H, W) in (-1, 1).
    forward(L, logits=True): a classifier's logits (N, K, h, w), at half resolution with half_res.

    Against the paper: padded convolutions and BatchNorm (Ioffe & Szegedy 2015), bilinear upsampling
    and a convolution in place of a transposed one (no checkerboards: Odena et al. 2016), a tanh head.
    Use `.eval()` for prediction: the picture must not depend on its neighbors in the batch.
    """

    def __init__(
        self,
        width: int = 32,
        depth: int = 4,
        half_res: bool = True,
        skips: bool = True,
        classes: bool = False,
        temperature: float = 0.5,
    ):
        super().__init__()
        if width < 1 or depth < 1:
            raise ValueError(f"a U-Net needs a width and a depth of at least 1, not {width} and {depth}")
        self.config = {"width": width, "depth": depth, "half_res": half_res, "skips": skips}
        self.depth, self.half_res, self.skips, self.classes = depth, half_res, skips, classes
        if classes:
            self.config |= {"classes": True, "temperature": temperature}
            self.temperature = temperature
            self.register_buffer("grid", ab_grid() / AB_SCALE, persistent=False)
        channels = [width * min(2**level, 8) for level in range(depth + 1)]
        if half_res:  # the top level only looks; it need not be rich, since nothing is painted there
            top = nn.Sequential(
                nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
            )
        else:
            top = _double_conv(1, width)
        self.encoder = nn.ModuleList(
            [top] + [_double_conv(a, b) for a, b in zip(channels[:-1], channels[1:], strict=True)]
        )
        lowest = 1 if half_res else 0
        self.levels = list(range(depth - 1, lowest - 1, -1))  # decoder levels, bottom to top
        self.squeeze = nn.ModuleList(nn.Conv2d(channels[i + 1], channels[i], 1) for i in self.levels)
        self.decoder = nn.ModuleList(_double_conv(2 * channels[i], channels[i]) for i in self.levels)
        self.head = nn.Conv2d(channels[lowest], len(self.grid) if classes else 2, 1)

    def forward(self, L: Tensor, logits: bool = False) -> Tensor:
        height, width = L.shape[-2:]
        step = 2**self.depth
        # Any size: pad right and below to a multiple of 2^depth, crop the answer again.
        x = F.pad(L, (0, -width % step, 0, -height % step), mode="replicate")
        features = []
        for level, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if level else x)
            features.append(x)
        for level, squeeze, block in zip(self.levels, self.squeeze, self.decoder, strict=True):
            # Squeezing the channels before enlarging does the same work on a quarter of the pixels.
            x = F.interpolate(squeeze(x), scale_factor=2, mode="bilinear", align_corners=False)
            skip = features[level] if self.skips else torch.zeros_like(features[level])
            x = block(torch.cat([x, skip], dim=1))
        x = self.head(x)
        if logits:
            return x
        if self.classes:
            ab = torch.einsum("nkhw,kc->nchw", (x.float() / self.temperature).softmax(1), self.grid)
        else:
            ab = torch.tanh(x)
        if self.half_res:
            ab = F.interpolate(ab, scale_factor=2, mode="bilinear", align_corners=False)
        return ab[..., :height, :width]


class PatchGAN(nn.Module):
    """Judge patches, not pictures (Isola et al. 2016, section 3.2.2 and appendix 6.1.2).

    `layers` strided 4x4 convolutions, then two more with stride 1. Each output logit sees one square
    patch of the input: 16, 34, 70 px across for 1, 2, 3 strided layers. It judges ab *given* L.

    width: channels of the first layer, doubled by each next, at most 8 * width.
    norm:  "spectral" (Miyato et al. 2018: keeps the critic's slope bounded) or "none".

    forward(L, ab): (N, 1, H, W) and (N, 2, H, W) scaled -> logits (N, 1, h, w), positive for "real".
    Raises ValueError for a picture smaller than the convolutions need.
    """

    def __init__(self, width: int = 64, layers: int = 2, norm: str = "spectral"):
        super().__init__()
        if norm not in ("spectral", "none"):
            raise ValueError(f'norm is "spectral" or "none", not {norm!r}')
        if layers < 1:
            raise ValueError(f"a PatchGAN needs at least one strided layer, not {layers}")
        self.config = {"width": width, "layers": layers, "norm": norm}
        self.smallest = 2**layers * 3
        wrap = nn.utils.parametrizations.spectral_norm if norm == "spectral" else nn.Identity()
        channels = [3] + [width * min(2**i, 8) for i in range(layers + 1)]
        blocks: list[nn.Module] = []
        for i in range(layers + 1):
            stride = 2 if i < layers else 1
            conv = nn.Conv2d(channels[i], channels[i + 1], 4, stride=stride, padding=1)
            blocks += [wrap(conv), nn.LeakyReLU(0.2, inplace=True)]
        blocks.append(wrap(nn.Conv2d(channels[-1], 1, 4, padding=1)))
        self.net = nn.Sequential(*blocks)

    def forward(self, L: Tensor, ab: Tensor) -> Tensor:
        if min(L.shape[-2:]) < self.smallest:
            size = tuple(L.shape[-2:])
            raise ValueError(f"a picture of {size} is too small for this PatchGAN: at least {self.smallest} px")
        return self.net(torch.cat([L, ab], dim=1))


@torch.enable_grad()
def receptive_field(model: nn.Module, size: int = 256, pictures: int = 4) -> int:
    """How many input pixels across one output pixel can see, measured by gradient.

    The gradient of the central output with respect to the input is nonzero exactly where the model
    looks. A ReLU that is shut, or a max-pool, hides some paths; several random pictures are added up.

    model: a `UNet`, or a critic like `PatchGAN` that takes (L, ab). size: side of the test pictures; it
    must exceed the field. Returns pixels; the model is left as it was.
    Raises ValueError when the field reaches the border of the test picture.
    """
    parameter = next(model.parameters())
    training, seen = model.training, torch.zeros(size, size)
    model.eval()
    for seed in range(pictures):
        generator = torch.Generator().manual_seed(seed)
        lab = (torch.rand(1, 3, size, size, generator=generator) * 2 - 1).to(parameter).requires_grad_()
        out = model(lab[:, :1]) if isinstance(model, UNet) else model(lab[:, :1], lab[:, 1:])
        center = out[..., out.shape[-2] // 2, out.shape[-1] // 2].sum()
        seen += torch.autograd.grad(center, lab)[0].abs().sum((0, 1)).cpu()
    model.train(training)
    columns = (seen > 0).any(0).nonzero().flatten()
    if columns[0] == 0 or columns[-1] == size - 1:
        raise ValueError(f"the receptive field is wider than the {size}-px test picture: pass a larger size")
    return int(columns[-1] - columns[0] + 1)
