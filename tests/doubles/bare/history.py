"""The merchant's order history, as a connector would have imported it: told in the account's own ways.

What was paid for each line stays what the generator says. How the account comes to it differs from order to order: a
discount on the header or in a row of its own, handling, a service, rows that are no goods, one invoice or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tests.doubles.bare.records import CURRENCIES, RATES, ZERO, Item, Place, Record, Row, Store, rounded

_TAX_CODES = {"GB-STD": "5", "GB-ZERO": "6"}
_IDS = {"TEE-RED-M": "4711"}  # what the profile maps
CHARGES = {"SHIPPING": "901", "FEE": "902", "BONUS": "903", "GOODWILL": "904", "ADJUSTMENT": "905"}
SHAPES = ("plain", "header-discount", "row-discount", "handling", "service", "two-invoices", "texts")


def shape_of(order_id: str) -> str:
    return SHAPES[int(order_id[-4:]) % len(SHAPES)] if order_id[-4:].isdecimal() else "plain"


def take(store: Store, payloads: Iterable[Mapping[str, Any]]) -> None:
    """Seeds in the form of `PUT /_orders` (CONTRACTS section 7)."""
    for sku, number in CHARGES.items():
        store.item(sku, "OthCharge", id=number)
    for payload in payloads:
        for place in payload.get("locations", ()):
            store.places[place["id"]] = Place(place["id"], place.get("name", place["id"]), place["sellable"])
        for about in payload.get("items", ()):
            _item(store, about["sku"]).inactive = bool(about.get("archived"))
        for row in payload.get("stock", ()):
            key = (_item(store, row["sku"]).id, row["location"])
            store.stock[key] = Decimal(row["available"])
        for order in payload.get("orders", ()):
            if order["status"] != "archived":  # those the account has given away to cold storage
                Order(store, order).write()


def _item(store: Store, sku: str, kind: str = "InvtPart", **about: Any) -> Item:
    return store.item(sku, kind, **({"id": _IDS[sku]} if sku in _IDS else {}), **about)


class Order:
    def __init__(self, store: Store, seed: Mapping[str, Any], shape: str = "") -> None:
        self.store, self.seed = store, seed
        self.shape = shape or shape_of(seed["order_id"])
        self.currency = next(key for key, code in CURRENCIES.items() if code == seed["currency"])
        self.sent = seed["status"] in ("fulfilled", "closed")
        self.discount = ZERO

    def write(self) -> Record:
        """Customer, sales order, its fulfilment, and what was billed."""
        seed = self.seed
        customer = self._customer(seed["customer"])
        order = self.store.keep(
            "salesOrder",
            currency=self.currency,
            entity=str(customer.id),
            status={"fulfilled": "G", "closed": "H", "pending": "B"}[seed["status"]],
            day="2026-11-20",
            fields={"otherRefNum": seed["order_id"], "memo": f"web {seed['order_number']}"},
        )
        self._lines(order)
        self._charges(order)
        if self.sent:
            self.store.keep("itemFulfillment", entity=order.entity, source=order, day="2026-11-21")
            self._bill(order)
        return order

    def _customer(self, about: Mapping[str, str]) -> Record:
        for known in self.store.of_type("customer"):
            if known.external_id == about["id"] and known.currency == self.currency:
                return known
        fields = {"entityId": about["name"], "email": about["email"], "isInactive": False}
        return self.store.keep("customer", currency=self.currency, external_id=about["id"], fields=fields)

    def _lines(self, order: Record) -> None:
        seen: dict[tuple[str, Decimal], int] = {}
        for taken, line in enumerate(self.seed["lines"], 1):
            parts = line.get("components") or ()
            for part in parts:
                _item(self.store, part["sku"])
            members = tuple((_item(self.store, part["sku"]).id, int(part["quantity"])) for part in parts)
            kind = "Service" if line.get("service") else "Kit" if parts else "InvtPart"
            item = _item(self.store, line["sku"], kind, members=members)
            gross = Decimal(line.get("line_total") or Decimal(line["unit_price"]) * line["quantity"])
            tax = Decimal(line["tax_amount"])
            row = self._row(order, item, Decimal(line["quantity"]), gross - tax, tax, _TAX_CODES[line["tax_code"]])
            if kind == "Service":
                row.fulfilled = ZERO
            self.store.channel_lines[self.seed["order_id"], line["order_line_id"]] = row.line
            first = seen.setdefault((line["sku"], gross / line["quantity"]), row.line)
            self.store.alike[self.seed["order_id"], row.line] = first
            halved = self.shape == "header-discount" or (self.shape == "row-discount" and taken == 1)
            if halved:
                self.discount -= row.net or ZERO
                self._double(row)
            if self.shape == "row-discount" and taken == 1:
                off = self.store.item("DISC-50", "Discount")
                self._row(order, off, ZERO, -(gross - tax), -tax, row.tax_code, fulfilled=False)
                self.discount = ZERO
            for member, units in members:
                told = self._row(order, self.store.items[member], row.quantity * units, None, None, "")
                told.kit = row.line
            if self.shape == "texts" and taken == 1:
                note = self.store.item("NOTE", "Description")
                self._row(order, note, ZERO, None, None, "", fulfilled=False).description = "Thank you"
                total = self.store.item("SUBTOTAL", "Subtotal")
                so_far = sum((one.net or ZERO for one in order.rows), ZERO)
                self._row(order, total, ZERO, so_far, None, "", False).counts = False
        if self.shape == "service":
            wrapping = self.store.item("GIFT-WRAPPING", "Service")
            self._row(order, wrapping, Decimal(1), Decimal(2), ZERO, "6", fulfilled=False).billed = Decimal(self.sent)

    def _double(self, row: Row) -> None:
        """Sold at half price: twice the amount before the discount, on which the tax shown is the tax before it too."""
        row.net, row.tax = (row.net or ZERO) * 2, (row.tax or ZERO) * 2

    def _row(
        self, order: Record, item: Item, quantity: Decimal, net: Decimal | None, tax: Decimal | None, code: str,
        fulfilled: bool = True,
    ) -> Row:  # fmt: skip
        row = Row(len(order.rows) * 2 + 2, item.id, quantity, net, tax, code)
        row.fulfilled = row.billed = quantity if fulfilled and self.sent else ZERO
        row.order_line = row.line
        order.rows.append(row)
        return row

    def _charges(self, order: Record) -> None:
        currency = CURRENCIES[self.currency]
        shipping = Decimal(self.seed["shipping"])
        if shipping:
            tax = rounded(shipping * RATES["5"] / (100 + RATES["5"]), currency)
            order.fields |= {"shippingCost": shipping - tax, "shippingTax1Amt": tax, "shippingTax1Rate": 20.0}
        if self.shape == "handling":
            order.fields |= {"handlingCost": Decimal(2), "handlingTax1Amt": ZERO}
        if self.shape == "header-discount" and self.discount:
            tax = sum((row.tax or ZERO for row in order.rows), ZERO) / 2
            order.fields |= {"discountTotal": self.discount, "discTax1Amt": -tax, "discountRate": "-50.0%"}
            order.fields["discountItem"] = self.store.item("DISC-50", "Discount").id

    def _bill(self, order: Record) -> None:
        """One invoice; or one for the first line and another for the rest, shipping on the first."""
        rows = [row for row in order.rows if row.kit is None]
        groups = [rows[:1], rows[1:]] if self.shape == "two-invoices" and len(rows) > 1 else [rows]
        open_ = Decimal(self.seed["invoice"]["open"]) > 0
        for position, group in enumerate(groups):
            invoice = self.store.keep(
                "invoice", currency=self.currency, entity=order.entity, source=order, day=f"2026-11-2{1 + position}",
                fields={"otherRefNum": order.fields["otherRefNum"]},
            )  # fmt: skip
            for row in group:
                billed = Row(len(invoice.rows) + 1, row.item, row.quantity, row.net, row.tax, row.tax_code)
                billed.origin = billed.order_line = row.line
                billed.billed = row.quantity
                billed.counts = row.counts
                invoice.rows.append(billed)
            if position == 0:
                invoice.fields |= {
                    name: value for name, value in order.fields.items() if name not in ("memo", "otherRefNum")
                }
            invoice.due = invoice.total if open_ else ZERO
            invoice.status = "A" if open_ else "B"
