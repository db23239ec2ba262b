"""Checks for chapter 4, The PatchGAN. The truth is measured by gradient, counted, or written out in numpy."""

from __future__ import annotations

import numpy as np

from .hints import Hint, answers, ask, compare, numbers


def _field(function) -> str:
    """04-1: [(kernel, stride), ...], first layer first -> input pixels across that one output sees."""
    import torch
    import torch.nn.functional as F

    stacks = [[(4, 2), (4, 1), (4, 1)], [(3, 1)], [(4, 2)] * 2 + [(4, 1)] * 2, [(3, 1), (5, 3), (2, 1), (4, 2)], []]

    def measured(stack) -> int:  # by gradient, through kernels of ones
        x = torch.ones(1, 1, 200, dtype=torch.float64, requires_grad=True)
        out = x
        for kernel, stride in stack:
            out = F.conv1d(out, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
        (gradient,) = torch.autograd.grad(out[0, 0, out.shape[-1] // 2], x)
        return int((gradient != 0).sum())

    def walked(stack, order=1, early=False, whole=0) -> int:
        field, step = 1, 1
        for kernel, stride in stack[::order]:
            field += (kernel - 1 + whole) * step * (stride if early else 1)
            step *= stride
        return field

    def each(formula, **how):
        return [formula(stack, **how) for stack in stacks]

    truth = np.array(each(measured))
    got = answers(function, [(list(stack),) for stack in stacks], what="the receptive field")
    step, kernels = (each(lambda stack, i=i: np.prod([layer[i] for layer in stack])) for i in (1, 0))
    whole, backwards = each(walked, whole=1), each(walked, order=-1)
    no_strides = each(lambda stack: 1 + sum(kernel - 1 for kernel, _ in stack))
    mistakes = {
        "the strides are missing: after a layer of stride 2, neighbors are 2 input pixels apart": no_strides,
        "one too small: with no layer at all, an output is a pixel and sees that one pixel": truth - 1,
        "a layer's own stride does not widen what *it* sees, only what the next layers see: add first, then "
        "multiply the step": each(walked, early=True),
        "a kernel of 4 reaches 3 steps further than a kernel of 1: add (kernel - 1) steps, not kernel": whole,
        "the layers are taken in the wrong order: this formula walks from the picture to the logit": backwards,
        "that is how far apart two neighboring logits look, the product of the strides; how *wide* does one "
        "look?": step,
        "kernels are not multiplied: two of 3 see 5 pixels, not 9": kernels,
    }
    compare(got, truth, mistakes, 1e-6)
    return f"right: one strided layer and two more see {truth[0]} pixels, two strided layers {truth[2]}"


def _hinge(function) -> str:
    """04-2: real logits, fake logits, both (N, 1, h, w) -> the discriminator's hinge loss, a number."""
    import torch

    rng = np.random.default_rng(0)
    pairs = [rng.normal(shift, 1.5, (2, 3, 1, 4, 4)) for shift in (0.0, 0.6, -1.0)]
    pairs.append(np.stack([np.full((1, 1, 2, 2), 3.0), np.full((1, 1, 2, 2), -2.0)]))
    real, fake = (np.stack([pair[i].ravel() for pair in pairs[:3]]) for i in (0, 1))  # (3, patches)

    got = answers(function, [[torch.tensor(t).float() for t in pair] for pair in pairs], what="the loss")

    def relu(x):
        return np.maximum(x, 0)

    def means(of_real, of_fake, last: float) -> np.ndarray:  # the last pair is constant: 3 for real, -2 for fakes
        return np.append(np.mean(of_real, -1) + np.mean(of_fake, -1), last)

    truth, nothing = means(relu(1 - real), relu(1 + fake), 0.0), np.zeros((3, 1))
    swapped, wish = means(relu(1 + real), relu(1 - fake), 7.0), means(relu(1 - real), relu(1 - fake), 3.0)
    sums, late = truth * [48, 48, 48, 1], np.append(relu((1 - real).mean(1)) + relu((1 + fake).mean(1)), 0)
    wanted = means(nothing, -fake, 2.0)
    uncut, no_margin = means(1 - real, 1 + fake, -3.0), means(relu(-real), relu(fake), 0.0)
    mistakes = {
        "what is already right with room to spare should cost nothing: cut off below 0 with F.relu": uncut,
        "the signs are swapped: a real patch costs more the *lower* its logit": swapped,
        "the fakes are asked to be called real: for them it is 1 + logit": wish,
        "the margin is missing: a logit of 0.1 has the right sign, but should still cost something": no_margin,
        "half of it: the two means are added, not averaged, so that chance is 2": truth / 2,
        "sums instead of means: then the loss depends on how many patches there are": sums,
        "this is the loss of the generator; the discriminator is judged on real patches and on fakes": wanted,
        "only the real patches are judged": means(relu(1 - real), nothing, 0.0),
        "only the fakes are judged": means(nothing, relu(1 + fake), 0.0),
        "cut off each patch first, then average: a patch that is very right must not pay for a wrong one": late,
    }
    compare(got, truth, mistakes, 1e-4)
    return "right: 0 where both sides are right by a margin of 1, and 2 for a critic that always answers 0"


def _swap(function) -> str:
    """04-3: ab (N, 2, H, W) -> the same colors on other photos: none keeps its own, each is used once."""
    import torch

    for count in [5, 8, 3] + [4] * 20 + [2]:  # a shuffle that leaves a photo in place now and then is caught
        ab = torch.arange(count * 2 * 2 * 3, dtype=torch.float32).reshape(count, 2, 2, 3) / 100
        before = ab.clone()
        result = ask(function, ab)
        got = numbers(result, (count, 2, 2, 3))
        if not torch.equal(ab, before):
            raise Hint("the true colors were written over: make a new tensor, the critic still needs the old one")
        sources = _sources(got, before.numpy())
        if None in sources:
            raise Hint(_torn(got, before.numpy()))
        kept = [i for i, source in enumerate(sources) if i == source]
        if len(kept) == count:
            raise Hint("nothing has moved: each photo still has its own colors")
        if kept:
            raise Hint(
                f"photo {kept[0]} of {count} kept its own colors, so a real photo is called a fake. Move *all* by the "
                "same number of places: a shuffle, or a reversed order, can leave one where it was"
            )
        if len(set(sources)) < count:
            raise Hint(
                "some photo's colors are used twice and another's not at all: then the fakes differ from the real "
                "colors by more than the swap. Move them all by one place, the last to the front"
            )
    return "right: the same colors as before, every one of them on the wrong photo"


def _sources(got: np.ndarray, ab: np.ndarray) -> list[int | None]:
    """For each photo of the answer: whose colors it has."""
    return [next((j for j in range(len(ab)) if np.allclose(photo, ab[j], atol=1e-6)), None) for photo in got]


def _torn(got: np.ndarray, ab: np.ndarray) -> str:
    """Why a photo's colors are no photo's colors."""
    if None not in _sources(got, ab[:, ::-1]):
        return "a and b have changed places: dim 1 counts channels. Photos are counted by dim 0"
    if np.allclose(got.ravel(), np.roll(ab.ravel(), 1), atol=1e-6):
        return "roll without dims pushes all numbers through the whole tensor by one: name the dimension, dims=0"
    flat = np.sort(ab.reshape(len(ab), 2, -1), -1)
    if np.allclose(np.sort(got.reshape(len(ab), 2, -1), -1), flat, atol=1e-6):
        return "the colors moved *within* each photo (dims 2 and 3): move whole photos, dim 0"
    return "these are no photo's colors any more: the numbers stay as they are, only the photos change places"


def _share_right(function) -> str:
    """04-4: real logits, fake logits -> share of patches judged rightly, half the weight on each side."""
    import torch

    rng = np.random.default_rng(1)
    cases = [(rng.normal(0.7, 1, (n, 1, 3, 3)), rng.normal(-0.2, 1, (m, 1, 3, 3))) for n, m in ((4, 9), (6, 3), (8, 2))]
    got = answers(function, [[torch.tensor(t).float() for t in case] for case in cases], what="the share")
    real, fake = np.array([((r > 0).mean(), (f < 0).mean()) for r, f in cases]).T
    truth = (real + fake) / 2
    wrong_way = (real + 1 - fake) / 2
    pooled = np.array([np.append(r.ravel() > 0, f.ravel() < 0).mean() for r, f in cases])
    per_photo = np.array([(r.mean((1, 2, 3)) > 0).mean() + (f.mean((1, 2, 3)) < 0).mean() for r, f in cases]) / 2
    halves = np.array([(r > 0.5).mean() + (f < 0.5).mean() for r, f in cases]) / 2
    mistakes = {
        "that is the share *called real*: a fake is judged rightly when its logit is below 0": wrong_way,
        "the other way round: this is the share judged wrongly": 1 - truth,
        "the two shares are added: average them, or a perfect critic reads 200 %": 2 * truth,
        "a share is wanted, 0 to 1, not a percentage": 100 * truth,
        "only the real patches are counted: a critic that calls all real would read 100 %": real,
        "only the fakes are counted: a critic that calls all fake would read 100 %": fake,
        "all patches are pooled, so the side with more of them weighs more, and a critic that always says the same "
        "could be above 50 %: take the share of each side, then the mean of the two": pooled,
        "these are photos, judged by their mean logit: here each *patch* is judged": per_photo,
        "a logit is no probability: undecided is 0, not 0.5": halves,
    }
    compare(got, truth, mistakes, 1e-4)
    return f"right: here the real side scores {real[0]:.0%} and the fakes {fake[0]:.0%}, so {truth[0]:.0%}"


EXERCISES = {"04-1": _field, "04-2": _hinge, "04-3": _swap, "04-4": _share_right}
