"""Which order line a returned line was bought on: one rule for paper, money and goods, with line ids or without."""

from __future__ import annotations

from typing import Any

import pytest

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT
SET: dict[str, Any] = {"sku": "SET-1", "unit_price": "60.00", "tax_amount": "10.00"}

with_and_without_ids = pytest.mark.parametrize(
    ("shown", "told"),
    [("ol", "ol"), ("", "ol"), ("", ""), ("x-", "ol")],
    ids=["ids", "the account shows none", "nobody tells any", "the account has other ids"],
)


def ids(shown: str, told: str, number: int) -> tuple[str, str]:
    """The line id that the account shows, and the one that the return tells."""
    return (shown and f"{shown}{number}"), (told and f"{told}{number}")


def part(sku: str, quantity: int, price: str | None, row: str) -> dict[str, Any]:
    stored: dict[str, Any] = {"sku": sku, "item": f"item-{sku}", "quantity": quantity, "order_line": row}
    return stored if price is None else {**stored, "list_price": price}


def cups_and_pot(*rows: str, prices: bool = True) -> list[dict[str, Any]]:
    """The parts of SET-1 at 60.00: two cups of 20.00 and a pot of 40.00, so that a cup is worth 15.00."""
    return [
        part("CUP", 2, "20.00" if prices else None, rows[0]),
        part("POT", 1, "40.00" if prices else None, rows[1]),
    ]


def authorised(erp: Erp) -> list[tuple[str, str, int]]:
    """(line id, row, units) of all authorisations."""
    return [(line["line_id"], line["order_line"], line["quantity"]) for body in erp.made(RMA) for line in body["lines"]]


def received(erp: Erp) -> list[tuple[str, str, int]]:
    """(SKU, row, units) of all receipts."""
    return [(line["sku"], line["order_line"], line["quantity"]) for body in erp.made(RECEIPT) for line in body["lines"]]


def credited(erp: Erp) -> list[tuple[str, str, int, str, str]]:
    """(SKU, row, units, amount, tax) of all notes."""
    return [
        (line["sku"], line.get("order_line", ""), line["quantity"], line["amount"], line["tax"])
        for body in erp.made(NOTE)
        for line in body["lines"]
    ]


@with_and_without_ids
def test_l_an_order_line_is_found_from_authorisation_to_application(shown: str, told: str) -> None:
    """The hat is the second line of the order, whatever says so: paper, money and goods agree on it."""
    (_, first), (mine, theirs) = ids(shown, told, 1), ids(shown, told, 2)
    lines = [
        order_line("1", ids(shown, told, 1)[0], "TEE-RED-M", 2, "80.00", "13.33"),
        order_line("2", mine, "HAT-1", 1, "10.00", "1.67"),
    ]
    erp = Erp(lines=lines)
    returned = [hat(order_line_id=theirs), tee(order_line_id=first, quantity=2, tax_amount="13.33")]
    erp.hear(snapshot(state="received", lines=returned, refunds=[refund("rf1", "90.00")]))
    erp.hear(inspected(("l2", "HAT-1", 1, "sellable"), ("l1", "TEE-RED-M", 2, "sellable")))
    assert authorised(erp) == [("l2", "2", 1), ("l1", "1", 2)]
    assert sorted(credited(erp)) == [("HAT-1", "2", 1, "10.00", "1.67"), ("TEE-RED-M", "1", 2, "80.00", "13.33")]
    assert sorted(received(erp)) == [("HAT-1", "2", 1), ("TEE-RED-M", "1", 2)]
    assert [body["amount"] for body in erp.made(DocumentKind.CREDIT_APPLICATION)] == ["90.00"]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@with_and_without_ids
def test_r06_the_price_is_checked_against_the_line_that_was_sold(shown: str, told: str) -> None:
    """Sold for 40.00 and refunded at 60.00: Finance sees the 20.00, and nothing is posted."""
    mine, theirs = ids(shown, told, 1)
    erp = Erp(lines=[order_line("1", mine, "TEE-RED-M", 1, "40.00", "6.67")])
    line = tee(order_line_id=theirs, unit_price="60.00", tax_amount="10.00")
    erp.hear(snapshot(lines=[line], refunds=[refund("rf1", "60.00")]))
    assert erp.made(NOTE) == []
    assert "differs from the order in NetSuite by GBP 20.00" in exception(erp, "mismatch", "credit_note")["reason"]


