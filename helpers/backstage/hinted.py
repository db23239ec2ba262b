"""What a U-Net needs to be told colors: a hint is an ab color at a place (Zhang et al. 2017, user-guided colorization).

    hints = no_hints(L)                                        # (N, 3, H, W): a, b and a mask, all 0
    place_hint(hints[0], row=80, column=120, ab=(0.5, 0.1))    # a square around that pixel, scaled ab
    ab = model(L, hints)                                       # a model whose class has `Hinted` among its bases

Against the paper: there two maps go in beside L, at the top. Here the encoder, which stands still, sees L alone; each
skip carries the hints of its own size to the decoder; a place asks how much it is *like* each hinted place, however far
away (attention, Vaswani et al. 2017; the likeness of Levin et al. 2004, learned); and at the very end the last bit of
difference at a hint is taken away, so that what was asked for is what is painted.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import check

__all__ = ["HINT_SIDE", "Hinted", "no_hints", "obey", "place_hint", "pool_hints"]

HINT_SIDE = 5  # pixels of the small picture that a clicked hint colors: as many as a petal's vein is wide
HEADS, LIKE = 4, 16  # ways to be alike, and the numbers each compares
STRIDE = 8  # of the map in which places are compared: a cell is 8 px
CELLS = 28  # of such cells on the short side of a picture of 224 px: the unit of distance
SOFT = 1.0  # cells of two pixels over which a correction fades


def no_hints(L: Tensor) -> Tensor:
    """A map without a hint for a batch of L: zeros (N, 3, H, W)."""
    return torch.cat([torch.zeros_like(L)] * 3, dim=1)


def place_hint(hints: Tensor, row: int, column: int, ab, side: int = HINT_SIDE) -> None:
    """Write one hint into a map (3, H, W), as far as its square lies inside; a later one covers what was there.

    row, column: its pixel. ab: two numbers, scaled. side: of the square in pixels, odd.
    """
    top, left, reach = row - side // 2, column - side // 2, side
    square = hints[:, max(0, top) : top + reach, max(0, left) : left + reach]
    square[0], square[1], square[2] = float(ab[0]), float(ab[1]), 1.0


def pool_hints(hints: Tensor, stride: int) -> Tensor:
    """A map as a coarser level sees it: mean color of the hints in each cell, and whether there are any.

    (N, 3, H, W), a multiple of `stride` high and wide -> (N, 3, H / stride, W / stride). A single pixel counts as much
    as a full cell: an average over the whole cell would make it paler at each level.
    """
    total = F.avg_pool2d(hints, stride)
    mask = total[:, 2:]
    return torch.cat([total[:, :2] / mask.clamp(min=1e-6), (mask > 0).to(total)], dim=1)


def obey(ab: Tensor, hints: Tensor) -> Tensor:
    """Move ab (N, 2, h, w) so that it is what the hints (N, 3, h, w) say where they are; it fades within a few pixels.

    What is missing at the hints is spread by a Gaussian of `SOFT` cells; where several reach, they share.
    """
    missing = torch.cat([(hints[:, :2] - ab) * hints[:, 2:], hints[:, 2:]], dim=1)
    line = torch.exp(-(torch.arange(-3.0, 4.0, device=ab.device, dtype=ab.dtype) ** 2) / (2 * SOFT**2))
    down, across = line.view(1, 1, 7, 1).expand(3, -1, -1, -1), line.view(1, 1, 1, 7).expand(3, -1, -1, -1)
    near = F.conv2d(F.conv2d(missing, down, padding=(3, 0), groups=3), across, padding=(0, 3), groups=3)
    return ab + near[:, :2] / near[:, 2:].clamp(min=1)


class Hinted:
    """What makes a U-Net on a pretrained encoder listen: put before it among the bases, and call `listen` at the end.

    forward(L, hints=None): L as ever; hints (N, 3, H, W), scaled ab where the mask is 1, and 0 elsewhere.
    """

    def listen(self, seen: list[int]) -> None:
        """Make room for hints. seen: channels of the encoder's features, top to bottom."""
        self.config |= {"kind": type(self).__name__}
        self.look = nn.ModuleList(nn.Conv2d(channels, HEADS * LIKE, 1) for channels in seen[2:])
        self.sharpness = nn.Parameter(torch.full((HEADS, 1, 1), 6.0))
        self.reach = nn.Parameter(torch.tensor([0.0, 2.0, 8.0, 32.0]).view(HEADS, 1, 1))  # 0: likeness alone counts
        self.doubt = nn.Parameter(torch.full((HEADS, 1, 1), 3.0))  # how alike a place must be for a hint to count
        for level, block in zip((3, 2, 1, 0), self.decoder, strict=True):
            block[0] = _wider(block[0], self.extra(level))
        self.squeeze[0] = _wider(self.squeeze[0], self.extra(4))

    @staticmethod
    def extra(level: int) -> int:
        """Channels that hints add to the features of a level, 0 at the top."""
        return 3 + (3 * HEADS if 2**level * 2 >= STRIDE else 0)

    def adopt(self, other: nn.Module) -> Hinted:
        """Take over the weights of a colorizer without hints, and give those that hints pass through zeros.

        So, until it is trained, it paints what the other does. Raises ValueError for a network of another shape.
        """
        theirs, mine = other.state_dict(), self.state_dict()
        for name, tensor in theirs.items():
            if name not in mine or mine[name].shape[:1] != tensor.shape[:1] or mine[name].ndim != tensor.ndim:
                raise ValueError(f"{other.config} is a network of another shape than {self.config}")
            if mine[name].shape != tensor.shape:
                more = mine[name].shape[1] - tensor.shape[1]
                tensor = F.pad(tensor, (0, 0) * (tensor.ndim - 2) + (0, more)) if more > 0 else tensor
            mine[name] = tensor
        self.load_state_dict(mine)
        return self

    def spread(self, features: list[Tensor], hints: Tensor) -> Tensor:
        """What each place hears from the hints at places like it: (N, 3 * HEADS, H / 8, W / 8).

        Of each head: the mean of their colors, weighted by likeness and nearness, and the sum of the weights, below 1.
        """
        size = features[2].shape[-2:]
        seen = zip(self.look, features[2:], strict=True)
        sight = sum(F.interpolate(look(x), size, mode="bilinear", align_corners=False) for look, x in seen)
        sight = F.normalize(sight.view(len(sight), HEADS, LIKE, -1), dim=2)  # compared by angle
        here = pool_hints(hints, STRIDE).flatten(2)
        many = max(1, int(here[:, 2].sum(1).max()))
        at = here[:, 2].topk(many).indices  # (N, many) cells, those with hints first
        told = here.gather(2, at[:, None].expand(-1, 3, -1))
        keys = sight.gather(3, at[:, None, None].expand(-1, HEADS, LIKE, -1))
        place = torch.cartesian_prod(*(torch.arange(n, device=at.device) for n in size)).view(-1, 2).to(sight) / CELLS
        far = (place[None, :, None] - place[at][:, None]).square().sum(-1)[:, None]  # (N, 1, cells, many)
        like = self.sharpness * (sight.transpose(2, 3) @ keys) - self.reach.abs() * far
        like = like.masked_fill(told[:, None, 2:] == 0, -torch.inf)
        doubt = self.doubt.expand(len(like), -1, like.shape[2], 1)
        weights = torch.cat([doubt, like], dim=3).softmax(3)[..., 1:]
        heard = weights @ told.transpose(1, 2)[:, None]  # (N, HEADS, cells, 3)
        return heard.transpose(2, 3).reshape(len(heard), 3 * HEADS, *size)

    def attach(self, features: list[Tensor], hints: Tensor) -> list[Tensor]:
        """The features of `encode`, each with the hints of its own size behind it, and what `spread` gave from 8 up."""
        heard, out = self.spread(features, hints), []
        for level, x in enumerate(features):
            parts = [x, pool_hints(hints, 2 * 2**level)]
            if self.extra(level) > 3:
                parts.append(F.avg_pool2d(heard, 2 * 2**level // STRIDE))
            out.append(torch.cat(parts, dim=1))
        return out

    def forward(self, L: Tensor, hints: Tensor | None = None) -> Tensor:
        hints = no_hints(L) if hints is None else hints
        check(f"a {type(self).__name__}", "floats", L=(L, "N 1 H W"), hints=(hints, "N 3 H W"))
        step = 2**self.depth
        hints = F.pad(hints.to(L), (0, -L.shape[-1] % step, 0, -L.shape[-2] % step))
        x = self.climb(self.attach(self.encode(L), hints))
        ab = obey(torch.tanh(self.head(x)).float(), pool_hints(hints.float(), 2))
        return self.full_size(ab, L)


def _wider(conv: nn.Conv2d, more: int) -> nn.Conv2d:
    """A fresh convolution like this one, with more inputs."""
    bias = conv.bias is not None
    return nn.Conv2d(conv.in_channels + more, conv.out_channels, conv.kernel_size, padding=conv.padding, bias=bias)
