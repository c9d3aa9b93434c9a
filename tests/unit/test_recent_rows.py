"""Rows that are kept between turns are a short cut and nothing else."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import orjson
from hypothesis import given

from agents.sequencer.outbox import Setting
from agents.sequencer.recent import RecentRows
from agents.sequencer.turn import Decider
from streams.decide import decide
from streams.facts import Fact
from streams.row import Row
from streams.rowcodec import decode, encode
from tests.scenarios.messages import return_event, return_of
from tests.unit.erp import START, rules
from tests.unit.histories import histories
from tests.unit.test_hostile_records import Given

RULES = rules()


def a_row(key: str, padding: int = 0) -> tuple[bytes, Row]:
    row = Row(key, rulings={"d": "x" * padding})
    return encode(row), row


@given(histories())
def test_a_kept_row_comes_to_what_the_one_read_from_its_bytes_comes_to(facts: list[Fact]) -> None:
    """Whatever is heard next, deciding about a row that was kept writes the same bytes."""
    kept = Row("5001")
    written = encode(kept)
    for number, fact in enumerate(facts, 1):
        read = decode(written)
        for row in (kept, read):
            row.absorb(deepcopy(fact))
            decide(row, RULES, START + timedelta(seconds=number), (1, number))
            row.previous, row.stamp = row.stamp, (1, number)
        written = encode(kept)
        assert written == encode(read)


def test_a_row_is_given_out_once_and_for_its_own_bytes_only() -> None:
    """Other bytes under the key, though equal, are read: they came from elsewhere. Who took a row may change it."""
    recent = RecentRows()
    value, row = a_row("5001")
    recent.keep(b"5001", value, row)
    assert recent.take(b"5001", value) is row
    assert recent.take(b"5001", value) is not row
    recent.keep(b"5001", value, row)
    assert recent.take(b"5001", bytes(bytearray(value))) is not row


def test_the_rows_decided_longest_ago_make_room() -> None:
    """No more is kept than there is room for, counted in bytes of the records; a row written again counts once."""
    rows = {key: a_row(key, padding=400) for key in ("1", "2", "3")}
    room = 2 * len(rows["1"][0])
    recent = RecentRows(room)
    for key in ("1", "2", "2", "3"):
        recent.keep(key.encode(), *rows[key])
    still = [key for key, (value, row) in rows.items() if recent.take(key.encode(), value) is row]
    assert still == ["2", "3"]


def test_a_decision_that_was_never_installed_is_not_built_upon() -> None:
    """What stands for a row is what is stored: a turn whose write never counted leaves no trace in the next one."""
    stamps = iter((1, number) for number in range(1, 100))
    stored: dict[bytes, bytes] = {}
    decider = Decider(Setting("", "sequencer", "cluster", "sequencer"), 2, stored)

    def heard(return_id: str) -> Row:
        value = orjson.dumps(return_event(return_of("5001", return_id, 1), "e"))
        records = [Given("events.reveni", value)]
        turn = decider.turn(records, rules=RULES, now=START, stamps=lambda: next(stamps), marks={})
        written.append(turn.rows[b"5001"])
        return decode(turn.rows[b"5001"])

    written: list[bytes] = []
    assert set(heard("r1").returns) == {"r1"}
    assert set(heard("r2").returns) == {"r2"}
    stored[b"5001"] = written[-1]
    assert set(heard("r3").returns) == {"r2", "r3"}
    assert set(heard("r4").returns) == {"r2", "r4"}
