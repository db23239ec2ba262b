"""Checks for chapter 4, The PatchGAN. The truth is measured by gradient, counted, or written out in numpy."""

import numpy as np
import torch
import torch.nn.functional as F

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
        wrong.append((no_strides, early, whole, backward, s.prod(), k.prod()))
    no_strides, early, whole, backward, apart, product = np.array(wrong).T
    mistakes = {
        "the strides are missing: after a layer of stride 2, neighbors are 2 input pixels apart": no_strides,
        "one too small: with no layer at all, an output is a pixel and sees that one pixel": truth - 1,
        "add first, then multiply the step: a layer's stride widens what the *next* layers see": early,
        "a kernel of 4 reaches 3 steps further than one of 1: add (kernel - 1) steps, not kernel": whole,
        "the layers are in the wrong order: this formula walks from the picture to the logit": backward,
        "the product of the strides is how far apart two logits look; how *wide* does one look?": apart,
        "kernels are not multiplied: two of 3 see 5 pixels, not 9": product,
    }
    judge_each(function, [(stack,) for stack in stacks], truth, mistakes, 1e-6, what="the receptive field")
    return f"right: one strided layer and two more see {truth[0]} pixels, two strided layers {truth[2]}"


def _hinge(function) -> str:
    """04-2: real logits, fake logits, both (N, 1, h, w) -> the discriminator's hinge loss, a number."""
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
        "this is the loss of the generator; the discriminator is judged on real patches and on fakes": -fake.mean(1),
        "only the real patches are judged": on_real,
        "only the fakes are judged": on_fake,
        "cut off each patch first, then average: a patch that is very right must not pay for a wrong one": late,
    }
    judge_each(function, torch.tensor(np.stack(pairs)).float(), truth, mistakes, 1e-4, what="the loss")
    return "right: 0 where both sides are right by a margin of 1, and 2 for a critic that always answers 0"


def _swap(function) -> str:
    """04-3: ab (N, 2, H, W) -> the same colors on other photos: none keeps its own, each is used once."""
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


def _share_right(function) -> str:
    """04-4: real logits, fake logits -> share of patches judged rightly, half the weight on each side."""
    rng = np.random.default_rng(1)
    cases = [(rng.normal(0.7, 1, (n, 1, 3, 3)), rng.normal(-0.2, 1, (m, 1, 3, 3))) for n, m in ((4, 9), (6, 3), (8, 2))]
    real, fake = np.array([((r > 0).mean(), (f < 0).mean()) for r, f in cases]).T
    truth = (real + fake) / 2
    pooled = [np.append(r > 0, f < 0).mean() for r, f in cases]
    per_photo = np.array([(r.mean((1, 2, 3)) > 0).mean() + (f.mean((1, 2, 3)) < 0).mean() for r, f in cases]) / 2
    above_half = np.array([(r > 0.5).mean() + (f < 0.5).mean() for r, f in cases]) / 2
    mistakes = {
        "that is the share *called real*: a fake is judged rightly below 0": (real + 1 - fake) / 2,
        "the other way round: this is the share judged wrongly": 1 - truth,
        "the two shares are added: average them, or a perfect critic reads 200 %": 2 * truth,
        "a share is wanted, 0 to 1, not a percentage": 100 * truth,
        "only the real patches are counted: a critic that calls all real would read 100 %": real,
        "only the fakes are counted: a critic that calls all fake would read 100 %": fake,
        "all patches are pooled, so the larger side weighs more: take each side's share, then their mean": pooled,
        "these are photos, judged by their mean logit: here each *patch* is judged": per_photo,
        "a logit is no probability: undecided is 0, not 0.5": above_half,
    }
    tensors = [[torch.tensor(logits).float() for logits in case] for case in cases]
    judge_each(function, tensors, truth, mistakes, 1e-4, what="the share")
    return f"right: here the real side scores {real[0]:.0%} and the fakes {fake[0]:.0%}, so {truth[0]:.0%}"


EXERCISES = {"04-1": _field, "04-2": _hinge, "04-3": _swap, "04-4": _share_right}
