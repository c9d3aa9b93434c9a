"""An exception in words, whatever is in it."""

from __future__ import annotations

from agents.described import LONGEST_SENTENCE, LONGEST_STACK, described, place_of, readable, sentence, stack_of


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


def raised(error: Exception, frames: int = 0) -> Exception:
    """The exception, once it has come out of so many calls."""
    try:
        if frames:
            raise raised(error, frames - 1)
        raise error
    except Exception as caught:
        return caught


def test_type_and_text() -> None:
    """And the type alone where there is no text, or none that can be had."""
    assert described(ValueError("no amount: 3")) == "ValueError: no amount: 3"
    assert described(TimeoutError()) == "TimeoutError"
    assert described(Mute()) == "Mute: (it cannot say what it is)"


def test_text_that_utf_8_cannot_carry_is_replaced() -> None:
    """One lone surrogate of a vendor's answer would make a whole record unwritable."""
    assert described(ValueError("a\ud800b")) == "ValueError: a?b"
    assert readable("a\udfffb£") == "a?b£"


def test_a_sentence_is_bounded() -> None:
    """At two thousand characters."""
    assert LONGEST_SENTENCE == 2000
    assert sentence("x" * 2001) == "x" * 2000
    assert sentence("\ud800") == "?"


def test_the_place_is_the_innermost_one() -> None:
    """File, line and function, wherever it is installed; an exception that was never raised has none."""
    where = place_of(raised(ValueError(), 3))
    assert where.startswith("tests/unit/test_described.py:") and where.endswith(" in raised")
    assert place_of(ValueError()) == "raised nowhere"


def test_of_a_stack_its_end_is_kept() -> None:
    """Twenty frames and fifteen hundred characters at most, the innermost last."""
    error: Exception = ValueError()
    for _ in range(40):
        error = raised(error)
    stack = stack_of(error)
    lines = stack.splitlines()
    assert len(stack) <= LONGEST_STACK == 1500
    assert lines[-1].endswith("in raised: raise error")
    assert stack_of(ValueError()) == ""
    short = stack_of(raised(KeyError("x")))
    assert short.startswith("tests/unit/test_described.py:") and len(short.splitlines()) == 1
