"""What color hints bring, and whether they are obeyed, on held-out photos. The card of weights that ship has the same.

    FLOWERS102_ROOT=... python -m tests.benchmarks.hints [weights or a .safetensors] [photos, all if not given]

Prints, for networks that take hints: PSNR and ΔE2000 by number of hints at random places, PSNR with each hint at the
place of the largest error, and the share of hints that are obeyed, with true colors and with those of other photos;
then what a hint costs: milliseconds of the network for one photo, and of the listener alone, which is all that runs
when a hint is moved. Nothing is asserted: a loaded machine is not a bug.
"""

from __future__ import annotations

import sys
import time

import torch

from helpers.data import load_flowers, to_lab
from helpers.environment import hardware
from helpers.guided import hint_map, marks_of_hints
from helpers.inference import Colorizer
from helpers.models import HintUNet


@torch.inference_mode()
def milliseconds(model: HintUNet, L: torch.Tensor, hints: torch.Tensor, times: int = 10) -> tuple[float, float]:
    """Of the whole network, and of the listener alone: the fastest of several."""
    painted, whole, alone = model.paint(L), [], []
    for _ in range(times):
        start = time.perf_counter()
        model(L, hints)
        middle = time.perf_counter()
        model(L, hints, painted)
        whole.append(middle - start)
        alone.append(time.perf_counter() - middle)
    return 1e3 * min(whole), 1e3 * min(alone)


def main(name: str = "flowers-hints", photos: str | None = None) -> None:
    colorizer = Colorizer.from_pretrained(name)
    if not isinstance(colorizer.model, HintUNet):
        raise SystemExit(f"error: {name} takes no hints")
    test = load_flowers("test", colorizer.size, "large", limit=int(photos) if photos else None)
    marks = marks_of_hints(colorizer.model, test)
    print(f"{name}, {marks['photos']} photos of the {test.split} split ({test.source}), {test.size} px")
    nothing = marks["curve"]["0"]["psnr"][0]
    for title, curve in (("random places", marks["curve"]), ("largest errors", marks["at_errors"])):
        for count, one in curve.items():
            cells = ", ".join(f"{key} {value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})" for key, value in one.items())
            gain = f", {one['psnr'][0] - nothing:+.2f} dB" if title == "random places" else ""
            print(f"{count:>3} hints at {title}: {cells}{gain}")
    for key, one in marks["obeyed"].items():
        print(f"obeyed with {key} colors: {one['share']:.1%} of {one['trials']}")
    L, ab = to_lab(test.images[:1].to(colorizer.device))
    hints = hint_map(ab[0], [(50, 60), (90, 120), (150, 100)])[None]
    whole, alone = milliseconds(colorizer.model, L, hints)
    print(
        f"one photo: {whole:.0f} ms, the listener alone {alone:.0f} ms, {hardware()}, {torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
