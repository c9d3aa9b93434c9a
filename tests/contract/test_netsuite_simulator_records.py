"""The simulated NetSuite, as a client sees it: records, look-ups, upserts, queries, errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.netsuite_account import Account, netsuite, order


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


def standalone(ref: str, **changes: object) -> dict[str, object]:
    row = {"item": {"id": "904"}, "quantity": 1, "grossAmt": "5.00", "taxCode": {"id": "6"}}
    return {
        "externalId": ref,
        "otherRefNum": "5001",
        "entity": {"externalId": "c-77"},
        "currency": {"refName": "GBP"},
        "item": {"items": [row]},
        **changes,
    }


async def test_a_create_answers_204_with_the_internal_id_in_location_and_no_body(ns: Account) -> None:
    """A client learns the number from the last part of Location only."""
    made = await ns.post("creditMemo", standalone("m1"))
    assert made.id.isdecimal()
    memo = await ns.get("creditMemo", made.id)
    assert memo["externalId"] == "m1"
    assert memo["tranId"] == "CM-1"
    assert memo["total"] == 5.0
    assert memo["otherRefNum"] == "5001"
    assert memo["currency"]["refName"] == "GBP"


async def test_a_read_gives_links_unless_sublists_are_expanded(ns: Account) -> None:
    """Without expandSubResources a sublist is a link."""
    key = await ns.order_id()
    plain = (await ns.call("GET", f"/record/v1/salesOrder/{key}")).json
    assert set(plain["item"]) == {"links"}
    full = await ns.get("salesOrder", key)
    first = full["item"]["items"][0]
    assert (first["grossAmt"], first["tax1Amt"], first["amount"]) == (80.0, 13.33, 66.67)
    assert first["custcol_order_line_id"] == "ol1"
    assert first["taxCode"] == {"id": "5", "refName": "GB-STD"}
    assert full["total"] == 94.95
    items = (await ns.call("GET", f"/record/v1/salesOrder/{key}/item")).json
    assert [row["line"] for row in items["items"]] == [1, 2]


@pytest.mark.parametrize(
    ("type_", "q", "found"),
    [
        ("salesOrder", 'otherRefNum EQUAL "5001"', 1),
        ("salesOrder", 'otherRefNum IS "nothing"', 0),
        ("salesOrder", 'externalId ANY_OF ["5001", "5002"]', 2),
        ("salesOrder", 'tranId CONTAIN "500" AND tranDate ON_OR_AFTER "2026-01-01"', 2),
        ("salesOrder", 'tranId START_WITH "#5002" AND status IS "G"', 1),
        ("salesOrder", 'tranDate BEFORE "2020-01-01"', 0),
        ("invoice", "amountRemaining GREATER 94.95", 0),
        ("invoice", "amountRemaining GREATER_OR_EQUAL 94.95", 2),
        ("customer", 'externalId IS "c-77" AND isInactive IS false', 1),
        ("accountingPeriod", 'periodName IS "Nov 2026"', 1),
    ],
)
async def test_collections_are_filtered_by_q(ns: Account, type_: str, q: str, found: int) -> None:
    """The operators that a client needs, joined by AND."""
    await ns.seed(orders=[order("5002")])
    assert len(await ns.find(type_, q)) == found


async def test_a_collection_is_paged(ns: Account) -> None:
    """limit and offset cut the list; hasMore says that there is more."""
    await ns.seed(orders=[order(str(number)) for number in range(6001, 6004)])
    page = (await ns.call("GET", "/record/v1/salesOrder", limit="2", offset="1")).json
    assert (page["count"], page["hasMore"], page["offset"], page["totalResults"]) == (2, True, 1, 4)
    assert set(page["items"][0]) == {"id", "links"}


async def test_a_filter_that_cannot_be_read_is_a_user_error(ns: Account) -> None:
    """NetSuite answers 400 with the parameter at fault."""
    reply = await ns.call("GET", "/record/v1/salesOrder", q="otherRefNum LOOKS_LIKE 5")
    assert (reply.status, reply.code) == (400, "INVALID_SEARCH_CRITERIA")


async def test_an_upsert_by_external_id_is_idempotent(ns: Account) -> None:
    """PUT twice makes one record, and what is unchanged books nothing."""
    first = await ns.put("customer", "c-9", {"lastName": "Nine", "email": "nine@example.com"})
    again = await ns.put("customer", "c-9", {"lastName": "Nine", "email": "nine@example.com"})
    assert first.id == again.id
    await ns.put("customer", "c-9", {"lastName": "Nine", "email": "new@example.com"})
    entries = await ns.ledger("customer")
    assert [entry["op"] for entry in entries] == ["create", "update"]
    assert (await ns.put("customer", "", {"lastName": "x"})).status == 405


async def test_an_upserted_document_is_made_once(ns: Account) -> None:
    """A second PUT of a credit memo finds the first."""
    first = await ns.put("creditMemo", "m1", standalone("m1"))
    again = await ns.put("creditMemo", "m1", standalone("m1"))
    assert first.id == again.id
    assert len(await ns.ledger("credit_note")) == 1


@pytest.mark.parametrize("type_", ["creditMemo", "returnAuthorization", "salesOrder"])
async def test_an_upsert_that_replaces_the_same_lines_books_nothing(ns: Account, type_: str) -> None:
    """A client that must say replace=item, lest lines be added, may send the same document again and again."""
    body = standalone("m1")
    path = f"/record/v1/{type_}/eid:m1"
    first = await ns.call("PUT", path, body, replace="item")
    again = await ns.call("PUT", path, body, replace="item")
    assert first.id == again.id
    assert [entry["op"] for entry in await ns.ledger()] == ["create"]
    row = {"item": {"id": "904"}, "quantity": 1, "grossAmt": "4.00", "taxCode": {"id": "6"}}
    other = await ns.call("PUT", path, standalone("m1", item={"items": [row]}), replace="item")
    if type_ == "salesOrder":
        assert other.status == 400
    else:
        assert (await ns.ledger())[-1]["op"] == "update"
        assert (await ns.ledger())[-1]["amount"] == "4.00"


async def test_posting_one_external_id_twice_makes_two_records_by_default(ns: Account) -> None:
    """NetSuite doubles; the look-up by external id then finds two."""
    await ns.post("creditMemo", standalone("m1"))
    await ns.post("creditMemo", standalone("m1"))
    assert len(await ns.find("creditMemo", 'externalId IS "m1"')) == 2
    assert [entry["external_ref"] for entry in await ns.ledger("credit_note")] == ["m1", "m1"]


async def test_a_setting_refuses_the_second_record_of_an_external_id(ns: Account) -> None:
    """With unique references the repeat is an error, and nothing is made."""
    await ns.settings(duplicates_refused=True)
    await ns.post("creditMemo", standalone("m1"))
    reply = await ns.post("creditMemo", standalone("m1"))
    assert (reply.status, reply.code) == (400, "DUP_RCRD")
    key = await ns.order_id()
    row = {"orderLine": 1, "quantity": 1}
    assert (await ns.transform("salesOrder", key, "returnAuthorization", row, externalId="r1")).status == 204
    assert (await ns.transform("salesOrder", key, "returnAuthorization", row, externalId="r1")).code == "DUP_RCRD"
    assert len(await ns.ledger()) == 2


async def test_an_asynchronous_call_answers_with_a_job_and_its_key_is_used_once(ns: Account) -> None:
    """The repeat of an idempotency key is an error that says where the earlier job is."""
    headers = {"Prefer": "respond-async", "X-NetSuite-idempotency-key": "k1"}
    reply = await ns.call("POST", "/record/v1/creditMemo", standalone("m1"), headers)
    assert reply.status == 202
    path = reply.headers["Location"].split("/services/rest")[1]
    assert (await ns.call("GET", path)).json["progress"] == "succeeded"
    result = await ns.call("GET", f"{path}/task/1/result")
    assert (await ns.get("creditMemo", result.id))["externalId"] == "m1"
    again = await ns.call("POST", "/record/v1/creditMemo", standalone("m1"), headers)
    assert (again.status, again.code) == (400, "IDEMPOTENCY_ERROR")
    assert again.headers["Location"] == reply.headers["Location"]
    assert len(await ns.ledger("credit_note")) == 1


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"entity": {"id": "999"}}, "INVALID_KEY_OR_REF", "entity"),
        ({"currency": {"id": "XXX"}}, "INVALID_KEY_OR_REF", "currency"),
        ({"tranDate": "27/11/2026"}, "INVALID_CONTENT", "tranDate"),
        ({"item": {"items": []}}, "USER_ERROR", "item"),
        ({"item": []}, "INVALID_CONTENT", "item"),
    ],
)
async def test_a_bad_header_is_refused_with_the_path(
    ns: Account, change: dict[str, object], code: str, path: str
) -> None:
    """The error document names the code and the field, and nothing is kept."""
    reply = await ns.post("creditMemo", standalone("m1", **change))
    assert (reply.status, reply.code) == (400, code)
    document = reply.json
    assert document["status"] == 400
    assert document["title"] == "Bad Request"
    assert document["o:errorDetails"][0]["o:errorPath"] == path
    assert await ns.ledger() == []


@pytest.mark.parametrize(
    ("row", "code", "path"),
    [
        ({"item": {"id": "99999"}}, "INVALID_KEY_OR_REF", "item"),
        ({"item": {"externalId": "OLD-1"}}, "INVALID_KEY_OR_REF", "item"),
        ({"taxCode": {"id": "77"}}, "INVALID_KEY_OR_REF", "taxCode"),
        ({"taxCode": None}, "USER_ERROR", "taxCode"),
        ({"location": {"id": "999"}}, "INVALID_KEY_OR_REF", "location"),
        ({"quantity": 0}, "USER_ERROR", "quantity"),
        ({"quantity": "many"}, "INVALID_CONTENT", "quantity"),
        ({"grossAmt": "5.001"}, "INVALID_CONTENT", "grossAmt"),
        ({"grossAmt": "5.00", "amount": "4.00", "tax1Amt": "2.00"}, "USER_ERROR", "grossAmt"),
        ({"grossAmt": "-5.00"}, "USER_ERROR", "item"),
    ],
)
async def test_a_bad_line_is_refused_with_its_path(ns: Account, row: dict[str, object], code: str, path: str) -> None:
    """Unknown or archived items, unknown tax codes and locations, and amounts that do not add up."""
    good: dict[str, object] = {"item": {"id": "904"}, "quantity": 1, "grossAmt": "5.00", "taxCode": {"id": "6"}}
    reply = await ns.post("creditMemo", standalone("m1", item={"items": [good | row]}))
    assert (reply.status, reply.code) == (400, code), reply.text
    assert reply.json["o:errorDetails"][0]["o:errorPath"].rpartition(".")[2] == path
    assert await ns.ledger() == []


async def test_an_inactive_customer_is_refused(ns: Account) -> None:
    """Orders, memos and authorisations need an active customer."""
    await ns.settings(inactive_customers=["c-77"])
    reply = await ns.post("creditMemo", standalone("m1"))
    assert (reply.status, reply.code) == (400, "INVALID_KEY_OR_REF")
    await ns.seed(customers=[{"account": "ns", "id": "c-77", "inactive": False}])
    assert (await ns.post("creditMemo", standalone("m1"))).status == 204


@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"tranDate": NaN}', "[" * 100_000])
async def test_a_body_that_is_no_object_is_invalid_content(ns: Account, body: str) -> None:
    """Hostile text is answered, never a crash."""
    reply = await ns.post("creditMemo", body)
    assert (reply.status, reply.code) == (400, "INVALID_CONTENT")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/record/v1/creditMemo/123", 404),
        ("GET", "/record/v1/creditMemo/eid:none", 404),
        ("POST", "/record/v1/spaceship", 404),
        ("DELETE", "/record/v1/creditMemo/1", 405),
        ("POST", "/record/v1/invoice", 405),
        ("GET", "/elsewhere", 404),
        ("GET", "/async/v1/job/77", 404),
    ],
)
async def test_what_is_not_there_is_said_so(ns: Account, method: str, path: str, status: int) -> None:
    """404 and 405 carry the error document too."""
    reply = await ns.call(method, path, {} if method == "POST" else None)
    assert reply.status == status
    assert reply.json["o:errorDetails"]


async def test_currencies_keep_their_own_digits(ns: Account) -> None:
    """Yen have none, dinars three; the ledger writes exactly those."""
    for iso, amount, bad in (("JPY", "4999", "4999.5"), ("KWD", "4.999", "4.9999")):
        row = {"item": {"id": "904"}, "quantity": 1, "taxCode": {"id": "6"}}
        currency = {"refName": iso}
        refused = await ns.post(
            "creditMemo", standalone(iso, currency=currency, item={"items": [row | {"grossAmt": bad}]})
        )
        assert refused.code == "INVALID_CONTENT"
        await ns.post("creditMemo", standalone(iso, currency=currency, item={"items": [row | {"grossAmt": amount}]}))
    assert [(e["amount"], e["currency"]) for e in await ns.ledger("credit_note")] == [("4999", "JPY"), ("4.999", "KWD")]


async def test_governance_limits_tell_the_concurrency(ns: Account) -> None:
    """The account's limit can be asked for."""
    assert (await ns.call("GET", "/system/v1/governanceLimits")).json["accountConcurrencyLimit"] == 15


