"""Drawn flowers: an endless data set whose color rule is known. Met in chapters 3 and 5.

A flower's *kind* fixes its shape, and the shape can be read from the gray picture, so its color can be learned. One
kind, `COIN_FLIP`, is honest about what cannot: its petals are one of two hues of equal lightness, and a fair coin
decides. No model can tell which from L alone.

    pictures, truth = draw_flowers(16, size=64, seed=0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.color import lab2rgb

from .backstage.checks import check_whole
from .backstage.painting import draw

__all__ = ["COIN_FLIP", "KINDS", "FlowerTruth", "draw_flowers"]


@dataclass(frozen=True)
class _Kind:
    name: str
    petals: int
    width: float  # how full a petal is: 1 touches its neighbors
    point: float  # 0 is a round tip, 1 a pointed one
    hues: tuple[float, ...]  # Lab hue angles of the petals in degrees; two of them: a coin decides
    lightness: float
    chroma: float
    center: tuple[float, float, float]  # Lab of the flower's center
    center_radius: float


KINDS = (
    _Kind("daisy", 14, 0.62, 0.15, (95.0,), 88, 8, (75, 18, 72), 0.30),
    _Kind("poppy", 4, 1.25, 0.00, (38.0,), 48, 72, (18, 4, 2), 0.20),
    _Kind("bluebell", 6, 0.80, 0.75, (292.0,), 45, 62, (80, -4, 40), 0.14),
    _Kind("sunflower", 20, 0.85, 0.85, (84.0,), 78, 74, (28, 16, 22), 0.42),
    _Kind("coin flip", 5, 1.05, 0.35, (350.0, 265.0), 60, 42, (84, 0, 60), 0.18),
)
COIN_FLIP = 4
"""Index in `KINDS` of the kind whose two petal hues (in degrees) are equally likely."""


@dataclass(frozen=True)
class FlowerTruth:
    """What was drawn: one entry a picture."""

    kind: np.ndarray  # int64 (N,), index into `KINDS`
    coin: np.ndarray  # int64 (N,), which hue the coin chose; 0 for every kind that has a single hue
    petals: np.ndarray  # bool (N, size, size), True where a petal is
    ab: np.ndarray  # float32 (N, 2), mean petal color in Lab units


def draw_flowers(count: int, size: int = 64, seed: int = 0, kind: int | None = None) -> tuple[np.ndarray, FlowerTruth]:
    """Draw `count` flowers of `size` x `size` pixels.

    count: at least 1. size: at least 8. seed: picture i depends on (seed, i) alone. kind: index into `KINDS`, or None
    for a random mixture. Returns RGB uint8 (count, size, size, 3) and the `FlowerTruth`.
    Raises ValueError for a count, size, seed or kind that cannot be drawn, TypeError for what is no whole number.
    """
    check_whole("draw_flowers", 1, count=count)
    check_whole("draw_flowers", 8, size=size)
    check_whole("draw_flowers", 0, seed=seed)
    check_whole("draw_flowers", 0, len(KINDS) - 1, kind=0 if kind is None else kind)
    pictures = np.empty((count, size, size, 3), np.uint8)
    kinds, coins = np.empty(count, np.int64), np.empty(count, np.int64)
    petals, ab = np.empty((count, size, size), bool), np.empty((count, 2), np.float32)
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        kinds[i] = rng.integers(len(KINDS)) if kind is None else kind
        coins[i] = rng.integers(len(KINDS[kinds[i]].hues))
        lab, share = draw(rng, size, KINDS[kinds[i]], coins[i])
        petals[i] = share > min(0.5, 0.99 * share.max())  # at 8 px no pixel may be more than half a petal
        ab[i] = lab[petals[i], 1:].mean(0)
        pictures[i] = np.round(np.clip(lab2rgb(lab), 0, 1) * 255)
    return pictures, FlowerTruth(kinds, coins, petals, ab)
