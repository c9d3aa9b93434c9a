"""The dispatcher's shell: what it reads, buries, acknowledges, stops at, owns and gives up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from faust.types import TP

from agents import faultpoints
from agents.dispatcher.case import Case
from agents.dispatcher.deploy import Deploy, DeployStopped
from agents.dispatcher.entries import OWNER, Begun, Ended, Owned, decode, encode
from agents.dispatcher.ports import OwnershipLost
from agents.dispatcher.schedule import Job
from agents.log import partition_for
from streams.commands import Outcome
from streams.letters import Source, record_letter_id
from streams.vocabulary import CommandClass, DocumentKind, ErrorKind, OutcomeStatus
from tests.clock import START
from tests.dispatcher_bench import LIMITS, command
from tests.dispatcher_owning import Owning, Stream

POISON = b"{not a command"


async def owned(**options: Any) -> Owning:
    owning = Owning(**options)
    await owning.own()
    return owning


# -- reading


async def test_a_batch_is_acknowledged_when_its_last_command_has_ended() -> None:
    """Not before, and once: what was delivered and is open is delivered again after a crash."""
    owning = await owned()
    owning.vendor.fault_of["2"] = "throttle"
    batch = await owning.read(command(order="1").encode(), command(order="2").encode())
    await owning.live(9)
    assert len(owning.outcomes) == 1
    assert not batch.acked
    owning.vendor.fault_of.clear()
    await owning.live(9)
    assert batch.acked
    assert [outcome.status for outcome in owning.outcomes] == [OutcomeStatus.DONE] * 2


async def test_a_record_that_is_no_command_is_buried_and_the_others_go_on() -> None:
    """Its letter has its bytes, its headers but ours, and who is to look at it; it is over once it is buried."""
    owning = await owned()
    headers = (("trace", b"1"), ("dlq.id", b"old"))
    batch = await owning.read(POISON, command().encode(), headers=headers, timestamp=1764235800000)
    await owning.live(2)
    assert batch.acked
    assert [outcome.status for outcome in owning.outcomes] == [OutcomeStatus.DONE]
    (letter,) = owning.written("dead.letters")
    fields = dict(letter.headers)
    assert (letter.key, letter.value, letter.timestamp) == (b"5001", POISON, 1764235800000)
    assert fields["trace"] == b"1"
    place = Source("erp.commands.erp.money", 0, 0, 1764235800000, "dispatcher-erp")
    ids = [value for name, value in letter.headers if name == "dlq.id"]
    assert ids == [record_letter_id("test", place, "decode").encode()]
    told = {
        name: fields[f"dlq.{name}"].decode() for name in ("stage", "disposition", "error.kind", "owner", "attempts")
    }
    assert told == {
        "stage": "decode",
        "disposition": "poison",
        "error.kind": "invalid",
        "owner": "engineering",
        "attempts": "1",
    }
    assert fields["dlq.error.message"].startswith(b"not a command: JSONDecodeError: ")
    assert fields["dlq.error.type"] == b"JSONDecodeError"
    source = [fields[f"dlq.source.{name}"] for name in ("topic", "partition", "offset", "timestamp", "group")]
    assert source == [b"erp.commands.erp.money", b"0", b"0", b"1764235800000", b"dispatcher-erp"]
    assert fields["dlq.app"] == b"dispatcher-erp"
    assert fields["dlq.first-failed-at"] == fields["dlq.failed-at"] == b"2026-11-27T09:30:00.000Z"


async def test_a_record_too_large_for_its_letter_stays_at_its_source() -> None:
    """The letter would be larger than the brokers take, and the process would end at it, again and again."""
    owning = await owned()
    whole = command().encode()
    await owning.read(whole + b" " * (1_048_000 - len(whole)), headers=(("big", b"x" * 100),), timestamp=1764235800000)
    (letter,) = owning.written("dead.letters")
    fields = dict(letter.headers)
    assert (letter.key, letter.value, fields["big"]) == (b"5001", None, b"x" * 100)
    assert (fields["dlq.value"], fields["dlq.value.bytes"]) == (b"at-source", b"1048000")
    assert fields["dlq.error.kind"] == b"too-large"


@pytest.mark.parametrize("timestamp", [-1, 1764235800000000, 2**62])
async def test_a_record_with_an_odd_time_or_header_is_buried_like_any_other(timestamp: int) -> None:
    """A broker would refuse the letter's time, and a header without a value has none to read; both are told."""
    owning = await owned()
    await owning.read(POISON, headers=(("trace", None),), timestamp=timestamp)
    (letter,) = owning.written("dead.letters")
    fields = dict(letter.headers)
    assert letter.timestamp == int(START.timestamp() * 1000)
    assert (fields["dlq.source.timestamp"], fields["trace"]) == (str(timestamp).encode(), None)


