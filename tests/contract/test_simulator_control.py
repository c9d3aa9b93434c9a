"""The simulators' control plane: seeds, ledger, calls, limits, faults, settings, reset."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from adapters.cli.simulators import read_config
from adapters.netsuite.simulator.errors import CONFLICTS
from adapters.simulators import foreign
from adapters.simulators.calls import CallLog
from adapters.simulators.clock import Clock
from adapters.simulators.ledger import Entry, Ledger
from adapters.simulators.server import Simulators
from tests.contract.netsuite_account import Account, Reply, netsuite, order


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


TEE = {"orderLine": 1, "quantity": 1, "grossAmt": "40.00", "tax1Amt": "6.67"}
MEMO = {
    "externalId": "m1",
    "otherRefNum": "5001",
    "entity": {"externalId": "c-77"},
    "item": {"items": [{"item": {"id": "904"}, "quantity": 1, "grossAmt": "5.00", "taxCode": {"id": "6"}}]},
}


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.sleep(0.01)


async def post_memo(ns: Account, ref: str = "m1", timeout: float = 5.0) -> Reply | type[Exception]:
    """A memo, or the kind of failure that its caller saw."""
    try:
        return await asyncio.wait_for(ns.post("creditMemo", MEMO | {"externalId": ref}), timeout)
    except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
        return type(error)


async def test_the_ledger_is_filtered_and_read_from_where_one_left_off(ns: Account) -> None:
    """By account, kind, order id and sequence number, in order of creation."""
    await ns.seed(orders=[order("5002")])
    await ns.authorise(TEE, ref="r1")
    await ns.authorise(TEE, ref="r2", order_id="5002")
    await post_memo(ns)
    assert [entry["seq"] for entry in await ns.ledger()] == [1, 2, 3]
    assert [entry["external_ref"] for entry in await ns.ledger("return_authorisation")] == ["r1", "r2"]
    assert [entry["external_ref"] for entry in await ns.ledger(order_id="5002")] == ["r2"]
    assert [entry["seq"] for entry in await ns.ledger(since_seq="2")] == [3]
    assert await ns.ledger(account="elsewhere") == []
    fields = "seq at account kind number external_ref order_id lines op amount currency location sellable disposition"
    assert set(f"{fields} method of status from".split()) <= set((await ns.ledger())[0])


async def test_an_entry_outside_the_closed_lists_cannot_be_booked() -> None:
    """The ledger's kinds are a closed list, whatever a vendor's module calls its documents."""
    with pytest.raises(ValueError, match="not a ledger entry"):
        Entry(account="ns", kind="invoice", number="1", external_ref="", order_id="")


async def test_a_ledger_of_twenty_thousand_entries_is_read_quickly() -> None:
    """The demo polls it: all of it and a filtered view in well under a second."""
    ledger = Ledger()
    for number in range(20_000):
        ledger.append(Entry("ns", "credit_note", str(number), f"m{number}", str(number % 100), amount="1.00"))
    started = time.perf_counter()
    everything, some = ledger.read(), ledger.read(order_id="7")
    assert time.perf_counter() - started < 1.0
    assert len(json.loads(everything)) == 20_000
    assert len(json.loads(some)) == 200


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {"spaceships": []},
        {"orders": [{"account": "elsewhere", "order_id": "1"}]},
        {"orders": [{"account": "ns"}]},
        {"orders": [{"account": "ns", "order_id": "1", "status": "lost"}]},
        {"stock": [{"account": "ns", "sku": "A", "location": "101", "available": "many"}]},
        {"orders": ["x"]},
    ],
)
async def test_seeds_that_cannot_be_read_are_refused_with_the_reason(ns: Account, payload: Any) -> None:
    """400 with an error, never a seed that is half there in silence."""
    answer = await ns.control("PUT", "/_orders", payload, expect=400)
    assert answer["error"]


async def test_calls_are_listed_and_summed_up(ns: Account) -> None:
    """When each started and finished, its status, its kind, and how many were in flight."""
    await ns.authorise(TEE)
    await ns.call("GET", "/record/v1/creditMemo/1")
    calls = await ns.control("GET", "/_calls?account=ns")
    assert [(call["kind"], call["status"], call["in_flight"]) for call in calls] == [
        ("sales_order", 200, 1),
        ("return_authorisation", 204, 1),
        ("credit_note", 404, 1),
    ]
    assert all(call["started"] <= call["finished"] for call in calls)
    summary = await ns.control("GET", "/_calls?summary=1")
    assert (summary["max_in_flight"], summary["breaches"]) == (1, 0)
    assert summary["accounts"]["ns"]["statuses"] == {"200": 1, "204": 1, "404": 1}


async def test_arrivals_beyond_the_limit_are_breaches_and_get_429(ns: Account) -> None:
    """The limit is on calls in flight: 5 at once against 3 gives 2 breaches, without Retry-After."""
    await ns.settings(limit=3, latency_ms=[150, 150])
    replies = await asyncio.gather(*(ns.call("GET", "/record/v1/salesOrder") for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [200, 200, 200, 429, 429]
    blocked = next(reply for reply in replies if reply.status == 429)
    assert "Retry-After" not in blocked.headers
    assert blocked.json["title"] == "Too Many Requests"
    summary = await ns.control("GET", "/_calls?summary=1")
    assert summary["breaches"] == 2
    assert summary["max_in_flight"] > 3
    replies = await asyncio.gather(*(ns.call("GET", "/record/v1/salesOrder") for _ in range(3)))
    assert {reply.status for reply in replies} == {200}


async def test_a_closed_connection_frees_its_place(ns: Account) -> None:
    """In flight is until the answer or the closed connection: giving up makes room at once."""
    await ns.settings(limit=1)
    await ns.faults({"account": "ns", "fault": "hang", "count": 5})
    for number in range(5):
        assert await post_memo(ns, f"m{number}", timeout=0.1) is TimeoutError
    assert isinstance(await post_memo(ns, "last"), Reply)
    summary = await ns.control("GET", "/_calls?summary=1")
    assert (summary["breaches"], summary["max_in_flight"]) == (0, 1)
    assert [entry["external_ref"] for entry in await ns.ledger()] == ["last"]


async def test_a_write_whose_caller_goes_away_is_still_carried_out(ns: Account) -> None:
    """A server finishes what it has read."""
    await ns.settings(latency_ms=[200, 200])
    assert await post_memo(ns, timeout=0.05) is TimeoutError

    async def applied() -> bool:
        return len(await ns.ledger("credit_note")) == 1

    await until(applied)


def _seconds_from_now(name: str, value: str) -> float:
    now = datetime.now(UTC)
    match name:
        case "seconds":
            return float(value)
        case "http_date":
            return (parsedate_to_datetime(value) - now).total_seconds()
        case "unix":
            return int(value) - now.timestamp()
        case "iso":
            return (datetime.fromisoformat(value) - now).total_seconds()
    return int(value) / 1000


@pytest.mark.parametrize("style", ["seconds", "http_date", "unix", "iso", "milliseconds"])
async def test_429_comes_with_each_style_of_retry_after(ns: Account, style: str) -> None:
    """All five say the same thirty seconds; it is no breach."""
    await ns.faults({"account": "ns", "kind": "credit_note", "fault": "429", "retry_after": style, "seconds": 30})
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    header = "X-Rate-Limit-Time-Reset-Ms" if style == "milliseconds" else "Retry-After"
    assert 28 <= _seconds_from_now(style, reply.headers[header]) <= 31
    assert (reply.status, (await ns.control("GET", "/_calls?summary=1"))["breaches"]) == (429, 0)


async def test_429_may_come_without_retry_after(ns: Account) -> None:
    """NetSuite's own way."""
    await ns.faults({"account": "ns", "fault": "429", "retry_after": "absent", "count": 1})
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    assert (reply.status, "Retry-After" in reply.headers) == (429, False)
    assert isinstance(again := await post_memo(ns), Reply)
    assert again.status == 204


