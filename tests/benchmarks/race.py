"""Which recipe colors best for the same computing? Every entrant gets equal CPU time on one core.

    FLOWERS102_ROOT=... python -m tests.benchmarks.race recipes --budget 300          # one seed each
    FLOWERS102_ROOT=... python -m tests.benchmarks.race recipes base "width 12" --seeds 0 1 2 --budget 240
    FLOWERS102_ROOT=... python -m tests.benchmarks.race official "width 16"           # trained on 1,020 photos
    FLOWERS102_ROOT=... python -m tests.benchmarks.race games --from runs/race/...    # GAN phase alone
    FLOWERS102_ROOT=... python -m tests.benchmarks.race recipes "width 16, small 75 %" --size 128 --budget 480

CPU seconds of a single-threaded process, not wall time: a busy neighbor then changes nothing. One process a
core runs at once. Each entrant is BASE with some fields changed; how many steps fit into its budget
is measured first. Judged on all 1,020 photos of `val`, which no recipe trains on: `test` is for the winner.
Networks with a pretrained encoder have a race of their own, `encoders.py`.
Results are kept in `results/`; `python -m tests.benchmarks.report` turns them into RESULTS.md. It also holds
entrants that lost and left the core: the classifiers, now in `helpers/classification.py`, and a colorfulness loss.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from helpers.backstage.files import read_json, write_json
from helpers.data import batches, load_flowers
from helpers.inference import load_generator
from helpers.metrics import scorecard
from helpers.recipe import PRESETS, Recipe, choose_precision
from helpers.runs import runs_folder, train
from helpers.training import Trainer

RESULTS = Path(__file__).parent / "results"
BASE = replace(PRESETS["cpu"], protocol="large", width=24, small_steps=0, report_steps=10**9)
SHARES = {"color": 0.77, "critic": 0.03, "gan": 0.20}  # of the budget

RECIPES = {  # what differs from BASE; "small" is the share of the color phase's CPU time at half size
    "base": {},
    "small 50 %": {"small": 0.5},
    "small 75 %": {"small": 0.75},
    "width 12": {"width": 12},
    "width 16": {"width": 16},
    "width 16, small 50 %": {"width": 16, "small": 0.5},
    "width 16, small 50 %, depth 5": {"width": 16, "depth": 5, "small": 0.5},
    "width 16, small 75 %": {"width": 16, "small": 0.75},
    "width 24, small 50 %": {"width": 24, "small": 0.5},
    "width 16, small 25 %, depth 5": {"width": 16, "depth": 5, "small": 0.25},
    "width 32": {"width": 32},
    "depth 5": {"depth": 5},
    "full-resolution head": {"half_res": False},
    "batch 16": {"batch_size": 16},
    "lr 4e-3": {"lr": 4e-3},
    "smooth L1": {"color_kind": "smooth_l1"},
    "L2": {"color_kind": "l2"},
}
GAMES = {
    "base": {},
    "bce": {"adversarial": "bce"},
    "lsgan": {"adversarial": "lsgan"},
    "patch 16": {"critic_layers": 1},
    "patch 70": {"critic_layers": 3},
    "color weight 30": {"color_weight": 30.0},
    "color weight 100": {"color_weight": 100.0},
    "generator lr 2e-4": {"lr_generator": 2e-4},
}
ENTRANTS = {"recipes": RECIPES, "official": RECIPES, "games": GAMES}


def seconds_per_step(recipe: Recipe, photos, make=Trainer) -> dict[str, float]:
    """CPU seconds of one step in each phase, and in the color phase at half size."""
    trainer = make(recipe, Accelerator(mixed_precision=choose_precision(), cpu=True))
    starts = {"color": 0, "critic": recipe.color_steps, "gan": recipe.color_steps + recipe.critic_steps}
    found = {}
    for phase, size in [*((p, recipe.size) for p in starts), ("small", recipe.size // 2)]:
        steps = batches(photos, recipe.batch_size, size, seed=0)
        trainer.step = starts.get(phase, 0)
        for _ in range(2):
            trainer.take_step(*next(steps))
        began, count = time.process_time(), 0
        while count < 6 or time.process_time() - began < 3:
            trainer.take_step(*next(steps))
            trainer.step, count = starts.get(phase, 0), count + 1
        found[phase] = (time.process_time() - began) / count
    return found


def scaled(recipe: Recipe, budget: float, photos) -> Recipe:
    """The same recipe, every phase longer or shorter by one factor, so that it takes this many CPU seconds."""
    cost = seconds_per_step(recipe, photos)
    full = recipe.color_steps - recipe.small_steps
    seconds = recipe.small_steps * cost["small"] + full * cost["color"]
    seconds += recipe.critic_steps * cost["critic"] + recipe.gan_steps * cost["gan"]
    names = ("small_steps", "color_steps", "critic_steps", "gan_steps")
    return replace(recipe, **{name: round(getattr(recipe, name) * budget / seconds) for name in names})


def fit(base: Recipe, changes: dict, budget: float, photos, make=Trainer) -> Recipe:
    """`base` with these changes and as many steps as fit into the budget; make: the Trainer that will take them."""
    changes = dict(changes)
    small = changes.pop("small", 0.0)
    recipe = replace(base, **changes)
    cost = seconds_per_step(recipe, photos, make)
    small_steps = int(budget * SHARES["color"] * small / cost["small"])
    color_steps = small_steps + int(budget * SHARES["color"] * (1 - small) / cost["color"])
    critic, gan = (int(budget * SHARES[p] / cost[p]) for p in ("critic", "gan"))
    return replace(
        recipe, small_steps=small_steps, color_steps=color_steps, critic_steps=critic, gan_steps=gan,
    )  # fmt: skip


def run(race: str, name: str, budget: float, seed: int, size: int, start: Path | None) -> None:
    """One entrant in this process, on one thread; its result as JSON."""
    torch.set_num_threads(1)
    base = replace(BASE, seed=seed, protocol="official" if race == "official" else "large")
    base = replace(base, size=size, load_size=size * 5 // 4)
    changes = (GAMES if start else ENTRANTS[race])[name]
    photos = load_flowers("train", base.load_size, base.protocol)
    val = load_flowers("val", base.size, base.protocol)
    heat = f"{race}-{budget:.0f}" + (f"-{size}px" if size != BASE.size else "")
    kept_as = slug(f"{heat}-{name}-s{seed}")
    folder = runs_folder() / "race" / kept_as
    if start:  # the game alone, from another run's finished color phase
        recipe = replace(Recipe.restore(read_json(start / "recipe.json")), **changes)
        cost = seconds_per_step(recipe, photos)
        recipe = replace(recipe, gan_steps=int(budget / cost["gan"]))
        state = torch.load(start / "color.pt", weights_only=True)
        if recipe.critic_layers != state["recipe"]["critic_layers"]:
            fresh = replace(recipe, color_steps=1, small_steps=0)
            train(fresh, folder / "critic", photos, val.subset(slice(0, 8)), stop_after=0, show=False)
            new = torch.load(folder / "critic/last.pt", weights_only=True)
            state |= {key: new[key] for key in ("critic", "d_optimizer")}
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state | {"recipe": asdict(recipe)}, folder / "last.pt")
    else:
        recipe = fit(base, changes, budget, photos)
    began = time.process_time()
    few = val.subset(slice(0, 8))  # the real judging comes after the clock has stopped
    if not start:
        train(recipe, folder, photos, few, stop_after=recipe.color_steps, show=False, save_every=1e9)
        (folder / "last.pt").with_name("color.pt").write_bytes((folder / "last.pt").read_bytes())
    trained = train(recipe, folder, photos, few, show=False, save_every=1e9)
    used = time.process_time() - began
    cards = {"gan": asdict(scorecard(trained.generator, val))}
    if not start:
        cards["color"] = asdict(scorecard(load_generator(folder / "generator-l1.safetensors")[0], val))
    result = {
        "race": race, "name": name, "seed": seed, "budget": budget, "cpu_seconds": round(used, 1),
        "changes": changes, "recipe": asdict(recipe), "cards": cards, "precision": choose_precision(),
        "hardware": "1 CPU core", "torch": torch.__version__.split("+")[0],
    }  # fmt: skip
    keep(result, kept_as)


def slug(words: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in words)


def keep(result: dict, name: str) -> None:
    """Write a result under this name, and print it in a line."""
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / f"{name}.json", result)
    values = " | ".join(
        f"{phase} " + " ".join(f"{key} {card['values'][key][0]:.3g}" for key in card["values"] if key != "ssim")
        for phase, card in result["cards"].items()
    )
    recipe, used = result["recipe"], result["cpu_seconds"]
    steps = f"{recipe['color_steps']} + {recipe['gan_steps']} steps"
    print(f"{result['name']} s{result['seed']}: {used:.0f} CPU s, {steps} | {values}", flush=True)


def start_all(calls: list[list[str]], most: int) -> int:
    """Run Python with each of these arguments, one process a core, on `most` cores; 1 if one of them failed."""
    waiting, running, failed = list(calls), {}, 0
    cores = sorted(os.sched_getaffinity(0), reverse=True)[:most]
    while waiting or running:
        for core in cores:
            if core in running and running[core].poll() is not None:
                failed += running.pop(core).returncode != 0
            if core not in running and waiting:
                call = ["taskset", "-c", str(core), sys.executable, *waiting.pop(0)]
                running[core] = subprocess.Popen(call, env=os.environ | {"OMP_NUM_THREADS": "1"})
        time.sleep(0.5)
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.race")
    parser.add_argument("race", choices=list(ENTRANTS))
    parser.add_argument("names", nargs="*", help="entrants; all if none is given")
    parser.add_argument("--budget", type=float, default=300, help="CPU seconds for each")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--size", type=int, default=BASE.size, help="pixels")
    parser.add_argument("--from", dest="start", type=Path, help="run whose color phase all games start from")
    parser.add_argument("--cores", type=int, default=99, help="at most so many at once")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    entrants = ENTRANTS[options.race]
    names = options.names or list(entrants)
    if unknown := [n for n in names if n not in entrants]:
        parser.error(f"unknown entrant {unknown[0]!r}: choose from {', '.join(entrants)}")
    if options.race == "games" and not options.start:
        parser.error("games start from a finished color phase: --from runs/race/...")
    if options.worker:
        run(options.race, names[0], options.budget, options.seeds[0], options.size, options.start)
        return 0
    calls = []
    for seed in options.seeds:
        for name in names:
            call = ["-m", "tests.benchmarks.race", options.race, name, "--worker"]
            call += ["--budget", str(options.budget), "--seeds", str(seed), "--size", str(options.size)]
            calls.append(call + (["--from", str(options.start)] if options.start else []))
    return start_all(calls, options.cores)


if __name__ == "__main__":
    sys.exit(main())
