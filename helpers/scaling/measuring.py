"""What a step takes, in seconds and in bytes, on the reader's own machine."""

from __future__ import annotations

import atexit
import logging
import re
import shutil
import sys
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..data import Photos, find_root

__all__ = ["memory_held", "no_compiler", "own_memory", "photo_files", "rates", "scratch_folder"]


def rates(steps: Mapping[str, Callable], photos: int, rounds: int = 3) -> dict[str, float]:
    """Photos a second of each step. Chapter 11.

    They take turns, so that whatever else the machine does hits all of them; the first round warms up and does not
    count, and of the others the median does. steps: {name: a function without arguments that handles `photos` photos}.
    """
    seconds = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            _wait()
            began = time.perf_counter()
            step()
            _wait()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: photos / float(np.median(took)) for name, took in seconds.items()}


def _wait() -> None:
    """A GPU works on while Python goes ahead."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class memory_held(TorchDispatchMode):
    """Counts the bytes of all tensors that come to life in a `with`: `peak`, the most that lived at a time. Chapter 11.

        with memory_held() as held: step()
        held.peak / 1e6                    # MB: activations, gradients, and what the optimizer makes

    The same on each device, and on "meta", where nothing is computed; what a kernel takes for itself is not seen. Not
    for a compiled network, whose tensors PyTorch does not show.
    """

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()  # storages that live, those from before too

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        for tensor in tree_leaves((arguments, keywords)):
            self._meet(tensor, 0)  # it was there before
        result = function(*arguments, **(keywords or {}))
        for tensor in tree_leaves(result):
            self._meet(tensor, 1)
        return result

    def _meet(self, tensor, counts: int) -> None:
        if (
            isinstance(tensor, torch.Tensor)
            and (key := (storage := tensor.untyped_storage())._cdata) not in self._known
        ):
            size = counts * storage.nbytes()
            self._known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key, size).atexit = False

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def own_memory() -> int:
    """Bytes of memory that are this process's own: what it maps from files is not, since the system can drop it.

    Elsewhere than on Linux, where systems do not tell the two apart, it counts both.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.M)[1])
    except (OSError, TypeError):
        import psutil  # Accelerate brings it

        return psutil.Process().memory_info().rss


def scratch_folder() -> Path:
    """A new folder that goes when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="scaling-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def photo_files(photos: Photos) -> list[Path]:
    """The JPEG file of each photo of Flowers102; of others one of 500 px, in a `scratch_folder`."""
    if photos.source == "flowers102":
        jpg = find_root() / "flowers-102" / "jpg"
        return [jpg / f"image_{number:05d}.jpg" for number in photos.ids.tolist()]
    from PIL import Image

    folder = scratch_folder()
    for i, image in enumerate(photos.images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).resize((500, 500)).save(folder / f"{i:05}.jpg", quality=90)
    return [folder / f"{i:05}.jpg" for i in range(len(photos))]


def no_compiler() -> str:
    """Why `torch.compile` cannot work here, "" if it can."""
    # It tells all who have no GPU that they have none, and those with Python 3.13.0 that 3.13.1 is quicker.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="Guards may run slower on Python")
    if sys.platform == "win32":
        return "on Windows it needs Visual Studio's compiler in a prompt of its own"
    if torch.cuda.is_available():
        major, minor = torch.cuda.get_device_capability()
        return "" if major >= 7 else f"its compiler for GPUs wants compute capability 7.0, this one has {major}.{minor}"
    if not (shutil.which("g++") or shutil.which("clang++")):
        return "it needs a C++ compiler, and neither g++ nor clang++ is installed"
    return ""
