"""The merchant's order history before the peak, in the form that the simulators take (CONTRACTS section 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from adapters.generator import catalogue, odd_orders
from adapters.generator.amounts import ZERO
from adapters.generator.catalogue import Component
from adapters.generator.chances import PEAK, Chances
from adapters.generator.orders import ACCOUNT, Order, OrderLine

WAREHOUSES = {  # the numbers that docker/profiles/demo.toml maps
    "WH-LON": {"sellable": "101", "quarantine": "102", "write_off": "109"},
    "WH-MAN": {"sellable": "201", "quarantine": "202", "write_off": "209"},
}
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class World:
    """All orders, and the shelves."""

    seed: int
    orders: tuple[Order, ...]
    stock: dict[tuple[str, str], int] = field(default_factory=dict)  # (sku, location number): available

    def payloads(self) -> Iterator[dict[str, Any]]:
        """Bodies of `PUT /_orders`, in the order to send them."""
        yield {
            "locations": [
                {"account": ACCOUNT, "id": number, "sellable": place == "sellable", "name": f"{name} {place}"}
                for name, places in WAREHOUSES.items()
                for place, number in places.items()
            ],
            "items": [
                *({"account": ACCOUNT, "sku": sku, "archived": True} for sku in catalogue.ARCHIVED),
                *({"account": ACCOUNT, "sku": sku, "archived": False} for sku in catalogue.SOLD_OUT),
            ],
            "stock": [
                {"account": ACCOUNT, "sku": sku, "location": location, "available": available}
                for (sku, location), available in self.stock.items()
            ],
        }
        for start in range(0, len(self.orders), _CHUNK):
            yield {"orders": [order.seed() for order in self.orders[start : start + _CHUNK]]}


def build(seed: int, orders: int, chances: Chances = PEAK) -> World:
    """The world of a seed: the same seed and chances give the same world."""
    rng = Random(f"{seed}/world")
    made = odd_orders.twist(seed, [_order(rng, number, chances) for number in range(1, orders + 1)], chances.odd)
    return World(seed, made, _stock(rng, orders))


def weighted(rng: Random, weights: Mapping[str, float]) -> str:
    """One of the keys, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def _order(rng: Random, number: int, chances: Chances) -> Order:
    currency = weighted(rng, chances.currencies)
    customer = rng.randrange(1, 100_000)
    shipping = rng.choice([ZERO, Decimal("4.95"), Decimal("4.95"), Decimal("9.90")])
    return Order(
        order_id=str(500_000 + number),
        order_number=f"#{100_000 + number}",
        status=weighted(rng, chances.statuses),
        currency=currency,
        location=rng.choice(["WH-LON", "WH-LON", "WH-LON", "WH-MAN"]),
        customer={
            "id": f"c-{customer}",
            "email": f"shopper{customer}@example.com",
            "name": f"Shopper {customer}",
        },
        shipping=catalogue.priced(shipping, currency),
        lines=_lines(rng, currency, chances),
        invoice_settled=rng.random() < chances.settled,
    )


def _lines(rng: Random, currency: str, chances: Chances) -> tuple[OrderLine, ...]:
    """One to four lines, no SKU twice, so that units can be counted by SKU."""
    prices = catalogue.skus()
    count = rng.choices([1, 2, 3, 4], [40, 32, 18, 10])[0]
    chosen = rng.sample(sorted(prices), count)
    lines = []
    for position, sku in enumerate(chosen, 1):
        quantity = rng.choices([1, 2, 3], chances.quantities)[0]
        code = "GB-ZERO" if sku in catalogue.ZERO_RATED else "GB-STD"
        unit = catalogue.priced(prices[sku], currency)
        lines.append(OrderLine(f"ol{position}", sku, quantity, unit, code))
    draw = rng.random()
    if draw < chances.bundle:
        bundle = rng.choice(catalogue.BUNDLES)
        parts = tuple(
            Component(part.sku, part.quantity, catalogue.priced(part.list_price, currency))
            for part in bundle.components
        )
        lines[-1] = OrderLine(
            lines[-1].order_line_id, bundle.sku, 1, catalogue.priced(bundle.price, currency), "GB-STD", parts
        )
    elif draw < chances.bundle + chances.archived_line:
        old = rng.choice(catalogue.ARCHIVED)
        lines[-1] = OrderLine(lines[-1].order_line_id, old, 1, catalogue.priced(Decimal("35.00"), currency), "GB-STD")
    elif draw < chances.bundle + chances.archived_line + chances.line_total and currency != "JPY":
        # Three for a round price: a third of it is no whole number of minor units.
        total = catalogue.priced(Decimal("100.00"), currency)
        third = (total / 3).quantize(total)
        lines[-1] = OrderLine(lines[-1].order_line_id, lines[-1].sku, 3, third, lines[-1].tax_code, (), total)
    return tuple(lines)


def _stock(rng: Random, orders: int) -> dict[tuple[str, str], int]:
    """Plenty of all that is sold, so that a missing exchange is never an accident; nothing of what is sold out."""
    parts = [part.sku for bundle in catalogue.BUNDLES for part in bundle.components]
    stock = {}
    for sku in [*catalogue.skus(), *parts]:
        for places in WAREHOUSES.values():
            stock[sku, places["sellable"]] = orders * 2 + rng.randrange(100, 1000)
    for sku in catalogue.SOLD_OUT:
        for places in WAREHOUSES.values():
            stock[sku, places["sellable"]] = 0
    return stock
