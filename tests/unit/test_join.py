"""The row is a join: order of arrival and repeats do not matter (I6, I7, I11)."""

from __future__ import annotations

import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.facts import Fact, Snapshot, read_snapshot
from streams.row import Row
from streams.rowcodec import UnreadableRow, decode, encode, head_of, merge
from tests.scenarios.messages import return_event, return_of
from tests.unit.histories import histories, snapshots


def fold(facts: list[Fact]) -> Row:
    row = Row("5001")
    for fact in facts:
        row.absorb(fact, received(fact))
    return row


def received(fact: Fact) -> str:
    """When the gateway took it: once for each message, which has nothing to do with its version."""
    digest = zlib.crc32(repr(fact).encode())
    return f"2026-11-{1 + digest % 28:02d}T09:00:00.000Z"


def facts_of(row: Row) -> Any:
    """The facts half of a row, in a form that compares."""
    raw = orjson.loads(encode(decode(encode(row))))
    body = raw["row"]
    versions = body["versions"]

    def plain(value: Any) -> Any:
        return {name: [versions[pair[0]], pair[1]] for name, pair in value.items()}

    return {
        "returns": {
            key: {
                "fields": plain(entry["fields"]),
                "late": {line: plain(known) for line, known in entry["late"].items()},
                "refunds": {
                    refund: [plain(r[0]), *(None if i is None else versions[i] for i in r[1:])]
                    for refund, r in entry["refunds"].items()
                },
                "hashes": entry["hashes"],
                "earliest": versions[entry["earliest"]],
                "news": entry["news"],
            }
            for key, entry in body["returns"].items()
        },
        "inspections": plain(body["inspections"]),
        "outcomes": body["outcomes"],
        "decisions": body["decisions"],
    }


@given(histories(), st.randoms(use_true_random=False))
def test_i6_any_order_of_arrival_gives_the_same_row(facts: list[Fact], random: Any) -> None:
    """A history and a random permutation of it fold to the same facts."""
    shuffled = list(facts)
    random.shuffle(shuffled)
    assert facts_of(fold(shuffled)) == facts_of(fold(facts))


@given(histories(), st.randoms(use_true_random=False))
def test_i7_repeats_change_the_row_once(facts: list[Fact], random: Any) -> None:
    """Duplicates anywhere change nothing, and a repeat of what is known says so."""
    repeated = facts + [random.choice(facts) for _ in range(len(facts))]
    random.shuffle(repeated)
    assert facts_of(fold(repeated)) == facts_of(fold(facts))
    row = fold(facts)
    for fact in facts:
        assert not row.absorb(fact)
    assert facts_of(row) == facts_of(fold(facts))


@given(histories(), histories(), histories())
def test_join_is_a_semilattice(first: list[Fact], second: list[Fact], third: list[Fact]) -> None:
    """Commutative, associative and idempotent over reachable rows."""

    def joined(*parts: list[Fact] | Row) -> Row:
        row = Row("5001")
        for part in parts:
            row.join(decode(encode(part if isinstance(part, Row) else fold(part))))
        return row

    assert facts_of(joined(first, second)) == facts_of(joined(second, first))
    left = joined(joined(first, second), third)
    right = joined(first, joined(second, third))
    assert facts_of(left) == facts_of(right)
    assert facts_of(joined(first, first)) == facts_of(joined(first))
    assert facts_of(joined(first, second)) == facts_of(fold(first + second))


@given(histories())
def test_i11_a_row_survives_its_bytes(facts: list[Fact]) -> None:
    """Encoding and decoding keeps the whole row, and the head reads without the body."""
    row = fold(facts)
    row.stamp, row.previous = (7, 12), (7, 3)
    value = encode(row)
    assert encode(decode(value)) == value
    assert head_of(value).stamp == (7, 12)


@given(histories(), histories())
def test_i11_a_zombies_late_record_is_joined_not_followed(mine: list[Fact], theirs: list[Fact]) -> None:
    """A record that did not read what stands is joined with it, whichever comes last in the log."""
    base = fold([])
    base.stamp = (1, 1)
    owner, zombie = fold(mine), fold(theirs)
    owner.previous, owner.stamp = (1, 1), (2, 5)
    zombie.previous, zombie.stamp = (1, 1), (1, 9)
    first = merge(merge(encode(base), encode(owner)), encode(zombie))
    second = merge(merge(encode(base), encode(zombie)), encode(owner))
    assert facts_of(decode(first)) == facts_of(decode(second)) == facts_of(fold(mine + theirs))
    assert head_of(first).stamp == head_of(second).stamp == (2, 5)


