"""The command line of training, `python -m helpers.training`. That of coloring is backstage/coloring.py."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from accelerate import PartialState

from .backstage.commands import DONE, STOPPED, UsageError, complain, duration, parser, run, sentence
from .backstage.files import read_json, write_json
from .backstage.folders import usable, writable_or_cached
from .backstage.progress import say
from .backstage.settings import read_settings
from .data import PROTOCOLS, load_flowers
from .guided import report_on_hints
from .inference import load_generator
from .metrics import Scorecard, baseline_cards, format_table, scorecard
from .recipe import PRESETS, Recipe, choose_preset
from .runs import Run, train
from .scaling import SOURCE, load_photos

__all__ = ["main", "report_on_test"]

EXAMPLES = """\
  python -m helpers.training --preset cpu --out runs/mine
  python -m helpers.training --preset cpu --out runs/mine --set lr=1e-3 gan_steps=500
  python -m helpers.training --preset smoke --out runs/try --root /media/stick
  python -m helpers.training --preset cpu --photos album --out runs/album
  accelerate launch -m helpers.training --preset gpu --protocol large --out runs/big
  python -m helpers.inference photo.jpg -o colored --weights runs/mine/generator.safetensors

Ctrl-C ends the step and saves; the same command goes on from there."""


def main(arguments: list[str] | None = None) -> int:
    """`python -m helpers.training`, see `--help`, also for what it returns."""
    reader = parser("helpers.training", "Train a colorizer, or go on with a training that was stopped.", EXAMPLES)
    presets = f"budget: {', '.join(PRESETS)} (default: $COLORIZE_PRESET, or gpu where there is one, else cpu)"
    protocols = "official trains on 1,020 photos, large on 6,149 (default: %(default)s)"
    settings = "change fields of the recipe, see helpers/recipe.py; encoder=none trains from scratch (chapters 3 to 6)"
    roots = "folder that holds flowers-102/ (default: $FLOWERS102_ROOT, the user cache, a download, drawn flowers)"
    photos = "folder of photos to learn from in place of Flowers102; a tenth is held out to judge on"
    reader.add_argument("--out", required=True, help="folder of the run, made if it is missing; the same again goes on")
    reader.add_argument("--preset", help=presets)
    reader.add_argument("--protocol", choices=list(PROTOCOLS), default="official", help=protocols)
    reader.add_argument("--photos", metavar="FOLDER", help=photos)
    reader.add_argument("--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help=settings)
    reader.add_argument("--root", help=roots)
    return run(lambda: _train(reader.parse_args(arguments)))


def _train(options: Namespace) -> int:
    for name in ("out", "root", "preset", "photos"):
        if (text := getattr(options, name)) is not None and not text.strip():
            raise UsageError(f"--{name} is empty: is a variable of your script not set?")
    changes = {"protocol": options.protocol} | read_settings(Recipe, options.set)
    try:
        recipe = replace(choose_preset(options.preset, changes.get("encoder", "lite0")), **changes)
    except ValueError as error:
        raise UsageError(error) from None
    own = options.photos
    if own and (options.root or recipe.protocol != "official"):
        raise UsageError("--photos takes the place of Flowers102: leave out --root and --protocol")
    if own and Path(os.path.realpath(options.out)).is_relative_to(os.path.realpath(own)):
        raise UsageError(f"--out {options.out} lies in {own}: its samples would be taken for photos, choose another")
    if options.root:
        os.environ["FLOWERS102_ROOT"] = options.root
    out = Path(options.out)
    if out.parts[:1] == ("runs",):  # below the folder of the course, which may be read-only
        out = writable_or_cached(out, options.out)
    try:
        usable(out)
    except OSError as error:
        raise UsageError(f"no run can be kept there: {sentence(error)}") from error
    load = partial(load_photos, own) if own else partial(load_flowers, protocol=recipe.protocol)
    parts = {"train": (recipe.load_size, recipe.train_limit), "val": (recipe.size, recipe.val_limit)} if own else {}
    trained = train(recipe, out, *(load(part, size, limit=limit) for part, (size, limit) in parts.items()))
    if not PartialState().is_main_process:
        return DONE if trained.finished else STOPPED
    if not trained.finished:
        complain(f"stopped and saved in {out}: run the same command to go on")
        return STOPPED
    seconds = read_json(timing := out / "timing.json").get("seconds")
    if not isinstance(seconds, int | float):
        raise ValueError(f"{timing} is damaged: it does not say how long it took. Delete it, and run this again")
    say(f"trained in {duration(seconds)}")
    try:
        hinted = recipe.hints > 0
        say(report_on_hints(recipe, trained.generator, load) if hinted else format_table(report_on_test(trained, load)))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{out} is trained, run the same command for the scorecard") from None
    return DONE


def report_on_test(trained: Run, load: Callable) -> dict[str, Scorecard]:
    """Judge a finished run on its held-out test photos beside the baselines; also as `scorecard.json`.

    load: called with a split, a size and `limit=`, gives the photos.
    """
    recipe = trained.recipe
    limits = {"test": recipe.val_limit if recipe.train_limit else None, "train": recipe.train_limit}
    test, seen = (load(s, recipe.size, limit=limits[s]) for s in ("test", "train"))
    cards = baseline_cards(test, seen)
    both = (("U-Net L1", "generator-l1"), ("U-Net + GAN", "generator"))
    for name, file in (("U-Net, classes", "generator"),) if recipe.color_kind == "classes" else both:
        cards[name] = scorecard(load_generator(trained.folder / f"{file}.safetensors")[0], test)
    protocol = SOURCE if test.source == SOURCE else recipe.protocol
    content = {"protocol": protocol, "photos": len(test), "source": test.source, "trained_on": seen.source}
    content["scorecards"] = {name: asdict(card) for name, card in cards.items()}
    write_json(trained.folder / "scorecard.json", content)
    return cards
