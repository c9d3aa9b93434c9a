"""Refunds: one credit note for each, for exactly its amount; what is held, flagged, reversed or never posted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.scenarios.messages import hat, refund, return_of, sold, tee
from tests.scenarios.system import Entry, System

RMA, NOTE, APPLICATION, REVERSAL = "return_authorisation", "credit_note", "credit_application", "reversal"


def total(entries: Sequence[Entry]) -> Decimal:
    return sum((Decimal(entry["amount"]) for entry in entries), Decimal(0))


def tax(entries: Sequence[Entry]) -> Decimal:
    return sum((Decimal(line["tax"] or "0") for entry in entries for line in entry["lines"]), Decimal(0))


def test_r03_a_confirmed_refund_makes_one_note_for_exactly_its_amount(system: System) -> None:
    """One note, made from the return's RMA, with the original order's id, the refund's amount and its currency."""
    order = system.new_order()
    system.send(return_of(order, "r1"))
    authorised = system.document(order, RMA)
    system.send(return_of(order, "r1", 2, refunds=[refund("rf1", "40.00")]))
    note = system.document(order, NOTE)
    assert (note["amount"], note["currency"], note["order_id"]) == ("40.00", "GBP", order)
    assert note["created_from"] == authorised["number"]
    assert tax([note]) == Decimal("6.67")
    system.at_rest(order)
    assert system.made(order)[NOTE] == 1


def test_r04_an_instant_refund_posts_without_touching_stock(system: System) -> None:
    """Paid before anything was sent back: the note is posted, and nothing was received or moved."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    system.document(order, NOTE)
    system.at_rest(order)
    made = system.made(order)
    assert (made["item_receipt"], made["stock_movement"], system.sellable(order)) == (0, 0, 0)


def test_r05_the_note_is_applied_to_the_open_invoice(system: System) -> None:
    """The order's invoice is still open: the credit is applied to it, for the note's amount."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    note = system.document(order, NOTE)
    applied = system.document(order, APPLICATION)
    assert (applied["amount"], applied["external_ref"]) == ("40.00", note["external_ref"])


def test_r05_what_is_left_open_of_an_invoice_is_all_that_is_applied(system: System) -> None:
    """15.00 are open and 40.00 credited: 15.00 are applied."""
    order = system.new_order()
    system.stage.seed({"invoices": [{"account": "ns", "order_id": order, "number": f"INV-{order}", "open": "15.00"}]})
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    assert system.document(order, APPLICATION)["amount"] == "15.00"


def test_r05_the_credit_stays_open_when_the_invoice_is_settled(system: System) -> None:
    """A settled invoice: the note stands unapplied and is shown so; that is no exception."""
    order = system.new_order(invoice=None)
    settled = {"account": "ns", "order_id": order, "number": f"INV-{order}", "open": "0.00"}
    system.stage.seed({"invoices": [settled]})
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    note = system.document(order, NOTE)
    rest = system.at_rest(order)
    assert system.made(order)[APPLICATION] == 0
    assert note["status"] == "open"
    assert [d["applied"] for d in rest["documents"] if d["kind"] == NOTE] == ["0.00"]
    assert not rest["exceptions"]


@pytest.mark.parametrize(
    ("amount", "line", "difference"),
    [("45.00", {}, "5.00"), ("41.00", {"unit_price": "41.00"}, "100 minor units")],
    ids=["more-than-its-lines", "dearer-than-the-order"],
)
def test_r06_a_refund_that_does_not_add_up_is_held_with_the_difference(
    system: System, amount: str, line: dict[str, str], difference: str
) -> None:
    """Against Reveni's own lines, or the ERP's prices: Finance sees by how much, and says post."""
    order = system.new_order()
    system.send(return_of(order, "r1", lines=[tee(**line)], refunds=[refund("rf1", amount)]))
    held = system.exception(order, "mismatch")
    assert difference in held["reason"]
    assert (held["owner"], held["refund_id"]) == ("finance", "rf1")
    system.at_rest(order)
    assert system.made(order)[NOTE] == 0
    system.decide("post-anyway", held["dlq_id"])
    assert system.document(order, NOTE)["amount"] == amount
    system.no_exceptions(order)


