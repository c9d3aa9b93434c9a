"""Exceptions: every failure visible once with its owner; outages are waited out; one failure stops nothing else."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from adapters.stage.child import ChildFailed, run
from tests.scenarios.messages import refund, replacement, return_event, return_of, tee
from tests.scenarios.system import Entry, System

RMA, NOTE, RECEIPT, EXCHANGE = "return_authorisation", "credit_note", "item_receipt", "exchange_order"


@pytest.mark.parametrize(
    ("kind", "owner"), [(RMA, "finance"), (NOTE, "finance"), (RECEIPT, "warehouse"), (EXCHANGE, "cx")]
)
def test_e01_a_refusal_is_one_exception_with_reason_and_owner_and_a_way_on(
    system: System, kind: str, owner: str
) -> None:
    """Whatever the ERP refuses: kind, its own words, the team that can mend it; a retry makes the document, once."""
    order = system.new_order()
    with system.faults({"account": "ns", "kind": kind, "fault": "refuse"}):
        if kind == EXCHANGE:
            swap: dict[str, Any] = {"lines": [tee(request="exchange")], "replacements": [replacement()]}
            system.send(return_of(order, "r1", type="exchange", **swap))
        else:
            system.send(return_of(order, "r1", state="received", refunds=[refund("rf1", "40.00")]))
        if kind == RECEIPT:
            system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
        system.at_rest(order)
        refused = next(e for e in system.exceptions(order) if e["step"] == kind)
    assert refused["kind"] in ("refused", "invalid", "closed", "mismatch", "unmapped")
    assert refused["owner"] == owner
    assert len(refused["reason"].split()) > 3
    assert refused["since"]
    assert system.made(order)[kind] == 0
    system.decide("retry", refused["dlq_id"])
    system.document(order, kind)
    system.eventually(
        lambda: not [e for e in system.exceptions(order) if e["step"] == kind], "closed", order_id=order, every=0.2
    )


def test_e01_a_note_that_stands_for_another_amount_is_never_called_done(system: System) -> None:
    """The ERP answers yes and keeps a wrong amount: a mismatch for Finance, and no second note."""
    order = system.new_order()
    with system.faults({"account": "ns", "kind": NOTE, "fault": "wrong-amount", "count": 1}):
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        wrong = system.exception(order, "mismatch")
    assert wrong["owner"] == "finance"
    system.at_rest(order)
    assert system.made(order)[NOTE] == 1


def test_e01_a_yes_without_a_document_is_not_believed(system: System) -> None:
    """Accepted and lost: the note is looked for, missed and made; one stands in the end."""
    order = system.new_order()
    with system.faults({"account": "ns", "kind": NOTE, "fault": "accept-and-lose", "count": 1}):
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        assert system.document(order, NOTE)["amount"] == "40.00"
    system.at_rest(order)
    assert system.made(order)[NOTE] == 1
    assert not system.exceptions(order)


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "5xx", "status": 503, "until": 2},
        {"fault": "5xx", "status": 500, "on": "write", "until": 2},
        {"fault": "429", "retry_after": "seconds", "seconds": 1, "until": 2},
        {"fault": "429", "retry_after": "http_date", "seconds": 1, "count": 3},
        {"fault": "429", "retry_after": "absent", "count": 1},
        {"fault": "hang", "count": 1},
        {"fault": "slow", "seconds": 1, "count": 3},
    ],
    ids=lambda rule: "-".join(str(rule[name]) for name in ("fault", "status", "retry_after") if name in rule),
)
def test_e02_outage_throttle_and_slowness_only_delay(system: System, rule: dict[str, Any]) -> None:
    """Work waits as long as the ERP is away; then it is done, once, and nothing was dead-lettered."""
    order = system.new_order()
    with system.faults({"account": "ns", **rule}):
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        assert system.document(order, NOTE)["amount"] == "40.00"
    rest = system.at_rest(order)
    assert (system.made(order)[RMA], system.made(order)[NOTE]) == (1, 1)
    assert not rest["exceptions"]


def told(system: System) -> list[Entry]:
    """`exceptions --json`: all orders; 1 says that there are some."""
    try:
        said = run(["exceptions", "--all", "--json"], system.stage.env)
    except ChildFailed as failed:
        said = str(failed).partition(":\n")[2]
    found: list[Entry] = json.loads(said)
    return found


def test_e03_a_poison_message_never_blocks_others(system: System) -> None:
    """Bodies that nobody can read are taken, become exceptions without an order, and other orders go on."""
    mark = uuid.uuid4().hex
    before = len([e for e in told(system) if e["order_id"] is None])
    order = system.new_order()
    for body in (f"not json {mark}".encode(), json.dumps({"id": mark, "data": {"lines": []}}).encode(), b"\xff\x00"):
        assert system.post("reveni", body) == 200
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    system.document(order, NOTE)
    poison = system.eventually(
        lambda: found if len(found := [e for e in told(system) if e["order_id"] is None]) >= before + 3 else None,
        "three exceptions without an order",
    )
    assert len(poison) == before + 3
    assert {e["owner"] for e in poison} == {"engineering"}
    assert {e["step"] for e in poison} == {"decode", "validate"}


def test_e03_a_senseless_part_of_an_order_stops_that_part_alone(system: System) -> None:
    """One line has a price that is no number: its line and the sum wait; the good line has its RMA."""
    order = system.new_order()
    bad = tee("l2", order_line_id="ol2", sku="HAT-1", unit_price="ten")
    system.send(return_of(order, "r1", lines=[tee(), bad]))
    assert [line["sku"] for line in system.document(order, RMA)["lines"]] == ["TEE-RED-M"]
    assert system.exception(order, "invalid")["owner"] == "engineering"


def test_e03_a_dead_effect_blocks_only_what_depends_on_it(system: System) -> None:
    """The exchange order is refused: the RMA, the note and the receipt of the same return go on."""
    order = system.new_order()
    lines = [tee(request="exchange"), tee("l2")]
    with system.faults({"account": "ns", "kind": EXCHANGE, "fault": "refuse"}):
        changes: dict[str, Any] = {"type": "mixed", "replacements": [replacement()], "state": "received"}
        system.send(return_of(order, "r1", lines=lines, refunds=[refund("rf1", "40.00")], **changes))
        system.inspect(order, "r1", ("l2", "TEE-RED-M", 1, "sellable"))
        for kind in (RMA, NOTE, RECEIPT):
            system.document(order, kind)
        system.at_rest(order)
    assert [e["step"] for e in system.exceptions(order)] == [EXCHANGE]


def test_e08_a_later_success_closes_the_exception(system: System) -> None:
    """The refund was 5.00 too much until Reveni tells of a bonus: the note posts, the exception is gone by itself."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "45.00")]))
    system.exception(order, "mismatch")
    bonus = [{"kind": "keep_it", "amount": "5.00"}]
    system.send(return_of(order, "r1", 2, bonuses=bonus, refunds=[refund("rf1", "45.00")]))
    assert system.document(order, NOTE)["amount"] == "45.00"
    system.no_exceptions(order)


def test_e08_an_exception_about_a_line_closes_when_the_line_is_corrected(system: System) -> None:
    """A newer snapshot returns one hat instead of two: its RMA is made and nothing is left open."""
    order = system.new_order()
    two = tee(order_line_id="ol2", sku="HAT-1", unit_price="10.00", quantity=2, tax_amount="3.34")
    system.send(return_of(order, "r1", lines=[two]))
    system.exception(order, "mismatch")
    system.send(return_of(order, "r1", 2, lines=[{**two, "quantity": 1, "tax_amount": "1.67"}]))
    system.document(order, RMA)
    system.no_exceptions(order)


def test_e03_the_same_event_id_with_a_later_good_body_is_not_lost(system: System) -> None:
    """A poison delivery does not use up its event id: the good body under the same id counts."""
    order = system.new_order()
    event = return_event(return_of(order, "r1"), str(uuid.uuid4()))
    bad = {**event, "data": {**event["data"], "lines": "none", "currency": 7}}
    assert system.post("reveni", json.dumps(bad).encode()) == 200
    good = {**event, "data": return_of(order, "r1", 2)}
    assert system.post("reveni", json.dumps(good).encode()) == 200
    system.document(order, RMA)
