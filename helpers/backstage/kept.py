"""Small networks that are trained once and loaded ever after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from torch import nn

from .checkpoints import runs_folder
from .tensors import read_tensors, save_tensors

__all__ = ["load_or_make"]


def load_or_make(name: str, model: nn.Module, key: tuple, train: Callable[[], list], anew: bool = False) -> list:
    """`model` as `train` once left it, and what that returned: loaded if it is kept, else made now and kept.

    name: of its folder in `runs_folder()`, `<name>-<eight letters for the key>`. key: all that the training depends
    on, beside the network's own shape. train: changes `model` and returns a list of numbers, such as its losses.
    anew: train in any case. A file that cannot be read, or that holds another network, is made anew, and said so.
    """
    code = hashlib.sha256(repr((str(model), key)).encode()).hexdigest()[:8]
    path = runs_folder() / f"{name}-{code}" / "network.safetensors"
    if path.exists() and not anew:
        try:
            state, notes = read_tensors(path, {})
            model.load_state_dict(state)
            return json.loads(notes["losses"])
        except Exception as error:  # whatever a damaged file makes of these lines
            print(f"{path.parent.name} cannot be read ({error}): it is trained anew")
    losses = train()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(model.state_dict(), path, {"losses": json.dumps(losses)})
    return losses
