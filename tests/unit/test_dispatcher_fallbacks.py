"""The dispatcher's seldom branches: raw errors of a connection, patience, what is kept, what is not asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from agents.clock import rfc3339
from agents.dispatcher.calls import RecordedCalls, TooLate
from agents.dispatcher.case import Case, Ending, Wait
from agents.dispatcher.doubt import (
    LONGEST_ANSWER,
    Contradiction,
    Proof,
    adoptable,
    judge,
    listed,
    send_within,
    settled_after_call,
    settled_after_crash,
    size_of,
)
from agents.dispatcher.entries import NEVER, Begun, Ended
from agents.dispatcher.ports import Patience
from agents.dispatcher.protocol import _counts_as_absent
from agents.dispatcher.schedule import Job, Schedule
from agents.dispatcher.vendor import failure_of
from agents.gate import Slot
from streams.adapter import Calls, Document, Limits, Refused, Throttled, Unavailable
from streams.commands import Attempt, Command, Failure, Outcome
from streams.vocabulary import CommandClass, DocumentKind, ErrorKind, OutcomeStatus, Owner
from tests.clock import START
from tests.dispatcher_bench import LIMITS, Bench, ScriptedAdapter, bench, command

__all__ = ["bench"]

DONE, REFUSED, WITHHELD = OutcomeStatus.DONE, OutcomeStatus.REFUSED, OutcomeStatus.WITHHELD
NOTE = DocumentKind.CREDIT_NOTE
RAW = [ConnectionResetError("reset"), TimeoutError(), aiohttp.ServerDisconnectedError()]


def revised(asked: Command, revision: int = 2, **changes: Any) -> Command:
    return replace(asked, revision=revision, row_stamp=(1, revision), **changes)


def use(bench: Bench, adapter: ScriptedAdapter) -> None:
    bench.process.session.dispatch.vendor._adapter = adapter


# -- a connection's own errors, where an adapter lets them through


@pytest.mark.parametrize("error", RAW, ids=lambda error: type(error).__name__)
async def test_a_raw_error_of_a_send_is_doubt(bench: Bench, error: Exception) -> None:
    """The document was made: it is looked up, and not sent again."""

    class Raw(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Document:
            async with calls.call("create", write=True):
                await self.vendor.create(command)
                raise error

    use(bench, Raw(bench.vendor, bench.limits))
    asked = command()
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("found", 1)


@pytest.mark.parametrize("error", RAW, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["look_up", "candidates", "answer"])
async def test_a_raw_error_of_a_read_is_no_answer(bench: Bench, error: Exception, where: str) -> None:
    """Neither "nothing there" nor the end of the command: it is asked again."""
    times: list[str] = []

    class Raw(ScriptedAdapter):
        async def _first(self, name: str, calls: Calls) -> None:
            if name == where:
                times.append(name)
                if len(times) == 1:
                    async with calls.call(name):
                        raise error

        async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
            await self._first("look_up", calls)
            return await super().look_up(command, calls)

        async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
            await self._first("candidates", calls)
            return await super().candidates(command, calls)

        async def answer(self, command: Command, calls: Calls) -> Any:
            await self._first("answer", calls)
            return await super().answer(command, calls)

    use(bench, Raw(bench.vendor, bench.limits))
    asked = command(look_first=True, adopt_since="2026-11-01T00:00:00Z")
    if where == "answer":
        asked = command(kind=DocumentKind.INVOICE)
    else:
        bench.vendor.add(asked.id if where == "look_up" else "", "10.00")
    bench.ask(asked)
    await bench.rest(within=30, restarts=False)
    outcome = bench.last(asked)
    assert len(times) == 2
    assert outcome.reason == {"look_up": "found", "candidates": "adopted", "answer": ""}[where]
    assert not bench.vendor.creates
    assert bench.process.gate.snapshot().totals.failed == 1


# -- what is not asked, and not remembered


async def test_a_fresh_command_is_sent_without_asking_first(bench: Bench) -> None:
    """One call, no look-up."""
    bench.ask(command())
    await bench.rest(within=1)
    assert (bench.vendor.reads, len(bench.vendor.made)) == (0, 1)


async def test_after_a_withheld_void_the_next_revision_is_sent_without_asking(bench: Bench) -> None:
    """Nothing can stand of what was never sent."""
    asked = command()
    bench.ask(replace(asked, void=True))
    await bench.rest()
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended) and not entry.look_first and not entry.in_doubt
    bench.ask(revised(asked))
    await bench.rest(within=1)
    assert (bench.last(asked).reason, bench.vendor.reads) == ("created", 0)


async def test_after_a_plain_refusal_the_next_revision_is_sent_without_asking(bench: Bench) -> None:
    """The vendor said no to the whole of it."""
    asked = command()
    bench.vendor.faults.append("refuse")
    bench.ask(asked)
    await bench.rest()
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended) and not entry.look_first
    assert entry.settled == (bench.process.epoch, bench.last(asked).at) == entry.written
    bench.ask(revised(asked))
    await bench.rest(within=1)
    assert (bench.last(asked).reason, bench.vendor.reads) == ("created", 0)


async def test_a_refused_question_is_not_remembered(bench: Bench) -> None:
    """It has no effect, so there is nothing that a later one had to know."""
    asked = command(kind=DocumentKind.AVAILABILITY)
    bench.vendor.refuses_reads = True
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).status, bench.brokers.changelog) == (REFUSED, [])


async def test_a_look_up_that_is_refused_is_made_again_by_the_next_revision(bench: Bench) -> None:
    """Whether something stands was never learnt; nothing was sent, so nothing is waited for."""
    asked = command(look_first=True)
    bench.vendor.refuses_reads = True
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None and failure.kind is ErrorKind.INVALID
    bench.vendor.refuses_reads = False
    made = bench.vendor.add(asked.id, "10.00")
    bench.ask(revised(asked, look_first=False))
    await bench.rest(within=2)
    assert (bench.last(asked).reason, bench.last(asked).number) == ("found", made.number)


async def test_what_a_predecessor_may_have_sent_is_not_superseded(bench: Bench) -> None:
    """The later revision waits behind it in the lane: first it is looked up, and what stands is told of both."""
    asked = command()
    made = bench.vendor.add(asked.id, "10.00")
    mark = (0, "2026-11-27T09:00:00.000Z")
    bench.process.remember(asked.id, Begun(asked, mark, 1, doubt=mark))
    await bench.kill()
    bench.brokers.commands.append(command(revision=2, amount="12.00"))
    await bench.restart()
    await bench.rest()
    told = [(outcome.revision, outcome.status, outcome.number) for outcome in bench.outcomes(asked)]
    assert told == [(1, DONE, made.number)] * 2
    assert not bench.vendor.creates


async def test_a_shadow_tells_what_has_its_reference_too(bench: Bench) -> None:
    """L02: found by reference, and what could be adopted, each with its differences."""
    asked = command(shadow=True)
    bench.vendor.add(asked.id, "9.00")
    bench.vendor.add("", "10.00")
    bench.ask(asked)
    await bench.rest()
    there = bench.last(asked).document
    assert [(found["number"], found["differences"]) for found in there["found"]] == [
        ("D1", ["amount 9.00, wanted 10.00"])
    ]
    assert [(found["number"], found["differences"]) for found in there["candidates"]] == [("D2", [])]


@pytest.mark.parametrize("kind", [NOTE, DocumentKind.INVOICE])
async def test_a_void_of_what_was_never_begun_asks_nothing(bench: Bench, kind: DocumentKind) -> None:
    """Neither the vendor nor a look-up; a question called off is withheld likewise."""
    asked = command(kind=kind, void=True)
    bench.ask(asked)
    await bench.rest(within=1)
    assert (bench.last(asked).status, bench.last(asked).reason) == (WITHHELD, "void")
    assert (bench.vendor.reads, dict(bench.vendor.creates)) == (0, {})


async def test_a_shadow_that_is_void_or_refused_is_withheld_and_says_why(bench: Bench) -> None:
    """L02: nothing is ever sent, whatever the vendor says to the look-up."""
    void = command(shadow=True, void=True)
    bench.ask(void)
    await bench.rest()
    assert (bench.last(void).reason, bench.vendor.reads) == ("void", 0)
    bench.vendor.refuses_reads = True
    shadow = command(subject="rf2", shadow=True)
    bench.ask(shadow)
    await bench.rest()
    outcome = bench.last(shadow)
    assert (outcome.status, outcome.reason) == (WITHHELD, "shadow")
    assert outcome.document["refused"]["kind"] == "invalid"


async def test_a_refused_search_for_documents_made_by_hand_is_a_refusal(bench: Bench) -> None:
    """L01: what cannot be searched must not be made a second time; nothing was sent, so nothing is in doubt."""

    class Shy(ScriptedAdapter):
        async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
            async with calls.call("candidates"):
                raise Refused(ErrorKind.INVALID, "no such field", code="F", type="t", owner=Owner.FINANCE)

    use(bench, Shy(bench.vendor, bench.limits))
    asked = command(adopt_since="2026-11-20T00:00:00Z")
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure == Failure(ErrorKind.INVALID, "no such field", "F", "t", Owner.FINANCE)
    assert not bench.vendor.creates


async def test_what_was_begun_is_not_adopted(bench: Bench) -> None:
    """L01 is for what nobody of us has sent: after a lost send the search would find another's document."""
    asked = command(adopt_since="2026-11-20T00:00:00Z")
    bench.vendor.faults.append("reset-before")
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.creates[asked.id] == 1)
    bench.vendor.add("", "10.00")
    await bench.rest()
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("created", 2)


