"""What was told once counts until a newer message says otherwise; what is not known here stops only what needs it."""

from __future__ import annotations

from typing import Any

import pytest

from streams.facts import Fact
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, replacement, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import exception, inspected, snapshot

RMA, NOTE, EXCHANGE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.EXCHANGE_ORDER
RECEIPT, MOVEMENT = DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT
BY_REVENI = ('inspection = "warehouse"', 'inspection = "reveni"')
TWO = {"quantity": 2, "tax_amount": "13.33"}


def heard(*facts: Fact, order: Any, using: Any = None) -> Erp:
    """Both messages in one order of arrival, before anything is decided."""
    erp = Erp(using=using)
    for fact in reversed(facts) if order == "newest first" else facts:
        erp.row.absorb(fact)
    erp.settle()
    return erp


def received(erp: Erp) -> list[tuple[str, int]]:
    """(location, units) of each receipt."""
    return [(line["location"], line["quantity"]) for body in erp.made(RECEIPT) for line in body["lines"]]


@pytest.mark.parametrize("order", ["newest last", "newest first"])
def test_restock_false_is_kept_from_an_older_message(order: str) -> None:
    """The newest list of lines leaves it out: the goods are not for sale all the same."""
    erp = heard(snapshot(1, lines=[tee(restock=False)]), snapshot(2, lines=[tee()]), order=order)
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert received(erp) == [("102", 1)]


@pytest.mark.parametrize("order", ["newest last", "newest first"])
def test_rejected_units_are_kept_from_an_older_message(order: str) -> None:
    """One of two was rejected: one is put on sale, CX has the other."""
    told = tee(**TWO, accepted_quantity=1, rejected_quantity=1)
    erp = heard(snapshot(1, lines=[told]), snapshot(2, lines=[tee(**TWO)]), order=order)
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable")))
    assert received(erp) == [("101", 1)]
    assert exception(erp, "mismatch", "item_receipt")["owner"] == "cx"


@pytest.mark.parametrize("order", ["newest last", "newest first"])
def test_accepted_units_are_kept_from_an_older_message(order: str) -> None:
    """In standard mode one of two was accepted: 40.00 is due, not 80.00."""
    told = tee(**TWO, accepted_quantity=1, verdict="accepted")
    paid = {"mode": "standard", "refunds": [refund("rf1", "40.00")]}
    erp = heard(snapshot(1, lines=[told]), snapshot(2, lines=[tee(**TWO, verdict="accepted")], **paid), order=order)
    assert [body["lines"][0]["quantity"] for body in erp.made(NOTE)] == [1]
    assert erp.exceptions() == []


@pytest.mark.parametrize("order", ["newest last", "newest first"])
@pytest.mark.parametrize("name", ["disposition", "location"])
def test_where_reveni_decides_disposition_and_location_are_kept_from_an_older_message(order: str, name: str) -> None:
    """The goods go where they were found to belong."""
    whole = {"disposition": "damaged", "location": "WH-MAN"}
    later = {field: value for field, value in whole.items() if field != name}
    story = {"state": "received", "location": "WH-LON"}
    messages = (snapshot(1, lines=[tee(**whole)], **story), snapshot(2, lines=[tee(**later)], **story))
    assert received(heard(*messages, order=order, using=rules(BY_REVENI))) == [("202", 1)]


def test_a_newer_word_about_a_line_wins_over_an_older_one() -> None:
    """Kept from sale, then given free."""
    erp = Erp()
    erp.hear(snapshot(1, lines=[tee(restock=False)]), snapshot(2, lines=[tee(restock=True)]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert received(erp) == [("101", 1)]


@pytest.mark.parametrize("name", ["amount", "kind", "method", "currency", "state", "executed_at"])
def test_a_field_of_a_refund_is_kept_from_an_older_message(name: str) -> None:
    """The newer list names the refund and leaves the field out: its note is the same."""
    whole = refund("rf1", "40.00", method="store_credit")
    less = {field: value for field, value in whole.items() if field != name}
    for order in ("newest last", "newest first"):
        erp = heard(snapshot(1, refunds=[whole]), snapshot(2, refunds=[less]), order=order)
        (note,) = erp.made(NOTE)
        assert (note["amount"], note["method"], note["date"]) == ("40.00", "store_credit", "2026-11-20T09:29:57Z")
        assert erp.exceptions() == []


def test_a_refund_in_a_state_that_is_not_known_waits() -> None:
    """No note, and no exception: Reveni will say what it is; then the note is made."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00", "on_its_way")]))
    assert erp.made(NOTE) == []
    (item,) = (item for item in erp.row.waiting.values() if item.step == "credit_note")
    assert (item.waits_for, item.refund_id, item.deadline) == ("refund", "rf1", "progress")
    assert "on_its_way, which is not known here" in item.why
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]


@pytest.mark.parametrize(("state", "waits"), [("pending", [("credit_note", "refund")]), ("failed", [])])
def test_a_refund_that_is_not_paid_makes_no_note(state: str, waits: list[tuple[str, str]]) -> None:
    """A pending one is waited for, a failed one is not."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00", state)]))
    assert (erp.made(NOTE), erp.exceptions(), erp.waiting()) == ([], [], waits)


