"""Bundles taken apart: shares by hand, and sums under any split."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.bundles import Bundle, BundlePart, ComponentLine, NotDivisible, explode, part_value, read_parts, shares
from streams.returns import ReturnLine

KIT = (BundlePart("CAP", 1, 2000), BundlePart("SOCK", 2, 500), BundlePart("BAG", 1, 1000))

parts_of = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 10_000)), min_size=1, max_size=5).map(
    lambda rows: tuple(BundlePart(f"P{i}", quantity, price) for i, (quantity, price) in enumerate(rows))
)


def test_shares_by_hand() -> None:
    """29.99 by list value 20 : 10 : 10 is 14.995 : 7.4975 : 7.4975; the odd two pence go to the largest remainders."""
    assert shares(2999, KIT) == {"CAP": 1499, "SOCK": 750, "BAG": 750}


def test_the_last_units_take_what_is_left_over() -> None:
    """100 over three units is 33, 33, 34, and a second bundle starts anew."""
    three = Bundle((BundlePart("SOCK", 3, 100),))
    units = [part_value(100, Bundle(three.parts, {"SOCK": before}), "SOCK", 1) for before in range(6)]
    assert units == [33, 33, 34, 33, 33, 34]
    two_over = [part_value(101, Bundle(three.parts, {"SOCK": before}), "SOCK", 1) for before in range(3)]
    assert two_over == [33, 34, 34]


@given(parts_of, st.integers(0, 100_000), st.integers(1, 3), st.data())
def test_parts_that_come_back_one_by_one_come_to_the_bundle(
    parts: tuple[BundlePart, ...], price: int, bundles: int, data: st.DataObject
) -> None:
    """However the units of all parts are split into returns, together they are worth the bundles' price."""
    if not any(part.list_price for part in parts):
        return
    total = 0
    for part in parts:
        left = part.quantity * bundles
        while left:
            units = data.draw(st.integers(1, left))
            before = {part.sku: part.quantity * bundles - left}
            total += part_value(price, Bundle(parts, before), part.sku, units)
            left -= units
    assert total == price * bundles


@given(parts_of, st.integers(0, 100_000), st.integers(1, 4), st.booleans(), st.data())
def test_a_whole_bundle_is_its_parts(
    parts: tuple[BundlePart, ...], price: int, quantity: int, total: bool, data: st.DataObject
) -> None:
    """The exploded lines come to the line's value and to its tax, and hold all units."""
    if not any(part.list_price for part in parts):
        return
    value = data.draw(st.integers(0, price * quantity + 7)) if total else price * quantity
    tax = data.draw(st.integers(0, value))
    line = ReturnLine(
        "l1", sku="KIT", quantity=quantity, unit_price=price, line_total=value if total else None, tax_amount=tax
    )
    exploded = explode(line, Bundle(parts))
    assert sum(part.amount for part in exploded) == value
    assert sum(part.tax for part in exploded) == (tax if value else 0)
    assert [part.quantity for part in exploded] == [part.quantity * quantity for part in parts]


def test_one_part_of_a_bundle_by_hand() -> None:
    """One of two socks of a 29.99 bundle with 5.00 tax is 3.75, of which 0.63 is tax."""
    line = ReturnLine("l1", sku="KIT", component_sku="SOCK", quantity=1, unit_price=2999, tax_amount=500)
    assert explode(line, Bundle(KIT)) == (ComponentLine("SOCK", 1, 375, 63),)


def test_a_bundle_without_its_stored_parts_is_not_taken_apart() -> None:
    """No stored parts, no such part, or no list prices: never today's definition, never a guess."""
    line = ReturnLine("l1", sku="KIT", component_sku="HAT", quantity=1, unit_price=2999)
    for bundle in (Bundle(()), Bundle(KIT), Bundle((BundlePart("HAT", 1, 0), BundlePart("CAP", 1, 0)))):
        with pytest.raises(NotDivisible):
            explode(line, bundle)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"sku": 5, "quantity": 1, "list_price": "1.00"},
        {"sku": "A", "quantity": 0, "list_price": "1.00"},
        {"sku": "A", "quantity": 1.0, "list_price": "1.00"},
        {"sku": "A", "quantity": True, "list_price": "1.00"},
        {"sku": "A", "quantity": 1, "list_price": 1.0},
        {"sku": "A", "quantity": 1, "list_price": "-1.00"},
    ],
)
def test_a_stored_part_that_cannot_be_is_refused(entry: dict[str, Any]) -> None:
    """The sentence names what is wrong with it."""
    with pytest.raises(NotDivisible):
        read_parts([entry], "GBP")


def test_a_part_may_be_in_a_bundle_twice() -> None:
    """Two cups and one more, at 5.00 and at 8.00, beside a pot at 12.00: 18 of 30, so 2.00 each."""
    stored = [("CUP", 2, "5.00"), ("CUP", 1, "8.00"), ("POT", 1, "12.00")]
    parts = read_parts([{"sku": sku, "quantity": n, "list_price": price} for sku, n, price in stored], "GBP")
    assert shares(1000, parts) == {"CUP": 600, "POT": 400}
    bundle = Bundle(parts)
    assert [part_value(1000, replace(bundle, counted_before={"CUP": n}), "CUP", 1) for n in range(3)] == [200, 200, 200]
    whole = ReturnLine("l1", sku="SET", quantity=1, unit_price=1000, tax_amount=100)
    assert [(one.sku, one.quantity, one.amount) for one in explode(whole, bundle)] == [("CUP", 3, 600), ("POT", 1, 400)]


def test_a_part_without_a_list_price_has_no_share_unless_it_is_the_only_one() -> None:
    """An account may store none: then a part's worth is not known, and the sentence says which price is missing."""
    parts = read_parts([{"sku": "CUP", "quantity": 2}, {"sku": "POT", "quantity": 1, "list_price": "12.00"}], "GBP")
    with pytest.raises(NotDivisible, match="no list price of component CUP"):
        part_value(1000, Bundle(parts), "POT", 1)
    only = Bundle(read_parts([{"sku": "CUP", "quantity": 2}, {"sku": "CUP", "quantity": 2}], "GBP"))
    assert part_value(1000, only, "CUP", 3) == 750
