"""I6: what a history came to, in a form that another order of arrival must come to as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from adapters.generator.books import CREDITS, Books
from tests.simulation.checks.orders import Orders

Entry = Mapping[str, Any]
K = TypeVar("K")
Exception_ = tuple[str, str, str, str, str]  # order, return, refund, step, kind

_DEPENDS_ON_ARRIVAL = frozenset({"duplicate"})


@dataclass(slots=True)
class Position:
    """The net of all documents, and what is open with people. Equal positions are equal values."""

    credited: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)  # order, refund, currency
    units: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)  # for sale: order, SKU, location
    exchanged: dict[tuple[str, str], Decimal] = field(default_factory=dict)  # order, SKU
    authorised: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)  # order, return, SKU
    exceptions: tuple[Exception_, ...] = ()
    held_refunds: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)  # order, refund
    asked_goods: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)  # order, SKU (empty: any)
    outgrown: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)  # order, return


def net_position(
    books: Books,
    orders: Orders,
    exceptions: Iterable[Entry],
    competing: Sequence[str] = (),
    waiting: Iterable[Entry] = (),
) -> Position:
    """The position of a run. `competing`: orders whose returns compete for a unit; which of them wins may depend on
    arrival, so their refunds, returns and exceptions are counted without their names. `waiting`: what waits, and for
    what."""
    shown = [entry for entry in exceptions if entry.get("order_id")]
    duplicates = [one for one in shown if one.get("kind") in _DEPENDS_ON_ARRIVAL]
    nameless = {*competing, *(str(one["order_id"]) for one in duplicates)}
    twins = {str(one["order_id"]) for one in duplicates if one.get("step") == "credit_note"}
    position = Position(
        exceptions=tuple(sorted(_exception(entry, nameless, twins) for entry in shown)),
        held_refunds=_held_refunds(shown, waiting, nameless),
        asked_goods=frozenset(_goods(entry) for entry in shown if entry.get("step") in _GOODS),
        outgrown=frozenset(_about(entry, nameless) for entry in shown if _is_outgrown(entry)),
    )
    for document in books.documents:
        order_id = orders.order_of(document.external_ref, document.order_id)
        if document.kind in CREDITS and document.net:
            asked = orders.asked.get(document.external_ref)
            refund = asked.subject.split("~")[0] if asked is not None else document.external_ref
            _add(position.credited, (order_id, "" if order_id in nameless else refund, document.currency), document.net)
        elif document.kind == "exchange_order" and not document.void:
            for line in document.lines:
                _add(position.exchanged, (order_id, line["sku"]), Decimal(str(line["quantity"])))
        elif document.kind == "return_authorisation" and document.status != "closed" and not document.void:
            asked = orders.asked.get(document.external_ref)
            return_id = asked.subject.split("~")[0] if asked is not None and order_id not in nameless else ""
            for line in document.lines:
                _add(position.authorised, (order_id, return_id, line["sku"]), Decimal(str(line["quantity"])))
    _count_adopted(position, books, orders, nameless)
    for movement in books.movements:  # units for sale: others may stay where they lie (docs/join.md)
        if movement.to_sellable:
            _add(position.units, (movement.order_id, movement.sku, movement.target), movement.quantity)
        if movement.from_sellable:
            _add(position.units, (movement.order_id, movement.sku, movement.origin), -movement.quantity)
    position.credited = _standing(position.credited)
    position.units = _standing(position.units)
    position.exchanged = _standing(position.exchanged)
    position.authorised = _standing(position.authorised)
    return position


def _count_adopted(position: Position, books: Books, orders: Orders, nameless: set[str]) -> None:
    """What somebody made by hand before is in nobody's ledger: the return for which it was taken has it (L01)."""
    closed = {one.number for one in books.of_kind("return_authorisation") if one.status == "closed" or one.void}
    for command_id, number in orders.adopted.items():
        asked = orders.asked.get(command_id)
        if asked is None or asked.kind != "return_authorisation" or number in closed:
            continue
        return_id = "" if asked.order_key in nameless else asked.subject.split("~")[0]
        for line in asked.bodies[-1]["lines"]:
            _add(position.authorised, (asked.order_key, return_id, line["sku"]), Decimal(str(line["quantity"])))


def _standing(counts: dict[K, Decimal]) -> dict[K, Decimal]:
    return {key: value for key, value in counts.items() if value}


def _add(counts: dict[Any, Decimal], key: Any, value: Decimal) -> None:
    counts[key] = counts.get(key, Decimal(0)) + value


def _exception(entry: Entry, nameless: set[str], twins: set[str]) -> Exception_:
    order_id, step, kind = (str(entry.get(name) or "") for name in ("order_id", "step", "kind"))
    if order_id in twins and step == "credit_note":
        kind = (
            ""  # the note that was asked for before its twin was known may be refused; else both are held (seed 17800)
        )
    if order_id in nameless:
        return order_id, "", "", step, kind
    return order_id, str(entry.get("return_id") or ""), str(entry.get("refund_id") or ""), step, kind


