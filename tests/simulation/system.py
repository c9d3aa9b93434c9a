"""The whole pipeline in one process: what a run is made of, and what happens to it in the course of a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

import orjson
from aiokafka.errors import KafkaError

from adapters.views import lists
from adapters.views.deadletters import DeadLetter, collect
from agents import faultpoints
from agents.clock import rfc3339
from agents.dispatcher import entries
from agents.dispatcher.entries import Begun
from agents.log import partition_for
from streams.profile import Profile
from streams.profile.profile import RECORD_FORMAT
from streams.row import Row
from streams.rowcodec import decode
from streams.topics import Cleanup, Topology
from streams.vocabulary import CommandClass
from tests.simulation import operator
from tests.simulation.builds import FAILS
from tests.simulation.callers import Callers
from tests.simulation.checks import fold
from tests.simulation.fleet import Fleet, may_end
from tests.simulation.groups import Group
from tests.simulation.kafka import Broker, Network
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.plan import (
    Act,
    BrokerFault,
    Compact,
    Corrupt,
    Deploy,
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
from tests.simulation.result import Result
from tests.simulation.senders import Senders
from tests.simulation.vendor import VendorWorld
from tests.simulation.witness import Witness
from tests.simulation.workers import DISPATCHER, REBALANCES, SEQUENCER, SESSIONS

ACCOUNT = "ns"
CLEANER_LAG = 120.0  # seconds that the log cleaner leaves alone; longer than any pause
QUIET_SECONDS = 12.0  # at rest: nothing was written for so long, and nothing is unread or begun
LONGEST_REST = 7200.0
JOINED_WITHIN = 150.0
_NOTICED_AFTER = 5.0  # seconds from a bad build's end until its dead letters are sent in again
OLD_SECONDS = 86_400.0  # the orders were sold a day before: no stale read is older than they are


class System:
    """Everything in a run, and what happens to it."""

    def __init__(self, plan: Plan, story: bool) -> None:
        self.plan = plan
        self.loop = VirtualLoop(self._dice("turns"))  # type: ignore[abstract]  # what nobody here asks of a loop
        self.topology = Topology("", plan.partitions, (ACCOUNT,))
        self.profile = Profile.from_record(_record(plan.profile, 1))
        self.witness = Witness(plan, self.loop, limit=self.profile.account(ACCOUNT).concurrency, story=story)
        self._age = 0.0
        self._table: tuple[int, int, dict[bytes, bytes]] = 0, 0, {}  # as of which end, of how many records
        self._begun_now: list[Begun] = []

    @property
    def result(self) -> Result:
        return self.witness.result

    def _dice(self, purpose: str) -> Random:
        return Random(f"{self.plan.seed}/{purpose}")

    def play(self) -> Result:
        """The run, from its first act to its rest."""
        self.loop.run(self._main())
        for failure in self.loop.failures:
            error = failure.get("exception")
            if error is not None and not may_end(error):
                self.witness.found("crash", type(error).__name__, f"{failure.get('message')}: {error!r}")
        return self.witness.close()

    # -- building

    def _build(self) -> None:
        loop, plan, topology, witness = self.loop, self.plan, self.topology, self.witness
        self.clock = SimClock(loop)
        specs = topology.topics()
        self.broker = Broker(
            Network(loop, self._dice("network")),
            {spec.name: spec.partitions for spec in specs},
            {spec.name: CLEANER_LAG for spec in specs if spec.cleanup is Cleanup.COMPACT},
            self._dice("broker"),
            lambda: int(self.clock.now().timestamp() * 1000),
            witness.written,
            witness.struck,
        )
        self.groups = {
            SEQUENCER: self._group(topology.sequencer_app, plan.partitions, SEQUENCER),
            DISPATCHER: self._group(topology.dispatcher_app(ACCOUNT), 1, DISPATCHER),
        }
        self.vendor = VendorWorld(
            plan.vendor,
            plan.world.payloads(),
            plan.seed,
            now=self.clock.now,
            monotonic=self._vendor_time,
            spawn=Process(loop, "vendor").spawn,
            on_entry=witness.entry,
            on_call=witness.call,
        )
        self._age = OLD_SECONDS
        self.senders = Senders(
            self.broker, plan.partitions, self.clock, self._dice("senders"), witness.sent, witness.answered
        )
        self.fleet = Fleet(
            loop,
            self.broker,
            self.groups,
            self.vendor,
            topology,
            self.profile,
            ACCOUNT,
            witness,
            self._dice,
            plan.look_seconds,
        )
        witness.callers = Callers(
            self.vendor, self.fleet.stood_still, self.clock, self.profile.account(ACCOUNT).deadline_seconds
        )
        faultpoints.listen(self.fleet.reached)

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
            committed=self.witness.committed,
        )

    # -- the course of a run

    async def _main(self) -> None:
        self._build()
        self.broker.append("profiles", 0, [(b"profile", self.profile.to_record(), (), None)])
        first = next((act for act in self.plan.acts if isinstance(act, Deploy) and not act.at), None)
        self.fleet.build = first.build if first is not None else ""
        for _ in range(self.plan.sequencers):
            self.fleet.start(SEQUENCER)
        for _ in range(self.plan.dispatchers):
            self.fleet.start(DISPATCHER)
        for act in self.plan.acts:
            await asyncio.sleep(act.at - self.loop.now)
            self.witness.watch.now = self.loop.now
            self._happen(act)
        await asyncio.sleep(self.plan.heal_at - self.loop.now)
        self._heal()
        if await self._come_to_rest():
            self._finish()

    def _happen(self, act: Act) -> None:
        if not isinstance(act, Webhook):
            self.witness.tell("world", f"{act.kind} (act {act.number})")
        match act:
            case Webhook():
                self.witness.counted("webhook")
                self.loop.world.spawn(self.senders.send(act.delivery))
            case VendorFault():
                self.vendor.put_fault(act.rule)
            case BrokerFault():
                self.broker.strike(act)
            case Kill():
                self.fleet.kill(act.role, act.worker, act.point, act.back_after)
            case Pause():
                self.fleet.pause(act.role, act.worker, act.point, act.seconds)
            case Join():
                self.witness.struck("join")
                self.fleet.start(act.role)
            case Leave():
                self.fleet.leave(act.role, act.worker)
            case Deploy():
                self._deploy(act)
            case Rebalance():
                self.witness.struck("rebalance")
                self.groups[act.role].begin_rebalance()
            case Jump():
                self.fleet.jump(act.role, act.worker, act.seconds)
            case Compact():
                if self.broker.compact():
                    self.witness.struck("compact")
            case Corrupt():
                if self.broker.corrupt(self.topology.sequencer_changelog, act.order) is not None:
                    self.witness.struck("corrupt")
            case Publish():
                self.witness.struck("publish")
                self.broker.append("profiles", 0, [(b"profile", _record(act.document, act.version), (), None)])
            case Operate():
                self._operate(act)

    def _deploy(self, act: Deploy) -> None:
        bad = self.fleet.build in FAILS
        self.fleet.deploy(act.build, act.apart, act.down)
        if bad and act.build not in FAILS:
            self.loop.world.call_later(_NOTICED_AFTER, self._replay_bugs, f"{self.plan.seed}-{act.number}")

    def _replay_bugs(self, actor_id: str) -> bool:
        """Whoever took the bad build back sends in again, and retries, what died of it; false when nothing did."""
        at, letters = rfc3339(self.clock.now()), self.letters()
        rows = {row.order_key: row for row in map(decode, self.rows().values())}
        replayed = operator.replay_all(letters, "bug", at, actor_id)
        if replayed:
            self.witness.struck("operate replay all")
        exceptions = self.exceptions(list(rows.values()), letters)
        retried = operator.retry_all(exceptions, letters, "bug", at, actor_id, rows)
        if retried:
            self.witness.struck("operate retry all")
        if replayed or retried:
            self.loop.world.spawn(self._write([*replayed, *retried]))
        return bool(replayed or retried)

    def _operate(self, act: Operate) -> None:
        rows, letters = [decode(value) for value in self.rows().values()], self.letters()
        written = operator.act(
            act,
            self.exceptions(rows, letters),
            lists.waiting(rows),
            letters,
            rfc3339(self.clock.now()),
            f"{self.plan.seed}-{act.number}",
            {row.order_key: row for row in rows},
        )
        if written:
            self.witness.struck(f"operate {act.verb} {act.slip}".rstrip())
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

    # -- and its end

    def _heal(self) -> None:
        """From now on nothing goes wrong."""
        self.witness.tell("world", "everything heals")
        self.senders.lossy = False
        self.broker.heal()
        self.vendor.clear_faults()
        self.fleet.heal()

    async def _come_to_rest(self) -> bool:
        """Wait until nothing is left to be done; a run that does not get there has failed (I14)."""
        witness, watch = self.witness, self.witness.watch
        until, joined_by = self.loop.now + LONGEST_REST, self.loop.now + JOINED_WITHIN
        while self.loop.now < until:
            await asyncio.sleep(3.0)
            watch.now = self.loop.now
            if self.loop.now - witness.last_write >= QUIET_SECONDS and not self.left():
                if self.loop.now < joined_by and watch.unjoined():
                    continue  # what a zombie wrote is looked for once a minute
                if self.fleet.had_a_bad_build and self._replay_bugs(f"{self.plan.seed}-{self.loop.now:.0f}"):
                    continue
                watch.checks["I14"] += 1
                return True
        what = f"not at rest {LONGEST_REST:.0f} s after the faults: {'; '.join(self.left()) or 'it goes on writing'}"
        witness.found("I14", "no-rest", what)
        return False

    def left(self) -> list[str]:
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
            left += [f"{entry.command.kind.value} {entry.command.subject} is begun" for entry in self._begun()]
        return left

    def _begun(self) -> list[Begun]:
        """What the account's table has as begun; read anew only when something was written to it since, or cleaned."""
        log = self.broker.logs[self.topology.dispatcher_changelog(ACCOUNT)][0]
        end, count, table = self._table
        if (log.end, len(log.records)) != (end, count):
            cleaned = log.end - end != len(log.records) - count
            table = fold.table(log.records) if cleaned else fold.table(log.records[count:], table)
            self._table = log.end, len(log.records), table
            open_ = [entries.decode(value) for value in table.values() if b'"state":"begun"' in value]
            self._begun_now = [entry for entry in open_ if isinstance(entry, Begun)]
        return self._begun_now

    def _finish(self) -> None:
        self.fleet.look_at_stops()
        stored = self.rows()
        rows = [decode(value) for value in stored.values()]
        letters = self.letters()
        self.witness.watch.finish(stored, self.exceptions(rows, letters), lists.waiting(rows), letters, self.left())

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


def _record(document: Mapping[str, Any], version: int) -> bytes:
    """A record of the profiles topic."""
    return orjson.dumps({"format": RECORD_FORMAT, "version": version, "profile": document})
