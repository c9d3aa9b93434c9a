"""What an order makes of a command that failed by a fault of ours, or whose effect nobody knows."""

from __future__ import annotations

import pytest

from streams.commands import Command, Failure
from streams.facts import Fact
from streams.letters import Source, letter_headers
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.scenarios.messages import refund
from tests.unit.erp import Erp
from tests.unit.told import decision, exception, snapshot

NOTE, QUESTION = DocumentKind.CREDIT_NOTE, DocumentKind.ORDER_SNAPSHOT
BUG = Failure(ErrorKind.BUG, "ValueError: no amount (proof.py:88 in _lines)", type="ValueError", stack="a: b\nc: d")
UNKNOWN = Failure(ErrorKind.UNKNOWN_OUTCOME, "given up after 5 sends", disposition="attempts-exhausted")


def refunded(version: int = 1, state: str = "paid", amount: str = "40.00") -> Fact:
    return snapshot(version, refunds=[refund("rf1", amount, state)])


def notes(erp: Erp) -> list[Command]:
    return [command for command in erp.asked if command.kind is NOTE]


def failed(failure: Failure) -> Erp:
    """An order whose credit note was refused."""
    erp = Erp()
    erp.refuse[NOTE] = failure
    erp.hear(refunded())
    return erp


def end(erp: Erp, command: Command, failure: Failure | None = None) -> None:
    """How a command that was asked for while the account was silent ends: refused, or done."""
    status = OutcomeStatus.REFUSED if failure else OutcomeStatus.DONE
    erp.row.absorb(erp._outcome(command, status, failure=failure, number="" if failure else "CM-9"))
    erp.settle()


def test_a_fault_of_ours_is_an_exception_of_engineering_with_its_type_and_stack() -> None:
    """The letter says what was raised, and keeps where."""
    held = exception(failed(BUG), "bug", NOTE.value)
    assert (held["owner"], held["type"], held["reason"], held["stack"]) == (
        "engineering",
        "ValueError",
        "ValueError: no amount (proof.py:88 in _lines)",
        "a: b\nc: d",
    )
    source = Source("changelog", 0, -1, -1)
    fields = dict(letter_headers("id", held, source=source, since="", at="", replays=0, app="test"))
    assert fields["dlq.error.stack"] == b"a: b\nc: d"
    assert (fields["dlq.error.kind"], fields["dlq.error.type"], fields["dlq.owner"]) == (
        b"bug",
        b"ValueError",
        b"engineering",
    )


def test_an_exception_without_a_stack_is_stored_as_before() -> None:
    """Rows of the release before stay equal, so that an upgrade does not publish every open letter again."""
    assert "stack" not in exception(failed(UNKNOWN), "unknown-outcome")
    assert "stack" not in UNKNOWN.as_json()


def test_a_retry_after_the_mend_sends_the_command_again() -> None:
    """A new revision, done; the exception closes by itself."""
    erp = failed(BUG)
    erp.refuse.clear()
    erp.hear(decision("retry", exception(erp, "bug")["command"]))
    assert [command.revision for command in notes(erp)] == [1, 2]
    assert (len(erp.made(NOTE)), erp.exceptions()) == (1, [])


def test_a_fault_of_ours_in_a_question_is_an_exception_and_its_retry_asks_anew() -> None:
    """The step that needs the answer says so; retried, it asks again and goes on."""
    erp = Erp()
    erp.silent.add(QUESTION)
    erp.hear(refunded())
    asked = next(command for command in erp.asked if command.kind is QUESTION)
    end(erp, asked, BUG)
    letters = [letter.content for letter in erp.row.open_letters()]
    assert {letter["kind"] for letter in letters} == {"bug"}
    assert {letter["stack"] for letter in letters} == {BUG.stack}
    erp.silent.clear()
    erp.hear(decision("retry", letters[0]["command"]))
    assert (len(erp.made(NOTE)), erp.exceptions()) == (1, [])


