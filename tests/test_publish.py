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
from helpers.classification import ClassUNet
from helpers.data import Photos
from helpers.inference import WEIGHTS, Colorizer, save_generator
from helpers.kid import FlowerNet, accuracy, load_features
from helpers.metrics import colorfulness, predict
from helpers.models import HintUNet, UNet
from helpers.publish import badges, executing, guide, networks, notebooks, results, titles
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


def finished(tmp_path, monkeypatch, recipe, photos):
    """As if tmp_path were a finished run, these photos the real ones, and the folder returned that of the weights."""
    monkeypatch.setattr(publish, "load_flowers", lambda *_, **__: photos)
    monkeypatch.setattr(networks, "WEIGHTS", shipped := tmp_path / "shipped")
    shipped.mkdir()
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(recipe)))
    (tmp_path / "timing.json").write_text('{"seconds": 90, "hardware": "an abacus"}')
    return shipped


def test_a_run_with_hints_becomes_one_file_and_a_table(tmp_path, monkeypatch):
    recipe = replace(
        PRESETS["smoke"], protocol="large", encoder="lite0", hints=8, start="flowers-l1", critic_steps=0, gan_steps=0
    )
    photos = replace(drawn(8, size=64), source="flowers102")
    shipped = finished(tmp_path, monkeypatch, recipe, photos)
    (tmp_path / "start.json").write_text('{"name": "flowers-l1", "command": "…", "training": {"seconds": 1}}')
    for file in ("generator", "generator-l1", "start"):
        save_generator(HintUNet(width=8), tmp_path / f"{file}.safetensors", recipe.size)
    main(["weights", str(tmp_path), "roses-hints"])
    assert sorted(path.name for path in shipped.iterdir()) == ["roses-hints.json", "roses-hints.safetensors"]
    card = read(shipped / "roses-hints.json")
    assert "listener" in card["what"] and card["scorecard"]["photos"] == card["hints"]["photos"] == 8
    assert "hints=8" in card["command"] and "start=flowers-l1" in card["command"]
    assert Colorizer.from_pretrained(shipped / "roses-hints.safetensors").colorize(
        photos.images[0].permute(1, 2, 0).numpy(), hints=[(3, 4, "red")]
    ).shape == (64, 64, 3)
    monkeypatch.setattr(results, "WEIGHTS", shipped)
    monkeypatch.setattr(results, "read_card", lambda name: read(shipped / f"{name}.json"))
    (table,) = results.hints_tables()
    ten = card["hints"]["curve"]["10"]
    assert f"| 10 | {ten['psnr'][0]:.2f} | {ten['delta_e'][0]:.2f} |" in table and "paints as `flowers-l1`" in table
    assert results.shipped_names() == []


def test_a_variance_beyond_half_precision_is_brought_back_and_the_picture_stays():
    torch.manual_seed(0)
    model, L = UNet(4, 3).eval(), torch.rand(1, 1, 32, 32) * 2 - 1
    conv, norm = model.decoder[0][:2]
    conv.weight.data *= 1000
    norm.running_var.fill_(1e6)
    norm.running_mean.normal_()
    before, ab = norm.running_var.max().item(), model(L)
    networks.fit_half(model)
    assert norm.running_var.half().isfinite().all() and norm.running_var.max() == before / 16
    assert torch.allclose(model(L), ab, atol=1e-6) and model.decoder[1][1].running_var.max() == 1


