"""What the course needs of other packages, by its pyproject.toml, and what of that is missing here.

No import of this file may fail: it is what tells that something is missing.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["name_of", "requirements", "unmet"]


def requirements(root: Path) -> list[str]:
    """The course's dependencies, as pip takes them: ["torch>=2.5", ...]. Raises OSError without a pyproject.toml."""
    text = (root / "pyproject.toml").read_text(encoding="utf8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.M | re.S)
    return re.findall(r'^\s*"([^"]+)"', listed[1], re.M) if listed else []


def name_of(requirement: str) -> str:
    """ "torch>=2.5" -> "torch"."""
    return re.match(r"[\w.-]+", requirement)[0]


def unmet(root: Path) -> dict[str, str]:
    """Requirements that are not met here -> the version that is, "" for a package that is missing."""
    found = {}
    for requirement in requirements(root):
        try:
            there = version(name_of(requirement))
        except PackageNotFoundError:
            there = ""
        if not there or not _fits(requirement, there):
            found[requirement] = there
    return found


def _fits(requirement: str, there: str) -> bool:
    try:  # Jupyter and matplotlib bring it; where even those are missing, the answer matters little
        from packaging.requirements import Requirement
    except ImportError:
        return True
    return Requirement(requirement).specifier.contains(there, prereleases=True)
