"""Instant checks for the exercises of the notebooks.

    check("01-2 lightness", lightness)     # prints ✓, ○ or ✗ with a hint; returns "done", "not done", "wrong"
    expected_and_yours("01-2", lightness, lambda f: f(photo))    # what it should draw, beside what yours draws
    lightness = yours_or_ours("01-2", lightness)                 # what the chapter goes on with; says which
    kind = trainer_with(critic_step, generator_step)             # chapter 5: a Trainer that plays with these moves

If a result is wrong but equals what a typical mistake would give, the hint names that mistake. The checks live in
`chapter_01.py` and so on; worked solutions in `notebooks/solutions/`.
"""

from collections.abc import Callable

from . import (
    chapter_01,
    chapter_02,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_08,
    chapter_09,
    chapter_10,
    chapter_11,
)  # fmt: skip
from .chapter_05 import mysteries
from .hints import Hint, NotDone
from .moves import duel, trainer_with
from .pictures import both

__all__ = ["EXERCISES", "check", "duel", "expected_and_yours", "mysteries", "trainer_with", "yours_or_ours"]

CHAPTERS = (
    chapter_01, chapter_02, chapter_03, chapter_04, chapter_05, chapter_06, chapter_07, chapter_08, chapter_09,
    chapter_10, chapter_11,
)  # fmt: skip
EXERCISES: dict[str, Callable] = {number: judge for chapter in CHAPTERS for number, judge in chapter.EXERCISES.items()}
"""Exercise number -> function that takes the answer and returns praise, or raises `Hint` or `NotDone`."""
OURS: dict[str, Callable] = {
    number: made for chapter in CHAPTERS for number, made in getattr(chapter, "OURS", {}).items()
}
"""Exercise number -> the course's own answer, which later cells use as long as the student's does not pass."""


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


def ours(number: str) -> Callable:
    """The course's own answer to an exercise. Raises ValueError for one that has none."""
    if number not in OURS:
        raise ValueError(f"exercise {number!r} has no function to go on with: choose from {', '.join(OURS)}")
    return OURS[number]


def yours_or_ours(number: str, yours: Callable) -> Callable:
    """The student's function if it passes the check of this exercise, else the course's; prints which.

    So that what a student writes is what the chapter goes on with, and a blank never stops it.
    Raises ValueError for an exercise without such a function.
    """
    made = ours(number)
    try:
        EXERCISES[number](yours)
    except Exception:
        print("The chapter goes on with the course's own.")
        return made
    print("The chapter goes on with yours.")
    return yours


def expected_and_yours(number: str, yours: Callable, draw: Callable) -> None:
    """Show what an answer should give, and beside it what the student's gives, or that there is nothing to show yet.

    draw: takes a function that answers the exercise and returns pictures, uint8 (H, W, 3), one, a list, or a dict
    {title: picture}, or a dict of numbers. Raises ValueError for an exercise without an answer of the course's own.
    """
    both(draw, ours(number), yours)
