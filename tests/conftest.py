"""Fixtures that several test files share."""

import pytest

from .stand_in_page import page

__all__ = ["page", "shown"]


@pytest.fixture
def shown(monkeypatch):
    """The figures that were shown, still open while the test looks at them."""
    import matplotlib.pyplot as plt

    plt.close("all")
    found = []
    monkeypatch.setattr(plt, "show", lambda: found.append(plt.gcf()))
    yield found
    plt.close("all")
