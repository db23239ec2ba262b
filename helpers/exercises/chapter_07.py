"""Checks for chapter 7, On the shoulders of ImageNet. The truth is a toy network's, or found by a plain loop."""

from __future__ import annotations

import numpy as np

from .hints import Hint, ask, compare, numbers

LAST_OF_EACH_SIZE = (0, 1, 2, 4, 6)


def _names_in_order(function) -> str:
    """07-1: theirs {name: tensor}, ours {name: tensor} -> {name of ours: tensor of theirs}, n-th to n-th."""
    import torch

    shapes = [(4, 3), (4,), (4,), (2, 4), (2,), (4,)]
    theirs = {f"_layer.{i}": torch.full(shape, 10.0 + i) for i, shape in enumerate(shapes)}
    wanted = ("stem", "zeta", "beta", "mid", "alpha", "tail")
    ours = {name: torch.zeros(shape) for name, shape in zip(wanted, shapes, strict=True)}
    result = ask(function, dict(theirs), dict(ours))
    if not isinstance(result, dict):
        raise Hint(f"a dict is wanted, name to tensor, not {type(result).__name__}")
    if result.keys() == theirs.keys():
        raise Hint("these keys are theirs: our network asks for its weights under *its* names")
    if result.keys() != ours.keys():
        raise Hint(f"the keys should be the {len(ours)} names of ours, and are {', '.join(map(str, result))[:80]}")
    got = np.array([numbers(tensor, tuple(np.shape(tensor)), "a tensor").mean() for tensor in result.values()])
    if list(result) != list(ours):
        got = np.array([float(result[name].mean()) for name in ours])
    by_shape = [next(10.0 + j for j, other in enumerate(shapes) if other == shape) for shape in shapes]
    by_name = dict(zip(sorted(ours), range(len(ours)), strict=True))
    compare(
        got,
        10.0 + np.arange(len(shapes)),
        {
            "these are our own tensors, which have learned nothing: the names are ours, the tensors theirs": got * 0,
            "the names were sorted. What both share is the order of the *layers*, not that of the alphabet": [
                10.0 + by_name[name] for name in ours
            ],
            "matched by shape: three layers here have the shape (4,), and all got the same tensor": by_shape,
        },
        1e-6,
    )
    misfits = {
        "a tensor of another shape": ({**theirs, "_layer.3": torch.zeros(5, 4)}, ours),
        "one tensor too few": (dict(list(theirs.items())[:-1]), ours),
        "one tensor too many": (theirs | {"_more": torch.zeros(2)}, ours),
    }
    for what, (wrong, into) in misfits.items():
        try:
            function(dict(wrong), dict(into))
        except ValueError:
            continue
        except Exception as error:
            raise Hint(f"{what} should raise a ValueError, not a {type(error).__name__}") from error
        raise Hint(f"right for files that fit. But {what} is taken without a word: raise a ValueError")
    return "right, and a file that does not fit is refused: a network with two layers swapped would still run"


def _toy_unet(frozen: int):
    """What `encode` needs of a network: stem and seven stages, each with channels of its own."""
    from types import SimpleNamespace

    import torch
    from torch import nn

    torch.manual_seed(7)
    encoder, channels = nn.Module(), [3, 4, 5, 6, 7, 8, 9, 10]
    encoder.conv_stem, encoder.bn1 = nn.Conv2d(3, 3, 3, 2, padding=1), nn.Conv2d(3, 3, 1)
    strides = (1, 2, 2, 2, 1, 2, 1)
    encoder.blocks = nn.Sequential(
        *(nn.Conv2d(a, b, 3, s, padding=1) for a, b, s in zip(channels[:-1], channels[1:], strides, strict=True))
    )
    return SimpleNamespace(encoder=encoder, frozen=frozen, depth=5)


