"""Enlarging predicted colors: by interpolation alone, and along the edges of L. What `Colorizer` does is the last way.

    FLOWERS102_ROOT=... python -m tests.benchmarks.upsampling && python -m tests.benchmarks.report

Held-out photos of protocol `large`, drawn by a seed, 256 px. Small ab are enlarged 4 and 8 times, put under the photo's
own L, and judged at full size: the true colors, made small, which asks of enlarging alone; and those of the shipped
`flowers`, which saw 224 px and are made small, or which saw 64 px. Radius and softness were chosen on other photos, of
the val split; the table of that is kept too. Last, seconds and memory of large pictures, in processes of their own.
Nothing is asserted: a loaded machine is not a bug.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from skimage.color import deltaE_ciede2000
from torch import Tensor

from helpers.backstage.enlarging import RADIUS, SOFTNESS, color_slopes
from helpers.backstage.files import read_json, write_json
from helpers.color import rgb_to_lab
from helpers.data import load_flowers, to_rgb8
from helpers.environment import hardware
from helpers.inference import Colorizer, enlarge_colors
from helpers.metrics import colorfulness, psnr, resampled_counts

RESULTS = Path(__file__).parent / "results"
SIZE, STRONG, NEAR = 256, 0.95, 2  # px; quantile of the slope of L from which an edge is strong; px around it
Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def interpolated(mode: str) -> Way:
    return lambda L_small, ab, L: F.interpolate(ab, L.shape[-2:], mode=mode, align_corners=False)


def along(L_small: Tensor, ab: Tensor, L: Tensor, radius: int, softness: float) -> Tensor:
    """`enlarge_colors`, with another window and softness."""
    small = torch.cat([ab, color_slopes(L_small, ab, radius, softness), L_small], 1)
    large = F.interpolate(small, L.shape[-2:], mode="bilinear", align_corners=False)
    return large[:, :2] + large[:, 2:4] * (L - large[:, 4:])


def guided_filter(L_small: Tensor, ab: Tensor, L: Tensor) -> Tensor:
    """The fast guided filter as it is written (He & Sun 2015): slope * L + offset, both enlarged."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(x, (RADIUS,) * 4, mode="replicate"), 2 * RADIUS + 1, stride=1)

    L_mean, ab_mean = mean(L_small), mean(ab)
    slope = (mean(L_small * ab) - L_mean * ab_mean) / (mean(L_small**2) - L_mean**2 + SOFTNESS**2)
    both = torch.cat([mean(slope), mean(ab_mean - slope * L_mean)], 1)
    large = F.interpolate(both, L.shape[-2:], mode="bilinear", align_corners=False)
    return large[:, :2] * L + large[:, 2:]


WAYS: dict[str, Way] = {
    "bilinear": interpolated("bilinear"),
    "bicubic": interpolated("bicubic"),
    "guided filter": guided_filter,
    "along the edges of L": enlarge_colors,
}


def shrunk(picture: Tensor, side: int) -> Tensor:
    return F.interpolate(picture, (side, side), mode="bilinear", antialias=True)


@torch.inference_mode()
def small_colors(colorizer: Colorizer, L: Tensor, seen: int) -> Tensor:
    """ab in Lab units of a network that sees photos of `seen` px."""
    parts = [colorizer.model(shrunk(some, seen) / 50 - 1) for some in L.split(16)]
    return torch.cat(parts) * 110


def edges_of(L: Tensor) -> np.ndarray:
    """Pixels within `NEAR` of those where L is steepest, bool (N, H, W)."""
    across, down = torch.gradient(L[:, 0], dim=(2, 1))
    steep = (across.square() + down.square()).sqrt()
    strong = steep >= steep.flatten(1).quantile(STRONG, dim=1)[:, None, None]
    return (F.max_pool2d(strong.float()[:, None], 2 * NEAR + 1, 1, NEAR)[:, 0] > 0).numpy()


