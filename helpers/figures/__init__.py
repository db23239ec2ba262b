"""The still figures of single chapters, drawn here so that their notebooks hold the subject and not the drawing.

    lines({label: numbers}, "step", "loss")    # curves on one axis, with a line to compare with
    maps_row({title: map})                     # maps on one scale, with its color bar

unet.py: chapter 3. critic.py: chapter 4. answers.py: what an answer to an exercise draws, as a picture. All but those
of answers.py show their figure; its caption in the notebook is its alt text.
"""

from .answers import costs_picture, fields_picture, guesses_picture, places_picture
from .critic import (
    gradient_maps,
    loss_pairs,
    strided_windows,
    verdict_pictures,
    verdict_rows,
    verdict_tables,
    window_counts,
)
from .showing import lines, maps_row
from .unet import feature_rows, guess_losses, guess_scatter, guess_strip, skip_stack, watch

__all__ = [
    "costs_picture", "feature_rows", "fields_picture", "gradient_maps", "guess_losses", "guess_scatter", "guess_strip",
    "guesses_picture", "lines", "loss_pairs", "maps_row", "places_picture", "skip_stack", "strided_windows",
    "verdict_pictures", "verdict_rows", "verdict_tables", "watch", "window_counts",
]  # fmt: skip
