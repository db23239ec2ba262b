"""The figure of chapter 3: a U-Net, drawn from what its blocks give out."""

from __future__ import annotations

__all__ = ["unet_diagram"]


def unet_diagram(shapes: dict[str, tuple[int, int, int]], gray=None, painted=None):
    """The U of a U-Net, each block drawn from its measured output. Returns the matplotlib figure.

    shapes: {"encoder.0": (channels, height, width), ..., "decoder.0": ...} in the order they ran; other names are
    left out. gray, painted: pictures (H, W, 3) for both ends of the U. Raises ValueError where blocks are missing.
    """
    import matplotlib.pyplot as plt

    down = [shape for name, shape in shapes.items() if name.startswith("encoder.")]
    up = [shape for name, shape in shapes.items() if name.startswith("decoder.")]
    if len(down) < 2 or not len(down) - 2 <= len(up) <= len(down) - 1 or any(len(shape) != 3 for shape in down + up):
        raise ValueError(f"a U wants the (channels, height, width) of encoder.0, decoder.0 ..., not {shapes}")
    depth, side, most = len(down) - 1, down[0][1], max(shape[0] for shape in down)
    figure, axis = plt.subplots(figsize=(9, 1.0 + 0.78 * (depth + 1)))
    figure.subplots_adjust(left=0.005, right=0.995, bottom=0.01, top=0.99)
    blocks = [(-1.35 * (depth - i), i, shape) for i, shape in enumerate(down)]
    blocks += [(1.35 * (k + 1), depth - 1 - k, shape) for k, shape in enumerate(up)]
    ends = []  # of each block: its left, its right, its height in the figure
    for x, level, (channels, height, _) in blocks:
        wide, tall = 0.25 + 0.75 * (channels / most) ** 0.5, 0.18 + 0.5 * (height / side) ** 0.7
        color = "#4c78a8" if x < 0 else "#b279a2" if x == 0 else "#f58518"
        axis.add_patch(plt.Rectangle((x - wide / 2, -level - tall / 2), wide, tall, color=color, zorder=3))
        axis.text(x, -level - tall / 2 - 0.04, f"{channels} × {height}²", ha="center", va="top", fontsize=9)
        ends.append((x - wide / 2, x + wide / 2, -level))
    arrow = {"arrowstyle": "-|>", "color": "0.45", "shrinkA": 1, "shrinkB": 1}
    for (_, start, y), (end, _, next_y) in zip(ends, ends[1:], strict=False):
        axis.annotate("", (end, next_y), (start, y), arrowprops=arrow)
    for end, _, y in ends[depth + 1 :]:
        start, dashed = ends[-y][1], arrow | {"linestyle": "--", "color": "#3a923a"}
        axis.annotate("", (end, y + 0.12), (start, y + 0.12), arrowprops=dashed)
        if y == ends[-1][2]:
            axis.text((start + end) / 2, y + 0.16, "skip", color="#3a923a", ha="center", va="bottom", fontsize=10)
    left, right = blocks[0][0], blocks[-1][0]
    limits, heights = (left - 2.45, right + 2.45), (-depth - 0.6, 0.65)
    unit = (limits[1] - limits[0]) / figure.get_figwidth() * figure.get_figheight() / (heights[1] - heights[0])
    for picture, x, label in ((gray, left - 1.6, "L"), (painted, right + 1.6, "L + predicted ab")):
        if picture is not None:
            axis.imshow(picture, extent=(x - 0.55 * unit, x + 0.55 * unit, -0.55, 0.55), aspect="auto", zorder=3)
            axis.text(x, -0.6, label, ha="center", va="top", fontsize=9)
    axis.annotate("", (ends[0][0], 0), (left - 1.6 + 0.55 * unit, 0), arrowprops=arrow)
    axis.annotate("", (right + 1.6 - 0.55 * unit, 0), ends[-1][1:], arrowprops=arrow)
    axis.set(xlim=limits, ylim=heights)
    axis.axis("off")
    return figure
