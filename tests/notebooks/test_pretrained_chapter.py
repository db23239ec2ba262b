"""Chapter 7: what its stored outputs say bears out its text, and its answers stand nowhere on its pages."""

import json
import re
from pathlib import Path

import pytest
import torch

from helpers.data import to_lab
from helpers.models import PretrainedUNet

FOLDER = Path(__file__).parents[2] / "notebooks"
CHAPTER = FOLDER / "07_on_the_shoulders_of_imagenet.ipynb"
SOLUTIONS = FOLDER / "solutions" / "07_on_the_shoulders_of_imagenet_solutions.ipynb"


def cells(path, kind):
    content = json.loads(path.read_text(encoding="utf8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


@pytest.fixture(scope="module")
def printed():
    """All that the stored chapter has printed."""
    outputs = [output for cell in cells(CHAPTER, "code") for output in cell["outputs"]]
    return "".join("".join(output.get("text", "")) for output in outputs)


def numbers(pattern, text):
    """The groups of the one place where this stands, as floats."""
    (found,) = re.findall(pattern, text)
    return [float(number) for number in ([found] if isinstance(found, str) else found)]


def test_it_is_of_readable_length():
    text = " ".join("".join(cell["source"]) for cell in cells(CHAPTER, "markdown"))
    assert 55 <= len(cells(CHAPTER, "markdown")) + len(cells(CHAPTER, "code")) <= 75
    assert len(text.split()) <= 2200


def test_no_answer_stands_on_its_pages():
    """No line of a solution's function, but for lines that any code has."""
    page = {line.strip() for cell in cells(CHAPTER, "code") for line in "".join(cell["source"]).splitlines()}
    told = []
    for cell in cells(SOLUTIONS, "code"):
        code = "".join(cell["source"])
        if 'check("07-' in code:
            body = code.split("assert check")[0].splitlines()[1:]
            told += [line.strip() for line in body if line.strip()]
    common = {"x = stage(x)", "features = []", "with torch.no_grad():"}
    assert told and not (set(told) - common) & page


def test_the_mapping_and_the_surgery_are_the_helpers(printed):
    assert "tensors have a place, the same as the helper's" in printed and "the same, bit for bit" in printed
    assert "The chapter goes on with yours." not in printed  # stored with all blanks blank


def test_the_stages_are_those_of_the_network(printed):
    """Channels, size at 192 px and stride of each stage, as the chapter's table has them."""
    encoder, x = PretrainedUNet(width=6).encoder, torch.zeros(1, 3, 192, 192)
    x = encoder.bn1(encoder.conv_stem(x))
    for i, stage in enumerate(encoder.blocks):
        x = stage(x)
        wanted = [x.shape[1], x.shape[-1], 192 // x.shape[-1], sum(p.numel() for p in stage.parameters())]
        found = re.search(rf"^stage {i} +(\d+) +(\d+) +(\d+) +([\d,]+)$", printed, re.M)
        assert [int(number.replace(",", "")) for number in found.groups()] == wanted


def test_L_as_it_is_fits_what_the_classifier_was_trained_on():
    """The two scales of a gray level: the same ends, and at most a tenth apart between them."""
    levels = torch.arange(256, dtype=torch.uint8)
    L = to_lab(levels.view(1, 1, 1, 256).expand(-1, 3, -1, -1))[0].flatten()
    assert (L - (levels.float() - 127) / 128).abs().max() < 0.1


def test_features_of_imagenet_sort_flowers_better_and_better_still_at_128_px(printed):
    ours, small, large, chance, count = numbers(
        r"same category: ours (\d+)%, ImageNet's at 64 px (\d+)%, ImageNet's at 128 px (\d+)%, chance ([\d.]+)% "
        r"\((\d+) photos\)",
        printed,
    )
    assert count == 512 and chance < ours < small < large


def test_two_painters_of_equal_steps_cost_about_the_same_and_draw_but_for_color(printed):
    names = "from scratch", "on ImageNet's shoulders"
    (steps_a, scratch), (steps_b, known) = (
        numbers(name + r" +(\d+) steps of ([\d.]+) s: \d+ s of computing", printed) for name in names
    )
    assert steps_a == steps_b and 0.6 < scratch / known < 1.6
    (psnr_a, delta_a, color_a), (psnr_b, delta_b, color_b) = (
        numbers(name + r" +PSNR ([\d.]+) dB, ΔE2000 ([\d.]+), colorfulness ([\d.]+)", printed) for name in names
    )
    assert abs(psnr_b - psnr_a) < 0.3 and abs(delta_b - delta_a) < 0.3 and color_b > color_a + 3


def test_the_finished_painter_is_better_by_more_than_chance(printed):
    part = printed.split("flowers minus flowers-64")[1].split("flowers minus flowers-l1")[0]
    assert re.search(r"PSNR dB .* better$", part, re.M) and re.search(r"ΔE2000 .* better$", part, re.M)


def test_the_game_buys_color_with_a_little_error(printed):
    part = printed.split("flowers minus flowers-l1")[1]
    assert re.search(r"ΔE2000 .* worse$", part, re.M) and re.search(r"mean abs ΔCF .* better$", part, re.M)


def test_three_switches_show_in_the_error_and_freezing_in_the_time(printed):
    ends = {name: float(end) for name, end in re.findall(r"^(.+?) +at the end +([\d.]+) \(as", printed, re.M)}
    course = ends["as the course does"]
    assert all(ends[name] > course + 1 for name in ("one rate for all", "BatchNorm moves", "knows nothing"))
    assert all(abs(ends[name] - course) < 0.5 for name in ("all frozen", "nothing frozen"))
    costs = [
        numbers(rf"a step with {name} costs ([\d.]+) times", printed)[0] for name in ("all frozen", "nothing frozen")
    ]
    assert costs[0] < 0.7 and costs[1] > 1


def test_an_unusual_color_explains_little_of_the_error(printed):
    for name in ("flowers-64", "flowers"):
        assert abs(numbers(rf"(?m)^{name}: error and unusual color correlate at (-?[\d.]+)", printed)[0]) < 0.3
    assert 0 < numbers(r"of these 5 photos (\d+)% are out of the ordinary", printed)[0] < 100  # both reasons are real


def test_gray_would_have_been_nearer_to_the_cat(printed):
    gray, painted = (numbers(rf"(?m)^{name} +ΔE2000 (\d+), \d+, \d+, \d+$", printed)[0] for name in ("gray", "flowers"))
    assert gray < painted
