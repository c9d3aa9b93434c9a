"""The builds that a run may have: the tree as it is, a bad one, and the release before."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from weakref import WeakKeyDictionary
from zlib import crc32

from adapters.runtime import playbooks
from agents.dispatcher.ports import Adapter
from agents.gate.dead_ratio import DeadRatio
from agents.log import Entries
from streams.adapter import Calls, Document
from streams.case import Case
from streams.commands import Command
from streams.playbook import About, Playbook, Step
from streams.vocabulary import DocumentKind, ErrorKind
from tests.simulation.kafka import Broker
from tests.simulation.plan import THE_FAULT
from tests.simulation.ports import SimLog

BAD, FAULTY, MISREADS, OLDER = "bad", "faulty", "misreads", "older"
FAILS = frozenset({BAD, FAULTY, MISREADS})  # what they dead-letter is sent in again once they are gone
_LEAST_DEAD = 4  # the product's rule with its numbers made smaller, as a run has few records


class BuildLog(SimLog):
    """What a worker writes, and how much it has dead-lettered as its own fault.

    A letter published again is the same letter, also one that a successor finds in the outbox of a row.
    """

    _KNOWN: ClassVar[WeakKeyDictionary[Broker, set[tuple[bytes | None, ...]]]] = WeakKeyDictionary()

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._known = self._KNOWN.setdefault(broker, set())
        self.bugs = 0

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        listed = list(entries)
        if topic == "dead.letters":
            for _, _, headers, _ in listed:
                named = dict(headers or ())
                letter = (named.get("dlq.id"), named.get("dlq.replays"))
                if named.get("dlq.error.kind") == ErrorKind.BUG.value.encode() and letter not in self._known:
                    self._known.add(letter)
                    self.bugs += 1
        return await super().publish(topic, partition, listed)


class OlderLog(BuildLog):
    """Rows as the release before wrote them: it did not yet say whose records a row was joined from."""

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        if topic.endswith("-orders-changelog"):
            entries = [(key, _without_joined(value), headers, at) for key, value, headers, at in entries]
        return await super().publish(topic, partition, entries)


_JOINED = re.compile(rb'"joined":\[(?:\[\d+,\d+\],?)*\],')


def _without_joined(value: bytes | None) -> bytes | None:
    return _JOINED.sub(b"", value, count=1) if value is not None else None


class FaultyAdapter:
    """The product's adapter in a dispatcher of a build that misreads what is answered about every second command.

    The call itself is made, and what it does at the vendor stands.
    """

    def __init__(self, adapter: Adapter, is_faulty: Callable[[], bool], struck: Callable[[], None]) -> None:
        self.limits = adapter.limits
        self._adapter, self._is_faulty, self._struck = adapter, is_faulty, struck

    def _misread(self, command: Command) -> None:
        if self._is_faulty() and crc32(command.id.encode()) % 2:
            self._struck()
            raise ZeroDivisionError(THE_FAULT)

    def reference_enforced(self, command: Command) -> bool:
        return self._adapter.reference_enforced(command)

    async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        found = await self._adapter.look_up(command, calls)
        self._misread(command)
        return found

    async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        return await self._adapter.candidates(command, calls)

    async def create(self, command: Command, calls: Calls) -> Document:
        made = await self._adapter.create(command, calls)
        self._misread(command)
        return made

    async def answer(self, command: Command, calls: Calls) -> Mapping[str, Any]:
        answer = await self._adapter.answer(command, calls)
        self._misread(command)
        return answer

    def list_documents(self, kind: DocumentKind, since: str, calls: Calls) -> AsyncIterator[Document]:
        return self._adapter.list_documents(kind, since, calls)

    async def close(self) -> None:
        await self._adapter.close()


@dataclass(frozen=True, slots=True)
class Build:
    """What a sequencer is made of."""

    playbooks: Mapping[str, Playbook]
    log: Callable[[Broker], BuildLog] = BuildLog
    dead_ratio: Callable[[], DeadRatio | None] = lambda: None
    most_bugs: int = 0  # records that one process may dead-letter as its own fault before it stops
    fails: bool = False  # on some orders at least


def _with_a_fault(playbook: Playbook, *, everywhere: bool) -> Playbook:
    """The playbook, failing on every order or on about every second one."""

    def broken(step: Step) -> Step:
        def about(case: Case) -> Iterable[About]:
            if everywhere or crc32(case.row.order_key.encode()) % 2:
                raise ZeroDivisionError(THE_FAULT)
            return step.about(case)

        return replace(step, about=about)

    return replace(playbook, steps=tuple(map(broken, playbook.steps)))


_GOOD = playbooks()
_BAD, _FAULTY = (
    {name: _with_a_fault(playbook, everywhere=everywhere) for name, playbook in _GOOD.items()}
    for everywhere in (True, False)
)
BUILDS = {
    "": Build(_GOOD),
    FAULTY: Build(_FAULTY, fails=True),
    BAD: Build(
        _BAD,
        dead_ratio=lambda: DeadRatio(last=200, least_dead=_LEAST_DEAD, share=0.01),
        most_bugs=_LEAST_DEAD - 1,
        fails=True,
    ),
    MISREADS: Build(_GOOD, fails=True),
    OLDER: Build(_GOOD, log=OlderLog),
}
