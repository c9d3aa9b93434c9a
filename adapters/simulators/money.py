"""Decimal money with exactly the digits of its currency (ISO 4217)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_NO_DIGITS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_THREE_DIGITS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def digits(currency: str) -> int:
    """How many digits follow the point in this currency."""
    if currency in _NO_DIGITS:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def quantum(currency: str) -> Decimal:
    """One minor unit."""
    return Decimal(1).scaleb(-digits(currency))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half up to the minor unit."""
    return amount.quantize(quantum(currency), rounding=ROUND_HALF_UP)


def text(amount: Decimal, currency: str) -> str:
    """The decimal string of CONTRACTS: exactly the currency's digits."""
    return str(rounded(amount, currency))


def read(value: object) -> Decimal:
    """A finite decimal out of JSON (text, integer or a decimal literal); raises `ValueError` on anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"not a number: {value!r}")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"not a number: {value!r}") from None
    if not amount.is_finite():
        raise ValueError(f"not a number: {value!r}")
    return amount


def quantity_json(quantity: Decimal) -> int | str:
    """Whole quantities as integers, parts as text."""
    return int(quantity) if quantity == quantity.to_integral_value() else str(quantity)
