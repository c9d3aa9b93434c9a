"""From records as NetSuite shows them to the answers of `streams.bodies` (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.netsuite import order_rows
from adapters.netsuite.earlier import earlier_returns
from adapters.netsuite.options import AccountSettings, CustomFields, custom_of
from adapters.netsuite.records import (
    day_of,
    flag_of,
    gross_of,
    is_closed,
    key_of,
    money_text,
    name_of,
    number_of,
    rows_of,
    status_of,
    text_of,
    total_of,
)
from streams.bodies import Invoice, InvoiceAnswer, OrderLine, OrderSnapshotAnswer
from streams.money import DIGITS, round_half_up_div

Record = Mapping[str, Any]

# Sales order statuses (NetSuite's transaction status list). D and E have units that were sent, so they can come back.
_STATUSES = {"A": "pending", "B": "pending", "C": "closed", "D": "fulfilled", "E": "fulfilled", "F": "fulfilled"}
_STATUSES |= {"G": "fulfilled", "H": "closed"}
_STATUS_NAMES = {
    "pending approval": "pending",
    "pending fulfillment": "pending",
    "partially fulfilled": "fulfilled",
    "pending billing/partially fulfilled": "fulfilled",
    "pending billing": "fulfilled",
    "billed": "fulfilled",
    "cancelled": "closed",
    "closed": "closed",
}


def originals(orders: Sequence[Record]) -> list[Record]:
    """The orders that may be the one that was sold: a free one beside others is the replacement of an exchange."""
    sold = [order for order in orders if total_of(order)]
    return sold or list(orders)


def items_named(order: Record) -> list[str]:
    """The internal ids of the items on an order."""
    return sorted({number for row in rows_of(order) if (number := key_of(row.get("item")))})


def order_answer(
    at: str,
    order: Record,
    *,
    customer: Record | None,
    items: Mapping[str, Record],
    authorisations: Sequence[Record],
    invoices: Sequence[Record],
    settings: AccountSettings,
) -> OrderSnapshotAnswer:
    """The original order with its history. `items` are SuiteQL's rows of the items, by internal id."""
    currency = settings.iso(order.get("currency"))
    rows = rows_of(order)
    kinds = order_rows.kinds_of(order, items, currency)
    lines = [
        _order_line(row, rows, currency, items, settings.fields, kind)
        for row, kind in zip(rows, kinds, strict=True)
        if kind in order_rows.SOLD
    ]
    number = key_of(order.get("entity"))
    active = customer is not None and flag_of(customer.get("isInactive")) is not True
    return {
        "at": at,
        "found": 1,
        "number": text_of(order.get("id")),
        "status": status_name(order),
        "currency": currency,
        "customer": {"number": number, "active": active},
        "total": money_text(order_rows.total_to_pay(order, kinds, currency), currency),
        "shipping": money_text(order_rows.shipping(order, currency).gross, currency),
        "handling": money_text(order_rows.handling(order, currency).gross, currency),
        "discounts": order_rows.discounts(order, kinds, currency),
        "lines": lines,
        "returns": earlier_returns(authorisations, lines, currency, settings.fields),
        "invoices": [_invoice(one, settings) for one in invoices],
    }


def invoice_answer(at: str, invoices: Sequence[Record], settings: AccountSettings) -> InvoiceAnswer:
    """What is still open on each invoice."""
    return {"at": at, "invoices": [_invoice(one, settings) for one in invoices]}


def status_name(order: Record) -> str:
    """pending, fulfilled or closed; a status nobody listed is carried as it is."""
    if is_closed(order):
        return "closed"
    status = status_of(order)
    name = name_of(status).casefold()
    return _STATUSES.get(key_of(status)) or _STATUS_NAMES.get(name) or name


def _order_line(
    row: Record,
    rows: Sequence[Record],
    currency: str,
    items: Mapping[str, Record],
    fields: CustomFields,
    kind: str,
) -> OrderLine:
    quantity = number_of(row.get("quantity")) or Decimal(0)
    gross = gross_of(row, currency) or Decimal(0)
    line: dict[str, Any] = {
        "order_line": text_of(row.get("line")),
        "order_line_id": text_of(custom_of(row, fields.order_line_id)),
        "sku": _sku(row, items),
        "item": key_of(row.get("item")),
        "kind": kind,
        "quantity": int(quantity),
        "fulfilled": int(number_of(row.get("quantityFulfilled")) or 0),
        "unit_price": _each(gross, quantity, currency),
        "amount": money_text(gross, currency),
        "tax": money_text(number_of(row.get("tax1Amt")) or Decimal(0), currency),
        "tax_code": key_of(row.get("taxCode")),
        "components": [
            _component(member, quantity, items, fields)
            for member in rows
            if member.get("kitMemberOf") and key_of(member["kitMemberOf"]) == text_of(row.get("line"))
        ],
        "active": flag_of(items.get(key_of(row.get("item")), {}).get("isinactive")) is not True,
    }
    return line  # type: ignore[return-value]  # `active` is one more than the shape asks for


def _component(member: Record, kits: Decimal, items: Mapping[str, Record], fields: CustomFields) -> dict[str, Any]:
    """One part of a bundle, by the definition that the order keeps; without a list price it has no share."""
    each = number_of(member.get("quantityPerKit"))
    if each is None:
        each = (number_of(member.get("quantity")) or Decimal(0)) / kits if kits else Decimal(0)
    part: dict[str, Any] = {
        "sku": _sku(member, items),
        "item": key_of(member.get("item")),
        "quantity": int(each),
        "order_line": text_of(member.get("line")),
    }
    if price := text_of(custom_of(member, fields.list_price)):
        part["list_price"] = price
    return part


def _sku(row: Record, items: Mapping[str, Record]) -> str:
    """The item's own name; the reference's may have its parents in front (`TEE : TEE-RED-M`)."""
    named = text_of(items.get(key_of(row.get("item")), {}).get("itemid"))
    return (named or name_of(row.get("item"))).rpartition(" : ")[2]


def _each(gross: Decimal, quantity: Decimal, currency: str) -> str:
    """One unit's price, rounded half up to the currency's digits."""
    digits = DIGITS.get(currency, 2)
    if not quantity:
        return money_text(Decimal(0), currency)
    top, bottom = (gross.scaleb(digits) / quantity).as_integer_ratio()
    return money_text(Decimal(round_half_up_div(top, bottom)).scaleb(-digits), currency)


def _invoice(invoice: Record, settings: AccountSettings) -> Invoice:
    currency = settings.iso(invoice.get("currency"))
    left = number_of(invoice.get("amountRemaining")) or Decimal(0)
    day = day_of(invoice.get("tranDate"))
    return {
        "number": text_of(invoice.get("id")),
        "open": money_text(left, currency),
        "currency": currency,
        "date": day.isoformat() if day is not None else "",
        "lines": [
            {
                "order_line": key_of(row.get("orderLine")),
                "order_line_id": text_of(custom_of(row, settings.fields.order_line_id)),
                "sku": name_of(row.get("item")).rpartition(" : ")[2],
            }
            for row in rows_of(invoice)
        ],
    }
