"""The simulated NetSuite's returns: authorisations, receipts, and the goods that move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.netsuite_account import Account, netsuite, order


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


def tee(quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"orderLine": 1, "quantity": quantity, **more}


def hat(**more: Any) -> dict[str, Any]:
    return {"orderLine": 2, "quantity": 1, **more}


async def test_replace_item_makes_only_the_named_lines(ns: Account) -> None:
    """R01: one line, with the channel's order line id, linked to the order and its reference."""
    key = await ns.authorise(tee(grossAmt="40.00", tax1Amt="6.67"))
    made = await ns.get("returnAuthorization", key)
    assert made["createdFrom"]["id"] == await ns.order_id()
    assert (made["otherRefNum"], made["externalId"], made["tranId"]) == ("5001", "cmd-ra", "RA-1")
    assert made["status"]["refName"] == "Pending Receipt"
    (line,) = made["item"]["items"]
    assert (line["orderLine"], line["quantity"], line["grossAmt"]) == (1, 1, 40.0)
    assert line["custcol_order_line_id"] == "ol1"
    (entry,) = await ns.ledger()
    assert entry["kind"] == "return_authorisation"
    assert (entry["number"], entry["external_ref"], entry["order_id"]) == (key, "cmd-ra", "5001")
    assert (entry["op"], entry["status"], entry["amount"], entry["currency"]) == ("create", "open", "40.00", "GBP")
    assert entry["lines"][0]["sku"] == "TEE-RED-M"
    assert entry["sellable"] is False


async def test_without_replace_item_every_line_is_copied(ns: Account) -> None:
    """The trap: a body that names one line changes that line, and the others come along."""
    key = await ns.order_id()
    body = {"externalId": "cmd-ra", "item": {"items": [tee()]}}
    made = await ns.call("POST", f"/record/v1/salesOrder/{key}/!transform/returnAuthorization", body)
    lines = (await ns.get("returnAuthorization", made.id))["item"]["items"]
    assert [(line["orderLine"], line["quantity"]) for line in lines] == [(1, 1), (2, 1)]


async def test_an_authorisation_holds_units_that_a_later_one_cannot_have(ns: Account) -> None:
    """Fulfilled less held: 2 sold, 1 held, so 2 more are refused and 1 is not."""
    await ns.authorise(tee())
    key = await ns.order_id()
    refused = await ns.transform("salesOrder", key, "returnAuthorization", tee(2))
    assert (refused.status, refused.code) == (400, "USER_ERROR")
    assert "more than remains (1)" in refused.detail
    assert (await ns.transform("salesOrder", key, "returnAuthorization", tee(1))).status == 204
    assert (await ns.transform("salesOrder", key, "returnAuthorization", tee(1))).status == 400


async def test_one_body_cannot_take_a_line_twice_over(ns: Account) -> None:
    """Two rows of one order line share its units, and are two lines of the authorisation."""
    key = await ns.order_id()
    assert (await ns.transform("salesOrder", key, "returnAuthorization", tee(2), tee(1))).status == 400
    made = await ns.transform("salesOrder", key, "returnAuthorization", tee(1, custcol_reason="1"), tee(1))
    lines = (await ns.get("returnAuthorization", made.id))["item"]["items"]
    assert [(line["line"], line["orderLine"]) for line in lines] == [(1, 1), (3, 1)]
    assert lines[0]["custcol_reason"] == "1"


async def test_only_fulfilled_units_can_be_authorised(ns: Account) -> None:
    """An order that is not shipped offers no line."""
    await ns.seed(orders=[order("5002", status="pending", invoice=None)])
    key = await ns.order_id("5002")
    assert (await ns.transform("salesOrder", key, "returnAuthorization", tee())).code == "USER_ERROR"
    assert (await ns.transform("salesOrder", key, "returnAuthorization")).code == "INVALID_INITIALIZE_REF"
    assert (await ns.transform("salesOrder", key, "itemFulfillment", tee(1))).status == 204
    assert (await ns.transform("salesOrder", key, "returnAuthorization", tee(1))).status == 204
    assert [entry["kind"] for entry in await ns.ledger()] == ["fulfilment", "return_authorisation"]


