"""The audit: every operator action is written down before it is done; who, why, when, what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from adapters.acts.installation import Installation, Writer


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, why, and by what way."""

    by: str
    reason: str
    source: str = "cli"

    def __post_init__(self) -> None:
        """Raises `ValueError`: an act without a name or a reason is not done."""
        if not self.by.strip():
            raise ValueError("Say who you are: --by NAME.")
        if not self.reason.strip():
            raise ValueError('Say why: --reason "...". It is kept with the act.')


async def write_audit(
    installation: Installation,
    writer: Writer,
    actor: Actor,
    what: str,
    order_id: str | None,
    details: Mapping[str, Any],
) -> str:
    """Write down what is about to be done; the record's id. Raises `NotStored`: then nothing may be done."""
    audit_id = str(uuid4())
    key = order_id.encode() if order_id is not None else None
    record = audit_record(actor, what, order_id, details, audit_id=audit_id, at=now_text())
    await writer.put(installation.topology.named("audit"), key, record)
    return audit_id


def audit_record(
    actor: Actor, what: str, order_id: str | None, details: Mapping[str, Any], *, audit_id: str, at: str
) -> bytes:
    """Who does what, why and when, as the topic keeps it."""
    record = {
        "id": audit_id,
        "at": at,
        "by": actor.by,
        "reason": actor.reason,
        "source": actor.source,
        "what": what,
        "order_id": order_id,
        "details": details,
    }
    return orjson.dumps(record)


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
