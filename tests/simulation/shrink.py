"""From a plan that fails to the fewest acts that fail alike: delta debugging over the numbers of the acts.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002). First what is not a webhook, then
webhooks order by order, then one by one: a run with few orders is quick, so the last and longest part runs on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.simulation.harness import CRASH, Run, carry_out
from tests.simulation.plan import Act, Plan, Webhook
from tests.simulation.result import Violation

Goal = tuple[str, str]
"""The invariant and the name of a violation: what the smaller run must show too."""

Unit = tuple[int, ...]
"""Acts that stay or go together."""

BUDGET_SECONDS = 45.0
_A_RUN_AT_MOST = 5.0  # a smaller run that takes longer than this proves nothing in time


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest plan found, after how many runs, and whether nothing smaller is left to try."""

    plan: Plan
    runs: int
    finished: bool


class _OutOfTime(Exception):
    """The budget is spent."""


class _Search:
    def __init__(self, plan: Plan, run: Run, goal: Goal, until: float, clock: Callable[[], float]) -> None:
        self.best, self.runs = plan, 0
        self._plan, self._run, self._goal, self._until, self._clock = plan, run, goal, until, clock
        self._tried: dict[frozenset[int], bool] = {}

    def still_fails(self, numbers: Iterable[int]) -> bool:
        """Whether these acts alone break the same promise; the smallest such plan is kept."""
        kept = frozenset(numbers)
        if kept in self._tried:
            return self._tried[kept]
        if self._clock() >= self._until:
            raise _OutOfTime
        self.runs += 1
        plan = self._plan.only(kept)
        result = carry_out(plan, self._run, at_most=_A_RUN_AT_MOST)
        fails = any((found.invariant, found.name) == self._goal for found in result.violations)
        self._tried[kept] = fails
        if fails and len(plan.acts) < len(self.best.acts):
            self.best = plan
        return fails

    def reduce(self, units: Sequence[Unit]) -> None:
        """ddmin over these units, everything else staying as it is in the best plan so far."""
        of_units = {number for unit in units for number in unit}
        rest = [act.number for act in self.best.acts if act.number not in of_units]

        def fails(chosen: Sequence[Unit]) -> bool:
            return self.still_fails([*rest, *(number for unit in chosen for number in unit)])

        if fails(()):
            return
        left, parts = list(units), 2
        while len(left) > 1:
            chunks = _chunks(left, parts)
            for index in range(len(chunks)):
                smaller = [unit for other in (*chunks[:index], *chunks[index + 1 :]) for unit in other]
                if fails(smaller):
                    left, parts = smaller, max(parts - 1, 2)
                    break
            else:
                if parts >= len(left):
                    return
                parts = min(len(left), 2 * parts)


def _chunks(units: Sequence[Unit], parts: int) -> list[Sequence[Unit]]:
    size, more = divmod(len(units), parts)
    chunks, at = [], 0
    for index in range(parts):
        end = at + size + (index < more)
        if end > at:
            chunks.append(units[at:end])
        at = end
    return chunks


def goal_of(violations: Sequence[Violation]) -> Violation:
    """The violation to shrink by: a crash, if there is one, else the earliest."""
    crashes = [found for found in violations if found.invariant == CRASH]
    return crashes[0] if crashes else min(violations, key=lambda found: found.at)


def shrink(
    plan: Plan,
    run: Run,
    violation: Violation,
    budget: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Shrunk:
    """The smallest plan that breaks the same promise under the same name; the given one if none smaller does."""
    search = _Search(plan, run, (violation.invariant, violation.name), clock() + budget, clock)
    try:
        _guesses(search, violation)
        search.reduce([(act.number,) for act in search.best.acts if not isinstance(act, Webhook)])
        search.reduce(_by_order(search.best.acts))
        size = 0
        while size != len(search.best.acts):  # leaving a webhook out may make a fault needless, and the reverse
            size = len(search.best.acts)
            search.reduce([(act.number,) for act in search.best.acts])
    except _OutOfTime:
        return Shrunk(search.best, search.runs, finished=False)
    return Shrunk(search.best, search.runs, finished=True)


def _guesses(search: _Search, violation: Violation) -> None:
    """What often leaves little: what came before, the order concerned alone, and that without any fault."""
    acts = search.best.acts
    if violation.at:
        search.still_fails(act.number for act in acts if act.at <= violation.at)
    if violation.order_id:
        concerned = [act for act in search.best.acts if _order_of(act) in ("", violation.order_id)]
        search.still_fails(act.number for act in concerned)
    search.still_fails(act.number for act in search.best.acts if isinstance(act, Webhook))


def _by_order(acts: Sequence[Act]) -> list[Unit]:
    units: dict[str, list[int]] = {}
    for act in acts:
        if isinstance(act, Webhook):
            units.setdefault(_order_of(act) or f"act {act.number}", []).append(act.number)
    return [tuple(unit) for unit in units.values()]


def _order_of(act: Act) -> str:
    return act.delivery.order_id if isinstance(act, Webhook) else ""
