"""The pictures that open the chapters, made by `python -m helpers.publish titles`. For maintainers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data import Photos, batches, load_flowers, to_lab
from ..inference import Colorizer
from ..losses import discriminator_loss
from ..metrics import ab_histogram, colorfulness, predict, psnr, to_rgb8
from ..models import PatchGAN
from ..widgets.patches import logits_over_gray
from ..plots import ab_planes, as_pictures, photo_rows, unet_diagram

__all__ = ["TITLES"]


def _flower() -> Photos:
    """The crocus of the titles, 256 px, held out."""
    return load_flowers("test", 256, limit=60).subset([32])


def exploring_lab():
    """01: a photo, its L, its a, its b."""
    flower = _flower()
    L, ab = to_lab(flower.images)
    even, none = torch.full_like(L, 0.3), torch.zeros_like(ab[:, :1])  # L = 65
    panels = [flower.images, to_rgb8(L, 0 * ab)]
    panels += [to_rgb8(even, torch.cat(pair, 1)) for pair in ((ab[:, :1], none), (none, ab[:, 1:]))]
    names = ["photo", "L: lightness", "a: green to red", "b: blue to yellow"]
    return photo_rows({" ": torch.cat(panels)}, cell=2.3, titles=names)


def flowers_as_a_color_problem():
    """02: where the colors of the training photos lie."""
    train = load_flowers("train", 64)
    return ab_planes({f"the colors of {len(train):,} photos of flowers": ab_histogram(train.images).mean(0)})


def the_unet():
    """03: the U, from the shapes of the shipped network."""
    colorizer, shapes = Colorizer.from_pretrained("flowers-64-l1"), {}
    for name, module in colorizer.model.named_modules():
        if name.count(".") == 1:
            module.register_forward_hook(lambda _, __, out, name=name: shapes.update({name: tuple(out.shape[1:])}))
    gray = as_pictures(predict("gray", _flower()))[0]
    colored = colorizer.colorize(gray)
    return unet_diagram(shapes, gray, colored)


def turned(ab: Tensor, degrees: float) -> Tensor:
    """ab (N, 2, H, W) with every hue turned by an angle."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    a, b = ab[:, :1], ab[:, 1:]
    return torch.cat([cos * a - sin * b, sin * a + cos * b], 1)


def the_patchgan(steps: int = 300):
    """04: a photo, true and with false colors in a circle, and what a critic of one minute's training says."""
    torch.manual_seed(0)
    critic = PatchGAN(width=32, layers=2)
    optimizer = torch.optim.Adam(critic.parameters(), 4e-4, betas=(0.0, 0.99))
    train = load_flowers("train", 80)
    stream = (pair for epoch in range(steps) for pair in batches(train, 16, 64, seed=0, epoch=epoch))
    for step, (L, ab) in zip(range(steps), stream, strict=False):
        fake = turned(ab, (90, 180, 270)[step % 3])
        loss = discriminator_loss(critic(L, ab), critic(L, fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    photo = _flower()
    L, ab = to_lab(photo.images)
    y, x = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    circle = ((y - 105) ** 2 + (x - 140) ** 2 < 62**2).float()
    spoiled = torch.lerp(ab, turned(ab, 240), circle)
    small = [torch.nn.functional.interpolate(t, size=64, mode="area") for t in (L, ab, spoiled)]
    with torch.no_grad():
        maps = [critic.eval()(small[0], colors)[0, 0].numpy() for colors in small[1:]]
    pictures = [as_pictures(to_rgb8(L, colors))[0] for colors in (ab, spoiled)]
    over = [logits_over_gray(p, m, limit=1.5, side=256) for p, m in zip(pictures, maps, strict=True)]
    names = ["photo", "the critic: blue is real", "false colors in the middle", "the critic: orange is fake"]
    return photo_rows({" ": [pictures[0], over[0], pictures[1], over[1]]}, cell=2.3, titles=names)


def gan_training():
    """05: held-out flowers in gray, painted before and after the game."""
    photos = load_flowers("test", 256, limit=512).subset([289, 368, 446, 481, 431, 302])
    gray = as_pictures(predict("gray", photos))
    rows = {"gray": gray}
    for label, name in (("color loss\nalone", "flowers-64-l1"), ("after\nthe game", "flowers-64")):
        colorizer = Colorizer.from_pretrained(name)
        rows[label] = [colorizer.colorize(picture) for picture in gray]
    return photo_rows(rows, cell=1.55)


def evaluation():
    """06: one held-out photo, three ways to color it, and two numbers that do not agree."""
    photos = load_flowers("test", 256, limit=512).subset([315])
    gray = as_pictures(predict("gray", photos))[0]
    guesses = {"gray": gray}
    for label, name in (("U-Net, L1", "flowers-64-l1"), ("U-Net + GAN", "flowers-64")):
        guesses[label] = Colorizer.from_pretrained(name).colorize(gray)
    titles = [f"truth\ncolorfulness {colorfulness(photos.images)[0]:.0f}"]
    for label, guess in guesses.items():
        image = torch.from_numpy(guess.copy()).permute(2, 0, 1)[None]
        titles.append(
            f"{label}\nPSNR {psnr(photos.images, image)[0]:.1f} dB, colorfulness {colorfulness(image)[0]:.0f}"
        )
    return photo_rows({" ": [*as_pictures(photos.images), *guesses.values()]}, cell=2.3, titles=titles)


TITLES = {
    "01": exploring_lab,
    "02": flowers_as_a_color_problem,
    "03": the_unet,
    "04": the_patchgan,
    "05": gan_training,
    "06": evaluation,
}
