"""A command that is on its way: what this process knows of it, and how it can end (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from agents.clock import rfc3339
from agents.described import sentence
from agents.dispatcher.doubt import Contradiction, Verdict
from agents.dispatcher.entries import NEVER, Mark, Sent
from agents.dispatcher.schedule import Job
from streams.adapter import Refused
from streams.commands import Attempt, Command, Failure, Outcome
from streams.vocabulary import ErrorKind, OutcomeStatus

KEPT_ATTEMPTS = 20
"""In an outcome and in `begun`; the last ones tell why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended; the rest is what the table remembers beside the outcome."""

    outcome: Outcome
    keep: bool = True
    look_first: bool = False
    doubt: Mark = NEVER  # of a send that may still be applied

    @property
    def may_turn_up(self) -> bool:
        """Whether a document may be there that this end knows nothing of."""
        return self.outcome.status is not OutcomeStatus.DONE and (self.look_first or self.doubt > NEVER)

    @property
    def is_bug(self) -> bool:
        """Ended by a fault of ours (E09)."""
        return self.outcome.failure is not None and self.outcome.failure.kind is ErrorKind.BUG


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for some seconds; no slot is held meanwhile."""

    seconds: float


@dataclass(slots=True)
class Case:
    """What this process knows of a command that is on its way."""

    job: Job
    command: Command
    begun: bool = False  # frozen: it cannot be superseded any more
    sends: int = 0
    sent: Mark = NEVER  # just before the last send
    settled: Mark = NEVER  # sends up to here are over: nothing of them can still be applied
    look_first: bool = False
    former: Sent | None = None  # an earlier send, while a document of it may turn up
    believed_from: datetime | None = None  # in doubt: a look-up begun before this proves nothing by finding nothing
    acknowledged: bool = False  # the send in doubt was answered with a yes, so that "not there" means lost
    lost: int = 0
    refusal: Refused | None = None  # of a send after a doubtful one: final once nothing is found
    turns: int = 0  # that did not end it; paces the backoff
    failing_since: float | None = None  # elapsed time of its first failure
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def in_doubt(self) -> bool:
        return self.believed_from is not None

    @property
    def is_the_jobs(self) -> bool:
        """Not so while an older revision, begun before, is taken to its end in this job's turn."""
        asked = self.job.command
        return (self.command.revision, self.command.hash) == (asked.revision, asked.hash)

    @property
    def last_sent(self) -> Sent | None:
        """The send of which a document may turn up."""
        return Sent(self.command, self.sent) if self.sends and self.sent > self.settled else self.former

    def settle(self) -> None:
        """Nothing that was sent so far can still be applied."""
        self.settled = max(self.settled, self.sent, self.former.at if self.former else NEVER)
        self.former = None

    @property
    def only_this_was_sent(self) -> bool:
        """Whether each send in doubt said just what this command says, so that sending it again changes nothing.

        Under a reference that the vendor enforces a send is an update. One that was sent while an earlier revision's
        document could not be seen yet changed its lines, and was then found as what that revision had made (found by
        simulation, seed 1599).
        """
        return self.sends > 0 if self.former is None else self.former.command.hash == self.command.hash

    def as_former(self) -> Case:
        """The case of the earlier revision, whose document was found."""
        return replace(self, command=self.former.command if self.former else self.command)

    def doubt_until(self, moment: datetime) -> None:
        """In doubt, and never for less long than before."""
        self.believed_from = max(self.believed_from or moment, moment)

    def kept_attempts(self) -> tuple[Attempt, ...]:
        return tuple(self.attempts[-KEPT_ATTEMPTS:])

    def outcome(
        self,
        status: OutcomeStatus,
        now: datetime,
        *,
        number: str = "",
        document: Mapping[str, Any] | None = None,
        answer: Mapping[str, Any] | None = None,
        failure: Failure | None = None,
        reason: str = "",
    ) -> Outcome:
        command = self.command
        return Outcome(
            command_id=command.id,
            revision=command.revision,
            hash=command.hash,
            account=command.account,
            order_key=command.order_key,
            kind=command.kind,
            subject=command.subject,
            status=status,
            at=rfc3339(now),
            number=number,
            document=document or {},
            answer=answer or {},
            failure=failure,
            reason=reason,
            attempts=self.kept_attempts(),
        )

    def found(self, verdict: Verdict, reason: str, now: datetime) -> Ending:
        """What is there is what was asked for, or is not."""
        if isinstance(verdict, Contradiction):
            ending = self.refused(verdict.failure, now, look_first=reason != "adopted")
            # What our send made is there: that a stale read does not show it to the next revision proves nothing.
            return replace(ending, doubt=self.sent) if self.sends else ending
        number, document = verdict.number, verdict.document
        return Ending(self.outcome(OutcomeStatus.DONE, now, number=number, document=document, reason=reason))

    def refused(self, failure: Failure, now: datetime, *, look_first: bool = False) -> Ending:
        """Refused; what is still in doubt is remembered, for the revision that may follow."""
        outcome = self.outcome(OutcomeStatus.REFUSED, now, failure=failure)
        return Ending(outcome, look_first=look_first, doubt=self.sent if self.in_doubt else NEVER)

    def given_up(self, last: str, now: datetime) -> Ending:
        """It keeps failing while others on the account succeed."""
        may_stand = self.sends > 0 or self.in_doubt or self.former is not None  # of this revision, or of an earlier one
        kind = ErrorKind.UNKNOWN_OUTCOME if may_stand else ErrorKind.REFUSED
        message = f"given up after {self.sends} sends while others on the account succeeded; last: {last}"
        return self.refused(
            Failure(kind, sentence(message), disposition="attempts-exhausted"), now, look_first=may_stand
        )

    def withheld(self, reason: str, now: datetime, document: Mapping[str, Any] | None = None) -> Ending:
        """Not sent, by design. The entry of the command that superseded this one takes its place in the table."""
        outcome = self.outcome(OutcomeStatus.WITHHELD, now, reason=reason, document=document)
        return Ending(outcome, keep=reason != "superseded")

    def answered(self, answer: Mapping[str, Any], now: datetime) -> Ending:
        return Ending(self.outcome(OutcomeStatus.ANSWERED, now, answer=answer), keep=False)
