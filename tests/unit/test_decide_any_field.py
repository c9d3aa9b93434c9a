"""Any field of an event may be anything: the decision never fails, its neighbours go on, and no money goes unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.facts import Undecodable, read_inspection, read_snapshot
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import (
    hat,
    inspection,
    inspection_event,
    refund,
    replacement,
    return_event,
    return_of,
    tee,
)
from tests.unit.erp import Erp, order_line
from tests.unit.spoiling import NASTY, dropped, paths, replaced, spoilt
from tests.unit.told import inspected, snapshot

RMA, NOTE, EXCHANGE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.EXCHANGE_ORDER
RECEIPT, APPLICATION = DocumentKind.ITEM_RECEIPT, DocumentKind.CREDIT_APPLICATION

SOCKS = {"order_line_id": "ol3", "sku": "SOCKS", "unit_price": "7.00", "tax_amount": "1.17"}
REFUNDS = [refund("rf1", "37.05"), refund("rf2", "5.00", kind="goodwill"), refund("rf3", "1.00", kind="adjustment")]
RETURN = return_event(
    return_of(
        "5001",
        "r1",
        type="mixed",
        state="received",
        location="WH-LON",
        lines=[tee(), hat(request="exchange")],
        replacements=[replacement("HAT-2", "l2", unit_price="10.00")],
        fees=[{"kind": "logistics", "amount": "2.95"}],
        refunds=REFUNDS,
    ),
    "e1",
)
INSPECTION = inspection_event(inspection("5001", "r1", (("l1", "TEE-RED-M", 1, "sellable"),)), "e2")


def erp() -> Erp:
    lines = [
        order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33"),
        order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67"),
        order_line("3", "ol3", "SOCKS", 9, "63.00", "10.50"),
    ]
    invoices = [{"number": "77", "open": "9999.00", "currency": "GBP"}]
    return Erp(lines=lines, total="9999.00", invoices=invoices)


def play(event: Any) -> Erp | None:
    """The event, then a second return of the order and what was found of both; None where the event is none of it."""
    order = erp()
    try:
        fact = read_snapshot(orjson.dumps(event))
    except Undecodable:
        return None
    if (fact.order_id, fact.return_id) != ("5001", "r1"):
        return None
    order.hear(fact)
    order.hear(snapshot(return_id="r2", lines=[tee("l7", **SOCKS)], refunds=[refund("rf7", "7.00")]))
    order.hear(inspected(("l7", "SOCKS", 1, "sellable"), return_id="r2"), inspected(("l1", "TEE-RED-M", 1, "damaged")))
    return order


def made(order: Erp, *kinds: DocumentKind, about: str = "r1") -> list[Any]:
    """What was made for a return, without the numbers that other systems gave."""
    found = []
    for command, _ in order.documents:
        if command.body.get("return_id") == about and command.kind in (kinds or tuple(DocumentKind)):
            body = {name: value for name, value in command.body.items() if name != "source"}
            found.append((command.kind.value, command.subject, body))
    return sorted(found, key=lambda entry: entry[:2])


CLEAN = play(RETURN)
assert CLEAN is not None
assert CLEAN.exceptions() == []


def entries(told: Any) -> Iterator[dict[str, Any]]:
    """Whatever stands where refunds should, as far as it may be one."""
    if isinstance(told, dict):
        yield told
    for each in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        if isinstance(each, dict):
            yield each


def unsaid(order: Erp, event: Any) -> list[str]:
    """Amounts that were told as paid and are in no note, no exception and no wait."""
    notes = [body for kind, _, body in made(order, NOTE)]
    shown = [one.content for one in order.row.open_letters()]
    lost = []
    for told in entries(event["data"].get("refunds")):
        amount = told.get("amount")
        if told.get("state") != "paid" or not isinstance(amount, str) or not re.fullmatch(r"[1-9]\d*\.\d\d", amount):
            continue
        refund_id = told.get("refund_id")
        is_number = isinstance(refund_id, int | float) and not isinstance(refund_id, bool)  # its text is its id
        credited = any(note["amount"] == amount and (is_number or note["refund_id"] == refund_id) for note in notes)
        excepted = any(one["amount"] == amount or amount in one["reason"] for one in shown)
        waits = any(item.refund_id == refund_id for item in order.row.waiting.values() if isinstance(refund_id, str))
        if not (credited or excepted or waits):
            lost.append(amount)
    return lost


def judge(event: Any, order: Erp | None) -> None:
    if order is None:
        return
    assert made(order, about="r2") == made(CLEAN, about="r2")  # type: ignore[arg-type]
    assert unsaid(order, event) == []
    for kind, step in order.exceptions():
        assert kind != "bug", step


@settings(max_examples=250, deadline=None)
@given(spoilt(RETURN))
def test_d26_whatever_a_return_says_the_decision_stands_and_no_money_goes_unsaid(event: Any) -> None:
    """Any fields replaced, dropped or doubled: another return of the order has the same documents."""
    judge(event, play(event))


def spoilt_at(*start: Any, step: int = 3) -> Iterator[Any]:
    """Every place of the event under this one, itself included: dropped, and with a part of the nasty values each."""
    for number, path in enumerate(path for path in paths(RETURN) if path[: len(start)] == start):
        yield dropped(RETURN, path)
        yield from (replaced(RETURN, path, value) for value in NASTY[number % step :: step])


@pytest.mark.parametrize("place", range(3))
def test_d26_each_field_of_a_refund_with_each_nasty_value(place: int) -> None:
    """The authorisation and the exchange are the same ones, and so are the amount-only notes beside it."""
    start = ("data", "refunds", place)
    others = {entry["refund_id"] for n, entry in enumerate(REFUNDS) if n != place and entry["kind"] != "goods"}
    for event in spoilt_at(*start, step=1 if place == 0 else 3):
        order = play(event)
        judge(event, order)
        assert order is not None
        assert made(order, RMA, EXCHANGE, RECEIPT) == made(CLEAN, RMA, EXCHANGE, RECEIPT)  # type: ignore[arg-type]
        notes = {body["refund_id"]: body["amount"] for _, _, body in made(order, NOTE)}
        assert others <= notes.keys(), event


@pytest.mark.parametrize("place", range(2))
def test_d26_each_field_of_a_line_with_each_nasty_value(place: int) -> None:
    """The other line is authorised, and received where it was inspected; amount-only notes are made."""
    other, sku = ("l2", "HAT-1") if place == 0 else ("l1", "TEE-RED-M")
    for event in spoilt_at("data", "lines", place):
        order = play(event)
        judge(event, order)
        assert order is not None
        held = [line["sku"] for _, _, body in made(order, RMA) for line in body["lines"] if line["line_id"] == other]
        assert held == [sku], event
        assert len(made(order, RECEIPT)) >= place
        notes = {body["refund_id"] for _, _, body in made(order, NOTE)}
        assert notes >= {"rf2", "rf3"}, event


@pytest.mark.parametrize("name", ["lines", "replacements", "fees", "bonuses", "refunds", "shipping_refund"])
def test_d26_each_list_with_each_nasty_value(name: str) -> None:
    """What is no list is said to somebody, where it says anything at all."""
    for value in NASTY:
        event = replaced(RETURN, ("data", name), value)
        order = play(event)
        judge(event, order)
        assert order is not None
        if name in ("lines", "fees", "replacements", "refunds") and value not in (None, []):
            assert "invalid" in [kind for kind, _ in order.exceptions()], value


@settings(max_examples=150, deadline=None)
@given(spoilt(INSPECTION), st.booleans())
def test_d26_whatever_an_inspection_says_the_decision_stands(event: Any, first: bool) -> None:
    """Another return's goods are received, notes are made, and nothing is received that was not looked at."""
    order = erp()
    try:
        fact = read_inspection(orjson.dumps(event))
    except Undecodable:
        return
    facts = [read_snapshot(orjson.dumps(RETURN)), fact]
    order.hear(*(reversed(facts) if first else facts))
    order.hear(snapshot(return_id="r2", lines=[tee("l7", **SOCKS)], refunds=[refund("rf7", "7.00")]))
    order.hear(inspected(("l7", "SOCKS", 1, "sellable"), return_id="r2", inspection_id="ins-7"))
    assert made(order, NOTE) == made(CLEAN, NOTE)  # type: ignore[arg-type]
    assert made(order, RMA, NOTE, about="r2") == made(CLEAN, RMA, NOTE, about="r2")  # type: ignore[arg-type]
    received = sum(line["quantity"] for _, _, body in made(order, RECEIPT) for line in body["lines"])
    assert received <= 2
    assert "bug" not in [kind for kind, _ in order.exceptions()]
