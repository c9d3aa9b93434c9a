"""Returns: authorised at once, line by line, checked against history; what is closed, renamed, unknown, unmapped."""

from __future__ import annotations

import pytest

from tests.contract.netsuite_account import Account
from tests.scenarios import messages
from tests.scenarios.messages import hat, refund, return_of, sold, tee
from tests.scenarios.system import Entry, System

RMA, NOTE, RECEIPT = "return_authorisation", "credit_note", "item_receipt"


def units(entry: Entry) -> dict[str, int]:
    """Units by line of the original order."""
    return {str(line["order_line_id"]): int(line["quantity"]) for line in entry["lines"]}


def test_r01_an_authorisation_at_once_line_by_line(system: System) -> None:
    """A return has one RMA before its parcel arrives, each line mapped to the order line it was bought on."""
    order = system.new_order()
    system.send(return_of(order, "r1", lines=[tee(quantity=2, tax_amount="13.33"), hat()]))
    entry = system.document(order, RMA)
    assert units(entry) == {"ol1": 2, "ol2": 1}
    assert (entry["status"], entry["currency"], entry["amount"]) == ("open", "GBP", "90.00")
    system.at_rest(order)
    assert system.made(order) == {RMA: 1}


def test_r01_news_of_the_same_return_makes_no_second_authorisation(system: System) -> None:
    """States that follow (shipped, received) leave the one RMA as it is."""
    order = system.new_order()
    for version, state in enumerate(("in_progress", "shipped", "received"), 1):
        system.send(return_of(order, "r1", version, state=state))
    system.document(order, RMA)
    system.at_rest(order)
    assert system.made(order) == {RMA: 1}


def test_r02_a_line_that_was_not_bought_is_refused_and_the_good_lines_go_on(system: System) -> None:
    """A line that was never on the order is an exception with its reason; the good line has its RMA."""
    order = system.new_order()
    scarf = tee("l9", order_line_id="ol9", sku="SCARF-9")
    system.send(return_of(order, "r1", lines=[tee(), scarf]))
    assert units(system.document(order, RMA)) == {"ol1": 1}
    refused = system.exception(order, "not-found")
    assert "SCARF-9" in refused["reason"]
    assert "not bought" in refused["reason"]
    assert refused["owner"] == "operations"


def test_r02_more_than_was_bought_is_refused_with_the_numbers(system: System) -> None:
    """Two hats of one bought stay behind with the reason; the tee of the same return goes on."""
    order = system.new_order()
    system.send(return_of(order, "r1", lines=[tee(), hat(quantity=2, tax_amount="3.34")]))
    assert units(system.document(order, RMA)) == {"ol1": 1}
    refused = system.exception(order, "mismatch")
    assert "returns 2; of 1 bought" in refused["reason"]
    assert refused["owner"] == "warehouse"


def test_r02_units_that_an_earlier_return_took_are_not_returned_again(system: System) -> None:
    """Two tees were bought: a return of both, then another of one, which is over the history."""
    order = system.new_order()
    system.send(return_of(order, "r1", lines=[tee(quantity=2, tax_amount="13.33")]))
    system.document(order, RMA)
    system.send(return_of(order, "r2"))
    refused = system.exception(order, "mismatch")
    assert refused["return_id"] == "r2"
    assert "0 can still come back" in refused["reason"]
    system.at_rest(order)
    assert system.made(order) == {RMA: 1}


def test_r02_units_that_people_took_back_in_the_erp_are_not_returned_again(system: System) -> None:
    """Somebody authorised both tees by hand before: the return of one is over the history."""
    order = system.new_order()

    async def authorise(account: Account) -> str:
        row = {"orderLine": 1, "quantity": 2, "grossAmt": 80.00, "tax1Amt": 13.33}
        key = await account.order_id(order)
        return (await account.transform("salesOrder", key, "returnAuthorization", row, otherRefNum=order)).id

    system.by_hand(authorise)
    system.send(return_of(order, "r1"))
    assert "0 can still come back" in system.exception(order, "mismatch")["reason"]
    system.at_rest(order)
    assert system.made(order)[RMA] == 1


