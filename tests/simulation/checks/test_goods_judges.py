"""What the judges of goods know from outside: corrections that somebody has to see to, and what people renamed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from streams.vocabulary import DocumentKind, OutcomeStatus
from tests.scenarios.messages import refund, replacement, return_event, return_of, tee
from tests.simulation.checks.history import ORDER, History
from tests.simulation.checks.test_watch import LINES, NOTE, RECEIPT, RMA, SHELF, authorised, inspected

MISNAMED = "95001"
MOVE = "ins-r1/l1/TEE-RED-M/sellable@WH-LON>damaged@WH-LON"


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        (MOVE, 1),
        (MOVE, 2),
        (f"{MOVE}~2", 1),
        ("ins-2/l1/TEE-RED-M/sellable@WH-LON>damaged@WH-LON", 1),
        ("ins-r1/l2/HAT-1/sellable@WH-LON>damaged@WH-LON", 1),
        ("ins-r1/l1/TEE-RED-M/damaged@WH-LON>sellable@WH-LON", 1),
    ],
)
def test_i4_goods_that_a_correction_could_not_take_off_the_shelf(subject: str, kept: int) -> None:
    """A move that is open with somebody accounts for the units that it was to take there, and for nothing else."""
    history = authorised()
    history.inspect(("l1", "TEE-RED-M", kept, "sellable"))
    history.make(RECEIPT, "ins-1/l1/TEE-RED-M/sellable", lines=[{"sku": "TEE-RED-M", "quantity": kept}], **SHELF)
    history.inspect(("l1", "TEE-RED-M", kept, "damaged"), version=2)
    history.except_for("stock_movement", subject)
    found = history.finish()
    assert ("restocked-more-than-inspected" in found) is not subject.startswith(MOVE)


@pytest.mark.parametrize("ruling", ["applied", "void: revision moved on"])
def test_i4_a_move_that_a_person_made_by_hand(ruling: str) -> None:
    """What an operator did by hand is owed no more; a decision that was void changes nothing."""
    history = inspected()
    history.inspect(("l1", "TEE-RED-M", 1, "damaged"), version=2)
    move = history.ask(DocumentKind.STOCK_MOVEMENT, MOVE)
    history.changelog()
    history.publish(move)
    history.end(move, status=OutcomeStatus.REFUSED, number="")
    history.decide("done_by_hand", ruling, command_id=move.id, number="77")
    assert ("restocked-more-than-inspected" in history.finish()) is (ruling != "applied")


def renamed(*decisions: dict[str, Any]) -> History:
    """A tee that was told under a SKU that is no more, with what people said of it."""
    history = History()
    history.snapshot(lines=[tee(sku="OLD-1")])
    for said in decisions:
        history.decide("map_sku", **said)
    history.inspect(("l1", "OLD-1", 1, "sellable"))
    return history


@pytest.mark.parametrize(
    ("decisions", "lawful"),
    [
        ([{"sku": "OLD-1", "to": "TEE-RED-M"}], True),
        ([{"sku": "OLD-1", "to": "HAT-1"}, {"sku": "OLD-1", "to": "TEE-RED-M"}], True),
        ([{"sku": "OLD-1", "to": "HAT-1"}], False),
        ([], False),
    ],
)
def test_i4_goods_of_a_sku_that_an_operator_named_otherwise(decisions: list[dict[str, Any]], lawful: bool) -> None:
    """What is told under one name and booked under the other is the same goods; under any other name it is not."""
    history = renamed(*decisions)
    history.make(RMA, "r1", lines=LINES)
    history.make(RECEIPT, "ins-r1/l1/TEE-RED-M/sellable", lines=LINES, **SHELF)
    found = history.finish()
    goods = {"received-more-than-inspected", "received-more-than-returned", "restocked-uninspected", "goods-missing"}
    assert found & goods == (set() if lawful else goods)


def test_i4_goods_of_two_names_are_counted_together() -> None:
    """Another name makes no more goods: one was inspected, and one was received under each name."""
    history = renamed({"sku": "OLD-1", "to": "TEE-RED-M"})
    history.make(RMA, "r1", lines=LINES)
    for sku in ("OLD-1", "TEE-RED-M"):
        history.make(RECEIPT, f"ins-r1/l1/{sku}/sellable", lines=[{"sku": sku, "quantity": 1}], **SHELF)
    goods = {"received-more-than-inspected", "received-more-than-returned", "restocked-uninspected"}
    assert history.finish() == goods


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ([], {"exchange-lost"}),
        (["TEE-NAVY-M"], set()),
        (["OLD-1", "TEE-NAVY-M"], {"exchange-doubled"}),
        (["HAT-1"], {"exchange-lost", "exchange-doubled"}),
    ],
)
def test_x03_an_exchange_for_a_sku_that_an_operator_named_otherwise(sent: list[str], found: set[str]) -> None:
    """A SKU's other name says what was sent for it; that nothing was sent, or two were, it does not explain."""
    history = authorised(type="exchange", lines=[tee(request="exchange")], replacements=[replacement("OLD-1")])
    history.decide("map_sku", sku="OLD-1", to="TEE-NAVY-M")
    for sku in sent:
        history.book("exchange_order", lines=[{"sku": sku, "quantity": 1}], amount="0.00")
    assert history.finish() == found


