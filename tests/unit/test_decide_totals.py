"""Credit notes against what the order was sold for: its total, its discounts, its shipping, its services (R06, R07)."""

from __future__ import annotations

from typing import Any

import pytest

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT
NO_TOLERANCE = ("minor_units_per_line = 1", "minor_units_per_line = 0")


def off(amount: str, *order_lines: str, **more: str) -> dict[str, Any]:
    return {"amount": amount, "order_lines": list(order_lines), **more}


def everything(erp: Erp, tee_price: str, hat_price: str, amount: str, **changes: Any) -> None:
    """All of the order comes back; the taxes are those inside the prices told, at 20 %."""
    taxes = {"36.00": "12.00", "40.00": "13.33", "9.00": "1.50", "10.00": "1.67", "5.00": "0.83", "38.00": "12.67"}
    lines = [
        tee(quantity=2, unit_price=tee_price, tax_amount=taxes[tee_price]),
        hat(unit_price=hat_price, tax_amount=taxes[hat_price]),
    ]
    erp.hear(snapshot(lines=lines, refunds=[refund("rf1", amount)], **changes))


@pytest.mark.parametrize("tax", [{"tax": "1.50"}, {}], ids=["its tax told", "its tax not told"])
def test_a_fully_refunded_order_with_a_discount_is_credited(tax: dict[str, str]) -> None:
    """10 % off the order: 2 tees at 36.00 and a hat at 9.00 come back with the shipping, and nobody is asked."""
    erp = Erp(using=rules(NO_TOLERANCE), total="85.95", discounts=[off("9.00", **tax)])
    everything(erp, "36.00", "9.00", "85.95", shipping_refund="4.95")
    assert [body["amount"] for body in erp.made(NOTE)] == ["85.95"]
    assert erp.exceptions() == []


def test_a_discount_on_one_line_is_no_discount_on_another() -> None:
    """5.00 off the hat: the hat was sold at 5.00, the tees at full price."""
    discounts = [off("5.00", "2", tax="0.84")]
    erp = Erp(using=rules(NO_TOLERANCE), total="89.95", discounts=discounts)
    everything(erp, "40.00", "5.00", "85.00")
    assert [body["amount"] for body in erp.made(NOTE)] == ["85.00"]
    other = Erp(total="89.95", discounts=discounts)
    everything(other, "38.00", "9.00", "85.00")
    assert other.made(NOTE) == []
    assert "Line l1: the price in the return differs" in exception(other, "mismatch", "credit_note")["reason"]


def test_a_discount_forgotten_in_the_return_is_told() -> None:
    """The return says 40.00 for what was sold at 36.00: 8.00 for both units."""
    erp = Erp(total="85.95", discounts=[off("9.00")])
    everything(erp, "40.00", "9.00", "80.00")
    assert erp.made(NOTE) == []
    assert "by GBP 8.00 (800 minor units)" in exception(erp, "mismatch", "credit_note")["reason"]


@pytest.mark.parametrize(("tax", "is_held"), [("13.33", False), ("12.00", False), ("11.99", True), ("13.34", True)])
def test_a_tax_is_believed_between_what_an_untold_discount_allows(tax: str, is_held: bool) -> None:
    """Where the order does not say how much of its discount is tax, the line's tax was 12.00 to 13.33; not a penny
    beside that."""
    erp = Erp(using=rules(NO_TOLERANCE), total="85.95", discounts=[off("9.00")])
    erp.hear(snapshot(lines=[tee(quantity=2, unit_price="36.00", tax_amount=tax)], refunds=[refund("rf1", "72.00")]))
    assert len(erp.made(NOTE)) == (0 if is_held else 1)


@pytest.mark.parametrize(("tax", "is_held"), [("13.33", True), ("12.00", False)])
def test_a_told_tax_of_a_discount_is_exact(tax: str, is_held: bool) -> None:
    """1.50 of the 9.00 is tax: 1.33 of it in the tees."""
    erp = Erp(using=rules(NO_TOLERANCE), total="85.95", discounts=[off("9.00", tax="1.50")])
    erp.hear(snapshot(lines=[tee(quantity=2, unit_price="36.00", tax_amount=tax)], refunds=[refund("rf1", "72.00")]))
    assert len(erp.made(NOTE)) == (0 if is_held else 1)