def test_a_refund_of_a_kind_that_is_not_known_is_shown() -> None:
    """The goods refund beside it is posted."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00"), refund("rf2", "5.00", kind="cashback")]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1"]
    held = exception(erp, "invalid")
    assert (held["refund_id"], "cashback" in held["reason"], held["amount"]) == ("rf2", True, "5.00")


@pytest.mark.parametrize("mode", ["overnight", None])
def test_a_mode_that_is_not_known_holds_the_goods_note_and_nothing_else(mode: Any) -> None:
    """It cannot be said what counts; goodwill and the authorisation go on."""
    erp = Erp()
    refunds = [refund("rf1", "40.00"), refund("rf2", "5.00", kind="goodwill")]
    erp.hear(snapshot(mode=mode, refunds=refunds))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]
    assert (len(erp.made(RMA)), exception(erp, "invalid")["refund_id"]) == (1, "rf1")


def test_a_request_that_is_not_known_holds_the_goods_note() -> None:
    """Neither returned nor exchanged: its value is not known."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(request="repair"), hat()], refunds=[refund("rf1", "10.00")]))
    assert erp.made(NOTE) == []
    assert "asks for repair" in exception(erp, "invalid")["reason"]


def test_a_state_that_is_not_known_stops_nothing() -> None:
    """The goods have not arrived by it, and the return is not closed by it."""
    erp = Erp()
    erp.hear(snapshot(state="awaiting_courier", refunds=[refund("rf1", "40.00")]))
    assert (len(erp.made(RMA)), len(erp.made(NOTE)), erp.exceptions(), erp.waiting()) == (1, 1, [], [])


@pytest.mark.parametrize(("mode", "made"), [("instant", 1), ("standard", 0)])
def test_an_exchange_of_a_line_that_was_rejected(mode: str, made: int) -> None:
    """In instant mode the shopper has the new goods already; in standard mode there are none."""
    erp = Erp()
    line = tee(request="exchange", verdict="rejected")
    erp.hear(snapshot(type="exchange", mode=mode, state="rejected", lines=[line], replacements=[replacement()]))
    assert (len(erp.made(EXCHANGE)), erp.exceptions(), erp.waiting()) == (made, [], [])


def test_an_inspection_may_count_a_lot_in_two_entries() -> None:
    """They are one lot, received once."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(**TWO)]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), ("l1", "TEE-RED-M", 1, "sellable")))
    assert received(erp) == [("101", 2)]


@pytest.mark.parametrize("quantity", [0, -1, 1.0, "1", True, None, 2_000_000])
def test_units_that_cannot_be_are_invalid_for_that_entry_alone(quantity: Any) -> None:
    """The other entry of the inspection is received."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(), hat()]))
    erp.hear(inspected(("l1", "TEE-RED-M", quantity, "sellable"), ("l2", "HAT-1", 1, "sellable")))
    assert received(erp) == [("101", 1)]
    assert exception(erp, "invalid", "item_receipt")["owner"] == "engineering"


def test_goods_go_to_the_lines_location_where_the_inspection_names_none() -> None:
    """Else to the return's."""
    for line, expected in ((tee(location="WH-MAN"), "201"), (tee(), "101")):
        erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33")])
        erp.hear(snapshot(lines=[line], location="WH-LON"))
        erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), location=None))
        assert received(erp) == [(expected, 1)]
