"""Write RESULTS.md from what the benchmarks left in results/, and a table of the README's.

python -m tests.benchmarks.report
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from helpers.backstage.files import writing
from helpers.inference import read_card
from helpers.metrics import METRICS

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE.parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- side by side: .*?-->\n).*?(\n<!-- end of side by side -->)", re.S)
SHOWN = ("psnr", "delta_e", "colorfulness", "delta_cf", "ab_intersection")


def _read(pattern: str) -> list[dict]:
    return [json.loads(p.read_text()) for p in sorted(RESULTS.glob(pattern))]


def _cells(cards: list[dict], key: str) -> str:
    """Mean over seeds; with several seeds also the lowest and highest."""
    digits = METRICS[key][2]
    values = [card["values"][key][0] for card in cards]
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        "|" + "-|" * len(head),
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _races(race: str, title: str, phases: tuple[str, ...]) -> list[str]:
    groups = defaultdict(lambda: defaultdict(list))
    for result in _read(f"{race}-*.json"):
        size = 0 if race == "pretrained" else result["recipe"]["size"]
        groups[size, result["budget"]][result["name"]].append(result)
    lines = []
    for (size, budget), entrants in sorted(groups.items()):
        some = next(iter(entrants.values()))[0]
        truth = some["cards"]["gan"]["truth_colorfulness"]
        lines += [
            f"## {title}, {f'{size} px' if size else 'several sizes'}, {budget:.0f} CPU seconds each",
            "",
            f"{some['hardware']}, {some['precision']}, torch {some['torch']}; protocol "
            f"`{some['recipe']['protocol']}`, judged "
            f"on {some['cards']['gan']['photos']} val photos"
            f"{'' if size else ', each seen at its own size and shown at 192 px'} (true colorfulness {truth:.1f}).",
            "",
        ]
        for phase in phases:
            name = {"color": "after the color phase", "gan": "after the GAN phase"}[phase]
            rows = []
            for entrant, results in entrants.items():
                cards = [r["cards"][phase] for r in results]
                recipe, used = results[0]["recipe"], np.mean([r["cpu_seconds"] for r in results])
                steps = f"{recipe['color_steps']:,} + {recipe['gan_steps']:,}"
                rows.append([entrant, str(len(results)), f"{used:.0f}", steps, *(_cells(cards, key) for key in SHOWN)])
            head = [f"recipe, {name}", "seeds", "CPU s", "color + GAN steps", *(METRICS[key][0] for key in SHOWN)]
            lines += _table(head, sorted(rows))
    return lines


def _sides_table(rows: list[dict]) -> list[str]:
    head = ["recipe", "CPU minutes", *(METRICS[key][0] for key in SHOWN)]
    cells = [[r["name"], f"{r['seconds'] / 60:.1f}", *(_cells([r["card"]], key) for key in SHOWN)] for r in rows]
    return _table(head, cells)


def readme_table() -> str:
    """The README's share of it: each recipe as it ends, at a tenth of the time and at the whole."""
    rows = [row for side in _read("side-*.json") for row in side["rows"] if row["name"].endswith(("plain", "L1 + GAN"))]
    return "\n".join(_sides_table(sorted(rows, key=lambda row: row["seconds"]))).strip()


def _side_by_side() -> list[str]:
    sides = _read("side-*.json")
    if not sides:
        return []
    lines = ["## Plain recipe against ours", ""]
    for side in sides:
        name = side["rows"][-1]["name"].removesuffix(", L1 + GAN")
        kind = {"no": "float32"}.get(side["precision"], side["precision"])
        lines.append(f"- {name}: {kind}, torch {side['torch']}")
    lines += [
        "",
        "Official train split, 64 px, one thread each; CPU time counts. Judged on all 6,149 test photos.",
        "",
    ]
    rows = sorted((row for side in sides for row in side["rows"]), key=lambda row: row["seconds"])
    lines += _sides_table(rows)
    plain = [r for r in rows if r["name"] == "plain"][-1]["card"]["values"]
    better = {"psnr": 1, "delta_e": -1, "delta_cf": -1, "ab_intersection": 1}
    for row in rows:
        if row["name"].startswith("ours"):
            won = [k for k, sign in better.items() if sign * (row["card"]["values"][k][0] - plain[k][0]) > 0]
            lines.append(
                f"- {row['name']} after {row['seconds'] / 60:.1f} minutes beats the plain recipe's last row on "
                f"{len(won)} of {len(better)}: {', '.join(METRICS[k][0] for k in won) or 'none'}."
            )
    shipped = read_card("flowers-64")["scorecard"]["values"]  # of the same photos
    marks = {name: row["card"]["values"] for row in rows if (name := row["name"]).startswith("ours, pretrained")}
    for name, values in marks.items():  # the longer training of each
        psnr, delta_e = (values[key][0] - shipped[key][0] for key in ("psnr", "delta_e"))
        lines.append(f"- {name}, against the weights `flowers-64`: {psnr:+.2f} dB, ΔE2000 {delta_e:+.2f}.")
    return [*lines, ""]


def _speed() -> list[str]:
    lines = []
    for result in _read("training_step.json"):
        lines += [
            "## Speed of a step and of inference",
            "",
            f"{result['hardware']}, torch {result['torch']}, ours in {result['precision']}, theirs in float32.",
            "",
        ]
        rows = []
        for row in result["rows"]:
            rows.append(
                [row["what"], f"{row['ours']:.1f}", f"{row['theirs']:.1f}", f"{row['ours'] / row['theirs']:.2f}"]
            )
            if "ours in the game" in row:
                fast = row["ours in the game"]
                rows.append(
                    [f"{row['what']}, GAN phase", f"{fast:.1f}", f"{row['theirs']:.1f}", f"{fast / row['theirs']:.2f}"]
                )
        lines += _table(["photos/s (memory: GB)", "ours", "theirs", "ratio"], rows)
        for row in result["rows"]:
            for side, shares in row.get("profiles", {}).items():
                top = ", ".join(f"`{name}` {share:.0%}" for name, share in shares)
                lines.append(f"- Profile of one {row['what']}, {side}: {top}.")
        lines.append("")
    return lines