@pytest.mark.parametrize(
    ("fault", "seen", "kept"),
    [
        ("reset before apply", "reset", 0),
        ("reset after apply", "reset", 1),
        ("apply-then-timeout", "timeout", 1),
        ("hang", "timeout", 0),
        ("accept-and-lose", 204, 0),
        ("refuse", 400, 0),
        ("5xx", 503, 0),
        ("502", 502, 0),
        ("slow", 204, 1),
        ("foreign", 200, 0),
    ],
)
async def test_each_fault_shows_its_face_and_keeps_what_it_says(
    ns: Account, fault: str, seen: str | int, kept: int
) -> None:
    """What the caller sees, and what the ledger has afterwards; the next call is well again."""
    rule = {"account": "ns", "kind": "credit_note", "fault": fault, "count": 1, "seconds": 0.05}
    await ns.faults(rule | ({"style": "maintenance-json"} if fault == "foreign" else {}))
    reply = await post_memo(ns, timeout=0.4)
    if isinstance(reply, Reply):
        assert reply.status == seen
    elif seen == "timeout":
        assert reply is TimeoutError
    else:
        assert issubclass(reply, aiohttp.ClientError | ConnectionError)
        assert seen == "reset"
    assert len(await ns.ledger("credit_note")) == kept
    after = await post_memo(ns, "m2")
    assert isinstance(after, Reply)
    assert after.status == 204