@with_and_without_ids
def test_s05_a_whole_bundle_comes_in_by_its_parts(shown: str, told: str) -> None:
    """Each part is received on its own row of the bundle; the note is over the bundle."""
    mine, theirs = ids(shown, told, 1)
    rows = [order_line("1", mine, "SET-1", 1, "60.00", "10.00", components=cups_and_pot("2", "3", prices=False))]
    erp = Erp(lines=rows)
    erp.hear(snapshot(state="received", lines=[tee(order_line_id=theirs, **SET)], refunds=[refund("rf1", "60.00")]))
    erp.hear(inspected(("l1", "CUP", 2, "sellable"), ("l1", "POT", 1, "sellable")))
    assert credited(erp) == [("SET-1", "1", 1, "60.00", "10.00")]
    assert sorted(received(erp)) == [("CUP", "2", 2), ("POT", "3", 1)]
    kit = {"item": "SET-1", "sku": "SET-1", "order_line": "1", "order_line_id": theirs}
    for body in erp.made(RECEIPT):
        assert [(line["kit"], "nth" in line) for line in body["lines"]] == [(kit, False)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@with_and_without_ids
def test_s05_a_part_of_a_bundle_has_its_share_and_its_row(shown: str, told: str) -> None:
    """One cup of two: 15.00 of 60.00, authorised and received on the cups' row, and no more than two come back."""
    mine, theirs = ids(shown, told, 1)
    erp = Erp(lines=[order_line("1", mine, "SET-1", 1, "60.00", "10.00", components=cups_and_pot("2", "3"))])
    cup = tee(order_line_id=theirs, component_sku="CUP", **SET)
    erp.hear(snapshot(state="received", lines=[cup], refunds=[refund("rf1", "15.00")]))
    erp.hear(inspected(("l1", "CUP", 1, "sellable")))
    assert authorised(erp) == [("l1", "2", 1)]
    assert credited(erp) == [("CUP", "2", 1, "15.00", "2.50")]
    assert received(erp) == [("CUP", "2", 1)]
    assert erp.exceptions() == []
    erp.hear(snapshot(return_id="r2", lines=[{**cup, "quantity": 2}]))
    assert "of 2 bought, 2 were sent and 1 can still come back" in exception(erp, "mismatch")["reason"]


@with_and_without_ids
def test_r16_what_was_bought_under_another_name_is_found_once_it_is_mapped(shown: str, told: str) -> None:
    """An operator says for this order what the item is called in the account; that counts for every step."""
    mine, theirs = ids(shown, told, 1)
    erp = Erp(lines=[order_line("1", mine, "TEE-NEW", 1, "40.00", "6.67")])
    line = tee(order_line_id=theirs, sku="TEE-OLD", unit_price="50.00")
    erp.hear(snapshot(lines=[line], refunds=[refund("rf1", "50.00")]))
    held = next(letter.content for letter in erp.row.open_letters() if letter.content["step"] == "return_authorisation")
    erp.hear(decision("map_sku", held["command"], sku="TEE-OLD", to="TEE-NEW"))
    erp.hear(inspected(("l1", "TEE-OLD", 1, "sellable")))
    assert authorised(erp) == [("l1", "1", 1)]
    assert received(erp) == [("TEE-NEW", "1", 1)]
    assert "by GBP 10.00" in exception(erp, "mismatch", "credit_note")["reason"]


def two_prices(**second: Any) -> Erp:
    """An account without line ids: one tee at 40.00 and another at 30.00 on one order."""
    rows = [
        order_line("1", "", "TEE-RED-M", 1, "40.00", "6.67"),
        order_line("2", "", "TEE-RED-M", 1, "30.00", "5.00", **second),
    ]
    return Erp(lines=rows)


def reduced(line_id: str = "l1", **changes: Any) -> dict[str, Any]:
    return tee(line_id, **{"unit_price": "30.00", "tax_amount": "5.00", **changes})


def test_l_two_lines_of_one_sku_are_told_apart_by_price() -> None:
    """The one at 30.00 is the second; returned, credited, received there, and not returned again."""
    erp = two_prices()
    erp.hear(
        snapshot(lines=[reduced()], refunds=[refund("rf1", "30.00")]), inspected(("l1", "TEE-RED-M", 1, "damaged"))
    )
    assert (authorised(erp), received(erp)) == ([("l1", "2", 1)], [("TEE-RED-M", "2", 1)])
    assert credited(erp) == [("TEE-RED-M", "2", 1, "30.00", "5.00")]
    erp.hear(snapshot(return_id="r2", lines=[reduced("l2")]))
    assert "of 1 bought, 1 were sent and 0 can still come back" in exception(erp, "mismatch")["reason"]
    erp.hear(snapshot(2, return_id="r2", lines=[tee("l2")]))
    assert authorised(erp) == [("l1", "2", 1), ("l2", "1", 1)]
    assert erp.exceptions() == []


def test_l_two_lines_of_one_sku_at_other_prices_are_said_to_be_two() -> None:
    """Neither is guessed, and nobody is told that it was not bought."""
    erp = two_prices()
    line = reduced(unit_price="35.00")
    erp.hear(snapshot(lines=[line], refunds=[refund("rf1", "35.00")]))
    assert erp.documents == []
    held = exception(erp, "not-found", "return_authorisation")
    assert "stands on two lines of order 5001 (1 at GBP 40.00, 2 at GBP 30.00)" in held["reason"]
    assert "its price of GBP 35.00 is that of none" in held["reason"]
    assert "not bought" not in held["reason"]


def test_l_an_id_decides_where_the_prices_would_say_otherwise() -> None:
    """The channel's line id comes first; the price is then what is checked."""
    rows = [order_line(n, f"ol{n}", "TEE-RED-M", 1, price, "5.00") for n, price in (("1", "40.00"), ("2", "30.00"))]
    erp = Erp(lines=rows)
    erp.hear(snapshot(lines=[reduced(order_line_id="ol1")], refunds=[refund("rf1", "30.00")]))
    assert authorised(erp) == [("l1", "1", 1)]
    assert "by GBP -10.00" in exception(erp, "mismatch", "credit_note")["reason"]


def test_l_a_row_that_names_another_line_stands_back_behind_one_that_names_none() -> None:
    """The first row is another line's; the second, added by hand, is the one."""
    rows = [
        order_line("1", "ol7", "TEE-RED-M", 1, "40.00", "6.67"),
        order_line("2", "", "TEE-RED-M", 1, "40.00", "6.67"),
    ]
    erp = Erp(lines=rows)
    erp.hear(snapshot(lines=[tee(order_line_id="ol9")]))
    assert authorised(erp) == [("l1", "2", 1)]


def alike(*quantities: int) -> Erp:
    """An account without line ids: one SKU at one price, on several lines."""
    rows = [
        order_line(str(number), "", "TEE-RED-M", units, f"{40 * units}.00", "0.00")
        for number, units in enumerate(quantities, 1)
    ]
    return Erp(lines=rows, total="400.00")


def untaxed(line_id: str = "l1", quantity: int = 1, **changes: Any) -> dict[str, Any]:
    return tee(line_id, quantity=quantity, tax_amount="0.00", **changes)


def test_l_equal_lines_share_their_units() -> None:
    """Three of two and two: the first is filled, then the next, on paper, in money and in the warehouse alike."""
    erp = alike(2, 2)
    erp.hear(snapshot(state="received", lines=[untaxed(quantity=3)], refunds=[refund("rf1", "120.00")]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "damaged"), inspection_id="ins-2"))
    assert authorised(erp) == [("l1", "1", 2), ("l1", "2", 1)]
    assert credited(erp) == [
        ("TEE-RED-M", "1", 2, "80.00", "0.00"),
        ("TEE-RED-M", "2", 1, "40.00", "0.00"),
    ]
    on_rows: dict[str, int] = {}
    for _, row, units in received(erp):
        on_rows[row] = on_rows.get(row, 0) + units
    assert on_rows == {"1": 2, "2": 1}
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    erp.hear(snapshot(return_id="r2", lines=[untaxed("l2")]), snapshot(return_id="r3", lines=[untaxed("l3")]))
    assert authorised(erp)[2:] == [("l2", "2", 1)]
    assert "of 4 bought, 4 were sent and 0 can still come back" in exception(erp, "mismatch")["reason"]


