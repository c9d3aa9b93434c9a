"""Invoices: what is due on them, and the credits applied."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.lines import Line
from adapters.netsuite.simulator.records import Record
from adapters.netsuite.simulator.sales_orders import set_status as set_order_status


def refresh(invoice: Record, total: Decimal) -> None:
    """The header's totals and status."""
    fields = invoice.fields
    fields["total"] = float(total)
    fields["amountRemaining"] = float(invoice.due)
    fields["amountPaid"] = float(total - invoice.due)
    paid = invoice.due == 0
    fields["status"] = {"id": "paidInFull" if paid else "open", "refName": "Paid In Full" if paid else "Open"}


def create(account: Account, order: Record, body: Mapping[str, Any], lines: list[Line]) -> Draft:
    """An invoice of an order: all of it is due."""
    record = account.header("invoice", body, order)
    record.lines = lines
    record.due = record.total
    refresh(record, record.total)

    def effect() -> None:
        for line in lines:
            origin = order.line(line.order_line or 0)
            if origin is not None:
                origin.billed += line.quantity
        set_order_status(order, "G")
        account.books.save(order)

    return Draft(record, effects=[effect])


def settle(account: Account, invoice: Record, amount: Decimal) -> None:
    """Take an applied credit off what is due (negative: give it back)."""
    invoice.due -= amount
    refresh(invoice, Decimal(str(invoice.fields["total"])))
    account.books.save(invoice)
