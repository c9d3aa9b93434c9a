"""Odd tellings are what their names say, leave every other story alone, and the check knows what is right of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from adapters.generator import reading, rule, truth
from adapters.generator.chances import PEAK, Chances
from adapters.generator.odd_stories import ODD
from adapters.generator.run import Peak, make
from adapters.generator.story import Story
from tests.unit.honest_ledger import SECRETS, Run, at, honest_about

SEED, ORDERS = 11, 120


def odd(name: str) -> Chances:
    return replace(PEAK, odd={name: 1.0}, returns=(40, 40, 20), quantities=(30, 40, 30), partly_accepted=0.6)


@cache
def told(name: str) -> Peak:
    return make(SEED, ORDERS, 60, SECRETS, chances=odd(name))


def stories(name: str) -> Iterator[tuple[Story, list[dict[str, Any]]]]:
    """The stories that are told so, each with what Reveni sends, oldest first."""
    found = [story for story in told(name).stories if name in story.tags]
    assert len(found) > 2, name
    for story in found:
        yield story, [json.loads(json.dumps(one.data)) for one in story.told if one.source == "reveni"]


def executed(name: str) -> list[Any]:
    return [
        refund["executed_at"]
        for _, snapshots in stories(name)
        for refund in snapshots[-1]["refunds"]
        if "executed_at" in refund
    ]


def test_a_new_oddity_leaves_the_other_stories_alone() -> None:
    """It has dice of its own: what is not told oddly is told as without it."""
    plain = make(SEED, ORDERS, 60, SECRETS, chances=replace(odd("executed-at-missing"), odd={}))
    same = {story.return_id: story.told for story in plain.stories}
    others = [story for story in told("executed-at-missing").stories if "executed-at-missing" not in story.tags]
    assert len(others) > 30
    assert all(story.told == same[story.return_id] for story in others)


def test_times_near_midnight_are_times_and_their_day_depends_on_the_zone() -> None:
    """At least one is another day in London than in UTC's text, and all can be read."""
    times = [time for time in executed("executed-near-midnight") if not time.endswith("00Z") or "T23:30" in time]
    assert len(times) > 5
    assert any(datetime.fromisoformat(time).astimezone(UTC).date().isoformat() != time[:10] for time in times)


def test_unreadable_and_missing_times() -> None:
    """Text of no time, numbers, and the year 1; or nothing at all."""
    unreadable = {str(time) for time in executed("executed-at-unreadable")}
    assert len(unreadable & {"27/11/2026 09:30", "1795000000", "0001-01-01T00:00:00+14:00", "yesterday", "True"}) > 2
    paid = [
        refund
        for _, snapshots in stories("executed-at-missing")
        for refund in snapshots[-1]["refunds"]
        if refund["state"] == "paid"
    ]
    assert any("executed_at" not in refund for refund in paid)


def test_refunds_without_an_id_of_their_own_stand_aside() -> None:
    """No id, null, empty; one id twice; an object instead of a list: all are spoilt, with their amounts."""
    kinds = {
        "refund-without-id": {"none", "null", "empty"},
        "refund-id-twice": {"twice"},
        "refunds-an-object": {"dict"},
    }
    for name, wanted in kinds.items():
        seen = set()
        for _, snapshots in stories(name):
            refunds = snapshots[-1]["refunds"]
            read = reading.event(json.dumps({"type": "return.updated", "data": snapshots[-1]}).encode())["data"]
            assert read["spoilt"]
            if isinstance(refunds, dict):
                seen.add("dict")
                continue
            ids = [refund.get("refund_id", "none") for refund in refunds]
            seen |= {"null"} if None in ids else {"empty"} if "" in ids else {"none"} if "none" in ids else {"twice"}
        assert seen == wanted


def test_ids_above_64_bits_are_numbers_in_the_message_and_text_to_the_check() -> None:
    """Their digits all stay: no float, no other order."""
    peak = told("ids-above-64-bits")
    ids = {story.return_id for story, _ in stories("ids-above-64-bits")}
    assert all(int(return_id) > 2**64 for return_id in ids)
    bodies = [one.body for one in peak.deliveries if one.return_id in ids and one.sort in ("reveni", "warehouse")]
    assert all(f'"return_id":{reading.event(body)["data"]["return_id"]}'.encode() in body for body in bodies)
    assert {reading.event(body)["data"]["return_id"] for body in bodies} == ids


