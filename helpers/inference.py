"""Color any picture with trained weights.

    Colorizer.from_pretrained("flowers-64").colorize("photo.jpg")        # uint8 (H, W, 3)
    python -m helpers.inference photo.jpg folder/ -o colored/            # files and whole folders

The picture's own lightness is kept at full resolution; only ab is predicted, small, and enlarged
smoothly. The eye sees color far less sharply than light, which is why JPEG stores it small, too.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor, nn

from .color import AB_SCALE, lab_to_rgb, rgb_to_lab
from .backstage.files import write_beside
from .models import UNet
from .backstage.progress import progress_bar

__all__ = [
    "Colorizer",
    "ImageError",
    "load_generator",
    "load_network",
    "open_image",
    "pretrained_names",
    "save_generator",
]

WEIGHTS = Path(__file__).parent / "weights"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
SMALLEST, MOST_PIXELS = 8, 200_000_000
STRIP_PIXELS = 2**21  # pixels colored at once: bounds memory for large photos


class ImageError(ValueError):
    """A picture that cannot be colored; the message names it and says why."""


# --------------------------------------------------------------------------------------- weights


def save_generator(model: UNet, path: str | Path, half: bool = False) -> None:
    """Write a generator as safetensors with its `config` in the header. half: float16 weights."""
    from safetensors.torch import save_file

    def shrink(t: Tensor) -> Tensor:
        t = t.half() if half and t.is_floating_point() else t
        return t.detach().cpu().contiguous()

    save_file({k: shrink(v) for k, v in model.state_dict().items()}, path, {"config": json.dumps(model.config)})


def load_network(build: Callable[..., nn.Module], path: str | Path, what: str) -> tuple[nn.Module, dict]:
    """Read a network with its `config` in the header, as `save_generator` writes it, and its JSON card ({} if none).

    build: makes the network from that config. what: its name in an error. Returns it in eval mode and float32.
    Raises ValueError when the file is no such thing, FileNotFoundError when there is none.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there are no weights at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        model = build(**config)
        model.load_state_dict(state)
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} does not hold a {what} of this course ({error})") from error
    card = path.with_suffix(".json")
    return model.float().eval(), json.loads(card.read_text(encoding="utf8")) if card.is_file() else {}


def load_generator(path: str | Path) -> tuple[UNet, dict]:
    """A generator and its card: see `load_network`, also for the errors."""
    return load_network(UNet, path, "generator")


def pretrained_names() -> list[str]:
    """Names of the weights that ship with the course, for `Colorizer.from_pretrained`."""
    return sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))


# ---------------------------------------------------------------------------------------- pictures


def _open(image, name: str) -> Image.Image:
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        if path.is_dir():
            raise ImageError(f"{name} is a folder, not a picture")
        if not path.exists():
            raise ImageError(f"{name} does not exist")
        if path.stat().st_size == 0:
            raise ImageError(f"{name} is empty")
        image = path
    elif isinstance(image, (bytes, bytearray, memoryview)):
        image = io.BytesIO(image)
    elif isinstance(image, np.ndarray):
        return _from_array(image, name)
    elif not isinstance(image, Image.Image):
        raise TypeError(f"pass a path, bytes, a PIL picture or an array, not {type(image).__name__}")
    try:
        picture = image if isinstance(image, Image.Image) else Image.open(image)
        if picture.width * picture.height > MOST_PIXELS:
            raise ImageError(f"{name} is too large: {picture.width} x {picture.height}, at most 200 megapixels")
        picture.load()
        return ImageOps.exif_transpose(picture)
    except ImageError:
        raise
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        reason = "no picture format that Pillow knows" if isinstance(error, Image.UnidentifiedImageError) else error
        raise ImageError(f"{name} cannot be read as a picture: {reason}") from error


