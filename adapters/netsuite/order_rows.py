"""The rows of a sales order by what they are, what its discounts take off, and what its header charges (pure).

Besides what was sold, NetSuite lists in `item` what only says something about other rows: a discount or markup of the
row above it, or of the rows that a subtotal above it sums; a subtotal; a text; the borders of a group. The header has
a discount of its own, shipping and handling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from adapters.netsuite.records import (
    amount_of,
    gross_of,
    is_absent,
    key_of,
    money_text,
    name_of,
    number_of,
    rounded,
    rows_of,
    status_of,
    text_of,
)
from streams.bodies import Discount

Record = Mapping[str, Any]
Kind = Literal[
    "goods", "part", "service", "discount", "charge-off", "taken back", "subtotal", "group", "end of group", "text"
]

SOLD = ("goods", "service")
_ZERO = Decimal(0)
_BILLED = "G"

# Item types as a row or the item's own record names them (`itemType`, SuiteQL's `itemtype`).
_TYPES: Mapping[str, Kind] = {
    "discount": "discount",
    "markup": "discount",
    "subtotal": "subtotal",
    "description": "text",
    "payment": "text",
    "group": "group",
    "endgroup": "end of group",
    "service": "service",
    "othcharge": "service",
    "giftcert": "service",
    "dwnlditem": "service",
    "noninvtpart": "service",
    "invtpart": "goods",
    "kit": "goods",
    "assembly": "goods",
}


@dataclass(frozen=True, slots=True)
class Charge:
    """Shipping or handling, with the tax on it; `tax` is None where the account does not show any."""

    net: Decimal
    tax: Decimal | None

    @property
    def gross(self) -> Decimal:
        return self.net + (self.tax or _ZERO)


def kinds_of(order: Record, items: Mapping[str, Record], currency: str) -> list[Kind]:
    """What each row is. `items` are SuiteQL's rows of the items, by internal id."""
    kinds: list[Kind] = []
    running = _ZERO  # since the last subtotal
    for row in rows_of(order):
        gross = gross_of(row, currency)
        kind = _kind(row, items, gross, running, is_billed=key_of(status_of(order)) == _BILLED)
        if kind == "subtotal":
            running = _ZERO
        elif _counts(kind):
            running += gross or _ZERO
        kinds.append(kind)
    return kinds


def _kind(
    row: Record, items: Mapping[str, Record], gross: Decimal | None, running: Decimal, *, is_billed: bool
) -> Kind:
    if row.get("kitMemberOf"):
        return "part"  # the kit's own row has the price
    of_item = text_of(items.get(key_of(row.get("item")), {}).get("itemtype"))
    type_ = next(
        (name for name in (key_of(row.get("itemType")), name_of(row.get("itemType")), of_item) if _is_known(name)), ""
    )
    kind = _TYPES.get(type_.casefold())
    sent = number_of(row.get("quantityFulfilled"))
    if kind is None:
        kind = _by_shape(row, gross, running)
        never_sent = sent == 0 and is_billed and (number_of(row.get("quantityBilled")) or _ZERO) > 0
        kind = "service" if kind == "goods" and never_sent else kind
    below_zero = (gross or _ZERO) < 0 or (number_of(row.get("quantity")) or _ZERO) < 0
    if kind == "goods" and below_zero:
        return "taken back"  # goods credited on the order itself: part of its total, nothing that was sold
    if kind != "service":
        return kind
    if below_zero:
        return "charge-off"  # a discount that is booked as a charge: it is about the whole order
    if type_.casefold() == "noninvtpart" and row.get("quantityBilled") is not None:
        return "service" if not sent and number_of(row["quantityBilled"]) else "goods"
    return "goods" if sent else "service"


def _is_known(type_: str) -> bool:
    return type_.casefold() in _TYPES


def _by_shape(row: Record, gross: Decimal | None, running: Decimal) -> Kind:
    """What a row is where nothing names its type: what is sold has a quantity and costs no less than nothing."""
    if gross is not None and gross < 0:
        return "discount"
    if number_of(row.get("quantity")):
        return "goods"
    if not gross:
        return "text"
    return "subtotal" if gross == running else "service"


