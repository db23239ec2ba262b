"""What stands in the notebooks as they are stored, for the tests of single chapters."""

import json
import re

from helpers.publish.notebooks import NOTEBOOKS


def code_cells(name: str) -> list[dict]:
    """name: stem of a chapter, or solutions/ and that of its solutions."""
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def printed_text(name: str) -> str:
    """All that the stored chapter has printed; a line may be stored in pieces."""
    return "".join("".join(output.get("text", "")) for cell in code_cells(name) for output in cell["outputs"])


def numbers(pattern: str, text: str) -> list[float]:
    """The groups of the one place where this stands, as floats."""
    (found,) = re.findall(pattern, text)
    return [float(number) for number in ([found] if isinstance(found, str) else found)]
