"""What the adapter believes: NetSuite's own answers and nobody else's (B7 to B9), and amounts as they are meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import LIST, LOOK_UP, Client
from adapters.netsuite.options import AccountSettings
from adapters.netsuite.proof import (
    MOST_DIFFERENCES,
    MOST_LINES,
    application_of,
    differences,
    document_of,
    may_be_adopted,
)
from adapters.netsuite.wire import Answer, Progress
from streams.adapter import Document, InDoubt, Limits, Refused, Unavailable
from streams.commands import Command
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import order
from tests.unit.netsuite_commands import (
    application,
    authorisation,
    closing,
    command,
    exchange,
    movement,
    note,
    receipt,
    reversal,
    standalone_note,
    tee,
)
from tests.unit.simulated_netsuite import Account, Call, Freely

GROSS = tee(amount="40.00", tax="6.67", tax_code="5")
MAINTENANCE = Answer(200, {"Content-Type": "application/json"}, '{"status": "maintenance"}')
PLAIN = AccountSettings()
CALLS = Freely()


class Stage:
    """The simulated account, its adapter, and an authorisation and a note that are made."""

    def __init__(self) -> None:
        stock = [{"account": "ns", "sku": "TEE-RED-L", "location": "101", "available": 3}]
        self.account = Account(order("5001"), stock=stock)
        self.adapter = NetSuite(Client("https://example.com", self.account), Limits(read_lag_seconds=0))

    async def ask(self, kind: DocumentKind, **body: Any) -> Any:
        return await self.adapter.answer(command(kind, {"order_id": "5001", **body}), CALLS)

    async def create(self, wanted: Command) -> Document:
        return await self.adapter.create(wanted, CALLS)

    def answering(self, fits: Callable[[Call], bool], answer: Answer) -> None:
        """From now on such calls are answered so, without being carried out."""
        self.account.twist = lambda call, honest: answer if fits(call) else honest()

    def showing(self, fits: Callable[[Call], bool], change: Callable[[dict[str, Any]], None]) -> None:
        """From now on such answers are changed."""

        def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
            answer = honest()
            if not fits(call) or answer.status != 200:
                return answer
            body = json.loads(answer.text)
            change(body)
            return replace(answer, text=json.dumps(body))

        self.account.twist = twist

    @property
    def paths(self) -> list[str]:
        return [f"{call.method} {call.path}" for call in self.account.calls]


async def posted(stage: Stage) -> tuple[Command, Document]:
    """The note of the returned tee."""
    answer = await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    source = await stage.create(authorisation(answer["number"]))
    wanted = note(source.number, GROSS, amount="40.00")
    return wanted, await stage.create(wanted)


def reads(type_: str) -> Callable[[Call], bool]:
    return lambda call: call.method == "GET" and call.path.startswith(f"/record/v1/{type_}/")


def searches(type_: str) -> Callable[[Call], bool]:
    return lambda call: call.method == "GET" and call.path == f"/record/v1/{type_}"


# B7


@pytest.mark.parametrize("body", ['{"status": "maintenance"}', "{}", '{"items": 5}', '{"items": []}', "[]", "null", ""])
async def test_json_of_somebody_else_is_not_an_empty_search(body: str) -> None:
    """Two credit memos of 40.00 were made on it: a look-up that found nothing, for a note that was there."""
    stage = Stage()
    wanted, _ = await posted(stage)
    stage.answering(searches("creditMemo"), Answer(200, {}, body))
    with pytest.raises(Unavailable, match="not what NetSuite answers here"):
        await stage.adapter.look_up(wanted, CALLS)
    with pytest.raises(Unavailable):
        await stage.adapter.candidates(replace(wanted, adopt_since="2026-11-20T00:00:00Z"), CALLS)
    with pytest.raises(Unavailable):
        [one async for one in stage.adapter.list_documents(wanted.kind, "2026-01-01T00:00:00Z", CALLS)]


@pytest.mark.parametrize("route", ["salesOrder", "returnAuthorization", "invoice", "customer", "suiteql"])
async def test_json_of_somebody_else_is_not_an_order_without_something(route: str) -> None:
    """Neither "not in NetSuite", nor an order without returns, invoices, customer or items."""
    stage = Stage()
    await posted(stage)
    stage.answering(lambda call: route in call.path, MAINTENANCE)
    with pytest.raises(Unavailable):
        await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    if route in ("salesOrder", "returnAuthorization", "invoice"):  # found, and then read
        stage.answering(reads(route), MAINTENANCE)
        with pytest.raises(Unavailable):
            await stage.ask(DocumentKind.ORDER_SNAPSHOT)


async def test_json_of_somebody_else_is_not_an_item_that_is_gone() -> None:
    """X02: an exchange would be refused for want of stock."""
    stage = Stage()
    body = {"sku": "TEE-RED-L", "item": "TEE-RED-L", "locations": ["101"]}
    assert (await stage.ask(DocumentKind.AVAILABILITY, **body))["available"] == 3
    stage.answering(lambda call: "suiteql" in call.path, MAINTENANCE)
    with pytest.raises(Unavailable):
        await stage.ask(DocumentKind.AVAILABILITY, **body)


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    "answer",
    [MAINTENANCE, Answer(200, {}, ""), Answer(201, {"Location": "/login"}, ""), Answer(202, {}, ""),
     Answer(204, {"Location": "https://x/services/rest/record/v1/salesOrder/1"}, ""),
     Answer(302, {"Location": "/login"}, ""), Answer(403, {}, "<html>"), Answer(404, {}, ""), Answer(502, {}, "")],
    ids=range(9),
)  # fmt: skip
async def test_a_foreign_answer_to_a_write_leaves_it_in_doubt(answer: Answer, applied: bool) -> None:
    """Whatever form the write has: it may have got through before somebody else answered."""
    for form in ("transform", "upsert", "patch"):
        stage = Stage()
        who = (await stage.ask(DocumentKind.ORDER_SNAPSHOT))["customer"]["number"]
        memo, made = await posted(stage)
        (invoice,) = (await stage.ask(DocumentKind.ORDER_SNAPSHOT))["invoices"]
        wanted = {
            "transform": note(memo.body["source"]["number"], GROSS, amount="40.00", subject="rf2"),
            "upsert": standalone_note(who, GROSS, amount="40.00", subject="rf3"),
            "patch": application(made.number, (invoice["number"], "40.00")),
        }[form]

        def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
            if not call.writes:
                return honest()
            if applied:
                honest()
            return answer

        stage.account.twist = twist
        with pytest.raises(InDoubt):
            await stage.create(wanted)


async def test_an_upsert_is_read_back_by_its_own_reference() -> None:
    """204 without a place: the record is found by its external id, and a foreign one is not it."""
    stage = Stage()
    who = (await stage.ask(DocumentKind.ORDER_SNAPSHOT))["customer"]["number"]
    wanted = standalone_note(who, GROSS, amount="40.00")

    def nameless(call: Call, honest: Callable[[], Answer]) -> Answer:
        answer = honest()
        return Answer(204, {}, "") if call.writes else answer

    stage.account.twist = nameless
    document = await stage.create(wanted)
    assert (document.external_ref, document.differences) == (wanted.id, ())
    assert stage.paths[-1] == f"GET /record/v1/creditMemo/eid:{wanted.id}"
    stage.account.twist = lambda call, honest: Answer(204, {}, "") if call.writes else MAINTENANCE
    with pytest.raises(InDoubt):
        await stage.create(wanted)
    stage.account.twist = lambda call, honest: Answer(204, {}, "")
    with pytest.raises(InDoubt):
        await stage.create(wanted)


async def test_a_transform_must_name_what_it_made() -> None:
    """Its external id is not enforced, so a record found by it need not be this one."""
    stage = Stage()
    number = (await stage.ask(DocumentKind.ORDER_SNAPSHOT))["number"]
    stage.answering(lambda call: call.writes, Answer(204, {}, ""))
    with pytest.raises(InDoubt):
        await stage.create(authorisation(number))


# B8


async def test_a_hit_that_cannot_be_read_is_not_absence() -> None:
    """Three credit memos were made for one refund: the search found the first, and reading it answered 404."""
    stage = Stage()
    wanted, _ = await posted(stage)
    body = '{"o:errorDetails": [{"o:errorCode": "NONEXISTENT_ID", "detail": "The record instance does not exist."}]}'
    for answer in (Answer(404, {}, body), Answer(404, {}, "")):
        stage.answering(reads("creditMemo"), answer)
        with pytest.raises(Unavailable):
            await stage.adapter.look_up(wanted, CALLS)
        with pytest.raises(Unavailable):
            await stage.adapter.candidates(replace(wanted, adopt_since="2026-11-20T00:00:00Z"), CALLS)
        with pytest.raises(Unavailable):
            [one async for one in stage.adapter.list_documents(wanted.kind, "2026-01-01T00:00:00Z", CALLS)]


async def test_no_such_record_is_no_answer_to_a_search() -> None:
    """It was taken for a refusal of the look-up, and a command in doubt was given up (seed 3019)."""
    stage = Stage()
    wanted, _ = await posted(stage)
    body = '{"o:errorDetails": [{"o:errorCode": "NONEXISTENT_ID", "detail": "The record instance does not exist."}]}'
    stage.answering(searches("creditMemo"), Answer(404, {}, body))
    with pytest.raises(Unavailable):
        await stage.adapter.look_up(wanted, CALLS)
    stage.answering(lambda call: "suiteql" in call.path, Answer(404, {}, body))
    with pytest.raises(Unavailable):
        await stage.ask(DocumentKind.AVAILABILITY, sku="TEE-RED-L", item="TEE-RED-L", locations=[])
    stage.answering(lambda call: call.writes, Answer(404, {}, body))
    with pytest.raises(Refused) as refusal:  # of a write it is a refusal: what it is made from is not there
        await stage.create(note(wanted.body["source"]["number"], GROSS, amount="40.00", subject="rf2"))
    assert refusal.value.kind is ErrorKind.NOT_FOUND


@pytest.mark.parametrize("type_", ["salesOrder", "returnAuthorization", "invoice"])
async def test_an_order_is_not_answered_without_what_cannot_be_read(type_: str) -> None:
    """An earlier return or an invoice that is left out would be returned, or paid, twice."""
    stage = Stage()
    await posted(stage)
    body = '{"o:errorDetails": [{"o:errorCode": "NONEXISTENT_ID", "detail": "The record instance does not exist."}]}'
    stage.answering(reads(type_), Answer(404, {}, body))
    with pytest.raises(Unavailable, match="named a moment ago"):
        await stage.ask(DocumentKind.ORDER_SNAPSHOT)


async def test_a_record_that_does_not_fit_the_search_is_no_answer_to_it() -> None:
    """Somebody who drops the filter answers with other people's records."""
    stage = Stage()
    wanted, _ = await posted(stage)
    for name, value in (("externalId", "somebody-elses"), ("externalId", None)):
        stage.showing(reads("creditMemo"), lambda body, name=name, value=value: body.update({name: value}))  # type: ignore[misc]
        with pytest.raises(Unavailable, match="another externalId"):
            await stage.adapter.look_up(wanted, CALLS)
    stage.showing(reads("salesOrder"), lambda body: body.update(otherRefNum="5002"))
    with pytest.raises(Unavailable, match="another otherRefNum"):
        await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    stage.showing(reads("invoice"), lambda body: body.update(createdFrom={"id": "1"}))
    with pytest.raises(Unavailable, match="another createdFrom"):
        await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    # NetSuite's IS does not mind the case, and a field may be hidden from us.
    stage.showing(reads("invoice"), lambda body: body.pop("createdFrom"))
    assert len((await stage.ask(DocumentKind.ORDER_SNAPSHOT))["invoices"]) == 1


