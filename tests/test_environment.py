"""helpers.environment: what a newcomer is told before the first chapter."""

from helpers.environment import check_environment


def test_environment_check_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setenv("COLORIZE_PRESET", "smoke")
    assert check_environment()
    assert 'Budget: "smoke"' in capsys.readouterr().out
    monkeypatch.setattr("helpers.environment.NEEDED", ("torch", "a-package-nobody-has"))
    assert not check_environment()
    assert "MISSING: a-package-nobody-has" in capsys.readouterr().out
