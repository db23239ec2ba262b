"""A real JupyterLab and a real Chromium, on temporary folders. `conftest.py` starts one of each for all tests here."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TOKEN = "course"
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {  # every cell in the page, whether in view or not
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
OPEN = """async path => {
    const panel = await window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' });
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""
CLOSE = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.sessionContext.shutdown();
    panel.context.model.dirty = false;
    panel.dispose();
}"""


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def what_is_missing() -> str:
    """Why the browser tests cannot run here, or nothing."""
    for package in ("playwright", "axe_playwright_python", "jupyterlab"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed: pip install -r requirements.txt -e .[dev]"
    return "" if find_chromium() else "no Chromium or Chrome on the PATH (Debian: apt-get install chromium)"


def copy_course(folder: Path) -> None:
    """The notebooks, beside all they need, where running them cannot touch the checkout."""
    for name in ("notebooks", "helpers", "images", "tests/benchmarks/results"):  # chapter 5 quotes a race
        leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", folder)


@contextlib.contextmanager
def jupyter_lab(folder: Path, private: Path) -> Iterator[str]:
    """A JupyterLab that serves `folder` and keeps its own files in `private`, on a free port. Gives its address."""
    config = private / "config"
    for name, content in SETTINGS.items():
        file = config / "lab" / "user-settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(content))
    (config / "labconfig").mkdir()
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(news))
    places = {f"JUPYTER_{kind.upper()}_DIR": str(private / kind) for kind in ("config", "data", "runtime")}
    places["COLORIZE_RUNS"] = str(folder / "runs")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *("--ServerApp.port=0", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
        *(f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"),
        "--LabApp.extension_manager=readonly",
    ]
    with open(private / "jupyter.log", "w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=os.environ | places, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield _address(server, private)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)  # its own group: the server and its kernels
            server.wait()


def _address(server: subprocess.Popen, private: Path, seconds: float = 180) -> str:
    """Where the server listens, once it answers: with port 0 the system chose, and the server writes down which."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError, ValueError):  # no file yet, half a file, no answer yet
            (file,) = (private / "runtime").glob("jpserver-*.json")
            address = f"http://127.0.0.1:{json.loads(file.read_text())['port']}"
            urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=5).close()
            return address
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{(private / 'jupyter.log').read_text()[-3000:]}")


@contextlib.contextmanager
def chromium() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def open_lab(browser, address: str):
    """A page with JupyterLab. It costs more than twice what a notebook in it does, so that all are opened in one."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(180_000)  # a busy machine starts a kernel slowly
    page.goto(f"{address}/lab?token={TOKEN}&reset")
    page.wait_for_function("() => window.jupyterapp !== undefined")
    page.evaluate("() => window.jupyterapp.restored.then(() => true)")
    return page


def open_notebook(page, path: str) -> None:
    """The only notebook in the page, its kernel ready. path: inside the served folder."""
    page.evaluate(OPEN, path)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    assert page.locator(".jp-NotebookPanel").count() == 1


def close_notebook(page) -> None:
    """Its kernel ends, too."""
    page.evaluate(CLOSE)


def run_all(page) -> None:
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")


def content(page) -> dict:
    """The notebook as JupyterLab holds it now."""
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.toJSON()")
