"""The command line's shell: verbs are found by their modules and imported one at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from adapters.cli.main import app, verbs


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_module_is_a_verb_with_help(verb: str) -> None:
    """Each module of the package answers --help under its name."""
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["topics", "nonsense"], ["topics", "check", "--nonsense"], ["main"]]
)
def test_an_unknown_verb_or_option_is_a_usage_error(arguments: list[str]) -> None:
    """Exit code 2 for what is not there."""
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_one_verb_does_not_pay_for_the_others() -> None:
    """`config` imports neither Faust nor matplotlib nor the other verbs: it starts fast."""
    code = (
        "import sys; from typer.testing import CliRunner; from adapters.cli.main import app; "
        "assert CliRunner().invoke(app, ['config', 'show']).exit_code == 0; "
        "print([m for m in ('faust', 'matplotlib', 'adapters.cli.worker', 'adapters.cli.topics') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR there is no escape sequence in the output, whatever the terminal can."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[3" not in CliRunner().invoke(app, ["--help"], color=True).output
