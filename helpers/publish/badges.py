"""Badges that open a chapter in Colab, Kaggle or Binder, by the address in pyproject.toml. Without one, none.

[project.urls]
Repository = "https://github.com/OWNER/REPOSITORY"      # or .../tree/BRANCH, where that is not main
"""

from __future__ import annotations

import re

import nbformat

from ..backstage.files import writing
from . import ROOT, project_urls, write_into_readme
from .notebooks import NOTEBOOKS

FIRST = "00_start_here.ipynb"
LINE = r"^\[!\[Open in Colab\][^\n]*\n\n"  # a line of badges and the empty one below it


def address(project: str) -> tuple[str, str] | None:
    """("OWNER/REPOSITORY", branch) as the text of a pyproject.toml has them, None where it has no such address."""
    github = r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?(?:/tree/([\w./-]+))?"
    found = next(filter(None, (re.fullmatch(github, url) for url in project_urls(project).values())), None)
    return (found[1], found[2] or "main") if found else None


def badges(place: tuple[str, str], name: str) -> str:
    """One line of Markdown that opens notebooks/`name` in each of the three. place: as from `address`."""
    repository, branch = place
    page = f"{repository}/blob/{branch}/notebooks/{name}"
    doors = {
        "Colab": (
            "https://colab.research.google.com/assets/colab-badge.svg",
            f"https://colab.research.google.com/github/{page}",
        ),
        "Kaggle": (
            "https://kaggle.com/static/images/open-in-kaggle.svg",
            f"https://kaggle.com/kernels/welcome?src=https://github.com/{page}",
        ),
        "Binder": (
            "https://mybinder.org/badge_logo.svg",
            f"https://mybinder.org/v2/gh/{repository}/{branch.replace('/', '%2F')}?urlpath=lab/tree/notebooks/{name}",
        ),
    }
    return " ".join(f"[![Open in {service}]({picture})]({door})" for service, (picture, door) in doors.items())


def publish_badges() -> None:
    """Write the badges into the README and, below its picture, into each chapter; take away those of another."""
    place = address((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        first = notebook.cells[0]
        before = first.source
        title, picture, rest = re.sub(LINE, "", before, flags=re.M).split("\n\n", 2)
        first.source = "\n\n".join([title, picture, *([badges(place, path.name)] if place else []), rest])
        if first.source != before:
            with writing(path) as beside:
                nbformat.write(notebook, beside)
    write_into_readme("badges", badges(place, FIRST) if place else "")
    print(f"badges for {place[0]}, branch {place[1]}" if place else "no [project.urls] in pyproject.toml: no badges")
