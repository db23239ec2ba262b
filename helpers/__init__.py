"""The small package that the notebooks build up and import. Each module can be read on its own.

Importing `helpers` loads nothing else: `from helpers.color import rgb_to_lab`, and so on.
"""

import gc
import sys

# What PyTorch imports is no garbage: looked for after each 700 objects, as Python does, it takes a fifth of the time.
gc.set_threshold(10_000)

# `python -m helpers.training`: while Python looks for the module, argv is ["-m"]. PyTorch takes seconds to import, and
# Ctrl-C should then end in a line, not in a page. In a notebook, a test or a script nothing happens here.
COMMANDS = ("helpers.inference", "helpers.training", "helpers.publish", "helpers.classroom")
said = getattr(sys, "orig_argv", [])  # Python 3.9 has none, and is told by helpers.environment that it is old
if getattr(sys, "argv", [])[:1] == ["-m"] and any(word.removeprefix("-m") in COMMANDS for word in said):
    from .backstage.commands import listen

    listen()
