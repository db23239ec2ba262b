"""Checks for chapter 5, GAN training. The truth is numpy's, found by trying all logits, or autograd's."""

from __future__ import annotations

import numpy as np

from .hints import Hint, NotDone, answers, ask, compare, numbers


def _best_loss(function) -> str:
    """05-1: p, q (K,) -> the smallest loss any critic can reach, when x is one of K things."""
    cases = [([0.5, 0.5], [0.5, 0.5]), ([0.2, 0.5, 0.3], [0.6, 0.3, 0.1]), ([0.5, 0.5], [0.25, 0.75])]
    cases += [([0.5, 0.5], [0.0, 1.0]), ([1.0, 0.0], [0.0, 1.0])]  # here something never occurs
    logits = np.linspace(-40, 40, 160_001)  # tried one by one, for each thing: no formula
    on_real, on_fake = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    truth = np.array([sum((a * on_real + b * on_fake).min() for a, b in zip(p, q, strict=True)) for p, q in cases])
    whole = [tuple(map(np.array, case)) for case in cases[:3]]
    got = answers(function, [(p.copy(), q.copy()) for p, q in whole], what="the loss")

    def each(formula):
        return np.array([np.sum(formula(p, q, p / (p + q))) for p, q in whole])

    real, fake = each(lambda p, q, D: -p * np.log(D)), each(lambda p, q, D: -q * np.log(1 - D))
    unweighted = each(lambda p, q, D: -np.log(D) - np.log(1 - D))
    swapped = each(lambda p, q, D: -p * np.log(1 - D) - q * np.log(D))
    coin = each(lambda p, q, D: (p + q) * np.log(2))
    no_critic = each(lambda p, q, D: -p * np.log(p) - q * np.log(1 - p))
    best, half = truth[:3], truth[:3] / 2
    mistakes = {
        "the sign is upside down: -log D is a loss, log D a reward": -best,
        "this is the mean of the two terms. The critic's loss is their *sum*, so that chance is 2 ln 2 = 1.386": half,
        "this is the real half alone: add what the fakes cost": real,
        "this is the fake half alone: add what the real ones cost": fake,
        "that is a logarithm to base 2 (chance would read 2): take the natural one, np.log": best / np.log(2),
        "each thing counts as often as it occurs: weigh -log D by p and -log(1 - D) by q": unweighted,
        "D and 1 - D have changed places: a real one costs -log D": swapped,
        "this critic calls everything a coin flip, D = 1/2: the best one uses p and q": coin,
        "D = p is no critic: how likely x is real depends on how many fakes look like it, p / (p + q)": no_critic,
    }
    compare(got, best, mistakes, 1e-3)
    for (p, q), value in zip(cases[3:], truth[3:], strict=True):
        with np.errstate(all="ignore"):
            answer = np.asarray(ask(function, np.array(p), np.array(q)), dtype=np.float64)
        if not np.isfinite(answer).all():
            raise Hint(
                f"right where all occur. For p = {p}, q = {q} it gives {answer}: 0 times log 0 is nan for numpy, but "
                "what never occurs costs nothing (leave it out, or add 1e-12 inside the logarithm)"
            )
        compare(numbers(answer, (), "the loss"), value, {}, 1e-3)
    return f"right: {truth[0]:.3f} by chance, {truth[3]:.3f} if the forger makes one kind of two, 0 if all can be told"