def test_r06_less_than_a_closed_return_comes_to_is_held(system: System) -> None:
    """Accepted and nothing pending: 35.00 for 40.00 of goods is a difference; while a refund is pending it is not."""
    order = system.new_order()
    parts = [refund("rf1", "35.00"), refund("rf2", "5.00", "pending")]
    system.send(return_of(order, "r1", state="accepted", refunds=parts))
    assert system.document(order, NOTE)["amount"] == "35.00"
    other = system.new_order()
    system.send(return_of(other, "r1", state="accepted", refunds=parts[:1]))
    assert "5.00" in system.exception(other, "mismatch")["reason"]
    system.at_rest(order)
    assert not system.exceptions(order)


def test_r06_a_penny_of_rounding_is_no_difference(system: System) -> None:
    """One minor unit for each counted line is the tolerance: the note posts for the refund's amount."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.01")]))
    assert system.document(order, NOTE)["amount"] == "40.01"
    system.at_rest(order)
    assert not system.exceptions(order)


def test_r06_the_profile_may_post_and_flag(system: System) -> None:
    """on_mismatch = post_and_flag: the note is posted and the difference stands beside it."""
    with system.profile(('on_mismatch = "hold"', 'on_mismatch = "post_and_flag"')):
        order = system.new_order()
        system.send(return_of(order, "r1", refunds=[refund("rf1", "45.00")]))
        assert system.document(order, NOTE)["amount"] == "45.00"
        flagged = system.exception(order, "mismatch")
        assert "5.00" in flagged["reason"]
        system.at_rest(order)
        assert system.made(order)[NOTE] == 1


def test_r07_partial_refunds_add_up_to_the_penny_tax_too(system: System) -> None:
    """Three refunds of one line: three notes whose sum is the line's price, and whose taxes are the line's tax."""
    order = system.new_order()
    parts = ["13.33", "13.33", "13.34"]
    for version, count in enumerate((1, 2, 3), 1):
        refunds = [
            refund(f"rf{n}", amount, executed_at=f"2026-11-20T09:{n:02d}:00Z")
            for n, amount in enumerate(parts[:count], 1)
        ]
        system.send(return_of(order, "r1", version, refunds=refunds))
        notes = system.documents(order, NOTE, count)
    assert sorted(note["amount"] for note in notes) == sorted(parts)
    assert (total(notes), tax(notes)) == (Decimal("40.00"), Decimal("6.67"))


def test_r07_no_more_than_was_paid_is_ever_credited(system: System) -> None:
    """Reveni refunds more than the order's total and its lines say so too: the excess is held for Finance."""
    order = system.new_order(lines=[sold("ol1", "TEE-RED-M", 2, "40.00", "13.33")], shipping="0", paid="80.00")
    lines = [tee(quantity=2, tax_amount="13.33")]
    system.send(return_of(order, "r1", lines=lines, refunds=[refund("rf1", "80.00")]))
    system.document(order, NOTE)
    more = [refund("rf2", "4.95", executed_at="2026-11-20T10:00:00Z")]
    system.send(return_of(order, "r2", lines=[], shipping_refund="4.95", refunds=more))
    held = system.exception(order, "mismatch")
    assert (held["owner"], held["refund_id"]) == ("finance", "rf2")
    assert "4.95 too much" in held["reason"]
    system.at_rest(order)
    assert total(system.ledger(order, NOTE)) == Decimal("80.00")


def test_r07_credits_of_one_order_are_applied_one_after_the_other(system: System) -> None:
    """Two notes at once against an invoice that only has room for one and a half: all of it is applied, no more."""
    order = system.new_order()
    system.stage.seed({"invoices": [{"account": "ns", "order_id": order, "number": f"INV-{order}", "open": "45.00"}]})
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    system.send(return_of(order, "r2", lines=[hat()], refunds=[refund("rf2", "10.00")]))
    assert total(system.documents(order, APPLICATION, 2)) == Decimal("45.00")
    system.at_rest(order)
    assert not system.exceptions(order)


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({"lines": [], "refunds": [refund("rf1", "5.00", kind="goodwill")]}, "5.00"),
        ({"lines": [], "refunds": [refund("rf1", "4.95")], "shipping_refund": "4.95"}, "4.95"),
        ({"refunds": [refund("rf1", "37.05")], "fees": [{"kind": "logistics", "amount": "2.95"}]}, "37.05"),
    ],
    ids=["goodwill", "shipping-only", "less-a-fee"],
)
def test_r08_an_amount_is_credited_as_what_it_is(system: System, changes: dict[str, Any], amount: str) -> None:
    """Goodwill, shipping and fees have their own items; an empty list of lines never credits the whole order."""
    order = system.new_order()
    system.send(return_of(order, "r1", **changes))
    note = system.document(order, NOTE)
    assert note["amount"] == amount
    goods = [line for line in note["lines"] if line["sku"] in ("TEE-RED-M", "HAT-1")]
    assert len(goods) == len(changes.get("lines", [tee()]))
    system.at_rest(order)
    made = system.made(order)
    assert (made[NOTE], made[RMA]) == (1, len(goods))