async def test_an_order_is_found_in_any_case_of_its_name() -> None:
    """As NetSuite's IS does."""
    stage = Stage()
    stage.showing(reads("salesOrder"), lambda body: body.update(otherRefNum="AB-5001"))
    account = stage.account
    account.system.reset()
    account.control.seed({"orders": [order("ab-5001")]})
    answer = await stage.adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "ab-5001"}), CALLS)
    assert answer["found"] == 1


@pytest.mark.parametrize("hidden", ["createdFrom", "otherRefNum"])
async def test_an_earlier_return_is_found_by_its_order_or_by_the_orders_name(hidden: str) -> None:
    """R02: one made by hand may show only one of them; one that shows both is told once."""
    stage = Stage()
    await posted(stage)
    assert len((await stage.ask(DocumentKind.ORDER_SNAPSHOT))["returns"]) == 1

    def none_by(call: Call, honest: Callable[[], Answer]) -> Answer:
        asked = call.path.endswith("returnAuthorization") and hidden in call.query.get("q", "")
        return Answer(200, {}, '{"items": [], "hasMore": false}') if asked else honest()

    stage.account.twist = none_by
    assert len((await stage.ask(DocumentKind.ORDER_SNAPSHOT))["returns"]) == 1


async def test_the_same_hit_twice_is_one_document() -> None:
    """A list that repeats itself over its pages makes no duplicate."""
    stage = Stage()
    wanted, made = await posted(stage)

    def doubled(body: dict[str, Any]) -> None:
        body["items"] *= 2
        body["count"] = body["totalResults"] = len(body["items"])

    stage.showing(searches("creditMemo"), doubled)
    assert [document.number for document in await stage.adapter.look_up(wanted, CALLS)] == [made.number]