def _encode(function) -> str:
    """07-2: unet, L (N, 1, H, W) -> the features at strides 2 to 32, without a graph where it is frozen."""
    import torch

    unet = _toy_unet(3)
    L = torch.linspace(-1, 1, 2 * 64 * 64).view(2, 1, 64, 64)
    stem = unet.encoder.conv_stem(L.expand(-1, 3, -1, -1))

    def through(x) -> list:
        seen = []
        for stage in unet.encoder.blocks:
            x = stage(x)
            seen.append(x)
        return seen

    truth, bare = through(unet.encoder.bn1(stem)), through(stem)
    result = ask(function, unet, L.clone())
    if hasattr(result, "shape"):
        raise Hint("one tensor came back: the decoder wants a list of five, one a size, top to bottom")
    result = list(result)
    counts = {
        7: "all seven stages came back. Two pairs have the same size: keep the last of each, five in all",
        6: "six came back. The stem's output is no skip here; of the seven stages keep five",
        8: "eight came back. The stem's output is no skip here; of the seven stages keep five",
    }
    if len(result) != 5:
        raise Hint(counts.get(len(result), f"a list of five tensors is wanted, not of {len(result)}"))
    shapes = [tuple(getattr(f, "shape", ())) for f in result]
    wanted = [tuple(truth[i].shape) for i in LAST_OF_EACH_SIZE]
    if shapes == wanted[::-1]:
        raise Hint("bottom first: the decoder takes the last as the bottom, so list them top to bottom")
    if shapes == [tuple(truth[i].shape) for i in (0, 1, 2, 3, 5)]:
        raise Hint("these are the *first* stages of each size. The last has seen more, at the same size: 0, 1, 2, 4, 6")
    if shapes != wanted:
        raise Hint(f"the shapes are {shapes}, and {wanted} are wanted")
    got = np.concatenate([numbers(f, s).ravel() for f, s in zip(result, shapes, strict=True)])

    def flat(seen) -> np.ndarray:
        return np.concatenate([seen[i].detach().numpy().astype(float).ravel() for i in LAST_OF_EACH_SIZE])

    missing = "the stem has two parts: after conv_stem comes bn1 (normalization and activation)"
    compare(got, flat(truth), {missing: flat(bare)}, 1e-4)
    for frozen in (3, 0, 7):
        unet.frozen = frozen
        learns = [f.requires_grad for f in ask(function, unet, L.clone())]
        if learns != (should := [i >= frozen for i in LAST_OF_EACH_SIZE]):
            if not any(learns):
                raise Hint("the numbers are right, but nothing can learn: only the first `frozen` stages get no graph")
            if all(learns):
                raise Hint("the numbers are right, but the frozen stages keep a graph: `with torch.no_grad():`")
            raise Hint(
                f"the numbers are right, but with frozen = {frozen} a graph should begin at stage {frozen}: "
                f"{sum(should)} of the five features should have one, {sum(learns)} have (is 3 written where `frozen` "
                "belongs?)"
            )
    return "right: five sizes, and no graph where nothing moves"


def _groups(function) -> str:
    """07-3: unet, lr, lr_encoder -> the optimizer's two groups, what stands still in neither."""
    import torch
    from torch import nn

    unet = nn.Module()
    unet.encoder, unet.squeeze = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3)), nn.Linear(3, 4)
    unet.decoder, unet.head = nn.Linear(4, 5), nn.Linear(5, 2)
    unet.encoder[0].requires_grad_(False)
    result = ask(function, unet, 0.5, 0.25)
    try:
        result = [{**group} for group in result]  # a TypeError for what is no dict
        groups = [{"params": list(group["params"]), "lr": float(group["lr"])} for group in result]
    except (TypeError, KeyError, AttributeError):
        raise Hint(
            'a list of two dicts is wanted: [{"params": [...], "lr": ...}, {"params": [...], "lr": ...}]'
        ) from None
    if any(not isinstance(weight, torch.Tensor) for group in groups for weight in group["params"]):
        raise Hint("`params` holds tensors: unet.parameters() gives them, named_parameters() pairs of name and tensor")
    rate: dict[int, float] = {}
    for group in groups:
        for weight in group["params"]:
            if id(weight) in rate:
                raise Hint("a weight is in both groups: named_parameters() has the encoder's too, under `encoder.…`")
            rate[id(weight)] = group["lr"]
    still, known = ([id(w) for w in part.parameters()] for part in unet.encoder)
    new = {name: [id(w) for w in getattr(unet, name).parameters()] for name in ("squeeze", "decoder", "head")}
    if any(weight in rate for weight in still):
        raise Hint("frozen weights are in a group, and need not be: of the encoder take those with requires_grad")
    for name, weights in ({"encoder": known} | new).items():
        if any(weight not in rate for weight in weights):
            raise Hint(f"weights of `{name}` are in no group: they would never learn")
    if all(rate[w] == 0.25 for part in new.values() for w in part) and all(rate[w] == 0.5 for w in known):
        raise Hint("the rates are swapped: what knows something already takes the small steps")
    if len(set(rate.values())) == 1:
        raise Hint("all move at one rate: the encoder's weights get lr_encoder")
    if any(rate[w] != 0.25 for w in known) or any(rate[w] != 0.5 for part in new.values() for w in part):
        raise Hint("some weights move at the wrong rate: lr_encoder for the encoder, lr for all the rest")
    return "right: two rates, and what is frozen is in neither group"


