"""What a demo consists of: size, length, and which faults come when. Everything from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SERVICE_MS = (5, 20)  # how long the simulated ERP takes over a call
LATE_APPLY_SECONDS = 10  # CONTRACTS section 7: what `demo` sets
READ_LAG_SECONDS = 2
DEADLINE_SECONDS = 4
CONCURRENCY = 15


@dataclass(frozen=True, slots=True)
class Plan:
    """A demo's parameters. Times in seconds."""

    orders: int = 1000
    seed: int = 20261127
    faults: bool = True
    kills: int = 2
    duration: float = 0.0  # of the sending; 0: by size
    trouble: float = 5.0  # percent of the returns that need a person

    @property
    def sending(self) -> float:
        """How long the peak lasts: about what the simulated ERP can follow on two cores, so that a backlog builds."""
        return self.duration or max(20.0, self.orders * 0.035)

    @property
    def outage(self) -> tuple[float, float]:
        """When the ERP is away: while the backlog is worked off, so that it is missed."""
        start = self.sending + 20.0
        return start, start + 5.0

    @property
    def heal(self) -> float:
        """When the last fault ends: some time after the last webhook, while the backlog is worked off."""
        return self.sending + 30.0

    @property
    def kill_times(self) -> tuple[float, ...]:
        """When a worker is killed; the second is another worker."""
        return tuple(self.sending * 0.25 + self.sending * 0.65 * number for number in range(self.kills))

    def rules(self) -> list[dict[str, Any]]:
        """The simulators' fault rules (`PUT /_faults`), for a start now."""
        if not self.faults:
            return []
        until = self.heal
        writes = {"account": "ns", "on": "write", "from": 0, "until": until}
        start, end = self.outage
        return [
            {"account": "ns", "fault": "5xx", "probability": 1.0, "from": start, "until": end},
            {"account": "ns", "fault": "429", "probability": 0.01, "from": 0, "until": until, "retry_after": "absent"},
            {"account": "ns", "fault": "429", "probability": 0.5, "from": end + 2, "until": end + 4, "retry_after": 1},
            {**writes, "fault": "apply-then-timeout", "probability": 0.003},
            {**writes, "fault": "reset after apply", "probability": 0.005},
            {**writes, "fault": "reset before apply", "probability": 0.005},
            {**writes, "fault": "late apply", "probability": 0.003},
            {**writes, "fault": "accept-and-lose", "probability": 0.002},
            {**writes, "fault": "refuse", "probability": 0.002},
            # A few of each for certain, at a time when the ERP is at work.
            *(
                {**writes, "fault": fault, "count": 2, "from": start - 2}
                for fault in ("apply-then-timeout", "late apply", "reset after apply", "refuse")
            ),
            {"account": "ns", "fault": "stale read", "probability": 0.01, "from": 0, "until": until},
        ]

    def settings(self) -> dict[str, str]:
        """Sessions as short as the deadline allows: a killed worker is missed sooner."""
        return {
            "REVENI_STREAMS_SEQUENCER_SESSION_SECONDS": "6",
            "REVENI_STREAMS_DISPATCHER_SESSION_SECONDS": str(DEADLINE_SECONDS + 6),
        }

    def simulators(self) -> dict[str, Any]:
        """The simulators' configuration."""
        settings = {
            "limit": CONCURRENCY,
            "latency_ms": list(SERVICE_MS),
            "read_lag_seconds": READ_LAG_SECONDS,
            "late_apply_max_seconds": LATE_APPLY_SECONDS,
        }
        return {"seed": self.seed, "netsuite": {"settings": settings}}
