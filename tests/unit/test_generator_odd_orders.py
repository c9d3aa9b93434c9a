"""Odd orders are what their names say, the simulated NetSuite has them at what was paid, and the check knows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from adapters.generator import catalogue, truth, world
from adapters.generator.chances import PEAK, Chances
from adapters.generator.odd_orders import NO_LINE_IDS, ODD
from adapters.generator.orders import Order
from adapters.generator.run import Peak, make
from adapters.netsuite.simulator.errors import NetSuiteError
from adapters.netsuite.simulator.service import ROOT, Ask, prepared
from adapters.simulators.exchange import Request
from adapters.simulators.front import Twist
from tests.unit.honest_ledger import SECRETS, Run, at, entry, honest_about
from tests.unit.simulated_netsuite import Account

SEED, ORDERS = 12, 80
EVERY = (*ODD, NO_LINE_IDS)


def odd(name: str) -> Chances:
    return replace(PEAK, odd={name: 1.0})


@cache
def told(name: str) -> Peak:
    return make(SEED, ORDERS, 60, SECRETS, chances=odd(name))


def orders(name: str) -> Iterator[Order]:
    found = [order for order in told(name).world.orders if name in order.odd]
    assert len(found) > 15, name
    yield from found


def test_a_new_oddity_leaves_the_other_orders_alone() -> None:
    """It has dice of its own: an order that it does not fit is as it would be without."""
    plain = {order.order_id: order for order in world.build(SEED, ORDERS).orders}
    others = [order for order in world.build(SEED, ORDERS, odd("discount")).orders if not order.odd]
    assert others
    assert all(order == plain[order.order_id] for order in others)


@pytest.mark.parametrize("name", EVERY)
def test_the_account_has_each_order_at_what_was_paid_for_it(name: str) -> None:
    """Discounts, handling, services and kits add up in the simulated NetSuite as they do here."""
    account = Account(*(order.seed() for order in orders(name)))
    shown = {record.fields["otherRefNum"]: record.to_pay for record in account.books.all("salesOrder")}
    paid = {order.order_id: order.paid for order in orders(name) if order.status != "archived"}
    assert {order_id: shown[order_id] for order_id in paid} == paid


def test_one_sku_stands_on_two_lines() -> None:
    """At one price, or at two."""
    for name, prices in (("one-sku-twice", 1), ("one-sku-at-two-prices", 2)):
        for order in orders(name):
            sku, times = Counter(line.sku for line in order.lines).most_common(1)[0]
            assert times == 2
            assert len({line.unit_price for line in order.lines if line.sku == sku}) == prices


def test_a_part_of_a_bundle_is_bought_alone_as_well() -> None:
    """The same SKU is a line's own, and a part of another line."""
    for order in orders("part-bought-alone"):
        parts = {part.sku for line in order.lines for part in line.components}
        assert parts & {line.sku for line in order.lines if not line.components}


def test_two_kits_are_of_two_kinds_of_one_kind_or_two_on_a_line() -> None:
    """All three manners come."""
    manners = set()
    for order in orders("two-kits"):
        kits = [line for line in order.lines if line.components]
        assert sum(line.quantity for line in kits) == 2
        manners.add((len(kits), len({line.sku for line in kits})))
    assert manners == {(2, 2), (2, 1), (1, 1)}


def test_discounts_come_off_what_the_lines_are_sold_for() -> None:
    """In the header or in rows; each covered line was listed for more than was paid."""
    for name in ("discount", "discount-rows"):
        covered = Counter[bool]()
        for order in orders(name):
            off = order.discount + sum(row.amount for row in order.discount_rows)
            assert off > 0
            assert sum(line.shown - line.value for line in order.lines) == off
            covered[all(line.listed for line in order.lines)] += 1
        assert covered[True]
        assert name == "discount" or covered[False]


def test_services_are_returned_without_a_parcel() -> None:
    """They are asked back now and then, never exchanged, and no warehouse ever sees them."""
    asked = [
        line
        for story in told("service").stories
        for line in story.told[0].data["lines"]
        if line["sku"] in catalogue.SERVICES
    ]
    assert len(asked) > 5
    assert {line["request"] for line in asked} == {"return"}
    inspected = {
        line["sku"]
        for story in told("service").stories
        for one in story.told
        if one.source == "warehouse"
        for line in one.data["lines"]
    }
    assert not inspected & set(catalogue.SERVICES)


def test_several_invoices_bill_all_lines_once() -> None:
    """Each line on one of them, and what is open comes to the lines that are billed."""
    for order in orders("several-invoices"):
        billed = [name for names in order.invoices for name in names]
        assert len(order.invoices) == 2
        assert sorted(billed) == sorted(line.order_line_id for line in order.lines)


