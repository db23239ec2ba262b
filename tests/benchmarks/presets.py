"""Keep what a preset reached, for RESULTS.md:

    FLOWERS102_ROOT=... python -m helpers.training --preset cpu --protocol large --out runs/cpu
    python -m tests.benchmarks.presets runs/cpu && python -m tests.benchmarks.report

The figures are the run's own: its scorecard on held-out photos, and the minutes of its `timing.json`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path

from helpers.backstage.files import read_json, write_json
from helpers.recipe import Recipe, choose_preset

RESULTS = Path(__file__).parent / "results"


def main(folder: Path) -> None:
    recipe, scores = Recipe.restore(read_json(folder / "recipe.json")), read_json(folder / "scorecard.json")
    if recipe != replace(choose_preset(recipe.preset, recipe.encoder), protocol=recipe.protocol):
        raise SystemExit(f"error: {folder} was trained by other numbers than those of the preset {recipe.preset}")
    if scores["source"] != "flowers102" or scores["trained_on"] != "flowers102":
        raise SystemExit(f"error: {folder} learned from drawn flowers, or was judged on them")
    result = {"recipe": asdict(recipe), "timing": read_json(folder / "timing.json"), **scores}
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / f"preset-{recipe.preset}-{recipe.encoder}-{recipe.protocol}.json", result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
