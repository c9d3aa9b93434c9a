"""The table's entries: what is written is read, and two memories of one command are joined without loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dispatcher.entries import (
    NEVER,
    OWNER,
    Begun,
    Ended,
    Mark,
    Owned,
    Sent,
    Unreadable,
    decode,
    encode,
    merge,
)
from streams.commands import Attempt, Failure, Outcome
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.dispatcher_bench import command


def outcome(status: OutcomeStatus, *, revision: int = 1, at: str = "5", number: str = "") -> Outcome:
    failure = Failure(ErrorKind.CLOSED, "closed") if status is OutcomeStatus.REFUSED else None
    return Outcome(
        "id", revision, "hash", "erp", "5001", DocumentKind.CREDIT_NOTE, "rf1", status, at, number, failure=failure
    )


MARKS = st.one_of(st.just(NEVER), st.tuples(st.integers(1, 3), st.sampled_from("123456789")))
STAMPS = st.tuples(st.integers(1, 2), st.integers(1, 2))
REVISIONS = st.integers(1, 3)
SENT = st.builds(lambda revision, at: Sent(command(revision=revision, row_stamp=(0, 1)), at), st.integers(0, 1), MARKS)
FORMER = st.one_of(st.none(), SENT)
BEGUN = st.builds(
    lambda revision, stamp, written, sends, doubt, settled, times, former: Begun(
        command(revision=revision, row_stamp=stamp),
        written, sends, doubt, settled, tuple(Attempt(at, "create", "ok") for at in sorted(times)), former,
    ),
    REVISIONS, STAMPS, MARKS, st.integers(0, 2), MARKS, MARKS, st.text("123456789", max_size=3), FORMER,
)  # fmt: skip
ENDED = st.builds(
    lambda status, revision, at, number, stamp, written, look, doubt, settled, former: Ended(
        outcome(status, revision=revision, at=at, number=number), stamp, written, look, doubt, settled,
        None if status is OutcomeStatus.DONE else former,
    ),
    st.sampled_from([OutcomeStatus.DONE, OutcomeStatus.REFUSED, OutcomeStatus.WITHHELD]),
    REVISIONS, st.sampled_from("123456789"), st.sampled_from(["D1", "D2"]), STAMPS, MARKS, st.booleans(), MARKS, MARKS,
    FORMER,
)  # fmt: skip
VALUES = st.one_of(st.one_of(BEGUN, ENDED).map(encode), st.sampled_from([b"", b"{}", b"\xff"]))


@given(st.one_of(BEGUN, ENDED, st.builds(Owned, st.integers(1, 9), st.just("1"), st.integers(0, 9), st.booleans())))
def test_what_is_written_is_read(entry: Begun | Ended | Owned) -> None:
    """Through the changelog and back, nothing changes."""
    assert decode(encode(entry)) == entry


@given(VALUES, VALUES, VALUES)
def test_the_join_does_not_depend_on_order_or_repetition(one: bytes, two: bytes, three: bytes) -> None:
    """Commutative, associative, idempotent: what a late write brings is the same wherever it lands in the log."""
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(merge(one, two), two) == merge(one, two)


@given(VALUES, st.sampled_from("123456789"))
def test_done_stands(other: bytes, at: str) -> None:
    """Nothing brings a done command back to life, and the first document's number is the one told."""
    done = Ended(outcome(OutcomeStatus.DONE, at=at, number="D1"), (1, 1), (1, at))
    joined = decode(merge(encode(done), other))
    assert isinstance(joined, Ended) and joined.outcome.status is OutcomeStatus.DONE
    assert joined.outcome.at <= at


def _refused(mark: Mark, revision: int = 1) -> bytes:
    return encode(Ended(outcome(OutcomeStatus.REFUSED, revision=revision), (1, revision), mark, settled=mark))


def _sent(mark: Mark, revision: int = 1) -> bytes:
    return encode(Begun(command(revision=revision), mark, 1, doubt=mark))


def test_a_predecessors_late_end_does_not_hide_what_its_successor_sent() -> None:
    """Whether it ended the same revision or withheld a later one, by whatever clock: the send stays in doubt."""
    successor = _sent((2, "1"))
    for late in (_refused((1, "9")), _refused((1, "9"), revision=2)):
        joined = decode(merge(successor, late))
        assert isinstance(joined, Begun | Ended) and joined.in_doubt
        assert joined.doubt == (2, "1")


def test_an_end_settles_what_was_sent_before_it() -> None:
    """By the same owner or a later one; then a retry need not wait."""
    for sent in (_sent((1, "4")), _sent((2, "3"))):
        joined = decode(merge(sent, _refused((2, "5"))))
        assert isinstance(joined, Ended) and not joined.in_doubt


