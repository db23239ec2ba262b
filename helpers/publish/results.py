"""images/results.png and the README's tables, from the weights that ship and their cards."""

from __future__ import annotations

import numpy as np

from ..backstage.files import writing
from ..data import load_flowers
from ..inference import WEIGHTS, Colorizer, read_card
from ..metrics import Scorecard, format_table, predict
from ..plots import as_pictures, photo_rows
from . import ROOT, write_into_readme


def shipped_names() -> list[str]:
    """Colorizers in helpers/weights/, without their `-l1` twins, small pictures first."""
    names = (path.stem for path in WEIGHTS.glob("*.json") if not path.stem.endswith("-l1"))
    return sorted(names, key=lambda name: read_card(name)["recipe"]["size"])


def results_table(name: str) -> str:
    """The README's table, from the cards of `name` and `name-l1` alone."""
    card, l1 = read_card(name), read_card(f"{name}-l1")
    rows = {key: Scorecard(**value) for key, value in card["baselines"].items()}
    rows |= {"U-Net, L1": Scorecard(**l1["scorecard"]), "U-Net + GAN": Scorecard(**card["scorecard"])}
    training = card["training"]
    return (
        f"`{name}`, protocol `{card['protocol']}`: {card['judged_on']}, never seen in training; trained in "
        f"{training['seconds'] / 60:.0f} minutes on {training['hardware']}. 95 % intervals and the recipe are in "
        f"`helpers/weights/{name}.json`.\n\n{format_table(rows, intervals=False)}"
    )


def results_tables() -> str:
    """A table for each of `shipped_names()`: figures of two protocols or sizes do not belong in one."""
    return "\n\n".join(results_table(name) for name in shipped_names())


def painted(pictures: list[np.ndarray], name: str) -> list[np.ndarray]:
    """Pictures (H, W, 3) as the weights of this name color them."""
    colorizer = Colorizer.from_pretrained(name)
    return [colorizer.colorize(picture) for picture in pictures]


def publish_results(name: str, seed: int = 2026, count: int = 8) -> None:
    """images/results.png, from photos drawn by a seed and painted by `name`, and the tables in the README."""
    photos = load_flowers("test", 256, read_card(name)["protocol"], limit=512)
    photos = photos.subset(np.random.default_rng(seed).choice(len(photos), count, replace=False))
    gray = as_pictures(predict("gray", photos))
    rows = {"gray\n(what it sees)": gray, "truth": photos.images}
    rows |= {"U-Net, L1": painted(gray, f"{name}-l1"), "U-Net + GAN": painted(gray, name)}
    figure = photo_rows(rows, cell=1.35)
    with writing(ROOT / "images" / "results.png") as beside:
        figure.savefig(beside, dpi=100, format="png")
    write_into_readme("results", results_tables())
