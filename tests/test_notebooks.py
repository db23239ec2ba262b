"""What is stored in the notebooks, and the pieces they show. nbval runs them (see pyproject.toml)."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.environment import check_environment
from helpers.plots import photo_rows
from helpers.widgets import before_after

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(p for p in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def notebook(request):
    return request.param, json.loads(request.param.read_text(encoding="utf8"))


def test_there_are_notebooks():
    assert [p.name for p in NOTEBOOKS][0] == "00_start_here.ipynb"


def test_stored_as_executed_in_order(notebook):
    path, content = notebook
    code = [c for c in content["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    assert path.stat().st_size < 3e6
    assert "widgets" not in content["metadata"]
    assert all(re.fullmatch(r"[\w-]{1,64}", c["id"]) for c in content["cells"])


def test_outputs_are_clean(notebook):
    _, content = notebook
    for cell in content["cells"]:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output.get("text")
            text = json.dumps({k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")})
            text += "".join(output.get("text", ""))
            assert "Warning" not in text and "<progress" not in text and "HBox(" not in text
            assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users|opt|var)/", text)


def test_pictures_are_described(notebook):
    """Each figure has a caption under it or alt text in it; each picture in the text has alt text."""
    _, content = notebook
    cells = content["cells"]
    for cell, following in zip(cells, cells[1:] + [{"cell_type": "", "source": ""}], strict=True):
        if cell["cell_type"] == "markdown":
            assert all(alt.strip() for alt in re.findall(r"!\[(.*?)\]\(", "".join(cell["source"])))
        pictures = [o for o in cell.get("outputs", []) if any(k.startswith("image/") for k in o.get("data", {}))]
        if pictures:
            assert following["cell_type"] == "markdown" and "".join(following["source"]).startswith("*")
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            if "background-image" in html or "<img" in html:
                assert "aria-label=" in html or "alt=" in html


def test_links_lead_somewhere(notebook):
    path, content = notebook
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            for target in re.findall(r"\]\((?!http|#|attachment:)([^)#]+)\)", "".join(cell["source"])):
                assert (path.parent / target).exists(), target


def test_code_cells_are_short(notebook):
    _, content = notebook
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            assert len("".join(cell["source"]).splitlines()) <= 15


# ---------------------------------------------------------------------------------- what they show


def test_environment_check_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setenv("COLORIZE_PRESET", "smoke")
    assert check_environment()
    assert 'Budget: "smoke"' in capsys.readouterr().out
    monkeypatch.setattr("helpers.environment.NEEDED", ("torch", "a-package-nobody-has"))
    assert not check_environment()
    assert "MISSING: a-package-nobody-has" in capsys.readouterr().out


def test_photo_rows_draws_each_photo_once():
    import matplotlib.pyplot as plt

    pictures = [np.full((20, 30, 3), i, np.uint8) for i in range(4)]
    figure = photo_rows({"one": pictures, "two": pictures})
    assert len(figure.axes) == 8 and figure.axes[0].get_ylabel() == "one"
    plt.close(figure)
    with pytest.raises(ValueError, match="same number of photos"):
        photo_rows({"one": pictures, "two": pictures[:2]})


def test_before_after_is_whole_and_safe():
    a, b = np.zeros((40, 80, 3), np.uint8), np.full((40, 80, 3), 200, np.uint8)
    text = before_after(a, b, width=160, alt='a "quoted" <flower>').data
    assert text.count("data:image/jpeg;base64,") == 2 and 'type="range"' in text
    assert "height:80px" in text and "resize:horizontal" in text
    assert "&quot;quoted&quot; &lt;flower&gt;" in text and "<flower>" not in text
    with pytest.raises(ValueError, match="differ in size"):
        before_after(a, b[:20])
