"""What the lines of the original order were sold for, its discounts taken off (R06)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.money import largest_remainder, round_half_up_div, to_minor

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
    """
    lines = {str(line["order_line"]): line for line in order.get("lines", ())}
    amounts = {number: to_minor(line["amount"], currency) for number, line in lines.items()}
    least = {number: to_minor(line["tax"], currency) for number, line in lines.items()}
    most = dict(least)
    for discount in order.get("discounts", ()):
        named = {str(number) for number in discount["order_lines"]}
        covered = [number for number in lines if (not named or number in named) and amounts[number] > 0]
        off = to_minor(discount["amount"], currency)
        for number, share in _shares(off, covered, amounts).items():
            if discount.get("tax") is None:
                least[number] -= round_half_up_div(least[number] * share, amounts[number])
            amounts[number] -= share
        if discount.get("tax") is not None:
            tax = to_minor(discount["tax"], currency)
            for taxes in (least, most):
                for number, share in _shares(tax, covered, taxes).items():
                    taxes[number] -= share
    return {number: Price(amounts[number], least[number], most[number]) for number in lines}


def _shares(whole: int, covered: list[str], weights: Mapping[str, int]) -> dict[str, int]:
    """Nothing is shared out over lines that come to nothing."""
    weighed = [(number, max(weights[number], 0)) for number in covered]
    return largest_remainder(whole, weighed) if any(weight for _, weight in weighed) else {}
