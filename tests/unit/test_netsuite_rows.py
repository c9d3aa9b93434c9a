"""Which row of an authorisation a line names, and which order line an earlier return's row is about: pure."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.netsuite.earlier import earlier_returns
from adapters.netsuite.options import CustomFields
from adapters.netsuite.rows import row_number, same_item
from streams.adapter import Refused
from streams.bodies import OrderLine
from streams.vocabulary import ErrorKind

ALL = CustomFields()
LINE: dict[str, Any] = {"item": "11", "sku": "CUP", "order_line": "2", "order_line_id": "ol2"}
KIT: dict[str, Any] = {"item": "10", "sku": "SET", "order_line": "4", "order_line_id": "ol4"}


def row(number: int | None, item: str = "11", **shown: Any) -> dict[str, Any]:
    names = {"10": "SET", "11": "CUP", "12": "POT"}
    numbered = {} if number is None else {"line": number}
    return {**numbered, "item": {"id": item, "refName": names.get(item, item)}, **shown}


def held(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"id": "60", "item": {"items": list(rows)}}


def named(line: dict[str, Any], *rows: dict[str, Any], must: bool = True) -> str | None:
    return row_number(line, held(*rows), ALL, must=must)


def test_the_row_that_names_the_order_line_is_it_however_it_is_numbered() -> None:
    """Listed last, with a number of its own, beside rows of the same item."""
    assert named(LINE, row(2, orderLine=7), row(7), row(9, orderLine=2)) == "9"
    assert named(LINE, row(1, orderLine="2")) == "1"
    assert named(LINE, row(1, orderLine={"id": "7"}), row(2, orderLine={"id": "2", "refName": "2"})) == "2"


def test_a_row_of_the_order_line_whose_item_was_renamed_is_it_all_the_same() -> None:
    """Unless another row of that order line has the item."""
    assert named(LINE, row(1, orderLine=1), row(2, "99", orderLine=2)) == "2"
    assert named(LINE, row(2, "99", orderLine=2), row(3, orderLine=2)) == "3"


@pytest.mark.parametrize(
    "other",
    [
        row(1, orderLine=1),
        row(1, custcol_order_line_id="ol1"),
        row(1, "12"),
        row(2, "12", kitMemberOf=1),
    ],
    ids=["another order line", "another line of the channel", "another item", "a part of something"],
)
def test_a_row_of_something_else_is_never_taken(other: dict[str, Any]) -> None:
    """A receipt is refused with the reason; a note's line then stands beside the authorisation's rows."""
    with pytest.raises(Refused) as refused:
        named(LINE, other)
    assert refused.value.kind is ErrorKind.MISMATCH
    sentence = "Return authorisation 60 has no row for CUP of order line 2: it was changed since it was made."
    assert refused.value.message.startswith(sentence)
    assert named(LINE, other, must=False) is None


def test_a_row_without_an_order_line_is_told_by_the_channels_id_else_by_its_item() -> None:
    """A standalone authorisation; the account shows line ids, or none."""
    free = row(1, custcol_order_line_id=""), row(2, custcol_order_line_id="ol2"), row(3, "12")
    assert named(LINE, *free) == "2"
    assert named({**LINE, "order_line_id": ""}, *free) == "1"
    assert row_number(LINE, held(*free), CustomFields.none(), must=True) == "1"
    nobody_tells = {**LINE, "order_line": "", "order_line_id": ""}
    assert named(nobody_tells, row(1, custcol_order_line_id="ol7"), row(2)) == "2"
    assert named(nobody_tells, row(1, "12"), row(2, custcol_order_line_id="ol7")) == "2"
    with pytest.raises(Refused, match="CUP of order line \\(none\\)"):
        named(nobody_tells, row(1, "12"))


def test_of_equal_rows_each_line_has_its_own_however_they_are_listed() -> None:
    """By their numbers: 10 comes after 9."""
    rows = row(10), row(9), row(11, "12")
    assert [named({**LINE, "nth": turn}, *rows) for turn in (1, 2, 3)] == ["9", "10", "10"]


def test_a_row_without_a_number_has_its_place() -> None:
    """Some accounts show none."""
    assert named({**LINE, "nth": 2}, row(None), row(None, "12"), row(None)) == "3"


def test_a_part_stands_on_a_row_of_its_own_bundle() -> None:
    """By its order line, else by its item inside the bundle that was authorised; the same cup alone is another row."""
    part = {**LINE, "order_line": "5", "order_line_id": "ol4", "kit": KIT}
    from_order = row(2, orderLine=2), row(4, "10", orderLine=4), row(5, orderLine=5, kitMemberOf=4)
    assert named(part, *from_order) == "5"
    assert named(LINE, *from_order) == "2"
    alone = row(2, "10"), row(3, kitMemberOf=2), row(4, "10"), row(5, kitMemberOf=4), row(6, kitMemberOf=4), row(7)
    assert named(part, *alone) == "3"
    assert named({**part, "kit": {**KIT, "nth": 2}}, *alone) == "5"
    assert named({**part, "kit": {**KIT, "nth": 2}, "nth": 2}, *alone) == "6"
    assert named(LINE, *alone) == "7"


def test_a_bundle_is_known_by_either_of_its_numbers_and_by_whatever_it_is_called_now() -> None:
    """Its parts name its line of the order or its own; renamed, it is still that line; its parts may have no number."""
    part = {**LINE, "order_line": "5", "order_line_id": "ol4", "kit": KIT}
    assert named(part, row(1, "10", orderLine=4), row(2), row(3, kitMemberOf=4)) == "3"
    assert named(part, row(1, "10", orderLine={"id": "4"}), row(2), row(3, kitMemberOf={"id": "4"})) == "3"
    assert named(part, row(1, "99", orderLine=4), row(2), row(3, kitMemberOf=1)) == "3"
    assert named(part, row(4, "10", orderLine=4), row(6, kitMemberOf=4), row(7, orderLine=5, kitMemberOf=4)) == "7"
    without_number = {**part, "order_line": "4"}
    assert named(without_number, row(1, "10", orderLine=4), row(2, kitMemberOf=1), row(3)) == "2"


def test_a_part_of_a_bundle_that_is_not_there_is_found_where_it_was_authorised_alone() -> None:
    """A person may have authorised the cup itself, by its order line or standing alone."""
    part = {**LINE, "order_line": "5", "order_line_id": "ol4", "kit": KIT}
    assert named(part, row(1, orderLine=2), row(3, orderLine=5)) == "3"
    assert named(part, row(7), row(8, "12", kitMemberOf=9)) == "7"


def test_without_the_authorisation_the_orders_own_number_stands_in() -> None:
    """A read may lag behind; NetSuite then says itself whether the row is there."""
    assert row_number(LINE, None, ALL, must=True) == row_number(LINE, None, ALL, must=False) == "2"
    assert row_number(LINE, held(), ALL, must=True) == "2"
    assert row_number(LINE, held(), ALL, must=False) is None


def test_what_is_no_order_line_names_no_row() -> None:
    """Shipping, a fee, goodwill."""
    assert named({"item": "11"}, row(1), must=False) is None


def test_an_item_is_known_by_its_number_or_its_name() -> None:
    """Where SKUs are the codes the line's item is the name; a fee has no SKU, and a row may show nothing."""
    shown = {"id": "11", "refName": "CUP"}
    assert same_item({"item": "11"}, shown) and same_item({"item": "CUP"}, shown)
    assert same_item({"item": "4711", "sku": "CUP"}, shown)
    assert not same_item({"item": "902"}, shown) and not same_item({"item": "902", "sku": ""}, None)
    assert not same_item({"item": "4711", "sku": "POT"}, shown)


