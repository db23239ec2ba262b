"""Checks for chapter 11, Scaling up. The truth: one process, the whole batch, the file byte by byte, a long product."""

from __future__ import annotations

import os
import tempfile
import tracemalloc

import numpy as np

from .hints import Hint, ask, compare, judge_each, numbers


def _accumulate(function) -> str:
    """11-1: model, loss, L (N, …), ab (N, …), parts -> mean loss; gradients of the whole batch, by and by."""
    import torch
    from torch import nn

    def network():
        torch.manual_seed(11)
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 1)).double()

    def loss(guess, ab):
        return (guess - ab).abs().mean()

    generator = torch.Generator().manual_seed(3)
    L, ab = (torch.rand(7, channels, 5, 5, generator=generator, dtype=torch.double) for channels in (1, 2))
    ab *= torch.arange(1, 8).view(7, 1, 1, 1)  # the last photos weigh most
    model, seen, arrived = network(), [], []
    model.register_forward_pre_hook(lambda module, given: seen.append((len(given[0]), len(arrived))))
    model[0].weight.register_hook(lambda slope: arrived.append(slope.norm()))
    value = ask(function, model, loss, L, ab, 3)
    sizes = [size for size, _ in seen]
    grown = model[0].weight.grad
    if grown is None:
        raise Hint("no gradient has arrived at the weights: call backward() on the loss of each part")
    if sizes and max(sizes) == 7:
        raise Hint("the whole batch went through at once: give the model one part at a time")
    if sizes != [3, 3, 1] and sorted(sizes) != [2, 2, 3]:
        raise Hint(f"the model saw parts of {sizes} photos: `parts` parts, like `L.chunk(parts)` cuts them, are wanted")
    if not seen[1][1]:
        raise Hint("the second part came before backward() of the first: then all graphs live at a time, as before")

    def whole(weigh) -> np.ndarray:
        other = network()
        first, total = 0, 0.0
        for size in sizes:
            weight, part = weigh(size), slice(first, first + size)
            (weight * loss(other(L[part]), ab[part])).backward()
            total, first = total + weight, first + size
        return other[0].weight.grad.flatten().numpy()

    def last() -> np.ndarray:
        other = network()
        (sizes[-1] / 7 * loss(other(L[-sizes[-1] :]), ab[-sizes[-1] :])).backward()
        return other[0].weight.grad.flatten().numpy()

    mistakes = {
        "the gradients of the parts were added up: a sum of means is too large, so weigh each": whole(lambda n: 1),
        "each part counts the same, but the last one is smaller: weigh it by its share of the photos": whole(
            lambda n: 1 / 3
        ),
        "only the last part's gradient is left: zero_grad() belongs before the first part": last(),
        "this is 1 / N for each part: n / N, since its loss is a mean over its n photos": whole(lambda n: 1 / 7),
    }
    compare(grown.flatten().numpy(), whole(lambda n: n / 7), mistakes, 1e-9)
    if getattr(value, "requires_grad", False):
        raise Hint("the gradients are right. Return a plain number (`loss.item()`): a tensor keeps its graph alive")
    truth = loss(network()(L), ab).item()
    parts, first = [], 0
    for size in sizes:
        parts.append(loss(network()(L[first : first + size]), ab[first : first + size]).item())
        first += size
    what = {
        "the gradients are right, the loss is the sum of the parts' means": sum(parts),
        "the gradients are right, the loss is that of the last part": parts[-1],
        "the gradients are right, the loss is the plain mean of parts of different size": sum(parts) / len(parts),
    }
    compare(numbers(value, (), "the loss"), truth, what, 1e-9)
    return f"right: parts of {', '.join(map(str, sizes))} photos give the gradient of all 7, and the loss {truth:.2f}"


