"""The dispatcher's shell: batches in, jobs to their lanes, acknowledgements out, and the account's take-over.

Step 0 of the protocol is here: the command topics have one partition each and one group reads them, so the account has
one owner; its first record says whether the one before had stopped with nothing in flight.
"""

from __future__ import annotations

import asyncio
import random as random_module
from collections.abc import Callable
from typing import Any

import structlog
from faust.types import TP

from agents.clock import Clock, SteadyClock
from agents.dispatcher.deploy import Deploy, DeployStopped
from agents.dispatcher.intake import NotACommand, read_command
from agents.dispatcher.journal import Journal, Place
from agents.dispatcher.ports import Adapter, OwnershipLost, Patience
from agents.dispatcher.protocol import Dispatch
from agents.dispatcher.schedule import Job, Schedule
from agents.dispatcher.session import Session
from agents.faultpoints import reach
from agents.gate import Gate
from agents.lane import Batch, Lane, Record, stream_batches
from agents.lease import Lease
from agents.log import Log
from agents.rows import NotOwned, Rows
from streams.commands import Command
from streams.vocabulary import CommandClass

logger = structlog.get_logger(__name__)

FOREIGN_SECONDS = 60.0  # how often the owner looks whether its changelog's end is its own last write
STOP_MARGIN_SECONDS = 2.0  # beyond a call's deadline, to write down how it ended