def test_l_units_go_where_they_fit_whole() -> None:
    """One and two come back of two and one: each fills the line that has just its units, in whatever order told."""
    erp = alike(2, 1)
    erp.hear(snapshot(lines=[untaxed("l1"), untaxed("l2", 2)]))
    assert authorised(erp) == [("l1", "2", 1), ("l2", "1", 2)]


def test_l_a_line_stays_on_its_row_whoever_else_comes() -> None:
    """An authorisation on its way is not asked for anew because an order's other return is read before it."""
    erp = alike(1, 1)
    erp.silent.add(RMA)
    erp.hear(snapshot(return_id="r2", lines=[untaxed("l2")]))
    erp.hear(snapshot(return_id="r1", lines=[untaxed("l1")]))
    erp.settle()
    asked = [(command.subject, command.revision) for command in erp.asked if command.kind is RMA]
    assert asked == [("r2", 1), ("r1", 1)]
    erp.speak(RMA)
    assert sorted(authorised(erp)) == [("l1", "2", 1), ("l2", "1", 1)]


def test_l_rows_of_one_item_are_counted_by_their_numbers() -> None:
    """9 comes before 10, for an account whose authorisation does not say which order line a row is about."""
    rows = [order_line(row, "", "TEE-RED-M", 1, "40.00", "6.67") for row in ("9", "10")]
    erp = Erp(lines=rows)
    erp.hear(snapshot(state="received", lines=[tee("l1"), tee("l2")], refunds=[refund("rf1", "80.00")]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), ("l2", "TEE-RED-M", 1, "sellable")))
    for kind in (RECEIPT, NOTE):
        lines = [line for body in erp.made(kind) for line in body["lines"]]
        assert sorted((line["order_line"], line.get("nth")) for line in lines) == [("10", 2), ("9", None)]