# -- earlier returns


def sold(number: str, item: str, quantity: int, amount: str, **more: Any) -> OrderLine:
    line: dict[str, Any] = {
        "order_line": number,
        "order_line_id": f"ol{number}",
        "sku": item,
        "item": item,
        "quantity": quantity,
        "fulfilled": quantity,
        "unit_price": "0.00",
        "amount": amount,
        "tax": "0.00",
        "tax_code": "5",
        "components": [],
        **more,
    }
    return line  # type: ignore[return-value]  # written out as a plain dict


def by_line(lines: list[OrderLine], *authorisations: dict[str, Any]) -> list[dict[str, int]]:
    """By authorisation: units of each order line."""
    found = []
    for number, one in enumerate(authorisations):
        record = {"status": {"id": "B", "refName": "Pending Receipt"}, "id": str(number), **one}
        found.append(record)
    answers = earlier_returns(found, lines, "GBP", ALL)
    return [{line["order_line"]: line["quantity"] for line in answer["lines"]} for answer in answers]


TWO = [sold("1", "11", 2, "80.00"), sold("2", "11", 2, "60.00")]


def test_r02_a_row_counts_for_the_order_line_that_it_names() -> None:
    """By its order line, else by the channel's id."""
    named_by_line, by_id = held(row(1, orderLine=2, quantity=1)), held(row(1, custcol_order_line_id="ol2", quantity=2))
    assert by_line(TWO, named_by_line, by_id) == [{"2": 1}, {"2": 2}]
    assert by_line(TWO, held(row(1, orderLine={"id": "2"}, quantity=1))) == [{"2": 1}]