def marks(truth: Tensor, guess: Tensor, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Each photo's PSNR, ΔE2000, ΔE2000 near strong edges of L, and colorfulness."""
    delta = [
        deltaE_ciede2000(*(rgb_to_lab(image).numpy() for image in pair), channel_axis=0)
        for pair in zip(truth, guess, strict=True)
    ]
    near = [one[edge].mean() for one, edge in zip(delta, edges, strict=True)]
    return {
        "psnr": psnr(truth, guess),
        "delta_e": np.array([one.mean() for one in delta]),
        "edge_delta_e": np.array(near),
        "colorfulness": colorfulness(guess),
    }


def judged(cases: dict[str, tuple[Tensor, int]], ways: dict[str, Way], photos: Tensor) -> list[dict]:
    """A row for each case and way: means, and gains over the first way with their paired 95 % intervals.

    cases: {name: (ab, side it is made small to before it is enlarged, or 0)}.
    """
    lab = rgb_to_lab(photos)
    L, edges, counts, rows = lab[:, :1], edges_of(lab[:, :1]), resampled_counts(len(photos)), []
    for name, (ab, side) in cases.items():
        small = shrunk(ab, side) if side else ab
        first = None
        for way, enlarge in ways.items():
            guess = to_rgb8(L / 50 - 1, enlarge(shrunk(L, small.shape[-1]), small, L) / 110)
            found = marks(photos, guess, edges)
            first = first or found
            gains = {}
            for key in ("psnr", "edge_delta_e"):
                gain = found[key] - first[key]
                gains[key] = [gain.mean(), *np.percentile(counts @ gain / len(gain), [2.5, 97.5])]
            rows.append({"case": name, "way": way, **{key: values.mean() for key, values in found.items()}})
            rows[-1]["gains"] = {key: [float(x) for x in values] for key, values in gains.items()}
            print(f"{name:32} {way:22}" + " ".join(f"{k} {v.mean():.3f}" for k, v in found.items()), flush=True)
    return [{key: float(x) if isinstance(x, np.floating) else x for key, x in row.items()} for row in rows]


PLAIN = """
class Plain:
    def __init__(self, L, ab, height, width):
        self.wide, self.height = F.interpolate(ab, (ab.shape[2], width), mode="bilinear")[0], height
    def rows(self, part, L):
        return rows_between(self.wide, self.height, part)
inference.Enlarged = Plain
"""
COST = """
import json, resource, sys, time
import numpy as np, torch.nn.functional as F
from helpers import inference
from helpers.backstage.curves import rows_between
{change}
width, height = int(sys.argv[1]), int(sys.argv[2])
y, x = np.ogrid[:height, :width]
picture = np.repeat(((x * 7 + y * 3) % 256).astype(np.uint8)[..., None], 3, 2)
colorizer = inference.Colorizer.from_pretrained(device="cpu")
colorizer.colorize(picture[:300, :300])
clock, used = time.perf_counter(), time.process_time()
colorizer.colorize(picture)
clock, used = time.perf_counter() - clock, time.process_time() - used
print(json.dumps([clock, used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))
"""


def costs() -> list[dict]:
    """Seconds and peak memory (GB) of a process that colors one picture, the gray picture itself included."""
    rows = []
    for width, height in ((4000, 3000), (8660, 5774)):
        for way, change in (("bilinear", PLAIN), ("along the edges of L", "")):
            command = [sys.executable, "-c", COST.format(change=change), str(width), str(height)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, processor, memory = json.loads(done.stdout)
            row = {"megapixels": width * height / 1e6, "way": way, "seconds": seconds}
            rows.append(row | {"core_seconds": processor, "memory": memory})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.upsampling")
    parser.add_argument("--photos", type=int, default=128, help="held-out photos; half as many to choose on")
    parser.add_argument("--only", choices=("marks", "costs"), help="measure one half, and keep the other as it is")
    parser.add_argument("--dry", action="store_true", help="print, keep nothing")
    options = parser.parse_args()
    place = RESULTS / "upsampling.json"
    result = read_json(place) if place.exists() else {}
    if options.only != "costs":
        result |= all_marks(options.photos)
    if options.only != "marks":
        result |= {"costs": costs(), "hardware": hardware(), "torch": torch.__version__.split("+")[0]}
    if not options.dry:
        write_json(place, result)


def all_marks(count: int) -> dict:
    """Both tables, of so many held-out photos, and of half as many others."""
    colorizer = Colorizer.from_pretrained("flowers", device="cpu")
    drawn = {}
    for split, number in (("test", count), ("val", count // 2)):
        photos = load_flowers(split, SIZE, "large")
        if photos.source != "flowers102":
            raise SystemExit("error: enlarging is judged on the real photos; set FLOWERS102_ROOT")
        lot = np.random.default_rng(8).choice(len(photos), number, replace=False)
        drawn[split] = photos.subset(np.sort(lot)).images
    lab = rgb_to_lab(drawn["val"])
    choose = {"`flowers` at 224 px, 8 ×": (small_colors(colorizer, lab[:, :1], 224), SIZE // 8)}
    tried = {"bilinear": WAYS["bilinear"]}
    for radius in (1, 2):
        for softness in (5.0, 10.0, 20.0, 40.0):
            tried[f"radius {radius}, softness {softness:.0f}"] = partial(along, radius=radius, softness=softness)
    chosen = judged(choose, tried, drawn["val"])
    lab = rgb_to_lab(drawn["test"])
    L, ab = lab[:, :1], lab[:, 1:]
    at_224 = small_colors(colorizer, L, 224)
    cases = {
        "true colors, 4 ×": (ab, SIZE // 4),
        "true colors, 8 ×": (ab, SIZE // 8),
        "`flowers` at 224 px, 1.1 ×": (at_224, 0),
        "`flowers` at 224 px, 4 ×": (at_224, SIZE // 4),
        "`flowers` at 224 px, 8 ×": (at_224, SIZE // 8),
        "`flowers` at 64 px, 4 ×": (small_colors(colorizer, L, 64), 0),
    }
    rows, truth = judged(cases, WAYS, drawn["test"]), float(colorfulness(drawn["test"]).mean())
    return {
        "photos": count, "size": SIZE, "rows": rows, "truth": truth,
        "choice": chosen, "chosen_on": count // 2, "radius": RADIUS, "softness": SOFTNESS,
    }  # fmt: skip


if __name__ == "__main__":
    main()
