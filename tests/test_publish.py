"""helpers.publish: weights that ship, running notebooks, their time lines and README table, the title pictures."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import nbformat
import pytest
import torch

from helpers import publish
from helpers.backstage.tensors import DamagedError, read_tensors
from helpers.data import Photos
from helpers.inference import WEIGHTS, Colorizer, save_generator
from helpers.kid import FlowerNet, accuracy, load_features
from helpers.metrics import predict
from helpers.models import UNet
from helpers.publish import networks, notebooks, titles
from helpers.publish.__main__ import main
from helpers.recipe import PRESETS
from helpers.synthetic import draw_flowers

ROOT = Path(__file__).parent.parent


def read(path):
    return json.loads(path.read_text(encoding="utf8"))


def drawn(count, seed=1, size=64):
    pictures, truth = draw_flowers(count, size, seed=seed)
    images = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    return Photos(images, torch.from_numpy(truth.kind), -1 - torch.arange(count), "train", "drawn")


# ---------------------------------------------------------------------------------------- weights


def test_a_run_becomes_weights_with_cards(tmp_path, monkeypatch, capsys):
    recipe = replace(PRESETS["smoke"], protocol="large", color_steps=9)
    photos = replace(drawn(12, size=recipe.size), source="flowers102")  # as if they were the real ones
    monkeypatch.setattr(publish, "load_flowers", lambda *_, **__: photos)
    monkeypatch.setattr(networks, "WEIGHTS", tmp_path / "shipped")
    (tmp_path / "shipped").mkdir()
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(recipe)))
    (tmp_path / "timing.json").write_text('{"seconds": 90, "hardware": "an abacus"}')
    for file in ("generator", "generator-l1"):
        save_generator(UNet(4, 3), tmp_path / f"{file}.safetensors", recipe.size)
    main(["weights", str(tmp_path), "roses-32"])
    card = read(tmp_path / "shipped/roses-32.json")
    assert card["command"] == (
        "python -m helpers.training --preset smoke --protocol large --out runs/roses-32 "
        "--set encoder=none color_steps=9"
    )
    assert card["recipe"] == asdict(recipe) and card["training"]["hardware"] == "an abacus"
    assert len(card["baselines"]) == 3 and card["scorecard"]["photos"] == 12
    for name in ("roses-32", "roses-32-l1"):
        path = tmp_path / "shipped" / f"{name}.safetensors"
        assert Colorizer.from_pretrained(path).size == 32 and name in capsys.readouterr().out + name
        assert path.stat().st_size < (tmp_path / "generator.safetensors").stat().st_size * 0.7


@pytest.mark.parametrize(
    ("photos", "words"),
    [
        ({"source": "drawn", "split": "test"}, "on the real photos, not on drawn ones"),
        ({"source": "flowers102", "split": "val"}, "trained on the val split; the large protocol's is test"),
    ],
)
def test_a_card_says_what_the_run_learned_from_or_nothing_ships(photos, words):
    recipe = replace(PRESETS["smoke"], protocol="large")
    seen = {"source": "flowers102", "split": "test", "count": 6149, "size": 80, "crc32": "0"}
    said = "6149 photos of the official test split, 80 px"
    assert networks.learned_from({"photos": seen}, recipe) == {"trained_on": said}
    assert networks.learned_from({"seconds": 1}, recipe) == {}  # a run of an older version
    with pytest.raises(SystemExit, match=words):
        networks.learned_from({"photos": seen | photos}, recipe)


@pytest.mark.parametrize("path", [*WEIGHTS.rglob("*.safetensors")], ids=lambda path: path.stem)
def test_what_ships_is_known_by_its_checksum(path, tmp_path):
    """In the file or in its card: damage anywhere is noticed."""
    content, mine = bytearray(path.read_bytes()), tmp_path / path.name
    shutil.copyfile(path.with_suffix(".json"), mine.with_suffix(".json"))
    mine.write_bytes(content)
    read_tensors(mine, read(mine.with_suffix(".json")))
    for at in (len(content) // 2, len(content) - 1):
        content[at] ^= 4
        mine.write_bytes(content)
        with pytest.raises(DamagedError, match=f"{path.name} is damaged"):
            read_tensors(mine, read(mine.with_suffix(".json")))


def test_nothing_ships_that_was_judged_or_trained_on_drawn_flowers(tmp_path, monkeypatch):
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(PRESETS["smoke"])))
    (tmp_path / "timing.json").write_text("{}")
    (tmp_path / "images").mkdir()
    monkeypatch.setattr(publish, "load_flowers", lambda *_, **__: drawn(4))
    monkeypatch.setattr(networks, "FEATURES", tmp_path / "x.safetensors")
    monkeypatch.setattr(titles, "ROOT", tmp_path)
    for command in (["weights", str(tmp_path), "roses-32"], ["flowernet"], ["results"], ["titles", "05"]):
        with pytest.raises(SystemExit, match="trained and judged on the real photos"):
            main(command)
    (tmp_path / "images").rmdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.json", "timing.json"]


def test_flowernet_ships_with_its_card_judged_as_shipped(tmp_path, monkeypatch):
    photos = replace(drawn(20), source="flowers102")
    monkeypatch.setattr(publish, "load_flowers", lambda *_, **__: photos)
    monkeypatch.setattr(networks, "train_flowernet", lambda _: FlowerNet(5, 4, 8).eval())
    monkeypatch.setattr(networks, "FEATURES", tmp_path / "eyes.safetensors")
    main(["flowernet"])
    network, card = load_features(tmp_path / "eyes.safetensors")
    assert network.config == {"classes": 5, "width": 4, "features": 8} and card["name"] == "eyes"
    assert card["parameters"] == sum(p.numel() for p in network.parameters()) and card["chance"] == 0.2
    assert card["accuracy"] == accuracy(network, photos.images, photos.labels)
    assert card["accuracy_in_gray"] == accuracy(network, predict("gray", photos), photos.labels)
    assert card["trained_on"].startswith("40 photos") and card["judged_on"].startswith("20 photos")
    assert card["training"].keys() == {"epochs", "hardware", "seconds", "core_seconds", "torch"}


def test_flowernet_learns_drawn_flowers():
    photos = drawn(256)
    assert accuracy(networks.train_flowernet(photos, 4, 32), photos.images, photos.labels) > 0.6  # chance: 0.2


def test_flowernet_is_the_same_each_time():
    one, two = (networks.train_flowernet(drawn(32), 1, 16).state_dict().values() for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


# -------------------------------------------------------------------------------------- notebooks


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "1 second"), (12.4, "12 seconds"), (89, "89 seconds"), (91, "2 minutes"), (719, "12 minutes")],
)
def test_duration_in_words(seconds, words):
    assert notebooks.duration_words(seconds) == words


def test_time_line_names_budgets_in_order_and_hardware():
    smoke, cpu = ({"seconds": s, "hardware": "2 CPU cores"} for s in (12, 240))
    gpu = {"seconds": 60, "hardware": "a GPU"}
    line = "**Time:** 12 seconds at the `smoke` budget, 4 minutes at the `cpu` budget (measured on 2 CPU cores)"
    assert notebooks.time_line({"cpu": cpu, "smoke": smoke}) == line + "."
    both = notebooks.time_line({"gpu": gpu, "cpu": cpu, "smoke": smoke})
    assert both == line + "; 60 seconds at the `gpu` budget (measured on a GPU)."


TINY = [
    ("markdown", "# Tiny\n\n**Time:** unknown\n\nmore"),
    ("code", "import ipywidgets\nfrom IPython.display import HTML, Image, display\n"
     "display(ipywidgets.IntSlider())\ndisplay(HTML('<progress></progress>'))\ndisplay(HTML(''))\n"
     "print(1 + 1)"),
]  # fmt: skip


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A course of one chapter and one solution in a folder of its own."""
    folder = tmp_path / "notebooks"
    (folder / "solutions").mkdir(parents=True)
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    for name, cells in (("01_tiny", TINY), ("solutions/00_early_solutions", TINY[1:])):
        book = nbformat.v4.new_notebook(cells=[make[kind](text) for kind, text in cells])
        nbformat.write(book, folder / f"{name}.ipynb")
    for module in (publish, notebooks):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", folder)
    monkeypatch.setattr(notebooks, "MINUTES", folder / "minutes.json")
    before = {"01_tiny": {"cpu": {"seconds": 240, "hardware": "2 CPU cores"}}}
    notebooks.MINUTES.write_text(json.dumps(before))
    (tmp_path / "README.md").write_text("before\n<!-- notebooks: x -->\n<!-- end of notebooks -->\nafter\n")
    return folder