def test_what_came_back_before_is_held_in_the_account() -> None:
    """An authorisation without a reference, of one unit; most shoppers send back no more than is left."""
    account = Account(*(order.seed() for order in orders("returned-before")))
    held = account.records("returnAuthorization")
    assert len(held) == len(list(orders("returned-before")))
    assert all("externalId" not in record.fields for record in held)
    assert {sum(line.quantity for line in record.lines) for record in held} == {1}
    assert not account.ledger.shown
    known = Counter(order.before_is_known for order in orders("returned-before"))
    assert known[True] > known[False] > 0


def test_authorising_what_came_back_before_is_found() -> None:
    """Units that somebody else took back are no longer there to come back."""
    run = honest_about(told("returned-before"))
    assert "authorised-more-than-sold" not in run.verdict().tally()
    order = next(orders("returned-before"))
    (line_id, _), sold = order.returned_before[0], {line.order_line_id: line for line in order.lines}
    line = {"sku": sold[line_id].sku, "quantity": sold[line_id].quantity}
    run.book("return_authorisation", order.order_id, at(130), lines=[line], status="open")
    assert "authorised-more-than-sold" in run.verdict().tally()


@pytest.mark.parametrize(
    ("known", "units", "found"),
    [("first", 1, True), ("late", 1, False), ("never", 1, False), ("late", 2, True)],
    ids=["its first version came first", "it came late", "it never came", "there are more units"],
)
def test_what_came_back_before_may_stand_for_a_return_that_may_be_as_old(known: str, units: int, found: bool) -> None:
    """L01: of just its units, where its first version came late or never. Else its own authorisation is missing, and
    what came in with it is too much."""
    run = honest_about(told("returned-before"))
    made, return_id = _the_only_return_of_all_that_was_sold(run)
    run.ledger.remove(made)
    expected, order_id = run.peak.expected, made["order_id"]
    sold = replace(expected.orders[order_id], before={made["lines"][0]["sku"]: units})
    run.peak = replace(run.peak, expected=replace(expected, orders={**expected.orders, order_id: sold}))
    first = {one.seq for one in run.sent if one.return_id == return_id and one.sort == "reveni" and one.version <= 1}
    if known == "never":
        run.answers = [one for one in run.answers if one.seq not in first]
    elif known == "late":
        run.answers = [replace(one, at=at(119)) if one.seq in first else one for one in run.answers]
    wrong = {"authorisation-missing", "received-more-than-sold"}
    assert wrong & run.verdict().tally().keys() == (wrong if found else set())


def _the_only_return_of_all_that_was_sold(run: Run) -> tuple[dict[str, Any], str]:
    """Its authorisation, of one unit, which came in; and its name."""
    returns = truth.begun(run.sent, run.answers)[0].returns
    of = Counter(str(data["order_id"]) for data in returns.values())
    received = {one["order_id"] for one in run.of_kind("item_receipt")}
    for made in run.of_kind("return_authorisation"):
        order_id, units = made["order_id"], {line["sku"]: line["quantity"] for line in made["lines"]}
        if of[order_id] == 1 and order_id in received and units == run.peak.expected.orders[order_id].units:
            name = next(name for name, data in returns.items() if str(data["order_id"]) == order_id)
            if sum(units.values()) == 1:
                return made, name
    raise AssertionError("no such return")


def test_an_account_without_line_ids_is_seeded_without_them() -> None:
    """Reveni goes on naming them."""
    order = next(orders(NO_LINE_IDS))
    assert {line["order_line_id"] for line in order.seed()["lines"]} == {""}
    stories = [story for story in told(NO_LINE_IDS).stories if NO_LINE_IDS in story.order.odd]
    assert {line["order_line_id"][:2] for story in stories for line in story.told[0].data["lines"]} == {"ol"}


@pytest.mark.parametrize("name", EVERY)
def test_a_flawless_run_of_each_passes(name: str) -> None:
    """Whatever was sold oddly, an honest ledger is in order, and every exception of it is called for."""
    verdict = honest_about(told(name)).verdict()
    assert verdict.violations == []
    assert verdict.unexplained == []


def _asked_for(run: Run, skus: Any) -> Iterator[tuple[str, str]]:
    for story in run.peak.stories:
        for line in story.told[0].data["lines"]:
            if line["sku"] in skus and story.order.status != "archived":
                yield story.order_id, line["sku"]


def test_a_service_that_is_received_is_found() -> None:
    """Nobody can have inspected it."""
    run = honest_about(told("service"))
    order_id, sku = next(_asked_for(run, catalogue.SERVICES))
    run.book("item_receipt", order_id, at(130), lines=[{"sku": sku, "quantity": 1}], location="102")
    assert "received-more-than-inspected" in run.verdict().tally()


