"""What this computer has and what the course will do with it, in plain words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from .recipe import choose_precision, choose_preset

__all__ = ["check_environment", "hardware"]

NEEDED = ("torch", "torchvision", "numpy", "scipy", "scikit-image", "matplotlib", "ipywidgets", "fastprogress",
          "accelerate", "safetensors")  # fmt: skip


def hardware() -> str:
    """The device in words, without naming the machine: "2 CPU cores" or the GPU's name."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU core{'s' if cores != 1 else ''}"


def check_environment() -> bool:
    """Print whether the course can run here, on what, and with which budget. False if a package is missing.

    Raises ValueError, with the choices, when $COLORIZE_PRESET names no preset.
    """
    missing, there = [], []
    for name in NEEDED:
        try:
            there.append(f"{name} {version(name).split('+')[0]}")
        except PackageNotFoundError:
            missing.append(name)
    print(f"Python {platform.python_version()}; {', '.join(there)}")
    if missing:
        print(f"MISSING: {', '.join(missing)}. Run:  pip install -r requirements.txt")
        return False
    recipe = choose_preset()
    why = "you set COLORIZE_PRESET" if os.environ.get("COLORIZE_PRESET") else "it fits this computer"
    precision = {"no": "float32", "bf16": "bfloat16", "fp16": "float16 with a loss scaler"}[choose_precision()]
    size = f"{recipe.size} x {recipe.size} pixels, {recipe.total_steps:,} training steps"
    print(f'Computing on: {hardware()}, in {precision}.\nBudget: "{recipe.preset}" ({size}); {why}.')
    print("Everything the course needs is here.")
    return True
