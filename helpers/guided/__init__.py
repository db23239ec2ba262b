"""Color hints: how they are drawn in training, and how well a network listens. Chapter 9.

The network is `helpers.models.HintUNet`; a recipe with `hints` above 0 trains one (`helpers.training`).
"""

from .drawing import draw_hints, hint_map, recolor
from .judging import (
    COUNTS,
    curve_table,
    flat_places,
    hint_curve,
    marks_for_report,
    marks_of_hints,
    obedience,
    report_on_hints,
    worst_places,
)
from .trainer import HintTrainer

__all__ = [
    "COUNTS", "HintTrainer", "curve_table", "draw_hints", "flat_places", "hint_curve", "hint_map", "marks_for_report",
    "marks_of_hints", "obedience", "recolor", "report_on_hints", "worst_places",
]  # fmt: skip
