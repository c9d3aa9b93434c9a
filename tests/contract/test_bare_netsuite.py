"""The second NetSuite double keeps to what the vendor documents, so that a run against it means something."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as Signer

from adapters.netsuite.client import Client as ProductClient
from adapters.netsuite.wire import Credentials, HttpWire
from adapters.registry import system
from streams.adapter import Adapter, Refused, Unavailable
from streams.commands import Command
from streams.vocabulary import DocumentKind, ErrorKind, Owner
from tests.doubles.bare import history
from tests.doubles.bare.front import SECRETS, BareNetSuite
from tests.doubles.bare.history import Order
from tests.doubles.bare.peak import FIELDS
from tests.doubles.bare.records import Item, Record
from tests.doubles.bare.weather import ANSWERS
from tests.scenarios.messages import order, sold
from tests.unit import netsuite_commands as commands
from tests.unit.netsuite_commands import tee
from tests.unit.simulated_netsuite import Freely


class Client:
    """A caller of the account, signed by another library than the product's own tests need."""

    def __init__(self, double: BareNetSuite) -> None:
        self.double = double
        self.signer = Signer(
            SECRETS["consumer_key"],
            client_secret=SECRETS["consumer_secret"],
            resource_owner_key=SECRETS["token_id"],
            resource_owner_secret=SECRETS["token_secret"],
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=SECRETS["account"],
        )

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, str]:
        """Status, JSON (or None), and the number in `Location`."""
        url = f"{self.double.base_url}/services/rest/{path}"
        _, signed, _ = self.signer.sign(url, method, headers={"Prefer": "transient", **headers})
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = urlopen(Request(url, data, signed, method=method), timeout=5)
        except HTTPError as error:
            answer = error
        with answer:
            raw, where = answer.read(), answer.headers.get("Location", "")
        return answer.status, json.loads(raw) if raw else None, where.rpartition("/")[2]

    def refused(self, method: str, path: str, body: Any) -> str:
        """The code of a refusal, in the vendor's own shape."""
        status, said, _ = self.call(method, path, body)
        assert status == said["status"] >= 400
        assert said["type"].startswith("https://")
        [detail] = said["o:errorDetails"]
        return str(detail["o:errorCode"])

    def made(self, method: str, path: str, body: Any) -> str:
        status, said, number = self.call(method, path, body)
        assert (status, said) == (204, None), said
        return number


@pytest.fixture
def double() -> Iterator[BareNetSuite]:
    with BareNetSuite() as started:
        places = [{"id": "101", "sellable": True}, {"id": "102", "sellable": False}]
        history.take(started.store, [{"locations": places}])
        yield started


@pytest.fixture
def client(double: BareNetSuite) -> Client:
    return Client(double)


def seeded(double: BareNetSuite, shape: str = "plain", **changes: Any) -> Record:
    return Order(double.store, order("5001", **changes), shape).write()


def row_of(double: BareNetSuite, record: Record, sku: str) -> int:
    return next(row.line for row in record.rows if double.store.items[row.item].sku == sku)


def returned(client: Client, record: Record, units: int = 1, gross: str = "40.00", tax: str = "6.67") -> str:
    """A return authorisation of tees of the order."""
    row = {
        "orderLine": row_of(client.double, record, "TEE-RED-M"),
        "quantity": units,
        "grossAmt": gross,
        "tax1Amt": tax,
    }
    body = {"item": {"items": [row]}}
    return client.made("POST", f"record/v1/salesOrder/{record.id}/!transform/returnAuthorization?replace=item", body)


def line_of(client: Client, authorisation: str) -> int:
    _, shown, _ = client.call("GET", f"record/v1/returnAuthorization/{authorisation}?expandSubResources=true")
    return int(shown["item"]["items"][0]["line"])


@pytest.mark.parametrize("wrong", ["consumer_secret", "token_secret", "account"])
def test_a_call_signed_with_another_secret_is_a_strangers(double: BareNetSuite, client: Client, wrong: str) -> None:
    """The double computes the signature itself, and answers 401 in the vendor's words."""
    name = {"consumer_secret": "client_secret", "token_secret": "resource_owner_secret", "account": "realm"}[wrong]
    setattr(client.signer, name, "another")
    assert client.refused("GET", "record/v1/invoice", None) == "INVALID_LOGIN"


