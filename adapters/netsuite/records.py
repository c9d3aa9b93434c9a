"""NetSuite's records in the project's terms: their names, references, rows, and the values they show.

Whatever a vendor's JSON holds is read here, and nowhere else: text, numbers, amounts, flags and days, each with its
bounds. These functions never raise; what cannot be read is None or empty, and `adapters.netsuite.shapes` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
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

LONGEST_TEXT = 300
"""Characters: the longest that a NetSuite field of one line holds. What is longer is cut; no id is."""

YEARS = range(1970, 2200)
"""Of days that are read or written. Others are a unit that was mistaken for another."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9:.+Z-]{0,40})?", re.ASCII)
_MOST_DIGITS = 15  # before the point; no amount or quantity is larger (streams.money)
_FINEST = Decimal("1e-12")  # finer is the noise of somebody's floats
_FINEST_MONEY = 4  # digits after the point: no currency has more
_EXACT = Context(rounding=ROUND_HALF_UP)  # its 28 digits hold all of these


def text_of(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A text or number as text that can be written again; nothing for what is not there or is neither."""
    if isinstance(value, str):
        text = value if len(value) <= longest else value[: longest - 3] + "..."
        # JSON may name half of a surrogate pair, which no UTF-8 can hold.
        return text.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**40 else ""
    number = number_of(value)
    return "" if number is None else format(number, "f")


def key_of(reference: Any) -> str:
    """The internal id of a reference, `{"id": ..}` or bare."""
    return text_of(reference.get("id") if isinstance(reference, Mapping) else reference)


def name_of(reference: Any) -> str:
    """What a reference is called, else its id."""
    if isinstance(reference, Mapping):
        return text_of(reference.get("refName")) or key_of(reference)
    return text_of(reference)


def rows_of(record: Mapping[str, Any], sublist: str = "item") -> list[Mapping[str, Any]]:
    """The rows of an expanded sublist, in the order of their line numbers where all have one.

    A discount or subtotal is about the rows above it, and nothing says that a list comes in the order of its lines.
    """
    shown = record.get(sublist)
    items = shown.get("items") if isinstance(shown, Mapping) else None
    rows = [row for row in items if isinstance(row, Mapping)] if isinstance(items, list) else []
    lines = [text_of(row.get("line")) for row in rows]
    if all(line.isdecimal() for line in lines):
        return [row for _, row in sorted(zip(lines, rows, strict=True), key=lambda pair: int(pair[0]))]
    return rows


def number_of(value: Any) -> Decimal | None:
    """A number as REST shows it (JSON number or text); None for what is not there, is none, or is out of bounds."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        return None
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or number.adjusted() >= _MOST_DIGITS:
        return None
    return number.quantize(_FINEST, context=_EXACT) if _places(number) > 12 else number


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount in its currency's digits, halves away from zero: vendors show more (13.3333, 40.000000000000004).

    Of a currency that is not known only the noise is taken off.
    """
    digits = DIGITS.get(currency, max(0, min(_places(amount), _FINEST_MONEY)))
    exact = amount.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    return exact or abs(exact)  # no minus before nothing


def amount_of(value: Any, currency: str) -> Decimal | None:
    """An amount of money as REST shows it, rounded to its currency; None for what is not there or is none."""
    number = number_of(value)
    return None if number is None else rounded(number, currency)


def money_text(amount: Decimal, currency: str) -> str:
    """An amount with its currency's digits."""
    return format(rounded(amount, currency), "f")


def flag_of(value: Any) -> bool | None:
    """True or false, as records (`true`) and SuiteQL (`T`) show it; None for what is not there or is neither."""
    if isinstance(value, bool):
        return value
    return {"t": True, "true": True, "f": False, "false": False}.get(value.lower()) if isinstance(value, str) else None


def day_of(value: Any) -> date | None:
    """The day of a date or a time in ISO form; None for what is not there, is none, or is out of bounds."""
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    return day if day is not None and day.year in YEARS else None


def is_absent(value: Any) -> bool:
    """Whether a field is not there, or is empty."""
    return value is None or value == ""


def gross_of(row: Mapping[str, Any], currency: str = "") -> Decimal | None:
    """A row's amount with its tax."""
    if not is_absent(row.get("grossAmt")):
        return amount_of(row["grossAmt"], currency)
    net = number_of(row.get("amount"))
    tax = Decimal(0) if is_absent(row.get("tax1Amt")) else number_of(row["tax1Amt"])
    return None if net is None or tax is None else rounded(net + tax, currency)


def total_of(record: Mapping[str, Any], currency: str = "") -> Decimal | None:
    """What a document comes to: a journal's debits, else its header's total, else the sum of its rows."""
    debits = [
        amount for row in rows_of(record, "line") if (amount := amount_of(row.get("debit"), currency)) is not None
    ]
    if debits:
        return sum(debits, Decimal(0))
    if not is_absent(record.get("total")):
        return amount_of(record["total"], currency)
    gross = [amount for row in rows_of(record) if (amount := gross_of(row, currency)) is not None]
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
    return bool(rows) and all(flag_of(row.get("isClosed")) is True for row in rows)


def _places(number: Decimal) -> int:
    """Digits after the point of a finite number; negative where zeros before it are left out."""
    return -int(number.as_tuple().exponent)
