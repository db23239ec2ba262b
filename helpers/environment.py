"""What this computer has, and what the course will do with it. `python -m helpers.environment` takes a longer look."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from .backstage.machine import PRECISIONS, hardware
from .backstage.needs import name_of, unmet

__all__ = ["check_environment", "hardware"]

ROOT = Path(__file__).parent.parent


def check_environment() -> bool:
    """Print whether the course can run here, on what, and with which budget. False if a package is missing or too old.

    Raises ValueError, with the choices, when $COLORIZE_PRESET names no preset.
    """
    if lacking := unmet(ROOT):
        words = [f"{need} (here is {found})" if found else name_of(need) for need, found in lacking.items()]
        print(f"MISSING: {', '.join(words)}. Run:  pip install -r requirements.txt")
        return False
    shown = ", ".join(f"{name} {version(name).split('+')[0]}" for name in ("torch", "torchvision"))
    print(f"Python {platform.python_version()}, {shown}, and every other package.")
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
