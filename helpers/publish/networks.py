"""Networks that ship, with cards: half precision, judged as shipped. The colorizers of a run, and `FlowerNet`."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..backstage.files import read_json, sweep, write_json
from ..backstage.imagenet import ORIGIN
from ..backstage.progress import progress_bar
from ..classification import annealed_mean, raw_accuracy, soft_encode
from ..data import PROTOCOLS, Photos, crop_and_flip, to_lab, to_rgb8
from ..environment import hardware
from ..guided import marks_of_hints
from ..inference import WEIGHTS, load_generator, load_network, save_generator
from ..kid import FEATURES, SIZE, FlowerNet, accuracy
from ..metrics import ab_histogram, ab_intersection, baseline_cards, colorfulness, predict, psnr, scorecard
from ..recipe import Recipe, choose_precision, choose_preset
from . import real_photos

EPOCHS = 120
HINTED_PHOTOS = 256  # on which hints are judged, spread over all: each is painted a dozen times, some two dozen times
HINTED = {"": "a colorizer that stands still, and a listener to color hints trained beside it"}
CLASSES = {"": "U-Net that gives each of the bins of ab a probability; painted is the annealed mean"}
TEMPERATURES = (0.05, 0.1, 0.2, 0.3, 0.38, 0.5, 0.7, 1.0)
VIVID = 60.0  # colorfulness that the temperature that ships reaches on validation photos; 59 is "quite colorful"


def training_command(recipe: Recipe, name: str) -> str:
    """The command that makes this run again."""
    preset = asdict(choose_preset(recipe.preset, "none" if recipe.encoder == "none" else "lite0"))
    preset["encoder"] = "lite0"  # the command line's own choice
    changed = [f" {k}={v}" for k, v in asdict(recipe).items() if v != preset[k] and k != "protocol"]
    command = f"python -m helpers.training --preset {recipe.preset} --protocol {recipe.protocol} --out runs/{name}"
    return command + (" --set" + "".join(changed) if changed else "")


def started_from(folder: Path) -> dict:
    """Of what a run went on from: its name, hash, and how it was trained, which may have a start of its own."""
    file = folder / "start.safetensors"
    card, digest = read_json(file.with_suffix(".json")), hashlib.sha256(file.read_bytes()).hexdigest()
    return {"sha256": digest, **{k: card[k] for k in ("name", "command", "training", "started_from") if k in card}}


def learned_from(timing: dict, recipe: Recipe) -> dict:
    """Of a finished run, by its `timing.json`: {"trained_on": "… photos of …"}, {} where an older version did not say.

    Raises SystemExit for drawn flowers, and for photos that are not those of the recipe's protocol.
    """
    photos = timing.get("photos")
    if photos is None:
        print("this run is of an older version, which did not write down what photos it learned from")
        return {}
    if photos["source"] != "flowers102":
        source = photos["source"].removesuffix(" photos")
        raise SystemExit(f"error: what ships is trained and judged on the real photos, not on {source} ones")
    if photos["split"] != (split := PROTOCOLS[recipe.protocol]["train"]):
        raise SystemExit(f"error: trained on the {photos['split']} split; the {recipe.protocol} protocol's is {split}")
    return {"trained_on": f"{photos['count']} photos of the official {split} split, {photos['size']} px"}


def ship(network: nn.Module, path: Path, size: int, card: dict, judge) -> None:
    """Write weights and their card. judge: called with the network as it was shipped, gives the marks for the card."""
    sweep(path.parent)
    fit_half(network)
    save_generator(network, path, size, half=True)
    shipped, _ = load_network(path, "network", type(network))
    card = {"name": path.stem, "parameters": sum(p.numel() for p in shipped.parameters()), **card, **judge(shipped)}
    card["training"]["torch"] = torch.__version__.split("+")[0]
    write_json(path.with_suffix(".json"), card)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, judged on {card['judged_on']}")


@torch.no_grad()
def fit_half(network: nn.Module) -> None:
    """See that no variance of a BatchNorm is beyond half precision, which ends at 65,504; what is painted stays.

    A BatchNorm divides by its standard deviation: with half the weights before it, and half the deviation, it gives the
    same. Powers of two round nothing.
    """
    for block in network.modules():
        parts = list(block.children())
        for conv, norm in zip(parts, parts[1:], strict=False):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                while norm.running_var is not None and norm.running_var.max() > torch.finfo(torch.half).max:
                    for weights in (*conv.parameters(), norm.running_mean):
                        weights /= 2
                    norm.running_var /= 4


def publish_weights(folder: Path, name: str) -> None:
    """Turn a finished run into `name` and `name-l1`, with cards; one that plays no game, into `name`."""
    recipe, timing = Recipe.restore(read_json(folder / "recipe.json")), read_json(folder / "timing.json")
    trained_on = learned_from(timing, recipe)
    test, seen = (real_photos(split, recipe.size, recipe.protocol) for split in ("test", "train"))
    baselines = {key: asdict(card) for key, card in baseline_cards(test, seen).items()}
    both = {"-l1": "U-Net trained on L1 alone", "": "U-Net trained on L1, then against a PatchGAN"}
    kinds = HINTED if recipe.hints else CLASSES if recipe.color_kind == "classes" else both
    for suffix, what in kinds.items():
        card = {
            "what": what,
            "command": training_command(recipe, name),
            "protocol": recipe.protocol,
            **trained_on,
            "judged_on": f"{len(test)} photos of the official {test.split} split, {recipe.size} px",
            "baselines": baselines,
            "training": timing,
            "recipe": asdict(recipe),
        }
        if recipe.start:
            card["started_from"] = started_from(folder)
        if recipe.encoder != "none":
            card["encoder"] = ORIGIN
        generator, _ = load_generator(folder / f"generator{suffix}.safetensors")
        if kinds is CLASSES:
            card["classes"] = {"bins": len(generator.bins)} | choose_temperature(generator, recipe)
        path = WEIGHTS / f"{name}{suffix}.safetensors"
        ship(generator, path, recipe.size, card, lambda model: _marks(model, test, recipe))


def _marks(model: nn.Module, test: Photos, recipe: Recipe) -> dict:
    """The scorecard, which is one without hints; and what hints bring to a network that takes them."""
    marks = {"scorecard": asdict(scorecard(model, test))}
    if recipe.hints:
        some = np.linspace(0, len(test) - 1, min(HINTED_PHOTOS, len(test))).astype(int)
        marks["hints"] = marks_of_hints(model, test.subset(some), few=HINTED_PHOTOS // 4)
    if recipe.color_kind == "classes":
        _, ab = to_lab(test.images[:, :, ::2, ::2])  # every other pixel is enough to count
        _, painted = to_lab(predict(model, test)[:, :, ::2, ::2])
        nearest = torch.cat([soft_encode(some, model.bins, neighbors=1)[0].flatten() for some in ab.split(32)])
        counts = nearest.bincount(minlength=len(model.bins))
        # Each color that is there counts alike. By the prior of the training photos, a few pixels of a color that they
        # hardly have would decide.
        balanced = {"weights": 1 / counts.clamp(min=1), "bins": model.bins}
        for name, guess in (("auc", painted), ("auc_of_gray", 0 * painted)):
            views = {"raw": {}, "balanced": balanced}
            marks[name] = {key: raw_accuracy(guess, ab, **options)["auc"] for key, options in views.items()}
    return marks


@torch.inference_mode()
def choose_temperature(model: nn.Module, recipe: Recipe) -> dict:
    """Set the temperature of a network that chooses, by validation photos; what each does goes into the card.

    It is the highest of those with a colorfulness of at least 60, as PSNR falls below it; if none has, the lowest.
    """
    photos = real_photos("val", recipe.size, recipe.protocol)
    photos, painted = photos.subset(slice(None, None, 2)), {temperature: [] for temperature in TEMPERATURES}
    for images in photos.images.split(32):
        L, _ = to_lab(images)
        logits = model(L, logits=True)
        for temperature, out in painted.items():
            out.append(to_rgb8(L, model.full_size(annealed_mean(logits, model.bins, temperature), L)))
    vivid, colors, table = colorfulness(photos.images), ab_histogram(photos.images), {}
    for temperature, out in painted.items():
        guess = torch.cat(out)
        table[temperature] = {
            "psnr": float(psnr(photos.images, guess).mean()),
            "colorfulness": float(colorfulness(guess).mean()),
            "delta_cf": float(np.abs(colorfulness(guess) - vivid).mean()),
            "ab_intersection": ab_intersection(colors, ab_histogram(guess)),
        }
    enough = [t for t, marks in table.items() if marks["colorfulness"] >= VIVID]
    model.temperature = max(enough, default=min(table))
    chosen = {"temperature": model.temperature, "truth_colorfulness": float(vivid.mean())}
    chosen["chosen_on"] = f"{len(photos)} photos of the official {photos.split} split, {photos.size} px"
    return chosen | {"temperatures": {str(temperature): marks for temperature, marks in table.items()}}


def train_flowernet(photos: Photos, epochs: int = EPOCHS, batch_size: int = 64, seed: int = 0, lr: float = 3e-3):
    """A `FlowerNet` trained on these photos, with crops and flips and no color jitter."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photos, labels = photos.to(device), photos.labels.to(device)
    torch.manual_seed(seed)
    network = FlowerNet(int(labels.max()) + 1).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr, weight_decay=0.05)
    whole = len(photos) // batch_size * batch_size  # the incomplete last batch is left out
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, whole // batch_size * epochs, pct_start=0.2)
    for epoch in progress_bar(range(epochs), epochs, "training FlowerNet"):
        chance = torch.Generator().manual_seed(seed * 100_003 + epoch)
        for index in torch.randperm(len(photos), generator=chance)[:whole].split(batch_size):
            images = crop_and_flip(photos.images, index, SIZE, chance)
            with torch.autocast(device.type, torch.bfloat16, enabled=choose_precision() == "bf16"):
                logits = network(images)
            loss = F.cross_entropy(logits.float(), labels[index.to(device)], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval().cpu()


def publish_flowernet() -> None:
    """Train `FlowerNet`, the eyes of KID, on the official train and val photos, and judge it on test."""
    parts, test = [real_photos(split, 80) for split in ("train", "val")], real_photos("test", SIZE)
    images, labels, ids = (torch.cat([getattr(part, name) for part in parts]) for name in ("images", "labels", "ids"))
    started, busy = time.perf_counter(), time.process_time()
    network = train_flowernet(Photos(images, labels, ids, "train and val", test.source))
    spent = {"seconds": time.perf_counter() - started, "core_seconds": time.process_time() - busy}
    card = {
        "what": "a classifier of 102 flowers; its layer before the last is what KID compares. It is no colorizer",
        "command": "python -m helpers.publish flowernet",
        "trained_on": f"{len(images)} photos of the official train and val splits, 80 px, cropped to {SIZE} px",
        "judged_on": f"{len(test)} photos of the official test split, {SIZE} px",
        "chance": 1 / int(labels.max() + 1),
        "training": {"epochs": EPOCHS, "hardware": hardware()} | {key: round(s, 1) for key, s in spent.items()},
    }
    views = {"accuracy": test.images, "accuracy_in_gray": predict("gray", test)}
    ship(network, FEATURES, SIZE, card, lambda net: {key: accuracy(net, x, test.labels) for key, x in views.items()})
