"""One return as Reveni tells it, read into typed, immutable form with money in minor units (CONTRACTS section 2).

A bad amount or quantity spoils only the piece it stands in: the piece carries a `fault`, a sentence for people, and is
not to be used; its siblings go on. Unknown fields are ignored and unknown words kept as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from streams.money import InvalidMoney, digits_of, to_minor
from streams.vocabulary import ErrorKind, Owner

MAX_QUANTITY: Final = 1_000_000  # units on one line; beyond it a number is a slip, not a sale


class InvalidReturn(Exception):
    """A return cannot be read at all: what stands at `path` makes no sense."""

    kind = ErrorKind.INVALID
    owner = Owner.ENGINEERING

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


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
class Refund:
    """One refund. `amount` is in minor units of the refund's own currency."""

    refund_id: str
    kind: str = ""
    method: str = ""
    amount: int = 0
    currency: str = ""
    state: str = "pending"
    executed_at: str = ""
    fault: str | None = None

    @property
    def order(self) -> tuple[int, datetime, str, str]:
        """Where the refund stands among others: by time of execution, those without one last, then by id."""
        try:
            moment = datetime.fromisoformat(self.executed_at)
        except ValueError:
            return (1, datetime.max.replace(tzinfo=UTC), self.executed_at, self.refund_id)
        return (0, moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC), "", self.refund_id)


@dataclass(frozen=True, slots=True)
class Return:
    """One return. `faults` are about the lists themselves; each piece has its own as well."""

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
    """Faults of the money outside the refunds that belong to no line, replacement, fee or bonus."""
    refund_faults: tuple[str, ...] = ()
    """Entries of `refunds` that are no refund at all."""

    @property
    def money_fault(self) -> str | None:
        """The first fault that leaves it unknown what the return comes to."""
        pieces: tuple[ReturnLine | Replacement | Charge, ...]
        pieces = (*self.lines, *self.replacements, *self.fees, *self.bonuses)
        return next((fault for fault in (*self.faults, *(piece.fault for piece in pieces)) if fault), None)


def parse_return(data: Mapping[str, Any]) -> Return:
    """Read the `data` of a return event, joined or as sent; raises `InvalidReturn` when no part of it can be used."""
    return_id, order_id = _needed(data, "return_id"), _needed(data, "order_id")
    currency: Any = data.get("currency")
    try:
        digits_of(currency, "currency")
    except InvalidMoney as fault:
        raise InvalidReturn("currency", nonsense(f"return {_short(return_id)}: {fault}")) from None
    faults: list[str] = []
    refund_faults: list[str] = []

    def each(name: str, read: Callable[[Mapping[str, Any], str], Piece], into: list[str]) -> tuple[Piece, ...]:
        entries = data.get(name)
        if entries is None:
            return ()
        if not isinstance(entries, list | tuple):
            into.append(nonsense(f"{name} of return {_short(return_id)} is not a list"))
            return ()
        pieces = []
        for position, entry in enumerate(entries):
            if isinstance(entry, Mapping):
                pieces.append(read(entry, currency))
            else:
                into.append(nonsense(f"{name}[{position}] of return {_short(return_id)} is not an object"))
        return tuple(pieces)

    try:
        shipping = _amount(data, "shipping_refund", currency) if data.get("shipping_refund") is not None else 0
    except (_Senseless, InvalidMoney) as fault:
        shipping = 0
        faults.append(_about(f"return {_short(return_id)}", fault))
    version = data.get("version")
    return Return(
        return_id=return_id,
        order_id=order_id,
        currency=currency,
        order_number=_word(data, "order_number"),
        version=version if isinstance(version, int) and not isinstance(version, bool) else 0,
        type=_word(data, "type"),
        mode=_word(data, "mode"),
        state=_word(data, "state"),
        location=_word(data, "location") or None,
        lines=_unique(each("lines", _line, faults), "line", lambda line: line.line_id),
        replacements=each("replacements", _replacement, faults),
        fees=each("fees", _charge("fee"), faults),
        bonuses=each("bonuses", _charge("bonus"), faults),
        refunds=_unique(each("refunds", _refund, refund_faults), "refund", lambda refund: refund.refund_id),
        shipping_refund=shipping,
        faults=tuple(faults),
        refund_faults=tuple(refund_faults),
    )


def nonsense(what: str) -> str:
    """The sentence of an invalid message."""
    return f"The message from Reveni makes no sense: {what}."


class _Senseless(ValueError):
    """What a piece says of itself cannot be; the message goes on after its name."""


Piece = TypeVar("Piece", ReturnLine, Replacement, Charge, Refund)
Named = TypeVar("Named", ReturnLine, Refund)


