"""A posted credit note applied to the order's invoices (R05): first to what billed its lines, then to the oldest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.documents.order import Matched, match, snapshot
from streams.money import InvalidMoney, shown_minor, to_minor, to_text
from streams.verdicts import Ready, Stop, Waits, skip
from streams.vocabulary import DocumentKind

if TYPE_CHECKING:
    from streams.playbook import About, Position

_NAMES = ("order_line", "order_line_id", "sku")
"""What tells which order line an invoice's row billed; the first that both show decides."""


@dataclass(frozen=True, slots=True)
class Credit:
    """What a note credits of one order line, and the invoices that billed the line."""

    amount: int
    billed_on: frozenset[str]


def application(case: Case, about: About) -> Ready:
    """To what is open on the order's invoices; what none of them takes stays open, and the body says how much.

    One command for the whole note: it is one change of one document, so that all of it is applied or nothing.
    """
    position: Position = about.piece
    note = position.body or {}
    order = snapshot(case, about.return_id)
    question = {
        "order_id": case.row.order_key,
        "order_number": str(order["number"]),
        "note": position.number,
        "after": _applied_before(case, about),
    }
    answer = case.ask(DocumentKind.INVOICE, about.subject, question, return_id=about.return_id)
    currency, amount = note["currency"], to_minor(note["amount"], note["currency"])
    invoices = [entry for entry in answer.get("invoices", ()) if entry["currency"] in ("", currency)]
    still_open = {str(entry["number"]): _open(entry, currency) for entry in sorted(invoices, key=_age)}
    shares = apportion(amount, _credits(case, about, note, order, invoices), still_open)
    if not shares:
        raise skip(
            "the invoice is settled: the credit stays open"
            if invoices
            else "there is no invoice: the credit stays open"
        )
    applied = sum(shares.values())
    return Ready(
        {
            "order_id": case.row.order_key,
            "return_id": about.return_id,
            "refund_id": about.refund_id,
            "currency": currency,
            "amount": to_text(applied, currency),
            "stays_open": to_text(amount - applied, currency),
            "source": {"kind": DocumentKind.CREDIT_NOTE.value, "number": position.number},
            "invoices": [{"number": number, "amount": to_text(share, currency)} for number, share in shares.items()],
        }
    )


def apportion(amount: int, credits: Sequence[Credit], still_open: Mapping[str, int]) -> dict[str, int]:
    """How much of a note goes to each invoice, the oldest first in `still_open` and in the answer.

    What is credited of a line goes to the invoice that billed it, as far as that is open; the rest to the oldest.
    """
    taken: Counter[str] = Counter()
    left = amount
    anything = Credit(amount, frozenset(still_open))
    for credit in (*credits, anything):
        of_credit = credit.amount
        for number, is_open in still_open.items():
            share = min(of_credit, left, is_open - taken[number])
            if number in credit.billed_on and share > 0:
                taken[number] += share
                of_credit, left = of_credit - share, left - share
    return {number: taken[number] for number in still_open if taken[number]}


def _open(invoice: Mapping[str, Any], currency: str) -> int:
    """What is open on an invoice; one that does not say is left alone."""
    try:
        return shown_minor(invoice["open"], currency)
    except InvalidMoney:
        return 0


def _age(invoice: Mapping[str, Any]) -> tuple[str, int, str]:
    """Older ones first: by day, then by number, which counts up."""
    number = str(invoice["number"])
    return str(invoice.get("date") or ""), len(number), number


def _credits(
    case: Case,
    about: About,
    note: Mapping[str, Any],
    order: Mapping[str, Any],
    invoices: Sequence[Mapping[str, Any]],
) -> list[Credit]:
    """The note's lines that credit a line of the order."""
    ret = case.returns.get(about.return_id)
    lines = {line.line_id: line for line in ret.lines} if ret is not None else {}
    found: list[Credit] = []
    for entry in note["lines"]:
        line = lines.get(str(entry.get("line_id")))
        matched = match(case, order, line, ret.currency) if ret is not None and line is not None else None
        if isinstance(matched, Matched):
            sold = matched.row_of(str(entry.get("order_line")))
            billed_on = frozenset(str(invoice["number"]) for invoice in invoices if _has_billed(invoice, sold))
            found.append(Credit(to_minor(entry["amount"], note["currency"]), billed_on))
    return found


def _has_billed(invoice: Mapping[str, Any], sold: Mapping[str, Any]) -> bool:
    """Whether an invoice billed an order line: by the line's number, else the channel's id, else its SKU."""
    for row in invoice.get("lines", ()):
        name = next((name for name in _NAMES if row.get(name) and sold.get(name)), "")
        if name and row[name] == sold[name]:
            return True
    return False


def _applied_before(case: Case, about: About) -> int:
    """How often other credits of the order were, or may have been, applied. One goes after the other: each changes what
    is open.

    The count is part of the question, so that an answer from before another application is not believed. One that
    ended so that nobody knows counts too, and each of its tries: any of them may be the one that was applied.
    """
    from streams.playbook import State

    mine = case.command_id(DocumentKind.CREDIT_APPLICATION, about.subject)
    others = [
        issued
        for issued in case.row.issued.values()
        if issued.command.kind is DocumentKind.CREDIT_APPLICATION and issued.command.id != mine
    ]
    on_its_way = any(
        position.state in (State.READY, State.IN_FLIGHT) and position.command_id != mine
        for position in case.all_placed(DocumentKind.CREDIT_APPLICATION)
    )
    if on_its_way or not all(case.row.is_settled(issued) for issued in others):
        why = "another credit of the order is being applied to the invoice"
        raise Stop(Waits(DocumentKind.CREDIT_APPLICATION.value, why))
    return sum(
        issued.command.revision
        for issued in others
        if case.row.outcome_of(issued.command.id).done or case.row.may_turn_up(issued)
    )
