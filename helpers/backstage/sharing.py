"""What several processes share in each step, so that they learn what one learns that has the whole batch.

Gradients are PyTorch's business (DistributedDataParallel). Here: BatchNorm over the batch of all, and losses to report.

PyTorch's own SyncBatchNorm is for GPUs alone, and used there. On CPUs the one below takes its place: the statistics,
and the two sums that the gradient needs, go once around (Ioffe & Szegedy 2015, algorithm 1 and the equations above it).
tests/test_sharing.py finds the same outputs, gradients and running statistics as of one process. Measured with two CPU
processes and one (tests/test_together.py, smoke, from scratch and on a pretrained encoder): after all three phases all
weights are the same within 2e-12 in double precision. In single precision the reported color and critic losses are the
same within 4e-6; 1 weight in 900 is further off than 1e-4, where a slope next to 0 leaves the direction to rounding.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BatchNormOfAll", "mean_of_all", "share_statistics"]

ALL_BUT_CHANNELS = (0, 2, 3)


class BatchNormOfAll(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, whose batch is that of all processes while it learns; (N, C, H, W), N may differ by process."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        y, mean, var, count = _Normalized.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * (count / (count - 1)), self.momentum)
        return y


class _Normalized(torch.autograd.Function):
    """x (N, C, H, W), weight and bias (C,) -> normalized x; mean, variance (C,) and count of all processes' values."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, eps: float):
        var, mean = torch.var_mean(x.to(weight.dtype), ALL_BUT_CHANNELS, correction=0)
        # In double precision: the mean of squares less the square of the mean is a difference of large numbers.
        var, mean, count = var.double(), mean.double(), x.numel() // x.shape[1]
        sums = torch.cat([mean, var + mean**2, torch.ones_like(mean[:1])]) * count
        dist.all_reduce(sums)
        count = sums[-1]
        mean, squares = (sums[:-1] / count).chunk(2)
        var = (squares - mean**2).clamp_(min=0)
        mean, var, scale, count = (v.to(weight.dtype) for v in (mean, var, (var + eps).rsqrt(), count))
        ctx.save_for_backward(x, weight, mean, scale, count)
        ctx.mark_non_differentiable(mean, var, count)
        return F.batch_norm(x, mean, var, weight, bias, training=False, eps=eps), mean, var, count

    @staticmethod
    def backward(ctx, slope: Tensor, *_):
        x, weight, mean, scale, count = ctx.saved_tensors
        mean, scale, weight = (v.view(1, -1, 1, 1) for v in (mean, scale, weight))
        slope, normal = slope.to(weight.dtype), (x - mean) * scale
        own = torch.stack([slope.sum(ALL_BUT_CHANNELS), (slope * normal).sum(ALL_BUT_CHANNELS)])
        sums = own.clone()  # what is passed on to weight and bias is averaged with all other gradients, later
        dist.all_reduce(sums)
        along_one, along_normal = (sums / count).view(2, 1, -1, 1, 1)
        into_x = (slope - along_one - normal * along_normal) * (weight * scale)
        return into_x.to(x.dtype), own[1], own[0], None


def share_statistics(model: nn.Module, accelerator) -> nn.Module:
    """Have each BatchNorm of a model, if several processes train it, see the batch of all; returns the same model.

    Its parameters and their names stay. Only plain `nn.BatchNorm2d` is changed: that of a pretrained encoder is of
    another kind, and keeps the statistics it came with.
    """
    if accelerator.num_processes == 1:
        return model
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                if accelerator.device.type == "cuda":
                    setattr(parent, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))
                else:
                    child.__class__ = BatchNormOfAll
    return model


def mean_of_all(losses: dict[str, Tensor], accelerator) -> dict[str, Tensor]:
    """Each number's mean over all processes, whose shares of a batch are of one size; on a CPU 0.1 ms if none waits."""
    if accelerator.num_processes == 1:
        return losses
    together = accelerator.reduce(torch.stack([value.float() for value in losses.values()]), "mean")
    return dict(zip(losses, together.unbind(), strict=True))