# -- "already exists"


async def test_already_exists_on_a_first_send_is_success_by_look_up(bench: Bench) -> None:
    """A predecessor's send that nobody knows of: the document that has our reference is the one, and is done."""
    asked = command()
    bench.vendor.enforces = True
    made = bench.vendor.add(asked.id, "10.00")
    bench.ask(asked)
    await bench.rest(within=0.5)  # looked up at once
    assert (bench.last(asked).status, bench.last(asked).reason, bench.last(asked).number) == (
        DONE,
        "found",
        made.number,
    )
    assert (len(bench.vendor.made), bench.vendor.creates[asked.id]) == (1, 1)


async def test_already_exists_with_another_body_is_a_mismatch(bench: Bench) -> None:
    """Whose it is cannot be told: a person must look."""
    asked = command()
    bench.vendor.enforces = True
    bench.vendor.add(asked.id, "9.00")
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None and failure.kind is ErrorKind.MISMATCH


async def test_already_exists_waits_out_the_lag_of_reads_and_no_longer(bench: Bench) -> None:
    """Found as soon as reads have caught up; where nothing is found after the declared lag, the refusal stands."""
    asked, other = command(), command(order="6001")
    bench.vendor.enforces = True
    bench.vendor.read_lag = LIMITS.read_lag_seconds - 1
    bench.vendor.add(asked.id, "10.00")
    bench.ask(asked)
    await bench.rest(within=LIMITS.read_lag_seconds + 20)
    assert bench.last(asked).reason == "found"
    bench.vendor.read_lag = 10_000
    bench.vendor.add(other.id, "10.00")
    began = bench.clock.elapsed()
    bench.ask(other)
    await bench.rest()
    failure = bench.last(other).failure
    assert failure is not None and failure.kind is ErrorKind.DUPLICATE
    assert LIMITS.read_lag_seconds <= bench.clock.elapsed() - began <= LIMITS.read_lag_seconds + 20
    assert bench.vendor.creates[other.id] == 1


