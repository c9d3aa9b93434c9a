"""Inventory transfers between locations, and adjustments at one.

Field names `transferLocation`, `inventory.items[].adjustQtyBy` are SuiteScript's; the REST names were not re-read.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.chart import Item, Location
from adapters.netsuite.simulator.errors import missing_field, user_error
from adapters.netsuite.simulator.lines import number
from adapters.simulators import money
from adapters.simulators.ledger import Entry

Move = tuple[Item, Decimal, Location]


def transfer(account: Account, body: Mapping[str, Any]) -> Draft:
    """Units leave `location` and arrive at `transferLocation`."""
    record = account.header("inventoryTransfer", body)
    origin = account.chart.resolve_location(body.get("location"), "location")
    target = account.chart.resolve_location(body.get("transferLocation"), "transferLocation")
    if origin is target:
        raise user_error("The two locations are the same.", "transferLocation")
    moves = _moves(account, body, target)
    if any(quantity < 0 for _, quantity, _ in moves):
        raise user_error("The quantity must be positive.", "inventory.items[0].adjustQtyBy")
    record.rows, record.rows_name = _rows(moves), "inventory"

    def effect() -> None:
        for item, quantity, _ in moves:
            account.stock.receive(item.sku, origin.id, -quantity)
            account.stock.receive(item.sku, target.id, quantity)

    def entries() -> list[Entry]:
        lines = [_line(item, quantity, target) for item, quantity, _ in moves]
        return [
            account.entry(
                "stock_movement",
                record,
                lines=lines,
                from_location=origin.id,
                location=target.id,
                sellable=target.sellable,
            )
        ]

    return Draft(record, entries, [effect])


def adjust(account: Account, body: Mapping[str, Any]) -> Draft:
    """Units appear or vanish; one ledger entry for what rose and one for what fell, each with positive quantities."""
    record = account.header("inventoryAdjustment", body)
    if body.get("account") is None:
        raise missing_field("Adjustment Account", "account")
    moves = _moves(account, body, None)
    record.rows, record.rows_name = _rows(moves), "inventory"

    def effect() -> None:
        for item, quantity, place in moves:
            account.stock.receive(item.sku, place.id, quantity)

    def entries() -> list[Entry]:
        made: list[Entry] = []
        for place in {place.id: place for _, _, place in moves}.values():
            up = [_line(item, quantity, place) for item, quantity, at in moves if at is place and quantity > 0]
            down = [_line(item, -quantity, place) for item, quantity, at in moves if at is place and quantity < 0]
            if up:
                made.append(
                    account.entry("stock_movement", record, lines=up, location=place.id, sellable=place.sellable)
                )
            if down:
                made.append(account.entry("stock_movement", record, lines=down, from_location=place.id))
        return made

    return Draft(record, entries, [effect])


def _moves(account: Account, body: Mapping[str, Any], place: Location | None) -> list[Move]:
    rows = account.items_of(body, "inventory")
    if not rows:
        raise missing_field("Item", "inventory")
    moves: list[Move] = []
    for position, raw in enumerate(rows):
        at = f"inventory.items[{position}]"
        item = account.chart.resolve_item(raw.get("item"), f"{at}.item", None, account.settings.learn_item_ids)
        quantity = number(raw, "adjustQtyBy", at)
        if not quantity:
            raise missing_field("Qty. to Transfer", f"{at}.adjustQtyBy")
        moves.append((item, quantity, place or account.chart.resolve_location(raw.get("location"), f"{at}.location")))
    return moves


def _rows(moves: list[Move]) -> list[dict[str, Any]]:
    return [
        {
            "line": position,
            "item": {"id": item.id, "refName": item.sku},
            "adjustQtyBy": money.quantity_json(quantity),
            "location": {"id": place.id},
        }
        for position, (item, quantity, place) in enumerate(moves, 1)
    ]


def _line(item: Item, quantity: Decimal, place: Location) -> dict[str, Any]:
    return {
        "sku": item.sku,
        "quantity": money.quantity_json(quantity),
        "amount": None,
        "tax": None,
        "location": place.id,
        "item": item.id,
        "order_line": None,
        "order_line_id": None,
    }
