"""One form of log: JSON lines off a terminal, no escape codes, and `warn` for trouble only."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from adapters.logs import configure, for_worker


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    assert "\x1b" not in stream.getvalue()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_the_libraries_have_one_form() -> None:
    stream = io.StringIO()
    configure("info", stream)
    structlog.get_logger("agents.rows").info("rows recovered", partitions=[0])
    logging.getLogger("aiokafka.client").error("no broker at %s", "h:1")
    ours, theirs = lines(stream)
    assert (ours["event"], ours["level"], ours["logger"], ours["partitions"]) == (
        "rows recovered", "info", "agents.rows", [0]
    )  # fmt: skip
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("no broker at h:1", "error", "aiokafka.client")
    assert list(ours) == ["timestamp", "level", "logger", "event", "partitions"]
    assert list(theirs) == ["timestamp", "level", "logger", "event"]


def test_a_rebalance_is_information_and_trouble_is_a_warning() -> None:
    stream = io.StringIO()
    configure("info", stream)
    log = logging.getLogger("aiokafka.consumer.group_coordinator")
    log.warning("Heartbeat failed for group %s because it is rebalancing", "sequencer")
    log.warning("Marking the coordinator dead (node %s)for group %s.", 1, "sequencer")
    assert [line["level"] for line in lines(stream)] == ["info", "warning"]


def test_at_level_warn_a_healthy_system_says_nothing() -> None:
    stream = io.StringIO()
    configure("warn", stream)
    logging.getLogger("aiokafka").warning("Heartbeat failed for group %s because it is rebalancing", "x")
    structlog.get_logger("agents.rows").info("rows recovered")
    assert stream.getvalue() == ""


def test_an_exception_is_a_field_not_lines_of_its_own() -> None:
    stream = io.StringIO()
    configure("info", stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("agents").error("deciding failed", exc_info=True)
    (line,) = lines(stream)
    assert "ValueError: two" in str(line["exception"])


def test_a_level_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="one of debug, info, warn, error, crit, not 'warning'"):
        for_worker("warning")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, _Terminal])
def test_a_logged_fault_has_its_stack_and_no_values(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    """A customer's address in a local variable stays where it is."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    written = stream()
    configure("info", written)

    def raising() -> None:
        customer = "a@example.com"
        raise ZeroDivisionError(f"on purpose, at {len(customer)}")

    try:
        raising()
    except ZeroDivisionError:
        structlog.get_logger("x").error("deciding failed", order="5001", exc_info=True)
    said = written.getvalue()
    assert "deciding failed" in said and "5001" in said
    assert "in raising" in said
    assert "ZeroDivisionError: on purpose, at 13" in said
    assert "a@example.com" not in said
