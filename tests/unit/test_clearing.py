"""Refunds checked against what a return comes to, and spread over it to the penny."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clearing import Agreement, Mismatch, NoteLine, NotePlan, allocate, cap, check, tolerance_of
from streams.components import Component, components, expected
from streams.money import TaxInside, to_minor, to_text
from streams.refund import Refund
from streams.returns import Charge, Return, ReturnLine
from streams.vocabulary import Owner

VAT = TaxInside("GB-STD", 1, 6)


def refund(name: str, amount: int, **changes: Any) -> Refund:
    fields: dict[str, Any] = {
        "kind": "goods", "method": "bank_transfer", "currency": "GBP", "state": "paid",
        "executed_at": "2026-11-27T09:00:00Z", **changes,
    }  # fmt: skip
    return Refund(name, amount=amount, **fields)


def line(name: str, amount: int, tax: int = 0, quantity: int = 1) -> Component:
    return Component(f"line:{name}", "line", amount, name, f"SKU-{name}", quantity, TaxInside("GB-STD", tax, amount))


def spread(pieces: list[Component], refunds: list[Refund], frozen: Any = None, **options: Any) -> dict[str, NotePlan]:
    return allocate(pieces, refunds, frozen or {}, currency="GBP", **options)


def amounts(plan: NotePlan) -> dict[str, int]:
    return {part.component_key: part.amount for part in plan.lines}


# -- the check


def return_of(
    *refunds: Refund, state: str = "received", fees: tuple[Charge, ...] = (Charge("logistics", 295),)
) -> Return:
    tee = ReturnLine("l1", sku="TEE", quantity=1, unit_price=4000, tax_amount=667, request="return")
    return Return("r1", "5001", "GBP", mode="instant", state=state, lines=(tee,), fees=fees, refunds=refunds)


def checked(ret: Return, **options: Any) -> Agreement | Mismatch:
    return check(ret, components(ret), **options)


@pytest.mark.parametrize(
    ("refunds", "options", "by"),
    [
        ([refund("a", 3705)], {}, 0),
        ([refund("a", 3706)], {}, 0),
        ([refund("a", 3707)], {}, 2),
        ([refund("a", 3706)], {"per_line": 0}, 1),
        ([refund("a", 4000)], {}, 295),
        ([refund("a", 2000), refund("b", 2000, state="pending")], {}, 295),
        ([refund("a", 4000, state="pending")], {}, 0),  # nothing is paid yet
        ([refund("a", 3705), refund("b", 3705, state="failed")], {}, 0),
        ([refund("a", 3705), refund("b", 900, kind="goodwill")], {}, 0),
        ([refund("a", 3000)], {}, 0),  # the rest may still come
        ([refund("a", 3000)], {"state": "accepted"}, -705),
        ([refund("a", 3704)], {"state": "accepted"}, 0),
        ([refund("a", 3000)], {"overdue": True}, -705),
        ([refund("a", 3000), refund("b", 700, state="pending")], {"state": "accepted"}, 0),
        ([refund("a", 3000), refund("b", 100, state="pending")], {"overdue": True}, -605),
        ([refund("a", 3000), refund("b", 0, fault="no")], {"state": "accepted"}, 0),
        ([refund("a", 3000), refund("b", 705, state="resting")], {"state": "accepted"}, 0),
        ([], {"state": "accepted", "overdue": True}, 0),
    ],
)
def test_too_much_is_told_at_once_and_too_little_when_nothing_more_can_come(
    refunds: list[Refund], options: dict[str, Any], by: int
) -> None:
    """37.05 is due with a tolerance of one penny for its one line; the difference is told in minor units."""
    state = options.pop("state", "received")
    answer = checked(return_of(*refunds, state=state), **options)
    if by:
        assert isinstance(answer, Mismatch) and (answer.by, answer.owner) == (by, Owner.FINANCE)
        assert answer.reason == ("more" if by > 0 else "less")
    else:
        assert isinstance(answer, Agreement) and answer.expected == 3705


def test_the_sentence_is_the_one_that_people_read() -> None:
    """It names both sums and the difference."""
    answer = checked(return_of(refund("a", 4000)))
    assert isinstance(answer, Mismatch)
    assert answer.sentence == "Reveni refunded GBP 40.00, its lines come to GBP 37.05: GBP 2.95 too much."


def test_a_return_that_comes_to_less_than_nothing_belongs_to_cx() -> None:
    """Paid or not, a negative expectation makes no note."""
    answer = checked(return_of(fees=(Charge("logistics", 4500),)))
    assert isinstance(answer, Mismatch) and (answer.reason, answer.owner) == ("negative", Owner.CX)
    assert answer.by == 500


def test_a_refund_in_another_currency_is_a_mismatch() -> None:
    """R21: it is neither added up nor posted with the return's own."""
    euros = refund("b", 100, currency="EUR")
    answer = checked(return_of(refund("a", 3705), euros))
    assert isinstance(answer, Mismatch) and (answer.reason, answer.currency) == ("currency", "EUR")
    assert set(spread([line("l1", 4000)], [refund("a", 3705), euros])) == {"a"}


