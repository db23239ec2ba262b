"""What this computer has, and what the course will do with it. `python -m helpers.environment` takes a longer look."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from .backstage.machine import PRECISIONS, hardware

__all__ = ["check_environment", "hardware"]

NEEDED = ("torch", "torchvision", "numpy", "scipy", "scikit-image", "matplotlib", "ipywidgets", "fastprogress",
          "accelerate", "safetensors")  # fmt: skip


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
    from .recipe import choose_precision, choose_preset

    recipe = choose_preset()
    why = "you set COLORIZE_PRESET" if os.environ.get("COLORIZE_PRESET") else "it fits this computer"
    size = f"{recipe.size} x {recipe.size} pixels, {recipe.total_steps:,} training steps"
    print(f"Computing on: {hardware()}, in {PRECISIONS[choose_precision()]}.")
    print(f'Budget: "{recipe.preset}" ({size}); {why}.\nEverything the course needs is here.')
    return True


if __name__ == "__main__":
    from .classroom.health import main

    raise SystemExit(main())
