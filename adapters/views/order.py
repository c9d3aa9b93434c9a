"""V01: one order's life: events, decisions, calls, documents, exceptions, and what each step waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.views.balances import balances
from adapters.views.deadletters import DeadLetter, dead_letters
from adapters.views.lists import record_exception, row_exceptions, waiting_entry
from adapters.views.reading import NewConsumer, join_value, readable_row, records_of
from adapters.views.timeline import event
from streams.decide import OWN_EXCEPTION
from streams.money import to_minor, to_text
from streams.row import Issued, Row
from streams.topics import LANE_TOPICS, Topology
from streams.vocabulary import DocumentKind


async def show(new_consumer: NewConsumer, topology: Topology, order_key: str) -> dict[str, Any] | None:
    """The order as `order show --json` prints it; None when nothing was ever heard of it."""
    key = order_key.encode()
    changelog, sources = topology.sequencer_changelog, {topology.named(name): name for name in LANE_TOPICS}
    values: dict[bytes, bytes] = {}
    events = []
    async for record in records_of(new_consumer, [changelog, *sources], key=key):
        if record.topic == changelog:
            join_value(values, record)
        else:
            events.append(event(sources[record.topic], record))
    letters = await dead_letters(new_consumer, topology.prefix, key)
    if not values and not events and not letters:
        return None
    row = readable_row(key, values[key]) if key in values else Row(order_key)
    return describe(row, events, letters.values())


def describe(row: Row, events: Iterable[Mapping[str, Any]], letters: Iterable[DeadLetter] = ()) -> dict[str, Any]:
    """Everything the row and the topics say, in the contract's words."""
    dead_records = [record_exception(letter) for letter in letters if letter.open and not letter.is_effect]
    waiting = [waiting_entry(row, item) for item in row.waiting.values() if item.waits_for != OWN_EXCEPTION]
    return {
        "order_id": row.order_key,
        "order_number": order_number(row),
        "first_seen": row.first_seen or None,
        "quarantined": row.quarantined or None,
        "money": balances(row),
        "returns": [_return(return_id, register) for return_id, register in sorted(row.returns.items())],
        "events": sorted(events, key=lambda entry: (entry["at"], entry["topic"], entry["offset"])),
        "steps": steps(row),
        "documents": documents(row),
        "decisions": decisions(row),
        "exceptions": [*row_exceptions(row), *dead_records],
        "waiting": [
            {
                "step": entry["step"],
                "subject": entry["subject"],
                "for": entry["for"],
                "why": entry["reason"],
                "since": entry["since"],
                "due": entry["due"],
                "late": entry["late"],
                "return_id": entry["return_id"],
                "refund_id": entry["refund_id"],
                "owner": entry["owner"],
                "dlq_id": entry["dlq_id"],
                "command_id": entry["command_id"],
            }
            for entry in waiting
        ],
    }


def order_number(row: Row) -> str | None:
    """What the shop calls the order."""
    numbers = [register.data().get("order_number") for register in row.returns.values()]
    return next((str(number) for number in numbers if number), None)


def is_late(order: Mapping[str, Any]) -> bool:
    return any(entry.get("late") for entry in (*order["waiting"], *order["exceptions"]))


def _return(return_id: str, register: Any) -> dict[str, Any]:
    data = register.data()
    return {
        "return_id": return_id,
        "type": data.get("type"),
        "state": data.get("state"),
        "mode": data.get("mode"),
        "currency": data.get("currency"),
        "version": max(register.hashes, default=None),
        "conflicting_versions": list(register.conflicts),
        "refunds": data["refunds"],
        "recovered_by_reveni": recovered(data),
    }


def recovered(data: Mapping[str, Any]) -> list[str]:
    """R13: refunds of an instant return that was rejected later: Reveni takes the money back, the credit stands."""
    if data.get("mode") != "instant" or data.get("state") != "rejected":
        return []
    return [refund["refund_id"] for refund in data["refunds"] if refund.get("state") == "paid"]