def test_a_run_that_chooses_colors_becomes_one_file_with_the_temperature_that_validation_chose(tmp_path, monkeypatch):
    recipe = replace(PRESETS["smoke"], protocol="large", color_kind="classes", critic_steps=0, gan_steps=0)
    photos = replace(drawn(8, size=32), source="flowers102")
    shipped = finished(tmp_path, monkeypatch, recipe, photos)
    torch.manual_seed(0)
    model = ClassUNet(4, 3).eval()
    save_generator(model, tmp_path / "generator.safetensors", recipe.size)
    main(["weights", str(tmp_path), "roses-classes"])
    assert sorted(path.name for path in shipped.iterdir()) == ["roses-classes.json", "roses-classes.safetensors"]
    card = read(shipped / "roses-classes.json")
    chosen, by_temperature = card["classes"], card["classes"]["temperatures"]
    shown = Colorizer.from_pretrained(shipped / "roses-classes.safetensors", device="cpu").model
    # untaught it is nowhere near a colorfulness of 60, and so its temperature is the lowest
    assert shown.temperature == chosen["temperature"] == 0.05 and chosen["bins"] == 261
    found = {float(t): one["colorfulness"] for t, one in by_temperature.items()}
    assert max(found.values()) < networks.VIVID and tuple(found) == networks.TEMPERATURES
    model.temperature = 0.5
    assert found[0.5] == pytest.approx(colorfulness(predict(model, photos))[::2].mean(), rel=0.01)
    monkeypatch.setattr(networks, "VIVID", found[0.3] - 0.01)
    assert networks.choose_temperature(model, recipe)["temperature"] == model.temperature >= 0.3
    assert all(vivid < found[0.3] for t, vivid in found.items() if t > model.temperature)
    assert 0 < card["auc"]["balanced"] != card["auc"]["raw"] < 1 and 0 < card["auc_of_gray"]["raw"] < 1
    monkeypatch.setattr(results, "WEIGHTS", shipped)
    monkeypatch.setattr(results, "read_card", lambda name: read(shipped / f"{name}.json"))
    (table,) = results.classes_tables()
    assert f"| 0.5 | {by_temperature['0.5']['psnr']:.2f} |" in table and "Its temperature, 0.05," in table
    assert results.shipped_names() == [] == results.hints_tables()


