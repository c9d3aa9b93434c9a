"""The outside check passes a flawless run and finds each thing that can be wrong with another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.generator import truth
from tests.unit.honest_ledger import Run, at, entry, honest

SEED, ORDERS = 11, 120


def plain_note(run: Run) -> dict:  # type: ignore[type-arg]  # a JSON object
    """A credit note of an order that has this one refund only."""
    _, most = truth.begun(run.sent, run.answers)
    per_order: dict[str, int] = {}
    for refund in most.refunds.values():
        per_order[refund.order_id] = per_order.get(refund.order_id, 0) + 1
    return next(note for note in run.of_kind("credit_note") if per_order[note["order_id"]] == 1)


def restock(run: Run) -> dict:  # type: ignore[type-arg]
    """The only restock of its order and SKU."""
    restocks = [one for one in run.of_kind("item_receipt") if one["sellable"]]
    keys = [(one["order_id"], one["lines"][0]["sku"]) for one in restocks]
    return next(one for one, key in zip(restocks, keys, strict=True) if keys.count(key) == 1)


def lose_a_note(run: Run) -> None:
    run.ledger.remove(plain_note(run))


def lose_a_note_and_say_so_about_goods_only(run: Run) -> None:
    note = plain_note(run)
    run.ledger.remove(note)
    return_id = next(one.return_id for one in run.sent if one.order_id == note["order_id"])
    run.waiting.append(entry(note["order_id"], return_id, "item_receipt", "waiting"))


def lose_a_note_and_give_no_reason(run: Run) -> None:
    note = plain_note(run)
    run.ledger.remove(note)
    run.exceptions.append({**entry(note["order_id"], None, "credit_note", "refused"), "reason": " "})


def lose_a_note_and_name_another_refund(run: Run) -> None:
    note = plain_note(run)
    run.ledger.remove(note)
    run.exceptions.append(entry(note["order_id"], None, "credit_note", "refused", "rf-of-another-return"))


def double_a_note(run: Run) -> None:
    note = plain_note(run)
    run.book("credit_note", note["order_id"], at(130), amount=note["amount"], currency=note["currency"])


def double_a_reference(run: Run) -> None:
    note = plain_note(run)
    run.book("return_authorisation", note["order_id"], at(130), external_ref=run.ledger[0]["external_ref"])


def credit_a_penny_more(run: Run) -> None:
    note = plain_note(run)
    note["amount"] = str(Decimal(note["amount"]) + 1)


def credit_less(run: Run) -> None:
    note = plain_note(run)
    note["amount"] = str(Decimal(note["amount"]) / 2)


def credit_in_another_currency(run: Run) -> None:
    note = plain_note(run)
    note["currency"] = "EUR" if note["currency"] != "EUR" else "GBP"


def credit_an_unknown_order(run: Run) -> None:
    run.book("credit_note", "77", at(130), amount="10.00", currency="GBP")


def credit_the_shipping_twice(run: Run) -> None:
    """The lines of the notes only say how their amounts came about: every amount stays right."""
    orders = run.peak.expected.orders
    note = next(one for one in run.of_kind("credit_note") if Decimal(orders[one["order_id"]].shipping) > 0)
    amount = Decimal(orders[note["order_id"]].shipping) * 2
    note["lines"] = [{"sku": "shipping", "quantity": 1, "amount": str(amount)}]


def credit_a_pending_refund(run: Run) -> None:
    sure, _ = truth.begun(run.sent, run.answers)
    data = next(one for one in sure.returns.values() if any(refund["state"] == "pending" for refund in one["refunds"]))
    amount = data["refunds"][0]["amount"]
    run.book("credit_note", str(data["order_id"]), at(130), amount=amount, currency=data["currency"])


def credit_a_failed_refund(run: Run) -> None:
    sure, _ = truth.begun(run.sent, run.answers)
    refund = next(refund for refund in sure.refunds.values() if refund.failed)
    run.book("credit_note", refund.order_id, at(130), amount=str(refund.amount), currency=refund.currency)


def restock_before_the_inspection(run: Run) -> None:
    restock(run)["at"] = at(-1)


def restock_more_than_was_found(run: Run) -> None:
    restock(run)["lines"][0]["quantity"] += 1


def restock_what_nobody_inspected(run: Run) -> None:
    story = next(story for story in run.peak.stories if "never-inspected" in story.tags)
    line = {"sku": story.told[0].data["lines"][0]["sku"], "quantity": 1, "location": "101"}
    run.book("item_receipt", story.order_id, at(130), lines=[line], location="101", sellable=True)


def restock_without_saying_so(run: Run) -> None:
    story = next(story for story in run.peak.stories if "never-inspected" in story.tags)
    line = {"sku": story.told[0].data["lines"][0]["sku"], "quantity": 1, "location": "101"}
    run.book("item_receipt", story.order_id, at(130), lines=[line], location="101", sellable=False)


def restock_by_a_move(run: Run) -> None:
    sure, _ = truth.begun(run.sent, run.answers)
    good = {(found.order_id, found.sku) for found in sure.found if found.disposition == "sellable"}
    receipts = [one for one in run.of_kind("item_receipt") if one["location"] == "102"]
    one = next(one for one in receipts if (one["order_id"], one["lines"][0]["sku"]) not in good)
    line = {"sku": one["lines"][0]["sku"], "quantity": 1}
    run.book("stock_movement", one["order_id"], at(130), lines=[line], location="101", sellable=True, **{"from": "102"})


def keep_what_was_corrected(run: Run) -> None:
    """An inspection said sellable, then damaged: the units were restocked and never moved out."""
    sure, _ = truth.begun(run.sent, run.answers)
    old = [one for one in sure.found if one.disposition == "sellable" and one.version < sure.newest[one.inspection_id]]
    final = [one for one in sure.found_finally() if one.disposition == "sellable"]
    found = next(
        one
        for one in old
        if sum(other.quantity for other in final if other.inspection_id == one.inspection_id and other.sku == one.sku)
        < one.quantity
    )
    location = run.peak.expected.places[found.location]["sellable"]
    line = {"sku": found.sku, "quantity": 1, "location": location}
    run.book("item_receipt", found.order_id, at(130), lines=[line], location=location, sellable=True)


def lose_goods(run: Run) -> None:
    run.ledger.remove(restock(run))


def receive_more_than_was_sold(run: Run) -> None:
    one = restock(run)
    line = {"sku": one["lines"][0]["sku"], "quantity": 9, "location": "102"}
    run.book("item_receipt", one["order_id"], at(130), lines=[line], location="102")


def authorise_more_than_was_sold(run: Run) -> None:
    run.of_kind("return_authorisation")[0]["lines"][0]["quantity"] += 9


def lose_an_authorisation(run: Run) -> None:
    run.ledger.remove(run.of_kind("return_authorisation")[0])


def lose_an_exchange(run: Run) -> None:
    run.ledger.remove(run.of_kind("exchange_order")[0])


def double_an_exchange(run: Run) -> None:
    one = run.of_kind("exchange_order")[0]
    run.book("exchange_order", one["order_id"], at(130), lines=one["lines"], amount="0")


def charge_for_an_exchange(run: Run) -> None:
    run.of_kind("exchange_order")[0]["amount"] = "1.00"


def hide_an_exception(run: Run) -> None:
    demand = run.peak.expected.demands[0]
    run.exceptions = [one for one in run.exceptions if one["return_id"] != demand.return_id]


def name_the_wrong_kind(run: Run) -> None:
    demand = next(one for one in run.peak.expected.demands if one.why == "sold-out-exchange")
    for one in run.exceptions:
        if one["return_id"] == demand.return_id:
            one["kind"] = "refused"


def hide_the_poison(run: Run) -> None:
    run.exceptions = [one for one in run.exceptions if one["order_id"]]


def have_a_bug(run: Run) -> None:
    run.exceptions.append(entry("500001", None, "sequence", "bug"))


def breach_the_limit(run: Run) -> None:
    run.calls["breaches"] = 2


def take_a_forged_delivery(run: Run) -> None:
    seq = next(one.seq for one in run.sent if one.sort == "forged")
    run.answers = [replace(one, status=200) if one.seq == seq else one for one in run.answers]


def never_take_a_delivery(run: Run) -> None:
    run.answers = [replace(one, status=503) if one.seq == 1 else one for one in run.answers]


def never_send_a_delivery(run: Run) -> None:
    run.answers = [one for one in run.answers if one.seq != 1]


def refuse_a_good_delivery(run: Run) -> None:
    run.answers.insert(0, replace(run.answers[0], status=400))


@pytest.fixture(scope="module")
def flawless() -> Callable[[], Run]:
    return lambda: honest(SEED, ORDERS)


def test_a_flawless_run_passes(flawless: Callable[[], Run]) -> None:
    """A run in which every promise was kept is free of violations, and its counts are what was played."""
    run = flawless()
    verdict = run.verdict()
    assert verdict.violations == []
    assert verdict.ok
    assert verdict.counts["refunds_lost"] == verdict.counts["credit_notes_doubled"] == 0
    assert verdict.counts["events_sent"] == len(run.sent)
    assert verdict.counts["credit_notes"] == len(run.of_kind("credit_note")) > 50
    assert verdict.counts["exchange_orders"] > 10
    assert verdict.counts["restocks"] > 50


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lose_a_note, "refund-lost"),
        (lose_a_note_and_say_so_about_goods_only, "refund-lost"),
        (lose_a_note_and_give_no_reason, "refund-lost"),
        (lose_a_note_and_name_another_refund, "refund-lost"),
        (double_a_note, "credit-doubled"),
        (double_a_note, "credited-more-than-refunded"),
        (double_a_reference, "document-doubled"),
        (credit_a_penny_more, "credit-without-refund"),
        (credit_a_penny_more, "credited-more-than-refunded"),
        (credit_less, "refund-lost"),
        (credit_in_another_currency, "refund-lost"),
        (credit_in_another_currency, "currencies-mixed"),
        (credit_an_unknown_order, "credit-for-no-order"),
        (credit_the_shipping_twice, "shipping-credited-more-than-sold"),
        (credit_a_pending_refund, "credit-without-refund"),
        (credit_a_failed_refund, "failed-refund-credited"),
        (restock_before_the_inspection, "restocked-early"),
        (restock_more_than_was_found, "restocked-uninspected"),
        (restock_what_nobody_inspected, "restocked-uninspected"),
        (restock_without_saying_so, "restocked-uninspected"),
        (restock_by_a_move, "restocked-uninspected"),
        (keep_what_was_corrected, "restocked-more-than-inspected"),
        (lose_goods, "goods-missing"),
        (receive_more_than_was_sold, "received-more-than-sold"),
        (receive_more_than_was_sold, "received-more-than-inspected"),
        (authorise_more_than_was_sold, "authorised-more-than-sold"),
        (lose_an_authorisation, "authorisation-missing"),
        (lose_an_exchange, "exchange-lost"),
        (double_an_exchange, "exchange-doubled"),
        (charge_for_an_exchange, "exchange-not-free"),
        (hide_an_exception, "exception-missing"),
        (name_the_wrong_kind, "exception-missing"),
        (hide_the_poison, "poison-unseen"),
        (have_a_bug, "bug"),
        (breach_the_limit, "limit-breached"),
        (take_a_forged_delivery, "forged-taken"),
        (never_take_a_delivery, "not-taken"),
        (never_send_a_delivery, "not-sent"),
        (refuse_a_good_delivery, "wrong-answer"),
    ],
)
def test_each_fault_is_found(flawless: Callable[[], Run], spoil: Callable[[Run], None], name: str) -> None:
    """One thing is spoilt, and the check says which."""
    run = flawless()
    spoil(run)
    assert name in run.verdict().tally()


def test_a_missing_note_may_be_an_exception_or_wait_for_a_reason(flawless: Callable[[], Run]) -> None:
    """I1: a refund is accounted for by an exception of its own, or by waiting, as well as by the ledger."""
    for place in ("exceptions", "waiting"):
        run = flawless()
        note = plain_note(run)
        run.ledger.remove(note)
        sure, _ = truth.begun(run.sent, run.answers)
        refund = next(one for one in sure.refunds.values() if one.order_id == note["order_id"])
        getattr(run, place).append(
            entry(note["order_id"], refund.return_id, "credit_note", "refused", refund.refund_id)
        )
        assert run.verdict().violations == []


def test_a_note_and_its_supplement_are_one_refund(flawless: Callable[[], Run]) -> None:
    """Two documents that add up to one refund credit it once."""
    run = flawless()
    note = plain_note(run)
    whole, part = Decimal(note["amount"]), Decimal(1)
    note["amount"] = str(whole - part)
    run.book("credit_note", note["order_id"], at(130), amount=str(part), currency=note["currency"])
    assert run.verdict().violations == []


def test_a_reversed_note_counts_for_nothing(flawless: Callable[[], Run]) -> None:
    """A doubled note whose reversal is in the ledger is no double credit; without the reversal it is."""
    run = flawless()
    note = plain_note(run)
    more = run.book("credit_note", note["order_id"], at(130), amount=note["amount"], currency=note["currency"])
    assert "credit-doubled" in run.verdict().tally()
    run.book("reversal", note["order_id"], at(131), amount=note["amount"], currency=note["currency"], of=more["number"])
    assert run.verdict().violations == []


def test_a_refund_that_was_never_taken_is_not_lost(flawless: Callable[[], Run]) -> None:
    """Only what was answered 200 has to be there; what may have been stored all the same may be there."""
    run = flawless()
    note = plain_note(run)
    order_id = note["order_id"]
    seqs = {one.seq for one in run.sent if one.order_id == order_id and one.sort in ("reveni", "warehouse")}
    run.answers = [replace(one, status=503) if one.seq in seqs else one for one in run.answers]
    assert set(run.verdict().tally()) == {"not-taken"}
    run.ledger = [one for one in run.ledger if one["order_id"] != order_id]
    assert set(run.verdict().tally()) == {"not-taken"}


def test_a_correction_moves_units_out_again(flawless: Callable[[], Run]) -> None:
    """S04: units restocked on a first look and moved to quarantine after a second are as they should be."""
    run = flawless()
    keep_what_was_corrected(run)
    one = run.ledger[-1]
    assert "restocked-more-than-inspected" in run.verdict().tally()
    places = {name["sellable"]: name["quarantine"] for name in run.peak.expected.places.values()}
    target = places[one["location"]]
    run.ledger = [
        other
        for other in run.ledger
        if not (
            other["kind"] == "item_receipt"
            and (other["order_id"], other["location"], other["lines"][0]["sku"])
            == (one["order_id"], target, one["lines"][0]["sku"])
        )
    ]
    line = {"sku": one["lines"][0]["sku"], "quantity": 1}
    move = {"location": target, "from": one["location"], "lines": [line]}
    run.ledger.append(
        {**one, **move, "kind": "stock_movement", "seq": 10**6, "number": "1", "external_ref": "m", "sellable": False}
    )
    assert "restocked-more-than-inspected" not in run.verdict().tally()


def test_exceptions_that_nothing_explains_are_listed(flawless: Callable[[], Run]) -> None:
    """An open exception that no story, hostile body or fault calls for is shown; those of a flawless run all are."""
    run = flawless()
    story = next(story for story in run.peak.stories if not story.tags)
    assert run.verdict().unexplained == []
    run.exceptions.append(entry(story.order_id, story.return_id, "credit_note", "refused"))
    assert [one["return_id"] for one in run.verdict().unexplained] == [story.return_id]


def credit_an_adjustment_above_what_was_paid(run: Run) -> None:
    held = next(one for one in run.exceptions if one["refund_id"])
    run.exceptions.remove(held)
    sure, _ = truth.begun(run.sent, run.answers)
    refund = sure.refunds[held["refund_id"]]
    run.book("credit_note", refund.order_id, at(130), amount=str(refund.amount), currency=refund.currency)


def test_an_adjustment_is_no_gift(flawless: Callable[[], Run]) -> None:
    """I5: of what is credited only bonuses and goodwill may come on top of what was paid."""
    run = flawless()
    credit_an_adjustment_above_what_was_paid(run)
    assert "credited-more-than-paid" in run.verdict().tally()
