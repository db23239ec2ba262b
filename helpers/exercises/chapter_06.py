"""Checks for chapter 6, Evaluation. The truth is SciPy's, or found by a plain loop over photos or pairs."""

import numpy as np

from .hints import Hint, judge, judge_each


def _paired_interval(function) -> str:
    """06-1: ours (N,), theirs (N,), counts (R, N) -> (low, high) of the mean difference."""
    rng = np.random.default_rng(6)
    level = rng.normal(18, 3, 40)  # some photos are easy for both
    ours, theirs = level + rng.normal(0.3, 0.8, 40), level + rng.normal(0, 0.8, 40)
    counts = rng.multinomial(40, np.full(40, 1 / 40), size=400)

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
        "the ends of two intervals were subtracted. Subtract photo by photo first, then resample": a - b,
        "the widest gap between two intervals forgets that both painted the same photos: subtract first": a - b[::-1],
        "this is the middle 90 %: the middle 95 % leaves 2.5 % on each side": middle(gain, 5, 95),
        "np.percentile counts in percent: 2.5 and 97.5 (np.quantile takes 0.025)": middle(gain, 0.025, 0.975),
        "this is where 95 % of the *photos* lie, not where their mean lies": np.percentile(gain, [2.5, 97.5]),
        "this is the textbook formula, and close. Here take the percentiles of the resampled means": textbook,
        "the counts are not used: each row is a resample, how often it draws each photo": [gain.mean()] * 2,
        "these are the smallest and the largest mean: leave out 2.5 % on each side": middle(gain, 0, 100),
        "the signs are lost: a photo on which theirs is better counts against ours": middle(np.abs(gain)),
        "those are squares of the differences: the mean difference itself is wanted": middle(gain**2),
        "this is the interval of ours alone: subtract theirs first": a,
        "this is the interval of theirs alone: take ours minus theirs": b,
    }
    shapes = {
        (): "one number came back: the two ends of the interval are wanted, low and high",
        (400,): "one mean per resample came back: take the two percentiles of these",
        (40,): "one number per photo came back: the interval is of their resampled means",
        (3,): "three numbers came back: only the two ends are wanted, without the middle",
    }

    def where(place: tuple) -> str:
        return f"for 40 photos and 400 resamples, at the {('lower', 'upper')[place[0]]} end,"

    judge(
        function, (ours, theirs, counts), truth, mistakes, 1e-4, where, what="the interval (low, high)",
        wrong_shapes=shapes,
    )  # fmt: skip
    low, high = truth
    return f"right: the difference lies between {low:+.2f} and {high:+.2f}; two separate intervals overlap here"


def _unbiased_mmd2(function) -> str:
    """06-2: x (m, d), y (n, d), kernel -> the unbiased estimate of the squared MMD."""
    m, n = 6, 9
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 1, (m, 3)), rng.uniform(0, 1.5, (n, 3))

    def kernel(p, q):
        return (p @ q.T / 3 + 1) ** 3

    xx, yy = (np.mean([kernel(p, q) for i, p in enumerate(z) for j, q in enumerate(z) if i != j]) for z in (x, y))
    xy = np.mean([kernel(p, q) for p in x for q in y])
    truth = xx + yy - 2 * xy
    all_xx, all_yy = kernel(x, x).mean(), kernel(y, y).mean()  # with the diagonal
    biased = all_xx + all_yy - 2 * xy
    not_m2 = xx * (m - 1) / m + yy * (n - 1) / n - 2 * xy
    diagonal = all_xx * m / (m - 1) + all_yy * n / (n - 1) - 2 * xy
    sums = xx * m * (m - 1) + yy * n * (n - 1) - 2 * xy * m * n
    mistakes = {
        "pairs of a picture with itself are still in: leave out both diagonals, m (m − 1) and n (n − 1) stay": biased,
        "the diagonal is out, but both are still divided by m² and n²: m (m − 1) and n (n − 1) pairs are left": not_m2,
        "the division is by m (m − 1) and n (n − 1), but the diagonal is still in the sums": diagonal,
        "the pairs of one from x and one from y count twice: − 2 times their mean": xx + yy - xy,
        "the pairs across are subtracted, not added": xx + yy + 2 * xy,
        "the sign is turned: alike within, less alike across, should give more than 0": -truth,
        "no root: MMD² may well be negative, and a root would make it biased again": abs(truth) ** 0.5,
        "those are sums, not means: divide each by its number of pairs": sums,
        "the mean over pairs across is over all m · n of them": xx + yy - 2 * xy * n / m,
        "the pairs within the second set are missing": xx - 2 * xy,
        "the pairs within the first set are missing": yy - 2 * xy,
        "the pairs across the two sets are missing": xx + yy,
        "the means within count half: add them, each over all m (m − 1) or n (n − 1) ordered pairs": (
            (xx + yy) / 2 - 2 * xy
        ),
    }
    shapes = {
        (m, n): "all pairs came back: take their mean",
        (m, m): "all pairs within the first set came back: three means make one number",
        (3,): "three numbers came back: add the two means within, and subtract twice the one across",
    }

    def where(_) -> str:
        return f"for sets of {m} and {n} pictures with 3 features each"

    judge(function, (x, y, kernel), truth, mistakes, 1e-5, where, what="the MMD²", wrong_shapes=shapes)
    return f"right: {truth:.3f}; with the diagonal it would have been {biased:.3f}"