def _own_way(function) -> str:
    """07-4: colors (N, 2), labels (N,) -> distance of each from the mean of the *others* of its label."""
    rng = np.random.default_rng(4)
    labels = rng.permutation(np.repeat([3, 8, 11], (2, 3, 5)))
    colors = rng.normal(0, 30, (10, 2)) + 20.0 * labels[:, None]
    got = numbers(ask(function, colors.copy(), labels.copy()), (10,), "the distances")
    mine = labels[:, None] == labels[None]
    others = mine & ~np.eye(10, dtype=bool)

    def apart(chosen, middle=np.mean) -> np.ndarray:
        return np.array([colors[i] - middle(colors[row], axis=0) for i, row in enumerate(chosen)])

    def length(steps) -> np.ndarray:
        return np.sqrt((np.asarray(steps) ** 2).sum(1))

    pairs = [np.mean([length([colors[i] - colors[j]])[0] for j in np.flatnonzero(row)]) for i, row in enumerate(others)]
    mistakes = {
        "the photo itself is among those it is compared with: leave it out, or a rare color looks less rare": length(
            apart(mine)
        ),
        "this is the distance to the mean of *all* photos: only those of the same label count": length(
            apart(np.ones((10, 10), bool))
        ),
        "this is the distance to the photos of all *other* labels: turn the comparison": length(apart(~mine)),
        "this is the squared distance: take the root": (apart(others) ** 2).sum(1),
        "a and b are added without squares: the distance is √(Δa² + Δb²)": np.abs(apart(others)).sum(1),
        "this is the distance to the median; here take the mean": length(apart(others, np.median)),
        "this is the mean of the distances; take the distance of the mean": pairs,
        "the sum over the others is divided by all of them and itself: one less": length(
            [colors[i] - colors[row].sum(0) / (row.sum() + 1) for i, row in enumerate(others)]
        ),
    }
    compare(got, length(apart(others)), mistakes, 1e-4)
    return f"right: here the colors lie {got.min():.0f} to {got.max():.0f} ab units from those of their kind"


EXERCISES = {"07-1": _names_in_order, "07-2": _encode, "07-3": _groups, "07-4": _own_way}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_names(theirs, ours):
    if [tuple(t.shape) for t in theirs.values()] != [tuple(t.shape) for t in ours.values()]:
        raise ValueError("these weights do not fit")
    return dict(zip(ours, theirs.values(), strict=True))


def _our_encode(unet, L):
    from ..models import PretrainedUNet

    unet.half_res = True  # a network of one's own has no such choice
    return PretrainedUNet.encode(unet, L)


def _our_groups(unet, lr, lr_encoder):
    new = [weight for name, weight in unet.named_parameters() if not name.startswith("encoder.")]
    return [
        {"params": new, "lr": lr},
        {"params": [weight for weight in unet.encoder.parameters() if weight.requires_grad], "lr": lr_encoder},
    ]


def _our_own_way(colors, labels):
    same = (labels[:, None] == labels[None]) & ~np.eye(len(labels), dtype=bool)
    return np.linalg.norm(colors - same @ colors / same.sum(1, keepdims=True), axis=1)


OURS = {"07-1": _our_names, "07-2": _our_encode, "07-3": _our_groups, "07-4": _our_own_way}
