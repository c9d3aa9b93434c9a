"""An authorisation that no longer says what comes back: replaced while unused, shown to a person after that (I6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from streams.commands import Failure
from streams.facts import Fact
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line
from tests.unit.told import decision, exception, inspected, snapshot

RMA, CLOSING = DocumentKind.RETURN_AUTHORISATION, DocumentKind.RETURN_CLOSING
NOTE, RECEIPT = DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT
TWO: dict[str, Any] = {"quantity": 2, "tax_amount": "13.33"}


def held(body: Mapping[str, Any]) -> dict[str, int]:
    return {str(line["line_id"]): int(line["quantity"]) for line in body["lines"]}


def standing(erp: Erp) -> list[dict[str, int]]:
    """What the authorisations hold that are not closed."""
    closed = {body["source"]["number"] for body in erp.made(CLOSING)}
    return [held(command.body) for command, number in erp.documents if command.kind is RMA and number not in closed]


def both(*lines: Mapping[str, Any], version: int = 1, **changes: Any) -> Fact:
    return snapshot(version, lines=list(lines), **changes)


@pytest.mark.parametrize(
    ("before", "after", "stands"),
    [
        ([tee(**TWO)], [tee()], [{"l1": 1}]),
        ([tee()], [tee(**TWO)], [{"l1": 2}]),
        ([tee(), hat()], [hat()], [{"l2": 1}]),
        ([tee(), hat()], [tee(**TWO), hat()], [{"l1": 2, "l2": 1}]),
        ([tee()], [], []),
    ],
)
def test_i6_what_stands_is_what_comes_back_now(
    before: list[dict[str, Any]], after: list[dict[str, Any]], stands: list[dict[str, int]]
) -> None:
    """The unused authorisation is closed and another one made, as if the newest state had come first."""
    erp, straight = Erp(), Erp()
    erp.hear(both(*before))
    erp.hear(both(*after, version=2))
    straight.hear(both(*after, version=2), both(*before))
    assert standing(erp) == standing(straight) == stands
    assert erp.exceptions() == straight.exceptions() == []
    assert erp.waiting() == []


def test_a_note_and_a_receipt_wait_for_the_authorisation_that_replaces() -> None:
    """The refund and the goods come with the change: both are made from the new authorisation."""
    erp = Erp()
    erp.hear(both(tee()))
    erp.hear(
        both(tee(**TWO), version=2, state="received", refunds=[refund("rf1", "80.00")]),
        inspected(("l1", "TEE-RED-M", 2, "sellable")),
    )
    further = next(number for command, number in erp.documents if command.subject == "r1~2")
    assert [body["source"]["number"] for body in (*erp.made(NOTE), *erp.made(RECEIPT))] == [further, further]
    assert erp.exceptions() == []


def test_nothing_is_made_from_one_that_is_being_closed() -> None:
    """Until the closing is answered neither the note nor the receipt is asked for, even where it is not needed now."""
    erp = Erp()
    erp.hear(both(tee()))
    erp.silent = {CLOSING}
    erp.hear(both(tee(**TWO), version=2))
    erp.hear(
        both(tee(), version=3, state="received", refunds=[refund("rf1", "40.00")]),
        inspected(("l1", "TEE-RED-M", 1, "sellable")),
    )
    assert erp.made(NOTE) == erp.made(RECEIPT) == []
    erp.speak(CLOSING)
    assert standing(erp) == [{"l1": 1}]
    assert len(erp.made(NOTE)) == len(erp.made(RECEIPT)) == 1


def test_goods_wait_for_it_beside_a_line_that_is_held() -> None:
    """A held line lets the goods of the others pass, though not while their authorisation is being closed."""
    erp = Erp()
    stray = tee("l9", order_line_id="ol9", sku="SHOE-1")
    erp.hear(both(tee(), stray))
    erp.silent = {CLOSING}
    erp.hear(both(tee(**TWO), stray, version=2, state="received"), inspected(("l1", "TEE-RED-M", 2, "sellable")))
    assert erp.made(RECEIPT) == []
    erp.speak(CLOSING)
    assert [body["lines"][0]["quantity"] for body in erp.made(RECEIPT)] == [2]


@pytest.mark.parametrize("used", [NOTE, RECEIPT])
def test_one_that_was_used_stays_beside_an_exception(used: DocumentKind) -> None:
    """Its units are credited or received already: nothing is counted twice, and a person says yes or amends it."""
    erp = Erp()
    paid: dict[str, Any] = {"refunds": [refund("rf1", "80.00")]} if used is NOTE else {}
    erp.hear(both(tee(**TWO), hat(), **paid))
    if used is RECEIPT:
        erp.hear(inspected(("l2", "HAT-1", 1, "sellable")))
    assert len(erp.made(used)) == 1
    erp.hear(both(tee(), hat(), version=2))
    assert standing(erp) == [{"l1": 2, "l2": 1}]
    assert erp.made(CLOSING) == []
    found = exception(erp, "mismatch", "return_authorisation")
    assert "holds 2 of line l1 (TEE-RED-M), the return sends back 1 now" in found["reason"]
    assert found["owner"] == "warehouse"
    issued = next(x.command for x in erp.row.issued.values() if x.command.kind is RMA)
    erp.hear(decision("approve", command_id=issued.id, revision=issued.revision, hash=issued.hash))
    assert ("mismatch", "return_authorisation") not in erp.exceptions()


def test_it_ends_by_itself_once_the_return_agrees_again() -> None:
    """Reveni puts the units back: nothing is left to see to."""
    erp = Erp()
    erp.hear(both(tee(**TWO), hat(), refunds=[refund("rf1", "80.00")]))
    erp.hear(both(tee(), hat(), version=2))
    assert exception(erp, "mismatch", "return_authorisation")
    erp.hear(both(tee(**TWO), hat(), version=3))
    assert ("mismatch", "return_authorisation") not in erp.exceptions()


def test_a_note_on_its_way_decides_whether_it_is_replaced() -> None:
    """The note may have been made from it: its closing waits, and there is none once the note is there."""
    erp = Erp()
    erp.silent = {NOTE}
    erp.hear(both(tee(**TWO), refunds=[refund("rf1", "80.00")]))
    erp.hear(both(tee(), version=2))
    assert erp.made(CLOSING) == []
    assert ("return_closing", "credit_note") in erp.waiting()
    erp.speak(NOTE)
    assert standing(erp) == [{"l1": 2}]
    assert exception(erp, "mismatch", "return_authorisation")


def test_a_refused_closing_holds_nothing_back() -> None:
    """The account will not close it: a person is asked once, and the note is made from what there is."""
    erp = Erp()
    erp.refuse = {CLOSING: Failure(ErrorKind.REFUSED, "not so")}
    erp.hear(both(tee(**TWO)))
    erp.hear(both(tee(), version=2, refunds=[refund("rf1", "40.00")]))
    assert len(erp.made(NOTE)) == 1
    assert erp.exceptions() == [("refused", "return_closing")]


def test_a_line_that_a_person_has_to_see_to_stays_with_them_while_another_is_replaced() -> None:
    """The exception about a line that was not bought is open all the while."""
    erp = Erp()
    stray = tee("l9", order_line_id="ol9", sku="SHOE-1")
    erp.hear(both(tee(), stray))
    erp.silent = {CLOSING}
    erp.hear(both(tee(**TWO), stray, version=2))
    assert erp.exceptions() == [("not-found", "return_authorisation")]
    erp.speak(CLOSING)
    assert standing(erp) == [{"l1": 2}]
    assert erp.exceptions() == [("not-found", "return_authorisation")]


def test_another_takes_its_place_once_it_is_closed_and_not_before() -> None:
    """Until then the account holds the old one; whoever waits is told for what."""
    erp = Erp()
    erp.hear(both(tee(**TWO)))
    erp.silent = {CLOSING}
    erp.hear(both(tee(), version=2))
    assert [command.subject for command in erp.asked if command.kind is RMA] == ["r1"]
    assert ("return_authorisation", "return_closing") in erp.waiting()
    erp.speak(CLOSING)
    assert [command.subject for command in erp.asked if command.kind is RMA] == ["r1", "r1~2"]
    assert erp.waiting() == []


def rows(erp: Erp) -> list[list[tuple[str, str]]]:
    """By authorisation: (order line, SKU)."""
    return [[(line["order_line"], line["sku"]) for line in body["lines"]] for body in erp.made(RMA)]


def test_another_item_is_another_item_also_where_nobody_tells_line_ids() -> None:
    """The shopper sends the hat instead of the tee; neither names a line of the order."""
    erp = Erp()
    erp.hear(both(tee(order_line_id="")))
    erp.hear(both(hat("l1", order_line_id=""), version=2))
    assert rows(erp) == [[("1", "TEE-RED-M")], [("2", "HAT-1")]]
    assert len(erp.made(CLOSING)) == 1


def test_another_line_of_one_sku_and_another_part_of_one_bundle_are_others_too() -> None:
    """By the line's id, and by the part; the same part again is nothing new."""
    parts = [
        {"sku": sku, "item": sku, "quantity": 1, "list_price": "5.00", "order_line": sku} for sku in ("CUP", "POT")
    ]
    lines = [
        order_line("1", "ol1", "TEE-RED-M", 1, "40.00", "6.67"),
        order_line("2", "ol2", "TEE-RED-M", 1, "40.00", "6.67"),
        order_line("3", "ol3", "SET-1", 1, "10.00", "1.67", components=parts),
    ]
    of_the_set: dict[str, Any] = {"order_line_id": "ol3", "sku": "SET-1", "unit_price": "10.00", "tax_amount": "1.67"}
    for before, after, made in (
        (tee(), tee(order_line_id="ol2"), ["1", "2"]),
        (tee(component_sku="CUP", **of_the_set), tee(component_sku="POT", **of_the_set), ["CUP", "POT"]),
        (tee(component_sku="CUP", **of_the_set), tee(component_sku="CUP", reason="faulty", **of_the_set), ["CUP"]),
    ):
        erp = Erp(lines=lines)
        erp.hear(both(before))
        erp.hear(both(after, version=2))
        assert [row for made_rows in rows(erp) for row, _ in made_rows] == made
        assert erp.exceptions() == []


