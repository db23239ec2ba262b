"""The one owner of everything in this repository that is made, not written.

    python -m helpers.publish weights runs/name flowers-64   # a finished run -> helpers/weights/, with cards
    python -m helpers.publish results                        # -> images/results.png and the README's tables
    python -m helpers.publish titles                         # -> images/title-*.jpg, atop the chapters
    python -m helpers.publish notebooks                      # execute all notebooks in fresh kernels, in order
    COLORIZE_PRESET=smoke python -m helpers.publish notebooks --time-only     # measure, keep stored outputs

For maintainers; the course itself does not use it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ..data import load_flowers
from ..environment import hardware
from ..backstage.files import write_beside
from ..inference import WEIGHTS, Colorizer, load_generator, save_generator
from ..metrics import Scorecard, format_table, median_ab, predict, scorecard
from ..training import PRESETS, Recipe, choose_preset

ROOT = Path(__file__).parent.parent.parent
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
    from ..training import PRESETS

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
        f"`{name}`, protocol `{card['protocol']}`: {card['judged_on']}, never seen in training; trained in "
        f"{training['seconds'] / 60:.0f} minutes on {training['hardware']}. 95 % intervals and the recipe are in "
        f"`helpers/weights/{name}.json`.\n\n{format_table(rows, intervals=False)}"
    )


def shipped_names() -> list[str]:
    """Colorizers in helpers/weights/, without their `-l1` twins, small pictures first."""
    names = (path.stem for path in WEIGHTS.glob("*.json") if not path.stem.endswith("-l1"))
    return sorted(names, key=lambda name: read_card(name)["recipe"]["size"])


def results_tables() -> str:
    """A table for each of `shipped_names()`: figures of two protocols or sizes do not belong in one."""
    return "\n\n".join(results_table(name) for name in shipped_names())


def publish_results(name: str, seed: int = 2026, count: int = 8) -> None:
    """images/results.png, from photos drawn by a seed and painted by `name`, and the tables in the README."""
    import matplotlib

    matplotlib.use("Agg")
    from ..plots import photo_rows

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
    write_into_readme("results", results_tables())


def write_into_readme(what: str, text: str) -> None:
    """Put `text` between the README's markers of this name. Raises SystemExit if they are gone."""
    path = ROOT / "README.md"
    between = f"<!-- {what}: python -m helpers.publish {what} -->\n{text}\n<!-- end of {what} -->"
    pattern = rf"<!-- {what}:.*?<!-- end of {what} -->"
    readme, found = re.subn(pattern, lambda _: between, path.read_text(encoding="utf8"), flags=re.S)
    if not found:
        raise SystemExit(f"error: README.md has lost its {what} markers")
    write_beside(path, lambda p: p.write_text(readme, encoding="utf8"))


def notebooks_table() -> str:
    """The README's table of chapters, counted and measured: title, pictures, exercises, time at `cpu`."""
    minutes = json.loads(MINUTES.read_text(encoding="utf8"))
    lines = ["| notebook | pictures | exercises | computing at the `cpu` budget |", "|-|-|-|-|"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        title = "".join(cells[0]["source"]).split("\n")[0].removeprefix("# ")
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        pictures = sum(any(key.startswith("image/") for key in data) for data in outputs)
        code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        exercises = len(set(re.findall(r'check\("(\d\d-\d)', code)))
        measured = minutes.get(path.stem, {}).get("cpu")
        took = f"{duration_words(measured['seconds'])} on {measured['hardware']}" if measured else "not yet measured"
        lines.append(f"| [{title}](notebooks/{path.name}) | {pictures} | {exercises} | {took} |")
    return "\n".join(lines)


def publish_titles(numbers: list[str]) -> None:
    """images/title-NN.jpg, the pictures that open the chapters. numbers: "04" and so on; none means all."""
    import matplotlib

    matplotlib.use("Agg")
    from .titles import TITLES

    if unknown := set(numbers) - TITLES.keys():
        raise SystemExit(f"error: no title picture for {', '.join(sorted(unknown))}: choose from {', '.join(TITLES)}")
    for number in numbers or TITLES:
        figure = TITLES[number]()
        path = ROOT / "images" / f"title-{number}.jpg"
        options = {"format": "jpeg", "dpi": 90, "pil_kwargs": {"quality": 88}}
        write_beside(path, lambda p, f=figure, o=options: f.savefig(p, **o))


NOTEBOOKS = ROOT / "notebooks"
MINUTES = NOTEBOOKS / "minutes.json"
"""What was measured: {stem: {budget: {"seconds": …, "hardware": …}}}. The Time lines are written from it."""


def notebook_paths(names: list[str] | tuple[str, ...] = ()) -> list[Path]:
    """The notebooks in reading order, then the solutions; only those named, if any is.

    Raises SystemExit for a name that is no notebook.
    """
    paths = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(NOTEBOOKS.glob("solutions/*.ipynb"))]
    if unknown := set(names) - {path.stem for path in paths}:
        raise SystemExit(f"error: no notebook is called {', '.join(sorted(unknown))}")
    return [path for path in paths if not names or path.stem in names]


