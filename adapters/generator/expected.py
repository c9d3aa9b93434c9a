"""What the check knows besides the list of deliveries: the orders as they were sold, and what the plots demand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adapters.generator import causes
from adapters.generator.amounts import text
from adapters.generator.causes import Call, Cause
from adapters.generator.odd_stories import ODD
from adapters.generator.orders import ACCOUNT, Order
from adapters.generator.story import Story
from adapters.generator.world import WAREHOUSES, World


@dataclass(frozen=True, slots=True)
class SoldInvoice:
    """An invoice of an order, with what it billed."""

    number: str
    open: str
    skus: list[str]


@dataclass(frozen=True, slots=True)
class Sold:
    """An order of the history."""

    status: str
    currency: str
    paid: str
    units: dict[str, int]
    shipping: str = ""  # with its tax; empty: not looked at
    invoices: list[SoldInvoice] = field(default_factory=list)  # the oldest first
    before: dict[str, int] = field(default_factory=dict)  # by SKU: units that others authorised in the account


@dataclass(frozen=True, slots=True)
class Demand:
    """An exception that has to be open at the end."""

    order_id: str
    return_id: str
    why: str
    kinds: list[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """Written beside the list, before anything is sent."""

    seed: int
    account: str
    orders: dict[str, Sold]
    places: dict[str, dict[str, str]]  # warehouse: place: location number
    demands: list[Demand] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=dict)  # return id: what is odd about it
    causes: list[Cause] = field(default_factory=list)
    complete: bool = False  # nothing but the causes, hostile bodies and faults may call for a person
    time_zone: str = "Europe/London"  # whose days documents bear; empty: other days may be asked for (closed periods)

    @property
    def sellable(self) -> frozenset[str]:
        """The numbers of the locations that sell."""
        return frozenset(places["sellable"] for places in self.places.values())

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def read(path: Path) -> Expected:
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    orders = {order_id: _sold(order) for order_id, order in raw.pop("orders").items()}
    demands = [Demand(**demand) for demand in raw.pop("demands")]
    found = [Cause(**{**cause, "calls": [Call(**call) for call in cause["calls"]]}) for cause in raw.pop("causes")]
    return Expected(orders=orders, demands=demands, causes=found, **raw)


def _sold(raw: dict[str, Any]) -> Sold:
    return Sold(**{**raw, "invoices": [SoldInvoice(**invoice) for invoice in raw["invoices"]]})


def _invoices(order: Order) -> list[SoldInvoice]:
    """As the order is seeded."""
    seeded = order.seed()
    skus = {line.order_line_id: [line.sku, *(part.sku for part in line.components)] for line in order.lines}
    everything = sorted(skus)
    return [
        SoldInvoice(
            invoice["number"],
            invoice["open"],
            sorted({sku for name in invoice.get("lines") or everything for sku in skus[name]}),
        )
        for invoice in seeded.get("invoices") or [seeded["invoice"]]
    ]


def _before(order: Order) -> dict[str, int]:
    skus = {line.order_line_id: line.sku for line in order.lines}
    return {skus[name]: units for name, units in order.returned_before}


def of(world: World, stories: Iterable[Story]) -> Expected:
    """The expectations of a world and its stories."""
    told = list(stories)
    result = Expected(
        seed=world.seed,
        account=ACCOUNT,
        orders={
            order.order_id: Sold(
                order.status,
                order.currency,
                text(order.paid, order.currency),
                order.sold(),
                text(order.shipping, order.currency),
                _invoices(order),
                _before(order),
            )
            for order in world.orders
        },
        places=WAREHOUSES,
        causes=causes.of(world.orders, told),
    )
    for story in told:
        if story.tags:
            result.tags[story.return_id] = sorted(story.tags)
        if story.plot.exceptions and story.plot.name in story.tags:
            kinds = sorted(story.plot.exceptions)
            result.demands.append(Demand(story.order_id, story.return_id, story.plot.name, kinds))
        if story.odd and ODD[story.odd].kinds:
            kinds = sorted(ODD[story.odd].kinds)
            result.demands.append(Demand(story.order_id, story.return_id, story.odd, kinds))
    return result
