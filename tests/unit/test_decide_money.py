"""Decisions about credit notes and what follows from them (R03, R05-R08, R10, R11, R21, R22)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from streams.commands import Failure
from streams.facts import Fact
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE
APPLICATION, REVERSAL = DocumentKind.CREDIT_APPLICATION, DocumentKind.REVERSAL
POST_AND_FLAG = ('on_mismatch = "hold"', 'on_mismatch = "post_and_flag"')


def refunded(amount: str, version: int = 1, state: str = "paid", **changes: Any) -> Fact:
    return snapshot(version, refunds=[refund("rf1", amount, state)], **changes)


def test_r03_one_note_for_exactly_the_refund_however_often_it_is_told() -> None:
    """Linked to the original order and made from the authorisation, in the refund's currency, once."""
    erp = Erp()
    erp.hear(refunded("40.00"), refunded("40.00"))
    erp.hear(refunded("40.00", 2, state_note="a field nobody knows"))
    (note,) = erp.made(NOTE)
    assert (note["amount"], note["currency"], note["order_id"]) == ("40.00", "GBP", "5001")
    assert note["source"] == {"kind": "return_authorisation", "number": "return_authorisation-1"}
    assert erp.exceptions() == []


def test_r05_the_note_is_applied_to_what_is_open_on_the_invoice() -> None:
    """No more than is open, no more than the note."""
    for left, applied in (("94.95", "40.00"), ("15.00", "15.00")):
        erp = Erp(invoices=[{"number": "77", "open": left, "currency": "GBP"}])
        erp.hear(refunded("40.00"))
        assert [body["amount"] for body in erp.made(APPLICATION)] == [applied]


