"""Writing safetensors whole, and the same content as the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from .files import writing

__all__ = ["save_tensors"]


def save_tensors(tensors: dict[str, Tensor], path: str | Path, notes: dict[str, str], half: bool = False) -> None:
    """Write tensors and a few notes in the header (the metadata of safetensors). half: floats as float16.

    The library keeps the notes in a hash map, and their order changes from run to run; here they are sorted.
    """
    from safetensors.torch import save

    def shrink(t: Tensor) -> Tensor:
        t = t.half() if half and t.is_floating_point() else t
        return t.detach().cpu().contiguous()

    content = save({key: shrink(value) for key, value in tensors.items()}, notes)
    end = 8 + int.from_bytes(content[:8], "little")  # the format: length of the header, header, tensors
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(notes.items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors stay aligned
    with writing(path) as beside:
        beside.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
