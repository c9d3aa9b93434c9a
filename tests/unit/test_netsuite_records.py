"""Values as a vendor's JSON shows them: read once, within bounds, and never with an exception."""

from __future__ import annotations

import json
import time
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.netsuite.records import (
    amount_of,
    day_of,
    flag_of,
    gross_of,
    is_closed,
    key_of,
    money_text,
    name_of,
    number_of,
    rounded,
    rows_of,
    text_of,
    total_of,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(ANYTHING)
def test_no_value_raises_and_all_that_is_read_can_be_written(value: Any) -> None:
    """A1: booleans, lists, infinities, half surrogates, numbers of any size."""
    for text in (text_of(value), key_of(value), name_of(value), key_of({"id": value}), name_of({"refName": value})):
        assert len(text) <= 300
        orjson.dumps(text)
    number = number_of(value)
    assert number is None or (number.is_finite() and abs(number) < Decimal(10) ** 15)
    for currency in ("GBP", "JPY", "", "no such"):
        amount = amount_of(value, currency)
        assert amount is None or len(format(amount, "f")) < 40
    day_of(value), flag_of(value), rows_of({"item": value}), rows_of({"item": {"items": value}})
    record = {"item": {"items": [{"grossAmt": value, "isClosed": value}]}, "total": value, "status": value}
    gross_of(record["item"]["items"][0]), total_of(record), is_closed(record)  # type: ignore[index]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (40, "40"),
        (40.0, "40.0"),
        (Decimal("13.3333"), "13.3333"),
        ("40.00", "40.00"),
        (" 40 ", "40"),
        ("-2.95", "-2.95"),
        ("1e2", "1E+2"),
        ("5.", "5"),
        (Decimal("54.949999999999996"), "54.950000000000"),
        (Decimal("1e-1000000"), "0E-12"),
        (999_999_999_999_999, "999999999999999"),
        ("999999999999999.1234567890123", "999999999999999.123456789012"),
        (10**15, None),
        (-(10**15), None),
        (Decimal("1e15"), None),
        (Decimal("1e1000000"), None),
        (Decimal("0e1000000"), None),
        ("1e1000000", None),
        ("9" * 41, None),
        (Decimal("NaN"), None),
        (float("inf"), None),
        (True, None),
        (False, None),
        ("", None),
        ("1,000.00", None),
        ("1_000", None),
        ("٤٠", None),
        ("forty", None),
        ([40], None),
        ({"value": 40}, None),
        (None, None),
    ],
)
def test_a_number_is_read_within_bounds(value: Any, number: str | None) -> None:
    """JSON numbers and plain decimal text; nothing else, and nothing that takes a second to write down."""
    read = number_of(value)
    assert (None if read is None else str(read)) == number


@pytest.mark.parametrize(
    "digits", ["1e1000000", "1e999999999999999999999", "9" * 4000, "0." + "9" * 100_000, "-0e-99999999"]
)
def test_a_hostile_number_takes_no_time(digits: str) -> None:
    """A1, B10: `int(Decimal('1e1000000'))` hangs."""
    began = time.process_time()
    value = Decimal(digits) if "999999999999999999999" not in digits else Decimal("NaN")
    for one in (value, digits, *([int(digits)] if digits.isdecimal() else [])):
        amount = amount_of(one, "GBP")
        if amount is not None:
            int(amount), money_text(amount, "GBP"), amount.as_integer_ratio()
        text_of(one)
    assert time.process_time() - began < 5  # a deadline, no measurement


@pytest.mark.parametrize(
    ("amount", "currency", "cash"),
    [
        ("13.3333", "GBP", "13.33"),
        ("54.949999999999996", "GBP", "54.95"),
        ("40.000000000000004", "GBP", "40.00"),
        ("13.335", "GBP", "13.34"),
        ("-13.335", "GBP", "-13.34"),
        ("1999.5", "JPY", "2000"),
        ("4.9995", "KWD", "5.000"),
        ("0.00005", "CLF", "0.0001"),
        ("-0.001", "GBP", "0.00"),
        ("7", "GBP", "7.00"),
    ],
)
def test_an_amount_is_rounded_half_up_to_its_currency(amount: str, currency: str, cash: str) -> None:
    """C14."""
    assert str(rounded(Decimal(amount), currency)) == cash
    assert str(amount_of(json.loads(amount, parse_float=Decimal), currency)) == cash


@pytest.mark.parametrize(
    ("row", "gross"),
    [
        ({"grossAmt": 40.000000000000004}, "40.00"),
        ({"grossAmt": "0"}, "0.00"),
        ({"grossAmt": 40, "amount": 1, "tax1Amt": 1}, "40.00"),
        ({"amount": Decimal("66.6667"), "tax1Amt": Decimal("13.3333")}, "80.00"),
        ({"amount": "33.335", "tax1Amt": "6.665"}, "40.00"),
        ({"amount": 10}, "10.00"),
        ({"amount": 10, "tax1Amt": ""}, "10.00"),
        ({"grossAmt": None, "amount": 10}, "10.00"),
        ({"grossAmt": "", "amount": 10}, "10.00"),
        ({"grossAmt": "ten", "amount": 10}, None),
        ({"amount": 10, "tax1Amt": "ten"}, None),
        ({"amount": "ten", "tax1Amt": 1}, None),
        ({"tax1Amt": 1}, None),
        ({}, None),
    ],
)
def test_a_rows_gross_is_shown_or_summed_before_it_is_rounded(row: dict[str, Any], gross: str | None) -> None:
    """C14: the sum of two rounded halves would be a penny off; what cannot be read is not nothing."""
    read = gross_of(row, "GBP")
    assert (None if read is None else str(read)) == gross


