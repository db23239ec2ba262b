"""The figures of chapter 6: scores with their intervals, errors as maps, true hues and painted ones, KID's ladder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..backstage.canvas import canvas, picture_of
from ..metrics import METRICS, Scorecard
from ..plots import as_pictures, photo_rows
from .showing import SAFE

PAINTS = {
    "gray": SAFE[2], "median ab": SAFE[6], "oracle mean ab": SAFE[5], "U-Net, L1": SAFE[0],
    "U-Net + GAN": SAFE[4], "L1, longer": SAFE[3], "L1, dialed up": SAFE[1],
}  # fmt: skip
HUES = {  # where a hue begins, in degrees of the ab plane, and the L, chroma and hue of a patch that stands for it
    "red": (15, (50, 70, 33)),
    "orange": (50, (65, 70, 65)),
    "yellow": (80, (82, 75, 92)),
    "green": (105, (55, 40, 130)),
    "blue": (180, (50, 50, 280)),
    "purple": (300, (50, 55, 313)),
    "pink": (330, (70, 50, 350)),
}
DULL = 15  # below this chroma a pixel counts as gray, whatever its hue


def scorecard_dots(cards: Mapping[str, Scorecard]) -> None:
    """Each metric of each painter, its mean and interval; a dashed line where colorfulness should be."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(9.5, 4.4), layout="constrained", sharey=True)
    for axis, (key, (heading, better, _)) in zip(axes.flat, METRICS.items(), strict=True):
        for row, (name, card) in enumerate(cards.items()):
            _interval(axis, row, card.values[key], PAINTS.get(name, "black"))
        if key == "colorfulness":
            axis.axvline(next(iter(cards.values())).truth_colorfulness, color="black", linestyle="--", linewidth=1)
        axis.set_title(f"{heading} ({better})", fontsize=10)
        axis.set(yticks=range(len(cards)), yticklabels=list(cards), ylim=(len(cards) - 0.5, -0.5))
        axis.grid(axis="x", alpha=0.3)
    plt.show()


def _interval(axis, row: int, values: Sequence[float], color: str) -> None:
    mean, low, high = values
    axis.plot([low, high], [row, row], color=color, linewidth=4, alpha=0.5)
    axis.plot(mean, row, "o", color=color, markersize=5)