@pytest.mark.parametrize("name", ["discount", "discount-rows"])
def test_a_discount_that_is_credited_is_found(name: str) -> None:
    """The prices of the list are not what was paid."""
    run = honest_about(told(name))
    credited = Counter(note["order_id"] for note in run.of_kind("credit_note"))
    sold = {order.order_id: order for order in run.peak.world.orders}
    note = next(note for note in run.of_kind("credit_note") if credited[note["order_id"]] == 1)
    note["amount"] = str(sum(line.shown for line in sold[note["order_id"]].lines) + 50)
    assert {"credited-more-than-paid", "credited-more-than-refunded"} <= set(run.verdict().tally())


# -- applications


def _split(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two applications of an order whose one note goes to both of its invoices."""
    by_order: dict[str, list[dict[str, Any]]] = {}
    for applied in run.of_kind("credit_application"):
        by_order.setdefault(applied["order_id"], []).append(applied)
    notes = Counter(note["order_id"] for note in run.of_kind("credit_note"))
    first, second = next(two for name, two in by_order.items() if len(two) == 2 and notes[name] == 1)
    return first, second


def forget_one(run: Run) -> None:
    run.ledger.remove(_split(run)[1])


def apply_the_other_way_round(run: Run) -> None:
    first, second = _split(run)
    both = Decimal(first["amount"]) + Decimal(second["amount"])
    first["amount"] = str(min(both, Decimal(first["amount"])) - 1)
    second["amount"] = str(both - Decimal(first["amount"]))


def apply_more_than_is_open(run: Run) -> None:
    first, second = _split(run)
    first["amount"] = str(Decimal(first["amount"]) + Decimal(second["amount"]))
    run.ledger.remove(second)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (forget_one, "open-invoice-forgotten"),
        (apply_the_other_way_round, "applied-elsewhere"),
        (apply_more_than_is_open, "applied-more-than-open"),
    ],
)
def test_a_wrong_application_is_found(spoil: Callable[[Run], None], found: str) -> None:
    """Of two open invoices both get what is theirs, and none gets more than is open."""
    run = honest_about(make(SEED, ORDERS, 60, SECRETS, chances=replace(odd("several-invoices"), settled=0.0)))
    spoil(run)
    assert found in run.verdict().tally()


@pytest.mark.parametrize(
    ("about", "is_told"),
    [
        ({"step": "order", "return_id": None}, True),
        ({"step": "order"}, False),
        ({"step": "order", "return_id": None, "refund_id": "rf1"}, False),
        ({"step": "order", "return_id": None, "reason": ""}, False),
        ({"step": "sequence", "return_id": None}, False),
    ],
)
def test_an_order_that_stands_still_says_why_its_invoice_is_still_open(about: dict[str, Any], is_told: bool) -> None:
    """What is about the whole order, and says why; not what is about one return or refund of it (seed 2341)."""
    run = honest_about(make(SEED, ORDERS, 60, SECRETS, chances=replace(odd("several-invoices"), settled=0.0)))
    order_id = _split(run)[1]["order_id"]
    forget_one(run)
    run.exceptions.append({**entry(order_id, "r1", "order", "unreadable"), **about})
    found = {one.order_id for one in run.verdict().violations if one.name == "open-invoice-forgotten"}
    assert found == (set() if is_told else {order_id})


# -- an account without custom fields


def asked(account: Account, method: str, path: str, body: bytes = b"") -> Any:
    """What the account answers; raises `NetSuiteError` where it refuses the body as it stands."""
    request = Request(method, "", ROOT + path, ROOT + path, {"expandSubResources": "true"}, {}, body)
    tenant = next(iter(account.system.service.tenants.values()))
    return prepared(Ask(request, tenant))(Twist())


def test_an_account_without_custom_fields_shows_none_and_knows_none() -> None:
    """An order is shown without our columns, and a write that names one is refused."""
    account = Account(next(orders("two-kits")).seed())
    number = account.records("salesOrder")[0].id
    assert b"custcol_" in asked(account, "GET", f"/record/v1/salesOrder/{number}").body
    account.system.change("ns", {"custom_fields": False})
    shown = asked(account, "GET", f"/record/v1/salesOrder/{number}").body
    assert b"custcol_" not in shown
    assert b"kitMemberOf" in shown
    body = b'{"item":{"items":[{"line":1,"custcol_return_reason":"1"}]}}'
    with pytest.raises(NetSuiteError, match="custcol_return_reason"):
        asked(account, "PATCH", f"/record/v1/salesOrder/{number}", body)
