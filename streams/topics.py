"""The topics: their names, how many partitions each has, and what the broker must keep (CONTRACTS section 4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from streams.json_text import read_object
from streams.vocabulary import CommandClass

DEFAULT_PARTITIONS = 8
"""The shared count. It cannot be changed in place: a key's row lives where its hash says."""

DAY_MS = 86_400_000

MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's own default, stated so that a broker with a lower one is found out: parts of a large webhook are at most
900 KiB, rows 256 KiB, and 120 KiB are left for the headers of a dead letter."""

MAX_PROFILE_BYTES = 8 * 1024 * 1024
"""A profile is one record; a SKU map of 100,000 entries is some megabytes."""

KEPT_COMPRESSION = "producer"
"""`compression.type`: batches stay as they were sent. Where a broker's default is another, it compresses all of them
anew: readers need its codec (all four are among our dependencies), and it pays for it with every write."""

KEEP_COMPRESSION = (
    "records are read all the same, and the broker compresses each batch anew. Set it with "
    "kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config compression.type=producer"
)

META_KEY = b"cluster"

_LEGAL = re.compile(r"[a-zA-Z0-9._-]*")
_LONGEST_NAME = 249  # Kafka's limit


class Cleanup(StrEnum):
    """What the broker may forget: by age (here: never), or all but the newest record of a key."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What one topic must look like."""

    name: str
    partitions: int
    cleanup: Cleanup
    max_message_bytes: int = MAX_MESSAGE_BYTES
    min_compaction_lag_ms: int = 0
    broker_time: bool = False  # records are stamped by the broker's clock

    def settings(self) -> dict[str, str]:
        """The broker's settings for it. Retention is unlimited: the history is the source of every view and proof."""
        chosen = {
            "cleanup.policy": self.cleanup.value,
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "max.message.bytes": str(self.max_message_bytes),
            "compression.type": KEPT_COMPRESSION,
        }
        if self.min_compaction_lag_ms:
            chosen["min.compaction.lag.ms"] = str(self.min_compaction_lag_ms)
        if self.broker_time:
            chosen["message.timestamp.type"] = "LogAppendTime"
        return chosen

    def differences(self, partitions: int, settings: Mapping[str, str]) -> list[str]:
        """How a topic found on a broker differs, in sentences. Larger limits than wanted are no difference."""
        found = []
        if partitions != self.partitions:
            found.append(f"{self.name} has {partitions} partitions, wanted {self.partitions}")
        for name, wanted in self.settings().items():
            actual = settings.get(name)
            if actual is None and name == "compression.type":
                continue  # a broker that does not know of it keeps batches as they are sent
            if actual is None:
                found.append(f"{self.name}: the broker does not say its {name}, wanted {wanted}")
            elif name in _LOWER_BOUNDS:
                if not actual.lstrip("-").isdigit() or int(actual) < int(wanted):
                    found.append(f"{self.name}: {name} is {actual}, wanted at least {wanted}")
            elif actual != wanted:
                mend = f"; {KEEP_COMPRESSION.format(self.name)}" if name == "compression.type" else ""
                found.append(f"{self.name}: {name} is {actual}, wanted {wanted}{mend}")
        return found


_LOWER_BOUNDS = frozenset({"max.message.bytes", "min.compaction.lag.ms"})