@given(histories(), histories(), histories())
def test_i11_a_successor_that_has_not_read_a_zombies_record_does_not_displace_it(
    mine: list[Fact], theirs: list[Fact], more: list[Fact]
) -> None:
    """What an owner writes before it has read the zombie's row is joined with it, until a record holds both."""
    base = fold([])
    base.stamp = (1, 1)
    owner, zombie, later, whole = fold(mine), fold(theirs), fold(mine + more), fold(mine + theirs + more)
    owner.previous, owner.stamp = (1, 1), (2, 5)
    zombie.previous, zombie.stamp = (1, 1), (1, 9)
    later.previous, later.stamp = (2, 5), (2, 6)
    for written in ((owner, zombie, later), (zombie, owner, later), (owner, later, zombie)):
        value = encode(base)
        for row in written:
            value = merge(value, encode(row))
        assert facts_of(decode(value)) == facts_of(whole)
        assert head_of(value).stamp == (2, 6)
        assert head_of(value).joined == {1: 9}
    knows = decode(value)
    knows.previous, knows.stamp = (2, 6), (2, 7)
    assert merge(value, encode(knows)) == encode(knows)


def test_a_record_written_before_rows_said_what_they_hold_is_read() -> None:
    """A row of the release before has no `joined`: it holds nobody else's."""
    row = fold([])
    row.stamp, row.previous = (2, 5), (1, 1)
    older = encode(row).replace(b'"joined":[],', b"")
    assert older != encode(row)
    assert head_of(older) == head_of(encode(row))
    assert decode(older) == row


def test_a_record_written_before_returns_knew_their_own_news_is_read() -> None:
    """A row of the release before has no `news`: its returns are as old as their order."""
    row = fold([read_snapshot(orjson.dumps(return_event(return_of("5001", "r1"), "e")))])
    row.returns["r1"].news = {}
    older = encode(row).replace(b',"news":{}', b"")
    assert older != encode(row)
    assert decode(older) == row


def test_a_successor_simply_follows() -> None:
    """A record whose `previous` is the stamp that stands replaces it."""
    row = fold([])
    row.stamp = (1, 1)
    after = fold([])
    after.previous, after.stamp = (1, 1), (1, 2)
    value = encode(after)
    assert merge(encode(row), value) is value


def test_an_unreadable_record_is_refused_by_name() -> None:
    """Rubbish and a row of a later format are named, never taken for an empty row."""
    with pytest.raises(UnreadableRow):
        merge(None, b"rubbish")
    value = encode(Row("5001")).replace(b'"format":1', b'"format":9')
    with pytest.raises(UnreadableRow, match="format 9"):
        head_of(value)


@given(snapshots())
def test_paid_counts_until_a_newer_version_says_failed(facts: list[Fact]) -> None:
    """A refund seen paid is never withdrawn by pending or by absence, only by a newer failure."""
    register = fold(facts).returns["r1"]
    for refund_id, refund in register.refunds.items():
        states = [
            (fact.version, entry["state"])
            for fact in facts
            if isinstance(fact, Snapshot)
            for entry in fact.data.get("refunds", ())
            if entry["refund_id"] == refund_id
        ]
        newest_paid = max((version for version, state in states if state == "paid"), default=None)
        newest_failed = max((version for version, state in states if state == "failed"), default=None)
        if newest_failed is not None and (newest_paid is None or newest_failed > newest_paid):
            assert refund.state == "failed"
        elif newest_paid is not None:
            assert refund.state == "paid"


def test_an_older_snapshot_fills_only_what_was_never_set() -> None:
    """v3 without location, then v2 with one: v2's location counts, its state does not."""

    def version(number: int, **fields: Any) -> Snapshot:
        data = {"return_id": "r1", "order_id": "1", "version": number, "updated_at": f"2026-11-27T09:0{number}:00Z"}
        return read_snapshot(orjson.dumps({"type": "return.updated", "data": {**data, **fields}}))

    row = fold([version(3, state="accepted"), version(2, state="received", location="WH-LON")])
    assert row.returns["r1"].data()["state"] == "accepted"
    assert row.returns["r1"].data()["location"] == "WH-LON"


def test_a_paid_refund_left_out_of_a_newer_list_is_named() -> None:
    """Absence from a newer snapshot never withdraws a paid refund: it is reported."""
    refund = {"refund_id": "rf1", "state": "paid", "amount": "1.00", "currency": "GBP"}
    base = {"return_id": "r1", "order_id": "1", "updated_at": "2026-11-27T09:00:00Z"}
    first = read_snapshot(orjson.dumps({"type": "return.updated", "data": {**base, "version": 1, "refunds": [refund]}}))
    later = read_snapshot(orjson.dumps({"type": "return.updated", "data": {**base, "version": 2, "refunds": []}}))
    register = fold([later, first]).returns["r1"]
    assert register.refunds["rf1"].state == "paid"
    assert register.withdrawn_refunds() == ("rf1",)


def test_one_version_with_two_contents_is_noticed() -> None:
    """The higher (updated_at, hash) wins and the conflict is known."""
    base = {"return_id": "r1", "order_id": "1", "version": 1}
    first = read_snapshot(
        orjson.dumps({"type": "return.updated", "data": {**base, "updated_at": "2026-11-27T09:00:00Z", "state": "a"}})
    )
    second = read_snapshot(
        orjson.dumps({"type": "return.updated", "data": {**base, "updated_at": "2026-11-27T09:00:01Z", "state": "b"}})
    )
    register = fold([second, first]).returns["r1"]
    assert register.conflicts == (1,)
    assert register.data()["state"] == "b"
