"""What stands in the notebooks as they are stored, for the tests of single chapters."""

import json
import re

from helpers.publish.notebooks import NOTEBOOKS


def all_cells(name: str) -> list[dict]:
    """name: stem of a chapter, or solutions/ and that of its solutions."""
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf8"))["cells"]


def code_cells(name: str) -> list[dict]:
    return [cell for cell in all_cells(name) if cell["cell_type"] == "code"]


def prose(name: str) -> str:
    """All that the chapter says in its texts."""
    return "\n\n".join("".join(cell["source"]) for cell in all_cells(name) if cell["cell_type"] == "markdown")


def printed_text(name: str) -> str:
    """All that the stored chapter has printed; a line may be stored in pieces."""
    return "".join("".join(output.get("text", "")) for cell in code_cells(name) for output in cell["outputs"])


def numbers(pattern: str, text: str) -> list[float]:
    """The groups of the one place where this stands, as floats."""
    (found,) = re.findall(pattern, text)
    return [float(number) for number in ([found] if isinstance(found, str) else found)]
