"""`waiting` and `exceptions`: all orders at once, in the contract's field names (CONTRACTS section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streams.decide import OWN_EXCEPTION
from streams.row import Letter, Row


def waiting(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Every step that waits for something other than a person's decision about itself; earliest due first."""
    found = []
    for row in rows:
        for item in row.waiting.values():
            if item.waits_for == OWN_EXCEPTION:
                continue
            found.append(
                {
                    "order_id": row.order_key,
                    "return_id": item.return_id or None,
                    "refund_id": item.refund_id or None,
                    "step": item.step,
                    "subject": item.subject,
                    "for": item.waits_for,
                    "kind": "waiting",
                    "owner": None,
                    "reason": item.why,
                    "since": item.since,
                    "due": item.due or None,
                    "late": row.is_late(item.key),
                    "dlq_id": item.waits_for.removeprefix("letter:") if item.waits_for.startswith("letter:") else None,
                }
            )
    return sorted(found, key=lambda entry: (entry["due"] or "9", entry["order_id"], entry["step"], entry["subject"]))


def order_exceptions(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Open exceptions of orders; oldest first."""
    found = [entry(row, letter) for row in rows for letter in row.open_letters()]
    for row in rows:
        if row.quarantined:
            found.append(
                {
                    **_blank(),
                    "order_id": row.order_key,
                    "kind": "too-large",
                    "owner": "engineering",
                    "reason": row.quarantined,
                    "since": row.first_seen,
                }
            )
    return sorted(found, key=lambda item: (item["since"] or "", item["order_id"] or "", item["dlq_id"] or ""))


def entry(row: Row, letter: Letter) -> dict[str, Any]:
    """One open exception of an order."""
    content = letter.content
    due = row.waiting.get(f"{content['step']}/{content['subject']}")
    return {
        **_blank(),
        "order_id": row.order_key,
        "return_id": content["return_id"] or None,
        "refund_id": content["refund_id"] or None,
        "step": content["step"],
        "subject": content["subject"],
        "kind": content["kind"],
        "owner": content["owner"],
        "reason": content["reason"],
        "since": letter.since,
        "due": (due.due or None) if due else None,
        "dlq_id": letter.letter_id,
        "replays": letter.replays,
        "command_id": content["command"]["id"],
        "revision": content["command"]["revision"],
        "hash": content["command"]["hash"],
    }


def record_exception(headers: Mapping[str, str], key: bytes | None) -> dict[str, Any]:
    """A dead letter about a record: it may belong to no order."""
    return {
        **_blank(),
        "order_id": key.decode(errors="replace") if key is not None else None,
        "step": headers.get("dlq.stage"),
        "kind": headers.get("dlq.error.kind"),
        "owner": headers.get("dlq.owner"),
        "reason": headers.get("dlq.error.message"),
        "since": headers.get("dlq.first-failed-at"),
        "dlq_id": headers.get("dlq.id"),
        "replays": int(headers.get("dlq.replays") or 0),
    }


def _blank() -> dict[str, Any]:
    return {
        "order_id": None,
        "return_id": None,
        "refund_id": None,
        "step": None,
        "kind": None,
        "owner": None,
        "reason": None,
        "since": None,
        "due": None,
        "dlq_id": None,
    }
