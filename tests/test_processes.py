"""helpers.backstage.processes: two real processes stop after the same step, and none waits for one that is gone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from helpers.backstage import processes
from helpers.backstage.interrupt import STATE, stop_request
from helpers.backstage.processes import LOST, free_port, lost

REPOSITORY = Path(__file__).parent.parent
posix = pytest.mark.skipif(sys.platform == "win32", reason="gloo and POSIX signals")
LONG = ("color_steps=100000", "report_steps=10", "val_limit=4", "train_limit=16", "batch_size=4")


# ------------------------------------------------------------------------------------------- two real processes


class Two:
    """`python -m helpers.training` twice, as a launcher starts it. all: both Popen, the main process first."""

    def __init__(self, out: Path, *settings: str):
        world = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        world |= {"MASTER_PORT": str(free_port())}
        world |= {"COLORIZE_OFFLINE": "1", "FLOWERS102_ROOT": "", "OMP_NUM_THREADS": "1"}
        options = ["--preset", "smoke", "--out", str(out), "--set", "encoder=none", *settings]
        call = [sys.executable, "-m", "helpers.training", *options]
        self.all = [
            subprocess.Popen(
                call, cwd=REPOSITORY, env=os.environ | world | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            )
            for rank in range(2)
        ]  # fmt: skip

    def until_it_trains(self, reports: int = 1) -> None:
        for line in self.all[0].stdout:
            reports -= line.startswith("step ")
            if not reports:
                return
        pytest.fail(f"it never trained: {self.end()}")

    def end(self, seconds: float = 600) -> tuple[list[int], list[str]]:
        """(exit codes, what each wrote on stderr)."""
        try:
            said = [process.communicate(timeout=seconds)[1] for process in self.all]
        finally:
            for process in self.all:
                process.kill()
        return [process.returncode for process in self.all], said


@posix
def test_all_stop_after_the_same_step_with_one_line_and_go_on(tmp_path):
    """The signal reaches one process only, and not the main one; the other stops with it."""
    two = Two(tmp_path / "run", *LONG)
    two.until_it_trains()
    two.all[1].send_signal(signal.SIGINT)
    codes, said = two.end()
    assert codes == [130, 130] and said[1] == ""
    assert re.fullmatch(r"stopped and saved in .*run: run the same command to go on\n", said[0])
    step = torch.load(tmp_path / "run/last.pt", weights_only=True)["step"]
    two = Two(tmp_path / "run", *LONG)  # the same command, stopped as a launcher does: all of them, some twice
    two.until_it_trains()
    for process in (two.all[0], two.all[1], two.all[0]):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    codes, said = two.end()
    assert codes == [130, 130] and said == ["stopped: run the same command to go on\n", ""]
    assert torch.load(tmp_path / "run/last.pt", weights_only=True)["step"] > step
    assert not list(tmp_path.rglob("*partial*"))


@posix
def test_a_killed_process_ends_the_others_with_a_sentence_and_the_same_command_goes_on(tmp_path):
    two = Two(tmp_path / "run", *LONG)
    two.until_it_trains()
    two.all[1].kill()
    began = time.monotonic()
    codes, said = two.end()
    assert codes == [1, -signal.SIGKILL] and said == [f"error: {LOST}\n", ""]
    assert time.monotonic() - began < 60
    two = Two(tmp_path / "run", *LONG)  # the same command goes on
    two.until_it_trains()
    two.all[0].send_signal(signal.SIGINT)
    codes, said = two.end()
    assert codes == [130, 130] and said[0].startswith("stopped and saved in")


@posix
def test_accelerate_starts_as_many_on_cpus_as_it_was_asked_for(tmp_path):
    """Alone it starts one, whatever --num_processes says."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, torch\n"
        "from helpers.backstage.processes import start_accelerator\n"
        "accelerator = start_accelerator('no')\n"
        "total = accelerator.reduce(torch.tensor(accelerator.process_index + 1))\n"
        "line = f'{accelerator.num_processes} {accelerator.process_index} {int(total)} {sys.argv[1:]}\\n'\n"
        "sys.stdout.write(line)  # at once: both write to one pipe\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num-processes=2",
         str(script), "--num_processes", "5"], capture_output=True, text=True, timeout=600,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"2 {rank} 3 ['--num_processes', '5']" for rank in (0, 1)]


# -------------------------------------------------------------------------------------------- without processes


@pytest.mark.parametrize("first", ["no", "bf16"])
def test_each_training_has_the_precision_it_asks_for(first):
    """Whatever an earlier cell of the same notebook left to Accelerate, which keeps the first and refuses another."""
    Accelerator(mixed_precision=first, cpu=True)
    for asked in ("bf16", "no", "bf16"):
        assert processes.start_accelerator(asked).mixed_precision == asked


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("python /usr/bin/accelerate launch --cpu --num_processes 2 -m helpers.training --out x", {"processes": 2}),
        (
            "/usr/bin/accelerate-launch --num-processes=3 --main_process_port 1234 script.py",
            {"processes": 3, "port": 1234},
        ),
        ("python -m accelerate.commands.launch --num_processes 4 script.py --num_processes 9", {"processes": 4}),
        ("python -m accelerate.commands.accelerate_cli launch --cpu script.py --num_processes 9", {}),
        (
            "accelerate launch --cpu --num_machines 2 --machine_rank 1 --main_process_ip 10.0.0.1 "
            "--main_process_port 77 --num_processes 4 script.py",
            {"processes": 4, "port": 77, "machines": 2, "machine": 1, "address": "10.0.0.1"},
        ),
        ("bash", {}),
        ("accelerate launch --no_such_option", {}),
    ],
)
def test_what_the_launcher_was_asked_for(words, asked, monkeypatch):
    import psutil
    from accelerate.commands.config import config_args

    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: words.split())
    monkeypatch.setattr(config_args, "default_config_file", "nowhere")
    assert processes._asked_for() == processes._Asked(**asked)


