"""What in the stories calls for a person, by the words of CONTRACTS and of the demo's profile.

It is worked out from the stories before anything is sent. An open exception that no cause explains, and no injected
fault, is a fault of the system: of what it does, or of what it bothers people with.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.generator import reading, rule
from adapters.generator.amounts import ZERO, smallest
from adapters.generator.orders import Order
from adapters.generator.story import Story
from adapters.generator.truth import Found, PaidRefund, Truth, fold

MONEY, AUTHORISATION, RECEIPT = "credit_note", "return_authorisation", "item_receipt"


@dataclass(frozen=True, slots=True)
class Call:
    """An exception that a person may see for a cause."""

    kind: str
    owner: str
    step: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Something in a story that a person has to see to; empty `return_id`: any return of the order."""

    order_id: str
    return_id: str
    why: str
    calls: list[Call]

    def explains(self, entry: Mapping[str, Any]) -> bool:
        """Whether an open exception (a row of `exceptions --json`) may come of it."""
        return (
            str(entry.get("order_id") or "") == self.order_id
            and (not self.return_id or entry.get("return_id") in (None, "", self.return_id))
            and any(
                (entry.get("kind"), entry.get("owner"), entry.get("step")) == (call.kind, call.owner, call.step)
                for call in self.calls
            )
        )


_TOO_MUCH = Call("mismatch", "finance", MONEY)
# What each plot calls for besides what the rules below find in its figures.
_PLOTS: Mapping[str, tuple[Call, ...]] = {
    "line-not-bought": (Call("not-found", "operations", AUTHORISATION), _TOO_MUCH),
    "over-return": (Call("mismatch", "warehouse", AUTHORISATION), Call("mismatch", "warehouse", RECEIPT), _TOO_MUCH),
    "unmapped-tax": (Call("unmapped", "finance", MONEY), Call("unmapped", "finance", AUTHORISATION)),
    "unmapped-method": (Call("unmapped", "finance", MONEY),),
    "unknown-reason": (Call("unmapped", "cx", AUTHORISATION),),
    "unknown-disposition": (Call("unmapped", "warehouse", RECEIPT),),
    "wrong-item": (Call("mismatch", "warehouse", RECEIPT),),
    "over-inspected": (Call("mismatch", "warehouse", RECEIPT),),
    "sold-out-exchange": (Call("out-of-stock", "cx", "exchange_order"),),
    "order-not-found": (Call("not-found", "operations", AUTHORISATION),),
    "order-archived": (Call("not-found", "operations", AUTHORISATION), Call("not-found", "operations", MONEY)),
    "archived-item": (Call("unmapped", "ecommerce", AUTHORISATION), Call("unmapped", "ecommerce", MONEY)),
    "archived-item-among-several": (Call("unmapped", "ecommerce", AUTHORISATION), Call("unmapped", "ecommerce", MONEY)),
    "refund-forgotten": (_TOO_MUCH,),
}


def of(orders: Iterable[Order], stories: Iterable[Story]) -> list[Cause]:
    """Every cause there is in the stories, the planned ones first."""
    told = list(stories)
    sold = {order.order_id: order for order in orders}
    truth = fold(_events(told))
    found = [
        Cause(story.order_id, story.return_id, tag, list(_PLOTS[tag]))
        for story in told
        for tag in sorted(story.tags)
        if tag in _PLOTS
    ]
    found += _spoilt(truth)
    found += _failed(truth)
    found += _other_amounts(truth, sold)
    found += _more_than_paid(truth, sold)
    found += _shipping_twice(truth, sold)
    found += _came_back_before(truth, sold)
    found += _asked_for_twice(truth)
    found += _rejected_but_sellable(truth, sold)
    found += _nowhere_to_receive(truth)
    return found


def _events(stories: Iterable[Story]) -> Iterator[tuple[dict[str, Any], str]]:
    for story in stories:
        for told in story.told:
            kind = "return.updated" if told.source == "reveni" else "inspection.recorded"
            body = json.dumps({"type": kind, "recorded_at": told.at.isoformat(), "data": told.data}).encode()
            yield reading.event(body), told.at.isoformat()


