"""A bundle taken apart by its definition at the time of sale: what each part is worth, and what comes back (S05)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.money import InvalidMoney, largest_remainder, round_half_up_div, to_minor
from streams.reading import MAX_QUANTITY
from streams.returns import ReturnLine
from streams.vocabulary import ErrorKind, Owner


class NotDivisible(Exception):
    """A bundle cannot be taken apart: its stored parts are not there, or do not say what they are worth."""

    kind = ErrorKind.UNMAPPED
    owner = Owner.ECOMMERCE

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class BundlePart:
    """So many units of a SKU in one bundle, and what a unit sold for alone, in minor units; None: nobody stored it."""

    sku: str
    quantity: int
    list_price: int | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """The parts of a bundle as they were stored with the order, and units of each that earlier returns counted.

    A SKU may be in it twice; its units are worth the same then. `name` is the same for all lines of one bundle.
    """

    parts: tuple[BundlePart, ...]
    counted_before: Mapping[str, int] = field(default_factory=dict)
    name: str = ""

    def units(self, sku: str) -> int:
        """Units of a SKU in one bundle."""
        return sum(part.quantity for part in self.parts if part.sku == sku)


@dataclass(frozen=True, slots=True)
class ComponentLine:
    """Units of one SKU that come back, with their share of the line's price and of the tax inside it."""

    sku: str
    quantity: int
    amount: int
    tax: int


def read_parts(stored: Iterable[Mapping[str, Any]], currency: str) -> tuple[BundlePart, ...]:
    """The stored components of an order line; raises `NotDivisible` for what cannot be a part."""
    parts: list[BundlePart] = []
    for entry in stored:
        sku, quantity = entry.get("sku"), entry.get("quantity")
        if not isinstance(sku, str) or not sku:
            raise NotDivisible("A stored component of the bundle has no SKU.")
        if not isinstance(quantity, int) or isinstance(quantity, bool) or not 1 <= quantity <= MAX_QUANTITY:
            raise NotDivisible(f"The stored component {sku} of the bundle has no quantity.")
        price = None
        if entry.get("list_price") is not None:
            try:
                price = to_minor(entry["list_price"], currency, "list_price")
            except InvalidMoney as fault:
                raise NotDivisible(f"The stored component {sku} of the bundle: {fault}.") from None
            if price < 0:
                raise NotDivisible(f"The stored component {sku} of the bundle has list_price {entry['list_price']}.")
        parts.append(BundlePart(sku, quantity, price))
    return tuple(parts)


def shares(price: int, parts: Sequence[BundlePart]) -> dict[str, int]:
    """One bundle's price among its SKUs, by list price x quantity; each share is for all units of the SKU."""
    if not parts:
        raise NotDivisible("The order holds no components of the bundle, and today's definition is not used.")
    skus = {part.sku for part in parts}
    if len(skus) == 1:
        return dict.fromkeys(skus, price)
    weights: Counter[str] = Counter()
    for part in parts:
        if part.list_price is None:
            raise NotDivisible(
                f"The order keeps no list price of component {part.sku}, so what a part of the bundle was sold for is "
                "not known; a whole bundle can be returned."
            )
        weights[part.sku] += part.list_price * part.quantity
    if price and not any(weights.values()):
        raise NotDivisible("The stored components of the bundle have no list price to share by.")
    return largest_remainder(price, list(weights.items()))


def part_value(price: int, bundle: Bundle, sku: str, units: int) -> int:
    """What so many units of one part are worth: each the same, the last ones of a bundle taking what is left over.

    Raises `NotDivisible` when the stored bundle has no such part.
    """
    each = bundle.units(sku)
    if not each:
        raise NotDivisible(f"The order holds no component {sku} of the bundle, and today's definition is not used.")
    share, before = shares(price, bundle.parts)[sku], bundle.counted_before.get(sku, 0)
    return _worth(share, each, before + units) - _worth(share, each, before)


def explode(line: ReturnLine, bundle: Bundle) -> tuple[ComponentLine, ...]:
    """A returned line in component SKUs: all parts of a whole bundle, or the one part that came back.

    Amounts and taxes come to the line's value and to its tax, for a single part to the part's. Raises `NotDivisible`.
    """
    if line.component_sku is not None:
        value = line.line_total
        if value is None:
            value = part_value(line.unit_price, bundle, line.component_sku, line.quantity)
        tax = round_half_up_div(line.tax_amount * value, line.value) if line.value else 0
        return (ComponentLine(line.component_sku, line.quantity, value, tax),)
    if line.line_total is None:
        amounts = {sku: share * line.quantity for sku, share in shares(line.unit_price, bundle.parts).items()}
    else:
        amounts = shares(line.line_total, bundle.parts)
    taxes = largest_remainder(line.tax_amount, list(amounts.items())) if line.value else dict.fromkeys(amounts, 0)
    return tuple(ComponentLine(sku, bundle.units(sku) * line.quantity, amounts[sku], taxes[sku]) for sku in amounts)


def _worth(share: int, units: int, counted: int) -> int:
    """The worth of the first `counted` units, bundle after bundle."""
    bundles, rest = divmod(counted, units)
    each, left_over = divmod(share, units)
    return bundles * share + rest * each + max(0, rest - (units - left_over))
