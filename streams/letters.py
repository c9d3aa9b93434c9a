"""Dead letters: their header set (CONTRACTS section 5) and what an order's exception says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from streams.verdicts import Held
from streams.vocabulary import ErrorKind, Owner

HEADER_VERSION = "1"
MAX_TEXT = 2000  # of a message or a stack in a header: brokers limit a record's headers and value together

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Source:
    """The record a letter is about."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # ms
    group: str = ""


def record_letter_id(cluster: str, source: Source, stage: str) -> str:
    """The id of a letter about a record: the same however often the record is read."""
    text = f"{cluster}|{source.topic}|{source.partition}|{source.offset}|{stage}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def fingerprint(kind: ErrorKind, stage: str, cause: str) -> str:
    """What letters of one cause share: kind, stage and the cause with numbers and ids left out."""
    bare = "".join("0" if c.isdigit() else c for c in cause.lower())
    return hashlib.sha256(f"{kind.value}|{stage}|{bare}".encode()).hexdigest()[:12]


def headers(
    *,
    letter_id: str,
    source: Source,
    stage: str,
    disposition: str,
    kind: ErrorKind,
    error_type: str,
    message: str,
    owner: Owner,
    first_failed_at: str,
    failed_at: str,
    app: str,
    code: str = "",
    stack: str = "",
    attempts: int = 0,
    replays: int = 0,
    blocked_by: str = "",
    cause: str = "",
) -> Headers:
    """The full header set of a dead letter, in the contract's order."""
    fields = {
        "dlq.version": HEADER_VERSION,
        "dlq.id": letter_id,
        "dlq.source.topic": source.topic,
        "dlq.source.partition": str(source.partition),
        "dlq.source.offset": str(source.offset),
        "dlq.source.timestamp": str(source.timestamp),
        "dlq.source.group": source.group,
        "dlq.stage": stage,
        "dlq.disposition": disposition,
        "dlq.error.kind": kind.value,
        "dlq.error.type": error_type,
        "dlq.error.message": message[:MAX_TEXT],
        "dlq.error.code": code,
        "dlq.error.stack": stack[-MAX_TEXT:],
        "dlq.owner": owner.value,
        "dlq.fingerprint": fingerprint(kind, stage, cause or message),
        "dlq.attempts": str(attempts),
        "dlq.first-failed-at": first_failed_at,
        "dlq.failed-at": failed_at,
        "dlq.blocked-by": blocked_by,
        "dlq.replays": str(replays),
        "dlq.app": app,
    }
    return [(name, value.encode("utf-8", "replace")) for name, value in fields.items()]


HEADER_NAMES = (
    "dlq.version",
    "dlq.id",
    "dlq.source.topic",
    "dlq.source.partition",
    "dlq.source.offset",
    "dlq.source.timestamp",
    "dlq.source.group",
    "dlq.stage",
    "dlq.disposition",
    "dlq.error.kind",
    "dlq.error.type",
    "dlq.error.message",
    "dlq.error.code",
    "dlq.error.stack",
    "dlq.owner",
    "dlq.fingerprint",
    "dlq.attempts",
    "dlq.first-failed-at",
    "dlq.failed-at",
    "dlq.blocked-by",
    "dlq.replays",
    "dlq.app",
)


def exception_content(
    held: Held,
    *,
    step: str,
    subject: str,
    return_id: str,
    refund_id: str,
    command_id: str,
    revision: int,
    wanted_hash: str,
    account: str,
    order_key: str,
    worth: tuple[str, str] = ("", ""),
) -> dict[str, Any]:
    """What an order's row keeps of an exception: enough to show it, to decide on it and to publish its letter."""
    return {
        "kind": held.kind.value,
        "owner": held.owner.value,
        "reason": held.sentence,
        "step": step,
        "subject": subject,
        "return_id": return_id,
        "refund_id": refund_id,
        "amount": worth[0],
        "currency": worth[1] if worth[0] else "",
        "part": held.part,
        "mapping_key": held.mapping_key,
        "code": held.code,
        "type": held.type,
        "disposition": held.disposition,
        "attempts": held.attempts,
        "command": {
            "id": command_id,
            "revision": revision,
            "hash": wanted_hash,
            "account": account,
            "order_key": order_key,
            "kind": step,
            "subject": subject,
            "body": held.body or {},
        },
    }


def letter_value(content: Mapping[str, Any]) -> bytes:
    """An effect's letter carries the wanted command as JSON."""
    return orjson.dumps(content["command"])


def letter_headers(
    letter_id: str, content: Mapping[str, Any], *, source: Source, since: str, at: str, replays: int, app: str
) -> Headers:
    """The header set of an order's exception."""
    kind = ErrorKind(content["kind"])
    return headers(
        letter_id=letter_id,
        source=source,
        stage=f"effect:{content['step']}",
        disposition=str(content["disposition"]),
        kind=kind,
        error_type=str(content["type"]) or kind.value,
        message=str(content["reason"]),
        owner=Owner(content["owner"]),
        first_failed_at=since,
        failed_at=at,
        app=app,
        code=str(content["code"]),
        stack=str(content.get("stack", "")),
        attempts=int(content["attempts"]),
        replays=replays,
        cause=str(content["mapping_key"]) or str(content["reason"]),
    )
