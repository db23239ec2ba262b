"""The exercises of chapter 3: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import torch
import torch.nn.functional as F


def _decode(x, skip, block):
    y = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
    return block(torch.cat([y, skip], dim=1))


def _decode_wrongly(join, block_it=True, **how):
    how = {"scale_factor": 2, "mode": "bilinear"} | how

    def step(x, skip, block):
        joined = join(F.interpolate(x, **how), skip)
        return block(joined) if block_it else joined

    return step


def _cat(dim=1):
    return lambda y, skip: torch.cat([y, skip], dim=dim)


def _double_conv_count(i, o):
    return 9 * i * o + 9 * o * o + 4 * o


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
            (lambda n, k, s, p: n, "not yet"),
        ],
    ),
    "03-2": (
        _decode,
        lambda x, skip, block: None,
        [
            (_decode_wrongly(lambda y, skip: y + skip), "do not add"),
            (_decode_wrongly(lambda y, skip: y + skip, block_it=False), "never called"),
            (_decode_wrongly(_cat(0)), "dim 0"),
            (_decode_wrongly(_cat(2)), "dim 2"),
            (_decode_wrongly(_cat(3)), "dim 3"),
            (_decode_wrongly(_cat(), block_it=False), "not convolved"),
            (_decode_wrongly(_cat(), mode="nearest"), "blocky"),
            (_decode_wrongly(_cat(), align_corners=True), "corners"),
            (_decode_wrongly(lambda y, skip: torch.cat([skip, y], 1)), "skip comes first"),
            (_decode_wrongly(_cat()), "twice 2 is not 5"),
            (lambda x, skip, block: block(torch.cat([x, F.avg_pool2d(skip, 2)], 1)), "skip was shrunk"),
            (lambda x, skip, block: block(torch.cat([x, skip], 1)), "stopped in line 1"),
        ],
    ),
    "03-3": (
        _double_conv_count,
        lambda i, o: None,
        [
            (lambda i, o: _double_conv_count(i, o) - 4 * o, "each BatchNorm"),
            (lambda i, o: _double_conv_count(i, o) + 2 * o, "no bias"),
            (lambda i, o: _double_conv_count(i, o) - 2 * o, "too few"),
            (lambda i, o: _double_conv_count(i, o) + 4 * o, "not learned"),
            (lambda i, o: 18 * i * o + 4 * o, "second convolution"),
            (lambda i, o: 9 * i * o + 2 * o, "only one"),
            (lambda i, o: i * o + o * o + 4 * o, "9 weights for each pair"),
            (lambda i, o: 3 * (i * o + o * o) + 4 * o, "not 3"),
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
