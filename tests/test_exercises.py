"""Each exercise, fed its worked solution, its stub and typical wrong answers."""

import itertools
import sys

import numpy as np
import pytest
import torch

from helpers.exercises import EXERCISES, check
from helpers.exercises.hints import Hint, compare, numbers

from . import test_exercises_01 as one
from . import test_exercises_02 as two
from . import test_exercises_03 as three
from . import test_exercises_04 as four
from . import test_exercises_05 as five
from . import test_exercises_06 as six
from . import test_exercises_07 as seven

CASES: dict[str, tuple] = one.CASES | two.CASES | three.CASES | four.CASES | five.CASES | six.CASES | seven.CASES
"""Exercise -> (solution, stub, [(wrong answer, a fragment of the hint it must get), ...])."""


def test_every_exercise_has_a_case():
    assert set(CASES) == set(EXERCISES)


@pytest.mark.parametrize("number", CASES)
def test_solution_passes_and_stub_is_not_done(number, capsys):
    solution, stub, _ = CASES[number]
    assert check(f"{number} solution", solution) == "done"
    assert capsys.readouterr().out.startswith("✓ ")
    assert check(number, stub) == "not done"
    out = capsys.readouterr().out
    assert out.startswith("○ ") and out.count("\n") == 1


@pytest.fixture
def listed(monkeypatch) -> dict[str, np.ndarray]:
    """{hint: what its mistake leads to}, of all that the checks compare with while a test runs."""
    hints_listed = {}

    def spy(got, truth, mistakes, tolerance):
        numbers_listed = [np.asarray(value, dtype=np.float64) for value in (truth, *mistakes.values())]
        for value, other in itertools.combinations(numbers_listed, 2):
            assert value.shape == other.shape and np.abs(value - other).max() > 2 * tolerance, "cannot be told apart"
        hints_listed.update(mistakes)
        compare(got, truth, mistakes, tolerance)

    for name, module in list(sys.modules.items()):
        if name.startswith("helpers.exercises.") and hasattr(module, "compare"):
            monkeypatch.setattr(module, "compare", spy)
    return hints_listed


@pytest.mark.parametrize("number", CASES)
def test_each_wrong_answer_gets_its_own_hint_and_each_hint_has_one(number, listed, capsys):
    _, _, wrong = CASES[number]
    seen = set()
    assert len(wrong) >= 2
    for answer, fragment in wrong:
        assert check(number, answer) == "wrong"
        out = capsys.readouterr().out
        assert out.startswith("✗ ") and out.count("\n") == 1 and fragment in out, out
        seen.add(out)
    assert len(seen) == len(wrong), "two mistakes share one hint"
    assert {f"✗ {number}: {hint}\n" for hint in listed} <= seen, "a hint that no wrong answer is known to get"


def test_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="no exercise '99-9': choose from"):
        check("99-9 nothing", lambda: 1)


def test_a_crash_is_reported_with_its_line_and_does_not_raise(capsys):
    def crashing(x):
        y = x
        return y / "two"

    assert check("01-1 encode", crashing) == "wrong"
    out = capsys.readouterr().out
    assert "in line 3 of crashing" in out and "with TypeError: " in out and out.count("\n") == 1


@pytest.mark.parametrize("number", EXERCISES)
@pytest.mark.parametrize("answer", ["a word", 3.5, [], lambda: 1, lambda *a: "text", lambda *a: np.nan, object()])
def test_nonsense_is_wrong_but_never_raises(number, answer, capsys):
    assert check(number, answer) == "wrong"
    assert capsys.readouterr().out.startswith("✗ ")


@pytest.mark.parametrize("number", EXERCISES)
def test_no_answer_at_all_is_not_done(number):
    assert check(number, None) == "not done"


def test_a_function_that_forgets_to_return_is_told_so(capsys):
    def forgetful(x):
        x * 12.92

    assert check("01-1", forgetful) == "not done"
    assert "return" in capsys.readouterr().out


def test_tensors_lists_and_numbers_are_understood():
    assert numbers(torch.ones(2, requires_grad=True), (2,)).tolist() == [1, 1]
    assert numbers([1, 2], (2,)).dtype == np.float64
    with pytest.raises(Hint, match=r"shape \(2,\), but \(3,\)"):
        numbers([1, 2], (3,))
    with pytest.raises(Hint, match="nan"):
        numbers([1, np.nan], (2,))


def test_an_unknown_mistake_is_shown_its_worst_number():
    with pytest.raises(Hint, match="your number is 5, and 2 is right"):
        compare(np.array([1.0, 5]), np.array([1.0, 2]), {}, 0.1)
