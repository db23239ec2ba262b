"""Keep a training: its folder, checkpoints, reports and samples; go on where it stopped. Its command line is cli.py.

    run = train(recipe, "runs/name")                     # the same call again goes on where it stopped
    run = load_or_train(recipe, "name", photos, val)     # loads a finished run, trains one that is not

In the folder of a run:
    recipe.json                the hyperparameters
    last.pt                    everything needed to go on
    history.json, samples/     a dict and a row of colored validation photos for each report
    generator-l1.safetensors   the generator at the end of the color phase
    generator.safetensors      the generator of a finished run; timing.json beside it
    start.safetensors          what the run began from, with its card, where the recipe names a `start`

Where a step is due for them, three things follow each other in this order:
    report  history.json and samples/ get their new entry, after all losses were found to be numbers;
    save    last.pt is replaced. It never holds a report that is not on disk, and may lag behind (`save_every`):
            a run that goes on then makes the same report again, with the same bits;
    tell    `watch` is called. It finds all of this on disk, and what it raises costs nothing that was saved.

Measured (tests/test_runs.py): stopped after any step, killed or interrupted, a run ends with the same bits.
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image

from .backstage.files import write_json, writing
from .backstage.interrupt import stop_request
from .backstage.kept import load_or_make, runs_folder
from .backstage.progress import Bar, say, wanted
from .data import Photos, load_flowers
from .environment import hardware
from .inference import load_generator, save_generator, weights_path
from .losses import chance_levels
from .metrics import predict, scorecard
from .models import UNet, new_generator
from .recipe import GAME_FIELDS, Recipe, choose_precision
from .training import Trainer, TrainingDiverged

__all__ = ["Run", "load_or_make", "load_or_train", "runs_folder", "train"]

Watch = Callable[[list[dict], Path], None]


@dataclass
class Run:
    """What `train` leaves behind. history: one dict a report. finished: whether every step was taken."""

    recipe: Recipe
    generator: UNet
    history: list[dict]
    finished: bool
    folder: Path


class _Folder:
    """The folder of one run: whatever is read or written there passes here. Only the main process writes."""

    def __init__(self, path: str | Path, recipe: Recipe, main: bool = True):
        self.path, self.recipe, self.main = Path(path), recipe, main
        (self.path / "samples").mkdir(parents=True, exist_ok=True)
        self.checkpoint = self.path / "last.pt"
        self.history: list[dict] = []
        self.saved_step, self.clock, self.seconds = -1, 0.0, 0.0  # seconds: spent on it, over all calls

    def read_checkpoint(self) -> dict:
        """What `save` wrote. Raises ValueError if that is not readable, or of another recipe."""
        path = self.checkpoint
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            stored = dict(state["recipe"])
        except Exception as error:
            raise ValueError(f"{path} is not a readable checkpoint ({error}): delete it to start anew") from error
        try:
            there, here = asdict(Recipe.restore(stored)), asdict(self.recipe)
            changed = [f"{k} ({there[k]} there, {v} here)" for k, v in here.items() if there[k] != v]
        except ValueError as error:  # a field that is gone
            changed = [str(error)]
        if changed:
            raise ValueError(f"{path} was made by another recipe: {', '.join(changed)}. Choose another folder")
        return _of_today(state)

    def resume(self, trainer: Trainer) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint.exists():
            state = self.read_checkpoint()
            trainer.load(state)
            self.history, self.seconds, self.saved_step = state["history"], state["seconds"], trainer.step
        elif self.main:
            write_json(self.path / "recipe.json", asdict(self.recipe))
        self.clock = time.perf_counter()

    def start(self) -> UNet | None:
        """The colorizer that the recipe starts from, if it names one. The folder keeps a copy, and goes on from that.

        Raises ValueError for an unknown name, or a network of another shape than the recipe's.
        """
        if not self.recipe.start:
            return None
        kept, given = self.path / "start.safetensors", weights_path(self.recipe.start)
        model, card = load_generator(kept if kept.exists() else given)
        if model.config != (wanted := new_generator(self.recipe).config):
            raise ValueError(f"{given} is a network of another shape: {model.config}, the recipe asks for {wanted}")
        if self.main and not kept.exists():
            write_json(kept.with_suffix(".json"), card)
            with writing(kept) as beside:
                shutil.copyfile(given, beside)
        return model

    def losses(self, trainer: Trainer, forget: bool = False) -> dict:
        """Step, phase and mean losses since the last report. TrainingDiverged says where the last good state is."""
        try:
            means = trainer.mean_losses(forget)
        except TrainingDiverged as error:
            good = f"The last good state is {self.checkpoint}" if self.checkpoint.exists() else "No state was saved yet"
            raise TrainingDiverged(f"{error}. {good}") from None
        return {"step": trainer.step, "phase": self.recipe.phase(trainer.step - 1), **means}

    def report(self, trainer: Trainer, val: Photos, samples: Photos) -> dict:
        """Judge the average on validation photos, and write that and colored samples down."""
        entry = self.losses(trainer, forget=True)
        if self.main:
            card = scorecard(trainer.average, val, resamples=20)
            entry |= {f"val_{key}": card[key] for key in card.values}
            self.history.append(entry)
            write_json(self.path / "history.json", self.history)
            rows = {f"step-{trainer.step:06d}": predict(trainer.average, samples)}
            if not (self.path / "samples/truth.png").exists():
                rows |= {"gray": predict("gray", samples), "truth": samples.images}
            for name, pictures in rows.items():
                row = torch.cat(list(pictures), dim=-1).permute(1, 2, 0).numpy()
                with writing(self.path / "samples" / f"{name}.png") as beside:
                    Image.fromarray(row).save(beside, format="png")
        return entry

    def save(self, trainer: Trainer) -> None:
        """Write everything needed to go on."""
        self.losses(trainer)  # a state is saved only after it was found sound
        now = time.perf_counter()
        self.seconds, self.clock, self.saved_step = self.seconds + now - self.clock, now, trainer.step
        if self.main:
            kept = {"recipe": asdict(self.recipe), "history": self.history, "seconds": self.seconds}
            with writing(self.checkpoint) as beside:
                torch.save(kept | trainer.state(), beside)

    def save_generator(self, name: str, trainer: Trainer) -> None:
        """The average as it is now, in a file that `load_generator` reads."""
        if self.main:
            with writing(self.path / f"{name}.safetensors") as beside:
                save_generator(trainer.average, beside, self.recipe.size)


def _of_today(state: dict) -> dict:
    """A checkpoint in today's words: the first versions had other names for its parts."""
    if "ema" in state:
        for old, new in {"ema": "average", "g_opt": "g_optimizer", "d_opt": "d_optimizer"}.items():
            state[new] = state.pop(old)
        sums = state["sums"]
        state["counts"] = {name: int(sums.pop(f"{name} count")) for name in list(sums) if f"{name} count" in sums}
    return state