async def test_a_lost_document_has_a_number_that_leads_nowhere(ns: Account) -> None:
    """Accept-and-lose: Location is there, the record is not."""
    await ns.faults({"fault": "accept-and-lose", "count": 1})
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    assert (await ns.call("GET", f"/record/v1/creditMemo/{reply.id}")).status == 404


async def test_a_5xx_can_hide_a_document_that_was_made(ns: Account) -> None:
    """`applied` makes the server fail after the work."""
    await ns.faults({"fault": "5xx", "applied": True, "on": "write", "count": 1})
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    assert (reply.status, len(await ns.ledger())) == (503, 1)


async def test_a_call_that_met_a_fault_says_which_order_and_which_command_it_was_about(ns: Account) -> None:
    """So that what came of it can be told from what came of itself; asked for faults, the log shows no other call."""
    await post_memo(ns, "m0")
    await ns.faults({"kind": ["credit_note", "item_receipt"], "fault": "refuse"})
    await post_memo(ns)
    rma = await ns.authorise(TEE, ref="r1")
    await ns.call("POST", f"/record/v1/returnAuthorization/{rma}/!transform/itemReceipt", {"externalId": "i1"})
    async with ns.http.get(f"{ns.url}/_calls", params={"faults": "1"}) as answer:
        calls = await answer.json()
    assert [(one["kind"], one["order_id"], one["external_ref"], one["fault"]) for one in calls] == [
        ("credit_note", "5001", "m1", "refuse"),
        ("item_receipt", "5001", "i1", "refuse"),
    ]


@pytest.mark.parametrize("style", sorted(foreign.STYLES))
async def test_a_foreign_answer_may_hide_a_document_that_was_made(ns: Account, style: str) -> None:
    """What answers is not NetSuite: neither its status nor its body says anything about the document."""
    await ns.faults({"fault": "foreign", "style": style, "applied": True, "on": "write", "count": 1})
    reply = await ns.call("POST", "/record/v1/creditMemo", MEMO)
    wanted = foreign.STYLES[style]
    assert (reply.status, reply.text) == (wanted.status, wanted.body.decode(errors="replace"))
    assert len(await ns.ledger("credit_note")) == 1


