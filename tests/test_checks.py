"""helpers.backstage.checks, and through it every public function: nonsense is an error in one sentence, no number."""

import time

import numpy as np
import pytest
import torch

from helpers import classification, color, data, kid, losses, metrics, models
from helpers.backstage.checks import check, check_array, check_values, check_whole
from helpers.inference import Colorizer
from helpers.plots import ab_planes, as_pictures, photo_rows, unet_diagram
from helpers.synthetic import draw_flowers
from helpers.widgets import before_after

CHANCE = torch.Generator().manual_seed(0)
BYTES = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=CHANCE)
OTHER = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=CHANCE)
FLOATS, LAB = BYTES / 255, color.rgb_to_lab(BYTES)
L, AB = color.scale_lab(LAB)
LOGITS, FEATURES = torch.rand(2, 1, 5, 5, generator=CHANCE), torch.rand(6, 4, generator=CHANCE)
BINS = classification.ab_bins(30.0)
SCORES = torch.rand(3, len(BINS), 8, 8)
NETWORK = kid.FlowerNet(classes=5, width=4, features=8).eval()
TEN, LABELS = torch.arange(3), torch.tensor([1, 2, 0])

# function: what it takes, and which kinds of nonsense make sense for it
SENSE = {
    "rgb_to_lab, bytes": (color.rgb_to_lab, [BYTES], {"one", "no picture"}),
    "rgb_to_lab, floats": (color.rgb_to_lab, [FLOATS], {"float16", "one", "no picture"}),
    "lab_to_rgb": (color.lab_to_rgb, [LAB], {"float16", "one", "no picture"}),
    "in_gamut": (color.in_gamut, [LAB], {"float16", "one", "no picture"}),
    "scale_lab": (color.scale_lab, [LAB], {"float16", "one", "nan", "no picture"}),
    "unscale_lab": (color.unscale_lab, [L, AB], {"float16", "nan"}),
    "to_lab": (data.to_lab, [BYTES], {"one", "no picture"}),
    "to_rgb8": (data.to_rgb8, [L, AB], {"float16"}),
    "crop_and_flip": (lambda x, i: data.crop_and_flip(x, i, 8, CHANCE), [BYTES, TEN], {"fewer"}),
    "Photos": (lambda x, i: data.Photos(x, i, i, "train", "drawn"), [BYTES, TEN], {"fewer"}),
    "discriminator_loss": (
        losses.discriminator_loss,
        [LOGITS, LOGITS],
        {"float16", "nan", "one", "fewer", "last", "channels last"},
    ),
    "generator_loss": (losses.generator_loss, [LOGITS], {"float16", "nan", "one", "last", "channels last"}),
    "color_loss": (losses.color_loss, [AB, AB], {"float16", "nan"}),
    "UNet": (models.UNet(4, 2).eval(), [L], {"float16", "nan", "fewer"}),
    "PretrainedUNet": (models.PretrainedUNet(width=4).eval(), [L], {"float16", "nan", "fewer"}),
    "PatchGAN": (models.PatchGAN(4, 1), [L, AB], {"float16", "nan"}),
    "psnr": (metrics.psnr, [BYTES, OTHER], set()),
    "ssim": (metrics.ssim, [BYTES, OTHER], set()),
    "ciede2000": (metrics.ciede2000, [BYTES, OTHER], set()),
    "colorfulness": (metrics.colorfulness, [BYTES], {"fewer"}),
    "ab_histogram": (metrics.ab_histogram, [BYTES], {"fewer"}),
    "per_photo": (metrics.per_photo, [BYTES, OTHER], set()),
    "judge": (metrics.judge, [BYTES, OTHER], set()),
    "mmd2": (kid.mmd2, [FEATURES, FEATURES + 1], {"float16", "fewer"}),
    "kid": (lambda x, y: kid.kid(x, y, 2), [FEATURES, FEATURES + 1], {"float16", "fewer"}),
    "FlowerNet": (NETWORK, [BYTES], {"fewer", "float16"}),
    "embed": (lambda x: kid.embed(NETWORK, x), [BYTES], {"fewer"}),
    "accuracy": (lambda x, y: kid.accuracy(NETWORK, x, y), [BYTES, LABELS], set()),
    "soft_encode": (classification.soft_encode, [AB, BINS], {"float16", "fewer", "nan"}),
    "class_loss": (classification.class_loss, [SCORES, AB, BINS], {"float16", "nan"}),
    "annealed_mean": (classification.annealed_mean, [SCORES, BINS], {"float16", "fewer", "nan"}),
    "raw_accuracy": (classification.raw_accuracy, [AB, AB / 2], {"float16"}),
}
NONSENSE = {
    "int64": lambda t: t.long() if t.dtype != torch.int64 else t.double(),
    "uint16": lambda t: t.to(torch.uint16),
    "bool": lambda t: t > 0,
    "complex": lambda t: t.to(torch.complex64),
    "float16": lambda t: t.half(),
    "numpy": lambda t: t.numpy(),
    "list": lambda t: t.tolist(),
    "None": lambda t: None,
    "one": lambda t: t[0],  # the axis of the pictures is missing
    "fewer": lambda t: t[:1],  # what would be spread over all the others
    "channels last": lambda t: t.movedim(1, -1) if t.ndim > 2 else t[None, None],
    "last": lambda t: t[..., :1],
    "no picture": lambda t: t[:0],
    "no pixel": lambda t: t[..., :0],
    "nan": lambda t: (
        torch.where(torch.arange(t.numel()).view(t.shape) == 7, torch.nan, t) if t.is_floating_point() else 0
    ),
}
CASES = [
    (name, place, kind) for name, (_, given, _) in SENSE.items() for place in range(len(given)) for kind in NONSENSE
]


