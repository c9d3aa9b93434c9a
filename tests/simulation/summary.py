"""What many runs came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.result import Result


@dataclass(slots=True)
class Summary:
    """Counts over results; `together` counts the runs in which a fault took effect and an invariant was checked."""

    runs: int = 0
    failed: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    together: Counter[tuple[str, str]] = field(default_factory=Counter)
    virtual_seconds: float = 0.0
    run_seconds: float = 0.0  # of a processor, summed over processes

    def add(self, result: Result) -> None:
        self.runs += 1
        self.events += result.events
        self.faults += result.faults
        self.checks += result.checks
        self.virtual_seconds += result.virtual_seconds
        self.run_seconds += result.seconds
        found = list(dict.fromkeys((each.invariant, each.name) for each in result.violations))
        if found:
            self.failed[result.seed] = found
            self.violations.update(f"{invariant} {name}" for invariant, name in found)
        checked = +result.checks
        for fault in +result.faults:
            self.together.update((fault, invariant) for invariant in checked)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """For a file; `seconds` by the clock on the wall."""
        coverage: dict[str, dict[str, int]] = {}
        for (fault, invariant), runs in sorted(self.together.items()):
            coverage.setdefault(fault, {})[invariant] = runs
        return {
            "runs": self.runs,
            "failed": {str(seed): [" ".join(each) for each in found] for seed, found in self.failed.items()},
            "events": self.events.total(),
            "events_by_kind": dict(sorted(self.events.items())),
            "faults_by_kind": dict(sorted(self.faults.items())),
            "checks": dict(sorted(self.checks.items(), key=_by_number)),
            "violations": dict(sorted(self.violations.items())),
            "coverage": coverage,
            "virtual_seconds": round(self.virtual_seconds, 1),
            "seconds": round(seconds, 1),
            "seeds_per_second": round(self.runs / seconds, 1) if seconds else 0.0,
            "seeds_per_second_of_one_core": round(self.runs / self.run_seconds, 1) if self.run_seconds else 0.0,
        }

    def lines(self, seconds: float) -> Iterator[str]:
        """For a person."""
        yield f"runs        {self.runs:,}, of which {len(self.failed):,} failed"
        per_run = self.events.total() / self.runs if self.runs else 0.0
        yield f"events      {self.events.total():,} ({per_run:,.0f} a run): {_spelled(self.events)}"
        yield f"faults      {self.faults.total():,}: {_spelled(self.faults)}"
        checks = dict(sorted(self.checks.items(), key=_by_number))
        yield f"checks      {self.checks.total():,}: {', '.join(f'{name} {count:,}' for name, count in checks.items())}"
        pairs = len(+self.together)
        possible = len(+self.faults) * len(+self.checks)
        yield f"coverage    {pairs:,} of {possible:,} pairs of a fault that took effect and an invariant checked"
        yield f"violations  {self.violations.total():,}{': ' + _spelled(self.violations) if self.violations else ''}"
        rate = self.runs / seconds if seconds else 0.0
        one = self.runs / self.run_seconds if self.run_seconds else 0.0
        yield (
            f"time        {seconds:,.1f} s for {self.virtual_seconds / 3600:,.1f} virtual hours: "
            f"{rate:,.1f} seeds/s, {one:,.1f} on one core"
        )


def _spelled(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ranked)


def _by_number(item: tuple[str, int]) -> tuple[str, int]:
    letters = item[0].rstrip("0123456789")
    return letters, int(item[0][len(letters) :] or 0)
