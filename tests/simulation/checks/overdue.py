"""What has to have woken somebody by the time all rests: deadlines that passed (V02), mappings that came (I14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.checks.findings import Findings
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.rows import RowRecord
from tests.simulation.plan import Jump, Plan
from tests.simulation.ports import BASE

Entry = Mapping[str, Any]

_SLACK = 10.0  # seconds from a deadline to its alarm: a sweep, a rebalance


class Overdue:
    """Follows the alarms; looks at the lists at rest."""

    def __init__(self, plan: Plan, findings: Findings, merchant: Merchant) -> None:
        self._findings, self._merchant = findings, merchant
        jumps = sum(abs(act.seconds) for act in plan.acts if isinstance(act, Jump))
        self._slack = _SLACK + jumps  # each worker counts by its own clock
        self._alarms: dict[bytes, bool] = {}

    def alarm(self, key: bytes, value: bytes | None) -> None:
        self._alarms[key] = value is not None and b'"state":"on"' in value

    def at_rest(self, records: Mapping[str, RowRecord], waiting: Iterable[Entry]) -> None:
        moment = BASE + timedelta(seconds=self._findings.now - self._slack)
        for entry in waiting:
            order_id, due = str(entry.get("order_id") or ""), entry.get("due")
            row = records.get(order_id)
            if not due or datetime.fromisoformat(due) > moment or row is None or row.quarantined:
                continue
            self._findings.check("V02")
            step = f"{entry['step']}/{entry['subject']}"
            if not self._alarms.get(f"{order_id}/{step}".encode()):
                what = f"{step} of order {order_id} was due at {due}; there is no alarm for it"
                self._findings.add("V02", "alarm-missing", order_id, what)
        for order_id, row in records.items():
            if not row.quarantined:
                self._mapped(order_id, row)

    def _mapped(self, order_id: str, row: RowRecord) -> None:
        for letter_id, content in row.open_letters():
            key = str(content.get("mapping_key") or "")
            if not key:
                continue
            self._findings.check("I14")
            if is_mapped(self._merchant.newest, key):
                what = f"letter {letter_id} of order {order_id} waits for {key}, which the profile has by now"
                self._findings.add("I14", "waits-for-what-is-there", order_id, what)


def is_mapped(document: Mapping[str, Any], key: str) -> bool:
    """Whether a profile has what a mapping's name (section, name, account) stands for."""
    section, _, rest = key.partition(".")
    table = document.get(section, {})
    if section == "dispositions":
        return rest in table
    name, _, last = rest.rpartition(".")
    if section == "skus":
        # A name without an account is an item's that the account itself has not.
        return bool(name) and last in document.get("accounts", ()) and bool(table.get("identity") or name in table)
    if section == "items" and last == "tax_code":
        return any("tax_code" in one for one in (table.get(name, {}),))
    entry: Any = table
    for part in rest.split("."):
        entry = entry.get(part) if isinstance(entry, Mapping) else None
    return entry is not None
