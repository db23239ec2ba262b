"""The exercises of chapter 4: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import torch
import torch.nn.functional as F
from torch import nn

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


def replaced(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step = stride
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


def layers_of(width, layers, norm, first=3, cap=8, kernel=4, strides=None, padding=1, bias=True, slope=0.2, last=1):
    """The layers of a critic, right, or wrong in one way."""
    channels = [first] + [width * min(2**i, cap) for i in range(layers + 1)]
    strides = strides or [2] * layers + [1, 1]
    made = []
    for i in range(layers + 1):
        made.append(norm(nn.Conv2d(channels[i], channels[i + 1], kernel, strides[i], padding=padding, bias=bias)))
        made.append(nn.LeakyReLU(slope) if slope else nn.ReLU())
    return [*made, norm(nn.Conv2d(channels[-1], last, kernel, strides[-1], padding=padding, bias=bias))]


def wrongly(**how):
    return lambda width, layers, norm: layers_of(width, layers, norm, **how)


def every_other(width, layers, norm):
    return [m for m in layers_of(width, layers, norm) if isinstance(m, nn.Conv2d)]


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
            (replaced, "do not replace"),
            (lambda layers: product(layers, 1), "how far apart"),
            (lambda layers: product(layers, 0), "not multiplied"),
            (lambda layers: [field(layers)], "shape"),
            (lambda layers: field(layers) * 2, "not yet"),
        ],
    ),
    "04-2": (
        layers_of,
        lambda width, layers, norm: None,
        [
            (wrongly(first=1), "3 channels: L, a and b"),
            (wrongly(cap=99), "stop at 8 * width"),
            (wrongly(cap=1), "doubled by each next"),
            (wrongly(kernel=3), "every kernel is 4 x 4"),
            (wrongly(strides=[2] * 9), "all layers stride"),
            (wrongly(strides=[1] * 9), "strides are wrong"),
            (wrongly(padding=0), "frame of zeros is missing"),
            (wrongly(bias=False), "keep the bias"),
            (wrongly(slope=None), "shut passes no gradient"),
            (wrongly(slope=0.01), "slope is 0.01"),
            (wrongly(last=2), "one channel, the logit"),
            (lambda w, n, norm: layers_of(w, n, norm)[:-1] + [nn.Conv2d(999, 1, 4, padding=1)], "as many channels as"),
            (lambda w, n, norm: layers_of(w, n, norm) + [nn.Sigmoid()], "nothing follows the last"),
            (lambda w, n, norm: layers_of(w, n - 1, norm), "4 convolutions are wanted, not 3"),
            (lambda w, n, norm: layers_of(w, n, lambda layer: layer), "pass through norm(...)"),
            (every_other, "followed by a LeakyReLU(0.2)"),
            (lambda w, n, norm: layers_of(w, n, norm)[0], "list of modules"),
        ],
    ),
    "04-3": (
        hinge,
        lambda real, fake: None,
        [
            (lambda r, f: (1 - r).mean() + (1 + f).mean(), "F.relu"),
            (lambda r, f: hinge(-r, -f), "signs are swapped"),
            (lambda r, f: F.relu(1 - r).mean() + F.relu(1 - f).mean(), "asked to be called real"),
            (lambda r, f: F.relu(-r).mean() + F.relu(f).mean(), "margin is missing"),
            (lambda r, f: hinge(r, f) / 2, "half of it"),
            (lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(), "sums instead of means"),
            (lambda r, f: -f.mean(), "loss of the painter"),
            (lambda r, f: F.relu(1 - r).mean(), "only the real"),
            (lambda r, f: F.relu(1 + f).mean(), "only the fakes"),
            (lambda r, f: F.relu((1 - r).mean()) + F.relu((1 + f).mean()), "each patch first"),
            (lambda r, f: F.relu(1 - r) + F.relu(1 + f), "shape"),
            (lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(), "not yet"),
        ],
    ),
    "04-4": (
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
}


def test_other_right_ways_pass():
    assert check("04-1", field_backwards) == "done"
    assert check("04-2", lambda w, n, norm: nn.Sequential(*layers_of(w, n, norm))) == "done"
    assert check("04-4", lambda ab: torch.cat([ab[1:], ab[:1]])) == "done"


def test_a_shuffle_that_sometimes_keeps_a_photo_is_caught(capsys):
    torch.manual_seed(0)
    assert check("04-4", lambda ab: ab[torch.randperm(len(ab))]) == "wrong"
    assert "kept its own colors" in capsys.readouterr().out
