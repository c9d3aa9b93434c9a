"""What a return comes to, by the contract's rules, worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from streams.bundles import Bundle, BundlePart
from streams.components import Component, Uncountable, components, counted_lines, counted_quantity, expected
from streams.money import TaxInside
from streams.returns import Charge, Replacement, Return, ReturnLine
from streams.vocabulary import ErrorKind, Owner

VAT = TaxInside("GB-STD", 1, 6)


def line(line_id: str = "l1", **changes: Any) -> ReturnLine:
    fields: dict[str, Any] = {
        "order_line_id": f"o{line_id}", "sku": "TEE", "quantity": 3, "unit_price": 1000, "tax_amount": 500,
        "tax_code": "GB-STD", "request": "return", **changes,
    }  # fmt: skip
    return ReturnLine(line_id, **fields)


def ret(*lines: ReturnLine, mode: str = "instant", **changes: Any) -> Return:
    return Return("r1", "5001", "GBP", mode=mode, lines=lines, **changes)


def brief(pieces: tuple[Component, ...]) -> list[tuple[str, int, int]]:
    return [(piece.key, piece.amount, piece.tax) for piece in pieces]


@pytest.mark.parametrize("state", ["in_progress", "rejected", "cancelled"])
def test_instant_counts_from_the_start_whatever_comes(state: str) -> None:
    """Neither a later rejection nor a cancellation changes what an instant return counts."""
    changed = line(verdict="rejected", accepted_quantity=0, rejected_quantity=3)
    assert counted_quantity(ret(changed, state=state), changed) == 3


@pytest.mark.parametrize("mode", ["instant", "standard"])
def test_a_line_that_makes_no_sense_counts_nothing(mode: str) -> None:
    """Whatever its numbers say."""
    own = line(fault="it has a price that is no amount", verdict="accepted", accepted_quantity=3)
    assert counted_quantity(ret(own, mode=mode), own) == 0
    assert counted_lines(ret(own, mode=mode)) == 0


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, 0),
        ({"verdict": "for_review"}, 0),
        ({"verdict": "teleported"}, 0),
        ({"verdict": "rejected"}, 0),
        ({"verdict": "accepted"}, 3),
        ({"verdict": "accepted", "accepted_quantity": 2}, 2),
        ({"verdict": "pending", "accepted_quantity": 1}, 1),
        ({"verdict": "accepted", "accepted_quantity": 0}, 0),
    ],
)
def test_standard_counts_what_was_accepted(changes: dict[str, Any], counted: int) -> None:
    """The accepted quantity where it is given, else all of an accepted line, else nothing."""
    own = line(**changes)
    assert counted_quantity(ret(own, mode="standard"), own) == counted
    assert counted_quantity(ret(own, mode="overnight"), own) == counted


def test_the_example_of_the_contract_comes_to_37_05() -> None:
    """40.00 less a fee of 2.95, with the tax inside each."""
    tee = line(quantity=1, unit_price=4000, tax_amount=667)
    pieces = components(ret(tee, fees=(Charge("logistics", 295),)), taxes={"fee": VAT})
    assert brief(pieces) == [("line:l1", 4000, 667), ("fee:logistics", -295, -49)]
    assert expected(pieces) == 3705


def test_fees_wait_until_a_line_counts_and_shipping_and_bonuses_do_not() -> None:
    """A standard return that is not accepted yet owes shipping and bonus only."""
    extras: dict[str, Any] = {
        "fees": (Charge("logistics", 295),), "bonuses": (Charge("credit", 500),), "shipping_refund": 495,
    }  # fmt: skip
    waiting = components(ret(line(), mode="standard", **extras))
    assert brief(waiting) == [("shipping", 495, 0), ("bonus:credit", 500, 0)]
    accepted = components(ret(line(verdict="accepted"), mode="standard", **extras))
    assert [piece.key for piece in accepted] == ["line:l1", "shipping", "bonus:credit", "fee:logistics"]
    assert expected(accepted) == 3000 + 495 + 500 - 295


def test_a_line_total_is_shared_cumulatively() -> None:
    """10.00 for three units counts 3.33 for one, 6.67 for two, 10.00 for three: each step is the difference."""
    values = [
        expected(components(ret(line(line_total=1000, tax_amount=0, accepted_quantity=n), mode="standard")))
        for n in (0, 1, 2, 3)
    ]
    assert values == [0, 333, 667, 1000]


def test_an_exchange_is_the_difference_for_the_units_replaced() -> None:
    """Two of three units are replaced by something 2.50 cheaper: 5.00; the third unit comes to nothing."""
    swap = line(request="exchange")
    pieces = components(ret(swap, replacements=(Replacement("l1", "TEE-L", 2, 750),)))
    assert [(p.key, p.kind, p.amount, p.quantity, p.tax) for p in pieces] == [("exchange:l1", "exchange", 500, 2, 83)]


def test_an_even_exchange_is_left_out_and_a_dearer_one_is_owed() -> None:
    """Equal value makes no component; a dearer replacement makes a negative one."""
    swap = line(request="exchange")
    assert components(ret(swap, replacements=(Replacement("l1", "TEE-L", 3, 1000),))) == ()
    assert expected(components(ret(swap, replacements=(Replacement("l1", "COAT", 1, 4000),)))) == -3000
    assert components(ret(swap)) == ()  # no replacement yet
    assert counted_lines(ret(swap)) == 1


def test_several_replacements_of_one_line_are_taken_in_turn() -> None:
    """Three units, one by something for 4.00 and the rest by something for 6.00."""
    swap = line(request="exchange")
    both = (Replacement("l1", "A", 1, 400), Replacement("l1", "B", 5, 600))
    assert expected(components(ret(swap, replacements=both))) == 3000 - 400 - 2 * 600


def test_parts_of_a_bundle_are_counted_on_from_each_other() -> None:
    """Two lines with one of three socks each, after one in an earlier return: the last sock takes the odd penny."""
    kit = Bundle((BundlePart("SOCK", 3, 100),), {"SOCK": 1}, "the one bundle")
    first, second = (
        line(name, order_line_id="o1", sku="KIT", component_sku="SOCK", quantity=1, unit_price=100, tax_amount=20)
        for name in ("a", "b")
    )
    pieces = components(ret(first, second), {"a": kit, "b": kit})
    assert [(p.sku, p.amount, p.tax) for p in pieces] == [("SOCK", 33, 7), ("SOCK", 34, 7)]


def test_a_bundle_whose_parts_were_not_stored_is_an_exception() -> None:
    """E-commerce is told which line; there is no share to guess. A line total needs none."""
    part = line(sku="KIT", component_sku="SOCK")
    with pytest.raises(Uncountable) as reason:
        components(ret(part))
    assert (reason.value.kind, reason.value.owner, reason.value.line_id) == (ErrorKind.UNMAPPED, Owner.ECOMMERCE, "l1")
    assert expected(components(ret(line(sku="KIT", component_sku="SOCK", line_total=700)))) == 700


@pytest.mark.parametrize(
    "bad",
    [
        ret(line(fault="no")),
        ret(line(), fees=(Charge("x", fault="no"),)),
        ret(line(), faults=("no",)),
        ret(line(), mode="overnight"),
        ret(line(), mode=""),
        ret(line(request="frame it")),
        ret(line(), replacements=(Replacement("l1", "X", 1, 100),)),
        ret(line(), replacements=(Replacement("l9", "X", 1, 100),)),
    ],
)
def test_what_a_return_comes_to_is_not_guessed(bad: Return) -> None:
    """A fault, or a word that is not known, in anything that counts leaves the sum unknown."""
    with pytest.raises(Uncountable) as reason:
        components(bad)
    assert reason.value.kind is ErrorKind.INVALID


def test_keys_do_not_depend_on_the_order_of_the_lists() -> None:
    """Lines, fees and bonuses in another order give the same components."""
    lines, fees = (line("b"), line("a")), (Charge("x", 1), Charge("x", 2), Charge("a", 3))
    one = components(ret(*lines, fees=fees))
    assert one == components(ret(*lines[::-1], fees=fees[::-1]))
    assert [piece.key for piece in one] == ["line:a", "line:b", "fee:a", "fee:x", "fee:x~2"]
