"""The simulated NetSuite's orders with more than goods on them, and what the adapter says and does about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams.adapter import Refused
from streams.documents.sold import Price, prices
from streams.vocabulary import DocumentKind
from tests.contract.netsuite_account import Account, netsuite, order
from tests.contract.test_netsuite_adapter import Api, api_of
from tests.unit.netsuite_commands import application, standalone_note

WRAP: dict[str, Any] = {
    "order_line_id": "ol3",
    "sku": "GIFT-WRAP",
    "quantity": 1,
    "unit_price": "5.00",
    "tax_amount": "0.83",
    "tax_code": "GB-STD",
    "service": True,
}


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


@pytest.fixture
async def api(ns: Account) -> AsyncIterator[Api]:
    async with api_of(f"{ns.url}/netsuite") as made:
        yield made


async def seed(ns: Account, order_id: str, **changes: Any) -> str:
    lines = [*order()["lines"], WRAP]
    await ns.seed(orders=[order(order_id, lines=lines, invoice=None, **changes)])
    return await ns.order_id(order_id)


async def test_a_discounted_order_is_answered_as_it_was_sold(ns: Account, api: Api) -> None:
    """Rows of 95.00; 5.00 off the hat, 9.00 off all: 72.00, 4.50 and 4.50; 4.95 and 2.40 of charges: 88.35 to pay."""
    await seed(
        ns,
        "6001",
        discount_rows=[{"amount": "5.00", "tax_amount": "0.83", "covers": ["ol2"]}],
        discount="9.00",
        discount_tax="1.50",
        shipping_tax="0.83",
        handling="2.40",
        handling_tax="0.40",
        subtotal=True,
        texts=["with love"],
    )
    answer = await api.ask(DocumentKind.ORDER_SNAPSHOT, order_id="6001")
    assert (answer["total"], answer["shipping"], answer["handling"]) == ("88.35", "4.95", "2.40")
    assert [(line["sku"], line["kind"]) for line in answer["lines"]] == [
        ("TEE-RED-M", "goods"),
        ("HAT-1", "goods"),
        ("GIFT-WRAP", "service"),
    ]
    assert answer["discounts"] == [
        {"amount": "5.00", "tax": "0.83", "order_lines": ["2"]},
        {"amount": "9.00", "tax": "1.50", "order_lines": []},
    ]
    assert [price.amount for price in prices(answer, "GBP").values()] == [7200, 450, 450]
    assert prices(answer, "GBP")["1"] == Price(7200, 1333 - 133, 1333 - 133)


async def test_netsuite_offers_no_authorisation_of_a_service(ns: Account) -> None:
    """It was never fulfilled; without `replace` it is left out, by name it is refused."""
    key = await seed(ns, "6002")
    made = await ns.call("POST", f"/record/v1/salesOrder/{key}/!transform/returnAuthorization", {"externalId": "r1"})
    lines = (await ns.get("returnAuthorization", made.id))["item"]["items"]
    assert [line["orderLine"] for line in lines] == [1, 2]
    refused = await ns.transform("salesOrder", key, "returnAuthorization", {"orderLine": 3, "quantity": 1})
    assert (refused.code, "more than remains (0)" in refused.detail) == ("USER_ERROR", True)


async def test_an_order_is_sent_without_its_services_and_billed_with_them(ns: Account) -> None:
    """Fulfilment leaves the service and the rows that sell nothing; the invoice has all of it."""
    key = await seed(ns, "6003", status="pending", discount_rows=[{"amount": "5.00", "covers": ["ol1"]}])
    sent = await ns.call("POST", f"/record/v1/salesOrder/{key}/!transform/itemFulfillment", {})
    lines = (await ns.get("itemFulfillment", sent.id))["item"]["items"]
    assert [line["item"]["refName"] for line in lines] == ["TEE-RED-M", "HAT-1"]
    assert (await ns.get("salesOrder", key))["status"]["refName"] == "Pending Billing"
    billed = await ns.call("POST", f"/record/v1/salesOrder/{key}/!transform/invoice", {})
    invoice = await ns.get("invoice", billed.id)
    assert [line["itemType"]["id"] for line in invoice["item"]["items"]] == [
        "InvtPart",
        "Discount",
        "InvtPart",
        "Service",
    ]
    assert invoice["amountRemaining"] == 90.0


async def test_r05_a_note_is_applied_to_several_invoices_in_one_call(ns: Account, api: Api) -> None:
    """Each gets its share or none does; it is found by looking at the memo, and asked again it is the same."""
    bills = [
        {"number": "INV-B", "open": "80.00", "date": "2026-11-08", "lines": ["ol1"]},
        {"number": "INV-A", "open": "15.00", "date": "2026-11-01", "lines": ["ol2", "ol3"]},
    ]
    key = await seed(ns, "6004", invoices=bills)
    answer = await api.ask(DocumentKind.INVOICE, order_id="6004", order_number=key)
    invoices = {one["open"]: one for one in answer["invoices"]}
    assert [(one["date"], [row["order_line"] for row in one["lines"]]) for one in invoices.values()] == [
        ("2026-11-08", ["1"]),
        ("2026-11-01", ["2", "3"]),
    ]
    who = str((await ns.get("customer", "eid:c-77"))["id"])
    line = {"item": "904", "quantity": 1, "amount": "90.00", "tax": "0.00", "tax_code": "6"}
    memo = await api.create(standalone_note(who, line, amount="90.00", order_id="6004"))
    first, second = invoices["80.00"]["number"], invoices["15.00"]["number"]
    too_much = application(memo.number, (first, "80.00"), (second, "15.01"))
    with pytest.raises(Refused, match="more than is due"):
        await api.create(too_much)
    assert await api.look_up(too_much) == ()
    wanted = application(memo.number, (first, "75.00"), (second, "15.00"))
    done = await api.create(wanted)
    assert (done.amount, done.differences) == ("90.00", ())
    assert await api.create(wanted) == done
    assert await api.look_up(wanted) == (done,)
    entries = await ns.ledger("credit_application")
    assert [(entry["invoice"], entry["amount"]) for entry in entries] == [(first, "75.00"), (second, "15.00")]
    assert {entry["external_ref"] for entry in entries} == {memo.external_ref}
    assert [(await ns.get("invoice", number))["amountRemaining"] for number in (first, second)] == [5.0, 0.0]
