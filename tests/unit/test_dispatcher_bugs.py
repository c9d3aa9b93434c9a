"""A fault of ours in what is done for one command ends that command, and no other (E09 stops a whole account)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agents.dispatcher.entries import Begun, Ended, decode
from agents.dispatcher.vendor import Bug
from streams.adapter import Calls
from streams.commands import Command, Failure, Outcome
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.dispatcher_bench import LIMITS, Bench, ScriptedAdapter, bench, command

__all__ = ["bench"]

DONE, REFUSED, WITHHELD = OutcomeStatus.DONE, OutcomeStatus.REFUSED, OutcomeStatus.WITHHELD
DOUBT = LIMITS.longest_execution_seconds + LIMITS.read_lag_seconds


def revised(asked: Command, revision: int = 2, **changes: Any) -> Command:
    """As a person's retry has it decided again."""
    return replace(asked, revision=revision, row_stamp=(1, revision), **changes)


def failure(outcome: Outcome) -> Failure:
    assert outcome.failure is not None
    return outcome.failure


WHERE: dict[str, dict[str, Any]] = {
    "looked up": {"look_first": True},
    "candidates": {"adopt_since": "2026-11-01T00:00:00Z"},
    "before the call": {},
    "in the call": {},
    "read back": {},
}


@pytest.mark.parametrize("where", WHERE)
async def test_a_fault_of_ours_ends_at_its_command(bench: Bench, where: str) -> None:
    """Wherever it is raised: one refusal of kind `bug` says what and where; its record is over, others go on."""
    faulty = command(order="bad", **WHERE[where])
    others = [command(order=str(number)) for number in range(10)]
    bench.vendor.bugs["bad"] = where
    bench.ask(faulty, *others)
    await bench.rest(restarts=False)
    assert {bench.last(one).status for one in others} == {DONE}
    (outcome,) = bench.outcomes(faulty)
    said = failure(outcome)
    assert (outcome.status, said.kind, said.type, said.owner) == (REFUSED, ErrorKind.BUG, "ValueError", None)
    assert said.message.startswith(f"ValueError: no amount ? in {where} (")
    assert "tests/dispatcher_bench.py:" in said.message and said.message.endswith(" in _fail)")
    assert "in _fail: raise ValueError" in said.stack
    assert bench.process.gate.snapshot().slots == 0
    assert len(bench.brokers.acknowledged) == len(bench.brokers.commands)


@pytest.mark.parametrize("where", ["in the call", "read back"])
async def test_a_fault_after_the_call_keeps_the_doubt_for_the_next_revision(bench: Bench, where: str) -> None:
    """The document is there. Retried by the mended build it is found: one document, and no second send."""
    asked = command()
    bench.vendor.bugs["5001"] = where
    bench.ask(asked)
    await bench.rest(restarts=False)
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended)
    assert entry.in_doubt and entry.look_first
    bench.vendor.bugs.clear()
    bench.ask(revised(asked))
    await bench.rest(within=5)
    assert (bench.last(asked).status, bench.last(asked).reason, bench.last(asked).number) == (DONE, "found", "D1")
    assert (len(bench.vendor.made), bench.vendor.creates[asked.id]) == (1, 1)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_an_earlier_revision_made_is_done_as_it_was_made(bench: Bench, times: int, killed: bool) -> None:
    """Its end was never heard of, and what is wanted has changed since: the document is that revision's, and the order
    compares it with what it wants now; however often it was decided anew meanwhile, and whoever owns the account."""
    asked = command(amount="10.00")
    bench.vendor.bugs["5001"] = "read back"
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.vendor.bugs["5001"] = "looked up"
    for revision in range(2, times + 1):
        bench.ask(command(amount=f"1{revision}.00", revision=revision))
        await bench.rest(restarts=False)
    if killed:
        await bench.kill()
        await bench.restart()
    bench.vendor.bugs.clear()
    bench.ask(command(amount="20.00", revision=times + 1))
    await bench.rest(within=60)
    last = bench.last(asked)
    assert (last.status, last.reason, last.number) == (DONE, "found", "D1")
    assert (last.revision, last.hash) == (asked.revision, asked.hash)
    assert bench.vendor.creates[asked.id] == 1