async def test_a_conflict_is_told_in_the_vendors_own_words_and_makes_nothing(ns: Account) -> None:
    await ns.faults({"fault": "conflict", "count": 8})
    seen = set()
    for _ in range(8):
        reply = await post_memo(ns)
        assert isinstance(reply, Reply)
        seen.add((reply.status, reply.json["o:errorDetails"][0]["o:errorCode"]))
    assert seen <= {(status, code) for status, code, _ in CONFLICTS}
    assert len(seen) > 1
    assert await ns.ledger() == []


async def test_a_missing_record_is_told_in_the_vendors_own_words(ns: Account) -> None:
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    await ns.faults({"fault": "missing", "count": 1})
    absent = await ns.call("GET", f"/record/v1/creditMemo/{reply.id}")
    assert (absent.status, absent.json["o:errorDetails"][0]["o:errorCode"]) == (404, "NONEXISTENT_ID")
    assert (await ns.call("GET", f"/record/v1/creditMemo/{reply.id}")).status == 200


async def test_odd_numbers_are_a_step_of_a_float_away_and_whole_ones_stay(ns: Account) -> None:
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    await ns.faults({"fault": "odd-numbers"})
    shown = [(await ns.get("creditMemo", reply.id)) for _ in range(12)]
    totals = {record["total"] for record in shown}
    assert len(totals) > 1
    assert all(abs(total - 5) < 1e-9 for total in totals)
    assert {record["item"]["items"][0]["quantity"] for record in shown} == {1}


async def test_a_wrong_amount_is_stored_and_seen_by_reads_and_ledger(ns: Account) -> None:
    """The document is made, but not what was asked for."""
    await ns.faults({"kind": "credit_note", "fault": "wrong amount", "amount": "1.00", "count": 1})
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    assert (await ns.get("creditMemo", reply.id))["total"] == 6.0
    assert (await ns.ledger("credit_note"))[0]["amount"] == "6.00"


async def test_a_late_apply_happens_after_the_caller_was_cut_off_and_within_the_setting(ns: Account) -> None:
    """The call is reset at once, and its document appears later, never later than the account's settings say."""
    await ns.settings(late_apply_max_seconds=0.3)
    await ns.faults({"kind": "credit_note", "fault": "late apply", "count": 1, "seconds": 60})
    assert not isinstance(await post_memo(ns), Reply)
    assert await ns.ledger() == []

    async def applied() -> bool:
        return len(await ns.ledger("credit_note")) == 1

    await until(applied, 2.0)


async def test_a_stale_read_does_not_see_what_was_just_written(ns: Account) -> None:
    """By number, by external id, in collections and SuiteQL; no staler than the setting, and never without a rule."""
    await ns.settings(read_lag_seconds=0.4)
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    assert await ns.find("creditMemo", 'externalId IS "m1"') == [reply.id]
    await ns.faults({"fault": "stale read", "seconds": 60})
    assert await ns.find("creditMemo", 'externalId IS "m1"') == []
    assert (await ns.call("GET", f"/record/v1/creditMemo/{reply.id}")).status == 404
    assert (await ns.call("GET", "/record/v1/creditMemo/eid:m1")).status == 404
    statement = "SELECT id FROM transaction WHERE externalid = 'm1'"
    assert (await ns.suiteql(statement)).json["items"] == []

    async def visible() -> bool:
        return await ns.find("creditMemo", 'externalId IS "m1"') == [reply.id]

    await until(visible, 2.0)
    assert len((await ns.suiteql(statement)).json["items"]) == 1


async def test_a_stale_read_shows_the_earlier_version_of_a_changed_record(ns: Account) -> None:
    """An order closed a moment ago still looks open."""
    await ns.settings(read_lag_seconds=0.3)
    key = await ns.authorise(TEE)
    await ns.faults({"fault": "stale read"})

    async def visible() -> bool:
        return (await ns.call("GET", f"/record/v1/returnAuthorization/{key}")).status == 200

    await until(visible, 2.0)
    await ns.patch("returnAuthorization", key, {"status": {"id": "H"}})
    assert (await ns.get("returnAuthorization", key))["status"]["refName"] == "Pending Receipt"
    await ns.faults()
    assert (await ns.get("returnAuthorization", key))["status"]["refName"] == "Closed"


