"""The widgets of chapter 8: a photo of one's own, uploaded, by its path or among those that ship; and several paintings
of it to choose from.
"""

from __future__ import annotations

import base64
import html
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..backstage.keeping import FORMATS
from ..backstage.keeping import encode as whole_file
from ..backstage.pictures import ImageError, Picture, read_picture
from .controls import show, slider, stage, switch
from .drawing import INK, font, white_canvas, write

SIDE, THUMB = 420, 200  # pixels: the width of each picture on the page, the long side of each in a strip
SEEN = 720  # the long side of the copy that is colored while one plays; the file is made of the whole picture
CHOSEN = (214, 51, 108)
MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "TIFF": "image/tiff"}


def uploaded(value) -> list[tuple[str, bytes]]:
    """(name, content) of each file in what an uploader gives: ipywidgets 8 and 7 (`FileUpload.value`), and Colab's.

    8: a tuple of dicts with name and content; 7: {name: {"content": …}}; `google.colab.files.upload()`: {name: bytes}.
    """
    if isinstance(value, Mapping):
        files = [(name, one["content"] if isinstance(one, Mapping) else one) for name, one in value.items()]
    else:
        files = [(one["name"], one["content"]) for one in value]
    return [(str(name), bytes(content)) for name, content in files]


def own_photo(photos: Mapping[str, object], colorizer) -> OwnPhoto:
    """Choose a photo, upload one or name its path; see it before and after; set the saturation; get it as a file.

    photos: {name: whatever `open_image` takes}, those that ship, at least one. colorizer: a `Colorizer`.
    Returns the `OwnPhoto`, whose `picture`, `colored()` and `file()` later cells may use. ValueError for no photos.
    """
    import ipywidgets as widgets

    if not photos:
        raise ValueError("own_photo wants at least one photo to begin with")
    mine = OwnPhoto(colorizer, *_opened(next(iter(photos.values())), next(iter(photos))))
    choose = switch(list(photos))  # no list to unfold: JupyterLab would keep its arrow keys
    how, looks = "holiday/rose.jpg, then Enter", {"style": {"description_width": "90px"}}
    looks["layout"] = widgets.Layout(width="460px")
    path = widgets.Text(placeholder=how, description="or a path", continuous_update=False, **looks)
    on_colab = "google.colab" in sys.modules  # where FileUpload fails above 1 MB
    kind, narrow = widgets.Button if on_colab else widgets.FileUpload, {"width": "180px", "margin": "2px 0 2px 96px"}
    upload = kind(description="Upload a photo", layout=widgets.Layout(**narrow))
    saturation = slider("saturation %", 100, 0, 200)
    make = widgets.Button(description="Make the file", layout=widgets.Layout(**narrow))
    words, link = widgets.HTML(), widgets.HTML()

    def draw() -> tuple[np.ndarray, str]:
        before, after = mine.seen(), mine.colored(mine.seen())
        strength = f"saturation {mine.saturation:.0%}"
        alt = f"{mine.name}, on the left as it came, on the right colored, {strength}."
        return own_picture(before, after, f"colored, {strength}"), alt

    def take(source, name: str) -> None:
        link.value = ""
        try:
            mine.picture, mine.name = _opened(source, name)
        except (ImageError, OSError) as error:
            words.value = _said(str(error))
            return
        words.value = _said(mine.words())
        draw_anew()

    def from_files(value) -> None:
        for name, content in uploaded(value)[-1:]:
            take(content, name)

    def ask_colab(_) -> None:
        from google.colab import files

        from_files(files.upload())

    def turn(change) -> None:
        mine.saturation, link.value = change["new"] / 100, ""
        draw_anew()

    def offer(_) -> None:
        link.value = "making it …"
        name, content = mine.file()
        link.value = download_link(name, content)

    def go_to(change) -> None:
        if where := change["new"].strip():
            take(Path(where).expanduser(), where)

    words.value = _said(mine.words())
    hint = "take a photo of your own. At which saturation would you believe it? (Tab moves between the controls.)"
    draw_anew = stage(hint, [choose, upload, path, saturation, make, words, link], draw)
    choose.observe(lambda change: take(photos[change["new"]], change["new"]), names="value")
    path.observe(go_to, names="value")
    saturation.observe(turn, names="value")
    make.on_click(offer)
    if on_colab:
        upload.on_click(ask_colab)
    else:
        upload.observe(lambda change: from_files(change["new"]), names="value")
    return mine


@dataclass
class OwnPhoto:
    """What `own_photo` holds: the picture with all that belongs to it, its name, and the saturation chosen."""

    colorizer: object
    picture: Picture
    name: str
    saturation: float = 1.0

    def seen(self) -> np.ndarray:
        """A copy for the page, its long side at most SEEN: uint8 (H, W, 3)."""
        return fitted(self.picture.rgb, SEEN)

    def colored(self, rgb: np.ndarray | None = None) -> np.ndarray:
        """The whole picture, or a copy of it, colored: uint8 (H, W, 3)."""
        return self.colorizer.colorize(self.picture.rgb if rgb is None else rgb, self.saturation, name=self.name)

    def words(self) -> str:
        """Its name, its size, and what one should know of it."""
        height, width = self.picture.rgb.shape[:2]
        notes = list(self.picture.notes)
        if has_colors(self.picture.rgb) and not any("lightness" in note for note in notes):
            notes.append("it has colors already, or a tint: only its lightness is looked at")
        return f"{self.name}, {width} × {height} pixels" + "".join(f"; {note}" for note in notes)

    def file(self) -> tuple[str, bytes]:
        """Name and content of the colored picture as a file: at full size, with its EXIF and resolution.

        Its format stays where it can: JPEG, PNG, WebP and TIFF; what else, and a JPEG with transparent parts, gets PNG.
        """
        path, colored, alpha = Path(self.name), self.colored(), self.picture.alpha
        suffix = path.suffix.lower() if path.suffix.lower() in FORMATS else ".png"
        if alpha is not None:
            colored, suffix = np.dstack([colored, alpha]), ".png" if FORMATS[suffix] == "JPEG" else suffix
        return f"{path.stem}-colored{suffix}", whole_file(colored, self.picture, suffix)