async def test_a_batch_of_nothing_but_poison_is_acknowledged() -> None:
    """There is no command whose end would do it."""
    owning = await owned()
    batch = await owning.read(POISON)
    assert batch.acked


async def test_the_letter_of_one_record_has_one_id_however_often_it_is_read() -> None:
    """By its place: the second reading's letter is the first one's again, another record's is its own."""
    owning = await owned()
    for _ in range(2):
        await owning.read(POISON, POISON)
    ids = [dict(letter.headers)["dlq.id"] for letter in owning.written("dead.letters")]
    assert ids[:2] == ids[2:] and ids[0] != ids[1]


async def test_a_letter_goes_where_its_key_belongs() -> None:
    """And one without a key to the first partition."""
    owning = await owned(partitions=7)
    await owning.read(POISON)
    batch = owning.deliver(POISON)
    batch.records = [replace(batch.records[0], key=None)]  # type: ignore[type-var]  # Written, a dataclass
    await owning.dispatcher._take(batch, CommandClass.MONEY)
    assert [letter.partition for letter in owning.written("dead.letters")] == [partition_for(b"5001", 7), 0]
    assert partition_for(b"5001", 7) != 0


async def test_an_outcome_goes_where_its_order_belongs() -> None:
    """To the partition of its order's key, under that key."""
    owning = await owned(partitions=7)
    await owning.read(command().encode())
    await owning.live(2)
    (record,) = owning.written("erp.outcomes")
    assert (record.key, record.partition) == (b"5001", partition_for(b"5001", 7))


async def test_a_stale_batch_or_one_without_a_session_is_left_alone() -> None:
    """It is delivered again to whoever owns the account."""
    owning = Owning()
    early = await owning.read(command().encode())
    assert not early.acked and not owning.outcomes
    await owning.own()
    late = owning.deliver(command().encode())
    late._window.closed = True
    await owning.dispatcher._take(late, CommandClass.MONEY)
    await owning.live(2)
    assert not owning.outcomes


async def test_a_full_class_is_gated_until_there_is_room() -> None:
    """Its partition stands still, the other classes' do not; with room it goes on."""
    owning = await owned(window=10)  # seven places for money
    woken: list[int] = []
    owning.lane.wake = lambda: woken.append(1)
    money, goods = TP("erp.commands.erp.money", 0), TP("erp.commands.erp.goods", 0)
    await owning.read(*(command(order=str(number)).encode() for number in range(6)))
    assert not owning.lane.gated(money)
    await owning.read(command(order="6").encode())
    assert owning.lane.gated(money) and not owning.lane.gated(goods)
    await owning.live(2)
    assert not owning.lane.gated(money) and woken
    assert len(owning.outcomes) == 7