async def test_rules_have_windows_kinds_and_sides(ns: Account) -> None:
    """From and until count from now; a rule for one kind or for reads leaves the others alone."""
    await ns.faults(
        {"fault": "503", "from": 60},
        {"fault": "503", "from": 0, "until": 0},
        {"fault": "503", "kind": "item_receipt"},
        {"fault": "503", "on": "read", "kind": "credit_note"},
        {"fault": "503", "account": "elsewhere"},
    )
    reply = await post_memo(ns)
    assert isinstance(reply, Reply)
    assert reply.status == 204
    assert (await ns.call("GET", f"/record/v1/creditMemo/{reply.id}")).status == 503
    assert (await ns.call("GET", "/record/v1/salesOrder/eid:5001")).status == 200


async def test_a_rule_can_be_aimed_at_exchanges_applications_reversals_and_stock(ns: Account) -> None:
    """The kind of a call is what its body would make."""
    kinds = ["exchange_order", "credit_application", "reversal", "stock_level"]
    await ns.faults({"fault": "503", "kind": kinds})
    row = {"item": {"externalId": "TEE-RED-L"}, "quantity": 1, "amount": 0}
    exchange = {"otherRefNum": "5001", "entity": {"externalId": "c-77"}, "item": {"items": [row]}}
    assert (await ns.post("salesOrder", exchange)).status == 503
    assert (await ns.patch("creditMemo", "1", {"apply": {"items": []}})).status == 503
    assert (await ns.post("journalEntry", {"custbody_reverses": "1"})).status == 503
    assert (await ns.suiteql("SELECT item FROM inventoryItemLocations")).status == 503
    assert (await ns.suiteql("SELECT id FROM item")).status == 200


async def test_probabilities_are_seeded(ns: Account) -> None:
    """The same seed throws the same dice."""

    async def run() -> list[int]:
        await ns.control("POST", "/_reset")
        await ns.faults({"fault": "503", "probability": 0.5})
        return [(await ns.call("GET", "/record/v1/salesOrder")).status for _ in range(20)]

    first = await run()
    assert set(first) == {200, 503}
    assert await run() == first


@pytest.mark.parametrize(
    "rules",
    [
        {"rules": "x"},
        {"rules": [{"account": "ns"}]},
        {"rules": [{"fault": "earthquake"}]},
        {"rules": [{"fault": "429", "retry_after": "soon"}]},
        {"rules": [{"fault": "slow", "count": "many"}]},
        7,
    ],
)
async def test_rules_that_cannot_be_read_are_refused(ns: Account, rules: Any) -> None:
    """A misspelt fault must not be a quiet day."""
    assert (await ns.control("PUT", "/_faults", rules, expect=400))["error"]


async def test_a_bare_list_of_rules_is_understood(ns: Account) -> None:
    """`PUT /_faults` takes the list itself too."""
    assert await ns.control("PUT", "/_faults", [{"fault": "503"}]) == {"rules": 1}


async def test_settings_are_read_and_changed(ns: Account) -> None:
    """For one account or all; an unknown name or a bad value is refused."""
    await ns.control("PUT", "/_settings", {"limit": 5, "latency_ms": {"min": 1, "max": 2}})
    settings = (await ns.control("GET", "/_settings"))["ns"]
    assert (settings["limit"], settings["latency_ms"]) == (5, [1.0, 2.0])
    for bad in ({"colour": "red"}, {"latency_ms": [5, 1]}, {"refund_in_advance": "no"}, {"account": "x", "limit": 1}):
        assert (await ns.control("PUT", "/_settings", bad, expect=400))["error"]