async def test_what_fits_no_revision_that_was_sent_is_a_mismatch(bench: Bench) -> None:
    asked = command(amount="10.00")
    bench.vendor.bugs["5001"] = "read back"
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.vendor.made[0].amount = "11.00"
    bench.vendor.bugs.clear()
    bench.ask(command(amount="20.00", revision=2))
    await bench.rest(within=5)
    assert failure(bench.last(asked)).message == "document D1 is not what was asked for: amount 11.00, wanted 20.00"


@pytest.mark.parametrize("enforces", [False, True])
async def test_what_was_seen_otherwise_than_asked_for_is_not_absent_in_a_stale_read(
    bench: Bench, enforces: bool
) -> None:
    """It was read back with another amount; a moment later the search does not show it yet. Nothing is made beside it
    or over it: the next revision waits until it is shown, and says the same."""
    bench.vendor.enforces, bench.vendor.stores = enforces, "11.00"
    bench.vendor.read_lag = LIMITS.read_lag_seconds - 1
    asked = command(amount="10.00")
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.MISMATCH
    bench.vendor.stores = None
    bench.ask(command(amount="20.00", revision=2))
    await bench.rest(within=60)
    said = failure(bench.last(asked))
    assert (said.kind, bench.last(asked).revision) == (ErrorKind.MISMATCH, 2)
    assert (bench.vendor.creates[asked.id], [made.amount for made in bench.vendor.made]) == (1, ["11.00"])


async def test_a_retry_of_what_may_come_late_waits_as_after_any_doubt(bench: Bench) -> None:
    """Nothing is to be found yet: the retry sends only when the first send can no longer be applied."""
    asked = command()

    class Late(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Any:
            made = await super().create(command, calls)
            if bench.vendor.creates[asked.id] == 1:
                bench.vendor.made.clear()  # a stale read sees nothing of it
                raise ValueError
            return made

    bench.process.session.dispatch.vendor._adapter = Late(bench.vendor, bench.limits)
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.ask(revised(asked))
    await bench.clock.advance(DOUBT)
    assert bench.vendor.creates[asked.id] == 1
    await bench.rest(restarts=False)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("created", 2)


async def test_another_content_is_not_sent_over_what_cannot_be_seen_yet(bench: Bench) -> None:
    """Under a reference that is enforced a send is an update: while the first revision's document may turn up, the
    second one only looks. What the first made is done as it was made, and nothing was written over it."""
    asked = command(amount="10.00")
    bench.vendor.enforces, bench.vendor.read_lag = True, LIMITS.read_lag_seconds - 1
    bench.vendor.bugs["5001"] = "read back"
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.vendor.bugs.clear()
    bench.ask(command(amount="20.00", revision=2))
    await bench.rest(within=60)
    last = bench.last(asked)
    assert (last.status, last.reason, last.revision) == (DONE, "found", 1)
    assert (bench.vendor.creates[asked.id], bench.vendor.made[0].amount) == (1, "10.00")


async def test_the_same_content_is_sent_again_at_once_where_references_are_enforced(bench: Bench) -> None:
    """A retry of just what was sent changes nothing that may be there, so it does not wait for the doubt to end."""
    asked = command()
    bench.vendor.enforces = True
    bench.vendor.bugs["5001"] = "in the call"
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.vendor.made.clear()
    bench.vendor.bugs.clear()
    bench.ask(revised(asked))
    await bench.rest(within=5)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("created", 2)


async def test_once_absence_is_believed_the_other_content_is_sent_and_resent_at_once(bench: Bench) -> None:
    """The first revision's document never came: the second is sent, and its own doubt is a doubt of one content."""
    asked = command(amount="10.00")
    bench.vendor.enforces = True
    bench.vendor.bugs["5001"] = "in the call"
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.vendor.made.clear()
    bench.vendor.bugs.clear()
    bench.vendor.faults.append("reset-before")
    bench.ask(command(amount="20.00", revision=2))
    await bench.clock.advance(LIMITS.longest_execution_seconds)
    assert bench.vendor.creates[asked.id] == 1
    await bench.rest(within=60)  # the rest of the doubt, and no second one
    last = bench.last(asked)
    assert (last.status, last.reason, last.revision, bench.vendor.creates[asked.id]) == (DONE, "created", 2, 3)


async def test_a_fault_before_the_call_leaves_no_doubt(bench: Bench) -> None:
    """Nothing was sent: the mended build looks once, and sends at once."""
    asked = command()
    bench.vendor.bugs["5001"] = "before the call"
    bench.ask(asked)
    await bench.rest(restarts=False)
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended)
    assert not entry.in_doubt and entry.look_first
    bench.vendor.bugs.clear()
    bench.ask(revised(asked))
    await bench.rest(within=2)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id], bench.vendor.reads) == ("created", 1, 1)


