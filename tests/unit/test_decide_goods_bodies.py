"""What an exchange order, a receipt, a move and a closing say, word for word: adapters translate just this."""

from __future__ import annotations

from typing import Any

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import refund, replacement, tee
from tests.unit.erp import Erp
from tests.unit.told import decision, exception, inspected, snapshot

LOOKED_AT = "2026-11-20T12:00:01.000000Z"
ORIGIN = {"id": "ins-r1", "line_id": "l1", "sku": "TEE-RED-M", "warehouse": "WH-LON"}


def only(erp: Erp, kind: DocumentKind) -> dict[str, Any]:
    (body,) = erp.made(kind)
    return body


def test_an_exchange_order() -> None:
    """For the customer of the original order, for nothing."""
    erp = Erp()
    line = tee(request="exchange", quantity=2, tax_amount="13.33")
    erp.hear(snapshot(type="exchange", lines=[line], replacements=[replacement(quantity=2)]))
    assert only(erp, DocumentKind.EXCHANGE_ORDER) == {
        "order_id": "5001",
        "return_id": "r1",
        "line_id": "l1",
        "currency": "GBP",
        "customer": {"number": "55"},
        "lines": [{"line_id": "l1", "sku": "TEE-RED-L", "item": "TEE-RED-L", "quantity": 2, "amount": "0.00"}],
        "date": "2026-11-27T10:00:00.000Z",
    }
    (asked,) = (command for command in erp.asked if command.kind is DocumentKind.AVAILABILITY)
    assert asked.subject == "r1/l1"
    assert asked.body == {
        "order_id": "5001",
        "sku": "TEE-RED-L",
        "item": "TEE-RED-L",
        "locations": ["101", "201"],
        "asked": 1,
    }


def test_a_receipt_and_a_move() -> None:
    """The receipt names its authorisation and where the units lie; the move where they came from."""
    erp = Erp()
    erp.hear(snapshot(), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert only(erp, DocumentKind.ITEM_RECEIPT) == {
        "order_id": "5001",
        "return_id": "r1",
        "source": {"kind": "return_authorisation", "number": "return_authorisation-1"},
        "location": "101",
        "disposition": "sellable",
        "lines": [
            {
                "line_id": "l1",
                "order_line": "1",
                "order_line_id": "ol1",
                "sku": "TEE-RED-M",
                "item": "4711",
                "quantity": 1,
                "location": "101",
            }
        ],
        "origin": {**ORIGIN, "disposition": "sellable", "place": "sellable", "note": ""},
        "date": LOOKED_AT,
        "on_closed_period": "hold",
    }
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), version=2))
    subjects = [command.subject for command, _ in erp.documents if command.kind is DocumentKind.STOCK_MOVEMENT]
    assert subjects == ["ins-r1/l1/TEE-RED-M/sellable@WH-LON>damaged@WH-LON"]
    assert only(erp, DocumentKind.STOCK_MOVEMENT) == {
        "order_id": "5001",
        "return_id": "r1",
        "item": "4711",
        "sku": "TEE-RED-M",
        "quantity": 1,
        "from_location": "101",
        "to_location": "102",
        "origin": {
            **ORIGIN,
            "disposition": "damaged",
            "place": "quarantine",
            "note": "",
            "from": ["sellable", "WH-LON"],
        },
        "date": "2026-11-20T12:00:02.000000Z",
        "on_closed_period": "hold",
    }


def test_an_authorisation_and_its_closing() -> None:
    """The lines as they were sold; the closing names what it closes."""
    erp = Erp()
    erp.hear(snapshot())
    erp.hear(snapshot(2, state="cancelled"))
    assert only(erp, DocumentKind.RETURN_AUTHORISATION) == {
        "order_id": "5001",
        "return_id": "r1",
        "currency": "GBP",
        "form": "from_order",
        "customer": {"number": "55"},
        "lines": [
            {
                "line_id": "l1",
                "order_line": "1",
                "order_line_id": "ol1",
                "sku": "TEE-RED-M",
                "item": "4711",
                "quantity": 1,
                "reason": "1",
            }
        ],
        "date": "2026-11-27T10:00:00.000Z",
        "source": {"kind": "sales_order", "number": "1001"},
    }
    assert only(erp, DocumentKind.RETURN_CLOSING) == {
        "order_id": "5001",
        "return_id": "r1",
        "source": {"kind": "return_authorisation", "number": "return_authorisation-1"},
    }


def test_a_reversal() -> None:
    """It names the note and its amount, and has the day of the yes."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00", "failed")]))
    held = exception(erp, "mismatch", "reversal")
    number = next(number for command, number in erp.documents if command.kind is DocumentKind.CREDIT_NOTE)
    wanted = {
        "order_id": "5001",
        "return_id": "r1",
        "refund_id": "rf1",
        "currency": "GBP",
        "amount": "40.00",
        "source": {"kind": "credit_note", "number": number},
        "on_closed_period": "hold",
    }
    assert held["command"]["body"] == {**wanted, "date": ""}
    assert (held["amount"], held["currency"]) == ("40.00", "GBP")
    yes = decision("approve", held["command"])
    erp.hear(yes)
    assert only(erp, DocumentKind.REVERSAL) == {**wanted, "date": yes.at}  # type: ignore[union-attr]