def alone(name, kind, place):
    """Nonsense of one argument that is fine for this function: a thinner picture, the labels' own kind ..."""
    function, given, fine = SENSE[name]
    wrong = NONSENSE[kind](given[place])
    if kind in fine or (kind == "last" and len(given) == 1) or (isinstance(wrong, int) and wrong == 0):
        return True
    if kind == "last" and given[-1] is BINS:
        return place < len(given) - 1
    if kind == "last" and name in ("Photos", "crop_and_flip", "accuracy", "kid", "mmd2", "to_rgb8"):
        return name != "to_rgb8"
    return kind == "fewer" and len(given) == 1


@pytest.mark.parametrize("name", SENSE)
def test_what_makes_sense_is_taken(name):
    function, given, fine = SENSE[name]
    with torch.no_grad():
        function(*given)
        for kind in fine & {"float16", "one", "no picture"}:
            for place in range(len(given)):
                if kind != "one" or len(given) == 1:
                    function(*[NONSENSE[kind](t) if i == place else t for i, t in enumerate(given)])


@pytest.mark.parametrize("name, place, kind", CASES)
def test_nonsense_is_refused_in_one_sentence(name, place, kind):
    if alone(name, kind, place):
        return
    function, given, _ = SENSE[name]
    before = [t.clone() for t in given]
    with pytest.raises((TypeError, ValueError)) as caught, torch.no_grad():
        function(*[NONSENSE[kind](t) if i == place else t for i, t in enumerate(given)])
    said = str(caught.value)
    assert "\n" not in said and ("want" in said or "are not numbers" in said) and len(said) < 250, said
    assert all(torch.equal(t, was) for t, was in zip(given, before, strict=True))


def test_what_was_wanted_and_what_came_is_said():
    with pytest.raises(TypeError, match="^rgb_to_lab wants uint8 or floats for rgb, not int64 numbers$"):
        color.rgb_to_lab(BYTES.long())
    with pytest.raises(
        TypeError, match="^rgb_to_lab wants a tensor for rgb, not ndarray: torch.from_numpy makes one of it$"
    ):
        color.rgb_to_lab(BYTES.numpy())
    with pytest.raises(ValueError, match="^rgb_to_lab wants floats from 0 to 1, or uint8: they go from 0 to 255$"):
        color.rgb_to_lab(torch.linspace(0, 255, 3 * 64).view(3, 8, 8))
    with pytest.raises(ValueError, match="some are not numbers"):
        color.rgb_to_lab(torch.full((3, 8, 8), torch.nan))
    wanted = r"^psnr wants truth \(N, 3, H, W\) and guess \(N, 3, H, W\), not \(3, .*\) and \(1,.*: they must be alike"
    with pytest.raises(ValueError, match=wanted):
        metrics.psnr(BYTES, OTHER[:1])
    with pytest.raises(
        ValueError, match=r"^colorfulness wants rgb \(N, 3, H, W\), not \(0, 3, 16, 16\): that is none$"
    ):
        metrics.colorfulness(BYTES[:0])


