"""What all widgets have in common. Each has its own `test_widgets_*.py`; `tests/browser/` uses them in JupyterLab."""

import time

import numpy as np
import pytest
import torch

from helpers import widgets
from helpers.data import Photos
from helpers.recipe import PRESETS
from helpers.synthetic import draw_flowers
from helpers.widgets import compare, game, lab, patches, photos
from helpers.widgets.controls import encode

DRAWN = draw_flowers(5, size=64, seed=0)[0]
PHOTOS = Photos(torch.from_numpy(DRAWN).permute(0, 3, 1, 2), torch.zeros(5, dtype=torch.int64),
                -1 - torch.arange(5), "train", "drawn")  # fmt: skip
CALLS = {
    "lab_explorer": lambda: widgets.lab_explorer(),
    "gamut_slice": lambda: widgets.gamut_slice(),
    "photo_browser": lambda: widgets.photo_browser(PHOTOS),
    "skip_switch": lambda: widgets.skip_switch(*[DRAWN] * 4),
    "receptive_field_explorer": lambda: widgets.receptive_field_explorer(DRAWN[0]),
    "patch_map": lambda: widgets.patch_map({"true": DRAWN}, {"true": np.zeros((5, 14, 14))}),
    "live_training": lambda: widgets.live_training(PRESETS["smoke"]),
    "real_or_colored": lambda: widgets.real_or_colored(DRAWN, DRAWN, count=2),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_says_what_to_try(page, name):
    CALLS[name]()
    (hint,) = page.controls("HTML")
    assert hint.value.startswith("<b>Try:</b> ") and "\n" not in hint.value and page.picture is not None


def test_drawing_takes_one_core_and_gives_the_others_back(page, monkeypatch):
    seen = []
    monkeypatch.setattr(lab, "lab_picture", lambda *color: seen.append(torch.get_num_threads()) or DRAWN[0])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        widgets.lab_explorer()
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


PICTURES = {
    "lab": lambda: lab.lab_picture(60, 40, 20),
    "gamut": lambda: lab.gamut_picture(60),
    "browser": lambda: photos.browser_picture(PHOTOS, 0),
    "skip": lambda: compare.skip_picture(*DRAWN[:3]),
    "receptive field": lambda: patches.receptive_field_picture(DRAWN[0], 1, 4, 4),
    "patch map": lambda: patches.patch_map_picture(DRAWN[0], np.random.default_rng(0).normal(size=(30, 30)), 2),
    "question": lambda: game.question_picture(DRAWN[0], 3, 20, [(True, True)] * 2),
    "result": lambda: game.result_picture([DRAWN[0]] * 20, [DRAWN[0]] * 20, [(True, False)] * 20),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_drawn_fast_enough_to_follow_a_slider(name):
    """Under 0.2 s with everything; drawing gets half of that, in seconds of one core, whatever else runs here."""
    seconds = []
    for _ in range(5):
        lab._plane.cache_clear()
        start = time.process_time()
        encode(PICTURES[name](), "jpeg" if name not in ("lab", "gamut") else "png")
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1, seconds
