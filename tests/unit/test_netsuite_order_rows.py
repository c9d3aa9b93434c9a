"""What NetSuite's order rows are, what its discounts cover, and what the order comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.netsuite.options import AccountSettings
from adapters.netsuite.order_rows import discounts, handling, kinds_of, shipping, total_to_pay
from adapters.netsuite.questions import invoice_answer, order_answer

PLAIN = AccountSettings()
TYPED = ("itemType", "the item's record", "nothing")


def row(line: int, type_: str, gross: float | None = None, tax: float | None = None, **more: Any) -> dict[str, Any]:
    """A row; what sells something has a quantity."""
    shown: dict[str, Any] = {"line": line, "item": {"id": f"i{line}", "refName": f"{type_.upper()}-{line}"}}
    if type_ in ("InvtPart", "Service", "OthCharge", "NonInvtPart", "Kit"):
        shown |= {"quantity": 1, "quantityFulfilled": 1 if type_ in ("InvtPart", "Kit") else 0, "quantityBilled": 1}
    if gross is not None:
        shown |= {"grossAmt": gross, "tax1Amt": tax or 0.0, "amount": round(gross - (tax or 0.0), 2)}
    return {**shown, "itemType": {"id": type_, "refName": type_}, **more}


def order(*rows: dict[str, Any], told: str = "itemType", **header: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order whose rows' types are told by the rows, by the items' records, or not at all; and the items."""
    items = {one["item"]["id"]: {"itemtype": one["itemType"]["id"]} for one in rows}
    bare = [{name: value for name, value in one.items() if name != "itemType"} for one in rows]
    shown = list(rows) if told == "itemType" else bare
    record = {
        "id": "55",
        "currency": {"refName": "GBP"},
        "entity": {"id": "7"},
        "status": {"id": "G", "refName": "Billed"},
        "item": {"items": shown},
        **header,
    }
    return record, items if told == "the item's record" else {}


def answered(*rows: dict[str, Any], told: str = "itemType", **header: Any) -> dict[str, Any]:
    record, items = order(*rows, told=told, **header)
    answer = order_answer("t", record, customer=None, items=items, authorisations=[], invoices=[], settings=PLAIN)
    return dict(answer)


def test_a_kit_is_sold_for_what_its_own_row_says() -> None:
    """Whatever its members show: they are its parts, in no other line's price and in no subtotal."""
    kit, member = row(1, "Kit", 40.0, 6.67), row(2, "InvtPart", 25.0, 4.17, kitMemberOf=1)
    answer = answered(kit, member, row(3, "Discount", -4.0), row(4, "Subtotal", 36.0), told="nothing")
    assert [(line["order_line"], len(line["components"])) for line in answer["lines"]] == [("1", 1)]
    assert answer["total"] == "36.00"
    assert answer["discounts"] == [{"amount": "4.00", "tax": "0.00", "order_lines": ["1"]}]


@pytest.mark.parametrize(
    "type_",
    [
        {"id": "Subtotal"},
        {"id": "Subtotal", "refName": "Zwischensumme"},
        {"id": "12", "refName": "Subtotal"},
        {"refName": "subtotal"},
        "Subtotal",
        "SUBTOTAL",
    ],
)
def test_a_type_is_read_however_it_is_written(type_: Any) -> None:
    """As a reference by id or by name, bare, in any case; before what the item's record says."""
    record, _ = order(row(1, "InvtPart", 50.0), row(2, "InvtPart", 9.0))
    record["item"]["items"][1]["itemType"] = type_
    assert kinds_of(record, {"i2": {"itemtype": "InvtPart"}}, "GBP") == ["goods", "subtotal"]


