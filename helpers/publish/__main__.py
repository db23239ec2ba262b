"""`python -m helpers.publish`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import matplotlib
import torch

from . import __doc__ as description
from .flowernet import publish_flowernet
from .notebooks import publish_notebooks
from .results import publish_results
from .titles import publish_titles
from .weights import publish_weights


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.publish", description=description.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    weights = commands.add_parser("weights", help="ship a finished run")
    weights.add_argument("folder", type=Path, metavar="run")
    weights.add_argument("name")
    commands.add_parser("flowernet", help="train the eyes of KID")
    results = commands.add_parser("results", help="results figure and README tables")
    results.add_argument("name", nargs="?", default="flowers-64", help="whose paintings; default: %(default)s")
    titles = commands.add_parser("titles", help="the pictures that open the chapters")
    titles.add_argument("numbers", nargs="*", help="of chapters, as 04; all if none is given")
    notebooks = commands.add_parser("notebooks", help="execute notebooks and store their outputs")
    notebooks.add_argument("names", nargs="*", help="stems, as 00_start_here; all if none is given")
    half = notebooks.add_mutually_exclusive_group()
    half.add_argument("--time-only", action="store_true", help="measure at this budget, keep stored outputs")
    half.add_argument("--keep-time", action="store_true", help="store outputs, keep the measured times")
    options = vars(parser.parse_args(arguments))
    functions = {
        "weights": publish_weights,
        "flowernet": publish_flowernet,
        "results": publish_results,
        "titles": publish_titles,
        "notebooks": publish_notebooks,
    }
    functions[options.pop("command")](**options)
    return 0


if __name__ == "__main__":
    torch.manual_seed(0)
    matplotlib.use("Agg")
    os.environ.setdefault("COLORIZE_OFFLINE", "1")
    sys.exit(main())
