"""One run: the whole pipeline, from a plan to a result."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import orjson
import structlog
from aiokafka.errors import KafkaError

from adapters.runtime import playbooks
from adapters.views import lists
from adapters.views.deadletters import DeadLetter, collect
from agents import faultpoints
from agents.clock import rfc3339
from agents.dispatcher import entries
from agents.dispatcher.entries import Begun
from agents.log import partition_for
from agents.rows import StaleRows
from streams.profile import Profile
from streams.profile.profile import RECORD_FORMAT
from streams.row import Row
from streams.rowcodec import decode
from streams.topics import Cleanup, Topology
from streams.vocabulary import CommandClass
from tests.simulation import operator, order
from tests.simulation.checks import Watch, differences, fold
from tests.simulation.groups import Group
from tests.simulation.kafka import Broker, Network, Record
from tests.simulation.loop import PROCESS, Process, VirtualLoop
from tests.simulation.plan import (
    Act,
    BrokerFault,
    Compact,
    Corrupt,
    Join,
    Jump,
    Kill,
    Leave,
    Operate,
    Pause,
    Plan,
    Publish,
    Rebalance,
    VendorFault,
    Webhook,
)
from tests.simulation.ports import SimClock
from tests.simulation.result import Result, Violation
from tests.simulation.senders import Senders
from tests.simulation.telling import Teller
from tests.simulation.vendor import VendorWorld
from tests.simulation.workers import (
    DISPATCHER,
    REBALANCES,
    SEQUENCER,
    SESSIONS,
    DispatcherWorker,
    SequencerWorker,
    Worker,
)

ACCOUNT = "ns"
CLEANER_LAG = 120.0  # seconds that the log cleaner leaves alone; longer than any pause
QUIET_SECONDS = 12.0  # at rest: nothing was written for so long, and nothing is unread or begun
LONGEST_REST = 7200.0
JOINED_WITHIN = 150.0
RESTART_SECONDS = 1.0
OLD_SECONDS = 86_400.0  # the orders were sold a day before: no stale read is older than they are
_PLAYBOOKS = playbooks()
_silenced = False


def run(plan: Plan, *, story: bool = False) -> Result:
    """Play a plan to its end. The same plan gives the same result, but for `seconds`."""
    _silence()
    started = time.perf_counter()
    collecting = gc.isenabled()
    gc.disable()  # one run makes little; its cycles go at its end
    try:
        system = System(plan, story)
        system.play()
        result = system.result
        if result.ok and (other := order.another(plan)) is not None:
            _compare(system, System(other, False))
        del system
    finally:
        faultpoints.listen(None)
        if collecting:
            gc.enable()
    result.seconds = time.perf_counter() - started
    return result


def _compare(system: System, other: System) -> None:
    """I6: what the same deliveries come to in another order."""
    other.play()
    result = system.result
    result.checks["I6"] += 1
    for violation in other.result.violations:
        result.violations.append(replace(violation, what=f"in another order of arrival: {violation.what}"))
    if other.result.ok:
        for line in differences(system.watch.position(), other.watch.position()):
            result.violations.append(Violation("I6", "order-matters", "", line, system.loop.now))


def _silence() -> None:
    """The product's log lines cost more than its work here; the story is told by the ports."""
    global _silenced
    if not _silenced:
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=True
        )
        _silenced = True


