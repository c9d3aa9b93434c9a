"""The NetSuite adapter against the simulated NetSuite, through the real gate."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.simulator import DEMO
from adapters.registry import UnknownSystem, system
from agents.clock import SystemClock
from agents.gate import Gate, GateSettings
from streams.adapter import Document, InDoubt, Refused, SignInRefused, Throttled, Unavailable
from streams.commands import Command
from streams.vocabulary import CommandClass, DocumentKind, ErrorKind
from tests.contract.netsuite_account import Account, netsuite, order
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

SECRETS = {name: DEMO[name] for name in ("consumer_key", "consumer_secret", "token_id", "token_secret")}


class Api:
    """An adapter with its gate: each method of the adapter in a slot of its own, as the dispatcher calls it."""

    def __init__(self, base_url: str, deadline: float = 8.0, **secrets: str) -> None:
        account = {"base_url": base_url, "concurrency": 15, "deadline_seconds": deadline}
        made = system("netsuite").adapter(account, {"account": DEMO["realm"], **SECRETS, **secrets})
        assert isinstance(made, NetSuite)
        self.adapter = made
        self.gate = Gate(GateSettings.from_limits(made.limits), SystemClock(), random.Random(1))

    async def create(self, wanted: Command) -> Document:
        async with self.gate.slot(CommandClass.MONEY, wanted.id) as slot:
            return await self.adapter.create(wanted, slot)

    async def look_up(self, wanted: Command) -> tuple[Document, ...]:
        async with self.gate.slot(CommandClass.MONEY, wanted.id) as slot:
            return await self.adapter.look_up(wanted, slot)

    async def candidates(self, wanted: Command) -> tuple[Document, ...]:
        async with self.gate.slot(CommandClass.MONEY, wanted.id) as slot:
            return await self.adapter.candidates(wanted, slot)

    async def ask(self, kind: DocumentKind, **body: Any) -> Mapping[str, Any]:
        async with self.gate.slot(CommandClass.MONEY, "question") as slot:
            return await self.adapter.answer(command(kind, body), slot)

    async def listed(self, kind: DocumentKind, since: str = "2026-01-01T00:00:00Z") -> list[Document]:
        async with self.gate.slot(CommandClass.BULK, "scan") as slot:
            return [document async for document in self.adapter.list_documents(kind, since, slot)]


@asynccontextmanager
async def api_of(base_url: str, **changes: Any) -> AsyncIterator[Api]:
    api = Api(base_url, **changes)
    try:
        yield api
    finally:
        await api.adapter.close()


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


@pytest.fixture
async def api(ns: Account) -> AsyncIterator[Api]:
    async with api_of(f"{ns.url}/netsuite") as made:
        yield made


async def customer(ns: Account) -> str:
    return str((await ns.get("customer", "eid:c-77"))["id"])


async def authorised(ns: Account, api: Api) -> tuple[Command, Document]:
    made = authorisation(await ns.order_id())
    return made, await api.create(made)


BY_NUMBER = {"item": "4712", "sku": "TEE-RED-L", "quantity": 1, "amount": "0.00"}  # needs no look-up before it is sent
GROSS = tee(amount="40.00", tax="6.67", tax_code="5")
FEE = {"item": "902", "quantity": 1, "component": "fee", "amount": "-2.95", "tax": "-0.49", "tax_code": "5"}
GOODWILL = {"item": "904", "sku": "goodwill", "quantity": 1, "amount": "5.00", "tax": "0.00", "tax_code": "6"}


async def test_an_authorisation_holds_the_returned_lines_and_no_others(ns: Account, api: Api) -> None:
    """R01: of an order with two lines, one unit of one line comes back."""
    made, document = await authorised(ns, api)
    assert document.differences == ()
    assert (document.external_ref, document.order_id) == (made.id, "5001")
    assert [(line["sku"], line["quantity"], line["order_line"]) for line in document.lines] == [("TEE-RED-M", 1, "1")]
    (entry,) = await ns.ledger("return_authorisation")
    assert (entry["number"], entry["external_ref"], entry["order_id"]) == (document.number, made.id, "5001")
    (found,) = await api.look_up(made)
    assert found == document


async def test_a_note_is_made_from_its_authorisation_for_exactly_the_refund(ns: Account, api: Api) -> None:
    """R03, R08: returned goods less a fee, before the goods are in."""
    _, source = await authorised(ns, api)
    document = await api.create(note(source.number, GROSS, FEE, amount="37.05"))
    assert document.differences == ()
    assert (document.amount, document.currency) == ("37.05", "GBP")
    (entry,) = await ns.ledger("credit_note")
    assert (entry["amount"], entry["order_id"], entry["method"]) == ("37.05", "5001", "customer_credit")


async def test_a_receipt_brings_the_goods_to_its_location(ns: Account, api: Api) -> None:
    """S02, S03."""
    _, source = await authorised(ns, api)
    document = await api.create(receipt(source.number, location="102"))
    assert document.differences == ()
    (entry,) = await ns.ledger("item_receipt")
    assert (entry["location"], entry["sellable"]) == ("102", False)


async def test_a_note_is_applied_once_however_often_it_is_asked(ns: Account, api: Api) -> None:
    """R05: an application is a state of the memo, found by looking at it."""
    _, source = await authorised(ns, api)
    memo = await api.create(note(source.number, GROSS, amount="40.00"))
    (invoice,) = (await api.ask(DocumentKind.INVOICE, order_id="5001", order_number=await ns.order_id()))["invoices"]
    assert invoice["open"] == "94.95"
    wanted = application(memo.number, (invoice["number"], "40.00"))
    assert await api.look_up(wanted) == ()
    first = await api.create(wanted)
    assert (first.number, first.amount, first.differences) == (memo.number, "40.00", ())
    assert await api.create(wanted) == first
    assert await api.look_up(wanted) == (first,)
    assert [entry["amount"] for entry in await ns.ledger("credit_application")] == ["40.00"]
    other = application(memo.number, (invoice["number"], "30.00"))
    assert "40.00 is applied" in (await api.look_up(other))[0].differences[0]


async def test_an_exchange_is_an_order_of_no_value(ns: Account, api: Api) -> None:
    """X01: and it is an upsert, so that sending it twice makes one."""
    wanted = exchange(await customer(ns))
    first, second = await api.create(wanted), await api.create(wanted)
    assert first.differences == () and first.amount == "0.00"
    assert first.number == second.number
    (entry,) = await ns.ledger("exchange_order")
    assert (entry["amount"], entry["external_ref"]) == ("0.00", wanted.id)


async def test_every_upsert_sent_twice_makes_one_document(ns: Account, api: Api) -> None:
    """Standalone notes and authorisations, movements, reversals: the reference is enforced."""
    who = await customer(ns)
    memo = standalone_note(who, GOODWILL, amount="5.00")
    lone = authorisation("", tee(amount="40.00", tax="6.67", tax_code="5"), form="standalone", customer={"number": who})
    for wanted in (memo, lone, movement()):
        assert api.adapter.reference_enforced(wanted)
        first, second = await api.create(wanted), await api.create(wanted)
        assert first.differences == () and first.number == second.number
    back = reversal((await api.look_up(memo))[0].number, "5.00")
    first, second = await api.create(back), await api.create(back)
    assert (first.number, first.amount, first.differences) == (second.number, "5.00", ())
    made = [entry["kind"] for entry in await ns.ledger() if entry["op"] == "create"]
    assert sorted(made) == ["credit_note", "return_authorisation", "reversal", "stock_movement"]
    (entry,) = await ns.ledger("reversal")
    assert entry["of"] == (await api.look_up(memo))[0].number
    assert not api.adapter.reference_enforced(authorisation("1"))


async def test_a_receipt_of_a_standalone_authorisation_finds_its_line(ns: Account, api: Api) -> None:
    """R14: such an authorisation numbers its lines itself; the order's line number would miss."""
    who = await customer(ns)
    hat = {"item": "HAT-1", "sku": "HAT-1", "quantity": 1, "order_line": "2", "order_line_id": "ol2"}
    priced = {**hat, "amount": "10.00", "tax": "1.67", "tax_code": "5"}
    source = await api.create(authorisation("", priced, form="standalone", customer={"number": who}))
    for adapter in (api, Api(f"{ns.url}/netsuite")):  # with the authorisation remembered, and read again
        wanted = receipt(source.number, hat, subject=f"lot-{id(adapter)}")
        if adapter is api:
            assert (await adapter.create(wanted)).differences == ()
        else:
            with pytest.raises(Refused) as refusal:
                await adapter.create(wanted)
            assert refusal.value.kind is ErrorKind.MISMATCH, "the line was found: nothing remains on it"
            await adapter.adapter.close()