async def test_a_refusal_after_doubt_is_final_only_when_nothing_is_found(bench: Bench) -> None:
    """Where references are enforced the resend comes at once; its plain refusal says nothing of the first send."""
    asked = command()
    bench.vendor.enforces = True
    bench.vendor.faults.extend(["late", "refuse"])
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).status, bench.last(asked).reason) == (DONE, "found")
    other = command(order="6001")
    bench.vendor.faults.extend(["reset-before", "refuse"])
    bench.ask(other)
    await bench.rest()
    failure = bench.last(other).failure
    assert failure is not None and failure.kind is ErrorKind.CLOSED
    assert bench.vendor.creates[other.id] == 2


async def test_a_refusal_after_an_acknowledged_write_is_doubt(bench: Bench) -> None:
    """Of two writes the first was answered with a yes: something exists, and is found."""

    class Twofold(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Document:
            await super().create(command, calls)
            async with calls.call("second", write=True):
                raise Refused(ErrorKind.INVALID, "no such line")

    use(bench, Twofold(bench.vendor, bench.limits))
    asked = command()
    bench.vendor.read_lag = 20  # longer than a refusal alone would be waited for
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).status, bench.last(asked).reason, bench.vendor.creates[asked.id]) == (DONE, "found", 1)


async def test_a_throttle_after_an_acknowledged_write_is_doubt(bench: Bench) -> None:
    """It was the reading back that failed; an unavailable account likewise."""
    for error in (Throttled("too many"), Unavailable("away")):

        class Unread(ScriptedAdapter):
            failing: Exception = error

            async def create(self, command: Command, calls: Calls) -> Document:
                await super().create(command, calls)
                async with calls.call("read back"):
                    raise self.failing

        use(bench, Unread(bench.vendor, bench.limits))
        asked = command(order=type(error).__name__)
        bench.ask(asked)
        await bench.rest()
        assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("found", 1)


# -- the lease, and being stopped


async def test_without_the_lease_the_adapter_is_not_even_asked_to_send(bench: Bench) -> None:
    """It would read first, and a read by a worker that lost the account comes on top of its successor's."""
    began: list[str] = []

    class Noting(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Document:
            began.append(command.id)
            return await super().create(command, calls)

    use(bench, Noting(bench.vendor, bench.limits))
    hooks = bench.reach

    def reach(name: str) -> None:
        hooks(name)
        if name == "dispatcher.begun-written":
            bench.process.lease_holds = bench.reached[name] > 1

    bench.reach = reach  # type: ignore[method-assign]
    asked = command()
    bench.ask(asked)
    await bench.clock.advance(3)
    assert not began
    bench.process.lease_holds = True
    await bench.rest(within=3)
    assert began == [asked.id]


async def test_a_stop_lets_the_call_end_and_begins_nothing_behind_it(bench: Bench) -> None:
    """Of one order's two commands the one in flight ends; the next is the next owner's."""
    first, behind = command(), command(subject="rf2")
    bench.ask(first, behind)
    await bench.clock.until(lambda: bench.vendor.in_flight == 1)
    assert await bench.stop()
    bench.process.session.offer(Job(command(order="late"), CommandClass.MONEY))
    await bench.clock.advance(5)
    assert (bench.last(first).status, bench.outcomes(behind)) == (DONE, [])
    assert bench.vendor.order_of_creates == [first.id]


async def test_what_is_cut_off_has_ended_when_the_stop_returns(bench: Bench) -> None:
    """Nothing of the session goes on beside the next one."""
    bench.vendor.faults.append("hang")
    bench.ask(command())
    await bench.clock.until(lambda: bench.vendor.in_flight == 1)
    session = bench.process.session
    running = list(session._tasks)
    assert await session.stop(0) is False
    assert [task.done() for task in running] == [True]
    assert not session._tasks


async def test_a_stop_does_not_wait_for_doubt(bench: Bench) -> None:
    """Between two looks nothing is being sent or written: the next owner goes on from the table."""
    asked = command()
    bench.vendor.faults.append("reset-before")
    bench.ask(asked)
    await bench.clock.advance(20)
    before = bench.clock.elapsed()
    assert await bench.stop()
    assert bench.clock.elapsed() - before < 0.2
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Begun) and entry.in_doubt


