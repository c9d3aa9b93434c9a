"""`waiting` and `exceptions`: all orders at once, in the contract's field names (CONTRACTS section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.views.deadletters import DeadLetter
from streams.decide import OWN_EXCEPTION
from streams.owners import next_step
from streams.row import Letter, Row, Waiting
from streams.vocabulary import Owner


def waiting(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Every step that waits for something other than a person's decision about itself; earliest due first."""
    found = [
        waiting_entry(row, item) for row in rows for item in row.waiting.values() if item.waits_for != OWN_EXCEPTION
    ]
    return sorted(found, key=lambda entry: (entry["due"] or "9", entry["order_id"], entry["step"], entry["subject"]))


def waiting_entry(row: Row, item: Waiting) -> dict[str, Any]:
    """One step that waits. `kind` is the kind of thing it waits for; the owner is whose move it is, when a person's."""
    letter_id = item.waits_for.removeprefix("letter:") if item.waits_for.startswith("letter:") else None
    letter = row.letters.get(letter_id) if letter_id else None
    owner = Owner.FINANCE.value if item.waits_for == "approval" else None
    return {
        **_blank(),
        "order_id": row.order_key,
        "return_id": item.return_id or None,
        "refund_id": item.refund_id or None,
        "step": item.step,
        "subject": item.subject,
        "for": item.waits_for,
        "kind": item.waits_for.partition(":")[0],
        "owner": letter.content["owner"] if letter else owner,
        "reason": item.why,
        "since": item.since,
        "due": item.due or None,
        "late": row.is_late(item.key),
        "dlq_id": letter_id,
        "command_id": item.command_id or None,
    }


def exceptions(rows: Iterable[Row], letters: Iterable[DeadLetter]) -> list[dict[str, Any]]:
    """All that needs a person, oldest first: exceptions of orders, orders that stand still, records that are dead."""
    found = [item for row in rows for item in row_exceptions(row)]
    found += [record_exception(letter) for letter in letters if letter.open and not letter.is_effect]
    return sorted(found, key=lambda item: (item["since"] or "", item["order_id"] or "", item["dlq_id"] or ""))


def row_exceptions(row: Row) -> list[dict[str, Any]]:
    """Open exceptions of one order, as its row has them."""
    found = [exception_entry(row, letter) for letter in row.open_letters()]
    if row.quarantined:
        found.append(
            {
                **_blank(),
                "order_id": row.order_key,
                "step": "order",
                "kind": "too-large" if row.quarantined.startswith("its row would be") else "bug",
                "owner": Owner.ENGINEERING.value,
                "reason": f"The order stands still: {row.quarantined}",
                "since": row.first_seen or None,
            }
        )
    return found


def exception_entry(row: Row, letter: Letter) -> dict[str, Any]:
    """One open exception of an order."""
    content = letter.content
    item = row.waiting.get(f"{content['step']}/{content['subject']}")
    return {
        **_blank(),
        "order_id": row.order_key,
        "return_id": content["return_id"] or None,
        "refund_id": content["refund_id"] or None,
        "step": content["step"],
        "subject": content["subject"],
        "kind": content["kind"],
        "owner": content["owner"],
        "amount": content.get("amount") or None,
        "currency": content.get("currency") or None,
        "reason": content["reason"],
        "next": next_step(content["kind"]),
        "since": letter.since,
        "due": (item.due or None) if item else None,
        "late": row.is_late(item.key) if item else False,
        "dlq_id": letter.letter_id,
        "replays": letter.replays,
        "command_id": content["command"]["id"],
        "revision": content["command"]["revision"],
        "hash": content["command"]["hash"],
    }


def record_exception(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter about a record: it may belong to no order."""
    summary = letter.summary()
    return {
        **_blank(),
        "order_id": summary["order_id"],
        "step": summary["stage"],
        "kind": summary["kind"],
        "owner": summary["owner"],
        "reason": summary["reason"],
        "next": next_step(summary["kind"] or ""),
        "since": summary["first_failed_at"],
        "dlq_id": letter.letter_id,
        "replays": letter.replays,
    }


def _blank() -> dict[str, Any]:
    return {
        "order_id": None,
        "return_id": None,
        "refund_id": None,
        "step": None,
        "kind": None,
        "owner": None,
        "amount": None,
        "currency": None,
        "reason": None,
        "next": None,
        "since": None,
        "due": None,
        "dlq_id": None,
    }