def _accelerator() -> Accelerator:
    # cpu=True is what lets Accelerate see several CPU processes; they would each train alone otherwise.
    return Accelerator(mixed_precision=choose_precision(), cpu=not torch.cuda.is_available())


def train(
    recipe: Recipe,
    out: str | Path,
    photos: Photos | None = None,
    val: Photos | None = None,
    stop_after: int | None = None,
    show: bool = True,
    save_every: float = 60.0,
    watch: Watch | None = None,
) -> Run:
    """Train a generator, or go on with a training that was stopped; a finished one is loaded and nothing written.

    recipe: all hyperparameters. out: the run's folder, see the top of this file.
    photos, val: given, or Flowers102 by the recipe. stop_after: stop and save after so many steps
    of this call. show: progress bar, where somebody watches. save_every: seconds between savings.
    watch: called with (history, folder) after each report, and once at the start if `out` holds reports already (of
    a finished run or of one that goes on); on the main process only. history is a copy, one dict a report; the
    report's samples are already in the folder. What it raises ends the training: a broken view must not go unseen.

    Validation always uses the moving average of the weights. Ctrl-C finishes the step, saves, returns.
    Raises ValueError if `out` holds another recipe's run or the photos are fewer than a batch, TrainingDiverged if a
    loss is no number.
    """
    accelerator = _accelerator()
    folder = _Folder(out, recipe, accelerator.is_main_process)
    if photos is None:
        photos = load_flowers("train", recipe.load_size, recipe.protocol, limit=recipe.train_limit)
    if val is None:
        val = load_flowers("val", recipe.size, recipe.protocol, limit=recipe.val_limit)
    photos = photos.to(accelerator.device)
    samples = val.subset(np.linspace(0, len(val) - 1, min(6, len(val))).astype(int))
    trainer = Trainer(recipe, accelerator, folder.start())
    folder.resume(trainer)

    def tell() -> None:
        if watch and folder.main:
            watch(copy.deepcopy(folder.history), folder.path)

    if folder.history:
        tell()
    first, last = trainer.step, recipe.total_steps
    last = last if stop_after is None else min(last, first + stop_after)
    show, saved = show and folder.main, time.monotonic()
    bar = Bar(last - first, show)
    with stop_request() as stop:
        for step in trainer.steps(photos, last):
            done = step == recipe.total_steps
            if step % 25 == 0:
                bar.move(step - first, _describe(folder.losses(trainer), recipe))
            due = done or step % recipe.report_steps == 0 or step == recipe.color_steps
            if due:
                entry = folder.report(trainer, val, samples)
                if show and not wanted():
                    say(_describe(entry, recipe))
            if step == recipe.color_steps:
                folder.save_generator("generator-l1", trainer)
            if done or time.monotonic() - saved > save_every:
                folder.save(trainer)
                saved = time.monotonic()
            if due:
                tell()
            if stop.is_set():
                break
        if folder.saved_step != trainer.step:
            folder.save(trainer)
    bar.move(trainer.step - first)
    bar.close()
    finished = trainer.step == recipe.total_steps
    if finished and (trainer.step > first or not (folder.path / "timing.json").exists()):
        folder.save_generator("generator", trainer)
        if folder.main:
            timing = {"seconds": round(folder.seconds, 1), "hardware": hardware()}
            write_json(folder.path / "timing.json", timing | {"processes": accelerator.num_processes})
    accelerator.wait_for_everyone()
    return Run(recipe, copy.deepcopy(trainer.average).requires_grad_(True), folder.history, finished, folder.path)


