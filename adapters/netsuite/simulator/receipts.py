"""Item receipts: returned goods come in, each line at a location. There is no restock flag: the location decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.netsuite.simulator import returns
from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.errors import missing_field, user_error
from adapters.netsuite.simulator.lines import Line
from adapters.netsuite.simulator.records import Record
from adapters.simulators.ledger import Entry


def create(account: Account, source: Record, body: Mapping[str, Any], lines: list[Line]) -> Draft:
    """A receipt of a return authorisation."""
    record = account.header("itemReceipt", body, source)
    header = body.get("location")
    place = account.chart.resolve_location(header, "location").id if header is not None else None
    for position, line in enumerate(lines):
        line.location = line.location or place
        if line.location is None:
            raise missing_field("Location", f"item.items[{position}].location")
        if line.is_kit:
            raise user_error("A kit is received by its components.", f"item.items[{position}]")
        line.number = position + 1
    record.lines = lines
    record.fields["status"] = {"id": "received", "refName": "Received"}

    def effect() -> None:
        for line in lines:
            origin = source.line(line.order_line or 0)
            if origin is not None:
                origin.received += line.quantity
            if line.location is not None:
                account.stock.receive(line.item.sku, line.location, line.quantity)
        returns.refresh(source)
        account.books.save(source)

    def entries() -> list[Entry]:
        places = {line.location for line in lines if line.location}
        sellable = any(account.chart.locations[one].sellable for one in places)
        return [
            account.entry(
                "item_receipt",
                record,
                lines=[line.entry(record.currency) for line in lines],
                location=next(iter(places)) if len(places) == 1 else None,
                sellable=sellable,
            )
        ]

    return Draft(record, entries, [effect])
