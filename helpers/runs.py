"""Keep a training: its folder, checkpoints, reports and samples; go on where it stopped. Its command line is cli.py.

    run = train(recipe, "runs/name")                     # the same call again goes on where it stopped
    run = load_or_train(recipe, "name", photos, val)     # loads a finished run, trains one that is not

In the folder of a run:
    recipe.json                the hyperparameters
    photos.json                what tells the photos it learns from others
    last.pt                    everything needed to go on, both of these included
    history.json, samples/     a dict and a row of colored validation photos for each report
    generator-l1.safetensors   the generator at the end of the color phase
    generator.safetensors      the generator of a finished run; timing.json beside it
    start.safetensors          what the run began from, with its card, where the recipe names a `start`

Where a step is due for them, three things follow each other in this order:
    report  history.json and samples/ get their new entry, after all losses were found to be numbers;
    save    last.pt is replaced. It never holds a report that is not on disk, and may lag behind (`save_every`):
            a run that goes on then makes the same report again, with the same bits;
    tell    `watch` is called. It finds all of this on disk, and what it raises costs nothing that was saved.

Who goes on must come with the same recipe and the same photos, and one training at a time writes in a folder (.lock).
Measured (tests/test_runs.py): stopped after any step, killed or interrupted, a run ends with the same bits, as long as
it goes on with as many threads and processes as before: a sum in another order is rounded in another way.
"""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .backstage.checkpoints import RunFolder, claim_together, first_here, key_of, read_state, runs_folder, write_state
from .backstage.files import write_json, writing
from .backstage.interrupt import calm
from .backstage.kept import load_or_make
from .backstage.machine import room_on
from .backstage.processes import start_accelerator, together
from .backstage.progress import Bar, say, wanted
from .backstage.tensors import not_finite
from .data import Photos, batches, load_flowers
from .environment import hardware
from .guided import HintTrainer, marks_for_report
from .inference import load_generator, save_generator, weights_path
from .losses import chance_levels
from .metrics import predict, scorecard
from .models import PretrainedUNet, UNet
from .recipe import GAME_FIELDS, Recipe, choose_precision, new_generator
from .training import Trainer, TrainingDiverged

__all__ = ["Run", "load_or_make", "load_or_train", "runs_folder", "train"]

VARY = ("kind", "frozen", "temperature")  # in the config of a network, where another kind of network starts from it
Watch = Callable[[list[dict], Path], None]


@dataclass
class Run:
    """What `train` leaves behind. history: one dict a report. finished: whether every step was taken."""

    recipe: Recipe
    generator: UNet
    history: list[dict]
    finished: bool
    folder: Path


