"""Refunds against credits: nothing lost, nothing twice, nothing wrong (I1, I2, I5).

A note carries no refund id: its external reference is opaque. So refunds and documents of one order and currency are
matched by amount: first one document to one refund; then what is left, several documents to one refund (a note and its
supplements); refunds that failed come last. Equal amounts are interchangeable, which changes no count: the order's net
position is the same whichever note belongs to which of two equal refunds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.generator.amounts import smallest
from adapters.generator.books import CREDITS, Books, Document
from adapters.generator.expected import Expected
from adapters.generator.names import Names
from adapters.generator.truth import PaidRefund, Truth
from adapters.generator.verdict import Open, Verdict

_NOTHING = Open([], [])
SHIPPING = "shipping"
"""What the simulated accounts call their shipping item."""
_MOST_PIECES = 4  # documents of one refund; beyond that it is no supplement


@dataclass(slots=True)
class _Group:
    """Everything about the money of one order in one currency."""

    refunds: list[PaidRefund]
    documents: list[Document]


def check(
    verdict: Verdict,
    expected: Expected,
    sure: Truth,
    most: Truth,
    books: Books,
    opened: Mapping[str, Open],
    names: Names | None = None,
) -> None:
    """Adds to the verdict what is wrong with the money."""
    credits = books.of_kind(*CREDITS)
    groups: dict[tuple[str, str], _Group] = {}
    for refund in most.refunds.values():
        groups.setdefault((refund.order_id, refund.currency), _Group([], [])).refunds.append(refund)
    for document in credits:
        if document.net < 0:
            verdict.add("I5", "reversed-twice", document.order_id, f"{document.number} comes to {document.net}")
        if document.net > 0:
            groups.setdefault((document.order_id, document.currency), _Group([], [])).documents.append(document)
    lost = doubled = 0
    for (order_id, _), group in sorted(groups.items()) if expected.time_zone else ():
        _dates(verdict, order_id, group, ZoneInfo(expected.time_zone))
    for (order_id, currency), group in sorted(groups.items()):
        missing, more = _one(verdict, sure, order_id, currency, group, opened.get(order_id, _NOTHING))
        lost += missing
        doubled += more
    _beyond_the_order(verdict, expected, most, groups, names or Names())
    _beyond_the_shipping(verdict, expected, most, groups, names or Names())
    _spoilt(verdict, expected, sure, opened)
    verdict.counts["refunds_paid"] = sum(not refund.failed for refund in sure.refunds.values())
    verdict.counts["credit_notes"] = len(credits)
    verdict.counts["credit_notes_doubled"] = doubled
    verdict.counts["refunds_lost"] = lost


def _one(verdict: Verdict, sure: Truth, order_id: str, currency: str, group: _Group, opened: Open) -> tuple[int, int]:
    """One order and currency; returns how many refunds are lost and how many credits are too many."""
    standing = [refund for refund in group.refunds if not refund.failed]
    # Of equal refunds, those that nothing else accounts for take the notes first: the others are held or waiting.
    standing.sort(key=lambda refund: opened.money(order_id, refund.return_id, refund.refund_id))
    failed = [refund for refund in group.refunds if refund.failed]
    matched, left = _match(sure, standing, group.documents)
    matched_failed, left = _match(sure, failed, left)
    lost = doubled = 0
    excused = False
    for refund in standing:
        if refund.refund_id in matched:
            continue
        excused = excused or opened.money(order_id, refund.return_id, refund.refund_id, exceptions_only=True)
        accepted = sure.refunds.get(refund.refund_id)
        if accepted is None or accepted.failed:
            continue  # never surely told, or told as failed by what was surely taken
        if not opened.money(order_id, refund.return_id, refund.refund_id):
            lost += 1
            what = f"refund {refund.refund_id} of {refund.amount} {currency} is in no ledger, exception or waiting list"
            verdict.add("I1", "refund-lost", order_id, what)
    for refund in failed:
        shown = opened.money(order_id, refund.return_id, refund.refund_id, exceptions_only=True)
        if refund.refund_id in matched_failed and not shown:
            what = f"refund {refund.refund_id} failed; its credit stands, unreversed and without an exception"
            verdict.add("R10", "failed-refund-credited", order_id, what, refund.refund_id)
    left = _without_grown(opened, [refund for refund in standing if refund.refund_id not in matched], left)
    amounts = {refund.amount for refund in group.refunds}
    for document in left:
        name = f"{document.kind} {document.number} of {document.net} {currency}"
        if document.net in amounts and not excused:
            doubled += 1
            verdict.add("I2", "credit-doubled", order_id, f"{name} is one more than the refunds of that amount")
        elif not excused:
            what = f"{name} belongs to no paid refund"
            verdict.add("I5", "credit-without-refund", order_id, what, document.external_ref)
    credited = sum((document.net for document in group.documents), Decimal(0))
    paid = sum((refund.amount for refund in group.refunds), Decimal(0))
    if credited > paid and not excused:
        verdict.add("I5", "credited-more-than-refunded", order_id, f"{credited} credited, {paid} refunded ({currency})")
    return lost, doubled


def _dates(verdict: Verdict, order_id: str, group: _Group, zone: ZoneInfo) -> None:
    """A note bears the day of its refund, in the merchant's time zone; of equal refunds, the day of one of them."""
    days: dict[Decimal, set[str]] = {}
    for refund in group.refunds:
        told = {datetime.fromisoformat(time).astimezone(zone).date().isoformat() for time in refund.executed_at}
        days[refund.amount] = days.get(refund.amount, set()) | (told or {""})
    for document in group.documents:
        allowed = days.get(document.amount, {""})
        if document.date and "" not in allowed and document.date not in allowed:
            what = f"{document.kind} {document.number} bears {document.date}, its refund {' or '.join(sorted(allowed))}"
            verdict.add("F01", "note-of-another-day", order_id, what, document.external_ref)


