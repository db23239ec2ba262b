"""What chapter 11 adds to the course's own photos and networks, for those who train on theirs.

photos = load_photos("holiday", "train", size=80)     # any pictures in a folder, in place of Flowers102
run = train(recipe, "runs/mine", photos, load_photos("holiday", "val", recipe.size))
"""

from .own_photos import SOURCE, load_photos

__all__ = ["SOURCE", "load_photos"]
