"""Checks for chapter 4, The PatchGAN. The truth is measured by gradient, counted, or written out in numpy."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..models import PatchGAN
from .hints import Hint, ask, judge_each, numbers


def _field(function) -> str:
    """04-1: [(kernel, stride), ...], first layer first -> input pixels across that one output sees."""

    def measured(stack) -> int:  # by gradient, through kernels of ones
        out = x = torch.ones(1, 1, 200, requires_grad=True)
        for kernel, stride in stack:
            out = F.conv1d(out, torch.ones(1, 1, kernel), stride=stride)
        return int(torch.autograd.grad(out[0, 0, out.shape[-1] // 2], x)[0].count_nonzero())

    stacks = [[(4, 2), (4, 1), (4, 1)], [(3, 1)], [(4, 2)] * 2 + [(4, 1)] * 2, [(3, 1), (5, 3), (2, 1), (4, 2)], []]
    truth = np.array([measured(stack) for stack in stacks])
    wrong = []
    for stack in stacks:
        k, s = np.array(stack, dtype=int).reshape(-1, 2).T
        after = np.cumprod(s)  # the step after each layer; before it, the step is after // s
        no_strides, early, whole = 1 + (k - 1).sum(), 1 + ((k - 1) * after).sum(), 1 + (k * (after // s)).sum()
        backward = 1 + ((k - 1) * (s.prod() // after)).sum()
        replaced = 1 + ((k - 1) * np.append(1, s)[: len(k)]).sum()
        wrong.append((no_strides, early, whole, backward, replaced, s.prod(), k.prod()))
    no_strides, early, whole, backward, replaced, apart, product = np.array(wrong).T
    mistakes = {
        "the strides are missing: after a layer of stride 2, neighbors are 2 input pixels apart": no_strides,
        "one too small: with no layer at all, an output is a pixel and sees that one pixel": truth - 1,
        "add first, then multiply the step: a layer's stride widens what the *next* layers see": early,
        "a kernel of 4 reaches 3 steps further than one of 1: add (kernel - 1) steps, not kernel": whole,
        "two strides of 2 make a step of 4: multiply the step by each stride, do not replace it": replaced,
        "the layers are in the wrong order: this formula walks from the picture to the logit": backward,
        "the product of the strides is how far apart two logits look; how *wide* does one look?": apart,
        "kernels are not multiplied: two of 3 see 5 pixels, not 9": product,
    }
    judge_each(function, [(stack,) for stack in stacks], truth, mistakes, 1e-6, what="the receptive field")
    return f"right: one strided layer and two more see {truth[0]} pixels, two strided layers {truth[2]}"


def _layers(function) -> str:
    """04-2: width, layers, norm -> the layers of a `PatchGAN`, a list of modules."""
    for width, layers in ((4, 2), (3, 1), (2, 4)):
        wrapped = []

        def norm(layer, wrapped=wrapped):
            wrapped.append(layer)
            return layer

        theirs = PatchGAN(width, layers, norm="none")
        result = ask(function, width, layers, norm)
        result = list(result) if isinstance(result, (list, tuple, nn.Sequential)) else [result]
        if not all(isinstance(layer, nn.Module) for layer in result) or len(result) < 2:
            raise Hint("a list of modules is wanted: convolutions, with a LeakyReLU after each but the last")
        _compare_layers(result, list(theirs.net), layers)
        convolutions = [layer for layer in result if isinstance(layer, nn.Conv2d)]
        if [id(layer) for layer in wrapped] != [id(layer) for layer in convolutions]:
            raise Hint("right without a norm; but every convolution is to pass through norm(...), the last one, too")
        mine = nn.Sequential(*result)
        mine.load_state_dict(theirs.net.state_dict())
        lab = torch.rand(2, 3, 64, 64) * 2 - 1
        if not torch.equal(mine(lab.clone()), theirs.net(lab)):
            raise Hint("the layers look right, but do not give the same numbers: is one of them set in another way?")
    return "right, bit for bit the course's critic: one, two and four strided layers"


def _compare_layers(mine: list, theirs: list, strided: int) -> None:
    """Raise the `Hint` of the first thing in which these layers differ from those that are wanted."""
    convs, wanted = ([layer for layer in stack if isinstance(layer, nn.Conv2d)] for stack in (mine, theirs))
    if not isinstance(mine[-1], nn.Conv2d):
        raise Hint(f"nothing follows the last convolution: a logit may be any number, and {mine[-1]} would change it")
    if len(convs) != len(wanted):
        what = (
            f"for {strided} strided layers, then one of stride 1, then the last, {len(wanted)} convolutions are wanted"
        )
        raise Hint(f"{what}, not {len(convs)}")

    def differ(name: str) -> bool:
        return [getattr(c, name) for c in convs] != [getattr(c, name) for c in wanted]

    channels = [c.out_channels for c in convs]
    hints = {
        "the first convolution takes 3 channels: L, a and b": convs[0].in_channels != 3,
        "the last convolution has one channel, the logit": channels[-1] != 1,
        "channels double with every layer, but stop at 8 * width: min(2**i, 8)": max(channels)
        > max(c.out_channels for c in wanted),
        f"the channels go {channels}, and should {[c.out_channels for c in wanted]}: width, doubled by each next": (
            differ("out_channels")
        ),
        "each convolution takes as many channels as the one before it gives": differ("in_channels"),
        "every kernel is 4 x 4": differ("kernel_size"),
        "all layers stride: the last two convolutions have stride 1": all(c.stride == (2, 2) for c in convs),
        f"strides are wrong: the first {strided} have 2, the others 1": differ("stride"),
        "the frame of zeros is missing: padding=1 in every convolution": differ("padding"),
        "keep the bias: no BatchNorm follows that would make up for it": any(c.bias is None for c in convs),
        "a ReLU that is shut passes no gradient back: nn.LeakyReLU(0.2)": any(type(m) is nn.ReLU for m in mine),
        "left to itself, LeakyReLU's slope is 0.01; here it is 0.2": any(
            getattr(m, "negative_slope", 0.2) != 0.2 for m in mine
        ),
        "each convolution but the last is followed by a LeakyReLU(0.2), and by nothing else": (
            [type(m) for m in mine] != [type(m) for m in theirs]
        ),
    }
    for hint, found in hints.items():
        if found:
            raise Hint(hint)


def _hinge(function) -> str:
    """04-3: real logits, fake logits, both (N, 1, h, w) -> the critic's hinge loss, a number."""
    rng = np.random.default_rng(0)
    pairs = [rng.normal(shift, 1.5, (2, 3, 1, 4, 4)) for shift in (0.0, 0.6, -1.0)]
    pairs.append(np.broadcast_to([[[[[3.0]]]], [[[[-2.0]]]]], (2, 3, 1, 4, 4)))  # right by more than the margin
    real, fake = np.reshape(pairs, (4, 2, 48)).swapaxes(0, 1)  # (pairs, patches) each

    def cut(cost):
        return np.maximum(cost, 0).mean(1)

    on_real, on_fake = cut(1 - real), cut(1 + fake)
    truth = on_real + on_fake
    late = np.maximum(1 - real.mean(1), 0) + np.maximum(1 + fake.mean(1), 0)
    mistakes = {
        "what is right with room to spare should cost nothing: cut off below 0 with F.relu": (2 - real + fake).mean(1),
        "the signs are swapped: a real patch costs more the *lower* its logit": cut(1 + real) + cut(1 - fake),
        "the fakes are asked to be called real: for them it is 1 + logit": on_real + cut(1 - fake),
        "the margin is missing: a logit of 0.1 is on the right side, but still costs": cut(-real) + cut(fake),
        "half of it: the two means are added, not averaged, so that chance is 2": truth / 2,
        "sums instead of means: then the loss depends on how many patches there are": truth * 48,
        "this is the loss of the painter; the critic is judged on real patches and on fakes": -fake.mean(1),
        "only the real patches are judged": on_real,
        "only the fakes are judged": on_fake,
        "cut off each patch first, then average: a patch that is very right must not pay for a wrong one": late,
    }
    judge_each(function, torch.tensor(np.stack(pairs)).float(), truth, mistakes, 1e-4, what="the loss")
    return "right: 0 where both sides are right by a margin of 1, and 2 for a critic that always answers 0"


