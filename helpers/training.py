"""Train the U-Net: first to regress color, then against a PatchGAN.

    python -m helpers.training --preset cpu --protocol official --out runs/name
    accelerate launch -m helpers.training --preset gpu --protocol large --out runs/name   # several GPUs
    torchrun --nproc_per_node 2 -m helpers.training --preset smoke --out runs/name        # several CPU processes

Run the same command again to go on where it stopped: the result is the same, bit for bit on a CPU.

Three phases (NoGAN, after DeOldify; Isola et al. 2016 for the loss):
  1. color:  the generator alone, on the distance of ab. It learns everything but courage.
  2. critic: the discriminator alone, on the frozen generator's pictures, so that phase 3 starts fair.
  3. gan:    both, for a short while. The adversarial term brings the color that phase 1 averages away.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from torch import Tensor, nn

from .data import PROTOCOLS, Photos, batches, load_flowers
from .environment import hardware
from .backstage.files import write_beside
from .losses import chance_levels, class_loss, color_loss, colorfulness_loss, discriminator_loss, generator_loss
from .metrics import Scorecard, format_table, median_ab, predict, scorecard
from .models import PatchGAN, UNet
from .backstage.progress import wanted

__all__ = ["PRESETS", "PHASES", "Recipe", "Run", "TrainingDiverged", "choose_preset", "load_or_train", "train"]

PHASES = ("color", "critic", "gan")


@dataclass(frozen=True)
class Recipe:
    """Every number that training depends on. A finished run is a function of this and the photos."""

    preset: str = "cpu"
    protocol: str = "official"
    seed: int = 0
    # photos: loaded a quarter larger than they are trained at, so that a random crop loses no sharpness
    size: int = 64
    load_size: int = 80
    train_limit: int | None = None
    val_limit: int = 128
    # networks
    width: int = 16
    depth: int = 4
    half_res: bool = True
    skips: bool = True
    temperature: float = 0.5  # of a classifier (color_kind="classes"), see UNet
    critic_width: int = 32
    critic_layers: int = 2
    # how long: steps of one batch, so that a budget is the same for 1,020 photos and for 6,149
    batch_size: int = 32
    color_steps: int = 1500
    small_steps: int = 0  # the first of them at half the size, where a step costs a third
    critic_steps: int = 60
    gan_steps: int = 240
    report_steps: int = 150
    # phase 1: AdamW, one cycle (Smith & Topin 2018)
    lr: float = 2e-3
    weight_decay: float = 1e-2
    color_kind: str = "l1"
    # phases 2 and 3: Adam with two time scales (Heusel et al. 2017)
    adversarial: str = "hinge"
    lr_generator: float = 1e-4
    lr_critic: float = 4e-4
    # A dial between PSNR (100) and color (30): see the games in tests/benchmarks/RESULTS.md.
    color_weight: float = 60.0
    colorfulness_weight: float = 0.0
    # always
    clip_norm: float = 5.0
    ema_decay: float = 0.99

    def __post_init__(self):
        if self.small_steps > self.color_steps:
            raise ValueError(
                f"small_steps is {self.small_steps}, but color_steps only {self.color_steps}: small steps are the "
                "first of the color steps, so change both"
            )

    @property
    def total_steps(self) -> int:
        return self.color_steps + self.critic_steps + self.gan_steps

    def phase(self, step: int) -> str:
        """Which phase a step (from 0) belongs to."""
        if step < self.color_steps:
            return "color"
        return "critic" if step < self.color_steps + self.critic_steps else "gan"

    def size_at(self, step: int) -> int:
        """Side of the training pictures at a step: progressive resizing (as in DeOldify), pixels."""
        return self.size // 2 if step < self.small_steps else self.size

    def learning_rates(self, step: int) -> tuple[float, float]:
        """(generator, critic) learning rate of a step: one cycle in phase 1, then slowly down."""
        if self.phase(step) == "color":
            t, warm = (step + 1) / self.color_steps, 0.2
            if t < warm:
                return self.lr * (0.04 + 0.96 * t / warm), 0.0
            return self.lr * 0.5 * (1 + math.cos(math.pi * (t - warm) / (1 - warm))), 0.0
        if self.phase(step) == "critic":
            return 0.0, self.lr_critic
        left = (self.total_steps - step) / self.gan_steps
        fade = min(1.0, 2 * left)
        return self.lr_generator * fade, self.lr_critic * fade


PRESETS = {
    # seconds: every line of code runs, nothing is learned
    "smoke": Recipe(
        preset="smoke", size=32, load_size=40, train_limit=64, val_limit=16, width=8, depth=3, critic_width=8,
        critic_layers=1, batch_size=16, color_steps=8, critic_steps=2, gan_steps=4, report_steps=4,
    ),
    # two laptop cores, ten minutes. The winner of the race in tests/benchmarks/RESULTS.md: a narrow network and
    # many cheap steps at half size beat a wider one at equal CPU time on every number.
    "cpu": Recipe(
        small_steps=10_000, color_steps=14_000, critic_steps=300, gan_steps=1_000, report_steps=1_000,
    ),
    # one GPU of 8 GB or more, minutes
    "gpu": Recipe(
        preset="gpu", size=128, load_size=160, val_limit=512, width=48, depth=5, critic_width=64, critic_layers=3,
        batch_size=64, color_steps=6000, critic_steps=200, gan_steps=1500, report_steps=500, ema_decay=0.998,
    ),
    # one GPU of 16 GB or more
    "max": Recipe(
        preset="max", size=256, load_size=320, val_limit=512, width=48, depth=6, critic_width=64, critic_layers=3,
        batch_size=16, color_steps=24000, critic_steps=400, gan_steps=4000, report_steps=2000, ema_decay=0.999,
    ),
}  # fmt: skip


def choose_preset(name: str | None = None) -> Recipe:
    """The preset of this name, or of $COLORIZE_PRESET, or the one that fits the hardware.

    Raises ValueError for an unknown name.
    """
    name = name or os.environ.get("COLORIZE_PRESET") or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)} (argument or COLORIZE_PRESET)")
    return PRESETS[name]


def choose_precision() -> str:
    """Mixed precision where the hardware really has it: "bf16", "fp16" (with a loss scaler) or "no".

    A T4 *emulates* bf16 and says it supports it (pytorch/pytorch#148322); it gets fp16.
    """
    if not torch.cuda.is_available():
        # Names that PyTorch keeps to itself and may rename: where they are missing, float32 is always right.
        questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        native = any(getattr(torch.cpu, question)() for question in questions if hasattr(torch.cpu, question))
        return "bf16" if native else "no"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


class TrainingDiverged(RuntimeError):
    """A loss or gradient stopped being a number. The message says when, and where the last good state is."""


@dataclass
class Run:
    """What `train` leaves behind. history: one dict a report. finished: whether every step was taken."""

    recipe: Recipe
    generator: UNet
    history: list[dict]
    finished: bool
    folder: Path


# ------------------------------------------------------------------------------------------- the steps


class _Trainer:
    """All that changes while training, the two kinds of step, and how to save and load it.

    generator, critic: networks in place of the recipe's (the benchmarks pass the yardsticks').
    """

    def __init__(
        self,
        recipe: Recipe,
        accelerator: Accelerator,
        generator: nn.Module | None = None,
        critic: nn.Module | None = None,
    ):
        self.recipe, self.accelerator = recipe, accelerator
        torch.manual_seed(recipe.seed)
        self.classes = recipe.color_kind == "classes"
        generator = generator or UNet(
            recipe.width, recipe.depth, recipe.half_res, recipe.skips, self.classes, recipe.temperature
        )
        critic = critic or PatchGAN(recipe.critic_width, recipe.critic_layers)
        generator, critic = (m.to(memory_format=torch.channels_last) for m in (generator, critic))
        self.ema = copy.deepcopy(generator).requires_grad_(False).eval().to(accelerator.device)
        # fused: one kernel for all weights. No decay in the game: it has no overfitting to fight.
        g_opt = torch.optim.AdamW(
            generator.parameters(), recipe.lr, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=True
        )
        d_opt = torch.optim.Adam(critic.parameters(), recipe.lr_critic, betas=(0.0, 0.99), fused=True)
        # Kept beside the wrapped ones: Accelerate's `unwrap_model` would switch mixed precision off for good.
        self.plain_generator, self.plain_critic = generator, critic
        self.generator, self.critic, self.g_opt, self.d_opt = accelerator.prepare(generator, critic, g_opt, d_opt)
        self.step = 0
        self.sums: dict[str, float] = {}
        self.pending: list[dict[str, Tensor]] = []
        self.history: list[dict] = []
        self.seconds = 0.0  # spent training, validation included, over all calls

    def color_step(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        """Phase 1: the generator moves toward the true color."""
        if self.classes:
            loss = class_loss(self.generator(L, logits=True), ab, self.plain_generator.grid)
        else:
            guess = self.generator(L)
            loss = color_loss(guess, ab, self.recipe.color_kind)
            loss = loss + self.recipe.colorfulness_weight * colorfulness_loss(guess, ab)
        return {"color": loss.detach(), "norm": self._descend(self.g_opt, self.generator, loss)}

    def game_step(self, L: Tensor, ab: Tensor, phase: str) -> dict[str, Tensor]:
        """Phases 2 and 3: the critic learns real from fake; in phase 3 the generator answers."""
        recipe, plays = self.recipe, phase == "gan"
        with torch.set_grad_enabled(plays):
            fake = self.generator(L).float()
        # One pass over reals and detached fakes together: the critic's step must not train the generator.
        logits = self.critic(torch.cat([L, L]), torch.cat([ab, fake.detach()])).float()
        real_logits, fake_logits = logits.chunk(2)
        d_loss = discriminator_loss(real_logits, fake_logits, recipe.adversarial)
        right = ((real_logits > 0).float().mean() + (fake_logits < 0).float().mean()) / 2
        out = {"critic": d_loss.detach(), "critic_right": right.detach()}
        out["norm"] = self._descend(self.d_opt, self.critic, d_loss)
        if plays:
            critic = self.plain_critic.requires_grad_(False)  # judges, and must not learn from this
            with self.accelerator.autocast():
                verdict = critic(L, fake)
            adversarial = generator_loss(verdict, recipe.adversarial)
            color = color_loss(fake, ab, "l1" if self.classes else recipe.color_kind)
            g_loss = adversarial + recipe.color_weight * color
            g_loss = g_loss + recipe.colorfulness_weight * colorfulness_loss(fake, ab)
            out |= {"color": color.detach(), "adversarial": adversarial.detach()}
            out["norm"] = out["norm"] + self._descend(self.g_opt, self.generator, g_loss)
            critic.requires_grad_(True)
        return out

    def _descend(self, optimizer, model: nn.Module, loss: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(model.parameters(), self.recipe.clip_norm)
        optimizer.step()
        return torch.as_tensor(norm, device=loss.device).detach() + 0 * loss.detach()  # NaN if either is

    def take_step(self, L: Tensor, ab: Tensor) -> None:
        """One step of whichever phase it is, learning rates and moving average included."""
        phase = self.recipe.phase(self.step)
        for optimizer, lr in zip((self.g_opt, self.d_opt), self.recipe.learning_rates(self.step), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = lr
        L, ab = (t.contiguous(memory_format=torch.channels_last) for t in (L, ab))
        # With a frozen generator (phase 2) its batch statistics stay as they are, too.
        self.generator.train(phase != "critic")
        self.critic.train()
        self.pending.append(self.color_step(L, ab) if phase == "color" else self.game_step(L, ab, phase))
        self.step += 1
        if phase != "critic":
            self._update_ema()

    def _update_ema(self) -> None:
        model = self.plain_generator
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))  # short memory at first
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(model.parameters()), 1 - decay)
            for mine, theirs in zip(self.ema.buffers(), model.buffers(), strict=True):
                mine.copy_(theirs)

    def check(self, folder: Path) -> None:
        """Add the pending losses up; stop if any is no number. The one place that waits for a GPU."""
        if not self.pending:
            return
        for values in self.pending:
            for name, value in values.items():
                self.sums[name] = self.sums.get(name, 0.0) + value.item()
                self.sums[f"{name} count"] = self.sums.get(f"{name} count", 0.0) + 1
        self.pending.clear()
        # fp16 with a scaler skips overflowing steps by itself: there an infinite norm is no accident.
        names = [n for n in self.sums if n != "norm" or self.accelerator.mixed_precision != "fp16"]
        bad = [n for n in names if not math.isfinite(self.sums[n])]
        if bad:
            raise TrainingDiverged(
                f"training broke down before step {self.step} ({self.recipe.phase(self.step - 1)} phase): the "
                f"{' and '.join('gradient' if n == 'norm' else f'{n} loss' for n in bad)} is no longer a number. "
                f"The last good state is {folder / 'last.pt'}; try a lower learning rate"
            )

    def means(self) -> dict[str, float]:
        """The mean of each loss since the last report."""
        names = [n for n in self.sums if not n.endswith(" count")]
        return {n: self.sums[n] / self.sums[f"{n} count"] for n in names}

    # ------------------------------------------------------------------------------- save and resume

    def state(self) -> dict:
        scaler = self.accelerator.scaler
        return {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "generator": self.plain_generator.state_dict(),
            "critic": self.plain_critic.state_dict(),
            "ema": self.ema.state_dict(),
            "g_opt": self.g_opt.state_dict(),
            "d_opt": self.d_opt.state_dict(),
            "scaler": scaler.state_dict() if scaler else {},
            "sums": self.sums,
            "history": self.history,
            "seconds": self.seconds,
        }

    def load(self, state: dict) -> None:
        self.plain_generator.load_state_dict(state["generator"])
        self.plain_critic.load_state_dict(state["critic"])
        self.ema.load_state_dict(state["ema"])
        self.g_opt.load_state_dict(state["g_opt"])
        self.d_opt.load_state_dict(state["d_opt"])
        if state["scaler"] and self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.step, self.sums, self.history = state["step"], state["sums"], state["history"]
        self.seconds = state["seconds"]


def _read_checkpoint(path: Path, recipe: Recipe) -> dict:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored = state["recipe"]
    except Exception as error:
        raise ValueError(f"{path} is not a readable checkpoint ({error}): delete it to start anew") from error
    if stored != asdict(recipe):
        known = asdict(recipe)
        changed = [f"{k} ({stored.get(k)} there, {v} here)" for k, v in known.items() if stored.get(k) != v]
        raise ValueError(f"{path} was made by another recipe: {', '.join(changed)}. Choose another folder")
    return state


# ---------------------------------------------------------------------------------------- the loop


class _StopRequest:
    """Turns Ctrl-C (or the notebook's stop button) into a flag, so that no step is left half taken."""

    def __enter__(self):
        self.asked = False
        self.installed = threading.current_thread() is threading.main_thread()
        if self.installed:
            self.before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, *_):
        if self.asked:  # a second time: now
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *_):
        if self.installed:
            signal.signal(signal.SIGINT, self.before)


