"""Commands for a NetSuite account, as the sequencer decides them, for the tests of the adapter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from streams.commands import Command, body_hash, command_id
from streams.vocabulary import DocumentKind

DATE = "2026-11-27T09:30:00Z"


def command(kind: DocumentKind, body: dict[str, Any], subject: str = "s", **changes: Any) -> Command:
    """A command about order 5001 in account `ns`."""
    return Command(
        id=command_id("ns", "5001", kind.value, subject),
        revision=1,
        account="ns",
        order_key="5001",
        kind=kind,
        subject=subject,
        body=body,
        hash=body_hash(body),
        profile_version=1,
        **changes,
    )


def tee(**changes: Any) -> dict[str, Any]:
    """The first line of the order: a tee of which one comes back."""
    return {
        "item": "4711",
        "sku": "TEE-RED-M",
        "quantity": 1,
        "line_id": "l1",
        "order_line": "1",
        "order_line_id": "ol1",
        **changes,
    }


def authorisation(order_number: str, *lines: dict[str, Any], subject: str = "ret-1", **changes: Any) -> Command:
    body = {
        "order_id": "5001",
        "return_id": "ret-1",
        "currency": "GBP",
        "form": "from_order",
        "customer": {"number": "7"},
        "lines": list(lines) or [tee(reason="1")],
        "date": DATE,
        "source": {"kind": "sales_order", "number": order_number},
        **changes,
    }
    return command(DocumentKind.RETURN_AUTHORISATION, body, subject)


def note(source: str, *lines: dict[str, Any], amount: str, subject: str = "rf1", **changes: Any) -> Command:
    body = {
        "order_id": "5001",
        "return_id": "ret-1",
        "refund_id": subject,
        "currency": "GBP",
        "amount": amount,
        "form": "from_return",
        "customer": {"number": "7"},
        "lines": list(lines),
        "method": "customer_credit",
        "date": DATE,
        "on_closed_period": "hold",
        "source": {"kind": "return_authorisation", "number": source},
        **changes,
    }
    return command(DocumentKind.CREDIT_NOTE, body, subject)


def standalone_note(customer: str, *lines: dict[str, Any], amount: str, **changes: Any) -> Command:
    made = note("", *lines, amount=amount, form="standalone", customer={"number": customer}, **changes)
    body = {name: value for name, value in made.body.items() if name != "source"}
    return command(DocumentKind.CREDIT_NOTE, body, made.subject)


def receipt(source: str, *lines: dict[str, Any], location: str = "101", subject: str = "ins-1/l1") -> Command:
    body = {
        "order_id": "5001",
        "return_id": "ret-1",
        "source": {"kind": "return_authorisation", "number": source},
        "location": location,
        "disposition": "sellable",
        "lines": list(lines) or [tee()],
        "date": DATE,
    }
    return command(DocumentKind.ITEM_RECEIPT, body, subject)


def application(memo: str, *invoices: tuple[str, str], **changes: Any) -> Command:
    """Of a memo to invoices, each told as (number, amount)."""
    body = {
        "order_id": "5001",
        "refund_id": "rf1",
        "currency": "GBP",
        "amount": str(sum(Decimal(amount) for _, amount in invoices)),
        "stays_open": "0.00",
        "source": {"kind": "credit_note", "number": memo},
        "invoices": [{"number": number, "amount": amount} for number, amount in invoices],
        **changes,
    }
    return command(DocumentKind.CREDIT_APPLICATION, body, "rf1")


def exchange(customer: str, *lines: dict[str, Any], subject: str = "ret-1/l1") -> Command:
    body = {
        "order_id": "5001",
        "return_id": "ret-1",
        "line_id": "l1",
        "currency": "GBP",
        "customer": {"number": customer},
        "lines": list(lines) or [{"item": "TEE-RED-L", "sku": "TEE-RED-L", "quantity": 1, "amount": "0.00"}],
        "date": DATE,
    }
    return command(DocumentKind.EXCHANGE_ORDER, body, subject)


def movement(**changes: Any) -> Command:
    body = {
        "order_id": "5001",
        "return_id": "ret-1",
        "item": "4711",
        "sku": "TEE-RED-M",
        "quantity": 1,
        "from_location": "101",
        "to_location": "102",
        "date": DATE,
        **changes,
    }
    return command(DocumentKind.STOCK_MOVEMENT, body, "move-1")


def reversal(memo: str, amount: str) -> Command:
    body = {
        "order_id": "5001",
        "refund_id": "rf1",
        "currency": "GBP",
        "amount": amount,
        "source": {"kind": "credit_note", "number": memo},
        "date": DATE,
        "on_closed_period": "hold",
    }
    return command(DocumentKind.REVERSAL, body, "rf1")


def closing(number: str) -> Command:
    body = {
        "order_id": "5001",
        "return_id": "ret-1",
        "source": {"kind": "return_authorisation", "number": number},
    }
    return command(DocumentKind.RETURN_CLOSING, body, "ret-1")