async def test_a_look_up_with_very_many_hits_is_no_answer() -> None:
    """Each would be read; no reference has so many documents, so the filter was not applied."""
    wire = Pages(LOOK_UP.records + 1, 1000)
    with pytest.raises(Unavailable, match="more than 200 records"):
        await Client("https://example.com", wire).search("creditMemo", "x", CALLS)
    wire = Pages(LOOK_UP.records, 1000)
    assert len(await Client("https://example.com", wire).search("creditMemo", "x", CALLS)) == LOOK_UP.records


class Heard:
    """A wire that keeps the headers of each request, by its method."""

    def __init__(self) -> None:
        self.headers: dict[str, dict[str, str]] = {}

    async def send(self, method: str, url: str, body: bytes | None, headers: Any, progress: Progress) -> Answer:
        self.headers[method] = dict(headers)
        if method in ("PUT", "PATCH"):
            return Answer(204, {}, "")
        return Answer(200, {}, '{"items": [], "hasMore": false}')

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_request_says_what_it_sends_and_what_it_wants() -> None:
    """SuiteQL wants `Prefer: transient`; a body is JSON, and a request without one says nothing of it."""
    wire = Heard()
    client = Client("https://example.com/", wire)
    await client.search("creditMemo", "x", CALLS)
    await client.suiteql("SELECT 1", CALLS)
    await client.upsert("creditMemo", "ref", {}, "item", CALLS)
    json_both = {"Accept": "application/json", "Content-Type": "application/json"}
    assert wire.headers == {
        "GET": {"Accept": "application/json"},
        "POST": {**json_both, "Prefer": "transient"},
        "PUT": json_both,
    }


