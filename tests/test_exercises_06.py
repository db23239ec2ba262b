"""The exercises of chapter 6: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import pytest

from helpers.exercises import check


def _paired(ours, theirs, counts):
    return np.percentile(counts @ (ours - theirs) / len(ours), [2.5, 97.5])


def _apart(values, counts):
    return np.percentile(counts @ values / len(values), [2.5, 97.5])


def _mmd2(x, y, kernel):
    kxx, kyy = kernel(x, x), kernel(y, y)
    m, n = len(x), len(y)
    within = (kxx.sum() - np.trace(kxx)) / (m * (m - 1)) + (kyy.sum() - np.trace(kyy)) / (n * (n - 1))
    return within - 2 * kernel(x, y).mean()


def _within(z, kernel):
    return _without_diagonal(kernel(z, z)) / (len(z) * (len(z) - 1))


def _without_diagonal(k):
    return k.sum() - np.trace(k)


def _wilson(right, asked, z=1.96):
    p, n = right / asked, asked
    center = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5 / (1 + z**2 / n)
    return center - half, center + half


def _wald(right, asked):
    p = right / asked
    half = 1.96 * (p * (1 - p) / asked) ** 0.5
    return p - half, p + half


def _around_p(right, asked):
    low, high = _wilson(right, asked)
    return right / asked - (high - low) / 2, right / asked + (high - low) / 2


def _wilson_as_typed(right, asked, top=None, root=None):
    """With a term above, or under the root, as it was typed without brackets."""
    p, z, n, bottom = right / asked, 1.96, asked, 1 + 1.96**2 / asked
    center = (p + (z**2 / (2 * n) if top is None else top)) / bottom
    half = z * (p * (1 - p) / n + (z**2 / (4 * n**2) if root is None else root)) ** 0.5 / bottom
    return center - half, center + half


def _undivided(right, asked):
    low, high = _wilson(right, asked)
    return low * (1 + 1.96**2 / asked), high * (1 + 1.96**2 / asked)


CASES = {
    "06-1": (
        _paired,
        lambda ours, theirs, counts: None,
        [
            (lambda a, b, c: np.percentile(c @ (a - b), [2.5, 97.5]), "sums, not means"),
            (lambda a, b, c: np.percentile(c @ (a - b) / len(c), [2.5, 97.5]), "number of resamples"),
            (lambda a, b, c: _paired(b, a, c), "sign is turned"),
            (lambda a, b, c: _paired(a, b, c)[::-1], "swapped"),
            (lambda a, b, c: _apart(a, c) - _apart(b, c), "Subtract photo by photo first, then"),
            (lambda a, b, c: _apart(a, c) - _apart(b, c)[::-1], "widest gap"),
            (lambda a, b, c: np.percentile(c @ (a - b) / len(a), [5, 95]), "90 %"),
            (lambda a, b, c: np.percentile(c @ (a - b) / len(a), [0.025, 0.975]), "counts in percent"),
            (lambda a, b, c: np.percentile(a - b, [2.5, 97.5]), "*photos* lie"),
            (
                lambda a, b, c: (a - b).mean() + np.array([-1.96, 1.96]) * (a - b).std(ddof=1) / len(a) ** 0.5,
                "textbook formula",
            ),
            (lambda a, b, c: np.full(2, (a - b).mean()), "counts are not used"),
            (lambda a, b, c: np.percentile(c @ (a - b) / len(a), [0, 100]), "smallest and the largest"),
            (lambda a, b, c: _apart(np.abs(a - b), c), "signs are lost"),
            (lambda a, b, c: _apart((a - b) ** 2, c), "squares"),
            (lambda a, b, c: _apart(a, c), "ours alone"),
            (lambda a, b, c: _apart(b, c), "theirs alone"),
            (lambda a, b, c: (a - b).mean(), "one number came back: the two ends"),
            (lambda a, b, c: c @ (a - b) / len(a), "one mean per resample"),
            (lambda a, b, c: a - b, "one number per photo"),
            (lambda a, b, c: np.percentile(c @ (a - b) / len(a), [2.5, 50, 97.5]), "three numbers"),
            (lambda a, b, c: c - a, "shape (400, 40)"),
            (lambda a, b, c: (0, 1), "for 40 photos and 400 resamples, at the "),
        ],
    ),
    "06-2": (
        _mmd2,
        lambda x, y, kernel: None,
        [
            (lambda x, y, k: k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean(), "with itself are still in"),
            (
                lambda x, y, k: (
                    _without_diagonal(k(x, x)) / len(x) ** 2
                    + _without_diagonal(k(y, y)) / len(y) ** 2
                    - 2 * k(x, y).mean()
                ),
                "still divided by m²",
            ),
            (
                lambda x, y, k: (
                    k(x, x).sum() / (len(x) * (len(x) - 1))
                    + k(y, y).sum() / (len(y) * (len(y) - 1))
                    - 2 * k(x, y).mean()
                ),
                "still in the sums",
            ),
            (lambda x, y, k: _mmd2(x, y, k) + k(x, y).mean(), "count twice"),
            (lambda x, y, k: _mmd2(x, y, k) + 4 * k(x, y).mean(), "subtracted, not added"),
            (lambda x, y, k: -_mmd2(x, y, k), "sign is turned"),
            (lambda x, y, k: abs(_mmd2(x, y, k)) ** 0.5, "no root"),
            (
                lambda x, y, k: _without_diagonal(k(x, x)) + _without_diagonal(k(y, y)) - 2 * k(x, y).sum(),
                "sums, not means",
            ),
            (
                lambda x, y, k: _mmd2(x, y, k) + 2 * k(x, y).mean() - 2 * k(x, y).sum() / len(x) ** 2,
                "all m · n",
            ),
            (lambda x, y, k: _mmd2(x, y, k) - _within(y, k), "within the second set are missing"),
            (lambda x, y, k: _mmd2(x, y, k) - _within(x, k), "within the first set are missing"),
            (lambda x, y, k: _within(x, k) + _within(y, k), "across the two sets are missing"),
            (lambda x, y, k: (_within(x, k) + _within(y, k)) / 2 - 2 * k(x, y).mean(), "count half"),
            (lambda x, y, k: k(x, y), "all pairs came back"),
            (lambda x, y, k: k(x, x), "all pairs within the first set"),
            (lambda x, y, k: (_within(x, k), _within(y, k), k(x, y).mean()), "three numbers came back: add"),
            (lambda x, y, k: (1, 2), "shape (2,)"),
            (lambda x, y, k: k(x[:6], y[:6]).trace(), "for sets of 6 and 9 pictures with 3 features each your"),
        ],
    ),
    "06-3": (
        _wilson,
        lambda right, asked: None,
        [
            (lambda k, n: [100 * end for end in _wilson(k, n)], "percent"),
            (lambda k, n: _wilson(k, n)[::-1], "swapped"),
            (_wald, "absurd"),
            (_around_p, "center is not p"),
            (lambda k, n: _wilson_as_typed(k, n, top=1.96**2 / 2 * n), "write / (2 * n)"),
            (lambda k, n: _wilson_as_typed(k, n, root=1.96**2 / 4 * n**2), "write / (4 * n**2)"),
            (_undivided, "both lines"),
            (
                lambda k, n: (
                    sum(_wilson(k, n)) / 2
                    + np.array([-0.5, 0.5]) * np.subtract(*_wilson(k, n)[::-1]) * (1 + 1.96**2 / n)
                ),
                "half width",
            ),
            (
                lambda k, n: sum(_wilson(k, n)) / 2 + np.array([-0.5, 0.5]) * np.subtract(*_wilson(k, n)[::-1]) / 1.96,
                "before the root is missing",
            ),
            (
                lambda k, n: (
                    sum(_wilson(k, n)) / 2
                    + np.array([-1.96, 1.96]) * (k / n * (1 - k / n) / n + 1.96**2 / (4 * n)) ** 0.5 / (1 + 1.96**2 / n)
                ),
                "n squared",
            ),
            (lambda k, n: _wilson(k, n, 1.0), "not 1"),
            (lambda k, n: _wilson(k, n, 1.645), "on *each* side"),
            (
                lambda k, n: (
                    sum(_wilson(k, n)) / 2
                    + np.array([-1.96, 1.96]) * (k / n * (1 - k / n) + 1.96**2 / (4 * n**2)) ** 0.5 / (1 + 1.96**2 / n)
                ),
                "the n is missing",
            ),
            (
                lambda k, n: (
                    sum(_wilson(k, n)) / 2
                    + np.array([-1.96, 1.96]) * (k / n * (1 - k / n) / n + 1.96**2 / (4 * n**2)) / (1 + 1.96**2 / n)
                ),
                "the root is missing",
            ),
            (lambda k, n: (sum(_wilson(k, n)) / 2, np.subtract(*_wilson(k, n)[::-1]) / 2), "center and half came back"),
            (lambda k, n: k / n, "one number came back"),
            (lambda k, n: (k / n, 1, 2), "shape (3,)"),
            (lambda k, n: (0, 1), "for 20 right of 20, at the lower end, your number is 0"),
        ],
    ),
    "06-4": (
        "ae",
        None,
        [
            ("a", "look at e again"),
            ("e", "look at a again"),
            ("abe", "claim b goes too far"),
            ("ace", "claim c goes too far"),
            ("ade", "claim d goes too far"),
            ("aef", "claim f goes too far"),
            ("aeg", "how far would gray come"),
            ("aez", "no claim 'z'"),
            ("", "by their letters"),
            (["h"], "no claim 'h'"),
            (lambda: "ae", "no function"),
        ],
    ),
}


@pytest.mark.parametrize("answer", ["ae", "ea", "A, E", ["a", "e"], {"e", "a"}])
def test_claims_may_be_written_in_any_way(answer):
    assert check("06-4", answer) == "done"


def test_the_praise_of_06_1_is_true():
    """It says that the separate intervals overlap while the paired one leaves out 0."""
    low, high = [], []

    def spy(ours, theirs, counts):
        for values in (ours, theirs):
            a, b = _apart(values, counts)
            low.append(a), high.append(b)
        return _paired(ours, theirs, counts)

    assert check("06-1", spy) == "done"
    assert low[0] < high[1]