async def test_a_closed_authorisation_is_found_closed(ns: Account, api: Api) -> None:
    """R13: a closing is a state of the authorisation."""
    _, source = await authorised(ns, api)
    wanted = closing(source.number)
    assert await api.look_up(wanted) == ()
    document = await api.create(wanted)
    assert (document.number, document.status) == (source.number, "closed")
    assert await api.look_up(wanted) == (document,)
    assert await api.create(wanted) == document
    assert [entry["op"] for entry in await ns.ledger("return_authorisation")] == ["create", "close"]


@pytest.mark.parametrize("on_closed_period", ["next_open", "hold"])
async def test_a_posting_into_a_closed_period_moves_or_is_held(ns: Account, api: Api, on_closed_period: str) -> None:
    """R22: the next open period, with the original date kept."""
    await ns.settings(closed_periods=["2026-09", "2026-10"])
    wanted = standalone_note(
        await customer(ns), GOODWILL, amount="5.00", date="2026-09-14T10:00:00Z", on_closed_period=on_closed_period
    )
    if on_closed_period == "hold":
        with pytest.raises(Refused) as refusal:
            await api.create(wanted)
        assert refusal.value.kind is ErrorKind.CLOSED
        assert await ns.ledger("credit_note") == []
        return
    document = await api.create(wanted)
    assert (document.at, document.differences) == ("2026-11-01", ())
    memo = await ns.get("creditMemo", document.number)
    assert "original date 2026-09-14" in memo["memo"]


