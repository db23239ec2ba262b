"""The widgets of chapter 10: a slider for the temperature, and a photo of which a pixel says what it thinks.

temperature_slider(L, logits, bins, truth)          # photos, painted by the annealed mean at any temperature
pixel_chooser(L, logits, bins, truth, (112, 80))    # click a pixel: which colors are how likely there?
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..backstage.checks import check
from ..classification import annealed_mean
from ..color import AB_SCALE, lab_to_rgb, unscale_lab
from ..data import to_lab, to_rgb8
from ..metrics import colorfulness, psnr
from ..plots import as_pictures
from .controls import encode, in_page, show, slider, stage
from .drawing import PALE, panel, panels_in_a_row, white_canvas, write

SIDE, PLANE, REACH = 232, 250, 115  # pixels of a panel and of the plane; Lab units from its middle to its edge
LIKELY = 5  # so many colors are listed
BAR = 150  # pixels of a color that is certain


def _check(who: str, L: Tensor, logits: Tensor, bins: Tensor, truth: Tensor) -> None:
    """Raises ValueError for shapes that do not belong together, TypeError for other numbers."""
    check(who, "floats", L=(L, "N 1 H W"), logits=(logits, "N K h w"), bins=(bins, "K 2"))
    check(who, "uint8", truth=(truth, "N 3 H W"))
    if (len(L), *L.shape[-2:]) != (len(truth), *truth.shape[-2:]):
        raise ValueError(f"{who} wants L and truth of the same photos, not {tuple(L.shape)} and {tuple(truth.shape)}")
    if L.shape[-2] % logits.shape[-2] or L.shape[-1] % logits.shape[-1]:
        raise ValueError(f"{who} wants logits at a whole part of the photo's height and width, not {logits.shape[-2:]}")


def _grays(L: Tensor) -> list[np.ndarray]:
    return as_pictures(to_rgb8(L, torch.zeros_like(L).expand(-1, 2, -1, -1)))


def painted_at(L: Tensor, logits: Tensor, bins: Tensor, temperature: float) -> Tensor:
    """Photos by the annealed mean, enlarged to the size of L: uint8 (N, 3, H, W). Arguments: see the widgets."""
    ab = annealed_mean(logits, bins, temperature)
    return to_rgb8(L, F.interpolate(ab, size=L.shape[-2:], mode="bilinear", align_corners=False))


def temperature_slider(L: Tensor, logits: Tensor, bins: Tensor, truth: Tensor, temperature: float = 0.38) -> None:
    """A slider over photos and one over temperatures: what a network that chooses paints. Below, a still picture.

    L: scaled (N, 1, H, W). logits: (N, K, h, w). bins: (K, 2), Lab units. truth: uint8 (N, 3, H, W). temperature: to
    begin with, 0.01 to 1. Returns nothing: call it alone in its cell. Raises ValueError when these do not fit.
    """
    _check("temperature_slider", L, logits, bins, truth)
    if not 0.01 <= temperature <= 1:
        raise ValueError(f"temperature_slider begins at a temperature from 0.01 to 1, not {temperature}")
    grays, photos = _grays(L), as_pictures(truth)
    vivid = colorfulness(truth)

    def draw(photo, percent):
        i, T = photo - 1, percent / 100
        made = painted_at(L[i : i + 1], logits[i : i + 1], bins, T)
        near, color = psnr(truth[i : i + 1], made)[0], colorfulness(made)[0]
        title = f"T = {T:.2f}: PSNR {near:.1f} dB, colorfulness {color:.0f} (the photo's: {vivid[i]:.0f})"
        panels = {"what it sees": grays[i], "what it paints": as_pictures(made)[0], "the photo": photos[i]}
        picture, _, _ = panels_in_a_row(panels, SIDE, title)
        return np.asarray(picture), f"Photo {photo} of {len(L)} in gray, painted, and as it was. {title}."

    hint = "move T down to 0.01, then up to 1. Which colors appear, which go, and where do edges break up?"
    start = slider("T × 100", round(100 * temperature), 1, 100)
    show(hint, {"photo": slider("photo", 1, 1, len(L)), "percent": start}, draw)


def pixel_chooser(L: Tensor, logits: Tensor, bins: Tensor, truth: Tensor, place: tuple[int, int]) -> None:
    """A photo to click: which colors a network that chooses thinks possible at a pixel. Below, a still picture.

    L: scaled (1, 1, H, W). logits: (1, K, h, w). bins: (K, 2), Lab units. truth: uint8 (1, 3, H, W). place: row and
    column of the pixel to begin with. Two sliders do the same by keyboard; the photo itself can be clicked where
    `anywidget` is installed. Returns nothing. Raises ValueError when these do not fit.
    """
    _check("pixel_chooser", L, logits, bins, truth)
    height, width = L.shape[-2:]
    if len(L) != 1 or not (0 <= place[0] < height and 0 <= place[1] < width):
        raise ValueError(f"pixel_chooser wants one photo of {height} × {width}, and a place in it, not {place}")
    gray, true = _grays(L)[0], AB_SCALE * to_lab(truth)[1][0]
    p, step = logits[0].float().softmax(0), (height // logits.shape[-2], width // logits.shape[-1])
    row, column = slider("row", place[0], 0, height - 1), slider("column", place[1], 0, width - 1)
    photo = _clickable(gray, (column.value, row.value))

    def draw() -> tuple[np.ndarray, str]:
        y, x = row.value, column.value
        here = p[:, y // step[0], x // step[1]]
        light = float(50 * (L[0, 0, y, x] + 1))
        best = bins[here.argmax()].tolist()
        alt = f"At row {y}, column {x} the most likely bin, a {best[0]:.0f} and b {best[1]:.0f}, has {here.max():.0%}."
        return pixel_picture(gray, (y, x), here.numpy(), bins.numpy(), light, true[:, y, x].tolist()), alt

    hint = "choose a leaf, a petal, the background. Where is the network sure, and where does it see several colors?"
    draw_anew = stage(f"{hint} (Click, or use the sliders or arrow keys.)", [*photo, row, column], draw)

    def moved(_) -> None:
        if photo:
            photo[0].at = [column.value, row.value]
        draw_anew()

    def clicked(change) -> None:
        x, y = (int(value) for value in change["new"])
        for control, value in ((row, y), (column, x)):
            control.unobserve(moved, names="value")
            control.value = value
            control.observe(moved, names="value")
        draw_anew()

    for control in (row, column):
        control.observe(moved, names="value")
    if photo:
        photo[0].observe(lambda change: [column.value, row.value] != change["new"] and clicked(change), names="at")


def _clickable(picture: np.ndarray, at: tuple[int, int]) -> list:
    """The photo that can be clicked, alone in a list; none where `anywidget` is not installed."""
    url = f"data:image/jpeg;base64,{encode(picture, 'jpeg')}"
    size = [picture.shape[1], picture.shape[0]]
    widget = in_page("PixelChooser", "classes.js", size=size, picture=url, at=list(at))
    return [widget] if widget else []


def pixel_picture(
    gray: np.ndarray, place: tuple[int, int], p: np.ndarray, bins: np.ndarray, light: float, true: tuple[float, float]
) -> np.ndarray:
    """A photo with a place marked, the ab plane with its bins as large as they are likely, and the likeliest listed.

    gray: uint8 (H, W, 3). place: (row, column). p: (K,), summing to 1. bins: (K, 2), true: (a, b), light: Lab units.
    Returns uint8 (H, W, 3).
    """
    p, bins = np.asarray(p, dtype=float), np.asarray(bins, dtype=float)
    canvas, draw = white_canvas(SIDE + PLANE + BAR + 138, PLANE + 40)
    zoom = SIDE / max(gray.shape[:2])
    canvas.paste(panel(gray, SIDE), (8, 28))
    x, y = 8 + (place[1] + 0.5) * zoom, 28 + (place[0] + 0.5) * zoom
    for radius, color in ((8, "white"), (7, "red")):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=color, width=2)
    write(draw, (8 + SIDE / 2, 24), f"row {place[0]}, column {place[1]}", 12, "md")

    left, top, scale = SIDE + 24, 28, PLANE / (2 * REACH)
    write(draw, (left + PLANE / 2, 24), "a to the right, b upward; × the truth", 12, "md")
    draw.rectangle((left, top, left + PLANE, top + PLANE), fill=(240, 240, 240))
    colors = [tuple(map(int, c)) for c in _rgb(bins, light)]

    def spot(a: float, b: float) -> tuple[float, float]:
        return left + (a + REACH) * scale, top + (REACH - b) * scale

    for (a, b), share, color in zip(bins, np.sqrt(p / p.max()), colors, strict=True):
        (cx, cy), half = spot(a, b), max(0.5, 5 * scale * share)
        draw.rectangle((cx - half, cy - half, cx + half, cy + half), fill=color if half > 1 else PALE)
    cx, cy = spot(*true)
    for turn in (-1, 1):
        draw.line((cx - 6, cy - 6 * turn, cx + 6, cy + 6 * turn), fill="black", width=2)

    left += PLANE + 16
    write(draw, (left, 10), "the likeliest bins", 12)
    for line, i in enumerate(np.argsort(-p, kind="stable")[:LIKELY]):
        at = 32 + 34 * line
        draw.rectangle((left, at, left + max(2, round(BAR * p[i])), at + 16), fill=colors[i])
        write(draw, (left + max(2, round(BAR * p[i])) + 6, at + 1), f"{p[i]:.0%}", 12)
    mean = (p @ bins).tolist()
    for at, name, ab in ((32 + 34 * LIKELY, "their mean", mean), (32 + 34 * (LIKELY + 1), "the truth", true)):
        draw.rectangle((left, at, left + 40, at + 20), fill=tuple(map(int, _rgb(np.array([ab]), light)[0])))
        write(draw, (left + 48, at + 3), name, 12)
    return np.asarray(canvas)


def _rgb(ab: np.ndarray, light: float) -> np.ndarray:
    """Colors (n, 2) in Lab units at one lightness, cut to the gamut: uint8 (n, 3)."""
    scaled = torch.from_numpy(np.asarray(ab, dtype=np.float32) / AB_SCALE).T[None, :, None]
    lab = unscale_lab(torch.full_like(scaled[:, :1], light / 50 - 1), scaled)
    return (255 * lab_to_rgb(lab)).round().byte()[0, :, 0].T.numpy()
