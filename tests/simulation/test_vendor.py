"""The vendor without sockets: each fault reaches the adapter as over HTTP, and work outlives its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.wire import ConnectionFailed, Progress
from adapters.registry import limits_of
from adapters.simulators.calls import Call
from agents.gate import Gate, GateSettings
from streams.adapter import Document, InDoubt, Refused, Throttled, Unavailable
from streams.commands import Command
from streams.vocabulary import CommandClass, DocumentKind
from tests.contract.netsuite_account import SEED
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.ports import BASE, SimClock
from tests.simulation.vendor import VendorWorld
from tests.unit.netsuite_commands import authorisation, command, exchange, note, tee

ACCOUNT = {"base_url": "http://ns.test/netsuite", "concurrency": 15, "deadline_seconds": 8}
GROSS = tee(amount="40.00", tax="6.67", tax_code="5")
BY_NUMBER = {"item": "4711", "sku": "TEE-RED-M", "quantity": 1, "amount": "0.00"}
"""An exchanged line that needs no look-up of its item: the write is the first call."""

Scenario = Callable[["Stage"], Coroutine[Any, Any, None]]


class Stage:
    """A vendor on virtual time, one worker with its gate, and what the vendor's hooks told."""

    def __init__(self, loop: VirtualLoop, seed: int = 1, **settings: Any) -> None:
        self.loop, self.clock = loop, SimClock(loop)
        self.told: list[tuple[str, int, float]] = []
        self.entries: list[Mapping[str, Any]] = []
        self.vendor = VendorWorld(
            settings, [SEED], seed, self.clock.now, loop.time,
            spawn=Process(loop, "vendor").spawn, on_entry=self.entries.append, on_call=self._told,
        )  # fmt: skip
        self.adapter = self.vendor.adapter("d1", ACCOUNT)
        self.gate = Gate(GateSettings.from_limits(limits_of(ACCOUNT)), self.clock, Random(1))

    def _told(self, call: Call) -> None:
        self.told.append((call.method, self.vendor.calls.in_flight(call.account), self.loop.now))

    async def create(self, wanted: Command, adapter: NetSuite | None = None) -> Document:
        async with self.gate.slot(CommandClass.MONEY, wanted.id) as slot:
            return await (adapter or self.adapter).create(wanted, slot)

    async def look_up(self, wanted: Command) -> tuple[Document, ...]:
        async with self.gate.slot(CommandClass.MONEY, wanted.id) as slot:
            return await self.adapter.look_up(wanted, slot)

    async def snapshot(self) -> Mapping[str, Any]:
        async with self.gate.slot(CommandClass.MONEY, "question") as slot:
            return await self.adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"}), slot)

    async def authorisation(self) -> Command:
        return authorisation((await self.snapshot())["number"])

    def booked(self, kind: str) -> int:
        return sum(1 for entry in self.vendor.ledger if entry["kind"] == kind and entry["op"] == "create")


class Unguarded:
    """Calls without a gate, for a caller that is killed."""

    def call(self, name: str, *, write: bool = False) -> AbstractAsyncContextManager[None]:
        return nullcontext()


def play(scenario: Scenario, **settings: Any) -> Stage:
    loop = VirtualLoop(Random(7))  # type: ignore[abstract]  # it has what asyncio's tasks and futures ask of a loop
    stage = Stage(loop, **settings)
    loop.run(scenario(stage))
    assert loop.failures == []
    return stage


def test_documents_are_made_found_and_read_back_as_over_http() -> None:
    """An authorisation, its note, and the ledger's entries as the hook told them."""

    async def scenario(stage: Stage) -> None:
        assert stage.adapter.limits.concurrency == 15, "as the account's table says"
        wanted = await stage.authorisation()
        made = await stage.create(wanted)
        assert made.differences == ()
        assert await stage.look_up(wanted) == (made,)
        paid = await stage.create(note(made.number, GROSS, amount="40.00"))
        assert (paid.amount, paid.differences) == ("40.00", ())

    stage = play(scenario)
    assert [entry["kind"] for entry in stage.entries] == ["return_authorisation", "credit_note"]
    assert stage.entries == stage.vendor.ledger
    assert stage.entries[1]["at"].startswith("2026-11-27T09:00:0"), "the ledger's time is the run's"


