"""Color hints as people write them: places in pixels of the upright picture, colors as on a web page.

parse_hint("120,80=#d02060")                              # (120, 80, "#d02060")
checked_hints([(120, 80, "#d02060")], width, height)      # [(120, 80, (208, 32, 96))]
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from reprlib import repr  # cut where it is long

from PIL import ImageColor

__all__ = ["checked_hints", "parse_hint", "rgb_of"]

WRITTEN = re.compile(r"\s*([+-]?\d{1,9})\s*,\s*([+-]?\d{1,9})\s*=\s*(\S.*?)\s*")
EXAMPLE = "such as 120,80=#d02060: pixels from the left and from the top, and a color"


def parse_hint(text: str) -> tuple[int, int, str]:
    """ "120,80=#d02060" -> (120, 80, "#d02060"). Raises ValueError for what is no hint, or no color."""
    found = WRITTEN.fullmatch(text)
    if not found:
        raise ValueError(f"{repr(text)} is no hint: write one {EXAMPLE}")
    x, y, color = found.groups()
    rgb_of(color)
    return int(x), int(y), color


def rgb_of(color) -> tuple[int, int, int]:
    """A color as on a web page ("#d02060", "crimson", "hsl(340, 73%, 47%)"), or three whole numbers, 0 to 255.

    Raises ValueError for anything else.
    """
    try:
        rgb = ImageColor.getrgb(color) if isinstance(color, str) else tuple(operator.index(part) for part in color)
    except (ValueError, TypeError):
        rgb = ()
    if len(rgb) < 3 or (len(rgb) > 3 and not isinstance(color, str)) or not all(0 <= part <= 255 for part in rgb[:3]):
        raise ValueError(f'{repr(color)} is no color: write one such as "#d02060", "crimson" or (208, 32, 96)')
    return tuple(rgb[:3])


def checked_hints(hints: Iterable, width: int, height: int, name: str = "the picture") -> list[tuple]:
    """Hints (x, y, color) for a picture of this size -> [(x, y, (r, g, b))].

    Raises ValueError, which names the picture, for a place outside it, and for what is no place or no color.
    """
    out = []
    for hint in [hints] if isinstance(hints, str) else hints or ():
        try:
            x, y, color = parse_hint(hint) if isinstance(hint, str) else hint
            x, y = operator.index(x), operator.index(y)
        except TypeError:
            raise ValueError(f'{repr(hint)} is no hint: give (x, y, color), such as (120, 80, "#d02060")') from None
        except ValueError as error:
            if isinstance(hint, str):
                raise
            raise ValueError(f'{repr(hint)} is no hint: give (x, y, color), such as (120, 80, "#d02060")') from error
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"{name}: the hint at {x},{y} lies outside, x goes from 0 to {width - 1} and y from 0 to {height - 1}"
            )
        out.append((x, y, rgb_of(color)))
    return out
