"""The figures of chapter 4: strided windows, what one logit depends on, and a critic's verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..losses import ADVERSARIAL, discriminator_loss
from ..plots import as_pictures
from .showing import SAFE

SQUARES = (SAFE[4], SAFE[3], "#F0E442", SAFE[0])
FAKE, REAL = "#d95f02", "#1f6eb4"  # both ends of every scale of verdicts; between them is white


def _verdicts():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("verdict", [FAKE, "white", REAL])


def strided_windows(framed: Tensor, answers: Tensor) -> None:
    """Numbers (10, 10) in their frame, four windows of 4 x 4 two pixels apart, and the (4, 4) answers to them."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained", width_ratios=[10, 7])
    grids = (
        (framed, ".0f", "gray", 0, 100, "8 x 8 pixels in their frame of zeros", "lightness"),
        (answers, ".1f", "RdBu", -80, 80, "4 x 4 answers", "mean of the right half, less that of the left"),
    )
    for axis, (values, form, cmap, low, high, title, label) in zip(axes, grids, strict=True):
        image = axis.imshow(values.numpy(), cmap=cmap, vmin=low, vmax=high)
        for (y, x), value in np.ndenumerate(values.numpy()):
            ink = "white" if low == 0 and value < 50 else "black"
            axis.text(x, y, format(value, form), ha="center", va="center", fontsize=9, color=ink)
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=10)
        figure.colorbar(image, ax=axis, orientation="horizontal", shrink=0.7, label=label)
    for column, color in enumerate(SQUARES):
        shift = 0.06 * (column % 2)  # so that overlapping frames can be told apart
        corner, side = (2 * column - 0.5 + shift, 1.5 + shift), 4 - 2 * shift
        axes[0].add_patch(plt.Rectangle(corner, side, side, fill=False, color=color, linewidth=2.5))
        axes[1].add_patch(plt.Rectangle((column - 0.47, 0.53), 0.94, 0.94, fill=False, color=color, linewidth=2.5))
    plt.show()


def window_counts(counts: Mapping[str, Tensor]) -> None:
    """How many windows see each pixel: {title: (H, W) whole numbers}, on one scale."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(counts), figsize=(3.3 * len(counts) + 0.6, 3.2), layout="constrained")
    for axis, (title, values) in zip(axes, counts.items(), strict=True):
        image = axis.imshow(values.numpy(), cmap="Blues", vmin=0, vmax=6)
        for (y, x), value in np.ndenumerate(values.numpy()):
            axis.text(x, y, f"{value:.0f}", ha="center", va="center")
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes, label="windows that see the pixel", shrink=0.8)
    plt.show()


def gradient_maps(gradients: Mapping[str, Tensor]) -> None:
    """How much each input pixel matters to one logit: {title: (S, S), 0 or more}, each as a share of its largest.

    The root is drawn, so that faint pixels show; a dotted frame encloses all that are not 0.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(gradients), figsize=(9.6, 3.2), layout="constrained")
    for axis, (title, gradient) in zip(axes, gradients.items(), strict=True):
        image = axis.imshow((gradient / gradient.max()).sqrt().numpy(), cmap="magma", vmin=0, vmax=1)
        rows, columns = ((gradient > 0).any(dim).nonzero().flatten() for dim in (1, 0))
        corner, sides = (columns[0] - 0.5, rows[0] - 0.5), (columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
        axis.add_patch(plt.Rectangle(corner, *sides, fill=False, color="white", linestyle=":"))
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes, label="root of the share of the largest", shrink=0.8)
    plt.show()


