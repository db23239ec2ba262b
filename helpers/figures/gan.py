"""The figures of chapter 5: the game with numbers, the coin-flip flowers, and games that go well or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from ..backstage.canvas import canvas, picture_of
from ..color import rgb_to_lab
from ..metrics import ciede2000
from .showing import SAFE, smoothed

TRUE, PAINTED, PALE = "C0", "C1", "0.6"


# ------------------------------------------------------------------------------------- which photos to show


def most_different(one: Tensor, other: Tensor, count: int) -> list[int]:
    """The photos on which two painters differ most, by ΔE2000: uint8 (N, 3, H, W) twice -> places, largest first."""
    return np.argsort(-ciede2000(one, other), kind="stable")[:count].tolist()


def mixed_draw(images: Tensor, count: int, seed: int = 0) -> list[int]:
    """Photos drawn by lot, one from each of `count` equal groups by hue: so that a small draw has mixed colors.

    images: uint8 (N, 3, H, W). A photo's hue is that of the mean ab of its tenth of most vivid pixels. Returns places.
    """
    ab = rgb_to_lab(images)[:, 1:].flatten(2)
    vivid = ab.norm(dim=1).topk(max(1, ab.shape[2] // 10), dim=1).indices
    a, b = ab.gather(2, vivid[:, None].expand(-1, 2, -1)).mean(2).T.numpy()
    lot = np.random.default_rng(seed)
    groups = np.array_split(np.argsort(np.arctan2(b, a), kind="stable"), min(count, len(images)))
    return [int(lot.choice(group)) for group in groups]


# ----------------------------------------------------------------------------------- the game with numbers


def number_game(x: Tensor, p: Tensor, panels: Mapping[str, Mapping[str, Tensor]], columns: int = 4) -> None:
    """Nature's density p over x (N, 1), and in each panel what it has of a game.

    panels: {title: {"real": numbers, "fake": numbers, "q": density, "D": the critic's answer, "D*": the best one's}}.
    columns: panels in a row.
    """
    import matplotlib.pyplot as plt

    bins = np.linspace(x.min().item(), x.max().item(), 61)
    rows, wide = math.ceil(len(panels) / columns), min(columns, len(panels))
    size = (11, 2.4 * rows + 0.2) if wide > 1 else (7, 2.8)
    figure, axes = plt.subplots(rows, wide, figsize=size, squeeze=False, layout="constrained", sharex=True, sharey=True)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (title, panel) in zip(axes.flat, panels.items(), strict=False):
        axis.fill_between(x[:, 0], p[:, 0], color=TRUE, alpha=0.3, label="p, real", linewidth=0)
        for name, color in (("real", TRUE), ("fake", PAINTED)):
            if name in panel:
                numbers = panel[name][:, 0].clamp(bins[0], bins[-1]).numpy()
                axis.hist(numbers, bins, density=True, color=color, alpha=0.5, label=f"{name} numbers")
        for name, look in (
            ("q", {"color": PAINTED}), ("D", {"color": "black"}), ("D*", {"color": "C3", "linestyle": "--"}),
        ):  # fmt: skip
            if name in panel:
                axis.plot(
                    x, panel[name], linewidth=1.5, label={"q": "q, fake", "D": "D, critic"}.get(name, name), **look
                )
        axis.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
        axis.set(ylim=(0, 1.05), xlim=(bins[0], bins[-1]))
        axis.set_title(title, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("x")
    handles = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside right center", frameon=False, fontsize=8)
    plt.show()


def game_losses(curves: Mapping[str, Sequence[float]], levels: Mapping[str, float], window: int = 50) -> None:
    """Losses of games, each the mean over a window of rounds. levels: {name: height} of lines to compare with."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 2.8), layout="constrained")
    for i, (name, values) in enumerate(curves.items()):
        axis.plot(smoothed(values, window), color=SAFE[i], linewidth=1.2, label=name)
    for (name, height), style in zip(levels.items(), ("--", ":", "-."), strict=False):
        axis.axhline(height, color="0.4", linestyle=style, linewidth=1.2, label=f"{name}: {height:.3f}")
    axis.set(xlabel="round", ylabel="bce")
    figure.legend(loc="outside right center", frameon=False, fontsize=8)
    plt.show()


# ------------------------------------------------------------------------------------- coin-flip flowers


