"""Every open exception is called for by something that was planned, or it is shown as called for by nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.generator import causes
from adapters.generator.catalogue import Component
from adapters.generator.causes import Call, Cause
from adapters.generator.chances import PEAK, troubled
from adapters.generator.deliveries import Delivery, habits_of
from adapters.generator.explained import HOSTILE, Explained
from adapters.generator.orders import Order, OrderLine
from adapters.generator.plots import PLAIN, PLOTS
from adapters.generator.run import make
from adapters.generator.story import BASE, Story, Told
from tests.unit.honest_ledger import SECRETS

ORDER = Order(
    order_id="5001",
    order_number="#1001",
    status="fulfilled",
    currency="GBP",
    location="WH-LON",
    customer={"id": "c-1"},
    shipping=Decimal("4.95"),
    lines=(OrderLine("ol1", "TEE-RED-M", 2, Decimal("40.00"), "GB-STD"),),
    invoice_settled=True,
)


def returned(return_id: str = "r1", **fields: Any) -> Told:
    """A snapshot: one tee of two comes back, and 40.00 were paid for it."""
    line = {"line_id": "l1", "order_line_id": "ol1", "sku": "TEE-RED-M", "quantity": 1, "unit_price": "40.00"}
    data = {
        "return_id": return_id,
        "order_id": "5001",
        "version": 1,
        "updated_at": "2026-11-27T10:00:00Z",
        "mode": "instant",
        "state": "accepted",
        "currency": "GBP",
        "lines": [{**line, "request": "return", "verdict": "accepted"}],
        "replacements": [],
        "fees": [],
        "bonuses": [],
        "shipping_refund": "0.00",
        "refunds": [refund(f"rf-{return_id}", "40.00")],
        **fields,
    }
    return Told("reveni", data["version"], BASE, data)


def refund(refund_id: str, amount: str, state: str = "paid", kind: str = "goods") -> dict[str, Any]:
    return {"refund_id": refund_id, "kind": kind, "currency": "GBP", "amount": amount, "state": state}


def inspected(*dispositions: str, return_id: str = "r1", version: int = 1) -> Told:
    lines = [{"line_id": "l1", "sku": "TEE-RED-M", "quantity": 1, "disposition": one} for one in dispositions]
    body = {"inspection_id": "ins-1", "version": version, "order_id": "5001", "return_id": return_id}
    return Told("warehouse", version, BASE + timedelta(hours=version), {**body, "location": "WH-LON", "lines": lines})


def words(*told: Told, tags: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    """What the causes are called, with the return of each."""
    stories: dict[str, Story] = {}
    for one in told:
        story = stories.setdefault(one.data["return_id"], Story(ORDER, one.data["return_id"], PLAIN, set(tags)))
        story.told.append(one)
    return {(cause.why, cause.return_id) for cause in causes.of([ORDER], stories.values())}


def test_an_ordinary_return_calls_for_nobody() -> None:
    """A return that was paid and found as it was said is no exception."""
    assert words(returned(), inspected("sellable")) == set()
    assert words(returned(), inspected("damaged")) == set()


def rejected(**fields: Any) -> Told:
    told = returned()
    return replace(told, data={**told.data, "lines": [{**told.data["lines"][0], **fields}]})


@pytest.mark.parametrize(
    ("line", "found", "asked"),
    [
        ({"verdict": "rejected"}, ["sellable"], True),
        ({"verdict": "rejected"}, ["damaged"], False),
        ({"quantity": 2, "accepted_quantity": 1}, ["sellable", "damaged"], False),
        ({"quantity": 2, "accepted_quantity": 1}, ["sellable", "sellable"], True),
        ({"quantity": 2, "accepted_quantity": 1}, ["damaged", "damaged"], False),
    ],
)
def test_only_rejected_and_sellable_goods_are_one_for_cx(line: dict[str, Any], found: list[str], asked: bool) -> None:
    """CONTRACTS 3: damaged ones go where they belong, and the accepted units are the best found ones."""
    double = {"refunds": [refund("rf-r1", "80.00")]} if line.get("quantity") == 2 else {}
    told = rejected(**line)
    told = replace(told, data={**told.data, **double})
    assert words(told, inspected(*found)) == ({("rejected-but-sellable", "r1")} if asked else set())


@pytest.mark.parametrize(
    ("line", "found", "why"),
    [
        ({}, "sellable", {"rejected-but-sellable"}),
        ({"restock": False}, "sellable", {"found-of-a-return-that-is-off"}),
        ({}, "damaged", {"found-of-a-return-that-is-off"}),
        ({}, "destroyed", {"found-of-a-return-that-is-off"}),
        ({"restock": False}, "missing", set()),
    ],
)
def test_goods_of_a_rejected_return_that_are_not_for_sale_are_booked_by_hand(
    line: dict[str, Any], found: str, why: set[str]
) -> None:
    """CONTRACTS 3: restock=false wins over sellable, so that nobody in CX is asked; the authorisation is closed."""
    told = rejected(verdict="rejected", **line)
    told = replace(told, data={**told.data, "state": "rejected"})
    assert words(told, inspected(found)) == {(one, "r1") for one in why}


SET = (Component("TOP", 1, Decimal("30.00")), Component("BOTTOM", 1, Decimal("20.00")))
PAIR = (Component("TOP", 1, Decimal("30.00")), Component("TOP", 1, Decimal("30.00")))


@pytest.mark.parametrize(
    ("status", "parts", "part", "steps"),
    [
        ("fulfilled", SET, "TOP", {"credit_note"}),
        ("closed", SET, "TOP", {"credit_note", "return_authorisation"}),
        ("closed", SET, None, set()),
        ("closed", PAIR, "TOP", set()),
    ],
)
def test_where_no_list_prices_are_kept_a_part_of_a_bundle_is_one_for_ecommerce(
    status: str, parts: tuple[Component, ...], part: str | None, steps: set[str]
) -> None:
    """Whatever has to say what the part was sold for; an authorisation says so only where the order is closed."""
    bundle = OrderLine("ol1", "SET-1", 1, Decimal("40.00"), "GB-STD", parts)
    told = returned(lines=[returned().data["lines"][0] | {"sku": "SET-1", **({"component_sku": part} if part else {})}])
    story = Story(replace(ORDER, status=status, lines=(bundle,)), "r1", PLAIN, told=[told])
    found = [call for cause in causes.without_list_prices([story]) for call in cause.calls]
    assert {call.step for call in found} == steps
    assert {(call.kind, call.owner) for call in found} <= {("unmapped", "ecommerce")}


def test_a_refund_without_lines_of_an_archived_order_is_one_for_operations() -> None:
    """The order cannot be found for it either, and that has to be open at the end."""
    chances = replace(PEAK, statuses={"archived": 1.0}, returned=1.0)
    peak = make(5, 40, 30, SECRETS, chances=chances)
    bare = [one for one in peak.stories if not any(told.data["lines"] for told in one.told)]
    assert bare
    for story in bare:
        entry = row(order_id=story.order_id, return_id=story.return_id, kind="not-found", owner="operations")
        assert Explained(peak.expected.causes, (), ()).all([entry]) == ["order-archived"]
        assert any(demand.return_id == story.return_id for demand in peak.expected.demands)


def test_the_last_look_at_the_goods_counts() -> None:
    """A correction to damaged leaves nothing to ask about."""
    assert words(rejected(verdict="rejected"), inspected("sellable"), inspected("damaged", version=2)) == set()


def test_refunds_that_are_not_what_the_lines_come_to() -> None:
    """More or less than the components, beyond one minor unit for each line."""
    assert words(returned(refunds=[refund("a", "45.00")])) == {("another-amount-refunded", "r1")}
    assert words(returned(refunds=[refund("a", "35.00")])) == {("another-amount-refunded", "r1")}
    assert words(returned(refunds=[refund("a", "40.01")])) == set()


def test_goodwill_and_bonuses_come_on_top_of_what_was_paid_and_adjustments_do_not() -> None:
    """The order was paid with 84.95: two tees and the shipping."""
    whole = {"quantity": 2}
    line = {**returned().data["lines"][0], **whole}
    refunds = [refund("a", "80.00"), refund("b", "4.95", kind="adjustment")]
    assert words(returned(lines=[line], refunds=refunds)) == set()
    refunds.append(refund("c", "1.00", kind="goodwill"))
    assert words(returned(lines=[line], refunds=refunds)) == set()
    refunds.append(refund("d", "0.01", kind="adjustment"))
    assert words(returned(lines=[line], refunds=refunds)) == {("refunded-more-than-paid", "")}


def test_more_shipping_than_was_sold() -> None:
    """4.95 was sold: once, or in parts, over all returns of the order."""
    part = {"shipping_refund": "2.00", "refunds": [refund("a", "42.00")]}
    rest = {"shipping_refund": "2.95", "refunds": [refund("b", "42.95")]}
    more = {"shipping_refund": "2.96", "refunds": [refund("b", "42.96")]}
    assert words(returned(**part), returned("r2", **rest)) == set()
    found = words(returned(**part), returned("r2", **more))
    assert ("more-shipping-than-sold", "") in found


def test_units_that_came_back_before_are_not_there_any_more() -> None:
    """Of two tees somebody took one back: one more may come, two may not."""
    taken = replace(ORDER, returned_before=(("ol1", 1),))
    for units, asked in ((1, set()), (2, {"came-back-before"})):
        line = {**returned().data["lines"][0], "quantity": units}
        told = returned(lines=[line], refunds=[refund("a", f"{40 * units}.00")])
        story = Story(taken, "r1", PLAIN, told=[told])
        assert {cause.why for cause in causes.of([taken], [story])} == asked


def test_the_same_asked_for_twice() -> None:
    """R11: two returns of equal lines and amount; not two refunds of one return, not another amount."""
    assert words(returned(), returned("r2")) == {("asked-for-twice", "")}
    assert words(returned(), returned("r2", refunds=[refund("b", "39.99")])) == set()


def test_a_refund_that_failed_is_taken_back_by_a_person() -> None:
    """It was paid in one version, and a newer one says failed."""
    later = returned(version=2, refunds=[refund("rf-r1", "40.00", "failed")])
    assert words(returned(), later) == {("refund-failed", "r1")}


def test_a_return_that_comes_to_less_than_nothing() -> None:
    """A replacement dearer than what comes back."""
    line = {**returned().data["lines"][0], "request": "exchange"}
    dearer = {"replaces_line_id": "l1", "sku": "TEE-RED-L", "quantity": 1, "unit_price": "50.00"}
    told = returned(lines=[line], replacements=[dearer], refunds=[])
    assert words(told) == {("comes-to-less-than-nothing", "r1")}


def row(**fields: Any) -> dict[str, Any]:
    """A row of `exceptions --json`."""
    shown = {"order_id": "5001", "return_id": "r1", "step": "credit_note", "kind": "mismatch", "owner": "finance"}
    return {**shown, **fields}


@pytest.mark.parametrize(
    "other",
    [{"order_id": "5002"}, {"return_id": "r2"}, {"step": "item_receipt"}, {"kind": "refused"}, {"owner": "cx"}],
)
def test_a_cause_explains_its_own_exception_only(other: dict[str, Any]) -> None:
    """Order, return, step, kind and owner all have to be right: no blanket."""
    cause = Cause("5001", "r1", "why", [Call("mismatch", "finance", "credit_note")])
    assert Explained([cause], (), ()).all([row(), row(**other)]) == ["why", ""]


def test_an_injected_fault_explains_what_it_can_cause_and_nothing_else() -> None:
    """A refusal explains the refusal of the document that met it; a throttle or a cut call explains nothing."""
    refused = {"order_id": "5001", "kind": "credit_note", "fault": "refuse"}
    cut = {"order_id": "5003", "kind": "credit_note", "fault": "reset-after-apply"}
    explained = Explained((), (), (refused, cut)).all(
        [
            row(kind="refused"),
            row(kind="refused", step="item_receipt"),
            row(kind="refused", order_id="5002"),
            row(kind="mismatch"),
            row(kind="refused", order_id="5003"),
        ]
    )
    assert explained == ["injected fault (refuse)", "", "", "", ""]


def test_a_hostile_message_explains_its_own_letters() -> None:
    """Those that name the order in its body; of those without an order as many as bodies were sent."""
    hostile = Delivery(1, 0.0, "/", b'{"data":{"order_id":"poison-order-1"}}', "", "poison")
    letter = row(order_id=None, return_id=None, step="decode", kind="invalid", owner="engineering")
    about, other = {**letter, "order_id": "poison-order-1"}, {**letter, "order_id": "poison-order-2"}
    assert Explained((), (hostile,), ()).all([letter, about, other, letter.copy()]) == [HOSTILE, HOSTILE, "", ""]
    genuine = replace(hostile, sort="reveni")
    assert Explained((), (genuine,), ()).all([letter, about]) == ["", ""]


@pytest.mark.parametrize("percent", [5, 25])
def test_about_so_many_percent_of_the_returns_need_a_person(percent: int) -> None:
    """The demo's `--trouble`, over 1,200 orders of three seeds."""
    troubles = returns = 0
    for seed in (1, 2, 3):
        peak = make(seed, 400, 30, SECRETS, habits=habits_of(percent), chances=troubled(percent))
        troubles += len({cause.return_id or cause.order_id for cause in peak.expected.causes})
        returns += len(peak.stories)
    assert 0.75 * percent <= 100 * troubles / returns <= 1.25 * percent


def test_a_quiet_day_is_less_hostile_too() -> None:
    """A handful of hostile bodies by default; from 20 percent on each kind once at least."""
    sorts = {
        percent: sum(one.sort == "poison" for one in make(1, 200, 30, SECRETS, habits=habits_of(percent)).deliveries)
        for percent in (5, 20)
    }
    assert 1 <= sorts[5] <= 4
    assert sorts[20] >= 40


def test_each_plot_that_demands_an_exception_names_it_as_a_cause() -> None:
    """What has to be open at the end is explained by what was planned."""
    peak = make(11, 200, 30, SECRETS)
    for demand in peak.expected.demands:
        causes_of_it = [one for one in peak.expected.causes if one.return_id in (demand.return_id, "")]
        kinds = {call.kind for cause in causes_of_it for call in cause.calls if cause.order_id == demand.order_id}
        assert kinds & set(demand.kinds), demand
    assert {demand.why for demand in peak.expected.demands} >= {name for name, plot in PLOTS.items() if plot.exceptions}
