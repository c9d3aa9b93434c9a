"""One command through the dispatcher's protocol, branch by branch, on a turned clock, with a vendor that doubles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.clock import rfc3339
from agents.dispatcher.doubt import settled_after_crash
from agents.dispatcher.entries import Begun, Ended, encode
from streams.adapter import Limits
from streams.commands import Outcome
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.dispatcher_bench import Bench, bench, command

__all__ = ["bench"]

DONE, REFUSED, WITHHELD = OutcomeStatus.DONE, OutcomeStatus.REFUSED, OutcomeStatus.WITHHELD


async def test_a_command_makes_one_document_and_says_so(bench: Bench) -> None:
    """Absent: begun, call, outcome with its attempts, done, acknowledged."""
    asked = command()
    bench.ask(asked)
    await bench.rest()
    outcome = bench.last(asked)
    assert (outcome.status, outcome.number, outcome.reason, outcome.hash) == (DONE, "D1", "created", asked.hash)
    assert [(attempt.call, attempt.result) for attempt in outcome.attempts] == [("create", "ok")]
    assert [type(entry) for entry in map(bench.process.get, [asked.id])] == [Ended]
    assert bench.vendor.creates[asked.id] == 1


async def test_a_repeat_of_a_done_command_publishes_its_outcome_again(bench: Bench) -> None:
    """Done: nothing is sent, the number is told again; a newer revision hears the old hash, too."""
    asked = command()
    newer = command(revision=2, amount="12.00")
    bench.ask(asked)
    await bench.rest()
    bench.ask(asked, newer, replace(newer, revision=3, void=True))
    await bench.rest()
    assert [(o.status, o.number, o.hash) for o in bench.outcomes(asked)] == [(DONE, "D1", asked.hash)] * 4
    assert bench.vendor.creates[asked.id] == 1


async def test_a_refusal_is_told_again_and_a_new_revision_tries_again(bench: Bench) -> None:
    """Refused of an equal revision stands; of a lower one it counts as absent."""
    asked = command()
    bench.vendor.faults.append("refuse")
    bench.ask(asked, asked)
    await bench.rest()
    assert [o.status for o in bench.outcomes(asked)] == [REFUSED, REFUSED]
    failure = bench.last(asked).failure
    assert failure is not None
    assert (failure.kind, failure.code, failure.disposition) == (ErrorKind.CLOSED, "CLOSED", "rejected")
    bench.ask(replace(asked, revision=2, row_stamp=(1, 2)))
    await bench.rest()
    assert (bench.last(asked).status, bench.last(asked).revision) == (DONE, 2)
    assert bench.vendor.creates[asked.id] == 2


async def test_a_lower_revision_after_a_higher_one_is_superseded(bench: Bench) -> None:
    """A late repeat of an old record does not bring an old body back."""
    bench.vendor.faults.append("refuse")
    bench.ask(command(revision=2))
    await bench.rest()
    old = command(revision=1)
    bench.ask(old)
    await bench.rest()
    assert (bench.last(old).status, bench.last(old).reason, bench.last(old).revision) == (WITHHELD, "superseded", 1)
    assert len(bench.vendor.made) == 0


async def test_of_two_not_begun_the_later_stands(bench: Bench) -> None:
    """The lower revision that still waits is withheld, the higher is sent."""
    before = command(subject="first")
    one, two = command(revision=1), command(revision=2, amount="12.00")
    bench.ask(before, one, two)
    await bench.rest()
    assert [(o.revision, o.status, o.reason) for o in bench.outcomes(one)] == [
        (1, WITHHELD, "superseded"),
        (2, DONE, "created"),
    ]
    assert [made.amount for made in bench.vendor.held(one.id)] == ["12.00"]


async def test_the_higher_row_stamp_stands_whatever_the_revisions(bench: Bench) -> None:
    """A sequencer that lost its partition may still have published: its row's stamp is the older."""
    before = command(subject="first")
    owner = command(revision=2, amount="12.00", row_stamp=(2, 1))
    zombie = command(revision=3, amount="99.00", row_stamp=(1, 9))
    bench.ask(before, owner, zombie)
    await bench.rest()
    assert [made.amount for made in bench.vendor.held(owner.id)] == ["12.00"]
    assert {(o.revision, o.status) for o in bench.outcomes(owner)} == {(2, DONE)}


