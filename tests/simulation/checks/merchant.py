"""What the merchant's profile says that the judges have to know, in all versions published so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulation.plan import Plan, Publish


class Merchant:
    """Grows with each version: from the moment it is published any of them may be in force somewhere."""

    def __init__(self, plan: Plan) -> None:
        self._coming = sorted(
            ((act.at, act.version, act.document) for act in plan.acts if isinstance(act, Publish)),
            key=lambda entry: entry[:2],
        )
        self._deciders: set[str] = set()
        self._modes: set[str] = set()
        self._places: dict[str, set[str]] = {}  # disposition: every place that a version sends it to
        self.changed = bool(self._coming)
        self._approvals: frozenset[str] | None = None
        self.closed_periods: set[str] = set()
        self.newest = plan.profile
        self.tolerance = 0  # minor units a line, at the most
        self._take(plan.profile)

    def _take(self, document: Mapping[str, Any]) -> None:
        self.newest = document
        self.tolerance = max(self.tolerance, int(document.get("tolerances", {}).get("minor_units_per_line", 1)))
        merchant = document.get("merchant", {})
        self._deciders.add(str(merchant.get("inspection", "warehouse")))
        self._modes.add(str(merchant.get("mode", "live")))
        policies = document.get("policies", {})
        kinds = frozenset(map(str, policies.get("approval", ())))
        self._approvals = kinds if self._approvals is None else self._approvals & kinds
        self.closed_periods.add(str(policies.get("closed_period", "hold")))
        for name, entry in document.get("dispositions", {}).items():
            self._places.setdefault(name, set()).add(str(entry.get("to", "held")))

    def at(self, now: float) -> bool:
        """Take in what was published by now; whether anything was."""
        if not self._coming or self._coming[0][0] > now:
            return False
        while self._coming and self._coming[0][0] <= now:
            self._take(self._coming.pop(0)[2])
        return True

    @property
    def approvals(self) -> frozenset[str]:
        """Kinds of documents that every version so far wants a person's yes for."""
        return self._approvals or frozenset()

    def sells(self, disposition: str) -> bool:
        """Whether a version sends such goods to the sellable stock."""
        return "sellable" in self._places.get(disposition, ())

    def moves(self, disposition: str) -> bool:
        """Whether such goods are there at all: missing ones are never received."""
        return self._places.get(disposition, {"held"}) != {"nothing"}

    @property
    def warehouse_decides(self) -> bool:
        return self._deciders != {"reveni"}

    @property
    def reveni_decides(self) -> bool:
        return self._deciders != {"warehouse"}

    @property
    def silent(self) -> bool:
        """Shadow mode so far: no document may be made."""
        return self._modes == {"shadow"}

    def places(self) -> dict[str, str]:
        """Where every version sends a disposition; empty where not the warehouse alone decides."""
        if self._deciders != {"warehouse"}:
            return {}
        return {name: next(iter(found)) for name, found in self._places.items() if len(found) == 1}