def test_no_more_than_the_orders_own_total_is_credited() -> None:
    """The lines come to 90.00, the order was sold for 50.00: a note over 90.00 is held."""
    erp = Erp(total="50.00", shipping="0.00")
    everything(erp, "40.00", "10.00", "90.00")
    assert erp.made(NOTE) == []
    assert "GBP 40.00 too much" in exception(erp, "mismatch", "credit_note")["reason"]


# -- shipping


@pytest.mark.parametrize(("asked", "is_held"), [("4.95", False), ("4.96", False), ("4.97", True), ("9.90", True)])
def test_no_more_shipping_is_credited_than_was_sold(asked: str, is_held: bool) -> None:
    """4.95 was sold; one penny more is the rounding of its tax, two are a mistake that Finance sees."""
    erp = Erp()
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", asked)], shipping_refund=asked))
    assert [body["amount"] for body in erp.made(NOTE)] == ([] if is_held else [asked])
    if is_held:
        held = exception(erp, "mismatch", "credit_note")
        assert (held["owner"], held["command"]["body"]["amount"]) == ("finance", asked)
        assert f"GBP {asked} would be credited for the order's shipping, which was sold for GBP 4.95" in held["reason"]
        erp.hear(decision("post_anyway", held["command"]))
        assert [body["amount"] for body in erp.made(NOTE)] == [asked]


