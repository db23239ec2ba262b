"""helpers.losses: chance levels, directions, best constant answers."""

import math

import pytest
import torch

from helpers.losses import ADVERSARIAL, chance_levels, color_loss, discriminator_loss, generator_loss


def test_chance_levels():
    assert chance_levels("bce") == pytest.approx((2 * math.log(2), math.log(2)))
    assert chance_levels("lsgan") == pytest.approx((0.5, 0.25))
    assert chance_levels("hinge") == pytest.approx((2, 0))


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_chance_is_the_best_constant_answer(kind):
    """No constant logit does better than chance when reals and fakes look the same."""
    constants = torch.linspace(-3, 3, 601)
    losses = torch.stack([discriminator_loss(c, c, kind) for c in constants])
    assert losses.min().item() == pytest.approx(chance_levels(kind)[0], abs=1e-3)


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_losses_push_the_right_way(kind):
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    discriminator_loss(real, fake, kind).backward()
    assert (real.grad < 0).all()  # descending raises the real logits
    assert (fake.grad >= 0).all() and (kind == "lsgan" or (fake.grad > 0).all())
    fake = torch.zeros(4, requires_grad=True)
    generator_loss(fake, kind).backward()
    assert (fake.grad < 0).all()


def test_best_constant_answers_of_the_color_losses():
    """L1's is the median, L2's the mean: the reason for brown petals."""
    target = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.9]).view(1, 1, 1, 5).expand(1, 2, 1, 5)
    answers = torch.linspace(0, 1, 201)
    for kind, best in (("l1", 0.0), ("l2", 0.28)):
        losses = torch.stack([color_loss(torch.full_like(target, a), target, kind) for a in answers.tolist()])
        assert answers[losses.argmin()].item() == pytest.approx(best, abs=0.006)


def test_unknown_losses_are_named():
    for function in (discriminator_loss, lambda a, b, k: generator_loss(a, k), color_loss):
        with pytest.raises(ValueError, match="nonsense"):
            function(torch.zeros(1), torch.zeros(1), "nonsense")
