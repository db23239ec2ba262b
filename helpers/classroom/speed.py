"""How fast a computer is, as far as this course is concerned: the time of two steps of its own training."""

from __future__ import annotations

import time
from dataclasses import replace

__all__ = ["mini_training"]


def mini_training(enough: float = 3.0) -> float:
    """Seconds of one color step and one of the game, as at the cpu budget with eight photos: the fastest of some.

    On a CPU they are those that one core worked, which other programs hardly change. enough: seconds, for which it
    tries. It runs in the precision that the course would choose here, on noise.
    """
    import torch

    from ..data import Photos
    from ..exercises.moves import Alone
    from ..recipe import PRESETS, choose_precision
    from ..training import Trainer

    where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}[choose_precision()]

    class Here(Alone):
        device = where

        def prepare(self, *parts):
            return tuple(part.to(where) if isinstance(part, torch.nn.Module) else part for part in parts)

        def autocast(self):
            return torch.autocast(where.type, kind or torch.bfloat16, enabled=kind is not None)

    recipe = replace(PRESETS["cpu"], batch_size=8, small_steps=0, color_steps=1, critic_steps=0, gan_steps=1)
    noise = torch.randint(0, 256, (16, 3, recipe.load_size, recipe.load_size), dtype=torch.uint8)
    some = Photos(noise, torch.zeros(16).long(), torch.arange(16), "train", "drawn").to(where)
    clock, threads = time.process_time if where.type == "cpu" else time.perf_counter, torch.get_num_threads()
    torch.set_num_threads(1)
    seconds, until = [], time.perf_counter() + enough
    try:
        while len(seconds) < 2 or time.perf_counter() < until:  # the first warms up
            trainer, begun = Trainer(recipe, Here()), clock()
            for _step in trainer.steps(some, recipe.total_steps):
                pass
            if where.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(clock() - begun)
    finally:
        torch.set_num_threads(threads)
    return min(seconds[1:])
