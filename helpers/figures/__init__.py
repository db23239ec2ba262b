"""The still figures of single chapters, drawn here so that their notebooks hold the subject and not the drawing.

gan.py: chapter 5. All but the `…_picture`s, which an answer to an exercise draws, show their figure; its caption in
the notebook is its alt text.
"""

from .gan import (
    coin_colors,
    coin_cue,
    colors_moved,
    game_columns,
    game_losses,
    mixed_draw,
    most_different,
    moves_picture,
    number_game,
    shares_picture,
)

__all__ = [
    "coin_colors", "coin_cue", "colors_moved", "game_columns", "game_losses", "mixed_draw",
    "most_different", "moves_picture", "number_game", "shares_picture",
]  # fmt: skip
