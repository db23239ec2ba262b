"""What the checks of the exercises are made of: hints, and looking an answer over with care.

A check (in `chapter_01.py` and so on) takes the answer and returns praise, or raises `Hint` or `NotDone`. It compares
with an independent truth (scikit-image, torch, trying all candidates), never with the answer itself; `compare` then
asks which typical mistake would give just these numbers.
"""

from collections.abc import Callable
from copy import deepcopy
from traceback import walk_tb

import numpy as np

__all__ = ["Hint", "NotDone", "ask", "compare", "judge", "judge_each", "numbers"]


class Hint(Exception):
    """The answer is wrong; the message says what to try."""


class NotDone(Exception):
    """The answer is still the stub."""


def ask(function: Callable, *arguments):
    """What the student's function returns. A crash becomes a `Hint` that names the line, None is `NotDone`."""
    if not callable(function):
        raise Hint(f"a function is wanted here, not {type(function).__name__}: pass its name, without brackets")
    try:
        result = function(*arguments)
    except NotImplementedError:  # the other customary way to write a blank
        result = None
    except Exception as error:
        more = ": `if` looks at one number, np.where(test, this, that) at all" if "truth value" in str(error) else ""
        raise Hint(f"it stopped {_where(function, error)}with {type(error).__name__}: {error}{more}") from error
    if result is None:
        raise NotDone("the function returns None (has it a `return`?)")
    return result


def _where(function: Callable, error: Exception) -> str:
    where = ""
    for frame, line in walk_tb(error.__traceback__):
        if frame.f_code is getattr(function, "__code__", None):
            where = f"in line {line - frame.f_code.co_firstlineno + 1} of {function.__name__} "
    return where


def numbers(result, shape: tuple[int, ...] = (), what="the result", wrong_shapes=None) -> np.ndarray:
    """The result as a float64 array of this shape, from an array, a tensor, a list or a number; else a `Hint`.

    wrong_shapes: {shape: hint}, for the shapes that typical mistakes lead to.
    """
    try:
        if hasattr(result, "detach"):
            result = result.detach().cpu()
        array = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError):
        raise Hint(f"{what} should be numbers, not {type(result).__name__}") from None
    if array.shape != shape:
        hint = f"{what} has the shape {array.shape}, but {shape} is wanted"
        raise Hint((wrong_shapes or {}).get(array.shape, hint))
    if not np.isfinite(array).all():
        raise Hint(f"{what} contains nan or infinity: is something divided by 0, or a negative number rooted?")
    return array


def compare(got: np.ndarray, truth, mistakes: dict, tolerance: float) -> None:
    """Return quietly if `got` is `truth`, else raise the `Hint` of the mistake that gives just these numbers.

    truth: anything numpy makes an array of. mistakes: {hint: what this mistake leads to}; one within the tolerance of
    the truth, or of another, cannot be told apart and must not be listed. tolerance: largest difference allowed.
    """

    def same(other):
        other = np.asarray(other, dtype=np.float64)
        return other.shape == got.shape and bool(np.all(np.abs(got - other) <= tolerance))

    truth = np.asarray(truth, dtype=np.float64)
    if same(truth):
        return
    for hint, wrong in mistakes.items():
        if same(wrong):
            raise Hint(hint)
    worst = np.unravel_index(np.argmax(np.abs(got - truth)), got.shape)
    yours, right = f"{got[worst]:.4g}", f"{truth[worst]:.4g}"
    raise Hint(f"not yet: at the worst of {got.size} places your number is {yours}, and {right} is right")


def judge_each(function: Callable, cases, truth, mistakes: dict, tolerance: float, **words) -> np.ndarray:
    """Ask the student's function with copies of each case, `compare` what it returns, and return that.

    cases: tuples of arguments; truth and mistakes have a row for each. words: `what` and `wrong_shapes` of `numbers`.
    """
    got = np.stack([numbers(ask(function, *deepcopy(case)), np.shape(truth)[1:], **words) for case in cases])
    compare(got, truth, mistakes, tolerance)
    return got


def judge(function: Callable, arguments: tuple, truth, mistakes: dict, tolerance: float, **words) -> np.ndarray:
    """The same for a single case."""
    rows = {hint: [wrong] for hint, wrong in mistakes.items()}
    return judge_each(function, [arguments], [truth], rows, tolerance, **words)[0]