def discounts(order: Record, kinds: Sequence[Kind], currency: str) -> list[Discount]:
    """The discounts in rows of their own, and then the header's."""
    found: list[Discount] = []
    group: list[str] = []  # what was sold since the last subtotal
    members: list[str] = []  # since the last group began
    last: list[str] = []  # what a discount row here is about
    for row, kind in zip(rows_of(order), kinds, strict=True):
        match kind:
            case "goods" | "service":
                last = [str(row.get("line", ""))]
                group, members = group + last, members + last
            case "subtotal":
                last, group = group, []
            case "group":
                members = []
            case "end of group":
                last = members
            case "discount" | "charge-off":
                found.append(_discount(row, [] if kind == "charge-off" else last, currency))
    header = _header_discount(order, kinds, currency)
    return [*found, header] if header is not None else found


def _discount(row: Record, covered: list[str], currency: str) -> Discount:
    gross = gross_of(row, currency) or _ZERO
    net, tax = amount_of(row.get("amount"), currency), amount_of(row.get("tax1Amt"), currency)
    discount: Discount = {"amount": money_text(-gross, currency), "order_lines": covered}
    if tax is None and net is not None and not is_absent(row.get("grossAmt")):
        tax = gross - net
    if tax is not None:
        discount["tax"] = money_text(-tax, currency)
    return discount


def _header_discount(order: Record, kinds: Sequence[Kind], currency: str) -> Discount | None:
    """The header's discount with its tax: `discountTotal` is without, so it is what the order's total lacks."""
    stated = abs(amount_of(order.get("discountTotal"), currency) or _ZERO)
    if not stated:
        return None
    charges = (shipping(order, currency), handling(order, currency))
    rows = [row for row, kind in zip(rows_of(order), kinds, strict=True) if _counts(kind)]
    taxes = sum((amount_of(row.get("tax1Amt"), currency) or _ZERO for row in rows), _ZERO)
    total, tax_total = (amount_of(order.get(name), currency) for name in ("total", "taxTotal"))
    gross, tax = stated, None
    if total is not None:
        gross = min(max(_sum(order, kinds, currency) - total, _ZERO), stated + taxes)
    if tax_total is not None and all(charge.tax is not None for charge in charges):
        tax = taxes + sum((charge.tax or _ZERO for charge in charges), _ZERO) - tax_total
    if not gross:
        return None  # the rows say it already
    discount: Discount = {"amount": money_text(gross, currency), "order_lines": []}
    if tax is not None and _ZERO <= tax <= gross:
        discount["tax"] = money_text(tax, currency)
    return discount


def total_to_pay(order: Record, kinds: Sequence[Kind], currency: str) -> Decimal:
    """The order's own total; only where it is not shown, the sum of what counts."""
    total = amount_of(order.get("total"), currency)
    if total is not None:
        return total
    return _sum(order, kinds, currency) - abs(amount_of(order.get("discountTotal"), currency) or _ZERO)


def _sum(order: Record, kinds: Sequence[Kind], currency: str) -> Decimal:
    """The rows that count, and the header's charges; without its discount."""
    rows = [row for row, kind in zip(rows_of(order), kinds, strict=True) if _counts(kind)]
    charges = (shipping(order, currency), handling(order, currency))
    amounts = [gross_of(row, currency) or _ZERO for row in rows] + [charge.gross for charge in charges]
    return sum(amounts, _ZERO)


def _counts(kind: Kind) -> bool:
    """Whether a row's amount is part of the total: what was sold, and what was taken off."""
    return kind in SOLD or kind in ("discount", "charge-off", "taken back")


def shipping(order: Record, currency: str) -> Charge:
    return _charge(order, "shipping", currency)


def handling(order: Record, currency: str) -> Charge:
    return _charge(order, "handling", currency)


def _charge(order: Record, name: str, currency: str) -> Charge:
    """A charge of the header; its tax as an amount, else by its rate."""
    net = amount_of(order.get(f"{name}Cost"), currency) or _ZERO
    amounts = [amount_of(order.get(f"{name}Tax{number}Amt"), currency) for number in (1, 2)]
    rates = [number_of(order.get(f"{name}Tax{number}Rate")) for number in (1, 2)]
    if any(amount is not None for amount in amounts):
        return Charge(net, sum((amount or _ZERO for amount in amounts), _ZERO))
    if any(rate is not None for rate in rates):
        return Charge(net, rounded(net * sum((rate or _ZERO for rate in rates), _ZERO) / 100, currency))
    return Charge(net, None if net else _ZERO)
