"""The exercises of chapter 7: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import numpy as np
import torch


def _renamed(theirs, ours):
    if [tuple(t.shape) for t in theirs.values()] != [tuple(t.shape) for t in ours.values()]:
        raise ValueError("another network")
    return dict(zip(ours, theirs.values(), strict=True))


def _strict_alone(theirs, ours):
    return dict(zip(ours, theirs.values(), strict=True))


def _matched_by_shape(theirs, ours):
    return {name: next(t for t in theirs.values() if t.shape == mine.shape) for name, mine in ours.items()}


def _shapes_asserted(theirs, ours):
    for a, b in zip(theirs.values(), ours.values(), strict=True):
        assert a.shape == b.shape
    return dict(zip(ours, theirs.values(), strict=True))


def _too_short(theirs, ours):
    for a, b in zip(theirs.values(), ours.values(), strict=False):
        if a.shape != b.shape:
            raise ValueError("shape")
    return dict(zip(ours, theirs.values(), strict=False))


def _encode(unet, L, norm=True, graph=lambda i, frozen: i >= frozen, keep=(0, 1, 2, 4, 6)):
    with torch.set_grad_enabled(graph(-1, unet.frozen)):
        x = unet.encoder.conv_stem(L.expand(-1, 3, -1, -1))
        x = unet.encoder.bn1(x) if norm else x
    features = []
    for i, stage in enumerate(unet.encoder.blocks):
        with torch.set_grad_enabled(graph(i, unet.frozen)):
            x = stage(x)
        features.append(x)
    return [features[i] for i in keep]


def _wrongly(**how):
    return lambda unet, L: _encode(unet, L, **how)


def _groups(unet, lr, lr_encoder, known=lambda n: n.startswith("encoder."), learns=lambda w: w.requires_grad):
    named = list(unet.named_parameters())
    return [
        {"params": [w for n, w in named if not known(n)], "lr": lr},
        {"params": [w for n, w in named if known(n) and learns(w)], "lr": lr_encoder},
    ]


def _in_both(unet, lr, lr_encoder):
    one, two = _groups(unet, lr, lr_encoder)
    return [{"params": one["params"] + two["params"], "lr": lr}, two]


def _own_way(colors, labels, others=lambda same, me: same & ~me, middle=np.mean, length=np.linalg.norm):
    out = []
    for i, color in enumerate(colors):
        chosen = others(labels == labels[i], np.arange(len(labels)) == i)
        out.append(length(color - middle(colors[chosen], axis=0)))
    return np.array(out)


def _differently(**how):
    return lambda colors, labels: _own_way(colors, labels, **how)


def _mean_of_distances(colors, labels):
    apart = np.linalg.norm(colors[:, None] - colors[None], axis=-1)
    same = (labels[:, None] == labels[None]) & ~np.eye(len(labels), dtype=bool)
    return (apart * same).sum(1) / same.sum(1)


def _divided_by_one_too_many(colors, labels):
    same = labels[:, None] == labels[None]
    others = same & ~np.eye(len(labels), dtype=bool)
    return np.linalg.norm(colors - others @ colors / same.sum(1, keepdims=True), axis=1)


CASES = {
    "07-1": (
        _renamed,
        lambda theirs, ours: None,
        [
            (lambda theirs, ours: dict(theirs), "keys are theirs"),
            (lambda theirs, ours: dict(ours), "learned nothing"),
            (lambda theirs, ours: dict(zip(sorted(ours), theirs.values(), strict=True)), "alphabet"),
            (_matched_by_shape, "matched by shape"),
            (lambda theirs, ours: dict(list(_renamed(theirs, ours).items())[:4]), "6 names of ours"),
            (lambda theirs, ours: list(theirs.values()), "a dict is wanted"),
            (_strict_alone, "another shape is taken without a word"),
            (_shapes_asserted, "not a AssertionError"),
            (_too_short, "one tensor too few is taken"),
        ],
    ),
    "07-2": (
        _encode,
        lambda unet, L: None,
        [
            (_wrongly(keep=range(7)), "all seven"),
            (_wrongly(keep=(0, 1, 2, 3, 5)), "*first* stages"),
            (_wrongly(keep=(6, 4, 2, 1, 0)), "bottom first"),
            (_wrongly(keep=(0, 1, 2, 3, 4, 6)), "six came back"),
            (_wrongly(keep=(0, 1, 2)), "not of 3"),
            (_wrongly(keep=(0, 1, 2, 5, 6)), "are wanted"),
            (_wrongly(norm=False), "bn1"),
            (_wrongly(graph=lambda i, frozen: False), "nothing can learn"),
            (_wrongly(graph=lambda i, frozen: True), "keep a graph"),
            (_wrongly(graph=lambda i, frozen: i >= 3), "3 written where"),
            (lambda unet, L: _encode(unet, L)[-1], "list of five"),
            (lambda unet, L: unet.encoder.conv_stem(L), "RuntimeError"),
        ],
    ),
    "07-3": (
        _groups,
        lambda unet, lr, lr_encoder: None,
        [
            (lambda unet, lr, lr_encoder: _groups(unet, lr_encoder, lr), "swapped"),
            (lambda unet, lr, lr_encoder: _groups(unet, lr, lr), "one rate"),
            (lambda unet, lr, lr_encoder: _groups(unet, lr, lr_encoder, learns=lambda w: True), "frozen weights"),
            (lambda unet, lr, lr_encoder: _groups(unet, lr, lr_encoder)[:1], "`encoder` are in no group"),
            (lambda unet, lr, lr_encoder: _groups(unet, lr, lr_encoder)[1:], "`squeeze` are in no group"),
            (_in_both, "both groups"),
            (
                lambda unet, lr, lr_encoder: _groups(unet, lr, lr_encoder, lambda n: n[:4] in ("enco", "head")),
                "wrong rate",
            ),
            (lambda unet, lr, lr_encoder: unet.parameters(), "two dicts"),
            (lambda unet, lr, lr_encoder: [{"params": list(unet.named_parameters()), "lr": lr}], "pairs of name"),
        ],
    ),
    "07-4": (
        _own_way,
        lambda colors, labels: None,
        [
            (_differently(others=lambda same, me: same), "itself is among"),
            (_differently(others=lambda same, me: same | True), "*all* photos"),
            (_differently(others=lambda same, me: ~same), "all *other* labels"),
            (_differently(length=lambda step: (step**2).sum()), "squared"),
            (_differently(length=lambda step: np.abs(step).sum()), "without squares"),
            (_differently(middle=np.median), "median"),
            (_mean_of_distances, "mean of the distances"),
            (_divided_by_one_too_many, "one less"),
            (lambda colors, labels: colors, "shape"),
            (lambda colors, labels: np.zeros(len(labels)), "not yet"),
        ],
    ),
}
