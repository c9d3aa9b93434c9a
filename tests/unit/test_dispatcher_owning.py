"""A dispatcher gives its account up and takes it over again: nothing of a former session goes on beside the next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.dispatcher.entries import Owned, decode
from agents.dispatcher.schedule import Job
from tests.dispatcher_bench import LIMITS, command
from tests.dispatcher_owning import Owning


async def test_a_session_whose_time_to_stop_ran_out_sends_and_writes_nothing_more() -> None:
    """A worker that was stopped while it gave up wakes past every time-out and may own the account again at once: what
    it had in hand must not be sent under the lease of the next session, which looks the same command up."""
    owning = Owning()
    await owning.own()
    owning.vendor.faults.append("hang")
    asked = command()
    session = owning.dispatcher._session
    assert session is not None
    session.offer(Job(asked, asked.klass))
    await owning.clock.until(lambda: owning.vendor.creates[asked.id] == 1)
    giving_up = asyncio.ensure_future(owning.dispatcher._give_up())
    await asyncio.sleep(0)
    giving_up.cancel()  # as the lane does whose time to hand back is over
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    await owning.rows.revoke()
    await owning.own()
    written = len(owning.brokers.topics[owning.changelog])
    await owning.live(30)
    assert not session._tasks
    assert len(owning.brokers.topics[owning.changelog]) == written  # the next session waits in doubt, and nobody writes
    await owning.live(100)
    assert owning.vendor.creates[asked.id] == 2
    assert len(owning.vendor.made) == 1


async def test_an_account_that_goes_while_it_is_taken_over_is_not_taken_over() -> None:
    """The partitions are called back before the own record is acknowledged: no session begins that nobody ends."""
    owning = Owning()
    stored = asyncio.Event()
    publish = owning.brokers.publish

    async def acknowledged_late(*record: Any) -> list[int]:
        offsets = await publish(*record)
        await stored.wait()
        return offsets

    owning.brokers.publish = acknowledged_late  # type: ignore[method-assign]
    recovery = asyncio.ensure_future(owning.own())
    await owning.clock.until(lambda: bool(owning.brokers.topics[owning.changelog]))
    await owning.lane.revoking()
    stored.set()
    await recovery
    await owning.rows.revoke()
    assert owning.dispatcher._session is None
    assert owning.dispatcher._journal is None


async def test_an_account_given_up_before_its_predecessors_calls_are_over_is_not_released() -> None:
    """Whoever comes next has to leave the slots alone as well: nobody knows yet that those calls have ended."""
    killed = Owning()
    await killed.own()
    early, late = Owning(killed), Owning(killed)
    for owning, seconds, released in ((early, LIMITS.deadline_seconds - 1, False), (late, 9, True)):
        await owning.own()
        assert owning.dispatcher.gate.reserved
        await owning.live(int(seconds))
        await owning.lane.revoking()
        last = decode(owning.brokers.topics[owning.changelog][-1].value or b"")
        assert isinstance(last, Owned)
        assert last.released is released
