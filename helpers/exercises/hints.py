"""What the checks of the exercises are made of: hints, and looking an answer over with care.

A check (in `chapter_01.py` and so on) takes the answer and returns praise, or raises `Hint` or `NotDone`. It compares
with an independent truth (scikit-image, torch, trying all candidates), never with the answer itself; `compare` then
asks which typical mistake would give just these numbers.
"""

from collections.abc import Callable
from copy import deepcopy
from traceback import walk_tb

import numpy as np

__all__ = ["Hint", "NotDone", "ask", "call_words", "compare", "judge", "judge_each", "numbers"]


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
    except Exception as error:
        *_, (last, _) = walk_tb(error.__traceback__)
        if isinstance(error, NotImplementedError) and not last.f_globals["__name__"].startswith("torch."):
            raise NotDone("it raises NotImplementedError") from None  # the other customary way to write a blank
        raise Hint(
            f"it stopped {_where(function, error)}with {type(error).__name__}: {error}{_remedy(error)} "
            f"(it was given {', '.join(map(in_words, arguments)) or 'nothing'})"
        ) from error
    if result is None:
        raise NotDone("the function returns None (has it a `return`?)")
    return result


def _where(function: Callable, error: Exception) -> str:
    where = ""
    for frame, line in walk_tb(error.__traceback__):
        if frame.f_code is getattr(function, "__code__", None):
            where = f"in line {line - frame.f_code.co_firstlineno + 1} of {function.__name__} "
    return where


REMEDIES = {
    "truth value": ": `if` looks at one number, np.where(test, this, that) at all",
    "only length-1 arrays": ": functions of `math` take one number, those of numpy (np.…) take arrays",
    "only 0-dimensional arrays": ": functions of `math` take one number, those of numpy (np.…) take arrays",
    "bitwise_xor": ": a power is ** in Python, ^ is something else",
    "type(s) for ^": ": a power is ** in Python, ^ is something else",
    'missing the required "forward"': ": a ModuleList cannot be called, loop over it",
    "channels, but got": ": a convolution was made for another number of channels; print the shapes of what you join",
    "values to unpack": ": unpacking goes along the first axis; if the parts lie on the last, take x[..., 0] and so on",
}


def _remedy(error: Exception) -> str:
    return next((words for part, words in REMEDIES.items() if part in str(error)), "")


def in_words(value) -> str:
    """An argument as a hint may show it: 3, (2, 4), [1, 2.5], "an array (12, 10, 3) of uint8"."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        kind = "a tensor" if hasattr(value, "detach") else "an array"
        dtype = str(value.dtype).removeprefix("torch.")
        shape = tuple(value.shape)
        return str(value.tolist()) if len(shape) < 2 and sum(shape) <= 4 else f"{kind} {shape} of {dtype}"
    if isinstance(value, list | tuple) and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, list | tuple):
        left, right = "[]" if isinstance(value, list) else "()"
        return f"{left}{', '.join(map(in_words, value))}{right}"
    plain = value is None or isinstance(value, bool | int | str | float | np.generic)
    return (f"{value:.4g}" if isinstance(value, float) else repr(value)) if plain else f"a {type(value).__name__}"


def call_words(function: Callable, arguments: tuple) -> str:
    """The call that went wrong, as the student would write it: conv_size(9, 5, 1, 0)."""
    name = getattr(function, "__name__", "it")
    return f"{'it' if name == '<lambda>' else name}({', '.join(map(in_words, arguments))})"


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


def compare(got: np.ndarray, truth, mistakes: dict, tolerance: float, where: Callable | None = None) -> None:
    """Return quietly if `got` is `truth`, else raise the `Hint` of the mistake that gives just these numbers.

    truth: anything numpy makes an array of. mistakes: {hint: what this mistake leads to}; one within the tolerance of
    the truth, or of another, cannot be told apart and must not be listed. tolerance: largest difference allowed.
    where: what was asked at a place (its index, a tuple) of the result, as "for a light of 0.05"; for a mistake that
    nobody foresaw, the hint then names the input on which it shows.
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
    off = np.abs(got - truth)
    worst = tuple(int(i) for i in np.unravel_index(np.argmax(off), got.shape))
    asked = where(worst) if where else f"at place {list(worst)}" if worst else "here"
    good = int(np.sum(off <= tolerance))
    right = f" ({good} of {got.size} numbers are right)" if good else ""
    raise Hint(f"not yet: {asked} your number is {got[worst]:.4g}, and {truth[worst]:.4g} is right{right}")


def judge_each(
    function: Callable, cases, truth, mistakes: dict, tolerance: float, where: Callable | None = None, **words
) -> np.ndarray:
    """Ask the student's function with copies of each case, `compare` what it returns, and return that.

    cases: tuples of arguments; truth and mistakes have a row for each. where: as in `compare`, an index being that of
    the case and then that in its result; without it a hint names the call. words: `what` and `wrong_shapes` of
    `numbers`.
    """
    got = np.stack([numbers(ask(function, *deepcopy(case)), np.shape(truth)[1:], **words) for case in cases])

    def of_call(place: tuple) -> str:
        inside = f", at place {list(place[1:])} of the result," if len(place) > 1 else ""
        return f"for {call_words(function, cases[place[0]])}{inside}"

    compare(got, truth, mistakes, tolerance, where or of_call)
    return got


def judge(function: Callable, arguments: tuple, truth, mistakes: dict, tolerance: float, where=None, **words):
    """The same for a single case, whose index is left out in `where`."""
    rows = {hint: [wrong] for hint, wrong in mistakes.items()}
    place = (lambda index: where(index[1:])) if where else None
    return judge_each(function, [arguments], [truth], rows, tolerance, place, **words)[0]