FAULTS: list[tuple[dict[str, Any], type[Exception], int, int]] = [
    ({"fault": "429"}, Throttled, 0, 0),
    ({"fault": "5xx"}, InDoubt, 0, 0),
    ({"fault": "5xx", "applied": True}, InDoubt, 1, 1),
    ({"fault": "502"}, InDoubt, 0, 0),
    ({"fault": "refuse"}, Refused, 0, 0),
    ({"fault": "hang"}, InDoubt, 0, 0),
    ({"fault": "slow", "seconds": 9}, InDoubt, 0, 0),
    ({"fault": "reset before apply"}, InDoubt, 0, 0),
    ({"fault": "reset after apply"}, InDoubt, 1, 1),
    ({"fault": "apply-then-timeout"}, InDoubt, 1, 1),
    ({"fault": "late apply", "seconds": 4}, InDoubt, 0, 1),
    ({"fault": "accept-and-lose"}, InDoubt, 0, 0),
]


@pytest.mark.parametrize(("rule", "ends", "booked", "in_the_end"), FAULTS, ids=lambda value: str(value))
def test_a_fault_on_a_write_ends_as_it_does_over_http(
    rule: dict[str, Any], ends: type[Exception], booked: int, in_the_end: int
) -> None:
    """The exception that the adapter raises, and whether the document is made by then, and ever."""

    async def scenario(stage: Stage) -> None:
        wanted = await stage.authorisation()
        stage.vendor.put_fault({**rule, "on": "write", "count": 1})
        with pytest.raises(ends):
            await stage.create(wanted)
        assert stage.booked("return_authorisation") == booked
        assert stage.vendor.calls.in_flight("ns") == 0
        await asyncio.sleep(150)  # longer than a hung call is held
        assert stage.booked("return_authorisation") == in_the_end

    stage = play(scenario)
    assert [call.fault for call in stage.vendor.calls.calls if call.fault], "the fault took effect"


@pytest.mark.parametrize("fault", ["5xx", "reset before apply", "hang"])
def test_a_read_that_fails_leaves_nothing_in_doubt(fault: str) -> None:
    """The order can be asked for again."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": fault, "on": "read", "count": 1})
        with pytest.raises(Unavailable if fault != "hang" else (Unavailable, TimeoutError)):
            await stage.snapshot()
        assert (await stage.snapshot())["found"] == 1

    play(scenario)


def test_a_wrong_amount_is_told_as_a_difference() -> None:
    """Digits cross the seam as they are."""

    async def scenario(stage: Stage) -> None:
        made = await stage.create(await stage.authorisation())
        stage.vendor.put_fault({"fault": "wrong amount", "amount": "0.01", "count": 1})
        paid = await stage.create(note(made.number, GROSS, amount="40.00"))
        assert paid.amount == "40.01"
        assert any("40.01" in difference for difference in paid.differences)

    play(scenario)


def test_a_stale_read_shows_the_account_as_it_was() -> None:
    """What was just made is not found yet, and found once the lag is over."""

    async def scenario(stage: Stage) -> None:
        wanted = await stage.authorisation()
        made = await stage.create(wanted)
        stage.vendor.put_fault({"fault": "stale read", "until": 3})
        assert await stage.look_up(wanted) == ()
        await asyncio.sleep(2.5)
        assert await stage.look_up(wanted) == (made,)

    play(scenario, read_lag_seconds=2.0)


@pytest.mark.parametrize("style", ["seconds", "http_date", "unix", "iso", "milliseconds", "absent"])
def test_each_way_of_saying_retry_after_is_understood(style: str) -> None:
    """By the run's own clock: dates are whole seconds, so up to one less."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": "429", "retry_after": style, "seconds": 30, "count": 1})
        with pytest.raises(Throttled) as throttled:
            await stage.snapshot()
        seconds = throttled.value.retry_after.seconds
        if style == "absent":
            assert seconds is None
        else:
            assert seconds is not None and 28.9 < seconds <= 30

    play(scenario)


