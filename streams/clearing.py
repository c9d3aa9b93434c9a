"""From refunds to credit notes: their sum is checked, and each amount is spread over what it pays for, to the penny.

A note comes to its refund's amount exactly. Notes that were begun are frozen; the others take what is left of the
components. The rules and examples worked by hand are in docs/money.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from streams.components import UNTAXED, Component, counted_lines, expected
from streams.money import TaxInside, largest_remainder, round_half_up_div, spoken
from streams.refund import Refund
from streams.returns import Return
from streams.vocabulary import ErrorKind, Owner

AMOUNT_ONLY: Final = ("adjustment", "goodwill")
EXTRAS: Final = ("bonus", "goodwill")  # given on top of what was paid for the order (I5)
CLOSED: Final = frozenset({"accepted", "partly_accepted", "rejected", "cancelled"})
"""States in which nothing more is decided about a return's lines."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Refunds and components agree as far as can be said now."""

    expected: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Refunds do not come to what they should. `by` is in minor units of `currency`: above zero is too much."""

    reason: Literal["more", "less", "negative", "currency", "over-paid"]
    by: int
    currency: str
    sentence: str
    owner: Owner = Owner.FINANCE
    kind: ErrorKind = ErrorKind.MISMATCH


def tolerance_of(ret: Return, per_line: int) -> int:
    """The return's tolerance in minor units: so much for each line that counts."""
    return per_line * counted_lines(ret)


def check(
    ret: Return, pieces: Iterable[Component], *, per_line: int = 1, overdue: bool = False
) -> Agreement | Mismatch:
    """The goods refunds, pending or paid, against what the return comes to (R06).

    Too much is told once a goods refund is paid; too little only when the return is closed and no refund is under way,
    or when it is `overdue` (its progress deadline has passed). A refund with a fault is left out and is under way.
    """
    due, tolerance = expected(pieces), tolerance_of(ret, per_line)
    goods = [refund for refund in ret.refunds if refund.kind == "goods" and not refund.fault]
    foreign = next((refund for refund in goods if refund.currency != ret.currency and refund.state != "failed"), None)
    if foreign is not None:
        sentence = (
            f"Refund {foreign.refund_id} is {spoken(foreign.amount, foreign.currency)}, "
            f"but return {ret.return_id} is in {ret.currency}: currencies are never mixed on one document."
        )
        return Mismatch("currency", foreign.amount, foreign.currency, sentence)
    refunded = sum(refund.amount for refund in goods if refund.state in ("pending", "paid"))
    if due < -tolerance:
        sentence = (
            f"The lines of return {ret.return_id} come to {spoken(due, ret.currency)}: "
            "there is nothing to refund, so no credit note is made."
        )
        return Mismatch("negative", refunded - due, ret.currency, sentence, Owner.CX)
    if not any(refund.state == "paid" for refund in goods):
        return Agreement(due, refunded)
    off = refunded - due
    told = f"Reveni refunded {spoken(refunded, ret.currency)}, its lines come to {spoken(due, ret.currency)}"
    if off > tolerance:
        return Mismatch("more", off, ret.currency, f"{told}: {spoken(off, ret.currency)} too much.")
    under_way = any(refund.fault or refund.state not in ("paid", "failed") for refund in ret.refunds)
    if -off > tolerance and (overdue or (ret.state in CLOSED and not under_way)):
        return Mismatch("less", off, ret.currency, f"{told}: {spoken(-off, ret.currency)} too little.")
    return Agreement(due, refunded)


@dataclass(frozen=True, slots=True)
class NoteLine:
    """What a note credits of one component. `quantity` counts units that no earlier note counted: it may be 0."""

    component_key: str
    kind: str  # line | exchange | shipping | bonus | fee | adjustment | goodwill
    line_id: str
    sku: str
    quantity: int
    amount: int
    tax: int
    tax_code: str


_NOTE_LINE = tuple(field.name for field in fields(NoteLine))


@dataclass(frozen=True, slots=True)
class NotePlan:
    """The lines of one credit note; they come to `amount`, in minor units of `currency`."""

    refund_id: str
    amount: int
    lines: tuple[NoteLine, ...]
    currency: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the row while the note is frozen."""
        lines = [{name: getattr(line, name) for name in _NOTE_LINE} for line in self.lines]
        return {"refund_id": self.refund_id, "amount": self.amount, "lines": lines, "currency": self.currency}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> NotePlan:
        lines = tuple(NoteLine(**line) for line in raw["lines"])
        return cls(raw["refund_id"], raw["amount"], lines, raw.get("currency", ""))


def cap(plan: NotePlan, paid: Mapping[str, int], earlier: Iterable[NotePlan]) -> Mismatch | None:
    """Whether a note would credit more than was paid for the order, bonuses and goodwill apart (R07, I5).

    `paid` by currency, for the whole order; `earlier` are the order's other notes, over all returns, reversed ones left
    out. Each currency stands for itself.
    """
    credited = sum(_without_extras(note) for note in earlier if note.currency == plan.currency)
    whole, most = credited + _without_extras(plan), paid.get(plan.currency, 0)
    if whole <= most or _without_extras(plan) <= 0:
        return None
    sentence = (
        f"With this note {spoken(whole, plan.currency)} would be credited for the order, for which "
        f"{spoken(most, plan.currency)} was paid: {spoken(whole - most, plan.currency)} too much."
    )
    return Mismatch("over-paid", whole - most, plan.currency, sentence)


def _without_extras(plan: NotePlan) -> int:
    return sum(line.amount for line in plan.lines if line.kind not in EXTRAS)


def chain(refund_id: str) -> Iterator[str]:
    """The subjects of a refund's notes: itself, then its supplements `~2`, `~3`, ..."""
    yield refund_id
    number = 2
    while True:
        yield f"{refund_id}~{number}"
        number += 1