@pytest.mark.parametrize("state", ["rejected", "cancelled"])
def test_r13_a_return_that_ends_closes_its_authorisation(system: System, state: str) -> None:
    """Rejected or cancelled after it was authorised: the RMA is closed, and nothing else is made."""
    order = system.new_order()
    system.send(return_of(order, "r1", mode="standard"))
    made = system.document(order, RMA)
    system.send(return_of(order, "r1", 2, mode="standard", state=state))
    closed = system.eventually(
        lambda: [e for e in system.ledger(order, RMA) if e["op"] == "close"], "closed RMA", order_id=order
    )
    assert [entry["number"] for entry in closed] == [made["number"]]
    system.at_rest(order)
    assert system.made(order) == {RMA: 1}


def test_r13_a_return_cancelled_before_it_was_heard_of_makes_nothing(system: System) -> None:
    """The cancellation overtakes the request: the older snapshot makes no RMA afterwards."""
    order = system.new_order()
    system.send(return_of(order, "r1", 2, state="cancelled"))
    system.send(return_of(order, "r1", 1))
    system.at_rest(order)
    assert system.made(order) == {}


def test_r13_an_instant_refund_of_a_rejected_return_is_credited_once(system: System) -> None:
    """Rejected after the money went out: the one note stands, the RMA is closed, who recovers is shown."""
    order = system.new_order()
    paid = [refund("rf1", "40.00")]
    system.send(return_of(order, "r1", refunds=paid))
    system.document(order, NOTE)
    system.send(return_of(order, "r1", 2, state="rejected", lines=[tee(verdict="rejected")], refunds=paid))
    system.eventually(lambda: [e for e in system.ledger(order, RMA) if e["op"] == "close"], "closed", order_id=order)
    rest = system.at_rest(order)
    made = system.made(order)
    assert (made[NOTE], made[RMA], made["reversal"]) == (1, 1, 0)
    assert rest["returns"][0]["recovered_by_reveni"] == ["rf1"]
    assert not rest["exceptions"]


def test_r14_a_closed_order_gets_a_standalone_authorisation(system: System) -> None:
    """The RMA has no source document; it names the customer and the original order id."""
    order = system.new_order(status="closed")
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    entry = system.document(order, RMA)
    assert not entry.get("created_from")
    assert entry["order_id"] == order
    assert entry["amount"] == "40.00"
    assert system.document(order, NOTE)["amount"] == "40.00"
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
    assert system.document(order, RECEIPT)["created_from"] == entry["number"]


@pytest.mark.parametrize("lost", ["archived", "absent"])
def test_r15_an_order_that_cannot_be_found_goes_on_once_it_is_named(system: System, lost: str) -> None:
    """An exception keeps the order's id and every line; naming the order is all it takes."""
    other = system.new_order()
    order = system.new_order(status="archived") if lost == "archived" else f"{other}-lost"
    system.send(return_of(order, "r1", lines=[tee(), hat()], refunds=[refund("rf1", "50.00")]))
    missing = system.exception(order, "not-found", about=order)
    assert (missing["order_id"], missing["owner"], missing["step"]) == (order, "operations", RMA)
    kept = system.at_rest(order)
    assert system.made(order) == {}
    assert kept["returns"][0]["return_id"] == "r1"
    system.decide("name-order", "--order", order, "--to", other)
    assert units(system.document(order, RMA)) == {"ol1": 1, "ol2": 1}
    assert system.document(order, NOTE)["amount"] == "50.00"
    system.no_exceptions(order)


def test_r15_of_two_orders_with_one_name_nobody_guesses(system: System) -> None:
    """The ERP has two orders under the id: an exception says so; the one that is named is used."""
    order = system.new_order()
    system.stage.seed({"orders": [messages.order(order, order_number=f"#{order}-bis")]})
    system.send(return_of(order, "r1"))
    assert "2 orders" in system.exception(order, "not-found")["reason"]
    system.at_rest(order)
    assert system.made(order) == {}
    system.decide("name-order", "--order", order, "--to", f"#{order}-bis")
    made = system.document(order, RMA)
    source = system.record("salesOrder", made["created_from"])
    assert source["tranId"] == f"#{order}-bis"


