"""A whole installation that the crash tests may hurt: its stage, its workers, and when it has come to rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adapters.settings import Settings
from adapters.stage.child import Child, run
from adapters.stage.stage import Stage
from adapters.views import lists
from adapters.views.reading import rows
from tests.crash.checks import Verdict, complete, judge
from tests.crash.traffic import Story
from tests.kafka import admin_client, committed_offsets, end_offsets

T = TypeVar("T")

DEMO_PROFILE = Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml"
DEADLINE_SECONDS, LONGEST_EXECUTION_SECONDS, READ_LAG_SECONDS = 2, 1, 0.2
SEQUENCER_SESSION, DISPATCHER_SESSION = 6, 7  # Kafka's shortest; a call's deadline + 5
LIMIT = 5  # so low that the load works against it
CALM = frozenset({"inspection", "refund", "acceptance", "approval", "return", "reveni"})
"""What an order may wait for when the system has done its part."""


class Installation:
    """Simulators, gateway and topics of one test or module; workers as asked for."""

    def __init__(
        self, directory: Path, kafka: str, prefix: str, *, partitions: int = 4, embedded: bool = False
    ) -> None:
        self.stage = Stage(
            directory,
            kafka,
            prefix=prefix,
            partitions=partitions,
            profile=_profile(),
            simulators={
                "netsuite": {
                    "settings": {
                        "limit": LIMIT,
                        "latency_ms": [5, 25],
                        "late_apply_max_seconds": LONGEST_EXECUTION_SECONDS,
                        "read_lag_seconds": READ_LAG_SECONDS,
                        "hold_seconds": 10,
                    }
                }
            },
            embedded=embedded,
        )
        self.stage.env["REVENI_STREAMS_SEQUENCER_SESSION_SECONDS"] = str(SEQUENCER_SESSION)
        self.stage.env["REVENI_STREAMS_DISPATCHER_SESSION_SECONDS"] = str(DISPATCHER_SESSION)
        self.settings = Settings(
            **{  # type: ignore[arg-type]  # as from the environment
                name.removeprefix("REVENI_STREAMS_").lower(): value
                for name, value in self.stage.env.items()
                if name.startswith("REVENI_STREAMS_")
            }
        )
        self.topology = self.settings.topology()

    def open(self) -> None:
        """Topics, profile, simulators and gateway; no worker yet."""
        run(["topics", "init"], self.stage.env)
        run(["profile", "publish", str(self.stage.profile_file), "--reason", "first profile", "--yes"], self.stage.env)
        self.stage.open()
        self.stage.seed(
            {
                "locations": [
                    {"account": "ns", "id": number, "sellable": number.endswith("1")}
                    for number in ("101", "102", "109", "201", "202", "209")
                ],
                "stock": [{"account": "ns", "sku": "TEE-RED-L", "location": "101", "available": 100_000}],
            }
        )

    def sequencer(self, number: int = 1) -> Child:
        return self.stage.worker(f"sequencer-{number}", "sequencer", loglevel="info")

    def dispatcher(self, number: int = 1) -> Child:
        return self.stage.worker(f"dispatcher-{number}", "dispatcher", "ns", loglevel="info")

    # -- looking from outside

    def ledger(self) -> list[dict[str, Any]]:
        return self.stage.ledger(account="ns")

    def calls(self) -> Mapping[str, Any]:
        summary: Mapping[str, Any] = self.stage.control("GET", "/_calls?summary=1")
        return summary

    def judge(self, stories: Sequence[Story]) -> Verdict:
        return judge(stories, self.ledger(), self.calls())

    def behind(self) -> dict[str, int]:
        """Records not yet committed, by topic; those the groups are up to date with are left out."""
        return asyncio.run(self._behind())

    async def _behind(self) -> dict[str, int]:
        topology, address = self.topology, self.stage.kafka
        wanted = [(topology.sequencer_app, topic) for topic in topology.lane_topics]
        group = topology.dispatcher_app("ns")
        wanted += [(group, topic) for topic in _command_topics(topology)]
        found = {}
        for group, topic in wanted:
            ends, committed = await asyncio.gather(
                end_offsets(address, topic), committed_offsets(address, group, topic)
            )
            lag = sum(end - committed.get(partition, 0) for partition, end in ends.items())
            if lag:
                found[topic] = lag
        return found

    def dead_letters(self) -> int:
        """Records in the dead letters' topic, open or not: this traffic makes none."""
        topic = self.topology.named("dead.letters")
        return sum(asyncio.run(end_offsets(self.stage.kafka, topic)).values())

    def members(self, group: str) -> int:
        """Members of a consumer group when it is stable; 0 while it is not."""
        return asyncio.run(_members(self.stage.kafka, group))

    def busy(self) -> list[dict[str, Any]]:
        """What orders wait for that the system still has to do, and every open exception."""
        new_consumer = self.settings.connection().consumer
        found = asyncio.run(rows(new_consumer, self.topology.sequencer_changelog)).values()
        waiting = [entry for entry in lists.waiting(found) if entry["for"] not in CALM]
        return waiting + lists.exceptions(found, [])

    def wait_until_done(self, stories: Sequence[Story], seconds: float) -> None:
        """Wait until every document is there, every record committed and no order waits for us."""
        deadline = time.monotonic() + seconds
        self.wait(lambda: complete(stories, self.ledger()), deadline - time.monotonic(), lambda: self._missing(stories))
        self.wait(lambda: not self.behind(), deadline - time.monotonic(), lambda: f"behind: {self.behind()}")
        self.wait(
            lambda: not self.busy() and not self.dead_letters(),
            deadline - time.monotonic(),
            lambda: f"{self.judge(stories)}; {self.dead_letters()} dead letters; busy: {self.busy()[:3]}",
        )

    def wait(self, condition: Callable[[], T], seconds: float, said: Callable[[], str] | str) -> T:
        """Wait for a condition, with the workers' logs in the failure."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                text = said if isinstance(said, str) else said()
                raise AssertionError(f"not within {seconds:.0f} s: {text}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(f"--- {child.name} {child.code}\n{child.tail(12)}" for child in self.stage.workers)

    def _missing(self, stories: Sequence[Story]) -> str:
        return f"{self.judge(stories)}\n{self.behind()}\n{self.busy()[:3]}"


async def _members(address: str, group: str) -> int:
    async with admin_client(address) as admin:
        (answer,) = await admin.describe_consumer_groups([group])
        _, _, state, _, _, members = answer.groups[0][:6]
        return len(members) if state == "Stable" else 0


def _profile() -> str:
    text = DEMO_PROFILE.read_text()
    for old, new in (
        ("http://127.0.0.1:8600", "{simulators}"),
        ("concurrency = 15", f"concurrency = {LIMIT}"),
        ("deadline_seconds = 8", f"deadline_seconds = {DEADLINE_SECONDS}"),
        ("longest_execution_seconds = 10", f"longest_execution_seconds = {LONGEST_EXECUTION_SECONDS}"),
        ("read_lag_seconds = 2", f"read_lag_seconds = {READ_LAG_SECONDS}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


def _command_topics(topology: Any) -> list[str]:
    from streams.vocabulary import CommandClass

    return [topology.commands("ns", klass) for klass in CommandClass]
