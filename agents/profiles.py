"""The merchant's profile as the workers know it: the newest record of the `profiles` topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.decide import Rules
from streams.playbook import Playbook
from streams.profile import Profile, Shelf, Skipped

log = structlog.get_logger(__name__)


class ProfileWatcher:
    """Follows the topic with a plain consumer; a record it cannot use is named in the log and skipped."""

    def __init__(
        self,
        topic: str,
        playbooks: Mapping[str, Playbook],
        consumer: Callable[[], AIOKafkaConsumer],
        *,
        read: Callable[[bytes], Profile] = Profile.from_record,
    ) -> None:
        """`read` raises `ValueError` for what is no profile; many watchers in one process may share one that keeps."""
        self._topic, self._playbooks, self._new_consumer = topic, playbooks, consumer
        self._shelf = Shelf(lambda value: self._usable(read(value)))
        self._rules: Rules | None = None
        self._first = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def ready(self) -> bool:
        return self._rules is not None

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def rules(self) -> Rules:
        """The rules in force."""
        if self._rules is None:
            log.warning("waiting for a profile", topic=self._topic, mend="reveni-streams profile publish FILE")
            await self._first.wait()
        assert self._rules is not None
        return self._rules

    async def follow(self) -> None:
        """Read the topic from its beginning, for ever."""
        consumer = self._new_consumer()
        await consumer.start()
        try:
            tp = TopicPartition(self._topic, 0)
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            while True:
                fetched: Mapping[Any, list[Any]] = await consumer.getmany(tp, timeout_ms=1000)
                for record in fetched.get(tp, ()):
                    self.take(record.value, record.offset)
        finally:
            await consumer.stop()

    def take(self, value: bytes | None, offset: int = -1) -> None:
        """Use a record if it is newer than the profile in force; one that cannot be used is named and passed over."""
        profile = self._shelf.take(value, offset)
        if isinstance(profile, Skipped):
            log.error("unusable profile record", topic=self._topic, skipped=profile.sentence)
        elif profile is not None:
            self._rules = Rules(profile, self._playbooks)
            self._first.set()
            log.info("profile in force", version=profile.version)
            for listener in self._listeners:
                listener()

    def _usable(self, profile: Profile) -> Profile:
        unknown = sorted({a.system for a in profile.accounts.values()} - set(self._playbooks))
        if unknown:
            raise ValueError(f"it names systems without a playbook: {', '.join(unknown)}")
        return profile