def _spoilt(truth: Truth) -> Iterator[Cause]:
    """A refund that nobody may make a note of: Finance sees its amount, and that the others may come to less."""
    for refund in truth.spoilt:
        calls = [Call("invalid", "finance", MONEY), _TOO_MUCH]
        yield Cause(refund.order_id, refund.return_id, "refund-not-to-be-told", calls)


def _failed(truth: Truth) -> Iterator[Cause]:
    """A refund that failed once it had been paid: the note is taken back by a person, and what follows it waits."""
    for refund in truth.refunds.values():
        if refund.failed:
            calls = [Call("mismatch", "finance", "reversal"), _TOO_MUCH]
            yield Cause(refund.order_id, refund.return_id, "refund-failed", calls)


def _standing(truth: Truth) -> dict[str, list[PaidRefund]]:
    """Refunds that were paid and did not fail, by return."""
    found: dict[str, list[PaidRefund]] = defaultdict(list)
    for refund in truth.refunds.values():
        if not refund.failed:
            found[refund.return_id].append(refund)
    return found


def _other_amounts(truth: Truth, sold: Mapping[str, Order]) -> Iterator[Cause]:
    """Refunds of a return come to more than its lines, or to less once it is over; or it comes to less than nothing."""
    standing = _standing(truth)
    for return_id, data in truth.returns.items():
        order_id, order = str(data["order_id"]), sold.get(str(data["order_id"]))
        if order is None and any(line.get("component_sku") for line in data["lines"]):
            continue  # no order, no bundle: it is not found before it is counted
        expected = rule.expected(data, order)
        refunded = sum((one.amount for one in standing[return_id] if one.kind == "goods"), ZERO)
        counted = sum(rule.counted(data, line) > 0 for line in data["lines"])
        allowed = smallest(data["currency"]) * counted
        if expected < 0:
            yield Cause(order_id, return_id, "comes-to-less-than-nothing", [Call("mismatch", "cx", MONEY)])
        elif refunded and abs(refunded - expected) > allowed:
            yield Cause(order_id, return_id, "another-amount-refunded", [_TOO_MUCH])


def _more_than_paid(truth: Truth, sold: Mapping[str, Order]) -> Iterator[Cause]:
    """Refunds of an order come to more than was paid for it: goodwill and bonuses are given on top."""
    refunded: dict[str, Decimal] = defaultdict(Decimal)
    for refunds in _standing(truth).values():
        for one in refunds:
            if one.kind != "goodwill":
                refunded[one.order_id] += one.amount
    for data in truth.returns.values():
        refunded[str(data["order_id"])] -= sum((Decimal(bonus["amount"]) for bonus in data["bonuses"]), ZERO)
    for order_id, amount in refunded.items():
        if order_id in sold and amount > sold[order_id].paid:
            yield Cause(order_id, "", "refunded-more-than-paid", [_TOO_MUCH])


def _shipping_twice(truth: Truth, sold: Mapping[str, Order]) -> Iterator[Cause]:
    """More shipping comes back, over all returns of an order, than was sold with it."""
    back: dict[str, Decimal] = defaultdict(Decimal)
    for data in truth.returns.values():
        back[str(data["order_id"])] += Decimal(data["shipping_refund"])
    for order_id, amount in back.items():
        if order_id in sold and amount > sold[order_id].shipping:
            yield Cause(order_id, "", "more-shipping-than-sold", [_TOO_MUCH])


def _came_back_before(truth: Truth, sold: Mapping[str, Order]) -> Iterator[Cause]:
    """More units of a line are sent back than were left when somebody else had taken some back before."""
    back: dict[tuple[str, str], int] = defaultdict(int)
    for data in truth.returns.values():
        for line in data["lines"]:
            back[str(data["order_id"]), line["order_line_id"]] += int(line["quantity"])
    for order_id, order in sold.items():
        before = dict(order.returned_before)
        if any(
            back[order_id, line.order_line_id] > line.quantity - before[line.order_line_id]
            for line in order.lines
            if line.order_line_id in before
        ):
            calls = [Call("mismatch", "warehouse", AUTHORISATION), Call("mismatch", "warehouse", RECEIPT), _TOO_MUCH]
            yield Cause(order_id, "", "came-back-before", calls)


