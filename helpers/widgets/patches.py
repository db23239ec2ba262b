"""The widgets of chapter 4: what one logit of a PatchGAN sees, and a critic's map of logits over a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..plots import as_pictures
from .controls import show, slider, switch
from .drawing import INK, checked_picture, panel, panels_in_a_row, write

KERNEL, PADDING = 4, 1  # of every layer of a PatchGAN
MARGIN = 24  # input pixels drawn around the photo at least: where the frames of zeros lie
SCREEN = 448  # side of the photo with that margin, in pixels of the picture
GRID = 196  # side of the grid of logits
SEEN = (216, 27, 96)
FAKE, REAL = (217, 95, 2), (31, 110, 180)  # both ends of the scale of logits; 0 is white
LABEL, FRAME = (90, 90, 90), (120, 120, 120)


def receptive_field_explorer(picture: np.ndarray, size: int = 64) -> None:
    """Sliders for a PatchGAN's strided layers (1 to 4) and one of its logits, and `receptive_field_picture` of them.

    picture: square, uint8 (S, S, 3), looked at as if it were `size` pixels wide. On fewer than 48 pixels there are
    fewer layers to choose from. Returns nothing: call it alone in its cell. Raises ValueError for another picture, or
    for a size below 6, which no PatchGAN takes.
    """
    picture = checked_picture(picture, "picture", square=True)
    most = max((n for n in range(1, 5) if 3 * 2**n <= size), default=0)
    first = min(2, most)
    count = patch_arithmetic(first, size)[-1]["size"]  # refuses a size that is too small
    layers = slider("strided layers", first, 1, most)
    row, column = (slider(name, count // 2 - 1, 0, count - 1) for name in ("row", "column"))

    def limit(change) -> None:
        for control in (row, column):
            control.max = patch_arithmetic(layers.value, size)[-1]["size"] - 1

    def draw(layers, row, column):
        last = patch_arithmetic(layers, size)[-1]
        row, column = (min(place, last["size"] - 1) for place in (row, column))  # while the sliders' ends move
        alt = (
            f"A PatchGAN with {layers} strided layers gives {last['size']} × {last['size']} logits; the one in "
            f"row {row}, column {column} sees {last['sees']} × {last['sees']} pixels of the photo, framed in it."
        )
        return receptive_field_picture(picture, layers, row, column, size), alt

    layers.observe(limit, names="value")  # before `show` listens, so that the picture comes after
    hint = "add layers and watch the frame grow; then move the logit to a corner. (Click a slider, use the arrow keys.)"
    show(hint, {"layers": layers, "row": row, "column": column}, draw, "jpeg")


def patch_map(versions: Mapping[str, Sequence], maps: Mapping[str, np.ndarray]) -> None:
    """A switch between versions of the same photos, a slider over the photos, and `patch_map_picture` of the choice.

    versions: {"true colors": pictures, "gray": …}, each a uint8 tensor (N, 3, S, S) or arrays (S, S, 3); N alike.
    maps: the same names, a critic's logits float (N, h, h) (or (N, 1, h, h)). All are drawn on one scale, which ends
    at the logit that 2 % exceed. Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    pictures = {name: as_pictures(images) for name, images in versions.items()}
    logits = {name: np.asarray(torch.as_tensor(values).detach().cpu(), np.float64) for name, values in maps.items()}
    logits = {name: values[:, 0] if values.ndim == 4 else values for name, values in logits.items()}
    if pictures.keys() != logits.keys() or not pictures:
        raise ValueError(f"each version needs its map: {', '.join(pictures)} and {', '.join(logits)}")
    counts = {len(one) for one in (*pictures.values(), *logits.values())}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"want the same number of photos and maps in each version, at least one, not {sorted(counts)}")
    for name, values in logits.items():  # so that what is wrong is refused now, and not when its turn comes
        for picture in pictures[name]:
            checked_picture(picture, name, square=True)
        if values.ndim != 3 or values.shape[1] != values.shape[2] or not np.isfinite(values).all():
            raise ValueError(f"{name}: the maps must be square and hold numbers; these are {values.shape}")
    limit = max(float(np.quantile(np.abs(np.concatenate([v.ravel() for v in logits.values()])), 0.98)), 1e-6)

    def draw(version, photo):
        values = logits[version][photo - 1]
        alt = (
            f"Photo {photo}, {version}, and the critic's map over it: mean logit {values.mean():+.2f}, "
            f"{(values > 0).mean():.0%} of the patches called real."
        )
        return patch_map_picture(pictures[version][photo - 1], values, limit, version), alt

    controls = {"version": switch(list(pictures)), "photo": slider("photo", 1, 1, counts.pop())}
    hint = "which version is the hardest to catch, and where in the photo? (Tab moves between controls; space presses.)"
    show(hint, controls, draw, "jpeg")


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
    sees, step, start = 1, 1, 0
    table = [{"layer": "input", "stride": "", "size": size, "sees": sees, "step": step, "start": start}]
    for i in range(layers + 2):
        stride = 2 if i < layers else 1
        size = (size + 2 * PADDING - KERNEL) // stride + 1
        sees, start, step = sees + (KERNEL - 1) * step, start - PADDING * step, step * stride
        name = f"conv {i + 1}, {KERNEL} × {KERNEL}"
        table.append({"layer": name, "stride": stride, "size": size, "sees": sees, "step": step, "start": start})
    return table


