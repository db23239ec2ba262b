"""Checks for chapter 6, Evaluation. The truth is SciPy's, or found by a plain loop over photos or pairs."""

from __future__ import annotations

import numpy as np

from .hints import Hint, answers, ask, compare, numbers


def _paired_interval(function) -> str:
    """06-1: ours (N,), theirs (N,), counts (R, N) -> (low, high) of the mean difference."""
    rng = np.random.default_rng(6)
    level = rng.normal(18, 3, 40)  # some photos are easy for both
    ours, theirs = level + rng.normal(0.3, 0.8, 40), level + rng.normal(0, 0.8, 40)
    counts = rng.multinomial(40, np.full(40, 1 / 40), size=400)
    got = numbers(ask(function, ours.copy(), theirs.copy(), counts.copy()), (2,), "the interval (low, high)")

    def middle(values, low=2.5, high=97.5):
        means = [np.mean(np.repeat(values, drawn)) for drawn in counts]  # photo by photo, as drawn
        return np.percentile(means, [low, high])

    gain = ours - theirs
    truth, a, b = middle(gain), middle(ours), middle(theirs)
    textbook = gain.mean() + 1.96 * gain.std(ddof=1) / 40**0.5 * np.array([-1, 1])
    mistakes = {
        "those are sums, not means: divide by the number of photos": truth * 40,
        "divide by the number of photos, not by the number of resamples": truth * 40 / 400,
        "the sign is turned: ours minus theirs": -truth[::-1],
        "the two ends are swapped: low first": truth[::-1],
        "the two ends of two intervals were subtracted. Subtract photo by photo first, then resample": a - b,
        "this is the widest gap between two intervals. It forgets that both painted the same photos: subtract photo by "
        "photo first": a - b[::-1],
        "this is the middle 90 %: the middle 95 % leaves 2.5 % on each side": middle(gain, 5, 95),
        "np.percentile counts in percent: 2.5 and 97.5 (np.quantile takes 0.025)": middle(gain, 0.025, 0.975),
        "this is where 95 % of the *photos* lie, not where their mean lies": np.percentile(gain, [2.5, 97.5]),
        "this is the textbook formula, mean ± 1.96 standard errors, and close. Here take the percentiles of the "
        "resampled means: they also work where there is no formula": textbook,
        "the counts are not used: each resample is a row, and says how often each photo is drawn": [gain.mean()] * 2,
    }
    compare(got, truth, mistakes, 1e-4)
    return (
        f"right: the difference lies between {truth[0]:+.2f} and {truth[1]:+.2f}; two separate intervals overlap here"
    )


def _unbiased_mmd2(function) -> str:
    """06-2: x (m, d), y (n, d), kernel -> the unbiased estimate of the squared MMD."""
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 1, (6, 3)), rng.uniform(0, 1.5, (9, 3))

    def kernel(p, q):
        return (p @ q.T / p.shape[1] + 1) ** 3

    def one(p, q):
        return float((np.dot(p, q) / 3 + 1) ** 3)

    got = numbers(ask(function, x.copy(), y.copy(), kernel), (), "the MMD²")
    within = [np.mean([one(p, q) for i, p in enumerate(z) for j, q in enumerate(z) if i != j]) for z in (x, y)]
    across = np.mean([one(p, q) for p in x for q in y])
    truth = within[0] + within[1] - 2 * across
    kxx, kyy, kxy = kernel(x, x), kernel(y, y), kernel(x, y)
    m, n = 6, 9
    off = kxx.sum() - np.trace(kxx), kyy.sum() - np.trace(kyy)
    biased = kxx.mean() + kyy.mean() - 2 * across
    wrong_across = within[0] + within[1] - 2 * kxy.sum() / (m * m)
    mistakes = {
        "the pairs of a picture with itself are still in: take the diagonal out of both squares, and divide by "
        "m (m − 1) and n (n − 1)": biased,
        "the diagonal is out, but the squares are still divided by m² and n²: m (m − 1) and n (n − 1) pairs are left": (
            off[0] / m**2 + off[1] / n**2 - 2 * across
        ),
        "the division is by m (m − 1) and n (n − 1), but the diagonal is still in the sums": (
            kxx.sum() / (m * (m - 1)) + kyy.sum() / (n * (n - 1)) - 2 * across
        ),
        "the pairs of one from x and one from y count twice: − 2 times their mean": within[0] + within[1] - across,
        "the pairs across are subtracted, not added": within[0] + within[1] + 2 * across,
        "the sign is turned: alike within, less alike across, should give more than 0": -truth,
        "no root: MMD² may well be negative, and a root would make it biased again": abs(truth) ** 0.5,
        "those are sums, not means: divide each by its number of pairs": off[0] + off[1] - 2 * kxy.sum(),
        "the mean over pairs across is over all m · n of them": wrong_across,
    }
    compare(got, truth, mistakes, 1e-5)
    return f"right: {truth:.3f}; with the diagonal it would have been {biased:.3f}"


