"""Each notebook in a real JupyterLab: the untrusted view, Run All, then every widget by keyboard.

Needs Chromium and playwright: required where CI=true, skipped with the reason on a laptop without them.
"""

import base64
import io
import json
import re
import time
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from helpers import widgets
from helpers.classification import ab_bins
from helpers.color import AB_SCALE, rgb_to_lab
from helpers.data import drawn_photos, to_lab
from helpers.metrics import predict
from helpers.recipe import Recipe
from helpers.widgets import sample_rows
from helpers.widgets.classes import painted_at, pixel_picture
from helpers.widgets.compare import skip_picture
from helpers.widgets.drawing import panel
from helpers.widgets.game import fair_order, question_picture, result_picture
from helpers.widgets.lab import gamut_picture, lab_picture
from helpers.widgets.live import training_picture
from helpers.widgets.own import own_picture, strip_picture
from helpers.widgets.patches import patch_map_picture, receptive_field_picture
from helpers.widgets.photos import browser_picture
from helpers.widgets.seeing import rows_picture, top_five_picture

from ..stand_in_page import as_jpeg
from . import jupyter

CHAPTERS = sorted(p.stem for p in (jupyter.ROOT / "notebooks").glob("*.ipynb"))
SCRATCH = "scratch"
"""A notebook of our own with every widget on known pictures, so that what it must show is known to the pixel."""

SCRATCH_CELLS = (
    """
import sys

sys.path.insert(0, "..")
from dataclasses import replace

import numpy as np

from helpers.data import drawn_photos
from helpers.inference import Colorizer, load_generator, weights_path
from helpers.models import HintUNet
from helpers.recipe import PRESETS
from helpers.runs import train
from helpers.widgets import *

photos = drawn_photos(4, size=64)
drawn = photos.images.permute(0, 2, 3, 1).numpy()
maps = np.random.default_rng(0).normal(size=(2, 4, 6, 6))
tiny = replace(PRESETS["smoke"], batch_size=4, color_steps=2, critic_steps=1, gan_steps=3, report_steps=2)
listening = HintUNet(width=24)  # a listener that has learned nothing spreads hints all the same
listening.load_state_dict(load_generator(weights_path("flowers-l1"))[0].state_dict(), strict=False)
""",
    "choose_colors(drawn[0].repeat(4, 0).repeat(4, 1), weights=Colorizer(listening, 224))",
    "lab_explorer()",
    "gamut_slice()",
    "photo_browser(photos)",
    "skip_switch(255 - drawn, drawn[:, ::-1], drawn[:, :, ::-1], drawn)",
    "before_after(255 - drawn[0], drawn[0])",
    "receptive_field_explorer(drawn[0])",
    'patch_map({"true": drawn, "negative": 255 - drawn}, {"true": maps[0], "negative": maps[1]})',
    'view = live_training(tiny)\nrun = train(tiny, "../runs/scratch", photos, photos, watch=view)',
    "training_scrubber(run)",
    "real_or_colored(drawn, 255 - drawn, seed=1, count=4)",
    """
scores = np.random.default_rng(1).dirichlet(np.ones(6), 4)
top_five({"color": drawn, "negative": 255 - drawn}, {"color": scores, "negative": scores[:, ::-1]}, "abcdef")
""",
    """
row = np.hstack(drawn)
trainings_slider({f"moment {i}": {"painted": row // i, "truth": row} for i in (1, 2, 3)})
""",
    """
import torch

from helpers.classification import ab_bins
from helpers.data import to_lab

bins, L = ab_bins(20), to_lab(photos.images)[0]
logits = 3 * torch.randn(4, len(bins), 16, 16, generator=torch.Generator().manual_seed(0))
""",
    "temperature_slider(L, logits, bins, photos.images)",
    "pixel_chooser(L[:1], logits[:1], bins, photos.images[:1], (20, 30))",
    """
class Painter:
    def colorize(self, image, saturation=1.0, name=None):
        return np.uint8(np.asarray(image) * np.array([saturation / 2, 1, 1]))


own_photo({"first": drawn[0], "second": drawn[1]}, Painter());
""",
    'choice_strip(drawn[0], {"one": Painter(), "two": Painter()}, (0.5, 1, 2));',
)


def known_flowers():
    photos = drawn_photos(4, size=64)
    return photos.images.permute(0, 2, 3, 1).numpy(), photos


def write_scratch(folder) -> None:
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in SCRATCH_CELLS]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / f"{SCRATCH}.ipynb")


