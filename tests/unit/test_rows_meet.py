"""Two records of one order meet (a zombie's, recovery): what the row makes of it, said value by value (I11)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.sequencer.result import Marks
from streams.commands import Attempt, Command, Failure, Outcome
from streams.registers import RefundRegister, ReturnRegister
from streams.row import CommandFacts, Issued, Letter, Row, Waiting
from streams.rowcodec import decode, encode, head_of
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus

NOTE = DocumentKind.CREDIT_NOTE


def command(revision: int = 1, *, hash: str = "h", stamp: tuple[int, int] = (1, 1), **changes: Any) -> Command:
    """A revision of one credit note."""
    body = {"amount": "40.00"}
    fields: dict[str, Any] = {"kind": NOTE, "subject": "rf1", "body": body, "profile_version": 1, **changes}
    return Command("c1", revision, "ns", "5001", hash=hash, row_stamp=stamp, **fields)


def outcome(status: OutcomeStatus = OutcomeStatus.DONE, revision: int = 1, **changes: Any) -> Outcome:
    fields: dict[str, Any] = {"kind": NOTE, "at": "2026-11-27T10:00:00.000Z", **changes}
    if status is OutcomeStatus.REFUSED:
        fields.setdefault("failure", Failure(ErrorKind.REFUSED, "no"))
    return Outcome("c1", revision, "h", "ns", "5001", subject="rf1", status=status, **fields)


# -- letters


def letter(
    replays: int = 0, *, open: bool = True, published: bool = False, since: str = "t0", **content: Any
) -> Letter:
    return Letter("a", {"reason": "r", **content}, replays, open, published, since)


def joined_letters(mine: Letter, theirs: Letter) -> Letter:
    mine.join(theirs)
    return mine


@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [
        (letter(), letter(open=False), letter(open=False)),  # a closing beats its opening
        (letter(), letter(1, since="t1"), letter(1, since="t1")),  # opened again beats opened
        (letter(open=False), letter(1), letter(1)),  # and beats the closing before it
        (letter(1, open=False), letter(1), letter(1, open=False)),
        (letter(since="t0"), letter(since="t1", reason="x"), letter(since="t1", reason="x")),
        (letter(1, reason="old"), letter(2, reason="new", published=True), letter(2, reason="new", published=True)),
        (letter(1, published=True), letter(2, published=False), letter(2, published=False)),
        (letter(published=True), letter(open=False), letter(open=False)),  # its closing is still to be published
        (letter(published=True), letter(), letter(published=True)),  # one of two that are the same is in the topic
        (letter(published=True, reason="x"), letter(), letter(published=True, reason="x")),  # not that it is the other
    ],
)
def test_of_two_records_of_a_letter_the_later_stands_whichever_comes_first(
    one: Letter, other: Letter, stands: Letter
) -> None:
    """By how often it opened, closed over open, then since when; what it says and its mark go with it."""

    def copy(letter: Letter) -> Letter:
        return Letter(
            letter.letter_id, dict(letter.content), letter.replays, letter.open, letter.published, letter.since
        )

    assert joined_letters(copy(one), copy(other)) == stands
    if (one.replays, one.open, one.since) != (other.replays, other.open, other.since) or one.content == other.content:
        assert joined_letters(copy(other), copy(one)) == stands


# -- issued commands


def issued(revision: int = 1, published: bool = False, **changes: Any) -> Issued:
    made = command(revision, **changes)
    return Issued(made, published, {made.hash: (revision, dict(made.body))})


@pytest.mark.parametrize(
    ("one", "other", "revision", "published"),
    [
        (issued(1, True), issued(2), 2, False),  # an older one in the topic does not mark the newer one
        (issued(1), issued(2, True), 2, True),
        (issued(1, True), issued(1), 1, True),  # the same, known by one of them to be in the topic
        (issued(1), issued(1), 1, False),
        (issued(1, True, stamp=(1, 1)), issued(1, stamp=(1, 2), hash="other"), 1, False),  # the newer row's stands
        (issued(1, True, stamp=(1, 1), hash="a"), issued(1, stamp=(1, 1), hash="b"), 1, False),
    ],
)
def test_of_two_records_of_a_command_the_newer_revision_stands_with_its_own_mark(
    one: Issued, other: Issued, revision: int, published: bool
) -> None:
    """Every body that may have been posted is kept."""
    for mine, theirs in ((one, other), (other, one)):
        standing = Issued(mine.command, mine.published, dict(mine.bodies))
        standing.join(theirs)
        assert (standing.command.revision, standing.published) == (revision, published)
        later = sorted((one, other), key=lambda i: i.command.revision)
        assert standing.bodies == {**later[0].bodies, **later[1].bodies}
        newest = max((one, other), key=lambda i: (i.command.revision, i.command.row_stamp, i.command.hash))
        assert standing.command == newest.command


@pytest.mark.parametrize(
    ("marked", "published"),
    [(("c1", 2), True), (("c1", 1), False), (("c1", 3), False), (("c2", 2), False)],
)
def test_a_mark_is_for_the_revision_that_was_published(marked: tuple[str, int], published: bool) -> None:
    """An older published revision does not mark a newer one published."""
    row = Row("5001", issued={"c1": issued(2)})
    Marks(commands={marked}).apply(row)
    assert row.issued["c1"].published is published


@pytest.mark.parametrize(
    ("marked", "published"),
    [(("a", 1, True), True), (("a", 0, True), False), (("a", 1, False), False), (("b", 1, True), False)],
)
@pytest.mark.parametrize("where", ["letters", "alarms"])
def test_a_mark_is_for_the_letter_as_it_was_published(
    where: str, marked: tuple[str, int, bool], published: bool
) -> None:
    """Opened again or closed since, it is to be published anew."""
    row = Row("5001")
    getattr(row, where)["a"] = letter(1)
    Marks(letters={marked}).apply(row)
    assert getattr(row, where)["a"].published is published


# -- outcomes


def absorbed(*outcomes: Outcome) -> tuple[CommandFacts, list[bool]]:
    row = Row("5001")
    changed = [row.absorb(one) for one in outcomes]
    return row.outcomes["c1"], changed


REFUSED, ANSWERED, WITHHELD = OutcomeStatus.REFUSED, OutcomeStatus.ANSWERED, OutcomeStatus.WITHHELD


@pytest.mark.parametrize(
    ("first", "second", "status", "revision"),
    [
        (outcome(REFUSED), outcome(WITHHELD), REFUSED, 1),
        (outcome(ANSWERED, answer={"at": ""}), outcome(REFUSED), ANSWERED, 1),
        (outcome(REFUSED, 2), outcome(ANSWERED, 1, answer={"at": ""}), REFUSED, 2),
        (outcome(REFUSED, at="2026-11-27T10:00:00.000Z"), outcome(REFUSED, at="2026-11-27T11:00:00.000Z"), REFUSED, 1),
    ],
)
def test_of_two_ends_the_weightier_stands(
    first: Outcome, second: Outcome, status: OutcomeStatus, revision: int
) -> None:
    """By revision, then answered over refused over withheld, then time, whichever comes first."""
    for one, other in ((first, second), (second, first)):
        known, _ = absorbed(one, other)
        assert known.last is not None
        assert (known.last["status"], known.last["revision"]) == (status.value, revision)
        assert known.last["at"] == max(first.at, second.at)
        assert (known.done, known.number) == ({}, None)


def test_done_stands_beside_whatever_else_came() -> None:
    """A document that was made is never forgotten for a refusal; two numbers are both kept."""
    known, changed = absorbed(
        outcome(number="n2"), outcome(REFUSED, 2), outcome(number="n1", revision=2), outcome(number="n2")
    )
    assert changed == [True, True, True, False]
    assert sorted(known.done) == ["n1", "n2"]
    assert known.number == "n1"
    assert known.last is not None and known.last["status"] == "refused"


def test_what_is_kept_of_an_outcome() -> None:
    """Its proof, answer or failure, how often it was tried and when first; not each call."""
    tried = (Attempt("2026-11-27T09:00:00Z", "POST", "503"), Attempt("2026-11-27T09:01:00Z", "POST", "204"))
    known, _ = absorbed(outcome(number="n1", reason="created", document={"amount": "40.00"}, attempts=tried))
    assert known.done["n1"] == {
        "revision": 1,
        "hash": "h",
        "kind": "credit_note",
        "subject": "rf1",
        "status": "done",
        "at": "2026-11-27T10:00:00.000Z",
        "number": "n1",
        "reason": "created",
        "document": {"amount": "40.00"},
        "attempts": 2,
        "first_attempt_at": "2026-11-27T09:00:00Z",
    }
    known, _ = absorbed(outcome(REFUSED))
    assert known.last is not None
    assert known.last["failure"]["message"] == "no"
    assert (known.last["attempts"], "first_attempt_at" in known.last) == (0, False)


def settled(kind: DocumentKind, revision: int, *outcomes: Outcome) -> bool:
    row = Row("5001")
    for one in outcomes:
        row.absorb(one)
    return row.is_settled(Issued(command(revision, kind=kind)))


def test_when_a_command_is_known_to_have_ended() -> None:
    """Done in whatever revision; refused or withheld in this one or a later one; a question by its answer alone."""
    question = DocumentKind.INVOICE
    assert not settled(NOTE, 1)
    assert settled(NOTE, 2, outcome(revision=1, number="n1"))
    assert settled(NOTE, 2, outcome(REFUSED, 2))
    assert settled(NOTE, 2, outcome(REFUSED, 3))
    assert not settled(NOTE, 2, outcome(REFUSED, 1))
    assert not settled(question, 1, outcome(number="n1", kind=question))
    assert settled(question, 1, outcome(ANSWERED, answer={"at": ""}, kind=question))


def test_what_the_outbox_still_owes() -> None:
    """Commands neither published nor ended, letters and alarms not published; nothing else."""
    row = Row("5001", issued={"c1": issued(1)}, letters={"a": letter()}, alarms={"b": letter()})
    assert len(list(row.unpublished())) == 3
    row.absorb(outcome(number="n1"))
    row.letters["a"].published = True
    assert list(row.unpublished()) == [row.alarms["b"]]
    row.alarms["b"].published = True
    assert list(row.unpublished()) == []
    row = Row("5001", issued={"c1": issued(1, True)})
    assert list(row.unpublished()) == []


# -- what is owed


def waits(step: str, due: str) -> Waiting:
    return Waiting(step, "s", "refund", "t0", due)


def test_the_earliest_date_that_is_not_late_yet_is_when_a_row_is_due() -> None:
    """What has raised its alarm is not due again; one that ended is."""
    row = Row("5001", waiting={item.key: item for item in (waits("a", "3"), waits("b", "2"), waits("c", ""))})
    assert (row.due(), head_of(encode(row)).due) == ("2", "2")
    row.alarms["b/s"] = letter()
    assert (row.due(), row.is_late("b/s"), row.is_late("a/s")) == ("3", True, False)
    row.alarms["b/s"].open = False
    assert row.due() == "2"
    assert Row("5001").due() == ""


def test_a_row_waits_for_a_mapping_while_such_a_letter_is_open() -> None:
    """A new profile wakes exactly these."""

    def blocked(**changes: Any) -> bool:
        content = letter(**changes)
        return head_of(encode(Row("5001", letters={"a": content}))).blocked

    assert blocked(mapping_key="skus.A.ns")
    assert not blocked(mapping_key="")
    assert not blocked(mapping_key="skus.A.ns", open=False)


# -- a row's other halves


def test_of_two_records_the_newer_stamps_effects_stand_and_each_others_facts_are_kept() -> None:
    """Waiting and source are the newer writer's; the earliest time, the later quarantine, both rulings are kept."""

    def make(stamp: tuple[int, int], first_seen: str, **changes: Any) -> Row:
        row = Row("5001", first_seen=first_seen, stamp=stamp, previous=(0, stamp[1]), **changes)
        row.source = ("t", 0, stamp[1], 0)
        row.waiting = {f"a{stamp[1]}/s": waits(f"a{stamp[1]}", "1")}
        return row

    older = {"rulings": {"d1": "void: later"}, "playbooks": {"r1": 2}, "quarantined": "its row would be"}
    newer = {"rulings": {"d1": "applied", "d2": "applied"}, "playbooks": {"r1": 1, "r2": 1}}
    for swapped in (False, True):
        one, other = make((1, 1), "t1", **older), make((2, 7), "t2", **newer)
        mine, theirs = (other, one) if swapped else (one, other)
        mine.join(theirs)
        assert (mine.stamp, mine.previous, mine.source) == ((2, 7), (0, 7), ("t", 0, 7, 0))
        assert list(mine.waiting) == ["a7/s"]
        assert mine.first_seen == "t1"
        assert mine.rulings == {"d1": "applied", "d2": "applied"}
        assert mine.playbooks == {"r1": 2, "r2": 1}
        assert mine.quarantined == "its row would be"
        assert mine.joined == {1: 1}