def _stream(recipe: Recipe, photos: Photos, step: int, accelerator: Accelerator) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches from this step on, epoch after epoch."""
    per_epoch = len(photos) // recipe.batch_size
    while True:
        epoch, start = divmod(step, per_epoch)
        for batch in batches(
            photos, recipe.batch_size, recipe.size_at(step), recipe.seed, epoch, start,
            accelerator.process_index, accelerator.num_processes,
        ):  # fmt: skip
            yield batch
            step += 1
            if step == recipe.small_steps:
                break


def _save_samples(folder: Path, step: int, ema: UNet, samples: Photos) -> None:
    """One row of colored validation photos a report; the gray and the true row once."""
    from PIL import Image

    def save(name: str, pictures: Tensor) -> None:
        row = torch.cat(list(pictures), dim=-1).permute(1, 2, 0).numpy()
        write_beside(folder / name, lambda p: Image.fromarray(row).save(p, format="png"))

    folder.mkdir(exist_ok=True)
    if not (folder / "truth.png").exists():
        save("truth.png", samples.images)
        save("gray.png", predict("gray", samples))
    save(f"step-{step:06d}.png", predict(ema, samples))


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
    watch: Callable[[list[dict], Path], None] | None = None,
) -> Run:
    """Train a generator, or go on with a training that was stopped.

    recipe: all hyperparameters. out: folder for `last.pt` (everything needed to go on), `generator-l1`
    and `generator` (`.safetensors`), `history.json`, `recipe.json` and `samples/`.
    photos, val: given, or Flowers102 by the recipe. stop_after: stop and save after so many steps
    of this call. show: progress bar, where somebody watches. save_every: seconds between savings.
    watch: called with (history, folder) after each report, and once at the start if `out` holds reports already (of
    a finished run or of one that goes on); on the main process only. history is a copy, one dict a report; the
    report's samples are already in the folder. What it raises ends the training: a broken view must not go unseen.

    Validation always uses the moving average of the weights. Ctrl-C finishes the step, saves, returns.
    Raises ValueError if `out` holds another recipe's run, TrainingDiverged if a loss is no number.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    accelerator = _accelerator()
    main, device = accelerator.is_main_process, accelerator.device
    if photos is None:
        photos = load_flowers("train", recipe.load_size, recipe.protocol, limit=recipe.train_limit)
    if val is None:
        val = load_flowers("val", recipe.size, recipe.protocol, limit=recipe.val_limit)
    photos = photos.to(device)
    samples = val.subset(np.linspace(0, len(val) - 1, min(6, len(val))).astype(int))
    run = _Trainer(recipe, accelerator)
    if (folder / "last.pt").exists():
        run.load(_read_checkpoint(folder / "last.pt", recipe))

    def save() -> None:
        nonlocal clock
        run.check(folder)  # a state is saved only after it was found sound
        run.seconds, clock = run.seconds + time.perf_counter() - clock, time.perf_counter()
        if main:
            write_beside(folder / "last.pt", lambda p: torch.save(run.state(), p))

    def tell() -> None:
        if watch and main:
            watch(copy.deepcopy(run.history), folder)

    def report() -> None:
        run.check(folder)
        if main:
            card = scorecard(run.ema, val, resamples=20)
            entry = {"step": run.step, "phase": recipe.phase(run.step - 1), **run.means()}
            entry |= {f"val_{key}": card[key] for key in card.values}
            run.history.append(entry)
            write_beside(folder / "history.json", lambda p: p.write_text(json.dumps(run.history, indent=1)))
            _save_samples(folder / "samples", run.step, run.ema, samples)
            if show and not wanted():
                print(_describe(entry, recipe), flush=True)
        run.sums.clear()

    if main:
        write_beside(folder / "recipe.json", lambda p: p.write_text(json.dumps(asdict(recipe), indent=1)))
    if run.history:
        tell()
    stream = _stream(recipe, photos, run.step, accelerator)
    last = recipe.total_steps if stop_after is None else min(recipe.total_steps, run.step + stop_after)
    bar, saved, clock = _bar(run.step, last, show and main), time.monotonic(), time.perf_counter()
    with _StopRequest() as stop:
        while run.step < last and not stop.asked:
            run.take_step(*next(stream))
            done = run.step == recipe.total_steps
            if run.step % 25 == 0:
                run.check(folder)
                bar(
                    run.step,
                    _describe({"step": run.step, "phase": recipe.phase(run.step - 1), **run.means()}, recipe),
                )
            if run.step == recipe.color_steps and main:
                _save_generator(folder / "generator-l1.safetensors", run.ema)
            due = done or run.step % recipe.report_steps == 0 or run.step == recipe.color_steps
            if due:
                report()
            if done or time.monotonic() - saved > save_every:
                save()
                saved = time.monotonic()
            if due:
                tell()
        save()
    bar(run.step, "")
    finished = run.step == recipe.total_steps
    if finished and main:
        _save_generator(folder / "generator.safetensors", run.ema)
        timing = {
            "seconds": round(run.seconds, 1),
            "hardware": hardware(),
            "processes": accelerator.num_processes,
        }
        write_beside(folder / "timing.json", lambda p: p.write_text(json.dumps(timing)))
    accelerator.wait_for_everyone()
    generator = copy.deepcopy(run.ema).requires_grad_(True)
    return Run(recipe, generator, run.history, finished, folder)


