"""The exercises of chapter 11: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

from math import log2

import numpy as np
import torch


def _adding(weigh, mean="weighed", plain=True, clear=False, late=False, split=torch.chunk):
    """Parts of a batch, each weighed by `weigh(photos of the part, of all, parts)`; what comes back is `mean`."""

    def accumulate(model, loss, L, ab, parts):
        losses, kept = [], []
        for some, colors in zip(split(L, parts), split(ab, parts), strict=True):
            if clear:
                model.zero_grad()
            value = loss(model(some), colors)
            kept.append(weigh(len(some), len(L), parts) * value)
            if not late:
                kept[-1].backward()
            losses.append((len(some) / len(L), value))
        if late:
            sum(kept).backward()
        total = {
            "weighed": sum(share * value for share, value in losses),
            "sum": sum(value for _, value in losses),
            "last": losses[-1][1],
            "plain": sum(value for _, value in losses) / parts,
        }[mean]
        return total.item() if plain else total

    return accumulate


def _share(n, N, parts):
    return n / N


def _at_once(model, loss, L, ab, parts):
    loss(model(L), ab).backward()
    return 1.0


def _no_backward(model, loss, L, ab, parts):
    return sum(loss(model(some), colors).item() for some, colors in zip(L.chunk(parts), ab.chunk(parts), strict=True))


def _others(shuffle=None, take=None, epoch=None):
    """A share with one thing done differently: the order of an epoch, the part of it, or the epoch's number."""

    def mine(count, batch, step, seed, rank, world):
        number, place = epoch(step, count, batch) if epoch else divmod(step, count // batch)
        if shuffle:
            order = shuffle(count, seed, number, rank, world)
        else:
            order = torch.randperm(count, generator=torch.Generator().manual_seed(97 * seed + number))
        if take:
            return take(order, place, batch, rank, world)
        return order[place * batch : (place + 1) * batch].view(world, -1)[rank]

    return mine


def _order(*seeds):
    return torch.randperm(26, generator=torch.Generator().manual_seed(sum(100**i * n for i, n in enumerate(seeds))))


def _read(path, size, index):
    return torch.from_numpy(np.memmap(path, np.uint8, "r").reshape(-1, 3, size, size)[index.numpy()])


def _read_all(path, size, index):
    return torch.from_numpy(np.fromfile(path, np.uint8).reshape(-1, 3, size, size)[index.numpy()])


def _read_last(path, size, index):
    return torch.from_numpy(np.memmap(path, np.uint8, "r").reshape(-1, size, size, 3)[index.numpy()].copy())


def _hours(divisor=lambda kept, n: n * kept ** log2(n), scale=1.0, every=True):
    def training_hours(photos, epochs, flops, speed, devices, kept):
        return scale * photos * (epochs if every else 1) * flops / (speed * divisor(kept, devices)) / 3600

    return training_hours


CASES = {
    "11-1": (
        _adding(_share, split=torch.tensor_split),
        lambda model, loss, L, ab, parts: None,
        [
            (_adding(lambda n, N, parts: 1), "a sum of means is too large"),
            (_adding(lambda n, N, parts: 1 / parts), "the last one is smaller"),
            (_adding(_share, clear=True), "only the last part's gradient is left"),
            (_adding(lambda n, N, parts: 1 / N), "n / N"),
            (_adding(_share, mean="sum"), "the sum of the parts' means"),
            (_adding(_share, mean="last"), "that of the last part"),
            (_adding(_share, mean="plain"), "the plain mean of parts of different size"),
            (_adding(_share, plain=False), "Return a plain number"),
            (_adding(_share, late=True), "all graphs live at a time"),
            (_at_once, "went through at once"),
            (_no_backward, "no gradient has arrived"),
            (lambda model, loss, L, ab, parts: _adding(_share)(model, loss, L, ab, 7), "saw parts of"),
        ],
    ),
    "11-2": (
        _others(),
        lambda count, batch, step, seed, rank, world: None,
        [
            (_others(take=lambda o, p, b, rank, world: o[p * b : (p + 1) * b]), "got the whole batch"),
            (_others(take=lambda o, p, b, rank, world: o[p * b : (p + 1) * b][: b // world]), "see the same photos"),
            (_others(lambda count, seed, epoch, rank, world: _order(seed, epoch, rank)), "no rank in the seed"),
            (_others(lambda count, seed, epoch, rank, world: torch.arange(count)), "nothing is shuffled"),
            (_others(lambda count, seed, epoch, rank, world: _order(seed, 5)), "the second epoch has the order"),
            (_others(lambda count, seed, epoch, rank, world: _order(3, epoch)), "another seed gives the same"),
            (_others(lambda count, seed, epoch, rank, world: torch.randperm(count)), "asked twice it gave two"),
            (_others(lambda count, seed, epoch, rank, world: _order(seed, epoch, world)), "has other batches"),
            (_others(lambda count, seed, epoch, rank, world: 1 + _order(seed, epoch)), "whole numbers from 0 to 25"),
            (_others(take=lambda o, p, b, rank, world: o[p : p + b].view(world, -1)[rank]), "came twice in one epoch"),
            (_others(epoch=lambda step, count, batch: divmod(max(step - 1, 0) if step > 2 else step, 3)), "no whole"),
        ],
    ),
    "11-3": (
        _read,
        lambda path, size, index: None,
        [
            (_read_all, "map it"),
            (_read_last, "channels come first in this file: (N, 3, size, size)"),
            (lambda *a: _read_last(*a).permute(0, 3, 1, 2), "and turned"),
            (lambda path, size, index: _read(path, size, index.sort()[0]), "keep the order"),
            (lambda path, size, index: _read(path, size, torch.arange(9)), "all pictures came back"),
            (lambda path, size, index: _read(path, size, torch.arange(len(index))), "the first pictures of the file"),
            (lambda path, size, index: _read(path, size, index + 1), "it begins with picture 0"),
            (lambda path, size, index: _read(path, size, index)[0], "one picture came back"),
            (lambda *a: _read(*a).float(), "not torch.float32"),
        ],
    ),
    "11-4": (
        _hours(),
        lambda photos, epochs, flops, speed, devices, kept: None,
        [
            (_hours(lambda kept, n: n), "nothing is lost on the way"),
            (_hours(lambda kept, n: n * kept if n > 1 else n), "three times for 8 devices"),
            (_hours(lambda kept, n: n * kept), "for a single device too"),
            (_hours(lambda kept, n: n * kept**n), "8 devices are three doublings"),
            (_hours(lambda kept, n: n / kept ** log2(n)), "less speed is more hours"),
            (_hours(scale=3600), "these are seconds"),
            (_hours(scale=60), "these are minutes"),
            (_hours(every=False), "the epochs are missing"),
            (_hours(lambda kept, n: kept ** log2(n) / n), "divide by their number"),
            (_hours(lambda kept, n: kept ** log2(n)), "the devices do not count"),
        ],
    ),
}
