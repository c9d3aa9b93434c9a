"""Which open exceptions the story calls for: each is accounted for by something that was told, or it is a fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.generator.catalogue import ARCHIVED, SOLD_OUT
from adapters.generator.orders import Order
from tests.doubles.bare.judge import Told

Entry = Mapping[str, Any]

REASONS = {"too_small", "too_large", "damaged", "faulty", "not_as_described", "changed_mind", "late_delivery"}
REASONS |= {"wrong_item", "other"}
METHODS = {"bank_transfer", "store_credit", "original"}
TAX_CODES = {"GB-STD", "GB-ZERO"}
PLACES = {"sellable", "damaged", "faulty", "soiled", "destroyed", "missing"}
"""What the profile has a code or a place for."""


class Story:
    """What was told of each order, and what it was sold as."""

    def __init__(self, said: Told, orders: Iterable[Order], charged: Mapping[str, Decimal]) -> None:
        """`charged`: what the account asked for each order, handling and services included."""
        self.said, self.charged = said, charged
        self.orders = {order.order_id: order for order in orders if order.status != "archived"}

    def unexplained(self, exceptions: Sequence[Entry]) -> list[Entry]:
        """Those about orders that nothing in the story calls for; a message without an order is poison."""
        return [entry for entry in exceptions if entry.get("return_id") and not self.calls_for(entry)]

    def calls_for(self, entry: Entry) -> bool:
        data = self.said.returns.get(str(entry["return_id"]))
        if data is None:
            return bool(entry["kind"] != "bug")  # of a message that was sent as poison
        order = self.orders.get(str(data["order_id"]))
        if order is None:
            return bool(entry["kind"] == "not-found")
        match entry["kind"], entry["step"]:
            case "bug", _:
                return False
            case _, "item_receipt" | "stock_movement":
                return self._goods(data)
            case "out-of-stock", "exchange_order":
                return any(one["sku"] in SOLD_OUT for one in data["replacements"])
            case "not-found" | "mismatch" | "unmapped", "return_authorisation":
                return self._lines(data, order) or (entry["kind"] == "unmapped" and self._codes(data))
            case "unmapped", "credit_note":
                return self._codes(data)
            case "mismatch", "credit_note" | "reversal":
                return self._amounts(data, order)
            case "approval", "reversal":
                return any(refund["state"] == "failed" for refund in data["refunds"])
            case "invalid", "credit_note":
                return False
        return False

    def _goods(self, data: Entry) -> bool:
        """Held goods, unknown findings, or units that Reveni rejects and the warehouse would sell."""
        lines = {line["line_id"]: line for line in data["lines"]}
        for inspection in self.said.inspections.values():
            if inspection["return_id"] != data["return_id"]:
                continue
            for found in inspection["lines"]:
                line = lines.get(found["line_id"], {})
                refused = line.get("verdict") == "rejected" or bool(line.get("rejected_quantity"))
                if data["state"] in ("rejected", "cancelled") and found["disposition"] != "missing":
                    return True  # its authorisation was closed, so that the ERP takes no receipt of it
                if found["disposition"] not in PLACES or (refused and found["disposition"] == "sellable"):
                    return True
        return False

    def _lines(self, data: Entry, order: Order) -> bool:
        sold = {line.order_line_id: line for line in order.lines}
        for line in data["lines"]:
            bought = sold.get(line["order_line_id"])
            if bought is None or line["quantity"] > bought.quantity or bought.sku in ARCHIVED:
                return True
            if line["reason"] not in REASONS:
                return True
        return False

    def _codes(self, data: Entry) -> bool:
        """A code that the profile lacks; or a part of a bundle, whose price at the time of sale this account lacks."""
        return (
            any(line["tax_code"] not in TAX_CODES or line.get("component_sku") for line in data["lines"])
            or any(refund["method"] not in METHODS for refund in data["refunds"])
            or any(line["sku"] in ARCHIVED for line in data["lines"])
        )

    def _amounts(self, data: Entry, order: Order) -> bool:
        """Refunds that are not what the return comes to, or more for the order than was asked for it."""
        if any(refund["state"] == "failed" for refund in data["refunds"]):
            return True
        whole = beyond = Decimal(0)
        for other in self.said.returns.values():
            if str(other["order_id"]) == order.order_id:
                whole += sum(Decimal(one["amount"]) for one in other["refunds"] if one["kind"] != "goodwill")
                beyond += sum(Decimal(one["amount"]) for one in other["bonuses"])
        if whole - beyond > self.charged[order.order_id]:
            return True
        goods = sum(
            Decimal(one["amount"]) for one in data["refunds"] if one["kind"] == "goods" and one["state"] == "paid"
        )
        due = comes_to(data, order)
        return due is not None and abs(goods - due) > Decimal("0.01") * max(1, len(data["lines"]))


def comes_to(data: Entry, order: Order) -> Decimal | None:
    """What a return without parts comes to (CONTRACTS section 2, 'Components'), by hand."""
    total = Decimal(data["shipping_refund"])
    instant = data["mode"] == "instant"
    counts = False
    for line in data["lines"]:
        if line.get("component_sku"):
            return None
        units = line["quantity"] if instant else line.get("accepted_quantity")
        if units is None:
            units = line["quantity"] if line["verdict"] == "accepted" else 0
        counts = counts or units > 0
        price = Decimal(line["unit_price"])
        if line.get("line_total"):
            price = Decimal(line["line_total"]) / line["quantity"]
        if line["request"] != "exchange":
            total += price * units
            continue
        for other in data["replacements"]:
            if other["replaces_line_id"] == line["line_id"]:
                total += (price - Decimal(other["unit_price"])) * min(units, other["quantity"])
                units -= min(units, other["quantity"])
    total += sum(Decimal(one["amount"]) for one in data["bonuses"])
    return total - (sum(Decimal(one["amount"]) for one in data["fees"]) if counts else 0)
