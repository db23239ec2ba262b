"""SIGKILL at random moments: while training, while photos are cached, weights exported, a folder colored.

Half of the kills come after a random time, the others right before a random event that changes files, since there is
where something can be lost. Then everything there is looked at; and the same is begun again, until it ends.
"""

from __future__ import annotations

from functools import partial
from random import Random

from .campaign import Kind, Lost
from .processes import call
from .stage import TASKS, Task, check_files, check_message, reference

__all__ = ["KINDS"]

A_CHAIN = 4  # kills of one training, at most; it then goes on to its end


def killed(task: Task):
    def case(chance: Random, folder, number: int):
        made = reference(task)
        task.before(folder)
        for _ in range(A_CHAIN):
            if chance.random() < 0.5:
                moment = {"kill_after": chance.uniform(0, 1.1 * made.seconds)}
            else:
                moment = {"kill_at": chance.randint(1, made.events)}
            ended = call(task.do, folder, below=folder, **moment)
            if not ended.killed:  # too late
                check_message(ended)
                if ended.value:
                    raise Lost(f"after a kill it does not go on: {ended.err[-200:]!r}")
                break
            try:
                check_files(folder, made, finished=False)
            except Lost as found:
                raise Lost(f"{found} (killed {moment})") from found
            yield
        ended = call(task.do, folder, below=folder)
        check_message(ended)
        if ended.value:
            raise Lost(f"after a kill it does not go on: {ended.err[-200:]!r}")
        check_files(folder, made, finished=True)

    return case


def kind(name: str, count: int, seconds: float) -> Kind:
    return Kind(f"kills while {name}", killed(TASKS[name]), count, seconds, ready=partial(reference, TASKS[name]))


KINDS = [
    kind("training", 20, 120),
    kind("training with a pretrained encoder", 10, 300),
    kind("caching", 20, 30),
    kind("export", 20, 30),
    kind("coloring", 20, 60),
]
