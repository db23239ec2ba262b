"""helpers.training: phases, exact resume, interruption, divergence, presets, several processes."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image

from helpers import training
from helpers.data import Photos
from helpers.inference import load_generator
from helpers.models import UNet
from helpers.synthetic import draw_flowers
from helpers.training import PRESETS, Recipe, TrainingDiverged, choose_precision, choose_preset, train

REPOSITORY = Path(__file__).parent.parent
SMOKE = PRESETS["smoke"]


def drawn(count, size, seed, split="train"):
    pictures, truth = draw_flowers(count, size, seed)
    images = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    return Photos(images, torch.from_numpy(truth.kind), torch.arange(count), split, "drawn")


@pytest.fixture(scope="module")
def flowers():
    return {"photos": drawn(64, SMOKE.load_size, 1), "val": drawn(16, SMOKE.size, 2, "val")}


@pytest.fixture(scope="module")
def whole(flowers, tmp_path_factory):
    """A run that was never stopped."""
    return train(SMOKE, tmp_path_factory.mktemp("whole"), show=False, **flowers)


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
    assert Recipe(**json.loads((whole.folder / "recipe.json").read_text())) == SMOKE
    for name in ("truth", "gray", "step-000004", "step-000014"):
        assert Image.open(whole.folder / "samples" / f"{name}.png").size == (6 * SMOKE.size, SMOKE.size)
    final, _ = load_generator(whole.folder / "generator.safetensors")
    assert same(final.state_dict(), whole.generator.state_dict())
    l1, _ = load_generator(whole.folder / "generator-l1.safetensors")
    assert not same(l1.state_dict(), final.state_dict())
    assert not list(whole.folder.rglob("*.partial-*"))


def test_training_learns(flowers, tmp_path):
    recipe = replace(SMOKE, color_steps=60, critic_steps=0, gan_steps=1, report_steps=20)
    history = train(recipe, tmp_path, show=False, **flowers).history
    assert history[2]["color"] < 0.7 * history[0]["color"]
    assert history[-1]["val_delta_e"] < history[0]["val_delta_e"]


@pytest.mark.parametrize("stop", range(1, SMOKE.total_steps))
def test_resume_is_exact_from_every_step(stop, whole, flowers, tmp_path):
    half = train(SMOKE, tmp_path, stop_after=stop, show=False, **flowers)
    assert not half.finished
    resumed = train(SMOKE, tmp_path, show=False, **flowers)
    assert resumed.finished
    assert same(everything(resumed), everything(whole))
    assert resumed.history == whole.history


def test_a_finished_run_is_not_trained_again(whole, flowers):
    before = everything(whole)
    again = train(SMOKE, whole.folder, show=False, **flowers)
    assert again.finished and same(everything(again), before) and again.history == whole.history


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
    for steps in (3, 3, None):  # before the first report, past it, to the end
        train(
            SMOKE, tmp_path, stop_after=steps, show=False, **flowers,
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


def test_load_or_train_hands_watch_on(flowers, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "__file__", str(tmp_path / "helpers" / "training.py"))
    for expected in ([4, 8, 12, 14], [14]):
        told = []
        training.load_or_train(SMOKE, "a", **flowers, watch=lambda history, folder: told.append(history[-1]["step"]))  # noqa: B023
        assert told == expected


def test_the_critic_phase_leaves_the_generator_alone(flowers, tmp_path):
    a = train(SMOKE, tmp_path, stop_after=SMOKE.color_steps, show=False, **flowers)
    before = everything(a)
    b = train(SMOKE, tmp_path, stop_after=SMOKE.critic_steps, show=False, **flowers)
    after = everything(b)
    assert all(torch.equal(before[k], after[k]) for k in before if k.startswith((".generator", ".ema")))
    assert any(not torch.equal(before[k], after[k]) for k in before if k.startswith(".critic"))


def test_the_seed_decides(whole, flowers, tmp_path):
    twin = train(SMOKE, tmp_path / "twin", show=False, **flowers)
    assert same(everything(twin), everything(whole))
    other = train(replace(SMOKE, seed=1), tmp_path / "other", show=False, **flowers)
    assert not same(other.generator.state_dict(), whole.generator.state_dict())


def command(out, *settings):
    return [
        sys.executable,
        "-m",
        "helpers.training",
        "--preset",
        "smoke",
        "--out",
        str(out),
        "--set",
        *settings,
    ]


@pytest.fixture
def drawn_only(monkeypatch):
    """Subprocesses that train on drawn flowers: quick, and the same with and without the photos."""
    monkeypatch.delenv("FLOWERS102_ROOT", raising=False)
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_kill_or_ctrl_c_then_resume_is_exact(how, tmp_path, drawn_only):
    script = (
        "import sys; from dataclasses import replace; from helpers.training import *; "
        "r = train(replace(PRESETS['smoke'], color_steps=300, report_steps=1000), sys.argv[1], save_every=0.0);"
        "sys.exit(0 if r.finished else 130)"
    )
    call = [sys.executable, "-c", script]
    process = subprocess.Popen([*call, str(tmp_path / "cut")], cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    deadline = time.time() + 90
    while not (tmp_path / "cut/last.pt").exists() and time.time() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(getattr(signal, how))
    code = process.wait(timeout=60)
    assert code == (-signal.SIGKILL if how == "SIGKILL" else 130)
    stopped = torch.load(tmp_path / "cut/last.pt", weights_only=True)["step"]
    assert 0 < stopped < 306
    for folder in ("cut", "whole"):
        subprocess.run([*call, str(tmp_path / folder)], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    a, b = (load_generator(tmp_path / f / "generator.safetensors")[0].state_dict() for f in ("cut", "whole"))
    assert same(a, b)


def test_divergence_stops_with_the_last_good_state(flowers, tmp_path):
    recipe = replace(SMOKE, color_steps=200, report_steps=25)
    train(recipe, tmp_path, stop_after=25, show=False, **flowers)
    good = torch.load(tmp_path / "last.pt", weights_only=True)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    state["generator"]["head.bias"][0] = math.nan
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(TrainingDiverged, match=r"color phase\).*no longer a number.*last.pt.*lower learning rate"):
        train(recipe, tmp_path, show=False, **flowers)
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    assert kept["step"] == good["step"] == 25  # nothing was written over it


def test_an_infinite_learning_rate_is_noticed(flowers, tmp_path):
    recipe = replace(SMOKE, color_steps=200, report_steps=25, lr=1e30, clip_norm=1e30)
    with pytest.raises(TrainingDiverged, match="no longer a number"):
        train(recipe, tmp_path, show=False, **flowers)


def test_another_recipe_or_a_damaged_checkpoint_is_named(whole, flowers, tmp_path):
    with pytest.raises(ValueError, match=r"another recipe: lr \(0.002 there, 0.1 here\). Choose another folder"):
        train(replace(SMOKE, lr=0.1), whole.folder, show=False, **flowers)
    (tmp_path / "last.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"last.pt is not a readable checkpoint"):
        train(SMOKE, tmp_path, show=False, **flowers)


def test_a_checkpoint_cannot_run_code(tmp_path, flowers):
    class Evil:
        def __reduce__(self):
            return (os.system, ("touch " + str(tmp_path / "owned"),))

    torch.save({"recipe": Evil()}, tmp_path / "last.pt")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        train(SMOKE, tmp_path, show=False, **flowers)
    assert not (tmp_path / "owned").exists()


def test_presets(monkeypatch):
    assert set(PRESETS) == {"smoke", "cpu", "gpu", "max"}
    for name, recipe in PRESETS.items():
        assert recipe.preset == name and recipe.load_size >= recipe.size
        assert recipe.size % 2**recipe.depth == 0
    monkeypatch.setenv("COLORIZE_PRESET", "max")
    assert choose_preset().preset == "max" and choose_preset("cpu").preset == "cpu"
    monkeypatch.delenv("COLORIZE_PRESET")
    assert choose_preset().preset == ("gpu" if torch.cuda.is_available() else "cpu")
    monkeypatch.setenv("COLORIZE_PRESET", "huge")
    with pytest.raises(ValueError, match="unknown preset 'huge': choose one of smoke, cpu, gpu, max"):
        choose_preset()


@pytest.mark.parametrize(
    ("cuda", "bf16", "expected"),
    [(False, False, "no"), (False, True, "bf16"), (True, True, "bf16"), (True, False, "fp16")],
)
def test_precision_follows_the_hardware(monkeypatch, cuda, bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    # A T4: emulated support must not count.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16 or including_emulation)
    assert choose_precision() == expected


def test_mixed_precision_stays_on(flowers, tmp_path, monkeypatch):
    """Unwrapping a model of Accelerate's once switched it off after the first step."""
    monkeypatch.setattr(training, "choose_precision", lambda: "bf16")
    seen = []

    def watch(module, inputs, output):
        if module.training:
            seen.append(output.dtype)

    monkeypatch.setattr(training, "UNet", lambda *a, **k: watched(UNet(*a, **k), watch))
    AcceleratorState._reset_state(reset_partial_state=True)  # Accelerate keeps the precision of its first user
    try:
        train(SMOKE, tmp_path, show=False, **flowers)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    assert len(seen) == SMOKE.color_steps + SMOKE.gan_steps and set(seen) == {torch.bfloat16}