def load_or_train(
    recipe: Recipe,
    name: str,
    photos: Photos | None = None,
    val: Photos | None = None,
    retrain: bool = False,
    watch: Callable[[list[dict], Path], None] | None = None,
    color_from: Run | None = None,
) -> Run:
    """The finished run of this recipe on these photos if there is one, else train it now (see `train`).

    It is kept in `runs/<name>-<key>` beside `helpers/`. The key is made of the recipe and the photos, so that
    another budget, or drawn flowers in place of photos, is another run. One that was stopped goes on where it was.
    retrain: delete the finished run first. watch: see `train`; `helpers.widgets.live_training` makes one.
    color_from: a finished run of the color phase alone (no critic or GAN steps) on the same photos. A new run copies
    that phase instead of training it again; what comes out is the same, bit for bit on a CPU.
    Raises ValueError if the recipe's color phase, or the photos, are not those of `color_from`.
    """
    if photos is None:
        photos = load_flowers("train", recipe.load_size, recipe.protocol, limit=recipe.train_limit)
    folder = Path(__file__).parent.parent / "runs" / f"{name}-{_key(recipe, photos)}"
    if retrain and (folder / "generator.safetensors").exists():
        shutil.rmtree(folder)
    if color_from is not None:
        if not color_from.folder.name.endswith(_key(color_from.recipe, photos)):
            raise ValueError(
                f"{color_from.folder.name} was not trained on these photos: its color phase cannot be shared"
            )
        if not (folder / "last.pt").exists():
            _copy_color_phase(color_from, recipe, folder)
    return train(recipe, folder, photos, val, watch=watch)


