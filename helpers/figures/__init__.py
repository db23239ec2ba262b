"""The still figures of single chapters, drawn here so that their notebooks hold the subject and not the drawing.

    lines({label: numbers}, "step", "loss")    # curves on one axis, with a line to compare with
    maps_row({title: map})                     # maps on one scale, with its color bar

unet.py: chapter 3. critic.py: chapter 4. gan.py: chapter 5. evaluation.py: chapter 6. hints.py: chapter 9. classes.py:
chapter 10. scaling.py: chapter 11. answers.py: what an answer to an exercise draws, as a picture. All but those, the
`…_picture`s and what gives bins or numbers show their figure; its caption in the notebook is its alt text.
"""

from .answers import costs_picture, fields_picture, guesses_picture, places_picture
from .classes import (
    accuracy_curves,
    annealed_picture,
    balance_numbers,
    bins_figure,
    bins_picture,
    color_strips,
    paper_bins,
    places_figure,
    planes_figure,
    screen_colors,
    soft_picture,
)
from .critic import (
    gradient_maps,
    loss_pairs,
    strided_windows,
    verdict_pictures,
    verdict_rows,
    verdict_tables,
    window_counts,
)
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
    turned,
    wrong_winners,
)
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
from .hints import gains_figure, hint_map_picture, suggestions_figure
from .scaling import costs_figure, ladder_figure, ranks_picture, time_shares
from .showing import lines, maps_row
from .unet import feature_rows, guess_losses, guess_scatter, guess_strip, skip_stack, watch

__all__ = [
    "accuracy_curves", "annealed_picture", "balance_numbers", "bins_figure", "bins_picture", "close_ups", "coin_colors",
    "coin_cue", "color_strips", "colors_moved", "corner_cloud", "costs_figure", "costs_picture", "diagonal_bias",
    "end_of_game", "error_rows", "feature_rows", "fields_picture", "gains_figure", "game_columns", "game_losses",
    "gradient_maps", "guess_losses", "guess_scatter", "guess_strip", "guesses_picture", "hint_map_picture", "hue_bars",
    "hue_counts", "kid_ladder", "ladder_figure", "leads", "lines", "loss_pairs", "maps_row", "mixed_draw",
    "most_different", "moves_picture", "number_game", "paired_clouds", "paper_bins", "places_figure", "places_picture",
    "planes_figure", "ranks_picture", "score_picture", "scorecard_dots", "screen_colors", "shares_picture",
    "skip_stack", "soft_picture", "spoiled", "strided_windows", "suggestions_figure", "time_shares", "turned",
    "verdict_pictures", "verdict_rows", "verdict_tables", "watch", "window_counts", "wrong_winners",
]  # fmt: skip
