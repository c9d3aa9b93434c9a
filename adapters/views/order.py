"""V01: one order's life: events, decisions, calls, documents, exceptions, and what each step waits for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.views.lists import entry
from adapters.views.reading import NewConsumer, records, rows
from streams.decide import OWN_EXCEPTION
from streams.facts import Undecodable, read_decision, read_inspection, read_outcome, read_snapshot
from streams.row import Row

SOURCES = ("events.reveni", "events.warehouse", "events.decisions", "erp.outcomes")


async def show(
    new_consumer: NewConsumer, prefix: str, order_key: str, partition: int, changelog: str
) -> dict[str, Any] | None:
    """The order as `order show --json` prints it; None when nothing was ever heard of it."""
    key = order_key.encode()
    found = await rows(new_consumer, changelog, partition, key)
    events = []
    for name in SOURCES:
        async for record in records(new_consumer, prefix + name, [partition]):
            if record.key == key:
                events.append(_event(name, record))
    row = found.get(order_key)
    if row is None and not events:
        return None
    return describe(row or Row(order_key), events)


def describe(row: Row, events: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything the row and the topics say, in the contract's words."""
    return {
        "order_id": row.order_key,
        "first_seen": row.first_seen or None,
        "quarantined": row.quarantined or None,
        "returns": [
            {
                "return_id": return_id,
                "state": register.data().get("state"),
                "mode": register.data().get("mode"),
                "currency": register.data().get("currency"),
                "version": max(register.hashes, default=None),
                "conflicting_versions": list(register.conflicts),
                "refunds": register.data()["refunds"],
            }
            for return_id, register in sorted(row.returns.items())
        ],
        "events": sorted(events, key=lambda event: (event["at"], event["topic"], event["offset"])),
        "steps": steps(row),
        "documents": [
            {
                "kind": outcome["kind"],
                "subject": outcome["subject"],
                "number": number,
                "at": outcome["at"],
                "reason": outcome["reason"],
                "command_id": cid,
            }
            for cid, known in sorted(row.outcomes.items())
            for number, outcome in sorted(known.done.items())
        ],
        "decisions": [
            {
                "id": decision.decision_id,
                "kind": decision.kind,
                "by": decision.by,
                "at": decision.at,
                "reason": decision.reason,
                "ruling": row.rulings.get(decision.decision_id, "not seen yet"),
                **decision.data,
            }
            for decision in sorted(row.decisions.values(), key=lambda item: (item.at, item.decision_id))
        ],
        "exceptions": [entry(row, letter) for letter in row.open_letters()],
        "waiting": [
            {
                "step": item.step,
                "subject": item.subject,
                "for": item.waits_for,
                "why": item.why,
                "since": item.since,
                "due": item.due or None,
                "late": row.is_late(item.key),
            }
            for item in row.waiting.values()
            if item.waits_for != OWN_EXCEPTION
        ],
    }


def steps(row: Row) -> list[dict[str, Any]]:
    """Each command the order asked for, and how far it is."""
    found = []
    for cid, issued in row.issued.items():
        command, known = issued.command, row.outcome_of(cid)
        state = "sent"
        if known.done and not command.kind.is_question:
            state = "done"
        elif row.is_settled(issued) and known.last is not None:
            state = known.last["status"]
        elif command.void:
            state = "being taken back"
        found.append(
            {
                "step": command.kind.value,
                "subject": command.subject,
                "account": command.account,
                "command_id": cid,
                "revision": command.revision,
                "state": state,
                "number": known.number,
                "attempts": _attempts(known.last, known.done),
                "body": dict(command.body),
            }
        )
    return found


def _attempts(last: dict[str, Any] | None, done: dict[str, dict[str, Any]]) -> int:
    return max([int(outcome.get("attempts", 0)) for outcome in (*done.values(), *([last] if last else []))], default=0)


def _event(name: str, record: Any) -> dict[str, Any]:
    headers = {header: value.decode(errors="replace") for header, value in record.headers}
    at = headers.get("received-at") or datetime.fromtimestamp(record.timestamp / 1000, tz=UTC).isoformat()
    event: dict[str, Any] = {
        "at": at,
        "topic": name,
        "partition": record.partition,
        "offset": record.offset,
        "event_id": headers.get("event-id"),
        "replay_of": headers.get("replay.of"),
    }
    return {**event, **_summary(name, record.value)}


def _summary(name: str, value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"what": "unreadable: no value"}
    try:
        match name:
            case "events.reveni":
                snapshot = read_snapshot(value)
                refunds = [f"{r.get('refund_id')} {r.get('state')}" for r in _dicts(snapshot.data.get("refunds"))]
                what = f"return {snapshot.return_id} version {snapshot.version[0]}: {snapshot.data.get('state')}"
                return {"what": what + (f", refunds {', '.join(refunds)}" if refunds else "")}
            case "events.warehouse":
                inspection = read_inspection(value)
                lines = [
                    f"{line.get('quantity')} {line.get('sku')} {line.get('disposition')}"
                    for line in _dicts(inspection.data.get("lines"))
                ]
                return {"what": f"inspection {inspection.inspection_id}: {', '.join(lines)}"}
            case "events.decisions":
                decision = read_decision(value)
                return {"what": f"{decision.by} decided {decision.kind}: {decision.reason}"}
            case _:
                outcome = read_outcome(value)
                calls = [attempt.as_json() for attempt in outcome.attempts]
                what = f"{outcome.kind.value} {outcome.subject}: {outcome.status.value} {outcome.number}".strip()
                return {"what": what, "calls": calls}
    except (Undecodable, orjson.JSONDecodeError) as error:
        return {"what": f"unreadable: {error}"}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