def test_a_row_says_which_writers_records_it_holds() -> None:
    """Each other generation's newest sequence; never its own, nor that of nobody."""
    mine, theirs = Row("5001", stamp=(3, 5), joined={1: 4, 2: 2}), Row("5001", stamp=(2, 9), joined={1: 2, 4: 1})
    mine.join(theirs)
    assert (mine.stamp, mine.joined) == ((3, 5), {1: 4, 2: 9, 4: 1})
    mine.join(Row("5001"))
    assert mine.joined == {1: 4, 2: 9, 4: 1}


def test_the_first_time_is_kept_where_only_one_record_has_it() -> None:
    mine = Row("5001")
    mine.join(Row("5001", first_seen="t1"))
    assert mine.first_seen == "t1"
    mine.join(Row("5001"))
    assert mine.first_seen == "t1"


# -- returns


def snapshot(version: int, hash: str = "h", **data: Any) -> ReturnRegister:
    line = {"line_id": "l1", "quantity": 2, **data.pop("line", {})}
    return ReturnRegister.of((version, f"t{version}", hash), {"return_id": "r1", "lines": [line], **data})


LATE = {
    "restock": False,
    "disposition": "damaged",
    "location": "WH-LON",
    "accepted_quantity": 0,
    "rejected_quantity": 0,
}


