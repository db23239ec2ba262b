"""The widgets of chapters 4 to 6; import them from `helpers.widgets`.

receptive_field_explorer(photo)          # what one logit of a PatchGAN sees
patch_map(versions, maps)                # a critic's map over photos, in true and false colors
view = live_training(recipe)             # then: load_or_train(recipe, name, watch=view)
training_scrubber(run)                   # back through the reports of a run
real_or_colored(real, colored)           # a game with a score
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .controls import show, slider, stage, switch
from .drawing import checked_picture
from .pictures_game import fair_order, question_picture, result_picture
from .pictures_patch import as_numbers, check_map, patch_arithmetic, patch_map_picture, receptive_field_picture
from .pictures_training import sample_rows, training_picture
from ..plots import as_pictures

if TYPE_CHECKING:  # its import is heavy, and chapters 0 to 2 do without
    from ..training import Recipe, Run

__all__ = ["live_training", "patch_map", "real_or_colored", "receptive_field_explorer", "training_scrubber"]


# --------------------------------------------------------------------------------- chapter 4: the PatchGAN


def receptive_field_explorer(picture: np.ndarray, size: int = 64) -> None:
    """Sliders for a PatchGAN's strided layers (1 to 4) and one of its logits, and `receptive_field_picture` of them.

    picture: square, uint8 (S, S, 3), looked at as if it were `size` pixels wide. On fewer than 48 pixels there are
    fewer layers to choose from. Returns nothing: call it alone in its cell. Raises ValueError for another picture, or
    for a size below 6, which no PatchGAN takes.
    """
    picture = checked_picture(picture, "picture")
    most = max((n for n in range(1, 5) if 3 * 2**n <= size), default=0)
    first = min(2, most)
    count = patch_arithmetic(first, size)[-1]["size"]  # refuses a size that is too small
    layers = slider("strided layers", first, 1, most)
    row, column = (slider(name, count // 2 - 1, 0, count - 1) for name in ("row", "column"))

    def limit(change) -> None:
        for control in (row, column):
            control.max = patch_arithmetic(layers.value, size)[-1]["size"] - 1

    def draw(layers, row, column):
        last = patch_arithmetic(layers, size)[-1]
        row, column = (min(place, last["size"] - 1) for place in (row, column))  # while the sliders' ends move
        alt = (
            f"A PatchGAN with {layers} strided layers gives {last['size']} × {last['size']} logits; the one in "
            f"row {row}, column {column} sees {last['sees']} × {last['sees']} pixels of the photo, framed in it."
        )
        return receptive_field_picture(picture, layers, row, column, size), alt

    layers.observe(limit, names="value")  # before `show` listens, so that the picture comes after
    hint = "add layers and watch the frame grow; then move the logit to a corner. (Click a slider, use the arrow keys.)"
    show(hint, {"layers": layers, "row": row, "column": column}, draw, "jpeg")


def patch_map(versions: Mapping[str, Sequence], maps: Mapping[str, np.ndarray]) -> None:
    """A switch between versions of the same photos, a slider over the photos, and `patch_map_picture` of the choice.

    versions: {"true colors": pictures, "gray": …}, each a uint8 tensor (N, 3, S, S) or arrays (S, S, 3); N alike.
    maps: the same names, a critic's logits float (N, h, h) (or (N, 1, h, h)). All are drawn on one scale, which ends
    at the logit that 2 % exceed. Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    pictures = {name: as_pictures(images) for name, images in versions.items()}
    logits = {name: as_numbers(values) for name, values in maps.items()}
    logits = {name: values[:, 0] if values.ndim == 4 else values for name, values in logits.items()}
    if pictures.keys() != logits.keys() or not pictures:
        raise ValueError(f"each version needs its map: {', '.join(pictures)} and {', '.join(logits)}")
    counts = {len(one) for one in (*pictures.values(), *logits.values())}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"want the same number of photos and maps in each version, at least one, not {sorted(counts)}")
    for name in pictures:  # so that what is wrong is refused now, and not when its turn comes
        for picture, values in zip(pictures[name], logits[name], strict=True):
            check_map(picture, values)
    limit = max(float(np.quantile(np.abs(np.concatenate([v.ravel() for v in logits.values()])), 0.98)), 1e-6)

    def draw(version, photo):
        values = logits[version][photo - 1]
        alt = (
            f"Photo {photo}, {version}, and the critic's map over it: mean logit {values.mean():+.2f}, "
            f"{(values > 0).mean():.0%} of the patches called real."
        )
        return patch_map_picture(pictures[version][photo - 1], values, limit, version), alt

    controls = {"version": switch(list(pictures)), "photo": slider("photo", 1, 1, counts.pop())}
    hint = "which version is the hardest to catch, and where in the photo? (Tab moves between controls; space presses.)"
    show(hint, controls, draw, "jpeg")


# ------------------------------------------------------------------------------------ chapter 5: the game