@pytest.mark.parametrize("told", TYPED)
def test_rows_that_sell_nothing_are_no_lines_and_are_not_counted_twice(told: str) -> None:
    """A tee of 50.00 with a subtotal, a discount of 5.00 and a text: one line, 45.00 to pay."""
    rows = (
        row(1, "InvtPart", 50.0, 8.33),
        row(2, "Subtotal", 50.0, 8.33),
        row(3, "Discount", -5.0, -0.83),
        row(4, "Description"),
    )
    answer = answered(*rows, told=told)
    assert [line["order_line"] for line in answer["lines"]] == ["1"]
    assert answer["total"] == "45.00"
    assert answer["discounts"] == [{"amount": "5.00", "tax": "0.83", "order_lines": ["1"]}]


def test_a_discount_is_about_the_row_above_it_in_whatever_order_the_rows_are_shown() -> None:
    """5.00 off line 2 of 50.00, between lines of 40.00 and 30.00, with the rows shown last line first."""
    rows = (row(2, "InvtPart", 40.0), row(4, "InvtPart", 50.0), row(6, "Discount", -5.0), row(10, "InvtPart", 30.0))
    for shown in (rows, rows[::-1], (rows[3], rows[0], rows[2], rows[1])):
        answer = answered(*shown)
        assert [line["order_line"] for line in answer["lines"]] == ["2", "4", "10"]
        assert [(one["amount"], one["order_lines"]) for one in answer["discounts"]] == [("5.00", ["4"])]


def test_the_orders_own_total_is_believed() -> None:
    """Whatever the rows come to."""
    assert answered(row(1, "InvtPart", 50.0, 8.33), total=42.5)["total"] == "42.50"


def test_the_total_of_an_order_that_shows_none_has_its_shipping_and_handling_with_their_taxes() -> None:
    """50.00 + 4.13 + 0.82 + 2.00 + 0.40 - 5.00: by amounts, or by rates."""
    charges: dict[str, Any] = {"shippingCost": 4.13, "handlingCost": 2.0, "discountTotal": -5.0}
    taxes: dict[str, Any] = {"shippingTax1Amt": 0.82, "handlingTax1Amt": 0.4}
    answer = answered(row(1, "InvtPart", 50.0, 8.33), **charges, **taxes)
    assert (answer["total"], answer["shipping"], answer["handling"]) == ("52.35", "4.95", "2.40")


@pytest.mark.parametrize(
    ("told", "gross", "tax"),
    [
        ({"shippingCost": 4.0, "shippingTax1Amt": 0.8, "shippingTax2Amt": 0.2}, "5.0", "1.0"),
        ({"shippingCost": 4.0, "shippingTax1Rate": 20.0}, "4.8", "0.8"),
        ({"shippingCost": 4.0, "shippingTax1Rate": "10", "shippingTax2Rate": "5"}, "4.6", "0.6"),
        ({"shippingCost": 4.0, "shippingTax1Amt": 0.5, "shippingTax1Rate": 20.0}, "4.5", "0.5"),
        ({"shippingCost": 4.0}, "4.0", None),
        ({}, "0", "0"),
    ],
)
def test_shipping_comes_with_its_tax(told: dict[str, Any], gross: str, tax: str | None) -> None:
    """As an amount, else by its rates; a charge whose tax is not shown is not said to have none."""
    charge = shipping(told, "GBP")
    assert charge.gross == Decimal(gross)
    assert charge.tax == (None if tax is None else Decimal(tax))


def test_handling_is_a_charge_of_its_own() -> None:
    """Its fields are not shipping's."""
    header = {"handlingCost": 2.0, "handlingTax1Amt": 0.4, "shippingCost": 9.0}
    assert handling(header, "GBP").gross == Decimal("2.4")


# -- what discounts cover


def covered(*rows: dict[str, Any], told: str = "itemType") -> list[list[str]]:
    record, items = order(*rows, told=told)
    return [one["order_lines"] for one in discounts(record, kinds_of(record, items, "GBP"), "GBP")]