# -- spreading, by hand


def test_the_example_of_the_contract() -> None:
    """37.05 is 40.00 less 2.95, used as they are: 6.67 of tax less 0.49."""
    fee = Component("fee:logistics", "fee", -295, rate=VAT)
    plan = spread([line("l1", 4000, 667), fee], [refund("rf1", 3705)])["rf1"]
    assert plan.lines == (
        NoteLine("line:l1", "line", "l1", "SKU-l1", 1, 4000, 667, "GB-STD"),
        NoteLine("fee:logistics", "fee", "", "", 1, -295, -49, "GB-STD"),
    )


def test_three_part_refunds_by_hand() -> None:
    """100.00 + 50.00 in three: largest remainder for the first two, the third takes what is left, tax to the penny."""
    pieces = [line("a", 10000, 1667, 2), line("b", 5000, 833)]
    plans = spread(pieces, [refund("r1", 5000), refund("r2", 5000), refund("r3", 5000)])
    assert [amounts(plan) for plan in plans.values()] == [
        {"line:a": 3333, "line:b": 1667},  # 3333.33 and 1666.67
        {"line:a": 3334, "line:b": 1666},  # 3333.5 and 1666.5 of what is left: the tie goes to line a
        {"line:a": 3333, "line:b": 1667},
    ]
    taxes = [[part.tax for part in plan.lines] for plan in plans.values()]
    assert taxes == [[556, 278], [555, 277], [556, 278]]
    assert [[part.quantity for part in plan.lines] for plan in plans.values()] == [[2, 1], [0, 0], [0, 0]]


def test_a_bonus_goes_to_store_credit_first() -> None:
    """The bank refund, though executed first, leaves the bonus to the store credit."""
    pieces = [line("a", 4000), Component("bonus:credit", "bonus", 500)]
    plans = spread(
        pieces,
        [refund("bank", 2000, executed_at="2026-11-27T08:00:00Z"), refund("credit", 2500, method="store_credit")],
    )
    assert amounts(plans["bank"]) == {"line:a": 2000}
    assert amounts(plans["credit"]) == {"line:a": 2000, "bonus:credit": 500}
    early = spread(pieces, [refund("credit", 300, method="store_credit", executed_at="2026-11-26T08:00:00Z")])
    assert amounts(early["credit"]) == {"bonus:credit": 300}
    alone = spread(pieces, [refund("bank", 2250)])
    assert amounts(alone["bank"]) == {"line:a": 2000, "bonus:credit": 250}


def test_a_difference_within_tolerance_goes_to_the_largest_component() -> None:
    """One penny more or less than two lines of 10.00 and 20.00 changes the second."""
    pieces = [line("a", 1000), line("b", 2000)]
    assert amounts(spread(pieces, [refund("r", 3001)], tolerance=2)["r"]) == {"line:a": 1000, "line:b": 2001}
    assert amounts(spread(pieces, [refund("r", 2998)], tolerance=2)["r"]) == {"line:a": 1000, "line:b": 1998}


def test_more_than_the_components_have_is_an_adjustment() -> None:
    """Posted anyway, the excess is a line of its own; no line is credited above its value."""
    plan = spread([line("a", 1000, 167)], [refund("r", 1300)], taxes={"adjustment": TaxInside("GB-ZERO", 0, 1)})["r"]
    assert amounts(plan) == {"line:a": 1000, "adjustment": 300} and plan.lines[1].tax_code == "GB-ZERO"
    empty = spread([], [refund("r", 1300)], tolerance=1)["r"]
    assert amounts(empty) == {"adjustment": 1300}


@pytest.mark.parametrize("fee", [-295, -400])
def test_components_that_come_to_nothing_are_not_named(fee: int) -> None:
    """A line that its fee eats up: what is posted all the same is an amount, and pays for neither."""
    pieces = [line("a", 295, 49), Component("fee:logistics", "fee", fee, rate=VAT)]
    assert amounts(spread(pieces, [refund("r", 500)])["r"]) == {"adjustment": 500}


