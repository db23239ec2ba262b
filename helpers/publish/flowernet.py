"""Train `FlowerNet`, the eyes of KID, and put it into helpers/weights/features/ with its card."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F

from ..backstage.files import write_json
from ..backstage.progress import progress_bar
from ..backstage.tensors import save_tensors
from ..data import Photos, crop_and_flip, load_flowers
from ..environment import hardware
from ..kid import FEATURES, SIZE, FlowerNet, accuracy, load_features
from ..metrics import predict
from ..recipe import choose_precision

EPOCHS = 120


def train_flowernet(photos: Photos, epochs: int = EPOCHS, batch_size: int = 64, seed: int = 0, lr: float = 3e-3):
    """A `FlowerNet` trained on these photos, with crops and flips and no color jitter."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photos, labels = photos.to(device), photos.labels.to(device)
    torch.manual_seed(seed)
    network = FlowerNet(int(photos.labels.max()) + 1).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr, weight_decay=0.05)
    steps = len(photos) // batch_size * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.2)
    half = choose_precision() == "bf16"
    for epoch in progress_bar(range(epochs), epochs, "training FlowerNet"):
        chance = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(photos), generator=chance)
        for index in order[: len(photos) // batch_size * batch_size].split(batch_size):
            images = crop_and_flip(photos.images, index, SIZE, chance)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                logits = network(images)
            loss = F.cross_entropy(logits.float(), labels[index.to(device)], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval().cpu()


def publish_flowernet(epochs: int = EPOCHS, path: Path = FEATURES) -> None:
    """Train on the official train and val photos, write half precision weights and their card, judged as shipped.

    Raises SystemExit without the real photos.
    """
    parts = [load_flowers(split, 80) for split in ("train", "val")]
    test = load_flowers("test", SIZE)
    if test.source != "flowers102":
        raise SystemExit("error: the feature network is trained on the real photos; set FLOWERS102_ROOT")
    images, labels, ids = (torch.cat([getattr(part, name) for part in parts]) for name in ("images", "labels", "ids"))
    both = Photos(images, labels, ids, "train and val", test.source)
    started, busy = time.perf_counter(), time.process_time()
    network = train_flowernet(both, epochs)
    seconds, core_seconds = time.perf_counter() - started, time.process_time() - busy
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(network.state_dict(), path, {"config": json.dumps(network.config)}, half=True)
    shipped, _ = load_features(path)
    card = {
        "name": path.stem,
        "what": "a classifier of 102 flowers; its layer before the last is what KID compares. It is no colorizer",
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "command": "python -m helpers.publish flowernet" + (f" --epochs {epochs}" if epochs != EPOCHS else ""),
        "trained_on": f"{len(both)} photos of the official train and val splits, 80 px, cropped to {SIZE} px",
        "judged_on": f"{len(test)} photos of the official test split, {SIZE} px",
        "accuracy": accuracy(shipped, test.images, test.labels),
        "accuracy_in_gray": accuracy(shipped, predict("gray", test), test.labels),
        "chance": 1 / int(labels.max() + 1),
        "training": {
            "epochs": epochs,
            "seconds": round(seconds, 1),
            "core_seconds": round(core_seconds, 1),
            "hardware": hardware(),
            "torch": version("torch").split("+")[0],
        },
    }
    write_json(path.with_suffix(".json"), card)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, right on {card['accuracy']:.1%} of {card['judged_on']}")
