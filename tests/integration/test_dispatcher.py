"""The dispatcher as a process on a real broker: kill -9 at each gap of its protocol, take-over, zombies, poison."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.dispatcher.entries import OWNER, Ended, Owned, decode
from streams.commands import Command, Outcome
from streams.letters import HEADER_NAMES
from streams.vocabulary import CommandClass, DocumentKind, ErrorKind, OutcomeStatus
from tests.brokers import RealKafka
from tests.dispatcher_bench import command
from tests.integration.dispatcher_app import (
    ACCOUNT,
    LIMITS,
    Vendor,
    WorkerProcess,
    make_topics,
    running_vendor,
    topology,
)
from tests.kafka import committed_offsets, end_offsets, produce, read_all, wait_for

GAPS = ("after-read", "begun-written", "before-send", "after-send", "outcome-published", "done-written")


@dataclass
class Stage:
    """A broker with the account's topics, a vendor, and workers."""

    address: str
    prefix: str
    vendor: Vendor
    directory: Path
    workers: list[WorkerProcess]

    def worker(self) -> WorkerProcess:
        made = WorkerProcess(self.address, self.prefix, self.vendor, self.directory, len(self.workers))
        self.workers.append(made)
        return made

    async def ask(self, commands: Sequence[Command], klass: CommandClass = CommandClass.MONEY) -> None:
        records = [(one.order_key.encode(), one.encode()) for one in commands]
        await produce(self.address, topology(self.prefix).commands(ACCOUNT, klass), records)

    async def outcomes(self) -> dict[str, list[Outcome]]:
        found: dict[str, list[Outcome]] = {}
        for record in await read_all(self.address, f"{self.prefix}erp.outcomes"):
            outcome = Outcome.decode(record.value)
            assert record.key == outcome.order_key.encode()
            found.setdefault(outcome.command_id, []).append(outcome)
        return found

    async def all_done(self, commands: Sequence[Command], seconds: float = 60) -> None:
        """Every command has an outcome `done`."""

        async def done() -> bool:
            found = await self.outcomes()
            return all(any(o.status is OutcomeStatus.DONE for o in found.get(one.id, ())) for one in commands)

        try:
            await wait_for(done, seconds, "all commands to be done", every=0.3)
        except TimeoutError:
            raise AssertionError("\n".join(worker.said()[-3000:] for worker in self.workers)) from None

    async def all_committed(self, klass: CommandClass = CommandClass.MONEY) -> None:
        topic = topology(self.prefix).commands(ACCOUNT, klass)
        ends = await end_offsets(self.address, topic)

        async def committed() -> bool:
            group = topology(self.prefix).dispatcher_app(ACCOUNT)
            return await committed_offsets(self.address, group, topic) == ends

        await wait_for(committed, 30, f"the offsets of {topic} to be committed", every=0.3)

    async def changelog(self) -> list[tuple[str, object]]:
        topic = topology(self.prefix).dispatcher_changelog(ACCOUNT)
        return [(record.key.decode(), decode(record.value)) for record in await read_all(self.address, topic)]

    async def owners(self) -> list[tuple[int, bool]]:
        return [
            (entry.epoch, entry.released)
            for key, entry in await self.changelog()
            if key == OWNER and isinstance(entry, Owned)
        ]


@pytest.fixture
async def stage(kafka: RealKafka, prefix: str, tmp_path: Path) -> AsyncIterator[Stage]:
    await make_topics(kafka.address, prefix)
    async with running_vendor() as vendor:
        made = Stage(kafka.address, prefix, vendor, tmp_path, [])
        yield made
        for worker in made.workers:
            await worker.clean_up()


