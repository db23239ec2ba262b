"""What the checks of the exercises are made of: hints, and looking an answer over with care.

A check (in `chapter_01.py` and so on) is a function that takes the answer and returns praise,
or raises `Hint` or `NotDone`. It compares with an independent truth (scikit-image, torch, trying all candidates),
never with the answer itself; `compare` then asks which typical mistake would give just these numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["Hint", "NotDone", "answers", "ask", "compare", "numbers"]


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
        more = (
            ": `if` looks at one number, np.where(condition, this, that) at all" if "truth value" in str(error) else ""
        )
        raise Hint(f"it stopped {_where(function, error)}with {type(error).__name__}: {error}{more}") from error
    if result is None:
        raise NotDone("the function returns None (has it a `return`?)")
    return result


def _where(function: Callable, error: Exception) -> str:
    step, line = error.__traceback__, None
    while step:
        if step.tb_frame.f_code is getattr(function, "__code__", None):
            line = step.tb_lineno - step.tb_frame.f_code.co_firstlineno + 1
        step = step.tb_next
    return "" if line is None else f"in line {line} of {function.__name__} "


def numbers(result, shape: tuple[int, ...], what: str = "the result") -> np.ndarray:
    """The result as a float64 array of this shape, from an array, a tensor, a list or a number; else a `Hint`."""
    try:
        if hasattr(result, "detach"):
            result = result.detach().cpu()
        array = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError):
        raise Hint(f"{what} should be numbers, not {type(result).__name__}") from None
    if array.shape != shape:
        raise Hint(f"{what} has the shape {array.shape}, but {shape} is wanted")
    if not np.isfinite(array).all():
        raise Hint(f"{what} contains nan or infinity: is something divided by 0, or a negative number rooted?")
    return array


def answers(function: Callable, cases, shape: tuple[int, ...] = (), what: str = "the result") -> np.ndarray:
    """What the student's function returns for each case, a tuple of its arguments: float64 (cases, *shape)."""
    return np.stack([numbers(ask(function, *case), shape, what) for case in cases])


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
    raise Hint(
        f"not yet: at the worst of {got.size} places your number is {got[worst]:.4g}, and {truth[worst]:.4g} is right"
    )