def test_ranges():
    for wrong in (FLOATS * 255, FLOATS - 99, torch.full_like(FLOATS, torch.inf)):
        with pytest.raises(ValueError, match="floats from 0 to 1"):
            color.rgb_to_lab(wrong)
    for wrong in (torch.full_like(LAB, torch.inf), torch.full_like(LAB, torch.nan), LAB * 1e6):
        for function in (color.lab_to_rgb, color.in_gamut):
            with pytest.raises(ValueError, match="wants L in 0 to 100"):
                function(wrong)
    with pytest.raises(ValueError, match="not numbers"):
        data.to_rgb8(L, AB * torch.nan)
    for wrong in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="NaN or infinite"):
            kid.kid(FEATURES * wrong, FEATURES, 2)
        with pytest.raises(ValueError, match="NaN or infinite"):
            kid.mean_interval([1, wrong])


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "8", None])
@pytest.mark.parametrize(
    "function",
    [
        lambda n: draw_flowers(n),
        lambda n: draw_flowers(1, n),
        lambda n: data.drawn_photos(n),
        lambda n: next(data.batches(PHOTOS, n, 8, 0)),
        lambda n: next(data.batches(PHOTOS, 2, n, 0)),
        lambda n: next(data.batches(PHOTOS, 2, 8, 0, world=n)),
        lambda n: data.load_flowers("train", n),
        lambda n: models.UNet(n),
        lambda n: models.UNet(4, n),
        lambda n: models.PretrainedUNet(width=n),
        lambda n: models.PatchGAN(n),
        lambda n: models.PatchGAN(4, n),
        lambda n: models.receptive_field(models.PatchGAN(4, 1), n),
        lambda n: models.receptive_field(models.PatchGAN(4, 1), 64, n),
        lambda n: metrics.judge(BYTES, OTHER, n),
        lambda n: metrics.resampled_counts(n),
        lambda n: kid.kid_blocks(FEATURES, FEATURES, n),
        lambda n: kid.embed(NETWORK, BYTES, n),
        lambda n: Colorizer(models.UNet(4, 2), n),
    ],
)
def test_numbers_of_things_are_whole_and_at_least_one(function, wrong):
    with pytest.raises(
        TypeError if not isinstance(wrong, int) or wrong is True else ValueError, match="to be a whole number"
    ):
        function(wrong)


PHOTOS = data.drawn_photos(4, 16)


def test_other_numbers():
    for arguments in ({"seed": -1}, {"kind": 9}, {"kind": -1}, {"kind": 1.0}):
        with pytest.raises((TypeError, ValueError), match="^draw_flowers wants .* to be"):
            draw_flowers(1, 16, **arguments)
    for arguments in ({"start": -1}, {"seed": -1}, {"rank": 1}, {"rank": -1}):
        with pytest.raises(ValueError, match="^batches wants .* to be"):
            next(data.batches(PHOTOS, 2, 8, **{"seed": 0} | arguments))
    for step in (0, -10, torch.nan, 1000):
        with pytest.raises(ValueError, match="^ab_bins wants"):
            classification.ab_bins(step)
    for temperature in (0, -1, torch.nan):
        with pytest.raises(ValueError, match="^a ClassUNet wants"):
            classification.ClassUNet(4, 2, temperature=temperature)
    with pytest.raises(ValueError, match="^bins in Lab units are wanted"):
        classification.class_loss(SCORES, AB, BINS / color.AB_SCALE)
    assert draw_flowers(np.int64(2), np.int32(16))[0].shape == (2, 16, 16, 3)


def test_a_subset_is_never_empty_and_never_of_fractions():
    for empty in (slice(0, 0), slice(9, None), [], torch.zeros(0, dtype=torch.int64), [False] * 4, np.zeros(4, bool)):
        with pytest.raises(ValueError, match="at least one"):
            PHOTOS.subset(empty)
    for wrong in ([0.5], torch.tensor([0.0, 1.0]), 2, torch.tensor([[0, 1]])):
        with pytest.raises(TypeError, match="a subset wants a list of whole numbers"):
            PHOTOS.subset(wrong)
    for outside in ([4], [-5], [True] * 5):
        with pytest.raises(IndexError):
            PHOTOS.subset(outside)
    for same in (
        slice(1, 3),
        [1, 2],
        range(1, 3),
        np.array([1, 2]),
        torch.tensor([False, True, True, False]),
        [-3, -2],
    ):
        assert PHOTOS.subset(same).ids.tolist() == [-2, -3]
    assert PHOTOS.subset(slice(None, None, -1)).ids.tolist() == [-4, -3, -2, -1]