@pytest.mark.parametrize("name", sorted(LATE))
@pytest.mark.parametrize("newer_first", [False, True])
def test_a_line_field_known_to_an_older_version_alone_counts(name: str, newer_first: bool) -> None:
    """False and nothing are values: restock=false of an older version still keeps goods off the shelf."""
    value = LATE[name]
    older, newer = snapshot(1, line={name: value}), snapshot(2)
    mine, theirs = (newer, older) if newer_first else (older, newer)
    mine.join(theirs)
    [line] = mine.data()["lines"]
    assert line == {"line_id": "l1", "quantity": 2, name: value}


def test_a_newer_line_field_wins_over_an_older_one() -> None:
    mine = snapshot(2, line={"restock": True, "disposition": None})
    mine.join(snapshot(1, line={"restock": False, "disposition": "sellable"}))
    [line] = mine.data()["lines"]
    assert (line["restock"], line["disposition"]) == (True, "sellable")


def test_a_late_field_is_of_its_own_line() -> None:
    mine = snapshot(1, line={"line_id": "l2", "restock": False})
    mine.join(snapshot(2))
    assert mine.data()["lines"] == [{"line_id": "l1", "quantity": 2}]


def test_versions_and_contents_seen_are_kept() -> None:
    """The lowest version, and every version that came with two contents."""
    mine = snapshot(3, "b")
    for other in (snapshot(3, "a"), snapshot(5, "c"), snapshot(2, "d")):
        mine.join(other)
    assert mine.hashes == {2: ("d",), 3: ("a", "b"), 5: ("c",)}
    assert mine.conflicts == (3,)
    assert mine.earliest == (2, "t2", "d")


