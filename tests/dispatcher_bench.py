"""A dispatcher without Kafka, on a turned clock: what its brokers keep, a vendor that doubles, and crashes."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from agents import faultpoints
from agents.clock import rfc3339
from agents.dispatcher.deploy import Deploy
from agents.dispatcher.entries import Begun, Ended, Entry, decode, encode, ended_with, merge
from agents.dispatcher.ports import OwnershipLost, Patience
from agents.dispatcher.protocol import Dispatch
from agents.dispatcher.schedule import Job, Schedule
from agents.dispatcher.session import Session
from agents.gate import Gate, GateSettings
from agents.lease import LeaseLost
from streams.adapter import (
    Calls,
    Document,
    InDoubt,
    Limits,
    Refused,
    RetryAfter,
    SignInRefused,
    Throttled,
    Unavailable,
)
from streams.commands import Command, Outcome, body_hash, command_id
from streams.vocabulary import DocumentKind, ErrorKind
from tests.clock import TurnedClock

LIMITS = Limits(concurrency=3, deadline_seconds=8, longest_execution_seconds=60, read_lag_seconds=10)

FAULTS = (
    "reset-before",  # cut off, nothing applied
    "reset-after",  # cut off, applied
    "late",  # cut off, applied later, within the longest execution
    "lost",  # answered yes, nothing applied
    "unread",  # answered yes and applied, but it cannot be read back
    "hang",  # no answer within the deadline, not applied
    "hang-applied",
    "throttle",
    "unreachable",
)


def command(
    order: str = "5001",
    subject: str = "rf1",
    *,
    revision: int = 1,
    amount: str = "10.00",
    kind: DocumentKind = DocumentKind.CREDIT_NOTE,
    **changes: Any,
) -> Command:
    """A command of the account `erp`."""
    body = {"order_id": order, "amount": amount}
    made = Command(
        id=command_id("erp", order, kind.value, subject),
        revision=revision,
        account="erp",
        order_key=order,
        kind=kind,
        subject=subject,
        body=body,
        hash=body_hash(body),
        profile_version=1,
        row_stamp=(1, revision),
    )
    return replace(made, **changes)


@dataclass
class Made:
    """A document at the vendor; it can be read from `visible_at`."""

    number: str
    reference: str
    amount: str
    at: float
    visible_at: float
    unread: bool = False


class Vendor:
    """Makes a document for every request: the same reference twice makes two, unless it is told to enforce them."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.made: list[Made] = []
        self.faults: deque[str] = deque()  # for the next creates, in order; none: all goes well
        self.fault_of: dict[str, str] = {}  # by order: what happens to it always
        self.down: str = ""  # "unreachable" or "sign-in": what every call ends in
        self.refuses_reads = False
        self.asks_to_wait = 2.0
        self.enforces = False
        self.read_lag = 0.0
        self.seconds = 0.1
        self.stores: str | None = None  # the amount it stores instead of what was asked for
        self.bugs: dict[str, str] = {}  # by order: where our own code fails in what is done for it
        self.says: Mapping[str, Any] = {}  # more of an answer
        self.creates: Counter[str] = Counter()
        self.reads = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.order_of_creates: list[str] = []
        self._later: list[asyncio.Task[None]] = []

    def add(self, reference: str, amount: str) -> Made:
        """Put a document there, now."""
        now = self.clock.elapsed()
        made = Made(f"D{len(self.made) + 1}", reference, amount, now, now + self.read_lag)
        self.made.append(made)
        return made

    def add_later(self, reference: str, amount: str, seconds: float) -> None:
        """Put a document there after a while, whatever becomes of the caller."""

        async def later() -> None:
            await self.clock.sleep(seconds)
            if not (self.enforces and self.held(reference)):
                self.add(reference, amount)

        self._later.append(asyncio.create_task(later()))

    def held(self, reference: str) -> list[Made]:
        return [made for made in self.made if made.reference == reference]

    async def create(self, asked: Command) -> Made:
        self.creates[asked.id] += 1
        self.order_of_creates.append(asked.id)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            # The vendor goes on with a request whose caller has gone.
            return await asyncio.shield(asyncio.ensure_future(self._create(asked)))
        finally:
            self.in_flight -= 1

    async def _create(self, asked: Command) -> Made:
        fault = self.down or self.fault_of.get(asked.order_key) or (self.faults.popleft() if self.faults else "")
        if fault == "unreachable":
            raise Unavailable("connection refused")
        if fault == "sign-in":
            raise SignInRefused("invalid login")
        if fault == "throttle":
            raise Throttled("too many", RetryAfter(self.asks_to_wait))
        await self.clock.sleep(self.seconds)
        if fault == "refuse":
            raise Refused(ErrorKind.CLOSED, "the order is closed", code="CLOSED")
        if fault == "reset-before":
            raise InDoubt("connection reset")
        if fault == "hang":
            await self.clock.sleep(3600)
        amount = self.stores or asked.body["amount"]
        if self.enforces and self.held(asked.id):
            raise Refused(ErrorKind.DUPLICATE, "this external id exists")
        if fault == "late":
            self.add_later(asked.id, amount, 50)
            raise InDoubt("connection reset")
        if fault == "lost":
            return Made("", asked.id, amount, 0, 0)
        made = self.add(asked.id, amount)
        made.unread = fault == "unread"
        if fault == "reset-after":
            raise InDoubt("connection reset")
        if fault == "hang-applied":
            await self.clock.sleep(3600)
        return made

    async def read(self) -> list[Made]:
        self.reads += 1
        if self.down == "unreachable":
            raise Unavailable("connection refused")
        if self.down == "sign-in":
            raise SignInRefused("invalid login")
        await self.clock.sleep(0.05)
        if self.refuses_reads:
            raise Refused(ErrorKind.INVALID, "no such field")
        return [made for made in self.made if made.visible_at <= self.clock.elapsed()]


