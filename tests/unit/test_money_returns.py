"""Reading one return: what is kept, and how far a fault reaches."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from streams.refund import Refund
from streams.returns import InvalidReturn, parse_return

EXAMPLE: dict[str, Any] = {
    "return_id": "9f0c",
    "order_id": "5001",
    "order_number": "#1001",
    "version": 4,
    "updated_at": "2026-11-27T09:29:58Z",
    "type": "refund",
    "mode": "instant",
    "state": "received",
    "currency": "GBP",
    "customer": {"id": "c-77"},
    "lines": [
        {
            "line_id": "l1",
            "order_line_id": "ol1",
            "sku": "TEE-RED-M",
            "quantity": 1,
            "unit_price": "40.00",
            "tax_amount": "6.67",
            "tax_code": "GB-STD",
            "request": "return",
            "reason": "too_small",
            "verdict": "pending",
        }
    ],
    "replacements": [],
    "fees": [{"kind": "logistics", "amount": "2.95"}],
    "bonuses": [],
    "refunds": [
        {
            "refund_id": "rf1",
            "kind": "goods",
            "method": "bank_transfer",
            "amount": "37.05",
            "currency": "GBP",
            "state": "paid",
            "executed_at": "2026-11-27T09:29:57Z",
        }
    ],
    "shipping_refund": "0.00",
}


def example(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(EXAMPLE), **changes}


def line(**changes: Any) -> dict[str, Any]:
    return {**EXAMPLE["lines"][0], **changes}


def test_the_example_of_the_contract_is_read_whole() -> None:
    """Amounts come in minor units, what is not known yet is None."""
    ret = parse_return(EXAMPLE)
    (only,), (fee,), (refund,) = ret.lines, ret.fees, ret.refunds
    assert (ret.return_id, ret.order_id, ret.version, ret.mode, ret.currency) == ("9f0c", "5001", 4, "instant", "GBP")
    assert (only.unit_price, only.tax_amount, only.quantity, only.value) == (4000, 667, 1, 4000)
    assert (only.component_sku, only.disposition, only.restock, only.accepted_quantity) == (None, None, None, None)
    assert (fee.kind, fee.amount, refund.amount, refund.currency, ret.money_fault) == (
        "logistics",
        295,
        3705,
        "GBP",
        None,
    )


def test_numbers_as_ids_are_their_text_and_unknown_words_are_kept() -> None:
    """An id may come as a JSON number; a new state, mode or field never stops the reading."""
    ret = parse_return(example(order_id=5001, state="teleported", mode="overnight", colour={"a": [1]}))
    assert (ret.order_id, ret.state, ret.mode) == ("5001", "teleported", "overnight")


@pytest.mark.parametrize("name", ["lines", "replacements", "fees", "bonuses", "refunds", "shipping_refund"])
@pytest.mark.parametrize("absent", [True, False])
def test_lists_may_be_null_or_absent(name: str, absent: bool) -> None:
    """A list that is null or not there is empty."""
    data = example(**{name: None})
    if absent:
        del data[name]
    assert parse_return(data).money_fault is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quantity": -1}, "line l1 has quantity -1"),
        ({"quantity": 0}, "line l1 has quantity 0"),
        ({"quantity": 1.0}, "quantity that is not a whole number"),
        ({"quantity": "1"}, "quantity that is not a whole number"),
        ({"quantity": True}, "quantity that is not a whole number"),
        ({"quantity": None}, "has no quantity"),
        ({"quantity": 10**30}, "quantity that cannot be"),
        ({"accepted_quantity": 2}, "has quantity 1, but 2 accepted"),
        ({"accepted_quantity": 1, "rejected_quantity": 1}, "1 accepted and 1 rejected"),
        ({"accepted_quantity": -1}, "accepted_quantity -1"),
        ({"unit_price": "49.9"}, "line l1: unit_price is '49.9', but GBP has 2 digits"),
        ({"unit_price": 40.0}, "unit_price is a float"),
        ({"unit_price": "-40.00"}, "has unit_price -40.00"),
        ({"unit_price": None}, "unit_price is missing"),
        ({"tax_amount": "NaN"}, "tax_amount is 'NaN'"),
        ({"tax_amount": "40.01"}, "more tax than the price"),
        ({"line_total": "1e3"}, "line_total is '1e3'"),
        ({"line_total": []}, "line_total is a list"),
        ({"line_id": None}, "(without an id) has no line_id"),
        ({"line_id": {"$ne": 1}}, "has no line_id"),
        ({"sku": 4.7}, "has no sku"),
        ({"restock": "false"}, "restock that is neither true nor false"),
        ({"component_sku": {"sku": "TOP"}}, "has a component_sku that is no text"),
    ],
)
def test_a_fault_of_one_line_stays_with_it(changes: dict[str, Any], says: str) -> None:
    """The bad line says what is wrong and counts for nothing; its sibling and the refund are read as ever."""
    ret = parse_return(example(lines=[line(**changes), line(line_id="l2")]))
    bad, good = ret.lines
    assert (
        bad.fault is not None and says in bad.fault and bad.fault.startswith("The message from Reveni makes no sense: ")
    )
    assert (bad.quantity, bad.unit_price, bad.tax_amount, bad.line_total) == (0, 0, 0, None)
    assert (good.fault, good.value, ret.refunds[0].fault) == (None, 4000, None)
    assert ret.money_fault == bad.fault


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 37.05},
        {"amount": "37.1"},
        {"amount": None},
        {"amount": "-1.00"},
        {"currency": "ZZZ"},
        {"refund_id": None},
    ],
)
def test_a_bad_refund_stops_neither_the_others_nor_the_return(changes: dict[str, Any]) -> None:
    """The refund carries the fault; what the return comes to is still known."""
    good = EXAMPLE["refunds"][0]
    ret = parse_return(example(refunds=[{**good, **changes}, {**good, "refund_id": "rf2"}]))
    faults = {refund.refund_id: refund.fault for refund in ret.refunds}
    assert (faults.pop("rf2"), ret.money_fault) == (None, None)
    (fault,) = faults.values()
    assert fault and fault.startswith("The message from Reveni makes no sense: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": "l1"},
        {"lines": {}},
        {"lines": [None]},
        {"lines": [[]]},
        {"fees": [{"kind": "logistics", "amount": "-2.95"}]},
        {"fees": 3},
        {"bonuses": [{"kind": "store_credit", "amount": 5}]},
        {"replacements": [{"replaces_line_id": "l1", "sku": "X", "quantity": 0, "unit_price": "1.00"}]},
        {"replacements": [{"sku": "X", "quantity": 1, "unit_price": "1.00"}]},
        {"shipping_refund": 4.95},
        {"shipping_refund": "-4.95"},
    ],
)
def test_what_the_return_comes_to_is_unknown_where_its_money_is_bad(changes: dict[str, Any]) -> None:
    """A list that is no list, or a fee below nothing, leaves the return readable and its money unknown."""
    assert parse_return(example(**changes)).money_fault


@pytest.mark.parametrize(
    ("refunds", "says"),
    [
        (["rf1", EXAMPLE["refunds"][0]], ["an entry of refunds is 'rf1'", None]),
        ([None, EXAMPLE["refunds"][0]], ["an entry of refunds is None", None]),
        ([{**EXAMPLE["refunds"][0], "refund_id": " "}], ["a refund (GBP 37.05, paid) has no refund_id"]),
        ([{**EXAMPLE["refunds"][0], "refund_id": ["rf1"]}], ["a refund (GBP 37.05, paid) has no refund_id"]),
        ([EXAMPLE["refunds"][0]] * 2, ["refund rf1 (GBP 37.05, paid) comes twice"] * 2),
        (EXAMPLE["refunds"][0], ["refunds are no list, but refund rf1 (GBP 37.05, paid)"]),
        ({"a": EXAMPLE["refunds"][0]}, ["refunds are no list, but refund rf1 (GBP 37.05, paid)"]),
        ("37.05 paid", ["refunds are no list, but '37.05 paid'"]),
        (False, ["refunds are no list, but False"]),
    ],
)
def test_what_stands_among_refunds_without_a_name_of_its_own_is_told(refunds: Any, says: list[str | None]) -> None:
    """Each says what it comes to, and none is used; a refund beside them is."""
    ret = parse_return(example(refunds=refunds))
    told = sorted(ret.refunds, key=lambda refund: refund.fault is None)
    sentences = [None if one is None else f"The message from Reveni makes no sense: {one}." for one in says]
    assert [refund.fault for refund in told] == sentences
    assert ret.money_fault is None
    assert len({(refund.refund_id, refund.mark) for refund in ret.refunds}) == len(ret.refunds)


@pytest.mark.parametrize(
    "executed_at",
    ["27/11/2026 09:30", 1795771797, 1795771797.5, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
     "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "2026-11-27T09:30:00", "2026-02-30T09:30:00Z", True, [], {}],
)  # fmt: skip
def test_a_time_of_execution_that_cannot_be_read_spoils_that_refund_alone(executed_at: Any) -> None:
    """Its amount is still told; the others and the return go on."""
    good = EXAMPLE["refunds"][0]
    bad, other = parse_return(
        example(refunds=[{**good, "executed_at": executed_at}, {**good, "refund_id": "rf2"}])
    ).refunds
    assert bad.fault is not None and "refund rf1 (GBP 37.05, paid) has an executed_at that" in bad.fault
    assert (bad.worth, other.fault) == (("37.05", "GBP"), None)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("2026-11-27T09:29:57Z", "2026-11-27T09:29:57Z"),
        ("2026-11-27T10:29:57+01:00", "2026-11-27T09:29:57Z"),
        ("2026-11-27T09:29:57.120Z", "2026-11-27T09:29:57.12Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("9998-12-31T23:59:59Z", "9998-12-31T23:59:59Z"),
        (None, ""),
        ("", ""),
    ],
)
def test_a_time_of_execution_is_read_once_in_utc(told: Any, read: str) -> None:
    """Whoever reads it after this needs no rule of its own; one that is not there is empty."""
    (refund,) = parse_return(example(refunds=[{**EXAMPLE["refunds"][0], "executed_at": told}])).refunds
    assert (refund.executed_at, refund.fault) == (read, None)


def test_two_lines_with_one_id_cannot_be_told_apart() -> None:
    """Neither of them is used."""
    ret = parse_return(example(lines=[line(), line(sku="OTHER"), line(line_id="l2")]))
    assert [bool(each.fault) for each in ret.lines] == [True, True, False]


@pytest.mark.parametrize(
    ("changes", "path"),
    [({"return_id": None}, "return_id"), ({"order_id": 5.1}, "order_id"), ({"order_id": ""}, "order_id")]
    + [({"currency": bad}, "currency") for bad in (None, "gbp", 826, ["GBP"], "X" * 10_000)],
)
def test_without_its_ids_or_currency_a_return_cannot_be_read(changes: dict[str, Any], path: str) -> None:
    """The fault names the field, in a sentence of bounded length."""
    with pytest.raises(InvalidReturn) as fault:
        parse_return(example(**changes))
    assert fault.value.path == path and len(fault.value.message) < 300


def test_refunds_stand_in_order_of_execution() -> None:
    """Times are compared as times, whatever their offset; refunds not yet executed come last, by id."""
    times = {
        "c": "2026-11-27T10:00:00+01:00",
        "b": "2026-11-27T09:00:00.5Z",
        "a": "2026-11-27T09:30:00Z",
        "e": "",
        "d": "soon",
    }
    refunds = [Refund(refund_id=name, executed_at=at) for name, at in times.items()]
    assert [refund.refund_id for refund in sorted(refunds, key=lambda refund: refund.order)] == [
        "c",
        "b",
        "a",
        "e",
        "d",
    ]
