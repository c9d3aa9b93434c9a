"""Decisions about return authorisations: at once, line by line, checked against what was bought (R01, R02, R13-R17)."""

from __future__ import annotations

from typing import Any

import pytest

from streams.facts import Fact
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT


def line_ids(body: dict[str, Any]) -> list[str]:
    return [line["line_id"] for line in body["lines"]]


def test_r01_an_authorisation_at_once_line_by_line() -> None:
    """Before anything has arrived, each returned line names the order line it was bought on."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(), hat()]))
    (made,) = erp.made(RMA)
    assert made["source"] == {"kind": "sales_order", "number": "1001"}
    lines = [(line["order_line"], line["order_line_id"], line["item"], line["reason"]) for line in made["lines"]]
    assert lines == [("1", "ol1", "4711", "1"), ("2", "ol2", "HAT-1", "1")]
    assert len(erp.documents) == 1


def test_r01_later_news_makes_no_second_authorisation() -> None:
    """A return that moves on has its authorisation already."""
    erp = Erp()
    for version, state in enumerate(("in_progress", "shipped", "received", "accepted"), start=1):
        erp.hear(snapshot(version, state=state))
    assert len(erp.made(RMA)) == 1


@pytest.mark.parametrize(
    ("bad", "kind", "reason"),
    [
        (tee("l9", order_line_id="ol9", sku="SHOE-1"), "not-found", "was not bought"),
        (tee("l9", quantity=3), "mismatch", "returns 3; of 2 bought"),
        (tee("l9", quantity=0), "invalid", "quantity 0"),
    ],
)
def test_r02_a_bad_line_stays_behind_and_the_good_line_goes_on(bad: dict[str, Any], kind: str, reason: str) -> None:
    """What was not bought or is over-returned is an exception with the reason; the rest is authorised."""
    erp = Erp()
    erp.hear(snapshot(lines=[bad, hat()]))
    assert [line_ids(body) for body in erp.made(RMA)] == [["l2"]]
    held = exception(erp, kind)
    assert reason in held["reason"]
    assert held["part"] == "l9"


def test_r16_the_letter_of_a_held_line_stays_the_same_one_when_the_others_are_authorised() -> None:
    """A person may have it open meanwhile, and the note waits for it before as well as after."""
    erp = Erp()
    erp.silent.add(RMA)
    erp.hear(snapshot(lines=[tee("l9", order_line_id="ol9", sku="SHOE-1"), hat()]))
    asked = exception(erp, "not-found")["command"]["id"]
    assert erp.made(RMA) == []
    erp.speak(RMA)
    assert [line_ids(body) for body in erp.made(RMA)] == [["l2"]]
    assert exception(erp, "not-found")["command"]["id"] == asked


def test_r02_a_held_line_is_told_in_the_very_decision_that_asks_for_the_others() -> None:
    """Nothing else may be heard of the order for days."""
    erp = Erp()
    erp.row.absorb(snapshot(lines=[tee("l9", order_line_id="ol9", sku="SHOE-1"), hat()]))
    (question,) = erp.decide()
    erp.row.absorb(erp.carry_out(question))
    assert [command.kind for command in erp.decide()] == [RMA]
    assert exception(erp, "not-found")["part"] == "l9"


def test_r02_units_of_another_return_are_not_returned_again() -> None:
    """Two tees were bought: a first return takes both, so a second one has none left."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(quantity=2, tax_amount="13.33")]), snapshot(return_id="r2"))
    assert [body["return_id"] for body in erp.made(RMA)] == ["r1"]
    assert "0 can still come back" in exception(erp, "mismatch")["reason"]


@pytest.mark.parametrize("state", ["rejected", "cancelled"])
def test_r13_a_return_that_ends_closes_its_authorisation(state: str) -> None:
    """The closing names the authorisation it closes; a return that ended before it was heard of makes neither."""
    erp = Erp()
    erp.hear(snapshot())
    erp.hear(snapshot(2, state=state))
    (closing,) = erp.made(DocumentKind.RETURN_CLOSING)
    assert closing["source"] == {"kind": "return_authorisation", "number": "return_authorisation-1"}
    unheard = Erp()
    unheard.hear(snapshot(2, state=state))
    assert unheard.documents == []


def test_r13_reopened_it_gets_a_further_authorisation() -> None:
    """Reveni may reopen a cancelled return; the closed authorisation stays closed."""
    erp = Erp()
    for version, state in enumerate(("in_progress", "cancelled", "in_progress"), start=1):
        erp.hear(snapshot(version, state=state))
    assert [command.subject for command, _ in erp.documents if command.kind is RMA] == ["r1", "r1~2"]