class Pages:
    """A wire to a collection of so many records, answered in pages of a size; `stuck`: always the first."""

    def __init__(self, records: int, size: int, *, stuck: bool = False, at: int | None = None) -> None:
        self.records, self.size, self.stuck, self.asked = records, size, stuck, 0
        self.at = at  # where an address without an offset begins

    async def send(self, method: str, url: str, body: bytes | None, headers: Any, progress: Progress) -> Answer:
        self.asked += 1
        _, named, offset = url.rpartition("offset=")
        start = 0 if self.stuck or (self.at is not None and not named) else int(offset)
        items = [{"id": str(number)} for number in range(start, min(start + self.size, self.records))]
        return Answer(200, {}, json.dumps({"items": items, "hasMore": start + self.size < self.records}))

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_long_list_is_read_to_its_end() -> None:
    """Page after page, each record once."""
    wire = Pages(2_345, 1000)
    found = [number async for number in Client("https://example.com", wire).each("creditMemo", "x", CALLS)]
    assert (found, wire.asked) == ([str(number) for number in range(2_345)], 3)


async def test_suiteql_is_read_page_by_page_to_its_bound() -> None:
    """Each page from where the last ended, so that no row is missed and none comes twice."""
    wire = Pages(25, 10, at=0)
    rows = await Client("https://example.com", wire).suiteql("SELECT 1", CALLS, needs="id")
    assert ([row["id"] for row in rows], wire.asked) == ([str(number) for number in range(25)], 3)
    with pytest.raises(Unavailable, match="more than 1000 rows"):
        await Client("https://example.com", Pages(1001, 1000, at=0)).suiteql("SELECT 1", CALLS)


async def test_a_page_that_comes_again_and_again_ends_the_list() -> None:
    """B10: a cache in between answers every offset alike."""
    wire = Pages(50, 10, stuck=True)
    with pytest.raises(Unavailable, match="answered before"):
        [number async for number in Client("https://example.com", wire).each("creditMemo", "x", CALLS)]
    assert wire.asked == 2
    assert (LIST.pages, LIST.records) == (1000, 1_000_000)


# B9: what is there, and what is not


async def test_only_netsuites_own_404_says_that_a_parent_is_gone() -> None:
    """A proxy's 404 is asked about again; NetSuite's is a refusal once reads are no longer behind."""
    stage = Stage()
    for wanted in (application("99", ("77", "1.00")), closing("99"), reversal("99", "1.00")):
        with pytest.raises(Refused) as refusal:
            await stage.create(wanted)
        assert refusal.value.kind is ErrorKind.NOT_FOUND
    stage.answering(lambda call: call.method == "GET", Answer(404, {}, "<html>"))
    for wanted in (application("99", ("77", "1.00")), closing("99"), reversal("99", "1.00")):
        with pytest.raises(Unavailable):
            await stage.create(wanted)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def test_a_parent_is_gone_once_reads_cannot_be_behind_any_more() -> None:
    """It was made a moment ago, and a stale read hides it: only what is not there for so long is not there."""
    stage, clock = Stage(), Clock()
    stage.adapter = NetSuite(Client("https://example.com", stage.account), Limits(read_lag_seconds=30), now=clock)
    wanted, other = closing("99"), closing("98")
    for seconds in (0, 29):
        clock.turn(seconds)
        with pytest.raises(Unavailable, match="returnAuthorization 99 cannot be read yet"):
            await stage.create(wanted)
    clock.turn(1)
    with pytest.raises(Unavailable):
        await stage.create(other)  # missed since now, not since the other was
    with pytest.raises(Refused, match="returnAuthorization 99 is not in the account") as refusal:
        await stage.create(wanted)
    assert refusal.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(Unavailable):
        await stage.create(wanted)  # asked about again, it is waited for again


async def test_a_parent_that_was_seen_meanwhile_is_missed_from_the_start() -> None:
    """What was hidden, then seen, then hidden again has not been gone for the whole time."""
    stage, clock = Stage(), Clock()
    memo, _ = await posted(stage)
    source = memo.body["source"]["number"]
    stage.adapter = NetSuite(Client("https://example.com", stage.account), Limits(read_lag_seconds=30), now=clock)
    gone = '{"o:errorDetails": [{"o:errorCode": "NONEXISTENT_ID", "detail": "The record instance does not exist."}]}'
    wanted = closing(source)
    for seen in (False, True, False):
        if seen:
            stage.account.twist = lambda call, honest: honest()
            assert await stage.adapter.look_up(wanted, CALLS) == ()
        else:
            stage.answering(reads("returnAuthorization"), Answer(404, {}, gone))
            with pytest.raises(Unavailable):
                await stage.adapter.look_up(wanted, CALLS)
        clock.turn(20)


