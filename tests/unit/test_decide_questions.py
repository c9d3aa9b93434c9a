"""Questions end: asked as often as there is a reason to, however many steps share one and whoever's clock is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streams.commands import Command
from streams.rowcodec import decode, encode
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import replacement, tee
from tests.unit.erp import Erp
from tests.unit.told import decision, exception, snapshot

SNAPSHOT, AVAILABILITY = DocumentKind.ORDER_SNAPSHOT, DocumentKind.AVAILABILITY
RMA, EXCHANGE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.EXCHANGE_ORDER


def revisions(erp: Erp, kind: DocumentKind) -> list[int]:
    return [command.revision for command in erp.asked if command.kind is kind]


def an_exchange(erp: Erp) -> None:
    """An instant return that exchanges one tee for a larger one."""
    erp.hear(snapshot(type="exchange", lines=[tee(request="exchange")], replacements=[replacement()]))


@pytest.mark.parametrize("step", [RMA, EXCHANGE])
def test_a_retry_of_one_step_asks_a_shared_question_once_more(step: DocumentKind) -> None:
    """Authorisation and exchange both need the order; whichever is retried, it is read anew once, and for both."""
    erp = Erp(found=0)
    an_exchange(erp)
    both = [("not-found", EXCHANGE.value), ("not-found", RMA.value)]
    assert (revisions(erp, SNAPSHOT), erp.exceptions()) == ([1], both)
    erp.hear(decision("retry", exception(erp, "not-found", step.value)["command"]))
    assert (revisions(erp, SNAPSHOT), erp.exceptions()) == ([1, 2], both)
    erp.order["found"] = 1
    erp.hear(decision("retry", exception(erp, "not-found", step.value)["command"]))
    assert (revisions(erp, SNAPSHOT), erp.exceptions()) == ([1, 2, 3], [])
    assert (len(erp.made(RMA)), len(erp.made(EXCHANGE))) == (1, 1)


def test_a_retry_asks_again_for_its_own_return_only() -> None:
    """The other return's exception stands as it did, and nothing is asked for its sake."""
    erp = Erp()
    erp.available = 0
    an_exchange(erp)
    lines = [tee(request="exchange")]
    erp.hear(snapshot(return_id="r2", type="exchange", lines=lines, replacements=[replacement()]))
    held = next(letter.content for letter in erp.row.open_letters() if letter.content["return_id"] == "r2")
    erp.hear(decision("retry", held["command"]))
    asked = [command.body["asked"] for command in erp.asked if command.kind is AVAILABILITY]
    subjects = [command.subject for command in erp.asked if command.kind is AVAILABILITY]
    assert (subjects, asked) == (["r1/l1", "r2/l1", "r2/l1"], [1, 1, 2])


def test_an_account_whose_clock_is_slow_is_asked_once() -> None:
    """Its answer looks older than is believed the moment it comes; by our own clock it is fresh."""
    erp = Erp()
    erp.slow_by = timedelta(hours=1)
    an_exchange(erp)
    assert revisions(erp, AVAILABILITY) == [1]
    assert len(erp.made(EXCHANGE)) == 1


def test_an_account_whose_clock_is_slow_is_asked_again_when_its_answer_is_old() -> None:
    """By our own clock as well: the answer was a quarter of an hour on its way, and the last one is sold by then."""
    erp = Erp()
    erp.slow_by = timedelta(hours=1)
    erp.silent.add(AVAILABILITY)
    an_exchange(erp)
    (question,) = (command for command in erp.asked if command.kind is AVAILABILITY)
    late = erp.carry_out(question)
    erp.available = 0
    erp.silent.clear()
    erp.now += timedelta(minutes=15)
    erp.hear(late)
    assert revisions(erp, AVAILABILITY) == [1, 2]
    assert (erp.made(EXCHANGE), exception(erp, "out-of-stock")["owner"]) == ([], "cx")


def test_when_a_question_was_asked_survives_its_record_and_its_row() -> None:
    """A worker that takes the row over judges the answer's age as the one before it would have."""
    erp = Erp()
    erp.slow_by = timedelta(hours=1)
    erp.silent.add(AVAILABILITY)
    an_exchange(erp)
    (question,) = (command for command in erp.asked if command.kind is AVAILABILITY)
    assert question.asked_at == "2026-11-27T10:00:00.000Z"
    assert Command.decode(question.encode()) == question
    erp.row = decode(encode(erp.row))
    erp.speak(AVAILABILITY)
    assert revisions(erp, AVAILABILITY) == [1]
    assert len(erp.made(EXCHANGE)) == 1