async def test_begun_is_frozen(bench: Bench) -> None:
    """A newer revision of a begun command waits for its end, and hears of the old document."""
    one, two = command(revision=1), command(revision=2, amount="12.00")
    bench.ask(one)
    await bench.clock.until(lambda: bench.vendor.in_flight == 1)
    bench.ask(two)
    await bench.rest()
    assert [(o.revision, o.status, o.hash) for o in bench.outcomes(one)] == [(1, DONE, one.hash)] * 2


async def test_void_before_begun_is_withheld(bench: Bench) -> None:
    """Nothing is sent for what is no longer wanted."""
    before = command(subject="first")
    one = command()
    bench.ask(before, one, replace(one, revision=2, row_stamp=(1, 2), void=True))
    await bench.rest()
    assert [(o.revision, o.reason) for o in bench.outcomes(one)] == [(1, "superseded"), (2, "void")]
    assert bench.vendor.creates[one.id] == 0


async def test_void_of_a_begun_command_waits_for_its_end(bench: Bench) -> None:
    """It runs to its end; done is what the void hears, so that the sequencer reverses."""
    one = command()
    bench.vendor.faults.append("reset-before")
    bench.ask(one)
    await bench.clock.advance(1)
    bench.ask(replace(one, revision=2, row_stamp=(1, 2), void=True))
    await bench.rest()
    assert [(o.revision, o.status) for o in bench.outcomes(one)] == [(1, DONE), (1, DONE)]


async def test_void_of_a_refused_command_is_withheld(bench: Bench) -> None:
    """Refused of a lower revision counts as absent."""
    one = command()
    bench.vendor.faults.append("refuse")
    bench.ask(one)
    await bench.rest()
    bench.ask(replace(one, revision=2, row_stamp=(1, 2), void=True))
    await bench.rest()
    assert (bench.last(one).status, bench.last(one).reason) == (WITHHELD, "void")


@pytest.mark.parametrize("fault", ["reset-after", "hang-applied", "unread"])
async def test_what_was_applied_before_the_cut_is_found(bench: Bench, fault: str) -> None:
    """In doubt: the look-up by reference finds it; one document, and no second send."""
    asked = command()
    bench.vendor.faults.append(fault)
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).status, bench.last(asked).reason) == (DONE, "found")
    assert (len(bench.vendor.made), bench.vendor.creates[asked.id]) == (1, 1)


@pytest.mark.parametrize("fault", ["reset-before", "hang", "lost"])
async def test_not_there_is_believed_only_after_the_vendors_longest_execution(bench: Bench, fault: str) -> None:
    """Longest execution and read lag pass before it is sent again, and no slot is held meanwhile."""
    asked = command()
    bench.vendor.faults.append(fault)
    bench.ask(asked)
    await bench.clock.advance(69)
    assert bench.vendor.creates[asked.id] == 1
    assert bench.process.gate.snapshot().slots == 0
    await bench.rest(within=60)
    assert (bench.last(asked).reason, len(bench.vendor.made), bench.vendor.creates[asked.id]) == ("created", 1, 2)


async def test_what_is_applied_late_is_found_and_not_sent_again(bench: Bench) -> None:
    """The vendor applies the call 50 s after it was cut off: within what the account declares."""
    asked = command()
    bench.vendor.faults.append("late")
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).reason, len(bench.vendor.made), bench.vendor.creates[asked.id]) == ("found", 1, 1)


async def test_where_references_are_enforced_it_is_sent_again_at_once(bench: Bench) -> None:
    """The vendor keeps the reference unique, so a resend cannot double."""
    bench.vendor.enforces = True
    asked = command()
    bench.vendor.faults.append("reset-before")
    bench.ask(asked)
    await bench.rest(within=5)
    assert (bench.last(asked).reason, len(bench.vendor.made)) == ("created", 1)


