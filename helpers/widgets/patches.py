"""The widgets of chapter 4: what one logit of a PatchGAN sees, and a critic's map of logits over a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from .controls import show, slider, switch
from .drawing import INK, checked_versions, panel, panels_in_a_row, white_canvas, write, write_lines

NEAREST = Image.Resampling.NEAREST
KERNEL, PADDING = 4, 1  # of every layer of a PatchGAN
MARGIN = 24  # input pixels drawn around the photo at least: where the frames of zeros lie
SCREEN = 448  # side of the photo with that margin, in pixels of the picture
GRID = 196  # side of the grid of logits
SIDE = 280  # of the panels of `patch_map_picture`
SEEN = (216, 27, 96)
FAKE, REAL = (217, 95, 2), (31, 110, 180)  # both ends of the scale of logits; 0 is white
LABEL, FRAME = (90, 90, 90), (120, 120, 120)


def receptive_field_explorer(picture: np.ndarray, size: int = 64) -> None:
    """Sliders for a PatchGAN's strided layers (1 to 4) and one of its logits, and `receptive_field_picture` of them.

    picture: square, uint8 (S, S, 3), looked at as if it were `size` pixels wide. On fewer than 48 pixels there are
    fewer layers to choose from. Returns nothing: call it alone in its cell. Raises ValueError for another picture, or
    for a size below 6, which no PatchGAN takes.
    """
    ((picture,),) = checked_versions({"picture": [picture]}, square=True).values()
    most = max((n for n in range(1, 5) if 3 * 2**n <= size), default=0)
    first = min(2, most)
    count = patch_arithmetic(first, size)[-1]["size"]  # refuses a size that is too small
    layers = slider("strided layers", first, 1, most)
    row, column = (slider(name, count // 2 - 1, 0, count - 1) for name in ("row", "column"))

    def limit(change) -> None:
        row.max = column.max = patch_arithmetic(layers.value, size)[-1]["size"] - 1

    def draw(layers, row, column):
        last = patch_arithmetic(layers, size)[-1]
        row, column = (min(place, last["size"] - 1) for place in (row, column))  # while the sliders' ends move
        alt = (
            f"{layers} strided layers: the logit in row {row}, column {column} of {last['size']} × {last['size']} sees "
        )
        alt += f"{last['sees']} × {last['sees']} pixels of the photo, framed in it."
        return receptive_field_picture(picture, layers, row, column, size), alt

    layers.observe(limit, names="value")  # before `show` listens, so that the picture comes after
    hint = "add layers and watch the frame grow; then move the logit to a corner. (Click a slider, use the arrow keys.)"
    show(hint, {"layers": layers, "row": row, "column": column}, draw)


def patch_map(versions: Mapping[str, Sequence], maps: Mapping[str, np.ndarray]) -> None:
    """A switch between versions of the same photos, a slider over the photos, and `patch_map_picture` of the choice.

    versions: {"true colors": pictures, "gray": …}, each a uint8 tensor (N, 3, S, S) or arrays (S, S, 3); N alike.
    maps: the same names, a critic's logits float (N, h, h) (or (N, 1, h, h)). All are drawn on one scale, which ends
    at the logit that 2 % exceed. Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    if versions.keys() != maps.keys() or not maps:
        raise ValueError(f"each version needs its map: {', '.join(versions)} and {', '.join(maps)}")
    pictures = checked_versions(versions, square=True)
    count, logits = len(next(iter(pictures.values()))), {}
    for name, values in maps.items():  # so that what is wrong is refused now, and not when its turn comes
        values = np.asarray(torch.as_tensor(values).detach().cpu(), np.float64)
        logits[name] = values = values[:, 0] if values.ndim == 4 else values
        if values.ndim != 3 or values.shape[1] != values.shape[2] or not np.isfinite(values).all():
            raise ValueError(f"{name}: the maps must be square and hold numbers; these are {values.shape}")
        if len(values) != count:
            raise ValueError(f"{name}: want the same number of photos and maps, not {count} and {len(values)}")
    limit = max(float(np.quantile(np.abs(np.concatenate([v.ravel() for v in logits.values()])), 0.98)), 1e-6)

    def draw(version, photo):
        values = logits[version][photo - 1]
        judged = f"mean logit {values.mean():+.2f}, {(values > 0).mean():.0%} of the patches called real"
        picture = patch_map_picture(pictures[version][photo - 1], values, limit, version)
        return picture, f"Photo {photo}, {version}, and the critic's map over it: {judged}."

    controls = {"version": switch(list(pictures)), "photo": slider("photo", 1, 1, count)}
    hint = "which version is the hardest to catch, and where in the photo? (Tab moves between controls; space presses.)"
    show(hint, controls, draw)


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
    count, sees, step = last["size"], last["sees"], last["step"]
    y, x = (last["start"] + place * step for place in (row, column))  # of the patch's first pixel
    canvas, draw = white_canvas(912, SCREEN + 44)
    write(draw, (8 + SCREEN / 2, 8), "the photo, and what that logit sees of it", 13, "ma")
    canvas.paste(_seen(picture, size, max(MARGIN, 1 - last["start"]), (x, y, x + sees, y + sees)), (8, 34))

    left, top = 8 + SCREEN + 24, 34
    write(draw, (left, 8), f"the critic's answer: {count} × {count} logits", 13)
    logits = np.full((count, count, 3), (218, 224, 232), np.uint8)
    logits[row, column] = SEEN
    canvas.paste(Image.fromarray(logits).resize((GRID, GRID), NEAREST), (left, top))
    for end in (round(i * GRID / count) - 1 for i in range(1, count + 1)):
        draw.line((left + end, top, left + end, top + GRID), fill="white")
        draw.line((left, top + end, left + GRID, top + end), fill="white")
    height, width = (min(first + sees, size) - max(first, 0) for first in (y, x))
    padding = 1 - height * width / sees**2
    words = [f"row {row}, column {column}", (f"sees {sees} × {sees} px", SEEN), f"from ({y}, {x})"]
    words += [f"to ({y + sees - 1}, {x + sees - 1})", ""]
    words += [f"{padding:.0%} of it is padding" if padding else "all of it photo", f"its neighbor: {step} px on"]
    write_lines(draw, (left + GRID + 20, 60), words, 13, 22)

    top += GRID + 30
    draw.line((left, top + 18, left + 380, top + 18), fill=(150, 150, 150))
    lines = [("layer", "stride", "result", "sees", "step")]
    lines += [(t["layer"], str(t["stride"]), f"{t['size']}²", f"{t['sees']} px", f"{t['step']} px") for t in table]
    for i, line in enumerate(lines):
        for place, text in zip((0, 150, 220, 300, 380), line, strict=True):
            ink = LABEL if i == 0 else SEEN if i == len(table) and place == 300 else INK
            write(draw, (left + place, top + 19 * i + 5 * (i > 0)), text, 12, "ra" if place else "la", ink)
    return np.asarray(canvas)


