"""The table's entries: what is written is read, and two memories of one command are joined without loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.dispatcher.entries import NEVER, Begun, Ended, Mark, Owned, Unreadable, decode, encode, merge
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
BEGUN = st.builds(
    lambda revision, stamp, written, sends, doubt, settled, times: Begun(
        command(revision=revision, row_stamp=stamp),
        written, sends, doubt, settled, tuple(Attempt(at, "create", "ok") for at in sorted(times)),
    ),
    REVISIONS, STAMPS, MARKS, st.integers(0, 2), MARKS, MARKS, st.text("123456789", max_size=3),
)  # fmt: skip
ENDED = st.builds(
    lambda status, revision, at, number, stamp, written, look, doubt, settled: Ended(
        outcome(status, revision=revision, at=at, number=number), stamp, written, look, doubt, settled
    ),
    st.sampled_from([OutcomeStatus.DONE, OutcomeStatus.REFUSED, OutcomeStatus.WITHHELD]),
    REVISIONS, st.sampled_from("123456789"), st.sampled_from(["D1", "D2"]), STAMPS, MARKS, st.booleans(), MARKS, MARKS,
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
