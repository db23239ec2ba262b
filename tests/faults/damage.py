"""Kinds of damaged data, each by its name: the folder of Flowers102, the cache, folders of runs, weights and cards.

Each is refused by a documented error that names the file, or what comes out is what comes out without it.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from helpers.backstage import flowers
from helpers.data import load_flowers
from helpers.inference import Colorizer

from .campaign import Kind, Lost
from .mutants import RUN, _environment, _quiet, _ready, _runs
from .processes import call
from .stage import (
    SIZE,
    TASKS,
    arrays_of,
    check_files,
    check_message,
    documented,
    once,
    photos_root,
    reference,
    said_so,
    weights,
)  # fmt: skip

__all__ = ["DAMAGES", "KINDS"]


@dataclass(frozen=True)
class Damage:
    """what: of which `check` is the judge. names: one of which a refusal must have."""

    what: str
    words: str
    do: Callable[[Path], object]
    names: tuple[str, ...] = ()


DAMAGES: list[Damage] = []


def damage(what: str, words: str, *names: str):
    """Note a function that damages a folder."""

    def noted(function):
        DAMAGES.append(Damage(what, words, function, names))
        return function

    return noted


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def went_off(folder: Path) -> Path:
    return folder / "a bomb went off"


# ---------------------------------------------------------------------- the folder of Flowers102, in folder/flowers-102


def photo(folder: Path, number: int = 17) -> Path:  # one of the test split
    return folder / "flowers-102/jpg" / f"image_{number:05d}.jpg"


damage("photos", "no photos", "flowers-102")(lambda folder: shutil.rmtree(folder / "flowers-102/jpg"))
damage("photos", "one photo missing", photo(Path()).name)(lambda folder: photo(folder).unlink())
damage("photos", "a photo without bytes", photo(Path()).name)(lambda folder: photo(folder).write_bytes(b""))
damage("photos", "a photo that is a text", photo(Path()).name)(lambda folder: photo(folder).write_text("404 " * 99))
damage("photos", "half a photo", photo(Path()).name)(lambda folder: cut(photo(folder), 0.5))
damage("photos", "a photo of zeros", photo(Path()).name)(lambda folder: photo(folder).write_bytes(bytes(5000)))
damage("photos", "no list of splits", "setid.mat")(lambda folder: (folder / "flowers-102/setid.mat").unlink())
damage("photos", "half a list of splits", "setid.mat")(lambda folder: cut(folder / "flowers-102/setid.mat", 0.5))
damage("photos", "labels without bytes", "imagelabels.mat")(
    lambda folder: (folder / "flowers-102/imagelabels.mat").write_bytes(b"")
)


@damage("photos", "a photo that is a folder", photo(Path()).name)
def _(folder):
    photo(folder).unlink()
    photo(folder).mkdir()


@damage("photos", "a photo that is a link to nothing", photo(Path()).name)
def _(folder):
    photo(folder).unlink()
    photo(folder).symlink_to(folder / "nothing")


@damage("photos", "a photo that is a pipe", photo(Path()).name)
def _(folder):
    photo(folder).unlink()
    os.mkfifo(photo(folder))


@damage("photos", "a photo of 60,000 x 60,000 pixels", photo(Path()).name)
def _(folder):
    data = bytearray(photo(folder).read_bytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    photo(folder).write_bytes(data)


@damage("photos", "labels that are a pickle", "imagelabels.mat")
def _(folder):
    (folder / "flowers-102/imagelabels.mat").write_bytes(pickle.dumps(Bomb(went_off(folder))))


@damage("photos", "a photo that starts a program", photo(Path()).name)
def _(folder):
    photo(folder).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n%%EOF\n" * 9)


@damage("photos", "flowers-102 is a file", "flowers-102")
def _(folder):
    shutil.rmtree(folder / "flowers-102")
    (folder / "flowers-102").write_text("")


@damage("photos", "what is in flowers-102 lies above it", "flowers-102")
def _(folder):
    for path in (folder / "flowers-102").iterdir():
        path.rename(folder / path.name)
    (folder / "flowers-102").rmdir()


@damage("photos", "foreign files among the photos")
def _(folder):
    (folder / "flowers-102/jpg/Thumbs.db").write_bytes(bytes(100))
    (folder / "flowers-102/jpg/notes.txt").write_text("my notes")


def cut(path: Path, part: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])


# --------------------------------------------------------------------------- the cache of these photos, in folder/cache


def kept(folder: Path) -> Path:
    return next((folder / "cache").glob("*.npy"))


damage("cache", "a cache without bytes")(lambda folder: kept(folder).write_bytes(b""))
damage("cache", "half a cache")(lambda folder: cut(kept(folder), 0.5))
damage("cache", "a cache that is a text")(lambda folder: kept(folder).write_text("nothing " * 999))
damage("cache", "a cache of another shape")(lambda folder: np.save(kept(folder), np.zeros((3, 3, 64, 64), np.uint8)))
damage("cache", "a cache of floats")(lambda folder: np.save(kept(folder), np.zeros((14, 3, 64, 64), np.float32)))
damage("cache", "a cache that is a pickle")(
    lambda folder: np.save(kept(folder), np.array([Bomb(went_off(folder))], object), allow_pickle=True)
)


@damage("cache", "a cache whose last bytes are zeros")
def _(folder):
    data = kept(folder).read_bytes()
    kept(folder).write_bytes(data[:-5000] + bytes(5000))


@damage("cache", "a cache with one other bit")
def _(folder):
    data = bytearray(kept(folder).read_bytes())
    data[len(data) // 2] ^= 4
    kept(folder).write_bytes(data)


@damage("cache", "a cache that is a folder", "flowers-", "cache")
def _(folder):
    path = kept(folder)
    path.unlink()
    path.mkdir()


@damage("cache", "the rest of a killed one beside the cache")
def _(folder):
    path = kept(folder)
    cut(path, 0.3)
    path.rename(path.with_name(f".{path.name}.partial-99999"))


@damage("cache", "a lock that nobody holds")
def _(folder):
    kept(folder).with_suffix(".lock").write_text("99999")
    kept(folder).unlink()


@damage("cache", "the cache's folder is a file", "cache")
def _(folder):
    shutil.rmtree(folder / "cache")
    (folder / "cache").write_text("")


@damage("replaced", "a photo replaced by another one of the same size")
def _(folder):
    image = Image.open(photo(folder))
    data = io.BytesIO()
    image.point(lambda value: 255 - value).save(data, "JPEG", quality=95)
    size = photo(folder).stat().st_size
    text = data.getvalue()[:size]
    time.sleep(0.02)
    photo(folder).write_bytes(text.ljust(size, b"\0"))


# ----------------------------------------------------------------------------------- the folder of a run, in folder/run


def checkpoint(folder: Path) -> Path:
    return folder / "run/last.pt"


def change(folder: Path, function: Callable[[dict], object]) -> None:
    state = torch.load(checkpoint(folder), weights_only=True)
    function(state)
    torch.save(state, checkpoint(folder))


damage("stopped", "a checkpoint without bytes", "last.pt")(lambda folder: checkpoint(folder).write_bytes(b""))
damage("stopped", "half a checkpoint", "last.pt")(lambda folder: cut(checkpoint(folder), 0.5))
damage("stopped", "a checkpoint that is a text", "last.pt")(lambda folder: checkpoint(folder).write_text("404 " * 999))
damage("stopped", "a checkpoint without its critic", "run")(lambda folder: change(folder, lambda it: it.pop("critic")))
damage("stopped", "a checkpoint without its optimizer", "run")(
    lambda folder: change(folder, lambda it: it.pop("g_optimizer"))
)
damage("stopped", "a checkpoint at step -3", "run")(lambda folder: change(folder, lambda it: it.update(step=-3)))
damage("stopped", "a checkpoint past the end", "run")(lambda folder: change(folder, lambda it: it.update(step=10**9)))
damage("stopped", "a checkpoint of half a step", "run")(lambda folder: change(folder, lambda it: it.update(step=2.5)))
damage("stopped", "a checkpoint that is a list", "last.pt")(lambda folder: torch.save([1, 2], checkpoint(folder)))
damage("stopped", "a recipe that is a text", "recipe.json")(
    lambda folder: (folder / "run/recipe.json").write_text("a cup of sugar")
)
damage("stopped", "no recipe", "recipe.json")(lambda folder: (folder / "run/recipe.json").unlink())
damage("stopped", "a history that is a text", "history.json")(
    lambda folder: (folder / "run/history.json").write_text('[{"step": ')
)
damage("stopped", "a sample without bytes", "truth.png")(
    lambda folder: (folder / "run/samples/truth.png").write_bytes(b"")
)
damage("done", "a duration that is a text", "timing.json")(
    lambda folder: (folder / "run/timing.json").write_text('{"seconds": "many"}')
)
damage("done", "a duration that is cut", "timing.json")(lambda folder: (folder / "run/timing.json").write_text('{"sec'))
damage("done", "a duration without bytes", "timing.json")(lambda folder: (folder / "run/timing.json").write_text(""))
damage("done", "weights that are cut", "generator.safetensors")(
    lambda folder: cut(folder / "run/generator.safetensors", 0.9)
)
damage("done", "weights that are missing", "generator.safetensors")(
    lambda folder: (folder / "run/generator.safetensors").unlink()
)
damage("done", "weights of the color phase that are a text", "generator-l1.safetensors")(
    lambda folder: (folder / "run/generator-l1.safetensors").write_text("404")
)
damage("done", "weights of the color phase that are missing", "generator-l1.safetensors")(
    lambda folder: (folder / "run/generator-l1.safetensors").unlink()
)


@damage("stopped", "a checkpoint whose last bytes are zeros", "last.pt")
def _(folder):
    data = checkpoint(folder).read_bytes()
    checkpoint(folder).write_bytes(data[:-9000] + bytes(9000))


@damage("stopped", "a checkpoint with one other bit", "last.pt")
def _(folder):
    data = bytearray(checkpoint(folder).read_bytes())
    data[len(data) // 2] ^= 4
    checkpoint(folder).write_bytes(data)


@damage("stopped", "a checkpoint that is a pickle", "last.pt")
def _(folder):
    checkpoint(folder).write_bytes(pickle.dumps({"recipe": Bomb(went_off(folder))}))


@damage("stopped", "a checkpoint with a pickle in its archive", "last.pt")
def _(folder):
    torch.save({"recipe": {}, "step": 3, "bomb": Bomb(went_off(folder))}, checkpoint(folder))


@damage("stopped", "a checkpoint that is a folder", "last.pt")
def _(folder):
    checkpoint(folder).unlink()
    checkpoint(folder).mkdir()


@damage("stopped", "a checkpoint with a number that is none", "run")
def _(folder):
    change(folder, lambda it: it["generator"][next(iter(it["generator"]))].fill_(float("nan")))


@damage("stopped", "a checkpoint with a layer of another shape", "run")
def _(folder):
    def other(state):
        name = next(iter(state["generator"]))
        state["generator"][name] = torch.zeros(3)

    change(folder, other)


@damage("stopped", "a checkpoint of other photos' recipe", "run")
def _(folder):
    change(folder, lambda it: it["recipe"].update(batch_size=5))


@damage("stopped", "the recipe of another run", "recipe.json")
def _(folder):
    path = folder / "run/recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lr": 0.5}))


@damage("stopped", "samples that are a file", "samples")
def _(folder):
    shutil.rmtree(folder / "run/samples")
    (folder / "run/samples").write_text("")


@damage("stopped", "the rests of killed ones")
def _(folder):
    for name in ("last.pt", "history.json", "generator.safetensors"):
        (folder / f"run/.{name}.partial-99999").write_bytes(bytes(3000))
    (folder / "run/samples/.truth.png.partial-99999").write_bytes(b"half a picture")


# ------------------------------------------------------------------------------- weights and their card, in folder/it.*


def resaved(path: Path, **notes) -> None:
    """The same tensors under another header, without whatever sum was there."""
    with safe_open(path, "pt") as file:
        header, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    header = {key: header[key] for key in ("config", "size")} | notes
    save_file(tensors, path, {key: value for key, value in header.items() if value is not None})


def it(folder: Path) -> Path:
    return folder / "it.safetensors"


def configured(folder: Path, **changes) -> None:
    with safe_open(it(folder), "pt") as file:
        config = json.loads(file.metadata()["config"])
    resaved(it(folder), config=json.dumps(config | changes))


NAMED = ("it.safetensors", "it.json")
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4cac19622fc3ada9c0fdeadb33f88f367b541f38b89102\nsize 9\n"
damage("weights", "weights without bytes", *NAMED)(lambda folder: it(folder).write_bytes(b""))
damage("weights", "a pointer of Git LFS in place of weights", *NAMED)(lambda folder: it(folder).write_text(LFS))
damage("weights", "half of the weights", *NAMED)(lambda folder: cut(it(folder), 0.5))
damage("weights", "weights that are missing", *NAMED)(lambda folder: it(folder).unlink())
damage("weights", "a header of 2^63 bytes", *NAMED)(
    lambda folder: it(folder).write_bytes(struct.pack("<Q", 2**63) + b"{}" * 99)
)
damage("weights", "weights that do not say of what", *NAMED)(lambda folder: resaved(it(folder), config=None))
damage("weights", "weights of an unknown kind", *NAMED)(lambda folder: configured(folder, kind="Painter"))
damage("weights", "weights of a million channels", *NAMED)(lambda folder: configured(folder, width=10**6))
damage("weights", "weights of depth 60", *NAMED)(lambda folder: configured(folder, depth=60))
damage("weights", "weights whose width is a text", *NAMED)(lambda folder: configured(folder, width="wide"))
damage("weights", "a config that is a list", *NAMED)(lambda folder: resaved(it(folder), config="[1, 2]"))
damage("weights", "weights for pictures of 0 px", *NAMED)(lambda folder: resaved(it(folder), size="0"))
damage("weights", "weights for pictures of -32 px", *NAMED)(lambda folder: resaved(it(folder), size="-32"))
damage("weights", "weights for pictures of a million px", *NAMED)(lambda folder: resaved(it(folder), size="1000000"))
damage("weights", "weights for pictures of many px", *NAMED)(lambda folder: resaved(it(folder), size="many"))
damage("weights", "a card that is a text", *NAMED)(lambda folder: it(folder).with_suffix(".json").write_text("# Card"))
damage("weights", "a card without bytes", *NAMED)(lambda folder: it(folder).with_suffix(".json").write_bytes(b""))
damage("weights", "a card in Latin-1", *NAMED)(
    lambda folder: it(folder).with_suffix(".json").write_bytes('{"name": "Blüte"}'.encode("latin1"))
)
damage("weights", "a card that is a list", *NAMED)(lambda folder: it(folder).with_suffix(".json").write_text("[[1]]"))
damage("weights", "a card nested a million deep", *NAMED)(
    lambda folder: it(folder).with_suffix(".json").write_text("[" * 10**6)
)


@damage("weights", "weights that are a pickle", *NAMED)
def _(folder):
    torch.save({"bomb": Bomb(went_off(folder))}, it(folder))


@damage("weights", "weights that are a folder", *NAMED)
def _(folder):
    it(folder).unlink()
    it(folder).mkdir()


@damage("weights", "weights that are a pipe", *NAMED)
def _(folder):
    it(folder).unlink()
    os.mkfifo(it(folder))


@damage("weights", "a card that is a folder", *NAMED)
def _(folder):
    it(folder).with_suffix(".json").unlink()
    it(folder).with_suffix(".json").mkdir()


@damage("weights", "a number in the weights that is none", *NAMED)
def _(folder):
    spoil(folder, "weight", float("nan"))


@damage("weights", "an infinite number in the weights", *NAMED)
def _(folder):
    spoil(folder, "running_var", float("inf"))


@damage("weights", "weights with one other bit", *NAMED)
def _(folder):
    data = bytearray(it(folder).read_bytes())
    data[-1000] ^= 4
    it(folder).write_bytes(data)


def spoil(folder: Path, name: str, value: float) -> None:
    with safe_open(it(folder), "pt") as file:
        header, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    tensors[next(key for key in tensors if name in key)].view(-1)[0] = value
    save_file(tensors, it(folder), {key: header[key] for key in ("config", "size")})


# ------------------------------------------------------------------------------------------------------- what must hold


def damaged(chance: Random, folder: Path, number: int) -> None:
    one = DAMAGES[number]
    try:
        CHECKS[one.what](one, folder)
    except Exception as error:
        raise type(error)(f"{one.words}: {error}") from error
    if went_off(folder).exists():
        raise Lost(f"{one.words}: code in a file was run")


def _photos(one: Damage, folder: Path) -> None:
    made = reference(TASKS["caching"])
    shutil.copytree(photos_root(), folder, dirs_exist_ok=True)
    one.do(folder)
    with _environment(COLORIZE_CACHE=str(folder / "cache")):
        try:
            images = load_flowers("test", 64, root=folder, progress=False).images
        except Exception as error:
            documented(error, *one.names)
            if list((folder / "cache").glob("*.npy")):
                raise Lost("half a cache is there") from error
            return
    if one.names:
        raise Lost("nothing is said")
    _same_photos(images, made)


def _same_photos(images, made) -> None:
    truth = np.stack([flowers._decode(photo(photos_root(), i), 64) for i in range(17, 31)])
    if not np.array_equal(images.numpy(), truth):
        raise Lost("other photos are loaded, and nothing is said")


def _cache(one: Damage, folder: Path) -> None:
    made, cache = reference(TASKS["caching"]), TASKS["caching"].do
    _quiet(cache, folder)
    one.do(folder)
    code, text = _quiet(cache, folder)
    if code:
        return said_so(text, *(one.names or ("cache",)))
    check_files(folder, made, finished=True)


def _replaced(one: Damage, folder: Path) -> None:
    """After it was cached: what is loaded then is the new one."""
    shutil.copytree(photos_root(), folder, dirs_exist_ok=True)
    with _environment(COLORIZE_CACHE=str(folder / "cache")):
        load_flowers("test", 64, root=folder, progress=False)
        one.do(folder)
        images = load_flowers("test", 64, root=folder, progress=False).images
    if not np.array_equal(images[0].numpy(), flowers._decode(photo(folder), 64)):
        raise Lost("the old one is loaded, and nothing is said")


def _run(one: Damage, folder: Path) -> None:
    made = reference(RUN)
    shutil.copytree(once("runs", _runs) / one.what, folder, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    one.do(folder)
    damaged = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    ended = call(RUN.do, folder)
    check_message(ended, *(one.names or ("run",)))
    if ended.value == 0:
        # What was damaged and is not needed any more may stay as it is: a sample, the history of a run that is done.
        untouched = [
            str(path.relative_to(folder))
            for path, data in damaged.items()
            if before.get(path) != data and path.is_file() and path.read_bytes() == data
        ]
        check_files(folder, made, finished=True, but=tuple(untouched))


def _weights(one: Damage, folder: Path) -> None:
    for suffix in (".safetensors", ".json"):
        shutil.copyfile(weights().with_suffix(suffix), it(folder).with_suffix(suffix))
    truth = arrays_of(Colorizer.from_pretrained(it(folder), "cpu").model.state_dict())
    one.do(folder)
    try:
        read = Colorizer.from_pretrained(it(folder), "cpu")
    except Exception as error:
        return documented(error, *one.names)
    state = arrays_of(read.model.state_dict())
    if state.keys() != truth.keys() or any(not np.array_equal(state[key], truth[key]) for key in truth):
        raise Lost("other weights are read, and nothing is said")
    if read.size != SIZE:
        raise Lost(f"pictures are colored at {read.size} px")


CHECKS = {
    "photos": _photos, "cache": _cache, "replaced": _replaced, "stopped": _run, "done": _run, "weights": _weights,
}  # fmt: skip
KINDS = [Kind("kinds of damaged data", damaged, len(DAMAGES), 60, ready=_ready, least=10)]
