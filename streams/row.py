"""The row of one order: all that is known of it, and all that was decided about it.

The facts half is a join of registers. The effects half (issued commands, letters, alarms, what is waited for) is
written by the sequencer that owns the order; when two owners' records meet at recovery, it is joined too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from streams.commands import Command, Outcome, Stamp
from streams.facts import Decision, Fact, Inspection, Snapshot
from streams.registers import Register, ReturnRegister, newest
from streams.vocabulary import LEFT_BEHIND, DocumentKind, ErrorKind, OutcomeStatus

ROW_FORMAT = 1
MAX_ROW_BYTES = 256 * 1024

_RANK = {OutcomeStatus.WITHHELD: 0, OutcomeStatus.REFUSED: 1, OutcomeStatus.ANSWERED: 2, OutcomeStatus.DONE: 3}


def _outweighs(mine: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether `mine` stands over `theirs`: by revision, refused below done, time; content last, so that none tie."""
    first, second = _weight(mine), _weight(theirs)
    if first != second:
        return first > second
    return orjson.dumps(mine, option=orjson.OPT_SORT_KEYS) >= orjson.dumps(theirs, option=orjson.OPT_SORT_KEYS)


def _weight(outcome: dict[str, Any]) -> tuple[int, int, str]:
    return int(outcome["revision"]), _RANK[OutcomeStatus(outcome["status"])], str(outcome["at"])


@dataclass(slots=True)
class CommandFacts:
    """What came back about one command: every document number it was done under, and its newest other end."""

    done: dict[str, dict[str, Any]] = field(default_factory=dict)  # number -> outcome as JSON
    last: dict[str, Any] | None = None  # newest of refused, answered, withheld

    def join(self, other: CommandFacts) -> None:
        for number, outcome in other.done.items():
            mine = self.done.get(number)
            self.done[number] = outcome if mine is None or _outweighs(outcome, mine) else mine
        if other.last is not None and (self.last is None or _outweighs(other.last, self.last)):
            self.last = other.last

    @property
    def number(self) -> str | None:
        """The document's number once done (the lowest, should there be several: that is a `duplicate` of its own)."""
        return min(self.done) if self.done else None


_NOTHING: Final = CommandFacts()


@dataclass(slots=True)
class Issued:
    """A command as it was last frozen, and whether its record is known to be in the topic."""

    command: Command
    published: bool = False
    bodies: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """hash -> (revision, body) of every revision not yet known to have ended, the newest included."""

    def join(self, other: Issued) -> None:
        mine, theirs = self.command, other.command
        if (theirs.revision, theirs.row_stamp, theirs.hash) > (mine.revision, mine.row_stamp, mine.hash):
            self.command, self.published = theirs, other.published
        elif theirs.revision == mine.revision and theirs.hash == mine.hash:
            self.published = self.published or other.published
        for name, body in other.bodies.items():
            self.bodies[name] = max(body, self.bodies.get(name, body), key=lambda known: known[0])


@dataclass(slots=True)
class Letter:
    """An exception of this order: a dead letter that closes by itself when its cause goes."""

    letter_id: str
    content: dict[str, Any]  # kind, owner, sentence, step, subject, command, ...
    replays: int = 0  # how often it opened again
    open: bool = True
    published: bool = False
    since: str = ""

    def join(self, other: Letter) -> None:
        if (other.replays, not other.open, other.since) > (self.replays, not self.open, self.since):
            self.content, self.since = other.content, other.since
            self.replays, self.open, self.published = other.replays, other.open, other.published
        elif (other.replays, other.open, other.content) == (self.replays, self.open, self.content):
            self.published = self.published or other.published


@dataclass(slots=True)
class Waiting:
    """One step that cannot go on yet: what for, since when, and by when it is owed."""

    step: str
    subject: str
    waits_for: str
    since: str
    due: str = ""
    why: str = ""
    return_id: str = ""
    refund_id: str = ""
    deadline: str = ""  # the profile's name of the deadline that `due` comes from
    command_id: str = ""  # what the step's document is called: a decision about it names this
    hash: str = ""  # of what would be sent, where a person may say yes to it

    @property
    def key(self) -> str:
        return f"{self.step}/{self.subject}"


