"""Goods: nothing moves before inspection; each unit once, to the place its disposition and warehouse map to."""

from __future__ import annotations

import pytest

from tests.scenarios.messages import hat, refund, return_of, sold, tee
from tests.scenarios.system import Entry, System

RMA, NOTE, RECEIPT, MOVE = "return_authorisation", "credit_note", "item_receipt", "stock_movement"


def count(entry: Entry) -> int:
    return sum(int(line["quantity"]) for line in entry["lines"])


def test_s01_authorised_shipped_received_and_refunded_moves_nothing(system: System) -> None:
    """Every state short of an inspection leaves the stock alone; that one is missing is shown."""
    order = system.new_order()
    for version, state in enumerate(("in_progress", "shipped", "received", "accepted"), 1):
        system.send(return_of(order, "r1", version, state=state, refunds=[refund("rf1", "40.00")]))
    system.document(order, NOTE)
    rest = system.at_rest(order)
    made = system.made(order)
    assert (made[RECEIPT], made[MOVE], system.sellable(order)) == (0, 0, 0)
    assert [w["step"] for w in rest["waiting"] if w["for"] == "inspection"] == [RECEIPT]


def test_s01_an_inspection_that_overtakes_its_return_waits_for_it(system: System) -> None:
    """The warehouse's news comes first: nothing moves until the return is known and authorised, then once."""
    order = system.new_order()
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
    rest = system.at_rest(order)
    assert system.made(order) == {}
    assert [w["for"] for w in rest["waiting"]] == ["return"]
    system.send(return_of(order, "r1", state="received"))
    received = system.document(order, RECEIPT)
    assert received["created_from"] == system.document(order, RMA)["number"]
    system.at_rest(order)
    assert system.sellable(order) == 1


@pytest.mark.parametrize(
    ("disposition", "location", "sellable"),
    [("sellable", "101", 1), ("damaged", "102", 0), ("faulty", "102", 0), ("destroyed", "109", 0)],
)
def test_s02_disposition_decides_the_place(system: System, disposition: str, location: str, sellable: int) -> None:
    """Sellable goods to the main location, damaged and faulty to quarantine, destroyed to write-off."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received"))
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, disposition))
    received = system.document(order, RECEIPT)
    assert received["location"] == location
    assert (received["sellable"], system.sellable(order)) == (bool(sellable), sellable)


def test_s02_restock_false_beats_sellable(system: System) -> None:
    """Reveni says do not restock: what the warehouse calls sellable goes to quarantine."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received", lines=[tee(restock=False)]))
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
    assert system.document(order, RECEIPT)["location"] == "102"
    system.at_rest(order)
    assert system.sellable(order) == 0


def test_s02_a_disposition_that_changes_moves_the_unit_once(system: System) -> None:
    """Received as sellable, found damaged by a later version: one transfer to quarantine, no second receipt."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received"))
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
    system.document(order, RECEIPT)
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "damaged"), version=2)
    moved = system.document(order, MOVE)
    assert (moved["from"], moved["location"], moved["sellable"], count(moved)) == ("101", "102", False, 1)
    system.at_rest(order)
    assert (system.made(order)[RECEIPT], system.made(order)[MOVE]) == (1, 1)


def test_s03_stock_lands_at_the_receiving_warehouse(system: System) -> None:
    """Sold from London, received in Manchester: the goods come in there and nowhere else."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received"))
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"), location="WH-MAN")
    assert system.document(order, RECEIPT)["location"] == "201"
    system.at_rest(order)
    assert {entry["location"] for entry in system.ledger(order, RECEIPT)} == {"201"}


def test_s04_each_unit_moves_once_when_it_is_known(system: System) -> None:
    """Two of three sellable now, one damaged later, each message twice: two units, then one, and no more."""
    order = system.new_order(lines=[sold("ol1", "TEE-RED-M", 3, "40.00", "20.00")])
    system.send(return_of(order, "r1", state="received", lines=[tee(quantity=3, tax_amount="20.00")]))
    for _ in range(2):
        system.inspect(order, "r1", ("l1", "TEE-RED-M", 2, "sellable"), inspection_id="i1")
    first = system.document(order, RECEIPT)
    assert (count(first), first["location"]) == (2, "101")
    for _ in range(2):
        system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "damaged"), inspection_id="i2")
    second = system.documents(order, RECEIPT, 2)[1]
    assert (count(second), second["location"]) == (1, "102")
    system.at_rest(order)
    assert (system.sellable(order), system.made(order)[RECEIPT]) == (2, 2)


def test_s04_a_rejected_unit_that_looks_sellable_is_held_for_cx(system: System) -> None:
    """Reveni rejects the return, the warehouse calls it sellable: nothing moves, CX has the exception."""
    order = system.new_order()
    line = tee(verdict="rejected")
    system.send(return_of(order, "r1", mode="standard", state="received", lines=[line]))
    system.document(order, RMA)
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
    assert system.exception(order, "mismatch")["owner"] == "cx"
    system.at_rest(order)
    assert system.made(order)[RECEIPT] == 0


