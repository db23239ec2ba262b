"""Several processes that train together: they stop after the same step, and none waits for one that is gone.

    accelerator = start_accelerator(choose_precision())
    with together(accelerator) as stop:                      # Ctrl-C, TERM and HUP, see interrupt.py
        for step in ...:
            if stop.is_set(): break                          # the same answer in all processes

Measured with two CPU processes on one busy core: to agree takes each 0.9 ms of computing, 0.4 ms where nobody waits.
PyTorch is imported only where it is used: the command lines look in here before it is there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .interrupt import STATE, StopRequest, rank, stop_request
from .progress import complain, in_notebook, say

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["LOST", "free_port", "leave_at_once", "lost", "start_accelerator", "together"]

LOST = "another process of this training has ended; what was saved is whole: run the same command to go on from there"
UNHEARD = "stopped: what was saved is whole, run the same command to go on from there"
PATIENCE = 25.0  # seconds to put things away; launchers kill after 30
GONE = re.compile(r"gloo|nccl|connection (closed|reset|refused)|broken pipe|socket|heartbeat|process group", re.I)


def lost(error: BaseException) -> bool:
    """Whether an error is what PyTorch says when another process does not answer any more."""
    of_torch = isinstance(error, RuntimeError) and type(error).__module__.split(".")[0] in ("builtins", "torch")
    return "RANK" in os.environ and of_torch and bool(GONE.search(f"{error}"))


def start_accelerator(precision: str) -> Accelerator:
    """Hugging Face's Accelerate, with all processes that its launcher was asked for, on CPUs, too."""
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    _start_others()
    if "RANK" in os.environ:
        _Guard.start_once()
    # cpu=True is what lets Accelerate see several CPU processes; they would each train alone otherwise.
    cpu = _on_cpu() or not torch.cuda.is_available()
    # Accelerate keeps the precision of its first user in this kernel and refuses another. Each training has its own.
    AcceleratorState._reset_state()
    return Accelerator(mixed_precision="no" if cpu and precision == "fp16" else precision, cpu=cpu)


def _on_cpu() -> bool:
    """Whether `accelerate launch` was told --cpu, where there may be a GPU."""
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("true", "1", "yes")


@contextlib.contextmanager
def together(accelerator: Accelerator, name: str = "") -> Iterator[StopRequest]:
    """`stop_request` for all processes of a training. Raises RuntimeError(LOST) when one of them is gone.

    name: of the folder where it is kept, for the reader of a notebook.
    """
    share = bool
    if accelerator.num_processes > 1:
        import torch
        import torch.distributed as dist

        # Over the network of the CPUs: asking on GPUs would have each step wait for them.
        group = None if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")

        def share(mine: bool) -> bool:
            answer = torch.tensor(int(mine))
            dist.all_reduce(answer, dist.ReduceOp.MAX, group)
            return bool(answer)

    with stop_request(share, name) as stop:
        try:
            yield stop
        except RuntimeError as error:
            if accelerator.num_processes == 1 or not lost(error):
                raise
            if stop.by == signal.SIGINT:  # the others were in a hurry
                raise KeyboardInterrupt from None
            raise RuntimeError(LOST) from error
    if stop.heeded and in_notebook():
        say(f"stopped, and saved in {name}: the same cell goes on from there")


# ------------------------------------------------------------------------------------- as many as were asked for


class _Asked(NamedTuple):
    """What a launcher was asked for: processes on all machines, the main process's port and address, this machine."""

    processes: int = 0
    port: int = 0  # 0: any
    machines: int = 1
    machine: int = 0
    address: str = "127.0.0.1"


def _start_others() -> None:
    """Start what `accelerate launch --cpu --num_processes N` leaves out: on CPUs it starts one process, whatever N.

    (It leaves several to MPI there.) This process becomes the first on this machine, and the others run the same
    command. Raises ValueError where machines cannot have as many processes each.
    """
    if "ACCELERATE_USE_CPU" not in os.environ or _among_others():
        return
    import torch

    asked = _asked_for()
    if asked.processes < 2 or (torch.cuda.is_available() and not _on_cpu()):
        return
    here, left = divmod(asked.processes, asked.machines)
    if left:
        raise ValueError(
            f"{asked.processes} processes cannot be shared by {asked.machines} machines: --num_processes counts those "
            "of all machines, choose a multiple of --num_machines"
        )
    port = asked.port
    if asked.machines == 1:
        port = free_port(asked.address, port)
    world = {"WORLD_SIZE": asked.processes, "LOCAL_WORLD_SIZE": here, "MASTER_ADDR": asked.address, "MASTER_PORT": port}
    for number in reversed(range(here)):
        own = world | {"RANK": asked.machine * here + number, "LOCAL_RANK": number}
        os.environ |= {name: str(value) for name, value in own.items()}
        if number:
            _Guard.others.append(subprocess.Popen([sys.executable, *sys.orig_argv[1:]], stdin=subprocess.DEVNULL))
    atexit.register(_wait_for_others)


