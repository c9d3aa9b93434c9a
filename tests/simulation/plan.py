"""What is going to happen in a run, all of it from one seed and before anything runs.

A plan is a list of acts, numbered in order of time. What is left to chance while it runs (latencies, which task goes
first) comes from dice of their own, so that leaving acts out does not change the rest: a shrunk plan is a subset.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.generator.deliveries import Delivery
from adapters.generator.expected import Expected
from adapters.generator.world import World

THE_FAULT = "the fault of a bad build"  # what a deployed one that is bad says of every order


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens at a moment (virtual seconds from the start); `number` names it for good."""

    number: int
    at: float

    @property
    def kind(self) -> str:
        """What the summary counts it under."""
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True)
class Webhook(Act):
    """A sender's delivery, sent again until it is answered as it should be."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class VendorFault(Act):
    """A rule of CONTRACTS section 7 put in force at `at`; `from` and `until` in the rule count from there."""

    rule: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return f"vendor {self.rule['fault']}"


@dataclass(frozen=True, slots=True)
class BrokerFault(Act):
    """For `seconds` from `at`, with `probability` a write to the log: `fault` is one of

    refused (not written, the writer sees an error), unacknowledged (written, the writer sees an error), slow (the
    acknowledgement takes `delay` seconds), away (every write, fetch, heartbeat and commit waits until it is over),
    coordinator (joins, heartbeats and commits wait, and writes and fetches do not: it is another broker).
    `topic` limits it to topics whose name contains it.
    """

    fault: str
    seconds: float
    probability: float = 1.0
    topic: str = ""
    delay: float = 0.0

    @property
    def kind(self) -> str:
        return f"broker {self.fault}"


@dataclass(frozen=True, slots=True)
class Kill(Act):
    """kill -9 of a worker process, between two awaits; started again after `back_after` (None: never, another joins).

    With `point` it dies at that fault point (`agents.faultpoints`) when next reached after `at`, else at once.
    `worker` counts modulo the workers of that `role` ("sequencer" or "dispatcher") that run then.
    """

    role: str
    worker: int
    point: str = ""
    back_after: float = 1.0


@dataclass(frozen=True, slots=True)
class Pause(Act):
    """SIGSTOP of a worker for `seconds`, then SIGCONT; `point` as in `Kill`."""

    role: str
    worker: int
    seconds: float
    point: str = ""


@dataclass(frozen=True, slots=True)
class Join(Act):
    """One worker more."""

    role: str


@dataclass(frozen=True, slots=True)
class Leave(Act):
    """SIGTERM of a worker (never of the last of its role)."""

    role: str
    worker: int


@dataclass(frozen=True, slots=True)
class Deploy(Act):
    """Every sequencer is replaced by one of another build, each stopped as by SIGTERM, `apart` seconds from the next.

    Its successor starts `down` seconds after that: meanwhile messages gather.

    `build` is "" (the tree as it is), "bad" (its playbook fails on every order, E09), "faulty" (on about every second
    one), or "older" (writes rows as the release before did). At 0.0: what the first workers run.
    """

    build: str
    apart: float = 0.0
    down: float = 0.0

    @property
    def kind(self) -> str:
        return f"deploy {self.build}".rstrip()


@dataclass(frozen=True, slots=True)
class Rebalance(Act):
    """The group coordinator asks everybody to join again."""

    role: str


@dataclass(frozen=True, slots=True)
class Jump(Act):
    """A worker's wall clock jumps by `seconds`; its elapsed time does not."""

    role: str
    worker: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Compact(Act):
    """The log cleaner passes over compacted topics, keeping what is younger than the topic's lag."""


@dataclass(frozen=True, slots=True)
class Corrupt(Act):
    """A byte of the newest changelog record of one order rots (`order` counts modulo the rows there are then)."""

    order: int


@dataclass(frozen=True, slots=True)
class Publish(Act):
    """A new version of the merchant's profile; each worker reads it after a lag of its own."""

    document: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class Operate(Act):
    """An operator acts on whatever is open then: `verb` is decide or replay; `draw` says about which, and how wrongly.

    `slip` is one of "" (right), stale (about a revision or hash that has moved on), twice (the same act again),
    wrong_target (names what is not there).
    """

    verb: str
    draw: float
    slip: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run."""

    seed: int
    profile: Mapping[str, Any]  # the document of version 1
    vendor: Mapping[str, Any]  # settings of the simulated account, as its control route takes them
    world: World
    expected: Expected
    acts: tuple[Act, ...]
    partitions: int = 2
    sequencers: int = 2
    dispatchers: int = 2
    look_seconds: float = 60.0  # how often a dispatcher looks whether anybody else wrote to its table
    heal_at: float = 0.0  # from here on no fault is in force
    tags: Mapping[str, Any] = field(default_factory=dict)

    def only(self, numbers: Collection[int]) -> Plan:
        """The same plan with these acts alone."""
        kept = frozenset(numbers)
        return replace(self, acts=tuple(act for act in self.acts if act.number in kept))
