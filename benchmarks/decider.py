"""Step 1 of the commit protocol alone, in this process: where the time of a decision goes. No broker.

`python -m benchmarks.decider [--outcomes] [--profile]` prints microseconds of CPU a record and a digest of every row
and record that came of it: a change that is to be faster only must leave the digest as it was.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import pstats
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.runtime import playbooks
from agents.clock import rfc3339
from agents.log import partition_for
from agents.sequencer.outbox import Setting
from agents.sequencer.result import Marks, Turn
from agents.sequencer.turn import Decider
from benchmarks.account import Account
from benchmarks.load import Event, by_partition, load
from streams.commands import Command
from streams.decide import Rules
from streams.profile import Profile

PROFILE = Path(__file__).parents[1] / "docker" / "profiles" / "demo.toml"
START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """An input record as the lane hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass
class Bench:
    """One partition count's deciders with their rows, and the account's answers on their way back."""

    partitions: int
    rules: Rules
    account: Account
    answers: bool
    batch: int
    now: datetime = START
    seconds: float = 0.0
    events: int = 0
    decided: int = 0
    changelog_bytes: int = 0
    rows: list[dict[bytes, bytes]] = field(default_factory=list)
    marks: list[dict[bytes, Marks]] = field(default_factory=list)
    profile: cProfile.Profile | None = None

    def __post_init__(self) -> None:
        setting = Setting("", "sequencer", "benchmark", "sequencer")
        self.rows = [{} for _ in range(self.partitions)]
        self.marks = [{} for _ in range(self.partitions)]
        self._deciders = [Decider(setting, number, rows) for number, rows in enumerate(self.rows)]
        self._sequence = 0
        self._offset = 0
        self.digest = hashlib.sha256()

    def take(self, events: Iterable[Event]) -> None:
        """All batches of these events, and of what is answered to what they ask, until nothing is asked any more."""
        outcomes = self._batches(list(events))
        while outcomes:
            outcomes = self._batches(outcomes)

    def _batches(self, events: list[Event]) -> list[Event]:
        back: list[Event] = []
        for (_, number), found in by_partition(events).items():
            for start in range(0, len(found), self.batch):
                back += self._turn(number, [self._record(event) for event in found[start : start + self.batch]])
        return back

    def _record(self, event: Event) -> Record:
        self._offset += 1
        return Record(
            event.topic, event.partition, self._offset, 1_795_000_000_000, event.key, event.value, event.headers
        )

    def _stamp(self) -> tuple[int, int]:
        self._sequence += 1
        return 1, self._sequence

    def _turn(self, number: int, records: list[Record]) -> list[Event]:
        self.now += timedelta(milliseconds=50)
        rows, marks = self.rows[number], self.marks[number]
        if self.profile is not None:
            self.profile.enable()
        began = time.thread_time()
        turn = self._deciders[number].turn(records, rules=self.rules, now=self.now, stamps=self._stamp, marks=marks)
        self.seconds += time.thread_time() - began
        if self.profile is not None:
            self.profile.disable()
        rows.update(turn.rows)
        for key in turn.rows:
            marks.pop(key, None)
        marks.update(turn.marks)
        self.events += len(records)
        self.decided += len(turn.rows)
        self.changelog_bytes += sum(len(value) for value in turn.rows.values())
        return self._answered(turn)

    def _answered(self, turn: Turn) -> list[Event]:
        self.digest.update(repr(sorted(turn.rows.items())).encode())
        found = []
        for (topic, _), entries in sorted(turn.publish.items()):
            self.digest.update(repr((topic, entries)).encode())
            if not topic.startswith("erp.commands.") or not self.answers:
                continue
            for entry in entries:
                command = Command.decode(entry.value or b"")
                outcome = self.account.carry_out(command, rfc3339(self.now))
                key = command.order_key.encode()
                partition = partition_for(key, self.partitions)
                found.append(Event("erp.outcomes", partition, key, outcome.encode(), ()))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--outcomes", action="store_true", help="answer every command")
    parser.add_argument("--profile", action="store_true", help="show where the time goes (slows it down)")
    asked = parser.parse_args()
    given = load(asked.seed, asked.orders, asked.partitions)
    rules = Rules(Profile.from_toml(PROFILE.read_text(encoding="utf-8"), 1), playbooks())
    bench = Bench(asked.partitions, rules, Account(given.world), asked.outcomes, asked.batch)
    for name, events in (("warm", given.warm), ("measured", given.measured)):
        bench.seconds, bench.events, bench.decided, bench.changelog_bytes = 0.0, 0, 0, 0
        bench.profile = cProfile.Profile() if asked.profile and name == "measured" else None
        bench.take(events)
        sizes = [len(value) for rows in bench.rows for value in rows.values()]
        print(
            f"{name}: {len(events)} events, {bench.events} records with outcomes, {bench.decided} decisions; "
            f"{bench.seconds / bench.events * 1e6:.0f} us a record, "
            f"{bench.seconds / bench.decided * 1e6:.0f} us a decision; "
            f"{len(sizes)} rows of {sum(sizes) / len(sizes):.0f} bytes; digest {bench.digest.hexdigest()[:16]}"
        )
        if bench.profile is not None:
            pstats.Stats(bench.profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