def test_of_two_records_of_one_try_the_one_that_knows_how_it_went_stands() -> None:
    """The record after a call has one attempt more than the one before it; as bytes, epoch 10 is less than epoch 8."""
    tries = tuple(Attempt(str(number), "create", "Throttled") for number in range(1, 4))
    former = Begun(command(), (8, "3"), 1, doubt=(8, "3"), settled=(8, "3"), attempts=tries[:2])
    before = Begun(command(), (10, "5"), 1, doubt=(10, "5"), attempts=tries[:2])
    after = Begun(command(), (10, "5"), 1, doubt=(10, "5"), settled=(10, "5"), attempts=tries)
    assert decode(merge(merge(encode(former), encode(before)), encode(after))) == after


def test_what_cannot_be_read_is_told_apart_from_what_is_absent() -> None:
    """No bytes make `decode` fail, and a readable record of the key is preferred."""
    assert isinstance(decode(b"\x00"), Unreadable)
    assert isinstance(decode(b'{"state":"begun"}'), Unreadable)
    assert decode(merge(b"\x00", _sent((1, "1")))) == decode(_sent((1, "1")))


_BEGUN = Begun(command(), (2, "3"), 1, (2, "3"), (1, "2"), (Attempt("4", "create", "ok"),))
_ENDED = Ended(outcome(OutcomeStatus.REFUSED), (1, 1), (2, "3"), True, (2, "3"), (1, "2"))
_OWNED = Owned(3, "4", 5, True)


@pytest.mark.parametrize(
    ("entry", "changes"),
    [
        (_BEGUN, {"sends": "1"}),
        (_BEGUN, {"sends": True}),
        (_BEGUN, {"written": "23"}),
        (_BEGUN, {"written": ["2", "3"]}),
        (_BEGUN, {"written": [2, 3]}),
        (_BEGUN, {"doubt": None}),
        (_BEGUN, {"settled": [1, 2, 3]}),
        (_BEGUN, {"attempts": [{"at": 4, "call": "create", "result": "ok"}]}),
        (_BEGUN, {"attempts": 7}),
        (_BEGUN, {"command": []}),
        (_BEGUN, {"command": {**command().as_json(), "revision": "1"}}),
        (_BEGUN, {"command": {**command().as_json(), "row_stamp": [1, "2"]}}),
        (_BEGUN, {"command": {**command().as_json(), "id": 7}}),
        (_BEGUN, {"command": {**command().as_json(), "order_key": 7}}),
        (_BEGUN, {"command": {**command().as_json(), "subject": 7}}),
        (_BEGUN, {"command": {**command().as_json(), "hash": 7}}),
        (_ENDED, {"row_stamp": [1, "1"]}),
        (_ENDED, {"row_stamp": ["1", 1]}),
        (_ENDED, {"row_stamp": [1]}),
        (_ENDED, {"look_first": 1}),
        (_ENDED, {"written": [2, None]}),
        (_ENDED, {"outcome": {**orjson.loads(outcome(OutcomeStatus.DONE).encode()), "revision": "1"}}),
        *((_ENDED, {"outcome": {**orjson.loads(outcome(OutcomeStatus.DONE).encode()), name: 7}}) for name in
          ("command_id", "hash", "order_key", "at", "number", "reason", "status", "kind")),
        (_OWNED, {"epoch": "3"}),
        (_OWNED, {"at": 4}),
        (_OWNED, {"generation": None}),
        (_OWNED, {"released": "yes"}),
        (_OWNED, {"state": "sold"}),
        (_OWNED, {"state": None}),
    ],
)  # fmt: skip
def test_a_mistyped_field_makes_an_entry_unreadable(entry: Begun | Ended | Owned, changes: dict[str, Any]) -> None:
    """Comparing it would raise: when the table is recovered, and so in every process that takes the account over."""
    good = encode(entry)
    bad = orjson.dumps({**orjson.loads(good), **changes})
    read = decode(bad)
    assert isinstance(read, Unreadable) and read.reason
    assert merge(good, bad) == merge(bad, good) == good


@given(st.sampled_from([_BEGUN, _ENDED, _OWNED]), st.data())
def test_any_value_in_any_field_of_an_entry_can_be_joined(entry: Begun | Ended | Owned, data: st.DataObject) -> None:
    """No record of the changelog keeps the table from being recovered."""
    raw = orjson.loads(encode(entry))
    value = data.draw(st.none() | st.integers(-9, 9) | st.text(max_size=3) | st.lists(st.integers(0, 3), max_size=2))
    odd = orjson.dumps({**raw, data.draw(st.sampled_from(sorted(raw))): value})
    for other in (encode(_BEGUN), encode(_ENDED), encode(_OWNED), odd, b"\xff"):
        assert merge(odd, other) == merge(other, odd)