def test_a_nonce_counts_once(double: BareNetSuite, client: Client) -> None:
    """The same signed request a second time is refused: what a client sends again by itself is found out."""
    url = f"{double.base_url}/services/rest/record/v1/invoice"
    _, signed, _ = client.signer.sign(url, "GET")
    urlopen(Request(url, headers=signed), timeout=5).close()
    with pytest.raises(HTTPError) as second:
        urlopen(Request(url, headers=signed), timeout=5)
    with second.value as error:
        assert error.code == 401


def test_custom_fields_there_are_none(double: BareNetSuite, client: Client) -> None:
    """Neither written, nor searched, nor asked for, nor shown."""
    record = seeded(double)
    body = {"item": {"items": [{"orderLine": 2, "custcol_order_line_id": "ol1"}]}}
    path = f"record/v1/salesOrder/{record.id}/!transform/returnAuthorization"
    assert client.refused("POST", path, body) == "INVALID_CONTENT"
    query = urlencode({"q": 'custbody_order IS "5001"'})
    assert client.refused("GET", f"record/v1/salesOrder?{query}", None) == "INVALID_PARAMETER"
    statement = {"q": "SELECT custcol_order_line_id FROM transactionline"}
    assert client.refused("POST", "query/v1/suiteql", statement) == "INVALID_PARAMETER"
    _, shown, _ = client.call("GET", f"record/v1/salesOrder/{record.id}?expandSubResources=true")
    assert not re.search(r"cust(?:col|body)", json.dumps(shown))


def test_a_transform_takes_every_line_unless_the_list_is_replaced(double: BareNetSuite, client: Client) -> None:
    """Without replace=item what was sent comes on top of what was there."""
    record = seeded(double)
    path = f"record/v1/salesOrder/{record.id}/!transform/returnAuthorization"
    body = {"item": {"items": [{"orderLine": row_of(double, record, "HAT-1"), "quantity": 1}]}}
    client.made("POST", path, body)
    [both] = double.records("returnAuthorization")
    assert sorted((double.store.items[row.item].sku, row.quantity) for row in both.rows) == [
        ("HAT-1", Decimal(1)),
        ("TEE-RED-M", Decimal(2)),
    ]


def test_two_posts_are_two_documents_and_an_upsert_is_one(double: BareNetSuite, client: Client) -> None:
    """A transform sent twice doubles, with one external id too; a PUT by external id does not."""
    record = seeded(double)
    first, second = returned(client, record), returned(client, record)
    assert first != second
    body = {"entity": {"id": record.entity}, "item": {"items": [{"item": {"id": "904"}, "grossAmt": 5, "tax1Amt": 0}]}}
    numbers = {client.made("PUT", "record/v1/creditMemo/eid:g1", body) for _ in range(2)}
    assert len(numbers) == len(double.records("creditMemo")) == 1


def test_only_what_was_sent_comes_back_and_no_more_than_that(double: BareNetSuite, client: Client) -> None:
    """Fulfilled units can be returned once; services and orders that are closed or not sent cannot at all."""
    record = seeded(double, "service")
    path = f"record/v1/salesOrder/{record.id}/!transform/returnAuthorization?replace=item"
    tee = row_of(double, record, "TEE-RED-M")

    def wanted(line: int, units: int) -> dict[str, Any]:
        return {"item": {"items": [{"orderLine": line, "quantity": units}]}}

    assert client.refused("POST", path, wanted(row_of(double, record, "GIFT-WRAPPING"), 1)) == "INVALID_CONTENT"
    assert client.refused("POST", path, wanted(tee, 3)) == "USER_ERROR"
    client.made("POST", path, wanted(tee, 2))
    assert client.refused("POST", path, wanted(tee, 1)) == "USER_ERROR"
    for status in ("closed", "pending"):
        other = Order(double.store, order("5002", status=status), "plain").write()
        assert client.refused("POST", path.replace(str(record.id), str(other.id)), wanted(tee, 1)) in {
            "INVALID_INITIALIZE_REF",
            "INVALID_CONTENT",
        }


