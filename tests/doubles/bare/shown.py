"""How the account shows a record: the vendor's several ways of saying one thing, taken in turns."""

from __future__ import annotations

import math
import zlib
from decimal import Decimal
from typing import Any

from tests.doubles.bare.records import NAMES, RATES, ZERO, Item, Record, Row, Store

STATUSES = {
    "salesOrder": {"B": "Pending Fulfillment", "F": "Pending Billing", "G": "Billed", "H": "Closed"},
    "returnAuthorization": {
        "A": "Pending Approval",
        "B": "Pending Receipt",
        "D": "Partially Received",
        "E": "Pending Refund/Partially Received",
        "F": "Pending Refund",
        "G": "Refunded",
        "H": "Closed",
    },
    "creditMemo": {"A": "Open", "B": "Fully Applied"},
    "invoice": {"A": "Open", "B": "Paid In Full"},
}
COUNTED = frozenset({"item", "apply", "inventory", "line"})


class Shown:
    """Records as JSON. What is empty is left out; custom fields there are none."""

    def __init__(self, store: Store, base_url: str = "") -> None:
        self._store = store
        self.base_url = base_url
        self.odd = True  # numbers as text, and with long fractions

    def record(self, record: Record, expanded: bool) -> dict[str, Any]:
        turn = record.id // 3
        said: dict[str, Any] = {
            "id": str(record.id),
            "links": self._link(f"{record.type.lower()}/{record.id}"),
            "createdDate": "2026-11-28T08:00:00Z",
            "lastModifiedDate": "2026-11-28T08:00:00Z",
            "customForm": {"id": "132", "refName": "Standard"},
            "subsidiary": {"id": "2", "refName": "Parent Company : UK"},
        }
        if record.external_id:
            said["externalId"] = record.external_id
        if record.type == "customer":
            return self._ordered(turn, said | self._plain(record))
        if record.type != "itemReceipt" and record.currency:
            said["currency"] = {"id": record.currency, "refName": NAMES[record.currency]}
            said["exchangeRate"] = 1.0
        said |= {"tranId": record.number, "tranDate": record.day}
        if record.entity:
            said["entity"] = self._ref("customer", record.entity, f"{record.entity} Shopper")
        if record.source is not None:
            source = record.source
            said["createdFrom"] = self._ref(source.type, str(source.id), f"{source.type} #{source.number}")
        if record.status:
            word = STATUSES.get(record.type, {}).get(record.status, record.status)
            said["status"] = {"id": record.status, "refName": word}
            if record.type in ("salesOrder", "returnAuthorization"):
                said["orderStatus"] = {"id": record.status, "refName": word}
        said |= self._plain(record)
        if record.type in ("salesOrder", "returnAuthorization", "creditMemo", "invoice"):
            said |= self._money(record)
        said |= {
            name: (self._sublist(record, name, rows) if expanded else {"links": self._link(self._path(record, name))})
            for name, rows in self.sublists(record).items()
        }
        return self._ordered(turn, said)

    def sublists(self, record: Record) -> dict[str, list[dict[str, Any]]]:
        if record.type == "customer":
            return {}
        if record.type == "journalEntry":
            return {"line": [{**row, "line": at} for at, row in enumerate(record.fields["lines"])]}
        if record.type in ("inventoryTransfer", "inventoryAdjustment"):
            return {"inventory": [self._inventory(record, row) for row in record.rows]}
        found = {"item": [self.row(record, row) for row in record.rows]}
        if record.type == "creditMemo":
            found["apply"] = self._apply(record)
        return found

    # -- the parts

    def _money(self, record: Record) -> dict[str, Any]:
        tax = sum((row.tax or ZERO for row in record.rows), ZERO)
        tax += sum(
            (record.fields.get(name, ZERO) for name in ("shippingTax1Amt", "handlingTax1Amt", "discTax1Amt")), ZERO
        )
        said = {
            "total": self.amount(record, "total", record.total),
            "subtotal": self.amount(
                record, "subtotal", sum((row.net or ZERO for row in record.rows if row.counts), ZERO)
            ),
            "taxTotal": self.amount(record, "taxTotal", tax),
        }
        if record.type == "creditMemo":
            applied = sum(record.applied.values(), ZERO)
            said["applied"] = self.amount(record, "applied", applied)
            said["unapplied"] = self.amount(record, "unapplied", record.total - applied)
        if record.type == "invoice":
            said["amountRemaining"] = self.amount(record, "amountRemaining", record.due)
            said["amountPaid"] = self.amount(record, "amountPaid", record.total - record.due)
        return said

    def _plain(self, record: Record) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name, value in record.fields.items():
            if name in ("lines", "debit"):
                continue
            if isinstance(value, Decimal):
                said[name] = self.amount(record, name, value)
            elif name in ("location", "transferLocation", "discountItem", "account"):
                said[name] = {"id": str(value), "refName": str(value)}
            else:
                said[name] = value
        return said

    def row(self, record: Record, row: Row) -> dict[str, Any]:
        item = self._store.items[row.item]
        said: dict[str, Any] = {
            "line": row.line,
            "item": self._ref("inventoryItem", item.id, self.name(item)),
            "itemType": {"id": item.kind, "refName": item.kind},
            "links": self._link(f"{self._path(record, 'item')}/{row.line}"),
        }
        if item.kind not in ("Description", "Subtotal", "Discount"):
            said["quantity"] = self._units(record, row, row.quantity)
        if row.description:
            said["description"] = row.description
        if row.net is not None:
            said["amount"] = self.amount(record, f"amount{row.line}", row.net)
        if row.rate is not None:
            said["rate"] = float(row.rate)
        if row.tax is not None:
            said["tax1Amt"] = self.amount(record, f"tax{row.line}", row.tax)
            said["grossAmt"] = self.amount(record, f"gross{row.line}", row.gross)
        if row.tax_code:
            said["taxCode"] = {"id": row.tax_code, "refName": f"VAT:{row.tax_code}"}
            said["taxRate1"] = float(RATES[row.tax_code])
        if row.location:
            said["location"] = {"id": row.location, "refName": self._store.places[row.location].name}
        if row.origin is not None:
            said["orderLine"] = row.origin
        if row.kit is not None:
            said["kitMemberOf"] = row.kit
        if record.type in ("salesOrder", "returnAuthorization"):
            said["isClosed"] = row.closed
            said["isOpen"] = not row.closed
        if record.type == "salesOrder" and item.kind in ("InvtPart", "Kit", "Service"):
            said["quantityFulfilled"] = self._units(record, row, row.fulfilled)
            said["quantityBilled"] = self._units(record, row, row.billed)
        if record.type == "returnAuthorization":
            said["quantityReceived"] = self._units(record, row, row.received)
        if record.type == "itemReceipt":
            said["itemReceive"] = True
        return self._ordered(record.id + row.line, said)

    def _inventory(self, record: Record, row: Row) -> dict[str, Any]:
        item = self._store.items[row.item]
        return {
            "line": row.line,
            "adjustQtyBy": self._units(record, row, row.quantity),
            "item": self._ref("inventoryItem", item.id, self.name(item)),
        }

    def _apply(self, memo: Record) -> list[dict[str, Any]]:
        """What it is applied to, and among it whatever else of the customer's is open, as the vendor lists it."""
        rows = []
        for invoice in self._store.of_type("invoice"):
            amount = memo.applied.get(invoice.id, ZERO)
            if invoice.entity != memo.entity or invoice.currency != memo.currency or not (amount or invoice.due):
                continue
            row: dict[str, Any] = {
                "apply": bool(amount),
                "doc": self._ref("invoice", str(invoice.id), invoice.number),
                "due": self.amount(memo, f"due{invoice.id}", invoice.due),
                "total": self.amount(memo, f"total{invoice.id}", invoice.total),
                "refNum": invoice.number,
                "type": "Invoice",
                "line": 0,
            }
            if amount:
                row["amount"] = self.amount(memo, f"amount{invoice.id}", amount)
            rows.append(row)
        return rows

    def _sublist(self, record: Record, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        shown = rows[::-1] if record.id % 2 else rows
        said: dict[str, Any] = {"items": shown, "links": self._link(self._path(record, name))}
        if record.id % 5:
            said["totalResults"] = len(rows)
        return said

    def name(self, item: Item) -> str:
        return f"{item.parent} : {item.sku}" if item.parent else item.sku

    def amount(self, record: Record, name: str, value: Decimal) -> Any:
        """As a number, a number with a long fraction, or text."""
        match zlib.crc32(f"{record.id // 3}{name}".encode()) % 5 if self.odd else 4:
            case 0:
                return format(value, "f")
            case 1 if value:
                return math.nextafter(float(value), math.inf)
            case 2 if value:
                return math.nextafter(float(value), 0.0)
            case 3 if value == value.to_integral_value():
                return int(value)
        return float(value)

    def _units(self, record: Record, row: Row, value: Decimal) -> Any:
        match (record.id + row.line) % 3:
            case 0:
                return float(value)
            case 1:
                return format(value.normalize(), "f")
        return int(value) if value == value.to_integral_value() else float(value)

    def _ref(self, record_type: str, key: str, name: str) -> dict[str, Any]:
        return {"id": key, "links": self._link(f"{record_type.lower()}/{key}"), "refName": name}

    def _path(self, record: Record, sublist: str) -> str:
        return f"{record.type.lower()}/{record.id}/{sublist}"

    def _link(self, path: str) -> list[dict[str, str]]:
        return [{"rel": "self", "href": f"{self.base_url}/services/rest/record/v1/{path}"}]

    def _ordered(self, turn: int, said: dict[str, Any]) -> dict[str, Any]:
        names = sorted(said)
        return {name: said[name] for name in (names if turn % 2 else names[::-1])}