def test_r02_a_row_that_names_no_line_counts_for_the_one_with_its_price() -> None:
    """40.00 and 30.00 for one unit; at another price it fills the first that has room, then the next."""
    cheap, odd = held(row(1, quantity=1, grossAmt=30)), held(row(1, quantity=3, grossAmt=105))
    assert by_line(TWO, cheap) == [{"2": 1}]
    assert by_line(TWO, odd, held(row(1, orderLine=1, quantity=1))) == [{"1": 1, "2": 2}, {"1": 1}]
    assert by_line(TWO, *[held(row(1, quantity=2, grossAmt=70))] * 2) == [{"1": 2}, {"2": 2}]
    taxed = [sold("1", "11", 1, "40.00", tax="0.00"), sold("2", "11", 1, "40.00", tax="6.67")]
    assert by_line(taxed, held(row(1, quantity=1, grossAmt=40, tax1Amt=6.67))) == [{"2": 1}]


def test_r02_the_price_of_a_row_is_for_all_its_units_also_where_fewer_came_in() -> None:
    """Two were authorised at 60.00 and one was received: one at 30.00."""
    part = row(1, quantity=2, quantityReceived=1, isClosed=True, grossAmt=60)
    assert by_line(TWO, held(part)) == [{"2": 1}]
    assert by_line(TWO, held({**part, "quantity": None, "grossAmt": 30})) == [{"2": 1}]


def test_r02_more_than_was_sold_is_counted_all_the_same() -> None:
    """Three of two: whatever a person did, nothing is left."""
    assert by_line([sold("1", "11", 2, "80.00")], held(row(1, quantity=3))) == [{"1": 3}]
    assert by_line(TWO, held(row(1, "77", quantity=1))) == [{"": 1}]


def test_r02_a_bundle_counts_by_its_own_row_and_its_parts_by_theirs() -> None:
    """A cup alone counts for the line it fits, else for both; one that says it is a part, for the bundle's row."""
    part = {"sku": "11", "item": "11", "quantity": 2, "order_line": "4"}
    lines = [sold("1", "11", 1, "20.00"), sold("3", "10", 1, "60.00", components=[part])]
    whole = held(row(1, "10", orderLine=3, quantity=1), row(2, orderLine=4, kitMemberOf=1, quantity=2))
    assert by_line(lines, whole) == [{"3": 1}]
    assert by_line(lines, held(row(1, quantity=1))) == [{"1": 1}]
    assert by_line(lines, held(row(1, quantity=3))) == [{"1": 1, "4": 2}]
    assert by_line(lines, held(row(1, quantity=1, kitMemberOf=9))) == [{"4": 1}]
    assert by_line([lines[0], {**lines[1], "quantity": 2}], held(row(1, quantity=3))) == [{"4": 3}]
    assert by_line(lines, held(row(1, quantity=1, custcol_order_line_id="ol3"))) == [{"4": 1}]
    assert by_line(lines, held(row(9, orderLine=4, quantity=1, kitMemberOf=9))) == [{"4": 1}]


def test_r02_a_closed_row_holds_what_came_in() -> None:
    """Of a return that is open otherwise."""
    rows = row(1, orderLine=1, quantity=2, quantityReceived=1, isClosed=True), row(2, orderLine=2, quantity=2)
    assert by_line(TWO, held(*rows)) == [{"1": 1, "2": 2}]
