"""The most that an order's notes may credit, over all its returns: its total, its shipping, each of its services.

Goods need no cap of their own here: an authorisation holds no more units than were sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.clearing import NotePlan, cap
from streams.components import counted_lines
from streams.documents.disputes import other_notes
from streams.documents.refunds import Credited
from streams.documents.sold import prices
from streams.money import InvalidMoney, shown_minor, spoken, to_minor
from streams.verdicts import hold
from streams.vocabulary import ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About


@dataclass(frozen=True, slots=True)
class Sold:
    """One thing of the order that is not counted in units sent back: what it is called, and what it was sold for."""

    name: str
    amount: int
    component: str = ""  # the notes' lines that credit it: of this kind,
    order_line: str = ""  # or for this line of the order (several: those that nothing tells apart)

    def credits(self, line: Mapping[str, Any]) -> bool:
        if self.component:
            return bool(line.get("component") == self.component)
        return bool(line.get("sold_as") == self.order_line)


def stay_within(case: Case, about: About, plan: NotePlan, body: Mapping[str, Any], order: Mapping[str, Any]) -> None:
    """A note that credits too much of anything is held (R07, I5)."""
    currency, others = plan.currency, other_notes(case, about)
    notes = [NotePlan.from_json(other["plan"]) for other in others]
    whole = cap(plan, {currency: _amount(case, body, order, "total", currency)}, notes)
    if whole is not None:
        raise hold(whole.kind, whole.owner, whole.sentence, body=body)
    credited: Credited = about.piece
    tolerance = case.profile.tolerances.minor_units_per_line * max(1, counted_lines(credited.ret))
    for sold in _sold(case, body, order, currency):
        mine = _credited(sold, body)
        theirs = sum(_credited(sold, other) for other in others if other["currency"] == currency)
        over = mine + theirs - sold.amount
        if mine > 0 and over > tolerance:
            sentence = (
                f"With this note {spoken(mine + theirs, currency)} would be credited for {sold.name}, which was sold "
                f"for {spoken(sold.amount, currency)}: {spoken(over, currency)} too much."
            )
            raise hold(ErrorKind.MISMATCH, Owner.FINANCE, sentence, body=body)


def _sold(case: Case, body: Mapping[str, Any], order: Mapping[str, Any], currency: str) -> Iterator[Sold]:
    """The shipping and the services that a note credits."""
    worth = prices(order, currency)
    lines = {str(entry["order_line"]): entry for entry in order.get("lines", ())}
    if order.get("shipping") is not None and any(line["component"] == "shipping" for line in body["lines"]):
        item = case.profile.item_for("shipping", case.account).code
        in_rows = sum(price.amount for number, price in worth.items() if lines[number].get("item") == item)
        yield Sold(
            "the order's shipping", _amount(case, body, order, "shipping", currency) + in_rows, component="shipping"
        )
    for sold_as in sorted({str(line["sold_as"]) for line in body["lines"] if line.get("sold_as")}):
        named = [number for number in sold_as.split(",") if number in worth]
        if named:
            amount = sum(worth[number].amount for number in named)
            yield Sold(f"{lines[named[0]]['sku']} on the order", amount, order_line=sold_as)


def _credited(sold: Sold, body: Mapping[str, Any]) -> int:
    """What a note credits of it."""
    amounts = (line["amount"] for line in body["lines"] if sold.credits(line))
    return sum(to_minor(amount, body["currency"]) for amount in amounts)


def _amount(case: Case, body: Mapping[str, Any], order: Mapping[str, Any], name: str, currency: str) -> int:
    """The order's total or shipping; without it nothing can be said to be within a limit."""
    try:
        return shown_minor(order.get(name), currency, name)
    except InvalidMoney as fault:
        sentence = f"Order {case.order_name()} in {case.title}: its {fault}. What may be credited of it is not known."
        raise hold(ErrorKind.INVALID, Owner.FINANCE, sentence, body=body) from None
