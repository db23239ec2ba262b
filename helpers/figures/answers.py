"""What an answer to an exercise of chapters 3 and 4 draws: each takes the student's function and gives a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..backstage.canvas import canvas, picture_of


def places_picture(conv_size: Callable, size: int, kernel: int, stride: int, padding: int) -> np.ndarray:
    """The places of a window over `size` pixels in their frame, a line for each: as many as `conv_size` says."""
    from matplotlib.patches import Rectangle

    places = int(conv_size(size, kernel, stride, padding))
    figure, axis = canvas(2.4, 1.4)
    for pixel in range(-padding, size + padding):
        inside = 0 <= pixel < size
        axis.add_patch(Rectangle((pixel + 0.04, 0), 0.92, 0.9, fc="0.6" if inside else "white", ec="0.5"))
    for place in range(places):
        left = place * stride - padding
        axis.add_patch(Rectangle((left + 0.06, -place - 0.8), kernel - 0.12, 0.5, fc=f"C{place % 10}"))
    axis.set(xlim=(-padding - 0.3, size + padding + stride + 0.3), ylim=(-4.2, 1.0), xticks=[], yticks=[])
    axis.set_title(f"{places} places", fontsize=9)
    axis.spines[:].set_visible(False)
    return picture_of(figure)


def guesses_picture(best_guess: Callable, colors: np.ndarray) -> np.ndarray:
    """Colors (N, 2) on the ab plane, and what `best_guess` makes of them under "l1" and under "l2"."""
    figure, axis = canvas(2.3, 1.9)
    axis.scatter(*colors.T, color="0.7", s=14)
    for kind, marker in (("l1", "o"), ("l2", "s")):
        a, b = np.asarray(best_guess(colors.copy(), kind), float)
        axis.plot(a, b, marker, color="C3", fillstyle="none", markeredgewidth=2, label=kind)
    axis.legend(fontsize=8, frameon=False)
    axis.set(xlabel="a", ylabel="b", xlim=np.array([-0.2, 1.2]) * 60, ylim=np.array([-0.2, 1.2]) * 60)
    return picture_of(figure)


def fields_picture(field: Callable, picture: np.ndarray, stacks: Sequence[Sequence]) -> np.ndarray:
    """A square picture, and on it the square that `field` says one output of each stack of layers sees."""
    from matplotlib.patches import Rectangle

    figure, axis = canvas(2.3, 2.3)
    side = len(picture)
    axis.imshow(picture)
    fields = [float(field(list(layers))) for layers in stacks]
    for i, sees in enumerate(fields):
        corner = side / 2 - sees / 2 - 0.5
        for color, width in (("w", 4), (f"C{i}", 2)):
            axis.add_patch(Rectangle((corner, corner), sees, sees, fill=False, color=color, linewidth=width))
    axis.set_title(f"{', '.join(f'{sees:.0f}' for sees in fields)} px", fontsize=10)
    axis.set(xticks=[], yticks=[])
    return picture_of(figure)


def costs_picture(loss: Callable) -> np.ndarray:
    """A critic's loss over one real and one fake patch: by the logit of one, while the other is surely right."""
    x, sure = torch.linspace(-3, 3, 61), torch.full((1, 1, 1, 1), 9.0)
    logits = [value.view(1, 1, 1, 1) for value in x]
    figure, axis = canvas(2.3, 1.8)
    axis.plot(x.tolist(), [float(loss(logit, -sure)) for logit in logits], label="a real patch")
    axis.plot(x.tolist(), [float(loss(sure, logit)) for logit in logits], label="a fake patch")
    axis.set(xlabel="its logit", ylabel="costs", ylim=(-0.5, 4.5))
    axis.legend(fontsize=8, frameon=False)
    return picture_of(figure)