async def test_a_closed_order_refuses_the_transform(ns: Account, api: Api) -> None:
    """R14: so that the playbook makes a standalone authorisation."""
    await ns.seed(orders=[order(status="closed")])
    with pytest.raises(Refused) as refusal:
        await authorised(ns, api)
    assert refusal.value.kind is ErrorKind.CLOSED


async def test_a_reference_that_the_account_refuses_to_repeat_is_a_duplicate(ns: Account, api: Api) -> None:
    """Success by look-up: the dispatcher finds the first."""
    await ns.settings(duplicates_refused=True)
    wanted, first = await authorised(ns, api)
    with pytest.raises(Refused) as refusal:
        await api.create(wanted)
    assert refusal.value.kind is ErrorKind.DUPLICATE
    assert await api.look_up(wanted) == (first,)


async def test_two_documents_of_one_reference_are_both_found(ns: Account, api: Api) -> None:
    """NetSuite keeps both; a look-up by `eid:` would show one of them."""
    wanted, first = await authorised(ns, api)
    second = await api.create(wanted)
    assert {document.number for document in await api.look_up(wanted)} == {first.number, second.number}
    assert first.number != second.number


# Faults.


@pytest.mark.parametrize("fault", ["reset after apply", "apply-then-timeout", "5xx"])
async def test_a_write_whose_end_is_unknown_is_in_doubt_and_then_found(ns: Account, fault: str) -> None:
    """Reset, time-out and a broken server after the document was made; the look-up finds exactly one."""
    async with api_of(f"{ns.url}/netsuite", deadline=1.0) as api:
        wanted = authorisation(await ns.order_id())
        await ns.faults({"fault": fault, "kind": "return_authorisation", "on": "write", "count": 1, "applied": True})
        with pytest.raises(InDoubt):
            await api.create(wanted)
        (found,) = await api.look_up(wanted)
        assert found.differences == ()
        assert len(await ns.ledger("return_authorisation")) == 1


@pytest.mark.parametrize("form", ["transform", "upsert"])
async def test_a_reset_before_apply_is_in_doubt_too_and_nothing_is_found(ns: Account, api: Api, form: str) -> None:
    """From outside it looks the same; nothing is sent a second time by the library."""
    wanted = authorisation(await ns.order_id()) if form == "transform" else exchange(await customer(ns))
    await ns.faults({"fault": "reset before apply", "on": "write", "count": 1})
    before = len(ns.simulators.calls.calls)
    with pytest.raises(InDoubt):
        await api.create(wanted)
    calls = ns.simulators.calls.calls[before:]
    sent = [call for call in calls if call.method in ("POST", "PUT") and "suiteql" not in call.path]
    assert len(sent) == 1
    assert await api.look_up(wanted) == ()


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_kept_connection_that_breaks_is_not_used_to_send_again(method: str) -> None:
    """aiohttp would send GET and PUT a second time with the same nonce (measured, 3.14)."""
    requests: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            line = head.decode().split("\r\n")[0].split(" ")[0]
            length = next(
                (int(h.split(":")[1]) for h in head.decode().lower().split("\r\n") if "content-length" in h), 0
            )
            await reader.readexactly(length)
            requests.append(line)
            if len(requests) > 1:  # the second request on the kept connection is read, and never answered
                writer.close()
                return
            body = b'{"items": [], "hasMore": false}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, api_of(f"http://127.0.0.1:{port}") as api:
        wanted = exchange("7", BY_NUMBER)
        assert await api.look_up(wanted) == ()
        expected: type[Exception] = Unavailable if method == "GET" else InDoubt
        with pytest.raises(expected):
            await (api.look_up(wanted) if method == "GET" else api.create(wanted))
    assert requests == ["GET", method]


