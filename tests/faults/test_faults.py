"""A small share of the campaign, and whether the campaign finds what it looks for."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.faults import __main__ as command
from tests.faults.campaign import Figures, Kind, Lost, Outcome, Undocumented, campaign, restore, save, table
from tests.faults.kinds import KINDS
from tests.faults.mutants import mutated, mutated_json, pictures
from tests.faults.processes import call, can_mount, mount
from tests.faults.stage import DEBRIS, Reference, add_to, check_files, check_message, digest_of, documented, said_so

SHARE = 0.01
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    found = {}
    campaign(KINDS, SHARE, 0, tmp_path_factory.mktemp("faults"), 1, found)
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_nothing_is_lost_and_every_error_is_documented(kind, figures):
    it = figures[kind.name]
    if it.skipped:
        pytest.skip(it.skipped)
    assert it.findings == {} and it.lost == it.undocumented == 0
    assert it.cases >= 1 and it.held == it.tried


def test_the_campaign_is_as_large_as_it_says():
    count = {kind.name: kind.count for kind in KINDS}
    assert sum(number for name, number in count.items() if name.startswith("mutated")) >= 20_000
    assert sum(number for name, number in count.items() if name.startswith("kills")) >= 90  # chains of up to four each
    assert count["kinds of damaged data"] >= 30 and len(count) == len(KINDS)


# ------------------------------------------------------------------------------- whether it finds anything at all


def holds(chance, folder, number):
    (folder / "file").write_text("something")


def loses(chance, folder, number):
    yield
    raise Lost(f"file {number}")


def says_it_wrong(chance, folder, number):
    raise Undocumented("a traceback")


def breaks(chance, folder, number):
    {}["what is not there"]


def hangs(chance, folder, number):
    time.sleep(600)


def works_long(chance, folder, number):
    until = time.process_time() + 0.4
    while time.process_time() < until:
        pass


def dies(chance, folder, number):
    os.kill(os.getpid(), signal.SIGSEGV)


def eats(chance, folder, number):
    b"x" * (60 << 20)


def starts_a_program(chance, folder, number):
    subprocess.run(["true"], check=True)


FINDS = {
    "loses": (loses, {}, "lost: file 1"),
    "says it wrong": (says_it_wrong, {}, "undocumented: a traceback"),
    "breaks": (breaks, {}, "undocumented: KeyError at test_faults.py"),
    "hangs": (hangs, {"seconds": 0.1}, "undocumented: it hangs"),
    "works long": (works_long, {"seconds": 0.2}, "undocumented: it took 0."),
    "dies": (dies, {}, "undocumented: the process died (-11)"),
    "eats": (eats, {"memory": 40}, "undocumented: it took"),
    "starts a program": (starts_a_program, {"reads": True}, "lost: something was started by what stood in a file"),
}


def test_whatever_one_case_does_is_found_and_the_others_are_tried(tmp_path):
    kinds = [Kind("holds", holds, 3, 10)]
    kinds += [Kind(name, case, 2, **{"seconds": 10} | limits) for name, (case, limits, _) in FINDS.items()]
    kinds += [Kind("holds after that", holds, 3, 10), Kind("not here", hangs, 3, 10, unless="no")]
    found = {}
    campaign(kinds, 1, 0, tmp_path, 1, found, pickled=True)
    for name in ("holds", "holds after that"):
        assert (found[name].tried, found[name].held, found[name].findings) == (3, 3, {})
    assert found["not here"].tried == 0 and "| not here | not here: no |" in table(found)
    for name, (_, _, words) in FINDS.items():
        it = found[name]
        assert it.cases == 2 and it.held == (2 if name == "loses" else 0), name
        assert it.lost + it.undocumented == 2 and it.findings["1"].startswith(words), (name, it.findings)
        assert it.lost == (2 if words.startswith("lost") else 0)
    assert not list(tmp_path.glob("case-*/*"))


def test_a_kill_at_an_event_comes_before_it(tmp_path):
    def two_files():
        for name in ("first", "second"):
            (tmp_path / name).write_text(name)
        os.replace(tmp_path / "second", tmp_path / "third")

    whole = call(two_files, below=tmp_path)
    assert (whole.code, whole.events) == (0, 3) and (tmp_path / "third").exists()
    for path in tmp_path.iterdir():
        path.unlink()
    for kill_at, there in ((1, set()), (2, {"first"}), (3, {"first", "second"})):
        assert call(two_files, below=tmp_path, kill_at=kill_at).killed
        assert {path.name for path in tmp_path.iterdir()} == there


def test_what_a_child_says_and_raises_comes_back():
    def talk():
        print("out")
        os.write(2, b"err\n")
        raise KeyError("gone")

    ended = call(talk)
    assert (ended.out, ended.err, ended.code) == ("out\n", "err\n", 71) and "KeyError: 'gone'" in ended.error
    with pytest.raises(Undocumented, match="KeyError"):
        check_message(ended)
    assert call(time.sleep, 60, kill_after=0.05).killed


@pytest.mark.skipif(not can_mount(), reason="disks of its own need root on Linux")
def test_a_small_disk_is_full_and_then_large_and_gone_with_its_process(tmp_path):
    def fill():
        mount(tmp_path, 65536)
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "big").write_bytes(bytes(100_000))
        mount(tmp_path, 1 << 20, again=True)
        (tmp_path / "big").write_bytes(bytes(100_000))
        mount(tmp_path, 1 << 20, again=True, read_only=True)
        with pytest.raises(OSError, match="Read-only"):
            (tmp_path / "more").write_bytes(b"1")

    ended = call(fill)
    assert ended.code == 0, ended.error
    assert not list(tmp_path.iterdir())


def test_files_are_compared_by_what_they_say(tmp_path):
    import torch

    def written(**changes):
        state = {"weights": torch.ones(3), "step": 2, "seconds": 1.0, "history": [{"psnr": 20.0}]} | changes
        torch.save(state, tmp_path / "last.pt")
        return digest_of(tmp_path / "last.pt", "last.pt")

    whole = written()
    assert written(seconds=2.0) == whole
    other = torch.ones(3)
    other.view(torch.int32)[1] ^= 1
    others = [written(weights=other), written(step=3), written(history=[{"psnr": 20.1}]), written(more=1)]
    assert len({whole, *others}) == 5
    (tmp_path / "last.pt").write_bytes(b"PK")
    assert digest_of(tmp_path / "last.pt", "last.pt").startswith("damaged")
    made = Reference({"a.txt": {"x"}}, {"a.txt": "x"})
    for content in ("anything", "b"):
        (tmp_path / "a.txt").write_text(content)
        with pytest.raises(Lost, match=r"a\.txt: none of its contents"):
            check_files(tmp_path, made, finished=False, but=("last.pt",))
    assert all(DEBRIS.search(name) for name in (".last.pt.partial-7", ".trying-abc"))
    assert add_to.__doc__


@pytest.mark.parametrize(
    "text", ["", "Traceback (most recent call last):", "x" * 700, "something is wrong with it"], ids=lambda t: t[:9]
)
def test_what_is_no_sentence_with_a_name_is_found(text):
    with pytest.raises(Undocumented):
        said_so(text, "last.pt")


def test_which_errors_are_documented():
    documented(ValueError("last.pt is damaged: delete it"), "last.pt")
    documented(FileNotFoundError(2, "No such file", "last.pt"), "last.pt")
    for error in (KeyError("last.pt"), ValueError("it is damaged"), ValueError("last.pt\nis damaged")):
        with pytest.raises(Undocumented):
            documented(error, "last.pt")


# -------------------------------------------------------------------------------------------- mutants and figures


def test_a_mutant_is_another_and_the_same_again():
    for number, (name, data) in enumerate(pictures().items()):
        one, again = (mutated(data, b"another file" * 40, Random(number)) for _ in range(2))
        assert one == again and one != data, name
    card = json.dumps({"name": "it", "recipe": {"size": 32, "lr": [1, 2]}}).encode()
    mutants = [mutated_json(card, Random(number)) for number in range(100)]
    assert mutants == [mutated_json(card, Random(number)) for number in range(100)] and len(set(mutants)) > 60


def test_many_formats_are_mutated():
    suffixes = {name.rpartition(".")[2] for name in pictures()}
    assert len(suffixes) >= 20 and suffixes >= {"jpg", "png", "tif", "webp", "gif", "bmp", "ppm", "ico", "psd", "tga"}


def test_figures_are_summed_kept_and_written(tmp_path):
    it = Figures()
    it.add(Outcome("kills", 0, tried=4, seconds=2.0, memory=10))
    it.add(Outcome("kills", 1, tried=3, lost=1, seconds=1.0, memory=30, finding="lost: all"))
    assert (it.tried, it.held, it.lost, it.undocumented, it.slowest, it.memory) == (7, 6, 1, 0, 2.0, 30)
    assert "| kills | 7 | 6 | 1 | 0 | 2.0 s | 30 MiB | " in table({"kills": it})
    kept = {"kills": it, "held": Figures(1, tried=5, commit="abc1234"), "who knows": Figures(1, tried=5)}
    state = tmp_path / "it"
    save(state, '[0, 1.0, "code"]', kept)
    assert restore(state, '[0, 1.0, "code"]') == kept and restore(tmp_path / "nothing", '[0, 1.0, "code"]') == {}
    for key in ('[0, 1.0, "other"]', '[1, 1.0, "code"]', '[0, 0.5, "code"]'):
        assert restore(state, key) == {}
        # of other code, what held in all cases, and is known by its commit
        assert list(restore(state, key, kept=True)) == (["held"] if "other" in key else [])
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- faults: how -->\nold\n<!-- end of faults -->\nafter\n")
    command.write(readme, {"kills": it}, 0.5, 3)
    text = readme.read_text()
    assert text.startswith("before\n<!-- faults: how -->\n`python -m tests.faults --share 0.5 --seed 3`, on ")
    assert text.endswith("| *all* | 7 | 6 | 1 | 0 | | | |\n<!-- end of faults -->\nafter\n")
    with pytest.raises(ValueError, match="no block"):
        command.write(state, {}, 1, 0)


@pytest.mark.parametrize("wrong", ["--share 0", "--only nothing", "--case 3", "--write --only kills"])
def test_wrong_arguments_are_named(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(wrong.split())
    assert stop.value.code == 2 and "error: " in capsys.readouterr().err


def test_the_readme_has_figures_of_all_kinds_without_a_loss():
    block = command.BLOCK.search((ROOT / "README.md").read_text(encoding="utf8"))[0]
    if "|" not in block:
        pytest.skip("no figures yet: python -m tests.faults --write")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines() if line.startswith("| ")]
    figures = {row[0]: row[1:] for row in rows}
    assert set(figures) == {"kind", "*all*", *(kind.name for kind in KINDS)}
    for name, row in figures.items():
        if name != "kind" and not row[0].startswith("not here"):
            tried, held, lost, undocumented = (int(cell.replace(",", "")) for cell in row[:4])
            assert tried == held > 0 and lost == undocumented == 0, name
    assert re.search(r"`python -m tests\.faults[^`]*`, on .+, \w+ \d+, \d{4}:", block)