def _describe(entry: dict, recipe: Recipe) -> str:
    """One line on how it goes, each adversarial loss beside what a guessing critic would read."""
    parts = [f"step {entry['step']}/{recipe.total_steps} {entry['phase']}"]
    if "color" in entry:
        parts.append(f"color {entry['color']:.3f}")
    if "critic" in entry:
        chance = chance_levels(recipe.adversarial)[0]
        parts.append(f"critic {entry['critic']:.2f} (chance {chance:.2f}), right {entry['critic_right']:.0%}")
    if "val_psnr" in entry:
        psnr, delta_e, vivid = (entry[f"val_{key}"] for key in ("psnr", "delta_e", "colorfulness"))
        parts.append(f"val PSNR {psnr:.2f} ΔE {delta_e:.2f} CF {vivid:.1f}")
    return " · ".join(parts)


def load_or_train(
    recipe: Recipe,
    name: str,
    photos: Photos | None = None,
    val: Photos | None = None,
    retrain: bool = False,
    watch: Watch | None = None,
    color_from: Run | None = None,
) -> Run:
    """The finished run of this recipe on these photos if there is one, else train it now (see `train`).

    It is kept in `runs_folder()`, as `<name>-<key>`. The key is made of the recipe and the photos, so that
    another budget, or drawn flowers in place of photos, is another run. One that was stopped goes on where it was.
    retrain: delete the finished run first. watch: see `train`; `helpers.widgets.live_training` makes one.
    color_from: a finished run of the color phase alone (no critic or GAN steps) on the same photos. A new run copies
    that phase instead of training it again; what comes out is the same, bit for bit on a CPU.
    Raises ValueError if the recipe's color phase, or the photos, are not those of `color_from`.
    """
    if photos is None:
        photos = load_flowers("train", recipe.load_size, recipe.protocol, limit=recipe.train_limit)
    path = runs_folder() / f"{name}-{_key(recipe, photos)}"
    if retrain and (path / "generator.safetensors").exists():
        shutil.rmtree(path)
    if color_from is not None:
        lender = color_from.folder.name
        if not lender.endswith(_key(color_from.recipe, photos)):
            raise ValueError(f"{lender} was not trained on these photos: its color phase cannot be shared")
        if not (path / "last.pt").exists():
            _lend_color_phase(color_from, recipe, path)
    return train(recipe, path, photos, val, watch=watch)


def _key(recipe: Recipe, photos: Photos) -> str:
    """Eight letters that stand for this recipe on these photos.

    Of the recipe only what differs from its fields' defaults counts, by name: a field added later, with a default that
    changes nothing, changes no key. Should a default change one day, two recipes can share a key: `train` says so.
    """
    chosen = {f.name: getattr(recipe, f.name) for f in fields(recipe) if getattr(recipe, f.name) != f.default}
    key = hashlib.sha256(json.dumps([chosen, list(photos.images.shape)], sort_keys=True).encode())
    key.update(photos.images[:32].cpu().numpy().tobytes())
    return key.hexdigest()[:8]


def _lend_color_phase(source: Run, recipe: Recipe, path: Path) -> None:
    """Begin the run of `recipe` in `path` with the end of another's color phase, and a critic as yet untrained."""
    if not source.finished:
        raise ValueError(f"the color phase in {source.folder.name} was stopped: run the cell again, and it goes on")
    alone = replace(recipe, **{name: getattr(source.recipe, name) for name in GAME_FIELDS})
    if source.recipe.total_steps != source.recipe.color_steps or alone != source.recipe:
        raise ValueError(
            f"{source.folder.name} cannot lend its color phase: it must have no critic or GAN steps, and differ "
            f"from the recipe in no more than {', '.join(GAME_FIELDS)}"
        )
    folder = _Folder(path, recipe)
    write_json(path / "recipe.json", asdict(recipe))
    shutil.copytree(source.folder / "samples", path / "samples", dirs_exist_ok=True)
    for name in ("history.json", "generator-l1.safetensors"):
        shutil.copyfile(source.folder / name, path / name)
    fresh, state = Trainer(recipe, _accelerator()).state(), _Folder(source.folder, source.recipe).read_checkpoint()
    state |= {"recipe": asdict(recipe), "critic": fresh["critic"], "d_optimizer": fresh["d_optimizer"]}
    with writing(folder.checkpoint) as beside:  # last: what was killed before it begins anew
        torch.save(state, beside)
