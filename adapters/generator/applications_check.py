"""Credits against invoices (R05): to the one that billed the line, then to the oldest that is open; none forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from adapters.generator.amounts import ZERO
from adapters.generator.books import CREDITS, Books, Document
from adapters.generator.expected import Expected, SoldInvoice
from adapters.generator.verdict import Open, Verdict

_NOTHING = Open([], [])


def check(verdict: Verdict, expected: Expected, books: Books, opened: Mapping[str, Open]) -> None:
    """Adds to the verdict what is wrong with the applications."""
    notes: dict[str, list[Document]] = {}
    for document in books.of_kind(*CREDITS):
        notes.setdefault(document.order_id, []).append(document)
    for order_id, sold in expected.orders.items():
        applied = books.applied.get(order_id, {})
        for invoice in sold.invoices:
            amount = applied.get(invoice.number, ZERO)
            if amount > Decimal(invoice.open):
                what = f"{amount} applied to {invoice.number}, of which {invoice.open} was open"
                verdict.add("R05", "applied-more-than-open", order_id, what)
        standing = notes.get(order_id, [])
        if any(note.net != note.amount or note.currency != sold.currency for note in standing):
            continue  # of one that was taken back nobody can say which application went with it
        if opened.get(order_id, _NOTHING).application():
            continue
        credited = sum((note.net for note in standing), ZERO)
        due = min(credited, sum((Decimal(invoice.open) for invoice in sold.invoices), ZERO))
        if sum(applied.values(), ZERO) < due:
            what = f"{credited} credited and {due} of it due on open invoices; applied is {_spoken(applied)}"
            verdict.add("R05", "open-invoice-forgotten", order_id, what)
        elif len(standing) == 1 and len(sold.invoices) > 1 and not _has_fee(standing[0]):
            wanted = _wanted(standing[0], sold.invoices)
            if wanted != {number: amount for number, amount in applied.items() if amount}:
                what = f"{standing[0].number} is to go to {_spoken(wanted)}; it went to {_spoken(applied)}"
                verdict.add("R05", "applied-elsewhere", order_id, what)


def _has_fee(note: Document) -> bool:
    """Which of several lines a fee is taken from is nowhere said."""
    return any(Decimal(str(line.get("amount") or 0)) < 0 for line in note.lines)


def _wanted(note: Document, invoices: list[SoldInvoice]) -> dict[str, Decimal]:
    """What of a note goes where; the invoices are in order of age."""
    left, found = note.net, {invoice.number: ZERO for invoice in invoices}
    for invoice in invoices:
        billed = sum((Decimal(str(line["amount"])) for line in note.lines if line["sku"] in invoice.skus), ZERO)
        found[invoice.number] = min(billed, Decimal(invoice.open), left)
        left -= found[invoice.number]
    for invoice in invoices:
        more = min(left, Decimal(invoice.open) - found[invoice.number])
        found[invoice.number] += more
        left -= more
    return {number: amount for number, amount in found.items() if amount}


def _spoken(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount} to {number}" for number, amount in sorted(amounts.items())) or "nothing"