async def test_room_in_one_class_opens_no_other() -> None:
    """Each has its share of the window."""
    owning = await owned(window=10)
    owning.vendor.fault_of = dict.fromkeys("0123456", "throttle")
    money, goods = TP("erp.commands.erp.money", 0), TP("erp.commands.erp.goods", 0)
    await owning.read(*(command(order=str(number)).encode() for number in range(7)))
    await owning.read(*(command(order=f"g{number}").encode() for number in range(2)), klass=CommandClass.GOODS)
    assert owning.lane.gated(money) and owning.lane.gated(goods)
    await owning.clock.until(lambda: len(owning.outcomes) == 2)
    await owning.clock.settle()
    assert owning.lane.gated(money) and not owning.lane.gated(goods)
    await owning.lane.revoking()


async def test_a_gate_does_not_outlive_the_session() -> None:
    """The next session begins with nothing in hand, so every class is read again."""
    owning = await owned(window=1)
    owning.vendor.faults.append("hang")
    await owning.read(command().encode())
    assert owning.lane.gated(TP("erp.commands.erp.money", 0))
    await owning.clock.until(lambda: owning.vendor.in_flight == 1)
    owning.dispatcher._session.cut_off()  # type: ignore[union-attr]
    await owning.rows.revoke()
    await owning.own()
    assert not owning.lane.gated(TP("erp.commands.erp.money", 0))


# -- E09


async def test_almost_all_being_unreadable_stops_before_anything_is_buried() -> None:
    """Twenty of twenty-five: an alarm, no letter, nothing offered, nothing acknowledged."""
    owning = await owned()
    batch = owning.deliver(*[POISON] * 20, *(command(order=str(number)).encode() for number in range(5)))
    with pytest.raises(DeployStopped, match=r"20 of the last 25 .*\(0 by a fault in this software, 20 unreadable\)"):
        await owning.dispatcher._take(batch, CommandClass.MONEY)
    await owning.live(2)
    assert not batch.acked and not owning.outcomes and not owning.written("dead.letters")
    (alarm,) = owning.alarms
    assert (alarm["alarm"], alarm["state"], alarm["account"]) == ("consumption-stopped", "on", "erp")
    assert alarm["message"].startswith("20 of the last 25 records")
    assert (owning.written("alarms")[0].key, owning.written("alarms")[0].partition) == (b"consumption-stopped/erp", 0)


async def test_unreadable_records_among_many_good_ones_stop_nothing() -> None:
    """Nineteen, or any number below the half."""
    owning = await owned()
    await owning.read(*[POISON] * 19)
    await owning.read(*(command(order=str(number)).encode() for number in range(40)))
    await owning.read(*[POISON] * 5)
    await owning.live(5)
    assert (len(owning.written("dead.letters")), len(owning.outcomes), owning.alarms) == (24, 40, [])


async def test_almost_all_failing_by_our_own_fault_ends_the_process_with_one_alarm() -> None:
    """However many commands find out at once; the reason is what ends the process."""
    owning = await owned()
    orders = [str(number) for number in range(40)]
    owning.vendor.bugs = dict.fromkeys(orders, "in the call")
    watching = asyncio.ensure_future(owning.dispatcher.watch_failure())
    await owning.read(*(command(order=order).encode() for order in orders))
    await owning.clock.until(watching.done)
    assert isinstance(watching.exception(), DeployStopped)
    await owning.live(1)
    (alarm,) = owning.alarms
    assert alarm["alarm"] == "consumption-stopped" and "by a fault in this software" in alarm["message"]


async def test_whoever_has_looked_can_let_it_go_on() -> None:
    """`stop_when_all_fails` off: every unreadable record and every bug is dead-lettered."""
    owning = await owned(deploy=Deploy(stops=False))
    orders = [str(number) for number in range(30)]
    owning.vendor.bugs = dict.fromkeys(orders, "in the call")
    await owning.read(*[POISON] * 30, *(command(order=order).encode() for order in orders))
    await owning.live(10)
    assert len(owning.written("dead.letters")) == 30
    assert [outcome.failure.kind for outcome in owning.outcomes if outcome.failure] == [ErrorKind.BUG] * 30
    assert not owning.alarms


