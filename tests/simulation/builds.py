"""The builds of the sequencer that a run may have: the tree as it is, a bad one, and the release before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from zlib import crc32

from adapters.runtime import playbooks
from agents.gate.dead_ratio import DeadRatio
from agents.log import Entries
from streams.case import Case
from streams.playbook import About, Playbook, Step
from streams.vocabulary import ErrorKind
from tests.simulation.kafka import Broker
from tests.simulation.plan import THE_FAULT
from tests.simulation.ports import SimLog

BAD, FAULTY, OLDER = "bad", "faulty", "older"
FAILS = frozenset({BAD, FAULTY})  # what they dead-letter is sent in again once they are gone
_LEAST_DEAD = 4  # the product's rule with its numbers made smaller, as a run has few records


class BuildLog(SimLog):
    """What a worker writes, and how many records it has dead-lettered as its own fault."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self.bugs = 0

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        listed = list(entries)
        if topic == "dead.letters":
            bug = ("dlq.error.kind", ErrorKind.BUG.value.encode())
            self.bugs += sum(1 for _, _, headers, _ in listed if bug in (headers or ()))
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
    OLDER: Build(_GOOD, log=OlderLog),
}
