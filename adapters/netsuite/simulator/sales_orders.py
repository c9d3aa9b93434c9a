"""Sales orders, and what is fulfilled, invoiced and returned of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.errors import cannot_transform, missing_field, user_error
from adapters.netsuite.simulator.lines import Line, same
from adapters.netsuite.simulator.records import Record
from adapters.simulators import money
from adapters.simulators.ledger import Entry

STATUSES = {
    "B": "Pending Fulfillment",
    "D": "Partially Fulfilled",
    "F": "Pending Billing",
    "G": "Billed",
    "H": "Closed",
}


def set_status(record: Record, code: str) -> None:
    record.fields["orderStatus"] = record.fields["status"] = {"id": code, "refName": STATUSES[code]}


def create(account: Account, body: Mapping[str, Any]) -> Draft:
    """A new order; units are committed as far as there are any, the rest is back-ordered, never refused."""
    record = account.header("salesOrder", body)
    if "entity" not in record.fields:
        raise missing_field("Customer", "entity")
    record.lines = account.own_lines(body, record.currency)
    set_status(record, "B")
    kind = "exchange_order" if is_exchange(account, record) else "sales_order"

    def entries() -> list[Entry]:
        back = sum((line.back_ordered for line in record.lines), Decimal(0))
        return [
            account.entry(
                kind,
                record,
                lines=[line.entry(record.currency) for line in record.lines],
                amount=money.text(record.total, record.currency),
                location=_only({line.location for line in record.lines}),
                status="open",
                extra={"back_ordered": money.quantity_json(back)},
            )
        ]

    return Draft(record, entries, [lambda: _commit(account, record)])


def is_exchange(account: Account, record: Record) -> bool:
    """A free order that names a seeded order is the replacement of an exchange."""
    order_id = account.order_id(record)
    named = account.books.every("salesOrder", "otherRefNum", order_id) if order_id else []
    return record.total == 0 and any(order.seeded for order in named)


def _commit(account: Account, record: Record) -> None:
    header = record.fields.get("location")
    wanted = str(header.get("id")) if isinstance(header, dict) else None
    for line in record.lines:
        if line.item.service:
            continue
        parts = [(part.sku, part.quantity * line.quantity) for part in line.item.components]
        for sku, quantity in parts or [(line.item.sku, line.quantity)]:
            location = account.stock_location(account.chart.skus[sku], line.location or wanted)
            if location is not None:
                line.location = line.location or location
                line.back_ordered += account.stock.commit(sku, location, quantity)
    account.books.save(record)


def change(account: Account, record: Record, body: Mapping[str, Any]) -> list[Entry]:
    """Header texts, the ship-to address and the reference; the lines of an order are not changed here."""
    if account.items_of(body) is not None and not same(account.amended_lines(record, body), record.lines):
        raise user_error("The lines of a sales order are not changed here.", "item")
    own = {"item", "entity", "currency", "tranDate", "orderStatus", "status", "id", "links", "externalId"}
    fields = record.fields | {name: value for name, value in body.items() if name not in own}
    if fields == record.fields:
        return []
    record.fields = fields
    account.books.save(record)
    kind = "exchange_order" if is_exchange(account, record) else "sales_order"
    return [account.entry(kind, record, op="update", amount=money.text(record.total, record.currency), status="open")]


def _only(values: set[str | None]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def open_for_transform(record: Record) -> None:
    """A closed order is transformed no more (VENDORS 6.2)."""
    if record.fields["status"]["id"] == "H":
        raise cannot_transform(f"The salesOrder {record.fields['tranId']} is Closed.")


def held(account: Account, order: Record, number: int) -> Decimal:
    """Units of an order's line that return authorisations hold; a closed one holds only what came in."""
    units = Decimal(0)
    for authorisation in account.books.all_of_order("returnAuthorization", order.id):
        closed = authorisation.fields["status"]["id"] == "H"
        for line in authorisation.lines:
            if line.order_line == number:
                units += line.received if closed or line.closed else line.quantity
    return units


def returnable(account: Account, order: Record) -> Callable[[Line], Decimal]:
    """Fulfilled less held; a kit only while all its members are there."""

    def units(line: Line) -> Decimal:
        free = line.fulfilled - held(account, order, line.number)
        for member in order.lines:
            if member.kit == line.number and member.per_kit:
                spare = member.fulfilled - held(account, order, member.number)
                free = min(free, (spare / member.per_kit).to_integral_value(rounding="ROUND_FLOOR"))
        return max(Decimal(0), free)

    return units


def to_send(line: Line) -> Decimal:
    """Units still to be sent: none of a service."""
    return Decimal(0) if line.item.service else line.quantity - line.fulfilled


def fulfil(account: Account, order: Record, body: Mapping[str, Any], lines: list[Line]) -> Draft:
    """An item fulfilment: units leave."""
    record = account.header("itemFulfillment", body, order)
    record.lines = lines
    record.fields["status"] = {"id": "C", "refName": "Shipped"}

    def effect() -> None:
        for line in lines:
            origin = order.line(line.order_line or 0)
            if origin is not None:
                origin.fulfilled += line.quantity
            if line.location is not None and not line.is_kit and not line.item.service:
                account.stock.ship(line.item.sku, line.location, line.quantity)
        done = all(line.fulfilled >= line.quantity for line in order.lines if not line.item.service)
        set_status(order, "F" if done else "D")
        account.books.save(order)

    def entries() -> list[Entry]:
        return [account.entry("fulfilment", record, lines=[line.entry(record.currency) for line in lines])]

    return Draft(record, entries, [effect])