def test_shipping_is_not_credited_twice_by_two_returns() -> None:
    """The second return's shipping is held; its goods are no reason to let it pass."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "44.95")], shipping_refund="4.95"))
    second = [hat("l1")]
    erp.hear(snapshot(return_id="r2", lines=second, refunds=[refund("rf2", "14.95")], shipping_refund="4.95"))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1"]
    reason = exception(erp, "mismatch", "credit_note")["reason"]
    assert "GBP 9.90 would be credited for the order's shipping" in reason
    assert "GBP 4.95 too much" in reason


def test_shipping_twice_is_seen_while_the_first_note_is_on_its_way() -> None:
    """What is asked for already counts, also where its return comes later in the alphabet."""
    erp = Erp()
    erp.silent.add(NOTE)
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "44.95")], shipping_refund="4.95"))
    erp.hear(snapshot(return_id="r1", lines=[hat()], refunds=[refund("rf1", "14.95")], shipping_refund="4.95"))
    assert {command.subject for command in erp.asked if command.kind is NOTE} == {"rf2"}
    assert exception(erp, "mismatch", "credit_note")["refund_id"] == "rf1"


def test_the_parts_of_one_shipping_refund_are_no_second_one() -> None:
    """Two refunds of one return share its shipping: together they credit it once."""
    erp = Erp()
    refunds = [refund("rf1", "20.00"), refund("rf2", "24.95")]
    erp.hear(snapshot(refunds=refunds, shipping_refund="4.95"))
    assert [body["amount"] for body in erp.made(NOTE)] == ["20.00", "24.95"]
    assert erp.exceptions() == []


def test_shipping_of_a_reversed_note_may_be_credited_again() -> None:
    """A note that was taken back credits nothing any more."""
    erp = Erp()
    told: dict[str, Any] = {"lines": [], "shipping_refund": "4.95"}
    erp.hear(snapshot(refunds=[refund("rf1", "4.95")], **told))
    erp.hear(snapshot(2, refunds=[refund("rf1", "4.95", "failed")], **told))
    erp.hear(decision("approve", exception(erp, "mismatch", "reversal")["command"]))
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf2", "4.95")], **told))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1", "rf2"]


def test_each_currency_has_its_own_limit() -> None:
    """Of an order that names no currency; what was credited in euros is not taken off the pounds."""
    erp = Erp(currency="")
    for name, currency in (("r1", "EUR"), ("r2", "GBP")):
        told = refund(f"rf-{name}", "4.95", currency=currency)
        erp.hear(snapshot(return_id=name, lines=[], currency=currency, refunds=[told], shipping_refund="4.95"))
    assert [(body["currency"], body["amount"]) for body in erp.made(NOTE)] == [("EUR", "4.95"), ("GBP", "4.95")]


def test_handling_is_not_shipping() -> None:
    """An order with 4.95 of shipping and 2.00 of handling: a shipping refund of 6.95 is held."""
    erp = Erp(total="96.95", handling="2.00")
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "6.95")], shipping_refund="6.95"))
    assert erp.made(NOTE) == []
    assert "GBP 2.00 too much" in exception(erp, "mismatch", "credit_note")["reason"]


def test_shipping_sold_in_a_row_of_the_order_is_shipping() -> None:
    """An account that bills shipping with the profile's shipping item instead of the header's field."""
    rows = [order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33")]
    rows.append(order_line("2", "", "Delivery", 1, "4.95", "0.83", kind="service", fulfilled=0, item="901"))
    erp = Erp(total="84.95", shipping="0.00", lines=rows)
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "4.95")], shipping_refund="4.95"))
    assert [body["amount"] for body in erp.made(NOTE)] == ["4.95"]


def test_an_order_that_does_not_show_its_shipping_is_capped_by_its_total() -> None:
    """What is not known is not guessed: no exception about shipping."""
    erp = Erp()
    del erp.order["shipping"]
    erp.hear(snapshot(lines=[], refunds=[refund("rf1", "9.90")], shipping_refund="9.90"))
    assert [body["amount"] for body in erp.made(NOTE)] == ["9.90"]


# -- services


def wrapped(**changes: Any) -> Erp:
    """An order of a tee and its gift wrapping, which was billed and never sent."""
    return Erp(
        total="49.95",
        lines=[
            order_line("1", "ol1", "TEE-RED-M", 1, "40.00", "6.67"),
            order_line("2", "ol2", "GIFT-WRAP", 1, "5.00", "0.83", kind="service", fulfilled=0),
        ],
        **changes,
    )


def wrapping(line_id: str = "l2", **changes: Any) -> dict[str, Any]:
    return hat(line_id, **{"sku": "GIFT-WRAP", "unit_price": "5.00", "tax_amount": "0.83", **changes})


def test_a_service_is_credited_beside_the_goods_and_not_authorised() -> None:
    """The authorisation holds the tee; the note is made from it and has the wrapping as a line of its own."""
    erp = wrapped()
    erp.hear(snapshot(lines=[tee(), wrapping()], refunds=[refund("rf1", "45.00")]))
    (authorisation,) = erp.made(RMA)
    assert [line["line_id"] for line in authorisation["lines"]] == ["l1"]
    (note,) = erp.made(NOTE)
    assert (note["form"], note["source"]["kind"]) == ("from_return", "return_authorisation")
    assert [(line["line_id"], line["amount"], line.get("order_line")) for line in note["lines"]] == [
        ("l1", "40.00", "1"),
        ("l2", "5.00", None),
    ]
    assert erp.exceptions() == []


def test_a_service_alone_is_credited_by_a_note_that_stands_alone() -> None:
    """Nothing of it was sent, so there is nothing to authorise and nothing to wait for."""
    erp = wrapped()
    erp.hear(snapshot(lines=[wrapping()], refunds=[refund("rf1", "5.00")]))
    assert erp.made(RMA) == []
    assert [(note["form"], note["amount"]) for note in erp.made(NOTE)] == [("standalone", "5.00")]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_nobody_waits_for_a_service_in_the_warehouse() -> None:
    """The return has arrived: only the tee has to be inspected, and then nothing is owed any more."""
    erp = wrapped()
    erp.hear(snapshot(state="received", lines=[tee(), wrapping()], refunds=[refund("rf1", "45.00")]))
    assert [item.subject for item in erp.row.waiting.values()] == ["r1/l1"]
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert len(erp.made(RECEIPT)) == 1
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_a_service_is_not_credited_twice_by_two_returns() -> None:
    """No authorisation counts its units, so what was sold of it is the limit over all returns."""
    erp = wrapped()
    erp.order["total"] = "94.95"
    erp.hear(snapshot(lines=[tee(), wrapping()], refunds=[refund("rf1", "45.00")]))
    erp.hear(snapshot(return_id="r2", lines=[wrapping("l1")], refunds=[refund("rf2", "5.00")]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1"]
    reason = exception(erp, "mismatch", "credit_note")["reason"]
    assert "GBP 10.00 would be credited for GIFT-WRAP on the order, which was sold for GBP 5.00" in reason


def test_two_services_of_one_order_have_a_limit_each() -> None:
    """Crediting the one leaves the other as it was."""
    lines = [
        order_line("1", "ol1", "TEE-RED-M", 1, "40.00", "6.67"),
        order_line("2", "ol2", "GIFT-WRAP", 1, "5.00", "0.83", kind="service", fulfilled=0),
        order_line("3", "ol3", "ENGRAVING", 1, "5.00", "0.83", kind="service", fulfilled=0),
    ]
    erp = Erp(total="54.95", lines=lines)
    erp.hear(snapshot(lines=[wrapping()], refunds=[refund("rf1", "5.00")]))
    other = wrapping("l1", order_line_id="ol3", sku="ENGRAVING")
    erp.hear(
        snapshot(return_id="r2", lines=[other], refunds=[refund("rf2", "5.00", executed_at="2026-11-21T00:00:00Z")])
    )
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf1", "rf2"]
    assert erp.exceptions() == []


def test_services_that_nothing_tells_apart_have_one_limit() -> None:
    """Two lines of one wrapping without ids: both come back at once, and a third was never sold."""
    lines = [order_line("1", "", "TEE-RED-M", 1, "40.00", "6.67")]
    lines += [order_line(n, "", "GIFT-WRAP", 1, "5.00", "0.83", kind="service", fulfilled=0) for n in ("2", "3")]
    erp = Erp(total="94.95", lines=lines)
    two = wrapping(quantity=2, order_line_id="", tax_amount="1.66")
    erp.hear(snapshot(lines=[two], refunds=[refund("rf1", "10.00")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["10.00"]
    erp.hear(snapshot(return_id="r2", lines=[wrapping(order_line_id="")], refunds=[refund("rf2", "5.00")]))
    reason = exception(erp, "mismatch", "credit_note")["reason"]
    assert "GBP 15.00 would be credited for GIFT-WRAP on the order, which was sold for GBP 10.00" in reason


# -- which line, and orders that show less


@pytest.mark.parametrize(("price", "tax", "number"), [("30.00", "5.00", "2"), ("40.00", "6.67", "1")])
def test_lines_of_one_sku_are_told_apart_by_what_was_paid(price: str, tax: str, number: str) -> None:
    """The account has no ids of ours: one of two tees was 10.00 cheaper, and the return's price says which."""
    lines = [order_line(str(n), "", "TEE-RED-M", 1, "40.00", "6.67") for n in (1, 2)]
    for discount in (off("10.00", "2", tax="1.67"), off("10.00", "2")):
        erp = Erp(total="74.95", lines=lines, discounts=[discount])
        erp.hear(snapshot(lines=[tee(unit_price=price, tax_amount=tax)], refunds=[refund("rf1", price)]))
        (authorisation,) = erp.made(RMA)
        assert [line["order_line"] for line in authorisation["lines"]] == [number]
        assert (len(erp.made(NOTE)), erp.exceptions()) == (1, [])