def paired_clouds(ours: np.ndarray, theirs: np.ndarray, names: Sequence[str], unit: str) -> None:
    """Two painters' marks (N,) against each other, and how many photos have which difference. names: ours, theirs."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.2), layout="constrained")
    axes[0].scatter(theirs, ours, s=5, alpha=0.25, color=PAINTS["U-Net + GAN"], linewidths=0)
    ends = [min(theirs.min(), ours.min()), max(theirs.max(), ours.max())]
    axes[0].plot(ends, ends, color="black", linewidth=1)
    axes[0].set(xlabel=f"{names[1]} ({unit})", ylabel=f"{names[0]} ({unit})", aspect="equal")
    axes[1].hist(ours - theirs, bins=60, color=PAINTS["U-Net + GAN"])
    axes[1].axvline(0, color="black", linewidth=1)
    axes[1].set(xlabel=f"{names[0]} minus {names[1]}, photo by photo ({unit})", ylabel="photos")
    plt.show()


def corner_cloud(x: np.ndarray, y: np.ndarray, corners: Mapping[str, np.ndarray], xlabel: str, ylabel: str) -> None:
    """Two differences (N,), one point per photo, in a color for each corner. corners: {name: which photos, bool}."""
    import matplotlib.pyplot as plt

    plt.figure(figsize=(7.4, 3.6))
    for (label, here), paint in zip(corners.items(), SAFE[:4], strict=True):
        name = f"{label} ({here.mean():.0%})"
        plt.scatter(x[here], y[here], s=6, alpha=0.4, linewidths=0, color=paint, label=name)
    plt.axhline(0, color="black", linewidth=1)
    plt.axvline(0, color="black", linewidth=1)
    plt.gca().set(xlabel=xlabel, ylabel=ylabel)
    plt.legend(fontsize=8, markerscale=3, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    plt.show()


def error_rows(rows: Mapping[str, object], maps: np.ndarray, titles: Sequence[str], top: float = 60) -> None:
    """Photos in rows, and below them where the error is: maps (N, H, W) on one scale from 0 to `top`, with its bar."""
    import matplotlib.pyplot as plt

    blank = [np.full((*error.shape, 3), 255, np.uint8) for error in maps]
    figure = photo_rows({**rows, "ΔE2000": blank}, cell=0.88, titles=list(titles))
    for axis, error in zip(figure.axes[-len(blank) :], maps, strict=True):
        image = axis.imshow(error, cmap="magma", vmin=0, vmax=top)
    width, _ = figure.get_size_inches()
    edge = figure.add_axes((1 + 0.1 / width, 0.03, 0.12 / width, 0.9 / (len(rows) + 1)))  # beside the maps' row
    figure.colorbar(image, cax=edge, label="ΔE2000", extend="max")
    plt.show()


def hue_names(ab: Tensor) -> np.ndarray:
    """Each pixel's hue, a place in `HUES`, or len(HUES) where it is dull: (N, 2, H, W) in Lab units -> (pixels,)."""
    a, b = ab.movedim(1, 0).flatten(1).numpy()
    begins = np.array([begin for begin, _ in HUES.values()])
    place = np.searchsorted(begins, np.rad2deg(np.arctan2(b, a)) % 360, side="right") - 1
    return np.where(np.hypot(a, b) < DULL, len(HUES), place % len(HUES))  # before red comes pink, which began below 360


def hue_counts(true: Tensor, painted: Tensor, vivid: float = 30) -> dict[str, np.ndarray]:
    """What becomes of each hue: {true hue: how many of its vivid pixels are painted in each of `HUES`, and dull}.

    true, painted: ab in Lab units (N, 2, H, W). vivid: the least true chroma of a pixel that counts.
    """
    strong = (true.norm(dim=1) > vivid).flatten().numpy()
    was, became = hue_names(true)[strong], hue_names(painted)[strong]
    table = np.bincount(was * (len(HUES) + 1) + became, minlength=len(HUES) * (len(HUES) + 1))
    return dict(zip(HUES, table.reshape(len(HUES), -1), strict=True))


