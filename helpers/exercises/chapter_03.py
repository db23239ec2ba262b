"""Checks for chapter 3, The U-Net. The truth is torch's, scikit-image's, or found by trying all candidates."""

import numpy as np
import torch
import torch.nn.functional as F
from skimage.transform import resize

from ..models import UNet
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
        "size // stride is right only where kernel and padding cancel: 5 pixels have 3 places for a kernel of 3": n
        // s,
        "right for a stride of 1 alone: round down *after* dividing the room, size + 2 * padding - kernel": (
            (n + 2 * p) // s - k + 1
        ),
    }
    judge_each(function, cases, truth, mistakes, 1e-6, what="the size")
    return "right: 3 x 3 with padding 1 keeps the size, 4 x 4 with stride 2 and padding 1 halves it"


def _climb(function) -> str:
    """03-2: x (N, C, h, w), skip (N, D, H, W), squeeze, block -> block of the squeezed, enlarged x beside the skip."""
    torch.manual_seed(0)
    x, skip, weights = torch.randn(2, 6, 4, 6), torch.randn(2, 4, 8, 12), torch.randn(4, 6)
    squeezed, seen = [], []

    def squeeze(t):
        squeezed.append(t)
        return torch.einsum("oc,nchw->nohw", weights, t)

    def block(t):
        seen.append(t)
        return 2 * t + 1

    def joined(*parts):
        return 2 * np.concatenate(parts, 1) + 1

    less = squeeze(x).numpy()
    squeezed.clear()
    blocky, smooth = (resize(less, skip.shape, order, mode="edge", anti_aliasing=False) for order in (0, 1))
    s, pinned = skip.numpy(), F.interpolate(torch.tensor(less), (8, 12), mode="bilinear", align_corners=True).numpy()
    result = ask(function, x.clone(), skip.clone(), squeeze, block)
    added = "this has the channels of one input: do not add the two, put them side by side with torch.cat"
    bare = "the block is never called, and the two inputs are not side by side: torch.cat, then block(...)"
    wrong_shapes = {
        (2, 4, 8, 12): added if seen else bare,
        (4, 4, 8, 12): "the *pictures* were joined (dim 0 counts them): join the channels, dim=1",
        (2, 4, 16, 12): "one was put below the other (dim 2 is height): join the channels, dim=1",
        (2, 4, 8, 24): "they were put side by side in space (dim 3 is width): join the channels, dim=1",
        (2, 8, 4, 6): "the skip was shrunk to x: enlarge x to the skip, that is where the detail is",
        (2, 10, 8, 12): "x still has all its 6 channels: call squeeze(x) first, which leaves as many as the skip has",
    }
    got = numbers(result, (2, 8, 8, 12), wrong_shapes=wrong_shapes)
    mistakes = {
        "enlarged and joined, but not convolved: pass the result through `block`": np.concatenate([smooth, s], 1),
        "x is enlarged with blocky copies, interpolate's default: ask for mode='bilinear'": joined(blocky, s),
        "the corners are pinned, which shifts the picture: leave align_corners at False": joined(pinned, s),
        "the skip comes first. It would train as well, but the weights of the course expect x first": joined(s, smooth),
    }
    compare(got, joined(smooth, s), mistakes, 1e-4)
    if squeezed[0].shape[-1] != 6:
        raise Hint(
            "the numbers are right, at four times the work: squeeze *before* you enlarge, on a quarter of the pixels"
        )
    try:
        odd = ask(function, torch.randn(1, 6, 2, 3), torch.randn(1, 3, 5, 7), squeeze, block)
        numbers(odd, (1, 7, 5, 7))
    except (Hint, NotDone):
        raise Hint("right, but a skip of 5 x 7 may meet 2 x 3, and twice 2 is not 5: use skip.shape[-2:]") from None
    return "right, for odd sizes too: 4 and 3 channels became 7 of 5 x 7"


def _walk(model, L, pool=F.max_pool2d, first=False, end=torch.tanh) -> np.ndarray:
    """What a `UNet`'s parts give if they are used in another way. first: pool before the first block, too."""
    features, x = [], L
    for level, block in enumerate(model.encoder):
        x = block(pool(x, 2) if level or first else x)
        features.append(x)
    return end(model.head(model.climb(features))).detach().numpy()


def _forward(cls) -> str:
    """03-3: a class like `UNet(width, depth, half_res=False)`, with its parts in place; its forward is judged."""
    if not isinstance(cls, type) or not issubclass(cls, torch.nn.Module):
        raise Hint("the class itself is wanted, MyUNet without brackets")
    for width, depth in ((4, 2), (3, 4)):
        torch.manual_seed(depth)
        theirs, L = UNet(width, depth, half_res=False), torch.rand(2, 1, 16, 32) * 2 - 1
        theirs.head.weight.data *= 4  # so that tanh bends
        for training in (True, False):
            mine = cls(width, depth).train(training)
            try:
                mine.load_state_dict(theirs.state_dict())
            except RuntimeError as error:
                raise Hint(f"the parts made in __init__ are no longer those of the course: {error}"[:180]) from None
            result = ask(mine.forward, L.clone())
            if isinstance(result, (list, tuple)):
                raise Hint(f"{len(result)} things came back: `forward` returns one tensor, a and b")
            half = "a and b come out at half size: the first block looks at L itself, pool only *between* two blocks"
            bare = "these are the features of the last block: the head makes a and b of them"
            shapes = {(2, 2, 8, 16): half, (2, width, 16, 32): bare}
            got = numbers(result, (2, 2, 16, 32), "ab", shapes)
            theirs.train(training)
            wrong = {
                "the head's numbers go out bare: torch.tanh keeps them between -1 and 1": {"end": lambda t: t},
                "torch.sigmoid goes from 0 to 1: half of all colors could never be painted. It is torch.tanh": {
                    "end": torch.sigmoid
                },
                "cut off at -1 and 1, where no gradient is left: torch.tanh bends instead": {"end": F.hardtanh},
                "these are Lab units: stay between -1 and 1, whoever calls the network multiplies by 110": {
                    "end": lambda t: 110 * torch.tanh(t)
                },
                "the picture never gets smaller: F.max_pool2d(x, 2) between two blocks": {"pool": lambda x, _: x},
                "this pools by the mean: the course takes the largest, F.max_pool2d(x, 2)": {"pool": F.avg_pool2d},
            }
            mistakes = {hint: _walk(theirs, L, **how) for hint, how in wrong.items()}
            truth = theirs(L).detach()
            compare(got, truth, mistakes, 1e-5)
            if not getattr(result, "requires_grad", False):
                raise Hint("the numbers are right, but no gradient flows: without it nothing can be learned")
            if not torch.equal(result.detach(), truth):
                raise Hint("right but for the last bits: use `climb` as it is, and the parts in the same order")
    return "right, bit for bit the course's U-Net: two depths, in training and in use"


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


EXERCISES = {"03-1": _conv_size, "03-2": _climb, "03-3": _forward, "03-4": _best_guess}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_climb(x, skip, squeeze, block):
    x = F.interpolate(squeeze(x), size=skip.shape[-2:], mode="bilinear", align_corners=False)
    return block(torch.cat([x, skip], dim=1))


class _OurUNet(UNet):
    def __init__(self, width: int = 24, depth: int = 4):
        super().__init__(width, depth, half_res=False)


OURS = {
    "03-1": lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride + 1,
    "03-2": _our_climb,
    "03-3": _OurUNet,
    "03-4": lambda colors, loss: np.median(colors, 0) if loss == "l1" else np.mean(colors, 0),
}