def test_a_rule_is_in_force_from_and_until_its_times() -> None:
    """Counted from when it was put, in virtual seconds; rules add up, and clearing them ends them."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": "5xx", "from": 10, "until": 20})
        stage.vendor.put_fault({"fault": "429", "from": 30})
        await stage.snapshot()
        await asyncio.sleep(10)
        with pytest.raises(Unavailable):
            await stage.snapshot()
        await asyncio.sleep(10)
        await stage.snapshot()
        await asyncio.sleep(10)
        with pytest.raises(Throttled):
            await stage.snapshot()
        stage.vendor.clear_faults()

    play(scenario)


def test_a_call_is_in_flight_until_its_answer_or_its_closed_connection() -> None:
    """A hung call counts until the deadline closes it, and no longer."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": "hang", "count": 1})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.vendor.wire("d1").send("GET", _url("salesOrder"), None, {}, Progress()), 5)
        assert stage.vendor.calls.in_flight("ns") == 0
        assert not stage.vendor.busy()

    stage = play(scenario)
    (call,) = stage.vendor.calls.calls
    assert (call.status, call.fault) == (None, "hang")
    assert call.finished == BASE + timedelta(seconds=5)
    assert [in_flight for _, in_flight, _ in stage.told] == [1, 0]


def test_one_call_too_many_is_answered_429_and_counted() -> None:
    """The limit is the account's, over all wires."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": "slow", "seconds": 3})
        wires = [stage.vendor.wire(f"d{number}") for number in range(3)]
        answers = await asyncio.gather(*(wire.send("GET", _url("salesOrder"), None, {}, Progress()) for wire in wires))
        assert sorted(answer.status for answer in answers) == [200, 200, 429]

    stage = play(scenario, limit=2)
    assert stage.vendor.calls.summary()["breaches"] == 1
    assert stage.vendor.calls.summary()["max_in_flight"] == 3


@pytest.mark.parametrize("after", [0.003, 0.3, 0.8])
def test_a_plain_write_is_applied_though_its_caller_was_killed(after: float) -> None:
    """Before the vendor has applied it, and after; the caller's first call or a later one."""

    async def scenario(stage: Stage) -> None:
        for made in (1, 2):
            worker = Process(stage.loop, f"d{made}")
            worker.spawn(_create(stage, exchange("eid:c-77", BY_NUMBER, subject=f"ret-{made}/l1")))
            await asyncio.sleep(after)
            worker.kill()
            await asyncio.sleep(2)
            assert stage.booked("exchange_order") == made

    stage = play(scenario, latency_ms=(1000, 1000))
    assert [call.status for call in stage.vendor.calls.calls] == [204, 204], "the vendor has answered nobody"


@pytest.mark.parametrize("after", [0.01, 0.05, 2.0])
def test_a_write_is_applied_though_its_caller_was_killed(after: float) -> None:
    """Killed at any time after the request arrived: the vendor knows nothing of it until the network tells."""

    async def scenario(stage: Stage) -> None:
        await stage.snapshot()  # by another process: nothing of the vendor's may belong to the killed one
        worker = Process(stage.loop, "d1")
        stage.vendor.put_fault({"fault": "late apply", "seconds": 6, "hold_seconds": 60, "on": "write", "count": 1})
        worker.spawn(_create(stage, exchange("eid:c-77", BY_NUMBER)))
        await asyncio.sleep(after)
        worker.kill()
        assert stage.vendor.calls.in_flight("ns") == 1, "the vendor waits with a connection that nobody holds"
        await asyncio.sleep(1)
        stage.vendor.closed("d1")
        assert stage.vendor.calls.in_flight("ns") == 0
        assert stage.booked("exchange_order") == 0
        assert stage.vendor.busy()
        await asyncio.sleep(10)
        assert not stage.vendor.busy()
        assert stage.booked("exchange_order") == 1

    stage = play(scenario)
    call = stage.vendor.calls.calls[-1]
    assert (call.status, call.fault) == (None, "late-apply")


