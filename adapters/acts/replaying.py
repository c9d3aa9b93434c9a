"""Sending a dead letter again, through the front door: a record to its source topic, an effect as a decision."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from uuid import uuid4

import orjson
from aiokafka import TopicPartition

from adapters.acts.audit import Actor, now_text, write_audit
from adapters.acts.installation import Installation
from adapters.views.deadletters import DeadLetter, dead_letters
from adapters.views.reading import record_at
from streams.record import Header
from streams.topics import Topology

GONE = "replayed"

_PLACE = ("partition", "offset")
_POINTERS = frozenset({"dlq.value", "dlq.value.bytes", "dlq.value.sha256", "dlq.headers", "dlq.key"})


class NotReplayable(Exception):
    """This letter cannot be sent again; the message says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A record to be sent again, as it will be written."""

    letter_id: str
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    count: int

    @property
    def order_id(self) -> str | None:
        return self.key.decode(errors="replace") if self.key is not None else None


def replay_of(letter: DeadLetter, actor: Actor, topology: Topology, *, replay_id: str = "") -> Replay:
    """The original key, value and headers, with `replay.*` beside them; raises `NotReplayable`.

    `replay_id` is made here unless it is given.
    """
    if letter.is_effect:
        raise NotReplayable(f"{letter.letter_id} is about a command, not a record: it is tried again by a decision.")
    if letter.is_part:
        raise NotReplayable(
            f"{letter.letter_id} is one part of a message that is bigger than a record may be: sent again it would "
            "fail again. Ask the sender to send it again in smaller messages."
        )
    if not letter.open:
        done = letter.resolution or {}
        what, by, at = done.get("resolution", "closed"), done.get("by", "somebody"), done.get("at", "an unknown time")
        raise NotReplayable(f"{letter.letter_id} is not open: {what} by {by} at {at}. Nothing was sent twice.")
    if letter.is_at_source:
        raise NotReplayable(f"{letter.letter_id} does not hold its record, which is at {letter.summary()['source']}.")
    names = letter.names
    source, partition = names.get("dlq.source.topic", ""), names.get("dlq.source.partition", "")
    if source not in topology.lane_topics or not partition.isdigit():
        raise NotReplayable(
            f"{letter.letter_id} came from {source or 'an unnamed topic'}, which is no way in: only records of "
            f"{', '.join(topology.lane_topics)} can be sent again."
        )
    count = letter.replays + 1
    headers = (
        *letter.original_headers(),
        ("replay.id", (replay_id or str(uuid4())).encode()),
        ("replay.of", letter.letter_id.encode()),
        ("replay.by", actor.by.encode()),
        ("replay.reason", actor.reason.encode()),
        ("replay.count", str(count).encode()),
    )
    return Replay(letter.letter_id, source, int(partition), letter.key, letter.value, headers, count)


async def whole(installation: Installation, letter: DeadLetter) -> DeadLetter:
    """The letter with its record: one that was too large for it is read where it stands. Raises `NotReplayable`."""
    if not letter.is_at_source:
        return letter
    names, where = letter.names, letter.summary()["source"]
    topic, place = names.get("dlq.source.topic", ""), [names.get(f"dlq.source.{part}", "") for part in _PLACE]
    if topic not in installation.topology.lane_topics or not all(text.isdigit() for text in place):
        raise NotReplayable(f"{letter.letter_id} came from {where}, which is no way in.")
    record = await record_at(installation.new_consumer, topic, int(place[0]), int(place[1]))
    if record is None or hashlib.sha256(record.value or b"").hexdigest() != names.get("dlq.value.sha256"):
        raise NotReplayable(
            f"The record of {letter.letter_id} is no longer at {where}; ask its sender to send it again."
        )
    own = [(name, value) for name, value in letter.headers if name.startswith("dlq.") and name not in _POINTERS]
    original = [(name, value) for name, value in record.headers if not name.startswith("dlq.")]
    return replace(letter, key=record.key, value=record.value, headers=[*original, *own])


async def replay(installation: Installation, actor: Actor, letter: DeadLetter) -> tuple[Replay, int]:
    """Audit, send, and close the letter; the replay and the offset it got. Raises `NotReplayable`, `NotStored`.

    A crash between sending and closing leaves the letter open: replayed once more, the record is a repeat that the
    order's row absorbs.
    """
    topology = installation.topology
    wanted = replay_of(await whole(installation, letter), actor, topology)
    async with installation.writer() as writer:
        details = {"dlq_id": letter.letter_id, "topic": wanted.topic, "replays": wanted.count}
        await write_audit(installation, writer, actor, "dlq replay", wanted.order_id, details)
        _, offset = await writer.put(wanted.topic, wanted.key, wanted.value, wanted.headers, wanted.partition)
        key = letter.letter_id.encode()
        await writer.put(topology.named("dead.resolutions"), key, resolution_of(letter, wanted, actor, now_text()))
    return wanted, offset


def resolution_of(letter: DeadLetter, wanted: Replay, actor: Actor, at: str) -> bytes:
    """The record that closes a letter once its replay is stored."""
    resolution = {
        "dlq_id": letter.letter_id,
        "order_id": wanted.order_id,
        "replays": letter.replays,
        "at": at,
        "by": actor.by,
        "reason": actor.reason,
        "resolution": GONE,
    }
    return orjson.dumps(resolution)


async def followed(installation: Installation, wanted: Replay, offset: int, *, seconds: float) -> DeadLetter | bool:
    """What became of a replay: True, the sequencer took it; the letter, it failed again; False, it is not read yet."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await _is_read(installation, wanted, offset):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.2)
    letters = await dead_letters(installation.new_consumer, installation.topology.prefix, wanted.key)
    again = letters.get(wanted.letter_id)
    return again if again is not None and again.replays >= wanted.count else True


async def _is_read(installation: Installation, wanted: Replay, offset: int) -> bool:
    """Whether the sequencers' committed offset has passed the record: what it led to is then published."""
    tp = TopicPartition(wanted.topic, wanted.partition)
    async with installation.admin() as admin:
        found = await admin.list_consumer_group_offsets(installation.topology.sequencer_app, partitions=[tp])
    return bool(found) and int(found[tp].offset) > offset
