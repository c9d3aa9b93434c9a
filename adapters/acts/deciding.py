"""A decision: written as one record of its order, and followed until the order's row has ruled on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from aiokafka import TopicPartition

from adapters.acts.audit import Actor, now_text, write_audit
from adapters.acts.installation import Installation
from adapters.acts.targets import Target
from adapters.views.reading import partitions_of, started
from agents.log import partition_for
from streams.facts import read_decision
from streams.row import Row
from streams.rowcodec import UnreadableRow, decode

TOPIC = "events.decisions"
KINDS = ("approve", "reject", "retry", "post_anyway", "done_by_hand", "name_order", "map_sku")
ABOUT_THE_ORDER = frozenset({"name_order", "map_sku"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator decided, ready to be written."""

    decision_id: str
    order_key: str
    kind: str
    value: bytes
    details: Mapping[str, Any]
    at: str

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        return [
            ("source", b"decisions"),
            ("event-id", self.decision_id.encode()),
            ("received-at", self.at.encode()),
        ]


def decision(
    kind: str,
    order_key: str,
    actor: Actor,
    target: Target | None,
    fields: Mapping[str, str],
    *,
    decision_id: str = "",
    at: str = "",
) -> Decision:
    """The record of CONTRACTS section 4; what was seen of the target goes in, so that it is void once that moved on.

    `decision_id` and `at` are made here unless they are given.
    """
    details: dict[str, Any] = {"kind": kind}
    if target is not None:
        details |= {"command_id": target.command_id, "revision": target.revision}
        if target.hash:
            details["hash"] = target.hash
    details |= fields
    decision_id, at = decision_id or str(uuid4()), at or now_text()
    value = orjson.dumps(
        {
            "id": decision_id,
            "type": "decision",
            "at": at,
            "by": actor.by,
            "reason": actor.reason,
            "order_id": order_key,
            "decision": details,
        }
    )
    read_decision(value)  # what the sequencer could not read must never be written
    return Decision(decision_id, order_key, kind, value, details, at)


@dataclass(frozen=True, slots=True)
class Ruled:
    """What became of a decision: the ruling, and the row that carries it. `ruling` is empty while nobody has ruled."""

    ruling: str = ""
    row: Row | None = None

    @property
    def applied(self) -> bool:
        return self.ruling == "applied"


async def decide(installation: Installation, actor: Actor, wanted: Decision, *, wait: float) -> Ruled:
    """Audit it, write it, and wait (at most so many seconds; 0: not at all) until the order's row has ruled on it."""
    key = wanted.order_key.encode()
    topology = installation.topology
    consumer = await started(installation.new_consumer)
    try:
        # The end is read before the decision is written, so that its row cannot slip by.
        changelog = topology.sequencer_changelog
        partitions = (await partitions_of(consumer, [changelog]))[changelog]
        tp = TopicPartition(changelog, partition_for(key, len(partitions)))
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, end)
        async with installation.writer() as writer:
            await write_audit(
                installation,
                writer,
                actor,
                f"decide {wanted.kind}",
                wanted.order_key,
                {"decision_id": wanted.decision_id, **wanted.details},
            )
            await writer.put(topology.named(TOPIC), key, wanted.value, wanted.headers)
        return await _ruling(consumer, tp, key, wanted.decision_id, wait) if wait > 0 else Ruled()
    finally:
        await consumer.stop()


async def _ruling(consumer: Any, tp: TopicPartition, key: bytes, decision_id: str, seconds: float) -> Ruled:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline:
        fetched = await consumer.getmany(tp, timeout_ms=200)
        for record in fetched.get(tp, ()):
            if record.key != key or record.value is None:
                continue
            try:
                row = decode(record.value)
            except UnreadableRow:
                continue
            if decision_id in row.rulings:
                return Ruled(row.rulings[decision_id], row)
    return Ruled()


def still_open(target: Target | None, row: Row) -> bool:
    """Whether the exception that was decided about stands open all the same."""
    letter = row.letters.get(target.letter_id) if target is not None and target.letter_id else None
    return letter is not None and letter.open


def aftermath(target: Target | None, row: Row) -> str:
    """What the order's row says of the target right after the ruling, in words."""
    if target is None:
        still = len(row.open_letters())
        return f"{still} {'exception stands' if still == 1 else 'exceptions stand'} open" if still else "none is open"
    letter = row.letters.get(target.letter_id) if target.letter_id else None
    issued = row.issued.get(target.command_id)
    said = []
    sent = issued is not None and issued.command.revision > target.revision
    if issued is not None and sent:
        what = "is being taken back" if issued.command.void else "is sent"
        said.append(f"{target.step.replace('_', ' ')} {what} as revision {issued.command.revision}")
    if letter is not None and letter.open:
        said.append(f"its exception is still open: {letter.content['reason']}")
        return "; ".join(said)
    if letter is not None:
        said.append("its exception closed")
    item = row.waiting.get(f"{target.step}/{target.subject}")
    if item is not None and not sent:
        said.append(f"the {target.step.replace('_', ' ')} waits: {item.why}")
    return "; ".join(said) or "nothing has to be sent"
