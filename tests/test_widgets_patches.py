"""`receptive_field_explorer` and `patch_map`: the formulas against what networks really do, and their controls."""

import numpy as np
import pytest
import torch

from helpers.models import PatchGAN, receptive_field
from helpers.synthetic import draw_flowers
from helpers.widgets import patch_map, patches, receptive_field_explorer
from helpers.widgets.patches import patch_arithmetic, patch_map_picture, receptive_field_picture

from .stand_in_page import shows

BLACK = np.zeros((64, 64, 3), np.uint8)


def colored_as(picture, color):
    """Rows and columns of the pixels of exactly this color."""
    return np.nonzero((picture == np.uint8(color)).all(-1))


@pytest.mark.parametrize("layers, field", [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_patch_arithmetic_is_what_the_network_does(layers, field):
    last = patch_arithmetic(layers, 256)[-1]
    critic = PatchGAN(width=2, layers=layers, norm="none").eval()
    assert last["sees"] == field
    if layers < 4:
        assert receptive_field(critic) == field
    seen = torch.zeros(256, 256)
    row, column = last["size"] // 2, last["size"] // 2 - 1
    for _ in range(4):
        lab = torch.randn(1, 3, 256, 256, requires_grad=True)
        logits = critic(lab[:, :1], lab[:, 1:])
        assert logits.shape[-2:] == (last["size"],) * 2
        seen += torch.autograd.grad(logits[0, 0, row, column], lab)[0].abs().sum((0, 1))
    rows, columns = ((seen > 0).any(1 - axis).nonzero().flatten() for axis in (0, 1))
    for found, place in ((rows, row), (columns, column)):
        first = last["start"] + place * last["step"]
        assert (int(found[0]), int(found[-1])) == (first, first + field - 1)


def test_patch_arithmetic_layer_by_layer():
    table = patch_arithmetic(2, 64)
    assert [line["sees"] for line in table] == [1, 4, 10, 22, 34]
    assert [line["size"] for line in table] == [64, 32, 16, 15, 14]
    assert [line["step"] for line in table] == [1, 2, 4, 4, 4]
    for layers, size in ((0, 64), (4, 47), (3, 23)):
        with pytest.raises(ValueError, match="are needed"):
            patch_arithmetic(layers, size)


@pytest.mark.parametrize("layers, row, column", [(2, 6, 9), (1, 0, 29), (3, 2, 2), (3, 5, 0)])
def test_receptive_field_picture_frames_the_patch_and_its_logit(layers, row, column):
    """A black photo is black only within the frame, as far as the patch lies on the photo."""
    picture = receptive_field_picture(BLACK, layers, row, column)
    last = patch_arithmetic(layers, 64)[-1]
    scale = patches.SCREEN / (64 + 2 * patches.MARGIN)
    photo = picture[34 : 34 + patches.SCREEN, 8 : 8 + patches.SCREEN]
    found = colored_as(photo, (0, 0, 0))
    for places, at in zip(found, (row, column), strict=True):
        first = last["start"] + at * last["step"]
        ends = np.clip([first, first + last["sees"]], 0, 64)
        shown = np.array([places.min(), places.max() + 1]) / scale - patches.MARGIN
        assert np.abs(shown - ends).max() <= 1  # the frame covers three screen pixels, less than one of the photo
    left = 8 + patches.SCREEN + 24
    grid = picture[34 : 34 + patches.GRID, left : left + patches.GRID]
    for places, at in zip(colored_as(grid, patches.SEEN), (row, column), strict=True):
        assert int(places.mean() / patches.GRID * last["size"]) == at


def test_receptive_field_explorer_live(page):
    photo = draw_flowers(1, 64, seed=0)[0][0]
    assert receptive_field_explorer(photo) is None
    layers, row, column = page.controls("IntSlider")
    assert (layers.min, layers.max, row.max, column.max) == (1, 4, 13, 13)
    assert shows(page.picture, receptive_field_picture(photo, 2, 6, 6))
    row.value, column.value = 13, 12
    assert shows(page.picture, receptive_field_picture(photo, 2, 13, 12)) and "34 × 34" in page.alt
    layers.value = 3  # where there is no row 13
    assert (row.max, row.value, column.value) == (5, 5, 5)
    assert shows(page.picture, receptive_field_picture(photo, 3, 5, 5)) and "70 × 70" in page.alt
    layers.value = 1
    assert (row.max, row.value) == (29, 5) and shows(page.picture, receptive_field_picture(photo, 1, 5, 5))


@pytest.mark.parametrize("size, most", [(6, 1), (32, 3), (256, 4)])
def test_receptive_field_explorer_offers_layers_that_fit(page, size, most):
    receptive_field_explorer(BLACK, size)
    layers, row, _ = page.controls("IntSlider")
    assert layers.disabled == (most == 1) and (most == 1 or layers.max == most)
    if most > 1:
        layers.value = most
    assert page.picture is not None and row.max >= 1


def test_receptive_field_explorer_refuses(page):
    for picture, size, message in (
        (BLACK, 5, "are needed"),
        (BLACK[:32], 64, "picture: a square"),
        (BLACK / 255, 64, "picture: want uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            receptive_field_explorer(picture, size)
    assert page.picture is None


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("sign, color", [(1, patches.REAL), (-1, patches.FAKE)])
def test_patch_map_draws_a_logit_in_the_middle_of_what_it_sees(layers, sign, color):
    last = patch_arithmetic(layers, 64)[-1]
    logits = np.zeros((last["size"],) * 2)
    row, column = 1, last["size"] - 2
    logits[row, column] = sign * 3
    picture = patch_map_picture(BLACK + 128, logits, limit=2)
    side = patches.SIDE
    over, cells = (picture[26 : 26 + side, 8 + i * (side + 8) :][:, :side] for i in (1, 2))
    tint = (over.astype(int) - over.mean(-1, keepdims=True)) @ (np.array(color) - np.mean(color))
    rows, columns = np.nonzero(tint > tint.max() / 2)
    for places, at in ((rows, row), (columns, column)):
        middle = last["start"] + at * last["step"] + last["sees"] / 2
        assert abs((places.mean() + 0.5) / side * 64 - middle) < 0.3
        assert abs(np.ptp(places) + 1 - last["step"] * side / 64) < 2
    found = colored_as(cells, color)
    assert [int(places.mean() / side * last["size"]) for places in found] == [row, column]
    assert picture[26 : 26 + side, 8 : 8 + side].mean() == 128


def test_patch_map_live(page):
    drawn = draw_flowers(3, 64, seed=0)[0]
    tensor = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 14, 14, requires_grad=True)
    maps = {"true": logits[0], "gray": logits[1][:, None]}
    assert patch_map({"true": tensor, "gray": list(255 - drawn)}, maps) is None
    (switch,), (photo,) = page.controls("ToggleButtons"), page.controls("IntSlider")
    values = logits.detach().double().numpy()
    limit = np.quantile(np.abs(values), 0.98)
    assert switch.options == ("true", "gray") and photo.max == 3
    assert shows(page.picture, patch_map_picture(drawn[0], values[0, 0], limit, "true"))
    switch.value, photo.value = "gray", 3
    assert shows(page.picture, patch_map_picture(255 - drawn[2], values[1, 2], limit, "gray"))
    assert page.alt.startswith(f"Photo 3, gray, and the critic's map over it: mean logit {values[1, 2].mean():+.2f}")


def test_patch_map_refuses_at_once(page):
    drawn = draw_flowers(2, 64, seed=0)[0]
    maps = np.zeros((2, 14, 14))
    for versions, given, message in (
        ({"true": drawn}, {"gray": maps}, "each version needs its map"),
        ({}, {}, "each version needs its map"),
        ({"true": drawn}, {"true": maps[:1]}, "same number of photos"),
        ({"true": drawn[:0]}, {"true": maps[:0]}, "at least one"),
        ({"true": drawn, "gray": drawn / 255}, {"true": maps, "gray": maps}, "want uint8"),
        ({"true": drawn, "gray": drawn}, {"true": maps, "gray": maps + np.inf}, "gray: .* hold numbers"),
        ({"true": drawn}, {"true": maps[:, :3]}, "true: the maps must be square"),
        ({"true": drawn[:, :32]}, {"true": maps}, "true: a square picture"),
    ):
        with pytest.raises(ValueError, match=message):
            patch_map(versions, given)
    assert page.picture is None