class _Folder(RunFolder):
    """The folder of one run: whatever is read or written there passes here. Only the main process writes."""

    def __init__(self, path: str | Path, recipe: Recipe, main: bool = True):
        super().__init__(path, recipe, main)
        (self.path / "samples").mkdir(parents=True, exist_ok=True)
        self.history: list[dict] = []
        self.saved_step, self.clock, self.seconds = -1, 0.0, 0.0  # seconds: spent on it, over all calls

    def resume(self, trainer: Trainer) -> None:
        """Go on from the checkpoint, if there is one."""
        # From the main process, whose folder it is: on another computer there may be nothing in a folder of this name.
        kept = first_here(trainer.accelerator, lambda: self.read_checkpoint() if self.found is None else self.found)
        if kept:
            try:
                trainer.load(kept)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                raise ValueError(f"{self.checkpoint} does not fit its recipe ({error}): delete it") from error
            self.history, self.seconds, self.saved_step = kept["history"], kept["seconds"], trainer.step
        self.found, self.clock = None, time.perf_counter()

    def start(self) -> UNet | None:
        """The colorizer that the recipe starts from, if it names one. The folder keeps a copy, and goes on from that.

        Raises ValueError for an unknown name, or a network of another shape than the recipe's.
        """
        if not self.recipe.start:
            return None
        kept = self.path / "start.safetensors"
        given = kept if kept.exists() else weights_path(self.recipe.start)
        torch.manual_seed(self.recipe.seed)  # of what is new
        (model, card), asked = load_generator(given), new_generator(self.recipe)
        plain, new = {UNet, PretrainedUNet}, asked.state_dict()
        if type(model) in plain and type(asked) not in plain and _shape(model) == _shape(asked):
            old = model.state_dict()
            same = {name: old[name] for name in old.keys() & new.keys() if old[name].shape == new[name].shape}
            asked.load_state_dict(same, strict=False)  # all but what is new: a listener, or a head that chooses
            model = asked
        elif _shape(model, "temperature") != _shape(asked, "temperature"):
            raise ValueError(f"{given} is a network of another shape: {model.config}, wanted is {asked.config}")
        self.start_from = (given, card)
        return model

    def losses(self, trainer: Trainer, forget: bool = False, sound: bool = False) -> dict:
        """Step, phase and mean losses since the last report. sound: see whether the state is, too.

        TrainingDiverged says where the last good state is.
        """
        try:
            means = trainer.mean_losses(forget)
            if sound and (bad := not_finite(trainer.state())):
                what = f"before step {trainer.step}: {bad} is no longer a number"
                raise TrainingDiverged(f"training broke down {what}; try a lower learning rate")
        except TrainingDiverged as error:
            good = f"The last good state is {self.checkpoint}, of step {self.saved_step}"
            raise TrainingDiverged(f"{error}. {good if self.saved_step >= 0 else 'No state was saved yet'}") from None
        return {"step": trainer.step, "phase": self.recipe.phase(trainer.step - 1), **means}

    def report(self, trainer: Trainer, val: Photos, samples: Photos) -> dict:
        """Judge the average on validation photos, and write that and colored samples down."""
        entry = self.losses(trainer, forget=True, sound=True)
        if self.main:
            card = scorecard(trainer.average, val, resamples=20)
            entry |= {f"val_{key}": card[key] for key in card.values}
            entry |= marks_for_report(self.recipe, trainer.average, val)
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
        self.losses(trainer, sound=True)
        now = time.perf_counter()
        self.seconds, self.clock = self.seconds + now - self.clock, now
        if self.main:
            kept = {"recipe": asdict(self.recipe), "photos": self.photos}
            kept |= {"history": self.history, "seconds": self.seconds}
            write_state(kept | trainer.state(), self.checkpoint)
        self.saved_step = trainer.step

    def save_generator(self, name: str, trainer: Trainer) -> None:
        """The average as it is now, in a file that `load_generator` reads."""
        if self.main:
            save_generator(trainer.average, self.path / f"{name}.safetensors", self.recipe.size)


def _shape(model: UNet, *unless: str) -> dict:
    """The config of a network, less what is named; by default less what a network that starts from it may change."""
    return {name: value for name, value in model.config.items() if name not in (unless or VARY)}


def _accelerator():
    return start_accelerator(choose_precision())


def train(
    recipe: Recipe,
    out: str | Path,
    photos: Photos | None = None,
    val: Photos | None = None,
    stop_after: int | None = None,
    show: bool = True,
    save_every: float = 60.0,
    watch: Watch | None = None,
    kind: type[Trainer] | None = None,
) -> Run:
    """Train a generator, or go on with a training that was stopped; a finished one is loaded and nothing written.

    recipe: all hyperparameters. out: the run's folder, see the top of this file.
    photos, val: given, or Flowers102 by the recipe. stop_after: stop and save after so many steps
    of this call. show: progress bar, where somebody watches. save_every: seconds between savings.
    watch: called with (history, folder) after each report, and once at the start if `out` holds reports already (of
    a finished run or of one that goes on); on the main process only. history is a copy, one dict a report; the
    report's samples are already in the folder. What it raises ends the training: a broken view must not go unseen.
    kind: whose steps are taken, such as a Trainer with another game; the recipe's own if none is given.

    Validation always uses the moving average of the weights. Ctrl-C ends the step (in all processes), saves, returns.
    Raises ValueError if `out` holds a run of another recipe or of other photos, is damaged, or another process trains
    there, and if the photos are fewer than a batch; TrainingDiverged if a loss or anything of the state is no number.
    """
    accelerator = _accelerator()
    with _Folder(out, recipe, accelerator.is_main_process) as folder:
        return _train(folder, accelerator, photos, val, stop_after, show, save_every, watch, kind)


