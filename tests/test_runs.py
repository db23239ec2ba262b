"""helpers.runs: exact resume, the order of writing, interruption, old checkpoints, load or train."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, fields, make_dataclass, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from helpers import runs
from helpers.data import drawn_photos
from helpers.inference import load_generator
from helpers.recipe import PRESETS, Recipe
from helpers.runs import load_or_train, runs_folder, train
from helpers.training import Trainer, TrainingDiverged

REPOSITORY = Path(__file__).parent.parent
SMOKE = PRESETS["smoke"]
TINY = replace(
    SMOKE, size=16, load_size=16, batch_size=4, width=4, depth=2, color_steps=5, critic_steps=2, gan_steps=4,
    report_steps=3,
)  # fmt: skip
TINY_COLOR = replace(TINY, critic_steps=0, gan_steps=0)


@pytest.fixture(scope="module")
def flowers():
    return {"photos": drawn_photos(64, SMOKE.load_size, 1), "val": drawn_photos(16, SMOKE.size, 2)}


@pytest.fixture(scope="module")
def few():
    return {"photos": drawn_photos(8, 16, 0), "val": drawn_photos(8, 16, 1)}


@pytest.fixture(scope="module")
def whole(flowers, tmp_path_factory):
    """A run that was never stopped."""
    return train(SMOKE, tmp_path_factory.mktemp("whole"), show=False, **flowers)


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """An empty folder of runs; and the training steps taken in it, by their phase."""
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path / "runs"))
    taken, step = [], Trainer.take_step

    def noted(self, *batch):
        taken.append(self.recipe.phase(self.step))
        step(self, *batch)

    monkeypatch.setattr(Trainer, "take_step", noted)
    return taken


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def everything(run):
    """All tensors of a run's last checkpoint, optimizers included, by name."""
    found = {}

    def walk(value, name):
        if isinstance(value, torch.Tensor):
            found[name] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}")

    walk(torch.load(run.folder / "last.pt", weights_only=True), "")
    return found


def rewrite(folder, change):
    """Change the checkpoint in a folder."""
    state = torch.load(folder / "last.pt", weights_only=True)
    change(state)
    torch.save(state, folder / "last.pt")


# --------------------------------------------------------------------------------- a run and its folder


def test_a_run_leaves_what_it_promises(whole):
    assert whole.finished
    assert [(h["step"], h["phase"]) for h in whole.history] == [
        (4, "color"),
        (8, "color"),
        (12, "gan"),
        (14, "gan"),
    ]
    assert {"color", "critic", "critic_right", "adversarial", "val_psnr", "val_delta_e"} <= whole.history[-1].keys()
    assert json.loads((whole.folder / "history.json").read_text()) == whole.history
    assert Recipe.restore(json.loads((whole.folder / "recipe.json").read_text())) == SMOKE
    for name in ("truth", "gray", "step-000004", "step-000014"):
        assert Image.open(whole.folder / "samples" / f"{name}.png").size == (6 * SMOKE.size, SMOKE.size)
    final, _ = load_generator(whole.folder / "generator.safetensors")
    assert same(final.state_dict(), whole.generator.state_dict())
    l1, _ = load_generator(whole.folder / "generator-l1.safetensors")
    assert not same(l1.state_dict(), final.state_dict())
    assert not list(whole.folder.rglob("*.partial-*"))


@pytest.mark.parametrize("small_steps", [0, 5])
def test_resume_is_exact_from_every_step(small_steps, flowers, tmp_path):
    """One step a call: each of them begins with a new trainer, also at the change of size and of phase."""
    recipe = replace(SMOKE, small_steps=small_steps)
    at_once = train(recipe, tmp_path / "at once", show=False, **flowers)
    for step in range(recipe.total_steps):
        parts = train(recipe, tmp_path / "in parts", stop_after=1, show=False, **flowers)
        assert parts.finished == (step == recipe.total_steps - 1)
    assert same(everything(parts), everything(at_once)) and parts.history == at_once.history


