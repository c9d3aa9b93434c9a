"""A fault about one record or one order ends there: its letter says what, and the partition goes on (E01, E03, I9)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson
import pytest
import structlog

from agents.gate.dead_ratio import DeadRatio
from agents.log import Entry
from agents.sequencer import outbox, turn
from agents.sequencer.outbox import Setting
from agents.sequencer.result import Turn
from agents.sequencer.turn import Decider
from streams.decide import note_fault
from streams.letters import HEADER_NAMES, MAX_LETTER_BYTES, Contents
from streams.parts import split
from streams.row import MAX_ROW_BYTES, Row
from streams.rowcodec import decode, encode
from streams.topics import MAX_MESSAGE_BYTES
from tests.scenarios.messages import return_event, return_of
from tests.unit.erp import START, rules
from tests.unit.test_hostile_records import Given, decision, letters, names

RULES = rules()
REVENI = "events.reveni"


def snapshot(version: int = 1, order: str = "5001", **changes: Any) -> bytes:
    return orjson.dumps(return_event(return_of(order, f"r-{order}", version, **changes), "e"))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is logged about faults on purpose is not printed."""
    with structlog.testing.capture_logs():
        yield


class Bench:
    """A decider over stored rows; what a turn wrote is stored, as the actor would."""

    def __init__(self, **stored: bytes) -> None:
        self.stored = {name.encode(): value for name, value in stored.items()}
        self.decider = Decider(Setting("", "sequencer", "cluster", "sequencer"), 2, self.stored)
        self._sequence = 0

    def turn(self, *records: Given, woken: Iterable[bytes] = (), now: datetime = START) -> Turn:
        def stamp() -> tuple[int, int]:
            self._sequence += 1
            return (1, self._sequence)

        made = self.decider.turn(records, woken=woken, rules=RULES, now=now, stamps=stamp, marks={})
        self.stored.update(made.rows)
        return made

    def row(self, order: str = "5001") -> Row:
        return decode(self.stored[order.encode()])


