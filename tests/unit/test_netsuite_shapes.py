"""Whether an answer is NetSuite's own, route by route."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.netsuite.shapes import (
    MOST_ROWS,
    Unreadable,
    ids_of,
    json_of,
    number_made,
    page_of,
    record_checked,
    rows_checked,
)

ENVELOPE: dict[str, Any] = {"links": [], "count": 2, "hasMore": False, "offset": 0, "totalResults": 2}
HITS = {**ENVELOPE, "items": [{"id": "7", "links": []}, {"id": 8}]}


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "5", '"x"', "<html>", "{", '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', "[" * 100_000,
     '{"a":' * 100_000, '{"items": [], "items": [1]}', '{"item": {"items": [{"total": 1, "total": 2}]}}',
     '{"a": ' + "9" * 5_000 + "}"],
)  # fmt: skip
def test_a_body_is_one_json_object_that_says_each_thing_once(text: str) -> None:
    """B7, B10: and nothing but `Unreadable` leaves the reader."""
    with pytest.raises(Unreadable):
        json_of(text)


def test_a_number_with_a_point_keeps_its_digits() -> None:
    """No float in between; a number that nobody can hold is none, and only its own field says so."""
    body = json_of('{"total": 40.10, "odd": 1e99999999999999999999, "count": 2}')
    assert (str(body["total"]), str(body["odd"]), body["count"]) == ("40.10", "NaN", 2)


def test_a_page_lists_its_hits() -> None:
    """With as much of the envelope as must agree."""
    page = page_of(HITS)
    assert (ids_of(page), page.has_more) == (("7", "8"), False)
    assert ids_of(page_of({"items": [], "hasMore": False})) == ()
    more = page_of({**HITS, "hasMore": True, "offset": 4, "totalResults": 7}, 4)
    assert more.has_more


@pytest.mark.parametrize(
    "changes",
    [
        {"items": None}, {"items": 5}, {"items": {}}, {"items": "none"}, {"items": [7, 8]}, {"items": [None, None]},
        {"items": []}, {"hasMore": None}, {"hasMore": "false"}, {"hasMore": 0}, {"hasMore": True}, {"count": 3},
        {"count": True}, {"count": "2"}, {"offset": 1}, {"offset": "0"}, {"totalResults": 3}, {"totalResults": 1},
        {"totalResults": 2.5}, {"hasMore": True, "totalResults": 2}, {"items": [], "count": 0, "hasMore": True,
        "totalResults": 9},
    ],
)  # fmt: skip
def test_a_list_that_contradicts_itself_is_none(changes: dict[str, Any]) -> None:
    """B7: `{"status": "maintenance"}` has no items, and that is not an empty list."""
    with pytest.raises(Unreadable):
        page_of({**HITS, **changes})


@pytest.mark.parametrize("name", ["items", "hasMore"])
def test_a_list_without_its_items_or_its_end_is_none(name: str) -> None:
    """B7."""
    with pytest.raises(Unreadable):
        page_of({key: value for key, value in HITS.items() if key != name})


@pytest.mark.parametrize("hit", [{}, {"id": None}, {"id": ""}, {"id": True}, {"id": {}}, {"id": []}])
def test_a_hit_without_an_id_is_no_hit(hit: dict[str, Any]) -> None:
    """A1: it may be the document that is looked for."""
    with pytest.raises(Unreadable):
        ids_of(page_of({"items": [hit], "hasMore": False}))


def test_rows_of_suiteql_can_be_read() -> None:
    """An odd number, flag or name makes the answer unreadable, and so does the want of what is asked for."""
    row = {"id": "7", "isinactive": "F", "quantityavailable": "-1.5", "anything": [5]}
    assert rows_checked(page_of({"items": [row], "hasMore": False})) == [row]
    for odd in ({"isinactive": "maybe"}, {"quantityavailable": "many"}, {"itemid": []}):
        with pytest.raises(Unreadable):
            rows_checked(page_of({"items": [{**row, **odd}], "hasMore": False}))
    assert rows_checked(page_of({"items": [row], "hasMore": False}), "id") == [row]
    for nothing in (None, "", [], True):
        with pytest.raises(Unreadable, match="without its id"):
            rows_checked(page_of({"items": [row, {**row, "id": nothing}], "hasMore": False}), "id")


RECORD: dict[str, Any] = {
    "id": "55",
    "externalId": "ref-1",
    "otherRefNum": "5001",
    "tranDate": "2026-11-27",
    "total": 40.0,
    "currency": {"id": "1", "refName": "GBP"},
    "entity": {"id": "7"},
    "status": "Open",
    "memo": ["anything"],
    "item": {
        "items": [{"line": 1, "item": {"refName": "TEE"}, "quantity": 1, "grossAmt": "40.00", "isClosed": False}],
        "count": 1,
        "totalResults": 1,
        "hasMore": False,
    },
}


@pytest.mark.parametrize("type_", ["salesOrder", "returnAuthorization", "creditMemo", "itemReceipt", "invoice"])
@pytest.mark.parametrize("key", ["55", "eid:ref-1"])
def test_a_record_that_was_asked_for_is_read(type_: str, key: str) -> None:
    """By its number or by its external id."""
    assert record_checked(type_, key, RECORD) is RECORD


@pytest.mark.parametrize("key", ["5", "555", "eid:ref-2", "eid:55", "ref-1", "eid:"])
def test_another_record_than_was_asked_for_is_none(key: str) -> None:
    """B7: `{"id": 1}` of another system, or a cache in between."""
    with pytest.raises(Unreadable, match="another than was asked for"):
        record_checked("creditMemo", key, RECORD)


@pytest.mark.parametrize("number", [None, "", True, [], {}])
def test_a_record_without_a_number_is_none(number: Any) -> None:
    """A1: it was a KeyError in the dispatcher."""
    for body in ({**RECORD, "id": number}, {name: value for name, value in RECORD.items() if name != "id"}):
        with pytest.raises(Unreadable, match="without an id"):
            record_checked("creditMemo", "eid:ref-1", body)


@pytest.mark.parametrize("type_", ["salesOrder", "returnAuthorization", "creditMemo", "itemReceipt"])
@pytest.mark.parametrize(
    "item",
    [None, [], 5, {}, {"links": []}, {"items": None}, {"items": {}}, {"items": [7]}, {"items": [], "count": 1},
     {"items": [], "totalResults": 1}, {"items": [], "hasMore": True}, {"items": [], "count": "0"}],
)  # fmt: skip
def test_a_record_without_its_rows_says_nothing_of_them(type_: str, item: Any) -> None:
    """Sublists in links only, or in part: not even that there are no rows."""
    with pytest.raises(Unreadable):
        record_checked(type_, "55", {**RECORD, "item": item})
    with pytest.raises(Unreadable):
        record_checked(type_, "55", {name: value for name, value in RECORD.items() if name != "item"})


def test_a_record_has_so_many_rows_at_most() -> None:
    """Each is looked at; a body of nothing but empty objects would hold up everybody else."""
    rows = [{"quantity": 1}] * MOST_ROWS
    assert record_checked("creditMemo", "55", {**RECORD, "item": {"items": rows}})
    with pytest.raises(Unreadable, match="more than 10,000 rows"):
        record_checked("creditMemo", "55", {**RECORD, "item": {"items": [*rows, {}]}})


def test_a_record_need_not_show_what_it_may_not_have() -> None:
    """A credit memo without applications, a customer without lines, an empty list that says so."""
    bare = {"id": "55"}
    for type_ in ("customer", "invoice", "journalEntry", "inventoryTransfer", "accountingPeriod"):
        assert record_checked(type_, "55", bare) is bare
    assert record_checked("creditMemo", "55", {**bare, "item": {"items": []}})
    with pytest.raises(Unreadable):
        record_checked("creditMemo", "55", {**bare, "item": {"items": []}, "apply": {"links": []}})


READ: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("total", "taxTotal", "discountTotal", "shippingCost", "shippingTax1Amt", "shippingTax2Amt", "handlingCost",
         "handlingTax1Amt", "handlingTax2Amt", "amountRemaining", "grossAmt", "amount", "tax1Amt", "debit",
         "quantityavailable"),
        ("many", True, [], "1e999", "NaN", {}),
    ),
    **dict.fromkeys(
        ("quantity", "quantityFulfilled", "quantityBilled", "quantityReceived", "quantityPerKit", "adjustQtyBy"),
        (-1, "-0.5", True, "one", 10**9 + 1, [], {}),
    ),
    **dict.fromkeys(
        ("isClosed", "isInactive", "isinactive", "apply", "closed", "allLocked", "arLocked", "isAdjust", "isQuarter",
         "isYear"),
        ("maybe", 1, [], {}),
    ),
    **dict.fromkeys(("tranDate", "startDate"), ("27/11/2026", 20261127, "0001-01-01", True, [], {})),
    **dict.fromkeys(("externalId", "otherRefNum", "tranId", "line", "itemid"), ([], {}, {"id": 1}, True)),
    **dict.fromkeys(
        ("item", "entity", "currency", "location", "transferLocation", "createdFrom", "taxCode", "doc", "account",
         "status", "orderStatus", "orderLine", "kitMemberOf", "itemType"),
        ([], ["1"], True),
    ),
}  # fmt: skip
"""Every field that the product reads, with what it cannot be."""


@pytest.mark.parametrize("name", sorted(READ))
def test_a_field_that_is_read_must_be_readable(name: str) -> None:
    """A1: an odd value is not "not there". In a row as in the header, and its place is named."""
    for value in READ[name]:
        rows = [RECORD["item"]["items"][0], {name: value}]
        with pytest.raises(Unreadable, match=rf"^item\.items\[1\]\.{name} with a value that cannot be read$"):
            record_checked("returnAuthorization", "55", {**RECORD, "item": {"items": rows}})
        if name not in ("item", "line", "apply", "externalId"):
            with pytest.raises(Unreadable, match=rf"^returnAuthorization\.{name} with a value that cannot be read$"):
                record_checked("returnAuthorization", "55", {**RECORD, name: value})
    for nothing in (None, ""):
        assert record_checked("returnAuthorization", "55", {**RECORD, "item": {"items": [{name: nothing}]}})
    with pytest.raises(Unreadable):
        record_checked("customer", "55", {"id": "55", "externalId": {"a": 1}})


@pytest.mark.parametrize("type_", ["salesOrder", "invoice"])
def test_units_below_zero_are_read_where_they_are_sold(type_: str) -> None:
    """A voucher is a row of minus one; the bound is the same on both sides."""
    assert record_checked(type_, "55", {**RECORD, "item": {"items": [{"quantity": -1}]}})
    with pytest.raises(Unreadable):
        record_checked(type_, "55", {**RECORD, "item": {"items": [{"quantity": -(10**9) - 1}]}})


def test_what_nobody_reads_may_hold_what_it_likes() -> None:
    """Another integration's fields are no business of ours."""
    odd = {"custbody_x": [float("nan")], "memo": {"a": True}, "unapplied": "odd", "quantityCommitted": -5}
    assert record_checked("salesOrder", "55", {**RECORD, **odd})