def _seen(picture: np.ndarray, size: int, margin: int, patch: tuple[int, int, int, int]) -> Image.Image:
    """The photo on a hatched ground, pale but for the patch (left, top, right, bottom, in the photo's pixels)."""
    scale = SCREEN / (size + 2 * margin)
    rows, columns = np.indices((SCREEN, SCREEN))
    shown = Image.fromarray(np.where((rows + columns) % 8 < 1, np.uint8(205), np.uint8(238))).convert("RGB")
    edge, end = round(margin * scale), round((margin + size) * scale)
    shown.paste(panel(picture, end - edge), (edge, edge))
    box = [round((margin + at) * scale) for at in patch]
    inside = Image.new("L", shown.size, round(0.35 * 255))
    draw = ImageDraw.Draw(inside)
    draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    shown = Image.composite(shown, Image.new("RGB", shown.size, "white"), inside)
    draw = ImageDraw.Draw(shown)
    draw.rectangle((edge - 1, edge - 1, end, end), outline=FRAME)
    draw.rectangle((box[0] - 1, box[1] - 1, box[2], box[3]), outline="white", width=5)
    draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=SEEN, width=3)
    return shown


def patch_map_picture(picture: np.ndarray, logits: np.ndarray, limit: float, title: str = "") -> np.ndarray:
    """A picture, a PatchGAN's logits laid over its gray, and these logits alone: uint8 (H, W, 3).

    Each of the (h, h) logits is drawn where the middle of its patch lies. Blue is real (above 0), orange is fake; full
    color stands for `limit` and beyond. title: what the picture is, in a few words.
    """
    count, cells = len(logits), _diverging(logits / limit)
    panels = {
        title or "the picture": picture,
        "logits over its gray": np.asarray(logits_over_gray(picture, logits, limit, SIDE)),
        f"the {count} × {count} logits": np.asarray(Image.fromarray(cells).resize((SIDE, SIDE), NEAREST)),
    }
    whole, draw, top = panels_in_a_row(panels, SIDE, below=52)
    for y, x in np.ndindex(logits.shape) if count <= 7 else ():
        at = (8 + 2 * (SIDE + 8) + (x + 0.5) * SIDE / count, top + (y + 0.5) * SIDE / count)
        ink = "white" if abs(logits[y, x]) > 0.7 * limit else INK
        write(draw, at, f"{round(logits[y, x], 1) + 0.0:+.1f}", 11, "mm", ink)
    below = top + SIDE + 16
    words = [f"mean logit {logits.mean():+.2f}", f"called real: {(logits > 0).mean():.0%} of {count**2} patches"]
    write_lines(draw, (8, below), words, 14, 22)
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
    inner = [image.resize((round(side - 2 * step),) * 2, NEAREST) for image in (colors, strength)]
    gray = panel(picture, side).convert("L").convert("RGB")
    gray.paste(inner[0], (round(step),) * 2, inner[1])
    return gray


def _diverging(values: np.ndarray) -> np.ndarray:
    """-1 (fake) to 1 (real) as colors, uint8 (..., 3); beyond is cut."""
    share = np.clip(np.abs(values), 0, 1)[..., None]
    end = np.where((values > 0)[..., None], np.float64(REAL), np.float64(FAKE))
    return np.round(share * end + (1 - share) * 255).astype(np.uint8)