async def test_what_one_session_counted_the_next_one_knows() -> None:
    """A rebalance in the middle of a bad deploy does not begin the count anew."""
    owning = await owned()
    await owning.read(*[POISON] * 19)
    await owning.rows.revoke()
    await owning.own()
    with pytest.raises(DeployStopped):
        await owning.read(POISON)


def test_bugs_and_unreadable_records_are_counted_apart() -> None:
    """A thousand records read well do not hide that what ends now ends by our own fault, nor the other way round."""
    deploy = Deploy()
    deploy.note_read(good=1000, poison=0)
    for _ in range(19):
        deploy.note_end(bug=True)
    with pytest.raises(DeployStopped):
        deploy.note_end(bug=True)
    deploy.note_end(bug=False)  # what went well is told, however much else fails
    deploy.note_read(good=1, poison=0)
    other = Deploy()
    for _ in range(300):
        other.note_end(bug=False)
    with pytest.raises(DeployStopped):
        other.note_read(good=0, poison=20)
    other.note_read(good=1, poison=0)


# -- sign-in


async def test_a_refused_sign_in_raises_one_alarm_and_ends_it_when_the_account_answers() -> None:
    """On once, however many commands are refused; off with the first document."""
    owning = await owned()
    owning.vendor.down = "sign-in"
    await owning.read(*(command(order=str(number)).encode() for number in range(5)))
    await owning.live(60)
    assert [(alarm["alarm"], alarm["state"], alarm["message"]) for alarm in owning.alarms] == [
        ("sign-in-refused", "on", "invalid login")
    ]
    owning.vendor.down = ""
    await owning.live(120)
    assert [alarm["state"] for alarm in owning.alarms] == ["on", "off"]
    assert owning.alarms[1]["message"] == ""
    assert len(owning.outcomes) == 5


async def test_an_alarm_can_be_said_whatever_the_vendor_says() -> None:
    """Text that UTF-8 cannot carry would have ended the process instead."""
    owning = await owned()
    journal = owning.dispatcher._journal
    assert journal is not None
    await journal.sign_in_refused("erp", "no \ud800 " + "x" * 600)
    assert owning.alarms[0]["message"] == "no ? " + "x" * 495
    assert owning.alarms[0]["at"] == "2026-11-27T09:30:00.000Z"


async def test_a_refusal_does_not_end_the_alarm() -> None:
    """Only what needs a sign-in that was accepted: a document, or an answer."""
    owning = await owned()
    journal = owning.dispatcher._journal
    assert journal is not None
    await journal.sign_in_refused("erp", "invalid login")
    owning.vendor.fault_of["5001"] = "refuse"
    await owning.read(command().encode())
    await owning.live(2)
    assert [outcome.status for outcome in owning.outcomes] == [OutcomeStatus.REFUSED]
    assert [alarm["state"] for alarm in owning.alarms] == ["on"]


# -- owning


async def test_each_owner_has_the_next_epoch_and_the_first_leaves_no_slots() -> None:
    """The first of all waits for nobody; the successor of a killed one leaves the slots for one deadline."""
    first = await owned()
    assert not first.dispatcher.gate.reserved
    second = Owning(first)
    await second.own()
    assert second.dispatcher.gate.reserved
    assert second.dispatcher.gate.snapshot().reserved_until == LIMITS.deadline_seconds
    entries = [decode(record.value or b"") for record in second.written(second.changelog)]
    assert [(entry.epoch, entry.released, entry.generation) for entry in entries if isinstance(entry, Owned)] == [
        (1, False, 1),
        (2, False, 1),
    ]


async def test_the_successor_of_a_clean_stop_waits_for_nobody() -> None:
    """Released: nothing of its predecessor is in flight."""
    first = await owned()
    await first.lane.revoking()
    second = Owning(first)
    await second.own()
    assert not second.dispatcher.gate.reserved


