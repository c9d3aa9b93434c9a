"""One refund as Reveni tells it, and what stands among refunds and cannot be told from others."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from streams import times
from streams.money import InvalidMoney, spoken, to_minor, to_text
from streams.reading import Senseless, amount, nonsense, short, word


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund. `amount` is in minor units of the refund's own currency.

    With a `fault` it is not to be used: `amount` is then what could be read, 0 where nothing could.
    """

    refund_id: str
    kind: str = ""
    method: str = ""
    amount: int = 0
    currency: str = ""
    state: str = "pending"
    executed_at: str = ""
    fault: str | None = None
    mark: str = ""  # names one that has no id of its own
    said: str = ""  # how a sentence names it: its id, amount and state as they were told

    @property
    def order(self) -> tuple[int, datetime, str, str]:
        """Where the refund stands among others: by time of execution, those without one last, then by id."""
        try:
            return (0, times.read(self.executed_at), "", self.refund_id)
        except times.InvalidTime:
            return (1, datetime.max.replace(tzinfo=UTC), self.executed_at, self.refund_id)

    @property
    def worth(self) -> tuple[str, str]:
        """Its amount and currency as text; empty where they could not be read."""
        try:
            return to_text(self.amount, self.currency) if self.amount else "", self.currency
        except InvalidMoney:
            return "", ""


@dataclass(frozen=True, slots=True)
class Odd:
    """What stands in `refunds` without an id of its own: it can never be told again, so it is kept as it came."""

    entry: Any
    why: str
    mark: str  # from what it says: the same wherever it stands

    @property
    def refund_id(self) -> str:
        return word(self.entry, "refund_id") if isinstance(self.entry, Mapping) else ""

    @property
    def is_paid(self) -> bool:
        """Whether money may have gone out: whatever does not say otherwise."""
        state = self.entry.get("state") if isinstance(self.entry, Mapping) else None
        return state not in ("pending", "failed")

    def worth(self, currency: Any) -> str:
        """What it says it comes to, in a form that compares."""
        if not isinstance(self.entry, Mapping):
            return f"nothing/{self.mark}"
        return worth(self.entry, currency)


def worth(entry: Mapping[str, Any], currency: Any) -> str:
    """Amount and currency of a refund as told, in a form that compares; `currency` is its return's."""
    own = entry.get("currency")
    return orjson.dumps([entry.get("amount"), currency if own is None else own]).decode()


def sort_out(refunds: Any) -> tuple[dict[str, Mapping[str, Any]], tuple[Odd, ...]]:
    """The refunds that have an id of their own, by it, and everything else that stands in their list."""
    if refunds is None:
        return {}, ()
    if not isinstance(refunds, list | tuple):
        inner = list(refunds.values()) if isinstance(refunds, Mapping) else []
        entries = inner if inner and all(isinstance(entry, Mapping) for entry in inner) else [refunds]
        return {}, _marked([(entry, "refunds are no list, but {}") for entry in entries])
    ids = Counter(word(entry, "refund_id") for entry in refunds if isinstance(entry, Mapping))
    named: dict[str, Mapping[str, Any]] = {}
    others: list[tuple[Any, str]] = []
    for entry in refunds:
        name = word(entry, "refund_id") if isinstance(entry, Mapping) else ""
        if not isinstance(entry, Mapping):
            others.append((entry, "an entry of refunds is {}"))
        elif not name.strip():
            others.append((entry, "{} has no refund_id"))
        elif ids[name] > 1:
            others.append((entry, "{} comes twice"))
        else:
            named[name] = entry
    return named, _marked(others)


def _marked(entries: list[tuple[Any, str]]) -> tuple[Odd, ...]:
    seen: Counter[str] = Counter()
    found = []
    for entry, why in entries:
        digest = hashlib.sha256(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]
        seen[digest] += 1
        found.append(Odd(entry, why, f"odd-{digest}" + (f"~{seen[digest]}" if seen[digest] > 1 else "")))
    return tuple(found)


def read_refund(entry: Mapping[str, Any], currency: str) -> Refund:
    """A refund with an id of its own; what makes no sense is a fault of it alone."""
    own = entry.get("currency")
    refund = Refund(
        refund_id=word(entry, "refund_id"),
        kind=word(entry, "kind"),
        method=word(entry, "method"),
        currency=currency if own is None else word(entry, "currency"),
        state=word(entry, "state") or "pending",
    )
    refund = replace(refund, said=_told(entry, refund))
    try:
        if entry.get("method") is not None and not refund.method:
            raise Senseless("has a method that is no text")
        refund = replace(refund, amount=amount(entry, "amount", refund.currency))
        return replace(refund, executed_at=_executed_at(entry))
    except (Senseless, InvalidMoney) as fault:
        joint = ":" if isinstance(fault, InvalidMoney) else ""
        return replace(refund, fault=nonsense(f"{refund.said}{joint} {fault}"))


def read_odd(odd: Odd, currency: str) -> Refund:
    """What cannot be told from others, as a refund that is never used: its fault says what it comes to."""
    entry: Mapping[str, Any] = odd.entry if isinstance(odd.entry, Mapping) else {}
    refund = replace(read_refund(entry, currency), refund_id=odd.refund_id, mark=odd.mark)
    said = refund.said if entry else times.shown(odd.entry, 200)
    return replace(refund, fault=nonsense(odd.why.replace("{}", said)), said=said)


def disputed(refund: Refund) -> Refund:
    """A refund that the newest message has twice: until it is told once again, neither is used."""
    return replace(refund, fault=refund.fault or nonsense(f"{refund.said} comes twice"))


def taken(refund: Refund, return_id: str) -> Refund:
    """A refund whose id is that of another return's refund: a note under it would be taken for the other's."""
    what = f"{refund.said} has the id of a refund of return {short(return_id)}"
    return replace(refund, fault=refund.fault or nonsense(what), mark=refund.refund_id)


def _executed_at(entry: Mapping[str, Any]) -> str:
    told = entry.get("executed_at")
    if told is None or told == "":
        return ""
    try:
        return times.plain(times.read(told))
    except times.InvalidTime as fault:
        raise Senseless(f"has an executed_at that {fault}") from None


def _told(entry: Mapping[str, Any], refund: Refund) -> str:
    """A refund as a sentence names it: its id, what it comes to as far as that was told, its state."""
    told = entry.get("amount")
    try:
        sum_of = spoken(to_minor(told, refund.currency), refund.currency)
    except InvalidMoney:
        currency = f"{short(refund.currency)} " if refund.currency else ""
        sum_of = currency + times.shown(told) if told is not None else ""
    said = [part for part in (sum_of, short(refund.state) if word(entry, "state") else "") if part]
    name = f"refund {short(refund.refund_id)}" if refund.refund_id.strip() else "a refund"
    return f"{name} ({', '.join(said)})" if said else name