async def test_a_wrong_amount_is_told_as_a_difference(ns: Account, api: Api) -> None:
    """204 is not done: the memo holds another amount than was asked."""
    _, source = await authorised(ns, api)
    wanted = note(source.number, GROSS, amount="40.00")
    await ns.faults({"fault": "wrong amount", "kind": "credit_note", "amount": "0.01", "count": 1})
    document = await api.create(wanted)
    assert document.amount == "40.01"
    assert "amount is GBP 40.01, GBP 40.00 was asked" in document.differences
    assert (await api.look_up(wanted))[0].differences == document.differences


async def test_accepted_and_lost_is_in_doubt_and_not_found(ns: Account, api: Api) -> None:
    """A yes without a document is no proof."""
    wanted = authorisation(await ns.order_id())
    await ns.faults({"fault": "accept and lose", "kind": "return_authorisation", "count": 1})
    with pytest.raises(InDoubt):
        await api.create(wanted)
    assert await api.look_up(wanted) == ()


@pytest.mark.parametrize("fault", [{"fault": "429"}, {"fault": "5xx"}, {"fault": "stale read", "seconds": 2}])
async def test_a_failed_read_back_leaves_the_command_in_doubt(ns: Account, api: Api, fault: dict[str, Any]) -> None:
    """The document is there: sending it again would double it."""
    wanted = authorisation(await ns.order_id())
    await ns.faults({**fault, "kind": "return_authorisation", "on": "read", "count": 1})
    with pytest.raises(InDoubt):
        await api.create(wanted)
    assert len(await api.look_up(wanted)) == 1


async def test_a_parent_that_a_stale_read_hides_is_waited_for(ns: Account, api: Api) -> None:
    """The account made it a moment ago: nothing was sent, nobody is asked, and the next try goes through."""
    _, document = await authorised(ns, api)
    await ns.faults({"fault": "stale read", "seconds": 2, "kind": "return_authorisation", "on": "read", "count": 1})
    with pytest.raises(Unavailable, match="cannot be read yet"):
        await api.create(closing(document.number))
    assert (await api.create(closing(document.number))).status == "closed"


async def test_a_parent_that_stays_away_for_longer_than_reads_lag_is_refused(ns: Account, api: Api) -> None:
    """A number that the account does not have, as somebody may have typed it."""
    now = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    api.adapter._now = lambda: now
    with pytest.raises(Unavailable):
        await api.create(closing("BY-HAND-1"))
    now += timedelta(seconds=api.adapter.limits.read_lag_seconds)
    with pytest.raises(Refused) as refused:
        await api.create(closing("BY-HAND-1"))
    assert refused.value.kind is ErrorKind.NOT_FOUND


async def test_a_throttled_write_was_not_applied(ns: Account, api: Api) -> None:
    """And the vendor's pause is passed on."""
    wanted = authorisation(await ns.order_id())
    await ns.faults({"fault": "429", "retry_after": 1, "on": "write", "count": 1})
    with pytest.raises(Throttled) as throttled:
        await api.create(wanted)
    assert throttled.value.retry_after.seconds == 1.0
    assert await ns.ledger("return_authorisation") == []


async def test_an_address_where_nobody_listens_leaves_nothing_in_doubt(unused_port: int) -> None:
    """Refused before the first byte."""
    async with api_of(f"http://127.0.0.1:{unused_port}/netsuite") as api:
        with pytest.raises(Unavailable):
            await api.create(exchange("7", BY_NUMBER))


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@pytest.mark.parametrize("asked", ["write", "read"])
async def test_wrong_credentials_are_told_without_any_secret(ns: Account, asked: str) -> None:
    """The account waits; the message names no key, token or secret."""
    async with api_of(f"{ns.url}/netsuite", token_secret="not-the-secret") as api:
        with pytest.raises(SignInRefused) as refusal:
            await (api.create(exchange("7", BY_NUMBER)) if asked == "write" else api.look_up(exchange("7")))
        told = repr(refusal.value) + repr(api.adapter.__dict__)
        assert not any(secret in told for secret in (*SECRETS.values(), "not-the-secret"))


