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
    """A note waits while another one is on its way whose lines were planned otherwise than they are now.

    That one may have begun, and what is begun is posted as it was: only its end says what it leaves. Two notes went out
    on guesses, and one line was credited twice over (found by simulation, seeds 1624 and 3746).
    """
    credited: Credited = about.piece
    if credited.refund.kind in AMOUNT_ONLY:
        return
    kinds = {refund.refund_id: refund.kind for refund in credited.ret.refunds if not refund.mark}
    for subject, plan in account.plans.items():
        if subject == about.subject or subject in account.frozen or kinds.get(plan.refund_id) in AMOUNT_ONLY:
            continue
        issued = case.row.issued.get(case.command_id(NOTE, subject))
        if issued is not None and not case.row.is_settled(issued) and _was_planned_otherwise(issued, plan):
            why = f"the note of refund {plan.refund_id} is on its way, and its lines have changed since"
            raise Stop(Waits(NOTE.value, why, "credit_note", withdraw=True))


def _was_planned_otherwise(issued: Issued, plan: NotePlan) -> bool:
    return any(NotePlan.from_json(body["plan"]) != plan for _, body in issued.bodies.values())