class ScriptedAdapter:
    """`streams.adapter.Adapter` over the vendor."""

    def __init__(self, vendor: Vendor, limits: Limits) -> None:
        self.vendor = vendor
        self.limits = limits

    def reference_enforced(self, command: Command) -> bool:
        self._fail(command, "enforced")
        return self.vendor.enforces

    def _fail(self, asked: Command, where: str) -> None:
        """A fault of ours, where the test put one."""
        if self.vendor.bugs.get(asked.order_key) == where:
            raise ValueError(f"no amount \ud800 in {where}")

    @staticmethod
    def _document(made: Made, asked: Command) -> Document:
        wanted = asked.body["amount"]
        differences = () if made.amount == wanted else (f"amount {made.amount}, wanted {wanted}",)
        return Document(
            made.number, asked.kind, external_ref=made.reference, amount=made.amount, differences=differences
        )

    async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        async with calls.call("look up"):
            seen = await self.vendor.read()
        self._fail(command, "looked up")
        return tuple(self._document(made, command) for made in seen if made.reference == command.id)

    async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        async with calls.call("candidates"):
            seen = await self.vendor.read()
        self._fail(command, "candidates")
        return tuple(self._document(made, command) for made in seen if made.reference == "")

    async def create(self, command: Command, calls: Calls) -> Document:
        self._fail(command, "before the call")
        try:
            async with calls.call("create", write=True):
                made = await self.vendor.create(command)
                self._fail(command, "in the call")
            self._fail(command, "read back")
            if made.unread:
                async with calls.call("read back"):
                    raise Throttled("too many", RetryAfter(2.0))
        except TimeoutError as error:
            raise InDoubt("no answer") from error
        return self._document(made, command)

    async def answer(self, command: Command, calls: Calls) -> Mapping[str, Any]:
        async with calls.call("answer"):
            await self.vendor.read()
        self._fail(command, "answered")
        order = {
            "found": 1,
            "number": "1",
            "status": "fulfilled",
            "customer": {"number": "1", "active": True},
            "lines": [],
        }
        return {"at": rfc3339(self.vendor.clock.now()), **order, **self.vendor.says}

    async def list_documents(self, kind: DocumentKind, since: str, calls: Calls) -> AsyncIterator[Document]:
        raise NotImplementedError("the dispatcher does not list documents")
        yield

    async def close(self) -> None: ...


@dataclass
class Brokers:
    """What survives a crash: the changelog, the outcomes, the commands and which of them are acknowledged."""

    changelog: list[tuple[str, bytes]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)

    def recover(self) -> dict[str, bytes]:
        rows: dict[str, bytes] = {}
        for key, value in self.changelog:
            rows[key] = merge(rows[key], value) if key in rows else value
        return rows


