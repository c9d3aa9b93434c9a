"""Which row of a stored order a line was sold on: one rule, for everybody who has to know.

By the channel's line id, else by SKU, else by SKU and price. An id that is empty equals nothing. Rows that nothing
tells apart share their units: which of them one stands on makes no difference to any amount.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from streams.money import InvalidMoney, shown_minor

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """What a line says about the order line it was sold on. Amounts are in minor units, tax inside, for `units`."""

    line_id: str
    """The channel's; empty where nobody told it."""
    is_item: Callable[[Row], bool]
    """Whether a row's item is the one that the line names."""
    value: int | None = None
    tax: int | Fraction | None = None
    units: int = 1


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows a line may have been sold on, the best first. Not `certain`: they differ, and its price fits none."""

    rows: tuple[Row, ...] = ()
    certain: bool = True

    @property
    def first(self) -> str:
        """One name for all of them: the lowest line number; empty where there is none."""
        numbers = (str(row["order_line"]) for row in self.rows)
        return min(numbers, key=lambda number: (len(number), number), default="")


def rows_for(rows: Sequence[Row], named: Named, currency: str, tolerance: int = 1) -> Rows:
    """The order's rows of a line; several are certain where each has the line's price.

    `tolerance` is what the price and the tax of one unit may be off, in minor units.
    """
    found = [row for row in rows if named.line_id and row.get("order_line_id") == named.line_id]
    of_item: list[Row] = []
    if len(found) != 1:
        of_item = [row for row in found or rows if named.is_item(row)]
        # A row that names another order line stands back behind one that names none.
        found = [row for row in of_item if row.get("order_line_id") in (None, "", named.line_id)] or of_item or found
    if len(found) < 2:
        return Rows(tuple(found))
    gaps = [(gap, row) for row in found if (gap := _gap(row, named, currency)) is not None]
    # Less than one is the rounding of a share.
    fitting = sorted((entry for entry in gaps if max(entry[0]) < tolerance + 1), key=lambda entry: entry[0])
    if fitting:
        nearest = tuple(row for _, row in fitting)
        return Rows(nearest, certain=bool(of_item) or len({row.get("sku") for row in nearest}) == 1)
    return Rows(tuple(found), certain=_alike(found, currency))


def unit_price(row: Row, currency: str, what: str = "amount") -> Fraction | None:
    """What one unit of a row was sold for (`what`: amount or tax), exactly; None where the row does not say."""
    units = int(row["quantity"])
    try:
        return Fraction(shown_minor(row.get(what), currency), units) if units else None
    except InvalidMoney:
        return None


def _gap(row: Row, named: Named, currency: str) -> tuple[Fraction, Fraction] | None:
    """How far a row's price and tax are from the line's, for one unit; None where nothing can be compared."""
    if named.value is None:
        return None
    price, tax = unit_price(row, currency), unit_price(row, currency, "tax")
    if price is None:
        return None
    off_tax = Fraction(0)
    if named.tax is not None and tax is not None:
        off_tax = abs(Fraction(named.tax) / named.units - tax)
    return abs(Fraction(named.value, named.units) - price), off_tax


def _alike(rows: Sequence[Row], currency: str) -> bool:
    """Whether it makes no difference on which of the rows a line stands."""
    first, *others = ((row.get("sku"), unit_price(row, currency), unit_price(row, currency, "tax")) for row in rows)
    return all(other == first for other in others)


def allot(places: Sequence[tuple[str, int]], units: int, before: Mapping[str, int] | None = None) -> dict[str, int]:
    """So many units over places, given with their room: by place, how many.

    What stood somewhere `before` stays there while there is room. The rest goes to the one place that it fills best, or
    where no single one has room, to one after the other; what has room nowhere goes to the last.
    """
    room = {place: max(0, left) for place, left in places}
    found: dict[str, int] = {}

    def put(place: str, most: int) -> None:
        nonlocal units
        count = min(most, units)
        if count > 0:
            found[place] = found.get(place, 0) + count
            room[place] -= count
            units -= count

    for place in room:
        put(place, min((before or {}).get(place, 0), room[place]))
    single = min((place for place in room if room[place] >= units), key=lambda place: room[place], default=None)
    for place in (single,) if single is not None else tuple(room):
        put(place, room[place])
    if room:
        put(list(room)[-1], units)
    return found