async def test_a_refused_nonce_is_not_taken_for_bad_credentials(
    ns: Account, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NetSuite gives one answer to every failed sign-in; a plain read tells whether it was the nonce."""
    await api.look_up(exchange("7", BY_NUMBER))
    nonces = iter(["same", "same"])
    fresh = (str(number) for number in range(10**9, 10**10))
    monkeypatch.setattr("oauthlib.oauth1.rfc5849.generate_nonce", lambda: next(nonces, next(fresh)))
    monkeypatch.setattr("oauthlib.oauth1.rfc5849.generate_timestamp", _same_second())
    await api.look_up(exchange("7", BY_NUMBER))  # uses the nonce
    with pytest.raises(InDoubt):
        await api.create(exchange("7", BY_NUMBER))
    assert [call.note for call in ns.simulators.calls.calls if call.note] == ["nonce used before"]


@pytest.mark.parametrize(("reads", "ends"), [(200, InDoubt), (203, InDoubt), (404, InDoubt), (401, SignInRefused)])
async def test_a_401_without_a_reason_is_asked_about_with_a_plain_read(reads: int, ends: type[Exception]) -> None:
    """A write that was sent twice on its way gets one; credentials that are good for a read are good."""

    refused = '{"o:errorDetails": [{"o:errorCode": "INVALID_LOGIN_ATTEMPT", "detail": "Invalid login attempt."}]}'

    async def answer(request: web.Request) -> web.Response:
        status = 401 if request.method == "PUT" else reads
        bodies = {401: refused, 200: '{"items": [], "hasMore": false}'}
        return web.Response(status=status, text=bodies.get(status, "{}"))

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with api_of(f"http://127.0.0.1:{runner.addresses[0][1]}") as api:
            with pytest.raises(ends):
                await api.create(exchange("7", BY_NUMBER))
    finally:
        await runner.cleanup()


def _same_second() -> Any:
    import time

    moment = str(int(time.time()))
    return lambda: moment


# Questions.


async def test_an_order_is_answered_with_its_history(ns: Account, api: Api) -> None:
    """R02: lines with what was sent, earlier returns, invoices, the customer; an exchange of it is not the order."""
    _, source = await authorised(ns, api)
    await api.create(exchange(await customer(ns)))
    answer = await api.ask(DocumentKind.ORDER_SNAPSHOT, order_id="5001")
    assert (answer["found"], answer["status"], answer["currency"]) == (1, "fulfilled", "GBP")
    assert (answer["total"], answer["shipping"]) == ("94.95", "4.95")
    assert answer["customer"] == {"number": await customer(ns), "active": True}
    assert [(line["order_line"], line["order_line_id"], line["sku"], line["quantity"], line["fulfilled"],
             line["unit_price"], line["amount"], line["tax"], line["tax_code"]) for line in answer["lines"]] == [
        ("1", "ol1", "TEE-RED-M", 2, 2, "40.00", "80.00", "13.33", "5"),
        ("2", "ol2", "HAT-1", 1, 1, "10.00", "10.00", "1.67", "5"),
    ]  # fmt: skip
    (earlier,) = answer["returns"]
    assert (earlier["number"], earlier["lines"]) == (
        source.number, [{"order_line": "1", "sku": "TEE-RED-M", "quantity": 1}]
    )  # fmt: skip
    assert [(invoice["open"], invoice["currency"]) for invoice in answer["invoices"]] == [("94.95", "GBP")]
    assert (await api.ask(DocumentKind.ORDER_SNAPSHOT, order_id="#5001"))["number"] == answer["number"]


async def test_an_order_that_is_not_there_or_there_twice_is_counted(ns: Account, api: Api) -> None:
    """R15: archived orders are hidden from look-ups."""
    await ns.seed(orders=[order("6001", status="archived"), order("6002"), order("6002", order_number="#other")])
    assert (await api.ask(DocumentKind.ORDER_SNAPSHOT, order_id="6001"))["found"] == 0
    twice = await api.ask(DocumentKind.ORDER_SNAPSHOT, order_id="6002")
    assert (twice["found"], "lines" in twice) == (2, False)


async def test_an_inactive_customer_and_an_archived_item_are_told(ns: Account, api: Api) -> None:
    """X02, R16: before anything is made."""
    await ns.settings(inactive_customers=["c-77"])
    await ns.seed(items=[{"account": "ns", "sku": "HAT-1", "archived": True}])
    answer = await api.ask(DocumentKind.ORDER_SNAPSHOT, order_id="5001")
    assert answer["customer"]["active"] is False
    assert [line["active"] for line in answer["lines"]] == [True, False]


@pytest.mark.parametrize(
    ("sku", "item", "locations", "exists", "active", "available"),
    [
        ("TEE-RED-L", "TEE-RED-L", ["101"], True, True, 1),
        ("TEE-RED-L", "TEE-RED-L", ["102"], True, True, 0),
        ("TEE-RED-L", "TEE-RED-L", [], True, True, 1),
        ("TEE-RED-M", "4711", ["101"], True, True, 0),
        ("OLD-1", "OLD-1", ["101"], True, False, 0),
        ("O'NEILL", "O'NEILL", ["101"], False, False, 0),
    ],
)
async def test_availability_is_summed_over_the_locations_asked(
    api: Api, sku: str, item: str, locations: list[str], exists: bool, active: bool, available: int
) -> None:
    """X02: the item's own state, and units that may be promised."""
    answer = await api.ask(DocumentKind.AVAILABILITY, order_id="5001", sku=sku, item=item, locations=locations)
    assert (answer["item_exists"], answer["item_active"], answer["available"]) == (exists, active, available)


# Cut-over and lists.


async def test_a_hand_made_note_is_a_candidate_and_ours_is_none(ns: Account, api: Api) -> None:
    """L01: same order, currency and amount, dated after the return, without an external id."""
    who = await customer(ns)
    row = {"item": {"id": "904"}, "quantity": 1, "grossAmt": "5.00", "taxCode": {"id": "6"}}
    by_hand = {"otherRefNum": "5001", "entity": {"id": who}, "tranDate": "2026-11-21", "item": {"items": [row]}}
    made = await ns.post("creditMemo", by_hand)
    await ns.post("creditMemo", {**by_hand, "tranDate": "2026-11-01"})
    await ns.post("creditMemo", {**by_hand, "externalId": "another-system"})
    wanted = standalone_note(who, GOODWILL, amount="5.00")
    adopting = command(wanted.kind, dict(wanted.body), "rf1", adopt_since="2026-11-20T00:00:00Z")
    assert [document.number for document in await api.candidates(adopting)] == [made.id]
    assert await api.candidates(wanted) == ()


async def test_documents_are_listed_page_by_page(ns: Account, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """V04: all of a kind since a day, with their references."""
    monkeypatch.setattr("adapters.netsuite.client.PAGE", 2)
    who = await customer(ns)
    wanted = [standalone_note(who, GOODWILL, amount="5.00", subject=f"rf{number}") for number in range(5)]
    for one in wanted:
        await api.create(one)
    await api.create(standalone_note(who, GOODWILL, amount="5.00", subject="old", date="2026-01-02T00:00:00Z"))
    listed = await api.listed(DocumentKind.CREDIT_NOTE, "2026-11-01T00:00:00Z")
    assert [document.external_ref for document in listed] == [one.id for one in wanted]
    assert {document.amount for document in listed} == {"5.00"}


async def test_applications_closings_and_reversals_are_listed_from_their_records(ns: Account, api: Api) -> None:
    """They are no records of their own, or share one with others."""
    _, source = await authorised(ns, api)
    memo = await api.create(note(source.number, GROSS, amount="40.00"))
    (invoice,) = (await api.ask(DocumentKind.INVOICE, order_id="5001", order_number=await ns.order_id()))["invoices"]
    await api.create(application(memo.number, (invoice["number"], "40.00")))
    await api.create(closing(source.number))
    await api.create(reversal(memo.number, "40.00"))
    plain = {"account": {"id": "1"}, "debit": 5}, {"account": {"id": "2"}, "credit": 5}
    assert (await ns.post("journalEntry", {"line": {"items": list(plain)}})).status == 204
    for kind in (DocumentKind.CREDIT_APPLICATION, DocumentKind.RETURN_CLOSING, DocumentKind.REVERSAL):
        (document,) = await api.listed(kind)
        assert (document.kind, document.order_id) == (kind, "5001")


def test_a_system_nobody_built_is_named() -> None:
    """A profile's mistake is told with what there is."""
    with pytest.raises(UnknownSystem, match="no system 'sap'; known: netsuite"):
        system("sap")
