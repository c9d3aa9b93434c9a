"""Asynchronous calls (`Prefer: respond-async`): a job, its end, and the key that may be used once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from adapters.netsuite.simulator.errors import NetSuiteError, not_found


@dataclass(slots=True)
class Job:
    id: str
    done: bool = False
    location: str | None = None
    error: dict[str, Any] | None = None

    def as_json(self, href: str) -> dict[str, Any]:
        progress = "processing" if not self.done else "failed" if self.error else "succeeded"
        return {
            "id": self.id,
            "completed": self.done,
            "progress": progress,
            "task": {"links": [{"rel": "self", "href": f"{href}/task"}]},
        }


class Jobs:
    """The jobs of one account."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._jobs: dict[str, Job] = {}
        self._by_key: dict[str, Job] = {}

    def open(self, key: str, base: str) -> Job:
        """A new job; a key used before is an error that says where the earlier job is."""
        if key and key in self._by_key:
            raise NetSuiteError(
                400,
                "IDEMPOTENCY_ERROR",
                "The idempotency key was used before.",
                at="X-NetSuite-idempotency-key",
                headers={"Location": f"{base}/async/v1/job/{self._by_key[key].id}"},
            )
        job = Job(str(next(self._numbers)))
        self._jobs[job.id] = job
        if key:
            self._by_key[key] = job
        return job

    def get(self, number: str) -> Job:
        if number not in self._jobs:
            raise not_found(f"The job {number} does not exist.")
        return self._jobs[number]