def fails(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("on purpose")


def deep(depth: int) -> bytes:
    data = orjson.dumps(return_of("5001", "r1"))[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"
    return b'{"id":"e1","type":"return.updated","data":' + data + b"}"


@pytest.mark.parametrize("depth", [100, 249, 600, 1_020])
def test_a_body_nested_too_deep_is_a_letter_of_its_order_and_the_next_is_taken(depth: int) -> None:
    """It is JSON, and what would be kept of it could not be written."""
    made = Bench().turn(Given(REVENI, deep(depth)), Given(REVENI, snapshot(order="5002"), key=b"5002", offset=8))
    [letter] = letters(made)
    found = names(letter)
    assert (letter.key, letter.value) == (b"5001", deep(depth))
    assert (found["dlq.stage"], found["dlq.error.kind"]) == ("decode", "invalid")
    assert found["dlq.error.message"] == "the body is nested more than 100 levels deep"
    assert set(made.rows) == {b"5002"}


def test_a_body_as_deep_as_may_be_is_taken() -> None:
    """Two levels are the event's own."""
    made = Bench().turn(Given(REVENI, deep(98)))
    assert letters(made) == []
    assert set(made.rows) == {b"5001"}


@pytest.mark.parametrize("where", ["streams.facts", "streams.row"])
def test_what_fails_on_one_record_leaves_the_other_records_of_its_order(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Read or absorbed half: the facts before it and after it are in the row, it is not."""
    real = Row.absorb

    def absorb(row: Row, fact: Any, received: str) -> bool:
        changed = real(row, fact, received)
        if fact.version[0] == 2:
            raise ZeroDivisionError("on purpose")
        return changed

    bench = Bench()
    if where == "streams.row":
        monkeypatch.setattr(Row, "absorb", absorb)
    else:
        reader = bench.decider._readers[REVENI]

        def read(value: bytes) -> Any:
            fact = reader(value)
            return fails() if fact.version[0] == 2 else fact  # type: ignore[union-attr]

        bench.decider._readers[REVENI] = read
    versions = (snapshot(1), snapshot(2, state="shipped"), snapshot(3, state="received"), snapshot(1))
    made = bench.turn(*(Given(REVENI, value, offset=7 + n) for n, value in enumerate(versions)))
    [letter] = letters(made)
    found = names(letter)
    assert (letter.value, found["dlq.source.offset"], found["dlq.error.kind"]) == (versions[1], "8", "bug")
    assert (found["dlq.stage"], found["dlq.error.type"]) == ("sequence", "ZeroDivisionError")
    assert "ZeroDivisionError: on purpose" in found["dlq.error.message"]
    assert "Traceback" in found["dlq.error.stack"]
    assert sorted(bench.row().returns["r-5001"].hashes) == [1, 3]
    counts = made.counts
    assert (counts.taken, counts.changed, counts.duplicates, counts.bug) == (4, 2, 1, 1)


def test_of_a_record_that_fails_first_the_later_ones_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no row yet, and nothing of the order was touched before."""
    real = Row.absorb

    def absorb(row: Row, fact: Any, received: str) -> bool:
        return real(row, fact, received) and (fails() if fact.version[0] == 1 else True)

    monkeypatch.setattr(Row, "absorb", absorb)
    bench = Bench()
    made = bench.turn(Given(REVENI, snapshot(1)), Given(REVENI, snapshot(2), offset=8))
    assert [names(letter)["dlq.source.offset"] for letter in letters(made)] == ["7"]
    assert sorted(bench.row().returns["r-5001"].hashes) == [2]


@pytest.mark.parametrize("place", ["decide", "encode"])
def test_what_fails_on_one_order_leaves_the_others(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Deciding or encoding it: each of its records has a letter, its row stays as it was, the next order goes on."""
    real = getattr(turn, place)
    bench = Bench()
    bench.turn(Given(REVENI, snapshot(1), offset=1))
    before = bench.stored[b"5001"]

    def sometimes(row: Row, *more: Any) -> Any:
        return fails() if row.order_key == "5001" else real(row, *more)

    monkeypatch.setattr(turn, place, sometimes)
    made = bench.turn(
        Given(REVENI, snapshot(2)), Given(REVENI, snapshot(1), offset=8), Given(REVENI, snapshot(1, "5002"), b"5002")
    )
    assert [(names(letter)["dlq.source.offset"], names(letter)["dlq.error.kind"]) for letter in letters(made)] == [
        ("7", "bug"),
        ("8", "bug"),
    ]
    assert set(made.rows) == {b"5002"}
    assert bench.stored[b"5001"] == before
    assert (made.counts.bug, made.counts.changed, made.counts.duplicates) == (2, 1, 0)
    assert made.failed == {b"5001"}


def test_an_order_whose_outbox_fails_publishes_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter of its own that cannot be made is a fault of that order; no half of its outbox goes out."""
    bench = Bench()
    bench.turn(Given(REVENI, snapshot(1, currency="???"), offset=1))  # an order with an exception
    monkeypatch.setattr(outbox, "letter_headers", fails)
    made = bench.turn(
        Given(REVENI, snapshot(2, currency="!!!")), Given(REVENI, snapshot(1, "5002"), key=b"5002", offset=8)
    )
    assert [names(letter)["dlq.error.kind"] for letter in letters(made)] == ["bug"]
    assert set(made.rows) == {b"5002"}
    commands = [
        entry.key for (topic, _), entries in made.publish.items() if topic.startswith("erp.") for entry in entries
    ]
    assert set(commands) == {b"5002"}


# -- an order that fails when it is woken


def test_an_order_that_fails_when_it_is_woken_says_so_once_and_closes_it_when_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No record came that a letter could be about: the row keeps it, as an exception for engineering."""
    bench = Bench()
    bench.turn(Given(REVENI, snapshot(1), offset=1))
    with monkeypatch.context() as patch:
        patch.setattr(turn, "decide", fails)
        first, second = bench.turn(woken=[b"5001"]), bench.turn(woken=[b"5001"])
    [letter] = letters(first)
    found = names(letter)
    assert (found["dlq.error.kind"], found["dlq.owner"], found["dlq.stage"]) == ("bug", "engineering", "effect:order")
    assert found["dlq.error.message"] == "Our own program fails on this order: ZeroDivisionError: on purpose"
    assert (first.counts.bug, first.failed) == (1, {b"5001"})
    assert (second.counts.bug, second.rows, second.publish, second.failed) == (0, {}, {}, {b"5001"})
    mended = bench.turn(woken=[b"5001"])
    [closing] = [orjson.loads(entry.value or b"") for entry in mended.publish["dead.resolutions", 0]]
    assert (closing["dlq_id"], closing["replays"], closing["order_id"]) == (found["dlq.id"], 0, "5001")
    assert bench.row().open_letters() == []


def test_a_fault_that_comes_back_opens_its_letter_again() -> None:
    """With another number of replays; another fault says what it is now."""
    row = Row("5001")
    assert note_fault(row, "one", START, (1, 1))
    assert not note_fault(row, "one", START, (1, 2))
    assert note_fault(row, "two", START, (1, 3))
    [letter] = row.open_letters()
    assert (letter.content["reason"], letter.replays, row.stamp, row.previous) == ("two", 0, (1, 3), (1, 1))
    letter.open = False
    assert note_fault(row, "two", START, (1, 4))
    assert [one.replays for one in row.open_letters()] == [1]


# -- rows that cannot be read


def test_an_order_whose_row_cannot_be_read_stands_still_and_is_not_written_over() -> None:
    """Its head is sound, as recovery looks at no more; its records are parked and the next order goes on."""
    sound = encode(Row("5001"))
    broken = sound.replace(b'"returns":{}', b'"returns":[1]')
    assert broken != sound
    bench = Bench(**{"5001": broken})
    made = bench.turn(
        Given(REVENI, snapshot(1)), Given(REVENI, snapshot(1, "5002"), key=b"5002", offset=8), woken=[b"5001"]
    )
    [letter] = letters(made)
    found = names(letter)
    assert (found["dlq.disposition"], found["dlq.source.offset"]) == ("parked-overflow", "7")
    assert "order 5001 stands still: its row is unreadable" in found["dlq.error.message"]
    assert set(made.rows) == {b"5002"}
    assert bench.stored[b"5001"] == broken
    assert (made.counts.parked, made.counts.changed) == (1, 1)


def test_a_row_that_would_be_too_large_is_quarantined_and_the_next_order_goes_on() -> None:
    """What would have made it too large goes to the dead letters whole."""
    bench = Bench()
    bench.turn(Given(REVENI, snapshot(1), offset=1))
    large = snapshot(2, note="x" * MAX_ROW_BYTES)
    made = bench.turn(Given(REVENI, large), Given(REVENI, snapshot(1, "5002"), key=b"5002", offset=8))
    [letter] = letters(made)
    assert (letter.value, names(letter)["dlq.error.kind"]) == (large, "too-large")
    assert set(made.rows) == {b"5001", b"5002"}
    assert bench.row().quarantined.endswith(f"bytes, the limit is {MAX_ROW_BYTES}")
    assert sorted(bench.row().returns["r-5001"].hashes) == [1]
    again = bench.turn(Given(REVENI, snapshot(3)))
    assert (again.counts.parked, names(letters(again)[0])["dlq.disposition"]) == (1, "parked-overflow")


# -- letters that would be too large


def size_of(entry: Entry) -> int:
    return Contents(entry.key, entry.value, tuple(entry.headers or ())).size


def test_a_letter_too_large_for_a_record_points_to_its_source() -> None:
    """It has its headers and says what is missing, how long it is and how it can be told."""
    value = b"{" + b"x" * 1_048_199
    made = Bench().turn(Given(REVENI, value), Given(REVENI, snapshot(1, "5002"), key=b"5002", offset=8))
    [letter] = letters(made)
    found = names(letter)
    assert letter.value is None
    assert (letter.key, found["event-id"]) == (b"5001", "e1")
    assert (found["dlq.source.topic"], found["dlq.source.partition"], found["dlq.source.offset"]) == (REVENI, "2", "7")
    assert (found["dlq.value"], found["dlq.value.bytes"]) == ("at-source", "1048200")
    assert found["dlq.value.sha256"] == hashlib.sha256(value).hexdigest()
    assert set(HEADER_NAMES) <= set(found)
    assert set(made.rows) == {b"5002"}


def test_a_letter_that_fits_is_whole() -> None:
    """A part of a large webhook is the largest value that the gateway stores: it keeps its bytes."""
    value = b"x" * (900 * 1024)
    [letter] = letters(Bench().turn(Given(REVENI, value)))
    assert letter.value == value
    assert "dlq.value" not in names(letter)


@pytest.mark.parametrize(
    ("record", "lacks"),
    [
        (Given(REVENI, b"{", headers=[("x", b"y" * 1_048_000)]), {"dlq.value", "dlq.headers"}),
        (Given(REVENI, b"{", headers=[(f"h{n}", b"") for n in range(90_000)]), {"dlq.value", "dlq.headers"}),
        (Given(REVENI, b"{", key=b"k" * 1_048_000), {"dlq.value", "dlq.headers", "dlq.key"}),
        (Given(REVENI, b"{", headers=[("replay.of", b"r" * 600_000)]), set()),
    ],
    ids=["one header", "many headers", "key", "id"],
)
def test_headers_and_key_of_any_size_leave_a_letter_that_can_be_published(record: Given, lacks: set[str]) -> None:
    """What does not fit stays at its source, and the letter names it."""
    [letter] = letters(Bench().turn(record))
    found = names(letter)
    assert size_of(letter) <= MAX_LETTER_BYTES < MAX_MESSAGE_BYTES
    assert {name for name, value in found.items() if value == "at-source"} == lacks
    assert set(HEADER_NAMES) <= set(found)
    assert len(found["dlq.id"]) <= 200
    assert (letter.key is None) == ("dlq.key" in lacks)


def test_a_long_stack_and_code_are_cut() -> None:
    """The headers that we write are bounded, whatever was raised."""
    fields = dict(
        outbox.headers(
            letter_id="i" * 9_000,
            source=outbox.Source("t", 0, 1, 2),
            stage="sequence",
            disposition="poison",
            kind=outbox.ErrorKind.BUG,
            error_type="T" * 9_000,
            message="é" * 9_000,
            owner=outbox.Owner.ENGINEERING,
            first_failed_at="",
            failed_at="",
            app="a",
            code="c" * 9_000,
            stack="s" * 9_000,
        )
    )
    assert max(len(value) for value in fields.values()) <= 4_000


# -- bodies in parts


def in_parts(
    body: bytes, first: int, received: bytes = b"2026-11-27T09:00:00.000Z", key: bytes | None = None
) -> list[Given]:
    return [
        Given(REVENI, piece.value, key=key, offset=first + n, headers=[("received-at", received), *piece.headers])
        for n, piece in enumerate(split(body))
    ]


def test_two_bodies_of_eight_mebibytes_are_two_letters_and_no_poison() -> None:
    """Twenty records: each body counts once, as too large, and the stop for a bad deploy hears nothing of it."""
    one, two = b"1" * (8 << 20), b"2" * (8 << 20)
    records = [*in_parts(one, 0), *in_parts(two, 10)]
    assert len(records) == 20
    made = Bench().turn(*records)
    counts = made.counts
    assert (counts.taken, counts.parked, counts.parts, counts.poison, counts.bug) == (20, 2, 18, 0, 0)
    assert not DeadRatio().note(good=counts.taken - counts.parts, bug=counts.bug, poison=counts.poison)
    found = letters(made)
    ids = [names(letter)["dlq.id"] for letter in found]
    assert len(found) == 20  # every byte is kept
    assert (set(ids[:10]), set(ids[10:])) == ({ids[0]}, {ids[10]})
    assert ids[0] != ids[10]
    assert b"".join(letter.value or b"" for letter in found[:10]) == one
    assert {names(letter)["dlq.error.kind"] for letter in found} == {"too-large"}
    assert {names(letter)["dlq.stage"] for letter in found} == {"decode"}
    assert {names(letter)["dlq.error.message"] for letter in found} == {
        "the message is bigger than one record may be and was stored in 10 parts"
    }


def test_a_body_sent_again_is_a_letter_of_its_own_and_one_read_again_is_not() -> None:
    """The first may be closed by then."""
    body = b"1" * 1_000_000
    first, again = in_parts(body, 0), in_parts(body, 2, b"2026-11-27T10:00:00.000Z")
    ids = [names(letter)["dlq.id"] for letter in letters(Bench().turn(*first, *again))]
    assert ids == [ids[0]] * 2 + [ids[2]] * 2
    assert ids[0] != ids[2]
    assert [names(letter)["dlq.id"] for letter in letters(Bench().turn(*first))] == ids[:2]


@pytest.mark.parametrize(
    "headers",
    [
        [("part-of", None)],
        [("part-of", b"a"), ("part", None), ("parts", b"2")],
        [("part-of", b"a"), ("part", b"3"), ("parts", b"2")],
        [("part-of", b""), ("part", b"1"), ("parts", b"2")],
        [("part", b"1")],
    ],
)
def test_part_headers_that_make_no_sense_are_invalid(headers: list[tuple[str, bytes | None]]) -> None:
    """They are read as they are, with or without a value."""
    made = Bench().turn(Given(REVENI, snapshot(1), headers=headers))
    [letter] = letters(made)
    assert (names(letter)["dlq.stage"], names(letter)["dlq.error.kind"]) == ("decode", "invalid")
    assert made.counts.poison == 1


# -- times


SENT = int(START.timestamp() * 1000)


@pytest.mark.parametrize(
    ("timestamp", "headers", "first_seen"),
    [
        (SENT - 60_000, [("received-at", b"2026-11-27T09:58:00Z")], "2026-11-27T09:58:00.000Z"),
        (SENT - 60_000, [("received-at", b"2026-11-27T10:58:00+01:00")], "2026-11-27T09:58:00.000Z"),
        (SENT - 60_000, [("x", b"y"), ("received-at", b"2026-11-27T09:58:00Z")], "2026-11-27T09:58:00.000Z"),
        (SENT - 60_000, [("received-at", b"2026-11-28T10:00:00Z")], "2026-11-28T10:00:00.000Z"),
        (SENT - 60_000, [("received-at", b"2026-11-28T10:00:01Z")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", b"2000-01-01T00:00:00Z")], "2000-01-01T00:00:00.000Z"),
        (SENT - 60_000, [("received-at", b"1999-12-31T23:59:59Z")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", None)], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", b"yesterday")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", b"2026-11-27T09:58:00")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", b"1969-12-31T23:59:59Z")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", b"0001-01-01T00:00:00+14:00")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [("received-at", b"2027-11-27T09:58:00Z")], "2026-11-27T09:59:00.000Z"),
        (SENT - 60_000, [], "2026-11-27T09:59:00.000Z"),
        (-1, [], "2026-11-27T10:00:00.000Z"),
        (0, [], "2026-11-27T10:00:00.000Z"),
        (SENT * 1000, [], "2026-11-27T10:00:00.000Z"),
        (SENT * 1_000_000, [], "2026-11-27T10:00:00.000Z"),
        (2**63 - 1, [], "2026-11-27T10:00:00.000Z"),
        (-(2**63), [("received-at", None)], "2026-11-27T10:00:00.000Z"),
    ],
)
def test_when_an_order_was_first_seen_is_never_1969(
    timestamp: int, headers: list[tuple[str, bytes | None]], first_seen: str
) -> None:
    """The gateway's header, else the record's timestamp, else the time of reading."""
    bench = Bench()
    assert letters(bench.turn(Given(REVENI, snapshot(1), timestamp=timestamp, headers=headers))) == []
    assert bench.row().first_seen == first_seen


@pytest.mark.parametrize(
    ("timestamp", "dated"),
    [(-1, SENT), (SENT * 1000, SENT), (SENT + 3_600_001, SENT), (SENT + 3_600_000, SENT + 3_600_000), (5, 5)],
)
def test_a_letter_is_dated_so_that_a_broker_takes_it(timestamp: int, dated: int) -> None:
    """Its header names the timestamp that the record had."""
    [letter] = letters(Bench().turn(Given(REVENI, b"{", timestamp=timestamp)))
    assert letter.timestamp_ms == dated
    assert names(letter)["dlq.source.timestamp"] == str(timestamp)


# -- headers without a value


def test_headers_without_a_value_are_kept_as_they_are() -> None:
    """The letter's own headers are read where they have one."""
    headers: list[tuple[str, bytes | None]] = [
        ("source", None),
        ("replay.of", None),
        ("replay.count", None),
        ("x", b""),
    ]
    [letter] = letters(Bench().turn(Given(REVENI, b"{", headers=headers)))
    assert list(letter.headers or ())[:4] == headers
    assert names(letter)["dlq.replays"] == "0"
    assert len(names(letter)["dlq.id"]) == 32


def test_a_replay_that_fails_again_keeps_its_first_id_and_number() -> None:
    """Its record says which letter it is and how often it was sent again."""
    headers: list[tuple[str, bytes | None]] = [("replay.of", b"first"), ("replay.count", b"3"), ("dlq.id", b"forged")]
    [letter] = letters(Bench().turn(Given(REVENI, b"{", headers=headers)))
    assert (names(letter)["dlq.id"], names(letter)["dlq.replays"]) == ("first", "3")
    assert [name for name, _ in letter.headers or ()].count("dlq.id") == 1


# -- ids as numbers


@pytest.mark.parametrize("number", ["18446744073709551616", "123456789012345678901234567890", "5001.0", "1e3", "5001"])
def test_an_order_whose_id_is_a_number_is_taken_under_its_text(number: str) -> None:
    """The gateway made the key of the same text."""
    body = snapshot(1).replace(b'"order_id":"5001"', b'"order_id":' + number.encode())
    body = body.replace(b'"line_id":"l1"', b'"line_id":' + number.encode())
    made = Bench().turn(Given(REVENI, body, key=number.encode()))
    assert letters(made) == []
    row = decode(made.rows[number.encode()])
    data = row.returns["r-5001"].data()
    assert (data["order_id"], data["lines"][0]["line_id"]) == (number, number)


def test_an_id_as_a_number_and_as_text_are_one_content() -> None:
    """A sender that changes its mind sends a repeat."""
    number = snapshot(1).replace(b'"order_id":"5001"', b'"order_id":5001')
    made = Bench().turn(Given(REVENI, snapshot(1)), Given(REVENI, number, offset=8))
    assert (made.counts.changed, made.counts.duplicates) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"command_id": []},
        {"command_id": {"a": 1}},
        {"revision": "1"},
        {"revision": 1.5},
        {"revision": True},
        {"hash": ["x"]},
        {"to": {}},
        {"number": ["1"]},
        {"sku": False},
    ],
)
def test_a_decision_with_a_field_of_another_type_is_invalid(changes: dict[str, Any]) -> None:
    """It is refused when it is read, before anything could be decided by it."""
    about = {"kind": "retry", "command_id": "c1", **changes}
    [letter] = letters(Bench().turn(Given("events.decisions", decision(decision=about))))
    assert (names(letter)["dlq.stage"], names(letter)["dlq.error.kind"]) == ("validate", "invalid")
    assert f"decision.{next(iter(changes))}" in names(letter)["dlq.error.message"]


# -- what a turn says of what it publishes


def test_what_is_published_of_a_row_is_marked() -> None:
    """Commands alone, letters alone: each by its id as it stands, so that only that is known to be in its topic."""
    asked = Bench().turn(Given(REVENI, snapshot(1)))
    [(key, marks)] = asked.marks.items()
    commands = decode(asked.rows[b"5001"]).issued
    assert key == b"5001"
    assert marks.commands == {(cid, issued.command.revision) for cid, issued in commands.items()} != set()
    assert marks.letters == set()
    held = Bench().turn(Given(REVENI, snapshot(1, currency="???")))
    [marks] = held.marks.values()
    assert marks.commands == set()
    assert marks.letters == {(one.letter_id, 0, True) for one in decode(held.rows[b"5001"]).open_letters()} != set()


def test_a_row_that_publishes_nothing_has_no_marks() -> None:
    bench = Bench()
    bench.turn(Given(REVENI, snapshot(1)))
    row = bench.row()
    for entry in row.unpublished():
        entry.published = True
    bench.stored[b"5001"] = encode(row)
    assert bench.turn(woken=[b"5001"]).marks == {}