def test_a_receipt_wants_a_place_and_no_more_than_is_on_its_way(double: BareNetSuite, client: Client) -> None:
    """Location on each row, units within the authorisation; the stock rises where it says."""
    authorisation = returned(client, seeded(double))
    path = f"record/v1/returnAuthorization/{authorisation}/!transform/itemReceipt?replace=item"
    row = {"orderLine": line_of(client, authorisation), "quantity": 1, "itemReceive": True}
    assert client.refused("POST", path, {"item": {"items": [row]}}) == "USER_ERROR"
    placed = row | {"location": {"id": "101"}}
    assert client.refused("POST", path, {"item": {"items": [placed | {"quantity": 2}]}}) == "USER_ERROR"
    client.made("POST", path, {"item": {"items": [placed]}})
    [entry] = [one for one in double.journal.entries if one["kind"] == "item_receipt"]
    assert (entry["order_id"], entry["sellable"], entry["location"]) == ("5001", True, "101")
    assert [(line["sku"], line["quantity"]) for line in entry["lines"]] == [("TEE-RED-M", "1")]
    assert client.refused("POST", path, {"item": {"items": [placed]}}) == "INVALID_CONTENT"


def test_a_bundle_is_received_in_its_parts(double: BareNetSuite, client: Client) -> None:
    """The kit's row brings its members to their own stock, and a member's row only that member."""
    parts = [
        {"sku": "TOP", "quantity": 1, "list_price": "41.00"},
        {"sku": "TOWEL", "quantity": 2, "list_price": "5.00"},
    ]
    record = seeded(double, lines=[sold("ol1", "SET", 1, "50.00", "8.33", components=parts)], shipping="0.00")
    _, shown, _ = client.call("GET", f"record/v1/salesOrder/{record.id}?expandSubResources=true")
    members = [row for row in shown["item"]["items"] if "kitMemberOf" in row]
    assert len(members) == 2 and not any({"rate", "amount", "grossAmt"} & set(row) for row in members)
    row = {"orderLine": row_of(double, record, "SET"), "quantity": 1}
    path = f"record/v1/salesOrder/{record.id}/!transform/returnAuthorization?replace=item"
    authorisation = client.made("POST", path, {"item": {"items": [row]}})
    [made] = double.records("returnAuthorization")
    towel = next(one for one in made.rows if double.store.items[one.item].sku == "TOWEL")
    path = f"record/v1/returnAuthorization/{authorisation}/!transform/itemReceipt?replace=item"
    row = {"orderLine": towel.line, "quantity": 2, "location": {"id": "102"}}
    client.made("POST", path, {"item": {"items": [row]}})
    [entry] = [one for one in double.journal.entries if one["kind"] == "item_receipt"]
    assert [(line["sku"], line["quantity"]) for line in entry["lines"]] == [("TOWEL", "2")]


def test_a_credit_is_applied_up_to_what_is_due_and_what_it_has(double: BareNetSuite, client: Client) -> None:
    """The apply list shows every open invoice of the customer; only what is marked counts, and an amount is set."""
    record = seeded(double, "two-invoices")
    authorisation = returned(client, record)
    row = {"orderLine": line_of(client, authorisation), "quantity": 1, "grossAmt": "40.00", "tax1Amt": "6.67"}
    path = f"record/v1/returnAuthorization/{authorisation}/!transform/creditMemo?replace=item"
    memo = client.made("POST", path, {"item": {"items": [row]}})
    first, second = double.records("invoice")
    assert (first.due, second.due) == (Decimal("84.95"), Decimal("10.00"))

    def applying(invoice: Record, amount: str) -> dict[str, Any]:
        return {"apply": {"items": [{"apply": True, "doc": {"id": str(invoice.id)}, "amount": amount}]}}

    path = f"record/v1/creditMemo/{memo}"
    assert client.refused("PATCH", path, applying(second, "10.01")) == "USER_ERROR"
    assert client.refused("PATCH", path, applying(first, "40.01")) == "USER_ERROR"
    client.made("PATCH", path, applying(first, "30.00"))
    client.made("PATCH", path, applying(first, "30.00"))
    assert (first.due, second.due) == (Decimal("54.95"), Decimal("10.00"))
    _, shown, _ = client.call("GET", f"{path}?expandSubResources=true")
    marked = {one["doc"]["id"]: one["apply"] for one in shown["apply"]["items"]}
    assert marked == {str(first.id): True, str(second.id): False}
    assert Decimal(str(shown["unapplied"])).quantize(Decimal("0.01")) == Decimal("10.00")


