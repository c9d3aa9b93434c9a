"""What the judges of money excuse because a person looked at it or the vendor said it, and what they still find."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from adapters.generator.expected import Expected
from adapters.generator.orders import Order
from adapters.generator.world import World
from streams.commands import body_hash, command_id
from streams.vocabulary import ErrorKind, OutcomeStatus
from tests.scenarios.messages import refund, tee
from tests.simulation.checks.history import KEY, ORDER, History
from tests.simulation.checks.test_judges import Call
from tests.simulation.checks.test_watch import LINES, NOTE, PAID, RMA, authorised, credited
from tests.simulation.plan import VendorFault

VOID = "void: revision moved on"
LIES = VendorFault(1, 0.0, {"fault": "wrong-amount"})
TOO_MANY = "The quantity 1 of line 1 is more than remains (0)."
MEMO = "/netsuite/services/rest/record/v1/returnAuthorization/{}/!transform/creditMemo"
SOLD = World(1, (Order(ORDER, "#1", "fulfilled", "GBP", "WH-LON", {}, Decimal("0.00"), (), False),))


def refuse(history: History, command: Any, kind: str, message: str) -> None:
    """The command ends as refused."""
    failure = {"kind": kind, "message": message, "disposition": "rejected"}
    outcome = {"command_id": command.id, "revision": command.revision, "hash": command.hash, "account": "ns"}
    said = {"kind": command.kind.value, "subject": command.subject, "status": "refused", "number": ""}
    event = {**outcome, **said, "order_key": ORDER, "at": "2026-11-27T10:00:00Z", "failure": failure}
    history.append("erp.outcomes", KEY, orjson.dumps(event))


def rule(history: History, said: str, ruling: str, step: str, subject: str) -> None:
    """A person decides about an exception of a step that was never asked for."""
    target = command_id("ns", ORDER, step, subject)
    history.watch._orders.letter(target, step, subject)
    history.decide(said, ruling, command_id=target, number="77")


# -- R10: a refund that failed after its note


@pytest.mark.parametrize("said", ["reject", "done_by_hand"])
@pytest.mark.parametrize(
    ("step", "subject", "ruling", "is_excused"),
    [
        ("reversal", "rf1", "applied", True),
        ("reversal", "rf1~2", "applied", False),
        ("reversal", "rf1", VOID, False),
        ("reversal", "rf2", "applied", False),
        ("credit_application", "rf1", "applied", False),
    ],
)
def test_r10_a_reversal_that_a_person_decided_about(
    said: str, step: str, subject: str, ruling: str, is_excused: bool
) -> None:
    """A credit that a person was asked to reverse and left, or reversed by hand, is with nobody any more."""
    history = credited()
    history.snapshot(2, refunds=[refund("rf1", "40.00", "failed")], state="accepted")
    rule(history, said, ruling, step, subject)
    assert ("failed-refund-credited" in history.finish()) is not is_excused


@pytest.mark.parametrize(
    ("said", "subject", "ruling", "makes_room"),
    [
        ("done_by_hand", "rf1", "applied", True),
        ("done_by_hand", "rf1", VOID, False),
        ("done_by_hand", "rf3", "applied", False),
        ("reject", "rf1", "applied", False),
    ],
)
def test_i5_a_reversal_made_by_hand_makes_room(said: str, subject: str, ruling: str, makes_room: bool) -> None:
    """The note of the refund that is paid instead is no second credit of the same line."""
    history = authorised(refunds=[refund("rf1", "80.00")], state="accepted", lines=[tee(quantity=2)])
    history.make(NOTE, "rf1", amount="80.00")
    again = [refund("rf1", "80.00", "failed"), refund("rf2", "80.00")]
    history.snapshot(2, refunds=again, state="accepted", lines=[tee(quantity=2)])
    rule(history, said, ruling, "reversal", subject)
    history.make(NOTE, "rf2", amount="80.00")
    assert ("credited-more-than-paid" in history.finish()) is not makes_room


# -- I5: a note stored with a wrong amount


def stored_wrong(*, refused_first: bool = True, ruling: str = "applied", stored: str = "41.00") -> set[str]:
    """A note over 40.00 that the vendor stored otherwise, and what a person said to it."""
    history = History(LIES)
    history.snapshot(**PAID)
    history.make(RMA, "r1", lines=LINES)
    note = history.ask(NOTE, "rf1", amount="40.00")
    history.changelog()
    history.publish(note)
    history.book("credit_note", external_ref=note.id, amount=stored)
    if refused_first:
        refuse(history, note, "mismatch", "amount is GBP 41.00, GBP 40.00 was asked")
    history.decide("reject", ruling, command_id=note.id, revision=1)
    if not refused_first:
        refuse(history, note, "mismatch", "amount is GBP 41.00, GBP 40.00 was asked")
    return history.finish()


def test_i5_a_wrong_amount_that_a_person_saw() -> None:
    """Rejected as the exception showed it, it is with nobody any more; rejected before anybody knew, it is not."""
    assert "credit-without-refund" not in stored_wrong()
    assert "credit-without-refund" in stored_wrong(ruling=VOID)
    assert "credit-without-refund" in stored_wrong(refused_first=False)


# -- I5: a refund that grew after its note


def grown(noted: str, *, told: str = "40.00", waits: bool = True) -> set[str]:
    """A refund told as paid with one amount and then with 45.00, and a note over another."""
    history = authorised(**{**PAID, "refunds": [refund("rf1", told)]})
    history.make(NOTE, "rf1", amount=noted)
    history.snapshot(2, refunds=[refund("rf1", "45.00")], state="accepted")
    if waits:
        history.wait("credit_note", "approval", refund_id="rf1", subject="rf1~2")
    return history.finish()


def test_i5_a_supplement_that_waits_leaves_the_first_note_its_refund() -> None:
    """What was credited as it was paid once belongs to its refund while the growth waits openly."""
    assert "credit-without-refund" not in grown("40.00")
    assert "credit-without-refund" in grown("39.00")
    assert "credit-without-refund" in grown("40.00", told="45.00")
    assert "credit-without-refund" in grown("50.00", told="50.00")
    assert {"credit-without-refund", "refund-lost"} <= grown("40.00", waits=False)


@pytest.mark.parametrize(
    ("said", "ruling", "supplement", "is_excused"),
    [
        ("done_by_hand", "applied", "5.00", True),
        ("done_by_hand", "applied", "6.00", False),
        ("done_by_hand", VOID, "5.00", False),
        ("reject", "applied", "5.00", False),
    ],
)
def test_i5_a_supplement_of_a_note_that_a_person_made_by_hand(
    said: str, ruling: str, supplement: str, is_excused: bool
) -> None:
    """Under a number that the account does not show; with it the supplement comes to what the refund grew to."""
    history = authorised(**PAID)
    note = history.ask(NOTE, "rf1", amount="40.00")
    history.changelog()
    history.publish(note)
    history.end(note, status=OutcomeStatus.REFUSED, number="")
    history.decide(said, ruling, command_id=note.id, hash=note.hash, number="BY-HAND-1")
    history.snapshot(2, refunds=[refund("rf1", "45.00")], state="accepted")
    history.make(NOTE, "rf1~2", amount=supplement)
    assert ("credit-without-refund" in history.finish()) is not is_excused


def test_i5_a_supplement_of_a_held_note_that_a_person_made_by_hand() -> None:
    """It was never asked for; what people saw of it is what was made."""
    history = authorised(**PAID)
    held = {"amount": "40.00", "lines": []}
    target = command_id("ns", ORDER, "credit_note", "rf1")
    history.watch._orders.letter(target, "credit_note", "rf1", held)
    history.decide("done_by_hand", command_id=target, hash=body_hash(held), number="BY-HAND-1")
    history.snapshot(2, refunds=[refund("rf1", "45.00")], state="accepted")
    history.make(NOTE, "rf1~2", amount="5.00")
    assert "credit-without-refund" not in history.finish()


# -- I8: a mismatch that is about the note itself


def mismatch(*, reason: str = "NetSuite says no.", memo_of: str = "9001", status: int = 400) -> set[str]:
    """A note held as a mismatch with `reason`, after the vendor refused a memo of an authorisation."""
    history = History()
    history.watch._people._plan = replace(history.watch._plan, world=SOLD)
    history.snapshot(refunds=[refund("rf1", "40.00")], state="accepted", mode="instant")
    history.make(RMA, "r1", lines=LINES)
    note = history.ask(NOTE, "rf1", amount="40.00")
    history.changelog()
    history.publish(note)
    history.watch.called(Call(status, path=MEMO.format(memo_of)), ended=True)
    refuse(history, note, "mismatch", reason)
    history.except_for("credit_note", "rf1", ErrorKind.MISMATCH, refund_id="rf1")
    return history.finish()


def test_i8_a_mismatch_that_the_vendor_found() -> None:
    """The vendor's own words about a memo of this order that it did refuse; nothing else founds a mismatch."""
    assert "mismatch-unfounded" not in mismatch()
    assert "mismatch-unfounded" in mismatch(reason=TOO_MANY)
    assert "mismatch-unfounded" in mismatch(memo_of="9002")
    assert "mismatch-unfounded" in mismatch(status=429)


# -- R11: twins


@pytest.mark.parametrize(
    ("subject", "is_excused"),
    [("rf2", True), ("rf1", True), ("rf3", False)],
)
def test_r11_a_yes_whose_letter_came_out_later(subject: str, is_excused: bool) -> None:
    """A person may say yes to what the list shows before its letter is out; it has to be about one of the two."""
    history = History()
    expected = Expected(1, "ns", history.watch._plan.expected.orders, {}, [], {"r2": ["twins"], "r3": ["twins"]})
    history.watch._people._plan = replace(history.watch._plan, expected=expected)
    history.snapshot(return_id="r2", refunds=[refund("rf1", "40.00")], state="accepted")
    history.snapshot(return_id="r3", refunds=[refund("rf2", "40.00")], state="accepted")
    history.make(NOTE, "rf1", amount="40.00")
    target = command_id("ns", ORDER, "credit_note", subject)
    history.decide("post_anyway", command_id=target)
    history.watch._orders.letter(target, "credit_note", subject)
    history.make(NOTE, "rf2", amount="40.00")
    assert ("twins-credited" in history.finish()) is not is_excused
