"""What the money steps ask for, word for word: an adapter reads these bodies, and a name that changed is a hole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streams.commands import Failure
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, rules
from tests.unit.told import decision, exception, snapshot

RMA, NOTE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE
APPLICATION, REVERSAL = DocumentKind.CREDIT_APPLICATION, DocumentKind.REVERSAL
NEXT_OPEN = ('closed_period = "hold"', 'closed_period = "next_open"')


def number_of(erp: Erp, kind: DocumentKind) -> str:
    return next(number for command, number in erp.documents if command.kind is kind)


def without_plan(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "plan"}


def test_a_note_from_an_authorisation_in_full() -> None:
    """Goods with the authorisation's line and item, a fee and the shipping with the profile's items and taxes."""
    erp = Erp(using=rules(NEXT_OPEN))
    fees = [{"kind": "logistics", "amount": "2.95"}]
    erp.hear(snapshot(refunds=[refund("rf1", "42.00")], fees=fees, shipping_refund="4.95"))
    (note,) = erp.made(NOTE)
    charge = {"quantity": 1, "tax_code": "5", "tax_rate": "20"}
    assert without_plan(note) == {
        "order_id": "5001",
        "return_id": "r1",
        "refund_id": "rf1",
        "currency": "GBP",
        "amount": "42.00",
        "form": "from_return",
        "customer": {"number": "55"},
        "lines": [
            {
                "component": "line",
                "key": "line:l1",
                "quantity": 1,
                "amount": "40.00",
                "line_id": "l1",
                "sku": "TEE-RED-M",
                "item": "4711",
                "order_line_id": "ol1",
                "order_line": "1",
                "tax": "6.67",
                "tax_code": "5",
                "tax_rate": "20",
            },
            {"component": "shipping", "key": "shipping", "amount": "4.95", "item": "901", "tax": "0.83", **charge},
            {
                "component": "fee",
                "key": "fee:logistics",
                "amount": "-2.95",
                "item": "902",
                "tax": "-0.49",
                **charge,
            },
        ],
        "method": "customer_credit",
        "date": "2026-11-20T09:29:57Z",
        "on_closed_period": "next_open",
        "source": {"kind": "return_authorisation", "number": number_of(erp, RMA)},
    }


def test_a_note_that_stands_alone_in_full() -> None:
    """A goodwill: the customer, one line, no source; a method that nobody named is none."""
    erp = Erp()
    told = refund("rf1", "5.00", kind="goodwill")
    del told["method"]
    erp.hear(snapshot(lines=[], refunds=[told]))
    (note,) = erp.made(NOTE)
    assert without_plan(note) == {
        "order_id": "5001",
        "return_id": "r1",
        "refund_id": "rf1",
        "currency": "GBP",
        "amount": "5.00",
        "form": "standalone",
        "customer": {"number": "55"},
        "lines": [
            {
                "component": "goodwill",
                "key": "goodwill",
                "quantity": 1,
                "amount": "5.00",
                "item": "904",
                "tax": "0.00",
                "tax_code": "6",
                "tax_rate": "0",
            }
        ],
        "method": "",
        "date": "2026-11-20T09:29:57Z",
        "on_closed_period": "hold",
    }


def test_an_application_in_full() -> None:
    """The note by its number, every invoice with its share, and what is left."""
    erp = Erp(invoices=[{"number": "77", "open": "15.00", "currency": "GBP"}])
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    assert erp.made(APPLICATION) == [
        {
            "order_id": "5001",
            "return_id": "r1",
            "refund_id": "rf1",
            "currency": "GBP",
            "amount": "15.00",
            "stays_open": "25.00",
            "source": {"kind": "credit_note", "number": number_of(erp, NOTE)},
            "invoices": [{"number": "77", "amount": "15.00"}],
        }
    ]


def test_the_question_for_invoices_in_full() -> None:
    """It names the order as the account numbers it, the note, and how many credits were applied before."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    (question,) = [command.body for command in erp.asked if command.kind is DocumentKind.INVOICE]
    note = number_of(erp, NOTE)
    assert question == {"order_id": "5001", "order_number": "1001", "note": note, "after": 0, "asked": 1}


