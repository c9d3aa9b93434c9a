"""What the shopper asks for: the lines that come back, and what is wanted instead."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from adapters.generator import catalogue
from adapters.generator.amounts import ZERO, rounded, tax_inside, text
from adapters.generator.chances import Chances
from adapters.generator.orders import RATES, Order, OrderLine
from adapters.generator.plots import ARCHIVED_ITEM, PLAIN, Plot, can_have_twin
from adapters.generator.story import Story
from adapters.generator.world import weighted

REASONS = ("too_small", "too_large", "not_as_described", "faulty", "changed_mind")


def of(
    rng: Random, order: Order, plot: Plot, remaining: dict[str, int], story: Story, chances: Chances
) -> dict[str, Any]:
    """The first snapshot of a return; takes the units it sends back out of `remaining`."""
    return _Request(rng, order, plot, remaining, story, chances).data()


def count(line: dict[str, Any], sold: OrderLine, units: int, currency: str) -> None:
    """Make it so many units of what was sold, with the tax that goes with them."""
    gross = sold.unit_price * units
    line["quantity"] = units
    line.pop("line_total", None)
    if sold.line_total is not None and units == sold.quantity:
        gross = sold.line_total
        line["line_total"] = text(gross, currency)
    line["tax_amount"] = text(tax_inside(gross, RATES[sold.tax_code], currency), currency)


class _Request:
    def __init__(
        self, rng: Random, order: Order, plot: Plot, remaining: dict[str, int], story: Story, chances: Chances
    ) -> None:
        self.rng, self.order, self.plot, self.remaining, self.story = rng, order, plot, remaining, story
        self.calm, self.chances = plot is PLAIN, chances

    def data(self) -> dict[str, Any]:
        """The first snapshot, before it has a version."""
        rng, order = self.rng, self.order
        lines = self._lines()
        forced = {"sold-out-exchange": "exchange", "dearer-exchange": "exchange"}.get(self.plot.name)
        kind = forced or (weighted(rng, self.chances.types) if self.calm else "refund")
        if any(line.get("component_sku") for line in lines):
            kind = "refund"
        if kind == "mixed" and len(lines) < 2:
            kind = "exchange"
        order_id = order.order_id
        if self.plot.name == "order-not-found":
            order_id = "9" + order_id
        data: dict[str, Any] = {
            "return_id": self.story.return_id,
            # A JSON number is read as its text: some senders write it so, always.
            "order_id": int(order_id) if rng.random() < self.chances.numeric_id else order_id,
            "order_number": order.order_number,
            "version": 0,
            "updated_at": "",
            "type": kind,
            "mode": "instant" if rng.random() < self.chances.instant else "standard",
            "state": "in_progress",
            "currency": order.currency,
            "customer": order.customer,
            "lines": lines,
            "replacements": [],
            "fees": [],
            "bonuses": [],
            "refunds": [],
            "shipping_refund": self._money(ZERO),
        }
        if kind != "refund":
            self._exchange(data)
        if rng.random() < self.chances.unknown_field:
            data["x_gift_wrapped"] = {"ribbon": True, "note": "with love"}  # a field nobody has heard of
        return data

    def _lines(self) -> list[dict[str, Any]]:
        """What comes back; nothing when all came back before, or when the shopper keeps the goods."""
        rng = self.rng
        open_lines = [line for line in self.order.lines if self.remaining[line.order_line_id]]
        if not open_lines or (self.calm and rng.random() < self.chances.no_lines):
            return []
        everything = rng.random() < self.chances.everything
        chosen = open_lines if everything else rng.sample(open_lines, rng.randint(1, len(open_lines)))
        if self.plot is ARCHIVED_ITEM:
            chosen = open_lines
        if self.plot.name == "twins":
            chosen = [next(line for line in open_lines if can_have_twin(line))]
        lines = []
        for number, line in enumerate(chosen, 1):
            most = self.remaining[line.order_line_id]
            units = most if everything else rng.randint(1, most)
            if self.plot.name == "twins":
                units = 1
            self.remaining[line.order_line_id] -= units
            lines.append(self._line(number, line, units))
            if line.sku in catalogue.ARCHIVED and self.calm:
                self.story.tags.add("archived-item-among-several")
        if self.plot.name == "line-not-bought":
            alien = next(sku for sku in sorted(catalogue.skus()) if all(sku != line.sku for line in self.order.lines))
            unit = catalogue.priced(Decimal("40.00"), self.order.currency)
            lines.append(self._line(len(lines) + 1, OrderLine("ol99", alien, 1, unit, "GB-STD"), 1))
        if self.plot.name == "over-return":
            line = next(entry for entry in self.order.lines if entry.order_line_id == lines[0]["order_line_id"])
            lines[0] = self._line(1, line, line.quantity + rng.randint(1, 2))
        if self.plot.name == "unmapped-tax":
            lines[0]["tax_code"] = "GB-MARGIN"
        if self.plot.name == "unknown-reason":
            lines[0]["reason"] = "moon_phase"
        return lines

    def _line(self, number: int, sold: OrderLine, units: int) -> dict[str, Any]:
        rng, currency = self.rng, self.order.currency
        line: dict[str, Any] = {
            "line_id": f"l{number}",
            "order_line_id": sold.order_line_id,
            "sku": sold.sku,
            "quantity": 0,
            "unit_price": self._money(sold.unit_price),
            "tax_code": sold.tax_code,
            "request": "return",
            "reason": rng.choice(REASONS),
            "verdict": "pending",
        }
        if sold.components and rng.random() < self.chances.component:
            line["component_sku"] = rng.choice([part.sku for part in sold.components if part.quantity == 1])
            several = [part for part in sold.components if part.quantity > 1]
            chance = self.chances.several_of_a_part
            if chance and several and rng.random() < chance:
                line["component_sku"], units = several[0].sku, units * several[0].quantity
        count(line, sold, units, currency)
        return line

    def _exchange(self, data: dict[str, Any]) -> None:
        """One line (mixed) or all of them are exchanged, for the same in another size, sometimes a cheaper thing."""
        rng = self.rng
        lines = data["lines"] if data["type"] == "exchange" else data["lines"][:1]
        for line in lines:
            if line["sku"] in catalogue.SERVICES:
                continue  # there is nothing to send instead
            line["request"] = "exchange"
            price, sku = Decimal(line["unit_price"]), catalogue.others_like(line["sku"], rng)
            if "line_total" not in line and rng.random() < self.chances.cheaper:
                price = rounded(price * Decimal("0.8"), self.order.currency)
            if self.plot.name == "dearer-exchange":
                price = rounded(Decimal(line["unit_price"]) * Decimal("1.25"), self.order.currency)
            if line.get("line_total"):
                del line["line_total"]  # exchanged three for three, at the price on the label
                gross = price * line["quantity"]
                line["tax_amount"] = self._money(tax_inside(gross, RATES[line["tax_code"]], self.order.currency))
            if self.plot.name == "sold-out-exchange":
                sku = rng.choice(catalogue.SOLD_OUT)
            data["replacements"].append(
                {
                    "replaces_line_id": line["line_id"],
                    "sku": sku,
                    "quantity": line["quantity"],
                    "unit_price": self._money(price),
                }
            )
            if self.calm and rng.random() < self.chances.ordered_already:
                data["replacements"][-1]["order_ref"] = f"SO-{rng.randrange(10**6)}"

    def _money(self, amount: Decimal) -> str:
        return text(amount, self.order.currency)
