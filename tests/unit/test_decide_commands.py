"""How a decision treats what it decided before: revisions, voids, people's words, lateness, and deciding twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.commands import Command, Failure, command_id
from streams.decide import decide
from streams.facts import Decision, Fact
from streams.rowcodec import encode
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.histories import histories
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE
SOLD = [order_line(str(n), f"ol{n}", f"SKU-{n}", 9, "360.00", "60.03") for n in (1, 2)]


def refunded(amount: str, version: int = 1, state: str = "paid", **changes: Any) -> Fact:
    return snapshot(version, refunds=[refund("rf1", amount, state)], **changes)


def asked(erp: Erp, kind: DocumentKind) -> list[Command]:
    return [command for command in erp.asked if command.kind is kind]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_deciding_twice_changes_nothing(facts: list[Fact], data: st.DataObject) -> None:
    """At any point of any history, whichever commands are still under way, a second decision adds nothing."""
    erp = Erp(lines=SOLD, total="720.00")
    endings = data.draw(st.lists(st.booleans(), min_size=8, max_size=8))
    for number, fact in enumerate(facts):
        erp.row.absorb(fact)
        for command in erp.decide():
            if endings[(number + len(erp.asked)) % 8] or command.kind.is_question:
                erp.row.absorb(erp.carry_out(command))
        erp.decide()
        before = encode(erp.row)
        decide(erp.row, erp.rules, erp.now, erp.row.stamp)
        assert encode(erp.row) == before
        assert list(erp.row.unpublished()) == []


# -- what is under way


def test_a_command_not_wanted_any_more_is_voided_while_in_flight() -> None:
    """The refund failed before the note was begun: a revision that voids it, and no document."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded("40.00"))
    erp.hear(refunded("40.00", 2, "failed"))
    assert [(command.revision, command.void) for command in asked(erp, NOTE)] == [(1, False), (2, True)]
    erp.speak(NOTE)
    assert erp.made(NOTE) == []
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_a_void_that_came_too_late_is_a_reversal() -> None:
    """The note was begun already and ends as done: it is taken back by a document of its own, after approval."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded("40.00"))
    erp.hear(refunded("40.00", 2, "failed"))
    first = asked(erp, NOTE)[0]
    erp.row.absorb(erp.carry_out(first))
    erp.settle()
    assert len(erp.made(NOTE)) == 1
    assert exception(erp, "mismatch", "reversal")["refund_id"] == "rf1"


def test_withheld_then_wanted_again_it_is_sent_under_a_new_revision() -> None:
    """Paid, failed (void), paid again: one note."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded("40.00"))
    erp.hear(refunded("40.00", 2, "failed"))
    erp.speak(NOTE)
    erp.hear(refunded("40.00", 3))
    assert [command.revision for command, _ in erp.documents if command.kind is NOTE] == [3]


def test_wanted_again_before_the_void_has_ended_it_is_revised_once_more() -> None:
    """Whatever the dispatcher has read by then, the newest revision says that the note is wanted."""
    erp = Erp()
    erp.silent.add(NOTE)
    for version, state in enumerate(("paid", "failed", "paid"), start=1):
        erp.hear(refunded("40.00", version, state))
    assert [(command.revision, command.void) for command in asked(erp, NOTE)] == [(1, False), (2, True), (3, False)]
    erp.speak(NOTE)
    assert len(erp.made(NOTE)) == 1


def test_content_that_changes_while_waiting_makes_a_new_revision() -> None:
    """The amount grows before the note was begun: one note, for the new amount."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded("30.00"))
    erp.hear(refunded("40.00", 2))
    erp.speak(NOTE)
    assert [(command.revision, command.body["amount"]) for command, _ in erp.documents if command.kind is NOTE] == [
        (2, "40.00")
    ]


def test_the_body_that_was_posted_counts_not_the_newest() -> None:
    """Revision 1 was begun when revision 2 was decided: the growth becomes a supplement."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded("30.00"))
    first = asked(erp, NOTE)[0]
    erp.hear(refunded("40.00", 2))
    erp.row.absorb(erp.carry_out(first))
    erp.silent.clear()
    erp.settle()
    notes = [(command.subject, command.body["amount"]) for command, _ in erp.documents if command.kind is NOTE]
    assert notes == [("rf1", "30.00"), ("rf1~2", "10.00")]


