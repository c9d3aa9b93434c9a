"""S05 against the shipped NetSuite, without sockets: a bundle that was authorised whole comes in by its parts."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from streams.adapter import Limits
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import order
from tests.unit.netsuite_commands import authorisation, command, receipt, tee
from tests.unit.simulated_netsuite import Account, Freely

KIT: dict[str, Any] = {
    "order_line_id": "ol1",
    "sku": "SET-1",
    "quantity": 1,
    "unit_price": "60.00",
    "tax_amount": "10.00",
    "tax_code": "GB-STD",
    "components": [
        {"sku": "CUP", "quantity": 2, "list_price": "20.00"},
        {"sku": "POT", "quantity": 1, "list_price": "40.00"},
    ],
}


@pytest.mark.parametrize("form", ["from_order", "standalone"])
async def test_s05_a_bundle_is_received_by_its_parts_however_it_was_authorised(form: str) -> None:
    """Its order may be closed, so that the authorisation stands alone: it holds the bundle's parts all the same."""
    account, calls = Account(order("5001", lines=[KIT])), Freely()
    adapter = NetSuite(Client("https://example.com", account), Limits())
    order_now = await adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"}), calls)
    bundle = tee(item="SET-1", sku="SET-1", amount="60.00", tax="10.00", tax_code="5")
    wanted = authorisation(order_now["number"], bundle, form=form, customer=order_now["customer"])
    made = await adapter.create(wanted, calls)
    kit = {"item": "SET-1", "sku": "SET-1", "order_line": "1", "order_line_id": "ol1"}
    cups = tee(item="CUP", sku="CUP", quantity=2, order_line="2", kit=kit)
    document = await adapter.create(receipt(made.number, cups), calls)
    assert document.differences == ()
    (entry,) = account.entries("item_receipt")
    assert [(line["sku"], line["quantity"]) for line in entry["lines"]] == [("CUP", 2)]


async def test_a_bundle_and_one_of_its_parts_bought_alone_come_back_together() -> None:
    """The authorisation has two rows of that item, alike in all but whose they are: it is what was asked for."""
    cups = {"order_line_id": "ol2", "sku": "CUP", "quantity": 2, "unit_price": "20.00", "tax_amount": "6.67"}
    account, calls = Account(order("5001", lines=[KIT, {**cups, "tax_code": "GB-STD"}])), Freely()
    adapter = NetSuite(Client("https://example.com", account), Limits())
    order_now = await adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"}), calls)
    bundle = tee(item="SET-1", sku="SET-1")
    alone = tee(item="CUP", sku="CUP", quantity=2, line_id="l2", order_line="4", order_line_id="ol2")
    wanted = authorisation(order_now["number"], bundle, alone, customer=order_now["customer"])
    assert (await adapter.create(wanted, calls)).differences == ()
