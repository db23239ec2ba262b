"""PretrainedUNet: the U-Net on an encoder from ImageNet, alone and in training."""

import copy
import pickle
from dataclasses import asdict, replace

import pytest
import torch
from accelerate import Accelerator

from helpers.backstage.imagenet import InFloat32
from helpers.data import drawn_photos
from helpers.inference import Colorizer, load_generator, save_generator
from helpers.models import PretrainedUNet, UNet, parameter_groups, receptive_field
from helpers.recipe import PRESETS, new_generator
from helpers.runs import _Folder, train
from helpers.training import Trainer

RECIPE = replace(PRESETS["smoke"], encoder="lite0", color_steps=4, critic_steps=1, gan_steps=2, report_steps=4)


@pytest.fixture(scope="module")
def flowers():
    return drawn_photos(32, RECIPE.load_size, 1), drawn_photos(4, RECIPE.size, 2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return PretrainedUNet.from_imagenet(width=6)


def test_any_size_goes_in_and_ab_of_that_size_comes_out(model):
    for size in ((1, 1), (31, 64), (70, 45)):
        ab = model.eval()(torch.rand(2, 1, *size) * 2 - 1)
        assert ab.shape == (2, 2, *size) and ab.abs().max() < 1


def test_it_can_be_shown_pictures_at_twice_their_size(tmp_path):
    torch.manual_seed(0)
    large = PretrainedUNet(width=6, half_res=False).eval()
    plain = PretrainedUNet(width=6).eval()
    plain.load_state_dict(large.state_dict())
    for size in ((1, 1), (31, 64), (70, 45)):
        assert large(torch.rand(2, 1, *size) * 2 - 1).shape == (2, 2, *size)
    L = torch.rand(1, 1, 48, 64) * 2 - 1
    twice = torch.nn.functional.interpolate(L, scale_factor=2, mode="bilinear", align_corners=False)
    features = large.encode(L)
    assert features[0].shape[-2:] == (48, 64)  # none is predicted at half resolution
    assert all(map(torch.equal, features, plain.encode(twice)))
    save_generator(large, tmp_path / "large.safetensors", size=64)
    again, _ = load_generator(tmp_path / "large.safetensors")
    assert torch.equal(again(L), large(L)) and again.config == large.config
    assert not new_generator(replace(RECIPE, half_res=False)).half_res and new_generator(RECIPE).half_res


def test_it_is_the_unet_but_for_its_encoder(model):
    assert PretrainedUNet.climb is UNet.climb and PretrainedUNet.forward is UNet.forward
    features = model.encode(torch.zeros(1, 1, 64, 64))
    assert [tuple(f.shape[1:]) for f in features] == [
        (16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2),
    ]  # fmt: skip


def test_batch_statistics_of_the_encoder_stand_still(model):
    before = {k: v.clone() for k, v in model.encoder.state_dict().items()}
    model.train()
    model(torch.rand(4, 1, 32, 32)).mean().backward()
    assert all(torch.equal(v, before[k]) for k, v in model.encoder.state_dict().items())
    assert model.decoder[0][1].training and not model.encoder.bn1.training


@pytest.mark.parametrize("frozen", [0, 3, 7])
def test_frozen_stages_get_no_gradient_and_no_graph(frozen):
    model = PretrainedUNet(width=6, frozen=frozen).train()
    model(torch.rand(2, 1, 32, 32)).square().mean().backward()
    moved = {name for name, weight in model.encoder.named_parameters() if weight.grad is not None}
    assert bool(moved) == (frozen < 7)
    still = ("conv_stem", "bn1", *(f"blocks.{i}." for i in range(frozen)))
    assert not [name for name in moved if name.startswith(still)]
    assert all(weight.grad is not None for weight in model.decoder.parameters())


def test_its_dependence_on_L_can_still_be_asked_for(model):
    L = torch.rand(1, 1, 64, 64, requires_grad=True)
    model.eval()(L).sum().backward()
    assert L.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="wider than the 64-px"):
        receptive_field(model, size=64)


def test_wrong_arguments_are_refused():
    for arguments in ({"encoder": "vgg"}, {"width": 2}, {"frozen": 8}):
        with pytest.raises(ValueError):
            PretrainedUNet(**arguments)