def test_r16_goods_of_an_item_that_is_called_otherwise_by_now_are_received_on_its_row() -> None:
    """Renamed twice: what was authorised under the first name comes in under the second."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-OLD", 2, "80.00", "13.33", active=False)])
    erp.hear(snapshot(lines=[tee(sku="TEE-OLD")]))
    held = exception(erp, "unmapped")
    erp.hear(decision("map_sku", held["command"], sku="TEE-OLD", to="TEE-NEW"))
    erp.hear(snapshot(2, lines=[tee(sku="TEE-OLD")], refunds=[refund("rf1", "40.00")]))
    assert credited(erp) == [("TEE-NEW", "1", 1, "40.00", "6.67")]
    issued = next(x.command for x in erp.row.issued.values() if x.command.kind is RMA)
    erp.hear(decision("map_sku", issued.as_json(), sku="TEE-OLD", to="TEE-NEWER"))
    erp.hear(inspected(("l1", "TEE-OLD", 1, "sellable")))
    assert received(erp) == [("TEE-NEWER", "1", 1)]


@pytest.mark.parametrize("found", ["POT", "TEE-RED-M", "SET-1"])
def test_s05_what_is_not_the_part_that_comes_back_is_held_for_the_warehouse(found: str) -> None:
    """A cup is awaited: another part, another item or the set itself is not received in its place."""
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 1, "60.00", "10.00", components=cups_and_pot("2", "3"))])
    erp.hear(snapshot(state="received", lines=[tee(component_sku="CUP", **SET)]))
    erp.hear(inspected(("l1", found, 1, "sellable")))
    assert erp.made(RECEIPT) == []
    held = exception(erp, "mismatch", "item_receipt")
    assert f"1 more {found} inspected on line l1" in held["reason"] and held["owner"] == "warehouse"


def test_s05_more_parts_than_the_bundle_holds_are_held_for_the_warehouse() -> None:
    """Of two sets two times two cups are awaited; a fifth is not received, nor is a part of another set."""
    rows = [
        order_line("1", "ol1", "SET-1", 2, "120.00", "20.00", components=cups_and_pot("2", "3")),
        order_line("4", "ol2", "SET-2", 1, "30.00", "5.00", components=[part("TRAY", 1, "20.00", "5")]),
    ]
    erp = Erp(lines=rows)
    erp.hear(snapshot(state="received", lines=[tee(quantity=2, **{**SET, "tax_amount": "20.00"})]))
    erp.hear(inspected(("l1", "CUP", 5, "sellable"), ("l1", "TRAY", 1, "sellable")))
    assert received(erp) == [("CUP", "2", 4)]
    reasons = sorted(letter.content["reason"] for letter in erp.row.open_letters())
    assert ["1 more CUP" in reasons[0], "1 more TRAY" in reasons[1]] == [True, True]


def test_s01_goods_of_a_line_that_is_held_wait_for_its_letter() -> None:
    """The line was not bought; what came in for it is nobody's fault and waits for the person who has the letter."""
    erp = Erp()
    erp.hear(snapshot(state="received", lines=[hat(), tee("l9", order_line_id="ol9", sku="SHOE-1")]))
    erp.hear(inspected(("l9", "SHOE-1", 1, "sellable"), ("l2", "HAT-1", 1, "sellable")))
    held = exception(erp, "not-found", "return_authorisation")
    assert ("item_receipt", f"letter:{held['command']['id']}") in erp.waiting()
    assert received(erp) == [("HAT-1", "2", 1)]
    assert len(erp.exceptions()) == 1


