"""What a run came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept; `at` in virtual seconds."""

    invariant: str  # I1, I2, ...
    name: str
    order_id: str
    what: str
    at: float = 0.0


@dataclass(slots=True)
class Result:
    """Counts, findings and the story of one run."""

    seed: int
    events: Counter[str] = field(default_factory=Counter)  # what happened, by kind: webhooks, records, calls, kills ...
    faults: Counter[str] = field(default_factory=Counter)  # faults that took effect, by kind
    checks: Counter[str] = field(default_factory=Counter)  # invariant: how often it was checked
    violations: list[Violation] = field(default_factory=list)
    story: list[str] = field(default_factory=list)  # one line each, "  12.345 worker  what"; kept only when asked for
    digest: str = ""  # over everything that happened: the same seed gives the same digest
    virtual_seconds: float = 0.0
    seconds: float = 0.0  # of a processor: all that the seed took, with its plan and a second run of it

    @property
    def ok(self) -> bool:
        return not self.violations

    @property
    def happened(self) -> int:
        """Events in all."""
        return self.events.total()
