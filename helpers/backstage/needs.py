"""What the course needs of other packages, by its pyproject.toml, and what of that is missing here.

No import of this file may fail: it is what tells that something is missing.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

__all__ = ["name_of", "requirements", "unmet"]


def requirements(root: Path, *extras: str) -> list[str]:
    """The course's dependencies, as pip takes them: ["torch>=2.5", ...]; with those of extras, as "lab".

    Without a pyproject.toml, where helpers/ alone was copied or pip installed it, what the installed course says, or
    else nothing. Python has a reader of TOML from 3.11 on, and must not be that new here.
    """
    if not (root / "pyproject.toml").exists():
        return _installed(extras)
    text, found = (root / "pyproject.toml").read_text(encoding="utf8"), []
    for name in ("dependencies", *extras):
        listed = re.search(rf"^{name} = \[(.*?)\]$", text, re.M | re.S)
        found += re.findall(r'"([^"]+)"', re.sub(r"#.*", "", listed[1])) if listed else []
    return found


def _installed(extras: tuple[str, ...]) -> list[str]:
    try:
        listed = requires("image-colorization-course") or []
    except PackageNotFoundError:
        return []
    found = []
    for requirement in listed:  # "jupyterlab>=4; extra == 'lab'"
        needed, _, marker = (part.strip() for part in requirement.partition(";"))
        extra = re.search(r"extra == ['\"](\w+)", marker)
        if not extra or extra[1] in extras:
            found.append(needed)
    return found


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
