"""The exercises of chapter 10: solutions, stubs and wrong answers, which test_exercises.py feeds to their checks."""

import torch


def _bins(colors, step, whole=torch.round, back=True):
    return torch.unique(whole(colors / step), dim=0) * (step if back else 1)


def _binning(**how):
    return lambda colors, step: _bins(colors, step, **how)


def _by_b_first(colors, step):
    return _bins(colors.flip(1), step).flip(1)


def _soft(colors, bins, count, sigma, weigh=None, divide=lambda shares: shares.sum(1, keepdim=True)):
    squares = (colors[:, None] - bins).square().sum(2)
    nearest = squares.argsort(1)[:, :count]
    weights = weigh(squares) if weigh else torch.exp(-squares / (2 * sigma**2))
    shares = torch.zeros_like(squares).scatter(1, nearest, weights.gather(1, nearest))
    return shares / divide(shares)


def _sharing(**how):
    return lambda colors, bins, count, sigma: _soft(colors, bins, count, sigma, **how)


def _only_the_five(colors, bins, count, sigma):
    return _soft(colors, bins, count, sigma).topk(count, 1).values


def _balancing(raw=lambda p, mix: 1 / ((1 - mix) * p + mix / len(p)), total=lambda p, w: (p * w).sum()):
    def balance(prior, mix):
        weights = raw(prior, mix)
        return weights / total(prior, weights)

    return balance


def _mean(p, bins):
    return torch.einsum("nkhw,kc->nchw", p, bins)


CASES = {
    "10-1": (
        _bins,
        lambda colors, step: None,
        [
            (_binning(back=False), "counted in steps"),
            (_by_b_first, "in another order"),
            (lambda colors, step: (colors / step).round() * step, "each square should be there once"),
            (_binning(whole=torch.floor), "*round* to it"),
            (_binning(whole=torch.trunc), "twice as wide"),
            (lambda colors, step: _bins(colors, 10), "of side 25"),
        ],
    ),
    "10-2": (
        _soft,
        lambda colors, bins, count, sigma: None,
        [
            (lambda colors, bins, count, sigma: _soft(colors, bins, len(bins), sigma), "every bin gets a share"),
            (_sharing(divide=lambda shares: 1), "the shares of a color should add up to 1"),
            (_sharing(divide=lambda shares: shares.sum(0).clamp(min=1e-30)), "the shares of a *bin*"),
            (lambda colors, bins, count, sigma: _soft(colors, bins, 1, sigma), "all of it goes to the nearest"),
            (_sharing(weigh=torch.ones_like), "equal shares"),
            (_sharing(weigh=lambda squares: torch.exp(-squares / 25)), "the 2 is missing"),
            (_sharing(weigh=lambda squares: torch.exp(-squares.sqrt() / 50)), "the distance is not squared"),
            (_sharing(weigh=lambda squares: torch.exp(squares / 50)), "exp of *minus*"),
            (_only_the_five, "for each of *all* bins"),
            (lambda *a: _soft(*a).T, "turned around"),
        ],
    ),
    "10-3": (
        _balancing(),
        lambda prior, mix: None,
        [
            (_balancing(lambda p, mix: (1 - mix) * p + mix / len(p)), "*divided by* the mixture"),
            (_balancing(lambda p, mix: 1 / (mix * p + (1 - mix) / len(p))), "are exchanged"),
            (_balancing(lambda p, mix: 1 / ((1 - mix) * p + mix)), "1 / K for each"),
            (_balancing(lambda p, mix: (1 - mix) / p + mix * len(p)), "mix first"),
            (_balancing(total=lambda p, w: 1), "right up to a factor"),
            (_balancing(total=lambda p, w: w.mean()), "not equally frequent"),
            (_balancing(total=lambda p, w: w.sum()), "they add up to 1"),
        ],
    ),
    "10-4": (
        lambda logits, bins, T: _mean((logits / T).softmax(1), bins),
        lambda logits, bins, T: None,
        [
            (lambda logits, bins, T: _mean(logits.softmax(1), bins), "the temperature does nothing"),
            (lambda logits, bins, T: _mean((logits * T).softmax(1), bins), "were multiplied by"),
            (lambda logits, bins, T: bins[logits.argmax(1)].movedim(-1, 1), "the most likely bin"),
            (lambda logits, bins, T: _mean(logits.softmax(1) / T, bins), "nothing but their sum"),
            (lambda logits, bins, T: _mean((logits.softmax(1) / T).softmax(1), bins), "softmax was taken twice"),
            (lambda logits, bins, T: _mean((logits / T).softmax(1), bins).movedim(1, -1), "a and b came last"),
        ],
    ),
}