def _key(recipe: Recipe, photos: Photos) -> str:
    """Eight letters that stand for this recipe on these photos."""
    key = hashlib.sha256(repr((asdict(recipe), tuple(photos.images.shape))).encode())
    key.update(photos.images[:32].cpu().numpy().tobytes())
    return key.hexdigest()[:8]


GAME_FIELDS = (
    "critic_width", "critic_layers", "critic_steps", "gan_steps", "adversarial", "lr_generator", "lr_critic",
    "color_weight",
)  # fmt: skip
"""The fields of a recipe that the painter's color phase does not depend on."""


def _copy_color_phase(source: Run, recipe: Recipe, folder: Path) -> None:
    """Begin the run of `recipe` in `folder` with the end of another's color phase, and a critic as yet untrained."""
    if not source.finished:
        raise ValueError(f"the color phase in {source.folder.name} was stopped: run the cell again, and it goes on")
    alone = replace(recipe, **{name: getattr(source.recipe, name) for name in GAME_FIELDS})
    if source.recipe.total_steps != source.recipe.color_steps or alone != source.recipe:
        raise ValueError(
            f"{source.folder.name} cannot lend its color phase: it must have no critic or GAN steps, and differ "
            f"from the recipe in no more than {', '.join(GAME_FIELDS)}"
        )
    shutil.copytree(source.folder / "samples", folder / "samples", dirs_exist_ok=True)
    for name in ("history.json", "generator-l1.safetensors"):
        shutil.copyfile(source.folder / name, folder / name)
    fresh = _Trainer(recipe, _accelerator()).state()
    state = _read_checkpoint(source.folder / "last.pt", source.recipe)
    state |= {name: fresh[name] for name in ("recipe", "critic", "d_opt")}
    write_beside(folder / "last.pt", lambda p: torch.save(state, p))


