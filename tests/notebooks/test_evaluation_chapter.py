"""Chapter 6 as it is stored: its scorecard is that of the cards, and KID has been calibrated."""

import json
import re
from pathlib import Path

import pytest

from helpers.inference import read_card
from helpers.metrics import Scorecard, format_table

CHAPTER = Path(__file__).parents[2] / "notebooks" / "06_evaluation.ipynb"


@pytest.fixture(scope="module")
def outputs():
    """All text that the stored chapter has put out, and its Markdown tables."""
    texts, tables = [], []
    for cell in json.loads(CHAPTER.read_text(encoding="utf8"))["cells"]:
        for output in cell.get("outputs", []):
            texts.append("".join(output.get("text", "")))
            tables.append("".join(output.get("data", {}).get("text/markdown", "")))
    return "".join(texts), tables  # a line may be stored in pieces


def test_the_scorecard_is_that_of_the_cards(outputs):
    """All five painters, on all 6,149 photos, each mean and both ends of each interval as printed on the cards."""
    text, tables = outputs
    cards = dict(read_card("flowers-64")["baselines"])
    cards |= {"U-Net, L1": read_card("flowers-64-l1")["scorecard"], "U-Net + GAN": read_card("flowers-64")["scorecard"]}
    wanted = format_table({name: Scorecard(**card) for name, card in cards.items()})
    assert wanted in tables
    assert "5 painters, 6,149 photos" in text and "agree with the cards" in text


def test_kid_is_calibrated(outputs):
    """Truth against truth holds 0, fine blur is nearly that, and each spoiling is worse than a milder one."""
    text, _ = outputs
    found = re.findall(r"^(\S.*?) +(-?\d+\.\d) \((-?\d+\.\d) to (-?\d+\.\d)\)$", text, re.M)
    kid = {name: tuple(map(float, numbers)) for name, *numbers in found}
    assert kid["true photos"][1] <= 0 <= kid["true photos"][2]
    climb = ["true photos", "blur 3", "× 0.8", "× 0.5", "median ab", "gray"]
    assert [kid[name][0] for name in climb] == sorted(kid[name][0] for name in climb)
    assert kid["blur 3"][2] < kid["blur 9"][1] and kid["blur 9"][2] < kid["gray"][1]
    assert kid["U-Net + GAN"][2] < kid["U-Net, L1"][1] < kid["oracle mean ab"][1]


def test_differences_are_paired_and_decided(outputs):
    text, _ = outputs
    gain = re.search(r"GAN minus L1\nPSNR dB +(\S+) \((\S+) to (\S+)\)", text)
    assert -0.5 < float(gain[1]) < 0 and float(gain[2]) < float(gain[1]) < float(gain[3]) < 0