@pytest.fixture(scope="module", params=[SCRATCH, *CHAPTERS])
def visit(lab, request):
    """A notebook opened untrusted (what it showed is noted), then run from top to bottom."""
    page, folder = lab
    if request.param == SCRATCH:
        write_scratch(folder / "notebooks")
    jupyter.open_notebook(page, f"notebooks/{request.param}.ipynb")
    before = SimpleNamespace(content=jupyter.content(page), seen=look(page), trusted=trust(page))
    jupyter.run_all(page)
    content, run = jupyter.content(page), folder / "runs" / "scratch"
    yield SimpleNamespace(name=request.param, page=page, before=before, content=content, run=run)
    jupyter.close_notebook(page)


# ------------------------------------------------------------------------------------ reading the page


def look(page) -> list[list[int]]:
    """For each cell the widths in pixels of the pictures in its outputs that are really painted."""
    return page.evaluate(
        """async () => {
        const cells = [...document.querySelectorAll('.jp-Notebook-cell')];
        await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
        const painted = e => e.tagName == 'IMG'
            ? e.naturalWidth : getComputedStyle(e).backgroundImage.startsWith('url("data:image/');
        const shown = e => painted(e) && e.clientHeight > 20 ? e.clientWidth : 0;
        return cells.map(cell => [...cell.querySelectorAll('.jp-OutputArea img, .jp-OutputArea div')]
            .filter(e => e.tagName == 'IMG' || e.style.backgroundImage).map(shown));
    }"""
    )


def trust(page) -> list[bool]:
    return page.evaluate(
        "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map(cell => cell.trusted)"
    )


def picture_of(cell) -> np.ndarray:
    """The one picture in a cell's outputs, as the browser holds it."""
    return jpeg_of(cell.locator(".jp-OutputArea img"))


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean difference of two pictures in units of 1/255; JPEG's own is about 1."""
    return np.inf if a.shape != b.shape else float(np.abs(a.astype(int) - b.astype(int)).mean())


def shows(shown: np.ndarray, picture: np.ndarray) -> bool:
    """The page has exactly this picture, but for what JPEG does to it, which is the same each time."""
    return difference(shown, as_jpeg(picture)) == 0


SETTLED = """async ([cell, old, quiet, limit]) => {
    const began = performance.now();
    let last = null, since = began;
    while (performance.now() - began < limit) {
        await new Promise(resolve => setTimeout(resolve, 20));
        const seen = STATE(cell, old), now = performance.now();
        if (seen === null || seen !== last) [last, since] = [seen, now];
        if (seen !== null && now - since >= quiet) return true;
    }
    return false;
}"""
"""Waits in the page itself: asked from here every 20 ms, half a core would do nothing but ask."""
PICTURE = """((cell, old) => {
    const now = cell.querySelector('.jp-OutputArea img')?.src;
    return !now || now === old ? null : now;
})"""


def wait_until_settled(cell, old, quiet: float = 0, state: str = PICTURE, seconds: float = 10) -> None:
    """Wait until `state(cell, old)`, in JavaScript, is not null and has stayed for `quiet` seconds."""
    arguments = [cell.element_handle(), old, 1000 * quiet, 1000 * seconds]
    settled = cell.page.evaluate(SETTLED.replace("STATE", state), arguments)
    assert settled, f"the picture did not change within {seconds} s"


def changed(cell, act, quiet: float = 0) -> np.ndarray:
    """The picture after `act`, once it is another one, and has stayed for `quiet` seconds."""
    old = cell.locator(".jp-OutputArea img").get_attribute("src")
    act()
    wait_until_settled(cell, old, quiet, seconds=20 if quiet else 10)
    return picture_of(cell)


def press(page, cell, control, key: str, times: int = 1) -> np.ndarray:
    """Focus a control, press a key, and give the picture once it has settled."""

    def act():
        control.focus()
        for _ in range(times):
            page.keyboard.press(key)

    return changed(cell, act, quiet=times > 1)  # each of the presses may make a picture


def value(slider) -> int:
    return round(float(slider.get_attribute("aria-valuenow")))


# ----------------------------------------------------------------- one check for each kind of widget


