"""The pictures of chapter 4: what one logit of a PatchGAN sees, and its map of logits over a photo.

receptive_field_picture(photo, layers=2, row=6, column=6)
patch_map_picture(photo, logits, limit=2)
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .drawing import INK, checked_picture, on_one_core, panel, panels_in_a_row, write

__all__ = [
    "as_numbers",
    "check_map",
    "logits_over_gray",
    "patch_arithmetic",
    "patch_map_picture",
    "receptive_field_picture",
]

KERNEL, PADDING = 4, 1  # of every layer of a PatchGAN
MARGIN = 24  # input pixels drawn around the photo at least: where the frames of zeros lie
SCREEN = 448  # side of the photo with that margin, in pixels of the picture
GRID = 196  # side of the grid of logits
SEEN = (216, 27, 96)
FAKE, REAL = (217, 95, 2), (31, 110, 180)  # both ends of the scale of logits; 0 is white


def patch_arithmetic(layers: int, size: int = 64) -> list[dict]:
    """How much of a picture each layer of a `PatchGAN` sees, by formula: one dict for the input and for each layer.

    layers: of stride 2; two of stride 1 follow (Isola et al. 2016, appendix 6.1.2). size: side of the input, pixels.
    Each dict: layer (its name), stride, size (side of the result), sees (input pixels across that one number of it
    depends on), step (input pixels from one such number to the next) and start (first input pixel, counted from the
    photo's own, that the number at place 0 sees; negative in the frame of zeros). With kernel k and padding p:
        sees = sees before + (k - 1) * step before      start = start before - p * step before
        step = step before * stride                     size = (size before + 2 p - k) // stride + 1
    Raises ValueError for no layer, or for a picture that a PatchGAN of so many layers refuses.
    """
    if layers < 1 or size < 3 * 2**layers:
        raise ValueError(f"{layers} strided layers on {size} px: at least one layer, and 3 * 2^layers px, are needed")
    found = [{"layer": "input", "stride": 1, "size": size, "sees": 1, "step": 1, "start": 0}]
    for i in range(layers + 2):
        before, stride = found[-1], 2 if i < layers else 1
        found.append({
            "layer": f"conv {i + 1}",
            "stride": stride,
            "size": (before["size"] + 2 * PADDING - KERNEL) // stride + 1,
            "sees": before["sees"] + (KERNEL - 1) * before["step"],
            "step": before["step"] * stride,
            "start": before["start"] - PADDING * before["step"],
        })  # fmt: skip
    return found


@on_one_core
def receptive_field_picture(picture: np.ndarray, layers: int, row: int, column: int, size: int = 64) -> np.ndarray:
    """The patch that one logit of a PatchGAN sees, where that logit stands, and why: uint8 (H, W, 3).

    picture: square, uint8 (S, S, 3), shown as if it were `size` pixels wide. layers, size: as in `patch_arithmetic`.
    row, column: of the logit, from 0. Around the photo the frames of zeros are hatched, 24 pixels or all of them.
    Raises ValueError for another kind of picture, IndexError where there is no such logit.
    """
    picture = checked_picture(picture, "picture")
    if picture.shape[0] != picture.shape[1]:
        raise ValueError(f"a square picture is wanted, not one of {picture.shape[:2]}")
    table = patch_arithmetic(layers, size)
    last = table[-1]
    count, sees = last["size"], last["sees"]
    if not (0 <= row < count and 0 <= column < count):
        raise IndexError(f"there is no logit in row {row}, column {column}: both go from 0 to {count - 1}")
    canvas = Image.new("RGB", (912, SCREEN + 44), "white")
    draw = ImageDraw.Draw(canvas)
    write(draw, (8 + SCREEN / 2, 8), "the photo, and what that logit sees of it", 13, "ma")
    top, left = (last["start"] + place * last["step"] for place in (row, column))
    canvas.paste(_seen(picture, size, max(MARGIN, 1 - last["start"]), top, left, sees), (8, 34))
    _logits(draw, count, row, column)
    right = 8 + SCREEN + 24 + GRID + 20
    inside = [min(at + sees, size) - max(at, 0) for at in (top, left)]
    share = 1 - inside[0] * inside[1] / sees**2
    for i, line in enumerate((
        f"row {row}, column {column}",
        f"sees {sees} × {sees} px",
        f"from ({top}, {left})".replace("-", "−"),
        f"to ({top + sees - 1}, {left + sees - 1})".replace("-", "−"),
        "",
        f"{share:.0%} of it is padding" if share else "all of it photo",
        f"its neighbor: {last['step']} px on",
    )):  # fmt: skip
        write(draw, (right, 60 + 22 * i), line, 13, color=SEEN if i == 1 else INK)
    _arithmetic(draw, table, 8 + SCREEN + 24, 34 + GRID + 30)
    return np.asarray(canvas)


def _seen(picture: np.ndarray, size: int, margin: int, top: int, left: int, sees: int) -> Image.Image:
    """The photo on a hatched ground, pale but for the patch."""
    scale = SCREEN / (size + 2 * margin)
    rows, columns = np.mgrid[:SCREEN, :SCREEN]
    ground = np.where(((rows + columns) % 8 < 1)[..., None], np.uint8(205), np.uint8(238)).repeat(3, -1)
    shown = Image.fromarray(ground)
    edge, end = round(margin * scale), round((margin + size) * scale)
    shown.paste(Image.fromarray(picture).resize((end - edge,) * 2, Image.Resampling.BICUBIC), (edge, edge))
    pixels = np.asarray(shown)
    pale = np.round(0.35 * pixels + 0.65 * 255).astype(np.uint8)
    y0, x0, y1, x1 = (round((margin + at) * scale) for at in (top, left, top + sees, left + sees))
    box = (slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0)))
    pale[box] = pixels[box]
    shown = Image.fromarray(pale)
    draw = ImageDraw.Draw(shown)
    draw.rectangle((edge - 1, edge - 1, end, end), outline=(120, 120, 120))
    draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline="white", width=5)
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=SEEN, width=3)
    return shown


def _logits(draw: ImageDraw.ImageDraw, count: int, row: int, column: int) -> None:
    left, top = 8 + SCREEN + 24, 34
    write(draw, (left, 8), f"the critic's answer: {count} × {count} logits", 13)
    ends = [round(i * GRID / count) for i in range(count + 1)]
    for y, y1 in zip(ends[:-1], ends[1:], strict=True):
        for x, x1 in zip(ends[:-1], ends[1:], strict=True):
            draw.rectangle((left + x, top + y, left + x1 - 2, top + y1 - 2), fill=(218, 224, 232))
    y, x = ends[row], ends[column]
    draw.rectangle((left + x, top + y, left + ends[column + 1] - 2, top + ends[row + 1] - 2), fill=SEEN)


def _arithmetic(draw: ImageDraw.ImageDraw, table: list[dict], left: int, top: int) -> None:
    places = (0, 150, 220, 300, 380)
    for place, name in zip(places, ("layer", "stride", "result", "sees", "step"), strict=True):
        write(draw, (left + place, top), name, 12, "ra" if place else "la", (90, 90, 90))
    draw.line((left, top + 18, left + places[-1], top + 18), fill=(150, 150, 150))
    for i, line in enumerate(table):
        at = top + 24 + 19 * i
        first, final = i == 0, i == len(table) - 1
        write(draw, (left, at), line["layer"] if first else f"{line['layer']}, {KERNEL} × {KERNEL}", 12)
        cells = ("" if first else str(line["stride"]), f"{line['size']}²", f"{line['sees']} px", f"{line['step']} px")
        for place, text in zip(places[1:], cells, strict=True):
            ink = SEEN if final and text == cells[2] and place == places[3] else INK
            write(draw, (left + place, at), text, 12, "ra", ink)
    at = top + 24 + 19 * len(table) + 8
    write(draw, (left, at), f"sees = sees before + ({KERNEL} − 1) × step before", 12, color=(90, 90, 90))
    write(draw, (left, at + 17), "step = step before × stride", 12, color=(90, 90, 90))


SIDE = 280  # of the panels of `patch_map_picture`


def as_numbers(values) -> np.ndarray:
    """A tensor, wherever it is and whatever it is part of, or anything else as a float64 array."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=np.float64)


def check_map(picture, logits, limit: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """What `patch_map_picture` draws as arrays, or a ValueError that says what is wrong."""
    picture, logits = checked_picture(picture, "picture"), as_numbers(logits)
    if picture.shape[0] != picture.shape[1] or logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
        raise ValueError(f"want a square picture and map, not {picture.shape[:2]} and {logits.shape}")
    if not (np.isfinite(logits).all() and limit > 0):
        raise ValueError(f"the logits must be numbers, and the limit ({limit}) above 0")
    return picture, logits


@on_one_core
def patch_map_picture(picture: np.ndarray, logits: np.ndarray, limit: float, title: str = "") -> np.ndarray:
    """A picture, a PatchGAN's logits laid over its gray, and these logits alone: uint8 (H, W, 3).

    picture: square, uint8 (S, S, 3). logits: float (h, h), as a PatchGAN gives for a picture of S pixels. Each is
    drawn where the middle of its patch lies. Blue is real (above 0), orange is fake; full color stands for `limit`
    (above 0) and beyond. title: what the picture is, in a few words. Raises ValueError for other input.
    """
    picture, logits = check_map(picture, logits, limit)
    count = len(logits)
    cells = Image.fromarray(_diverging(logits / limit).round().astype(np.uint8))
    cells = cells.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    panels = {
        title or "the picture": panel(picture, SIDE),
        "logits over its gray": Image.fromarray(logits_over_gray(picture, logits, limit, SIDE)),
        f"the {count} × {count} logits": cells,
    }
    canvas, _ = panels_in_a_row(panels, "")
    whole = Image.new("RGB", (canvas.width, canvas.height - 26 + 52), "white")
    whole.paste(canvas.crop((0, 26, canvas.width, canvas.height)), (0, 0))
    draw = ImageDraw.Draw(whole)
    if count <= 7:
        for y, x in np.ndindex(count, count):
            at = (8 + 2 * (SIDE + 8) + (x + 0.5) * SIDE / count, 26 + (y + 0.5) * SIDE / count)
            ink = "white" if abs(logits[y, x]) > 0.7 * limit else INK
            write(draw, at, f"{round(logits[y, x], 1) + 0.0:+.1f}".replace("-", "−"), 11, "mm", ink)
    below = 26 + SIDE + 16
    real = (logits > 0).mean()
    write(draw, (8, below), f"mean logit {logits.mean():+.2f}".replace("-", "−"), 14)
    write(draw, (8, below + 22), f"called real: {real:.0%} of {count**2} patches", 14)
    _scale(whole, draw, (8 + SIDE + 8, below), 2 * SIDE + 8, limit)
    return np.asarray(whole)


def logits_over_gray(picture: np.ndarray, logits: np.ndarray, limit: float, side: int) -> np.ndarray:
    """A picture in gray with a PatchGAN's logits over it, each in the middle of its patch: uint8 (side, side, 3)."""
    gray = np.asarray(Image.fromarray(picture).convert("L").resize((side, side), Image.Resampling.BICUBIC))
    gray = gray[..., None].repeat(3, -1)
    # Patches overlap: their middles are S / (h + 2) px apart, and the first lies 1.5 such steps from the edge.
    step = side / (len(logits) + 2)
    place = np.clip(((np.arange(side) + 0.5) / step - 1).astype(int), 0, len(logits) - 1)
    values = (logits / limit)[np.ix_(place, place)]
    alpha = 0.25 + 0.5 * np.clip(np.abs(values), 0, 1)[..., None]
    over = np.round(alpha * _diverging(values) + (1 - alpha) * gray).astype(np.uint8)
    inside = (place + 1) * step <= np.arange(side) + 0.5  # the frame around the outermost middles stays gray
    inside &= np.arange(side) + 0.5 < (place + 2) * step
    return np.where((inside[:, None] & inside)[..., None], over, gray)


def _diverging(values: np.ndarray) -> np.ndarray:
    """-1 (fake) to 1 (real) as colors, float (..., 3) in 0 to 255; beyond is cut."""
    share = np.clip(np.abs(values), 0, 1)[..., None]
    end = np.where((values > 0)[..., None], np.float64(REAL), np.float64(FAKE))
    return share * end + (1 - share) * 255


def _scale(canvas: Image.Image, draw: ImageDraw.ImageDraw, at: tuple[int, int], width: int, limit: float) -> None:
    left, top = at
    bar = _diverging(np.linspace(-1, 1, width))[None].repeat(14, 0).round().astype(np.uint8)
    canvas.paste(Image.fromarray(bar), (left, top))
    draw.rectangle((left - 1, top - 1, left + width, top + 14), outline=(120, 120, 120))
    for value, anchor, text in ((0, "la", "−{} fake"), (0.5, "ma", "0"), (1, "ra", "real +{}")):
        write(draw, (left + value * (width - 1), top + 20), text.format(f"{limit:.2g}"), 12, anchor)