async def test_a_closed_order_is_not_transformed_but_a_standalone_authorisation_is_possible(ns: Account) -> None:
    """R14: linked by customer and the order id only."""
    await ns.seed(orders=[order("5003", status="closed")])
    key = await ns.order_id("5003")
    refused = await ns.transform("salesOrder", key, "returnAuthorization", tee())
    assert (refused.status, refused.code) == (400, "INVALID_INITIALIZE_REF")
    assert "Closed" in refused.detail
    entity = (await ns.get("salesOrder", key))["entity"]
    row = {"item": {"id": "4711"}, "quantity": 1, "grossAmt": "40.00", "taxCode": {"id": "5"}}
    body = {"externalId": "r1", "otherRefNum": "5003", "entity": entity, "item": {"items": [row]}}
    made = await ns.post("returnAuthorization", body)
    shown = await ns.get("returnAuthorization", made.id)
    assert "createdFrom" not in shown
    assert shown["item"]["items"][0]["tax1Amt"] == 6.67
    (entry,) = await ns.ledger()
    assert (entry["order_id"], entry["amount"]) == ("5003", "40.00")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"orderLine": 9, "quantity": 1}, "USER_ERROR"),
        ({"orderLine": "one", "quantity": 1}, "INVALID_CONTENT"),
        ({"item": {"id": "4711"}, "quantity": 1}, "USER_ERROR"),
        ({"orderLine": 1, "quantity": 1, "item": {"externalId": "HAT-1"}}, "INVALID_KEY_OR_REF"),
        ({"orderLine": 1, "quantity": 1, "taxCode": {"id": "77"}}, "INVALID_KEY_OR_REF"),
    ],
)
async def test_a_line_that_is_not_the_orders_is_refused(ns: Account, row: dict[str, Any], code: str) -> None:
    """Unknown lines, another item than the order line's, unknown tax codes."""
    reply = await ns.transform("salesOrder", await ns.order_id(), "returnAuthorization", row)
    assert (reply.status, reply.code) == (400, code)


async def test_pairs_that_netsuite_has_not_are_refused(ns: Account) -> None:
    """An order is not transformed to a receipt."""
    reply = await ns.transform("salesOrder", await ns.order_id(), "itemReceipt", tee())
    assert (reply.status, reply.code) == (400, "INVALID_INITIALIZE_REF")
    assert (await ns.transform("salesOrder", "777", "returnAuthorization", tee())).status == 404


async def test_an_archived_item_is_refused_though_the_order_has_it(ns: Account) -> None:
    """R16: the line waits, the other line goes."""
    await ns.seed(items=[{"account": "ns", "sku": "HAT-1", "archived": True}])
    key = await ns.order_id()
    refused = await ns.transform("salesOrder", key, "returnAuthorization", hat())
    assert (refused.code, "inactive" in refused.detail) == ("INVALID_KEY_OR_REF", True)
    assert (await ns.transform("salesOrder", key, "returnAuthorization", tee())).status == 204


async def test_an_item_number_is_learnt_from_the_line_beside_it(ns: Account) -> None:
    """Seeds name SKUs only: a mapped number is taken as the number of the order line's item, and stays it."""
    key = await ns.order_id()
    row = hat(item={"id": "4799"})
    assert (await ns.transform("salesOrder", key, "returnAuthorization", row)).status == 204
    found = await ns.suiteql("SELECT id FROM item WHERE itemid = 'HAT-1'")
    assert found.json["items"][0]["id"] == "4799"
    other = await ns.transform("salesOrder", key, "returnAuthorization", tee(item={"id": "4799"}))
    assert other.code == "INVALID_KEY_OR_REF"
    await ns.settings(learn_item_ids=False)
    await ns.seed(orders=[order("5004")])
    strict = await ns.transform(
        "salesOrder", await ns.order_id("5004"), "returnAuthorization", tee(item={"id": "4800"})
    )
    assert strict.code == "INVALID_KEY_OR_REF"


