"""One return as Reveni tells it, read into typed, immutable form with money in minor units (CONTRACTS section 2).

A bad amount or quantity spoils only the piece it stands in: the piece carries a `fault`, a sentence for people, and is
not to be used; its siblings go on. Unknown fields are ignored and unknown words kept as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from streams.money import InvalidMoney, digits_of
from streams.reading import Senseless, about, amount, count, nonsense, short, word
from streams.refund import Odd, Refund, disputed, read_odd, read_refund, sort_out
from streams.vocabulary import ErrorKind, Owner


class InvalidReturn(Exception):
    """A return cannot be read at all: what stands at `path` makes no sense."""

    kind = ErrorKind.INVALID
    owner = Owner.ENGINEERING

    def __init__(self, path: str, message: str, refunds: tuple[Refund, ...] = ()) -> None:
        super().__init__(message)
        self.path, self.message, self.refunds = path, message, refunds


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """One line of a return. `unit_price` is a whole bundle's where only `component_sku` comes back.

    With a `fault` the numbers are 0 and mean nothing.
    """

    line_id: str
    order_line_id: str = ""
    sku: str = ""
    component_sku: str | None = None
    quantity: int = 0
    unit_price: int = 0
    line_total: int | None = None
    tax_amount: int = 0  # the tax inside unit_price x quantity (inside line_total, where given)
    tax_code: str = ""
    request: str = ""
    reason: str = ""
    verdict: str = "pending"
    disposition: str | None = None
    restock: bool | None = None
    location: str | None = None
    accepted_quantity: int | None = None
    rejected_quantity: int | None = None
    fault: str | None = None

    @property
    def value(self) -> int:
        """What the whole line comes to, tax inside."""
        return self.unit_price * self.quantity if self.line_total is None else self.line_total


@dataclass(frozen=True, slots=True)
class Replacement:
    """What the shopper gets instead of a line."""

    replaces_line_id: str
    sku: str = ""
    quantity: int = 0
    unit_price: int = 0
    order_ref: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee kept back, or a bonus given on top; the amount is positive for both."""

    kind: str
    amount: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """One return. Each piece has a fault of its own, and so have the lists."""

    return_id: str
    order_id: str
    currency: str
    order_number: str = ""
    version: int = 0
    type: str = ""
    mode: str = ""
    state: str = ""
    location: str | None = None
    lines: tuple[ReturnLine, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    fees: tuple[Charge, ...] = ()
    bonuses: tuple[Charge, ...] = ()
    refunds: tuple[Refund, ...] = ()
    shipping_refund: int = 0
    faults: tuple[str, ...] = ()
    """Faults of the money outside the refunds that belong to no list."""
    list_faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of `lines`, `replacements`, `fees` and `bonuses`: that they are no list, or hold what is no object."""

    @property
    def money_fault(self) -> str | None:
        """The first fault that leaves it unknown what the return comes to."""
        pieces: tuple[ReturnLine | Replacement | Charge, ...]
        pieces = (*self.lines, *self.replacements, *self.fees, *self.bonuses)
        of_lists = (fault for faults in self.list_faults.values() for fault in faults)
        return next((fault for fault in (*self.faults, *of_lists, *(piece.fault for piece in pieces)) if fault), None)

    @property
    def nameless_lines(self) -> tuple[str, ...]:
        """Faults of what should be a line and has no name: it may be any line that was told before."""
        return (*self.list_faults.get("lines", ()), *(line.fault or "" for line in self.lines if not line.line_id))


def parse_return(data: Mapping[str, Any], odd: Iterable[Odd] = ()) -> Return:
    """Read the `data` of a return event, joined or as sent; raises `InvalidReturn` when no part of it can be used.

    `odd` is what earlier messages had among their refunds and no other message can say anything about.
    """
    return_id, order_id = _needed(data, "return_id"), _needed(data, "order_id")
    currency: Any = data.get("currency")
    try:
        digits_of(currency, "currency")
    except InvalidMoney as fault:
        refunds = _refunds(data.get("refunds"), odd, "")
        raise InvalidReturn("currency", _without_currency(return_id, fault, refunds), refunds) from None
    faults: list[str] = []
    list_faults: dict[str, tuple[str, ...]] = {}

    def each(name: str, read: Callable[[Mapping[str, Any], str], Piece]) -> tuple[Piece, ...]:
        entries = data.get(name)
        if entries is None:
            return ()
        if not isinstance(entries, list | tuple):
            list_faults[name] = (nonsense(f"{name} of return {short(return_id)} is not a list"),)
            return ()
        pieces, bad = [], []
        for position, entry in enumerate(entries):
            if isinstance(entry, Mapping):
                pieces.append(read(entry, currency))
            else:
                bad.append(nonsense(f"{name}[{position}] of return {short(return_id)} is not an object"))
        if bad:
            list_faults[name] = tuple(bad)
        return tuple(pieces)

    try:
        shipping = amount(data, "shipping_refund", currency) if data.get("shipping_refund") is not None else 0
    except (Senseless, InvalidMoney) as fault:
        shipping = 0
        faults.append(about(f"return {short(return_id)}", fault))
    version = data.get("version")
    return Return(
        return_id=return_id,
        order_id=order_id,
        currency=currency,
        order_number=word(data, "order_number"),
        version=version if isinstance(version, int) and not isinstance(version, bool) else 0,
        type=word(data, "type"),
        mode=word(data, "mode"),
        state=word(data, "state"),
        location=word(data, "location") or None,
        lines=_unique(each("lines", _line)),
        replacements=each("replacements", _replacement),
        fees=each("fees", _charge("fee")),
        bonuses=each("bonuses", _charge("bonus")),
        refunds=_refunds(data.get("refunds"), odd, currency),
        shipping_refund=shipping,
        faults=tuple(faults),
        list_faults=list_faults,
    )


Piece = TypeVar("Piece", ReturnLine, Replacement, Charge)


def _without_currency(return_id: str, fault: InvalidMoney, refunds: Iterable[Refund]) -> str:
    """The sentence of a return that cannot be read, with the money that it says was paid."""
    said = [refund.said for refund in refunds if refund.state not in ("pending", "failed") or refund.mark]
    told = f"; it names {', '.join(said[:20])}" if said else ""
    return nonsense(f"return {short(return_id)}: {fault}{told}")


def _refunds(told: Any, odd: Iterable[Odd], currency: str) -> tuple[Refund, ...]:
    """The refunds by their ids; then what has no id of its own, as refunds that nobody can use."""
    named, more = sort_out(told)
    others = (*more, *odd)
    ids = {other.refund_id for other in others}
    refunds = [read_refund(entry, currency) for entry in named.values()]
    refunds = [disputed(refund) if refund.refund_id in ids else refund for refund in refunds]
    return (*refunds, *(read_odd(other, currency) for other in others))


def _line(entry: Mapping[str, Any], currency: str) -> ReturnLine:
    line = ReturnLine(
        line_id=word(entry, "line_id"),
        order_line_id=word(entry, "order_line_id"),
        sku=word(entry, "sku"),
        tax_code=word(entry, "tax_code"),
        request=word(entry, "request"),
        reason=word(entry, "reason"),
        verdict=word(entry, "verdict") or "pending",
        disposition=word(entry, "disposition") or None,
        location=word(entry, "location") or None,
    )
    try:
        if not line.line_id:
            raise Senseless("has no line_id")
        if not line.sku:
            raise Senseless("has no sku")
        line = replace(line, component_sku=_optional(entry, "component_sku"))
        quantity = count(entry, "quantity", least=1)
        accepted, rejected = (
            None if entry.get(name) is None else count(entry, name, least=0)
            for name in ("accepted_quantity", "rejected_quantity")
        )
        if (accepted or 0) + (rejected or 0) > quantity:
            raise Senseless(f"has quantity {quantity}, but {accepted or 0} accepted and {rejected or 0} rejected")
        restock = entry.get("restock")
        if restock is not None and not isinstance(restock, bool):
            raise Senseless("has a restock that is neither true nor false")
        line = replace(
            line,
            quantity=quantity,
            unit_price=amount(entry, "unit_price", currency),
            line_total=None if entry.get("line_total") is None else amount(entry, "line_total", currency),
            tax_amount=amount(entry, "tax_amount", currency),
            restock=restock,
            accepted_quantity=accepted,
            rejected_quantity=rejected,
        )
        if line.tax_amount > line.value:
            raise Senseless("has more tax than the price it is inside of")
    except (Senseless, InvalidMoney) as fault:
        sentence = about(f"line {short(line.line_id)}", fault)
        return replace(line, quantity=0, unit_price=0, line_total=None, tax_amount=0, restock=None, fault=sentence)
    return line


def _replacement(entry: Mapping[str, Any], currency: str) -> Replacement:
    replacement = Replacement(
        replaces_line_id=word(entry, "replaces_line_id"),
        sku=word(entry, "sku"),
    )
    try:
        replacement = replace(replacement, order_ref=_optional(entry, "order_ref"))
        if not replacement.replaces_line_id:
            raise Senseless("does not say which line it replaces")
        if not replacement.sku:
            raise Senseless("has no sku")
        quantity, price = count(entry, "quantity", least=1), amount(entry, "unit_price", currency)
    except (Senseless, InvalidMoney) as fault:
        return replace(
            replacement, fault=about(f"the replacement of line {short(replacement.replaces_line_id)}", fault)
        )
    return replace(replacement, quantity=quantity, unit_price=price)


def _charge(what: str) -> Callable[[Mapping[str, Any], str], Charge]:
    def read(entry: Mapping[str, Any], currency: str) -> Charge:
        kind = word(entry, "kind")
        try:
            return Charge(kind, amount(entry, "amount", currency))
        except (Senseless, InvalidMoney) as fault:
            return Charge(kind, fault=about(f"the {what} {short(kind)}", fault))

    return read


def _unique(lines: tuple[ReturnLine, ...]) -> tuple[ReturnLine, ...]:
    """Two lines with one id cannot be told apart: neither is used."""
    ids = Counter(line.line_id for line in lines)
    return tuple(
        replace(line, fault=line.fault or nonsense(f"line {short(line.line_id)} comes twice"))
        if ids[line.line_id] > 1 and line.line_id
        else line
        for line in lines
    )


def _needed(data: Mapping[str, Any], name: str) -> str:
    found = word(data, name)
    if not found:
        raise InvalidReturn(name, nonsense(f"it has no {name}"))
    return found


def _optional(entry: Mapping[str, Any], name: str) -> str | None:
    """A word that may be left out; raises `Senseless` for what is there and is no word."""
    if entry.get(name) is not None and not isinstance(entry[name], str | int):
        raise Senseless(f"has a {name} that is no text")
    return word(entry, name) or None