def documents(row: Row) -> list[dict[str, Any]]:
    """Every document that is known to exist, oldest first."""
    found = [
        {
            "kind": outcome["kind"],
            "subject": outcome["subject"],
            "number": number,
            "at": outcome["at"],
            "reason": outcome["reason"],
            "command_id": cid,
            "applied": applied(row, cid) if outcome["kind"] == "credit_note" else None,
            "stays_open": stays_open(row, cid) if outcome["kind"] == "credit_note" else None,
        }
        for cid, known in row.outcomes.items()
        for number, outcome in known.done.items()
    ]
    return sorted(found, key=lambda item: (item["at"], item["kind"], item["number"]))


def applied(row: Row, cid: str) -> str | None:
    """R05: how much of a credit note was applied to invoices. None: it is not known."""
    note = row.issued.get(cid)
    if note is None:
        return None
    application = _application(row, note)
    done = application is not None and row.outcome_of(application.command.id).done
    return str(application.command.body["amount"]) if application and done else to_text(0, _currency(note))


def stays_open(row: Row, cid: str) -> str | None:
    """R05: how much of a credit note no invoice takes. None: it is not known, or not decided yet."""
    note, taken = row.issued.get(cid), applied(row, cid)
    if note is None or taken is None or f"credit_application/{note.command.subject}" in row.waiting:
        return None
    application = _application(row, note)
    if application is not None and not row.outcome_of(application.command.id).done:
        return None
    currency = _currency(note)
    return to_text(to_minor(str(note.command.body["amount"]), currency) - to_minor(taken, currency), currency)


def _application(row: Row, note: Issued) -> Issued | None:
    wanted = (DocumentKind.CREDIT_APPLICATION, note.command.account, note.command.subject)
    sent = (
        one for one in row.issued.values() if (one.command.kind, one.command.account, one.command.subject) == wanted
    )
    return next(sent, None)


def _currency(note: Issued) -> str:
    return str(note.command.body["currency"])


def decisions(row: Row) -> list[dict[str, Any]]:
    """What operators decided about the order, and what became of it."""
    return [
        {
            **decision.data,
            "id": decision.decision_id,
            "kind": decision.kind,
            "by": decision.by,
            "at": decision.at,
            "reason": decision.reason,
            "ruling": row.rulings.get(decision.decision_id, "not ruled yet"),
        }
        for decision in sorted(row.decisions.values(), key=lambda item: (item.at, item.decision_id))
    ]


def steps(row: Row) -> list[dict[str, Any]]:
    """Each command the order asked for, and how far it is."""
    found = []
    by_hand = {
        str(decision.data.get("command_id")): str(decision.data.get("number"))
        for decision in row.decisions.values()
        if decision.kind == "done_by_hand" and row.rulings.get(decision.decision_id) == "applied"
    }
    for cid, issued in row.issued.items():
        command, known = issued.command, row.outcome_of(cid)
        outcomes = [*known.done.values(), *([known.last] if known.last else [])]
        state, number, at = "sent", known.number, None
        if known.done and not command.kind.is_question:
            state, at = "done", known.done[min(known.done)]["at"]
        elif cid in by_hand:
            state, number = "done by hand", by_hand[cid]
        elif row.is_settled(issued) and known.last is not None:
            state, at = str(known.last["status"]), known.last["at"]
            if state == "withheld":
                state = f"withheld: {known.last['reason']}"
        elif command.void:
            state = "being taken back"
        found.append(
            {
                "step": command.kind.value,
                "subject": command.subject,
                "account": command.account,
                "return_id": command.body.get("return_id"),
                "refund_id": command.body.get("refund_id"),
                "command_id": cid,
                "revision": command.revision,
                "hash": command.hash,
                "state": state,
                "number": number,
                "at": at,
                "attempts": max((int(outcome.get("attempts", 0)) for outcome in outcomes), default=0),
                "body": dict(command.body),
            }
        )
    return found