def _mapped() -> list[str]:
    lines = []
    for result in _read("mapped.json"):
        lines += [
            "## More photos than memory",
            "",
            f"{result['pictures']:,} drawn pictures of {result['size']} px, windows of 1,000 flowers, in a mapped "
            f"file of {result['file']:.2f} GB (`python -m tests.benchmarks.mapped`): read once as batches ready to "
            "learn from, then learned from at random with the `cpu` recipe. Memory of the process's own, beside the "
            f"mapped file. {result['hardware']}, threads: {result['threads']}, torch {result['torch']}.",
            "",
        ]
        head = [
            "",
            "photos",
            "photos/s of CPU time",
            "own memory at first, GB",
            "at most, GB",
            "growth in the second half, GB",
        ]
        rows = []
        for what, name in (("read", "all read, in batches of 32"), ("train", "learned from")):
            row = result[what]
            cells = [f"{row['photos']:,}", f"{row['photos_per_cpu_second']:,.0f}"]
            rows.append([name, *cells, *(f"{row[key]:.2f}" for key in ("own_first", "own_most", "own_growth"))])
        lines += _table(head, rows)
    return lines


def _presets() -> list[str]:
    rows, photos = [], set()
    for run in _read("preset-*.json"):
        recipe, timing = run["recipe"], run["timing"]
        encoder = "from scratch" if recipe["encoder"] == "none" else recipe["encoder"]
        photos.add(f"{run['photos']:,} under `{run['protocol']}`")
        for phase in ("U-Net L1", "U-Net + GAN"):
            what = [f"`{recipe['preset']}`, {encoder}, {recipe['size']} px: {phase}"]
            what += [f"{timing['seconds'] / 60:.0f}", timing["hardware"]]
            rows.append(what + [_cells([run["scorecards"][phase]], key) for key in SHOWN])
    if not rows:
        return []
    head = ["preset", "minutes, both phases", "on", *(METRICS[key][0] for key in SHOWN)]
    judged = f"Judged on held-out photos: {', '.join(sorted(photos))}; each at its own size."
    return ["## What the presets reach", "", judged, "", *_table(head, rows)]


def _upsampling() -> list[str]:
    lines = []
    for result in _read("upsampling.json"):
        chosen = f"radius {result['radius']} and softness {result['softness']:.0f}"
        lines += [
            "## Enlarging predicted colors",
            "",
            f"{result['photos']} held-out photos of protocol `large`, {result['size']} px, judged at full size "
            f"(true colorfulness {result['truth']:.1f}); at edges: ΔE2000 near the strongest edges of L. In brackets: "
            f"gain over bilinear, with its paired 95 % interval. `Colorizer` enlarges along the edges of L with "
            f"{chosen}, chosen on {result['chosen_on']} photos of the val split (second table).",
            "",
        ]
        for key in ("rows", "choice"):
            rows = []
            for row in result[key]:
                gains = {name: "{:+.2f}, {:+.2f} to {:+.2f}".format(*gain) for name, gain in row["gains"].items()}
                plain = row["way"] == "bilinear"
                cells = [f"{row['psnr']:.2f}" + ("" if plain else f" ({gains['psnr']})"), f"{row['delta_e']:.2f}"]
                cells.append(f"{row['edge_delta_e']:.2f}" + ("" if plain else f" ({gains['edge_delta_e']})"))
                rows.append([row["case"], row["way"], *cells, f"{row['colorfulness']:.1f}"])
            head = ["colors", "enlarged", "PSNR dB", "ΔE2000", "ΔE2000 at edges", "colorfulness"]
            lines += _table(head, rows)
        rows = []
        for cost in result["costs"]:
            waited = cost["seconds"] > 1.2 * cost["core_seconds"]  # for other work on the machine
            seconds = "the machine was busy" if waited else f"{cost['seconds']:.1f}"
            measured = [seconds, f"{cost['core_seconds']:.1f}", f"{cost['memory']:.2f}"]
            rows.append([f"{cost['megapixels']:.0f}", cost["way"], *measured])
        lines += [f"What it costs on {result['hardware']}, torch {result['torch']}, with `flowers`:", ""]
        lines += _table(["megapixels", "enlarged", "seconds", "seconds of a core", "peak memory, GB"], rows)
    return lines


def main() -> None:
    lines = [
        "# What was tried, and what came of it",
        "",
        "Written by `python -m tests.benchmarks.report`; do not edit.",
        "",
    ]
    lines += _side_by_side()
    lines += _presets()
    lines += _speed()
    lines += _mapped()
    lines += _upsampling()
    lines += _races("recipes", "Recipe race", ("color", "gan"))
    lines += _races("pretrained", "An encoder that can see", ("color", "gan"))
    lines += _races("official", "Trained on the 1,020 photos of the official split", ("color", "gan"))
    lines += _races("games", "GAN phase alone, from one and the same color phase", ("gan",))
    with writing(HERE / "RESULTS.md") as beside:
        beside.write_text("\n".join(lines).rstrip() + "\n", encoding="utf8")
    text, found = BLOCK.subn(lambda block: block[1] + readme_table() + block[2], README.read_text(encoding="utf8"))
    if found != 1:
        raise SystemExit("error: the README's place for side by side, between markers, is gone")
    with writing(README) as beside:
        beside.write_text(text, encoding="utf8", newline="\n")


if __name__ == "__main__":
    main()