def test_publishing_stores_outputs_without_debris_and_the_measured_time(tiny, capsys):
    main(["notebooks"])
    printed = capsys.readouterr().out
    assert printed.index("01_tiny") < printed.index("00_early_solutions")
    for name in ("01_tiny", "solutions/00_early_solutions"):
        content = read(tiny / f"{name}.ipynb")
        (code,) = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        (output,) = code["outputs"]
        assert output["text"] == ["2\n"] and code["execution_count"] == 1
        assert content["metadata"].keys() == {"kernelspec", "language_info"}
    measured = read(notebooks.MINUTES)
    assert measured.keys() == {"01_tiny"} and measured["01_tiny"].keys() == {"cpu", "smoke"}
    assert measured["01_tiny"]["cpu"]["seconds"] == 240 and 0 < measured["01_tiny"]["smoke"]["seconds"] < 60
    text = "".join(read(tiny / "01_tiny.ipynb")["cells"][0]["source"])
    assert text.split("\n")[2] == notebooks.time_line(measured["01_tiny"]) and text.endswith("\n\nmore")
    readme = (tiny.parent / "README.md").read_text()
    assert "| [Tiny](notebooks/01_tiny.ipynb) | 0 | 0 | 4 minutes on 2 CPU cores |" in readme
    assert readme.startswith("before\n<!-- notebooks:") and readme.endswith("<!-- end of notebooks -->\nafter\n")


