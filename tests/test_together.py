"""Several processes learn what one learns: the same losses and weights from the same batches; on two computers, too."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from helpers.backstage.processes import free_port, leave_at_once
from helpers.data import drawn_photos
from helpers.models import PatchGAN
from helpers.recipe import PRESETS, choose_precision, new_generator
from helpers.runs import train
from helpers.training import Trainer

REPOSITORY = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo")
CLOSE = 1e-4
RECIPES = {"from scratch": PRESETS["smoke"], "on a pretrained encoder": replace(PRESETS["smoke"], encoder="lite0")}
RECIPES["that chooses colors"] = replace(
    PRESETS["smoke"], color_kind="classes", critic_steps=0, gan_steps=0, report_steps=3
)


class Double(Trainer):
    """In double precision: what differs is no rounding then, which Adam magnifies where a slope is nearly 0."""

    def __init__(self, recipe, accelerator, generator=None):
        torch.manual_seed(recipe.seed)
        generator = (generator or new_generator(recipe)).double()
        super().__init__(recipe, accelerator, generator, PatchGAN(recipe.critic_width, recipe.critic_layers).double())


def learn(recipe, out, stop_after=None, photos=0, kind=Trainer):
    given = drawn_photos(64, recipe.load_size, photos), drawn_photos(16, recipe.size, 1)
    with patch("helpers.runs.choose_precision", lambda: "no"):  # bf16, where a CPU has it, rounds too much
        return train(recipe, out, *given, stop_after, show=False, kind=kind)


def fail(error: Exception) -> None:
    """End with an error as the command line does, which waits for no thread of gloo's: Python would abort in some."""
    print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    leave_at_once(1)


SCRIPT = """
import os, sys
from tests.test_together import RECIPES, Double, Trainer, fail, learn

folder, recipe, other, *runs = sys.argv[1:]
rank = os.environ["RANK"]
for name in runs:
    stops = (3, 6, 3, None) if "in parts" in name else (None,)
    for stop in stops:
        photos, kind = int(rank) if other else 0, Double if "double" in name else Trainer
        try:
            run = learn(RECIPES[recipe], f"{folder}/{name} {rank}", stop, photos, kind)
        except ValueError as error:
            fail(error)
    print(name, run.finished, flush=True)
"""


def ended(processes) -> list[tuple[int, str, str]]:
    """(exit code, stdout, stderr) of each."""
    try:
        said = [process.communicate(timeout=900) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *words) for process, words in zip(processes, said, strict=True)]


