"""The exercises of chapter 4: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import torch
import torch.nn.functional as F

from helpers.exercises import check


def field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen


def field_backwards(layers):
    seen = 1
    for kernel, stride in reversed(layers):
        seen = (seen - 1) * stride + kernel
    return seen


def field_wrong_order(layers):
    return field(layers[::-1])


def field_early(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        seen += (kernel - 1) * step
    return seen


def product(layers, which):
    result = 1
    for layer in layers:
        result *= layer[which]
    return result


def hinge(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def swap(ab):
    return ab.roll(1, dims=0)


def write_over(ab):
    ab[:] = ab.roll(1, dims=0)
    return ab


def some_other(ab):
    others = [[j for j in range(len(ab)) if j != i] for i in range(len(ab))]
    return ab[torch.tensor([row[0] for row in others])]


def share_right(real, fake):
    return ((real > 0).float().mean() + (fake < 0).float().mean()) / 2


CASES = {
    "04-1": (
        field,
        lambda layers: None,
        [
            (lambda layers: 1 + sum(k - 1 for k, _ in layers), "the strides are missing"),
            (lambda layers: field(layers) - 1, "one too small"),
            (field_early, "add first, then multiply"),
            (lambda layers: field(layers) + sum(product(layers[:i], 1) for i in range(len(layers))), "(kernel - 1)"),
            (field_wrong_order, "wrong order"),
            (lambda layers: product(layers, 1), "how far apart"),
            (lambda layers: product(layers, 0), "not multiplied"),
            (lambda layers: [field(layers)], "shape"),
            (lambda layers: field(layers) * 2, "not yet"),
        ],
    ),
    "04-2": (
        hinge,
        lambda real, fake: None,
        [
            (lambda r, f: (1 - r).mean() + (1 + f).mean(), "F.relu"),
            (lambda r, f: hinge(-r, -f), "signs are swapped"),
            (lambda r, f: F.relu(1 - r).mean() + F.relu(1 - f).mean(), "asked to be called real"),
            (lambda r, f: F.relu(-r).mean() + F.relu(f).mean(), "margin is missing"),
            (lambda r, f: hinge(r, f) / 2, "half of it"),
            (lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(), "sums instead of means"),
            (lambda r, f: -f.mean(), "loss of the generator"),
            (lambda r, f: F.relu(1 - r).mean(), "only the real"),
            (lambda r, f: F.relu(1 + f).mean(), "only the fakes"),
            (lambda r, f: F.relu((1 - r).mean()) + F.relu((1 + f).mean()), "each patch first"),
            (lambda r, f: F.relu(1 - r) + F.relu(1 + f), "shape"),
            (lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(), "not yet"),
        ],
    ),
    "04-3": (
        swap,
        lambda ab: None,
        [
            (lambda ab: ab, "nothing has moved"),
            (lambda ab: ab.flip(0), "kept its own colors"),
            (lambda ab: ab.flip(1), "dim 1 counts channels"),
            (lambda ab: ab.flip(3), "*within* each photo"),
            (lambda ab: ab.roll(1), "roll without dims"),
            (some_other, "used twice"),
            (write_over, "written over"),
            (lambda ab: -ab.roll(1, dims=0), "no photo's colors any more"),
            (lambda ab: ab[:1], "shape"),
        ],
    ),
    "04-4": (
        share_right,
        lambda real, fake: None,
        [
            (lambda r, f: ((r > 0).float().mean() + (f > 0).float().mean()) / 2, "called real"),
            (lambda r, f: 1 - share_right(r, f), "other way round"),
            (lambda r, f: 2 * share_right(r, f), "average them"),
            (lambda r, f: 100 * share_right(r, f), "percentage"),
            (lambda r, f: (r > 0).float().mean(), "only the real"),
            (lambda r, f: (f < 0).float().mean(), "only the fakes"),
            (lambda r, f: torch.cat([(r > 0).flatten(), (f < 0).flatten()]).float().mean(), "pooled"),
            (lambda r, f: share_right(r.mean((1, 2, 3)), f.mean((1, 2, 3))), "each *patch*"),
            (lambda r, f: share_right(r - 0.5, f - 0.5), "no probability"),
            (lambda r, f: r > 0, "shape"),
        ],
    ),
}


def test_other_right_ways_pass():
    assert check("04-1", field_backwards) == "done"
    assert check("04-3", lambda ab: torch.cat([ab[1:], ab[:1]])) == "done"
    assert check("04-4", lambda r, f: ((r > 0).float().mean().item() + (f < 0).float().mean().item()) / 2) == "done"


def test_a_shuffle_that_sometimes_keeps_a_photo_is_caught(capsys):
    torch.manual_seed(0)
    assert check("04-3", lambda ab: ab[torch.randperm(len(ab))]) == "wrong"
    assert "kept its own colors" in capsys.readouterr().out
