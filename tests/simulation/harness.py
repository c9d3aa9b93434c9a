"""Around a run: it never raises, it ends, and many of them go side by side with their results in order."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from types import FrameType

from tests.simulation import arrivals
from tests.simulation.plan import Plan
from tests.simulation.result import Result, Violation

Run = Callable[..., Result]
Make = Callable[[int], Plan]

CRASH = "crash"  # stands where the invariant does: the simulation itself raised, or did not end
TWICE_EVERY = 50  # each so many seeds one is run a second time, in another process
STUCK_SECONDS = 30.0  # of a processor; a run takes a fraction of one: one that takes so long goes round in circles

_AGAIN_SECONDS = 5.0  # should something have kept the first; longer than a large run takes to be cleared away


class Stuck(KeyboardInterrupt):
    """The run does not end. (An interrupt, since an event loop keeps everything else that a task raises.)"""


@dataclass(frozen=True, slots=True)
class Sources:
    """What makes plans and what runs them; the product's own simulation unless a test says otherwise."""

    run: Run
    make: Make


def real() -> Sources:
    """The simulation of the whole pipeline; imported when it is needed, since it brings in the whole product."""
    from tests.simulation.planning import make
    from tests.simulation.run import run

    return Sources(run, make)


def carry_out(plan: Plan, run: Run, *, story: bool = False, at_most: float = STUCK_SECONDS) -> Result:
    """Run a plan; what it raises, or that it does not end, is a violation like any other."""
    running = True

    def stop(number: int, frame: FrameType | None) -> None:
        if running:
            raise Stuck(f"still running after {at_most:.0f} s of a processor")

    former = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, at_most, _AGAIN_SECONDS)
    try:
        result = run(plan, story=story)
        running = False
        result.faults += arrivals.count(plan, result)
    except (Exception, Stuck) as error:
        running = False
        result = Result(plan.seed, violations=[_of_crash(error)])
    finally:
        running = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)
    return result


def _of_crash(error: BaseException) -> Violation:
    frames = traceback.extract_tb(error.__traceback__)
    where = frames[-1] if frames and not isinstance(error, Stuck) else None
    name = f"{type(error).__name__} in {where.name}" if where else type(error).__name__
    return Violation(CRASH, name, "", "".join(traceback.format_exception(error)).strip())


def of_seed(seed: int, sources: Sources, keep: Collection[int] | None = None, *, story: bool = False) -> Result:
    """Plan and run a seed, or only the acts with these numbers; `seconds` is all of a processor that this took."""
    started = time.process_time()
    try:
        plan = sources.make(seed)
    except Exception as error:
        return Result(seed, violations=[_of_crash(error)])
    result = carry_out(plan if keep is None else plan.only(keep), sources.run, story=story)
    result.seconds = time.process_time() - started
    return result


def differs(first: Result, second: Result) -> Violation | None:
    """Two runs of one plan that came out differently break the promise on which all else here rests."""
    if first.digest == second.digest:
        return None
    what = f"run twice, the digests are {first.digest} and {second.digest}; events {first.happened}, {second.happened}"
    return Violation("determinism", "digest", "", what)


def _compare(result: Result, again: Result) -> None:
    """A seed that is run twice costs both runs."""
    difference = differs(result, again)
    result.violations += [difference] if difference else []
    result.seconds += again.seconds


# -- many at once

_sources: Sources | None = None
_stack = ExitStack()


def _begin(mutation: str) -> None:
    """In a new process, before its first seed."""
    global _sources
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one sees to that
    _sources = real()
    if mutation:
        from tests.simulation import mutations

        _stack.enter_context(mutations.ALL[mutation].applied())


def _seed(seed: int) -> Result:
    assert _sources is not None
    return of_seed(seed, _sources)


def many(seeds: Sequence[int], jobs: int, sources: Sources | None = None, mutation: str = "") -> Iterator[Result]:
    """The results of seeds, in their order. Other sources than the real ones run in this process.

    Each process has hashes of its own, so that a second run elsewhere finds also what hangs on the order of a set.
    """
    if sources is not None or jobs == 1:
        yield from _here(seeds, sources or real())
        return
    spawn = get_context("spawn")
    with ExitStack() as pools:
        pool = pools.enter_context(ProcessPoolExecutor(jobs, spawn, _begin, (mutation,)))
        again = None
        if len(seeds) >= TWICE_EVERY:
            again = pools.enter_context(ProcessPoolExecutor(1, spawn, _begin, (mutation,)))
        second = {seed: again.submit(_seed, seed) for seed in seeds[::TWICE_EVERY]} if again else {}
        waiting, ahead = iter(seeds), list[tuple[int, Future[Result]]]()
        try:
            while True:
                ahead += [(seed, pool.submit(_seed, seed)) for seed in islice(waiting, 4 * jobs - len(ahead))]
                if not ahead:
                    return
                seed, future = ahead.pop(0)
                result = future.result()
                if seed in second:
                    _compare(result, second[seed].result())
                yield result
        finally:
            for future in (*(future for _, future in ahead), *second.values()):
                future.cancel()


def _here(seeds: Sequence[int], sources: Sources) -> Iterator[Result]:
    for index, seed in enumerate(seeds):
        result = of_seed(seed, sources)
        if index % TWICE_EVERY == 0:
            _compare(result, of_seed(seed, sources))
        yield result


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