def check_lab_explorer(page, cell):
    sliders = cell.locator(".noUi-handle")
    for i, key in enumerate(("ArrowRight", "ArrowLeft", "ArrowLeft")):
        before = [value(sliders.nth(k)) for k in range(3)]
        shown = press(page, cell, sliders.nth(i), key, times=3)
        after = [value(sliders.nth(k)) for k in range(3)]
        step = 3 if key == "ArrowRight" else -3
        assert after == [v + step * (k == i) for k, v in enumerate(before)]
        assert difference(shown, lab_picture(*after)) == 0


def check_gamut_slice(page, cell):
    slider = cell.locator(".noUi-handle")
    start = value(slider)
    assert difference(picture_of(cell), gamut_picture(start)) == 0
    assert difference(press(page, cell, slider, "ArrowRight"), gamut_picture(start + 1)) == 0
    assert difference(press(page, cell, slider, "ArrowLeft", times=4), gamut_picture(start - 3)) == 0


def check_photo_browser(page, cell, known=None):
    slider = cell.locator(".noUi-handle")
    first = picture_of(cell)
    assert value(slider) == 1
    second = press(page, cell, slider, "ArrowRight")
    assert value(slider) == 2
    for picture in (first, second):  # the second panel is the L of the first one
        photo, lightness = (picture[56:248, left + 4 : left + 196] for left in (8, 216))
        L = [rgb_to_lab(torch_picture(panel))[0] for panel in (photo, lightness)]
        assert (L[0] - L[1]).abs().mean() < 2.5
    assert difference(first[56:248, 12:204], second[56:248, 12:204]) > 3
    assert difference(press(page, cell, slider, "ArrowLeft"), first) == 0
    if known is not None:
        assert difference(first, browser_picture(known, 0)) < 2
        assert difference(second, browser_picture(known, 1)) < 2


def torch_picture(picture: np.ndarray):
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def check_skip_switch(page, cell, known=None):
    """Each panel stands where it stood: gray, painted, truth."""
    panels = [slice(8 + 248 * i, 248 + 248 * i) for i in range(3)]
    buttons, slider = cell.locator("button"), cell.locator(".noUi-handle")
    with_skips = picture_of(cell)
    without = press(page, cell, buttons.nth(1), "Space")
    changed = [difference(with_skips[26:, at], without[26:, at]) for at in panels]
    assert changed[0] == changed[2] == 0 and changed[1] > 0.2
    other = press(page, cell, slider, "ArrowRight")
    assert all(difference(without[26:, at], other[26:, at]) > 1 for at in panels)
    press(page, cell, slider, "ArrowLeft")
    assert difference(press(page, cell, buttons.nth(0), "Space"), with_skips) == 0
    if known is not None:
        gray, truth = 255 - known, known
        assert difference(with_skips, skip_picture(gray[0], known[0, ::-1], truth[0], "painted with skips")) < 2
        assert difference(other, skip_picture(gray[1], known[1, :, ::-1], truth[1], "painted without skips")) < 2


def check_before_after(page, cell):
    slider = cell.locator(".jp-OutputArea input[type=range]")
    covered = slider.locator("xpath=preceding-sibling::div/div")
    whole = slider.locator("xpath=preceding-sibling::div").bounding_box()["width"]
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "Home", "PageUp", "End", "ArrowLeft"):
        page.keyboard.press(key)
        now = int(slider.input_value())
        assert re.search(rf"^width: ?{now}%", covered.get_attribute("style"))
        # at 0 % its border of two pixels is left
        assert abs(covered.bounding_box()["width"] - max(2, whole * now / 100)) < 1.5
    assert now == 99


def check_receptive_field_explorer(page, cell, known=None):
    """The keyboard moves each slider by one, there and back; more layers mean fewer logits to choose from."""
    sliders = cell.locator(".noUi-handle")
    first = picture_of(cell)
    layers, row, column = (value(sliders.nth(i)) for i in range(3))
    for i, key, back in ((1, "ArrowRight", "ArrowLeft"), (2, "ArrowLeft", "ArrowRight")):
        moved = press(page, cell, sliders.nth(i), key)
        if known is not None:
            at = (row + (i == 1), column - (i == 2))
            assert shows(moved, receptive_field_picture(known[0], layers, *at))
        assert difference(press(page, cell, sliders.nth(i), back), first) == 0
    more = press(page, cell, sliders.nth(0), "ArrowRight", times=1)
    assert value(sliders.nth(0)) == layers + 1
    time.sleep(0.5)  # the sliders for row and column get new ends, and may move
    ends = [value(sliders.nth(i)) for i in (1, 2)]
    assert all(end <= int(float(sliders.nth(1).get_attribute("aria-valuemax"))) for end in ends)
    if known is not None:
        assert shows(picture_of(cell), receptive_field_picture(known[0], layers + 1, *ends))
    else:
        assert difference(more, first) > 0