async def test_a_stop_lets_the_end_be_written(bench: Bench) -> None:
    """The outcome is out: an end that is cut off would be told, and looked for, once more."""
    stopping: list[asyncio.Task[bool]] = []
    hooks = bench.reach

    def reach(name: str) -> None:
        hooks(name)
        if name == "dispatcher.outcome-published":
            stopping.append(asyncio.create_task(bench.process.session.stop(10)))

    bench.reach = reach  # type: ignore[method-assign]
    asked = command(look_first=True)
    bench.vendor.add(asked.id, "10.00")
    bench.ask(asked)
    await bench.clock.until(lambda: bool(stopping) and stopping[0].done())
    assert stopping[0].result()
    assert isinstance(bench.process.get(asked.id), Ended)
    assert bench.brokers.acknowledged == {0}


@pytest.mark.parametrize("fault", ["hang", "throttle"])
async def test_being_stopped_is_no_fault_of_the_process(bench: Bench, fault: str) -> None:
    """While a call runs into its deadline, or before one that waits: nothing is raised beyond the task."""
    bench.vendor.asks_to_wait = 100.0
    bench.vendor.faults.append(fault)
    one, two = command(order="1"), command(order="2")
    bench.ask(one, two)
    await bench.clock.advance(1)
    assert await bench.stop()
    assert bench.process.failure is None
    if fault == "hang":
        entry = bench.process.get(one.id)
        assert isinstance(entry, Begun) and entry.in_doubt


# -- patience


@pytest.fixture
async def impatient(bench: Bench) -> Bench:
    """A bench that gives a command up after three failures in at least a hundred seconds."""
    bench.patience = Patience(attempts=3, attempts_over_seconds=100)
    await bench.restart()
    await bench.clock.advance(10)
    return bench


async def test_a_command_is_given_up_after_its_failures_and_its_time(impatient: Bench) -> None:
    """Neither the one nor the other alone; then its outcome says how often it was sent and what came last."""
    poison = command(order="bad")
    impatient.vendor.fault_of["bad"] = "reset-before"
    impatient.ask(poison)
    began = impatient.clock.elapsed()
    for number in range(40):
        impatient.ask(command(order=str(number)))
        await impatient.clock.advance(10)
        if impatient.outcomes(poison):
            break
    failure = impatient.last(poison).failure
    assert failure is not None
    assert (failure.kind, failure.disposition) == (ErrorKind.UNKNOWN_OUTCOME, "attempts-exhausted")
    assert failure.message.startswith("given up after 3 sends while others on the account succeeded; last: ")
    assert impatient.clock.elapsed() - began >= 100
    entry = impatient.process.get(poison.id)
    assert isinstance(entry, Ended) and entry.look_first
    assert impatient.process.gate.held_against(poison.id) == 0  # forgotten with its end


async def test_in_an_outage_nothing_is_given_up_however_long_it_lasts(impatient: Bench) -> None:
    """Nobody succeeds meanwhile: it is the account (E02)."""
    asked = command()
    impatient.vendor.fault_of["5001"] = "unreachable"
    impatient.ask(asked)
    await impatient.clock.advance(1000)
    assert not impatient.outcomes(asked)
    impatient.vendor.fault_of.clear()
    await impatient.rest(within=120)
    assert impatient.last(asked).status is DONE


async def test_an_outage_gives_nobody_up_for_what_was_before(impatient: Bench) -> None:
    """It failed often enough while the account flapped; the time of the outage is not held against it (E02)."""
    asked = command(order="bad")
    impatient.vendor.fault_of["bad"] = "unreachable"
    impatient.ask(asked)
    for number in range(40):
        impatient.ask(command(order=str(number)))
        await impatient.clock.advance(2)
        if impatient.process.gate.held_against(asked.id) >= 3:
            break
    assert impatient.process.gate.held_against(asked.id) >= 3
    impatient.vendor.down = "unreachable"
    await impatient.clock.advance(1000)
    assert not impatient.outcomes(asked)
    impatient.vendor.down = ""
    impatient.vendor.fault_of.clear()
    await impatient.rest(within=120)
    assert impatient.last(asked).status is DONE


class Blind(ScriptedAdapter):
    """Cannot look up what is of one order."""

    async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        if command.order_key != "bad":
            return await super().look_up(command, calls)
        async with calls.call("look up"):
            raise Unavailable("no answer")


