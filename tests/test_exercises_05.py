"""The exercises of chapter 5: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import torch
import torch.nn.functional as F

from helpers.exercises import mysteries

RIGHT = {"A": "no L1", "B": "healthy", "C": "learning rate too high", "D": "critic too strong"}


def _xlogx(p, ratio):
    return -p * np.log(np.where(p > 0, ratio, 1))


def _best(p, q):
    return (_xlogx(p, p / (p + q)) + _xlogx(q, q / (p + q))).sum()


def _nan(p, q):
    return (-p * np.log(p / (p + q)) - q * np.log(q / (p + q))).sum()


def _loss(real_sign=-1, fake_sign=1, detach=True):
    def loss(critic, real, fake):
        fake = fake.detach() if detach else fake
        return F.softplus(real_sign * critic(real)).mean() + F.softplus(fake_sign * critic(fake)).mean()

    return loss


def _cut(critic, real, fake):
    return F.softplus(-critic(real)).mean().detach() + F.softplus(critic(fake)).mean().detach()


def _half_cut(critic, real, fake):
    return F.softplus(-critic(real)).mean() + F.softplus(critic(fake).detach()).mean()


CASES = {
    "05-1": (
        _best,
        lambda p, q: None,
        [
            (_nan, "0 times log 0 is nan"),
            (lambda p, q: -_nan(p, q), "upside down"),
            (lambda p, q: _nan(p, q) / 2, "is their *sum*"),
            (lambda p, q: (-p * np.log(p / (p + q))).sum(), "real half alone"),
            (lambda p, q: (-q * np.log(q / (p + q))).sum(), "fake half alone"),
            (lambda p, q: _nan(p, q) / np.log(2), "base 2"),
            (lambda p, q: (-np.log(p / (p + q)) - np.log(q / (p + q))).sum(), "as often as it occurs"),
            (lambda p, q: (-p * np.log(q / (p + q)) - q * np.log(p / (p + q))).sum(), "changed places"),
            (lambda p, q: 2 * np.log(2), "coin flip, D = 1/2"),
            (lambda p, q: (-p * np.log(p) - q * np.log(1 - p)).sum(), "D = p is no critic"),
            (lambda p, q: 0.0, "not yet"),
            (lambda p, q: p, "shape"),
        ],
    ),
    "05-2": (
        _loss(),
        lambda critic, real, fake: None,
        [
            (_loss(detach=False), "runs on into the generator"),
            (_cut, "nothing can be learned from it"),
            (_half_cut, "one half of it only"),
            (_loss(1, -1), "labels are swapped"),
            (_loss(-1, -1), "the generator's wish"),
            (lambda c, r, f: _loss()(c, r, f) / 2, "mean of the two terms"),
            (lambda c, r, f: F.softplus(-c(r)).mean(), "real ones alone"),
            (lambda c, r, f: F.softplus(c(f.detach())).mean(), "fakes alone"),
            (lambda c, r, f: F.softplus(-c(r)).sum() + F.softplus(c(f.detach())).sum(), "not the sum"),
            (lambda c, r, f: torch.cat([F.softplus(-c(r)), F.softplus(c(f.detach()))]).mean(), "two means"),
            (
                lambda c, r, f: F.softplus(-c(r).sigmoid()).mean() + F.softplus(c(f.detach()).sigmoid()).mean(),
                "bare logits",
            ),
            (lambda c, r, f: F.relu(1 - c(r)).mean() + F.relu(1 + c(f.detach())).mean(), "hinge"),
            (lambda c, r, f: F.softplus(-c(r)), "shape"),
            (lambda c, r, f: c.nothing, "it stopped in line 1"),
        ],
    ),
    "05-3": (
        lambda average, weights, decay: decay * average + (1 - decay) * weights,
        lambda average, weights, decay: None,
        [
            (lambda a, w, d: (1 - d) * a + d * w, "shares are swapped"),
            (lambda a, w, d: d * a + w, "add up to 1"),
            (lambda a, w, d: a + (1 - d) * w, "must fade"),
            (lambda a, w, d: (a + w) / 2, "halfway"),
            (lambda a, w, d: w, "nothing is averaged"),
            (lambda a, w, d: a, "never learns"),
            (lambda a, w, d: a - (1 - d) * (w - a), "direction is wrong"),
            (lambda a, w, d: (d * a + (1 - d) * w)[:2], "shape"),
            (lambda a, w, d: d * a, "not yet"),
        ],
    ),
    "05-4": (
        RIGHT,
        dict.fromkeys("ABCD"),
        [
            (
                RIGHT | {"A": "healthy", "B": "no L1"},
                "2 of 4 are right. Look at A again: the generator's loss is the best",
            ),
            (RIGHT | {"B": "critic too strong", "D": "healthy"}, "Look at B again: the critic's loss comes back up"),
            (RIGHT | {"C": "critic too strong", "D": "learning rate too high"}, "Look at C again: within the first"),
            (RIGHT | {"D": "healthy"}, "3 of 4 are right. Look at D again: the critic's loss goes on falling"),
            (RIGHT | {"B": None}, "B: None is none of the four names"),
            (RIGHT | {"C": "mode collapse"}, "'mode collapse' is none of the four names"),
            ({"A": "no L1"}, "these are A"),
            ({}, "these are none"),
            (list(RIGHT.values()), "a dictionary is wanted"),
        ],
    ),
}


def test_each_recorded_game_shows_what_its_name_says():
    games = {RIGHT[letter]: history for letter, history in mysteries().items()}
    assert all([entry["step"] for entry in history] == list(range(600, 1001, 50)) for history in games.values())
    assert all(history[0].keys() == {"step", "val_delta_e", "val_colorfulness"} for history in games.values())
    last = {name: history[-1] for name, history in games.items()}
    assert min(last, key=lambda name: last[name]["critic"]) == "critic too strong"
    assert min(last, key=lambda name: last[name]["adversarial"]) == "no L1"
    assert max(last, key=lambda name: last[name]["val_delta_e"]) == "no L1"
    assert min(games, key=lambda name: games[name][3]["val_colorfulness"]) == "learning rate too high"