@dataclass(slots=True)
class Row:
    """One order."""

    order_key: str
    returns: dict[str, ReturnRegister] = field(default_factory=dict)
    inspections: dict[str, Register] = field(default_factory=dict)
    outcomes: dict[str, CommandFacts] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    rulings: dict[str, str] = field(default_factory=dict)  # decision id -> "applied", or why it was void
    first_seen: str = ""  # when the gateway first received something of this order
    issued: dict[str, Issued] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    alarms: dict[str, Letter] = field(default_factory=dict)  # by the key of what is late
    waiting: dict[str, Waiting] = field(default_factory=dict)
    playbooks: dict[str, int] = field(default_factory=dict)  # return_id -> playbook version pinned
    quarantined: str = ""  # why this order stands still
    source: tuple[str, int, int, int] | None = (
        None  # topic, partition, offset, timestamp of the last event that changed it
    )
    stamp: Stamp = (0, 0)
    previous: Stamp = (0, 0)
    joined: dict[int, int] = field(default_factory=dict)  # others' records in it: generation -> newest sequence

    # -- facts

    def absorb(self, fact: Fact, received: str = "") -> bool:
        """Join one fact, `received` (RFC 3339 UTC) by the gateway; False when nothing changed (a repeat, or older than
        what stands)."""
        match fact:
            case Snapshot():
                before = self.returns.get(fact.return_id)
                if before is not None and fact.version[2] in before.hashes.get(fact.version[0], ()):
                    return False
                incoming = ReturnRegister.of(fact.version, fact.data, received)
                self.returns.setdefault(fact.return_id, ReturnRegister()).join(incoming)
                return True
            case Inspection():
                standing = self.inspections.get(fact.inspection_id)
                self.inspections[fact.inspection_id] = newest(standing, (fact.version, fact.data))
                return standing is None or fact.version > standing[0]
            case Decision():
                if fact.decision_id in self.decisions:
                    return False
                self.decisions[fact.decision_id] = fact
                return True
            case Outcome():
                return self._absorb_outcome(fact)

    def _absorb_outcome(self, outcome: Outcome) -> bool:
        known = self.outcomes.setdefault(outcome.command_id, CommandFacts())
        before = (dict(known.done), known.last)
        incoming = CommandFacts()
        slim: dict[str, Any] = {
            "revision": outcome.revision,
            "hash": outcome.hash,
            "kind": outcome.kind.value,
            "subject": outcome.subject,
            "status": outcome.status.value,
            "at": outcome.at,
            "number": outcome.number,
            "reason": outcome.reason,
        }
        if outcome.document:
            slim["document"] = dict(outcome.document)
        if outcome.answer:
            slim["answer"] = dict(outcome.answer)
        if outcome.failure:
            slim["failure"] = outcome.failure.as_json()
        slim["attempts"] = len(outcome.attempts)
        if outcome.attempts:
            slim["first_attempt_at"] = outcome.attempts[0].at
        if outcome.status is OutcomeStatus.DONE:
            incoming.done[outcome.number] = slim
        else:
            incoming.last = slim
        known.join(incoming)
        return before != (known.done, known.last)

    def join(self, other: Row) -> None:
        """Join another record of the same order (recovery, zombies); facts and effects."""
        for return_id, register in other.returns.items():
            self.returns.setdefault(return_id, ReturnRegister()).join(register)
        for inspection_id, inspection in other.inspections.items():
            self.inspections[inspection_id] = newest(self.inspections.get(inspection_id), inspection)
        for command_id, known in other.outcomes.items():
            self.outcomes.setdefault(command_id, CommandFacts()).join(known)
        for decision_id, decision in other.decisions.items():
            self.decisions.setdefault(decision_id, decision)
        for decision_id, ruling in other.rulings.items():
            self.rulings[decision_id] = min(ruling, self.rulings.get(decision_id, ruling))
        for command_id, issued in other.issued.items():
            if command_id in self.issued:
                self.issued[command_id].join(issued)
            else:
                self.issued[command_id] = issued
        for mine, theirs in ((self.letters, other.letters), (self.alarms, other.alarms)):
            for letter_id, letter in theirs.items():
                if letter_id in mine:
                    mine[letter_id].join(letter)
                else:
                    mine[letter_id] = letter
        for return_id, version in other.playbooks.items():
            self.playbooks[return_id] = max(version, self.playbooks.get(return_id, 0))
        self.first_seen = min(filter(None, (self.first_seen, other.first_seen)), default="")
        self.quarantined = max(self.quarantined, other.quarantined)
        joined = dict(self.joined)
        for generation, sequence in (*other.joined.items(), self.stamp, other.stamp):
            joined[generation] = max(sequence, joined.get(generation, 0))
        if other.stamp > self.stamp:
            self.waiting, self.source, self.stamp, self.previous = (
                other.waiting,
                other.source,
                other.stamp,
                other.previous,
            )
        # A writer's records of one generation follow each other; generation 0 is nobody's.
        self.joined = {number: last for number, last in sorted(joined.items()) if number not in (0, self.stamp[0])}

    # -- effects

    def outcome_of(self, command_id: str) -> CommandFacts:
        """Only to be read: of a command that nothing is known of, all rows give out the same."""
        return self.outcomes.get(command_id) or _NOTHING

    def is_settled(self, issued: Issued) -> bool:
        """Whether the newest revision of a command is known to have ended."""
        known = self.outcomes.get(issued.command.id)
        if known is None:
            return False
        if known.done and not issued.command.kind.is_question:
            return True
        return known.last is not None and known.last["revision"] >= issued.command.revision

    def may_turn_up(self, issued: Issued) -> bool:
        """Whether a document of a command may be there that no outcome has told of: it is on its way, or it ended so
        that nobody knows, or with something else than what was asked for."""
        if not self.is_settled(issued):
            return True
        known = self.outcome_of(issued.command.id)
        if known.done or known.last is None or known.last["status"] != OutcomeStatus.REFUSED.value:
            return False
        return ErrorKind(known.last["failure"]["kind"]) in LEFT_BEHIND

    def unpublished(self) -> Iterator[Issued | Letter]:
        """The outbox: what was decided and is not known to be in its topic."""
        for issued in self.issued.values():
            if not issued.published and not self.is_settled(issued):
                yield issued
        for letter in (*self.letters.values(), *self.alarms.values()):
            if not letter.published:
                yield letter

    def open_letters(self) -> list[Letter]:
        return sorted((letter for letter in self.letters.values() if letter.open), key=lambda item: item.letter_id)

    def due(self) -> str:
        """The earliest time at which something owed becomes late; empty when nothing is."""
        return min((item.due for key, item in self.waiting.items() if item.due and not self.is_late(key)), default="")

    def is_late(self, key: str) -> bool:
        """Whether the alarm for what is waited for under this key has been raised."""
        alarm = self.alarms.get(key)
        return alarm is not None and alarm.open

    def done_number(self, command_id: str) -> str | None:
        return self.outcome_of(command_id).number

    def kind_of(self, command_id: str) -> DocumentKind | None:
        issued = self.issued.get(command_id)
        return issued.command.kind if issued else None
