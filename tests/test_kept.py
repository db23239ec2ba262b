"""Small networks that are trained once and loaded ever after."""

import pytest
import torch
from torch import nn

from helpers.runs import load_or_make, runs_folder


@pytest.fixture
def make(tmp_path, monkeypatch):
    """make(…) as a chapter calls it; it returns the network, its losses, and how often one was trained so far."""
    monkeypatch.setenv("COLORIZE_RUNS", str(tmp_path / "runs"))
    trained = []

    def get(key=("photos", 3), outputs=2, anew=False):
        torch.manual_seed(0)
        model = nn.Linear(2, outputs)

        def train():
            trained.append(1)
            with torch.no_grad():
                model.weight.fill_(len(trained))
            return [0.5, 0.25]

        return model, load_or_make("a", model, key, train, anew), len(trained)

    return get


def test_it_is_trained_once_and_loaded_after(make):
    (first, losses, _), (again, the_same, count) = make(), make()
    assert count == 1 and losses == the_same == [0.5, 0.25] and torch.equal(first.weight, again.weight)
    (folder,) = runs_folder().iterdir()
    assert folder.name.startswith("a-") and [path.name for path in folder.iterdir()] == ["network.safetensors"]


@pytest.mark.parametrize("change", [{"key": ("photos", 4)}, {"outputs": 3}])
def test_another_key_or_another_network_is_another_training(make, change):
    make()
    assert make(**change)[2] == 2 and len(list(runs_folder().iterdir())) == 2
    assert make()[0].weight[0, 0] == 1  # and the first is still there


def test_anew_trains_in_any_case(make):
    make()
    assert make(anew=True)[2] == 2 and make()[0].weight[0, 0] == 2


DAMAGES = {
    "empty": lambda whole: b"",
    "another file": lambda whole: b"no safetensors at all",
    "half": lambda whole: whole[: len(whole) // 2],
    "a flipped bit": lambda whole: whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_trained_anew_and_said(make, damage, capsys):
    make()
    (path,) = runs_folder().rglob("network.safetensors")
    path.write_bytes(damage(path.read_bytes()))
    assert make()[2] == 2
    out = capsys.readouterr().out
    assert path.parent.name in out and "trained anew" in out and out.count("\n") == 1
    assert make()[2] == 2, "it was written again"


def test_a_training_that_is_stopped_leaves_nothing(make, tmp_path, monkeypatch):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_or_make("b", nn.Linear(1, 1), (), stop)
    assert not list(tmp_path.rglob("network.safetensors"))
