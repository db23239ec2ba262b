"""The networks of the course: a U-Net that paints, from scratch or with an encoder that can see, and a PatchGAN.

    generator = UNet(width=32, depth=4)              # L (N, 1, H, W) -> ab (N, 2, H, W)
    generator = PretrainedUNet.from_imagenet()       # the same, with an encoder that has seen a million photos
    discriminator = PatchGAN(layers=2)               # L, ab -> a map of logits, one a patch
    receptive_field(discriminator)                   # 34 pixels, measured

Chapters 3 and 4 build both, block by block, under the names used here, and show that they give the same bits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backstage.checks import check, check_whole
from .backstage.imagenet import ENCODERS, efficientnet, imagenet_weights
from .backstage.listening import HINT_SIDE, Listener, no_hints, obey, place_hint, pool_hints
from .backstage.receptive import receptive_field

__all__ = [
    "ENCODERS", "HINT_SIDE", "HintUNet", "Listener", "PatchGAN", "PretrainedUNet", "UNet", "double_conv",
    "efficientnet", "imagenet_weights", "no_hints", "obey", "parameter_groups", "place_hint",
    "pool_hints", "receptive_field",
]  # fmt: skip


def double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with BatchNorm and ReLU: one level of a U-Net. Built in chapter 3.

    (N, inputs, H, W) -> (N, outputs, H, W), 0 or more each. No bias: BatchNorm would subtract it again.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """Predict color from lightness (Ronneberger et al. 2015, Fig. 1). Built in chapter 3.

    The encoder halves the picture `depth` times and widens it; the decoder climbs back, and at each
    level a *skip connection* hands it the encoder's features of the same size, so that fine edges
    need not squeeze through the bottom.

    width:    channels of the first level; each level below has twice as many, at most 8 * width.
    depth:    how often the picture is halved.
    half_res: predict ab at half resolution and enlarge it (as JPEG does with its color). On flowers
              this costs nothing the eye sees and saves most of the work of the top level.
    skips:    False cuts the skip connections (zeros in their place), to see what they are for.

    forward(L): float (N, 1, H, W), about -1 to 1, any H and W from 1 up -> ab (N, 2, H, W) in (-1, 1).
    Raises ValueError for a width or depth below 1 and for another shape, TypeError for what is no tensor of floats.

    Against the paper: padded convolutions and BatchNorm (Ioffe & Szegedy 2015), bilinear upsampling
    and a convolution in place of a transposed one (no checkerboards: Odena et al. 2016), a tanh head.
    Use `.eval()` for prediction: the picture must not depend on its neighbors in the batch.
    """

    def __init__(self, width: int = 32, depth: int = 4, half_res: bool = True, skips: bool = True):
        super().__init__()
        check_whole("a U-Net", 1, width=width, depth=depth)
        self.config = {"width": width, "depth": depth, "half_res": half_res, "skips": skips}
        self.depth, self.half_res, self.skips = depth, half_res, skips
        channels = [width * min(2**level, 8) for level in range(depth + 1)]
        steps = list(zip(channels[:-1], channels[1:], strict=True))
        if half_res:  # the top level only looks; it need not be rich, since nothing is painted there
            top = nn.Sequential(
                nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
            )
        else:
            top = double_conv(1, width)
        self.encoder = nn.ModuleList([top] + [double_conv(a, b) for a, b in steps])
        lowest = 1 if half_res else 0  # the level where the climb ends
        upward = steps[lowest:][::-1]
        self.squeeze = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in upward)
        self.decoder = nn.ModuleList(double_conv(2 * a, a) for a, b in upward)
        self.head = nn.Conv2d(channels[lowest], 2, 1)

    def encode(self, L: Tensor) -> list[Tensor]:
        """What each level of the encoder sees, top to bottom; chapter 3's `encode`.

        L (N, 1, H, W) -> depth + 1 feature maps, each half as high and wide as the one before. So that any size
        can be halved so often, the picture is padded right and below, to a multiple of 2^depth.
        """
        check("a U-Net", "floats", L=(L, "N 1 H W"))
        step = 2**self.depth
        x = F.pad(L.to(self.head.weight), (0, -L.shape[-1] % step, 0, -L.shape[-2] % step), mode="replicate")
        features = []
        for level, block in enumerate(self.encoder):
            if level > 0:
                x = F.max_pool2d(x, 2)
            x = block(x)
            features.append(x)
        return features

    def climb(self, features: list[Tensor], steps: list | None = None) -> Tensor:
        """The decoder, from the bottom up, with a skip from across at each step; chapter 3's `climb`, step after step.

        features: those of `encode` -> (N, width, H, W), or (N, 2 * width, H / 2, W / 2) with half_res.
        steps: a list that gets what each step made.
        """
        *above, x = features
        for squeeze, block in zip(self.squeeze, self.decoder, strict=True):
            skip = above.pop() if self.skips else torch.zeros_like(above.pop())
            # Squeezing the channels before enlarging does the same work on a quarter of the pixels.
            x = F.interpolate(squeeze(x), size=skip.shape[-2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([x, skip], dim=1))
            if steps is not None:
                steps.append(x)
        return x

    def full_size(self, ab: Tensor, L: Tensor) -> Tensor:
        """Enlarge ab if it was predicted at half resolution, and cut off what `encode` padded."""
        if self.half_res:
            ab = F.interpolate(ab, scale_factor=2, mode="bilinear", align_corners=False)
        return ab[..., : L.shape[-2], : L.shape[-1]]

    def forward(self, L: Tensor) -> Tensor:
        features = self.encode(L)
        x = self.climb(features)
        ab = torch.tanh(self.head(x))
        return self.full_size(ab, L)


class PretrainedUNet(UNet):
    """The same U-Net on an encoder that has learned to see: EfficientNet-Lite, trained on ImageNet (Tan & Le 2019).

    A network that has seen 6,149 flowers paints petals; one that has named a million photos knows what it paints.
    Only the encoder is another: `climb` and all that follows are the U-Net's. Its features at strides 2, 4, 8, 16 and
    32 are the skips; it is given L three times, since it was trained on R, G and B.

    encoder: "lite0" (3.4 M parameters) or "lite2" (4.8 M), see `backstage.imagenet`. width: channels at the top of the
    decoder; 5/3, 8/3 and 4 times as many below. frozen: so many of its 7 stages, and the stem, keep ImageNet's weights
    (Yosinski et al. 2014: the first layers are general) and run without a graph. BatchNorm keeps ImageNet's statistics
    in all of the encoder: a batch of 32 gray flowers would give worse ones. half_res: False shows the encoder each
    picture at twice its size: it was trained at 224 px, and sees little in 64. Then ab needs no enlarging.

    A new one has an untrained encoder, for `load_state_dict` to fill; `from_imagenet` gives one that can see.
    forward(L), errors: as `UNet`; and ValueError for an unknown encoder, a width below 3 or another number of stages.
    """

    def __init__(self, encoder: str = "lite0", width: int = 24, frozen: int = 3, half_res: bool = True):
        nn.Module.__init__(self)
        check_whole("a PretrainedUNet", 3, width=width)
        check_whole("a PretrainedUNet", 0, 7, frozen=frozen)
        self.config = {"kind": "PretrainedUNet", "encoder": encoder, "width": width, "frozen": frozen}
        self.config |= {} if half_res else {"half_res": False}  # as older files have it
        self.depth, self.half_res, self.skips, self.frozen = 5, half_res, True, frozen
        self.encoder, seen = efficientnet(encoder)  # seen: channels of its features, top to bottom
        channels = [width, width * 5 // 3, width * 8 // 3, width * 4]
        below = [*channels[1:], seen[-1]]
        self.squeeze = nn.ModuleList(nn.Conv2d(below[i], channels[i], 1) for i in (3, 2, 1, 0))
        self.decoder = nn.ModuleList(double_conv(channels[i] + seen[i], channels[i]) for i in (3, 2, 1, 0))
        self.head = nn.Conv2d(width, 2, 1)
        for part in (self.encoder.conv_stem, self.encoder.bn1, self.encoder.blocks[:frozen]):
            part.requires_grad_(False)

    @classmethod
    def from_imagenet(cls, encoder: str = "lite0", width: int = 24, frozen: int = 3, **others) -> PretrainedUNet:
        """A new one whose encoder can see. Raises ValueError when ImageNet's weights are missing or damaged."""
        model, weights = cls(encoder, width, frozen, **others), imagenet_weights(encoder)
        model.encoder.load_state_dict({name: weights[name] for name in model.encoder.state_dict()})
        return model

    def train(self, mode: bool = True) -> PretrainedUNet:
        super().train(mode)
        self.encoder.eval()
        return self

    def encode(self, L: Tensor) -> list[Tensor]:
        """L (N, 1, H, W) -> features at strides 2, 4, 8, 16, 32 of what it is shown, padded as the U-Net's are."""
        check("a PretrainedUNet", "floats", L=(L, "N 1 H W"))
        step = 2**self.depth
        x = L.to(self.encoder.conv_stem.weight)
        if not self.half_res:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = F.pad(x, (0, -x.shape[-1] % step, 0, -x.shape[-2] % step), mode="replicate").expand(-1, 3, -1, -1)
        features = []
        # What stands still needs no graph, unless somebody asks how the answer depends on L.
        with torch.set_grad_enabled(torch.is_grad_enabled() and L.requires_grad):
            x = self.encoder.bn1(self.encoder.conv_stem(x))
            for stage in self.encoder.blocks[: self.frozen]:
                x = stage(x)
                features.append(x)
        for stage in self.encoder.blocks[self.frozen :]:
            x = stage(x)
            features.append(x)
        return [features[i] for i in (0, 1, 2, 4, 6)]  # the last stage of each size