def test_the_encoder_learns_more_slowly_and_its_frozen_part_not_at_all():
    generator = new_generator(RECIPE)
    new, known = parameter_groups(generator, 0.15)
    assert known["scale"] == 0.15
    in_groups = {id(weight) for group in (new, known) for weight in group["params"]}
    assert in_groups == {id(weight) for weight in generator.parameters() if weight.requires_grad}
    assert len(in_groups) == len(new["params"]) + len(known["params"])


def test_every_group_follows_the_schedule_at_its_own_distance(flowers):
    trainer = Trainer(RECIPE, Accelerator(cpu=True))
    for step in trainer.steps(flowers[0], RECIPE.total_steps):
        rate = RECIPE.learning_rates(step - 1)[0]
        new, known = (group["lr"] for group in trainer.g_optimizer.param_groups)
        assert new == rate and known == pytest.approx(rate * RECIPE.lr_encoder / RECIPE.lr)


def test_training_moves_what_it_should_and_goes_on_with_the_same_bits(tmp_path, flowers):
    whole = train(RECIPE, tmp_path / "whole", *flowers)
    fresh = new_generator(RECIPE).state_dict()
    still = ("encoder.conv_stem", "encoder.bn1", *(f"encoder.blocks.{i}." for i in range(RECIPE.frozen)))
    for name, tensor in whole.generator.state_dict().items():
        stands = name.startswith(still) or (name.startswith("encoder.") and ("running_" in name or "num_" in name))
        if stands:
            assert torch.equal(tensor, fresh[name]), name
    assert not torch.equal(
        whole.generator.encoder.blocks[6][0].conv_pw.weight, fresh["encoder.blocks.6.0.conv_pw.weight"]
    )
    while not (run := train(RECIPE, tmp_path / "parts", *flowers, stop_after=3)).finished:
        pass
    for name, tensor in run.generator.state_dict().items():
        assert torch.equal(tensor, whole.generator.state_dict()[name]), name


def test_shipped_it_needs_no_imagenet_weights(tmp_path, model, monkeypatch):
    save_generator(model, tmp_path / "x.safetensors", size=32)
    monkeypatch.setattr("helpers.models.imagenet_weights", lambda name: pytest.fail("weights were asked for"))
    loaded, _ = load_generator(tmp_path / "x.safetensors")
    L = torch.rand(1, 1, 40, 40)
    assert torch.equal(loaded(L), model.eval()(L))
    picture = Colorizer.from_pretrained(tmp_path / "x.safetensors").colorize(
        flat := torch.zeros(40, 50, 3).byte().numpy()
    )
    assert picture.shape == flat.shape


def test_a_checkpoint_from_before_encoders_still_goes_on(tmp_path, flowers):
    recipe = replace(RECIPE, encoder="none", frozen=3)
    train(recipe, tmp_path, *flowers, stop_after=2)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    for name in ("encoder", "frozen", "lr_encoder"):
        del state["recipe"][name]
    torch.save(state, tmp_path / "last.pt")
    assert train(recipe, tmp_path, *flowers).finished
    with pytest.raises(ValueError, match="encoder"):
        _Folder(tmp_path, replace(recipe, encoder="lite0")).read_checkpoint()
    assert asdict(recipe)["encoder"] == "none"


@pytest.mark.parametrize("kind", ["Conv2d", "Conv2dSame"])
def test_mixed_precision_leaves_depthwise_convolutions_alone(kind):
    """Their slopes in bf16 take a CPU longer than all the rest of a step; all else about the layer stays."""
    encoder = PretrainedUNet().encoder
    depthwise = [m for m in encoder.modules() if type(m).__name__ == kind and getattr(m, "groups", 1) > 1]
    layer = next(m for m in depthwise if m.weight.requires_grad)
    x = torch.randn(2, layer.in_channels, 9, 9, generator=torch.Generator().manual_seed(0)).bfloat16()
    grown = x.float().requires_grad_()
    (exact := layer(grown)).square().sum().backward()
    slope, layer.weight.grad = layer.weight.grad, None
    seen = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = layer(seen)
    assert mixed.dtype == torch.bfloat16 and torch.equal(mixed, exact.bfloat16())
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():  # here no slope is wanted
        assert torch.equal(layer(x), super(InFloat32, layer).forward(x))
    mixed.backward(2 * mixed.detach())
    assert torch.allclose(layer.weight.grad, slope, rtol=0.02, atol=0.02 * slope.abs().max())
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(again) is type(layer) and torch.equal(again(grown), exact)