def test_a_finished_run_is_loaded_and_nothing_written(whole, flowers, steps):
    def files():
        return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in whole.folder.rglob("*") if p.is_file()}

    before = files()
    again = train(SMOKE, whole.folder, show=False, **flowers)
    assert again.finished and again.history == whole.history and steps == []
    assert same(again.generator.state_dict(), whole.generator.state_dict()) and files() == before


def test_what_a_kill_at_the_very_end_left_out_is_made_up_for(flowers, tmp_path):
    run = train(SMOKE, tmp_path, show=False, **flowers)
    weights = (tmp_path / "generator.safetensors").read_bytes()
    for name in ("generator.safetensors", "timing.json"):
        (tmp_path / name).unlink()
    assert train(SMOKE, tmp_path, show=False, **flowers).history == run.history
    assert (tmp_path / "generator.safetensors").read_bytes() == weights and (tmp_path / "timing.json").exists()


@pytest.mark.parametrize("save_every", [0.0, 1e9])
def test_report_then_save_then_tell(save_every, flowers, tmp_path, monkeypatch):
    """With savings at each step, and with the last one alone."""
    order = []

    def noting(name, method):
        def noted(self, trainer, *more):
            order.append((name, trainer.step))
            return method(self, trainer, *more)

        monkeypatch.setattr(runs._Folder, name, noted)

    noting("report", runs._Folder.report)
    noting("save", runs._Folder.save)

    def watch(history, folder):
        order.append(("tell", history[-1]["step"]))

    train(SMOKE, tmp_path, show=False, save_every=save_every, watch=watch, **flowers)
    reports = (4, 8, 12, 14)
    saves = range(1, 15) if save_every == 0 else (14,)
    expected = []
    for step in range(1, 15):
        expected += [("report", step)] * (step in reports) + [("save", step)] * (step in saves)
        expected += [("tell", step)] * (step in reports)
    assert order == expected


def test_watch_is_told_after_each_report(whole, flowers, tmp_path):
    """With the history so far, when the report's samples are there; what it does to its copy harms nobody."""
    told = []

    def watch(history, folder):
        step = history[-1]["step"]
        assert json.loads((folder / "history.json").read_text()) == history
        assert (folder / f"samples/step-{step:06d}.png").exists()
        told.append((len(history), step, folder))
        history.clear()

    run = train(SMOKE, tmp_path, show=False, watch=watch, **flowers)
    assert told == [(1, 4, tmp_path), (2, 8, tmp_path), (3, 12, tmp_path), (4, 14, tmp_path)]
    assert run.history == whole.history and same(everything(run), everything(whole))
    told.clear()
    train(SMOKE, tmp_path, show=False, watch=watch, **flowers)
    assert told == [(4, 14, tmp_path)]  # of a finished run once, so that a page has its picture


def test_watch_goes_on_where_it_was(flowers, tmp_path):
    told = []
    for stop in (3, 3, None):  # before the first report, past it, to the end
        train(
            SMOKE, tmp_path, stop_after=stop, show=False, **flowers,
            watch=lambda history, folder: told.append(history[-1]["step"]),
        )  # fmt: skip
        told.append("stop")
    assert told == ["stop", 4, "stop", 4, 8, 12, 14, "stop"]


def test_what_watch_raises_is_raised(whole, flowers, tmp_path):
    def watch(history, folder):
        raise RuntimeError("the view is broken")

    with pytest.raises(RuntimeError, match="the view is broken"):
        train(SMOKE, tmp_path, show=False, watch=watch, **flowers)
    again = train(SMOKE, tmp_path, show=False, **flowers)
    assert again.finished and same(everything(again), everything(whole))


def test_the_seed_decides(whole, flowers, tmp_path):
    twin = train(SMOKE, tmp_path / "twin", show=False, **flowers)
    assert same(everything(twin), everything(whole))
    other = train(replace(SMOKE, seed=1), tmp_path / "other", show=False, **flowers)
    assert not same(other.generator.state_dict(), whole.generator.state_dict())


