"""What order lines were sold for once their discounts are taken off."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.documents.sold import Price, is_service, prices


def sold(*lines: tuple[str, str], discounts: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """An order of lines told as (amount, tax), numbered from 1."""
    named = [{"order_line": str(number), "amount": a, "tax": t} for number, (a, t) in enumerate(lines, start=1)]
    return {"lines": named} | ({} if discounts is None else {"discounts": discounts})


def test_without_discounts_a_line_comes_to_what_it_says() -> None:
    """Also in an answer from before discounts were told."""
    assert prices(sold(("80.00", "13.33")), "GBP") == {"1": Price(8000, 1333, 1333)}


def test_a_discount_of_the_order_is_spread_by_share_to_the_penny() -> None:
    """10.00 off lines of 30.00, 30.00 and 30.00 is 3.34, 3.33 and 3.33; the first line given gets the odd penny."""
    lines = [("30.00", "5.00")] * 3
    found = prices(sold(*lines, discounts=[{"amount": "10.00", "order_lines": [], "tax": "1.67"}]), "GBP")
    assert [price.amount for price in found.values()] == [2666, 2667, 2667]
    assert [price.most_tax for price in found.values()] == [444, 444, 445]


def test_a_discount_of_some_lines_leaves_the_others() -> None:
    """3.00 off lines 1 and 3 of 10.00 and 20.00: 1.00 and 2.00."""
    order = sold(("10.00", "0.00"), ("40.00", "0.00"), ("20.00", "0.00"))
    order["discounts"] = [{"amount": "3.00", "order_lines": ["1", "3"], "tax": "0.00"}]
    assert [price.amount for price in prices(order, "GBP").values()] == [900, 4000, 1800]


def test_a_discount_takes_its_share_of_what_earlier_ones_left() -> None:
    """Line 1 costs nothing after its own discount: the order's falls on line 2 alone."""
    order = sold(("10.00", "0.00"), ("10.00", "0.00"))
    order["discounts"] = [
        {"amount": "10.00", "order_lines": ["1"], "tax": "0.00"},
        {"amount": "2.00", "order_lines": [], "tax": "0.00"},
    ]
    assert [price.amount for price in prices(order, "GBP").values()] == [0, 800]


def test_a_surcharge_raises_the_price() -> None:
    """A markup is a discount below zero."""
    order = sold(("10.00", "1.67"), discounts=[{"amount": "-2.00", "order_lines": ["1"], "tax": "-0.33"}])
    assert prices(order, "GBP") == {"1": Price(1200, 200, 200)}


def test_the_tax_of_an_untold_discount_lies_between_none_and_the_lines_rate() -> None:
    """3.00 off 30.00 with 5.00 of tax: between 4.50 and 5.00 of it are left."""
    order = sold(("30.00", "5.00"), discounts=[{"amount": "3.00", "order_lines": []}])
    assert prices(order, "GBP") == {"1": Price(2700, 450, 500)}


@pytest.mark.parametrize("named", [["9"], ["1"]])
def test_a_discount_of_nothing_takes_nothing(named: list[str]) -> None:
    """Lines that are not there, or that come to nothing, cannot be made cheaper."""
    order = sold(("0.00", "0.00"), ("5.00", "0.00"))
    order["discounts"] = [{"amount": "1.00", "order_lines": named, "tax": "0.10"}]
    assert [price.amount for price in prices(order, "GBP").values()] == [0, 500]


@given(
    lines=st.lists(st.tuples(st.integers(1, 99_999), st.sampled_from((0, 5, 20))), min_size=1, max_size=6),
    off=st.fractions(0, 1),
    currency=st.sampled_from(("GBP", "JPY", "KWD")),
)
def test_shares_are_the_exact_ones_to_the_unit_and_come_to_the_whole(
    lines: list[tuple[int, int]], off: Fraction, currency: str
) -> None:
    """Each line loses its exact share rounded down or up, together exactly the discount; no price passes below zero."""
    digits = {"GBP": 2, "JPY": 0, "KWD": 3}[currency]

    def text(minor: int) -> str:
        return format(Decimal(minor).scaleb(-digits), "f")

    whole = sum(amount for amount, _ in lines)
    discount = int(whole * off)
    told = [(text(amount), text(amount * rate // (100 + rate))) for amount, rate in lines]
    found = prices(sold(*told, discounts=[{"amount": text(discount), "order_lines": []}]), currency)
    lost = [amount - found[str(number)].amount for number, (amount, _) in enumerate(lines, start=1)]
    assert sum(lost) == discount
    for share, (amount, _) in zip(lost, lines, strict=True):
        exact = Fraction(discount * amount, whole)
        assert exact.__floor__() <= share <= min(exact.__ceil__(), amount)
    for number, (amount, rate) in enumerate(lines, start=1):
        price, tax = found[str(number)], amount * rate // (100 + rate)
        assert price.most_tax == tax
        assert abs(price.least_tax - Fraction(tax * price.amount, amount)) <= Fraction(1, 2)


def test_only_what_is_called_a_service_is_one() -> None:
    """A line of an answer from before says nothing of it."""
    assert [is_service(line) for line in ({}, {"kind": "goods"}, {"kind": "service"})] == [False, False, True]
