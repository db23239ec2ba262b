"""The widgets that compare: two networks on the same photos (chapter 3), and a picture before and after."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from PIL import Image

from .controls import encode, show, slider, switch
from .drawing import checked_versions, panels_in_a_row


def skip_switch(gray: Sequence, with_skips: Sequence, without_skips: Sequence, truth: Sequence) -> None:
    """A switch between two networks and a slider over photos, and `skip_picture` of the choice.

    Each argument: pictures uint8 (N, S, S, 3) or a list of them, of one length, at least one.
    Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    sets = {"gray": gray, "with_skips": with_skips, "without_skips": without_skips, "truth": truth}
    versions = checked_versions(sets)

    def draw(network, photo):
        shown = (versions[name][photo - 1] for name in ("gray", network.replace(" ", "_"), "truth"))
        picture = skip_picture(*shown, f"painted {network}")
        return picture, f"Photo {photo} in gray, painted by the network {network}, and in its true colors."

    controls = {"network": switch(["with skips", "without skips"]), "photo": slider("photo", 1, 1, len(gray))}
    hint = "flip the switch and watch the edges of the petals. (Tab moves between controls; space presses a button.)"
    show(hint, controls, draw)


def skip_picture(gray: np.ndarray, painted: np.ndarray, truth: np.ndarray, title: str = "painted") -> np.ndarray:
    """Gray, painted and truth, square, side by side: uint8 (H, W, 3). title: what the painted one is."""
    return np.asarray(panels_in_a_row({"gray (what it sees)": gray, title: painted, "truth": truth}, 240)[0])


def before_after(before: np.ndarray, after: np.ndarray, width: int = 420, alt: str = "before and after"):
    """Two pictures of one size, one over the other, with a slider between them.

    before, after: uint8 (H, W, 3). width: pixels on the page. alt: what the picture shows, in words.
    Returns an object that Jupyter shows as two outputs: a still picture of both, `half_and_half`, which every viewer
    keeps, and below it plain HTML. Its slider works in any stored notebook that is trusted; where it is not (JupyterLab
    then strips scripts), the corner of the left picture drags; a viewer that strips styles shows the still alone.
    Raises ValueError when the pictures differ in size or are no such pictures.
    """
    ((before,), (after,)) = checked_versions({"before": [before], "after": [after]}).values()
    if before.shape[:2] != after.shape[:2]:
        raise ValueError(f"the two pictures differ in size: {before.shape[:2]} and {after.shape[:2]}")
    height = round(width * before.shape[0] / before.shape[1])
    shown = (Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS) for picture in (before, after))
    left, right = (f"data:image/jpeg;base64,{encode(np.asarray(picture), 'jpeg')}" for picture in shown)
    text = html.escape(alt, quote=True)
    back = f"background-size:{width}px {height}px;background-repeat:no-repeat"
    return BeforeAfter(
        f'<div style="width:{width}px">'
        f'<div role="img" aria-label="{text}" title="{text}" style="width:{width}px;height:{height}px;'
        f'background-image:url({right});{back}">'
        f'<div style="width:50%;max-width:100%;height:{height}px;resize:horizontal;overflow:hidden;'
        f'background-image:url({left});{back};border-right:2px solid white;box-sizing:border-box"></div></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="how much of the first picture to show" '
        # without the next attribute JupyterLab would take the arrow keys for itself
        f'style="width:{width}px;margin:6px 0 0 0" data-lm-suppress-shortcuts="true" '
        f"oninput=\"this.previousElementSibling.firstElementChild.style.width=this.value+'%'\"></div>",
        half_and_half(before, after, width // 2),
        alt,
    )


class BeforeAfter:
    """What `before_after` returns. data: the HTML. still: uint8 (H, W, 3). alt: both in words."""

    def __init__(self, data: str, still: np.ndarray, alt: str):
        self.data, self.still, self.alt = data, still, alt

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        picture = {"image/jpeg": encode(self.still, "jpeg"), "text/plain": self.alt}
        display(picture, raw=True, metadata={"image/jpeg": {"alt": self.alt}})
        display(HTML(self.data))


def half_and_half(before: np.ndarray, after: np.ndarray, side: int = 210) -> np.ndarray:
    """Both pictures beside each other, each `side` pixels wide, a white line between them: uint8 (H, W, 3)."""
    size = (side, max(1, round(side * before.shape[0] / before.shape[1])))
    left, right = (
        np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)) for picture in (before, after)
    )
    return np.concatenate([left, np.full((size[1], 2, 3), 255, np.uint8), right], axis=1)
