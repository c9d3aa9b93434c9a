"""An order as it was sold, and as `PUT /_orders` takes it (CONTRACTS section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.generator.amounts import ZERO, tax_inside, text
from adapters.generator.catalogue import Component

ACCOUNT = "ns"
RATES = {"GB-STD": Decimal(20), "GB-ZERO": ZERO}


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line as it was sold, tax inside."""

    order_line_id: str
    sku: str
    quantity: int
    unit_price: Decimal
    tax_code: str
    components: tuple[Component, ...] = ()
    line_total: Decimal | None = None  # where unit price x quantity does not divide
    listed: Decimal | None = None  # the whole line before a discount; what the order shows of it
    service: bool = False  # billed, never sent

    @property
    def value(self) -> Decimal:
        """What the shopper paid for it."""
        return self.unit_price * self.quantity if self.line_total is None else self.line_total

    @property
    def shown(self) -> Decimal:
        return self.value if self.listed is None else self.listed


@dataclass(frozen=True, slots=True)
class DiscountRow:
    """A discount in a row of its own; without lines it is about the whole order."""

    amount: Decimal
    tax: Decimal
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    order_number: str
    status: str
    currency: str
    location: str
    customer: dict[str, str]
    shipping: Decimal
    lines: tuple[OrderLine, ...]
    invoice_settled: bool
    has_line_ids: bool = True  # the account knows the channel's names of the lines
    discount: Decimal = ZERO  # in the header
    discount_rows: tuple[DiscountRow, ...] = ()
    handling: Decimal = ZERO
    subtotal: bool = False
    texts: tuple[str, ...] = ()
    invoices: tuple[tuple[str, ...], ...] = ()  # the lines that each bills; none: one bills them all
    returned_before: tuple[tuple[str, int], ...] = ()  # by line: units that somebody else authorised in the account
    before_is_known: bool = True  # to the shopper, who sends back no more than is left
    odd: frozenset[str] = frozenset()

    @property
    def paid(self) -> Decimal:
        return sum((line.value for line in self.lines), self.shipping + self.handling)

    def sold(self) -> dict[str, int]:
        """Units sold per SKU; a bundle counts as itself and as each of its parts."""
        units: dict[str, int] = {}
        for line in self.lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
            for part in line.components:
                units[part.sku] = units.get(part.sku, 0) + part.quantity * line.quantity
        return units

    def seed(self) -> dict[str, Any]:
        """The order as `PUT /_orders` takes it."""

        def money(amount: Decimal) -> str:
            return text(amount, self.currency)

        lines = []
        for line in self.lines:
            lines.append(
                {
                    "order_line_id": line.order_line_id if self.has_line_ids else "",
                    "sku": line.sku,
                    "quantity": line.quantity,
                    "unit_price": money(line.shown / line.quantity),
                    "tax_amount": money(tax_inside(line.shown, RATES[line.tax_code], self.currency)),
                    "tax_code": line.tax_code,
                    "components": [
                        {"sku": part.sku, "quantity": part.quantity, "list_price": money(part.list_price)}
                        for part in line.components
                    ],
                    **({"line_total": money(line.shown)} if line.line_total is not None or line.listed else {}),
                    **({"service": True} if line.service else {}),
                }
            )
        return {
            "account": ACCOUNT,
            "order_id": self.order_id,
            "order_number": self.order_number,
            "status": self.status,
            "currency": self.currency,
            "location": self.location,
            "customer": self.customer,
            "shipping": money(self.shipping),
            "paid": money(self.paid),
            "lines": lines,
            **self._charges(),
            **self._billed(),
        }

    def left(self) -> dict[str, int]:
        """Units of each line that the shopper may send back."""
        before = dict(self.returned_before) if self.before_is_known else {}
        return {line.order_line_id: line.quantity - before.get(line.order_line_id, 0) for line in self.lines}

    def _charges(self) -> dict[str, Any]:
        """What the order has besides its lines and the shipping."""
        found: dict[str, Any] = {}
        for name, amount in (("discount", self.discount), ("handling", self.handling)):
            if amount:
                found[name] = text(amount, self.currency)
        if self.discount_rows:
            found["discount_rows"] = [
                {
                    "amount": text(row.amount, self.currency),
                    "tax_amount": text(row.tax, self.currency),
                    "covers": list(row.covers),
                }
                for row in self.discount_rows
            ]
        if self.subtotal:
            found["subtotal"] = True
        if self.texts:
            found["texts"] = list(self.texts)
        if self.returned_before:
            lines = [{"order_line_id": name, "quantity": units} for name, units in self.returned_before]
            found["returns"] = [{"date": "2026-11-10", "lines": lines}]
        return found

    def _billed(self) -> dict[str, Any]:
        def still_open(amount: Decimal) -> str:
            return text(ZERO if self.invoice_settled else amount, self.currency)

        if not self.invoices:
            return {"invoice": {"number": f"INV-{self.order_id}", "open": still_open(self.paid)}}
        worth = {line.order_line_id: line.value for line in self.lines}
        return {
            "invoices": [
                {
                    "number": f"INV-{self.order_id}-{place}",
                    "open": still_open(sum((worth[name] for name in names), ZERO)),
                    "lines": list(names),
                    "date": f"2026-11-{place:02d}",
                }
                for place, names in enumerate(self.invoices, 1)
            ]
        }
