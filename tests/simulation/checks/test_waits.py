"""What a step waits for at rest can still come, where a person holds it in a dead letter."""

from __future__ import annotations

import orjson

from streams.commands import Outcome
from streams.vocabulary import DocumentKind, OutcomeStatus
from tests.simulation.checks.history import KEY, ORDER, History


def asking(buried: bool, *, of_another: bool = False, closed: bool = False) -> set[str]:
    """What is found of a return whose order is being asked for, with the answer in a dead letter or nowhere."""
    history = History()
    history.snapshot()
    question = history.ask(DocumentKind.ORDER_SNAPSHOT, "order/r2" if of_another else "order/r1")
    history.changelog()
    history.publish(question)
    history.wait("return_authorisation", "order_snapshot")
    history.wait("credit_note", "return_authorisation", subject="rf1", refund_id="rf1")
    if buried:
        answer = Outcome(
            command_id=question.id,
            revision=1,
            hash=question.hash,
            account="ns",
            order_key=ORDER,
            kind=question.kind,
            subject=question.subject,
            status=OutcomeStatus.ANSWERED,
            at="2026-11-27T10:00:00.000Z",
        )
        record = history.append("erp.outcomes", KEY, answer.encode())
        history.bury("erp.outcomes", record)
        if closed:
            letter = f"letter-of-erp.outcomes-{record.offset}"
            history.append("dead.resolutions", letter.encode(), orjson.dumps({"dlq_id": letter, "replays": 0}))
            history.exceptions.clear()
    return history.finish() & {"waits-for-ever"}


def test_an_answer_that_lies_in_a_dead_letter_can_still_come() -> None:
    """While an order stood still its answers went to the dead letters: who sends one in again ends the wait."""
    assert asking(buried=True) == set()


def test_an_answer_that_lies_nowhere_cannot() -> None:
    """Neither no answer, nor one to another question, nor a letter that somebody closed ends a wait."""
    assert asking(buried=False) == {"waits-for-ever"}
    assert asking(buried=True, of_another=True) == {"waits-for-ever"}
    assert asking(buried=True, closed=True) == {"waits-for-ever"}
