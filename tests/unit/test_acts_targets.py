"""What a decision is about, and what it must never be about."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.acts.audit import Actor
from adapters.acts.deciding import decision
from adapters.acts.targets import NoTarget, by_id, expect_decidable, of_letter, of_order
from streams.commands import Command, command_id
from streams.facts import Undecodable, read_decision
from streams.row import Issued, Letter, Row
from streams.rowcodec import encode
from streams.vocabulary import DocumentKind

NOTE = command_id("ns", "5001", "credit_note", "rf1")
PART = command_id("ns", "5001", "credit_note", "rf1/l1")


def held(letter_id: str, *, revision: int = 0, body: dict[str, Any] | None = None) -> Letter:
    """An open exception about credit note rf1, under the id of the note or of a part of it."""
    wanted = {"id": letter_id, "revision": revision, "hash": "h9", "account": "ns", "order_key": "5001"}
    content = {
        "kind": "mismatch",
        "owner": "finance",
        "reason": "It differs.",
        "step": "credit_note",
        "subject": "rf1",
        "return_id": "r1",
        "refund_id": "rf1",
        "mapping_key": "",
        "command": {**wanted, "kind": "credit_note", "subject": "rf1", "body": body or {}},
    }
    return Letter(letter_id, content, since="2026-11-27T11:52:09Z")


def row(*letters: Letter, issued: bool = False) -> Row:
    found = Row("5001", letters={letter.letter_id: letter for letter in letters})
    if issued:
        command = Command(NOTE, 3, "ns", "5001", DocumentKind.CREDIT_NOTE, "rf1", {}, "h3", 1)
        found.issued[NOTE] = Issued(command)
    return found


def test_a_decision_carries_what_was_seen() -> None:
    """Command id, revision and hash go into the record, so that it is void once any of them has moved on."""
    order = row(held(NOTE, body={"amount": "1.00"}))
    wanted = decision("post_anyway", "5001", Actor("fin-01", "checked"), of_order(order), {})
    read = read_decision(wanted.value)
    assert (read.kind, read.by, read.reason, read.order_id) == ("post_anyway", "fin-01", "checked", "5001")
    assert read.data == {"command_id": NOTE, "revision": 0, "hash": "h9"}
    assert dict(wanted.headers)["event-id"].decode() == read.decision_id


def test_a_decision_that_the_sequencer_could_not_read_is_never_written() -> None:
    """A kind that nobody knows is refused here, not dead-lettered there."""
    with pytest.raises(Undecodable):
        decision("postpone", "5001", Actor("fin-01", "checked"), None, {})


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("fin-01", "  ")])
def test_nobody_acts_without_a_name_and_a_reason(by: str, reason: str) -> None:
    """Both are kept in the audit."""
    with pytest.raises(ValueError, match="Say "):
        Actor(by, reason)


def test_a_part_of_a_document_is_tried_again_with_the_whole_and_never_rejects_it() -> None:
    """The letter of a line names its own id: a retry is the command's; a no about the line must not void the note."""
    target = of_letter(row(issued=True), held(PART, revision=3, body={"amount": "1.00"}))
    assert (target.command_id, target.revision, target.hash, target.letter_id) == (NOTE, 3, "h3", PART)
    expect_decidable(target, "retry")
    for kind in ("reject", "approve", "post_anyway", "done_by_hand"):
        with pytest.raises(NoTarget, match="about a part"):
            expect_decidable(target, kind)


def test_nothing_is_posted_anyway_where_nothing_can_be_said_to_be_posted() -> None:
    """An unmapped note has no body yet: there is nothing to say yes to."""
    with pytest.raises(NoTarget, match="can be posted yet"):
        expect_decidable(of_letter(row(), held(NOTE)), "post_anyway")


def test_an_order_with_several_exceptions_asks_which_one() -> None:
    """Every one is listed with its id; none is guessed."""
    with pytest.raises(NoTarget) as raised:
        of_order(row(held(NOTE), held(PART)))
    assert NOTE in str(raised.value) and PART in str(raised.value)


def test_an_id_may_be_cut_short_but_must_fit_one_thing() -> None:
    """Too short, unknown and ambiguous are refused; a full id wins over longer ones."""
    values = {b"5001": encode(row(held(NOTE), held(PART)))}
    assert by_id(values, NOTE[:12])[1].command_id == NOTE
    for ident in (NOTE[:3], "zzzzzz"):
        with pytest.raises(NoTarget):
            by_id(values, ident)
    twins = {b"5001": encode(row(held("abcd1"), held("abcd2"), held("abcd")))}
    assert by_id(twins, "abcd")[1].letter_id == "abcd"
    with pytest.raises(NoTarget, match="fits 2 ids"):
        by_id({b"5001": encode(row(held("abcd1"), held("abcd2")))}, "abcd")
