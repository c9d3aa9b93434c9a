"""Money as whole minor units: reading, writing, rounding and sharing out, never through a float."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

Key = TypeVar("Key", bound=Hashable)


class InvalidMoney(ValueError):
    """A value is not an amount of money in its currency."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{where} {what}" if where else what)
        self.what, self.where = what, where


@dataclass(frozen=True, slots=True)
class TaxInside:
    """The tax inside an amount, as a fraction of it, and the merchant's tax code: 20 % is 20 of 120."""

    code: str
    part: int
    of: int


# ISO 4217 list one, by digits after the point. Funds and metals without a minor unit (XAU, XDR, XXX, ...) are no money
# that a refund can be paid in. ANG (until 2025-03) and BGN (until 2025-12) stay for the returns of orders sold in them.
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
DIGITS: Final[dict[str, int]] = {
    code: digits for digits, codes in ((0, _ZERO), (2, _TWO), (3, _THREE), (4, _FOUR)) for code in codes.split()
}

_MOST_DIGITS = 15  # the most a signed 64-bit column holds with room to add up a few thousand of them
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)


def digits_of(currency: Any, where: str = "currency") -> int:
    """The digits after the point of a currency; raises `InvalidMoney` for what ISO 4217 does not list."""
    if not isinstance(currency, str) or currency not in DIGITS:
        raise InvalidMoney(f"is {_shown(currency)}, not the code of a currency", where)
    return DIGITS[currency]


def to_minor(text: Any, currency: Any, where: str = "amount") -> int:
    """Minor units of a decimal string with exactly the currency's digits: `to_minor("49.99", "GBP") == 4999`.

    Raises `InvalidMoney` for anything else: numbers, other digits, exponents, signs other than a minus, spaces.
    """
    digits = digits_of(currency, where)
    if not isinstance(text, str):
        raise InvalidMoney(f"is {_shown(text)}, not a decimal string", where)
    if len(text) > _MOST_DIGITS + 2:
        raise InvalidMoney(f"has {len(text)} characters, too many for an amount", where)
    found = _NUMBER.fullmatch(text)
    if not found:
        raise InvalidMoney(f"is {_shown(text)}, not a decimal number", where)
    sign, whole, fraction = found[1], found[2], found[3] or ""
    if len(fraction) != digits:
        raise InvalidMoney(f"is {_shown(text)}, but {currency} has {digits} digits after the point", where)
    if len(whole) + digits > _MOST_DIGITS:
        raise InvalidMoney(f"is {_shown(text)}, too large for an amount", where)
    minor = int(whole + fraction)
    return -minor if sign else minor


def shown_minor(text: Any, currency: Any, where: str = "amount") -> int:
    """Minor units of an amount as another system shows it, in whatever digits: rounded to the currency.

    An account with one currency may not name it, so that its amounts come in digits of no currency.
    Raises `InvalidMoney` for what is no decimal number.
    """
    digits = digits_of(currency, where)
    found = _NUMBER.fullmatch(text) if isinstance(text, str) and len(text) <= _MOST_DIGITS + 2 else None
    fraction = (found[3] or "") if found else ""
    if found is None or len(fraction) == digits or len(found[2]) + digits > _MOST_DIGITS:
        return to_minor(text, currency, where)
    size = round_half_up_div(int(found[2] + fraction) * 10**digits, 10 ** len(fraction))
    return -size if found[1] else size


def to_text(minor: int, currency: str) -> str:
    """The decimal string of minor units: `to_text(-295, "GBP") == "-2.95"`."""
    digits = digits_of(currency)
    sign, size = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{size[:-digits]}.{size[-digits:]}" if digits else sign + size


def spoken(minor: int, currency: str) -> str:
    """An amount as people read it, for sentences: `GBP 1,249.00`, `GBP -2.95`."""
    whole, point, fraction = to_text(abs(minor), currency).partition(".")
    return f"{currency} {'-' if minor < 0 else ''}{int(whole):,}{point}{fraction}"


def round_half_up_div(numerator: int, denominator: int) -> int:
    """The quotient to the nearest whole, halves away from zero, so that a credit and its reversal mirror each other."""
    if denominator == 0:
        raise ZeroDivisionError("a share of nothing")
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def largest_remainder(total: int, weights: Sequence[tuple[Key, int]]) -> dict[Key, int]:
    """Share out `total` in proportion to the weights, to the unit; ties go to the key given first.

    Weights may be negative (a fee takes its part with the other sign) as long as their sum is positive. No share passes
    its weight while 0 <= total <= sum. A negative total is the mirror of the positive one. Raises `ValueError` when the
    weights sum to zero or less and there is something to share, or when a key comes twice.
    """
    shares = {key: 0 for key, _ in weights}
    if len(shares) != len(weights):
        raise ValueError("a key comes twice")
    if total == 0:
        return shares
    if total < 0:
        return {key: -share for key, share in largest_remainder(-total, weights).items()}
    whole = sum(weight for _, weight in weights)
    if whole <= 0:
        raise ValueError("the weights do not come to more than zero")
    remainders = []
    for position, (key, weight) in enumerate(weights):
        shares[key], remainder = divmod(total * weight, whole)
        remainders.append((-remainder, position, key))
    left = total - sum(shares.values())
    for _, _, key in sorted(remainders, key=lambda entry: entry[:2])[:left]:
        shares[key] += 1
    return shares


def _shown(value: Any) -> str:
    """A value as a message may repeat it: its type when it is not text, and never more than 24 characters."""
    if isinstance(value, str):
        return repr(value if len(value) <= 24 else value[:21] + "...")
    if value is None:
        return "missing"
    return {bool: "true or false", int: "a number", float: "a float", list: "a list", dict: "an object"}.get(
        type(value), "of another type"
    )