def test_time_only_leaves_outputs_and_solutions_alone(tiny):
    solution = (tiny / "solutions/00_early_solutions.ipynb").read_bytes()
    main(["notebooks", "01_tiny", "00_early_solutions", "--time-only"])
    assert (tiny / "solutions/00_early_solutions.ipynb").read_bytes() == solution
    cells = read(tiny / "01_tiny.ipynb")["cells"]
    assert "smoke" in "".join(cells[0]["source"]) and cells[1]["outputs"] == [] and cells[1]["execution_count"] is None


def test_keep_time_stores_outputs_and_leaves_minutes_and_the_time_line_alone(tiny):
    before = notebooks.MINUTES.read_bytes()
    main(["notebooks", "01_tiny", "--keep-time"])
    assert notebooks.MINUTES.read_bytes() == before
    cells = read(tiny / "01_tiny.ipynb")["cells"]
    assert "".join(cells[0]["source"]) == TINY[0][1] and cells[1]["outputs"][0]["text"] == ["2\n"]


def test_publishing_refuses_what_it_cannot_do(tiny, capsys):
    with pytest.raises(SystemExit, match="no notebook is called 09_nothing"):
        main(["notebooks", "09_nothing"])
    with pytest.raises(SystemExit):
        main(["notebooks", "--time-only", "--keep-time"])
    assert "not allowed with" in capsys.readouterr().err
    (tiny.parent / "README.md").write_text("no markers")
    with pytest.raises(SystemExit, match="the README's place for notebooks, between markers, is gone"):
        publish.write_into_readme("notebooks", "table")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Timeless")])
    nbformat.write(book, tiny / "01_tiny.ipynb")
    with pytest.raises(SystemExit, match=r"the line that begins with \*\*Time:\*\* is gone"):
        main(["notebooks", "01_tiny"])
    assert "Timeless" in (tiny / "01_tiny.ipynb").read_text()


# ----------------------------------------------------------------------------------------- titles


def test_title_pictures_have_a_maker_each():
    assert {p.stem for p in (ROOT / "images").glob("title-*")} == {f"title-{number}" for number in titles.TITLES}
    assert titles.TITLES.keys() == {p.stem[:2] for p in (ROOT / "notebooks").glob("[01]*.ipynb")} - {"00"}
    with pytest.raises(SystemExit, match="no title picture for 99"):
        main(["titles", "99", "01"])
