"""The original order as the account keeps it, and which of its lines a return is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from streams.case import Case
from streams.documents.sold import as_sold, is_service
from streams.money import round_half_up_div, spoken
from streams.order_lines import Named, Rows, rows_for, unit_price
from streams.returns import Return, ReturnLine
from streams.verdicts import Held, hold, skip
from streams.vocabulary import DocumentKind, ErrorKind, Owner

CLOSED_RETURN = frozenset({"rejected", "cancelled"})
ARRIVED = frozenset({"received", "for_review", "accepted", "partly_accepted"})


def snapshot(case: Case, return_id: str) -> Mapping[str, Any]:
    """The original order, read once for each return, so that the history it is checked against is of its own time."""
    answer = case.ask(
        DocumentKind.ORDER_SNAPSHOT,
        f"order/{return_id}",
        {"order_id": case.order_name()},
        return_id=return_id,
    )
    name = case.order_name()
    if answer.get("found") == 0:
        raise hold(
            ErrorKind.NOT_FOUND,
            Owner.OPERATIONS,
            f"Order {name} is not in {case.title}; it may be archived or have another number.",
        )
    if answer.get("found") != 1:
        raise hold(
            ErrorKind.NOT_FOUND,
            Owner.OPERATIONS,
            f"{answer.get('found')} orders in {case.title} are called {name}; name the one that is meant.",
        )
    if answer.get("status") == "archived":
        raise hold(ErrorKind.NOT_FOUND, Owner.OPERATIONS, f"Order {name} is archived in {case.title}.")
    return answer


def in_scope(case: Case, ret: Return) -> None:
    """L01: a return whose news all date from before the cut-over belongs to whoever handled it then."""
    start = case.profile.merchant.start_from
    if start is not None and case.latest_news(ret.return_id) < start:
        raise skip("before the cut-over date")


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the order that units of a returned line may stand on, by the account's own line number."""

    number: str
    sold: int  # units that may come back: fulfilled ones
    bought: int
    kit: Mapping[str, Any] | None = None  # the bundle's row, where this is one of its parts
    each: int = 1  # units in one bundle
    nth: int = 1  # which of the bundle's parts of this SKU


@dataclass(frozen=True, slots=True)
class Matched:
    """A returned line and the order line it was sold on: several rows where nothing tells them apart."""

    line: ReturnLine
    rows: tuple[Mapping[str, Any], ...]
    sku: str  # as the account calls it now; the bundle's, where only a part came back
    part: str | None = None  # what the part that came back is called now
    places: tuple[Place, ...] = ()

    @property
    def order_line(self) -> Mapping[str, Any]:
        return self.rows[0]

    def row_of(self, number: str) -> Mapping[str, Any]:
        """The row that a document's line of this number stands on; the bundle's where it is a part of one."""
        for place in self.places:
            if place.number == number:
                return place.kit or next(row for row in self.rows if str(row["order_line"]) == number)
        return self.order_line

    @property
    def is_service(self) -> bool:
        return is_service(self.order_line)

    @property
    def sold(self) -> int:
        """Units that may come back: fulfilled ones, in component units for a part."""
        return sum(place.sold for place in self.places)

    @property
    def bought(self) -> int:
        return sum(place.bought for place in self.places)


def sold_on(case: Case, order: Mapping[str, Any], line: ReturnLine, currency: str) -> Rows:
    """The rows of the order that a returned line was sold on, by the one rule there is."""
    code = _code(case, line)
    rows = as_sold(order, currency)
    by_name = any(case.same_sku(row["sku"], line.sku) for row in rows)

    def is_item(row: Mapping[str, Any]) -> bool:
        return case.same_sku(row["sku"], line.sku) if by_name else code is not None and row.get("item") == code

    value, units = (line.unit_price, 1) if line.line_total is None else (line.line_total, line.quantity)
    if line.component_sku is not None:
        value, units = line.unit_price, 1  # the bundle's; a line total would be the part's
    tax = Fraction(line.tax_amount * units, line.quantity) if line.quantity else None
    named = Named(line.order_line_id, is_item, value, tax, units)
    return rows_for(rows, named, currency, case.profile.tolerances.minor_units_per_line)


def _code(case: Case, line: ReturnLine) -> str | None:
    """The account's own code of the item, where the profile says one."""
    return case.profile.skus.get(case.sku_name(line.sku), {}).get(case.account)


