"""Checks for chapter 3, The U-Net. The truth is torch's, scikit-image's, or found by trying all candidates."""

from __future__ import annotations

import numpy as np

from .hints import Hint, NotDone, answers, ask, compare, numbers


def _conv_size(function) -> str:
    """03-1: size, kernel, stride, padding -> size of a convolution's output."""
    import torch
    import torch.nn.functional as F

    cases = np.array([(64, 3, 1, 1), (64, 4, 2, 1), (65, 4, 2, 1), (30, 7, 3, 2), (9, 5, 1, 0), (8, 2, 2, 0)])
    x = [(torch.zeros(1, 1, n), torch.zeros(1, 1, k), s, p) for n, k, s, p in cases]
    truth = np.array([F.conv1d(size, kernel, stride=s, padding=p).shape[-1] for size, kernel, s, p in x])
    got = answers(function, cases.tolist(), what="the size")
    n, k, s, p = cases.T
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
    compare(got, truth, mistakes, 1e-6)
    return "right: 3 x 3 with padding 1 keeps the size, 4 x 4 with stride 2 and padding 1 halves it"


def _decoder_step(function) -> str:
    """03-2: x (N, C, h, w), skip (N, D, H, W), block -> block of x enlarged beside the skip."""
    import torch
    from skimage.transform import resize

    torch.manual_seed(0)
    x, skip, seen = torch.randn(2, 4, 4, 6), torch.randn(2, 4, 8, 12), []

    def block(t):
        seen.append(t)
        return 2 * t + 1

    def enlarged(small, order=1):  # by scikit-image
        return resize(small.numpy(), (*small.shape[:2], 8, 12), order=order, mode="edge", anti_aliasing=False)

    def joined(*parts):
        return 2 * np.concatenate(parts, 1) + 1

    y, s = enlarged(x), skip.numpy()
    blocks = enlarged(x, 0)
    pinned = torch.nn.functional.interpolate(x, (8, 12), mode="bilinear", align_corners=True).numpy()
    result = ask(function, x.clone(), skip.clone(), block)
    shape = tuple(getattr(result, "shape", ()))
    wrong_shapes = {
        (2, 4, 8, 12): "this has the channels of one input: the two are not added, but put side by side with torch.cat"
        if seen
        else "the block is never called, and the two inputs are not side by side: torch.cat, then block(...)",
        (4, 4, 8, 12): "the *pictures* were joined (dim 0 counts them): join the channels, dim=1",
        (2, 4, 16, 12): "one was put below the other (dim 2 is height): join the channels, dim=1",
        (2, 4, 8, 24): "they were put side by side in space (dim 3 is width): join the channels, dim=1",
        (2, 8, 4, 6): "the skip was shrunk to x: enlarge x to the skip, that is where the detail is",
    }
    if shape in wrong_shapes:
        raise Hint(wrong_shapes[shape])
    got = numbers(result, (2, 8, 8, 12))
    mistakes = {
        "enlarged and joined, but not convolved: pass the result through `block`": np.concatenate([y, s], 1),
        "x is enlarged with blocky copies: interpolate's default is nearest, ask for mode='bilinear'": joined(
            blocks, s
        ),
        "the corners are pinned: leave align_corners at False, or a picture shifts when it is enlarged": joined(
            pinned, s
        ),
        "the skip comes first here. It would train as well, but the course's UNet puts x first, and weights made for "
        "one order are noise in the other": joined(s, y),
    }
    compare(got, joined(y, s), mistakes, 1e-4)
    try:
        odd = numbers(ask(function, torch.randn(1, 4, 2, 3), torch.randn(1, 3, 5, 7), block), (1, 7, 5, 7))
    except (Hint, NotDone):
        raise Hint(
            "right for even sizes. A skip of 5 x 7 sits above features of 2 x 3, and twice 2 is not 5: enlarge to the "
            "skip's size, skip.shape[-2:], instead of by a factor of 2"
        ) from None
    return f"right, for odd sizes too: 4 and 3 channels became {odd.shape[1]} of {odd.shape[2]} x {odd.shape[3]}"


def _count_parameters(function) -> str:
    """03-3: inputs, outputs -> learnable numbers of a double conv."""
    from ..models import double_conv

    cases = np.array([(1, 24), (24, 48), (96, 48)])
    truth = np.array([sum(p.numel() for p in double_conv(*map(int, case)).parameters()) for case in cases])
    got = answers(function, cases.tolist(), what="the number of parameters")
    i, o = cases.T
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
    compare(got, truth, mistakes, 0.5)
    return f"right: from 24 channels to 48 it is {truth[1]:,}, from 96 to 48 it is {truth[2]:,}"


def _best_guess(function) -> str:
    """03-4: colors (N, 2), "l1" or "l2" -> the one (a, b) with the smallest mean loss."""
    colors = np.array([[52, 60], [-8, 4], [50, 12], [3, 66], [-12, 2], [4, 31], [60, 8]], np.float64)
    line = np.linspace(-20, 80, 20001)
    error = np.abs(line[:, None, None] - colors)  # (candidates, N, 2): found by trying, not by a formula
    truth = line[error.mean(1).argmin(0)], line[(error**2).mean(1).argmin(0)]
    got = answers(function, [(colors.copy(), kind) for kind in ("l1", "l2")], (2,), "the color")
    mean, median, middle = colors.mean(0), np.median(colors, 0), (colors.min(0) + colors.max(0)) / 2
    mistakes = {
        "the two are swapped: squaring makes far colors count most, and the mean gives in to them": (mean, median),
        'that is the mean for both: under "l1" try a guess in the middle of the *ranking*': (mean, mean),
        'that is the median for both: under "l2" far colors pull harder': (median, median),
        "halfway between the smallest and the largest is best for the *worst* error, not for a mean": (middle, middle),
        'right for "l1"; for "l2" halfway between the extremes ignores all colors between them': (median, middle),
        "the list is not sorted: its middle entry is not the median": (colors[len(colors) // 2], mean),
        "gray is safe, but not best": (np.zeros(2), np.zeros(2)),
    }
    compare(got, truth, mistakes, 0.02)
    return f"right: L1 wants ({median[0]:.0f}, {median[1]:.0f}), L2 wants ({mean[0]:.1f}, {mean[1]:.1f})"


EXERCISES = {"03-1": _conv_size, "03-2": _decoder_step, "03-3": _count_parameters, "03-4": _best_guess}
