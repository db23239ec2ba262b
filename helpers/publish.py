"""The one owner of everything in this repository that is made, not written.

    python -m helpers.publish weights runs/name flowers-64   # a finished run -> helpers/weights/, with cards
    python -m helpers.publish results                        # -> images/results.png and the README's table
    python -m helpers.publish notebooks                      # execute all notebooks in fresh kernels, in order

For maintainers; the course itself does not use it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from .data import load_flowers
from .files import write_beside
from .inference import WEIGHTS, Colorizer, load_generator, save_generator
from .metrics import Scorecard, format_table, median_ab, predict, scorecard
from .training import Recipe

ROOT = Path(__file__).parent.parent
LIMIT_MB = 20


def baselines(recipe: Recipe) -> dict[str, Scorecard]:
    """The scorecards a generator has to beat, on the protocol's whole test part."""
    test = load_flowers("test", recipe.size, recipe.protocol)
    median = median_ab(load_flowers("train", recipe.size, recipe.protocol))
    return {
        "gray": scorecard("gray", test),
        "median ab": scorecard("median", test, median),
        "oracle mean ab": scorecard("oracle", test),
    }


def publish_weights(folder: Path, name: str) -> None:
    """Turn a finished run into `name` and `name-l1`: half precision, judged as shipped, with cards."""
    recipe = Recipe(**json.loads((folder / "recipe.json").read_text()))
    timing = json.loads((folder / "timing.json").read_text())
    test = load_flowers("test", recipe.size, recipe.protocol)
    if test.source != "flowers102":
        raise SystemExit("error: weights are judged on the real photos; set FLOWERS102_ROOT")
    beside = baselines(recipe)
    changed = {k: v for k, v in asdict(recipe).items() if v != asdict(_preset(recipe))[k] and k != "protocol"}
    settings = "".join(f" {k}={v}" for k, v in changed.items())
    for suffix, file in (("-l1", "generator-l1"), ("", "generator")):
        model, _ = load_generator(folder / f"{file}.safetensors")
        target = WEIGHTS / f"{name}{suffix}.safetensors"
        write_beside(target, lambda p, m=model: save_generator(m, p, half=True))
        if target.stat().st_size > LIMIT_MB * 1e6:
            raise SystemExit(f"error: {target.name} is larger than {LIMIT_MB} MB")
        shipped, _ = load_generator(target)
        card = {
            "name": f"{name}{suffix}",
            "what": "U-Net trained on L1 alone" if suffix else "U-Net trained on L1, then against a PatchGAN",
            "parameters": sum(p.numel() for p in shipped.parameters()),
            "command": f"python -m helpers.training --preset {recipe.preset} --protocol {recipe.protocol}"
            f" --out runs/{name}" + (f" --set{settings}" if settings else ""),
            "protocol": recipe.protocol,
            "judged_on": f"{len(test)} photos of the official {test.split} split, {recipe.size} px",
            "scorecard": asdict(scorecard(shipped, test)),
            "baselines": {key: asdict(value) for key, value in beside.items()},
            "training": {**timing, "torch": version("torch").split("+")[0]},
            "recipe": asdict(recipe),
        }
        text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
        write_beside(target.with_suffix(".json"), lambda p, t=text: p.write_text(t, encoding="utf8"))
        print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, PSNR {card['scorecard']['values']['psnr'][0]:.2f}")


def _preset(recipe: Recipe) -> Recipe:
    from .training import PRESETS

    return PRESETS[recipe.preset]


def read_card(name: str) -> dict:
    """The JSON card of shipped weights."""
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf8"))


def results_table(name: str) -> str:
    """The README's table, from the cards of `name` and `name-l1` alone."""
    card, l1 = read_card(name), read_card(f"{name}-l1")
    rows = {key: Scorecard(**value) for key, value in card["baselines"].items()}
    rows |= {"U-Net, L1": Scorecard(**l1["scorecard"]), "U-Net + GAN": Scorecard(**card["scorecard"])}
    training = card["training"]
    return (
        f"{format_table(rows, intervals=False)}\n\n"
        f"`{name}`, protocol `{card['protocol']}`: {card['judged_on']}, never seen in training; trained in "
        f"{training['seconds'] / 60:.0f} minutes on {training['hardware']}. 95 % intervals and the recipe are in "
        f"`helpers/weights/{name}.json`. Oracle mean ab has seen the answer: a yardstick, not a rival."
    )


def publish_results(name: str, seed: int = 2026, count: int = 8) -> None:
    """images/results.png, from photos drawn by a seed, and the table in the README."""
    import matplotlib

    matplotlib.use("Agg")
    from .plots import photo_rows

    protocol = read_card(name)["protocol"]
    photos = load_flowers("test", 256, protocol, limit=512)
    photos = photos.subset(np.random.default_rng(seed).choice(len(photos), count, replace=False))
    truth = photos.images.permute(0, 2, 3, 1).numpy()
    gray = predict("gray", photos).permute(0, 2, 3, 1).numpy()
    rows = {"gray\n(what it sees)": gray, "truth": truth}
    for label, weights in (("U-Net, L1", f"{name}-l1"), ("U-Net + GAN", name)):
        colorizer = Colorizer.from_pretrained(weights)
        rows[label] = [colorizer.colorize(picture) for picture in gray]
    figure = photo_rows(rows, cell=1.35)
    write_beside(ROOT / "images" / "results.png", lambda p: figure.savefig(p, dpi=100, format="png"))
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    between = f"<!-- results: python -m helpers.publish results -->\n{results_table(name)}\n<!-- end of results -->"
    readme, found = re.subn(r"<!-- results:.*?<!-- end of results -->", lambda _: between, readme, flags=re.S)
    if not found:
        raise SystemExit("error: README.md has lost its results markers")
    write_beside(ROOT / "README.md", lambda p: p.write_text(readme, encoding="utf8"))


def publish_notebooks(names: list[str]) -> None:
    """Execute notebooks in fresh kernels, in order, and store their outputs. The only owner of outputs."""
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    folder = ROOT / "notebooks"
    for path in sorted(folder.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts or (names and path.stem not in names):
            continue
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        runner = ExecutePreprocessor(timeout=3600, kernel_name="python3", record_timing=False)
        runner.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
        notebook.metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        for cell in notebook.cells:
            # A progress bar that has vanished leaves an empty output behind.
            if cell.cell_type == "code":
                cell.outputs = [o for o in cell.outputs if not _is_debris(o)]
        write_beside(path, lambda p, n=notebook: nbformat.write(n, p))
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def _is_debris(output) -> bool:
    data = output.get("data", {})
    text = "".join(data.get("text/html", "")) if "text/html" in data else None
    return text is not None and (not text.strip() or "<progress" in text or "progress-bar-interrupted" in text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.publish", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    weights = commands.add_parser("weights", help="ship a finished run")
    weights.add_argument("run", type=Path)
    weights.add_argument("name")
    results = commands.add_parser("results", help="results figure and README table")
    results.add_argument("name", nargs="?", default="flowers-64")
    notebooks = commands.add_parser("notebooks", help="execute notebooks and store their outputs")
    notebooks.add_argument("names", nargs="*", help="stems, as 00_start_here; all if none is given")
    options = parser.parse_args(arguments)
    if options.command == "weights":
        publish_weights(options.run, options.name)
    elif options.command == "results":
        publish_results(options.name)
    else:
        publish_notebooks(options.names)
    return 0


if __name__ == "__main__":
    torch.manual_seed(0)
    os.environ.setdefault("COLORIZE_OFFLINE", "1")
    sys.exit(main())
