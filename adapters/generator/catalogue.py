"""What the merchant sells: about sixty SKUs, a few bundles, items taken out of the range, and items sold out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from random import Random
from types import MappingProxyType

from adapters.generator.amounts import rounded

_STYLES = {"TEE": "40.00", "SHIRT": "55.00", "HOODIE": "72.50", "JEANS": "89.99", "DRESS": "119.95"}
_COLOURS = ("RED", "NAVY", "SAND")
_SIZES = ("S", "M", "L", "XL")

# What a price in pounds becomes on another price list; round enough for a shop, odd enough to need rounding.
_PRICE_LISTS = {"GBP": Decimal(1), "EUR": Decimal("1.19"), "JPY": Decimal(193), "KWD": Decimal("0.3917")}

ARCHIVED = tuple(f"OLD-{number}" for number in range(1, 6))
SOLD_OUT = tuple(f"DROP-{number}" for number in range(1, 6))  # never sold, so that no restock brings them back
SERVICES = {"GIFT-WRAP": Decimal("5.00"), "ENGRAVING": Decimal("12.50")}  # billed, never sent
ZERO_RATED = ("BOOK-1", "BOOK-2", "SOCKS-KIDS")  # no tax on books and children's wear


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a bundle: units in one bundle, and what one sells for alone."""

    sku: str
    quantity: int
    list_price: Decimal


@dataclass(frozen=True, slots=True)
class Bundle:
    sku: str
    price: Decimal
    components: tuple[Component, ...]


BUNDLES = (
    Bundle(
        "SET-PYJAMA",
        Decimal("65.00"),
        (Component("PYJAMA-TOP", 1, Decimal("41.00")), Component("PYJAMA-BOTTOM", 1, Decimal("33.50"))),
    ),
    Bundle(
        "SET-GYM",
        Decimal("99.99"),
        (
            Component("GYM-TOP", 1, Decimal("37.00")),
            Component("GYM-SHORTS", 1, Decimal("45.00")),
            Component("GYM-TOWEL", 2, Decimal("14.00")),
        ),
    ),
)


@cache
def skus() -> Mapping[str, Decimal]:
    """Each ordinary SKU with its price in pounds."""
    prices = {
        f"{style}-{colour}-{size}": Decimal(price)
        for style, price in _STYLES.items()
        for colour in _COLOURS
        for size in _SIZES
    }
    prices |= {"BOOK-1": Decimal("12.99"), "BOOK-2": Decimal("24.00"), "SOCKS-KIDS": Decimal("7.49")}
    return MappingProxyType(prices)


def others_like(sku: str, rng: Random) -> str:
    """What a shopper takes instead: the same thing in another size."""
    style, _, size = sku.rpartition("-")
    sizes = [other for other in _SIZES if other != size] if size in _SIZES else []
    return f"{style}-{rng.choice(sizes)}" if sizes else "TEE-RED-M"


def priced(price: Decimal, currency: str) -> Decimal:
    """A price in pounds, on the price list of a currency."""
    return rounded(price * _PRICE_LISTS[currency], currency)
