"""What a return comes to, by the words of CONTRACTS section 2 "Money", written down a second time and in decimals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from adapters.generator.amounts import ZERO, rounded, shares, smallest
from adapters.generator.orders import Order


def counted(data: Mapping[str, Any], line: Mapping[str, Any]) -> int:
    """Units of a line that count: all of them at once in instant mode, the accepted ones in standard mode."""
    if data["mode"] == "instant":
        return int(line["quantity"])
    if line.get("accepted_quantity") is not None:
        return int(line["accepted_quantity"])
    return int(line["quantity"]) if line["verdict"] == "accepted" else 0


def value(data: Mapping[str, Any], line: Mapping[str, Any], units: int, order: Order | None) -> Decimal:
    """So many units of a returned line, tax inside."""
    currency = data["currency"]
    if line.get("component_sku"):
        whole, each = part_price(line, currency, order)
        return (whole * units / each).quantize(smallest(currency), rounding=ROUND_DOWN)
    if line.get("line_total") is not None:
        return rounded(Decimal(line["line_total"]) * units / line["quantity"], currency)
    return Decimal(line["unit_price"]) * units


def part_price(line: Mapping[str, Any], currency: str, order: Order | None) -> tuple[Decimal, int]:
    """A bundle part's share of the bundle's price, and how many units of it that is for."""
    sold = next(entry for entry in order.lines if entry.order_line_id == line["order_line_id"]) if order else None
    if sold is None:
        raise ValueError("a part of a bundle needs the order it was sold on")
    weights = [part.list_price * part.quantity for part in sold.components]
    parts = shares(Decimal(line["unit_price"]), weights, currency)
    found = zip(sold.components, parts, strict=True)
    return next((price, part.quantity) for part, price in found if part.sku == line["component_sku"])


def replaced(data: Mapping[str, Any], line: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], int]]:
    """The replacements of a line with the counted units that each takes, in the order given."""
    left, taken = counted(data, line), []
    for entry in data["replacements"]:
        if entry["replaces_line_id"] == line["line_id"]:
            units = min(left, entry["quantity"])
            left -= units
            taken.append((entry, units))
    return taken


def expected(data: Mapping[str, Any], order: Order | None = None) -> Decimal:
    """The sum of a return's components: lines, exchanged differences, shipping, bonuses, less fees."""
    total, any_counts = Decimal(data["shipping_refund"]), False
    for line in data["lines"]:
        units = counted(data, line)
        any_counts = any_counts or units > 0
        if line["request"] == "exchange":
            taken = replaced(data, line)
            total += value(data, line, sum(each for _, each in taken), order)
            total -= sum((Decimal(one["unit_price"]) * each for one, each in taken), ZERO)
        else:
            total += value(data, line, units, order)
    total += sum((Decimal(bonus["amount"]) for bonus in data["bonuses"]), ZERO)
    if any_counts:
        total -= sum((Decimal(fee["amount"]) for fee in data["fees"]), ZERO)
    return total
