"""Orders with discounts, handling, services and several invoices, decided and carried out in the simulated NetSuite."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.simulators.system import BadSeed
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, order, refund, sold, tee
from tests.unit.simulated_netsuite import Account, NetSuiteErp
from tests.unit.told import exception, inspected, snapshot

RMA, NOTE, APPLICATION = (
    DocumentKind.RETURN_AUTHORISATION,
    DocumentKind.CREDIT_NOTE,
    DocumentKind.CREDIT_APPLICATION,
)
TEE_ROW, HAT_ROW = sold("ol1", "TEE-RED-M", 2, "40.00", "13.33"), sold("ol2", "HAT-1", 1, "10.00", "1.67")
WRAP_ROW = sold("ol3", "GIFT-WRAP", 1, "5.00", "0.83", service=True)


def discounted(**changes: Any) -> dict[str, Any]:
    """Two tees, a hat and its wrapping for 95.00; 10.00 off the tees, then 8.50 off all; 4.95 of shipping with 0.83 of
    tax, 2.40 of handling: 83.85. Net of all discounts the tees come to 63.00, the hat to 9.00, the wrapping to 4.50."""
    told: dict[str, Any] = {
        "lines": [TEE_ROW, HAT_ROW, WRAP_ROW],
        "discount_rows": [{"amount": "10.00", "tax_amount": "1.67", "covers": ["ol1"]}],
        "discount": "8.50",
        "shipping_tax": "0.83",
        "handling": "2.40",
        "handling_tax": "0.40",
        "paid": "83.85",
        "subtotal": True,
        "texts": ["Happy birthday"],
        "invoice": {"number": "INV-1", "open": "83.85"},
    }
    return order("5001", **{**told, **changes})


def everything(**changes: Any) -> Any:
    """All of it comes back, at what was paid."""
    lines = [
        tee(quantity=2, unit_price="31.50", tax_amount="10.50"),
        hat(unit_price="9.00", tax_amount="1.50"),
        hat("l3", order_line_id="ol3", sku="GIFT-WRAP", unit_price="4.50", tax_amount="0.75"),
    ]
    return snapshot(**{"lines": lines, "refunds": [refund("rf1", "81.45")], "shipping_refund": "4.95", **changes})


def test_a_fully_refunded_order_with_every_kind_of_row_is_credited_applied_and_received() -> None:
    """Nobody is asked anything; the services are credited and do not come back; handling is not refunded."""
    erp = NetSuiteErp(discounted())
    erp.hear(
        everything(state="received"), inspected(("l1", "TEE-RED-M", 2, "sellable"), ("l2", "HAT-1", 1, "sellable"))
    )
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    (authorisation,) = erp.account.entries(RMA)
    assert [line["sku"] for line in authorisation["lines"]] == ["TEE-RED-M", "HAT-1"]
    (note,) = erp.account.entries(NOTE)
    assert note["amount"] == "81.45"
    assert {line["sku"]: line["amount"] for line in note["lines"]} == {
        "TEE-RED-M": "63.00",
        "HAT-1": "9.00",
        "GIFT-WRAP": "4.50",
        "shipping": "4.95",
    }
    (applied,) = erp.account.entries(APPLICATION)
    assert (applied["amount"], applied["external_ref"]) == ("81.45", note["external_ref"])
    assert len(erp.account.entries("item_receipt")) == 2


def test_the_cap_is_the_discounted_orders_total() -> None:
    """Rows of 95.00, less 50.00, with 7.35 of charges: 52.35 was paid, and a refund of 60.00 is held."""
    erp = NetSuiteErp(discounted(discount_rows=[], discount="50.00", paid="52.35"))
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "60.00")], shipping_refund="60.00"))
    assert erp.account.entries(NOTE) == []
    assert "for which GBP 52.35 was paid: GBP 7.65 too much" in exception(erp, "mismatch", "credit_note")["reason"]


def test_a_subtotal_does_not_double_what_was_paid() -> None:
    """Of an order of 50.00 with a subtotal row, no more than 50.00 is credited."""
    erp = NetSuiteErp(
        order("5001", lines=[sold("ol1", "TEE-RED-M", 1, "40.00", "6.67"), HAT_ROW], shipping="0.00", subtotal=True)
    )
    answer = erp.account
    erp.hear(snapshot(lines=[tee(), hat()], refunds=[refund("rf1", "50.00")]))
    erp.hear(snapshot(return_id="r2", lines=[], refunds=[refund("rf2", "45.00")], shipping_refund="45.00"))
    assert [entry["amount"] for entry in answer.entries(NOTE)] == ["50.00"]
    assert (
        "GBP 95.00 would be credited for the order, for which GBP 50.00 was paid"
        in (exception(erp, "mismatch", "credit_note")["reason"])
    )


def test_shipping_is_capped_with_its_tax() -> None:
    """4.95 is 4.12 and 0.83 of tax: all of it is credited once, and no second time."""
    erp = NetSuiteErp(discounted())
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "4.95")], shipping_refund="4.95"))
    later = refund("rf2", "4.00", executed_at="2026-11-21T09:00:00Z")
    erp.hear(snapshot(return_id="r2", lines=[], refunds=[later], shipping_refund="4.00"))
    assert [entry["amount"] for entry in erp.account.entries(NOTE)] == ["4.95"]
    assert "GBP 4.00 too much" in exception(erp, "mismatch", "credit_note")["reason"]


def test_a_service_alone_is_credited_without_an_authorisation() -> None:
    """NetSuite offers no authorisation for what was never sent; the memo stands alone and names the order."""
    erp = NetSuiteErp(discounted())
    line = hat("l3", order_line_id="ol3", sku="GIFT-WRAP", unit_price="4.50", tax_amount="0.75")
    erp.hear(snapshot(lines=[line], refunds=[refund("rf1", "4.50")]))
    assert erp.account.entries(RMA) == []
    (note,) = erp.account.entries(NOTE)
    assert (note["amount"], note["order_id"], note["created_from"]) == ("4.50", "5001", None)
    assert erp.exceptions() == []


def invoiced(*invoices: dict[str, Any]) -> NetSuiteErp:
    return NetSuiteErp(order("5001", invoice=None, invoices=list(invoices)))


def test_r05_two_open_invoices_both_get_their_part_of_the_credit() -> None:
    """The hat was billed first and the tees a week later: each line's credit goes to its own, the shipping's to the
    oldest, and both are settled as far as they are credited."""
    erp = invoiced(
        {"number": "INV-2", "open": "80.00", "date": "2026-11-08", "lines": ["ol1"]},
        {"number": "INV-1", "open": "14.95", "date": "2026-11-01", "lines": ["ol2"]},
    )
    lines = [tee(quantity=2, tax_amount="13.33"), hat()]
    erp.hear(snapshot(lines=lines, refunds=[refund("rf1", "94.95")], shipping_refund="4.95"))
    applied = [(entry["invoice_tran_id"], entry["amount"]) for entry in erp.account.entries(APPLICATION)]
    assert sorted(applied) == [("INV-1", "14.95"), ("INV-2", "80.00")]
    assert [body["stays_open"] for body in erp.made(APPLICATION)] == ["0.00"]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_r05_the_younger_invoice_is_used_first_where_it_billed_the_line_and_the_rest_stays_open() -> None:
    """30.00 of the tee's 40.00 fits on the invoice that billed it, 5.00 on the other: 5.00 stays open."""
    erp = invoiced(
        {"number": "INV-1", "open": "5.00", "date": "2026-11-01", "lines": ["ol2"]},
        {"number": "INV-2", "open": "30.00", "date": "2026-11-08", "lines": ["ol1"]},
    )
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    applied = {entry["invoice_tran_id"]: entry["amount"] for entry in erp.account.entries(APPLICATION)}
    assert applied == {"INV-2": "30.00", "INV-1": "5.00"}
    assert [body["stays_open"] for body in erp.made(APPLICATION)] == ["5.00"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"discount_rows": [{"amount": "1.00", "covers": ["ol9"]}]},
        {"discount_rows": [{"amount": "1.00", "covers": ["ol1", "ol3"]}]},  # no subtotal sums just these
        {"invoice": {"number": "INV-1", "open": "0.00", "lines": ["ol9"]}},
    ],
)
def test_a_seed_that_netsuite_could_not_hold_is_refused(wrong: dict[str, Any]) -> None:
    """A discount covers the row above it, or all that a subtotal sums; an invoice bills lines that are there."""
    with pytest.raises(BadSeed):
        Account(discounted(**wrong))


def test_a_seeded_order_shows_netsuites_fields() -> None:
    """The rows in their order, what sells nothing without a quantity; the header's sums."""
    account = Account(discounted())
    tenant = next(iter(account.system.service.tenants.values()))
    (shown,) = [record.versions[-1][1] for record in tenant.account.books.all("salesOrder")]
    rows = [
        (row["itemType"]["id"], row.get("quantity"), row.get("grossAmt"), row.get("quantityFulfilled"))
        for row in shown["item"]["items"]
    ]
    assert rows == [
        ("InvtPart", 2, 80.0, 2),
        ("Discount", None, -10.0, None),
        ("InvtPart", 1, 10.0, 1),
        ("Service", 1, 5.0, 0),
        ("Subtotal", None, 85.0, None),
        ("Description", None, None, None),
    ]
    sums = {name: shown[name] for name in ("total", "taxTotal", "shippingCost", "handlingCost", "discountTotal")}
    assert sums == {
        "total": 83.85,
        "taxTotal": 13.97,  # 14.16 in the rows, less 1.42 of the discount, 0.83 and 0.40 of the charges
        "shippingCost": 4.12,
        "handlingCost": 2.0,
        "discountTotal": -7.08,
    }