def test_a_new_profile_leaves_the_meaning_of_a_command_in_flight() -> None:
    """Another code for the same reason makes no revision; the next return takes the new code."""
    erp = Erp()
    erp.silent.add(RMA)
    erp.hear(snapshot())
    erp.rules = rules(('too_small = { ns = "1" }', 'too_small = { ns = "99" }'), version=2)
    erp.settle()
    assert [(command.revision, command.profile_version) for command in asked(erp, RMA)] == [(1, 1)]
    erp.speak(RMA)
    erp.hear(snapshot(return_id="r2"))
    assert [body["lines"][0]["reason"] for body in erp.made(RMA)] == ["1", "99"]


def test_a_document_under_two_numbers_is_an_exception() -> None:
    """Two numbers for one command are kept and shown; none is silently the first."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    erp.row.absorb(erp.carry_out(asked(erp, NOTE)[0]))
    erp.settle()
    assert "under more than one number" in exception(erp, "duplicate", "credit_note")["reason"]


def test_an_outcome_nobody_asked_for_is_an_exception() -> None:
    """A document for a command that the row does not know is a fact about the world."""
    erp, other = Erp(), Erp()
    other.hear(snapshot(return_id="r7"))
    erp.row.absorb(other.carry_out(asked(other, RMA)[0]))
    erp.settle()
    assert "never asked for" in exception(erp, "mismatch")["reason"]


def test_a_note_waits_while_the_order_does_not_know_what_another_credits() -> None:
    """A worker that was taken for dead hears only the end of what its successor made: it counts for some amount."""
    erp, other = Erp(), Erp()
    other.silent.add(NOTE)
    other.hear(refunded("40.00"))
    erp.row.absorb(other.carry_out(asked(other, NOTE)[0]))
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "10.00")], lines=[hat()]))
    assert erp.made(NOTE) == []
    letter = exception(erp, "mismatch", "order")["command"]["id"]
    assert ("credit_note", f"letter:{letter}") in erp.waiting()
    erp.row.issued.update(other.row.issued)  # the rows are joined
    erp.settle()
    assert [command.subject for command in asked(erp, NOTE)] == ["rf2"]


def test_a_person_lets_a_note_go_beside_one_of_which_nothing_is_known() -> None:
    """The row was lost: nobody will ever tell the order what the other note credits, but Finance can look."""
    erp, other = Erp(), Erp()
    other.silent.add(NOTE)
    other.hear(refunded("40.00"))
    erp.row.absorb(other.carry_out(asked(other, NOTE)[0]))
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "10.00")], lines=[hat()]))
    erp.hear(decision("post_anyway", command_id=command_id("ns", erp.row.order_key, "credit_note", "rf2")))
    assert [command.body["amount"] for command in asked(erp, NOTE)] == ["10.00"]


# -- what people say


def ruling(erp: Erp, said: Fact) -> str:
    """What the order made of a decision."""
    assert isinstance(said, Decision)
    return erp.row.rulings[said.decision_id]


def refused_note() -> Erp:
    """An order whose note the account refused."""
    erp = Erp()
    erp.refuse[NOTE] = Failure(ErrorKind.REFUSED, "no such customer")
    erp.hear(refunded("40.00"))
    return erp


def test_done_by_hand_ends_a_dead_step_under_the_number_given() -> None:
    """What Finance posted itself is not posted again, and what follows names it."""
    erp = refused_note()
    erp.hear(decision("done_by_hand", exception(erp, "refused")["command"], number="CM-77"))
    assert erp.made(NOTE) == []
    (application,) = erp.made(DocumentKind.CREDIT_APPLICATION)
    assert application["source"] == {"kind": "credit_note", "number": "CM-77"}
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_a_held_note_made_by_hand_counts_as_posted() -> None:
    """Held, never asked for, made by Finance: it is applied to the invoice, and its failed refund is told."""
    erp = Erp()
    erp.hear(refunded("45.00"))
    erp.hear(decision("done_by_hand", exception(erp, "mismatch")["command"], number="CM-77"))
    assert erp.made(NOTE) == []
    (application,) = erp.made(DocumentKind.CREDIT_APPLICATION)
    assert (application["source"]["number"], application["amount"]) == ("CM-77", "45.00")
    erp.hear(refunded("45.00", 2, "failed"))
    held = exception(erp, "mismatch", "reversal")
    assert held["command"]["body"]["source"] == {"kind": "credit_note", "number": "CM-77"}


def test_a_retry_sends_a_new_revision_and_counts_once() -> None:
    """Refused again under its new revision, it waits for a retry of its own."""
    erp = refused_note()
    seen = exception(erp, "refused")["command"]
    first = decision("retry", seen)
    erp.hear(first)
    assert [command.revision for command in asked(erp, NOTE)] == [1, 2]
    assert ruling(erp, first) == "applied", "what was right when it was said stays so"
    again = decision("retry", seen)
    erp.hear(again)
    assert ruling(erp, again) == "void: revision moved on from 1 to 2"
    assert [command.revision for command in asked(erp, NOTE)] == [1, 2]


def test_changed_content_is_tried_again_by_itself() -> None:
    """What was refused is not what is wanted now."""
    erp = refused_note()
    erp.refuse.clear()
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00", method="store_credit")]))
    assert [(command.revision, command.body["method"]) for command, _ in erp.documents if command.kind is NOTE] == [
        (2, "store_credit")
    ]


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        ("approve", {"revision": 7}, "void: revision moved on from 7 to 1"),
        ("approve", {"hash": "0123456789abcdef"}, "void: the content moved on since it was seen"),
        ("approve", {"command_id": "nobody"}, "void: this order has no command nobody"),
        ("done_by_hand", {}, "void: done_by_hand needs the document's `number`"),
        ("name_order", {}, "void: name_order needs `to`"),
    ],
)
def test_a_void_decision_says_so_and_does_nothing(kind: str, changes: dict[str, Any], why: str) -> None:
    """You act on what you saw: what has moved on since is not decided by you."""
    erp = refused_note()
    command = exception(erp, "refused")["command"]
    about = {"command_id": command["id"], "revision": command["revision"], "hash": command["hash"]}
    said = decision(kind, **{**about, **changes})
    before = len(erp.asked)
    erp.hear(said)
    assert ruling(erp, said) == why
    assert len(erp.asked) == before
    assert exception(erp, "refused")["command"]["id"] == command["id"]


def test_a_decision_about_an_exception_that_has_closed_is_still_about_what_was_seen() -> None:
    """The line that was held has gone, and nothing was asked: content that nobody was shown is void all the same."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee("l9", order_line_id="ol9", sku="SHOE-1"), hat()]))
    held = exception(erp, "not-found")["command"]
    erp.hear(snapshot(2, lines=[hat()]))
    assert erp.exceptions() == []
    never, seen = decision("approve", {**held, "hash": "0" * 24}), decision("approve", held)
    erp.hear(never, seen)
    assert ruling(erp, never) == "void: the content moved on since it was seen"
    assert ruling(erp, seen) == "applied"


