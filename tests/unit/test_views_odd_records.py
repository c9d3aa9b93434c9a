"""Records that nobody should have written: the lists show what they can, and break for nobody."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from adapters.acts.audit import Actor
from adapters.acts.replaying import NotReplayable, replay_of
from adapters.cli.dlq import letter_json, letter_text
from adapters.views.deadletters import DeadLetter, collect
from adapters.views.lists import exceptions
from adapters.views.reading import join_value, readable_row
from adapters.views.search import orders_with
from adapters.views.timeline import event, millis
from streams.row import Row
from streams.rowcodec import encode
from streams.topics import Topology

ACTOR = Actor("eng-01", "looked at")


def record(value: bytes | None, *headers: tuple[str, bytes | None], offset: int = 0, timestamp: int = 5) -> Any:
    return SimpleNamespace(
        topic="dead.letters", partition=0, offset=offset, timestamp=timestamp, key=b"5001", value=value, headers=headers
    )


def letter(value: bytes | None, *headers: tuple[str, bytes | None], **more: Any) -> DeadLetter:
    [found] = collect([record(value, *headers, **more)], []).values()
    return found


SOURCE = (
    ("dlq.id", b"a"),
    ("dlq.stage", b"decode"),
    ("dlq.source.topic", b"events.reveni"),
    ("dlq.source.partition", b"2"),
    ("dlq.source.offset", b"7"),
    ("dlq.error.message", b"the body is not JSON"),
)


def test_headers_without_a_value_are_listed_shown_and_replayed() -> None:
    """They are empty in lists, and sent again as they were."""
    one = letter(b"{", ("source", None), ("received-at", None), *SOURCE, ("dlq.owner", None), ("dlq.replays", None))
    [entry] = exceptions([], [one])
    assert (entry["dlq_id"], entry["owner"], entry["replays"]) == ("a", "", 0)
    shown = letter_json(one)
    assert shown["original_headers"] == [["source", ""], ["received-at", ""]]
    assert "  source: " in letter_text(one)
    again = replay_of(one, ACTOR, Topology())
    assert again.headers[:2] == (("source", None), ("received-at", None))


def test_a_letter_of_nobodys_making_is_listed_by_its_place() -> None:
    """No header at all, or an id without a value."""
    assert list(collect([record(None), record(None, ("dlq.id", None), offset=1)], [])) == ["unnamed:0:0", "unnamed:0:1"]


@pytest.mark.parametrize("value", [b"[" * 300 + b"]" * 300, b"\xff", b"{"])
def test_a_value_that_cannot_be_shown_as_json_is_shown_in_hex(value: bytes) -> None:
    """Also one that is JSON and too deep to be written again."""
    shown = letter_json(letter(value, *SOURCE))
    assert bytes.fromhex(shown["value_hex"]) == value
    orjson.dumps(shown)
    assert any(value[:8].hex(" ") in line for line in letter_text(letter(value, *SOURCE)))


def test_a_letter_whose_record_is_elsewhere_says_where_and_is_never_sent_without_it() -> None:
    """A replay has to read the record first."""
    pointers = (("dlq.value", b"at-source"), ("dlq.value.bytes", b"1048200"), ("dlq.value.sha256", b"00"))
    one = letter(None, *SOURCE, *pointers)
    assert one.is_at_source
    assert "  1048200 bytes, too large for a letter: they are at events.reveni-2@7" in letter_text(one)
    with pytest.raises(NotReplayable, match=r"events\.reveni-2@7"):
        replay_of(one, ACTOR, Topology())
    assert not letter(None, *SOURCE).is_at_source
    assert "  (none)" in letter_text(letter(None, *SOURCE))


def part(number: int, total: int, *, replays: bytes = b"0") -> tuple[tuple[str, bytes | None], ...]:
    of = (("part-of", b"abc"), ("part", b"%d" % number), ("parts", b"%d" % total))
    return (*of, *SOURCE, ("dlq.replays", replays), ("dlq.first-failed-at", b"t%d" % number))


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_the_parts_of_a_body_are_one_letter_that_its_first_stands_for(order: tuple[int, ...]) -> None:
    """Whichever comes first in the topic; it says how many there are."""
    [one] = collect([record(b"%d" % n, *part(n, 3), offset=n) for n in order], []).values()
    assert (one.value, one.first_failed_at, one.is_part) == (b"1", "t1", True)
    assert "  the message was stored in 3 parts; the bytes below are those of the first" in letter_text(one)
    with pytest.raises(NotReplayable, match="bigger than a record may be"):
        replay_of(one, ACTOR, Topology())


@pytest.mark.parametrize("timestamp", [-1, 0, 1_795_000_000_000_000, 2**63 - 1, -(2**63)])
def test_a_timestamp_that_cannot_be_is_no_time(timestamp: int) -> None:
    """Neither 1969 nor an error."""
    assert millis(timestamp) == ""
    assert letter_json(letter(b"{", *SOURCE, timestamp=timestamp))["timestamp"] is None
    assert f"Key 5001, timestamp {timestamp}" in letter_text(letter(b"{", *SOURCE, timestamp=timestamp))
    assert event("events.reveni", record(b"{", timestamp=timestamp))["at"] == ""


@pytest.mark.parametrize("received", [None, b"", b"yesterday", b"1969-12-31T00:00:00Z", b"2026-11-27T10:00:00"])
def test_when_an_event_was_received_falls_back_to_its_record(received: bytes | None) -> None:
    found = event("events.reveni", record(None, ("received-at", received), timestamp=1_795_772_400_000))
    assert (found["at"], found["event_id"], found["what"]) == ("2026-11-27T09:40:00.000Z", None, "unreadable: no value")


def test_when_an_event_was_received_is_what_the_gateway_said() -> None:
    said = (("received-at", b"2026-11-27T10:00:00Z"), ("event-id", b"e1"), ("replay.of", b"a"))
    found = event("events.reveni", record(b"{", *said))
    assert (found["at"], found["event_id"], found["replay_of"]) == ("2026-11-27T10:00:00Z", "e1", "a")


def test_a_row_that_cannot_be_read_is_an_order_that_stands_still() -> None:
    """In every list; the other orders are shown."""
    broken = encode(Row("5001")).replace(b'"returns":{}', b'"returns":[1]')
    row = readable_row(b"5001", broken)
    assert row.quarantined.startswith("its row is unreadable: ")
    [entry] = exceptions([row], [])
    assert (entry["order_id"], entry["kind"], entry["owner"]) == ("5001", "bug", "engineering")
    assert [found.order_key for found in orders_with({b"5001": broken, b"5002": encode(Row("5002"))}, "5002")] == [
        "5002"
    ]


@pytest.mark.parametrize("value", [b"", b"{}", b'{"format":1,"key":', b'{"format":9,"key":"5001"}'])
def test_a_changelog_record_that_cannot_be_joined_is_an_order_that_stands_still(value: bytes) -> None:
    values: dict[bytes, bytes] = {b"5002": encode(Row("5002"))}
    join_value(values, record(value))
    assert readable_row(b"5001", values[b"5001"]).quarantined.startswith("its changelog record is unreadable")
    assert readable_row(b"5002", values[b"5002"]).quarantined == ""
