"""What an order makes of a command that failed by a fault of ours, or whose effect nobody knows."""

from __future__ import annotations

import pytest

from streams.commands import Command, Failure
from streams.facts import Fact
from streams.letters import Source, letter_headers
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.scenarios.messages import hat, refund, tee
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


MISMATCH = Failure(ErrorKind.MISMATCH, "document CM-9 is not what was asked for")


def test_what_stands_otherwise_than_asked_for_is_not_forgotten_when_its_refund_fails() -> None:
    """The wrong note is in the books: it is called off, and as it cannot be, a person has to see to it."""
    erp = failed(MISMATCH)
    erp.silent.add(NOTE)
    erp.hear(refunded(2, "failed"))
    end(erp, notes(erp)[-1], MISMATCH)
    held = exception(erp, "mismatch", NOTE.value)
    assert held["reason"] == f"It is no longer wanted, and could not be called off: {MISMATCH.message}"


def test_a_no_to_what_stands_otherwise_than_asked_for_closes_it() -> None:
    """Who said so has looked at it: nothing more is asked, and nobody is asked twice."""
    erp = failed(MISMATCH)
    erp.hear(decision("reject", exception(erp, "mismatch", NOTE.value)["command"]))
    assert (erp.exceptions(), [command.revision for command in notes(erp)]) == ([], [1])


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


def as_asked(erp: Erp, revision: int, kind: DocumentKind = NOTE) -> Command:
    return next(command for command in erp.asked if command.kind is kind and command.revision == revision)


@pytest.mark.parametrize("failure", [BUG, UNKNOWN], ids=["bug", "unknown"])
def test_what_was_posted_first_is_known_however_often_its_end_was_lost(failure: Failure) -> None:
    """40.00 was posted, 38.84 is refunded by now: Finance sees 1.16 too much, also after a second unknown end."""
    erp = failed(failure)
    erp.hear(refunded(2, amount="38.84"))
    erp.refuse.clear()
    erp.silent.add(NOTE)
    erp.hear(decision("retry", exception(erp, failure.kind.value, NOTE.value)["command"]))
    assert [command.revision for command in notes(erp)] == [1, 2, 3]
    end(erp, as_asked(erp, 1))
    assert exception(erp, "mismatch", NOTE.value)["reason"] == (
        "The note was posted for GBP 40.00; the refund is now GBP 38.84: GBP 1.16 too much is credited."
    )


def test_what_was_refused_plainly_is_not_kept() -> None:
    """Nothing stands of a plain refusal, so of what was asked for only the last is kept in the row."""
    erp = failed(Failure(ErrorKind.INVALID, "no such customer"))
    erp.hear(refunded(2, amount="38.84"))
    [bodies] = [issued.bodies for issued in erp.row.issued.values() if issued.command.kind is NOTE]
    assert [body["amount"] for _, body in bodies.values()] == ["38.84"]


def two_lines(version: int, accepted: int, *refunds: tuple[str, str, str]) -> Fact:
    """A standard return of a tee (40.00) and the hat (10.00), of which the first lines are accepted."""
    lines = [
        line(verdict="accepted" if number < accepted else "pending", quantity=1)
        for number, line in enumerate((tee, hat))
    ]
    told = [refund(name, amount, state) for name, amount, state in refunds]
    return snapshot(version, mode="standard", lines=lines, refunds=told)


def planned_around(failure: Failure, rf1: str = "paid") -> Erp:
    """The note of 40.00 was planned over the tee and ended unknown; by now both lines count, and 10.00 more is paid."""
    erp = Erp()
    erp.refuse[NOTE] = failure
    erp.hear(two_lines(1, 1, ("rf1", "40.00", "paid")))
    erp.refuse.clear()
    erp.silent.add(NOTE)
    erp.hear(two_lines(2, 2, ("rf1", "40.00", rf1), ("rf2", "10.00", "paid")))
    return erp


@pytest.mark.parametrize("failure", [BUG, UNKNOWN, MISMATCH], ids=["bug", "unknown", "mismatch"])
def test_no_note_is_planned_around_one_that_may_stand_as_it_was_first_planned(failure: Failure) -> None:
    """The tee's note may be there for all its 40.00: the second waits for its end, and then has the hat alone."""
    erp = planned_around(failure)
    assert {command.subject for command in notes(erp)} == {"rf1"}
    end(erp, as_asked(erp, 1))
    second = next(command for command in notes(erp) if command.subject == "rf2")
    assert [(line["line_id"], line["amount"]) for line in second.body["lines"]] == [("l2", "10.00")]


def test_what_may_stand_is_waited_for_also_when_its_refund_has_failed() -> None:
    """It is called off, and until that has ended no other note takes what it may have credited."""
    erp = planned_around(BUG, rf1="failed")
    assert [(command.subject, command.revision, command.void) for command in notes(erp)] == [
        ("rf1", 1, False),
        ("rf1", 2, True),
    ]
    erp.speak(NOTE)
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]


def test_two_notes_that_may_stand_are_both_looked_for_before_either_is_sent() -> None:
    """Each was planned otherwise than now and waits for the other: both are called off, which only looks."""
    erp = Erp()
    erp.refuse[NOTE] = BUG
    erp.hear(two_lines(1, 1, ("rf1", "20.00", "paid"), ("rf2", "20.00", "paid")))
    assert {command.subject for command in notes(erp)} == {"rf1", "rf2"}
    del erp.refuse[NOTE]
    before = len(notes(erp))
    erp.hear(two_lines(2, 2, ("rf1", "20.00", "paid"), ("rf2", "20.00", "paid"), ("rf3", "10.00", "paid")))
    assert {(command.subject, command.void) for command in notes(erp)[before : before + 2]} == {
        ("rf1", True),
        ("rf2", True),
    }
    assert sorted((body["refund_id"], body["amount"]) for body in erp.made(NOTE)) == [
        ("rf1", "20.00"),
        ("rf2", "20.00"),
        ("rf3", "10.00"),
    ]
    credited: dict[str, int] = {}
    for body in erp.made(NOTE):
        for line in body["lines"]:
            credited[line["line_id"]] = credited.get(line["line_id"], 0) + round(float(line["amount"]) * 100)
    assert (credited, erp.exceptions()) == ({"l1": 4000, "l2": 1000}, [])


def test_a_note_that_a_person_looked_for_in_vain_holds_no_other_back() -> None:
    """Calling it off failed as well; a no to just that says that nothing stands, and the second note goes on."""
    erp = planned_around(BUG, rf1="failed")
    end(erp, as_asked(erp, 2), BUG)
    assert {command.subject for command in notes(erp)} == {"rf1"}
    erp.silent.clear()
    erp.hear(decision("reject", exception(erp, "bug", NOTE.value)["command"]))
    assert ([body["refund_id"] for body in erp.made(NOTE)], erp.exceptions()) == (["rf2"], [])