def receptive_field_picture(picture: np.ndarray, layers: int, row: int, column: int, size: int = 64) -> np.ndarray:
    """The patch that one logit of a PatchGAN sees, where that logit stands, and why: uint8 (H, W, 3).

    row, column: of the logit, from 0. Around the photo the frames of zeros are hatched, 24 pixels or all of them.
    """
    table = patch_arithmetic(layers, size)
    last = table[-1]
    count, sees = last["size"], last["sees"]
    canvas = Image.new("RGB", (912, SCREEN + 44), "white")
    draw = ImageDraw.Draw(canvas)
    write(draw, (8 + SCREEN / 2, 8), "the photo, and what that logit sees of it", 13, "ma")
    first = [last["start"] + place * last["step"] for place in (row, column)]
    canvas.paste(_seen(picture, size, max(MARGIN, 1 - last["start"]), *first, sees), (8, 34))
    left, top = 8 + SCREEN + 24, 34
    write(draw, (left, 8), f"the critic's answer: {count} × {count} logits", 13)
    ends = [round(i * GRID / count) for i in range(count + 1)]
    for y, x in np.ndindex(count, count):
        cell = (left + ends[x], top + ends[y], left + ends[x + 1] - 2, top + ends[y + 1] - 2)
        draw.rectangle(cell, fill=SEEN if (y, x) == (row, column) else (218, 224, 232))
    photo = [max(0, min(at + sees, size) - max(at, 0)) for at in first]
    padding = 1 - photo[0] * photo[1] / sees**2
    words = (f"row {row}, column {column}", f"sees {sees} × {sees} px", f"from ({first[0]}, {first[1]})")
    words += (f"to ({first[0] + sees - 1}, {first[1] + sees - 1})", "")
    words += (f"{padding:.0%} of it is padding" if padding else "all of it photo",)
    words += (f"its neighbor: {last['step']} px on",)
    for i, line in enumerate(words):
        write(draw, (left + GRID + 20, 60 + 22 * i), line, 13, color=SEEN if i == 1 else INK)
    lines = [("layer", "stride", "result", "sees", "step")]
    lines += [(t["layer"], str(t["stride"]), f"{t['size']}²", f"{t['sees']} px", f"{t['step']} px") for t in table]
    top += GRID + 30
    draw.line((left, top + 18, left + 380, top + 18), fill=(150, 150, 150))
    for i, line in enumerate(lines):
        for place, text in zip((0, 150, 220, 300, 380), line, strict=True):
            ink = LABEL if i == 0 else SEEN if i == len(table) and place == 300 else INK
            write(draw, (left + place, top + 19 * i + 5 * (i > 0)), text, 12, "ra" if place else "la", ink)
    for i, rule in enumerate((f"sees = sees before + ({KERNEL} − 1) × step before", "step = step before × stride")):
        write(draw, (left, top + 32 + 19 * len(table) + 17 * i), rule, 12, color=LABEL)
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
    draw.rectangle((edge - 1, edge - 1, end, end), outline=FRAME)
    draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline="white", width=5)
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=SEEN, width=3)
    return shown


