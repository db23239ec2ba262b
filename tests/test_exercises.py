"""Each exercise, fed its worked solution, its stub and typical wrong answers."""

import itertools
import sys

import numpy as np
import pytest
import torch

from helpers.exercises import EXERCISES, OURS, check, expected_and_yours, yours_or_ours
from helpers.exercises.hints import Hint, ask, call_words, compare, in_words, judge, judge_each, numbers

from . import test_exercises_01 as one
from . import test_exercises_02 as two
from . import test_exercises_03 as three
from . import test_exercises_04 as four
from . import test_exercises_05 as five
from . import test_exercises_06 as six
from . import test_exercises_07 as seven
from . import test_exercises_08 as eight
from . import test_exercises_09 as nine
from . import test_exercises_10 as ten
from . import test_exercises_11 as eleven

CHAPTERS = (one, two, three, four, five, six, seven, eight, nine, ten, eleven)
CASES: dict[str, tuple] = {number: case for chapter in CHAPTERS for number, case in chapter.CASES.items()}
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

    def spy(got, truth, mistakes, tolerance, where=None):
        numbers_listed = [np.asarray(value, dtype=np.float64) for value in (truth, *mistakes.values())]
        for value, other in itertools.combinations(numbers_listed, 2):
            assert value.shape == other.shape and np.abs(value - other).max() > 2 * tolerance, "cannot be told apart"
        hints_listed.update(mistakes)
        compare(got, truth, mistakes, tolerance, where)

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


def test_a_blank_may_raise_but_an_error_of_torch_is_no_blank(capsys):
    def blank(*arguments):
        raise NotImplementedError

    assert check("01-1", blank) == "not done" and "NotImplementedError" in capsys.readouterr().out
    assert check("01-1", lambda x: torch.nn.ModuleList()(x)) == "wrong"
    assert "✗" in (said := capsys.readouterr().out) and "loop over it" in said


def test_tensors_lists_and_numbers_are_understood():
    assert numbers(torch.ones(2, requires_grad=True), (2,)).tolist() == [1, 1]
    assert numbers([1, 2], (2,)).dtype == np.float64
    with pytest.raises(Hint, match=r"shape \(2,\), but \(3,\)"):
        numbers([1, 2], (3,))
    with pytest.raises(Hint, match="nan"):
        numbers([1, np.nan], (2,))


def test_an_unknown_mistake_is_shown_the_input_on_which_it_shows():
    with pytest.raises(Hint, match=r"at place \[1\] your number is 5, and 2 is right \(1 of 2 numbers are right\)"):
        compare(np.array([1.0, 5]), np.array([1.0, 2]), {}, 0.1)
    with pytest.raises(Hint, match="not yet: for a light of 7 your number is 6, and 2 is right$"):
        compare(np.array([4.0, 6]), np.array([1.0, 2]), {}, 0.1, lambda place: f"for a light of {[3, 7][place[0]]}")

    def conv_size(size, kernel, stride, padding):
        return size

    with pytest.raises(Hint, match=r"for conv_size\(9, 5, 1, 0\) your number is 9, and 5 is right"):
        judge_each(conv_size, [(4, 1, 1, 0), (9, 5, 1, 0)], [4, 5], {}, 0)
    with pytest.raises(Hint, match=r"for it\(an array \(2, 3\) of float64\), at place \[0, 2\] of the result, your"):
        judge(lambda x: 2 * x, (np.eye(2, 3) + np.array([0, 0, 5]),), np.eye(2, 3), {}, 0)
    with pytest.raises(Hint, match="for the 1st of 2 your number"):
        judge(lambda x: [5, 2], (0,), [1, 2], {}, 0, lambda place: f"for the {place[0] + 1}st of 2")


