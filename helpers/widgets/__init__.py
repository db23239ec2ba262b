"""Interactive parts of the notebooks. Each one leaves an ordinary picture in the stored notebook.

    lab_explorer(L=60, a=40, b=20)     # one color: its patch, its RGB, its place in the gamut
    gamut_slice(L=60)                  # every color a screen has at this L
    photo_browser(photos)              # a photo, its L, its color alone, its ab histogram
    skip_switch(gray, with_skips, without_skips, truth)
    before_after(gray, colored)        # plain HTML, works without a kernel
    receptive_field_explorer(photo)    # and the other widgets of the game, see widgets_gan.py

How it works: `controls.py` shows the controls and below them one picture, made by a pure function of what the
controls say, in one of the `pictures*.py`.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from .controls import show, slider, switch
from ..data import Photos
from .drawing import checked_picture
from .pictures import (
    LIMIT,
    browser_picture,
    gamut_picture,
    lab_picture,
    photo_name,
    rgb_words,
    skip_picture,
)
from .gan import (
    live_training,
    patch_map,
    real_or_colored,
    receptive_field_explorer,
    training_scrubber,
)

__all__ = [
    "before_after",
    "gamut_slice",
    "lab_explorer",
    "live_training",
    "patch_map",
    "photo_browser",
    "real_or_colored",
    "receptive_field_explorer",
    "skip_switch",
    "training_scrubber",
]


def lab_explorer(L: int = 60, a: int = 40, b: int = 20) -> None:
    """Three sliders for one Lab color, and `lab_picture` of it. Returns nothing: call it alone in its cell."""

    def draw(L, a, b):
        rgb, real = rgb_words(L, a, b)
        state = "in gamut" if real else "out of gamut"
        return lab_picture(L, a, b), f"The Lab color {L}, {a}, {b}: RGB {rgb}, {state}, and its place on the ab plane."

    controls = {
        "L": slider("L lightness", L, 0, 100),
        "a": slider("a green–red", a, -LIMIT, LIMIT),
        "b": slider("b blue–yellow", b, -LIMIT, LIMIT),
    }
    hint = "keep a and b and change L: where does the color cease to exist? (Click a slider, then use the arrow keys.)"
    show(hint, controls, draw, "png")


def gamut_slice(L: int = 60) -> None:
    """A slider for L, and `gamut_picture` at that L. Returns nothing: call it alone in its cell."""

    def draw(L):
        return gamut_picture(L), f"The ab plane at L = {L}: every color that sRGB has at this lightness."

    hint = "at which L is blue at its strongest? And yellow? (Click the slider, then use the arrow keys.)"
    show(hint, {"L": slider("L lightness", L, 0, 100)}, draw, "png")


def photo_browser(photos: Photos, count: int = 12) -> None:
    """A slider over `count` photos, spread evenly over `photos`, and `browser_picture` of the chosen one.

    Returns nothing: call it alone in its cell. Raises ValueError for no photos or a count below 1.
    """
    if len(photos) < 1 or count < 1:
        raise ValueError(f"{len(photos)} photos and a count of {count}: there is nothing to browse")
    chosen = np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int).tolist()

    def draw(photo):
        index = chosen[photo - 1]
        name = photo_name(photos, index)
        return browser_picture(photos, index), f"{name}: the photo, its L, its color alone and its ab histogram."

    hint = "which part of the photo makes the long arm of the histogram? (Click the slider, then use the arrow keys.)"
    show(hint, {"photo": slider("photo", 1, 1, len(chosen))}, draw, "jpeg")


def skip_switch(gray: Sequence, with_skips: Sequence, without_skips: Sequence, truth: Sequence) -> None:
    """A switch between two networks and a slider over photos, and `skip_picture` of the choice.

    Each argument: pictures uint8 (N, S, S, 3) or a list of them, of one length, at least one.
    Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    sets = {"gray": gray, "with_skips": with_skips, "without_skips": without_skips, "truth": truth}
    lengths = {name: len(pictures) for name, pictures in sets.items()}
    if len(set(lengths.values())) != 1 or not len(gray):
        raise ValueError(f"want the same number of pictures in each, at least one, not {lengths}")
    for name, pictures in sets.items():
        for picture in pictures:
            checked_picture(picture, name)

    def draw(network, photo):
        painted = (with_skips if network == "with skips" else without_skips)[photo - 1]
        picture = skip_picture(gray[photo - 1], painted, truth[photo - 1], f"painted {network}")
        return picture, f"Photo {photo} in gray, painted by the network {network}, and in its true colors."

    controls = {
        "network": switch(["with skips", "without skips"]),
        "photo": slider("photo", 1, 1, len(gray)),
    }
    hint = "flip the switch and watch the edges of the petals. (Tab moves between controls; space presses a button.)"
    show(hint, controls, draw, "jpeg")


# ---------------------------------------------------------------------------------------- before/after


def _data_uri(picture: np.ndarray, width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def before_after(before: np.ndarray, after: np.ndarray, width: int = 420, alt: str = "before and after"):
    """Two pictures of one size, one over the other, with a slider between them.

    before, after: uint8 (H, W, 3). width: pixels on the page. alt: what the picture shows, in words.
    Returns an object that Jupyter shows. It is plain HTML: the slider works in any stored notebook that is
    trusted, and where it is not (JupyterLab then strips scripts), the corner of the left picture drags.
    Raises ValueError when the pictures differ in size.
    """
    from IPython.display import HTML

    if before.shape[:2] != after.shape[:2]:
        raise ValueError(f"the two pictures differ in size: {before.shape[:2]} and {after.shape[:2]}")
    height = round(width * before.shape[0] / before.shape[1])
    left, right = (_data_uri(picture, width, height) for picture in (before, after))
    text = html.escape(alt, quote=True)
    back = f"background-size:{width}px {height}px;background-repeat:no-repeat"
    return HTML(
        f'<div style="width:{width}px">'
        f'<div role="img" aria-label="{text}" title="{text}" style="width:{width}px;height:{height}px;'
        f'background-image:url({right});{back}">'
        f'<div style="width:50%;max-width:100%;height:{height}px;resize:horizontal;overflow:hidden;'
        f'background-image:url({left});{back};border-right:2px solid white;box-sizing:border-box"></div></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="how much of the first picture to show" '
        # without the next attribute JupyterLab would take the arrow keys for itself
        f'style="width:{width}px;margin:6px 0 0 0" data-lm-suppress-shortcuts="true" '
        f"oninput=\"this.previousElementSibling.firstElementChild.style.width=this.value+'%'\"></div>"
    )