def _spoilt(verdict: Verdict, expected: Expected, sure: Truth, opened: Mapping[str, Open]) -> None:
    """A paid refund without a name or a readable time of its own is shown to Finance with its amount."""
    owed = {demand.return_id for demand in expected.demands if "invalid" in demand.kinds}
    spoilt = [one for one in sure.spoilt if one.return_id in owed]
    unseen = Counter((one.order_id, one.return_id, one.amount, one.currency) for one in spoilt)
    for order_id, open_ in opened.items():
        for entry in open_.exceptions:
            if (entry.get("kind"), entry.get("owner")) == ("invalid", "finance") and entry.get("amount"):
                amount, currency = Decimal(str(entry["amount"])), str(entry.get("currency"))
                unseen[order_id, str(entry.get("return_id") or ""), amount, currency] -= 1
    for (order_id, return_id, amount, currency), count in sorted(unseen.items()):
        if count > 0:
            what = (
                f"{count} refunds of {amount} {currency} of return {return_id} cannot be told; Finance sees none of it"
            )
            verdict.add("I1", "spoilt-refund-unseen", order_id, what)


def _match(
    sure: Truth, refunds: list[PaidRefund], documents: list[Document]
) -> tuple[dict[str, list[Document]], list[Document]]:
    """Documents for each refund that has them, and the documents left over."""
    matched: dict[str, list[Document]] = {}
    left = list(documents)
    for pieces in range(1, _MOST_PIECES + 1):
        for refund in refunds:
            if refund.refund_id in matched:
                continue
            wanted = {refund.amount}
            if refund.refund_id in sure.refunds:
                wanted.add(sure.refunds[refund.refund_id].amount)
            for chosen in itertools.combinations(left, pieces):
                if sum(document.net for document in chosen) in wanted:
                    matched[refund.refund_id] = list(chosen)
                    left = [document for document in left if document not in chosen]
                    break
    return matched, left