@pytest.mark.parametrize("record", [b"\xff", b"{}", encode(Begun(command(), (3, "1")))])
async def test_an_unreadable_record_of_the_owner_is_an_unclean_predecessor_of_the_newest_epoch(record: bytes) -> None:
    """Epochs never begin anew: what the owner before wrote would stand over everything that is written now."""
    owning = Owning()
    begun = Begun(command(), (6, "2026-11-27T09:00:00.000Z"))
    await owning.brokers.publish(owning.changelog, 0, [(OWNER.encode(), record, None, None)])
    await owning.brokers.publish(owning.changelog, 0, [(begun.command.id.encode(), encode(begun), None, None)])
    await owning.own()
    journal = owning.dispatcher._journal
    assert journal is not None
    assert journal.epoch == 7
    assert owning.dispatcher.gate.reserved


async def test_an_account_without_readable_entries_begins_with_the_first_epoch() -> None:
    """The unclean predecessor of whom nothing is known."""
    owning = Owning()
    await owning.brokers.publish(owning.changelog, 0, [(OWNER.encode(), b"\xff", None, None)])
    await owning.own()
    journal = owning.dispatcher._journal
    assert journal is not None
    assert (journal.epoch, owning.dispatcher.gate.reserved) == (1, True)


async def test_what_was_begun_is_resumed_doubt_first_then_oldest_first() -> None:
    """The order in which it was begun, but whatever may stand at the vendor before what was never sent."""
    owning = Owning()
    sent = Begun(command(subject="sent"), (1, "3"), 1, doubt=(1, "3"))
    kept = [Begun(command(subject=f"kept-{at}"), (1, at)) for at in "21"]
    for entry in (*kept, sent):
        await owning.brokers.publish(owning.changelog, 0, [(entry.command.id.encode(), encode(entry), None, None)])
    await owning.own()
    await owning.live(200)
    assert [outcome.subject for outcome in owning.outcomes] == ["sent", "kept-1", "kept-2"]


async def test_a_session_that_was_not_given_up_is_dropped_when_the_next_begins() -> None:
    """Two at once would each send what the other has begun; the former writes nothing more."""
    owning = await owned()
    former, journal = owning.dispatcher._session, owning.dispatcher._journal
    assert former is not None and journal is not None
    owning.vendor.faults.append("hang")
    owning.ask(command())
    await owning.clock.until(lambda: owning.vendor.in_flight == 1)
    again = asyncio.ensure_future(owning.dispatcher._take_over(0))
    await owning.clock.until(again.done)
    assert journal.closed and former.stopping
    assert owning.dispatcher._session is not former
    with pytest.raises(OwnershipLost):
        await journal.write("id", Begun(command(), (1, "1")))
    with pytest.raises(OwnershipLost):
        await journal.publish(_outcome())
    with pytest.raises(OwnershipLost):
        await journal.write_again({b"id": b"{}"})
    await journal.sign_in_refused("erp", "said by nobody")
    assert not owning.alarms


def _outcome() -> Outcome:
    asked = command()
    return Case(Job(asked, asked.klass), asked).withheld("void", START).outcome


async def test_the_table_says_which_commands_a_document_is_the_end_of() -> None:
    """L01: of the kind, done, and under just this number; what a predecessor wrote counts."""
    note = _done("CM-1")
    others = [_done("CM-11"), _done("CM-1", DocumentKind.ITEM_RECEIPT), replace(_outcome(), number="CM-1")]
    owning = Owning()
    for number, one in enumerate([note, *others]):
        key, value = f"id{number}".encode(), encode(Ended(replace(one, command_id=f"id{number}"), (1, 1), (1, "1")))
        await owning.brokers.publish(owning.changelog, 0, [(key, value, None, None)])
    await owning.own()
    journal = owning.dispatcher._journal
    assert journal is not None
    assert journal.ended_with(DocumentKind.CREDIT_NOTE, "CM-1") == {"id0"}
    assert journal.ended_with(DocumentKind.CREDIT_NOTE, "CM") == set()


