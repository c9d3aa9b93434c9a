"""What is rightly not done at rest since a person said so, and nothing beyond it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from streams.commands import command_id
from streams.vocabulary import ErrorKind
from tests.scenarios.messages import hat, replacement, tee
from tests.simulation.checks.history import ORDER, History
from tests.simulation.checks.test_watch import LINES, RMA

SWAPS: dict[str, Any] = {
    "mode": "instant",
    "lines": [tee("l1", request="exchange"), hat("l2", request="exchange")],
    "replacements": [replacement("TEE-RED-L", "l1"), replacement("HAT-2", "l2")],
}
BOTH = [*LINES, {"sku": "HAT-1", "quantity": 1}]


def exchanging() -> History:
    """A return that is authorised, of two lines that are exchanged; neither order is made."""
    history = History()
    history.snapshot(**SWAPS)
    history.make(RMA, "r1", lines=BOTH)
    return history


def arrived() -> History:
    """A return that is authorised and inspected, of two lines; neither is received."""
    history = History()
    history.snapshot(lines=[tee("l1"), hat("l2")])
    history.make(RMA, "r1", lines=BOTH)
    history.inspect(("l1", "TEE-RED-M", 1, "sellable"), ("l2", "HAT-1", 1, "sellable"))
    return history


def refuse(history: History, step: str, subject: str, ruling: str = "applied", kind: str = "reject") -> str:
    """A decision about something of which there is neither a command nor a letter: it waits for a yes."""
    target = command_id("ns", ORDER, step, subject)
    history.decide(kind, ruling, command_id=target, number="77")
    return target


def said(history: History, name: str) -> list[str]:
    history.finish()
    return [violation.what for violation in history.watch.violations if violation.name == name]


def test_an_exchange_that_a_person_said_no_to_is_not_lost() -> None:
    """A no to the yes that an exchange waits for leaves it undone; the other exchange of the return is still lost."""
    history = exchanging()
    refuse(history, "exchange_order", "r1/l1")
    lost = said(history, "exchange-lost")
    assert len(lost) == 1 and "HAT-2" in lost[0]


@pytest.mark.parametrize(
    ("step", "subject", "ruling", "kind"),
    [
        ("exchange_order", "r1/l1", "void: the content moved on since it was seen", "reject"),
        ("exchange_order", "r1/l1", "applied", "approve"),
        ("item_receipt", "r1/l1", "applied", "reject"),
    ],
)
def test_an_exchange_is_lost_without_such_a_no(step: str, subject: str, ruling: str, kind: str) -> None:
    """A void no, a yes, and a no to something else leave both exchanges owed."""
    history = exchanging()
    refuse(history, step, subject, ruling, kind)
    assert len(said(history, "exchange-lost")) == 2


def test_goods_that_a_person_said_no_to_are_not_missing() -> None:
    """A no to the receipt of one line says nothing of the other line's goods."""
    history = arrived()
    refuse(history, "item_receipt", "ins-r1/l1/TEE-RED-M/sellable")
    missing = said(history, "goods-missing")
    assert len(missing) == 1 and "HAT-1" in missing[0]


def test_goods_of_another_return_are_missing_all_the_same() -> None:
    """A decision about one return's goods does not account for those of another, of the same item."""
    history = arrived()
    history.snapshot(return_id="r2", lines=[tee("l1")])
    history.inspect(("l1", "TEE-RED-M", 1, "damaged"), return_id="r2", inspection_id="ins-r2")
    refuse(history, "item_receipt", "ins-r1/l1/TEE-RED-M/sellable")
    refuse(history, "item_receipt", "ins-r1/l2/HAT-1/sellable")
    missing = said(history, "goods-missing")
    assert len(missing) == 1 and "1 TEE-RED-M inspected for location 102" in missing[0]


@pytest.mark.parametrize("decided", [True, False])
def test_a_decision_whose_letter_comes_out_after_it(decided: bool) -> None:
    """A worker may die between the row that opens an exception and its letter; a person has seen the row."""
    history = arrived()
    subject = "ins-r1/l1/TEE-RED-M/sellable#held"
    if decided:
        refuse(history, "item_receipt", subject, kind="done_by_hand")
    letter = history.except_for("item_receipt", subject, ErrorKind.MISMATCH)
    history.row.letters[letter].open = False
    history.exceptions.clear()
    history.append("dead.resolutions", letter.encode(), orjson.dumps({"dlq_id": letter, "replays": 0}))
    missing = said(history, "goods-missing")
    assert ["TEE-RED-M" in what for what in missing] == ([False] if decided else [False, True])
