"""What a return comes to, piece by piece: returned lines, exchanged lines, shipping, bonuses and fees (CONTRACTS 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from streams.bundles import Bundle, NotDivisible, part_value
from streams.money import TaxInside, round_half_up_div
from streams.reading import nonsense
from streams.returns import Charge, Replacement, Return, ReturnLine
from streams.vocabulary import ErrorKind, Owner

MODES: Final = ("instant", "standard")
UNTAXED: Final = TaxInside("", 0, 1)


class Uncountable(Exception):
    """It cannot be said what a return comes to."""

    def __init__(self, kind: ErrorKind, owner: Owner, sentence: str, line_id: str = "") -> None:
        super().__init__(sentence)
        self.kind, self.owner, self.sentence, self.line_id = kind, owner, sentence, line_id


@dataclass(frozen=True, slots=True)
class Component:
    """One piece of what a return comes to. `amount` has its sign (a fee's is negative), tax inside."""

    key: str
    kind: str  # line | exchange | shipping | bonus | fee
    amount: int
    line_id: str = ""
    sku: str = ""
    quantity: int = 1
    rate: TaxInside = UNTAXED

    @property
    def tax(self) -> int:
        return self.tax_of(self.amount)

    @property
    def tax_code(self) -> str:
        return self.rate.code

    def tax_of(self, credited: int) -> int:
        """The tax inside the first `credited` minor units; notes post the differences, so that they add up."""
        return round_half_up_div(self.rate.part * credited, self.rate.of)


def counted_quantity(ret: Return, line: ReturnLine) -> int:
    """The units that count: all from the start in instant mode, else (also in a mode not known) those accepted."""
    if line.fault:
        return 0
    if ret.mode == "instant":
        return line.quantity
    if line.accepted_quantity is not None:
        return line.accepted_quantity
    return line.quantity if line.verdict == "accepted" else 0


def counted_lines(ret: Return) -> int:
    """How many lines count: the tolerance is given for each."""
    return sum(1 for line in ret.lines if counted_quantity(ret, line) > 0)


def components(
    ret: Return, bundles: Mapping[str, Bundle] | None = None, taxes: Mapping[str, TaxInside] | None = None
) -> tuple[Component, ...]:
    """The pieces in the order in which ties are broken: lines by id, then shipping, bonuses, fees.

    `bundles` by line_id, needed where only a part of a bundle comes back; `taxes` by kind (shipping, bonus, fee:
    `Profile.item_taxes`), a kind that is not there is taken without tax. Raises `Uncountable`.
    """
    if ret.money_fault:
        raise Uncountable(ErrorKind.INVALID, Owner.ENGINEERING, ret.money_fault)
    if ret.mode not in MODES:
        raise _senseless(f"return {ret.return_id} has mode {ret.mode[:40] or '(none)'}, which is not known")
    exchanged = {line.line_id for line in ret.lines if line.request == "exchange"}
    for replacement in ret.replacements:
        if replacement.replaces_line_id not in exchanged:
            raise _senseless(f"a replacement names line {replacement.replaces_line_id[:64]}, which is not exchanged")
    prices = _Prices(bundles or {})
    pieces = [
        piece
        for line in sorted(ret.lines, key=lambda line: line.line_id)
        if (piece := _line(ret, line, prices)) is not None
    ]
    taxes = taxes or {}
    if ret.shipping_refund:
        pieces.append(Component("shipping", "shipping", ret.shipping_refund, rate=taxes.get("shipping", UNTAXED)))
    pieces.extend(_charges("bonus", 1, ret.bonuses, taxes))
    if counted_lines(ret):
        pieces.extend(_charges("fee", -1, ret.fees, taxes))
    return tuple(pieces)


def expected(pieces: Iterable[Component]) -> int:
    """What the return comes to."""
    return sum(piece.amount for piece in pieces)


class _Prices:
    """What units of a line are worth; parts of one bundle on several lines are counted on from each other."""

    def __init__(self, bundles: Mapping[str, Bundle]) -> None:
        self._bundles = bundles
        self._counted: Counter[tuple[str, str]] = Counter()

    def of(self, line: ReturnLine, units: int) -> int:
        if line.line_total is not None:
            return round_half_up_div(line.line_total * units, line.quantity)
        if line.component_sku is None:
            return line.unit_price * units
        stored = self._bundles.get(line.line_id, Bundle(()))
        place = (stored.name or line.line_id, line.component_sku)
        before = stored.counted_before.get(line.component_sku, 0) + self._counted[place]
        self._counted[place] += units
        try:
            return part_value(
                line.unit_price, replace(stored, counted_before={line.component_sku: before}), line.component_sku, units
            )
        except NotDivisible as reason:
            sentence = f"Line {line.line_id}: {reason.sentence}"
            raise Uncountable(reason.kind, reason.owner, sentence, line.line_id) from None


def _line(ret: Return, line: ReturnLine, prices: _Prices) -> Component | None:
    counted = counted_quantity(ret, line)
    if not counted:
        return None
    sku = line.component_sku or line.sku
    rate = TaxInside(line.tax_code, line.tax_amount, line.value) if line.value else TaxInside(line.tax_code, 0, 1)
    match line.request:
        case "return":
            value = prices.of(line, counted)
            return Component(f"line:{line.line_id}", "line", value, line.line_id, sku, counted, rate)
        case "exchange":
            shared = replaced(ret, line)
            units = sum(taken for _, taken in shared)
            price = sum(taken * replacement.unit_price for replacement, taken in shared)
            value = prices.of(line, units) - price if units else 0
            if value == 0:
                return None
            return Component(f"exchange:{line.line_id}", "exchange", value, line.line_id, sku, units, rate)
        case unknown:
            asked = unknown[:40] or "(nothing)"
            raise _senseless(f"line {line.line_id} asks for {asked}, which is not known", line.line_id)


def replaced(ret: Return, line: ReturnLine) -> list[tuple[Replacement, int]]:
    """The replacements of a line, each with the units of the line that it stands for: shared out in their order."""
    left, found = counted_quantity(ret, line), []
    for replacement in ret.replacements:
        if replacement.replaces_line_id == line.line_id:
            taken = min(left, replacement.quantity)
            found.append((replacement, taken))
            left -= taken
    return found


def _charges(kind: str, sign: int, charges: Iterable[Charge], taxes: Mapping[str, TaxInside]) -> Iterator[Component]:
    """Keyed by the charge's own kind, so that a list in another order gives the same keys."""
    seen: Counter[str] = Counter()
    for charge in sorted(charges, key=lambda charge: (charge.kind, charge.amount)):
        seen[charge.kind] += 1
        if charge.amount:
            key = f"{kind}:{charge.kind}" + (f"~{seen[charge.kind]}" if seen[charge.kind] > 1 else "")
            yield Component(key, kind, sign * charge.amount, rate=taxes.get(kind, UNTAXED))


def _senseless(what: str, line_id: str = "") -> Uncountable:
    return Uncountable(ErrorKind.INVALID, Owner.ENGINEERING, nonsense(what), line_id)
