"""A trained network as an ONNX file, which runs without PyTorch: in a browser, in a phone, behind an address."""

from __future__ import annotations

import copy
import io
import json
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backstage.files import ordinary, writing
from ..backstage.settings import RULES
from ..inference import Colorizer, load_generator, trained_size, weights_path

__all__ = ["OnnxNetwork", "export_onnx", "onnx_colorizer"]

OPSET = 17  # of 2022: what browsers and phones know by now
MISSING = "{} is missing, which only ONNX needs: run  pip install onnx onnxruntime"


def export_onnx(name: str | Path, path: str | Path) -> Path:
    """Write a colorizer's network as ONNX. Chapter 11; returns the path.

    name: weights of the course (`pretrained_names()`) or a .safetensors file of a run. path: the file to write.
    Input "L": float32 (N, 1, H, W), scaled, any N, H and W from 1 up; output "ab": float32 (N, 2, H, W), scaled. The
    file's notes say at what size it was trained ("size", pixels), and what it is ("config").
    Raises ValueError for an unknown name, or where onnx is missing.
    """
    onnx, source, path = _needed("onnx"), weights_path(name), Path(path)
    model, size = _fixed_padding(load_generator(source)[0]), trained_size(source)
    axes = {"L": {0: "photos", 2: "height", 3: "width"}, "ab": {0: "photos", 2: "height", 3: "width"}}
    options = {"input_names": ["L"], "output_names": ["ab"], "dynamic_axes": axes, "opset_version": OPSET}
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter that follows the shapes through Python, as they are: the newer one wants proof that any size
        # can be padded to a multiple of 32. It warns of our checks of shapes, which hold for all sizes.
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (torch.zeros(1, 1, 70, 90),), content := io.BytesIO(), dynamo=False, **options)
    network = onnx.load_from_string(content.getvalue())
    onnx.helper.set_model_props(network, {"size": str(size), "config": json.dumps(model.config)})
    onnx.checker.check_model(network)
    with writing(path) as beside:
        beside.write_bytes(network.SerializeToString())
    return path


def _fixed_padding(model: nn.Module) -> nn.Module:
    """A copy of a network; what a pretrained encoder pads by the size of its input is padded by a number in it."""
    from timm.layers import Conv2dSame

    model = copy.deepcopy(model).eval()
    for layer in model.modules():
        if isinstance(layer, Conv2dSame):
            layer.__class__ = _PaddedByNumber
    return model


class _PaddedByNumber(nn.Conv2d):
    """What timm's Conv2dSame is to multiples of its stride: a kernel of k with a stride of s lacks k - s pixels.

    The encoder is given multiples of 32, of which each stride makes a half.
    """

    def forward(self, x: Tensor) -> Tensor:
        high, wide = (kernel - stride for kernel, stride in zip(self.kernel_size, self.stride, strict=True))
        x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class OnnxNetwork(nn.Module):
    """An ONNX file of `export_onnx`, run by onnxruntime on the CPU, in the place of a network of PyTorch's.

    forward(L): (N, 1, H, W) -> ab (N, 2, H, W), on the device of L. threads: 0 for as many as onnxruntime likes.
    Raises ValueError for a file that is none of these, or where onnxruntime is missing; FileNotFoundError.
    """

    def __init__(self, path: str | Path, threads: int = 0):
        super().__init__()
        runtime, content = _needed("onnxruntime"), ordinary(path).read_bytes()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            notes = self.session.get_modelmeta().custom_metadata_map
            self.size, self.config = int(notes["size"]), json.loads(notes["config"])
            if not RULES["size"][1] <= self.size <= RULES["size"][2]:
                raise ValueError(f"size {self.size}")
        except Exception as error:  # the runtime raises kinds of its own
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"{path} does not hold a colorizer of this course in ONNX ({reason})") from error

    def forward(self, L: Tensor) -> Tensor:
        (ab,) = self.session.run(["ab"], {"L": L.float().contiguous().cpu().numpy()})
        return torch.from_numpy(ab).to(L.device)


def onnx_colorizer(path: str | Path, threads: int = 0) -> Colorizer:
    """A `Colorizer` whose network is an ONNX file of `export_onnx`. threads, errors: see `OnnxNetwork`."""
    network = OnnxNetwork(path, threads)
    return Colorizer(network, network.size, device="cpu")


def _needed(package: str):
    try:
        return __import__(package)
    except ImportError:
        raise ValueError(MISSING.format(package)) from None
