"""Whatever a record holds: it is in its order's row, or a repeat, or a dead letter; its neighbours go on (I9)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sequencer.outbox import Setting
from agents.sequencer.result import Turn
from agents.sequencer.turn import Decider
from streams.commands import Failure
from streams.rowcodec import decode, encode
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import inspection, inspection_event, refund, replacement, return_event, return_of, tee
from tests.unit.erp import START, Erp, rules
from tests.unit.spoiling import JSON, NASTY, paths, replaced, spoilt
from tests.unit.test_hostile_records import Given, decision, names
from tests.unit.told import snapshot

RULES = rules()

RETURN = return_event(
    return_of(
        "5001",
        "r1",
        2,
        type="mixed",
        mode="standard",
        state="partly_accepted",
        lines=[
            tee(quantity=2, accepted_quantity=1, rejected_quantity=1, verdict="accepted", disposition="sellable"),
            tee("l2", order_line_id="ol2", sku="HAT-1", unit_price="10.00", tax_amount="1.67", request="exchange",
                verdict="accepted", restock=False, location="WH-LON", component_sku="HAT-1"),
        ],
        replacements=[replacement("HAT-2", "l2", unit_price="10.00")],
        fees=[{"kind": "logistics", "amount": "2.95"}],
        bonuses=[{"kind": "bonus", "amount": "1.00"}],
        refunds=[refund("rf1", "38.05"), refund("rf2", "5.00", "pending", kind="goodwill")],
        shipping_refund="1.00",
    ),
    "e1",
)  # fmt: skip
INSPECTION = inspection_event(
    inspection("5001", "r1", (("l1", "TEE-RED-M", 1, "sellable"), ("l1", "TEE-RED-M", 1, "damaged"))), "e2"
)
DECISION = orjson.loads(decision())


def history() -> tuple[Erp, list[dict[str, Any]]]:
    """An order on its way, and the outcomes that could come next: an answer, a document, a refusal."""
    erp = Erp()
    erp.row.absorb(snapshot(refunds=[refund("rf1", "40.00")]))
    asked = erp.decide()
    answer = erp.carry_out(asked[0])
    other = Erp()
    other.silent = {DocumentKind.RETURN_AUTHORISATION}
    other.row.absorb(snapshot(refunds=[refund("rf1", "40.00")]))
    other.settle()
    authorisation = next(i.command for i in other.row.issued.values() if not other.row.is_settled(i))
    done = other.carry_out(authorisation)
    other.refuse = {DocumentKind.RETURN_AUTHORISATION: Failure(ErrorKind.REFUSED, "no", owner=None)}
    refused = other.carry_out(authorisation)
    return other, [orjson.loads(outcome.encode()) for outcome in (answer, done, refused)]


ORDER, OUTCOMES = history()
STORED = encode(ORDER.row)
TOPICS: dict[str, list[tuple[str, Any]]] = {
    "snapshot": [("events.reveni", RETURN)],
    "inspection": [("events.warehouse", INSPECTION)],
    "decision": [("events.decisions", DECISION)],
    "outcome": [("erp.outcomes", outcome) for outcome in OUTCOMES],
}
EVENTS = [pair for pairs in TOPICS.values() for pair in pairs]


def neighbour(order_id: str) -> bytes:
    return orjson.dumps(return_event(return_of(order_id, f"r-{order_id}"), "e9"))


def play(record: Given, stored: dict[bytes, bytes] | None = None) -> Turn:
    """One turn with the record between two good ones of other orders."""
    stamps = iter((9, number) for number in range(1, 100))
    decider = Decider(
        Setting("", "sequencer", "cluster", "sequencer"), 2, {b"5001": STORED} if stored is None else stored
    )
    before = Given("events.reveni", neighbour("6001"), key=b"6001", offset=6)
    after = Given("events.reveni", neighbour("6002"), key=b"6002", offset=8)
    return decider.turn([before, record, after], rules=RULES, now=START, stamps=lambda: next(stamps), marks={})


def fate(turn: Turn) -> Counter[str]:
    """What became of the record in the middle: the neighbours are taken, always."""
    assert {b"6001", b"6002"} <= turn.rows.keys(), "a good record beside it was lost"
    counts = turn.counts
    found = Counter(
        fact=counts.changed - 2, repeat=counts.duplicates, bug=counts.bug, poison=counts.poison, parked=counts.parked
    )
    assert counts.taken == 3
    assert found.total() == 1, found
    return +found


def letters(turn: Turn) -> list[dict[str, str]]:
    """Letters about the record in the middle."""
    found = [names(entry) for entry in turn.publish.get(("dead.letters", 2), [])]
    return [letter for letter in found if not letter["dlq.stage"].startswith("effect:")]


def accounted(turn: Turn) -> str:
    """One fate, and a letter exactly when it is not taken; what is written can be read again."""
    (fate_,) = fate(turn)
    about = letters(turn)
    assert len(about) == (fate_ not in ("fact", "repeat")), (fate_, about)
    for letter in about:
        assert letter["dlq.source.offset"] == "7"
    assert (fate_ == "fact") == (b"5001" in turn.rows)
    for value in turn.rows.values():
        assert encode(decode(value)) == value
    return fate_


@settings(max_examples=150)
@given(st.sampled_from(EVENTS).flatmap(lambda pair: st.tuples(st.just(pair[0]), spoilt(pair[1]))))
def test_an_event_with_any_fields_spoilt_has_one_fate(made: tuple[str, Any]) -> None:
    """A fact, a repeat or a letter; never an exception, and never a fault of ours."""
    topic, event = made
    assert accounted(play(Given(topic, orjson.dumps(event)))) != "bug"


@settings(max_examples=100)
@given(st.sampled_from(EVENTS).flatmap(lambda pair: st.tuples(st.just(pair[0]), spoilt(pair[1]))))
def test_it_has_one_fate_as_the_first_that_is_heard_of_an_order_too(made: tuple[str, Any]) -> None:
    """There is no row yet."""
    topic, event = made
    assert accounted(play(Given(topic, orjson.dumps(event)), {})) != "bug"


@pytest.mark.parametrize("name", TOPICS)
def test_each_field_with_each_nasty_value_has_one_fate(name: str) -> None:
    """All of them, one after the other."""
    for topic, event in TOPICS[name]:
        for path in paths(event):
            for value in NASTY:
                fate_ = accounted(play(Given(topic, orjson.dumps(replaced(event, path, value)))))
                assert fate_ != "bug", (path, value)


HEADER_NAMES = ("received-at", "part-of", "part", "parts", "replay.of", "replay.count", "dlq.id", "x")
HEADER_VALUES = st.none() | st.binary(max_size=12) | st.sampled_from((b"1", b"2", b"2026-11-27T09:00:00Z"))
TIMESTAMPS = (-1, 0, -(2**63), 2**63 - 1, 1_795_000_000_000, 1_795_000_000_000_000)


@settings(max_examples=100)
@given(
    st.sampled_from(sorted({topic for topic, _ in EVENTS})),
    st.none() | st.binary(max_size=60) | JSON.map(orjson.dumps) | st.just(orjson.dumps(RETURN)),
    st.none() | st.binary(max_size=12) | st.just(b"5001"),
    st.lists(st.tuples(st.sampled_from(HEADER_NAMES), HEADER_VALUES)),
    st.sampled_from(TIMESTAMPS) | st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_has_one_fate(
    topic: str, value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]], timestamp: int
) -> None:
    """Any value, key, headers and timestamp."""
    record = Given(topic, value, key=key, timestamp=timestamp, headers=headers)
    turn = play(record)
    counts = turn.counts
    assert {b"6001", b"6002"} <= turn.rows.keys()
    assert counts.taken == 3
    rest = counts.duplicates + counts.poison + counts.parked + counts.parts + counts.bug
    assert counts.changed - 2 + rest == 1
    assert len(letters(turn)) == counts.poison + counts.parked + counts.parts + counts.bug
    assert counts.bug == 0