def check_patch_map(page, cell, known=None):
    buttons, slider = cell.locator("button"), cell.locator(".noUi-handle")
    first = picture_of(cell)
    other = press(page, cell, buttons.nth(1), "Space")
    panels = [slice(8 + 288 * i, 288 + 288 * i) for i in range(3)]
    assert difference(first[26:306, panels[2]], other[26:306, panels[2]]) > 1
    second = press(page, cell, slider, "ArrowRight")
    assert value(slider) == 2 and difference(second[26:306, panels[0]], other[26:306, panels[0]]) > 1
    if known is not None:
        maps = np.random.default_rng(0).normal(size=(2, 4, 6, 6))
        limit = np.quantile(np.abs(maps), 0.98)
        assert shows(first, patch_map_picture(known[0], maps[0, 0], limit, "true"))
        assert shows(second, patch_map_picture(255 - known[1], maps[1, 1], limit, "negative"))
    press(page, cell, slider, "ArrowLeft")
    assert difference(press(page, cell, buttons.nth(0), "Space"), first) == 0


def recorded(folder):
    """Recipe and history of the run in a folder."""
    recipe, history = (json.loads((folder / f"{name}.json").read_text()) for name in ("recipe", "history"))
    return Recipe.restore(recipe), history


def check_live_training(page, cell, known=None):
    """Nothing to press: at the end of the training it shows the whole of it."""
    picture = picture_of(cell)
    assert picture.shape[0] > 500 and np.ptp(picture[-60:-10, 100:].astype(int)) > 50, "a row of samples"
    if known is not None:
        recipe, history = recorded(known)
        rows = {label: row for label, row in sample_rows(known, history[-1]["step"]).items() if label != "gray"}
        assert shows(picture, training_picture(history, recipe, rows))


def last_two(page, cell):
    """Of a slider that stands at its end: itself, where that is, the picture there, and the one before it."""
    slider = cell.locator(".noUi-handle")
    last, end = picture_of(cell), value(slider)
    assert end == int(float(slider.get_attribute("aria-valuemax")))
    before = press(page, cell, slider, "ArrowLeft")
    assert value(slider) == end - 1
    return slider, end, last, before


def check_training_scrubber(page, cell, known=None):
    strip = picture_of(cell)
    assert difference(press(page, cell, cell.locator(".noUi-handle"), "End"), strip) != 0
    slider, report, last, before = last_two(page, cell)
    if known is not None:
        recipe, history = recorded(known)
        for picture, at in ((last, report - 1), (before, report - 2)):
            rows = sample_rows(known, history[at]["step"])
            assert shows(picture, training_picture(history, recipe, rows, at))
    assert difference(press(page, cell, slider, "ArrowRight"), last) == 0


def check_real_or_colored(page, cell, known=None):
    """The known game is played to its end; then, as in a chapter, a new one is begun, and two questions answered."""
    real, colored, again = (cell.locator("button").nth(i) for i in range(3))
    if known is not None:
        order, answers = fair_order(4, 4, seed=1), []
        shown = [(known if is_real else 255 - known)[index] for index, is_real in order]
        for i, said in enumerate((True, False, False, True)):
            assert shows(picture_of(cell), question_picture(shown[i], i + 1, 4, answers))
            press(page, cell, real if said else colored, "Space")
            answers.append((order[i][1], said))
        truth = [known[index] for index, _ in order]
        assert shows(picture_of(cell), result_picture(shown, truth, answers))
        assert real.is_disabled() and colored.is_disabled()
    first = press(page, cell, again, "Space")
    second = press(page, cell, real, "Enter")
    third = press(page, cell, colored, "Space")
    assert first.shape == second.shape == third.shape
    assert all(difference(a[34:354, 8:328], b[34:354, 8:328]) > 1 for a, b in ((first, second), (second, third)))


