"""What the stored order says before anything is decided: is it there, ours, in this currency, and what was sold?"""

from __future__ import annotations

from typing import Any

import pytest

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import refund, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import exception, inspected, snapshot

RMA, NOTE, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT


def rows(erp: Erp) -> list[str]:
    """The order lines of all authorisations."""
    return [line["order_line"] for body in erp.made(RMA) for line in body["lines"]]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"found": 0}, "Order 5001 is not in NetSuite; it may be archived or have another number."),
        ({"found": 2}, "2 orders in NetSuite are called 5001; name the one that is meant."),
        ({"status": "archived"}, "Order 5001 is archived in NetSuite."),
    ],
)
def test_r15_an_order_that_is_not_there_is_asked_about(answer: dict[str, Any], sentence: str) -> None:
    """Nothing is made; Operations is told what was found."""
    erp = Erp(**answer)
    erp.hear(snapshot())
    held = exception(erp, "not-found")
    assert (held["reason"], held["owner"], erp.documents) == (sentence, "operations", [])


@pytest.mark.parametrize(
    ("news", "ours"), [("2026-11-01T00:00:00Z", True), ("2026-10-31T23:59:59Z", False)], ids=["at it", "before it"]
)
def test_l01_the_cut_over_is_ours_from_its_first_moment(news: str, ours: bool) -> None:
    """What was last heard of before it belongs to whoever handled it then."""
    erp = Erp()
    erp.hear(snapshot(updated_at=news))
    assert rows(erp) == (["1"] if ours else [])


def test_l01_without_a_cut_over_everything_is_ours() -> None:
    """A merchant that never had another program."""
    erp = Erp(using=rules(("start_from = 2026-11-01T00:00:00Z", "")))
    erp.hear(snapshot(updated_at="2020-01-01T00:00:00Z"))
    assert rows(erp) == ["1"]


@pytest.mark.parametrize(("shown", "made"), [("EUR", 0), ("GBP", 1), ("", 1), (None, 1)])
def test_r21_an_order_in_another_currency_is_a_mismatch(shown: str | None, made: int) -> None:
    """Currencies are never mixed; an account that shows none says nothing against it."""
    erp = Erp(currency=shown)
    erp.hear(snapshot())
    assert len(rows(erp)) == made
    if not made:
        held = exception(erp, "mismatch")
        assert held["reason"] == "Return r1 is in GBP, order 5001 in NetSuite is in EUR."
        assert held["owner"] == "finance"


@pytest.mark.parametrize("state", ["in_progress", "shipped", "received", "for_review", "accepted", "partly_accepted"])
def test_goods_are_missed_once_they_have_arrived(state: str) -> None:
    """Reveni says that they are there, and nobody has looked."""
    erp = Erp()
    erp.hear(snapshot(state=state))
    missed = ("item_receipt", "inspection") in erp.waiting()
    assert missed is (state not in ("in_progress", "shipped"))


def test_l_an_item_with_another_name_in_the_account_is_known_by_its_code() -> None:
    """The profile says that TEE-RED-M is item 4711; what the account calls it does not matter."""
    row = {**order_line("1", "", "Red tee, M", 1, "40.00", "6.67"), "item": "4711"}
    erp = Erp(lines=[{**order_line("2", "", "Blue tee", 1, "40.00", "6.67"), "item": "4712"}, row])
    erp.hear(snapshot(lines=[tee()], refunds=[refund("rf1", "40.00")]))
    assert (rows(erp), len(erp.made(NOTE)), erp.exceptions()) == (["1"], 1, [])


def test_l_a_row_without_an_item_is_no_item_without_a_code() -> None:
    """Neither says anything; they are not the same for that."""
    erp = Erp(lines=[{**order_line("1", "", "?", 1, "40.00", "6.67"), "item": None}])
    erp.hear(snapshot(lines=[tee(sku="SHOE-1")]))
    assert "was not bought on order 5001" in exception(erp, "not-found")["reason"]