async def test_an_authorisations_lines_are_read_once_until_something_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One read for all receipts and notes of a return; a refusal may mean that its lines were changed."""
    stage = Stage()
    wanted, _ = await posted(stage)
    source = wanted.body["source"]["number"]
    read = f"GET /record/v1/returnAuthorization/{source}"
    assert stage.paths.count(read) == 1, "it was read back when it was made, and not again for the note"
    stage.account.calls.clear()
    await stage.create(receipt(source))
    assert stage.paths.count(read) == 0, "it was read when it was made"
    with pytest.raises(Refused):
        await stage.create(receipt(source, subject="ins-2/l1"))
    with pytest.raises(Refused):
        await stage.create(receipt(source, subject="ins-3/l1"))
    assert stage.paths.count(read) == 1, "it was forgotten with the first refusal"
    monkeypatch.setattr("adapters.netsuite.adapter._REMEMBERED", 1)
    number = (await stage.ask(DocumentKind.ORDER_SNAPSHOT))["number"]
    hat = {"item": "HAT-1", "sku": "HAT-1", "quantity": 1, "order_line": "2", "order_line_id": "ol2"}
    other = await stage.create(authorisation(number, hat, subject="ret-2"))
    await stage.create(receipt(other.number, hat, subject="ins-4/l2"))
    assert len(stage.adapter._authorisations) == 1


async def test_an_authorisation_that_a_stale_read_hides_is_asked_for_again_next_time() -> None:
    """A note is made of it all the same: it names the order's own lines."""
    stage = Stage()
    memo, _ = await posted(stage)
    stage.adapter = NetSuite(Client("https://example.com", stage.account), Limits())
    gone = '{"o:errorDetails": [{"o:errorCode": "NONEXISTENT_ID", "detail": "The record instance does not exist."}]}'
    stage.answering(reads("returnAuthorization"), Answer(404, {}, gone))
    again = note(memo.body["source"]["number"], GROSS, amount="40.00", subject="rf2")
    assert (await stage.create(again)).differences == ()
    assert stage.adapter._authorisations == {}


async def test_what_cannot_be_written_is_refused_before_it_is_sent() -> None:
    """A1: half a surrogate pair in a command is no exception of another kind."""
    stage = Stage()
    who = (await stage.ask(DocumentKind.ORDER_SNAPSHOT))["customer"]["number"]
    before = len(stage.account.calls)
    odd = standalone_note(who, GROSS, amount="40.00")
    question = command(DocumentKind.ORDER_SNAPSHOT, {})
    for work in (
        stage.create(replace(odd, body={**odd.body, "order_id": "\ud800"})),
        stage.adapter.answer(replace(question, body={"order_id": "\ud800"}), CALLS),
    ):
        with pytest.raises(Refused) as refusal:
            await work
        assert refusal.value.kind is ErrorKind.INVALID
    assert len(stage.account.calls) == before


async def test_an_answer_larger_than_a_row_is_refused_as_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A2's kind: it could be neither kept nor published."""
    stage = Stage()
    size = len(orjson.dumps(await stage.ask(DocumentKind.ORDER_SNAPSHOT)))
    monkeypatch.setattr("adapters.netsuite.adapter._LONGEST_ANSWER", size)
    await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    monkeypatch.setattr("adapters.netsuite.adapter._LONGEST_ANSWER", size - 1)
    with pytest.raises(Refused) as refusal:
        await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    assert refusal.value.kind is ErrorKind.TOO_LARGE and "order 5001" in str(refusal.value)


# A1: proofs


def record_of(wanted: Command, **changes: Any) -> dict[str, Any]:
    row = {"line": 1, "item": {"id": "4711"}, "quantity": 1, "grossAmt": 40, "tax1Amt": 6.67}
    return {
        "id": "900",
        "externalId": wanted.id,
        "otherRefNum": "5001",
        "currency": {"refName": "GBP"},
        "total": 40,
        "tranDate": "2026-11-27",
        "item": {"items": [row]},
        **changes,
    }


def with_row(wanted: Command, **changes: Any) -> dict[str, Any]:
    record = record_of(wanted)
    record["item"]["items"][0] |= changes
    return record


