"""The account's own ledger: what happened, in order, in the form of CONTRACTS section 7."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.doubles.bare.records import CURRENCIES, DIGITS, ZERO, Record, Row, Store

KINDS = {
    "returnAuthorization": "return_authorisation",
    "creditMemo": "credit_note",
    "journalEntry": "journal_entry",
    "itemReceipt": "item_receipt",
    "inventoryTransfer": "stock_movement",
    "inventoryAdjustment": "stock_movement",
    "salesOrder": "sales_order",
    "customer": "customer",
    "itemFulfillment": "fulfilment",
}


class Journal:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []

    @property
    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def write(self, record: Record, op: str = "create", **about: Any) -> None:
        currency = CURRENCIES.get(record.currency, "")
        entry = {
            "seq": len(self._entries) + 1,
            "at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "account": "ns",
            "kind": self._kind(record),
            "number": str(record.id),
            "external_ref": record.external_id,
            "order_id": record.order_id,
            "lines": [self._line(row, currency) for row in record.rows],
            "op": op,
            "amount": money(record.total, currency) if currency else None,
            "currency": currency,
            "location": None,
            "sellable": None,
            "disposition": None,
            "method": None,
            "of": None,
            "status": {"create": "open", "close": "closed", "reverse": "void"}.get(op, "open"),
            "date": record.day,
            **about,
        }
        with self._lock:
            self._entries.append(entry)

    def _kind(self, record: Record) -> str:
        if record.type == "salesOrder" and record.total == 0 and self._of_another(record):
            return "exchange_order"
        return KINDS.get(record.type, record.type)

    def _of_another(self, record: Record) -> bool:
        name = record.fields.get("otherRefNum")
        return any(
            other.fields.get("otherRefNum") == name and other is not record
            for other in self._store.of_type("salesOrder")
        )

    def _line(self, row: Row, currency: str) -> dict[str, Any]:
        item = self._store.items.get(row.item)
        return {
            "sku": item.sku if item else row.item,
            "quantity": str(row.quantity),
            "amount": money(row.gross, currency) if currency else None,
            "tax": money(row.tax or ZERO, currency) if currency else None,
            "location": row.location or None,
            "order_line": row.order_line,
        }


def money(amount: Decimal, currency: str) -> str:
    return format(amount.quantize(Decimal(1).scaleb(-DIGITS[currency])), "f")
