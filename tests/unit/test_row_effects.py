"""How the effects in two records of one order are joined: letters, commands, marks of what is published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.commands import Command
from streams.row import Issued, Letter, Row
from tests.dispatcher_bench import command

OPEN = Letter("id", {"kind": "mismatch", "reason": "first"}, replays=1, open=True, published=True, since="2")
CLOSED = replace(OPEN, open=False, published=False)
AGAIN = replace(OPEN, replays=2, published=False)


def joined(mine: Letter, theirs: Letter) -> Letter:
    """Both ways round the same, in a row's letters and in its alarms."""
    results = []
    for first, second in ((mine, theirs), (theirs, mine)):
        one, other = Row("5001"), Row("5001")
        one.letters["id"], one.alarms["id"] = replace(first), replace(first)
        other.letters["id"], other.alarms["id"] = replace(second), replace(second)
        one.join(other)
        assert one.letters["id"] == one.alarms["id"]
        results.append(one.letters["id"])
    assert results[0] == results[1]
    return results[0]


def test_a_closing_stands_over_its_opening() -> None:
    """A late record of the open letter does not open it again: its resolution may be published already."""
    assert joined(OPEN, CLOSED) == CLOSED
    assert joined(OPEN, replace(CLOSED, published=True)) == replace(CLOSED, published=True)


def test_an_opening_anew_stands_over_the_closing_before_it() -> None:
    """By how often it was opened, whatever else is said."""
    assert joined(CLOSED, AGAIN) == AGAIN
    assert joined(replace(CLOSED, since="9"), AGAIN) == AGAIN


def test_of_two_of_one_opening_the_later_content_stands() -> None:
    """And it is published once it was: content that nobody has published is not."""
    later = replace(OPEN, content={"kind": "mismatch", "reason": "second"}, since="3", published=False)
    assert joined(OPEN, later) == later


def test_a_letter_that_one_record_knows_to_be_published_is() -> None:
    """Of equal letters; of letters that differ only the one that stands counts."""
    unpublished = replace(OPEN, published=False)
    assert joined(OPEN, unpublished) == OPEN
    assert joined(unpublished, replace(unpublished)) == unpublished
    assert joined(replace(CLOSED, published=True), OPEN) == replace(CLOSED, published=True)


def test_a_letter_of_either_is_a_letter_of_both() -> None:
    """None is left out."""
    one, other = Row("5001"), Row("5001")
    one.letters["a"], other.letters["b"] = replace(OPEN, letter_id="a"), replace(OPEN, letter_id="b")
    one.join(other)
    assert set(one.letters) == {"a", "b"}


@pytest.mark.parametrize(
    "newer",
    [
        command(revision=2, amount="12.00"),
        command(revision=2),
        command(row_stamp=(2, 1)),
    ],
    ids=["content", "revision", "stamp"],
)
def test_that_an_older_revision_is_published_says_nothing_of_a_newer(newer: Command) -> None:
    """It stands as its own record has it, whichever came first."""
    older = command()
    for published in (True, False):
        for first, second in ((older, newer), (newer, older)):
            mine = Issued(first, published=published if first is newer else True)
            mine.join(Issued(second, published=published if second is newer else True))
            assert mine.command == newer
            if newer.revision > older.revision:
                assert mine.published is published


def test_of_one_revision_that_one_record_knows_to_be_published() -> None:
    """By either record; its body is kept with those of the revisions before."""
    bodies = {"h1": (1, {"amount": "1"}), "h2": (2, {"amount": "2"})}
    mine = Issued(command(), published=False, bodies={"h1": bodies["h1"]})
    mine.join(Issued(command(), published=True, bodies={"h2": bodies["h2"]}))
    assert mine.published and mine.bodies == bodies
