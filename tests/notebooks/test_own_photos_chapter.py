"""Chapter 8 as it is stored: its numbers bear out its text, with all blanks blank; each source it names is listed."""

import json
import re

import pytest

from helpers.backstage.enlarging import RADIUS, SOFTNESS

from .stored import NOTEBOOKS, all_cells, numbers, printed_text, prose

NAME = "08_your_own_photos"
CELLS, TEXT = all_cells(NAME), prose(NAME)


@pytest.fixture(scope="module")
def printed():
    return printed_text(NAME)


@pytest.fixture(scope="module")
def gains():
    """{(colors, way): three of (mean, low, high)}: PSNR, ΔE2000 near edges, colorfulness; the ends are of gains."""
    tables = ["".join(o.get("data", {}).get("text/markdown", "")) for c in CELLS for o in c.get("outputs", [])]
    (table,) = [text for text in tables if "near edges" in text]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", table, re.M)[1:]  # but for the heading
    number = r"([\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\)"
    return {
        (colors, way): [tuple(map(float, re.fullmatch(number, cell).groups())) for cell in cells]
        for colors, way, *cells in rows
    }


def test_stored_with_all_blanks_blank(printed):
    assert printed.count("The chapter goes on with the course's own.") == 4 and "goes on with yours" not in printed


def test_bleeding_is_at_edges_and_guiding_lessens_it(printed):
    (there,) = numbers(r"error of color: [\d.]+ there, [\d.]+ elsewhere, × ([\d.]+)", printed)
    before, after = numbers(r"error near edges: ([\d.]+) before, ([\d.]+) along edges", printed)
    assert there > 1.5 and after < 0.95 * before


def test_by_hand_it_is_the_helpers(printed):
    assert numbers(r"largest difference to the helper: ([\d.e+-]+) Lab units", printed)[0] < 1e-3
    assert numbers(r"largest difference to colorizer.colorize: (\d+) of 255", printed)[0] <= 1


def test_guiding_pays_modestly_on_predicted_colors(gains):
    assert len(gains) == 8
    (psnr, low, _), (delta_e, _, high), _ = gains["true colors", "along edges"]
    plain_psnr, plain_delta_e = (cell[0] for cell in gains["true colors", "bilinear"][:2])
    assert low > 0 > high
    (guided, *_), (guided_e, *_), _ = gains["`flowers`", "along edges"]
    (bilinear, *_), (bilinear_e, *_), _ = gains["`flowers`", "bilinear"]
    assert 0 < guided - bilinear < (psnr - plain_psnr) / 3
    assert 0 < bilinear_e - guided_e < (plain_delta_e - delta_e)


def test_the_filter_alone_dulls_which_psnr_punishes_or_rewards(gains):
    true, predicted = gains["true colors", "the filter alone"], gains["`flowers`", "the filter alone"]
    assert true[2][2] < 0 and predicted[2][2] < 0, "less color"
    assert true[0][2] < 0 < predicted[0][1], "PSNR"


def test_128_photos_decide_it_at_8_times_and_not_at_4():
    result = json.loads((NOTEBOOKS.parent / "tests" / "benchmarks" / "results" / "upsampling.json").read_text())
    assert result["photos"] == 128 and (result["radius"], result["softness"]) == (RADIUS, SOFTNESS)
    rows = {row["case"]: row["gains"] for row in result["rows"] if row["way"] == "along the edges of L"}
    for case, decided in (("true colors, 4 ×", True), ("true colors, 8 ×", True), ("`flowers` at 224 px, 8 ×", True),
                          ("`flowers` at 224 px, 4 ×", False)):  # fmt: skip
        (gain, low, _), (gain_e, _, high) = rows[case]["psnr"], rows[case]["edge_delta_e"]
        assert gain > 0 > gain_e and (low > 0 > high) == decided, case
    best = max((row for row in result["choice"] if row["way"] != "bilinear"), key=lambda row: -row["edge_delta_e"])
    assert best["way"] == f"radius {RADIUS}, softness {SOFTNESS:.0f}"


def test_bicubic_is_strong_with_true_colors(gains):
    assert gains["true colors", "bicubic"][0][1] > 0


def test_of_a_scan_only_L_counts(printed):
    change = dict(re.findall(r"^(\S.*?) +its colors are +([\d.]+) Lab units", printed, re.M))
    change = {name: float(units) for name, units in change.items()}
    assert change["clean"] == change["16 bits"] == 0 and change["sepia"] < 3
    assert min(change[name] for name in ("faded", "dust", "blind to red")) > 10
    ignored, followed = numbers(
        r"ignored, it is (\d+) of 255 too dark on average; followed, it is ([\d.]+) off", printed
    )
    assert ignored > 20 and followed < 2
    for name in ("faded", "dust"):
        before, after = numbers(
            rf"(?m)^{name}: ([\d.]+) Lab units from the clean colors before, ([\d.]+) after", printed
        )
        assert after < 0.8 * before


def test_the_folder_is_colored_once_and_keeps_what_belonged_to_it(printed):
    assert "6 colored\n0 colored, 6 already there\n" in printed
    assert "taken: 1957:07:14 10:11:12" in printed
    assert "described: Colored by a neural network" in printed
    assert "dots per inch: [600, 600] profile: True" in printed
    assert "colored/flower-2.jpg: its colors are a network's guess already" in printed


def test_failures_are_failures(printed):
    worse = re.search(r"better left gray: (.*)", printed)[1]
    assert {"a person", "a cat"} <= set(worse.split(", "))


def test_ten_sentences_with_sources_that_are_listed():
    part, references = re.search(r"## 10 · .*?\n(.*?)\n## Recap", TEXT, re.S)[1], TEXT.split("## References")[1]
    assert re.findall(r"^(\d+)\. ", part, re.M) == [str(i) for i in range(1, 11)]
    named = set(re.findall(r"([A-Z][\w-]+)(?: et al\.)? \(?20\d\d", part)) | {"Image Permanence Institute"}
    assert named >= {"Zhang", "Stanulevich", "Katz", "Drimmer", "Tran"} and all(name in references for name in named)
    for name in re.findall(r"([A-Z][a-z]+)(?: et al\.|, Sun & Tang)? \(?(?:19|20)\d\d", TEXT.split("## References")[0]):
        assert name in references, name
