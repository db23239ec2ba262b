"""The part of a network that listens to color hints, an ab color at a place (Zhang et al. 2017). Built in chapter 9.

    hints = no_hints(L)                                        # (N, 3, H, W): a, b and a mask, all 0
    place_hint(hints[0], row=80, column=120, ab=(0.5, 0.1))    # a square around that pixel, scaled ab
    ab = model(L, hints)                                       # a `helpers.models.HintUNet`

Zhang et al. give L and the hints to one network and train all of it. Here the colorizer of chapter 7 stands still, and
paints what it would without a hint. Each place then takes a weighted mean of that and of what the hints say: a hint
counts the more, the more *alike* its place is, and what was painted counts 1. So it is attention (Vaswani et al. 2017,
section 3.2) with learned addresses, over the hints and the painting itself, and copies colors as Vondrick et al. (2018)
do from frame to frame. A colorizer without hints paints to the bit what it always did, and one hint recolors a whole
flower. At the end a small network with sharp eyes cuts the change at the edges.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["HINT_SIDE", "Listener", "no_hints", "obey", "place_hint", "pool_hints"]

HINT_SIDE = 5  # pixels of the small picture that a clicked hint colors
COVERED = 4  # cells that it lies on, but at the border, and each of them counts
HEADS, LIKE = 2, 24  # ways to be alike, and the numbers each compares
WIDTH = 64  # channels in which places are looked at
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

    channels: of the features that it sees: four of the encoder, at strides 4, 8, 16 and 32, and four of the decoder, at
    strides 16, 8, 4 and 2.

    forward(features, ab, hints): those features, each (N, C, H / stride, W / stride); ab (N, 2, H / 2, W / 2), what
    the colorizer painted; hints (N, 3, H, W), see `place_hint`, or a little smaller if L was padded below and right
    -> ab (N, 2, H / 2, W / 2), changed, and what `answers` gives for asked, its truth and places; None without.
    """

    sure, most = 1.0, 8.0  # logarithms of how much a hint counts: where it is, at first, and at most anywhere

    def __init__(self, channels: list[int]):
        super().__init__()
        at4, at8, at16, at32, up16, up8, up4, up2 = channels
        self.look = nn.ModuleList(
            _conv(c, WIDTH, 1, nn.Identity()) for c in (at32, at16 + up16, at8 + up8, at4 + up4 + up2)
        )
        self.think = nn.ModuleList(_conv(WIDTH, WIDTH, 3) for _ in self.look)
        self.compare = nn.Conv2d(WIDTH, HEADS * LIKE, 1)
        self.near = nn.Parameter(torch.tensor([0.7, 3.0]).log())  # how much distant places differ, a number a head
        self.loud = nn.Conv2d(WIDTH, 2 * HEADS, 1)  # how gladly a cell listens, and how much a hint in it says
        self.keep = nn.Conv2d(WIDTH, 1, 1)  # the share of what was painted that stays in what a hint says
        self.weigh = _conv(WIDTH + 5, 24, 3)
        self.squeeze = nn.Conv2d(24, 12, 1)
        self.sharpen = nn.Sequential(_conv(12 + up2 + 5, 24, 3), nn.Conv2d(24, 4, 3, padding=1))
        nn.init.constant_(self.keep.bias, -1.0)
        for weights in self.sharpen[-1].parameters():
            nn.init.zeros_(weights)  # it begins by changing nothing

    def see(self, features: list[Tensor]) -> Tensor:
        """All features in one map of cells, from the coarsest on, so that each knows its surroundings.

        -> (N, WIDTH, H / 4, W / 4)
        """
        at4, at8, at16, at32, up16, up8, up4, up2 = features
        together, x = ([at32], [at16, up16], [at8, up8], [at4, up4, F.avg_pool2d(up2, 2)]), None
        for look, think, level in zip(self.look, self.think, together, strict=True):
            seen = look(torch.cat(level, dim=1))
            if x is not None:
                seen = seen + F.interpolate(x, seen.shape[-2:], mode="bilinear", align_corners=False)
            x = think(F.relu(seen))
        return x

    def describe(self, sight: Tensor) -> Tensor:
        """The address of each cell, in the space in which likeness is nearness: (N, HEADS, LIKE + 2, cells)."""
        height, width = sight.shape[-2:]
        what = self.compare(sight).view(len(sight), HEADS, LIKE, -1) / LIKE**0.5
        where = torch.cartesian_prod(*(torch.arange(n, device=sight.device) for n in (height, width))).view(-1, 2)
        where = (where.T.to(sight) / SHORT) * self.near.exp().view(-1, 1, 1)
        return torch.cat([what, where.expand(len(sight), -1, -1, -1)], dim=2)

    def believe(self, sight: Tensor, at: Tensor) -> Tensor:
        """How much a hint in each of the cells at (N, m) counts in every cell: (N, m, cells), above 0."""
        cells, (listens, says) = self.describe(sight), self.loud(sight).flatten(2)[:, :, None].chunk(2, dim=1)
        squares = cells.square().sum(2, keepdim=True)
        # One product gives -|x - y|² = 2xy - |x|² - |y|², and the two numbers that say how loud.
        asks = torch.cat([2 * cells, listens - squares, torch.ones_like(squares)], dim=2)
        says = torch.cat([cells, torch.ones_like(squares), says - squares + self.sure], dim=2)
        hinted = says.gather(3, at[:, None, None].expand(-1, *says.shape[1:3], -1))
        return (hinted.transpose(2, 3) @ asks).clamp(max=self.most).exp().sum(1)

    def average(self, keep: Tensor, ab: Tensor, counts: Tensor, told: Tensor, before: Tensor) -> Tensor:
        """The weighted mean of what was painted, which counts 1, and of what each hint says, less what was painted.

        A hint says the color told, and of what was painted how it differs from the hint's place, as far as `keep`.
        keep (N, 1, cells); ab: what was painted, a cell (N, 2, h, w); counts (N, G, m, cells), told and painted before
        (N, G, 2, m): of G sets of m hints -> (N, G, 3, cells): a and b to add, and the share of hints in the color.
        """
        keep, ab = keep[:, None], ab.flatten(2)[:, None]
        total = counts.sum(2, keepdim=True)
        told, before = (torch.cat([told, before], dim=2) @ counts).chunk(2, dim=2)
        return torch.cat([told - keep * before - (1 - keep) * ab * total, total], dim=2) / (1 + total)

    def spread(self, sight: Tensor, ab: Tensor, hints: Tensor) -> Tensor:
        """What the hints change: (N, 3, h, w), see `average`.

        ab: what was painted, a cell (N, 2, h, w). hints: as `pool_hints` gives them, (N, 3, h, w).
        """
        told = hints.flatten(2)
        at = told[:, 2].topk(max(1, int(told[:, 2].sum(1).max()))).indices  # the cells with hints first
        told, before = (t.gather(2, at[:, None].expand(-1, t.shape[1], -1))[:, None] for t in (told, ab.flatten(2)))
        counts = (self.believe(sight, at) * told[:, 0, 2, :, None])[:, None]
        keep = self.keep(sight).flatten(2).sigmoid()
        return self.average(keep, ab, counts, told[:, :, :2], before)[:, 0].unflatten(2, sight.shape[-2:])

    def answers(self, sight: Tensor, ab: Tensor, truth: Tensor, at: Tensor) -> list[Tensor]:
        """What it would say to many questions at once, since likeness is found once: for training.

        truth: the true colors (N, 2, h, w), told as by a click in the cells at (N, m): each by itself, two by two, …
        -> for each of these (N, G, 2, cells): painted, where G sets were told.
        """
        counts, keep, out, size = COVERED * self.believe(sight, at), self.keep(sight).flatten(2).sigmoid(), [], 1
        told, before = (t.flatten(2).gather(2, at[:, None].expand(-1, 2, -1)) for t in (truth, ab))
        while size <= at.shape[1]:
            sets = [t.unflatten(2, (-1, size)).transpose(1, 2) for t in (told, before)]
            change = self.average(keep, ab, counts.unflatten(1, (-1, size)), *sets)
            out.append(ab.flatten(2)[:, None] + change[:, :, :2])
            size *= 2
        return out

    def forward(self, features: list[Tensor], ab: Tensor, hints: Tensor, asked: tuple | None = None) -> tuple:
        below, right = (2 * a - b for a, b in zip(ab.shape[-2:], hints.shape[-2:], strict=True))
        hints = F.pad(hints, (0, right, 0, below))  # as L was
        sight, small = self.see(features), F.avg_pool2d(ab, STRIDE // 2)
        with torch.autocast(ab.device.type, enabled=False):  # likeness wants full precision
            heard = self.spread(sight.float(), small, pool_hints(hints, STRIDE))
            answers = asked and self.answers(sight.float(), small, *asked)
        x = self.squeeze(self.weigh(torch.cat([sight, heard, small], dim=1)))
        x, heard = (F.interpolate(t, ab.shape[-2:], mode="bilinear", align_corners=False) for t in (x, heard))
        gain, change = self.sharpen(torch.cat([x, features[-1], heard, ab], dim=1)).float().chunk(2, dim=1)
        known = heard[:, 2:]
        return obey(ab + heard[:, :2] * (1 + gain) + known * change, pool_hints(hints, 2)), answers


def _conv(inputs: int, outputs: int, side: int, last: nn.Module | None = None) -> nn.Sequential:
    """A convolution with BatchNorm and, if nothing else is given, ReLU."""
    conv = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), last or nn.ReLU())
