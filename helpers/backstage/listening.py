"""The part of a network that listens to color hints, an ab color at a place (Zhang et al. 2017). Built in chapter 9.

    hints = no_hints(L)                                        # (N, 3, H, W): a, b and a mask, all 0
    place_hint(hints[0], row=80, column=120, ab=(0.5, 0.1))    # a square around that pixel, scaled ab
    ab = model(L, hints)                                       # a `helpers.models.HintUNet`

Zhang et al. give L and the hints to one network and train all of it. Here the colorizer of chapter 7 stands still, and
paints what it would without a hint. What it got wrong at the hints is then spread to all places that are *like* the
hinted ones, as a Gaussian process spreads a few measurements over a map (Rasmussen & Williams 2006, eq. 2.25; in
geology: kriging), with a likeness that is learned (Wilson et al. 2016, deep kernel learning). So a colorizer without
hints paints to the bit what it always did, and one hint recolors a whole flower. At the end a small network with sharp
eyes cuts the change at the edges.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["HINT_SIDE", "Listener", "no_hints", "obey", "place_hint", "pool_hints"]

HINT_SIDE = 5  # pixels of the small picture that a clicked hint colors
HEADS, LIKE = 2, 12  # ways to be alike, and the numbers each compares
WIDTH = 40  # channels in which places are looked at
STRIDE = 4  # pixels of a cell of the map in which places are compared
SHORT = 56  # cells on the short side of a picture of 224 px: the unit of distance
SOFT = 1.0  # cells of two pixels over which a last correction fades


def no_hints(L: Tensor) -> Tensor:
    """A map without a hint for a batch of L (N, 1, H, W): zeros (N, 3, H, W)."""
    return torch.cat([torch.zeros_like(L)] * 3, dim=1)


def place_hint(hints: Tensor, row: int, column: int, ab, side: int = HINT_SIDE) -> None:
    """Write one hint into a map (3, H, W), as far as its square lies inside; a later one covers what was there.

    row, column: its pixel. ab: two numbers, scaled. side: of the square in pixels, odd.
    """
    top, left = row - side // 2, column - side // 2
    square = hints[:, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
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


class Listener(nn.Module):
    """Change what a colorizer painted so that it fits the hints.

    channels: of the features that it sees: four of the encoder, at strides 4, 8, 16 and 32, and the decoder's last, at
    stride 2.

    forward(features, ab, hints): those features, each (N, C, H / stride, W / stride); ab (N, 2, H / 2, W / 2), what
    the colorizer painted; hints (N, 3, H, W), see `place_hint`, or a little smaller if L was padded below and right
    -> ab (N, 2, H / 2, W / 2), changed.
    """

    def __init__(self, channels: list[int]):
        super().__init__()
        self.look = nn.ModuleList(_conv(c, WIDTH, 1, nn.Identity()) for c in channels)
        self.think = nn.Sequential(nn.ReLU(), _conv(WIDTH, WIDTH, 3))
        self.compare = nn.Sequential(nn.Conv2d(WIDTH, HEADS * LIKE, 1), nn.BatchNorm2d(HEADS * LIKE, affine=False))
        self.scale = nn.Parameter(torch.tensor([1.0, 1.6]).log())  # how much unlike places differ, a number a head
        self.near = nn.Parameter(torch.tensor([0.7, 3.0]).log())  # how much distant ones do
        self.trust = nn.Parameter(torch.tensor([0.0, 0.0]))  # of each head; they share 1
        self.noise = nn.Parameter(torch.tensor(0.1).log())  # the larger, the less exactly a single hint is believed
        self.weigh = _conv(WIDTH + 5, 24, 3)
        self.squeeze = nn.Conv2d(24, 12, 1)
        self.sharpen = nn.Sequential(_conv(12 + channels[-1] + 5, 24, 3), nn.Conv2d(24, 4, 3, padding=1))
        for weights in self.sharpen[-1].parameters():
            nn.init.zeros_(weights)  # it begins by changing nothing

    def see(self, features: list[Tensor]) -> Tensor:
        """All features in one map of cells: (N, WIDTH, H / 4, W / 4)."""
        *deep, last = features
        views = [look(x) for look, x in zip(self.look, [*deep, F.avg_pool2d(last, 2)], strict=True)]
        size = views[0].shape[-2:]
        return self.think(sum(F.interpolate(view, size, mode="bilinear", align_corners=False) for view in views))

    def describe(self, sight: Tensor) -> Tensor:
        """Where each cell lies in the space in which likeness is distance: (N, HEADS, LIKE + 2, cells)."""
        count, _, height, width = sight.shape
        what = self.compare(sight).view(count, HEADS, LIKE, -1) * (self.scale.exp() / LIKE**0.5).view(-1, 1, 1)
        where = torch.cartesian_prod(*(torch.arange(n, device=sight.device) for n in (height, width))).view(-1, 2)
        where = (where.T.to(sight) / SHORT) * self.near.exp().view(-1, 1, 1)
        return torch.cat([what, where.expand(count, -1, -1, -1)], dim=2)

    def alike(self, one: Tensor, other: Tensor) -> Tensor:
        """How alike cells are, 1 for the same: (N, HEADS, D, n) and (N, HEADS, D, m) -> (N, n, m)."""
        squares = one.square().sum(2)[..., None] + other.square().sum(2)[:, :, None]
        distance = (squares - 2 * one.transpose(2, 3) @ other).clamp(min=0)
        return (torch.exp(-distance) * self.trust.softmax(0).view(-1, 1, 1)).sum(1)

    def spread(self, sight: Tensor, ab: Tensor, hints: Tensor) -> Tensor:
        """What is missing at the hints, spread to all that is like them: (N, 3, h, w) of a, b and how much is known.

        ab: what was painted, a cell (N, 2, h, w). hints: as `pool_hints` gives them, (N, 3, h, w).
        """
        told = hints.flatten(2)
        many = max(1, int(told[:, 2].sum(1).max()))
        at = told[:, 2].topk(many).indices[:, None]  # (N, 1, many): the cells with hints first
        missing = torch.cat([told[:, :2] - ab.flatten(2), torch.ones_like(told[:, :1])], dim=1) * told[:, 2:]
        missing, is_hint = missing.gather(2, at.expand(-1, 3, -1)), told[:, 2:].gather(2, at)
        cells = self.describe(sight)
        hinted = cells.gather(3, at[:, None].expand(-1, *cells.shape[1:3], -1))
        among = self.alike(hinted, hinted) * is_hint * is_hint.transpose(1, 2)
        among = among + torch.eye(many, device=ab.device) * (self.noise.exp() + 1 - is_hint)
        share = torch.linalg.solve(among, missing.transpose(1, 2))  # eq. 2.25: what each hint has to say
        heard = (self.alike(cells, hinted) * is_hint) @ share
        return heard.transpose(1, 2).reshape(len(ab), 3, *sight.shape[-2:])

    def forward(self, features: list[Tensor], ab: Tensor, hints: Tensor) -> Tensor:
        below, right = (2 * a - b for a, b in zip(ab.shape[-2:], hints.shape[-2:], strict=True))
        hints = F.pad(hints, (0, right, 0, below))  # as L was
        sight, small = self.see(features), F.avg_pool2d(ab, STRIDE // 2)
        with torch.autocast(ab.device.type, enabled=False):  # equations are solved in full precision
            heard = self.spread(sight.float(), small, pool_hints(hints, STRIDE))
        x = self.squeeze(self.weigh(torch.cat([sight, heard, small], dim=1)))
        x, heard = (F.interpolate(t, ab.shape[-2:], mode="bilinear", align_corners=False) for t in (x, heard))
        gain, change = self.sharpen(torch.cat([x, features[-1], heard, ab], dim=1)).float().chunk(2, dim=1)
        known = heard[:, 2:]
        return obey(ab + heard[:, :2] * (1 + gain) + known * change, pool_hints(hints, 2))


def _conv(inputs: int, outputs: int, side: int, last: nn.Module | None = None) -> nn.Sequential:
    """A convolution with BatchNorm and, if nothing else is given, ReLU."""
    conv = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), last or nn.ReLU())