def test_a_list_comes_in_small_pages(double: BareNetSuite, client: Client) -> None:
    """However many are asked for, a page is as small as the account likes and says that there is more."""
    for number in range(7):
        Order(double.store, order(f"60{number:02d}"), "plain").write()
    seen: list[str] = []
    while True:
        status, page, _ = client.call("GET", f"record/v1/salesOrder?limit=1000&offset={len(seen)}")
        assert status == 200 and page["count"] == len(page["items"]) <= double.page
        seen += [item["id"] for item in page["items"]]
        if not page["hasMore"]:
            break
    assert len(set(seen)) == page["totalResults"] == 7
    assert client.refused("GET", "record/v1/salesOrder?offset=3", None) == "INVALID_PARAMETER"


async def test_the_product_reads_every_page_of_a_list_and_of_suiteql(double: BareNetSuite) -> None:
    """Eleven orders and eleven items in pages of five: all are found, once each, and in no more calls than pages."""
    lines = [sold(f"ol{number}", f"CAP-{number}", 1, "10.00", "1.67") for number in range(11)]
    numbers = {str(Order(double.store, order("90", lines=lines), "plain").write().id) for _ in range(11)}
    items = {item.id for item in double.store.items.values() if item.sku.startswith("CAP-")}
    product = ProductClient(double.base_url, HttpWire(Credentials(**SECRETS)))
    try:
        assert sorted(await product.search("salesOrder", 'otherRefNum IS "90"', Freely())) == sorted(numbers)
        rows = await product.suiteql("SELECT id FROM item WHERE itemid LIKE 'CAP-%'", Freely())
    finally:
        await product.close()
    assert sorted(row["id"] for row in rows) == sorted(items)
    assert double.calls == ["GET record/v1/salesOrder"] * 3 + ["POST query/v1/suiteql"] * 3


async def test_suiteql_that_never_ends_is_no_answer(double: BareNetSuite) -> None:
    """More rows than any of our statements can have: the account is not available, and nothing is concluded."""
    double.page = 500
    for number in range(1001):
        double.store.item(f"CAP-{number}")
    product = ProductClient(double.base_url, HttpWire(Credentials(**SECRETS)))
    try:
        with pytest.raises(Unavailable):
            await product.suiteql("SELECT id FROM item WHERE itemid LIKE 'CAP-%'", Freely())
    finally:
        await product.close()


def test_a_filter_means_what_it_says(double: BareNetSuite, client: Client) -> None:
    """AND binds before OR, brackets before both; text is compared whole."""
    numbers = {name: str(Order(double.store, order(name), "plain").write().id) for name in ("71", "711", "72")}

    def found(query: str) -> set[str]:
        _, page, _ = client.call("GET", f"record/v1/salesOrder?{urlencode({'q': query})}")
        return {item["id"] for item in page["items"]}

    assert found('otherRefNum IS "71"') == {numbers["71"]}
    assert found('otherRefNum CONTAIN "71"') == {numbers["71"], numbers["711"]}
    either = '(otherRefNum IS "71" OR otherRefNum IS "72") AND status IS "G"'
    assert found(either) == {numbers["71"], numbers["72"]}
    assert found(f"id ANY_OF [{numbers['72']}, 5]") == {numbers["72"]}
    assert client.refused("GET", f"record/v1/salesOrder?{urlencode({'q': 'otherRefNum LIKE x'})}", None)


def test_suiteql_answers_the_columns_that_were_asked_for(double: BareNetSuite, client: Client) -> None:
    """As text, under lower-case names, nothing for what is empty; and only with the header it wants."""
    seeded(double)
    statement = {"q": "SELECT itemId, id, externalid FROM item WHERE itemid = 'TEE-RED-M' FETCH FIRST 1 ROWS ONLY"}
    _, page, _ = client.call("POST", "query/v1/suiteql", statement)
    assert page["items"] == [{"links": [], "itemid": "TEE-RED-M", "id": "4711"}]
    status, _, _ = client.call("POST", "query/v1/suiteql", statement, Prefer="respond-async")
    assert status == 400
    assert client.refused("POST", "query/v1/suiteql", {"q": "SELECT colour FROM item"}) == "INVALID_PARAMETER"