def test_omitted_fields_change_nothing_of_what_a_return_comes_to() -> None:
    """What is left out says what it said before, or nothing."""
    left_out = set()
    for story, snapshots in stories("fields-omitted"):
        left_out |= {"fees", "bonuses", "replacements", "shipping_refund", "customer"} - set(snapshots[-1])
        body = json.dumps({"type": "return.updated", "data": snapshots[-1]}).encode()
        data = reading.event(body)["data"]
        goods = [one for one in data["refunds"] if one["kind"] == "goods" and one["state"] == "paid"]
        if data["state"] in ("accepted", "partly_accepted") and data["lines"]:
            paid = sum((Decimal(one["amount"]) for one in goods), Decimal(0))
            assert paid == max(rule.expected(data, story.order), Decimal(0))
    assert {"fees", "bonuses", "replacements", "shipping_refund"} <= left_out


def test_restock_said_once_stands() -> None:
    """An older version says it, the newest does not; the fold has it."""
    for story, snapshots in stories("restock-said-once"):
        said = [any(line.get("restock") is False for line in data["lines"]) for data in snapshots]
        assert sum(said) == 1
        if not said[-1]:
            events = ({"type": "return.updated", "data": data} for data in snapshots)
            fold = truth.fold((event, at(0)) for event in events)
            assert any(line.get("restock") is False for line in fold.returns[story.return_id]["lines"])


def test_only_the_rejected_units_are_told() -> None:
    """Without the accepted ones."""
    for _, snapshots in stories("only-rejected-units-told"):
        lines = [line for data in snapshots for line in data["lines"] if line.get("rejected_quantity")]
        assert lines
        assert not any("accepted_quantity" in line for line in lines)


def test_two_replacements_share_the_units_of_their_line() -> None:
    """Together they are as many as come back, and the exchange is of both."""
    for story, snapshots in stories("two-replacements"):
        data = snapshots[-1]
        line_ids = [entry["replaces_line_id"] for entry in data["replacements"]]
        twice = {line_id for line_id in line_ids if line_ids.count(line_id) == 2}
        assert twice
        for line in data["lines"]:
            if line["line_id"] in twice:
                taken = rule.replaced({**data, "mode": "instant"}, line)
                assert [units for _, units in taken] == [entry["quantity"] for entry, _ in taken]
                assert sum(units for _, units in taken) == line["quantity"]
        assert story.return_id


def test_replacements_take_the_units_that_count_in_the_order_given() -> None:
    """One of two units was accepted: the first replacement has it, nothing is left for the second."""
    line = {"line_id": "l1", "quantity": 2, "accepted_quantity": 1, "verdict": "accepted", "request": "exchange"}
    first, second = ({"replaces_line_id": "l1", "sku": sku, "quantity": 1} for sku in ("TEE-RED-L", "TEE-RED-XL"))
    data = {"mode": "standard", "lines": [line], "replacements": [first, second]}
    assert rule.replaced(data, line) == [(first, 1), (second, 0)]


def test_part_of_the_shipping_comes_with_the_refund() -> None:
    """The refund is higher by just that."""
    for story, snapshots in stories("part-of-the-shipping"):
        part = Decimal(snapshots[-1]["shipping_refund"])
        assert 0 < part < story.order.shipping


def test_states_that_nobody_has_heard_of() -> None:
    """One before the refund is paid, one for good."""
    for _, snapshots in stories("refund-state-unknown"):
        states = [{one["state"] for one in data["refunds"]} for data in snapshots]
        assert {"awaiting_bank"} <= set.union(*states)
        assert "awaiting_bank" not in states[-1]
    for _, snapshots in stories("refund-state-stays-unknown"):
        assert "escheated" in {one["state"] for one in snapshots[-1]["refunds"]}


