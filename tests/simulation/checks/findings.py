"""What was checked and what was found wrong; shared by all judges."""

from __future__ import annotations

from collections import Counter

from tests.simulation.result import Violation


class Findings:
    """Violations, each once, and how often each invariant was checked; `now` is the virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.violations: list[Violation] = []
        self.checks: Counter[str] = Counter()
        self._known: set[tuple[str, str, str, str]] = set()

    def check(self, invariant: str, times: int = 1) -> None:
        self.checks[invariant] += times

    def add(self, invariant: str, name: str, order_id: str, what: str, about: str = "") -> None:
        """`about` names what it is about where the sentence changes while the fault stays the same."""
        key = (invariant, name, order_id, about or what)
        if key not in self._known:
            self._known.add(key)
            self.violations.append(Violation(invariant, name, order_id, what, self.now))
