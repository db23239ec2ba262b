"""The one owner of everything in this repository that is made, not written. For maintainers: nothing imports it.

python -m helpers.publish weights runs/name flowers-64   # a finished run -> helpers/weights/, with cards
python -m helpers.publish flowernet                      # trains the eyes of KID -> helpers/weights/features/
python -m helpers.publish results                        # -> images/results.png and the README's tables
python -m helpers.publish titles                         # -> images/title-*.jpg, atop the chapters
python -m helpers.publish notebooks                      # execute all notebooks in fresh kernels, in order
python -m helpers.publish notebooks --keep-time          # on a busy machine: store outputs, not the minutes
COLORIZE_PRESET=smoke python -m helpers.publish notebooks --time-only     # the minutes, not the outputs
"""

from __future__ import annotations

import re
from pathlib import Path

from ..backstage.files import writing

ROOT = Path(__file__).parent.parent.parent


def write_into_readme(what: str, text: str) -> None:
    """Put `text` between the README's markers of this name. Raises SystemExit if they are gone."""
    path = ROOT / "README.md"
    between = f"<!-- {what}: python -m helpers.publish {what} -->\n{text}\n<!-- end of {what} -->"
    pattern = rf"<!-- {what}:.*?<!-- end of {what} -->"
    readme, found = re.subn(pattern, lambda _: between, path.read_text(encoding="utf8"), flags=re.S)
    if not found:
        raise SystemExit(f"error: README.md has lost its {what} markers")
    with writing(path) as beside:
        beside.write_text(readme, encoding="utf8", newline="\n")