NOTE = standalone_note("7", GROSS, amount="40.00")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ()),
        ({"grossAmt": None}, ("line TEE-RED-M: gross amount is not shown, 40.00 was asked",)),
        ({"grossAmt": "1e1000000"}, ("line TEE-RED-M: gross amount is not shown, 40.00 was asked",)),
        ({"grossAmt": True}, ("line TEE-RED-M: gross amount is not shown, 40.00 was asked",)),
        ({"grossAmt": 39.994}, ("line TEE-RED-M: gross amount is 39.99, 40.00 was asked",)),
        ({"grossAmt": 40.000000000000004}, ()),
        ({"grossAmt": None, "amount": 33.3333, "tax1Amt": 6.6667}, ()),
        ({"quantity": None}, ("line TEE-RED-M: quantity is not shown, 1 was asked",)),
        ({"quantity": -1}, ("line TEE-RED-M: quantity is -1, 1 was asked",)),
        ({"quantity": 1.5}, ("line TEE-RED-M: quantity is 1.5, 1 was asked",)),
        ({"quantity": True}, ("line TEE-RED-M: quantity is not shown, 1 was asked",)),
        ({"quantity": 1.0}, ()),
        ({"tax1Amt": 6.6667}, ()),
        ({"tax1Amt": None}, ()),
        ({"tax1Amt": "odd"}, ("line TEE-RED-M: tax is not shown, 6.67 was asked",)),
        ({"tax1Amt": 6.66}, ("line TEE-RED-M: tax is 6.66, 6.67 was asked",)),
        ({"item": {}}, ("line TEE-RED-M is missing", "line  was not asked for")),
        ({"item": None}, ("line TEE-RED-M is missing", "line  was not asked for")),
        ({"item": ["4711"]}, ("line TEE-RED-M is missing", "line  was not asked for")),
    ],
)
def test_a_line_that_shows_something_odd_is_a_difference(changes: dict[str, Any], told: tuple[str, ...]) -> None:
    """A1: a line without an amount was a ValueError in the middle of a sentence [24 take-overs]."""
    assert differences(NOTE, with_row(NOTE, **changes), PLAIN) == told
    assert document_of(NOTE.kind, with_row(NOTE, **changes), PLAIN).number == "900"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"total": 40.000000000000004}, ()),
        ({"total": 40.004}, ()),
        ({"total": 40.005}, ("amount is GBP 40.01, GBP 40.00 was asked",)),
        ({"total": -40}, ("amount is GBP -40.00, GBP 40.00 was asked",)),
        ({"total": "odd"}, ("it shows no total, GBP 40.00 was asked",)),
        ({"total": None}, ()),
        ({"externalId": 5}, (f"external id is 5, {NOTE.id} was asked",)),
        ({"externalId": ["x"]}, (f"external id is empty, {NOTE.id} was asked",)),
        ({"otherRefNum": 5001}, ()),
        ({"currency": None}, ()),
        ({"currency": {}}, ()),
        ({"currency": []}, ()),
        ({"status": []}, ()),
        ({"status": {"refName": "VOIDED"}}, ("it is void",)),
    ],
)
def test_a_header_that_shows_something_odd_is_a_difference(changes: dict[str, Any], told: tuple[str, ...]) -> None:
    """A1, C14: rounded in the currency that was asked for where the record shows none."""
    assert differences(NOTE, record_of(NOTE, **changes), PLAIN) == told


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ({"id": "101"}, None, ()),
        ({"id": "102"}, None, ("line TEE-RED-M: location is 102, 101 was asked",)),
        ({"id": "102"}, {"id": "101"}, ()),
        (None, {"id": "101"}, ()),
        (None, None, ("line TEE-RED-M: location is empty, 101 was asked",)),
    ],
)
def test_a_receipts_place_may_stand_in_its_header(header: Any, row: Any, told: tuple[str, ...]) -> None:
    """S02: a row's own place goes before the header's."""
    wanted = receipt("60")
    shown = {"line": 1, "item": {"id": "4711"}, "quantity": 1, "location": row}
    record = record_of(wanted, location=header, createdFrom={"id": "60"}, item={"items": [shown]})
    assert differences(wanted, record, PLAIN) == told
    assert document_of(wanted.kind, record, PLAIN).lines[0]["location"] == (row or header or {}).get("id", "")


def test_a_record_without_a_number_is_a_document_without_one() -> None:
    """A1: it was a KeyError; the dispatcher takes no document without a number for done."""
    assert document_of(NOTE.kind, {}, PLAIN) == Document("", NOTE.kind)
    assert document_of(NOTE.kind, {"id": {"x": 1}, "tranDate": 7, "total": []}, PLAIN).number == ""


def test_what_is_told_of_a_long_list_is_short() -> None:
    """It becomes a record of Kafka."""
    rows = [{"item": {"id": str(number)}, "quantity": 1} for number in range(10_000, 20_000)]
    record = record_of(NOTE, item={"items": rows})
    document = document_of(NOTE.kind, record, PLAIN, differences(NOTE, record, PLAIN))
    assert (len(document.lines), len(document.differences)) == (MOST_LINES, MOST_DIFFERENCES + 1)
    assert document.differences[0] == "line TEE-RED-M is missing"
    assert document.differences[-1] == "and 9981 differences more"


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"tranDate": "2026-11-20"}, True),
        ({"tranDate": "2026-11-19"}, False),
        ({"tranDate": "27/11/2026"}, False),
        ({"tranDate": 1764236400}, False),
        ({"tranDate": None}, False),
        ({"total": 40.000000000000004}, True),
        ({"total": 40.01}, False),
        ({"externalId": "ours"}, False),
        ({"externalId": 5}, False),
        ({"otherRefNum": 5001}, True),
        ({"otherRefNum": None}, False),
        ({"status": "Voided"}, False),
        ({"currency": {"refName": "EUR"}}, False),
        ({"currency": None}, True),
        ({"currency": None, "total": 40.004}, True),
        ({"total": 40.004}, True),
        ({"total": 40.005}, False),
    ],
)
def test_a_hand_made_note_is_adopted_by_what_it_shows(changes: dict[str, Any], fits: bool) -> None:
    """L01: the same order, currency and amount, no external id, dated since; an odd date is no date."""
    adopting = replace(NOTE, adopt_since="2026-11-20T00:00:00Z")
    assert may_be_adopted(adopting, {**record_of(NOTE), "externalId": None, **changes}, PLAIN) is fits
    assert not may_be_adopted(NOTE, {**record_of(NOTE), "externalId": None, **changes}, PLAIN)


