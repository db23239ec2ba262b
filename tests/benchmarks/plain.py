"""The two yardsticks: what people use today, written by us as its users run it. The course never imports it.

`plain`: the 64-px U-Net + PatchGAN script. U-Net 64-128-256-512 with double convolutions, BatchNorm and
LeakyReLU, max-pool, transposed convolutions, dropout, tanh; a critic of two strided and two 3x3 convolutions
on RGB; N(0, .02) weights; Adam 1e-3, betas (.5, .999) for both; BCE + 100 L1; ab / 128; batch 32; 200 epochs of
the official train split without augmentation.

`pix2pix`: the widely taught 256-px notebook. Eight down-samplings, 54 M parameters, the 70-px PatchGAN on Lab,
Adam 2e-4, lambda 100, L / 50 - 1 and ab / 110 (Isola et al. 2016, appendix 6.1).

Both run eagerly in float32. To be generous, both get their photos as ready Lab tensors: only networks count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import kornia
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.color import AB_SCALE, rgb_to_lab
from helpers.data import Photos


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a in (inputs, outputs):
        layers += [nn.Conv2d(a, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers)


class PlainUNet(nn.Module):
    """L (N, 1, 64, 64) -> ab (N, 2, 64, 64) in -1..1; 7.7 M parameters."""

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512), dropout: float = 0.1):
        super().__init__()
        self.down = nn.ModuleList(_double(a, b) for a, b in zip((1, *widths[:-1]), widths, strict=True))
        pairs = list(zip(widths[::-1], widths[-2::-1], strict=False))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(_double(2 * b, b) for _, b in pairs)
        self.dropout, self.head = nn.Dropout(dropout), nn.Conv2d(widths[0], 2, 1)

    def forward(self, L: Tensor) -> Tensor:
        x, kept = L, []
        for i, block in enumerate(self.down):
            x = self.dropout(block(F.max_pool2d(x, 2) if i else x))
            kept.append(x)
        for enlarge, block, skip in zip(self.enlarge, self.up, kept[-2::-1], strict=True):
            x = self.dropout(block(torch.cat([enlarge(x), skip], 1)))
        return torch.tanh(self.head(x))


class PlainCritic(nn.Module):
    """RGB (N, 3, H, W) -> logits; two 4x4 convolutions with stride 2, two 3x3."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(128, 256, 3, 1, 1), nn.BatchNorm2d(256), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(256, 1, 3, 1, 1),
        )  # fmt: skip

    def forward(self, *pictures: Tensor) -> Tensor:
        return self.net(torch.cat(pictures, 1))


class Pix2PixUNet(nn.Module):
    """L (N, 1, 256, 256) -> ab (N, 2, 256, 256); 54 M parameters."""

    def __init__(self, width: int = 64, depth: int = 8):
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i in range(depth):
            norm = [nn.BatchNorm2d(widths[i])] if 0 < i < depth - 1 else []
            act = [nn.LeakyReLU(0.2)] if i else []
            conv = nn.Conv2d(widths[i - 1] if i else 1, widths[i], 4, 2, 1, bias=not norm)
            self.down.append(nn.Sequential(*act, conv, *norm))
        for i in range(depth - 1, -1, -1):
            inputs = widths[i] * (1 if i == depth - 1 else 2)
            conv = nn.ConvTranspose2d(inputs, widths[i - 1] if i else 2, 4, 2, 1, bias=i == 0)
            tail = [nn.BatchNorm2d(widths[i - 1])] if i else [nn.Tanh()]
            self.up.append(nn.Sequential(nn.ReLU(), conv, *tail, *([nn.Dropout(0.5)] if 3 < i < depth - 1 else [])))

    def forward(self, L: Tensor) -> Tensor:
        x, kept = L, []
        for block in self.down:
            x = block(x)
            kept.append(x)
        for i, block in enumerate(self.up):
            x = block(torch.cat([x, kept[-1 - i]], 1) if i else x)
        return x


class Pix2PixCritic(nn.Module):
    """L, ab (3 channels) -> logits; sees 70 px."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
        for a, b, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
            layers += [nn.Conv2d(a, b, 4, stride, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))

    def forward(self, *pictures: Tensor) -> Tensor:
        return self.net(torch.cat(pictures, 1))


def _start(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


class PlainTrainer:
    """The usual loop: the critic on real, then on fake, then the generator; kind "plain" or "pix2pix"."""

    def __init__(self, kind: str = "plain", seed: int = 0, device: str = "cpu"):
        torch.manual_seed(seed)
        plain = kind == "plain"
        self.rgb, self.ab_scale = plain, 128.0 if plain else AB_SCALE
        self.generator = _start(PlainUNet() if plain else Pix2PixUNet()).to(device)
        self.critic = _start(PlainCritic() if plain else Pix2PixCritic()).to(device)
        lr = 1e-3 if plain else 2e-4
        self.g_opt, self.d_opt = (
            torch.optim.Adam(m.parameters(), lr, betas=(0.5, 0.999)) for m in (self.generator, self.critic)
        )

    def colors(self, L: Tensor) -> Tensor:
        """What the generator paints, with ab scaled as the course does, for `helpers.metrics.scorecard`."""
        self.generator.eval()
        return self.generator(L) * (self.ab_scale / AB_SCALE)

    def _seen(self, L: Tensor, ab: Tensor) -> Tensor:
        if not self.rgb:
            return torch.cat([L, ab], 1)
        return kornia.color.lab_to_rgb(torch.cat([(L + 1) * 50, ab * self.ab_scale], 1))

    def step(self, L: Tensor, ab: Tensor) -> None:
        """L scaled to -1..1, ab divided by `ab_scale`."""
        self.generator.train()
        fake = self.generator(L)
        real_logits = self.critic(self._seen(L, ab))
        fake_logits = self.critic(self._seen(L, fake.detach()))
        bce = F.binary_cross_entropy_with_logits
        d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
        self.d_opt.zero_grad()
        (d_loss / 2).backward()
        self.d_opt.step()
        logits = self.critic(self._seen(L, fake))
        g_loss = bce(logits, torch.ones_like(logits)) + 100 * F.l1_loss(fake, ab)
        self.g_opt.zero_grad()
        g_loss.backward()
        self.g_opt.step()
        g_loss.item()  # printed by such scripts in every step

    def ready(self, photos: Photos) -> tuple[Tensor, Tensor]:
        """All photos as scaled Lab tensors, once."""
        lab = rgb_to_lab(photos.images)
        return lab[:, :1] / 50 - 1, lab[:, 1:] / self.ab_scale

    def epochs(self, photos: Photos, batch_size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled batches without end."""
        L, ab = self.ready(photos)
        generator = torch.Generator().manual_seed(seed)
        while True:
            order = torch.randperm(len(L), generator=generator)
            for index in order.split(batch_size):
                yield L[index], ab[index]


def train_plain(
    photos: Photos, seconds: float, seed: int, marks: list[float], judge: Callable[[PlainTrainer, float], None]
) -> PlainTrainer:
    """Train `plain` for so many CPU seconds; `judge(trainer, seconds)` at each mark, off the clock."""
    trainer = PlainTrainer("plain", seed)
    steps, used, marks = trainer.epochs(photos, 32, seed), 0.0, sorted(marks)
    while used < seconds:
        began = time.process_time()
        trainer.step(*next(steps))
        used += time.process_time() - began
        while marks and used >= marks[0]:
            marks.pop(0)
            judge(trainer, used)
    return trainer