async def test_a_refusal_for_a_duplicate_reference_is_success_by_look_up(bench: Bench) -> None:
    """The resend is refused because the first was applied and reads lag: the document is found, and done."""
    bench.vendor.enforces = True
    bench.vendor.read_lag = 5
    asked = command()
    bench.vendor.faults.append("reset-after")
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).status, bench.last(asked).number, len(bench.vendor.made)) == (DONE, "D1", 1)


async def test_a_duplicate_that_cannot_be_found_is_refused(bench: Bench) -> None:
    """The reference is taken, but nothing carries it once reads have caught up: a person must look."""
    asked = command()
    bench.vendor.enforces = True
    bench.vendor.read_lag = 100_000
    bench.vendor.add(asked.id, "10.00")
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None and failure.kind is ErrorKind.DUPLICATE


async def test_a_document_with_another_body_is_a_mismatch_never_done(bench: Bench) -> None:
    """Created wrongly or found so: refused with the differences listed; a retry looks first and does not double."""
    asked = command()
    bench.vendor.stores = "9.00"
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None
    assert failure.kind is ErrorKind.MISMATCH
    assert "D1" in failure.message and "amount 9.00, wanted 10.00" in failure.message
    bench.ask(replace(asked, revision=2, row_stamp=(1, 2)))
    await bench.rest()
    assert (bench.last(asked).revision, bench.last(asked).status) == (2, REFUSED)
    assert len(bench.vendor.made) == 1
    bench.vendor.made[0].amount = "10.00"  # mended by hand
    bench.ask(replace(asked, revision=3, row_stamp=(1, 3)))
    await bench.rest()
    assert (bench.last(asked).revision, bench.last(asked).status, bench.last(asked).reason) == (3, DONE, "found")


async def test_two_documents_with_one_reference_are_named(bench: Bench) -> None:
    """A duplicate that is found is reported with its numbers."""
    asked = command(look_first=True)
    bench.vendor.add(asked.id, "10.00")
    bench.vendor.add(asked.id, "10.00")
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None
    assert failure.kind is ErrorKind.DUPLICATE and "D1, D2" in failure.message
    assert bench.vendor.creates[asked.id] == 0


async def test_look_first_finds_what_another_system_made(bench: Bench) -> None:
    """An order older than the horizon: the document is there, nothing is sent; where it is not, it is sent."""
    there, absent = command(look_first=True), command(subject="rf2", look_first=True)
    bench.vendor.add(there.id, "10.00")
    bench.ask(there, absent)
    await bench.rest()
    assert (bench.last(there).reason, bench.last(absent).reason) == ("found", "created")


async def test_one_document_made_by_hand_is_adopted(bench: Bench) -> None:
    """L01: one candidate that fits; one that differs does not count."""
    asked = command(adopt_since="2026-11-20T00:00:00Z")
    bench.vendor.add("", "10.00")
    bench.vendor.add("", "77.00")
    bench.ask(asked)
    await bench.rest()
    outcome = bench.last(asked)
    assert (outcome.status, outcome.reason, outcome.number) == (DONE, "adopted", "D1")
    assert bench.vendor.creates[asked.id] == 0


@pytest.mark.parametrize("killed", [False, True], ids=["in one go", "after a take-over"])
async def test_what_is_adopted_for_one_command_is_adopted_for_no_other(bench: Bench, killed: bool) -> None:
    """L01: one document by hand and two that want one like it: one adopts it, the other is made."""
    first, second = (
        command(adopt_since="2026-11-20T00:00:00Z"),
        command(subject="rf2", adopt_since="2026-11-20T00:00:00Z"),
    )
    bench.vendor.add("", "10.00")
    bench.ask(first)
    await bench.rest()
    if killed:
        await bench.restart()
    bench.ask(second)
    await bench.rest()
    assert (bench.last(first).number, bench.last(first).reason) == ("D1", "adopted")
    assert (bench.last(second).number, bench.last(second).reason) == ("D2", "created")