async def test_what_an_earlier_revision_sent_is_not_plainly_refused_when_it_is_given_up(impatient: Bench) -> None:
    """The document is there and cannot be looked up: nobody knows, whatever this revision itself has sent."""
    poison = command(order="bad", amount="10.00")
    impatient.vendor.bugs["bad"] = "read back"
    impatient.ask(poison)
    await impatient.rest(restarts=False)
    impatient.vendor.bugs.clear()
    use(impatient, Blind(impatient.vendor, impatient.limits))
    impatient.ask(command(order="bad", amount="20.00", revision=2))
    for number in range(40):
        impatient.ask(command(order=str(number), look_first=True))
        await impatient.clock.advance(10)
        if impatient.last(poison).revision == 2:
            break
    failure = impatient.last(poison).failure
    assert failure is not None and (failure.kind, impatient.last(poison).revision) == (ErrorKind.UNKNOWN_OUTCOME, 2)
    entry = impatient.process.get(poison.id)
    assert isinstance(entry, Ended) and entry.look_first and entry.in_doubt


async def test_what_was_never_sent_and_is_given_up_is_a_plain_refusal(impatient: Bench) -> None:
    """Its look-up fails again and again while others succeed: nothing can stand of it."""
    use(impatient, Blind(impatient.vendor, impatient.limits))
    poison = command(order="bad", look_first=True)
    impatient.ask(poison)
    began = impatient.clock.elapsed()
    for number in range(40):
        impatient.ask(command(order=str(number), look_first=True))
        await impatient.clock.advance(10)
        if impatient.outcomes(poison):
            break
    failure = impatient.last(poison).failure
    assert failure is not None
    assert (failure.kind, failure.disposition) == (ErrorKind.REFUSED, "attempts-exhausted")
    assert impatient.clock.elapsed() - began >= 100, "a flapping account passes"
    assert failure.message.endswith(
        "given up after 0 sends while others on the account succeeded; last: Unavailable: no answer"
    )
    entry = impatient.process.get(poison.id)
    assert isinstance(entry, Ended) and not entry.look_first


def test_patience_is_what_the_guarantees_say() -> None:
    """Five failures over at least five minutes; a quarter of a minute between turns at most."""
    patience = Patience()
    assert (patience.attempts, patience.attempts_over_seconds) == (5, 300)
    assert (patience.first_backoff_seconds, patience.longest_backoff_seconds) == (0.5, 15)
    assert patience.lease_poll_seconds == 0.25


async def test_turns_are_spaced_by_pauses_that_double_up_to_a_quarter_of_a_minute(bench: Bench) -> None:
    """Each drawn from the upper half of its ceiling: what failed together does not come back together."""
    dispatch, asked = bench.process.session.dispatch, command()
    for turns, ceiling in ((0, 0.5), (1, 1), (3, 4), (5, 15), (16, 15), (5000, 15)):
        waits = {dispatch._back_off(Case(Job(asked, asked.klass), asked, turns=turns)).seconds for _ in range(200)}
        assert ceiling / 2 <= min(waits) < ceiling * 0.6
        assert ceiling * 0.9 < max(waits) <= ceiling


async def test_after_a_cut_off_send_it_is_looked_at_once_and_then_ever_less_often(bench: Bench) -> None:
    """The first look comes without a pause; between looks no slot is held."""
    asked = command()
    bench.vendor.faults.append("reset-before")
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.reads == 1, within=0.3)
    looks = []
    while bench.vendor.creates[asked.id] == 1:
        seen = bench.vendor.reads
        await bench.clock.until(lambda seen=seen: bench.vendor.reads > seen or bench.vendor.creates[asked.id] > 1)
        looks.append(bench.clock.elapsed())
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert gaps[0] < 2 < max(gaps) <= 15.1
    assert len(looks) < 20


async def test_the_last_look_comes_when_absence_can_be_believed(bench: Bench) -> None:
    """Not one pause later: the command is sent again as soon as it may be."""
    asked = command()
    bench.vendor.faults.append("reset-before")
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.reads == 1)
    cut_off = bench.clock.elapsed()
    await bench.clock.until(lambda: bench.vendor.creates[asked.id] == 2)
    wait = LIMITS.longest_execution_seconds + LIMITS.read_lag_seconds
    look = 0.05  # seconds that the vendor takes to answer it
    assert wait - 1 <= bench.clock.elapsed() - cut_off < wait + 2 * look


# -- what is kept


async def test_the_last_twenty_attempts_are_kept(bench: Bench) -> None:
    """They tell why; an outcome must not grow with an outage."""
    asked = command()
    case = Case(Job(asked, asked.klass), asked)
    case.attempts = [Attempt(f"{number:03}", "create", "Throttled") for number in range(50)]
    assert [attempt.at for attempt in case.kept_attempts()] == [f"{number:03}" for number in range(30, 50)]
    assert case.withheld("void", START).outcome.attempts == case.kept_attempts()