def check_top_five(page, cell, known=None):
    buttons, slider = cell.locator("button"), cell.locator(".noUi-handle")
    first = picture_of(cell)
    other = press(page, cell, buttons.nth(1), "Space")
    second = press(page, cell, slider, "ArrowRight")
    assert value(slider) == 2
    if known is not None:
        scores = np.random.default_rng(1).dirichlet(np.ones(6), 4)
        assert shows(first, top_five_picture(known[0], scores[0], "abcdef"))
        assert shows(other, top_five_picture(255 - known[0], scores[0, ::-1], "abcdef"))
        assert shows(second, top_five_picture(255 - known[1], scores[1, ::-1], "abcdef"))
    press(page, cell, slider, "ArrowLeft")
    assert difference(press(page, cell, buttons.nth(0), "Space"), first) == 0


def check_choose_colors(page, cell):
    """By mouse and by keyboard: hints are given, moved, recolored, removed and undone; prints how long one took."""
    root, still = cell.locator(".hints"), cell.locator(".jp-OutputArea .jp-RenderedImage img")
    photo, marks, rows = root.locator(".photo"), root.locator(".mark"), root.locator("li")
    box = photo.locator("img").bounding_box()

    painted = """((cell, [count, source]) => {
        const root = cell.querySelector('.hints'), { busy, painted } = root.dataset;
        const now = cell.querySelector('.jp-OutputArea .jp-RenderedImage img').src;
        return busy == 'yes' || painted == count || now == source ? null : painted + now;
    })"""

    def after(act) -> str:
        """The still picture, once the kernel has answered what `act` asked for."""
        old = root.get_attribute("data-painted"), still.get_attribute("src")
        act()
        wait_until_settled(cell, old, 0.4, painted, seconds=20)  # a drag makes pictures on its way
        return still.get_attribute("src")

    given, first = marks.count(), still.get_attribute("src")
    root.locator(".bar input").fill("#2040ff")
    click = after(lambda: photo.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.4}))
    milliseconds = [int(root.get_attribute("data-ms"))]
    assert marks.count() == rows.count() == given + 1 and "#2040ff" in rows.nth(given).inner_text()
    photo.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    aimed = after(lambda: page.keyboard.press("Enter"))
    milliseconds.append(int(root.get_attribute("data-ms")))
    assert marks.count() == given + 2 and aimed != click
    where = rows.nth(given + 1).inner_text()
    marks.nth(given + 1).focus()
    after(lambda: page.keyboard.press("Shift+ArrowDown"))
    assert rows.nth(given + 1).inner_text() != where
    after(lambda: rows.nth(given + 1).locator("input").fill("#00a000"))
    assert "#00a000" in rows.nth(given + 1).inner_text() and "background: rgb(0, 160, 0)" in marks.nth(
        given + 1
    ).get_attribute("style")
    for _ in range(2):  # the color, and the way of the mark
        marks.nth(given).focus()
        last = after(lambda: page.keyboard.press("Control+z"))
    assert last == aimed and rows.nth(given + 1).inner_text() == where
    marks.nth(given + 1).focus()
    assert after(lambda: page.keyboard.press("Delete")) == click and marks.count() == given + 1

    def drag():
        marks.nth(given).hover()
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.7, steps=4)
        page.mouse.up()

    root.scroll_into_view_if_needed()
    box = photo.locator("img").bounding_box()
    assert after(drag) != click and marks.count() == given + 1
    assert after(lambda: root.locator("button", has_text="undo").click()) == click
    if given == 0:
        assert after(lambda: root.locator("button", has_text="remove all").click()) == first
        assert marks.count() == rows.count() == 0
    print(f"\nfrom click to new picture: {milliseconds[0]} ms, from the key Enter: {milliseconds[1]} ms")


