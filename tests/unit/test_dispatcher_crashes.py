"""The dispatcher killed and replaced at any moment, on a turned clock: nothing twice (I2), an end to all (I1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import faultpoints
from agents.dispatcher.entries import Ended, decode
from streams.commands import Command
from streams.vocabulary import OutcomeStatus
from tests.dispatcher_bench import FAULTS, Bench, command, doubled

GAPS = tuple(
    f"dispatcher.{gap}"
    for gap in ("after-read", "begun-written", "before-send", "after-send", "outcome-published", "done-written")
)


@contextmanager
def reaching(bench: Bench) -> Iterator[None]:
    """The bench's fault points in place of the process's."""
    before = faultpoints.reach
    faultpoints.reach = lambda name: bench.reach(name)  # type: ignore[assignment]
    try:
        yield
    finally:
        faultpoints.reach = before


@pytest.mark.parametrize("fault", ["", *FAULTS])
@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("nth", [1, 2])
async def test_killed_in_a_gap_it_makes_the_document_once(gap: str, fault: str, nth: int) -> None:
    """Each gap, with each fault of the vendor at the first send; the next process goes on from the log."""
    bench = Bench()
    with reaching(bench):
        bench.kill_at = {gap: nth}
        bench.vendor.faults.append(fault)
        asked = [command(order="1"), command(order="2")]
        bench.ask(*asked)
        await bench.rest()
        assert bench.deaths == [gap]
        assert {bench.last(one).status for one in asked} == {OutcomeStatus.DONE}
        assert (len(bench.vendor.made), doubled(bench.vendor, asked)) == (2, {})
        rows = {key: decode(value) for key, value in bench.brokers.recover().items()}
        assert {key for key, entry in rows.items() if isinstance(entry, Ended)} == {one.id for one in asked}
        await bench.kill()


@dataclass(frozen=True)
class Step:
    """Something that happens, after some seconds."""

    after: float
    what: str  # ask, kill, replace, revise, void
    number: int = 0


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([0.0, 0.01, 0.06, 0.12, 0.5, 3.0, 9.0, 30.0, 75.0]),
        st.sampled_from(["ask", "ask", "ask", "kill", "replace", "revise", "void"]),
        st.integers(0, 5),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=STEPS,
    faults=st.lists(st.sampled_from(["", "", *FAULTS, "refuse"]), max_size=12),
    enforces=st.booleans(),
    lag=st.sampled_from([0.0, 4.0, 9.5]),
    gaps=st.dictionaries(st.sampled_from(GAPS), st.integers(1, 4), max_size=3),
    seed=st.integers(0, 9),
)
def test_whatever_happens_there_is_one_document_and_an_end(
    steps: list[Step], faults: list[str], enforces: bool, lag: float, gaps: dict[str, int], seed: int
) -> None:
    """Kills, take-overs with a zombie, revisions and voids, a vendor with every fault inside its declared limits."""
    asyncio.run(_play(steps, faults, enforces, lag, gaps, seed))


async def _play(
    steps: list[Step], faults: list[str], enforces: bool, lag: float, gaps: dict[str, int], seed: int
) -> None:
    bench = Bench(seed=seed)
    with reaching(bench):
        bench.kill_at = dict(gaps)
        bench.vendor.faults.extend(faults)
        bench.vendor.enforces, bench.vendor.read_lag = enforces, lag
        asked: list[Command] = []
        for step in steps:
            await bench.clock.advance(step.after)
            newest = {one.id: one for one in asked}
            match step.what:
                case "ask":
                    one = command(order=str(step.number % 3), subject=f"s{step.number}")
                    asked.append(newest.get(one.id, one))
                case "revise" | "void" if newest:
                    old = list(newest.values())[step.number % len(newest)]
                    asked.append(
                        command(
                            order=old.order_key,
                            subject=old.subject,
                            revision=old.revision + 1,
                            amount=f"{10 + old.revision}.00",
                            void=step.what == "void",
                        )
                    )
                case "kill":
                    await bench.restart()
                    continue
                case "replace":
                    bench.replace()
                    continue
                case _:
                    continue
            bench.ask(asked[-1])
        await bench.rest(within=50_000)
        assert doubled(bench.vendor, asked) == {}
        for one in asked:
            told = bench.outcomes(one)
            assert told, f"{one.id} never ended"
            numbers = {outcome.number for outcome in told if outcome.status is OutcomeStatus.DONE}
            assert numbers == {made.number for made in bench.vendor.held(one.id)} or _mismatched(bench, one)
        await bench.kill()


def _mismatched(bench: Bench, one: Command) -> bool:
    """A document that was made for an older revision, and is told of as a mismatch, is in nobody's `done`."""
    failure = bench.last(one).failure
    return failure is not None and failure.kind.value == "mismatch"