async def test_attempts_survive_the_process(bench: Bench) -> None:
    """Begun keeps them, and so the outcome has those of the process before."""
    asked = command()
    bench.vendor.faults.extend(["throttle", "reset-after"])
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.creates[asked.id] == 2)
    await bench.clock.advance(0.2)
    await bench.restart()
    await bench.rest()
    results = [attempt.result.split(":")[0] for attempt in bench.last(asked).attempts]
    assert results[:1] == ["Throttled"] and results[-1] == "ok"


async def test_begun_counts_the_sends(bench: Bench) -> None:
    """One for the first, one more for each resend, over processes."""
    asked = command()
    bench.vendor.faults.extend(["reset-before"] * 3)
    bench.ask(asked)
    for sends in (1, 2, 3):
        await bench.clock.until(lambda sends=sends: bench.vendor.creates[asked.id] == sends)
        entry = bench.process.get(asked.id)
        assert isinstance(entry, Begun)
        assert (entry.sends, entry.in_doubt, entry.doubt[0]) == (sends, True, bench.process.epoch)
        if sends == 2:
            await bench.restart()
    await bench.rest()


async def test_a_command_behind_one_in_doubt_is_kept_as_not_sent(bench: Bench) -> None:
    """Its record may be acknowledged since the table has its body; it is not in doubt, and one that is known is not
    written over."""
    first, behind = command(), command(subject="rf2")
    done = command(subject="rf0")
    bench.ask(done)
    await bench.rest()
    bench.vendor.faults.append("reset-before")
    bench.ask(first, behind, replace(done))
    await bench.clock.advance(20)
    entry = bench.process.get(behind.id)
    assert isinstance(entry, Begun)
    assert (entry.sends, entry.in_doubt, entry.command) == (0, False, behind)
    assert isinstance(bench.process.get(done.id), Ended)
    assert bench.brokers.acknowledged == {0, 1, 2}  # not the repeat: the table has no body for it to come back from
    await bench.rest()
    assert [made.reference for made in bench.vendor.made] == [done.id, first.id, behind.id]


# -- revisions


@pytest.mark.parametrize(
    ("ended", "asked", "absent"),
    [
        ((1, DONE, ""), revised(command(), 9), False),
        ((1, REFUSED, ""), command(), False),
        ((1, REFUSED, ""), revised(command()), True),
        ((2, REFUSED, ""), command(), False),
        ((1, WITHHELD, "shadow"), command(), True),
        ((1, WITHHELD, "shadow"), command(shadow=True), False),
        ((1, WITHHELD, "void"), command(), False),
        ((1, WITHHELD, "void"), revised(command()), True),
        ((1, REFUSED, ""), command(amount="12.00"), False),
        ((1, REFUSED, ""), command(amount="12.00", row_stamp=(1, 2)), True),
    ],
)
def test_which_command_may_be_begun_after_an_end(
    ended: tuple[int, OutcomeStatus, str], asked: Command, absent: bool
) -> None:
    """A later one, never after done; the same one only where a shadow of it is to be sent now."""
    revision, status, reason = ended
    outcome = Outcome(
        asked.id, revision, command().hash, "erp", "5001", NOTE, "rf1", status, rfc3339(START), reason=reason
    )
    assert _counts_as_absent(Ended(outcome, (1, revision), (1, "1")), asked) is absent


async def test_the_one_superseded_in_the_table_is_told_of(bench: Bench) -> None:
    """A body that was only kept gives way to a later revision; to an earlier one it does not."""
    kept = revised(command(), 2)
    bench.process.remember(kept.id, Begun(kept, (1, "1"), attempts=(Attempt("1", "create", "Throttled"),)))
    bench.ask(command(amount="1.00"))
    await bench.rest()
    assert [(o.revision, o.reason) for o in bench.outcomes(kept)] == [(1, "superseded")]
    newer = command(revision=3, amount="12.00")
    bench.ask(newer)
    await bench.rest()
    assert [(o.revision, o.reason) for o in bench.outcomes(kept)] == [
        (1, "superseded"),
        (2, "superseded"),
        (3, "created"),
    ]
    assert [[attempt.result for attempt in outcome.attempts] for outcome in bench.outcomes(kept)[1:]] == [
        ["Throttled"],
        ["Throttled", "ok"],
    ]
    assert [made.amount for made in bench.vendor.made] == ["12.00"]


async def test_the_same_command_kept_in_the_table_is_carried_once(bench: Bench) -> None:
    """Read again after a crash: nobody is told that it was superseded by itself."""
    kept = command()
    bench.process.remember(kept.id, Begun(kept, (1, "1")))
    bench.ask(kept)
    await bench.rest()
    assert [(o.revision, o.reason) for o in bench.outcomes(kept)] == [(1, "created")]


async def test_a_shadow_does_not_take_up_anothers_doubt(bench: Bench) -> None:
    """It sends nothing, so there is nothing to wait for; the entry in doubt is compared, and kept for who sends."""
    asked = command()
    outcome = Outcome(asked.id, 1, asked.hash, "erp", "5001", NOTE, "rf1", REFUSED, rfc3339(START))
    mark = (1, rfc3339(START))
    bench.process.remember(asked.id, Ended(outcome, (1, 1), mark, look_first=True, doubt=mark))
    bench.ask(revised(asked, shadow=True))
    await bench.rest(within=2)
    assert bench.last(asked).reason == "shadow"
    other = command(subject="rf2", shadow=True)
    bench.process.rows[other.id] = b"\xff"
    bench.ask(other)
    await bench.rest(within=2)
    assert bench.last(other).reason == "shadow"


