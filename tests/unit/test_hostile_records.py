"""What is not a message never stops the lane: each hostile record has its exact dead letter (E01, E03, I13)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from agents.log import Entry
from agents.sequencer.outbox import Setting
from agents.sequencer.result import Turn
from agents.sequencer.turn import Decider
from streams.letters import HEADER_NAMES
from tests.unit.erp import rules

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
RETURN = {
    "return_id": "r1",
    "order_id": "5001",
    "version": 1,
    "updated_at": "2026-11-27T09:29:58Z",
    "state": "in_progress",
    "currency": "GBP",
}
INSPECTION = {"inspection_id": "i1", "version": 1, "order_id": "5001", "return_id": "r1", "lines": []}


@dataclass
class Given:
    """A record as it was read."""

    topic: str
    value: bytes | None
    key: bytes | None = b"5001"
    partition: int = 2
    offset: int = 7
    timestamp: int = 1_795_000_000_000
    headers: list[tuple[str, bytes | None]] = field(default_factory=lambda: [("event-id", b"e1"), ("source", b"x")])


def event(data: Any, type_: str = "return.updated", **more: Any) -> bytes:
    return orjson.dumps({"id": "e1", "type": type_, "data": data, **more})


def inspection(data: Any, recorded_at: Any = "2026-11-27T12:00:00Z") -> bytes:
    return event(data, "inspection.recorded", recorded_at=recorded_at)


def decision(**changes: Any) -> bytes:
    raw = {
        "id": "d1",
        "type": "decision",
        "at": "2026-11-27T10:00:00Z",
        "by": "fin-01",
        "reason": "seen",
        "order_id": "5001",
        "decision": {"kind": "retry", "command_id": "c1"},
    }
    return orjson.dumps({**raw, **changes})


def play(*records: Given) -> Turn:
    stamps = iter((1, n) for n in range(1, 100))
    decider = Decider(Setting("", "sequencer", "cluster", "sequencer"), 2, {})
    return decider.turn(records, rules=rules(), now=NOW, stamps=lambda: next(stamps), marks={})


def letters(turn: Turn) -> list[Entry]:
    return turn.publish.get(("dead.letters", 2), [])


def names(entry: Entry) -> dict[str, str]:
    return {name: (value or b"").decode(errors="replace") for name, value in entry.headers or ()}


REVENI = "events.reveni"
HOSTILE = {
    "no-json": (REVENI, b"{", "decode", "invalid", "not JSON"),
    "empty": (REVENI, b"", "decode", "invalid", "not JSON"),
    "not-utf8": (REVENI, b'{"id":"\xff"}', "decode", "invalid", "not JSON"),
    "nan": (REVENI, b'{"id":NaN}', "decode", "invalid", "not JSON"),
    "deep": (REVENI, b"[" * 100_000, "decode", "invalid", "not JSON"),
    "a-list": (REVENI, b"[1]", "decode", "invalid", "a list, not an object"),
    "null": (REVENI, b"null", "decode", "invalid", "a NoneType, not an object"),
    "other-type": (REVENI, event(RETURN, "return.deleted"), "validate", "invalid", "expected return.updated"),
    "no-data": (REVENI, event(None), "validate", "invalid", "data is missing"),
    "data-a-list": (REVENI, event([]), "validate", "invalid", "data is missing or not an object"),
    "no-return-id": (REVENI, event({**RETURN, "return_id": None}), "validate", "invalid", "data.return_id"),
    "return-id-true": (REVENI, event({**RETURN, "return_id": True}), "validate", "invalid", "data.return_id"),
    "return-id-too-long": (REVENI, event({**RETURN, "return_id": "x" * 201}), "validate", "invalid", "longer than 200"),
    "version-negative": (REVENI, event({**RETURN, "version": -1}), "validate", "invalid", "data.version"),
    "version-a-float": (REVENI, event({**RETURN, "version": 1.5}), "validate", "invalid", "data.version"),
    "version-true": (REVENI, event({**RETURN, "version": True}), "validate", "invalid", "data.version"),
    "version-huge": (REVENI, event({**RETURN, "version": 2**60}), "validate", "invalid", "data.version"),
    "no-time": (REVENI, event({**RETURN, "updated_at": None}), "validate", "invalid", "data.updated_at"),
    "time-without-zone": (
        REVENI,
        event({**RETURN, "updated_at": "2026-11-27T09:29:58"}),
        "validate",
        "invalid",
        "no time zone",
    ),
    "other-order": (REVENI, event({**RETURN, "order_id": "9999"}), "validate", "invalid", "about order '9999'"),
    "inspection-without-lines": (
        "events.warehouse",
        inspection({**INSPECTION, "lines": None}),
        "validate",
        "invalid",
        "data.lines",
    ),
    "inspection-lines-of-text": (
        "events.warehouse",
        inspection({**INSPECTION, "lines": ["l1"]}),
        "validate",
        "invalid",
        "data.lines",
    ),
    "inspection-no-time": ("events.warehouse", inspection(INSPECTION, None), "validate", "invalid", "recorded_at"),
    "inspection-on-the-wrong-topic": (REVENI, inspection(INSPECTION), "validate", "invalid", "expected return.updated"),
    "decision-of-nobody": ("events.decisions", decision(by=""), "validate", "invalid", "who took it"),
    "decision-without-reason": ("events.decisions", decision(reason=None), "validate", "invalid", "why (reason)"),
    "decision-unknown": (
        "events.decisions",
        decision(decision={"kind": "explode"}),
        "validate",
        "invalid",
        "is none of",
    ),
    "outcome-rubbish": ("erp.outcomes", b'{"command_id":"c1"}', "decode", "bug", "not an outcome"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_becomes_one_dead_letter_with_its_bytes(name: str) -> None:
    """One letter, at the right stage, saying what is wrong; key, value, timestamp and headers as they were."""
    topic, value, stage, kind, says = HOSTILE[name]
    given = Given(topic, value)
    turn = play(given)
    [letter] = letters(turn)
    found = names(letter)
    assert (found["dlq.stage"], found["dlq.error.kind"], found["dlq.disposition"]) == (stage, kind, "poison")
    assert says in found["dlq.error.message"]
    assert found["dlq.owner"] == "engineering"
    assert (letter.key, letter.value, letter.timestamp_ms) == (given.key, given.value, given.timestamp)
    assert set(HEADER_NAMES) <= set(found)
    assert (found["event-id"], found["dlq.source.topic"], found["dlq.source.offset"]) == ("e1", topic, "7")
    assert turn.rows == {}
    assert turn.counts.poison == 1


def test_no_value_and_no_key_are_told_apart() -> None:
    """A null value says so; a null key says so only when the body could be read."""
    assert "no value" in names(letters(play(Given(REVENI, None)))[0])["dlq.error.message"]
    for record in (
        Given(REVENI, None),
        Given(REVENI, event(RETURN), key=None),
        Given(REVENI, event(RETURN), key=b"\xff"),
    ):
        assert names(letters(play(record))[0])["dlq.stage"] == "decode"
    assert "no order key" in names(letters(play(Given(REVENI, event(RETURN), key=None)))[0])["dlq.error.message"]
    assert "not JSON" in names(letters(play(Given(REVENI, b"{", key=None)))[0])["dlq.error.message"]
    assert "not UTF-8" in names(letters(play(Given(REVENI, event(RETURN), key=b"\xff")))[0])["dlq.error.message"]


def test_e03_poison_does_not_hold_up_the_next_order() -> None:
    """Good records around a poisoned one are taken in the same turn."""
    good = event(RETURN)
    other = event({**RETURN, "order_id": "5002"})
    turn = play(Given(REVENI, good), Given(REVENI, b"{", offset=8), Given(REVENI, other, key=b"5002", offset=9))
    assert set(turn.rows) == {b"5001", b"5002"}
    assert len(letters(turn)) == 1
    assert (turn.counts.taken, turn.counts.changed, turn.counts.poison) == (3, 2, 1)


def test_unknown_fields_and_words_are_no_fault() -> None:
    """An unknown state, mode or field is kept and carried."""
    turn = play(Given(REVENI, event({**RETURN, "state": "teleported", "colour": {"deep": [1]}})))
    assert letters(turn) == []
    assert b"teleported" in turn.rows[b"5001"]
    assert b"colour" in turn.rows[b"5001"]


def test_a_repeat_is_counted_and_changes_nothing() -> None:
    """I7, I9: the same snapshot again is a duplicate, not a change."""
    turn = play(Given(REVENI, event(RETURN)), Given(REVENI, event(RETURN), offset=8))
    assert (turn.counts.changed, turn.counts.duplicates) == (1, 1)


def test_of_an_order_that_cannot_be_decided_every_record_of_the_batch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """I10: an older state beside the newer one repeats a row that is then not written: it is buried too."""

    def fails(*_: Any) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("agents.sequencer.turn.decide", fails)
    newer, older = event({**RETURN, "version": 2, "state": "shipped"}), event(RETURN)
    turn = play(Given(REVENI, newer), Given(REVENI, older, offset=8))
    assert {(entry.value, names(entry)["dlq.error.kind"]) for entry in letters(turn)} == {
        (newer, "bug"),
        (older, "bug"),
    }
    assert (turn.counts.taken, turn.counts.bug, turn.counts.changed, turn.counts.duplicates) == (2, 2, 0, 0)
    assert turn.rows == {}