@pytest.mark.parametrize("shape", history.SHAPES)
def test_an_order_comes_to_what_was_paid_however_it_is_told(double: BareNetSuite, shape: str) -> None:
    """Discounts, handling, services, rows that are no goods, one invoice or two: 94.95, and 2.00 for what is on top."""
    record = seeded(double, shape)
    extra = Decimal(2) if shape in ("handling", "service") else Decimal(0)
    assert record.total == Decimal("94.95") + extra
    assert sum(one.due for one in double.records("invoice")) == record.total


def test_numbers_are_told_in_several_ways(double: BareNetSuite, client: Client) -> None:
    """Within a few orders there is a number as text and one with a long fraction; to the penny all are right."""
    kinds: set[str] = set()
    for number in range(12):
        record = Order(double.store, order(f"8{number}"), "plain").write()
        _, shown, _ = client.call("GET", f"record/v1/salesOrder/{record.id}?expandSubResources=true")
        for row in (shown["item"]["items"][0], shown):
            for value in (row.get("grossAmt"), row.get("tax1Amt"), row.get("total")):
                kinds.add("text" if isinstance(value, str) else "long" if len(str(value)) > 8 else "plain")
        assert Decimal(str(shown["total"])).quantize(Decimal("0.01")) == Decimal("94.95")
    assert kinds == {"text", "long", "plain"}


def test_more_calls_at_once_than_the_limit_are_refused_and_counted(double: BareNetSuite, client: Client) -> None:
    """429 in the vendor's shape; nothing is applied."""
    double.limit = 0
    assert client.refused("GET", "record/v1/invoice", None) == "CONCURRENCY_LIMIT_EXCEEDED"
    assert double.breaches == 1


def test_a_foreign_answer_may_come_before_or_after_the_work(double: BareNetSuite, client: Client) -> None:
    """What stands in front answers in its own way; whether the account did the work cannot be told from it."""
    body = {"entityId": "A. B.", "currency": {"id": "1"}}
    for applied in (False, True):
        foreign = replace(ANSWERS["maintenance"], applied=applied)
        double.interrupt = lambda method, path, foreign=foreign: foreign
        status, said, _ = client.call("PUT", "record/v1/customer/eid:c1", body)
        assert (status, said) == (200, {"status": "maintenance"})
        assert len(double.records("customer")) == applied


@pytest.fixture
async def product(double: BareNetSuite) -> AsyncIterator[Adapter]:
    """The product's adapter, set up for an account without our fields."""
    options = {"fields": dict.fromkeys(FIELDS, ""), "currencies": {"GBP": "1"}}
    account = {"base_url": double.base_url, "concurrency": 5, "deadline_seconds": 8, "options": options}
    made = system("netsuite").adapter(account, SECRETS)
    yield made
    await made.close()


def exchange_of(double: BareNetSuite, item: str, subject: str = "ret-1/l1") -> Command:
    customer = double.records("customer")[0]
    return commands.exchange(str(customer.id), {"item": item, "sku": item, "quantity": 1}, subject=subject)


async def test_an_item_named_by_its_sku_is_sent_by_its_internal_id(double: BareNetSuite, product: Adapter) -> None:
    """The account takes numbers only. Each SKU is looked up once; what was made is found to be what was asked for."""
    seeded(double)
    item = double.store.item("TEE-RED-L")
    for subject in ("ret-1/l1", "ret-1/l2"):
        wanted = exchange_of(double, "TEE-RED-L", subject)
        document = await product.create(wanted, Freely())
        assert document.differences == ()
        assert await product.look_up(wanted, Freely()) == (document,)
    made = [record for record in double.records("salesOrder") if record.external_id]
    assert [[row.item for row in record.rows] for record in made] == [[item.id], [item.id]]
    assert double.calls.count("POST query/v1/suiteql") == 1
    assert double.refusals == []


