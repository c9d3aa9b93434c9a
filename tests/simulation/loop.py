"""An event loop on virtual time that runs the tasks of many simulated processes in one thread.

Every task belongs to the process in whose context it was made. What a killed process had still to run is never run: no
handler, no `finally`, nothing, as after kill -9; a paused one's waits until it wakes. Within a process callbacks keep
their order, as asyncio has it; which process goes first is the dice's. Time passes only while nobody can do anything.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any

PROCESS: ContextVar[Process] = ContextVar("process")


class Process:
    """A simulated process: its tasks, and whether they may run."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name = name
        self.dead = False
        self.paused = False
        self.fuse = -1  # callbacks left until `blown` is called; negative: not lit
        self.blown: Callable[[], None] = lambda: None
        self.ready: deque[Handle] = deque()
        self._loop = loop
        self._tasks: list[asyncio.Task[Any]] = []
        self._context = copy_context()
        self._context.run(PROCESS.set, self)
        loop.processes.append(self)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """A task of this process."""
        return self._loop.create_task(coroutine, name=name or None, context=self._context.copy())

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold a task until the run is over: one that is collected earlier would run its `finally` after the kill."""
        self._tasks.append(task)
        if len(self._tasks) > 256:
            self._tasks = [one for one in self._tasks if not one.done()]

    def bury(self) -> None:
        """After the run: what was never begun is not to be told of as forgotten."""
        for task in self._tasks:
            coroutine = task.get_coro()
            if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                coroutine.close()

    def call_later(self, seconds: float, callback: Callable[..., object], *args: Any) -> Handle:
        """Run something in this process after a while."""
        loop = self._loop
        return loop.arm(Handle(callback, args, self._context, self), loop.now + seconds)

    def kill(self) -> None:
        """As kill -9: nothing of it runs any more."""
        self.dead = True
        self.ready.clear()
        self._loop.stands_still(self)

    def pause(self) -> None:
        """As SIGSTOP."""
        self.paused = True
        self._loop.stands_still(self)

    def wake(self) -> None:
        """As SIGCONT."""
        if self.paused and not self.dead:
            self.paused = False
            if self.ready:
                self._loop.goes_on(self)

    def light(self, callbacks: int, then: Callable[[], None]) -> None:
        """Have `then` called between two of its callbacks, after so many more: between any two awaits."""
        self.fuse, self.blown = callbacks, then

    def __repr__(self) -> str:
        return f"<Process {self.name}>"


class Handle:
    """A callback to be run; what asyncio knows as Handle and TimerHandle. It holds little: a run makes thousands."""

    __slots__ = ("args", "callback", "context", "process", "stopped")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context, process: Process
    ) -> None:
        self.callback, self.args, self.context, self.process, self.stopped = callback, args, context, process, False

    def cancel(self) -> None:
        self.stopped = True
        self.args = ()

    def cancelled(self) -> bool:
        return self.stopped


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop. `now` is in virtual seconds from the start of the run."""

    def __init__(self, dice: Random) -> None:
        self.now = 0.0
        self.failures: list[dict[str, Any]] = []
        self.processes: list[Process] = []
        self.world = Process(self, "world")
        self._dice = dice
        self._timers: list[tuple[float, int, Handle]] = []
        self._timer = 0
        self._runnable: list[Process] = []
        self._closed = False
        self._context = copy_context()
        self._context.run(PROCESS.set, self.world)

    # -- what asyncio asks of a loop

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # a killed process leaves its tasks as they are
        process = PROCESS.get(None) if context is None else context.get(PROCESS)
        if process is not None:
            process.keep(task)
        return task

    def call_soon(  # type: ignore[override]  # handles of our own
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Handle:
        context = context or copy_context()
        process = context.get(PROCESS) or self.world
        handle = Handle(callback, args, context, process)
        if not process.dead and not self._closed:
            if not process.ready and not process.paused:
                self._runnable.append(process)
            process.ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Handle:
        context = context or copy_context()
        return self.arm(Handle(callback, args, context, context.get(PROCESS) or self.world), self.now + delay)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Handle:
        context = context or copy_context()
        return self.arm(Handle(callback, args, context, context.get(PROCESS) or self.world), when)

    def arm(self, handle: Handle, when: float) -> Handle:
        """Have it run at its time."""
        if not self._closed:
            self._timer += 1
            heappush(self._timers, (when, self._timer, handle))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._closed:
            self.failures.append(context)

    # -- running

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        """Run until `main`, a task of the world, has ended; its result."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            task = self.world.spawn(main, "main")
            self._run_until(task.done)
            return task.result()
        finally:
            self._closed = True
            for process in self.processes:
                process.bury()
            asyncio._set_running_loop(before)

    def stands_still(self, process: Process) -> None:
        if process in self._runnable:
            self._runnable.remove(process)

    def goes_on(self, process: Process) -> None:
        self._runnable.append(process)

    def _pass_time(self) -> Handle | None:
        """To the next moment at which somebody has something to do; what that is, where it is one callback alone."""
        timers, runnable = self._timers, self._runnable
        while timers:
            if runnable and timers[0][0] > self.now:
                return None
            when, _, handle = heappop(timers)
            process = handle.process
            if handle.stopped or process.dead:
                continue
            if when > self.now:
                self.now = when
            if process.paused:
                process.ready.append(handle)
                continue
            if not process.ready:
                if not runnable and not (timers and timers[0][0] <= self.now):
                    return handle
                runnable.append(process)
            process.ready.append(handle)
        if not runnable:
            raise RuntimeError("nothing is left to do, and the run is not over")
        return None

    def _run_until(self, over: Callable[[], bool]) -> None:
        """One callback of one process after the other. (Most of a run's time goes through here: hence one function.)"""
        runnable, random = self._runnable, self._dice.random
        while not over():
            if not runnable and (handle := self._pass_time()) is not None:
                process = handle.process
            else:
                place = int(random() * len(runnable)) if len(runnable) > 1 else 0
                process = runnable[place]
                ready = process.ready
                handle = ready.popleft()
                if not ready:
                    runnable[place] = runnable[-1]
                    runnable.pop()
                if handle.stopped:
                    continue
            if process.fuse >= 0:
                process.fuse -= 1
                if process.fuse < 0:
                    process.ready.appendleft(handle)
                    if len(process.ready) == 1:
                        runnable.append(process)
                    process.blown()
                    continue
            handle.context.run(handle.callback, *handle.args)
