"""What an account's table `begun` remembers of each command, and how two memories of one command are joined.

A key is a command id, or `OWNER` for the record of who holds the account. Entries are never evicted: the table is what
keeps a vendor without idempotency of its own from doing one thing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from agents.described import described
from streams.commands import Attempt, Command, Outcome, Stamp
from streams.vocabulary import DocumentKind, OutcomeStatus

OWNER = "~owner"
"""No command id has a tilde."""

Rank = tuple[Stamp, int]


def rank(command: Command) -> Rank:
    """Which of two commands with one id stands: the one of the later row, then the higher revision."""
    return command.row_stamp, command.revision


Mark = tuple[int, str]
"""When something was, as one owner saw it: the owner's epoch, then RFC 3339 UTC by its own clock (hosts run NTP).

The broker's time of a record is known only when the table is read again; within an epoch one clock is enough, and
between epochs it is the epoch that decides."""

NEVER: Mark = (0, "")


@dataclass(frozen=True, slots=True)
class Sent:
    """A revision that was sent, and when; until that is settled, a document of it may turn up."""

    command: Command
    at: Mark

    @property
    def key(self) -> tuple[Mark, Rank, bytes]:
        """Of two, the one that was sent last is what may turn up."""
        return self.at, rank(self.command), self.command.encode()

    def as_json(self) -> dict[str, Any]:
        return {"command": orjson.Fragment(self.command.encode()), "at": self.at}


@dataclass(frozen=True, slots=True)
class Begun:
    """The command is frozen here, so that its input record may be acknowledged; a send may have happened."""

    command: Command
    written: Mark
    sends: int = 0
    doubt: Mark = NEVER  # just before the last send
    settled: Mark = NEVER  # doubts up to here are over: nothing sent by then can still be applied
    attempts: tuple[Attempt, ...] = ()
    former: Sent | None = None  # the send before this one, while a document of it may turn up

    def __post_init__(self) -> None:
        _forget_settled(self)

    @property
    def in_doubt(self) -> bool:
        """If not, the entry only keeps the body: it is as good as not begun."""
        return self.doubt > self.settled

    @property
    def progress(self) -> tuple[int, str, int]:
        """Of two records of one `written`, the later one is further."""
        return self.sends, self.attempts[-1].at if self.attempts else "", len(self.attempts)

    def as_json(self) -> dict[str, Any]:
        return {
            "state": "begun",
            "command": orjson.Fragment(self.command.encode()),
            "written": self.written,
            "sends": self.sends,
            "doubt": self.doubt,
            "settled": self.settled,
            "attempts": [attempt.as_json() for attempt in self.attempts],
            "former": self.former.as_json() if self.former else None,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """Done, refused or withheld: the outcome as it was published."""

    outcome: Outcome
    row_stamp: Stamp
    written: Mark
    look_first: bool = False  # a document with our reference exists, or may: the next revision looks before it sends
    doubt: Mark = NEVER
    settled: Mark = NEVER
    former: Sent | None = None  # the last send, while a document of it may turn up

    def __post_init__(self) -> None:
        _forget_settled(self)

    @property
    def rank(self) -> Rank:
        return self.row_stamp, self.outcome.revision

    @property
    def in_doubt(self) -> bool:
        """Given up while a send could still be applied, or a send was made that this end knew nothing of."""
        return self.doubt > self.settled

    def as_json(self) -> dict[str, Any]:
        return {
            "state": "ended",
            "outcome": orjson.Fragment(self.outcome.encode()),
            "row_stamp": self.row_stamp,
            "written": self.written,
            "look_first": self.look_first,
            "doubt": self.doubt,
            "settled": self.settled,
            "former": self.former.as_json() if self.former else None,
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
    """Read a record value; what is not an entry, in all of its fields, becomes `Unreadable`."""
    try:
        return _entry(orjson.loads(value))
    except Exception as error:  # one that cannot be read is one command's trouble, whatever is wrong with it
        return Unreadable(described(error))


def _entry(raw: Mapping[str, Any]) -> Entry:
    match raw["state"]:
        case "begun":
            return Begun(
                command=_command(raw["command"]),
                written=_mark(raw["written"]),
                sends=_whole(raw["sends"]),
                doubt=_mark(raw["doubt"]),
                settled=_mark(raw["settled"]),
                attempts=tuple(Attempt(_text(a["at"]), a["call"], a["result"]) for a in raw["attempts"]),
                former=_former(raw),
            )
        case "ended":
            return Ended(
                outcome=_outcome(raw["outcome"]),
                row_stamp=(_whole(raw["row_stamp"][0]), _whole(raw["row_stamp"][1])),
                written=_mark(raw["written"]),
                look_first=_flag(raw["look_first"]),
                doubt=_mark(raw["doubt"]),
                settled=_mark(raw["settled"]),
                former=_former(raw),
            )
        case "owned":
            return Owned(_whole(raw["epoch"]), _text(raw["at"]), _whole(raw["generation"]), _flag(raw["released"]))
        case other:
            raise ValueError(f"unknown state {other!r}")


def _command(raw: Any) -> Command:
    command = Command.decode_json(raw)
    for number in (command.revision, *command.row_stamp):
        _whole(number)
    for text in (command.id, command.order_key, command.subject, command.hash):
        _text(text)
    return command


def _former(raw: Mapping[str, Any]) -> Sent | None:
    """Entries of the release before have none."""
    former = raw.get("former")
    return None if former is None else Sent(_command(former["command"]), _mark(former["at"]))


def _forget_settled(entry: Begun | Ended) -> None:
    if entry.former is not None and entry.former.at <= entry.settled:
        object.__setattr__(entry, "former", None)


def _outcome(raw: Any) -> Outcome:
    outcome = Outcome.decode_json(raw)
    _whole(outcome.revision)
    for text in (outcome.command_id, outcome.hash, outcome.order_key, outcome.at, outcome.number, outcome.reason):
        _text(text)
    return outcome


def _mark(raw: Any) -> Mark:
    epoch, at = raw
    return _whole(epoch), _text(at)


def _whole(raw: Any) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    raise TypeError(f"not a whole number: {str(raw)[:60]!r}")


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    raise TypeError(f"neither true nor false: {str(raw)[:60]!r}")


def _text(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    raise TypeError(f"not a text: {str(raw)[:60]!r}")


def merge(one: bytes, other: bytes) -> bytes:
    """Join two records of one key. Commutative, associative, idempotent.

    A predecessor that was paused may write after its successor did, so the order in the log proves nothing. What is
    done stands; else the higher command, and of one command what the later owner wrote last. A doubt outlives all but
    an end that knew of it: a predecessor's refusal says nothing of what its successor has sent.
    """
    if one == other:
        return one
    read = {one: decode(one), other: decode(other)}
    top, low = (one, other) if _standing(one, read[one]) >= _standing(other, read[other]) else (other, one)
    entry, lesser = read[top], read[low]
    if not isinstance(entry, Begun | Ended) or not isinstance(lesser, Begun | Ended):
        return top
    doubt, settled = max(entry.doubt, lesser.doubt), max(entry.settled, lesser.settled)
    joined = replace(entry, doubt=doubt, settled=settled, former=_former_of(entry, lesser))
    return top if joined == entry else encode(joined)


def _former_of(entry: Begun | Ended, lesser: Begun | Ended) -> Sent | None:
    """Of all sends that either remembers beside its own, the last."""
    if isinstance(entry, Ended) and entry.outcome.status is OutcomeStatus.DONE:
        return None
    known = (entry.former, lesser.former, _own_send(lesser))
    others = [sent for sent in known if sent is not None and sent != _own_send(entry)]
    return max(others, key=lambda sent: sent.key, default=None)


def ended_with(found: Iterable[Entry], kind: DocumentKind, number: str) -> set[str]:
    """The commands that are done, and whose document is the one of this number."""
    outcomes = (entry.outcome for entry in found if isinstance(entry, Ended))
    done = (one for one in outcomes if one.status is OutcomeStatus.DONE)
    return {one.command_id for one in done if (one.kind, one.number) == (kind, number)}


def _own_send(entry: Begun | Ended) -> Sent | None:
    return Sent(entry.command, entry.written) if isinstance(entry, Begun) and entry.sends else None


def _standing(value: bytes, entry: Entry) -> tuple[Any, ...]:
    match entry:
        case Ended(outcome=outcome) as ended if outcome.status is OutcomeStatus.DONE:
            return 3, _reversed(outcome.at), ended.rank, NEVER, 0, value  # the first document stands
        case Ended() as ended:
            return 2, (), ended.rank, ended.written, 1, value
        case Begun() as begun:
            return 2, (), rank(begun.command), begun.written, 0, begun.progress, value
        case Owned(epoch=epoch, released=released):
            return 1, (), ((epoch, 0), 0), NEVER, int(released), value
        case _:
            return 0, (), ((0, 0), 0), NEVER, 0, value


def _reversed(text: str) -> tuple[int, ...]:
    """Sorts the earlier time higher."""
    return tuple(-ord(character) for character in text)
