"""What every widget is made of: controls of ipywidgets (7.7 or 8) above one ordinary picture with a display id.

The picture is sent anew whenever it changes. So the page has one picture, live or stored, and it is made by a pure
function, beside its widget. `stage` displays both; `show` also listens to the controls.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def encode(picture: np.ndarray, form: str) -> str:
    """uint8 (H, W, 3) as "jpeg" or "png", in base64."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form, **({"quality": 90, "subsampling": 0} if form == "jpeg" else {}))
    return base64.b64encode(buffer.getvalue()).decode()


def stage(hint: str, controls: list, draw: Callable[..., tuple[np.ndarray, str]], form: str = "jpeg") -> Callable:
    """Display `hint`, the controls and one picture below them. Returns a function that draws this picture anew.

    controls: widgets, top to bottom. draw: gives the picture uint8 (H, W, 3) and its alt text, the first time without
    arguments, then with those that the returned function gets. form: "jpeg" or "png".
    """
    import ipywidgets as widgets
    from IPython.display import display

    def send(shower: Callable, *values, **options):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # 10 ms of work is not worth waiting for a busy second core: that took a second
        try:
            picture, alt = draw(*values)
        finally:
            torch.set_num_threads(threads)
        if names:
            names.alt = alt
        data = {f"image/{form}": encode(picture, form), "text/plain": alt}
        return shower(data, raw=True, metadata={f"image/{form}": {"alt": alt}}, **options)

    names = in_page("Names", "names.js", alt="")  # tells screen readers what sliders and picture are
    display(widgets.VBox([widgets.HTML(f"<b>Try:</b> {hint}"), *controls, *filter(None, [names])]))
    handle = send(display, display_id=True)
    return lambda *values: send(handle.update, *values)


def in_page(kind: str, script: str, **values):
    """A widget of the class `kind` whose script, in this folder, runs in the page; None without `anywidget`.

    values: a text, a whole number or a list each, which Python and the page share.
    """
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None
    traits = {str: traitlets.Unicode, int: traitlets.Int, list: traitlets.List}
    shared = {name: traits[type(value)]().tag(sync=True) for name, value in values.items()}
    module = Path(__file__).with_name(script).read_text(encoding="utf8")
    return type(kind, (anywidget.AnyWidget,), {"_esm": module, **shared})(**values)


def show(hint: str, controls: dict, draw: Callable[..., tuple[np.ndarray, str]], form: str = "jpeg") -> None:
    """A `stage` whose picture follows its controls: {name: widget}; `draw` takes their values by name."""

    def draw_now():
        return draw(**{name: control.value for name, control in controls.items()})

    draw_anew = stage(hint, list(controls.values()), draw_now, form)
    for control in controls.values():
        control.observe(lambda change: draw_anew(), names="value")


def slider(name: str, value: int, low: int, high: int):
    """A slider over whole numbers, low to high. Where these are one, it is there but cannot be moved."""
    import ipywidgets as widgets

    looks = {"style": {"description_width": "90px"}, "layout": widgets.Layout(width="460px")}
    stuck = {"disabled": True} if low == high else {}  # the page cannot draw a slider without a way to go
    return widgets.IntSlider(value=value, min=low, max=max(high, low + 1), description=name, **stuck, **looks)


def switch(options: list[str]):
    """Buttons of which one is pressed, aligned with the sliders' own line."""
    import ipywidgets as widgets

    looks = {"style": {"button_width": "auto"}} if len(options) > 4 else {}  # many fit on one line only if narrow
    return widgets.ToggleButtons(options=options, layout=widgets.Layout(margin="2px 0 2px 96px"), **looks)
