"""Figures the notebooks and the README show."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .backstage.checks import check, check_array, check_pictures
from .backstage.diagram import unet_diagram
from .color import rgb_to_lab
from .metrics import AB_BINS, AB_RANGE

__all__ = ["NAMED_COLORS", "ab_planes", "as_pictures", "photo_rows", "unet_diagram"]


def as_pictures(images) -> list[np.ndarray]:
    """A uint8 tensor (N, 3, H, W) or a list of arrays (H, W, 3) as a list of arrays; floats as they are.

    Raises ValueError for a tensor of another shape, TypeError for one of other numbers.
    """
    if isinstance(images, Tensor):
        if images.ndim != 4:
            raise ValueError(f"as_pictures wants a tensor (N, 3, H, W), not {tuple(images.shape)}")
        check("as_pictures", "uint8 or floats", images=(images, "... 3 H W"))
        return list(images.cpu().permute(0, 2, 3, 1).numpy())
    return [np.asarray(image) for image in images]


def photo_rows(rows: dict[str, object], cell: float = 1.7, titles: list[str] | None = None):
    """A grid of photos: each entry is a labeled row. Returns the matplotlib figure.

    rows: {label: uint8 (N, 3, H, W) or a list of (H, W, 3)}, all of the same N. cell: inches a photo.
    titles: a short text above each column, of one line or more. Raises ValueError when rows differ in length,
    there are none, or a picture cannot be shown: neither uint8 nor floats from 0 to 1, or of another shape.
    """
    import matplotlib.pyplot as plt

    pictures = {label: as_pictures(images) for label, images in rows.items()}
    counts = {len(row) for row in pictures.values()}
    if len(counts) != 1 or counts == {0}:
        raise ValueError(f"every row needs the same number of photos, at least one, not {sorted(counts)}")
    check_pictures(pictures)
    (count,) = counts
    height, width = next(iter(pictures.values()))[0].shape[:2]
    longest = max(len(line) for label in pictures for line in label.splitlines())
    margin = 0.15 + 0.08 * longest  # inches, at 10 points a letter is at most about 0.08 wide
    top = 0.3 + 0.17 * max(title.count("\n") for title in titles) if titles else 0.05
    size = (margin + cell * count, cell * height / width * len(pictures) + top)
    figure, axes = plt.subplots(len(pictures), count, figsize=size, squeeze=False)
    edges = {"left": margin / size[0], "right": 0.998, "bottom": 0.005, "top": 1 - top / size[1] if titles else 0.995}
    figure.subplots_adjust(**edges, wspace=0.03, hspace=0.03)
    for row, (label, images) in zip(axes, pictures.items(), strict=True):
        for axis, image in zip(row, images, strict=True):
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10, labelpad=6)
    for axis, title in zip(axes[0], titles or [], strict=False):
        axis.set_title(title, fontsize=9)
    return figure


NAMED_COLORS = (
    "red", "orangered", "orange", "yellow", "limegreen", "darkgreen", "cyan", "royalblue", "blue",
    "purple", "magenta", "hotpink", "saddlebrown", "gray",
)  # fmt: skip
"""The CSS colors that `ab_planes` places on the plane."""


def ab_planes(histograms: dict[str, np.ndarray], names: bool = True, panel: float = 4.2):
    """Histograms of the ab plane side by side, on one log scale. Returns the matplotlib figure.

    histograms: {title: (bins, bins) shares of pixels, axes a and b}, as `helpers.metrics.ab_histogram(...).mean(0)`
    gives. names: place `NAMED_COLORS` on it. panel: inches.
    The dashed line encloses what sRGB can show at any lightness. Raises ValueError for none, NaN and other shapes.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm, to_rgb
    from matplotlib.patheffects import withStroke

    histograms = {title: check_array("ab_planes", title, histogram) for title, histogram in histograms.items()}
    if not histograms:
        raise ValueError("ab_planes wants at least one histogram")
    for title, histogram in histograms.items():
        if histogram.ndim != 2 or histogram.shape[0] != histogram.shape[1]:
            raise ValueError(f"{title!r} is a histogram of shape {histogram.shape}; (bins, bins) is wanted")
        if histogram.min() < 0 or histogram.max() == 0:
            raise ValueError(f"{title!r} is no histogram: its shares must be 0 or more, and not all 0")
    top = max(histogram.max() for histogram in histograms.values())
    figure, axes = plt.subplots(
        1, len(histograms), figsize=(panel * len(histograms) + 0.9, panel), squeeze=False, layout="constrained"
    )
    (middles, inside), halo = _gamut_shadow(), [withStroke(linewidth=2, foreground="white")]
    named = rgb_to_lab(torch.tensor([to_rgb(name) for name in NAMED_COLORS]).T[:, None])[1:, 0].T.tolist()
    for axis, (title, histogram) in zip(axes[0], histograms.items(), strict=True):
        shares = np.ma.masked_equal(histogram.T, 0)  # an empty cell stays white: log 0 has no color
        image = axis.imshow(
            shares, origin="lower", extent=(-AB_RANGE, AB_RANGE) * 2, cmap="YlGnBu", norm=LogNorm(top * 1e-5, top)
        )
        axis.contour(middles, middles, inside, levels=[0.5], colors="#777777", linestyles="dashed", linewidths=0.8)
        for name, (x, y) in zip(NAMED_COLORS, named, strict=True) if names else ():
            axis.plot(x, y, "o", color=name, markeredgecolor="black", markersize=7)
            axis.annotate(name, (x, y), (0, 6), textcoords="offset points", path_effects=halo, ha="center", fontsize=7)
        axis.set(title=title, xlabel="a (green to red)", xlim=(-AB_RANGE, AB_RANGE), ylim=(-AB_RANGE, AB_RANGE))
    axes[0][0].set_ylabel("b (blue to yellow)")
    figure.colorbar(image, ax=axes[0], label="share of pixels", shrink=0.85)
    return figure


def _gamut_shadow() -> tuple[np.ndarray, np.ndarray]:
    """The middles of the histogram's cells, and a 1 for each cell (b, a) with an sRGB color, whatever its L."""
    u, v = torch.meshgrid(torch.linspace(0, 1, 100), torch.linspace(0, 1, 100), indexing="ij")
    # The outermost colors lie on the six faces of the RGB cube.
    faces = [torch.stack([u, v, torch.full_like(u, end)]).roll(turn, 0) for turn in range(3) for end in (0.0, 1.0)]
    ab = rgb_to_lab(torch.cat(faces, dim=1))[1:].flatten(1).numpy()
    counts, edges, _ = np.histogram2d(*ab, bins=AB_BINS, range=[[-AB_RANGE, AB_RANGE]] * 2)
    return (edges[:-1] + edges[1:]) / 2, (counts.T > 0).astype(float)
