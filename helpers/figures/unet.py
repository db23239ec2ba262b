"""The figures of chapter 3: what a U-Net's blocks put out, what a skip brings, and guesses about a coin."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ..color import scale_lab
from ..data import to_rgb8
from ..plots import as_pictures


@torch.no_grad()
def watch(model: nn.Module, L: Tensor) -> dict[str, Tensor]:
    """Run a U-Net once, as in use; {name: what this block has put out}, in the order in which they ran.

    Each block is asked by a *hook*, a function that PyTorch calls whenever a module has run.
    """
    outputs, handles = {}, []
    for name, module in model.named_modules():
        if name.count(".") == 1 or name == "head":
            handles.append(module.register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out})))
    training = model.training
    model.eval()(L)
    model.train(training)
    for handle in handles:
        handle.remove()
    return outputs


def feature_rows(rows: Mapping[str, Tensor], count: int = 8) -> None:
    """Some channels of each block, from the liveliest to the quietest; each row has one scale, and its color bar.

    rows: {name: (channels, H, W), 0 or more}.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(rows), count, figsize=(9.6, 1.18 * len(rows)), squeeze=False, layout="constrained")
    for line, (name, maps) in zip(axes, rows.items(), strict=True):
        maps = maps.cpu()
        order = maps.std((1, 2)).argsort(descending=True)
        top = float(maps.quantile(0.99)) if maps.numel() < 10**6 else float(maps.max())
        for axis, channel in zip(line, order[:: max(1, len(order) // count)], strict=False):
            image = axis.imshow(maps[channel].numpy(), cmap="magma", vmin=0, vmax=max(top, 1e-6))
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(f"{name}\n{maps.shape[-2]} × {maps.shape[-1]}", fontsize=9)
        figure.colorbar(image, ax=line, shrink=0.9)
    plt.show()


def skip_stack(below: Tensor, skip: Tensor) -> None:
    """What comes from below, enlarged; what comes from across; and both stacked as the next block gets them.

    below: (channels, h, w). skip: (channels, H, W). Drawn are the liveliest channel of each, and sheets of both.
    """
    import matplotlib.pyplot as plt
    import torch.nn.functional as F

    below = F.interpolate(below[None], size=skip.shape[-2:], mode="bilinear")[0]
    sheets = []
    for maps in (below.cpu(), skip.cpu()):
        lively = maps.std((1, 2)) / maps.abs().amax((1, 2)).clamp(min=1e-6)  # not a single bright spot
        sheets.append([maps[i].numpy() for i in lively.argsort(descending=True)[:4]])
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained", width_ratios=[1, 1, 1.5])
    titles = (f"from below, enlarged: {len(below)} channels", f"the skip: {len(skip)} channels")
    for axis, title, ((one, *_), edge) in zip(axes, titles, zip(sheets, ("C1", "C0"), strict=True), strict=False):
        axis.imshow(one, cmap="magma")
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=10)
        axis.spines[:].set(color=edge, linewidth=3)
    stack = [(one, "C1") for one in sheets[0]] + [(one, "C0") for one in sheets[1]]
    for place, (one, edge) in reversed(list(enumerate(stack))):
        left, low = 0.16 * place, 0.1 * place
        box = (left, left + 1, low, low + 1)
        axes[2].imshow(one, cmap="magma", extent=box, zorder=10 - place)
        axes[2].add_patch(plt.Rectangle((left, low), 1, 1, fill=False, color=edge, linewidth=2, zorder=10 - place))
    axes[2].set(xlim=(-0.05, 2.2), ylim=(-0.05, 1.8), aspect="equal")
    axes[2].set_title(f"stacked: {len(below) + len(skip)} channels", fontsize=10)
    axes[2].axis("off")
    plt.show()


def guess_strip(A: np.ndarray, B: np.ndarray, lightness: float = 60) -> None:
    """The colors on the way from A to B and a quarter beyond, in one lightness. A, B: (a, b) in Lab units."""
    import matplotlib.pyplot as plt

    way = np.linspace(-0.25, 1.25, 301)
    ab = torch.from_numpy((A + way[:, None] * (B - A)).T[None, :, None]).float()
    L, ab = scale_lab(torch.cat([torch.full_like(ab[:, :1], lightness), ab], 1))
    plt.figure(figsize=(8, 0.9))
    plt.imshow(as_pictures(to_rgb8(L, ab))[0], extent=(-0.25, 1.25, 0, 1), aspect="auto")
    plt.gca().set(yticks=[], xlabel="guess, from A (0) to B (1)")
    plt.show()


def guess_losses(A: np.ndarray, B: np.ndarray, shares=(0.5, 0.7)) -> None:
    """Mean absolute and squared distance of each guess between A and B, if B is true in these shares of cases."""
    import matplotlib.pyplot as plt

    way = np.linspace(-0.25, 1.25, 301)
    guess = A + way[:, None] * (B - A)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for axis, (kind, power) in zip(axes, (("absolute distance", 1), ("squared distance", 2)), strict=True):
        for share in shares:
            loss = (1 - share) * np.abs(guess - A) ** power + share * np.abs(guess - B) ** power
            axis.plot(way, loss.mean(1), label=f"B in {share:.0%} of cases")
        axis.set(xlabel="guess, from A (0) to B (1)", ylim=(0, None))
        axis.set_title(f"mean {kind}", fontsize=10)
    axes[0].legend(frameon=False)
    plt.show()


def guess_scatter(groups: Mapping[str, np.ndarray], marks: Mapping[str, np.ndarray], own=None) -> None:
    """Colors (N, 2) as points on the ab plane, the first group pale, and single colors as marks with black edges.

    own: uint8 (N, 3), to draw the first group's points in their own colors.
    """
    import matplotlib.pyplot as plt

    plt.figure(figsize=(5.8, 4.3))
    for i, (name, colors) in enumerate(groups.items()):
        paint = {"c": np.asarray(own) / 255} if own is not None and i == 0 else {"color": "0.72" if i == 0 else f"C{i}"}
        plt.scatter(*np.asarray(colors).T, s=12, marker="o^sD"[i % 4], alpha=1 if i == 0 else 0.7, label=name, **paint)
    for (name, color), marker in zip(marks.items(), "os*XP", strict=False):
        plt.plot(*color, marker, color="white", markeredgecolor="black", markersize=9, label=name)
    plt.gca().set(xlabel="a (green to red)", ylabel="b (blue to yellow)", aspect="equal")
    plt.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()