def _swap(function) -> str:
    """04-4: ab (N, 2, H, W) -> the same colors on other photos: none keeps its own, each is used once."""
    for count in [5, 8, 3] + [4] * 20 + [2]:  # a shuffle that leaves a photo in place now and then is caught
        ab = torch.arange(count * 2 * 2 * 3, dtype=torch.float32).reshape(count, 2, 2, 3) / 100
        before = ab.numpy().copy()
        got = numbers(ask(function, ab), before.shape)
        written_over, rolled = (ab.numpy() != before).any(), np.allclose(got, np.roll(before, 1))
        same = np.isclose(got[:, None], before).all((2, 3, 4))  # [i, j]: photo i has the colors of photo j
        exchanged = np.isclose(got[:, None], before[:, ::-1]).all((2, 3, 4)).any(1).all()
        torn, kept, unused = not same.any(1).all(), np.flatnonzero(same.diagonal()), not same.any(0).all()
        within = torn and np.allclose(*(np.sort(photos.reshape(count, 2, -1)) for photos in (got, before)))
        own = f"photo {', '.join(map(str, kept))} of {count} kept its own colors, so a real one is called a fake"
        faults = {
            "the true colors were written over: make a new tensor, the critic still needs the old one": written_over,
            "a and b have changed places: dim 1 counts channels. Photos are counted by dim 0": exchanged,
            "roll without dims pushes all numbers through the whole tensor: name the dimension, dims=0": rolled,
            "the colors moved *within* each photo (dims 2 and 3): move whole photos, dim 0": within,
            "these are no photo's colors any more: only the photos change places, no number changes": torn,
            "nothing has moved: each photo still has its own colors": len(kept) == count,
            f"{own}. Move *all* by one place: a shuffle, or a reversed order, can leave one where it was": len(kept),
            "some photo's colors are used twice, another's never: move all by one place, the last to the front": unused,
        }
        for hint, found in faults.items():
            if found:
                raise Hint(hint)
    return "right: the same colors as before, every one of them on the wrong photo"


EXERCISES = {"04-1": _field, "04-2": _layers, "04-3": _hinge, "04-4": _swap}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen, step = seen + (kernel - 1) * step, step * stride
    return seen


def _our_layers(width, layers, norm):
    channels, made = [3] + [width * min(2**i, 8) for i in range(layers + 1)], []
    for i in range(layers + 1):
        made += [norm(nn.Conv2d(channels[i], channels[i + 1], 4, 2 if i < layers else 1, padding=1)), nn.LeakyReLU(0.2)]
    return [*made, norm(nn.Conv2d(channels[-1], 1, 4, padding=1))]


OURS = {
    "04-1": _our_field,
    "04-2": _our_layers,
    "04-3": lambda real_logits, fake_logits: F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean(),
    "04-4": lambda ab: ab.roll(1, dims=0),
}
