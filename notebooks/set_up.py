"""Run by the first cell of every notebook, among the notebook's own names: what needs the course's folder to be there.

The cell itself is short and knows nothing but where to look for the course (`root`), and where to fetch it in Colab and
Kaggle. It hands this text to exec and not to %run, which would show an error and let the cells below go on.
"""

import sys
from pathlib import Path

from IPython import get_ipython

root = Path(root or "course").resolve()  # noqa: F821, the cell's


def set_up() -> None:
    sys.path.insert(0, str(root))
    import helpers

    found = Path(getattr(helpers, "__file__", None) or next(iter(helpers.__path__))).resolve()
    if root / "helpers" not in (found, found.parent):
        raise ImportError(f"another package is called helpers: {found}. Rename or uninstall it, restart the kernel")
    from helpers.backstage.hosted import prepare

    print(*(f"{line}\n" for line in prepare(root)), sep="", end="")
    # Figures are stored as small JPEGs: a chapter has two dozen.
    jpeg = {"figure_formats": ["jpeg"], "print_figure_kwargs": {"pil_kwargs": {"quality": 85, "subsampling": 0}}}
    for name, value in jpeg.items():
        get_ipython().run_line_magic("config", f"InlineBackend.{name} = {value}")


set_up()