def test_r14_a_closed_order_gets_a_standalone_authorisation() -> None:
    """Without a sales order to start from, it names the customer and the original order."""
    erp = Erp(status="closed")
    erp.hear(snapshot())
    (made,) = erp.made(RMA)
    assert (made["form"], made["order_id"], made["customer"]) == ("standalone", "5001", {"number": "55"})
    assert "source" not in made
    assert made["lines"][0]["amount"] == "40.00"


@pytest.mark.parametrize("lost", [{"found": 0}, {"found": 2}, {"status": "archived"}])
def test_r15_a_lost_order_goes_on_once_it_is_named(lost: dict[str, Any]) -> None:
    """Nothing is made meanwhile; the name is asked for, and everything that waited goes on by itself."""
    erp = Erp(**lost)
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    assert erp.documents == []
    held = exception(erp, "not-found", "return_authorisation")
    assert held["owner"] == "operations"
    erp.order |= {"found": 1, "status": "fulfilled"}
    erp.hear(decision("name_order", held["command"], to="1001-B"))
    asked = [command.body["order_id"] for command in erp.asked if command.kind is DocumentKind.ORDER_SNAPSHOT]
    assert asked == ["5001", "1001-B"]
    assert len(erp.made(RMA)) == len(erp.made(NOTE)) == 1
    assert erp.made(NOTE)[0]["order_id"] == "5001", "the name is an attribute, never the key"
    assert erp.exceptions() == []


@pytest.mark.parametrize("lost", [{"found": 0}, {"found": 2}, {"status": "archived"}])
def test_r15_goods_that_need_the_order_to_be_counted_wait_for_the_authorisations_letter(lost: dict[str, Any]) -> None:
    """A set that was looked at in its parts: Operations is told once that its order is not found."""
    parts = [{"sku": "TOP", "quantity": 1, "list_price": "10.00"}]
    erp = Erp(**lost, lines=[order_line("2", "ol2", "SET-1", 1, "10.00", "1.67", components=parts)])
    erp.hear(snapshot(lines=[hat() | {"sku": "SET-1"}], refunds=[refund("rf1", "10.00")]))
    erp.hear(inspected(("l2", "TOP", 1, "sellable")))
    held = exception(erp, "not-found", "return_authorisation")
    assert erp.exceptions() == [("not-found", "return_authorisation")]
    letter = f"letter:{held['command']['id']}"
    waiting = [("credit_note", letter), ("item_receipt", letter), ("return_authorisation", "decision")]
    assert erp.waiting() == waiting
    erp.order |= {"found": 1, "status": "fulfilled"}
    erp.hear(decision("name_order", held["command"], to="1001-B"))
    assert [len(erp.made(kind)) for kind in (RMA, NOTE, RECEIPT)] == [1, 1, 1]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_r15_where_no_authorisation_is_wanted_the_goods_say_it_themselves() -> None:
    """A rejected return of a set: what was found of it cannot be counted."""
    erp = Erp(found=0)
    erp.hear(snapshot(lines=[hat() | {"sku": "SET-1"}], state="rejected"))
    erp.hear(inspected(("l2", "TOP", 1, "damaged")))
    assert erp.exceptions() == [("not-found", "item_receipt")]


