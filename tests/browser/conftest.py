"""One JupyterLab and one Chromium for all tests in this folder."""

import os

import pytest

from . import jupyter


@pytest.fixture(scope="session")
def browser():
    """A Chromium, driven by playwright, of which a process can have one at a time."""
    if missing := jupyter.what_is_missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the browser tests are required where CI=true: {missing}")
        pytest.skip(missing)
    with jupyter.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """(page with a JupyterLab, folder): the folder that it serves is a copy of the course."""
    course, private = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("jupyter")
    jupyter.copy_course(course)
    with jupyter.jupyter_lab(course, private) as address:
        yield jupyter.open_lab(browser, address), course
