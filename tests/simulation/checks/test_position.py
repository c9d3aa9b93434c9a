"""I6: what counts as one net position, and what does not."""

from __future__ import annotations

from typing import Any

from adapters.generator.books import read
from tests.simulation.checks import Position, differences, net_position
from tests.simulation.checks.orders import Orders

SELL = frozenset({"101", "201"})


def entry(kind: str, **fields: Any) -> dict[str, Any]:
    blank = {
        "at": "2026-11-27T10:00:00.000Z",
        "account": "ns",
        "kind": kind,
        "external_ref": None,
        "order_id": "5001",
        "op": "create",
        "lines": [{"sku": "TEE-RED-M", "quantity": 2}],
        "amount": None,
        "currency": "GBP",
        "location": None,
        "from": None,
        "sellable": True,
        "of": None,
        "status": "posted",
    }
    return blank | fields


def position(*entries: dict[str, Any]) -> Position:
    numbered = [{"number": str(place), "seq": place, **one} for place, one in enumerate(entries, 1)]
    return net_position(read(numbered, SELL), Orders(), ())


def test_units_that_move_between_two_places_that_sell_are_counted_where_they_end() -> None:
    """Received in London and moved to Manchester is received in Manchester; left in London it is not (seed 7016)."""
    london, manchester = entry("item_receipt", location="101"), entry("item_receipt", location="201")
    move = entry("stock_movement", location="201", **{"from": "101"})
    assert position(london, move) == position(manchester)
    assert differences(position(london), position(manchester)) == [
        "order 5001, units TEE-RED-M 101: 2 in one order of arrival, 0 in another",
        "order 5001, units TEE-RED-M 201: 0 in one order of arrival, 2 in another",
    ]


def test_units_that_are_not_for_sale_may_lie_anywhere() -> None:
    """Out of the sellable stock into quarantine is the same as never having been in it."""
    received, kept = entry("item_receipt", location="101"), entry("item_receipt", location="109", sellable=False)
    move = entry("stock_movement", location="102", sellable=False, **{"from": "101"})
    assert position(received, move) == position(kept) == Position()