def test_an_order_that_names_no_currency_is_read_in_the_returns() -> None:
    """An account with one currency need not show it; its amounts come in digits of no currency."""
    erp = Erp(
        currency="",
        total="94.9500",
        shipping="4.95",
        discounts=[off("0", tax="0")],
        lines=[
            order_line("1", "ol1", "TEE-RED-M", 2, "80.0", "13.3333"),
            order_line("2", "ol2", "HAT-1", 1, "10", "1.67"),
        ],
        invoices=[{"number": "77", "open": "94.9500", "currency": ""}],
    )
    everything(erp, "40.00", "10.00", "94.95", shipping_refund="4.95")
    assert [body["amount"] for body in erp.made(NOTE)] == ["94.95"]
    assert [body["amount"] for body in erp.made(DocumentKind.CREDIT_APPLICATION)] == ["94.95"]
    assert erp.exceptions() == []


def test_a_line_that_shows_no_price_is_not_compared_and_spoils_no_other() -> None:
    """The total caps it; the hat's price is compared all the same."""
    lines = [order_line("1", "ol1", "TEE-RED-M", 2, "", ""), order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67")]
    erp = Erp(lines=lines)
    everything(erp, "40.00", "9.00", "89.00")
    assert "Line l2: the price in the return differs" in exception(erp, "mismatch", "credit_note")["reason"]
    fine = Erp(lines=lines)
    everything(fine, "40.00", "10.00", "90.00")
    assert len(fine.made(NOTE)) == 1


@pytest.mark.parametrize("total", ["", "lots", None])
def test_an_order_without_a_total_is_shown_to_finance_with_the_note(total: str | None) -> None:
    """Nothing can be said to be within it, and no other note of another order is touched by that."""
    erp = Erp(total=total)
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    assert erp.made(NOTE) == []
    held = exception(erp, "invalid", "credit_note")
    assert held["owner"] == "finance" and "its total is" in held["reason"]
    erp.hear(decision("post_anyway", held["command"]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]


def test_a_discount_that_is_no_amount_is_found_by_the_prices() -> None:
    """It takes nothing off, so that what was paid less is a difference."""
    erp = Erp(discounts=[off("much"), off("1.00", tax="lots")])
    everything(erp, "36.00", "9.00", "81.00")
    assert "the price in the return differs" in exception(erp, "mismatch", "credit_note")["reason"]


def test_an_invoice_that_does_not_say_what_is_open_is_left_alone() -> None:
    """The other one takes the credit."""
    invoices = [{"number": number, "open": left, "currency": "GBP"} for number, left in (("1", "?"), ("2", "50.00"))]
    erp = Erp(invoices=invoices)
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    (applied,) = erp.made(DocumentKind.CREDIT_APPLICATION)
    assert applied["invoices"] == [{"number": "2", "amount": "40.00"}]


# -- parts of bundles, and notes that are not there


def cups(quantity: int, line_id: str = "l1", **changes: Any) -> dict[str, Any]:
    """So many cups of a set of three for 10.00."""
    told = {"order_line_id": "ol1", "sku": "SET-3", "component_sku": "CUP", "unit_price": "10.00"}
    return tee(line_id, quantity=quantity, tax_amount={1: "0.56", 2: "1.11"}[quantity], **{**told, **changes})


def a_set(**changes: Any) -> Erp:
    parts = [{"sku": "CUP", "quantity": 3, "list_price": "5.00", "order_line": "2"}]
    line = order_line("1", "ol1", "SET-3", 1, "10.00", "1.67", components=parts)
    return Erp(using=rules(NO_TOLERANCE), total="14.95", lines=[line], **changes)


def test_the_last_units_of_a_part_take_what_is_left_over_whichever_return_they_are_in() -> None:
    """10.00 over three cups is 3.33, 3.33 and 3.34: the first return has one, the second the other two."""
    erp = a_set()
    erp.hear(snapshot(return_id="r1", lines=[cups(1)], refunds=[refund("rf1", "3.33")]))
    erp.hear(snapshot(return_id="r2", lines=[cups(2)], refunds=[refund("rf2", "6.67")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["3.33", "6.67"]
    assert erp.exceptions() == []


def test_units_that_another_return_does_not_count_are_not_before() -> None:
    """In standard mode a rejected cup is none: two of the later return are the first two."""
    erp = a_set()
    rejected = cups(1, verdict="rejected")
    erp.hear(snapshot(return_id="r1", mode="standard", state="rejected", lines=[rejected]))
    erp.hear(snapshot(return_id="r2", lines=[cups(2)], refunds=[refund("rf2", "6.66")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["6.66"]
    assert erp.exceptions() == []


def test_a_part_of_a_bundle_that_is_not_on_the_order_is_shown_and_stops_nothing_else() -> None:
    """Its line and its note are asked about; a goodwill of the same return is credited."""
    erp = a_set()
    refunds = [refund("rf1", "3.33"), refund("rf2", "1.00", kind="goodwill")]
    erp.hear(snapshot(lines=[cups(1, order_line_id="ol9", sku="SET-9")], refunds=refunds))
    assert erp.exceptions() == [("not-found", "return_authorisation"), ("unmapped", "credit_note")]
    assert exception(erp, "unmapped")["owner"] == "ecommerce"
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]


def test_a_note_that_was_called_off_takes_nothing_from_the_order() -> None:
    """It is not in the books: another return may be credited for all that was paid."""
    erp = Erp()
    erp.silent.add(NOTE)
    both: dict[str, Any] = {"lines": [tee(quantity=2, tax_amount="13.33"), hat()]}
    erp.hear(snapshot(return_id="r1", refunds=[refund("rf1", "90.00")], **both))
    erp.hear(snapshot(2, return_id="r1", refunds=[refund("rf1", "90.00", "failed")], **both))
    erp.speak(NOTE)
    erp.hear(snapshot(return_id="r2", lines=[], refunds=[refund("rf2", "10.00", kind="adjustment")]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]
    assert erp.exceptions() == []