def test_a_line_that_makes_no_sense_now_changes_nothing() -> None:
    """A quantity that cannot be read says nothing about what comes back."""
    erp = Erp()
    erp.hear(both(tee(), hat()))
    erp.hear(both(tee(quantity="two"), hat(), version=2))
    assert erp.made(CLOSING) == []
    assert len(erp.made(RMA)) == 1


def test_a_closing_that_a_person_rejected_is_not_asked_for_again() -> None:
    """The authorisation stays as it is."""
    erp = Erp()
    erp.hear(both(tee(**TWO)))
    erp.silent = {CLOSING}
    erp.hear(both(tee(), version=2))
    (closing,) = (command for command in erp.asked if command.kind is CLOSING)
    erp.hear(decision("reject", closing.as_json()))
    erp.speak(CLOSING)
    erp.hear(both(tee(), version=3, state="shipped"))
    assert [command.void for command in erp.asked if command.kind is CLOSING] == [False, True]
    assert standing(erp) == [{"l1": 2}]


def test_what_a_person_made_a_person_mends() -> None:
    """An authorisation made by hand is never closed; the exception shows what it holds."""
    erp = Erp()
    erp.refuse = {RMA: Failure(ErrorKind.REFUSED, "not so")}
    erp.hear(both(tee(**TWO)))
    erp.hear(decision("done_by_hand", exception(erp, "refused")["command"], number="RA-9"))
    erp.refuse = {}
    erp.hear(both(tee(), version=2))
    assert erp.made(CLOSING) == []
    found = exception(erp, "mismatch", "return_authorisation")
    assert found["reason"].startswith(
        "Return authorisation (made by hand) stands as it was made: it holds 2 of line l1"
    )
    assert found["command"]["body"]["lines"][0]["quantity"] == 2


def test_a_note_of_another_return_does_not_keep_it() -> None:
    """Only what was made from this very authorisation counts."""
    erp = Erp()
    erp.hear(snapshot(return_id="r2", lines=[hat()], refunds=[refund("rf2", "10.00")]))
    erp.hear(both(tee(**TWO)))
    erp.hear(both(tee(), version=2))
    assert [body["return_id"] for body in erp.made(CLOSING)] == ["r1"]
    shown = Erp()
    shown.hear(both(tee(**TWO), refunds=[refund("rf1", "80.00")]))
    (number,) = (number for command, number in shown.documents if command.kind is RMA)
    shown.hear(both(tee(), version=2))
    reason = exception(shown, "mismatch", "return_authorisation")["reason"]
    assert reason.startswith(f"Return authorisation {number} stands as it was made")
