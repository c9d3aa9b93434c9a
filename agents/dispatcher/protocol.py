"""One command carried through the dispatcher's protocol (DESIGN "The dispatcher's protocol"), numbered as there.

    0. One owner; a slot at the gate before anything is sent (the actor, and `agents.gate`).
    1. Ask the table what is known of the command's id.
    2. Absent: write `begun`, wait for the brokers, check the lease, call.
    3. `begun` and no end: in doubt. Look up; send again only when "not there" can be believed.
    4. Publish the outcome, wait; write the end, wait; the input may be acknowledged.

A process that ends in any gap leaves either nothing, or `begun`, from which step 3 goes on. A fault of ours in what is
done for one command ends that command, as a refusal of kind `bug` that keeps its doubt; only what cannot be written
down, and the stop for a bad deploy, end the process.
"""

from __future__ import annotations

import asyncio
import random as random_module
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from agents import faultpoints
from agents.clock import Clock, rfc3339
from agents.described import described
from agents.dispatcher.adopting import Adoptions
from agents.dispatcher.calls import RecordedCalls, TooLate
from agents.dispatcher.case import Case, Ending, Wait
from agents.dispatcher.deploy import Deploy, DeployStopped
from agents.dispatcher.doubt import Contradiction, Proof, send_within, settled_after_call, settled_after_crash
from agents.dispatcher.entries import NEVER, Begun, Ended, Mark, Sent, Unreadable, rank
from agents.dispatcher.ports import Adapter, Alarms, Holding, Outcomes, Patience, Slots, Table
from agents.dispatcher.schedule import Job, Schedule
from agents.dispatcher.vendor import Bug, Vendor, failure_of
from agents.lease import LeaseLost
from streams.adapter import InDoubt, Refused, SignInRefused, Throttled, Unavailable
from streams.commands import Command
from streams.vocabulary import ErrorKind, OutcomeStatus

Turn = Callable[[Case, RecordedCalls], Awaitable[Ending | Wait]]

_NOT_APPLIED = (Throttled, Unavailable, SignInRefused, LeaseLost, TooLate)
_SHORTEST_LOOK_SECONDS = 0.05


