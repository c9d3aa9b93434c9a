"""Fair waiting (P02): money, goods and bulk share 70/20/10 while all wait, and nobody starves."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gate.fair import FairQueue
from streams.vocabulary import CLASS_WEIGHTS, CommandClass

MONEY, GOODS, BULK = CommandClass.MONEY, CommandClass.GOODS, CommandClass.BULK


def full(each: int = 1000) -> FairQueue[tuple[CommandClass, int]]:
    queue: FairQueue[tuple[CommandClass, int]] = FairQueue(CLASS_WEIGHTS)
    for klass in CommandClass:
        for n in range(each):
            queue.push(klass, (klass, n))
    return queue


def test_weights_hold_exactly_while_all_wait() -> None:
    """Of each 100 served while all wait, 70 are money, 20 goods, 10 bulk."""
    queue = full()
    for _ in range(5):
        served = Counter(queue.pop()[0] for _ in range(100))
        assert served == {MONEY: 70, GOODS: 20, BULK: 10}


def test_no_class_waits_long_under_saturation() -> None:
    """Bulk is served at least once in any 12 turns: fair means interleaved, not 70 in a row."""
    queue = full()
    turns = [queue.pop()[0] for _ in range(200)]
    assert all(BULK in turns[n : n + 12] for n in range(180))
    assert all(GOODS in turns[n : n + 7] for n in range(180))


def test_the_share_of_those_who_do_not_wait_goes_to_the_others() -> None:
    """Work-conserving: with nothing but bulk waiting, bulk has it all; without money 2 to 1."""
    queue: FairQueue[int] = FairQueue(CLASS_WEIGHTS)
    for n in range(300):
        queue.push(BULK, n)
    assert [queue.pop()[0] for _ in range(100)] == [BULK] * 100
    for n in range(300):
        queue.push(GOODS, n)
    served = Counter(queue.pop()[0] for _ in range(150))
    assert abs(served[GOODS] - 100) <= 2


def test_an_idle_class_saves_nothing_up() -> None:
    """After an hour without bulk, a thousand bulk commands do not push money aside."""
    queue = full(0)
    numbers = count()
    for _ in range(5000):
        queue.push(MONEY, (MONEY, next(numbers)))
        queue.pop()
    for _ in range(1000):
        queue.push(BULK, (BULK, next(numbers)))
        queue.push(MONEY, (MONEY, next(numbers)))
    served = Counter(queue.pop()[0] for _ in range(80))
    assert served[BULK] <= 12


def test_leaving_the_line() -> None:
    """Whoever leaves is not served; whoever is not in the line may leave."""
    queue: FairQueue[str] = FairQueue(CLASS_WEIGHTS)
    queue.push(MONEY, "a")
    queue.push(MONEY, "b")
    queue.remove(MONEY, "a")
    queue.remove(MONEY, "never here")
    assert (queue.pop(), len(queue)) == ((MONEY, "b"), 0)
    with pytest.raises(IndexError):
        queue.pop()


operations = st.lists(st.one_of(st.sampled_from(CommandClass), st.just("pop"), st.just("leave")), max_size=300)


@given(operations)
def test_first_come_first_served_within_a_class_and_nothing_lost(script: list[CommandClass | str]) -> None:
    """Under any mix of arrivals, departures and service: order within a class, and each item out exactly once."""
    queue: FairQueue[int] = FairQueue(CLASS_WEIGHTS)
    model: dict[CommandClass, list[int]] = {klass: [] for klass in CommandClass}
    for number, step in enumerate(script):
        if isinstance(step, CommandClass):
            queue.push(step, number)
            model[step].append(number)
        elif step == "pop" and any(model.values()):
            klass, item = queue.pop()
            assert item == model[klass].pop(0)
        elif step == "leave":
            for klass, line in model.items():
                if line:
                    queue.remove(klass, line.pop(len(line) // 2))
                    break
        assert queue.waiting() == {klass: len(line) for klass, line in model.items()}
        assert len(queue) == sum(len(line) for line in model.values())


@given(st.lists(st.sampled_from(CommandClass), min_size=1, max_size=60), st.sampled_from(CommandClass))
def test_whoever_waits_is_served_within_a_bound(history: list[CommandClass], newcomer: CommandClass) -> None:
    """No starvation: after any history, a newcomer is served within 20 turns although all others always wait."""
    queue: FairQueue[str] = FairQueue(CLASS_WEIGHTS)
    for n, klass in enumerate(history):
        queue.push(klass, f"h{n}")
    while len(queue) > len(history) // 2:
        queue.pop()
    while queue.waiting()[newcomer]:
        queue.pop()
    queue.push(newcomer, "newcomer")
    for turn in range(20):
        for klass in CommandClass:
            if klass is not newcomer:
                queue.push(klass, f"{klass} {turn}")
        if queue.pop()[1] == "newcomer":
            return
    raise AssertionError("starved")