@pytest.mark.parametrize(
    ("record", "total"),
    [
        ({"total": 40.000000000000004, "item": {"items": [{"grossAmt": 7}]}}, "40.00"),
        ({"total": "odd", "item": {"items": [{"grossAmt": 7}]}}, None),
        ({"total": 0, "item": {"items": [{"grossAmt": 7}]}}, "0.00"),
        ({"item": {"items": [{"grossAmt": 7.004}, {"grossAmt": 1.004}, {}]}}, "8.00"),
        ({"item": {"items": [{}]}}, None),
        ({}, None),
        ({"total": 9, "line": {"items": [{"debit": 5.001}, {"credit": 5}, {"debit": 1}]}}, "6.00"),
        ({"total": 9, "line": {"items": [{"credit": 5}]}}, "9.00"),
    ],
)
def test_a_total_is_the_headers_or_the_sum_of_the_rows(record: dict[str, Any], total: str | None) -> None:
    """A journal has only its debits; a total that cannot be read is not guessed from the rows."""
    read = total_of(record, "GBP")
    assert (None if read is None else str(read)) == total


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-11-27", date(2026, 11, 27)),
        ("2026-11-27T09:30:00Z", date(2026, 11, 27)),
        ("2026-11-27T09:30:00+14:00", date(2026, 11, 27)),
        ("1970-01-01", date(1970, 1, 1)),
        ("2199-12-31", date(2199, 12, 31)),
        ("1969-12-31", None),
        ("2200-01-01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-02-30", None),
        ("27/11/2026", None),
        ("27/11/2026 09:30", None),
        ("20261127", None),
        ("2026-W48-5", None),
        ("2026-11-27 later", None),
        ("2026-11-27T" + "0" * 41, None),
        (1764236400, None),
        (True, None),
        ("", None),
        (None, None),
    ],
)
def test_a_day_is_an_iso_date_of_our_times(value: Any, day: date | None) -> None:
    """A1: an epoch number, another country's order of day and month, the first year of all."""
    assert day_of(value) == day


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True), (False, False), ("T", True), ("t", True), ("true", True), ("F", False), ("false", False),
        ("yes", None), (1, None), (0, None), ("", None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_a_flag_is_true_or_t(value: Any, flag: bool | None) -> None:
    """Records show `true`, SuiteQL `T`."""
    assert flag_of(value) is flag


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5001", "5001"), (5001, "5001"), (Decimal("20.50"), "20.50"), (0, "0"), (10**39, "1" + "0" * 39), (10**40, ""),
        ("x" * 300, "x" * 300), ("x" * 301, "x" * 297 + "..."), ("a\ud800b", "a?b"), (True, ""), (None, ""), ([1], ""),
        ({"id": 1}, ""), (Decimal("1e99"), ""), (1.5, "1.5"),
    ],
)  # fmt: skip
def test_a_text_is_short_and_can_be_written(value: Any, text: str) -> None:
    """Half of a surrogate pair would stop whoever writes the outcome."""
    assert text_of(value) == text


def test_a_reference_is_bare_or_an_object() -> None:
    """Without an id it has none, and no name but its own."""
    assert (key_of({"id": 7, "refName": "TEE"}), name_of({"id": 7, "refName": "TEE"})) == ("7", "TEE")
    assert (key_of({"refName": "TEE"}), name_of({"refName": "TEE"})) == ("", "TEE")
    assert (key_of({"id": "7"}), name_of({"id": "7"})) == ("7", "7")
    assert (key_of("7"), name_of(7), key_of(None), name_of({}), key_of(["7"])) == ("7", "7", "", "", "")


def test_rows_are_the_objects_of_an_expanded_sublist() -> None:
    """Anything else has none; whether that may be is for `shapes` to say."""
    assert rows_of({"item": {"items": [{"line": 1}, 7, None, {"line": 2}]}}) == [{"line": 1}, {"line": 2}]
    assert rows_of({"line": {"items": [{"debit": 1}]}}, "line") == [{"debit": 1}]
    for odd in (
        {},
        {"item": None},
        {"item": []},
        {"item": {"items": 5}},
        {"item": {"items": {"a": {}}}},
        {"item": "x"},
    ):
        assert rows_of(odd) == []


def test_an_order_is_closed_by_its_status_or_by_all_of_its_lines() -> None:
    """Whether the flag is `true` or `T`; a record without lines is not closed by them."""
    for status in ({"id": "H"}, {"id": "X", "refName": "CLOSED"}, "closed"):
        assert is_closed({"status": status}) and is_closed({"orderStatus": status, "status": {"id": "B"}})
    rows = [{"isClosed": True}, {"isClosed": "T"}]
    assert is_closed({"item": {"items": rows}})
    assert not is_closed({"item": {"items": [*rows, {}]}})
    assert not is_closed({"item": {"items": []}}) and not is_closed({}) and not is_closed({"status": {"id": "B"}})
