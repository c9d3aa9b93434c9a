"""The breaker (E02): an outage is met with one probe at a time, and one bad command cannot shut the account."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from agents.gate.breaker import Breaker, BreakerState, Health, Pass
from agents.gate.pause import GrowingPause
from agents.gate.suspects import Suspects


def make(failures: int = 5, seed: int = 1) -> Breaker:
    return Breaker(failures, 60, GrowingPause(1, 60, random.Random(seed)))


def attempt(breaker: Breaker, now: float, health: Health, command: str, *, write: bool = True) -> None:
    permit = breaker.enter(now)
    assert permit is not None
    breaker.leave(permit, now, health, command, write=write)


def open_it(breaker: Breaker, now: float) -> None:
    for n in range(breaker.failures_to_open):
        attempt(breaker, now, Health.FAILED, f"c{n}")
    assert not breaker.closed


def test_different_commands_failing_open_it() -> None:
    """The fifth different command that fails with no success between opens it, not the fourth."""
    breaker = make()
    for n in range(4):
        attempt(breaker, n, Health.FAILED, f"c{n}")
    assert breaker.state(4) is BreakerState.CLOSED
    attempt(breaker, 4, Health.FAILED, "c4")
    assert breaker.state(4) is BreakerState.OPEN
    assert breaker.enter(4) is None


def test_one_command_failing_again_and_again_counts_once() -> None:
    """A poison command does not shut the account for the others."""
    breaker = make()
    for n in range(100):
        attempt(breaker, n / 10, Health.FAILED, "poison")
    assert breaker.closed


def test_a_success_between_starts_the_count_again() -> None:
    """Four failures, a written success, four failures: closed."""
    breaker = make()
    for round_ in range(2):
        for n in range(4):
            attempt(breaker, 0, Health.FAILED, f"r{round_}c{n}")
        attempt(breaker, 0, Health.ANSWERED, "ok")
    assert breaker.closed


def test_reads_that_succeed_do_not_hide_writes_that_fail() -> None:
    """Each command looks up (answered) and then fails to create: the account cannot write, and is left alone."""
    breaker = make()
    for n in range(5):
        attempt(breaker, 0, Health.ANSWERED, f"c{n}", write=False)
        attempt(breaker, 0, Health.FAILED, f"c{n}")
    assert not breaker.closed


def test_failures_are_forgotten_after_a_while() -> None:
    """Five lonely failures spread over minutes are no outage."""
    breaker = make()
    for n in range(20):
        attempt(breaker, n * 20.0, Health.FAILED, f"c{n}")
    assert breaker.closed


def test_sign_in_refused_opens_at_once() -> None:
    """Wrong credentials make the account wait: no lock-out by hammering."""
    breaker = make()
    attempt(breaker, 0, Health.SIGN_IN_REFUSED, "c")
    assert breaker.state(0) is BreakerState.OPEN


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_pauses_grow_to_a_minute_and_stay_within_bounds(seed: int, rounds: int) -> None:
    """Each failed probe lengthens the pause: never below 1 s, never above 60 s, at least 30 s in the end."""
    breaker = make(seed=seed)
    now = 0.0
    open_it(breaker, now)
    for n in range(rounds):
        pause = breaker.opens_at() - now
        assert min(2.0**n, 30.0) <= pause + 1e-6 <= 60.0 + 1e-3
        assert breaker.enter(now + pause / 2) is None
        now = breaker.opens_at()
        attempt(breaker, now, Health.FAILED, f"probe{n}")


def test_ordinary_traffic_resets_the_pause_and_a_lone_probe_does_not() -> None:
    """A flapping account, where only the probe passes, is not asked every second."""
    breaker = make()
    open_it(breaker, 0)
    now = breaker.opens_at()
    attempt(breaker, now, Health.ANSWERED, "probe")
    open_it(breaker, now)
    assert breaker.opens_at() - now >= 2
    now = breaker.opens_at()
    attempt(breaker, now, Health.ANSWERED, "probe")
    attempt(breaker, now, Health.ANSWERED, "ordinary")
    open_it(breaker, now)
    assert breaker.opens_at() - now <= 2


def test_reads_do_not_reset_the_pause_of_writes_that_fail() -> None:
    """Writes down, look-ups up: each new opening is longer, although reads were answered between."""
    breaker = make()
    open_it(breaker, 0)
    now = breaker.opens_at()
    attempt(breaker, now, Health.ANSWERED, "probe", write=False)
    attempt(breaker, now, Health.ANSWERED, "look-up", write=False)
    open_it(breaker, now)
    assert breaker.opens_at() - now >= 2


def test_calls_from_before_the_outage_say_nothing_about_the_probe() -> None:
    """A late answer neither closes an open breaker nor does a late failure open a closed one."""
    breaker = make()
    before = [breaker.enter(0) for _ in range(10)]
    open_it(breaker, 0)
    assert before[0] and before[1]
    breaker.leave(before[0], 1, Health.ANSWERED, "late", write=True)
    assert not breaker.closed
    now = breaker.opens_at()
    attempt(breaker, now, Health.ANSWERED, "probe")
    for n, permit in enumerate(before[1:]):
        assert permit is not None
        breaker.leave(permit, now, Health.FAILED, f"late{n}", write=True)
    assert breaker.closed


def test_a_probe_that_was_not_sent_leaves_the_way_open_for_the_next() -> None:
    """A cancelled probe is neither a success nor a failure."""
    breaker = make()
    open_it(breaker, 0)
    now = breaker.opens_at()
    attempt(breaker, now, Health.UNKNOWN, "cancelled")
    assert breaker.state(now) is BreakerState.HALF_OPEN
    assert breaker.enter(now) is not None


steps = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "wait"]), st.sampled_from(Health), st.integers(0, 9), st.booleans()),
    max_size=80,
)


@given(steps, st.integers(1, 6))
def test_exactly_one_probe_is_out_at_a_time(script: list[tuple[str, Health, int, bool]], failures: int) -> None:
    """Whatever happens: while it is not closed no call enters but one, and only when due."""
    breaker = make(failures)
    now = 0.0
    out: list[Pass] = []
    for step, health, number, write in script:
        if step == "wait":
            now += number
        elif step == "enter":
            closed, due = breaker.closed, breaker.opens_at()
            permit = breaker.enter(now)
            probing = any(p.probe and p.epoch == (permit.epoch if permit else p.epoch) for p in out) and not closed
            assert closed == (permit is not None and not permit.probe)
            if permit is not None:
                assert due <= now
                assert not (permit.probe and probing)
                out.append(permit)
        elif out:
            breaker.leave(out.pop(number % len(out)), now, health, f"c{number}", write=write)


def test_failures_count_against_a_command_only_while_others_succeed() -> None:
    """In an outage nothing is held against anyone; a command that fails alone is found out."""
    suspects = Suspects()
    for _ in range(50):
        suspects.failed("a", write=True)
    assert suspects.held_against("a") == 1
    for _ in range(4):
        suspects.succeeded("b", write=True)
        suspects.failed("a", write=True)
    assert suspects.held_against("a") == 5
    suspects.forget("a")
    assert suspects.held_against("a") == 0


def test_a_command_that_failed_alone_does_not_go_on_doing_so_in_an_outage() -> None:
    """What was held against it stays; that nobody succeeds any more says nothing of it, until somebody does."""
    suspects = Suspects()
    assert not suspects.fails_alone("a")
    seen = []
    for others in (0, 1, 1, 0, 0, 1):
        for _ in range(others):
            suspects.succeeded("b", write=True)
        suspects.failed("a", write=True)
        seen.append(suspects.fails_alone("a"))
    assert seen == [False, True, True, False, False, True]
    assert suspects.held_against("a") == 4


def test_own_successes_and_other_peoples_reads_do_not_make_a_failed_write_suspect() -> None:
    """Look-ups go on while writes are down: that is an outage, not the command's fault."""
    suspects = Suspects()
    for _ in range(10):
        suspects.failed("a", write=True)
        suspects.succeeded("a", write=False)
        suspects.succeeded("a", write=True)
        suspects.succeeded("b", write=False)
    assert suspects.held_against("a") == 1
    for _ in range(3):
        suspects.failed("question", write=False)
        suspects.succeeded("b", write=False)
    assert suspects.failed("question", write=False) == 4
    suspects.forget("question")
    for _ in range(5):
        suspects.failed("question", write=False)
        suspects.succeeded("question", write=False)
    assert suspects.held_against("question") == 1


def test_what_is_remembered_is_bounded() -> None:
    """The oldest suspect is forgotten first."""
    suspects = Suspects(remembered=3)
    for name in "abcd":
        suspects.failed(name, write=True)
    assert [suspects.held_against(name) for name in "abcd"] == [0, 1, 1, 1]
