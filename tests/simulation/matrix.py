"""docs/fault-matrix.md: in how many runs a fault took effect and an invariant was checked.

The rows are those of the table of faults that name the simulation; `kinds` are the names under which runs count what
took effect. A cell that the table of faults asks for and that no run came to is shown as missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulation.summary import Summary

INVARIANTS = (*(f"I{number}" for number in range(1, 15)), "E02", "E09")


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: `asked` are the cells that have to be filled."""

    title: str
    asked: tuple[str, ...]
    kinds: str  # a regular expression over the kinds of faults, from the start

    def covers(self, kind: str) -> bool:
        return re.match(self.kinds, kind) is not None


def _fault(title: str, asked: str, kinds: str) -> Fault:
    return Fault(title, tuple(asked.split()), kinds)


FAULTS = (
    _fault("duplicate delivery: same id; same body under a new id", "I2 I7", r"webhook (again|new-id)"),
    _fault(
        "reordering; late inspection; refund before authorisation or order",
        "I3 I6 I14",
        r"webhook (overtaken|too early)",
    ),
    _fault("webhook lost, then fed in by hand", "I1 I8", r"webhook fed in"),
    _fault("webhook lost for good", "I1 I8", r"webhook lost"),
    _fault("process killed between any two steps of the commit protocol", "I1 I2 I10 I11", r"kill"),
    _fault("pause past the session time-out; a zombie's late changelog write", "I2 I11 I12", r"pause"),
    _fault("ERP applies a call long after the caller died", "I2", r"vendor late-apply"),
    _fault("content changes while a command waits, is in flight, is done", "I1 I5", r"content"),
    _fault("rebalance in the middle of a call; workers added and removed", "I2 I12", r"(rebalance|join|leave)"),
    _fault(
        "ERP time-out, applied or not; connection reset before, after",
        "I1 I2",
        r"vendor (apply-then-timeout|reset-before-apply|reset-after-apply|hang)",
    ),
    _fault("ERP read-back stale", "I2", r"vendor stale-read"),
    _fault("429; concurrency fault; 5xx; flapping; slow; hung", "I12 I14 E02", r"vendor (429|5\d\d|5xx|slow|hang)"),
    _fault("ERP down ten minutes, then up", "I1 I12 I14", r"vendor outage"),
    _fault("business refusal", "I1 I13", r"vendor refuse"),
    _fault("accepted and lost; wrong amount stored", "I1 I5", r"vendor (accept-and-lose|wrong-amount)"),
    _fault("broker away; produce refused, slow; acknowledgement lost", "I1 I10", r"broker"),
    _fault("changelog corrupt; local state lost; log compacted", "I11", r"(corrupt|compact)"),
    _fault(
        "poison bytes, unknown schema, huge record, null value or key, hostile text",
        "I1 I9 I13",
        r"webhook (poison|forged)",
    ),
    _fault("everything fails (bad deploy)", "E09", r"deploy bad"),
    _fault("some orders fail by our own fault; sent in again once it is mended", "", r"deploy faulty"),
    _fault("a build misreads answers; retried once it is mended", "I1 I2", r"answer misread"),
    _fault("upgrade with rows written by the release before", "I11", r"upgrade"),
    _fault("profile version changed in mid-flow, at some workers first", "I1 I2", r"publish"),
    _fault("replay and decisions during live traffic, twice, stale, wrong", "I7", r"operate"),
    _fault("clock jumps, skewed event times", "I6", r"jump"),
    _fault("hot order, hot partition, ten times the peak", "I12 I14", r"hot order"),
)


def table(summary: Summary) -> str:
    """The whole file."""
    return "\n".join((*_lines(summary), ""))


def _lines(summary: Summary) -> Iterator[str]:
    rows = [(fault, _row(fault, summary)) for fault in FAULTS]
    asked = sum(len(fault.asked) for fault in FAULTS)
    missing = [(fault, name) for fault, row in rows for name in fault.asked if not row[name]]
    yield "# Faults and invariants"
    yield ""
    yield "Written by `python -m tests.simulation --matrix docs/fault-matrix.md`. A cell is the number of seeded runs"
    yield "in which the fault took effect (not: was merely planned) and the invariant was checked; where a row stands"
    yield "for several kinds of faults, the most that one kind came to. **Bold** cells are those that must be filled."
    yield ""
    yield f"{summary.runs:,} runs, {summary.events.total():,} events, {summary.faults.total():,} faults that took"
    yield f"effect, {len(summary.failed):,} runs in which a promise was broken."
    yield f"{asked - len(missing)} of {asked} cells that must be filled are."
    yield ""
    yield f"| fault | took effect | {' | '.join(INVARIANTS)} |"
    yield f"|---|---|{'---|' * len(INVARIANTS)}"
    for fault, row in rows:
        times = sum(count for kind, count in summary.faults.items() if fault.covers(kind))
        cells = (_cell(row[name], name in fault.asked) for name in INVARIANTS)
        yield f"| {fault.title} | {times:,} | {' | '.join(cells)} |"
    others = sorted(kind for kind in +summary.faults if not any(fault.covers(kind) for fault in FAULTS))
    if others:
        yield ""
        yield f"Faults that took effect and belong to no row: {', '.join(others)}."


def _row(fault: Fault, summary: Summary) -> dict[str, int]:
    kinds = [kind for kind in summary.faults if fault.covers(kind)]
    return {name: max((summary.together[kind, name] for kind in kinds), default=0) for name in INVARIANTS}


def _cell(runs: int, asked: bool) -> str:
    if asked:
        return f"**{runs:,}**" if runs else "**missing**"
    return f"{runs:,}" if runs else ""
