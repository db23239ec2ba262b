"""The pictures that open the chapters, made by `python -m helpers.publish titles`. For maintainers."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from ..backstage.files import writing
from ..data import Photos, batches, to_lab, to_rgb8
from ..figures import most_different, turned, watch
from ..inference import Colorizer
from ..losses import discriminator_loss
from ..metrics import predict
from ..models import PatchGAN, PretrainedUNet, UNet, efficientnet, imagenet_weights
from ..plots import as_pictures, photo_rows, unet_diagram
from ..widgets.patches import logits_over_gray
from . import ROOT, real_photos
from .results import painted


def _flower() -> Photos:
    """The crocus of the titles, 256 px, held out."""
    return real_photos("test", 256, limit=60).subset([32])


def exploring_lab():
    """01: a photo, its light alone, its color alone."""
    photo = _flower().images
    L, ab = to_lab(photo)
    panels = [photo, to_rgb8(L, 0 * ab), to_rgb8(torch.full_like(L, 0.3), ab)]  # L = 65
    return photo_rows({" ": torch.cat(panels)}, cell=3.05, titles=["photo", "its light", "its color"])


def flowers_as_a_color_problem():
    """02: sixty training photos, drawn by lot."""
    train = real_photos("train", 64)
    lot = np.random.default_rng(2).choice(len(train), (5, 12), replace=False)
    return photo_rows({" " * (i + 1): train.images[row] for i, row in enumerate(lot)}, cell=0.74)


def the_unet():
    """03: the U that the chapter builds, between a gray photo and what the shipped network makes of it."""
    outputs = watch(UNet(24, 4, half_res=False), torch.zeros(1, 1, 64, 64))
    shapes = {name: tuple(output.shape[1:]) for name, output in outputs.items()}
    gray = as_pictures(predict("gray", _flower()))[0]
    return unet_diagram(shapes, gray, painted=Colorizer.from_pretrained("flowers-64-l1").colorize(gray))


def the_patchgan(steps: int = 300):
    """04: a photo, true and with false colors in a circle, and what a critic of one minute's training says."""
    torch.manual_seed(0)
    critic = PatchGAN(width=32, layers=2)
    optimizer = torch.optim.Adam(critic.parameters(), 4e-4, betas=(0.0, 0.99))
    train = real_photos("train", 80)
    for step, (L, ab) in zip(range(steps), batches(train, 16, 64, seed=0), strict=False):
        fake = turned(ab, (90, 180, 270)[step % 3])
        loss = discriminator_loss(critic(L, ab), critic(L, fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    L, ab = to_lab(_flower().images)
    y, x = np.ogrid[:256, :256]
    circle = torch.from_numpy((y - 105) ** 2 + (x - 140) ** 2 < 62**2)
    shown = []
    for colors in (ab, torch.where(circle, turned(ab, 240), ab)):
        small = (torch.nn.functional.interpolate(image, size=64, mode="area") for image in (L, colors))
        with torch.no_grad():
            logits = critic.eval()(*small)[0, 0].numpy()
        picture = as_pictures(to_rgb8(L, colors))[0]
        shown += [picture, logits_over_gray(picture, logits, limit=1.5, side=256)]
    names = ["photo", "the critic: blue is real", "false colors in the middle", "the critic: orange is fake"]
    return photo_rows({" ": shown}, cell=2.3, titles=names)


def gan_training():
    """05: held-out flowers in gray, painted before and after the game: three where these differ most, three by lot."""
    photos = real_photos("test", 256, limit=512)
    small = real_photos("test", 64, limit=512)
    one, other = (predict(Colorizer.from_pretrained(name).model, small) for name in ("flowers-64-l1", "flowers-64"))
    lot = np.random.default_rng(5).choice(len(photos), 3, replace=False)
    shown = photos.subset([*most_different(one, other, 3), *lot])
    gray = as_pictures(predict("gray", shown))
    before, after = painted(gray, "flowers-64-l1"), painted(gray, "flowers-64")
    rows = {"gray": gray, "color loss\nalone": before, "after\nthe game": after}
    return photo_rows(rows, cell=1.55, titles=["differ most"] * 3 + ["drawn by lot"] * 3)


def evaluation():
    """06: three held-out photos drawn by lot and three on which the two networks differ most."""
    photos = real_photos("test", 256, limit=120)
    gray = as_pictures(predict("gray", photos))
    guesses = [np.stack(painted(gray, name)) for name in ("flowers-64-l1", "flowers-64")]
    first, second = (torch.from_numpy(pictures).movedim(3, 1) for pictures in guesses)
    lot = np.random.default_rng(6).choice(len(photos), 3, replace=False)
    chosen = [*lot, *most_different(first[..., ::4, ::4], second[..., ::4, ::4], 3)]
    rows = {"L1 alone": first[chosen], "after\nthe game": second[chosen], "photo": photos.images[chosen]}
    return photo_rows(rows, cell=1.45, titles=["drawn by lot"] * 3 + ["chosen: differ most"] * 3)


def on_the_shoulders_of_imagenet():
    """07: a held-out flower in gray with the classifier's word for it, what two of its channels see, and a painting."""
    import timm
    from matplotlib import colormaps

    photos = real_photos("val", 192, limit=512).subset([129])
    L, weights = to_lab(photos.images)[0].expand(-1, 3, -1, -1), imagenet_weights("lite0")
    classifier, (encoder, _) = timm.create_model("tf_efficientnet_lite0").eval(), efficientnet("lite0")
    classifier.load_state_dict(weights)
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
    with torch.no_grad():
        sure, word = classifier(L).softmax(1)[0].max(0)
        maps = encoder.eval()(L)[2][0]
    said = timm.data.ImageNetInfo("imagenet-1k").index_to_description(word.item()).split(",")[0]
    strongest = maps.flatten(1).std(1).argsort(descending=True)[:2]
    shown = [m.repeat_interleave(8, 0).repeat_interleave(8, 1) for m in maps[strongest]]
    colored = [colormaps["viridis"](((m - m.min()) / (m.max() - m.min())).numpy())[..., :3] for m in shown]
    gray = as_pictures(predict("gray", photos))
    pictures = gray + [np.round(255 * m).astype(np.uint8) for m in colored] + painted(gray, "flowers")
    titles = [f"a classifier says: {said}, {sure:.0%} sure", "what it looks at", "and at", "painted on top of it"]
    return photo_rows({" ": pictures}, cell=2.3, titles=titles)


def you_choose_the_colors():
    """09: a held-out flower in gray, painted without hints, and with two: one on a petal, one beside the flower."""
    from ..widgets.hints import hints_picture

    colorizer, photo = Colorizer.from_pretrained("flowers-hints"), as_pictures(_flower().images)[0]
    hints = [(140, 105, "#d02890"), (30, 200, "#305020")]
    gray, plain, told = (colorizer.colorize(photo, s, hints=h) for s, h in ((0, ()), (1, ()), (1, hints)))
    marked = hints_picture(gray, plain, told, hints)[26:-8, 8:240]
    marked = np.asarray(Image.fromarray(marked).resize(photo.shape[1::-1], Image.Resampling.LANCZOS))
    titles = ["two hints", "painted without them", "and with them"]
    return photo_rows({" ": [marked, plain, told]}, cell=3.05, titles=titles)


def color_as_classification():
    """10: a held-out flower in gray, painted by L1, and by the network that chooses, at three temperatures."""
    photo = as_pictures(real_photos("test", 256, "large", limit=40).subset([TITLE_10]).images)[0]
    plain, chooser = (Colorizer.from_pretrained(name) for name in ("flowers-l1", "flowers-classes"))
    shown = {"what they see": plain.colorize(photo, 0), "L1": plain.colorize(photo)}
    for T in (1.0, 0.38, 0.05):
        chooser.model.temperature = T
        shown[f"classes, T = {T}"] = chooser.colorize(photo)
    shown["photo"] = photo
    return photo_rows({" ": list(shown.values())}, cell=1.55, titles=list(shown))


def scaling_up():
    """11: a flower at four sizes, above each what the painter of chapter 7 computes in a step for it."""
    from torch.utils.flop_counter import FlopCounterMode

    photo, shown, titles = real_photos("test", 512, limit=60).subset([32]).images, [], []
    for size in (64, 128, 256, 512):
        small = torch.nn.functional.interpolate(photo, size, mode="bilinear", antialias=True)
        shown.append(as_pictures(small)[0].repeat(512 // size, 0).repeat(512 // size, 1))
        with torch.device("meta"):
            network, L = PretrainedUNet().train(), torch.rand(2, 1, size, size)
        with FlopCounterMode(display=False) as counted:
            network(L).sum().backward()
        titles.append(f"{size} px: {counted.get_total_flops() / 2e9:.1f} billion operations")
    return photo_rows({" ": shown}, cell=2.3, titles=titles)


def your_own_photos():
    """08: three held-out flowers drawn by lot, and two photos that are no flowers: gray, painted, as they were."""
    import skimage.data
    from PIL import Image

    flowers = real_photos("test", 256, "large", limit=120)
    lot = np.random.default_rng(8).choice(len(flowers), 3, replace=False)
    truth = as_pictures(flowers.images[lot])
    for other in (skimage.data.astronaut(), skimage.data.coffee()):
        side = min(other.shape[:2])
        truth.append(np.asarray(Image.fromarray(other[:side, :side]).resize((256, 256), Image.Resampling.LANCZOS)))
    colorizer = Colorizer.from_pretrained("flowers")
    gray = [colorizer.colorize(picture, saturation=0) for picture in truth]
    rows = {"gray": gray, "painted": [colorizer.colorize(picture) for picture in gray], "photo": truth}
    return photo_rows(rows, cell=1.75, titles=["drawn by lot"] * 3 + ["no flower"] * 2)


TITLE_10 = 16  # a daffodil of the 40 held-out photos of chapter 10
CHAPTERS = (
    exploring_lab, flowers_as_a_color_problem, the_unet, the_patchgan, gan_training, evaluation,
    on_the_shoulders_of_imagenet, your_own_photos,
)  # fmt: skip
TITLES = {f"{number:02}": make for number, make in enumerate(CHAPTERS, 1)} | {
    "09": you_choose_the_colors,
    "10": color_as_classification,
    "11": scaling_up,
}


def publish_titles(numbers: list[str]) -> None:
    """images/title-NN.jpg, the pictures that open the chapters. numbers: "04" and so on; none means all."""
    if unknown := set(numbers) - TITLES.keys():
        raise SystemExit(f"error: no title picture for {', '.join(sorted(unknown))}: choose from {', '.join(TITLES)}")
    for number in numbers or TITLES:
        with writing(ROOT / "images" / f"title-{number}.jpg") as beside:
            TITLES[number]().savefig(beside, format="jpeg", dpi=90, pil_kwargs={"quality": 88})
