"""Returns that the account already holds for an order, in units of the order's own lines (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.netsuite.options import CustomFields, custom_of
from adapters.netsuite.records import (
    flag_of,
    gross_of,
    is_closed,
    key_of,
    money_text,
    name_of,
    number_of,
    rows_of,
    status_of,
    text_of,
)
from adapters.netsuite.rows import is_member
from streams.bodies import EarlierLine, EarlierReturn, OrderLine
from streams.money import InvalidMoney, to_minor
from streams.order_lines import Named, allot, rows_for

Record = Mapping[str, Any]


def earlier_returns(
    authorisations: Sequence[Record], lines: Sequence[OrderLine], currency: str, fields: CustomFields
) -> list[EarlierReturn]:
    """Each authorisation by order line. One that names no line of the order takes what the others leave."""
    counted = [(one, list(_counted(one))) for one in authorisations]
    places = _places(lines)
    room = Counter({place["order_line"]: int(place["quantity"]) for place in places})
    for row, units in (entry for _, rows in counted for entry in rows):
        if number := key_of(row.get("orderLine")):
            room[number] -= units
    answers: list[EarlierReturn] = []
    for one, rows in counted:
        held: list[EarlierLine] = []
        for row, units in rows:
            sku = name_of(row.get("item")).rpartition(" : ")[2]
            for number, count in _stands_on(row, units, places, room, currency, fields).items():
                held.append({"order_line": number, "sku": sku, "quantity": count})
        answers.append(_answer(one, held))
    return answers


def _answer(authorisation: Record, held: list[EarlierLine]) -> EarlierReturn:
    status = name_of(status_of(authorisation)).casefold()
    if is_closed(authorisation):
        status = "closed after receipt" if held else "closed"
    return {
        "number": text_of(authorisation.get("id")),
        "external_ref": text_of(authorisation.get("externalId")),
        "status": status,
        "lines": held,
    }


def _counted(authorisation: Record) -> Iterator[tuple[Record, int]]:
    """The rows that hold units, and how many: a closed one holds only those that came in before."""
    rows, closed = rows_of(authorisation), is_closed(authorisation)
    for row in rows:
        if any(is_member(row, kit) for kit in rows):
            continue  # its bundle's row counts it
        units = number_of(row.get("quantityReceived" if closed or flag_of(row.get("isClosed")) else "quantity"))
        if units:
            yield row, int(units)


def _places(lines: Sequence[OrderLine]) -> list[dict[str, Any]]:
    """All rows of the order that units can stand on: its lines, then the parts of its bundles."""
    parts = [
        {
            "order_line": part["order_line"],
            "order_line_id": line["order_line_id"],
            "item": part["item"],
            "quantity": line["quantity"] * part["quantity"],
            "is_part_of": line["order_line"],
        }
        for line in lines
        for part in line["components"]
    ]
    return [*(dict(line) for line in lines), *parts]


def _stands_on(
    row: Record,
    units: int,
    places: Sequence[Mapping[str, Any]],
    room: Counter[str],
    currency: str,
    fields: CustomFields,
) -> dict[str, int]:
    """By line of the order, how many of a row's units; a line that is full gives way to the next of its like."""
    if number := key_of(row.get("orderLine")):
        return {number: units}
    item, part_only = key_of(row.get("item")), bool(key_of(row.get("kitMemberOf")))
    named = Named(
        text_of(custom_of(row, fields.order_line_id)),
        lambda place: place.get("item") == item and (not part_only or "is_part_of" in place),
        _minor(gross_of(row), currency),
        _minor(number_of(row.get("tax1Amt")), currency),
        int(number_of(row.get("quantity")) or units),
    )
    found = rows_for(places, named, currency).rows
    counts = allot([(str(place["order_line"]), room[str(place["order_line"])]) for place in found], units)
    room.subtract(counts)
    return counts or {"": units}


def _minor(amount: Decimal | None, currency: str) -> int | None:
    try:
        return None if amount is None else to_minor(money_text(amount, currency), currency)
    except InvalidMoney:
        return None
