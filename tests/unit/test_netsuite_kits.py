"""S05 against the shipped NetSuite, without sockets: a bundle that was authorised whole comes in by its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.simulator import NetSuiteSimulator
from adapters.netsuite.simulator.service import ROOT, Ask, prepared
from adapters.netsuite.wire import Answer, Progress
from adapters.simulators.calls import CallLog
from adapters.simulators.control import Control
from adapters.simulators.exchange import Request
from adapters.simulators.faults import Faults
from adapters.simulators.front import Front, Twist
from adapters.simulators.ledger import Ledger
from streams.adapter import Limits
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import order
from tests.unit.netsuite_commands import authorisation, command, receipt, tee

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


class Account:
    """The simulated account as a wire: each request is answered at once, without faults."""

    def __init__(self) -> None:
        self.ledger, calls, faults = Ledger(), CallLog(), Faults(lambda: 0.0, 1)
        self.system = NetSuiteSimulator({}, self.ledger, Front(calls, faults, 1))
        control = Control([self.system], self.ledger, calls, faults, self.system.reset)
        control.seed(
            {
                "orders": [order("5001", lines=[KIT])],
                "locations": [{"account": "ns", "id": "101", "sellable": True}],
            }
        )

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        path, _, query = (ROOT + url.partition("/services/rest")[2]).partition("?")
        request = Request(method, "", path, unquote(path), dict(parse_qsl(query)), headers, body or b"")
        tenant = next(iter(self.system.service.tenants.values()))
        reply = prepared(Ask(request, tenant))(Twist())
        return Answer(reply.status, reply.headers, reply.body.decode())

    async def close(self) -> None:
        """Nothing is open."""


class Freely:
    """Calls that may always be made."""

    def call(self, name: str, *, write: bool = False) -> AbstractAsyncContextManager[None]:
        return self._call()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        yield


@pytest.mark.parametrize("form", ["from_order", "standalone"])
async def test_s05_a_bundle_is_received_by_its_parts_however_it_was_authorised(form: str) -> None:
    """Its order may be closed, so that the authorisation stands alone: it holds the bundle's parts all the same."""
    account, calls = Account(), Freely()
    adapter = NetSuite(Client("https://example.com", account), Limits())
    order_now = await adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"}), calls)
    bundle = tee(item="SET-1", sku="SET-1", amount="60.00", tax="10.00", tax_code="5")
    wanted = authorisation(order_now["number"], bundle, form=form, customer=order_now["customer"])
    made = await adapter.create(wanted, calls)
    kit = {"item": "SET-1", "sku": "SET-1", "order_line": "1", "order_line_id": "ol1"}
    cups = tee(item="CUP", sku="CUP", quantity=2, order_line="2", kit=kit)
    document = await adapter.create(receipt(made.number, cups), calls)
    assert document.differences == ()
    (entry,) = (entry for entry in account.ledger.shown if entry["kind"] == "item_receipt")
    assert [(line["sku"], line["quantity"]) for line in entry["lines"]] == [("CUP", 2)]