async def test_a_fault_in_the_look_up_keeps_the_doubt_there_was(bench: Bench) -> None:
    """The first send was cut off and is applied late; the look-up fails by our own fault; the retry finds it."""
    asked = command()
    bench.vendor.faults.append("late")
    bench.vendor.bugs["5001"] = "looked up"
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.BUG
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended) and entry.in_doubt
    bench.ask(revised(asked))  # the build is not mended yet
    await bench.rest(restarts=False)
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended) and entry.in_doubt
    assert entry.outcome.revision == 2
    bench.vendor.bugs.clear()
    bench.ask(revised(asked, 3))
    await bench.rest(restarts=False)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id], len(bench.vendor.made)) == ("found", 1, 1)


async def test_a_fault_in_whether_a_resend_is_safe_keeps_the_doubt(bench: Bench) -> None:
    """The question is about one command, too."""
    asked = command()
    bench.vendor.faults.append("reset-before")
    bench.vendor.bugs["5001"] = "enforced"
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.BUG
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended) and entry.in_doubt


async def test_a_void_of_a_command_in_doubt_whose_look_up_fails_is_no_end_of_the_doubt(bench: Bench) -> None:
    """Both revisions end as `bug`; the next void looks again and tells of the document, so that it is reversed."""
    asked = command()
    bench.vendor.faults.append("reset-after")
    bench.vendor.bugs["5001"] = "looked up"
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.creates[asked.id] == 1)
    bench.ask(revised(asked, void=True))
    await bench.rest(restarts=False)
    assert [(outcome.revision, failure(outcome).kind) for outcome in bench.outcomes(asked)] == [
        (1, ErrorKind.BUG),
        (2, ErrorKind.BUG),
    ]
    bench.vendor.bugs.clear()
    bench.ask(revised(asked, 3, void=True))
    await bench.rest(restarts=False)
    assert (bench.last(asked).status, bench.last(asked).number) == (DONE, "D1")


async def test_a_fault_in_a_question_ends_the_question(bench: Bench) -> None:
    """Refused as `bug`, without a memory: asked again after the mend it is answered."""
    asked = command(kind=DocumentKind.ORDER_SNAPSHOT, subject="")
    bench.vendor.bugs["5001"] = "answered"
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert (bench.last(asked).status, failure(bench.last(asked)).kind) == (REFUSED, ErrorKind.BUG)
    assert not bench.brokers.changelog
    bench.vendor.bugs.clear()
    bench.ask(revised(asked))
    await bench.rest(restarts=False)
    assert bench.last(asked).status is OutcomeStatus.ANSWERED


async def test_a_fault_in_a_shadows_comparison_ends_the_shadow(bench: Bench) -> None:
    """L02: nothing is sent, before and after; the live command of the cut-over looks first."""
    asked = command(shadow=True)
    bench.vendor.bugs["5001"] = "candidates"
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.BUG
    bench.vendor.bugs.clear()
    bench.ask(revised(asked, shadow=False))
    await bench.rest(restarts=False)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("created", 1)