def _save_generator(path: Path, ema: UNet) -> None:
    from .inference import save_generator

    write_beside(path, lambda p: save_generator(ema, p))


def _describe(entry: dict, recipe: Recipe) -> str:
    """One line on how it goes, each adversarial loss beside what a guessing critic would read."""
    parts = [f"step {entry['step']}/{recipe.total_steps} {entry['phase']}"]
    if "color" in entry:
        parts.append(f"color {entry['color']:.3f}")
    if "critic" in entry:
        chance = chance_levels(recipe.adversarial)[0]
        parts.append(f"critic {entry['critic']:.2f} (chance {chance:.2f}), right {entry['critic_right']:.0%}")
    if "val_psnr" in entry:
        parts.append(
            f"val PSNR {entry['val_psnr']:.2f} ΔE {entry['val_delta_e']:.2f} CF {entry['val_colorfulness']:.1f}"
        )
    return " · ".join(parts)


def _bar(start: int, last: int, show: bool):
    """A function (step, comment) that moves a fastprogress bar, or does nothing."""
    if not (show and wanted() and last > start):
        return lambda step, comment: None
    from fastprogress.fastprogress import progress_bar

    bar = progress_bar(range(last - start), leave=True)
    bar.update(0)

    def move(step: int, comment: str) -> None:
        bar.comment = comment
        bar.update(step - start)

    return move


