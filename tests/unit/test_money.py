"""Reading, writing, rounding and sharing out money."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.money import (
    DIGITS,
    InvalidMoney,
    largest_remainder,
    round_half_up_div,
    shown_minor,
    spoken,
    to_minor,
    to_text,
)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("49.99", "GBP", 4999),
        ("4999", "JPY", 4999),
        ("4.999", "KWD", 4999),
        ("0.00", "GBP", 0),
        ("-2.95", "EUR", -295),
        ("-0.05", "GBP", -5),
        ("-0.00", "GBP", 0),
        ("1.2345", "CLF", 12345),
        ("9999999999999.99", "GBP", 999999999999999),
    ],
)
def test_an_amount_is_read_by_the_digits_of_its_currency(text: str, currency: str, minor: int) -> None:
    """Minor units follow ISO 4217: none for JPY, two for GBP, three for KWD, four for CLF."""
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(
    "value",
    [
        *("49.9", "49.999", "49", "49.", ".99", "", " 49.99", "49.99 ", "49,99", "1,249.00", "+1.00", "--1.00", "1e2"),
        *(
            "1.00e0",
            "NaN",
            "Infinity",
            "-Infinity",
            "nan",
            "0x10",
            "007.00",
            "1_000.00",
            "٤٩.٩٩",
            "４９.９９",
            "49.99\n",
        ),
        *("10000000000000.00", "9" * 5000 + ".00", "£5.00", "1.00\x00"),
        *(49.99, 49, True, None, [], {}, ["49.99"], float("nan"), b"49.99"),
    ],
)
def test_what_is_not_exactly_an_amount_is_refused(value: Any) -> None:
    """Floats, other digits, exponents, not-a-number, spaces, foreign digits and absurd lengths are invalid."""
    with pytest.raises(InvalidMoney) as fault:
        to_minor(value, "GBP", "lines[0].unit_price")
    assert fault.value.where == "lines[0].unit_price"
    assert len(str(fault.value)) < 120


@pytest.mark.parametrize("currency", ["gbp", "XXX", "XAU", "", "GBPX", None, 826, True, [], {}])
def test_an_unknown_currency_is_refused(currency: Any) -> None:
    """A code that ISO 4217 does not list as money has no digits to read by."""
    with pytest.raises(InvalidMoney):
        to_minor("1.00", currency)


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(DIGITS)))
def test_text_and_minor_units_are_one_thing(minor: int, currency: str) -> None:
    """Writing an amount and reading it back gives the amount, in every currency."""
    assert to_minor(to_text(minor, currency), currency) == minor


def test_amounts_are_spoken_with_their_code_and_separators() -> None:
    """Sentences say GBP 1,249.00, JPY 4,999 and GBP -2.95."""
    assert [spoken(124900, "GBP"), spoken(4999, "JPY"), spoken(-295, "GBP")] == [
        "GBP 1,249.00",
        "JPY 4,999",
        "GBP -2.95",
    ]


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_rounding_is_to_the_nearest_and_mirrors(numerator: int, denominator: int) -> None:
    """The quotient is at most half away, a half goes away from zero, and mirror images round to mirror images."""
    rounded = round_half_up_div(numerator, denominator)
    exact = Fraction(numerator, denominator)
    assert abs(rounded - exact) <= Fraction(1, 2)
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)
    assert round_half_up_div(-numerator, denominator) == -rounded == round_half_up_div(numerator, -denominator)


def test_halves_by_hand() -> None:
    """A half goes up in size, just less than a half does not."""
    halves = [(1, 2), (5, 10), (-1, 2), (49, 100), (-49, 100), (3, 2)]
    assert [round_half_up_div(*half) for half in halves] == [1, 1, -1, 0, 0, 2]


def test_shares_by_hand() -> None:
    """10 over three equal parts gives the odd unit to the first key; a fee takes its part with the other sign."""
    assert largest_remainder(10, [("a", 1), ("b", 1), ("c", 1)]) == {"a": 4, "b": 3, "c": 3}
    # 2000 x 4000/3705 = 2159.24, 2000 x -295/3705 = -159.24
    assert largest_remainder(2000, [("line", 4000), ("fee", -295)]) == {"line": 2159, "fee": -159}
    assert largest_remainder(-10, [("a", 1), ("b", 1), ("c", 1)]) == {"a": -4, "b": -3, "c": -3}
    assert largest_remainder(0, [("a", 0)]) == {"a": 0}


@given(st.lists(st.integers(-1000, 5000), min_size=1, max_size=8), st.data())
def test_shares_add_up_and_stay_within_their_weights(sizes: list[int], data: st.DataObject) -> None:
    """The shares come to the total; each is the exact share rounded down or up and never passes its weight."""
    whole = sum(sizes)
    if whole <= 0:
        with pytest.raises(ValueError, match="more than zero"):
            largest_remainder(1, list(enumerate(sizes)))
        return
    total = data.draw(st.integers(0, whole))
    shares = largest_remainder(total, list(enumerate(sizes)))
    assert sum(shares.values()) == total
    for key, weight in enumerate(sizes):
        assert abs(Fraction(total * weight, whole) - shares[key]) < 1
        assert min(0, weight) <= shares[key] <= max(0, weight)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("40.0", "GBP", 4000),
        ("40", "GBP", 4000),
        ("40.00", "GBP", 4000),
        ("13.3333", "GBP", 1333),
        ("13.335", "GBP", 1334),
        ("-13.335", "GBP", -1334),
        ("-0.004", "GBP", 0),
        ("1200.5", "JPY", 1201),
        ("1.5", "KWD", 1500),
    ],
)
def test_an_amount_that_another_system_shows_is_rounded_to_the_currency(text: str, currency: str, minor: int) -> None:
    """It may come in digits of no currency; halves go away from zero."""
    assert shown_minor(text, currency) == minor


@pytest.mark.parametrize("shown", [None, "", "lots", 40.0, "1e2", "+1.00", "007.00", "1" * 18, "9999999999999999"])
def test_what_is_no_amount_is_none_however_it_is_shown(shown: object) -> None:
    """Only the digits may differ."""
    with pytest.raises(InvalidMoney):
        shown_minor(shown, "GBP")


def test_what_is_too_long_for_an_amount_is_not_repeated() -> None:
    """The message says how long it is; a body full of digits is no reading matter."""
    with pytest.raises(InvalidMoney, match=r"^amount has 18 characters, too many for an amount$"):
        to_minor("1" * 18, "GBP")
