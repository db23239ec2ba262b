"""Checks for chapter 5, GAN training. The truth is numpy's, found by trying all logits, or autograd's."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .hints import Hint, NotDone, ask, compare, judge_each, numbers

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
    return f"right: {truth[0]:.3f} by chance, {one_kind:.3f} if the forger makes one kind of two, 0 if all can be told"


def _critic_loss(function) -> str:
    """05-2: critic, real (N, 1), fake (M, 1) -> the critic's loss; its gradient must not reach the generator."""
    torch.manual_seed(1)
    generator, critic = nn.Linear(2, 1), nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    real, fake = 2 + torch.randn(6, 1), generator(torch.randn(9, 2)) - 2
    r, f = (critic(t).detach().double().numpy() for t in (real, fake))

    def cost(logits):  # -log(1 - D), what a fake costs; of -logits it is -log D
        return np.logaddexp(0, logits).mean()

    result = ask(function, critic, real, fake)
    got = numbers(result, what="the loss")
    on_real, on_fake, squashed = cost(-r), cost(f), cost(-1 / (1 + np.exp(-r))) + cost(1 / (1 + np.exp(-f)))
    truth, total = on_real + on_fake, 6 * on_real + 9 * on_fake
    hinge = np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean()
    mistakes = {
        "the labels are swapped: this rewards the critic for calling real ones fake": cost(r) + cost(-f),
        "fakes are rewarded for being called real: that is the generator's wish": on_real + cost(-f),
        "this is the mean of the two terms: add them, so that chance is 1.386 and not 0.693": truth / 2,
        "this counts the real ones alone": on_real,
        "this counts the fakes alone": on_fake,
        "take the mean over each batch, not the sum: the loss must not depend on how many there are": total,
        "one mean over both batches is half the sum, and the larger one weighs more: take two means": total / 15,
        "softplus already has the sigmoid in it: give it the bare logits": squashed,
        "this is the hinge loss of later sections: here F.softplus is wanted": hinge,
    }
    compare(got, truth, mistakes, 1e-4)
    if not getattr(result, "requires_grad", False):
        raise Hint("right, but nothing can be learned from it: detach the fakes, not the answer, and return no .item()")
    learners = generator.weight, critic[0].weight
    to_generator, to_critic = torch.autograd.grad(result, learners, allow_unused=True, materialize_grads=True)
    if to_generator.any():
        raise Hint("right, but its gradient runs on into the generator, to teach it to be caught: use fake.detach()")
    both = F.softplus(-critic(real)).mean() + F.softplus(critic(fake.detach())).mean()
    if not torch.allclose(to_critic, torch.autograd.grad(both, critic[0].weight)[0], atol=1e-5):
        raise Hint("right, but the critic learns from one half of it only: both terms need their gradient")
    return f"right: {got:.3f}, the critic's weights have a gradient and the generator's have none"


def _average(function) -> str:
    """05-3: average, weights, decay -> the new moving average."""
    a, w, d = np.array([4.0, 10.0, -2.0]), np.array([8.0, 0.0, -1.0]), np.array([[0.75], [0.9]])
    cases = [(torch.tensor(a), torch.tensor(w), decay) for decay in d[:, 0].tolist()]
    mistakes = {
        "the two shares are swapped: `decay` says how much of the *old average* stays": d * w + (1 - d) * a,
        "the shares must add up to 1: the new weights count 1 - decay, or the average grows without end": d * a + w,
        "the old average must fade: it counts `decay`, not 1": a + (1 - d) * w,
        "that is halfway, whatever the decay": [(a + w) / 2] * 2,
        "these are the new weights themselves: nothing is averaged": [w] * 2,
        "these are the old ones: it never learns anything": [a] * 2,
        "the direction is wrong: move from the average *toward* the weights": a - (1 - d) * (w - a),
    }
    judge_each(function, cases, d * a + (1 - d) * w, mistakes, 1e-4, what="the average")
    return "right: from 4 toward 8 at decay 0.75 is 5, and so on, a quarter of the rest a step"


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


EXERCISES = {"05-1": _best_loss, "05-2": _critic_loss, "05-3": _average, "05-4": _diagnosis}