def _line(entry: Mapping[str, Any], currency: str) -> ReturnLine:
    line = ReturnLine(
        line_id=_word(entry, "line_id"),
        order_line_id=_word(entry, "order_line_id"),
        sku=_word(entry, "sku"),
        component_sku=_word(entry, "component_sku") or None,
        tax_code=_word(entry, "tax_code"),
        request=_word(entry, "request"),
        reason=_word(entry, "reason"),
        verdict=_word(entry, "verdict") or "pending",
        disposition=_word(entry, "disposition") or None,
        location=_word(entry, "location") or None,
    )
    try:
        if not line.line_id:
            raise _Senseless("has no line_id")
        if not line.sku:
            raise _Senseless("has no sku")
        quantity = _count(entry, "quantity", least=1)
        accepted, rejected = (
            None if entry.get(name) is None else _count(entry, name, least=0)
            for name in ("accepted_quantity", "rejected_quantity")
        )
        if (accepted or 0) + (rejected or 0) > quantity:
            raise _Senseless(f"has quantity {quantity}, but {accepted or 0} accepted and {rejected or 0} rejected")
        restock = entry.get("restock")
        if restock is not None and not isinstance(restock, bool):
            raise _Senseless("has a restock that is neither true nor false")
        line = replace(
            line,
            quantity=quantity,
            unit_price=_amount(entry, "unit_price", currency),
            line_total=None if entry.get("line_total") is None else _amount(entry, "line_total", currency),
            tax_amount=_amount(entry, "tax_amount", currency),
            restock=restock,
            accepted_quantity=accepted,
            rejected_quantity=rejected,
        )
        if line.tax_amount > line.value:
            raise _Senseless("has more tax than the price it is inside of")
    except (_Senseless, InvalidMoney) as fault:
        sentence = _about(f"line {_short(line.line_id)}", fault)
        return replace(line, quantity=0, unit_price=0, line_total=None, tax_amount=0, restock=None, fault=sentence)
    return line


def _replacement(entry: Mapping[str, Any], currency: str) -> Replacement:
    replacement = Replacement(
        replaces_line_id=_word(entry, "replaces_line_id"),
        sku=_word(entry, "sku"),
        order_ref=_word(entry, "order_ref") or None,
    )
    try:
        if not replacement.replaces_line_id:
            raise _Senseless("does not say which line it replaces")
        if not replacement.sku:
            raise _Senseless("has no sku")
        quantity, price = _count(entry, "quantity", least=1), _amount(entry, "unit_price", currency)
    except (_Senseless, InvalidMoney) as fault:
        return replace(
            replacement, fault=_about(f"the replacement of line {_short(replacement.replaces_line_id)}", fault)
        )
    return replace(replacement, quantity=quantity, unit_price=price)


def _charge(what: str) -> Callable[[Mapping[str, Any], str], Charge]:
    def read(entry: Mapping[str, Any], currency: str) -> Charge:
        kind = _word(entry, "kind")
        try:
            return Charge(kind, _amount(entry, "amount", currency))
        except (_Senseless, InvalidMoney) as fault:
            return Charge(kind, fault=_about(f"the {what} {_short(kind)}", fault))

    return read


def _refund(entry: Mapping[str, Any], currency: str) -> Refund:
    own = entry.get("currency")
    refund = Refund(
        refund_id=_word(entry, "refund_id"),
        kind=_word(entry, "kind"),
        method=_word(entry, "method"),
        currency=currency if own is None else _word(entry, "currency"),
        state=_word(entry, "state") or "pending",
        executed_at=_word(entry, "executed_at"),
    )
    try:
        if not refund.refund_id:
            raise _Senseless("has no refund_id")
        return replace(refund, amount=_amount(entry, "amount", refund.currency))
    except (_Senseless, InvalidMoney) as fault:
        return replace(refund, fault=_about(f"refund {_short(refund.refund_id)}", fault))


def _unique(pieces: tuple[Named, ...], what: str, name: Callable[[Named], str]) -> tuple[Named, ...]:
    """Two pieces with one id cannot be told apart: neither is used."""
    twice = {key for key, count in Counter(name(piece) for piece in pieces).items() if count > 1 and key}
    return tuple(
        replace(piece, fault=piece.fault or nonsense(f"{what} {_short(name(piece))} comes twice"))
        if name(piece) in twice
        else piece
        for piece in pieces
    )


def _needed(data: Mapping[str, Any], name: str) -> str:
    word = _word(data, name)
    if not word:
        raise InvalidReturn(name, nonsense(f"it has no {name}"))
    return word


def _word(data: Mapping[str, Any], name: str) -> str:
    """Text; a whole number is read as its text, anything else is no word."""
    value = data.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _amount(data: Mapping[str, Any], name: str, currency: str) -> int:
    minor = to_minor(data.get(name), currency, name)
    if minor < 0:
        raise _Senseless(f"has {name} {data[name]}")
    return minor


def _count(data: Mapping[str, Any], name: str, *, least: int) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Senseless(f"has no {name}" if value is None else f"has a {name} that is not a whole number")
    if not least <= value <= MAX_QUANTITY:
        raise _Senseless(f"has {name} {value}" if abs(value) <= MAX_QUANTITY else f"has a {name} that cannot be")
    return value


def _about(piece: str, fault: _Senseless | InvalidMoney) -> str:
    return nonsense(f"{piece}: {fault}" if isinstance(fault, InvalidMoney) else f"{piece} {fault}")


def _short(name: str) -> str:
    """An id as a sentence may repeat it."""
    return (name if len(name) <= 64 else name[:61] + "...") or "(without an id)"
