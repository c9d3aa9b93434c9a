"""An account that carries out every command at once: what an ERP without limits would answer.

It stands in for dispatcher and vendor where only the sequencer is measured; the documents it names exist nowhere.
"""

from __future__ import annotations

from typing import Any

from adapters.generator import catalogue
from adapters.generator.amounts import ZERO, tax_inside, text
from adapters.generator.orders import RATES, Order
from adapters.generator.world import World
from streams.commands import Attempt, Command, Outcome
from streams.vocabulary import DocumentKind, OutcomeStatus

TAX_NUMBERS = {"GB-STD": "5", "GB-ZERO": "6"}  # as docker/profiles/demo.toml maps them


class Account:
    """Knows the orders of a world; numbers documents as it makes them."""

    def __init__(self, world: World) -> None:
        self._orders = {order.order_id: order for order in world.orders}
        self._made = 0

    def carry_out(self, command: Command, at: str) -> Outcome:
        """The outcome of a command, at a moment (RFC 3339)."""
        more: dict[str, Any]
        if command.void:
            more = {"status": OutcomeStatus.WITHHELD, "reason": "void"}
        elif command.kind.is_question:
            more = {"status": OutcomeStatus.ANSWERED, "answer": self._answer(command, at)}
        else:
            self._made += 1
            number = str(90_000 + self._made)
            more = {
                "status": OutcomeStatus.DONE,
                "number": number,
                "reason": "created",
                "document": {"number": number, "kind": command.kind.value, "external_ref": command.id},
            }
        return Outcome(
            command_id=command.id,
            revision=command.revision,
            hash=command.hash,
            account=command.account,
            order_key=command.order_key,
            kind=command.kind,
            subject=command.subject,
            at=at,
            attempts=(Attempt(at, "benchmark", "ok"),),
            **more,
        )

    def _answer(self, command: Command, at: str) -> dict[str, Any]:
        if command.kind is DocumentKind.AVAILABILITY:
            return {"at": at, "item_exists": True, "item_active": True, "available": 1000}
        order = self._orders.get(str(command.body["order_id"]))
        if command.kind is DocumentKind.INVOICE:
            return {"at": at, "invoices": [_invoice(order)] if order else []}
        return {"at": at, **_snapshot(order)} if order else {"at": at, "found": 0}


def _invoice(order: Order) -> dict[str, Any]:
    left = text(ZERO if order.invoice_settled else order.paid, order.currency)
    return {"number": f"7{order.order_id}", "open": left, "currency": order.currency}


def _snapshot(order: Order) -> dict[str, Any]:
    """An order with one return of no earlier owner, in the shape of `streams.bodies.OrderSnapshotAnswer`."""
    lines = []
    for number, line in enumerate(order.lines, 1):
        lines.append(
            {
                "order_line": str(number),
                "order_line_id": line.order_line_id,
                "sku": line.sku,
                "item": f"item-{line.sku}",
                "quantity": line.quantity,
                "fulfilled": line.quantity,
                "unit_price": text(line.unit_price, order.currency),
                "amount": text(line.value, order.currency),
                "tax": text(tax_inside(line.value, RATES[line.tax_code], order.currency), order.currency),
                "tax_code": TAX_NUMBERS[line.tax_code],
                "components": [
                    {
                        "sku": part.sku,
                        "item": f"item-{part.sku}",
                        "quantity": part.quantity,
                        "order_line": f"{number}.{position}",
                        "list_price": text(part.list_price, order.currency),
                    }
                    for position, part in enumerate(line.components, 1)
                ],
                "active": line.sku not in catalogue.ARCHIVED,
            }
        )
    return {
        "found": 1,
        "number": f"8{order.order_id}",
        "status": "closed" if order.status == "archived" else order.status,
        "currency": order.currency,
        "customer": {"number": order.customer["id"].removeprefix("c-"), "active": True},
        "total": text(order.paid, order.currency),
        "shipping": text(order.shipping, order.currency),
        "lines": lines,
        "returns": [],
        "invoices": [_invoice(order)],
    }