def loss_pairs() -> None:
    """What one patch costs a critic, real or fake, by its logit, under each loss of `helpers.losses`."""
    import matplotlib.pyplot as plt

    x, sure = torch.linspace(-3, 3, 200), torch.tensor(60.0)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", sharey=True)
    for axis in axes:
        axis.set_prop_cycle(color=SAFE)
    for kind in ADVERSARIAL:  # the other side costs nothing where it is surely right
        right_real, right_fake = (torch.tensor(1.0), torch.tensor(0.0)) if kind == "lsgan" else (sure, -sure)
        axes[0].plot(x.tolist(), [float(discriminator_loss(logit, right_fake, kind)) for logit in x], label=kind)
        axes[1].plot(x.tolist(), [float(discriminator_loss(right_real, logit, kind)) for logit in x], label=kind)
    axes[0].set(xlabel="its logit", ylabel="loss", ylim=(0, 4.2))
    axes[1].set(xlabel="its logit")
    for axis, side in zip(axes, ("real", "fake"), strict=True):
        axis.set_title(f"a {side} patch costs", fontsize=10)
    axes[0].legend(frameon=False)
    plt.show()


def verdict_rows(rows: Mapping[str, Tensor], cell: float = 1.15) -> None:
    """Rows of pictures, uint8 (N, 3, H, W), and of a critic's maps, float (N, 1, h, w); N alike.

    All maps are on one scale, whose end is the logit that 10 % of the patches exceed. Blue is called real.
    """
    import matplotlib.pyplot as plt

    maps = [row for row in rows.values() if row.dtype != torch.uint8]
    limit = max(float(torch.cat([row.detach().abs().flatten().cpu() for row in maps]).quantile(0.9)), 1e-6)
    count = len(next(iter(rows.values())))
    size = (cell * count + 2.6, cell * len(rows) + 0.1)
    figure, axes = plt.subplots(len(rows), count, figsize=size, squeeze=False, layout="constrained")
    scale = None
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    for line, (label, row) in zip(axes, rows.items(), strict=True):
        is_map = row.dtype != torch.uint8
        for axis, one in zip(line, row.detach().cpu()[:, 0].numpy() if is_map else as_pictures(row), strict=True):
            image = axis.imshow(one, **({"cmap": _verdicts(), "vmin": -limit, "vmax": limit} if is_map else {}))
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        scale = image if is_map else scale
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
    figure.colorbar(
        scale, ax=axes, label="logit: fake below 0, real above", shrink=min(1, 3 / len(rows)), extend="both"
    )
    plt.show()


def verdict_pictures(maps: Tensor) -> list[np.ndarray]:
    """A critic's maps, float (N, 1, h, w), as pictures, uint8 (h, w, 3); the largest of each has its full color."""
    shares = [one / max(float(one.abs().max()), 1e-6) / 2 + 0.5 for one in maps.detach().cpu()[:, 0]]
    return [np.round(255 * _verdicts()(share.numpy())[..., :3]).astype(np.uint8) for share in shares]


def verdict_tables(tables: Mapping[str, Mapping[str, Mapping[str, float]]], ylabel: str = "") -> None:
    """Tables side by side, a color for each share, 0 to 1, on one scale: {title: {row: {column: share}}}.

    All have the rows of the first, which alone names them.
    """
    import matplotlib.pyplot as plt

    widths = [len(next(iter(table.values()))) for table in tables.values()]
    height = 1.1 + 0.36 * len(next(iter(tables.values())))
    figure, axes = plt.subplots(
        1, len(tables), figsize=(11, height), squeeze=False, layout="constrained", width_ratios=widths
    )
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        values = np.array([list(row.values()) for row in table.values()])
        image = axis.imshow(values, cmap=_verdicts(), vmin=0, vmax=1, aspect="auto")
        for (y, x), value in np.ndenumerate(values):
            ink = "white" if abs(value - 0.5) > 0.35 else "black"
            axis.text(x, y, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=9)
        axis.set_xticks(range(values.shape[1]), next(iter(table.values())), fontsize=8)
        axis.set_yticks(range(len(table)), list(table) if axis is axes[0][0] else [""] * len(table), fontsize=9)
        axis.set_title(title, fontsize=10)
        axis.tick_params(length=0)
    axes[0][0].set_ylabel(ylabel)
    bar = figure.colorbar(image, ax=axes[0], ticks=[0, 0.5, 1], pad=0.01)
    bar.ax.set_yticklabels(["0 %", "50 %", "100 %"])
    plt.show()
