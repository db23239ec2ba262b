"""What chapter 3 leans on: load or train, and the drawn U."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
import torch

import helpers.training
from helpers.data import Photos
from helpers.plots import unet_diagram
from helpers.synthetic import draw_flowers
from helpers.training import PRESETS, load_or_train

RECIPE = replace(
    PRESETS["smoke"], size=16, load_size=16, batch_size=4, width=4, depth=2, color_steps=2, critic_steps=0,
    gan_steps=0, report_steps=2,
)  # fmt: skip


def drawn(seed: int, count: int = 8) -> Photos:
    pictures, truth = draw_flowers(count, 16, seed)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(count), "train", "drawn")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The course's folder, empty; and a count of the training steps taken in it."""
    monkeypatch.setattr(helpers.training, "__file__", str(tmp_path / "helpers" / "training.py"))
    steps = []
    step = helpers.training._Trainer.take_step
    monkeypatch.setattr(
        helpers.training._Trainer, "take_step", lambda self, *batch: (steps.append(1), step(self, *batch))
    )
    return tmp_path / "runs", steps


def test_a_finished_run_is_loaded_with_the_same_weights(here):
    runs, steps = here
    first = load_or_train(RECIPE, "a", drawn(0), drawn(1))
    again = load_or_train(RECIPE, "a", drawn(0), drawn(1))
    assert len(steps) == 2 and again.finished and again.history == first.history
    assert [p.name for p in runs.iterdir()] == [first.folder.name] and first.folder.name.startswith("a-")
    pairs = zip(first.generator.parameters(), again.generator.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_another_recipe_and_other_photos_are_another_run(here):
    _, steps = here
    runs = [load_or_train(RECIPE, "a", drawn(0), drawn(1)), load_or_train(RECIPE, "a", drawn(2), drawn(1))]
    runs.append(load_or_train(replace(RECIPE, skips=False), "a", drawn(0), drawn(1)))
    assert len({run.folder for run in runs}) == 3 and len(steps) == 6


def test_retrain_trains_again(here):
    _, steps = here
    folder = load_or_train(RECIPE, "a", drawn(0), drawn(1)).folder
    assert load_or_train(RECIPE, "a", drawn(0), drawn(1), retrain=True).folder == folder
    assert len(steps) == 4


def test_a_stopped_run_goes_on(here):
    runs, steps = here
    whole = load_or_train(RECIPE, "a", drawn(0), drawn(1)).folder
    key = whole.name.removeprefix("a-")
    helpers.training.train(RECIPE, runs / f"b-{key}", drawn(0), drawn(1), stop_after=1)
    assert load_or_train(RECIPE, "b", drawn(0), drawn(1), retrain=True).finished
    assert len(steps) == 4


def test_the_u_shows_each_block_and_skip():
    shapes = {"encoder.0": (4, 8, 8), "encoder.1": (8, 4, 4), "squeeze.0": (4, 4, 4), "decoder.0": (4, 8, 8)}
    figure = unet_diagram(shapes | {"head": (2, 8, 8)})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [t for t in texts if "×" in t] == ["4 × 8²", "8 × 4²", "4 × 8²"] and texts.count("skip") == 1
    plt.close(figure)