def _opened(source, name: str) -> tuple[Picture, str]:
    return read_picture(source, name), Path(name).name


def _said(words: str) -> str:
    return f'<span style="margin-left:96px">{html.escape(words)}</span>'


def has_colors(rgb: np.ndarray) -> bool:
    """Whether more than one pixel in a hundred is no gray: uint8 (H, W, 3)."""
    few = rgb[:: max(1, rgb.shape[0] // 256), :: max(1, rgb.shape[1] // 256)].astype(int)
    return bool((np.ptp(few, axis=2) > 10).mean() > 0.01)


def download_link(name: str, content: bytes) -> str:
    """HTML of a link that saves a file which the page itself holds."""
    kind = MIME[FORMATS[Path(name).suffix]]
    address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    size = f"{len(content) / 1e6:.1f} MB" if len(content) > 1e6 else f"{len(content) / 1e3:.0f} KB"
    text = f"save {html.escape(name)} ({size})"
    return f'<a style="margin-left:96px" download="{html.escape(name, quote=True)}" href="{address}">{text}</a>'


def fitted(rgb: np.ndarray, most: int) -> np.ndarray:
    """uint8 (H, W, 3), made smaller if its long side exceeds `most` pixels."""
    share = most / max(rgb.shape[:2])
    if share >= 1:
        return rgb
    size = [max(8, round(side * share)) for side in rgb.shape[1::-1]]
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def own_picture(before: np.ndarray, after: np.ndarray, title: str) -> np.ndarray:
    """Two pictures of one shape side by side, each SIDE pixels wide, under their labels: uint8 (H, W, 3)."""
    height = max(1, round(SIDE * before.shape[0] / before.shape[1]))
    canvas, draw = white_canvas(2 * SIDE + 24, height + 34)
    for i, (label, picture) in enumerate((("as it came", before), (title, after))):
        left = 8 + i * (SIDE + 8)
        canvas.paste(Image.fromarray(picture).resize((SIDE, height), Image.Resampling.LANCZOS), (left, 26))
        write(draw, (left + SIDE / 2, 22), label, 12, "md")
    return np.asarray(canvas)


# ---------------------------------------------------------------------------------------------------- a strip


def choice_strip(picture: np.ndarray, colorizers: Mapping[str, object], saturations: Sequence[float] = (0.6, 1, 1.4)):
    """One picture, colored by several weights at several saturations, side by side; the chosen one in a frame.

    picture: uint8 (H, W, 3). colorizers: {name: `Colorizer`}, saturations: at least one of each.
    Returns the `Choice`, whose `weights` and `saturation` are those that the controls show. Raises ValueError for none.
    """
    if not colorizers or not saturations:
        raise ValueError("choice_strip wants at least one colorizer and one saturation")
    small = fitted(picture, THUMB)
    rows = {name: [one.colorize(small, value) for value in saturations] for name, one in colorizers.items()}
    names = {f"{value:.0%}": value for value in saturations}
    choice = Choice(next(iter(rows)), list(names.values())[len(names) // 2])
    controls = {"weights": switch(list(rows)), "saturation": switch(list(names))}
    controls["saturation"].value = list(names)[len(names) // 2]

    def draw(weights, saturation):
        choice.weights, choice.saturation = weights, names[saturation]
        alt = f"The photo by {', '.join(rows)}, at saturations of {', '.join(names)}; chosen: {weights}, {saturation}."
        return strip_picture(rows, list(names), weights, saturation), alt

    show("which would you hang on a wall? Which would you believe?", controls, draw)
    return choice


@dataclass
class Choice:
    """What is chosen in a `choice_strip`: the name of the weights, and the saturation."""

    weights: str
    saturation: float


def strip_picture(rows: Mapping[str, Sequence], columns: Sequence[str], row: str, column: str) -> np.ndarray:
    """Pictures of one shape in rows and columns, each under its column's name, one in a frame: uint8 (H, W, 3)."""
    height, width = next(iter(rows.values()))[0].shape[:2]
    margin, top = 110, 28
    canvas, draw = white_canvas(margin + len(columns) * (width + 10), top + len(rows) * (height + 10))
    for i, (name, pictures) in enumerate(rows.items()):
        y = top + i * (height + 10)
        draw.text((margin - 10, y + height / 2), name, fill=INK, font=font(12), anchor="rm")  # a name keeps its hyphen
        for j, (title, picture) in enumerate(zip(columns, pictures, strict=True)):
            x = margin + j * (width + 10)
            if (name, title) == (row, column):
                draw.rectangle((x - 4, y - 4, x + width + 3, y + height + 3), fill=CHOSEN)
            canvas.paste(Image.fromarray(picture), (x, y))
            if i == 0:
                write(draw, (x + width / 2, top - 8), title, 12, "md")
    return np.asarray(canvas)