class HintUNet(PretrainedUNet):
    """A `PretrainedUNet` that stands still, and a `Listener` that changes what it paints. Built in chapter 9.

    forward(L, hints=None): L (N, 1, H, W); hints (N, 3, H, W), the scaled ab where the mask, its third channel, is 1,
    and 0 elsewhere; painted: what `paint` gave for L -> ab (N, 2, H, W). Without hints to the bit a `PretrainedUNet`'s.
    asked: (truth, at) for `Listener.answers`, which training wants beside it.
    """

    def __init__(self, encoder: str = "lite0", width: int = 24):
        super().__init__(encoder, width, 7)
        self.config = {"kind": "HintUNet", "encoder": encoder, "width": width}
        self.requires_grad_(False)
        self.listener = Listener([*self.encoder.feature_info.channels()[1:], *(s.out_channels for s in self.squeeze)])

    def train(self, mode: bool = True) -> HintUNet:
        super().train(False)
        self.training = mode
        self.listener.train(mode)
        return self

    @torch.no_grad()
    def paint(self, L: Tensor) -> tuple[list[Tensor], Tensor]:
        """What the part that stands still makes of L, needed once for any hints: what the listener sees, and ab."""
        x = self.climb(features := self.encode(L), steps := [])
        return [*features[1:], *steps], torch.tanh(self.head(x)).float()

    def forward(self, L: Tensor, hints: Tensor | None = None, painted: tuple | None = None, asked: tuple | None = None):
        (features, ab), answers = painted or self.paint(L), None
        if hints is not None:
            check("a HintUNet", "floats", L=(L, "N 1 H W"), hints=(hints, "N 3 H W"))
            ab, answers = self.listener(features, ab, hints.to(ab), asked)
        return (self.full_size(ab, L), answers) if asked else self.full_size(ab, L)


