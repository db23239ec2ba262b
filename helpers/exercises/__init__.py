"""Instant checks for the exercises of the notebooks.

    check("01-2 lightness", lightness)     # prints ✓, ○ or ✗ with a hint; returns "done", "not done", "wrong"

If a result is wrong but equals what a typical mistake would give, the hint names that mistake. The checks live in
`chapter_01.py` and so on; worked solutions in `notebooks/solutions/`.
"""

from collections.abc import Callable

from . import chapter_01, chapter_02, chapter_03, chapter_04, chapter_05, chapter_06, chapter_07
from .chapter_05 import mysteries
from .chapter_07 import yours_or_ours
from .hints import Hint, NotDone

__all__ = ["EXERCISES", "check", "mysteries", "yours_or_ours"]

CHAPTERS = (chapter_01, chapter_02, chapter_03, chapter_04, chapter_05, chapter_06, chapter_07)
EXERCISES: dict[str, Callable] = {number: judge for chapter in CHAPTERS for number, judge in chapter.EXERCISES.items()}
"""Exercise number -> function that takes the answer and returns praise, or raises `Hint` or `NotDone`."""


def check(name: str, answer) -> str:
    """Judge an answer, print one line, and return "done", "not done" or "wrong".

    name: the exercise's number and, if you like, a word: "01-2 lightness". answer: whatever the exercise asks
    for; None, and a function that returns None, mean "not done". A wrong or crashing answer raises nothing.
    Raises ValueError for an exercise that does not exist.
    """
    number = name.split()[0] if name.split() else name
    if number not in EXERCISES:
        raise ValueError(f"there is no exercise {number!r}: choose from {', '.join(sorted(EXERCISES))}")
    try:
        if answer is None:
            raise NotDone("fill in the blank and run the cell again")
        verdict, mark, text = "done", "✓", EXERCISES[number](answer)
    except NotDone as reason:
        verdict, mark, text = "not done", "○", f"not done yet: {reason}"
    except Hint as hint:
        verdict, mark, text = "wrong", "✗", str(hint)
    except Exception as error:  # an answer of a kind no check expects, such as a string for a number
        verdict, mark, text = "wrong", "✗", f"it could not be checked ({type(error).__name__}: {error})"
    print(f"{mark} {name}: {' '.join(text.split())}")
    return verdict