def test_goodwill_and_adjustment_stand_outside() -> None:
    """They are amount-only notes in their own currency and take nothing from the lines."""
    pieces = [line("a", 1000)]
    others = [refund("g", 500, kind="goodwill", currency="EUR"), refund("d", 200, kind="adjustment")]
    plans = spread(pieces, [*others, refund("r", 1000)], taxes={"goodwill": VAT})
    assert [part.tax for part in plans["g"].lines] == [83] and plans["g"].currency == "EUR"
    assert amounts(plans["d"]) == {"adjustment": 200} and amounts(plans["r"]) == {"line:a": 1000}


def test_faulty_failed_and_unknown_refunds_get_no_note() -> None:
    """The others are spread as if those were not there."""
    others = [
        refund("f", 100, state="failed"),
        refund("x", 0, fault="no"),
        refund("u", 100, kind="lottery"),
        refund("z", 0),
    ]
    assert set(spread([line("a", 1000)], [*others, refund("r", 1000)])) == {"r"}


def test_growth_is_a_supplement_and_shrinking_changes_no_frozen_note() -> None:
    """A refund that grew after its note was begun gets a note for the increase; one that shrank keeps its note."""
    pieces = [line("a", 4000, 667)]
    first = spread(pieces, [refund("r", 2000)])
    grown = spread(pieces, [refund("r", 2500)], first)
    assert grown["r"] == first["r"] and grown["r~2"].amount == 500 and grown["r~2"].refund_id == "r"
    assert grown["r"].lines[0].tax + grown["r~2"].lines[0].tax == round(667 * 2500 / 4000)
    again = spread(pieces, [refund("r", 4000)], grown)
    assert again["r~3"].amount == 1500 and sum(plan.lines[0].tax for plan in again.values()) == 667
    assert spread(pieces, [refund("r", 1500)], grown) == grown


def test_what_was_reversed_is_credited_anew_under_the_next_subject() -> None:
    """A reversed note's subject is used up, and its components are free again."""
    plans = spread([line("a", 4000)], [refund("r", 4000)], reversed_subjects=("r",))
    assert set(plans) == {"r~2"} and amounts(plans["r~2"]) == {"line:a": 4000}


def test_a_component_that_shrank_or_went_away_takes_nothing_back() -> None:
    """What a frozen note credited stays; nothing negative is left for the next one."""
    frozen = spread([line("a", 4000), line("b", 1000)], [refund("r1", 5000)])
    for now in ([line("a", 1000), line("c", 700)], [line("c", 700)], [line("a", 0), line("c", 700)]):
        plans = spread(now, [refund("r1", 5000), refund("r2", 700)], frozen)
        assert amounts(plans["r2"]) == {"line:c": 700}


def test_more_units_counted_later_go_on_the_note_that_credits_them() -> None:
    """One of two units on the first note, the second on the next."""
    frozen = spread([line("a", 1000, 167, 1)], [refund("r1", 1000)])
    plans = spread([line("a", 2000, 333, 2)], [refund("r1", 1000), refund("r2", 1000)], frozen)
    assert [plan.lines[0].quantity for plan in plans.values()] == [1, 1]
    assert [plan.lines[0].tax for plan in plans.values()] == [167, 166]


def test_a_plan_goes_through_json() -> None:
    """Frozen plans are kept in the row."""
    plan = spread([line("a", 1000, 167)], [refund("r", 1300)])["r"]
    assert NotePlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_no_more_is_credited_than_was_paid_for_the_order() -> None:
    """Over all returns, bonuses and goodwill apart, each currency for itself."""
    pieces = [line("a", 4000), Component("bonus:credit", "bonus", 500)]
    one = spread(pieces, [refund("r", 4500)])["r"]
    assert cap(one, {"GBP": 4495}, []) is None
    assert cap(one, {"GBP": 4495}, [replace(one, currency="EUR")]) is None
    over = cap(one, {"GBP": 4495}, [one])
    assert over is not None and (over.by, over.reason) == (3505, "over-paid")
    assert "GBP 80.00 would be credited" in over.sentence and "GBP 44.95 was paid" in over.sentence
    goodwill = spread([], [refund("g", 9999, kind="goodwill")])["g"]
    assert cap(goodwill, {"GBP": 4495}, [one]) is None


# -- spreading, under any split