@pytest.mark.parametrize("change", [{"sku": "TEE-CRIMSON-M"}, {"active": False}])
def test_r16_a_changed_or_archived_item_waits_for_its_new_name(change: dict[str, Any]) -> None:
    """The line and the note that covers it wait, the other line goes on; once mapped everything does."""
    sold = order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33") | change
    erp = Erp(lines=[sold, order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67")])
    erp.hear(snapshot(lines=[tee(), hat()], refunds=[refund("rf1", "50.00")]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), ("l2", "HAT-1", 1, "sellable")))
    assert [line_ids(body) for body in erp.made(RMA)] == [["l2"]]
    assert [line_ids(body) for body in erp.made(RECEIPT)] == [["l2"]]
    assert erp.made(NOTE) == []
    held = exception(erp, "unmapped", "return_authorisation")
    assert (held["owner"], held["mapping_key"]) == ("ecommerce", "skus.TEE-RED-M")
    letter = f"letter:{held['command']['id']}"
    waiting = [("credit_note", letter), ("item_receipt", letter), ("return_authorisation", "decision")]
    assert erp.waiting() == waiting

    erp.hear(decision("map_sku", held["command"], sku="TEE-RED-M", to="TEE-CRIMSON-M"))
    assert [line_ids(body) for body in erp.made(RMA)] == [["l2"], ["l1"]]
    assert sorted(line_ids(body) for body in erp.made(RECEIPT)) == [["l1"], ["l2"]]
    assert [body["amount"] for body in erp.made(NOTE)] == ["50.00"]
    assert erp.exceptions() == []
    assert erp.waiting() == []


@pytest.mark.parametrize("state", ["rejected", "cancelled"])
@pytest.mark.parametrize(
    ("change", "line", "kind", "owner"),
    [
        ({"active": False}, {}, "unmapped", "ecommerce"),
        ({"sku": "TEE-CRIMSON-M"}, {}, "unmapped", "ecommerce"),
        ({}, {"sku": "SCARF-1", "order_line_id": "ol7"}, "not-found", "operations"),
    ],
    ids=["archived", "renamed", "not-bought"],
)
def test_r16_a_note_that_stands_alone_waits_for_its_lines_as_well(
    change: dict[str, Any], line: dict[str, Any], kind: str, owner: str, state: str
) -> None:
    """A return that is off gets no authorisation which would say so; the account is not asked for what it refuses."""
    sold = order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33") | change
    erp = Erp(lines=[sold, order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67")])
    erp.hear(snapshot(lines=[tee() | line, hat()], refunds=[refund("rf1", "50.00")], state=state))
    assert erp.documents == []
    held = exception(erp, kind, "credit_note")
    assert held["owner"] == owner
    if kind == "unmapped":
        assert held["mapping_key"] == "skus.TEE-RED-M"
        erp.hear(decision("map_sku", held["command"], sku="TEE-RED-M", to="TEE-CRIMSON-M"))
    else:
        erp.hear(decision("post_anyway", held["command"]))
    (note,) = erp.made(NOTE)
    sku = "TEE-CRIMSON-M" if kind == "unmapped" else "SCARF-1"
    assert (note["form"], note["amount"], note["lines"][0]["sku"]) == ("standalone", "50.00", sku)
    assert erp.exceptions() == []


def test_r16_an_operator_may_post_before_the_line_is_settled() -> None:
    """`post_anyway` names the waiting note; it stands alone, since no authorisation holds the line."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33", active=False)])
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    (waits,) = (item for item in erp.row.waiting.values() if item.step == "credit_note")
    erp.hear(decision("post_anyway", command_id=waits.command_id))
    (note,) = erp.made(NOTE)
    assert (note["form"], note["amount"]) == ("standalone", "40.00")


RETURNED = snapshot(refunds=[refund("rf1", "40.00")])
SHIPPING = snapshot(lines=[], refunds=[refund("rf1", "4.95")], shipping_refund="4.95")
LOOKED_AT = inspected(("l1", "TEE-RED-M", 1, "damaged"))


@pytest.mark.parametrize(
    ("left_out", "facts", "step", "key"),
    [
        ('too_small = { ns = "1" }', [RETURNED], "return_authorisation", "reasons.too_small.ns"),
        ('GB-STD = { ns = "5", rate = "20" }', [RETURNED], "credit_note", "tax_codes.GB-STD.ns"),
        ('bank_transfer = { ns = "customer_credit" }', [RETURNED], "credit_note", "refund_methods.bank_transfer.ns"),
        ('shipping = { ns = "901", tax_code = "GB-STD" }', [SHIPPING], "credit_note", "items.shipping.ns"),
        ('damaged = { to = "quarantine" }', [RETURNED, LOOKED_AT], "item_receipt", "dispositions.damaged"),
        ('quarantine = "102", ', [RETURNED, LOOKED_AT], "item_receipt", "locations.WH-LON.ns.quarantine"),
        (
            'identity = true                     # a SKU not listed is itself\nTEE-RED-M = { ns = "4711" }',
            [RETURNED],
            "return_authorisation",
            "skus.TEE-RED-M.ns",
        ),
    ],
)
def test_r17_a_missing_mapping_is_named_and_its_arrival_lets_the_work_go_on(
    left_out: str, facts: list[Fact], step: str, key: str
) -> None:
    """No default is ever taken; a new profile version with the mapping ends the exception by itself."""
    instead = "identity = false" if "identity" in left_out else ""
    erp = Erp(using=rules((left_out, instead)))
    erp.hear(*facts)
    held = exception(erp, "unmapped", step)
    assert held["mapping_key"] == key
    assert erp.made(DocumentKind(step)) == []
    erp.rules = rules(version=2)
    erp.settle()
    assert len(erp.made(DocumentKind(step))) == 1
    assert erp.exceptions() == []
