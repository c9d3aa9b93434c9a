"""Money as decimals, rounded to a currency's digits: a second opinion on the product's arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

DIGITS = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3}  # ISO 4217
ZERO = Decimal(0)


def smallest(currency: str) -> Decimal:
    """One minor unit."""
    return Decimal(1).scaleb(-DIGITS[currency])


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the currency's digits, halves away from zero."""
    return amount.quantize(smallest(currency), rounding=ROUND_HALF_UP)


def text(amount: Decimal, currency: str) -> str:
    """A decimal string with exactly the currency's digits."""
    return format(rounded(amount, currency), "f")


def tax_inside(gross: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The tax that is in a gross amount."""
    return rounded(gross * rate / (100 + rate), currency)


def shares(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """The total shared out by weight, to the minor unit, by largest remainder; ties go to the one given first."""
    step = smallest(currency)
    units, whole = int(total / step), sum(weights)
    exact = [units * weight / whole for weight in weights]
    result = [int(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda at: (result[at] - exact[at], at))
    for at in by_remainder[: units - sum(result)]:
        result[at] += 1
    return [part * step for part in result]
