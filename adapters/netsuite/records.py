"""NetSuite's records in the project's terms: their names, references, rows and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from streams.money import DIGITS
from streams.vocabulary import DocumentKind

RECORDS: dict[DocumentKind, str] = {
    DocumentKind.RETURN_AUTHORISATION: "returnAuthorization",
    DocumentKind.CREDIT_NOTE: "creditMemo",
    DocumentKind.CREDIT_APPLICATION: "creditMemo",
    DocumentKind.ITEM_RECEIPT: "itemReceipt",
    DocumentKind.STOCK_MOVEMENT: "inventoryTransfer",
    DocumentKind.EXCHANGE_ORDER: "salesOrder",
    DocumentKind.RETURN_CLOSING: "returnAuthorization",
    DocumentKind.REVERSAL: "journalEntry",
}
SUBLISTS = {"journalEntry": "line", "inventoryTransfer": "inventory"}  # else: item

CLOSED = "H"
"""The status of a closed sales order or return authorisation (transaction status list of NetSuite's help)."""


def key_of(reference: Any) -> str:
    """The internal id of a reference, `{"id": ..}` or bare."""
    if isinstance(reference, Mapping):
        reference = reference.get("id")
    return "" if reference is None else str(reference)


def name_of(reference: Any) -> str:
    """What a reference is called, else its id."""
    if isinstance(reference, Mapping):
        return str(reference.get("refName") or key_of(reference))
    return "" if reference is None else str(reference)


def rows_of(record: Mapping[str, Any], sublist: str = "item") -> list[Mapping[str, Any]]:
    """The rows of an expanded sublist."""
    shown = record.get(sublist)
    items = shown.get("items") if isinstance(shown, Mapping) else None
    return [row for row in items or () if isinstance(row, Mapping)]


def number_of(value: Any) -> Decimal | None:
    """A number as REST shows it (JSON number or text); None for what is not there or is no number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def money_text(amount: Decimal, currency: str) -> str:
    """An amount with its currency's digits; more digits than that are shown as they are, never rounded away."""
    digits = DIGITS.get(currency)
    if digits is None:
        return format(amount, "f")
    exact = round(amount, digits)
    return format(exact, "f") if exact == amount else format(amount.normalize(), "f")


def gross_of(row: Mapping[str, Any]) -> Decimal | None:
    """A row's amount with its tax."""
    gross = number_of(row.get("grossAmt"))
    if gross is not None:
        return gross
    net = number_of(row.get("amount"))
    return None if net is None else net + (number_of(row.get("tax1Amt")) or Decimal(0))


def total_of(record: Mapping[str, Any]) -> Decimal | None:
    """What a document comes to: a journal's debits, else its header's total, else the sum of its rows."""
    debits = [amount for row in rows_of(record, "line") if (amount := number_of(row.get("debit"))) is not None]
    if debits:
        return sum(debits, Decimal(0))
    total = number_of(record.get("total"))
    if total is not None:
        return total
    gross = [amount for row in rows_of(record) if (amount := gross_of(row)) is not None]
    return sum(gross, Decimal(0)) if gross else None


def status_of(record: Mapping[str, Any]) -> Any:
    """The status reference: `orderStatus` on orders and returns, `status` elsewhere."""
    return record.get("orderStatus") or record.get("status")


def is_closed(record: Mapping[str, Any]) -> bool:
    """Whether an order or a return authorisation is closed: by its status, or by all of its lines."""
    status = status_of(record)
    if key_of(status) == CLOSED or name_of(status).casefold() == "closed":
        return True
    rows = rows_of(record)
    return bool(rows) and all(row.get("isClosed") is True for row in rows)