async def test_an_end_that_is_read_again_is_told_again(bench: Bench) -> None:
    """The same record once more: the same refusal, and nothing is tried."""
    asked = command()
    bench.vendor.bugs["5001"] = "in the call"
    bench.ask(asked)
    await bench.rest(restarts=False)
    bench.vendor.bugs.clear()
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert [failure(outcome).kind for outcome in bench.outcomes(asked)] == [ErrorKind.BUG] * 2
    assert bench.vendor.creates[asked.id] == 1


@pytest.mark.parametrize(
    "answer",
    [{"total": {1, 2}}, {"total": "\ud800"}, {"total": 2**70}, {"deep": None}],
    ids=["set", "text", "int", "deep"],
)
async def test_an_answer_that_cannot_be_written_down_is_a_fault_of_one_question(
    bench: Bench, answer: dict[str, Any]
) -> None:
    """Nothing that a vendor or an adapter says comes as far as the brokers and fails there."""
    if "deep" in answer:
        for _ in range(250):
            answer["deep"] = [answer["deep"]]
    asked = command(kind=DocumentKind.ORDER_SNAPSHOT, subject="")
    other = command()
    bench.vendor.says = answer
    bench.ask(asked, other)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.BUG
    assert bench.last(other).status is DONE


@pytest.mark.parametrize(
    "answer", [{"lines": [{}]}, {"found": "0"}, {"found": 0, "lines": {}}, {"found": 0, "total": 9}], ids=str
)
async def test_an_answer_that_its_reader_would_not_take_is_a_fault_of_one_question(
    bench: Bench, answer: dict[str, Any]
) -> None:
    """The sequencer would take the outcome for none, and the order would wait for ever."""
    asked = command(kind=DocumentKind.ORDER_SNAPSHOT, subject="")
    bench.vendor.says = answer
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.BUG
    assert failure(bench.last(asked)).message.startswith("Misshapen: answer")
    bench.vendor.says = {}
    bench.ask(revised(asked))
    await bench.rest(restarts=False)
    assert bench.last(asked).status is OutcomeStatus.ANSWERED


async def test_an_answer_too_large_for_a_record_is_refused(bench: Bench) -> None:
    """The brokers would refuse the outcome, and the process would end, for ever."""
    asked = command(kind=DocumentKind.ORDER_SNAPSHOT, subject="")
    bench.vendor.says = {"lines": ["x" * 1000] * 600}
    bench.ask(asked)
    await bench.rest(restarts=False)
    said = failure(bench.last(asked))
    assert (said.kind, bench.last(asked).status) == (ErrorKind.TOO_LARGE, REFUSED)
    assert said.message.endswith("see what makes it so large")
    assert "524,288" in said.message
    assert not bench.last(asked).answer


@pytest.mark.parametrize("odd", [{"lines": ({"quantity": {1}},)}, {"number": 7}, {"lines": 5}], ids=str)
async def test_a_document_that_cannot_be_told_of_stays_in_doubt(bench: Bench, odd: dict[str, Any]) -> None:
    """It was made: the retry of a mended build finds it."""
    asked = command()

    class Odd(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Any:
            made = await super().create(command, calls)
            return replace(made, **odd)

    bench.process.session.dispatch.vendor._adapter = Odd(bench.vendor, bench.limits)
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).kind is ErrorKind.BUG
    bench.process.session.dispatch.vendor._adapter = ScriptedAdapter(bench.vendor, bench.limits)
    bench.ask(revised(asked))
    await bench.rest(restarts=False)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("found", 1)


