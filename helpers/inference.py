"""Color any picture with trained weights.

    Colorizer.from_pretrained().colorize("photo.jpg")                    # uint8 (H, W, 3)
    python -m helpers.inference photo.jpg folder/ -o colored/            # files and whole folders

The picture's own lightness is kept at full resolution; only ab is predicted, small, and enlarged along the edges of L
(chapter 8). The eye sees color far less sharply than light, which is why JPEG stores it small, too.
"""

from __future__ import annotations

import json
import numbers
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .backstage.checks import check_whole, checked_ab
from .backstage.coloring import command
from .backstage.enlarging import Enlarged, color_slopes, enlarge_colors
from .backstage.files import read_json
from .backstage.pictures import ImageError, open_image
from .backstage.settings import RULES
from .backstage.tensors import DamagedError, read_notes, read_tensors, save_tensors
from .backstage.told import checked_hints
from .classification import ClassPretrainedUNet, ClassUNet
from .color import AB_SCALE, lab_to_rgb, lightness, rgb_to_lab, scale_lab
from .models import HintUNet, PretrainedUNet, UNet, no_hints, place_hint

__all__ = [
    "WEIGHTS", "Colorizer", "ImageError", "color_slopes", "enlarge_colors", "load_generator", "load_network",
    "open_image", "pretrained_names", "read_card", "save_generator", "trained_size", "training_minutes", "weights_path",
]  # fmt: skip

WEIGHTS = Path(__file__).parent / "weights"
BEST, GUIDED = "flowers", "flowers-hints"  # what colors a photo if nobody asks for others: alone, and with hints
STRIP_PIXELS = 2**21  # pixels colored at once: bounds memory for large photos


# --------------------------------------------------------------------------------------- weights


def save_generator(model: nn.Module, path: str | Path, size: int, half: bool = False) -> None:
    """Write a generator as safetensors, with its `config` and the size it was trained at in the header.

    size: side of the training pictures in pixels, at which it sees photos later. half: float16 weights.
    """
    save_tensors(model.state_dict(), path, {"config": json.dumps(model.config), "size": str(size)}, half)


def load_network(path: str | Path, what: str, *classes: type[nn.Module]) -> tuple[nn.Module, dict]:
    """Read a network with its `config` in the header, as `save_generator` writes it, and its JSON card ({} if none).

    what: its name in an error. classes: those it may be of; the "kind" in its config names one, else it is the first.
    Returns it in eval mode and float32.
    Raises ValueError when the file is no such thing, is damaged or holds NaN, FileNotFoundError when there is none.
    """
    path = Path(path)
    card = _read_if_there(path.with_suffix(".json"))
    try:
        state, notes = read_tensors(path, card)
        config = json.loads(notes["config"])
        kind = config.pop("kind", classes[0].__name__)
        model = {one.__name__: one for one in classes}[kind](**config)
        model.load_state_dict(state)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no {what} at {path}") from None
    except (DamagedError, OSError, MemoryError):
        raise
    except Exception as error:  # whatever a foreign file makes of these lines
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} does not hold a {what} of this course ({reason})") from error
    return model.float().eval(), card


def _read_if_there(path: Path) -> dict:
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}


def load_generator(path: str | Path) -> tuple[UNet, dict]:
    """A generator and its card: see `load_network`, also for the errors."""
    return load_network(path, "generator", UNet, PretrainedUNet, HintUNet, ClassUNet, ClassPretrainedUNet)


def trained_size(path: Path) -> int:
    """Side in pixels of the pictures a generator was trained at, from the header of its file.

    Older files do not say it; then the card or the `recipe.json` beside the file does. Raises ValueError if none does.
    """
    card, recipe = _read_if_there(path.with_suffix(".json")), _read_if_there(path.with_name("recipe.json"))
    size = str(read_notes(path).get("size") or dict(card.get("recipe") or {}).get("size") or recipe.get("size") or "")
    _, least, most = RULES["size"]
    if not (size.isdecimal() and len(size) < 5 and least <= int(size) <= most):
        raise ValueError(
            f"{path} does not say at what size, {least} to {most} px, it was trained. If that was 64 px, write it in "
            f'once: save_generator(load_generator("{path.name}")[0], "{path.name}", size=64)'
        )
    return int(size)


def pretrained_names() -> list[str]:
    """Names of the weights that ship with the course, for `Colorizer.from_pretrained`."""
    return sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))


def weights_path(name: str | Path) -> Path:
    """The file of weights that ship, or of a run (a path to a .safetensors). Raises ValueError for an unknown name."""
    path = Path(name)
    if path.suffix == ".safetensors":
        return path
    path = WEIGHTS / f"{name}.safetensors"
    if not path.is_file():
        raise ValueError(f"there are no weights {str(name)!r}: choose one of {', '.join(pretrained_names())}")
    return path