def allocate(
    pieces: Sequence[Component],
    refunds: Iterable[Refund],
    frozen: Mapping[str, NotePlan],
    *,
    currency: str,
    tolerance: int = 0,
    taxes: Mapping[str, TaxInside] | None = None,
    reversed_subjects: Collection[str] = (),
) -> dict[str, NotePlan]:
    """The plan of every note, by subject: the frozen ones as they are, and one for what each refund still lacks.

    Faulty and failed refunds, those of unknown kinds, and goods refunds in another currency than the return's get none.
    `tolerance` is the whole return's, in minor units. `taxes` by kind (adjustment, goodwill: `Profile.item_taxes`).
    `reversed_subjects` are used up and credit nothing; they are not in `frozen`.
    """
    plans = dict(frozen)
    usable = sorted((r for r in refunds if not r.fault and r.state != "failed"), key=lambda refund: refund.order)
    spread = _Spread(pieces, frozen.values(), tolerance, taxes or {})
    open_notes = []
    for refund in usable:
        earlier, subject = 0, refund.refund_id
        for name in chain(refund.refund_id):
            subject = name
            if name in frozen:
                earlier += frozen[name].amount
            elif name not in reversed_subjects:
                break
        if refund.amount > earlier:
            open_notes.append((subject, refund, refund.amount - earlier))
    goods = [note for note in open_notes if note[1].kind == "goods" and note[1].currency == currency]
    for position, (subject, refund, amount) in enumerate(goods):
        reserved = refund.method != "store_credit" and any(
            later.method == "store_credit" for _, later, _ in goods[position + 1 :]
        )
        lines = spread.over(amount, bonuses_first=refund.method == "store_credit", bonuses_last=reserved)
        plans[subject] = NotePlan(refund.refund_id, amount, lines, currency)
    for subject, refund, amount in open_notes:
        if refund.kind in AMOUNT_ONLY:
            line = _amount_only(refund.kind, amount, taxes or {})
            plans[subject] = NotePlan(refund.refund_id, amount, (line,), refund.currency)
    return plans


class _Spread:
    """What each component still has, as notes take from it."""

    def __init__(
        self,
        pieces: Sequence[Component],
        frozen: Iterable[NotePlan],
        tolerance: int,
        taxes: Mapping[str, TaxInside],
    ) -> None:
        self._pieces, self._tolerance, self._taxes = pieces, tolerance, taxes
        self._credited: Counter[str] = Counter()
        self._taxed: Counter[str] = Counter()
        self._units: Counter[str] = Counter()
        for plan in frozen:
            for line in plan.lines:
                self._book(line)

    def over(self, amount: int, *, bonuses_first: bool, bonuses_last: bool) -> tuple[NoteLine, ...]:
        rest = {piece.key: self._rest(piece) for piece in self._pieces}
        bonuses = {piece.key for piece in self._pieces if piece.kind == "bonus"}
        taken: Counter[str] = Counter()
        whole = sum(rest.values())
        if self._pieces and abs(amount - whole) <= self._tolerance:
            taken.update(rest)
            taken[self._largest(rest)] += amount - whole
            left = 0
        else:
            extra = [key for key in rest if key in bonuses]
            plain = [key for key in rest if key not in bonuses]
            pools = [extra, plain] if bonuses_first else [plain, extra] if bonuses_last else [list(rest)]
            left = amount
            for pool in pools:
                left -= _take(left, [(key, rest[key]) for key in pool], taken)
        lines = [self._line(piece, taken[piece.key]) for piece in self._pieces if taken[piece.key]]
        if left:
            # More than all components have: posted only where a person or the profile said so, and never as goods.
            lines.append(_amount_only("adjustment", left, self._taxes))
        for line in lines:
            self._book(line)
        return tuple(lines)

    def _rest(self, piece: Component) -> int:
        """What is left of a component; one that shrank below what was credited has nothing left, not less."""
        rest = piece.amount - self._credited[piece.key]
        return max(rest, 0) if piece.amount >= 0 else min(rest, 0)

    def _largest(self, rest: Mapping[str, int]) -> str:
        return max(self._pieces, key=lambda piece: (rest[piece.key], piece.amount)).key

    def _line(self, piece: Component, amount: int) -> NoteLine:
        tax = piece.tax_of(self._credited[piece.key] + amount) - self._taxed[piece.key]
        units = max(0, piece.quantity - self._units[piece.key]) if piece.line_id else 1
        return NoteLine(piece.key, piece.kind, piece.line_id, piece.sku, units, amount, tax, piece.tax_code)

    def _book(self, line: NoteLine) -> None:
        self._credited[line.component_key] += line.amount
        self._taxed[line.component_key] += line.tax
        self._units[line.component_key] += line.quantity


def _take(amount: int, rest: Sequence[tuple[str, int]], taken: Counter[str]) -> int:
    """Take up to `amount` from a pool; what was taken."""
    whole = sum(size for _, size in rest)
    if amount <= 0 or whole <= 0:
        return 0
    shares = dict(rest) if amount >= whole else largest_remainder(amount, rest)
    taken.update(shares)
    return min(amount, whole)


def _amount_only(kind: str, amount: int, taxes: Mapping[str, TaxInside]) -> NoteLine:
    """A line that credits an amount and no goods."""
    rate = taxes.get(kind, UNTAXED)
    return NoteLine(kind, kind, "", "", 1, amount, round_half_up_div(rate.part * amount, rate.of), rate.code)
