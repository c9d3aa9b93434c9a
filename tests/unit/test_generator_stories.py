"""The peak is reproducible, of the promised size and shape, and its stories are true to the contract."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.generator import peak as shape
from adapters.generator import plots, reading, rule, telling, truth, world
from adapters.generator.amounts import shares, tax_inside, text
from adapters.generator.catalogue import Component
from adapters.generator.deliveries import sign
from adapters.generator.files import read_sent
from adapters.generator.orders import OrderLine
from adapters.generator.run import Peak, make
from streams.bundles import Bundle, BundlePart
from streams.components import components
from streams.components import expected as product_expected
from streams.money import to_minor
from streams.order_key import read_envelope
from streams.returns import parse_return
from tests.unit.honest_ledger import SECRETS, answered


@pytest.fixture(scope="module")
def thousand() -> Peak:
    return make(3, 1000, 60, SECRETS)


def contract_example() -> dict[str, Any]:
    """The return that CONTRACTS section 2 prints."""
    line = {"line_id": "l1", "order_line_id": "ol1", "sku": "TEE-RED-M", "quantity": 1, "unit_price": "40.00"}
    return {
        "mode": "instant",
        "currency": "GBP",
        "lines": [{**line, "request": "return", "verdict": "pending"}],
        "replacements": [],
        "fees": [{"kind": "logistics", "amount": "2.95"}],
        "bonuses": [],
        "shipping_refund": "0.00",
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs of one seed write one list, byte for byte; another seed writes another."""
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        make(seed, 60, 30, SECRETS).write(tmp_path / name)
    for file in ("sent.jsonl", "expected.json"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b
        assert a != c


def test_the_list_reads_back_as_it_was_made(thousand: Peak, tmp_path: Path) -> None:
    """Bodies that are no text survive the file too."""
    thousand.write(tmp_path)
    assert read_sent(tmp_path / "sent.jsonl") == thousand.deliveries


def test_a_thousand_orders_make_a_peak_of_the_promised_size(thousand: Peak) -> None:
    """About 70 % of orders have returns, and 6,000 to 8,000 deliveries carry them."""
    assert 6_000 <= len(thousand.deliveries) <= 8_000
    returned = {story.order.order_id for story in thousand.stories}
    assert 640 <= len(returned) <= 760
    per_order = Counter(story.order.order_id for story in thousand.stories)
    assert {2, 3} <= set(per_order.values())
    assert {order.currency for order in thousand.world.orders} == {"GBP", "EUR", "JPY", "KWD"}
    assert {order.status for order in thousand.world.orders} == {"fulfilled", "closed", "archived", "pending"}


def test_every_twist_is_told(thousand: Peak) -> None:
    """Each plot happens, is tagged, and its exceptions are demanded."""
    told = Counter(tag for story in thousand.stories for tag in story.tags)
    assert set(plots.ALL) <= set(told)
    assert {"goodwill", "adjustment", "shipping-only", "disposition-changed", "goods-rejected"} <= set(told)
    demanded = Counter(demand.why for demand in thousand.expected.demands)
    assert demanded == {name: told[name] for name, plot in plots.ALL.items() if plot.exceptions}


def test_deliveries_behave_badly(thousand: Peak) -> None:
    """Duplicates under the same and a new id, older versions after newer, early inspections, poison, forgeries."""
    notes = Counter(one.note for one in thousand.deliveries if one.sort in ("reveni", "warehouse"))
    assert notes["again"] > 400
    assert notes["new-id"] > 200
    newest: dict[str, int] = {}
    overtaken = 0
    for one in thousand.deliveries:
        if one.sort == "reveni":
            overtaken += one.version < newest.get(one.return_id, 0) and not one.note
            newest[one.return_id] = max(newest.get(one.return_id, 0), one.version)
    assert overtaken > 200
    first_word: dict[str, str] = {}
    for one in thousand.deliveries:
        first_word.setdefault(one.return_id, one.sort)
    assert "warehouse" in first_word.values()
    sorts = Counter(one.sort for one in thousand.deliveries)
    assert sorts["poison"] >= 40
    assert sorts["forged"] >= 2
    assert sum(len(one.body) > 2**20 for one in thousand.deliveries) == 2


def test_the_same_version_always_has_the_same_content(thousand: Peak) -> None:
    """A repeat differs in its event id at most."""
    contents: dict[tuple[str, str, int], Any] = {}
    for one in thousand.deliveries:
        if one.sort in ("reveni", "warehouse"):
            data = json.loads(one.body)["data"]
            key = (one.sort, data.get("inspection_id", one.return_id), one.version)
            assert contents.setdefault(key, data) == data


def test_signatures_are_of_the_raw_body(thousand: Peak) -> None:
    """Forged ones excepted, each delivery is signed with its route's secret."""
    for one in thousand.deliveries:
        assert (one.signature == sign(SECRETS[one.route], one.body)) is (one.sort != "forged")


def test_the_day_has_a_ramp_a_plateau_with_bursts_and_a_tail() -> None:
    """Offsets rise, stay within the duration, and crowd where the day is busy."""
    offsets = shape.offsets(10_000, 100)
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert offsets[-1] <= 100
    per_second = Counter(int(offset) for offset in offsets)
    plateau = sum(per_second[second] for second in range(38, 48)) / 10
    assert per_second[0] < plateau / 3
    assert per_second[98] < plateau / 3
    assert max(per_second.values()) > 2 * plateau


def test_refunds_come_to_what_the_contract_says(thousand: Peak) -> None:
    """Where nothing is twisted, the goods refunds of a closed return add up to its expected amount, to the penny."""
    looked_at = 0
    for story in thousand.stories:
        snapshots = [told.data for told in story.told if told.source == "reveni"]
        data = snapshots[-1]
        goods = [one for one in data["refunds"] if one["kind"] == "goods" and one["state"] != "failed"]
        total = sum((Decimal(one["amount"]) for one in goods), Decimal(0))
        if story.plot.name in ("amount-more", "amount-less", "paid-then-failed"):
            continue
        if data["lines"] and data["state"] != "cancelled":
            assert total == max(rule.expected(data, story.order), Decimal(0)), story.plot.name
            looked_at += 1
    assert looked_at > 500


def test_the_product_counts_the_same_amounts(thousand: Peak) -> None:
    """Two readings of the money rule, one in decimals and one in minor units, agree on every snapshot told."""
    for story in thousand.stories:
        sold = {
            line.order_line_id: Bundle(
                tuple(
                    BundlePart(
                        part.sku,
                        part.quantity,
                        to_minor(text(part.list_price, story.order.currency), story.order.currency),
                    )
                    for part in line.components
                ),
                name=line.order_line_id,
            )
            for line in story.order.lines
        }
        for told in story.told:
            if told.source != "reveni":
                continue
            ret = parse_return(told.data)
            assert ret.money_fault is None
            assert not any(refund.fault for refund in ret.refunds)
            ours = to_minor(text(rule.expected(told.data, story.order), ret.currency), ret.currency)
            bundles = {line.line_id: sold[line.order_line_id] for line in ret.lines if line.order_line_id in sold}
            assert product_expected(components(ret, bundles)) == ours


def test_intake_finds_the_order_where_the_generator_says(thousand: Peak) -> None:
    """The order key of each delivery is the one in the list; the bodies called nameless have none."""
    for one in thousand.deliveries:
        key = read_envelope(one.body).order_key
        if one.note in ("huge-number", "huge-integer"):
            continue  # whether such a number can be read at all is the reader's choice
        if one.sort == "poison":
            assert (key is None) is ("nameless" in one.tags), one.note
        else:
            assert key == one.order_id


def test_nothing_comes_back_that_was_not_sold(thousand: Peak) -> None:
    """Outside the twists, returned units stay within the order's, and inspected units within the returned."""
    back: Counter[tuple[str, str]] = Counter()
    for story in thousand.stories:
        if story.plot.name in ("line-not-bought", "over-return"):
            continue
        data = next(told.data for told in story.told if told.source == "reveni")
        for line in data["lines"]:
            if not line.get("component_sku"):
                back[story.order.order_id, line["order_line_id"]] += line["quantity"]
    sold = {
        (order.order_id, line.order_line_id): line.quantity for order in thousand.world.orders for line in order.lines
    }
    assert back
    assert all(units <= sold[key] for key, units in back.items())


def test_the_fold_of_the_deliveries_is_the_story(thousand: Peak) -> None:
    """Whatever the order of sending, the newest version of each return and inspection stands."""
    sure, most = truth.begun(thousand.deliveries, answered(thousand.deliveries))
    assert sure == most
    for story in thousand.stories:
        newest = max((told for told in story.told if told.source == "reveni"), key=lambda told: told.version)
        body = json.dumps({"type": "return.updated", "data": newest.data}).encode()
        assert sure.returns[story.return_id] == reading.event(body)["data"]
    failed = [refund for refund in sure.refunds.values() if refund.failed]
    assert failed
    assert {"paid-then-failed"} == {tag for refund in failed for tag in _tags(thousand, refund.return_id)}


def _tags(peak: Peak, return_id: str) -> set[str]:
    return {tag for tag in peak.expected.tags[return_id] if tag in plots.PLOTS}


def test_the_money_rule_by_hand() -> None:
    """The contract's own example, and the cases around it, worked out on paper."""
    data = contract_example()
    assert rule.expected(data) == Decimal("37.05")
    line = data["lines"][0]
    data["mode"] = "standard"
    assert rule.expected(data) == 0  # nothing counts yet, so that no fee is taken
    line["verdict"] = "accepted"
    assert rule.expected(data) == Decimal("37.05")
    line.update(quantity=3, line_total="100.00", unit_price="33.33")
    assert rule.expected(data) == Decimal("97.05")
    line["accepted_quantity"] = 2
    assert rule.expected(data) == Decimal("63.72")  # 66.67 less the fee
    del line["line_total"]
    data["replacements"] = [{"replaces_line_id": "l1", "sku": "TEE-RED-L", "quantity": 1, "unit_price": "30.00"}]
    line["request"] = "exchange"
    assert rule.expected(data) == Decimal("0.38")  # one of the two counted is replaced: 3.33 less 2.95


def test_a_part_that_is_in_a_bundle_twice() -> None:
    """29.99 over a top (10.00) and two towels (5.00 each) is 15.00 and 14.99; one of the towels is 7.49, both 14.99."""
    parts = (Component("TOP", 1, Decimal("10.00")), Component("TOWEL", 2, Decimal("5.00")))
    bundle = OrderLine("ol1", "SET", 1, Decimal("29.99"), "GB-STD", parts)
    order = replace(world.build(1, 1).orders[0], currency="GBP", lines=(bundle,))
    line = {"order_line_id": "ol1", "sku": "SET", "component_sku": "TOWEL", "quantity": 2, "unit_price": "29.99"}
    worth = [rule.value({"currency": "GBP"}, line, units, order) for units in (1, 2)]
    assert worth == [Decimal("7.49"), Decimal("14.99")]


def test_arithmetic_of_amounts() -> None:
    """Digits by currency, tax inside half up, and shares that lose nothing."""
    assert [text(Decimal("12.5"), code) for code in ("GBP", "JPY", "KWD")] == ["12.50", "13", "12.500"]
    assert tax_inside(Decimal("40.00"), Decimal(20), "GBP") == Decimal("6.67")
    parts = shares(Decimal("10.00"), [Decimal(1), Decimal(1), Decimal(1)], "GBP")
    assert parts == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]


def test_a_small_world_can_be_told() -> None:
    """A handful of orders makes stories too; one order is enough for a world."""
    for orders in (1, 2, 7):
        telling.tell(world.build(1, orders))
    assert telling.tell(world.build(1, 7))
