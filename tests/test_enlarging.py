"""Enlarging color along the edges of lightness: `enlarge_colors`, `color_slopes`, and the same by parts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.backstage import enlarging
from helpers.backstage.enlarging import Enlarged
from helpers.inference import Colorizer, color_slopes, enlarge_colors


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def half_planes(size, at):
    """Dark blue on the left, light yellow on the right, with an edge `at` that is no multiple of a small pixel."""
    L, ab = torch.full((1, 1, size, size), 25.0), torch.zeros(1, 2, size, size)
    L[..., at:] = 80.0
    ab[:, 1, :, :at], ab[:, 1, :, at:] = -40.0, 60.0
    return L, ab


def small(picture, times):
    return F.avg_pool2d(picture, times)


def bilinear(ab, L):
    return F.interpolate(ab, L.shape[-2:], mode="bilinear", align_corners=False)


def test_the_slope_is_that_of_a_line_fitted_in_each_window():
    L, ab = 100 * random(2, 1, 7, 9), 100 * random(2, 2, 7, 9, seed=1) - 50
    slopes = np.zeros((2, 2, 7, 9))
    for n, c, y, x in np.ndindex(slopes.shape):
        rows, columns = (np.clip(np.arange(at - 1, at + 2), 0, end - 1) for at, end in ((y, 7), (x, 9)))
        light, color = (part[np.ix_(rows, columns)].double().numpy().ravel() for part in (L[n, 0], ab[n, c]))
        slopes[n, c, y, x] = np.cov(light, color, ddof=0)[0, 1] / (light.var() + 10.0**2)
    padded = np.pad(slopes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    wanted = sum(padded[..., y : y + 7, x : x + 9] for y in range(3) for x in range(3)) / 9
    assert np.abs(color_slopes(L, ab).numpy() - wanted).max() < 1e-4
    softer = color_slopes(L, ab, softness=20.0)
    assert softer.abs().mean() < color_slopes(L, ab).abs().mean() / 1.5


@pytest.mark.parametrize("times", [4, 8])
def test_where_lightness_has_an_edge_color_has_one_too(times):
    L, ab = half_planes(64, 30)
    along, smooth = (
        (way - ab).abs().mean()
        for way in (enlarge_colors(small(L, times), small(ab, times), L), bilinear(small(ab, times), L))
    )
    assert along < 0.6 * smooth


def test_without_detail_in_lightness_it_is_bilinear():
    ab = 100 * random(1, 2, 8, 8) - 50
    flat = torch.full((1, 1, 8, 8), 50.0)
    assert torch.equal(enlarge_colors(flat, ab, torch.full((1, 1, 64, 64), 50.0)), bilinear(ab, flat.new_zeros(64, 64)))
    L = bilinear(100 * random(1, 1, 8, 8), torch.zeros(64, 64))  # as coarse as the colors
    assert (enlarge_colors(100 * random(1, 1, 8, 8), ab, L) - bilinear(ab, L)).abs().max() < 1e-3


def test_twice_the_color_is_twice_the_color_at_each_pixel():
    L, ab, large = 100 * random(1, 1, 8, 8), random(1, 2, 8, 8, seed=1), 100 * random(1, 1, 40, 56, seed=2)
    assert torch.allclose(enlarge_colors(L, 2 * ab, large), 2 * enlarge_colors(L, ab, large), atol=1e-4)


def test_gray_stays_gray():
    L, large = 100 * random(1, 1, 8, 8), 100 * random(1, 1, 40, 56, seed=2)
    assert not enlarge_colors(L, torch.zeros(1, 2, 8, 8), large).any()


@pytest.mark.parametrize("size", [(61, 40), (8, 120), (12, 9), (10, 12)])
@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("at_once", [0, 2**20])
def test_part_by_part_it_is_the_same(size, rows, at_once, monkeypatch):
    monkeypatch.setattr(enlarging, "AT_ONCE", at_once)
    L, ab, large = 100 * random(1, 1, 10, 12), 100 * random(1, 2, 10, 12, seed=1), 100 * random(1, 1, *size, seed=2)
    whole, parts = enlarge_colors(L, ab, large)[0], Enlarged(L, ab, *size)
    for top in range(0, size[0], rows):
        part = slice(top, min(size[0], top + rows))
        assert (parts.rows(part, large[0, :, part]) - whole[:, part]).abs().max() < 1e-3


def test_a_colorizer_enlarges_so():
    """The whole picture from its small colors, by the functions that chapter 8 builds."""
    from helpers.color import lab_to_rgb, rgb_to_lab

    colorizer = Colorizer.from_pretrained("flowers-64", device="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8).repeat(20, 0).repeat(20, 1)
    L_small, ab_small = colorizer.predict_small(picture)
    assert L_small.shape == (1, 1, 77, 64) and ab_small.shape == (1, 2, 77, 64)
    lab = rgb_to_lab(torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous())
    lab[:, 1:] = 1.5 * enlarge_colors(L_small, ab_small, lab[:, :1])
    wanted = (lab_to_rgb(lab)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.abs(colorizer.colorize(picture, 1.5).astype(int) - wanted).max() <= 1
