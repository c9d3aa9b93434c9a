"""What the world sends and holds, in the contract's shapes: returns, refunds, inspections, orders of history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]


def sold(order_line_id: str, sku: str, quantity: int, price: str, tax: str, code: str = "GB-STD", **more: Any) -> Body:
    """A line of an order; `tax` is what is inside price x quantity."""
    return {
        "order_line_id": order_line_id,
        "sku": sku,
        "quantity": quantity,
        "unit_price": price,
        "tax_amount": tax,
        "tax_code": code,
        "components": [],
        **more,
    }


def order(order_id: str, **changes: Any) -> Body:
    """An order of two red tees (40.00 each) and a hat (10.00), sent, invoiced and not paid yet."""
    return {
        "account": "ns",
        "order_id": order_id,
        "order_number": f"#{order_id}",
        "status": "fulfilled",
        "currency": "GBP",
        "location": "WH-LON",
        "customer": {"id": f"c-{order_id}", "email": "a@example.com", "name": "A. B."},
        "shipping": "4.95",
        "paid": "94.95",
        "lines": [sold("ol1", "TEE-RED-M", 2, "40.00", "13.33"), sold("ol2", "HAT-1", 1, "10.00", "1.67")],
        "invoice": {"number": f"INV-{order_id}", "open": "94.95"},
        **changes,
    }


def tee(line_id: str = "l1", **changes: Any) -> Body:
    """A returned line: one red tee."""
    return {
        "line_id": line_id,
        "order_line_id": "ol1",
        "sku": "TEE-RED-M",
        "quantity": 1,
        "unit_price": "40.00",
        "tax_amount": "6.67",
        "tax_code": "GB-STD",
        "request": "return",
        "reason": "too_small",
        "verdict": "pending",
        **changes,
    }


def hat(line_id: str = "l2", **changes: Any) -> Body:
    """A returned line: the hat."""
    about = {"order_line_id": "ol2", "sku": "HAT-1", "unit_price": "10.00", "tax_amount": "1.67"}
    return tee(line_id, **{**about, **changes})


def refund(refund_id: str, amount: str, state: str = "paid", **changes: Any) -> Body:
    return {
        "refund_id": refund_id,
        "kind": "goods",
        "method": "bank_transfer",
        "amount": amount,
        "currency": "GBP",
        "state": state,
        "executed_at": "2026-11-20T09:29:57Z",
        **changes,
    }


def replacement(sku: str = "TEE-RED-L", line_id: str = "l1", **changes: Any) -> Body:
    return {"replaces_line_id": line_id, "sku": sku, "quantity": 1, "unit_price": "40.00", **changes}


def return_of(order_id: str, return_id: str, version: int = 1, **changes: Any) -> Body:
    """A snapshot of an instant return of one red tee."""
    return {
        "return_id": return_id,
        "order_id": order_id,
        "order_number": f"#{order_id}",
        "version": version,
        "updated_at": f"2026-11-20T09:{version:02d}:00Z",
        "type": "refund",
        "mode": "instant",
        "state": "in_progress",
        "currency": "GBP",
        "customer": {"id": f"c-{order_id}", "email": "a@example.com", "name": "A. B."},
        "lines": [tee()],
        "replacements": [],
        "fees": [],
        "bonuses": [],
        "refunds": [],
        "shipping_refund": "0.00",
        **changes,
    }


def return_event(data: Mapping[str, Any], event_id: str) -> Body:
    return {"id": event_id, "type": "return.updated", "created_at": data["updated_at"], "data": dict(data)}


def inspection(order_id: str, return_id: str, found: tuple[tuple[str, str, int, str], ...], **changes: Any) -> Body:
    """The data of an inspection; each found is (line id, SKU, quantity, disposition)."""
    return {
        "inspection_id": f"ins-{return_id}",
        "version": 1,
        "order_id": order_id,
        "return_id": return_id,
        "location": "WH-LON",
        "lines": [
            {"line_id": line_id, "sku": sku, "quantity": quantity, "disposition": disposition, "note": ""}
            for line_id, sku, quantity, disposition in found
        ],
        **changes,
    }


def inspection_event(data: Mapping[str, Any], event_id: str) -> Body:
    recorded_at = f"2026-11-20T12:00:{data['version']:02d}Z"
    return {"id": event_id, "type": "inspection.recorded", "recorded_at": recorded_at, "data": dict(data)}