def test_a_discount_is_about_the_row_above_it() -> None:
    """Texts between do not matter, and a kit's members are the kit."""
    tee, hat = row(1, "InvtPart", 40.0), row(2, "InvtPart", 10.0)
    assert covered(tee, hat, row(3, "Description"), row(4, "Discount", -1.0)) == [["2"]]
    kit, member = row(2, "Kit", 10.0), row(3, "InvtPart", 0.0, kitMemberOf=2)
    assert covered(tee, kit, member, row(4, "Discount", -1.0)) == [["2"]]


def test_a_discount_below_a_subtotal_is_about_what_it_sums() -> None:
    """Since the subtotal before it; a second discount below it is about the same."""
    rows = [row(1, "InvtPart", 40.0), row(2, "Subtotal", 40.0), row(3, "InvtPart", 10.0), row(4, "Service", 5.0)]
    rows += [row(5, "Subtotal", 15.0), row(6, "Discount", -1.0), row(7, "Discount", -2.0)]
    for told in TYPED:
        assert [sorted(lines) for lines in covered(*rows, told=told)] == [["3", "4"], ["3", "4"]]


def test_a_discount_below_a_group_is_about_its_members() -> None:
    """Group and end of group are its borders and sell nothing."""
    rows = [row(1, "InvtPart", 40.0), row(2, "Group"), row(3, "InvtPart", 10.0), row(4, "InvtPart", 6.0)]
    rows += [row(5, "EndGroup", 16.0), row(6, "Discount", -1.0)]
    assert [sorted(lines) for lines in covered(*rows)] == [["3", "4"]]
    assert answered(*rows)["total"] == "55.00"
    assert [line["order_line"] for line in answered(*rows)["lines"]] == ["1", "3", "4"]


def test_a_charge_below_zero_is_a_discount_of_the_order() -> None:
    """Connectors book a voucher as a service item with a negative amount."""
    for type_ in ("OthCharge", "Service", "NonInvtPart"):
        answer = answered(row(1, "InvtPart", 40.0), row(2, type_, -4.0), row(3, "InvtPart", 10.0))
        assert answer["discounts"] == [{"amount": "4.00", "tax": "0.00", "order_lines": []}]
        assert [line["order_line"] for line in answer["lines"]] == ["1", "3"]


def test_units_below_zero_are_no_line_and_part_of_the_total() -> None:
    """A voucher sold as minus one is a discount; goods taken back on the order lower its total and no other price."""
    answer = answered(
        row(1, "InvtPart", 40.0), row(2, "OthCharge", -4.0, quantity=-1), row(3, "InvtPart", -10.0, quantity=-1)
    )
    assert [line["order_line"] for line in answer["lines"]] == ["1"]
    assert answer["discounts"] == [{"amount": "4.00", "tax": "0.00", "order_lines": []}]
    assert answer["total"] == "26.00"


def test_a_markup_is_a_discount_below_zero() -> None:
    """It makes the row above it dearer."""
    answer = answered(row(1, "InvtPart", 40.0), row(2, "Markup", 4.0, 0.67))
    assert answer["discounts"] == [{"amount": "-4.00", "tax": "-0.67", "order_lines": ["1"]}]
    assert answer["total"] == "44.00"


def test_a_payment_in_a_row_is_no_discount() -> None:
    """A deposit is money that was paid: the order cost what it cost."""
    answer = answered(row(1, "InvtPart", 40.0), row(2, "Payment", -15.0), total=40.0)
    assert (answer["discounts"], answer["total"]) == ([], "40.00")


def test_a_discount_row_that_shows_no_tax_says_none() -> None:
    """Its net amount is all that is known; the difference of gross and net is its tax."""
    bare = {"line": 2, "item": {"id": "i2"}, "itemType": {"id": "Discount"}, "amount": -5.0}
    assert answered(row(1, "InvtPart", 40.0), bare)["discounts"] == [{"amount": "5.00", "order_lines": ["1"]}]
    both = {**bare, "grossAmt": -6.0}
    assert answered(row(1, "InvtPart", 40.0), both)["discounts"] == [
        {"amount": "6.00", "tax": "1.00", "order_lines": ["1"]}
    ]


