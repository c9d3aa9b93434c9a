"""Dead letters: their header set (CONTRACTS section 5) and what an order's exception says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from streams.record import Header
from streams.topics import MAX_MESSAGE_BYTES
from streams.verdicts import Held
from streams.vocabulary import ErrorKind, Owner

HEADER_VERSION = "1"
MAX_TEXT = 2000  # of a message or a stack in a header: brokers limit a record's headers and value together
MAX_WORD = 200  # of an id, a code or a type

MAX_LETTER_BYTES = MAX_MESSAGE_BYTES - 1024
"""Of a letter's record with all its headers; the rest is for what Kafka puts around it."""

AT_SOURCE = "at-source"
"""What `dlq.value`, `dlq.headers` and `dlq.key` say of a part that is too large to be in the letter as well."""

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Source:
    """The record a letter is about."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # ms
    group: str = ""


def record_letter_id(cluster: str, source: Source, stage: str, *, body: str = "") -> str:
    """The id of a letter about a record: the same however often the record is read.

    `body` names the delivery that several records are parts of: they are one letter.
    """
    text = f"{cluster}|{source.topic}|{source.partition}|{body or source.offset}|{stage}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a letter about a record holds of it."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def size(self) -> int:
        """At most so many bytes of a record."""
        around = sum(len(name.encode()) + len(value or b"") + 12 for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + around + 64


def contents(key: bytes | None, value: bytes | None, original: Sequence[Header], fields: Headers) -> Contents:
    """A record as its letter carries it: key, value and headers as they were, and the letter's own headers.

    What a record of its own could not hold beside them stays where it is, at the letter's source, and the letter says
    so: the value first, then the original headers, then the key.
    """
    whole = Contents(key, value, (*original, *fields))
    if whole.size <= MAX_LETTER_BYTES:
        return whole
    raw = value or b""
    told: list[Header] = [
        ("dlq.value", AT_SOURCE.encode()),
        ("dlq.value.bytes", str(len(raw)).encode()),
        ("dlq.value.sha256", hashlib.sha256(raw).hexdigest().encode()),
    ]
    short = Contents(key, None, (*original, *fields, *told))
    if short.size > MAX_LETTER_BYTES:
        told.append(("dlq.headers", AT_SOURCE.encode()))
        short = Contents(key, None, (*fields, *told))
    if short.size > MAX_LETTER_BYTES:
        told.append(("dlq.key", AT_SOURCE.encode()))
        short = replace(short, key=None, headers=(*fields, *told))
    return short


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
        "dlq.id": letter_id[:MAX_WORD],
        "dlq.source.topic": source.topic,
        "dlq.source.partition": str(source.partition),
        "dlq.source.offset": str(source.offset),
        "dlq.source.timestamp": str(source.timestamp),
        "dlq.source.group": source.group,
        "dlq.stage": stage,
        "dlq.disposition": disposition,
        "dlq.error.kind": kind.value,
        "dlq.error.type": error_type[:MAX_WORD],
        "dlq.error.message": message[:MAX_TEXT],
        "dlq.error.code": code[:MAX_WORD],
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
