"""The one owner of everything in this repository that is made, not written. For maintainers: nothing imports it.

python -m helpers.publish weights runs/name flowers-64   # a finished run -> helpers/weights/, with cards
python -m helpers.publish flowernet                      # trains the eyes of KID -> helpers/weights/features/
python -m helpers.publish results                        # -> images/results.png and the README's tables
python -m helpers.publish titles                         # -> images/title-*.jpg, atop the chapters
python -m helpers.publish badges                         # Colab, Kaggle, Binder, by [project.urls] in pyproject.toml
python -m helpers.publish notebooks                      # execute all notebooks in fresh kernels, in order
python -m helpers.publish times                          # Time lines and tables once more, by what was measured
python -m helpers.publish site site                      # all chapters as pages to read, for a static host
python -m helpers.publish slides --to decks              # mark where slides begin; decks of all chapters, for lessons
python -m helpers.publish onnx flowers -o flowers.onnx   # a colorizer that runs without PyTorch
python -m helpers.publish notebooks --keep-time          # on a busy machine: store outputs, not the minutes
COLORIZE_PRESET=smoke python -m helpers.publish notebooks --time-only     # the minutes, not the outputs
"""

from __future__ import annotations

import re
from pathlib import Path

from ..backstage.files import writing
from ..data import Photos, load_flowers

ROOT = Path(__file__).parent.parent.parent


def real_photos(split: str, size: int, protocol: str = "official", limit: int | None = None) -> Photos:
    """`load_flowers`, but SystemExit for drawn flowers: nothing ships that was made of those."""
    photos = load_flowers(split, size, protocol, limit=limit)
    if photos.source != "flowers102":
        raise SystemExit("error: what ships is trained and judged on the real photos; set FLOWERS102_ROOT")
    return photos


def substituted(pattern: str, new: str, text: str, place: str) -> str:
    """`text` with `new` in place of what the pattern matches. Raises SystemExit where it matches nothing."""
    text, found = re.subn(pattern, lambda _: new, text, flags=re.M | re.S)
    if not found:
        raise SystemExit(f"error: {place} is gone")
    return text


def project_urls(project: str) -> dict[str, str]:
    """[project.urls] in the text of a pyproject.toml: {name in small letters: address}, {} if there are none."""
    urls = re.search(r"^\[project\.urls\]\n(.*?)(?=^\[|\Z)", project, re.M | re.S)
    found = re.findall(r'^"?(\w+)"?\s*=\s*"(https://[^"]+)"', urls[1] if urls else "", re.M)
    return {name.lower(): address for name, address in found}


def write_into_readme(what: str, text: str, name: str = "README.md", command: str = "") -> None:
    """Put `text` between the markers of this name in a page of Markdown. Raises SystemExit if they are gone.

    name: the page, in the repository. command: the word after `python -m helpers.publish` that does it; "" for `what`.
    """
    path = ROOT / name
    first, last = f"<!-- {what}: python -m helpers.publish {command or what} -->", f"<!-- end of {what} -->"
    page, place = path.read_text(encoding="utf8"), f"the place for {what} in {name}, between markers,"
    page = substituted(f"<!-- {what}:.*?{last}", f"{first}\n{text}\n{last}", page, place)
    with writing(path) as beside:
        beside.write_text(page, encoding="utf8", newline="\n")
