"""The process in which one notebook is run and judged. grading.py starts it, with a time limit and without a network.

What counts is never what a notebook prints. `check` is replaced by one that asks the true check, after putting back
what the notebook may have changed in it, and writes the verdict into the report. An exercise whose `check` was never
called is judged in the end, by the name that the course's own notebook gives to its answer.

This is made against copied ticks and mistakes, not against a burglar: who writes Python that runs here can do anything.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FunctionType

from .. import exercises
from .grading import CHECKED, answer_names, code_cells

__all__ = ["main"]

GUARDED = ("builtins", "math", "numpy", "torch", "torch.nn.functional")
CHANGING = ("_", "exit", "quit")  # builtins that IPython itself replaces
TICK = re.compile(r"✓ (\d\d-\d+)\b")
MOST_TEXT = 200_000  # letters kept of what a cell prints


class Guard:
    """What the true check is made of, as it was before the notebook ran."""

    def __init__(self):
        mine = [module for name, module in sys.modules.items() if name.startswith(exercises.__name__)]
        others = [sys.modules[name] for name in GUARDED if name in sys.modules]
        self.modules = [(module, dict(vars(module))) for module in mine]
        self.modules += [(module, {k: v for k, v in vars(module).items() if callable(v)}) for module in others]
        self.tables = [(table, dict(table)) for table in (exercises.EXERCISES, exercises.OURS)]
        functions = {v for _, kept in self.modules for v in kept.values() if isinstance(v, FunctionType)}
        functions |= {v for _, kept in self.tables for v in kept.values() if isinstance(v, FunctionType)}
        self.functions = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in functions]

    def restore(self, allowed: object = None) -> list[str]:
        """Put back what was replaced, and return its names. allowed: what stands in for `check`, if anything."""
        replaced = []
        for module, kept in self.modules:
            for name, value in kept.items():
                now = vars(module).get(name)
                value = allowed if allowed and module is exercises and name == "check" else value
                if now is not value and name not in CHANGING:
                    replaced.append(f"{module.__name__}.{name}")
                    setattr(module, name, value)
        for table, kept in self.tables:
            if table != kept:
                replaced.append("the table of exercises")
                table.clear()
                table.update(kept)
        for f, code, defaults, named in self.functions:
            if f.__code__ is not code or f.__defaults__ is not defaults or f.__kwdefaults__ is not named:
                replaced.append(f"{f.__module__}.{f.__name__}")
                f.__code__, f.__defaults__, f.__kwdefaults__ = code, defaults, named
        return replaced


class Judge:
    """Stands where notebooks find `check`. report: takes what is found out, as keyword arguments."""

    def __init__(self, report: Callable):
        self.true, self.guard, self.report = exercises.check, Guard(), report
        self.ticks, self.judged = Counter(), set()

    def __call__(self, name: str, answer) -> str:
        verdict, line = self.ask(name, answer)
        number = name.split()[0]
        if not self.is_ours(answer):
            self.record(number, verdict, line)
        self.ticks[number] += verdict == "done"
        print(line)
        return verdict

    def ask(self, name: str, answer) -> tuple[str, str]:
        """(verdict, the line that check prints), of the true check."""
        for changed in self.guard.restore(self):
            self.report(replaced=changed)
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
            verdict = self.true(name, answer)
        line = out.getvalue().rstrip("\n").rpartition("\n")[2]  # what the answer prints comes before
        if changed := self.guard.restore(self):
            self.report(replaced=changed[0])
            verdict, line = "false tick", f"✗ {name}: it changes {changed[0]} while it is checked"
        return verdict, line

    def record(self, number: str, verdict: str, line: str) -> None:
        self.judged.add(number)
        self.report(number=number, verdict=verdict, hint=line.partition(": ")[2])

    @staticmethod
    def is_ours(answer) -> bool:
        """The course's own, with which a chapter goes on where the student's does not pass."""
        return any(answer is own for own in exercises.OURS.values())


class Limited(io.StringIO):
    """What a cell prints; the rest of what never ends is forgotten."""

    def write(self, text: str) -> int:
        if self.tell() < MOST_TEXT:
            super().write(text)
        return len(text)


def make_shell():
    """An IPython without a history on disk, in which the settings of figures that notebooks make mean something."""
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib_inline.config import InlineBackend
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = HistoryManager.enabled.default_value = False
    shell = InteractiveShell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
    shell.configurables.append(InlineBackend.instance(parent=shell))
    shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
    return shell


def run_cells(shell, cells: list[dict], judge: Judge, of_cell: dict[str, list[str]]) -> None:
    """Run the cells, one after the other, whatever a single one raises. of_cell: {id: exercises asked there}."""
    for i, cell in enumerate(cells, 1):
        judge.report(cell=i)
        shell.display_pub.outputs.clear()
        genuine, printed = judge.ticks.copy(), Limited()
        with redirect_stdout(printed), redirect_stderr(Limited()):
            result = shell.run_cell(cell["source"], store_history=True, silent=False)
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")
        shown = printed.getvalue() + json.dumps(
            [o["data"] for o in shell.display_pub.outputs], default=str, ensure_ascii=False
        )
        forged = Counter(TICK.findall(shown)) - (judge.ticks - genuine)
        for number in forged:
            judge.report(forged=number)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            numbers = {*CHECKED.findall(cell["source"]), *of_cell.get(cell["id"], ())}
            judge.report(error=f"{type(error).__name__}: {error}", cell=i, numbers=sorted(numbers))


def main(arguments: list[str]) -> None:
    notebook, chapter, report = arguments
    names = answer_names(chapter)
    of_cell: dict[str, list[str]] = {}
    for number, (_, cell) in names.items():
        of_cell.setdefault(cell, []).append(number)
    with open(report, "w", encoding="utf8") as file:

        def tell(**what) -> None:
            file.write(json.dumps(what) + "\n")
            file.flush()

        sys.argv[1:] = []
        judge = Judge(tell)
        exercises.check = judge
        shell = make_shell()
        run_cells(shell, code_cells(Path(notebook)), judge, of_cell)
        for changed in judge.guard.restore(judge):
            tell(replaced=changed)
        for number, (expression, _) in names.items():
            if number in judge.judged:
                continue
            with suppress(Exception):  # a name that is not there
                answer = eval(expression, shell.user_ns)
                if judge.is_ours(answer):
                    tell(number=number, verdict="not done", hint="the course's own answer stands where theirs should")
                else:
                    judge.record(number, *judge.ask(number, answer))
        tell(end=True)


if __name__ == "__main__":
    main(sys.argv[1:])