async def test_suiteql_answers_items_and_stock(ns: Account) -> None:
    """The statements a client needs: an item by SKU, its stock by location, sums over locations."""
    await ns.seed(stock=[{"account": "ns", "sku": "TEE-RED-L", "location": "102", "available": 5}])
    item = (await ns.suiteql("SELECT id, isinactive FROM item WHERE itemid = 'TEE-RED-L'")).json["items"][0]
    assert item["isinactive"] == "F"
    by_id = await ns.suiteql(
        f"SELECT location, quantityavailable FROM inventoryItemLocations "
        f"WHERE item = {item['id']} AND location IN (101)"
    )
    assert by_id.json["items"] == [{"links": [], "location": "101", "quantityavailable": "1"}]
    summed = await ns.suiteql(
        "SELECT i.itemid, SUM(l.quantityavailable) AS available FROM aggregateItemLocation l "
        "INNER JOIN item i ON i.id = l.item WHERE i.itemid IN ('TEE-RED-L', 'OLD-1') "
        "GROUP BY i.itemid ORDER BY i.itemid"
    )
    assert summed.json["items"] == [{"links": [], "itemid": "TEE-RED-L", "available": "6"}]
    archived = await ns.suiteql("SELECT isinactive FROM item WHERE itemid = 'OLD-1'")
    assert archived.json["items"][0]["isinactive"] == "T"
    orders = await ns.suiteql("SELECT tranid FROM transaction WHERE type = 'SalesOrd' AND otherrefnum LIKE '50%'")
    assert orders.json["items"] == [{"links": [], "tranid": "#5001"}]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM item",
        "SELECT id FROM spaceship",
        "SELECT nothing FROM item",
        "SELECT id FROM item WHERE id = 1 OR id = 2",
        "SELECT id FROM item WHERE",
        "SELECT id, SUM(quantityavailable) FROM aggregateItemLocation",
    ],
)
async def test_suiteql_that_is_not_understood_is_refused(ns: Account, statement: str) -> None:
    """Never an empty list for a statement that was not read."""
    reply = await ns.suiteql(statement)
    assert (reply.status, reply.code) == (400, "INVALID_PARAMETER")