@pytest.mark.parametrize(
    ("method", "posted"),
    [("bank_transfer", "customer_credit"), ("store_credit", "store_credit"), ("original", "original_payment")],
)
def test_r09_a_refund_posts_by_the_method_it_maps_to(system: System, method: str, posted: str) -> None:
    """The note says how the money went, in the account's own word for it."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00", method=method)]))
    assert system.document(order, NOTE)["method"] == posted


def test_r09_an_unmapped_method_is_an_exception(system: System) -> None:
    """A method the profile does not know posts nothing and names what is missing."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00", method="gift_card")]))
    assert "gift_card" in system.exception(order, "unmapped")["reason"]
    system.at_rest(order)
    assert system.made(order)[NOTE] == 0


def test_r10_a_deferred_refund_has_no_note_until_it_is_paid(system: System) -> None:
    """Pending: nothing is posted and the wait is visible. Paid: one note."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00", "pending")]))
    system.document(order, RMA)
    rest = system.at_rest(order)
    assert system.made(order)[NOTE] == 0
    assert [w["for"] for w in rest["waiting"] if w["step"] == NOTE] == ["refund"]
    system.send(return_of(order, "r1", 2, refunds=[refund("rf1", "40.00")]))
    assert system.document(order, NOTE)["amount"] == "40.00"


def test_r10_a_refund_that_fails_afterwards_is_reversed_once_finance_approves(system: System) -> None:
    """The note stays until Finance says yes; the reversal is a document of its own that names the note."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    note = system.document(order, NOTE)
    system.at_rest(order)
    system.send(return_of(order, "r1", 2, refunds=[refund("rf1", "40.00", "failed")]))
    failed = system.exception(order, "mismatch")
    assert failed["owner"] == "finance"
    assert note["number"] in failed["reason"]
    system.at_rest(order)
    assert system.made(order)[REVERSAL] == 0
    system.decide("approve", failed["dlq_id"])
    reversal = system.document(order, REVERSAL)
    assert (reversal["of"], reversal["amount"]) == (note["number"], "40.00")
    system.no_exceptions(order)
    system.at_rest(order)
    assert (system.made(order)[NOTE], system.made(order)[REVERSAL]) == (1, 1)


def test_r10_a_paid_refund_that_a_newer_snapshot_leaves_out_is_not_forgotten(system: System) -> None:
    """The note stands, and Finance is told that Reveni no longer names the refund."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    system.document(order, NOTE)
    system.send(return_of(order, "r1", 2, refunds=[]))
    assert "rf1" in system.exception(order, "mismatch", about="leaves it out")["reason"]
    system.at_rest(order)
    assert (system.made(order)[NOTE], system.made(order)[REVERSAL]) == (1, 0)


def test_r11_repeats_disorder_and_new_delivery_ids_post_once(system: System) -> None:
    """Every version three times, the newest first, under old and new delivery ids: one RMA, one note."""
    order = system.new_order()
    versions = [
        return_of(order, "r1", 1),
        return_of(order, "r1", 2, state="shipped", refunds=[refund("rf1", "40.00", "pending")]),
        return_of(order, "r1", 3, state="received", refunds=[refund("rf1", "40.00")]),
    ]
    for again in range(3):
        for data in reversed(versions):
            system.send(data, event_id=f"{order}-{data['version']}" if again < 2 else "")
    system.document(order, NOTE)
    for data in versions:
        system.send(data)
    system.at_rest(order)
    made = system.made(order)
    assert (made[RMA], made[NOTE]) == (1, 1)
    assert not system.exceptions(order)


def test_r11_twins_raise_an_alarm_before_the_second_posts(system: System) -> None:
    """Two returns whose refunds have equal lines and amount: one note, and the other waits for Finance's word."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    system.document(order, NOTE)
    system.send(return_of(order, "r2", refunds=[refund("rf2", "40.00")]))
    twin = system.exception(order, "duplicate")
    assert (twin["owner"], twin["refund_id"]) == ("finance", "rf2")
    system.at_rest(order)
    assert system.made(order)[NOTE] == 1
    system.decide("approve", twin["dlq_id"])
    assert {note["amount"] for note in system.documents(order, NOTE, 2)} == {"40.00"}
    system.no_exceptions(order)