def parameter_groups(generator: nn.Module, scale: float) -> list[dict]:
    """What an optimizer moves: everything at one rate, but a `PretrainedUNet`'s encoder at `scale` times it."""
    if not isinstance(generator, PretrainedUNet):
        return [{"params": list(generator.parameters())}]
    new = [weight for name, weight in generator.named_parameters() if not name.startswith("encoder.")]
    known = [weight for weight in generator.encoder.parameters() if weight.requires_grad]
    return [{"params": new, "scale": 1.0}, {"params": known, "scale": scale}]


class PatchGAN(nn.Module):
    """Judge patches, not pictures (Isola et al. 2016, section 3.2.2 and appendix 6.1.2). Built in chapter 4.

    `layers` strided 4x4 convolutions, then two more with stride 1. Each output logit sees one square
    patch of the input: 16, 34, 70 px across for 1, 2, 3 strided layers. It judges ab *given* L.

    width: channels of the first layer, doubled by each next, at most 8 * width.
    norm:  "spectral" (Miyato et al. 2018: keeps the critic's slope bounded) or "none".

    forward(L, ab): (N, 1, H, W) and (N, 2, H, W) scaled -> logits (N, 1, h, w), positive for "real".
    Raises ValueError for a picture smaller than the convolutions need, another shape, norm, or no layers, TypeError for
    other numbers.
    """

    def __init__(self, width: int = 64, layers: int = 2, norm: str = "spectral"):
        super().__init__()
        if norm not in ("spectral", "none"):
            raise ValueError(f'norm is "spectral" or "none", not {norm!r}')
        check_whole("a PatchGAN", 1, width=width, layers=layers)
        self.config = {"width": width, "layers": layers, "norm": norm}
        self.smallest = 2**layers * 3
        wrap = nn.utils.parametrizations.spectral_norm if norm == "spectral" else nn.Identity()
        channels = [3] + [width * min(2**i, 8) for i in range(layers + 1)]
        blocks: list[nn.Module] = []
        for i in range(layers + 1):
            stride = 2 if i < layers else 1
            blocks.append(wrap(nn.Conv2d(channels[i], channels[i + 1], 4, stride, padding=1)))
            blocks.append(nn.LeakyReLU(0.2, inplace=True))
        blocks.append(wrap(nn.Conv2d(channels[-1], 1, 4, padding=1)))
        self.net = nn.Sequential(*blocks)

    def forward(self, L: Tensor, ab: Tensor) -> Tensor:
        check("a PatchGAN", "floats", L=(L, "N 1 H W"), ab=(ab, "N 2 H W"))
        if min(L.shape[-2:]) < self.smallest:
            size = tuple(L.shape[-2:])
            raise ValueError(f"a picture of {size} is too small for this PatchGAN: at least {self.smallest} px")
        return self.net(torch.cat([L, ab], dim=1).to(self.net[-1].bias))
