"""Chapter 11: its stored numbers bear out its text, and every command printed in it runs as printed.

In place of GPUs two CPU processes, in place of two computers two launchers on this one, in place of Slurm a stand-in.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.backstage.processes import free_port
from helpers.data import drawn_photos

from .stored import all_cells, code_cells, numbers, printed_text, prose

NAME = "11_scaling_up"
CELLS, TEXT = all_cells(NAME), prose(NAME)
COURSE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def printed():
    return printed_text(NAME)


def test_what_a_fast_network_could_bring_follows_from_its_share(printed):
    share, times = numbers(r"the network takes (\d+)%: without it, it would be only ([\d.]+) times as fast", printed)
    assert times == pytest.approx(1 / (1 - share / 100), rel=0.1)


RUNG = r"^([a-z_ ]+): ([\d.]+) photos/s, ([\d.]+) times as fast(?:, (\d+) MB)?$"


def test_each_change_has_a_rung(printed):
    found = {name: float(gain) for name, _, gain, _ in re.findall(RUNG, printed, re.M)}
    names = ["channels_last", "mixed precision", "fused optimizer", "frozen part", "compile"]
    said = {"mixed precision": "no native 16 bits", "compile": "nothing is compiled here"}
    assert list(found) == [name for name in names if name not in said or said[name] not in printed]
    feeds = re.findall(
        r"^(the usual script|cached tensor|augmentation as tensor code): ([\d.]+) photos/s", printed, re.M
    )
    assert len(feeds) == 3 and float(feeds[0][1]) < float(feeds[2][1])


def test_what_stands_still_holds_few_weights_and_much_memory(printed):
    weights, memory = numbers(r"([\d.]+)% of the weights stand still, (\d+)% of the memory is gone", printed)
    assert weights < 10 < 20 < memory


def test_faster_is_still_the_same(printed):
    off = dict(re.findall(r"^([a-z_ ]+?) +loss [\d.]+, off by ([\d.e+-]+)$", printed, re.M))
    assert float(off["channels_last"]) < 1e-3 and float(off["fused"]) < 1e-3 and len(off) >= 3


def test_parts_give_the_whole_gradient_but_for_batchnorm(printed):
    still, moving = re.findall(r"in 4 parts the gradient is off by ([\d.e+-]+) of its length", printed)
    assert float(still) < 1e-3 < 1e-2 < float(moving)
    assert numbers(r"in 8 parts a batch needs (\d+)% of the memory", printed)[0] < 60


def test_two_processes_learn_what_one_learns(printed):
    count, hand, course = numbers(
        r"(\d) processes; by hand the losses are apart by up to ([\de.+-]+), with the course's training by ([\de.+-]+)",
        printed,
    )
    assert count == 2 and course < 1e-6 < 1e-4 < hand


def test_the_album_is_split_without_its_copy_and_its_broken_file(printed):
    train, val, test = numbers(r"\ntrain (\d+), val (\d+), test (\d+)\n", printed)
    assert train + val + test == 40 and "42 files" in printed
    assert "broken.jpg" in printed and "the same again.tif is photo-07.png once more" in printed


def test_costs_grow_with_the_pixels(printed):
    assert numbers(r"from 256 to 512: ([\d.]+) times the work", printed)[0] == pytest.approx(4, abs=0.05)
    (table,) = [text for text in _tables() if "| side |" in text]
    rows = re.findall(r"^\| (\d+) px \| ([\d.]+) \| (\d+) \| ([\d,]+) \|$", table, re.M)
    assert [int(row[0]) for row in rows] == [64, 128, 256, 512]


def test_more_gpus_are_sooner_done_and_cost_more():
    (table,) = [text for text in _tables() if "| on |" in text]
    rows = [(float(h), int(p.replace(",", ""))) for h, p in re.findall(r"GPUs: \d+ \| ([\d.]+) \| ([\d,]+) \|", table)]
    assert len(rows) == 3 and rows == sorted(rows, key=lambda row: -row[0]) == sorted(rows, key=lambda row: row[1])


def _tables():
    shown = [output.get("data", {}) for cell in code_cells(NAME) for output in cell["outputs"]]
    return ["".join(data["text/markdown"]) for data in shown if "text/markdown" in data]


def test_the_exported_painter_paints_the_same(printed):
    assert numbers(r"the two paintings differ by (\d) of 255 levels at most", printed)[0] <= 1


def test_sources_are_listed():
    body, references = TEXT.split("## References")
    named = set(re.findall(r"([A-Z][a-z]+)(?: et al\.)? \(?(?:19|20)\d\d", body))
    assert named >= {"Micikevicius", "Ansel", "Li", "Goyal"} and all(name in references for name in named), named


# ------------------------------------------------------------------------------------------ its commands

FENCES = re.findall(r"```bash\n(.*?)```", TEXT, re.S)


def commands(*words: str) -> str:
    """The one printed block that holds all of these words."""
    (block,) = [block for block in FENCES if all(word in block for word in words)]
    return block


def on_cpus(block: str, port: str = "0") -> str:
    """Two CPU processes in place of GPUs, and a port that is free; nothing else is changed."""
    block, found = re.subn(r"--multi_gpu --num_processes \d+", "--cpu --num_processes 2", block)
    assert found == 1
    return block.replace("29500", port)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs lines of bash in a folder of its own, at the smallest budget and on drawn flowers; returns (code, text)."""
    if sys.platform == "win32":
        pytest.skip("the chapter's commands are those of a POSIX shell")
    folder = tmp_path_factory.mktemp("shell")
    here = {"COLORIZE_PRESET": "smoke", "COLORIZE_OFFLINE": "1", "FLOWERS102_ROOT": "", "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | here | {"PATH": path, "PYTHONPATH": str(COURSE)}

    def start(block: str, **more: str) -> subprocess.Popen:
        return subprocess.Popen(
            ["bash", "-e", "-c", block], cwd=folder, env=env | more, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(block: str, **more: str) -> str:
        process = start(block, **more)
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said
        return said

    run.start, run.folder = start, folder
    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(folder / "last.pt", weights_only=True)
    assert json.loads((folder / "timing.json").read_text())["processes"] == 2
    return state["generator"] | state["average"]


@pytest.fixture(scope="module")
def node(shell):
    """What two processes on one computer learn."""
    said = shell(on_cpus(commands("--out runs/node\n")))
    assert "U-Net + GAN" in said
    return weights(shell.folder / "runs/node")


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_every_command_is_tried_here():
    tried = ["runs/node\n", "runs/nodes", "runs/slurm", "--photos album", "helpers.publish onnx"]
    assert len(FENCES) == len(tried) and len({commands(words) for words in tried}) == len(tried)


def test_one_computer(node):
    assert all(torch.isfinite(value).all() for value in node.values())


def test_two_computers(shell, node):
    """The block is run on both; on the second `NODE=0` is 1, as the text says."""
    block = on_cpus(commands("runs/nodes"), str(free_port())).replace("FIRST=10.0.0.1", "FIRST=127.0.0.1")
    both = [shell.start(block.replace("NODE=0", f"NODE={number}")) for number in (0, 1)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "U-Net + GAN" in said[0] and "U-Net + GAN" not in said[1]
    assert same(weights(shell.folder / "runs/nodes"), node)


SRUN = """#!/bin/bash
for number in 0 1; do SLURM_NODEID=$number "$@" & jobs="$jobs $!"; done
for job in $jobs; do wait $job || exit 1; done
"""


def test_slurm(shell, node):
    """srun starts its command once a node and tells each its number; scontrol gives the nodes' names."""
    (shell.folder / "bin").mkdir(exist_ok=True)
    for name, text in {"srun": SRUN, "scontrol": "#!/bin/bash\necho 127.0.0.1\necho second\n"}.items():
        (shell.folder / "bin" / name).write_text(text)
        (shell.folder / "bin" / name).chmod(0o755)
    script = commands("runs/slurm")
    assert script.startswith("#!/bin/bash\n#SBATCH ") and "--ntasks-per-node=1" in script
    (shell.folder / "train.sh").write_text(on_cpus(script, str(free_port())))
    shell("bash train.sh", SLURM_JOB_NODELIST="two", SLURM_NNODES="2")
    assert same(weights(shell.folder / "runs/slurm"), node)


def test_own_photos(shell):
    (shell.folder / "album").mkdir()
    for i, image in enumerate(drawn_photos(24, 48, seed=7).images):
        Image.fromarray(np.asarray(image.permute(1, 2, 0))).save(shell.folder / "album" / f"{i}.png")
    assert "U-Net + GAN" in shell(commands("--photos album"))
    card = json.loads((shell.folder / "runs/album/scorecard.json").read_text())
    assert card["source"] == "own photos" and card["photos"] == 2


def test_take_away(shell):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    assert "any size; the same pictures within" in shell(commands("helpers.publish onnx"))
    assert (shell.folder / "flowers.onnx").stat().st_size > 1e6