def test_quantities_up_to_the_bound_are_read() -> None:
    """Nothing, fractions and a thousand million."""
    for quantity in (0, "0.5", 10**9):
        assert record_checked("salesOrder", "55", {**RECORD, "item": {"items": [{"quantity": quantity}]}})


@pytest.mark.parametrize(
    "place",
    [
        "https://42.suitetalk.example/services/rest/record/v1/creditMemo/900",
        "/services/rest/record/v1/creditmemo/900",
        "https://x/services/rest/record/v1/creditMemo/900/",
        "https://x/services/rest/record/v1/creditMemo/900?x=1",
    ],
)
def test_a_write_names_what_it_made(place: str) -> None:
    """On any host, in any case, header names too."""
    assert number_made("creditMemo", {"location": place}, may_be_unnamed=False) == "900"
    assert number_made("creditMemo", {"X": "/record/v1/creditMemo/1", "LOCATION": place}, may_be_unnamed=True) == "900"


@pytest.mark.parametrize(
    "place",
    ["/login", "https://x/services/rest/record/v1/salesOrder/900", "https://x/record/v1/creditMemo/",
     "https://x/record/v1/creditMemo/900/more", "https://x/async/v1/job/5", "https://x/record/v1/creditMemo/9 00",
     "https://x/?/record/v1/creditMemo/900", "https://x/record/v1/creditMemo/" + "9" * 101],
)  # fmt: skip
def test_a_write_that_names_something_else_made_nothing_that_we_know(place: str) -> None:
    """B7: a redirect to a sign-in, a job, another record."""
    for may in (True, False):
        with pytest.raises(Unreadable):
            number_made("creditMemo", {"Location": place}, may_be_unnamed=may)


def test_only_an_upsert_may_leave_its_record_unnamed() -> None:
    """It can be read by its external id."""
    assert number_made("creditMemo", {}, may_be_unnamed=True) == ""
    with pytest.raises(Unreadable):
        number_made("creditMemo", {}, may_be_unnamed=False)


def test_the_message_says_what_is_odd() -> None:
    """For the person who reads the letter."""
    with pytest.raises(Unreadable, match="a record with some of its rows only"):
        record_checked("salesOrder", "55", {**RECORD, "item": {"items": [], "hasMore": "T"}})
    with pytest.raises(Unreadable, match="no list of items"):
        page_of(json.loads('{"status": "maintenance"}'))