async def test_an_unreadable_time_of_a_doubt_counts_from_the_take_over(bench: Bench) -> None:
    """Not from never: the send may be a moment old."""
    asked = command()
    epoch = bench.process.epoch
    bench.process.remember(asked.id, Begun(asked, (epoch, "x"), 1, doubt=(epoch, "yesterday")))
    bench.ask(asked)
    await bench.clock.advance(60)
    assert not bench.vendor.creates
    await bench.rest()
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("created", 1)


# -- the pure parts


def document(number: str = "D1", *differences: str, **more: Any) -> Document:
    return Document(number, NOTE, external_ref="ref", amount="10.00", differences=differences, **more)


def test_what_documents_prove() -> None:
    """None, one that fits, one that does not, several."""
    assert judge(()) is None
    assert judge((document(),)) == Proof("D1", document().as_json())
    assert judge((document("D1", "amount 9.00, wanted 10.00", "no line l2"),)) == Contradiction(
        Failure(ErrorKind.MISMATCH, "document D1 is not what was asked for: amount 9.00, wanted 10.00; no line l2")
    )
    assert judge((document(), document("D2"))) == Contradiction(
        Failure(ErrorKind.DUPLICATE, "2 documents carry this command's reference: D1, D2")
    )


def test_what_may_be_adopted() -> None:
    """Exactly one that fits; those that differ do not count."""
    assert adoptable(()) is None
    assert adoptable((document("D1", "amount"),)) is None
    assert adoptable((document("D1", "amount"), document("D2"))) == Proof("D2", document("D2").as_json())
    assert adoptable((document(), document("D2"), document("D3", "amount"))) == Contradiction(
        Failure(ErrorKind.DUPLICATE, "2 documents made by hand fit this command: D1, D2")
    )


def test_a_shadow_shows_documents_with_their_differences() -> None:
    """So that whoever compares sees why one would not be taken."""
    assert listed((document("D1", "amount"),)) == [{**document().as_json(), "differences": ["amount"]}]


def test_what_is_kept_of_a_document_is_bounded() -> None:
    """Up to the limit all of it; beyond it without its lines."""
    bare = size_of({**document().as_json(), "lines": [{"text": ""}]})
    fits = document(lines=({"text": "x" * (LONGEST_ANSWER - bare)},))
    too_long = document(lines=({"text": "x" * (LONGEST_ANSWER - bare + 1)},))
    kept, cut = judge((fits,)), judge((too_long,))
    assert isinstance(kept, Proof) and isinstance(cut, Proof)
    assert (len(kept.document["lines"]), cut.document["lines"], cut.document["amount"]) == (1, [], "10.00")
    with pytest.raises(TypeError):
        size_of({"text": {1}})


def test_the_moments_from_which_absence_is_believed() -> None:
    """After a crash, after a call that was cut off, and how long a write may wait for its turn."""
    limits = Limits(deadline_seconds=7, window_seconds=50, longest_execution_seconds=300, read_lag_seconds=20)
    assert send_within(limits) == 57
    assert settled_after_crash(START, limits) - START == timedelta(seconds=57 + 7 + 300 + 20)
    assert settled_after_call(START, limits) - START == timedelta(seconds=320)


def test_a_vendors_no_is_told_in_full_and_within_bounds() -> None:
    """Kind, sentence, code, type and owner; no text that no record could carry."""
    told = failure_of(Refused(ErrorKind.CLOSED, "no \ud800" + "x" * 3000, code="C", type="t", owner=Owner.CX))
    assert (told.kind, told.code, told.type, told.owner) == (ErrorKind.CLOSED, "C", "t", Owner.CX)
    assert told.message == "no ?" + "x" * 1996
    assert (told.disposition, told.stack) == ("rejected", "")


def test_how_a_command_can_end() -> None:
    """What the table remembers beside the outcome."""
    asked = command()
    case = Case(Job(asked, asked.klass), asked, sent=(3, "9"))
    failure = Failure(ErrorKind.CLOSED, "closed")
    assert case.refused(failure, START).doubt == NEVER
    assert not case.refused(failure, START).look_first
    case.doubt_until(START)
    assert case.in_doubt and case.refused(failure, START).doubt == (3, "9")
    case.doubt_until(START - timedelta(seconds=9))
    assert case.believed_from == START
    case.doubt_until(START + timedelta(seconds=9))
    assert case.believed_from == START + timedelta(seconds=9)
    wrong = Contradiction(failure)
    assert [case.found(wrong, reason, START).look_first for reason in ("found", "created", "adopted")] == [
        True,
        True,
        False,
    ]
    done = case.found(Proof("D1", {"number": "D1"}), "found", START)
    assert (done.keep, done.look_first, done.doubt, done.is_bug) == (True, False, NEVER, False)
    assert (done.outcome.number, done.outcome.document, done.outcome.reason) == ("D1", {"number": "D1"}, "found")
    assert done.outcome.answer == {} and done.outcome.failure is None
    assert not case.withheld("superseded", START).keep and case.withheld("void", START).keep
    answered = case.answered({"at": "x"}, START)
    assert (answered.keep, answered.outcome.answer, answered.outcome.reason) == (False, {"at": "x"}, "")
    assert answered.outcome.number == "" and answered.outcome.document == {}
    assert case.refused(Failure(ErrorKind.BUG, "ours"), START).is_bug
    assert not case.refused(failure, START).is_bug
    assert Ending(done.outcome) == Ending(done.outcome, keep=True, look_first=False, doubt=NEVER)