class Process:
    """One life of a dispatcher process; nothing of it but the brokers' log outlives `killed`."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.killed = False
        self.lease_holds = True
        self.failure: BaseException | None = None
        self.alarms: list[str] = []
        bench.epochs += 1
        self.epoch = bench.epochs
        self.rows = bench.brokers.recover()
        settings = GateSettings.from_limits(bench.limits)
        self.gate = Gate(settings, bench.clock, random.Random(bench.seed), self._check_lease)
        self.schedule = Schedule()
        self.session = Session(
            Dispatch(
                adapter=ScriptedAdapter(bench.vendor, bench.limits),
                gate=self.gate,
                table=self,
                outcomes=self,
                lease=self,
                alarms=self,
                schedule=self.schedule,
                deploy=Deploy(),
                clock=bench.clock,
                random=random.Random(bench.seed),
                patience=bench.patience,
            ),
            bench.clock,
            on_room=lambda: None,
            on_failure=self._failed,
        )

    def start(self) -> None:
        """Resume what was begun, then read every command that is not acknowledged."""
        entries = [decode(value) for value in self.rows.values()]
        self.session.resume(entry for entry in entries if isinstance(entry, Begun))
        for offset, asked in enumerate(self.bench.brokers.commands):
            if offset not in self.bench.brokers.acknowledged:
                self.read(offset, asked)

    def read(self, offset: int, asked: Command) -> None:
        def finished() -> None:
            if not self.killed and self.bench.process is self:
                self.bench.brokers.acknowledged.add(offset)

        self.session.offer(Job(asked, asked.klass, finished))

    def _failed(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.killed = True

    def _check_lease(self) -> None:
        if not self.lease_holds:
            raise LeaseLost("test")

    # The ports.

    def get(self, command_id: str) -> Entry | None:
        value = self.rows.get(command_id)
        return None if value is None else decode(value)

    def ended_with(self, kind: DocumentKind, number: str) -> set[str]:
        return ended_with(map(decode, self.rows.values()), kind, number)

    async def write(self, command_id: str, entry: Begun | Ended) -> None:
        await self.bench.clock.sleep(0.001)
        if self.killed:
            raise OwnershipLost
        await asyncio.sleep(0)
        self.remember(command_id, entry)

    def remember(self, command_id: str, entry: Begun | Ended) -> None:
        self.bench.brokers.changelog.append((command_id, encode(entry)))
        self.rows[command_id] = encode(entry)

    async def publish(self, outcome: Outcome) -> None:
        await self.bench.clock.sleep(0.001)
        if self.killed:
            raise OwnershipLost
        self.bench.brokers.outcomes.append(Outcome.decode(outcome.encode()))

    def holds(self) -> bool:
        return self.lease_holds

    async def sign_in_refused(self, account: str, message: str) -> None:
        self.alarms.append(message)

    async def stopped(self, reason: str) -> None:
        self.alarms.append(reason)


class Bench:
    """The whole of it. `kill_at` names fault points (name -> which time it is reached) at which the process dies."""

    def __init__(self, *, seed: int = 1, limits: Limits = LIMITS, patience: Patience | None = None) -> None:
        self.seed = seed
        self.limits = limits
        self.patience = patience or Patience()
        self.clock = TurnedClock()
        self.vendor = Vendor(self.clock)
        self.brokers = Brokers()
        self.kill_at: dict[str, int] = {}
        self.reached: Counter[str] = Counter()
        self.deaths: list[str] = []
        self.zombies: list[Process] = []
        self.epochs = 0
        self.process = Process(self)

    def reach(self, name: str) -> None:
        self.reached[name] += 1
        if self.kill_at.get(name) == self.reached[name]:
            self.deaths.append(name)
            self.process.killed = True
            raise OwnershipLost  # ends the lane quietly; the rest of the process dies at its next step

    async def kill(self) -> None:
        """kill -9: no handler gets to write anything."""
        for process in (*self.zombies, self.process):
            process.killed = True
            await process.session.stop(0)
        self.zombies.clear()

    async def stop(self) -> bool:
        """A graceful stop; whether all that was in hand could end."""
        stopping = asyncio.create_task(self.process.session.stop(10))
        await self.clock.until(stopping.done)
        return stopping.result()

    async def restart(self) -> Process:
        await self.kill()
        return self._start()

    def replace(self) -> Process:
        """The process loses the account without knowing more than its lease tells it; another takes over."""
        self.process.lease_holds = False
        self.zombies.append(self.process)
        return self._start()

    def _start(self) -> Process:
        self.process = Process(self)
        self.process.gate.reserve(self.clock.elapsed() + self.limits.deadline_seconds)
        self.process.start()
        return self.process

    def ask(self, *commands: Command) -> None:
        """Produce commands, and have them read."""
        for asked in commands:
            self.brokers.commands.append(asked)
            if not self.process.killed:
                self.process.read(len(self.brokers.commands) - 1, asked)

    def outcomes(self, asked: Command) -> list[Outcome]:
        return [outcome for outcome in self.brokers.outcomes if outcome.command_id == asked.id]

    def last(self, asked: Command) -> Outcome:
        return self.outcomes(asked)[-1]

    @property
    def at_rest(self) -> bool:
        return len(self.brokers.acknowledged) == len(self.brokers.commands) and not len(self.process.schedule)

    async def rest(self, within: float = 4000, *, restarts: bool = True) -> None:
        """Let time pass until everything asked for has ended; a process that died is started again."""
        end = self.clock.elapsed() + within
        while True:
            await self.clock.until(lambda: self.process.killed or self.at_rest, end - self.clock.elapsed())
            if self.process.failure is not None:
                raise self.process.failure
            if not self.process.killed:
                return
            assert restarts
            await self.restart()


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """A fresh bench with its process started."""
    made = Bench()
    monkeypatch.setattr(faultpoints, "reach", lambda name: made.reach(name))
    yield made
    await made.kill()


def doubled(vendor: Vendor, commands: Iterable[Command]) -> dict[str, int]:
    """Commands with more than one document (I2)."""
    counted = {asked.id: len(vendor.held(asked.id)) for asked in commands}
    return {reference: count for reference, count in counted.items() if count > 1}


__all__ = ["FAULTS", "LIMITS", "Bench", "Vendor", "bench", "command", "doubled"]
