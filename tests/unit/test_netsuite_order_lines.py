"""An order from its snapshot to its receipts in the shipped NetSuite, with the account's custom fields and without any.

Everything that is made names the row it is about; the account's own records then say what came of it.
"""

from __future__ import annotations

from typing import Any

import pytest

from adapters.netsuite.options import CustomFields
from adapters.netsuite.simulator.records import Record
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import order, refund, replacement, sold, tee
from tests.unit.simulated_netsuite import NetSuiteErp
from tests.unit.told import exception, inspected, snapshot

NOTE, RECEIPT = DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT
SET: dict[str, Any] = {"sku": "SET-1", "unit_price": "60.00", "tax_amount": "10.00"}
ALL, NONE = CustomFields(), CustomFields.none()
any_fields = pytest.mark.parametrize("fields", [ALL, NONE], ids=["custom fields", "none of them"])
any_form = pytest.mark.parametrize("status", ["fulfilled", "closed"], ids=["from the order", "standalone"])


def begin(fields: CustomFields, *lines: dict[str, Any], status: str = "fulfilled", **changes: Any) -> NetSuiteErp:
    """An order in an account; one without custom fields shows neither line ids nor list prices."""
    if fields == NONE:
        lines = tuple(
            {name: value for name, value in line.items() if name != "order_line_id"}
            | {"components": [{**part, "list_price": None} for part in line["components"]]}
            for line in lines
        )
    return NetSuiteErp(order("5001", lines=list(lines), status=status, **changes), fields=fields)


def a_set(number: int = 1, sku: str = "SET-1", quantity: int = 1, **parts: int) -> dict[str, Any]:
    """A bundle at 60.00; each part at 20.00 when it is sold alone."""
    listed = [{"sku": name, "quantity": units, "list_price": "20.00"} for name, units in parts.items()]
    return sold(f"ol{number}", sku, quantity, "60.00", f"{10 * quantity}.00", components=listed)


def units_of(record: Record, what: str) -> dict[str, dict[int, int]]:
    """By SKU and row: units of a record's lines that are received, credited or simply there."""
    found: dict[str, dict[int, int]] = {}
    for line in record.lines:
        if int(getattr(line, what)):
            found.setdefault(line.item.sku, {})[line.number] = int(getattr(line, what))
    return found


def the_authorisation(erp: NetSuiteErp) -> Record:
    (record,) = erp.account.records("returnAuthorization")
    return record


@any_fields
@any_form
def test_l_an_order_goes_from_its_snapshot_to_its_receipt(fields: CustomFields, status: str) -> None:
    """Authorised, credited, applied, received and exchanged; nobody has to look."""
    tees, hats = sold("ol1", "TEE-RED-M", 2, "40.00", "13.33"), sold("ol2", "HAT-1", 1, "10.00", "1.67")
    erp = begin(fields, tees, hats, status=status)
    erp.account.control.seed(
        {"stock": [{"account": "ns", "sku": "TEE-RED-L", "location": "101", "available": 5}]},
    )
    lines = [
        tee("l1", order_line_id="ol2", sku="HAT-1", unit_price="10.00", tax_amount="1.67"),
        tee("l2", request="exchange"),
        tee("l3"),
    ]
    changes: dict[str, Any] = {"replacements": [replacement(line_id="l2")], "refunds": [refund("rf1", "50.00")]}
    erp.hear(snapshot(state="received", lines=lines, **changes))
    erp.hear(inspected(("l1", "HAT-1", 1, "sellable"), ("l2", "TEE-RED-M", 1, "sellable")))
    erp.hear(inspected(("l3", "TEE-RED-M", 1, "damaged"), inspection_id="ins-2"))
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    received = units_of(the_authorisation(erp), "received")
    assert {sku: sum(rows.values()) for sku, rows in received.items()} == {"HAT-1": 1, "TEE-RED-M": 2}
    (memo,) = erp.account.records("creditMemo")
    assert (str(memo.total), [str(amount) for amount in memo.applied.values()]) == ("50.00", ["50.00"])
    assert len(erp.account.records("salesOrder")) == 2
    kinds = {"item_receipt": 3, "credit_note": 1, "exchange_order": 1, "return_authorisation": 1}
    made = [entry["kind"] for entry in erp.account.ledger.shown if entry["op"] == "create"]
    assert {kind: made.count(kind) for kind in kinds} == kinds