async def test_reset_goes_back_to_the_configuration(ns: Account) -> None:
    """No orders, documents, calls, faults or changed settings remain."""
    await post_memo(ns)
    await ns.settings(limit=1)
    await ns.faults({"fault": "503"})
    await ns.control("POST", "/_reset")
    assert await ns.ledger() == []
    assert await ns.control("GET", "/_calls") == []
    assert (await ns.control("GET", "/_settings"))["ns"]["limit"] == 15
    assert await ns.find("salesOrder", "") == []


async def test_the_configuration_file_is_toml_or_json(tmp_path: Any) -> None:
    """Accounts and settings for the process that runs on its own."""
    toml, plain = tmp_path / "simulators.toml", tmp_path / "simulators.json"
    toml.write_text("seed = 7\n[netsuite.settings]\nlimit = 5\n")
    plain.write_text('{"netsuite": {"settings": {"limit": 5}}}')
    for path in (toml, plain):
        async with netsuite(read_config(path)) as ns:
            assert (await ns.control("GET", "/_settings"))["ns"]["limit"] == 5


async def test_the_simulators_run_as_a_process_of_their_own() -> None:
    """`python -m adapters.simulators` says where it listens, answers, and ends on SIGTERM with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.simulators", "--bind", "127.0.0.1:0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        url = line.decode().removeprefix("simulators: ").strip()
        async with aiohttp.ClientSession() as http, http.get(f"{url}/_ledger") as response:
            assert await response.json() == []
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_simulators_live_in_the_time_that_is_handed_in() -> None:
    """The ledger's and the calls' times, and from when to when a fault is in force."""
    moment = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    elapsed = 100.0
    simulators = Simulators(clock=Clock(lambda: elapsed, lambda: moment))
    simulators.ledger.append(Entry("ns", "credit_note", "1", "m1", "5001"))
    (entry,) = json.loads(simulators.ledger.read())
    assert entry["at"] == "2031-05-06T07:08:09.000Z"
    call = simulators.calls.open("ns", "GET", "/", limit=1)
    assert call.as_json()["started"] == "2031-05-06T07:08:09.000000Z"
    simulators.faults.put([{"fault": "5xx", "from": 5, "until": 10}])
    found = []
    for elapsed in (104.0, 105.0, 109.0, 110.0):  # noqa: B007  # the clock reads it
        found.append(simulators.faults.choose("ns", None, True) is not None)
    assert found == [False, True, True, False]


def test_a_rule_more_leaves_those_in_force_and_drops_those_that_are_over() -> None:
    """The first that matches is used."""
    elapsed = 0.0
    faults = Simulators(clock=Clock(lambda: elapsed)).faults
    faults.add({"fault": "slow", "until": 10})
    faults.add({"fault": "5xx", "count": 1})
    assert [rule.fault for rule in faults.rules] == ["slow", "5xx"]
    elapsed = 10.0
    assert (chosen := faults.choose("ns", None, False)) is not None and chosen.fault == "5xx"
    faults.add({"fault": "429"})
    assert [rule.fault for rule in faults.rules] == ["429"]


def test_the_ledger_and_the_calls_tell_whoever_watches() -> None:
    """Each entry as it is booked, each call as it begins and as it ends, once."""
    told: list[Any] = []
    ledger, calls = Ledger(), CallLog()
    ledger.watch = told.append
    ledger.append(Entry("ns", "credit_note", "1", "m1", "5001", amount="5.00"))
    assert [entry["amount"] for entry in told] == ["5.00"]
    calls.watch = lambda call: told.append((call.seq, call.breach, call.finished is not None))
    first, second = (calls.open("ns", "GET", "/", limit=1) for _ in range(2))
    calls.end(second)
    calls.end(first)
    calls.end(first)
    assert told[1:] == [(1, False, False), (2, True, False), (2, True, True), (1, False, True)]
