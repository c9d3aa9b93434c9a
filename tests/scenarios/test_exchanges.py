"""Exchanges: a zero-value order of its own, made only when it can be made, and once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.scenarios.messages import Body, hat, refund, replacement, return_of, tee
from tests.scenarios.system import System

RMA, NOTE, EXCHANGE = "return_authorisation", "credit_note", "exchange_order"


def exchange(order_id: str, return_id: str = "r1", version: int = 1, **changes: Any) -> Body:
    """A snapshot of an instant exchange of a red tee in M for one in L."""
    usual: Body = {"type": "exchange", "lines": [tee(request="exchange")], "replacements": [replacement()]}
    return return_of(order_id, return_id, version, **{**usual, **changes})


def test_x01_an_exchange_is_a_zero_value_order_linked_to_its_return(system: System) -> None:
    """One order for the replacement, worth nothing, under the original order's id; and no credit note."""
    order = system.new_order()
    system.send(exchange(order))
    made = system.document(order, EXCHANGE)
    assert Decimal(made["amount"]) == 0
    assert [(line["sku"], int(line["quantity"])) for line in made["lines"]] == [("TEE-RED-L", 1)]
    memo = system.record("salesOrder", made["number"])["memo"]
    assert "r1" in memo
    system.document(order, RMA)
    system.at_rest(order)
    assert (system.made(order)[EXCHANGE], system.made(order)[NOTE]) == (1, 0)


def test_x01_a_dearer_replacement_is_worth_nothing_all_the_same(system: System) -> None:
    """Whatever the replacement's price, the exchange order's total is zero."""
    order = system.new_order()
    system.send(exchange(order, replacements=[replacement(unit_price="55.00")]))
    assert Decimal(system.document(order, EXCHANGE)["amount"]) == 0


def test_x01_in_standard_mode_it_is_made_once_the_line_is_accepted(system: System) -> None:
    """Authorised, shipped, received: no order. Accepted: one."""
    order = system.new_order()
    system.send(exchange(order, mode="standard", state="received"))
    system.document(order, RMA)
    rest = system.at_rest(order)
    assert system.made(order)[EXCHANGE] == 0
    assert "acceptance" in [w["for"] for w in rest["waiting"]]
    accepted = [tee(request="exchange", verdict="accepted")]
    system.send(exchange(order, "r1", 2, mode="standard", state="accepted", lines=accepted))
    system.document(order, EXCHANGE)


def test_x01_an_order_that_exists_already_is_not_made_again(system: System) -> None:
    """The replacement names its order: nothing is created."""
    order = system.new_order()
    system.send(exchange(order, replacements=[replacement(order_ref="SO-77")]))
    system.document(order, RMA)
    system.at_rest(order)
    assert system.made(order)[EXCHANGE] == 0


@pytest.mark.parametrize(
    ("sku", "kind", "reason"),
    [("TEE-RED-XS", "out-of-stock", "0 available"), ("TEE-PUCE-L", "not-found", "is not an item")],
    ids=["out-of-stock", "unknown"],
)
def test_x02_what_cannot_be_delivered_is_an_exception_for_cx_and_no_order(
    system: System, sku: str, kind: str, reason: str
) -> None:
    """The reason is named, CX owns it, and nothing half-made stands in the ERP."""
    system.stock("TEE-RED-XS", 0)
    order = system.new_order()
    system.send(exchange(order, replacements=[replacement(sku)]))
    held = system.exception(order, kind)
    assert reason in held["reason"]
    assert (held["owner"], held["step"]) == ("cx", EXCHANGE)
    system.document(order, RMA)
    system.at_rest(order)
    assert system.made(order)[EXCHANGE] == 0


def test_x02_an_inactive_customer_gets_no_exchange_order(system: System) -> None:
    """The customer is checked before anything is made."""
    order = system.new_order()
    customer = {"account": "ns", "id": f"c-{order}", "inactive": True}
    system.stage.seed({"customers": [customer]})
    system.send(exchange(order))
    held = system.exception(order, "refused", about=f"The customer of order {order} is inactive")
    assert held["owner"] == "cx"
    system.at_rest(order)
    assert system.made(order)[EXCHANGE] == 0


def test_x03_the_exchange_is_made_once_after_its_cause_is_fixed(system: System) -> None:
    """Out of stock; stock comes in; CX retries from the exception: one order with the shopper's request intact."""
    sku = f"TEE-{system.new_order()}"
    system.stock(sku, 0)
    order = system.new_order()
    system.send(
        exchange(
            order,
            lines=[tee(request="exchange", quantity=2, tax_amount="13.33")],
            replacements=[replacement(sku, quantity=2)],
        )
    )
    held = system.exception(order, "out-of-stock")
    system.stock(sku, 5)
    system.decide("retry", held["dlq_id"])
    made = system.document(order, EXCHANGE)
    assert [(line["sku"], int(line["quantity"])) for line in made["lines"]] == [(sku, 2)]
    system.no_exceptions(order)
    system.at_rest(order)
    assert system.made(order)[EXCHANGE] == 1


def test_x03_an_unknown_sku_that_is_mapped_is_exchanged(system: System) -> None:
    """The replacement's SKU is no item; CX says which one it is: one order for that item."""
    order = system.new_order()
    system.send(exchange(order, replacements=[replacement("TEE-ROUGE-L")]))
    held = system.exception(order, "not-found")
    system.decide("map-sku", held["dlq_id"], "--sku", "TEE-ROUGE-L", "--to", "TEE-RED-L")
    assert [line["sku"] for line in system.document(order, EXCHANGE)["lines"]] == ["TEE-RED-L"]
    system.no_exceptions(order)


def test_x04_a_mixed_return_credits_one_line_and_exchanges_the_other(system: System) -> None:
    """The hat is refunded and the tee exchanged: a note for the hat alone, an order for the tee."""
    order = system.new_order()
    system.send(
        exchange(
            order,
            type="mixed",
            lines=[tee(request="exchange"), hat()],
            refunds=[refund("rf1", "10.00")],
        )
    )
    note = system.document(order, NOTE)
    assert (note["amount"], [line["sku"] for line in note["lines"]]) == ("10.00", ["HAT-1"])
    assert [line["sku"] for line in system.document(order, EXCHANGE)["lines"]] == ["TEE-RED-L"]
    system.at_rest(order)
    assert (system.made(order)[NOTE], system.made(order)[EXCHANGE]) == (1, 1)
    assert not system.exceptions(order)


def test_x04_the_value_of_an_exchanged_line_is_not_credited(system: System) -> None:
    """A refund that covers the exchanged tee, too, is more than the return comes to: held."""
    order = system.new_order()
    system.send(exchange(order, type="mixed", lines=[tee(request="exchange"), hat()], refunds=[refund("rf1", "50.00")]))
    assert "40.00 too much" in system.exception(order, "mismatch")["reason"]
    system.document(order, EXCHANGE)
    system.at_rest(order)
    assert system.made(order)[NOTE] == 0


def test_r12_several_exchanges_of_one_order_each_have_their_order(system: System) -> None:
    """Two returns of a tee each, both exchanged: two exchange orders, two RMAs."""
    order = system.new_order()
    system.send(exchange(order, "r1"))
    system.send(exchange(order, "r2"))
    assert len({entry["external_ref"] for entry in system.documents(order, EXCHANGE, 2)}) == 2
    system.documents(order, RMA, 2)
