"""A record of `profiles` that cannot be used stops nobody: it is named, and the newest usable one is in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import structlog

from adapters import runtime
from adapters.cli.doctor import published_findings
from adapters.registry import read_published
from agents.profiles import ProfileWatcher
from streams.profile import Profile, Shelf, Skipped
from streams.profile.profile import MAX_VERSION
from tests.unit.erp import PROFILE, rules

RULES = rules()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def record(version: int, *changes: tuple[tuple[str, ...], Any]) -> bytes:
    """A profile's record with settings changed by path, whatever this version of the program thinks of them."""
    raw = orjson.loads(Profile.from_toml(PROFILE, 1).to_record())
    raw["version"] = version
    for path, value in changes:
        holder = raw["profile"]
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value
    return orjson.dumps(raw)


REFUSED = record(7, (("policies", "batch_minutes"), 5))
UNUSABLE = {
    "a setting refused": (REFUSED, 7, "batch_minutes"),
    "another format": (record(7).replace(b'"format":1', b'"format":2'), 7, "format 1"),
    "a system nobody knows": (record(7, (("accounts", "ns", "system"), "sap")), 7, "sap"),
    "options": (record(7, (("accounts", "ns", "options"), {"time_zone": "Europe/Londn"})), 7, "Europe/Londn"),
    "no JSON": (b"{", None, "not JSON"),
    "nested too deep": (b"[" * 101 + b"]" * 101, None, "nested more than 100"),
    "version 2^64-1": (record(2**64 - 1), None, "beyond 1000000000"),
    "version beyond the bound": (record(MAX_VERSION + 1), None, "beyond 1000000000"),
    "version true": (record(1).replace(b'"version":1', b'"version":true'), None, "version"),
    "no profile": (b'{"format":1,"version":7}', 7, ""),
}


def shelf(*values: bytes | None) -> Shelf:
    made = Shelf(read_published)
    for offset, value in enumerate(values):
        made.take(value, offset, 1_000 + offset)
    return made


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_record_is_passed_over_and_named(name: str) -> None:
    """Before and after usable ones: the newest usable one stands, and what was passed over says why."""
    value, version, says = UNUSABLE[name]
    for made in (shelf(record(6), value), shelf(value, record(6)), shelf(record(5), value, record(6), None)):
        assert made.profile is not None
        assert made.profile.version == 6
        [one] = made.skipped
        assert one.version == version
        assert says in one.why
        assert says in one.sentence
        is_meant_to_be_newer = version is not None or one.offset > made.offset
        assert made.newer == ([one] if is_meant_to_be_newer else [])


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_published_after_it_is_used(name: str) -> None:
    """Its version is above every version seen that can be one, so that no reader takes it for an older one."""
    value, version, _ = UNUSABLE[name]
    made = shelf(record(6), value)
    assert made.next_version == max(6, version or 0) + 1
    taken = made.take(record(made.next_version), 9)
    assert isinstance(taken, Profile)
    assert made.profile == taken
    assert made.newer == []


def test_an_older_or_repeated_version_changes_nothing() -> None:
    """What arrived first under a version stands; when it was published is its own."""
    made = shelf(record(6), record(6, (("merchant", "name"), "other")), record(5))
    assert made.profile is not None
    assert (made.profile.version, made.profile.merchant.name, made.timestamp) == (6, "demo", 1_000)
    assert (made.skipped, made.next_version) == ([], 7)


def test_an_unusable_older_version_is_of_no_concern() -> None:
    """It is remembered, and not told as if it were to be in force."""
    made = shelf(record(8), REFUSED)
    assert [one.version for one in made.skipped] == [7]
    assert made.newer == []


def test_whatever_a_reader_raises_ends_at_the_record() -> None:
    """And only the newest are remembered."""

    def read(value: bytes) -> Profile:
        raise ZeroDivisionError("on purpose")

    made = Shelf(read)
    for offset in range(50):
        made.take(b"{}", offset)
    assert made.profile is None
    assert [one.offset for one in made.skipped] == list(range(30, 50))
    assert made.skipped[0].why == "ZeroDivisionError: on purpose"


def test_the_highest_version_there_can_be_is_used() -> None:
    """The bound itself is inside."""
    made = shelf(record(MAX_VERSION))
    assert made.profile is not None and made.profile.version == MAX_VERSION


# -- whoever reads the topic


