"""Any discounted order that comes back whole is credited whole; any line that was told otherwise is held."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import refund, tee
from tests.unit.erp import Erp, order_line
from tests.unit.told import snapshot

NOTE = DocumentKind.CREDIT_NOTE


def text(minor: int) -> str:
    return format(Decimal(minor).scaleb(-2), "f")


def as_a_shop_rounds(amounts: list[int], whole: int) -> list[int]:
    """What the shop says each line came to when all come to `whole`: the running sum rounded, line by line.

    Another way than ours, as shops have their own; it comes to the same sum.
    """
    before, told, running = 0, [], 0
    for amount in amounts:
        running += amount
        upto = round(Fraction(running * whole, sum(amounts)))
        told.append(upto - before)
        before = upto
    return told


@st.composite
def sales(draw: st.DrawFn) -> tuple[Erp, list[dict[str, Any]], int]:
    """An order with a discount, what comes back of it (all, as the shop priced it), and what was paid for it."""
    amounts = draw(st.lists(st.integers(200, 20_000), min_size=1, max_size=4))
    quantities = [draw(st.integers(1, 3)) for _ in amounts]
    shipping = draw(st.sampled_from((0, 495)))
    off = draw(st.integers(0, sum(amounts) // 2))
    tells_tax = draw(st.booleans())
    taxes = [round(Fraction(amount, 6)) for amount in amounts]
    told = as_a_shop_rounds(amounts, sum(amounts) - off)
    told_taxes = as_a_shop_rounds(taxes, sum(taxes) - round(Fraction(off, 6)))
    discount: dict[str, Any] = {"amount": text(off), "order_lines": []}
    if tells_tax:
        discount["tax"] = text(round(Fraction(off, 6)))
    paid = sum(amounts) - off + shipping
    erp = Erp(
        total=text(paid),
        shipping=text(shipping),
        discounts=[discount],
        invoices=[{"number": "77", "open": text(paid), "currency": "GBP"}],
        lines=[
            order_line(str(n), f"ol{n}", f"SKU-{n}", quantity, text(amount), text(tax))
            for n, (quantity, amount, tax) in enumerate(zip(quantities, amounts, taxes, strict=True), start=1)
        ],
    )
    back = [
        tee(
            f"l{n}",
            order_line_id=f"ol{n}",
            sku=f"SKU-{n}",
            quantity=quantity,
            unit_price=text(value // quantity),
            line_total=text(value),
            tax_amount=text(tax),
        )
        for n, (quantity, value, tax) in enumerate(zip(quantities, told, told_taxes, strict=True), start=1)
    ]
    return erp, back, paid


@settings(max_examples=40, deadline=None)
@given(sale=sales())
def test_a_discounted_order_that_comes_back_whole_is_credited_and_applied_whole(
    sale: tuple[Erp, list[dict[str, Any]], int],
) -> None:
    """To the penny, without a question to anybody, and nothing of it stays open."""
    erp, back, paid = sale
    shipping = erp.order["shipping"]
    erp.hear(snapshot(lines=back, refunds=[refund("rf1", text(paid))], shipping_refund=shipping))
    assert erp.exceptions() == []
    (note,) = erp.made(NOTE)
    assert note["amount"] == text(paid)
    assert sum(Decimal(line["amount"]) for line in note["lines"]) == Decimal(note["amount"])
    (applied,) = erp.made(DocumentKind.CREDIT_APPLICATION)
    assert (applied["amount"], applied["stays_open"]) == (text(paid), "0.00")


@settings(max_examples=40, deadline=None)
@given(sale=sales(), which=st.integers(0, 3), more=st.booleans())
def test_a_line_told_a_unit_beyond_the_tolerance_otherwise_is_held(
    sale: tuple[Erp, list[dict[str, Any]], int], which: int, more: bool
) -> None:
    """A penny a unit is the tolerance and one more the rounding of a share; what is further off is shown."""
    erp, back, _ = sale
    line = back[which % len(back)]
    off = (line["quantity"] + 2) * (1 if more else -1)
    line["line_total"] = text(int(Decimal(line["line_total"]) * 100) + off)
    whole = sum(int(Decimal(one["line_total"]) * 100) for one in back)
    erp.order["total"] = text(whole + 495)  # so that nothing but the price is wrong
    erp.hear(snapshot(lines=back, refunds=[refund("rf1", text(whole))]))
    assert erp.made(NOTE) == []
    assert ("mismatch", "credit_note") in erp.exceptions()
