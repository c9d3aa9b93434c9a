"""The records of the `profiles` topic as one reader sees them: the newest usable profile, and what was passed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from streams.json_text import Unreadable, read_plain
from streams.profile.faults import ProfileFaults
from streams.profile.profile import MAX_VERSION, Profile

KEPT: Final = 20
"""Records passed over that are remembered: who looks wants the newest."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that is no profile here, and why."""

    offset: int
    version: int | None  # None: it does not say one that can be
    why: str

    @property
    def sentence(self) -> str:
        what = "a record" if self.version is None else f"version {self.version}"
        return f"{what} (offset {self.offset}) was passed over: {self.why}"


@dataclass(slots=True)
class Shelf:
    """Takes records in the order of the topic. `read` raises for what cannot be used; only the reader knows why."""

    read: Callable[[bytes], Profile] = Profile.from_record
    profile: Profile | None = None
    offset: int = -1  # of the record it came with
    timestamp: int = 0
    highest: int = 0  # of the versions seen that can be: the next one has to be above it
    skipped: list[Skipped] = field(default_factory=list)

    def take(self, value: bytes | None, offset: int, timestamp: int = 0) -> Profile | Skipped | None:
        """The profile if it is the newest now, what was passed over, or None for one that is older or as old."""
        if value is None:
            return None
        version = version_of(value)
        self.highest = max(self.highest, version or 0)
        try:
            profile = self.read(value)
        except Exception as error:  # whatever is wrong with one record, the others are read
            return self._skip(Skipped(offset, version, _why(error)))
        if self.profile is not None and profile.version <= self.profile.version:
            return None
        self.profile, self.offset, self.timestamp = profile, offset, timestamp
        return profile

    @property
    def newer(self) -> list[Skipped]:
        """What was passed over and was meant to be in force instead: by its version, else by its place."""
        standing = self.profile.version if self.profile else 0
        return [
            one for one in self.skipped if (one.offset > self.offset if one.version is None else one.version > standing)
        ]

    @property
    def next_version(self) -> int:
        """The version of what is published next."""
        return self.highest + 1

    def _skip(self, one: Skipped) -> Skipped:
        self.skipped = [*self.skipped, one][-KEPT:]
        return one


def version_of(value: bytes) -> int | None:
    """The version that a record says it has; None where it says none that a profile can have."""
    try:
        record: Any = read_plain(value)
    except Unreadable:
        return None
    version = record.get("version") if isinstance(record, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= MAX_VERSION:
        return None
    return version


def _why(error: Exception) -> str:
    if isinstance(error, ProfileFaults):
        return "; ".join(str(fault) for fault in error.faults[:3])
    return f"{type(error).__name__}: {error}"[:500]
