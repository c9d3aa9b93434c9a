"""What a worker's log says of a fault: where it was raised, never the values that it was raised on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from agents.runtime import plain_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_logged_fault_has_its_stack_and_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    """A customer's address in a local variable stays where it is."""
    plain_logs()

    def raising() -> None:
        customer = "a@example.com"
        raise ZeroDivisionError(f"on purpose, at {len(customer)}")

    try:
        raising()
    except ZeroDivisionError:
        structlog.get_logger("x").error("deciding failed", order="5001", exc_info=True)
    said = capsys.readouterr().out
    assert "deciding failed" in said
    assert "order=5001" in said
    assert "in raising" in said
    assert "ZeroDivisionError: on purpose, at 13" in said
    assert "a@example.com" not in said