# ------------------------------------------------------------------------------------ command line


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.training", description=__doc__.split("\n")[0])
    parser.add_argument("--preset", help=f"{', '.join(PRESETS)}; default: $COLORIZE_PRESET, or what fits the hardware")
    parser.add_argument("--protocol", choices=list(PROTOCOLS), default="official")
    parser.add_argument("--out", required=True, help="folder of the run; the same again goes on")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="change fields of the recipe")
    parser.add_argument("--root", help="folder that holds flowers-102/")
    options = parser.parse_args(arguments)
    if options.root:
        os.environ["FLOWERS102_ROOT"] = options.root
    try:
        recipe = replace(choose_preset(options.preset), protocol=options.protocol, **_changes(options.set))
        run = train(recipe, options.out)
        if not run.finished:
            print(f"stopped and saved in {options.out}: run the same command to go on")
            return 130
        if PartialState().is_main_process:
            print(f"trained in {json.loads((run.folder / 'timing.json').read_text())['seconds'] / 60:.1f} minutes")
            print(format_table(report_on_test(run)))
    except (ValueError, RuntimeError) as error:  # DataError and TrainingDiverged are RuntimeErrors
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def report_on_test(run: Run) -> dict[str, Scorecard]:
    """Judge a finished run on its held-out test photos beside the baselines; also as `scorecard.json`."""
    from .inference import load_generator

    recipe = run.recipe
    limits = {"test": recipe.val_limit if recipe.train_limit else None, "train": recipe.train_limit}
    test, seen = (load_flowers(s, recipe.size, recipe.protocol, limit=limits[s]) for s in ("test", "train"))
    cards = {
        "gray": scorecard("gray", test),
        "median ab": scorecard("median", test, median_ab(seen)),
        "oracle mean ab": scorecard("oracle", test),
    }
    for name, file in (("U-Net L1", "generator-l1"), ("U-Net + GAN", "generator")):
        cards[name] = scorecard(load_generator(run.folder / f"{file}.safetensors")[0], test)
    content = {"protocol": recipe.protocol, "photos": len(test), "source": test.source}
    content["scorecards"] = {name: asdict(card) for name, card in cards.items()}
    write_beside(run.folder / "scorecard.json", lambda p: p.write_text(json.dumps(content, indent=1)))
    return cards


def _changes(settings: list[str]) -> dict:
    """["lr=1e-3"] -> {"lr": 0.001}, typed as the field's default is."""
    defaults = {f.name: f.default for f in fields(Recipe)}
    changes = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in defaults:
            raise ValueError(f"the recipe has no field {name!r}: choose one of {', '.join(defaults)}")
        try:
            value = text if isinstance(defaults[name], str) else json.loads(text)
        except json.JSONDecodeError:
            raise ValueError(f"--set {setting}: {text!r} is not a value for {name}") from None
        changes[name] = value
    return changes


if __name__ == "__main__":
    sys.exit(main())