@pytest.mark.parametrize(
    ("photos", "words"),
    [
        ({"source": "drawn", "split": "test"}, "on the real photos, not on drawn ones"),
        ({"source": "own photos", "split": "train"}, "on the real photos, not on own ones"),
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


def cells_of(*sources):
    """Cells from texts: Markdown where they begin with a letter of "#*A", else code."""
    make = (nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell)
    return [make[text[0] in "#*A"](text) for text in sources]


def test_time_line_says_three_numbers_and_no_word_of_smoke(tmp_path):
    cpu, smoke = ({"seconds": s, "hardware": "2 CPU cores"} for s in (240, 12))
    gpu, path = {"seconds": 60, "hardware": "a GPU"}, tmp_path / "01_tiny.ipynb"
    cells = cells_of("# Tiny\n\n**Time:** unknown")
    line = "**Time:** reading 5 minutes, computing 4 minutes on 2 CPU cores (the `cpu` budget)"
    assert notebooks.time_line(path, cells, {"cpu": cpu, "smoke": smoke}) == line + "."
    both = notebooks.time_line(path, cells, {"gpu": gpu, "cpu": cpu, "smoke": smoke})
    assert both == line + ", 60 seconds on a GPU (the `gpu` budget)."
    assert notebooks.time_line(path, cells, {"smoke": smoke}).endswith("computing not yet measured.")


def test_reading_takes_a_minute_for_100_words_2_cells_or_2_pictures():
    code = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", {"image/png": ""})])
    assert notebooks.reading_minutes(cells_of("A " * 1000)) == 10
    assert notebooks.reading_minutes(cells_of("A " * 1000) + 10 * [code]) == 20
    assert notebooks.reading_minutes(cells_of("A\n**Time:** " + "so many words " * 900)) == 5


def test_an_exercise_takes_6_minutes_and_one_for_each_line_of_its_solution(tmp_path):
    (tmp_path / "solutions").mkdir()
    answer = "def f(x):\n" + "    x = x + 1\n" * 7 + "\n    # done\n    return x\n\n\nassert check('01-1', f) == 'done'"
    solved = nbformat.v4.new_notebook(cells=cells_of("A", "import this", answer))
    nbformat.write(solved, tmp_path / "solutions/01_tiny_solutions.ipynb")
    book = nbformat.v4.new_notebook(cells=cells_of("# Tiny", "check('01-1 f', f)"))
    nbformat.write(book, tmp_path / "01_tiny.ipynb")
    lines = notebooks.solution_lines(tmp_path / "01_tiny.ipynb")
    assert lines == {"01-1": 8} and notebooks.exercise_minutes(lines) == 15  # 6 and 8
    assert "exercises 15 minutes," in notebooks.time_line(tmp_path / "01_tiny.ipynb", book.cells, {})


def test_what_answers_a_prediction_is_folded_and_nothing_else():
    cells = cells_of("A **Predict:** x?", "1", "2", "*A figure.*", "3", "*So it was.*\n\n## Next", "4", "B", "5")
    for cell in cells:
        if cell.cell_type == "code" and cell.source != "2":
            cell.outputs = [nbformat.v4.new_output("stream", text="out")]
    cells[6].metadata["jupyter"] = {"outputs_hidden": True, "source_hidden": True}  # by hand, once
    notebooks.fold_predictions(cells)
    folded = [cell.source for cell in cells if cell.metadata.get("jupyter", {}).get("outputs_hidden")]
    assert folded == ["1", "3"] and cells[6].metadata["jupyter"] == {"source_hidden": True}
    assert not any("jupyter" in cells[i].metadata for i in (2, 8))


def test_a_picture_is_described_by_the_caption_below_it():
    picture = {"image/jpeg": "", "text/plain": "<Figure>"}
    cells = cells_of("1", "*Top: `gray`, *L*\nalone; see [7](x).*\n\nMore.", "2", "A picture of what?", "3")
    for cell in cells[::2]:
        cell.outputs = [nbformat.v4.new_output("display_data", dict(picture))]
    cells[4].outputs[0].metadata = {"image/jpeg": {"alt": "its own"}}
    notebooks.describe_pictures(cells)
    said = [cell.outputs[0].metadata.get("image/jpeg", {}).get("alt") for cell in cells[::2]]
    assert said == ["Top: gray, L alone; see 7.", None, "its own"]


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
    for module in (publish, notebooks, executing):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (notebooks, guide, executing):
        monkeypatch.setattr(module, "NOTEBOOKS", folder)
        monkeypatch.setattr(module, "MINUTES", folder / "minutes.json")
        monkeypatch.setattr(module, "MEMORY", folder / "memory.json")
    for tables in ("PLANS", "SKIPPED"):
        monkeypatch.setattr(guide, tables, {})
    (folder / "README.md").write_text("<!-- needs: x -->\n<!-- end of needs -->\n")
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
    line = "**Time:** reading 5 minutes, computing 4 minutes on 2 CPU cores (the `cpu` budget)."
    assert text.split("\n")[2] == line and text.endswith("\n\nmore")
    readme = (tiny.parent / "README.md").read_text()
    assert "| [Tiny](notebooks/01_tiny.ipynb) | 0 | 5 minutes | none | 4 minutes on 2 CPU cores |" in readme
    assert "| [01](01_tiny.ipynb) | nothing | none | not yet measured | nothing |" in (tiny / "README.md").read_text(
        "utf8"
    )
    if Path("/proc/self/status").exists():  # of a kernel with little in it
        assert 0.02 < read(notebooks.MEMORY)["01_tiny"]["smoke"] < 0.5
    assert readme.startswith("before\n<!-- notebooks:") and readme.endswith("<!-- end of notebooks -->\nafter\n")


def test_time_only_leaves_outputs_and_solutions_alone(tiny):
    solution = (tiny / "solutions/00_early_solutions.ipynb").read_bytes()
    main(["notebooks", "01_tiny", "00_early_solutions", "--time-only"])
    assert (tiny / "solutions/00_early_solutions.ipynb").read_bytes() == solution
    cells = read(tiny / "01_tiny.ipynb")["cells"]
    assert read(notebooks.MINUTES)["01_tiny"].keys() == {"cpu", "smoke"}
    assert "reading 5 minutes" in "".join(cells[0]["source"]) and "smoke" not in "".join(cells[0]["source"])
    assert cells[1]["outputs"] == [] and cells[1]["execution_count"] is None


def test_keep_time_stores_outputs_and_leaves_the_minutes_alone(tiny):
    before = notebooks.MINUTES.read_bytes()
    main(["notebooks", "01_tiny", "--keep-time"])
    assert notebooks.MINUTES.read_bytes() == before
    cells = read(tiny / "01_tiny.ipynb")["cells"]
    assert "4 minutes on 2 CPU cores" in "".join(cells[0]["source"]) and cells[1]["outputs"][0]["text"] == ["2\n"]


def test_publishing_refuses_what_it_cannot_do(tiny, capsys):
    with pytest.raises(SystemExit, match="no notebook is called 09_nothing"):
        main(["notebooks", "09_nothing"])
    with pytest.raises(SystemExit):
        main(["notebooks", "--time-only", "--keep-time"])
    assert "not allowed with" in capsys.readouterr().err
    (tiny.parent / "README.md").write_text("no markers")
    with pytest.raises(SystemExit, match=r"the place for notebooks in README\.md, between markers, is gone"):
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


# ---------------------------------------------------------------------------------------- badges

URLS = '[project]\nname = "x"\n\n[project.urls]\n{}\n\n[tool.x]\nOther = "https://github.com/not/this"\n'


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('Repository = "https://github.com/some-body/their.course"', ("some-body/their.course", "main")),
        ('Home = "https://example.org"\nSource = "https://github.com/a/b.git"', ("a/b", "main")),
        ('Repository = "https://github.com/a/b/"', ("a/b", "main")),
        ('Repository = "https://github.com/a/b/tree/spring/2027"', ("a/b", "spring/2027")),
        ('Home = "https://example.org"', None),
        ("", None),
    ],
)
def test_the_address_is_that_of_the_project(line, place):
    assert badges.address(URLS.format(line)) == place