def _done(number: str, kind: DocumentKind = DocumentKind.CREDIT_NOTE) -> Outcome:
    return replace(_outcome(), status=OutcomeStatus.DONE, kind=kind, number=number, reason="adopted")


async def test_a_table_that_is_not_ours_is_not_read() -> None:
    """The rows went with the partitions: the account is another's."""
    owning = await owned()
    journal = owning.dispatcher._journal
    assert journal is not None
    await owning.rows.revoke()
    for reading in (
        lambda: journal.get("id"),
        journal.begun,
        lambda: journal.ended_with(DocumentKind.CREDIT_NOTE, "1"),
    ):
        with pytest.raises(OwnershipLost):
            reading()
    with pytest.raises(OwnershipLost):
        await journal.write("id", Begun(command(), (1, "1")))
    with pytest.raises(OwnershipLost):
        await journal.write_again({b"id": encode(Begun(command(), (1, "1")))})


async def test_a_write_that_is_acknowledged_after_the_session_is_not_installed() -> None:
    """The rows that are here by then are the next session's."""
    owning = await owned()
    journal = owning.dispatcher._journal
    assert journal is not None
    publish = owning.brokers.publish

    async def then_closed(*record: Any) -> list[int]:
        offsets = await publish(*record)
        journal.closed = True
        return offsets

    owning.brokers.publish = then_closed  # type: ignore[method-assign]
    for writing in (
        journal.write("id", Begun(command(), (1, "1"))),
        journal.write_again({b"id": encode(Begun(command(), (1, "1")))}),
    ):
        journal.closed = False
        with pytest.raises(OwnershipLost):
            await writing
    assert b"id" not in owning.rows.partition(0)


async def test_a_zombies_late_write_is_joined_and_written_again() -> None:
    """Its end of an older revision must not be the last record of the command in the log."""
    owning = await owned()
    asked = command(revision=2)
    owning.ask(asked)
    await owning.live(2)
    (end,) = [record for record in owning.written(owning.changelog) if record.key == asked.id.encode()][-1:]
    late = encode(Begun(command(revision=1), (0, "1")))
    await owning.brokers.publish(owning.changelog, 0, [(asked.id.encode(), late, None, None)])
    watching = asyncio.ensure_future(owning.dispatcher.watch_changelog())
    await owning.live(59)
    assert owning.written(owning.changelog)[-1].value == late
    await owning.live(3)
    assert owning.written(owning.changelog)[-1].value == end.value
    assert isinstance(decode(end.value or b""), Ended)
    count = len(owning.written(owning.changelog))
    await owning.live(120)
    assert len(owning.written(owning.changelog)) == count  # once
    watching.cancel()


async def test_the_watch_of_the_changelog_outlives_the_loss_of_the_account() -> None:
    """Rows that are not here are not looked at, whatever the moment at which they went."""
    owning = await owned()
    watching = asyncio.ensure_future(owning.dispatcher.watch_changelog())
    await owning.rows.revoke()
    await owning.live(61)
    assert not watching.done()
    await owning.lane.revoking()
    await owning.live(61)
    assert not watching.done()
    watching.cancel()


async def test_giving_up_lets_a_call_end_and_says_that_nothing_is_in_flight() -> None:
    """The outcome and the end are written, then the release."""
    owning = await owned()
    asked, journal = command(), owning.dispatcher._journal
    assert journal is not None
    owning.ask(asked)
    await owning.clock.until(lambda: owning.vendor.in_flight == 1)
    giving_up = asyncio.ensure_future(owning.lane.revoking())
    await owning.clock.until(giving_up.done)
    kinds = [decode(record.value or b"") for record in owning.written(owning.changelog)]
    assert [type(entry) for entry in kinds] == [Owned, Begun, Ended, Owned]
    assert isinstance(kinds[-1], Owned) and kinds[-1].released and kinds[-1].epoch == 1
    assert len(owning.outcomes) == 1
    assert owning.dispatcher._session is None and owning.dispatcher._journal is None
    assert journal.closed


