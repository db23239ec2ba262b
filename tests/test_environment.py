"""helpers.environment: what a newcomer is told before the first chapter."""

from importlib.metadata import version

from helpers.environment import check_environment


def test_environment_check_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COLORIZE_PRESET", "smoke")
    assert check_environment()
    said = capsys.readouterr().out
    assert 'Budget: "smoke"' in said and f"torch {version('torch').split('+')[0]}" in said
    (tmp_path / "pyproject.toml").write_text(
        'dependencies = [\n    "torch>=2",\n    "a-package-nobody-has",\n    "numpy>=99",\n]\n'
    )
    monkeypatch.setattr("helpers.environment.ROOT", tmp_path)
    assert not check_environment()
    said = capsys.readouterr().out
    assert "MISSING: a-package-nobody-has, numpy>=99 (here is " in said and "torch" not in said