def test_l_a_lines_own_total_is_its_price() -> None:
    """Three for 10.00 and three for 12.00: a line total of 10.00 is the first, though one is told at 4.00."""
    lines = [
        order_line(row, "", "TEE-RED-M", 3, total, tax)
        for row, total, tax in (("1", "10.00", "1.67"), ("2", "12.00", "2.00"))
    ]
    erp = Erp(lines=lines)
    erp.hear(snapshot(lines=[tee(quantity=3, unit_price="4.00", line_total="10.00", tax_amount="1.67")]))
    assert (rows(erp), erp.exceptions()) == (["1"], [])


def test_s05_of_two_sets_at_other_prices_a_part_is_of_the_one_with_its_price() -> None:
    """A part tells its set's price, whatever its own is and however many come back."""
    part = {"item": "CUP", "sku": "CUP", "quantity": 2, "list_price": "20.00"}
    lines = [
        order_line(row, "", "SET-1", 1, total, tax, components=[{**part, "order_line": f"{row}1"}])
        for row, total, tax in (("1", "60.00", "10.00"), ("2", "50.00", "8.33"))
    ]
    erp = Erp(lines=lines)
    cups = tee(sku="SET-1", component_sku="CUP", quantity=2, unit_price="50.00", tax_amount="16.66")
    erp.hear(snapshot(lines=[cups], refunds=[refund("rf1", "50.00")]))
    assert (rows(erp), [body["amount"] for body in erp.made(NOTE)], erp.exceptions()) == (["21"], ["50.00"], [])


def test_s05_a_part_twice_without_rows_of_its_own_is_received_on_its_bundle() -> None:
    """Both cups of the set stand on the set's row."""
    parts = [{"item": "CUP", "sku": "CUP", "quantity": 1, "order_line": ""}] * 2
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 1, "60.00", "10.00", components=parts)])
    erp.hear(snapshot(state="received", lines=[tee(sku="SET-1", unit_price="60.00", tax_amount="10.00")]))
    erp.hear(inspected(("l1", "CUP", 2, "sellable")))
    lines = [line for body in erp.made(RECEIPT) for line in body["lines"]]
    assert [(line["sku"], line["order_line"], line["quantity"]) for line in lines] == [("CUP", "1", 2)]
    assert erp.exceptions() == []


def test_r14_a_standalone_authorisation_says_what_each_line_was_sold_for() -> None:
    """With its tax: a line by its price or own total, a part by its share; what cannot be said stays with a person."""
    parts = [
        {"item": sku, "sku": sku, "quantity": 2, "list_price": price, "order_line": row}
        for sku, price, row in (("CUP", "20.00", "31"), ("POT", "10.00", "32"))
    ]
    unpriced = [{name: value for name, value in part.items() if name != "list_price"} for part in parts]
    lines = [
        order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33"),
        order_line("2", "ol2", "HAT-1", 3, "10.00", "1.67"),
        order_line("3", "ol3", "SET-1", 1, "60.00", "10.00", components=parts),
        order_line("4", "ol4", "SET-2", 1, "60.00", "10.00", components=unpriced),
    ]
    erp = Erp(status="closed", lines=lines, total="210.00")
    a_set = {"unit_price": "60.00", "tax_amount": "10.00", "component_sku": "CUP"}
    returned = [
        tee("l1", quantity=2, tax_amount="13.33"),
        tee("l2", order_line_id="ol2", sku="HAT-1", quantity=3, line_total="10.00", tax_amount="1.67"),
        tee("l3", order_line_id="ol3", sku="SET-1", **a_set),
        tee("l4", order_line_id="ol4", sku="SET-2", **a_set),
        tee("l5", unit_price="ten"),
    ]
    erp.hear(snapshot(lines=returned))
    (made,) = erp.made(RMA)
    assert [(line["line_id"], line["order_line"], line["amount"], line["tax"]) for line in made["lines"]] == [
        ("l1", "1", "80.00", "13.33"),
        ("l2", "2", "10.00", "1.67"),
        ("l3", "31", "20.00", "3.33"),
    ]
    assert exception(erp, "unmapped")["part"] == "l4"
    assert exception(erp, "invalid")["part"] == "l5"