def test_without_an_address_there_is_none():
    assert badges.address('[project]\nname = "x"\n') is None
    for path in [ROOT / "README.md", *(ROOT / "notebooks").glob("*.ipynb")]:
        text = path.read_text(encoding="utf8")
        place = badges.address((ROOT / "pyproject.toml").read_text(encoding="utf8"))
        assert ("colab-badge" in text) == bool(place), path
        assert not place or f"/{place[0]}/blob/{place[1]}/notebooks/" in text, "of another address"


def test_badges_are_written_changed_and_taken_away(tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns("solutions", "0[2-9]*"))
    shutil.copy(ROOT / "README.md", tmp_path)
    files = [tmp_path / "README.md", *sorted((tmp_path / "notebooks").glob("*.ipynb"))]
    monkeypatch.setattr(badges, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setattr(badges, "NOTEBOOKS", tmp_path / "notebooks")
    seen = []
    for line in ("", 'Repository = "https://github.com/a/b"', 'Repository = "https://github.com/c/d/tree/x/y"', ""):
        (tmp_path / "pyproject.toml").write_text(URLS.format(line))
        for _ in range(2):  # once more changes nothing
            assert main(["badges"]) == 0
            seen.append([path.read_bytes() for path in files])
        assert seen[-1] == seen[-2]
        if line:
            owner, branch = ("a/b", "main") if "a/b" in line else ("c/d", "x/y")
            for path, text in zip(files, seen[-1], strict=True):
                name = path.name if path.suffix == ".ipynb" else "00_start_here.ipynb"
                page, quoted = f"{owner}/blob/{branch}/notebooks/{name}", branch.replace("/", "%2F")
                doors = [
                    f"(https://colab.research.google.com/github/{page})",
                    f"(https://kaggle.com/kernels/welcome?src=https://github.com/{page})",
                    f"(https://mybinder.org/v2/gh/{owner}/{quoted}?urlpath=lab/tree/notebooks/{name})",
                ]
                assert [text.decode().count(door) for door in doors] == [1, 1, 1]
                assert text.decode().count("![Open in ") == 3
            cells = nbformat.read(files[1], as_version=4).cells
            paragraphs = cells[0].source.split("\n\n")
            assert paragraphs[1].startswith("![") and paragraphs[2].startswith("[![Open in Colab]")
            assert notebooks.reading_minutes(cells) == notebooks.reading_minutes(
                nbformat.read(ROOT / "notebooks" / files[1].name, as_version=4).cells
            )
    assert seen[0] == seen[-1] == [(ROOT / path.relative_to(tmp_path)).read_bytes() for path in files]
    assert "no badges" in capsys.readouterr().out
