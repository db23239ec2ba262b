"""Interactive parts of the notebooks; each works without a running kernel or leaves a picture."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from PIL import Image

__all__ = ["before_after"]


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
        f'style="width:{width}px;margin:6px 0 0 0" '
        f"oninput=\"this.previousElementSibling.firstElementChild.style.width=this.value+'%'\"></div>"
    )