def _critic_loss(function) -> str:
    """05-2: critic, real (N, 1), fake (M, 1) -> the critic's loss; its gradient must not reach the generator."""
    import torch
    from torch import nn

    def play():
        torch.manual_seed(1)
        generator, critic = nn.Linear(2, 1), nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        return generator, critic, 2 + torch.randn(6, 1), generator(torch.randn(9, 2)) - 2

    _, critic, real, fake = play()
    with torch.no_grad():
        r, f = (critic(t).double().numpy() for t in (real, fake))

    def squash(logits):
        return 1 / (1 + np.exp(-logits))

    def cost(logits, label):  # -log of the probability given to the right answer
        return -np.log(squash(logits) if label else 1 - squash(logits))

    generator, critic, real, fake = play()
    result = ask(function, critic, real, fake)
    got = numbers(result, (), "the loss")
    truth = cost(r, 1).mean() + cost(f, 0).mean()
    twice = cost(squash(r), 1).mean() + cost(squash(f), 0).mean()
    pooled, sums = np.concatenate([cost(r, 1), cost(f, 0)]).mean(), cost(r, 1).sum() + cost(f, 0).sum()
    swapped, wish = cost(r, 0).mean() + cost(f, 1).mean(), cost(r, 1).mean() + cost(f, 1).mean()
    hinge = np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean()
    mistakes = {
        "the labels are swapped: this rewards the critic for calling real ones fake": swapped,
        "real ones are judged well, but fakes are rewarded for being called real: that is the generator's wish": wish,
        "this is the mean of the two terms: add them, so that chance is 1.386 and not 0.693": truth / 2,
        "this counts the real ones alone": cost(r, 1).mean(),
        "this counts the fakes alone": cost(f, 0).mean(),
        "take the mean over each batch, not the sum: the loss must not depend on how many there are": sums,
        "one mean over both batches is half the sum and weighs the larger batch more: take two means": pooled,
        "softplus already has the sigmoid in it: give it the bare logits": twice,
        "this is the hinge loss of later sections: here F.softplus is wanted": hinge,
    }
    compare(got, truth, mistakes, 1e-4)
    if not (isinstance(result, torch.Tensor) and result.requires_grad):
        raise Hint(
            "the number is right, but nothing can be learned from it: its way back to the critic is cut. Detach the "
            "fakes before the critic sees them, not the critic's answer; and return the tensor, not .item()"
        )
    result.backward()
    if any(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters()):
        raise Hint(
            "the number is right, but its gradient runs on into the generator: fake.detach() cuts that way. "
            "The critic's step would teach the generator to be easier to catch"
        )
    if not all(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters()):
        raise Hint("the number is right, but no gradient reaches the critic's weights: was it run under no_grad?")
    _, again, real, fake = play()
    by_real = torch.autograd.grad(nn.functional.softplus(-again(real)).mean(), again[0].weight)[0]
    by_fake = torch.autograd.grad(nn.functional.softplus(again(fake.detach())).mean(), again[0].weight)[0]
    if not torch.allclose(critic[0].weight.grad, by_real + by_fake, atol=1e-5):
        raise Hint(
            "the number is right, but the critic learns from one half of it only: both terms need their gradient"
        )
    return f"right: {got:.3f}, the critic's weights have a gradient and the generator's have none"


def _average(function) -> str:
    """05-3: average, weights, decay -> the new moving average."""
    import torch

    a, w, d = np.array([4.0, 10.0, -2.0]), np.array([8.0, 0.0, -1.0]), np.array([[0.75], [0.9]])
    cases = [(torch.tensor(a), torch.tensor(w), float(decay)) for decay in d[:, 0]]
    got = answers(function, cases, (3,), "the average")
    mistakes = {
        "the two shares are swapped: `decay` says how much of the *old average* stays": d * w + (1 - d) * a,
        "the shares must add up to 1: the new weights count 1 - decay, or the average grows without end": d * a + w,
        "the old average must fade: it counts `decay`, not 1": a + (1 - d) * w,
        "that is halfway, whatever the decay": [(a + w) / 2] * 2,
        "these are the new weights themselves: nothing is averaged": [w] * 2,
        "these are the old ones: it never learns anything": [a] * 2,
        "the direction is wrong: move from the average *toward* the weights": a - (1 - d) * (w - a),
    }
    compare(got, d * a + (1 - d) * w, mistakes, 1e-4)
    return "right: from 4 toward 8 at decay 0.75 is 5, and so on, a quarter of the rest a step"