@pytest.mark.parametrize("rule", [None, {"fault": "5xx", "applied": True}])
@pytest.mark.parametrize("after", [0.3, 0.8])
def test_a_write_is_applied_though_its_caller_gave_up(after: float, rule: dict[str, Any] | None) -> None:
    """Before the vendor has applied it, and after: it takes a second over each call."""

    async def scenario(stage: Stage) -> None:
        if rule is not None:
            stage.vendor.put_fault(rule)
        sending = asyncio.ensure_future(stage.create(exchange("eid:c-77", BY_NUMBER)))
        await asyncio.sleep(after)
        sending.cancel()
        await asyncio.wait([sending])
        assert stage.vendor.calls.in_flight("ns") == 0
        await asyncio.sleep(2)
        assert stage.booked("exchange_order") == 1

    stage = play(scenario, latency_ms=(1000, 1000))
    assert [call.status for call in stage.vendor.calls.calls] == [None]


def test_a_request_on_its_way_when_its_caller_goes_may_still_arrive() -> None:
    """Over many seeds both happen; it never counts as in flight."""

    async def scenario(stage: Stage) -> None:
        sending = asyncio.ensure_future(stage.create(exchange("eid:c-77", BY_NUMBER)))
        await asyncio.sleep(0.0001)
        sending.cancel()
        await asyncio.wait([sending])
        await asyncio.sleep(1)
        assert [call.in_flight for call in stage.vendor.calls.calls] in ([], [0])

    booked = [play(scenario, seed=seed).booked("exchange_order") for seed in range(20)]
    assert set(booked) == {0, 1}


def test_a_paused_caller_reads_its_answer_when_it_wakes() -> None:
    """Its call was over long before."""
    seen: list[float] = []

    async def scenario(stage: Stage) -> None:
        worker = Process(stage.loop, "d1")
        sending = worker.spawn(_create(stage, exchange("eid:c-77", BY_NUMBER)))
        await asyncio.sleep(0.0001)
        worker.pause()
        await asyncio.sleep(30)
        assert stage.booked("exchange_order") == 1
        assert stage.vendor.calls.in_flight("ns") == 0
        worker.wake()
        await sending
        seen.append(stage.loop.now)

    play(scenario)
    assert seen[0] > 30


def test_a_broken_connection_is_no_answer() -> None:
    """And the request had been written by then."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": "reset before apply", "on": "any", "count": 1})
        progress = Progress()
        with pytest.raises(ConnectionFailed):
            await stage.vendor.wire("d1").send("GET", _url("salesOrder"), None, {}, progress)
        assert progress.connected

    play(scenario)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    """Ledger, times and faults."""

    async def scenario(stage: Stage) -> None:
        stage.vendor.put_fault({"fault": "5xx", "probability": 0.3, "on": "read"})
        for _ in range(30):
            try:
                await stage.snapshot()
            except Unavailable:
                await asyncio.sleep(1)

    first, second, other = (
        [call.as_json() for call in play(scenario, seed=seed).vendor.calls.calls] for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


async def _create(stage: Stage, wanted: Command) -> None:
    await stage.vendor.adapter("d1", ACCOUNT).create(wanted, Unguarded())


def _url(type_: str) -> str:
    return f"{ACCOUNT['base_url']}/services/rest/record/v1/{type_}"
