"""One period of owning the account: its lanes of orders, and the tasks that carry their commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from agents.clock import Clock
from agents.dispatcher.entries import Begun
from agents.dispatcher.ports import OwnershipLost
from agents.dispatcher.protocol import Dispatch
from agents.dispatcher.schedule import Job, Schedule
from agents.faultpoints import reach


class Session:
    """From the recovery of the table to its revocation; nothing of it outlives that."""

    def __init__(
        self,
        dispatch: Dispatch,
        clock: Clock,
        *,
        on_room: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.dispatch = dispatch
        self.schedule: Schedule = dispatch.schedule
        self.stopping = False
        self._clock = clock
        self._on_room = on_room
        self._on_failure = on_failure
        self._tasks: dict[asyncio.Task[None], str] = {}

    def resume(self, entries: Iterable[Begun]) -> int:
        """Take up what a predecessor had begun, before anything new is read; returns how many."""
        begun = sorted(entries, key=lambda entry: (not entry.in_doubt, entry.written))
        for entry in begun:
            self.offer(Job(entry.command, entry.command.klass, counted=False))
        return len(begun)

    def offer(self, job: Job) -> None:
        """Have a command carried when its order's lane comes to it."""
        if self.schedule.offer(job) and not self.stopping:
            task = asyncio.create_task(self._run(job.lane), name=f"lane {job.lane}")
            self._tasks[task] = job.lane
            task.add_done_callback(self._tasks.pop)

    async def _run(self, lane: str) -> None:
        try:
            while not self.stopping and (job := self.schedule.head(lane)) is not None:
                await self.dispatch.carry(job)
                self.schedule.end(job)
                self._on_room()
        except OwnershipLost:
            return
        except Exception as error:
            # A fault of ours: nothing of this account goes on, and the process ends.
            self._on_failure(error)

    async def stop(self, within: float) -> bool:
        """Send nothing more; let what is being sent or written end. True when nothing was cut off."""
        self.stopping = True
        until = self._clock.elapsed() + within
        told: set[asyncio.Task[None]] = set()  # once: one that is cancelled may have to write that it sent nothing
        while True:
            for task, lane in self._tasks.items():
                head = self.schedule.head(lane)
                if task not in told and (head is None or not head.sending):
                    told.add(task)
                    task.cancel()
            await asyncio.sleep(0)
            if not self._tasks or self._clock.elapsed() >= until:
                break
            reach("dispatcher.giving-up")
            await self._a_moment()
        cut_off = self.cut_off()
        await asyncio.gather(*cut_off, return_exceptions=True)
        return not cut_off

    def cut_off(self) -> list[asyncio.Task[None]]:
        """Whatever still runs is cancelled; what it had sent stays in doubt. Returns what was cut off."""
        self.stopping = True
        running = list(self._tasks)
        for task in running:
            task.cancel()
        return running

    async def _a_moment(self) -> None:
        await asyncio.wait(
            [*self._tasks, timer := asyncio.ensure_future(self._clock.sleep(0.1))], return_when=asyncio.FIRST_COMPLETED
        )
        timer.cancel()
