"""The still figures of single chapters, drawn here so that their notebooks hold the subject and not the drawing.

evaluation.py: chapter 6. All but `score_picture` show their figure; its caption in the notebook is its alt text.
"""

from .evaluation import (
    close_ups,
    corner_cloud,
    diagonal_bias,
    end_of_game,
    error_rows,
    hue_bars,
    hue_counts,
    kid_ladder,
    leads,
    paired_clouds,
    score_picture,
    scorecard_dots,
    spoiled,
    wrong_winners,
)

__all__ = [
    "close_ups", "corner_cloud", "diagonal_bias", "end_of_game", "error_rows", "hue_bars", "hue_counts", "kid_ladder",
    "leads", "paired_clouds", "score_picture", "scorecard_dots", "spoiled", "wrong_winners",
]  # fmt: skip