def test_the_color_phase_alone_is_a_run(few, tmp_path):
    alone = train(TINY_COLOR, tmp_path, show=False, **few)
    assert alone.finished and (alone.folder / "generator.safetensors").exists()


# ------------------------------------------------------------------------------- what can go wrong


def spoil(monkeypatch, step, change):
    """Have `change(trainer)` happen after that step of every training."""
    take_step = Trainer.take_step

    def spoiled(self, *batch):
        take_step(self, *batch)
        if self.step == step:
            with torch.no_grad():
                change(self)

    monkeypatch.setattr(Trainer, "take_step", spoiled)


def test_divergence_stops_with_the_last_good_state(few, tmp_path, monkeypatch):
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    kept = (tmp_path / "last.pt").read_bytes()
    spoil(monkeypatch, 2, lambda trainer: trainer.plain_generator.head.bias.fill_(math.nan))
    message = (
        r"color phase\).*no longer a number; try a lower learning rate. The last good state is .*last.pt, of step 1"
    )
    with pytest.raises(TrainingDiverged, match=message):
        train(TINY, tmp_path, show=False, **few)
    assert (tmp_path / "last.pt").read_bytes() == kept  # nothing was written over it


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("generator.encoder.1.1.running_var", lambda t: t.plain_generator.encoder[1][1].running_var.fill_(math.inf)),
        ("average.head.bias", lambda t: t.average.head.bias.fill_(math.nan)),
        ("critic", lambda t: next(t.plain_critic.parameters()).view(-1)[0].fill_(math.nan)),
        ("g_optimizer.state.0.exp_avg", lambda t: next(iter(t.g_optimizer.state.values()))["exp_avg"].fill_(math.nan)),
    ],
)
def test_a_state_that_is_no_number_is_never_kept(name, change, few, tmp_path, monkeypatch):
    """Though all losses are numbers; at the last step of all, or when it is stopped."""
    with monkeypatch.context() as patch:
        spoil(patch, TINY.total_steps, change)
        with pytest.raises(
            TrainingDiverged, match=f"before step 11: {name}.* is no longer a number.*No state was saved"
        ):
            train(TINY, tmp_path, show=False, **few)
    assert not (tmp_path / "last.pt").exists() and not (tmp_path / "generator.safetensors").exists()
    with monkeypatch.context() as patch:
        spoil(patch, 2, change)
        with pytest.raises(TrainingDiverged, match="before step 2"):
            train(TINY, tmp_path, show=False, stop_after=2, **few)
    assert not (tmp_path / "last.pt").exists() and train(TINY, tmp_path, show=False, **few).finished


def test_a_kept_state_that_is_no_number_is_refused(few, tmp_path):
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    rewrite(tmp_path, lambda state: state["generator"]["head.bias"].fill_(math.nan))
    kept = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(ValueError, match=r"last.pt is not a readable checkpoint \(generator.head.bias .*: delete it"):
        train(TINY, tmp_path, show=False, **few)
    assert (tmp_path / "last.pt").read_bytes() == kept