def _mine(function) -> str:
    """11-2: count, batch, step, seed, rank, world -> positions of this process's photos (batch / world,)."""
    count, batch, world = 26, 8, 2
    steps = count // batch

    def share(step, seed=0, rank=0, world=world) -> list[int]:
        wrong = {(batch,): "each process got the whole batch: a process of `world` gets its share of it"}
        got = ask(function, count, batch, step, seed, rank, world)
        return numbers(got, (batch // world,), "the share", wrong if world > 1 else None).tolist()

    first = [share(step) for step in range(steps)]
    if share(0) != first[0]:
        raise Hint("asked twice it gave two answers: seed a generator of its own (`torch.Generator().manual_seed`)")
    other = [share(step, rank=1) for step in range(steps)]
    if any(not 0 <= i < count or i != int(i) for part in first + other for i in part):
        raise Hint(f"positions are whole numbers from 0 to {count - 1}, those of the {count} photos")
    together = [a + b for a, b in zip(first, other, strict=True)]
    if first == other:
        raise Hint("all processes see the same photos: take those of `rank`")
    if any(len(set(both)) < batch for both in together):
        raise Hint(
            "two processes share a photo in one batch: all must shuffle alike (no rank in the seed), then divide"
        )
    seen = [i for both in together for i in both]
    if len(set(seen)) < len(seen):
        raise Hint("a photo came twice in one epoch: shuffle once an epoch, and take the next `batch` with each step")
    if seen == sorted(seen) or sorted(seen) == list(range(len(seen))):
        raise Hint("nothing is shuffled: neighbors in the list stay together, and the last ones are never seen")
    second = [share(step) + share(step, rank=1) for step in range(steps, 2 * steps)]
    if second == together:
        raise Hint("the second epoch has the order of the first: let the epoch (step // batches) into the seed")
    if any(len(set(both)) < batch for both in second) or len({i for both in second for i in both}) < steps * batch:
        raise Hint(
            f"the second epoch is no whole one: an epoch has {count} // {batch} = {steps} batches, what is over is "
            "left out, and the next one begins anew"
        )
    if share(0, seed=1) == first[0]:
        raise Hint("another seed gives the same order: let it into the generator")
    alone = [share(step, world=1) for step in range(steps)]
    if [sorted(part) for part in alone] != [sorted(both) for both in together]:
        raise Hint("one process alone has other batches: the shuffle must not know how many processes there are")
    return f"right: {steps} batches an epoch, shared by two without overlap, and the same {batch} photos as of one"


def _read_batch(function) -> str:
    """11-3: path, size, index (B,) -> uint8 (B, 3, size, size), of a file of bytes that is larger than memory."""
    import torch

    count, size = 9, 6
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    index = torch.tensor([7, 2, 2, 0])
    folder = tempfile.mkdtemp()
    path, large = (os.path.join(folder, name) for name in ("pixels.bin", "large.bin"))
    try:
        pixels.tofile(path)
        got = ask(function, path, size, index.clone())
        flat = pixels.reshape(-1)
        as_last = flat.reshape(count, size, size, 3)[index.numpy()]
        compare(
            numbers(
                got,
                (4, 3, size, size),
                "the batch",
                {
                    (count, 3, size, size): "all pictures came back: take those of `index`",
                    (4, size, size, 3): "channels come first in this file: (N, 3, size, size)",
                    (3, size, size): "one picture came back: `index` names several",
                },
            ),
            pixels[index.numpy()],
            {
                "the pictures came sorted: keep the order of `index`": pixels[np.sort(index.numpy())],
                "channels come first in this file: it was read as (N, size, size, 3), and turned": as_last.transpose(
                    0, 3, 1, 2
                ),
                "these are the first pictures of the file: take those of `index`": pixels[:4],
                "off by one picture: the file has no header, it begins with picture 0": pixels[index.numpy() + 1],
            },
            0,
        )
        if getattr(got, "dtype", None) != torch.uint8:
            kind = getattr(got, "dtype", type(got).__name__)
            raise Hint(f"the numbers are right, but they should come as a tensor of uint8, not {kind}")
        with open(large, "wb") as file:  # zeros that take no room on the disk
            file.truncate(96 * 2**20 // (3 * 64 * 64) * (3 * 64 * 64))
        tracing = tracemalloc.is_tracing()
        if not tracing:
            tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        ask(function, large, 64, torch.tensor([5000, 3]))
        taken = tracemalloc.get_traced_memory()[1] - before
        if not tracing:
            tracemalloc.stop()
        if taken > 2**25:
            raise Hint(
                f"the numbers are right, but for two pictures of a large file {taken / 1e6:.0f} MB were read: map it "
                "(`np.memmap`), so that only what you index is"
            )
    finally:
        for name in (path, large):
            if os.path.exists(name):
                os.remove(name)
        os.rmdir(folder)
    return f"right: for two pictures of a file of 96 MB it took {taken / 1e3:.0f} kB"


def _training_hours(function) -> str:
    """11-4: photos, epochs, flops, speed, devices, kept -> hours; `kept` of the speed at each doubling of devices."""
    cases = [(1e6, 10, 2e10, 5e13, 1, 0.9), (1e6, 3, 4e10, 1e13, 8, 0.9), (5e5, 20, 1e10, 2e13, 64, 0.8)]

    def hours(photos, epochs, flops, speed, devices, kept, loss=None) -> float:
        doublings = 0
        while 2**doublings < devices:
            doublings += 1
        share = kept**doublings if loss is None else loss(kept, devices, doublings)
        return photos * epochs * flops / (speed * devices * share) / 3600

    def each(**how) -> list[float]:
        return [hours(*case, **how) for case in cases]

    truth = np.array(each())
    mistakes = {
        "nothing is lost on the way here: `kept` of the speed is left at each doubling of devices": each(
            loss=lambda kept, devices, doublings: 1
        ),
        "`kept` was taken once: it is taken at each doubling, three times for 8 devices": each(
            loss=lambda kept, devices, doublings: kept if devices > 1 else 1
        ),
        "`kept` was taken once, for a single device too, which loses nothing": each(
            loss=lambda kept, devices, doublings: kept
        ),
        "`kept` was taken once for each device: 8 devices are three doublings": each(
            loss=lambda kept, devices, doublings: kept**devices
        ),
        "what is lost made it faster: less speed is more hours": each(
            loss=lambda kept, devices, doublings: 1 / kept**doublings
        ),
        "these are seconds: an hour has 3600 of them": 3600 * truth,
        "these are minutes: an hour has 60 of them": 60 * truth,
        "the epochs are missing: each photo is seen `epochs` times": truth / [case[1] for case in cases],
        "more devices make it faster: divide by their number": truth * [case[4] ** 2 for case in cases],
        "the devices do not count here: `devices` of them share the work": truth * [case[4] for case in cases],
    }
    judge_each(function, cases, truth, mistakes, 1e-5, what="the hours")
    return f"right: {truth[0]:.1f} hours on one device for the first case"


EXERCISES = {"11-1": _accumulate, "11-2": _mine, "11-3": _read_batch, "11-4": _training_hours}


# --------------------------------------------------------------------- what the chapter goes on with


def _our_accumulate(model, loss, L, ab, parts):
    total = 0.0
    for some_L, some_ab in zip(L.chunk(parts), ab.chunk(parts), strict=True):
        part = loss(model(some_L), some_ab) * (len(some_L) / len(L))
        part.backward()
        total += part.item()
    return total


def _our_mine(count, batch, step, seed, rank, world):
    import torch

    epoch, place = divmod(step, count // batch)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    return order[place * batch : (place + 1) * batch][rank::world]


def _our_read_batch(path, size, index):
    import torch

    pictures = np.memmap(path, np.uint8, mode="r").reshape(-1, 3, size, size)
    return torch.from_numpy(pictures[index.numpy()])


def _our_training_hours(photos, epochs, flops, speed, devices, kept):
    from math import log2

    return photos * epochs * flops / (speed * devices * kept ** log2(devices)) / 3600


OURS = {"11-1": _our_accumulate, "11-2": _our_mine, "11-3": _our_read_batch, "11-4": _our_training_hours}
