"""Painting one of the drawn flowers of `helpers.synthetic`."""

from __future__ import annotations

import numpy as np

__all__ = ["draw"]


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


def draw(rng: np.random.Generator, size: int, kind, coin: int) -> tuple[np.ndarray, np.ndarray]:
    """One picture as Lab (size, size, 3) and the share of each pixel that is petal (size, size).

    kind: one of `helpers.synthetic.KINDS`. coin: which of its hues.
    """
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