async def test_the_lines_of_a_document_too_large_for_a_record_are_left_out(bench: Bench) -> None:
    """Done is done, whatever the document has on it."""
    asked = command()

    class Long(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Any:
            made = await super().create(command, calls)
            return replace(made, lines=({"text": "x" * 1000},) * 600)

    bench.process.session.dispatch.vendor._adapter = Long(bench.vendor, bench.limits)
    bench.ask(asked)
    await bench.rest(restarts=False)
    outcome = bench.last(asked)
    assert (outcome.status, outcome.number, outcome.document["lines"]) == (DONE, "D1", [])
    assert outcome.document["amount"] == "10.00"


async def test_a_cancellation_that_nobody_asked_for_ends_the_command_alone(bench: Bench) -> None:
    """What the adapter waited for was cancelled, not we: the order's lane must not stand still for ever."""
    asked, behind = command(), command(subject="rf2")

    class Torn(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Any:
            made = await super().create(command, calls)
            if command.id == asked.id:
                inner = asyncio.ensure_future(asyncio.sleep(3600))
                inner.cancel()
                await inner
            return made

    bench.process.session.dispatch.vendor._adapter = Torn(bench.vendor, bench.limits)
    bench.ask(asked, behind)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).type == "CancelledError"
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Ended) and entry.in_doubt
    assert bench.last(behind).status is DONE


async def test_what_cannot_say_what_it_is_is_a_fault_like_any_other(bench: Bench) -> None:
    """An exception whose text fails by itself does not get past the guard."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Silent(ScriptedAdapter):
        async def create(self, command: Command, calls: Calls) -> Any:
            async with calls.call("create", write=True):
                raise Mute

    bench.process.session.dispatch.vendor._adapter = Silent(bench.vendor, bench.limits)
    asked = command()
    bench.ask(asked)
    await bench.rest(restarts=False)
    assert failure(bench.last(asked)).message.startswith("Mute: (it cannot say what it is) (")
    assert [attempt.result for attempt in bench.last(asked).attempts] == ["Mute: (it cannot say what it is)"]


async def test_faults_of_ours_say_nothing_about_the_account(bench: Bench) -> None:
    """Eight commands fail by our own fault: the breaker stays shut, nothing is held against them, no slot is kept."""
    asked = [command(order=f"bad-{number}") for number in range(8)]
    bench.vendor.bugs |= {one.order_key: "in the call" for one in asked}
    bench.ask(*asked)
    await bench.rest(restarts=False)
    snapshot = bench.process.gate.snapshot()
    assert (snapshot.totals.opened, snapshot.totals.failed, snapshot.totals.cuts) == (0, 0, 0)
    assert (snapshot.slots, snapshot.in_flight, snapshot.limit) == (0, 0, LIMITS.concurrency)
    assert [bench.process.gate.held_against(one.id) for one in asked] == [0] * 8
    good = command(order="good")
    bench.ask(good)
    await bench.rest(within=1)
    assert bench.last(good).status is DONE


async def test_an_error_of_the_table_is_not_taken_for_the_vendors(bench: Bench) -> None:
    """A write to the brokers that times out ends the process: it is neither retried as a call nor one command's."""
    asked = command()
    write = bench.process.write

    async def failing(command_id: str, entry: Begun | Ended) -> None:
        raise TimeoutError("the brokers do not answer")

    bench.process.write = failing  # type: ignore[method-assign]
    bench.ask(asked)
    with pytest.raises(TimeoutError):
        await bench.rest(restarts=False)
    assert not bench.vendor.creates
    bench.process.failure = None
    bench.process.write = write  # type: ignore[method-assign]


async def test_an_outcome_that_cannot_be_published_ends_the_process(bench: Bench) -> None:
    """The end is not written either, so that the next process tells it."""
    asked = command()

    async def failing(outcome: Outcome) -> None:
        raise ConnectionError("the brokers are away")

    bench.process.publish = failing  # type: ignore[method-assign]
    bench.ask(asked)
    with pytest.raises(ConnectionError):
        await bench.rest(restarts=False)
    bench.process.failure = None
    await bench.restart()
    await bench.rest()
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("found", 1)


