"""Which of the ledger's kinds a call is about, so that a fault can be aimed at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.netsuite.simulator import suiteql
from adapters.netsuite.simulator.journals import REVERSES
from adapters.simulators import money

_KINDS = {
    "salesOrder": "sales_order",
    "returnAuthorization": "return_authorisation",
    "creditMemo": "credit_note",
    "cashRefund": "credit_note",
    "itemReceipt": "item_receipt",
    "itemFulfillment": "fulfilment",
    "inventoryTransfer": "stock_movement",
    "inventoryAdjustment": "stock_movement",
    "journalEntry": "journal_entry",
    "customer": "customer",
    "invoice": "invoice",
    "accountingPeriod": "accounting_period",
}


def call_kind(method: str, parts: Sequence[str], body: Mapping[str, Any]) -> str | None:
    """A ledger kind, or `invoice`, `accounting_period`, `query`; a transform is about its target."""
    if parts[:2] == ["query", "v1"]:
        table = suiteql.table_of(str(body.get("q", "")))
        return "stock_level" if table in ("inventoryitemlocations", "aggregateitemlocation") else "query"
    if parts[0] != "record" or len(parts) < 3:
        return None
    kind = _KINDS.get(parts[-1] if "!transform" in parts else parts[2])
    if kind == "credit_note" and method == "PATCH" and "apply" in body:
        return "credit_application"
    if kind == "journal_entry" and (body.get(REVERSES) or body.get("createdFrom")):
        return "reversal"
    if kind == "sales_order" and method in ("POST", "PUT") and body.get("otherRefNum") and _is_free(body):
        return "exchange_order"
    return kind


def _is_free(body: Mapping[str, Any]) -> bool:
    sublist = body.get("item")
    rows = sublist.get("items") if isinstance(sublist, Mapping) else None
    if not isinstance(rows, list):
        return False
    try:
        return not any(
            money.read(row.get(name) or 0) for row in rows for name in ("grossAmt", "amount", "rate", "tax1Amt")
        )
    except (AttributeError, ValueError):
        return False
