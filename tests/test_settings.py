"""helpers.backstage.settings: every field of a recipe is checked before the first step, and no right one is refused."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from helpers import losses
from helpers.backstage.imagenet import ENCODERS
from helpers.backstage.settings import NOT_MOST, NOT_ZERO, OPTIONAL, RULES
from helpers.data import PROTOCOLS
from helpers.recipe import PRESETS, Recipe

SMOKE = PRESETS["smoke"]
FIELDS = [field.name for field in fields(Recipe)]


def kind(name):
    return RULES[name][0]


def test_each_field_has_a_rule_and_its_choices_are_those_of_the_course():
    assert set(RULES) == set(FIELDS) == set(FIELDS) | NOT_ZERO | NOT_MOST | OPTIONAL
    assert RULES["protocol"][1] == tuple(PROTOCOLS) and RULES["adversarial"][1] == losses.ADVERSARIAL
    assert RULES["encoder"][1] == ("none", *ENCODERS)
    assert RULES["color_kind"][1][-1] == "classes"
    for color_kind in RULES["color_kind"][1][:-1]:
        losses.color_loss(torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2), color_kind)
    for name in FIELDS:
        assert isinstance(getattr(Recipe(), name), kind(name)) or name in OPTIONAL


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_kind_is_refused(name):
    wrong = [[], {}, b"1", object(), 1j, [1], *([] if name in OPTIONAL else [None])]
    wrong += [] if kind(name) is bool else [True, np.True_]
    wrong += [] if kind(name) is str else ["1", "", "true"]
    wrong += [] if kind(name) in (int, float) else [1]
    wrong += [] if kind(name) is float else [0.5, 1.0, math.nan]
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name} is .*: choose "):
            replace(SMOKE, **{name: value})


@pytest.mark.parametrize("name", [name for name in FIELDS if kind(name) in (int, float)])
def test_a_number_out_of_range_is_refused(name):
    """-1 for each: none of them may be negative; and what is no finite number."""
    wrong = [-1, -(10**400), 10**400] + ([-1e-9, math.nan, math.inf, -math.inf] if kind(name) is float else [])
    wrong += [0] if name in NOT_ZERO | {"batch_size", "report_steps", "width", "depth", "train_limit"} else []
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name} is .*: choose .*number") as error:
            replace(SMOKE, **{name: value})
        assert len(str(error.value)) < 200


@pytest.mark.parametrize("name", [name for name in FIELDS if len(RULES[name]) == 2])
def test_an_unknown_word_is_answered_with_the_known_ones(name):
    for value in ("", "wgan", RULES[name][1][0].upper()):
        with pytest.raises(ValueError, match=f"^{name} is '{value}': choose one of {RULES[name][1][0]}"):
            replace(SMOKE, **{name: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"small_steps": 9}, "small_steps is 9, but color_steps only 8"),
        ({"color_steps": 0, "critic_steps": 0, "gan_steps": 0}, "nothing to train"),
        ({"depth": 6}, "depth is 6, but a picture of 32 px"),
        ({"encoder": "lite0", "width": 2}, "width is 2: a U-Net on a pretrained encoder needs at least 3"),
        ({"critic_layers": 4}, "critic_layers is 4: such a critic needs pictures of 48 px, not 32"),
        ({"batch_size": 1, "depth": 5}, "batch_size is 1, and at depth 5 a single pixel is left of 32 px"),
        ({"batch_size": 1, "depth": 4, "small_steps": 1}, "a single pixel is left of 16 px"),
        ({"color_kind": "classes"}, "a network that chooses colors plays no game, set critic_steps=0 gan_steps=0"),
        (
            {"color_kind": "classes", "encoder": "lite0", "hints": 3, "start": "flowers-l1"},
            "hints is 3: one that chooses colors cannot be told them, set color_kind=l1",
        ),
        (
            {"color_kind": "classes", "encoder": "lite0", "half_res": False, "critic_steps": 0, "gan_steps": 0},
            "half_res is false: with hints or classes a pretrained encoder .* own size, set half_res=true",
        ),
        ({"ema_decay": 1}, "ema_decay is 1: choose a number from 0 to below 1"),
    ],
)
def test_what_does_not_fit_together_is_said_with_both_numbers(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(SMOKE, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"color_weight": 30}, {"lr": 1e30, "clip_norm": 1e30}, {"ema_decay": 0}, {"val_limit": None},
        {"seed": 2**63 - 1}, {"color_steps": 0}, {"critic_layers": 4, "critic_steps": 0, "gan_steps": 0},
        {"encoder": "lite0", "depth": 6},
        {"color_kind": "classes", "mix": 1, "critic_steps": 0, "gan_steps": 0},
        {"report_steps": 10**9}, {"batch_size": 1, "depth": 4}, {"lr_critic": 0.0, "weight_decay": 0},
    ],
    ids=str,
)  # fmt: skip
def test_what_works_is_let_through_as_it_is(changes):
    made = replace(SMOKE, **changes)
    assert {name: getattr(made, name) for name in changes} == changes


def test_numbers_of_numpy_become_numbers_that_json_can_hold():
    made = replace(SMOKE, batch_size=np.int64(4), lr=np.float32(0.5))
    assert (type(made.batch_size), type(made.lr)) == (int, float) and (made.batch_size, made.lr) == (4, 0.5)