@any_fields
@any_form
def test_s05_a_part_equal_to_another_line_is_received_on_its_own_bundle(fields: CustomFields, status: str) -> None:
    """A red tee bought alone, and a red tee in a set: each comes in on its own row, told in whichever order."""
    alone = sold("ol1", "TEE-RED-S", 1, "20.00", "3.33")
    erp = begin(fields, alone, a_set(2, **{"TEE-RED-S": 2, "TEE-BLUE-S": 1}), status=status)
    lines = [tee("l1", sku="TEE-RED-S", unit_price="20.00", tax_amount="3.33"), tee("l2", order_line_id="ol2", **SET)]
    erp.hear(snapshot(state="received", lines=lines))
    erp.hear(inspected(("l2", "TEE-RED-S", 2, "sellable"), ("l2", "TEE-BLUE-S", 1, "sellable")))
    of_the_set = units_of(the_authorisation(erp), "received")["TEE-RED-S"]
    assert list(of_the_set.values()) == [2]
    erp.hear(inspected(("l1", "TEE-RED-S", 1, "sellable"), inspection_id="ins-2"))
    received = units_of(the_authorisation(erp), "received")
    assert sorted(received["TEE-RED-S"].values()) == [1, 2]
    authorised = units_of(the_authorisation(erp), "quantity")
    del authorised["SET-1"]  # a bundle is received by its parts
    assert received == authorised
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@any_fields
@any_form
def test_s05_two_bundles_with_one_part_in_common_come_in_apart(fields: CustomFields, status: str) -> None:
    """Each set's cups stand on its own row, also where the sets are the same item."""
    erp = begin(fields, a_set(1, CUP=2), a_set(2, "SET-2", CUP=1, POT=1), a_set(3, CUP=2), status=status)
    lines = [
        tee("l1", **SET),
        tee("l2", order_line_id="ol2", **{**SET, "sku": "SET-2"}),
        tee("l3", order_line_id="ol3", **SET),
    ]
    erp.hear(snapshot(state="received", lines=lines))
    found = (("l2", "CUP", 1), ("l3", "CUP", 2), ("l2", "POT", 1), ("l1", "CUP", 2))
    erp.hear(inspected(*((line, sku, units, "sellable") for line, sku, units in found)))
    received = units_of(the_authorisation(erp), "received")
    assert sorted(received["CUP"].values()) == [1, 2, 2]
    assert list(received["POT"].values()) == [1]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@any_fields
@any_form
def test_s05_a_part_that_is_in_the_bundle_twice_is_received_on_both_rows(fields: CustomFields, status: str) -> None:
    """One lot or two: each row holds its one cup."""
    cups = [{"sku": "CUP", "quantity": 1, "list_price": "20.00"}] * 2
    erp = begin(fields, {**a_set(1, POT=1), "components": [*cups, *a_set(1, POT=1)["components"]]}, status=status)
    erp.hear(snapshot(state="received", lines=[tee("l1", **SET)]))
    erp.hear(inspected(("l1", "CUP", 1, "sellable")))
    erp.hear(inspected(("l1", "CUP", 1, "damaged"), ("l1", "POT", 1, "damaged"), inspection_id="ins-2"))
    received = units_of(the_authorisation(erp), "received")
    assert list(received["CUP"].values()) == [1, 1]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@any_form
def test_s05_a_part_alone_is_authorised_credited_and_received(status: str) -> None:
    """One cup of a set, by its share of 15.00, beside the same cup bought alone."""
    alone = sold("ol1", "CUP", 1, "20.00", "3.33")
    erp = begin(ALL, alone, a_set(2, CUP=2, POT=2), status=status)
    lines = [tee("l2", order_line_id="ol2", component_sku="CUP", **SET)]
    erp.hear(snapshot(state="received", lines=lines, refunds=[refund("rf1", "15.00")]))
    erp.hear(inspected(("l2", "CUP", 1, "sellable")))
    authorised = the_authorisation(erp)
    assert [(line.item.sku, int(line.received), int(line.credited)) for line in authorised.lines] == [("CUP", 1, 1)]
    if status == "fulfilled":
        assert [line.order_line for line in authorised.lines] == [3]
    else:
        assert str(authorised.total) == "15.00"
    (memo,) = erp.account.records("creditMemo")
    assert (str(memo.total), str(memo.tax)) == ("15.00", "2.50")
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_s05_a_part_alone_is_asked_about_where_no_list_price_is_kept() -> None:
    """The whole set is credited and received; only for one part of it nobody knows a price."""
    erp = begin(NONE, a_set(1, quantity=2, CUP=2, POT=1))
    erp.hear(snapshot(state="received", lines=[tee("l1", **SET)], refunds=[refund("rf1", "60.00")]))
    erp.hear(inspected(("l1", "CUP", 2, "sellable"), ("l1", "POT", 1, "sellable")))
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    part = tee("l2", component_sku="CUP", **SET)
    erp.hear(snapshot(return_id="r2", lines=[part], refunds=[refund("rf2", "15.00")]))
    assert "keeps no list price of component CUP" in exception(erp, "unmapped", "credit_note")["reason"]