def test_an_entry_that_is_nested_too_deeply_is_unreadable() -> None:
    """More levels than the reader takes."""
    assert isinstance(decode(b"[" * 2000 + b"]" * 2000), Unreadable)


def test_begun_beside_an_end_of_the_same_rank() -> None:
    """Of one owner's writes of one moment the end stands; a later `begun` stands over an older end."""
    same = encode(replace(_ENDED, written=_BEGUN.written, row_stamp=_BEGUN.command.row_stamp))
    assert isinstance(decode(merge(encode(_BEGUN), same)), Ended)
    later = encode(replace(_BEGUN, written=(2, "4"), doubt=(2, "4")))
    assert isinstance(decode(merge(later, same)), Begun)


def test_the_higher_command_stands_whatever_was_written_last() -> None:
    """Row stamp first, then revision, then who wrote last."""
    low = encode(Begun(command(revision=9, row_stamp=(1, 9)), (9, "9")))
    high = encode(Begun(command(revision=1, row_stamp=(2, 1)), (1, "1")))
    higher = encode(Begun(command(revision=2, row_stamp=(2, 1)), (1, "1")))
    late = encode(Begun(command(revision=2, row_stamp=(2, 1)), (1, "2")))
    assert merge(low, high) == high
    assert merge(high, higher) == higher
    assert merge(higher, late) == late


def test_the_owners_record_is_named_as_no_command_can_be() -> None:
    """Its key is in the changelogs of the releases before."""
    assert OWNER == "~owner"


def test_of_two_owners_the_higher_epoch_stands_and_released_says_more() -> None:
    """The release is the later word of an epoch."""
    first, second = encode(Owned(1, "9", 7, True)), encode(Owned(2, "1", 1))
    released = encode(Owned(2, "2", 1, True))
    assert merge(first, second) == second
    assert merge(second, released) == merge(released, second) == released


def test_doubt_is_over_once_it_is_settled() -> None:
    """Up to and including the mark; a later doubt is not."""
    for doubt, settled, open_ in (((1, "2"), (1, "2"), False), ((1, "3"), (1, "2"), True), ((2, "1"), (1, "9"), True)):
        assert Begun(command(), (1, "1"), 1, doubt, settled).in_doubt is open_
        assert Ended(outcome(OutcomeStatus.REFUSED), (1, 1), (1, "1"), False, doubt, settled).in_doubt is open_
    assert not Begun(command(), (1, "1")).in_doubt
    assert not Ended(outcome(OutcomeStatus.REFUSED), (1, 1), (1, "1")).look_first
    assert Owned(1, "1") == Owned(1, "1", -1, False)
    assert not Ended(outcome(OutcomeStatus.REFUSED), (1, 1), (1, "1")).in_doubt


def test_of_the_revisions_that_were_sent_the_latest_is_remembered() -> None:
    """Its document may still turn up, whoever writes what in which order; one that was never sent has none."""
    first = Begun(command(revision=1, row_stamp=(1, 1)), (1, "1"), 1, (1, "1"))
    second = Begun(command(revision=2, row_stamp=(1, 2)), (1, "2"))
    third = Ended(outcome(OutcomeStatus.REFUSED, revision=3), (1, 3), (1, "3"), doubt=(1, "1"))
    joined = decode(merge(merge(encode(first), encode(second)), encode(third)))
    assert isinstance(joined, Ended)
    assert joined.former == Sent(first.command, (1, "1"))
    sent = replace(second, sends=1)
    joined = decode(merge(encode(third), merge(encode(sent), encode(first))))
    assert isinstance(joined, Ended)
    assert joined.former == Sent(sent.command, (1, "2"))


def test_a_send_that_is_settled_is_forgotten() -> None:
    """Nothing of it can turn up any more, so the entry keeps nothing of it."""
    sent = Sent(command(), (1, "1"))
    assert Ended(outcome(OutcomeStatus.REFUSED), (1, 1), (1, "2"), settled=(1, "2"), former=sent).former is None
    assert Begun(command(), (1, "2"), settled=(1, "0"), former=sent).former == sent


def test_what_is_done_remembers_no_other() -> None:
    done = encode(Ended(outcome(OutcomeStatus.DONE, number="D1"), (1, 1), (1, "1")))
    sent = encode(Begun(command(revision=2, row_stamp=(1, 2)), (1, "2"), 1, (1, "2")))
    joined = decode(merge(done, sent))
    assert isinstance(joined, Ended)
    assert joined.former is None


def test_an_entry_of_the_release_before_is_read() -> None:
    """It knows no former revision."""
    raw = orjson.loads(encode(Begun(command(), (1, "1"))))
    del raw["former"]
    assert decode(orjson.dumps(raw)) == Begun(command(), (1, "1"))
