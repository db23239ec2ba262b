"""Settings for every test and for the notebook kernels that nbval starts (they inherit the environment)."""

import atexit
import os
import shutil
import tempfile

os.environ["COLORIZE_PRESET"] = "smoke"
os.environ.setdefault("COLORIZE_OFFLINE", "1")  # tests never fetch 330 MB

# A cache of their own: tests neither trust nor spoil the user's.
os.environ["COLORIZE_CACHE"] = tempfile.mkdtemp(prefix="colorize-test-cache-")
atexit.register(shutil.rmtree, os.environ["COLORIZE_CACHE"], ignore_errors=True)
