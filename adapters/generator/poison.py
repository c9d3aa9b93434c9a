"""Bodies that no system should have sent: each is signed well, so that intake has to take it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

_OVER_A_RECORD = 1_200_000  # more than the 1 MiB that a record may usually have
_NAMELESS = {
    "empty",
    "not-json",
    "cut-short",
    "null",
    "a-list",
    "a-string",
    "not-utf8",
    "byte-order-mark",
    "lone-surrogate",
    "not-a-number",
    "nesting-2000",
    "nul-bytes",
    "two-values",
    "no-order-id",
    "null-order-id",
    "blank-order-id",
    "long-order-id",
    "order-id-a-list",
    "data-null",
    "data-a-list",
    "all-null",
    "inspection-not-json",
    "inspection-no-order",
}


@dataclass(frozen=True, slots=True)
class Poison:
    """A hostile body, and the route it is sent to."""

    name: str
    route: str
    body: bytes

    @property
    def nameless(self) -> bool:
        """No order can be read from it, so that it is an exception without an order id (CONTRACTS section 1)."""
        return self.name in _NAMELESS


REVENI, WAREHOUSE = "/webhooks/reveni", "/webhooks/warehouse"


def every(rng: Random, order_ids: list[str]) -> Iterator[Poison]:
    """One of each kind; those about a real order name one of `order_ids`, under a return of their own."""

    def envelope(data: Any) -> bytes:
        event = {"id": f"poison-{rng.getrandbits(48):x}", "type": "return.updated", "data": data}
        return json.dumps(event, separators=(",", ":")).encode()

    def named(**fields: Any) -> dict[str, Any]:
        serial = f"{rng.getrandbits(48):x}"
        known = {"return_id": f"poison-return-{serial}", "order_id": f"poison-order-{serial}", "currency": "GBP"}
        return {**known, "version": 1, "updated_at": "2026-11-27T09:00:00Z", "lines": [], **fields}

    raw: dict[str, bytes] = {
        "empty": b"",
        "not-json": b"return=9f0c&order=5001",
        "cut-short": envelope(named())[:-20],
        "null": b"null",
        "a-list": b"[]",
        "a-string": b'"return.updated"',
        "not-utf8": b'{"id":"x","data":{"order_id":"\xff\xfe"}}',
        "byte-order-mark": b"\xef\xbb\xbf" + envelope(named()),
        "lone-surrogate": b'{"id":"x","data":{"order_id":"\\ud800"}}',
        "not-a-number": b'{"id":"x","data":{"order_id":"poison-nan","version":NaN}}',
        "nesting-2000": b'{"id":"x","data":{"order_id":"poison-deep","lines":' + b"[" * 2000 + b"]" * 2000 + b"}}",
        "nesting-500": b'{"id":"x","data":{"order_id":"poison-deep-2","lines":' + b"[" * 500 + b"]" * 500 + b"}}",
        "nul-bytes": b"\x00" * 64,
        "two-values": b"{}{}",
        "huge-number": b'{"id":"x","data":{"order_id":"poison-1e999","return_id":"r","version":1e999}}',
        "huge-integer": b'{"id":"x","data":{"order_id":"poison-int","return_id":"r","version":' + b"9" * 400 + b"}}",
    }
    shaped: dict[str, Any] = {
        "no-order-id": {"return_id": "poison-return", "version": 1},
        "null-order-id": named(order_id=None),
        "blank-order-id": named(order_id="   "),
        "long-order-id": named(order_id="9" * 300),
        "order-id-a-list": named(order_id=["5001"]),
        "data-null": None,
        "data-a-list": [1, 2, 3],
        "no-return-id": {"order_id": "poison-no-return", "version": 1},
        "version-text": named(version="four"),
        "version-negative": named(version=-1),
        "lines-text": named(lines="l1"),
        "lines-of-nulls": named(lines=[None, None]),
        "quantity-fraction": named(lines=[{"line_id": "l1", "sku": "X", "quantity": 1.5, "unit_price": "1.00"}]),
        "quantity-huge": named(lines=[{"line_id": "l1", "sku": "X", "quantity": 10**18, "unit_price": "1.00"}]),
        "amount-a-float": named(shipping_refund=4.95),
        "amount-three-digits": named(shipping_refund="4.950"),
        "currency-unknown": named(currency="XXX"),
        "time-nonsense": named(updated_at="yesterday"),
        "time-far": named(updated_at="9999-12-31T23:59:59Z"),
        "markup": named(order_number="<script>alert(1)</script>'; DROP TABLE orders; --\u202e"),
        "all-null": dict.fromkeys(named()),
    }
    for name, body in raw.items():
        yield Poison(name, REVENI, body)
    for name, data in shaped.items():
        yield Poison(name, REVENI, envelope(data))
    yield Poison("huge-record", REVENI, envelope(named(note="x" * _OVER_A_RECORD)))
    yield Poison(
        "huge-inspection", WAREHOUSE, envelope({**named(), "inspection_id": "p", "note": "y" * _OVER_A_RECORD})
    )
    yield Poison("inspection-not-json", WAREHOUSE, b"<inspection/>")
    yield Poison("inspection-no-order", WAREHOUSE, envelope({"inspection_id": "poison-ins", "version": 1, "lines": []}))
    yield Poison("inspection-lines-null", WAREHOUSE, envelope(named(inspection_id="poison-ins-2", lines=None)))
    for order_id in rng.sample(sorted(order_ids), min(3, len(order_ids))):
        yield Poison("real-order-lines-text", REVENI, envelope(named(order_id=order_id, lines="l1")))
        yield Poison("real-order-no-currency", REVENI, envelope(named(order_id=order_id, currency=None)))
