"""The exchange: a zero-value order for the replacement, made once its SKU, stock and customer are known (X01-X04)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.components import counted_quantity
from streams.documents.order import in_scope, snapshot
from streams.money import to_text
from streams.returns import Replacement, Return, ReturnLine
from streams.verdicts import Ready, hold, skip, wait
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About

AVAILABILITY_FRESH = timedelta(minutes=10)
"""How old an answer about stock may be when an exchange order is decided (our choice; CONTRACTS leaves it open)."""


@dataclass(frozen=True, slots=True)
class Exchange:
    ret: Return
    line: ReturnLine
    replacement: Replacement

    @property
    def quantity(self) -> int:
        return min(counted_quantity(self.ret, self.line), self.replacement.quantity)


def each_exchange(case: Case) -> Iterator[About]:
    """Each line that is exchanged, with its replacement."""
    from streams.playbook import About

    for ret in case.returns.values():
        replacements = {replacement.replaces_line_id: replacement for replacement in ret.replacements}
        for line in ret.lines:
            if line.request == "exchange" and not line.fault and line.line_id in replacements:
                piece = Exchange(ret, line, replacements[line.line_id])
                yield About(f"{ret.return_id}/{line.line_id}", ret.return_id, piece=piece)


def exchange_is_due(case: Case, about: About) -> None:
    """At authorisation in instant mode, after the line's acceptance in standard mode; an existing order is adopted."""
    exchange: Exchange = about.piece
    in_scope(case, exchange.ret)
    if exchange.replacement.order_ref:
        raise skip(f"the exchange order exists already: {exchange.replacement.order_ref}")
    if exchange.replacement.fault:
        raise hold(ErrorKind.INVALID, Owner.ENGINEERING, exchange.replacement.fault)
    if exchange.quantity > 0:
        return
    if exchange.line.verdict == "rejected" or exchange.ret.state in ("rejected", "cancelled"):
        raise skip(f"line {exchange.line.line_id} was not accepted")
    raise wait("acceptance", f"line {exchange.line.line_id} is not accepted yet", "progress")


def exchange_order(case: Case, about: About) -> Ready:
    """X02: nothing half-made. Customer, SKU and stock are asked first; what fails is CX's, with the request intact."""
    exchange: Exchange = about.piece
    ret, replacement = exchange.ret, exchange.replacement
    order = snapshot(case, ret.return_id)
    if order.get("customer", {}).get("active") is False:
        raise hold(ErrorKind.REFUSED, Owner.CX, f"The customer of order {case.order_name()} is inactive.")
    sku = case.sku_name(replacement.sku)
    item = case.profile.sku_code(sku, case.account)
    question = {
        "order_id": case.row.order_key,
        "sku": sku,
        "item": item,
        "locations": list(case.profile.sellable_locations(case.account)),
    }
    answer = case.ask(DocumentKind.AVAILABILITY, about.subject, question, return_id=ret.return_id)
    if not answer.get("item_exists"):
        raise hold(ErrorKind.NOT_FOUND, Owner.CX, f"{sku} is not an item in {case.title}.")
    if not answer.get("item_active"):
        raise hold(ErrorKind.NOT_FOUND, Owner.CX, f"{sku} is archived in {case.title}.")
    if int(answer["available"]) < exchange.quantity:
        raise hold(
            ErrorKind.OUT_OF_STOCK,
            Owner.CX,
            f"{sku}: {answer['available']} available, {exchange.quantity} wanted, so the exchange was not made. "
            "The request is kept.",
        )
    # A "no" stands until somebody retries; a "yes" must be fresh when the order is decided.
    case.ask(DocumentKind.AVAILABILITY, about.subject, question, return_id=ret.return_id, fresh=AVAILABILITY_FRESH)
    line: dict[str, Any] = {
        "line_id": exchange.line.line_id,
        "sku": sku,
        "item": item,
        "quantity": exchange.quantity,
        "amount": to_text(0, ret.currency),
    }
    return Ready(
        {
            "order_id": case.row.order_key,
            "return_id": ret.return_id,
            "line_id": exchange.line.line_id,
            "currency": ret.currency,
            "customer": {"number": order["customer"]["number"]},
            "lines": [line],
            "date": case.row.first_seen,
        }
    )


def exchange_changed(posted: Any, wanted: Any) -> str:
    """What CX has to see when the shopper's request changed after the order was made."""
    before, after = posted["lines"][0], wanted["lines"][0]
    if (before["sku"], before["quantity"]) == (after["sku"], after["quantity"]):
        return ""
    return (
        f"The exchange order was made for {before['quantity']} x {before['sku']}; "
        f"the return now asks for {after['quantity']} x {after['sku']}."
    )
