"""Plays the demo: start everything, seed the history, send the peak, do harm, come to rest, check, report."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.broker.connection import Connection
from adapters.demo.plan import CONCURRENCY, Plan
from adapters.demo.report import Interval, Run
from adapters.demo.watch import Sample, Watcher
from adapters.generator import check as outside
from adapters.generator import files, sender
from adapters.generator.chances import troubled
from adapters.generator.deliveries import REVENI, WAREHOUSE, habits_of
from adapters.generator.files import AnswerLog
from adapters.generator.run import Peak, make
from adapters.generator.sender import Counts, Pace
from adapters.generator.verdict import Verdict
from adapters.stage.child import Child, ChildFailed, run_json
from adapters.stage.stage import SECRETS, Stage

LOOK_SECONDS = 0.5
RESTART_SECONDS = 1.0
RECOVERY_SECONDS = 15.0
"""How long a killed worker's work stands still: its session (10 s here for a dispatcher), a rebalance, a recovery."""

EVIDENCE = 20  # stories kept of orders that broke a promise, or have an exception that nothing explains

READY_SECONDS = 90.0
"""How long the workers may take to join their groups and recover; the embedded broker takes its time."""

OUTSIDE = ("inspection", "refund", "acceptance", "approval", "return", "reveni")
"""What an order may wait for at rest: the world, not us."""

Show = Callable[[Sample, str], None]