async def test_suiteql_needs_prefer_transient(ns: Account) -> None:
    """Without the header it is a 400."""
    reply = await ns.suiteql("SELECT id FROM item", Prefer="something-else")
    assert (reply.status, reply.code) == (400, "INVALID_HEADER")


async def test_an_archived_order_cannot_be_found(ns: Account) -> None:
    """R15: neither by external id, nor by reference, nor its invoice."""
    await ns.seed(orders=[order("5009", status="archived")])
    assert await ns.find("salesOrder", 'otherRefNum IS "5009"') == []
    assert (await ns.call("GET", "/record/v1/salesOrder/eid:5009")).status == 404
    assert await ns.find("invoice", 'tranId IS "INV-5009"') == []
    await ns.seed(orders=[order("5009")])
    assert len(await ns.find("salesOrder", 'otherRefNum IS "5009"')) == 1


async def test_seeding_again_changes_and_two_order_numbers_make_two_candidates(ns: Account) -> None:
    """A later PUT of the same order changes it; another number of the same order id is a second order."""
    await ns.seed(orders=[order(status="closed")])
    assert (await ns.get("salesOrder", "eid:5001"))["status"]["refName"] == "Closed"
    await ns.seed(orders=[order(order_number="#other")])
    assert len(await ns.find("salesOrder", 'otherRefNum IS "5001"')) == 2
    assert await ns.ledger() == []