def test_a_reversal_in_full() -> None:
    """The whole note, on the terms of the profile."""
    erp = Erp(using=rules(NEXT_OPEN))
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00", "failed")]))
    held = exception(erp, "mismatch", "reversal")
    assert held["reason"] == (
        f"Refund rf1 failed after credit note {number_of(erp, NOTE)} was posted; "
        "approve the reversal, or say that it was paid another way."
    )
    erp.hear(decision("approve", held["command"]))
    (reversal,) = erp.made(REVERSAL)
    assert {name: value for name, value in reversal.items() if name != "date"} == {
        "order_id": "5001",
        "return_id": "r1",
        "refund_id": "rf1",
        "currency": "GBP",
        "amount": "40.00",
        "source": {"kind": "credit_note", "number": number_of(erp, NOTE)},
        "on_closed_period": "next_open",
    }


# -- no note


@pytest.mark.parametrize("lines", [[tee()], []], ids=["beside goods", "alone"])
def test_a_refund_of_a_kind_that_nobody_knows_is_shown(lines: list[dict[str, Any]]) -> None:
    """It is neither goods nor an amount: what it pays for cannot be said."""
    erp = Erp()
    erp.hear(snapshot(lines=lines, refunds=[refund("rf1", "5.00", kind="tip")]))
    assert erp.made(NOTE) == []
    held = exception(erp, "invalid", "credit_note")
    assert (held["refund_id"], "tip" in held["reason"]) == ("rf1", True)


def test_a_refund_of_nothing_needs_no_note() -> None:
    """And nobody waits for one."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "0.00")]))
    assert (erp.made(NOTE), erp.exceptions(), erp.waiting()) == ([], [], [])


def test_a_refund_in_another_currency_than_its_return_is_held_with_both_named() -> None:
    """Beside one in the return's own, which is credited."""
    erp = Erp(currency="")
    refunds = [refund("rf1", "5.00", currency="EUR"), refund("rf2", "5.00", kind="goodwill")]
    erp.hear(snapshot(refunds=refunds))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]
    held = exception(erp, "mismatch", "credit_note")
    assert (held["owner"], held["refund_id"]) == ("finance", "rf1")
    assert held["reason"] == (
        "Refund rf1 is EUR 5.00, but return r1 is in GBP: currencies are never mixed on one document."
    )


# -- the form


def test_a_note_whose_authorisation_was_refused_stands_alone() -> None:
    """The refused one has no number that a note could be made from."""
    erp = Erp()
    erp.refuse[RMA] = Failure(ErrorKind.REFUSED, "no")
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    (note,) = erp.made(NOTE)
    assert (note["form"], "source" in note) == ("standalone", False)


@pytest.mark.parametrize("refused", [False, True], ids=["from the authorisation", "standing alone"])
def test_the_first_note_counts_the_units_and_a_further_one_names_the_least(refused: bool) -> None:
    """Two tees in two refunds: 2, and then 1, as a document's line needs a unit."""
    erp = Erp()
    if refused:
        erp.refuse[RMA] = Failure(ErrorKind.REFUSED, "no")
    two = tee(quantity=2, tax_amount="13.33")
    erp.hear(snapshot(lines=[two], refunds=[refund("rf1", "50.00"), refund("rf2", "30.00")]))
    assert [[line["quantity"] for line in body["lines"]] for body in erp.made(NOTE)] == [[2], [1]]