class System:
    """Everything in a run, and what happens to it."""

    def __init__(self, plan: Plan, story: bool) -> None:
        self.plan = plan
        self.result = Result(plan.seed)
        self.loop = VirtualLoop(self._dice("turns"))  # type: ignore[abstract]  # what nobody here asks of a loop
        self.teller = Teller(self.result, self.loop, story)
        self.watch = Watch(plan)
        self.topology = Topology("", plan.partitions, (ACCOUNT,))
        self.profile = Profile.from_record(_record(plan.profile, 1))
        self._digest = hashlib.blake2b(digest_size=16)
        self._last_write = 0.0
        self._workers: list[Worker] = []
        self._started = 0
        self._healed = False
        self._age = 0.0

    def _dice(self, purpose: str) -> Random:
        return Random(f"{self.plan.seed}/{purpose}")

    # -- building

    def play(self) -> None:
        self.loop.run(self._main())
        for failure in self.loop.failures:
            error = failure.get("exception")
            if error is not None and not _may_end(error):
                self._found("crash", type(error).__name__, f"{failure.get('message')}: {error!r}")
        self.result.virtual_seconds = self.loop.now
        self.result.digest = self._digest.hexdigest()
        self.result.violations += self.watch.violations
        self.result.checks.update(self.watch.checks)

    def _build(self) -> None:
        loop, plan, topology = self.loop, self.plan, self.topology
        self.network = Network(loop, self._dice("network"))
        self.clock = SimClock(loop)
        specs = topology.topics()
        self.broker = Broker(
            self.network,
            {spec.name: spec.partitions for spec in specs},
            {spec.name: CLEANER_LAG for spec in specs if spec.cleanup is Cleanup.COMPACT},
            self._dice("broker"),
            lambda: int(self.clock.now().timestamp() * 1000),
            self._written,
            self._struck,
        )
        self.groups = {
            SEQUENCER: self._group(topology.sequencer_app, plan.partitions, SEQUENCER),
            DISPATCHER: self._group(topology.dispatcher_app(ACCOUNT), 1, DISPATCHER),
        }
        self.vendor_process = Process(loop, "vendor")
        self.vendor = VendorWorld(
            plan.vendor,
            plan.world.payloads(),
            plan.seed,
            now=self.clock.now,
            monotonic=self._vendor_time,
            spawn=self.vendor_process.spawn,
            on_entry=self._entry,
            on_call=self._call,
        )
        self._age = OLD_SECONDS
        self.senders = Senders(
            self.broker, plan.partitions, self.clock, self._dice("senders"), self._sent, self._answered
        )
        faultpoints.listen(self._reached)

    def _vendor_time(self) -> float:
        return self.loop.now + self._age

    def _group(self, name: str, partitions: int, role: str) -> Group:
        return Group(
            self.broker,
            name,
            partitions,
            session=SESSIONS[role],
            rebalance=REBALANCES[role],
            dice=self._dice(name),
            committed=self._committed,
        )

    def _start(self, role: str) -> None:
        self._started += 1
        process = Process(self.loop, f"{role}-{self._started}")
        clock = SimClock(self.loop)
        base = (process, clock, self.broker, self.groups[role], self._dice(process.name), self._recovered)
        worker: Worker
        if role == SEQUENCER:
            worker = SequencerWorker(self.topology, _PLAYBOOKS, *base)
        else:
            table = self.profile.document["accounts"][ACCOUNT]
            adapter = self.vendor.adapter(process.name, table, clock.now)
            worker = DispatcherWorker(self.topology, ACCOUNT, adapter, self.profile.account(ACCOUNT).head_room, *base)
        self._workers.append(worker)
        self.teller.tell(process.name, "starts")
        process.spawn(worker.main(self._ended), process.name)

    # -- the course of a run

    async def _main(self) -> None:
        self._build()
        self.broker.append("profiles", 0, [(b"profile", self.profile.to_record(), (), None)])
        for _ in range(self.plan.sequencers):
            self._start(SEQUENCER)
        for _ in range(self.plan.dispatchers):
            self._start(DISPATCHER)
        for act in self.plan.acts:
            await asyncio.sleep(act.at - self.loop.now)
            self.watch.now = self.loop.now
            self._happen(act)
        await asyncio.sleep(self.plan.heal_at - self.loop.now)
        self._heal()
        if await self._come_to_rest():
            self._finish()

    def _happen(self, act: Act) -> None:
        if not isinstance(act, Webhook):
            self.teller.tell("world", f"{act.kind} (act {act.number})")
        match act:
            case Webhook():
                self.result.events["webhook"] += 1
                self.loop.world.spawn(self.senders.send(act.delivery))
            case VendorFault():
                self.vendor.put_fault(act.rule)
            case BrokerFault():
                self.broker.strike(act)
            case Kill():
                self._to_a_worker(act.role, act.worker, act.point, lambda worker: self._kill(worker, act.back_after))
            case Pause():
                self._to_a_worker(act.role, act.worker, act.point, lambda worker: self._pause(worker, act.seconds))
            case Join():
                self._struck("join")
                self._start(act.role)
            case Leave():
                running = self._running(act.role)
                if len(running) > 1:
                    self._struck("leave")
                    worker = running[act.worker % len(running)]
                    worker.process.spawn(worker.consumer.stop())
            case Rebalance():
                self._struck("rebalance")
                self.groups[act.role].begin_rebalance()
            case Jump():
                for worker in self._one(act.role, act.worker):
                    self._struck("jump")
                    worker.clock.skew += act.seconds
            case Compact():
                if self.broker.compact():
                    self._struck("compact")
            case Corrupt():
                if self.broker.corrupt(self.topology.sequencer_changelog, act.order) is not None:
                    self._struck("corrupt")
            case Publish():
                self._struck("publish")
                self.broker.append("profiles", 0, [(b"profile", _record(act.document, act.version), (), None)])
            case Operate():
                self._operate(act)

    def _heal(self) -> None:
        """From now on nothing goes wrong."""
        self._healed = True
        self.teller.tell("world", "everything heals")
        self.senders.lossy = False
        self.broker.heal()
        self.vendor.clear_faults()
        for worker in self._workers:
            worker.armed.clear()
            worker.process.wake()
        for role in (SEQUENCER, DISPATCHER):
            if not self._running(role):
                self._start(role)

    async def _come_to_rest(self) -> bool:
        """Wait until nothing is left to be done; a run that does not get there has failed (I14)."""
        until, joined_by = self.loop.now + LONGEST_REST, self.loop.now + JOINED_WITHIN
        while self.loop.now < until:
            await asyncio.sleep(3.0)
            self.watch.now = self.loop.now
            if self.loop.now - self._last_write >= QUIET_SECONDS and not self._left():
                if self.loop.now < joined_by and self.watch.unjoined():
                    continue  # what a zombie wrote is looked for once a minute
                self.watch.checks["I14"] += 1
                return True
        what = f"not at rest {LONGEST_REST:.0f} s after the faults: {'; '.join(self._left()) or 'it goes on writing'}"
        self._found("I14", "no-rest", what)
        return False

    def _left(self) -> list[str]:
        """What is still to be done, in words."""
        left = []
        if self.senders.unanswered:
            left.append(f"{self.senders.unanswered} deliveries not answered")
        topics = {
            SEQUENCER: self.topology.lane_topics,
            DISPATCHER: [self.topology.commands(ACCOUNT, klass) for klass in CommandClass],
        }
        for role, names in topics.items():
            for name in names:
                if name == "events.channels":
                    continue
                for number, log in enumerate(self.broker.logs[name]):
                    behind = log.end - self.groups[role].offsets.get((name, number), 0)
                    if behind:
                        left.append(f"{behind} records of {name}-{number} not committed")
        if not left:
            begun = [entry for entry in self._table() if isinstance(entry, Begun)]
            left += [f"{entry.command.kind.value} {entry.command.subject} is begun" for entry in begun]
        return left

    def _table(self) -> list[Any]:
        records = self.broker.logs[self.topology.dispatcher_changelog(ACCOUNT)][0].records
        return [entries.decode(value) for value in fold.table(records).values()]

    def _finish(self) -> None:
        stored = self.rows()
        rows = [decode(value) for value in stored.values()]
        letters = self.letters()
        self.watch.finish(stored, self.exceptions(rows, letters), lists.waiting(rows), letters, self._left())

    # -- what is to be seen from outside

    def rows(self) -> dict[bytes, bytes]:
        """The fold of the orders' changelog."""
        return fold.rows(self.broker.logs[self.topology.sequencer_changelog])

    def letters(self) -> dict[str, DeadLetter]:
        records = [record for log in self.broker.logs["dead.letters"] for record in log.records]
        return collect(records, self.broker.logs["dead.resolutions"][0].records)

    @staticmethod
    def exceptions(rows: list[Row], letters: Mapping[str, DeadLetter]) -> list[dict[str, Any]]:
        return lists.exceptions(rows, letters.values())

    def _operate(self, act: Operate) -> None:
        stored = self.rows()
        rows, letters = [decode(value) for value in stored.values()], self.letters()
        at = rfc3339(self.clock.now())
        written = operator.act(
            act,
            self.exceptions(rows, letters),
            lists.waiting(rows),
            letters,
            at,
            f"{self.plan.seed}-{act.number}",
            {row.order_key: row for row in rows},
        )
        if written:
            self._struck(f"operate {act.verb} {act.slip}".rstrip())
            self.loop.world.spawn(self._write(written))

    async def _write(self, written: list[operator.Written]) -> None:
        """One after the other, as the command line does; what cannot be stored ends it."""
        for one in written:
            number = one.partition
            if number is None:
                count = len(self.broker.logs[one.topic])
                number = partition_for(one.key, count) if one.key is not None else 0
            try:
                await self.broker.write(one.topic, number, [(one.key, one.value, one.headers, None)])
            except KafkaError:
                return

    # -- workers come and go

    def _running(self, role: str) -> list[Worker]:
        return [one for one in self._workers if one.role == role and not one.process.dead and not one.stopped]

    def _one(self, role: str, number: int) -> list[Worker]:
        running = self._running(role)
        return [running[number % len(running)]] if running else []

    def _to_a_worker(self, role: str, number: int, point: str, what: Callable[[Worker], None]) -> None:
        for worker in self._one(role, number):
            then = partial(what, worker)
            if point:
                worker.armed[point] = then
            else:
                worker.process.light(int(self.loop.now * 1000) % 40, then)

    def _reached(self, point: str) -> None:
        """A process passes a fault point."""
        process = PROCESS.get()
        for worker in self._workers:
            if worker.process is process:
                armed = worker.armed.pop(point, None)
                if armed is not None:
                    self.result.events[f"at {point}"] += 1
                    armed()

    def _kill(self, worker: Worker, back_after: float) -> None:
        self._struck("kill")
        self.teller.tell(worker.name, "killed")
        worker.process.kill()
        self.loop.world.call_later(self.network.latency(), self.vendor.closed, worker.name)
        self.loop.world.call_later(back_after, self._start, worker.role)

    def _pause(self, worker: Worker, seconds: float) -> None:
        self._struck("pause")
        self.teller.tell(worker.name, f"paused for {seconds:.1f} s")
        worker.process.pause()
        self.loop.world.call_later(seconds, worker.process.wake)

    def _ended(self, worker: Worker) -> None:
        """A process ended by itself: after SIGTERM, or by what one of its tasks raised; then it is started again."""
        self.teller.tell(worker.name, f"ends: {worker.failure!r}" if worker.failure else "has left")
        worker.process.kill()
        self.vendor.closed(worker.name)
        if worker.failure is not None:
            self.result.events[f"ended by {type(worker.failure).__name__}"] += 1
            if not _may_end(worker.failure):
                what = f"{worker.name} ended by {worker.failure!r}"
                self.result.violations.append(
                    Violation("crash", type(worker.failure).__name__, "", what, self.loop.now)
                )
                self.teller.trace(worker.failure)
            self.loop.world.call_later(RESTART_SECONDS, self._start, worker.role)

    def _found(self, invariant: str, name: str, what: str) -> None:
        self.result.violations.append(Violation(invariant, name, "", what, self.loop.now))

    # -- what is seen as it happens

    def _struck(self, fault: str) -> None:
        self.result.faults[fault] += 1
        self.result.events["fault"] += 1

    def _sent(self, delivery: Any) -> None:
        self.watch.now = self.loop.now
        self.watch.sent(delivery, self.loop.now)
        self.teller.sent(delivery)

    def _answered(self, delivery: Any, status: int) -> None:
        self.watch.now = self.loop.now
        self.watch.answered(delivery, status, self.loop.now)
        if status != delivery.wanted:
            self.result.events["webhook again"] += 1

    def _written(self, record: Record) -> None:
        self.result.events["record"] += 1
        self._last_write = self.loop.now
        self._digest.update(f"{record.topic}/{record.partition}/{record.offset}".encode())
        self._digest.update(record.value or b"")
        self.watch.now = self.loop.now
        self.watch.written(record.topic, record.partition, record)
        self.teller.written(record)

    def _committed(self, group: str, topic: str, number: int, offset: int) -> None:
        self.result.events["commit"] += 1
        self.watch.now = self.loop.now
        self.watch.committed(group, topic, number, offset)

    def _entry(self, entry: Mapping[str, Any]) -> None:
        self.result.events["document"] += 1
        self.watch.now = self.loop.now
        self.watch.entry(entry)
        self.teller.entry(entry)

    def _call(self, call: Any) -> None:
        if call.finished is None:
            self.result.events["call"] += 1
            self._digest.update(f"{call.method} {call.path}".encode())
            self.watch.now = self.loop.now
            self.watch.call(call.account, call.in_flight, self.profile.account(ACCOUNT).concurrency)
            self.watch.called(call, ended=False)
        else:
            self.watch.now = self.loop.now
            self.watch.called(call, ended=True)
            if call.fault:
                self._struck(f"vendor {call.fault}")
        self.teller.call(call)

    def _recovered(self, worker: str, topic: str, number: int, rows: Mapping[bytes, bytes], end: int) -> None:
        self.result.events["recovery"] += 1
        self.watch.now = self.loop.now
        self.watch.recovered(worker, topic, number, rows, end)


def _may_end(error: BaseException) -> bool:
    """Whether a process is right to end by this: the broker failed it, or the lane says that it must."""
    return isinstance(error, KafkaError | StaleRows | ConnectionError)


def _record(document: Mapping[str, Any], version: int) -> bytes:
    """A record of the profiles topic."""
    return orjson.dumps({"format": RECORD_FORMAT, "version": version, "profile": document})
