"""helpers.metrics: each number against its library or its definition, then the scorecard."""

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from helpers import metrics
from helpers.data import drawn_photos, to_lab
from helpers.metrics import (
    AB_BINS,
    AB_RANGE,
    METRICS,
    PERFECT_PSNR,
    ab_histogram,
    ab_intersection,
    baseline_cards,
    ciede2000,
    colorfulness,
    format_table,
    judge,
    median_ab,
    per_photo,
    predict,
    psnr,
    resampled_counts,
    scorecard,
    ssim,
)
from helpers.models import UNet


@pytest.fixture(scope="module")
def photos():
    return drawn_photos(24, 32)


@pytest.fixture(scope="module")
def pair(photos):
    return photos.images[:6], predict("oracle", photos)[:6]


def test_against_scikit_image(pair):
    truth, guess = pair
    a, b = (t.permute(0, 2, 3, 1).numpy() for t in pair)
    for i in range(len(a)):
        assert psnr(truth, guess)[i] == pytest.approx(peak_signal_noise_ratio(a[i], b[i]), abs=1e-3)
        assert ssim(truth, guess)[i] == pytest.approx(structural_similarity(a[i], b[i], channel_axis=2), abs=1e-6)
        assert ciede2000(truth, guess)[i] == pytest.approx(
            deltaE_ciede2000(rgb2lab(a[i]), rgb2lab(b[i])).mean(), abs=1e-3
        )


def test_colorfulness_by_its_definition():
    gray = torch.full((1, 3, 8, 8), 90, dtype=torch.uint8)
    assert colorfulness(gray)[0] == 0
    red = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    red[:, 0] = 255
    assert colorfulness(red)[0] == pytest.approx(0.3 * np.hypot(255, 127.5))
    # Half red, half green: the signed R - G axis swings by 255, the unsigned one would not move at all.
    red[:, 0, :4], red[:, 1, :4] = 0, 255
    assert colorfulness(red)[0] == pytest.approx(255 + 0.3 * 127.5)