def coin_colors(truth: np.ndarray, painted: Mapping[str, Mapping[str, np.ndarray]], A, B) -> None:
    """Petal colors (N, 2) on the ab plane, a panel for each game: {title: {"L1": colors, "GAN": colors}}."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(painted), figsize=(3.4 * len(painted) + 0.8, 3.5), layout="constrained", sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    looks = {"L1": {"marker": "s", "color": "C1", "alpha": 0.5}, "GAN": {"color": "C0", "alpha": 0.6}}
    for axis, (title, colors) in zip(axes[0], painted.items(), strict=True):
        axis.scatter(*truth.T, s=9, color="0.75", label="true")
        for name, look in looks.items():
            axis.scatter(*colors[name].T, s=11, label=name, linewidth=0, **look)
        axis.plot(0, 0, "kx")
        axis.set(xlabel="a (green to red)", aspect="equal", title=title)
        for name, (a, b) in (("A", A), ("B", B)):
            axis.annotate(name, (a, b), (9, 16), textcoords="offset points", fontsize=12, weight="bold")
    axes[0, 0].set_ylabel("b (blue to yellow)")
    axes[0, -1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def coin_cue(cue: np.ndarray, side: np.ndarray, coin: np.ndarray, name: str) -> None:
    """Which color each flower was given (side (N,), 0 is A, 1 is B), by a cue (N,) called so, and by its true coin."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    for value, letter, color in ((0, "A", "C3"), (1, "B", "C0")):
        axis.scatter(cue[coin == value], side[coin == value], s=9, alpha=0.6, color=color, label=letter, linewidth=0)
    axis.set(xlabel=name, ylabel="painted")
    axis.set_yticks([0, 0.5, 1], ["A", "halfway", "B"])
    axis.legend(title="true coin", frameon=False, fontsize=8, bbox_to_anchor=(1, 1), loc="upper left")
    plt.show()


# ------------------------------------------------------------------------------------- games on photos


def game_columns(
    games: Mapping[str, Mapping[str, Sequence[dict]]], panels: Mapping[str, str], levels: Mapping[str, float],
    first: int = 0, critic: tuple[int, int] | None = None, height: float = 7,
) -> None:  # fmt: skip
    """Reports of games, one game a column: {title: {label: history}}. Of several histories the last is drawn in red.

    panels: {key of a report: label}, a row each. levels: {key: height of a dashed line}. first: step to begin with.
    critic: the steps in which it learned alone, shaded.
    """
    import matplotlib.pyplot as plt

    size = (11, height)
    figure, axes = plt.subplots(
        len(panels), len(games), figsize=size, layout="constrained", sharex="col", sharey="row", squeeze=False
    )
    for column, (title, histories) in zip(axes.T, games.items(), strict=True):
        column[0].set_title(title, fontsize=10)
        column[-1].set_xlabel("step")
        for axis, key in zip(column, panels, strict=True):
            for i, (label, history) in enumerate(histories.items()):
                seen = [entry for entry in history if key in entry and entry["step"] >= first]
                color = ("C3" if len(histories) > 1 else "C0") if i == len(histories) - 1 else PALE
                x, y = [entry["step"] for entry in seen], [entry[key] for entry in seen]
                axis.plot(x, y, "o-", color=color, markersize=3, label=label)
            if key in levels:
                axis.axhline(levels[key], color="0.5", linestyle="--", linewidth=1)
            if critic:
                axis.axvspan(*critic, color="C1", alpha=0.1, linewidth=0)
    for row, label in zip(axes, panels.values(), strict=True):
        row[0].set_ylabel(label)
    plt.show()


def colors_moved(points: Mapping[str, tuple[float, float]], truth: float) -> None:
    """Painters as {label: (colorfulness, ΔE2000)}, joined in this order. truth: the colorfulness of the photos."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6.4, 2.9), layout="constrained")
    axis.plot(*np.array(list(points.values())).T, "o-", color="C0", linewidth=1)
    for label, place in points.items():
        axis.annotate(label, place, (6, -3), textcoords="offset points", fontsize=9, va="top")
    axis.axvline(truth, color="0.5", linestyle="--", linewidth=1)
    axis.annotate("the photos", (truth, 1), (-4, -4), ("data", "axes fraction"), "offset points", ha="right", va="top")
    axis.set(xlabel="colorfulness", ylabel="ΔE2000")
    axis.margins(0.12, 0.18)
    plt.show()


# ------------------------------------------------------------------------------- what an answer draws


def shares_picture(best_loss: Callable) -> np.ndarray:
    """The lowest loss, by the share that the generator makes of the second of two kinds; nature makes half of each."""
    shares = np.linspace(0, 1, 41)
    losses = [float(best_loss(np.array([0.5, 0.5]), np.array([1 - share, share]))) for share in shares]
    figure, axis = canvas(2.3, 1.6)
    axis.plot(shares, losses)
    axis.set(xlabel="share of the second kind", ylabel="lowest loss", ylim=(0.8, 1.5))
    return picture_of(figure)


def moves_picture(ahead: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Curves of `helpers.exercises.duel`: how far a critic's logits of true and painted colors are apart, by round."""
    figure, axis = canvas(2.3, 1.6)
    for name, values in ahead.items():
        axis.plot(values, label=name)
    axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axis.set(xlabel="round", ylabel="logits apart", ylim=(-0.3, 2.6))
    axis.legend(frameon=False, fontsize=8, loc="upper left")
    return picture_of(figure)