async def test_of_two_orders_that_are_called_alike_one_adopts(bench: Bench) -> None:
    """L01, R15: both look at the same time, before either has ended."""
    since = "2026-11-20T00:00:00Z"
    both = command(adopt_since=since), command(order="5002", subject="rf2", adopt_since=since)
    bench.vendor.add("", "10.00")
    bench.ask(*both)
    await bench.rest()
    assert sorted(bench.last(one).reason for one in both) == ["adopted", "created"]


async def test_what_was_adopted_is_adopted_again_where_nobody_heard_of_it(bench: Bench) -> None:
    """L01: killed between the outcome and its end in the table; the same command finds its document again."""
    asked = command(adopt_since="2026-11-20T00:00:00Z")
    bench.vendor.add("", "10.00")
    bench.kill_at["dispatcher.outcome-published"] = 1
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).number, bench.last(asked).reason) == ("D1", "adopted")


async def test_of_several_made_by_hand_a_person_chooses(bench: Bench) -> None:
    """L01: more than one candidate is `duplicate`."""
    asked = command(adopt_since="2026-11-20T00:00:00Z")
    bench.vendor.add("", "10.00")
    bench.vendor.add("", "10.00")
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None and failure.kind is ErrorKind.DUPLICATE and "D1, D2" in failure.message


async def test_without_candidates_it_is_made(bench: Bench) -> None:
    """L01: nothing fits, so it is created."""
    asked = command(adopt_since="2026-11-20T00:00:00Z")
    bench.ask(asked)
    await bench.rest()
    assert bench.last(asked).reason == "created"


async def test_a_shadow_sends_nothing_and_says_what_is_there(bench: Bench) -> None:
    """L02: withheld, with the documents found; the cut-over's command with the same body is then sent."""
    asked = command(shadow=True)
    bench.vendor.add("", "10.00")
    bench.ask(asked)
    await bench.rest()
    outcome = bench.last(asked)
    assert (outcome.status, outcome.reason) == (WITHHELD, "shadow")
    assert [found["number"] for found in outcome.document["candidates"]] == ["D1"]
    assert not bench.vendor.creates
    bench.ask(replace(asked, shadow=False))
    await bench.rest()
    assert bench.last(asked).status is DONE


async def test_a_question_is_answered_without_memory(bench: Bench) -> None:
    """No begun entry, no effect; asked again, it is answered again."""
    asked = command(kind=DocumentKind.ORDER_SNAPSHOT, subject="")
    bench.ask(asked)
    await bench.rest()
    bench.ask(asked)
    await bench.rest()
    assert [(o.status, o.answer["found"]) for o in bench.outcomes(asked)] == [(OutcomeStatus.ANSWERED, 1)] * 2
    assert not bench.brokers.changelog


async def test_an_outage_is_waited_out(bench: Bench) -> None:
    """E02: ten minutes unreachable; nothing dies, everything is made once, and nothing was ever in doubt."""
    asked = [command(order=str(number)) for number in range(20)]
    bench.vendor.down = "unreachable"
    bench.ask(*asked)
    await bench.clock.advance(600)
    assert not bench.brokers.outcomes
    bench.vendor.down = ""
    await bench.rest(within=120)
    assert {bench.last(one).status for one in asked} == {DONE}
    assert len(bench.vendor.made) == 20


async def test_a_throttled_command_is_sent_later(bench: Bench) -> None:
    """E02: nothing was applied, so it is not in doubt: sent again after the vendor's pause."""
    asked = command()
    bench.vendor.faults.extend(["throttle"] * 3)
    bench.ask(asked)
    await bench.rest(within=20)
    assert (bench.last(asked).status, bench.vendor.creates[asked.id], len(bench.vendor.made)) == (DONE, 4, 1)


async def test_a_throttled_command_can_still_be_voided(bench: Bench) -> None:
    """The table says that nothing sent can have been applied: as good as not begun."""
    one = command()
    bench.vendor.down = "unreachable"
    bench.ask(one)
    await bench.clock.advance(30)
    bench.ask(replace(one, revision=2, row_stamp=(1, 2), void=True))
    bench.vendor.down = ""
    await bench.rest()
    assert (bench.last(one).reason, len(bench.vendor.made)) == ("void", 0)


