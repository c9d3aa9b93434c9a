"""R11: which two refunds are prompt for a question, and which of them waits."""

from __future__ import annotations

from typing import Any

import pytest

from streams.commands import Failure
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp
from tests.unit.told import decision, exception, snapshot

NOTE = DocumentKind.CREDIT_NOTE


def both(first: str, second: str, paid: dict[str, Any] | None = None, **changes: Any) -> Erp:
    """A tee refunded by one return, and then by another; `changes` are the second's, `paid` of its refund."""
    erp = Erp(total="500.00")
    erp.hear(snapshot(return_id=first, refunds=[refund(f"rf-{first}", "40.00")]))
    second_refund = refund(f"rf-{second}", **{"amount": "40.00", **(paid or {})})
    erp.hear(snapshot(return_id=second, **{"refunds": [second_refund], **changes}))
    return erp


@pytest.mark.parametrize(("first", "second"), [("r1", "r2"), ("r2", "r1")])
def test_r11_the_one_decided_second_waits_whatever_its_id(first: str, second: str) -> None:
    """Its exception names both, and shows what would be posted; a yes posts it and ends the question."""
    erp = both(first, second)
    assert [body["return_id"] for body in erp.made(NOTE)] == [first]
    held = exception(erp, "duplicate", "credit_note")
    assert held["reason"] == (
        f"Refunds rf-{first} and rf-{second} have the same lines and amount (GBP 40.00). rf-{second} waits."
    )
    assert (held["return_id"], held["owner"], held["command"]["body"]["amount"]) == (second, "finance", "40.00")
    erp.hear(decision("approve", held["command"]))
    assert [body["return_id"] for body in erp.made(NOTE)] == [first, second]
    assert erp.exceptions() == []


@pytest.mark.parametrize(("first", "second"), [("r1", "r2"), ("r2", "r1")])
def test_r11_a_note_on_its_way_is_decided_too(first: str, second: str) -> None:
    """Nobody waits for its end to ask about the other."""
    erp = Erp()
    erp.silent.add(NOTE)
    for name in (first, second):
        erp.hear(snapshot(return_id=name, refunds=[refund(f"rf-{name}", "40.00")]))
    assert {command.subject for command in erp.asked if command.kind is NOTE} == {f"rf-{first}"}
    assert exception(erp, "duplicate")["return_id"] == second


def test_r11_a_note_that_was_refused_still_came_first() -> None:
    """It may be sent again, so the other one is asked about; the refusal stays its own exception."""
    erp = Erp()
    erp.refuse[NOTE] = Failure(ErrorKind.CLOSED, "the period is closed")
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf-r2", "40.00")]))
    erp.refuse.clear()
    erp.hear(snapshot(return_id="r1", refunds=[refund("rf-r1", "40.00")]))
    assert erp.made(NOTE) == []
    assert exception(erp, "duplicate")["return_id"] == "r1"
    erp.hear(decision("retry", exception(erp, "closed")["command"]))
    assert [body["return_id"] for body in erp.made(NOTE)] == ["r2"]


def test_r11_a_note_that_was_called_off_did_not_come_first() -> None:
    """Its refund failed before it was begun; paid again later, it is the second one."""
    erp = Erp(total="500.00")
    erp.silent.add(NOTE)
    erp.hear(snapshot(return_id="r1", refunds=[refund("rf-r1", "40.00")]))
    erp.hear(snapshot(2, return_id="r1", refunds=[refund("rf-r1", "40.00", "failed")]))
    erp.speak(NOTE)
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf-r2", "40.00")]))
    assert [body["return_id"] for body in erp.made(NOTE)] == ["r2"]
    erp.hear(snapshot(3, return_id="r1", refunds=[refund("rf-r1", "40.00")]))
    assert [body["return_id"] for body in erp.made(NOTE)] == ["r2"]
    assert exception(erp, "duplicate")["return_id"] == "r1"


