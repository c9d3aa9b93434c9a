"""The one rule for which row of an order a line is about, and units over rows: by hand, and over any rows."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.order_lines import Named, allot, rows_for, unit_price


def row(
    number: int, line_id: str = "", sku: str = "TEE", units: int = 1, amount: str = "40.00", tax: str = "6.67"
) -> Any:
    return {
        "order_line": str(number),
        "order_line_id": line_id,
        "sku": sku,
        "quantity": units,
        "amount": amount,
        "tax": tax,
    }


def found(rows: list[Any], line_id: str = "", value: int | None = 4000, tax: int | None = 667, units: int = 1) -> str:
    """Line numbers of the rows of a tee, the best first; a question mark where it is not certain."""
    named = Named(line_id, lambda row: row["sku"] == "TEE", value, tax, units)
    answer = rows_for(rows, named, "GBP")
    return "".join(row["order_line"] for row in answer.rows) + ("" if answer.certain else "?")


def test_the_channels_id_comes_first() -> None:
    """Whatever the row's item and price are."""
    assert found([row(1), row(2, "ol2", "HAT", amount="1.00")], "ol2") == "2"


def test_an_empty_id_equals_nothing() -> None:
    """A line without an id is not the row without one; nor is a row that shows none at all."""
    assert found([row(1, "", "HAT")], "") == ""
    assert found([{**row(1, "", "HAT"), "order_line_id": None}], "") == ""


def test_an_id_that_no_row_shows_leaves_it_to_the_sku() -> None:
    """The account shows none, or ids of its own."""
    assert found([row(1, "", "HAT"), row(2)], "ol2") == "2"
    assert found([row(1, "x1", "HAT"), row(2, "x2")], "ol2") == "2"
    assert found([row(1, "x1"), row(2)], "ol2") == "2"
    assert found([row(1, "x1"), {**row(2), "order_line_id": None}], "") == "2"
    assert found([row(1, "", "HAT")], "ol2") == ""


def test_an_id_on_several_rows_is_told_apart_by_sku_and_price() -> None:
    """A line that somebody split in the account; where nothing fits both are named."""
    split = [row(1, "ol1", "HAT"), row(2, "ol1", amount="30.00"), row(3, "ol1"), row(4)]
    assert found(split, "ol1") == "3"
    assert found([split[0], split[2]], "ol1") == "3"
    assert found(split[:1] * 2, "ol1") == "11"
    assert found([split[0], row(2, "ol1", "CAP")], "ol1", value=None) == "12?"
    assert found([split[0], row(2, "ol1", "CAP")], "ol1") == "12?"
    both_names = Named("ol1", lambda row: row["sku"] in ("TEE", "TEE-NEW"), 4000, 667)
    assert rows_for([row(1, "ol1"), row(2, "ol1", "TEE-NEW")], both_names, "GBP").certain


def test_of_several_rows_the_price_of_one_unit_decides_and_then_its_tax() -> None:
    """Two for 80.00 are 40.00 each; the nearest comes first, and what is too far off is out."""
    rows = [row(1, amount="30.00"), row(2, units=2, amount="80.00", tax="13.34"), row(3, amount="40.01")]
    assert found(rows) == "23"
    assert found(rows, value=12003, tax=2001, units=3) == "32"
    assert found(rows, value=3000) == "1"
    assert found([row(1, tax="0.00"), row(2)]) == "2"
    assert found([row(1, tax="0.00"), row(2)], tax=None) == "12"
    assert found([row(1, tax="?"), row(2)]) == "12"


def test_a_share_that_does_not_divide_is_no_other_price() -> None:
    """Three for 100.00: a return says 33.33 or 33.34 for one; more than the tolerance beyond that is another price."""
    rows = [row(1, units=3, amount="100.00", tax="0.00"), row(2, amount="50.00", tax="0.00")]
    assert [found(rows, value=value, tax=0) for value in (3333, 3334, 3335, 3336)] == ["1", "1", "1", "12?"]