def test_an_application_in_another_currency_is_not_the_one_that_was_asked() -> None:
    """R05: 40.00 of something else; where the memo shows no currency, amounts alone are compared."""
    wanted = application("900", ("77", "40.00"))
    memo = {"id": "900", "apply": {"items": [{"apply": True, "doc": {"id": "77"}, "amount": 40.000000000000004}]}}
    for currency, told in (("GBP", ()), (None, ()), ("EUR", ("currency is EUR, GBP was asked",))):
        shown = application_of(wanted, {**memo, "currency": currency and {"refName": currency}}, PLAIN)
        assert shown is not None and shown.differences == told
    for odd in ("odd", True, None, 0):
        row = {"apply": True, "doc": {"id": "77"}, "amount": odd}
        assert application_of(wanted, {**memo, "apply": {"items": [row]}}, PLAIN) is None
    for flag, applied in (("T", True), ("F", False), (None, False), ("odd", False)):
        row = {"apply": flag, "doc": {"id": "77"}, "amount": 40}
        assert (application_of(wanted, {**memo, "apply": {"items": [row]}}, PLAIN) is not None) is applied


BY_HAND: dict[str, Any] = {
    "externalId": None,
    "otherRefNum": "5001",
    "currency": {"refName": "GBP"},
    "tranDate": "2026-11-27",
}
SENT = {"line": 1, "item": {"id": "TEE-RED-L"}, "quantity": 1, "rate": 0}


@pytest.mark.parametrize(
    ("wanted", "record", "fits"),
    [
        (exchange("7"), {"total": 0, "item": {"items": [SENT]}}, True),
        (exchange("7"), {"total": 5, "item": {"items": [SENT]}}, False),
        (exchange("7"), {"total": 0, "item": {"items": [{**SENT, "quantity": 2}]}}, False),
        (exchange("7"), {"total": 0, "item": {"items": [{**SENT, "item": {"id": "HAT-1"}}]}}, False),
        (exchange("7"), {"total": 0, "item": {"items": []}}, False),
        (receipt("60"), {"location": {"id": "101"}, "item": {"items": [{**SENT, "item": "4711"}]}}, True),
        (receipt("60"), {"location": {"id": "102"}, "item": {"items": [{**SENT, "item": "4711"}]}}, False),
        (
            receipt("60"),
            {"location": {"id": "101"}, "item": {"items": [{**SENT, "item": "4711", "quantity": 2}]}},
            False,
        ),
        (movement(), {"inventory": {"items": [{"item": "4711", "adjustQtyBy": 1}]}}, True),
        (movement(), {"inventory": {"items": [{"item": "4711", "adjustQtyBy": 2}]}}, False),
        (authorisation("55"), {"item": {"items": [{**SENT, "item": "4711"}]}}, True),
        (authorisation("55"), {"item": {"items": [{**SENT, "item": "HAT-1"}]}}, False),
        (authorisation("55", GROSS), {"total": 40, "item": {"items": []}}, True),
        (authorisation("55", GROSS), {"total": 41, "item": {"items": []}}, False),
        (reversal("900", "5.00"), {"custbody_reverses": "900", "line": {"items": [{"debit": 5}]}}, True),
        (reversal("900", "5.00"), {"custbody_reverses": "901", "line": {"items": [{"debit": 5}]}}, False),
        (reversal("900", "5.00"), {"custbody_reverses": "900", "line": {"items": [{"debit": 6}]}}, False),
    ],
    ids=range(17),
)
def test_what_was_made_by_hand_is_adopted_by_its_kind(wanted: Command, record: dict[str, Any], fits: bool) -> None:
    """L01: by amount where there is one, else by items, units and places."""
    adopting = replace(wanted, adopt_since="2026-11-20T00:00:00Z")
    assert may_be_adopted(adopting, {**BY_HAND, "id": "1", **record}, PLAIN) is fits


# C14: through the account