def test_a_note_over_lines_of_two_authorisations_stands_alone() -> None:
    """Neither holds all that it credits."""
    erp = Erp(returns=[{"external_ref": "x", "number": "9", "status": "open", "lines": [
        {"order_line": "2", "sku": "HAT-1", "quantity": 1}]}])  # fmt: skip
    erp.hear(snapshot(lines=[tee(), hat()]))
    erp.hear(decision("approve", exception(erp, "mismatch", "return_authorisation")["command"]))
    erp.order["returns"] = []
    erp.hear(decision("retry", exception(erp, "mismatch", "return_authorisation")["command"]))
    assert [[line["line_id"] for line in body["lines"]] for body in erp.made(RMA)] == [["l1"], ["l2"]]
    erp.hear(snapshot(2, lines=[tee(), hat()], refunds=[refund("rf1", "50.00")]))
    (note,) = erp.made(NOTE)
    assert (note["form"], [line.get("order_line") for line in note["lines"]]) == ("standalone", [None, None])


def test_an_amount_only_note_stands_alone_beside_an_authorisation() -> None:
    """It credits no goods, so it is made from nothing."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00"), refund("rf2", "5.00", kind="goodwill")]))
    assert [(body["refund_id"], body["form"]) for body in erp.made(NOTE)] == [
        ("rf1", "from_return"),
        ("rf2", "standalone"),
    ]


def test_a_note_for_a_return_that_was_taken_back_stands_alone() -> None:
    """Its authorisation is being closed; an instant refund that was paid is credited all the same."""
    for state in ("rejected", "cancelled"):
        erp = Erp()
        erp.hear(snapshot())
        erp.silent.add(DocumentKind.RETURN_CLOSING)
        erp.hear(snapshot(2, state=state))
        erp.hear(snapshot(3, state=state, refunds=[refund("rf1", "40.00")]))
        assert [body["form"] for body in erp.made(NOTE)] == ["standalone"]


@pytest.mark.parametrize(("amount", "component"), [("40.01", "40.01"), ("39.99", "39.99")])
def test_a_penny_of_rounding_stands_on_the_line(amount: str, component: str) -> None:
    """It is no adjustment of its own, and no rest of the line for a further note."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", amount)]))
    (note,) = erp.made(NOTE)
    assert [(line["component"], line["amount"]) for line in note["lines"]] == [("line", component)]
    assert erp.exceptions() == []


# -- by when


def due(erp: Erp, step: str) -> tuple[str, str, str]:
    (item,) = [item for item in erp.row.waiting.values() if item.step == step]
    return item.waits_for, item.deadline, item.due


def test_a_pending_refund_is_owed_by_the_deadline_of_progress() -> None:
    """30 days; a state that nobody knows waits just so."""
    for state in ("pending", "resting"):
        erp = Erp()
        erp.hear(snapshot(refunds=[refund("rf1", "40.00", state)]))
        late = (erp.now + timedelta(days=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert due(erp, "credit_note") == ("refund", "progress", late)
    assert "rf1 is resting, which is not known here" in next(iter(erp.row.waiting.values())).why


@pytest.mark.parametrize("blocks", ["a held line", "a note whose lines changed"])
def test_what_holds_a_note_up_does_not_move_its_deadline(blocks: str) -> None:
    """15 minutes, whether a person has to see to a line of it or another note has to end first."""
    erp = Erp()
    if blocks == "a held line":
        erp.hear(snapshot(lines=[tee(quantity=3)], refunds=[refund("rf1", "120.00")]))
    else:
        erp.order["total"] = "500.00"
        erp.silent.add(NOTE)
        lines = [tee(verdict="accepted"), hat(verdict="pending")]
        told: dict[str, Any] = {"mode": "standard", "state": "received"}
        erp.hear(snapshot(1, lines=lines, refunds=[refund("rf1", "40.00")], **told))
        both = [tee(verdict="accepted"), hat(verdict="accepted")]
        erp.hear(snapshot(2, lines=both, refunds=[refund("rf1", "40.00"), refund("rf2", "10.00")], **told))
    waits = [item for item in erp.row.waiting.values() if item.step == "credit_note" and item.waits_for != "account:ns"]
    assert [item.deadline for item in waits] == ["credit_note"]
    assert waits[0].due == (erp.now + timedelta(minutes=15)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
