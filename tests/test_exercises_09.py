"""The exercises of chapter 9: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import torch
import torch.nn.functional as F


def _put(hints, row, column, ab, side, mask=1.0, reach=None, begin=None, inside=True):
    out, reach = hints.clone(), side // 2 if reach is None else reach(side)
    top, left = (row - reach, column - reach) if begin is None else (row, column)
    size = 2 * reach + 1 if begin is None else side
    rows, columns = (
        slice(max(top, 0) if inside else top, top + size),
        slice(max(left, 0) if inside else left, left + size),
    )
    out[:, rows, columns] = torch.tensor([*ab, mask]).view(3, 1, 1)
    return out


def _putting(**how):
    return lambda hints, row, column, ab, side: _put(hints, row, column, ab, side, **how)


def _put_swapped(hints, row, column, ab, side):
    return _put(hints, column, row, ab, side)


def _put_in_place(hints, row, column, ab, side):
    hints.copy_(_put(hints, row, column, ab, side))
    return hints


def _apart(one, other):
    return one[:, :, None] - other[:, None]


def _weighed(total, weight):
    return total / weight.clamp(min=1e-9)


def _next(error, side):
    return divmod(int(F.avg_pool2d(error[None, None], side, 1, side // 2).flatten().argmax()), error.shape[1])


def _next_without_padding(error, side):
    smooth = F.avg_pool2d(error[None, None], side, 1)[0, 0]
    return divmod(int(smooth.argmax()), smooth.shape[1])


CASES = {
    "09-1": (
        _put,
        lambda hints, row, column, ab, side: None,
        [
            (_putting(mask=0.0), "the mask is missing"),
            (_put_swapped, "row and column are swapped"),
            (_putting(inside=False), "counts from the other end"),
            (_putting(begin="here"), "the square begins at the place"),
            (_putting(reach=lambda side: side), "the square is too large"),
            (_putting(reach=lambda side: 0), "only the pixel itself"),
            (_put_in_place, "return a copy"),
            (lambda *a: _put(*a)[None], "without a dimension for the batch"),
        ],
    ),
    "09-2": (
        lambda one, other: torch.exp(-_apart(one, other).square().sum(0)),
        lambda one, other: None,
        [
            (lambda a, b: _apart(a, b).square().sum(0), "the squared distance itself"),
            (lambda a, b: _apart(a, b).norm(dim=0), "this is the distance: square it"),
            (lambda a, b: torch.exp(-_apart(a, b).norm(dim=0)), "the distance is not squared"),
            (lambda a, b: torch.exp(_apart(a, b).square().sum(0)), "it grows with the distance"),
            (lambda a, b: torch.exp(-_apart(a, b).square().mean(0)), "the mean over the D numbers"),
            (lambda a, b: torch.exp(-_apart(a, b).square().sum(0) / 2), "without the half"),
            (lambda a, b: torch.exp(-_apart(a, b).sum(0).square()), "added before they are squared"),
            (lambda a, b: torch.exp(-a.T @ b), "the product of the addresses"),
            (lambda a, b: torch.exp(-_apart(b, a).square().sum(0)), "turned around"),
            (lambda a, b: torch.exp(-_apart(a, b).square()), "still apart: add them up (`sum(0)`)"),
        ],
    ),
    "09-3": (
        lambda painted, told, counts: _weighed(painted + counts @ told, 1 + counts.sum(1, keepdim=True)),
        lambda painted, told, counts: None,
        [
            (lambda p, t, k: p + k @ t, "divide by all that counts"),
            (lambda p, t, k: _weighed(p + k @ t, k.sum(1, keepdim=True)), "the weights should sum to 1"),
            (lambda p, t, k: _weighed(k @ t, k.sum(1, keepdim=True)), "what was painted is missing: it counts 1"),
            (lambda p, t, k: _weighed(k @ t, 1 + k.sum(1, keepdim=True)), "missing above"),
            (lambda p, t, k: (p + t.sum(0)) / (1 + len(t)), "each hint counts the same"),
            (lambda p, t, k: (p + k @ t) / (1 + len(t)), "divided by the number of hints"),
            (lambda p, t, k: _weighed(p * k.sum(1)[:, None] + k @ t, 2 * k.sum(1)[:, None]), "is weighed by what"),
            (lambda p, t, k: (p + k.amax(1)[:, None] * t[k.argmax(1)]) / (1 + k.amax(1)[:, None]), "counts most"),
            (lambda p, t, k: _weighed(p + k @ t, 1 + k.sum(1, keepdim=True)).T, "turned around"),
        ],
    ),
    "09-4": (
        _next,
        lambda error, side: None,
        [
            (lambda e, side: divmod(int(e.argmax()), e.shape[1]), "largest single pixel"),
            (lambda e, side: _next(e, side)[::-1], "swapped"),
            (lambda e, side: _next(-e, side), "*smallest*"),
            (_next_without_padding, "off by one"),
            (lambda e, side: F.avg_pool2d(e[None, None], side, 1, side // 2).argmax(), "the *flattened* map"),
        ],
    ),
}