@any_form
def test_l_two_lines_of_one_sku_are_told_apart_by_price_without_line_ids(status: str) -> None:
    """Both come back in one return, and are credited and received on a row each."""
    dear, cheap = sold("ol1", "HAT-1", 1, "40.00", "6.67"), sold("ol2", "HAT-1", 1, "30.00", "5.00")
    erp = begin(NONE, dear, cheap, status=status)
    lines = [
        tee("l1", order_line_id="ol2", sku="HAT-1", unit_price="30.00", tax_amount="5.00"),
        tee("l2", order_line_id="ol1", sku="HAT-1"),
    ]
    erp.hear(snapshot(state="received", lines=lines, refunds=[refund("rf1", "70.00")]))
    erp.hear(inspected(("l2", "HAT-1", 1, "sellable")))
    authorised = the_authorisation(erp)
    dearer = next(line for line in authorised.lines if str(line.gross) == "40.00")
    assert units_of(authorised, "received") == {"HAT-1": {dearer.number: 1}}
    erp.hear(inspected(("l1", "HAT-1", 1, "sellable"), inspection_id="ins-2"))
    assert sorted(units_of(authorised, "received")["HAT-1"].values()) == [1, 1]
    assert sorted(units_of(authorised, "credited")["HAT-1"].values()) == [1, 1]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_l_three_units_of_two_equal_lines_are_received_and_credited_on_both() -> None:
    """Two and two were sold; NetSuite takes no more on a row than it holds, so each row has its own."""
    erp = begin(NONE, *(sold(f"ol{n}", "HAT-1", 2, "10.00", "3.34") for n in (1, 2)))
    line = tee("l1", sku="HAT-1", quantity=3, unit_price="10.00", tax_amount="5.01")
    erp.hear(snapshot(state="received", lines=[line], refunds=[refund("rf1", "30.00")]))
    for number in (1, 2, 3):
        erp.hear(inspected(("l1", "HAT-1", 1, "sellable"), inspection_id=f"ins-{number}"))
    authorised = the_authorisation(erp)
    assert units_of(authorised, "quantity") == {"HAT-1": {1: 2, 2: 1}}
    assert units_of(authorised, "received") == {"HAT-1": {1: 2, 2: 1}}
    assert units_of(authorised, "credited") == {"HAT-1": {1: 2, 2: 1}}
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@any_fields
def test_r02_what_a_person_authorised_is_not_returned_again(fields: CustomFields) -> None:
    """Made by hand and standing alone, it names no line of the order; its units are gone all the same."""
    erp = begin(fields, sold("ol1", "HAT-1", 2, "10.00", "3.34"), a_set(2, CUP=2))
    by_hand = {
        "entity": {"id": erp.account.records("customer")[0].id},
        "otherRefNum": "5001",
        "tranDate": "2026-11-01",
        "item": {"items": [
            {"item": {"id": "HAT-1"}, "quantity": 2, "grossAmt": 20, "taxCode": {"id": "5"}},
            {"item": {"id": "CUP"}, "quantity": 1, "grossAmt": 5, "taxCode": {"id": "5"}},
        ]},
    }  # fmt: skip
    erp.account.make("returnAuthorization", by_hand)
    lines = [
        tee("l1", sku="HAT-1", unit_price="10.00", tax_amount="1.67"),
        tee("l2", order_line_id="ol2", **SET),
    ]
    erp.hear(snapshot(lines=lines))
    assert len(erp.account.records("returnAuthorization")) == 1
    reasons = sorted(letter.content["reason"] for letter in erp.row.open_letters())
    assert reasons == [
        "Line l1 (HAT-1) returns 1; of 2 bought, 2 were sent and 0 can still come back.",
        "Line l2 (SET-1) returns 1; of 1 bought, 1 were sent and 0 can still come back.",
    ]


def test_s05_goods_of_a_row_that_was_taken_off_the_authorisation_are_received_on_no_other() -> None:
    """Somebody removed the set's row by hand: the cup bought alone keeps its room, and the warehouse is asked."""
    alone = sold("ol1", "CUP", 2, "20.00", "6.67")
    erp = begin(NONE, alone, a_set(2, CUP=1))
    lines = [
        tee("l1", sku="CUP", quantity=2, unit_price="20.00", tax_amount="6.67"),
        tee("l2", order_line_id="ol2", **SET),
    ]
    erp.hear(snapshot(state="received", lines=lines))
    authorised = the_authorisation(erp)
    authorised.lines = [line for line in authorised.lines if line.item.sku == "CUP" and line.kit is None]
    erp.account.books.save(authorised)
    erp.forget()
    erp.hear(inspected(("l2", "CUP", 1, "sellable")))
    assert erp.account.records("itemReceipt") == []
    held = exception(erp, "mismatch", "item_receipt")
    assert f"Return authorisation {authorised.id} has no row for CUP of order line 3" in held["reason"]
    assert held["owner"] == "warehouse"
