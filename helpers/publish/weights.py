"""A finished run becomes weights that ship: half precision, judged as shipped, with cards."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from ..backstage.files import read_json, write_json
from ..data import load_flowers
from ..inference import WEIGHTS, load_generator, save_generator
from ..metrics import baseline_cards, scorecard
from ..recipe import PRESETS, Recipe


def training_command(recipe: Recipe, name: str) -> str:
    """The command that makes this run again."""
    preset = asdict(PRESETS[recipe.preset])
    changed = {k: v for k, v in asdict(recipe).items() if v != preset[k] and k != "protocol"}
    settings = "".join(f" {k}={v}" for k, v in changed.items())
    return f"python -m helpers.training --preset {recipe.preset} --protocol {recipe.protocol} --out runs/{name}" + (
        f" --set{settings}" if settings else ""
    )


def publish_weights(folder: Path, name: str) -> None:
    """Turn a finished run into `name` and `name-l1`, with cards. Raises SystemExit without the real photos."""
    recipe = Recipe(**read_json(folder / "recipe.json"))
    test, seen = (load_flowers(split, recipe.size, recipe.protocol) for split in ("test", "train"))
    if test.source != "flowers102":
        raise SystemExit("error: weights are judged on the real photos; set FLOWERS102_ROOT")
    baselines = {key: asdict(card) for key, card in baseline_cards(test, seen).items()}
    for suffix, file in (("-l1", "generator-l1"), ("", "generator")):
        model, _ = load_generator(folder / f"{file}.safetensors")
        target = WEIGHTS / f"{name}{suffix}.safetensors"
        save_generator(model, target, recipe.size, half=True)
        shipped, _ = load_generator(target)
        card = {
            "name": f"{name}{suffix}",
            "what": "U-Net trained on L1 alone" if suffix else "U-Net trained on L1, then against a PatchGAN",
            "parameters": sum(p.numel() for p in shipped.parameters()),
            "command": training_command(recipe, name),
            "protocol": recipe.protocol,
            "judged_on": f"{len(test)} photos of the official {test.split} split, {recipe.size} px",
            "scorecard": asdict(scorecard(shipped, test)),
            "baselines": baselines,
            "training": {**read_json(folder / "timing.json"), "torch": version("torch").split("+")[0]},
            "recipe": asdict(recipe),
        }
        write_json(target.with_suffix(".json"), card)
        print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, PSNR {card['scorecard']['values']['psnr'][0]:.2f}")