async def test_a_refused_sign_in_waits_and_raises_the_alarm(bench: Bench) -> None:
    """The account waits; nothing is dead-lettered."""
    asked = command()
    bench.vendor.down = "sign-in"
    bench.ask(asked)
    await bench.clock.advance(900)
    assert not bench.brokers.outcomes
    assert bench.process.alarms
    bench.vendor.down = ""
    await bench.rest(within=120)
    assert bench.last(asked).status is DONE


async def test_a_command_that_fails_alone_is_given_up(bench: Bench) -> None:
    """It fails again and again while others succeed: attempts-exhausted, and the account goes on."""
    poison = command(order="bad")
    bench.vendor.fault_of["bad"] = "reset-before"
    bench.ask(poison)
    for number in range(80):
        bench.ask(command(order=str(number)))
        await bench.clock.advance(20)
    await bench.rest(within=2000)
    failure = bench.last(poison).failure
    assert failure is not None
    assert (failure.kind, failure.disposition) == (ErrorKind.UNKNOWN_OUTCOME, "attempts-exhausted")
    assert len(bench.vendor.made) == 80
    bench.vendor.fault_of.clear()
    bench.ask(replace(poison, revision=2, row_stamp=(1, 2)))
    await bench.rest()
    assert (bench.last(poison).status, len(bench.vendor.held(poison.id))) == (DONE, 1)


async def test_what_is_acknowledged_and_lost_is_given_up(bench: Bench) -> None:
    """The vendor says yes and keeps nothing, five times, each believed only after the longest execution."""
    asked = command()
    bench.vendor.fault_of["5001"] = "lost"
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None and failure.disposition == "attempts-exhausted"
    assert bench.vendor.creates[asked.id] == 5


async def test_doubt_holds_up_its_own_order_only(bench: Bench) -> None:
    """One in doubt: its order waits, others go on, and all their records are acknowledged meanwhile."""
    first, second = command(subject="rf1"), command(subject="rf2")
    others = [command(order=f"other-{number}") for number in range(10)]
    bench.vendor.faults.append("reset-before")
    bench.ask(first)
    await bench.clock.advance(1)
    bench.ask(second, *others)
    await bench.clock.advance(40)
    assert {len(bench.outcomes(one)) for one in others} == {1}
    assert not bench.outcomes(second)
    assert len(bench.brokers.acknowledged) == len(bench.brokers.commands)
    assert sum(bench.process.schedule.taken().values()) == 0
    await bench.restart()  # nothing is read again: the table alone brings both back, in order
    await bench.rest()
    assert [made.reference for made in bench.vendor.made[-2:]] == [first.id, second.id]


async def test_one_orders_commands_go_one_after_the_other(bench: Bench) -> None:
    """In order of arrival within an order, side by side across orders up to the account's limit."""
    asked = [command(order=str(number % 4), subject=f"s{number}") for number in range(40)]
    bench.ask(*asked)
    await bench.rest()
    for order in "0123":
        wanted = [one.id for one in asked if one.order_key == order]
        assert [made for made in bench.vendor.order_of_creates if made in wanted] == wanted
    assert bench.vendor.most_in_flight == 3


async def test_no_call_starts_without_the_lease(bench: Bench) -> None:
    """A paused owner wakes up: it sends nothing until the broker has answered a heartbeat again."""
    asked = command()
    bench.process.lease_holds = False
    bench.ask(asked)
    await bench.clock.advance(100)
    assert not bench.vendor.creates and not bench.brokers.changelog
    bench.process.lease_holds = True
    await bench.rest()
    assert bench.last(asked).status is DONE


async def test_a_lease_lost_before_the_call_means_not_sent(bench: Bench) -> None:
    """Begun is written and the lease is gone: no call, and no doubt in this process."""
    asked = command()
    hooks = bench.reach

    def reach(name: str) -> None:
        hooks(name)
        if name == "dispatcher.begun-written" and bench.reached[name] == 1:
            bench.process.lease_holds = False

    bench.reach = reach  # type: ignore[method-assign]
    bench.ask(asked)
    await bench.clock.advance(5)
    assert not bench.vendor.creates
    bench.process.lease_holds = True
    await bench.rest(within=5)
    assert (bench.last(asked).reason, bench.vendor.creates[asked.id]) == ("created", 1)