def watcher() -> ProfileWatcher:
    return ProfileWatcher("profiles", RULES.playbooks, lambda: pytest.fail("nothing here reads the topic"))  # type: ignore[arg-type,return-value]


async def test_the_sequencer_goes_on_with_the_newest_usable_one(logged: list[Any]) -> None:
    """One that is unusable neither takes its place nor keeps the next from it, and the log names it."""
    seen: list[int] = []
    watching = watcher()
    watching.on_change(lambda: seen.append(1))
    assert not watching.ready
    watching.take(REFUSED, 0)
    assert not watching.ready
    watching.take(record(6), 1)
    watching.take(record(2**64 - 1), 2)
    watching.take(record(5), 3)
    watching.take(record(6, (("merchant", "name"), "other")), 4)
    rules_ = await watching.rules()
    assert (rules_.profile.version, rules_.profile.merchant.name, len(seen)) == (6, "demo", 1)
    watching.take(record(8), 5)
    assert ((await watching.rules()).profile.version, len(seen)) == (8, 2)
    errors = [entry["skipped"] for entry in logged if entry["event"] == "unusable profile record"]
    assert [error[: error.index(")") + 1] for error in errors] == ["version 7 (offset 0)", "a record (offset 2)"]
    assert "batch_minutes" in errors[0]


async def test_a_profile_for_a_system_without_a_playbook_is_not_used(logged: list[Any]) -> None:
    """Whoever decides by it would fail on every order."""
    watching = watcher()
    watching.take(record(7, (("accounts", "ns", "system"), "centra")), 0)
    assert not watching.ready
    assert "systems without a playbook: centra" in logged[-1]["skipped"]


@dataclass
class Topic:
    """A consumer of one partition that holds these records."""

    values: tuple[bytes | None, ...]
    read: bool = False
    stopped: bool = False
    asked: list[Any] = field(default_factory=list)

    async def start(self) -> None: ...

    def assign(self, tps: list[Any]) -> None:
        self.asked = tps

    async def seek_to_beginning(self, *tps: Any) -> None: ...

    async def getmany(self, *tps: Any, timeout_ms: int) -> dict[Any, list[Any]]:
        if self.read:
            return {}
        self.read = True
        return {tps[0]: [_Record(offset, value) for offset, value in enumerate(self.values)]}

    async def stop(self) -> None:
        self.stopped = True


@dataclass(frozen=True)
class _Record:
    offset: int
    value: bytes | None


async def newest(*values: bytes | None, wait: float = 60) -> Profile:
    return await runtime.newest_profile(lambda: Topic(values), "profiles", wait=wait)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("name", UNUSABLE)
async def test_a_dispatcher_starts_beside_an_unusable_record(name: str, logged: list[Any]) -> None:
    """With the newest usable version; the log names the other."""
    assert (await newest(record(6), UNUSABLE[name][0])).version == 6
    assert (await newest(UNUSABLE[name][0], None, record(8))).version == 8
    assert [entry["event"] for entry in logged] == ["unusable profile record"] * 2


async def test_a_dispatcher_without_a_usable_profile_says_what_was_passed_over() -> None:
    """And how to mend it."""
    with pytest.raises(runtime.CannotStart, match="reveni-streams profile publish FILE") as refusal:
        await newest(REFUSED, wait=0.01)
    assert "version 7 (offset 0) was passed over: policies.batch_minutes" in str(refusal.value)


NONE = "no usable profile is published, workers wait for one: reveni-streams profile publish FILE"


def test_doctor_names_what_is_in_force_and_what_is_passed_over() -> None:
    """A newer unusable one is a warning; none that is usable is a failure, nothing at all a warning."""

    def said(*values: bytes) -> list[tuple[str, str]]:
        return [(finding.result, finding.detail.partition(" was")[0]) for finding in published_findings(shelf(*values))]

    assert said(record(6)) == [("ok", "profile version 6 is in force")]
    assert said(record(6), REFUSED) == [
        ("ok", "profile version 6 is in force"),
        ("warning", "version 7 (offset 1)"),
    ]
    assert said(REFUSED)[0] == ("failed", NONE)
    assert said() == [("warning", NONE)]


def test_a_sentence_names_a_record_without_a_version_by_its_place() -> None:
    assert Skipped(3, None, "is not JSON").sentence == "a record (offset 3) was passed over: is not JSON"