def _wilson(function) -> str:
    """06-3: right, asked -> (low, high), the 95 % Wilson interval of a share."""
    from scipy.stats import binomtest

    cases = [(11, 20), (20, 20), (3, 20), (55, 100)]

    def interval(level):
        return np.array([binomtest(k, n).proportion_ci(level, method="wilson") for k, n in cases])

    truth, got = interval(0.95), answers(function, cases, (2,), "the interval (low, high)")
    k, n = np.array(cases, dtype=float).T
    p, z = k / n, 1.96

    def ends(center, half):
        return np.stack([center - half, center + half], 1)

    bottom, root = 1 + z**2 / n, np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    center = (p + z**2 / (2 * n)) / bottom
    around_p = ends(p, z * root / bottom)
    n_once = np.sqrt(p * (1 - p) / n + z**2 / (4 * n))
    mistakes = {
        "those are percent: a share lies between 0 and 1": 100 * truth,
        "the two ends are swapped: low first": truth[:, ::-1],
        "this is p ± 1.96 √(p (1 − p) / n). It says that 20 right of 20 leaves no doubt at all, which is absurd: use "
        "the formula of the text": ends(p, z * np.sqrt(p * (1 - p) / n)),
        "the center is not p: it is drawn toward one half, by z² / 2n above and z² / n below": around_p,
        "both lines are divided by 1 + z² / n": ends(p + z**2 / (2 * n), z * root),
        "the half width is divided by 1 + z² / n as well": ends(center, z * root),
        "the z before the root is missing": ends(center, root / bottom),
        "the last term under the root is z² / (4 n²), with n squared": ends(center, z * n_once / bottom),
        "z is 1.96 for 95 %, not 1": interval(0.6827),
        "z is 1.96: 2.5 % are left out on *each* side; 1.645 leaves out 5 %": interval(0.9),
    }
    compare(got, truth, mistakes, 1e-3)
    low, high = truth[0]
    return f"right: 11 of 20 means {low:.0%} to {high:.0%}, and 20 of 20 still only {truth[1][0]:.0%} or more"


CLAIMS = {  # letter: (is it borne out by the report of the exercise, the hint for who thinks otherwise)
    "a": (True, "the interval of the *paired* difference leaves out 0, so it is more than chance, on such photos"),
    "b": (False, "both painted the same photos, so whether two intervals overlap decides nothing; the paired one does"),
    "c": (
        False,
        "colorfulness is no matter of more or less: it should be near the truth, and 22 is farther from 39 than 31",
    ),
    "d": (False, "work out the Wilson interval of 9 of 20: it reaches from about a quarter to two thirds"),
    "e": (
        True,
        "colorfulness is near truth when it is near 39; the two intervals lie on the same side of it, far apart",
    ),
    "f": (False, "KID by one network and FID by another, on other photos, at another size: no common scale"),
    "g": (
        False,
        "L is shared, so a gray picture has a high SSIM as well; only the distance from gray's would say anything",
    ),
}


def _claims(answer) -> str:
    """06-4: the letters of the claims that the report bears out."""
    if callable(answer):
        raise Hint('letters are wanted here, as in "bd", no function')
    letters = "".join(answer) if isinstance(answer, (list, tuple, set)) else answer
    if not isinstance(letters, str) or not letters.strip():
        raise Hint('name the claims by their letters, as in "bd"')
    chosen = {letter for letter in letters.lower() if letter not in " ,;"}
    if strange := sorted(chosen - CLAIMS.keys()):
        raise Hint(f"there is no claim {strange[0]!r}: choose from {', '.join(CLAIMS)}")
    for letter, (borne_out, hint) in CLAIMS.items():
        if letter in chosen and not borne_out:
            raise Hint(f"claim {letter} goes too far: {hint}")
    for letter, (borne_out, hint) in CLAIMS.items():
        if letter not in chosen and borne_out:
            raise Hint(f"all that you chose are fine, one more is: look at {letter} again; {hint}")
    return "right: two modest sentences are all that this report bears out"


EXERCISES = {"06-1": _paired_interval, "06-2": _unbiased_mmd2, "06-3": _wilson, "06-4": _claims}
