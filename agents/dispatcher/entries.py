"""What an account's table `begun` remembers of each command, and how two memories of one command are joined.

A key is a command id, or `OWNER` for the record of who holds the account. Entries are never evicted: the table is what
keeps a vendor without idempotency of its own from doing one thing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from streams.commands import Attempt, Command, Outcome, Stamp
from streams.vocabulary import OutcomeStatus

OWNER = "~owner"
"""No command id has a tilde."""

Rank = tuple[Stamp, int]


def rank(command: Command) -> Rank:
    """Which of two commands with one id stands: the one of the later row, then the higher revision."""
    return command.row_stamp, command.revision


@dataclass(frozen=True, slots=True)
class Begun:
    """A send may have happened. The command is frozen and its body is here, so its input record may be acknowledged."""

    command: Command
    at: str  # RFC 3339 UTC by the dispatcher's own clock (hosts run NTP): just before the last send
    sends: int
    cleared: bool = False  # nothing sent can have been applied: it only keeps the body, as good as not begun
    attempts: tuple[Attempt, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "state": "begun",
            "command": orjson.Fragment(self.command.encode()),
            "at": self.at,
            "sends": self.sends,
            "cleared": self.cleared,
            "attempts": [attempt.as_json() for attempt in self.attempts],
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """Done, refused or withheld: the outcome as it was published."""

    outcome: Outcome
    row_stamp: Stamp
    look_first: bool = False  # a document with our reference exists, or may: the next revision looks before it sends
    doubt_at: str = ""  # the last send whose end is still not known

    @property
    def rank(self) -> Rank:
        return self.row_stamp, self.outcome.revision

    def as_json(self) -> dict[str, Any]:
        return {
            "state": "ended",
            "outcome": orjson.Fragment(self.outcome.encode()),
            "row_stamp": list(self.row_stamp),
            "look_first": self.look_first,
            "doubt_at": self.doubt_at,
        }


@dataclass(frozen=True, slots=True)
class Owned:
    """Who holds the account. Epochs rise by one with each owner, whatever Kafka does to the group's generations."""

    epoch: int
    at: str
    generation: int = -1
    released: bool = False  # the owner stopped with no call in flight: its successor need not wait

    def as_json(self) -> dict[str, Any]:
        return {
            "state": "owned",
            "epoch": self.epoch,
            "at": self.at,
            "generation": self.generation,
            "released": self.released,
        }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot be read: never taken for an absent one, so the command looks first and waits as in doubt."""

    reason: str


Entry = Begun | Ended | Owned | Unreadable


def encode(entry: Begun | Ended | Owned) -> bytes:
    """The JSON record value of the table's changelog."""
    return orjson.dumps(entry.as_json())


def decode(value: bytes) -> Entry:
    """Read a record value; what is not an entry becomes `Unreadable`."""
    try:
        return _entry(orjson.loads(value))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return Unreadable(f"{type(error).__name__}: {error}")


def _entry(raw: Mapping[str, Any]) -> Entry:
    match raw["state"]:
        case "begun":
            return Begun(
                command=Command.decode(orjson.dumps(raw["command"])),
                at=raw["at"],
                sends=raw["sends"],
                cleared=raw["cleared"],
                attempts=tuple(Attempt(a["at"], a["call"], a["result"]) for a in raw["attempts"]),
            )
        case "ended":
            return Ended(
                outcome=Outcome.decode(orjson.dumps(raw["outcome"])),
                row_stamp=(raw["row_stamp"][0], raw["row_stamp"][1]),
                look_first=raw["look_first"],
                doubt_at=raw["doubt_at"],
            )
        case "owned":
            return Owned(raw["epoch"], raw["at"], raw["generation"], raw["released"])
        case other:
            raise ValueError(f"unknown state {other!r}")


def merge(one: bytes, other: bytes) -> bytes:
    """Join two records of one key: the one that knows more. Commutative, associative, idempotent.

    A predecessor that was paused may write after its successor did, so the order in the log proves nothing. What is
    done stands; else the higher command, and of one command the later state.
    """
    return max(one, other, key=_standing)


def _standing(value: bytes) -> tuple[Any, ...]:
    match decode(value):
        case Ended(outcome=outcome) as ended if outcome.status is OutcomeStatus.DONE:
            return 3, _reversed(outcome.at), ended.rank, 0, "", False, value  # the first document stands
        case Ended(outcome=outcome) as ended:
            return 2, "", ended.rank, 1, outcome.at, False, value
        case Begun(command=command, at=at, cleared=cleared):
            return 2, "", rank(command), 0, at, cleared, value
        case Owned(epoch=epoch, released=released, at=at):
            return 1, "", ((epoch, 0), 0), 0, "", released, value
        case _:
            return 0, "", ((0, 0), 0), 0, "", False, value


def _reversed(text: str) -> tuple[int, ...]:
    """Sorts the earlier time higher."""
    return tuple(-ord(character) for character in text)