@dataclass(frozen=True, slots=True)
class Stamp:
    """What `topics init` writes into `meta`: the shared partition count, and the cluster it was decided on."""

    partitions: int
    cluster_id: str

    def encode(self) -> bytes:
        return json.dumps({"partitions": self.partitions, "cluster_id": self.cluster_id}).encode()

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Raises `ValueError` on what is not a stamp."""
        try:
            raw = read_object(value)
            return cls(int(raw["partitions"]), str(raw["cluster_id"]))
        except (KeyError, TypeError) as wrong:
            raise ValueError(f"not a stamp: {value[:100]!r}") from wrong

    def refusal(self, partitions: int, cluster_id: str) -> str:
        """Why one with this partition count, on this cluster, must not start; empty when it may."""
        if partitions != self.partitions:
            return (
                f"The topics were made with {self.partitions} shared partitions and the settings say {partitions}: "
                "orders would be looked for in the wrong partition. Set "
                f"REVENI_STREAMS_PARTITIONS={self.partitions}; "
                "the count is fixed once the topics are made."
            )
        if cluster_id != self.cluster_id:
            return (
                f"The topics were made on cluster {self.cluster_id} and this broker is of cluster {cluster_id}: "
                "offsets and ids of dead letters would mean other records. Check REVENI_STREAMS_KAFKA."
            )
        return ""


@dataclass(frozen=True, slots=True)
class Topology:
    """Every topic of an installation: the prefix, the shared partition count, the ERP accounts."""

    prefix: str = ""
    partitions: int = DEFAULT_PARTITIONS
    accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for names that Kafka would refuse."""
        if self.partitions < 1:
            raise ValueError(f"the shared partition count is at least 1, not {self.partitions}")
        if len(set(self.accounts)) != len(self.accounts):
            raise ValueError(f"an account is named twice: {', '.join(self.accounts)}")
        for what, name in [("topic prefix", self.prefix), *(("account", account) for account in self.accounts)]:
            if not _LEGAL.fullmatch(name) or (what == "account" and not name):
                raise ValueError(f"{what} {name!r}: only letters, digits, '.', '_' and '-' may stand in a topic's name")
        for spec in self.topics():
            if len(spec.name) > _LONGEST_NAME:
                raise ValueError(f"topic name {spec.name} is longer than {_LONGEST_NAME} characters")

    def named(self, name: str) -> str:
        """A topic's name on the broker, from its name in CONTRACTS."""
        return self.prefix + name

    def commands(self, account: str, klass: CommandClass = CommandClass.MONEY) -> str:
        """The topic of an account's commands of one class."""
        suffix = "" if klass is CommandClass.MONEY else f".{klass.value}"
        return self.named(f"erp.commands.{account}{suffix}")

    @property
    def meta(self) -> str:
        return self.named("meta")

    @property
    def lane_topics(self) -> tuple[str, ...]:
        """What the sequencer reads: co-partitioned, so that one lane owns all of an order."""
        return tuple(self.named(name) for name in LANE_TOPICS)

    @property
    def sequencer_app(self) -> str:
        return self.named("sequencer")

    def dispatcher_app(self, account: str) -> str:
        return self.named(f"dispatcher-{account}")

    @property
    def sequencer_changelog(self) -> str:
        return f"{self.sequencer_app}-orders-changelog"

    def dispatcher_changelog(self, account: str) -> str:
        return f"{self.dispatcher_app(account)}-begun-changelog"

    def topics(self) -> tuple[TopicSpec, ...]:
        """All of them, in the order in which they are made; `meta` last, as it says that the others are there."""
        history = Cleanup.DELETE
        specs = [TopicSpec(name, self.partitions, history) for name in self.lane_topics]
        specs.append(TopicSpec(self.named("dead.letters"), self.partitions, history))
        specs.append(TopicSpec(self.named("audit"), 1, history))
        # A late write of a zombie must not erase a newer row before recovery has joined the two: hence the lag.
        specs.append(
            TopicSpec(self.sequencer_changelog, self.partitions, Cleanup.COMPACT, min_compaction_lag_ms=DAY_MS)
        )
        for account in self.accounts:
            specs += [TopicSpec(self.commands(account, klass), 1, history) for klass in CommandClass]
            # `begun` is dated by the broker's clock: an owner on another machine reckons from it what is in doubt.
            specs.append(
                TopicSpec(
                    self.dispatcher_changelog(account),
                    1,
                    Cleanup.COMPACT,
                    min_compaction_lag_ms=DAY_MS,
                    broker_time=True,
                )
            )
        for view in ("dead.resolutions", "stock.levels", "alarms"):
            specs.append(TopicSpec(self.named(view), 1, Cleanup.COMPACT))
        specs.append(TopicSpec(self.named("profiles"), 1, Cleanup.COMPACT, max_message_bytes=MAX_PROFILE_BYTES))
        # Dated by the broker, so that `doctor` can hold our clock against its own.
        specs.append(TopicSpec(self.meta, 1, Cleanup.COMPACT, broker_time=True))
        return tuple(specs)


LANE_TOPICS = ("events.reveni", "events.warehouse", "events.channels", "events.decisions", "erp.outcomes")