def test_a_yes_to_other_content_does_not_count_for_what_is_wanted_now() -> None:
    """Approved at 45.00; the refund is 47.00 by the time: it is held again."""
    erp = Erp()
    erp.silent.add(RMA)
    erp.hear(refunded("45.00"))
    erp.speak(RMA)
    held = exception(erp, "mismatch", "credit_note")
    erp.row.absorb(refunded("47.00", 2))
    said = decision("post_anyway", held["command"])
    erp.hear(said)
    assert erp.made(NOTE) == []
    assert "GBP 7.00 too much" in exception(erp, "mismatch", "credit_note")["reason"]


def test_a_retry_about_a_held_part_asks_for_its_whole_step_anew() -> None:
    """The line was not on the order when it was read; somebody put it there and retries the line's exception."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33")])
    erp.hear(snapshot(lines=[tee(), hat()]))
    held = exception(erp, "not-found", "return_authorisation")
    assert held["part"] == "l2"
    erp.settle()
    assert [[line["line_id"] for line in body["lines"]] for body in erp.made(RMA)] == [["l1"]]
    erp.order["lines"] = [*erp.order["lines"], order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67")]
    said = decision("retry", held["command"])
    erp.hear(said)
    assert ruling(erp, said) == "applied"
    assert [[line["line_id"] for line in body["lines"]] for body in erp.made(RMA)] == [["l1"], ["l2"]]
    assert erp.exceptions() == []


def test_a_decision_about_a_part_is_void_once_the_part_moved_on() -> None:
    """The part's exception has a hash of its own: another reason is another exception to look at."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee("l9", quantity=3), hat()]))
    seen = exception(erp, "mismatch", "return_authorisation")["command"]
    erp.hear(snapshot(2, lines=[tee("l9", quantity=4), hat()]))
    said = decision("approve", seen)
    erp.hear(said)
    assert ruling(erp, said) == "void: the content moved on since it was seen"