def test_rows_that_differ_are_not_guessed_at() -> None:
    """At other prices, or at none that can be read."""
    assert found([row(1), row(2, amount="30.00")], value=3500) == "12?"
    assert found([row(1), row(2, tax="0.00")], value=3500) == "12?"
    assert found([row(1), row(2), row(3, amount="30.00")], value=3500) == "123?"
    dear = [row(1), row(2, amount="50.00")]
    assert [found(dear, value=value) for value in (3999, 4001, 4002)] == ["1", "1", "12?"]
    assert found([row(1), row(2, amount="30.00")], value=None) == "12?"
    assert found([row(1, amount="?"), row(2, amount="30.00")]) == "12?"
    assert found([row(1, units=0), row(2, amount="30.00")]) == "12?"


def test_rows_that_are_alike_are_as_good_as_one_another() -> None:
    """Also where the price is another: then the price check says so, and names the difference."""
    assert found([row(1), row(2, units=2, amount="80.00", tax="13.34")], value=3500) == "12"
    assert found([row(1), row(2)], value=None) == "12"


def test_alike_rows_have_one_name() -> None:
    """The lowest number, however they are listed: 9 is before 10."""
    tees = Named("", lambda row: True)
    assert rows_for([row(10), row(9)], tees, "GBP").first == "9"
    assert rows_for([], tees, "GBP").first == ""


@pytest.mark.parametrize(
    ("shown", "price"),
    [(row(1, units=3, amount="100.00"), Fraction(10000, 3)), (row(1, units=0), None), (row(1, amount="4,00"), None)],
)
def test_the_price_of_a_unit_is_exact_or_not_known(shown: Any, price: Fraction | None) -> None:
    """No rounding before prices are compared."""
    assert unit_price(shown, "GBP") == price


def test_units_stay_where_they_were_then_go_where_they_fit_whole_then_fill_up() -> None:
    """And what has room nowhere goes to the last, for the account to refuse."""
    assert allot([("a", 3), ("b", 2)], 2) == {"b": 2}
    assert allot([("a", 2), ("b", 2)], 2) == {"a": 2}
    assert allot([("a", 2), ("b", 2)], 2, {"b": 1}) == {"b": 2}
    assert allot([("a", 2), ("b", 2)], 3, {"b": 1}) == {"b": 1, "a": 2}
    assert allot([("a", 2), ("b", 2)], 3) == {"a": 2, "b": 1}
    assert allot([("a", 2), ("b", 1)], 2, {"b": 5}) == {"b": 1, "a": 1}
    assert allot([("a", 1), ("b", -1)], 3) == {"a": 1, "b": 2}
    assert allot([("a", 1), ("b", 1)], 1, {"c": 1}) == {"a": 1}
    assert allot([("a", 1)], 0) == {}
    assert allot([], 2) == {}


@given(
    st.lists(st.integers(-2, 5), min_size=1, max_size=5),
    st.integers(0, 12),
    st.dictionaries(st.integers(0, 5), st.integers(0, 4), max_size=4),
)
def test_no_unit_is_lost_and_no_place_takes_more_than_its_room(
    rooms: list[int], units: int, before: dict[int, int]
) -> None:
    """Whatever stood there before; only what has room nowhere goes beyond, to the last place."""
    places = [(str(place), room) for place, room in enumerate(rooms)]
    counts = allot(places, units, {str(place): count for place, count in before.items()})
    assert sum(counts.values()) == units
    assert all(count > 0 for count in counts.values())
    whole = sum(max(0, room) for room in rooms)
    beyond = {place: counts.get(place, 0) - max(0, room) for place, room in places}
    assert {place for place, count in beyond.items() if count > 0} <= {places[-1][0]}
    assert max(0, beyond[places[-1][0]]) == max(0, units - whole)
    if units <= whole:
        kept = {place: min(before.get(int(place), 0), max(0, room)) for place, room in places}
        assert sum(min(counts.get(place, 0), count) for place, count in kept.items()) == min(units, sum(kept.values()))
