"""Chapter 10 as it is stored: its numbers bear out its text, with all blanks blank; each source it names is listed."""

import re

import pytest

from .stored import all_cells, numbers, printed_text, prose

NAME = "10_color_as_classification"
CELLS, TEXT = all_cells(NAME), prose(NAME)


@pytest.fixture(scope="module")
def printed():
    return printed_text(NAME)


def test_l1_and_l2_are_dull_where_two_colors_are_likely(printed):
    l2, l1, one = (
        numbers(rf"{name} +at one half: chroma (\d+)", printed)[0] for name in ("mean", "median", "likelier")
    )
    assert max(l1, l2) < one / 2


def test_all_bins_are_in_the_papers_list_and_its_rim_is_of_no_color(printed):
    (ours,) = numbers(r"colors of the surface lie in (\d+) squares", printed)
    paper, shared, rim = numbers(r"paper's (\d+) bins (\d+) hold a color of a screen, (\d+) do not", printed)
    assert (paper, shared) == (313, ours) and rim == paper - ours
    assert numbers(r"middles are (\d+) to \d+ Lab units", printed)[0] > 5  # else a color would lie in the square


def test_rounding_costs_less_than_not_knowing(printed):
    nearest, five = (
        numbers(rf"(?m)^{name}: PSNR ([\d.]+) dB$", printed)[0] for name in ("nearest bin", "mean of five")
    )
    (l1,) = numbers(r"painted by flowers-l1: ([\d.]+) dB", printed)
    assert l1 + 5 < nearest < five


def test_what_it_knows_and_what_dividing_by_the_weights_brings(printed):
    nothing, prior, trained = (
        numbers(rf"{name} +loss ([\d.]+), as if among (\d+) colors", printed)
        for name in ("knows nothing", "knows the prior", "flowers-classes")
    )
    before, after = numbers(r"as trained ([\d.]+), divided by w ([\d.]+): as if among", printed)
    assert nothing[1] == 261 and nothing[0] > prior[0] > trained[0] == before > after


def test_pixels_that_draw_alone_are_confetti(printed):
    alone, mean, truth = (
        numbers(rf"(?m)^{name} +neighbors differ by +([\d.]+) Lab units$", printed)[0]
        for name in ("each pixel alone", "annealed mean", "truth")
    )
    assert alone > 2 * truth and alone > 2 * mean


def test_peaks_are_counted_for_all_and_the_parts(printed):
    rows = re.findall(
        r"(?m)^([a-z, ]+?) +(\d+)% of the pixels: none +(\d+)%, one peak +(\d+)%, several +(\d+)%$", printed
    )
    assert [name for name, *_ in rows] == ["all", "truly green", "truly gray", "truly vivid, not green"]
    for _, _, *shares in rows:
        assert abs(sum(map(int, shares)) - 100) <= 2
    hits = re.findall(r"(?m)^(.+?) +within 20 Lab units of the truth at (\d+)% of", printed)
    shares = {name: int(share) for name, share in hits}
    assert len(shares) == 4 and shares["the best of its peaks"] >= shares["the highest peak"]


def test_paired_intervals_are_of_both_rivals(printed):
    parts = re.findall(r"(?m)^classes \(T = [\d.]+\) minus (.+), photo by photo\n((?:  .+\n){3})", printed)
    assert [rival for rival, _ in parts] == ["L1", "L1 + GAN"]
    for _, lines in parts:
        for line in lines.splitlines():
            mean, low, high = map(float, re.findall(r"[+-]\d+\.\d+", line))
            assert low <= mean <= high
            if 0 not in (low, high):  # as printed, rounded: an end that reads 0 may lie on either side
                assert ("not decided" in line) == (low < 0 < high)


def test_balanced_gray_loses(printed):
    raw, balanced = numbers(r"gray: raw AuC ([\d.]+)%, class-balanced ([\d.]+)%", printed)
    assert balanced < raw


def test_sources_are_listed():
    body, references = TEXT.split("## References")
    assert "Zhang, Isola & Efros" in body and "Zhang, Isola & Efros (2016)" in references
    sections = set(re.findall(r"section (\d\.\d)", body))
    assert sections == {"2.1", "2.2", "2.3", "3.1"} and "2.1 to 2.3 and 3.1" in references