def hue_bars(panels: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """{painter: `hue_counts`} as bars, a panel for each painter, a line for each true hue, in the painted colors."""
    import matplotlib.pyplot as plt

    from ..color import lab_to_rgb

    tints = [(L, C * np.cos(np.deg2rad(h)), C * np.sin(np.deg2rad(h))) for _, (L, C, h) in HUES.values()]
    paints = [*lab_to_rgb(torch.tensor(tints).T[..., None])[..., 0].clamp(0, 1).T.tolist(), (0.75, 0.75, 0.75)]
    figure, axes = plt.subplots(1, len(panels), figsize=(9, 2.9), layout="constrained", sharey=True)
    for axis, (title, counts) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for row, values in enumerate(counts.values()):
            left = 0
            for i, (value, paint) in enumerate(zip(100 * values / max(1, values.sum()), paints, strict=True)):
                edge = "black" if i == row else "white"  # the right answer has a frame
                axis.barh(row, value, left=left, color=paint, edgecolor=edge, linewidth=1.4 if i == row else 0.4)
                left += value
        axis.set(yticks=range(len(counts)), yticklabels=list(counts), xlabel="% of its pixels", xlim=(0, 100))
        axis.set_title(title, fontsize=10)
    np.atleast_1d(axes)[0].invert_yaxis()
    np.atleast_1d(axes)[0].set_ylabel("true hue")
    plt.show()


def turned(ab: Tensor, degrees: float) -> Tensor:
    """ab (N, 2, H, W) with every hue turned by an angle."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return torch.stack([cos * ab[:, 0] - sin * ab[:, 1], sin * ab[:, 0] + cos * ab[:, 1]], 1)


def spoiled(ab: Tensor) -> dict[str, Tensor]:
    """True colors (N, 2, H, W), spoiled in six known ways: {what was done: (N, 2, H, W)}."""

    def blur(width: int) -> Tensor:
        return F.avg_pool2d(F.pad(ab, (width // 2,) * 4, mode="replicate"), width, stride=1)

    known = {"blur 3": blur(3), "blur 9": blur(9), "× 0.8": 0.8 * ab, "× 0.5": 0.5 * ab}
    return known | {"hue + 15°": turned(ab, 15), "stranger": ab.roll(1, dims=0)}


def kid_ladder(scores: Mapping[str, Sequence[float]]) -> None:
    """KID of each set as (mean, low, high), the best at the bottom; painters in their colors, the others in black."""
    import matplotlib.pyplot as plt

    ranked = sorted(scores, key=lambda name: scores[name][0])
    plt.figure(figsize=(7.2, 4))
    for row, name in enumerate(ranked):
        _interval(plt.gca(), row, scores[name], PAINTS.get(name, "black"))
    plt.xscale("symlog", linthresh=10)
    plt.axvline(0, color="0.6", linewidth=1)
    plt.gca().set(yticks=range(len(ranked)), yticklabels=ranked)
    plt.gca().set(xlabel="KID × 1000 (linear up to 10, then logarithmic)")
    plt.grid(axis="x", alpha=0.3)
    plt.show()


def diagonal_bias(mmd2: Callable, first: np.ndarray, second: np.ndarray, kernel: Callable, draws: int = 30) -> None:
    """`mmd2` of two halves of one source, (N, d) each, by the size of the sets drawn; and with the diagonal kept."""
    import matplotlib.pyplot as plt

    rng, sizes = np.random.default_rng(3), [n for n in (10, 20, 50, 100, 200, 500) if n <= len(first)]
    found = {"diagonal left out": [], "diagonal kept": []}
    for n in sizes:
        pairs = [[half[rng.choice(len(half), n, replace=False)] for half in (first, second)] for _ in range(draws)]
        found["diagonal left out"].append([1000 * float(mmd2(x, y, kernel)) for x, y in pairs])
        means = [[kernel(z, w).mean() for z, w in ((x, x), (y, y), (x, y))] for x, y in pairs]
        found["diagonal kept"].append([1000 * (xx + yy - 2 * xy) for xx, yy, xy in means])
    plt.figure(figsize=(6.4, 2.9))
    for label, values in found.items():
        plt.errorbar(sizes, np.mean(values, 1), np.std(values, 1), fmt="o-", capsize=3, label=label)
    plt.axhline(0, color="black", linewidth=1)
    plt.gca().set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="photos in each set", ylabel="KID × 1000")
    plt.minorticks_off()
    plt.legend(frameon=False)
    plt.show()


def wrong_winners(ours: np.ndarray, theirs: np.ndarray, repeats: int = 2000) -> dict[str, dict[int, float]]:
    """How often so many photos crown the painter that is worse on all: {who saw which photos: {how many: share}}.

    ours, theirs: one number per photo, (N,), more is better.
    """
    import matplotlib.pyplot as plt

    rng, leader = np.random.default_rng(1), np.sign(ours.mean() - theirs.mean())
    found = {"the same photos for both": {}, "other photos for each": {}}
    for n in (2**k for k in range(1, 11) if 2**k <= len(ours)):
        mine, others = rng.integers(len(ours), size=(2, repeats, n))
        for label, theirs_seen in zip(found, (mine, others), strict=True):
            lead = ours[mine].mean(1) - theirs[theirs_seen].mean(1)
            found[label][n] = float((leader * lead < 0).mean())
    plt.figure(figsize=(6.4, 2.8))
    for (label, shares), style in zip(found.items(), ("o-", "s--"), strict=True):
        plt.plot(list(shares), [100 * share for share in shares.values()], style, label=label)
    plt.gca().set(
        xscale="log", xticks=list(shares), xticklabels=list(shares), xlabel="photos", ylabel="wrong winner (%)"
    )
    plt.minorticks_off()
    plt.legend(frameon=False)
    plt.show()
    return found


def close_ups(colored: Tensor, real: Tensor, places: Sequence[tuple], titles: Sequence[str]) -> None:
    """Parts of paintings above the same parts of their photos, enlarged. places: (photo, row, column, side) of each.

    colored, real: uint8 (N, 3, S, S).
    """
    import matplotlib.pyplot as plt

    def cut(pictures):
        near = [np.arange(240) * side // 240 for *_, side in places]  # no pixel is made up
        parts = zip(near, places, strict=True)
        return [as_pictures(pictures[[i]])[0][y + at][:, x + at] for at, (i, y, x, _) in parts]

    photo_rows({"painted": cut(colored), "photo": cut(real)}, cell=1.6, titles=list(titles))
    plt.show()


def score_picture(interval: Callable, shares: Sequence[float] = (0.55, 0.7)) -> np.ndarray:
    """The interval of a score by how many questions were asked, as a picture. interval: (right, asked) -> its ends."""
    figure, axis = canvas(2.6, 2.0)
    asked = np.array([10, 20, 50, 100, 200, 500])
    for share, paint in zip(shares, SAFE[:2], strict=True):
        ends = np.array([interval(round(share * n), n) for n in asked.tolist()], float)
        axis.fill_between(asked, *(100 * ends.T), alpha=0.3, color=paint, label=f"{share:.0%} right")
    axis.axhline(50, color="black", linestyle="--", linewidth=1, label="a coin")
    axis.set(xscale="log", xlabel="questions", ylabel="% right", ylim=(0, 100))
    axis.set_xticks([10, 50, 500], ["10", "50", "500"])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=7, loc="lower right")
    return picture_of(figure)


def leads(reported: Sequence[float], later: Sequence[float]) -> None:
    """How far ahead the winners were where they were chosen, and where they were not."""
    import matplotlib.pyplot as plt

    plt.figure(figsize=(6.4, 2.7))
    plt.hist(reported, bins=20, color=SAFE[4], label="as reported, on the thirty")
    plt.hist(later, bins=20, color="0.6", label="the winner on other photos")
    plt.gca().set(xlabel="lead of the winner over the average painter (dB)", ylabel="repeats")
    plt.legend(frameon=False, fontsize=8)
    plt.show()


def end_of_game(
    real: Tensor, colored: Tensor, number_of: Callable, least: float, seed: int = 0, count: int = 20
) -> int:
    """Let a player without eyes play "real or colored?", show the end of its game, and return how often it was right.

    number_of: what it knows of pictures uint8 (N, 3, S, S), (N,). It says "real" from `least` on. The others: as
    `widgets.real_or_colored`.
    """
    from IPython.display import display

    from ..widgets.controls import encode
    from ..widgets.game import fair_order, result_picture

    order = fair_order(len(real), count, seed)
    shown = torch.stack([(real if is_real else colored)[index] for index, is_real in order])
    said = (np.asarray(number_of(shown)) >= least).tolist()
    answers = [(is_real, word) for (_, is_real), word in zip(order, said, strict=True)]
    right = sum(is_real == word for is_real, word in answers)
    truth = as_pictures(real[[index for index, _ in order]])
    alt = f"The end of a game: {right} of {count} right, and all pictures with their truth and the answers."
    data = {"image/jpeg": encode(result_picture(as_pictures(shown), truth, answers), "jpeg"), "text/plain": alt}
    display(data, raw=True, metadata={"image/jpeg": {"alt": alt}})
    return right
