"""Decisions about exchanges: checked first, made once, for nothing (X01-X04)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from streams.facts import Fact
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, replacement, tee
from tests.unit.erp import Erp, rules
from tests.unit.told import decision, exception, snapshot

EXCHANGE, NOTE = DocumentKind.EXCHANGE_ORDER, DocumentKind.CREDIT_NOTE


def exchanged(version: int = 1, mode: str = "instant", **changes: Any) -> Fact:
    """A return that exchanges one tee for a larger one."""
    line = tee(request="exchange", **changes.pop("line", {}))
    wanted = changes.pop("wanted", {})
    return snapshot(version, type="exchange", mode=mode, lines=[line], replacements=[replacement(**wanted)], **changes)


def test_x01_a_replacement_order_of_no_value() -> None:
    """At authorisation in instant mode, whatever the replacement's price; no credit beside it."""
    erp = Erp()
    erp.hear(exchanged(wanted={"unit_price": "55.00"}))
    (made,) = erp.made(EXCHANGE)
    lines = [(line["sku"], line["quantity"], line["amount"]) for line in made["lines"]]
    assert lines == [("TEE-RED-L", 1, "0.00")]
    assert (made["order_id"], made["return_id"]) == ("5001", "r1")
    assert erp.made(NOTE) == []


def test_x01_in_standard_mode_it_waits_for_acceptance() -> None:
    """Made when the line is accepted; a rejected line gets none."""
    erp = Erp()
    erp.hear(exchanged(mode="standard"))
    assert erp.waiting() == [("exchange_order", "acceptance")]
    erp.hear(exchanged(2, mode="standard", line={"verdict": "accepted"}))
    assert len(erp.made(EXCHANGE)) == 1
    rejected = Erp()
    rejected.hear(exchanged(mode="standard", line={"verdict": "rejected"}))
    assert (rejected.made(EXCHANGE), rejected.waiting()) == ([], [])


def test_x01_an_order_that_exists_already_is_never_made_again() -> None:
    """A replacement with an order_ref is somebody else's order."""
    erp = Erp()
    erp.hear(exchanged(wanted={"order_ref": "5002"}))
    assert erp.made(EXCHANGE) == []
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_x02_out_of_stock_makes_nothing_and_tells_cx() -> None:
    """No half-made order, and the authorisation does not wait for it."""
    erp = Erp()
    erp.available = 0
    erp.hear(exchanged())
    assert erp.made(EXCHANGE) == []
    assert len(erp.made(DocumentKind.RETURN_AUTHORISATION)) == 1
    held = exception(erp, "out-of-stock")
    assert held["owner"] == "cx"
    assert "0 available, 1 wanted" in held["reason"]


def test_x02_an_inactive_customer_is_cxs_too() -> None:
    """The customer is checked before the stock is asked for."""
    erp = Erp(customer={"number": "55", "active": False})
    erp.hear(exchanged())
    assert exception(erp, "refused", "exchange_order")["owner"] == "cx"
    assert DocumentKind.AVAILABILITY not in {command.kind for command in erp.asked}


def test_x02_a_yes_about_the_stock_is_not_believed_for_long() -> None:
    """A quarter of an hour goes by until the order is approved, and the last one is sold: it is asked anew."""
    erp = Erp(using=rules(("approval = [] ", 'approval = ["exchange_order"] ')))
    erp.hear(exchanged())
    (waits,) = (item for item in erp.row.waiting.values() if item.waits_for == "approval")
    erp.available = 0
    erp.now += timedelta(minutes=15)
    erp.hear(decision("approve", command_id=waits.command_id))
    assert erp.made(EXCHANGE) == []
    assert exception(erp, "out-of-stock")["owner"] == "cx"


def test_x03_in_stock_again_it_is_made_once_after_a_retry() -> None:
    """The shopper's request is intact; the retry asks about the stock anew."""
    erp = Erp()
    erp.available = 0
    erp.hear(exchanged())
    held = exception(erp, "out-of-stock")
    erp.available = 5
    erp.settle()
    assert erp.made(EXCHANGE) == [], "a no stands until somebody retries"
    erp.hear(decision("retry", held["command"]))
    erp.hear(decision("retry", held["command"]))
    assert [line["sku"] for body in erp.made(EXCHANGE) for line in body["lines"]] == ["TEE-RED-L"]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_x03_still_out_of_stock_it_stays_an_exception() -> None:
    """A retry that finds nothing new leaves the same exception, and makes nothing."""
    erp = Erp()
    erp.available = 0
    erp.hear(exchanged())
    erp.hear(decision("retry", exception(erp, "out-of-stock")["command"]))
    assert exception(erp, "out-of-stock")["owner"] == "cx"
    assert [command.revision for command in erp.asked if command.kind is DocumentKind.AVAILABILITY] == [1, 2]
    assert erp.made(EXCHANGE) == []


def test_x04_the_exchanged_value_is_not_credited() -> None:
    """A mixed return: the hat's money back, another tee for the tee."""
    erp = Erp()
    lines = [tee(request="exchange"), hat()]
    erp.hear(
        snapshot(type="mixed", lines=lines, replacements=[replacement()], refunds=[refund("rf1", "10.00")]),
    )
    (note,) = erp.made(NOTE)
    assert [(line["line_id"], line["amount"]) for line in note["lines"]] == [("l2", "10.00")]
    assert len(erp.made(EXCHANGE)) == 1
    assert erp.exceptions() == []


def test_a_request_that_changed_after_the_order_was_made_is_shown() -> None:
    """The order stands; CX sees what was made and what is asked for now, and no second order is made."""
    erp = Erp()
    erp.hear(exchanged())
    erp.hear(exchanged(2, wanted={"sku": "TEE-RED-XL"}))
    assert len(erp.made(EXCHANGE)) == 1
    reason = exception(erp, "mismatch", "exchange_order")["reason"]
    assert "made for 1 x TEE-RED-L; the return now asks for 1 x TEE-RED-XL" in reason
