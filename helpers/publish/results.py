"""images/results.png and the README's tables, from the weights that ship and their cards."""

from __future__ import annotations

import numpy as np

from ..backstage.files import writing
from ..inference import WEIGHTS, Colorizer, read_card, training_minutes
from ..metrics import Scorecard, format_table, predict
from ..plots import as_pictures, photo_rows
from . import ROOT, real_photos, write_into_readme
from .notebooks import duration_words


def shipped_names() -> list[str]:
    """Colorizers in helpers/weights/ that paint, less their `-l1` twins and those that take hints; small ones first."""
    cards = {path.stem: read_card(path.stem) for path in WEIGHTS.glob("*.json") if not path.stem.endswith("-l1")}
    paint = [name for name, card in cards.items() if not card.keys() & {"hints", "classes"}]
    return sorted(paint, key=lambda name: cards[name]["recipe"]["size"])


def results_tables() -> str:
    """A table for each of `shipped_names()`, from their cards: two protocols or sizes do not belong in one."""
    tables = []
    for name in shipped_names():
        card = read_card(name)
        cards = card["baselines"] | {
            "U-Net, L1": read_card(f"{name}-l1")["scorecard"],
            "U-Net + GAN": card["scorecard"],
        }
        table = format_table({label: Scorecard(**one) for label, one in cards.items()}, intervals=False)
        tables.append(
            f"`{name}`, protocol `{card['protocol']}`: {card['judged_on']}, never seen in training; trained in "
            f"{duration_words(60 * training_minutes(card))} on {card['training']['hardware']}. 95 % intervals and the "
            f"recipe are in `helpers/weights/{name}.json`.\n\n{table}"
        )
    return "\n\n".join([*tables, *classes_tables(), *hints_tables()])


def classes_tables() -> list[str]:
    """What the temperature does, for each of the weights that choose colors, and their scorecard."""
    tables = []
    for name in sorted(path.stem for path in WEIGHTS.glob("*.json")):
        if not (chosen := (card := read_card(name)).get("classes")):
            continue
        raw, balanced = card["auc"]["raw"], card["auc"]["balanced"]
        rows = ["| temperature | PSNR dB | colorfulness | mean abs ΔCF | ab overlap |", "|-|-|-|-|-|"]
        for temperature, one in chosen["temperatures"].items():
            marks = f"{one['psnr']:.2f} | {one['colorfulness']:.1f} | {one['delta_cf']:.1f}"
            rows.append(f"| {temperature} | {marks} | {one['ab_intersection']:.3f} |")
        scores = format_table({"U-Net, classes": Scorecard(**card["scorecard"])}, intervals=False)
        tables.append(
            f"`{name}`, which gives each of {chosen['bins']} colors a probability (chapter 10), protocol "
            f"`{card['protocol']}`: {card['judged_on']}. AuC {raw:.3f}, with all colors counting alike {balanced:.3f}."
            f"\n\n{scores}\n\nIts temperature, {chosen['temperature']}, was chosen on {chosen['chosen_on']}, "
            f"whose colorfulness is {chosen['truth_colorfulness']:.1f}:\n\n" + "\n".join(rows)
        )
    return tables


def hints_tables() -> list[str]:
    """What hints bring, for each of the weights that take them."""
    tables = []
    for name in sorted(path.stem for path in WEIGHTS.glob("*.json")):
        if not (marks := (card := read_card(name)).get("hints")):
            continue
        few, errors = marks["at_errors_photos"], marks["at_errors"]
        rows = [f"| hints | PSNR dB | ΔE2000 | PSNR dB, placed at the largest errors ({few} photos) |", "|-|-|-|-|"]
        for count, one in marks["curve"].items():
            there = f"{errors[count]['psnr'][0]:.2f}" if count in errors else ""
            rows.append(f"| {count} | {one['psnr'][0]:.2f} | {one['delta_e'][0]:.2f} | {there} |")
        true, other = (f"{marks['obeyed'][key]['share']:.0%}" for key in ("true", "other"))
        tables.append(
            f"`{name}`, told colors at random places (chapter 9), protocol `{card['protocol']}`: {marks['photos']} of "
            f"{card['judged_on']}; without a hint it paints as `{card['started_from']['name']}`. "
            f"All that lies within 3 px of a hint is within ΔE2000 5 of the color asked for in {true} of "
            f"{marks['obeyed']['true']['trials']} trials, and in {other} where the color was another photo's.\n\n"
            + "\n".join(rows)
        )
    return tables


def painted(pictures: list[np.ndarray], name: str) -> list[np.ndarray]:
    """Pictures (H, W, 3) as the weights of this name color them."""
    return list(map(Colorizer.from_pretrained(name).colorize, pictures))


def publish_results(name: str, scratch: str) -> None:
    """images/results.png, eight photos drawn by lot and painted by two generators, and the tables in the README.

    The protocols of the two may differ: what one holds out, the other has learned from. The validation photos are held
    out by both.
    """
    photos = real_photos("val", 256)
    photos = photos.subset(np.random.default_rng(2026).choice(len(photos), 8, replace=False))
    gray = as_pictures(predict("gray", photos))
    rows = {"gray\n(what it sees)": gray, "truth": photos.images}
    rows[f"from scratch\n({scratch})"] = painted(gray, scratch)
    rows[f"pretrained\n({name})"] = painted(gray, name)
    with writing(ROOT / "images" / "results.png") as beside:
        photo_rows(rows, cell=1.35).savefig(beside, dpi=100, format="png")
    write_into_readme("results", results_tables())
