"""A line of a sales order, return, memo or receipt. Money is gross, tax inside; the net is the difference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.chart import Chart, Component, Item, TaxCode
from adapters.netsuite.simulator.errors import invalid_content, missing_field, user_error
from adapters.simulators import money

# Custom columns of this account (invented): the channel's id of the order line; a kit member's price when sold alone.
ORDER_LINE_ID = "custcol_order_line_id"
LIST_PRICE = "custcol_list_price"
_OWN = frozenset(
    [
        "item",
        "quantity",
        "rate",
        "amount",
        "tax1Amt",
        "grossAmt",
        "taxCode",
        "taxRate1",
        "location",
        "orderLine",
        "line",
        "price",
        "itemReceive",
        "orderDoc",
        "quantityRemaining",
        "links",
    ]
)


@dataclass(slots=True)
class Line:
    number: int
    item: Item
    quantity: Decimal
    gross: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    tax_code: TaxCode | None = None
    location: str | None = None
    order_line: int | None = None  # the line of the source document
    kit: int | None = None  # the number of the kit's line that this is a member of
    per_kit: Decimal = Decimal(0)
    extra: dict[str, Any] = field(default_factory=dict)  # custom columns and what else was sent
    fulfilled: Decimal = Decimal(0)
    billed: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    back_ordered: Decimal = Decimal(0)
    closed: bool = False

    @property
    def is_kit(self) -> bool:
        return bool(self.item.components)

    def share(self, quantity: Decimal, currency: str) -> tuple[Decimal, Decimal]:
        """Gross and tax of a part of the line."""
        if not self.quantity:
            return Decimal(0), Decimal(0)
        part = quantity / self.quantity
        return money.rounded(self.gross * part, currency), money.rounded(self.tax * part, currency)

    def render(self, currency: str) -> dict[str, Any]:
        net = self.gross - self.tax
        shown: dict[str, Any] = {
            "line": self.number,
            "item": {"id": self.item.id, "refName": self.item.sku},
            "itemType": {"id": self.item.shown_type},
        }
        if self.item.sold:
            shown |= {
                "quantity": money.quantity_json(self.quantity),
                "rate": float(money.rounded(net / self.quantity, currency)) if self.quantity else 0,
            }
        if self.item.type != "Description":
            shown |= {"amount": float(net), "tax1Amt": float(self.tax), "grossAmt": float(self.gross)}
        if self.item.sold:
            shown |= {
                "isClosed": self.closed,
                "quantityFulfilled": money.quantity_json(self.fulfilled),
                "quantityBilled": money.quantity_json(self.billed),
                "quantityReceived": money.quantity_json(self.received),
                "quantityBackOrdered": money.quantity_json(self.back_ordered),
            }
        shown |= self.extra
        if self.tax_code is not None:
            shown["taxCode"] = {"id": self.tax_code.id, "refName": self.tax_code.name}
            if self.tax_code.rate is not None:
                shown["taxRate1"] = float(self.tax_code.rate)
        if self.location is not None:
            shown["location"] = {"id": self.location}
        if self.order_line is not None:
            shown["orderLine"] = self.order_line
        if self.kit is not None:
            shown["kitMemberOf"] = self.kit
            shown["quantityPerKit"] = money.quantity_json(self.per_kit)
        return shown

    def entry(self, currency: str) -> dict[str, Any]:
        """The line as the ledger shows it."""
        return {
            "sku": self.item.sku,
            "quantity": money.quantity_json(self.quantity),
            "amount": money.text(self.gross, currency),
            "tax": money.text(self.tax, currency),
            "location": self.location,
            "item": self.item.id,
            "order_line": None if self.order_line is None else str(self.order_line),
            "order_line_id": self.extra.get(ORDER_LINE_ID),
        }


def number(raw: dict[str, Any], name: str, at: str) -> Decimal | None:
    """A numeric field; NetSuite takes it as a JSON number, or as text."""
    if raw.get(name) is None:
        return None
    try:
        return money.read(raw[name])
    except ValueError:
        raise invalid_content(f"Invalid value for {name}.", f"{at}.{name}") from None


def read_line(raw: dict[str, Any], at: str, position: int, source: Line | None, chart: Chart, currency: str, *,
              learn: bool, most: Decimal | None = None) -> Line:  # fmt: skip
    """One line of a body; with `source` it starts as a copy of that line, `most` units of it."""
    if source is not None:
        item = source.item
        if raw.get("item") is not None:
            item = chart.resolve_item(raw["item"], f"{at}.item", source.item, learn)
        elif not item.active:
            item = chart.resolve_item(item.id, f"{at}.item", None, learn)
    else:
        item = chart.resolve_item(raw.get("item"), f"{at}.item", None, learn)
    quantity = number(raw, "quantity", at)
    if quantity is None:
        quantity = most if most is not None else Decimal(1)
    if quantity <= 0:
        raise user_error("The quantity must be positive.", f"{at}.quantity")
    code = source.tax_code if source else None
    if raw.get("taxCode") is not None:
        code = chart.resolve_tax_code(raw["taxCode"], f"{at}.taxCode")
    gross, tax = _money(raw, at, quantity, source, code, currency)
    if gross and code is None:
        raise missing_field("Tax Code", f"{at}.taxCode")
    location = source.location if source else None
    if raw.get("location") is not None:
        location = chart.resolve_location(raw["location"], f"{at}.location").id
    extra = dict(source.extra) if source else {}
    extra |= {key: value for key, value in raw.items() if key not in _OWN}
    base = source or Line(position, item, quantity)
    return Line(
        number=position,
        item=item,
        quantity=quantity,
        gross=gross,
        tax=tax,
        tax_code=code,
        location=location,
        order_line=source.number if source else None,
        kit=base.kit,
        per_kit=base.per_kit,
        extra=extra,
    )


def member_of(kit: Line, item: Item, part: Component, number: int) -> Line:
    """The line of one member of a kit: it has units and no price."""
    extra = dict(kit.extra)
    if part.list_price is not None:
        extra[LIST_PRICE] = str(part.list_price)
    return Line(
        number=number,
        item=item,
        quantity=part.quantity * kit.quantity,
        tax_code=kit.tax_code,
        kit=kit.number,
        per_kit=part.quantity,
        extra=extra,
        fulfilled=part.quantity * kit.fulfilled,
    )


def _money(
    raw: dict[str, Any], at: str, quantity: Decimal, source: Line | None, code: TaxCode | None, currency: str
) -> tuple[Decimal, Decimal]:
    gross, net, tax = (number(raw, name, at) for name in ("grossAmt", "amount", "tax1Amt"))
    rate = number(raw, "rate", at)
    for name, value in (("grossAmt", gross), ("amount", net), ("tax1Amt", tax)):
        if value is not None and value != money.rounded(value, currency):
            raise invalid_content(f"{name} has more digits than {currency}.", f"{at}.{name}")
    if gross is None and net is None and rate is not None:
        net = money.rounded(rate * quantity, currency)
    percent = code.rate if code and code.rate is not None else Decimal(0)
    if gross is not None:
        if tax is None:
            tax = gross - net if net is not None else money.rounded(gross * percent / (100 + percent), currency)
        if net is not None and net + tax != gross:
            raise user_error("amount and tax1Amt do not make grossAmt.", f"{at}.grossAmt")
        return gross, tax
    if net is not None:
        tax = money.rounded(net * percent / 100, currency) if tax is None else tax
        return net + tax, tax
    if source is None:
        raise missing_field("Amount", f"{at}.amount")
    return source.share(quantity, currency)


def own_lines(rows: list[dict[str, Any]] | None, chart: Chart, currency: str, *, learn: bool) -> list[Line]:
    """The lines of a document that stands on its own."""
    if not rows:
        raise missing_field("Item", "item")
    return [
        read_line(raw, f"item.items[{position}]", position + 1, None, chart, currency, learn=learn)
        for position, raw in enumerate(rows)
    ]


def same(left: list[Line], right: list[Line]) -> bool:
    """Whether two documents say the same."""

    def said(lines: list[Line]) -> list[tuple[str, Decimal, Decimal, Decimal]]:
        return [(line.item.sku, line.quantity, line.gross, line.tax) for line in lines]

    return said(left) == said(right)


def copy_of(source: Line, quantity: Decimal, position: int, currency: str) -> Line:
    """A line copied by a transform."""
    gross, tax = source.share(quantity, currency)
    return replace(
        source,
        number=position,
        quantity=quantity,
        gross=gross,
        tax=tax,
        order_line=source.number,
        extra=dict(source.extra),
        fulfilled=Decimal(0),
        billed=Decimal(0),
        received=Decimal(0),
        credited=Decimal(0),
        back_ordered=Decimal(0),
        closed=False,
    )