@pytest.mark.parametrize(("machine", "ranks"), [(0, "0 1"), (1, "2 3")])
def test_each_machine_starts_its_share(machine, ranks, monkeypatch):
    """The first process is this one; of four on two machines the second begins with number 2."""
    began = []

    class Started:
        def __init__(self, *_, **__):
            began.append(dict(os.environ))

    asked = processes._Asked(4, 77, 2, machine, "10.0.0.1")
    monkeypatch.setattr(processes, "_asked_for", lambda: asked)
    monkeypatch.setattr(processes.subprocess, "Popen", Started)
    monkeypatch.setattr(processes.atexit, "register", lambda _: None)
    monkeypatch.setattr(processes._Guard, "others", [])
    with monkeypatch.context() as context:
        for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "RANK", "LOCAL_RANK"):
            context.setenv(name, "")  # so that they are taken away at the end
            context.delenv(name)
        context.setenv("ACCELERATE_USE_CPU", "True")
        processes._start_others()
        all_of_them = [dict(os.environ), *began]
    assert " ".join(one["RANK"] for one in all_of_them) == ranks
    assert [one["LOCAL_RANK"] for one in all_of_them] == ["0", "1"]
    for one in all_of_them:
        assert (one["WORLD_SIZE"], one["LOCAL_WORLD_SIZE"]) == ("4", "2")
        assert (one["MASTER_ADDR"], one["MASTER_PORT"]) == ("10.0.0.1", "77")
    monkeypatch.setattr(processes, "_asked_for", lambda: processes._Asked(3, 77, 2))
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    with pytest.raises(ValueError, match="3 processes cannot be shared by 2 machines.*multiple of --num_machines"):
        processes._start_others()


def test_a_process_among_others_starts_none(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setattr(processes, "_asked_for", lambda: pytest.fail("it asked"))
    for name in ("LOCAL_RANK", "WORLD_SIZE", "PMI_SIZE"):
        with monkeypatch.context() as context:
            context.setenv(name, "2")
            processes._start_others()
    monkeypatch.delenv("ACCELERATE_USE_CPU")
    processes._start_others()


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (RuntimeError("[pair.cc:547] Connection closed by peer [127.0.0.1]:1234"), True),
        (RuntimeError("[.../gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 1800000ms"), True),
        (RuntimeError("NCCL communicator was aborted on rank 0"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("Connection closed by peer"), False),
    ],
)
def test_what_pytorch_says_when_another_process_is_gone(error, is_lost, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    assert not lost(error)  # alone there is nobody to lose
    monkeypatch.setenv("RANK", "0")
    assert lost(error) == is_lost


def test_trouble_with_the_download_is_no_lost_process(monkeypatch):
    from helpers.data import DataError

    monkeypatch.setenv("RANK", "0")
    assert not lost(DataError("the download broke off (connection reset by peer)"))


def test_the_answer_is_that_of_all():
    answers = []
    with stop_request(lambda mine: answers.append(mine) or True) as stop:
        assert stop.is_set() and stop.heeded
    assert answers == [False]


def test_a_launcher_that_is_gone_is_a_wish_to_stop(monkeypatch):
    with stop_request() as stop:
        assert not stop.is_set()
        monkeypatch.setattr(STATE, "orphaned", True)
        assert stop.is_set()


STUCK = """
import ctypes
from helpers.backstage import interrupt, processes
processes.PATIENCE = 0.5
with interrupt.stop_request():
    processes._Guard.start_once()
    print("ready", flush=True)
    lock, libc = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    while True:
        libc.pthread_mutex_lock(lock)  # the second time it waits for ever, and Python gets no turn
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="a C call that no signal interrupts")


def stuck(*before: str):
    return subprocess.Popen(
        [*before, sys.executable, "-c", STUCK], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | {"RANK": "0", "ACCELERATE_USE_CPU": "False"},
    )  # fmt: skip


@linux
def test_a_signal_ends_a_process_that_waits_inside_pytorch():
    process = stuck()
    assert process.stdout.readline() == "ready\n"
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        process.send_signal(signal.SIGINT)
        time.sleep(1.5)
    process.kill()
    assert process.communicate()[1] == f"{processes.UNHEARD}\n" and process.returncode == 130


@linux
def test_a_process_whose_launcher_is_gone_does_not_wait_for_ever():
    process = stuck("sh", "-c", '"$@" & read -r line', "sh")
    assert process.stdout.readline() == "ready\n"
    process.kill()  # the shell alone
    assert process.stderr.read() == f"error: {LOST}\n"