def refund(paid: int | None = None, failed: int | None = None, state: str = "") -> str:
    def version(number: int | None) -> Any:
        return None if number is None else (number, f"t{number}", "h")

    fields: Any = {"state": ((1, "t1", "h"), state)} if state else {}
    return RefundRegister(fields, version(paid), version(failed)).state


def test_what_state_a_refund_is_in() -> None:
    """Paid until a newer version failed; failed until a newer one paid; else what the newest said."""
    assert refund(paid=1, state="pending") == "paid"
    assert refund(paid=1, failed=2) == "failed"
    assert refund(paid=2, failed=1) == "paid"
    assert refund(failed=1, state="pending") == "failed"
    assert refund(state="unheard-of") == "unheard-of"
    assert refund() == "pending"


# -- bytes


def test_every_part_of_a_row_survives_its_bytes() -> None:
    """Including those that hypothesis seldom reaches: alarms, playbooks, marks, other writers' records."""
    row = Row(
        "5001",
        returns={"r1": snapshot(2, line={"restock": False}, refunds=[{"refund_id": "rf1", "state": "failed"}])},
        inspections={"i1": ((1, "t1", "h"), {"lines": []})},
        rulings={"d1": "applied"},
        first_seen="t0",
        issued={"c1": Issued(command(2, void=True, shadow=True, look_first=True, adopt_since="t", asked_at="t"), True)},
        letters={"a": letter(2, open=False, published=True, mapping_key="k")},
        alarms={"b/s": Letter("b/s", {"reason": "late", "mapping_key": ""}, 1, since="t0")},
        waiting={"b/s": Waiting("b", "s", "w", "t0", "t1", "y", "r1", "rf1", "progress", "c1", "hash")},
        playbooks={"r1": 3},
        quarantined="q",
        source=("t", 1, 2, 3),
        stamp=(4, 5),
        previous=(3, 4),
        joined={2: 9},
    )
    row.issued["c1"].bodies = {"h": (1, {"amount": "40.00"}), "older": (1, {"amount": "1.00"})}
    row.absorb(outcome(number="n1"))
    assert decode(encode(row)) == row
    head = head_of(encode(row))
    assert (head.stamp, head.previous, dict(head.joined), head.outbox) == ((4, 5), (3, 4), {2: 9}, 1)
