"""What the senders have said so far: the most that documents may come to, and at rest the two folds of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from adapters.generator import reading, truth
from adapters.generator.deliveries import Delivery
from adapters.generator.orders import Order
from adapters.generator.truth import Truth
from tests.simulation.checks.merchant import Merchant

_EVER = "0001-01-01T00:00:00Z"  # that nothing is acted on before it was sent is checked as it happens
_LOOKED_AT = frozenset({"received", "for_review", "accepted", "partly_accepted", "rejected"})
_NONE: Mapping[str, Decimal] = {}

Key = tuple[str, str]


class _Most:
    """Quantities that a source states in versions, any of which may have been the newest for a while."""

    def __init__(self) -> None:
        self._stated: dict[Key, dict[str, int]] = {}
        self.of: dict[Key, int] = {}

    def state(self, order_id: str, source: str, by_sku: Mapping[str, int]) -> None:
        for sku, units in by_sku.items():
            before = self._stated.setdefault((order_id, sku), {}).get(source, 0)
            if units > before:
                self._stated[order_id, sku][source] = units
                self.of[order_id, sku] = self.of.get((order_id, sku), 0) + units - before

    def stated(self, order_id: str, sku: str, source: str) -> int:
        """The most that one source said."""
        return self._stated.get((order_id, sku), {}).get(source, 0)


class Told:
    """A delivery counts from when it was first begun: what is in the log may be acted on before its 200 is back."""

    def __init__(self, merchant: Merchant, sold: Iterable[Order] = ()) -> None:
        self._merchant = merchant
        self._parts = {
            (order.order_id, line.order_line_id): line.components
            for order in sold
            for line in order.lines
            if line.components
        }
        self.sent: dict[int, Delivery] = {}
        self.statuses: dict[int, set[int]] = {}
        self.attempts: Counter[int] = Counter()
        self._events: dict[int, dict[str, Any]] = {}
        self._first: dict[str, int] = {}  # return: the version of it that the log has first
        self._read: dict[bytes, dict[str, Any]] = {}
        self._sellable, self._there = _Most(), _Most()
        self._returned = _Most()
        self.versions: dict[str, set[int]] = {}  # inspection: those that were told
        self._refunds: dict[Key, dict[str, Decimal]] = {}  # (order, currency): the most each was said to come to
        self._paid: dict[Key, set[str]] = {}
        self._gifts: dict[Key, dict[str, Decimal]] = {}

    def begin(self, delivery: Delivery) -> None:
        self.attempts[delivery.seq] += 1
        if delivery.seq in self.sent:
            return
        self.sent[delivery.seq] = delivery
        self.statuses[delivery.seq] = set()
        if delivery.sort not in ("reveni", "warehouse"):
            return
        event = self._read.get(delivery.body)
        if event is None:
            event = self._read[delivery.body] = reading.event(delivery.body)
            if delivery.sort == "reveni":
                self._snapshot(event["data"])
            else:
                self._inspection(event["data"])
        self._events[delivery.seq] = event

    def stored(self, value: bytes) -> None:
        """A body is in the log."""
        event = self._read.get(value)
        if event is not None and event["type"] == "return.updated":
            self._first.setdefault(event["data"]["return_id"], event["data"]["version"])

    def recount(self) -> None:
        """A new version of the profile may allow more of what was found before."""
        self._sellable, self._there = _Most(), _Most()
        for event in self._read.values():
            if event["type"] == "return.updated":
                self._looked_at(event["data"])
            else:
                self._inspection(event["data"])

    def answer(self, delivery: Delivery, status: int) -> None:
        self.statuses.setdefault(delivery.seq, set()).add(status)

    def _snapshot(self, data: Mapping[str, Any]) -> None:
        key = (str(data["order_id"]), data["currency"])
        refunds, gifts = self._refunds.setdefault(key, {}), self._gifts.setdefault(key, {})
        paid = self._paid.setdefault(key, set())
        for refund in data["refunds"]:
            name, amount = refund["refund_id"], Decimal(refund["amount"])
            refunds[name] = max(amount, refunds.get(name, amount))
            if refund["state"] == "paid":
                paid.add(name)
            if refund["kind"] != "goods":
                gifts[name] = max(amount, gifts.get(name, amount))
        bonus = sum((Decimal(entry["amount"]) for entry in data["bonuses"]), Decimal(0))
        if bonus:
            name = f"bonus of {data['return_id']}"
            gifts[name] = max(bonus, gifts.get(name, bonus))
        self._returned.state(key[0], data["return_id"], self._units(key[0], data["lines"]))
        self._looked_at(data)

    def _units(self, order_id: str, lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
        """What comes back by SKU; a bundle as itself and as each of its parts."""
        units: dict[str, int] = {}
        for line in lines:
            part, count = line.get("component_sku"), int(line["quantity"])
            names = {part or line["sku"]: count}
            if part is None:
                for component in self._parts.get((order_id, line["order_line_id"]), ()):
                    names[component.sku] = count * component.quantity
            for sku, number in names.items():
                units[sku] = units.get(sku, 0) + number
        return units

    def _looked_at(self, data: Mapping[str, Any]) -> None:
        if self._merchant.reveni_decides and data["state"] in _LOOKED_AT:
            lines = [line for line in data["lines"] if line.get("disposition")]
            self._found(str(data["order_id"]), f"return {data['return_id']}", lines)

    def _inspection(self, data: Mapping[str, Any]) -> None:
        if self._merchant.warehouse_decides:
            self.versions.setdefault(data["inspection_id"], set()).add(data["version"])
            self._found(str(data["order_id"]), data["inspection_id"], data["lines"])

    def _found(self, order_id: str, source: str, lines: list[dict[str, Any]]) -> None:
        good: dict[str, int] = {}
        there: dict[str, int] = {}
        for line in lines:
            sku, units = line.get("component_sku") or line["sku"], int(line["quantity"])
            if self._merchant.sells(line["disposition"]):
                good[sku] = good.get(sku, 0) + units
            if self._merchant.moves(line["disposition"]):
                there[sku] = there.get(sku, 0) + units
        self._sellable.state(order_id, source, good)
        self._there.state(order_id, source, there)

    # -- the most there may be

    def sellable(self, order_id: str, sku: str) -> int:
        return self._sellable.of.get((order_id, sku), 0)

    def received(self, order_id: str, sku: str) -> int:
        return self._there.of.get((order_id, sku), 0)

    def returned(self, order_id: str, sku: str) -> int:
        return self._returned.of.get((order_id, sku), 0)

    def returned_by(self, order_id: str, return_id: str, sku: str) -> int:
        return self._returned.stated(order_id, sku, return_id)

    def snapshots(self) -> Iterator[Mapping[str, Any]]:
        """The data of each snapshot that was begun to be sent."""
        return (event["data"] for event in self._read.values() if event["type"] == "return.updated")

    def refunded(self, order_id: str, currency: str) -> Decimal:
        """All refunds that any version called paid, each at the most it was said to come to."""
        amounts = self._refunds.get((order_id, currency), _NONE)
        return sum((amounts[name] for name in self._paid.get((order_id, currency), ())), Decimal(0))

    def given(self, order_id: str, currency: str) -> Decimal:
        """Bonuses and goodwill: what may go beyond what was paid for the order."""
        return sum(self._gifts.get((order_id, currency), _NONE).values(), Decimal(0))

    # -- at rest

    def truths(self) -> tuple[Truth, Truth]:
        """The fold of what was answered 200, and of all that was begun."""
        taken = ((event, _EVER) for seq, event in self._events.items() if 200 in self.statuses[seq])
        sure, most = truth.fold(taken), truth.fold((event, _EVER) for event in self._events.values())
        late = {return_id for return_id, version in self._first.items() if version > 1}
        sure.late, most.late = late & sure.returns.keys(), late & most.returns.keys()
        return sure, most