def _train(folder: _Folder, accelerator, photos, val, stop_after, show, save_every, watch, kind) -> Run:
    recipe = folder.recipe
    first_here(accelerator, folder.take)
    if photos is None:
        photos = load_flowers("train", recipe.load_size, recipe.protocol, limit=recipe.train_limit)
    if val is None:
        val = load_flowers("val", recipe.size, recipe.protocol, limit=recipe.val_limit)
    claim_together(accelerator, folder, photos)
    if photos.images.nbytes < room_on(accelerator.device) / 2:  # else they stay in their file, and batches travel
        photos = photos.to(accelerator.device)
    samples = val.subset(np.linspace(0, len(val) - 1, min(6, len(val))).astype(int))
    trainer = (kind or (HintTrainer if recipe.hints else Trainer))(recipe, accelerator, folder.start())
    folder.resume(trainer)
    if trainer.step < recipe.total_steps:  # what is wrong with the photos is said before anything is written
        next(batches(photos, recipe.batch_size, recipe.size_at, recipe.seed, world=accelerator.num_processes))
    folder.inscribe()
    if trainer.step == recipe.color_steps == 0:
        folder.save_generator("generator-l1", trainer)

    def tell() -> None:
        if watch and folder.main:
            watch(copy.deepcopy(folder.history), folder.path)

    if folder.history:
        tell()
    first, last = trainer.step, recipe.total_steps
    last = last if stop_after is None else min(last, first + stop_after)
    show, saved = show and folder.main, time.monotonic()
    with closing(Bar(last - first, show)) as bar, together(accelerator, str(folder.path)) as stop:
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
            if not done and stop.is_set():
                break
        if folder.saved_step != trainer.step:
            folder.save(trainer)
        bar.move(trainer.step - first)
        finished = trainer.step == recipe.total_steps
        if finished and (trainer.step > first or not folder.complete()):
            folder.save_generator("generator", trainer)
            if folder.main:
                timing = {"seconds": round(folder.seconds, 1), "hardware": hardware()}
                timing |= {"processes": accelerator.num_processes, "photos": folder.photos}
                write_json(folder.path / "timing.json", timing)
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
        parts += [f"PSNR with {key.split('_')[2]} hints {entry[key]:.2f}" for key in entry if key.endswith("_hints")]
    return " · ".join(parts)


@calm
def load_or_train(
    recipe: Recipe,
    name: str,
    photos: Photos | None = None,
    val: Photos | None = None,
    retrain: bool = False,
    watch: Watch | None = None,
    color_from: Run | None = None,
    kind: type[Trainer] | None = None,
) -> Run:
    """The finished run of this recipe on these photos if there is one, else train it now (see `train`).

    It is kept in `runs_folder()`, as `<name>-<key>`. The key is made of the recipe and the photos, so that
    another budget, or drawn flowers in place of photos, is another run. One that was stopped goes on where it was;
    until then something stands in for it that says so in one line (backstage/interrupt.py).
    retrain: delete the finished run first. watch, kind: see `train`; `helpers.widgets.live_training` makes a watch.
    color_from: a finished run of the color phase alone (no critic or GAN steps) on the same photos. A new run copies
    that phase instead of training it again; what comes out is the same, bit for bit on a CPU.
    Raises ValueError if the recipe's color phase, or the photos, are not those of `color_from`.
    """
    if photos is None:
        photos = load_flowers("train", recipe.load_size, recipe.protocol, limit=recipe.train_limit)
    path = runs_folder() / f"{name}-{key_of(recipe, photos)}"
    if retrain and (path / "generator.safetensors").exists():
        shutil.rmtree(path)
    if color_from is not None:
        lender = color_from.folder.name
        if not lender.endswith(key_of(color_from.recipe, photos)):
            raise ValueError(f"{lender} was not trained on these photos: its color phase cannot be shared")
        if not (path / "last.pt").exists():
            _lend_color_phase(color_from, recipe, path)
    return train(recipe, path, photos, val, watch=watch, kind=kind)


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
    with _Folder(path, recipe) as folder:
        folder.take()
        shutil.copytree(source.folder / "samples", path / "samples", dirs_exist_ok=True)
        for name in ("history.json", "generator-l1.safetensors"):
            shutil.copyfile(source.folder / name, path / name)
        fresh, state = Trainer(recipe, _accelerator()).state(), read_state(source.folder / "last.pt")
        state |= {"recipe": asdict(recipe), "critic": fresh["critic"], "d_optimizer": fresh["d_optimizer"]}
        write_state(state, folder.checkpoint)  # last: what was killed before it begins anew