def test_r05_a_settled_invoice_leaves_the_credit_open() -> None:
    """Nothing is applied, and nothing waits or is wrong."""
    erp = Erp(invoices=[{"number": "77", "open": "0.00", "currency": "GBP"}])
    erp.hear(refunded("40.00"))
    assert len(erp.made(NOTE)) == 1
    assert erp.made(APPLICATION) == []
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_r06_a_refund_that_does_not_add_up_is_held_until_somebody_says_yes() -> None:
    """Finance sees the difference and what would be posted; a yes to exactly that posts it."""
    erp = Erp()
    erp.hear(refunded("45.00"))
    assert erp.made(NOTE) == []
    held = exception(erp, "mismatch", "credit_note")
    assert "GBP 5.00 too much" in held["reason"]
    assert (held["owner"], held["command"]["body"]["amount"]) == ("finance", "45.00")
    erp.hear(decision("post_anyway", held["command"]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["45.00"]


def test_r06_the_profile_may_post_and_flag() -> None:
    """The note is posted for what was refunded, with the exception beside it; a yes ends the exception."""
    erp = Erp(using=rules(POST_AND_FLAG))
    erp.hear(refunded("45.00"))
    assert [body["amount"] for body in erp.made(NOTE)] == ["45.00"]
    held = exception(erp, "mismatch", "credit_note")
    erp.hear(decision("approve", held["command"]))
    assert erp.exceptions() == []
    assert len(erp.made(NOTE)) == 1


def test_r06_a_price_that_differs_from_the_orders_is_told_in_minor_units() -> None:
    """The return says 40.00 for what was sold at 39.50."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 2, "79.00", "13.33")])
    erp.hear(refunded("40.00"))
    assert "(50 minor units)" in exception(erp, "mismatch", "credit_note")["reason"]


NO_TOLERANCE = ("minor_units_per_line = 1", "minor_units_per_line = 0")


def a_third(price: str, tax: str) -> Erp:
    """One of three tees sold for 100.00 with 20.00 of tax comes back, where not a penny's difference is let pass."""
    erp = Erp(using=rules(NO_TOLERANCE), lines=[order_line("1", "ol1", "TEE-RED-M", 3, "100.00", "20.00")])
    erp.hear(refunded(price, lines=[tee(unit_price=price, tax_amount=tax)]))
    return erp


@pytest.mark.parametrize(("price", "tax"), [("33.33", "6.67"), ("33.34", "6.66")], ids=["shorter", "longer"])
def test_r06_the_rounding_of_a_share_is_no_difference(price: str, tax: str) -> None:
    """A third of 100.00 has no penny that is right: what is less than a minor unit off posts without a word."""
    erp = a_third(price, tax)
    assert [body["amount"] for body in erp.made(NOTE)] == [price]
    assert erp.exceptions() == []


@pytest.mark.parametrize(
    ("price", "tax", "says"),
    [
        ("33.32", "6.67", "the price in the return differs"),
        ("33.35", "6.67", "the price in the return differs"),
        ("33.33", "6.65", "the tax in the return differs"),
        ("33.33", "6.68", "the tax in the return differs"),
    ],
)
def test_r06_a_whole_minor_unit_is_a_difference(price: str, tax: str, says: str) -> None:
    """One more penny than rounding explains is held, up or down, in the price or in its tax."""
    erp = a_third(price, tax)
    assert erp.made(NOTE) == []
    reason = exception(erp, "mismatch", "credit_note")["reason"]
    assert says in reason
    assert "1 minor units)" in reason


def test_r06_a_price_that_differs_stays_flagged_beside_its_posted_note() -> None:
    """Posting does not end the exception, whether the note came first or the price; a yes does."""
    sold = [order_line("1", "ol1", "TEE-RED-M", 2, "79.00", "13.33")]
    flagged = Erp(using=rules(POST_AND_FLAG), lines=sold)
    flagged.hear(refunded("40.00"))
    later = Erp(lines=sold)
    later.hear(refunded("39.50", lines=[tee(unit_price="39.50")]))
    assert later.exceptions() == []
    later.hear(refunded("39.50", 2, lines=[tee(unit_price="39.52")]))
    for erp in (flagged, later):
        assert len(erp.made(NOTE)) == 1
        held = exception(erp, "mismatch", "credit_note")
        assert "the price in the return differs from the order" in held["reason"]
        erp.hear(decision("approve", held["command"]))
        assert erp.exceptions() == []


def test_r07_partial_refunds_add_up_to_the_penny_tax_too() -> None:
    """Three notes of a third each: their amounts and their taxes add up to the line's."""
    erp = Erp()
    parts = ["13.33", "13.33", "13.34"]
    for count in (1, 2, 3):
        erp.hear(snapshot(count, refunds=[refund(f"rf{n}", part) for n, part in enumerate(parts[:count], start=1)]))
    notes = erp.made(NOTE)
    assert [body["amount"] for body in notes] == parts
    lines = [line for body in notes for line in body["lines"]]
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal("40.00")
    assert sum(Decimal(line["tax"]) for line in lines) == Decimal("6.67")


def growing(erp: Erp, *refunds: dict[str, Any]) -> Fact:
    """One line accepted and paid first; with a second refund the other line is accepted too."""
    both = len(refunds) > 1
    lines = [tee(verdict="accepted"), hat(verdict="accepted" if both else "pending")]
    return snapshot(len(refunds), lines=lines, mode="standard", state="received", refunds=list(refunds))


@pytest.mark.parametrize("begun", [0, -1])
def test_r07_a_note_waits_for_the_end_of_one_whose_lines_changed_on_its_way(begun: int) -> None:
    """Whichever revision of the first note was posted, the second credits what that one left of each line."""
    erp = Erp()
    erp.silent.add(NOTE)
    first, second = refund("rf1", "40.00"), refund("rf2", "10.00")
    erp.hear(growing(erp, first))
    erp.hear(growing(erp, first, second))
    asked = [command for command in erp.asked if command.kind is NOTE]
    assert [(command.subject, command.revision) for command in asked] == [("rf1", 1), ("rf1", 2)]
    assert ("credit_note", "credit_note") in erp.waiting()
    erp.silent.clear()
    erp.hear(erp.carry_out(asked[begun]))
    credited: Counter[str] = Counter()
    for note in erp.made(NOTE):
        credited.update({line["line_id"]: int(line["amount"].replace(".", "")) for line in note["lines"]})
    assert credited == {"l1": 4000, "l2": 1000}


def test_r07_notes_on_their_way_are_called_off_together_when_their_lines_change() -> None:
    """Neither is sent anew before it is known that the other was not posted as it was."""
    erp = Erp()
    erp.silent.add(NOTE)
    first, second = refund("rf1", "20.00"), refund("rf2", "20.00")
    lines = [tee(verdict="accepted"), hat(verdict="pending")]
    erp.hear(snapshot(1, lines=lines, mode="standard", state="received", refunds=[first, second]))
    erp.hear(growing(erp, first, second, refund("rf3", "10.00")))
    asked = [command for command in erp.asked if command.kind is NOTE]
    assert [(command.subject, command.void) for command in asked] == [
        ("rf1", False),
        ("rf2", False),
        ("rf1", True),
        ("rf2", True),
    ]
    erp.silent.clear()
    erp.hear(erp.carry_out(asked[0]))
    erp.speak(NOTE)
    credited: Counter[str] = Counter()
    for note in erp.made(NOTE):
        credited.update({line["line_id"]: int(line["amount"].replace(".", "")) for line in note["lines"]})
    assert credited == {"l1": 4000, "l2": 1000}
    assert erp.exceptions() == []
    assert {step for step, _ in erp.waiting()} == {"item_receipt"}


def test_r07_no_more_than_was_paid_is_credited_over_all_returns() -> None:
    """A note that would take the order over what was paid for it is held."""
    erp = Erp(total="60.00")
    erp.hear(refunded("40.00"))
    more = snapshot(return_id="r2", lines=[tee(), hat()], refunds=[refund("rf2", "50.00")])
    erp.hear(more)
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]
    assert "GBP 30.00 too much" in exception(erp, "mismatch", "credit_note")["reason"]


def test_r08_an_amount_only_refund_credits_an_amount_and_no_goods() -> None:
    """An empty list of lines never means everything: one line, the goodwill item, no authorisation."""
    erp = Erp()
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "5.00", kind="goodwill")]))
    (note,) = erp.made(NOTE)
    assert [(line["component"], line["item"], line["amount"]) for line in note["lines"]] == [
        ("goodwill", "904", "5.00")
    ]
    assert (note["form"], erp.made(RMA)) == ("standalone", [])


