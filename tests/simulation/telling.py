"""What happened, one line each, for whoever reads the story of a run; told only when it is asked for."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import orjson

from adapters.generator.deliveries import Delivery
from tests.simulation.kafka import Record
from tests.simulation.loop import VirtualLoop
from tests.simulation.result import Result


class Teller:
    """Writes the story."""

    def __init__(self, result: Result, loop: VirtualLoop, wanted: bool) -> None:
        self._result, self._loop, self._wanted = result, loop, wanted

    def tell(self, who: str, what: str) -> None:
        if self._wanted:
            self._result.story.append(f"{self._loop.now:10.3f} {who:<14} {what}")

    def trace(self, error: BaseException) -> None:
        for line in "".join(traceback.format_exception(error)).splitlines():
            self.tell("", line)

    def sent(self, delivery: Delivery) -> None:
        if not self._wanted:
            return
        note = f" ({delivery.note})" if delivery.note else ""
        what = f"order {delivery.order_id} sends {delivery.sort} {delivery.return_id[:8]} v{delivery.version}{note}"
        self.tell("sender", f"{what}: {_snapshot(delivery.body)}")

    def written(self, record: Record) -> None:
        if not self._wanted:
            return
        key = (record.key or b"").decode(errors="replace")
        place = f"{record.topic}-{record.partition}@{record.offset}"
        try:
            value: Any = orjson.loads(record.value or b"")
        except orjson.JSONDecodeError:
            value = {}
        self.tell("log", f"order {key} {place} {_record(record, value if isinstance(value, dict) else {})}")

    def entry(self, entry: Mapping[str, Any]) -> None:
        if self._wanted:
            what = f"{entry['op']} {entry['kind']} {entry['number']} {entry['amount']} ref {entry['external_ref']}"
            self.tell("ledger", f"order {entry['order_id']} {what} {entry.get('status')} {_lines(entry)}")

    def call(self, call: Any) -> None:
        if not self._wanted:
            return
        end = "" if call.finished is None else f" -> {call.status} {call.fault or ''}"
        self.tell("vendor", f"{call.method} {call.path}{end}".rstrip())


def _snapshot(body: bytes) -> str:
    try:
        data = orjson.loads(body)["data"]
        if "inspection_id" in data:
            found = [f"{one['quantity']} {one['sku']} {one['disposition']}" for one in data["lines"]]
            return f"{data['inspection_id']} found {', '.join(found)}"
        refunds = [f"{one['refund_id']} {one['state']} {one['amount']}" for one in data["refunds"]]
        lines = [f"{one['line_id']} {one['quantity']}x{one['sku']} {one.get('verdict')}" for one in data["lines"]]
        return f"{data['type']} {data['mode']} {data['state']}; {'; '.join(lines)}; refunds {', '.join(refunds)}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return repr(body[:80])


def _record(record: Record, value: Mapping[str, Any]) -> str:
    if record.topic.startswith("erp.commands"):
        what = f"{value.get('kind')} {value.get('subject')} revision {value.get('revision')} id {value.get('id')}"
        return what + (" void" if value.get("void") else "")
    if record.topic == "erp.outcomes":
        failure = (value.get("failure") or {}).get("message", "")
        what = f"{value.get('kind')} {value.get('subject')} {value.get('status')} {value.get('reason', '')}"
        return f"{what} {value.get('number', '')} {failure}".rstrip()
    if record.topic == "dead.letters":
        names = {name: data.decode(errors="replace") for name, data in record.headers}
        return f"{names.get('dlq.stage')} {names.get('dlq.error.kind')}: {names.get('dlq.error.message')}"
    if record.topic.endswith("begun-changelog"):
        return (record.value or b"")[:160].decode(errors="replace")
    if record.topic == "events.decisions":
        return str(value.get("decision"))
    return f"{len(record.value or b'')} bytes"


def _lines(entry: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{one.get('quantity')}x{one.get('sku')}@{one.get('location')}" for one in entry.get("lines") or ()
    )
