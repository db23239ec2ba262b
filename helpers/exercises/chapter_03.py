"""Checks for chapter 3, The U-Net. The truth is torch's, scikit-image's, or found by trying all candidates."""

import numpy as np
import torch
import torch.nn.functional as F
from skimage.transform import resize

from ..models import double_conv
from .hints import Hint, NotDone, ask, compare, judge_each, numbers


def _conv_size(function) -> str:
    """03-1: size, kernel, stride, padding -> size of a convolution's output."""
    cases = [(64, 3, 1, 1), (64, 4, 2, 1), (65, 4, 2, 1), (30, 7, 3, 2), (9, 5, 1, 0), (8, 2, 2, 0)]
    truth = np.array([torch.nn.Conv1d(1, 1, k, s, p)(torch.zeros(1, 1, n)).shape[-1] for n, k, s, p in cases])
    n, k, s, p = np.array(cases).T
    mistakes = {
        "one too small: after the first position, the kernel makes room / stride *further* steps": truth - 1,
        "sizes are whole: a last step that does not fit is not taken, so divide with //": (n + 2 * p - k) / s + 1,
        "a last step that does not fit is not taken: round down": -((n + 2 * p - k) // -s) + 1,
        "padding is added on both sides: 2 * padding": (n + p - k) // s + 1,
        "the padding is missing: it enlarges the input on both sides before the kernel slides": (n - k) // s + 1,
        "// binds tighter than + and -: put brackets around size + 2 * padding - kernel": n + 2 * p - k // s + 1,
        "the +1 belongs outside the division: it counts the kernel's first position": (n + 2 * p - k + 1) // s,
        "the stride is missing: the kernel moves that many pixels a step": n + 2 * p - k + 1,
    }
    judge_each(function, cases, truth, mistakes, 1e-6, what="the size")
    return "right: 3 x 3 with padding 1 keeps the size, 4 x 4 with stride 2 and padding 1 halves it"


def _decoder_step(function) -> str:
    """03-2: x (N, C, h, w), skip (N, D, H, W), block -> block of x enlarged beside the skip."""
    torch.manual_seed(0)
    x, skip, seen = torch.randn(2, 4, 4, 6), torch.randn(2, 4, 8, 12), []

    def block(t):
        seen.append(t)
        return 2 * t + 1

    def joined(*parts):
        return 2 * np.concatenate(parts, 1) + 1

    blocky, smooth = (resize(x.numpy(), skip.shape, order, mode="edge", anti_aliasing=False) for order in (0, 1))
    s, pinned = skip.numpy(), F.interpolate(x, (8, 12), mode="bilinear", align_corners=True).numpy()
    result = ask(function, x.clone(), skip.clone(), block)
    added = "this has the channels of one input: do not add the two, put them side by side with torch.cat"
    bare = "the block is never called, and the two inputs are not side by side: torch.cat, then block(...)"
    wrong_shapes = {
        (2, 4, 8, 12): added if seen else bare,
        (4, 4, 8, 12): "the *pictures* were joined (dim 0 counts them): join the channels, dim=1",
        (2, 4, 16, 12): "one was put below the other (dim 2 is height): join the channels, dim=1",
        (2, 4, 8, 24): "they were put side by side in space (dim 3 is width): join the channels, dim=1",
        (2, 8, 4, 6): "the skip was shrunk to x: enlarge x to the skip, that is where the detail is",
    }
    got = numbers(result, (2, 8, 8, 12), wrong_shapes=wrong_shapes)
    mistakes = {
        "enlarged and joined, but not convolved: pass the result through `block`": np.concatenate([smooth, s], 1),
        "x is enlarged with blocky copies, interpolate's default: ask for mode='bilinear'": joined(blocky, s),
        "the corners are pinned, which shifts the picture: leave align_corners at False": joined(pinned, s),
        "the skip comes first. It would train as well, but the weights of the course expect x first": joined(s, smooth),
    }
    compare(got, joined(smooth, s), mistakes, 1e-4)
    try:
        numbers(ask(function, torch.randn(1, 4, 2, 3), torch.randn(1, 3, 5, 7), block), (1, 7, 5, 7))
    except (Hint, NotDone):
        raise Hint("right, but a skip of 5 x 7 may meet 2 x 3, and twice 2 is not 5: use skip.shape[-2:]") from None
    return "right, for odd sizes too: 4 and 3 channels became 7 of 5 x 7"


def _count_parameters(function) -> str:
    """03-3: inputs, outputs -> learnable numbers of a double conv."""
    cases = [(1, 24), (24, 48), (96, 48)]
    truth = np.array([sum(p.numel() for p in double_conv(*case).parameters()) for case in cases])
    i, o = np.array(cases).T
    convs, norms = 9 * i * o + 9 * o * o, 4 * o
    mistakes = {
        "these are the two convolutions; each BatchNorm also learns a scale and a shift a channel": convs,
        "these convolutions have no bias (bias=False): BatchNorm's shift takes its place": convs + norms + 2 * o,
        "2 numbers a channel too few: count two BatchNorms, each with a scale and a shift": convs + 2 * o,
        "the running mean and variance are not learned, only measured: 2 numbers a channel, not 4": convs + 2 * norms,
        "the second convolution already takes `outputs` channels in": 18 * i * o + norms,
        "only one of the two convolutions is counted": 9 * i * o + 2 * o,
        "a kernel is 3 x 3: 9 weights for each pair of an input and an output channel": i * o + o * o + norms,
        "a kernel is 3 x 3, so 9 weights, not 3": 3 * (i * o + o * o) + norms,
    }
    judge_each(function, cases, truth, mistakes, 0.5, what="the number of parameters")
    return f"right: from 24 channels to 48 it is {truth[1]:,}, from 96 to 48 it is {truth[2]:,}"


def _best_guess(function) -> str:
    """03-4: colors (N, 2), "l1" or "l2" -> the one (a, b) with the smallest mean loss."""
    colors = np.array([[52, 60], [-8, 4], [50, 12], [3, 66], [-12, 2], [4, 31], [60, 8]], np.float64)
    line = np.linspace(-20, 80, 20001)
    error = np.abs(line[:, None, None] - colors)  # (candidates, N, 2): found by trying, not by a formula
    truth = line[error.mean(1).argmin(0)], line[(error**2).mean(1).argmin(0)]
    mean, median, middle = colors.mean(0), np.median(colors, 0), (colors.min(0) + colors.max(0)) / 2
    mistakes = {
        "the two are swapped: squaring makes far colors count most, and the mean gives in to them": (mean, median),
        'that is the mean for both: under "l1" try a guess in the middle of the *ranking*': (mean, mean),
        'that is the median for both: under "l2" far colors pull harder': (median, median),
        "halfway between the smallest and the largest is best for the *worst* error, not for a mean": (middle, middle),
        'right for "l1"; for "l2" halfway between the extremes ignores all colors between them': (median, middle),
        "the list is not sorted: its middle entry is not the median": (colors[len(colors) // 2], mean),
        "gray is safe, but not best": np.zeros((2, 2)),
    }
    judge_each(function, [(colors, "l1"), (colors, "l2")], truth, mistakes, 0.02, what="the color")
    return f"right: L1 wants ({median[0]:.0f}, {median[1]:.0f}), L2 wants ({mean[0]:.1f}, {mean[1]:.1f})"


EXERCISES = {"03-1": _conv_size, "03-2": _decoder_step, "03-3": _count_parameters, "03-4": _best_guess}
