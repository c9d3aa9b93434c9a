"""A return is read into typed form once after each change."""

from __future__ import annotations

import pytest

from streams.registers import ReturnRegister
from streams.returns import InvalidReturn, parse_return
from tests.scenarios.messages import return_of


def register(version: int, **changes: object) -> ReturnRegister:
    return ReturnRegister.of((version, "2026-11-27T09:30:00Z", "h"), {**return_of("5001", "r1", version), **changes})


def test_what_was_joined_is_read_anew() -> None:
    """After a join the typed form is that of the joined data, and what was handed out before stays as it was."""
    mine = register(1, state="shipped")
    before = mine.typed()
    mine.join(register(2, state="received"))
    assert (before.state, mine.typed().state) == ("shipped", "received")
    assert mine.typed() == parse_return(mine.data())


def test_an_unchanged_return_is_not_read_again() -> None:
    """The same object comes out while nothing is joined."""
    mine = register(1)
    assert mine.typed() is mine.typed()


def test_what_cannot_be_read_is_refused_each_time() -> None:
    """A fault is not remembered as a return."""
    mine = register(1, currency="nothing")
    for _ in range(2):
        with pytest.raises(InvalidReturn):
            mine.typed()


def test_two_registers_are_equal_whether_or_not_they_were_read() -> None:
    """What was read is no part of the register."""
    mine, other = register(1), register(1)
    mine.typed()
    assert mine == other
