"""I5, line by line: what the notes of a return credit of one thing is never more than that thing ever came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from adapters.generator import rule
from adapters.generator.amounts import smallest
from adapters.generator.books import CREDITS, Books
from adapters.generator.orders import Order
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.orders import Orders
from tests.simulation.plan import Plan

_ZERO = Decimal(0)


class Pieces:
    """Looks at the ledger at rest, against every content that was told of each return."""

    def __init__(self, plan: Plan, findings: Findings, merchant: Merchant, orders: Orders) -> None:
        self._findings, self._merchant, self._orders = findings, merchant, orders
        self._sold = {order.order_id: order for order in plan.world.orders}

    def at_rest(self, told: Iterable[Mapping[str, Any]], books: Books) -> None:
        """`told`: the data of every snapshot that was begun to be sent."""
        most: dict[str, dict[str, Decimal]] = {}
        spare: dict[str, Decimal] = {}
        for data in told:
            order = self._sold.get(str(data["order_id"]))
            if order is None:
                continue
            worth = most.setdefault(data["return_id"], {})
            for sku, amount in _worth(data, order).items():
                worth[sku] = max(amount, worth.get(sku, amount))
            tolerance = smallest(data["currency"]) * self._merchant.tolerance * len(data["lines"])
            spare[data["return_id"]] = max(tolerance, spare.get(data["return_id"], _ZERO))
        credited: dict[tuple[str, str, str], Decimal] = {}
        for document in books.of_kind(*CREDITS):
            asked = self._orders.asked.get(document.external_ref)
            if asked is None or document.net != document.amount:
                continue  # reversed, wholly or in part
            return_id = str(asked.bodies[0].get("return_id") or "")
            for line in document.lines:
                key = (asked.order_key, return_id, str(line["sku"]))
                credited[key] = credited.get(key, _ZERO) + Decimal(str(line["amount"]))
        for (order_id, return_id, sku), amount in credited.items():
            limit = most.get(return_id, {}).get(sku)
            if limit is None or self._orders.renamed(order_id):
                continue
            self._findings.check("I5")
            if (-amount if sku == "fee" else amount) - limit > spare[return_id]:
                what = f"{sku} of return {return_id} of order {order_id} came to {limit}; its notes credit {amount}"
                self._findings.add("I5", "piece-over-credited", order_id, what)


def _worth(data: Mapping[str, Any], order: Order) -> dict[str, Decimal]:
    """What a snapshot's components come to without their sign, by what the ledger calls them: SKUs, stand-in items."""
    found: dict[str, Decimal] = {}
    known = {line.order_line_id for line in order.lines}
    for line in data["lines"]:
        if line["order_line_id"] not in known:
            continue
        sku, units = line.get("component_sku") or line["sku"], int(line["quantity"])
        amount = rule.value(data, line, units, order)
        if line["request"] == "exchange":
            whole = {**data, "mode": "instant"}  # as many as ever count
            cheaper = sum((Decimal(one["unit_price"]) * each for one, each in rule.replaced(whole, line)), _ZERO)
            amount = max(_ZERO, amount - cheaper) if cheaper else amount
        found[sku] = found.get(sku, _ZERO) + amount
    found["shipping"] = Decimal(data["shipping_refund"])
    found["bonus"] = sum((Decimal(bonus["amount"]) for bonus in data["bonuses"]), _ZERO)
    found["fee"] = sum((Decimal(fee["amount"]) for fee in data["fees"]), _ZERO)
    return found