def test_ab_histogram_and_its_overlap(photos):
    h = ab_histogram(photos.images)
    assert h.shape == (24, AB_BINS, AB_BINS) and h.sum((1, 2)) == pytest.approx(np.ones(24))
    assert ab_intersection(h, h) == pytest.approx(1)
    gray = ab_histogram(predict("gray", photos))
    assert gray[:, AB_BINS // 2, AB_BINS // 2].mean() == 1 and ab_intersection(h, gray) < 0.5
    a = rgb2lab(photos.images[0].permute(1, 2, 0).numpy())[..., 1:]
    within = [[-AB_RANGE, AB_RANGE]] * 2
    counts, _, _ = np.histogram2d(a[..., 0].ravel(), a[..., 1].ravel(), bins=AB_BINS, range=within)
    assert np.abs(h[0] - counts / counts.sum()).sum() < 0.01


def test_baselines_do_what_their_names_say(photos):
    assert colorfulness(predict("gray", photos)).max() < 1.5  # rounding to bytes leaves a trace
    median = median_ab(photos)
    pixels = rgb2lab(photos.images.permute(0, 2, 3, 1).numpy())[..., 1:].reshape(-1, 2)
    assert median == pytest.approx(np.median(pixels, axis=0), abs=0.1)
    gray, oracle = scorecard("gray", photos), scorecard("oracle", photos)
    assert oracle["psnr"] > gray["psnr"] and oracle["delta_e"] < gray["delta_e"]
    assert 0 < oracle["colorfulness"] < gray.truth_colorfulness
    with pytest.raises(ValueError, match="unknown baseline 'sepia'"):
        predict("sepia", photos)
    with pytest.raises(ValueError, match="needs median="):
        predict("median", photos)


def test_the_baselines_stand_in_one_table(photos):
    seen = drawn_photos(24, 32, seed=1)
    cards = baseline_cards(photos, seen)
    assert list(cards) == ["gray", "median ab", "oracle mean ab"]
    assert cards["median ab"] == scorecard("median", photos, median_ab(seen))  # not of the photos judged on
    assert cards["gray"] == scorecard("gray", photos) and cards["oracle mean ab"] == scorecard("oracle", photos)


def test_a_perfect_prediction_and_a_vivid_wrong_one(photos):
    class Truth:
        def __call__(self, L):
            return to_lab(photos.images)[1]

    card = scorecard(Truth(), photos)
    assert card["psnr"] > 50 and card["delta_e"] < 0.2 and card["delta_cf"] < 0.5
    assert card["ab_intersection"] > 0.95
    wrong = scorecard(lambda L: -Truth()(L), photos)
    gray = scorecard("gray", photos)
    assert wrong["psnr"] < gray["psnr"] and wrong["delta_cf"] < gray["delta_cf"]  # no single number will do


def test_in_parts_or_all_at_once_is_the_same(photos, monkeypatch):
    once = scorecard("oracle", photos).values
    for pixels in (5 * 32 * 32, 1):  # the last part is a smaller one; a photo at a time
        monkeypatch.setattr(metrics, "PIXELS", pixels)
        parts = scorecard("oracle", photos).values
        assert all(parts[key] == pytest.approx(once[key], rel=1e-6) for key in METRICS)


def test_intervals_hold_the_mean_and_shrink_with_more_photos(photos):
    card = scorecard("oracle", photos)
    for mean, low, high in card.values.values():
        assert low <= mean <= high
    few = scorecard("oracle", photos.subset([0, 5, 9, 13, 17, 21]))
    width = {c.photos: c.values["psnr"][2] - c.values["psnr"][1] for c in (card, few)}
    assert width[24] < width[6]
    assert card.values == scorecard("oracle", photos).values  # seeded


def test_scorecard_leaves_the_model_as_it_was(photos):
    model = UNet(8, 2).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    scorecard(model, photos)
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_table_names_every_metric_and_refuses_a_mixture(photos):
    cards = {"gray": scorecard("gray", photos), "oracle": scorecard("oracle", photos)}
    table = format_table(cards)
    assert all(name in table for name, _, _ in METRICS.values()) and "| gray |" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1
    with pytest.raises(ValueError, match="different photos"):
        format_table(cards | {"few": scorecard("gray", photos.subset([0, 1]))})


def test_finished_pictures_are_judged_like_their_painter(photos):
    guess = predict("oracle", photos)
    each = per_photo(photos.images, guess)
    assert each.keys() == METRICS.keys() - {"ab_intersection"} and all(v.shape == (24,) for v in each.values())
    assert judge(photos.images, guess) == judge(photos.images, guess, each=each) == scorecard("oracle", photos)
    assert per_photo(photos.images, photos.images)["psnr"].max() == PERFECT_PSNR  # infinite, but a mean must exist
    with pytest.raises(ValueError, match="must be alike"):
        judge(photos.images, guess[:5])


def test_resampled_counts_are_whole_resamples_and_seeded(photos):
    counts = resampled_counts(24, resamples=50)
    assert counts.shape == (50, 24) and (counts.sum(1) == 24).all() and (counts == counts.round()).all()
    assert (counts == resampled_counts(24, resamples=50)).all()
    assert (counts != resampled_counts(24, resamples=50, seed=1)).any()
    each = per_photo(photos.images, predict("gray", photos))["delta_e"]
    low, high = np.percentile([np.repeat(each, row.astype(int)).mean() for row in resampled_counts(24)], [2.5, 97.5])
    assert scorecard("gray", photos).values["delta_e"] == pytest.approx((each.mean(), low, high), abs=1e-3)


def test_the_interval_of_the_overlap_is_moved_back(photos):
    """A resample repeats photos, so its histogram is thinner and overlaps less: that bias must not stay."""
    guess = predict("oracle", photos)
    truth, painted = ab_histogram(photos.images), ab_histogram(guess)
    draws = [np.repeat(np.arange(24), row.astype(int)) for row in resampled_counts(24)]
    overlaps = np.array([ab_intersection(truth[drawn], painted[drawn]) for drawn in draws])
    overlap, low, high = judge(photos.images, guess).values["ab_intersection"]
    shift = overlap - overlaps.mean()
    assert overlap == pytest.approx(ab_intersection(truth, painted)) and shift > 0.01
    assert (low, high) == pytest.approx(np.percentile(overlaps, [2.5, 97.5]) + shift, abs=1e-4)