def test_an_infinite_learning_rate_is_noticed(flowers, tmp_path):
    recipe = replace(SMOKE, color_steps=25, report_steps=25, lr=1e30, clip_norm=1e30)
    with pytest.raises(TrainingDiverged, match="no longer a number.*No state was saved yet"):
        train(recipe, tmp_path, show=False, **flowers)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_run_starts_from_a_colorizer_and_keeps_a_copy_of_it(whole, few, tmp_path):
    source = whole.folder / "generator.safetensors"
    tiny = {"width": SMOKE.width, "depth": SMOKE.depth, "color_steps": 2, "lr": 1e-9, "weight_decay": 0.0}
    recipe = replace(TINY_COLOR, start=str(source), **tiny)
    run = train(recipe, tmp_path / "on", show=False, **few)
    started = load_generator(source)[0]
    for mine, theirs in zip(run.generator.parameters(), started.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
    assert (run.folder / "start.safetensors").read_bytes() == source.read_bytes()


def test_a_start_of_another_shape_or_name_is_refused(whole, few, tmp_path):
    source = whole.folder / "generator.safetensors"
    for start, words in {str(source): "another shape", "roses": "choose one of"}.items():
        with pytest.raises(ValueError, match=words):
            train(replace(TINY_COLOR, start=start), tmp_path / words.replace(" ", "-"), show=False, **few)


def test_a_started_run_goes_on_when_its_start_is_gone(whole, few, tmp_path):
    source = tmp_path / "first.safetensors"
    source.write_bytes((whole.folder / "generator.safetensors").read_bytes())
    recipe = replace(TINY_COLOR, width=SMOKE.width, depth=SMOKE.depth, start=str(source))
    uncut = train(recipe, tmp_path / "uncut", show=False, **few)
    train(recipe, tmp_path / "cut", stop_after=2, show=False, **few)
    source.unlink()
    resumed = train(recipe, tmp_path / "cut", show=False, **few)
    assert same(resumed.generator.state_dict(), uncut.generator.state_dict())


def test_another_recipe_or_a_damaged_checkpoint_is_named(whole, flowers, tmp_path):
    with pytest.raises(ValueError, match=r"another recipe: lr \(0.002 there, 0.1 here\). Choose another folder"):
        train(replace(SMOKE, lr=0.1), whole.folder, show=False, **flowers)
    (tmp_path / "last.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"last.pt is not a readable checkpoint"):
        train(SMOKE, tmp_path, show=False, **flowers)


def test_other_photos_cannot_go_on_with_a_run(few, tmp_path):
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    photos, val = few.values()
    for other in (
        val,
        photos.subset(range(7)),
        photos.subset(slice(None, None, -1)),
        replace(photos, source="flowers102"),
    ):
        with pytest.raises(ValueError, match=r"was made by other photos: .* there, .* here\). Choose another folder"):
            train(TINY, tmp_path, other, val, show=False)
    (tmp_path / "photos.json").unlink()  # the checkpoint knows them, too
    with pytest.raises(ValueError, match=r"last.pt was made by other photos: source \(drawn there, flowers102 here"):
        train(TINY, tmp_path, replace(photos, source="flowers102"), val, show=False)
    run = train(TINY, tmp_path, show=False, **few)
    assert run.finished and json.loads((tmp_path / "timing.json").read_text())["photos"]["source"] == "drawn"
    with pytest.raises(ValueError, match="other photos"):  # nor is it loaded as if it were theirs
        train(TINY, tmp_path, val, val, show=False)


def test_one_that_was_killed_at_its_first_step_keeps_its_folder(few, tmp_path, monkeypatch):
    """Another recipe, or other photos, would leave a mixture of both there."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "take_step", killed)
        train(TINY, tmp_path, show=False, **few)
    with pytest.raises(ValueError, match=r"recipe.json was made by another recipe: seed \(0 there, 1 here\)"):
        train(replace(TINY, seed=1), tmp_path, show=False, **few)
    with pytest.raises(ValueError, match="photos.json was made by other photos"):
        train(TINY, tmp_path, few["val"], few["val"], show=False)
    assert train(TINY, tmp_path, show=False, **few).finished


def test_a_run_that_could_not_begin_leaves_the_folder_to_another(few, tmp_path):
    with pytest.raises(ValueError, match="a batch of 9 cannot be drawn from 8 photos"):
        train(replace(TINY, batch_size=9), tmp_path, show=False, **few)
    assert train(TINY, tmp_path, show=False, **few).finished


def test_two_trainings_do_not_share_a_folder(few, tmp_path):
    told = []

    def watch(history, folder):
        with pytest.raises(ValueError, match="another training writes in"):
            train(TINY, folder, show=False, **few)
        told.append(history[-1]["step"])

    run = train(TINY, tmp_path, show=False, watch=watch, **few)
    assert run.finished and told == [3, 5, 6, 9, 11]
    assert train(TINY, tmp_path, show=False, **few).finished  # and let go of it at the end


def test_a_game_alone_has_weights_to_compare_with(few, tmp_path):
    """As of a run that starts from a colorizer: `generator-l1` is what it started from."""
    run = train(replace(TINY, color_steps=0), tmp_path, show=False, **few)
    l1 = load_generator(tmp_path / "generator-l1.safetensors")[0]
    assert run.finished and not same(l1.state_dict(), run.generator.state_dict())


def test_a_checkpoint_cannot_run_code(tmp_path, flowers):
    class Evil:
        def __reduce__(self):
            return (os.system, ("touch " + str(tmp_path / "owned"),))

    torch.save({"recipe": Evil()}, tmp_path / "last.pt")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        train(SMOKE, tmp_path, show=False, **flowers)
    assert not (tmp_path / "owned").exists()


def test_fewer_photos_than_a_batch_are_refused(few, tmp_path):
    with pytest.raises(ValueError, match="16"):
        train(SMOKE, tmp_path, show=False, **few)


# ---------------------------------------------------------------------------- runs of other versions


def older(state):
    """A checkpoint as the first versions wrote it."""
    state["recipe"] |= {"temperature": 0.5, "colorfulness_weight": 0.0}
    for new, old in {"average": "ema", "g_optimizer": "g_opt", "d_optimizer": "d_opt"}.items():
        state[old] = state.pop(new)
    state["sums"] |= {f"{name} count": float(count) for name, count in state.pop("counts").items()}
    state["scaler"] = {}


def test_a_run_of_an_older_version_goes_on(whole, flowers, tmp_path):
    train(SMOKE, tmp_path, stop_after=10, show=False, **flowers)  # between two reports, after two critic steps
    rewrite(tmp_path, older)
    again = train(SMOKE, tmp_path, show=False, **flowers)
    assert same(everything(again), everything(whole)) and again.history == whole.history


def test_a_checkpoint_that_does_not_know_its_photos_goes_on_and_says_so(few, tmp_path, capsys):
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    (tmp_path / "photos.json").unlink()
    rewrite(tmp_path, lambda state: state.pop("photos"))
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    assert "last.pt is of an older version and does not know its photos" in capsys.readouterr().out
    with pytest.raises(ValueError, match="other photos"):
        train(TINY, tmp_path, few["val"], few["val"], show=False)
    assert train(TINY, tmp_path, show=False, **few).finished and capsys.readouterr().out == ""


def test_a_field_added_since_must_have_its_default(few, tmp_path):
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    rewrite(tmp_path, lambda state: state["recipe"].pop("clip_norm"))
    with pytest.raises(ValueError, match=r"another recipe: clip_norm \(5.0 there, 1.0 here\)"):
        train(replace(TINY, clip_norm=1.0), tmp_path, show=False, **few)
    assert train(TINY, tmp_path, show=False, **few).finished


def test_a_field_removed_since_is_named(few, tmp_path):
    train(TINY, tmp_path, stop_after=1, show=False, **few)
    rewrite(tmp_path, lambda state: state["recipe"].update(colorfulness_weight=0.5))
    with pytest.raises(ValueError, match=r"another recipe: colorfulness_weight \(0.5 there, no such field here\)"):
        train(TINY, tmp_path, show=False, **few)


def test_a_field_added_later_changes_no_key(few):
    Later = make_dataclass("Later", [("warp", float, 0.0)], bases=(Recipe,), frozen=True)
    later = Later(**asdict(TINY))
    key = runs.key_of(TINY, few["photos"])
    assert runs.key_of(later, few["photos"]) == key != runs.key_of(replace(later, warp=1.0), few["photos"])
    shuffled = make_dataclass("Shuffled", [(f.name, f.type, f.default) for f in reversed(fields(Recipe))], frozen=True)
    assert runs.key_of(shuffled(**asdict(TINY)), few["photos"]) == key


# ----------------------------------------------------------------------------------- load or train


def test_runs_lie_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path))
    assert runs_folder() == tmp_path
    monkeypatch.delenv("COLORIZE_RUNS")
    assert runs_folder() == REPOSITORY / "runs"


def test_a_finished_run_is_found_with_the_same_weights(few, steps):
    told = []
    first = load_or_train(TINY_COLOR, "a", **few)
    again = load_or_train(TINY_COLOR, "a", **few, watch=lambda history, folder: told.append(history[-1]["step"]))
    assert len(steps) == 5 and again.finished and again.history == first.history and told == [5]
    assert [p.name for p in runs_folder().iterdir()] == [first.folder.name] and first.folder.name.startswith("a-")
    assert same(first.generator.state_dict(), again.generator.state_dict())


def test_another_recipe_and_other_photos_are_another_run(few, steps):
    found = [load_or_train(TINY_COLOR, "a", **few)]
    found.append(load_or_train(TINY_COLOR, "a", few["val"], few["val"]))
    found.append(load_or_train(replace(TINY_COLOR, skips=False), "a", **few))
    assert len({run.folder for run in found}) == 3 and len(steps) == 15


def test_retrain_trains_again(few, steps):
    folder = load_or_train(TINY_COLOR, "a", **few).folder
    assert load_or_train(TINY_COLOR, "a", **few, retrain=True).folder == folder
    assert len(steps) == 10


def test_a_stopped_run_goes_on(few, steps):
    folder = runs_folder() / f"b-{runs.key_of(TINY_COLOR, few['photos'])}"
    train(TINY_COLOR, folder, **few, stop_after=1)
    run = load_or_train(TINY_COLOR, "b", **few, retrain=True)
    assert run.finished and run.folder == folder and len(steps) == 5


@pytest.mark.parametrize("at", ["color", "critic", "gan"])
def test_what_was_stopped_has_a_stand_in_that_says_so(at, few, tmp_path, monkeypatch):
    """■ at a report of each phase: nothing is raised, and what is asked of the run says in one line what is missing."""
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path))
    pressed = []

    def press(history, folder):
        if history[-1]["phase"] == at and not pressed:
            pressed.append(signal.raise_signal(signal.SIGINT))

    recipe = replace(TINY, report_steps=1)
    run = load_or_train(recipe, "a", **few, watch=press)
    assert pressed and not run.finished and repr(run)
    for asked in ("history", "generator", "folder", "recipe"):
        with pytest.raises(KeyboardInterrupt, match="^a is not finished; run the cell that trains it again") as found:
            getattr(run, asked)
        assert found.value._render_traceback_() == [f"stopped: {found.value}"]
    lent = load_or_train(recipe, "b", **few, color_from=run)
    assert not lent.finished and not hasattr(lent, "__array__")
    assert load_or_train(recipe, "a", **few, watch=press).finished


def test_a_trainer_of_another_kind_takes_the_steps(few, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path))

    class Loud(Trainer):
        taken = 0

        def take_step(self, L, ab):
            Loud.taken += 1
            super().take_step(L, ab)

    run = load_or_train(TINY, "a", **few, kind=Loud)
    assert run.finished and Loud.taken == TINY.total_steps


# ---------------------------------------------------------------------------- a shared color phase


@pytest.mark.parametrize(
    "changes",
    [
        {"color_weight": 0.0, "adversarial": "bce"},
        {"lr_critic": 1e-2, "critic_steps": 4, "lr_generator": 1e-2},
        {"gan_steps": 9},
        {"critic_width": 4, "critic_layers": 2},
    ],
    ids=str,
)
def test_a_shared_color_phase_gives_the_same_bits(changes, few, steps):
    recipe = replace(TINY, **changes)
    color = load_or_train(TINY_COLOR, "color", **few)
    steps.clear()
    shared = load_or_train(recipe, "shared", **few, color_from=color)
    assert "color" not in steps and len(steps) == recipe.critic_steps + recipe.gan_steps
    alone = load_or_train(recipe, "alone", **few)
    assert same(everything(shared), everything(alone)) and shared.history == alone.history
    names = [{str(p.relative_to(run.folder)) for p in run.folder.rglob("*")} for run in (shared, alone)]
    assert names[0] == names[1]


def test_a_run_with_a_shared_phase_is_loaded_when_finished(few, steps):
    color = load_or_train(TINY_COLOR, "color", **few)
    first = load_or_train(TINY, "a", **few, color_from=color)
    steps.clear()
    again = load_or_train(TINY, "a", **few, color_from=color)
    assert again.finished and again.history == first.history and steps == []
    load_or_train(TINY, "a", **few, retrain=True, color_from=color)
    assert steps == ["critic"] * 2 + ["gan"] * 4


@pytest.mark.parametrize("change", [{"seed": 1}, {"width": 8}, {"color_steps": 6}, {"lr": 1e-3}], ids=str)
def test_another_color_phase_cannot_be_shared(change, few, steps):
    color = load_or_train(TINY_COLOR, "color", **few)
    with pytest.raises(ValueError, match="cannot lend its color phase"):
        load_or_train(replace(TINY, **change), "a", **few, color_from=color)


def test_other_photos_or_a_whole_run_cannot_lend_a_color_phase(few, steps):
    color = load_or_train(TINY_COLOR, "color", **few)
    with pytest.raises(ValueError, match="not trained on these photos"):
        load_or_train(TINY, "a", few["val"], few["val"], color_from=color)
    with pytest.raises(ValueError, match="was stopped: run the cell again"):
        load_or_train(TINY, "a", **few, color_from=replace(color, finished=False))
    with pytest.raises(ValueError, match="have no critic or GAN steps"):
        load_or_train(TINY, "a", **few, color_from=load_or_train(TINY, "whole", **few))


# ------------------------------------------------------------------------------------------ processes


@pytest.fixture
def drawn_only(monkeypatch):
    """Subprocesses that train on drawn flowers: quick, and the same with and without the photos."""
    monkeypatch.delenv("FLOWERS102_ROOT", raising=False)
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")


def command(out, *settings, python=("-m", "helpers.training")):
    return [sys.executable, *python, "--preset", "smoke", "--out", str(out), "--set", "encoder=none", *settings]


LONG = replace(TINY, color_steps=500, report_steps=1000)


@pytest.fixture(scope="module")
def long_flowers():
    """The photos of LONG: drawn, and the same in each process."""
    return {"photos": drawn_photos(32, LONG.load_size, 1), "val": drawn_photos(8, LONG.size, 2)}


@pytest.fixture(scope="module")
def long_run(long_flowers, tmp_path_factory):
    return train(LONG, tmp_path_factory.mktemp("long"), show=False, **long_flowers)


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_kill_or_ctrl_c_then_resume_is_exact(how, long_flowers, long_run, tmp_path):
    """Stopped in another process, which saves after each step; it goes on in this one."""
    script = (
        "import sys; from tests.test_runs import *; torch.set_num_threads(int(sys.argv[2]));"
        "sizes = (32, LONG.load_size, 1), (8, LONG.size, 2);"
        "r = train(LONG, sys.argv[1], *(drawn_photos(*size) for size in sizes), save_every=0.0);"
        "sys.exit(0 if r.finished else 130)"
    )
    call = [sys.executable, "-c", script, str(tmp_path / "cut"), str(torch.get_num_threads())]
    process = subprocess.Popen(call, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    deadline = time.time() + 90
    while not (tmp_path / "cut/last.pt").exists() and time.time() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(getattr(signal, how))
    code = process.wait(timeout=60)
    assert code == (-signal.SIGKILL if how == "SIGKILL" else 130)
    stopped = torch.load(tmp_path / "cut/last.pt", weights_only=True)["step"]
    assert 0 < stopped < LONG.total_steps
    run = train(LONG, tmp_path / "cut", show=False, **long_flowers)
    assert run.finished and same(everything(run), everything(long_run))


@pytest.mark.skipif(sys.platform == "win32", reason="gloo")
def test_two_processes_train_together(tmp_path, drawn_only):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "helpers.training")
    call = command(tmp_path / "run", python=launcher)
    done = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((tmp_path / "run/timing.json").read_text())["processes"] == 2
    history = json.loads((tmp_path / "run/history.json").read_text())
    assert len(history) == 4 and history[3]["color"] < history[0]["color"]
