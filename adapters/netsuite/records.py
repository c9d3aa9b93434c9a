"""NetSuite's records in the project's terms: their names, references, numbers, and this account's custom fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

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

# Custom fields (invented: NetSuite has none for these; an account that runs this has to add them).
ORDER_LINE_ID = "custcol_order_line_id"
RETURN_REASON = "custcol_return_reason"
LIST_PRICE = "custcol_list_price"
REFUND_METHOD = "custbody_refund_method"
REVERSES = "custbody_reverses"

CLOSED = "H"
"""The status of a closed sales order or return authorisation (transaction status list of NetSuite's help)."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What an account's table in the profile may say beyond its limits."""

    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Dates of documents are days in this zone; without it, UTC days."""
    currencies: Mapping[str, str] = field(default_factory=dict)
    """ISO code -> internal id. Without an entry the currency is named by its ISO code."""
    receivable_account: str = "119"
    returns_account: str = "54"
    """Where a reversal is booked: the ids that a fresh account's chart gives Accounts Receivable and Sales (LOW:
    seen in public samples only); Finance names its own with `receivable_account` and `returns_account`."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> AccountSettings:
        """From the account's table; what it does not name stays as it is."""
        return cls(
            time_zone=ZoneInfo(str(raw.get("time_zone", "UTC"))),
            currencies={str(iso): str(number) for iso, number in dict(raw.get("currencies", {})).items()},
            receivable_account=str(raw.get("receivable_account", "119")),
            returns_account=str(raw.get("returns_account", "54")),
        )

    def currency(self, iso: str) -> dict[str, str]:
        number = self.currencies.get(iso)
        return {"id": number, "refName": iso} if number else {"refName": iso}

    def iso(self, reference: Any) -> str:
        """The ISO code of a currency as a record shows it."""
        number = key_of(reference)
        for iso, known in self.currencies.items():
            if known == number:
                return iso
        name = name_of(reference)
        return name if name in DIGITS else number if number in DIGITS else name

    def day(self, moment: str) -> date:
        """The account's day of an RFC 3339 time."""
        return datetime.fromisoformat(moment).astimezone(self.time_zone).date()


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
