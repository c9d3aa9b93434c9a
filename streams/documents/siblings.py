"""The other notes of an order, as far as a note has to be planned around them and not enough is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.case import Case
from streams.clearing import AMOUNT_ONLY, NotePlan
from streams.commands import Body, command_id
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


def wait_for_unknown(case: Case, body: Body) -> None:
    """A note waits while one of the order stands of which the order does not know what it credits.

    A worker that was taken for dead and goes on hears of what its successor had made, and asked for none of it: it
    counted that as nothing, and posted more than was paid (found by simulation, seed 10695). The same is true of a row
    that was lost. Once the rows are joined the note is known; where they cannot be, Finance says that it may go.
    """
    for cid, known in sorted(case.row.outcomes.items()):
        if cid in case.row.issued:
            continue
        numbers = sorted(number for number, done in known.done.items() if done["kind"] == NOTE.value)
        if numbers:
            letter = command_id("", case.row.order_key, "order", cid)
            why = f"credit note {', '.join(numbers)} stands, and this order does not know what it credits"
            raise Stop(Waits(f"letter:{letter}", why, "credit_note", body=body))


def _was_planned_otherwise(issued: Issued, plan: NotePlan | None) -> bool:
    """Also where it is not planned any more: its refund has failed since."""
    return any(NotePlan.from_json(body["plan"]) != plan for _, body in issued.bodies.values())