def test_r16_an_archived_item_waits_for_review_and_the_rest_goes_on(system: System) -> None:
    """The line waits, the other has its RMA and receipt; the note that covers both waits; once mapped all goes on."""
    old = f"OLD-{system.new_order()}"
    order = system.new_order(
        lines=[sold("ol1", old, 1, "40.00", "6.67"), sold("ol2", "HAT-1", 1, "10.00", "1.67")], paid="54.95"
    )
    system.stage.seed({"items": [{"account": "ns", "sku": old, "archived": True}]})
    system.send(return_of(order, "r1", state="received", lines=[tee(sku=old), hat()], refunds=[refund("rf1", "50.00")]))
    assert units(system.document(order, RMA)) == {"ol2": 1}
    held = system.exception(order, "unmapped")
    assert old in held["reason"]
    assert held["owner"] == "ecommerce"
    system.inspect(order, "r1", ("l2", "HAT-1", 1, "sellable"), ("l1", old, 1, "damaged"))
    system.document(order, RECEIPT)
    rest = system.at_rest(order)
    assert (system.made(order)[NOTE], system.made(order)[RECEIPT]) == (0, 1)
    assert [w["for"] for w in rest["waiting"] if w["step"] == NOTE] == [f"letter:{held['dlq_id']}"]
    system.stage.seed({"items": [{"account": "ns", "sku": old, "archived": False}]})
    system.decide("retry", held["dlq_id"])
    second = system.documents(order, RMA, 2)[1]
    assert units(second) == {"ol1": 1}
    assert [units(entry) for entry in system.documents(order, RECEIPT, 2)] == [{"ol2": 1}, {"ol1": 1}]
    assert system.document(order, NOTE)["amount"] == "50.00"
    system.no_exceptions(order)


def test_r16_a_changed_sku_goes_on_once_it_is_mapped_for_the_order(system: System) -> None:
    """The return names the new SKU of an item sold under an old one: `map-sku` for this order ends the wait."""
    order = system.new_order()
    system.send(return_of(order, "r1", lines=[tee(sku="TEE-RED-M-2")], refunds=[refund("rf1", "40.00")]))
    held = system.exception(order, "unmapped")
    assert "TEE-RED-M-2" in held["reason"]
    assert "TEE-RED-M," in held["reason"]
    system.at_rest(order)
    assert system.made(order) == {}
    system.decide("map-sku", held["dlq_id"], "--sku", "TEE-RED-M-2", "--to", "TEE-RED-M")
    assert units(system.document(order, RMA)) == {"ol1": 1}
    assert system.document(order, NOTE)["amount"] == "40.00"
    system.no_exceptions(order)


def test_r16_an_operator_may_post_the_note_before_the_held_line_is_settled(system: System) -> None:
    """Post-anyway on the waiting note: it posts, and the line still waits for its review."""
    order = system.new_order()
    lines = [tee(), hat(quantity=2, tax_amount="3.34")]
    system.send(return_of(order, "r1", lines=lines, refunds=[refund("rf1", "60.00")]))
    held = system.exception(order, "mismatch")
    system.document(order, RMA)
    waiting = next(w for w in system.at_rest(order)["waiting"] if w["step"] == NOTE)
    assert waiting["for"] == f"letter:{held['dlq_id']}"
    assert system.made(order)[NOTE] == 0
    system.decide("post-anyway", waiting["command_id"])
    assert system.document(order, NOTE)["amount"] == "60.00"
    assert system.exception(order, "mismatch")["dlq_id"] == held["dlq_id"]