class Demo:
    """One run against a stage that has a broker."""

    def __init__(
        self, plan: Plan, stage: Stage, connection: Connection, out: Path, show: Show, say: Callable[[str], None]
    ) -> None:
        self._plan, self._stage, self._connection, self._out = plan, stage, connection, out
        self._show, self._say = show, say
        self._counts = Counts()
        self._phase = "starting"
        self._intervals: list[Interval] = []
        self._kills: list[float] = []

    async def play(self) -> Run:
        """The whole run; raises `ChildFailed` when a part does not start."""
        began = time.monotonic()
        secrets = {REVENI: SECRETS["reveni"], WAREHOUSE: SECRETS["warehouse"]}
        chances, habits = troubled(self._plan.trouble), habits_of(self._plan.trouble)
        peak = make(self._plan.seed, self._plan.orders, self._plan.sending, secrets, habits=habits, chances=chances)
        peak.write(self._out)
        self._say(
            f"{len(peak.deliveries):,} webhooks of {len(peak.stories):,} returns on {len(peak.world.orders):,} orders\n"
            f"written to {self._out / files.SENT}"
        )
        await asyncio.to_thread(self._stage.prepare)
        await asyncio.to_thread(self._stage.open)
        self._say("topics made, profile published, simulators and gateway ready")
        await sender.seed(peak.world.payloads(), self._stage.simulators_url)
        workers = self._start_workers()
        await self._ready(workers)
        self._say("two workers own their partitions")
        watcher = Watcher(self._connection, self._topology(), "ns", self._stage.simulators_url, CONCURRENCY)
        await watcher.start()
        try:
            rested = await self._peak(peak, workers, watcher)
            calls = await asyncio.to_thread(self._stage.control, "GET", "/_calls?summary=1")
            faults = await asyncio.to_thread(self._stage.control, "GET", "/_calls?faults=1")
            ledger = await asyncio.to_thread(self._stage.control, "GET", "/_ledger")
            lists = [await asyncio.to_thread(run_json, verb, self._stage.env) for verb in _LISTS]
            exceptions, waiting, letters = lists
            sent, answers = files.read_sent(self._out / files.SENT), files.read_answers(self._out / files.ANSWERS)
            verdict = outside.check(peak.expected, ledger, sent, answers, exceptions, waiting, calls, faults)
            await asyncio.to_thread(self._keep_evidence, verdict, ledger, exceptions, waiting)
        finally:
            await watcher.stop()
        return Run(
            seed=self._plan.seed,
            orders=self._plan.orders,
            returns=len(peak.stories),
            trouble=self._plan.trouble,
            broker="",
            seconds=time.monotonic() - began,
            kills=len(self._kills),
            rested=rested,
            samples=watcher.samples,
            ledger=ledger,
            sent=sent,
            answers=answers,
            exceptions=exceptions,
            waiting=waiting,
            dead_letters=letters,
            calls=calls,
            intervals=self._intervals,
            verdict=verdict,
        )

    @property
    def kill_times(self) -> Sequence[float]:
        return self._kills

    def _keep_evidence(self, verdict: Verdict, ledger: Any, exceptions: Any, waiting: Any) -> None:
        """What the verdict rests on, and the whole story of each order that broke a promise."""
        for name, content in (("ledger", ledger), ("exceptions", exceptions), ("waiting", waiting)):
            (self._out / f"{name}.json").write_text(json.dumps(content, indent=1))
        broken = [violation.order_id for violation in verdict.violations]
        broken += [str(entry.get("order_id") or "") for entry in verdict.unexplained]
        orders = list(filter(None, dict.fromkeys(broken)))
        for order_id in orders[:EVIDENCE]:
            story = run_json(["order", "show", order_id], self._stage.env)
            (self._out / f"order-{order_id}.json").write_text(json.dumps(story, indent=1))

    def _topology(self) -> Any:
        from streams.topics import Topology

        return Topology(self._stage.prefix, self._stage.partitions, ("ns",))

    def _start_workers(self) -> list[list[Child]]:
        """Two workers; each is a sequencer and a dispatcher process, as `worker --role all` would run them."""
        workers = []
        for name in ("a", "b"):
            parts = [
                self._stage.worker(f"sequencer-{name}", "sequencer"),
                self._stage.worker(f"dispatcher-{name}", "dispatcher", "ns"),
            ]
            for part in parts:
                part.start()
            workers.append(parts)
        return workers

    async def _ready(self, workers: list[list[Child]]) -> None:
        """Wait until both sequencers have recovered and one dispatcher owns the account; their logs say so."""
        deadline = time.monotonic() + READY_SECONDS
        sequencers = [part for worker in workers for part in worker if part.name.startswith("sequencer")]
        dispatchers = [part for worker in workers for part in worker if part.name.startswith("dispatcher")]
        while time.monotonic() < deadline:
            for part in (*sequencers, *dispatchers):
                if not part.running:
                    raise ChildFailed(f"{part.name} ended with {part.code}:\n{part.tail()}")
            recovered = all("rows recovered" in part.tail(200) for part in sequencers)
            if recovered and any("account owned" in part.tail(200) for part in dispatchers):
                return
            await asyncio.sleep(0.2)
        raise ChildFailed(f"the workers did not join within {READY_SECONDS:.0f} s:\n{dispatchers[0].tail()}")

    # -- the peak

    async def _peak(self, peak: Peak, workers: list[list[Child]], watcher: Watcher) -> bool:
        log = AnswerLog(self._out / files.ANSWERS)
        started = self._start = time.monotonic()
        self._wall = datetime.now(UTC)
        self._phase = "peak"
        self._stage.faults(*self._plan.rules())
        if self._plan.faults:
            start, end = self._plan.outage
            self._interval(start, end + 8, "the ERP was away")
        looking = asyncio.create_task(self._look(watcher, started))
        harm = asyncio.create_task(self._harm(workers, started))
        sending = asyncio.create_task(
            sender.send(peak.deliveries, self._stage.gateway_url, log, self._count, Pace(concurrency=48))
        )
        try:
            await _all_or_first_failure(sending, harm, looking)
            self._phase = "working off the backlog"
            if self._plan.faults:
                await asyncio.sleep(max(0.0, started + self._plan.heal - time.monotonic()))
                self._stage.faults()
            self._phase = "coming to rest"
            return await self._rest(watcher, looking)
        finally:
            log.close()
            for task in (looking, harm, sending):
                task.cancel()
            await asyncio.gather(looking, harm, sending, return_exceptions=True)

    def _count(self, counts: Counts) -> None:
        self._counts = counts

    async def _look(self, watcher: Watcher, started: float) -> None:
        while True:
            sample = await watcher.look(started, self._counts.attempts, self._counts.accepted)
            self._show(sample, self._phase)
            await asyncio.sleep(LOOK_SECONDS)

    async def _harm(self, workers: list[list[Child]], started: float) -> None:
        """kill -9 one worker after the other; each is started again at once, as a supervisor would."""
        for number, when in enumerate(self._plan.kill_times):
            await asyncio.sleep(max(0.0, started + when - time.monotonic()))
            victim = workers[number % len(workers)]
            at = time.monotonic() - started
            self._kills.append(at)
            for part in victim:
                await asyncio.to_thread(part.kill)
            self._say(f"killed worker {'ab'[number % 2]} with kill -9 at {at:.0f} s")
            self._interval(at, at + RECOVERY_SECONDS, "a worker was killed")
            await asyncio.sleep(RESTART_SECONDS)
            for part in victim:
                part.start()

    def _interval(self, start: float, end: float, what: str) -> None:
        first = self._wall + timedelta(seconds=start)
        self._intervals.append(Interval(first, self._wall + timedelta(seconds=end), what))

    async def _rest(self, watcher: Watcher, looking: asyncio.Task[None]) -> bool:
        """Wait until nothing lies unread and no order waits for us; False if that takes too long."""
        deadline = time.monotonic() + max(120.0, self._plan.sending * 4)
        while time.monotonic() < deadline:
            if looking.done():
                looking.result()
            last = watcher.samples[-3:]
            calm = all(s.backlog == 0 and s.commands == 0 and s.in_flight == 0 for s in last)
            still = len({(s.sequenced, s.documents, s.dead_letters) for s in last}) == 1
            if len(last) == 3 and calm and still:
                waiting = await asyncio.to_thread(run_json, ["waiting"], self._stage.env)
                if all(entry["for"] in OUTSIDE or str(entry["for"]).startswith("letter:") for entry in waiting):
                    return True
                self._phase = f"coming to rest, {len(waiting)} waiting"
                await asyncio.sleep(2)
            await asyncio.sleep(LOOK_SECONDS)
        return False


_LISTS = (["exceptions"], ["waiting"], ["dlq", "list", "--all"])


async def _all_or_first_failure(
    sending: asyncio.Task[Any], harm: asyncio.Task[Any], looking: asyncio.Task[Any]
) -> None:
    """Sending and harm to their ends; whatever fails first is raised at once."""
    wanted = {sending, harm}
    while wanted:
        done, _ = await asyncio.wait({*wanted, looking}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        wanted -= done