def test_histograms_and_medians_that_do_not_belong():
    good = metrics.ab_histogram(BYTES)
    for wrong in (good[:, :1], good[:0], good * np.nan, -good, good.mean((1, 2)), None, "x", good[:, None], good > 0):
        with pytest.raises((TypeError, ValueError)):
            metrics.ab_intersection(good, wrong)
    assert metrics.ab_intersection(good, good[:2]) == pytest.approx(
        metrics.ab_intersection(good, torch.tensor(good[:2]))
    )
    for wrong in (3.0, (1, 2, 3), (np.nan, 0), "ab", [[1, 2]]):
        with pytest.raises((TypeError, ValueError)):
            metrics.predict("median", PHOTOS, median=wrong)
    with pytest.raises(ValueError, match="other photos"):
        metrics.judge(BYTES, OTHER, each={"psnr": np.ones(2)})
    with pytest.raises(ValueError, match="at least one scorecard"):
        metrics.format_table({})
    with pytest.raises(ValueError, match="at least 7 px"):
        metrics.ssim(BYTES[..., :6], OTHER[..., :6])


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_a_number_is_neither_painted_nor_scored(wrong):
    class Broken(models.UNet):
        def forward(self, L):
            ab = super().forward(L).clone()
            ab[..., 3, 3] = wrong  # one pixel is enough
            return ab

    broken, without_weights = Broken(4, 2).train(), models.UNet(4, 2).train()
    with torch.no_grad():
        without_weights.head.weight[0] = torch.nan
    for model in (broken, without_weights):
        for use in (
            lambda model=model: metrics.predict(model, PHOTOS),
            lambda model=model: metrics.scorecard(model, PHOTOS),
            lambda model=model: Colorizer(model, 16, device="cpu").colorize(np.full((20, 20), 99, np.uint8)),
        ):
            with pytest.raises(ValueError, match="the generator's colors are not numbers"):
                use()


def test_a_generator_that_answers_something_else_is_refused_and_left_in_its_mode():
    class Odd(models.UNet):
        def forward(self, L):
            return super().forward(L)[:, :1]

    model = Odd(4, 2).train()
    for use in (lambda: metrics.predict(model, PHOTOS), lambda: metrics.predict(lambda x: x.numpy(), PHOTOS)):
        with pytest.raises((TypeError, ValueError), match="^predict wants .*the generator's ab"):
            use()
    assert model.training
    with pytest.raises(ValueError, match="^colorize wants the generator's ab"):
        Colorizer(model, 16, device="cpu").colorize(np.full((20, 20), 99, np.uint8))


def test_figures_of_nothing_and_of_nonsense():
    pictures = as_pictures(BYTES)
    for rows in ({}, {"a": []}, {"a": BYTES[:0]}, {"a": pictures, "b": pictures[:1]}, {"a": BYTES.float()}):
        with pytest.raises(ValueError, match="wants?|needs"):
            photo_rows(rows)
    for wrong in (pictures[0].astype(int), pictures[0].T[:, :5], pictures[0] * np.nan, np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="want pictures"):
            photo_rows({"a": [wrong]})
        with pytest.raises(ValueError, match="want|differ in size"):
            before_after(pictures[0], wrong)
    for wrong in (BYTES.long(), BYTES[0], BYTES.movedim(1, -1)):
        with pytest.raises((TypeError, ValueError), match="^as_pictures wants"):
            as_pictures(wrong)
    for wrong in (
        {},
        {"a": np.zeros((3, 3))},
        {"a": np.full((3, 3), np.nan)},
        {"a": np.ones(3)},
        {"a": -np.ones((3, 3))},
    ):
        with pytest.raises(ValueError):
            ab_planes(wrong)
    for wrong in ({}, {"encoder.0": (1, 2, 3)}, {"encoder.0": (1, 2, 3), "encoder.1": (1, 2, 3), "encoder.2": (1, 2)}):
        with pytest.raises(ValueError, match="^a U wants"):
            unet_diagram(wrong)


def test_a_check_costs_microseconds():
    def seconds(function):
        start = time.process_time()
        for _ in range(2000):
            function()
        return (time.process_time() - start) / 2000

    assert (
        min(seconds(lambda: check("psnr", "uint8", a=(BYTES, "N 3 H W"), b=(OTHER, "N 3 H W"))) for _ in range(3))
        < 1e-4
    )


def test_the_checks_themselves():
    check("f", "uint8", a=(BYTES, "N 3 H W"), b=(TEN.byte(), "N"), c=(BYTES[0], "3 H W"))
    check("f", "floats", a=(torch.tensor(1.0), "..."), b=(LAB, "... 3 H W"), c=(L[:, 0], "... H W"))
    with pytest.raises(ValueError, match=r"a \(N, 3, H, W\) and b \(N\)"):
        check("f", "uint8", a=(BYTES, "N 3 H W"), b=(TEN[:2].byte(), "N"))
    with pytest.raises(ValueError, match="none"):
        check("f", "floats", a=(torch.zeros(0), "..."))
    check_values("f", torch.zeros(0), 0, 1, "x")
    assert check_array("f", "x", [1, 2]).dtype == np.float64 and check_array("f", "x", torch.ones(2)).shape == (2,)
    for wrong in ([1j], ["a"], [True], None, [[1], [1, 2]]):
        with pytest.raises(TypeError, match="^f wants real numbers for x"):
            check_array("f", "x", wrong)
    check_whole("f", 0, 3, a=np.int64(3), b=0)
