"""The other notes of a return, as far as a note is planned around them and their end is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.case import Case
from streams.clearing import AMOUNT_ONLY, NotePlan
from streams.documents.books import Books
from streams.documents.refunds import NOTE, Credited
from streams.row import Issued
from streams.verdicts import Stop, Waits

if TYPE_CHECKING:
    from streams.playbook import About


def wait_for_siblings(case: Case, about: About, account: Books) -> None:
    """A note waits while another one of its return may be there whose lines were planned otherwise than they are now.

    That one may have begun, and what is begun is posted as it was: only its end says what it leaves, and an end that
    nobody knows says nothing. Two notes went out on guesses, and one line was credited twice over (found by simulation,
    seeds 1624, 2499 and 3746).
    """
    credited: Credited = about.piece
    if credited.refund.kind in AMOUNT_ONLY:
        return
    kinds = {refund.refund_id: refund.kind for refund in credited.ret.refunds if not refund.mark}
    for issued in case.row.issued.values():
        command = issued.command
        if command.kind is not NOTE or command.account != case.account or command.subject == about.subject:
            continue
        if command.body["return_id"] != about.return_id or kinds.get(command.body["refund_id"]) in AMOUNT_ONLY:
            continue
        if case.done_body(NOTE, command.subject) is not None or not case.row.may_turn_up(issued):
            continue
        if case.row.is_settled(issued) and case.closed(command.id, command.revision):
            continue  # a person looked
        if _was_planned_otherwise(issued, account.plans.get(command.subject)):
            refund, letter = command.body["refund_id"], command.id
            if case.row.is_settled(issued):
                why = f"the note of refund {refund} may be there, and its lines have changed since"
                raise Stop(Waits(f"letter:{letter}", why, "credit_note", withdraw=True))
            why = f"the note of refund {refund} is on its way, and its lines have changed since"
            raise Stop(Waits(NOTE.value, why, "credit_note", withdraw=True))


def _was_planned_otherwise(issued: Issued, plan: NotePlan | None) -> bool:
    """Also where it is not planned any more: its refund has failed since."""
    return any(NotePlan.from_json(body["plan"]) != plan for _, body in issued.bodies.values())