async def test_amounts_with_more_digits_than_their_currency_are_what_they_mean() -> None:
    """`tax1Amt` 13.3333, a total of 40.000000000000004, `amountRemaining` 54.949999999999996: no bug, no difference."""
    stage = Stage()

    def noisy(body: Any) -> None:
        for name, value in body.items() if isinstance(body, dict) else enumerate(body):
            if isinstance(value, float):
                body[name] = value + 0.0000000000004
            elif isinstance(value, dict | list):
                noisy(value)

    stage.showing(lambda call: call.method == "GET", noisy)
    wanted, made = await posted(stage)
    assert (made.amount, made.differences) == ("40.00", ())
    assert [line["tax"] for line in made.lines] == ["6.67"]
    answer = await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    assert (answer["total"], answer["shipping"]) == ("94.95", "4.95")
    assert [(line["unit_price"], line["amount"], line["tax"]) for line in answer["lines"]] == [
        ("40.00", "80.00", "13.33"),
        ("10.00", "10.00", "1.67"),
    ]
    (invoice,) = answer["invoices"]
    assert invoice["open"] == "94.95"
    applied = await stage.create(application(made.number, (invoice["number"], "40.00")))
    assert (applied.amount, applied.differences) == ("40.00", ())
    (left,) = (await stage.ask(DocumentKind.INVOICE, order_number=answer["number"]))["invoices"]
    assert left["open"] == "54.95"
    back = await stage.create(reversal(made.number, "40.00"))
    assert (back.amount, back.differences) == ("40.00", ())
    assert (await stage.adapter.look_up(wanted, CALLS))[0].differences == ()


# Availability


@pytest.mark.parametrize(
    ("shown", "available"),
    [("3", 3), (3.9, 3), ("-2", 0), (None, 0), ("", 0), ("many", None), ("1e1000000", None), (True, None)],
)
async def test_units_that_may_be_promised_are_whole_and_readable(shown: Any, available: int | None) -> None:
    """X02: half a unit is none, less than nothing is nothing, and what cannot be read is not nothing."""
    stage = Stage()

    def change(body: dict[str, Any]) -> None:
        for row in body["items"]:
            if "quantityavailable" in row:
                row["quantityavailable"] = shown

    stage.showing(lambda call: "suiteql" in call.path, change)
    work = stage.ask(DocumentKind.AVAILABILITY, sku="TEE-RED-L", item="TEE-RED-L", locations=["101"])
    if available is None:
        with pytest.raises(Unavailable):
            await work
    else:
        assert (await work)["available"] == available


@pytest.mark.parametrize(
    ("shown", "active"), [("F", True), (False, True), (None, True), ("T", False), (True, False), ("?", None)]
)
async def test_an_item_is_active_unless_the_account_says_otherwise(shown: Any, active: bool | None) -> None:
    """As text or as a flag; an odd flag is unreadable."""
    stage = Stage()

    def change(body: dict[str, Any]) -> None:
        for row in body["items"]:
            if "isinactive" in row:
                row["isinactive"] = shown

    stage.showing(lambda call: "suiteql" in call.path, change)
    work = stage.ask(DocumentKind.AVAILABILITY, sku="TEE-RED-L", item="TEE-RED-L", locations=["101"])
    if active is None:
        with pytest.raises(Unavailable):
            await work
    else:
        assert (await work)["item_active"] is active


async def test_an_item_without_an_id_is_unreadable() -> None:
    """Its stock could not be asked for."""
    stage = Stage()
    stage.showing(lambda call: "suiteql" in call.path, lambda body: [row.pop("id", None) for row in body["items"]])
    with pytest.raises(Unavailable, match="without its id"):
        await stage.ask(DocumentKind.AVAILABILITY, sku="TEE-RED-L", item="TEE-RED-L", locations=["101"])


async def test_a_reversal_is_booked_where_the_memo_was() -> None:
    """R10: on the receivable account and the customer that the memo names, read for it."""
    stage = Stage()
    _, made = await posted(stage)
    stage.showing(reads("creditMemo"), lambda body: body.update(account={"id": "1100"}, entity={"id": "77"}))
    await stage.create(reversal(made.number, "40.00"))
    (sent,) = [
        call for call in stage.account.calls if call.path.startswith("/record/v1/journalEntry/eid:") and call.writes
    ]
    debit, credit = json.loads(sent.body)["line"]["items"]
    assert debit == {"account": {"id": "1100"}, "debit": 40.0, "entity": {"id": "77"}}
    assert credit == {"account": {"id": "54"}, "credit": 40.0}


async def test_every_kind_of_document_is_proven_and_found() -> None:
    """The honest account, without any twist: nothing here is too strict for it."""
    stage = Stage()
    answer = await stage.ask(DocumentKind.ORDER_SNAPSHOT)
    who = answer["customer"]["number"]
    wanted, made = await posted(stage)
    source = wanted.body["source"]["number"]
    for one in (
        exchange(who),
        movement(item="TEE-RED-L", sku="TEE-RED-L"),
        receipt(source),
        standalone_note(who, GROSS, amount="40.00", subject="rf9"),
        application(made.number, (answer["invoices"][0]["number"], "40.00")),
        reversal(made.number, "40.00"),
        closing(source),
    ):
        document = await stage.create(one)
        assert document.differences == (), one.kind
        assert await stage.adapter.look_up(one, CALLS) == (document,), one.kind