def billed(number: str, day: str, *rows: str) -> dict[str, Any]:
    lines = [{"order_line": row} for row in rows]
    return {"number": number, "open": "200.00", "currency": "GBP", "date": day, "lines": lines}


def test_r05_each_of_two_equal_lines_is_credited_to_the_invoice_that_billed_it() -> None:
    """Three of two and two: 80.00 to the first line's invoice, 40.00 to the second's, though that is the older one."""
    erp = alike(2, 2)
    erp.order["invoices"] = [billed("71", "2026-11-01", "2"), billed("72", "2026-11-02", "1")]
    erp.hear(snapshot(lines=[untaxed(quantity=3)], refunds=[refund("rf1", "120.00")]))
    (applied,) = erp.made(DocumentKind.CREDIT_APPLICATION)
    assert applied["invoices"] == [{"number": "71", "amount": "40.00"}, {"number": "72", "amount": "80.00"}]


def test_r05_a_part_is_credited_to_the_invoice_of_its_own_bundle() -> None:
    """Two equal sets on two invoices; both cups of the first came back before, so the third is the second's."""
    rows = [
        order_line("1", "", "SET-1", 1, "60.00", "10.00", components=cups_and_pot("2", "3")),
        order_line("4", "", "SET-1", 1, "60.00", "10.00", components=cups_and_pot("5", "6")),
    ]
    erp = Erp(lines=rows, total="120.00", invoices=[billed("71", "2026-11-01", "1"), billed("72", "2026-11-02", "4")])
    for number, cups in ((1, 2), (2, 1)):
        cup = tee(component_sku="CUP", quantity=cups, **{**SET, "tax_amount": f"{10 * cups}.00"})
        erp.hear(snapshot(return_id=f"r{number}", lines=[cup], refunds=[refund(f"rf{number}", f"{15 * cups}.00")]))
    assert [row for _, row, *_ in credited(erp)] == ["2", "5"]
    invoices = [body["invoices"] for body in erp.made(DocumentKind.CREDIT_APPLICATION)]
    assert invoices == [[{"number": "71", "amount": "30.00"}], [{"number": "72", "amount": "15.00"}]]