def test_returns_of_one_order_are_days_or_weeks_apart() -> None:
    """The last one is told today, the others before."""
    first = {story.return_id: datetime.fromisoformat(all_[0]["updated_at"]) for story, all_ in stories("days-apart")}
    today = datetime(2026, 11, 27, tzinfo=UTC)
    gaps = {(today - when).days for when in first.values()}
    assert min(gaps) >= 1
    assert max(gaps) >= 16
    assert max(gaps) < 26  # not before the demo's cut-over


# -- the check


@pytest.fixture(scope="module")
def flawless() -> Callable[[str], Run]:
    return lambda name: honest_about(told(name))


@pytest.mark.parametrize("name", [*ODD, "days-apart"])
def test_a_flawless_run_of_each_passes(flawless: Callable[[str], Run], name: str) -> None:
    """Whatever is told oddly, an honest ledger is in order, and every exception of it is called for."""
    verdict = flawless(name).verdict()
    assert verdict.violations == []
    assert verdict.unexplained == []


def date_by_the_text(run: Run) -> None:
    """The day that the text of the time begins with."""
    sure, _ = truth.begun(run.sent, run.answers)
    for refund in sure.refunds.values():
        for note in run.of_kind("credit_note"):
            if note["order_id"] == refund.order_id and Decimal(note["amount"]) == refund.amount:
                note["date"] = max(refund.executed_at, default="2026-11-27")[:10]


def hide_the_spoilt(run: Run) -> None:
    run.exceptions = [one for one in run.exceptions if one["kind"] != "invalid" or not one["order_id"]]


def name_another_amount(run: Run) -> None:
    for one in run.exceptions:
        if one.get("amount"):
            one["amount"] = "0.01"


def credit_the_spoilt(run: Run) -> None:
    sure, _ = truth.begun(run.sent, run.answers)
    one = sure.spoilt[0]
    run.book("credit_note", one.order_id, at(130), amount=str(one.amount), currency=one.currency)


def restock_what_was_kept_back(run: Run) -> None:
    """As if the newest version alone counted."""
    sellable = {places["quarantine"]: places["sellable"] for places in run.peak.expected.places.values()}
    good = {
        (one.order_id, one.sku)
        for one in truth.begun(run.sent, run.answers)[0].found_finally()
        if one.disposition == "sellable"
    }
    for receipt in run.of_kind("item_receipt"):
        if (receipt["order_id"], receipt["lines"][0]["sku"]) in good and receipt["location"] in sellable:
            receipt["location"] = receipt["lines"][0]["location"] = sellable[receipt["location"]]
            receipt["sellable"] = True


def send_the_last_replacement_alone(run: Run) -> None:
    sure, _ = truth.begun(run.sent, run.answers)
    lines = [(one.return_id, one.line_id) for one in sure.exchanges]
    first = next(one for one in sure.exchanges if lines.count((one.return_id, one.line_id)) == 2)
    run.ledger.remove(
        next(
            one
            for one in run.of_kind("exchange_order")
            if one["order_id"] == first.order_id and one["lines"][0]["sku"] == first.sku
        )
    )


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("executed-near-midnight", date_by_the_text, "note-of-another-day"),
        ("executed-at-unreadable", hide_the_spoilt, "spoilt-refund-unseen"),
        ("refund-without-id", hide_the_spoilt, "spoilt-refund-unseen"),
        ("refund-without-id", hide_the_spoilt, "exception-missing"),
        ("refund-without-id", name_another_amount, "spoilt-refund-unseen"),
        ("refund-without-id", credit_the_spoilt, "credit-without-refund"),
        ("refund-id-twice", hide_the_spoilt, "spoilt-refund-unseen"),
        ("refunds-an-object", hide_the_spoilt, "spoilt-refund-unseen"),
        ("restock-said-once", restock_what_was_kept_back, "goods-missing"),
        ("two-replacements", send_the_last_replacement_alone, "exchange-lost"),
    ],
)
def test_a_wrong_ledger_is_found(
    flawless: Callable[[str], Run], name: str, spoil: Callable[[Run], None], found: str
) -> None:
    """What the product used to do, and what else is wrong of an odd telling."""
    run = flawless(name)
    spoil(run)
    assert found in run.verdict().tally()