def test_arguments_are_shown_as_a_student_would_write_them():
    assert (
        call_words(compare, (3, 2.5, (1, 2), "same", None, [0.25])) == "compare(3, 2.5, (1, 2), 'same', None, [0.25])"
    )
    assert in_words(torch.zeros(2, 3, dtype=torch.uint8)) == "a tensor (2, 3) of uint8"
    assert in_words(np.array([1.5, 2])) == "[1.5, 2.0]" and in_words(np.float32(2)) == "2.0"
    assert in_words(torch.ones(2, requires_grad=True)) == "[1.0, 1.0]"
    assert in_words(list(range(9))) == "a list of 9" and in_words({}) == "a dict"


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda x: x @ x, r"matmul.* \(it was given an array \(2, 3\) of float64\)"),
        (lambda x: 1 if x > 0 else 0, "np.where"),
        (lambda x: __import__("math").sqrt(x), "functions of `math` take one number"),
        (lambda: 1, "takes 0 positional arguments.*it was given an array"),
    ],
)
def test_a_crash_comes_with_the_shapes_of_what_was_given(function, words):
    with pytest.raises(Hint, match=words):
        ask(function, np.ones((2, 3)))


# ------------------------------------------------------------------ what the chapters go on with, and what they draw


@pytest.mark.parametrize("number", OURS)
def test_the_chapter_goes_on_with_what_is_right(number, capsys):
    solution, stub, wrong = CASES[number]
    assert yours_or_ours(number, solution) is solution and "with yours" in capsys.readouterr().out
    for answer in (stub, None, wrong[0][0]):
        assert yours_or_ours(number, answer) is OURS[number] and "course's own" in capsys.readouterr().out
    assert yours_or_ours(number, OURS[number]) is OURS[number]
    assert "with yours" in capsys.readouterr().out, "the course's own passes its check"


def test_an_exercise_without_a_function_to_go_on_with_is_named():
    for door in (yours_or_ours, lambda number, yours: expected_and_yours(number, yours, lambda f: f)):
        with pytest.raises(ValueError, match="'99-9' has no function to go on with"):
            door("99-9", np.sqrt)


@pytest.fixture
def shown(monkeypatch):
    """The pictures of each figure that is shown, row by row, and its words."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figures = []

    def keep():
        axes = plt.gcf().axes
        figures.append(([axis.images[0].get_array() for axis in axes], [t.get_text() for a in axes for t in a.texts]))
        plt.close("all")

    monkeypatch.setattr(plt, "show", keep)
    return figures


def drawn_for(answer, draw, ours=np.sqrt, number="07-4"):
    """Any number will do: what is drawn is up to `draw`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OURS, number, ours)
        expected_and_yours(number, answer, draw)


LIGHT = np.linspace(0, 1, 12).reshape(3, 4)
NO_PICTURES = (lambda x: None, lambda x: 1 / 0, lambda x: x[0], lambda x: "word", lambda x: x * np.nan + 1j, None)


def gray_of(encode):
    return np.uint8(np.repeat(encode(LIGHT)[..., None], 3, -1) * 255)


def test_an_answer_is_drawn_beside_what_is_expected(shown):
    for answer in (lambda x: 0 * x, *NO_PICTURES):
        drawn_for(answer, gray_of)
    (first, no_words), *others = shown
    assert np.array_equal(first[0], gray_of(np.sqrt)) and not first[1].any() and not no_words
    for pictures, words in others:
        assert np.array_equal(pictures[0], gray_of(np.sqrt)) and np.unique(pictures[1]).tolist() == [225]
        assert words == ["nothing to\nshow yet"]


def test_several_pictures_have_yours_below_them(shown):
    drawn_for(lambda x: 0 * x, lambda f: {"one": gray_of(f), "two": gray_of(f)})
    drawn_for(lambda x: None, lambda f: [gray_of(f), gray_of(f)])
    assert [len(pictures) for pictures, _ in shown] == [4, 4]
    assert not shown[0][0][2].any() and np.unique(shown[1][0][2]).tolist() == [225]


def test_numbers_are_printed_side_by_side(shown, capsys):
    for answer in (lambda x: x / 2, *NO_PICTURES):
        drawn_for(answer, lambda f: {"half": f(0.25), "whole": float(f(1))})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["expected: half 0.50, whole 1.00", "yours:    half 0.12, whole 0.50"] and not shown
    assert lines[2:] == ["expected: half 0.50, whole 1.00", "yours:    nothing to show yet"] * len(NO_PICTURES)
