"""A stand-in for the notebook page, for the tests of the widgets (`page` is handed on by `conftest.py`)."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from helpers.widgets.controls import encode


@pytest.fixture
def page(monkeypatch):
    """A stand-in for the notebook page: what is displayed, and the picture as it stands now."""

    class Page:
        shown, picture, drawn = [], None, 0

        def display(self, what, raw=False, metadata=None, display_id=None):
            if not raw:
                return self.shown.append(what)
            assert display_id is True, "without a display id the picture could not change"
            self.update(what, raw=raw, metadata=metadata)
            return self

        def update(self, data, raw, metadata):
            assert raw
            (form,) = [key for key in data if key.startswith("image/")]
            self.alt, self.drawn = data["text/plain"], self.drawn + 1
            assert metadata == {form: {"alt": self.alt}}
            self.picture = decoded(data[form])

        def controls(self, kind):
            (box,) = self.shown
            return [child for child in box.children if type(child).__name__ == kind]

    found = Page()
    found.shown = []
    monkeypatch.setattr("IPython.display.display", found.display)
    return found


def decoded(text):
    """A picture in base64, as the page gets it, as uint8 (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def as_jpeg(picture):
    """What becomes of a picture on its way to the page."""
    return decoded(encode(picture, "jpeg"))


def near(a, b, tolerance=2.0):
    """Whether two pictures are the same up to what JPEG does to one of them."""
    return a.shape == b.shape and np.abs(a.astype(int) - b.astype(int)).mean() < tolerance


def shows(shown, picture):
    """The page has exactly this picture, but for what JPEG does to it, which is the same each time."""
    return np.array_equal(shown, as_jpeg(picture))