async def test_a_lease_lost_at_the_gate_leaves_begun_as_it_is(bench: Bench) -> None:
    """Without the lease the table may be another's: nothing is written to it, not even that nothing was sent."""
    hooks = bench.reach

    def reach(name: str) -> None:
        hooks(name)
        if name == "dispatcher.before-send":
            bench.process.lease_holds = False

    bench.reach = reach  # type: ignore[method-assign]
    asked = command()
    bench.ask(asked)
    await bench.clock.advance(5)
    assert not bench.vendor.creates
    assert len(bench.brokers.changelog) == 1
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Begun) and entry.in_doubt


async def test_a_void_given_up_in_doubt_is_not_sent(bench: Bench) -> None:
    """A void inherits the doubt of the revision before it; it looks until nothing can come, and sends nothing."""
    asked = command()
    bench.vendor.enforces = True
    outcome = Outcome(
        asked.id, 1, asked.hash, "erp", asked.order_key, asked.kind, asked.subject, REFUSED, "2026-11-27T09:30:00.000Z"
    )
    mark = (1, "2026-11-27T09:30:00.000Z")
    bench.process.remember(asked.id, Ended(outcome, (1, 1), mark, look_first=True, doubt=mark))
    bench.ask(replace(asked, revision=2, row_stamp=(1, 2), void=True))
    await bench.clock.advance(60)
    assert len(bench.outcomes(asked)) == 0
    await bench.rest()
    assert (bench.last(asked).reason, bench.vendor.reads > 2, dict(bench.vendor.creates)) == ("void", True, {})


async def test_a_throttled_resend_does_not_end_the_doubt(bench: Bench) -> None:
    """The first send is applied late, the resend is throttled, a void comes: the document is found, never forgotten."""
    asked = command()
    bench.vendor.enforces = True
    bench.vendor.faults.extend(["late", "throttle", "unreachable"])
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.creates[asked.id] == 3)
    bench.vendor.faults.extend(["throttle"] * 100)
    bench.ask(replace(asked, revision=2, row_stamp=(1, 2), void=True))
    await bench.rest()
    assert [(o.status, o.reason) for o in bench.outcomes(asked)] == [(DONE, "found"), (DONE, "found")]


async def test_a_graceful_stop_lets_the_call_end_and_sends_no_other(bench: Bench) -> None:
    """The call in flight ends and is written down; what waits is left for the next owner."""
    asked = [command(order=str(number)) for number in range(10)]
    bench.ask(*asked)
    await bench.clock.until(lambda: bench.vendor.in_flight == 3)
    assert await bench.stop() is True
    assert (len(bench.vendor.made), len(bench.brokers.outcomes)) == (3, 3)
    await bench.restart()
    await bench.rest(within=60)
    assert len(bench.vendor.made) == 10


async def test_a_stop_before_the_call_leaves_no_doubt(bench: Bench) -> None:
    """A turn that is cut off before anything was sent says so in the table."""
    bench.vendor.faults.append("throttle")
    one, two = command(order="1"), command(order="2")
    bench.ask(one, two)
    await bench.clock.advance(0.5)
    assert bench.process.gate.snapshot().calls_waiting == 1  # begun, and held back by the vendor's pause
    assert await bench.stop() is True
    entry = bench.process.get(two.id)
    assert isinstance(entry, Begun) and not entry.in_doubt
    await bench.restart()
    await bench.rest(within=12)
    assert len(bench.vendor.made) == 2


async def test_a_stop_before_a_resend_leaves_the_doubt(bench: Bench) -> None:
    """The resend was not sent, but the send before it may still be applied."""
    bench.vendor.enforces = True
    bench.vendor.faults.append("late")
    hooks = bench.reach

    def reach(name: str) -> None:
        hooks(name)
        if name == "dispatcher.before-send" and bench.reached[name] == 2:
            bench.process.gate.reserve(bench.clock.elapsed() + 100)  # the call waits

    bench.reach = reach  # type: ignore[method-assign]
    asked = command()
    bench.ask(asked)
    await bench.clock.until(lambda: bench.process.gate.snapshot().calls_waiting == 1)
    assert bench.vendor.creates[asked.id] == 1
    await bench.stop()
    entry = bench.process.get(asked.id)
    assert isinstance(entry, Begun) and entry.in_doubt


