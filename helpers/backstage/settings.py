"""What the fields of a recipe may say, and what of them must fit together: known before the first step is taken."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from numbers import Integral, Real
from reprlib import repr  # cut where it is long

from .commands import UsageError
from .imagenet import ENCODERS

__all__ = ["RULES", "check_settings", "read_settings"]

MANY = 10**9
MOST = 1e300  # a number, and not infinite
STEPS, RATE = (int, 0, MANY), (float, 0, MOST)
RULES = {
    # name: (type, choices) or (type, least, most); "above" in place of the type's least: more than that
    "preset": (str,),
    "protocol": (str, ("official", "large")),
    "seed": (int, 0, 2**63 - 1),
    "size": (int, 8, 512),
    "load_size": (int, 8, 512),
    "train_limit": (int, 1, MANY),
    "val_limit": (int, 1, MANY),
    "start": (str,),
    "encoder": (str, ("none", *ENCODERS)),
    "frozen": (int, 0, 7),
    "width": (int, 1, 1024),
    "depth": (int, 1, 9),
    "half_res": (bool,),
    "skips": (bool,),
    "hints": (int, 0, 1000),
    "critic_width": (int, 1, 1024),
    "critic_layers": (int, 1, 7),
    "batch_size": (int, 1, MANY),
    "color_steps": STEPS,
    "small_steps": STEPS,
    "critic_steps": STEPS,
    "gan_steps": STEPS,
    "report_steps": (int, 1, MANY),
    "lr": RATE,
    "lr_encoder": RATE,
    "weight_decay": RATE,
    "color_kind": (str, ("l1", "l2", "smooth_l1", "classes")),
    "mix": (float, 0, 1),
    "adversarial": (str, ("bce", "hinge", "lsgan")),
    "lr_generator": RATE,
    "lr_critic": RATE,
    "color_weight": RATE,
    "clip_norm": RATE,
    "ema_decay": (float, 0, 1),
}
NOT_ZERO = {"lr", "clip_norm"}  # one is divided by, with the other nothing moves
NOT_MOST = {"ema_decay"}  # an average that keeps all of itself
OPTIONAL = {"train_limit", "val_limit"}  # None: all of them


def check_settings(recipe) -> None:
    """Check each field of a `helpers.recipe.Recipe`; a number of numpy's is replaced by Python's, which JSON can hold.

    Raises ValueError: which field, what it is and what it may be.
    """
    for name in (field.name for field in fields(recipe) if field.name in RULES):
        value, (kind, *limits) = getattr(recipe, name), RULES[name]
        if value is None and name in OPTIONAL:
            continue
        plain = _plain(value, kind)
        if plain is None or not _within(name, plain, limits):
            raise ValueError(f"{name} is {repr(value)}: choose {_may_be(name, kind, limits)}")
        if type(plain) is not type(value):
            object.__setattr__(recipe, name, plain)  # it is frozen for all but its own `__post_init__`
    if problem := _does_not_fit(recipe):
        raise ValueError(problem)


def _plain(value, kind: type):
    """The value, if it is of this kind; whole numbers are numbers, but True is none. Else None."""
    if kind in (str, bool):
        return value if isinstance(value, kind) else None
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        return None
    return int(value) if isinstance(value, Integral) else float(value)


def _within(name: str, value, limits: list) -> bool:
    if len(limits) < 2:
        return not limits or value in limits[0]
    least, most = limits
    enough = value > least if name in NOT_ZERO else value >= least
    return enough and (value < most if name in NOT_MOST else value <= most)


def _may_be(name: str, kind: type, limits: list) -> str:
    if kind is bool:
        return "true or false"
    if kind is str:
        return f"one of {', '.join(limits[0])}" if limits else "a text"
    least, most = limits
    words = f"a {'whole ' if kind is int else ''}number "
    if most != MOST:
        words += f"from {least} to {'below ' if name in NOT_MOST else ''}{most:,}"
    else:
        words += f"above {least}" if name in NOT_ZERO else f"from {least} up"
    return words + (", or null for all" if name in OPTIONAL else "")


def _does_not_fit(r) -> str:
    """What two or more fields that are right alone make impossible together; "" if nothing does."""
    plays, scratch, chooses = r.critic_steps + r.gan_steps > 0, r.encoder == "none", r.color_kind == "classes"
    least = r.size // 2 if r.small_steps else r.size
    bottom = math.ceil(least / 2**r.depth)  # side of what the lowest level sees
    problems = {
        f"small_steps is {r.small_steps}, but color_steps only {r.color_steps}: small steps are the "
        "first of the color steps, so change both": r.small_steps > r.color_steps,
        "color_steps, critic_steps and gan_steps are 0: there is nothing to train": not plays and r.color_steps == 0,
        f"depth is {r.depth}, but a picture of {r.size} px cannot be halved so often": scratch and 2**r.depth > r.size,
        f"width is {r.width}: a U-Net on a pretrained encoder needs at least 3": not scratch and r.width < 3,
        f"critic_layers is {r.critic_layers}: such a critic needs pictures of {3 * 2**r.critic_layers} px, "
        f"not {r.size}": plays and 3 * 2**r.critic_layers > r.size,
        f"batch_size is 1, and at depth {r.depth} a single pixel is left of {least} px: BatchNorm needs two values, "
        "so change one of them": scratch and r.batch_size * bottom == 1,
        f"hints is {r.hints}: only a network on a pretrained encoder takes hints, set encoder=lite0": r.hints
        and scratch,
        f"hints is {r.hints}: a colorizer that stands still is needed to give hints to, set start=flowers-l1": r.hints
        and not r.start,
        f"hints is {r.hints}: one that chooses colors cannot be told them, set color_kind=l1": r.hints and chooses,
        "color_kind is classes: a network that chooses colors plays no game, set critic_steps=0 gan_steps=0": chooses
        and plays,
        "half_res is false: with hints or classes a pretrained encoder is shown pictures at their own size, "
        "set half_res=true": not (r.half_res or scratch) and (r.hints > 0 or chooses),
        f"hints is {r.hints}: no critic has learned to judge them, set critic_steps=0 gan_steps=0": r.hints and plays,
    }
    return next((words for words, wrong in problems.items() if wrong), "")


def read_settings(kind: type, settings: list[str]) -> dict:
    """["lr=1e-3"] -> {"lr": 0.001}, typed as the default in `kind`, a `Recipe`, is. UsageError for no setting."""
    defaults = {f.name: f.default for f in fields(kind) if f.name != "preset"}  # which has an option of its own
    changes = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if name not in defaults:
            raise UsageError(f"the recipe has no field {name!r}: choose one of {', '.join(defaults)}")
        if not equals:
            raise UsageError(f"--set {name}: write {name}=VALUE")
        try:
            changes[name] = text if isinstance(defaults[name], str) else json.loads(text)
        except (ValueError, RecursionError):
            raise UsageError(f"--set {name}={text}: {text!r} is not a value for {name}") from None
    return changes