@pytest.mark.parametrize("how_many", [0, 2])
async def test_a_sku_that_no_item_or_more_than_one_has_is_unmapped(
    double: BareNetSuite, product: Adapter, how_many: int
) -> None:
    """E-commerce has to say which item it is; nothing is made."""
    seeded(double)
    for number in range(how_many):
        double.store.items[f"7770{number}"] = Item(f"7770{number}", "TEE-RED-L", parent=f"RANGE-{number}")
    with pytest.raises(Refused) as refused:
        await product.create(exchange_of(double, "TEE-RED-L"), Freely())
    assert (refused.value.kind, refused.value.owner) == (ErrorKind.UNMAPPED, Owner.ECOMMERCE)
    assert not [record for record in double.records("salesOrder") if record.external_id]


async def test_of_items_with_one_name_the_active_one_is_meant(double: BareNetSuite, product: Adapter) -> None:
    """A discontinued namesake does not stand in its way."""
    seeded(double)
    double.store.items["77701"] = Item("77701", "TEE-RED-L", inactive=True)
    double.store.items["77702"] = Item("77702", "TEE-RED-L")
    await product.create(exchange_of(double, "TEE-RED-L"), Freely())
    [made] = [record for record in double.records("salesOrder") if record.external_id]
    assert [row.item for row in made.rows] == ["77702"]


async def test_a_bundle_and_a_part_of_another_come_back_in_one_authorisation(
    double: BareNetSuite, product: Adapter
) -> None:
    """The bundle brings its members along; the part's own row is the one that was asked for, in whatever order."""
    parts = [
        {"sku": "TOP", "quantity": 1, "list_price": "41.00"},
        {"sku": "TOWEL", "quantity": 1, "list_price": "5.00"},
    ]
    lines = [sold(name, "SET", 1, "50.00", "8.33", components=parts) for name in ("ol1", "ol2")]
    item = {sku: double.store.item(sku, members=()).id for sku in ("TOP", "TOWEL")}
    for number in ("5001", "5002", "5003", "5004"):
        record = Order(double.store, order(number, lines=lines, shipping="0.00"), "plain").write()
        whole, other = (row for row in record.rows if double.store.items[row.item].sku == "SET")
        towel = next(row for row in record.rows if row.kit == other.line and row.item == item["TOWEL"])
        asked = [
            tee(item=whole.item, sku="SET", line_id="l1", order_line=str(whole.line)),
            tee(item=item["TOWEL"], sku="TOWEL", line_id="l2", order_line=str(towel.line)),
        ]
        wanted = commands.authorisation(str(record.id), *asked, subject=f"ret-{number}", order_id=number)
        document = await product.create(wanted, Freely())
        assert document.differences == ()


async def test_the_product_makes_every_document_on_an_account_that_has_no_field_of_ours(
    double: BareNetSuite, product: Adapter
) -> None:
    """Each is read back as what was asked for; the reversal too, which no generated order comes to by itself."""
    record = seeded(double, "row-discount", invoice={"number": "I", "open": "94.95"})
    double.store.item("TEE-RED-L", id="4712")
    double.store.stock["4712", "101"] = Decimal(3)
    row = tee(order_line=str(row_of(double, record, "TEE-RED-M")))
    gross = row | {"amount": "40.00", "tax": "6.67", "tax_code": "5"}
    question = commands.command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"})
    answer = await product.answer(question, Freely())
    assert (answer["found"], answer["number"], answer["total"]) == (1, str(record.id), "94.95")
    source = await product.create(commands.authorisation(str(record.id), row), Freely())
    memo = await product.create(commands.note(source.number, gross, amount="40.00"), Freely())
    invoice = answer["invoices"][0]["number"]
    exchanged = {"item": "4712", "sku": "TEE-RED-L", "quantity": 1}
    wanted = [
        commands.receipt(source.number, row),
        commands.application(memo.number, (invoice, "40.00")),
        commands.exchange(answer["customer"]["number"], exchanged),
        commands.movement(),
        commands.reversal(memo.number, "40.00"),
        commands.closing(source.number),
    ]
    made = [source, memo, *[await product.create(one, Freely()) for one in wanted]]
    assert [document.differences for document in made] == [()] * len(made)
    [billed] = double.records("invoice")
    assert billed.due == Decimal("54.95")
    assert double.refusals == []