# -- the header's discount


@pytest.mark.parametrize(
    ("header", "amount", "tax"),
    [
        # 60.00 with 10.00 of tax, less 10 %: 5.00 net and 1.00 of tax
        ({"discountTotal": -5.0, "total": 54.0, "taxTotal": 9.0}, "6.00", "1.00"),
        ({"discountTotal": -5.0, "total": 54.0}, "6.00", None),
        ({"discountTotal": -6.0, "total": 54.0, "taxTotal": 10.0}, "6.00", "0.00"),  # after tax
        ({"discountTotal": 5.0, "total": 54.0, "taxTotal": 9.0}, "6.00", "1.00"),  # whatever its sign
        ({"discountTotal": -5.0}, "5.00", None),
        ({"discountTotal": -5.0, "total": 30.0, "taxTotal": 5.0}, "15.00", "5.00"),  # no more than it and all tax
        (
            {"discountTotal": -5.0, "total": 58.8, "taxTotal": 9.8, "shippingCost": 4.0, "shippingTax1Amt": 0.8},
            "6.00",
            "1.00",
        ),
        ({"discountTotal": -5.0, "total": 58.0, "taxTotal": 9.8, "shippingCost": 4.0}, "6.00", None),
    ],
)
def test_the_headers_discount_is_what_the_total_lacks(header: dict[str, Any], amount: str, tax: str | None) -> None:
    """`discountTotal` is without tax; with the total and the tax's total it is known with it."""
    (found,) = answered(row(1, "InvtPart", 60.0, 10.0), **header)["discounts"]
    assert found == {"amount": amount, "order_lines": []} | ({} if tax is None else {"tax": tax})


def test_a_header_that_only_repeats_the_rows_takes_nothing_more() -> None:
    """Rows of 60.00 and -6.00, a total of 54.00: there is one discount."""
    rows = (row(1, "InvtPart", 60.0, 10.0), row(2, "Discount", -6.0, -1.0))
    assert len(answered(*rows, discountTotal=-5.0, total=54.0)["discounts"]) == 1
    assert len(answered(*rows, discountTotal=-2.5, total=51.0, taxTotal=8.5)["discounts"]) == 2


def test_a_difference_that_no_discount_explains_is_spread_over_nothing() -> None:
    """The total is lower for another reason: it caps, prices stay."""
    answer = answered(row(1, "InvtPart", 60.0, 10.0), total=50.0)
    assert (answer["discounts"], answer["total"]) == ([], "50.00")


# -- services


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (row(1, "Service", 5.0), "service"),
        (row(1, "OthCharge", 5.0), "service"),
        (row(1, "Service", 5.0, quantityFulfilled=1), "goods"),  # a service that is sent like goods
        (row(1, "NonInvtPart", 5.0), "service"),
        (row(1, "NonInvtPart", 5.0, quantityBilled=0), "goods"),  # not sent yet
        (row(1, "NonInvtPart", 5.0, quantityFulfilled=1), "goods"),
        (row(1, "InvtPart", 5.0, quantityFulfilled=0), "goods"),  # billed before it is sent
        (row(1, "Assembly", 5.0, quantity=1, quantityFulfilled=0, quantityBilled=1), "goods"),
        (row(1, "Kit", 5.0, quantityFulfilled=0), "goods"),
        (row(1, "GiftCert", 5.0, quantity=1), "service"),
        (row(1, "DwnLdItem", 5.0, quantity=1), "service"),
    ],
)
def test_a_service_is_billed_and_never_sent(told: dict[str, Any], kind: str) -> None:
    """The type says it, unless units were sent all the same."""
    (line,) = answered(told)["lines"]
    assert line["kind"] == kind


