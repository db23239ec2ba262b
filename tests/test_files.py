"""helpers.backstage.files: a file is the old one or the new one, whatever happens."""

import os

import pytest

from helpers.backstage.files import read_json, write_json, writing


def test_the_file_appears_whole_and_nothing_stays_beside_it(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with writing(path) as beside:
        beside.write_text("new")
        assert beside.parent == tmp_path and path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_breaks_the_writing_goes_on_and_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(type(error)), writing(path) as beside:
        beside.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(os, "fsync", lambda number: order.append("fsync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    with writing(tmp_path / "note.txt") as beside:
        beside.write_text("new")
    assert order == ["fsync", "replace"]


@pytest.mark.parametrize("refusals", [2, 99])
def test_a_file_in_use_is_tried_again_for_a_second(tmp_path, monkeypatch, refusals):
    """As Windows does while an editor, a virus scanner or another notebook has the old file open."""
    replace, waited, left = os.replace, [], [refusals]

    def busy(source, target):
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr("helpers.backstage.files.time.sleep", waited.append)
    path = tmp_path / "note.txt"
    if refusals == 2:
        with writing(path) as beside:
            beside.write_text("new")
        assert path.read_text() == "new"
    else:
        with pytest.raises(PermissionError), writing(path) as beside:
            beside.write_text("new")
        assert sum(waited) == pytest.approx(1) and list(tmp_path.iterdir()) == []


def test_json_is_utf8_with_one_newline_everywhere(tmp_path):
    path = tmp_path / "card.json"
    write_json(path, {"ΔE": [1.5, None]})
    assert path.read_bytes() == '{\n "ΔE": [\n  1.5,\n  null\n ]\n}\n'.encode()
    assert read_json(path) == {"ΔE": [1.5, None]}