def test_r11_equal_lines_returned_one_by_one_are_no_twins() -> None:
    """Two tees of one price on two lines, in two returns with two refunds of 40.00: both are paid."""
    erp = alike(1, 1)
    for number in (1, 2):
        line = untaxed(f"l{number}", order_line_id=f"ol{number}")
        erp.hear(snapshot(return_id=f"r{number}", lines=[line], refunds=[refund(f"rf{number}", "40.00")]))
    assert [(row, amount) for _, row, _, amount, _ in credited(erp)] == [("1", "40.00"), ("2", "40.00")]
    assert erp.exceptions() == []


def test_r11_the_same_line_twice_is_one_too_many_also_without_line_ids() -> None:
    """Nobody names a line: by their SKU, units and amount the two are twins."""
    erp = alike(1, 1)
    for number in (1, 2):
        line = untaxed("l1", order_line_id="")
        erp.hear(snapshot(return_id=f"r{number}", lines=[line], refunds=[refund(f"rf{number}", "40.00")]))
    assert len(erp.made(NOTE)) == 1
    assert exception(erp, "duplicate")["owner"] == "finance"


@with_and_without_ids
def test_s05_a_part_that_is_sold_alone_too_is_received_on_the_bundles_row(shown: str, told: str) -> None:
    """A cup bought alone and the cups of a set are three rows of paper: none is received on another's."""
    rows = [
        order_line("1", ids(shown, told, 1)[0], "CUP", 2, "40.00", "6.67"),
        order_line("2", ids(shown, told, 2)[0], "SET-1", 1, "60.00", "10.00", components=cups_and_pot("3", "4")),
    ]
    erp = Erp(lines=rows)
    cup = tee("l1", order_line_id=ids(shown, told, 1)[1], sku="CUP", unit_price="20.00", tax_amount="3.33")
    whole = tee("l2", order_line_id=ids(shown, told, 2)[1], **SET)
    erp.hear(snapshot(state="received", lines=[cup, whole]))
    erp.hear(inspected(("l2", "CUP", 2, "sellable"), ("l1", "CUP", 1, "damaged"), ("l2", "POT", 1, "sellable")))
    assert authorised(erp) == [("l1", "1", 1), ("l2", "2", 1)]
    assert sorted(received(erp)) == [("CUP", "1", 1), ("CUP", "3", 2), ("POT", "4", 1)]
    kits = {(line["order_line"], "kit" in line) for body in erp.made(RECEIPT) for line in body["lines"]}
    assert kits == {("1", False), ("3", True), ("4", True)}
    assert erp.exceptions() == []


@with_and_without_ids
def test_s05_two_bundles_with_the_same_parts_keep_them_apart(shown: str, told: str) -> None:
    """A cup of the second set is worth a share of the second set, and goes back to its row."""
    other = [part("CUP", 1, "20.00", "5"), part("TRAY", 1, "20.00", "6")]
    rows = [
        order_line("1", ids(shown, told, 1)[0], "SET-1", 1, "60.00", "10.00", components=cups_and_pot("2", "3")),
        order_line("4", ids(shown, told, 2)[0], "SET-2", 1, "30.00", "5.00", components=other),
    ]
    erp = Erp(lines=rows)
    two = {"sku": "SET-2", "unit_price": "30.00", "tax_amount": "5.00"}
    cup = tee("l2", order_line_id=ids(shown, told, 2)[1], component_sku="CUP", **two)
    whole = tee("l1", order_line_id=ids(shown, told, 1)[1], **SET)
    erp.hear(snapshot(state="received", lines=[whole, cup], refunds=[refund("rf1", "75.00")]))
    erp.hear(inspected(("l2", "CUP", 1, "sellable"), ("l1", "CUP", 2, "sellable"), ("l1", "POT", 1, "sellable")))
    assert authorised(erp) == [("l1", "1", 1), ("l2", "5", 1)]
    assert sorted(credited(erp)) == [("CUP", "5", 1, "15.00", "2.50"), ("SET-1", "1", 1, "60.00", "10.00")]
    assert sorted(received(erp)) == [("CUP", "2", 2), ("CUP", "5", 1), ("POT", "3", 1)]
    erp.hear(snapshot(return_id="r2", lines=[{**cup, "line_id": "l9"}]))
    assert "0 can still come back" in exception(erp, "mismatch", "return_authorisation")["reason"]


