"""The computer in words."""

from __future__ import annotations

import os

PRECISIONS = {"no": "float32", "bf16": "bfloat16", "fp16": "float16 with a loss scaler"}
"""What `choose_precision` answers, in words."""


def hardware() -> str:
    """The device in words, without naming the machine: "2 CPU cores" or the GPU's name."""
    import torch  # not at the top: helpers.environment also tells those who have none

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU core{'s' if cores != 1 else ''}"


def room_on(device) -> float:
    """Bytes that are free on a GPU; on a CPU there is no end: what is mapped from a file needs no room."""
    import torch

    return torch.cuda.mem_get_info(device)[0] if torch.device(device).type == "cuda" else float("inf")