async def test_a_write_that_waited_too_long_begins_anew(bench: Bench) -> None:
    """A crash must be able to tell from `begun` when the call was made, within a deadline."""
    bench.vendor.asks_to_wait = 100.0
    bench.vendor.faults.append("throttle")
    one, two = command(order="1"), command(order="2")
    bench.ask(one, two)
    await bench.clock.advance(1)
    assert bench.process.gate.snapshot().calls_waiting == 1
    await bench.clock.until(lambda: bench.vendor.creates[two.id] == 1)
    entry = bench.process.get(two.id)
    assert isinstance(entry, Begun)
    sent = bench.clock.now() - datetime.fromisoformat(entry.doubt[1])
    assert sent.total_seconds() <= bench.limits.deadline_seconds
    await bench.rest(within=60)


def test_after_a_crash_not_there_is_believed_after_the_longest_way_a_call_can_take() -> None:
    """The wait for its turn (deadline and window), the call, the vendor's execution, the lag of its reads."""
    limits = Limits(deadline_seconds=8, window_seconds=60, longest_execution_seconds=900, read_lag_seconds=30)
    begun = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
    assert settled_after_crash(begun, limits) - begun == timedelta(seconds=(8 + 60) + 8 + 900 + 30)


async def test_doubt_that_cannot_be_looked_into_is_an_unknown_outcome(bench: Bench) -> None:
    """The vendor refuses the look-up: a person must look, and the next revision inherits the doubt."""
    asked = command()
    bench.vendor.refuses_reads = True
    bench.vendor.faults.append("late")
    bench.ask(asked)
    await bench.rest()
    failure = bench.last(asked).failure
    assert failure is not None and failure.kind is ErrorKind.UNKNOWN_OUTCOME
    bench.vendor.refuses_reads = False
    bench.ask(replace(asked, revision=2, row_stamp=(1, 2)))
    await bench.rest()
    assert (bench.last(asked).reason, len(bench.vendor.made)) == ("found", 1)


@pytest.mark.parametrize("enforces", [False, True])
async def test_an_unreadable_entry_is_not_an_absent_one(bench: Bench, enforces: bool) -> None:
    """A corrupt record: the command looks first and waits as if it had been sent, by a revision that nobody knows."""
    bench.vendor.enforces = enforces
    asked = command()
    made = bench.vendor.add(asked.id, "10.00")
    bench.process.rows[asked.id] = b"\xff"
    bench.ask(asked)
    await bench.rest()
    assert (bench.last(asked).number, len(bench.vendor.made)) == (made.number, 1)
    other = command(subject="rf2")
    bench.process.rows[other.id] = b"{}"
    bench.ask(other)
    await bench.clock.advance(60)
    assert bench.vendor.creates[other.id] == 0
    await bench.rest()
    assert bench.last(other).reason == "created"


async def test_a_predecessors_clock_says_nothing_of_when_its_doubt_is_over(bench: Bench) -> None:
    """It was an hour slow: by its date "not there" could be believed at once, and its send comes later."""
    asked = command()
    bench.vendor.faults.append("late")
    bench.ask(asked)
    await bench.clock.until(lambda: bench.vendor.creates[asked.id] == 1)
    await bench.kill()
    begun = bench.process.get(asked.id)
    assert isinstance(begun, Begun)
    wrong = rfc3339(datetime.fromisoformat(begun.doubt[1]) - timedelta(hours=1))
    entry = replace(begun, written=(begun.written[0], wrong), doubt=(begun.doubt[0], wrong))
    bench.brokers.changelog[:] = [(asked.id, encode(entry))]
    await bench.restart()
    await bench.rest()
    assert (len(bench.vendor.held(asked.id)), bench.last(asked).reason) == (1, "found")
