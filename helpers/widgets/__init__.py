"""Interactive parts of the notebooks. Each one leaves an ordinary picture in the stored notebook.

lab_explorer(L=60, a=40, b=20)      # lab.py: one color, its patch, its RGB, its place in the gamut
gamut_slice(L=60)                   #         every color a screen has at this L
photo_browser(photos)               # photos.py: a photo, its L, its color alone, its ab histogram
skip_switch(gray, with_skips, without_skips, truth)  # compare.py: two networks on the same photos
before_after(gray, colored)         #         a still picture, and plain HTML that works without a kernel
receptive_field_explorer(photo)     # patches.py: what one logit of a PatchGAN sees
patch_map(versions, maps)           #         a critic's map over photos, in true and false colors
view = live_training(recipe)        # live.py: then load_or_train(recipe, name, watch=view)
training_scrubber(run)              #         back through the reports of a run
real_or_colored(real, colored)      # game.py: a game with a score
top_five(pictures, scores, names)   # seeing.py: what a classifier sees in photos, gray or in color
choose_colors(photo)                # hints.py: a photo to click, a color to pick
trainings_slider(moments)           #         two trainings side by side, as they go on
temperature_slider(L, logits, bins, truth)   # classes.py: a network that chooses colors, at any temperature
pixel_chooser(L, logits, bins, truth, place) #         which colors it thinks possible at a clicked pixel
own_photo(photos, colorizer)        # own.py: upload or choose a photo, saturation, the colored file
choice_strip(photo, colorizers)     #         several paintings of it to choose from
"""

from .classes import pixel_chooser, temperature_slider
from .compare import before_after, skip_switch
from .game import real_or_colored
from .hints import choose_colors
from .lab import gamut_slice, lab_explorer
from .live import live_training, sample_rows, training_scrubber
from .own import choice_strip, own_photo
from .patches import patch_map, receptive_field_explorer
from .photos import photo_browser
from .seeing import top_five, trainings_slider

__all__ = [
    "before_after",
    "choice_strip",
    "choose_colors",
    "gamut_slice",
    "lab_explorer",
    "live_training",
    "own_photo",
    "patch_map",
    "photo_browser",
    "pixel_chooser",
    "real_or_colored",
    "receptive_field_explorer",
    "sample_rows",
    "skip_switch",
    "temperature_slider",
    "top_five",
    "training_scrubber",
    "trainings_slider",
]