Case = tuple[list[Component], list[Refund], str]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Components of any kind that come to more than nothing, and refunds that come to the same."""
    currency = draw(st.sampled_from(["GBP", "JPY", "KWD"]))
    pieces: list[Component] = []
    for number in range(draw(st.integers(1, 6))):
        amount = draw(st.integers(1, 200_000))
        tax = TaxInside("T", draw(st.integers(0, amount)), amount)
        pieces.append(Component(f"line:{number}", "line", amount, str(number), "S", draw(st.integers(1, 4)), tax))
    if draw(st.booleans()):
        pieces.append(Component("shipping", "shipping", draw(st.integers(1, 2000)), rate=VAT))
    if draw(st.booleans()):
        pieces.append(Component("bonus:b", "bonus", draw(st.integers(1, 5000))))
    if draw(st.booleans()) and expected(pieces) > 1:
        pieces.append(Component("fee:f", "fee", -draw(st.integers(1, min(5000, expected(pieces) - 1))), rate=VAT))
    left = expected(pieces)
    refunds: list[Refund] = []
    while left:
        amount = left if len(refunds) == 7 else draw(st.integers(1, left))
        left -= amount
        refunds.append(
            Refund(
                f"rf{len(refunds)}",
                "goods",
                draw(st.sampled_from(["bank_transfer", "store_credit"])),
                amount,
                currency,
                draw(st.sampled_from(["paid", "pending"])),
                draw(st.sampled_from(["", "2026-11-27T09:00:00Z"])),
            )
        )
    return pieces, refunds, currency


@given(cases())
def test_any_split_into_refunds_comes_out_to_the_penny(case: Case) -> None:
    """Each note is its refund's amount; together they credit each component, its tax and its units exactly once."""
    pieces, refunds, currency = case
    plans = allocate(pieces, refunds, {}, currency=currency)
    for each in refunds:
        assert sum(part.amount for part in plans[each.refund_id].lines) == each.amount == plans[each.refund_id].amount
        assert to_minor(to_text(each.amount, currency), currency) == each.amount
    for piece in pieces:
        credited = [part for plan in plans.values() for part in plan.lines if part.component_key == piece.key]
        assert sum(part.amount for part in credited) == piece.amount
        assert sum(part.tax for part in credited) == piece.tax
        if piece.line_id:
            assert sum(part.quantity for part in credited) == piece.quantity
    assert not any(part.kind == "adjustment" for plan in plans.values() for part in plan.lines)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_refunds_given_does_not_matter(case: Case, shuffle: random.Random) -> None:
    """The plans are those of the order of execution, however the list came."""
    pieces, refunds, currency = case
    mixed = list(refunds)
    shuffle.shuffle(mixed)
    assert allocate(pieces, mixed, {}, currency=currency) == allocate(pieces, refunds, {}, currency=currency)


@given(cases(), st.randoms(use_true_random=False))
def test_notes_may_be_begun_in_any_order(case: Case, shuffle: random.Random) -> None:
    """Freezing the notes one by one, in any order and as refunds become known, still comes out to the penny."""
    pieces, refunds, currency = case
    frozen: dict[str, NotePlan] = {}
    mixed = list(refunds)
    shuffle.shuffle(mixed)
    for known in range(1, len(mixed) + 1):
        plans = allocate(pieces, mixed[:known], frozen, currency=currency)
        assert {name: plans[name] for name in frozen} == frozen
        begun = shuffle.choice(mixed[:known]).refund_id
        frozen[begun] = plans[begun]
    plans = allocate(pieces, refunds, frozen, currency=currency)
    for piece in pieces:
        credited = [part for plan in plans.values() for part in plan.lines if part.component_key == piece.key]
        assert sum(part.amount for part in credited) == piece.amount
        assert sum(part.tax for part in credited) == piece.tax


@given(cases(), st.integers(-6, 6))
def test_a_difference_within_tolerance_changes_one_line_by_that_much(case: Case, off: int) -> None:
    """The last refund is off by a few minor units: the notes are the refunds, and no component is off by more."""
    pieces, refunds, currency = case
    last = max(refunds, key=lambda each: each.order)
    if last.amount + off <= 0:
        return
    given_refunds = [replace(each, amount=each.amount + off) if each is last else each for each in refunds]
    plans = allocate(pieces, given_refunds, {}, currency=currency, tolerance=6)
    for each in given_refunds:
        assert sum(part.amount for part in plans[each.refund_id].lines) == each.amount
    credited = {piece.key: 0 for piece in pieces}
    for plan in plans.values():
        for part in plan.lines:
            credited[part.component_key] += part.amount
    assert sum(abs(credited[piece.key] - piece.amount) for piece in pieces) == abs(off)


def test_the_tolerance_is_for_each_line_that_counts() -> None:
    """Two minor units a line and one line make two; a line that does not count adds nothing."""
    ret = return_of()
    assert tolerance_of(ret, 2) == 2 and tolerance_of(replace(ret, mode="standard"), 2) == 0