async def test_almost_all_failing_by_our_own_fault_stops_the_account(bench: Bench) -> None:
    """E09: at the twentieth the process stops, and nobody is told of that one; a mended build does it all.

    What was refused can be retried, what was in hand is in doubt or read again, and no document is made twice.
    """
    asked = [command(order=str(number)) for number in range(40)]
    bench.vendor.bugs = {one.order_key: "read back" for one in asked}
    bench.ask(*asked)
    with pytest.raises(Exception, match="of the last 20 records could not be processed") as stopped:
        await bench.rest(restarts=False)
    assert type(stopped.value).__name__ == "DeployStopped"
    assert len(bench.process.alarms) >= 1 and "20 of the last 20" in bench.process.alarms[0]
    refused = list(bench.brokers.outcomes)
    assert 20 - LIMITS.concurrency <= len(refused) < 20
    bench.process.failure = None
    bench.vendor.bugs.clear()
    await bench.restart()
    await bench.rest(restarts=False)
    assert [one.id for one in asked if bench.last(one).status is REFUSED] == [one.command_id for one in refused]
    bench.ask(*(revised(one) for one in asked if bench.last(one).status is REFUSED))
    await bench.rest(restarts=False)
    assert {bench.last(one).status for one in asked} == {DONE}
    assert [len(bench.vendor.held(one.id)) for one in asked] == [1] * 40


async def test_some_failing_by_our_own_fault_stops_nothing(bench: Bench) -> None:
    """E09 counts a share: of sixty commands twenty-five are faulty, mixed with others, and all sixty end."""
    asked = [command(order=str(number)) for number in range(60)]
    bench.vendor.bugs = {one.order_key: "in the call" for one in asked if int(one.order_key) % 12 < 5}
    bench.ask(*asked)
    await bench.rest(restarts=False)
    ends = [bench.last(one).status for one in asked]
    assert (ends.count(REFUSED), ends.count(DONE)) == (25, 35)


async def test_refusals_of_the_vendor_never_stop_the_account(bench: Bench) -> None:
    """E09 counts faults of ours, not the world's: forty refusals in a row are forty refusals."""
    asked = [command(order=str(number)) for number in range(40)]
    bench.vendor.fault_of = {one.order_key: "refuse" for one in asked}
    bench.ask(*asked)
    await bench.rest(restarts=False)
    assert {bench.last(one).status for one in asked} == {REFUSED}


def test_a_fault_says_where_it_was() -> None:
    """Type, text, file, line and function; the stack is kept at its end."""

    def inner(numbers: Mapping[str, int]) -> int:
        return numbers["amount"]

    def deep(level: int) -> int:
        return deep(level - 1) if level else inner({})

    try:
        deep(30)
    except KeyError as error:
        bug = Bug(error)
    assert str(bug) == "KeyError: 'amount'"
    said = bug.failure
    assert said.message.startswith("KeyError: 'amount' (tests/unit/test_dispatcher_bugs.py:")
    assert said.message.endswith(" in inner)")
    assert (said.kind, said.type, said.disposition) == (ErrorKind.BUG, "KeyError", "rejected")
    lines = said.stack.splitlines()
    assert lines[-1].endswith('in inner: return numbers["amount"]')
    assert len(said.stack) <= 1500 and 10 < len(lines) <= 20
    assert Failure.from_json(said.as_json()) == said


async def test_a_send_that_is_over_is_remembered_by_no_later_entry(bench: Bench) -> None:
    """Throttled is not applied, and what is believed not to be there will not come: the table says so itself, so that
    whoever reads only its newest record knows as much as whoever reads all of them."""
    asked = command()
    bench.vendor.faults.append("throttle")
    bench.ask(asked)
    await bench.rest(restarts=False)
    entries = [decode(value) for key, value in bench.brokers.changelog if key == asked.id]
    begun = [entry for entry in entries if isinstance(entry, Begun)]
    assert [entry.sends for entry in begun][-1] == 2
    assert begun[-1].former is None
    assert begun[-1].settled >= begun[0].doubt