def read_card(name: str) -> dict:
    """The JSON card of weights that ship: recipe, protocol, scorecard, baselines, hardware, command."""
    return read_json(WEIGHTS / f"{name}.json")


def training_minutes(card: dict) -> float:
    """How long weights were trained, all that they went on from included (the card's `started_from`)."""
    before = training_minutes(card["started_from"]) if "started_from" in card else 0.0
    return before + card["training"]["seconds"] / 60


# --------------------------------------------------------------------------------------- coloring


class Colorizer:
    """A trained generator and the size it was trained at.

    model: L (N, 1, h, w) -> ab (N, 2, h, w), both scaled. size: the short side the model sees.
    Raises ValueError for a size below 1, TypeError for one that is no whole number.
    """

    def __init__(self, model: UNet, size: int, card: dict | None = None, device: str | torch.device | None = None):
        check_whole("a Colorizer", 1, size=size)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.to(self.device, memory_format=torch.channels_last).eval()
        self.size, self.card = size, card or {}

    @classmethod
    def from_pretrained(cls, name: str | Path = BEST, device: str | torch.device | None = None) -> Colorizer:
        """Weights that ship (`pretrained_names()`), or a path to a .safetensors file of a run.

        Raises ValueError for an unknown name, a file that holds no generator, or one without its size (`trained_size`).
        """
        path = weights_path(name)
        model, card = load_generator(path)
        return cls(model, trained_size(path), card, device)

    @torch.inference_mode()
    def colorize(self, image, saturation: float = 1.0, name: str | None = None, hints=()) -> np.ndarray:
        """Color a picture at its own size.

        image: see `open_image`. saturation: multiplies ab; 0 gives gray, 1 what the model says. hints: for
        "flowers-hints", (x, y, color) in pixels of the upright picture, color as "#d02060"; of it a and b count.
        Returns uint8 (H, W, 3), or (H, W, 4) with the picture's own alpha if it has one.
        Raises ImageError for a picture that cannot be colored, TypeError for what is no picture, ValueError for
        saturation below 0, hints that make no sense here, or a model whose colors are not numbers (NaN).
        """
        if not (isinstance(saturation, numbers.Real) and 0 <= saturation < np.inf):
            raise ValueError(f"saturation is {saturation}: choose 0 (gray) or more, 1 is the model's own")
        rgb, alpha = open_image(image, name)
        height, width = rgb.shape[:2]
        L, ab = self.predict_small(rgb, checked_hints(hints, width, height, name or "the picture"))
        out = rgb if alpha is None else np.dstack([rgb, alpha])
        colors, rows = Enlarged(L, ab * saturation, height, width), max(1, STRIP_PIXELS // width)
        for top in range(0, height, rows):  # strip by strip, to bound memory
            strip = slice(top, min(height, top + rows))
            L = lightness(torch.from_numpy(rgb[strip]))
            colored = lab_to_rgb(torch.cat([L, colors.rows(strip, L)])).mul_(255).round_()
            torch.from_numpy(out)[strip, :, :3] = colored.permute(1, 2, 0)
        return out

    @torch.inference_mode()
    def predict_small(self, rgb: np.ndarray, hints=()) -> tuple[Tensor, Tensor]:
        """L (1, 1, h, w) and ab (1, 2, h, w) in Lab units, of uint8 (H, W, 3) with its short side scaled to `size`."""
        if hints and not isinstance(self.model, HintUNet):
            raise ValueError(f'these weights take no hints: Colorizer.from_pretrained("{GUIDED}") does')
        height, width = rgb.shape[:2]
        scale = self.size / min(height, width)
        # A very long strip is squeezed to eight times its breadth: the model has never seen one.
        small = [round(min(8 * self.size, max(self.size, side * scale))) for side in (width, height)]
        little = np.array(Image.fromarray(rgb).resize(small, Image.Resampling.LANCZOS, reducing_gap=3.0))
        L = lightness(torch.from_numpy(little))[None]
        seen = (L / 50 - 1).to(self.device)
        told = [no_hints(seen)] if hints else []
        for x, y, color in hints:
            ab = scale_lab(rgb_to_lab(torch.tensor(color, dtype=torch.uint8).view(3, 1, 1)))[1].flatten()
            place_hint(told[0][0], (2 * y + 1) * small[1] // (2 * height), (2 * x + 1) * small[0] // (2 * width), ab)
        return L, checked_ab("colorize", self.model(seen, *told), seen).cpu() * AB_SCALE


def main(arguments: list[str] | None = None) -> int:
    """`python -m helpers.inference`, see `--help`; what it does with files and folders is in backstage/coloring.py."""
    return command(Colorizer.from_pretrained, pretrained_names(), BEST, GUIDED, arguments)


if __name__ == "__main__":
    sys.exit(main())
