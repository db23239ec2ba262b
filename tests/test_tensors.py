"""helpers.backstage.tensors: a weight file is what was written, or refused."""

import json
import random
import re
import zlib

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.backstage.tensors import DamagedError, not_finite, read_notes, read_tensors, save_tensors

NOTES = {"config": json.dumps({"width": 4}), "size": "64"}


@pytest.fixture
def tensors():
    draw = torch.Generator().manual_seed(0)
    return {"a.weight": torch.randn(3, 4, generator=draw), "b": torch.arange(5), "c": torch.randn(7, generator=draw)}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_it_is_a_safetensors_file_whose_checksum_anybody_can_compute(tensors, tmp_path):
    save_tensors(tensors, path := tmp_path / "x.safetensors", NOTES)
    read, notes = read_tensors(path, {})
    assert same(read, tensors) and same(load_file(path), tensors)
    assert {key: notes[key] for key in NOTES} == NOTES == {key: read_notes(path)[key] for key in NOTES}
    blank = path.read_bytes().replace(notes["crc32"].encode(), b"00000000", 1)
    assert notes["crc32"] == f"{zlib.crc32(blank):08x}"


def test_any_flipped_bit_is_refused_or_changes_nothing(tensors, tmp_path):
    save_tensors(tensors, path := tmp_path / "x.safetensors", NOTES)
    whole, chance = path.read_bytes(), random.Random(0)
    refused = 0
    for at in range(len(whole)):  # every byte of it
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            read, notes = read_tensors(path, {})
        except Exception as error:
            refused += 1
            assert not isinstance(error, DamagedError) or str(error).startswith(f"{path} is damaged, its checksum")
        else:  # the name of the checksum itself
            assert same(read, tensors) and {key: notes.get(key) for key in NOTES} == NOTES
    assert refused >= len(whole) - len("crc32")


def test_a_file_without_a_checksum_is_read_and_a_card_may_know_it(tensors, tmp_path):
    save_file(tensors, path := tmp_path / "x.safetensors", NOTES)
    assert same(read_tensors(path, {})[0], tensors)
    known = {"crc32": f"{zlib.crc32(path.read_bytes()):08x}"}
    assert same(read_tensors(path, known)[0], tensors)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="is damaged"):
        read_tensors(path, known)
    save_tensors(tensors, path, NOTES)  # written anew beside a card that knows the old one
    assert same(read_tensors(path, known)[0], tensors)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("half", [False, True])
def test_what_is_no_number_is_neither_written_nor_read(bad, half, tensors, tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(tensors, path, NOTES)
    before = path.read_bytes()
    tensors["c"][3] = bad
    with pytest.raises(ValueError, match="x.safetensors is not written: c holds"):
        save_tensors(tensors, path, NOTES, half)
    assert path.read_bytes() == before
    save_file(tensors, path, NOTES)
    with pytest.raises(DamagedError, match=r"x.safetensors holds values that are no numbers \(c\)"):
        read_tensors(path, {})


def test_what_only_half_precision_makes_infinite_is_noticed(tensors, tmp_path):
    tensors["c"][0] = 1e6
    save_tensors(tensors, tmp_path / "whole.safetensors", NOTES)
    with pytest.raises(ValueError, match="c holds values that are no numbers"):
        save_tensors(tensors, tmp_path / "half.safetensors", NOTES, half=True)


def test_not_finite_names_the_first_and_is_not_fooled_by_great_numbers():
    fine = {"step": 3, "sums": {"norm": float("inf")}, "count": torch.tensor(5), "none": torch.zeros(0)}
    assert not_finite({}) == "" == not_finite(fine)
    assert not_finite({"huge": torch.full((9,), 3e38), "half": torch.full((9,), 6e4, dtype=torch.float16)}) == ""
    state = {"g": {"state": {0: {"avg": torch.ones(2)}, 7: {"avg": torch.tensor([1.0, torch.nan])}}}}
    assert not_finite(fine | state) == "g.state.7.avg"
    assert not_finite({"both": [torch.ones(2), torch.tensor([torch.inf, -torch.inf])]}) == "both.1"


@pytest.mark.parametrize("content", [b"", b"12345678", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"version https://"])
def test_notes_of_what_is_no_such_file(content, tmp_path):
    (path := tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path} is no file of weights")):
        read_notes(path)
