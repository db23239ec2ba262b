"""A colorizer as ONNX, compared with itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..inference import Colorizer
from ..scaling import export_onnx, onnx_colorizer
from ..synthetic import draw_flowers

PICTURES = ((64, 64), (97, 150), (201, 33))  # heights and widths to compare at, cut from drawn flowers


def publish_onnx(name: str, out: Path) -> None:
    """Export, then color pictures of several sizes with both. Raises ValueError where they differ by two levels."""
    export_onnx(name, out)
    ours, theirs = Colorizer.from_pretrained(name, "cpu"), onnx_colorizer(out)
    (flower,), _ = draw_flowers(1, 201, seed=11)
    far = 0
    for height, width in PICTURES:
        mine, other = (one.colorize(flower[:height, :width]).astype(np.int16) for one in (ours, theirs))
        far = max(far, np.abs(mine - other).max())
    if far > 1:
        out.unlink()
        raise ValueError(f"under onnxruntime {name} paints another picture, by {far} of 255 levels: it was not kept")
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, any size; the same pictures within {far} of 255 levels")