def live_training(recipe: Recipe, truth_colorfulness: float | None = None) -> Callable[[list[dict], Path], None]:
    """Display the `training_picture` of a run that is yet to come; returns the function that keeps it up to date.

        view = live_training(recipe)
        run = load_or_train(recipe, "05-gan", watch=view)

    recipe: of that run. truth_colorfulness: of the validation photos, for a dashed line. The picture is drawn anew
    after each report, with that report's samples; of a finished run it is drawn once.
    """
    now: dict = {"history": [], "samples": None}

    def draw():
        history = now["history"]
        alt = f"Curves of a training of {recipe.total_steps:,} steps"
        if history:
            alt += f" after {_report_words(history[-1])}; below, photos painted then, above their true colors"
        picture = training_picture(history, recipe, now["samples"], truth_colorfulness=truth_colorfulness)
        return picture, f"{alt}."

    hint = "stop the cell while it trains (■ in the toolbar), then run it again: it goes on where it was."
    draw_anew = stage(hint, [], draw, "jpeg")

    def view(history: list[dict], folder: Path) -> None:
        samples = sample_rows(folder, history[-1]["step"])
        now.update(history=history, samples={label: row for label, row in samples.items() if label != "gray"})
        draw_anew()

    return view


def _report_words(entry: dict) -> str:
    words = [f"step {entry['step']:,}, phase {entry['phase']}"]
    if "critic_right" in entry:
        words.append(f"critic right {entry['critic_right']:.0%}")
    for key, name in (("val_psnr", "PSNR"), ("val_colorfulness", "colorfulness")):
        if key in entry:
            words.append(f"{name} {entry[key]:.1f}")
    return ", ".join(words)


def training_scrubber(run: Run | str | Path, truth_colorfulness: float | None = None) -> None:
    """A slider over the reports of a run: what it painted then, between gray and truth, and where on the curves.

    run: a `helpers.training.Run`, or the folder of one (its `recipe.json`, `history.json` and `samples/`).
    truth_colorfulness: as in `live_training`. Returns nothing: call it alone in its cell.
    Raises FileNotFoundError for a folder without these, ValueError for a run that has not reported yet.
    """
    from ..training import Recipe, Run

    if isinstance(run, Run):
        recipe, history, folder = run.recipe, run.history, run.folder
    else:
        folder = Path(run)
        recipe = Recipe(**json.loads((folder / "recipe.json").read_text()))
        history = json.loads((folder / "history.json").read_text())
    if not history:
        raise ValueError("this run has not reported yet: train it further")
    rows = [sample_rows(folder, entry["step"]) for entry in history]

    def draw(report):
        at = report - 1
        alt = f"Report {report} of {len(history)}: {_report_words(history[at])}; the photos in gray, painted, and true."
        return training_picture(history, recipe, rows[at], at, truth_colorfulness), alt

    hint = "go back to the first report, then forward: when does each flower get its color? (Use the arrow keys.)"
    show(hint, {"report": slider("report", len(history), 1, len(history))}, draw, "jpeg")


# ------------------------------------------------------------------------------------ chapter 6: evaluation


def real_or_colored(real: Sequence, colored: Sequence, seed: int = 0, count: int = 20) -> None:
    """A game: one picture at a time, you say whether it is the photo or painted. With a score and its interval.

    real, colored: the same photos, true and painted, uint8 (N, S, S, 3) or (N, 3, S, S) tensors, N at least `count`.
    count: an even number; half of the pictures are real, in an order drawn by `seed` (see `fair_order`). "Start
    again" draws a new one. Returns nothing: call it alone in its cell. Raises ValueError for other input.
    """
    import ipywidgets as widgets

    real, colored = as_pictures(real), as_pictures(colored)
    if len(real) != len(colored):
        raise ValueError(f"{len(real)} real and {len(colored)} colored pictures: want the same photos in both")
    for name, pictures in (("real", real), ("colored", colored)):
        for picture in pictures:
            checked_picture(picture, name)
    if [picture.shape for picture in real] != [picture.shape for picture in colored]:
        raise ValueError("the real and the colored pictures differ in size: it would give them away")
    game = {"seed": seed, "order": fair_order(len(real), count, seed), "answers": []}

    def draw():
        order, answers = game["order"], game["answers"]
        shown = [(real if is_real else colored)[index] for index, is_real in order]
        if len(answers) == count:
            right = sum(is_real == said for is_real, said in answers)
            alt = f"The game is over: {right} of {count} right. All pictures with their truth and your answers."
            return result_picture(shown, [real[index] for index, _ in order], answers), alt
        at = len(answers)
        return question_picture(shown[at], at + 1, count, answers), f"Picture {at + 1} of {count}: real or colored?"

    looks = widgets.Layout(width="150px", margin="2px 8px 2px 0")
    buttons = {name: widgets.Button(description=name, layout=looks) for name in ("real", "colored", "start again")}
    line = widgets.HBox(list(buttons.values()), layout=widgets.Layout(margin="2px 0 2px 8px"))
    hint = "is the second half of your answers better than the first? (Tab moves between buttons; space presses one.)"
    draw_anew = stage(hint, [line], draw, "jpeg")

    def answer(said_real: bool) -> None:
        if len(game["answers"]) < count:
            game["answers"].append((game["order"][len(game["answers"])][1], said_real))
            refresh()

    def start_again(button) -> None:
        game["seed"] += 1
        game.update(order=fair_order(len(real), count, game["seed"]), answers=[])
        refresh()

    def refresh() -> None:
        for name in ("real", "colored"):
            buttons[name].disabled = len(game["answers"]) == count
        draw_anew()

    buttons["real"].on_click(lambda button: answer(True))
    buttons["colored"].on_click(lambda button: answer(False))
    buttons["start again"].on_click(start_again)
