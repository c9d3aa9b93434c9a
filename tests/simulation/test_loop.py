"""The virtual loop: time passes only while nobody can do anything, and nobody's moment is passed over."""

from __future__ import annotations

import asyncio
from random import Random

from tests.simulation.loop import Process, VirtualLoop


def test_a_timer_taken_back_does_not_carry_the_others_past_their_time() -> None:
    """Whoever wakes beside a cancelled timer of the same moment wakes then, not at the next timer of all."""
    loop = VirtualLoop(Random(1))  # type: ignore[abstract]
    woke: list[float] = []

    async def main() -> None:
        process = Process(loop, "one")
        process.call_later(1.0, lambda: woke.append(loop.now))
        process.call_later(1.0, lambda: woke.append(-1.0)).cancel()
        process.call_later(5.0, lambda: woke.append(loop.now))
        await asyncio.sleep(6.0)  # of the virtual loop: it passes at once

    loop.run(main())
    assert woke == [1.0, 5.0]