def parts_of(case: Case, rows: Iterable[Mapping[str, Any]], sku: str) -> tuple[Place, ...]:
    """The places of one part of the bundles that stand on these rows, each part as the order stored it."""
    places: dict[str, Place] = {}
    for row in rows:
        same = [part for part in row["components"] if case.same_sku(str(part.get("sku")), sku)]
        for nth, part in enumerate(same, 1):
            number, each = str(part.get("order_line") or row["order_line"]), int(part["quantity"])
            if number in places:  # parts that have no row of their own stand on the bundle's
                nth, each = places[number].nth, each + places[number].each
            places[number] = Place(number, int(row["fulfilled"]) * each, int(row["quantity"]) * each, row, each, nth)
    return tuple(places.values())


def match(case: Case, order: Mapping[str, Any], line: ReturnLine, currency: str) -> Matched | Held:
    """The order line of a returned line, or why there is none."""
    sku = case.sku_name(line.sku)
    found = sold_on(case, order, line, currency)
    if not found.rows:
        return Held(
            ErrorKind.NOT_FOUND,
            f"Line {line.line_id} ({line.sku}) was not bought on order {case.order_name()}.",
            Owner.OPERATIONS,
            part=line.line_id,
        )
    if not found.certain:
        return Held(ErrorKind.NOT_FOUND, _several(case, found, line, currency), Owner.OPERATIONS, part=line.line_id)
    entry = found.rows[0]
    mapped = sku != line.sku  # an operator said for this order what the item is called now (R16)
    code = _code(case, line)
    if entry["sku"] != sku and not mapped and (code is None or entry.get("item") != code):
        return Held(
            ErrorKind.UNMAPPED,
            f"Line {line.line_id} was sold as {entry['sku']}, the return says {line.sku}: say which item it is now.",
            Owner.ECOMMERCE,
            mapping_key=f"skus.{line.sku}",
            part=line.line_id,
        )
    if entry.get("active") is False and not mapped:
        return Held(
            ErrorKind.UNMAPPED,
            f"Item {entry['sku']} of line {line.line_id} is archived in {case.title}: say which item it is now.",
            Owner.ECOMMERCE,
            mapping_key=f"skus.{line.sku}",
            part=line.line_id,
        )
    if line.component_sku is None:
        places = (Place(str(row["order_line"]), int(row["fulfilled"]), int(row["quantity"])) for row in found.rows)
        return Matched(line, found.rows, sku, None, tuple(places))
    parts = parts_of(case, found.rows, line.component_sku)
    if not parts:
        return Held(
            ErrorKind.NOT_FOUND,
            f"Order line {entry['order_line']} has no stored component {line.component_sku}; "
            "a bundle is taken apart by its definition at the time of sale only.",
            Owner.ECOMMERCE,
            part=line.line_id,
        )
    return Matched(line, found.rows, sku, case.sku_name(line.component_sku), parts)


def _several(case: Case, found: Rows, line: ReturnLine, currency: str) -> str:
    """Why it cannot be said which row of the order it is."""
    count = {2: "two", 3: "three"}.get(len(found.rows), str(len(found.rows)))
    shown = []
    for row in found.rows:
        price = unit_price(row, currency)
        each = "no price" if price is None else spoken(round_half_up_div(*price.as_integer_ratio()), currency)
        shown.append(f"{row['order_line']} at {each}")
    return (
        f"Line {line.line_id} ({line.sku}) stands on {count} lines of order {case.order_name()} ({', '.join(shown)}), "
        f"and its price of {spoken(line.unit_price, currency)} is that of none: correct the price, or give the order's "
        "lines the channel's line ids."
    )


def services(case: Case, ret: Return, order: Mapping[str, Any]) -> dict[str, str]:
    """The return's lines that were billed and never sent, by line id: the order's line, or lines, it was sold on."""
    found: dict[str, str] = {}
    for line in ret.lines:
        matched = match(case, order, line, ret.currency)
        if isinstance(matched, Matched) and matched.is_service:
            found[line.line_id] = ",".join(sorted(str(row["order_line"]) for row in matched.rows))
    return found


def known_services(case: Case, ret: Return) -> dict[str, str]:
    """The same, as far as the order has been read: nothing is asked for its sake."""
    order = case.answered(DocumentKind.ORDER_SNAPSHOT, f"order/{ret.return_id}")
    return services(case, ret, order) if order is not None and order.get("found") == 1 else {}


def expect_currency(case: Case, order: Mapping[str, Any], currency: str, what: str) -> None:
    """R21: currencies are never mixed on one document."""
    if order.get("currency") not in (None, "", currency):
        raise hold(
            ErrorKind.MISMATCH,
            Owner.FINANCE,
            f"{what} is in {currency}, order {case.order_name()} in {case.title} is in {order['currency']}.",
        )