SIDE = 280  # of the panels of `patch_map_picture`


def patch_map_picture(picture: np.ndarray, logits: np.ndarray, limit: float, title: str = "") -> np.ndarray:
    """A picture, a PatchGAN's logits laid over its gray, and these logits alone: uint8 (H, W, 3).

    Each of the (h, h) logits is drawn where the middle of its patch lies. Blue is real (above 0), orange is fake; full
    color stands for `limit` and beyond. title: what the picture is, in a few words.
    """
    count = len(logits)
    cells = Image.fromarray(_diverging(logits / limit))
    cells = cells.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    panels = {
        title or "the picture": panel(picture, SIDE),
        "logits over its gray": logits_over_gray(picture, logits, limit, SIDE),
    }
    whole, top = panels_in_a_row(panels | {f"the {count} × {count} logits": cells}, below=52)
    draw = ImageDraw.Draw(whole)
    if count <= 7:
        for y, x in np.ndindex(count, count):
            at = (8 + 2 * (SIDE + 8) + (x + 0.5) * SIDE / count, top + (y + 0.5) * SIDE / count)
            ink = "white" if abs(logits[y, x]) > 0.7 * limit else INK
            write(draw, at, f"{round(logits[y, x], 1) + 0.0:+.1f}", 11, "mm", ink)
    below = top + SIDE + 16
    write(draw, (8, below), f"mean logit {logits.mean():+.2f}", 14)
    write(draw, (8, below + 22), f"called real: {(logits > 0).mean():.0%} of {count**2} patches", 14)
    left, width = 8 + SIDE + 8, 2 * SIDE + 8
    scale = _diverging(np.linspace(-1, 1, width))[None].repeat(14, 0)
    whole.paste(Image.fromarray(scale), (left, below))
    draw.rectangle((left - 1, below - 1, left + width, below + 14), outline=FRAME)
    for value, anchor, text in ((0, "la", f"-{limit:.2g} fake"), (0.5, "ma", "0"), (1, "ra", f"real +{limit:.2g}")):
        write(draw, (left + value * (width - 1), below + 20), text, 12, anchor)
    return np.asarray(whole)


def logits_over_gray(picture: np.ndarray, logits: np.ndarray, limit: float, side: int) -> Image.Image:
    """A picture in gray with a PatchGAN's logits over it, each in the middle of its patch."""
    # Patches overlap: their middles are S / (h + 2) px apart, and the first lies 1.5 such steps from the edge.
    step = side / (len(logits) + 2)
    colors = Image.fromarray(_diverging(logits / limit))
    strength = Image.fromarray(np.uint8(64 + 127 * np.clip(np.abs(logits / limit), 0, 1)))
    inner = [image.resize((round(side - 2 * step),) * 2, Image.Resampling.NEAREST) for image in (colors, strength)]
    gray = panel(picture, side).convert("L").convert("RGB")
    gray.paste(inner[0], (round(step),) * 2, inner[1])
    return gray


def _diverging(values: np.ndarray) -> np.ndarray:
    """-1 (fake) to 1 (real) as colors, uint8 (..., 3); beyond is cut."""
    share = np.clip(np.abs(values), 0, 1)[..., None]
    end = np.where((values > 0)[..., None], np.float64(REAL), np.float64(FAKE))
    return np.round(share * end + (1 - share) * 255).astype(np.uint8)
