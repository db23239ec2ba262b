"""What a training imports as it goes: three seconds of each fork, if the process that forks has not done it."""

from importlib import import_module

LATE = ("torch._dynamo", "timm", "skimage.metrics._structural_similarity", "skimage.color.delta_e", "fastprogress")


def import_late() -> None:
    for name in LATE:
        import_module(name)