def _asked_for_twice(truth: Truth) -> Iterator[Cause]:
    """R11: two paid refunds of different returns with equal lines and amount."""
    alike: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for return_id, refunds in _standing(truth).items():
        data = truth.returns[return_id]
        lines = sorted((line["order_line_id"], line["sku"], line["quantity"]) for line in data["lines"])
        for one in refunds:
            if lines and one.kind == "goods":
                alike[one.order_id, str(lines), one.amount].add(return_id)
    for (order_id, *_), returns in alike.items():
        if len(returns) > 1:
            yield Cause(order_id, "", "asked-for-twice", [Call("duplicate", "finance", MONEY)])


def _rejected_but_sellable(truth: Truth, sold: Mapping[str, Order]) -> Iterator[Cause]:
    """More sellable units in the warehouse than Reveni accepted of a line: CX says what becomes of the rest."""
    good: dict[tuple[str, str, str], int] = defaultdict(int)
    for found in truth.found_finally():
        if found.disposition == "sellable":
            good[found.return_id, found.line_id, found.sku] += found.quantity
    for (return_id, line_id, sku), units in good.items():
        data, line = truth.returns.get(return_id), _line(truth, return_id, line_id)
        if data is None or line is None or line["verdict"] not in ("accepted", "rejected"):
            continue
        if line.get("restock") is False:
            continue  # it wins over sellable: they lie in quarantine, and nobody is asked
        rest = int(line["quantity"]) - int(line.get("rejected_quantity", 0))
        accepted = int(line.get("accepted_quantity", rest)) if line["verdict"] == "accepted" else 0
        if units > accepted * _in_one(line, sku, sold.get(str(data["order_id"]))):
            order_id = str(data["order_id"])
            yield Cause(order_id, return_id, "rejected-but-sellable", [Call("mismatch", "cx", RECEIPT)])


def _nowhere_to_receive(truth: Truth) -> Iterator[Cause]:
    """Goods, not for sale, of a return that is off: its authorisation is closed, the warehouse books them by hand."""
    off = {key for key, data in truth.returns.items() if data["state"] in ("rejected", "cancelled")}
    for return_id in sorted({found.return_id for found in truth.found_finally() if _not_for_sale(truth, found)} & off):
        order_id = str(truth.returns[return_id]["order_id"])
        yield Cause(order_id, return_id, "found-of-a-return-that-is-off", [Call("mismatch", "warehouse", RECEIPT)])


def _not_for_sale(truth: Truth, found: Found) -> bool:
    """Whether units that were found are to be received, but not for sale: `restock: false` wins over sellable."""
    if found.disposition != "sellable":
        return found.disposition in ("damaged", "faulty", "destroyed")
    line = _line(truth, found.return_id, found.line_id)
    return line is not None and line.get("restock") is False


def _line(truth: Truth, return_id: str, line_id: str) -> Mapping[str, Any] | None:
    """A line as the newest snapshot of its return has it."""
    lines = truth.returns[return_id]["lines"] if return_id in truth.returns else ()
    return next((line for line in lines if line["line_id"] == line_id), None)


def without_list_prices(stories: Iterable[Story]) -> Iterator[Cause]:
    """In an account that keeps no list prices nobody knows what a part of a bundle was sold for, unless the bundle has
    no other. A note has to say it, and so has an authorisation that does not come from the order: it is closed."""
    for story in stories:
        several = {row.order_line_id for row in story.order.lines if len({part.sku for part in row.components}) > 1}
        lines = [line for told in story.told if told.source == "reveni" for line in told.data["lines"]]
        if any(line.get("component_sku") and line["order_line_id"] in several for line in lines):
            calls = [Call("unmapped", "ecommerce", MONEY)]
            if story.order.status == "closed":
                calls.append(Call("unmapped", "ecommerce", AUTHORISATION))
            yield Cause(story.order_id, story.return_id, "part-without-list-price", calls)


def _in_one(line: Mapping[str, Any], sku: str, order: Order | None) -> int:
    """Units of a SKU in one of what a line counts: a whole bundle has its parts in it."""
    row = next((one for one in order.lines if one.order_line_id == line["order_line_id"]), None) if order else None
    if row is None or line.get("component_sku"):
        return 1
    return sum(part.quantity for part in row.components if part.sku == sku) or 1