async def test_commands_of_all_classes_are_carried_out_and_poison_is_buried(stage: Stage) -> None:
    """One document for each, faults or not; what is no command becomes a letter with its bytes as they were."""
    money = [command(order=f"m{number}") for number in range(30)]
    goods = [command(order=f"m{number}", kind=DocumentKind.ITEM_RECEIPT, subject="lot") for number in range(10)]
    bulk = [command(order=f"b{number}", kind=DocumentKind.STOCK_MOVEMENT) for number in range(10)]
    stage.vendor.faults.extend(["", "429", "reset-before", "", "reset-after", "hang"])
    topic = topology(stage.prefix).commands(ACCOUNT)
    await stage.ask(money[:15])
    await produce(stage.address, topic, [(b"m1", b"\xff not a command")], headers=[("source", b"test")])
    await stage.ask(money[15:])
    await stage.ask(goods, CommandClass.GOODS)
    await stage.ask(bulk, CommandClass.BULK)
    worker = stage.worker()
    await worker.start()
    await stage.all_done([*money, *goods, *bulk])
    for klass in CommandClass:
        await stage.all_committed(klass)
    assert (len(stage.vendor.made), stage.vendor.doubled) == (50, {})
    assert stage.vendor.most_in_flight <= LIMITS.concurrency
    (letter,) = await read_all(stage.address, f"{stage.prefix}dead.letters")
    assert (letter.key, letter.value) == (b"m1", b"\xff not a command")
    named = dict(letter.headers)
    assert {*named} == {*HEADER_NAMES, "source"}
    assert (named["dlq.stage"], named["dlq.disposition"], named["dlq.source.offset"]) == (b"decode", b"poison", b"15")
    assert await worker.end(signal.SIGTERM) == 0, worker.said()[-3000:]
    assert await stage.owners() == [(1, False), (1, True)]


async def test_an_answer_that_we_cannot_read_ends_at_its_command(stage: Stage) -> None:
    """The process goes on, one command is refused as `bug`; its retry finds the document that was made."""
    asked = [command(order=f"o{number}") for number in range(20)]
    stage.vendor.faults.extend(["", "", "odd"])
    await stage.ask(asked)
    worker = stage.worker()
    await worker.start()

    async def told() -> bool:
        return len(await stage.outcomes()) == 20

    await wait_for(told, 60, "an outcome of each", every=0.3)
    await stage.all_committed()
    ends = {name: told[-1] for name, told in (await stage.outcomes()).items()}
    (refused,) = [outcome for outcome in ends.values() if outcome.status is OutcomeStatus.REFUSED]
    assert refused.failure is not None
    assert (refused.failure.kind, refused.failure.type) == (ErrorKind.BUG, "KeyError")
    retried = next(one for one in asked if one.id == refused.command_id)
    await stage.ask([replace(retried, revision=2, row_stamp=(1, 2))])
    await stage.all_done(asked)
    assert (len(stage.vendor.made), stage.vendor.doubled) == (20, {})
    assert (await stage.outcomes())[retried.id][-1].reason == "found"
    assert await worker.end(signal.SIGTERM) == 0, worker.said()[-3000:]
    assert await stage.owners() == [(1, False), (1, True)]


async def test_e09_a_build_that_cannot_read_any_answer_stops_the_account(stage: Stage) -> None:
    """The process ends and says why; a mended one makes nothing twice, and a retry finds what was refused."""
    asked = [command(order=f"o{number}") for number in range(40)]
    stage.vendor.faults.extend(["odd"] * 100)
    await stage.ask(asked)
    worker = stage.worker()
    await worker.start()
    assert await worker.ended(60) == 1, worker.said()[-3000:]
    assert "consumption stopped" in worker.said()
    (alarm,) = await read_all(stage.address, f"{stage.prefix}alarms")
    assert alarm.key == f"consumption-stopped/{ACCOUNT}".encode()
    refused = {name for name, told in (await stage.outcomes()).items() if told[-1].status is OutcomeStatus.REFUSED}
    assert 20 - LIMITS.concurrency <= len(refused) < 20
    stage.vendor.faults.clear()
    mended = stage.worker()
    await mended.start()
    await stage.all_done([one for one in asked if one.id not in refused])
    await stage.ask([replace(one, revision=2, row_stamp=(1, 2)) for one in asked if one.id in refused])
    await stage.all_done(asked)
    assert (len(stage.vendor.made), stage.vendor.doubled) == (40, {})
    assert await mended.end(signal.SIGTERM) == 0, mended.said()[-3000:]


@pytest.mark.parametrize("gap", GAPS)
async def test_killed_at_a_gap_it_makes_each_document_once(stage: Stage, gap: str) -> None:
    """kill -9 in the gap, on the third time it is reached; a new process goes on from the table and the topic."""
    asked = [command(order=f"o{number}") for number in range(12)]
    await stage.ask(asked)
    worker = stage.worker()
    await worker.start(f"dispatcher.{gap}:3")
    assert await worker.ended() == -signal.SIGKILL, worker.said()[-3000:]
    assert worker.fault_log.read_text() == f"dispatcher.{gap}\n"
    await worker.start()
    await stage.all_done(asked)
    await stage.all_committed()
    assert (len(stage.vendor.made), stage.vendor.doubled) == (12, {})
    ended = {key for key, entry in await stage.changelog() if isinstance(entry, Ended)}
    assert ended == {one.id for one in asked}


