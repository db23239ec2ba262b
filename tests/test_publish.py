"""helpers.publish: running notebooks, their time lines and README table, the title pictures."""

import json
from pathlib import Path

import pytest

from helpers import publish

ROOT = Path(__file__).parent.parent


def read(path):
    return json.loads(path.read_text(encoding="utf8"))


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "1 second"), (12.4, "12 seconds"), (89, "89 seconds"), (91, "2 minutes"), (719, "12 minutes")],
)
def test_duration_in_words(seconds, words):
    assert publish.duration_words(seconds) == words


def test_time_line_names_budgets_in_order_and_hardware():
    smoke, cpu = ({"seconds": s, "hardware": "2 CPU cores"} for s in (12, 240))
    gpu = {"seconds": 60, "hardware": "a GPU"}
    line = "**Time:** 12 seconds at the `smoke` budget, 4 minutes at the `cpu` budget (measured on 2 CPU cores)."
    assert publish.time_line({"cpu": cpu, "smoke": smoke}) == line
    both = publish.time_line({"gpu": gpu, "cpu": cpu})
    assert both == "**Time:** 4 minutes at `cpu` (2 CPU cores), 60 seconds at `gpu` (a GPU), as measured."


TINY = [
    ("markdown", "# Tiny\n\n**Time:** unknown\n\nmore"),
    ("code", "import ipywidgets\nfrom IPython.display import HTML, Image, display\n"
     "display(ipywidgets.IntSlider())\ndisplay(HTML('<progress></progress>'))\ndisplay(HTML(''))\n"
     "print(1 + 1)"),
]  # fmt: skip


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A course of one chapter and one solution in a folder of its own."""
    import nbformat

    folder = tmp_path / "notebooks"
    (folder / "solutions").mkdir(parents=True)
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    for name, cells in (("01_tiny", TINY), ("solutions/00_early_solutions", TINY[1:])):
        book = nbformat.v4.new_notebook(cells=[make[kind](text) for kind, text in cells])
        nbformat.write(book, folder / f"{name}.ipynb")
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "NOTEBOOKS", folder)
    monkeypatch.setattr(publish, "MINUTES", folder / "minutes.json")
    before = {"01_tiny": {"cpu": {"seconds": 240, "hardware": "2 CPU cores"}}}
    publish.MINUTES.write_text(json.dumps(before))
    (tmp_path / "README.md").write_text("before\n<!-- notebooks: x -->\n<!-- end of notebooks -->\nafter\n")
    return folder


def test_publishing_stores_outputs_without_debris_and_the_measured_time(tiny, capsys):
    publish.publish_notebooks([])
    printed = capsys.readouterr().out
    assert printed.index("01_tiny") < printed.index("00_early_solutions")
    for name in ("01_tiny", "solutions/00_early_solutions"):
        content = read(tiny / f"{name}.ipynb")
        (code,) = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        (output,) = code["outputs"]
        assert output["text"] == ["2\n"] and code["execution_count"] == 1
        assert content["metadata"].keys() == {"kernelspec", "language_info"}
    measured = read(publish.MINUTES)
    assert measured.keys() == {"01_tiny"} and measured["01_tiny"].keys() == {"cpu", "smoke"}
    assert measured["01_tiny"]["cpu"]["seconds"] == 240 and 0 < measured["01_tiny"]["smoke"]["seconds"] < 60
    text = "".join(read(tiny / "01_tiny.ipynb")["cells"][0]["source"])
    assert text.split("\n")[2] == publish.time_line(measured["01_tiny"]) and text.endswith("\n\nmore")
    readme = (tiny.parent / "README.md").read_text()
    assert "| [Tiny](notebooks/01_tiny.ipynb) | 0 | 0 | 4 minutes on 2 CPU cores |" in readme
    assert readme.startswith("before\n<!-- notebooks:") and readme.endswith("<!-- end of notebooks -->\nafter\n")


def test_time_only_leaves_outputs_and_solutions_alone(tiny):
    solution = (tiny / "solutions/00_early_solutions.ipynb").read_bytes()
    publish.publish_notebooks(["01_tiny", "00_early_solutions"], time_only=True)
    assert (tiny / "solutions/00_early_solutions.ipynb").read_bytes() == solution
    cells = read(tiny / "01_tiny.ipynb")["cells"]
    assert "smoke" in "".join(cells[0]["source"]) and cells[1]["outputs"] == [] and cells[1]["execution_count"] is None


def test_publishing_refuses_what_it_cannot_do(tiny):
    import nbformat

    with pytest.raises(SystemExit, match="no notebook is called 09_nothing"):
        publish.publish_notebooks(["09_nothing"])
    (tiny.parent / "README.md").write_text("no markers")
    with pytest.raises(SystemExit, match="lost its notebooks markers"):
        publish.write_into_readme("notebooks", "table")
    with pytest.raises(SystemExit, match=r"no line that begins with \*\*Time"):
        publish.write_time_line(nbformat.v4.new_notebook(), {})


def test_title_pictures_have_a_maker_each():
    from helpers.publish.titles import TITLES

    assert {p.stem for p in (ROOT / "images").glob("title-*")} == {f"title-{number}" for number in TITLES}
    assert TITLES.keys() == {p.stem[:2] for p in (ROOT / "notebooks").glob("*.ipynb")} - {"00"}
    with pytest.raises(SystemExit, match="no title picture for 99"):
        publish.publish_titles(["99", "01"])
