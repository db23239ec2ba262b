"""Chapter 9 as it is stored: its numbers bear out its text, with all blanks blank; each source it names is listed."""

import json
import re

import pytest

from helpers.guided.trainer import ASKED

from .stored import all_cells, numbers, printed_text, prose

NAME = "09_you_choose_the_colors"
CELLS, TEXT = all_cells(NAME), prose(NAME)


@pytest.fixture(scope="module")
def printed():
    return printed_text(NAME)


@pytest.fixture(scope="module")
def gains(printed):
    """{way: {hints: (gain in dB, % of photos that got worse)}}"""
    rows = re.findall(r"^hints: +(\d+), (at .+?): ([+-][\d.]+) dB, and (\d+)% of photos got worse$", printed, re.M)
    found = {}
    for count, way, gain, worse in rows:
        found.setdefault(way, {})[int(count)] = float(gain), int(worse)
    return found


def test_stored_with_all_blanks_blank_and_on_photos(printed):
    assert printed.count("The chapter goes on with the course's own.") == 4 and "goes on with yours" not in printed
    assert "DRAWN FLOWERS" not in json.dumps([cell.get("outputs") for cell in CELLS])


def test_by_hand_it_is_the_helper(printed):
    assert "with a hint the same as the helper, bit for bit; without one the same as flowers-l1" in printed


def test_a_hint_counts_most_where_it_is(printed):
    own, median = numbers(r"a hint counts ([\d.]+) in its own cell, and at most ([\d.]+) in half of all cells", printed)
    assert own > 10 > 1 > median


def test_how_much_of_the_painting_stays_is_learned_for_each_cell(printed):
    mean, low, high = numbers(r"a move counts for (\d+)% on the mean, between (\d+)% and (\d+)%", printed)
    assert low < mean < high


def test_more_hints_bring_more_and_at_errors_they_pay_from_two_on(gains):
    lucky, chosen = gains["at random places"], gains["at the largest errors"]
    assert list(lucky) == [1, 2, 5, 10, 50] and list(chosen) == [1, 2, 5, 10]
    for way in (lucky, chosen):
        decibels = [gain for gain, _ in way.values()]
        assert decibels == sorted(decibels)
    assert lucky[1][0] > 0 and chosen[1][1] > lucky[1][1] > 0
    assert all(chosen[count][0] > lucky[count][0] for count in (2, 5, 10))


def test_the_table_is_of_the_same_numbers(gains):
    tables = ["".join(o.get("data", {}).get("text/markdown", "")) for c in CELLS for o in c.get("outputs", [])]
    (table,) = [text for text in tables if "| hints |" in text]
    rows = {int(n): (float(psnr), float(e)) for n, psnr, e in re.findall(r"\| (\d+) \| ([\d.]+) \| ([\d.]+) \|", table)}
    for count, (gain, _) in gains["at random places"].items():
        assert abs(rows[count][0] - rows[0][0] - gain) < 0.011 and rows[count][1] < rows[0][1]


def test_so_many_questions_are_asked_in_training():
    assert f"{ASKED} places" in TEXT and f"{2 * ASKED - 1} answers" in TEXT


def test_hints_are_obeyed(printed):
    true, other = (
        numbers(rf"{name}: obeyed in (\d+)%", printed)[0] for name in ("true colors", "colors of other photos")
    )
    assert true >= 90 and other <= true


def test_green_turns_blue_and_what_is_unlike_it_follows_less(printed):
    green, asked = numbers(r"green places moved by (\d+) Lab units of the (\d+) asked for", printed)
    (others,) = numbers(r"all others moved by (\d+) Lab units", printed)
    assert green > 1.5 * others and green > asked / 4


def test_four_suggestions_are_better_than_one(printed):
    rows = re.findall(r"^(.+?): within 20 Lab units of the true color at (\d+)% of \d+ places", printed, re.M)
    shares = {name: int(share) for name, share in rows}
    assert shares["the best of four"] > max(shares["painted anyway"], shares["the first suggestion"])


def test_sources_are_listed():
    body, references = TEXT.split("## References")
    named = set(re.findall(r"([A-Z][a-z]+)(?: et al\.| & [A-Z]\w+)? \(?(?:19|20)\d\d", body))
    assert named >= {"Zhang", "Levin", "Vaswani", "Vondrick"} and all(name in references for name in named), named