def pair(*arguments: str) -> list[tuple[int, str, str]]:
    """SCRIPT in two processes, each with a run folder of its own, as if they were on two computers."""
    world = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    options = {"cwd": REPOSITORY, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return ended(
        [
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT, *arguments], **options,
                env=os.environ | world | {"OMP_NUM_THREADS": "1", "RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank in range(2)
        ]
    )  # fmt: skip


def state_of(folder) -> dict[str, torch.Tensor]:
    """All weights and statistics of a run's end, by name."""
    state = torch.load(Path(folder) / "last.pt", weights_only=True)
    return {
        f"{part}.{name}": value for part in ("generator", "average", "critic") for name, value in state[part].items()
    }


def assert_same_losses(one, two, adversarial=CLOSE):
    """All losses that are reported, within 1e-4."""
    history = [json.loads((Path(folder) / "history.json").read_text()) for folder in (one, two)]
    assert len(history[0]) == len(history[1]) > 2
    for mine, other in zip(*history, strict=True):
        assert mine.keys() == other.keys()
        for name, close in {"color": CLOSE, "critic": CLOSE, "adversarial": adversarial}.items():
            assert mine.get(name, 0) == pytest.approx(other.get(name, 0), abs=close)


def differences(one, two) -> torch.Tensor:
    """Of all weights and statistics, by size; of those above 1, relative to the largest of their layer."""
    ours, theirs = state_of(one), state_of(two)
    assert ours.keys() == theirs.keys()
    pairs = [(ours[name].double(), theirs[name].double()) for name in ours]
    return torch.cat([((a - b).abs() / max(1, b.abs().max().item())).flatten() for a, b in pairs]).sort()[0]


def assert_same_but_for_rounding(one, two):
    """In single precision: Adam divides a slope by its size, so that where there is next to none rounding decides.

    The plainest case is the bias of the critic's last layer. In the hinge loss real and fake pull at it with the same
    force in opposite directions, and each step goes one learning rate up or down; it shifts all judgments alike, and
    the adversarial loss with them, but no slope that the generator gets.
    """
    assert_same_losses(one, two, adversarial=1e-2)
    far = differences(one, two)
    print(f"largest {far[-1]:.1e}, mean {far.mean():.1e}, above {CLOSE}: {(far > CLOSE).double().mean():.1e} of them")
    assert far.mean() < CLOSE / 5 and (far > CLOSE).double().mean() < 0.01 and far[-1] < 0.02


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_learn_what_one_learns_in_all_phases(recipe, tmp_path):
    """With a folder each, of which only the main one's is written; from scratch stopped in each phase, too."""
    learn(RECIPES[recipe], tmp_path / "one")
    learn(RECIPES[recipe], tmp_path / "one double", kind=Double)
    in_parts = recipe == "from scratch"
    runs = ("double", "double in parts", "single") if in_parts else ("double", "single")
    for code, said, error in pair(str(tmp_path), recipe, "", *runs):
        assert code == 0 and said.splitlines() == [f"{name} True" for name in runs], error
    assert differences(tmp_path / "one double", tmp_path / "double 0")[-1] < 1e-9
    assert_same_losses(tmp_path / "one double", tmp_path / "double 0")
    assert_same_but_for_rounding(tmp_path / "one", tmp_path / "single 0")
    if in_parts:
        at_once, later = (tmp_path / f"{name} 0" for name in runs[:2])
        assert all(
            torch.equal(*both) for both in zip(state_of(at_once).values(), state_of(later).values(), strict=True)
        )
        assert (at_once / "history.json").read_bytes() == (later / "history.json").read_bytes()
    assert not [path for path in tmp_path.glob("* 1/**/*") if path.is_file()]


def test_two_with_other_photos_are_refused_in_one_sentence(tmp_path):
    for code, _, error in pair(str(tmp_path), "from scratch", "other photos", "single"):
        assert code == 1 and "process 1 has other photos than the main one: crc32 (" in error, error
    assert not list(tmp_path.rglob("*.json")) and not list(tmp_path.rglob("*.pt"))


def test_two_computers_learn_what_one_learns(tmp_path):
    """Two launchers, as on two nodes: an address and a port in common, a folder for each."""
    out = [tmp_path / f"node-{node}" for node in range(2)]
    settings = ["--preset", "smoke", "--set", "encoder=none"]
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_machines", "2"]
    launch += ["--num_processes", "2", "--main_process_ip", "127.0.0.1", "--main_process_port", str(free_port())]
    nodes = ended(
        [
            subprocess.Popen(
                [*launch, "--machine_rank", str(node), "-m", "helpers.training", "--out", str(out[node]), *settings],
                cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "FLOWERS102_ROOT": "", "COLORIZE_OFFLINE": "1"},
            )
            for node in range(2)
        ]
    )  # fmt: skip
    assert [code for code, _, _ in nodes] == [0, 0], nodes
    assert "U-Net + GAN" in nodes[0][1] and nodes[1][1] == ""  # one of them speaks
    assert json.loads((out[0] / "timing.json").read_text())["processes"] == 2
    assert not [path for path in out[1].rglob("*") if path.is_file()]
    alone = [sys.executable, "-m", "helpers.training", "--out", str(tmp_path / "one"), *settings]
    env = os.environ | {"OMP_NUM_THREADS": "1", "FLOWERS102_ROOT": "", "COLORIZE_OFFLINE": "1"}
    subprocess.run(alone, cwd=REPOSITORY, env=env, check=True, stdout=subprocess.DEVNULL)
    if choose_precision() == "no":
        assert_same_but_for_rounding(tmp_path / "one", out[0])