async def test_a_receipt_into_a_sellable_location_is_a_restock(ns: Account) -> None:
    """S02, S03: the location decides; the stock is there and nowhere else."""
    key = await ns.authorise(tee(2))
    made = await ns.transform(
        "returnAuthorization", key, "itemReceipt", tee(1, location={"id": "101"}), externalId="cmd-ir"
    )
    await ns.transform("returnAuthorization", key, "itemReceipt", tee(1, location={"id": "102"}))
    sellable, quarantine = await ns.ledger("item_receipt")
    assert (sellable["sellable"], sellable["location"], sellable["number"]) == (True, "101", made.id)
    assert (sellable["external_ref"], sellable["order_id"], sellable["created_from"]) == ("cmd-ir", "5001", key)
    assert sellable["lines"][0]["quantity"] == 1
    assert (quarantine["sellable"], quarantine["location"]) == (False, "102")
    rows = (await ns.suiteql("SELECT location, quantityonhand FROM inventoryItemLocations WHERE item = 4711")).json
    assert {row["location"]: row["quantityonhand"] for row in rows["items"]} == {"101": "1", "102": "1"}
    assert (await ns.get("returnAuthorization", key))["status"]["refName"] == "Pending Refund"


async def test_a_receipt_needs_a_location_and_no_more_than_is_still_to_come(ns: Account) -> None:
    """Nothing moves without a place, and nothing beyond what was authorised."""
    key = await ns.authorise(tee(2))
    nowhere = await ns.transform("returnAuthorization", key, "itemReceipt", tee(1))
    assert (nowhere.code, "Location" in nowhere.detail) == ("USER_ERROR", True)
    place = {"location": {"id": "101"}}
    assert (await ns.transform("returnAuthorization", key, "itemReceipt", tee(3, **place))).status == 400
    assert (await ns.transform("returnAuthorization", key, "itemReceipt", tee(1, **place))).status == 204
    assert (await ns.transform("returnAuthorization", key, "itemReceipt", tee(2, **place))).status == 400
    assert (await ns.transform("returnAuthorization", key, "itemReceipt", hat(**place))).status == 400
    assert len(await ns.ledger("item_receipt")) == 1


async def test_forgetting_replace_item_on_a_receipt_receives_everything(ns: Account) -> None:
    """The same trap on the way in; itemReceive false leaves a line out."""
    key = await ns.authorise(tee(2), hat())
    body = {"location": {"id": "101"}, "item": {"items": [tee(1)]}}
    path = f"/record/v1/returnAuthorization/{key}/!transform/itemReceipt"
    made = await ns.call("POST", path, body)
    lines = (await ns.get("itemReceipt", made.id))["item"]["items"]
    assert [(line["orderLine"], line["quantity"]) for line in lines] == [(1, 1), (2, 1)]
    left_out = {"location": {"id": "101"}, "item": {"items": [{"orderLine": 1, "itemReceive": False}]}}
    assert (await ns.call("POST", path, left_out)).code == "INVALID_INITIALIZE_REF"


async def test_a_kit_is_authorised_with_its_members_and_received_by_them(ns: Account) -> None:
    """S05: the kit's line carries the price, the members the units."""
    kit = {
        "order_line_id": "ol1",
        "sku": "SET-1",
        "quantity": 1,
        "unit_price": "60.00",
        "tax_amount": "10.00",
        "tax_code": "GB-STD",
        "components": [
            {"sku": "CUP", "quantity": 2, "list_price": "20.00"},
            {"sku": "POT", "quantity": 1, "list_price": "40.00"},
        ],
    }
    await ns.seed(orders=[order("5005", lines=[kit])])
    lines = (await ns.get("salesOrder", "eid:5005"))["item"]["items"]
    assert [(line["line"], line.get("kitMemberOf"), line["quantity"]) for line in lines] == [
        (1, None, 1),
        (2, 1, 2),
        (3, 1, 1),
    ]
    assert lines[0]["itemType"]["id"] == "Kit"
    assert lines[1]["custcol_list_price"] == "20.00"
    part = await ns.authorise({"orderLine": 2, "quantity": 1, "grossAmt": "15.00"}, order_id="5005", ref="part")
    whole = await ns.transform("salesOrder", await ns.order_id("5005"), "returnAuthorization", tee(1))
    assert (whole.status, whole.code) == (400, "USER_ERROR")
    place = {"location": {"id": "101"}}
    received = await ns.transform("returnAuthorization", part, "itemReceipt", {"orderLine": 2, "quantity": 1, **place})
    assert received.status == 204
    (entry,) = await ns.ledger("item_receipt")
    assert [(line["sku"], line["quantity"]) for line in entry["lines"]] == [("CUP", 1)]