def check_trainings_slider(page, cell, known=None):
    slider, _, last, before = last_two(page, cell)
    if known is not None:
        row = np.hstack(known)
        for picture, i in ((last, 3), (before, 2)):
            assert shows(picture, rows_picture({"painted": row // i, "truth": row}, f"moment {i}"))
    assert difference(press(page, cell, slider, "ArrowRight"), last) == 0


def known_logits():
    """L, logits and bins of the scratch notebook."""
    L, bins = to_lab(drawn_photos(4, size=64).images)[0], ab_bins(20)
    return L, 3 * torch.randn(4, len(bins), 16, 16, generator=torch.Generator().manual_seed(0)), bins


def check_temperature_slider(page, cell, known=None):
    """The middle panel follows T; the others stay, until another photo is chosen."""
    photo, percent = (cell.locator(".noUi-handle").nth(i) for i in range(2))
    panels = [slice(8 + 240 * i, 240 + 240 * i) for i in range(3)]
    first, start = picture_of(cell), value(percent)
    warmer = press(page, cell, percent, "ArrowRight", times=3)
    assert value(percent) == start + 3 and difference(first[52:284, panels[1]], warmer[52:284, panels[1]]) > 0
    assert all(difference(first[52:284, at], warmer[52:284, at]) < 0.5 for at in (panels[0], panels[2]))
    second = press(page, cell, photo, "ArrowRight")
    assert value(photo) == 2 and all(difference(second[52:284, at], warmer[52:284, at]) > 1 for at in panels)
    if known is not None:
        L, logits, bins = known_logits()
        made = painted_at(L[1:2], logits[1:2], bins, (start + 3) / 100)[0].permute(1, 2, 0).numpy()
        assert difference(second[52:284, panels[1]], np.asarray(panel(made, 232))) < 4
    press(page, cell, photo, "ArrowLeft")
    assert difference(press(page, cell, percent, "ArrowLeft", times=3), first) == 0


def check_pixel_chooser(page, cell, known=None):
    """By sliders, by click and by arrow keys in the photo: sliders, mark and picture agree."""
    row, column = (cell.locator(".noUi-handle").nth(i) for i in range(2))
    photo, still = cell.locator(".chosen .photo"), cell.locator(".jp-OutputArea .jp-RenderedImage img")

    still_picture = PICTURE.replace(".jp-OutputArea img", ".jp-OutputArea .jp-RenderedImage img")

    def after(act) -> np.ndarray:
        old = still.get_attribute("src")
        act()
        wait_until_settled(cell, old, 0.3, still_picture, seconds=20)
        return jpeg_of(still)

    def by_key(control, key):
        control.focus()
        page.keyboard.press(key)

    start = value(row), value(column)
    first = jpeg_of(still)
    after(lambda: by_key(row, "ArrowRight"))
    assert f"pixel {start[1]}, {start[0] + 1} is chosen" in photo.get_attribute("aria-label")
    moved = after(lambda: by_key(photo, "ArrowDown"))
    assert value(row) == start[0] + 5 and value(column) == start[1]
    box = photo.locator("img").bounding_box()
    clicked = after(lambda: photo.click(position={"x": box["width"] * 0.8, "y": box["height"] * 0.3}))
    assert value(row) < value(column) and difference(clicked, moved) > 0
    if known is not None:
        L, logits, bins = known_logits()
        for picture, (y, x) in ((first, start), (clicked, (value(row), value(column)))):
            here, light = logits[0].softmax(0)[:, y // 4, x // 4].numpy(), float(50 * (L[0, 0, y, x] + 1))
            true = (AB_SCALE * to_lab(known.images)[1][0, :, y, x]).tolist()
            gray = predict("gray", known)[0].permute(1, 2, 0).numpy()
            assert shows(picture, pixel_picture(gray, (y, x), here, bins.numpy(), light, true))


def jpeg_of(image) -> np.ndarray:
    """The picture that an <img> shows."""
    source = image.get_attribute("src").split(",", 1)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB"))


def painted(picture, saturation):
    """What the `Painter` of the scratch notebook makes of it."""
    return np.uint8(picture * np.array([saturation / 2, 1, 1]))


def saved(page, link) -> tuple[str, Image.Image]:
    """What the browser saves when a link is followed: the file's name, and the picture in it."""
    with page.expect_download() as coming:
        link()
    return coming.value.suggested_filename, Image.open(coming.value.path())


def choose_file(page, open_dialog, name: str, picture: np.ndarray, cell) -> np.ndarray:
    """Give a picture to the dialog that `open_dialog` opens; the widget's picture once it has changed."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", dpi=(300, 300))

    def act():
        with page.expect_file_chooser() as dialog:
            open_dialog()
        dialog.value.set_files([{"name": name, "mimeType": "image/png", "buffer": content.getvalue()}])

    return changed(cell, act)


def check_own_photo(page, cell, known=None):
    """Two uploads, by mouse and by keyboard; the slider; two files saved; a path that leads nowhere; another photo."""
    upload, make = (cell.locator("button", has_text=words) for words in ("Upload a photo", "Make the file"))
    words, link = cell.locator(".widget-html").nth(1), cell.locator("a[download]")
    flowers = drawn_photos(4, size=64).images.permute(0, 2, 3, 1).numpy()
    first = choose_file(page, upload.click, "by mouse.png", flowers[2], cell)
    assert "by mouse.png, 64 × 64 pixels; it has colors already" in words.inner_text()

    def by_keyboard():
        upload.focus()
        page.keyboard.press("Enter")

    second = choose_file(page, by_keyboard, "by keyboard.png", flowers[3][:40], cell)
    assert "by keyboard.png, 64 × 40 pixels" in words.inner_text()
    if known is not None:
        for shown, picture in ((first, flowers[2]), (second, flowers[3][:40])):
            assert shows(shown, own_picture(picture, painted(picture, 1), "colored, saturation 100%"))
    slider = cell.locator(".noUi-handle")
    stronger = press(page, cell, slider, "ArrowRight", times=3)
    assert value(slider) == 103
    make.click()
    link.wait_for()
    assert "by keyboard-colored.png" in link.inner_text()
    name, file = saved(page, link.click)
    assert name == "by keyboard-colored.png" and file.size == (64, 40)
    assert "Colored by a neural network" in file.getexif()[0x010E] and round(file.info["dpi"][0]) == 300
    if known is not None:
        assert shows(stronger, own_picture(flowers[3][:40], painted(flowers[3][:40], 1.03), "colored, saturation 103%"))
        assert np.array_equal(np.asarray(file), painted(flowers[3][:40], 1.03))
    path = cell.locator("input[type=text]")
    path.fill("no/such/photo.jpg")
    page.keyboard.press("Enter")
    words.get_by_text("no/such/photo.jpg does not exist").wait_for()
    assert difference(picture_of(cell), stronger) == 0
    listed = press(page, cell, cell.locator(".widget-toggle-button").nth(1), "Space")
    assert difference(listed, stronger) > 0 and link.count() == 0
    if known is not None:
        assert shows(listed, own_picture(known[1], painted(known[1], 1.03), "colored, saturation 103%"))
    make.focus()
    page.keyboard.press("Space")
    link.wait_for()

    def follow():
        link.focus()
        page.keyboard.press("Enter")

    assert saved(page, follow)[0].endswith("-colored.png")


def check_choice_strip(page, cell, known=None):
    """Buttons by keyboard, and by mouse: the frame follows."""
    buttons = cell.locator("button")
    first, count = picture_of(cell), buttons.count()
    last = press(page, cell, buttons.nth(count - 1), "Space")
    other = changed(cell, buttons.nth(1).click)
    assert all(difference(a, b) for a, b in ((first, last), (last, other)))
    if known is not None:
        rows = {name: [painted(known[0], s) for s in (0.5, 1, 2)] for name in ("one", "two")}
        places = (("one", "100%"), ("one", "200%"), ("two", "200%"))
        for shown, place in zip((first, last, other), places, strict=True):
            assert shows(shown, strip_picture(rows, ["50%", "100%", "200%"], *place))


CHECKS = {
    "lab_explorer": check_lab_explorer,
    "gamut_slice": check_gamut_slice,
    "photo_browser": check_photo_browser,
    "skip_switch": check_skip_switch,
    "before_after": check_before_after,
    "receptive_field_explorer": check_receptive_field_explorer,
    "patch_map": check_patch_map,
    "live_training": check_live_training,
    "training_scrubber": check_training_scrubber,
    "real_or_colored": check_real_or_colored,
    "top_five": check_top_five,
    "trainings_slider": check_trainings_slider,
    "choose_colors": check_choose_colors,
    "temperature_slider": check_temperature_slider,
    "pixel_chooser": check_pixel_chooser,
    "own_photo": check_own_photo,
    "choice_strip": check_choice_strip,
}


def widgets_in(content: dict) -> list[tuple[int, str]]:
    """(position of the cell, name) of each widget that a notebook calls at the start of a line, or `view = ` there."""
    found = []
    for i, cell in enumerate(content["cells"]):
        if cell["cell_type"] == "code":
            names = re.findall(rf"^(?:\w+ = )?({'|'.join(CHECKS)})\(", "".join(cell["source"]), re.M)
            found += [(i, name) for name in names]
    return found


# --------------------------------------------------------------------------------------------- tests


def under_a_folded_heading(cells: list[dict]) -> list[bool]:
    """For each cell, whether JupyterLab hides it until a heading above it is opened."""
    hidden, level = [], 0  # level: of the heading that is folded, 0 for none
    for cell in cells:
        heading = re.match(r"(#+) ", "".join(cell["source"])) if cell["cell_type"] == "markdown" else None
        if heading and len(heading[1]) <= (level or 9):
            level = len(heading[1]) if cell["metadata"].get("jp-MarkdownHeadingCollapsed") else 0
            hidden.append(False)
        else:
            hidden.append(level > 0)
    return hidden


def test_untrusted_view_is_not_blank(visit):
    """Opened from somebody else, not yet run: each stored picture is painted, but those that answer a prediction."""
    stored = visit.before.content["cells"]
    hidden = under_a_folded_heading(stored)
    for cell, away, seen, trusted in zip(stored, hidden, visit.before.seen, visit.before.trusted, strict=True):
        outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
        pictures = sum(any(key.startswith("image/") for key in data) for data in outputs)
        pictures += sum("".join(data.get("text/html", "")).count("background-image") for data in outputs)
        folded = cell["metadata"].get("jupyter", {}).get("outputs_hidden", False)
        assert len(seen) == (0 if folded else pictures), "".join(cell["source"])
        assert all((width > 50) != away for width in seen), "".join(cell["source"])
        assert not pictures or not trusted
        for data in outputs:
            assert "application/vnd.jupyter.widget-view+json" not in data


def test_run_all_shows_no_error(visit):
    code = [cell for cell in visit.content["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell["outputs"]:
            assert output["output_type"] != "error", json.dumps(output)[:2000]
            assert output.get("name") != "stderr", output["text"]


def test_widgets_answer_the_keyboard(visit):
    drawn, photos = known_flowers()
    known = {}
    if visit.name == SCRATCH:
        of_drawn = ("skip_switch", "receptive_field_explorer", "patch_map", "real_or_colored")
        known = {name: drawn for name in (*of_drawn, "top_five", "trainings_slider", "own_photo", "choice_strip")}
        known |= {"temperature_slider": photos, "pixel_chooser": photos}
        known |= {"photo_browser": photos, "live_training": visit.run, "training_scrubber": visit.run}
    found = widgets_in(visit.content)
    if visit.name == SCRATCH:
        assert {name for _, name in found} == set(CHECKS) == set(widgets.__all__) - {"sample_rows"}  # which reads a run
    for position, name in found:
        cell = visit.page.locator(".jp-Notebook-cell").nth(position)
        cell.scroll_into_view_if_needed()
        if name not in ("before_after", "choose_colors", "pixel_chooser"):  # which have a live picture of their own
            assert cell.locator(".jp-OutputArea img").count() == 1, f"{name}: one picture, live and stored"
            assert "Try:" in cell.locator(".jp-OutputArea").inner_text()
        CHECKS[name](visit.page, cell, **({"known": known[name]} if name in known else {}))


def barriers(page) -> dict[str, str]:
    """What axe-core finds grave in all that the cells made: rule, and the first element that breaks it.

    Left out: JupyterLab's own [3]: beside outputs; and figures, of whose stored descriptions it makes no alt text.
    """
    from axe_playwright_python.sync_playwright import Axe

    ours = [[".jp-Notebook .jp-OutputArea"], [".jp-Notebook .jp-RenderedMarkdown"]]
    not_ours = [[".jp-OutputPrompt"], [".jp-OutputArea:not(:has(.widget-vbox)) .jp-RenderedImage"]]
    found = Axe().run(page, context={"include": ours, "exclude": not_ours}).response["violations"]
    return {it["id"]: it["nodes"][0]["html"] for it in found if it["impact"] in ("serious", "critical")}


def test_no_barrier_in_what_the_cells_made(visit):
    for theme, light in (("Dark", "false"), ("Light", "true")):
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
        visit.page.evaluate(change, f"JupyterLab {theme}")
        visit.page.wait_for_function("light => document.body.dataset.jpThemeLight == light", arg=light)
        assert barriers(visit.page) == {}, theme
    if visit.name == SCRATCH:
        for name in ("alt", "aria-label"):
            visit.page.evaluate(
                "it => document.querySelectorAll(`.jp-Notebook [${it}]`).forEach(e => e.removeAttribute(it))", name
            )
        assert barriers(visit.page).keys() >= {"aria-input-field-name", "image-alt"}


def test_no_widget_hides_from_these_tests():
    """Each call of a widget in a chapter stands at the start of a line, where `widgets_in` finds it."""
    for name in CHAPTERS:
        content = json.loads((jupyter.ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf8"))
        code = "\n".join("".join(c["source"]) for c in content["cells"] if c["cell_type"] == "code")
        calls = re.findall(rf"\b({'|'.join(CHECKS)})\(", code)
        assert len(calls) == len(widgets_in(content)), (name, calls)