def _about(entry: Entry, nameless: set[str]) -> tuple[str, str]:
    order_id = str(entry["order_id"])
    return order_id, "" if order_id in nameless else str(entry.get("return_id") or "")


def _is_outgrown(entry: Entry) -> bool:
    """Whether a person is asked about an authorisation that says more, or less, than what comes back: something was
    made from it before that was known, so that it could not be closed and made anew (seeds 1284, 3880, 4800)."""
    return entry.get("step") == "return_authorisation" and "stands as it was made" in str(entry.get("reason"))


_MONEY = frozenset({"credit_note", "reversal", "credit_application"})
_GOODS = frozenset({"item_receipt", "stock_movement", "inspection"})


def _held_refunds(shown: Sequence[Entry], waiting: Iterable[Entry], nameless: set[str]) -> frozenset[tuple[str, str]]:
    """Refunds whose note waits for a line that a person is asked about (R16): a note that was begun before another
    refund of the return was known may have covered other lines only, and is posted (seed 24552)."""
    letters = {f"letter:{entry['dlq_id']}" for entry in shown if entry.get("dlq_id")}
    notes = (entry for entry in waiting if entry["step"] == "credit_note" and entry["for"] in letters)
    named = ((str(entry["order_id"]), str(entry["refund_id"])) for entry in notes)
    return frozenset((order_id, "" if order_id in nameless else refund) for order_id, refund in named)


def _goods(entry: Entry) -> tuple[str, str]:
    """Order and SKU of an exception about goods: its subject is inspection/line/SKU/what is to be done."""
    parts = str(entry.get("subject") or "").split("/")
    return str(entry["order_id"]), parts[2] if len(parts) > 3 else ""


class _Asked:
    """Refunds and SKUs that somebody is asked about, in either order of arrival: what was posted before the question
    arose stays posted until it is answered (a reversal waits for a yes, goods for a look, a cap for whoever came
    second). Of others in the same order nothing is excused."""

    def __init__(self, one: Position, other: Position) -> None:
        found = (*one.exceptions, *other.exceptions)
        self._refunds = frozenset((order_id, refund) for order_id, _, refund, step, _ in found if step in _MONEY)
        self._refunds |= one.held_refunds | other.held_refunds
        self._goods = one.asked_goods | other.asked_goods
        self._outgrown = one.outgrown | other.outgrown
        # What the account never answered came of a fault, and the second run has none: such orders are left out.
        self.given_up = frozenset(order_id for order_id, _, _, _, kind in found if kind == "unknown-outcome")

    def about(self, name: str, key: tuple[str, ...]) -> bool:
        """Whether it is about this count of a position; a question that names no refund (SKU) is about all."""
        asked = {"credited": self._refunds, "units": self._goods, "authorised": self._outgrown}.get(name, frozenset())
        return (key[0], key[1]) in asked or (key[0], "") in asked


def differences(one: Position, other: Position) -> list[str]:
    """What two orders of arrival came to differently, a sentence each."""
    found = []
    asked = _Asked(one, other)
    unlike: set[tuple[str, str, str]] = set()  # order, return (of authorisations): what is counted otherwise because
    # somebody is asked about it
    for name in ("credited", "units", "exchanged", "authorised"):
        mine, theirs = getattr(one, name), getattr(other, name)
        for key in sorted({*mine, *theirs}):
            if mine.get(key) == theirs.get(key) or key[0] in asked.given_up:
                continue
            if asked.about(name, key):
                unlike.add((key[0], key[1] if name == "authorised" else "", name))
                continue
            about = " ".join(part for part in key[1:] if part)
            what = f"{name} {about}: {mine.get(key, 0)} in one order of arrival, {theirs.get(key, 0)} in another"
            found.append(f"order {key[0]}, {what}")
    for who, here, there in (("one", one, other), ("another", other, one)):
        for exception in sorted({*here.exceptions} - {*there.exceptions}):
            order_id, return_id, _, step, _ = exception
            # A question in one order only is the other side of what was posted in one only. A receipt is asked about
            # where units that one inspection brought in are claimed by another, wherever they lie in the end.
            excused = {
                "item_receipt": True,
                "return_authorisation": (order_id, return_id, "authorised") in unlike,
                **dict.fromkeys(_MONEY, (order_id, "", "credited") in unlike),
            }.get(step, step in _GOODS and (order_id, "", "units") in unlike)
            if order_id not in asked.given_up and not excused:
                about = " ".join(part for part in exception[1:] if part)
                found.append(f"order {order_id}, exception {about} in {who} order of arrival only")
    return found
