"""How long a worker may believe that its partitions are its own."""

from __future__ import annotations

import pytest

from agents.lease import Lease, LeaseLost
from tests.clock import TurnedClock


class Held:
    """A batch that is stale or not."""

    def __init__(self, stale: bool) -> None:
        self.stale = stale


async def test_the_lease_ends_a_call_deadline_before_the_session() -> None:
    """From the sending of the last good heartbeat: the session less what a call may take, that moment excluded."""
    clock = TurnedClock()
    lease = Lease(session=15.0, deadline=8.0, clock=clock)
    assert not lease.holds()
    await clock.advance(100.0)
    lease.renew(99.0)
    assert lease.holds()
    await clock.advance(5.9)
    assert lease.holds()
    lease.check()
    await clock.advance(0.1)
    assert not lease.holds()
    with pytest.raises(LeaseLost):
        lease.check()
    lease.renew(106.0)
    lease.check()
    lease.lose()
    assert not lease.holds()


async def test_a_read_needs_to_have_heard_of_the_group_and_no_more() -> None:
    """A rebalance waits for us, so what was written may still be read back; past the session another may be calling."""
    clock = TurnedClock()
    lease = Lease(session=15.0, deadline=8.0, clock=clock)
    with pytest.raises(LeaseLost):
        lease.check_read()
    lease.renew(0.0)
    lease.lose()
    lease.check_read()
    await clock.advance(7.0)
    with pytest.raises(LeaseLost):
        lease.check_read()


async def test_a_stale_batch_has_no_lease() -> None:
    """The process may be a member in good standing while this partition is another's."""
    clock = TurnedClock()
    lease = Lease(session=15.0, deadline=8.0, clock=clock)
    lease.renew(clock.elapsed())
    lease.check(Held(stale=False))
    with pytest.raises(LeaseLost):
        lease.check(Held(stale=True))


def test_a_session_that_cannot_cover_a_call_is_refused() -> None:
    """Such a lease could never hold."""
    with pytest.raises(ValueError, match="cannot cover"):
        Lease(session=8.0, deadline=8.0)