# Recorded from four games: 32 px, width 12, depth 3, batch 32, seed 7, official photos; 600 color steps shared, then
# 100 critic and 300 GAN steps, a report each 50. Changed: color_weight=0; nothing; lr_generator=1e-2; the same, 1e-6.
# A row each: the critic's loss (from step 650), the generator's (from 750), ΔE2000 and colorfulness (from 600).
_RECORDED = {
    "A": (
        (1.19, 0.75, 1.59, 1.66, 1.69, 1.59, 1.65, 1.62),
        (0.54, 0.39, 0.32, 0.42, 0.22, 0.28),
        (14.02, 14.02, 14.02, 17.3, 18.53, 17.82, 19.6, 19.37, 19.49),
        (37.0, 37.0, 37.0, 58.8, 48.7, 49.0, 55.4, 53.8, 58.1),
    ),
    "B": (
        (1.19, 0.75, 1.22, 1.31, 1.28, 1.23, 1.21, 1.21),
        (0.76, 0.66, 0.69, 0.74, 0.75, 0.74),
        (14.02, 14.02, 14.02, 14.29, 14.51, 14.7, 15.0, 14.98, 14.83),
        (37.0, 37.0, 37.0, 41.7, 43.7, 46.5, 49.5, 50.1, 49.4),
    ),
    "C": (
        (1.19, 0.75, 1.64, 1.22, 1.22, 1.23, 1.11, 1.2),
        (0.46, 0.74, 0.8, 0.74, 0.92, 0.76),
        (14.02, 14.02, 14.02, 16.57, 15.78, 16.43, 16.27, 16.63, 16.63),
        (37.0, 37.0, 37.0, 5.5, 7.7, 12.8, 15.3, 21.9, 32.0),
    ),
    "D": (
        (1.19, 0.75, 0.64, 0.61, 0.6, 0.52, 0.49, 0.45),
        (1.04, 1.15, 1.14, 1.21, 1.24, 1.26),
        (14.02, 14.02, 14.02, 13.98, 13.9, 13.87, 14.07, 13.93, 13.93),
        (37.0, 37.0, 37.0, 36.1, 36.5, 36.2, 38.3, 37.6, 37.1),
    ),
}
_ANSWERS = {"A": "no L1", "B": "healthy", "C": "learning rate too high", "D": "critic too strong"}
_CLUES = {
    "A": "the generator's loss is the best of all four and the critic is near chance, yet ΔE jumps: what was no longer "
    "there to hold the painter to the photo?",
    "B": "the critic's loss comes back up from its own phase and stays between it and chance, color grows, and ΔE pays "
    "a little",
    "C": "within the first 50 steps nearly all color is gone, and it is relearned from there: what throws away at once "
    "what 600 steps had learned?",
    "D": "the critic's loss goes on falling as if nobody answered, and color and ΔE do not move at all",
}


def mysteries() -> dict[str, list[dict]]:
    """The recorded games of exercise 05-4: {letter: history}, from the last report of the color phase on.

    A history is a list of dicts as in `helpers.training.Run`, with the keys step, critic, adversarial, val_delta_e and
    val_colorfulness, as far as the phase has them.
    """
    steps, keys = list(range(600, 1001, 50)), ("critic", "adversarial", "val_delta_e", "val_colorfulness")
    games = {}
    for letter, rows in _RECORDED.items():
        games[letter] = [{"step": step} for step in steps]
        for key, row in zip(keys, rows, strict=True):
            for entry, value in zip(games[letter][-len(row) :], row, strict=True):
                entry[key] = value
    return games


def _diagnosis(answer) -> str:
    """05-4: {letter: name} of the four recorded games."""
    if not isinstance(answer, dict):
        raise Hint('a dictionary is wanted, {"A": "…", "B": "…", …}, with one name for each letter')
    if set(answer) != set(_ANSWERS):
        raise Hint(
            f"name the games {', '.join(_ANSWERS)}, each once; these are {', '.join(map(str, answer)) or 'none'}"
        )
    if all(name is None for name in answer.values()):
        raise NotDone("write one of the four names beside each letter")
    names = set(_ANSWERS.values())
    for letter, name in answer.items():
        if name not in names:
            raise Hint(f"{letter}: {name!r} is none of the four names {', '.join(sorted(names))}")
    wrong = [letter for letter in _ANSWERS if answer[letter] != _ANSWERS[letter]]
    if wrong:
        raise Hint(f"{4 - len(wrong)} of 4 are right. Look at {wrong[0]} again: {_CLUES[wrong[0]]}")
    return "right, all four: each failure moves another curve"


EXERCISES = {"05-1": _best_loss, "05-2": _critic_loss, "05-3": _average, "05-4": _diagnosis}
