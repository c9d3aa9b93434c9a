"""The account's table, its outcomes and its letters, on Kafka: each write returns when the brokers have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from agents.clock import Clock, rfc3339
from agents.described import readable
from agents.dispatcher import entries
from agents.dispatcher.entries import NEVER, OWNER, Begun, Ended, Entry, Owned
from agents.dispatcher.intake import NotACommand
from agents.dispatcher.ports import OwnershipLost
from agents.lane import Record
from agents.log import Entry as LogEntry
from agents.log import GroupedLog, Log, partition_for
from agents.rows import NotOwned, Rows
from streams.commands import Outcome
from streams.letters import Source, contents, headers, record_letter_id
from streams.record import datable
from streams.topics import Topology
from streams.vocabulary import DocumentKind, OutcomeStatus, Owner

log = structlog.get_logger(__name__)

_ALIVE = frozenset({OutcomeStatus.DONE, OutcomeStatus.ANSWERED})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dispatcher stands: names that its records carry."""

    topology: Topology
    account: str
    cluster: str

    @property
    def group(self) -> str:
        return self.topology.dispatcher_app(self.account)


def merge(key: bytes, old: bytes | None, new: bytes) -> bytes:
    """How recovery joins two records of a key."""
    return new if old is None else entries.merge(old, new)


class Journal:
    """What one session writes. Once closed it writes nothing: the account may be another's."""

    def __init__(self, place: Place, rows: Rows, record_log: Log, clock: Clock) -> None:
        self.closed = False
        self.epoch = 0
        self._place = place
        self._rows = rows
        self._log = record_log
        self._grouped = GroupedLog(record_log)
        self._clock = clock
        self._sign_in_alarm = False
        self._stopped = False

    # The table.

    def get(self, command_id: str) -> Entry | None:
        value = self._stored().get(command_id.encode())
        return None if value is None else entries.decode(value)

    def ended_with(self, kind: DocumentKind, number: str) -> set[str]:
        """The commands that are done, and whose document is the one of this number.

        Asked seldom, and of a table that is large: only what names the number is decoded.
        """
        named = orjson.dumps(number)
        found = (entries.decode(value) for value in self._stored().values() if named in value)
        return entries.ended_with(found, kind, number)

    def begun(self) -> list[Begun]:
        """Every command that was begun and has no end."""
        found = (entries.decode(value) for value in self._stored().values())
        return [entry for entry in found if isinstance(entry, Begun)]

    async def own(self, generation: int) -> Owned | None:
        """Begin an epoch; the owner before, if there was one."""
        former = self._former()
        self.epoch = former.epoch + 1 if former else 1
        await self.write(OWNER, Owned(self.epoch, rfc3339(self._clock.now()), generation))
        return former

    def _former(self) -> Owned | None:
        """Where the record of the owner cannot be read there was one, of the newest epoch that the entries tell of."""
        before = self.get(OWNER)
        if before is None or isinstance(before, Owned):
            return before
        found = (entries.decode(value) for value in self._stored().values())
        marks = [entry.written for entry in found if isinstance(entry, Begun | Ended)]
        return Owned(*max(marks, default=NEVER))

    async def release(self, generation: int) -> None:
        """End the epoch with nothing in flight."""
        await self.write(OWNER, Owned(self.epoch, rfc3339(self._clock.now()), generation, released=True))

    async def write(self, command_id: str, entry: Begun | Ended | Owned) -> None:
        if self.closed:
            raise OwnershipLost(command_id)
        key, value = command_id.encode(), entries.encode(entry)
        offset = await self._grouped.publish(self._rows.changelog, 0, LogEntry(key, value))
        if self.closed:  # the rows that are here by now are another session's, recovered with this record or without
            raise OwnershipLost(command_id)
        try:
            self._rows.install(0, [(key, value)], [offset])
        except NotOwned:
            raise OwnershipLost(command_id) from None

    async def write_again(self, foreign: Mapping[bytes, bytes]) -> None:
        """A predecessor wrote after us: its record must not be the last of its key in the log."""
        items = list(foreign.items())
        offsets = await self._log.publish(self._rows.changelog, 0, [LogEntry(key, value) for key, value in items])
        if self.closed:
            raise OwnershipLost("foreign writes")
        try:
            self._rows.install(0, items, offsets)
        except NotOwned:
            raise OwnershipLost("foreign writes") from None

    def _stored(self) -> Mapping[bytes, bytes]:
        try:
            return self._rows.partition(0)
        except NotOwned:
            raise OwnershipLost(self._place.account) from None

    # The topics.

    async def publish(self, outcome: Outcome) -> None:
        if self.closed:
            raise OwnershipLost(outcome.command_id)
        topology = self._place.topology
        key = outcome.order_key.encode()
        partition = partition_for(key, topology.partitions)
        await self._grouped.publish(topology.named("erp.outcomes"), partition, LogEntry(key, outcome.encode()))
        if self._sign_in_alarm and outcome.status in _ALIVE:
            self._sign_in_alarm = False
            await self._alarm("sign-in-refused", "off", "")

    async def bury(self, record: Record, reason: NotACommand) -> None:
        """A record that is no command becomes a dead letter; its bytes, headers and timestamp stay as they are.

        What a letter has no room for stays at the record, and the letter says so.
        """
        topology = self._place.topology
        source = Source(record.topic, record.partition, record.offset, record.timestamp, self._place.group)
        now = self._clock.now()
        fields = headers(
            letter_id=record_letter_id(self._place.cluster, source, "decode"),
            source=source,
            stage="decode",
            disposition="poison",
            kind=reason.kind,
            error_type=reason.type,
            message=f"not a command: {reason.message}",
            owner=Owner.ENGINEERING,
            first_failed_at=rfc3339(now),
            failed_at=rfc3339(now),
            app=self._place.group,
            attempts=1,
        )
        original = [(name, value) for name, value in record.headers if not name.startswith("dlq.")]
        partition = partition_for(record.key, topology.partitions) if record.key is not None else 0
        kept = contents(record.key, record.value, original, fields)
        letter = LogEntry(kept.key, kept.value, kept.headers, datable(record.timestamp, now))
        await self._log.publish(topology.named("dead.letters"), partition, [letter])

    async def sign_in_refused(self, account: str, message: str) -> None:
        if self._sign_in_alarm or self.closed:
            return
        self._sign_in_alarm = True
        log.error("sign-in refused: the account waits", account=account, message=message)
        await self._alarm("sign-in-refused", "on", message)

    async def stopped(self, reason: str) -> None:
        """E09: consumption stops; said once, however many commands find out."""
        if self._stopped:
            return
        self._stopped = True
        log.critical("consumption stopped", account=self._place.account, reason=reason)
        await self._alarm("consumption-stopped", "on", reason)

    async def _alarm(self, name: str, state: str, message: str) -> None:
        value: dict[str, Any] = {
            "state": state,
            "alarm": name,
            "account": self._place.account,
            "at": rfc3339(self._clock.now()),
            "message": readable(message)[:500],
        }
        key = f"{name}/{self._place.account}".encode()
        await self._log.publish(self._place.topology.named("alarms"), 0, [LogEntry(key, orjson.dumps(value))])
