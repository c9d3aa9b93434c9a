"""One run: the whole pipeline, from a plan to a result."""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import replace

import structlog

from agents import faultpoints
from tests.simulation import order
from tests.simulation.checks import differences
from tests.simulation.plan import Plan
from tests.simulation.result import Result, Violation
from tests.simulation.system import System

_silenced = False


def run(plan: Plan, *, story: bool = False) -> Result:
    """Play a plan to its end. The same plan gives the same result, but for `seconds`."""
    _silence()
    started = time.perf_counter()
    collecting = gc.isenabled()
    gc.disable()  # one run makes little; its cycles go at its end
    try:
        system = System(plan, story)
        result = system.play()
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
    result, second = system.result, other.play()
    result.checks["I6"] += 1
    for violation in second.violations:
        result.violations.append(replace(violation, what=f"in another order of arrival: {violation.what}"))
    if second.ok:
        for line in differences(system.witness.watch.position(), other.witness.watch.position()):
            result.violations.append(Violation("I6", "order-matters", "", line, system.loop.now))


def _silence() -> None:
    """The product's log lines cost more than its work here; the story is told by the ports."""
    global _silenced
    if not _silenced:
        structlog.configure(
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
            logger_factory=structlog.ReturnLoggerFactory(),  # a build that is bad on purpose is critical
            cache_logger_on_first_use=True,
        )
        _silenced = True