def test_s05_a_part_that_is_in_the_bundle_twice_is_counted_and_received_on_both_rows() -> None:
    """A set of one cup and one more cup: two come back as parts, or by the parts of the whole."""
    parts = [part("CUP", 1, "10.00", "2"), part("CUP", 1, "10.00", "3"), part("POT", 1, "40.00", "4")]
    rows = [order_line("1", "", "SET-1", 1, "60.00", "10.00", components=parts)]
    erp = Erp(lines=rows)
    cups = tee(component_sku="CUP", quantity=2, **{**SET, "tax_amount": "20.00"})
    erp.hear(snapshot(state="received", lines=[cups], refunds=[refund("rf1", "20.00")]))
    erp.hear(inspected(("l1", "CUP", 1, "sellable")))
    erp.hear(inspected(("l1", "CUP", 1, "sellable"), inspection_id="ins-2"))
    assert authorised(erp) == [("l1", "2", 1), ("l1", "3", 1)]
    assert [(row, units, amount) for _, row, units, amount, _ in credited(erp)] == [
        ("2", 1, "10.00"),
        ("3", 1, "10.00"),
    ]
    assert received(erp) == [("CUP", "2", 1), ("CUP", "3", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    whole = Erp(lines=rows)
    whole.hear(snapshot(state="received", lines=[tee(**SET)]))
    whole.hear(inspected(("l1", "CUP", 2, "sellable"), ("l1", "POT", 1, "sellable")))
    assert sorted(received(whole)) == [("CUP", "2", 1), ("CUP", "3", 1), ("POT", "4", 1)]
    assert (whole.exceptions(), whole.waiting()) == ([], [])


@pytest.mark.parametrize("first", ["whole", "part"])
def test_r02_a_bundle_and_its_parts_are_the_same_units(first: str) -> None:
    """A whole set takes its cups along; and once a cup came back, the set does not come back whole."""
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 1, "60.00", "10.00", components=cups_and_pot("2", "3"))])
    whole, cup = tee("l1", **SET), tee("l2", component_sku="CUP", **SET)
    erp.hear(snapshot(lines=[whole if first == "whole" else cup]))
    erp.hear(snapshot(return_id="r2", lines=[cup if first == "whole" else whole]))
    assert [body["return_id"] for body in erp.made(RMA)] == ["r1"]
    assert "0 can still come back" in exception(erp, "mismatch", "return_authorisation")["reason"]


def test_s05_a_bundle_whose_parts_have_no_list_price_comes_back_whole_or_is_asked_about() -> None:
    """An account without that field: only what one part is worth is not known, and the sentence says so."""
    rows = [order_line("1", "", "SET-1", 2, "120.00", "20.00", components=cups_and_pot("2", "3", prices=False))]
    erp = Erp(lines=rows, total="120.00")
    erp.hear(snapshot(lines=[tee(**SET)], refunds=[refund("rf1", "60.00")]))
    assert credited(erp) == [("SET-1", "1", 1, "60.00", "10.00")]
    cup = tee("l2", component_sku="CUP", **SET)
    erp.hear(snapshot(return_id="r2", lines=[cup], refunds=[refund("rf2", "15.00")]))
    held = exception(erp, "unmapped", "credit_note")
    assert "no list price of component CUP" in held["reason"] and held["owner"] == "ecommerce"
    priced = {**cup, "line_total": "15.00", "tax_amount": "2.50"}
    erp.hear(snapshot(2, return_id="r2", lines=[priced], refunds=[refund("rf2", "15.00")]))
    assert credited(erp)[1:] == [("CUP", "2", 1, "15.00", "2.50")]
    assert erp.exceptions() == []