def deaf(owning: Owning, release: asyncio.Event) -> list[float]:
    """Put a task into the session that goes on when it is cancelled, twice; the moments at which it was."""
    cancelled: list[float] = []

    async def work() -> None:
        while len(cancelled) < 3 and not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                cancelled.append(owning.clock.elapsed())

    session = owning.dispatcher._session
    assert session is not None
    session._tasks[asyncio.create_task(work())] = "=5001"
    return cancelled


async def test_what_cannot_end_in_time_is_cut_off_and_not_released() -> None:
    """The deadline of a call and two seconds to write down how it ended; the next owner leaves the slots alone."""
    owning = await owned()
    release = asyncio.Event()
    await owning.clock.settle()
    cancelled = deaf(owning, release)
    await owning.clock.settle()
    giving_up = asyncio.ensure_future(owning.lane.revoking())
    await owning.live(12)
    assert [round(at) for at in cancelled] == [0, LIMITS.deadline_seconds + 2]
    release.set()
    await giving_up
    last = decode(owning.written(owning.changelog)[-1].value or b"")
    assert isinstance(last, Owned) and not last.released


async def test_a_session_that_is_dropped_has_the_same_time() -> None:
    """Its call may end and be written by nobody: the doubt stays, and the next session looks."""
    owning = await owned()
    release = asyncio.Event()
    cancelled = deaf(owning, release)
    await owning.clock.settle()
    again = asyncio.ensure_future(owning.dispatcher._take_over(0))
    await owning.live(12)
    assert [round(at) for at in cancelled] == [0, LIMITS.deadline_seconds + 2]
    release.set()
    await again
    assert owning.dispatcher._session is not None


async def test_of_two_take_overs_at_once_the_later_one_stands() -> None:
    """The former writes that it owns, and begins nothing."""
    owning = Owning()
    stored, publish = asyncio.Event(), owning.brokers.publish

    async def acknowledged_late(*record: Any) -> list[int]:
        offsets = await publish(*record)
        await stored.wait()
        return offsets

    owning.brokers.publish = acknowledged_late  # type: ignore[method-assign]
    first = asyncio.ensure_future(owning.own())
    await owning.clock.until(lambda: bool(owning.written(owning.changelog)))
    coming = owning.dispatcher._coming
    assert coming is not None
    second = asyncio.ensure_future(owning.dispatcher._take_over(0))
    await owning.clock.settle()
    assert coming.closed and owning.dispatcher._coming is not coming
    stored.set()
    await asyncio.gather(first, second)
    assert owning.dispatcher._journal is not None and owning.dispatcher._journal is not coming
    assert not owning.dispatcher._journal.closed


async def test_an_agent_takes_in_what_its_stream_brings() -> None:
    """Batch by batch, acknowledged by the ends of their commands and not by the stream."""
    owning = await owned()
    money, goods = owning.deliver(command().encode()), owning.deliver(POISON, klass=CommandClass.GOODS)
    owning.vendor.fault_of["5001"] = "throttle"
    await owning.dispatcher.read(Stream(owning.lane, [money]), CommandClass.MONEY)
    await owning.dispatcher.read(Stream(owning.lane, [goods]), CommandClass.GOODS)
    await owning.live(1)
    assert not money.acked and goods.acked
    owning.vendor.fault_of.clear()
    await owning.live(9)
    assert money.acked
    session = owning.dispatcher._session
    assert session is not None and session.schedule.taken()[CommandClass.MONEY] == 0


async def test_a_take_over_passes_its_fault_point() -> None:
    """Named where a crash test ends the process."""
    passed: list[str] = []
    faultpoints.listen(passed.append)
    try:
        await owned()
    finally:
        faultpoints.listen(None)
    assert passed == ["dispatcher.owned"]