async def test_a_whole_kit_brings_its_members_along(ns: Account) -> None:
    """The receipt of the kit's own line is refused; its members come in."""
    kits = [{"account": "ns", "sku": "SET-2", "components": [{"sku": "CUP", "quantity": 2}]}]
    line = {"sku": "SET-2", "quantity": 1, "unit_price": "9.00", "tax_amount": "1.50", "tax_code": "GB-STD"}
    await ns.seed(kits=kits, orders=[order("5006", lines=[line])])
    key = await ns.authorise(tee(1), order_id="5006")
    lines = (await ns.get("returnAuthorization", key))["item"]["items"]
    assert [(one["line"], one["quantity"], one.get("kitMemberOf")) for one in lines] == [(1, 1, None), (2, 2, 1)]
    refused = await ns.transform("returnAuthorization", key, "itemReceipt", tee(1, location={"id": "101"}))
    assert (refused.status, "components" in refused.detail) == (400, True)
    made = await ns.call(
        "POST", f"/record/v1/returnAuthorization/{key}/!transform/itemReceipt", {"location": {"id": "101"}}
    )
    assert made.status == 204
    (entry,) = await ns.ledger("item_receipt")
    assert [(one["sku"], one["quantity"]) for one in entry["lines"]] == [("CUP", 2)]


async def test_an_upsert_that_comes_again_takes_no_members_out_of_a_standalone_kit(ns: Account) -> None:
    """The same request sent twice, as after a time-out, is one document and the second changes nothing."""
    kits = [{"account": "ns", "sku": "SET-2", "components": [{"sku": "CUP", "quantity": 2}]}]
    line = {"sku": "SET-2", "quantity": 1, "unit_price": "9.00", "tax_amount": "1.50", "tax_code": "GB-STD"}
    await ns.seed(kits=kits, orders=[order("5006", lines=[line])])
    row = {"item": {"refName": "SET-2"}, "quantity": 1, "grossAmt": "9.00", "tax1Amt": "1.50", "taxCode": {"id": "5"}}
    customer = (await ns.get("salesOrder", await ns.order_id("5006")))["entity"]
    body = {"entity": customer, "otherRefNum": "5006", "item": {"items": [row]}}
    for _ in range(2):
        assert (await ns.call("PUT", "/record/v1/returnAuthorization/eid:cmd-kit", body, replace="item")).status == 204
        lines = (await ns.get("returnAuthorization", "eid:cmd-kit"))["item"]["items"]
        assert [(one["item"]["refName"], one["quantity"]) for one in lines] == [("SET-2", 1), ("CUP", 2)]
    assert [made["op"] for made in await ns.ledger("return_authorisation")] == ["create"]


@pytest.mark.parametrize(
    "change",
    [
        {"orderStatus": {"id": "H"}},
        {"status": {"refName": "Closed"}},
        {"item": {"items": [{"line": 1, "isClosed": True}]}},
    ],
)
async def test_an_authorisation_is_closed_once_and_gives_its_units_back(ns: Account, change: dict[str, Any]) -> None:
    """R13: one closing in the ledger however often it is sent; the units may be authorised again, not received."""
    key = await ns.authorise(tee(2))
    assert (await ns.patch("returnAuthorization", key, change)).status == 204
    assert (await ns.patch("returnAuthorization", key, change)).status == 204
    assert (await ns.get("returnAuthorization", key))["status"]["refName"] == "Closed"
    closings = [entry for entry in await ns.ledger("return_authorisation") if entry["op"] == "close"]
    (closing,) = closings
    assert (closing["number"], closing["external_ref"], closing["status"]) == (key, "cmd-ra", "closed")
    place = {"location": {"id": "101"}}
    refused = await ns.transform("returnAuthorization", key, "itemReceipt", tee(1, **place))
    assert refused.code == "INVALID_INITIALIZE_REF"
    await ns.authorise(tee(2), ref="again")