def _without_grown(opened: Open, unmatched: list[PaidRefund], documents: list[Document]) -> list[Document]:
    """Documents less those of refunds that grew since: credited as it was paid once, the rest open or waiting."""
    left = documents
    for refund in unmatched:
        earlier = {amount for amount in refund.paid_at if amount < refund.amount}
        if not left or not earlier or not opened.money(refund.order_id, refund.return_id, refund.refund_id):
            continue
        pieces = itertools.chain.from_iterable(
            itertools.combinations(left, count) for count in range(1, _MOST_PIECES + 1)
        )
        found = next((some for some in pieces if sum(document.net for document in some) in earlier), ())
        left = [document for document in left if document not in found]
    return left


def _beyond_the_order(
    verdict: Verdict, expected: Expected, most: Truth, groups: Mapping[tuple[str, str], _Group], names: Names
) -> None:
    """I5: credits, less bonuses and goodwill, never pass what was paid for the order. An adjustment is no gift."""
    gifts: dict[tuple[str, str], Decimal] = {}
    for data in most.returns.values():
        key = (names.order(str(data["order_id"])), data["currency"])
        gifts[key] = gifts.get(key, Decimal(0)) + sum(Decimal(bonus["amount"]) for bonus in data["bonuses"])
    for refund in most.refunds.values():
        if refund.kind == "goodwill":
            key = (names.order(refund.order_id), refund.currency)
            gifts[key] = gifts.get(key, Decimal(0)) + refund.amount
    credits: dict[tuple[str, str], Decimal] = {}
    for (order_id, currency), group in sorted(groups.items()):
        key = (names.order(order_id), currency)
        credits[key] = credits.get(key, Decimal(0)) + sum((one.net for one in group.documents), Decimal(0))
    for (order_id, currency), credited in credits.items():
        sold = expected.orders.get(order_id)
        if not credited:
            continue
        if sold is None:
            verdict.add("I5", "credit-for-no-order", order_id, f"{credited} {currency} credited to an unknown order")
        elif currency != sold.currency:
            verdict.add("R21", "currencies-mixed", order_id, f"{credited} {currency}; the order is in {sold.currency}")
        elif credited - gifts.get((order_id, currency), Decimal(0)) > Decimal(sold.paid):
            what = f"{credited} {currency} credited, {sold.paid} paid for the order"
            verdict.add("I5", "credited-more-than-paid", order_id, what)


def _beyond_the_shipping(
    verdict: Verdict, expected: Expected, most: Truth, groups: Mapping[tuple[str, str], _Group], names: Names
) -> None:
    """I5: the shipping that an order's notes credit, over all its returns, never passes what was sold as shipping.

    A minor unit for each line that comes back may be told as shipping: it is the tolerance of the notes' sums.
    """
    credited: dict[tuple[str, str], Decimal] = {}
    for (order_id, currency), group in sorted(groups.items()):
        key = (names.order(order_id), currency)
        for document in group.documents:
            if document.net == document.amount:  # of one that was taken back in part nobody can say which part
                lines = (line for line in document.lines if line["sku"] == SHIPPING)
                amount = sum((Decimal(str(line["amount"])) for line in lines), Decimal(0))
                credited[key] = credited.get(key, Decimal(0)) + amount
    lines_back: dict[str, int] = {}
    for data in most.returns.values():
        order_id = names.order(str(data["order_id"]))
        lines_back[order_id] = lines_back.get(order_id, 0) + len(data["lines"])
    for (order_id, currency), amount in credited.items():
        sold = expected.orders.get(order_id)
        if sold is None or not sold.shipping or currency != sold.currency:
            continue
        if amount - Decimal(sold.shipping) > smallest(currency) * max(1, lines_back.get(order_id, 0)):
            what = f"{amount} {currency} of shipping credited, {sold.shipping} sold with the order"
            verdict.add("I5", "shipping-credited-more-than-sold", order_id, what)