def watched(model, hook):
    model.encoder[1][0].register_forward_hook(hook)
    return model


def test_small_steps_train_at_half_size_and_resume_exactly(flowers, tmp_path, monkeypatch):
    recipe, sizes = replace(SMOKE, small_steps=5), []
    step = training._Trainer.color_step
    monkeypatch.setattr(
        training._Trainer, "color_step", lambda self, L, ab: sizes.append(L.shape[-1]) or step(self, L, ab)
    )
    at_once = train(recipe, tmp_path / "at once", show=False, **flowers)
    assert sizes == [SMOKE.size // 2] * 5 + [SMOKE.size] * (SMOKE.color_steps - 5)
    for stop in (3, 2, 1, None):  # before, at and just behind the change of size
        parts = train(recipe, tmp_path / "in parts", stop_after=stop, show=False, **flowers)
    assert parts.finished and same(everything(parts), everything(at_once))


def test_color_phase_alone_and_classes_train(flowers, tmp_path):
    alone = train(replace(SMOKE, critic_steps=0, gan_steps=0), tmp_path / "alone", show=False, **flowers)
    assert alone.finished and (alone.folder / "generator.safetensors").exists()
    longer = replace(SMOKE, color_kind="classes", color_steps=60, report_steps=20)
    classes = train(longer, tmp_path / "classes", show=False, **flowers)
    assert classes.history[2]["color"] < classes.history[0]["color"] - 0.5
    loaded, _ = load_generator(classes.folder / "generator.safetensors")
    L = torch.zeros(1, 1, 32, 32)
    # not bit for bit: one of the two is in channels-last memory
    assert torch.allclose(loaded(L), classes.generator.eval()(L), atol=1e-6)


def test_learning_rates_follow_the_phases():
    recipe = PRESETS["cpu"]
    rates = np.array([recipe.learning_rates(s) for s in range(recipe.total_steps)])
    color, game = recipe.color_steps, recipe.color_steps + recipe.critic_steps
    assert rates[:color, 0].max() == pytest.approx(recipe.lr) and rates[color - 1, 0] < 0.01 * recipe.lr
    assert (rates[:color, 1] == 0).all() and (rates[color:game, 0] == 0).all() and (rates[game:] > 0).all()


def test_command_line_trains_and_prints_the_scorecard(tmp_path, drawn_only):
    call = command(tmp_path / "run", "gan_steps=2")
    done = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "U-Net + GAN" in done.stdout and "DRAWN FLOWERS" in done.stdout
    cards = json.loads((tmp_path / "run/scorecard.json").read_text())["scorecards"]
    assert set(cards) == {"gray", "median ab", "oracle mean ab", "U-Net L1", "U-Net + GAN"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "huge"], "error: unknown preset 'huge'"),
        (["--set", "speed=1"], "error: the recipe has no field 'speed'"),
        (["--set", "lr=fast"], "error: --set lr=fast: 'fast' is not a value for lr"),
        (["--preset", "cpu", "--set", "color_steps=100"], "error: small_steps is 10000, but color_steps only 100"),
        (["--root", "nowhere"], "error: FLOWERS102_ROOT names nowhere"),
    ],
)
def test_command_line_errors_are_one_sentence(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FLOWERS102_ROOT", os.environ.get("FLOWERS102_ROOT", ""))
    assert training.main(["--out", str(tmp_path), *arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith(message) and len(err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="gloo")
def test_two_processes_train_together(tmp_path, drawn_only):
    call = command(tmp_path / "run")
    call[1:3] = [
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "2",
        "--master_port",
        "29517",
        "-m",
        "helpers.training",
    ]
    done = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((tmp_path / "run/timing.json").read_text())["processes"] == 2
    history = json.loads((tmp_path / "run/history.json").read_text())
    assert len(history) == 4 and history[3]["color"] < history[0]["color"]