async def test_a_transfer_moves_units_between_locations(ns: Account) -> None:
    """A disposition that changed: from quarantine to sellable, one movement, sellable as of its target."""
    body = {
        "externalId": "cmd-it",
        "otherRefNum": "5001",
        "location": {"id": "102"},
        "transferLocation": {"id": "101"},
        "inventory": {"items": [{"item": {"id": "4711"}, "adjustQtyBy": 1}]},
    }
    made = await ns.post("inventoryTransfer", body)
    (entry,) = await ns.ledger()
    assert (entry["kind"], entry["from"], entry["location"], entry["sellable"]) == (
        "stock_movement",
        "102",
        "101",
        True,
    )
    assert (entry["number"], entry["external_ref"], entry["order_id"]) == (made.id, "cmd-it", "5001")
    assert [(line["sku"], line["quantity"]) for line in entry["lines"]] == [("TEE-RED-M", 1)]
    assert (await ns.get("inventoryTransfer", made.id))["inventory"]["items"][0]["adjustQtyBy"] == 1
    assert (await ns.post("inventoryTransfer", body | {"transferLocation": {"id": "102"}})).status == 400
    assert (await ns.post("inventoryTransfer", body | {"transferLocation": {"id": "7"}})).status == 400


async def test_an_adjustment_needs_an_account_and_is_a_movement(ns: Account) -> None:
    """Up is an arrival, down a departure; quantities stay positive."""
    rows = [{"item": {"id": "4711"}, "adjustQtyBy": 2, "location": {"id": "102"}}]
    assert (await ns.post("inventoryAdjustment", {"inventory": {"items": rows}})).status == 400
    rows.append({"item": {"id": "4711"}, "adjustQtyBy": -1, "location": {"id": "101"}})
    made = await ns.post("inventoryAdjustment", {"account": {"id": "500"}, "inventory": {"items": rows}})
    assert made.status == 204
    up, down = await ns.ledger("stock_movement")
    assert (up["location"], up["from"], up["sellable"], up["lines"][0]["quantity"]) == ("102", None, False, 2)
    assert (down["location"], down["from"], down["sellable"], down["lines"][0]["quantity"]) == (None, "101", False, 1)


async def test_a_free_order_that_names_a_seeded_one_is_an_exchange(ns: Account) -> None:
    """X01, X02: stock is committed, and a lack of it does not stop NetSuite: it back-orders, so ask first."""
    row = {"item": {"externalId": "TEE-RED-L"}, "quantity": 1, "rate": 0, "amount": 0}
    body = {"otherRefNum": "5001", "entity": {"externalId": "c-77"}, "item": {"items": [row]}}
    for ref in ("x1", "x2"):
        assert (await ns.post("salesOrder", body | {"externalId": ref})).status == 204
        left = await ns.suiteql(
            "SELECT SUM(l.quantityavailable) AS n FROM inventoryItemLocations l JOIN item i ON i.id = l.item "
            "WHERE i.itemid = 'TEE-RED-L'"
        )
        assert left.json["items"][0]["n"] == "0"
    first, second = await ns.ledger("exchange_order")
    assert (first["amount"], first["order_id"], first["location"], first["back_ordered"]) == ("0.00", "5001", "101", 0)
    assert second["back_ordered"] == 1
    assert len(await ns.find("salesOrder", 'otherRefNum IS "5001"')) == 3


async def test_an_order_with_a_price_or_without_a_seeded_name_is_a_sales_order(ns: Account) -> None:
    """Only a free order for a known one counts as an exchange."""
    row = {"item": {"id": "4711"}, "quantity": 1, "amount": "40.00", "taxCode": {"id": "5"}}
    body = {"entity": {"externalId": "c-77"}, "item": {"items": [row]}}
    await ns.post("salesOrder", body | {"otherRefNum": "5001"})
    await ns.post("salesOrder", body | {"otherRefNum": "9999", "item": {"items": [row | {"amount": 0}]}})
    assert [entry["kind"] for entry in await ns.ledger()] == ["sales_order", "sales_order"]
    assert [entry["amount"] for entry in await ns.ledger()] == ["48.00", "0.00"]
