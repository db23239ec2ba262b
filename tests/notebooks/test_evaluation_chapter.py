"""Chapter 6 as it is stored: its numbers bear out its text, with all blanks blank."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.inference import read_card
from helpers.metrics import Scorecard, format_table

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "notebooks" / "06_evaluation.ipynb"
CELLS = json.loads(CHAPTER.read_text(encoding="utf8"))["cells"]
TEXT = "\n\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")


@pytest.fixture(scope="module")
def outputs():
    """All text that the stored chapter has put out, and its Markdown tables."""
    texts, tables = [], []
    for cell in CELLS:
        for output in cell.get("outputs", []):
            texts.append("".join(output.get("text", "")))
            tables.append("".join(output.get("data", {}).get("text/markdown", "")))
    return "".join(texts), tables  # a line may be stored in pieces


def test_stored_with_all_blanks_blank(outputs):
    text, _ = outputs
    assert text.count("The chapter goes on with the course's own.") == 3 and "goes on with yours" not in text


def test_the_scorecard_is_that_of_the_cards(outputs):
    """All five painters, on all 6,149 photos, each mean and both ends of each interval as printed on the cards."""
    text, tables = outputs
    cards = dict(read_card("flowers-64")["baselines"])
    cards |= {"U-Net, L1": read_card("flowers-64-l1")["scorecard"], "U-Net + GAN": read_card("flowers-64")["scorecard"]}
    wanted = format_table({name: Scorecard(**card) for name, card in cards.items()})
    assert wanted in tables
    assert "5 painters, 6,149 photos" in text
    assert f"scores {cards['gray']['values']['ssim'][0]:.3f}".replace("0.", ".") in TEXT


def test_the_seeds_are_those_of_the_benchmarks():
    """The lowest and the highest PSNR of the one recipe with three seeds, after the color phase and after the game."""
    results = (ROOT / "tests" / "benchmarks" / "RESULTS.md").read_text(encoding="utf8")
    rows = re.findall(r"^\| [^|]+ \| 3 \| [^|]+ \| [^|]+ \| [\d.]+ \(([\d.]+) to ([\d.]+)\)", results, re.M)
    color, game = re.search(
        r"PSNR of ([\d.]+ to [\d.]+) after L1, and of ([\d.]+ to [\d.]+) after the game", " ".join(TEXT.split())
    ).groups()
    assert [color, game] == [" to ".join(row) for row in rows]
    assert float(rows[1][1]) < float(rows[0][0]), "the seed matters less than the game"


def test_a_reader_sees_little_by_lot(outputs):
    between, error = map(float, re.search(r"A from B ([\d.]+), A from the truth ([\d.]+)", outputs[0]).groups())
    assert 3 * between < error
    assert int(re.search(r"two judges disagree in (\d) of 8", outputs[0])[1]) >= 1


def gains(text: str, title: str) -> dict[str, tuple]:
    """{metric: (mean, low, high, verdict)} of one comparison."""
    block = re.search(rf"{re.escape(title)}\n((?:.+\n){{4}})", text)[1]
    found = re.findall(r"^(.+?) +([+-][\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\)  (\w[\w ]*);", block, re.M)
    return {name: (*map(float, numbers), verdict) for name, *numbers, verdict in found}


def test_differences_are_paired_and_decided(outputs):
    game = gains(outputs[0], "GAN minus L1")
    assert [row[3] for row in game.values()] == ["worse", "worse", "worse", "better"]
    assert all(low <= mean <= high and not low < 0 < high for mean, low, high, _ in game.values())
    assert -0.5 < game["PSNR dB"][0] < -0.2


def test_the_rivals_are_what_the_text_says(outputs):
    """Longer L1 gains little; the dial comes close; in overlap the GAN leads both clearly."""
    text, _ = outputs
    game, longer, dial = (gains(text, f"GAN minus {name}") for name in ("L1", "L1, longer", "L1, dialed up"))
    for metric in ("PSNR dB", "ΔE2000"):
        assert abs(longer[metric][0]) > 0.7 * abs(game[metric][0]) and abs(dial[metric][0]) < 0.5 * abs(game[metric][0])
    assert abs(dial["mean abs ΔCF"][0]) < 0.4 * abs(game["mean abs ΔCF"][0])
    overlap = {name: float(value) for name, value in re.findall(r"ab overlap of (.+): ([\d.]+)", text)}
    first, second, *_ = sorted(overlap.values(), reverse=True)
    assert overlap["U-Net + GAN"] == first > second + 0.04 and abs(overlap["L1, longer"] - overlap["U-Net, L1"]) < 0.03


def test_rare_hues_survive_less(outputs):
    lines = re.findall(r"kept, from common to rare: (.*)", outputs[0])
    shares = [list(map(int, re.findall(r"(\d+)%", line))) for line in lines]
    assert len(shares) == 2 and all(row == sorted(row, reverse=True) and len(row) == 7 for row in shares)
    assert np.abs(np.subtract(*shares)).max() <= 5, "the GAN guesses hardly better"


def test_what_the_gan_closes(outputs):
    closed = [int(share) for share in re.findall(r"the GAN closes (\d+)% of L1's gap", outputs[0])]
    assert len(closed) == 2 and max(closed) <= 25


def test_kid_is_calibrated(outputs):
    """Truth against truth holds 0, fine blur is nearly that, and each spoiling is worse than a milder one."""
    text, _ = outputs
    found = re.findall(r"^(\S.*?) +(-?\d+\.\d) \((-?\d+\.\d) to (-?\d+\.\d)\)$", text, re.M)
    kid = {name: tuple(map(float, numbers)) for name, *numbers in found}
    assert kid["true photos"][1] <= 0 <= kid["true photos"][2]
    assert abs(kid["true photos"][0]) < 4 and abs(kid["blur 3"][0]) < 4
    climb = ["true photos", "blur 3", "× 0.8", "× 0.5", "median ab", "gray"]
    assert [kid[name][0] for name in climb] == sorted(kid[name][0] for name in climb)
    assert kid["blur 3"][2] < kid["blur 9"][1] and kid["blur 9"][2] < kid["gray"][1]
    assert kid["U-Net + GAN"][2] < kid["U-Net, L1"][1] < kid["oracle mean ab"][1]
    assert kid["U-Net, L1"][1] < kid["stranger"][0] < kid["U-Net, L1"][2], "beside a trained network"


def test_flowers_are_named_no_better(outputs):
    named = {name: int(share) for name, share in re.findall(r"^  (\S.*?) +(\d+)%$", outputs[0], re.M)}
    assert abs(named["U-Net + GAN"] - named["U-Net, L1"]) <= 3 and named["U-Net + GAN"] < named["true photos"] / 2
    assert named["stranger"] < 10 and named["gray"] < 10


def test_fine_color_tells_more_than_the_amount(outputs):
    """And the end of its game is stored."""
    text, _ = outputs
    pattern = r"takes (\d+)% of the photos for real, and (\d+)% of the paintings"
    amount, fine = (int(real) - int(fooled) for real, fooled in re.findall(pattern, text))
    assert fine > 70 > 40 > amount
    alts = [
        data.get("alt", "")
        for cell in CELLS
        for output in cell.get("outputs", [])
        for data in output.get("metadata", {}).values()
    ]
    assert any(alt.startswith("The end of a game: ") for alt in alts)


def test_the_game_shows_no_photo_that_was_on_the_page():
    """Every array of places in `test` that a figure before it has used is among those that are left out."""
    before = []
    for cell in CELLS:
        source = "".join(cell["source"])
        if "real_or_colored(larger" in source:
            left_out = set(re.search(r"on_page = np.concatenate\(\[(.*?)\]\)", source)[1].split(", "))
            break
        if cell["cell_type"] == "code":
            before += re.findall(r"test\.images\[((?:[\w.]+(?:\[\w+\])?))\]", source)
    pictured = {"some[both]", "ends", "columns", "nearest[i]"}
    assert pictured <= set(before), "these are shown"
    assert left_out == {"some[both]", "clearest", "ends", "columns", "nearest.flatten()", "half[seven]"}