def test_r08_a_shipping_refund_credits_shipping() -> None:
    """Shipping alone comes back; its tax is the profile's."""
    erp = Erp()
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "4.95")], shipping_refund="4.95"))
    (note,) = erp.made(NOTE)
    lines = [(line["component"], line["item"], line["amount"], line["tax"]) for line in note["lines"]]
    assert lines == [("shipping", "901", "4.95", "0.83")]
    assert erp.made(RMA) == []


def test_r08_a_fee_reduces_the_note() -> None:
    """What was kept back is a line of its own below zero."""
    erp = Erp()
    erp.hear(refunded("37.05", fees=[{"kind": "logistics", "amount": "2.95"}]))
    (note,) = erp.made(NOTE)
    assert [(line["component"], line["amount"]) for line in note["lines"]] == [("line", "40.00"), ("fee", "-2.95")]


def test_r10_no_note_until_the_refund_is_paid_and_none_if_it_fails() -> None:
    """A deferred refund waits for its payment."""
    erp = Erp()
    erp.hear(refunded("40.00", state="pending"))
    assert erp.waiting() == [("credit_note", "refund")]
    erp.hear(refunded("40.00", 2))
    assert len(erp.made(NOTE)) == 1
    failed = Erp()
    failed.hear(refunded("40.00", state="pending"), refunded("40.00", 2, "failed"))
    assert failed.made(NOTE) == []
    assert (failed.exceptions(), failed.waiting()) == ([], [])