def _wilson(function) -> str:
    """06-3: right, asked -> (low, high), the 95 % Wilson interval of a share."""
    from scipy.stats import binomtest  # takes a second to load

    cases = [(11, 20), (20, 20), (3, 20), (55, 100)]
    tests = [binomtest(right, asked) for right, asked in cases]
    levels = [[test.proportion_ci(level, "wilson") for test in tests] for level in (0.95, 0.9, 0.6827)]
    truth, z_1645, z_1 = np.array(levels)
    k, n = np.array(cases, dtype=float).T[..., None]
    p, z = k / n, 1.96 * np.array([-1, 1])  # both ends at once
    spread, top, bottom = p * (1 - p) / n, p + z**2 / (2 * n), 1 + z**2 / n
    center, root, n_once = top / bottom, (spread + z**2 / (4 * n**2)) ** 0.5, (spread + z**2 / (4 * n)) ** 0.5
    mistakes = {
        "those are percent: a share lies between 0 and 1": 100 * truth,
        "the two ends are swapped: low first": truth[:, ::-1],
        "p ± 1.96 √(p (1 − p) / n) is absurdly sure of 20 right of 20: use the formula of the text": p
        + z * spread**0.5,
        "the center is not p: z² / (2n) above and z² / n below draw it toward one half": p + z * root / bottom,
        "/ 2 * n divides by 2, then multiplies by n: write / (2 * n)": (p + z**2 / 2 * n) / bottom + z * root / bottom,
        "/ 4 * n**2 divides by 4, then multiplies by n²: write / (4 * n**2)": (
            center + z * (spread + z**2 / 4 * n**2) ** 0.5 / bottom
        ),
        "both lines are divided by 1 + z² / n": top + z * root,
        "the half width is divided by 1 + z² / n as well": center + z * root,
        "the z before the root is missing": center + np.sign(z) * root / bottom,
        "the last term under the root is z² / (4 n²), with n squared": center + z * n_once / bottom,
        "z is 1.96 for 95 %, not 1": z_1,
        "z is 1.96: 2.5 % are left out on *each* side; 1.645 leaves out 5 %": z_1645,
        "the first term under the root is p (1 − p) / n: the n is missing": center
        + z * (p * (1 - p) + z**2 / (4 * n**2)) ** 0.5 / bottom,
        "the root is missing": center + z * (spread + z**2 / (4 * n**2)) / bottom,
        "center and half came back: the ends are center − half and center + half": np.stack(
            [center[:, 0], 1.96 * (root / bottom)[:, 0]], axis=1
        ),
    }
    shapes = {(): "one number came back: the interval has two ends, low and high"}

    def where(place: tuple) -> str:
        right, asked = cases[place[0]]
        return f"for {right} right of {asked}, at the {('lower', 'upper')[place[1]]} end,"

    judge_each(
        function, cases, truth, mistakes, 1e-3, where, what="the interval (low, high)", wrong_shapes=shapes
    )  # fmt: skip
    low, high = truth[0]
    return f"right: 11 of 20 means {low:.0%} to {high:.0%}, and 20 of 20 still only {truth[1][0]:.0%} or more"


BORNE_OUT = {  # by the report of the exercise, and the hint for who thinks otherwise
    "a": "the interval of the *paired* difference leaves out 0, so it is more than chance, on such photos",
    "e": "colorfulness is near truth when near 39; both intervals lie on the same side of it, far apart",
}
TOO_FAR = {
    "b": "both painted the same photos, so it is the paired interval that decides, not whether two overlap",
    "c": "colorfulness is no matter of more or less: it should be near the truth, and 22 is farther from 39 than 31",
    "d": "work out the Wilson interval of 9 of 20: it reaches from about a quarter to two thirds",
    "f": "KID by one network and FID by another, on other photos, at another size: no common scale",
    "g": "how far would gray come, with no color at all? It keeps L, so its SSIM is high, too: .92 alone says nothing",
}


def _claims(answer) -> str:
    """06-4: the letters of the claims that the report bears out."""
    if callable(answer):
        raise Hint('letters are wanted here, as in "bd", no function')
    letters = "".join(answer) if isinstance(answer, (list, tuple, set)) else answer
    if not isinstance(letters, str) or not letters.strip():
        raise Hint('name the claims by their letters, as in "bd"')
    chosen = {letter for letter in letters.lower() if letter not in " ,;"}
    if strange := sorted(chosen - BORNE_OUT.keys() - TOO_FAR.keys()):
        raise Hint(f"there is no claim {strange[0]!r}: choose from {', '.join(sorted(BORNE_OUT | TOO_FAR))}")
    if wrong := sorted(chosen & TOO_FAR.keys()):
        raise Hint(f"claim {wrong[0]} goes too far: {TOO_FAR[wrong[0]]}")
    if missed := sorted(BORNE_OUT.keys() - chosen):
        raise Hint(f"all that you chose are fine, one more is: look at {missed[0]} again; {BORNE_OUT[missed[0]]}")
    return "right: two modest sentences are all that this report bears out"


EXERCISES = {"06-1": _paired_interval, "06-2": _unbiased_mmd2, "06-3": _wilson, "06-4": _claims}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_paired_interval(ours, theirs, counts):
    means = counts @ (ours - theirs) / counts.sum(axis=1)
    return tuple(np.percentile(means, [2.5, 97.5]).tolist())


def _our_mmd2(x, y, kernel):
    kxx, kyy = kernel(x, x), kernel(y, y)
    m, n = len(x), len(y)
    within = (kxx.sum() - np.trace(kxx)) / (m * (m - 1)) + (kyy.sum() - np.trace(kyy)) / (n * (n - 1))
    return float(within - 2 * kernel(x, y).mean())


def _our_wilson(right, asked):
    p, z2 = right / asked, 1.96**2
    half = 1.96 * (p * (1 - p) / asked + z2 / (4 * asked**2)) ** 0.5
    return tuple((p + z2 / (2 * asked) + end) / (1 + z2 / asked) for end in (-half, half))


OURS = {"06-1": _our_paired_interval, "06-2": _our_mmd2, "06-3": _our_wilson}