def test_s05_only_the_returned_part_of_a_bundle_moves_with_its_share_of_the_price(system: System) -> None:
    """A bundle of cap, two socks and bag for 29.99; the bag comes back: 7.50, one bag, by the order's definition."""
    parts = [
        {"sku": "CAP-1", "quantity": 1, "list_price": "20.00"},
        {"sku": "SOCK-1", "quantity": 2, "list_price": "5.00"},
        {"sku": "BAG-1", "quantity": 1, "list_price": "10.00"},
    ]
    order = system.new_order(
        lines=[sold("ol1", "SET-1", 1, "29.99", "5.00", components=parts)], shipping="0", paid="29.99"
    )
    bag = tee(sku="SET-1", component_sku="BAG-1", unit_price="29.99", tax_amount="5.00")
    system.send(return_of(order, "r1", state="received", lines=[bag], refunds=[refund("rf1", "7.50")]))
    note = system.document(order, NOTE)
    assert (note["amount"], [line["sku"] for line in note["lines"]]) == ("7.50", ["BAG-1"])
    system.inspect(order, "r1", ("l1", "BAG-1", 1, "sellable"))
    received = system.document(order, RECEIPT)
    assert [(line["sku"], int(line["quantity"])) for line in received["lines"]] == [("BAG-1", 1)]
    system.at_rest(order)
    assert system.sellable(order) == 1
    assert not system.exceptions(order)


def test_s05_a_whole_bundle_is_received_by_its_parts(system: System) -> None:
    """The bundle comes back whole; the warehouse counts its parts, and a third sock is one too many."""
    parts = [
        {"sku": "CAP-1", "quantity": 1, "list_price": "20.00"},
        {"sku": "SOCK-1", "quantity": 2, "list_price": "5.00"},
    ]
    order = system.new_order(
        lines=[sold("ol1", "SET-2", 1, "29.99", "5.00", components=parts)], shipping="0", paid="29.99"
    )
    bundle = tee(sku="SET-2", unit_price="29.99", tax_amount="5.00")
    system.send(return_of(order, "r1", state="received", lines=[bundle], refunds=[refund("rf1", "29.99")]))
    assert system.document(order, NOTE)["amount"] == "29.99"
    system.inspect(order, "r1", ("l1", "CAP-1", 1, "damaged"), ("l1", "SOCK-1", 3, "sellable"))
    received = system.documents(order, RECEIPT, 2)
    places = {(line["sku"], int(line["quantity"]), e["location"]) for e in received for line in e["lines"]}
    assert places == {("CAP-1", 1, "102"), ("SOCK-1", 2, "101")}
    assert system.exception(order, "mismatch", about="1 more SOCK-1")["owner"] == "warehouse"
    system.at_rest(order)
    assert system.sellable(order) == 2


def test_r22_goods_of_a_closed_period_are_held_or_booked_in_the_next(system: System) -> None:
    """Inspected in a month that is closed: held for a person, or received in the next open month."""
    with system.account(closed_periods=["2026-11"]):
        order = system.new_order()
        system.send(return_of(order, "r1", state="received"))
        system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
        held = system.exception(order, "closed")
        assert (held["step"], system.made(order)[RECEIPT]) == (RECEIPT, 0)
        with system.profile(('closed_period = "hold"', 'closed_period = "next_open"')):
            other = system.new_order()
            system.send(return_of(other, "r1", state="received"))
            system.inspect(other, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
            assert system.document(other, RECEIPT)["date"] == "2026-12-01"
    system.decide("retry", held["dlq_id"])
    assert system.document(order, RECEIPT)["date"] == "2026-11-20"


def test_s07_an_outage_delays_goods_and_keeps_their_order(system: System) -> None:
    """Receipts fail for a while: nothing is lost, doubled or dead-lettered, and they come in in their order."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received", lines=[tee(), hat()]))
    system.document(order, RMA)
    with system.faults({"account": "ns", "kind": RECEIPT, "fault": "5xx", "status": 503, "count": 3}):
        system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"), inspection_id="a")
        system.inspect(order, "r1", ("l2", "HAT-1", 1, "sellable"), inspection_id="b")
        received = system.documents(order, RECEIPT, 2)
    assert [line["sku"] for entry in received for line in entry["lines"]] == ["TEE-RED-M", "HAT-1"]
    system.at_rest(order)
    assert (system.sellable(order), system.made(order)[RECEIPT]) == (2, 2)
    assert not system.exceptions(order)


@pytest.mark.parametrize("fault", ["reset-before-apply", "reset-after-apply", "apply-then-timeout", "late-apply"])
def test_s07_a_receipt_in_doubt_is_neither_lost_nor_doubled(system: System, fault: str) -> None:
    """The answer is lost, before or after the ERP booked it: exactly one receipt in the end."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received"))
    system.document(order, RMA)
    with system.faults({"account": "ns", "kind": RECEIPT, "fault": fault, "count": 1}):
        system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
        system.document(order, RECEIPT)
        system.at_rest(order)
    assert (system.sellable(order), system.made(order)[RECEIPT]) == (1, 1)
    assert not system.exceptions(order)
