"""A lone copy of a notebook in an empty folder of a simulated Colab, and what it does there.

    python -m tests.lone                          # every notebook, from top to bottom, at the smallest budget
    python -m tests.lone 03_the_unet              # those named

Simulated are: the session that tells from where a notebook was opened (a server on this computer), GitHub (a repository
on this computer, which git is told to take for it), and the variables that Colab sets. Nothing else is: curl, git and
the notebook's own kernel do what they do there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import nbformat

ROOT = Path(__file__).parent.parent
OWNER = "somebody/a-copy-of-the-course"
PARTS = ("helpers", "images", "notebooks", "tests/benchmarks/results", "pyproject.toml", "requirements.txt")
NEEDED = ("git", "curl")


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def make_remote(folder: Path, *leave_out: str) -> Path:
    """What GitHub would have: the course as it is here now, on `main`; gives the repository's folder.

    leave_out: names of what is heavy, and not needed where nothing but the set-up cell is run.
    """
    repository = folder / OWNER
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.egg-info", *leave_out)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, repository / part, ignore=leave)
        else:
            shutil.copy(ROOT / part, repository)
    git(repository, "init", "-q")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")  # as GitHub does
    commit(repository)
    return repository


def commit(repository: Path) -> str:
    git(repository, "add", "-A")
    git(repository, "-c", "commit.gpgsign=false", "commit", "-q", "-m", "as it is")
    return git(repository, "rev-parse", "HEAD")


@contextmanager
def session(opened: str) -> Iterator[int]:
    """The port of a server that tells, as Colab's does, from where the notebook was opened."""
    answer = [{"id": "1", "name": "a%20name", "path": f"fileId={quote(opened, safe='')}", "type": "notebook"}]

    class Sessions(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/sessions" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Sessions) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def surroundings(github: Path, port: int | None = None, **more: str) -> dict[str, str]:
    """The variables of such a kernel. github: the folder that is taken for it. port: of the session; None: no Colab."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "FLOWERS", "GIT_"))}
    for name in ("COLORIZE_RUNS", "VIRTUAL_ENV"):  # IPython has a warning about another environment than its own
        env.pop(name, None)
    rewritten = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{github}/.insteadOf"}
    env |= rewritten | {
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "COLORIZE_PRESET": "smoke",
        "COLORIZE_OFFLINE": "1",
    }
    if port:
        env |= {"COLAB_RELEASE_TAG": "release-simulated", "COLAB_JUPYTER_IP": "127.0.0.1", "KMP_TARGET_PORT": str(port)}
    return env | more


SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.config import InlineBackend
shell = InteractiveShell.instance()
shell.colors = "nocolor"
shell.configurables.append(InlineBackend.instance(parent=shell))
for cell in sys.stdin.read().split("\\0"):
    if not shell.run_cell(cell, store_history=True).success:
        sys.exit(1)
"""


def run_cells(cells: list[str], folder: Path, env: dict[str, str], python: str = sys.executable) -> tuple[int, str]:
    """Run cells in IPython in a folder, without Jupyter, which takes longer: exit code, and what was printed."""
    done = subprocess.run(
        [python, "-c", SHELL], input="\0".join(cells), cwd=folder, env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def run_notebook(path: Path, folder: Path, env: dict[str, str], seconds: int = 600) -> nbformat.NotebookNode:
    """A lone copy of a notebook, executed in an empty folder; raises what its first failing cell raises."""
    import nbclient

    folder.mkdir(parents=True)
    shutil.copy(path, folder)
    notebook = nbformat.read(folder / path.name, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=seconds, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
    )  # fmt: skip
    client.execute(env=env)
    return notebook


def main(names: list[str]) -> int:
    from helpers.publish.notebooks import notebook_paths

    failed = []
    with tempfile.TemporaryDirectory(prefix="lone-") as place:
        github = Path(place) / "github"
        make_remote(github)
        for path in notebook_paths(names):
            inside = path.relative_to(ROOT).as_posix()
            begun = time.perf_counter()
            with session(f"https://github.com/{OWNER}/blob/main/{inside}") as port:
                env = surroundings(github, port, COLORIZE_CACHE=f"{place}/cache")
                try:
                    run_notebook(path, Path(place) / path.stem, env)
                    how = "ran from top to bottom"
                except Exception as error:
                    failed.append(path.stem)
                    how = f"FAILED: {str(error)[-1500:]}"
            shutil.rmtree(Path(place) / path.stem, ignore_errors=True)
            print(f"{inside}: {how}, {time.perf_counter() - begun:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