class Dispatch:
    """Carries the commands of one account."""

    def __init__(
        self,
        *,
        adapter: Adapter,
        gate: Slots,
        table: Table,
        outcomes: Outcomes,
        lease: Holding,
        alarms: Alarms,
        schedule: Schedule,
        deploy: Deploy,
        clock: Clock,
        random: random_module.Random,
        patience: Patience | None = None,
    ) -> None:
        self.vendor = Vendor(adapter)
        self.gate = gate
        self.table = table
        self.outcomes = outcomes
        self.lease = lease
        self.alarms = alarms
        self.schedule = schedule
        self.deploy = deploy
        self.clock = clock
        self.random = random
        self.patience = patience or Patience()
        self._since = clock.now()
        self._adoptions = Adoptions(table)

    async def carry(self, job: Job) -> None:
        """Take one command, the head of its order's lane, to its end."""
        command = job.command
        if command.kind.is_question:
            # No effect, so no `begun` and no memory: asking again is harmless.
            await self._run(Case(job, command), self._ask)
            return
        # 1. What is known of this id?
        entry = self.table.get(command.id)
        faultpoints.reach("dispatcher.after-read")
        if isinstance(entry, Begun) and entry.in_doubt:
            # Frozen: what was begun runs to its end first, whatever is wanted now.
            frozen = self._doubtful(job, entry)
            await self._run(frozen, self._turn)
            if frozen.is_the_jobs:
                return
            entry = self.table.get(command.id)
        case = Case(job, command)
        match entry:
            case Ended() if not _counts_as_absent(entry, command):
                again = entry.outcome
                if again.status is not OutcomeStatus.DONE and rank(command) < entry.rank:
                    again = case.withheld("superseded", self.clock.now()).outcome
                await self.outcomes.publish(again)
                return
            case Begun(command=older) if rank(command) < rank(older):
                await self.outcomes.publish(case.withheld("superseded", self.clock.now()).outcome)
                return
            case Begun(command=older, attempts=attempts):
                case.attempts = list(attempts)
                if rank(command) > rank(older):
                    former = Case(job, older, attempts=list(attempts))
                    await self.outcomes.publish(former.withheld("superseded", self.clock.now()).outcome)
            case Ended():
                case.look_first, case.former = entry.look_first, entry.former
                if entry.in_doubt and not command.shadow:
                    # Given up in doubt before: the doubt is this revision's too, and must outlive this process.
                    case = await self._inherit_doubt(job, entry.doubt, entry.former)
            case Unreadable() if not command.shadow:
                case = await self._inherit_doubt(job, self._mark())
            case _:
                pass
        await self._run(case, self._look_only if command.shadow else self._turn)

    def _doubtful(self, job: Job, begun: Begun) -> Case:
        return Case(
            job,
            begun.command,
            begun=True,
            sends=begun.sends,
            sent=begun.doubt,
            settled=begun.settled,
            believed_from=settled_after_crash(self._begun_at(begun), self.vendor.limits),
            attempts=list(begun.attempts),
            former=begun.former,
        )

    def _begun_at(self, begun: Begun) -> datetime:
        """The latest at which a send can have been begun, by our clock: a predecessor's clock may be wrong, but all it
        did was before we took over."""
        epoch, at = begun.doubt
        return _moment(at, otherwise=self._since) if epoch == self.table.epoch else self._since

    async def _inherit_doubt(self, job: Job, since: Mark, former: Sent | None = None) -> Case:
        begun = Begun(job.command, self._mark(), doubt=since, former=former)
        await self.table.write(job.command.id, begun)
        return self._doubtful(job, begun)

    async def _run(self, case: Case, turn: Turn) -> None:
        """Turns at a command until one ends it; between them no slot is held."""
        while True:
            done = await self._one_turn(case, turn)
            if isinstance(done, Ending):
                await self._end(case, done)
                return
            case.job.sending = False
            case.turns += 1
            if case.in_doubt:
                await self._let_go(case)
            await self.clock.sleep(done.seconds)

    async def _let_go(self, case: Case) -> None:
        """Doubt may last a quarter of an hour: have the input records acknowledged, the table keeps the bodies."""
        if case.begun and case.is_the_jobs:
            self.schedule.let_go(case.job)
        for job in self.schedule.behind(case.job):
            if job.counted and self.table.get(job.command.id) is None:
                await self.table.write(job.command.id, Begun(job.command, self._mark()))
                self.schedule.let_go(job)

    async def _one_turn(self, case: Case, turn: Turn) -> Ending | Wait:
        if not self.lease.holds():
            return Wait(self.patience.lease_poll_seconds)
        if self._is_superseded(case):
            return case.withheld("superseded", self.clock.now())
        try:
            async with self.gate.slot(case.job.klass, case.command.id) as slot:
                if self._is_superseded(case):
                    return case.withheld("superseded", self.clock.now())
                return await turn(case, RecordedCalls(slot, self.clock, case.job, case.attempts))
        except (InDoubt, *_NOT_APPLIED) as error:
            return await self._came_to_nothing(case, error)
        except Bug as bug:
            return case.refused(bug.failure, self.clock.now(), look_first=True)

    def _is_superseded(self, case: Case) -> bool:
        return not case.begun and self.schedule.superseded(case.job)

    async def _turn(self, case: Case, calls: RecordedCalls) -> Ending | Wait:
        """One turn inside a slot: look where one must, then send."""
        command = case.command
        if case.in_doubt or case.look_first or (command.look_first and not case.sends):
            unfinished = await self._look(case, calls)
            if unfinished is not None:
                return unfinished
        if command.void:
            return case.withheld("void", self.clock.now())
        if command.adopt_since is not None and not case.begun:
            try:
                adopted = await self.vendor.adoptable(command, calls, self._adoptions)
            except Refused as error:
                return case.refused(failure_of(error), self.clock.now())
            if adopted is not None:
                return case.found(adopted, "adopted", self.clock.now())
        return await self._send(case, calls)

    async def _look(self, case: Case, calls: RecordedCalls) -> Ending | Wait | None:
        """Step 3. None: nothing is there, and it may be sent."""
        command = case.command
        asked = self.clock.now()
        try:
            verdict = await self.vendor.look_up(command, calls)
        except Refused as error:
            failure = failure_of(error)
            if case.in_doubt:
                failure = replace(failure, kind=ErrorKind.UNKNOWN_OUTCOME)
            return case.refused(failure, self.clock.now(), look_first=True)
        if isinstance(verdict, Contradiction) and case.former is not None:
            # It may be what an earlier revision asked for, which was sent and whose end nobody heard of.
            earlier = await self.vendor.look_up(case.former.command, calls)
            if isinstance(earlier, Proof):
                return case.as_former().found(earlier, "found", self.clock.now())
        if verdict is not None:
            return case.found(verdict, "found", self.clock.now())
        if case.believed_from is not None:
            believed = asked >= case.believed_from
            resend_is_safe = (
                case.only_this_was_sent
                and case.refusal is None
                and not command.void
                and self.vendor.reference_enforced(command)
            )
            if not believed and not resend_is_safe:
                rest = (case.believed_from - self.clock.now()).total_seconds()
                return Wait(max(_SHORTEST_LOOK_SECONDS, min(rest, self._back_off(case).seconds)))
            if believed:
                case.settle()
                case.lost += case.acknowledged
                case.believed_from, case.acknowledged = None, False
            if case.refusal is not None:
                return case.refused(failure_of(case.refusal), self.clock.now())
            if case.lost >= self.patience.attempts or self._is_exhausted(case):
                return case.given_up("no document came of it", self.clock.now())
        case.look_first = False
        return None

    async def _send(self, case: Case, calls: RecordedCalls) -> Ending | Wait:
        """Step 2, and what the end of the call means."""
        command = case.command
        was_in_doubt = case.in_doubt
        # 2. Begun, acknowledged by the brokers; the lease; the call.
        case.job.sending = True
        mark = self._mark()
        begun = Begun(
            command,
            mark,
            case.sends + 1,
            doubt=mark,
            settled=case.settled,
            attempts=case.kept_attempts(),
            former=case.last_sent,
        )
        calls.write_within(send_within(self.vendor.limits))
        await self.table.write(command.id, begun)
        faultpoints.reach("dispatcher.begun-written")
        if not self.lease.holds():
            raise LeaseLost("between begun and the call")
        case.begun, case.sends, case.sent = True, begun.sends, mark
        case.job.sending = False
        faultpoints.reach("dispatcher.before-send")
        try:
            try:
                verdict = await self.vendor.create(command, calls)
            finally:
                faultpoints.reach("dispatcher.after-send")
        except asyncio.CancelledError:
            if not calls.wrote and not was_in_doubt:  # we are stopping, and it was not sent
                await self.table.write(command.id, _cleared(begun, case))
            raise
        except Refused as error:
            if was_in_doubt or calls.acknowledged or error.kind is ErrorKind.DUPLICATE:
                # Perhaps refused because an earlier send was applied: success by look-up, else the refusal stands.
                case.refusal = error
                case.doubt_until(self._settled_after(error, calls))
                return Wait(0)
            return case.refused(failure_of(error), self.clock.now())
        except _NOT_APPLIED as error:
            if calls.acknowledged:  # it was the reading back that failed
                return self._unknown(case, calls)
            if not was_in_doubt:
                case.begun, case.settled = False, mark
                if not isinstance(error, LeaseLost):  # without the lease the table is not ours to write
                    await self.table.write(command.id, _cleared(begun, case))
            return await self._came_to_nothing(case, error)
        except InDoubt:
            return self._unknown(case, calls)
        except Bug:
            if calls.wrote:
                case.doubt_until(settled_after_call(self.clock.now(), self.vendor.limits))
            raise
        if verdict is None:
            return self._unknown(case, calls)
        return case.found(verdict, "created", self.clock.now())

    def _unknown(self, case: Case, calls: RecordedCalls) -> Wait:
        """Sent, and its end is not known."""
        self._note_failure(case)
        case.acknowledged = calls.acknowledged
        case.doubt_until(settled_after_call(self.clock.now(), self.vendor.limits))
        return Wait(0) if not case.turns else self._back_off(case)

    def _settled_after(self, error: Refused, calls: RecordedCalls) -> datetime:
        """From when a look-up can be believed after a refusal: that send itself applied nothing, as a rule."""
        now = self.clock.now()
        if calls.acknowledged:
            return settled_after_call(now, self.vendor.limits)
        if error.kind is ErrorKind.DUPLICATE:
            return now + timedelta(seconds=self.vendor.limits.read_lag_seconds)
        return now

    async def _look_only(self, case: Case, calls: RecordedCalls) -> Ending:
        """L02: compare with what is there, send nothing."""
        if case.command.void:
            return case.withheld("void", self.clock.now())
        try:
            there = await self.vendor.compare(case.command, calls)
        except Refused as error:
            return case.withheld("shadow", self.clock.now(), {"refused": failure_of(error).as_json()})
        return case.withheld("shadow", self.clock.now(), there)

    async def _ask(self, case: Case, calls: RecordedCalls) -> Ending:
        if case.command.void:
            return case.withheld("void", self.clock.now())
        try:
            answer = await self.vendor.answer(case.command, calls)
        except Refused as error:
            return case.refused(failure_of(error), self.clock.now())
        return case.answered(answer, self.clock.now())

    async def _end(self, case: Case, ending: Ending) -> None:
        # 4. The outcome, acknowledged by the brokers; the end, likewise; then (by the caller) the input.
        try:
            self.deploy.note_end(bug=ending.is_bug)
        except DeployStopped as stop:  # nobody has been told: the next build takes it up as if we had been killed
            await self.alarms.stopped(str(stop))
            raise
        case.job.sending = True
        await self.outcomes.publish(ending.outcome)
        faultpoints.reach("dispatcher.outcome-published")
        if ending.keep and not case.command.kind.is_question:
            mark = (self.table.epoch, ending.outcome.at)
            settled = NEVER if ending.doubt > NEVER else mark
            ended = Ended(
                ending.outcome,
                case.command.row_stamp,
                mark,
                ending.look_first,
                doubt=ending.doubt,
                settled=settled,
                former=case.last_sent if ending.may_turn_up else None,
            )
            await self.table.write(case.command.id, ended)
        faultpoints.reach("dispatcher.done-written")
        self.gate.forget(case.command.id)

    def _mark(self) -> Mark:
        return self.table.epoch, rfc3339(self.clock.now())

    # Patience.

    async def _came_to_nothing(self, case: Case, error: Exception) -> Ending | Wait:
        """A turn that applied nothing new: try again, unless the command itself is what fails (E02)."""
        if isinstance(error, LeaseLost | TooLate):
            return Wait(self.patience.lease_poll_seconds)
        if isinstance(error, Throttled):  # the gate keeps the account's pause
            return Wait(self.patience.first_backoff_seconds * self.random.random())
        if isinstance(error, SignInRefused):
            await self.alarms.sign_in_refused(case.command.account, str(error))
            return self._back_off(case)
        self._note_failure(case)
        if self._is_exhausted(case):
            return case.given_up(described(error), self.clock.now())
        return self._back_off(case)

    def _note_failure(self, case: Case) -> None:
        if case.failing_since is None:
            case.failing_since = self.clock.elapsed()

    def _is_exhausted(self, case: Case) -> bool:
        """Throttle and outage never give a command up: only its own failures while others succeed, over a while."""
        return (
            case.failing_since is not None
            and self.clock.elapsed() - case.failing_since >= self.patience.attempts_over_seconds
            and self._fails_alone(case.command.id)
        )

    def _fails_alone(self, command_id: str) -> bool:
        """Often enough, and to the last: for an outage that came after nobody is given up."""
        return self.gate.held_against(command_id) >= self.patience.attempts and self.gate.fails_alone(command_id)

    def _back_off(self, case: Case) -> Wait:
        ceiling = self.patience.first_backoff_seconds * 2 ** min(case.turns, 16)
        return Wait(min(ceiling, self.patience.longest_backoff_seconds) * self.random.uniform(0.5, 1.0))


def _counts_as_absent(entry: Ended, command: Command) -> bool:
    """Whether a command may be begun although one with its id has ended: never once it is done."""
    outcome = entry.outcome
    if outcome.status is OutcomeStatus.DONE:
        return False
    if (outcome.revision, outcome.hash) == (command.revision, command.hash):
        return outcome.reason == "shadow" and not command.shadow  # cut-over: it was never sent
    return rank(command) > entry.rank


def _moment(text: str, *, otherwise: datetime) -> datetime:
    """When a mark of the table was, or `otherwise` where that cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else otherwise


def _cleared(begun: Begun, case: Case) -> Begun:
    """Nothing of this send was applied: the entry only keeps the body."""
    return replace(begun, settled=begun.doubt, attempts=case.kept_attempts())
