"""Checks for chapter 5, GAN training; those of the two moves are in chapter_05_moves.py."""

import json
from pathlib import Path

import numpy as np

from .chapter_05_moves import check_critic_step, check_generator_step
from .hints import Hint, NotDone, ask, compare, judge_each, numbers
from .moves import our_critic_step, our_generator_step

GAMES = json.loads((Path(__file__).parent / "games.json").read_text(encoding="utf8"))["games"]


def _best_loss(function) -> str:
    """05-1: p, q (K,) -> the smallest loss any critic can reach, when x is one of K things."""
    logits = np.linspace(-40, 40, 160_001)  # tried one by one, for each thing: no formula
    on_real, on_fake = np.logaddexp(0, -logits), np.logaddexp(0, logits)

    def least(p, q):
        return sum((a * on_real + b * on_fake).min() for a, b in zip(p, q, strict=True))

    p = np.array([[0.2, 0.2, 0.6], [0.2, 0.5, 0.3], [0.5, 0.15, 0.35]])
    q = np.array([[0.2, 0.2, 0.6], [0.6, 0.3, 0.1], [0.25, 0.5, 0.25]])
    cases = list(zip(p, q, strict=True))
    truth = np.array([least(*case) for case in cases])
    D = p / (p + q)

    def cost(D, p=p, q=q):
        return -(p * np.log(D) + q * np.log(1 - D)).sum(1)

    mistakes = {
        "the sign is upside down: -log D is a loss, log D a reward": -truth,
        "this is the mean of the two terms: the critic's loss is their *sum*, 2 ln 2 = 1.386 by chance": truth / 2,
        "this is the mean over the things; each is weighed by how often it occurs, so add": truth / 3,
        "this is the real half alone: add what the fakes cost": cost(D, q=0),
        "this is the fake half alone: add what the real ones cost": cost(D, p=0),
        "that is a logarithm to base 2 (chance would read 2): take the natural one, np.log": truth / np.log(2),
        "each thing counts as often as it occurs: weigh -log D by p and -log(1 - D) by q": cost(D, p=1, q=1),
        "D and 1 - D have changed places: a real one costs -log D": cost(1 - D),
        "this critic calls everything a coin flip, D = 1/2: the best one uses p and q": cost(1 / 2),
        "D = p is no critic: how likely x is real depends on the fakes like it, p / (p + q)": cost(p),
    }
    judge_each(function, cases, truth, mistakes, 1e-3, what="the loss")
    partial = [([0.5, 0.5], [0.0, 1.0]), ([1.0, 0.0], [0.0, 1.0])]  # here something never occurs
    for p, q in partial:
        with np.errstate(all="ignore"):
            loss = np.asarray(ask(function, np.array(p), np.array(q)), dtype=np.float64)
        if not np.isfinite(loss).all():
            fault = f"right where all occur. For p = {p}, q = {q} it gives {loss}: 0 times log 0 is nan for numpy"
            raise Hint(f"{fault}, but what never occurs costs nothing (leave it out, or add 1e-12 inside the log)")
        compare(numbers(loss, what="the loss"), least(p, q), {}, 1e-3)
    one_kind = least(*partial[0])
    return f"right: {truth[0]:.3f} by chance, {one_kind:.3f} if one kind of two is never made, 0 if all can be told"


def mysteries() -> dict[str, list[dict]]:
    """The recorded games of exercise 05-4: {letter: history}, from the last report of the color phase on.

    A history is a list of dicts as in `helpers.training.Run`, with the keys step, critic, adversarial, val_delta_e and
    val_colorfulness, as far as the phase has them.
    """
    histories = {}
    for letter, game in GAMES.items():
        histories[letter] = [{"step": step} for step in range(600, 1001, 50)]
        for key in ("critic", "adversarial", "val_delta_e", "val_colorfulness"):
            for report, value in zip(histories[letter][-len(game[key]) :], game[key], strict=True):
                report[key] = value
    return histories


def _diagnosis(answer) -> str:
    """05-4: {letter: name} of the four recorded games."""
    if not isinstance(answer, dict):
        raise Hint('a dictionary is wanted, {"A": "…", "B": "…", …}, with one name for each letter')
    if answer.keys() != GAMES.keys():
        raise Hint(f"name the games {', '.join(GAMES)}, each once; these are {', '.join(map(str, answer)) or 'none'}")
    if all(name is None for name in answer.values()):
        raise NotDone("write one of the four names beside each letter")
    names = sorted(game["name"] for game in GAMES.values())
    for letter, name in answer.items():
        if name not in names:
            raise Hint(f"{letter}: {name!r} is none of the four names {', '.join(names)}")
    wrong = [letter for letter, game in GAMES.items() if answer[letter] != game["name"]]
    if wrong:
        raise Hint(f"{4 - len(wrong)} of 4 are right. Look at {wrong[0]} again: {GAMES[wrong[0]]['clue']}")
    return "right, all four: each failure moves another curve"


EXERCISES = {"05-1": _best_loss, "05-2": check_critic_step, "05-3": check_generator_step, "05-4": _diagnosis}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_best_loss(p, q):
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    either = np.where(p + q > 0, p + q, 1)
    return -sum((share * np.log(np.where(share > 0, share, either) / either)).sum() for share in (p, q))


OURS = {"05-1": _our_best_loss, "05-2": our_critic_step, "05-3": our_generator_step}
