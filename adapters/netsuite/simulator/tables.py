"""The account's tables as SuiteQL sees them: values as text, names in lower case, keys looked up where named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.chart import Item
from adapters.netsuite.simulator.errors import NetSuiteError
from adapters.netsuite.simulator.records import key_text

Row = dict[str, str | None]
_TYPES = {
    "salesOrder": "SalesOrd",
    "invoice": "CustInvc",
    "returnAuthorization": "RtnAuth",
    "creditMemo": "CustCred",
    "cashRefund": "CashRfnd",
    "itemReceipt": "ItemRcpt",
    "itemFulfillment": "ItemShip",
    "inventoryTransfer": "InvTrnfr",
    "inventoryAdjustment": "InvAdjst",
    "journalEntry": "Journal",
}


def bad_statement(detail: str) -> NetSuiteError:
    return NetSuiteError(400, "INVALID_PARAMETER", f"Invalid search query. {detail}", at="q")


def _items(account: Account, ids: tuple[str, ...] | None, skus: tuple[str, ...] | None) -> Iterable[Item]:
    """The items that a statement can mean, by internal id or name; all of them where it names none."""
    chart = account.chart
    if ids is not None:
        known = {item.sku: item for number in ids if (item := chart.items.get(number)) is not None}
        return known.values()
    if skus is not None:
        return [chart.skus[sku] for sku in dict.fromkeys(skus) if sku in chart.skus]
    return chart.skus.values()


def read_table(
    account: Account, name: str, moment: float | None, named: Mapping[str, tuple[str, ...]]
) -> Iterator[Row]:
    """The rows of a table; `named` are values that its columns must have: a key among them saves reading the rest."""
    match name:
        case "item":
            for item in _items(account, named.get("id"), named.get("itemid")):
                yield {
                    "id": item.id,
                    "itemid": item.sku,
                    "externalid": item.sku,
                    "displayname": item.sku,
                    "isinactive": _flag(not item.active),
                    "itemtype": item.shown_type,
                }
        case "inventoryitemlocations" | "aggregateitemlocation":
            items = named.get("item")
            skus = None if items is None else [item.sku for item in _items(account, items, None)]
            for sku, place in account.stock.places(skus):
                yield {
                    "item": account.chart.skus[sku].id,
                    "location": place,
                    "quantityavailable": str(account.stock.available(sku, place)),
                    "quantityonhand": str(account.stock.on_hand(sku, place)),
                    "quantitycommitted": str(account.stock.committed(sku, place)),
                }
        case "location":
            for location in account.chart.locations.values():
                yield {"id": location.id, "name": location.name, "isinactive": _flag(not location.active)}
        case "customer":
            yield from _records(account, "customer", moment, ("entityId", "externalId", "email", "isInactive"))
        case "accountingperiod":
            yield from _records(account, "accountingPeriod", None, ("periodName", "startDate", "endDate", "closed"))
        case "transaction":
            for type_, code in _TYPES.items():
                names = (
                    "tranId", "externalId", "otherRefNum", "entity", "status", "tranDate", "currency", "createdFrom",
                    "total", "memo",
                )  # fmt: skip
                for row in _records(account, type_, moment, names):
                    yield row | {"type": code, "recordtype": type_.lower(), "foreigntotal": row.get("total")}
        case _:
            raise bad_statement(f"Record '{name}' was not found.")


def _records(account: Account, type_: str, moment: float | None, names: tuple[str, ...]) -> Iterator[Row]:
    for record in account.books.all(type_):
        shown: dict[str, Any] | None = record.versions[-1][1] if moment is None else record.as_of(moment)
        if shown is not None:
            row: Row = {"id": record.id}
            for name in names:
                value = shown.get(name)
                row[name.lower()] = _flag(value) if isinstance(value, bool) else key_text(value) or None
            yield row


def _flag(value: bool) -> str:
    return "T" if value else "F"