class Dispatcher:
    """Owns an account while its partitions are assigned to this process."""

    def __init__(
        self,
        lane: Lane,
        rows: Rows,
        log: Log,
        *,
        place: Place,
        adapter: Adapter,
        gate: Gate,
        lease: Lease,
        generation: Callable[[], int],
        clock: Clock,
        random: random_module.Random,
        patience: Patience | None = None,
        window: int = 1_000,
        deploy: Deploy | None = None,
        look_seconds: float = FOREIGN_SECONDS,
    ) -> None:
        self.gate = gate
        self._lane, self._rows, self._log, self._place = lane, rows, log, place
        self._generation = generation
        self._adapter, self._lease, self._random = adapter, lease, random
        self._clock = SteadyClock(clock)  # the table's marks must not go back, whatever is done to the machine's clock
        self._patience, self._window = patience, window
        self._deploy, self._look_seconds = deploy or Deploy(), look_seconds
        self._coming: Journal | None = None  # of a take-over that has no session yet
        self._session: Session | None = None
        self._journal: Journal | None = None
        self._gated: dict[CommandClass, TP] = {}
        self._failed = asyncio.Event()
        self._failure: BaseException | None = None
        rows.on_recovered(self._take_over)
        lane.on_revoking(self._give_up)

    # Owning.

    async def _take_over(self, partition: int) -> None:
        """Step 0. After recovery and before the first batch: say who owns, then resume what was begun."""
        await self._drop()
        self._never_mind()
        journal = self._coming = Journal(self._place, self._rows, self._log, self._clock)
        try:
            before = await journal.own(self._generation())
        except OwnershipLost:
            return  # the partitions went while we said that we own the account; the next assignment begins anew
        if before is not None and not before.released:
            # Its last call may still be running there: the slots stay its own for one deadline.
            deadline = self._adapter.limits.deadline_seconds
            self.gate.reserve(self._clock.elapsed() + deadline)
            logger.info("taking over", account=self._place.account, epoch=journal.epoch, seconds=deadline)
        schedule = Schedule(self._window)
        dispatch = Dispatch(
            adapter=self._adapter,
            gate=self.gate,
            table=journal,
            outcomes=journal,
            lease=self._lease,
            alarms=journal,
            schedule=schedule,
            deploy=self._deploy,
            clock=self._clock,
            random=self._random,
            patience=self._patience,
        )
        self._open_gates(list(self._gated))
        self._journal, self._coming = journal, None
        self._session = Session(dispatch, self._clock, on_room=self._on_room, on_failure=self._fail)
        resumed = self._session.resume(journal.begun())
        logger.info("account owned", account=self._place.account, epoch=journal.epoch, resumed=resumed)
        reach("dispatcher.owned")

    async def _give_up(self) -> None:
        """Before the partitions go: send nothing more, let what is in flight end and be written down."""
        self._never_mind()
        session, journal = self._session, self._journal
        self._session = self._journal = None
        if session is None or journal is None:
            return
        released = False
        try:
            stopped = await session.stop(self._adapter.limits.deadline_seconds + STOP_MARGIN_SECONDS)
            if stopped and not self.gate.reserved:  # else a call of our predecessor's may be in flight still
                await journal.release(self._generation())
                released = True
        except OwnershipLost:
            logger.info("the account was gone before it could be released", account=self._place.account)
        finally:
            # Also when the time to give up has run out: the process may own the account again before long, and what
            # is left of this session would go on beside the next one, under the next one's lease.
            journal.closed = True
            session.cut_off()
        logger.info("account given up", account=self._place.account, epoch=journal.epoch, released=released)

    def _never_mind(self) -> None:
        """A take-over that has not come to its session yet is to begin none: nobody would end it."""
        if self._coming is not None:
            self._coming.closed = True
            self._coming = None

    async def _drop(self) -> None:
        """End a session that no revocation ended: two at once would each send what the other has begun."""
        session, journal = self._session, self._journal
        self._session = self._journal = None
        if session is None or journal is None:
            return
        journal.closed = True  # the table is another epoch's by now: what is in flight stays in doubt
        try:
            await session.stop(self._adapter.limits.deadline_seconds + STOP_MARGIN_SECONDS)
        finally:
            session.cut_off()
        logger.warning("a session that was not given up is dropped", account=self._place.account, epoch=journal.epoch)

    # Reading.

    async def read(self, stream: Any, klass: CommandClass) -> None:
        """The agent of one class: jobs of a batch go to their lanes, its acknowledgement comes when they are over."""
        async for batch in stream_batches(stream, auto_ack=False):
            await self._take(batch, klass)

    async def _take(self, batch: Batch, klass: CommandClass) -> None:
        session, journal = self._session, self._journal
        if session is None or journal is None or batch.stale:
            return
        records = [(record, self._read(record)) for record in batch.records]
        poison = sum(isinstance(read, NotACommand) for _, read in records)
        try:
            self._deploy.note_read(good=len(records) - poison, poison=poison)
        except DeployStopped as stop:  # nothing of the batch is buried, nor acknowledged
            await journal.stopped(str(stop))
            raise
        left = len(records)

        def finished() -> None:
            nonlocal left
            left -= 1
            if not left:
                batch.ack()

        for record, read in records:
            if isinstance(read, NotACommand):
                logger.warning("not a command", topic=record.topic, offset=record.offset, error=read.message)
                await journal.bury(record, read)
                finished()
            else:
                session.offer(Job(read, klass, finished))
        if not session.schedule.has_room(klass):
            self._gated[klass] = batch.tp
            self._lane.gate(batch.tp)

    def _read(self, record: Record) -> Command | NotACommand:
        try:
            return read_command(record.value, self._place.account)
        except NotACommand as reason:
            return reason

    def _on_room(self) -> None:
        session = self._session
        if session is not None:
            self._open_gates([klass for klass in self._gated if session.schedule.has_room(klass)])

    def _open_gates(self, classes: list[CommandClass]) -> None:
        for klass in classes:
            self._lane.ungate(self._gated.pop(klass))

    # Watching.

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._failed.set()

    async def watch_failure(self) -> None:
        """A task of the app: what a lane raises ends the process."""
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    async def watch_changelog(self) -> None:
        """A task of the app: a predecessor that was paused may write after it lost the account."""
        while True:
            await self._clock.sleep(self._look_seconds)
            journal = self._journal
            if journal is None:
                continue
            try:
                foreign = await self._rows.foreign_writes(0)
                if foreign and not journal.closed:
                    logger.warning("foreign writes joined", account=self._place.account, commands=len(foreign))
                    await journal.write_again(foreign)
            except (OwnershipLost, NotOwned):
                continue