@pytest.mark.parametrize(
    ("line", "mapping", "owner", "added"),
    [
        ({"tax_code": "GB-RED"}, "tax_codes.GB-RED", "finance", 'GB-RED = { ns = "5", rate = "20" }'),
        ({"reason": "wrong_colour"}, "reasons.wrong_colour", "cx", 'wrong_colour = { ns = "11" }'),
    ],
)
def test_r17_a_missing_mapping_is_named_and_its_arrival_lets_the_work_go_on(
    system: System, line: dict[str, str], mapping: str, owner: str, added: str
) -> None:
    """An unmapped code is an exception that names the key; nothing is sent with a default; the new profile ends it."""
    order = system.new_order()
    system.send(return_of(order, "r1", lines=[tee(**line)], refunds=[refund("rf1", "40.00")]))
    held = system.exception(order, "unmapped")
    assert mapping.partition(".")[2] in held["reason"]
    assert held["owner"] == owner
    system.at_rest(order)
    assert system.made(order)[NOTE] == 0
    table = f"[{mapping.partition('.')[0]}]"
    with system.profile((table, f"{table}\n{added}")):
        assert system.document(order, NOTE)["amount"] == "40.00"
        system.no_exceptions(order)


@pytest.mark.parametrize(
    ("disposition", "location", "key", "added"),
    [
        ("scuffed", "WH-LON", "scuffed", ("[dispositions]", '[dispositions]\nscuffed = { to = "quarantine" }')),
        (
            "sellable",
            "WH-NEW",
            "WH-NEW",
            ("[locations.WH-LON]", '[locations.WH-NEW]\nns = { sellable = "101" }\n[locations.WH-LON]'),
        ),
    ],
)
def test_r17_goods_with_an_unknown_disposition_or_warehouse_wait(
    system: System, disposition: str, location: str, key: str, added: tuple[str, str]
) -> None:
    """Nothing is received by a default; once the profile has the mapping, the goods come in."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received"))
    system.document(order, RMA)
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, disposition), location=location)
    assert key in system.exception(order, "unmapped")["reason"]
    system.at_rest(order)
    assert system.made(order)[RECEIPT] == 0
    with system.profile(added):
        system.document(order, RECEIPT)
        system.no_exceptions(order)


def test_r23_parcels_that_arrive_apart_are_received_by_the_unit(system: System) -> None:
    """Two parcels of one return, a missing hat: each unit is received when its parcel is inspected, and none twice."""
    order = system.new_order()
    lines = [tee(quantity=2, tax_amount="13.33"), hat()]
    system.send(return_of(order, "r1", state="received", lines=lines, refunds=[refund("rf1", "90.00")]))
    assert system.document(order, NOTE)["amount"] == "90.00"
    system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"), inspection_id="parcel-1")
    first = system.document(order, RECEIPT)
    assert units(first) == {"ol1": 1}
    system.inspect(
        order,
        "r1",
        ("l1", "TEE-RED-M", 1, "damaged"),
        ("l2", "HAT-1", 1, "missing"),
        inspection_id="parcel-2",
    )
    second = system.documents(order, RECEIPT, 2)[1]
    assert (units(second), second["location"]) == ({"ol1": 1}, "102")
    system.at_rest(order)
    assert (system.made(order)[RECEIPT], system.sellable(order)) == (2, 1)


def test_r23_wrong_and_extra_units_are_held_for_the_warehouse(system: System) -> None:
    """A wrong item and an extra unit move nowhere; the right unit of the same parcel is received."""
    order = system.new_order()
    system.send(return_of(order, "r1", state="received", lines=[tee(quantity=2, tax_amount="13.33"), hat()]))
    system.document(order, RMA)
    system.inspect(
        order,
        "r1",
        ("l1", "TEE-RED-M", 1, "sellable"),
        ("l1", "TEE-RED-M", 1, "wrong_item"),
        ("l2", "HAT-1", 2, "sellable"),
    )
    wrong = system.exception(order, "mismatch", about="wrong_item")
    extra = system.exception(order, "mismatch", about="1 more HAT-1")
    assert {wrong["owner"], extra["owner"]} == {"warehouse"}
    system.at_rest(order)
    received = sum((units(e).get(line, 0) for e in system.ledger(order, RECEIPT) for line in ("ol1", "ol2")), 0)
    assert received == 2
    assert system.sellable(order) == 2
