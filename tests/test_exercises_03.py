"""The exercises of chapter 3: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.models import double_conv


def _climb(x, skip, squeeze, block):
    y = F.interpolate(squeeze(x), size=skip.shape[-2:], mode="bilinear", align_corners=False)
    return block(torch.cat([y, skip], dim=1))


def _climb_late(x, skip, squeeze, block):
    y = squeeze(F.interpolate(x, size=skip.shape[-2:], mode="bilinear"))
    return block(torch.cat([y, skip], dim=1))


def _climb_wrongly(join, block_it=True, squeeze_it=True, **how):
    how = {"scale_factor": 2, "mode": "bilinear"} | how

    def step(x, skip, squeeze, block):
        joined = join(F.interpolate(squeeze(x) if squeeze_it else x, **how), skip)
        return block(joined) if block_it else joined

    return step


def _cat(dim=1):
    return lambda y, skip: torch.cat([y, skip], dim=dim)


def _unet(pool=F.max_pool2d, first=False, end=torch.tanh, step=_climb, take=lambda above: above.pop(), head=True):
    """The student's class, right, or wrong in one way. take: which of the features above is the next skip."""

    class MyUNet(nn.Module):
        def __init__(self, width=24, depth=4):
            super().__init__()
            channels = [width * min(2**level, 8) for level in range(depth + 1)]
            steps = list(zip(channels[:-1], channels[1:], strict=True))
            self.encoder = nn.ModuleList([double_conv(1, width)] + [double_conv(a, b) for a, b in steps])
            self.squeeze = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(steps))
            self.decoder = nn.ModuleList(double_conv(2 * a, a) for a, b in reversed(steps))
            self.head = nn.Conv2d(width, 2, 1)

        def forward(self, L):
            x, above = L, []
            for level, block in enumerate(self.encoder):
                x = block(pool(x, 2) if level or first else x)
                above.append(x)
            above.pop()
            for squeeze, block in zip(self.squeeze, self.decoder, strict=True):
                x = step(x, take(above), squeeze, block)
            return end(self.head(x)) if head else x

    return MyUNet


class _Blank(_unet()):
    def forward(self, L):
        return None


class _ModuleListCalled(_unet()):
    def forward(self, L):
        return self.encoder(L)


class _Both(_unet()):
    def forward(self, L):
        return super().forward(L), L


class _NoGradient(_unet()):
    @torch.no_grad()
    def forward(self, L):
        return super().forward(L)


class _OtherParts(_unet()):
    def __init__(self, width=24, depth=4):
        super().__init__(width, depth)
        self.head = nn.Conv2d(width, 3, 1)


def _best(l1, l2):
    return lambda colors, loss: {"l1": l1, "l2": l2}[loss](colors)


def _mean(colors):
    return colors.mean(0)


def _median(colors):
    return np.median(colors, axis=0)


CASES = {
    "03-1": (
        lambda n, k, s, p: (n + 2 * p - k) // s + 1,
        lambda n, k, s, p: None,
        [
            (lambda n, k, s, p: (n + 2 * p - k) // s, "one too small"),
            (lambda n, k, s, p: (n + 2 * p - k) / s + 1, "whole"),
            (lambda n, k, s, p: int(np.ceil((n + 2 * p - k) / s)) + 1, "round down"),
            (lambda n, k, s, p: (n + p - k) // s + 1, "both sides"),
            (lambda n, k, s, p: (n - k) // s + 1, "padding is missing"),
            (lambda n, k, s, p: n + 2 * p - k // s + 1, "brackets"),
            (lambda n, k, s, p: (n + 2 * p - k + 1) // s, "outside the division"),
            (lambda n, k, s, p: n + 2 * p - k + 1, "stride is missing"),
            (lambda n, k, s, p: n // s, "where kernel and padding cancel"),
            (lambda n, k, s, p: (n + 2 * p) // s - k + 1, "stride of 1 alone"),
            (lambda n, k, s, p: n, "not yet"),
        ],
    ),
    "03-2": (
        _climb,
        lambda x, skip, squeeze, block: None,
        [
            (_climb_wrongly(lambda y, skip: y + skip), "do not add"),
            (_climb_wrongly(lambda y, skip: y + skip, block_it=False), "never called"),
            (_climb_wrongly(_cat(0)), "dim 0"),
            (_climb_wrongly(_cat(2)), "dim 2"),
            (_climb_wrongly(_cat(3)), "dim 3"),
            (_climb_wrongly(_cat(), block_it=False), "not convolved"),
            (_climb_wrongly(_cat(), squeeze_it=False), "all its 6 channels"),
            (_climb_wrongly(_cat(), mode="nearest"), "blocky"),
            (_climb_wrongly(_cat(), align_corners=True), "corners"),
            (_climb_wrongly(lambda y, skip: torch.cat([skip, y], 1)), "skip comes first"),
            (_climb_wrongly(_cat()), "twice 2 is not 5"),
            (_climb_late, "four times the work"),
            (
                lambda x, skip, squeeze, block: block(torch.cat([squeeze(x), F.avg_pool2d(skip, 2)], 1)),
                "skip was shrunk",
            ),
            (lambda x, skip, squeeze, block: block(torch.cat([x, skip], 1)), "stopped in line 1"),
        ],
    ),
    "03-3": (
        _unet(),
        _Blank,
        [
            (_unet(end=lambda t: t), "head's numbers go out bare"),
            (_unet(end=torch.sigmoid), "torch.sigmoid"),
            (_unet(end=F.hardtanh), "cut off"),
            (_unet(end=lambda t: 110 * torch.tanh(t)), "Lab units"),
            (_unet(pool=lambda x, _: x), "never gets smaller"),
            (_unet(pool=F.avg_pool2d), "by the mean"),
            (_unet(first=True), "half size"),
            (_unet(head=False), "features of the last block"),
            (_unet(take=lambda above: above.pop(0)), "another number of channels; print the shapes"),
            (_ModuleListCalled, "loop over it"),
            (_unet(step=_climb_late), "last bits"),
            (_Both, "2 things came back"),
            (_NoGradient, "no gradient flows"),
            (_OtherParts, "parts made in __init__"),
            (_unet()(), "without brackets"),
        ],
    ),
    "03-4": (
        _best(_median, _mean),
        lambda colors, loss: None,
        [
            (_best(_mean, _median), "swapped"),
            (_best(_mean, _mean), "mean for both"),
            (_best(_median, _median), "median for both"),
            (_best(*[lambda c: (c.min(0) + c.max(0)) / 2] * 2), "halfway"),
            (_best(_median, lambda c: (c.min(0) + c.max(0)) / 2), "halfway between the extremes"),
            (_best(lambda c: c[len(c) // 2], _mean), "not sorted"),
            (_best(*[lambda c: np.zeros(2)] * 2), "gray"),
            (_best(np.median, np.mean), "shape"),
        ],
    ),
}
