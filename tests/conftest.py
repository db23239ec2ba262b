"""Fixtures that several test files share."""

import builtins
import os
import sys
from pathlib import Path

import pytest

from .stand_in_page import page

__all__ = ["page", "shown"]
SHARED = Path(os.environ["COLORIZE_CACHE"]).parent  # of this run of the tests, by all its processes


@pytest.fixture(autouse=True)
def own_precision():
    """Accelerate keeps the precision of its first user in a process, which here would be an earlier test."""
    yield
    if "accelerate" in sys.modules:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def published_site():
    """The folder of the course's site, to be read: made by whichever process needs it first."""
    from filelock import FileLock

    from helpers.publish.site import publish_site

    folder, made = SHARED / "published" / "site", SHARED / "published" / "made"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(SHARED / "published.lock"):
        if not made.exists():
            publish_site(folder)
            made.touch()
    return folder


@pytest.fixture
def shown(monkeypatch):
    """The figures that were shown, still open while the test looks at them."""
    import matplotlib.pyplot as plt

    plt.close("all")
    found = []
    monkeypatch.setattr(plt, "show", lambda: found.append(plt.gcf()))
    yield found
    plt.close("all")


@pytest.fixture
def no_anywidget(monkeypatch):
    """As if it were not installed."""
    load = builtins.__import__

    def missing(name, *rest):
        if name == "anywidget":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