def test_approval_of_the_waiting_note_posts_it() -> None:
    """R18: the profile has Finance approve each note; what waits names the command to say yes to."""
    erp = Erp(using=rules(("approval = [] ", 'approval = ["credit_note"] ')))
    erp.hear(refunded("40.00"))
    assert erp.waiting() == [("credit_note", "approval")]
    (waits,) = erp.row.waiting.values()
    erp.hear(decision("approve", command_id=waits.command_id))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]


def test_a_new_wish_for_approval_leaves_what_was_refused_an_exception() -> None:
    """R18: a yes is for what is to be sent; that the books have it otherwise than asked stays with Finance."""
    erp = refused_note()
    before = (erp.exceptions(), erp.waiting())
    erp.rules = rules(("approval = [] ", 'approval = ["credit_note"] '), version=2)
    erp.settle()
    assert (erp.exceptions(), erp.waiting()) == before
    erp.refuse.clear()
    erp.hear(decision("retry", exception(erp, "refused")["command"]))
    assert (erp.exceptions(), erp.waiting()) == ([], [("credit_note", "approval")])
    (waits,) = erp.row.waiting.values()
    erp.hear(decision("approve", command_id=waits.command_id))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]


# -- what is late (V02)


def alarms(erp: Erp) -> list[tuple[str, str]]:
    return [(alarm.content["step"], alarm.content["deadline"]) for alarm in erp.row.alarms.values() if alarm.open]


def test_v02_a_late_authorisation_raises_an_alarm_that_ends_with_it() -> None:
    """Owed within five minutes: not a minute sooner, and no longer than until it is there."""
    erp = Erp()
    erp.silent.add(RMA)
    erp.hear(snapshot())
    erp.pass_time(timedelta(minutes=4))
    assert alarms(erp) == []
    erp.pass_time(timedelta(minutes=1))
    assert alarms(erp) == [("return_authorisation", "return_authorisation")]
    erp.speak(RMA)
    assert alarms(erp) == []
    assert all(alarm.published for alarm in erp.row.alarms.values()), "its end is told too"


def test_v02_a_parcel_that_nobody_inspects_raises_an_alarm() -> None:
    """72 hours after it was received."""
    erp = Erp()
    erp.hear(snapshot(state="received"))
    erp.pass_time(timedelta(hours=71))
    assert alarms(erp) == []
    erp.pass_time(timedelta(hours=1))
    assert alarms(erp) == [("item_receipt", "inspection")]
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert alarms(erp) == []


def test_v02_what_waits_on_does_not_start_its_time_again() -> None:
    """Other news of the order leaves the time since when something is owed."""
    erp = Erp()
    erp.silent.add(RMA)
    erp.hear(snapshot())
    for version in range(2, 6):
        erp.pass_time(timedelta(minutes=1))
        erp.hear(snapshot(version, state="shipped"))
    erp.pass_time(timedelta(minutes=1))
    assert alarms(erp) == [("return_authorisation", "return_authorisation")]


def test_an_outcome_of_an_older_revision_does_not_end_the_newer_one() -> None:
    """Revision 1 was withheld as superseded; revision 2 is still under way."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(refunded("30.00"))
    erp.hear(refunded("40.00", 2))
    old = asked(erp, NOTE)[0]
    erp.row.absorb(erp._outcome(old, OutcomeStatus.WITHHELD, reason="superseded"))
    erp.settle()
    assert [command.revision for command in asked(erp, NOTE)] == [1, 2]
    assert ("credit_note", "account:ns") in erp.waiting()
