"""Chapter 3: its stored outputs bear out its text, and its parts with the lines of the solution are the helper's."""

import re

import pytest
import torch
from torch import nn

from helpers.data import drawn_photos, to_lab
from helpers.figures import watch
from helpers.models import UNet, double_conv

from .stored import code_cells, numbers, printed_text

CHAPTER, SOLUTIONS = "03_the_unet", "solutions/03_the_unet_solutions"


def source(name, needed):
    (found,) = [text for text in ("".join(cell["source"]) for cell in code_cells(name)) if needed in text]
    return found


@pytest.fixture(scope="module")
def printed():
    return printed_text(CHAPTER)


def my_unet():
    """The student's class: the parts that the page gives, and the lines of the worked solution."""
    names = {"nn": nn, "torch": torch, "F": nn.functional, "double_conv": double_conv, "check": lambda *_: "done"}
    exec(source(SOLUTIONS, "def climb("), names)
    names |= {"two_L": torch.zeros(1, 1, 16, 16), "as_pictures": list}
    exec(source(CHAPTER, "class Parts("), names)
    exec(source(SOLUTIONS, "class MyUNet("), names)
    return names["MyUNet"]


@pytest.mark.parametrize("width, depth", [(4, 1), (3, 4)])
def test_my_unet_is_the_helpers(width, depth):
    mine, theirs = my_unet()(width, depth), UNet(width, depth, half_res=False)
    theirs.load_state_dict(mine.state_dict())
    L = torch.rand(2, 1, 32, 32) * 2 - 1
    for training in (True, False):
        assert torch.equal(mine.train(training)(L), theirs.train(training)(L))


def test_its_parts_stand_in_the_solutions_too():
    page = source(CHAPTER, "class Parts(").split("@torch")[0]
    page, solution = (re.sub(r"  #.*", "", text).split() for text in (page, source(SOLUTIONS, "class Parts(")))
    assert page == solution


def test_the_table_is_that_of_the_network(printed):
    outputs = watch(UNet(24, 4, half_res=False), to_lab(drawn_photos(1, 64, seed=1).images)[0])
    for name, output in outputs.items():
        _, channels, height, width = output.shape
        assert re.search(rf"{name} +{channels} +{height} x {width} +{output.numel():,}", printed), name


def test_stored_with_all_blanks_blank(printed):
    assert printed.count("The chapter goes on with the course's own.") == 4
    assert "The chapter goes on with yours." not in printed


def test_what_is_said_of_the_trainings_holds(printed):
    without, with_skips = numbers(r"photos 100%: without skips (\d+)%, with skips (\d+)%", printed)
    assert without < with_skips < 100  # a soft blob; the flower's parts; still softer than the truth
    assert numbers(r"steps between neighboring pixels: (\d+)% of", printed)[0] < 80  # the detail is not there
    photos, paintings, too_gray = numbers(r"mean: photos (\d+), paintings (\d+); too gray: (\d+)%", printed)
    assert paintings < photos and too_gray > 60
    assert numbers(r"first step [\d.]+, last [\d.]+: (\d+)%", printed)[0] < 25


def test_the_vivid_and_the_blue_go_missing(printed):
    photos, paintings = numbers(r"chroma above 50: photos (\d+)%, paintings (\d+)%", printed)
    _, b = numbers(r"\(b below -25\) is painted a (-?\d+), b (-?\d+)", printed)
    assert paintings < photos and b > -25


def test_the_coins_say_what_the_arithmetic_says(printed):
    """L2 near halfway, L1 with a fair coin between, L1 near B; no true petal between; no A from the third."""
    rows = dict(re.findall(r"^(\S.*?) +(from A \(0\) to B .*)$", printed, re.M))
    words = r"B \(1\) (-?[\d.]+), between 0.25 and 0.75 (\d+)%, below (\d+)%"
    way = {n: numbers(words, row) for n, row in rows.items()}
    assert way["true petals"][1] == 0 and abs(way["L2, fair coin"][0] - 0.5) < 0.25
    assert 0.1 < way["L1, fair coin"][0] < 0.9 and way["L1, coin favors B"][0] > 0.75
    assert way["L2, fair coin"][1] > 50 and way["L1, fair coin"][1] > 50 and way["L1, coin favors B"][2] == 0


def test_the_best_single_guess_is_dull(printed):
    (typical,) = numbers(r"half of them of a chroma above (\d+)", printed)
    for name in (r"median \(l1\)", r"mean \(l2\)"):
        a, b, chroma = numbers(rf"{name}: a (-?\d+), b (-?\d+), chroma (\d+)", printed)
        assert chroma < typical and a > 0 and b > 0  # between red and yellow
