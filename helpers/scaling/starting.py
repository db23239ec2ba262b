"""Several processes from a notebook, by Accelerate's `notebook_launcher`."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator

from ..backstage.processes import free_port

__all__ = ["cannot_launch", "launching"]


def cannot_launch() -> str:
    """Why `notebook_launcher` cannot start processes from this kernel, "" if it can.

    It forks the kernel: Windows has no fork, and a copy of a kernel that has used a GPU may not use it, nor go backward
    through any network.
    """
    import torch

    if sys.platform == "win32":
        return "Windows cannot fork a process"
    if torch.cuda.is_initialized():
        return (
            "this kernel has used the GPU already, and a copy of it could not: restart it, and launch before all else"
        )
    if "google.colab" in sys.modules and not torch.cuda.device_count() > 1:
        return "in Colab the launcher starts several only where there are several GPUs"
    return ""


@contextlib.contextmanager
def launching(count: int) -> Iterator[dict]:
    """What `notebook_launcher` needs to start `count` processes on this computer, as its keywords. Chapter 11.

        with launching(2) as options:
            notebook_launcher(learn, (folder,), **options)

    A port that is free, and a kernel that has forgotten its own `Accelerator`. In the end signals are handled as
    before, so that a notebook can be stopped by its button: the launcher changes that, and leaves it so.
    """
    from accelerate import launchers
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    numbers = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")]
    before = {number: signal.getsignal(number) for number in numbers if number}
    level, environment = logging.root.manager.disable, dict(os.environ)
    logging.disable(logging.WARNING)  # what PyTorch says of each start interests nobody here,
    launchers.print = lambda *words: None  # and Accelerate calls CPUs "CUDAs"
    os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # what Accelerate would set, with a warning
    try:
        yield {"num_processes": count, "use_port": str(free_port())}
    finally:
        del launchers.print
        logging.disable(level)
        for name in ("TORCH_CPP_LOG_LEVEL", "OMP_NUM_THREADS"):
            os.environ.pop(name, None)
            os.environ.update({name: environment[name]} if name in environment else {})
        for number, handler in before.items():
            signal.signal(number, handler)
