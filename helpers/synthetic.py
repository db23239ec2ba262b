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


def _noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth noise in about -1 to 1: a small random grid, enlarged bilinearly."""
    grid = rng.uniform(-1, 1, (cells + 1, cells + 1))
    at = np.linspace(0, cells, size)
    low = np.minimum(at.astype(int), cells - 1)
    t = at - low
    rows = grid[low] * (1 - t)[:, None] + grid[low + 1] * t[:, None]
    return rows[:, low] * (1 - t) + rows[:, low + 1] * t


def _mix(under: np.ndarray, over: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return under * (1 - alpha[..., None]) + over * alpha[..., None]


def _draw(rng: np.random.Generator, size: int, kind: _Kind, coin: int):
    """One picture as Lab (size, size, 3) and the share of each pixel that is petal (size, size)."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    edge = 3.0 / size  # width of a soft edge, about one and a half pixels

    def inside(distance):  # 1 inside, 0 outside, a soft edge between
        return np.clip(0.5 - distance / edge, 0, 1)

    # Background: dark foliage, lighter and bluer toward the top in some pictures.
    shade = 24 + 10 * _noise(rng, size, 4) + rng.uniform(-4, 12) * -y
    green = rng.uniform(0.6, 1.1)
    lab = np.stack([shade, -14 * green + 0 * x, 16 * green + 4 * _noise(rng, size, 3)], -1)

    # Leaves: ellipses with a bright midrib.
    for _ in range(rng.integers(2, 5)):
        turn, cx, cy = rng.uniform(0, np.pi), rng.uniform(-0.9, 0.9), rng.uniform(-0.2, 1.0)
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = -(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)
        length, breadth = rng.uniform(0.5, 0.9), rng.uniform(0.14, 0.24)
        alpha = inside((np.hypot(u / length, v / breadth) - 1) * breadth)
        light = rng.uniform(38, 52) - 8 * np.abs(v) / breadth + 6 * np.exp(-((v / 0.02) ** 2))
        lab = _mix(lab, np.stack([light, -30 + 0 * u, 30 + 0 * u], -1), alpha)

    # Petals: a radius that swings with the angle; `point` sharpens the tip, `width` fills the gaps.
    cx, cy = rng.uniform(-0.22, 0.22, 2)
    reach, squeeze, turn = rng.uniform(0.55, 0.85), rng.uniform(0.8, 1.0), rng.uniform(0, 2 * np.pi)
    dx, dy = x - cx, (y - cy) / squeeze
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx) + turn
    phase = (angle * kind.petals / (2 * np.pi)) % 1.0 - 0.5  # -0.5 to 0.5 across one petal
    across = np.abs(phase) * 2
    swing = np.clip(1 - (across / kind.width) ** (2 - kind.point), 0, 1) ** (0.5 + 0.5 * kind.point)
    outline = reach * (0.25 + 0.75 * swing)
    petal = inside(radius - outline)
    hue = np.deg2rad(kind.hues[coin] + rng.normal(0, 4))
    chroma = kind.chroma * rng.uniform(0.9, 1.1) * (0.85 + 0.15 * radius / reach)
    light = kind.lightness + rng.uniform(-5, 5) - 16 * across**2 * (1 - radius / reach) + 3 * dx + 2 * dy
    light = light - 8 * np.clip(1 - radius / (0.55 * reach), 0, 1)  # shade toward the center
    lab = _mix(lab, np.stack([light, chroma * np.cos(hue), chroma * np.sin(hue)], -1), petal)

    # Center: a dome with specks.
    core = inside(radius - kind.center_radius * reach)
    specks = _noise(rng, size, max(8, size // 4))
    dome = np.stack([kind.center[0] - 14 * radius / reach + 6 * specks, *(0 * x + c for c in kind.center[1:])], -1)
    lab = _mix(lab, dome, core)

    lab[..., 0] = np.clip(lab[..., 0] + rng.normal(0, 0.8, (size, size)), 2, 98)
    return lab, petal * (1 - core)


def draw_flowers(count: int, size: int = 64, seed: int = 0, kind: int | None = None) -> tuple[np.ndarray, FlowerTruth]:
    """Draw `count` flowers of `size` x `size` pixels.

    count: at least 1. size: at least 8. seed: picture i depends on (seed, i) alone. kind: index into `KINDS`, or None
    for a random mixture. Returns RGB uint8 (count, size, size, 3) and the `FlowerTruth`.
    Raises ValueError for a count, size or kind that cannot be drawn.
    """
    if count < 1 or size < 8:
        raise ValueError(f"cannot draw {count} flowers of {size} px: ask for at least 1 of at least 8 px")
    if kind is not None and not 0 <= kind < len(KINDS):
        raise ValueError(f"there is no kind {kind}: choose 0 to {len(KINDS) - 1}, or None for all")
    pictures = np.empty((count, size, size, 3), np.uint8)
    kinds, coins = np.empty(count, np.int64), np.empty(count, np.int64)
    petals, ab = np.empty((count, size, size), bool), np.empty((count, 2), np.float32)
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        kinds[i] = rng.integers(len(KINDS)) if kind is None else kind
        coins[i] = rng.integers(len(KINDS[kinds[i]].hues))
        lab, share = _draw(rng, size, KINDS[kinds[i]], coins[i])
        petals[i] = share > min(0.5, 0.99 * share.max())  # at 8 px no pixel may be more than half a petal
        ab[i] = lab[petals[i], 1:].mean(0)
        pictures[i] = np.round(np.clip(lab2rgb(lab), 0, 1) * 255)
    return pictures, FlowerTruth(kinds, coins, petals, ab)
