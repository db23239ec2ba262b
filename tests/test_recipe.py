"""helpers.recipe: presets, schedule, precision, and recipes of other versions."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch

from helpers.recipe import GAME_FIELDS, PRESETS, PRETRAINED, REMOVED, Recipe, choose_precision, choose_preset


def test_presets(monkeypatch):
    assert list(PRESETS) == list(PRETRAINED) == ["smoke", "cpu", "gpu", "max"]
    for name, recipe in [*PRESETS.items(), *PRETRAINED.items()]:
        assert recipe.preset == name and recipe.load_size >= recipe.size
        assert recipe.size % 2 ** (recipe.depth if recipe.encoder == "none" else 5) == 0
    assert {r.encoder for r in PRESETS.values()} == {"none"} and {r.encoder for r in PRETRAINED.values()} == {"lite0"}
    assert choose_preset("cpu", encoder="lite2") == replace(PRETRAINED["cpu"], encoder="lite2")
    monkeypatch.setenv("COLORIZE_PRESET", "max")
    assert choose_preset().preset == "max" and choose_preset("cpu").preset == "cpu"
    monkeypatch.delenv("COLORIZE_PRESET")
    assert choose_preset().preset == ("gpu" if torch.cuda.is_available() else "cpu")
    monkeypatch.setenv("COLORIZE_PRESET", "huge")
    with pytest.raises(ValueError, match="unknown preset 'huge': choose one of smoke, cpu, gpu, max"):
        choose_preset()


@pytest.mark.parametrize(
    ("cuda", "bf16", "expected"),
    [(False, False, "no"), (False, True, "bf16"), (True, True, "bf16"), (True, False, "fp16")],
)
def test_precision_follows_the_hardware(monkeypatch, cuda, bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    # A T4: emulated support must not count.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16 or including_emulation)
    assert choose_precision() == expected


def test_the_schedule_follows_the_phases():
    recipe = PRESETS["cpu"]
    rates = np.array([recipe.learning_rates(s) for s in range(recipe.total_steps)])
    color, game = recipe.color_steps, recipe.color_steps + recipe.critic_steps
    assert rates[:color, 0].max() == pytest.approx(recipe.lr) and rates[color - 1, 0] < 0.01 * recipe.lr
    assert (rates[:color, 1] == 0).all() and (rates[color:game, 0] == 0).all() and (rates[game:] > 0).all()
    assert (rates[color:game, 1] == recipe.lr_critic).all() and rates[-1, 1] < 0.01 * recipe.lr_critic
    ends = [recipe.phase(step) for step in (0, color - 1, color, game - 1, game, recipe.total_steps - 1)]
    assert ends == ["color", "color", "critic", "critic", "gan", "gan"]
    small = recipe.small_steps
    assert [recipe.size_at(step) for step in (0, small - 1, small, game)] == [32, 32, 64, 64]


def test_a_recipe_is_checked_when_it_is_made_changed_or_restored():
    """What each field may be is the matter of test_settings.py."""
    for make in (Recipe, lambda **bad: replace(PRESETS["smoke"], **bad), lambda **bad: Recipe.restore(bad)):
        with pytest.raises(ValueError, match="batch_size is -4: choose a whole number from 1"):
            make(batch_size=-4)


def test_a_recipe_of_another_version_is_read():
    recipe = replace(PRESETS["gpu"], color_weight=30.0)
    stored = asdict(recipe)
    assert Recipe.restore(stored) == recipe
    del stored["ema_decay"]  # from before that field was added: it has its default, whatever the preset says today
    assert Recipe.restore(stored) == replace(recipe, ema_decay=0.99)
    assert Recipe.restore(stored | REMOVED) == replace(recipe, ema_decay=0.99)
    with pytest.raises(ValueError, match=r"colorfulness_weight \(0.5 there, no such field here\)"):
        Recipe.restore(stored | {"colorfulness_weight": 0.5})
    with pytest.raises(ValueError, match=r"warp \(0 there, no such field here\)"):
        Recipe.restore(stored | {"warp": 0})


def test_each_field_has_a_default_and_the_game_knows_its_own():
    names = {field.name for field in fields(Recipe)}
    assert set(GAME_FIELDS) < names and not names & REMOVED.keys() and Recipe() == Recipe.restore({})
