"""An order's money by currency: paid, refunded, credited, open; never summed over currencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.money import InvalidMoney, to_minor, to_text
from streams.row import Row
from streams.vocabulary import DocumentKind


def balances(row: Row) -> list[dict[str, Any]]:
    """For each currency decimal strings; `paid` is None until the original order was read.

    Amounts that cannot be read are left out here: they are exceptions of the steps that need them.
    """
    paid, refunded, credited = _add(_paid(row)), _add(_refunded(row)), _add(_credited(row))
    return [
        {
            "currency": currency,
            "paid": to_text(paid[currency], currency) if currency in paid else None,
            "refunded": to_text(refunded.get(currency, 0), currency),
            "credited": to_text(credited.get(currency, 0), currency),
            "open": to_text(refunded.get(currency, 0) - credited.get(currency, 0), currency),
        }
        for currency in sorted({*paid, *refunded, *credited})
    ]


def _add(amounts: Iterator[tuple[Any, Any, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for currency, amount, sign in amounts:
        try:
            total[currency] = total.get(currency, 0) + sign * to_minor(amount, currency)
        except InvalidMoney:
            continue
    return total


def _paid(row: Row) -> Iterator[tuple[Any, Any, int]]:
    """The order's total as the other system has it: of the newest answer, as each return asks of its own."""
    answers: list[Mapping[str, Any]] = []
    for cid, issued in row.issued.items():
        last = row.outcome_of(cid).last
        if issued.command.kind is DocumentKind.ORDER_SNAPSHOT and last is not None and last.get("answer"):
            answers.append(last["answer"])
    if answers:
        newest = max(answers, key=lambda answer: str(answer.get("at", "")))
        if newest.get("total") is not None:
            yield newest.get("currency"), newest["total"], 1


def _refunded(row: Row) -> Iterator[tuple[Any, Any, int]]:
    for register in row.returns.values():
        currency = register.data().get("currency")
        for refund in register.data()["refunds"]:
            if refund.get("state") == "paid":
                yield refund.get("currency") or currency, refund.get("amount"), 1


def _credited(row: Row) -> Iterator[tuple[Any, Any, int]]:
    """Credit notes that stand, less those taken back; each by what was posted, not by what is wanted now."""
    for cid, known in row.outcomes.items():
        for outcome in known.done.values():
            sign = {"credit_note": 1, "reversal": -1}.get(outcome["kind"])
            if sign is not None:
                yield *_posted(row, cid, outcome), sign


def _posted(row: Row, cid: str, outcome: Mapping[str, Any]) -> tuple[Any, Any]:
    document = outcome.get("document") or {}
    if document.get("amount") and document.get("currency"):
        return document["currency"], document["amount"]
    issued = row.issued.get(cid)
    if issued is None:
        return None, None
    _, body = issued.bodies.get(outcome["hash"], (0, issued.command.body))
    return body.get("currency"), body.get("amount")
