"""What the lines of the original order were sold for, its discounts taken off (R06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streams.money import InvalidMoney, largest_remainder, round_half_up_div, shown_minor, to_text

SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class Price:
    """What a whole order line came to, in minor units, discounts taken off, tax inside.

    Where the account does not say how much of a discount is tax, the line's tax lies anywhere between two amounts.
    """

    amount: int
    least_tax: int
    most_tax: int


def is_service(entry: Mapping[str, Any]) -> bool:
    """Whether an order line is billed and never sent."""
    return bool(entry.get("kind") == SERVICE)


def prices(order: Mapping[str, Any], currency: str) -> dict[str, Price]:
    """Each order line's price by its number: every discount is spread over the lines it covers, by their share.

    A discount takes its shares of what the ones before it left; shares are to the minor unit, by largest remainder.
    A line that does not show what it came to is not among them; a discount that is no amount takes nothing off, so
    that the prices differ and somebody looks.
    """
    amounts, least = _as_listed(order, currency)
    most = dict(least)
    for discount in order.get("discounts", ()):
        named = {str(number) for number in discount["order_lines"]}
        covered = [number for number in amounts if (not named or number in named) and amounts[number] > 0]
        try:
            off = shown_minor(discount["amount"], currency)
            tax = None if discount.get("tax") is None else shown_minor(discount["tax"], currency)
        except InvalidMoney:
            continue
        for number, share in _shares(off, covered, amounts).items():
            if tax is None:
                least[number] -= round_half_up_div(least[number] * share, amounts[number])
            amounts[number] -= share
        if tax is not None:
            for taxes in (least, most):
                for number, share in _shares(tax, covered, taxes).items():
                    taxes[number] -= share
    return {number: Price(amounts[number], least[number], most[number]) for number in amounts}


def as_sold(order: Mapping[str, Any], currency: str) -> Sequence[Mapping[str, Any]]:
    """The order's lines with what they came to instead of what is listed, so that a price can be told from another.

    The tax of a line is left open where a discount leaves it open.
    """
    lines: Sequence[Mapping[str, Any]] = order.get("lines", ())
    if not order.get("discounts"):
        return lines
    worth = prices(order, currency)
    return [
        {
            **line,
            "amount": to_text(price.amount, currency),
            "tax": to_text(price.least_tax, currency) if price.least_tax == price.most_tax else "",
        }
        if (price := worth.get(str(line["order_line"]))) is not None
        else line
        for line in lines
    ]


def _as_listed(order: Mapping[str, Any], currency: str) -> tuple[dict[str, int], dict[str, int]]:
    """The lines' amounts and taxes before discounts, by their number."""
    amounts: dict[str, int] = {}
    taxes: dict[str, int] = {}
    for line in order.get("lines", ()):
        try:
            amount, tax = shown_minor(line["amount"], currency), shown_minor(line["tax"], currency)
        except InvalidMoney:
            continue
        amounts[str(line["order_line"])], taxes[str(line["order_line"])] = amount, tax
    return amounts, taxes


def _shares(whole: int, covered: list[str], weights: Mapping[str, int]) -> dict[str, int]:
    """Nothing is shared out over lines that come to nothing."""
    weighed = [(number, max(weights[number], 0)) for number in covered]
    return largest_remainder(whole, weighed) if any(weight for _, weight in weighed) else {}
