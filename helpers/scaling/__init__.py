"""What chapter 11 adds to the course's own photos and networks, for those who train on more, or elsewhere.

photos = load_photos("holiday", "train", size=80)     # any pictures in a folder, in place of Flowers102
run = train(recipe, "runs/mine", photos, load_photos("holiday", "val", recipe.size))
export_onnx(run.folder / "generator.safetensors", "mine.onnx")
onnx_colorizer("mine.onnx").colorize("photo.jpg")     # the same picture, without PyTorch's networks

photos = mapped_photos("radio", keys, read)           # pictures from anywhere, more than memory holds
rates({"before": step, "after": other}, photos=32)    # photos a second of each; memory_held tells what they need
with launching(2) as options: notebook_launcher(learn, **options)
"""

from .mapped import mapped_photos
from .measuring import memory_held, no_compiler, own_memory, photo_files, rates, scratch_folder
from .own_photos import SOURCE, load_photos
from .portable import OnnxNetwork, export_onnx, onnx_colorizer
from .starting import cannot_launch, launching

__all__ = [
    "SOURCE", "OnnxNetwork", "cannot_launch", "export_onnx", "launching", "load_photos", "mapped_photos", "memory_held",
    "no_compiler", "onnx_colorizer", "own_memory", "photo_files", "rates", "scratch_folder",
]  # fmt: skip
