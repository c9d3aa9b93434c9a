"""Lanes by order, a window by class."""

from __future__ import annotations

import pytest

from agents.dispatcher.app import SessionTooShort, check_session
from agents.dispatcher.schedule import Job, Schedule
from streams.vocabulary import CommandClass, DocumentKind
from tests.dispatcher_bench import command

MONEY, BULK = CommandClass.MONEY, CommandClass.BULK


def test_a_flood_of_one_class_leaves_the_others_room() -> None:
    """The window is divided by the weights; a place comes back when a job is over or let go."""
    schedule = Schedule(window=10)
    jobs = [Job(command(order=str(number)), BULK) for number in range(2)]
    for job in jobs:
        schedule.offer(job)
    assert not schedule.has_room(BULK)
    assert schedule.has_room(MONEY)
    schedule.let_go(jobs[0])
    assert not schedule.has_room(BULK)
    schedule.end(jobs[1])
    assert schedule.has_room(BULK)


def test_a_record_is_finished_once() -> None:
    """Let go in doubt and ended later: acknowledged at the first, not again at the second."""
    finished: list[int] = []
    schedule = Schedule()
    job = Job(command(), MONEY, lambda: finished.append(1))
    assert schedule.offer(job)
    schedule.let_go(job)
    schedule.end(job)
    assert finished == [1]
    assert schedule.taken()[MONEY] == 0


def test_a_question_waits_for_nobody() -> None:
    """It has no effect, so it stands in a lane of its own."""
    schedule = Schedule()
    assert schedule.offer(Job(command(), MONEY))
    assert not schedule.offer(Job(command(subject="rf2"), MONEY))
    assert schedule.offer(Job(command(kind=DocumentKind.INVOICE), MONEY))


def test_a_session_shorter_than_a_call_is_refused() -> None:
    """Deadline plus five seconds, and no deadline above eight."""
    check_session(15, 8)
    for session, deadline in ((12.9, 8), (60, 9)):
        with pytest.raises(SessionTooShort):
            check_session(session, deadline)
