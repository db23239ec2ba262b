"""What chapter 3 leans on: the drawn U. (Load or train: test_runs.py.)"""

import matplotlib.pyplot as plt

from helpers.plots import unet_diagram


def test_the_u_shows_each_block_and_skip():
    shapes = {"encoder.0": (4, 8, 8), "encoder.1": (8, 4, 4), "squeeze.0": (4, 4, 4), "decoder.0": (4, 8, 8)}
    figure = unet_diagram(shapes | {"head": (2, 8, 8)})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [t for t in texts if "×" in t] == ["4 × 8²", "8 × 4²", "4 × 8²"] and texts.count("skip") == 1
    plt.close(figure)