def is_debris(output: dict) -> bool:
    """Outputs that mean something only while the kernel lives: widget views, bars that have vanished."""
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        return True
    text = "".join(data["text/html"]) if "text/html" in data else None
    return text is not None and (not text.strip() or "<progress" in text or "progress-bar-interrupted" in text)


def duration_words(seconds: float) -> str:
    """12 -> "12 seconds", 150 -> "3 minutes": seconds up to a minute and a half, then whole minutes."""
    number, unit = (max(1, round(seconds)), "second") if seconds < 90 else (round(seconds / 60), "minute")
    return f"{number} {unit}" + ("" if number == 1 else "s")


def time_line(measured: dict[str, dict]) -> str:
    """The line that a notebook prints about itself, from its entry in `minutes.json`."""
    budgets = [budget for budget in PRESETS if budget in measured]
    words = {budget: duration_words(measured[budget]["seconds"]) for budget in budgets}
    machines = {measured[budget]["hardware"] for budget in budgets}
    if len(machines) == 1:
        parts = ", ".join(f"{words[budget]} at the `{budget}` budget" for budget in budgets)
        return f"**Time:** {parts} (measured on {machines.pop()})."
    parts = ", ".join(f"{words[budget]} at `{budget}` ({measured[budget]['hardware']})" for budget in budgets)
    return f"**Time:** {parts}, as measured."


def write_time_line(notebook, measured: dict[str, dict]) -> None:
    """Put `time_line(measured)` in place of the line that begins with **Time:** in the first text cell."""
    first = next((cell for cell in notebook.cells if cell.cell_type == "markdown"), None)
    lines = first.source.split("\n") if first else []
    if not any(line.startswith("**Time:**") for line in lines):
        raise SystemExit("error: the first text cell has no line that begins with **Time:**")
    first.source = "\n".join(time_line(measured) if line.startswith("**Time:**") else line for line in lines)


def execute(path: Path):
    """A notebook run in a fresh kernel, clean enough to store, and the seconds it took."""
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    # store_widget_state would put every widget into the metadata, a third of the file
    runner = ExecutePreprocessor(timeout=3600, kernel_name="python3", record_timing=False, store_widget_state=False)
    started = time.perf_counter()
    runner.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
    seconds = time.perf_counter() - started
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_debris(output)]
    return notebook, seconds


def publish_notebooks(names: list[str], time_only: bool = False) -> None:
    """Execute notebooks in fresh kernels, in order, store outputs and measured times. Their only owner.

    names: stems; none means all. The budget is $COLORIZE_PRESET or what fits this computer. time_only:
    measure and rewrite the Time line, but leave the stored outputs as they are.
    """
    import nbformat

    budget = choose_preset().preset
    if any((ROOT / "runs").glob("*")):
        print("note: runs/ is not empty; what a notebook finds there it does not train, and its time is shorter")
    for path in notebook_paths(names):
        notebook, seconds = execute(path)
        chapter = path.parent == NOTEBOOKS  # solutions print no time
        if chapter:
            minutes = json.loads(MINUTES.read_text(encoding="utf8")) if MINUTES.exists() else {}
            entry = minutes.setdefault(path.stem, {})
            entry[budget] = {"seconds": round(seconds, 1), "hardware": hardware()}
            text = json.dumps(minutes, indent=1, sort_keys=True) + "\n"
            write_beside(MINUTES, lambda p, t=text: p.write_text(t, encoding="utf8"))
        if time_only:
            notebook = nbformat.read(path, as_version=4)
        if chapter:
            write_time_line(notebook, entry)
        if chapter or not time_only:
            write_beside(path, lambda p, n=notebook: nbformat.write(n, p))
        size = path.stat().st_size / 1e6
        print(f"{path.relative_to(ROOT)}: {seconds:.0f} s at the {budget} budget, {size:.2f} MB", flush=True)
    write_into_readme("notebooks", notebooks_table())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.publish", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    weights = commands.add_parser("weights", help="ship a finished run")
    weights.add_argument("run", type=Path)
    weights.add_argument("name")
    results = commands.add_parser("results", help="results figure and README tables")
    results.add_argument("name", nargs="?", default="flowers-64", help="whose paintings; default: %(default)s")
    titles = commands.add_parser("titles", help="the pictures that open the chapters")
    titles.add_argument("numbers", nargs="*", help="of chapters, as 04; all if none is given")
    notebooks = commands.add_parser("notebooks", help="execute notebooks and store their outputs")
    notebooks.add_argument("names", nargs="*", help="stems, as 00_start_here; all if none is given")
    notebooks.add_argument("--time-only", action="store_true", help="measure at this budget, keep stored outputs")
    options = parser.parse_args(arguments)
    if options.command == "weights":
        publish_weights(options.run, options.name)
    elif options.command == "results":
        publish_results(options.name)
    elif options.command == "titles":
        publish_titles(options.numbers)
    else:
        publish_notebooks(options.names, options.time_only)
    return 0