async def test_killed_again_and_again_under_load_it_doubles_nothing(stage: Stage) -> None:
    """Six kill -9 at any moment, with resets and time-outs at the vendor."""
    asked = [command(order=f"o{number % 150}", subject=f"rf{number}") for number in range(300)]
    stage.vendor.seconds = 0.05
    stage.vendor.faults.extend(
        ("reset-before", "reset-after", "hang", "429")[number // 9 % 4] if number % 9 == 0 else ""
        for number in range(200)
    )
    await stage.ask(asked)
    worker = stage.worker()
    for kill in range(6):
        await worker.start()
        before = len(stage.vendor.made)

        def moved(wanted: int = before + 5 + 3 * kill) -> bool:
            return len(stage.vendor.made) >= wanted

        await wait_for(moved, 40, "the vendor to be called")
        await worker.end(signal.SIGKILL)
    await worker.start()
    await stage.all_done(asked, 90)
    await stage.all_committed()
    assert (len(stage.vendor.made), stage.vendor.doubled) == (300, {})
    assert stage.vendor.most_in_flight <= LIMITS.concurrency


async def test_a_paused_owner_is_replaced_and_sends_nothing_when_it_wakes(stage: Stage) -> None:
    """SIGSTOP past the session time-out, then SIGCONT: another has taken over, and the limit holds throughout."""
    asked = [command(order=f"o{number}") for number in range(200)]
    stage.vendor.seconds = 0.5
    workers = [stage.worker(), stage.worker()]
    for worker in workers:
        await worker.start()
    await stage.ask(asked)
    await wait_for(lambda: len(stage.vendor.made) >= 20, 60, "an owner to work")
    await wait_for(lambda: sum(worker.owns() for worker in workers) == 1, 30, "one of the two to own the account")
    (owner,) = (worker for worker in workers if worker.owns())
    before = len(await stage.owners())
    owner.signal(signal.SIGSTOP)
    try:

        async def taken_over() -> bool:
            return len(await stage.owners()) > before

        await wait_for(taken_over, 60, "the take-over", every=0.5)
        assert len(stage.vendor.made) < len(asked)
    finally:
        owner.signal(signal.SIGCONT)
    await stage.all_done(asked, 90)
    assert (len(stage.vendor.made), stage.vendor.doubled) == (200, {})
    assert stage.vendor.most_in_flight <= LIMITS.concurrency


async def test_a_graceful_restart_does_not_wait_for_a_predecessor(stage: Stage) -> None:
    """SIGTERM lets the calls in flight end and releases the account; the next owner starts at once."""
    asked = [command(order=f"o{number}") for number in range(60)]
    stage.vendor.seconds = 0.1
    await stage.ask(asked)
    worker = stage.worker()
    await worker.start()
    await wait_for(lambda: len(stage.vendor.made) >= 5, 30, "the first calls")
    assert await worker.end(signal.SIGTERM) == 0, worker.said()[-3000:]
    stopped_at = len(stage.vendor.made)
    assert stage.vendor.in_flight == 0
    outcomes = await stage.outcomes()
    assert len(outcomes) == stopped_at  # every call in flight was written down
    await worker.start()
    await stage.all_done(asked)
    assert (len(stage.vendor.made), stage.vendor.doubled) == (60, {})
    assert (await stage.owners())[:3] == [(1, False), (1, True), (2, False)]
    assert "taking over" not in worker.said()


async def test_a_fault_of_ours_before_the_call_ends_at_its_command(stage: Stage) -> None:
    """What our own code cannot carry out is refused as `bug` and acknowledged; the others are done."""
    broken, others = command(order="broken", body={}), [command(order=f"o{number}") for number in range(5)]
    await stage.ask([broken, *others])
    worker = stage.worker()
    await worker.start()
    await stage.all_done(others)
    await stage.all_committed()
    (outcome,) = (await stage.outcomes())[broken.id]
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.kind, outcome.failure.type) == (
        OutcomeStatus.REFUSED, ErrorKind.BUG, "KeyError"
    )  # fmt: skip
    assert len(stage.vendor.made) == 5
    assert await worker.end(signal.SIGTERM) == 0, worker.said()[-3000:]
