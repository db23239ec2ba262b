"""Writing safetensors whole, and the same content as the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from .files import writing

__all__ = ["save_tensors"]


def save_tensors(tensors: dict[str, Tensor], path: str | Path, notes: dict[str, str], half: bool = False) -> None:
    """Write tensors and a few notes in the header (the metadata of safetensors). half: floats as float16."""
    from safetensors.torch import save

    tensors = {key: value.half() if half and value.is_floating_point() else value for key, value in tensors.items()}
    content = save({key: value.cpu().contiguous() for key, value in tensors.items()}, notes)
    # The library keeps the notes in a hash map, in another order each time. Here they are sorted, so that the same
    # run ends with the same bytes. The format: 8 bytes with the length of the header, the header in JSON, the tensors.
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end]) | {"__metadata__": dict(sorted(notes.items()))}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    with writing(path) as beside:
        beside.write_bytes(content[:8] + text.ljust(end - 8) + content[end:])