def test_r11_both_that_somebody_said_yes_to_go_on_together() -> None:
    """A yes to the second while the first is still on its way calls neither off."""
    for first, second in (("r1", "r2"), ("r2", "r1")):
        erp = Erp()
        erp.silent.add(NOTE)
        for name in (first, second):
            erp.hear(snapshot(return_id=name, refunds=[refund(f"rf-{name}", "40.00")]))
        erp.hear(decision("approve", exception(erp, "duplicate")["command"]))
        assert [command.void for command in erp.asked if command.kind is NOTE] == [False, False]
        erp.speak(NOTE)
        assert sorted(body["return_id"] for body in erp.made(NOTE)) == ["r1", "r2"]
        assert erp.exceptions() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"paid": {"amount": "39.99"}},
        {"lines": [tee(quantity=2, unit_price="20.00")]},
        {"lines": [hat(unit_price="40.00", tax_amount="6.67")]},
        {"lines": [tee(), hat(unit_price="0.00", tax_amount="0.00")]},
        {"paid": {"kind": "goodwill"}},
        {"paid": {"state": "pending"}},
        {"paid": {"state": "failed"}},
        {"lines": [], "shipping_refund": "40.00"},
        {"lines": [tee(request="exchange", unit_price="40.00")]},
    ],
    ids=["amount", "quantity", "line", "one line more", "goodwill", "pending", "failed", "no lines", "exchanged"],
)
def test_r11_refunds_that_differ_are_no_twins(changes: dict[str, Any]) -> None:
    """Whatever else may be asked about them, in either order of their ids."""
    for first, second in (("r1", "r2"), ("r2", "r1")):
        assert "duplicate" not in [kind for kind, _ in both(first, second, **changes).exceptions()]


def test_r11_two_equal_refunds_of_one_return_are_no_twins() -> None:
    """A return may be refunded in equal parts."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "20.00"), refund("rf2", "20.00")]))
    assert (len(erp.made(NOTE)), erp.exceptions()) == (2, [])


def test_r11_lines_told_in_another_order_are_the_same_lines() -> None:
    """The order of a list says nothing."""
    erp = Erp(total="500.00")
    lines = [tee("l1"), hat("l2")]
    erp.hear(snapshot(return_id="r1", lines=lines, refunds=[refund("rf1", "50.00")]))
    erp.hear(snapshot(return_id="r2", lines=list(reversed(lines)), refunds=[refund("rf2", "50.00")]))
    assert exception(erp, "duplicate")["refund_id"] == "rf2"


def test_r11_a_line_is_known_by_the_order_line_else_by_its_sku() -> None:
    """Where Reveni names no line, two hats are two hats."""
    erp = Erp(total="500.00")
    nameless = [tee(order_line_id="")]
    erp.hear(snapshot(return_id="r1", lines=nameless, refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(return_id="r2", lines=nameless, refunds=[refund("rf2", "40.00")]))
    assert exception(erp, "duplicate")["refund_id"] == "rf2"


def test_r11_growth_of_a_note_is_no_twin() -> None:
    """The supplement of a refund that grew is a note of its own, and nobody asks whether it is meant."""
    erp = both("r1", "r2", {"amount": "30.00"})
    grown = refund("rf-r2", "40.00")
    erp.hear(snapshot(2, return_id="r2", refunds=[grown]))
    assert [(command.subject, command.body["amount"]) for command, _ in erp.documents if command.kind is NOTE] == [
        ("rf-r1", "40.00"),
        ("rf-r2", "30.00"),
        ("rf-r2~2", "10.00"),
    ]
    assert erp.exceptions() == []


def test_r11_a_refund_that_was_rejected_is_nobodys_twin() -> None:
    """Finance said that the first is not to be credited: of the second only its own sum is asked about."""
    erp = Erp(total="500.00")
    erp.hear(snapshot(return_id="r1", refunds=[refund("rf1", "45.00")]))
    erp.hear(decision("reject", exception(erp, "mismatch", "credit_note")["command"]))
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "45.00")]))
    assert erp.exceptions() == [("mismatch", "credit_note")]
    assert exception(erp, "mismatch")["refund_id"] == "rf2"