def misnamed(name: str, quantity: int = 1, amount: str = "40.00") -> History:
    """A return of an order that does not exist, after an operator said what it is called; authorised and credited."""
    history = History()
    paid = {"refunds": [refund("rf9", amount)], "state": "accepted"}
    data = {**return_of(MISNAMED, "r9", 1, lines=[tee(quantity=quantity)], **paid), "shipping_refund": "0.00"}
    history.send(history.delivery(return_event(data, "e9")))
    if name:
        said = {"id": "d9", "order_id": MISNAMED, "decision": {"kind": "name_order", "to": name}}
        history.append("events.decisions", MISNAMED.encode(), orjson.dumps(said))
    lines = [{"sku": "TEE-RED-M", "quantity": quantity}]
    history.book("return_authorisation", order_id=MISNAMED, lines=lines)
    history.book("credit_note", order_id=MISNAMED, lines=lines, amount=amount)
    return history


@pytest.mark.parametrize(("name", "lawful"), [(ORDER, True), ("", False), (f"{MISNAMED}-X", False)])
def test_i4_i5_documents_of_an_order_that_an_operator_named(name: str, lawful: bool) -> None:
    """They are held against what was sold under that name; where that is nothing, there may be none."""
    history = misnamed(name)
    wrong = {"authorised-more-than-sold", "credit-for-no-order"}
    assert history.found == (set() if lawful else wrong)
    assert history.finish() & wrong == history.found & wrong


def test_i4_i5_an_order_and_what_goes_by_its_name_are_counted_together() -> None:
    """Two tees were sold for 94.95 with the hat: one order is not returned twice under two names."""
    history = misnamed(ORDER, quantity=2, amount="60.00")
    history.snapshot(refunds=[refund("rf1", "60.00")], state="accepted")
    assert history.found == set()
    history.make(RMA, "r1", lines=LINES)
    assert history.found == {"authorised-more-than-sold"}
    history.make(NOTE, "rf1", amount="60.00")
    assert history.found == {"authorised-more-than-sold", "credited-more-than-paid"}


@pytest.mark.parametrize(
    ("versions", "reason", "found"),
    [((2, 1), "adopted", False), ((1, 2), "adopted", True), ((2, 1), "created", True), ((2,), "adopted", False)],
)
def test_r01_what_was_adopted_is_an_authorisation_of_a_return_that_may_be_that_old(
    versions: tuple[int, ...], reason: str, found: bool
) -> None:
    """L01: where the log has another version before the first, and what a person made by hand was taken for it."""
    history = History(before={"TEE-RED-M": 1})
    for version in versions:
        history.snapshot(version)
    command = history.ask(RMA, "r1", lines=LINES)
    history.changelog()
    history.publish(command)
    history.end(command, "60", reason=reason)
    assert ("authorisation-missing" in history.finish()) is found
