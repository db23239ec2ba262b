"""`python -m helpers.publish`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path

import matplotlib
import torch

from ..backstage.commands import DONE, parser, run
from . import __doc__ as description
from .badges import publish_badges
from .decks import REVEAL, publish_slides
from .executing import publish_notebooks
from .guide import publish_times
from .networks import publish_flowernet, publish_weights
from .portable import publish_onnx
from .results import publish_results
from .site import publish_site
from .titles import publish_titles


def main(arguments: list[str] | None = None) -> int:
    """`python -m helpers.publish`, see `--help`, also for what it returns."""
    first, *lines = description.strip().splitlines()
    examples = "\n".join(f"  {line}" for line in lines if line)
    reader = parser("helpers.publish", first, examples)
    commands = reader.add_subparsers(required=True)

    def command(function, words: str) -> ArgumentParser:
        added = commands.add_parser(function.__name__.removeprefix("publish_"), help=words)
        added.set_defaults(function=function)
        return added

    weights = command(publish_weights, "ship a finished run")
    weights.add_argument("folder", type=Path, metavar="run")
    weights.add_argument("name")
    command(publish_flowernet, "train the eyes of KID")
    results = command(publish_results, "results figure and README tables")
    results.add_argument("name", nargs="?", default="flowers", help="whose paintings; default: %(default)s")
    results.add_argument("scratch", nargs="?", default="flowers-64", help="beside whose; default: %(default)s")
    titles = command(publish_titles, "the pictures that open the chapters")
    titles.add_argument("numbers", nargs="*", help="of chapters, as 04; all if none is given")
    command(publish_badges, "badges that open the chapters in Colab, Kaggle and Binder, if the course has an address")
    notebooks = command(publish_notebooks, "execute notebooks and store their outputs")
    notebooks.add_argument("names", nargs="*", help="stems, as 00_start_here; all if none is given")
    half = notebooks.add_mutually_exclusive_group()
    half.add_argument("--time-only", action="store_true", help="measure at this budget, keep stored outputs")
    half.add_argument("--keep-time", action="store_true", help="store outputs, keep the measured times")

    command(publish_times, "Time lines, and the tables of the README and the guide, by what was measured")

    site = command(publish_site, "all chapters as pages to read, ready for a static host; nothing is executed")
    site.add_argument("folder", type=Path, help="new, empty, or made by this command: it is replaced")

    slides = command(publish_slides, "mark where slides begin in the stored chapters, and make decks of them")
    slides.add_argument("names", nargs="*", help="stems, as 00_start_here; all if none is given")
    slides.add_argument("--to", type=Path, metavar="FOLDER", help="new, empty, or made by this command: for the decks")
    slides.add_argument("--reveal", default=REVEAL, help="address or folder of reveal.js; default: %(default)s")

    portable = command(publish_onnx, "a colorizer in a file that runs without PyTorch, for any size of picture")
    portable.add_argument("name", help="weights of the course, as flowers, or a .safetensors file of a run")
    portable.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the .onnx file to write")

    def work() -> int:
        options = vars(reader.parse_args(arguments))
        options.pop("function")(**options)
        return DONE

    return run(work, "run the same command again")


if __name__ == "__main__":
    torch.manual_seed(0)
    matplotlib.use("Agg")
    os.environ.setdefault("COLORIZE_OFFLINE", "1")
    sys.exit(main())