@pytest.mark.parametrize(
    ("sent", "billed", "status", "kind"),
    [(0, 1, "G", "service"), (0, 1, "F", "goods"), (0, 0, "G", "goods"), (1, 1, "G", "goods"), (None, 1, "G", "goods")],
)
def test_without_a_type_the_units_say_it(sent: int | None, billed: int, status: str, kind: str) -> None:
    """Of an order that is billed and done, what was billed and not sent will never be."""
    told = row(1, "InvtPart", 5.0, quantityFulfilled=sent, quantityBilled=billed)
    (line,) = answered(told, told="nothing", status={"id": status})["lines"]
    assert line["kind"] == kind


# -- the order's status


@pytest.mark.parametrize(
    ("code", "name", "word"),
    [
        ("A", "Pending Approval", "pending"),
        ("B", "Pending Fulfillment", "pending"),
        ("C", "Cancelled", "closed"),
        ("D", "Partially Fulfilled", "fulfilled"),
        ("E", "Pending Billing/Partially Fulfilled", "fulfilled"),
        ("F", "Pending Billing", "fulfilled"),
        ("G", "Billed", "fulfilled"),
        ("H", "Closed", "closed"),
    ],
)
def test_every_status_of_a_sales_order_is_read_by_its_code_and_by_its_name(code: str, name: str, word: str) -> None:
    """Accounts show the one, the other, or both."""
    for shown in ({"id": code}, {"id": "x", "refName": name}, {"refName": name.upper()}, {"id": code, "refName": name}):
        assert answered(row(1, "InvtPart", 5.0), status=shown)["status"] == word


# -- invoices


def test_an_invoice_is_answered_with_its_day_and_what_it_billed() -> None:
    """The order's line by its number, the channel's id and the SKU, each as far as it is shown."""
    rows = [
        {"orderLine": 3, "item": {"id": "9", "refName": "TEE : TEE-RED-M"}, "custcol_order_line_id": "ol3"},
        {"item": {"id": "10", "refName": "HAT"}},
    ]
    record = {"id": "77", "amountRemaining": 9.5, "currency": {"refName": "GBP"}, "tranDate": "2026-11-03"}
    answer = invoice_answer("t", [{**record, "item": {"items": rows}}, {"id": "78"}], PLAIN)
    assert set(answer) == {"at", "invoices"} and answer["at"] == "t"
    assert answer["invoices"] == [
        {
            "number": "77",
            "open": "9.50",
            "currency": "GBP",
            "date": "2026-11-03",
            "lines": [
                {"order_line": "3", "order_line_id": "ol3", "sku": "TEE-RED-M"},
                {"order_line": "", "order_line_id": "", "sku": "HAT"},
            ],
        },
        {"number": "78", "open": "0", "currency": "", "date": "", "lines": []},
    ]


def test_an_answer_has_every_field_that_decisions_read() -> None:
    """By their names: one that is called otherwise is not there."""
    answer = answered(row(1, "InvtPart", 5.0, 0.83, taxCode={"id": "5"}, custcol_order_line_id="ol1"))
    assert answer == {
        "at": "t",
        "found": 1,
        "number": "55",
        "status": "fulfilled",
        "currency": "GBP",
        "customer": {"number": "7", "active": False},
        "total": "5.00",
        "shipping": "0.00",
        "handling": "0.00",
        "discounts": [],
        "lines": [
            {
                "order_line": "1",
                "order_line_id": "ol1",
                "sku": "INVTPART-1",
                "item": "i1",
                "kind": "goods",
                "quantity": 1,
                "fulfilled": 1,
                "unit_price": "5.00",
                "amount": "5.00",
                "tax": "0.83",
                "tax_code": "5",
                "components": [],
                "active": True,
            }
        ],
        "returns": [],
        "invoices": [],
    }


def test_an_order_without_rows_or_money_is_answered() -> None:
    """Nothing is made up."""
    record, items = order()
    assert total_to_pay(record, kinds_of(record, items, "GBP"), "GBP") == 0
    assert answered()["discounts"] == []