def test_r12_several_returns_of_one_order_each_have_their_documents(system: System) -> None:
    """A tee, then a hat: two RMAs and two notes, each for its own lines and amount."""
    order = system.new_order()
    system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
    system.send(return_of(order, "r2", lines=[hat()], refunds=[refund("rf2", "10.00")]))
    authorised = system.documents(order, RMA, 2)
    assert sorted(line["order_line_id"] for entry in authorised for line in entry["lines"]) == ["ol1", "ol2"]
    notes = system.documents(order, NOTE, 2)
    assert sorted(note["amount"] for note in notes) == ["10.00", "40.00"]
    assert {note["created_from"] for note in notes} == {entry["number"] for entry in authorised}


def test_r18_notes_that_need_approval_post_once_finance_says_yes(system: System) -> None:
    """The profile asks for approval: the note waits; who said yes, when and why is kept; then it posts."""
    with system.profile(("approval = []", 'approval = ["credit_note"]')):
        order = system.new_order()
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        system.document(order, RMA)
        rest = system.at_rest(order)
        waiting = next(w for w in rest["waiting"] if w["for"] == "approval")
        assert (waiting["step"], system.made(order)[NOTE]) == (NOTE, 0)
        system.decide("approve", "--order", order)
        assert system.document(order, NOTE)["amount"] == "40.00"
        (decision,) = system.order(order)["decisions"]
        assert (decision["by"], decision["kind"], decision["ruling"]) == ("fin-01", "approve", "applied")
        assert decision["at"]


def test_r21_two_currencies_are_never_on_one_document(system: System) -> None:
    """A refund in another currency than its order's is never posted; the other one only where Finance says so."""
    order = system.new_order()
    refunds = [refund("rf1", "30.00"), refund("rf2", "10.00", currency="USD", executed_at="2026-11-20T10:00:00Z")]
    system.send(return_of(order, "r1", refunds=refunds))
    foreign = system.exception(order, "mismatch", about="Refund rf2 is in USD")
    doubtful = system.exception(order, "mismatch", about="never mixed on one document")
    assert (foreign["refund_id"], doubtful["refund_id"]) == ("rf2", "rf1")
    system.at_rest(order)
    assert system.made(order)[NOTE] == 0
    system.decide("post-anyway", doubtful["dlq_id"])
    note = system.document(order, NOTE)
    assert (note["amount"], note["currency"]) == ("30.00", "GBP")
    system.at_rest(order)
    assert system.made(order)[NOTE] == 1


@pytest.mark.parametrize(("currency", "price", "vat"), [("JPY", "4000", "364"), ("KWD", "12.345", "1.122")])
def test_r21_amounts_have_the_digits_of_their_currency(system: System, currency: str, price: str, vat: str) -> None:
    """Yen without decimals, dinars with three: the note is for exactly the refund's amount."""
    lines = [sold("ol1", "TEE-RED-M", 1, price, vat)]
    order = system.new_order(currency=currency, lines=lines, shipping="0", invoice=None)
    sent = [tee(unit_price=price, tax_amount=vat)]
    system.send(
        return_of(
            order,
            "r1",
            lines=sent,
            currency=currency,
            shipping_refund="0.000" if currency == "KWD" else "0",
            refunds=[refund("rf1", price, currency=currency)],
        )
    )
    note = system.document(order, NOTE)
    assert (note["amount"], note["currency"]) == (price, currency)


def test_r22_a_posting_into_a_closed_period_is_held(system: System) -> None:
    """The profile says hold: an exception, no note; once the period is open again a retry posts it."""
    with system.account(closed_periods=["2026-11"]):
        order = system.new_order()
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        closed = system.exception(order, "closed")
        assert closed["step"] == NOTE
        system.at_rest(order)
        assert system.made(order)[NOTE] == 0
    system.decide("retry", closed["dlq_id"])
    note = system.document(order, NOTE)
    assert note["date"] == "2026-11-20"
    system.no_exceptions(order)


def test_r22_or_goes_to_the_next_open_period_with_the_original_date_kept(system: System) -> None:
    """The profile says next_open: the note is dated in the next open month, its first date stays in the memo."""
    with (
        system.profile(('closed_period = "hold"', 'closed_period = "next_open"')),
        system.account(closed_periods=["2026-11"]),
    ):
        order = system.new_order()
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        note = system.document(order, NOTE)
        assert note["date"] == "2026-12-01"
        assert "2026-11-20" in system.record("creditMemo", note["number"])["memo"]
        system.at_rest(order)
        assert not system.exceptions(order)