def test_a_case_is_its_jobs_while_nothing_older_is_taken_to_its_end_for_it() -> None:
    """By revision and content."""
    asked = command()
    job = Job(asked, asked.klass)
    assert Case(job, asked).is_the_jobs
    assert not Case(job, revised(asked)).is_the_jobs
    assert not Case(job, replace(asked, hash="other")).is_the_jobs


async def test_a_write_that_waited_too_long_is_not_sent(bench: Bench) -> None:
    """And what was sent is noted: started, acknowledged, with how it ended."""
    asked = command()
    job = Job(asked, asked.klass)
    async with bench.process.gate.slot(CommandClass.MONEY, asked.id) as slot:
        assert isinstance(slot, Slot)
        calls = RecordedCalls(slot, bench.clock, job, attempts := [])
        async with calls.call("read"):
            pass
        assert (calls.wrote, calls.acknowledged, job.sending) == (False, False, False)
        calls.write_within(5)
        bench.clock._elapsed += 5
        async with calls.call("write", write=True):
            assert calls.wrote and job.sending and not calls.acknowledged
        assert calls.acknowledged
        bench.clock._elapsed += 0.001
        with pytest.raises(TooLate, match="late"):
            async with calls.call("late", write=True):
                raise AssertionError("not reached")
        async with calls.call("read late"):
            pass
        with pytest.raises(ValueError, match="odd"):
            async with calls.call("odd"):
                raise ValueError("odd" + "x" * 600)
    assert [(attempt.call, attempt.result[:16]) for attempt in attempts] == [
        ("read", "ok"),
        ("write", "ok"),
        ("read late", "ok"),
        ("odd", "ValueError: oddx"),
    ]
    assert len(attempts[-1].result) == 500
    assert attempts[0].at == "2026-11-27T09:30:00.000Z"


# -- lanes and room


def test_the_head_alone_can_end() -> None:
    """Anything else would acknowledge what was not carried."""
    schedule = Schedule()
    first, second = Job(command(), CommandClass.MONEY), Job(command(subject="rf2"), CommandClass.MONEY)
    schedule.offer(first)
    schedule.offer(second)
    assert (len(schedule), schedule.head(first.lane), schedule.behind(first)) == (2, first, [second])
    assert schedule.taken() == {CommandClass.MONEY: 2, CommandClass.GOODS: 0, CommandClass.BULK: 0}
    with pytest.raises(RuntimeError, match="only the head"):
        schedule.end(second)


def test_a_lane_that_is_empty_is_forgotten() -> None:
    """Orders without number come and go; the next command of one starts its lane again."""
    schedule = Schedule()
    job = Job(command(), CommandClass.MONEY)
    assert schedule.offer(job)
    schedule.end(job)
    assert (len(schedule), schedule.head(job.lane), schedule.behind(job), dict(schedule._lanes)) == (0, None, [], {})
    assert schedule.offer(Job(command(), CommandClass.MONEY))


def test_the_window_is_divided_by_weight_and_nobody_gets_nothing() -> None:
    """Seventy, twenty, ten; at least one place each. What is resumed from the table takes none."""
    schedule = Schedule(window=1000)
    assert list(schedule._places.values()) == [700, 200, 100] == list(Schedule()._places.values())
    assert list(Schedule(window=1)._places.values()) == [1, 1, 1]
    schedule = Schedule(window=10)
    schedule.offer(Job(command(), CommandClass.BULK, counted=False))
    assert schedule.has_room(CommandClass.BULK)
    schedule.offer(Job(command(subject="x"), CommandClass.BULK))
    assert not schedule.has_room(CommandClass.BULK)


def test_only_a_later_command_with_the_same_id_supersedes() -> None:
    """Not itself, not another's, not an earlier one."""
    schedule = Schedule()
    job = Job(revised(command(), 2), CommandClass.MONEY)
    schedule.offer(job)
    schedule.offer(Job(command(), CommandClass.MONEY))
    schedule.offer(Job(command(subject="rf2", revision=9), CommandClass.MONEY))
    schedule.offer(Job(revised(command(), 2), CommandClass.MONEY))
    assert not schedule.superseded(job)
    schedule.offer(Job(revised(command(), 3), CommandClass.MONEY))
    assert schedule.superseded(job)


def test_a_wait_says_how_long() -> None:
    """In seconds, and nothing else."""
    assert Wait(2.5).seconds == 2.5
