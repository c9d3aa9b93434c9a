"""What happened to an order, record by record, in words."""

from __future__ import annotations

from typing import Any

from streams import times
from streams.facts import Undecodable, read_decision, read_inspection, read_outcome, read_snapshot
from streams.record import RECEIVED_AT, named, record_time


def event(name: str, record: Any) -> dict[str, Any]:
    """One record of an order as a line of its timeline; `name` is the topic without the prefix."""
    headers = named(record.headers)
    return {
        "at": _received(headers.get(RECEIVED_AT, "")) or millis(record.timestamp),
        "topic": name,
        "partition": record.partition,
        "offset": record.offset,
        "event_id": headers.get("event-id") or None,
        "replay_of": headers.get("replay.of") or None,
        **_summary(name, record.value),
    }


def millis(timestamp: int) -> str:
    """A record's timestamp as RFC 3339 text in UTC; empty where it cannot be a time."""
    moment = record_time(timestamp)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment is not None else ""


def _received(text: str) -> str:
    try:
        times.read(text)
    except times.InvalidTime:
        return ""
    return text


def _summary(name: str, value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"what": "unreadable: no value"}
    try:
        match name:
            case "events.reveni":
                snapshot = read_snapshot(value)
                refunds = [
                    f"{refund.get('refund_id')} {refund.get('state')} {refund.get('currency')} {refund.get('amount')}"
                    for refund in _dicts(snapshot.data.get("refunds"))
                ]
                what = f"return {snapshot.return_id} version {snapshot.version[0]}: {snapshot.data.get('state')}"
                return {"what": what + (f"; refund {', '.join(refunds)}" if refunds else "")}
            case "events.warehouse":
                inspection = read_inspection(value)
                lines = [
                    f"{line.get('quantity')} {line.get('sku')} {line.get('disposition')}"
                    for line in _dicts(inspection.data.get("lines"))
                ]
                return {"what": f"inspection {inspection.inspection_id}: {', '.join(lines)}"}
            case "events.decisions":
                decision = read_decision(value)
                return {"what": f"{decision.by} decided {decision.kind.replace('_', ' ')}: {decision.reason}"}
            case "erp.outcomes":
                outcome = read_outcome(value)
                result = outcome.number or outcome.reason or (outcome.failure.message if outcome.failure else "")
                what = f"{outcome.kind.value.replace('_', ' ')} {outcome.subject}: {outcome.status.value} {result}"
                return {"what": what.strip(), "calls": [attempt.as_json() for attempt in outcome.attempts]}
            case _:
                return {"what": f"message of {len(value)} bytes"}
    except Undecodable as error:
        return {"what": f"unreadable: {error}"}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