@pytest.mark.parametrize("failure", [BUG, UNKNOWN], ids=["bug", "unknown"])
def test_what_may_stand_and_is_no_longer_wanted_is_called_off(failure: Failure) -> None:
    """The refund failed after its note ended with its effect unknown: the account is asked whether the note stands."""
    erp = failed(failure)
    erp.refuse.clear()
    erp.hear(refunded(2, "failed"))
    assert [(command.revision, command.void) for command in notes(erp)] == [(1, False), (2, True)]
    assert (erp.made(NOTE), erp.exceptions(), erp.waiting()) == ([], [], [])


def test_what_was_plainly_refused_is_not_called_off() -> None:
    """Nothing can stand of it: the exception closes, and nothing more is asked."""
    erp = failed(Failure(ErrorKind.CLOSED, "the period is closed"))
    erp.hear(refunded(2, "failed"))
    assert [(command.revision, command.void) for command in notes(erp)] == [(1, False)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_what_may_stand_and_was_made_after_all_is_taken_back() -> None:
    """The look-up of the void finds the note: a reversal, for Finance to approve."""
    erp = failed(UNKNOWN)
    erp.silent.add(NOTE)
    erp.hear(refunded(2, "failed"))
    end(erp, notes(erp)[-1])
    assert exception(erp, "mismatch", "reversal")["refund_id"] == "rf1"


def voided_in_vain(failure: Failure = BUG) -> Erp:
    """A note that was called off while it was under way, and the void was refused."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded())
    erp.hear(refunded(2, "failed"))
    end(erp, notes(erp)[-1], failure)
    return erp


@pytest.mark.parametrize(
    "failure", [BUG, UNKNOWN, Failure(ErrorKind.MISMATCH, "document CM-9 is not what was asked for")]
)
def test_a_void_that_is_refused_is_an_exception(failure: Failure) -> None:
    """Whether the note stands is not known, or it stands otherwise than asked for: a person must look."""
    erp = voided_in_vain(failure)
    held = exception(erp, failure.kind.value, NOTE.value)
    assert held["reason"] == f"It is no longer wanted, and could not be called off: {failure.message}"
    assert (held["refund_id"], held["command"]["revision"]) == ("rf1", 2)
    assert held["command"]["body"]["amount"] == "40.00"
    assert [command.revision for command in notes(erp)] == [1, 2]


def test_a_refused_void_is_retried_as_a_void() -> None:
    """The mended build looks again: withheld, and all is quiet."""
    erp = voided_in_vain()
    erp.silent.clear()
    erp.hear(decision("retry", exception(erp, "bug")["command"]))
    assert [(command.revision, command.void) for command in notes(erp)] == [(1, False), (2, True), (3, True)]
    assert (erp.made(NOTE), erp.exceptions(), erp.waiting()) == ([], [], [])


def test_a_refused_void_that_a_person_has_looked_at_is_closed() -> None:
    """A no to just that revision: somebody has seen that nothing stands."""
    erp = voided_in_vain()
    erp.hear(decision("reject", exception(erp, "bug")["command"]))
    assert (erp.exceptions(), [command.revision for command in notes(erp)]) == ([], [1, 2])


def test_a_no_before_the_void_does_not_close_its_exception() -> None:
    """The no was the reason for the void; that the void failed is something else, and has not been seen yet."""
    erp = failed(BUG)
    erp.hear(decision("reject", exception(erp, "bug")["command"]))
    assert [(command.revision, command.void) for command in notes(erp)] == [(1, False), (2, True)]
    erp.silent.add(NOTE)
    end(erp, notes(erp)[-1], UNKNOWN)
    # Withheld already, as the account answered at once; a refusal of the same revision outweighs it.
    held = exception(erp, "unknown-outcome")
    erp.hear(decision("reject", held["command"]))
    assert erp.exceptions() == []


def test_wanted_again_after_a_refused_void_it_stays_with_the_person() -> None:
    """The refund was paid after all: what may stand is not sent a second time by itself, but by a retry."""
    erp = voided_in_vain()
    erp.hear(refunded(3))
    assert exception(erp, "bug")["reason"] == BUG.message
    erp.silent.clear()
    erp.hear(decision("retry", exception(erp, "bug")["command"]))
    assert [(command.revision, command.void) for command in notes(erp)][-1] == (3, False)
    assert (len(erp.made(NOTE)), erp.exceptions()) == (1, [])