def _from_array(array: np.ndarray, name: str) -> Image.Image:
    if 0 in array.shape:
        raise ImageError(f"{name} has no pixels: its shape is {array.shape}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"{name} has shape {array.shape}: pass (H, W), (H, W, 3) or (H, W, 4)")
    if array.dtype == np.uint16:
        array = (array / 257).round().astype(np.uint8)
    elif array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise ImageError(f"{name} holds floats outside 0 to 1: scale them, or pass uint8")
        array = (array * 255).round().astype(np.uint8)
    elif array.dtype != np.uint8:
        raise ImageError(f"{name} is of {array.dtype}: pass uint8, uint16, or floats from 0 to 1")
    return Image.fromarray(np.ascontiguousarray(array))


def open_image(image, name: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Any picture as uint8 RGB (H, W, 3), and its alpha (H, W) or None.

    image: a path, encoded bytes, a PIL picture, or an array (H, W[, 1, 3 or 4]) of uint8, uint16 or
    floats 0 to 1. Gray, palette, CMYK, 16-bit and EXIF-rotated pictures are converted.
    Raises ImageError, which names the picture and says what is wrong with it.
    """
    if name is None:
        name = str(image) if isinstance(image, (str, os.PathLike)) else "the picture"
    picture = _open(image, name)
    if min(picture.size) < SMALLEST:
        size = f"{picture.width} x {picture.height}"
        raise ImageError(f"{name} is too small to color: {size} pixels, at least {SMALLEST} x {SMALLEST}")
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits (or more) of gray
        deep = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if picture.mode.startswith("I") else max(1.0, float(deep.max()))
        picture = Image.fromarray((np.clip(deep / top, 0, 1) * 255).round().astype(np.uint8))
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = np.asarray(picture.getchannel("A"))
    return np.array(picture.convert("RGB")), alpha


class Colorizer:
    """A trained generator and the size it was trained at.

    model: L (N, 1, h, w) -> ab (N, 2, h, w), both scaled. size: the short side the model sees.
    """

    def __init__(self, model: UNet, size: int, card: dict | None = None, device: str | torch.device | None = None):
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.to(self.device, memory_format=torch.channels_last).eval()
        self.size, self.card = size, card or {}

    @classmethod
    def from_pretrained(cls, name: str | Path = "flowers-64", device: str | torch.device | None = None) -> Colorizer:
        """Weights that ship (`pretrained_names()`), or a path to a .safetensors file of a run.

        Raises ValueError for an unknown name or a file that holds no generator.
        """
        path = Path(name)
        if path.suffix != ".safetensors":
            path = WEIGHTS / f"{name}.safetensors"
            if not path.is_file():
                raise ValueError(f"there are no weights {str(name)!r}: choose one of {', '.join(pretrained_names())}")
        model, card = load_generator(path)
        size = card.get("recipe", {}).get("size")
        recipe = path.with_name("recipe.json")
        if size is None and recipe.is_file():
            size = json.loads(recipe.read_text())["size"]
        return cls(model, size or 64, card, device)

    @torch.inference_mode()
    def colorize(self, image, saturation: float = 1.0, name: str | None = None) -> np.ndarray:
        """Color a picture at its own size.

        image: see `open_image`. saturation: multiplies ab; 0 gives gray, 1 what the model says.
        Returns uint8 (H, W, 3), or (H, W, 4) with the picture's own alpha if it has one.
        Raises ImageError for a picture that cannot be colored, ValueError for saturation below 0.
        """
        if not (np.isfinite(saturation) and saturation >= 0):
            raise ValueError(f"saturation is {saturation}: choose 0 (gray) or more, 1 is the model's own")
        rgb, alpha = open_image(image, name)
        height, width = rgb.shape[:2]
        ab = self._predict_ab(rgb) * (AB_SCALE * saturation)
        out = np.empty((height, width, 3 if alpha is None else 4), np.uint8)
        if alpha is not None:
            out[..., 3] = alpha
        # Color strip by strip, to bound memory; columns are enlarged first, then the rows of each strip, which
        # gives exactly what enlarging the whole of ab at once would give.
        wide = F.interpolate(ab, (ab.shape[2], width), mode="bilinear", align_corners=False)[0].cpu()
        rows = max(1, STRIP_PIXELS // width)
        for top in range(0, height, rows):
            strip = slice(top, min(height, top + rows))
            lab = rgb_to_lab(torch.from_numpy(rgb[strip]).permute(2, 0, 1).contiguous())
            lab[1:] = _rows_between(wide, height, strip)
            out[strip, :, :3] = (lab_to_rgb(lab) * 255).round_().byte().permute(1, 2, 0).numpy()
        return out

    def _predict_ab(self, rgb: np.ndarray) -> Tensor:
        """ab (1, 2, h, w) of the whole picture, its short side scaled to the model's size."""
        height, width = rgb.shape[:2]
        scale = self.size / min(height, width)
        # A very long strip is squeezed to eight times its breadth: the model has never seen one.
        small = [round(min(8 * self.size, max(self.size, side * scale))) for side in (width, height)]
        little = np.array(Image.fromarray(rgb).resize(small, Image.Resampling.LANCZOS, reducing_gap=3.0))
        lab = rgb_to_lab(torch.from_numpy(little).permute(2, 0, 1)[None].contiguous())
        L = (lab[:, :1] / 50 - 1).to(self.device)
        return self.model(L).float()


def _rows_between(wide: Tensor, height: int, strip: slice) -> Tensor:
    """Rows `strip` of `wide` (2, h, W) enlarged to `height` rows, linear between row centers."""
    at = (torch.arange(strip.start, strip.stop) + 0.5) * (wide.shape[1] / height) - 0.5
    at = at.clamp(0, wide.shape[1] - 1)
    low = at.floor().long()
    high = (low + 1).clamp(max=wide.shape[1] - 1)
    return torch.lerp(wide[:, low], wide[:, high], (at - low)[:, None])


# ----------------------------------------------------------------------------------- command line


def find_pictures(inputs: list[str]) -> list[tuple[Path, Path]]:
    """(file, its place below the output folder) of each named file and of each picture in named folders."""
    found = []
    for given in map(Path, inputs):
        if given.is_dir():
            inside = sorted(p for p in given.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            found += [(p, p.relative_to(given)) for p in inside]
        else:
            found.append((given, Path(given.name)))
    return found


def _target(place: Path, alpha: bool) -> Path:
    """JPEG stays JPEG (unless it must carry alpha), PNG stays PNG, all others become `name.ext.png`."""
    suffix = place.suffix.lower()
    if suffix == ".png" or (suffix in (".jpg", ".jpeg") and not alpha):
        return place
    return place.with_name(place.name + ".png")


def colorize_files(colorizer: Colorizer, inputs: list[str], out: str | Path, saturation: float = 1.0) -> list[str]:
    """Color files and folders into `out`; one bad file never stops the rest. Returns what went wrong."""
    out, problems, taken = Path(out), [], set()
    pictures = find_pictures(inputs)
    if not pictures:
        problems.append(f"no pictures in {', '.join(inputs)}")
    for source, place in progress_bar(pictures, len(pictures), comment="coloring"):
        try:
            colored = colorizer.colorize(source, saturation)
            target = out / _target(place, colored.shape[2] == 4)
            if target in taken:
                raise ImageError(f"{source} would overwrite the colored {target}: rename one of the two")
            if target.exists() and target.resolve() == source.resolve():
                raise ImageError(f"{source} would be overwritten: choose another output folder")
            taken.add(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            kind = "JPEG" if target.suffix.lower() in (".jpg", ".jpeg") else "PNG"
            picture = Image.fromarray(colored)
            write_beside(target, lambda p, s=picture, k=kind: s.save(p, format=k, quality=95))
        except (ImageError, OSError, MemoryError, RuntimeError) as error:
            problems.append(str(error) or f"{source}: {type(error).__name__}")
    return problems


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.inference", description="Color pictures.")
    parser.add_argument("inputs", nargs="+", help="pictures, and folders of pictures")
    parser.add_argument("-o", "--out", required=True, help="folder for the colored pictures")
    parser.add_argument("--weights", default="flowers-64", help=f"{', '.join(pretrained_names())}, or a file")
    parser.add_argument("--saturation", type=float, default=1.0)
    options = parser.parse_args(arguments)
    try:
        colorizer = Colorizer.from_pretrained(options.weights)
        problems = colorize_files(colorizer, options.inputs, options.out, options.saturation)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"not colored: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