def free_port(address: str = "127.0.0.1", port: int = 0) -> int:
    """This port of this computer, or for 0 one that nobody uses. Raises OSError where it is in use."""
    with socket.socket() as free:
        free.bind((address, port))
        return free.getsockname()[1]


def _among_others() -> bool:
    counts = ("WORLD_SIZE", "LOCAL_RANK", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
    return any(name in os.environ for name in counts)


def _asked_for() -> _Asked:
    """What our parent, `accelerate launch`, was asked for; no processes where it leaves the choice to us."""
    try:
        import psutil
        from accelerate.commands.config.config_args import default_config_file, load_config_from_file
        from accelerate.commands.launch import launch_command_parser

        words = psutil.Process(os.getppid()).cmdline()
        first = next(i for i, word in enumerate(words) if re.search(r"(^|accelerate.*)launch(\.exe|\.py)?$", word))
        asked = launch_command_parser().parse_args(words[first + 1 :])
        stored = None
        if asked.config_file or (os.path.isfile(default_config_file) and not asked.cpu):
            stored = load_config_from_file(asked.config_file)

        def value(name: str):
            own = getattr(asked, name, None)
            return getattr(stored, name, None) if own is None else own

        machines = int(value("num_machines") or 1)
        return _Asked(
            int(value("num_processes") or 0),
            int(value("main_process_port") or 0),
            machines,
            int(value("machine_rank") or 0),
            (machines > 1 and value("main_process_ip")) or _Asked().address,
        )
    except (Exception, SystemExit):  # not our parent, or another version: one process is what Accelerate says
        return _Asked()


def leave_at_once(code: int) -> None:
    """End this process. PyTorch's network takes seconds to take itself apart, while a launcher counts to 30."""
    _wait_for_others()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _wait_for_others() -> None:
    """They have done what there is to do for them, and end by themselves; if not, they are ended."""
    until = time.monotonic() + PATIENCE
    for other in _Guard.others:
        try:
            other.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            other.kill()


# ------------------------------------------------------------------------------------------------ nobody waits


class _Guard(threading.Thread):
    """Looks twice a second for what a process that waits for another one inside PyTorch cannot notice.

    A signal, since Python gets no turn there; a launcher that is gone; another process that has failed or never came.
    """

    others: list[subprocess.Popen] = []
    started = None

    @classmethod
    def start_once(cls) -> None:
        if cls.started is None:
            cls.started = cls()
            cls.started.start()

    def __init__(self):
        super().__init__(daemon=True)
        # A script that starts processes in the background may end before they do: that is no launcher.
        launched = {"TORCHELASTIC_RUN_ID", "ACCELERATE_USE_CPU"} & os.environ.keys()
        self.parent = os.getppid() if launched else None
        self.signalled, self.so_since, self.bytes = float("inf"), {}, None
        if os.name == "posix" and threading.current_thread() is threading.main_thread():
            self.bytes, writes = os.pipe()
            for end in (self.bytes, writes):
                os.set_blocking(end, False)
            before = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
            if before != -1:  # somebody needs it for something else: asyncio, in a kernel
                signal.set_wakeup_fd(before)

    def run(self) -> None:
        while True:
            time.sleep(0.5)
            now = time.monotonic()
            with contextlib.suppress(BlockingIOError):
                if self.bytes is not None and os.read(self.bytes, 4096) and STATE.caught:
                    self.signalled = min(self.signalled, now)
            if STATE.heard > self.signalled - 1.0:
                self.signalled = float("inf")
            STATE.orphaned = self.parent is not None and os.getppid() != self.parent
            failed = any(other.poll() for other in self.others)
            self._end_after(PATIENCE if STATE.careful else 3.0, now - self.signalled, UNHEARD, 130)
            self._end_after(PATIENCE, self._since("orphaned", STATE.orphaned, now), LOST, 1)
            self._end_after(PATIENCE, self._since("failed", failed, now), LOST, 1)

    def _since(self, what: str, is_so: bool, now: float) -> float:
        """For how many seconds something has been so."""
        return now - self.so_since.setdefault(what, now) if is_so else float("-inf")

    def _end_after(self, patience: float, waited: float, line: str, code: int) -> None:
        if waited > patience:
            if rank() == 0 or (rank() == 1 and line == LOST):
                complain(f"error: {line}" if code == 1 else line)
            for other in self.others:
                other.kill()
            os._exit(code)