def test_r10_a_refund_that_fails_afterwards_is_reversed_once_finance_says_so() -> None:
    """Money is never taken back without a person; the reversal is a document of its own."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    erp.hear(refunded("40.00", 2, "failed"))
    assert erp.made(REVERSAL) == []
    held = exception(erp, "mismatch", "reversal")
    erp.hear(decision("approve", held["command"]))
    (reversal,) = erp.made(REVERSAL)
    number = next(number for command, number in erp.documents if command.kind is NOTE)
    assert (reversal["amount"], reversal["source"]) == ("40.00", {"kind": "credit_note", "number": number})
    assert erp.exceptions() == []


def test_r10_paid_again_after_the_reversal_it_gets_a_note_again() -> None:
    """The first note is used up; the supplement credits the whole amount."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    erp.hear(refunded("40.00", 2, "failed"))
    erp.hear(decision("approve", exception(erp, "mismatch", "reversal")["command"]))
    erp.hear(refunded("40.00", 3))
    notes = [(command.subject, command.body["amount"]) for command, _ in erp.documents if command.kind is NOTE]
    assert notes == [("rf1", "40.00"), ("rf1~2", "40.00")]


def test_r11_of_two_equal_refunds_the_second_waits_for_finance() -> None:
    """Different refund ids, equal lines and amount: held as duplicate until somebody says that both are meant."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "40.00")]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1"]
    held = exception(erp, "duplicate")
    assert (held["owner"], held["refund_id"]) == ("finance", "rf2")
    erp.hear(decision("approve", held["command"]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1", "rf2"]
    assert erp.exceptions() == []


def test_r11_rejecting_the_twin_ends_it() -> None:
    """A twin that was paid by mistake is never posted, and nobody is asked again."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "40.00")]))
    erp.hear(decision("reject", exception(erp, "duplicate")["command"]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1"]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@pytest.mark.parametrize(
    ("order", "currency"), [("GBP", "EUR"), ("EUR", "GBP")], ids=["the refund differs", "the order differs"]
)
def test_r21_currencies_are_never_mixed_on_one_document(order: str, currency: str) -> None:
    """A refund in another currency than its return or its order is held for Finance."""
    erp = Erp(currency=order)
    erp.hear(snapshot(refunds=[refund("rf1", "40.00", currency=currency)]))
    assert erp.made(NOTE) == []
    held = exception(erp, "mismatch")
    assert held["owner"] == "finance"
    assert "EUR" in held["reason"]


def test_r21_two_refunds_in_two_currencies_make_no_common_note() -> None:
    """The amount-only one in the order's currency is posted; the other is held by itself."""
    erp = Erp()
    foreign = refund("rf2", "5.00", kind="goodwill", currency="EUR")
    erp.hear(snapshot(refunds=[refund("rf1", "40.00"), foreign]))
    assert [(body["refund_id"], body["currency"]) for body in erp.made(NOTE)] == [("rf1", "GBP")]
    assert exception(erp, "mismatch", "credit_note")["refund_id"] == "rf2"


def test_r22_the_note_says_what_to_do_in_a_closed_period() -> None:
    """`hold` or `next_open` travels with the note; the date stays the refund's own."""
    for changes, word in (((), "hold"), ((('closed_period = "hold"', 'closed_period = "next_open"'),), "next_open")):
        erp = Erp(using=rules(*changes))
        erp.hear(refunded("40.00"))
        (note,) = erp.made(NOTE)
        assert (note["on_closed_period"], note["date"]) == (word, "2026-11-20T09:29:57Z")


def test_r22_held_by_a_closed_period_it_posts_after_a_retry() -> None:
    """The refusal is Finance's exception; once the period is open, a retry makes the next revision."""
    erp = Erp()
    erp.refuse[NOTE] = Failure(ErrorKind.CLOSED, "the period is closed")
    erp.hear(refunded("40.00"))
    held = exception(erp, "closed")
    assert held["owner"] == "finance"
    erp.refuse.clear()
    erp.settle()
    assert erp.made(NOTE) == [], "nobody asked for another try"
    erp.hear(decision("retry", held["command"]))
    assert [command.revision for command, _ in erp.documents if command.kind is NOTE] == [2]
    assert erp.exceptions() == []


def test_a_refund_that_grows_gets_a_supplement_for_the_growth() -> None:
    """30.00 was posted; at 40.00 a second note credits the other 10.00."""
    erp = Erp()
    erp.hear(refunded("30.00"))
    erp.hear(refunded("40.00", 2))
    notes = [(command.subject, command.body["amount"]) for command, _ in erp.documents if command.kind is NOTE]
    assert notes == [("rf1", "30.00"), ("rf1~2", "10.00")]
    assert erp.exceptions() == []


def test_a_refund_that_shrinks_shows_posted_against_wanted() -> None:
    """The note stands; one exception shows both amounts and the difference."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    erp.hear(refunded("30.00", 2))
    held = exception(erp, "mismatch", "credit_note")
    for amount in ("posted for GBP 40.00", "now GBP 30.00", "GBP 10.00 too much"):
        assert amount in held["reason"]
    assert len(erp.made(NOTE)) == 1
    assert erp.made(REVERSAL) == []


def test_a_refund_that_shrinks_is_shown_also_where_each_note_is_approved() -> None:
    """A yes to the note is no yes to less: Finance sees both amounts, and nothing waits for another yes."""
    erp = Erp(using=rules(("approval = [] ", 'approval = ["credit_note"] ')))
    erp.hear(refunded("40.00"))
    (waits,) = erp.row.waiting.values()
    erp.hear(decision("approve", None, command_id=waits.command_id, hash=waits.hash))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]
    erp.hear(refunded("30.00", 2))
    reason = exception(erp, "mismatch", "credit_note")["reason"]
    assert "posted for GBP 40.00" in reason and "now GBP 30.00: GBP 10.00 too much" in reason
    assert (len(erp.made(NOTE)), erp.waiting()) == (1, [])


def test_a_refund_that_grew_and_shrank_is_shown_at_its_supplement() -> None:
    """30.00 and 10.00 were posted, 35.00 is paid: the first note stands, of the second 5.00 is too much."""
    erp = Erp()
    for version, amount in enumerate(("30.00", "40.00", "35.00"), start=1):
        erp.hear(refunded(amount, version))
    held = exception(erp, "mismatch", "credit_note")
    assert "posted for GBP 10.00; the refund is now GBP 5.00: GBP 5.00 too much" in held["reason"]
    assert len(erp.made(NOTE)) == 2


def test_an_amount_that_pays_for_no_line_waits_for_no_other_note() -> None:
    """The goods' notes are planned anew; a goodwill beside them is posted at once."""
    erp = Erp()
    erp.silent.add(NOTE)
    first, second = refund("rf1", "40.00"), refund("rf2", "10.00")
    erp.hear(growing(erp, first))
    erp.hear(growing(erp, first, second, refund("rf3", "5.00", kind="goodwill")))
    assert "rf3" in {command.subject for command in erp.asked if command.kind is NOTE}


def test_r04_an_instant_refund_moves_no_goods_and_goods_make_no_note() -> None:
    """Money and goods go their own ways: each by its own cause."""
    erp = Erp()
    erp.hear(refunded("40.00"))
    assert erp.made(DocumentKind.ITEM_RECEIPT) == []
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert len(erp.made(DocumentKind.ITEM_RECEIPT)) == len(erp.made(NOTE)) == 1
