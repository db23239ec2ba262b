"""Chapters 1 and 2: what their stored outputs say bears out their text, and one can build them oneself.

Most claims are asserted in the cells themselves, on the real photos; here are those that stand in the text alone.
"""

import re

import nbformat
import pytest

from helpers.publish import notebooks as publish

LAB, FLOWERS = (publish.NOTEBOOKS / f"{name}.ipynb" for name in ("01_exploring_lab", "02_flowers_as_a_color_problem"))


def printed(path) -> str:
    """All that the stored chapter has printed, tables too."""
    outputs = [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]
    return "\n".join(o.get("text", "") + o.get("data", {}).get("text/markdown", "") for o in outputs)


@pytest.fixture(scope="module")
def lab():
    return printed(LAB)


@pytest.fixture(scope="module")
def flowers():
    return printed(FLOWERS)


def numbers(pattern, text):
    """The groups of the one place where this stands, as floats."""
    (found,) = re.findall(pattern, text)
    return [float(number.replace("−", "-")) for number in ([found] if isinstance(found, str) else found)]


@pytest.mark.parametrize("path, exercises", [(LAB, 4), (FLOWERS, 4)])
def test_it_is_stored_on_photos_with_all_blanks_blank(path, exercises):
    text = printed(path)
    assert text.count("The chapter goes on with the course's own.") == exercises and "goes on with yours" not in text
    assert text.count("○ ") == exercises and "DRAWN FLOWERS" not in text


# ------------------------------------------------------------------------------------------------ chapter 1


def test_a_byte_of_128_is_about_a_fifth_of_the_light_and_blue_gives_7_percent(lab):
    assert 20 < numbers(r"a byte of 128 stands for ([\d.]+)% of the light", lab)[0] < 23
    assert "red 21%, green 72%, blue 7%" in lab


def test_the_conversion_by_hand_is_that_of_others(lab):
    for name in ("scikit-image", "the helper"):
        assert numbers(rf"largest difference to {name}: ([\d.e-]+)", lab)[0] < 1e-3
    assert "bytes changed by going to Lab and back: 0 of" in lab


def test_most_color_edges_have_an_L_edge_beside_them(lab):
    met, chance = numbers(r"near an L edge: (\d+)% of the color edges, (\d+)% of all pixels", lab)
    assert met > 75 and met > 2 * chance


def test_dark_is_blue_and_light_is_yellow(lab):
    for level, wanted in ((20, (1, -1)), (95, (-1, 1))):
        a, b = numbers(rf"L = {level}: the most vivid has a = (-?\d+), b = (-?\d+)", lab)
        assert (a > 0, b > 0) == (wanted[0] > 0, wanted[1] > 0) and abs(b) > abs(a)


def test_yellows_and_reds_come_to_the_edge_greens_and_blues_do_not(lab):
    (a0, a1, b0, b1), (low_a, high_a, low_b, high_b) = (
        numbers(rf"{name}: a from (-?[\d.]+) to (-?[\d.]+), b from (-?[\d.]+) to (-?[\d.]+)", lab)
        for name in ("screen", "photos")
    )
    assert high_a > 0.85 * a1 and high_b > 0.95 * b1 and low_a > 0.65 * a0 and low_b > 0.65 * b0
    assert max(map(abs, (a0, a1, b0, b1))) < 110


def test_lab_in_32_bit_floats_loses_nothing(lab):
    shares = [numbers(rf"{name} *: +([\d.]+)% of the bytes", lab)[0] for name in ("32-bit floats", "16-bit floats")]
    assert shares[0] == 0 < shares[1] < 1 < numbers(r"bytes {8}: +([\d.]+)% of the bytes", lab)[0]


# ------------------------------------------------------------------------------------------------ chapter 2


def test_test_is_the_largest_split_and_two_twins_sit_in_two_of_them(flowers):
    assert "'test': '6,149'" in flowers and "4 photos are stored twice, 2 of them in two splits" in flowers


def test_memory_wins_color_and_loses_error(flowers):
    best = dict(re.findall(r"^(.+?) +best but for the oracle: (\w+)$", flowers, re.M))
    assert best["colorfulness"] == best["mean abs ΔCF"] == best["ab overlap"] == "memory"
    rows = {name: [float(x) for x in re.findall(r"\| ([\d.]+) \(", row)] for name, row in
            re.findall(r"^\| (gray|memory) (\| [\d.]+ \(.*)$", flowers, re.M)}  # fmt: skip
    assert rows["memory"][0] < rows["gray"][0] and rows["memory"][2] > rows["gray"][2]


def test_median_is_better_than_gray_in_PSNR_alone(flowers):
    assert re.search(r"median minus gray in PSNR: \+.*, a difference you can believe", flowers)
    assert re.search(r"median minus gray in ΔE2000: .*, no difference you can believe", flowers)


def test_the_two_exams_differ(flowers):
    (low, high), (low_large, high_large) = (
        numbers(rf"{name}: [\d,]+ photos, gray [\d.]+ dB \(([\d.]+) to ([\d.]+)\)", flowers)
        for name in ("official", "large")
    )
    assert high < low_large or high_large < low


def test_half_the_color_takes_away_more_than_half_of_the_error_and_50_degrees_cost_it_all(flowers):
    gray, half = numbers(r"ΔE2000: gray ([\d.]+), half the color ([\d.]+)", flowers)
    psnr, delta_e = numbers(r"worse than gray from about (\d+)° on in PSNR, (\d+)° in ΔE2000", flowers)
    assert half < gray / 2 and 42 <= psnr <= 58 and 42 <= delta_e <= 58


def test_on_L_alone_gray_has_an_SSIM_of_1():
    import torch
    from skimage.metrics import structural_similarity

    from helpers.color import rgb_to_lab
    from helpers.data import Photos
    from helpers.metrics import predict, ssim
    from helpers.synthetic import draw_flowers

    pictures = torch.from_numpy(draw_flowers(4, 64, seed=3)[0].transpose(0, 3, 1, 2).copy())
    gray = predict("gray", Photos(pictures, torch.zeros(4, dtype=torch.long), -1 - torch.arange(4), "train", "drawn"))
    pairs = zip(*(rgb_to_lab(images)[:, 0].numpy() for images in (pictures, gray)), strict=True)
    assert min(structural_similarity(*pair, data_range=100) for pair in pairs) > 0.995
    assert ssim(pictures, gray).max() < 0.95
