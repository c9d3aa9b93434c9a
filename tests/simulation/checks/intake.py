"""I1 as far as it can be told before rest: what was answered 200 is in the log; and P05, what was not signed is not."""

from __future__ import annotations

import hashlib

from adapters.generator.deliveries import Delivery
from tests.simulation.checks.conservation import LogRecord
from tests.simulation.checks.findings import Findings

_PART_OF = "part-of"


class Intake:
    """The bodies that the log has."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._bodies: set[bytes] = set()
        self._parts: set[str] = set()

    def written(self, record: LogRecord) -> None:
        part = next((value for name, value in record.headers if name == _PART_OF), None)
        if part is not None:
            self._parts.add(bytes(part).decode(errors="replace"))
        elif record.value is not None:
            self._bodies.add(record.value)

    def answered(self, delivery: Delivery, status: int) -> None:
        self._findings.check("I1")
        what = f"delivery {delivery.seq} ({delivery.sort} {delivery.note or delivery.version})"
        if delivery.sort == "forged":
            if status == 200:
                self._findings.add("P05", "forged-taken", delivery.order_id, f"{what} was to be turned away, was taken")
            return
        if status == 200 and not self._has(delivery.body):
            what = f"{what} was answered 200; its body is not in the log"
            self._findings.add("I1", "answered-before-stored", delivery.order_id, what)

    def _has(self, body: bytes) -> bool:
        return body in self._bodies or hashlib.sha256(body).hexdigest() in self._parts
