"""What chapter 11 adds to the course's own photos and networks, for those who train on theirs and take it away.

photos = load_photos("holiday", "train", size=80)     # any pictures in a folder, in place of Flowers102
run = train(recipe, "runs/mine", photos, load_photos("holiday", "val", recipe.size))
export_onnx(run.folder / "generator.safetensors", "mine.onnx")
onnx_colorizer("mine.onnx").colorize("photo.jpg")     # the same picture, without PyTorch's networks
"""

from .own_photos import SOURCE, load_photos
from .portable import OnnxNetwork, export_onnx, onnx_colorizer

__all__ = ["SOURCE", "OnnxNetwork", "export_onnx", "load_photos", "onnx_colorizer"]
